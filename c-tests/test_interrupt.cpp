// A host stops what runs, gives it a time, and ends instances; the store goes on.
#include "support.hpp"

#include <cmabi.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <optional>
#include <sys/time.h>
#include <thread>

using namespace std::chrono_literals;

namespace {

using std::uint32_t;

// guests/stubborn.wat, and what it calls.
struct Stubborn {
    cmabi::engine engine;
    cmabi::linker linker{engine};
    cmabi::component component{engine, read_guest("stubborn.wasm")};
    cmabi::store store;
    std::function<void()> host = [] {};
    std::optional<cmabi::instance> instance;

    explicit Stubborn(const cmabi::config &config) : store(engine, config) {
        linker.func("host", [this] { host(); });
        linker.func("sink", [](std::vector<std::string>) {});
        instance = linker.instantiate(store, component);
    }
    void call(const char *name) { instance->func<void()>(name)(); }
    // The call fails, and another instance of the store works.
    std::string fails(cmabi_status status, const std::function<void()> &call) {
        std::string message;
        try {
            call();
            FAIL("nothing stopped it");
        } catch (const cmabi::error &error) {
            message = error.what();
            CHECK_MESSAGE(error.status() == status, message);
        }
        fine();
        return message;
    }
    void fine() {
        instance = linker.instantiate(store, component);
        CHECK(instance->func<uint32_t(uint32_t)>("fine")(7) == 7);
    }
    cmabi_counts counts() const {
        cmabi_counts counts = CMABI_COUNTS_INIT;
        CHECK_OK(cmabi_store_counts, store.get(), &counts);
        return counts;
    }
};

cmabi::config interruptible() {
    cmabi::config config;
    config.interruptible();
    return config;
}

// Interrupts again and again, as a call may not have begun yet, until it is told that it is over.
class Watchdog {
public:
    explicit Watchdog(cmabi::interrupter interrupter)
        : thread_([this, interrupter] {
              std::unique_lock<std::mutex> lock(mutex_);
              while (!over_.wait_for(lock, 5ms, [this] { return is_over_; })) interrupter.interrupt();
          }) {}
    ~Watchdog() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            is_over_ = true;
        }
        over_.notify_one();
        thread_.join();
    }

private:
    std::mutex mutex_;
    std::condition_variable over_;
    bool is_over_ = false;
    std::thread thread_;
};

// Under valgrind an instance takes seconds.
const bool is_slow = std::getenv("CMABI_TEST_VALGRIND") != nullptr;

std::vector<const char *> endless() {
    if (is_slow) return {"copy"};
    return {"loop", "fill", "sync-yield", "copy", "again"};
}

} // namespace

TEST_CASE("whatever a guest does, it is stopped") {
    Stubborn f(interruptible());
    const auto stopped = [&](const std::function<void()> &call) {
        const auto message = f.fails(CMABI_STATUS_INTERRUPTED, [&] {
            const Watchdog watchdog(f.store.interrupter());
            call();
        });
        CHECK_MESSAGE(message.find("interrupted: cmabi_interrupter_interrupt") != std::string::npos, message);
    };
    for (const char *name : endless()) {
        CAPTURE(name);
        stopped([&] { f.call(name); });
    }
    stopped([&] { f.instance->func<uint32_t(uint32_t)>("recursion")(60); });
    stopped([&] { f.call("yield"); });
}

TEST_CASE("a guest is stopped when its time is over") {
    Stubborn f(interruptible());
    for (const char *name : endless()) {
        CAPTURE(name);
        const auto message = f.fails(CMABI_STATUS_INTERRUPTED, [&] { f.store.within(5ms, [&] { f.call(name); }); });
        CHECK_MESSAGE(message.find("cmabi_store_set_deadline") != std::string::npos, message);
    }
    // Time enough, and the value comes through.
    CHECK(f.store.within(1h, [&] { return f.instance->func<uint32_t(uint32_t)>("fine")(9); }) == 9);
    // No time at all.
    f.fails(CMABI_STATUS_INTERRUPTED, [&] { f.store.within(0s, [&] { f.call("once"); }); });
    // Whoever catches it has no more time for that.
    f.host = [&] {
        const auto other = f.linker.instantiate(f.store, f.component);
        try {
            other.func<void()>("loop")();
            FAIL("nothing stopped it");
        } catch (const cmabi::error &error) {
            CHECK(error.status() == CMABI_STATUS_INTERRUPTED);
        }
    };
    f.fails(CMABI_STATUS_INTERRUPTED, [&] { f.store.within(5ms, [&] { f.call("again"); }); });
}

TEST_CASE("fuel is metered all the same where guests can be stopped") {
    cmabi::config config = interruptible();
    config.fuel(1'000'000);
    Stubborn f(config);
    f.fine();
    const auto before = f.store.fuel();
    CHECK(before < 1'000'000);
    CHECK(before > 900'000);
    try {
        f.call("loop");
        FAIL("it ended");
    } catch (const cmabi::error &error) {
        CHECK(error.status() == CMABI_STATUS_LIMIT);
    }
    CHECK(f.store.fuel() < 1000);
    f.store.set_fuel(10'000'000'000'000);
    f.fine();
    f.fails(CMABI_STATUS_INTERRUPTED, [&] { f.store.within(20ms, [&] { f.call("loop"); }); });
    CHECK(f.store.fuel() < 10'000'000'000'000);
    CHECK(f.store.fuel() > 9'000'000'000'000);
}

TEST_CASE("a call has fuel of its own") {
    cmabi::config config;
    config.call_fuel(100'000);
    Stubborn f(config);
    const auto out = [&](const char *name) {
        const auto before = f.store.fuel();
        const auto message = f.fails(CMABI_STATUS_LIMIT, [&] { f.call(name); });
        CHECK_MESSAGE(message.find("cmabi_config_set_call_fuel") != std::string::npos, message);
        CHECK(before - f.store.fuel() < 300'000);
    };
    for (const char *name : endless()) {
        CAPTURE(name);
        out(name);
    }
    // However often a call gives up its turn, and after it has returned.
    out("yield");
    CHECK(f.instance->func<uint32_t()>("returned")() == 1);
    try {
        f.store.run();
        FAIL("it went on for ever");
    } catch (const cmabi::error &error) {
        CHECK(error.status() == CMABI_STATUS_LIMIT);
    }
    f.fine();
    // A call for which the host calls on uses up its own.
    int calls = 0;
    f.host = [&] {
        try {
            if (++calls < (is_slow ? 2 : 20)) f.linker.instantiate(f.store, f.component).func<void()>("once")();
        } catch (const cmabi::error &error) {
            CHECK(error.status() == CMABI_STATUS_LIMIT);
        }
    };
    out("again");
    CHECK(calls > 1);
    f.host = [] {};
    for (int i = 0; i < 100; ++i) f.instance->func<uint32_t(uint32_t)>("fine")(7);
}

TEST_CASE("a start function is stopped") {
    Stubborn f(interruptible());
    const cmabi::component starter(f.engine, read_guest("starter.wasm"));
    f.fails(CMABI_STATUS_INTERRUPTED, [&] { f.store.within(5ms, [&] { f.linker.instantiate(f.store, starter); }); });
}

namespace {
cmabi_interrupter *of_the_handler = nullptr;
volatile std::sig_atomic_t is_armed = 0;
}

TEST_CASE("a handler of signals may interrupt") {
    Stubborn f(interruptible());
    const auto interrupter = f.store.interrupter();
    of_the_handler = interrupter.get();
    struct sigaction action {}, before {};
    action.sa_handler = [](int) {
        if (is_armed != 0) cmabi_interrupter_interrupt(of_the_handler);
    };
    REQUIRE(sigaction(SIGALRM, &action, &before) == 0);
    is_armed = 1;
    itimerval every{{0, 5000}, {0, 5000}}, never{};
    setitimer(ITIMER_REAL, &every, nullptr);
    f.fails(CMABI_STATUS_INTERRUPTED, [&] {
        try {
            f.call("loop");
        } catch (...) {
            is_armed = 0;
            setitimer(ITIMER_REAL, &never, nullptr);
            throw;
        }
    });
    sigaction(SIGALRM, &before, nullptr);
}

TEST_CASE("where nothing runs, an interruption changes nothing") {
    std::optional<cmabi::interrupter> interrupter;
    {
        Stubborn f(interruptible());
        interrupter = f.store.interrupter();
        interrupter->interrupt();
        f.fine();
        // From within the host's function: what called it is stopped, once.
        f.host = [&] { interrupter->interrupt(); };
        f.fails(CMABI_STATUS_INTERRUPTED, [&] { f.call("again"); });
        f.host = [] {};
        f.call("once");
        f.store.within(1h, [] {});
    }
    interrupter->interrupt();
    cmabi_interrupter_interrupt(nullptr);
}

TEST_CASE("a store that was not made for it cannot be stopped") {
    Stubborn f(cmabi::config{});
    cmabi_interrupter *interrupter = nullptr;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "cmabi_config_set_interruptible", cmabi_store_interrupter, f.store.get(),
                &interrupter);
    CHECK(interrupter == nullptr);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "cmabi_config_set_interruptible", cmabi_store_set_deadline,
                f.store.get(), std::uint64_t{1});
}

TEST_CASE("stores have their deadlines side by side") {
    std::atomic<int> stopped{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < (is_slow ? 1 : 4); ++i) {
        threads.emplace_back([&stopped, i] {
            const cmabi::engine engine;
            cmabi::linker linker(engine);
            linker.func("host", [] {});
            linker.func("sink", [](std::vector<std::string>) {});
            const cmabi::component component(engine, GUEST_DIR "/stubborn.wasm");
            cmabi::store store(engine, interruptible());
            for (int turn = 0; turn < (is_slow ? 1 : 5); ++turn) {
                const auto instance = linker.instantiate(store, component);
                try {
                    store.within(std::chrono::milliseconds(1 + i), [&] { instance.func<void()>("loop")(); });
                } catch (const cmabi::error &error) {
                    stopped += error.status() == CMABI_STATUS_INTERRUPTED;
                }
            }
        });
    }
    for (auto &thread : threads) thread.join();
    CHECK(stopped == (is_slow ? 1 : 20));
}

#ifndef CMABI_NO_WASI
TEST_CASE("a guest that sleeps is stopped") {
    const cmabi::engine engine;
    cmabi::linker linker(engine);
    linker.wasi(cmabi::wasi());
    const cmabi::component component(engine, GUEST_DIR "/napper.wasm");
    cmabi::store store(engine, interruptible());
    const auto nap = [&](std::uint64_t ns) {
        return linker.instantiate(store, component).func<std::uint64_t(std::uint64_t)>("nap")(ns);
    };
    const auto stops = [&](const std::function<void()> &sleep) {
        try {
            sleep();
            FAIL("nothing stopped it");
        } catch (const cmabi::error &error) {
            CHECK_MESSAGE(error.status() == CMABI_STATUS_INTERRUPTED, error.what());
        }
        CHECK(nap(1) < 1'000'000'000);
    };
    stops([&] { store.within(20ms, [&] { nap(3'600'000'000'000); }); });
    stops([&] {
        const Watchdog watchdog(store.interrupter());
        nap(3'600'000'000'000);
    });
}
#endif

TEST_CASE("an instance that is terminated is gone, and says so") {
    Stubborn f(cmabi::config{});
    f.call("once");
    const auto before = f.counts();
    const auto once = f.instance->func<void()>("once");
    f.instance->terminate();
    CHECK(f.counts().guest_bytes + (1 << 20) <= before.guest_bytes);
    const auto message = f.fails(CMABI_STATUS_ENDED, [&] { once(); });
    CHECK_MESSAGE(message.find("it has ended: component was terminated by the host") != std::string::npos, message);

    SUBCASE("twice") {
        f.instance->terminate();
        f.instance->terminate();
        f.fine();
    }
    SUBCASE("from within its own call") {
        f.host = [&] { f.instance->terminate(); };
        const auto told = f.fails(CMABI_STATUS_TRAP, [&] { f.call("again"); });
        CHECK_MESSAGE(told.find("terminated by the host") != std::string::npos, told);
    }
    SUBCASE("while it waits") {
        CHECK(f.instance->func<uint32_t()>("returned")() == 1);
        for (int i = 0; i < 3; ++i) CHECK(f.store.tick());
        CHECK(f.counts().ready + f.counts().waiting > 0);
        f.instance->terminate();
        CHECK(f.counts().ready + f.counts().waiting == 0);
        f.store.run();
        f.fine();
    }
}

TEST_CASE("a dead instance says what has ended it") {
    Stubborn f(interruptible());
    try {
        f.store.within(5ms, [&] { f.call("loop"); });
    } catch (const cmabi::error &) {
    }
    const auto message = f.fails(CMABI_STATUS_ENDED, [&] { f.call("once"); });
    CHECK_MESSAGE(message.find("it has ended: interrupted") != std::string::npos, message);
}

TEST_CASE("what ended instances had is given back before the store goes") {
    Stubborn f(cmabi::config{});
    const int count = is_slow ? 2 : 30;
    const auto before = f.counts().guest_bytes;
    for (int i = 0; i < count; ++i) {
        f.instance = f.linker.instantiate(f.store, f.component);
        f.call("once");
        f.instance->terminate();
    }
    // A memory that no export names stays until the store goes.
    CHECK(f.counts().guest_bytes <= before + static_cast<std::uint64_t>(count) * (3 << 19));
}
