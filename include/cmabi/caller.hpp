/// @file caller.hpp
///
/// Part of cmabi.hpp: data of the host's that stores and instances keep, and who calls a host function.

#ifndef CMABI_CALLER_HPP
#define CMABI_CALLER_HPP

#include "error.hpp"
#include "values.hpp"

#include <string_view>
#include <type_traits>
#include <utility>

namespace cmabi {

namespace detail {

template <class F, class Signature>
struct host_func;

/// Data of the host's, which knows its type.
struct host_data {
    const void *type;

    /// A number for each type, as an address. Programs of several shared libraries may have several.
    template <class T>
    static const void *id() {
        static const char here = 0;
        return &here;
    }
};
template <class T>
struct host_data_of : host_data {
    explicit host_data_of(T of) : host_data{id<T>()}, value(std::move(of)) {}
    static void drop(void *data) noexcept {
        delete static_cast<host_data_of *>(static_cast<host_data *>(data));
    }

    T value;
};

template <class T>
T *find_data(void *data) {
    auto *found = static_cast<host_data *>(data);
    if (found == nullptr || found->type != host_data::id<T>()) return nullptr;
    return &static_cast<host_data_of<T> *>(found)->value;
}
template <class T>
T &get_data(void *data) {
    if (T *found = find_data<T>(data)) return *found;
    throw error(CMABI_STATUS_INVALID_ARGUMENT, "no data of this type was set");
}

/// Has a C function take data.
template <class T, class Function, class... Args>
void set_data(Function *function, T value, Args... args) {
    static_assert(!std::is_reference_v<T>);
    host_data *data = new host_data_of<T>(std::move(value));
    // The C function drops it if it fails.
    call(function, args..., static_cast<void *>(data), cmabi_drop{&host_data_of<T>::drop});
}

} // namespace detail

/// Who calls a host function: a first parameter of it, after the promise if it has one, that is no
/// parameter for the component. Valid until the call is answered.
///
///     linker.func("demo:app/log", "line", [](cmabi::caller caller, std::string_view text) {
///         std::cout << caller.label() << ": " << text << '\n';
///     });
class caller {
public:
    /// The label of the component instance that calls; see `instance::label`.
    std::string_view label() const { return string(cmabi_task_caller_label(task_)); }
    /// The full name of the component's function that calls; see `cmabi_task_caller_func`.
    std::string_view func() const { return string(cmabi_task_caller_func(task_)); }
    /// The `T` that was given to `instance::set_data`. Throws a `cmabi::error` where there is none.
    template <class T>
    T &data() const {
        return detail::get_data<T>(cmabi_task_caller_data(task_));
    }
    /// The same, but null where there is none.
    template <class T>
    T *find_data() const {
        return detail::find_data<T>(cmabi_task_caller_data(task_));
    }
    /// The `T` that was given to `store::set_data`. Throws a `cmabi::error` where there is none.
    template <class T>
    T &store_data() const {
        return detail::get_data<T>(cmabi_store_data(cmabi_task_store(task_)));
    }

private:
    template <class, class>
    friend struct detail::host_func;

    explicit caller(const cmabi_task *task) : task_(task) {}

    const cmabi_task *task_;
};

} // namespace cmabi

#endif // CMABI_CALLER_HPP
