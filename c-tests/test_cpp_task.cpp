// Calls in coroutines. Built as C++20 where the compiler has it; empty otherwise.
#include "sleeper.hpp"

#ifdef __cpp_impl_coroutine

#include <coroutine>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

using cmabi::task;
using sleeper::Host;
using sleeper::Sleeper;
using std::uint32_t;

namespace {

using doze_func = cmabi::func<uint32_t(uint32_t)>;

// What a coroutine waits for until the test opens it.
class Gate {
public:
    auto operator co_await() {
        struct awaiter {
            Gate &gate;
            bool await_ready() const { return false; }
            void await_suspend(std::coroutine_handle<> coroutine) { gate.waiting_ = coroutine; }
            void await_resume() const {}
        };
        return awaiter{*this};
    }
    void open() { std::exchange(waiting_, nullptr).resume(); }

private:
    std::coroutine_handle<> waiting_;
};

task<uint32_t> sum(doze_func doze, uint32_t a, uint32_t b) {
    auto first = doze.start(a), second = doze.start(b);
    const uint32_t result = co_await std::move(first);
    co_return result + co_await std::move(second);
}

// A host with a `sleep` of the test's choice.
template <class Sleep>
struct With : Host {
    explicit With(Sleep sleep) {
        linker.func(sleeper::host, "sleep", std::move(sleep));
        offer_name();
        offer_rest();
        instantiate();
    }
};

} // namespace

TEST_CASE("a coroutine waits for calls") {
    Sleeper f;
    task<uint32_t> job = sum(f.sleep_func("doze"), 10, 20);
    CHECK(job);
    CHECK(!job.done());
    CHECK_THROWS_WITH_AS(job.get(), doctest::Contains("not there yet"), cmabi::error);
    REQUIRE(f.sleeps.size() == 2);
    f.answer(100);
    CHECK(!job.done());
    f.answer(200);
    CHECK(job.done());
    CHECK(job.get() == 300);
    job.cancel();
    CHECK(!task<void>());
}

TEST_CASE("coroutines wait for one another") {
    Sleeper f;
    const auto doze = f.sleep_func("doze");
    std::vector<std::string> log;
    const auto twice = [](doze_func doze, std::vector<std::string> &log) -> task<void> {
        log.push_back(std::to_string(co_await sum(doze, 1, 2)));
        auto other = sum(doze, 3, 4);
        log.push_back("between");
        log.push_back(std::to_string(co_await std::move(other)));
    };
    auto job = twice(doze, log);
    for (uint32_t i = 1; i <= 4; ++i) {
        CHECK_THROWS_WITH_AS(job.get(), doctest::Contains("not at its end"), cmabi::error);
        f.answer(i);
    }
    job.get();
    CHECK(log == std::vector<std::string>{"3", "between", "7"});
}

TEST_CASE("a coroutine gets what a call failed with") {
    Sleeper f;
    const auto careful = [](doze_func doze) -> task<std::string> {
        try {
            co_await doze.start(1);
        } catch (const cmabi::error &error) {
            co_return error.what();
        }
        co_return "no error";
    };
    auto job = careful(f.sleep_func("doze-and-trap"));
    auto other = sum(f.sleep_func("doze"), 1, 2);
    CHECK_THROWS_AS(f.answer(1), cmabi::error);
    CHECK(job.get().find("unreachable") != std::string::npos);
    CHECK_THROWS_WITH_AS(other.get(), doctest::Contains("unreachable"), cmabi::error);
    // A call that cannot be started.
    CHECK_THROWS_AS(sum(f.sleep_func("doze"), 1, 2).get(), cmabi::error);
}

TEST_CASE("a coroutine that is dropped forgets what it waits for") {
    Sleeper f;
    const auto held = std::make_shared<int>(0);
    const auto hold = [](doze_func doze, std::shared_ptr<int>) -> task<uint32_t> {
        co_return co_await sum(doze, 1, 2);
    };
    {
        auto job = hold(f.sleep_func("doze"), held);
        CHECK(held.use_count() > 1);
        job = hold(f.sleep_func("doze"), held);
    }
    CHECK(held.use_count() == 1);
    while (!f.sleeps.empty()) {
        f.answer(1);
    }
}

TEST_CASE("a coroutine is cancelled with what it waits for") {
    Sleeper f;
    const auto nested = [](doze_func doze) -> task<uint32_t> { co_return co_await sum(doze, 1, 2); };
    auto job = nested(f.sleep_func("doze"));
    auto &first = f.sleeps.at(0).promise, &second = f.sleeps.at(1).promise;
    first.on_cancel([&] { first.cancel(); });
    job.cancel();
    CHECK(job.done());
    CHECK_THROWS_AS(job.get(), cmabi::cancelled);
    CHECK(!second.cancel_requested());
}

TEST_CASE("a host function that is a coroutine answers at its end") {
    Gate gate;
    std::string seen;
    Host f;
    f.offer_sleep();
    f.offer_rest();
    // What a view among the arguments points to stays, and so does what the lambda has captured.
    f.linker.func(sleeper::host, "name",
                  [&gate, &seen, greeting = std::string("Dear ")](uint32_t n) -> task<std::string> {
                      co_await gate;
                      seen = std::to_string(n);
                      co_return greeting + seen;
                  });
    f.instantiate();
    auto call = f.func<std::string(uint32_t)>("text").start(7);
    CHECK(!call.done());
    gate.open();
    CHECK(seen == "7");
    CHECK(!call.done());
    f.store->run();
    CHECK(call.get() == "Dear 7");
}

TEST_CASE("a host function that is a coroutine may have no need to wait, and may throw") {
    Gate gate;
    With f([&gate](uint32_t ms) -> task<uint32_t> {
        if (ms == 1) throw std::out_of_range("at once");
        if (ms == 2) {
            co_await gate;
            throw std::out_of_range("later");
        }
        co_return ms + 1;
    });
    CHECK(f.sleep_func("doze")(5) == 6);
    CHECK_THROWS_WITH_AS(f.sleep_func("doze")(1), "at once", std::out_of_range);
    f.instantiate();
    auto call = f.sleep_func("doze").start(2);
    gate.open();
    CHECK_THROWS_WITH_AS(call.get(), doctest::Contains("later"), cmabi::error);
}

TEST_CASE("a host function calls guests while it serves one") {
    Sleeper inner;
    // Not captured by value: a function keeps its store, which here would keep it.
    const auto doze = inner.sleep_func("doze");
    cmabi::linker linker(inner.engine);
    linker.func(sleeper::host, "sleep", [&doze](uint32_t ms) { return sum(doze, ms, ms + 1); });
    linker.func(sleeper::host, "name", [](uint32_t) { return std::string(); });
    linker.func(sleeper::host, "deal", [] { return sleeper::suit::hearts; });
    linker.func(sleeper::host, "notify", []() -> task<void> { co_return; });
    const auto outer = linker.instantiate(*inner.store, inner.component);
    outer.func<void()>("notify")();
    auto call = outer.func<uint32_t(uint32_t)>("doze").start(5);
    REQUIRE(inner.sleeps.size() == 2);
    CHECK(inner.sleeps[1].arg == 6);

    SUBCASE("to the end") {
        inner.answer(50);
        inner.answer(60);
        CHECK(call.get() == 110);
    }
    SUBCASE("until it is cancelled, which it passes on") {
        auto &first = inner.sleeps.at(0).promise;
        first.on_cancel([&] { first.cancel(); });
        call.cancel();
        inner.store->run();
        CHECK_THROWS_AS(call.get(), cmabi::cancelled);
    }
    SUBCASE("until it traps, which it passes on") {
        inner.sleeps.at(0).promise.fail("no beds");
        CHECK_THROWS_WITH_AS(call.get(), doctest::Contains("no beds"), cmabi::error);
    }
}

TEST_CASE("a host function is told of cancellation") {
    Gate gate;
    int told = 0;
    With f([&](uint32_t ms) -> task<uint32_t> {
        const bool agree = ms == 1;
        co_await cmabi::on_cancel([&told, &gate, agree] {
            ++told;
            if (agree) gate.open();
        });
        co_await gate;
        if (told != 0 && agree) throw cmabi::cancelled();
        co_return 9;
    });
    SUBCASE("and agrees at once") {
        auto call = f.sleep_func("doze").start(1);
        call.cancel();
        CHECK(told == 1);
        CHECK_THROWS_AS(call.get(), cmabi::cancelled);
    }
    SUBCASE("and does not") {
        auto call = f.sleep_func("doze").start(2);
        call.cancel();
        CHECK(told == 1);
        CHECK(!call.done());
        gate.open();
        f.store->run();
        CHECK(call.get() == 9);
    }
    SUBCASE("but was not asked, and cancels") {
        auto call = f.sleep_func("doze").start(1);
        told = 1;
        gate.open();
        CHECK_THROWS_WITH_AS(call.get(), doctest::Contains("cancel"), cmabi::error);
    }
}

TEST_CASE("coroutines outlive their store") {
    Gate gate;
    std::string reason;
    const auto held = std::make_shared<int>(0);
    {
        With f([&gate, held](uint32_t) -> task<uint32_t> {
            co_await gate;
            co_return uint32_t(held.use_count());
        });
        const auto wait = [](doze_func doze, std::string &reason) -> task<void> {
            try {
                co_await doze.start(1);
            } catch (const cmabi::error &error) {
                reason = error.what();
            }
        };
        auto job = wait(f.sleep_func("doze"), reason);
        CHECK(!job.done());
        CHECK(reason.empty());
        f.linker = cmabi::linker(f.engine);
        f.instance.reset();
        f.store.reset();
        CHECK(reason.empty());
    }
    CHECK(held.use_count() > 1);
    gate.open();
    CHECK(held.use_count() == 1);
}

TEST_CASE("empty tasks and subtasks say so") {
    CHECK_THROWS_WITH_AS(task<int>().done(), "an empty task", cmabi::error);
    CHECK_THROWS_WITH_AS(task<int>().cancel(), "an empty task", cmabi::error);
    CHECK_THROWS_WITH_AS(task<int>().get(), "an empty task", cmabi::error);
    CHECK_THROWS_WITH_AS(cmabi::subtask<int>().done(), "an empty subtask", cmabi::error);
    CHECK_THROWS_WITH_AS(cmabi::subtask<int>().get(), "an empty subtask", cmabi::error);
    CHECK_THROWS_WITH_AS(cmabi::subtask<int>().then([](cmabi::subtask<int>) {}), "an empty subtask", cmabi::error);
}

#endif // __cpp_impl_coroutine
