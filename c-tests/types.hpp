// Types for the tests: `list_of(string())`, `record({{"x", f32()}, {"y", f32()}})`.
#pragma once

#include "support.hpp"

#include <initializer_list>

using Type = Handle<cmabi_type, cmabi_type_free>;
using FuncType = Handle<cmabi_func_type, cmabi_func_type_free>;
using ResourceType = Handle<cmabi_resource_type, cmabi_resource_type_free>;
using Wit = Handle<cmabi_wit, cmabi_wit_free>;

// A name with a type. It keeps neither alive.
inline cmabi_field field(std::string_view name, const cmabi_type *type) {
    return cmabi_field{view(name), type};
}

inline Type primitive(cmabi_kind kind) {
    Type type;
    REQUIRE_OK(cmabi_type_new_primitive, kind, type.out());
    return type;
}

// A type without parts, held until the program ends.
template <cmabi_kind Kind>
const cmabi_type *held() {
    static const Type type = primitive(Kind);
    return type;
}

inline const cmabi_type *boolean() { return held<CMABI_KIND_BOOL>(); }
inline const cmabi_type *s8() { return held<CMABI_KIND_S8>(); }
inline const cmabi_type *u8() { return held<CMABI_KIND_U8>(); }
inline const cmabi_type *s16() { return held<CMABI_KIND_S16>(); }
inline const cmabi_type *u16() { return held<CMABI_KIND_U16>(); }
inline const cmabi_type *s32() { return held<CMABI_KIND_S32>(); }
inline const cmabi_type *u32() { return held<CMABI_KIND_U32>(); }
inline const cmabi_type *s64() { return held<CMABI_KIND_S64>(); }
inline const cmabi_type *u64() { return held<CMABI_KIND_U64>(); }
inline const cmabi_type *f32() { return held<CMABI_KIND_F32>(); }
inline const cmabi_type *f64() { return held<CMABI_KIND_F64>(); }
inline const cmabi_type *character() { return held<CMABI_KIND_CHAR>(); }
inline const cmabi_type *string() { return held<CMABI_KIND_STRING>(); }

inline Type list_of(const cmabi_type *element) {
    Type type;
    REQUIRE_OK(cmabi_type_new_list, element, type.out());
    return type;
}

inline Type fixed_list_of(const cmabi_type *element, std::uint32_t length) {
    Type type;
    REQUIRE_OK(cmabi_type_new_fixed_list, element, length, type.out());
    return type;
}

inline Type map_of(const cmabi_type *key, const cmabi_type *value) {
    Type type;
    REQUIRE_OK(cmabi_type_new_map, key, value, type.out());
    return type;
}

inline Type record(std::initializer_list<cmabi_field> fields) {
    Type type;
    REQUIRE_OK(cmabi_type_new_record, fields.begin(), fields.size(), type.out());
    return type;
}

inline Type tuple(std::initializer_list<const cmabi_type *> types) {
    Type type;
    REQUIRE_OK(cmabi_type_new_tuple, types.begin(), types.size(), type.out());
    return type;
}

inline Type variant(std::initializer_list<cmabi_field> cases) {
    Type type;
    REQUIRE_OK(cmabi_type_new_variant, cases.begin(), cases.size(), type.out());
    return type;
}

inline Type option_of(const cmabi_type *some) {
    Type type;
    REQUIRE_OK(cmabi_type_new_option, some, type.out());
    return type;
}

inline Type result_of(const cmabi_type *ok, const cmabi_type *err) {
    Type type;
    REQUIRE_OK(cmabi_type_new_result, ok, err, type.out());
    return type;
}

inline Type stream_of(const cmabi_type *element) {
    Type type;
    REQUIRE_OK(cmabi_type_new_stream, element, type.out());
    return type;
}

inline Type future_of(const cmabi_type *element) {
    Type type;
    REQUIRE_OK(cmabi_type_new_future, element, type.out());
    return type;
}

inline Type own_of(const cmabi_resource_type *resource) {
    Type type;
    REQUIRE_OK(cmabi_type_new_own, resource, type.out());
    return type;
}

inline Type borrow_of(const cmabi_resource_type *resource) {
    Type type;
    REQUIRE_OK(cmabi_type_new_borrow, resource, type.out());
    return type;
}

// Labels `l0`, `l1`, ...
class Labels {
public:
    explicit Labels(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            texts_.push_back("l" + std::to_string(i));
        }
        for (const std::string &label : texts_) {
            views_.push_back(view(label));
        }
    }
    const cmabi_string *data() const { return views_.data(); }
    std::size_t size() const { return views_.size(); }

private:
    std::vector<std::string> texts_;
    std::vector<cmabi_string> views_;
};

inline Type enumeration(std::size_t count) {
    const Labels labels(count);
    Type type;
    REQUIRE_OK(cmabi_type_new_enum, labels.data(), labels.size(), type.out());
    return type;
}

inline Type flags(std::size_t count) {
    const Labels labels(count);
    Type type;
    REQUIRE_OK(cmabi_type_new_flags, labels.data(), labels.size(), type.out());
    return type;
}

inline FuncType func(std::initializer_list<cmabi_field> params, const cmabi_type *result = nullptr,
                     bool is_async = false) {
    FuncType type;
    REQUIRE_OK(cmabi_func_type_new, params.begin(), params.size(), result, is_async, type.out());
    return type;
}

// The package in one text.
inline Wit wit(std::string_view text) {
    const cmabi_wit_file file{view("test.wit"), view(text)};
    Wit wit;
    REQUIRE_OK(cmabi_wit_parse, &file, std::size_t{1}, wit.out());
    return wit;
}
