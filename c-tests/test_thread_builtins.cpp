// The built-ins `thread.*`, one by one.
#include "native.hpp"

namespace {

// A guest with a table of one function, which notes its argument and suspends itself.
struct Threads {
    explicit Threads(Native &native) : n(native), inst(n.instance("inst")) {
        table = n.table({n.core({I32}, {}, [this](const Values &args) {
            log.push_back(static_cast<int>(args[0]));
            CHECK(n.get(cmabi_canon_thread_suspend) == 0);
            log.push_back(-static_cast<int>(args[0]));
            return Values{};
        }), 0, n.core({I64}, {}, [this](const Values &args) {
            log.push_back(static_cast<int>(args[0] >> 32));
            return Values{};
        })});
    }

    Native &n;
    cmabi_component_instance inst;
    cmabi_core_table table = 0;
    std::vector<int> log;
};

} // namespace

TEST_CASE("thread.index is the place in the instance's table, and is used again") {
    Native n;
    Threads t(n);
    CHECK(run_guest(n, t.inst, [&] {
        CHECK(n.get(cmabi_canon_thread_index) == 1);
        const auto thread = n.new_thread(t.table, 0, 5);
        CHECK(thread == 2);
        CHECK(t.log.empty());
        CHECK(n.get(cmabi_canon_thread_yield_then_resume, thread) == 0);
        CHECK(t.log == std::vector<int>{5});
        CHECK(n.get(cmabi_canon_thread_yield_then_resume, thread) == 0);
        CHECK(t.log == std::vector<int>{5, -5});
        CHECK(n.new_thread(t.table, 0, 6) == 2);
        n.run(cmabi_canon_thread_resume_later, 2U);
        n.get(cmabi_canon_thread_yield);
        n.run(cmabi_canon_thread_resume_later, 2U);
    }) == "");
    CHECK(t.log == std::vector<int>{5, -5, 6, -6});
}

TEST_CASE("thread.new-indirect takes a function of the type that was said") {
    const auto trapping = [](const char *part, std::uint32_t index, const cmabi_core_type &param) {
        Native n;
        Threads t(n);
        const std::string message = run_guest(n, t.inst, [&] {
            const cmabi_core_func_type type{&param, 1, nullptr, 0};
            n.get(cmabi_canon_thread_new_indirect, &type, t.table, index, std::uint64_t{0});
        });
        CAPTURE(message);
        CHECK(message.find(part) != std::string::npos);
    };
    trapping("thread.new-indirect", 3, I32);
    trapping("thread.new-indirect", 1, I32);
    trapping("thread.new-indirect", 0, I64);
    trapping("thread.new-indirect", 2, I32);

    Native n;
    Threads t(n);
    CHECK(run_guest(n, t.inst, [&] {
        const cmabi_core_func_type type{&I64, 1, nullptr, 0};
        const auto thread =
            n.get(cmabi_canon_thread_new_indirect, &type, t.table, 2U, std::uint64_t{9} << 32);
        CHECK(n.get(cmabi_canon_thread_yield_then_resume, thread) == 0);
        Error error;
        std::uint32_t made = 0;
        const cmabi_core_type params[] = {I32, I32};
        const cmabi_core_func_type wrong{params, 2, nullptr, 0};
        CHECK(cmabi_canon_thread_new_indirect(n.store, &wrong, t.table, 0, 0, &made, error.out()) ==
              CMABI_STATUS_INVALID_ARGUMENT);
    }) == "");
    CHECK(t.log == std::vector<int>{9});
}

TEST_CASE("only suspended threads of the instance are resumed") {
    const auto each = [](auto check) {
        check([](Native &n, std::uint32_t thread) { n.run(cmabi_canon_thread_resume_later, thread); });
        check([](Native &n, std::uint32_t thread) { n.get(cmabi_canon_thread_suspend_then_resume, thread); });
        check([](Native &n, std::uint32_t thread) { n.get(cmabi_canon_thread_yield_then_resume, thread); });
    };
    each([](auto resume) {
        check_guest_traps("thread", [=](Native &n, cmabi_component_instance) { resume(n, 7); });
        check_guest_traps("thread", [=](Native &n, cmabi_component_instance) { resume(n, 0); });
        // Itself, which runs.
        check_guest_traps("thread", [=](Native &n, cmabi_component_instance) { resume(n, 1); });
        // One that is ready already.
        Native n;
        Threads t(n);
        const std::string message = run_guest(n, t.inst, [&] {
            const auto thread = n.new_thread(t.table, 0, 1);
            n.run(cmabi_canon_thread_resume_later, thread);
            resume(n, thread);
        });
        CHECK(message.find("thread") != std::string::npos);
    });
}

TEST_CASE("thread.suspend-then-resume and thread.yield-then-resume switch at once") {
    under_seeds([](Native &n) {
        const auto inst = n.instance("inst");
        std::vector<int> log;
        std::uint32_t main = 0;
        const auto table = n.table({n.core({I32}, {}, [&](const Values &) {
            log.push_back(1);
            CHECK(n.get(cmabi_canon_thread_suspend_then_resume, main) == 0);
            log.push_back(3);
            return Values{};
        })});
        CHECK(run_guest(n, inst, [&] {
            main = n.get(cmabi_canon_thread_index);
            const auto thread = n.new_thread(table, 0, 0);
            CHECK(n.get(cmabi_canon_thread_suspend_then_resume, thread) == 0);
            log.push_back(2);
            CHECK(n.get(cmabi_canon_thread_yield_then_resume, thread) == 0);
            log.push_back(4);
        }) == "");
        CHECK(log == std::vector<int>{1, 2, 3, 4});
    });
}

TEST_CASE("thread.*-then-promote run a ready thread at once, and take turns otherwise") {
    Native n;
    Threads t(n);
    CHECK(run_guest(n, t.inst, [&] {
        const auto first = n.new_thread(t.table, 0, 1);
        const auto second = n.new_thread(t.table, 0, 2);
        n.run(cmabi_canon_thread_resume_later, first);
        n.run(cmabi_canon_thread_resume_later, second);
        // Past the queue, in which the first comes first.
        CHECK(n.get(cmabi_canon_thread_yield_then_promote, second) == 0);
        CHECK(t.log == std::vector<int>{2, 1});
        // The second is suspended and not ready: an ordinary yield.
        CHECK(n.get(cmabi_canon_thread_yield_then_promote, second) == 0);
        CHECK(t.log == std::vector<int>{2, 1});
        n.run(cmabi_canon_thread_resume_later, first);
        n.run(cmabi_canon_thread_resume_later, second);
    }) == "");
    CHECK(t.log == std::vector<int>{2, 1, -1, -2});
    check_guest_traps("thread", [](Native &native, cmabi_component_instance) {
        native.get(cmabi_canon_thread_suspend_then_promote, 9U);
    });
}

TEST_CASE("a cancellation reaches no thread but an event loop") {
    under_seeds([](Native &n) {
        const auto callee_inst = n.instance("callee");
        auto opts = Native::options();
        opts.is_async = 1;
        const FuncType type = func({}, nullptr, true);
        std::uint32_t thread = 0;
        const auto callee = n.lift(callee_inst, n.core({}, {}, [&](const Values &) {
            thread = n.get(cmabi_canon_thread_index);
            CHECK(n.get(cmabi_canon_thread_suspend) == 0);
            n.task_return(nullptr, opts, {});
            return Values{};
        }), type, opts);
        const auto wake = n.lift(callee_inst, n.core({}, {}, [&](const Values &) {
            n.run(cmabi_canon_thread_resume_later, thread);
            return Values{};
        }), func({}), Native::options(), "wake");
        const auto caller = n.instance("caller");
        const auto lowered = n.lower(caller, callee, opts);
        const auto lowered_wake = n.lower(caller, wake, Native::options());
        CHECK(run_guest(n, caller, [&] {
            const Packed subtask(n.call1(lowered, {}));
            CHECK(subtask.state == STARTED);
            CHECK(n.get(cmabi_canon_subtask_cancel, true, subtask.rest) == BLOCKED);
            n.call(lowered_wake, {}, 0);
            Heap heap(16);
            const auto set = n.get(cmabi_canon_waitable_set_new);
            n.run(cmabi_canon_waitable_join, subtask.rest, set);
            CHECK(n.get(cmabi_canon_waitable_set_wait, n.memory(heap), set, std::uint64_t{0}) == SUBTASK);
            CHECK(heap.u32_at(4) == RETURNED);
        }) == "");
    });
}

TEST_CASE("a thread cannot promote itself") {
    check_guest_traps("cannot resume thread which is not suspended", [](Native &n, cmabi_component_instance) {
        n.get(cmabi_canon_thread_yield_then_promote, n.get(cmabi_canon_thread_index));
    });
    check_guest_traps("cannot resume thread which is not suspended", [](Native &n, cmabi_component_instance) {
        n.get(cmabi_canon_thread_suspend_then_promote, n.get(cmabi_canon_thread_index));
    });
}
