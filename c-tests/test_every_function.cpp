// Every function of the headers, by its types: with NULL in each place, and from within every callback with things that
// are in use. Nothing may crash, and nothing may be an internal error, whatever else it answers.
#include "guest.hpp"

#include <cstring>
#include <functional>
#include <memory>
#include <type_traits>

namespace {

// Frees what a function gives away.
void release(cmabi_arena *it) { cmabi_arena_free(it); }
void release(cmabi_component *it) { cmabi_component_free(it); }
void release(cmabi_config *it) { cmabi_config_free(it); }
void release(cmabi_engine *it) { cmabi_engine_free(it); }
void release(cmabi_error *it) { cmabi_error_free(it); }
void release(cmabi_func *it) { cmabi_func_free(it); }
void release(cmabi_func_type *it) { cmabi_func_type_free(it); }
void release(cmabi_instance *it) { cmabi_instance_free(it); }
void release(cmabi_instance_pre *it) { cmabi_instance_pre_free(it); }
void release(cmabi_interrupter *it) { cmabi_interrupter_free(it); }
void release(cmabi_linker *it) { cmabi_linker_free(it); }
void release(cmabi_resource_type *it) { cmabi_resource_type_free(it); }
void release(cmabi_store *it) { cmabi_store_free(it); }
void release(cmabi_subtask *it) { cmabi_subtask_free(it); }
void release(cmabi_task *it) { cmabi_task_free(it); }
void release(cmabi_type *it) { cmabi_type_free(it); }
void release(cmabi_waker *it) { cmabi_waker_free(it); }
void release(cmabi_wasi_config *it) { cmabi_wasi_config_free(it); }
void release(cmabi_wit *it) { cmabi_wit_free(it); }

template <class T>
using Owner = Handle<T, static_cast<void (*)(T *)>(release)>;

// Types that are handles, which is all that is never defined in the header.
template <class T, class = void>
struct is_handle : std::true_type {};
template <class T>
struct is_handle<T, std::void_t<decltype(sizeof(T))>> : std::false_type {};

// One of each thing that functions take.
struct World {
    Owner<cmabi_engine> engine;
    Owner<cmabi_config> config;
    Owner<cmabi_linker> linker;
    Owner<cmabi_store> store;
    Owner<cmabi_component> component;
    Owner<cmabi_instance> instance;
    Owner<cmabi_instance_pre> instance_pre;
    Owner<cmabi_arena> arena;
    Owner<cmabi_type> type;
    Owner<cmabi_func_type> func_type;
    Owner<cmabi_resource_type> resource_type;
    Owner<cmabi_wasi_config> wasi_config;
    Owner<cmabi_wit> wit;
    Owner<cmabi_waker> waker;
    // Of a store of its own: what stops this one would leave little to be tried.
    Owner<cmabi_store> stoppable;
    Owner<cmabi_interrupter> interrupter;
    Owner<cmabi_error> error;
    const cmabi_func *func = nullptr;
    cmabi_task *task = nullptr;
    cmabi_subtask *subtask = nullptr;
    // Calls that have no answer, or had none when they were kept.
    std::vector<Owner<cmabi_task>> pending;

    // What numbers are: handles, counts and cases.
    unsigned number = 0;
    // The argument that is zero, if one is.
    std::size_t zero = SIZE_MAX;
    // Functions that were called.
    int calls = 0;
    // What the callback that is asked about does, once.
    std::function<void(World &)> act;

    World() {
        REQUIRE_OK(cmabi_engine_new, nullptr, engine.out());
        REQUIRE_OK(cmabi_config_new, config.out());
        REQUIRE_OK(cmabi_wasi_config_new, wasi_config.out());
        REQUIRE_OK(cmabi_linker_new, engine, linker.out());
        REQUIRE_OK(cmabi_store_new, engine, nullptr, store.out());
        REQUIRE_OK(cmabi_arena_new, 0, arena.out());
        REQUIRE_OK(cmabi_type_new_primitive, CMABI_KIND_U32, type.out());
        REQUIRE_OK(cmabi_resource_type_new, CMABI_STR("thing"), resource_type.out());
        const cmabi_wit_file file{CMABI_STR("a.wit"), CMABI_STR("package a:b; interface i { f: func(x: u32) -> u32; }")};
        REQUIRE_OK(cmabi_wit_parse, &file, 1, wit.out());
        const cmabi_func_type *parsed = nullptr;
        REQUIRE_OK(cmabi_wit_func, wit, CMABI_STR("i/f"), &parsed);
        *func_type.out() = cmabi_func_type_clone(parsed);
        REQUIRE_OK(cmabi_store_waker, store, waker.out());
        REQUIRE_OK(cmabi_config_set_interruptible, config, true);
        REQUIRE_OK(cmabi_store_new, engine, config, stoppable.out());
        REQUIRE_OK(cmabi_store_interrupter, stoppable, interrupter.out());
        CHECK(cmabi_type_new_list(nullptr, nullptr, error.out()) == CMABI_STATUS_INVALID_ARGUMENT);
        const auto bytes = read_guest("caller.wasm");
        REQUIRE_OK(cmabi_component_load, engine, bytes.data(), bytes.size(), component.out());
    }

    void offer(cmabi_string name, cmabi_host_func serve) {
        REQUIRE_OK(cmabi_linker_checked_func, linker, CMABI_STR("test:guest/host@1.2.0"), name, accept, serve, this, nullptr);
    }
    // With guests/caller.wat, whose calls of the host `serve` answers.
    void instantiate(cmabi_host_func serve) {
        for (const auto name : {CMABI_STR("number"), CMABI_STR("text"), CMABI_STR("signal")}) {
            offer(name, serve);
        }
        REQUIRE_OK(cmabi_linker_instantiate, linker, store, component, instance.out());
        REQUIRE_OK(cmabi_linker_prepare, linker, component, instance_pre.out());
        REQUIRE_OK(cmabi_instance_func, instance, CMABI_STR("number"), &func);
    }
    // Does what is asked for, where it was not done before.
    void happens() {
        if (const auto once = std::exchange(act, nullptr)) {
            once(*this);
        }
    }
    // Zeroed room that no other argument of the call has.
    void *room() {
        rooms_.push_back(std::make_unique<Room>());
        return rooms_.back().get();
    }
    // Where a function writes what it gives away.
    template <class T>
    T **out() {
        auto owner = std::make_shared<Owner<T>>();
        T **place = owner->out();
        given_.push_back(std::move(owner));
        return place;
    }
    void end_call() {
        given_.clear();
        // A copy that has begun may still use them.
        if (rooms_.size() > 100000) {
            rooms_.clear();
        }
    }

    // Frees what a callback can while it is used; a store that runs stays.
    void free_all() {
        engine.out();
        config.out();
        wasi_config.out();
        linker.out();
        component.out();
        instance.out();
        instance_pre.out();
        func = nullptr;
        arena.out();
        type.out();
        func_type.out();
        resource_type.out();
        wit.out();
        waker.out();
        error.out();
    }

private:
    struct alignas(16) Room {
        unsigned char bytes[256] = {};
    };
    static bool accept(void *data, const cmabi_func_type *, cmabi_string *) {
        static_cast<World *>(data)->happens();
        return true;
    }

    std::vector<std::unique_ptr<Room>> rooms_;
    std::vector<std::shared_ptr<void>> given_;
};

// The handle of a type.
template <class T>
T *handle(World &w) {
    const auto things = std::make_tuple(w.engine.get(), w.config.get(), w.wasi_config.get(), w.linker.get(), w.store.get(), w.component.get(),
                                        w.instance.get(), w.instance_pre.get(), w.arena.get(), w.type.get(), w.func_type.get(),
                                        w.resource_type.get(), w.wit.get(), w.waker.get(), w.interrupter.get(), w.error.get(),
                                        const_cast<cmabi_func *>(w.func), w.task, w.subtask,
                                        const_cast<cmabi_extern_type *>(cmabi_component_export_at(w.component, 0, nullptr)),
                                        static_cast<cmabi_import *>(nullptr),
                                        static_cast<cmabi_guest_memory *>(nullptr));
    return std::get<T *>(things);
}

// A struct that says how large it is.
template <class T>
T *sized(World &w, T value) {
    auto *place = static_cast<T *>(w.room());
    static_assert(sizeof(T) <= 256);
    *place = value;
    return place;
}

template <class T>
T argument(World &w) {
    using Pointee = std::remove_pointer_t<T>;
    using Bare = std::remove_const_t<Pointee>;
    if constexpr (std::is_same_v<T, cmabi_string>) {
        return CMABI_STR("number");
    } else if constexpr (!std::is_pointer_v<T>) {
        return static_cast<T>(w.number);
    } else if constexpr (std::is_function_v<Pointee>) {
        return nullptr;
    } else if constexpr (std::is_void_v<Bare>) {
        return w.room();
    } else if constexpr (std::is_pointer_v<Pointee>) {
        using Inner = std::remove_pointer_t<Pointee>;
        if constexpr (std::is_const_v<Pointee>) {
            // An array of handles.
            auto **array = static_cast<const void **>(w.room());
            std::fill(array, array + 8, w.type.get());
            return reinterpret_cast<T>(array);
        } else if constexpr (std::is_const_v<Inner> || std::is_void_v<Inner>) {
            return static_cast<T>(w.room());
        } else {
            return w.out<Inner>();
        }
    } else if constexpr (is_handle<Bare>::value) {
        return handle<Bare>(w);
    } else if constexpr (std::is_same_v<Bare, cmabi_counts>) {
        return sized(w, Bare CMABI_COUNTS_INIT);
    } else if constexpr (std::is_same_v<Bare, cmabi_lift_lower_options>) {
        auto *options = sized(w, Bare CMABI_LIFT_LOWER_OPTIONS_INIT);
        options->memory = static_cast<std::uint8_t *>(w.room());
        options->memory_len = 256;
        return options;
    } else if constexpr (std::is_same_v<Bare, cmabi_canon_options>) {
        return sized(w, Bare CMABI_CANON_OPTIONS_INIT);
    } else if constexpr (std::is_same_v<Bare, cmabi_engine_interface>) {
        return sized(w, Bare CMABI_ENGINE_INTERFACE_INIT);
    } else if constexpr (std::is_same_v<Bare, cmabi_field>) {
        auto *fields = static_cast<cmabi_field *>(w.room());
        static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
        for (std::size_t i = 0; i < 6; i++) {
            fields[i] = {view(names[i]), w.type};
        }
        return fields;
    } else if constexpr (std::is_same_v<T, const cmabi_string *>) {
        auto *labels = static_cast<cmabi_string *>(w.room());
        static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
        for (std::size_t i = 0; i < 6; i++) {
            labels[i] = view(names[i]);
        }
        return labels;
    } else if constexpr (std::is_same_v<Bare, cmabi_wit_file>) {
        auto *files = static_cast<cmabi_wit_file *>(w.room());
        std::fill(files, files + 6, cmabi_wit_file{CMABI_STR("a.wit"), CMABI_STR("package a:b;")});
        return files;
    } else {
        return static_cast<T>(w.room());
    }
}

bool frees(const char *name) {
    const std::string_view text(name);
    return text.size() > 5 && text.substr(text.size() - 5) == "_free";
}

template <class R, class... Params, std::size_t... Is>
void call(World &w, const char *name, R (*function)(Params...), std::index_sequence<Is...>) {
    const std::size_t zero = w.zero;
    const auto invoke = [&] { return function((Is == zero ? Params{} : argument<Params>(w))...); };
    w.calls++;
    if constexpr (std::is_same_v<R, cmabi_status>) {
        const cmabi_status status = invoke();
        CHECK_MESSAGE(status != CMABI_STATUS_INTERNAL, name << " with " << w.number << ", zero at " << zero);
    } else if constexpr (std::is_same_v<R, cmabi_type *> || std::is_same_v<R, cmabi_func_type *> ||
                         std::is_same_v<R, cmabi_resource_type *> || std::is_same_v<R, cmabi_waker *>) {
        release(invoke());
    } else {
        static_cast<void>(invoke());
    }
    w.end_call();
}

// Calls a function as it can be with what there is. What frees has its own turn.
template <class R, class... Params>
void call(World &w, const char *name, R (*function)(Params...)) {
    if (!frees(name)) {
        call(w, name, function, std::index_sequence_for<Params...>());
    }
}

// The same with each argument being zero in turn, and with all of them.
template <class R, class... Params>
void call_with_zeros(World &w, const char *name, R (*function)(Params...)) {
    function(Params{}...);
    w.calls++;
    for (w.zero = 0; w.zero < sizeof...(Params); w.zero++) {
        call(w, name, function);
    }
    w.zero = SIZE_MAX;
}

void every_function(World &w) {
    for (w.number = 0; w.number < 4; w.number++) {
#define FUNCTION(name) call(w, #name, name);
#include "functions.inc"
#undef FUNCTION
    }
}

void with_zeros(World &w) {
    for (w.number = 0; w.number < 3; w.number++) {
#define FUNCTION(name) call_with_zeros(w, #name, name);
#include "functions.inc"
#undef FUNCTION
    }
}

cmabi_status serve(void *data, cmabi_task *task, const void *, void *) {
    auto &w = *static_cast<World *>(data);
    w.task = task;
    w.happens();
    w.task = nullptr;
    return CMABI_STATUS_OK;
}

// Everything, and then the end of everything.
void every_function_and_free(World &w) {
    every_function(w);
    w.free_all();
}

const struct {
    const char *name;
    void (*act)(World &);
} acts[] = {
    {"every function", every_function},
    {"and what it uses is freed", every_function_and_free},
};

// Has a callback do each of these in a world of its own.
template <class F>
void in_callback(F scenario) {
    for (const auto &each : acts) {
        CAPTURE(each.name);
        World w;
        w.act = each.act;
        scenario(w);
        CHECK(!w.act);
        CHECK(w.calls > 800);
        if (w.store) {
            // It can still be used, whatever has happened in it.
            cmabi_counts counts = CMABI_COUNTS_INIT;
            CHECK_OK(cmabi_store_counts, w.store, &counts);
        }
    }
}

// The data of a callback that does what is asked for when it is dropped.
void drop(void *data) { static_cast<World *>(data)->happens(); }

cmabi_status nothing(void *, cmabi_task *, const void *, void *) { return CMABI_STATUS_OK; }

struct Ends {
    std::uint32_t readable = 0, writable = 0;
};

Ends stream(World &w) {
    Ends ends;
    REQUIRE_OK(cmabi_stream_new, w.store, w.type, &ends.readable, &ends.writable);
    return ends;
}

std::uint32_t elements[4] = {1, 2, 3, 4}, read[4];

} // namespace

TEST_CASE("every function takes zero for any argument") {
    World w;
    w.instantiate(serve);
    with_zeros(w);
    CHECK(w.calls > 2000);
}

TEST_CASE("every function can be called outside of callbacks") {
    World w;
    w.instantiate(serve);
    every_function(w);
}

TEST_CASE("every function can be called from a host function") {
    in_callback([](World &w) {
        auto act = std::exchange(w.act, nullptr);
        w.instantiate(serve);
        w.act = act;
        const std::uint32_t in = 3;
        std::uint32_t out = 0;
        // The function may go with its instance while it runs.
        cmabi_func_call(w.store, w.func, &in, &out, w.arena, nullptr);
    });
}

TEST_CASE("every function can be called from a type check") {
    SUBCASE("of a check") {
        in_callback([](World &w) {
            w.offer(CMABI_STR("number"), serve);
            cmabi_linker_check(w.linker, w.component, nullptr);
        });
    }
    SUBCASE("of an instantiation") {
        in_callback([](World &w) {
            w.offer(CMABI_STR("number"), serve);
            cmabi_linker_instantiate(w.linker, w.store, w.component, w.instance.out(), nullptr);
        });
    }
    SUBCASE("of what is made ready") {
        in_callback([](World &w) {
            w.offer(CMABI_STR("number"), serve);
            cmabi_linker_prepare(w.linker, w.component, w.instance_pre.out(), nullptr);
        });
    }
}

TEST_CASE("every function can be called where data is dropped") {
    const auto define = [](World &w) {
        return cmabi_linker_func(w.linker, CMABI_STR("x"), CMABI_STR("y"), nothing, &w, drop, nullptr);
    };
    SUBCASE("because it is not taken") {
        in_callback([](World &w) {
            cmabi_linker_func(w.linker, CMABI_STR(""), CMABI_STR("x"), nullptr, &w, drop, nullptr);
        });
    }
    SUBCASE("because the name is taken") {
        in_callback([](World &w) {
            CHECK_OK(cmabi_linker_func, w.linker, CMABI_STR("x"), CMABI_STR("y"), nothing, nullptr, nullptr);
            cmabi_linker_func(w.linker, CMABI_STR("x"), CMABI_STR("y"), nothing, &w, drop, nullptr);
        });
    }
    SUBCASE("with a linker") {
        in_callback([&](World &w) {
            CHECK(define(w) == CMABI_STATUS_OK);
            Owner<cmabi_linker> going(std::move(w.linker));
        });
    }
    SUBCASE("of a copy") {
        in_callback([](World &w) {
            const Ends ends = stream(w);
            cmabi_copied copied{};
            CHECK_OK(cmabi_stream_read, w.store, ends.readable, read, 4, nullptr, nullptr, nullptr, nullptr, &copied);
            const auto done = [](void *, cmabi_store *, std::uint32_t, cmabi_copy_result, std::uint32_t) {};
            cmabi_stream_write(w.store, ends.writable, elements, 4, done, &w, drop, &copied, nullptr);
        });
    }
}

TEST_CASE("every function can be called when a copy is over") {
    in_callback([](World &w) {
        const Ends ends = stream(w);
        cmabi_copied copied{};
        const auto done = [](void *data, cmabi_store *, std::uint32_t, cmabi_copy_result, std::uint32_t) {
            static_cast<World *>(data)->happens();
        };
        CHECK_OK(cmabi_stream_read, w.store, ends.readable, read, 4, nullptr, done, &w, nullptr, &copied);
        cmabi_stream_write(w.store, ends.writable, elements, 4, nullptr, nullptr, nullptr, &copied, nullptr);
    });
}

TEST_CASE("every function can be called from a watcher and while elements are used in place") {
    const auto visit = [](void *data, const void *, std::uint32_t count) {
        static_cast<World *>(data)->happens();
        return count;
    };
    SUBCASE("from a watcher") {
        in_callback([](World &w) {
            const Ends ends = stream(w);
            const auto watcher = [](void *data, cmabi_store *, std::uint32_t, cmabi_stream_signal) {
                static_cast<World *>(data)->happens();
                return static_cast<cmabi_status>(CMABI_STATUS_OK);
            };
            CHECK_OK(cmabi_stream_watch, w.store, ends.readable, watcher, &w, nullptr);
            cmabi_copied copied{};
            cmabi_stream_write(w.store, ends.writable, elements, 4, nullptr, nullptr, nullptr, &copied, nullptr);
        });
    }
    SUBCASE("in place") {
        in_callback([&](World &w) {
            const Ends ends = stream(w);
            cmabi_copied copied{};
            CHECK_OK(cmabi_stream_write, w.store, ends.writable, elements, 4, nullptr, nullptr, nullptr, &copied);
            cmabi_stream_read_in_place(w.store, ends.readable, visit, &w, &copied, nullptr);
        });
    }
}

TEST_CASE("every function can be called from a destructor") {
    // guests/counters.wat uses blobs of the host's.
    const auto offer = [](World &w) {
        const cmabi_string blobs = CMABI_STR("test:guest/blobs@1.0.0");
        const cmabi_destructor destroy = [](void *data, cmabi_store *, void *) { static_cast<World *>(data)->happens(); };
        REQUIRE_OK(cmabi_linker_resource, w.linker, blobs, CMABI_STR("blob"), w.resource_type, destroy, &w, nullptr);
        for (const auto name : {CMABI_STR("[constructor]blob"), CMABI_STR("[method]blob.size"), CMABI_STR("swallow")}) {
            REQUIRE_OK(cmabi_linker_func, w.linker, blobs, name, nothing, nullptr, nullptr);
        }
        const auto bytes = read_guest("counters.wasm");
        REQUIRE_OK(cmabi_component_load, w.engine, bytes.data(), bytes.size(), w.component.out());
        REQUIRE_OK(cmabi_linker_instantiate, w.linker, w.store, w.component, w.instance.out());
        std::uint32_t blob = 0;
        REQUIRE_OK(cmabi_resource_new, w.store, w.resource_type, &w, &blob);
        return blob;
    };
    SUBCASE("of the host's handle") {
        in_callback([&](World &w) { cmabi_resource_drop(w.store, nullptr, offer(w), nullptr); });
    }
    SUBCASE("of a guest's handle") {
        in_callback([&](World &w) {
            const std::uint32_t blob = offer(w);
            REQUIRE_OK(cmabi_instance_func, w.instance, CMABI_STR("drop-blob"), &w.func);
            cmabi_func_call(w.store, w.func, &blob, nullptr, nullptr, nullptr);
        });
    }
    SUBCASE("while the store is freed") {
        in_callback([&](World &w) {
            offer(w);
            w.store.out();
        });
    }
}

TEST_CASE("every function can be called when a call is over, and when it is to be cancelled") {
    const auto start = [](World &w, cmabi_on_resolve over) {
        const cmabi_string host = CMABI_STR("test:guest/host@1.0.0");
        const auto pend = [](void *data, cmabi_task *task, const void *, void *) {
            auto &w = *static_cast<World *>(data);
            w.pending.emplace_back(task);
            w.task = task;
            return static_cast<cmabi_status>(CMABI_STATUS_PENDING);
        };
        for (const auto name : {CMABI_STR("sleep"), CMABI_STR("name"), CMABI_STR("deal"), CMABI_STR("notify")}) {
            REQUIRE_OK(cmabi_linker_func, w.linker, host, name, pend, &w, nullptr);
        }
        const auto bytes = read_guest("sleeper.wasm");
        REQUIRE_OK(cmabi_component_load, w.engine, bytes.data(), bytes.size(), w.component.out());
        REQUIRE_OK(cmabi_linker_instantiate, w.linker, w.store, w.component, w.instance.out());
        REQUIRE_OK(cmabi_instance_func, w.instance, CMABI_STR("doze"), &w.func);
        static const std::uint32_t ms = 5;
        REQUIRE_OK(cmabi_func_start, w.store, w.func, &ms, over, &w, nullptr, &w.subtask);
    };
    SUBCASE("over") {
        in_callback([&](World &w) {
            start(w, [](void *data, cmabi_subtask *) { static_cast<World *>(data)->happens(); });
            const std::uint32_t slept = 5;
            CHECK_OK(cmabi_task_return, w.task, &slept);
            w.task = nullptr;
            cmabi_store_run(w.store, nullptr);
            cmabi_subtask_free(w.subtask);
        });
    }
    SUBCASE("cancelled") {
        in_callback([&](World &w) {
            start(w, nullptr);
            const auto told = [](void *data, cmabi_task *) { static_cast<World *>(data)->happens(); };
            CHECK_OK(cmabi_task_set_on_cancel, w.task, told, &w, nullptr);
            cmabi_subtask_cancel(w.subtask, nullptr);
            CHECK(!w.act);
            cmabi_subtask_free(w.subtask);
        });
    }
}

TEST_CASE("every function can be called while values are stored in a memory of the host's") {
    in_callback([](World &w) {
        alignas(8) static std::uint8_t memory[256];
        Owner<cmabi_type> text;
        REQUIRE_OK(cmabi_type_new_primitive, CMABI_KIND_STRING, text.out());
        cmabi_lift_lower_options options = CMABI_LIFT_LOWER_OPTIONS_INIT;
        options.memory = memory;
        options.memory_len = sizeof memory;
        options.data = &w;
        options.realloc = [](void *data, std::uint64_t, std::uint64_t, std::uint32_t, std::uint64_t, std::uint64_t *ptr) {
            static_cast<World *>(data)->happens();
            *ptr = 128;
            return true;
        };
        const cmabi_string value = CMABI_STR("hello");
        CHECK_OK(cmabi_value_store, text, &value, &options, 0);
        CHECK(std::memcmp(memory + 128, "hello", 5) == 0);
    });
}

TEST_CASE("every function can be called by an engine") {
    // Of the functions that an engine needs, those that are called do what is asked for, and fail.
    cmabi_engine_interface table = CMABI_ENGINE_INTERFACE_INIT;
    table.module_new = [](void *data, const std::uint8_t *, std::size_t, void **, cmabi_string *) {
        static_cast<World *>(data)->happens();
        return false;
    };
    table.store_new = [](void *data, const cmabi_engine_limits *, void **, cmabi_string *) {
        static_cast<World *>(data)->happens();
        return false;
    };
    table.module_free = [](void *, void *) {};
    table.store_free = [](void *, void *) {};
    table.instantiate = [](void *, void *, const cmabi_core_extern *, std::size_t, void **, cmabi_string *) {
        return static_cast<cmabi_outcome>(CMABI_OUTCOME_TRAPPED);
    };
    table.instance_export = [](void *, void *, std::size_t) { return cmabi_core_extern{}; };
    table.func_new = [](void *, const cmabi_core_func_type *, bool, cmabi_import *) -> void * { return nullptr; };
    table.call = [](void *, void *, const std::uint64_t *, std::uint64_t *, void **, cmabi_string *) {
        return static_cast<cmabi_outcome>(CMABI_OUTCOME_TRAPPED);
    };
    table.resume = [](void *, void *, const std::uint64_t *, std::uint64_t *, void **, cmabi_string *) {
        return static_cast<cmabi_outcome>(CMABI_OUTCOME_TRAPPED);
    };
    table.continuation_free = [](void *, void *) {};
    table.memory_data = [](void *, void *, std::size_t *len) -> std::uint8_t * {
        *len = 0;
        return nullptr;
    };
    table.table_get = [](void *, void *, std::uint64_t, void **, cmabi_core_func_type *) { return false; };
    table.global_get = [](void *, void *) -> std::uint64_t { return 0; };
    SUBCASE("that compiles") {
        in_callback([&](World &w) {
            table.data = &w;
            REQUIRE_OK(cmabi_engine_new_custom, &table, nullptr, w.engine.out());
            const auto bytes = read_guest("caller.wasm");
            Owner<cmabi_component> component;
            CHECK(cmabi_component_load(w.engine, bytes.data(), bytes.size(), component.out(), nullptr) != CMABI_STATUS_OK);
        });
    }
    SUBCASE("that makes a store") {
        in_callback([&](World &w) {
            table.data = &w;
            REQUIRE_OK(cmabi_engine_new_custom, &table, nullptr, w.engine.out());
            Owner<cmabi_store> store;
            CHECK(cmabi_store_new(w.engine, nullptr, store.out(), nullptr) == CMABI_STATUS_LIMIT);
        });
    }
}
