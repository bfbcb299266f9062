#include "memory.hpp"

// The size of a bool in C++ is the implementation's choice; in values it is one byte.
static_assert(sizeof(bool) == 1, "bool is one byte");

TEST_CASE("bools survive lowering and lifting") {
    const Type type = scalar<bool>();
    for (const bool memory64 : memory_widths) {
        Memory memory(CMABI_STRING_ENCODING_UTF8, memory64);
        CHECK(memory.lower(type, true) == Words{1});
        CHECK(memory.lower(type, false) == Words{0});
        for (const bool value : {false, true}) {
            CHECK(memory.flat_trip(type, value) == value);
            CHECK(memory.heap_trip(type, value) == value);
        }
    }
}

TEST_CASE("every core value but 0 is true, and arrives as 1") {
    const Type type = scalar<bool>();
    Memory memory;
    CHECK(memory.lift<std::uint8_t>(type, {0}) == 0);
    for (const std::uint64_t word : {1U, 2U, 256U, 0x80000000U, 0xffffffffU}) {
        CHECK(memory.lift<std::uint8_t>(type, {word}) == 1);
    }
    // An i32 is the low half of its word.
    CHECK(memory.lift<std::uint8_t>(type, {0x100000000}) == 0);
}

TEST_CASE("every byte but 0 is true, and arrives as 1") {
    const Type type = scalar<bool>();
    Memory memory;
    for (const unsigned byte : {0U, 1U, 2U, 127U, 128U, 255U}) {
        memory.poke(64, std::uint8_t(byte));
        CHECK(memory.load<std::uint8_t>(type, 64) == (byte != 0 ? 1 : 0));
    }
}

TEST_CASE("a bool of the host that is neither 0 nor 1 reaches the guest as 1") {
    const Type type = scalar<bool>();
    Memory memory;
    CHECK(memory.lower(type, std::uint8_t(2)) == Words{1});
    CHECK(memory.peek<std::uint8_t>(memory.store(type, std::uint8_t(255))) == 1);
}

TEST_CASE("lists of bools are normalized element by element") {
    const Type type = list_of(scalar<bool>());
    Memory memory;
    for (unsigned i = 0; i < 100; ++i) {
        memory.poke(64 + i, std::uint8_t(i % 5));
    }
    const auto lifted = elements(memory.lift<List<std::uint8_t>>(type, {64, 100}));
    REQUIRE(lifted.size() == 100);
    for (unsigned i = 0; i < 100; ++i) {
        CHECK(lifted[i] == (i % 5 != 0 ? 1 : 0));
    }

    const std::vector<std::uint8_t> host{0, 1, 2, 255};
    const Words flat = memory.lower(type, list(host));
    CHECK(memory.peek<std::uint32_t>(flat[0]) == 0x01010100);
}
