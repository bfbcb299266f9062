// The reference's own tests of streams and futures, each under its name.
#include "streams.hpp"

#include <array>

namespace {

// The options of a guest whose memory is a heap: async, and the same without.
struct GuestOptions {
    GuestOptions(Native &n, Heap &heap) {
        async = Native::options();
        async.memory = n.memory(heap);
        async.is_async = 1;
        sync = async;
        sync.is_async = 0;
    }

    Options async, sync;
};

void put(Heap &heap, std::uint64_t at, std::initializer_list<std::uint8_t> bytes) {
    std::copy(bytes.begin(), bytes.end(), heap.bytes.begin() + static_cast<std::ptrdiff_t>(at));
}

Bytes bytes(const Heap &heap, std::size_t from, std::size_t to) {
    return Bytes(heap.bytes.begin() + static_cast<std::ptrdiff_t>(from),
                 heap.bytes.begin() + static_cast<std::ptrdiff_t>(to));
}

// Adds 10 to each byte.
Bytes add10(Bytes bytes) {
    for (auto &byte : bytes) {
        byte = static_cast<std::uint8_t>(byte + 10);
    }
    return bytes;
}

struct HandleArg {
    std::uint32_t handle;
};

std::uint32_t handle_in(const void *args) { return static_cast<const HandleArg *>(args)->handle; }

void set_handle(void *results, std::uint32_t handle) { static_cast<HandleArg *>(results)->handle = handle; }

} // namespace

TEST_CASE("test_eager_stream_completion") {
    under_seeds([](Native &n) {
        const auto inst = n.instance("inst");
        Heap mem(20);
        const GuestOptions opts(n, mem);
        const Type stream_type = stream_of(u8());
        const FuncType type = func({field("s", stream_type)}, stream_type, true);

        std::optional<HostSink> incoming;
        std::optional<HostSource> outgoing;
        const auto host = n.host(type, [&](cmabi_task *, const void *args, void *results) {
            incoming.emplace(n, handle_in(args));
            outgoing.emplace(n, Bytes{}, 4, false);
            incoming->on_progress = [&] {
                while (const auto got = incoming->received.size() >= 4 ? incoming->consume(4) : std::nullopt) {
                    outgoing->write(add10(*got));
                }
                if (incoming->closed) {
                    outgoing->drop();
                }
            };
            set_handle(results, outgoing->readable);
        });
        const auto lowered = n.lower(inst, host, opts.async);

        HostSource src(n, {1, 2, 3, 4, 5, 6, 7, 8}, 4);
        const Stream streams(n, u8());
        const auto core = n.core({I32}, {}, [&](const Values &args) {
            const auto rsi1 = static_cast<std::uint32_t>(args[0]);
            CHECK(rsi1 == 1);
            const auto [rsi2, wsi2] = streams.make();
            n.task_return(stream_type, opts.async, {rsi2});
            CHECK_COPIED(streams.read(opts.async, rsi1, 0, 4), 4, COMPLETED);
            CHECK(bytes(mem, 0, 4) == Bytes{1, 2, 3, 4});
            const auto [rsi3, wsi3] = streams.make();
            const std::uint64_t retp = 12;
            CHECK(n.call1(lowered, {rsi3, retp}) == RETURNED);
            const auto rsi4 = mem.u32_at(retp);
            CHECK_COPIED(streams.write(opts.async, wsi3, 0, 4), 4, COMPLETED);
            CHECK_COPIED(streams.read(opts.sync, rsi4, 0, 4), 4, COMPLETED);
            CHECK_COPIED(streams.write(opts.async, wsi2, 0, 4), 4, COMPLETED);
            CHECK_COPIED(streams.read(opts.async, rsi1, 0, 4), 4, DROPPED);
            CHECK(bytes(mem, 0, 4) == Bytes{5, 6, 7, 8});
            CHECK_COPIED(streams.write(opts.sync, wsi3, 0, 4), 4, COMPLETED);
            CHECK_COPIED(streams.read(opts.sync, rsi4, 0, 4), 4, COMPLETED);
            CHECK_COPIED(streams.write(opts.sync, wsi2, 0, 4), 4, COMPLETED);
            streams.drop_readable(rsi1);
            streams.drop_readable(rsi4);
            streams.drop_writable(wsi2);
            streams.drop_writable(wsi3);
            return Values{};
        });
        const auto func = n.lift(inst, core, type, opts.async);
        HandleArg result{};
        call(n, func, HandleArg{src.readable}, &result);
        HostSink dst(n, result.handle);
        n.run();
        CHECK(dst.received == Bytes{11, 12, 13, 14, 15, 16, 17, 18});
        CHECK(dst.closed);
    });
}

TEST_CASE("test_async_stream_ops") {
    under_seeds([](Native &n) {
        const auto inst = n.instance("inst");
        Heap mem(24);
        const GuestOptions opts(n, mem);
        const Type stream_type = stream_of(u8());
        const FuncType type = func({field("s", stream_type)}, stream_type, true);

        std::optional<HostSink> incoming;
        std::optional<HostSource> outgoing;
        const auto host = n.host(type, [&](cmabi_task *, const void *args, void *results) {
            incoming.emplace(n, handle_in(args), 0);
            outgoing.emplace(n, Bytes{}, 4, false);
            incoming->on_progress = [&] {
                while (const auto got = incoming->received.size() >= 4 ? incoming->consume(4) : std::nullopt) {
                    outgoing->write(add10(*got));
                }
                if (incoming->closed) {
                    outgoing->destroy_once_empty();
                }
            };
            set_handle(results, outgoing->readable);
        });
        const auto lowered = n.lower(inst, host, opts.async);

        HostSource src(n, {}, 4, false);
        std::optional<HostSink> dst;
        const Stream streams(n, u8());
        const auto core = n.core({I32}, {}, [&](const Values &args) {
            const auto rsi1 = static_cast<std::uint32_t>(args[0]);
            CHECK(rsi1 == 1);
            const auto [rsi2, wsi2] = streams.make();
            n.task_return(stream_type, opts.async, {rsi2});
            CHECK(streams.read(opts.async, rsi1, 0, 4) == BLOCKED);
            src.write({1, 2, 3, 4});
            const std::uint64_t retp = 16;
            Set set(n, mem, opts.async.memory, retp);
            set.join(rsi1);
            CHECK_COPIED(set.wait(STREAM_READ, rsi1), 4, COMPLETED);
            CHECK(bytes(mem, 0, 4) == Bytes{1, 2, 3, 4});
            const auto [rsi3, wsi3] = streams.make();
            CHECK(n.call1(lowered, {rsi3, retp}) == RETURNED);
            const auto rsi4 = mem.u32_at(retp);
            CHECK(rsi4 == 4);
            CHECK(streams.write(opts.async, wsi3, 0, 4) == BLOCKED);
            incoming->set_remain(100);
            set.join(wsi3);
            CHECK_COPIED(set.wait(STREAM_WRITE, wsi3), 4, COMPLETED);
            CHECK_COPIED(streams.read(opts.sync, rsi4, 0, 4), 4, COMPLETED);
            CHECK(streams.write(opts.async, wsi2, 0, 4) == BLOCKED);
            // The host has the call's result by now.
            n.wait_until([&] { return dst.has_value(); });
            dst->set_remain(100);
            set.join(wsi2);
            CHECK_COPIED(set.wait(STREAM_WRITE, wsi2), 4, COMPLETED);
            src.write({5, 6, 7, 8});
            src.destroy_once_empty();
            CHECK_COPIED(streams.read(opts.async, rsi1, 0, 4), 4, DROPPED);
            streams.drop_readable(rsi1);
            CHECK(bytes(mem, 0, 4) == Bytes{5, 6, 7, 8});
            CHECK_COPIED(streams.write(opts.async, wsi3, 0, 4), 4, COMPLETED);
            streams.drop_writable(wsi3);
            CHECK(streams.read(opts.async, rsi4, 0, 4) == BLOCKED);
            set.join(rsi4);
            const auto copied = set.wait(STREAM_READ, rsi4);
            set.leave(rsi4);
            CHECK_COPIED(copied, 4, COMPLETED);
            CHECK(streams.read(opts.sync, rsi4, 0, 4) == DROPPED);
            streams.drop_readable(rsi4);
            CHECK_COPIED(streams.write(opts.async, wsi2, 0, 4), 4, COMPLETED);
            streams.drop_writable(wsi2);
            set.drop();
            return Values{};
        });
        const auto func = n.lift(inst, core, type, opts.async);
        HandleArg result{};
        call(n, func, HandleArg{src.readable}, &result);
        dst.emplace(n, result.handle, 0);
        n.run();
        CHECK(dst->received == Bytes{11, 12, 13, 14, 15, 16, 17, 18});
    });
}

TEST_CASE("test_transfer_readable_end") {
    under_seeds([](Native &n) {
        const auto inst = n.instance("inst");
        const Type stream_type = stream_of(u8());
        const FuncType type = func({field("s", stream_type)}, stream_type);
        const auto core = n.core({I32}, {I32}, [&](const Values &args) {
            CHECK(args[0] == 1);
            return args;
        });
        const auto func = n.lift(inst, core, type, Native::options());
        HandleArg result{};
        {
            HostSource src(n, {1, 2, 3, 4}, 4);
            call(n, func, HandleArg{src.readable}, &result);
            // What comes back is the host's own stream, not a copy of it.
            CHECK(result.handle == src.readable);
            HostSink dst(n, result.handle);
            CHECK(dst.received == Bytes{1, 2, 3, 4});
            CHECK(dst.closed);
        }
        // So does a stream whose writer is gone, which its reader was not told yet.
        std::uint32_t readable = 0, writable = 0;
        CHECK_OK(cmabi_stream_new, n.store, u8(), &readable, &writable);
        CHECK_OK(cmabi_stream_drop, n.store, writable);
        call(n, func, HandleArg{readable}, &result);
        CHECK(result.handle == readable);
        HostSink dst(n, result.handle);
        CHECK(dst.received.empty());
        CHECK(dst.closed);
    });
}

TEST_CASE("test_forward") {
    under_seeds([](Native &n) {
        const auto inst = n.instance("inst");
        Heap mem(32);
        const Options opts = GuestOptions(n, mem).async;
        const Stream streams(n, u8());
        const Future futures(n, u8());
        const auto trapped = run_guest(n, inst, [&] {
            const auto [own, to_own] = streams.make();
            streams.forward(own, to_own);

            auto from = streams.make(), to = streams.make();
            streams.drop_readable(to.readable);
            streams.forward(from.readable, to.writable);
            CHECK_COPIED(streams.write(opts, from.writable, 0, 4), 0, DROPPED);
            streams.drop_writable(from.writable);

            from = streams.make(), to = streams.make();
            streams.forward(from.readable, to.writable);
            put(mem, 0, {1, 2, 3, 4});
            CHECK(streams.write(opts, from.writable, 0, 4) == BLOCKED);
            CHECK_COPIED(streams.read(opts, to.readable, 8, 4), 4, COMPLETED);
            CHECK(bytes(mem, 8, 12) == Bytes{1, 2, 3, 4});

            from = streams.make(), to = streams.make();
            CHECK(streams.read(opts, to.readable, 8, 4) == BLOCKED);
            streams.forward(from.readable, to.writable);
            put(mem, 0, {5, 6, 7, 8});
            CHECK_COPIED(streams.write(opts, from.writable, 0, 4), 4, COMPLETED);
            CHECK(bytes(mem, 8, 12) == Bytes{5, 6, 7, 8});
            Set set(n, mem, opts.memory, 16);
            set.join(to.readable);
            CHECK_COPIED(set.wait(STREAM_READ, to.readable), 4, COMPLETED);

            from = futures.make(), to = futures.make();
            CHECK(futures.read(opts, to.readable, 8) == BLOCKED);
            futures.forward(from.readable, to.writable);
            mem[0] = 42;
            CHECK(futures.write(opts, from.writable, 0) == COMPLETED);
            CHECK(mem[8] == 42);

            from = futures.make(), to = futures.make();
            mem[0] = 43;
            CHECK(futures.write(opts, from.writable, 0) == BLOCKED);
            CHECK(futures.read(opts, to.readable, 8) == BLOCKED);
            futures.forward(from.readable, to.writable);
            CHECK(mem[8] == 43);

            from = futures.make(), to = futures.make();
            futures.drop_readable(to.readable);
            futures.forward(from.readable, to.writable);
            CHECK(futures.write(opts, from.writable, 0) == DROPPED);
            futures.drop_writable(from.writable);
        });
        CHECK(trapped == "");
    });
}

TEST_CASE("test_receive_own_stream") {
    under_seeds([](Native &n) {
        const auto inst = n.instance("inst");
        Heap mem(20);
        const GuestOptions opts(n, mem);
        const Type stream_type = stream_of(u8());
        const FuncType host_type = func({field("s", stream_type)}, stream_type);
        const auto host = n.host(host_type, [](cmabi_task *, const void *args, void *results) {
            set_handle(results, handle_in(args));
        });
        const auto lowered = n.lower(inst, host, opts.async);
        const Stream streams(n, u8());
        const auto core = n.core({}, {}, [&](const Values &) {
            const auto [rsi, wsi] = streams.make();
            CHECK(rsi == 1);
            CHECK(wsi == 2);
            CHECK(streams.write(opts.async, wsi, 0, 4) == BLOCKED);
            const std::uint64_t retp = 8;
            CHECK(n.call1(lowered, {rsi, retp}) == RETURNED);
            CHECK(mem.u32_at(retp) == 1);
            CHECK_COPIED(streams.cancel_write(false, wsi), 0, CANCELLED);
            streams.drop_writable(wsi);
            return Values{};
        });
        const FuncType type = func({}, nullptr, true);
        call(n, n.lift(inst, core, type, Native::options()), nullptr, nullptr);
        n.run();
    });
}

TEST_CASE("test_host_partial_reads_writes") {
    under_seeds([](Native &n) {
        const auto inst = n.instance("inst");
        Heap mem(20);
        const GuestOptions opts(n, mem);
        const Type stream_type = stream_of(u8());

        HostSource src(n, {1, 2, 3, 4}, 2, false);
        const FuncType source_type = func({}, stream_type);
        const auto source = n.host(source_type, [&](cmabi_task *, const void *, void *results) {
            set_handle(results, src.readable);
        });
        const auto lowered_source = n.lower(inst, source, opts.async);

        std::optional<HostSink> dst;
        const FuncType sink_type = func({field("s", stream_type)});
        const auto sink = n.host(sink_type, [&](cmabi_task *, const void *args, void *) {
            dst.emplace(n, handle_in(args), 2);
        });
        const auto lowered_sink = n.lower(inst, sink, opts.async);

        const Stream streams(n, u8());
        const auto core = n.core({}, {}, [&](const Values &) {
            const std::uint64_t retp = 4;
            CHECK(n.call1(lowered_source, {retp}) == RETURNED);
            auto rsi = mem.u32_at(retp);
            CHECK(rsi == 1);
            CHECK_COPIED(streams.read(opts.async, rsi, 0, 4), 2, COMPLETED);
            CHECK(bytes(mem, 0, 2) == Bytes{1, 2});
            CHECK_COPIED(streams.read(opts.async, rsi, 0, 4), 2, COMPLETED);
            CHECK(bytes(mem, 0, 2) == Bytes{3, 4});
            CHECK(streams.read(opts.async, rsi, 0, 4) == BLOCKED);
            src.write({5, 6});

            Set set(n, mem, opts.async.memory, retp);
            set.join(rsi);
            CHECK_COPIED(set.wait(STREAM_READ, rsi), 2, COMPLETED);
            streams.drop_readable(rsi);

            const auto ends = streams.make();
            rsi = ends.readable;
            const auto wsi = ends.writable;
            CHECK(rsi == 1);
            CHECK(wsi == 3);
            CHECK(n.call1(lowered_sink, {rsi}) == RETURNED);
            put(mem, 0, {1, 2, 3, 4, 5, 6});
            CHECK_COPIED(streams.write(opts.async, wsi, 0, 6), 2, COMPLETED);
            CHECK(streams.write(opts.async, wsi, 2, 4) == BLOCKED);
            dst->set_remain(4);
            set.join(wsi);
            CHECK_COPIED(set.wait(STREAM_WRITE, wsi), 4, COMPLETED);
            // The event went over the last two bytes, which were read before.
            CHECK(dst->received == Bytes{1, 2, 3, 4, 5, 6});
            streams.drop_writable(wsi);
            set.drop();
            dst->set_remain(100);
            CHECK(!dst->consume(100));
            return Values{};
        });
        const FuncType type = func({}, nullptr, true);
        call(n, n.lift(inst, core, type, Native::options()), nullptr, nullptr);
        n.run();
    });
}

TEST_CASE("test_wasm_to_wasm_stream") {
    under_seeds([](Native &n) {
        const auto root = n.instance("root");
        bool fut1 = false, fut2 = false, fut3 = false, fut4 = false, over = false;
        const Type stream_type = stream_of(u8());
        const Stream streams(n, u8());

        const auto inst1 = n.instance("inst1", root);
        Heap mem1(24);
        const Options opts1 = GuestOptions(n, mem1).async;
        const FuncType type1 = func({}, stream_type);
        const auto func1 = n.lift(inst1, n.core({}, {}, [&](const Values &) {
            const auto [rsi, wsi] = streams.make();
            n.task_return(stream_type, opts1, {rsi});

            n.wait_until(fut1);

            put(mem1, 0, {1, 2, 3, 4});
            CHECK_COPIED(streams.write(opts1, wsi, 0, 4), 4, COMPLETED);
            CHECK_COPIED(streams.write(opts1, wsi, 0, 4), 4, COMPLETED);

            CHECK(streams.write(opts1, wsi, 0, 0) == BLOCKED);
            CHECK_COPIED(streams.cancel_write(true, wsi), 0, CANCELLED);

            n.wait_until(fut2);

            put(mem1, 0, {5, 6, 7, 8, 9, 10, 11, 12});
            CHECK(streams.write(opts1, wsi, 0, 8) == BLOCKED);

            fut3 = true;

            Set set(n, mem1, opts1.memory, 16);
            set.join(wsi);
            CHECK_COPIED(set.wait(STREAM_WRITE, wsi), 4, COMPLETED);

            CHECK(streams.write(opts1, wsi, 12345, 0) == BLOCKED);

            fut4 = true;

            CHECK(set.wait(STREAM_WRITE, wsi) == COMPLETED);

            CHECK(streams.write(opts1, wsi, 12345, 0) == COMPLETED);

            const auto context = n.get(cmabi_canon_error_context_new, &opts1, std::uint64_t{0}, std::uint64_t{0});
            streams.drop_writable(wsi);
            set.drop();
            n.run(cmabi_canon_error_context_drop, context);
            return Values{};
        }), type1, opts1, "func1");

        const auto inst2 = n.instance("inst2", root);
        Heap mem2(24);
        auto opts2 = n.options(mem2);
        opts2.is_async = 1;
        const auto lowered1 = n.lower(inst2, func1, opts2);
        const FuncType type2 = func({});
        const auto func2 = n.lift(inst2, n.core({}, {}, [&](const Values &) {
            n.task_return(nullptr, opts2, {});

            const std::uint64_t retp = 16;
            CHECK(n.call1(lowered1, {retp}) == RETURNED);
            const auto rsi = mem2.u32_at(retp);
            CHECK(rsi == 1);

            CHECK(streams.read(opts2, rsi, 0, 8) == BLOCKED);

            fut1 = true;

            Set set(n, mem2, opts2.memory, retp);
            set.join(rsi);
            CHECK_COPIED(set.wait(STREAM_READ, rsi), 8, COMPLETED);
            CHECK(bytes(mem2, 0, 8) == Bytes{1, 2, 3, 4, 1, 2, 3, 4});

            fut2 = true;
            n.wait_until(fut3);

            CHECK(streams.read(opts2, rsi, 12345, 0) == COMPLETED);

            put(mem2, 0, {0, 0, 0, 0, 0, 0, 0, 0});
            CHECK_COPIED(streams.read(opts2, rsi, 0, 2), 2, COMPLETED);
            CHECK(bytes(mem2, 0, 6) == Bytes{5, 6, 0, 0, 0, 0});
            CHECK_COPIED(streams.read(opts2, rsi, 2, 2), 2, COMPLETED);
            CHECK(bytes(mem2, 0, 6) == Bytes{5, 6, 7, 8, 0, 0});

            n.wait_until(fut4);

            CHECK(streams.read(opts2, rsi, 12345, 0) == BLOCKED);
            CHECK(set.wait(STREAM_READ, rsi) == DROPPED);

            streams.drop_readable(rsi);
            set.drop();
            over = true;
            return Values{};
        }), type2, opts2, "func2");
        call(n, func2, nullptr, nullptr);
        n.run();
        CHECK(over);
    });
}

TEST_CASE("test_wasm_to_wasm_stream_empty") {
    under_seeds([](Native &n) {
        const auto root = n.instance("root");
        bool fut1 = false, fut2 = false, fut3 = false, fut4 = false, over = false;
        const Type stream_type = stream_of(nullptr);
        const Stream streams(n, nullptr);

        const auto inst1 = n.instance("inst1", root);
        Heap mem1(24);
        const Options opts1 = GuestOptions(n, mem1).async;
        const FuncType type1 = func({}, stream_type);
        const auto func1 = n.lift(inst1, n.core({}, {}, [&](const Values &) {
            const auto [rsi, wsi] = streams.make();
            n.task_return(stream_type, opts1, {rsi});

            n.wait_until(fut1);

            CHECK_COPIED(streams.write(opts1, wsi, 10000, 2), 2, COMPLETED);
            CHECK_COPIED(streams.write(opts1, wsi, 10000, 2), 2, COMPLETED);

            n.wait_until(fut2);

            CHECK(streams.write(opts1, wsi, 0, 8) == BLOCKED);

            fut3 = true;

            Set set(n, mem1, opts1.memory, 16);
            set.join(wsi);
            CHECK_COPIED(set.wait(STREAM_WRITE, wsi), 4, COMPLETED);

            fut4 = true;

            const auto context = n.get(cmabi_canon_error_context_new, &opts1, std::uint64_t{0}, std::uint64_t{0});
            streams.drop_writable(wsi);
            n.run(cmabi_canon_error_context_drop, context);
            return Values{};
        }), type1, opts1, "func1");

        const auto inst2 = n.instance("inst2", root);
        Heap mem2(10);
        auto opts2 = n.options(mem2);
        opts2.is_async = 1;
        const auto lowered1 = n.lower(inst2, func1, opts2);
        const FuncType type2 = func({});
        const auto func2 = n.lift(inst2, n.core({}, {}, [&](const Values &) {
            n.task_return(nullptr, opts2, {});

            const std::uint64_t retp = 0;
            CHECK(n.call1(lowered1, {retp}) == RETURNED);
            const auto rsi = mem2.u32_at(retp);
            CHECK(rsi == 1);

            CHECK(streams.read(opts2, rsi, 0, 8) == BLOCKED);

            fut1 = true;

            Set set(n, mem2, opts2.memory, retp);
            set.join(rsi);
            CHECK_COPIED(set.wait(STREAM_READ, rsi), 4, COMPLETED);

            fut2 = true;
            n.wait_until(fut3);

            CHECK_COPIED(streams.read(opts2, rsi, 1000000, 2), 2, COMPLETED);
            CHECK_COPIED(streams.read(opts2, rsi, 1000000, 2), 2, COMPLETED);

            n.wait_until(fut4);

            CHECK_COPIED(streams.read(opts2, rsi, 1000000, 2), 0, DROPPED);
            streams.drop_readable(rsi);
            over = true;
            return Values{};
        }), type2, opts2, "func2");
        call(n, func2, nullptr, nullptr);
        n.run();
        CHECK(over);
    });
}

namespace {

// A guest that makes streams for a host that reads them, and gets streams of a host that writes them.
struct CancelCopy {
    explicit CancelCopy(Native &native)
        : n(native), inst(n.instance("inst")), mem(24), opts(GuestOptions(n, mem).async), streams(n, u8()) {
        const Type stream_type = stream_of(u8());
        const FuncType sink_type = func({field("s", stream_type)});
        const auto to_sink = n.host(sink_type, [this](cmabi_task *, const void *args, void *) {
            sink.emplace(n, handle_in(args), 0);
        });
        lowered_sink = n.lower(inst, to_sink, opts);
        const FuncType source_type = func({}, stream_type);
        const auto from_source = n.host(source_type, [this](cmabi_task *, const void *, void *results) {
            source = &sources.emplace_back(n, Bytes{}, 2, false);
            set_handle(results, source->readable);
        });
        lowered_source = n.lower(inst, from_source, opts);
    }

    // Why the guest trapped; nothing where it did not.
    std::string run(const std::function<void()> &body) { return run_guest(n, inst, body); }

    std::uint32_t stream_of_source() {
        CHECK(n.call1(lowered_source, {retp}) == RETURNED);
        return mem.u32_at(retp);
    }

    Native &n;
    cmabi_component_instance inst;
    Heap mem;
    Options opts;
    Stream streams;
    std::optional<HostSink> sink;
    std::deque<HostSource> sources;
    HostSource *source = nullptr;
    cmabi_core_func lowered_sink = 0, lowered_source = 0;
    const std::uint64_t retp = 16;
};

} // namespace

TEST_CASE("test_cancel_copy") {
    under_seeds([](Native &n) {
        CancelCopy g(n);
        const auto trapped = g.run([&] {
            for (const bool is_async : {false, true}) {
                const auto [rsi, wsi] = g.streams.make();
                CHECK(n.call1(g.lowered_sink, {rsi}) == RETURNED);
                put(g.mem, 0, {0xa, 0xb, 0xc, 0xd});
                CHECK(g.streams.write(g.opts, wsi, 0, 4) == BLOCKED);
                g.sink->set_remain(2);
                CHECK(g.sink->consume(2) == Bytes{0xa, 0xb});
                CHECK_COPIED(g.streams.cancel_write(is_async, wsi), 2, CANCELLED);
                g.streams.drop_writable(wsi);
                g.sink->set_remain(100);
                CHECK(!g.sink->consume(100));
            }

            auto rsi = g.stream_of_source();
            CHECK(g.streams.read(g.opts, rsi, 0, 4) == BLOCKED);
            CHECK_COPIED(g.streams.cancel_read(false, rsi), 0, CANCELLED);
            g.streams.drop_readable(rsi);

            rsi = g.stream_of_source();
            CHECK(g.streams.read(g.opts, rsi, 0, 4) == BLOCKED);
            g.source->block_cancel();
            CHECK(g.streams.cancel_read(true, rsi) == BLOCKED);
            g.source->write({7, 8});
            g.source->unblock_cancel();
            Set set(n, g.mem, g.opts.memory, g.retp);
            set.join(rsi);
            CHECK_COPIED(set.wait(STREAM_READ, rsi), 2, CANCELLED);
            CHECK(bytes(g.mem, 0, 2) == Bytes{7, 8});
            g.streams.drop_readable(rsi);
            set.drop();
        });
        CHECK(trapped == "");
    });
}

TEST_CASE("test_cancel_copy: cancelling twice") {
    under_seeds([](Native &n) {
        CancelCopy guest(n);
        const auto trapped = guest.run([&] {
            const auto rsi = guest.stream_of_source();
            CHECK(guest.streams.read(guest.opts, rsi, 0, 4) == BLOCKED);
            guest.source->block_cancel();
            CHECK(guest.streams.cancel_read(true, rsi) == BLOCKED);
            guest.streams.cancel_read(true, rsi);
        });
        CHECK(trapped.find("cannot cancel a copy which is not in progress") != std::string::npos);
    });
}

TEST_CASE("test_futures") {
    under_seeds([](Native &n) {
        const auto inst = n.instance("inst");
        Heap mem(24);
        const Options opts = GuestOptions(n, mem).async;
        const Type future_type = future_of(u8());

        // Reads a byte, which is 42, and then writes another, 43.
        struct Served {
            Native &n;
            bool &written;
            std::uint32_t incoming, outgoing;
            std::uint8_t in, out;

            void got() {
                CHECK(in == 42);
                CHECK_OK(cmabi_future_drop, n.store, incoming);
                cmabi_copied copied;
                CHECK_OK(cmabi_future_write, n.store, outgoing, &out, nullptr, nullptr, nullptr, &copied);
                CHECK(copied.result == CMABI_COPY_RESULT_COMPLETED);
                CHECK_OK(cmabi_future_drop, n.store, outgoing);
                written = true;
            }
        };
        bool written = false;
        const FuncType host_type = func({field("f", future_type)}, future_type, true);
        const auto host = n.host(host_type, [&](cmabi_task *, const void *args, void *results) {
            auto *served = new Served{n, written, handle_in(args), 0, 0, 43};
            std::uint32_t readable = 0;
            CHECK_OK(cmabi_future_new, n.store, u8(), &readable, &served->outgoing);
            set_handle(results, readable);
            const auto done = [](void *data, cmabi_store *, std::uint32_t, cmabi_copy_result result, std::uint32_t) {
                CHECK(result == CMABI_COPY_RESULT_COMPLETED);
                static_cast<Served *>(data)->got();
            };
            cmabi_copied copied;
            CHECK_OK(cmabi_future_read, n.store, served->incoming, &served->in, nullptr, done, served,
                     [](void *data) { delete static_cast<Served *>(data); }, &copied);
            CHECK(copied.result == CMABI_COPY_RESULT_BLOCKED);
        });
        const auto lowered = n.lower(inst, host, opts);

        const Future futures(n, u8());
        const auto trapped = run_guest(n, inst, [&] {
            const std::uint64_t retp = 16, readp = 0, writep = 8;
            auto ends = futures.make();
            CHECK(n.call1(lowered, {ends.readable, retp}) == RETURNED);
            auto rfi = mem.u32_at(retp);
            CHECK(futures.read(opts, rfi, readp) == BLOCKED);
            mem[writep] = 42;
            CHECK(futures.write(opts, ends.writable, writep) == COMPLETED);

            Set set(n, mem, opts.memory, retp);
            set.join(rfi);
            CHECK(set.wait(FUTURE_READ, rfi) == COMPLETED);
            CHECK(mem[readp] == 43);
            futures.drop_writable(ends.writable);
            futures.drop_readable(rfi);
            set.drop();

            written = false;
            ends = futures.make();
            CHECK(n.call1(lowered, {ends.readable, retp}) == RETURNED);
            rfi = mem.u32_at(retp);
            mem[readp] = 0;
            CHECK(futures.read(opts, rfi, readp) == BLOCKED);
            mem[writep] = 42;
            CHECK(futures.write(opts, ends.writable, writep) == COMPLETED);
            n.wait_until(written);
            CHECK(futures.cancel_read(false, rfi) == COMPLETED);
            CHECK(mem[readp] == 43);
            futures.drop_writable(ends.writable);
            futures.drop_readable(rfi);
        });
        CHECK(trapped == "");
    });
}

TEST_CASE("test_futures: dropping the writable end before the value is written") {
    check_guest_traps("cannot drop future write end without first writing a value", [](Native &n, auto) {
        const Future futures(n, u8());
        futures.drop_writable(futures.make().writable);
    });
}

TEST_CASE("test_future_drop_readable_with_pending_write") {
    under_seeds([](Native &n) {
        const auto inst = n.instance("inst");
        Heap mem(24);
        const Options opts = GuestOptions(n, mem).async;
        const Future futures(n, u8());
        const auto trapped = run_guest(n, inst, [&] {
            const auto [rfi, wfi] = futures.make();
            mem[0] = 42;
            CHECK(futures.write(opts, wfi, 0) == BLOCKED);
            futures.drop_readable(rfi);
            Set set(n, mem, opts.memory, 16);
            set.join(wfi);
            CHECK(set.wait(FUTURE_WRITE, wfi) == DROPPED);
            set.leave(wfi);
            set.drop();
            futures.drop_writable(wfi);
        });
        CHECK(trapped == "");
    });
}

TEST_CASE("test_stream_drop_both_ends_while_idle") {
    under_seeds([](Native &n) {
        const auto inst = n.instance("inst");
        Heap mem(24);
        const Options opts = GuestOptions(n, mem).async;
        const Stream streams(n, u8());
        const Future futures(n, u8());
        const auto trapped = run_guest(n, inst, [&] {
            auto ends = streams.make();
            streams.drop_writable(ends.writable);
            streams.drop_readable(ends.readable);

            // An end that is idle is told too, once.
            Set set(n, mem, opts.memory, 8);
            ends = streams.make();
            set.join(ends.readable);
            streams.drop_writable(ends.writable);
            CHECK_COPIED(set.poll(STREAM_READ, ends.readable), 0, DROPPED);
            CHECK(set.poll() == NONE);
            set.leave(ends.readable);
            streams.drop_readable(ends.readable);

            // One of a future may then go without having written.
            const auto [rfi, wfi] = futures.make();
            set.join(wfi);
            futures.drop_readable(rfi);
            CHECK(set.wait(FUTURE_WRITE, wfi) == DROPPED);
            set.leave(wfi);
            futures.drop_writable(wfi);
            set.drop();
        });
        CHECK(trapped == "");
    });
}

TEST_CASE("test_stream_drop_both_ends_while_idle: it is done then") {
    check_guest_traps("cannot read from stream after being notified that the writable end dropped",
                      [](Native &n, auto) {
        Heap mem(8);
        const Options opts = GuestOptions(n, mem).async;
        const Stream streams(n, u8());
        const auto [rsi, wsi] = streams.make();
        streams.drop_writable(wsi);
        CHECK_COPIED(streams.read(opts, rsi, 0, 4), 0, DROPPED);
        streams.read(opts, rsi, 0, 4);
    });
}

TEST_CASE("test_self_copy") {
    const std::array<const cmabi_type *, 11> elements{nullptr, u8(),  s8(),  u16(), s16(), u32(),
                                                      s32(),   u64(), s64(), f32(), f64()};
    for (const cmabi_type *element : elements) {
        CAPTURE(text(cmabi_type_text(element)));
        under_seeds([element](Native &n) {
            const auto inst = n.instance("inst");
            Heap mem(40);
            const Options opts = GuestOptions(n, mem).async;
            const Future futures(n, element);
            const Stream streams(n, element);
            const auto trapped = run_guest(n, inst, [&] {
                Set set(n, mem, opts.memory, 0);

                const auto [rfi, wfi] = futures.make();
                CHECK(futures.write(opts, wfi, 0) == BLOCKED);
                CHECK(futures.read(opts, rfi, 0) == COMPLETED);
                futures.drop_readable(rfi);
                set.join(wfi);
                CHECK(set.wait(FUTURE_WRITE, wfi) == COMPLETED);
                futures.drop_writable(wfi);

                const auto [rsi, wsi] = streams.make();
                CHECK(streams.write(opts, wsi, 0, 3) == BLOCKED);
                CHECK_COPIED(streams.read(opts, rsi, 0, 1), 1, COMPLETED);
                CHECK_COPIED(streams.read(opts, rsi, 0, 4), 2, COMPLETED);
                streams.drop_readable(rsi);
                set.join(wsi);
                CHECK_COPIED(set.wait(STREAM_WRITE, wsi), 3, DROPPED);
                streams.drop_writable(wsi);

                // A read of nothing that has met a write waits no more.
                const auto [empty, full] = streams.make();
                CHECK(streams.read(opts, empty, 0, 0) == BLOCKED);
                CHECK(streams.write(opts, full, 0, 1) == BLOCKED);
                CHECK_COPIED(streams.cancel_write(true, full), 0, CANCELLED);
                CHECK(streams.write(opts, full, 0, 0) == BLOCKED);
                CHECK_COPIED(streams.cancel_read(true, empty), 0, CANCELLED);
                CHECK_COPIED(streams.cancel_write(true, full), 0, CANCELLED);
                streams.drop_readable(empty);
                streams.drop_writable(full);

                set.drop();
            });
            CHECK(trapped == "");
        });
    }
}
