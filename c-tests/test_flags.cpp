#include "echo.hpp"

using echo::small;

TEST_CASE("flags as an enum of bits") {
    const echo::Echo echo;
    for (unsigned bits = 0; bits < 8; ++bits) {
        CHECK(echo("one-small", small(bits)) == small(bits));
        CHECK(echo.one("smalls", small(bits)) == small(bits));
    }
}

TEST_CASE("flags as a bitset") {
    const echo::Echo echo;
    CHECK(echo("one-small", std::bitset<3>(5)) == std::bitset<3>(5));
    CHECK(echo.func<std::bitset<3>(small)>("one-small")(small::bb) == std::bitset<3>("010"));
}

TEST_CASE("nine flags take two bytes") {
    const echo::Echo echo;
    std::bitset<9> bits;
    CHECK(echo.one("mediums", bits) == bits);
    bits.set(8);
    CHECK(echo.one("mediums", bits) == bits);
    bits.set();
    CHECK(echo.one("mediums", bits) == bits);
    const std::vector<std::bitset<9>> many{1, 2, 4, 256, 511, 0};
    CHECK(echo("mediums", many) == many);
}

TEST_CASE("thirty-two flags take four bytes") {
    const echo::Echo echo;
    for (const std::uint32_t bits : {0U, 1U, 0x8000U, 0x80008001U, 0xffffffffU}) {
        CHECK(echo("one-large", std::bitset<32>(bits)) == std::bitset<32>(bits));
        CHECK(echo.one("larges", std::bitset<32>(bits)) == std::bitset<32>(bits));
    }
}

TEST_CASE("bits beyond the labels are dropped") {
    const echo::Echo echo;
    CHECK(echo("one-small", small(0xff)) == small::all);
    CHECK(echo.one("smalls", small(0xf8)) == small::none);
}
