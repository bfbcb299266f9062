// Bad input and bad guests: each is told apart, and nothing else comes to harm.
#include "guest.hpp"

#include <algorithm>
#include <pthread.h>
#include <random>
#include <string>
#include <thread>

namespace {

// Calls with one number; what the guest answers is put into `result`.
cmabi_status call(Guest &f, const char *name, std::uint32_t x, void *result, Error &error) {
    return cmabi_func_call(f.store, f.func(name), &x, result, f.arena, error.out());
}

// The guest still, or again, does what it should.
void check_works(Guest &f) {
    std::uint32_t answer = 0;
    Error error;
    CHECK_MESSAGE(call(f, "fine", 7, &answer, error) == CMABI_STATUS_OK, error.message());
    CHECK(answer == 7);
}

// Calls a function that traps, and goes on with a new instance in the same store.
void check_traps(Guest &f, const char *name, const void *args, const std::string &reason) {
    CAPTURE(name);
    cmabi_string result;
    Error error;
    CHECK(cmabi_func_call(f.store, f.func(name), args, &result, f.arena, error.out()) ==
          CMABI_STATUS_TRAP);
    CHECK_MESSAGE(error.message().find(reason) != std::string::npos, error.message());
    CHECK(error.status() == CMABI_STATUS_TRAP);
    f.instantiate();
    check_works(f);
}

} // namespace

TEST_CASE("what is not a component is refused with the reason") {
    Handle<cmabi_engine, cmabi_engine_free> engine;
    REQUIRE_OK(cmabi_engine_new, nullptr, engine.out());
    cmabi_component *component = nullptr;
    const auto load = [&](const std::vector<std::uint8_t> &bytes, Error &error) {
        return cmabi_component_load(engine, bytes.data(), bytes.size(), &component, error.out());
    };
    const auto refused = [&](const std::vector<std::uint8_t> &bytes, const std::string &reason) {
        Error error;
        component = reinterpret_cast<cmabi_component *>(1);
        CHECK(load(bytes, error) == CMABI_STATUS_INVALID);
        CHECK(component == nullptr);
        CHECK_MESSAGE(error.message().find(reason) != std::string::npos, error.message());
    };
    refused({}, "");
    refused({0}, "");
    refused({'h', 'e', 'l', 'l', 'o', ' ', 'w', 'o', 'r', 'l', 'd'}, "");
    refused({0, 'a', 's', 'm', 1, 0, 0, 0}, "core module");

    const auto whole = read_guest("caller.wasm");
    for (std::size_t len = 0; len < whole.size(); len += 7) {
        Error error;
        const auto status = load({whole.begin(), whole.begin() + std::ptrdiff_t(len)}, error);
        CAPTURE(error.message());
        // Some beginnings are components too.
        CHECK((status == CMABI_STATUS_OK || status == CMABI_STATUS_INVALID));
        cmabi_component_free(component);
    }
    auto bad_name = whole;
    const std::string name = "signal";
    *std::search(bad_name.begin(), bad_name.end(), name.begin(), name.end()) = 0xff;
    refused(bad_name, "UTF-8");
    auto unknown_section = whole;
    unknown_section.insert(unknown_section.end(), {0x7f, 1, 0});
    refused(unknown_section, "section");

    std::mt19937 random(1);
    for (int round = 0; round < 300; round++) {
        auto bytes = whole;
        for (int flip = 0; flip < 4; flip++) {
            bytes[random() % bytes.size()] = std::uint8_t(random());
        }
        Error error;
        const auto status = load(bytes, error);
        CHECK((status == CMABI_STATUS_OK || status == CMABI_STATUS_INVALID ||
               status == CMABI_STATUS_UNSUPPORTED || status == CMABI_STATUS_LIMIT));
        cmabi_component_free(component);
    }
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`bytes` is NULL", cmabi_component_load, engine, nullptr,
                8, &component);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`engine` is NULL", cmabi_component_load, nullptr,
                whole.data(), whole.size(), &component);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`component` is NULL", cmabi_component_load, engine,
                whole.data(), whole.size(), nullptr);
    CHECK_FAILS(CMABI_STATUS_NOT_FOUND, "no/such/file.wasm", cmabi_component_load_file, engine,
                CMABI_STR("no/such/file.wasm"), &component);
}

TEST_CASE("a file is loaded like its bytes") {
    Handle<cmabi_engine, cmabi_engine_free> engine;
    Handle<cmabi_component, cmabi_component_free> component;
    REQUIRE_OK(cmabi_engine_new, nullptr, engine.out());
    CHECK_OK(cmabi_component_load_file, engine, CMABI_STR(GUEST_DIR "/adder.wasm"), component.out());
    CHECK(cmabi_component_export_count(component) == 1);
}

TEST_CASE("missing imports are named") {
    Guest f("caller.wasm");
    Error error;
    CHECK(cmabi_linker_instantiate(f.linker, f.store, f.component, f.instance.out(), error.out()) ==
          CMABI_STATUS_LINK);
    CHECK(error.message().find("test:guest/host@1.2.0") != std::string::npos);
}

TEST_CASE("a guest that traps stays trapped, and its store goes on") {
    Guest f("troubled.wasm");
    f.instantiate();
    Error error;
    CHECK(cmabi_func_call(f.store, f.func("unreachable"), nullptr, nullptr, nullptr, error.out()) ==
          CMABI_STATUS_TRAP);
    CHECK(error.message().find("unreachable") != std::string::npos);
    CHECK(cmabi_error_frame_count(error) > 0);
    std::uint32_t answer = 0;
    CHECK(call(f, "fine", 7, &answer, error) == CMABI_STATUS_ENDED);
    f.instantiate();
    check_works(f);
    const std::uint32_t zero = 0;
    check_traps(f, "divide", &zero, "integer divide by zero");
}

TEST_CASE("endless recursion ends") {
    Guest f("troubled.wasm");
    f.instantiate();
    check_traps(f, "recurse", nullptr, "call stack exhausted");
}

TEST_CASE("an endless loop ends with its fuel") {
    Handle<cmabi_config, cmabi_config_free> config;
    REQUIRE_OK(cmabi_config_new, config.out());
    REQUIRE_OK(cmabi_config_set_fuel, config, 100000);
    Guest f("troubled.wasm", config);
    f.instantiate();
    CHECK_FAILS(CMABI_STATUS_LIMIT, "fuel", cmabi_func_call, f.store, f.func("spin"), nullptr, nullptr,
                nullptr);
    std::uint64_t fuel = 1;
    CHECK_OK(cmabi_store_fuel, f.store, &fuel);
    CHECK(fuel < 100);
    CHECK_OK(cmabi_store_set_fuel, f.store, 100000);
    f.instantiate();
    check_works(f);
    CHECK_OK(cmabi_store_fuel, f.store, &fuel);
    CHECK(fuel < 100000);
}

TEST_CASE("a store that does not meter has no fuel") {
    Guest f("troubled.wasm");
    std::uint64_t fuel = 123;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "does not meter", cmabi_store_fuel, f.store, &fuel);
    CHECK(fuel == 123);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "does not meter", cmabi_store_set_fuel, f.store, 1);
}

TEST_CASE("garbage from a guest is a trap") {
    Guest f("troubled.wasm");
    f.instantiate();
    struct {
        std::uint32_t ptr, len;
    } slice = {0xfffffff0, 100};
    check_traps(f, "string-at", &slice, "out of bounds");
    slice = {65530, 100};
    check_traps(f, "string-at", &slice, "out of bounds");
    slice = {0, 0xffffffff};
    check_traps(f, "string-at", &slice, "longer than 268435455");
    slice = {256, 2};
    check_traps(f, "string-at", &slice, "invalid utf-8");
    slice = {2, 1};
    check_traps(f, "list-at", &slice, "unaligned pointer");
    slice = {8, 0x40000000};
    check_traps(f, "list-at", &slice, "longer than 268435455");
    slice = {8, 0x3fffff};
    check_traps(f, "list-at", &slice, "out of bounds");
    std::uint32_t x = 65536;
    check_traps(f, "area-at", &x, "out of bounds");
    x = 2;
    check_traps(f, "area-at", &x, "unaligned pointer");
    x = 0xd800;
    check_traps(f, "char-of", &x, "not a unicode scalar value");
    x = 0x110000;
    check_traps(f, "char-of", &x, "not a unicode scalar value");
    x = 2;
    check_traps(f, "suit-of", &x, "invalid variant discriminant");
    const cmabi_string some = CMABI_STR("text");
    check_traps(f, "lying-realloc", &some, "realloc return");
    check_traps(f, "trapping-realloc", &some, "unreachable");
    const std::uint32_t numbers[2] = {1, 2};
    const struct {
        const std::uint32_t *ptr;
        std::size_t len;
    } list = {numbers, 2};
    check_traps(f, "unaligned-realloc", &list, "unaligned");
}

TEST_CASE("garbage from the host is told before anything runs") {
    Guest f("troubled.wasm");
    f.instantiate();
    const cmabi_string bad = CMABI_STR("a\xff");
    Error error;
    const auto status =
        cmabi_func_call(f.store, f.func("lying-realloc"), &bad, nullptr, nullptr, error.out());
    CHECK(status != CMABI_STATUS_OK);
    CHECK_MESSAGE(error.message().find("invalid utf-8") != std::string::npos, error.message());
    CHECK(error.path() == "param \"text\"");
}

TEST_CASE("arguments of a call are checked") {
    Guest f("troubled.wasm");
    f.instantiate();
    const std::uint32_t slice[2] = {0, 0};
    cmabi_string result;
    const cmabi_func *func = f.func("string-at");
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`store` is NULL", cmabi_func_call, nullptr, func, slice,
                &result, f.arena);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`func` is NULL", cmabi_func_call, f.store, nullptr,
                slice, &result, f.arena);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`args` is NULL", cmabi_func_call, f.store, func,
                nullptr, &result, f.arena);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`results` is NULL", cmabi_func_call, f.store, func,
                slice, nullptr, f.arena);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`arena` is NULL", cmabi_func_call, f.store, func, slice,
                &result, nullptr);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`args` is not aligned to 4", cmabi_func_call, f.store,
                func, reinterpret_cast<const char *>(slice) + 1, &result, f.arena);
    check_works(f);
}

TEST_CASE("C's structs have the sizes of the types") {
    Guest f("troubled.wasm");
    f.instantiate();
    const cmabi_func *func = f.func("string-at");
    CHECK_OK(cmabi_func_check, func, 8, sizeof(cmabi_string));
    CHECK_FAILS(CMABI_STATUS_TYPE_MISMATCH, "take 8 bytes, not 4", cmabi_func_check, func, 4,
                sizeof(cmabi_string));
    CHECK_FAILS(CMABI_STATUS_TYPE_MISMATCH, "take 16 bytes, not 0", cmabi_func_check, func, 8, 0);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`func` is NULL", cmabi_func_check, nullptr, 8, 0);
    CHECK_OK(cmabi_func_check, f.func("spin"), 0, 0);
}

TEST_CASE("what belongs to one store does not go with another") {
    Guest f("troubled.wasm");
    f.instantiate();
    Handle<cmabi_store, cmabi_store_free> other;
    REQUIRE_OK(cmabi_store_new, f.engine, nullptr, other.out());
    std::uint32_t x = 1;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`func` belongs to another store", cmabi_func_call,
                other, f.func("fine"), &x, &x, nullptr);
    check_works(f);
    // Functions may outlive their store, but cannot be called any more.
    const cmabi_func *func = f.func("fine");
    f.store = {};
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`func` belongs to another store", cmabi_func_call,
                other, func, &x, &x, nullptr);
    CHECK(f.func("divide") != nullptr);
}

TEST_CASE("components and stores of another engine are refused") {
    Guest f("troubled.wasm");
    Guest g("troubled.wasm");
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`component` was loaded for another engine",
                cmabi_linker_instantiate, f.linker, f.store, g.component, f.instance.out());
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`store` belongs to another engine",
                cmabi_linker_instantiate, f.linker, g.store, f.component, f.instance.out());
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "another engine", cmabi_linker_check, f.linker,
                g.component);
}

namespace {

const cmabi_string host = CMABI_STR("test:guest/host@1.2.0");

// Defines what guests/caller.wat imports: `signal` calls `action`.
template <class Action>
void define(Guest &f, Action &action) {
    const auto unused = [](void *, cmabi_task *, const void *, void *) -> cmabi_status {
        return CMABI_STATUS_UNSUPPORTED;
    };
    const auto signal = [](void *data, cmabi_task *, const void *, void *) -> cmabi_status {
        (*static_cast<Action *>(data))();
        return CMABI_STATUS_OK;
    };
    REQUIRE_OK(cmabi_linker_func, f.linker, host, CMABI_STR("number"), unused, nullptr, nullptr);
    REQUIRE_OK(cmabi_linker_func, f.linker, host, CMABI_STR("text"), unused, nullptr, nullptr);
    REQUIRE_OK(cmabi_linker_func, f.linker, host, CMABI_STR("signal"), signal, &action, nullptr);
    f.instantiate();
}

} // namespace

TEST_CASE("a store is one thread's at a time, and moves between calls") {
    Guest f("caller.wasm");
    auto action = [&f] {
        std::thread([&f] {
            Error error;
            CHECK(cmabi_store_run(f.store, error.out()) == CMABI_STATUS_BUSY);
            CHECK(error.message().find("another thread") != std::string::npos);
            CHECK(cmabi_func_call(f.store, f.func("signal"), nullptr, nullptr, nullptr, nullptr) ==
                  CMABI_STATUS_BUSY);
            // Freeing it does nothing.
            cmabi_store_free(f.store);
        }).join();
    };
    define(f, action);
    CHECK_OK(cmabi_func_call, f.store, f.func("signal"), nullptr, nullptr, nullptr);
    std::thread([&f] {
        CHECK_OK(cmabi_func_call, f.store, f.func("signal"), nullptr, nullptr, nullptr);
    }).join();
}

TEST_CASE("what a store may do inside a callback") {
    Guest f("caller.wasm");
    int depth = 0;
    auto action = [&] {
        // The scheduler is running already.
        bool ran = true;
        CHECK_FAILS(CMABI_STATUS_BUSY, "running", cmabi_store_tick, f.store, &ran);
        CHECK_FAILS(CMABI_STATUS_BUSY, "running", cmabi_store_run, f.store);
        // The instance that called may be called.
        if (depth++ == 0) {
            CHECK_OK(cmabi_func_call, f.store, f.func("signal"), nullptr, nullptr, nullptr);
        }
        cmabi_store_free(f.store);
    };
    define(f, action);
    Error error;
    cmabi_func_call(f.store, f.func("signal"), nullptr, nullptr, nullptr, error.out());
    CHECK_OK(cmabi_store_run, f.store);
}

TEST_CASE("host and guest cannot nest without end") {
    Handle<cmabi_config, cmabi_config_free> config;
    REQUIRE_OK(cmabi_config_new, config.out());
    REQUIRE_OK(cmabi_config_set_max_nesting, config, 5);
    Guest f("caller.wasm", config);
    // Each instance's callback calls the next instance.
    std::vector<Handle<cmabi_instance, cmabi_instance_free>> instances(10);
    std::size_t depth = 0;
    std::string message;
    auto action = [&] {
        const cmabi_func *next = Guest::func(instances[++depth], "signal");
        Error error;
        const auto status = cmabi_func_call(f.store, next, nullptr, nullptr, nullptr, error.out());
        if (status != CMABI_STATUS_OK && message.empty()) {
            message = error.message();
        }
    };
    define(f, action);
    for (auto &instance : instances) {
        REQUIRE_OK(cmabi_linker_instantiate, f.linker, f.store, f.component, instance.out());
    }
    CHECK_OK(cmabi_func_call, f.store, Guest::func(instances[0], "signal"), nullptr, nullptr,
             nullptr);
    CHECK(depth == 5);
    CHECK_MESSAGE(message.find("more than 5 nested calls") != std::string::npos, message);
}

TEST_CASE("host and guest do not nest beyond the stack of their thread") {
    Guest f("caller.wasm");
    std::vector<Handle<cmabi_instance, cmabi_instance_free>> instances(200);
    std::size_t depth = 0;
    std::string message;
    auto action = [&] {
        Error error;
        const cmabi_func *next = Guest::func(instances[++depth], "signal");
        if (cmabi_func_call(f.store, next, nullptr, nullptr, nullptr, error.out()) != CMABI_STATUS_OK) {
            message = error.message();
        }
    };
    define(f, action);
    for (auto &instance : instances) {
        REQUIRE_OK(cmabi_linker_instantiate, f.linker, f.store, f.component, instance.out());
    }
    auto start = [&] {
        CHECK_OK(cmabi_func_call, f.store, Guest::func(instances[0], "signal"), nullptr, nullptr, nullptr);
    };
    const auto run = [](void *data) -> void * {
        (*static_cast<decltype(start) *>(data))();
        return nullptr;
    };
    pthread_attr_t small;
    REQUIRE(pthread_attr_init(&small) == 0);
    REQUIRE(pthread_attr_setstacksize(&small, std::size_t{256} << 10) == 0);
    pthread_t thread;
    REQUIRE(pthread_create(&thread, &small, run, &start) == 0);
    pthread_join(thread, nullptr);
    pthread_attr_destroy(&small);
    CHECK(depth > 1);
    CHECK_MESSAGE(message.find("call stack exhausted") != std::string::npos, message);
}

TEST_CASE("memories are bounded") {
    Handle<cmabi_config, cmabi_config_free> config;
    REQUIRE_OK(cmabi_config_new, config.out());
    REQUIRE_OK(cmabi_config_set_max_memory_bytes, config, 100);
    Guest f("troubled.wasm", config);
    Error error;
    CHECK(cmabi_linker_instantiate(f.linker, f.store, f.component, f.instance.out(), error.out()) !=
          CMABI_STATUS_OK);
    CHECK(f.instance.get() == nullptr);
    INFO(error.message());
    CHECK(error.message().find("memory") != std::string::npos);
}

TEST_CASE("results are bounded by their arena") {
    Guest f("troubled.wasm");
    f.instantiate();
    Handle<cmabi_arena, cmabi_arena_free> arena;
    REQUIRE_OK(cmabi_arena_new, 1000, arena.out());
    const std::uint32_t slice[2] = {1024, 2000};
    cmabi_string result;
    CHECK_FAILS(CMABI_STATUS_LIMIT, "1000 bytes", cmabi_func_call, f.store, f.func("string-at"), slice,
                &result, arena);
}

TEST_CASE("handles that are not there are fine to free and to ask") {
    cmabi_engine_free(nullptr);
    cmabi_config_free(nullptr);
    cmabi_store_free(nullptr);
    cmabi_arena_free(nullptr);
    cmabi_component_free(nullptr);
    cmabi_linker_free(nullptr);
    cmabi_instance_free(nullptr);
    CHECK(cmabi_component_import_count(nullptr) == 0);
    CHECK(cmabi_component_import_at(nullptr, 0, nullptr) == nullptr);
    CHECK(cmabi_component_export_count(nullptr) == 0);
    CHECK(cmabi_component_export_at(nullptr, 0, nullptr) == nullptr);
    CHECK(cmabi_extern_type_kind(nullptr) == CMABI_EXTERN_KIND_OTHER);
    CHECK(cmabi_extern_type_func(nullptr) == nullptr);
    CHECK(cmabi_extern_type_type(nullptr) == nullptr);
    CHECK(cmabi_extern_type_export_count(nullptr) == 0);
    CHECK(cmabi_extern_type_export_at(nullptr, 0, nullptr) == nullptr);
    const cmabi_func *func = nullptr;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`instance` is NULL", cmabi_instance_func, nullptr,
                CMABI_STR("x"), &func);
    CHECK(cmabi_instance_export_count(nullptr) == 0);
    CHECK(cmabi_func_type_of(nullptr) == nullptr);
    CHECK(cmabi_task_store(nullptr) == nullptr);
    CHECK(cmabi_task_arena(nullptr) == nullptr);
    CHECK(cmabi_task_type(nullptr) == nullptr);
    CHECK(cmabi_arena_used_bytes(nullptr) == 0);
    CHECK(cmabi_engine_new(nullptr, nullptr, nullptr) == CMABI_STATUS_INVALID_ARGUMENT);
    CHECK(cmabi_store_new(nullptr, nullptr, nullptr, nullptr) == CMABI_STATUS_INVALID_ARGUMENT);
    CHECK(cmabi_linker_new(nullptr, nullptr, nullptr) == CMABI_STATUS_INVALID_ARGUMENT);
    CHECK(cmabi_config_set_fuel(nullptr, 1, nullptr) == CMABI_STATUS_INVALID_ARGUMENT);
    CHECK(cmabi_store_tick(nullptr, nullptr, nullptr) == CMABI_STATUS_INVALID_ARGUMENT);
    CHECK(cmabi_arena_reset(nullptr, nullptr) == CMABI_STATUS_INVALID_ARGUMENT);
}
