/// @file func.hpp
///
/// Part of cmabi.hpp, for its own use: C++ signatures as WIT function types, and C++ functions as
/// host functions.

#ifndef CMABI_FUNC_HPP
#define CMABI_FUNC_HPP

#include "abi.hpp"
#include "cases.hpp"

#include <string>
#include <type_traits>
#include <utility>

namespace cmabi {

namespace detail {

/// How a call takes an argument: what gives handles away must be moved into it.
template <class T>
using argument =
    std::conditional_t<any_part<gives_handle, std::decay_t<T>>::value, std::decay_t<T> &&,
                       const std::decay_t<T> &>;

/// A C++ function type as a WIT function type.
template <class Signature>
struct signature;

template <class R, class... Args>
struct signature<R(Args...)> {
    static_assert(!std::is_reference_v<R>, "functions of components return values");
    using params = tuple<typename abi<std::decay_t<Args>>::canonical...>;
    using result = typename payload<R>::canonical;

    /// Whether neither the parameters nor the result lead to other memory.
    static constexpr bool scalar =
        (std::is_arithmetic_v<typename abi<std::decay_t<Args>>::canonical> && ...) &&
        (std::is_void_v<result> || std::is_arithmetic_v<result>);

    static bool matches(const cmabi_func_type *type) {
        const cmabi_type *given = cmabi_func_type_params(type);
        std::size_t i = 0;
        return cmabi_type_part_count(given) == sizeof...(Args) &&
               (abi<std::decay_t<Args>>::matches(cmabi_type_part(given, i++)) && ...) &&
               payload<R>::matches(cmabi_func_type_result(type));
    }
    static std::string describe() {
        std::string text = "func(";
        describe_all<std::decay_t<Args>...>(text);
        text += ')';
        if constexpr (!std::is_void_v<R>) {
            text += " -> ";
            abi<R>::describe(text);
        }
        return text;
    }
};

/// The signature of a function object, which has one `operator()`, or of a function pointer.
template <class F>
struct signature_of : signature_of<decltype(&F::operator())> {};
template <class R, class... Args>
struct signature_of<R (*)(Args...)> {
    using type = R(Args...);
};
template <class R, class... Args>
struct signature_of<R (*)(Args...) noexcept> : signature_of<R (*)(Args...)> {};
template <class R, class C, class... Args>
struct signature_of<R (C::*)(Args...)> : signature_of<R (*)(Args...)> {};
template <class R, class C, class... Args>
struct signature_of<R (C::*)(Args...) const> : signature_of<R (*)(Args...)> {};
template <class R, class C, class... Args>
struct signature_of<R (C::*)(Args...) noexcept> : signature_of<R (*)(Args...)> {};
template <class R, class C, class... Args>
struct signature_of<R (C::*)(Args...) const noexcept> : signature_of<R (*)(Args...)> {};

/// A C++ function as a host function: what the C functions call, with an `F` as the data.
template <class F, class Signature = typename signature_of<F>::type>
struct host_func;

template <class F, class R, class... Args>
struct host_func<F, R(Args...)> {
    using type = signature<R(Args...)>;

    static cmabi_status call(void *data, cmabi_task *task, const void *args,
                             void *results) noexcept {
        try {
            serve(*static_cast<F *>(data), task, args, results, std::index_sequence_for<Args...>());
            return CMABI_STATUS_OK;
        } catch (...) {
            return store_use::fail(task);
        }
    }
    static bool check(void *, const cmabi_func_type *given, cmabi_string *takes) noexcept {
        static const std::string text = type::describe();
        *takes = string(text);
        return type::matches(given);
    }
    static void drop(void *data) noexcept { delete static_cast<F *>(data); }

private:
    template <std::size_t... Is>
    static void serve(F &function, cmabi_task *task, [[maybe_unused]] const void *args,
                      [[maybe_unused]] void *results, std::index_sequence<Is...>) {
        [[maybe_unused]] const auto *params = static_cast<const typename type::params *>(args);
        const lifting cx{cmabi_task_store(task)};
        if constexpr (std::is_void_v<R>) {
            function(abi<std::decay_t<Args>>::lift(params->template get<Is>(), cx)...);
        } else {
            const R result = function(abi<std::decay_t<Args>>::lift(params->template get<Is>(), cx)...);
            lowering memory(cx.store, cmabi_task_arena(task), true);
            abi<R>::lower(*new (results) typename type::result, result, memory);
            memory.finish();
        }
    }
};

} // namespace detail

} // namespace cmabi

#endif // CMABI_FUNC_HPP
