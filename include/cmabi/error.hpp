/// @file error.hpp
///
/// Part of cmabi.hpp: errors as exceptions, and owners of handles.

#ifndef CMABI_ERROR_HPP
#define CMABI_ERROR_HPP

#include "../cmabi.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace cmabi {

/// One of the calls behind a trap; see `cmabi_error_frame_at`.
struct frame {
    cmabi_frame_kind kind;
    /// The full name of the function.
    std::string name;
    /// The label of the component instance.
    std::string instance;
    /// For a core function, where the engine says it.
    std::optional<std::uint32_t> func_index;
    std::optional<std::uint64_t> offset;
    /// All of it, for a person.
    std::string text;
};

/// What a function of cmabi.h failed with. `what()` says what was wrong and where in a value, `frames()` in which
/// calls, `report()` all of it.
class error : public std::runtime_error {
public:
    error(cmabi_status status, const std::string &message)
        : std::runtime_error(message), status_(status) {}
    /// Takes `owned`, which may be null.
    error(cmabi_status status, cmabi_error *owned)
        : std::runtime_error(message(status, owned)), status_(status),
          error_(owned, cmabi_error_free) {}

    /// The broad class of the error.
    cmabi_status status() const { return status_; }
    /// For a trap that concerns a value: the way to it; see `cmabi_error_path`.
    std::string path() const { return copy(cmabi_error_path(error_.get())); }
    /// For a trap: the calls that were running, and those that waited for them, the innermost first.
    std::vector<frame> frames() const {
        std::vector<frame> frames;
        for (std::size_t i = 0; i < cmabi_error_frame_count(error_.get()); ++i) {
            const cmabi_frame at = cmabi_error_frame_at(error_.get(), i);
            frame next{at.kind, copy(at.name), copy(at.instance), {}, {}, copy(cmabi_error_frame_text(error_.get(), i))};
            if (at.func_index != UINT32_MAX) next.func_index = at.func_index;
            if (at.offset != UINT64_MAX) next.offset = at.offset;
            frames.push_back(std::move(next));
        }
        return frames;
    }
    /// The whole message: `what()`, and a line for each frame.
    std::string report() const { return error_ ? copy(cmabi_error_message(error_.get())) : what(); }

    /// For a trap: what the component had written to standard error last; see `wasi::last_words`.
    std::string last_words() const { return copy(cmabi_error_last_words(error_.get())); }
    /// For `CMABI_STATUS_EXIT`: the status that the guest has exited with; -1 for other errors.
    int exit_code() const { return cmabi_error_exit_code(error_.get()); }

private:
    static std::string copy(cmabi_string text) {
        return std::string(text.ptr, text.ptr + text.len);
    }
    static std::string message(cmabi_status status, const cmabi_error *error) {
        return copy(error == nullptr ? cmabi_status_text(status) : cmabi_error_summary(error));
    }

    cmabi_status status_;
    std::shared_ptr<cmabi_error> error_;
};

/// Thrown where the result of a call was asked for that was cancelled. A coroutine that serves a call
/// throws it to agree to the cancellation that its caller has asked for.
class cancelled : public std::runtime_error {
public:
    cancelled() : std::runtime_error("the call was cancelled") {}
};

namespace detail {

/// Calls a fallible function of cmabi.h, which is given without its last argument, the error.
template <class... Params, class... Args>
void call(cmabi_status (*function)(Params...), Args... args) {
    cmabi_error *failure = nullptr;
    const cmabi_status status = function(args..., &failure);
    if (status != CMABI_STATUS_OK) throw error(status, failure);
}

/// The same for a function that writes a `T` through the argument before the error.
template <class T, class... Params, class... Args>
T call_out(cmabi_status (*function)(Params...), Args... args) {
    T out{};
    call(function, args..., &out);
    return out;
}

/// What a callback is called with: for a C function that takes it in any case, and drops it if it fails.
template <class F>
void *own_data(F function) {
    return new F(std::move(function));
}
/// What drops a `T` that a callback is called with.
template <class T>
cmabi_drop drop_data() {
    return [](void *data) noexcept { delete static_cast<T *>(data); };
}

/// Owns a `T` of cmabi.h. Empty after it was moved from; the C functions refuse that.
template <class T, void (*Free)(T *)>
class handle {
public:
    /// The handle for the C functions.
    T *get() const { return handle_.get(); }
    explicit operator bool() const { return handle_ != nullptr; }

protected:
    explicit handle(T *owned) : handle_(owned) {}

private:
    struct deleter {
        void operator()(T *owned) const { Free(owned); }
    };
    std::unique_ptr<T, deleter> handle_;
};

} // namespace detail

} // namespace cmabi

#endif // CMABI_ERROR_HPP
