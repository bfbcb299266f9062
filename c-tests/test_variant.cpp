#include "echo.hpp"

#include <limits>
#include <string>

using echo::point;
using echo::shape;

TEST_CASE("each case of a variant") {
    const echo::Echo echo;
    const std::vector<shape> sent{
        std::monostate(),
        3.25,
        "square",
        std::vector<point>{{0, 0}, {1, 1}},
        std::tuple<std::uint8_t, std::uint32_t>(200, 4000000000),
        std::optional<std::uint64_t>(1),
        std::optional<std::uint64_t>(),
        std::int8_t(-1),
    };
    CHECK(echo("shapes", sent) == sent);
}

TEST_CASE("payloads at their bounds") {
    const echo::Echo echo;
    for (const shape &sent : {
             shape(std::numeric_limits<std::int8_t>::min()),
             shape(std::numeric_limits<std::int8_t>::max()),
             shape(std::numeric_limits<double>::max()),
             shape(-std::numeric_limits<double>::infinity()),
             shape(std::optional(std::numeric_limits<std::uint64_t>::max())),
             shape(std::string()),
             shape(std::string(1000, 'Z')),
             shape("Hello \U0001F30D World"),
             shape(std::vector<point>()),
             shape(std::vector<point>(100, point{4, 2})),
         }) {
        CHECK(echo.one("shapes", sent) == sent);
    }
    const shape nan = echo.one("shapes", shape(std::numeric_limits<double>::quiet_NaN()));
    CHECK(std::get<double>(nan) != std::get<double>(nan));
}

TEST_CASE("a cmabi::variant has the layout of the C struct") {
    static_assert(sizeof(cmabi::variant<void, void>) == 1);
    static_assert(sizeof(cmabi::variant<std::uint8_t, std::uint32_t>) == 8);
    static_assert(sizeof(cmabi::variant<void, std::uint64_t>) == 16);

    using points = cmabi::list<point>;
    using view = cmabi::variant<void, double, cmabi::string, points,
                                cmabi::tuple<std::uint8_t, std::uint32_t>,
                                cmabi::option<std::uint64_t>, std::int8_t>;
    const echo::Echo echo;
    const auto same = echo.func<cmabi::list<view>(cmabi::list<view>)>("shapes");
    const std::vector<view> sent{
        view(std::in_place_index<0>),
        view(std::in_place_index<2>, "square"),
        view(std::in_place_index<5>, cmabi::option<std::uint64_t>(7)),
    };
    cmabi::arena arena;
    const auto got = same(arena, sent);
    REQUIRE(got.size() == 3);
    CHECK(got[0].index() == 0);
    CHECK(got[1].get<2>() == "square");
    CHECK(*got[2].get<5>() == 7);
}

TEST_CASE("enums are variants without payloads") {
    const echo::Echo echo;
    for (const echo::color color : {echo::color::red, echo::color::green, echo::color::blue}) {
        CHECK(echo("one-color", color) == color);
        CHECK(echo.one("colors", color) == color);
    }
}

TEST_CASE("an enumerator beyond the labels is a trap") {
    const echo::Echo echo;
    const echo::color color{3};
    CHECK_THROWS_WITH_AS(echo("one-color", color), doctest::Contains("invalid variant discriminant"),
                         cmabi::error);
}
