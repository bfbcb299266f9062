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
    CHECK(cmabi_wasmtime_engine_interface(0, &table));
    cmabi_engine *engine = nullptr;
    CHECK_OK(cmabi_engine_new_custom, &table, nullptr, &engine);
    cmabi_engine_free(engine);
    table = CMABI_ENGINE_INTERFACE_INIT;
    table.size -= sizeof(void *);
    CHECK(!cmabi_wasmtime_engine_interface(0, &table));
    CHECK(table.data == nullptr);
}
