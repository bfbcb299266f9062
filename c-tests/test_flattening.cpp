// Function types, and the core signatures that they have at the canonical ABI.
#include "types.hpp"

namespace {

constexpr auto LIFT = CMABI_ABI_CONTEXT_LIFT;
constexpr auto LOWER = CMABI_ABI_CONTEXT_LOWER;
constexpr auto I32 = CMABI_ADDR_TYPE_I32;
constexpr auto I64 = CMABI_ADDR_TYPE_I64;
constexpr auto i32 = CMABI_CORE_TYPE_I32;
constexpr auto i64 = CMABI_CORE_TYPE_I64;
constexpr auto cf32 = CMABI_CORE_TYPE_F32;
constexpr auto cf64 = CMABI_CORE_TYPE_F64;

using Flat = std::vector<cmabi_core_type>;

struct Signature {
    Flat params, results;
    bool operator==(const Signature &other) const {
        return params == other.params && results == other.results;
    }
};

doctest::String toString(const Signature &signature) {
    const char *const names[] = {"i32 ", "i64 ", "f32 ", "f64 "};
    doctest::String text = "(";
    for (cmabi_core_type type : signature.params) {
        text += names[type];
    }
    text += "-> ";
    for (cmabi_core_type type : signature.results) {
        text += names[type];
    }
    return text + ")";
}

Signature flatten(const cmabi_func_type *type, cmabi_abi_context context,
                  cmabi_abi abi = CMABI_ABI_SYNC, cmabi_addr_type addr = I32) {
    cmabi_core_signature core;
    REQUIRE_OK(cmabi_func_type_flatten, type, addr, context, abi, &core);
    return {Flat(core.params, core.params + core.params_len),
            Flat(core.results, core.results + core.results_len)};
}

// A function of so many parameters of one type.
FuncType func_of(std::size_t count, const cmabi_type *param, const cmabi_type *result = nullptr) {
    const Labels names(count);
    std::vector<cmabi_field> params;
    for (std::size_t i = 0; i < count; ++i) {
        params.push_back(cmabi_field{names.data()[i], param});
    }
    FuncType type;
    REQUIRE_OK(cmabi_func_type_new, params.data(), params.size(), result, false, type.out());
    return type;
}

} // namespace

TEST_CASE("function types are reflected") {
    const FuncType type = func({field("name", string()), field("n", u32())}, list_of(u8()), true);
    CHECK(text(cmabi_func_type_text(type)) == "async func(name: string, n: u32) -> list<u8>");
    CHECK(cmabi_func_type_is_async(type));
    const cmabi_type *params = cmabi_func_type_params(type);
    CHECK(cmabi_type_kind(params) == CMABI_KIND_RECORD);
    CHECK(cmabi_type_part_count(params) == 2);
    CHECK(text(cmabi_type_part_name(params, 1)) == "n");
    CHECK(cmabi_type_part_at(params, 0) == string());
    CHECK(cmabi_type_part_offset(params, 1, I32) == 8);
    CHECK(cmabi_func_type_result(type) == list_of(u8()));

    const FuncType nothing = func({});
    CHECK(text(cmabi_func_type_text(nothing)) == "func()");
    CHECK_FALSE(cmabi_func_type_is_async(nothing));
    CHECK(cmabi_func_type_params(nothing) == nullptr);
    CHECK(cmabi_func_type_result(nothing) == nullptr);
}

TEST_CASE("equal function types have the same address") {
    const FuncType a = func({field("x", u8())}, string());
    const FuncType b = func({field("x", u8())}, string());
    const FuncType renamed = func({field("y", u8())}, string());
    const FuncType async = func({field("x", u8())}, string(), true);
    CHECK(a.get() == b.get());
    CHECK(a.get() != renamed.get());
    CHECK(a.get() != async.get());
    const FuncType clone(cmabi_func_type_clone(a));
    CHECK(clone.get() == a.get());
}

TEST_CASE("test_flatten") {
    const cmabi_field params[] = {field("a", u8()), field("b", f32()), field("c", f64())};
    const auto three = [&](const cmabi_type *result) {
        FuncType type;
        REQUIRE_OK(cmabi_func_type_new, params, std::size_t{3}, result, false, type.out());
        return type;
    };
    const Flat flat{i32, cf32, cf64};
    struct Row {
        FuncType type;
        Flat results;
    };
    Row rows[] = {
        {three(nullptr), {}},
        {three(f32()), {cf32}},
        {three(u8()), {i32}},
        {three(tuple({f32()})), {cf32}},
    };
    for (const Row &row : rows) {
        CHECK(flatten(row.type, LIFT) == Signature{flat, row.results});
        CHECK(flatten(row.type, LOWER) == Signature{flat, row.results});
    }

    const FuncType pair = three(tuple({f32(), f32()}));
    CHECK(flatten(pair, LIFT) == Signature{flat, {i32}});
    CHECK(flatten(pair, LOWER) == Signature{{i32, cf32, cf64, i32}, {}});

    const FuncType seventeen = func_of(17, u8());
    CHECK(flatten(seventeen, LIFT) == Signature{{i32}, {}});
    CHECK(flatten(seventeen, LOWER) == Signature{{i32}, {}});
    CHECK(flatten(seventeen, LIFT, CMABI_ABI_SYNC, I64) == Signature{{i64}, {}});
    CHECK(flatten(seventeen, LOWER, CMABI_ABI_SYNC, I64) == Signature{{i64}, {}});

    const FuncType both = func_of(17, u8(), tuple({u8(), u8()}));
    CHECK(flatten(both, LIFT) == Signature{{i32}, {i32}});
    CHECK(flatten(both, LOWER) == Signature{{i32, i32}, {}});
    CHECK(flatten(both, LIFT, CMABI_ABI_SYNC, I64) == Signature{{i64}, {i64}});
    CHECK(flatten(both, LOWER, CMABI_ABI_SYNC, I64) == Signature{{i64, i64}, {}});
}

TEST_CASE("Function flattening honors canonical limits") {
    // Nine strings are eighteen core values.
    const FuncType heavy_params = func_of(9, string());
    CHECK(flatten(heavy_params, LIFT) == Signature{{i32}, {}});
    CHECK(flatten(heavy_params, LOWER) == Signature{{i32}, {}});
    const FuncType light_params = func_of(8, string());
    CHECK(flatten(light_params, LIFT) == Signature{Flat(16, i32), {}});
    CHECK(flatten(light_params, LIFT, CMABI_ABI_SYNC, I64) == Signature{Flat(16, i64), {}});

    const FuncType heavy_result = func_of(0, nullptr, tuple({string(), string()}));
    CHECK(flatten(heavy_result, LIFT) == Signature{{}, {i32}});
    CHECK(flatten(heavy_result, LOWER) == Signature{{i32}, {}});

    // Sixteen flat parameters and the address of the results.
    const FuncType most = func_of(16, f32(), string());
    Flat params(16, cf32);
    params.push_back(i32);
    CHECK(flatten(most, LOWER) == Signature{params, {}});
}

TEST_CASE("Async function flattening matches canonical ABI") {
    // Five parameters are more than the four that an async lowering passes flat.
    const FuncType five = func_of(5, s32(), s32());
    CHECK(flatten(five, LOWER, CMABI_ABI_ASYNC) == Signature{{i32, i32}, {i32}});
    CHECK(flatten(five, LOWER, CMABI_ABI_ASYNC, I64) == Signature{{i64, i64}, {i32}});
    CHECK(flatten(five, LIFT, CMABI_ABI_ASYNC) == Signature{Flat(5, i32), {}});
    const FuncType four = func_of(4, s64(), s32());
    CHECK(flatten(four, LOWER, CMABI_ABI_ASYNC) == Signature{{i64, i64, i64, i64, i32}, {i32}});
    CHECK(flatten(func_of(4, s64()), LOWER, CMABI_ABI_ASYNC) == Signature{Flat(4, i64), {i32}});

    const FuncType one = func_of(1, s32(), s32());
    CHECK(flatten(one, LIFT, CMABI_ABI_ASYNC) == Signature{{i32}, {}});
    CHECK(flatten(one, LIFT, CMABI_ABI_ASYNC_CALLBACK) == Signature{{i32}, {i32}});
    CHECK(flatten(one, LOWER, CMABI_ABI_ASYNC_CALLBACK) ==
          flatten(one, LOWER, CMABI_ABI_ASYNC));

    const FuncType seventeen = func_of(17, u8(), string());
    CHECK(flatten(seventeen, LIFT, CMABI_ABI_ASYNC) == Signature{{i32}, {}});
    CHECK(flatten(seventeen, LIFT, CMABI_ABI_ASYNC_CALLBACK, I64) == Signature{{i64}, {i32}});

    const FuncType nothing = func({});
    CHECK(flatten(nothing, LIFT, CMABI_ABI_ASYNC) == Signature{{}, {}});
    CHECK(flatten(nothing, LOWER, CMABI_ABI_ASYNC) == Signature{{}, {i32}});
}

TEST_CASE("variants join their payloads") {
    const auto joined = [](const cmabi_type *a, const cmabi_type *b) {
        return flatten(func_of(1, result_of(a, b)), LIFT).params;
    };
    CHECK(joined(u32(), u32()) == Flat{i32, i32});
    CHECK(joined(f32(), f32()) == Flat{i32, cf32});
    CHECK(joined(f32(), u32()) == Flat{i32, i32});
    CHECK(joined(f64(), u64()) == Flat{i32, i64});
    CHECK(joined(f64(), f32()) == Flat{i32, i64});
    CHECK(joined(u32(), u64()) == Flat{i32, i64});
    CHECK(joined(string(), f32()) == Flat{i32, i32, i32});
    CHECK(joined(nullptr, f64()) == Flat{i32, cf64});
}

TEST_CASE("bad function types are refused") {
    const std::size_t one = 1, two = 2;
    FuncType type;
    const cmabi_field twice[] = {field("a", u8()), field("A", u8())};
    CHECK_FAILS(CMABI_STATUS_INVALID, "conflicts", cmabi_func_type_new, twice, two, nullptr, false,
                type.out());
    const cmabi_field unnamed = field("", u8());
    CHECK_FAILS(CMABI_STATUS_INVALID, "kebab", cmabi_func_type_new, &unnamed, one, nullptr, false,
                type.out());
    const cmabi_field untyped = field("a", nullptr);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`params`", cmabi_func_type_new, &untyped, one,
                nullptr, false, type.out());
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`params`", cmabi_func_type_new, nullptr, one,
                nullptr, false, type.out());
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`type`", cmabi_func_type_new, nullptr,
                std::size_t{0}, nullptr, false, nullptr);

    ResourceType resource;
    REQUIRE_OK(cmabi_resource_type_new, CMABI_STR("r"), resource.out());
    Type borrow;
    REQUIRE_OK(cmabi_type_new_borrow, resource, borrow.out());
    CHECK_FAILS(CMABI_STATUS_INVALID, "cannot contain a borrow", cmabi_func_type_new, nullptr,
                std::size_t{0}, list_of(borrow), false, type.out());

    const FuncType nothing = func({});
    cmabi_core_signature core;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`type`", cmabi_func_type_flatten, nullptr, I32, LIFT,
                CMABI_ABI_SYNC, &core);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`addr`", cmabi_func_type_flatten, nothing,
                static_cast<cmabi_addr_type>(3), LIFT, CMABI_ABI_SYNC, &core);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`context`", cmabi_func_type_flatten, nothing, I32,
                static_cast<cmabi_abi_context>(2), CMABI_ABI_SYNC, &core);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`abi`", cmabi_func_type_flatten, nothing, I32, LIFT,
                static_cast<cmabi_abi>(3), &core);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`core`", cmabi_func_type_flatten, nothing, I32, LIFT,
                CMABI_ABI_SYNC, nullptr);
    CHECK(text(cmabi_func_type_text(nullptr)) == "");
    CHECK(cmabi_func_type_params(nullptr) == nullptr);
    CHECK(cmabi_func_type_result(nullptr) == nullptr);
    CHECK_FALSE(cmabi_func_type_is_async(nullptr));
    CHECK(cmabi_func_type_clone(nullptr) == nullptr);
    cmabi_func_type_free(nullptr);
}
