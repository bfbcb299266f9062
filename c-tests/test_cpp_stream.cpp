// Streams, futures and error contexts in C++.
#include "support.hpp"

#include <cmabi.hpp>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <stdexcept>

namespace {

using Bytes = std::vector<std::uint8_t>;

// guests/pipes.wat in a store.
struct Pipes {
    cmabi::engine engine;
    cmabi::store store{engine};
    cmabi::instance instance = [this] {
        const cmabi::component component(engine, GUEST_DIR "/pipes.wasm");
        return cmabi::linker(engine).instantiate(store, component);
    }();

    cmabi::stream_reader<std::uint8_t> doubled(cmabi::stream_reader<std::uint8_t> in) {
        return instance.func<cmabi::stream_reader<std::uint8_t>(cmabi::stream_reader<std::uint8_t>)>("double")(
            std::move(in));
    }
};

cmabi_status status_of(const std::function<void()> &body) {
    try {
        body();
    } catch (const cmabi::error &error) {
        INFO(error.what());
        return error.status();
    }
    return CMABI_STATUS_OK;
}

Bytes counting(std::size_t count) {
    Bytes bytes(count);
    std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
    return bytes;
}

using Inner = cmabi::stream_reader<std::uint8_t>;

cmabi::stream_ends<Inner> make_stream_of_streams(cmabi::store &store) {
    return cmabi::make_stream<Inner>(
        store, cmabi::wit("package a:b; interface i { type bytes = stream<u8>; }").type("i/bytes"));
}

} // namespace

TEST_CASE("bytes go through a guest, written while they are read") {
    Pipes pipes;
    auto ends = cmabi::make_stream<std::uint8_t>(pipes.store);
    auto &in = ends.reader;
    auto &writer = ends.writer;
    auto reader = pipes.doubled(std::move(in));
    CHECK(!in);
    CHECK(reader);
    std::optional<std::size_t> written;
    writer.write(counting(100), [&](std::size_t count) {
        written = count;
        writer.drop();
    });
    const Bytes all = reader.read_all();
    CHECK(written == 100);
    CHECK(!writer);
    REQUIRE(all.size() == 100);
    for (std::size_t i = 0; i < all.size(); ++i) {
        CHECK(all[i] == 2 * i);
    }
}

TEST_CASE("blocking and callbacks can be mixed") {
    Pipes pipes;
    auto ends = cmabi::make_stream<std::uint8_t>(pipes.store);
    auto &in = ends.reader;
    auto &writer = ends.writer;
    auto reader = pipes.doubled(std::move(in));
    Bytes got;
    std::function<void(Bytes)> on_read = [&](Bytes bytes) {
        got.insert(got.end(), bytes.begin(), bytes.end());
        if (!bytes.empty()) {
            reader.read(3, on_read);
        }
    };
    reader.read(3, on_read);
    CHECK(writer.write(counting(20)) == 20);
    CHECK(writer.write(std::array<std::uint8_t, 2>{100, 101}) == 2);
    writer.drop();
    pipes.store.run();
    REQUIRE(got.size() == 22);
    CHECK(got[19] == 38);
    CHECK(got[21] == 202);
}

TEST_CASE("a reader that goes ends the writer's work") {
    Pipes pipes;
    auto ends = cmabi::make_stream<std::uint8_t>(pipes.store);
    auto &in = ends.reader;
    auto &writer = ends.writer;
    {
        auto reader = pipes.doubled(std::move(in));
        std::optional<Bytes> told;
        reader.read(10, [&](Bytes bytes) { told = std::move(bytes); });
        reader.cancel();
        pipes.store.run();
        CHECK(!told);
    }
    // It takes one write of the guest's to find out.
    CHECK(writer.write(counting(100)) < 100);
    CHECK(writer.write(counting(1)) == 0);
}

TEST_CASE("a copy that nobody comes for would block") {
    Pipes pipes;
    auto ends = cmabi::make_stream<std::uint8_t>(pipes.store);
    auto &reader = ends.reader;
    auto &writer = ends.writer;
    CHECK(status_of([&] { reader.read(1); }) == CMABI_STATUS_WOULD_BLOCK);
    CHECK(status_of([&] { writer.write(counting(1)); }) == CMABI_STATUS_WOULD_BLOCK);
    // It was taken back.
    writer.write(counting(3), [](std::size_t) {});
    CHECK(reader.read(2) == Bytes{0, 1});
    CHECK(status_of([&] { writer.write(counting(1)); }) == CMABI_STATUS_INVALID_ARGUMENT);
    CHECK(reader.read(2) == Bytes{2});
}

TEST_CASE("strings, lists and counts") {
    Pipes pipes;
    auto strings = cmabi::make_stream<std::string>(pipes.store);
    const std::vector<std::string> words{"plain", "", "\u4e16\u754c"};
    strings.writer.write(words, [](std::size_t count) { CHECK(count == 3); });
    CHECK(strings.reader.read(2) == std::vector<std::string>{"plain", ""});
    CHECK(strings.reader.read(2) == std::vector<std::string>{"\u4e16\u754c"});

    auto lists = cmabi::make_stream<std::vector<std::uint32_t>>(pipes.store);
    lists.writer.write({{1, 2}, {}, {3}}, [](std::size_t count) { CHECK(count == 3); });
    CHECK(lists.reader.read(9) == std::vector<std::vector<std::uint32_t>>{{1, 2}, {}, {3}});

    auto flags = cmabi::make_stream<bool>(pipes.store);
    flags.writer.write({true, false, true}, [](std::size_t count) { CHECK(count == 3); });
    CHECK(flags.reader.read(9) == std::vector<bool>{true, false, true});

    auto ticks = cmabi::make_stream<void>(pipes.store);
    ticks.writer.write(std::vector<std::monostate>(5), [](std::size_t count) { CHECK(count == 5); });
    CHECK(ticks.reader.read(3).size() == 3);
    CHECK(ticks.reader.read(3).size() == 2);

    // Types that C++ does not have all of are given.
    const cmabi::wit wit("package a:b; interface i { type pair = tuple<u8, string>; }");
    auto pairs =
        cmabi::make_stream<std::tuple<std::uint8_t, std::string>>(pipes.store, wit.type("i/pair"));
    pairs.writer.write({{1, "one"}}, [](std::size_t) {});
    CHECK(pairs.reader.read(1) == std::vector<std::tuple<std::uint8_t, std::string>>{{1, "one"}});
    CHECK(status_of([&] { cmabi::make_stream<std::uint8_t>(pipes.store, wit.type("i/pair")); }) ==
          CMABI_STATUS_TYPE_MISMATCH);
}

TEST_CASE("streams in streams") {
    Pipes pipes;
    auto ends = make_stream_of_streams(pipes.store);
    auto &reader = ends.reader;
    auto &writer = ends.writer;
    std::vector<cmabi::stream_writer<std::uint8_t>> writers;
    std::vector<Inner> readers;
    for (int i = 0; i < 3; ++i) {
        auto inner = cmabi::make_stream<std::uint8_t>(pipes.store);
        readers.push_back(std::move(inner.reader));
        writers.push_back(std::move(inner.writer));
    }
    writer.write(std::move(readers), [&](std::size_t count) {
        CHECK(count == 3);
        writer.drop();
    });
    auto got = reader.read(1);
    REQUIRE(got.size() == 1);
    writers[0].write(counting(2), [](std::size_t) {});
    CHECK(got[0].read(5) == counting(2));
    CHECK(pipes.instance.func<std::uint32_t(cmabi::stream_reader<Inner>)>("count")(std::move(reader)) == 2);
    // The guest has dropped them.
    CHECK(writers[2].write(counting(1)) == 0);
}

TEST_CASE("elements in place, when they are wanted") {
    Pipes pipes;
    auto ends = cmabi::make_stream<std::uint8_t>(pipes.store);
    auto &in = ends.reader;
    auto &writer = ends.writer;
    std::uint8_t next = 0;
    std::vector<cmabi::stream_signal> signals;
    writer.watch([&](cmabi::stream_signal signal) {
        signals.push_back(signal);
        if (signal != cmabi::stream_signal::waits) {
            return;
        }
        if (next == 20) {
            writer.drop();
            return;
        }
        const cmabi_copied copied = writer.write_in_place([&](std::uint8_t *room, std::size_t count) {
            CHECK(count == 8);
            std::iota(room, room + 5, next);
            return 5;
        });
        CHECK(copied.count == 5);
        next = static_cast<std::uint8_t>(next + copied.count);
    });
    auto reader = pipes.doubled(std::move(in));
    Bytes all;
    while (reader) {
        const cmabi_copied copied = reader.read_in_place([&](cmabi::list<std::uint8_t> bytes) {
            all.insert(all.end(), bytes.begin(), bytes.end());
            return bytes.size();
        });
        if (copied.result == CMABI_COPY_RESULT_DROPPED) {
            break;
        }
        pipes.store.run();
    }
    REQUIRE(all.size() == 20);
    CHECK(all[19] == 38);
    CHECK(signals == std::vector<cmabi::stream_signal>(5, cmabi::stream_signal::waits));
}

TEST_CASE("futures") {
    Pipes pipes;
    const auto wait = pipes.instance.func<std::string(cmabi::future_reader<std::string>)>("wait");
    {
        auto ends = cmabi::make_future<std::string>(pipes.store);
        auto &reader = ends.reader;
        auto &writer = ends.writer;
        writer.set("at once");
        CHECK(!writer);
        CHECK(wait(std::move(reader)) == "at once");
    }
    {
        auto ends = cmabi::make_future<std::uint32_t>(pipes.store);
        auto &reader = ends.reader;
        auto &writer = ends.writer;
        std::optional<std::uint32_t> got;
        reader.get([&](std::optional<std::uint32_t> value) { got = value; });
        CHECK(!got);
        writer.set(42);
        CHECK(got == 42U);
    }
    {
        auto ends = cmabi::make_future<void>(pipes.store);
        auto &reader = ends.reader;
        auto &writer = ends.writer;
        CHECK(status_of([&] { reader.get(); }) == CMABI_STATUS_WOULD_BLOCK);
        writer.set();
        reader.get();
    }
    {
        // A promise that nobody waits for.
        auto ends = cmabi::make_future<std::string>(pipes.store);
        auto &reader = ends.reader;
        auto &writer = ends.writer;
        reader.drop();
        writer.set("never read");
    }
    auto ends = cmabi::make_future<std::string>(pipes.store);
    ends.writer.set("never read, and the store goes first");
}

TEST_CASE("readers are forwarded to writers") {
    Pipes pipes;
    auto in = cmabi::make_stream<std::uint8_t>(pipes.store), out = cmabi::make_stream<std::uint8_t>(pipes.store);
    auto doubled = pipes.doubled(std::move(in.reader));
    doubled.forward_to(out.writer);
    CHECK(!doubled);
    CHECK(!out.writer);
    in.writer.write(counting(4), [&](std::size_t) { in.writer.drop(); });
    CHECK(out.reader.read_all() == Bytes{0, 2, 4, 6});

    auto first = cmabi::make_future<std::string>(pipes.store), second = cmabi::make_future<std::string>(pipes.store);
    first.reader.forward_to(second.writer);
    CHECK(!first.reader);
    CHECK(!second.writer);
    first.writer.set("passed on");
    CHECK(second.reader.get() == "passed on");

    // What cannot be forwarded stays.
    auto busy = cmabi::make_stream<std::uint8_t>(pipes.store), other = cmabi::make_stream<std::uint8_t>(pipes.store);
    busy.reader.read(1, [](const Bytes &) {});
    CHECK(status_of([&] { busy.reader.forward_to(other.writer); }) == CMABI_STATUS_INVALID_ARGUMENT);
    CHECK(busy.reader);
    CHECK(other.writer);
}

TEST_CASE("a promise that goes without a value leaves nothing in the store") {
    Pipes pipes;
    // There is room for one future.
    cmabi::store small(pipes.engine, cmabi::config().max_handles(2));
    {
        auto ends = cmabi::make_future<std::string>(small);
        CHECK(status_of([&] { ends.writer.drop(); }) == CMABI_STATUS_INVALID_ARGUMENT);
        CHECK(ends.writer);
        ends.reader.drop();
        ends.writer.drop();
        CHECK(!ends.writer);
        ends.writer.drop();
    }
    for (const bool reader_first : {false, true}) {
        auto ends = cmabi::make_future<std::string>(small);
        if (reader_first) {
            ends.reader = {};
            ends.writer = {};
        } else {
            ends.writer = {};
            CHECK(status_of([&] { ends.reader.get(); }) == CMABI_STATUS_HOST);
            ends.reader = {};
        }
    }
    cmabi::make_future<std::string>(small);
    // A guest that waits for it cannot go on, and nobody can make it.
    auto ends = cmabi::make_future<std::string>(pipes.store);
    ends.writer = {};
    const auto wait = pipes.instance.func<std::string(cmabi::future_reader<std::string>)>("wait");
    CHECK_THROWS_WITH_AS(wait(std::move(ends.reader)), doctest::Contains("deadlock"), cmabi::error);
}

TEST_CASE("what cannot be watched takes nothing") {
    Pipes pipes;
    const auto watched = std::make_shared<int>(0);
    const auto watcher = [watched](cmabi::stream_signal) {};
    cmabi::stream_writer<std::uint8_t> empty;
    CHECK(status_of([&] { empty.watch(watcher); }) == CMABI_STATUS_INVALID_ARGUMENT);
    auto ends = cmabi::make_stream<std::uint8_t>(pipes.store);
    const auto moved = std::move(ends.writer);
    CHECK(status_of([&] { ends.writer.watch(watcher); }) == CMABI_STATUS_INVALID_ARGUMENT);
    CHECK(watched.use_count() == 2);
    ends.reader.watch(watcher);
    CHECK(watched.use_count() == 3);
    ends.reader.drop();
    CHECK(watched.use_count() == 2);
}

TEST_CASE("error contexts") {
    Pipes pipes;
    auto context = cmabi::make_error_context(pipes.store, "it broke");
    CHECK(context.debug_message() == "it broke");
    const auto same = pipes.instance.func<cmabi::error_context(cmabi::error_context)>("same");
    const auto back = same(context);
    CHECK(back.debug_message() == "it broke");
    CHECK(context.debug_message() == "it broke");
    cmabi::error_context moved = std::move(context);
    CHECK(!context);
    CHECK(status_of([&] { context.debug_message(); }) == CMABI_STATUS_INVALID_ARGUMENT);
}

TEST_CASE("what callbacks throw comes out where the store runs") {
    Pipes pipes;
    auto ends = cmabi::make_stream<std::uint8_t>(pipes.store);
    auto &in = ends.reader;
    auto &writer = ends.writer;
    auto reader = pipes.doubled(std::move(in));
    reader.read(1, [](Bytes) { throw std::logic_error("from a callback"); });
    writer.write(counting(1), [](std::size_t) {});
    CHECK_THROWS_WITH_AS(pipes.store.run(), "from a callback", std::logic_error);
    reader.read(1, [](Bytes) {});
    pipes.store.run();
    // At once, where the copy is over at once.
    CHECK_THROWS_WITH_AS(writer.write(counting(1), [](std::size_t) { throw std::logic_error("at once"); }), "at once",
                         std::logic_error);
}

TEST_CASE("ends may outlive their store") {
    std::optional<cmabi::stream_reader<std::uint8_t>> reader;
    std::optional<cmabi::stream_writer<std::uint8_t>> writer;
    std::optional<cmabi::error_context> context;
    {
        Pipes pipes;
        auto ends = cmabi::make_stream<std::uint8_t>(pipes.store);
        writer = std::move(ends.writer);
        reader = pipes.doubled(std::move(ends.reader));
        reader->read(5, [](Bytes) { FAIL_CHECK("the store is gone"); });
        context = cmabi::make_error_context(pipes.store, "x");
    }
    CHECK(!*reader);
    CHECK(status_of([&] { reader->read(1); }) == CMABI_STATUS_INVALID_ARGUMENT);
}

TEST_CASE("types are checked when a function is looked up") {
    Pipes pipes;
    const auto message = [&] {
        try {
            pipes.instance.func<cmabi::stream_reader<std::uint16_t>(cmabi::stream_reader<std::uint8_t>)>("double");
        } catch (const cmabi::error &error) {
            return std::string(error.what());
        }
        return std::string();
    }();
    CHECK(message.find("C++ has `func(stream<u8>) -> stream<u16>`") != std::string::npos);
}

TEST_CASE("handles that were written have one owner, though something else fails") {
    Pipes pipes;
    auto outer = make_stream_of_streams(pipes.store);
    auto inner = cmabi::make_stream<std::uint8_t>(pipes.store);
    std::vector<Inner> got;
    outer.reader.read(1, [&](std::vector<Inner> readers) {
        got = std::move(readers);
        throw std::logic_error("unrelated");
    });
    {
        std::vector<Inner> given;
        given.push_back(std::move(inner.reader));
        CHECK_THROWS_AS(outer.writer.write(given), std::logic_error);
        CHECK(!given[0]);
    }
    inner.writer.write(counting(2), [](std::size_t) {});
    REQUIRE(got.size() == 1);
    CHECK(got[0].read(5) == counting(2));
}

TEST_CASE("a write that is cancelled keeps what it has not written, and no more") {
    Pipes pipes;
    auto outer = make_stream_of_streams(pipes.store);
    auto first = cmabi::make_stream<std::uint8_t>(pipes.store);
    auto second = cmabi::make_stream<std::uint8_t>(pipes.store);
    auto other = cmabi::make_stream<std::uint8_t>(pipes.store);
    std::vector<Inner> given, got;
    given.push_back(std::move(first.reader));
    given.push_back(std::move(second.reader));
    // In a callback, the write is not told yet that one was read.
    other.reader.read(1, [&](Bytes) {
        got = outer.reader.read(1);
        CHECK(outer.writer.cancel() == 1);
    });
    outer.writer.write(std::move(given), [](std::size_t) { FAIL_CHECK("it was cancelled"); });
    other.writer.write(counting(1));
    REQUIRE(got.size() == 1);
    first.writer.write(counting(2), [](std::size_t) {});
    CHECK(got[0].read(5) == counting(2));
    CHECK(second.writer.write(counting(1)) == 0);
}

TEST_CASE("what a callback owns goes with it, while the store can be used") {
    Pipes pipes;
    auto ends = cmabi::make_stream<std::uint8_t>(pipes.store);
    auto other = cmabi::make_stream<std::uint8_t>(pipes.store);
    ends.reader.read(1, [owned = std::move(other.writer)](Bytes) {});
    ends.writer.write(counting(1));
    CHECK(other.reader.read(1).empty());
}

TEST_CASE("elements that were read are not lost") {
    Pipes pipes;
    auto ends = cmabi::make_stream<std::uint8_t>(pipes.store);
    SUBCASE("when something else throws") {
        ends.writer.write(counting(3), [](std::size_t) { throw std::logic_error("unrelated"); });
        CHECK_THROWS_AS(ends.reader.read(3), std::logic_error);
        CHECK(ends.reader.read(1) == Bytes{0});
        CHECK(ends.reader.read(9) == Bytes{1, 2});
    }
    SUBCASE("when there are not all of them") {
        ends.writer.write(counting(10), [](std::size_t) {});
        CHECK(status_of([&] { ends.reader.read_all(); }) == CMABI_STATUS_WOULD_BLOCK);
        std::optional<Bytes> told;
        ends.reader.read(4, [&](Bytes bytes) { told = std::move(bytes); });
        CHECK(told == counting(4));
        ends.writer.drop();
        CHECK(ends.reader.read_all() == Bytes{4, 5, 6, 7, 8, 9});
    }
    SUBCASE("when the read is cancelled") {
        auto other = cmabi::make_stream<std::uint8_t>(pipes.store);
        ends.reader.read(9, [](Bytes) { FAIL_CHECK("it was cancelled"); });
        Bytes rest;
        other.reader.read(1, [&](Bytes) {
            CHECK(ends.writer.write(counting(3)) == 3);
            rest = ends.reader.cancel();
        });
        other.writer.write(counting(1));
        CHECK(rest == counting(3));
        CHECK(ends.reader.cancel().empty());
    }
    SUBCASE("when it is the value of a future") {
        auto future = cmabi::make_future<std::string>(pipes.store);
        auto other = cmabi::make_stream<std::uint8_t>(pipes.store);
        future.reader.get([](std::optional<std::string>) { FAIL_CHECK("it was cancelled"); });
        std::optional<std::string> value;
        other.reader.read(1, [&](Bytes) {
            future.writer.set("found");
            value = future.reader.cancel();
        });
        other.writer.write(counting(1));
        CHECK(value == "found");
    }
    SUBCASE("and not given away with the reader") {
        ends.writer.write(counting(3), [](std::size_t) { throw std::logic_error("unrelated"); });
        CHECK_THROWS_AS(ends.reader.read(3), std::logic_error);
        const auto twice = pipes.instance.func<Inner(Inner)>("double");
        CHECK(status_of([&] { twice(std::move(ends.reader)); }) == CMABI_STATUS_INVALID_ARGUMENT);
        CHECK(ends.reader.read(3) == counting(3));
    }
}

TEST_CASE("callbacks that begin the next copy do not pile up") {
    Pipes pipes;
    auto ends = cmabi::make_stream<std::uint8_t>(pipes.store);
    const std::size_t count = std::getenv("CMABI_TEST_VALGRIND") ? 20000 : 200000;
    ends.writer.write(Bytes(count), [&](std::size_t) { ends.writer.drop(); });
    std::size_t total = 0, depth = 0, deepest = 0;
    std::function<void(Bytes)> on_read = [&](Bytes bytes) {
        deepest = std::max(deepest, ++depth);
        total += bytes.size();
        if (!bytes.empty()) {
            ends.reader.read(1, on_read);
        }
        --depth;
    };
    ends.reader.read(1, on_read);
    CHECK(total == count);
    CHECK(deepest == 1);
}

TEST_CASE("an end that is used in place stays") {
    Pipes pipes;
    auto ends = cmabi::make_stream<std::uint8_t>(pipes.store);
    ends.writer.write(counting(3), [](std::size_t) {});
    ends.reader.read_in_place([&](cmabi::list<std::uint8_t>) {
        CHECK_THROWS_AS(ends.reader.drop(), cmabi::error);
        return 1;
    });
    CHECK(ends.reader);
    ends.reader.read_in_place([&](cmabi::list<std::uint8_t> bytes) {
        CHECK(bytes.size() == 2);
        { const auto gone = std::move(ends.reader); }
        return bytes.size();
    });
    // Its owner went meanwhile.
    CHECK(ends.writer.write(counting(1)) == 0);
}

TEST_CASE("more than there are cannot be used in place") {
    Pipes pipes;
    auto ends = cmabi::make_stream<std::uint8_t>(pipes.store);
    ends.writer.write(counting(3), [](std::size_t) {});
    const auto take = [&](std::uint64_t count) {
        return status_of([&] { ends.reader.read_in_place([&](cmabi::list<std::uint8_t>) { return count; }); });
    };
    CHECK(take((std::uint64_t{1} << 32) + 3) == CMABI_STATUS_INVALID_ARGUMENT);
    CHECK(take(4) == CMABI_STATUS_INVALID_ARGUMENT);
    CHECK(take(3) == CMABI_STATUS_OK);
}

TEST_CASE("a promise that could not be kept can still be") {
    Pipes pipes;
    auto ends = cmabi::make_future<std::string>(pipes.store);
    auto call = pipes.instance.func<std::string(cmabi::future_reader<std::string>)>("wait").start(
        std::move(ends.reader));
    CHECK_THROWS_AS(ends.writer.set("\xff"), cmabi::error);
    CHECK(ends.writer);
}

TEST_CASE("a copy of nothing waits for the other end") {
    Pipes pipes;
    auto ends = cmabi::make_stream<std::uint8_t>(pipes.store);
    CHECK(status_of([&] { ends.writer.write(Bytes()); }) == CMABI_STATUS_WOULD_BLOCK);
    bool writes = false;
    ends.reader.read(0, [&](Bytes bytes) {
        CHECK(bytes.empty());
        writes = true;
    });
    CHECK(!writes);
    ends.writer.write(counting(2), [](std::size_t) {});
    CHECK(writes);
    CHECK(ends.reader.read(0).empty());
    // There is room for no more than is needed.
    CHECK(ends.reader.read(SIZE_MAX) == counting(2));
}

TEST_CASE("handles assigned to themselves stay") {
    Pipes pipes;
    auto ends = cmabi::make_stream<std::uint8_t>(pipes.store);
    auto &same = ends.reader;
    ends.reader = std::move(same);
    CHECK(ends.reader);
    auto context = cmabi::make_error_context(pipes.store, "here");
    auto &same_context = context;
    context = std::move(same_context);
    CHECK(context.debug_message() == "here");
}

TEST_CASE("what a call has not taken stays with who would have given it") {
    Pipes pipes;
    const auto twice = pipes.instance.func<Inner(Inner)>("double");
    const auto count = pipes.instance.func<std::uint32_t(cmabi::stream_reader<Inner>)>("count");
    auto ends = cmabi::make_stream<std::uint8_t>(pipes.store);
    SUBCASE("because it is in use") {
        std::optional<Bytes> got;
        ends.reader.read(5, [&](Bytes bytes) { got = std::move(bytes); });
        CHECK_THROWS_AS(twice(std::move(ends.reader)), cmabi::error);
        CHECK(ends.reader);
        CHECK(ends.writer.write(counting(2)) == 2);
        CHECK(got == counting(2));
        // A call that could not be started drops its arguments.
        ends.reader.read(5, [&](Bytes) { FAIL_CHECK("it was dropped"); });
        CHECK_THROWS_AS(twice.start(std::move(ends.reader)), cmabi::error);
        CHECK(ends.writer.write(counting(1)) == 0);
    }
    SUBCASE("because it never starts") {
        auto first = make_stream_of_streams(pipes.store);
        auto second = make_stream_of_streams(pipes.store);
        auto busy = count.start(std::move(first.reader));
        {
            auto waiting = count.start(std::move(second.reader));
            CHECK(waiting.state() == CMABI_SUBTASK_STATE_STARTING);
            SUBCASE("as it is forgotten") {}
            SUBCASE("as it is cancelled") { waiting.cancel(); }
        }
        std::vector<Inner> readers;
        readers.push_back(std::move(ends.reader));
        CHECK(second.writer.write(readers) == 0);
        CHECK(readers[0]);
    }
    SUBCASE("but is given when it starts late") {
        auto first = make_stream_of_streams(pipes.store);
        auto second = make_stream_of_streams(pipes.store);
        auto busy = count.start(std::move(first.reader));
        auto waiting = count.start(std::move(second.reader));
        CHECK(waiting.state() == CMABI_SUBTASK_STATE_STARTING);
        first.writer.drop();
        std::vector<Inner> readers;
        readers.push_back(std::move(ends.reader));
        CHECK(second.writer.write(readers) == 1);
        second.writer.drop();
        pipes.store.run();
        CHECK(busy.get() == 0);
        CHECK(waiting.get() == 1);
        CHECK(ends.writer.write(counting(1)) == 0);
    }
}
