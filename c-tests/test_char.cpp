#include "memory.hpp"

static const char32_t scalar_values[] = {0,      U'A',    0x7f,    0x80,    0x7ff,    0x800,
                                         0xd7ff, 0xe000,  0xfffd,  0xffff,  0x10000,  0x1f30d,
                                         0x10fffe, 0x10ffff};
static const std::uint32_t no_scalar_values[] = {0xd800,   0xdbff,     0xdc00,     0xdfff,
                                                 0x110000, 0x80000000, 0xffffffff};

TEST_CASE("chars survive lowering and lifting") {
    const Type type = scalar<char32_t>();
    Memory memory;
    for (const char32_t value : scalar_values) {
        CHECK(memory.lower(type, value) == Words{value});
        CHECK(memory.flat_trip(type, value) == value);
        CHECK(memory.heap_trip(type, value) == value);
    }
}

TEST_CASE("surrogates and numbers above U+10FFFF trap when they are lifted") {
    const Type type = scalar<char32_t>();
    Memory memory;
    for (const std::uint32_t number : no_scalar_values) {
        const std::uint64_t flat = number;
        char32_t value = 0;
        CHECK_FAILS(CMABI_STATUS_TRAP, "is not a unicode scalar value", cmabi_value_lift_flat, type,
                    memory.options(), &flat, 1, &value, memory.arena());
        memory.poke(64, number);
        CHECK_FAILS(CMABI_STATUS_TRAP, "is not a unicode scalar value", cmabi_value_load, type,
                    memory.options(), 64, &value, memory.arena());
    }
}

TEST_CASE("surrogates and numbers above U+10FFFF of the host do not reach the guest") {
    const Type type = scalar<char32_t>();
    Memory memory;
    for (const std::uint32_t number : no_scalar_values) {
        std::uint64_t flat = 0;
        CHECK_FAILS(CMABI_STATUS_TRAP, "is not a unicode scalar value", cmabi_value_lower_flat, type,
                    &number, memory.options(), &flat, 1);
        CHECK_FAILS(CMABI_STATUS_TRAP, "is not a unicode scalar value", cmabi_value_store, type,
                    &number, memory.options(), 64);
    }
}

TEST_CASE("a bad char in a list is named by its index") {
    const Type type = list_of(scalar<char32_t>());
    Memory memory;
    std::vector<char32_t> text(100, U'x');
    text[73] = 0xd800;
    std::memcpy(memory.bytes() + 64, text.data(), text.size() * 4);
    const Words flat{64, text.size()};
    List<char32_t> lifted{};
    CHECK_FAILS(CMABI_STATUS_TRAP, "element 73: 0xd800 is not", cmabi_value_lift_flat, type,
                memory.options(), flat.data(), flat.size(), &lifted, memory.arena());
}
