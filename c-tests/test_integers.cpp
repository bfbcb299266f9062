#include "memory.hpp"

#include <limits>

// Lowers and lifts a value, flat and through memory.
template <class T>
static void check_trip(T value) {
    const Type type = scalar<T>();
    for (const bool memory64 : memory_widths) {
        Memory memory(CMABI_STRING_ENCODING_UTF8, memory64);
        CHECK(memory.flat_trip(type, value) == value);
        CHECK(memory.heap_trip(type, value) == value);
        const std::vector<T> three{value, 0, value};
        CHECK(elements(memory.flat_trip(list_of(type), list(three))) == three);
    }
}

template <class T>
static void check_bounds() {
    check_trip<T>(std::numeric_limits<T>::min());
    check_trip<T>(std::numeric_limits<T>::max());
    check_trip<T>(0);
    check_trip<T>(42);
}

// What a core value means as a `T`.
template <class T>
static void check_lift(std::uint64_t word, T expected) {
    Memory memory;
    CHECK(memory.lift<T>(scalar<T>(), {word}) == expected);
}

// What core value a `T` becomes: signed numbers are extended to the width of the core type.
template <class T>
static void check_lower(T value, std::uint64_t expected) {
    Memory memory;
    CHECK(memory.lower(scalar<T>(), value) == Words{expected});
}

TEST_CASE("signed integers survive lowering and lifting") {
    check_bounds<std::int8_t>();
    check_bounds<std::int16_t>();
    check_bounds<std::int32_t>();
    check_bounds<std::int64_t>();
    check_trip<std::int8_t>(-42);
    check_trip<std::int16_t>(-42);
    check_trip<std::int32_t>(-42);
    check_trip<std::int64_t>(-42);
}

TEST_CASE("unsigned integers survive lowering and lifting") {
    check_bounds<std::uint8_t>();
    check_bounds<std::uint16_t>();
    check_bounds<std::uint32_t>();
    check_bounds<std::uint64_t>();
}

TEST_CASE("lifting 8-bit integers takes the low 8 bits") {
    check_lift<std::uint8_t>(127, 127);
    check_lift<std::uint8_t>(128, 128);
    check_lift<std::uint8_t>(255, 255);
    check_lift<std::uint8_t>(256, 0);
    check_lift<std::uint8_t>(0xffffffff, 255);
    check_lift<std::uint8_t>(0xffffff80, 128);
    check_lift<std::uint8_t>(0xffffff7f, 127);

    check_lift<std::int8_t>(127, 127);
    check_lift<std::int8_t>(128, -128);
    check_lift<std::int8_t>(255, -1);
    check_lift<std::int8_t>(256, 0);
    check_lift<std::int8_t>(0xffffffff, -1);
    check_lift<std::int8_t>(0xffffff80, -128);
    check_lift<std::int8_t>(0xffffff7f, 127);
}

TEST_CASE("lifting 16-bit integers takes the low 16 bits") {
    check_lift<std::uint16_t>(32767, 32767);
    check_lift<std::uint16_t>(32768, 32768);
    check_lift<std::uint16_t>(65535, 65535);
    check_lift<std::uint16_t>(65536, 0);
    check_lift<std::uint16_t>(0xffffffff, 65535);
    check_lift<std::uint16_t>(0xffff8000, 32768);
    check_lift<std::uint16_t>(0xffff7fff, 32767);

    check_lift<std::int16_t>(32767, 32767);
    check_lift<std::int16_t>(32768, -32768);
    check_lift<std::int16_t>(65535, -1);
    check_lift<std::int16_t>(65536, 0);
    check_lift<std::int16_t>(0xffffffff, -1);
    check_lift<std::int16_t>(0xffff8000, -32768);
    check_lift<std::int16_t>(0xffff7fff, 32767);
}

TEST_CASE("lifting 32-bit integers takes the low half of the word") {
    check_lift<std::uint32_t>(0x7fffffff, 0x7fffffff);
    check_lift<std::uint32_t>(0x80000000, 0x80000000);
    check_lift<std::uint32_t>(0xffffffff, 0xffffffff);
    check_lift<std::uint32_t>(0xabcdef0100000002, 2);

    check_lift<std::int32_t>(0x7fffffff, std::numeric_limits<std::int32_t>::max());
    check_lift<std::int32_t>(0x80000000, std::numeric_limits<std::int32_t>::min());
    check_lift<std::int32_t>(0xffffffff, -1);
}

TEST_CASE("lifting 64-bit integers takes the whole word") {
    check_lift<std::uint64_t>(0x7fffffffffffffff, 0x7fffffffffffffff);
    check_lift<std::uint64_t>(0x8000000000000000, 0x8000000000000000);
    check_lift<std::uint64_t>(0xffffffffffffffff, 0xffffffffffffffff);

    check_lift<std::int64_t>(0x7fffffffffffffff, std::numeric_limits<std::int64_t>::max());
    check_lift<std::int64_t>(0x8000000000000000, std::numeric_limits<std::int64_t>::min());
    check_lift<std::int64_t>(0xffffffffffffffff, -1);
}

TEST_CASE("lowering extends signed integers to the core type and no further") {
    check_lower<std::int8_t>(-1, 0xffffffff);
    check_lower<std::int8_t>(-128, 0xffffff80);
    check_lower<std::int16_t>(-1, 0xffffffff);
    check_lower<std::int16_t>(-32768, 0xffff8000);
    check_lower<std::int32_t>(-1, 0xffffffff);
    check_lower<std::int64_t>(-1, 0xffffffffffffffff);

    check_lower<std::uint8_t>(255, 255);
    check_lower<std::uint16_t>(65535, 65535);
    check_lower<std::uint32_t>(0xffffffff, 0xffffffff);
    check_lower<std::uint64_t>(0xffffffffffffffff, 0xffffffffffffffff);
}

TEST_CASE("integers in memory are little-endian and exactly as wide as their type") {
    Memory memory;
    for (std::uint64_t ptr = 64; ptr < 96; ptr += 8) {
        memory.poke(ptr, std::uint64_t(0x8877665544332211));
    }
    CHECK(memory.load<std::uint8_t>(scalar<std::uint8_t>(), 64) == 0x11);
    CHECK(memory.load<std::uint16_t>(scalar<std::uint16_t>(), 66) == 0x4433);
    CHECK(memory.load<std::uint32_t>(scalar<std::uint32_t>(), 68) == 0x88776655);
    CHECK(memory.load<std::uint64_t>(scalar<std::uint64_t>(), 72) == 0x8877665544332211);
    CHECK(memory.load<std::int8_t>(scalar<std::int8_t>(), 71) == -0x78);

    const std::int16_t minus_two = -2;
    CHECK_OK(cmabi_value_store, scalar<std::int16_t>(), &minus_two, memory.options(), 82);
    CHECK(memory.peek<std::uint64_t>(80) == 0x88776655fffe2211);
}

TEST_CASE("integers that are not aligned, or not in the memory, trap") {
    Memory memory(CMABI_STRING_ENCODING_UTF8, false, 1024);
    std::uint64_t value = 0;
        CHECK_FAILS(CMABI_STATUS_TRAP, "unaligned pointer: 0x42 is not a multiple of 4",
                cmabi_value_load, u32(), memory.options(), 0x42, &value, memory.arena());
    CHECK_FAILS(CMABI_STATUS_TRAP, "unaligned pointer: 0x44 is not a multiple of 8",
                cmabi_value_store, u64(), &value, memory.options(), 0x44);
    CHECK(memory.load<std::uint32_t>(u32(), 1020) == 0);
    CHECK_FAILS(CMABI_STATUS_TRAP, "out of bounds", cmabi_value_load, u32(), memory.options(), 1024,
                &value, memory.arena());
    CHECK_FAILS(CMABI_STATUS_TRAP, "out of bounds", cmabi_value_store, u64(), &value,
                memory.options(), 0xfffffffffffffff8);
}
