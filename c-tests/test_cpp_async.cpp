// Calls in C++ that go on while the host does something else, in both directions.
#include "sleeper.hpp"

#include <chrono>
#include <functional>
#include <future>
#include <stdexcept>
#include <thread>

using cmabi::promise;
using cmabi::subtask;
using sleeper::Host;
using sleeper::Sleeper;
using std::uint32_t;

TEST_CASE("a call is started, and its result taken when it is over") {
    Sleeper f;
    subtask<uint32_t> call = f.sleep_func("doze").start(5);
    CHECK(call);
    CHECK(!call.done());
    CHECK(call.state() == CMABI_SUBTASK_STATE_STARTED);
    CHECK_THROWS_WITH_AS(call.get(), doctest::Contains("not there yet"), cmabi::error);
    REQUIRE(f.sleeps.size() == 1);
    CHECK(f.sleeps[0].arg == 5);
    f.store->run();
    CHECK(!call.done());
    f.answer(50);
    CHECK(call.done());
    CHECK(call.state() == CMABI_SUBTASK_STATE_RETURNED);
    CHECK(call.get() == 50);
    CHECK_THROWS_WITH_AS(call.get(), doctest::Contains("taken"), cmabi::error);
    call.cancel();
    CHECK(call.state() == CMABI_SUBTASK_STATE_RETURNED);
}

TEST_CASE("a call of a sync C++ function is over at once") {
    Host f;
    f.linker.func(sleeper::host, "sleep", [](uint32_t ms) { return ms + 1; });
    f.linker.func(sleeper::host, "name", [](uint32_t) { return std::string("Ada"); });
    f.offer_rest();
    f.instantiate();
    subtask<uint32_t> call = f.sleep_func("nap").start(5);
    CHECK(call.done());
    CHECK(call.get() == 7);
    int told = 0;
    f.sleep_func("doze").start(1).then([&](subtask<uint32_t> over) { told += int(over.get()); });
    CHECK(told == 2);
    CHECK(f.func<std::string(uint32_t)>("text").start(1).get() == "Ada");
    CHECK(f.func<sleeper::suit()>("deal").start().future().get() == sleeper::suit::spades);
    subtask<void> notified = f.func<void()>("notify").start();
    CHECK(notified.done());
    notified.get();
    CHECK(f.sleep_func("doze")(3) == 4);
}

TEST_CASE("a function that was said to answer at once has to") {
    Host f;
    f.offer_sleep();
    f.offer_name();
    f.offer_rest();
    f.linker.set_immediate(sleeper::host, "sleep");
    CHECK_THROWS_WITH_AS(f.linker.set_immediate(sleeper::host, "slept"), doctest::Contains("no function is offered"),
                         cmabi::error);
    f.instantiate();
    CHECK_THROWS_WITH_AS(f.sleep_func("nap")(1), doctest::Contains("said to answer at once"), cmabi::error);
}

TEST_CASE("many calls end in any order, and tell") {
    Sleeper f;
    const auto doze = f.sleep_func("doze");
    constexpr uint32_t count = 100;
    std::vector<uint32_t> results;
    std::vector<std::future<uint32_t>> futures;
    for (uint32_t i = 0; i < count; ++i) {
        if (i % 2 == 0) {
            doze.start(i).then([&](subtask<uint32_t> over) { results.push_back(over.get()); });
        } else {
            futures.push_back(doze.start(i).future());
        }
    }
    REQUIRE(f.sleeps.size() == count);
    for (uint32_t i = 0; i < count; ++i) {
        auto &next = f.sleeps[i * 7 % count];
        next.promise.resolve(next.arg + 1000);
        CHECK(!next.promise);
    }
    CHECK(results.empty());
    CHECK(futures[0].wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
    f.store->run();
    REQUIRE(results.size() == count / 2);
    CHECK(results[0] == 1000);
    CHECK(results[1] == 1014);
    for (uint32_t i = 0; i < count / 2; ++i) {
        CHECK(futures[i].get() == 1001 + 2 * i);
    }
}

TEST_CASE("arguments and results that lie elsewhere") {
    Sleeper f;
    const auto text = f.func<std::string(uint32_t)>("text");
    auto future = text.start(3).future();
    auto call = text.start(4);
    f.names[0].promise.resolve(std::string(5000, 'x'));
    f.names[1].promise.resolve("Grace");
    f.store->run();
    CHECK(future.get() == std::string(5000, 'x'));
    CHECK(call.get() == "Grace");
}

TEST_CASE("a call that is dropped is forgotten") {
    Sleeper f;
    const auto told = std::make_shared<int>(0);
    {
        auto call = f.sleep_func("doze").start(1);
        call.then([told](subtask<uint32_t>) { ++*told; });
        CHECK(told.use_count() == 2);
    }
    CHECK(told.use_count() == 1);
    auto call = f.sleep_func("doze").start(2);
    call = f.sleep_func("doze").start(3);
    CHECK(f.sleeps.size() == 3);
    f.answer(1);
    f.answer(2);
    CHECK(!call.done());
    f.answer(3);
    CHECK(*told == 0);
    CHECK(call.get() == 3);
    CHECK(!subtask<void>());
}

TEST_CASE("calls wait to start, and keep their arguments until then") {
    Sleeper f;
    const auto nap = f.sleep_func("nap");
    auto first = nap.start(1), second = nap.start(2), third = nap.start(3);
    CHECK(second.state() == CMABI_SUBTASK_STATE_STARTING);
    third.cancel();
    CHECK(third.state() == CMABI_SUBTASK_STATE_CANCELLED_BEFORE_STARTED);
    CHECK_THROWS_AS(third.get(), cmabi::cancelled);
    f.answer(10);
    CHECK(first.get() == 11);
    CHECK(f.sleeps[0].arg == 2);
    f.answer(20);
    CHECK(second.get() == 21);
}

TEST_CASE("cancellation goes through the guest to the host") {
    Sleeper f;
    int told = 0;
    auto call = f.sleep_func("doze").start(1);
    call.then([&](subtask<uint32_t> over) {
        CHECK_THROWS_AS(over.get(), cmabi::cancelled);
        ++told;
    });
    promise<uint32_t> &asked = f.sleeps.at(0).promise;
    CHECK(!asked.cancel_requested());
    CHECK_THROWS_AS(asked.cancel(), cmabi::error);

    SUBCASE("which agrees later") {
        call.cancel();
        CHECK(asked.cancel_requested());
        CHECK(!call.done());
        CHECK_THROWS_WITH_AS(call.cancel(), doctest::Contains("requested before"), cmabi::error);
        int hooks = 0;
        asked.on_cancel([&] { ++hooks; });
        CHECK(hooks == 1);
        asked.cancel();
        CHECK(!asked);
        f.store->run();
    }
    SUBCASE("which agrees at once") {
        asked.on_cancel([&] { asked.cancel(); });
        call.cancel();
    }
    SUBCASE("and a hook may be taken over by another") {
        const auto state = std::make_shared<int>(0);
        asked.on_cancel([state] { ++*state; });
        asked.on_cancel([&asked] { asked.cancel(); });
        CHECK(state.use_count() == 1);
        call.cancel();
    }
    CHECK(told == 1);
    CHECK(call.state() == CMABI_SUBTASK_STATE_CANCELLED_BEFORE_RETURNED);
    CHECK_THROWS_AS(call.get(), cmabi::cancelled);
}

TEST_CASE("a promise that is broken makes the guest trap with the reason") {
    Sleeper f;
    auto call = f.sleep_func("doze").start(1);
    std::string reason;
    const auto run = [&] {
        try {
            f.store->run();
        } catch (const std::exception &error) {
            return std::string(error.what());
        }
        return std::string("no error");
    };
    SUBCASE("dropped") {
        reason = "dropped the call";
        f.sleeps.clear();
    }
    SUBCASE("failed") {
        reason = "no beds";
        f.sleeps[0].promise.fail("no beds");
        f.sleeps[0].promise.fail("twice");
    }
    SUBCASE("by a hook that throws") {
        reason = "no pillows";
        f.sleeps[0].promise.on_cancel([] { throw std::runtime_error("no pillows"); });
        CHECK_THROWS_WITH_AS(call.cancel(), doctest::Contains("no pillows"), cmabi::error);
    }
    run();
    CHECK(call.done());
    CHECK_THROWS_WITH_AS(call.get(), doctest::Contains(reason.c_str()), cmabi::error);
    CHECK_THROWS_WITH_AS(call.state(), doctest::Contains(reason.c_str()), cmabi::error);
    CHECK_THROWS_AS(f.sleep_func("doze").start(1), cmabi::error);
}

TEST_CASE("a promise is answered once") {
    Sleeper f;
    auto call = f.sleep_func("doze").start(1);
    promise<uint32_t> kept = std::move(f.sleeps[0].promise);
    kept.resolve(1u);
    CHECK(!kept);
    CHECK_THROWS_WITH_AS(kept.resolve(2u), doctest::Contains("answered before"), cmabi::error);
    CHECK_THROWS_AS(kept.on_cancel([] {}), cmabi::error);
    CHECK_THROWS_WITH_AS(promise<void>().resolve(), doctest::Contains("empty"), cmabi::error);
    f.store->run();
    CHECK(call.get() == 1);
}

TEST_CASE("a function with a promise may answer at once, and may fail") {
    Host f;
    promise<uint32_t> kept;
    f.linker.func(sleeper::host, "sleep", [&](promise<uint32_t> answer, uint32_t ms) {
        switch (ms) {
        case 0:
            answer.resolve(7u);
            break;
        case 1:
            kept = std::move(answer);
            throw std::out_of_range("kept, and failed");
        case 2:
            answer.resolve(8u);
            throw std::out_of_range("answered, and failed");
        default:
            break;
        }
    });
    f.offer_name();
    f.offer_rest();
    const auto call = [&](uint32_t ms) {
        f.instantiate();
        return f.sleep_func("doze")(ms);
    };
    CHECK(call(0) == 7);
    CHECK_THROWS_WITH_AS(call(1), "kept, and failed", std::out_of_range);
    CHECK(!kept);
    CHECK_THROWS_WITH_AS(call(2), "answered, and failed", std::out_of_range);
    CHECK_THROWS_WITH_AS(call(3), doctest::Contains("dropped the call"), cmabi::error);
}

TEST_CASE("a trap ends the calls of an instance, and tells them") {
    Sleeper f;
    auto trapping = f.sleep_func("doze-and-trap").start(1).future();
    auto other = f.sleep_func("doze").start(2);
    CHECK_THROWS_WITH_AS(f.answer(1), doctest::Contains("unreachable"), cmabi::error);
    CHECK_THROWS_WITH_AS(trapping.get(), doctest::Contains("unreachable"), cmabi::error);
    CHECK_THROWS_WITH_AS(other.get(), doctest::Contains("unreachable"), cmabi::error);
    f.sleeps.clear();
    f.store->run();
}

TEST_CASE("what a callback throws is thrown by who runs the store") {
    Sleeper f;
    int later = 0;
    f.sleep_func("doze").start(1).then(
        [](subtask<uint32_t>) { throw std::out_of_range("from the callback"); });
    f.sleep_func("doze").start(1).then([&](subtask<uint32_t>) { ++later; });
    f.sleeps[0].promise.resolve(1u);
    f.sleeps[1].promise.resolve(1u);
    CHECK_THROWS_WITH_AS(f.store->run(), "from the callback", std::out_of_range);
    f.store->run();
    CHECK(later == 1);
}

TEST_CASE("what a callback throws where nothing runs the store is thrown by who runs it next") {
    Sleeper f;
    f.sleep_func("doze").start(1).then([](subtask<uint32_t> over) { over.get(); });
    SUBCASE("a promise fails") {
        f.sleeps[0].promise.fail("too loud");
        CHECK_THROWS_WITH_AS(f.store->run(), doctest::Contains("too loud"), cmabi::error);
    }
    SUBCASE("a promise is dropped") {
        f.sleeps.clear();
        CHECK_THROWS_WITH_AS(f.store->run(), doctest::Contains("dropped the call"), cmabi::error);
    }
    SUBCASE("the first of several") {
        f.sleep_func("doze").start(1).then([](subtask<uint32_t>) { throw std::out_of_range("the second"); });
        f.sleeps[0].promise.fail("the first");
        CHECK_THROWS_WITH_AS(f.store->run(), doctest::Contains("the first"), cmabi::error);
    }
    f.store->run();
}

TEST_CASE("a promise that a guest cannot take fails, and what a callback throws then is kept") {
    Host f;
    f.offer_sleep();
    f.linker.func(sleeper::host, "name", [&](promise<std::string> promise, uint32_t n) {
        f.names.push_back({n, std::move(promise)});
    });
    f.offer_rest();
    f.instantiate();
    f.func<std::string(uint32_t)>("text").start(1).then([](subtask<std::string> over) { over.get(); });
    // More than the guest's memory has room for.
    CHECK_THROWS_AS(f.names[0].promise.resolve(std::string(1 << 20, 'x')), cmabi::error);
    CHECK_THROWS_AS(f.store->run(), cmabi::error);
    f.store->run();
}

TEST_CASE("a callback may start calls and drop its own") {
    Sleeper f;
    const auto doze = f.sleep_func("doze");
    subtask<uint32_t> call;
    std::vector<uint32_t> results;
    std::function<void(uint32_t)> next = [&](uint32_t i) {
        call = doze.start(i);
        call.then([&, i](subtask<uint32_t> over) {
            results.push_back(over.get());
            call = {};
            if (i < 3) next(i + 1);
        });
    };
    next(1);
    f.answer(10);
    f.answer(20);
    f.answer(30);
    CHECK(results == std::vector<uint32_t>{10, 20, 30});
    CHECK(f.sleeps.empty());
}

TEST_CASE("the store goes first") {
    promise<uint32_t> kept;
    subtask<uint32_t> started, waiting;
    std::future<uint32_t> future;
    const auto hooked = std::make_shared<int>(0);
    {
        Sleeper f;
        started = f.sleep_func("nap").start(1);
        waiting = f.sleep_func("nap").start(2);
        future = f.sleep_func("nap").start(3).future();
        waiting.then([&](subtask<uint32_t> over) {
            ++*hooked;
            CHECK_THROWS_WITH_AS(over.get(), doctest::Contains("store was freed"), cmabi::error);
            started = {};
            throw std::runtime_error("nobody is told");
        });
        kept = std::move(f.sleeps[0].promise);
        kept.on_cancel([hooked] {});
        CHECK(hooked.use_count() == 2);
    }
    CHECK(hooked.use_count() == 1);
    CHECK(*hooked == 1);
    CHECK(!started);
    CHECK_THROWS_WITH_AS(waiting.state(), doctest::Contains("store was freed"), cmabi::error);
    CHECK_THROWS_WITH_AS(future.get(), doctest::Contains("store was freed"), cmabi::error);
    CHECK(!kept.cancel_requested());
    CHECK_THROWS_WITH_AS(kept.resolve(1u), doctest::Contains("store that was freed"), cmabi::error);
}

TEST_CASE("promises of other types and wrong ones") {
    Host f;
    f.linker.func(sleeper::host, "sleep", [](promise<std::string>, uint32_t) {});
    f.offer_name();
    f.offer_rest();
    CHECK_THROWS_WITH_AS(f.instantiate(), doctest::Contains("given func(u32) -> string"), cmabi::error);

    std::vector<promise<sleeper::suit>> deals;
    std::vector<promise<void>> notes;
    f.linker = cmabi::linker(f.engine);
    f.offer_sleep();
    f.offer_name();
    f.linker.func(sleeper::host, "deal",
                  [&](promise<sleeper::suit> answer) { deals.push_back(std::move(answer)); });
    f.linker.func(sleeper::host, "notify",
                  [&](promise<void> answer) { notes.push_back(std::move(answer)); });
    f.instantiate();
    auto dealt = f.func<sleeper::suit()>("deal").start();
    CHECK_THROWS_WITH_AS(deals.at(0).resolve(sleeper::suit(7)), doctest::Contains("7 of 2 cases"),
                         cmabi::error);
    CHECK(!deals.at(0));
    CHECK_THROWS_WITH_AS(dealt.get(), doctest::Contains("7 of 2 cases"), cmabi::error);
    f.instantiate();
    auto notified = f.func<void()>("notify").start();
    notes.at(0).resolve();
    f.store->run();
    notified.get();
}

TEST_CASE("another thread wakes the one that has the store") {
    Sleeper f;
    auto call = f.sleep_func("doze").start(1);
    std::optional<cmabi::waker> kept;
    {
        const cmabi::waker waker = f.store->waker();
        CHECK(!waker.clear());
        CHECK(waker.fd() >= 0);
        std::thread([copy = waker] { copy.wake(); }).join();
        CHECK(waker.clear());
        CHECK(!waker.clear());
        kept = waker;
    }
    f.answer(3);
    CHECK(call.get() == 3);
    f.instance.reset();
    f.store.reset();
    kept->wake();
    CHECK(kept->clear());
}
