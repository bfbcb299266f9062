/// @file await.hpp
///
/// Part of cmabi.hpp, for its own use: what coroutines and what they wait for know of each other.

#ifndef CMABI_AWAIT_HPP
#define CMABI_AWAIT_HPP

#ifdef __cpp_impl_coroutine

#include "copy.hpp"

#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace cmabi {

namespace detail {

/// What all coroutines that return a `task` have in common.
class coroutine_base {
public:
    /// Passes on that the coroutine should come to its end.
    void request_cancel() {
        cancel_requested_ = true;
        if (const auto told = hook_ ? hook_ : cancel_awaited) told();
    }
    void set_hook(std::function<void()> hook) {
        hook_ = std::move(hook);
        if (cancel_requested_ && hook_) hook_();
    }

    std::suspend_never initial_suspend() const noexcept { return {}; }
    struct final_awaiter : std::suspend_always {
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> coroutine) const noexcept {
            // It may destroy the coroutine, of which nothing is touched any more.
            if (const auto done = std::exchange(coroutine.promise().on_done, nullptr)) done();
        }
    };
    final_awaiter final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { failure_ = std::current_exception(); }

    /// Called at the end.
    std::function<void()> on_done;
    /// Cancels what the coroutine waits for, where that can be cancelled.
    std::function<void()> cancel_awaited;

protected:
    std::exception_ptr failure_;

private:
    std::function<void()> hook_;
    bool cancel_requested_ = false;
};

/// What a copy leaves for the coroutine that waits for it.
template <class Value>
struct awaited {
    std::weak_ptr<pending> copy;
    /// Null while the copy begins, and once nobody waits any more.
    std::coroutine_handle<> coroutine;
    std::optional<Value> value;
    std::exception_ptr failure;

    bool over() const { return value || failure; }
    void resume() {
        if (const auto waiting = std::exchange(coroutine, nullptr)) waiting.resume();
    }
};

/// The callback of a copy that a coroutine waits for.
template <class Value>
struct resumer {
    std::shared_ptr<awaited<Value>> to;

    void operator()(Value value) {
        to->value.emplace(std::move(value));
        to->resume();
    }
    void fail(const std::exception_ptr &why) {
        to->failure = why;
        to->resume();
    }
};

/// Something to `co_await`: `start` gets a `resumer`, and gives the copy that it began; `finish` makes the
/// result of the value. A coroutine that goes while it waits ends the copy.
template <class Value, class Start, class Finish>
class awaiter {
public:
    awaiter(Start start, Finish finish) : start_(std::move(start)), finish_(std::move(finish)) {}
    awaiter(const awaiter &) = delete;
    ~awaiter() {
        state_->coroutine = nullptr;
        if (const auto copy = state_->copy.lock()) copy->cancel();
    }

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> coroutine) {
        state_->copy = start_(resumer<Value>{state_});
        if (state_->over()) return false;
        state_->coroutine = coroutine;
        if constexpr (std::is_base_of_v<coroutine_base, Promise>) {
            outer_ = &coroutine.promise();
            outer_->cancel_awaited = [copy = state_->copy] {
                if (const auto going = copy.lock()) going->cancel();
            };
        }
        return true;
    }
    decltype(auto) await_resume() {
        if (outer_ != nullptr) outer_->cancel_awaited = nullptr;
        if (state_->failure) std::rethrow_exception(state_->failure);
        return finish_(std::move(*state_->value));
    }

private:
    Start start_;
    Finish finish_;
    const std::shared_ptr<awaited<Value>> state_ = std::make_shared<awaited<Value>>();
    coroutine_base *outer_ = nullptr;
};

template <class Value, class Start, class Finish>
awaiter<Value, Start, Finish> awaiting(Start start, Finish finish) {
    return awaiter<Value, Start, Finish>(std::move(start), std::move(finish));
}

} // namespace detail

} // namespace cmabi

#endif // __cpp_impl_coroutine

#endif // CMABI_AWAIT_HPP
