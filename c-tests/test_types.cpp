// Value types: building them, asking what they are made of, and their layout.
#include "types.hpp"

#include <cstddef>
#include <thread>

namespace {

constexpr auto HOST = CMABI_ADDR_TYPE_HOST;
constexpr auto I32 = CMABI_ADDR_TYPE_I32;
constexpr auto I64 = CMABI_ADDR_TYPE_I64;

std::string text_of(const cmabi_type *type) { return text(cmabi_type_text(type)); }

// The size and alignment with 4- and with 8-byte pointers.
struct Layout {
    std::size_t size32, align32, size64, align64;
    bool operator==(const Layout &other) const {
        return size32 == other.size32 && align32 == other.align32 && size64 == other.size64 &&
               align64 == other.align64;
    }
};

doctest::String toString(const Layout &layout) {
    return doctest::toString(layout.size32) + "/" + doctest::toString(layout.align32) + " " +
           doctest::toString(layout.size64) + "/" + doctest::toString(layout.align64);
}

Layout layout(const cmabi_type *type) {
    return {cmabi_type_size(type, I32), cmabi_type_align(type, I32), cmabi_type_size(type, I64),
            cmabi_type_align(type, I64)};
}

// The same with both widths.
Layout both(std::size_t size, std::size_t align) { return {size, align, size, align}; }

// The layout of a string, list or map.
constexpr Layout SLICE{8, 4, 16, 8};

using Flat = std::vector<cmabi_core_type>;

Flat flat(const cmabi_type *type, cmabi_addr_type addr = I32) {
    Flat types(16);
    types.resize(cmabi_type_flatten(type, addr, types.data(), types.size()));
    return types;
}

constexpr auto i32 = CMABI_CORE_TYPE_I32;
constexpr auto i64 = CMABI_CORE_TYPE_I64;
constexpr auto cf32 = CMABI_CORE_TYPE_F32;
constexpr auto cf64 = CMABI_CORE_TYPE_F64;

} // namespace

TEST_CASE("types without parts") {
    struct Row {
        cmabi_kind kind;
        const char *text;
        std::size_t size;
        cmabi_core_type flat;
    };
    const Row rows[] = {
        {CMABI_KIND_BOOL, "bool", 1, i32},  {CMABI_KIND_S8, "s8", 1, i32},
        {CMABI_KIND_U8, "u8", 1, i32},      {CMABI_KIND_S16, "s16", 2, i32},
        {CMABI_KIND_U16, "u16", 2, i32},    {CMABI_KIND_S32, "s32", 4, i32},
        {CMABI_KIND_U32, "u32", 4, i32},    {CMABI_KIND_S64, "s64", 8, i64},
        {CMABI_KIND_U64, "u64", 8, i64},    {CMABI_KIND_F32, "f32", 4, cf32},
        {CMABI_KIND_F64, "f64", 8, cf64},   {CMABI_KIND_CHAR, "char", 4, i32},
        {CMABI_KIND_ERROR_CONTEXT, "error-context", 4, i32},
    };
    for (const Row &row : rows) {
        CAPTURE(row.text);
        const Type type = primitive(row.kind);
        CHECK(cmabi_type_kind(type) == row.kind);
        CHECK(text_of(type) == row.text);
        CHECK(layout(type) == both(row.size, row.size));
        CHECK(flat(type) == Flat{row.flat});
        CHECK(cmabi_type_part_count(type) == 0);
    }
    CHECK(layout(string()) == SLICE);
    CHECK(flat(string()) == Flat{i32, i32});
    CHECK(flat(string(), I64) == Flat{i64, i64});
}

TEST_CASE("equal types have the same address") {
    const Type a = list_of(record({field("x", u32()), field("y", string())}));
    const Type b = list_of(record({field("x", u32()), field("y", string())}));
    const Type c = list_of(record({field("y", u32()), field("x", string())}));
    CHECK(a.get() == b.get());
    CHECK(a.get() != c.get());
    const Type tuple_of_both = tuple({u32(), string()});
    CHECK(tuple_of_both.get() != cmabi_type_part_at(a, 0));
}

TEST_CASE("a clone outlives the others") {
    cmabi_type *clone = nullptr;
    {
        const Type list = list_of(option_of(s8()));
        clone = cmabi_type_clone(cmabi_type_part_at(list, 0));
    }
    CHECK(text_of(clone) == "option<s8>");
    cmabi_type_free(clone);
    CHECK(cmabi_type_clone(nullptr) == nullptr);
    cmabi_type_free(nullptr);
}

TEST_CASE("threads build the same types") {
    std::vector<cmabi_type *> types(4, nullptr);
    std::vector<std::thread> threads;
    for (cmabi_type *&type : types) {
        threads.emplace_back([&type] {
            cmabi_type *element = nullptr;
            cmabi_type_new_primitive(CMABI_KIND_U16, &element, nullptr);
            for (std::uint32_t length = 1; length < 200; ++length) {
                cmabi_type_free(type);
                cmabi_type_new_fixed_list(element, length, &type, nullptr);
            }
            cmabi_type_free(element);
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    for (cmabi_type *type : types) {
        CHECK(type == types[0]);
        CHECK(text_of(type) == "list<u16, 199>");
    }
    for (cmabi_type *type : types) {
        cmabi_type_free(type);
    }
}

TEST_CASE("lists and maps") {
    const Type list = list_of(u16());
    CHECK(cmabi_type_kind(list) == CMABI_KIND_LIST);
    CHECK(cmabi_type_part_count(list) == 1);
    CHECK(cmabi_type_part_at(list, 0) == u16());
    CHECK(cmabi_type_part_at(list, 1) == nullptr);
    CHECK(layout(list) == SLICE);
    CHECK(cmabi_type_length(list) == 0);

    const Type fixed = fixed_list_of(string(), 3);
    CHECK(cmabi_type_kind(fixed) == CMABI_KIND_FIXED_LIST);
    CHECK(cmabi_type_length(fixed) == 3);
    CHECK(layout(fixed) == Layout{24, 4, 48, 8});
    CHECK(cmabi_type_part_offset(fixed, 2, I32) == 16);
    CHECK(cmabi_type_part_offset(fixed, 2, I64) == 32);
    CHECK(cmabi_type_part_offset(fixed, 3, I64) == 0);
    CHECK(flat(fixed).size() == 6);

    const Type map = map_of(u8(), u16());
    CHECK(cmabi_type_kind(map) == CMABI_KIND_MAP);
    CHECK(text_of(map) == "map<u8, u16>");
    CHECK(cmabi_type_part_count(map) == 2);
    CHECK(cmabi_type_part_at(map, 0) == u8());
    CHECK(cmabi_type_part_at(map, 1) == u16());
    CHECK(layout(map) == SLICE);
    CHECK(flat(map) == Flat{i32, i32});
}

TEST_CASE("records and tuples") {
    const Type point = record({field("x", u8()), field("y", u16()), field("z", u32())});
    CHECK(text_of(point) == "record { x: u8, y: u16, z: u32 }");
    CHECK(cmabi_type_part_count(point) == 3);
    CHECK(text(cmabi_type_part_name(point, 1)) == "y");
    CHECK(text(cmabi_type_part_name(point, 3)) == "");
    CHECK(cmabi_type_part_at(point, 2) == u32());
    CHECK(layout(point) == both(8, 4));
    CHECK(cmabi_type_part_offset(point, 1, I32) == 2);
    CHECK(cmabi_type_part_offset(point, 2, I32) == 4);
    CHECK(flat(point) == Flat{i32, i32, i32});

    const Type mixed = tuple({u8(), string(), u8(), f64()});
    CHECK(text_of(mixed) == "tuple<u8, string, u8, f64>");
    CHECK(text(cmabi_type_part_name(mixed, 0)) == "");
    CHECK(layout(mixed) == Layout{24, 8, 40, 8});
    CHECK(cmabi_type_part_offset(mixed, 1, I32) == 4);
    CHECK(cmabi_type_part_offset(mixed, 1, I64) == 8);
    CHECK(cmabi_type_part_offset(mixed, 3, I32) == 16);
    CHECK(cmabi_type_part_offset(mixed, 3, I64) == 32);
    CHECK(flat(mixed, I64) == Flat{i32, i64, i64, i32, cf64});
}

TEST_CASE("variants, enums, options and results") {
    const Type shape = variant({field("none", nullptr), field("wide", f64()), field("narrow", f32())});
    CHECK(text_of(shape) == "variant { none, wide(f64), narrow(f32) }");
    CHECK(cmabi_type_part_count(shape) == 3);
    CHECK(text(cmabi_type_part_name(shape, 2)) == "narrow");
    CHECK(cmabi_type_part_at(shape, 0) == nullptr);
    CHECK(cmabi_type_kind(cmabi_type_part_at(shape, 0)) == CMABI_KIND_NONE);
    CHECK(cmabi_type_part_at(shape, 1) == f64());
    CHECK(cmabi_type_discriminant_size(shape) == 1);
    CHECK(cmabi_type_part_offset(shape, 1, I32) == 8);
    CHECK(cmabi_type_part_offset(shape, 2, I32) == 8);
    CHECK(layout(shape) == both(16, 8));
    CHECK(flat(shape) == Flat{i32, i64});

    const Type one = variant({field("only", u8())});
    CHECK(layout(one) == both(2, 1));
    CHECK(cmabi_type_discriminant_size(one) == 1);

    const Type color = enumeration(3);
    CHECK(cmabi_type_kind(color) == CMABI_KIND_ENUM);
    CHECK(cmabi_type_part_count(color) == 3);
    CHECK(text(cmabi_type_part_name(color, 2)) == "l2");
    CHECK(cmabi_type_part_at(color, 2) == nullptr);
    CHECK(layout(color) == both(1, 1));

    const Type option = option_of(string());
    CHECK(text_of(option) == "option<string>");
    CHECK(cmabi_type_part_count(option) == 2);
    CHECK(text(cmabi_type_part_name(option, 0)) == "none");
    CHECK(text(cmabi_type_part_name(option, 1)) == "some");
    CHECK(cmabi_type_part_at(option, 0) == nullptr);
    CHECK(cmabi_type_part_at(option, 1) == string());
    CHECK(layout(option) == Layout{12, 4, 24, 8});

    const Type result = result_of(u8(), u32());
    CHECK(text_of(result) == "result<u8, u32>");
    CHECK(text(cmabi_type_part_name(result, 1)) == "error");
    CHECK(cmabi_type_part_at(result, 1) == u32());
    CHECK(layout(result) == both(8, 4));
    CHECK(flat(result_of(f32(), u32())) == Flat{i32, i32});
    CHECK(text_of(result_of(nullptr, nullptr)) == "result");
    CHECK(text_of(result_of(nullptr, u8())) == "result<_, u8>");
    CHECK(layout(result_of(nullptr, nullptr)) == both(1, 1));
}

TEST_CASE("discriminants grow with the number of cases") {
    CHECK(layout(enumeration(256)) == both(1, 1));
    CHECK(layout(enumeration(257)) == both(2, 2));
    CHECK(layout(enumeration(65536)) == both(2, 2));
    CHECK(layout(enumeration(65537)) == both(4, 4));
    CHECK(cmabi_type_discriminant_size(enumeration(65537)) == 4);
    CHECK(cmabi_type_discriminant_size(u8()) == 0);
}

TEST_CASE("flags are as wide as they have to be") {
    CHECK(layout(flags(1)) == both(1, 1));
    CHECK(layout(flags(8)) == both(1, 1));
    CHECK(layout(flags(9)) == both(2, 2));
    CHECK(layout(flags(16)) == both(2, 2));
    CHECK(layout(flags(17)) == both(4, 4));
    CHECK(layout(flags(32)) == both(4, 4));
    const Type two = flags(2);
    CHECK(text_of(two) == "flags { l0, l1 }");
    CHECK(cmabi_type_part_count(two) == 2);
    CHECK(text(cmabi_type_part_name(two, 1)) == "l1");
    CHECK(flat(two) == Flat{i32});
}

TEST_CASE("handles") {
    ResourceType file, other;
    REQUIRE_OK(cmabi_resource_type_new, CMABI_STR("file"), file.out());
    REQUIRE_OK(cmabi_resource_type_new, CMABI_STR("file"), other.out());
    CHECK(file.get() != other.get());
    CHECK(text(cmabi_resource_type_name(file)) == "file");
    Type own, same, borrow, foreign, bytes, done;
    REQUIRE_OK(cmabi_type_new_own, file, own.out());
    REQUIRE_OK(cmabi_type_new_own, file, same.out());
    REQUIRE_OK(cmabi_type_new_own, other, foreign.out());
    REQUIRE_OK(cmabi_type_new_borrow, file, borrow.out());
    REQUIRE_OK(cmabi_type_new_stream, u8(), bytes.out());
    REQUIRE_OK(cmabi_type_new_future, nullptr, done.out());
    CHECK(own.get() == same.get());
    CHECK(own.get() != foreign.get());
    CHECK(cmabi_type_resource(own) == file);
    CHECK(cmabi_type_resource(borrow) == file);
    CHECK(cmabi_type_resource(bytes) == nullptr);
    CHECK(text_of(own) == "own<file>");
    CHECK(text_of(borrow) == "borrow<file>");
    CHECK(text_of(bytes) == "stream<u8>");
    CHECK(text_of(done) == "future");
    CHECK(cmabi_type_part_at(bytes, 0) == u8());
    CHECK(cmabi_type_part_count(done) == 0);
    for (const cmabi_type *type : {own.get(), borrow.get(), bytes.get(), done.get()}) {
        CHECK(layout(type) == both(4, 4));
        CHECK(flat(type) == Flat{i32});
    }
    const ResourceType kept(cmabi_resource_type_clone(file));
    CHECK(kept.get() == file.get());
    CHECK_FAILS(CMABI_STATUS_INVALID, "a stream cannot carry a borrow", cmabi_type_new_stream, borrow,
                done.out());
}

TEST_CASE("values are C structs on the host") {
    struct Person {
        cmabi_string name;
        std::uint8_t age;
        struct {
            std::uint8_t is_some;
            cmabi_f64 val;
        } weight;
        struct {
            const std::uint16_t *ptr;
            std::size_t len;
        } marks;
        std::uint16_t rights;
    };
    const Type person =
        record({field("name", string()), field("age", u8()), field("weight", option_of(f64())),
                field("marks", list_of(u16())), field("rights", flags(12))});
    CHECK(cmabi_type_size(person, HOST) == sizeof(Person));
    CHECK(cmabi_type_align(person, HOST) == alignof(Person));
    CHECK(cmabi_type_part_offset(person, 1, HOST) == offsetof(Person, age));
    CHECK(cmabi_type_part_offset(person, 2, HOST) == offsetof(Person, weight));
    CHECK(cmabi_type_part_offset(person, 3, HOST) == offsetof(Person, marks));
    CHECK(cmabi_type_part_offset(person, 4, HOST) == offsetof(Person, rights));
}

TEST_CASE("types of the reference's value tables") {
    CHECK(layout(tuple({tuple({u8(), u8()}), u8()})) == both(3, 1));
    CHECK(layout(fixed_list_of(u8(), 3)) == both(3, 1));
    CHECK(layout(fixed_list_of(fixed_list_of(u8(), 2), 3)) == both(6, 1));
    CHECK(layout(variant({field("x", u8()), field("y", f32()), field("z", nullptr)})) == both(8, 4));
    CHECK(layout(option_of(f32())) == both(8, 4));
    CHECK(layout(variant({field("w", u8()), field("y", u8())})) == both(2, 1));
    CHECK(layout(list_of(boolean())) == SLICE);
    CHECK(layout(list_of(character())) == SLICE);
    CHECK(layout(list_of(list_of(s64()))) == SLICE);
    CHECK(layout(fixed_list_of(u32(), 2)) == both(8, 4));
    CHECK(layout(tuple({u8(), u8(), u16(), u32()})) == both(8, 4));
    CHECK(layout(tuple({u8(), u16(), u8(), u32()})) == both(12, 4));
    CHECK(layout(tuple({u16(), u8()})) == both(4, 2));
    CHECK(layout(tuple({tuple({u16(), u8()}), u8()})) == both(6, 2));
    CHECK(layout(tuple({s16(), s32(), s8()})) == both(12, 4));
}

TEST_CASE("a type that is too large to pass flat says how many values it has") {
    const Type many = fixed_list_of(u8(), 17);
    cmabi_core_type types[20] = {};
    CHECK(cmabi_type_flatten(many, I32, types, 20) == 17);
    CHECK(cmabi_type_flatten(many, I32, nullptr, 0) == 17);
    const Type three = fixed_list_of(f32(), 3);
    CHECK(cmabi_type_flatten(three, I32, types, 2) == 3);
    CHECK(types[0] == i32);
    CHECK(cmabi_type_flatten(three, I32, types, 3) == 3);
    CHECK(types[2] == cf32);
}

TEST_CASE("NULL has no parts and no size") {
    CHECK(cmabi_type_kind(nullptr) == CMABI_KIND_NONE);
    CHECK(text_of(nullptr) == "");
    CHECK(cmabi_type_part_count(nullptr) == 0);
    CHECK(text(cmabi_type_part_name(nullptr, 0)) == "");
    CHECK(cmabi_type_part_at(nullptr, 0) == nullptr);
    CHECK(cmabi_type_length(nullptr) == 0);
    CHECK(cmabi_type_resource(nullptr) == nullptr);
    CHECK(cmabi_type_size(nullptr, I32) == 0);
    CHECK(cmabi_type_align(nullptr, I32) == 0);
    CHECK(cmabi_type_part_offset(nullptr, 0, I32) == 0);
    CHECK(cmabi_type_discriminant_size(nullptr) == 0);
    CHECK(cmabi_type_flatten(nullptr, I32, nullptr, 0) == 0);
    CHECK(cmabi_type_size(u8(), static_cast<cmabi_addr_type>(7)) == 0);
    CHECK(text(cmabi_resource_type_name(nullptr)) == "");
    CHECK(cmabi_resource_type_clone(nullptr) == nullptr);
    cmabi_resource_type_free(nullptr);
}

TEST_CASE("bad arguments are named") {
    const auto INVALID = CMABI_STATUS_INVALID_ARGUMENT;
    Type type;
    CHECK_FAILS(INVALID, "`kind`", cmabi_type_new_primitive, CMABI_KIND_LIST, type.out());
    CHECK_FAILS(INVALID, "`kind`", cmabi_type_new_primitive, CMABI_KIND_NONE, type.out());
    CHECK_FAILS(INVALID, "`kind`", cmabi_type_new_primitive, static_cast<cmabi_kind>(1000),
                type.out());
    CHECK_FAILS(INVALID, "`type`", cmabi_type_new_primitive, CMABI_KIND_U8, nullptr);
    CHECK_FAILS(INVALID, "`element`", cmabi_type_new_list, nullptr, type.out());
    CHECK_FAILS(INVALID, "`element`", cmabi_type_new_fixed_list, nullptr, 1u, type.out());
    CHECK_FAILS(INVALID, "`key`", cmabi_type_new_map, nullptr, u8(), type.out());
    CHECK_FAILS(INVALID, "`value`", cmabi_type_new_map, u8(), nullptr, type.out());
    CHECK_FAILS(INVALID, "`some`", cmabi_type_new_option, nullptr, type.out());
    CHECK_FAILS(INVALID, "`resource`", cmabi_type_new_own, nullptr, type.out());
    CHECK_FAILS(INVALID, "`resource`", cmabi_type_new_borrow, nullptr, type.out());
    CHECK_FAILS(INVALID, "`fields`", cmabi_type_new_record, nullptr, std::size_t{1}, type.out());
    const cmabi_field without_type = field("a", nullptr);
    CHECK_FAILS(INVALID, "`fields`", cmabi_type_new_record, &without_type, std::size_t{1}, type.out());
    const cmabi_type *none = nullptr;
    CHECK_FAILS(INVALID, "`types`", cmabi_type_new_tuple, &none, std::size_t{1}, type.out());
    const cmabi_string bad_utf8 = view("\xff");
    CHECK_FAILS(INVALID, "`labels` is not UTF-8", cmabi_type_new_enum, &bad_utf8, std::size_t{1},
                type.out());
    ResourceType resource;
    CHECK_FAILS(INVALID, "`name` is not UTF-8", cmabi_resource_type_new, bad_utf8, resource.out());
    CHECK(type.get() == nullptr);
    CHECK(cmabi_type_new_list(nullptr, type.out(), nullptr) == INVALID);
}

TEST_CASE("invalid types are refused") {
    const auto INVALID = CMABI_STATUS_INVALID;
    const std::size_t zero = 0;
    Type type;
    CHECK_FAILS(INVALID, "at least one field", cmabi_type_new_record, nullptr, zero, type.out());
    CHECK_FAILS(INVALID, "at least one type", cmabi_type_new_tuple, nullptr, zero, type.out());
    CHECK_FAILS(INVALID, "at least one case", cmabi_type_new_variant, nullptr, zero, type.out());
    CHECK_FAILS(INVALID, "at least one case", cmabi_type_new_enum, nullptr, zero, type.out());
    CHECK_FAILS(INVALID, "from 1 to 32", cmabi_type_new_flags, nullptr, zero, type.out());
    const Labels labels(33);
    CHECK_FAILS(INVALID, "not 33", cmabi_type_new_flags, labels.data(), labels.size(), type.out());
    CHECK_FAILS(INVALID, "at least one element", cmabi_type_new_fixed_list, u8(), 0u, type.out());
    CHECK_FAILS(INVALID, "cannot be the key", cmabi_type_new_map, f64(), u8(), type.out());
    CHECK_FAILS(INVALID, "cannot carry char", cmabi_type_new_stream, character(), type.out());
    for (const char *label : {"", "-", "a_b", "aB", "1a", "a--b", "a-", "gr\xc3\xb6\xc3\x9f"
                                                                         "e"}) {
        const cmabi_string bad = view(label);
        CHECK_FAILS(INVALID, "kebab", cmabi_type_new_enum, &bad, std::size_t{1}, type.out());
    }
    const cmabi_string twice[] = {view("a"), view("A")};
    CHECK_FAILS(INVALID, "conflicts", cmabi_type_new_flags, twice, std::size_t{2}, type.out());
}

TEST_CASE("sizes and nesting are bounded") {
    Type type;
    REQUIRE_OK(cmabi_type_new_fixed_list, u8(), (1u << 28) - 1, type.out());
    CHECK(cmabi_type_size(type, I32) == (1u << 28) - 1);
    CHECK_FAILS(CMABI_STATUS_INVALID, "exceeds maximum byte size", cmabi_type_new_fixed_list, u8(),
                1u << 28, type.out());
    CHECK_FAILS(CMABI_STATUS_INVALID, "exceeds maximum byte size", cmabi_type_new_fixed_list,
                string(), 1u << 24, type.out());

    Type deep(cmabi_type_clone(u8()));
    cmabi_status status = CMABI_STATUS_OK;
    for (int depth = 1; depth < 100; ++depth) {
        deep = list_of(deep);
    }
    CHECK_FAILS(CMABI_STATUS_LIMIT, "more than 100 deep", cmabi_type_new_list, deep, type.out());

    // Each of these is twice as large, written out, as the one before.
    Type wide(cmabi_type_clone(u8()));
    for (int i = 0; i < 40 && status == CMABI_STATUS_OK; ++i) {
        const Type list = list_of(wide);
        const cmabi_type *pair[] = {list, list};
        Error error;
        status = cmabi_type_new_tuple(pair, 2, wide.out(), error.out());
    }
    CHECK(status == CMABI_STATUS_LIMIT);
}
