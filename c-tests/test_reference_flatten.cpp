// The reference's flattenings of functions and its round trips (run_tests.py), with 4- and with 8-byte
// pointers.
#include "reference.hpp"

using namespace reference;

namespace {

class Func : public Handle<cmabi_func_type, cmabi_func_type_free> {
public:
    Func(const std::vector<std::string> &params, const std::string &result) {
        std::vector<std::string> names;
        std::vector<Type> types;
        for (const std::string &param : params) {
            names.push_back("p" + std::to_string(names.size()));
            types.emplace_back(param);
        }
        std::vector<cmabi_field> fields;
        for (std::size_t i = 0; i < names.size(); i++) {
            fields.push_back({view(names[i]), types[i]});
        }
        const Type result_type(result.empty() ? "u8" : result);
        const cmabi_type *optional = result.empty() ? nullptr : result_type.get();
        REQUIRE_OK(cmabi_func_type_new, fields.data(), fields.size(), optional, false, out());
    }
};

using Core = std::vector<cmabi_core_type>;

constexpr cmabi_core_type i32 = CMABI_CORE_TYPE_I32, i64 = CMABI_CORE_TYPE_I64,
                          f32 = CMABI_CORE_TYPE_F32, f64 = CMABI_CORE_TYPE_F64;

// The flattening, in both contexts, of a function whose parameters and results flatten to these
// core types: what is too many becomes a pointer.
void test_flatten(const Func &func, Core params, Core results) {
    for (const cmabi_addr_type addr : {CMABI_ADDR_TYPE_I32, CMABI_ADDR_TYPE_I64}) {
        const cmabi_core_type pointer = addr == CMABI_ADDR_TYPE_I32 ? i32 : i64;
        Core expected_params = params, expected_results = results;
        if (params.size() > 16) {
            expected_params = {pointer};
        }
        if (results.size() > 1) {
            expected_results = {pointer};
        }
        const auto check = [&](cmabi_abi_context context) {
            cmabi_core_signature core{};
            REQUIRE_OK(cmabi_func_type_flatten, func, addr, context, CMABI_ABI_SYNC, &core);
            CHECK(Core(core.params, core.params + core.params_len) == expected_params);
            CHECK(Core(core.results, core.results + core.results_len) == expected_results);
        };
        check(CMABI_ABI_CONTEXT_LIFT);
        if (results.size() > 1) {
            expected_params.push_back(pointer);
            expected_results.clear();
        }
        check(CMABI_ABI_CONTEXT_LOWER);
    }
}

} // namespace

TEST_CASE("test_flatten: functions of the reference") {
    const std::vector<std::string> three = {"u8", "f32", "f64"};
    const Core flat = {i32, f32, f64};
    test_flatten(Func(three, ""), flat, {});
    test_flatten(Func(three, "f32"), flat, {f32});
    test_flatten(Func(three, "u8"), flat, {i32});
    test_flatten(Func(three, "tuple<f32>"), flat, {f32});
    test_flatten(Func(three, "tuple<f32, f32>"), flat, {f32, f32});
    const std::vector<std::string> many(17, "u8");
    test_flatten(Func(many, ""), Core(17, i32), {});
    test_flatten(Func(many, "tuple<u8, u8>"), Core(17, i32), {i32, i32});
}

namespace {

// The value as the argument of a function that answers with it.
void test_roundtrip(const Type &type, const std::string &wave) {
    for (const bool memory64 : {false, true}) {
        CAPTURE(wave);
        const cmabi_field param{CMABI_STR("v"), type};
        Handle<cmabi_func_type, cmabi_func_type_free> func;
        REQUIRE_OK(cmabi_func_type_new, &param, std::size_t{1}, type.get(), false, func.out());
        Heap heap(1000, memory64);
        Value args(type, wave), results(type);
        std::uint64_t flat[16];
        REQUIRE_OK(cmabi_value_lower_flat_params, func, args.data(), heap.options(), 16u, flat,
                   std::size_t{16});
        REQUIRE_OK(cmabi_value_lift_flat_results, func, heap.options(), 16u, flat, std::size_t{16},
                   results.data(), results.arena());
        CHECK(results.wave() == wave);
    }
}

} // namespace

TEST_CASE("test_roundtrips") {
    test_roundtrip(Type("s8"), "-1");
    test_roundtrip(Type("tuple<u16, u16>"), "(3, 4)");
    test_roundtrip(Type("list<string>"), R"(["hello there"])");
    test_roundtrip(Type("list<list<string>>"), R"([["one", "two"], ["three"]])");
    test_roundtrip(Type("list<option<tuple<string, u16>>>"), R"([some(("answer", 42))])");
    const Type large("v", "variant v { x(tuple<u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, "
                          "u32, u32, u32, u32, u32, string>) }");
    test_roundtrip(large, R"(x((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, "wat")))");
}
