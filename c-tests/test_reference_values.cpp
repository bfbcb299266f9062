// The reference's value tables (run_tests.py): core values without memory, with 4- and with 8-byte
// pointers.
#include "reference.hpp"

#include <cmath>

using namespace reference;

namespace {

void test(const Type &type, const std::vector<std::uint64_t> &flat, const std::string &expected) {
    for (const bool memory64 : {false, true}) {
        reference::test(type, flat, expected, Heap(0, memory64));
    }
}

void test_pairs(const Type &type,
                const std::vector<std::pair<std::uint64_t, std::string>> &pairs) {
    for (const auto &pair : pairs) {
        CAPTURE(pair.first);
        test(type, {pair.first}, pair.second);
    }
}

std::string labels(std::size_t count) {
    std::string labels;
    for (std::size_t i = 0; i < count; i++) {
        labels += (i == 0 ? "f" : ", f") + std::to_string(i);
    }
    return labels;
}

constexpr std::uint64_t two32 = std::uint64_t{1} << 32;

} // namespace

TEST_CASE("test: records and tuples") {
    test(Type("r", "record r { x: u8, y: u16, z: u32 }"), {1, 2, 3}, "{x: 1, y: 2, z: 3}");
    test(Type("tuple<tuple<u8, u8>, u8>"), {1, 2, 3}, "((1, 2), 3)");
}

TEST_CASE("test: lists of fixed length") {
    test(Type("list<u8, 3>"), {1, 2, 3}, "[1, 2, 3]");
    test(Type("list<list<u8, 2>, 3>"), {1, 2, 3, 4, 5, 6}, "[[1, 2], [3, 4], [5, 6]]");
}

TEST_CASE("test: flags") {
    const Type two("f", "flags f { a, b }");
    test(two, {0}, "{}");
    test(two, {2}, "{b}");
    test(two, {3}, "{a, b}");
    test(two, {4}, "{}");
    const Type most("f", "flags f { " + labels(32) + " }");
    test(most, {0xffffffff}, "{" + labels(32) + "}");
}

TEST_CASE("test: variants, options and results") {
    const Type three("v", "variant v { x(u8), y(f32), z }");
    test(three, {0, 42}, "x(42)");
    test(three, {0, 256}, "x(0)");
    test(three, {1, 0x4048f5c3}, "y(3.14)");
    test(three, {2, 0xffffffff}, "z");
    test(three, {3, 0}, "trap");

    const Type option("option<f32>");
    test(option, {0, 0x4048f5c3}, "none");
    test(option, {1, 0x4048f5c3}, "some(3.14)");

    const Type result("result<u8, u32>");
    test(result, {0, 42}, "ok(42)");
    test(result, {1, 1000}, "err(1000)");

    const Type two("v", "variant v { w(u8), y(u8) }");
    test(two, {0, 42}, "w(42)");
    test(two, {1, 42}, "y(42)");
}

TEST_CASE("test: a variant is lowered as a type of fewer cases") {
    const Type two("v", "variant v { w(u8), y(u8) }");
    const Type one("v", "variant v { w(u8) }");
    Heap heap(0);
    const std::uint64_t flat[] = {0, 42};
    Value value(two);
    REQUIRE_OK(cmabi_value_lift_flat, two, heap.options(), flat, std::size_t{2}, value.data(),
               value.arena());
    std::uint64_t lowered[2];
    REQUIRE_OK(cmabi_value_lower_flat, one, value.data(), heap.options(), lowered, std::size_t{2});
    CHECK(lift(one, {lowered[0], lowered[1]}, heap) == "w(42)");
}

TEST_CASE("test_pairs: bool") {
    test_pairs(Type("bool"), {{0, "false"}, {1, "true"}, {2, "true"}, {4294967295, "true"}});
}

TEST_CASE("test_pairs: integers of 8 bits") {
    test_pairs(Type("u8"), {{127, "127"},
                            {128, "128"},
                            {255, "255"},
                            {256, "0"},
                            {4294967295, "255"},
                            {4294967168, "128"},
                            {4294967167, "127"}});
    test_pairs(Type("s8"), {{127, "127"},
                            {128, "-128"},
                            {255, "-1"},
                            {256, "0"},
                            {4294967295, "-1"},
                            {4294967168, "-128"},
                            {4294967167, "127"}});
}

TEST_CASE("test_pairs: integers of 16 bits") {
    test_pairs(Type("u16"), {{32767, "32767"},
                             {32768, "32768"},
                             {65535, "65535"},
                             {65536, "0"},
                             {two32 - 1, "65535"},
                             {two32 - 32768, "32768"},
                             {two32 - 32769, "32767"}});
    test_pairs(Type("s16"), {{32767, "32767"},
                             {32768, "-32768"},
                             {65535, "-1"},
                             {65536, "0"},
                             {two32 - 1, "-1"},
                             {two32 - 32768, "-32768"},
                             {two32 - 32769, "32767"}});
}

TEST_CASE("test_pairs: integers of 32 bits") {
    test_pairs(Type("u32"),
               {{0x7fffffff, "2147483647"}, {0x80000000, "2147483648"}, {two32 - 1, "4294967295"}});
    test_pairs(Type("s32"),
               {{0x7fffffff, "2147483647"}, {0x80000000, "-2147483648"}, {two32 - 1, "-1"}});
}

TEST_CASE("test_pairs: integers of 64 bits") {
    const std::uint64_t top = std::uint64_t{1} << 63;
    test_pairs(Type("u64"), {{top - 1, "9223372036854775807"},
                             {top, "9223372036854775808"},
                             {~std::uint64_t{0}, "18446744073709551615"}});
    test_pairs(Type("s64"), {{top - 1, "9223372036854775807"},
                             {top, "-9223372036854775808"},
                             {~std::uint64_t{0}, "-1"}});
}

TEST_CASE("test_pairs: floats") {
    test_pairs(Type("f32"), {{0x4048f5c3, "3.14"}});
    test_pairs(Type("f64"), {{0x40091eb851eb851f, "3.14"}});
}

TEST_CASE("test_pairs: char") {
    test_pairs(Type("char"), {{65, "'A'"}, {0xd800, "trap"}, {0xdfff, "trap"}});
    test_pairs(Type("char"), {{0x110000, "trap"}, {0xffffffff, "trap"}});
    Heap heap(0);
    const Type type("char");
    for (const std::uint64_t value : {0x0, 0xd7ff, 0xe000, 0x10ffff}) {
        std::uint32_t lifted = 1;
        CHECK_OK(cmabi_value_lift_flat, type, heap.options(), &value, std::size_t{1}, &lifted,
                 Value(type).arena());
        CHECK(lifted == value);
        std::uint64_t lowered = 1;
        CHECK_OK(cmabi_value_lower_flat, type, &lifted, heap.options(), &lowered, std::size_t{1});
        CHECK(lowered == value);
    }
}

TEST_CASE("test_pairs: enum") {
    test_pairs(Type("e", "enum e { a, b }"), {{0, "a"}, {1, "b"}, {2, "trap"}});
}

namespace {

// What a float is after it was lifted from core values and loaded from memory.
template <class Float, class Bits>
void test_nan(const Type &type, Bits in) {
    CAPTURE(in);
    const std::uint64_t flat = in;
    Heap heap(8);
    std::memcpy(heap.memory(), &in, sizeof in);
    Float lifted, loaded;
    std::memcpy(&loaded, &in, sizeof in);
    const bool is_nan = std::isnan(loaded);
    Value value(type);
    CHECK_OK(cmabi_value_lift_flat, type, heap.options(), &flat, std::size_t{1}, &lifted,
             value.arena());
    CHECK_OK(cmabi_value_load, type, heap.options(), std::uint64_t{0}, &loaded, value.arena());
    for (const Float &out : {lifted, loaded}) {
        Bits bits;
        std::memcpy(&bits, &out, sizeof out);
        CHECK(std::isnan(out) == is_nan);
        CHECK((is_nan || bits == in));
    }
}

} // namespace

TEST_CASE("test_nan32") {
    const Type f32("f32");
    for (const std::uint32_t bits : {0x7fc00000u, 0x7fc00001u, 0x7fe00000u, 0x7fffffffu,
                                     0xffffffffu, 0x7f800000u, 0x3fc00000u}) {
        test_nan<float>(f32, bits);
    }
}

TEST_CASE("test_nan64") {
    const Type f64("f64");
    for (const std::uint64_t bits :
         {0x7ff8000000000000u, 0x7ff8000000000001u, 0x7ffc000000000000u, 0x7fffffffffffffffu,
          0xffffffffffffffffu, 0x7ff0000000000000u, 0x3ff0000000000000u}) {
        test_nan<double>(f64, bits);
    }
}
