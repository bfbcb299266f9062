// A host with its own engine, for the tests: core functions are lambdas, and the built-ins are
// member functions of `Native` that throw where they fail.
#pragma once

#include "types.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>

using Config = Handle<cmabi_config, cmabi_config_free>;
using Engine = Handle<cmabi_engine, cmabi_engine_free>;
using Store = Handle<cmabi_store, cmabi_store_free>;
using Arena = Handle<cmabi_arena, cmabi_arena_free>;
using Func = Handle<cmabi_func, cmabi_func_free>;

using Values = std::vector<std::uint64_t>;
using CoreTypes = std::vector<cmabi_core_type>;

constexpr cmabi_core_type I32 = CMABI_CORE_TYPE_I32;
constexpr cmabi_core_type I64 = CMABI_CORE_TYPE_I64;
constexpr cmabi_core_type F32 = CMABI_CORE_TYPE_F32;
constexpr cmabi_core_type F64 = CMABI_CORE_TYPE_F64;

constexpr std::uint32_t BLOCKED = 0xffffffff;

// `Subtask.State`
enum : std::uint32_t { STARTING, STARTED, RETURNED, CANCELLED_BEFORE_STARTED, CANCELLED_BEFORE_RETURNED };
// `EventCode`
enum : std::uint32_t { NONE, SUBTASK, STREAM_READ, STREAM_WRITE, FUTURE_READ, FUTURE_WRITE, TASK_CANCELLED };
// `CallbackCode`
enum : std::uint32_t { EXIT, YIELD, WAIT };
// `CopyResult`
enum : std::uint32_t { COMPLETED, DROPPED, CANCELLED };

// A function of the library failed inside a core function. It ends that function; the call that the
// function serves then traps with the first failure.
struct Failed {
    std::string message;
};

// What the low bits of a packed result say, and the rest of it.
struct Packed {
    std::uint32_t state;
    std::uint32_t rest;

    explicit Packed(std::uint32_t packed) : state(packed & 0xf), rest(packed >> 4) { CHECK(packed != BLOCKED); }
};

// The two ends that `stream.new` and `future.new` make.
struct Ends {
    std::uint32_t readable = 0;
    std::uint32_t writable = 0;
};

// A linear memory with an allocator that never frees, like `Heap` in the reference's tests.
class Heap {
public:
    explicit Heap(std::size_t size) : bytes(size) {}

    std::uint64_t realloc(std::uint64_t old, std::uint64_t old_size, std::uint64_t align, std::uint64_t size) {
        if (old != 0 && size < old_size) {
            return align_to(old, align);
        }
        const std::uint64_t place = align_to(next_, align);
        next_ = place + size;
        if (next_ > bytes.size()) {
            throw Failed{"the heap is full"};
        }
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(old), old_size,
                    bytes.begin() + static_cast<std::ptrdiff_t>(place));
        return place;
    }
    std::uint64_t alloc(std::uint64_t align, std::uint64_t size) { return realloc(0, 0, align, size); }

    std::uint8_t &operator[](std::uint64_t at) { return bytes.at(at); }
    std::uint32_t u32_at(std::uint64_t at) const {
        std::uint32_t value = 0;
        REQUIRE(at + sizeof value <= bytes.size());
        std::memcpy(&value, bytes.data() + at, sizeof value);
        return value;
    }
    void set_u32(std::uint64_t at, std::uint32_t value) {
        REQUIRE(at + sizeof value <= bytes.size());
        std::memcpy(bytes.data() + at, &value, sizeof value);
    }

    std::vector<std::uint8_t> bytes;

private:
    static std::uint64_t align_to(std::uint64_t ptr, std::uint64_t align) { return (ptr + align - 1) / align * align; }

    std::uint64_t next_ = 0;
};

// A store whose core functions are lambdas.
class Native {
public:
    using Core = std::function<Values(const Values &)>;
    // Gets the arguments' record and the place of the result.
    using Host = std::function<void(cmabi_task *, const void *, void *)>;

    Native() : Native(nullptr) {}
    // Draws the order of threads from a seed.
    explicit Native(std::uint64_t seed) : Native(seeded(seed)) {}
    explicit Native(const Config &config) : Native(config.get()) {}
    explicit Native(const cmabi_config *config) {
        REQUIRE_OK(cmabi_engine_new_native, config, engine_.out());
        REQUIRE_OK(cmabi_store_new, engine_, config, store.out());
    }

    // Making things.

    cmabi_component_instance instance(std::string_view name, cmabi_component_instance parent = 0) {
        cmabi_component_instance instance = 0;
        REQUIRE_OK(cmabi_component_instance_new, store, parent, view(name), &instance);
        return instance;
    }
    cmabi_core_func core(const CoreTypes &params, const CoreTypes &results, Core body) {
        struct Data {
            Core body;
            std::size_t params, results;
        };
        const auto call = [](void *data, cmabi_store *, const std::uint64_t *args, std::uint64_t *results) {
            const auto &core = *static_cast<Data *>(data);
            try {
                const Values values = core.body(Values(args, args + core.params));
                CHECK(values.size() == core.results);
                std::copy(values.begin(), values.end(), results);
                return static_cast<cmabi_status>(CMABI_STATUS_OK);
            } catch (const Failed &) {
                return static_cast<cmabi_status>(CMABI_STATUS_TRAP);
            }
        };
        const cmabi_core_func_type type{params.data(), params.size(), results.data(), results.size()};
        cmabi_core_func func = 0;
        auto *data = new Data{std::move(body), params.size(), results.size()};
        REQUIRE_OK(cmabi_core_func_new, store, &type, call, data, [](void *d) { delete static_cast<Data *>(d); }, &func);
        return func;
    }
    cmabi_core_memory memory(Heap &heap, bool memory64 = false) {
        const auto view = [](void *data, std::size_t *len) {
            auto &bytes = static_cast<Heap *>(data)->bytes;
            *len = bytes.size();
            return bytes.data();
        };
        cmabi_core_memory memory = 0;
        REQUIRE_OK(cmabi_core_memory_new, store, memory64, view, &heap, nullptr, &memory);
        return memory;
    }
    cmabi_core_func realloc(Heap &heap, bool memory64 = false) {
        const cmabi_core_type ptr = memory64 ? I64 : I32;
        return core({ptr, ptr, ptr, ptr}, {ptr}, [&heap](const Values &args) {
            return Values{heap.realloc(args[0], args[1], args[2], args[3])};
        });
    }
    cmabi_core_table table(const std::vector<cmabi_core_func> &funcs) {
        cmabi_core_table table = 0;
        REQUIRE_OK(cmabi_core_table_new, store, funcs.data(), funcs.size(), &table);
        return table;
    }
    static cmabi_canon_options options() { return CMABI_CANON_OPTIONS_INIT; }
    cmabi_canon_options options(Heap &heap, bool memory64 = false) {
        cmabi_canon_options options = CMABI_CANON_OPTIONS_INIT;
        options.memory = memory(heap, memory64);
        options.realloc = realloc(heap, memory64);
        return options;
    }
    Func lift(cmabi_component_instance instance, cmabi_core_func callee, const cmabi_func_type *type,
              const cmabi_canon_options &options, std::string_view name = "f") {
        Func func;
        REQUIRE_OK(cmabi_canon_lift, store, instance, callee, type, &options, view(name), func.out());
        return func;
    }
    Func host(const cmabi_func_type *type, Host body, std::string_view name = "host") {
        const auto call = [](void *data, cmabi_task *task, const void *args, void *results) {
            (*static_cast<Host *>(data))(task, args, results);
            return static_cast<cmabi_status>(CMABI_STATUS_OK);
        };
        Func func;
        REQUIRE_OK(cmabi_func_new, store, type, view(name), call, new Host(std::move(body)),
                   [](void *data) { delete static_cast<Host *>(data); }, func.out());
        return func;
    }
    ResourceType resource(cmabi_component_instance instance, cmabi_core_func dtor, std::string_view name = "r") {
        ResourceType type;
        REQUIRE_OK(cmabi_resource_type_new, view(name), type.out());
        REQUIRE_OK(cmabi_canon_define_resource, store, instance, type, dtor);
        return type;
    }
    cmabi_core_func lower(cmabi_component_instance instance, const cmabi_func *func,
                          const cmabi_canon_options &options) {
        cmabi_core_func core = 0;
        REQUIRE_OK(cmabi_canon_lower, store, instance, func, &options, &core);
        return core;
    }
    // Runs what is left to run.
    void run() { CHECK_OK(cmabi_store_run, store.get()); }

    // For core functions: calling an import, and the built-ins.

    Values call(cmabi_core_func func, const Values &args, std::size_t results) {
        Values values(results);
        expect([&](cmabi_error **error) {
            return cmabi_core_func_call(store, func, args.data(), args.size(), values.data(), values.size(), error);
        });
        return values;
    }
    std::uint32_t call1(cmabi_core_func func, const Values &args) {
        return static_cast<std::uint32_t>(call(func, args, 1)[0]);
    }
    // Calls a built-in without a result: `n.run(cmabi_canon_task_cancel)`.
    template <class Function, class... Args>
    void run(Function function, Args... args) {
        expect([&](cmabi_error **error) { return function(store, args..., error); });
    }
    // Calls a built-in with a result: `n.get(cmabi_canon_waitable_set_new)`.
    template <class Function, class... Args>
    std::uint32_t get(Function function, Args... args) {
        std::uint32_t result = 0;
        expect([&](cmabi_error **error) { return function(store, args..., &result, error); });
        return result;
    }
    std::uint64_t context_get(std::uint32_t slot, cmabi_core_type type = I32) {
        std::uint64_t value = 0;
        expect([&](cmabi_error **error) { return cmabi_canon_context_get(store, type, slot, &value, error); });
        return value;
    }
    void context_set(std::uint32_t slot, std::uint64_t value, cmabi_core_type type = I32) {
        run(cmabi_canon_context_set, type, slot, value);
    }
    void task_return(const cmabi_type *result, const cmabi_canon_options &options, const Values &values) {
        run(cmabi_canon_task_return, result, &options, values.data(), values.size());
    }
    // A new thread that will call the function at `index` of a table with an i32.
    std::uint32_t new_thread(cmabi_core_table table, std::uint32_t index, std::uint64_t arg) {
        const cmabi_core_func_type type{&I32, 1, nullptr, 0};
        return get(cmabi_canon_thread_new_indirect, &type, table, index, arg);
    }
    Ends stream_new(const cmabi_type *element) { return ends(cmabi_canon_stream_new, element); }
    Ends future_new(const cmabi_type *element) { return ends(cmabi_canon_future_new, element); }
    // Lets other threads run until the host's flag is set.
    void wait_until(const bool &flag) {
        wait_until([&flag] { return flag; });
    }
    // The same until the host's condition holds.
    template <class Condition>
    void wait_until(Condition condition) {
        while (!condition()) {
            CHECK(get(cmabi_canon_thread_yield) == 0);
        }
    }

private:
    static Config seeded(std::uint64_t seed) {
        Config config;
        REQUIRE_OK(cmabi_config_new, config.out());
        REQUIRE_OK(cmabi_config_set_schedule_seed, config, seed);
        // As in the reference's tests: a thread that may block does.
        REQUIRE_OK(cmabi_config_set_deterministic, config, true);
        return config;
    }
    template <class Function>
    Ends ends(Function function, const cmabi_type *element) {
        std::uint64_t ends = 0;
        expect([&](cmabi_error **error) { return function(store, element, &ends, error); });
        return Ends{static_cast<std::uint32_t>(ends), static_cast<std::uint32_t>(ends >> 32)};
    }
    template <class Call>
    static void expect(Call call) {
        Error error;
        if (call(error.out()) != CMABI_STATUS_OK) {
            throw Failed{error.message()};
        }
    }

    Engine engine_;

public:
    Store store;
};

// The arguments and the result of a call from the host, as C structs.
template <class Args>
void call(Native &native, const cmabi_func *func, const Args &args, void *results, cmabi_arena *arena = nullptr) {
    CHECK_OK(cmabi_func_call, native.store, func, &args, results, arena);
}

// Runs a test under the default order of threads and under many drawn from seeds.
template <class Test>
void under_seeds(Test test) {
    {
        Native native;
        test(native);
    }
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        Native native(seed);
        test(native);
    }
}

// Runs `body` as the code of a guest, in an async-typed function with the `async` option, until nothing is
// left to run. Answers why it trapped; nothing where it did not.
inline std::string run_guest(Native &n, cmabi_component_instance instance, const std::function<void()> &body) {
    auto opts = Native::options();
    opts.is_async = 1;
    const FuncType type = func({}, nullptr, true);
    const Func guest = n.lift(instance, n.core({}, {}, [&](const Values &) {
        body();
        n.task_return(nullptr, opts, {});
        return Values{};
    }), type, opts, "guest");
    Error error;
    if (cmabi_func_call(n.store, guest, nullptr, nullptr, nullptr, error.out()) != CMABI_STATUS_OK ||
        cmabi_store_run(n.store, error.out()) != CMABI_STATUS_OK) {
        return error.message();
    }
    return "";
}

// The guest traps with a message that contains `part`.
inline void check_guest_traps(const char *part, const std::function<void(Native &, cmabi_component_instance)> &body) {
    CAPTURE(part);
    Native n;
    const auto instance = n.instance("inst");
    const std::string message = run_guest(n, instance, [&] { body(n, instance); });
    CAPTURE(message);
    CHECK(message.find(part) != std::string::npos);
}
