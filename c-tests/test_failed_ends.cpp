// What became of the other end: a reader or writer of the host's is told that a guest has died, and of what, and never
// takes that for the end of a stream.
#include "async.hpp"

#include <cmabi.hpp>

#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Copy {
    cmabi_copy_result result;
    std::uint32_t count;

    friend bool operator==(Copy a, Copy b) { return a.result == b.result && a.count == b.count; }
};

// guests/quitter.wat, whose questions the test answers.
struct Quitter : Guest {
    explicit Quitter(const cmabi_config *config = nullptr) : Guest("quitter.wasm", config) {
        const auto keep = [](void *data, cmabi_task *task, const void *, void *) -> cmabi_status {
            static_cast<Quitter *>(data)->asked = Task(task);
            return CMABI_STATUS_PENDING;
        };
        REQUIRE_OK(cmabi_linker_func, linker, CMABI_STR(""), CMABI_STR("next"), keep, this, nullptr);
        instantiate();
        REQUIRE_OK(cmabi_instance_set_label, store, instance, CMABI_STR("quitter"));
    }
    std::uint32_t make(const char *path) {
        std::uint32_t readable = 0;
        REQUIRE_OK(cmabi_func_call, store, func(path), nullptr, &readable, arena);
        return readable;
    }
    void answer(std::uint32_t what) {
        CHECK_OK(cmabi_task_return, asked, &what);
        asked = {};
    }
    cmabi_status read(std::uint32_t end, std::uint8_t *to, std::uint32_t count, cmabi_copied &copied,
                      cmabi_error **error = nullptr) {
        return cmabi_stream_read(store, end, to, count, nullptr, nullptr, nullptr, nullptr, &copied, error);
    }
    Copy poll(std::uint32_t end) {
        cmabi_copied copied{};
        CHECK_OK(cmabi_stream_poll, store, end, &copied);
        return {copied.result, copied.count};
    }

    Task asked;
};

// How a guest ends, in what function of the library, and what those who come later are told.
struct Death {
    const char *name;
    cmabi_status status;
    const char *reason;
    std::function<void(Quitter &)> happens;
};

// Runs the store, which tells of it.
void run_into(Quitter &f, cmabi_status status, const char *reason) {
    CHECK_FAILS(status, reason, cmabi_store_run, f.store);
    CHECK_OK(cmabi_store_run, f.store);
}

const std::vector<Death> &deaths() {
    static const std::vector<Death> all = {
        {"trap", CMABI_STATUS_TRAP, "unreachable",
         [](Quitter &f) {
             f.answer(0);
             run_into(f, CMABI_STATUS_TRAP, "unreachable");
         }},
        {"fuel", CMABI_STATUS_LIMIT, "fuel",
         [](Quitter &f) {
             CHECK_OK(cmabi_store_set_fuel, f.store, 10000U);
             f.answer(1);
             run_into(f, CMABI_STATUS_LIMIT, "fuel");
         }},
        {"deadline", CMABI_STATUS_INTERRUPTED, "interrupted",
         [](Quitter &f) {
             CHECK_OK(cmabi_store_set_deadline, f.store, std::uint64_t{10000000});
             f.answer(1);
             CHECK_FAILS(CMABI_STATUS_INTERRUPTED, "interrupted", cmabi_store_run, f.store);
             CHECK_OK(cmabi_store_set_deadline, f.store, CMABI_NO_DEADLINE);
         }},
        {"terminated", CMABI_STATUS_TRAP, "quitter was terminated by the host",
         [](Quitter &f) { CHECK_OK(cmabi_instance_terminate, f.store, f.instance); }},
        // The call that made the stream is over: nobody but the next run can be told.
        {"lost promise", CMABI_STATUS_TRAP, "dropped the call of next",
         [](Quitter &f) {
             f.asked = {};
             run_into(f, CMABI_STATUS_TRAP, "dropped the call of next");
         }},
        {"failed promise", CMABI_STATUS_HOST, "no idea",
         [](Quitter &f) {
             CHECK_OK(cmabi_task_set_error, f.asked, CMABI_STR("no idea"));
             f.asked = {};
             run_into(f, CMABI_STATUS_HOST, "no idea");
         }},
    };
    return all;
}

// Runs a test for each of them.
void for_each_death(const std::function<void(Quitter &, const Death &)> &test) {
    for (const Death &death : deaths()) {
        CAPTURE(death.name);
        Handle<cmabi_config, cmabi_config_free> config;
        REQUIRE_OK(cmabi_config_new, config.out());
        REQUIRE_OK(cmabi_config_set_interruptible, config, true);
        REQUIRE_OK(cmabi_config_set_fuel, config, std::uint64_t{1'000'000'000'000});
        Quitter f(config);
        test(f, death);
    }
}

struct Told {
    std::vector<Copy> copies;
    std::vector<cmabi_stream_signal> signals;

    static void done(void *data, cmabi_store *, std::uint32_t, cmabi_copy_result result, std::uint32_t count) {
        static_cast<Told *>(data)->copies.push_back({result, count});
    }
    static cmabi_status watch(void *data, cmabi_store *, std::uint32_t, cmabi_stream_signal signal) {
        static_cast<Told *>(data)->signals.push_back(signal);
        return CMABI_STATUS_OK;
    }
};

// A read fails with what has ended the writer, and says who that was.
void check_read_fails(Quitter &f, const Death &death, std::uint32_t end) {
    std::uint8_t byte = 0;
    cmabi_copied copied{};
    for (int i = 0; i < 2; ++i) {
        Error error;
        CHECK(f.read(end, &byte, 1, copied, error.out()) == death.status);
        CHECK_MESSAGE(error.message().find(death.reason) != std::string::npos, error.message());
    }
    CHECK_FAILS(death.status, death.reason, cmabi_stream_read_in_place, f.store, end,
                [](void *, const void *, std::uint32_t count) { return count; }, nullptr, &copied);
}

// The bytes that the guest has to give, which leaves it with its question.
void take_three(Quitter &f, std::uint32_t end) {
    std::uint8_t bytes[4] = {};
    cmabi_copied copied{};
    CHECK(f.read(end, bytes, 4, copied) == CMABI_STATUS_OK);
    CHECK(Copy{copied.result, copied.count} == Copy{CMABI_COPY_RESULT_COMPLETED, 3});
    CHECK(bytes[2] == 3);
    CHECK_OK(cmabi_store_run, f.store);
    REQUIRE(f.asked.get() != nullptr);
}

} // namespace

TEST_CASE("a stream whose writer ends it is no failure") {
    Quitter f;
    const std::uint32_t end = f.make("make-stream");
    take_three(f, end);
    f.answer(2);
    CHECK_OK(cmabi_store_run, f.store);
    std::uint8_t byte = 0;
    cmabi_copied copied{};
    for (int i = 0; i < 2; ++i) {
        CHECK(f.read(end, &byte, 1, copied) == CMABI_STATUS_OK);
        CHECK(Copy{copied.result, copied.count} == Copy{CMABI_COPY_RESULT_DROPPED, 0});
    }
    CHECK_OK(cmabi_stream_drop, f.store, end);
}

TEST_CASE("a writer that dies has not ended its stream") {
    using Way = std::function<void(Quitter &, const Death &, std::uint32_t end)>;
    std::uint8_t byte = 0;
    cmabi_copied copied{};
    Told told;
    const auto read = [&](Quitter &f, std::uint32_t end) {
        CHECK(f.read(end, &byte, 1, copied) == CMABI_STATUS_OK);
        CHECK(copied.result == CMABI_COPY_RESULT_BLOCKED);
    };
    const std::pair<const char *, Way> ways[] = {
        {"nobody reads", [](Quitter &f, const Death &death, std::uint32_t) { death.happens(f); }},
        {"a poll",
         [&](Quitter &f, const Death &death, std::uint32_t end) {
             read(f, end);
             death.happens(f);
             CHECK(f.poll(end) == Copy{CMABI_COPY_RESULT_FAILED, 0});
         }},
        {"a completion",
         [&](Quitter &f, const Death &death, std::uint32_t end) {
             CHECK_OK(cmabi_stream_read, f.store, end, &byte, 1U, nullptr, Told::done, &told, nullptr, &copied);
             death.happens(f);
             CHECK(told.copies == std::vector<Copy>{{CMABI_COPY_RESULT_FAILED, 0}});
         }},
        {"a cancellation that comes too late",
         [&](Quitter &f, const Death &death, std::uint32_t end) {
             read(f, end);
             death.happens(f);
             CHECK_OK(cmabi_stream_cancel, f.store, end, &copied);
             CHECK(copied.result == CMABI_COPY_RESULT_FAILED);
         }},
        {"a set",
         [&](Quitter &f, const Death &death, std::uint32_t end) {
             std::uint32_t set = 0;
             CHECK_OK(cmabi_waitable_set_new, f.store, &set);
             CHECK_OK(cmabi_waitable_join, f.store, end, set);
             read(f, end);
             death.happens(f);
             cmabi_event event{};
             CHECK_OK(cmabi_waitable_set_wait, f.store, set, &event);
             CHECK(event.code == CMABI_EVENT_CODE_STREAM_READ);
             CHECK(event.result == CMABI_COPY_RESULT_FAILED);
         }},
        {"a watcher",
         [&](Quitter &f, const Death &death, std::uint32_t end) {
             CHECK_OK(cmabi_stream_watch, f.store, end, Told::watch, &told, nullptr);
             death.happens(f);
             CHECK(told.signals == std::vector<cmabi_stream_signal>{CMABI_STREAM_SIGNAL_FAILED});
         }},
        {"a watcher that comes later",
         [&](Quitter &f, const Death &death, std::uint32_t end) {
             death.happens(f);
             CHECK_OK(cmabi_stream_watch, f.store, end, Told::watch, &told, nullptr);
             CHECK(told.signals == std::vector<cmabi_stream_signal>{CMABI_STREAM_SIGNAL_FAILED});
         }},
    };
    for (const auto &way : ways) {
        CAPTURE(way.first);
        for_each_death([&](Quitter &f, const Death &death) {
            told = {};
            const std::uint32_t end = f.make("make-stream");
            take_three(f, end);
            way.second(f, death, end);
            check_read_fails(f, death, end);
            std::uint32_t readable = 0;
            CHECK_FAILS(CMABI_STATUS_ENDED, death.reason, cmabi_func_call, f.store, f.func("make-stream"), nullptr,
                        &readable, f.arena);
        });
    }
}

TEST_CASE("what a writer has written before it dies is read, and is not the end") {
    Quitter f;
    const std::uint32_t end = f.make("make-stream");
    std::uint8_t bytes[2] = {};
    cmabi_copied copied{};
    CHECK(f.read(end, bytes, 2, copied) == CMABI_STATUS_OK);
    CHECK(Copy{copied.result, copied.count} == Copy{CMABI_COPY_RESULT_COMPLETED, 2});
    CHECK_OK(cmabi_instance_terminate, f.store, f.instance);
    CHECK(f.read(end, bytes, 2, copied) == CMABI_STATUS_TRAP);
}

TEST_CASE("a writer of the host's learns that its reader has died") {
    for (const bool is_waiting : {false, true}) for_each_death([&](Quitter &f, const Death &death) {
        CAPTURE(is_waiting);
        std::uint32_t readable = 0, writable = 0;
        Handle<cmabi_type, cmabi_type_free> u8;
        REQUIRE_OK(cmabi_type_new_primitive, CMABI_KIND_U8, u8.out());
        REQUIRE_OK(cmabi_stream_new, f.store, u8, &readable, &writable);
        CHECK_OK(cmabi_func_call, f.store, f.func("take-stream"), &readable, nullptr, nullptr);
        const std::uint8_t bytes[4] = {};
        cmabi_copied copied{};
        Told told;
        // Two are taken, and the others wait.
        CHECK_OK(cmabi_stream_write, f.store, writable, bytes, 4U, Told::done, &told, nullptr, &copied);
        CHECK_OK(cmabi_store_run, f.store);
        REQUIRE(f.asked.get() != nullptr);
        if (!is_waiting) {
            death.happens(f);
        } else {
            told.copies.clear();
            CHECK_OK(cmabi_stream_write, f.store, writable, bytes, 2U, Told::done, &told, nullptr, &copied);
            CHECK(copied.result == CMABI_COPY_RESULT_BLOCKED);
            death.happens(f);
            CHECK(told.copies == std::vector<Copy>{{CMABI_COPY_RESULT_FAILED, 0}});
        }
        CHECK_FAILS(death.status, death.reason, cmabi_stream_write, f.store, writable, bytes, 1U, nullptr, nullptr, nullptr,
                    &copied);
        CHECK_OK(cmabi_stream_drop, f.store, writable);
    });
}

TEST_CASE("a future's reader learns that there will be no value, and why") {
    for (const bool is_waiting : {false, true}) for_each_death([&](Quitter &f, const Death &death) {
        CAPTURE(is_waiting);
        const std::uint32_t end = f.make("make-future");
        REQUIRE(f.asked.get() != nullptr);
        std::uint8_t byte = 0;
        cmabi_copied copied{};
        if (!is_waiting) {
            death.happens(f);
        } else {
            CHECK_OK(cmabi_future_read, f.store, end, &byte, nullptr, nullptr, nullptr, nullptr, &copied);
            CHECK(copied.result == CMABI_COPY_RESULT_BLOCKED);
            death.happens(f);
            CHECK_OK(cmabi_future_poll, f.store, end, &copied);
            CHECK(copied.result == CMABI_COPY_RESULT_FAILED);
            CHECK(copied.count == 0);
        }
        CHECK_FAILS(death.status, death.reason, cmabi_future_read, f.store, end, &byte, nullptr, nullptr, nullptr, nullptr,
                    &copied);
        CHECK_OK(cmabi_future_drop, f.store, end);
    });
}

TEST_CASE("a promise of the host's learns that nobody will read its value") {
    for (const bool is_waiting : {false, true}) for_each_death([&](Quitter &f, const Death &death) {
        CAPTURE(is_waiting);
        std::uint32_t readable = 0, writable = 0;
        Handle<cmabi_type, cmabi_type_free> u8;
        REQUIRE_OK(cmabi_type_new_primitive, CMABI_KIND_U8, u8.out());
        REQUIRE_OK(cmabi_future_new, f.store, u8, &readable, &writable);
        CHECK_OK(cmabi_func_call, f.store, f.func("take-future"), &readable, nullptr, nullptr);
        const std::uint8_t byte = 7;
        cmabi_copied copied{};
        if (!is_waiting) {
            death.happens(f);
        } else {
            CHECK_OK(cmabi_future_write, f.store, writable, &byte, nullptr, nullptr, nullptr, &copied);
            CHECK(copied.result == CMABI_COPY_RESULT_BLOCKED);
            death.happens(f);
            CHECK_OK(cmabi_future_poll, f.store, writable, &copied);
            CHECK(copied.result == CMABI_COPY_RESULT_FAILED);
        }
        CHECK_FAILS(death.status, death.reason, cmabi_future_write, f.store, writable, &byte, nullptr, nullptr, nullptr,
                    &copied);
        CHECK_OK(cmabi_future_drop, f.store, writable);
    });
}

TEST_CASE("a value that has passed is none the worse for who dies later") {
    Quitter f;
    std::uint32_t readable = 0, writable = 0;
    Handle<cmabi_type, cmabi_type_free> u8;
    REQUIRE_OK(cmabi_type_new_primitive, CMABI_KIND_U8, u8.out());
    REQUIRE_OK(cmabi_future_new, f.store, u8, &readable, &writable);
    CHECK_OK(cmabi_func_call, f.store, f.func("take-value"), &readable, nullptr, nullptr);
    const std::uint8_t byte = 7;
    cmabi_copied copied{};
    CHECK_OK(cmabi_future_write, f.store, writable, &byte, nullptr, nullptr, nullptr, &copied);
    CHECK(copied.result == CMABI_COPY_RESULT_COMPLETED);
    CHECK_OK(cmabi_store_run, f.store);
    f.answer(0);
    CHECK(cmabi_store_run(f.store, nullptr) == CMABI_STATUS_TRAP);
    CHECK_OK(cmabi_future_drop, f.store, writable);
}

TEST_CASE("an end that comes while the guest runs is told once") {
    Quitter f;
    take_three(f, f.make("make-stream"));
    // The next question comes inside the run, and takes the place of the first, which is let go of.
    const std::uint32_t end = f.make("make-stream");
    std::uint8_t bytes[4] = {};
    cmabi_copied copied{};
    CHECK_OK(cmabi_stream_read, f.store, end, bytes, 4U, nullptr, nullptr, nullptr, nullptr, &copied);
    CHECK(copied.count == 3);
    run_into(f, CMABI_STATUS_TRAP, "dropped the call of next");
}

TEST_CASE("each end that no call tells of is told by a run") {
    Sleeper f;
    const std::uint32_t ms = 1;
    SUBCASE("of a call whose subtask was freed") {
        f.start("doze", &ms);
        REQUIRE(f.pending.size() == 1);
        f.pending.clear();
        CHECK_FAILS(CMABI_STATUS_TRAP, "dropped the call", cmabi_store_run, f.store);
    }
    SUBCASE("of a call whose subtask is there") {
        const Subtask subtask = f.start("doze", &ms);
        f.pending.clear();
        cmabi_subtask_state state{};
        CHECK_FAILS(CMABI_STATUS_TRAP, "dropped the call", cmabi_subtask_state_of, subtask, &state);
    }
    f.run();
}

namespace {

// The same in C++.
struct Plugin {
    cmabi::engine engine;
    cmabi::linker linker{engine};
    cmabi::store store{engine};
    std::optional<cmabi::promise<std::uint32_t>> asked;
    std::optional<cmabi::instance> instance;

    Plugin() {
        linker.func("next", [this](cmabi::promise<std::uint32_t> next) { asked = std::move(next); });
        instance = linker.instantiate(store, cmabi::component(engine, read_guest("quitter.wasm")));
    }
    cmabi::stream_reader<std::uint8_t> stream() {
        return instance->func<cmabi::stream_reader<std::uint8_t>()>("make-stream")();
    }
    cmabi::future_reader<std::uint8_t> future() {
        return instance->func<cmabi::future_reader<std::uint8_t>()>("make-future")();
    }
    // The guest traps, which is told by what runs the store.
    void trap() {
        asked->resolve(0U);
        CHECK_THROWS_AS(store.run(), cmabi::error);
    }
};

std::string text_of(const std::exception_ptr &why) {
    REQUIRE(why);
    try {
        std::rethrow_exception(why);
    } catch (const std::exception &exception) {
        return exception.what();
    }
}

} // namespace

TEST_CASE("in C++ reads throw what has ended the writer") {
    Plugin f;
    auto reader = f.stream();
    CHECK(reader.read(4) == std::vector<std::uint8_t>{1, 2, 3});
    f.store.run();
    SUBCASE("before") {
        f.trap();
        CHECK_THROWS_WITH_AS(reader.read(1), doctest::Contains("unreachable"), cmabi::error);
    }
    SUBCASE("meanwhile") {
        f.asked->resolve(0U);
        CHECK_THROWS_WITH_AS(reader.read(1), doctest::Contains("unreachable"), cmabi::error);
    }
    SUBCASE("all") {
        f.asked->resolve(0U);
        CHECK_THROWS_WITH_AS(reader.read_all(), doctest::Contains("unreachable"), cmabi::error);
    }
    SUBCASE("with a callback") {
        bool called = false;
        reader.read(1, [&](std::vector<std::uint8_t>) { called = true; });
        // Nothing else throws it.
        f.instance->terminate();
        f.store.run();
        CHECK(!called);
        CHECK_THROWS_WITH_AS(reader.read(1, [&](std::vector<std::uint8_t>) { called = true; }),
                             doctest::Contains("terminated by the host"), cmabi::error);
        CHECK(!called);
    }
    SUBCASE("with a callback that is told") {
        std::vector<std::string> told;
        const auto on_read = [&](const std::vector<std::uint8_t> &got, std::exception_ptr why) {
            CHECK(got.empty());
            told.push_back(text_of(why));
        };
        reader.read(1, on_read);
        // A mistake is no failure of the other end.
        CHECK_THROWS_AS(reader.read(1, on_read), cmabi::error);
        CHECK(told.empty());
        f.instance->terminate();
        f.store.run();
        // Begun too late, it is told as well, at once.
        reader.read(1, on_read);
        REQUIRE(told.size() == 2);
        CHECK_MESSAGE(told[0].find("the host") != std::string::npos, told[0]);
        CHECK(told[1] == told[0]);
    }
    // It stays so.
    CHECK_THROWS_AS(reader.read(1), cmabi::error);
    CHECK_THROWS_AS(reader.read_all(), cmabi::error);
}

TEST_CASE("in C++ what was read before is not lost") {
    Plugin f;
    auto reader = f.stream();
    f.store.run();
    std::vector<std::uint8_t> got;
    try {
        // The writer dies while more is waited for.
        CHECK(reader.read(3).size() == 3);
        f.store.run();
        f.asked->resolve(0U);
        got = reader.read_all();
        FAIL("it is no end");
    } catch (const cmabi::error &error) {
        CHECK(error.status() == CMABI_STATUS_TRAP);
        CHECK(!error.frames().empty());
    }
}

TEST_CASE("in C++ a future without a value throws why") {
    Plugin f;
    auto reader = f.future();
    SUBCASE("the writer has trapped") {
        f.trap();
        CHECK_THROWS_WITH_AS(reader.get(), doctest::Contains("unreachable"), cmabi::error);
    }
    SUBCASE("its promise is lost, which the next run tells as well") {
        f.asked.reset();
        CHECK_THROWS_WITH_AS(f.store.run(), doctest::Contains("dropped the call"), cmabi::error);
        CHECK_THROWS_WITH_AS(reader.get(), doctest::Contains("dropped the call"), cmabi::error);
    }
    SUBCASE("a callback is told") {
        bool told = false;
        reader.get([&](std::optional<std::uint8_t> value, std::exception_ptr why) { told = !value && why; });
        f.instance->terminate();
        CHECK(told);
    }
}

TEST_CASE("in C++ what a callback throws is not taken for the failure of another end") {
    Plugin f;
    auto one = f.stream(), two = f.stream();
    CHECK(one.read(3).size() == 3);
    CHECK(two.read(3).size() == 3);
    std::string told;
    one.read(1, [](std::vector<std::uint8_t>, std::exception_ptr) { throw std::logic_error("of a callback"); });
    two.read(1, [&](std::vector<std::uint8_t>, std::exception_ptr why) { told = text_of(why); });
    CHECK_THROWS_WITH_AS(f.instance->terminate(), "of a callback", std::logic_error);
    CHECK_MESSAGE(told.find("terminated by the host") != std::string::npos, told);
    f.store.run();
}

TEST_CASE("in C++ a failure that no callback hears of is thrown by its own end, and by nothing else") {
    Plugin f;
    SUBCASE("two readers of one instance") {
        cmabi::stream_reader<std::uint8_t> readers[] = {f.stream(), f.stream()};
        for (auto &reader : readers) {
            CHECK(reader.read(3).size() == 3);
            reader.read(1, [](std::vector<std::uint8_t>) { FAIL_CHECK("there is nothing to read"); });
        }
        f.instance->terminate();
        f.store.run();
        for (auto &reader : readers)
            CHECK_THROWS_WITH_AS(reader.read(1), doctest::Contains("terminated by the host"), cmabi::error);
    }
    SUBCASE("a callback that reads on") {
        auto reader = f.stream();
        int calls = 0;
        std::function<void(std::vector<std::uint8_t>)> on_read = [&](std::vector<std::uint8_t>) {
            ++calls;
            reader.read(4, on_read);
        };
        reader.read(4, on_read);
        CHECK(calls == 1);
        f.instance->terminate();
        f.store.run();
        CHECK(calls == 1);
        CHECK_THROWS_AS(reader.read(1), cmabi::error);
    }
    SUBCASE("a callback that reads on when the writer is gone") {
        auto reader = f.stream();
        int calls = 0;
        std::function<void(std::vector<std::uint8_t>)> on_read = [&](std::vector<std::uint8_t>) {
            ++calls;
            f.instance->terminate();
            reader.read(4, on_read);
        };
        reader.read(4, on_read);
        f.store.run();
        CHECK(calls == 1);
        CHECK_THROWS_AS(reader.read(1), cmabi::error);
    }
    SUBCASE("a future whose writer goes") {
        auto ends = cmabi::make_future<std::uint8_t>(f.store);
        ends.reader.get([](std::optional<std::uint8_t>) { FAIL_CHECK("there is no value"); });
        ends.writer = {};
        f.linker.instantiate(f.store, cmabi::component(f.engine, read_guest("quitter.wasm")));
        f.store.run();
        CHECK_THROWS_WITH_AS(ends.reader.get(), doctest::Contains("without a value"), cmabi::error);
    }
    SUBCASE("a write") {
        auto ends = cmabi::make_stream<std::uint8_t>(f.store);
        f.instance->func<void(cmabi::stream_reader<std::uint8_t>)>("take-stream")(std::move(ends.reader));
        ends.writer.write({1, 2, 3}, [](std::size_t) { FAIL_CHECK("one is left"); });
        f.store.run();
        f.instance->terminate();
        f.store.run();
        CHECK_THROWS_AS(ends.writer.write({1}, [](std::size_t) {}), cmabi::error);
    }
}

// The functions of C run the store, which have nobody who could catch.
TEST_CASE("a trap of a guest whose stream C++ reads is told in C") {
    cmabi::engine engine;
    cmabi::linker linker(engine);
    std::optional<cmabi::promise<std::uint32_t>> asked;
    cmabi::stream_reader<std::uint8_t> kept;
    std::string told;
    linker.func("next", [&](cmabi::promise<std::uint32_t> next) { asked = std::move(next); });
    bool hears = false;
    SUBCASE("no callback hears of it") {}
    SUBCASE("a callback hears of it") { hears = true; }
    linker.func("give", [&](cmabi::stream_reader<std::uint8_t> given) {
        kept = std::move(given);
        if (hears)
            kept.read(1, [&](std::vector<std::uint8_t>, std::exception_ptr why) { told = text_of(why); });
        else
            kept.read(1, [](std::vector<std::uint8_t>) { FAIL_CHECK("there is nothing to read"); });
    });
    const cmabi::component component(engine, read_guest("giver.wasm"));
    Handle<cmabi_store, cmabi_store_free> store;
    REQUIRE_OK(cmabi_store_new, engine.get(), nullptr, store.out());
    Handle<cmabi_instance, cmabi_instance_free> instance;
    REQUIRE_OK(cmabi_linker_instantiate, linker.get(), store, component.get(), instance.out());
    const cmabi_func *run = nullptr;
    REQUIRE_OK(cmabi_instance_func, instance, CMABI_STR("run"), &run);
    CHECK_OK(cmabi_func_call, store, run, nullptr, nullptr, nullptr);
    CHECK_OK(cmabi_store_run, store);
    asked->resolve(0U);
    CHECK_FAILS(CMABI_STATUS_TRAP, "unreachable", cmabi_store_run, store);
    CHECK_OK(cmabi_store_run, store);
    CHECK((told.find("unreachable") != std::string::npos) == hears);
    CHECK_THROWS_WITH_AS(kept.read(1), doctest::Contains("unreachable"), cmabi::error);
    // C++ does not know when C frees the store.
    kept.drop();
}

TEST_CASE("in C++ a write throws what has ended the reader") {
    Plugin f;
    auto ends = cmabi::make_stream<std::uint8_t>(f.store);
    f.instance->func<void(cmabi::stream_reader<std::uint8_t>)>("take-stream")(std::move(ends.reader));
    f.store.run();
    const std::vector<std::uint8_t> bytes(2);
    CHECK(ends.writer.write(bytes) == 2);
    f.store.run();
    f.trap();
    CHECK_THROWS_WITH_AS(ends.writer.write(bytes), doctest::Contains("unreachable"), cmabi::error);
}

TEST_CASE("in C++ each of several instances that end at once is told") {
    Plugin f;
    std::vector<cmabi::promise<std::uint32_t>> kept;
    std::vector<cmabi::future_reader<std::uint8_t>> futures;
    std::vector<cmabi::instance> instances;
    for (const char *label : {"first", "second"}) {
        instances.push_back(
            f.linker.instantiate(f.store, cmabi::component(f.engine, read_guest("quitter.wasm"))));
        instances.back().label(label);
        futures.push_back(instances.back().func<cmabi::future_reader<std::uint8_t>()>("make-future")());
        kept.push_back(std::move(*f.asked));
    }
    kept.clear();
    for (const char *label : {"first", "second"}) {
        try {
            f.store.run();
            FAIL_CHECK("it has ended");
        } catch (const cmabi::error &error) {
            CHECK_MESSAGE(error.report().find(label) != std::string::npos, error.report());
        }
    }
    f.store.run();
}

TEST_CASE("in C++ a write of nothing does not take the reader's end for its coming") {
    Plugin f;
    auto ends = cmabi::make_stream<std::uint8_t>(f.store);
    f.instance->func<void(cmabi::stream_reader<std::uint8_t>)>("take-stream")(std::move(ends.reader));
    f.store.run();
    CHECK(ends.writer.write(std::vector<std::uint8_t>(2)) == 2);
    f.store.run();
    std::string told;
    SUBCASE("waiting") {
        // It is ended while the write runs the store, by what another instance causes.
        const auto first = std::move(f.asked);
        const auto other =
            f.linker.instantiate(f.store, cmabi::component(f.engine, read_guest("quitter.wasm")));
        auto value = other.func<cmabi::future_reader<std::uint8_t>()>("make-future")();
        value.get([&](std::optional<std::uint8_t>) { f.instance->terminate(); });
        f.asked->resolve(2U);
        CHECK_THROWS_WITH_AS(ends.writer.write(std::vector<std::uint8_t>()),
                             doctest::Contains("terminated by the host"), cmabi::error);
    }
    SUBCASE("by a callback") {
        ends.writer.write(std::vector<std::uint8_t>(),
                          [](std::size_t) { FAIL_CHECK("nobody is there to read"); });
        f.instance->terminate();
        f.store.run();
    }
    SUBCASE("by a callback that hears of it") {
        ends.writer.write(std::vector<std::uint8_t>(), [&](std::size_t written, std::exception_ptr why) {
            CHECK(written == 0);
            told = text_of(why);
        });
        f.instance->terminate();
        f.store.run();
        CHECK_MESSAGE(told.find("terminated by the host") != std::string::npos, told);
    }
    CHECK_THROWS_AS(ends.writer.write(std::vector<std::uint8_t>()), cmabi::error);
}

TEST_CASE("each end fails with what has ended its own instance") {
    cmabi::engine engine;
    cmabi::linker linker(engine);
    cmabi::store store(engine);
    std::vector<cmabi::instance> instances;
    linker.func("hook", [&] {
        // Both are buried together, when the third is left.
        for (int i = 0; i < 2; ++i)
            CHECK_THROWS_AS(instances[static_cast<std::size_t>(i)].func<void()>("die")(), cmabi::error);
    });
    const cmabi::component component(engine, read_guest("nest.wasm"));
    const char *const labels[] = {"first", "second", "third"};
    std::vector<cmabi::stream_reader<std::uint8_t>> readers;
    for (const char *label : labels) {
        instances.push_back(linker.instantiate(store, component));
        instances.back().label(label);
        readers.push_back(instances.back().func<cmabi::stream_reader<std::uint8_t>()>("make")());
    }
    instances[2].func<void()>("go")();
    // What ends a component ends the one around it, whose streams these are.
    for (std::size_t i = 0; i < 2; ++i) {
        CAPTURE(i);
        try {
            readers[i].read(1);
            FAIL_CHECK("its writer has trapped");
        } catch (const cmabi::error &error) {
            REQUIRE(!error.frames().empty());
            CHECK_MESSAGE(error.report().find(labels[i]) != std::string::npos, error.report());
            CHECK_MESSAGE(error.report().find(labels[1 - i]) == std::string::npos, error.report());
        }
    }
    instances[2].terminate();
    CHECK_THROWS_WITH_AS(readers[2].read(1), doctest::Contains("third was terminated"), cmabi::error);
}
