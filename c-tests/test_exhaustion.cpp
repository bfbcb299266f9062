// Values that stress the memory of the guest, and more than it has.
#include "echo.hpp"

TEST_CASE("a hundred calls leave nothing behind in the guest") {
    const echo::Echo echo;
    const auto same = echo.func<std::string(std::string_view)>("string");
    // Together they would not fit: what a call took is free again after it.
    const std::string text(100000, 'x');
    for (int i = 0; i < 100; ++i) {
        CHECK(same(text + std::to_string(i)) == text + std::to_string(i));
    }
}

TEST_CASE("large lists of bytes") {
    const echo::Echo echo;
    const std::vector<std::uint8_t> bytes(5000000, 0xff);
    CHECK(echo("bytes", bytes) == bytes);
}

TEST_CASE("a value that does not fit into the guest's memory makes it trap") {
    cmabi::config config;
    config.max_memory_bytes(std::uint64_t{4} << 16);
    const cmabi::engine engine;
    const cmabi::component component(engine, read_guest("echo.wasm"));
    cmabi::linker linker(engine);
    linker.func("through", [](std::vector<echo::all> values) { return values; });
    linker.func("poke", [] {});
    cmabi::store store(engine, config);
    const auto same = [&] {
        return linker.instantiate(store, component)
            .func<std::string(std::string_view)>("string");
    };

    CHECK(same()(std::string(100000, 'x')).size() == 100000);
    try {
        same()(std::string(1000000, 'x'));
        FAIL("it fit");
    } catch (const cmabi::error &error) {
        CHECK(error.status() == CMABI_STATUS_TRAP);
        CHECK(std::string(error.what()).find("unreachable") != std::string::npos);
    }
    CHECK(same()("the store goes on") == "the store goes on");
}
