// The reference's heap tests (run_tests.py): values in memory, with 4- and with 8-byte pointers.
#include "reference.hpp"

using namespace reference;

namespace {

using Bytes = std::vector<std::uint8_t>;

// The value that `args` stand for in a memory of these bytes is `expected`, and again after it was
// copied to another memory.
void test_heap(const Type &type, const std::string &expected, std::vector<std::uint64_t> args,
               const Bytes &bytes, std::initializer_list<bool> widths = {false, true}) {
    for (const bool memory64 : widths) {
        test(type, args, expected, Heap(bytes, memory64));
    }
}

constexpr std::initializer_list<bool> only32 = {false}, only64 = {true};

std::string labels(std::size_t count) {
    std::string labels;
    for (std::size_t i = 0; i < count; i++) {
        labels += (i == 0 ? "f" : ", f") + std::to_string(i);
    }
    return labels;
}

} // namespace

TEST_CASE("test_heap: lists of bool") {
    const Type type("list<bool>");
    test_heap(type, "[true, false, true]", {0, 3}, {1, 0, 1});
    test_heap(type, "[true, false, true]", {0, 3}, {1, 0, 2});
    test_heap(type, "[true, false, true]", {3, 3}, {0xff, 0xff, 0xff, 1, 0, 1});
}

TEST_CASE("test_heap: lists of unsigned integers") {
    test_heap(Type("list<u8>"), "[1, 2, 3]", {0, 3}, {1, 2, 3});
    test_heap(Type("list<u16>"), "[1, 2, 3]", {0, 3}, {1, 0, 2, 0, 3, 0});
    test_heap(Type("list<u16>"), "trap", {1, 3}, {0, 1, 0, 2, 0, 3, 0});
    test_heap(Type("list<u32>"), "[1, 2, 3]", {0, 3}, {1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0});
    test_heap(Type("list<u64>"), "[1, 2]", {0, 2},
              {1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("test_heap: lists of signed integers") {
    test_heap(Type("list<s8>"), "[-1, -2, -3]", {0, 3}, {0xff, 0xfe, 0xfd});
    test_heap(Type("list<s16>"), "[-1, -2, -3]", {0, 3}, {0xff, 0xff, 0xfe, 0xff, 0xfd, 0xff});
    test_heap(Type("list<s32>"), "[-1, -2, -3]", {0, 3},
              {0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xfd, 0xff, 0xff, 0xff});
    test_heap(Type("list<s64>"), "[-1, -2]", {0, 2},
              {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff,
               0xff, 0xff});
}

TEST_CASE("test_heap: lists of char") {
    test_heap(Type("list<char>"), "['A', 'B', 'c']", {0, 3},
              {65, 0, 0, 0, 66, 0, 0, 0, 99, 0, 0, 0});
}

TEST_CASE("test_heap: lists of strings") {
    const Type type("list<string>");
    const std::string expected = R"(["hi", "wat"])";
    test_heap(type, expected, {0, 2},
              {16,  0,   0,   0,   2,   0,   0,   0,   21, 0, 0, 0, 3, 0, 0, 0,
               'h', 'i', 0xf, 0xf, 0xf, 'w', 'a', 't'},
              only32);
    test_heap(type, expected, {0, 2},
              {32,  0,   0,   0,   0,   0,   0,   0,   2, 0, 0, 0, 0, 0, 0, 0,
               37,  0,   0,   0,   0,   0,   0,   0,   3, 0, 0, 0, 0, 0, 0, 0,
               'h', 'i', 0xf, 0xf, 0xf, 'w', 'a', 't'},
              only64);
}

TEST_CASE("test_heap: lists of lists") {
    const Type bytes("list<list<u8>>");
    test_heap(bytes, "[[3, 4, 5], [], [6, 7]]", {0, 3},
              {24, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 27, 0, 0, 0, 2, 0, 0, 0, 3, 4, 5, 6,
               7},
              only32);
    test_heap(bytes, "[[3, 4, 5], [], [6, 7]]", {0, 3},
              {48, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
               0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 51, 0, 0, 0,
               0,  0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 4, 5,  6, 7},
              only64);
    const Type shorts("list<list<u16>>");
    test_heap(shorts, "[[5, 6]]", {0, 1}, {8, 0, 0, 0, 2, 0, 0, 0, 5, 0, 6, 0}, only32);
    test_heap(shorts, "[[5, 6]]", {0, 1},
              {16, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 5, 0, 6, 0}, only64);
    test_heap(shorts, "trap", {0, 1}, {9, 0, 0, 0, 2, 0, 0, 0, 0, 5, 0, 6, 0}, only32);
    test_heap(shorts, "trap", {0, 1},
              {17, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 6, 0}, only64);
}

TEST_CASE("test_heap: lists of lists of fixed length") {
    test_heap(Type("list<list<u8, 2>>"), "[[1, 2], [3, 4]]", {0, 2}, {1, 2, 3, 4});
    const Type words("list<list<u32, 2>>");
    test_heap(words, "[[1, 2], [3, 4]]", {0, 2}, {1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0});
    test_heap(words, "trap", {1, 2}, {0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0});
}

TEST_CASE("test_heap: lists of tuples") {
    test_heap(Type("list<tuple<u8, u8, u16, u32>>"), "[(6, 7, 8, 9), (4, 5, 6, 7)]", {0, 2},
              {6, 7, 8, 0, 9, 0, 0, 0, 4, 5, 6, 0, 7, 0, 0, 0});
    test_heap(Type("list<tuple<u8, u16, u8, u32>>"), "[(6, 7, 8, 9), (4, 5, 6, 7)]", {0, 2},
              {6, 0xff, 7, 0, 8, 0xff, 0xff, 0xff, 9, 0, 0, 0,
               4, 0xff, 5, 0, 6, 0xff, 0xff, 0xff, 7, 0, 0, 0});
    test_heap(Type("list<tuple<u16, u8>>"), "[(6, 7), (8, 9)]", {0, 2},
              {6, 0, 7, 0xff, 8, 0, 9, 0xff});
    test_heap(Type("list<tuple<tuple<u16, u8>, u8>>"), "[((4, 5), 6), ((7, 8), 9)]", {0, 2},
              {4, 0, 5, 0xff, 6, 0xff, 7, 0, 8, 0xff, 9, 0xff});
}

TEST_CASE("test_heap: lists of flags") {
    const Type two("list<f>", "flags f { a, b }");
    test_heap(two, "[{}, {b}, {a, b}]", {0, 3}, {0, 2, 3});
    test_heap(two, "[{}, {b}, {}]", {0, 3}, {0, 2, 4});
    for (const std::size_t count : {9, 17, 32}) {
        const Type type("list<f>", "flags f { " + labels(count) + " }");
        const std::string expected = "[{" + labels(count) + "}, {}]";
        if (count == 9) {
            test_heap(type, expected, {0, 2}, {0xff, 0x1, 0, 0});
            test_heap(type, expected, {0, 2}, {0xff, 0x3, 0, 0});
        } else if (count == 17) {
            test_heap(type, expected, {0, 2}, {0xff, 0xff, 0x1, 0, 0, 0, 0, 0});
            test_heap(type, expected, {0, 2}, {0xff, 0xff, 0x3, 0, 0, 0, 0, 0});
        } else {
            test_heap(type, expected, {0, 2}, {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0});
        }
    }
}

TEST_CASE("test_heap: maps") {
    test_heap(Type("map<u8, u16>"), "[(42, 83), (43, 84)]", {0, 2},
              {42, 0xff, 83, 0, 43, 0xff, 84, 0});
}
