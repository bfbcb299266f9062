// The wasmtime engine as a program has it that is linked with it.
#include "support.hpp"

#include <cmabi_wasmtime.hpp>

#include <pthread.h>

#include <functional>
#include <optional>

namespace {

struct Features {
    cmabi::component component;
    cmabi::linker linker;
    cmabi::store store;
    cmabi::instance instance;

    explicit Features(const cmabi::engine &engine)
        : component(engine, read_guest("features.wasm")), linker(engine), store(engine),
          instance(linker.instantiate(store, component)) {}

    std::uint32_t call(const char *name, std::uint32_t n) {
        return instance.func<std::uint32_t(std::uint32_t)>(name)(n);
    }
};

// Runs `body` on a thread with a stack of so many bytes.
void on_stack(std::size_t bytes, std::function<void()> body) {
    pthread_attr_t attributes;
    REQUIRE(pthread_attr_init(&attributes) == 0);
    REQUIRE(pthread_attr_setstacksize(&attributes, bytes) == 0);
    pthread_t thread;
    const auto run = [](void *what) -> void * {
        (*static_cast<std::function<void()> *>(what))();
        return nullptr;
    };
    REQUIRE(pthread_create(&thread, &attributes, run, &body) == 0);
    pthread_join(thread, nullptr);
    pthread_attr_destroy(&attributes);
}

} // namespace

TEST_CASE("core modules have exceptions, vectors, garbage collection, tail calls and wide memories") {
    const cmabi::wasmtime_engine engine;
    Features f(engine);
    CHECK(f.call("caught", 3) == 3);
    CHECK(f.call("caught", 2) == 0);
    CHECK(f.call("fourth", 5) == 20);
    CHECK(f.call("sum", 1000) == 500500);
    CHECK(f.call("far", 10'000'000) == 7);
    CHECK(f.call("kept", 9) == 9);
    CHECK_THROWS_WITH_AS(f.instance.func<void()>("uncaught")(), doctest::Contains("uncaught core wasm exception"),
                         cmabi::error);
}

TEST_CASE("the built-in engine says what it does not have, and which has") {
    const cmabi::engine engine;
    CHECK_THROWS_WITH_AS(cmabi::component(engine, read_guest("features.wasm")), doctest::Contains("cmabi_wasmtime.h"),
                         cmabi::error);
}

TEST_CASE("both engines are used side by side, and go before what they have made") {
    std::optional<cmabi::wasmtime_engine> native(std::in_place);
    std::optional<cmabi::engine> built_in(std::in_place);
    Features f(*native);
    const cmabi::component adder(*built_in, read_guest("adder.wasm"));
    const cmabi::linker linker(*built_in);
    cmabi::store store(*built_in);
    const auto instance = linker.instantiate(store, adder);
    native.reset();
    built_in.reset();
    CHECK(f.call("caught", 5) == 5);
    CHECK(instance.func<std::uint32_t(std::uint32_t, std::uint32_t)>("add")(1, 2) == 3);
}

TEST_CASE("guests that nest without end trap, however small the thread's stack is") {
    cmabi::config config;
    std::uint64_t stack = 0;
    SUBCASE("by default") {}
    SUBCASE("where they may take more than the thread has") { stack = std::uint64_t{64} << 20; }
    if (stack != 0) config.max_stack_bytes(stack);
    const cmabi::wasmtime_engine engine(config);
    on_stack(128 << 10, [&] {
        Features f(engine);
        CHECK(f.call("caught", 5) == 5);
        CHECK_THROWS_WITH_AS(f.instance.func<std::uint32_t()>("endless")(), doctest::Contains("call stack exhausted"),
                             cmabi::error);
    });
    Features f(engine);
    CHECK_THROWS_AS(f.instance.func<std::uint32_t()>("endless")(), cmabi::error);
}

TEST_CASE("a table of another version is not filled in") {
    cmabi_engine_interface table = CMABI_ENGINE_INTERFACE_INIT;
    CHECK(cmabi_wasmtime_engine_interface(0, false, false, &table));
    cmabi_engine *engine = nullptr;
    CHECK_OK(cmabi_engine_new_custom, &table, nullptr, &engine);
    cmabi_engine_free(engine);
    table = CMABI_ENGINE_INTERFACE_INIT;
    table.size -= sizeof(void *);
    CHECK(!cmabi_wasmtime_engine_interface(0, false, false, &table));
    CHECK(table.data == nullptr);
}

namespace {

std::vector<std::uint8_t> serialized(const cmabi::engine &engine, const char *guest) {
    return cmabi::component(engine, read_guest(guest)).serialize();
}

cmabi::component loaded(const cmabi::engine &engine, const std::vector<std::uint8_t> &bytes) {
    return cmabi::component::load_precompiled(engine, {bytes.data(), bytes.size()});
}

std::uint32_t add(const cmabi::engine &engine, const cmabi::component &component, const cmabi::config &config = {}) {
    const cmabi::linker linker(engine);
    cmabi::store store(engine, config);
    return linker.instantiate(store, component).func<std::uint32_t(std::uint32_t, std::uint32_t)>("add")(20, 22);
}

} // namespace

TEST_CASE("code is for the engine that has compiled it") {
    const cmabi::wasmtime_engine native;
    const cmabi::engine built_in;
    const auto code = serialized(native, "adder.wasm");
    const auto wasm = serialized(built_in, "adder.wasm");
    CHECK(code.size() > wasm.size());
    CHECK(add(native, loaded(native, code)) == 42);
    CHECK(add(built_in, loaded(built_in, wasm)) == 42);
    CHECK_THROWS_WITH_AS(loaded(native, wasm),
                         doctest::Contains("is for an engine without compiled code, and this is the engine `wasmtime"),
                         cmabi::error);
    CHECK_THROWS_WITH_AS(loaded(built_in, code), doctest::Contains("is for the engine `wasmtime"), cmabi::error);
}

TEST_CASE("an engine compiles for the stores that its config asks for, and for others when they come") {
    cmabi::config metered;
    metered.fuel(1'000'000);
    cmabi::config interruptible;
    interruptible.interruptible();
    const cmabi::config plain;
    const cmabi::config *const configs[] = {&plain, &interruptible, &metered};
    for (const cmabi::config *const of : configs) {
        const cmabi::wasmtime_engine engine(*of);
        const auto code = serialized(engine, "adder.wasm");
        const auto component = loaded(engine, code);
        for (const cmabi::config *const store : configs) CHECK(add(engine, component, *store) == 42);
        for (const cmabi::config *const other : configs) {
            const cmabi::wasmtime_engine loader(*other);
            if (other == of) {
                CHECK(add(loader, loaded(loader, code), *other) == 42);
            } else {
                CHECK_THROWS_WITH_AS(loaded(loader, code), doctest::Contains(" stores`, and this is the engine `wasmtime, "),
                                     cmabi::error);
            }
        }
    }
}

TEST_CASE("code with all that the engine has is loaded") {
    const cmabi::wasmtime_engine engine;
    const auto component = loaded(engine, serialized(engine, "features.wasm"));
    const cmabi::linker linker(engine);
    cmabi::store store(engine);
    const auto instance = linker.instantiate(store, component);
    const auto call = [&](const char *name, std::uint32_t n) {
        return instance.func<std::uint32_t(std::uint32_t)>(name)(n);
    };
    CHECK(call("caught", 3) == 3);
    CHECK(call("sum", 1000) == 500500);
    CHECK(call("kept", 9) == 9);
    CHECK_THROWS_WITH_AS(instance.func<void()>("uncaught")(), doctest::Contains("uncaught core wasm exception"),
                         cmabi::error);
}
