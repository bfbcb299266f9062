// The reference's own tests of tasks and threads, each under its name.
#include "native.hpp"

#include <array>

TEST_CASE("test_async_to_async") {
    under_seeds([](Native &n) {
        const auto root = n.instance("root");
        Heap producer_heap(10);
        auto producer_opts = Native::options();
        producer_opts.memory = n.memory(producer_heap);
        producer_opts.is_async = 1;
        const auto producer = n.instance("producer", root);

        const FuncType eager_type = func({}, u8(), true);
        const auto eager = n.lift(producer, n.core({}, {}, [&](const Values &) {
            n.task_return(u8(), producer_opts, {43});
            return Values{};
        }), eager_type, producer_opts, "eager");

        bool fut1_1 = false, fut1_2 = false;
        const FuncType toggle_type = func({}, nullptr, true);
        const auto toggle = n.lift(producer, n.core({}, {}, [&](const Values &) {
            n.run(cmabi_canon_backpressure_inc);
            n.wait_until(fut1_1);
            n.task_return(nullptr, producer_opts, {});
            n.wait_until(fut1_2);
            n.run(cmabi_canon_backpressure_dec);
            return Values{};
        }), toggle_type, producer_opts, "toggle");

        bool fut2 = false, fut3 = false, fut4 = false;
        const FuncType blocking_type = func({field("x", u8())}, u8(), true);
        const auto blocking = n.lift(producer, n.core({I32}, {}, [&](const Values &args) {
            CHECK(args[0] == 83);
            n.wait_until(fut2);
            n.task_return(u8(), producer_opts, {44});
            n.wait_until(fut3);
            fut4 = true;
            return Values{};
        }), blocking_type, producer_opts, "blocking");

        Heap heap(20);
        auto opts = Native::options();
        opts.memory = n.memory(heap);
        opts.is_async = 1;
        const auto consumer = n.instance("consumer", root);
        const auto lowered_eager = n.lower(consumer, eager, opts);
        const auto lowered_toggle = n.lower(consumer, toggle, opts);
        const auto lowered_blocking = n.lower(consumer, blocking, opts);

        const FuncType type = func({field("b", boolean())}, u8(), true);
        const auto func = n.lift(consumer, n.core({I32}, {}, [&](const Values &) {
            const auto set = n.get(cmabi_canon_waitable_set_new);
            const auto ptr = heap.alloc(1, 1);
            CHECK(n.call1(lowered_eager, {ptr}) == RETURNED);
            CHECK(heap[ptr] == 43);
            const Packed sub1(n.call1(lowered_toggle, {}));
            CHECK(sub1.rest == 2);
            CHECK(sub1.state == STARTED);
            n.run(cmabi_canon_waitable_join, sub1.rest, set);
            heap[ptr] = 13;
            const Packed sub2(n.call1(lowered_blocking, {83, ptr}));
            CHECK(sub2.rest == 3);
            CHECK(sub2.state == STARTING);
            CHECK(heap[ptr] == 13);
            n.run(cmabi_canon_waitable_join, sub2.rest, set);
            fut1_1 = true;

            const auto event = heap.alloc(4, 8);
            const auto wait = [&](std::uint32_t subtask, std::uint32_t state) {
                CHECK(n.get(cmabi_canon_waitable_set_wait, opts.memory, set, event) == SUBTASK);
                CHECK(heap.u32_at(event) == subtask);
                CHECK(heap.u32_at(event + 4) == state);
            };
            wait(sub1.rest, RETURNED);
            n.run(cmabi_canon_subtask_drop, sub1.rest);
            fut1_2 = true;

            wait(sub2.rest, STARTED);
            CHECK(heap[ptr] == 13);
            fut2 = true;

            wait(sub2.rest, RETURNED);
            CHECK(heap[ptr] == 44);
            n.run(cmabi_canon_subtask_drop, sub2.rest);
            fut3 = true;
            n.wait_until(fut4);

            n.task_return(u8(), opts, {42});
            return Values{};
        }), type, opts, "consumer");

        const std::uint8_t args = 1;
        std::uint8_t got = 0;
        call(n, func, args, &got);
        CHECK(got == 42);
        n.run();
    });
}

TEST_CASE("test_async_callback") {
    under_seeds([](Native &n) {
        const auto root = n.instance("root");
        const auto producer = n.instance("producer", root);
        auto producer_opts = Native::options();
        producer_opts.is_async = 1;
        const FuncType producer_type = func({}, nullptr, true);
        std::array<bool, 2> futures{};
        const auto produce = [&](bool &future) {
            return n.lift(producer, n.core({}, {}, [&](const Values &) {
                n.wait_until(future);
                n.task_return(nullptr, producer_opts, {});
                return Values{};
            }), producer_type, producer_opts, "producer");
        };
        const auto producer1 = produce(futures[0]);
        const auto producer2 = produce(futures[1]);

        const auto consumer = n.instance("consumer");
        auto opts = Native::options();
        opts.is_async = 1;
        const auto lowered1 = n.lower(consumer, producer1, opts);
        const auto lowered2 = n.lower(consumer, producer2, opts);
        std::uint32_t set = 0;
        const auto core = n.core({}, {I32}, [&](const Values &) {
            const Packed sub1(n.call1(lowered1, {}));
            CHECK(sub1.rest == 1);
            CHECK(sub1.state == STARTED);
            const Packed sub2(n.call1(lowered2, {}));
            CHECK(sub2.rest == 2);
            CHECK(sub2.state == STARTED);
            set = n.get(cmabi_canon_waitable_set_new);
            CHECK(set == 3);
            n.run(cmabi_canon_waitable_join, sub1.rest, set);
            n.run(cmabi_canon_waitable_join, sub2.rest, set);
            futures[0] = true;
            n.context_set(0, 42);
            return Values{WAIT | set << 4};
        });
        opts.callback = n.core({I32, I32, I32}, {I32}, [&](const Values &args) -> Values {
            switch (n.context_get(0)) {
            case 42:
                CHECK(args == Values{SUBTASK, 1, RETURNED});
                n.run(cmabi_canon_subtask_drop, 1U);
                n.context_set(0, 52);
                return {YIELD};
            case 52:
                CHECK(args == Values{NONE, 0, 0});
                futures[1] = true;
                n.context_set(0, 62);
                return {WAIT | set << 4};
            default:
                CHECK(n.context_get(0) == 62);
                CHECK(args == Values{SUBTASK, 2, RETURNED});
                n.run(cmabi_canon_subtask_drop, 2U);
                n.task_return(u32(), opts, {83});
                return {EXIT};
            }
        });
        const FuncType type = func({}, u32(), true);
        const auto func = n.lift(consumer, core, type, opts, "consumer");
        std::uint32_t got = 0;
        call(n, func, nullptr, &got);
        CHECK(got == 83);
        n.run();
    });
}

TEST_CASE("test_callback_interleaving") {
    under_seeds([](Native &n) {
        const auto root = n.instance("root");
        const auto producer = n.instance("producer", root);
        const Type future = future_of(nullptr);
        const FuncType producer_type =
            func({field("i", u32()), field("fut1", future), field("fut2", future), field("fut3", future)}, u32(), true);
        const auto sync_opts = Native::options();
        auto async_opts = Native::options();
        async_opts.is_async = 1;
        auto producer_opts = async_opts;
        std::array<std::uint32_t, 2> fut3s{};
        const auto read = [&](const cmabi_canon_options &opts, std::uint32_t end) {
            return n.get(cmabi_canon_future_read, nullptr, &opts, end, std::uint64_t{0xdeadbeef});
        };
        const auto core_producer = n.core({I32, I32, I32, I32}, {I32}, [&](const Values &args) {
            fut3s.at(args[0]) = static_cast<std::uint32_t>(args[3]);
            n.context_set(0, args[0]);
            CHECK(read(sync_opts, static_cast<std::uint32_t>(args[1])) == COMPLETED);
            const auto set = n.get(cmabi_canon_waitable_set_new);
            const auto fut2 = static_cast<std::uint32_t>(args[2]);
            CHECK(read(async_opts, fut2) == BLOCKED);
            n.run(cmabi_canon_waitable_join, fut2, set);
            return Values{WAIT | set << 4};
        });
        producer_opts.callback = n.core({I32, I32, I32}, {I32}, [&](const Values &args) {
            CHECK(args[0] == FUTURE_READ);
            CHECK(args[2] == COMPLETED);
            const auto i = n.context_get(0);
            n.task_return(u32(), producer_opts, {42 + i});
            CHECK(read(sync_opts, fut3s.at(i)) == COMPLETED);
            return Values{EXIT};
        });
        const auto callee = n.lift(producer, core_producer, producer_type, producer_opts, "producer");
        const FuncType sync_type = func({}, u32(), true);
        const auto sync_callee =
            n.lift(producer, n.core({}, {I32}, [](const Values &) { return Values{100}; }), sync_type, sync_opts);
        // Stands for setting the producer's counter from outside.
        const FuncType gate_type = func({field("closed", boolean())});
        const auto gate = n.lift(producer, n.core({I32}, {}, [&](const Values &args) {
            n.run(args[0] != 0 ? cmabi_canon_backpressure_inc : cmabi_canon_backpressure_dec);
            return Values{};
        }), gate_type, sync_opts);

        const auto consumer = n.instance("consumer", root);
        Heap heap(24);
        async_opts.memory = n.memory(heap);
        const auto lowered = n.lower(consumer, callee, async_opts);
        const auto lowered_sync = n.lower(consumer, sync_callee, async_opts);
        const auto lowered_gate = n.lower(consumer, gate, sync_opts);
        const auto core_consumer = n.core({}, {}, [&](const Values &) {
            Ends fut[2][3];
            for (auto &futures : fut) {
                for (auto &ends : futures) {
                    ends = n.future_new(nullptr);
                }
            }
            const auto start = [&](std::uint64_t i, std::uint64_t retp) {
                return Packed(n.call1(
                    lowered, {i, fut[i][0].readable, fut[i][1].readable, fut[i][2].readable, retp}));
            };
            const auto write = [&](const Ends &ends) {
                CHECK(n.get(cmabi_canon_future_write, nullptr, &async_opts, ends.writable,
                            std::uint64_t{0xdeadbeef}) == COMPLETED);
            };
            const auto cancelled_before_started = [&](const Packed &subtask) {
                CHECK(subtask.state == STARTING);
                CHECK(n.get(cmabi_canon_subtask_cancel, false, subtask.rest) == CANCELLED_BEFORE_STARTED);
            };

            n.call(lowered_gate, {1}, 0);
            cancelled_before_started(start(0, 0xdeadbeef));
            n.call(lowered_gate, {0}, 0);

            const Packed sub1 = start(0, 12);
            CHECK(sub1.state == STARTED);
            cancelled_before_started(start(1, 0xdeadbeef));
            const Packed sub2 = start(1, 16);
            CHECK(sub2.state == STARTING);

            const auto set = n.get(cmabi_canon_waitable_set_new);
            n.run(cmabi_canon_waitable_join, sub1.rest, set);
            n.run(cmabi_canon_waitable_join, sub2.rest, set);
            const auto wait = [&](const Packed &subtask, std::uint32_t state) {
                CHECK(n.get(cmabi_canon_waitable_set_wait, async_opts.memory, set, std::uint64_t{0}) == SUBTASK);
                CHECK(heap.u32_at(0) == subtask.rest);
                CHECK(heap.u32_at(4) == state);
            };
            const auto nothing_happens = [&] {
                for (int i = 0; i < 10; ++i) {
                    CHECK(n.get(cmabi_canon_thread_yield) == 0);
                    CHECK(n.get(cmabi_canon_waitable_set_poll, async_opts.memory, set, std::uint64_t{0}) == NONE);
                }
            };

            write(fut[0][0]);
            wait(sub2, STARTED);
            write(fut[0][1]);
            nothing_happens();
            write(fut[1][0]);
            wait(sub1, RETURNED);
            CHECK(heap.u32_at(12) == 42);
            n.run(cmabi_canon_subtask_drop, sub1.rest);
            write(fut[1][1]);
            nothing_happens();
            write(fut[0][2]);
            wait(sub2, RETURNED);
            CHECK(heap.u32_at(16) == 43);
            n.run(cmabi_canon_subtask_drop, sub2.rest);

            const Packed sub3(n.call1(lowered_sync, {20}));
            CHECK(sub3.state == STARTING);
            n.run(cmabi_canon_waitable_join, sub3.rest, set);
            write(fut[1][2]);
            wait(sub3, RETURNED);
            CHECK(heap.u32_at(20) == 100);
            return Values{};
        });
        const FuncType consumer_type = func({}, nullptr, true);
        const auto run = n.lift(consumer, core_consumer, consumer_type, sync_opts, "consumer");
        call(n, run, nullptr, nullptr);
        n.run();
    });
}

TEST_CASE("test_sync_ignores_backpressure") {
    under_seeds([](Native &n) {
        const auto root = n.instance("root");
        const auto sync_opts = Native::options();
        auto async_opts = Native::options();
        async_opts.is_async = 1;
        const auto callee = n.instance("callee", root);
        const Type future = future_of(nullptr);

        const FuncType async_type = func({field("i", u32()), field("fut", future)}, u32(), true);
        const auto async_callee = n.lift(callee, n.core({I32, I32}, {I32}, [&](const Values &args) {
            CHECK(n.get(cmabi_canon_future_read, nullptr, &sync_opts, static_cast<std::uint32_t>(args[1]),
                        std::uint64_t{0xdeadbeef}) == COMPLETED);
            return Values{42 + args[0]};
        }), async_type, sync_opts, "async-callee");
        const FuncType sync_type = func({field("i", u32())}, u32());
        const auto sync_callee = n.lift(callee, n.core({I32}, {I32}, [](const Values &args) {
            return Values{84 + args[0]};
        }), sync_type, sync_opts, "sync-callee");

        const auto caller = n.instance("caller", root);
        Heap heap(24);
        async_opts.memory = n.memory(heap);
        const auto lowered_async = n.lower(caller, async_callee, async_opts);
        const auto lowered_sync = n.lower(caller, sync_callee, async_opts);
        const FuncType type = func({}, nullptr, true);
        const auto run = n.lift(caller, n.core({}, {}, [&](const Values &) {
            const Ends fut = n.future_new(nullptr);
            const Packed subtask(n.call1(lowered_async, {1, fut.readable, 4}));
            CHECK(subtask.state == STARTED);
            CHECK(n.call1(lowered_sync, {2, 8}) == RETURNED);
            CHECK(heap.u32_at(8) == 86);
            CHECK(n.get(cmabi_canon_future_write, nullptr, &sync_opts, fut.writable, std::uint64_t{0xdeadbeef}) ==
                  COMPLETED);
            const auto set = n.get(cmabi_canon_waitable_set_new);
            n.run(cmabi_canon_waitable_join, subtask.rest, set);
            CHECK(n.get(cmabi_canon_waitable_set_wait, async_opts.memory, set, std::uint64_t{12}) == SUBTASK);
            CHECK(heap.u32_at(12) == subtask.rest);
            CHECK(heap.u32_at(16) == RETURNED);
            CHECK(heap.u32_at(4) == 43);
            n.run(cmabi_canon_subtask_drop, subtask.rest);
            return Values{};
        }), type, sync_opts, "caller");
        call(n, run, nullptr, nullptr);
        n.run();
    });
}

TEST_CASE("test_async_to_sync") {
    under_seeds([](Native &n) {
        const auto root = n.instance("root");
        const auto producer = n.instance("producer", root);
        const FuncType producer_type = func({}, nullptr, true);
        bool fut = false, done1 = false, done2 = false;
        const auto producer1 = n.lift(producer, n.core({}, {}, [&](const Values &) {
            n.wait_until(fut);
            done1 = true;
            return Values{};
        }), producer_type, Native::options(), "producer1");
        const auto producer2 = n.lift(producer, n.core({}, {}, [&](const Values &) {
            CHECK(done1);
            done2 = true;
            return Values{};
        }), producer_type, Native::options(), "producer2");

        Heap heap(20);
        auto opts = Native::options();
        opts.memory = n.memory(heap);
        opts.is_async = 1;
        const auto consumer = n.instance("consumer", root);
        const auto lowered1 = n.lower(consumer, producer1, opts);
        const auto lowered2 = n.lower(consumer, producer2, opts);
        const FuncType type = func({}, u8(), true);
        const auto run = n.lift(consumer, n.core({}, {}, [&](const Values &) {
            const Packed sub1(n.call1(lowered1, {}));
            CHECK(sub1.rest == 1);
            CHECK(sub1.state == STARTED);
            const Packed sub2(n.call1(lowered2, {}));
            CHECK(sub2.rest == 2);
            CHECK(sub2.state == STARTING);
            const auto set = n.get(cmabi_canon_waitable_set_new);
            n.run(cmabi_canon_waitable_join, sub1.rest, set);
            n.run(cmabi_canon_waitable_join, sub2.rest, set);
            fut = true;
            CHECK(!done1);
            CHECK(!done2);
            std::vector<std::uint32_t> remain{sub1.rest, sub2.rest};
            while (!remain.empty()) {
                CHECK(n.get(cmabi_canon_thread_yield) == 0);
                const auto event = n.get(cmabi_canon_waitable_set_poll, opts.memory, set, std::uint64_t{8});
                if (event == NONE) {
                    continue;
                }
                CHECK(event == SUBTASK);
                if (heap.u32_at(12) == STARTED) {
                    // The start of the second was seen before its end.
                    CHECK(heap.u32_at(8) == sub2.rest);
                    continue;
                }
                CHECK(heap.u32_at(12) == RETURNED);
                remain.erase(std::find(remain.begin(), remain.end(), heap.u32_at(8)));
                n.run(cmabi_canon_subtask_drop, heap.u32_at(8));
            }
            CHECK(done1);
            CHECK(done2);
            n.run(cmabi_canon_waitable_set_drop, set);
            n.task_return(u8(), opts, {83});
            return Values{};
        }), type, opts, "consumer");
        std::uint8_t got = 0;
        call(n, run, nullptr, &got);
        CHECK(got == 83);
        n.run();
    });
}

TEST_CASE("test_async_backpressure") {
    under_seeds([](Native &n) {
        const auto root = n.instance("root");
        const auto producer = n.instance("producer", root);
        auto producer_opts = Native::options();
        producer_opts.is_async = 1;
        const FuncType producer_type = func({}, nullptr, true);
        bool fut = false, done1 = false, done2 = false;
        const auto producer1 = n.lift(producer, n.core({}, {}, [&](const Values &) {
            n.run(cmabi_canon_backpressure_inc);
            n.wait_until(fut);
            n.run(cmabi_canon_backpressure_dec);
            n.task_return(nullptr, producer_opts, {});
            done1 = true;
            return Values{};
        }), producer_type, producer_opts, "producer1");
        const auto producer2 = n.lift(producer, n.core({}, {}, [&](const Values &) {
            CHECK(done1);
            n.task_return(nullptr, producer_opts, {});
            done2 = true;
            return Values{};
        }), producer_type, producer_opts, "producer2");

        Heap heap(20);
        auto opts = Native::options();
        opts.memory = n.memory(heap);
        opts.is_async = 1;
        const auto consumer = n.instance("consumer", root);
        const auto lowered1 = n.lower(consumer, producer1, opts);
        const auto lowered2 = n.lower(consumer, producer2, opts);
        const FuncType type = func({}, u8(), true);
        const auto run = n.lift(consumer, n.core({}, {}, [&](const Values &) {
            const Packed sub1(n.call1(lowered1, {}));
            CHECK(sub1.rest == 1);
            CHECK(sub1.state == STARTED);
            const Packed sub2(n.call1(lowered2, {}));
            CHECK(sub2.rest == 2);
            CHECK(sub2.state == STARTING);
            const auto set = n.get(cmabi_canon_waitable_set_new);
            n.run(cmabi_canon_waitable_join, sub1.rest, set);
            n.run(cmabi_canon_waitable_join, sub2.rest, set);
            fut = true;
            CHECK(!done1);
            CHECK(!done2);
            std::vector<std::uint32_t> remain{sub1.rest, sub2.rest};
            while (!remain.empty()) {
                CHECK(n.get(cmabi_canon_waitable_set_wait, opts.memory, set, std::uint64_t{8}) == SUBTASK);
                CHECK(heap.u32_at(12) == RETURNED);
                remain.erase(std::find(remain.begin(), remain.end(), heap.u32_at(8)));
                n.run(cmabi_canon_subtask_drop, heap.u32_at(8));
            }
            CHECK(done1);
            CHECK(done2);
            n.run(cmabi_canon_waitable_set_drop, set);
            n.task_return(u8(), opts, {84});
            return Values{};
        }), type, opts, "consumer");
        std::uint8_t got = 0;
        call(n, run, nullptr, &got);
        CHECK(got == 84);
        n.run();
    });
}
