/// @file print.hpp
///
/// Values as text, for generated code whose types have `operator<<`. Not part of cmabi.hpp: what includes it gets
/// the streams of C++.

#ifndef CMABI_PRINT_HPP
#define CMABI_PRINT_HPP

#include "../cmabi.hpp"

#include <ostream>

namespace cmabi::bindings {

/// Writes a value about as WAVE has it. Cases of variants have no names in C++: they are told by their numbers.
template <class T>
std::ostream &print(std::ostream &to, const T &value);

namespace printing {

template <class T, template <class...> class Template>
struct is_of : std::false_type {};
template <class... Ts, template <class...> class Template>
struct is_of<Template<Ts...>, Template> : std::true_type {};

template <class T, class = void>
struct is_range : std::false_type {};
template <class T>
struct is_range<T, std::void_t<decltype(std::declval<const T &>().begin())>> : std::true_type {};

inline void text(std::ostream &to, std::string_view text) {
    to << '"';
    for (const char c : text) {
        if (c == '\n')
            to << "\\n";
        else if (c == '"' || c == '\\')
            to << '\\' << c;
        else
            to << c;
    }
    to << '"';
}

inline void character(std::ostream &to, char32_t value) {
    constexpr char digits[] = "0123456789abcdef";
    to << "u+";
    for (int shift = 20; shift >= 0; shift -= 4) to << digits[value >> shift & 15];
}

template <class T, std::size_t... Is>
void parts(std::ostream &to, const T &value, std::index_sequence<Is...>) {
    ((to << (Is == 0 ? "" : ", "), print(to, std::get<Is>(value))), ...);
}

template <class T, std::size_t... Is>
void fields(std::ostream &to, const T &value, std::index_sequence<Is...>) {
    constexpr auto &all = record<T>::fields;
    ((to << (Is == 0 ? "" : ", ") << std::get<Is>(all).name << ": ",
      print(to, value.*(std::get<Is>(all).member))),
     ...);
}

template <class Range>
void elements(std::ostream &to, const Range &range) {
    const char *between = "";
    for (const auto &element : range) {
        print(to << between, static_cast<const typename Range::value_type &>(element));
        between = ", ";
    }
}

template <class T>
void labels(std::ostream &to, T value) {
    const char *between = "";
    for (std::size_t i = 0; i < flags<T>::labels.size(); ++i) {
        if ((static_cast<std::uint32_t>(value) >> i & 1) == 0) continue;
        to << between << flags<T>::labels[i];
        between = ", ";
    }
}

template <class T>
void scalar(std::ostream &to, T value) {
    if constexpr (std::is_same_v<T, bool>)
        to << (value ? "true" : "false");
    else if constexpr (std::is_same_v<T, char32_t>)
        character(to, value);
    else
        to << +value;
}

/// The payload in parentheses, where there is one.
template <class T>
void payload(std::ostream &to, const T &value) {
    if constexpr (!std::is_same_v<T, std::monostate>) print(to << '(', value) << ')';
}

} // namespace printing

template <class T>
std::ostream &print(std::ostream &to, const T &value) {
    using namespace printing;
    if constexpr (std::is_arithmetic_v<T>) {
        scalar(to, value);
    } else if constexpr (std::is_convertible_v<const T &, std::string_view>) {
        text(to, value);
    } else if constexpr (detail::is_record<T>::value) {
        fields(to << '{', value, std::make_index_sequence<std::tuple_size_v<decltype(record<T>::fields)>>());
        to << '}';
    } else if constexpr (detail::is_enumeration<T>::value) {
        to << enumeration<T>::labels[static_cast<std::size_t>(value)];
    } else if constexpr (detail::is_flags<T>::value) {
        labels(to << '{', value);
        to << '}';
    } else if constexpr (is_of<T, std::optional>::value) {
        to << (value ? "some" : "none");
        if (value) payload(to, *value);
    } else if constexpr (is_of<T, expected>::value) {
        to << (value ? "ok" : "err");
        value ? payload(to, value.value()) : payload(to, value.error());
    } else if constexpr (is_of<T, std::variant>::value) {
        to << "case " << value.index();
        std::visit([&to](const auto &held) { payload(to, held); }, value);
    } else if constexpr (is_case<T>::value) {
        if constexpr (!std::is_void_v<typename T::case_type>) print(to, value.value);
    } else if constexpr (is_of<T, std::tuple>::value || is_of<T, std::pair>::value) {
        parts(to << '(', value, std::make_index_sequence<std::tuple_size_v<T>>());
        to << ')';
    } else if constexpr (is_range<T>::value) {
        elements(to << '[', value);
        to << ']';
    } else {
        to << "a handle";
    }
    return to;
}

} // namespace cmabi::bindings

#endif // CMABI_PRINT_HPP
