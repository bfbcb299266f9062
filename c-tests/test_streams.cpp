// Streams between guests: readiness, partial progress, cancellation, and what traps.
#include "streams.hpp"

namespace {

// A guest with a memory and one stream of `s32`.
struct Guest {
    explicit Guest(Native &native)
        : n(native), inst(n.instance("inst")), mem(256), async(n.options(mem)), sync(async), streams(n, s32()) {
        async.is_async = 1;
    }

    std::string run(const std::function<void()> &body) { return run_guest(n, inst, body); }
    Set set() { return Set(n, mem, async.memory, 128); }
    std::int32_t value(std::uint64_t at) const { return static_cast<std::int32_t>(mem.u32_at(at)); }
    void set_values(std::uint64_t at, std::initializer_list<std::int32_t> values) {
        for (const auto value : values) {
            mem.set_u32(at, static_cast<std::uint32_t>(value));
            at += 4;
        }
    }

    Native &n;
    cmabi_component_instance inst;
    Heap mem;
    Options async, sync;
    Stream streams;
};

} // namespace

TEST_CASE("a waitable set tells that a stream was read") {
    under_seeds([](Native &n) {
        Guest g(n);
        CHECK(g.run([&] {
            const auto [readable, writable] = g.streams.make();
            auto set = g.set();
            set.join(readable);
            g.set_values(32, {42, 87});
            CHECK(g.streams.read(g.async, readable, 0, 2) == BLOCKED);
            CHECK(set.poll() == NONE);
            CHECK_COPIED(g.streams.write(g.async, writable, 32, 2), 2, COMPLETED);
            CHECK_COPIED(set.poll(STREAM_READ, readable), 2, COMPLETED);
            CHECK(set.poll() == NONE);
            CHECK(g.value(0) == 42);
            CHECK(g.value(4) == 87);
            g.streams.drop_readable(readable);
            g.streams.drop_writable(writable);
            set.drop();
        }) == "");
    });
}

TEST_CASE("a cancelled copy is over at once") {
    under_seeds([](Native &n) {
        Guest g(n);
        CHECK(g.run([&] {
            const auto [readable, writable] = g.streams.make();
            auto set = g.set();
            for (const auto end : {readable, writable}) {
                // In a set only the async form may be used.
                set.join(end);
                const bool reads = end == readable;
                CHECK((reads ? g.streams.read(g.async, end, 0, 1) : g.streams.write(g.async, end, 0, 1)) == BLOCKED);
                CHECK_COPIED(reads ? g.streams.cancel_read(true, end) : g.streams.cancel_write(true, end), 0, CANCELLED);
                CHECK(set.poll() == NONE);
                set.leave(end);
                CHECK((reads ? g.streams.read(g.async, end, 0, 1) : g.streams.write(g.async, end, 0, 1)) == BLOCKED);
                CHECK_COPIED(reads ? g.streams.cancel_read(false, end) : g.streams.cancel_write(false, end), 0,
                             CANCELLED);
            }
            g.streams.drop_readable(readable);
            g.streams.drop_writable(writable);
            set.drop();
        }) == "");
    });
}

TEST_CASE("a stream can be read again after a cancellation") {
    under_seeds([](Native &n) {
        Guest g(n);
        CHECK(g.run([&] {
            const auto [readable, writable] = g.streams.make();
            auto set = g.set();
            set.join(readable);
            CHECK(g.streams.read(g.async, readable, 0, 1) == BLOCKED);
            CHECK_COPIED(g.streams.cancel_read(true, readable), 0, CANCELLED);
            CHECK(g.streams.read(g.async, readable, 0, 1) == BLOCKED);
            g.set_values(64, {1234});
            CHECK_COPIED(g.streams.write(g.async, writable, 64, 1), 1, COMPLETED);
            CHECK_COPIED(set.poll(STREAM_READ, readable), 1, COMPLETED);
            CHECK(g.value(0) == 1234);
            // The same for a copy of which a part was over.
            CHECK(g.streams.write(g.async, writable, 64, 3) == BLOCKED);
            CHECK_COPIED(g.streams.read(g.async, readable, 0, 1), 1, COMPLETED);
            CHECK_COPIED(g.streams.cancel_write(false, writable), 1, CANCELLED);
            CHECK(g.streams.write(g.async, writable, 64, 1) == BLOCKED);
            CHECK_COPIED(g.streams.read(g.async, readable, 0, 1), 1, COMPLETED);
            CHECK_COPIED(g.streams.cancel_write(false, writable), 1, CANCELLED);
            g.streams.drop_readable(readable);
            g.streams.drop_writable(writable);
            set.drop();
        }) == "");
    });
}

TEST_CASE("a sync copy blocks until the other end comes") {
    under_seeds([](Native &n) {
        const auto root = n.instance("root");
        const auto producer = n.instance("producer", root), consumer = n.instance("consumer", root);
        Heap mem1(64), mem2(64);
        auto opts1 = n.options(mem1);
        const auto sync1 = opts1;
        opts1.is_async = 1;
        auto opts2 = n.options(mem2);
        const auto sync2 = opts2;
        opts2.is_async = 1;
        const Type stream_type = stream_of(u8());
        const Stream streams(n, u8());
        bool reading = false, read = false;

        const FuncType type1 = func({}, stream_type, true);
        const auto func1 = n.lift(producer, n.core({}, {}, [&](const Values &) {
            const auto [readable, writable] = streams.make();
            n.task_return(stream_type, opts1, {readable});
            n.wait_until(reading);
            mem1[0] = 0x7b;
            CHECK_COPIED(streams.write(sync1, writable, 0, 1), 1, COMPLETED);
            CHECK(!read);
            // Now the writer is first.
            CHECK_COPIED(streams.write(sync1, writable, 0, 1), 1, COMPLETED);
            CHECK(read);
            streams.drop_writable(writable);
            return Values{};
        }), type1, opts1, "produce");

        const auto lowered = n.lower(consumer, func1, opts2);
        const FuncType type2 = func({}, nullptr, true);
        const auto func2 = n.lift(consumer, n.core({}, {}, [&](const Values &) {
            CHECK(n.call1(lowered, {8}) == RETURNED);
            const auto readable = mem2.u32_at(8);
            reading = true;
            CHECK_COPIED(streams.read(sync2, readable, 0, 1), 1, COMPLETED);
            CHECK(mem2[0] == 0x7b);
            read = true;
            CHECK_COPIED(streams.read(sync2, readable, 1, 1), 1, COMPLETED);
            CHECK_COPIED(streams.read(sync2, readable, 1, 1), 0, DROPPED);
            streams.drop_readable(readable);
            n.task_return(nullptr, opts2, {});
            return Values{};
        }), type2, opts2, "consume");
        call(n, func2, nullptr, nullptr);
        n.run();
    });
}

TEST_CASE("what both ends of a stream share") {
    under_seeds([](Native &n) {
        Guest g(n);
        CHECK(g.run([&] {
            auto set = g.set();
            INFO("a read after the writer was dropped");
            auto ends = g.streams.make();
            g.streams.drop_writable(ends.writable);
            CHECK_COPIED(g.streams.read(g.async, ends.readable, 0, 1), 0, DROPPED);
            g.streams.drop_readable(ends.readable);

            INFO("a write after the reader was dropped");
            ends = g.streams.make();
            g.streams.drop_readable(ends.readable);
            CHECK_COPIED(g.streams.write(g.async, ends.writable, 0, 1), 0, DROPPED);
            g.streams.drop_writable(ends.writable);

            INFO("a drop while the other end waits");
            ends = g.streams.make();
            set.join(ends.readable);
            CHECK(g.streams.read(g.async, ends.readable, 0, 1) == BLOCKED);
            g.streams.drop_writable(ends.writable);
            CHECK_COPIED(set.poll(STREAM_READ, ends.readable), 0, DROPPED);
            g.streams.drop_readable(ends.readable);

            INFO("a write of nothing is over when the reader comes, which waits then");
            ends = g.streams.make();
            set.join(ends.writable);
            CHECK(g.streams.write(g.async, ends.writable, 0, 0) == BLOCKED);
            CHECK(g.streams.read(g.async, ends.readable, 16, 1) == BLOCKED);
            CHECK_COPIED(set.poll(STREAM_WRITE, ends.writable), 0, COMPLETED);

            INFO("a write of nothing to a reader that waits leaves it waiting");
            CHECK_COPIED(g.streams.write(g.async, ends.writable, 0, 0), 0, COMPLETED);
            CHECK_COPIED(g.streams.cancel_read(false, ends.readable), 0, CANCELLED);

            INFO("a read of nothing waits for the writer, which waits then");
            CHECK(g.streams.read(g.async, ends.readable, 0, 0) == BLOCKED);
            CHECK(g.streams.write(g.async, ends.writable, 0, 1) == BLOCKED);
            CHECK_COPIED(g.streams.cancel_read(false, ends.readable), 0, CANCELLED);
            CHECK_COPIED(g.streams.read(g.async, ends.readable, 0, 0), 0, COMPLETED);
            CHECK_COPIED(g.streams.cancel_write(true, ends.writable), 0, CANCELLED);

            INFO("two copies of nothing: the reader waits on, whoever came first");
            CHECK(g.streams.read(g.async, ends.readable, 0, 0) == BLOCKED);
            CHECK_COPIED(g.streams.write(g.async, ends.writable, 0, 0), 0, COMPLETED);
            CHECK_COPIED(g.streams.cancel_read(false, ends.readable), 0, CANCELLED);
            CHECK(g.streams.write(g.async, ends.writable, 0, 0) == BLOCKED);
            CHECK(g.streams.read(g.async, ends.readable, 0, 0) == BLOCKED);
            CHECK_COPIED(set.poll(STREAM_WRITE, ends.writable), 0, COMPLETED);
            CHECK_COPIED(g.streams.cancel_read(false, ends.readable), 0, CANCELLED);

            INFO("until its event is taken, a copy goes on for as long as there is room");
            set.join(ends.readable);
            g.set_values(64, {1, 2, 3});
            CHECK(g.streams.read(g.async, ends.readable, 0, 3) == BLOCKED);
            CHECK_COPIED(g.streams.write(g.async, ends.writable, 64, 1), 1, COMPLETED);
            CHECK_COPIED(g.streams.write(g.async, ends.writable, 68, 1), 1, COMPLETED);
            CHECK_COPIED(set.poll(STREAM_READ, ends.readable), 2, COMPLETED);
            CHECK(g.streams.write(g.async, ends.writable, 72, 1) == BLOCKED);
            CHECK(g.value(0) == 1);
            CHECK(g.value(4) == 2);
            CHECK(g.value(8) == 0);
            CHECK_COPIED(g.streams.read(g.async, ends.readable, 0, 3), 1, COMPLETED);
            CHECK_COPIED(set.poll(STREAM_WRITE, ends.writable), 1, COMPLETED);

            INFO("a full buffer whose event is not taken is in nobody's way");
            CHECK(g.streams.read(g.async, ends.readable, 0, 1) == BLOCKED);
            CHECK_COPIED(g.streams.write(g.async, ends.writable, 64, 2), 1, COMPLETED);
            CHECK(g.streams.write(g.async, ends.writable, 68, 1) == BLOCKED);
            CHECK_COPIED(set.poll(STREAM_READ, ends.readable), 1, COMPLETED);
            CHECK_COPIED(g.streams.read(g.async, ends.readable, 4, 1), 1, COMPLETED);
            CHECK_COPIED(set.poll(STREAM_WRITE, ends.writable), 1, COMPLETED);
            g.streams.drop_readable(ends.readable);
            g.streams.drop_writable(ends.writable);
            set.drop();
        }) == "");
    });
}

TEST_CASE("a writer keeps what was not read, and learns how much was") {
    under_seeds([](Native &n) {
        Guest g(n);
        CHECK(g.run([&] {
            const auto [readable, writable] = g.streams.make();
            auto set = g.set();
            set.join(writable);
            g.set_values(0, {10, 20, 30, 40, 50});
            CHECK(g.streams.write(g.async, writable, 0, 5) == BLOCKED);
            CHECK_COPIED(g.streams.read(g.async, readable, 64, 2), 2, COMPLETED);
            CHECK(g.value(64) == 10);
            CHECK(g.value(68) == 20);
            CHECK_COPIED(g.streams.read(g.async, readable, 64, 10), 3, COMPLETED);
            CHECK(g.value(64) == 30);
            CHECK(g.value(68) == 40);
            CHECK(g.value(72) == 50);
            g.streams.drop_readable(readable);
            CHECK_COPIED(set.wait(STREAM_WRITE, writable), 5, DROPPED);
            g.streams.drop_writable(writable);
            set.drop();
        }) == "");
    });
}

TEST_CASE("stream copies that trap") {
    const auto traps = [](const char *part, const std::function<void(Guest &, Ends)> &body) {
        CAPTURE(part);
        Native n;
        Guest g(n);
        const auto message = g.run([&] { body(g, g.streams.make()); });
        CAPTURE(message);
        CHECK(message.find(part) != std::string::npos);
    };
    traps("cannot cancel a copy which is not in progress on this end of a stream",
          [](Guest &g, Ends ends) { g.streams.cancel_read(false, ends.readable); });
    traps("cannot cancel a copy which is not in progress on this end of a stream",
          [](Guest &g, Ends ends) { g.streams.cancel_write(true, ends.writable); });
    traps("cannot have concurrent operations active on a future/stream", [](Guest &g, Ends ends) {
        g.streams.read(g.async, ends.readable, 0, 1);
        g.streams.read(g.async, ends.readable, 0, 1);
    });
    traps("cannot have concurrent operations active on a future/stream", [](Guest &g, Ends ends) {
        g.streams.write(g.async, ends.writable, 0, 1);
        g.streams.write(g.sync, ends.writable, 0, 1);
    });
    traps("cannot remove busy stream", [](Guest &g, Ends ends) {
        g.streams.read(g.async, ends.readable, 0, 1);
        g.streams.drop_readable(ends.readable);
    });
    traps("cannot drop busy stream", [](Guest &g, Ends ends) {
        g.streams.write(g.async, ends.writable, 0, 1);
        g.streams.drop_writable(ends.writable);
    });
    traps("cannot read from stream after being notified that the writable end dropped", [](Guest &g, Ends ends) {
        g.streams.drop_writable(ends.writable);
        g.streams.read(g.async, ends.readable, 0, 1);
        g.streams.read(g.async, ends.readable, 0, 1);
    });
    traps("cannot write to stream after being notified that the readable end dropped", [](Guest &g, Ends ends) {
        g.streams.drop_readable(ends.readable);
        g.streams.write(g.async, ends.writable, 0, 1);
        g.streams.write(g.async, ends.writable, 0, 1);
    });
    traps("expected the readable end of a stream but found the writable end of a stream", [](Guest &g, Ends ends) { g.streams.read(g.async, ends.writable, 0, 1); });
    traps("expected a stream<u8> but found a stream<s32>",
          [](Guest &g, Ends ends) { Stream(g.n, u8()).read(g.async, ends.readable, 0, 1); });
    traps("stream.write", [](Guest &g, Ends ends) { g.streams.write(g.async, ends.writable, 0, 1 << 28); });
    traps("unaligned pointer", [](Guest &g, Ends ends) { g.streams.write(g.async, ends.writable, 2, 1); });
    traps("out of bounds memory access", [](Guest &g, Ends ends) { g.streams.read(g.async, ends.readable, 252, 2); });
    traps("waitable set", [](Guest &g, Ends ends) {
        g.set().join(ends.readable);
        g.streams.read(g.sync, ends.readable, 0, 1);
    });
    traps("waitable set", [](Guest &g, Ends ends) {
        g.streams.read(g.async, ends.readable, 0, 1);
        g.set().join(ends.readable);
        g.streams.cancel_read(false, ends.readable);
    });
}

TEST_CASE("only numbers are copied within an instance") {
    Native n;
    Heap mem(64);
    auto opts = n.options(mem);
    opts.is_async = 1;
    const auto inst = n.instance("inst");
    const auto message = run_guest(n, inst, [&] {
        const Stream streams(n, boolean());
        const auto [readable, writable] = streams.make();
        CHECK(streams.write(opts, writable, 0, 1) == BLOCKED);
        streams.read(opts, readable, 0, 1);
    });
    CHECK(message.find("stream.read") != std::string::npos);
}
