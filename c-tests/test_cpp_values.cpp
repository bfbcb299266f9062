// C++ values on their way into a guest and back.
#include "echo.hpp"

#include <cstring>
#include <limits>

template <class T>
static void check_scalar(const echo::Echo &echo, const char *name,
                         std::initializer_list<T> values) {
    const auto same = echo.func<T(T)>(name);
    for (const T value : values) {
        CHECK(same(value) == value);
    }
}

template <class T>
static void check_integer(const echo::Echo &echo, const char *name) {
    using limits = std::numeric_limits<T>;
    check_scalar<T>(echo, name, {limits::min(), 0, 1, static_cast<T>(-1), limits::max()});
}

TEST_CASE("scalars") {
    const echo::Echo echo;
    check_scalar<bool>(echo, "bool", {true, false});
    check_integer<std::int8_t>(echo, "s8");
    check_integer<std::uint8_t>(echo, "u8");
    check_integer<std::int16_t>(echo, "s16");
    check_integer<std::uint16_t>(echo, "u16");
    check_integer<std::int32_t>(echo, "s32");
    check_integer<std::uint32_t>(echo, "u32");
    check_integer<std::int64_t>(echo, "s64");
    check_integer<std::uint64_t>(echo, "u64");
    check_scalar<float>(echo, "f32", {0, -1.5F, std::numeric_limits<float>::infinity()});
    check_scalar<double>(echo, "f64", {0, -1.5, std::numeric_limits<double>::max()});
    check_scalar<char32_t>(echo, "char", {0, U'a', 0xd7ff, 0xe000, 0x10ffff});
}

TEST_CASE("long and long long are both 64-bit integers where they are") {
    const echo::Echo echo;
    CHECK(echo.func<long long(long long)>("s64")(-5) == -5);
    CHECK(echo.func<unsigned long long(unsigned long long)>("u64")(5) == 5);
}

TEST_CASE("a char that is no Unicode scalar value is refused") {
    const echo::Echo echo;
    const auto same = echo.func<char32_t(char32_t)>("char");
    CHECK_THROWS_AS(same(char32_t{0xd800}), cmabi::error);
}

TEST_CASE("strings as std::string, as a view of one and as a cmabi::string") {
    const echo::Echo echo;
    for (const std::string &text :
         {std::string(), std::string("a"), std::string("na\u00efve \U0001F30D"),
          std::string("with\0zero", 9), std::string(100000, 'x')}) {
        CHECK(echo.func<std::string(std::string)>("string")(text) == text);
        CHECK(echo.func<std::string(std::string_view)>("string")(text) == text);
        CHECK(echo.func<std::string(cmabi::string)>("string")(text) == text);
        CHECK(echo.func<std::string(const std::string &)>("string")(text) == text);

        cmabi::arena arena;
        CHECK(echo.func<std::string_view(std::string_view)>("string")(arena, text) == text);
    }
}

TEST_CASE("text that is not UTF-8 is refused") {
    const echo::Echo echo;
    const auto same = echo.func<std::string(std::string_view)>("string");
    CHECK_THROWS_WITH_AS(same("\xff"), doctest::Contains("utf-8"), cmabi::error);
}

TEST_CASE("any byte of a bool but 0 is true, and arrives as 1") {
    const echo::Echo echo;
    const std::uint8_t sent[] = {0, 1, 2, 0x80, 0xff};
    const cmabi::list<bool> bools(reinterpret_cast<const bool *>(sent), sizeof sent);
    cmabi::arena arena;
    const auto got = echo.func<cmabi::list<bool>(cmabi::list<bool>)>("bools")(arena, bools);
    const std::uint8_t expected[] = {0, 1, 1, 1, 1};
    REQUIRE(got.size() == sizeof expected);
    CHECK(std::memcmp(got.data(), expected, sizeof expected) == 0);
}

TEST_CASE("views of results live as long as their arena is not reset") {
    const echo::Echo echo;
    const auto same = echo.func<std::string_view(std::string_view)>("string");
    cmabi::arena arena;
    const std::string_view first = same(arena, "first");
    const std::string_view second = same(arena, first);
    CHECK(first == "first");
    CHECK(second == "first");
    CHECK(first.data() != second.data());
    CHECK(arena.used_bytes() > 0);
    arena.reset();
    CHECK(arena.used_bytes() == 0);
}

TEST_CASE("an arena that is too small makes the call fail and can be used on") {
    const echo::Echo echo;
    const auto same = echo.func<std::string_view(std::string_view)>("string");
    cmabi::arena arena(64);
    CHECK_THROWS_AS(same(arena, std::string(1000, 'x')), cmabi::error);
    arena.reset();
    const echo::Echo another;
    CHECK(another.func<std::string_view(std::string_view)>("string")(arena, "short") == "short");
}

namespace {
// A struct whose cmabi::record does not list the fields as they lie.
struct crossed {
    double y, x;
};
} // namespace

template <>
struct cmabi::record<crossed> {
    static constexpr auto fields =
        std::make_tuple(cmabi::field("x", &crossed::x), cmabi::field("y", &crossed::y));
};

TEST_CASE("a struct with its fields in another order is converted, and not viewed") {
    const echo::Echo echo;
    const auto got = echo.one("points", crossed{2, 1});
    CHECK(got.x == 1);
    CHECK(got.y == 2);
    const auto mixed = echo.func<std::vector<echo::point>(std::vector<crossed>)>("points");
    CHECK(mixed({{2, 1}}).front() == echo::point{1, 2});

    using view = cmabi::list<crossed>;
    CHECK_THROWS_WITH_AS(echo.func<view(view)>("points"), doctest::Contains("cmabi::record"),
                         cmabi::error);
    cmabi::linker linker(echo.engine);
    linker.func("poke", [](view) {});
    CHECK_THROWS_WITH_AS(linker.check(echo.component), doctest::Contains("cmabi::record"),
                         cmabi::error);
}
