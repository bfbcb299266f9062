#include "echo.hpp"

TEST_CASE("results with both sides") {
    using result = cmabi::expected<std::uint32_t, std::string>;
    const echo::Echo echo;
    const std::vector<result> sent{7U, cmabi::unexpected<std::string>("no"),
                                   cmabi::unexpected<std::string>("")};
    const auto got = echo("results", sent);
    CHECK(got == sent);
    CHECK(got[0].value() == 7);
    CHECK(got[1].error() == "no");
    CHECK_THROWS_AS(got[1].value(), std::bad_variant_access);
}

TEST_CASE("results with one side, and with none") {
    const echo::Echo echo;
    using ok = cmabi::expected<std::string, void>;
    CHECK(echo.one("ok-results", ok("fine")) == ok("fine"));
    CHECK_FALSE(echo.one("ok-results", ok(cmabi::unexpected<>())));

    using error = cmabi::expected<void, echo::color>;
    const error green{cmabi::unexpected<echo::color>(echo::color::green)};
    CHECK(echo.one("error-results", green) == green);
    CHECK(echo.one("error-results", error()).has_value());

    using bare = cmabi::expected<void, void>;
    CHECK(echo.one("bare-results", bare()).has_value());
    CHECK_FALSE(echo.one("bare-results", bare(cmabi::unexpected<>())).has_value());
}

TEST_CASE("a cmabi::result has the layout of the C struct") {
    static_assert(sizeof(cmabi::result<void, void>) == 1);
    static_assert(sizeof(cmabi::result<std::uint32_t, std::uint64_t>) == 16);
    using result = cmabi::result<std::uint32_t, cmabi::string>;

    const echo::Echo echo;
    const auto same = echo.func<cmabi::list<result>(cmabi::list<result>)>("results");
    const std::array<result, 2> sent{result(7U), result(cmabi::unexpected<cmabi::string>("no"))};
    cmabi::arena arena;
    const auto got = same(arena, sent);
    REQUIRE(got.size() == 2);
    CHECK(*got[0] == 7);
    CHECK(got[1].error() == "no");
}
