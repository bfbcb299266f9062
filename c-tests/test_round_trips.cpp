// Values of composite types, lowered and lifted again, in 32- and 64-bit memories.
#include "memory.hpp"

TEST_CASE("a tuple of numbers is passed as its numbers") {
    struct Pair {
        std::uint16_t f0, f1;
    };
    const Type type = tuple({scalar<std::uint16_t>(), scalar<std::uint16_t>()});
    Memory memory;
    CHECK(memory.lower(type, Pair{3, 4}) == Words{3, 4});
    const Pair lifted = memory.flat_trip(type, Pair{3, 4});
    CHECK(lifted.f0 == 3);
    CHECK(lifted.f1 == 4);
}

TEST_CASE("lists of lists of strings survive") {
    const Type type = list_of(list_of(scalar<cmabi_string>()));
    const std::vector<cmabi_string> first{CMABI_STR("one"), CMABI_STR("two")};
    const std::vector<cmabi_string> second{CMABI_STR("three")};
    const std::vector<List<cmabi_string>> host{list(first), list(second)};
    for (const bool memory64 : memory_widths) {
        Memory memory(CMABI_STRING_ENCODING_UTF16, memory64);
        const auto lifted = elements(memory.flat_trip(type, list(host)));
        REQUIRE(lifted.size() == 2);
        REQUIRE(lifted[0].len == 2);
        REQUIRE(lifted[1].len == 1);
        CHECK(text(lifted[0].ptr[0]) == "one");
        CHECK(text(lifted[0].ptr[1]) == "two");
        CHECK(text(lifted[1].ptr[0]) == "three");
    }
}

TEST_CASE("lists of options of tuples survive") {
    struct Entry {
        std::uint8_t is_some;
        struct {
            cmabi_string f0;
            std::uint16_t f1;
        } val;
    };
    const Type type =
        list_of(option_of(tuple({scalar<cmabi_string>(), scalar<std::uint16_t>()})));
    const std::vector<Entry> host{{1, {CMABI_STR("answer"), 42}}, {0, {{nullptr, 0}, 0}}};
    for (const bool memory64 : memory_widths) {
        Memory memory(CMABI_STRING_ENCODING_LATIN1_UTF16, memory64);
        const auto lifted = elements(memory.flat_trip(type, list(host)));
        REQUIRE(lifted.size() == 2);
        CHECK(lifted[0].is_some == 1);
        CHECK(text(lifted[0].val.f0) == "answer");
        CHECK(lifted[0].val.f1 == 42);
        CHECK(lifted[1].is_some == 0);
    }
}

// More core values than are ever passed flat: it goes through memory as a parameter and as a result.
struct Large {
    std::uint8_t tag;
    union {
        struct {
            std::uint32_t numbers[16];
            cmabi_string text;
        } large;
    } val;
};

static Type large_type() {
    const cmabi_type *number = u32();
    const Type large = tuple({number, number, number, number, number, number, number, number, number,
                              number, number, number, number, number, number, number, string()});
    return variant({field("large", large)});
}

static Large large_value() {
    Large value{};
    for (std::uint32_t i = 0; i < 16; ++i) {
        value.val.large.numbers[i] = i + 1;
    }
    value.val.large.text = CMABI_STR("wat");
    return value;
}

static void check_large(const Large &value) {
    CHECK(value.tag == 0);
    for (std::uint32_t i = 0; i < 16; ++i) {
        CHECK(value.val.large.numbers[i] == i + 1);
    }
    CHECK(text(value.val.large.text) == "wat");
}

TEST_CASE("a value of many core values survives in memory") {
    const Type type = large_type();
    for (const bool memory64 : memory_widths) {
        Memory memory(CMABI_STRING_ENCODING_UTF8, memory64);
        CHECK(memory.flat_count(type) == 19);
        check_large(memory.heap_trip(type, large_value()));
    }
}

TEST_CASE("as a parameter, it is spilled to memory of the callee's") {
    const Type type = large_type();
    const FuncType signature = func({field("large", type)}, type);
    const Large value = large_value();

    for (const bool memory64 : memory_widths) {
        Memory memory(CMABI_STRING_ENCODING_UTF8, memory64);
        Words flat(1);
        CHECK_OK(cmabi_value_lower_flat_params, signature, &value, memory.options(), 16, flat.data(), 1);
        check_large(memory.load<Large>(type, flat[0]));
        Large lifted{};
        CHECK_OK(cmabi_value_lift_flat_params, signature, memory.options(), 16, flat.data(), 1, &lifted,
                 memory.arena());
        check_large(lifted);
    }
}

TEST_CASE("as a result, it goes where the caller says or to new memory") {
    const Type type = large_type();
    const FuncType signature = func({}, type);
    const Large value = large_value();

    Memory memory;
    const std::uint64_t place = memory.alloc(256);
    CHECK_OK(cmabi_value_lower_flat_results, signature, &value, memory.options(), 1, &place, nullptr, 0);
    check_large(memory.load<Large>(type, place));

    Words flat(1);
    CHECK_OK(cmabi_value_lower_flat_results, signature, &value, memory.options(), 1, nullptr, flat.data(),
             1);
    CHECK(flat[0] != place);
    Large lifted{};
    CHECK_OK(cmabi_value_lift_flat_results, signature, memory.options(), 1, flat.data(), 1, &lifted,
             memory.arena());
    check_large(lifted);
}

TEST_CASE("types that hold handles have no values outside a store") {
    Type type;
    REQUIRE_OK(cmabi_type_new_stream, nullptr, type.out());
    Memory memory;
    std::uint32_t handle = 1;
    CHECK_FAILS(CMABI_STATUS_UNSUPPORTED, "handles", cmabi_value_store, type, &handle,
                memory.options(), 64);
}
