// A map is a list of pairs: the order and repeated keys arrive as they were sent.
#include "echo.hpp"

#include <map>
#include <unordered_map>

using names = std::map<std::uint32_t, std::string>;

TEST_CASE("a map comes back as it was") {
    const echo::Echo echo;
    const names sent{{1, "one"}, {2, "two"}, {42, "forty-two"}};
    CHECK(echo("map", sent) == sent);
    CHECK(echo("map", names()).empty());

    const std::unordered_map<std::uint32_t, std::string> unordered{{7, "seven"}, {8, "eight"}};
    CHECK(echo("map", unordered) == unordered);
}

TEST_CASE("maps of maps") {
    const echo::Echo echo;
    const std::map<std::string, names> sent{
        {"left", {{7, "seven"}}}, {"right", {{8, "eight"}, {9, "nine"}}}, {"none", {}}};
    CHECK(echo("nested-map", sent) == sent);
}

TEST_CASE("repeated keys are legal, and the last one counts in a std::map") {
    const echo::Echo echo;
    using entries = std::vector<std::pair<std::uint32_t, std::string>>;
    const entries sent{{7, "old"}, {8, "other"}, {7, "new"}};

    CHECK(echo("map", sent) == sent);
    CHECK(echo.func<names(entries)>("map")(sent) == names{{7, "new"}, {8, "other"}});
    const auto unordered =
        echo.func<std::unordered_map<std::uint32_t, std::string>(entries)>("map")(sent);
    CHECK(unordered.at(7) == "new");
    CHECK(unordered.size() == 2);
}

TEST_CASE("a map is viewed as the list that it is") {
    const echo::Echo echo;
    using entry = cmabi::tuple<std::uint32_t, cmabi::string>;
    const std::vector<entry> sent{{1, "one"}, {1, "uno"}};
    const auto same = echo.func<cmabi::list<entry>(cmabi::list<entry>)>("map");

    cmabi::arena arena;
    const cmabi::list<entry> got = same(arena, sent);
    REQUIRE(got.size() == 2);
    CHECK(got[0].get<0>() == 1);
    CHECK(got[0].get<1>() == "one");
    CHECK(got[1].get<1>() == "uno");
}
