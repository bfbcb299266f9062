/// @file coroutine.hpp
///
/// Part of cmabi.hpp, where the compiler has coroutines (C++20): calls that are waited for with `co_await`,
/// and coroutines as host functions.

#ifndef CMABI_COROUTINE_HPP
#define CMABI_COROUTINE_HPP

#ifdef __cpp_impl_coroutine

#include "async.hpp"
#include "await.hpp"

#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace cmabi {

template <class R>
class task;

namespace detail {

template <class R>
class coroutine_result : public coroutine_base {
public:
    template <class Value = R>
    void return_value(Value &&value) {
        result_.emplace(std::forward<Value>(value));
    }
    R get() {
        if (failure_) std::rethrow_exception(failure_);
        return take<R>(result_);
    }

private:
    later<R> result_;
};

template <>
class coroutine_result<void> : public coroutine_base {
public:
    void return_void() noexcept { returned_ = true; }
    void get() const {
        if (failure_) std::rethrow_exception(failure_);
        if (!returned_) throw error(CMABI_STATUS_WOULD_BLOCK, "the coroutine is not at its end");
    }

private:
    bool returned_ = false;
};

/// Waits for a `T`, a subtask or a task, which it keeps until it is over.
template <class T, class R>
class call_awaiter {
public:
    explicit call_awaiter(T &&awaited) : awaited_(std::move(awaited)) {}
    call_awaiter(const call_awaiter &) = delete;

    bool await_ready() const { return awaited_.done(); }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> coroutine) {
        if constexpr (std::is_base_of_v<coroutine_base, Promise>) {
            outer_ = &coroutine.promise();
            outer_->cancel_awaited = [this] { awaited_.cancel(); };
        }
        resume_after(awaited_, coroutine);
    }
    R await_resume() {
        if (outer_ != nullptr) outer_->cancel_awaited = nullptr;
        return awaited_.get();
    }

private:
    static void resume_after(subtask<R> &call, std::coroutine_handle<> coroutine) {
        call.then([coroutine](const subtask<R> &) { coroutine.resume(); });
    }
    static void resume_after(task<R> &task, std::coroutine_handle<> coroutine) {
        task.coroutine_.promise().on_done = [coroutine] { coroutine.resume(); };
    }

    T awaited_;
    coroutine_base *outer_ = nullptr;
};

template <class R>
class served_coroutine;

} // namespace detail

/// A coroutine, of the host's: a host function that is one serves its call when it comes to its end. It
/// begins at once, and goes on where what it waits for resumes it: on the thread that has the store.
///
///     cmabi::task<std::uint32_t> both(doze_func doze) {
///         auto first = doze.start(10), second = doze.start(20);
///         const std::uint32_t result = co_await std::move(first);
///         co_return result + co_await std::move(second);
///     }
///
/// Cancelled, it cancels the call, task, read or write that it waits for, which then throws `cancelled`; see
/// also `on_cancel`. One that is dropped before its end is destroyed where it waits.
template <class R>
class task {
public:
    class promise_type : public detail::coroutine_result<R> {
    public:
        task get_return_object() {
            return task(std::coroutine_handle<promise_type>::from_promise(*this));
        }
    };

    task() = default;
    task(task &&other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
    task &operator=(task &&other) noexcept {
        if (this == &other) return *this;
        const task old(std::move(*this));
        coroutine_ = std::exchange(other.coroutine_, nullptr);
        return *this;
    }
    ~task() {
        if (coroutine_) coroutine_.destroy();
    }

    explicit operator bool() const { return coroutine_ != nullptr; }
    /// Whether it is at its end.
    bool done() const { return coroutine().done(); }
    /// Takes the result, or throws what the coroutine has; a `cmabi::error` with
    /// `CMABI_STATUS_WOULD_BLOCK` before its end.
    R get() { return coroutine().promise().get(); }
    /// Asks it to come to its end.
    void cancel() {
        if (!done()) coroutine_.promise().request_cancel();
    }

    auto operator co_await() && { return detail::call_awaiter<task, R>(std::move(*this)); }

private:
    template <class, class>
    friend class detail::call_awaiter;
    template <class>
    friend class detail::served_coroutine;

    explicit task(std::coroutine_handle<promise_type> of) : coroutine_(of) {}
    std::coroutine_handle<promise_type> coroutine() const {
        if (!coroutine_) throw error(CMABI_STATUS_INVALID_ARGUMENT, "an empty task");
        return coroutine_;
    }

    std::coroutine_handle<promise_type> coroutine_;
};

/// Waits for a call: its result, or an exception, as `subtask::get` says.
template <class R>
auto operator co_await(subtask<R> &&call) {
    return detail::call_awaiter<subtask<R>, R>(std::move(call));
}

/// `co_await cmabi::on_cancel(function)` in a `task` has `function` called when that is asked to come to
/// its end, instead of cancelling what it waits for; and at once if it was asked. It does not wait.
/// A host function that agrees throws `cancelled`.
class on_cancel {
public:
    template <class F>
    explicit on_cancel(F function) : function_(detail::copyable(std::move(function))) {}

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> coroutine) {
        static_assert(std::is_base_of_v<detail::coroutine_base, Promise>, "for a cmabi::task");
        coroutine.promise().set_hook(std::move(function_));
        return false;
    }
    void await_resume() const noexcept {}

private:
    std::function<void()> function_;
};

namespace detail {

/// A coroutine that serves a call, until it has.
template <class R>
class served_coroutine {
public:
    served_coroutine(promise<R> answer, task<R> body, std::shared_ptr<void> function)
        : function_(std::move(function)), answer_(std::move(answer)), body_(std::move(body)) {}

    /// Leaves it to itself.
    static void begin(std::unique_ptr<served_coroutine> call) {
        call->answer_.on_cancel([self = call.get()] { self->body_.cancel(); });
        served_coroutine &self = *call.release();
        if (self.body_.done()) return self.end();
        self.body_.coroutine_.promise().on_done = [&self] { self.end(); };
    }

private:
    void end() noexcept {
        const std::unique_ptr<served_coroutine> self(this);
        try {
            try {
                if constexpr (std::is_void_v<R>) {
                    body_.get();
                    body_ = {};
                    answer_.resolve();
                } else {
                    R result = body_.get();
                    // With the parameters, of which borrows must be gone before the answer.
                    body_ = {};
                    answer_.resolve(std::move(result));
                }
            } catch (const cancelled &) {
                body_ = {};
                answer_.cancel();
            }
        } catch (...) {
            body_ = {};
            answer_.fail(exception_text());
        }
    }

    // What a lambda has captured stays until the coroutine is at its end.
    std::shared_ptr<void> function_;
    promise<R> answer_;
    task<R> body_;
};

/// A coroutine.
template <class F, class R, class... Args>
struct host_func<F, task<R>(Args...)> : host_func_type<std::shared_ptr<F>, R(Args...)> {
    static constexpr bool is_immediate = false;

    static_assert(!(std::is_reference_v<Args> || ...),
                  "the parameters of a coroutine that is a host function must not be references: what "
                  "they refer to is gone when it goes on");

    static std::shared_ptr<F> *make(F function) {
        return new std::shared_ptr<F>(std::make_shared<F>(std::move(function)));
    }
    static cmabi_status call(void *data, cmabi_task *task, const void *args,
                             void *results) noexcept {
        return serve(data, task, args, results);
    }

protected:
    template <class... First>
    static cmabi_status serve(void *data, cmabi_task *task, const void *args, void *results,
                              const First &...first) noexcept {
        const auto &function = *static_cast<std::shared_ptr<F> *>(data);
        std::shared_ptr<served_call> served;
        try {
            auto body = lifted<Args...>::apply(*function, cmabi_task_store(task), args, first...);
            if (body.done()) {
                return_at_once(std::move(body), task, results);
                return CMABI_STATUS_OK;
            }
            served = std::make_shared<served_call>(task);
            served_coroutine<R>::begin(std::make_unique<served_coroutine<R>>(
                promise<R>(served), std::move(body), function));
            return CMABI_STATUS_PENDING;
        } catch (...) {
            const cmabi_status status = store_use::fail(task);
            if (served) served->leave();
            return status;
        }
    }

private:
    static void return_at_once(cmabi::task<R> body, [[maybe_unused]] cmabi_task *task,
                               [[maybe_unused]] void *results) {
        if constexpr (std::is_void_v<R>)
            body.get();
        else
            lower_result<R>(body.get(), task, results);
    }
};

/// One that asks who calls.
template <class F, class R, class... Args>
struct host_func<F, task<R>(caller, Args...)> : host_func<F, task<R>(Args...)> {
    static cmabi_status call(void *data, cmabi_task *task, const void *args,
                             void *results) noexcept {
        return host_func::serve(data, task, args, results, caller(task));
    }
};

} // namespace detail

} // namespace cmabi

#endif // __cpp_impl_coroutine

#endif // CMABI_COROUTINE_HPP
