// Who is told what of the host's copies where callbacks use the store, and what is freed when.
#include "streams.hpp"

namespace {

struct Told {
    std::uint32_t end;
    cmabi_copy_result result;
    std::uint32_t count;
};

// What a completion is given, and how often its data was dropped.
struct Listener {
    std::vector<Told> told;
    int drops = 0;

    static void fn(void *data, cmabi_store *, std::uint32_t end, cmabi_copy_result result, std::uint32_t count) {
        static_cast<Listener *>(data)->told.push_back({end, result, count});
    }
    static void drop(void *data) { ++static_cast<Listener *>(data)->drops; }
};

struct Host {
    Native n;

    Ends make() {
        Ends ends;
        REQUIRE_OK(cmabi_stream_new, n.store, u8(), &ends.readable, &ends.writable);
        return ends;
    }
    cmabi_copied read(std::uint32_t end, std::uint8_t *to, std::uint32_t count, Listener &listener) {
        cmabi_copied copied{};
        CHECK_OK(cmabi_stream_read, n.store, end, to, count, nullptr, Listener::fn, &listener, Listener::drop, &copied);
        return copied;
    }
    cmabi_copied write(std::uint32_t end, const char *text) {
        cmabi_copied copied{};
        CHECK_OK(cmabi_stream_write, n.store, end, text, static_cast<std::uint32_t>(std::strlen(text)), nullptr,
                 nullptr, nullptr, &copied);
        return copied;
    }
};

} // namespace

TEST_CASE("a watcher takes a copy back and begins another") {
    struct Watched : Host {
        std::uint32_t readable = 0;
        std::uint8_t first[4]{}, second[8]{};
        Listener of_first, of_second;
        int times = 0;
    } host;
    const auto ends = host.make();
    host.readable = ends.readable;
    const auto watcher = [](void *data, cmabi_store *store, std::uint32_t, cmabi_stream_signal) {
        auto &host = *static_cast<Watched *>(data);
        if (host.times++ == 0) {
            cmabi_copied copied{};
            CHECK_OK(cmabi_stream_cancel, store, host.readable, &copied);
            CHECK(copied.result == CMABI_COPY_RESULT_CANCELLED);
            CHECK(host.read(host.readable, host.second, 8, host.of_second).result == CMABI_COPY_RESULT_BLOCKED);
        }
        return static_cast<cmabi_status>(CMABI_STATUS_OK);
    };
    CHECK_OK(cmabi_stream_watch, host.n.store, ends.writable, watcher, &host, nullptr);
    const auto copied = host.read(ends.readable, host.first, 4, host.of_first);
    CHECK(copied.result == CMABI_COPY_RESULT_CANCELLED);
    CHECK(copied.count == 0);
    CHECK(host.of_first.drops == 1);
    CHECK(host.of_second.drops == 0);

    CHECK(host.write(ends.writable, "12345678").count == 8);
    CHECK(host.of_first.told.empty());
    REQUIRE(host.of_second.told.size() == 1);
    CHECK(host.of_second.told[0].count == 8);
    CHECK(host.of_second.drops == 1);
    CHECK(std::memcmp(host.second, "12345678", 8) == 0);
}

TEST_CASE("a set leaves the copies alone that have a completion") {
    struct Telling : Host {
        std::uint32_t other_writable = 0, set = 0;
        cmabi_event event{};
    } host;
    const auto ends = host.make(), other = host.make();
    host.other_writable = other.writable;
    CHECK_OK(cmabi_waitable_set_new, host.n.store, &host.set);
    CHECK_OK(cmabi_waitable_join, host.n.store, other.readable, host.set);
    std::uint8_t byte = 0, other_byte = 0;
    Listener listener;
    CHECK(host.read(other.readable, &other_byte, 1, listener).result == CMABI_COPY_RESULT_BLOCKED);
    const auto look = [](void *data, cmabi_store *store, std::uint32_t, cmabi_copy_result, std::uint32_t) {
        auto &host = *static_cast<Telling *>(data);
        CHECK(host.write(host.other_writable, "x").count == 1);
        CHECK_OK(cmabi_waitable_set_poll, store, host.set, &host.event);
    };
    cmabi_copied copied{};
    CHECK_OK(cmabi_stream_read, host.n.store, ends.readable, &byte, 1, nullptr, look, &host, nullptr, &copied);
    CHECK(host.write(ends.writable, "y").count == 1);
    CHECK(host.event.code == CMABI_EVENT_CODE_NONE);
    REQUIRE(listener.told.size() == 1);
    CHECK(listener.told[0].end == other.readable);
    CHECK(listener.told[0].count == 1);
    CHECK(listener.drops == 1);
}

TEST_CASE("what a callback held can use the store when it is dropped") {
    struct Held : Host {
        std::uint32_t held = 0;
        int drops = 0;

        void keep() {
            const auto ends = make();
            held = ends.writable;
            cmabi_copied copied{};
            std::uint8_t byte = 0;
            CHECK_OK(cmabi_stream_read, n.store, ends.readable, &byte, 1, nullptr, Listener::fn, &of_held,
                     Listener::drop, &copied);
            CHECK(copied.result == CMABI_COPY_RESULT_BLOCKED);
        }
        static void drop(void *data) {
            auto &host = *static_cast<Held *>(data);
            ++host.drops;
            CHECK_OK(cmabi_stream_drop, host.n.store, host.held);
            // It is used by the function that lets go of this.
            cmabi_store_free(host.n.store);
        }
        Listener of_held;
    } host;
    const auto nothing = [](void *, cmabi_store *, std::uint32_t, cmabi_copy_result, std::uint32_t) {};
    const auto ends = host.make();
    const auto begin = [&] {
        host.keep();
        cmabi_copied copied{};
        static std::uint8_t byte = 0;
        CHECK_OK(cmabi_stream_read, host.n.store, ends.readable, &byte, 1, nullptr, nothing, &host, Held::drop, &copied);
    };
    cmabi_copied copied{};
    SUBCASE("its copy is over") {
        begin();
        CHECK(host.write(ends.writable, "z").count == 1);
    }
    SUBCASE("its copy is cancelled") {
        begin();
        CHECK_OK(cmabi_stream_cancel, host.n.store, ends.readable, &copied);
    }
    SUBCASE("its copy is met by a watcher") {
        begin();
        const auto in_watcher = [](void *data, cmabi_store *store, std::uint32_t end, cmabi_stream_signal) {
            CHECK(static_cast<Host *>(data)->write(end, "z").count == 1);
            (void)store;
            return static_cast<cmabi_status>(CMABI_STATUS_OK);
        };
        CHECK_OK(cmabi_stream_watch, host.n.store, ends.writable, in_watcher, static_cast<Host *>(&host), nullptr);
    }
    CHECK(host.drops == 1);
    // The reader of the end that was dropped learns of it.
    host.n.run();
    REQUIRE(host.of_held.told.size() == 1);
    CHECK(host.of_held.told[0].result == CMABI_COPY_RESULT_DROPPED);
}
