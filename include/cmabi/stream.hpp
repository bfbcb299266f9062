/// @file stream.hpp
///
/// Part of cmabi.hpp: the host's ends of streams and futures, and error contexts.

#ifndef CMABI_STREAM_HPP
#define CMABI_STREAM_HPP

#include "abi.hpp"
#include "await.hpp"
#include "cases.hpp"
#include "context.hpp"
#include "copy.hpp"
#include "func.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace cmabi {

class store;

/// What the other end of a stream does; see `cmabi_on_stream_signal`.
enum class stream_signal {
    /// It waits with a buffer.
    waits = CMABI_STREAM_SIGNAL_WAITS,
    /// It wants its buffer back.
    cancels = CMABI_STREAM_SIGNAL_CANCELS,
    /// It is gone.
    dropped = CMABI_STREAM_SIGNAL_DROPPED,
    /// It is gone with its instance, which was ended.
    failed = CMABI_STREAM_SIGNAL_FAILED,
};

template <class T>
class stream_writer;
template <class T>
class future_writer;

namespace detail {

/// Ties the other ends of two together. Where that fails before anything has happened, both stay.
template <class Readable, class Writable>
void forward(cmabi_status (*function)(cmabi_store *, std::uint32_t, std::uint32_t, cmabi_error **),
             Readable &readable, Writable &writable) {
    store_link &store = readable.open();
    const std::uint32_t from = readable.in(store.store), to = writable.in(store.store);
    store_use use(&store);
    cmabi_error *failure = nullptr;
    const cmabi_status status = function(store.store, from, to, &failure);
    if (status != CMABI_STATUS_INVALID_ARGUMENT && status != CMABI_STATUS_BUSY) {
        readable.release();
        writable.release();
    }
    use.check(status, failure);
    use.rethrow();
}

/// What both ends of a stream can do.
template <class T>
class stream_end {
public:
    explicit operator bool() const { return entry_.link() != nullptr; }

    /// Drops it now, and with it a copy that is in progress. Destroying it does the same.
    void drop() { entry_.drop(); }
    /// Has `watcher`, a function of a `stream_signal`, told what the other end does, from now on until
    /// this end is given away or dropped; see `cmabi_stream_watch`. It may answer a `bool`: true to a
    /// `cancels` keeps the buffer until `release`.
    template <class F>
    void watch(F watcher) {
        struct watching {
            F watcher;
            std::shared_ptr<store_link> link;
        };
        const cmabi_on_stream_signal call = [](void *data, cmabi_store *, std::uint32_t,
                                             cmabi_stream_signal signal) -> cmabi_status {
            auto &told = *static_cast<watching *>(data);
            const auto what = static_cast<stream_signal>(signal);
            // The watcher may end what is watched, and go with it.
            const auto link = told.link;
            try {
                if constexpr (std::is_same_v<decltype(told.watcher(what)), bool>)
                    return told.watcher(what) ? CMABI_STATUS_PENDING : CMABI_STATUS_OK;
                else
                    told.watcher(what);
            } catch (...) {
                link->escape();
            }
            return CMABI_STATUS_OK;
        };
        // The C function takes the data in any case; it must come to be called.
        auto data = std::make_unique<watching>(
            watching{std::move(watcher), entry_.open().shared_from_this()});
        entry_.call(cmabi_stream_watch, call, static_cast<void *>(data.release()),
                    detail::drop_data<watching>());
    }
    /// Gives the other end the buffer back that the watcher has kept.
    void release() { entry_.call(cmabi_stream_release); }

protected:
    stream_end() = default;
    explicit stream_end(table_entry entry) : entry_(std::move(entry)) {}

    // That it is given away does not show from outside.
    mutable end_entry<stream_functions> entry_;
};

} // namespace detail

/// `stream<T>`, as it is in WIT: the readable end of a stream. `T` is `void` for a stream without payload,
/// whose elements are `std::monostate`. Empty by default, after it was moved from, and after it was given
/// away as an argument, a result or an element. It may outlive its store.
template <class T>
class stream_reader : public detail::stream_end<T> {
    using base = detail::stream_end<T>;

public:
    using value_type = typename detail::room<T>::value_type;

    stream_reader() = default;
    stream_reader(stream_reader &&) = default;
    stream_reader &operator=(stream_reader &&) = default;

    /// Drops it now, with the elements that it has kept and a copy that is in progress. Destroying it does
    /// the same. It fails, and changes nothing, where the elements are being visited in place.
    void drop() {
        base::drop();
        kept_.clear();
    }

    /// Forwards the stream: what comes is read from the reader of `writer` from now on, and does not pass here.
    /// Both are empty afterwards. See `cmabi_stream_forward`; where it fails before anything has happened, nothing
    /// changes, which it does while elements are kept here that were read before an exception came.
    void forward_to(stream_writer<T> &writer) {
        if (!kept_.empty())
            throw error(CMABI_STATUS_INVALID_ARGUMENT, "a reader that has kept elements");
        detail::forward(cmabi_stream_forward, this->entry_, writer.entry_);
    }

    /// Reads up to `max` elements: those that are there, else those that come first. None at the end of
    /// the stream. Runs the store while there are none; throws `CMABI_STATUS_WOULD_BLOCK` where the host
    /// has to do something before there can be any, and what has ended the writer's instance, where that was: it
    /// is no end of the stream. A read of 0 waits until there are some. There is room for 16 MiB of elements at a
    /// time. What was read before an exception came is kept for the next read.
    std::vector<value_type> read(std::size_t most) {
        detail::owns_elements<T>();
        if (kept_.empty()) {
            const auto copy = this->entry_.know(
                std::make_shared<detail::reading<T>>(this->entry_, most));
            try {
                copy->wait();
            } catch (...) {
                kept_ = copy->take();
                throw;
            }
            return copy->take();
        }
        this->entry_.open();
        return take_kept(most);
    }
    /// Reads until the end of the stream.
    std::vector<value_type> read_all() {
        std::vector<value_type> all;
        try {
            for (;;) {
                std::vector<value_type> some = read(detail::read_all_step);
                if (some.empty()) return all;
                append(all, std::move(some));
            }
        } catch (...) {
            append(all, std::move(kept_));
            kept_ = std::move(all);
            throw;
        }
    }
    /// The same without waiting: `on_read` gets the elements, at once or later, while no guest runs. What
    /// is begun by a callback of this end is told after it has returned. Views among the elements are valid
    /// until `on_read` returns. Where the writer's instance is ended before, `on_read` is not called, and what is
    /// begun at this end next throws the reason, unless a callback of this end begins it. An `on_read` with a
    /// second parameter, a `std::exception_ptr` that is null otherwise, is called with the reason instead, and
    /// this throws for mistakes only.
    template <class F>
    void read(std::size_t most, F on_read) {
        begin(most, std::move(on_read));
    }
    /// Ends the read in progress, whose callback is not called then: the elements that it has read. One that
    /// a coroutine waits for gives them to that, and is `cancelled` where there are none.
    auto cancel() {
        const auto copy = this->entry_.copy();
        if (copy) copy->cancel();
        if constexpr (!detail::any_part<detail::points_elsewhere, T>::value) {
            return copy ? static_cast<detail::reading<T> &>(*copy).take()
                        : std::vector<value_type>();
        }
    }
    /// Lets `visit` look at elements where the writer has them, if it waits with some: it gets a
    /// `list<T>` and answers how many it has taken. For numbers; see `cmabi_stream_read_in_place`.
    template <class F>
    cmabi_copied read_in_place(F visit) {
        if (!kept_.empty()) {
            const auto taken = static_cast<std::size_t>(visit(list<T>(kept_.data(), kept_.size())));
            const auto count = static_cast<std::uint32_t>(take_kept(taken).size());
            return cmabi_copied{CMABI_COPY_RESULT_COMPLETED, count};
        }
        return detail::in_place<const T>(this->entry_, cmabi_stream_read_in_place,
                                         [&visit](const T *elements, std::size_t count) {
                                             return visit(list<T>(elements, count));
                                         });
    }
#if defined(__cpp_impl_coroutine)
    /// `co_await reader.next(max)`: the elements that `read` gives. A `task` that is cancelled meanwhile gets
    /// `cancelled`, and so does one whose reader is dropped.
    auto next(std::size_t most) {
        detail::owns_elements<T>();
        using elements = std::vector<value_type>;
        return detail::awaiting<elements>(
            [this, most](auto done) { return this->begin(most, std::move(done)); },
            [](elements got) { return got; });
    }
#endif

private:
    template <class, class>
    friend struct detail::abi;
    template <class>
    friend struct stream_ends;

    explicit stream_reader(detail::table_entry entry) : base(std::move(entry)) {}

    template <class F>
    std::shared_ptr<detail::pending> begin(std::size_t most, F on_read) {
        using copy = detail::told<detail::reading<T>, F>;
        if (kept_.empty()) {
            const auto read = this->entry_.know(
                std::make_shared<copy>(std::move(on_read), this->entry_, most));
            read->start();
            return read;
        }
        const auto ready = this->entry_.know(
            std::make_shared<copy>(std::move(on_read), this->entry_, take_kept(most)));
        ready->finish();
        return ready;
    }
    std::vector<value_type> take_kept(std::size_t most) {
        const auto end = kept_.begin() + static_cast<std::ptrdiff_t>((std::min)(most, kept_.size()));
        std::vector<value_type> taken(std::make_move_iterator(kept_.begin()),
                                      std::make_move_iterator(end));
        kept_.erase(kept_.begin(), end);
        return taken;
    }
    static void append(std::vector<value_type> &to, std::vector<value_type> from) {
        to.insert(to.end(), std::make_move_iterator(from.begin()),
                  std::make_move_iterator(from.end()));
    }

    /// What was read and could not be given to anyone.
    std::vector<value_type> kept_;
};

/// The writable end of a `stream<T>`: `void` for a stream without payload, whose elements are
/// `std::monostate`. Dropping it ends the stream. It may outlive its store.
template <class T>
class stream_writer : public detail::stream_end<T> {
    using base = detail::stream_end<T>;

public:
    using value_type = typename detail::room<T>::value_type;

    stream_writer() = default;

    /// Writes all elements, and says how many were read: fewer where the reader is gone. Runs the store
    /// until they are; throws `CMABI_STATUS_WOULD_BLOCK` where the host has to do something before that, and
    /// what has ended the reader's instance, where that was. What gives handles away is empty afterwards as far as it was read, where this throws, too. A write of
    /// no elements waits until the reader is there.
    std::size_t write(const value_type *elements, std::size_t count) {
        const auto copy = this->entry_.know(
            std::make_shared<detail::writing<T>>(this->entry_, elements, count));
        copy->wait();
        return copy->take();
    }
    /// The same for the elements of a `std::vector`, `std::array`, `std::span` or the like.
    template <class Container>
    auto write(const Container &elements)
        -> decltype(write(elements.data(), elements.size())) {
        return write(elements.data(), elements.size());
    }
    /// The same without waiting: `on_written` gets the number, at once or later, while no guest runs. What
    /// is begun by a callback of this end is told after it has returned. A second parameter is as for `read`.
    template <class F>
    void write(std::vector<value_type> elements, F on_written) {
        begin(std::move(elements), std::move(on_written));
    }
    /// Ends the write in progress, whose callback is not called then: how many elements it has written. The
    /// others go. A coroutine that waits for it gets that number, and is `cancelled` where it is 0.
    std::size_t cancel() {
        const auto copy = this->entry_.copy();
        if (!copy) return 0;
        copy->cancel();
        return static_cast<detail::writing<T> &>(*copy).take();
    }
    /// Lets `visit` write elements where the reader wants them, if it waits: it gets a `T *` and the
    /// number for which there is room, and answers how many it has written. For numbers; see
    /// `cmabi_stream_write_in_place`.
    template <class F>
    cmabi_copied write_in_place(F visit) {
        return detail::in_place<T>(this->entry_, cmabi_stream_write_in_place, std::move(visit));
    }
#if defined(__cpp_impl_coroutine)
    /// `co_await writer.send(elements)`: the number that `write` gives. A `task` that is cancelled meanwhile
    /// gets the number so far, or `cancelled` where it is 0, and so does one whose writer is dropped.
    auto send(std::vector<value_type> elements) {
        return detail::awaiting<std::size_t>(
            [this, elements = std::move(elements)](auto done) mutable {
                return this->begin(std::move(elements), std::move(done));
            },
            [](std::size_t written) { return written; });
    }
#endif

private:
    template <class>
    friend struct stream_ends;
    template <class>
    friend class stream_reader;

    explicit stream_writer(detail::table_entry entry) : base(std::move(entry)) {}

    template <class F>
    std::shared_ptr<detail::pending> begin(std::vector<value_type> elements, F on_written) {
        using copy = detail::told<detail::writing<T>, F>;
        const auto write = this->entry_.know(
            std::make_shared<copy>(std::move(on_written), this->entry_, std::move(elements)));
        write->start();
        return write;
    }
};

/// `future<T>`, as it is in WIT: the end that a value is read from, once. All as for `stream_reader`.
template <class T>
class future_reader {
public:
    using value_type = typename detail::room<T>::value_type;

    future_reader() = default;

    explicit operator bool() const { return entry_.link() != nullptr; }
    /// Drops it now, and with it a read that is in progress. Destroying it does the same.
    void drop() { entry_.drop(); }
    /// Ends the read in progress, whose callback is not called then: the value, if it was read. One that a
    /// coroutine waits for gives it to that, and is `cancelled` where there is none.
    auto cancel() {
        const auto copy = entry_.copy();
        if (copy) copy->cancel();
        if constexpr (!detail::any_part<detail::points_elsewhere, T>::value) {
            return copy ? static_cast<detail::getting<T> &>(*copy).take()
                        : std::optional<value_type>();
        }
    }

    /// Forwards the future: its value is read from the reader of `writer`. As for `stream_reader`.
    void forward_to(future_writer<T> &writer) {
        if (kept_) throw error(CMABI_STATUS_INVALID_ARGUMENT, "a reader that has kept its value");
        detail::forward(cmabi_future_forward, entry_, writer.entry_);
    }

    /// The value, for which the store is run. Throws `CMABI_STATUS_WOULD_BLOCK` where the host has to do
    /// something first, and the reason where the writer's instance was ended, or its end went without a value. A
    /// value that was read before an exception came is kept for the next `get`.
    T get() {
        detail::owns_elements<T>();
        if (kept_) return unwrap(std::exchange(kept_, std::nullopt));
        const auto copy = entry_.know(std::make_shared<detail::getting<T>>(entry_));
        try {
            copy->wait();
        } catch (...) {
            kept_ = copy->take();
            throw;
        }
        return unwrap(copy->take());
    }
    /// The same without waiting: `on_value` gets a `std::optional` with the value, at once or later, while
    /// no guest runs. Views in the value are valid until `on_value` returns. It is empty only where a second
    /// parameter, as for `stream_reader::read`, says why.
    template <class F>
    void get(F on_value) {
        begin(std::move(on_value));
    }
#if defined(__cpp_impl_coroutine)
    /// `co_await future`: the value that `get` gives. A `task` that is cancelled meanwhile gets `cancelled`,
    /// and so does one whose future is dropped.
    auto operator co_await() {
        detail::owns_elements<T>();
        using value = std::optional<value_type>;
        return detail::awaiting<value>([this](auto done) { return this->begin(std::move(done)); },
                                       [](value got) -> T { return unwrap(std::move(got)); });
    }
#endif

private:
    template <class, class>
    friend struct detail::abi;
    template <class>
    friend struct future_ends;

    explicit future_reader(detail::table_entry entry) : entry_(std::move(entry)) {}

    template <class F>
    std::shared_ptr<detail::pending> begin(F on_value) {
        using copy = detail::told<detail::getting<T>, F>;
        if (kept_) {
            const auto ready = entry_.know(std::make_shared<copy>(
                std::move(on_value), entry_, std::exchange(kept_, std::nullopt)));
            ready->finish();
            return ready;
        }
        const auto read = entry_.know(std::make_shared<copy>(std::move(on_value), entry_));
        read->start();
        return read;
    }
    static T unwrap([[maybe_unused]] std::optional<value_type> value) {
        if constexpr (!std::is_void_v<T>) return std::move(*value);
    }

    /// What was read and could not be given to anyone.
    std::optional<value_type> kept_;
    mutable detail::end_entry<detail::future_functions> entry_;
};

/// The end that the value of a `future<T>` is written to, once. One that goes without a value lets a guest
/// wait for ever, and a read of the host's fail. It may outlive its store.
template <class T>
class future_writer {
public:
    using value_type = typename detail::room<T>::value_type;

    future_writer() = default;

    explicit operator bool() const { return entry_.link() != nullptr; }
    /// Drops it, whose reader is gone. Throws a `cmabi::error` with `CMABI_STATUS_INVALID_ARGUMENT`, and
    /// changes nothing, where that waits for a value.
    void drop() { entry_.drop(); }

    /// Gives the future its value, which it keeps until it is read. This is empty afterwards, unless the
    /// value was refused.
    void set(value_type value = {}) {
        const auto copy =
            std::make_shared<detail::setting<T>>(entry_, std::move(value));
        // Who gets the value may let this go.
        detail::table_entry going(std::move(entry_));
        try {
            copy->start();
        } catch (...) {
            if (!copy->begun()) entry_ = end(std::move(going));
            throw;
        }
    }

private:
    template <class>
    friend struct future_ends;
    template <class>
    friend class future_reader;

    /// It cannot be dropped before its value was read or its reader is gone.
    struct end : detail::owned_entry<cmabi_future_abandon> {
        using functions = detail::future_functions;
        using base = detail::owned_entry<cmabi_future_abandon>;

        end() = default;
        explicit end(detail::table_entry entry) : base(std::move(entry)) {}

        void drop() { drop_by(cmabi_future_drop); }
    };

    explicit future_writer(detail::table_entry entry) : entry_(std::move(entry)) {}

    end entry_;
};

/// A new stream; see `make_stream`.
template <class T>
struct stream_ends {
    stream_reader<T> reader;
    stream_writer<T> writer;

    stream_ends(const std::shared_ptr<detail::store_link> &store, const cmabi_type *element) {
        const auto made = detail::new_ends<T>(cmabi_stream_new, store->store, element);
        reader = stream_reader<T>(detail::table_entry(store, made.first));
        writer = stream_writer<T>(detail::table_entry(store, made.second));
    }
};

/// A new future; see `make_future`.
template <class T>
struct future_ends {
    future_reader<T> reader;
    future_writer<T> writer;

    future_ends(const std::shared_ptr<detail::store_link> &store, const cmabi_type *element) {
        const auto made = detail::new_ends<T>(cmabi_future_new, store->store, element);
        reader = future_reader<T>(detail::table_entry(store, made.first));
        writer = future_writer<T>(detail::table_entry(store, made.second));
    }
};

/// An error context of the host's with this message.
class error_context;
error_context make_error_context(store &store, std::string_view message);

/// `error-context`: a message for people that can be passed to components. Passing it shares it. It may
/// outlive its store. Made by `make_error_context`.
class error_context {
public:
    error_context() = default;

    explicit operator bool() const { return entry_.link() != nullptr; }
    /// The message.
    std::string debug_message() const {
        const detail::store_link &store = entry_.open();
        return std::string(std::string_view(string(detail::call_out<cmabi_string>(
            cmabi_error_context_debug_message, store.store, entry_.in(store.store)))));
    }

private:
    template <class, class>
    friend struct detail::abi;
    friend error_context make_error_context(store &store, std::string_view message);

    explicit error_context(detail::table_entry entry) : entry_(std::move(entry)) {}

    detail::owned_entry<cmabi_error_context_drop> entry_;
};

namespace detail {

template <class T>
struct gives_handle<stream_reader<T>> : std::true_type {};
template <class T>
struct gives_handle<future_reader<T>> : std::true_type {};

template <class T>
struct abi<stream_reader<T>> {
    using canonical = std::uint32_t;
    static constexpr bool in_place() { return false; }
    static bool matches(const cmabi_type *type) { return matches_end<T>(CMABI_KIND_STREAM, type); }
    static void describe(std::string &text) { describe_end<T>("stream", text); }
    static void lower(canonical &to, const stream_reader<T> &from, lowering &memory) {
        if (!from.kept_.empty())
            throw error(CMABI_STATUS_INVALID_ARGUMENT,
                        "a reader that has kept elements, which are to be read first");
        to = memory.give(from.entry_);
    }
    static stream_reader<T> lift(canonical from, const lifting &cx) {
        return stream_reader<T>(cx.entry(from));
    }
};

template <class T>
struct abi<future_reader<T>> {
    using canonical = std::uint32_t;
    static constexpr bool in_place() { return false; }
    static bool matches(const cmabi_type *type) { return matches_end<T>(CMABI_KIND_FUTURE, type); }
    static void describe(std::string &text) { describe_end<T>("future", text); }
    static void lower(canonical &to, const future_reader<T> &from, lowering &memory) {
        if (from.kept_)
            throw error(CMABI_STATUS_INVALID_ARGUMENT,
                        "a future that has kept its value, which is to be got first");
        to = memory.give(from.entry_);
    }
    static future_reader<T> lift(canonical from, const lifting &cx) {
        return future_reader<T>(cx.entry(from));
    }
};

template <>
struct abi<error_context> {
    using canonical = std::uint32_t;
    static constexpr bool in_place() { return false; }
    static bool matches(const cmabi_type *type) {
        return cmabi_type_kind(type) == CMABI_KIND_ERROR_CONTEXT;
    }
    static void describe(std::string &text) { text += "error-context"; }
    static void lower(canonical &to, const error_context &from, lowering &memory) {
        to = from.entry_.in(memory.store);
    }
    static error_context lift(canonical from, const lifting &cx) {
        return error_context(cx.entry(from));
    }
};

} // namespace detail

} // namespace cmabi

#endif // CMABI_STREAM_HPP
