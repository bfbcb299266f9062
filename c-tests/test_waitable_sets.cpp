// Waitables and sets of them: what they deliver, and what they refuse.
#include "streams.hpp"

TEST_CASE("a set delivers the events of its waitables, to wait and to poll") {
    under_seeds([](Native &n) {
        const auto inst = n.instance("inst");
        Heap heap(64);
        auto opts = Native::options();
        opts.memory = n.memory(heap);
        opts.is_async = 1;
        CHECK(run_guest(n, inst, [&] {
            const auto set = n.get(cmabi_canon_waitable_set_new);
            const auto poll = [&] { return n.get(cmabi_canon_waitable_set_poll, opts.memory, set, std::uint64_t{8}); };
            CHECK(poll() == NONE);
            CHECK(heap.u32_at(8) == 0);
            CHECK(heap.u32_at(12) == 0);

            const Ends ends = n.stream_new(u8());
            n.run(cmabi_canon_waitable_join, ends.readable, set);
            const auto read = [&] {
                return n.get(cmabi_canon_stream_read, u8(), &opts, ends.readable, std::uint64_t{32}, std::uint64_t{4});
            };
            const auto write = [&](std::uint8_t value) {
                heap[48] = value;
                CHECK(n.get(cmabi_canon_stream_write, u8(), &opts, ends.writable, std::uint64_t{48}, std::uint64_t{1}) ==
                      (COMPLETED | 1 << 4));
            };
            CHECK(read() == BLOCKED);
            CHECK(poll() == NONE);
            write(11);
            CHECK(poll() == STREAM_READ);
            CHECK(heap.u32_at(8) == ends.readable);
            CHECK(heap.u32_at(12) == (COMPLETED | 1 << 4));
            CHECK(heap[32] == 11);
            CHECK(poll() == NONE);

            CHECK(read() == BLOCKED);
            write(22);
            CHECK(n.get(cmabi_canon_waitable_set_wait, opts.memory, set, std::uint64_t{8}) == STREAM_READ);
            CHECK(heap[32] == 22);

            // Out of the set, it has no event there any more.
            CHECK(read() == BLOCKED);
            n.run(cmabi_canon_waitable_join, ends.readable, 0U);
            write(33);
            CHECK(poll() == NONE);
            n.run(cmabi_canon_waitable_join, ends.readable, set);
            CHECK(poll() == STREAM_READ);

            n.run(cmabi_canon_waitable_join, ends.readable, 0U);
            n.run(cmabi_canon_waitable_set_drop, set);
            n.run(cmabi_canon_stream_drop_readable, u8(), ends.readable);
            n.run(cmabi_canon_stream_drop_writable, u8(), ends.writable);
        }) == "");
    });
}

TEST_CASE("a set that is in use cannot be dropped, and one that was cannot be used") {
    check_guest_traps("waitable-set.drop", [](Native &n, cmabi_component_instance) {
        const auto set = n.get(cmabi_canon_waitable_set_new);
        n.run(cmabi_canon_waitable_join, n.stream_new(u8()).readable, set);
        n.run(cmabi_canon_waitable_set_drop, set);
    });
    check_guest_traps("unknown handle index 1", [](Native &n, cmabi_component_instance) {
        const auto set = n.get(cmabi_canon_waitable_set_new);
        n.run(cmabi_canon_waitable_set_drop, set);
        n.run(cmabi_canon_waitable_set_drop, set);
    });
    check_guest_traps("waitable.join", [](Native &n, cmabi_component_instance) {
        const auto set = n.get(cmabi_canon_waitable_set_new);
        n.run(cmabi_canon_waitable_join, set, set);
    });
    check_guest_traps("waitable.join", [](Native &n, cmabi_component_instance) {
        const Ends ends = n.stream_new(u8());
        n.run(cmabi_canon_waitable_join, ends.readable, ends.writable);
    });
}

TEST_CASE("a set that a thread waits for cannot be dropped") {
    Native n;
    const auto inst = n.instance("inst");
    Heap heap(16);
    const auto memory = n.memory(heap);
    std::uint32_t set = 0;
    const auto table = n.table({n.core({I32}, {}, [&](const Values &) {
        n.get(cmabi_canon_waitable_set_wait, memory, set, std::uint64_t{0});
        return Values{};
    })});
    const std::string message = run_guest(n, inst, [&] {
        set = n.get(cmabi_canon_waitable_set_new);
        CHECK(n.get(cmabi_canon_thread_yield_then_resume, n.new_thread(table, 0, 0)) == 0);
        n.run(cmabi_canon_waitable_set_drop, set);
    });
    CHECK(message.find("waitable-set.drop") != std::string::npos);
}

TEST_CASE("an event goes to aligned memory that is there") {
    for (const std::uint64_t ptr : {std::uint64_t{2}, std::uint64_t{12}, std::uint64_t{0xfffffffc}}) {
        Heap heap(16);
        check_guest_traps("waitable-set.poll", [&](Native &n, cmabi_component_instance) {
            const auto memory = n.memory(heap);
            n.get(cmabi_canon_waitable_set_poll, memory, n.get(cmabi_canon_waitable_set_new), ptr);
        });
    }
}

TEST_CASE("a subtask is dropped after its end was delivered") {
    Native n;
    const auto callee_inst = n.instance("callee");
    auto opts = Native::options();
    opts.is_async = 1;
    const FuncType type = func({}, nullptr, true);
    const auto callee = n.lift(callee_inst, n.core({}, {}, [&](const Values &) {
        n.get(cmabi_canon_thread_yield);
        n.task_return(nullptr, opts, {});
        return Values{};
    }), type, opts);
    const auto caller = n.instance("caller");
    const auto lowered = n.lower(caller, callee, opts);
    const std::string message = run_guest(n, caller, [&] {
        const Packed subtask(n.call1(lowered, {}));
        CHECK(subtask.state == STARTED);
        n.run(cmabi_canon_subtask_drop, subtask.rest);
    });
    CHECK(message.find("subtask.drop") != std::string::npos);
}

TEST_CASE("a deadlock is found, and says so") {
    Native n;
    Heap heap(16);
    const auto inst = n.instance("inst");
    const std::string message = run_guest(n, inst, [&] {
        n.get(cmabi_canon_waitable_set_wait, n.memory(heap), n.get(cmabi_canon_waitable_set_new),
              std::uint64_t{0});
    });
    CAPTURE(message);
    CHECK(message.find("deadlock") != std::string::npos);
}

TEST_CASE("an event goes to the one that may run where the first that waits for it may not") {
    Native n;
    const auto inst = n.instance("inst");
    Heap heap(64);
    const auto opts = n.options(heap);
    auto async_opts = opts;
    async_opts.is_async = 1;
    const Future future(n, nullptr);
    const FuncType type = func({}, nullptr, true);
    Ends ends;
    std::uint32_t set = 0;
    std::uint32_t event = NONE;
    bool called_back = false;

    // It gives up its place in the instance while it waits, and can only go on when it gets it back.
    auto loop_opts = async_opts;
    loop_opts.callback = n.core({I32, I32, I32}, {I32}, [&](const Values &) {
        called_back = true;
        n.task_return(nullptr, async_opts, {});
        return Values{EXIT};
    });
    const Func loop = n.lift(inst, n.core({}, {I32}, [&](const Values &) {
        ends = future.make();
        set = n.get(cmabi_canon_waitable_set_new);
        CHECK(future.read(async_opts, ends.readable, 0) == BLOCKED);
        n.run(cmabi_canon_waitable_join, ends.readable, set);
        return Values{WAIT | set << 4};
    }), type, loop_opts, "loop");
    // It keeps that place while it waits for the same.
    const Func waiter = n.lift(inst, n.core({}, {}, [&](const Values &) {
        event = n.get(cmabi_canon_waitable_set_wait, opts.memory, set, std::uint64_t{0});
        return Values{};
    }), type, opts, "waiter");
    const Func writer = n.lift(inst, n.core({}, {}, [&](const Values &) {
        CHECK(future.write(async_opts, ends.writable, 0) == COMPLETED);
        n.task_return(nullptr, async_opts, {});
        return Values{};
    }), type, async_opts, "writer");

    Handle<cmabi_subtask, cmabi_subtask_free> started, waiting;
    REQUIRE_OK(cmabi_func_start, n.store, loop, nullptr, nullptr, nullptr, nullptr, started.out());
    REQUIRE_OK(cmabi_func_start, n.store, waiter, nullptr, nullptr, nullptr, nullptr, waiting.out());
    CHECK_OK(cmabi_func_call, n.store, writer, nullptr, nullptr, nullptr);
    n.run();
    CHECK(event == FUTURE_READ);
    CHECK(!called_back);
}
