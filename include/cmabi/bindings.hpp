/// @file bindings.hpp
///
/// Part of cmabi.hpp: what code that `cmabi bindgen` generates stands on. Types are compared as
/// descriptions (`cmabi_type_desc`), not by what C++ has for them, so that a message shows them as they
/// are in WIT.

#ifndef CMABI_BINDINGS_HPP
#define CMABI_BINDINGS_HPP

#include "../cmabi.hpp" // which includes this at its end

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace cmabi {

namespace bindings {

/// All functions that a component is expected to export, looked up and checked at once. Throws a
/// `cmabi::error` with `CMABI_STATUS_TYPE_MISMATCH` that lists every one that is missing or differs.
template <std::size_t N>
std::array<const cmabi_func *, N> look_up(const instance &in, const cmabi_export_desc (&exports)[N]) {
    std::array<const cmabi_func *, N> found{};
    const cmabi_export_desc *const first = exports;
    detail::call(cmabi_instance_described_funcs, in.get(), first, N, found.data());
    return found;
}

/// A function that was looked up: it becomes a `func` of the signature that its type stands for.
struct found_func {
    const instance &of;
    const cmabi_func *found;

    template <class Signature>
    operator func<Signature>() const {
        return access::func<Signature>(of, found);
    }
};

/// Gives the resources that `of` returns from now on their functions: `functions` is what
/// `resource_object::bound` gives.
inline void bind(const instance &of, const std::shared_ptr<const void> &functions) {
    access::bind(of, functions);
}

/// The value type that is described.
inline type described(const cmabi_type_desc &desc) {
    return type(detail::call_out<cmabi_type *>(cmabi_type_new_described, &desc));
}

/// A resource of a component's, with functions: what generated classes are derived from. It owns the
/// resource as `own<T>` does.
template <class T>
class resource_object : public own<T> {
public:
    using resource_class = T;
    using base = resource_object;

    resource_object() = default;
    /// What a call returned.
    resource_object(own<T> handle, detail::bound_functions functions)
        : own<T>(std::move(handle)), functions_(std::move(functions)) {}

protected:
    /// What `bind` was given for the instance that it is of.
    template <class Bound>
    std::shared_ptr<const Bound> bound() const {
        if (auto found = functions_.lock())
            return std::static_pointer_cast<const Bound>(std::move(found));
        throw error(CMABI_STATUS_INVALID_ARGUMENT,
                    "a resource that is empty, or whose generated class of exports is gone");
    }

private:
    detail::bound_functions functions_;
};

namespace detail {

using namespace ::cmabi::detail;

template <class T>
struct is_task : std::false_type {};
#ifdef __cpp_impl_coroutine
template <class R>
struct is_task<task<R>> : std::true_type {};
#endif

} // namespace detail

/// A type that is not complete where a template is defined.
template <class T, class>
struct late {
    using type = T;
};

/// A candidate for a method: `call` calls the member function of an object.
template <class T, class F>
struct method {
    F call;

    template <class... Args>
    auto operator()(const borrow<T> &self, Args &&...args)
        -> decltype(call(*self, std::forward<Args>(args)...)) {
        return call(*self, std::forward<Args>(args)...);
    }
    template <class R, class... Args>
    auto operator()(promise<R> answer, const borrow<T> &self, Args &&...args)
        -> decltype(call(*self, std::move(answer), std::forward<Args>(args)...)) {
        return call(*self, std::move(answer), std::forward<Args>(args)...);
    }
    template <class... Args>
    auto operator()(caller who, const borrow<T> &self, Args &&...args)
        -> decltype(call(*self, who, std::forward<Args>(args)...)) {
        return call(*self, who, std::forward<Args>(args)...);
    }
    template <class R, class... Args>
    auto operator()(promise<R> answer, caller who, const borrow<T> &self, Args &&...args)
        -> decltype(call(*self, std::move(answer), who, std::forward<Args>(args)...)) {
        return call(*self, std::move(answer), who, std::forward<Args>(args)...);
    }
};

template <class T, class F>
method<T, F> as_method(F call) {
    return {std::move(call)};
}

/// A candidate for a constructor: that of the class `T`.
template <class T>
struct constructor {
    template <class... Args, class = std::enable_if_t<std::is_constructible_v<T, Args...>>>
    own<T> operator()(Args &&...args) const {
        return std::make_unique<T>(std::forward<Args>(args)...);
    }
};

/// A candidate that is a member function of one object of the host's.
template <class Host, class F>
struct member {
    Host *host;
    F call;

    template <class... Args>
    auto operator()(Args &&...args) -> decltype(call(*host, std::forward<Args>(args)...)) {
        return call(*host, std::forward<Args>(args)...);
    }
};

template <class Host, class F>
member<Host, F> member_of(Host &host, F call) {
    return {&host, std::move(call)};
}

/// A candidate that is a static member function of the class `T`.
template <class T, class F>
struct static_member {
    F call;

    template <class... Args>
    auto operator()(Args &&...args)
        -> decltype(call(late<T, void>(), std::forward<Args>(args)...)) {
        return call(late<T, void>(), std::forward<Args>(args)...);
    }
};

template <class T, class F>
static_member<T, F> static_of(F call) {
    return {std::move(call)};
}

/// The rest of a lambda that calls the member `function` of its first argument, if that can be.
#define CMABI_BINDINGS_MEMBER(function)                                                          \
    (auto &object, auto &&...args)                                                               \
        ->decltype(object.function(std::forward<decltype(args)>(args)...)) {                     \
        return object.function(std::forward<decltype(args)>(args)...);                           \
    }
/// The same for a static member of the class that its first argument names.
#define CMABI_BINDINGS_STATIC(function)                                                          \
    ([[maybe_unused]] auto of, auto &&...args)                                                   \
        ->decltype(decltype(of)::type::function(std::forward<decltype(args)>(args)...)) {        \
        return decltype(of)::type::function(std::forward<decltype(args)>(args)...);              \
    }

/// A function that a component imports, of the C++ type `Signature`. The host has it as one of several
/// candidates: the first one that can be called with the parameters, or with a `promise`, a `caller` or both
/// before them. One that returns a `task` is a coroutine.
template <class Signature>
struct import;

template <class R, class... Args>
struct import<R(Args...)> {
    template <class... Candidates>
    static void add(linker &to, std::string_view iface, std::string_view name,
                    const cmabi_func_desc &type, Candidates... candidates) {
        to.func(iface, name, type, choose(std::move(candidates)...));
    }

private:
    template <class F, class... First>
    static constexpr bool takes = std::is_invocable_v<F &, First..., Args...>;

    template <class F, class... Others>
    static auto choose(F function, Others... others) {
        if constexpr (takes<F>)
            return answering<>(std::move(function));
        else if constexpr (takes<F, promise<R>>)
            return promising<>(std::move(function));
        else if constexpr (takes<F, caller>)
            return answering<caller>(std::move(function));
        else if constexpr (takes<F, promise<R>, caller>)
            return promising<caller>(std::move(function));
        else if constexpr (sizeof...(Others) != 0)
            return choose(std::move(others)...);
        else
            return missing(std::move(function));
    }
    template <class... Caller, class F>
    static auto answering(F function) {
        using result = std::invoke_result_t<F &, Caller..., Args...>;
        if constexpr (detail::is_task<result>::value)
            return [function = std::move(function)](Caller... who, Args... args) mutable -> result {
                return function(who..., std::forward<Args>(args)...);
            };
        else
            return [function = std::move(function)](Caller... who, Args... args) mutable -> R {
                return function(who..., std::forward<Args>(args)...);
            };
    }
    template <class... Caller, class F>
    static auto promising(F function) {
        return [function = std::move(function)](promise<R> answer, Caller... who, Args... args) mutable {
            function(std::move(answer), who..., std::forward<Args>(args)...);
        };
    }
    /// The compiler says here which member is missing, or why it cannot be called.
    template <class F>
    static auto missing(F function) {
        return [function = std::move(function)](Args... args) mutable -> R {
            return function(std::forward<Args>(args)...);
        };
    }
};

} // namespace bindings

} // namespace cmabi

#endif // CMABI_BINDINGS_HPP
