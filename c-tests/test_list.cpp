#include "echo.hpp"

#include <limits>
#include <numeric>

template <class T>
static void check_list(const echo::Echo &echo, const char *name, const std::vector<T> &sent) {
    CHECK(echo(name, sent) == sent);
}

TEST_CASE("lists of no, one and many elements") {
    const echo::Echo echo;
    std::vector<std::uint32_t> many(1000);
    std::iota(many.begin(), many.end(), 0U);

    check_list<std::uint32_t>(echo, "numbers", {});
    check_list<std::uint32_t>(echo, "numbers", {42});
    check_list(echo, "numbers", many);
    many.resize(100000, 7);
    check_list(echo, "numbers", many);
}

TEST_CASE("lists of scalars at their bounds") {
    const echo::Echo echo;
    check_list<std::uint8_t>(echo, "bytes", {0, 127, 128, 255});
    check_list<std::int64_t>(echo, "longs",
                             {std::numeric_limits<std::int64_t>::min(), -1, 0,
                              std::numeric_limits<std::int64_t>::max()});
    check_list<double>(echo, "floats",
                       {0.0, -1.5, std::numeric_limits<double>::infinity(),
                        std::numeric_limits<double>::denorm_min()});
    check_list<char32_t>(echo, "chars", {0, U'a', 0xd7ff, 0xe000, 0x10ffff});
    check_list<bool>(echo, "bools", {true, false, true, true});
}

TEST_CASE("lists of lists") {
    const echo::Echo echo;
    check_list<std::vector<std::uint32_t>>(echo, "lists", {{1, 2}, {3, 4, 5}, {}});
    check_list<std::vector<std::uint32_t>>(echo, "lists", {{}, {}});
}

TEST_CASE("lists of strings") {
    const echo::Echo echo;
    check_list<std::string>(
        echo, "strings", {"", "a", "very_long_string_" + std::string(100, 'x'), "\U0001F30D"});
}

TEST_CASE("lists of a fixed length lie within their list") {
    const echo::Echo echo;
    check_list<std::array<std::uint16_t, 3>>(echo, "fixed", {{1, 2, 3}, {65535, 0, 1}});
    check_list<std::array<std::uint16_t, 3>>(echo, "fixed", {});
}

TEST_CASE("a list in the canonical layout is sent from where it lies, and viewed where it arrived") {
    const echo::Echo echo;
    const auto same =
        echo.func<cmabi::list<std::uint32_t>(cmabi::list<std::uint32_t>)>("numbers");
    const std::array<std::uint32_t, 4> sent{1, 2, 3, 4};

    cmabi::arena arena;
    const cmabi::list<std::uint32_t> got = same(arena, sent);
    CHECK(std::equal(got.begin(), got.end(), sent.begin(), sent.end()));
    CHECK(arena.used_bytes() >= got.size() * sizeof(std::uint32_t));
    CHECK(same(arena, {}).empty());
}
