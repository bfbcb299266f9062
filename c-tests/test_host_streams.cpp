// The host's ends of streams: its own buffers, elements in place, watching, sets, and wrong uses.
#include "streams.hpp"

namespace {

struct Copied {
    cmabi_copy_result result;
    std::uint32_t count;

    friend bool operator==(Copied a, Copied b) { return a.result == b.result && a.count == b.count; }
};

doctest::String toString(Copied copied) {
    return ("result " + std::to_string(copied.result) + ", count " + std::to_string(copied.count)).c_str();
}

constexpr Copied GOES_ON{CMABI_COPY_RESULT_BLOCKED, 0};
Copied completed(std::uint32_t count) { return {CMABI_COPY_RESULT_COMPLETED, count}; }
Copied dropped(std::uint32_t count) { return {CMABI_COPY_RESULT_DROPPED, count}; }
Copied failed(std::uint32_t count) { return {CMABI_COPY_RESULT_FAILED, count}; }
Copied cancelled(std::uint32_t count) { return {CMABI_COPY_RESULT_CANCELLED, count}; }

// The functions of the library for one store, which succeed.
class Host {
public:
    explicit Host(cmabi_store *store) : store(store) {}

    Ends make(const cmabi_type *element) {
        Ends ends;
        REQUIRE_OK(cmabi_stream_new, store, element, &ends.readable, &ends.writable);
        return ends;
    }
    template <class T>
    Copied read(std::uint32_t end, T *elements, std::uint32_t count, cmabi_arena *arena = nullptr) {
        cmabi_copied copied{};
        CHECK_OK(cmabi_stream_read, store, end, elements, count, arena, nullptr, nullptr, nullptr, &copied);
        return {copied.result, copied.count};
    }
    template <class T>
    Copied write(std::uint32_t end, const T *elements, std::uint32_t count) {
        cmabi_copied copied{};
        CHECK_OK(cmabi_stream_write, store, end, elements, count, nullptr, nullptr, nullptr, &copied);
        return {copied.result, copied.count};
    }
    Copied poll(std::uint32_t end) {
        cmabi_copied copied{};
        CHECK_OK(cmabi_stream_poll, store, end, &copied);
        return {copied.result, copied.count};
    }
    Copied cancel(std::uint32_t end) {
        cmabi_copied copied{};
        CHECK_OK(cmabi_stream_cancel, store, end, &copied);
        return {copied.result, copied.count};
    }
    void drop(std::uint32_t end) { CHECK_OK(cmabi_stream_drop, store, end); }
    // Takes up to `count` bytes where the writer has them.
    Copied take(std::uint32_t end, Bytes &to, std::uint32_t count) {
        struct Taking {
            Bytes &to;
            std::uint32_t count;
        } taking{to, count};
        const auto visit = [](void *data, const void *elements, std::uint32_t available) {
            auto &taking = *static_cast<Taking *>(data);
            const auto count = std::min(available, taking.count);
            const auto *bytes = static_cast<const std::uint8_t *>(elements);
            taking.to.insert(taking.to.end(), bytes, bytes + count);
            return count;
        };
        cmabi_copied copied{};
        CHECK_OK(cmabi_stream_read_in_place, store, end, visit, &taking, &copied);
        return {copied.result, copied.count};
    }
    // Puts bytes where the reader wants them.
    Copied put(std::uint32_t end, const Bytes &from) {
        const auto visit = [](void *data, void *elements, std::uint32_t room) {
            const auto &from = *static_cast<const Bytes *>(data);
            const auto count = std::min<std::uint32_t>(room, static_cast<std::uint32_t>(from.size()));
            std::copy_n(from.begin(), count, static_cast<std::uint8_t *>(elements));
            return count;
        };
        cmabi_copied copied{};
        CHECK_OK(cmabi_stream_write_in_place, store, end, visit, const_cast<Bytes *>(&from), &copied);
        return {copied.result, copied.count};
    }

    cmabi_store *store;
};

// A callback's data, which counts.
struct Told {
    int calls = 0;
    int drops = 0;
    Copied last = GOES_ON;

    static void done(void *data, cmabi_store *, std::uint32_t, cmabi_copy_result result, std::uint32_t count) {
        auto &told = *static_cast<Told *>(data);
        ++told.calls;
        told.last = {result, count};
    }
    static void drop(void *data) { ++static_cast<Told *>(data)->drops; }
};

// A guest, and the host's store around it.
struct Guest {
    explicit Guest(const cmabi_type *element = u8())
        : host(n.store), inst(n.instance("inst")), mem(4096), sync(n.options(mem)), async(sync), streams(n, element),
          stream_type(stream_of(element)) {
        async.is_async = 1;
    }

    // Gives a guest the readable end and runs `body` in it, as far as it comes.
    void with_readable(std::uint32_t end, std::function<void(std::uint32_t)> body) {
        const FuncType type = func({field("s", stream_type)}, nullptr, true);
        const auto core = n.core({I32}, {}, [this, body = std::move(body)](const Values &args) {
            n.task_return(nullptr, async, {});
            body(static_cast<std::uint32_t>(args[0]));
            return Values{};
        });
        call(n, n.lift(inst, core, type, async), end, nullptr);
    }
    // Runs `body` in a guest with the writable end of a stream whose readable end the host gets.
    std::uint32_t with_writable(std::function<void(std::uint32_t)> body) {
        const FuncType type = func({}, stream_type, true);
        const auto core = n.core({}, {}, [this, body = std::move(body)](const Values &) {
            const auto [readable, writable] = streams.make();
            n.task_return(stream_type, async, {readable});
            body(writable);
            return Values{};
        });
        std::uint32_t readable = 0;
        call(n, n.lift(inst, core, type, async), nullptr, &readable);
        return readable;
    }

    Native n;
    Host host;
    cmabi_component_instance inst;
    Heap mem;
    Options sync, async;
    Stream streams;
    Type stream_type;
};

} // namespace

TEST_CASE("a host reads and writes its own stream") {
    Native n;
    Host host(n.store);
    const auto [readable, writable] = host.make(u16());
    CHECK_OK(cmabi_stream_check, n.store, readable, u16());
    CHECK_OK(cmabi_stream_check, n.store, writable, u16());
    const std::uint16_t numbers[] = {1, 2, 3, 4, 5};
    std::uint16_t got[5]{};
    CHECK(host.write(writable, numbers, 5) == GOES_ON);
    CHECK(host.poll(writable) == GOES_ON);
    CHECK(host.read(readable, got, 2) == completed(2));
    CHECK(host.read(readable, got + 2, 3) == completed(3));
    CHECK(std::equal(numbers, numbers + 5, got));
    CHECK(host.poll(writable) == completed(5));
    CHECK(host.poll(writable) == GOES_ON);

    CHECK(host.read(readable, got, 5) == GOES_ON);
    CHECK(host.write(writable, numbers + 3, 2) == completed(2));
    CHECK(got[0] == 4);
    CHECK(host.cancel(readable) == cancelled(2));
    CHECK(host.read(readable, got, 5) == GOES_ON);
    CHECK(host.cancel(readable) == cancelled(0));

    CHECK(host.read(readable, got, 0) == GOES_ON);
    CHECK(host.write(writable, numbers, 1) == GOES_ON);
    CHECK(host.poll(readable) == completed(0));
    CHECK(host.cancel(writable) == cancelled(0));

    CHECK(host.read(readable, got, 1) == GOES_ON);
    host.drop(writable);
    CHECK(host.poll(readable) == dropped(0));
    host.drop(readable);
}

TEST_CASE("a host's stream without payload counts") {
    Native n;
    Host host(n.store);
    const auto [readable, writable] = host.make(nullptr);
    CHECK_OK(cmabi_stream_check, n.store, readable, nullptr);
    CHECK(host.write<char>(writable, nullptr, 7) == GOES_ON);
    CHECK(host.read<char>(readable, nullptr, 3) == completed(3));
    CHECK(host.read<char>(readable, nullptr, 100) == completed(4));
    CHECK(host.poll(writable) == completed(7));
    host.drop(readable);
    CHECK(host.write<char>(writable, nullptr, 1) == dropped(0));
    host.drop(writable);
}

TEST_CASE("a completion is called once, when no guest runs") {
    Native n;
    Host host(n.store);
    const auto [readable, writable] = host.make(u8());
    Bytes buffer(4);
    Told told;
    cmabi_copied copied{};
    const auto read = [&] {
        CHECK_OK(cmabi_stream_read, n.store, readable, buffer.data(), 4U, nullptr, Told::done, &told, Told::drop,
                 &copied);
        return Copied{copied.result, copied.count};
    };
    CHECK(read() == GOES_ON);
    CHECK(told.drops == 0);
    const Bytes bytes{1, 2, 3};
    // It is called by what has let the copy end.
    CHECK(host.write(writable, bytes.data(), 3) == completed(3));
    CHECK(told.calls == 1);
    CHECK(told.drops == 1);
    CHECK(told.last == completed(3));
    CHECK(buffer == Bytes{1, 2, 3, 0});

    // A copy that is over at once is not told again.
    CHECK(host.write(writable, bytes.data(), 3) == GOES_ON);
    CHECK(read() == completed(3));
    CHECK(told.calls == 1);
    CHECK(told.drops == 2);
    CHECK(host.poll(writable) == completed(3));

    // Nor one that was cancelled or polled.
    CHECK(read() == GOES_ON);
    CHECK(host.cancel(readable) == cancelled(0));
    CHECK(told.calls == 1);
    CHECK(told.drops == 3);

    // Nor one that cannot be begun.
    CHECK(read() == GOES_ON);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "cannot have concurrent operations active", cmabi_stream_read, n.store,
                readable, buffer.data(), 4U, nullptr, Told::done, &told, Told::drop, &copied);
    CHECK(told.drops == 4);
    host.drop(writable);
    CHECK(told.calls == 2);
    CHECK(told.drops == 5);
    CHECK(told.last == dropped(0));
    host.drop(readable);
}

TEST_CASE("a completion goes on reading") {
    under_seeds([](Native &n) {
        Host host(n.store);
        const auto ends = host.make(u8());
        struct Reader {
            std::uint32_t end;
            Bytes buffer, all;

            void read(cmabi_store *store) {
                const auto done = [](void *data, cmabi_store *store, std::uint32_t end, cmabi_copy_result result,
                                     std::uint32_t count) {
                    auto &reader = *static_cast<Reader *>(data);
                    CHECK(end == reader.end);
                    reader.all.insert(reader.all.end(), reader.buffer.begin(), reader.buffer.begin() + count);
                    if (result == CMABI_COPY_RESULT_COMPLETED) {
                        reader.read(store);
                    }
                };
                cmabi_copied copied{};
                CHECK_OK(cmabi_stream_read, store, end, buffer.data(), static_cast<std::uint32_t>(buffer.size()),
                         nullptr, done, this, nullptr, &copied);
                CHECK(copied.result == CMABI_COPY_RESULT_BLOCKED);
            }
        } reader{ends.readable, Bytes(3), {}};
        reader.read(n.store);
        const Bytes bytes{1, 2, 3, 4, 5, 6, 7};
        CHECK(host.write(ends.writable, bytes.data(), 7) == completed(3));
        CHECK(host.write(ends.writable, bytes.data() + 3, 4) == completed(3));
        CHECK(host.write(ends.writable, bytes.data() + 6, 1) == completed(1));
        host.drop(ends.writable);
        CHECK(reader.all == bytes);
        host.drop(ends.readable);
    });
}

TEST_CASE("host and guest meet at a stream") {
    Guest g;
    const auto ends = g.host.make(u8());
    Bytes read;
    g.with_readable(ends.readable, [&](std::uint32_t end) {
        for (;;) {
            const Packed copied(g.streams.read(g.sync, end, 0, 4));
            read.insert(read.end(), g.mem.bytes.begin(), g.mem.bytes.begin() + copied.rest);
            if (copied.state == DROPPED) {
                break;
            }
        }
        g.streams.drop_readable(end);
    });
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "unknown handle index", cmabi_stream_drop, g.n.store, ends.readable);
    const Bytes bytes{1, 2, 3, 4, 5, 6};
    CHECK(g.host.write(ends.writable, bytes.data(), 6) == completed(4));
    CHECK(g.host.write(ends.writable, bytes.data() + 4, 2) == GOES_ON);
    g.n.run();
    CHECK(g.host.poll(ends.writable) == completed(2));
    g.host.drop(ends.writable);
    g.n.run();
    CHECK(read == bytes);
}

TEST_CASE("a host forwards what a guest writes to a guest that reads") {
    Guest g;
    const Bytes bytes{1, 2, 3, 4, 5, 6};
    std::copy(bytes.begin(), bytes.end(), g.mem.bytes.begin() + 64);
    const auto from = g.with_writable([&](std::uint32_t end) {
        CHECK_COPIED(g.streams.write(g.sync, end, 64, 6), 4, COMPLETED);
        CHECK_COPIED(g.streams.write(g.sync, end, 68, 2), 2, COMPLETED);
        g.streams.drop_writable(end);
    });
    const auto to = g.host.make(u8());
    Bytes read;
    g.with_readable(to.readable, [&](std::uint32_t end) {
        for (std::uint32_t state = COMPLETED; state != DROPPED;) {
            const Packed copied(g.streams.read(g.sync, end, 0, 4));
            read.insert(read.end(), g.mem.bytes.begin(), g.mem.bytes.begin() + copied.rest);
            state = copied.state;
        }
        g.streams.drop_readable(end);
    });
    CHECK_OK(cmabi_stream_forward, g.n.store, from, to.writable);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "unknown handle index", cmabi_stream_forward, g.n.store, from,
                to.writable);
    g.n.run();
    CHECK(read == bytes);
}

TEST_CASE("a host forwards its own streams") {
    Native n;
    Host host(n.store);
    const std::uint16_t numbers[] = {1, 2, 3, 4, 5};
    std::uint16_t got[5]{};
    const auto forward = [&](const Ends &from, const Ends &to) {
        CHECK_OK(cmabi_stream_forward, n.store, from.readable, to.writable);
    };
    SUBCASE("before") {
        const auto from = host.make(u16()), to = host.make(u16());
        forward(from, to);
        CHECK(host.write(from.writable, numbers, 5) == GOES_ON);
        CHECK(host.read(to.readable, got, 5) == completed(5));
        CHECK(host.poll(from.writable) == completed(5));
        host.drop(from.writable);
        CHECK(host.read(to.readable, got, 5) == dropped(0));
    }
    SUBCASE("while both ends wait, which are told when no guest runs") {
        const auto from = host.make(u16()), to = host.make(u16());
        Told wrote, read;
        cmabi_copied copied{};
        CHECK_OK(cmabi_stream_write, n.store, from.writable, numbers, 5U, Told::done, &wrote, Told::drop, &copied);
        CHECK_OK(cmabi_stream_read, n.store, to.readable, got, 2U, nullptr, Told::done, &read, Told::drop, &copied);
        forward(from, to);
        CHECK(wrote.last == completed(2));
        CHECK(read.last == completed(2));
        CHECK(wrote.drops + read.drops == 2);
    }
    SUBCASE("one without a reader") {
        const auto from = host.make(u16()), to = host.make(u16());
        host.drop(to.readable);
        forward(from, to);
        CHECK(host.write(from.writable, numbers, 5) == dropped(0));
    }
    SUBCASE("a watched one") {
        const auto from = host.make(u16()), to = host.make(u16());
        Told told;
        const auto watch = [](void *, cmabi_store *, std::uint32_t, cmabi_stream_signal) {
            return static_cast<cmabi_status>(CMABI_STATUS_OK);
        };
        CHECK_OK(cmabi_stream_watch, n.store, from.readable, watch, &told, Told::drop);
        forward(from, to);
        CHECK(told.drops == 1);
    }
    SUBCASE("of which both ends wait to be asked") {
        const auto from = host.make(u16()), to = host.make(u16());
        std::vector<std::pair<std::uint32_t, cmabi_stream_signal>> told;
        const auto watch = [](void *data, cmabi_store *, std::uint32_t end, cmabi_stream_signal signal) {
            static_cast<decltype(told) *>(data)->emplace_back(end, signal);
            return static_cast<cmabi_status>(CMABI_STATUS_OK);
        };
        CHECK_OK(cmabi_stream_watch, n.store, from.writable, watch, &told, nullptr);
        CHECK_OK(cmabi_stream_watch, n.store, to.readable, watch, &told, nullptr);
        forward(from, to);
        REQUIRE(told.size() == 1);
        CHECK(told[0] == std::make_pair(to.readable, CMABI_STREAM_SIGNAL_WAITS));
        CHECK(host.read(to.readable, got, 5) == GOES_ON);
        REQUIRE(told.size() == 2);
        CHECK(told[1] == std::make_pair(from.writable, CMABI_STREAM_SIGNAL_WAITS));
        CHECK(host.write(from.writable, numbers, 5) == completed(5));
    }
    SUBCASE("to itself") {
        const auto ends = host.make(u16());
        forward(ends, ends);
    }
    SUBCASE("in a chain") {
        const auto first = host.make(u16()), second = host.make(u16()), third = host.make(u16());
        forward(second, third);
        forward(first, second);
        CHECK(host.write(first.writable, numbers, 5) == GOES_ON);
        CHECK(host.read(third.readable, got, 5) == completed(5));
    }
    CHECK(std::equal(got, got + 2, numbers) == (got[0] != 0));
}

TEST_CASE("what a host cannot forward") {
    Native n;
    Host host(n.store);
    const auto from = host.make(u16()), to = host.make(u16()), bytes = host.make(u8());
    std::uint16_t number = 0;
    const auto fails = [&](const char *part, std::uint32_t readable, std::uint32_t writable) {
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, part, cmabi_stream_forward, n.store, readable, writable);
    };
    fails("unknown handle index 77", 77, to.writable);
    fails("expected the readable end of a stream but found the writable end", from.writable, to.writable);
    fails("expected the writable end of a stream but found the readable end", from.readable, to.readable);
    fails("expected a stream<u16> but found a stream<u8>", from.readable, bytes.writable);
    CHECK(host.read(from.readable, &number, 1) == GOES_ON);
    fails("cannot forward busy stream", from.readable, to.writable);
    CHECK(host.cancel(from.readable) == cancelled(0));
    host.drop(to.readable);
    CHECK(host.write(to.writable, &number, 1) == dropped(0));
    fails("cannot forward stream after being notified that the readable end dropped", from.readable, to.writable);
    // None of that has taken anything.
    host.drop(from.readable);
    host.drop(to.writable);
}

TEST_CASE("a host's buffer is not touched after its copy is over") {
    Guest g;
    Bytes buffer(8, 0xee);
    bool more = false;
    const auto readable = g.with_writable([&](std::uint32_t end) {
        g.n.wait_until(more);
        for (std::uint8_t i = 0; i < 3; ++i) {
            g.mem[0] = i;
            CHECK(g.streams.write(g.async, end, 0, 1) == BLOCKED);
            CHECK_COPIED(g.streams.cancel_write(false, end), 0, CANCELLED);
        }
        g.streams.drop_writable(end);
    });
    CHECK(g.host.read(readable, buffer.data(), 8) == GOES_ON);
    CHECK(g.host.cancel(readable) == cancelled(0));
    more = true;
    g.n.run();
    CHECK(buffer == Bytes(8, 0xee));
    CHECK(g.host.read(readable, buffer.data(), 8) == dropped(0));
    g.host.drop(readable);
}

TEST_CASE("a host reads where the guest has its elements") {
    Guest g;
    Bytes got;
    const auto readable = g.with_writable([&](std::uint32_t end) {
        for (std::uint8_t i = 0; i < 5; ++i) {
            g.mem[i] = i;
        }
        CHECK_COPIED(g.streams.write(g.sync, end, 0, 5), 2, COMPLETED);
        CHECK_COPIED(g.streams.write(g.sync, end, 2, 3), 3, COMPLETED);
        CHECK_COPIED(g.streams.write(g.sync, end, 0, 0), 0, COMPLETED);
        g.streams.drop_writable(end);
    });
    CHECK(g.host.take(readable, got, 0) == completed(0));
    CHECK(g.host.take(readable, got, 2) == completed(2));
    g.n.run();
    CHECK(g.host.take(readable, got, 100) == completed(3));
    CHECK(got == Bytes{0, 1, 2, 3, 4});
    // Until its event is delivered the writer waits with an empty buffer.
    CHECK(g.host.take(readable, got, 100) == GOES_ON);
    g.n.run();
    // Writing nothing is over when somebody wants to read.
    CHECK(g.host.take(readable, got, 100) == GOES_ON);
    g.n.run();
    CHECK(g.host.take(readable, got, 100) == dropped(0));
    // Once it is, it stays so.
    CHECK(g.host.take(readable, got, 100) == dropped(0));
    CHECK(g.host.read(readable, got.data(), 1) == dropped(0));
    g.host.drop(readable);
}

TEST_CASE("a host writes where the guest wants its elements") {
    Guest g;
    const auto ends = g.host.make(u8());
    CHECK(g.host.put(ends.writable, {1}) == GOES_ON);
    g.with_readable(ends.readable, [&](std::uint32_t end) {
        CHECK_COPIED(g.streams.read(g.sync, end, 0, 8), 5, COMPLETED);
        CHECK(g.mem[4] == 5);
        CHECK(g.mem[5] == 0);
        CHECK_COPIED(g.streams.read(g.sync, end, 0, 2), 2, COMPLETED);
        g.streams.drop_readable(end);
    });
    CHECK(g.host.put(ends.writable, {1, 2, 3}) == completed(3));
    CHECK(g.host.put(ends.writable, {4, 5}) == completed(2));
    g.n.run();
    CHECK(g.host.put(ends.writable, {6, 7, 8}) == completed(2));
    CHECK(g.host.put(ends.writable, {8}) == GOES_ON);
    g.n.run();
    CHECK(g.host.put(ends.writable, {8}) == dropped(0));
    g.host.drop(ends.writable);
}

TEST_CASE("wrong uses in place") {
    Native n;
    Host host(n.store);
    cmabi_copied copied{};
    const auto all = [](void *, void *, std::uint32_t count) { return count; };
    for (const cmabi_type *element : {boolean(), string()}) {
        const auto ends = host.make(element);
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "cannot be used in place", cmabi_stream_write_in_place, n.store,
                    ends.writable, all, nullptr, &copied);
    }
    const Type padded = record({field("a", u8()), field("b", u32())});
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "cannot be used in place", cmabi_stream_write_in_place, n.store,
                host.make(padded).writable, all, nullptr, &copied);
    const Type dense = record({field("a", u32()), field("b", u32())});
    CHECK_OK(cmabi_stream_write_in_place, n.store, host.make(dense).writable, all, nullptr, &copied);

    const auto ends = host.make(u8());
    std::uint8_t byte = 0;
    CHECK(host.read(ends.readable, &byte, 1) == GOES_ON);
    const auto too_many = [](void *, void *, std::uint32_t count) { return count + 1; };
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "2 elements were used in place where there are 1",
                cmabi_stream_write_in_place, n.store, ends.writable, too_many, nullptr, &copied);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`visit` is NULL", cmabi_stream_write_in_place, n.store, ends.writable,
                nullptr, nullptr, &copied);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "expected the readable end", cmabi_stream_read_in_place, n.store,
                ends.writable, [](void *, const void *, std::uint32_t count) { return count; }, nullptr, &copied);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "cannot have concurrent operations active", cmabi_stream_read_in_place,
                n.store, ends.readable, [](void *, const void *, std::uint32_t count) { return count; }, nullptr,
                &copied);
    // The callback itself cannot get in its own way.
    struct Inside {
        Host host;
        std::uint32_t end;
    } inside{host, ends.writable};
    const auto again = [](void *data, void *elements, std::uint32_t) {
        const auto &[host, end] = *static_cast<Inside *>(data);
        CHECK(cmabi_stream_drop(host.store, end, nullptr) != CMABI_STATUS_OK);
        *static_cast<std::uint8_t *>(elements) = 5;
        return 1U;
    };
    CHECK_OK(cmabi_stream_write_in_place, n.store, ends.writable, again, &inside, &copied);
    CHECK(host.poll(ends.readable) == completed(1));
    CHECK(byte == 5);
}

TEST_CASE("a watcher is told what the other end does") {
    Guest g;
    struct Watch {
        std::vector<cmabi_stream_signal> told;
        int drops = 0;
    } watch;
    const auto watcher = [](void *data, cmabi_store *, std::uint32_t, cmabi_stream_signal signal) {
        static_cast<Watch *>(data)->told.push_back(signal);
        return static_cast<cmabi_status>(CMABI_STATUS_OK);
    };
    const auto drop = [](void *data) { ++static_cast<Watch *>(data)->drops; };
    using Signals = std::vector<cmabi_stream_signal>;

    const auto readable = g.with_writable([&](std::uint32_t end) {
        CHECK_COPIED(g.streams.write(g.sync, end, 0, 1), 1, COMPLETED);
        CHECK(g.streams.write(g.async, end, 0, 1) == BLOCKED);
        CHECK_COPIED(g.streams.cancel_write(false, end), 0, CANCELLED);
        g.streams.drop_writable(end);
        CHECK(watch.told == Signals{CMABI_STREAM_SIGNAL_WAITS, CMABI_STREAM_SIGNAL_WAITS, CMABI_STREAM_SIGNAL_CANCELS});
    });
    // It waits already.
    CHECK_OK(cmabi_stream_watch, g.n.store, readable, watcher, &watch, drop);
    CHECK(watch.told == Signals{CMABI_STREAM_SIGNAL_WAITS});
    std::uint8_t byte = 0;
    CHECK(g.host.read(readable, &byte, 1) == completed(1));
    g.n.run();
    CHECK(watch.told == Signals{CMABI_STREAM_SIGNAL_WAITS, CMABI_STREAM_SIGNAL_WAITS, CMABI_STREAM_SIGNAL_CANCELS,
                                CMABI_STREAM_SIGNAL_DROPPED});
    // There is nothing else to tell.
    CHECK(watch.drops == 1);
    watch.told.clear();
    CHECK_OK(cmabi_stream_watch, g.n.store, readable, watcher, &watch, drop);
    CHECK(watch.told == Signals{CMABI_STREAM_SIGNAL_DROPPED});
    g.host.drop(readable);
    CHECK(watch.drops == 2);

    // It is forgotten when it is replaced, when the end is dropped, and when the end is given away.
    auto ends = g.host.make(u8());
    CHECK_OK(cmabi_stream_watch, g.n.store, ends.writable, watcher, &watch, drop);
    CHECK_OK(cmabi_stream_watch, g.n.store, ends.writable, watcher, &watch, drop);
    CHECK(watch.drops == 3);
    CHECK_OK(cmabi_stream_watch, g.n.store, ends.writable, nullptr, nullptr, nullptr);
    CHECK(watch.drops == 4);
    CHECK_OK(cmabi_stream_watch, g.n.store, ends.writable, watcher, &watch, drop);
    g.host.drop(ends.writable);
    CHECK(watch.drops == 5);
    g.host.drop(ends.readable);
    ends = g.host.make(u8());
    CHECK_OK(cmabi_stream_watch, g.n.store, ends.readable, watcher, &watch, drop);
    g.with_readable(ends.readable, [&](std::uint32_t end) { g.streams.drop_readable(end); });
    CHECK(watch.drops == 6);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "unknown handle index", cmabi_stream_watch, g.n.store, ends.readable,
                watcher, &watch, drop);
    CHECK(watch.drops == 7);
}

TEST_CASE("a set of the host's tells of its ends") {
    Guest g;
    std::uint32_t set = 0;
    CHECK_OK(cmabi_waitable_set_new, g.n.store, &set);
    const auto poll = [&] {
        cmabi_event event{};
        CHECK_OK(cmabi_waitable_set_poll, g.n.store, set, &event);
        return event;
    };
    const auto wait = [&] {
        cmabi_event event{};
        CHECK_OK(cmabi_waitable_set_wait, g.n.store, set, &event);
        return event;
    };
    CHECK(poll().code == CMABI_EVENT_CODE_NONE);
    bool wanted = false;
    const auto first = g.with_writable([&](std::uint32_t end) {
        g.n.wait_until(wanted);
        CHECK_COPIED(g.streams.write(g.async, end, 0, 2), 2, COMPLETED);
        g.streams.drop_writable(end);
    });
    const auto second = g.host.make(u8());
    Bytes buffer(4), other{9};
    CHECK(g.host.read(first, buffer.data(), 4) == GOES_ON);
    CHECK(g.host.write(second.writable, other.data(), 1) == GOES_ON);
    CHECK_OK(cmabi_waitable_join, g.n.store, first, set);
    CHECK_OK(cmabi_waitable_join, g.n.store, second.writable, set);
    CHECK(poll().code == CMABI_EVENT_CODE_NONE);
    wanted = true;
    auto event = wait();
    CHECK(event.code == CMABI_EVENT_CODE_STREAM_READ);
    CHECK(event.end == first);
    CHECK(Copied{event.result, event.count} == dropped(2));
    g.host.drop(second.readable);
    event = wait();
    CHECK(event.code == CMABI_EVENT_CODE_STREAM_WRITE);
    CHECK(event.end == second.writable);
    CHECK(Copied{event.result, event.count} == dropped(0));
    CHECK_FAILS(CMABI_STATUS_WOULD_BLOCK, "no end in the set has an event", cmabi_waitable_set_wait, g.n.store, set,
                &event);

    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "set", cmabi_waitable_set_drop, g.n.store, set);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "expected a waitable set", cmabi_waitable_join, g.n.store, first, first);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "expected a waitable", cmabi_waitable_join, g.n.store, set, set);
    CHECK_OK(cmabi_waitable_join, g.n.store, first, std::uint32_t{0});
    g.host.drop(first);
    g.host.drop(second.writable);
    CHECK_OK(cmabi_waitable_set_drop, g.n.store, set);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "unknown handle index", cmabi_waitable_set_poll, g.n.store, set, &event);
}

TEST_CASE("wrong uses of the host's ends") {
    Native n;
    Host host(n.store);
    const auto [readable, writable] = host.make(u32());
    std::uint32_t numbers[2]{};
    cmabi_copied copied{};
    const auto read = [&](const char *part, std::uint32_t end, void *to, std::uint32_t count) {
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, part, cmabi_stream_read, n.store, end, to, count, nullptr, nullptr,
                    nullptr, nullptr, &copied);
    };
    read("unknown handle index 77", 77, numbers, 1);
    read("unknown handle index 0", 0, numbers, 1);
    read("expected the readable end of a stream but found the writable end", writable, numbers, 1);
    read("argument `elements` is NULL", readable, nullptr, 1);
    read("argument `elements` is not aligned to 4", readable, reinterpret_cast<char *>(numbers) + 1, 1);
    read("268435456", readable, numbers, 1U << 28);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`copied` is NULL", cmabi_stream_read, n.store, readable, numbers, 1U,
                nullptr, nullptr, nullptr, nullptr, nullptr);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "expected the writable end of a stream but found the readable end",
                cmabi_stream_write, n.store, readable, numbers, 1U, nullptr, nullptr, nullptr, &copied);
    CHECK_FAILS(CMABI_STATUS_TYPE_MISMATCH, "carries elements of type `u32`, not elements of type `u8`",
                cmabi_stream_check, n.store, readable, u8());
    CHECK_FAILS(CMABI_STATUS_TYPE_MISMATCH, "carries elements of type `u32`, not no elements", cmabi_stream_check,
                n.store, readable, nullptr);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "expected an end of a future but found the readable end of a stream",
                cmabi_future_check, n.store, readable, u32());
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "cannot cancel a copy which is not in progress", cmabi_stream_cancel,
                n.store, readable, &copied);
    CHECK(host.read(readable, numbers, 2) == GOES_ON);
    read("cannot have concurrent operations active", readable, numbers, 1);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "cannot remove busy stream", cmabi_stream_drop, n.store, readable);
    CHECK(host.cancel(readable) == cancelled(0));
    host.drop(readable);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "unknown handle index", cmabi_stream_drop, n.store, readable);
    host.drop(writable);

    const auto strings = host.make(string());
    cmabi_string text{};
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "argument `arena` is NULL, but elements are `string`", cmabi_stream_read,
                n.store, strings.readable, &text, 1U, nullptr, nullptr, nullptr, nullptr, &copied);
    ResourceType resource;
    REQUIRE_OK(cmabi_resource_type_new, view("r"), resource.out());
    Type borrow;
    REQUIRE_OK(cmabi_type_new_borrow, resource, borrow.out());
    std::uint32_t end = 0;
    CHECK_FAILS(CMABI_STATUS_INVALID, "a stream cannot carry a borrow", cmabi_stream_new, n.store, borrow, &end, &end);
    CHECK_FAILS(CMABI_STATUS_INVALID, "a stream cannot carry char", cmabi_stream_new, n.store, character(), &end, &end);
}

TEST_CASE("what cannot be given away") {
    Guest g;
    const FuncType type = func({field("s", g.stream_type)}, nullptr, true);
    int calls = 0;
    const auto core = g.n.core({I32}, {}, [&](const Values &) {
        ++calls;
        return Values{};
    });
    const auto guest = g.n.lift(g.n.instance("other"), core, type, Native::options());
    const auto give = [&](const char *part, std::uint32_t end) {
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, part, cmabi_func_call, g.n.store, guest, &end, nullptr, nullptr);
    };
    const auto ends = g.host.make(u8());
    give("expected the readable end of a stream but found the writable end of a stream", ends.writable);
    give("expected a stream<u8> but found a stream<u32>", g.host.make(u32()).readable);
    give("unknown handle index 99", 99);
    Bytes buffer(1);
    CHECK(g.host.read(ends.readable, buffer.data(), 1) == GOES_ON);
    give("cannot lift busy stream", ends.readable);
    CHECK(g.host.cancel(ends.readable) == cancelled(0));
    std::uint32_t set = 0;
    CHECK_OK(cmabi_waitable_set_new, g.n.store, &set);
    CHECK_OK(cmabi_waitable_join, g.n.store, ends.readable, set);
    give("waitable set", ends.readable);
    CHECK_OK(cmabi_waitable_join, g.n.store, ends.readable, std::uint32_t{0});
    g.host.drop(ends.writable);
    CHECK(g.host.read(ends.readable, buffer.data(), 1) == dropped(0));
    give("cannot lift stream after being notified that the writable end dropped", ends.readable);
    g.host.drop(ends.readable);
    CHECK(calls == 0);

    // None of this has changed anything.
    const auto good = g.host.make(u8()).readable;
    CHECK_OK(cmabi_func_call, g.n.store, guest, &good, nullptr, nullptr);
    CHECK(calls == 1);
}

TEST_CASE("ends that are written are given away together, or none is") {
    Native n;
    Host host(n.store);
    const Type element = stream_of(u8());
    const auto outer = host.make(element);
    const auto inner = host.make(u8());
    std::uint32_t got[2]{};
    CHECK(host.read(outer.readable, got, 2) == GOES_ON);
    const auto write = [&](std::array<std::uint32_t, 2> ends, const char *part) {
        cmabi_copied copied{};
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, part, cmabi_stream_write, n.store, outer.writable, ends.data(), 2U,
                    nullptr, nullptr, nullptr, &copied);
    };
    write({inner.readable, 999}, "element 1: unknown handle index 999");
    write({inner.readable, inner.readable}, "element 1: unknown handle index");
    CHECK_OK(cmabi_stream_check, n.store, inner.readable, u8());
    CHECK(host.poll(outer.readable) == GOES_ON);
    const auto other = host.make(u8());
    const std::uint32_t both[] = {inner.readable, other.readable};
    CHECK(host.write(outer.writable, both, 2) == completed(2));
    CHECK(host.poll(outer.readable) == completed(2));
    for (const auto end : got) {
        CHECK_OK(cmabi_stream_check, n.store, end, u8());
    }
}

TEST_CASE("what a guest writes that is not of its type ends the guest") {
    Guest g(string());
    bool went_on = false;
    const auto readable = g.with_writable([&](std::uint32_t end) {
        g.mem.set_u32(0, 16);
        g.mem.set_u32(4, 1);
        g.mem[16] = 0xff;
        g.streams.write(g.sync, end, 0, 1);
        went_on = true;
    });
    cmabi_string got{};
    cmabi_copied copied{};
    Arena arena;
    REQUIRE_OK(cmabi_arena_new, std::uint64_t{0}, arena.out());
    Told told;
    CHECK_FAILS(CMABI_STATUS_TRAP, "invalid utf-8", cmabi_stream_read, g.n.store, readable, &got, 1U, arena, Told::done,
                &told, Told::drop, &copied);
    CHECK(told.calls == 0);
    CHECK(told.drops == 1);
    g.n.run();
    CHECK(!went_on);
    CHECK_FAILS(CMABI_STATUS_TRAP, "invalid utf-8", cmabi_stream_read, g.n.store, readable, &got, 1U, arena, nullptr,
                nullptr, nullptr, &copied);
    g.host.drop(readable);
}

TEST_CASE("a guest that traps ends its copies, and not as the end of a stream") {
    Guest g;
    bool now = false;
    const auto readable = g.with_writable([&](std::uint32_t) {
        g.n.wait_until(now);
        throw Failed{"on purpose"};
    });
    Told told;
    std::uint8_t byte = 0;
    cmabi_copied copied{};
    CHECK_OK(cmabi_stream_read, g.n.store, readable, &byte, 1U, nullptr, Told::done, &told, Told::drop, &copied);
    now = true;
    CHECK(cmabi_store_run(g.n.store, nullptr) == CMABI_STATUS_TRAP);
    CHECK(told.calls == 1);
    CHECK(told.last == failed(0));
    g.host.drop(readable);
}

TEST_CASE("a store that goes takes copies with it") {
    Told reads, writes;
    struct Watch {
        int drops = 0;
    } watch;
    Bytes buffer(16);
    {
        Guest g;
        const auto first = g.host.make(u8()), second = g.host.make(u8());
        cmabi_copied copied{};
        CHECK_OK(cmabi_stream_read, g.n.store, first.readable, buffer.data(), 16U, nullptr, Told::done, &reads,
                 Told::drop, &copied);
        CHECK_OK(cmabi_stream_write, g.n.store, second.writable, buffer.data(), 16U, Told::done, &writes, Told::drop,
                 &copied);
        const auto watcher = [](void *, cmabi_store *, std::uint32_t, cmabi_stream_signal) {
            return static_cast<cmabi_status>(CMABI_STATUS_OK);
        };
        CHECK_OK(cmabi_stream_watch, g.n.store, second.readable, watcher, &watch,
                 [](void *data) { ++static_cast<Watch *>(data)->drops; });
        // A guest waits for the host in the middle of it.
        g.with_readable(second.readable, [&](std::uint32_t end) {
            g.streams.read(g.sync, end, 0, 8);
            g.streams.read(g.sync, end, 0, 16);
            g.streams.read(g.sync, end, 0, 16);
        });
    }
    CHECK(reads.drops == 1);
    CHECK(reads.calls == 0);
    CHECK(writes.drops == 1);
    CHECK(watch.drops == 1);
}

TEST_CASE("a host's table has a limit, at which nothing is left over") {
    Config config;
    REQUIRE_OK(cmabi_config_new, config.out());
    REQUIRE_OK(cmabi_config_set_max_handles, config, 5U);
    Native n(config.get());
    Host host(n.store);
    const auto first = host.make(u8()), second = host.make(u8());
    Ends none;
    for (int i = 0; i < 3; ++i) {
        CHECK_FAILS(CMABI_STATUS_LIMIT, "5", cmabi_stream_new, n.store, u8(), &none.readable, &none.writable);
    }
    // The fifth entry is free.
    std::uint32_t set = 0, other = 0;
    CHECK_OK(cmabi_waitable_set_new, n.store, &set);
    CHECK_FAILS(CMABI_STATUS_LIMIT, "5", cmabi_waitable_set_new, n.store, &other);
    CHECK_FAILS(CMABI_STATUS_LIMIT, "5", cmabi_error_context_new, n.store, CMABI_STR("x"), &other);
    host.drop(first.readable);
    host.drop(first.writable);
    CHECK(host.make(u8()).readable == first.writable);
    host.drop(second.readable);
}
