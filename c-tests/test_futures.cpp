// Futures between guests: the whole life of one, cancellation, and what traps.
#include "streams.hpp"

namespace {

// A guest with a memory and futures of `s32`.
struct Guest {
    explicit Guest(Native &native)
        : n(native), inst(n.instance("inst")), mem(256), async(n.options(mem)), sync(async), futures(n, s32()) {
        async.is_async = 1;
    }

    std::string run(const std::function<void()> &body) { return run_guest(n, inst, body); }

    Native &n;
    cmabi_component_instance inst;
    Heap mem;
    Options async, sync;
    Future futures;
};

constexpr std::uint64_t READ = 0, WRITE = 32, EVENT = 96;

} // namespace

TEST_CASE("a future is read, written and dropped") {
    under_seeds([](Native &n) {
        Guest g(n);
        CHECK(g.run([&] {
            Set set(n, g.mem, g.async.memory, EVENT);
            g.mem.set_u32(WRITE, 99);

            INFO("the reader comes first");
            auto ends = g.futures.make();
            set.join(ends.readable);
            CHECK(g.futures.read(g.async, ends.readable, READ) == BLOCKED);
            CHECK(set.poll() == NONE);
            CHECK(g.futures.write(g.async, ends.writable, WRITE) == COMPLETED);
            CHECK(set.poll(FUTURE_READ, ends.readable) == COMPLETED);
            CHECK(g.mem.u32_at(READ) == 99);
            g.futures.drop_readable(ends.readable);
            g.futures.drop_writable(ends.writable);

            INFO("the writer comes first");
            ends = g.futures.make();
            set.join(ends.writable);
            g.mem.set_u32(READ, 0);
            CHECK(g.futures.write(g.async, ends.writable, WRITE) == BLOCKED);
            CHECK(g.futures.read(g.async, ends.readable, READ) == COMPLETED);
            CHECK(set.poll(FUTURE_WRITE, ends.writable) == COMPLETED);
            CHECK(g.mem.u32_at(READ) == 99);
            g.futures.drop_writable(ends.writable);
            g.futures.drop_readable(ends.readable);

            INFO("the reader is dropped before");
            ends = g.futures.make();
            g.futures.drop_readable(ends.readable);
            CHECK(g.futures.write(g.async, ends.writable, WRITE) == DROPPED);
            g.futures.drop_writable(ends.writable);

            INFO("the reader is dropped while the writer waits");
            ends = g.futures.make();
            set.join(ends.writable);
            CHECK(g.futures.write(g.async, ends.writable, WRITE) == BLOCKED);
            g.futures.drop_readable(ends.readable);
            CHECK(set.poll(FUTURE_WRITE, ends.writable) == DROPPED);
            g.futures.drop_writable(ends.writable);
            set.drop();
        }) == "");
    });
}

TEST_CASE("a future can be read and written again after a cancellation") {
    under_seeds([](Native &n) {
        Guest g(n);
        CHECK(g.run([&] {
            Set set(n, g.mem, g.async.memory, EVENT);
            const auto [readable, writable] = g.futures.make();
            set.join(readable);
            CHECK(g.futures.read(g.async, readable, READ) == BLOCKED);
            CHECK(g.futures.cancel_read(true, readable) == CANCELLED);
            CHECK(set.poll() == NONE);
            CHECK(g.futures.write(g.async, writable, WRITE) == BLOCKED);
            CHECK(g.futures.cancel_write(false, writable) == CANCELLED);
            CHECK(g.futures.read(g.async, readable, READ) == BLOCKED);
            g.mem.set_u32(WRITE, 4321);
            CHECK(g.futures.write(g.sync, writable, WRITE) == COMPLETED);
            CHECK(set.poll(FUTURE_READ, readable) == COMPLETED);
            CHECK(g.mem.u32_at(READ) == 4321);
            g.futures.drop_readable(readable);
            g.futures.drop_writable(writable);
            set.drop();
        }) == "");
    });
}

TEST_CASE("a sync read of a future blocks until it is written") {
    under_seeds([](Native &n) {
        const auto root = n.instance("root");
        const auto producer = n.instance("producer", root), consumer = n.instance("consumer", root);
        Heap mem1(64), mem2(64);
        auto opts1 = n.options(mem1);
        opts1.is_async = 1;
        auto opts2 = n.options(mem2);
        const auto sync2 = opts2;
        opts2.is_async = 1;
        const Type future_type = future_of(s32());
        const Future futures(n, s32());
        bool reading = false, read = false;

        const FuncType type1 = func({}, future_type, true);
        const auto func1 = n.lift(producer, n.core({}, {}, [&](const Values &) {
            const auto [readable, writable] = futures.make();
            n.task_return(future_type, opts1, {readable});
            n.wait_until(reading);
            CHECK(!read);
            mem1.set_u32(0, 777);
            CHECK(futures.write(opts1, writable, 0) == COMPLETED);
            futures.drop_writable(writable);
            return Values{};
        }), type1, opts1, "produce");

        const auto lowered = n.lower(consumer, func1, opts2);
        const FuncType type2 = func({}, nullptr, true);
        const auto func2 = n.lift(consumer, n.core({}, {}, [&](const Values &) {
            CHECK(n.call1(lowered, {8}) == RETURNED);
            const auto readable = mem2.u32_at(8);
            reading = true;
            CHECK(futures.read(sync2, readable, 0) == COMPLETED);
            read = true;
            CHECK(mem2.u32_at(0) == 777);
            futures.drop_readable(readable);
            n.task_return(nullptr, opts2, {});
            return Values{};
        }), type2, opts2, "consume");
        call(n, func2, nullptr, nullptr);
        n.run();
        CHECK(read);
    });
}

TEST_CASE("future copies that trap") {
    const auto traps = [](const char *part, const std::function<void(Guest &, Ends)> &body) {
        CAPTURE(part);
        Native n;
        Guest g(n);
        const auto message = g.run([&] { body(g, g.futures.make()); });
        CAPTURE(message);
        CHECK(message.find(part) != std::string::npos);
    };
    const auto over = [](Guest &g, Ends ends) {
        CHECK(g.futures.write(g.async, ends.writable, WRITE) == BLOCKED);
        CHECK(g.futures.read(g.async, ends.readable, READ) == COMPLETED);
    };
    traps("cannot cancel a copy which is not in progress on this end of a future",
          [](Guest &g, Ends ends) { g.futures.cancel_read(false, ends.readable); });
    traps("cannot cancel a copy which is not in progress on this end of a future",
          [](Guest &g, Ends ends) { g.futures.cancel_write(true, ends.writable); });
    traps("cannot drop future write end without first writing a value", [](Guest &g, Ends ends) {
        g.futures.drop_readable(ends.readable);
        g.futures.drop_writable(ends.writable);
    });
    traps("cannot drop future write end without first writing a value", [](Guest &g, Ends ends) {
        g.futures.write(g.async, ends.writable, WRITE);
        g.futures.drop_writable(ends.writable);
    });
    traps("cannot remove busy future", [](Guest &g, Ends ends) {
        g.futures.read(g.async, ends.readable, READ);
        g.futures.drop_readable(ends.readable);
    });
    traps("cannot have concurrent operations active on a future/stream", [](Guest &g, Ends ends) {
        g.futures.read(g.async, ends.readable, READ);
        g.futures.read(g.async, ends.readable, READ);
    });
    traps("cannot read from future after previous read succeeded", [&](Guest &g, Ends ends) {
        over(g, ends);
        g.futures.read(g.async, ends.readable, READ);
    });
    traps("cannot write to future after previous write succeeded or readable end dropped", [&](Guest &g, Ends ends) {
        over(g, ends);
        g.futures.cancel_write(true, ends.writable);
        g.futures.write(g.async, ends.writable, WRITE);
    });
    traps("expected the writable end of a future but found the readable end of a future",
          [](Guest &g, Ends ends) { g.futures.write(g.async, ends.readable, WRITE); });
    traps("expected a future<u8> but found a future<s32>",
          [](Guest &g, Ends ends) { Future(g.n, u8()).read(g.async, ends.readable, READ); });
    traps("expected the readable end of a stream but found the readable end of a future",
          [](Guest &g, Ends ends) { Stream(g.n, s32()).read(g.async, ends.readable, READ, 1); });
    traps("unaligned pointer", [](Guest &g, Ends ends) { g.futures.read(g.async, ends.readable, 1); });
    traps("out of bounds memory access", [](Guest &g, Ends ends) { g.futures.write(g.async, ends.writable, 256); });
}
