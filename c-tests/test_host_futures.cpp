// The host's ends of futures.
#include "streams.hpp"

#include <algorithm>

namespace {

struct Host {
    Native n;

    Ends make(const cmabi_type *element = u32()) {
        Ends ends;
        REQUIRE_OK(cmabi_future_new, n.store, element, &ends.readable, &ends.writable);
        return ends;
    }
    cmabi_copy_result read(std::uint32_t end, std::uint32_t *element) {
        cmabi_copied copied{};
        CHECK_OK(cmabi_future_read, n.store, end, element, nullptr, nullptr, nullptr, nullptr, &copied);
        CHECK(copied.count == (copied.result == CMABI_COPY_RESULT_COMPLETED));
        return copied.result;
    }
    cmabi_copy_result write(std::uint32_t end, const std::uint32_t *element) {
        cmabi_copied copied{};
        CHECK_OK(cmabi_future_write, n.store, end, element, nullptr, nullptr, nullptr, &copied);
        return copied.result;
    }
    cmabi_copy_result poll(std::uint32_t end) {
        cmabi_copied copied{};
        CHECK_OK(cmabi_future_poll, n.store, end, &copied);
        return copied.result;
    }
    cmabi_copy_result cancel(std::uint32_t end) {
        cmabi_copied copied{};
        CHECK_OK(cmabi_future_cancel, n.store, end, &copied);
        return copied.result;
    }
    void drop(std::uint32_t end) { CHECK_OK(cmabi_future_drop, n.store, end); }
};

} // namespace

TEST_CASE("a host reads and writes its own future") {
    Host host;
    const std::uint32_t value = 42;
    std::uint32_t got = 0;
    auto ends = host.make();
    CHECK_OK(cmabi_future_check, host.n.store, ends.readable, u32());
    CHECK(host.read(ends.readable, &got) == CMABI_COPY_RESULT_BLOCKED);
    CHECK(host.write(ends.writable, &value) == CMABI_COPY_RESULT_COMPLETED);
    CHECK(host.poll(ends.readable) == CMABI_COPY_RESULT_COMPLETED);
    CHECK(got == 42);
    host.drop(ends.readable);
    host.drop(ends.writable);

    ends = host.make();
    CHECK(host.write(ends.writable, &value) == CMABI_COPY_RESULT_BLOCKED);
    CHECK(host.cancel(ends.writable) == CMABI_COPY_RESULT_CANCELLED);
    CHECK(host.write(ends.writable, &value) == CMABI_COPY_RESULT_BLOCKED);
    got = 0;
    CHECK(host.read(ends.readable, &got) == CMABI_COPY_RESULT_COMPLETED);
    CHECK(got == 42);
    CHECK(host.poll(ends.writable) == CMABI_COPY_RESULT_COMPLETED);
    host.drop(ends.readable);
    host.drop(ends.writable);

    ends = host.make();
    host.drop(ends.readable);
    CHECK(host.write(ends.writable, &value) == CMABI_COPY_RESULT_DROPPED);
    host.drop(ends.writable);
}

TEST_CASE("a guest waits for a value of the host's") {
    under_seeds([](Native &n) {
        const auto inst = n.instance("inst");
        Heap mem(64);
        const auto opts = n.options(mem);
        const Type future_type = future_of(string());
        const FuncType type = func({field("f", future_type)}, string(), true);
        const Future futures(n, string());
        const auto wait = n.lift(inst, n.core({I32}, {I32}, [&](const Values &args) {
            const auto end = static_cast<std::uint32_t>(args[0]);
            CHECK(futures.read(opts, end, 0) == COMPLETED);
            futures.drop_readable(end);
            return Values{0};
        }), type, opts, "wait");
        Ends ends;
        CHECK_OK(cmabi_future_new, n.store, string(), &ends.readable, &ends.writable);
        cmabi_string text{};
        Arena arena;
        REQUIRE_OK(cmabi_arena_new, std::uint64_t{0}, arena.out());
        // Only the host can make it go on.
        CHECK_FAILS(CMABI_STATUS_WOULD_BLOCK, "wait", cmabi_func_call, n.store, wait, &ends.readable, &text, arena);
        const cmabi_string value = CMABI_STR("late");
        cmabi_copied copied{};
        CHECK_OK(cmabi_future_write, n.store, ends.writable, &value, nullptr, nullptr, nullptr, &copied);
        CHECK(copied.result == CMABI_COPY_RESULT_COMPLETED);
        CHECK_OK(cmabi_future_drop, n.store, ends.writable);
        n.run();
    });
}

TEST_CASE("wrong uses of the host's futures") {
    Host host;
    cmabi_store *const store = host.n.store;
    const std::uint32_t value = 42;
    std::uint32_t got = 0;
    cmabi_copied copied{};
    auto ends = host.make();
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "cannot drop future write end without first writing a value",
                cmabi_future_drop, store, ends.writable);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "expected an end of a stream but found the readable end of a future",
                cmabi_stream_drop, store, ends.readable);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`element` is NULL", cmabi_future_read, store, ends.readable, nullptr,
                nullptr, nullptr, nullptr, nullptr, &copied);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "expected the writable end of a future but found the readable end",
                cmabi_future_write, store, ends.readable, &value, nullptr, nullptr, nullptr, &copied);
    CHECK_FAILS(CMABI_STATUS_TYPE_MISMATCH, "carries elements of type `u32`", cmabi_future_check, store, ends.readable,
                string());
    CHECK(host.read(ends.readable, &got) == CMABI_COPY_RESULT_BLOCKED);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "cannot remove busy future", cmabi_future_drop, store, ends.readable);
    CHECK(host.write(ends.writable, &value) == CMABI_COPY_RESULT_COMPLETED);
    CHECK(host.poll(ends.readable) == CMABI_COPY_RESULT_COMPLETED);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "cannot read from future after previous read succeeded",
                cmabi_future_read, store, ends.readable, &got, nullptr, nullptr, nullptr, nullptr, &copied);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "cannot write to future after previous write succeeded",
                cmabi_future_write, store, ends.writable, &value, nullptr, nullptr, nullptr, &copied);
    host.drop(ends.readable);
    host.drop(ends.writable);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "unknown handle index", cmabi_future_drop, store, ends.writable);
}

TEST_CASE("a promise that is let go of leaves nothing in the store") {
    Host host;
    cmabi_store *const store = host.n.store;
    const std::uint32_t value = 42;
    std::uint32_t got = 0;
    const auto ends = host.make();
    SUBCASE("once its reader is gone") {
        host.drop(ends.readable);
        host.drop(ends.writable);
    }
    SUBCASE("before its reader is gone") {
        CHECK_OK(cmabi_future_abandon, store, ends.writable);
        cmabi_copied copied{};
        CHECK_FAILS(CMABI_STATUS_HOST, "let go of without a value", cmabi_future_read, store, ends.readable, &got, nullptr,
                    nullptr, nullptr, nullptr, &copied);
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "unknown handle index", cmabi_future_abandon, store, ends.writable);
        host.drop(ends.readable);
    }
    SUBCASE("while its reader waits") {
        CHECK(host.read(ends.readable, &got) == CMABI_COPY_RESULT_BLOCKED);
        CHECK_OK(cmabi_future_abandon, store, ends.writable);
        CHECK(host.poll(ends.readable) == CMABI_COPY_RESULT_FAILED);
        host.drop(ends.readable);
    }
    SUBCASE("after its reader is gone") {
        host.drop(ends.readable);
        CHECK_OK(cmabi_future_abandon, store, ends.writable);
    }
    SUBCASE("with its value") {
        CHECK(host.write(ends.writable, &value) == CMABI_COPY_RESULT_BLOCKED);
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "busy future", cmabi_future_abandon, store, ends.writable);
        CHECK(host.read(ends.readable, &got) == CMABI_COPY_RESULT_COMPLETED);
        CHECK(host.poll(ends.writable) == CMABI_COPY_RESULT_COMPLETED);
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "expected the writable end", cmabi_future_abandon, store,
                    ends.readable);
        CHECK_OK(cmabi_future_abandon, store, ends.writable);
        host.drop(ends.readable);
    }
    // Both places in the table are free again.
    const auto next = host.make();
    CHECK(std::minmax(next.readable, next.writable) == std::minmax(ends.readable, ends.writable));
}

TEST_CASE("a promise that a trap breaks") {
    Native n;
    const auto inst = n.instance("inst");
    Heap mem(64);
    auto opts = n.options(mem);
    opts.is_async = 1;
    const Type future_type = future_of(u32());
    const FuncType type = func({}, future_type, true);
    const Future futures(n, u32());
    bool now = false;
    const auto promise = n.lift(inst, n.core({}, {}, [&](const Values &) -> Values {
        n.task_return(future_type, opts, {futures.make().readable});
        n.wait_until(now);
        throw Failed{"on purpose"};
    }), type, opts);
    std::uint32_t readable = 0, got = 0;
    call(n, promise, nullptr, &readable);
    cmabi_copied copied{};
    CHECK_OK(cmabi_future_read, n.store, readable, &got, nullptr, nullptr, nullptr, nullptr, &copied);
    now = true;
    CHECK(cmabi_store_run(n.store, nullptr) == CMABI_STATUS_TRAP);
    CHECK_OK(cmabi_future_poll, n.store, readable, &copied);
    CHECK(copied.result == CMABI_COPY_RESULT_FAILED);
    CHECK_FAILS(CMABI_STATUS_TRAP, "the guest trapped", cmabi_future_read, n.store, readable, &got, nullptr, nullptr, nullptr,
                nullptr, &copied);
    CHECK_OK(cmabi_future_drop, n.store, readable);
}
