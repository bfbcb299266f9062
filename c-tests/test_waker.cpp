// The waker, and the numbers and texts that say what a store is doing.
#include "async.hpp"

#include <poll.h>
#include <thread>

namespace {

using Waker = Handle<cmabi_waker, cmabi_waker_free>;

bool readable(const Waker &waker, int timeout_ms = 0) {
    pollfd wanted = {cmabi_waker_fd(waker), POLLIN, 0};
    return poll(&wanted, 1, timeout_ms) == 1;
}

struct Numbers {
    std::uint32_t ready, waiting, suspended, waiting_to_enter, backpressure, pending_host_tasks;
    bool operator==(const Numbers &other) const {
        return ready == other.ready && waiting == other.waiting && suspended == other.suspended &&
               waiting_to_enter == other.waiting_to_enter && backpressure == other.backpressure &&
               pending_host_tasks == other.pending_host_tasks;
    }
};

Numbers numbers(const cmabi_counts &c) {
    return {c.ready, c.waiting, c.suspended, c.waiting_to_enter, c.backpressure, c.pending_host_tasks};
}

Numbers of_store(Sleeper &f) {
    cmabi_counts counts = CMABI_COUNTS_INIT;
    CHECK_OK(cmabi_store_counts, f.store, &counts);
    CHECK(counts.size == sizeof counts);
    return numbers(counts);
}

Numbers of_instance(Sleeper &f) {
    cmabi_counts counts = CMABI_COUNTS_INIT;
    CHECK_OK(cmabi_instance_counts, f.store, f.instance, &counts);
    return numbers(counts);
}

std::string dump(Sleeper &f) {
    cmabi_string dump;
    CHECK_OK(cmabi_store_dump, f.store, &dump, f.arena);
    return text(dump);
}

} // namespace

TEST_CASE("waking is seen until it is cleared") {
    Sleeper f;
    Waker waker;
    REQUIRE_OK(cmabi_store_waker, f.store, waker.out());
    CHECK(!readable(waker));
    CHECK(!cmabi_waker_clear(waker));
    cmabi_waker_wake(waker);
    cmabi_waker_wake(waker);
    CHECK(readable(waker));
    CHECK(cmabi_waker_clear(waker));
    CHECK(!cmabi_waker_clear(waker));
    CHECK(!readable(waker));
    Waker same;
    REQUIRE_OK(cmabi_store_waker, f.store, same.out());
    CHECK(same.get() == waker.get());
}

TEST_CASE("a waker outlives its store") {
    Waker waker, clone;
    {
        Sleeper f;
        REQUIRE_OK(cmabi_store_waker, f.store, waker.out());
        *clone.out() = cmabi_waker_clone(waker);
    }
    CHECK(clone.get() == waker.get());
    waker = {};
    cmabi_waker_wake(clone);
    CHECK(readable(clone));
    CHECK(cmabi_waker_clear(clone));
}

TEST_CASE("threads wake while the store is used") {
    Sleeper f;
    Waker waker;
    REQUIRE_OK(cmabi_store_waker, f.store, waker.out());
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) {
        threads.emplace_back([own = Waker(cmabi_waker_clone(waker))] {
            for (int round = 0; round < 100; round++) {
                cmabi_waker_wake(own);
            }
        });
    }
    const std::uint32_t ms = 1;
    for (int i = 0; i < 100; i++) {
        const Subtask subtask = f.start("doze", &ms);
        f.answer(1);
        cmabi_waker_clear(waker);
        f.run();
        CHECK(f.result(subtask) == 1);
    }
    for (auto &thread : threads) {
        thread.join();
    }
    cmabi_waker_wake(waker);
    CHECK(readable(waker, 1000));
}

TEST_CASE("a store in use on one thread is busy on another") {
    Sleeper f;
    f.on_sleep = [](Sleeper &self, cmabi_task *, std::uint32_t *result) -> cmabi_status {
        *result = 1;
        std::thread([&self] {
            Waker waker;
            CHECK_FAILS(CMABI_STATUS_BUSY, "another thread", cmabi_store_waker, self.store, waker.out());
            CHECK_FAILS(CMABI_STATUS_BUSY, "another thread", cmabi_store_run, self.store);
        }).join();
        return CMABI_STATUS_OK;
    };
    const std::uint32_t ms = 1;
    CHECK(f.result(f.start("doze", &ms)) == 1);
}

TEST_CASE("without wakers") {
    cmabi_waker_wake(nullptr);
    CHECK(!cmabi_waker_clear(nullptr));
    CHECK(cmabi_waker_fd(nullptr) == -1);
    CHECK(cmabi_waker_clone(nullptr) == nullptr);
    cmabi_waker_free(nullptr);
    Waker waker;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`store` is NULL", cmabi_store_waker, nullptr, waker.out());
}

TEST_CASE("counts and dump") {
    Sleeper f;
    CHECK(of_store(f) == Numbers{});
    CHECK(dump(f).empty());
    const std::uint32_t args[] = {1, 2, 3};
    const Subtask first = f.start("nap", &args[0]);
    const Subtask second = f.start("nap", &args[1]);
    CHECK(of_store(f) == Numbers{0, 2, 0, 1, 0, 1});
    CHECK(of_instance(f) == Numbers{0, 2, 0, 1, 0, 0});
    CHECK(dump(f) == "component: backpressure 0, 1 calls wait to start\n"
                     "nap in component waits for the result of test:guest/host@1.0.0#sleep\n"
                     "nap in component waits until nap lets others into the instance\n"
                     "the host has not answered test:guest/host@1.0.0#sleep");
    f.answer(1);
    CHECK(of_store(f) == Numbers{1, 1, 0, 1, 0, 0});
    CHECK(dump(f).find("nap in component is ready") != std::string::npos);
    f.run();
    f.answer(2);
    f.run();
    CHECK(of_store(f) == Numbers{});

    CHECK_OK(cmabi_func_call, f.store, f.func("press"), nullptr, nullptr, nullptr);
    const Subtask third = f.start("doze", &args[2]);
    CHECK(of_store(f) == Numbers{0, 1, 0, 1, 1, 0});
    CHECK(dump(f) == "component: backpressure 1, 1 calls wait to start\n"
                     "doze in component waits to start: its instance has set backpressure");
    // Another instance has numbers of its own.
    Handle<cmabi_instance, cmabi_instance_free> kept(std::move(f.instance));
    f.instantiate();
    CHECK(of_instance(f) == Numbers{});
    CHECK_OK(cmabi_func_call, f.store, Guest::func(kept, "release"), nullptr, nullptr, nullptr);
    f.run();
    CHECK(dump(f) == "doze in component waits for the result of test:guest/host@1.0.0#sleep\n"
                     "the host has not answered test:guest/host@1.0.0#sleep");
}

TEST_CASE("counts that are not what they say") {
    Sleeper f;
    cmabi_counts counts = CMABI_COUNTS_INIT;
    counts.size = 4;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`counts` says it has 4 bytes", cmabi_store_counts,
                f.store, &counts);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`counts` is NULL", cmabi_store_counts, f.store,
                nullptr);
    Sleeper other;
    counts = CMABI_COUNTS_INIT;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`instance` belongs to another store",
                cmabi_instance_counts, f.store, other.instance, &counts);
}
