/// @file stream.hpp
///
/// Part of cmabi.hpp: the host's ends of streams and futures, and error contexts.

#ifndef CMABI_STREAM_HPP
#define CMABI_STREAM_HPP

#include "abi.hpp"
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

/// What the other end of a stream does; see `cmabi_stream_watcher`.
enum class stream_signal {
    /// It waits with a buffer.
    waits = CMABI_STREAM_SIGNAL_WAITS,
    /// It wants its buffer back.
    cancels = CMABI_STREAM_SIGNAL_CANCELS,
    /// It is gone.
    dropped = CMABI_STREAM_SIGNAL_DROPPED,
};

namespace detail {

/// What both ends of a stream can do.
template <class T>
class stream_end {
public:
    explicit operator bool() const { return entry_.link() != nullptr; }

    /// Drops it now, and with it a copy that is in progress. Destroying it does the same.
    void drop() { entry_.drop(); }
    /// Ends the copy in progress, whose callback is not called then.
    void cancel() { entry_.cancel(); }

    /// Has `watcher`, a function of a `stream_signal`, told what the other end does, from now on until
    /// this end is given away or dropped; see `cmabi_stream_watch`. It may answer a `bool`: true to a
    /// `cancels` keeps the buffer until `release`.
    template <class F>
    void watch(F watcher) {
        const cmabi_stream_watcher call = [](void *data, cmabi_store *store, std::uint32_t,
                                             cmabi_stream_signal signal) -> cmabi_status {
            auto &watcher = *static_cast<F *>(data);
            const auto what = static_cast<stream_signal>(signal);
            try {
                if constexpr (std::is_same_v<decltype(watcher(what)), bool>)
                    return watcher(what) ? CMABI_STATUS_PENDING : CMABI_STATUS_OK;
                else
                    watcher(what);
            } catch (...) {
                store_use::escape(store);
            }
            return CMABI_STATUS_OK;
        };
        const cmabi_drop drop = [](void *data) { delete static_cast<F *>(data); };
        entry_.call(cmabi_stream_watch, call, static_cast<void *>(new F(std::move(watcher))), drop);
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

    /// Reads up to `max` elements: those that are there, else those that come first. None at the end of
    /// the stream. Runs the store while there are none; throws `CMABI_STATUS_WOULD_BLOCK` where the host
    /// has to do something before there can be any.
    std::vector<value_type> read(std::size_t max) {
        detail::room<T> room(max);
        const cmabi_copied copied = this->entry_.run(cmabi_stream_read, room.data(), room.size(),
                                                     room.arena(), nullptr, nullptr, nullptr);
        return room.take(this->entry_.open().store, copied.count);
    }
    /// Reads until the end of the stream.
    std::vector<value_type> read_all() {
        std::vector<value_type> all;
        for (;;) {
            std::vector<value_type> some = read(detail::read_all_step);
            if (some.empty()) return all;
            all.insert(all.end(), std::make_move_iterator(some.begin()),
                       std::make_move_iterator(some.end()));
        }
    }
    /// The same without waiting: `on_read` gets the elements, at once or later, while no guest runs.
    template <class F>
    void read(std::size_t max, F on_read) {
        detail::reading<T, F>::start(this->entry_, max, std::move(on_read));
    }
    /// Lets `visit` look at elements where the writer has them, if it waits with some: it gets a
    /// `list<T>` and answers how many it has taken. For numbers; see `cmabi_stream_read_in_place`.
    template <class F>
    cmabi_copied read_in_place(F visit) {
        return detail::in_place<const T>(this->entry_, cmabi_stream_read_in_place,
                                         [&visit](const T *elements, std::size_t count) {
                                             return visit(list<T>(elements, count));
                                         });
    }
#if defined(__cpp_impl_coroutine)
    /// `co_await reader.next(max)`: the elements that `read` gives.
    auto next(std::size_t max) {
        using elements = std::vector<value_type>;
        return detail::awaiting<elements>(
            [this, max](auto done) { read(max, std::move(done)); }, [this] { this->cancel(); },
            [](elements got) { return got; });
    }
#endif

private:
    template <class, class>
    friend struct detail::abi;
    template <class>
    friend struct stream_ends;

    explicit stream_reader(detail::table_entry entry) : base(std::move(entry)) {}
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
    /// until they are; throws `CMABI_STATUS_WOULD_BLOCK` where the host has to do something before that.
    /// What gives handles away is empty afterwards as far as it was read.
    std::size_t write(const value_type *elements, std::size_t count) {
        detail::lowered<T> lowered(this->entry_.open().store, elements, count);
        while (!lowered.over())
            lowered.advance(this->entry_.run(cmabi_stream_write, lowered.data(), lowered.size(),
                                             nullptr, nullptr, nullptr));
        return lowered.written();
    }
    /// The same for the elements of a `std::vector`, `std::array`, `std::span` or the like.
    template <class Container>
    auto write(const Container &elements)
        -> decltype(write(elements.data(), elements.size())) {
        return write(elements.data(), elements.size());
    }
    /// The same without waiting: `on_written` gets the number, at once or later, while no guest runs.
    template <class F>
    void write(std::vector<value_type> elements, F on_written) {
        detail::writing<T, F>::start(this->entry_, std::move(elements), std::move(on_written));
    }
    /// Lets `visit` write elements where the reader wants them, if it waits: it gets a `T *` and the
    /// number for which there is room, and answers how many it has written. For numbers; see
    /// `cmabi_stream_write_in_place`.
    template <class F>
    cmabi_copied write_in_place(F visit) {
        return detail::in_place<T>(this->entry_, cmabi_stream_write_in_place, std::move(visit));
    }
#if defined(__cpp_impl_coroutine)
    /// `co_await writer.send(elements)`: the number that `write` gives.
    auto send(std::vector<value_type> elements) {
        return detail::awaiting<std::size_t>(
            [this, elements = std::move(elements)](auto done) mutable {
                write(std::move(elements), std::move(done));
            },
            [this] { this->cancel(); }, [](std::size_t written) { return written; });
    }
#endif

private:
    template <class>
    friend struct stream_ends;

    explicit stream_writer(detail::table_entry entry) : base(std::move(entry)) {}
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
    /// Ends the read in progress, whose callback is not called then.
    void cancel() { entry_.cancel(); }

    /// The value, for which the store is run. Throws `CMABI_STATUS_WOULD_BLOCK` where the host has to do
    /// something first, and `CMABI_STATUS_TRAP` where a trap ended the writer.
    T get() {
        detail::room<T> room(1);
        const cmabi_copied copied = entry_.run(cmabi_future_read, room.data(), room.arena(), nullptr,
                                               nullptr, nullptr);
        return unwrap(copied.count == 0 ? std::nullopt : room.take_one(entry_.open().store));
    }
    /// The same without waiting: `on_value` gets a `std::optional` with the value, at once or later, while
    /// no guest runs; with nothing where a trap ended the writer.
    template <class F>
    void get(F on_value) {
        detail::getting<T, F>::start(entry_, std::move(on_value));
    }
#if defined(__cpp_impl_coroutine)
    /// `co_await future`: the value that `get` gives.
    auto operator co_await() {
        using value = std::optional<value_type>;
        return detail::awaiting<value>([this](auto done) { get(std::move(done)); },
                                       [this] { cancel(); },
                                       [](value got) -> T { return unwrap(std::move(got)); });
    }
#endif

private:
    template <class, class>
    friend struct detail::abi;
    template <class>
    friend struct future_ends;

    explicit future_reader(detail::table_entry entry) : entry_(std::move(entry)) {}

    static T unwrap([[maybe_unused]] std::optional<value_type> value) {
        if (!value) throw error(CMABI_STATUS_TRAP, "a trap ended the writer of a future");
        if constexpr (!std::is_void_v<T>) return std::move(*value);
    }

    mutable detail::end_entry<detail::future_functions> entry_;
};

/// The end that the value of a `future<T>` is written to, once. One that goes without a value lets its
/// reader wait for ever.
template <class T>
class future_writer {
public:
    using value_type = typename detail::room<T>::value_type;

    future_writer() = default;

    explicit operator bool() const { return entry_.link() != nullptr; }

    /// Gives the future its value, which it keeps until it is read. This is empty afterwards.
    void set(value_type value = {}) {
        detail::setting<T>::start(std::move(entry_), std::move(value));
    }

private:
    template <class>
    friend struct future_ends;

    explicit future_writer(detail::table_entry entry) : entry_(std::move(entry)) {}

    detail::table_entry entry_;
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

    detail::error_context_entry entry_;
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
