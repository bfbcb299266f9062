/// @file context.hpp
///
/// Part of cmabi.hpp, for its own use: what conversions and calls know of the store that they are for.

#ifndef CMABI_CONTEXT_HPP
#define CMABI_CONTEXT_HPP

#include "error.hpp"
#include "values.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace cmabi {

namespace detail {

/// A store, as what may outlive it knows it.
struct store_link : std::enable_shared_from_this<store_link> {
    store_link(cmabi_store *linked, bool made_by_cpp) : store(linked), of_cpp(made_by_cpp) {}

    /// Drops what was left, as far as that can be done now.
    void drop_left() {
        for (const auto &[drop, handle] : std::exchange(left, {}))
            if (drop(store, handle, nullptr) == CMABI_STATUS_BUSY) left.emplace_back(drop, handle);
    }
    /// Has the exception that is being handled, which a callback threw and for which nothing fails, thrown
    /// by the C++ function that runs the store, or else by the next one. Where C runs it, the program ends.
    void escape() noexcept {
        if (!of_cpp) std::terminate();
        if (!escaped) escaped = std::current_exception();
    }

    /// Whether the host's table has the handle, of whatever kind.
    bool knows(std::uint32_t handle) const {
        bool owned = false;
        return cmabi_stream_check(store, handle, nullptr, nullptr) != CMABI_STATUS_INVALID_ARGUMENT ||
               cmabi_future_check(store, handle, nullptr, nullptr) != CMABI_STATUS_INVALID_ARGUMENT ||
               cmabi_resource_is_owned(store, handle, &owned, nullptr) != CMABI_STATUS_INVALID_ARGUMENT;
    }

    /// Null once the store is freed.
    cmabi_store *store;
    /// Whether it is a `cmabi::store`, which C++ runs.
    const bool of_cpp;
    /// See `escape`: the first.
    std::exception_ptr escaped{};
    /// How many handles C++ has got in the store: while it stays, no handle is used again.
    std::uint64_t got = 0;
    /// The handles whose owners went where the store could not be used, and how they are dropped.
    std::vector<std::pair<decltype(cmabi_stream_drop) *, std::uint32_t>> left{};
};

/// What the exception that is being handled says.
inline std::string exception_text() {
    try {
        throw;
    } catch (const std::exception &exception) {
        return exception.what();
    } catch (...) {
        return "an exception that is no std::exception";
    }
}

/// A use of a store by C++, while it runs. What a host function or another callback throws waits here
/// until the C functions in between have returned.
class store_use {
public:
    explicit store_use(store_link *link) : link_(link), outer_(std::exchange(innermost, this)) {}
    store_use(const store_use &) = delete;
    ~store_use() {
        if (link_ != nullptr && !link_->left.empty()) link_->drop_left();
        innermost = outer_;
    }

    /// `detail::call`, but what was thrown on the way is thrown again.
    template <class... Params, class... Args>
    void call(cmabi_status (*function)(Params...), Args... args) {
        invoke(function, args...);
        rethrow();
    }
    /// The same, but where the function has not failed, what was thrown waits for `rethrow`.
    template <class... Params, class... Args>
    void invoke(cmabi_status (*function)(Params...), Args... args) {
        cmabi_error *failure = nullptr;
        const cmabi_status status = function(args..., &failure);
        check(status, failure);
    }
    /// Throws what a function has failed with, and takes `failure`.
    void check(cmabi_status status, cmabi_error *failure) {
        if (status == CMABI_STATUS_OK) return;
        error wrapped(status, failure);
        rethrow();
        if (status == CMABI_STATUS_HOST && thrown_) std::rethrow_exception(thrown_);
        throw wrapped;
    }
    /// Throws what callbacks threw for which nothing fails.
    void rethrow() {
        if (link_ != nullptr && link_->escaped)
            std::rethrow_exception(std::exchange(link_->escaped, nullptr));
    }

    /// Makes the host function that serves `task` fail with the exception that is being handled.
    static cmabi_status fail(cmabi_task *task) noexcept {
        if (innermost != nullptr && innermost->uses(cmabi_task_store(task)))
            innermost->thrown_ = std::current_exception();
        cmabi_task_set_error(task, string(exception_text()), nullptr);
        return CMABI_STATUS_HOST;
    }

    /// Has the exception that is being handled, of a callback that does not know its store, thrown again by
    /// the C++ function that runs a store. Where that is C's, it is lost.
    static void carry() noexcept {
        if (innermost != nullptr && innermost->link_ != nullptr) innermost->link_->escape();
    }

    /// The link to a store that is running. A store that C functions made and run has none, and is
    /// taken to outlive what it is made for here.
    static std::shared_ptr<store_link> link_to(cmabi_store *store) {
        for (const store_use *use = innermost; use != nullptr; use = use->outer_)
            if (use->uses(store)) return use->link_->shared_from_this();
        return std::make_shared<store_link>(store, false);
    }

private:
    bool uses(cmabi_store *store) const { return link_ != nullptr && link_->store == store; }

    static inline thread_local store_use *innermost = nullptr;

    store_link *link_;
    store_use *outer_;
    /// By host functions: the call fails with it.
    std::exception_ptr thrown_;
};

/// A handle in the host's table of a store, which it may outlive. It is its owner who drops it.
class table_entry {
public:
    table_entry() = default;
    table_entry(std::shared_ptr<store_link> of, std::uint32_t handle)
        : link_(std::move(of)), handle_(handle) {
        ++link_->got;
    }
    table_entry(table_entry &&other) noexcept
        : link_(std::move(other.link_)), handle_(other.release()) {}
    table_entry &operator=(table_entry &&other) noexcept {
        link_ = std::move(other.link_);
        handle_ = other.release();
        return *this;
    }

    /// The store; null where it was freed, and without a handle.
    store_link *link() const {
        return handle_ != 0 && link_->store != nullptr ? link_.get() : nullptr;
    }
    /// The store, for calls that use the handle.
    store_link &open() const {
        if (handle_ == 0)
            throw error(CMABI_STATUS_INVALID_ARGUMENT, "a handle that is empty or was given away");
        if (link_->store == nullptr)
            throw error(CMABI_STATUS_INVALID_ARGUMENT, "a handle of a store that was freed");
        return *link_;
    }
    /// The handle, for a call in `store`.
    std::uint32_t in(cmabi_store *store) const {
        if (handle_ == 0)
            throw error(CMABI_STATUS_INVALID_ARGUMENT, "a handle that is empty or was given away");
        if (link_->store != store)
            throw error(CMABI_STATUS_INVALID_ARGUMENT, "a handle of another store");
        return handle_;
    }
    /// Gives up the handle without dropping it.
    std::uint32_t release() noexcept { return std::exchange(handle_, 0); }

private:
    std::shared_ptr<store_link> link_;
    std::uint32_t handle_ = 0;
};

/// A handle that is let go of with this, by a function of C: now, or where the store cannot be used now, as
/// soon as it can.
template <auto LetGo>
class owned_entry : public table_entry {
public:
    owned_entry() = default;
    explicit owned_entry(table_entry entry) : table_entry(std::move(entry)) {}
    owned_entry(owned_entry &&) = default;
    owned_entry &operator=(owned_entry &&other) noexcept {
        if (this == &other) return *this;
        const owned_entry old(std::move(*this));
        table_entry::operator=(std::move(other));
        return *this;
    }
    ~owned_entry() {
        store_link *store = link();
        if (store == nullptr) return;
        // There is nobody to tell of a failure.
        const store_use use(store);
        const std::uint32_t handle = release();
        if (LetGo(store->store, handle, nullptr) == CMABI_STATUS_BUSY)
            store->left.emplace_back(LetGo, handle);
    }

    /// Lets go of it by another function, and says by an exception where that fails. Where it fails before
    /// anything has happened, the handle stays.
    void drop_by(decltype(LetGo) function) {
        store_link *store = link();
        if (store == nullptr) return;
        // What runs now may let this go.
        table_entry going(std::move(*this));
        store_use use(store);
        cmabi_error *failure = nullptr;
        const cmabi_status status = function(store->store, going.in(store->store), &failure);
        if (status == CMABI_STATUS_INVALID_ARGUMENT || status == CMABI_STATUS_BUSY)
            table_entry::operator=(std::move(going));
        use.check(status, failure);
        use.rethrow();
    }
};

/// What lowering needs besides the value: the store that handles must be of, and memory for what a
/// pointer leads to.
class lowering {
public:
    /// `outlives`: whether what is lowered must outlive the value, which is so for the results of host
    /// functions. Views point to what lives on by itself and are never copied.
    lowering(cmabi_store *of, cmabi_arena *arena, bool outlives)
        : store(of), keep(outlives), arena_(arena) {}

    template <class T>
    T *allocate(std::size_t count) {
        if (count == 0) return nullptr;
        return static_cast<T *>(
            call_out<void *>(cmabi_arena_alloc, arena_, count * sizeof(T), alignof(T)));
    }
    /// The handle of an entry that the value gives away.
    std::uint32_t give(table_entry &entry) {
        const std::uint32_t handle = entry.in(store);
        given_.push_back(&entry);
        return handle;
    }
    /// Gives the entries away by `call`; where that throws, those that it has taken before.
    template <class F>
    void give_by(F call) {
        prepare();
        try {
            call();
        } catch (...) {
            refused();
            throw;
        }
        finish();
    }
    /// For a call that takes the entries later: before it begins,
    void prepare() {
        if (given_.empty()) return;
        link_ = store_use::link_to(store);
        got_ = link_->got;
    }
    /// and where it fails. It has taken all of them if it came to run, and else perhaps the first ones.
    void refused() noexcept {
        if (given_.empty()) return;
        const bool ran = link_->got != got_;
        for (table_entry *entry : std::exchange(given_, {}))
            if (entry->link() != nullptr && (ran || !link_->knows(entry->in(store)))) entry->release();
    }
    /// How many entries are to be given away.
    std::size_t given() const { return given_.size(); }
    /// Ends the entries, once they were given away.
    void finish() noexcept { finish(given_.size()); }
    /// Ends the first `count` of them.
    void finish(std::size_t count) noexcept {
        const auto end = given_.begin() + static_cast<std::ptrdiff_t>(count);
        for (auto entry = given_.begin(); entry != end; ++entry)
            (*entry)->release();
        given_.erase(given_.begin(), end);
    }

    cmabi_store *const store;
    const bool keep;

private:
    cmabi_arena *arena_;
    std::vector<table_entry *> given_;
    std::shared_ptr<store_link> link_;
    std::uint64_t got_ = 0;
};

/// What the generated classes of a component's resources get their functions from.
using bound_functions = std::weak_ptr<const void>;

/// What lifting needs besides the value: the store that handles are of.
struct lifting {
    cmabi_store *store;
    /// For resources of a component that has such classes.
    const bound_functions *functions = nullptr;

    table_entry entry(std::uint32_t handle) const {
        return table_entry(store_use::link_to(store), handle);
    }
};

} // namespace detail

} // namespace cmabi

#endif // CMABI_CONTEXT_HPP
