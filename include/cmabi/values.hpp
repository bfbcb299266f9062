/// @file values.hpp
///
/// Part of cmabi.hpp: values in the canonical layout, the values of `result` types that C++ owns, and how
/// structs and enums get the names of WIT.

#ifndef CMABI_VALUES_HPP
#define CMABI_VALUES_HPP

#include "../cmabi.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

/// What names types of a program's own as WIT types. It is used as `cmabi::record` and so on; here it is so that a
/// specialization finds the program's names, as `config`, and not those of cmabi.
namespace cmabi_naming {

/// Names a struct as a `record`: `fields` lists its fields in the order of WIT, with their names
/// there.
///
///     struct point { double x, y; };
///     template <> struct cmabi::record<point> {
///         static constexpr auto fields =
///             std::make_tuple(cmabi::field("x", &point::x), cmabi::field("y", &point::y));
///     };
///
/// A struct whose fields are of types of the table's last column, listed in the order in which they
/// are declared, lies in memory like the record: lists of it cross without a conversion.
template <class T>
struct record {};

/// Names an enum as an `enum`: the label at index `i` is the enumerator with the value `i`.
///
///     enum class level : std::uint8_t { low, high };
///     template <> struct cmabi::enumeration<level> {
///         static constexpr std::array labels{"low", "high"};
///     };
template <class E>
struct enumeration {};

/// Names an enum as `flags`: the label at index `i` is the bit `1 << i`.
///
///     enum class mode : std::uint8_t { read = 1, write = 2 };
///     template <> struct cmabi::flags<mode> {
///         static constexpr std::array labels{"read", "write"};
///     };
template <class E>
struct flags {};

} // namespace cmabi_naming

namespace cmabi {

using cmabi_naming::enumeration;
using cmabi_naming::flags;
using cmabi_naming::record;

// ================================================================================================
// Values in the canonical layout
// ================================================================================================

namespace detail {

/// The alignment of a canonical value: that of C++, but for 64-bit scalars also where the
/// platform's own is smaller (i386 System V).
template <class T>
inline constexpr std::size_t align_of = std::is_arithmetic_v<T> || std::is_enum_v<T> ? sizeof(T)
                                                                                     : alignof(T);

template <>
inline constexpr std::size_t align_of<void> = 1;

template <class T>
inline constexpr std::size_t size_of = sizeof(T);

template <>
inline constexpr std::size_t size_of<void> = 0;

constexpr std::size_t align_to(std::size_t offset, std::size_t alignment) {
    return (offset + alignment - 1) / alignment * alignment;
}

/// Where the fields of a record or tuple of `Ts` lie; the last number is the whole size.
template <class... Ts>
constexpr std::array<std::size_t, sizeof...(Ts) + 1> field_offsets() {
    std::array<std::size_t, sizeof...(Ts) + 1> offsets{};
    std::size_t end = 0, index = 0;
    ((offsets[index] = align_to(end, align_of<Ts>), end = offsets[index++] + size_of<Ts>), ...);
    offsets[index] = align_to(end, (std::max)({std::size_t{1}, align_of<Ts>...}));
    return offsets;
}

/// An unsigned integer of the size of a discriminant for `Cases` cases.
template <std::size_t Cases>
using discriminant =
    std::conditional_t<Cases <= 0x100, std::uint8_t,
                       std::conditional_t<Cases <= 0x10000, std::uint16_t, std::uint32_t>>;

/// A tag and room for a payload; the room is left out where no case has a payload.
template <class Tag, std::size_t Size, std::size_t Align>
struct tagged {
    Tag tag{};
    alignas(Align) unsigned char bytes[Size]{};
    void *payload() { return bytes; }
    const void *payload() const { return bytes; }
};

template <class Tag, std::size_t Align>
struct tagged<Tag, 0, Align> {
    Tag tag{};
    void *payload() { return this; }
    const void *payload() const { return this; }
};

} // namespace detail

/// `string`: UTF-8 that lies somewhere else. A `cmabi_string`.
struct string : cmabi_string {
    string() : cmabi_string{nullptr, 0} {}
    string(cmabi_string text) : cmabi_string(text) {}
    string(std::string_view text) : cmabi_string{text.data(), text.size()} {}
    string(const std::string &text) : string(std::string_view(text)) {}
    string(const char *text) : string(std::string_view(text)) {}

    operator std::string_view() const {
        return len == 0 ? std::string_view() : std::string_view(ptr, len);
    }
    friend bool operator==(string a, string b) {
        return std::string_view(a) == std::string_view(b);
    }
    friend bool operator!=(string a, string b) { return !(a == b); }
};

/// `list<T>`: elements that lie somewhere else, one behind the other.
template <class T>
struct list {
    static_assert(std::is_trivially_copyable_v<T>,
                  "cmabi::list<T> needs a T in the canonical layout");

    const T *ptr = nullptr;
    std::size_t len = 0;

    list() = default;
    list(const T *elements, std::size_t count) : ptr(elements), len(count) {}
    /// Views the elements of a `std::vector`, `std::array`, `std::span` or the like.
    template <class Container, class = std::enable_if_t<std::is_convertible_v<
                                   decltype(std::declval<const Container &>().data()), const T *>>>
    list(const Container &elements) : ptr(elements.data()), len(elements.size()) {}

    const T *data() const { return ptr; }
    std::size_t size() const { return len; }
    bool empty() const { return len == 0; }
    const T *begin() const { return ptr; }
    const T *end() const { return ptr + len; }
    const T &operator[](std::size_t index) const { return ptr[index]; }
};

/// `tuple<Ts…>`, and the layout of records. Structured bindings work on it.
template <class... Ts>
class tuple {
    static_assert((std::is_trivially_copyable_v<Ts> && ...),
                  "cmabi::tuple<Ts...> needs Ts in the canonical layout");
    static constexpr auto offsets = detail::field_offsets<Ts...>();

    alignas((std::max)({std::size_t{1}, detail::align_of<Ts>...})) unsigned char bytes_
        [std::max<std::size_t>(offsets[sizeof...(Ts)], 1)]{};

public:
    template <std::size_t I>
    using element = std::tuple_element_t<I, std::tuple<Ts...>>;

    tuple() = default;
    template <class... Us,
              class = std::enable_if_t<sizeof...(Us) == sizeof...(Ts) && sizeof...(Us) != 0 &&
                                       (std::is_convertible_v<Us, Ts> && ...)>>
    tuple(const Us &...values) {
        assign(std::index_sequence_for<Ts...>(), values...);
    }

    template <std::size_t I>
    element<I> &get() {
        return *reinterpret_cast<element<I> *>(bytes_ + offsets[I]);
    }
    template <std::size_t I>
    const element<I> &get() const {
        return *reinterpret_cast<const element<I> *>(bytes_ + offsets[I]);
    }

private:
    template <std::size_t... Is, class... Us>
    void assign(std::index_sequence<Is...>, const Us &...values) {
        ((get<Is>() = values), ...);
    }
};

/// `variant`: the case's index and its payload, `void` for cases that have none.
template <class... Ts>
class variant {
    static_assert(((std::is_void_v<Ts> || std::is_trivially_copyable_v<Ts>)&&...),
                  "cmabi::variant<Ts...> needs Ts in the canonical layout");

    detail::tagged<detail::discriminant<sizeof...(Ts)>, (std::max)({detail::size_of<Ts>...}),
                   (std::max)({detail::align_of<Ts>...})>
        value_;

public:
    template <std::size_t I>
    using alternative = std::tuple_element_t<I, std::tuple<Ts...>>;

    /// The first case, its payload all zero.
    variant() = default;
    /// A case without a payload.
    template <std::size_t I>
    explicit variant(std::in_place_index_t<I>) {
        static_assert(std::is_void_v<alternative<I>>, "this case has a payload");
        emplace<I>();
    }
    /// A case with its payload.
    template <std::size_t I, class U>
    variant(std::in_place_index_t<I>, const U &payload) {
        emplace<I>() = payload;
    }

    /// Makes it case `I` and gives its payload to be written.
    template <std::size_t I>
    std::add_lvalue_reference_t<alternative<I>> emplace() {
        value_.tag = static_cast<decltype(value_.tag)>(I);
        if constexpr (!std::is_void_v<alternative<I>>) return get<I>();
    }

    std::size_t index() const { return value_.tag; }
    /// The payload of case `I`, which is the one it holds: not checked.
    template <std::size_t I>
    alternative<I> &get() {
        return *static_cast<alternative<I> *>(value_.payload());
    }
    template <std::size_t I>
    const alternative<I> &get() const {
        return *static_cast<const alternative<I> *>(value_.payload());
    }
};

/// `option<T>`.
template <class T>
class option : public variant<void, T> {
public:
    option() = default;
    option(std::nullopt_t) {}
    option(const T &value) { this->template emplace<1>() = value; }

    bool has_value() const { return this->index() == 1; }
    explicit operator bool() const { return has_value(); }
    /// The value, which is to be there: not checked.
    T &operator*() { return this->template get<1>(); }
    const T &operator*() const { return this->template get<1>(); }
    T *operator->() { return &**this; }
    const T *operator->() const { return &**this; }
};

/// The error of an `expected` or `result`; `unexpected<>()` where the error side carries nothing.
template <class E = void>
struct unexpected {
    E error;
    explicit unexpected(E value) : error(std::move(value)) {}
};
template <>
struct unexpected<void> {};

/// `result<T, E>`; either side may be `void`.
template <class T, class E>
class result : public variant<T, E> {
public:
    result() = default;
    template <class U = T, class = std::enable_if_t<!std::is_void_v<U>>>
    result(const U &value) {
        this->template emplace<0>() = value;
    }
    result([[maybe_unused]] unexpected<E> error) {
        if constexpr (std::is_void_v<E>)
            this->template emplace<1>();
        else
            this->template emplace<1>() = error.error;
    }

    bool has_value() const { return this->index() == 0; }
    explicit operator bool() const { return has_value(); }
    /// The value, which is to be there: not checked.
    decltype(auto) operator*() const { return this->template get<0>(); }
    /// The error, which is to be there: not checked.
    decltype(auto) error() const { return this->template get<1>(); }
};

// ================================================================================================
// Values that C++ owns
// ================================================================================================

/// `result<T, E>` as an owning value, in the manner of C++23's `std::expected`; either side may be
/// `void`.
template <class T, class E>
class expected {
    template <class U>
    using held = std::conditional_t<std::is_void_v<U>, std::monostate, U>;

    std::variant<held<T>, held<E>> value_;

public:
    using value_type = T;
    using error_type = E;

    expected() = default;
    template <class U = T, class = std::enable_if_t<std::is_convertible_v<U &&, held<T>> &&
                                                    !std::is_same_v<std::decay_t<U>, expected>>>
    expected(U &&value) : value_(std::in_place_index<0>, std::forward<U>(value)) {}
    template <class U,
              class = std::enable_if_t<std::is_convertible_v<U, E> || std::is_same_v<U, E>>>
    expected(unexpected<U> error) {
        if constexpr (std::is_void_v<U>)
            value_.template emplace<1>();
        else
            value_.template emplace<1>(std::move(error.error));
    }

    /// The value (0) or the error (1), made in place.
    template <std::size_t I, class... Us>
    explicit expected(std::in_place_index_t<I> side, Us &&...payload)
        : value_(side, std::forward<Us>(payload)...) {}

    bool has_value() const { return value_.index() == 0; }
    explicit operator bool() const { return has_value(); }
    /// The value; throws `std::bad_variant_access` when it is the error.
    held<T> &value() { return std::get<0>(value_); }
    const held<T> &value() const { return std::get<0>(value_); }
    held<T> &operator*() { return value(); }
    const held<T> &operator*() const { return value(); }
    held<T> *operator->() { return &value(); }
    const held<T> *operator->() const { return &value(); }
    /// The error; throws `std::bad_variant_access` when it is the value.
    held<E> &error() { return std::get<1>(value_); }
    const held<E> &error() const { return std::get<1>(value_); }

    friend bool operator==(const expected &a, const expected &b) { return a.value_ == b.value_; }
    friend bool operator!=(const expected &a, const expected &b) { return !(a == b); }
};

/// A struct with a member type `case_type` is one case of a `variant`, as an alternative of the `std::variant`
/// that stands for it: so cases with payloads of one type differ, and so do cases without any. The payload
/// is its member `value`; where `case_type` is `void` there is none.
///
///     struct out_of_stock { using case_type = std::uint32_t; std::uint32_t value; };
///     struct closed { using case_type = void; };
///     using refusal = std::variant<out_of_stock, closed>;
template <class T, class = void>
struct is_case : std::false_type {};
template <class T>
struct is_case<T, std::void_t<typename T::case_type>> : std::true_type {};

/// A field of a `record`.
template <class T, class Member>
struct record_field {
    const char *name;
    Member T::*member;
};

template <class T, class Member>
constexpr record_field<T, Member> field(const char *name, Member T::*member) {
    return {name, member};
}

} // namespace cmabi

#endif // CMABI_VALUES_HPP
