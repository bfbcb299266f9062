/// @file func.hpp
///
/// Part of cmabi.hpp, for its own use: C++ signatures as WIT function types, and C++ functions as
/// host functions.

#ifndef CMABI_FUNC_HPP
#define CMABI_FUNC_HPP

#include "abi.hpp"
#include "caller.hpp"
#include "cases.hpp"

#include <string>
#include <type_traits>
#include <utility>

namespace cmabi {

template <class R>
class promise;

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
               (abi<std::decay_t<Args>>::matches(cmabi_type_part_at(given, i++)) && ...) &&
               payload<R>::matches(cmabi_func_type_result(type));
    }
    /// Lowers arguments.
    static void lower(params &to, lowering &memory, const std::decay_t<Args> &...args) {
        lower(to, memory, std::index_sequence_for<Args...>(), args...);
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

private:
    template <std::size_t... Is>
    static void lower([[maybe_unused]] params &to, [[maybe_unused]] lowering &memory,
                      std::index_sequence<Is...>, const std::decay_t<Args> &...args) {
        (abi<std::decay_t<Args>>::lower(to.template get<Is>(), args, memory), ...);
    }
};

/// Whether `F` has one signature: it is a function or has one `operator()`.
template <class F, class = void>
struct has_signature : std::false_type {};
template <class F>
struct has_signature<F, std::void_t<decltype(&F::operator())>> : std::true_type {};
template <class R, class... Args>
struct has_signature<R (*)(Args...)> : std::true_type {};
template <class R, class... Args>
struct has_signature<R (*)(Args...) noexcept> : std::true_type {};
template <class R, class C, class... Args>
struct has_signature<R (C::*)(Args...)> : std::true_type {};
template <class R, class C, class... Args>
struct has_signature<R (C::*)(Args...) const> : std::true_type {};
template <class R, class C, class... Args>
struct has_signature<R (C::*)(Args...) noexcept> : std::true_type {};
template <class R, class C, class... Args>
struct has_signature<R (C::*)(Args...) const noexcept> : std::true_type {};

/// The signature of a function object, which has one `operator()`, or of a function pointer.
template <class F>
struct signature_of : signature_of<decltype(&F::operator())> {};
template <class R, class... Args>
struct signature_of<R (*)(Args...)> {
    using type = R(Args...);
    using pointer = R (*)(Args...);
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

/// The arguments of a call that the host serves, lifted one by one.
template <class... Args>
struct lifted {
    using params = typename signature<void(Args...)>::params;

    /// Calls `function` with `first`, if any, and the arguments at `args`.
    template <class F, class... First>
    static decltype(auto) apply(F &function, cmabi_store *store, const void *args, First &&...first) {
        return apply(function, lifting{store}, static_cast<const params *>(args),
                     std::index_sequence_for<Args...>(), std::forward<First>(first)...);
    }

private:
    template <class F, std::size_t... Is, class... First>
    static decltype(auto) apply(F &function, [[maybe_unused]] const lifting &cx,
                                [[maybe_unused]] const params *args, std::index_sequence<Is...>,
                                First &&...first) {
        return function(std::forward<First>(first)...,
                        abi<std::decay_t<Args>>::lift(args->template get<Is>(), cx)...);
    }
};

/// Lowers what a host function returns to `results`.
template <class R>
void lower_result(const R &value, cmabi_task *task, void *results) {
    lowering memory(cmabi_task_store(task), cmabi_task_arena(task), true);
    abi<R>::lower(*new (results) typename abi<R>::canonical, value, memory);
    memory.finish();
}

/// What the host functions of a WIT function type have in common; the data is an `F`.
template <class F, class Signature>
struct host_func_type {
    /// Whether it never answers later.
    static constexpr bool is_immediate = true;
    static bool check(void *, const cmabi_func_type *given, cmabi_string *takes) noexcept {
        static const std::string text = signature<Signature>::describe();
        *takes = string(text);
        return signature<Signature>::matches(given);
    }
    static F *make(F function) { return new F(std::move(function)); }
    static void drop(void *data) noexcept { delete static_cast<F *>(data); }
};

/// Whether `Signature` has a parameter that is a promise and returns something all the same.
template <class Signature>
struct answers_twice : std::false_type {};
template <class R, class P, class... Args>
struct answers_twice<R(promise<P>, Args...)> : std::bool_constant<!std::is_void_v<R>> {};

/// Stands for what cannot be a host function, where the compiler has said why.
template <class F>
struct refused_func {
    static bool check(void *, const cmabi_func_type *, cmabi_string *) noexcept;
    static cmabi_status call(void *, cmabi_task *, const void *, void *) noexcept;
    static F *make(F);
    static void drop(void *) noexcept;
    using type = void();
};

template <class F, class Signature>
struct host_func;

/// `type` is what C calls for an `F`, after the checks that the compiler should tell of first.
template <class F>
struct serving {
    static_assert(has_signature<F>::value,
                  "cmabi: a host function needs one signature: a generic lambda, or an object with several "
                  "operator(), has none; write the parameters' types, as [](std::uint32_t x) { ... }");
    using signature =
        typename std::conditional_t<has_signature<F>::value, signature_of<F>, refused_func<F>>::type;
    static_assert(!answers_twice<signature>::value,
                  "cmabi: a host function that takes a cmabi::promise returns nothing: what it answers goes to "
                  "promise::resolve");
    using type = std::conditional_t<has_signature<F>::value && !answers_twice<signature>::value,
                                    host_func<F, signature>, refused_func<F>>;
};

/// A C++ function as a host function: what the C functions call.
template <class F, class Signature>
struct host_func;

template <class F, class R, class... Args>
struct host_func<F, R(Args...)> : host_func_type<F, R(Args...)> {
    static cmabi_status call(void *data, cmabi_task *task, const void *args,
                             void *results) noexcept {
        return serve(data, task, args, results);
    }

protected:
    /// Calls the function with `first`, if any, and the arguments.
    template <class... First>
    static cmabi_status serve(void *data, cmabi_task *task, const void *args, void *results,
                              const First &...first) noexcept {
        F &function = *static_cast<F *>(data);
        cmabi_store *store = cmabi_task_store(task);
        try {
            if constexpr (std::is_void_v<R>)
                lifted<Args...>::apply(function, store, args, first...);
            else
                lower_result<R>(lifted<Args...>::apply(function, store, args, first...), task, results);
            return CMABI_STATUS_OK;
        } catch (...) {
            return store_use::fail(task);
        }
    }
};

/// A function that asks who calls.
template <class F, class R, class... Args>
struct host_func<F, R(caller, Args...)> : host_func<F, R(Args...)> {
    static cmabi_status call(void *data, cmabi_task *task, const void *args,
                             void *results) noexcept {
        return host_func::serve(data, task, args, results, caller(task));
    }
};

} // namespace detail

} // namespace cmabi

#endif // CMABI_FUNC_HPP
