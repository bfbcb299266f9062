/// @file cases.hpp
///
/// Part of cmabi.hpp, for its own use: the C++ types that stand for the WIT types with cases or labels, as
/// abi.hpp has those for the others.

#ifndef CMABI_CASES_HPP
#define CMABI_CASES_HPP

#include "abi.hpp"

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace cmabi {

namespace detail {

// ---- Variants, options, results

/// What the kinds with cases have in common, whose payloads are `Ts`.
template <class... Ts>
struct cases {
    static bool matches(cmabi_kind kind, const cmabi_type *type) {
        std::size_t i = 0;
        return cmabi_type_kind(type) == kind && cmabi_type_part_count(type) == sizeof...(Ts) &&
               (payload<Ts>::matches(cmabi_type_part_at(type, i++)) && ...);
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
    static std::optional<T> lift(const canonical &from, const lifting &cx) {
        if (!from) return std::nullopt;
        return abi<T>::lift(*from, cx);
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
    static expected<T, E> lift(const canonical &from, const lifting &cx) {
        return from ? side<0, T>(from, cx) : side<1, E>(from, cx);
    }

private:
    template <std::size_t I, class Payload>
    static expected<T, E> side([[maybe_unused]] const canonical &from,
                               [[maybe_unused]] const lifting &cx) {
        if constexpr (is_empty<Payload>)
            return expected<T, E>(std::in_place_index<I>);
        else
            return expected<T, E>(std::in_place_index<I>,
                                  payload<Payload>::lift(from.template get<I>(), cx));
    }
};

/// A struct for a case.
template <class T>
struct abi<T, std::enable_if_t<is_case<T>::value && !is_empty<T>>> {
    using payload = abi<typename T::case_type>;
    using canonical = typename payload::canonical;

    static constexpr bool in_place() { return false; }
    static bool matches(const cmabi_type *type) { return payload::matches(type); }
    static void describe(std::string &text) { payload::describe(text); }
    static void lower(canonical &to, const T &from, lowering &memory) {
        payload::lower(to, from.value, memory);
    }
    static T lift(const canonical &from, const lifting &cx) {
        return T{payload::lift(from, cx)};
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
    static std::variant<Ts...> lift(const canonical &from, const lifting &cx) {
        return lift(from, cx, std::index_sequence_for<Ts...>());
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
    static std::variant<Ts...> lift(const canonical &from, const lifting &cx,
                                    std::index_sequence<Is...>) {
        using lifter = std::variant<Ts...> (*)(const canonical &, const lifting &);
        static constexpr lifter lifters[] = {&lift_case<Is>...};
        return lifters[from.index()](from, cx);
    }
    template <std::size_t I>
    static std::variant<Ts...> lift_case([[maybe_unused]] const canonical &from,
                                         [[maybe_unused]] const lifting &cx) {
        using P = payload<std::tuple_element_t<I, std::tuple<Ts...>>>;
        if constexpr (std::is_void_v<typename P::canonical>)
            return std::variant<Ts...>(std::in_place_index<I>);
        else
            return std::variant<Ts...>(std::in_place_index<I>,
                                       P::lift(from.template get<I>(), cx));
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
    static void lower(canonical &to, E from, lowering &) {
        to = static_cast<canonical>(from);
        // Of the values that fit, C tells which are none.
        if (static_cast<E>(to) != from)
            throw error(CMABI_STATUS_INVALID_ARGUMENT,
                        "an enum has the value " +
                            std::to_string(static_cast<std::underlying_type_t<E>>(from)) +
                            ", which is none of its labels");
    }
    static E lift(canonical from, const lifting &) { return static_cast<E>(from); }
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
    static std::bitset<N> lift(canonical from, const lifting &) { return std::bitset<N>(from); }
};

} // namespace detail

} // namespace cmabi

#endif // CMABI_CASES_HPP
