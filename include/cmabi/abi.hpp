/// @file abi.hpp
///
/// Part of cmabi.hpp, for its own use: which C++ type stands for which WIT type, and the
/// conversions between C++ values and the canonical layout. Types with cases or labels are in
/// cases.hpp.

#ifndef CMABI_ABI_HPP
#define CMABI_ABI_HPP

#include "context.hpp"
#include "values.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace cmabi {

namespace detail {

inline std::string_view part_name(const cmabi_type *type, std::size_t index) {
    return string(cmabi_type_part_name(type, index));
}

/// How the C++ type `T` stands for a WIT type. Each specialization has
///
/// - `canonical`, the type of the value in the canonical layout;
/// - `in_place()`, whether a `T` lies in memory as a `canonical` does;
/// - `matches(type)`, whether `type` is the WIT type, and `describe(text)`, which appends it to
/// `text`;
/// - `lower(to, from, lowering)` and `lift(from, lifting)`.
template <class T, class = void>
struct abi;

/// Whether `T` is a container like `std::set`.
template <class T, class = void>
struct is_set : std::false_type {};
template <class T>
struct is_set<T, std::void_t<typename T::key_type, typename T::value_type>>
    : std::is_same<typename T::key_type, typename T::value_type> {};

/// What stands for no WIT type: says what to do instead. The members keep a compiler from saying more.
template <class T, class>
struct abi {
    static constexpr bool is_text =
        std::is_same_v<T, const char *> || std::is_same_v<T, char *>;
    static constexpr bool is_odd_number = std::is_arithmetic_v<T>;
    static constexpr bool is_struct = std::is_class_v<T> && !is_set<T>::value;

    static_assert(!is_text, "cmabi: `const char *` stands for no WIT type; for `string` use std::string or "
                            "std::string_view");
    static_assert(!std::is_pointer_v<T> || is_text,
                  "cmabi: a pointer stands for no WIT type; pass the value, std::optional<T> for `option<T>`, "
                  "or cmabi::own<T> or cmabi::borrow<T> for a resource");
    static_assert(!is_set<T>::value,
                  "cmabi: a set stands for no WIT type; for `list<T>` use std::vector<T>");
    static_assert(!is_odd_number, "cmabi: this character or number type stands for no WIT type; use char32_t for "
                                  "`char`, std::uint8_t for `u8`, double for `f64`");
    static_assert(!std::is_enum_v<T>,
                  "cmabi: this enum is not named as a WIT type; specialize cmabi::enumeration for `enum` or "
                  "cmabi::flags for `flags`");
    static_assert(!is_struct, "cmabi: this class stands for no WIT type; specialize cmabi::record for a `record`, or "
                              "see the table at the top of cmabi.hpp");
    static_assert(std::is_pointer_v<T> || std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_class_v<T>,
                  "cmabi: this C++ type stands for no WIT type: see the table at the top of cmabi.hpp");

    using canonical = std::uint8_t;
    static constexpr bool in_place() { return false; }
    static bool matches(const cmabi_type *) { return false; }
    static bool matches_elements(const cmabi_type *) { return false; }
    static void describe(std::string &) {}
    template <class From>
    static void lower(canonical &, const From &, lowering &) {}
    static T lift(const canonical &, const lifting &);
};

// What the specializations for more than one type tell their types by.
template <class T, class = void>
struct is_map : std::false_type {};
template <class T>
struct is_map<T, std::void_t<typename T::key_type, typename T::mapped_type>> : std::true_type {};

template <class T, class = void>
struct is_record : std::false_type {};
template <class T>
struct is_record<T, std::void_t<decltype(record<T>::fields)>> : std::true_type {};

template <class T, class = void>
struct is_enumeration : std::false_type {};
template <class T>
struct is_enumeration<T, std::void_t<decltype(enumeration<T>::labels)>> : std::true_type {};

template <class T, class = void>
struct is_flags : std::false_type {};
template <class T>
struct is_flags<T, std::void_t<decltype(flags<T>::labels)>> : std::true_type {};

/// The part that is common to types whose values have the bytes of their canonical type `C`.
template <class T, class C = T>
struct same_bytes {
    static_assert(sizeof(T) == sizeof(C) && std::is_trivially_copyable_v<T>,
                  "a type of cmabi needs parameters in the canonical layout");
    using canonical = C;

    static constexpr bool in_place() { return true; }
    static void lower(C &to, const T &from, lowering &) { copy(to, from); }
    static T lift(const C &from, const lifting &) {
        T to;
        copy(to, from);
        return to;
    }

private:
    template <class To, class From>
    static void copy(To &to, const From &from) {
        std::memcpy(static_cast<void *>(&to), &from, sizeof(To));
    }
};

template <class T, bool = is_case<T>::value>
struct is_empty_case : std::is_void<typename T::case_type> {};
template <class T>
struct is_empty_case<T, false> : std::false_type {};

/// What a case carries: nothing for `void`, `std::monostate`, and structs for cases without payload.
template <class T>
inline constexpr bool is_empty =
    std::is_void_v<T> || std::is_same_v<T, std::monostate> || is_empty_case<T>::value;

template <class T, bool = is_empty<T>>
struct payload : abi<T> {};

template <class T>
struct payload<T, true> {
    using canonical = void;
    static constexpr bool in_place() { return true; }
    static bool matches(const cmabi_type *type) { return type == nullptr; }
};

/// Whether all structs among `Ts` lie in memory as their records do.
template <class... Ts>
bool all_in_place() {
    return (payload<Ts>::in_place() && ...);
}

/// Says in a description why a type that needs that has no match.
template <class... Ts>
void describe_place(std::string &text) {
    if (!all_in_place<Ts...>())
        text += " (of structs with fields not in the order of cmabi::record)";
}

// ---- Scalars

template <class T>
constexpr cmabi_kind scalar_kind() {
    constexpr bool is_signed = std::is_signed_v<T>;
    if constexpr (std::is_same_v<T, bool>)
        return CMABI_KIND_BOOL;
    else if constexpr (std::is_same_v<T, char32_t>)
        return CMABI_KIND_CHAR;
    else if constexpr (std::is_floating_point_v<T>)
        return sizeof(T) == 4 ? CMABI_KIND_F32 : CMABI_KIND_F64;
    else if constexpr (sizeof(T) == 1)
        return is_signed ? CMABI_KIND_S8 : CMABI_KIND_U8;
    else if constexpr (sizeof(T) == 2)
        return is_signed ? CMABI_KIND_S16 : CMABI_KIND_U16;
    else if constexpr (sizeof(T) == 4)
        return is_signed ? CMABI_KIND_S32 : CMABI_KIND_U32;
    else
        return is_signed ? CMABI_KIND_S64 : CMABI_KIND_U64;
}

/// Characters other than `char32_t`, whose kind would be a guess, are left out, and so is `long
/// double`.
template <class T>
inline constexpr bool is_scalar =
    std::is_arithmetic_v<T> && !std::is_same_v<T, char> && !std::is_same_v<T, wchar_t> &&
    !std::is_same_v<T, char16_t> && !std::is_same_v<T, long double>;

template <class T>
struct abi<T, std::enable_if_t<is_scalar<T>>> : same_bytes<T> {
    static bool matches(const cmabi_type *type) {
        return cmabi_type_kind(type) == scalar_kind<T>();
    }
    static void describe(std::string &text) {
        if constexpr (std::is_same_v<T, bool>)
            text += "bool";
        else if constexpr (std::is_same_v<T, char32_t>)
            text += "char";
        else {
            text += std::is_floating_point_v<T> ? 'f' : std::is_signed_v<T> ? 's' : 'u';
            text += std::to_string(8 * sizeof(T));
        }
    }
};

// ---- Strings

template <>
struct abi<string> : same_bytes<string> {
    static bool matches(const cmabi_type *type) {
        return cmabi_type_kind(type) == CMABI_KIND_STRING;
    }
    static void describe(std::string &text) { text += "string"; }
};

template <>
struct abi<std::string_view> : abi<string> {
    static constexpr bool in_place() { return false; }
    static void lower(string &to, std::string_view from, lowering &) { to = from; }
    static std::string_view lift(const string &from, const lifting &) { return from; }
};

template <>
struct abi<std::string> : abi<string> {
    static constexpr bool in_place() { return false; }
    static void lower(string &to, const std::string &from, lowering &memory) {
        to = from;
        if (!memory.keep || from.empty()) return;
        char *copy = memory.allocate<char>(from.size());
        std::memcpy(copy, from.data(), from.size());
        to.ptr = copy;
    }
    static std::string lift(const string &from, const lifting &) {
        return std::string(std::string_view(from));
    }
};

// ---- Lists

/// Whether `T` is a pair or tuple of two, as the elements of a `map` are.
template <class T>
struct is_entry : std::false_type {};
template <class K, class V>
struct is_entry<std::pair<K, V>> : std::true_type {};
template <class K, class V>
struct is_entry<std::tuple<K, V>> : std::true_type {};
template <class K, class V>
struct is_entry<tuple<K, V>> : std::true_type {};

/// Lists of `T`, which also stand for maps where `T` is an entry of one.
template <class T>
struct list_abi {
    using element = abi<T>;
    using canonical = list<typename element::canonical>;

    static constexpr bool in_place() { return false; }
    static bool matches(const cmabi_type *type) {
        if constexpr (is_entry<T>::value)
            if (cmabi_type_kind(type) == CMABI_KIND_MAP) return element::matches_elements(type);
        return cmabi_type_kind(type) == CMABI_KIND_LIST &&
               element::matches(cmabi_type_part_at(type, 0));
    }
    static void describe(std::string &text) {
        text += "list<";
        element::describe(text);
        text += '>';
    }
    /// Lowers the elements of any container one by one.
    template <class Container>
    static void lower(canonical &to, const Container &from, lowering &memory) {
        using C = typename element::canonical;
        C *elements = memory.allocate<C>(from.size());
        to = canonical(elements, from.size());
        for (const auto &value : from)
            element::lower(*new (elements++) C, value, memory);
    }
};

template <class T>
struct abi<list<T>> : same_bytes<list<T>, typename list_abi<T>::canonical> {
    static_assert(sizeof(T) == sizeof(typename abi<T>::canonical),
                  "cmabi::list<T> needs a T in the canonical layout");
    static bool matches(const cmabi_type *type) {
        return all_in_place<T>() && list_abi<T>::matches(type);
    }
    static void describe(std::string &text) {
        list_abi<T>::describe(text);
        describe_place<T>(text);
    }
};

template <class T>
struct abi<std::vector<T>> : list_abi<T> {
    using element = abi<T>;
    using canonical = typename list_abi<T>::canonical;
    using C = typename element::canonical;

    static void lower(canonical &to, const std::vector<T> &from, lowering &memory) {
        if constexpr (!std::is_same_v<T, bool> && sizeof(T) == sizeof(C)) {
            if (element::in_place()) {
                to = canonical(reinterpret_cast<const C *>(from.data()), from.size());
                if (!memory.keep || from.empty()) return;
                C *copy = memory.allocate<C>(from.size());
                std::memcpy(static_cast<void *>(copy), from.data(), from.size() * sizeof(C));
                to.ptr = copy;
                return;
            }
        }
        list_abi<T>::lower(to, from, memory);
    }
    static std::vector<T> lift(const canonical &from, const lifting &cx) {
        if constexpr (!std::is_same_v<T, bool> && sizeof(T) == sizeof(C)) {
            if (element::in_place()) {
                const T *elements = reinterpret_cast<const T *>(from.data());
                return std::vector<T>(elements, elements + from.size());
            }
        }
        std::vector<T> to;
        to.reserve(from.size());
        for (const C &value : from)
            to.push_back(element::lift(value, cx));
        return to;
    }
};

/// `std::map`, `std::unordered_map` and their like. Of entries with the same key the last one
/// counts.
template <class Map>
struct abi<Map, std::enable_if_t<is_map<Map>::value>>
    : list_abi<std::pair<typename Map::key_type, typename Map::mapped_type>> {
    using K = typename Map::key_type;
    using V = typename Map::mapped_type;

    static bool matches(const cmabi_type *type) {
        return cmabi_type_kind(type) == CMABI_KIND_MAP &&
               abi<std::pair<K, V>>::matches_elements(type);
    }
    static void describe(std::string &text) {
        text += "map<";
        abi<K>::describe(text);
        text += ", ";
        abi<V>::describe(text);
        text += '>';
    }
    static Map lift(const typename abi::canonical &from, const lifting &cx) {
        Map to;
        for (const auto &entry : from)
            to.insert_or_assign(abi<K>::lift(entry.template get<0>(), cx),
                                abi<V>::lift(entry.template get<1>(), cx));
        return to;
    }
};

template <class T, std::size_t N>
struct abi<std::array<T, N>> {
    using element = abi<T>;
    using canonical = std::array<typename element::canonical, N>;

    static bool in_place() { return element::in_place(); }
    static bool matches(const cmabi_type *type) {
        return cmabi_type_kind(type) == CMABI_KIND_FIXED_LIST && cmabi_type_length(type) == N &&
               element::matches(cmabi_type_part_at(type, 0));
    }
    static void describe(std::string &text) {
        text += "list<";
        element::describe(text);
        text += ", " + std::to_string(N) + '>';
    }
    static void lower(canonical &to, const std::array<T, N> &from, lowering &memory) {
        for (std::size_t i = 0; i < N; ++i)
            element::lower(to[i], from[i], memory);
    }
    static std::array<T, N> lift(const canonical &from, const lifting &cx) {
        std::array<T, N> to{};
        for (std::size_t i = 0; i < N; ++i)
            to[i] = element::lift(from[i], cx);
        return to;
    }
};

// ---- Tuples and records

/// Appends the descriptions of `Ts`, with commas between them.
template <class... Ts>
void describe_all(std::string &text) {
    [[maybe_unused]] const char *separator = "";
    ((text += separator, abi<Ts>::describe(text), separator = ", "), ...);
}

/// Tuples: `Tuple` is a `std::tuple`, a `std::pair` or a `cmabi::tuple` of `Ts`.
template <class Tuple, class... Ts>
struct tuple_abi {
    using canonical = tuple<typename abi<Ts>::canonical...>;

    static constexpr bool in_place() { return false; }
    static bool matches(const cmabi_type *type) {
        return cmabi_type_kind(type) == CMABI_KIND_TUPLE && matches_elements(type);
    }
    /// Whether what is inside `type`, a tuple or a map, is `Ts`.
    static bool matches_elements(const cmabi_type *type) {
        std::size_t i = 0;
        return cmabi_type_part_count(type) == sizeof...(Ts) &&
               (abi<Ts>::matches(cmabi_type_part_at(type, i++)) && ...);
    }
    static void describe(std::string &text) {
        text += "tuple<";
        describe_all<Ts...>(text);
        text += '>';
    }
    /// From any tuple of as many elements, which includes the `std::pair<const K, V>` of a map.
    template <class From>
    static void lower(canonical &to, const From &from, lowering &memory) {
        lower(to, from, memory, std::index_sequence_for<Ts...>());
    }
    static Tuple lift(const canonical &from, const lifting &cx) {
        return lift(from, cx, std::index_sequence_for<Ts...>());
    }

private:
    template <class From, std::size_t... Is>
    static void lower(canonical &to, const From &from, lowering &memory,
                      std::index_sequence<Is...>) {
        (abi<Ts>::lower(to.template get<Is>(), std::get<Is>(from), memory), ...);
    }
    template <std::size_t... Is>
    static Tuple lift(const canonical &from, [[maybe_unused]] const lifting &cx,
                      std::index_sequence<Is...>) {
        return Tuple(abi<Ts>::lift(from.template get<Is>(), cx)...);
    }
};

template <class... Ts>
struct abi<std::tuple<Ts...>> : tuple_abi<std::tuple<Ts...>, Ts...> {};

template <class A, class B>
struct abi<std::pair<A, B>> : tuple_abi<std::pair<A, B>, A, B> {};

template <class... Ts>
struct abi<tuple<Ts...>> : same_bytes<tuple<Ts...>, tuple<typename abi<Ts>::canonical...>> {
    using like = tuple_abi<tuple<Ts...>, Ts...>;

    static bool matches(const cmabi_type *type) {
        return cmabi_type_kind(type) == CMABI_KIND_TUPLE && matches_elements(type);
    }
    static bool matches_elements(const cmabi_type *type) {
        return all_in_place<Ts...>() && like::matches_elements(type);
    }
    static void describe(std::string &text) {
        like::describe(text);
        describe_place<Ts...>(text);
    }
};

template <class T, class Fields>
struct record_abi;

template <class T, class... Members>
struct record_abi<T, std::tuple<record_field<T, Members>...>> {
    using canonical = tuple<typename abi<Members>::canonical...>;

    /// Whether the compiler laid the struct out as the canonical ABI does; computed from constants.
    static bool in_place() {
        if constexpr (std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T> &&
                      sizeof(T) == sizeof(canonical))
            return in_place(indices());
        else
            return false;
    }
    static bool matches(const cmabi_type *type) {
        return cmabi_type_kind(type) == CMABI_KIND_RECORD &&
               cmabi_type_part_count(type) == sizeof...(Members) && matches(type, indices());
    }
    static void describe(std::string &text) {
        text += "record { ";
        describe(text, indices());
        text += " }";
    }
    static void lower(canonical &to, const T &from, lowering &memory) {
        lower(to, from, memory, indices());
    }
    static T lift(const canonical &from, const lifting &cx) {
        T to{};
        lift(to, from, cx, indices());
        return to;
    }

private:
    using indices = std::index_sequence_for<Members...>;

    template <std::size_t I>
    static constexpr auto field = std::get<I>(record<T>::fields);

    template <std::size_t... Is>
    static bool in_place(std::index_sequence<Is...>) {
        alignas(T) unsigned char room[sizeof(T)] = {};
        const T *object = reinterpret_cast<const T *>(room);
        constexpr auto offsets = field_offsets<typename abi<Members>::canonical...>();
        return ((abi<Members>::in_place() &&
                 reinterpret_cast<const unsigned char *>(&(object->*field<Is>.member)) ==
                     room + offsets[Is]) &&
                ...);
    }
    template <std::size_t... Is>
    static bool matches(const cmabi_type *type, std::index_sequence<Is...>) {
        return ((part_name(type, Is) == field<Is>.name &&
                 abi<Members>::matches(cmabi_type_part_at(type, Is))) &&
                ...);
    }
    template <std::size_t... Is>
    static void describe(std::string &text, std::index_sequence<Is...>) {
        ((text += Is == 0 ? "" : ", ", text += field<Is>.name, text += ": ",
          abi<Members>::describe(text)),
         ...);
    }
    template <std::size_t... Is>
    static void lower(canonical &to, const T &from, lowering &memory, std::index_sequence<Is...>) {
        (abi<Members>::lower(to.template get<Is>(), from.*field<Is>.member, memory), ...);
    }
    template <std::size_t... Is>
    static void lift(T &to, const canonical &from, const lifting &cx, std::index_sequence<Is...>) {
        ((to.*field<Is>.member = abi<Members>::lift(from.template get<Is>(), cx)), ...);
    }
};

template <class T>
struct abi<T, std::enable_if_t<is_record<T>::value>>
    : record_abi<T, std::remove_cv_t<decltype(record<T>::fields)>> {};

// ---- What is inside

/// Whether a `T` points to memory that it does not own.
template <class T>
struct points_elsewhere : std::false_type {};
template <>
struct points_elsewhere<string> : std::true_type {};
template <>
struct points_elsewhere<std::string_view> : std::true_type {};
template <class T>
struct points_elsewhere<list<T>> : std::true_type {};

/// Whether a `T` is a generated class of a resource of a component's.
template <class T, class = void>
struct is_resource_class : std::false_type {};
template <class T>
struct is_resource_class<T, std::void_t<typename T::resource_class>> : std::true_type {};

/// Whether a `T` is a handle that ends where it is passed on.
template <class T>
struct gives_handle : is_resource_class<T> {};

/// The types of a record's fields.
template <class Fields>
struct members;
template <class T, class... Members>
struct members<std::tuple<record_field<T, Members>...>> {
    using type = std::tuple<Members...>;
};

/// Whether `Is` holds for `T` or for anything inside of it.
template <template <class> class Is, class T, class = void>
struct any_part : Is<T> {};
template <template <class> class Is, class T>
struct any_part<Is, T, std::enable_if_t<is_record<T>::value>>
    : any_part<Is, typename members<std::remove_cv_t<decltype(record<T>::fields)>>::type> {};
template <template <class> class Is, class T>
struct any_part<Is, T, std::enable_if_t<is_case<T>::value>> : any_part<Is, typename T::case_type> {};
template <template <class> class Is, class T, std::size_t N>
struct any_part<Is, std::array<T, N>> : any_part<Is, T> {};
template <template <class> class Is, template <class...> class Template, class... Ts>
struct any_part<Is, Template<Ts...>,
                std::enable_if_t<!is_record<Template<Ts...>>::value &&
                                 !gives_handle<Template<Ts...>>::value>>
    : std::disjunction<Is<Template<Ts...>>, any_part<Is, Ts>...> {};

} // namespace detail

} // namespace cmabi

#endif // CMABI_ABI_HPP
