// Streams and futures in coroutines. Built as C++20 where the compiler has it; empty otherwise.
#include "support.hpp"

#include <cmabi.hpp>

#if defined(__cpp_impl_coroutine)

#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>

namespace {

using Bytes = std::vector<std::uint8_t>;

// A coroutine that begins at once and that nobody waits for. Destroying it ends it where it is.
class Job {
public:
    struct promise_type {
        Job get_return_object() { return Job(std::coroutine_handle<promise_type>::from_promise(*this)); }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { thrown = std::current_exception(); }
        std::exception_ptr thrown;
    };

    Job(Job &&other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
    ~Job() {
        if (coroutine_) {
            coroutine_.destroy();
        }
    }
    bool done() const { return coroutine_.done(); }
    std::exception_ptr thrown() const { return coroutine_.promise().thrown; }

private:
    explicit Job(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}

    std::coroutine_handle<promise_type> coroutine_;
};

Job feed(cmabi::stream_writer<std::uint8_t> writer, std::size_t chunks) {
    for (std::size_t i = 0; i < chunks; ++i) {
        if (co_await writer.send(Bytes(5, static_cast<std::uint8_t>(i))) < 5) {
            break;
        }
    }
}

Job collect(cmabi::stream_reader<std::uint8_t> reader, Bytes &all) {
    for (;;) {
        const Bytes some = co_await reader.next(3);
        if (some.empty()) {
            break;
        }
        all.insert(all.end(), some.begin(), some.end());
    }
}

Job wait_for(cmabi::future_reader<std::string> future, std::string &value) { value = co_await future; }

struct Guest {
    cmabi::engine engine;
    cmabi::store store{engine};
    cmabi::instance instance =
        cmabi::linker(engine).instantiate(store, cmabi::component(engine, GUEST_DIR "/pipes.wasm"));
};

} // namespace

TEST_CASE("a source and a sink around a guest") {
    Guest guest;
    using Reader = cmabi::stream_reader<std::uint8_t>;
    auto in = cmabi::make_stream<std::uint8_t>(guest.store);
    const auto twice = guest.instance.func<Reader(Reader)>("double");
    Bytes all;
    const Job sink = collect(twice(std::move(in.reader)), all);
    const Job source = feed(std::move(in.writer), 10);
    CHECK(!sink.done());
    guest.store.run();
    CHECK(source.done());
    // What a coroutine was given goes with it.
    CHECK(!sink.done());
    CHECK(all.size() == 50);
    CHECK(all[49] == 18);
}

TEST_CASE("a coroutine that reads or writes gets what has ended the guest") {
    Guest guest;
    using Reader = cmabi::stream_reader<std::uint8_t>;
    auto in = cmabi::make_stream<std::uint8_t>(guest.store);
    const auto twice = guest.instance.func<Reader(Reader)>("double");
    Bytes all;
    const Job sink = collect(twice(std::move(in.reader)), all);
    SUBCASE("that reads") {
        guest.instance.terminate();
        REQUIRE(sink.done());
        CHECK_THROWS_WITH_AS(std::rethrow_exception(sink.thrown()), doctest::Contains("terminated by the host"),
                             cmabi::error);
    }
    SUBCASE("that writes") {
        guest.instance.terminate();
        const Job source = feed(std::move(in.writer), 1);
        REQUIRE(source.done());
        CHECK_THROWS_WITH_AS(std::rethrow_exception(source.thrown()), doctest::Contains("terminated by the host"),
                             cmabi::error);
    }
    CHECK(all.empty());
}

TEST_CASE("a stream that ends") {
    Guest guest;
    auto ends = cmabi::make_stream<std::uint8_t>(guest.store);
    Bytes all;
    const Job sink = collect(std::move(ends.reader), all);
    { const Job source = feed(std::move(ends.writer), 2); }
    guest.store.run();
    CHECK(sink.done());
    CHECK(all == Bytes{0, 0, 0, 0, 0, 1, 1, 1, 1, 1});
}

TEST_CASE("a future") {
    Guest guest;
    auto ends = cmabi::make_future<std::string>(guest.store);
    std::string value;
    const Job job = wait_for(std::move(ends.reader), value);
    CHECK(!job.done());
    ends.writer.set("late");
    guest.store.run();
    CHECK(job.done());
    CHECK(value == "late");

    ends = cmabi::make_future<std::string>(guest.store);
    ends.writer.set("early");
    const Job second = wait_for(std::move(ends.reader), value);
    CHECK(second.done());
    CHECK(value == "early");
}

TEST_CASE("a coroutine that goes while it waits") {
    Guest guest;
    auto ends = cmabi::make_stream<std::uint8_t>(guest.store);
    Bytes all;
    {
        const Job sink = collect(std::move(ends.reader), all);
        CHECK(!sink.done());
    }
    const Bytes byte{1};
    CHECK(ends.writer.write(byte) == 0);
    CHECK(all.empty());
}

TEST_CASE("mistakes are exceptions in the coroutine") {
    Guest guest;
    std::string value;
    const Job job = wait_for(cmabi::future_reader<std::string>(), value);
    CHECK(job.done());
    CHECK_THROWS_AS(std::rethrow_exception(job.thrown()), cmabi::error);
}

TEST_CASE("a coroutine may outlive the reader that it waits for, and be outlived by it") {
    Guest guest;
    const auto wait = [](cmabi::stream_reader<std::uint8_t> &reader) -> cmabi::task<std::size_t> {
        co_return (co_await reader.next(5)).size();
    };
    auto ends = cmabi::make_stream<std::uint8_t>(guest.store);
    SUBCASE("the reader goes") {
        cmabi::task<std::size_t> job;
        {
            const auto reader = std::make_unique<cmabi::stream_reader<std::uint8_t>>(std::move(ends.reader));
            job = wait(*reader);
            CHECK(!job.done());
        }
        CHECK_THROWS_AS(job.get(), cmabi::cancelled);
        CHECK(ends.writer.write(Bytes{1}) == 0);
    }
    SUBCASE("the reader is moved") {
        cmabi::stream_reader<std::uint8_t> moved;
        {
            const auto job = wait(ends.reader);
            moved = std::move(ends.reader);
        }
        ends.writer.write(Bytes{1, 2}, [](std::size_t) {});
        CHECK(moved.read(5) == Bytes{1, 2});
        auto job = wait(moved);
        ends.reader = std::move(moved);
        CHECK(ends.writer.write(Bytes{1, 2, 3}) == 3);
        CHECK(job.get() == 3);
    }
    SUBCASE("the coroutine is cancelled") {
        auto job = wait(ends.reader);
        job.cancel();
        CHECK_THROWS_AS(job.get(), cmabi::cancelled);
        ends.writer.write(Bytes{1}, [](std::size_t) {});
        CHECK(ends.reader.read(5) == Bytes{1});
    }
    SUBCASE("another waits already") {
        auto first = wait(ends.reader), second = wait(ends.reader);
        CHECK_THROWS_AS(second.get(), cmabi::error);
        CHECK(ends.writer.write(Bytes{1}) == 1);
        CHECK(first.get() == 1);
    }
}

TEST_CASE("a coroutine that is cancelled gets what was copied before") {
    Guest guest;
    auto ends = cmabi::make_stream<std::uint8_t>(guest.store);
    const auto send = [](cmabi::stream_writer<std::uint8_t> &writer) -> cmabi::task<std::size_t> {
        const std::size_t sent = co_await writer.send(Bytes(10));
        co_return sent;
    };
    auto job = send(ends.writer);
    CHECK(ends.reader.read(3).size() == 3);
    CHECK(!job.done());
    job.cancel();
    CHECK(job.get() == 3);
}

TEST_CASE("a coroutine goes on where the store is freed") {
    cmabi::task<void> reads, sends, waits;
    cmabi::stream_ends<std::uint8_t> *ends = nullptr;
    {
        Guest guest;
        static std::optional<cmabi::stream_ends<std::uint8_t>> in, out;
        static std::optional<cmabi::future_ends<std::string>> future;
        in.emplace(cmabi::make_stream<std::uint8_t>(guest.store));
        out.emplace(cmabi::make_stream<std::uint8_t>(guest.store));
        future.emplace(cmabi::make_future<std::string>(guest.store));
        ends = &*in;
        reads = []() -> cmabi::task<void> { co_await in->reader.next(1); }();
        sends = []() -> cmabi::task<void> {
            Bytes bytes(5);
            co_await out->writer.send(std::move(bytes));
        }();
        waits = []() -> cmabi::task<void> { co_await future->reader; }();
        CHECK(!reads.done());
    }
    CHECK(!ends->reader);
    CHECK_THROWS_WITH_AS(reads.get(), doctest::Contains("the store was freed"), cmabi::error);
    CHECK_THROWS_WITH_AS(sends.get(), doctest::Contains("the store was freed"), cmabi::error);
    CHECK_THROWS_WITH_AS(waits.get(), doctest::Contains("the store was freed"), cmabi::error);
}

#endif
