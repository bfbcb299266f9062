// What a guest has written to standard error last comes with the trap that ends it.
#include "guest.hpp"

#include <cmabi.hpp>

namespace {

// Panics with these grants, and gives back the error.
cmabi::error panic(const cmabi::wasi &granted, bool speak_first = true) {
    cmabi::engine engine;
    cmabi::linker linker(engine);
    linker.wasi(granted);
    cmabi::store store(engine);
    auto instance = linker.instantiate(store, cmabi::component(engine, read_guest("panicky.wasm")));
    auto other = linker.instantiate(store, cmabi::component(engine, read_guest("panicky.wasm")));
    if (speak_first) instance.func<void()>("speak")();
    other.func<void()>("speak")();
    try {
        instance.func<void()>("panic")();
    } catch (const cmabi::error &error) {
        return error;
    }
    throw std::logic_error("it traps");
}

} // namespace

TEST_CASE("the last words of the instance that traps are in the error, though stderr is closed") {
    const cmabi::error error = panic(cmabi::wasi().last_words(1000));
    CHECK(error.last_words() == "about to go wrong\npanicked at 'no way on'");
    CHECK(std::string(error.what()) == "wasm `unreachable` instruction executed");
}

TEST_CASE("only so much of it is kept, and it goes where stderr goes as well") {
    std::string written;
    const cmabi::error error = panic(
        cmabi::wasi()
            .output_to(cmabi::wasi::stderr_stream, [&](std::string_view text) { written += text; })
            .last_words(30));
    CHECK(error.last_words() == " wrong\npanicked at 'no way on'");
    CHECK(written == "about to go wrong\nabout to go wrong\npanicked at 'no way on'");
}

TEST_CASE("nothing is kept unless it is asked for") {
    CHECK(panic(cmabi::wasi().output_to(cmabi::wasi::stderr_stream, [](std::string_view) {})).last_words() == "");
    CHECK(text(cmabi_error_last_words(nullptr)) == "");
    Handle<cmabi_wasi_config, cmabi_wasi_config_free> config;
    REQUIRE_OK(cmabi_wasi_config_new, config.out());
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "more than", cmabi_wasi_config_set_last_words, config, 2u << 20);
}
