/// @file cmabi.hpp
///
/// The C++ layer of libcmabi: RAII for the handles of cmabi.h, errors as exceptions, and functions of
/// components as typed C++ functions, in both directions. C++17, header-only, no dependency but cmabi.h.
/// It has no logic of its own: the C functions do everything, and their documentation applies
/// (ownership, threads, lifetimes).
///
///     cmabi::engine engine;
///     cmabi::component component(engine, "app.wasm");
///     cmabi::linker linker(engine);
///     linker.func("demo:app/log", "line", [](std::string_view text) { std::cout << text << '\n'; });
///     cmabi::store store(engine);
///     cmabi::instance instance = linker.instantiate(store, component);
///     auto greet = instance.func<std::string(std::string_view)>("greet");
///     std::cout << greet("Ada") << '\n';
///
/// Which C++ type stands for which WIT type:
///
///     WIT                      C++ value                           the same in the canonical layout
///     bool, s8 to u64, f32/64  bool, std::int8_t to ..., float     the same
///     char                     char32_t                            the same
///     string                   std::string                         cmabi::string, std::string_view
///     list<T>                  std::vector<T>                      cmabi::list<T>
///     list<T, N>               std::array<T, N>                    the same
///     map<K, V>                std::map, std::unordered_map,       cmabi::list<cmabi::tuple<K, V>>
///                              std::vector<std::pair<K, V>>
///     tuple<...>               std::tuple<...>, std::pair<...>     cmabi::tuple<...>
///     option<T>                std::optional<T>                    cmabi::option<T>
///     result<T, E>             cmabi::expected<T, E>               cmabi::result<T, E>
///     variant                  std::variant<...>                   cmabi::variant<...>
///     record                   a struct named by cmabi::record     the same, see there
///     enum                     an enum named by cmabi::enumeration the same
///     flags                    an enum named by cmabi::flags,      the same
///                              std::bitset<N>
///     own<R>, borrow<R>        cmabi::own<T>, cmabi::borrow<T>     none
///     stream<T>, future<T>     cmabi::stream_reader<T>,            none
///                              cmabi::future_reader<T>
///     error-context            cmabi::error_context                none
///
/// The `T` of a handle is a class of the host's that cmabi::resource names, or anything that
/// cmabi::guest_resource names after a resource type of components.
///
/// What a case of a variant or a side of a result does not carry is `void`, in a `std::variant`
/// `std::monostate`. Cases and tuple elements are matched by their position, the others by their names.
///
/// A call that goes on while the host does something else is a cmabi::subtask (`func::start`); a host
/// function that answers later takes a cmabi::promise, or is a coroutine that returns a cmabi::task.
///
/// Values in the canonical layout lie in memory like the C structs of cmabi.h and can be used with the C
/// functions too. `cmabi::string` and `cmabi::list` do not own what they point to: as parameters of a host
/// function they are valid until it returns.

#ifndef CMABI_HPP
#define CMABI_HPP

#include "cmabi.h"
#include "cmabi/abi.hpp"
#include "cmabi/async.hpp"
#include "cmabi/await.hpp"
#include "cmabi/caller.hpp"
#include "cmabi/cases.hpp"
#include "cmabi/context.hpp"
#include "cmabi/coroutine.hpp"
#include "cmabi/error.hpp"
#include "cmabi/func.hpp"
#include "cmabi/reflect.hpp"
#include "cmabi/resource.hpp"
#include "cmabi/stream.hpp"
#include "cmabi/values.hpp"
#include "cmabi/wasi.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace cmabi {

// ================================================================================================
// Engines, types, components
// ================================================================================================

/// Settings for engines and stores; each says for which of them in the C function of its name.
class config : public detail::handle<cmabi_config, cmabi_config_free> {
public:
    config() : handle(detail::call_out<cmabi_config *>(cmabi_config_new)) {}

    config &max_recursion(std::uint32_t calls) {
        return set(cmabi_config_set_max_recursion, calls);
    }
    config &max_stack_bytes(std::uint64_t bytes) {
        return set(cmabi_config_set_max_stack_bytes, bytes);
    }
    config &cache_dir(std::string_view path, std::uint64_t max_bytes = 0) {
        return set(cmabi_config_set_cache_dir, string(path), max_bytes);
    }
    config &max_load_bytes(std::uint64_t bytes) {
        return set(cmabi_config_set_max_load_bytes, bytes);
    }
    config &max_load_work(std::uint64_t steps) {
        return set(cmabi_config_set_max_load_work, steps);
    }
    config &max_instances(std::uint32_t instances) {
        return set(cmabi_config_set_max_instances, instances);
    }
    config &fuel(std::uint64_t units) { return set(cmabi_config_set_fuel, units); }
    config &call_fuel(std::uint64_t units) { return set(cmabi_config_set_call_fuel, units); }
    config &interruptible(bool on = true) { return set(cmabi_config_set_interruptible, on); }
    config &max_memory_bytes(std::uint64_t bytes) {
        return set(cmabi_config_set_max_memory_bytes, bytes);
    }
    config &max_host_bytes(std::uint64_t bytes) {
        return set(cmabi_config_set_max_host_bytes, bytes);
    }
    config &max_guest_bytes(std::uint64_t bytes) {
        return set(cmabi_config_set_max_guest_bytes, bytes);
    }
    config &max_call_bytes(std::uint64_t bytes) {
        return set(cmabi_config_set_max_call_bytes, bytes);
    }
    config &max_table_elements(std::uint64_t count) {
        return set(cmabi_config_set_max_table_elements, count);
    }
    config &max_nesting(std::uint32_t calls) { return set(cmabi_config_set_max_nesting, calls); }
    config &max_foreign_stack_bytes(std::uint64_t bytes) {
        return set(cmabi_config_set_max_foreign_stack_bytes, bytes);
    }
    config &max_handles(std::uint32_t count) { return set(cmabi_config_set_max_handles, count); }
    config &max_threads(std::uint32_t count) { return set(cmabi_config_set_max_threads, count); }
    config &schedule_seed(std::uint64_t seed) { return set(cmabi_config_set_schedule_seed, seed); }
    config &deterministic(bool on) { return set(cmabi_config_set_deterministic, on); }
    /// Calls `function` with each `const cmabi_trace_event &` of the stores that are made with this config. It must
    /// not throw, nor use the store.
    template <class F>
    config &trace(F function) {
        static_assert(std::is_invocable_v<F &, const cmabi_trace_event &>,
                      "a tracer is a function of a const cmabi_trace_event &");
        const cmabi_on_trace on_trace = [](void *data, const cmabi_trace_event *event) noexcept {
            (*static_cast<F *>(data))(*event);
        };
        detail::call(cmabi_config_set_on_trace, get(), on_trace, detail::own_data(std::move(function)),
                     detail::drop_data<F>());
        return *this;
    }

private:
    template <class Function, class... Values>
    config &set(Function *function, Values... values) {
        detail::call(function, get(), values...);
        return *this;
    }
};

/// The built-in engine.
class engine : public detail::handle<cmabi_engine, cmabi_engine_free> {
public:
    engine() : handle(make(nullptr)) {}
    explicit engine(const config &config) : handle(make(config.get())) {}
    /// Takes an engine of the C functions.
    explicit engine(cmabi_engine *owned) : handle(owned) {}

private:
    static cmabi_engine *make(const cmabi_config *config) {
        return detail::call_out<cmabi_engine *>(cmabi_engine_new, config);
    }
};

/// A value type.
class type : public detail::handle<cmabi_type, cmabi_type_free> {
public:
    /// Takes a type of the C functions.
    explicit type(cmabi_type *owned) : handle(owned) {}
    type(const type &other) : handle(cmabi_type_clone(other.get())) {}

    /// What it is made of.
    type_view view() const { return type_view(get()); }
    /// The type as WIT text.
    std::string_view text() const { return string(cmabi_type_text(get())); }
    friend bool operator==(const type &a, const type &b) { return a.get() == b.get(); }
    friend bool operator!=(const type &a, const type &b) { return a.get() != b.get(); }
};

/// Types read from WIT text.
class wit : public detail::handle<cmabi_wit, cmabi_wit_free> {
public:
    /// Reads a package from one text.
    explicit wit(std::string_view text) : handle(parse(text)) {}

    /// The value type at `path`.
    cmabi::type type(std::string_view path) const {
        return cmabi::type(cmabi_type_clone(
            detail::call_out<const cmabi_type *>(cmabi_wit_type, get(), string(path))));
    }
    /// The type of the function at `path`.
    func_type func(std::string_view path) const {
        return func_type(cmabi_func_type_clone(
            detail::call_out<const cmabi_func_type *>(cmabi_wit_func, get(), string(path))));
    }

private:
    static cmabi_wit *parse(std::string_view text) {
        const cmabi_wit_file file{string("wit"), string(text)};
        return detail::call_out<cmabi_wit *>(cmabi_wit_parse, &file, std::size_t{1});
    }
};

/// Memory for the results of calls.
class arena : public detail::handle<cmabi_arena, cmabi_arena_free> {
public:
    /// `max_bytes` as for `cmabi_arena_new`.
    explicit arena(std::uint64_t max_bytes = 0)
        : handle(detail::call_out<cmabi_arena *>(cmabi_arena_new, max_bytes)) {}

    /// Frees what was handed out.
    void reset() { detail::call(cmabi_arena_reset, get()); }
    /// The bytes handed out.
    std::uint64_t used_bytes() const { return cmabi_arena_used_bytes(get()); }
};

/// A component, loaded for an engine.
class component : public detail::handle<cmabi_component, cmabi_component_free> {
public:
    /// Loads a component from its binary, which is not needed afterwards.
    component(const engine &engine, list<std::uint8_t> binary)
        : handle(detail::call_out<cmabi_component *>(cmabi_component_load, engine.get(), binary.ptr,
                                                     binary.len)) {}
    /// Loads a component from a file.
    component(const engine &engine, std::string_view path)
        : handle(detail::call_out<cmabi_component *>(cmabi_component_load_file, engine.get(),
                                                     string(path))) {}

    /// Loads what `serialize` has written, which is not needed afterwards. It is code that runs: it has to be
    /// trusted. See `cmabi_component_load_precompiled`.
    static component load_precompiled(const engine &engine, list<std::uint8_t> bytes) {
        return component(detail::call_out<cmabi_component *>(cmabi_component_load_precompiled, engine.get(),
                                                             bytes.ptr, bytes.len));
    }
    /// Loads a file of what `serialize` has written, or `cmabi compile`.
    static component load_precompiled_file(const engine &engine, std::string_view path) {
        return component(detail::call_out<cmabi_component *>(cmabi_component_load_precompiled_file,
                                                             engine.get(), string(path)));
    }

    /// The component with its compiled code.
    std::vector<std::uint8_t> serialize() const {
        const arena arena;
        const std::uint8_t *bytes = nullptr;
        std::size_t size = 0;
        detail::call(cmabi_component_serialize, get(), arena.get(), &bytes, &size);
        return {bytes, bytes + size};
    }

    /// What it imports and exports, in the order of the component; borrowed from it.
    std::vector<named_extern> imports() const {
        return detail::externs<const cmabi_component>(cmabi_component_import_count(get()),
                                                      cmabi_component_import_at, get());
    }
    std::vector<named_extern> exports() const {
        return detail::externs<const cmabi_component>(cmabi_component_export_count(get()),
                                                      cmabi_component_export_at, get());
    }

private:
    explicit component(cmabi_component *owned) : handle(owned) {}
};

// ================================================================================================
// Stores, instances, functions
// ================================================================================================

namespace detail {

struct store_handle : handle<cmabi_store, cmabi_store_free> {
    explicit store_handle(cmabi_store *owned) : handle(owned) {}
};

struct instance_handle : handle<cmabi_instance, cmabi_instance_free> {
    explicit instance_handle(cmabi_instance *owned) : handle(owned) {}
};

/// A store with what its typed calls use.
struct store_state {
    explicit store_state(cmabi_store *owned)
        : store(owned), link(std::make_shared<store_link>(owned, true)) {}
    store_state(const store_state &) = delete;
    ~store_state() { link->store = nullptr; }

    store_handle store;
    const std::shared_ptr<store_link> link;
    /// Where calls put what they need while they run. A call that is made by a host function adds
    /// to what the calls around it have there; the outermost frees it all.
    cmabi::arena arena;
    unsigned calls = 0;
};

/// An instance, with its store, which lives as long as something of it is in use.
struct instance_state {
    std::shared_ptr<store_state> store;
    instance_handle instance;
    bound_functions functions{};
};

struct store_access;

/// The use of a store's arena by one call.
class arena_use {
public:
    explicit arena_use(store_state &state) : state_(state) { ++state_.calls; }
    arena_use(const arena_use &) = delete;
    ~arena_use() {
        if (--state_.calls == 0) cmabi_arena_reset(state_.arena.get(), nullptr);
    }

private:
    store_state &state_;
};

} // namespace detail

/// Makes the event loop that drives a store come around, from any thread. Copies are the same one, and
/// may outlive the store.
class waker : public detail::handle<cmabi_waker, cmabi_waker_free> {
public:
    /// Takes a hold on a waker of the C functions.
    explicit waker(cmabi_waker *owned) : handle(owned) {}
    waker(waker &&) = default;
    waker(const waker &other) : handle(cmabi_waker_clone(other.get())) {}
    waker &operator=(waker other) noexcept {
        handle::operator=(std::move(other));
        return *this;
    }

    /// Wakes: from any thread, at any time.
    void wake() const { cmabi_waker_wake(get()); }
    /// Takes back that it was woken, and says whether it was: before looking at what there is to do.
    bool clear() const { return cmabi_waker_clear(get()); }
    /// A descriptor for event loops, readable while woken; see `cmabi_waker_fd`.
    int fd() const { return cmabi_waker_fd(get()); }
};

/// Stops what runs in a store: `store::interrupter`. Copies do the same; it may outlive the store.
class interrupter {
public:
    /// Stops what runs in the store now, and has no effect where nothing runs. Any thread may do this at
    /// any time, and so may a handler of signals.
    void interrupt() const noexcept { cmabi_interrupter_interrupt(handle_.get()); }

    /// The handle for the C functions.
    cmabi_interrupter *get() const { return handle_.get(); }

private:
    friend class store;
    explicit interrupter(cmabi_interrupter *handle) : handle_(handle, cmabi_interrupter_free) {}

    std::shared_ptr<cmabi_interrupter> handle_;
};

/// Where instances live. One thread at a time. It is freed when the last of it and its instances
/// goes.
class store {
public:
    explicit store(const engine &engine) : store(engine, nullptr) {}
    store(const engine &engine, const config &config) : store(engine, config.get()) {}
    store(store &&) = default;
    store &operator=(store &&) = default;

    /// The handle for the C functions.
    cmabi_store *get() const { return state_ ? state_->store.get() : nullptr; }
    explicit operator bool() const { return state_ != nullptr; }

    /// Runs one ready thread; whether there was one.
    bool tick() {
        bool ran = false;
        detail::store_use(link()).call(cmabi_store_tick, get(), &ran);
        return ran;
    }
    /// Runs until no thread is ready.
    void run() { detail::store_use(link()).call(cmabi_store_run, get()); }

    /// What wakes the loop that calls `run`.
    cmabi::waker waker() const {
        return cmabi::waker(detail::call_out<cmabi_waker *>(cmabi_store_waker, get()));
    }

    /// What stops guests of this store; for a store whose config is `interruptible`.
    cmabi::interrupter interrupter() const {
        return cmabi::interrupter(
            detail::call_out<cmabi_interrupter *>(cmabi_store_interrupter, get()));
    }
    /// Calls `body`, and gives what it runs in this store so much time: then a guest that runs is stopped,
    /// and its call throws a `cmabi::error` with `CMABI_STATUS_INTERRUPTED`, as does each call that
    /// `body` makes later. For a store whose config is `interruptible`. Nested in one another, only the
    /// innermost counts, and when it is over there is time without end.
    template <class Rep, class Period, class Body>
    auto within(std::chrono::duration<Rep, Period> time, Body &&body) -> decltype(body()) {
        const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
        const auto given = static_cast<std::uint64_t>(nanoseconds < 0 ? 0 : nanoseconds);
        detail::call(cmabi_store_set_deadline, get(), given);
        struct no_deadline {
            cmabi_store *store;
            // Cannot fail: there is nothing to start.
            ~no_deadline() { cmabi_store_set_deadline(store, CMABI_NO_DEADLINE, nullptr); }
        } after{get()};
        return std::forward<Body>(body)();
    }

    std::uint64_t fuel() const { return detail::call_out<std::uint64_t>(cmabi_store_fuel, get()); }
    void set_fuel(std::uint64_t fuel) { detail::call(cmabi_store_set_fuel, get(), fuel); }

    /// What it is doing; see `cmabi_store_counts`.
    cmabi_counts counts() const {
        cmabi_counts counts = CMABI_COUNTS_INIT;
        detail::call(cmabi_store_counts, get(), &counts);
        return counts;
    }
    /// Who waits for what, a line for each; see `cmabi_store_dump`.
    std::string dump() const {
        const cmabi::arena arena;
        cmabi_string text{};
        detail::call(cmabi_store_dump, get(), &text, arena.get());
        return std::string(std::string_view(string(text)));
    }

    /// Has the store keep a value of the host's, instead of the one that it kept.
    template <class T>
    void set_data(T value) {
        detail::set_data<T>(cmabi_store_set_data, std::move(value), get());
    }
    /// The value of type `T` that the store keeps. Throws a `cmabi::error` where there is none.
    template <class T>
    T &data() const {
        return detail::get_data<T>(cmabi_store_data(get()));
    }

private:
    friend class instance;
    friend struct detail::store_access;

    store(const engine &engine, const cmabi_config *config)
        : state_(std::make_shared<detail::store_state>(
              detail::call_out<cmabi_store *>(cmabi_store_new, engine.get(), config))) {}

    detail::store_link *link() const { return state_ ? state_->link.get() : nullptr; }

    std::shared_ptr<detail::store_state> state_;
};

namespace detail {

struct store_access {
    static const std::shared_ptr<store_link> &link(const store &store) {
        if (!store)
            throw error(CMABI_STATUS_INVALID_ARGUMENT, "a store that was moved from");
        return store.state_->link;
    }
};

} // namespace detail

/// Makes a stream of `T`, whose readable end can be passed to components. For elements that are numbers,
/// strings, or lists of them; `void` for none.
template <class T>
stream_ends<T> make_stream(store &store) {
    return stream_ends<T>(detail::store_access::link(store), detail::element_type<T>().get());
}
/// The same for elements of any type, which is given: from WIT text (`wit::type`), for example.
template <class T>
stream_ends<T> make_stream(store &store, const type &element) {
    return stream_ends<T>(detail::store_access::link(store), element.get());
}
/// Makes a future of `T`, as `make_stream` makes a stream.
template <class T>
future_ends<T> make_future(store &store) {
    return future_ends<T>(detail::store_access::link(store), detail::element_type<T>().get());
}
/// The same for a value of any type.
template <class T>
future_ends<T> make_future(store &store, const type &element) {
    return future_ends<T>(detail::store_access::link(store), element.get());
}

inline error_context make_error_context(store &store, std::string_view message) {
    return error_context(detail::table_entry(
        detail::store_access::link(store),
        detail::call_out<std::uint32_t>(cmabi_error_context_new, store.get(), string(message))));
}

namespace bindings {
struct access;
} // namespace bindings

/// A function of an instance, as a C++ function: `func<std::string(std::string_view)>`. Got from
/// `instance::func`. It keeps its instance and store alive.
///
/// A call throws what a host function threw on the way, and else `cmabi::error`.
template <class Signature>
class func;

template <class R, class... Args>
class func<R(Args...)> {
    using type = detail::signature<R(Args...)>;

public:
    // Moving is copying: a function that was moved from still works.
    func(const func &) = default;
    func &operator=(const func &) = default;

    /// Calls the function.
    R operator()(detail::argument<Args>... args) const {
        static_assert(!detail::any_part<detail::points_elsewhere, R>::value,
                      "the result is a view: give the call the arena to put it in");
        if constexpr (type::scalar) {
            return run(nullptr, args...);
        } else {
            detail::arena_use use(*state_->store);
            return run(state_->store->arena.get(), args...);
        }
    }
    /// Calls the function; what the result points to is in `arena`, until that is reset.
    R operator()(arena &arena, detail::argument<Args>... args) const {
        return run(arena.get(), args...);
    }

    /// Starts a call, and lets it run until it is over or blocks; see `cmabi_func_start`. What views
    /// among the arguments point to must stay until it has started. Any number of calls may be under way.
    subtask<R> start(std::decay_t<Args>... args) const {
        static_assert(!detail::any_part<detail::points_elsewhere, R>::value,
                      "the result is a view: nothing keeps what it points to");
        const std::shared_ptr<detail::store_link> &link = state_->store->link;
        auto call = std::make_shared<detail::call_of<R(Args...)>>(link, std::move(args)...);
        call->start(*link, func_, state_->functions);
        return subtask<R>(std::move(call));
    }

private:
    friend class instance;
    friend struct bindings::access;

    func(std::shared_ptr<detail::instance_state> state, const cmabi_func *found)
        : state_(std::move(state)), func_(found) {}
    R run(cmabi_arena *arena, const std::decay_t<Args> &...args) const {
        cmabi_store *store = state_->store->store.get();
        detail::store_use use(state_->store->link.get());
        detail::lowering memory(store, arena, false);
        typename type::params params;
        type::lower(params, memory, args...);
        const void *in = sizeof...(Args) == 0 ? nullptr : &params;
        const auto call = [&](void *result) {
            memory.give_by(
                [&] { use.call(cmabi_func_call, store, func_, in, result, arena); });
        };

        if constexpr (std::is_void_v<R>) {
            call(nullptr);
        } else {
            typename type::result result{};
            call(&result);
            return detail::abi<R>::lift(result, detail::lifting{store, &state_->functions});
        }
    }
    std::shared_ptr<detail::instance_state> state_;
    const cmabi_func *func_;
};

template <class T>
class resource_functions;
template <class T>
class resource_definition;

/// A function of an instance whose type is not known when the program is compiled. Got from
/// `instance::dynamic_func`. It keeps its instance and store alive.
class dynamic_func {
public:
    func_type_view type() const { return func_type_view(cmabi_func_type_of(func_)); }

    /// Calls it with arguments and a result that are written in WAVE, the WebAssembly Value Encoding; the result is
    /// empty where there is none. Throws a `cmabi::error` with `CMABI_STATUS_INVALID` for text that is no
    /// value of the parameter's type.
    std::string operator()(const std::vector<std::string_view> &args = {}) const {
        const std::optional<type_view> params = type().params(), result = type().result();
        const std::size_t count = params ? params->part_count() : 0;
        if (args.size() != count)
            throw error(CMABI_STATUS_INVALID_ARGUMENT, "the function takes " + std::to_string(count) +
                                                           " arguments, not " + std::to_string(args.size()));
        const cmabi::arena arena;
        detail::room_for in(params), out(result);
        for (std::size_t i = 0; i < count; ++i) {
            void *place = static_cast<unsigned char *>(in.get()) + params->part_offset(i);
            detail::call(cmabi_wave_parse, params->part(i)->get(), string(args[i]), place, arena.get());
        }
        call(in.get(), out.get(), arena);
        if (!result) return {};
        const void *value = out.get();
        cmabi_string text{};
        detail::call(cmabi_wave_print, result->get(), value, &text, arena.get());
        return std::string(std::string_view(string(text)));
    }
    /// Calls it with the record of the arguments, and room for the result, in the canonical layout; either is null
    /// where there are none. What the result points to is in `arena`.
    void call(const void *args, void *results, const arena &arena) const {
        detail::store_use(state_->store->link.get())
            .call(cmabi_func_call, state_->store->store.get(), func_, args, results, arena.get());
    }

private:
    friend class instance;

    dynamic_func(std::shared_ptr<detail::instance_state> state, const cmabi_func *found)
        : state_(std::move(state)), func_(found) {}

    std::shared_ptr<detail::instance_state> state_;
    const cmabi_func *func_;
};

/// An instance of a component. Copies are the same instance; it keeps its store alive.
class instance {
public:
    // Moving is copying here as well.
    instance(const instance &) = default;
    instance &operator=(const instance &) = default;

    /// The handle for the C functions.
    cmabi_instance *get() const { return state_->instance.get(); }

    /// Ends the instance and all inside it now, whatever it does; see `cmabi_instance_terminate`.
    void terminate() const {
        detail::store_use(state_->store->link.get())
            .call(cmabi_instance_terminate, state_->store->store.get(), get());
    }

    /// The function at `path`: `greet`, or `ns:pkg/iface#greet`. Throws a `cmabi::error` with
    /// `CMABI_STATUS_NOT_FOUND` where there is none and with `CMABI_STATUS_TYPE_MISMATCH` where its
    /// type is not what `Signature` stands for.
    template <class Signature>
    cmabi::func<Signature> func(std::string_view path) const {
        using expected_type = detail::signature<Signature>;
        const cmabi_func *found =
            detail::call_out<const cmabi_func *>(cmabi_instance_func, get(), string(path));
        const cmabi_func_type *given = cmabi_func_type_of(found);
        if (!expected_type::matches(given)) {
            const std::string_view text = string(cmabi_func_type_text(given));
            throw error(CMABI_STATUS_TYPE_MISMATCH,
                        "function `" + std::string(path) + "`: the component has `" +
                            std::string(text) + "`, C++ has `" + expected_type::describe() + '`');
        }
        return cmabi::func<Signature>(state_, found);
    }

    /// The function at `path`, whatever its type.
    cmabi::dynamic_func dynamic_func(std::string_view path) const {
        return cmabi::dynamic_func(
            state_, detail::call_out<const cmabi_func *>(cmabi_instance_func, get(), string(path)));
    }
    /// What it exports, in the order of the component; borrowed from it.
    std::vector<named_extern> exports() const {
        return detail::externs<cmabi_instance>(cmabi_instance_export_count(get()), cmabi_instance_export_at,
                                               get());
    }
    /// What it is doing; see `cmabi_instance_counts`.
    cmabi_counts counts() const {
        cmabi_counts counts = CMABI_COUNTS_INIT;
        detail::call(cmabi_instance_counts, store(), get(), &counts);
        return counts;
    }

    /// Sets what the instance is called in messages and frames; see `cmabi_instance_set_label`.
    void label(std::string_view text) {
        detail::call(cmabi_instance_set_label, store(), get(), string(text));
    }
    /// Has the instance keep a value of the host's, instead of the one that it kept: a host function finds it by
    /// its `caller`.
    template <class T>
    void set_data(T value) {
        detail::set_data<T>(cmabi_instance_set_data, std::move(value), store(), get());
    }
    /// The value of type `T` that the instance keeps. Throws a `cmabi::error` where there is none.
    template <class T>
    T &data() const {
        return detail::get_data<T>(cmabi_instance_data(store(), get()));
    }

    /// The functions of a resource type that `iface` exports, or with an empty interface the
    /// instance itself. Throws a `cmabi::error` with `CMABI_STATUS_NOT_FOUND` where it does not.
    template <class T>
    resource_functions<T> resource(std::string_view iface = {}) const;

private:
    friend class linker;
    friend class instance_pre;
    friend struct bindings::access;

    /// What `function`, which makes an instance in `store`, makes.
    template <class... Params, class... Args>
    static instance made(store &store, cmabi_status (*function)(Params...), Args... args) {
        cmabi_instance *instance = nullptr;
        detail::store_use(store.link()).call(function, args..., &instance);
        detail::instance_handle owned(instance);
        return cmabi::instance(std::make_shared<detail::instance_state>(
            detail::instance_state{store.state_, std::move(owned)}));
    }

    explicit instance(std::shared_ptr<detail::instance_state> state) : state_(std::move(state)) {}
    cmabi_store *store() const { return state_->store->store.get(); }

    std::shared_ptr<detail::instance_state> state_;
};

namespace bindings {

/// What generated code does with instances that nobody else does; see bindings.hpp.
struct access {
    template <class Signature>
    static cmabi::func<Signature> func(const instance &of, const cmabi_func *found) {
        return cmabi::func<Signature>(of.state_, found);
    }
    static void bind(const instance &of, const std::shared_ptr<const void> &functions) {
        of.state_->functions = functions;
    }
};

} // namespace bindings

/// The functions of a resource type, as an instance exports them. Got from `instance::resource`.
template <class T>
class resource_functions {
public:
    /// The constructor, a function that returns an `own<T>`. One that may fail is got by its name as
    /// any other function.
    template <class... Params>
    func<own<T>(Params...)> constructor() const {
        return instance_.func<own<T>(Params...)>(path("[constructor]"));
    }
    /// A method, as a function whose first parameter is a `borrow<T>`, which `Signature` is without.
    template <class Signature>
    auto method(std::string_view name) const {
        return instance_.func<detail::method_type<T, Signature>>(path("[method]", name));
    }
    /// A static function.
    template <class Signature>
    func<Signature> static_func(std::string_view name) const {
        return instance_.func<Signature>(path("[static]", name));
    }

private:
    friend class instance;

    resource_functions(cmabi::instance instance, std::string_view iface)
        : instance_(std::move(instance)), prefix_(iface) {
        if (!prefix_.empty()) prefix_ += '#';
        const std::string type = prefix_ + detail::resource_name<T>();
        detail::call_out<const cmabi_resource_type *>(cmabi_instance_resource, instance_.get(),
                                                      string(type));
    }
    std::string path(const char *sort, std::string_view name = {}) const {
        return prefix_ + detail::resource_func_name<T>(sort, name);
    }

    cmabi::instance instance_;
    std::string prefix_;
};

template <class T>
resource_functions<T> instance::resource(std::string_view iface) const {
    return resource_functions<T>(*this, iface);
}

/// A component with what it imports, from `linker::prepare`: makes instances without looking for it again.
class instance_pre : public detail::handle<cmabi_instance_pre, cmabi_instance_pre_free> {
public:
    /// Makes an instance in a store.
    cmabi::instance instantiate(store &store) const {
        return instance::made(store, cmabi_instance_pre_instantiate, get(), store.get());
    }

private:
    friend class linker;

    using handle::handle;
};

/// What the host offers to components.
class linker : public detail::handle<cmabi_linker, cmabi_linker_free> {
public:
    explicit linker(const engine &engine)
        : handle(detail::call_out<cmabi_linker *>(cmabi_linker_new, engine.get())) {}

    /// Offers a C++ function as `name` of `iface`, or with an empty interface as the plain
    /// import `name`. A component that imports it with a type other than the one its signature
    /// stands for is refused when it is linked. What it throws makes the guest trap, and is thrown
    /// again from the C++ call that led there. What a view that it returns points to must outlive
    /// the call.
    template <class FunctionWithOneSignature>
    void func(std::string_view iface, std::string_view name, FunctionWithOneSignature function) {
        using F = FunctionWithOneSignature;
        using host_func = typename detail::serving<F>::type;
        // The C function takes the data in any case, and drops it if it fails.
        detail::call(cmabi_linker_checked_func, get(), string(iface), string(name),
                     host_func::check, host_func::call,
                     static_cast<void *>(host_func::make(std::move(function))), host_func::drop);
        if constexpr (host_func::is_immediate) set_immediate(iface, name);
    }
    /// The same for a function whose type is given as a description: a component that imports it with
    /// another is refused. What C++ has for the types is not compared with it.
    template <class F>
    void func(std::string_view iface, std::string_view name, const cmabi_func_desc &type,
              F function) {
        using host_func = typename detail::serving<F>::type;
        detail::call(cmabi_linker_described_func, get(), string(iface), string(name), &type,
                     host_func::call, static_cast<void *>(host_func::make(std::move(function))),
                     host_func::drop);
        if constexpr (host_func::is_immediate) set_immediate(iface, name);
    }
    /// Offers a C++ function as the plain import `name`.
    template <class F>
    void func(std::string_view name, F function) {
        func({}, name, std::move(function));
    }

    /// Offers the resource type that `T` stands for, which the host implements, in `iface`, and
    /// lets its functions be defined.
    ///
    ///     linker.resource<blob>("demo:app/blobs").constructor<std::uint32_t>().method("size", &blob::size);
    template <class T>
    resource_definition<T> resource(std::string_view iface);

    /// Offers a component, to be instantiated by those that import it.
    void component(std::string_view iface, std::string_view name, const cmabi::component &component) {
        detail::call(cmabi_linker_component, get(), string(iface), string(name), component.get());
    }
    /// Offers a core module, from its binary.
    void module(std::string_view iface, std::string_view name, list<std::uint8_t> binary) {
        detail::call(cmabi_linker_module, get(), string(iface), string(name), binary.ptr, binary.len);
    }

    /// Offers all that an instance exports as the instance `name`.
    void instance(std::string_view name, const cmabi::instance &instance) {
        detail::call(cmabi_linker_instance, get(), string(name), instance.get());
    }

    /// Offers what an instance exports at `path` as `name` of `iface`; see `cmabi_linker_export`.
    void export_of(const cmabi::instance &instance, std::string_view path, std::string_view iface,
                   std::string_view name) {
        detail::call(cmabi_linker_export, get(), string(iface), string(name), instance.get(),
                     string(path));
    }

    /// Says of a function that was offered by the functions of C that it never answers later; see
    /// `cmabi_linker_set_immediate`. Those in C++ are known to, but for those with a promise and coroutines.
    void set_immediate(std::string_view iface, std::string_view name) {
        detail::call(cmabi_linker_set_immediate, get(), string(iface), string(name));
    }

    /// Has functions that are missing trap when they are called, for all imports or for those that are named;
    /// see `cmabi_linker_trap_unknown_imports`.
    void trap_unknown_imports(std::initializer_list<std::string_view> names = {}) {
        const std::vector<string> texts(names.begin(), names.end());
        const cmabi_string *list = texts.data();
        detail::call(cmabi_linker_trap_unknown_imports, get(), list, texts.size());
    }

    /// Offers WASI 0.2 and 0.3 to components, as far as `granted` says; see `cmabi_linker_wasi`.
    void wasi(const cmabi::wasi &granted = cmabi::wasi()) {
        detail::call(cmabi_linker_wasi, get(), granted.get());
    }

    /// Throws a `cmabi::error` that lists what a component imports and is not there as it wants it.
    void check(const cmabi::component &component) const {
        detail::call(cmabi_linker_check, get(), component.get());
    }

    /// Makes an instance of a component in a store.
    cmabi::instance instantiate(store &store, const cmabi::component &component) const {
        return instance::made(store, cmabi_linker_instantiate, get(), store.get(), component.get());
    }

    /// Finds what a component imports, for many instances. Throws as `check` does.
    instance_pre prepare(const cmabi::component &component) const {
        return instance_pre(
            detail::call_out<cmabi_instance_pre *>(cmabi_linker_prepare, get(), component.get()));
    }
};

/// The functions of a resource type of the host's, as a linker offers them. Got from
/// `linker::resource`, to be used at once.
template <class T>
class resource_definition {
public:
    /// Offers the constructor, which makes a `T` of `Params`.
    template <class... Params>
    resource_definition &constructor() {
        return constructor([](Params... params) -> own<T> {
            return std::make_unique<T>(std::forward<Params>(params)...);
        });
    }
    /// Offers the constructor, a function that returns an `own<T>`, or a result with one.
    template <class F>
    resource_definition &constructor(F function) {
        return define("[constructor]", {}, std::move(function));
    }
    /// Offers a method: a member function of `T`, or a function whose first parameter is a `T &`.
    template <class F>
    resource_definition &method(std::string_view name, F function) {
        static_assert(!detail::takes_pointer<T, F>::value,
                      "cmabi: a method is a member function, or a function whose first parameter is a T &, not a T *");
        return define("[method]", name, detail::as_method<T>(std::move(function)));
    }
    /// Offers a static function.
    template <class F>
    resource_definition &static_func(std::string_view name, F function) {
        return define("[static]", name, std::move(function));
    }

private:
    friend class linker;

    resource_definition(cmabi::linker &linker, std::string_view iface)
        : linker_(linker), interface_(iface) {
        const cmabi_destructor destroy = [](void *, cmabi_store *, void *rep) {
            delete static_cast<T *>(rep);
        };
        void *const data = nullptr;
        const cmabi_drop drop = nullptr;
        detail::call(cmabi_linker_resource, linker.get(), string(iface),
                     string(detail::resource_name<T>()), detail::hosted_type<T>(), destroy, data,
                     drop);
    }
    template <class F>
    resource_definition &define(const char *sort, std::string_view name, F function) {
        linker_.func(interface_, detail::resource_func_name<T>(sort, name), std::move(function));
        return *this;
    }

    cmabi::linker &linker_;
    std::string interface_;
};

template <class T>
resource_definition<T> linker::resource(std::string_view iface) {
    return resource_definition<T>(*this, iface);
}

} // namespace cmabi

#include "cmabi/bindings.hpp"

#endif // CMABI_HPP
