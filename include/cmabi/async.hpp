/// @file async.hpp
///
/// Part of cmabi.hpp: calls that go on while the host does something else. `subtask` is a call that the
/// host has made, `promise` the answer to one that it serves. coroutine.hpp has both as coroutines.

#ifndef CMABI_ASYNC_HPP
#define CMABI_ASYNC_HPP

#include "context.hpp"
#include "func.hpp"

#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace cmabi {

namespace detail {

/// A place for an `R` that is there later, of `void` too.
template <class R>
using later = std::optional<std::conditional_t<std::is_void_v<R>, std::monostate, R>>;

template <class R>
R take(later<R> &place) {
    if (!place)
        throw error(CMABI_STATUS_WOULD_BLOCK, "the result is not there yet, or was taken");
    [[maybe_unused]] auto taken = std::move(*place);
    place.reset();
    if constexpr (!std::is_void_v<R>) return taken;
}

/// A callable that cannot be copied, as one that can.
template <class F>
auto copyable(F function) {
    return [shared = std::make_shared<F>(std::move(function))](auto &&...args) {
        return (*shared)(std::forward<decltype(args)>(args)...);
    };
}

/// A call that the host has made. It belongs to its `subtask`, and to the C functions until they have
/// told that it is over.
template <class R>
class call_state : public std::enable_shared_from_this<call_state<R>> {
public:
    explicit call_state(std::shared_ptr<store_link> link) : link_(std::move(link)) {}
    call_state(const call_state &) = delete;

    /// `given` is what the arguments give away, once the callee has taken them, `functions` what resources in
    /// the result get their functions from.
    void start(const cmabi_func *func, const void *args, lowering given,
               const bound_functions &functions) {
        functions_ = functions;
        self_ = this->shared_from_this();
        given.prepare();
        given_.emplace(std::move(given));
        try {
            store_use(link_.get())
                .call(cmabi_func_start, link_->store, func, args, &on_resolve,
                      static_cast<void *>(this), &on_drop, &subtask_);
        } catch (...) {
            // What another callback threw does not end the call.
            if (subtask_ == nullptr && !over_by_itself_)
                given_->refused();
            else
                give();
            throw;
        }
        give();
    }
    void cancel() {
        const auto keep = this->shared_from_this();
        if (!over_) store_use(link_.get()).call(cmabi_subtask_cancel, subtask_);
    }
    /// Nobody wants to know about it any more.
    void abandon() {
        continuation_ = nullptr;
        give();
        over_ = true;
        cmabi_subtask_free(std::exchange(subtask_, nullptr));
    }

    bool over() const { return over_; }
    cmabi_subtask_state state() const {
        if (failure_) std::rethrow_exception(failure_);
        if (over_) return state_;
        return call_out<cmabi_subtask_state>(cmabi_subtask_state_of, subtask_);
    }
    R get() {
        if (failure_) std::rethrow_exception(failure_);
        if (over_ && state_ != CMABI_SUBTASK_STATE_RETURNED) throw cancelled();
        return take<R>(result_);
    }
    /// What to call when it is over.
    void set_continuation(std::function<void()> continuation) {
        continuation_ = std::move(continuation);
    }

private:
    static void on_resolve(void *data, cmabi_subtask *) noexcept {
        call_state &self = *static_cast<call_state *>(data);
        const auto keep = self.self_;
        try {
            try {
                self.state_ = self.state();
                if (self.state_ == CMABI_SUBTASK_STATE_RETURNED) self.lift_result();
            } catch (...) {
                self.failure_ = std::current_exception();
            }
            self.over_by_itself_ = true;
            self.give();
            self.end();
        } catch (...) {
            self.link_->escape();
        }
    }
    /// The C functions are done with it: after `on_resolve`, or because it was abandoned, could not be
    /// started, or the store is being freed.
    static void on_drop(void *data) noexcept {
        const auto self = std::move(static_cast<call_state *>(data)->self_);
        if (self->over_) return;
        self->failure_ = std::make_exception_ptr(
            error(CMABI_STATUS_INVALID_ARGUMENT, "the store was freed before the call was over"));
        try {
            self->end();
        } catch (...) {
            // Nobody runs the store, who could be told.
        }
    }
    /// Gives away what the arguments give, unless the callee has not taken them.
    void give() {
        cmabi_subtask_state state = state_;
        const bool failed = subtask_ != nullptr &&
                            cmabi_subtask_state_of(subtask_, &state, nullptr) != CMABI_STATUS_OK;
        if (failed)
            given_->refused();
        else if (state != CMABI_SUBTASK_STATE_STARTING &&
                 state != CMABI_SUBTASK_STATE_CANCELLED_BEFORE_STARTED)
            given_->finish();
    }
    void lift_result() {
        if constexpr (std::is_void_v<R>) {
            result_.emplace();
        } else {
            const void *result = cmabi_subtask_results(subtask_);
            result_.emplace(abi<R>::lift(*static_cast<const typename abi<R>::canonical *>(result),
                                         lifting{link_->store, &functions_}));
        }
    }
    void end() {
        over_ = true;
        cmabi_subtask_free(std::exchange(subtask_, nullptr));
        if (const auto continuation = std::exchange(continuation_, nullptr)) continuation();
    }

    const std::shared_ptr<store_link> link_;
    std::shared_ptr<call_state> self_;
    bound_functions functions_;
    cmabi_subtask *subtask_ = nullptr;
    std::function<void()> continuation_;
    std::optional<lowering> given_;
    /// Whether the C functions have told that it is over.
    bool over_by_itself_ = false;
    bool over_ = false;
    cmabi_subtask_state state_{};
    later<R> result_;
    std::exception_ptr failure_;
};

/// A call with its arguments, which stay until it is over.
template <class Signature>
class call_of;

template <class R, class... Args>
class call_of<R(Args...)> : public call_state<R> {
    using type = signature<R(Args...)>;

public:
    call_of(std::shared_ptr<store_link> link, std::decay_t<Args>... args)
        : call_state<R>(std::move(link)), args_(std::move(args)...) {}

    void start(store_link &link, const cmabi_func *func, const bound_functions &functions) {
        store_use use(&link);
        if constexpr (!type::scalar)
            arena_.reset(call_out<cmabi_arena *>(cmabi_arena_new, std::uint64_t{0}));
        lowering memory(link.store, arena_.get(), false);
        std::apply([&](const auto &...args) { type::lower(params_, memory, args...); }, args_);
        call_state<R>::start(func, sizeof...(Args) == 0 ? nullptr : &params_, std::move(memory),
                             functions);
    }

private:
    struct free_arena {
        void operator()(cmabi_arena *arena) const { cmabi_arena_free(arena); }
    };

    std::tuple<std::decay_t<Args>...> args_;
    std::unique_ptr<cmabi_arena, free_arena> arena_;
    typename type::params params_;
};

} // namespace detail

/// A call that the host has made, and its result. Got from `func::start`.
///
/// It goes on while its store runs (`store::run`, `store::tick`). One that is dropped is forgotten: it
/// never starts if it has not, and otherwise runs to its end, unless it was cancelled.
template <class R>
class subtask {
public:
    subtask() = default;
    subtask(subtask &&) = default;
    subtask &operator=(subtask &&other) noexcept {
        if (this == &other) return *this;
        const subtask old(std::move(*this));
        state_ = std::move(other.state_);
        return *this;
    }
    ~subtask() {
        if (state_ && !state_->over()) state_->abandon();
    }

    explicit operator bool() const { return state_ != nullptr; }
    /// Whether the call is over: returned, cancelled, or failed.
    bool done() const { return call().over(); }
    /// How far it is. Throws what it failed with.
    cmabi_subtask_state state() const { return call().state(); }
    /// Takes the result. Throws what the call failed with, `cancelled` if it was cancelled, and a
    /// `cmabi::error` with `CMABI_STATUS_WOULD_BLOCK` where it is not over. What a host function threw is
    /// thrown by `store::run`; here it is a `cmabi::error` with its text.
    R get() { return call().get(); }
    /// Asks for its cancellation; see `cmabi_subtask_cancel`. One that is over stays what it is.
    void cancel() { call().cancel(); }

    /// Calls `function` with the subtask once the call is over: from within `store::run`, or at once. What
    /// it throws is thrown by `store::run`.
    template <class F>
    void then(F function) & {
        static_assert(std::is_invocable_v<F &, subtask>,
                      "cmabi: the function of then() takes the cmabi::subtask<R> that is over, by value: it says by "
                      "get() what came of the call");
        auto tell = [state = &call(), function = std::move(function)]() mutable {
            function(subtask(state->shared_from_this()));
        };
        if (done())
            tell();
        else
            state_->set_continuation(detail::copyable(std::move(tell)));
    }
    /// The same for a call that goes on though nobody keeps its subtask.
    template <class F>
    void then(F function) && {
        then(std::move(function));
        state_.reset();
    }
    /// The result as a `std::future`, which becomes ready while the store runs: the thread that runs it
    /// must not wait for it. The call goes on though nobody keeps its subtask.
    std::future<R> future() && {
        std::promise<R> promise;
        std::future<R> future = promise.get_future();
        std::move(*this).then([promise = std::move(promise)](subtask over) mutable {
            try {
                if constexpr (std::is_void_v<R>) {
                    over.get();
                    promise.set_value();
                } else {
                    promise.set_value(over.get());
                }
            } catch (...) {
                promise.set_exception(std::current_exception());
            }
        });
        return future;
    }

private:
    template <class>
    friend class func;

    explicit subtask(std::shared_ptr<detail::call_state<R>> of) : state_(std::move(of)) {}
    detail::call_state<R> &call() const {
        if (!state_) throw error(CMABI_STATUS_INVALID_ARGUMENT, "an empty subtask");
        return *state_;
    }

    std::shared_ptr<detail::call_state<R>> state_;
};

namespace detail {

/// A call that the host serves, until it is answered.
class served_call {
public:
    explicit served_call(cmabi_task *task)
        : link_(store_use::link_to(cmabi_task_store(task))), task_(task) {}
    served_call(const served_call &) = delete;
    ~served_call() { cmabi_task_free(task_); }

    /// Null once it was answered.
    cmabi_task *task() const { return task_; }
    store_link *link() const { return link_.get(); }

    void return_(const void *results) {
        try {
            call(cmabi_task_return, unanswered(), results);
        } catch (const error &error) {
            // Otherwise it can still be answered.
            if (error.status() != CMABI_STATUS_INVALID_ARGUMENT && error.status() != CMABI_STATUS_BUSY) end();
            throw;
        }
        end();
    }
    void cancel() {
        call(cmabi_task_cancel, unanswered());
        end();
    }
    void fail(std::string_view reason) noexcept {
        if (task_ != nullptr) cmabi_task_set_error(task_, string(reason), nullptr);
        end();
    }
    cmabi_task *unanswered() const {
        if (task_ == nullptr)
            throw error(CMABI_STATUS_INVALID_ARGUMENT, "the call was answered before");
        return task_;
    }
    /// Leaves the call to whom it was borrowed from.
    void leave() noexcept { task_ = nullptr; }

private:
    void end() noexcept { cmabi_task_free(std::exchange(task_, nullptr)); }

    const std::shared_ptr<store_link> link_;
    cmabi_task *task_;
};

/// Who is told that the caller wants a call cancelled.
struct cancel_hook {
    std::weak_ptr<served_call> call;
    std::function<void()> function;

    static void run(void *data, cmabi_task *) noexcept {
        auto &self = *static_cast<cancel_hook *>(data);
        try {
            self.function();
        } catch (...) {
            if (const auto call = self.call.lock()) call->fail(exception_text());
        }
    }
    static void drop(void *data) noexcept { delete static_cast<cancel_hook *>(data); }
};

} // namespace detail

/// The answer to a call that the host serves, to be given now or later: the first parameter of a host
/// function that itself returns nothing. Dropped without an answer, it makes the guest trap.
///
///     linker.func("demo:app/host", "sleep", [&](cmabi::promise<void> awake, std::uint32_t ms) {
///         timers.after(ms, std::move(awake));
///     });
///
/// What other parameters point to stays until the answer. Only the thread that has the store may answer
/// or drop it; moved, it may be on others.
template <class R>
class promise {
public:
    promise() = default;
    promise(promise &&) = default;
    promise &operator=(promise &&) = default;

    /// Whether it is still to be answered.
    explicit operator bool() const { return call_ && call_->task() != nullptr; }

    /// Answers with the value, or with nothing if `R` is `void`. The guest goes on when the store runs.
    /// Throws what `cmabi_task_return` fails with: with `CMABI_STATUS_INVALID_ARGUMENT` it is still to be
    /// answered.
    template <class... Value>
    void resolve(Value &&...value) {
        cmabi_task *task = call().unanswered();
        if constexpr (std::is_void_v<R>) {
            static_assert(sizeof...(Value) == 0, "a promise<void> is resolved without a value");
            call().return_(nullptr);
        } else {
            const R result(std::forward<Value>(value)...);
            const detail::store_use use(call().link());
            detail::lowering memory(cmabi_task_store(task), cmabi_task_arena(task), false);
            typename detail::abi<R>::canonical canonical{};
            detail::abi<R>::lower(canonical, result, memory);
            memory.give_by([&] { call().return_(&canonical); });
        }
    }
    /// Makes the guest trap with `reason`.
    void fail(std::string_view reason) { call().fail(reason); }

    /// Whether the caller has asked for cancellation.
    bool cancel_requested() const { return cmabi_task_cancel_requested(call().task()); }
    /// Answers that the call is cancelled, as the caller has asked for.
    void cancel() { call().cancel(); }
    /// Calls `function` when the caller asks for cancellation, and at once if it has. The function may
    /// answer the call; where it throws, the guest traps with what that says.
    template <class F>
    void on_cancel(F function) {
        cmabi_task *task = call().unanswered();
        if (cancel_requested()) return function();
        auto hook = std::make_unique<detail::cancel_hook>(
            detail::cancel_hook{call_, detail::copyable(std::move(function))});
        // The C function drops it if it fails.
        detail::call(cmabi_task_set_on_cancel, task, &detail::cancel_hook::run,
                     static_cast<void *>(hook.release()), &detail::cancel_hook::drop);
    }

private:
    template <class, class>
    friend struct detail::host_func;

    explicit promise(std::shared_ptr<detail::served_call> call) : call_(std::move(call)) {}
    detail::served_call &call() const {
        if (!call_) throw error(CMABI_STATUS_INVALID_ARGUMENT, "an empty promise");
        return *call_;
    }

    std::shared_ptr<detail::served_call> call_;
};

namespace detail {

/// A function that answers later.
template <class F, class R, class... Args>
struct host_func<F, void(promise<R>, Args...)> : host_func_type<F, R(Args...)> {
    static constexpr bool is_immediate = false;

    static cmabi_status call(void *data, cmabi_task *task, const void *args, void *) noexcept {
        return serve(data, task, args);
    }

protected:
    template <class... Second>
    static cmabi_status serve(void *data, cmabi_task *task, const void *args,
                              const Second &...second) noexcept {
        std::shared_ptr<served_call> served;
        try {
            served = std::make_shared<served_call>(task);
            lifted<Args...>::apply(*static_cast<F *>(data), cmabi_task_store(task), args,
                                   promise<R>(served), second...);
            return CMABI_STATUS_PENDING;
        } catch (...) {
            const cmabi_status status = store_use::fail(task);
            if (served) served->leave();
            return status;
        }
    }
};

/// One that asks who calls.
template <class F, class R, class... Args>
struct host_func<F, void(promise<R>, caller, Args...)> : host_func<F, void(promise<R>, Args...)> {
    static cmabi_status call(void *data, cmabi_task *task, const void *args, void *) noexcept {
        return host_func::serve(data, task, args, caller(task));
    }
};

} // namespace detail

} // namespace cmabi

#endif // CMABI_ASYNC_HPP
