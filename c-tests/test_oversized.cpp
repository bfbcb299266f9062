// Results of more than one flat value, and parameters of more than 16, go by way of memory.
#include "echo.hpp"

static cmabi_core_signature flattened(const echo::Echo &echo, const char *name) {
    const cmabi_func *func = nullptr;
    REQUIRE_OK(cmabi_instance_func, echo.instance->get(), view(name), &func);
    cmabi_core_signature core{};
    REQUIRE_OK(cmabi_func_type_flatten, cmabi_func_type_of(func), CMABI_ADDR_TYPE_I32,
               CMABI_ABI_CONTEXT_LIFT, CMABI_ABI_SYNC, &core);
    return core;
}

TEST_CASE("a result of four flat values is returned as its address") {
    const echo::Echo echo;
    const cmabi_core_signature core = flattened(echo, "two-strings");
    CHECK(core.params_len == 4);
    CHECK(core.results_len == 1);
    CHECK(core.results[0] == CMABI_CORE_TYPE_I32);

    using pair = std::tuple<std::string, std::string>;
    const auto two = echo.func<pair(std::string_view, std::string_view)>("two-strings");
    CHECK(two("alpha", "beta") == pair("alpha", "beta"));
    CHECK(two("", std::string(10000, 'b')) == pair("", std::string(10000, 'b')));
}

TEST_CASE("parameters of eighteen flat values are passed as their address") {
    const echo::Echo echo;
    const cmabi_core_signature core = flattened(echo, "ninth-string");
    CHECK(core.params_len == 1);
    CHECK(core.params[0] == CMABI_CORE_TYPE_I32);

    using view = std::string_view;
    const auto ninth = echo.func<std::string(view, view, view, view, view, view, view, view, view)>(
        "ninth-string");
    CHECK(ninth("1", "2", "3", "4", "5", "6", "7", "8", "nine") == "nine");
}
