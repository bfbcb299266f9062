// Streams and futures for the tests: the built-ins of guests for one element type, and sources and sinks of the
// host as in the reference's tests.
#pragma once

#include "native.hpp"

#include <deque>
#include <optional>

using Options = cmabi_canon_options;

// ---- Guests -----------------------------------------------------------------------------------------

// The built-ins of streams of one element type, for core functions.
class Stream {
public:
    Stream(Native &native, const cmabi_type *element) : n_(native), element_(element) {}

    Ends make() const { return n_.stream_new(element_); }
    std::uint32_t read(const Options &opts, std::uint32_t end, std::uint64_t ptr, std::uint64_t len) const {
        return n_.get(cmabi_canon_stream_read, element_, &opts, end, ptr, len);
    }
    std::uint32_t write(const Options &opts, std::uint32_t end, std::uint64_t ptr, std::uint64_t len) const {
        return n_.get(cmabi_canon_stream_write, element_, &opts, end, ptr, len);
    }
    std::uint32_t cancel_read(bool is_async, std::uint32_t end) const {
        return n_.get(cmabi_canon_stream_cancel_read, element_, is_async, end);
    }
    std::uint32_t cancel_write(bool is_async, std::uint32_t end) const {
        return n_.get(cmabi_canon_stream_cancel_write, element_, is_async, end);
    }
    void drop_readable(std::uint32_t end) const { n_.run(cmabi_canon_stream_drop_readable, element_, end); }
    void drop_writable(std::uint32_t end) const { n_.run(cmabi_canon_stream_drop_writable, element_, end); }
    void forward(std::uint32_t from, std::uint32_t to) const { n_.run(cmabi_canon_stream_forward, element_, from, to); }

private:
    Native &n_;
    const cmabi_type *element_;
};

// The same for futures.
class Future {
public:
    Future(Native &native, const cmabi_type *element) : n_(native), element_(element) {}

    Ends make() const { return n_.future_new(element_); }
    std::uint32_t read(const Options &opts, std::uint32_t end, std::uint64_t ptr) const {
        return n_.get(cmabi_canon_future_read, element_, &opts, end, ptr);
    }
    std::uint32_t write(const Options &opts, std::uint32_t end, std::uint64_t ptr) const {
        return n_.get(cmabi_canon_future_write, element_, &opts, end, ptr);
    }
    std::uint32_t cancel_read(bool is_async, std::uint32_t end) const {
        return n_.get(cmabi_canon_future_cancel_read, element_, is_async, end);
    }
    std::uint32_t cancel_write(bool is_async, std::uint32_t end) const {
        return n_.get(cmabi_canon_future_cancel_write, element_, is_async, end);
    }
    void drop_readable(std::uint32_t end) const { n_.run(cmabi_canon_future_drop_readable, element_, end); }
    void drop_writable(std::uint32_t end) const { n_.run(cmabi_canon_future_drop_writable, element_, end); }
    void forward(std::uint32_t from, std::uint32_t to) const { n_.run(cmabi_canon_future_forward, element_, from, to); }

private:
    Native &n_;
    const cmabi_type *element_;
};

// The packed result of a stream copy: so many elements, ended so.
#define CHECK_COPIED(packed, count, how)                                                           \
    do {                                                                                           \
        const Packed how_copied(packed);                                                               \
        CHECK(how_copied.rest == (count));                                                             \
        CHECK(how_copied.state == (how));                                                              \
    } while (false)

// A waitable set of a guest's, and where its events go in the guest's memory.
class Set {
public:
    Set(Native &native, Heap &heap, cmabi_core_memory memory, std::uint64_t event)
        : n_(native), heap_(heap), memory_(memory), event_(event), set_(n_.get(cmabi_canon_waitable_set_new)) {}

    void join(std::uint32_t end) { n_.run(cmabi_canon_waitable_join, end, set_); }
    void leave(std::uint32_t end) { n_.run(cmabi_canon_waitable_join, end, 0U); }
    // Waits for an event, which is one of `end`: its payload.
    std::uint32_t wait(std::uint32_t code, std::uint32_t end) {
        CHECK(n_.get(cmabi_canon_waitable_set_wait, memory_, set_, event_) == code);
        CHECK(heap_.u32_at(event_) == end);
        return heap_.u32_at(event_ + 4);
    }
    // The same for an event that is there.
    std::uint32_t poll(std::uint32_t code, std::uint32_t end) {
        CHECK(poll() == code);
        CHECK(heap_.u32_at(event_) == end);
        return heap_.u32_at(event_ + 4);
    }
    std::uint32_t poll() { return n_.get(cmabi_canon_waitable_set_poll, memory_, set_, event_); }
    void drop() { n_.run(cmabi_canon_waitable_set_drop, set_); }

private:
    Native &n_;
    Heap &heap_;
    cmabi_core_memory memory_;
    std::uint64_t event_;
    std::uint32_t set_;
};

// ---- Hosts ------------------------------------------------------------------------------------------

using Bytes = std::vector<std::uint8_t>;

// A stream of bytes that the host writes when they are asked for, at most `chunk` at a time.
class HostSource {
public:
    HostSource(Native &native, Bytes contents, std::size_t chunk, bool destroy_if_empty = true)
        : n_(native), remaining_(std::move(contents)), chunk_(chunk), destroy_if_empty_(destroy_if_empty) {
        REQUIRE_OK(cmabi_stream_new, n_.store, u8(), &readable, &writable_);
        const auto watch = [](void *self, cmabi_store *, std::uint32_t, cmabi_stream_signal signal) {
            return static_cast<HostSource *>(self)->on(signal);
        };
        REQUIRE_OK(cmabi_stream_watch, n_.store, writable_, watch, this, nullptr);
    }
    HostSource(const HostSource &) = delete;

    void write(const Bytes &bytes) {
        REQUIRE(!closed());
        remaining_.insert(remaining_.end(), bytes.begin(), bytes.end());
        if (reader_waits_) {
            copy();
        }
    }
    // Ends the stream.
    void drop() {
        remaining_.clear();
        destroy_once_empty();
    }
    void destroy_once_empty() {
        destroy_if_empty_ = true;
        if (remaining_.empty() && reader_waits_) {
            drop_end();
        }
    }
    // From now on a reader that cancels does not get its buffer back before `unblock_cancel`.
    void block_cancel() { cancel_blocked_ = true; }
    void unblock_cancel() {
        CHECK_OK(cmabi_stream_release, n_.store, writable_);
        reader_waits_ = false;
    }

    // To be given away.
    std::uint32_t readable = 0;

private:
    bool closed() const { return remaining_.empty() && destroy_if_empty_; }

    cmabi_status on(cmabi_stream_signal signal) {
        switch (signal) {
        case CMABI_STREAM_SIGNAL_WAITS:
            reader_waits_ = true;
            if (!remaining_.empty()) {
                copy();
            }
            if (closed()) {
                drop_end();
            }
            return CMABI_STATUS_OK;
        case CMABI_STREAM_SIGNAL_CANCELS:
            reader_waits_ = cancel_blocked_;
            return cancel_blocked_ ? CMABI_STATUS_PENDING : CMABI_STATUS_OK;
        default:
            drop_end();
            return CMABI_STATUS_OK;
        }
    }
    void copy() {
        const auto write = [](void *self, void *to, std::uint32_t room) {
            auto &source = *static_cast<HostSource *>(self);
            const auto count = std::min({std::size_t{room}, source.remaining_.size(), source.chunk_});
            std::copy_n(source.remaining_.begin(), count, static_cast<std::uint8_t *>(to));
            source.remaining_.erase(source.remaining_.begin(),
                                    source.remaining_.begin() + static_cast<std::ptrdiff_t>(count));
            source.reader_waits_ = count < room;
            return static_cast<std::uint32_t>(count);
        };
        cmabi_copied copied;
        CHECK_OK(cmabi_stream_write_in_place, n_.store, writable_, write, this, &copied);
    }
    void drop_end() {
        if (writable_ != 0) {
            CHECK_OK(cmabi_stream_drop, n_.store, std::exchange(writable_, 0));
        }
    }

    Native &n_;
    std::uint32_t writable_ = 0;
    Bytes remaining_;
    std::size_t chunk_;
    bool destroy_if_empty_;
    bool reader_waits_ = false;
    bool cancel_blocked_ = false;
};

// Reads a stream of bytes, as many as it was told to.
class HostSink {
public:
    static constexpr std::uint32_t UNLIMITED = 0xffffffff;

    HostSink(Native &native, std::uint32_t readable, std::uint32_t remain = UNLIMITED)
        : n_(native), readable_(readable) {
        CHECK_OK(cmabi_stream_check, n_.store, readable_, u8());
        set_remain(remain);
    }
    HostSink(const HostSink &) = delete;

    // Has it read so many more bytes.
    void set_remain(std::uint32_t count) {
        remain_ = count;
        cmabi_copied copied;
        if (reading_) {
            CHECK_OK(cmabi_stream_poll, n_.store, readable_, &copied);
            if (copied.result == CMABI_COPY_RESULT_BLOCKED) {
                return;
            }
            remain_ += copied.count;
            take(copied.result, copied.count);
        }
        read();
    }
    // Takes `count` bytes of those that were read; nothing at the end of the stream.
    std::optional<Bytes> consume(std::size_t count) {
        if (received.size() < count) {
            CHECK(closed);
            return std::nullopt;
        }
        const auto end = received.begin() + static_cast<std::ptrdiff_t>(count);
        Bytes bytes(received.begin(), end);
        received.erase(received.begin(), end);
        return bytes;
    }

    Bytes received;
    bool closed = false;
    // Called after more was received, and after the end.
    std::function<void()> on_progress;

private:
    void read() {
        while (remain_ > 0 && !closed && !reading_) {
            const auto done = [](void *self, cmabi_store *, std::uint32_t, cmabi_copy_result result,
                                 std::uint32_t count) {
                auto &sink = *static_cast<HostSink *>(self);
                sink.take(result, count);
                sink.read();
            };
            buffer_.resize(std::min<std::uint32_t>(remain_, 64));
            reading_ = true;
            cmabi_copied copied;
            CHECK_OK(cmabi_stream_read, n_.store, readable_, buffer_.data(),
                     static_cast<std::uint32_t>(buffer_.size()), nullptr, done, this, nullptr, &copied);
            if (copied.result != CMABI_COPY_RESULT_BLOCKED) {
                take(copied.result, copied.count);
            }
        }
    }
    void take(cmabi_copy_result result, std::uint32_t count) {
        reading_ = false;
        received.insert(received.end(), buffer_.begin(), buffer_.begin() + count);
        remain_ -= count;
        if (result == CMABI_COPY_RESULT_DROPPED) {
            closed = true;
            CHECK_OK(cmabi_stream_drop, n_.store, readable_);
        }
        if (on_progress) {
            on_progress();
        }
    }

    Native &n_;
    std::uint32_t readable_;
    std::uint32_t remain_ = 0;
    bool reading_ = false;
    Bytes buffer_;
};
