// What lies where in a guest's memory. The expected bytes follow from the specification's layout rules.
#include "memory.hpp"

#include <limits>

// Stores a list and compares the bytes of its elements; loads it again.
template <class T>
static void check_list(const cmabi_type *element, const std::vector<T> &values,
                       const std::vector<std::uint8_t> &expected) {
    const Type type = list_of(element);
    for (const bool memory64 : memory_widths) {
        Memory memory(CMABI_STRING_ENCODING_UTF8, memory64);
        const std::uint64_t ptr = memory.store(type, list(values));
        const std::uint64_t elements_at = memory.peek_word(ptr);
        CHECK(memory.peek_word(ptr + (memory64 ? 8 : 4)) == values.size());
        CHECK(elements_at % cmabi_type_align(element, memory.addr_type()) == 0);
        const std::string bytes = memory.peek_text(elements_at, expected.size());
        CHECK(std::vector<std::uint8_t>(bytes.begin(), bytes.end()) == expected);

        const auto loaded = memory.load<List<T>>(type, ptr);
        CHECK(loaded.len == values.size());
        CHECK(std::memcmp(loaded.ptr, values.data(), values.size() * sizeof(T)) == 0);
    }
}

TEST_CASE("lists of bytes are dense") {
    check_list<std::uint8_t>(scalar<bool>(), {1, 0, 1}, {1, 0, 1});
    check_list<std::uint8_t>(scalar<std::uint8_t>(), {1, 2, 3}, {1, 2, 3});
    check_list<std::int8_t>(scalar<std::int8_t>(), {-1, -2, -3}, {0xff, 0xfe, 0xfd});
}

TEST_CASE("lists of wider numbers are little-endian") {
    check_list<std::uint16_t>(scalar<std::uint16_t>(), {1, 2, 0x1234}, {1, 0, 2, 0, 0x34, 0x12});
    check_list<std::int16_t>(scalar<std::int16_t>(), {-2, -32768}, {0xfe, 0xff, 0, 0x80});
    check_list<std::uint32_t>(scalar<std::uint32_t>(), {1, 0x12345678},
                              {1, 0, 0, 0, 0x78, 0x56, 0x34, 0x12});
    check_list<std::int32_t>(scalar<std::int32_t>(), {-1, std::numeric_limits<std::int32_t>::min()},
                             {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0x80});
    check_list<std::uint64_t>(scalar<std::uint64_t>(), {0x123456789abcdef0},
                              {0xf0, 0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12});
    check_list<std::int64_t>(scalar<std::int64_t>(), {std::numeric_limits<std::int64_t>::min()},
                             {0, 0, 0, 0, 0, 0, 0, 0x80});
    check_list<float>(scalar<float>(), {1.5F}, {0, 0, 0xc0, 0x3f});
    check_list<double>(scalar<double>(), {-2}, {0, 0, 0, 0, 0, 0, 0, 0xc0});
}

TEST_CASE("a char is its scalar value in 4 bytes") {
    check_list<char32_t>(scalar<char32_t>(), {U'A', U'c', U'\U0001f30d'},
                         {'A', 0, 0, 0, 'c', 0, 0, 0, 0x0d, 0xf3, 0x01, 0});
}

TEST_CASE("fields lie at multiples of their alignment") {
    struct Dense {
        std::uint8_t f0, f1;
        std::uint16_t f2;
        std::uint32_t f3;
    };
    const Type dense = tuple({scalar<std::uint8_t>(), scalar<std::uint8_t>(),
                                 scalar<std::uint16_t>(), scalar<std::uint32_t>()});
    check_list<Dense>(dense, {{6, 7, 8, 9}, {4, 5, 6, 7}},
                      {6, 7, 8, 0, 9, 0, 0, 0, 4, 5, 6, 0, 7, 0, 0, 0});
}

TEST_CASE("padding of the host does not reach the guest, whose padding stays as it was") {
    struct Padded {
        std::uint8_t f0;
        std::uint16_t f1;
        std::uint8_t f2;
        std::uint32_t f3;
    };
    const Type padded = tuple({scalar<std::uint8_t>(), scalar<std::uint16_t>(),
                                  scalar<std::uint8_t>(), scalar<std::uint32_t>()});
    std::vector<Padded> host(2);
    std::memset(static_cast<void *>(host.data()), 0xa5, host.size() * sizeof(Padded));
    host[0].f0 = 6, host[0].f1 = 7, host[0].f2 = 8, host[0].f3 = 9;
    host[1].f0 = 4, host[1].f1 = 5, host[1].f2 = 6, host[1].f3 = 7;

    Memory memory;
    const Words flat = memory.lower(list_of(padded), list(host));
    const std::string bytes = memory.peek_text(flat[0], 24);
    CHECK(std::vector<std::uint8_t>(bytes.begin(), bytes.end()) ==
          std::vector<std::uint8_t>{6, 0, 7, 0, 8, 0, 0, 0, 9, 0, 0, 0,
                                    4, 0, 5, 0, 6, 0, 0, 0, 7, 0, 0, 0});
}

TEST_CASE("a list of lists is a list of pointers and lengths") {
    const std::vector<std::uint8_t> first{3, 4, 5};
    const std::vector<std::uint8_t> third{6, 7};
    const std::vector<List<std::uint8_t>> host{list(first), {nullptr, 0}, list(third)};
    const Type type = list_of(list_of(scalar<std::uint8_t>()));

    for (const bool memory64 : memory_widths) {
        Memory memory(CMABI_STRING_ENCODING_UTF8, memory64);
        const std::uint64_t word = memory64 ? 8 : 4;
        const Words flat = memory.lower(type, list(host));
        REQUIRE(flat[1] == 3);
        const auto inner = [&](std::uint64_t index) {
            const std::uint64_t at = flat[0] + 2 * word * index;
            return memory.peek_text(memory.peek_word(at), memory.peek_word(at + word));
        };
        CHECK(inner(0) == "\3\4\5");
        CHECK(inner(1) == "");
        CHECK(inner(2) == "\6\7");

        const auto lifted = elements(memory.lift<List<List<std::uint8_t>>>(type, flat));
        REQUIRE(lifted.size() == 3);
        CHECK(elements(lifted[0]) == first);
        CHECK(lifted[1].len == 0);
        CHECK(elements(lifted[2]) == third);
    }
}

TEST_CASE("lists that are too long, unaligned or outside the memory trap and allocate nothing") {
    const Type type = list_of(scalar<std::uint32_t>());
    List<std::uint32_t> lifted{};
    Memory memory(CMABI_STRING_ENCODING_UTF8, false, 1024);
    const auto fails = [&](const Words &flat, const char *message) {
        CHECK_FAILS(CMABI_STATUS_TRAP, message, cmabi_value_lift_flat, type, memory.options(),
                    flat.data(), flat.size(), &lifted, memory.arena());
        CHECK(cmabi_arena_used_bytes(memory.arena()) == 0);
    };
    fails({2, 1}, "unaligned pointer: 0x2 is not a multiple of 4");
    fails({0, 257}, "out of bounds");
    fails({1024, 1}, "out of bounds");
    fails({0, 0xffffffff}, "longer than");
    CHECK(memory.lift<List<std::uint32_t>>(type, {0, 256}).len == 256);
    CHECK(memory.lift<List<std::uint32_t>>(type, {1024, 0}).len == 0);
}
