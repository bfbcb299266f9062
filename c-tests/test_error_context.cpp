// Error contexts: debug messages of guests and of the host.
#include "native.hpp"

namespace {

constexpr cmabi_string_encoding encodings[] = {CMABI_STRING_ENCODING_UTF8, CMABI_STRING_ENCODING_UTF16,
                                               CMABI_STRING_ENCODING_LATIN1_UTF16};

Type error_context() { return primitive(CMABI_KIND_ERROR_CONTEXT); }

// A guest that makes error contexts with messages in UTF-8.
struct Guest {
    explicit Guest(Native &native) : n(native), inst(n.instance("inst")), mem(4096), opts(n.options(mem)) {}

    std::uint32_t make(std::string_view message) {
        const auto at = mem.alloc(1, message.size());
        std::copy(message.begin(), message.end(), mem.bytes.begin() + static_cast<std::ptrdiff_t>(at));
        return n.get(cmabi_canon_error_context_new, &opts, at, std::uint64_t{message.size()});
    }
    std::string debug_message(std::uint32_t context) {
        const auto at = mem.alloc(4, 8);
        n.run(cmabi_canon_error_context_debug_message, &opts, context, at);
        const auto text = mem.bytes.begin() + mem.u32_at(at);
        return std::string(text, text + mem.u32_at(at + 4));
    }
    void drop(std::uint32_t context) { n.run(cmabi_canon_error_context_drop, context); }
    std::string run(const std::function<void()> &body) { return run_guest(n, inst, body); }

    Native &n;
    cmabi_component_instance inst;
    Heap mem;
    cmabi_canon_options opts;
};

std::string host_message(Native &n, std::uint32_t context) {
    cmabi_string message{};
    CHECK_OK(cmabi_error_context_debug_message, n.store, context, &message);
    return text(message);
}

} // namespace

TEST_CASE("an error context keeps its debug message until it is dropped") {
    Native n;
    Guest g(n);
    CHECK(g.run([&] {
        const auto context = g.make("component failure");
        const auto empty = g.make("");
        CHECK(context == 1);
        CHECK(empty == 2);
        CHECK(g.debug_message(context) == "component failure");
        CHECK(g.debug_message(context) == "component failure");
        CHECK(g.debug_message(empty) == "");
        g.drop(context);
        g.drop(empty);
    }) == "");
}

TEST_CASE("error context built-ins that trap") {
    const auto traps = [](const char *part, const std::function<void(Guest &)> &body) {
        CAPTURE(part);
        Native n;
        Guest g(n);
        const auto message = g.run([&] { body(g); });
        CAPTURE(message);
        CHECK(message.find(part) != std::string::npos);
    };
    traps("unknown handle index 1", [](Guest &g) {
        const auto context = g.make("x");
        g.drop(context);
        g.drop(context);
    });
    traps("unknown handle index 7", [](Guest &g) { g.debug_message(7); });
    traps("expected an error context but found a waitable set",
          [](Guest &g) { g.drop(g.n.get(cmabi_canon_waitable_set_new)); });
    traps("invalid utf-8", [](Guest &g) { g.make("\xff"); });
    traps("out of bounds", [](Guest &g) {
        g.n.get(cmabi_canon_error_context_new, &g.opts, std::uint64_t{4095}, std::uint64_t{2});
    });
    traps("unaligned pointer", [](Guest &g) {
        g.n.run(cmabi_canon_error_context_debug_message, &g.opts, g.make("x"), std::uint64_t{2});
    });
    traps("out of bounds", [](Guest &g) {
        g.n.run(cmabi_canon_error_context_debug_message, &g.opts, g.make("x"), std::uint64_t{4092});
    });
}

TEST_CASE("a debug message needs a realloc") {
    Native n;
    Guest g(n);
    const auto message = g.run([&] {
        const auto context = g.make("x");
        g.opts.realloc = 0;
        g.debug_message(context);
    });
    CHECK(message.find("needs memory but the canonical options have no realloc") != std::string::npos);
}

TEST_CASE("error context built-ins cannot be called where a guest may not leave") {
    const std::function<void(Guest &)> bodies[] = {
        [](Guest &g) { g.make("x"); },
        [](Guest &g) { g.debug_message(1); },
        [](Guest &g) { g.drop(1); },
    };
    for (const auto &body : bodies) {
        Native n;
        Guest g(n);
        auto opts = Native::options();
        opts.post_return = n.core({}, {}, [&](const Values &) {
            body(g);
            return Values{};
        });
        const FuncType type = func({});
        const auto guest = n.lift(g.inst, n.core({}, {}, [&](const Values &) {
            CHECK(g.make("made before") == 1);
            return Values{};
        }), type, opts);
        CHECK_FAILS(CMABI_STATUS_TRAP, "cannot leave component instance", cmabi_func_call, n.store, guest, nullptr,
                    nullptr, nullptr);
    }
}

TEST_CASE("a debug message in every encoding") {
    const std::string message = "caf\u00e9 \u4e16\u754c \U0001f30d";
    for (const auto encoding : encodings) {
        CAPTURE(encoding);
        Native n;
        Guest utf8(n);
        Heap mem(4096);
        auto opts = n.options(mem);
        opts.string_encoding = encoding;
        CHECK(utf8.run([&] {
            const auto context = utf8.make(message);
            // There and back in the encoding, and looked at in UTF-8.
            const auto at = mem.alloc(4, 8);
            n.run(cmabi_canon_error_context_debug_message, &opts, context, at);
            const auto copy = n.get(cmabi_canon_error_context_new, &opts, std::uint64_t{mem.u32_at(at)},
                                    std::uint64_t{mem.u32_at(at + 4)});
            CHECK(utf8.debug_message(copy) == message);
        }) == "");
    }
}

TEST_CASE("the deterministic profile has no debug messages") {
    Config config;
    REQUIRE_OK(cmabi_config_new, config.out());
    REQUIRE_OK(cmabi_config_set_deterministic, config, true);
    Native n(config.get());
    Guest g(n);
    CHECK_OK(cmabi_store_set_on_error_context, n.store, [](void *, cmabi_store *, cmabi_string, cmabi_arena *) {
        FAIL_CHECK("there is nothing to change");
        return cmabi_string{};
    }, nullptr, nullptr);
    CHECK(g.run([&] { CHECK(g.debug_message(g.make("component failure")) == ""); }) == "");
}

TEST_CASE("error contexts go from the host to a guest and back") {
    Native n;
    Guest g(n);
    const Type context_type = error_context();
    const FuncType type = func({field("e", context_type)}, context_type);
    const auto pass = n.lift(g.inst, n.core({I32}, {I32}, [&](const Values &args) {
        const auto context = static_cast<std::uint32_t>(args[0]);
        CHECK(g.debug_message(context) == "of the host");
        g.drop(context);
        return Values{g.make("of the guest")};
    }), type, Native::options(), "pass");

    std::uint32_t made = 0;
    CHECK_OK(cmabi_error_context_new, n.store, CMABI_STR("of the host"), &made);
    CHECK(host_message(n, made) == "of the host");
    std::uint32_t got = 0;
    call(n, pass, made, &got);
    CHECK(got != made);
    CHECK(host_message(n, got) == "of the guest");
    // Passing it has shared it.
    CHECK(host_message(n, made) == "of the host");
    CHECK_OK(cmabi_error_context_drop, n.store, made);
    CHECK_OK(cmabi_error_context_drop, n.store, got);
}

TEST_CASE("wrong uses of the host's error contexts") {
    Native n;
    std::uint32_t context = 0, set = 0;
    cmabi_string message{};
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`message` is not UTF-8", cmabi_error_context_new, n.store,
                CMABI_STR("\xff"), &context);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`context` is NULL", cmabi_error_context_new, n.store, CMABI_STR("x"),
                nullptr);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "unknown handle index 1", cmabi_error_context_drop, n.store, 1);
    CHECK_OK(cmabi_error_context_new, n.store, CMABI_STR("x"), &context);
    CHECK_OK(cmabi_waitable_set_new, n.store, &set);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "expected an error context", cmabi_error_context_debug_message,
                n.store, set, &message);
    CHECK_OK(cmabi_error_context_drop, n.store, context);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "unknown handle index", cmabi_error_context_debug_message, n.store,
                context, &message);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "unknown handle index", cmabi_error_context_drop, n.store, context);
}

TEST_CASE("the host decides on the debug messages of guests") {
    bool dropped = false;
    {
        Native n;
        Guest g(n);
        // Keeps short messages, shortens long ones, and puts the rest into the arena.
        const auto hook = [](void *, cmabi_store *, cmabi_string message, cmabi_arena *arena) {
            if (message.len < 4) {
                return message;
            }
            if (message.len > 8) {
                return cmabi_string{message.ptr, 8};
            }
            void *bytes = nullptr;
            CHECK_OK(cmabi_arena_alloc, arena, message.len + 1, std::size_t{1}, &bytes);
            std::memcpy(bytes, message.ptr, message.len);
            static_cast<char *>(bytes)[message.len] = '!';
            return cmabi_string{static_cast<char *>(bytes), message.len + 1};
        };
        CHECK_OK(cmabi_store_set_on_error_context, n.store, hook, &dropped,
                 [](void *flag) { *static_cast<bool *>(flag) = true; });
        CHECK(g.run([&] {
            CHECK(g.debug_message(g.make("")) == "");
            CHECK(g.debug_message(g.make("abc")) == "abc");
            CHECK(g.debug_message(g.make("abcd")) == "abcd!");
            CHECK(g.debug_message(g.make("abcdefghijk")) == "abcdefgh");
        }) == "");
        // Not on those of the host.
        std::uint32_t context = 0;
        CHECK_OK(cmabi_error_context_new, n.store, CMABI_STR("abcd"), &context);
        CHECK(host_message(n, context) == "abcd");
        CHECK(!dropped);
        CHECK_OK(cmabi_store_set_on_error_context, n.store, nullptr, nullptr, nullptr);
        CHECK(dropped);
        dropped = false;
        CHECK_OK(cmabi_store_set_on_error_context, n.store, hook, &dropped,
                 [](void *flag) { *static_cast<bool *>(flag) = true; });
    }
    CHECK(dropped);
}

TEST_CASE("a hook that answers what is not UTF-8 makes the guest trap") {
    Native n;
    Guest g(n);
    CHECK_OK(cmabi_store_set_on_error_context, n.store,
             [](void *, cmabi_store *, cmabi_string, cmabi_arena *) { return CMABI_STR("\xff"); }, nullptr, nullptr);
    const auto message = g.run([&] { g.make("abc"); });
    CHECK(message.find("the error-context hook: invalid utf-8") != std::string::npos);
}
