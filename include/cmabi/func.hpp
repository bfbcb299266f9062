/// @file func.hpp
///
/// Part of cmabi.hpp, for its own use: C++ signatures as WIT function types, and calls that exceptions can
/// cross.

#ifndef CMABI_FUNC_HPP
#define CMABI_FUNC_HPP

#include "abi.hpp"

#include <exception>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>

namespace cmabi {

namespace detail {

/// Whether a `T` points to memory that it does not own.
template <class T>
struct views : std::false_type {};
template <>
struct views<string> : std::true_type {};
template <>
struct views<std::string_view> : std::true_type {};
template <class T>
struct views<list<T>> : std::true_type {};
template <template <class...> class Template, class... Ts>
struct views<Template<Ts...>> : std::disjunction<views<Ts>...> {};
template <class T, std::size_t N>
struct views<std::array<T, N>> : views<T> {};
template <class T, class Member>
struct views<record_field<T, Member>> : views<Member> {};

template <class T>
constexpr bool is_view() {
    if constexpr (is_record<T>::value)
        return views<std::decay_t<decltype(record<T>::fields)>>::value;
    else
        return views<T>::value;
}

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

/// A use of a store by C++, while it runs. What a host function throws waits here until the C
/// functions in between have returned.
class store_use {
public:
    explicit store_use(cmabi_store *store)
        : store_(store), outer_(std::exchange(innermost, this)) {}
    store_use(const store_use &) = delete;
    ~store_use() { innermost = outer_; }

    /// `detail::call`, but what a host function threw is thrown again.
    template <class... Params, class... Args>
    void call(cmabi_status (*function)(Params...), Args... args) {
        cmabi_error *failure = nullptr;
        const cmabi_status status = function(args..., &failure);
        if (status == CMABI_STATUS_OK) return;
        error wrapped(status, failure);
        if (status == CMABI_STATUS_HOST && thrown_) std::rethrow_exception(thrown_);
        throw wrapped;
    }

    /// Makes the host function that serves `task` fail with the exception that is being handled.
    static cmabi_status fail(cmabi_task *task) noexcept {
        if (innermost != nullptr && innermost->store_ == cmabi_task_store(task))
            innermost->thrown_ = std::current_exception();
        try {
            throw;
        } catch (const std::exception &exception) {
            cmabi_task_set_error(task, string(exception.what()), nullptr);
        } catch (...) {
            cmabi_task_set_error(task, string("the host function threw an exception"), nullptr);
        }
        return CMABI_STATUS_HOST;
    }

private:
    static inline thread_local store_use *innermost = nullptr;

    cmabi_store *store_;
    store_use *outer_;
    std::exception_ptr thrown_;
};

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
    static void serve(F &function, [[maybe_unused]] cmabi_task *task,
                      [[maybe_unused]] const void *args, [[maybe_unused]] void *results,
                      std::index_sequence<Is...>) {
        [[maybe_unused]] const auto *params = static_cast<const typename type::params *>(args);
        if constexpr (std::is_void_v<R>) {
            function(abi<std::decay_t<Args>>::lift(params->template get<Is>())...);
        } else {
            lowering memory(cmabi_task_arena(task), true);
            abi<R>::lower(*new (results) typename type::result,
                          function(abi<std::decay_t<Args>>::lift(params->template get<Is>())...),
                          memory);
        }
    }
};

} // namespace detail

} // namespace cmabi

#endif // CMABI_FUNC_HPP
