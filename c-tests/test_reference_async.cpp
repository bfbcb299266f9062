// The reference's own tests of tasks and threads, each under its name.
#include "native.hpp"

#include <array>

namespace {

// Runs a test under the default order of threads and under many drawn from seeds.
template <class Test>
void under_seeds(Test test) {
    {
        Native native;
        test(native);
    }
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        Native native(seed);
        test(native);
    }
}

} // namespace

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
                CHECK(n.get(cmabi_canon_waitable_set_wait, true, opts.memory, set, event) == SUBTASK);
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
