/// @file resource.hpp
///
/// Part of cmabi.hpp: resource types, and handles that are dropped with their C++ owners.

#ifndef CMABI_RESOURCE_HPP
#define CMABI_RESOURCE_HPP

#include "abi.hpp"
#include "context.hpp"
#include "func.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace cmabi_naming {

/// Names a class as a resource type that the host implements: its objects are the resources, and are
/// deleted when the last handle that owns them goes. The class may be defined later.
///
///     class blob;
///     template <> struct cmabi::resource<blob> {
///         static constexpr auto name = "blob";
///     };
template <class T>
struct resource {};

/// Names a type as a resource type that components implement. It only stands for that in C++, and need
/// not be defined.
///
///     struct counter;
///     template <> struct cmabi::guest_resource<counter> {
///         static constexpr auto name = "counter";
///     };
template <class T>
struct guest_resource {};

} // namespace cmabi_naming

namespace cmabi {

using cmabi_naming::guest_resource;
using cmabi_naming::resource;

namespace detail {

template <class T, class = void>
struct is_hosted : std::false_type {};
template <class T>
struct is_hosted<T, std::void_t<decltype(resource<T>::name)>> : std::true_type {};

template <class T>
constexpr const char *resource_name() {
    if constexpr (is_hosted<T>::value)
        return resource<T>::name;
    else
        return guest_resource<T>::name;
}

struct resource_type : handle<cmabi_resource_type, cmabi_resource_type_free> {
    explicit resource_type(cmabi_resource_type *owned) : handle(owned) {}
};

/// The resource type of the host's that `T` stands for: one in the whole program.
template <class T>
const cmabi_resource_type *hosted_type() {
    static const resource_type type(
        call_out<cmabi_resource_type *>(cmabi_resource_type_new, string(resource<T>::name)));
    return type.get();
}

/// Whether `type` is an `own` or `borrow`, as `kind` says, of the resource type that `T` stands for.
/// Those of components are told by their names: each instance has its own, and traps where it gets
/// that of another.
template <class T>
bool matches_resource(cmabi_kind kind, const cmabi_type *type) {
    if (cmabi_type_kind(type) != kind) return false;
    const cmabi_resource_type *given = cmabi_type_resource(type);
    if constexpr (is_hosted<T>::value)
        return given == hosted_type<T>();
    else
        return string(cmabi_resource_type_name(given)) == resource_name<T>();
}

/// A handle to a resource, given up with this.
class resource_entry : public owned_entry<cmabi_resource_give_up> {
public:
    using owned_entry::owned_entry;

    /// Drops the handle, if there is one, unless it is lent or the destructor cannot run now.
    void drop() {
        drop_by([](cmabi_store *store, std::uint32_t handle, cmabi_error **error) {
            return cmabi_resource_drop(store, nullptr, handle, error);
        });
    }
};

} // namespace detail

/// `own<T>`, as it is in WIT: a resource, and the handle to it. Empty by default, after it was moved
/// from, and after it was given away as an argument or result.
///
/// It may outlive its store, in which the resource is then gone too. One that goes while it is lent to a
/// call, or inside a host function of the component that implements it, is dropped when that is over.
template <class T, bool Hosted = detail::is_hosted<T>::value>
class own;

/// `borrow<T>`, as it is in WIT: made from an `own<T>` to lend it to a call, or a parameter of a host
/// function, which is then valid until that function has answered.
template <class T, bool Hosted = detail::is_hosted<T>::value>
class borrow;

/// A resource of the host's: an object that is this handle's alone until it is first used in a store,
/// and from then on in the store's hands.
template <class T>
class own<T, true> {
public:
    own() = default;
    template <class U, class = std::enable_if_t<std::is_convertible_v<U *, T *>>>
    own(std::unique_ptr<U> object) : held_(std::move(object)), object_(held_.get()) {}

    explicit operator bool() const { return get() != nullptr; }
    /// The object; null for an empty handle, and after the store was freed.
    T *get() const { return held_ || entry_.link() != nullptr ? object_ : nullptr; }
    T &operator*() const { return *get(); }
    T *operator->() const { return get(); }

    /// Drops it now, and says by an exception where that fails.
    void drop() {
        held_.reset();
        entry_.drop();
    }

private:
    template <class, class>
    friend struct detail::abi;

    own(detail::table_entry entry, T *object) : entry_(std::move(entry)), object_(object) {}
    /// The handle, for which the object goes to `store` if it is not in one.
    detail::table_entry &entry(cmabi_store *store) const {
        if (held_) {
            const auto handle = detail::call_out<std::uint32_t>(
                cmabi_resource_new, store, detail::hosted_type<T>(),
                static_cast<void *>(held_.get()));
            held_.release();
            entry_ = detail::resource_entry(
                detail::table_entry(detail::store_use::link_to(store), handle));
        }
        return entry_;
    }

    // Where the object is does not matter to those who only look at it.
    mutable std::unique_ptr<T> held_;
    mutable detail::resource_entry entry_;
    T *object_ = nullptr;
};

/// A resource of a component's.
template <class T>
class own<T, false> {
public:
    own() = default;

    explicit operator bool() const { return entry_.link() != nullptr; }

    /// Drops it now, and says by an exception where that fails: the component's destructor may trap. It is
    /// kept, and `CMABI_STATUS_INVALID_ARGUMENT` says so, while it is lent to a call.
    void drop() { entry_.drop(); }

private:
    template <class, class>
    friend struct detail::abi;

    explicit own(detail::table_entry entry) : entry_(std::move(entry)) {}
    detail::table_entry &entry(cmabi_store *) const { return entry_; }

    mutable detail::resource_entry entry_;
};

/// A resource of the host's that was lent: its object. As a parameter of a host function it can be lent on
/// until the function has answered.
template <class T>
class borrow<T, true> {
public:
    borrow() = default;
    borrow(const own<T> &owner) : owner_(&owner), object_(owner.get()) {}

    T *get() const { return object_; }
    T &operator*() const { return *object_; }
    T *operator->() const { return object_; }

private:
    template <class, class>
    friend struct detail::abi;

    borrow(T *object, cmabi_store *store, std::uint32_t lent)
        : object_(object), store_(store), lent_(lent) {}

    const own<T> *owner_ = nullptr;
    T *object_ = nullptr;
    // What the host was lent itself.
    cmabi_store *store_ = nullptr;
    std::uint32_t lent_ = 0;
};

/// A resource of a component's that was lent. As a parameter of a host function it can be lent on, and
/// is given back when this goes.
template <class T>
class borrow<T, false> {
public:
    borrow() = default;
    borrow(const own<T> &owner) : owner_(&owner) {}

private:
    template <class, class>
    friend struct detail::abi;

    explicit borrow(detail::table_entry entry) : entry_(std::move(entry)) {}

    const own<T> *owner_ = nullptr;
    detail::resource_entry entry_;
};

namespace detail {

template <class T>
struct gives_handle<own<T>> : std::true_type {};

template <class T>
struct abi<own<T>> {
    using canonical = std::uint32_t;

    static constexpr bool in_place() { return false; }
    static bool matches(const cmabi_type *type) {
        return matches_resource<T>(CMABI_KIND_OWN, type);
    }
    static void describe(std::string &text) {
        text += "own<";
        text += resource_name<T>();
        text += '>';
    }
    static void lower(canonical &to, const own<T> &from, lowering &memory) {
        to = memory.give(from.entry(memory.store));
    }
    static own<T> lift(canonical from, const lifting &cx) {
        if constexpr (is_hosted<T>::value) {
            void *rep = call_out<void *>(cmabi_resource_rep, cx.store, hosted_type<T>(), from);
            return own<T>(cx.entry(from), static_cast<T *>(rep));
        } else {
            return own<T>(cx.entry(from));
        }
    }
};

/// A generated class stands for `own<T>`, and is made of it and of where its functions are.
template <class T>
struct abi<T, std::enable_if_t<is_resource_class<T>::value>> : abi<own<T>> {
    static T lift(std::uint32_t from, const lifting &cx) {
        return T(typename T::base(abi<own<T>>::lift(from, cx),
                                  cx.functions == nullptr ? bound_functions() : *cx.functions));
    }
};

template <class T>
struct abi<borrow<T>> {
    using canonical = std::uint32_t;

    static constexpr bool in_place() { return false; }
    static bool matches(const cmabi_type *type) {
        return matches_resource<T>(CMABI_KIND_BORROW, type);
    }
    static void describe(std::string &text) {
        text += "borrow<";
        text += resource_name<T>();
        text += '>';
    }
    static void lower(canonical &to, const borrow<T> &from, lowering &memory) {
        if constexpr (is_hosted<T>::value) {
            if (from.owner_ != nullptr)
                to = from.owner_->entry(memory.store).in(memory.store);
            else if (from.lent_ == 0)
                throw error(CMABI_STATUS_INVALID_ARGUMENT, "a borrow that is empty");
            else if (from.store_ != memory.store)
                throw error(CMABI_STATUS_INVALID_ARGUMENT, "a borrow of another store");
            else
                to = from.lent_;
        } else if (from.owner_ != nullptr) {
            to = from.owner_->entry(memory.store).in(memory.store);
        } else {
            to = from.entry_.in(memory.store);
        }
    }
    static borrow<T> lift(canonical from, const lifting &cx) {
        if constexpr (is_hosted<T>::value) {
            void *rep = call_out<void *>(cmabi_resource_rep, cx.store, hosted_type<T>(), from);
            return borrow<T>(static_cast<T *>(rep), cx.store, from);
        } else {
            return borrow<T>(cx.entry(from));
        }
    }
};

/// The name of a function of a resource type: `[method]blob.size`.
template <class T>
std::string resource_func_name(std::string sort, std::string_view name) {
    sort += resource_name<T>();
    if (!name.empty()) sort.append(".").append(name);
    return sort;
}

/// The signature of a method of `T`, which begins with the resource itself.
template <class T, class Signature>
struct method_signature;
template <class T, class R, class... Args>
struct method_signature<T, R(Args...)> {
    using type = R(borrow<T>, Args...);
};
template <class T, class Signature>
using method_type = typename method_signature<T, Signature>::type;

/// What `F` takes after a reference to the object, as a function type.
template <class F>
struct after_object : after_object<typename signature_of<F>::type> {};
template <class R, class Object, class... Args>
struct after_object<R(Object, Args...)> {
    using type = R(Args...);
};
template <class R, class C, class... Args>
struct after_object<R (C::*)(Args...)> {
    using type = R(Args...);
};
template <class R, class C, class... Args>
struct after_object<R (C::*)(Args...) const> : after_object<R (C::*)(Args...)> {};
template <class R, class C, class... Args>
struct after_object<R (C::*)(Args...) noexcept> : after_object<R (C::*)(Args...)> {};
template <class R, class C, class... Args>
struct after_object<R (C::*)(Args...) const noexcept> : after_object<R (C::*)(Args...)> {};

/// A host function that calls `F` with the object of its first parameter.
template <class T, class F, class Signature = typename after_object<F>::type>
struct method;
template <class T, class F, class R, class... Args>
struct method<T, F, R(Args...)> {
    F function;

    R operator()(const borrow<T> &self, Args... args) {
        return std::invoke(function, *self, std::forward<Args>(args)...);
    }
};

/// Whether `F` is a function of a pointer to a `T`.
template <class T, class F, class = void>
struct takes_pointer : std::false_type {};
template <class T, class F>
struct takes_pointer<T, F, std::void_t<decltype(&F::operator())>>
    : takes_pointer<T, typename signature_of<F>::pointer> {};
template <class T, class R, class... Args>
struct takes_pointer<T, R (*)(T *, Args...)> : std::true_type {};
template <class T, class R, class... Args>
struct takes_pointer<T, R (*)(const T *, Args...)> : std::true_type {};

template <class T, class F>
method<T, F> as_method(F function) {
    return {std::move(function)};
}

} // namespace detail

} // namespace cmabi

#endif // CMABI_RESOURCE_HPP
