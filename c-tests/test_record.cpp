#include "echo.hpp"

using echo::couple;
using echo::person;
using echo::point;

static person john() {
    return {"John", 42, 200, {"555-1212", "555-1234"}, {42, 43}, std::nullopt};
}

static person jane() {
    return {"Jane", 43, 150, {}, {0, 0}, "63 Elm St."};
}

TEST_CASE("records of strings, numbers and lists") {
    const echo::Echo echo;
    const std::vector<person> sent{john(), jane()};
    CHECK(echo("people", sent) == sent);
}

TEST_CASE("records of records") {
    const echo::Echo echo;
    const std::vector<couple> sent{{john(), jane()}, {jane(), jane()}};
    CHECK(echo("couples", sent) == sent);
}

TEST_CASE("plain records") {
    const echo::Echo echo;
    const std::vector<point> sent{{1, 2}, {-0.5, 1e300}};
    CHECK(echo("points", sent) == sent);
}

TEST_CASE("records viewed in place") {
    const echo::Echo echo;
    const auto same = echo.func<cmabi::list<point>(cmabi::list<point>)>("points");
    const std::vector<point> sent{{1, 2}, {3, 4}};
    cmabi::arena arena;
    const auto got = same(arena, sent);
    REQUIRE(got.size() == 2);
    CHECK(got[1] == point{3, 4});
}
