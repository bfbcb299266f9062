#include "echo.hpp"

#include <limits>

template <class T>
static void check_option(const echo::Echo &echo, const char *name, const T &value) {
    CHECK(echo.one(name, std::optional<T>(value)) == std::optional<T>(value));
    CHECK(echo.one(name, std::optional<T>()) == std::nullopt);
}

TEST_CASE("options of numbers, bools and strings") {
    const echo::Echo echo;
    check_option(echo, "options", std::uint32_t{0});
    check_option(echo, "options", std::numeric_limits<std::uint32_t>::max());
    check_option(echo, "option-bools", true);
    check_option(echo, "option-bools", false);
    check_option(echo, "option-strings", std::string("Hello"));
    check_option(echo, "option-strings", std::string());
    check_option(echo, "option-strings", std::string(1000, 'X'));
}

TEST_CASE("options of options keep nothing and something of nothing apart") {
    using inner = std::optional<std::uint32_t>;
    const echo::Echo echo;
    const std::vector<std::optional<inner>> sent{inner(42), inner(), std::nullopt};
    const auto got = echo("option-options", sent);
    CHECK(got == sent);
    CHECK((got[1].has_value() && !got[1]->has_value()));
    CHECK_FALSE(got[2].has_value());
}

TEST_CASE("a cmabi::option has the layout of the C struct") {
    static_assert(sizeof(cmabi::option<std::uint8_t>) == 2);
    static_assert(sizeof(cmabi::option<std::uint64_t>) == 16);
    using option = cmabi::option<cmabi::string>;

    const echo::Echo echo;
    const auto same = echo.func<cmabi::list<option>(cmabi::list<option>)>("option-strings");
    const std::array<option, 2> sent{option("Hello"), std::nullopt};
    cmabi::arena arena;
    const auto got = same(arena, sent);
    REQUIRE(got.size() == 2);
    CHECK((got[0] && *got[0] == "Hello"));
    CHECK_FALSE(got[1]);
}
