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

#if defined(__cpp_impl_coroutine)
#include <coroutine>
#endif

namespace cmabi {

namespace detail {

/// The most elements that one copy can be of.
inline constexpr std::size_t most_elements = (std::size_t{1} << 28) - 1;
/// How many elements `read_all` asks for at a time.
inline constexpr std::size_t read_all_step = 4096;

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

/// An end of a stream or future, dropped with this.
template <class Functions>
class end_entry : public table_entry {
public:
    end_entry() = default;
    explicit end_entry(table_entry entry) : table_entry(std::move(entry)) {}
    end_entry(end_entry &&) = default;
    end_entry &operator=(end_entry &&other) noexcept {
        end_entry old(std::move(*this));
        table_entry::operator=(std::move(other));
        return *this;
    }
    ~end_entry() {
        try {
            drop();
        } catch (...) {
            // A destructor has nobody to tell.
        }
    }

    /// Drops the end, if there is one.
    void drop() {
        if (link() == nullptr) return;
        cancel();
        const table_entry going = std::move(*this);
        store_link *store = going.link();
        store_use(store).call(Functions::drop, store->store, going.in(store->store));
    }
    /// Ends the copy in progress, if there is one.
    void cancel() {
        cmabi_copied copied{};
        if (store_link *store = link())
            Functions::cancel(store->store, in(store->store), &copied, nullptr);
    }

    /// Calls a function of the end.
    template <class... Params, class... Args>
    void call(cmabi_status (*function)(cmabi_store *, std::uint32_t, Params...), Args... args) const {
        store_link &store = open();
        store_use(&store).call(function, store.store, in(store.store), args...);
    }
    /// Copies by a function of the end, and runs the store until the copy is over.
    template <class... Params, class... Args>
    cmabi_copied run(cmabi_status (*function)(cmabi_store *, std::uint32_t, Params...),
                     Args... args) {
        // The buffer goes with the caller: nothing leaves here while it is in use.
        struct guard {
            end_entry &end;
            cmabi_copied copied{};
            ~guard() {
                if (copied.result == CMABI_COPY_RESULT_BLOCKED) end.cancel();
            }
        } copy{*this};
        store_link &store = open();
        store_use use(&store);
        use.invoke(function, store.store, in(store.store), args..., &copy.copied);
        use.rethrow();
        while (copy.copied.result == CMABI_COPY_RESULT_BLOCKED) {
            bool ran = false;
            use.call(cmabi_store_tick, store.store, &ran);
            use.call(Functions::poll, store.store, in(store.store), &copy.copied);
            if (!ran && copy.copied.result == CMABI_COPY_RESULT_BLOCKED)
                throw error(CMABI_STATUS_WOULD_BLOCK,
                            "nothing can run, and the other end of the stream or future does not "
                            "come");
        }
        return copy.copied;
    }
};

/// A handle to an error context, dropped with this.
class error_context_entry : public table_entry {
public:
    error_context_entry() = default;
    explicit error_context_entry(table_entry entry) : table_entry(std::move(entry)) {}
    error_context_entry(error_context_entry &&) = default;
    error_context_entry &operator=(error_context_entry &&other) noexcept {
        error_context_entry old(std::move(*this));
        table_entry::operator=(std::move(other));
        return *this;
    }
    ~error_context_entry() {
        if (store_link *store = link())
            cmabi_error_context_drop(store->store, in(store->store), nullptr);
    }
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

    explicit room(std::size_t max)
        : size_(static_cast<std::uint32_t>(std::min(max, most_elements))),
          elements_(new canonical[size_]()) {}

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

    explicit room(std::size_t max) : elements_(std::min(max, most_elements)) {}

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

    explicit room(std::size_t max)
        : size_(static_cast<std::uint32_t>(std::min(max, most_elements))) {}

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
        return static_cast<std::uint32_t>(std::min(count_ - written_, most_elements));
    }
    /// A copy has ended so.
    void advance(cmabi_copied copied) {
        if (copied.count > 0 && memory_) {
            const std::size_t before = written_ == 0 ? 0 : ends_[written_ - 1];
            memory_->finish(ends_[written_ + copied.count - 1] - before);
        }
        written_ += copied.count;
        dropped_ = copied.result == CMABI_COPY_RESULT_DROPPED;
    }
    bool over() const { return dropped_ || written_ == count_; }
    std::size_t written() const { return written_; }

private:
    using canonical = std::conditional_t<is_empty<T>, char, typename payload<T>::canonical>;

    std::size_t count_;
    std::size_t written_ = 0;
    bool dropped_ = false;
    const canonical *data_ = nullptr;
    std::unique_ptr<canonical[]> canonical_;
    element_arena arena_;
    std::optional<lowering> memory_;
    /// How many handles all elements up to each one give away.
    std::vector<std::size_t> ends_;
};

// ---- Copies that nobody waits for

/// The data of a C callback, which are shared with who begins the copy: one that is over at once drops
/// them before they are looked at.
template <class Copy>
void *callback_data(const std::shared_ptr<Copy> &copy) {
    return new std::shared_ptr<Copy>(copy);
}
template <class Copy>
void drop_callback_data(void *data) {
    delete static_cast<std::shared_ptr<Copy> *>(data);
}
/// Calls `Copy::over` with what a copy came to.
template <class Copy>
void on_copied(void *data, cmabi_store *store, std::uint32_t, cmabi_copy_result result,
               std::uint32_t count) {
    const std::shared_ptr<Copy> copy = *static_cast<std::shared_ptr<Copy> *>(data);
    try {
        copy->over(store, cmabi_copied{result, count});
    } catch (...) {
        store_use::escape(store);
    }
}

/// Begins `copy` at `end` by a function of that end, which gets `args` and then its callback.
template <class Copy, class... Params, class... Args>
void begin(const std::shared_ptr<Copy> &copy, const table_entry &end,
           cmabi_status (*function)(cmabi_store *, std::uint32_t, Params...), Args... args) {
    store_link &store = end.open();
    store_use use(&store);
    cmabi_copied copied{};
    use.invoke(function, store.store, end.in(store.store), args..., on_copied<Copy>,
               callback_data(copy), drop_callback_data<Copy>, &copied);
    if (copied.result != CMABI_COPY_RESULT_BLOCKED) copy->over(store.store, copied);
    use.rethrow();
}

template <class T, class F>
struct reading {
    reading(std::size_t max, F on_read) : elements(max), on_read(std::move(on_read)) {}

    static void start(const table_entry &end, std::size_t max, F on_read) {
        const auto copy = std::make_shared<reading>(max, std::move(on_read));
        begin(copy, end, cmabi_stream_read, copy->elements.data(), copy->elements.size(),
              copy->elements.arena());
    }
    void over(cmabi_store *store, cmabi_copied copied) {
        on_read(elements.take(store, copied.count));
    }

    room<T> elements;
    F on_read;
};

template <class T, class F>
struct getting {
    explicit getting(F on_value) : on_value(std::move(on_value)) {}

    static void start(const table_entry &end, F on_value) {
        const auto copy = std::make_shared<getting>(std::move(on_value));
        begin(copy, end, cmabi_future_read, copy->element.data(), copy->element.arena());
    }
    void over(cmabi_store *store, cmabi_copied copied) {
        on_value(copied.count == 0 ? std::nullopt : element.take_one(store));
    }

    room<T> element{1};
    F on_value;
};

template <class T, class F>
struct writing : std::enable_shared_from_this<writing<T, F>> {
    using value_type = typename room<T>::value_type;

    writing(cmabi_store *store, std::vector<value_type> values, F on_written)
        : values(std::move(values)), elements(store, this->values.begin(), this->values.size()),
          on_written(std::move(on_written)) {}

    static void start(const table_entry &end, std::vector<value_type> values, F on_written) {
        const auto copy = std::make_shared<writing>(end.open().store, std::move(values),
                                                    std::move(on_written));
        copy->handle = end.in(end.open().store);
        copy->proceed(end.open().store);
    }
    void proceed(cmabi_store *store) {
        if (elements.over()) return on_written(elements.written());
        const table_entry end(store_use::link_to(store), handle);
        begin(this->shared_from_this(), end, cmabi_stream_write, elements.data(), elements.size());
    }
    void over(cmabi_store *store, cmabi_copied copied) {
        elements.advance(copied);
        proceed(store);
    }

    std::vector<value_type> values;
    lowered<T> elements;
    F on_written;
    std::uint32_t handle = 0;
};

/// A future whose value waits for its reader.
template <class T>
struct setting {
    using value_type = typename room<T>::value_type;

    setting(cmabi_store *store, value_type given)
        : value(std::move(given)), element(store, &value, 1) {}

    static void start(table_entry end, value_type value) {
        cmabi_store *store = end.open().store;
        const auto copy = std::make_shared<setting>(store, std::move(value));
        copy->handle = end.in(store);
        begin(copy, end, cmabi_future_write, copy->element.data());
    }
    void over(cmabi_store *store, cmabi_copied copied) {
        element.advance(copied);
        cmabi_future_drop(store, handle, nullptr);
    }

    value_type value;
    lowered<T> element;
    std::uint32_t handle = 0;
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
    } data{std::move(visit), nullptr};
    const auto call = +[](void *data, Pointer elements, std::uint32_t count) -> std::uint32_t {
        auto &visiting = *static_cast<struct visiting *>(data);
        try {
            return static_cast<std::uint32_t>(
                visiting.visit(static_cast<T *>(elements), std::size_t{count}));
        } catch (...) {
            visiting.thrown = std::current_exception();
            return 0;
        }
    };
    cmabi_copied copied{};
    end.call(function, call, static_cast<void *>(&data), &copied);
    if (data.thrown) std::rethrow_exception(data.thrown);
    return copied;
}

#if defined(__cpp_impl_coroutine)

/// Something to `co_await`: `start` gets a function to be called with the value, at once or later;
/// `finish` makes the result of the value; `cancel` is for a coroutine that goes while it waits.
template <class Value, class Start, class Cancel, class Finish>
class awaiter {
public:
    awaiter(Start start, Cancel cancel, Finish finish)
        : start_(std::move(start)), cancel_(std::move(cancel)), finish_(std::move(finish)) {}
    awaiter(const awaiter &) = delete;
    ~awaiter() {
        if (waiting_) cancel_();
    }

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> coroutine) {
        bool over = false;
        over_ = &over;
        start_([this](Value value) {
            value_ = std::move(value);
            if (over_ != nullptr)
                *over_ = true;
            else
                std::exchange(waiting_, nullptr).resume();
        });
        over_ = nullptr;
        if (!over) waiting_ = coroutine;
        return !over;
    }
    decltype(auto) await_resume() { return finish_(std::move(*value_)); }

private:
    Start start_;
    Cancel cancel_;
    Finish finish_;
    std::optional<Value> value_;
    std::coroutine_handle<> waiting_;
    /// Set while the copy begins.
    bool *over_ = nullptr;
};

template <class Value, class Start, class Cancel, class Finish>
awaiter<Value, Start, Cancel, Finish> awaiting(Start start, Cancel cancel, Finish finish) {
    return awaiter<Value, Start, Cancel, Finish>(std::move(start), std::move(cancel),
                                                 std::move(finish));
}

#endif

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
    return cmabi_type_kind(type) == kind && payload<T>::matches(cmabi_type_part(type, 0));
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
