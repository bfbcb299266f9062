/// @file copy.hpp
///
/// Part of cmabi.hpp, for its own use: reading and writing the host's ends of streams and futures.

#ifndef CMABI_COPY_HPP
#define CMABI_COPY_HPP

#include "abi.hpp"
#include "context.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace cmabi {

namespace detail {

/// Elements that are kept must not point to the memory of the read.
template <class T>
constexpr void owns_elements() {
    static_assert(!any_part<points_elsewhere, T>::value,
                  "the elements are views: nothing keeps what they point to; read them with a callback");
}

/// The most elements that one copy can be of.
inline constexpr std::size_t most_elements = (std::size_t{1} << 28) - 1;
/// How many elements `read_all` asks for at a time.
inline constexpr std::size_t read_all_step = 4096;
/// How many bytes of elements a read has room for at a time.
inline constexpr std::size_t most_room = std::size_t{1} << 24;

// ---- Ends

/// The functions that differ between streams and futures.
struct stream_functions {
    static constexpr auto poll = cmabi_stream_poll, cancel = cmabi_stream_cancel;
    static constexpr auto drop = cmabi_stream_drop;
};
struct future_functions {
    static constexpr auto poll = cmabi_future_poll, cancel = cmabi_future_cancel;
    static constexpr auto drop = cmabi_future_drop;
};

class pending;

/// Copies of an end that are over and wait for their turn to be told, while one of that end is told: what is
/// begun by a callback and over at once does not call the next callback inside of it.
struct turn {
    const store_link *store;
    std::uint32_t handle;
    std::vector<std::shared_ptr<pending>> due{};
    turn *outer = std::exchange(innermost, this);

    turn(const store_link *of, std::uint32_t end) : store(of), handle(end) {}
    turn(const turn &) = delete;
    ~turn() { innermost = outer; }

    static turn *of(const store_link *store, std::uint32_t handle) {
        turn *found = innermost;
        while (found != nullptr && (found->store != store || found->handle != handle))
            found = found->outer;
        return found;
    }

private:
    static inline thread_local turn *innermost = nullptr;
};

/// A read or write from its beginning until it is told, or given up. It knows its end by the handle, so that
/// the C++ objects can come and go.
class pending : public std::enable_shared_from_this<pending> {
public:
    template <class End>
    explicit pending(const End &end)
        : link_(end.open().shared_from_this()), handle_(end.in(link_->store)),
          poll_(End::functions::poll), cancel_(End::functions::cancel) {}
    pending(const pending &) = delete;
    virtual ~pending() = default;

    /// Whether it is neither told nor given up.
    bool active() const { return phase_ != phase::over; }
    /// Whether the function of C that begins it has not failed.
    bool begun() const { return begun_; }

    /// Begins it. What it comes to is told, at once or later. A mistake throws; so does the failure of the
    /// other end where nobody hears of it, but not inside a callback of this end, from where it would come
    /// out of whatever runs the store.
    void start() {
        if (!go()) return rethrow_escaped();
        const bool is_told = hears_failure() || turn::of(link_.get(), handle_) != nullptr;
        if (failure_ && (is_mistake_ || !is_told)) {
            rethrow_escaped();
            std::rethrow_exception(failure_);
        }
        finish();
    }
    /// Begins it, and runs the store until it is over. It is not told. Where this fails, what was copied
    /// before is accounted for.
    void wait() {
        try {
            // What has failed is begun once more for the reason.
            do {
                if (!begin(false)) run();
            } while (active() && more());
        } catch (...) {
            cancel();
            throw;
        }
        if (!active()) throw cancelled();
        phase_ = phase::over;
    }
    /// It is over though nothing was begun.
    void finish() {
        phase_ = phase::due;
        if (turn *others = turn::of(link_.get(), handle_)) {
            others->due.push_back(shared_from_this());
            return;
        }
        turn here(link_.get(), handle_);
        std::exception_ptr thrown;
        here.due.push_back(shared_from_this());
        while (!here.due.empty()) {
            for (const auto &copy : std::exchange(here.due, {})) {
                try {
                    copy->take_turn();
                } catch (...) {
                    if (!thrown) thrown = std::current_exception();
                }
            }
        }
        if (thrown) std::rethrow_exception(thrown);
    }
    /// Ends it where it is; whether it was not over. Who waits for it in a coroutine goes on.
    bool cancel() {
        const auto keep = shared_from_this();
        const phase before = std::exchange(phase_, phase::over);
        if (before == phase::over) return false;
        if (before != phase::due) {
            cmabi_copied copied{};
            if (cancel_(link_->store, handle_, &copied, nullptr) != CMABI_STATUS_OK) {
                // It is just being begun, or told by the C functions.
                phase_ = before;
                return false;
            }
            account(copied);
        }
        give_up(std::make_exception_ptr(cancelled()));
        return true;
    }

protected:
    /// Calls the function of C that begins it.
    virtual cmabi_status call(cmabi_store *store, std::uint32_t end, cmabi_on_copy completion,
                              void *data, cmabi_drop drop, cmabi_copied *copied,
                              cmabi_error **error) = 0;
    /// Takes note of what was copied.
    virtual void account(cmabi_copied copied) = 0;
    /// Whether there is more to copy.
    virtual bool more() const { return false; }
    /// Calls the callback.
    virtual void tell() {}
    /// Whether `fail` tells anyone.
    virtual bool hears_failure() const { return false; }
    /// The other end has failed. Where nobody hears of it, it is thrown by what is begun at this end next: the
    /// C functions keep the reason with the end.
    virtual void fail(const std::exception_ptr &) {}
    /// It was ended before its time: a callback is not called.
    virtual void give_up(const std::exception_ptr &) {}

    store_link &link() const { return *link_; }
    std::uint32_t handle() const { return handle_; }

private:
    enum class phase { beginning, going, due, over };

    /// The data of a C callback.
    struct callback {
        std::shared_ptr<pending> copy;
        bool told = false;
    };

    /// Begins a copy, and accounts for it where it is over at once. False where it is not.
    bool begin(bool tells) {
        const auto keep = shared_from_this();
        store_use use(link_.get());
        cmabi_copied copied{};
        // Without memory for this it has not begun.
        phase_ = phase::over;
        callback *const data = tells ? new callback{keep} : nullptr;
        phase_ = phase::beginning;
        forgotten_ = false;
        cmabi_error *failure = nullptr;
        const cmabi_status status = call(link_->store, handle_, tells ? on_copied : nullptr, data,
                                         tells ? on_drop : nullptr, &copied, &failure);
        if (status != CMABI_STATUS_OK) {
            phase_ = phase::over;
            if (!tells) use.check(status, failure);
            // What others threw is not the reason.
            failure_ = std::make_exception_ptr(error(status, failure));
            is_mistake_ = status == CMABI_STATUS_INVALID_ARGUMENT || status == CMABI_STATUS_BUSY;
            if (!escaped_) escaped_ = std::exchange(link_->escaped, nullptr);
            return true;
        }
        begun_ = true;
        const bool at_once =
            phase_ == phase::beginning && copied.result != CMABI_COPY_RESULT_BLOCKED;
        if (at_once) {
            account(copied);
        } else if (phase_ == phase::beginning) {
            phase_ = phase::going;
            if (forgotten_) forget();
        }
        try {
            use.rethrow();
        } catch (...) {
            // What others threw must not keep this from being told.
            if (!tells) throw;
            escaped_ = std::current_exception();
        }
        return at_once;
    }
    void rethrow_escaped() {
        if (const auto thrown = std::exchange(escaped_, nullptr)) std::rethrow_exception(thrown);
    }
    /// Runs the store until the copy is over.
    void run() {
        store_use use(link_.get());
        while (phase_ == phase::going) {
            bool ran = false;
            use.call(cmabi_store_tick, link_->store, &ran);
            if (phase_ != phase::going) return;
            cmabi_copied copied{};
            use.call(poll_, link_->store, handle_, &copied);
            if (copied.result != CMABI_COPY_RESULT_BLOCKED) {
                phase_ = phase::due;
                account(copied);
            } else if (!ran) {
                throw error(CMABI_STATUS_WOULD_BLOCK,
                            "nothing can run, and the other end of the stream or future does not come");
            }
        }
    }
    /// Begins it, and again while there is more to copy. False where it is not over yet.
    bool go() {
        do {
            if (!begin(true)) return false;
        } while (!failure_ && more());
        return true;
    }
    /// Goes on after a part of it.
    void go_on() {
        if (more() && !go()) return rethrow_escaped();
        finish();
    }
    void take_turn() {
        if (phase_ != phase::due) return;
        phase_ = phase::over;
        if (failure_)
            fail(failure_);
        else
            tell();
        rethrow_escaped();
    }
    /// The C functions have forgotten it: the store is being freed.
    void forget() {
        phase_ = phase::over;
        give_up(std::make_exception_ptr(
            error(CMABI_STATUS_INVALID_ARGUMENT,
                  "the store was freed before the read or write was over")));
    }
    static void on_copied(void *data, cmabi_store *, std::uint32_t, cmabi_copy_result result,
                          std::uint32_t count) {
        auto &told = *static_cast<callback *>(data);
        told.told = true;
        // What its callback owns goes before this returns, while the store can be used.
        const auto copy = std::move(told.copy);
        try {
            copy->account(cmabi_copied{result, count});
            copy->go_on();
        } catch (...) {
            copy->link_->escape();
        }
    }
    static void on_drop(void *data) {
        const std::unique_ptr<callback> done(static_cast<callback *>(data));
        if (done->told) return;
        done->copy->forgotten_ = true;
        if (done->copy->phase_ != phase::going) return;
        try {
            done->copy->forget();
        } catch (...) {
            // Nobody runs the store, who could be told.
        }
    }

    const std::shared_ptr<store_link> link_;
    const std::uint32_t handle_;
    decltype(cmabi_stream_poll) *const poll_;
    decltype(cmabi_stream_cancel) *const cancel_;
    phase phase_ = phase::over;
    bool begun_ = false;
    /// By the C functions, before `call` has returned.
    bool forgotten_ = false;
    /// Why it could not be begun, or begun once more.
    std::exception_ptr failure_;
    /// It was not because of the other end.
    bool is_mistake_ = false;
    /// What others threw meanwhile.
    std::exception_ptr escaped_;
};

/// An end of a stream or future, dropped with this.
template <class Functions>
class end_entry : public owned_entry<Functions::drop> {
    using base = owned_entry<Functions::drop>;

public:
    using functions = Functions;

    end_entry() = default;
    explicit end_entry(table_entry entry) : base(std::move(entry)) {}
    end_entry(end_entry &&) = default;
    end_entry &operator=(end_entry &&other) noexcept {
        if (this == &other) return *this;
        const end_entry old(std::move(*this));
        base::operator=(std::move(other));
        copy_ = std::move(other.copy_);
        return *this;
    }
    ~end_entry() {
        try {
            if (this->link() != nullptr) end_copy(copy_);
        } catch (...) {
            // A destructor has nobody to tell.
        }
    }

    /// Drops the end, if there is one, unless the store cannot be used now.
    void drop() {
        if (this->link() == nullptr) return;
        const auto waits = copy_;
        base going(std::move(*this));
        // Who waits for the copy goes on, and may let this go.
        const bool waited = end_copy(waits);
        try {
            going.drop_by(Functions::drop);
        } catch (...) {
            if (!waited && going.link() != nullptr) base::operator=(std::move(going));
            throw;
        }
    }

    /// The copy that is in progress; null without.
    std::shared_ptr<pending> copy() const {
        auto copy = copy_.lock();
        return copy && copy->active() ? copy : nullptr;
    }
    /// Makes a copy that is about to begin known, unless there is one already, beside which it will fail.
    template <class Copy>
    const std::shared_ptr<Copy> &know(const std::shared_ptr<Copy> &beginning) {
        if (!copy()) copy_ = beginning;
        return beginning;
    }

    /// Calls a function of the end.
    template <class... Params, class... Args>
    void call(cmabi_status (*function)(cmabi_store *, std::uint32_t, Params...), Args... args) const {
        store_link &store = this->open();
        store_use(&store).call(function, store.store, this->in(store.store), args...);
    }

private:
    static bool end_copy(const std::weak_ptr<pending> &waits) {
        const auto copy = waits.lock();
        return copy && copy->cancel();
    }

    std::weak_ptr<pending> copy_;
};

// ---- Elements

/// Memory for what elements point to, which is taken when it is needed.
class element_arena {
public:
    ~element_arena() { cmabi_arena_free(arena_); }
    element_arena() = default;
    element_arena(const element_arena &) = delete;

    cmabi_arena *get() {
        if (arena_ == nullptr) call(cmabi_arena_new, std::uint64_t{0}, &arena_);
        return arena_;
    }

private:
    cmabi_arena *arena_ = nullptr;
};

/// Whether the elements of a `std::vector<T>` lie in memory as the canonical layout wants them.
template <class T>
constexpr bool is_plain() {
    if constexpr (is_empty<T>)
        return false;
    else
        return std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;
}

/// Room for elements that are read.
template <class T, bool Plain = is_plain<T>(), bool Empty = is_empty<T>>
class room {
public:
    using value_type = T;

    explicit room(std::size_t most)
        : size_(static_cast<std::uint32_t>((std::min)(most, most_room / sizeof(canonical)))),
          elements_(new canonical[size_]()) {
        // From here on it is there: what begins a read has given its data away and must not throw.
        arena_.get();
    }

    void *data() { return elements_.get(); }
    std::uint32_t size() const { return size_; }
    cmabi_arena *arena() { return arena_.get(); }
    std::vector<T> take(cmabi_store *store, std::size_t count) {
        std::vector<T> values;
        values.reserve(count);
        for (std::size_t i = 0; i < count; ++i)
            values.push_back(abi<T>::lift(elements_[i], lifting{store}));
        return values;
    }
    std::optional<T> take_one(cmabi_store *store) {
        return abi<T>::lift(elements_[0], lifting{store});
    }

private:
    using canonical = typename abi<T>::canonical;

    std::uint32_t size_;
    std::unique_ptr<canonical[]> elements_;
    element_arena arena_;
};

/// Numbers are read to where they stay.
template <class T>
class room<T, true, false> {
public:
    using value_type = T;

    explicit room(std::size_t most) : elements_((std::min)(most, most_room / sizeof(T))) {}

    void *data() { return elements_.data(); }
    std::uint32_t size() const { return static_cast<std::uint32_t>(elements_.size()); }
    cmabi_arena *arena() { return nullptr; }
    std::vector<T> take(cmabi_store *, std::size_t count) {
        elements_.resize(count);
        return std::move(elements_);
    }
    std::optional<T> take_one(cmabi_store *) { return elements_[0]; }

private:
    std::vector<T> elements_;
};

/// Elements without payload are counted.
template <class T>
class room<T, false, true> {
public:
    using value_type = std::monostate;

    explicit room(std::size_t most)
        : size_(static_cast<std::uint32_t>((std::min)(most, most_elements))) {}

    void *data() { return nullptr; }
    std::uint32_t size() const { return size_; }
    cmabi_arena *arena() { return nullptr; }
    std::vector<value_type> take(cmabi_store *, std::size_t count) {
        return std::vector<value_type>(count);
    }
    std::optional<value_type> take_one(cmabi_store *) { return value_type(); }

private:
    std::uint32_t size_;
};

/// Elements that are written, and how many of them have been.
template <class T>
class lowered {
public:
    using value_type = typename room<T>::value_type;

    /// The elements have to stay.
    template <class Iterator>
    lowered(cmabi_store *store, Iterator elements, std::size_t count) : count_(count) {
        if constexpr (is_plain<T>()) {
            data_ = count == 0 ? nullptr : std::addressof(*elements);
        } else if constexpr (!is_empty<T>) {
            memory_.emplace(store, arena_.get(), false);
            canonical_.reset(new canonical[count]());
            ends_.reserve(count);
            for (std::size_t i = 0; i < count; ++i) {
                abi<T>::lower(canonical_[i], *elements++, *memory_);
                ends_.push_back(memory_->given());
            }
            data_ = canonical_.get();
        }
    }

    const void *data() const {
        if constexpr (is_empty<T>)
            return nullptr;
        else
            return data_ + written_;
    }
    std::uint32_t size() const {
        return static_cast<std::uint32_t>((std::min)(count_ - written_, most_elements));
    }
    /// A copy has ended so.
    void advance(cmabi_copied copied) {
        if (copied.count > 0 && memory_) {
            const std::size_t before = written_ == 0 ? 0 : ends_[written_ - 1];
            memory_->finish(ends_[written_ + copied.count - 1] - before);
        }
        written_ += copied.count;
        dropped_ = copied.result == CMABI_COPY_RESULT_DROPPED;
        // What was read before the failure was written.
        failed_ = copied.result == CMABI_COPY_RESULT_FAILED && copied.count == 0;
    }
    bool over() const { return dropped_ || (written_ == count_ && !failed_); }
    std::size_t written() const { return written_; }

private:
    using canonical = std::conditional_t<is_empty<T>, char, typename payload<T>::canonical>;

    std::size_t count_;
    std::size_t written_ = 0;
    bool dropped_ = false, failed_ = false;
    const canonical *data_ = nullptr;
    std::unique_ptr<canonical[]> canonical_;
    element_arena arena_;
    std::optional<lowering> memory_;
    /// How many handles all elements up to each one give away.
    std::vector<std::size_t> ends_;
};

// ---- Copies

/// Whether `F` is told of copies that are given up, too.
template <class F, class = void>
struct hears_of_failure : std::false_type {};
template <class F>
struct hears_of_failure<F, std::void_t<decltype(&F::fail)>> : std::true_type {};

template <class T>
class reading : public pending {
public:
    using value_type = typename room<T>::value_type;
    using values = std::vector<value_type>;

    reading(const end_entry<stream_functions> &end, std::size_t most) : pending(end), elements_(most) {}
    /// A read that is over before it has begun.
    reading(const end_entry<stream_functions> &end, values ready)
        : pending(end), elements_(0), ready_(std::move(ready)) {}

    /// The elements that were read, once.
    values take() {
        if (const std::uint32_t count = std::exchange(count_, 0))
            return elements_.take(link().store, count);
        return std::exchange(ready_, {});
    }

protected:
    cmabi_status call(cmabi_store *store, std::uint32_t end, cmabi_on_copy completion, void *data,
                      cmabi_drop drop, cmabi_copied *copied, cmabi_error **error) override {
        return cmabi_stream_read(store, end, elements_.data(), elements_.size(), elements_.arena(),
                                 completion, data, drop, copied, error);
    }
    void account(cmabi_copied copied) override {
        count_ = copied.count;
        failed_ = copied.result == CMABI_COPY_RESULT_FAILED;
    }
    // Elements that came before the failure are given first.
    bool more() const override { return failed_ && count_ == 0; }
    bool any() const { return count_ > 0; }

private:
    room<T> elements_;
    std::uint32_t count_ = 0;
    bool failed_ = false;
    values ready_;
};

template <class T>
class getting : public pending {
public:
    using value = std::optional<typename room<T>::value_type>;

    explicit getting(const end_entry<future_functions> &end) : pending(end) {}
    /// One that is over before it has begun.
    getting(const end_entry<future_functions> &end, value ready)
        : pending(end), ready_(std::move(ready)) {}

    /// The value if there is one, once.
    value take() {
        if (std::exchange(read_, false)) return element_.take_one(link().store);
        return std::exchange(ready_, std::nullopt);
    }

protected:
    cmabi_status call(cmabi_store *store, std::uint32_t end, cmabi_on_copy completion, void *data,
                      cmabi_drop drop, cmabi_copied *copied, cmabi_error **error) override {
        return cmabi_future_read(store, end, element_.data(), element_.arena(), completion, data, drop,
                                 copied, error);
    }
    void account(cmabi_copied copied) override {
        read_ = copied.count > 0;
        failed_ = copied.result == CMABI_COPY_RESULT_FAILED;
    }
    bool more() const override { return failed_; }
    bool any() const { return read_; }

private:
    room<T> element_{1};
    bool read_ = false, failed_ = false;
    value ready_;
};

template <class T>
class writing : public pending {
public:
    using value_type = typename room<T>::value_type;
    using values = std::vector<value_type>;

    /// The elements have to stay.
    writing(const end_entry<stream_functions> &end, const value_type *elements, std::size_t count)
        : pending(end), elements_(link().store, elements, count) {}
    writing(const end_entry<stream_functions> &end, values elements)
        : pending(end), values_(std::move(elements)),
          elements_(link().store, values_.begin(), values_.size()) {}

    /// How many elements were written.
    std::size_t take() const { return elements_.written(); }

protected:
    cmabi_status call(cmabi_store *store, std::uint32_t end, cmabi_on_copy completion, void *data,
                      cmabi_drop drop, cmabi_copied *copied, cmabi_error **error) override {
        return cmabi_stream_write(store, end, elements_.data(), elements_.size(), completion, data, drop,
                                  copied, error);
    }
    void account(cmabi_copied copied) override { elements_.advance(copied); }
    bool more() const override { return !elements_.over(); }
    bool any() const { return elements_.written() > 0; }

private:
    values values_;
    lowered<T> elements_;
};

/// A `Copy` that `F` is told of.
template <class Copy, class F>
class told final : public Copy {
public:
    template <class... Args>
    explicit told(F on_over, Args &&...args)
        : Copy(std::forward<Args>(args)...), on_over_(std::move(on_over)) {}

private:
    using value = decltype(std::declval<Copy &>().take());

    static constexpr bool hears_why = std::is_invocable_v<F &, value, std::exception_ptr>;

    void tell() override {
        if constexpr (hears_why)
            on_over_(this->take(), nullptr);
        else
            on_over_(this->take());
    }
    bool hears_failure() const override { return hears_why || hears_of_failure<F>::value; }
    void fail([[maybe_unused]] const std::exception_ptr &why) override {
        if constexpr (hears_of_failure<F>::value)
            on_over_.fail(why);
        else if constexpr (hears_why)
            on_over_(this->take(), why);
    }
    void give_up([[maybe_unused]] const std::exception_ptr &why) override {
        if constexpr (hears_of_failure<F>::value) {
            if (this->any())
                tell();
            else
                on_over_.fail(why);
        }
    }

    F on_over_;
};

/// A future whose value waits for its reader.
template <class T>
class setting final : public pending {
public:
    using value_type = typename room<T>::value_type;

    template <class End>
    setting(const End &end, value_type given)
        : pending(end), value_(std::move(given)), element_(link().store, &value_, 1) {}

private:
    cmabi_status call(cmabi_store *store, std::uint32_t end, cmabi_on_copy completion, void *data,
                      cmabi_drop drop, cmabi_copied *copied, cmabi_error **error) override {
        return cmabi_future_write(store, end, element_.data(), completion, data, drop, copied, error);
    }
    void account(cmabi_copied copied) override {
        element_.advance(copied);
        cmabi_future_drop(link().store, handle(), nullptr);
    }

    value_type value_;
    lowered<T> element_;
};

/// Lets `visit` use elements where the other end waits.
template <class T, class Pointer, class F>
cmabi_copied in_place(const end_entry<stream_functions> &end,
                      cmabi_status (*function)(cmabi_store *, std::uint32_t,
                                               std::uint32_t (*)(void *, Pointer, std::uint32_t),
                                               void *, cmabi_copied *, cmabi_error **),
                      F visit) {
    static_assert(is_plain<std::remove_const_t<T>>(), "only numbers can be used in place");
    struct visiting {
        F visit;
        std::exception_ptr thrown;
    } state{std::move(visit), nullptr};
    const auto call = +[](void *data, Pointer elements, std::uint32_t count) -> std::uint32_t {
        auto &visit_state = *static_cast<visiting *>(data);
        try {
            const auto used = visit_state.visit(static_cast<T *>(elements), std::size_t{count});
            // More than there are, which C fails with: not what is left of it in 32 bits.
            return static_cast<std::size_t>(used) > count ? UINT32_MAX
                                                          : static_cast<std::uint32_t>(used);
        } catch (...) {
            visit_state.thrown = std::current_exception();
            return 0;
        }
    };
    cmabi_copied copied{};
    end.call(function, call, static_cast<void *>(&state), &copied);
    if (state.thrown) std::rethrow_exception(state.thrown);
    return copied;
}

// ---- Types

struct owned_type : handle<cmabi_type, cmabi_type_free> {
    explicit owned_type(cmabi_type *owned) : handle(owned) {}
};

template <class T>
struct list_element {};
template <class T>
struct list_element<std::vector<T>> {
    using type = T;
};
template <class T>
struct list_element<list<T>> {
    using type = T;
};
template <class T, class = void>
struct is_list : std::false_type {};
template <class T>
struct is_list<T, std::void_t<typename list_element<T>::type>> : std::true_type {};

/// The WIT type of the elements `T`, where C++ has all of it.
template <class T>
owned_type element_type() {
    if constexpr (is_empty<T>) {
        return owned_type(nullptr);
    } else if constexpr (is_scalar<T>) {
        const cmabi_kind kind = scalar_kind<T>();
        return owned_type(call_out<cmabi_type *>(cmabi_type_new_primitive, kind));
    } else if constexpr (std::is_base_of_v<abi<string>, abi<T>>) {
        const cmabi_kind kind = CMABI_KIND_STRING;
        return owned_type(call_out<cmabi_type *>(cmabi_type_new_primitive, kind));
    } else {
        static_assert(is_list<T>::value, "the elements' type must be given as a cmabi::type");
        const owned_type element = element_type<typename list_element<T>::type>();
        return owned_type(call_out<cmabi_type *>(cmabi_type_new_list, element.get()));
    }
}

/// The handles of a new stream or future.
template <class T>
std::pair<std::uint32_t, std::uint32_t> new_ends(decltype(cmabi_stream_new) *make,
                                                 cmabi_store *store, const cmabi_type *element) {
    if (!payload<T>::matches(element)) {
        const std::string_view text = string(cmabi_type_text(element));
        throw error(CMABI_STATUS_TYPE_MISMATCH,
                    "`" + std::string(text) + "` is not the type of the elements in C++");
    }
    std::pair<std::uint32_t, std::uint32_t> ends;
    call(make, store, element, &ends.first, &ends.second);
    return ends;
}

/// Whether `type` is a stream or future, as `kind` says, of `T`.
template <class T>
bool matches_end(cmabi_kind kind, const cmabi_type *type) {
    return cmabi_type_kind(type) == kind && payload<T>::matches(cmabi_type_part_at(type, 0));
}

template <class T>
void describe_end(const char *sort, std::string &text) {
    text += sort;
    if constexpr (!is_empty<T>) {
        text += '<';
        abi<T>::describe(text);
        text += '>';
    }
}

} // namespace detail

} // namespace cmabi

#endif // CMABI_COPY_HPP
