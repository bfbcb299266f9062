// What tasks may do, and when: turns, cancellation, returning, backpressure, context.
#include "native.hpp"

TEST_CASE("threads run in turns until all are done") {
    under_seeds([](Native &n) {
        const auto inst = n.instance("inst");
        std::vector<int> seen;
        const auto table = n.table({n.core({I32}, {}, [&](const Values &args) {
            for (int turn = 0; turn < 3; ++turn) {
                seen.push_back(static_cast<int>(args[0]));
                CHECK(n.get(cmabi_canon_thread_yield) == 0);
            }
            return Values{};
        })});
        CHECK(run_guest(n, inst, [&] {
            for (std::uint64_t i = 0; i < 4; ++i) {
                n.run(cmabi_canon_thread_resume_later, n.new_thread(table, 0, i));
            }
        }) == "");
        CHECK(seen.size() == 12);
        for (int i = 0; i < 4; ++i) {
            CHECK(std::count(seen.begin(), seen.end(), i) == 3);
        }
    });
}

TEST_CASE("without a seed threads run first in, first out") {
    Native n;
    const auto inst = n.instance("inst");
    std::vector<int> seen;
    const auto table = n.table({n.core({I32}, {}, [&](const Values &args) {
        for (int turn = 0; turn < 2; ++turn) {
            seen.push_back(static_cast<int>(args[0]));
            n.get(cmabi_canon_thread_yield);
        }
        return Values{};
    })});
    CHECK(run_guest(n, inst, [&] {
        for (std::uint64_t i = 0; i < 3; ++i) {
            n.run(cmabi_canon_thread_resume_later, n.new_thread(table, 0, i));
        }
    }) == "");
    CHECK(seen == std::vector<int>{0, 1, 2, 0, 1, 2});
}

TEST_CASE("the same seed gives the same order, and some seeds give others") {
    const auto order = [](std::uint64_t seed) {
        Native n(seed);
        const auto inst = n.instance("inst");
        std::vector<int> seen;
        const auto table = n.table({n.core({I32}, {}, [&](const Values &args) {
            seen.push_back(static_cast<int>(args[0]));
            return Values{};
        })});
        CHECK(run_guest(n, inst, [&] {
            for (std::uint64_t i = 0; i < 6; ++i) {
                n.run(cmabi_canon_thread_resume_later, n.new_thread(table, 0, i));
            }
        }) == "");
        return seen;
    };
    bool differs = false;
    for (std::uint64_t seed = 1; seed < 10; ++seed) {
        CHECK(order(seed) == order(seed));
        differs = differs || order(seed) != order(0);
    }
    CHECK(differs);
}

TEST_CASE("context is of the thread, fresh at first, two slots of 32 or 64 bits") {
    Native n;
    const auto inst = n.instance("inst");
    std::uint64_t in_thread = 1;
    const auto table = n.table({n.core({I32}, {}, [&](const Values &) {
        in_thread = n.context_get(0) + n.context_get(1);
        n.context_set(0, 99);
        return Values{};
    })});
    CHECK(run_guest(n, inst, [&] {
        CHECK(n.context_get(0) == 0);
        CHECK(n.context_get(1) == 0);
        n.context_set(0, 42);
        n.context_set(1, 0xfedcba9876543210, I64);
        const auto thread = n.new_thread(table, 0, 0);
        CHECK(n.get(cmabi_canon_thread_yield_then_resume, thread) == 0);
        CHECK(in_thread == 0);
        CHECK(n.context_get(0) == 42);
        CHECK(n.context_get(1, I64) == 0xfedcba9876543210);
        Error error;
        std::uint64_t value = 0;
        CHECK(cmabi_canon_context_get(n.store, I32, 2, &value, error.out()) == CMABI_STATUS_INVALID_ARGUMENT);
        CHECK(error.message().find("slot") != std::string::npos);
        CHECK(cmabi_canon_context_get(n.store, F32, 0, &value, error.out()) == CMABI_STATUS_INVALID_ARGUMENT);
    }) == "");
}

TEST_CASE("the counter of backpressure goes neither below 0 nor to 2^16") {
    check_guest_traps("backpressure", [](Native &n, cmabi_component_instance) { n.run(cmabi_canon_backpressure_dec); });
    check_guest_traps("backpressure", [](Native &n, cmabi_component_instance) {
        for (int i = 0; i < 65535; ++i) {
            n.run(cmabi_canon_backpressure_inc);
        }
        n.run(cmabi_canon_backpressure_inc);
    });
}

TEST_CASE("a cancelled task learns of it where it waits, and resolves without a result") {
    under_seeds([](Native &n) {
        const auto callee_inst = n.instance("callee");
        auto opts = Native::options();
        opts.is_async = 1;
        const FuncType type = func({}, u32(), true);
        opts.callback = n.core({I32, I32, I32}, {I32}, [&](const Values &event) {
            CHECK(event[0] == TASK_CANCELLED);
            n.run(cmabi_canon_task_cancel);
            return Values{0};
        });
        const auto callee = n.lift(callee_inst, n.core({}, {I32}, [&](const Values &) {
            // Nothing comes but the cancellation.
            return Values{2 | std::uint64_t{n.get(cmabi_canon_waitable_set_new)} << 4};
        }), type, opts, "callee");
        opts.callback = 0;
        const auto caller = n.instance("caller");
        Heap heap(16);
        opts.memory = n.memory(heap);
        const auto lowered = n.lower(caller, callee, opts);
        CHECK(run_guest(n, caller, [&] {
            heap.set_u32(0, 7);
            const Packed subtask(n.call1(lowered, {0}));
            CHECK(subtask.state == STARTED);
            CHECK(n.get(cmabi_canon_subtask_cancel, false, subtask.rest) == CANCELLED_BEFORE_RETURNED);
            CHECK(heap.u32_at(0) == 7);
            n.run(cmabi_canon_subtask_drop, subtask.rest);
        }) == "");
    });
}

TEST_CASE("a task returns once, what its type says, where it may") {
    check_guest_traps("task.return", [](Native &n, cmabi_component_instance) {
        auto opts = Native::options();
        opts.is_async = 1;
        n.task_return(u32(), opts, {1});
    });
    check_guest_traps("task.return", [](Native &n, cmabi_component_instance) {
        auto opts = Native::options();
        opts.is_async = 1;
        n.task_return(nullptr, opts, {});
    });
    check_guest_traps("task.cancel", [](Native &n, cmabi_component_instance) { n.run(cmabi_canon_task_cancel); });

    // Not from a function without the `async` option, and not leaving without a result.
    Native n;
    const FuncType type = func({}, nullptr, true);
    const auto opts = Native::options();
    const auto sync = n.lift(n.instance("sync"), n.core({}, {}, [&](const Values &) {
        n.task_return(nullptr, opts, {});
        return Values{};
    }), type, opts);
    CHECK_FAILS(CMABI_STATUS_TRAP, "task.return", cmabi_func_call, n.store, sync, nullptr, nullptr, nullptr);
    auto async_opts = Native::options();
    async_opts.is_async = 1;
    const auto silent = n.lift(n.instance("silent"), n.core({}, {}, [](const Values &) { return Values{}; }), type,
                               async_opts);
    CHECK_FAILS(CMABI_STATUS_TRAP, "task", cmabi_func_call, n.store, silent, nullptr, nullptr, nullptr);
}

TEST_CASE("a callback is told of events, and what it answers is checked") {
    Native n;
    const FuncType type = func({}, u32(), true);
    const auto with_answer = [&](std::uint32_t answer) {
        auto opts = Native::options();
        opts.is_async = 1;
        const auto core = n.core({}, {I32}, [=](const Values &) { return Values{answer}; });
        opts.callback = n.core({I32, I32, I32}, {I32}, [&n, opts](const Values &args) {
            CHECK(args == Values{NONE, 0, 0});
            n.task_return(u32(), opts, {5});
            return Values{EXIT};
        });
        return n.lift(n.instance("inst"), core, type, opts);
    };
    std::uint32_t result = 0;
    CHECK_OK(cmabi_func_call, n.store, with_answer(YIELD), nullptr, &result, nullptr);
    CHECK(result == 5);
    CHECK_FAILS(CMABI_STATUS_TRAP, "callback code", cmabi_func_call, n.store, with_answer(3), nullptr, &result, nullptr);
    CHECK_FAILS(CMABI_STATUS_TRAP, "unknown handle index 9", cmabi_func_call, n.store, with_answer(WAIT | 9 << 4),
                nullptr, &result, nullptr);
    CHECK_FAILS(CMABI_STATUS_TRAP, "", cmabi_func_call, n.store, with_answer(EXIT), nullptr, &result, nullptr);
}

TEST_CASE("a trap after a task has returned is told, at once or in a later turn") {
    for (const std::uint32_t first : {std::uint32_t{YIELD}, 7u}) {
        CAPTURE(first);
        Native n;
        auto opts = Native::options();
        opts.is_async = 1;
        const FuncType type = func({}, nullptr, true);
        opts.callback = n.core({I32, I32, I32}, {I32}, [&](const Values &) {
            n.task_return(nullptr, opts, {});
            return Values{7};
        });
        const auto callee = n.core({}, {I32}, [&](const Values &) {
            if (first != YIELD) {
                n.task_return(nullptr, opts, {});
            }
            return Values{first};
        });
        const Func f = n.lift(n.instance("inst"), callee, type, opts);
        CHECK_FAILS(CMABI_STATUS_TRAP, "unsupported callback code: 7", cmabi_func_call, n.store, f, nullptr, nullptr,
                    nullptr);
    }
}
