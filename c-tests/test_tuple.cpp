#include "echo.hpp"

TEST_CASE("tuples of scalars have no room that they do not need") {
    using tuple = std::tuple<std::uint8_t, std::uint8_t, std::uint32_t>;
    const echo::Echo echo;
    const std::vector<tuple> sent{{1, 2, 3}, {255, 254, 0xffffffff}, {0, 0, 0}};
    CHECK(echo("tuples", sent) == sent);
}

TEST_CASE("tuples of strings and lists") {
    using tuple =
        std::tuple<std::uint16_t, std::uint32_t, std::string, std::vector<std::string>>;
    const echo::Echo echo;
    const std::vector<tuple> sent{{242, 243, "Hello", {"World", "!"}}, {0, 0, "", {}}};
    CHECK(echo("texts", sent) == sent);
}

TEST_CASE("a cmabi::tuple has the layout of the C struct") {
    using tuple = cmabi::tuple<std::uint8_t, std::uint8_t, std::uint32_t>;
    struct plain {
        std::uint8_t a, b;
        std::uint32_t c;
    };
    static_assert(sizeof(tuple) == sizeof(plain) && alignof(tuple) == alignof(plain));
    static_assert(sizeof(cmabi::tuple<std::uint8_t, std::uint64_t>) == 16);

    const echo::Echo echo;
    const auto same = echo.func<cmabi::list<tuple>(cmabi::list<tuple>)>("tuples");
    const std::vector<tuple> sent{{1, 2, 3}, {4, 5, 6}};
    cmabi::arena arena;
    const cmabi::list<tuple> got = same(arena, sent);
    REQUIRE(got.size() == 2);
    CHECK(got[1].get<0>() == 4);
    CHECK(got[1].get<1>() == 5);
    CHECK(got[1].get<2>() == 6);
}
