// The reference's own tests of waiting, cancellation and threads, each under its name.
#include "native.hpp"

#include <array>

TEST_CASE("test_sync_using_wait") {
    under_seeds([](Native &n) {
        const auto root = n.instance("root");
        const auto producer = n.instance("producer", root);
        auto producer_opts = Native::options();
        producer_opts.is_async = 1;
        const FuncType type = func({}, nullptr, true);
        std::array<bool, 2> futures{};
        const auto produce = [&](bool &future) {
            return n.lift(producer, n.core({}, {}, [&](const Values &) {
                n.wait_until(future);
                n.task_return(nullptr, producer_opts, {});
                return Values{};
            }), type, producer_opts, "producer");
        };
        const auto producer1 = produce(futures[0]);
        const auto producer2 = produce(futures[1]);

        Heap heap(20);
        auto opts = Native::options();
        opts.memory = n.memory(heap);
        opts.is_async = 1;
        const auto consumer = n.instance("consumer", root);
        const auto lowered1 = n.lower(consumer, producer1, opts);
        const auto lowered2 = n.lower(consumer, producer2, opts);
        const auto run = n.lift(consumer, n.core({}, {}, [&](const Values &) {
            const Packed sub1(n.call1(lowered1, {}));
            CHECK(sub1.rest == 1);
            CHECK(sub1.state == STARTED);
            const Packed sub2(n.call1(lowered2, {}));
            CHECK(sub2.rest == 2);
            CHECK(sub2.state == STARTED);
            const auto set = n.get(cmabi_canon_waitable_set_new);
            n.run(cmabi_canon_waitable_join, sub1.rest, set);
            n.run(cmabi_canon_waitable_join, sub2.rest, set);

            const auto event = heap.alloc(4, 8);
            const auto wait = [&](const Packed &subtask) {
                CHECK(n.get(cmabi_canon_waitable_set_wait, opts.memory, set, event) == SUBTASK);
                CHECK(heap.u32_at(event) == subtask.rest);
                CHECK(heap.u32_at(event + 4) == RETURNED);
            };
            futures[0] = true;
            wait(sub1);
            futures[1] = true;
            wait(sub2);
            n.run(cmabi_canon_subtask_drop, sub1.rest);
            n.run(cmabi_canon_subtask_drop, sub2.rest);
            n.run(cmabi_canon_waitable_set_drop, set);
            return Values{};
        }), type, Native::options(), "consumer");
        call(n, run, nullptr, nullptr);
        n.run();
    });
}

namespace {

// The callees of `test_cancel_subtask`, all of type `async func(x: u8) -> u8`.
struct Callees {
    explicit Callees(Native &native, cmabi_component_instance root)
        : n(native), instance(native.instance("callee", root)), host_instance(native.instance("host")) {
        opts = Native::options();
        opts.memory = n.memory(heap);
        opts.is_async = 1;
        sync_opts = opts;
        sync_opts.is_async = 0;
    }

    // Runs only once its instance lets it in, which it never does.
    Func never() {
        return lift([](const Values &) -> Values { throw Failed{"the callee was cancelled before it started"}; });
    }
    // Waits until it is cancelled, and then answers as `x` says, 3 and 4 after another turn.
    Func cancelled_in_wait(std::uint64_t x) {
        return lift_callback([this](const Values &) { return wait_for_nothing(); },
                             [this, x, turns = 0](const Values &event) mutable {
            CHECK(event[0] == (turns == 0 ? TASK_CANCELLED : NONE));
            if (x > 2 && turns++ == 0) {
                return yield;
            }
            switch (x) {
            case 1: n.task_return(u8(), opts, {42}); break;
            case 3: n.task_return(u8(), opts, {43}); break;
            default: n.run(cmabi_canon_task_cancel);
            }
            return exit;
        });
    }
    Func cancelled_in_yield() {
        return lift_callback([](const Values &) { return yield; }, [this](const Values &event) {
            if (event[0] == TASK_CANCELLED) {
                n.run(cmabi_canon_task_cancel);
            } else {
                n.task_return(u8(), opts, {83});
            }
            return exit;
        });
    }
    // Is cancelled during a sync call of another task, which it sees when it waits next.
    Func cancelled_in_sync_call() {
        const auto lowered = n.lower(instance, held(n.lift(host_instance, core([this](const Values &args) {
            CHECK(args[0] == 42);
            while (!host4) {
                n.get(cmabi_canon_thread_yield);
            }
            n.task_return(u8(), opts, {43});
            return Values{};
        }), type, opts, "host4")), sync_opts);
        return lift_callback([this, lowered](const Values &) {
            CHECK(n.call1(lowered, {42}) == 43);
            return wait_for_nothing();
        }, [this](const Values &event) {
            CHECK(event[0] == TASK_CANCELLED);
            const auto set = n.get(cmabi_canon_waitable_set_new);
            CHECK(n.get(cmabi_canon_waitable_set_poll, opts.memory, set, std::uint64_t{0}) == NONE);
            n.run(cmabi_canon_task_cancel);
            return exit;
        });
    }
    // Cancels a call of its own, which returns in spite of that.
    Func cancels_in_turn() {
        const auto lowered = n.lower(instance, held(n.lift(host_instance, core([this](const Values &args) {
            CHECK(args[0] == 42);
            while (!host5) {
                n.get(cmabi_canon_thread_yield);
            }
            n.task_return(u8(), opts, {43});
            return Values{};
        }), type, opts, "host5")), opts);
        return lift([this, lowered](const Values &args) {
            CHECK(args[0] == 13);
            const Packed subtask(n.call1(lowered, {42, 0}));
            CHECK(subtask.state == STARTED);
            CHECK(n.get(cmabi_canon_subtask_cancel, false, subtask.rest) == RETURNED);
            n.task_return(u8(), opts, {44});
            return Values{};
        });
    }
    // Has another thread answer, to which it gives way when it is cancelled.
    Func cancelled_in_thread() {
        const auto answer = n.core({I32}, {}, [this](const Values &args) {
            n.task_return(u8(), opts, {45});
            n.run(cmabi_canon_thread_resume_later, u32_of(args[0]));
            return Values{};
        });
        const auto table = n.table({0, answer});
        return lift_callback([this](const Values &args) {
            CHECK(args[0] == 14);
            return wait_for_nothing();
        }, [this, table](const Values &event) {
            CHECK(event[0] == TASK_CANCELLED);
            const auto thread = n.new_thread(table, 1, n.get(cmabi_canon_thread_index));
            CHECK(n.get(cmabi_canon_thread_suspend_then_resume, thread) == 0);
            return exit;
        });
    }
    // Opens or closes the instance.
    Func gate() {
        const FuncType gate_type = func({field("closed", boolean())});
        return n.lift(instance, n.core({I32}, {}, [this](const Values &args) {
            n.run(args[0] != 0 ? cmabi_canon_backpressure_inc : cmabi_canon_backpressure_dec);
            return Values{};
        }), gate_type, Native::options(), "gate");
    }

    static std::uint32_t u32_of(std::uint64_t value) { return static_cast<std::uint32_t>(value); }

    Native &n;
    Heap heap{10};
    cmabi_component_instance instance, host_instance;
    cmabi_canon_options opts, sync_opts;
    FuncType type = func({field("x", u8())}, u8(), true);
    bool host4 = false, host5 = false;

private:
    cmabi_core_func core(Native::Core body) { return n.core({I32}, {}, std::move(body)); }
    Func lift(Native::Core body) { return n.lift(instance, core(std::move(body)), type, opts, "callee"); }

    // What a core function of an event loop answers.
    static constexpr std::uint64_t exit = 0, yield = 1;
    std::uint64_t wait_for_nothing() { return 2 | std::uint64_t{n.get(cmabi_canon_waitable_set_new)} << 4; }

    template <class Begin, class Callback>
    Func lift_callback(Begin begin, Callback callback) {
        auto with_callback = opts;
        with_callback.callback = n.core({I32, I32, I32}, {I32}, [callback](const Values &event) mutable {
            return Values{callback(event)};
        });
        const auto callee = n.core({I32}, {I32}, [begin](const Values &args) { return Values{begin(args)}; });
        return n.lift(instance, callee, type, with_callback, "callee");
    }
    const cmabi_func *held(Func func) {
        held_.push_back(std::move(func));
        return held_.back();
    }

    std::vector<Func> held_;
};

} // namespace

TEST_CASE("test_cancel_subtask") {
    under_seeds([](Native &n) {
        const auto root = n.instance("root");
        Callees callees(n, root);
        Heap heap(20);
        auto opts = Native::options();
        opts.memory = n.memory(heap);
        opts.is_async = 1;
        const auto caller = n.instance("caller", root);
        const Func funcs[] = {callees.never(), callees.cancelled_in_wait(1), callees.cancelled_in_wait(2),
                              callees.cancelled_in_wait(3), callees.cancelled_in_wait(3),
                              callees.cancelled_in_wait(4), callees.cancelled_in_wait(4),
                              callees.cancelled_in_yield(), callees.cancelled_in_sync_call(),
                              callees.cancels_in_turn(), callees.cancelled_in_thread()};
        std::vector<cmabi_core_func> lowered;
        for (const Func &callee : funcs) {
            lowered.push_back(n.lower(caller, callee, opts));
        }
        const Func gate = callees.gate();
        const auto lowered_gate = n.lower(caller, gate, Native::options());

        const auto run = n.lift(caller, n.core({I32}, {}, [&](const Values &args) {
            CHECK(args[0] == 1);
            const auto set = n.get(cmabi_canon_waitable_set_new);
            const auto start = [&](std::size_t callee, std::uint64_t x, std::uint32_t state) {
                const Packed subtask(n.call1(lowered.at(callee - 1), {x, 0}));
                CHECK(subtask.state == state);
                return subtask.rest;
            };
            const auto cancel = [&](std::uint32_t subtask, bool is_async, std::uint32_t outcome) {
                heap[0] = 13;
                CHECK(n.get(cmabi_canon_subtask_cancel, is_async, subtask) == outcome);
            };
            const auto wait = [&](std::uint32_t subtask, std::uint32_t state) {
                n.run(cmabi_canon_waitable_join, subtask, set);
                CHECK(n.get(cmabi_canon_waitable_set_wait, opts.memory, set, std::uint64_t{8}) == SUBTASK);
                CHECK(heap.u32_at(8) == subtask);
                CHECK(heap.u32_at(12) == state);
            };
            const auto drop = [&](std::uint32_t subtask, std::uint8_t result) {
                CHECK(heap[0] == result);
                n.run(cmabi_canon_subtask_drop, subtask);
            };

            n.call(lowered_gate, {1}, 0);
            const auto never1 = start(1, 13, STARTING);
            const auto never2 = start(1, 13, STARTING);
            cancel(never2, false, CANCELLED_BEFORE_STARTED);
            cancel(never1, true, CANCELLED_BEFORE_STARTED);
            n.call(lowered_gate, {0}, 0);

            // What takes another turn may take it at once.
            const auto cancel_in_time = [&](std::uint32_t subtask, std::uint32_t state) {
                heap[0] = 13;
                const auto outcome = n.get(cmabi_canon_subtask_cancel, true, subtask);
                if (outcome == BLOCKED) {
                    CHECK(heap[0] == 13);
                    wait(subtask, state);
                } else {
                    CHECK(outcome == state);
                }
            };
            const auto returns = start(2, 1, STARTED);
            const auto cancels = start(3, 2, STARTED);
            const auto yields1 = start(4, 3, STARTED);
            const auto yields2 = start(5, 3, STARTED);
            const auto yields_cancels1 = start(6, 4, STARTED);
            const auto yields_cancels2 = start(7, 4, STARTED);
            cancel(returns, false, RETURNED);
            drop(returns, 42);
            cancel(cancels, true, CANCELLED_BEFORE_RETURNED);
            drop(cancels, 13);
            cancel_in_time(yields1, RETURNED);
            drop(yields1, 43);
            cancel(yields2, false, RETURNED);
            drop(yields2, 43);
            cancel_in_time(yields_cancels1, CANCELLED_BEFORE_RETURNED);
            drop(yields_cancels1, 13);
            cancel(yields_cancels2, false, CANCELLED_BEFORE_RETURNED);
            drop(yields_cancels2, 13);

            heap[0] = 13;
            const auto returned = start(8, 0, STARTED);
            while (heap[0] == 13) {
                n.get(cmabi_canon_thread_yield);
            }
            CHECK(n.get(cmabi_canon_subtask_cancel, true, returned) == RETURNED);
            drop(returned, 83);
            const auto in_yield = start(8, 0, STARTED);
            cancel(in_yield, true, CANCELLED_BEFORE_RETURNED);
            drop(in_yield, 13);

            const auto in_sync_call = start(9, 0, STARTED);
            cancel(in_sync_call, true, BLOCKED);
            CHECK(heap[0] == 13);
            callees.host4 = true;
            wait(in_sync_call, CANCELLED_BEFORE_RETURNED);
            drop(in_sync_call, 13);

            const auto in_turn = start(10, 13, STARTED);
            cancel(in_turn, true, BLOCKED);
            CHECK(heap[0] == 13);
            callees.host5 = true;
            wait(in_turn, RETURNED);
            drop(in_turn, 44);

            const auto in_thread = start(11, 14, STARTED);
            cancel(in_thread, true, RETURNED);
            drop(in_thread, 45);

            n.run(cmabi_canon_waitable_set_drop, set);
            n.task_return(u8(), opts, {42});
            return Values{};
        }), callees.type, opts, "caller");
        const std::uint8_t args = 1;
        std::uint8_t got = 0;
        call(n, run, args, &got);
        CHECK(got == 42);
        n.run();
    });
}

TEST_CASE("test_async_flat_params") {
    under_seeds([](Native &n) {
        Heap heap(1000);
        auto opts = n.options(heap);
        opts.is_async = 1;
        const auto inst = n.instance("inst");
        struct Args1 {
            float a;
            cmabi_f64 b;
            std::uint32_t c;
            cmabi_s64 d;
        };
        int served = 0;
        const FuncType type1 =
            func({field("a", f32()), field("b", f64()), field("c", u32()), field("d", s64())});
        const auto f1 = n.host(type1, [&](cmabi_task *, const void *data, void *) {
            const auto &args = *static_cast<const Args1 *>(data);
            CHECK(args.a == 1.1F);
            CHECK(args.b == 2.2);
            CHECK(args.c == 3);
            CHECK(args.d == 4);
            ++served;
        });
        struct Args2 {
            std::uint32_t a;
            std::uint8_t b, c, d;
        };
        const FuncType type2 = func({field("a", u32()), field("b", u8()), field("c", u8()), field("d", u8())});
        const auto f2 = n.host(type2, [&](cmabi_task *, const void *data, void *) {
            const auto &args = *static_cast<const Args2 *>(data);
            CHECK(std::vector<std::uint32_t>{args.a, args.b, args.c, args.d} == std::vector<std::uint32_t>{1, 2, 3, 4});
            ++served;
        });
        struct Args3 {
            std::uint32_t a;
            std::uint8_t b, c, d, e;
        };
        const FuncType type3 = func({field("a", u32()), field("b", u8()), field("c", u8()), field("d", u8()),
                                     field("e", u8())});
        const auto f3 = n.host(type3, [&](cmabi_task *, const void *data, void *) {
            const auto &args = *static_cast<const Args3 *>(data);
            CHECK(std::vector<std::uint32_t>{args.a, args.b, args.c, args.d, args.e} ==
                  std::vector<std::uint32_t>{1, 2, 3, 4, 5});
            ++served;
        });
        const auto lowered1 = n.lower(inst, f1, opts);
        const auto lowered2 = n.lower(inst, f2, opts);
        const auto lowered3 = n.lower(inst, f3, opts);

        const FuncType type = func({});
        const auto run = n.lift(inst, n.core({}, {}, [&](const Values &) {
            std::uint32_t f32_bits = 0;
            const float a = 1.1F;
            std::memcpy(&f32_bits, &a, sizeof a);
            std::uint64_t f64_bits = 0;
            const double b = 2.2;
            std::memcpy(&f64_bits, &b, sizeof b);
            CHECK(n.call1(lowered1, {f32_bits, f64_bits, 3, 4}) == RETURNED);
            CHECK(n.call1(lowered2, {1, 2, 3, 4}) == RETURNED);
            const std::uint8_t bytes[] = {1, 0, 0, 0, 2, 3, 4, 5};
            std::copy(std::begin(bytes), std::end(bytes), heap.bytes.begin() + 12);
            CHECK(n.call1(lowered3, {12}) == RETURNED);
            n.task_return(nullptr, opts, {});
            return Values{};
        }), type, opts);
        call(n, run, nullptr, nullptr);
        CHECK(served == 3);
    });
}

TEST_CASE("test_threads") {
    under_seeds([](Native &n) {
        const auto inst = n.instance("inst");
        Heap heap(8);
        auto opts = Native::options();
        opts.memory = n.memory(heap);
        const auto body = [&](Native::Core core) { return n.core({I32}, {}, std::move(core)); };
        const auto index = [](std::uint64_t arg) { return static_cast<std::uint32_t>(arg); };
        const auto table = n.table({
            body([](const Values &args) {
                CHECK(args[0] == 13);
                return Values{};
            }),
            body([&](const Values &args) {
                CHECK(n.get(cmabi_canon_thread_yield_then_resume, index(args[0])) == 0);
                return Values{};
            }),
            body([&](const Values &args) {
                n.run(cmabi_canon_thread_resume_later, index(args[0]));
                return Values{};
            }),
            body([&](const Values &args) {
                for (int i = 0; i < 2; ++i) {
                    CHECK(n.get(cmabi_canon_thread_yield) == 0);
                    ++heap[args[0]];
                }
                return Values{};
            }),
        });
        const FuncType type = func({}, u8(), true);
        const auto run = n.lift(inst, n.core({}, {I32}, [&](const Values &) {
            const auto main = n.get(cmabi_canon_thread_index);
            CHECK(n.get(cmabi_canon_thread_yield_then_resume, n.new_thread(table, 0, 13)) == 0);
            CHECK(n.get(cmabi_canon_thread_suspend_then_resume, n.new_thread(table, 1, main)) == 0);
            n.run(cmabi_canon_thread_resume_later, n.new_thread(table, 2, main));
            CHECK(n.get(cmabi_canon_thread_suspend) == 0);
            heap[4] = 0;
            for (int i = 0; i < 5; ++i) {
                n.run(cmabi_canon_thread_resume_later, n.new_thread(table, 3, 4));
            }
            while (heap[4] != 10) {
                n.get(cmabi_canon_thread_yield);
            }
            return Values{42};
        }), type, opts);
        std::uint8_t result = 0;
        call(n, run, nullptr, &result);
        CHECK(result == 42);
        n.run();
    });
}

namespace {

// The threads of `test_sync_threads`: five stages, each started by the one before, all while the
// instance's sync call waits for its result.
struct SyncThreads {
    explicit SyncThreads(Native &native) : n(native), inst(n.instance("inst")) {
        opts = Native::options();
        opts.memory = n.memory(heap);
        opts.is_async = 1;
        table = n.table({body([this](std::uint64_t arg) { ping(arg); }), body([this](std::uint64_t arg) { pong(arg); }),
                         body([this](std::uint64_t arg) { second(arg); }),
                         body([this](std::uint64_t arg) { third(arg); }),
                         body([this](std::uint64_t arg) { waits(arg); }),
                         body([this](std::uint64_t arg) { writes(arg); }),
                         body([this](std::uint64_t arg) { promotes(arg); }),
                         body([this](std::uint64_t arg) { is_promoted(arg); })});
    }

    void start() {
        const std::uint64_t args[] = {131, 132, 14, 15, 161, 162, 171, 172};
        for (std::uint32_t i = 0; i < threads.size(); ++i) {
            threads.at(i) = n.new_thread(table, i, args[i]);
        }
        resume_later(0);
        resume_later(1);
    }

private:
    cmabi_core_func body(std::function<void(std::uint64_t)> body) {
        return n.core({I32}, {}, [body = std::move(body)](const Values &args) {
            body(args[0]);
            return Values{};
        });
    }
    void resume_later(std::size_t thread) { n.run(cmabi_canon_thread_resume_later, threads.at(thread)); }
    void yield() { n.get(cmabi_canon_thread_yield); }

    void ping(std::uint64_t arg) {
        CHECK(arg == 131);
        while (pings < 3 || pongs < 3) {
            ++pings;
            yield();
        }
        resume_later(2);
    }
    void pong(std::uint64_t arg) {
        CHECK(arg == 132);
        while (pings < 3 || pongs < 3) {
            ++pongs;
            yield();
        }
    }
    void second(std::uint64_t arg) {
        CHECK(arg == 14);
        resume_later(3);
    }
    void third(std::uint64_t arg) {
        CHECK(arg == 15);
        resume_later(4);
        n.get(cmabi_canon_thread_suspend);
    }
    void waits(std::uint64_t arg) {
        CHECK(arg == 161);
        resume_later(3);
        resume_later(5);
        set = n.get(cmabi_canon_waitable_set_new);
        CHECK(n.get(cmabi_canon_waitable_set_wait, opts.memory, set, std::uint64_t{0}) == FUTURE_READ);
        resume_later(6);
    }
    void writes(std::uint64_t arg) {
        CHECK(arg == 162);
        const Ends ends = n.future_new(nullptr);
        const std::uint64_t nowhere = 0xdeadbeef;
        CHECK(n.get(cmabi_canon_future_read, nullptr, &opts, ends.readable, nowhere) == BLOCKED);
        n.run(cmabi_canon_waitable_join, ends.readable, set);
        CHECK(n.get(cmabi_canon_future_write, nullptr, &opts, ends.writable, nowhere) == COMPLETED);
    }
    void promotes(std::uint64_t arg) {
        CHECK(arg == 171);
        while (promoting < 3) {
            CHECK(promoting == promoted);
            n.get(cmabi_canon_thread_yield_then_promote, threads.at(7));
            CHECK(promoting == promoted);
            resume_later(7);
            n.get(cmabi_canon_thread_yield_then_promote, threads.at(7));
            CHECK(promoting == promoted - 1);
            ++promoting;
        }
        n.task_return(u8(), opts, {42});
        resume_later(7);
    }
    void is_promoted(std::uint64_t arg) {
        CHECK(arg == 172);
        while (promoted < 3) {
            ++promoted;
            n.get(cmabi_canon_thread_suspend_then_promote, threads.at(6));
        }
    }

public:
    Native &n;
    cmabi_component_instance inst;
    cmabi_canon_options opts;

private:
    Heap heap{8};
    cmabi_core_table table = 0;
    std::array<std::uint32_t, 8> threads{};
    std::uint32_t set = 0;
    int pings = 0, pongs = 0, promoting = 0, promoted = 0;
};

} // namespace

TEST_CASE("test_sync_threads") {
    under_seeds([](Native &n) {
        SyncThreads threads(n);
        bool ready = false;
        const FuncType async_type = func({}, u32(), true);
        const auto async_func = n.lift(threads.inst, n.core({}, {I32}, [&](const Values &) {
            n.wait_until(ready);
            return Values{43};
        }), async_type, Native::options(), "async");
        Handle<cmabi_subtask, cmabi_subtask_free> subtask;
        REQUIRE_OK(cmabi_func_start, n.store, async_func.get(), nullptr, nullptr, nullptr, nullptr, subtask.out());
        CHECK(cmabi_subtask_results(subtask) == nullptr);
        ready = true;

        const FuncType type = func({}, u8());
        const auto sync = n.lift(threads.inst, n.core({}, {}, [&](const Values &) {
            threads.start();
            return Values{};
        }), type, threads.opts, "sync");
        std::uint8_t result = 0;
        call(n, sync, nullptr, &result);
        CHECK(result == 42);
        n.run();
        const void *other = cmabi_subtask_results(subtask);
        REQUIRE(other != nullptr);
        CHECK(*static_cast<const std::uint32_t *>(other) == 43);
    });
}
