/// @file abi.hpp
///
/// Part of cmabi.hpp, for its own use: which C++ type stands for which WIT type, and the
/// conversions between C++ values and the canonical layout.

#ifndef CMABI_ABI_HPP
#define CMABI_ABI_HPP

#include "error.hpp"
#include "values.hpp"

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <optional>
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

/// What lowering needs besides the value: memory for what a pointer leads to.
class lowering {
public:
    /// `keep`: whether what is lowered must outlive the value, which is so for the results of host
    /// functions. Views point to what lives on by itself and are never copied.
    lowering(cmabi_arena *arena, bool keep) : keep(keep), arena_(arena) {}

    template <class T>
    T *allocate(std::size_t count) {
        if (count == 0) return nullptr;
        return static_cast<T *>(
            call_out<void *>(cmabi_arena_alloc, arena_, count * sizeof(T), alignof(T)));
    }

    const bool keep;

private:
    cmabi_arena *arena_;
};

/// How the C++ type `T` stands for a WIT type. Each specialization has
///
/// - `canonical`, the type of the value in the canonical layout;
/// - `in_place()`, whether a `T` lies in memory as a `canonical` does;
/// - `matches(type)`, whether `type` is the WIT type, and `describe(text)`, which appends it to
/// `text`;
/// - `lower(to, from, lowering)` and `lift(from)`.
template <class T, class = void>
struct abi {
    static_assert(sizeof(T) == 0,
                  "this C++ type stands for no WIT type: see the table at the top of cmabi.hpp");
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
    static T lift(const C &from) {
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

/// What a case carries: nothing for `void` and `std::monostate`.
template <class T>
inline constexpr bool is_empty = std::is_void_v<T> || std::is_same_v<T, std::monostate>;

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
    static std::string_view lift(const string &from) { return from; }
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
    static std::string lift(const string &from) { return std::string(std::string_view(from)); }
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
               element::matches(cmabi_type_part(type, 0));
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
    static std::vector<T> lift(const canonical &from) {
        if constexpr (!std::is_same_v<T, bool> && sizeof(T) == sizeof(C)) {
            if (element::in_place()) {
                const T *elements = reinterpret_cast<const T *>(from.data());
                return std::vector<T>(elements, elements + from.size());
            }
        }
        std::vector<T> to;
        to.reserve(from.size());
        for (const C &value : from)
            to.push_back(element::lift(value));
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
    static Map lift(const typename abi::canonical &from) {
        Map to;
        for (const auto &entry : from)
            to.insert_or_assign(abi<K>::lift(entry.template get<0>()),
                                abi<V>::lift(entry.template get<1>()));
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
               element::matches(cmabi_type_part(type, 0));
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
    static std::array<T, N> lift(const canonical &from) {
        std::array<T, N> to{};
        for (std::size_t i = 0; i < N; ++i)
            to[i] = element::lift(from[i]);
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
               (abi<Ts>::matches(cmabi_type_part(type, i++)) && ...);
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
    static Tuple lift(const canonical &from) {
        return lift(from, std::index_sequence_for<Ts...>());
    }

private:
    template <class From, std::size_t... Is>
    static void lower(canonical &to, const From &from, lowering &memory,
                      std::index_sequence<Is...>) {
        (abi<Ts>::lower(to.template get<Is>(), std::get<Is>(from), memory), ...);
    }
    template <std::size_t... Is>
    static Tuple lift(const canonical &from, std::index_sequence<Is...>) {
        return Tuple(abi<Ts>::lift(from.template get<Is>())...);
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
    static T lift(const canonical &from) {
        T to{};
        lift(to, from, indices());
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
                 abi<Members>::matches(cmabi_type_part(type, Is))) &&
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
    static void lift(T &to, const canonical &from, std::index_sequence<Is...>) {
        ((to.*field<Is>.member = abi<Members>::lift(from.template get<Is>())), ...);
    }
};

template <class T>
struct abi<T, std::enable_if_t<is_record<T>::value>>
    : record_abi<T, std::remove_cv_t<decltype(record<T>::fields)>> {};

// ---- Variants, options, results

/// What the kinds with cases have in common, whose payloads are `Ts`.
template <class... Ts>
struct cases {
    static bool matches(cmabi_kind kind, const cmabi_type *type) {
        std::size_t i = 0;
        return cmabi_type_kind(type) == kind && cmabi_type_part_count(type) == sizeof...(Ts) &&
               (payload<Ts>::matches(cmabi_type_part(type, i++)) && ...);
    }
    /// Makes `to` the case `I` with the payload `from`.
    template <std::size_t I, class Canonical, class T>
    static void lower(Canonical &to, [[maybe_unused]] const T &from,
                      [[maybe_unused]] lowering &memory) {
        using P = payload<std::tuple_element_t<I, std::tuple<Ts...>>>;
        if constexpr (std::is_void_v<typename P::canonical>)
            to.template emplace<I>();
        else
            P::lower(to.template emplace<I>(), from, memory);
    }
};

template <class T>
struct option_type {
    static bool matches(const cmabi_type *type) {
        return cases<void, T>::matches(CMABI_KIND_OPTION, type);
    }
    static void describe(std::string &text) {
        text += "option<";
        abi<T>::describe(text);
        text += '>';
    }
};

template <class T>
struct abi<option<T>> : option_type<T>, same_bytes<option<T>, option<typename abi<T>::canonical>> {
    static bool matches(const cmabi_type *type) {
        return all_in_place<T>() && option_type<T>::matches(type);
    }
    static void describe(std::string &text) {
        option_type<T>::describe(text);
        describe_place<T>(text);
    }
};

template <class T>
struct abi<std::optional<T>> : option_type<T> {
    using canonical = option<typename abi<T>::canonical>;

    static constexpr bool in_place() { return false; }
    static void lower(canonical &to, const std::optional<T> &from, lowering &memory) {
        to = canonical();
        if (from) cases<void, T>::template lower<1>(to, *from, memory);
    }
    static std::optional<T> lift(const canonical &from) {
        if (!from) return std::nullopt;
        return abi<T>::lift(*from);
    }
};

template <class T, class E>
struct result_type {
    static bool matches(const cmabi_type *type) {
        return cases<T, E>::matches(CMABI_KIND_RESULT, type);
    }
    static void describe(std::string &text) {
        text += "result";
        if constexpr (!is_empty<T> && !is_empty<E>)
            describe_sides<T, E>(text);
        else if constexpr (!is_empty<T>)
            describe_sides<T>(text);
        else if constexpr (!is_empty<E>) {
            text += "<_, ";
            abi<E>::describe(text);
            text += '>';
        }
    }

private:
    template <class... Ts>
    static void describe_sides(std::string &text) {
        text += '<';
        describe_all<Ts...>(text);
        text += '>';
    }
};

template <class T, class E>
using canonical_result = result<typename payload<T>::canonical, typename payload<E>::canonical>;

template <class T, class E>
struct abi<result<T, E>> : result_type<T, E>, same_bytes<result<T, E>, canonical_result<T, E>> {
    static bool matches(const cmabi_type *type) {
        return all_in_place<T, E>() && result_type<T, E>::matches(type);
    }
    static void describe(std::string &text) {
        result_type<T, E>::describe(text);
        describe_place<T, E>(text);
    }
};

template <class T, class E>
struct abi<expected<T, E>> : result_type<T, E> {
    using canonical = canonical_result<T, E>;

    static constexpr bool in_place() { return false; }
    static void lower(canonical &to, const expected<T, E> &from, lowering &memory) {
        if (from)
            cases<T, E>::template lower<0>(to, from.value(), memory);
        else
            cases<T, E>::template lower<1>(to, from.error(), memory);
    }
    static expected<T, E> lift(const canonical &from) {
        return from ? side<0, T>(from) : side<1, E>(from);
    }

private:
    template <std::size_t I, class Payload>
    static expected<T, E> side(const canonical &from) {
        if constexpr (is_empty<Payload>)
            return expected<T, E>(std::in_place_index<I>);
        else
            return expected<T, E>(std::in_place_index<I>,
                                  payload<Payload>::lift(from.template get<I>()));
    }
};

template <class... Ts>
struct variant_type {
    static bool matches(const cmabi_type *type) {
        return cases<Ts...>::matches(CMABI_KIND_VARIANT, type);
    }
    static void describe(std::string &text) {
        text += "variant { ";
        [[maybe_unused]] const char *separator = "";
        ((text += separator, describe_case<Ts>(text), separator = ", "), ...);
        text += " }";
    }

private:
    template <class T>
    static void describe_case(std::string &text) {
        text += '_';
        if constexpr (!is_empty<T>) {
            text += '(';
            abi<T>::describe(text);
            text += ')';
        }
    }
};

template <class... Ts>
using canonical_variant = variant<typename payload<Ts>::canonical...>;

template <class... Ts>
struct abi<variant<Ts...>> : variant_type<Ts...>,
                             same_bytes<variant<Ts...>, canonical_variant<Ts...>> {
    static bool matches(const cmabi_type *type) {
        return all_in_place<Ts...>() && variant_type<Ts...>::matches(type);
    }
    static void describe(std::string &text) {
        variant_type<Ts...>::describe(text);
        describe_place<Ts...>(text);
    }
};

template <class... Ts>
struct abi<std::variant<Ts...>> : variant_type<Ts...> {
    using canonical = canonical_variant<Ts...>;

    static constexpr bool in_place() { return false; }
    static void lower(canonical &to, const std::variant<Ts...> &from, lowering &memory) {
        lower(to, from, memory, std::index_sequence_for<Ts...>());
    }
    static std::variant<Ts...> lift(const canonical &from) {
        return lift(from, std::index_sequence_for<Ts...>());
    }

private:
    template <std::size_t... Is>
    static void lower(canonical &to, const std::variant<Ts...> &from, lowering &memory,
                      std::index_sequence<Is...>) {
        bool lowered =
            ((from.index() == Is &&
              (cases<Ts...>::template lower<Is>(to, *std::get_if<Is>(&from), memory), true)) ||
             ...);
        if (!lowered) throw std::bad_variant_access();
    }
    template <std::size_t... Is>
    static std::variant<Ts...> lift(const canonical &from, std::index_sequence<Is...>) {
        using lifter = std::variant<Ts...> (*)(const canonical &);
        static constexpr lifter lifters[] = {&lift_case<Is>...};
        return lifters[from.index()](from);
    }
    template <std::size_t I>
    static std::variant<Ts...> lift_case(const canonical &from) {
        using P = payload<std::tuple_element_t<I, std::tuple<Ts...>>>;
        if constexpr (std::is_void_v<typename P::canonical>)
            return std::variant<Ts...>(std::in_place_index<I>);
        else
            return std::variant<Ts...>(std::in_place_index<I>, P::lift(from.template get<I>()));
    }
};

// ---- Enums and flags

/// Whether the labels of `type` are `labels`.
template <std::size_t N>
bool matches_labels(const cmabi_type *type, const std::array<const char *, N> &labels) {
    if (cmabi_type_part_count(type) != N) return false;
    for (std::size_t i = 0; i < N; ++i)
        if (part_name(type, i) != labels[i]) return false;
    return true;
}

template <std::size_t N>
void describe_labels(std::string &text, const std::array<const char *, N> &labels) {
    text += "{ ";
    [[maybe_unused]] const char *separator = "";
    for (const char *label : labels)
        text += separator, text += label, separator = ", ";
    text += " }";
}

/// The conversions of an enum `E` to and from the unsigned integer `Canonical`.
template <class E, class Canonical>
struct enum_abi {
    using canonical = Canonical;

    static constexpr bool in_place() { return sizeof(E) == sizeof(Canonical); }
    static void lower(canonical &to, E from, lowering &) { to = static_cast<canonical>(from); }
    static E lift(canonical from) { return static_cast<E>(from); }
};

template <class E>
struct abi<E, std::enable_if_t<is_enumeration<E>::value>>
    : enum_abi<E, discriminant<enumeration<E>::labels.size()>> {
    static bool matches(const cmabi_type *type) {
        return cmabi_type_kind(type) == CMABI_KIND_ENUM &&
               matches_labels(type, enumeration<E>::labels);
    }
    static void describe(std::string &text) {
        text += "enum ";
        describe_labels(text, enumeration<E>::labels);
    }
};

/// The integer that holds `N` flags.
template <std::size_t N>
using flags_int = std::conditional_t<N <= 8, std::uint8_t,
                                     std::conditional_t<N <= 16, std::uint16_t, std::uint32_t>>;

template <class E>
struct abi<E, std::enable_if_t<is_flags<E>::value>>
    : enum_abi<E, flags_int<flags<E>::labels.size()>> {
    static bool matches(const cmabi_type *type) {
        return cmabi_type_kind(type) == CMABI_KIND_FLAGS && matches_labels(type, flags<E>::labels);
    }
    static void describe(std::string &text) {
        text += "flags ";
        describe_labels(text, flags<E>::labels);
    }
};

/// Flags by position.
template <std::size_t N>
struct abi<std::bitset<N>> {
    static_assert(N >= 1 && N <= 32, "flags have 1 to 32 labels");
    using canonical = flags_int<N>;

    static constexpr bool in_place() { return false; }
    static bool matches(const cmabi_type *type) {
        return cmabi_type_kind(type) == CMABI_KIND_FLAGS && cmabi_type_part_count(type) == N;
    }
    static void describe(std::string &text) { text += "flags of " + std::to_string(N); }
    static void lower(canonical &to, const std::bitset<N> &from, lowering &) {
        to = static_cast<canonical>(from.to_ulong());
    }
    static std::bitset<N> lift(canonical from) { return std::bitset<N>(from); }
};

} // namespace detail

} // namespace cmabi

#endif // CMABI_ABI_HPP
