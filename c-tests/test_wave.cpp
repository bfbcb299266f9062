// Values as text, and the arenas that they lie in.
#include "types.hpp"

#include <cstring>
#include <string>

namespace {

using Arena = Handle<cmabi_arena, cmabi_arena_free>;

Arena arena(std::uint64_t max_bytes = 0) {
    Arena arena;
    REQUIRE_OK(cmabi_arena_new, max_bytes, arena.out());
    return arena;
}

Type enumeration(std::initializer_list<cmabi_string> labels) {
    Type type;
    REQUIRE_OK(cmabi_type_new_enum, labels.begin(), labels.size(), type.out());
    return type;
}

Type flags(std::initializer_list<cmabi_string> labels) {
    Type type;
    REQUIRE_OK(cmabi_type_new_flags, labels.begin(), labels.size(), type.out());
    return type;
}

// What becomes of `written` when it is read and written again.
std::string again(const cmabi_type *type, std::string_view written) {
    CAPTURE(written);
    const Arena place = arena();
    void *value = nullptr;
    REQUIRE_OK(cmabi_arena_alloc, place, cmabi_type_size(type, CMABI_ADDR_TYPE_HOST),
               cmabi_type_align(type, CMABI_ADDR_TYPE_HOST), &value);
    REQUIRE_OK(cmabi_wave_parse, type, view(written), value, place);
    cmabi_string result;
    REQUIRE_OK(cmabi_wave_print, type, value, &result, place);
    return text(result);
}

void round_trip(const cmabi_type *type, std::string_view written) {
    CHECK(again(type, written) == written);
}

void refused(const cmabi_type *type, std::string_view written, const std::string &reason) {
    CAPTURE(written);
    const Arena place = arena();
    char value[64];
    std::memset(value, 0x55, sizeof value);
    CHECK_FAILS(CMABI_STATUS_INVALID, reason, cmabi_wave_parse, type, view(written),
                static_cast<void *>(value), place);
    // Nothing is written on failure.
    for (const char byte : value) {
        CHECK(byte == 0x55);
    }
}

} // namespace

TEST_CASE("text is read into C's structs") {
    const Type list = list_of(u16());
    const Type option = option_of(u32());
    const Type person = record({field("name", string()), field("marks", list), field("age", option)});
    struct {
        cmabi_string name;
        struct {
            std::uint16_t *ptr;
            std::size_t len;
        } marks;
        struct {
            std::uint8_t is_some;
            std::uint32_t val;
        } age;
    } value;
    static_assert(sizeof value == 40);
    const Arena place = arena();
    CHECK_OK(cmabi_wave_parse, person,
             CMABI_STR("{name: \"Ada\", marks: [1, 22, 333], age: some(36)}"), &value, place);
    CHECK(text(value.name) == "Ada");
    REQUIRE(value.marks.len == 3);
    CHECK(value.marks.ptr[2] == 333);
    CHECK(value.age.is_some == 1);
    CHECK(value.age.val == 36);
    CHECK(cmabi_arena_used_bytes(place) >= 3 + 6);

    value.age.is_some = 0;
    value.marks.len = 1;
    cmabi_string printed;
    CHECK_OK(cmabi_wave_print, person, &value, &printed, place);
    CHECK(text(printed) == "{name: \"Ada\", marks: [1]}");
}

TEST_CASE("values of every kind go there and back") {
    round_trip(boolean(), "true");
    round_trip(s8(), "-128");
    round_trip(u8(), "255");
    round_trip(s16(), "-32768");
    round_trip(u16(), "65535");
    round_trip(s32(), "-2147483648");
    round_trip(u32(), "4294967295");
    round_trip(s64(), "-9223372036854775808");
    round_trip(u64(), "18446744073709551615");
    round_trip(f32(), "0.1");
    round_trip(f64(), "1.7976931348623157");
    round_trip(f64(), "nan");
    round_trip(f32(), "-inf");
    round_trip(character(), "'\U0001F980'");
    round_trip(string(), R"("a \"b\" \\ \n \u{7}")");
    round_trip(list_of(list_of(u8())), "[[], [1], [2, 3]]");
    round_trip(fixed_list_of(u64(), 2), "[1, 2]");
    round_trip(map_of(string(), u8()), R"([("a", 1), ("a", 2)])");
    round_trip(tuple({u8(), u64(), u8()}), "(1, 2, 3)");
    round_trip(variant({field("none", nullptr), field("some", u64())}), "%some(1)");
    round_trip(enumeration({CMABI_STR("red"), CMABI_STR("green")}), "green");
    round_trip(option_of(option_of(u8())), "some(none)");
    round_trip(result_of(nullptr, string()), R"(err("no"))");
    round_trip(result_of(u8(), nullptr), "err");
    round_trip(flags({CMABI_STR("a"), CMABI_STR("b"), CMABI_STR("c")}), "{a, c}");
}

TEST_CASE("there is more than one way to write some values") {
    CHECK(again(option_of(u8()), "7") == "some(7)");
    CHECK(again(result_of(u8(), nullptr), "7") == "ok(7)");
    CHECK(again(tuple({u8(), u8()}), " ( 1 , // one\n 2 , ) ") == "(1, 2)");
    CHECK(again(record({field("a", u8()), field("b", option_of(u8()))}), "{b: none, a: 1}") ==
          "{a: 1}");
}

TEST_CASE("text that is no value of the type is refused, with the place") {
    refused(u8(), "256", "expected u8, found `256` at byte 0");
    refused(boolean(), "  1", "at byte 2");
    refused(list_of(u8()), "[1, 2", "at byte 5");
    refused(list_of(u8()), "[1, x]", "expected u8, found `x` at byte 4");
    refused(record({field("a", u8())}), "{b: 1}", "no field \"b\"");
    refused(record({field("a", u8())}), "{a: 1, a: 2}", "at byte 0");
    refused(enumeration({CMABI_STR("red"), CMABI_STR("green")}), "blue", "no case \"blue\"");
    refused(flags({CMABI_STR("a")}), "{b}", "no flag \"b\"");
    refused(fixed_list_of(u8(), 3), "[1, 2]", "expected 3 elements, found 2");
    refused(string(), "\"\\u{d800}\"", "at byte");
    refused(u8(), std::string(100000, '['), "nesting too deep");
    refused(u8(), "", "unexpected end");
    refused(u8(), "1 1", "trailing");
}

TEST_CASE("bytes that are no value are refused") {
    const Arena place = arena();
    cmabi_string printed = CMABI_STR("untouched");
    const std::uint32_t surrogate = 0xd800;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "0xd800 is not a char", cmabi_wave_print, character(),
                &surrogate, &printed, place);
    const cmabi_string bad = CMABI_STR("\xff");
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "not UTF-8", cmabi_wave_print, string(), &bad, &printed,
                place);
    const cmabi_string null = {nullptr, 3};
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "is NULL", cmabi_wave_print, string(), &null, &printed,
                place);
    const cmabi_string endless = {"", ~std::size_t(0)};
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "bytes", cmabi_wave_print, string(), &endless, &printed,
                place);
    const std::uint8_t tag = 2;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "2 is not the tag", cmabi_wave_print,
                enumeration({CMABI_STR("red"), CMABI_STR("green")}), &tag, &printed, place);
    CHECK(text(printed) == "untouched");
}

TEST_CASE("wrong arguments are named") {
    const Arena place = arena();
    std::uint64_t value = 0;
    cmabi_string printed;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`type` is NULL", cmabi_wave_parse, nullptr,
                CMABI_STR("1"), &value, place);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`value` is NULL", cmabi_wave_parse, u64(),
                CMABI_STR("1"), nullptr, place);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`value` is not aligned to 8", cmabi_wave_parse, u64(),
                CMABI_STR("1"), reinterpret_cast<char *>(&value) + 4, place);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`arena` is NULL", cmabi_wave_parse, u64(),
                CMABI_STR("1"), &value, nullptr);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`text` is not UTF-8 (at byte 1)", cmabi_wave_parse,
                u64(), CMABI_STR("1\xff"), &value, place);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`text` is NULL", cmabi_wave_print, u64(), &value, nullptr,
                place);
    const Type stream = [] {
        Type type;
        REQUIRE_OK(cmabi_type_new_stream, nullptr, type.out());
        return type;
    }();
    CHECK_FAILS(CMABI_STATUS_UNSUPPORTED, "stream", cmabi_wave_parse, stream, CMABI_STR("1"), &value,
                place);
    CHECK_FAILS(CMABI_STATUS_UNSUPPORTED, "stream", cmabi_wave_print, stream, &value, &printed, place);
}

TEST_CASE("an arena hands out aligned memory up to its limit") {
    const Arena place = arena(100);
    void *bytes = nullptr;
    CHECK_OK(cmabi_arena_alloc, place, 3, 1, &bytes);
    CHECK_OK(cmabi_arena_alloc, place, 8, 16, &bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(bytes) % 16 == 0);
    CHECK_OK(cmabi_arena_alloc, place, 0, 1, &bytes);
    CHECK(bytes != nullptr);
    CHECK_FAILS(CMABI_STATUS_LIMIT, "100 bytes", cmabi_arena_alloc, place, 101, 1, &bytes);
    CHECK(bytes == nullptr);
    CHECK_FAILS(CMABI_STATUS_LIMIT, "", cmabi_arena_alloc, place, ~std::size_t(0), 1, &bytes);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`align` is 3", cmabi_arena_alloc, place, 1, 3, &bytes);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`align` is 0", cmabi_arena_alloc, place, 1, 0, &bytes);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`align` is 32", cmabi_arena_alloc, place, 1, 32, &bytes);
    CHECK(cmabi_arena_used_bytes(place) > 0);
    CHECK_OK(cmabi_arena_reset, place);
    CHECK(cmabi_arena_used_bytes(place) == 0);
    CHECK_OK(cmabi_arena_alloc, place, 100, 1, &bytes);
}
