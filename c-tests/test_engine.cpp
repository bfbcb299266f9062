// A host's own engine, in C++: the core modules of guests/engine.wat are classes here, whose functions
// work on a std::vector for memory. It is offered in each tier, and does what the built-in engine does.
#include "guest.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

namespace {

using Words = std::vector<std::uint64_t>;

// What a function of the engine gets: its instance's imports.
struct Unwound {
    std::string message; // Empty where an import failed.
};

class CppStore;

// A function of the engine: C++, or what the library gives to guests.
struct Function {
    std::vector<cmabi_core_type> params, results;
    std::function<Words(CppStore &, const Words &)> body;
    cmabi_import *import = nullptr;
};

struct Memory {
    std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(65536);

    std::uint32_t load(std::uint64_t at) const {
        std::uint32_t value = 0;
        std::memcpy(&value, bytes.data() + at, sizeof value);
        return value;
    }
    void store(std::uint64_t at, std::uint64_t value) {
        const auto word = static_cast<std::uint32_t>(value);
        std::memcpy(bytes.data() + at, &word, sizeof word);
    }
};

struct Instance {
    std::vector<cmabi_core_extern> exports;
};

// A call on a thread of its own, which runs only while the store's thread waits for it: how an engine
// without stacks of its own leaves a guest and comes back to it.
class Suspendable {
public:
    Suspendable(CppStore &store, const Function &function, Words args)
        : thread_([this, &store, &function, args = std::move(args)] { run(store, function, args); }) {}
    ~Suspendable() {
        if (thread_.joinable()) {
            abandoned_ = true;
            give(Words{});
            wait();
            thread_.join();
        }
    }

    // On the store's thread: serves the imports that the call calls, until it ends or blocks.
    cmabi_outcome serve(std::uint64_t *results, std::string &message);
    // On the store's thread: what the import that blocked returns.
    void give(const Words &results) {
        const std::lock_guard<std::mutex> lock(mutex_);
        answer_ = results;
        asked_ = nullptr;
        turn_ = Turn::Guest;
        changed_.notify_all();
    }
    // On the call's thread.
    Words call_import(cmabi_import *import, const Words &args, std::size_t results) {
        std::unique_lock<std::mutex> lock(mutex_);
        if (abandoned_) {
            throw Unwound{};
        }
        asked_ = import;
        asked_args_ = args;
        answer_.assign(results, 0);
        turn_ = Turn::Store;
        changed_.notify_all();
        changed_.wait(lock, [this] { return turn_ == Turn::Guest; });
        if (failed_ || abandoned_) {
            throw Unwound{};
        }
        return answer_;
    }
    std::size_t blocked_results() const { return answer_.size(); }

    static thread_local Suspendable *current;

private:
    enum class Turn { Guest, Store };

    void run(CppStore &store, const Function &function, const Words &args) {
        current = this;
        Words results;
        bool trapped = false;
        std::string message;
        try {
            results = function.body(store, args);
        } catch (const Unwound &unwound) {
            trapped = true;
            message = unwound.message;
        }
        const std::lock_guard<std::mutex> lock(mutex_);
        results_ = std::move(results);
        trapped_ = trapped;
        message_ = std::move(message);
        ended_ = true;
        turn_ = Turn::Store;
        changed_.notify_all();
    }
    void wait() {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [this] { return turn_ == Turn::Store; });
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    Turn turn_ = Turn::Guest;
    cmabi_import *asked_ = nullptr;
    Words asked_args_, answer_, results_;
    std::string message_;
    bool ended_ = false, trapped_ = false, failed_ = false, abandoned_ = false;
    std::thread thread_;
};

thread_local Suspendable *Suspendable::current = nullptr;

class CppStore {
public:
    explicit CppStore(cmabi_engine_tier tier) : tier(tier) {}

    Words call(const Function *function, const Words &args) {
        if (function->import == nullptr) {
            return function->body(*this, args);
        }
        if (Suspendable::current != nullptr) {
            return Suspendable::current->call_import(function->import, args, function->results.size());
        }
        Words results(function->results.size());
        if (without_arguments) {
            CHECK(cmabi_import_call(nullptr, args.data(), results.data()) == CMABI_FLOW_TRAP);
            CHECK(cmabi_import_call(function->import, nullptr, results.data()) == CMABI_FLOW_TRAP);
            throw Unwound{};
        }
        if (cmabi_import_call(function->import, args.data(), results.data()) != CMABI_FLOW_DONE) {
            throw Unwound{};
        }
        return results;
    }
    std::uint64_t call1(const Function *function, const Words &args) { return call(function, args).at(0); }

    Function *add(Function function) {
        functions.push_back(std::make_unique<Function>(std::move(function)));
        return functions.back().get();
    }

    cmabi_engine_tier tier;
    std::vector<std::unique_ptr<Function>> functions;
    std::vector<std::unique_ptr<Memory>> memories;
    std::vector<std::unique_ptr<Instance>> instances;
    std::string message;
    int suspended = 0;
    // Calls imports with NULL.
    static inline bool without_arguments = false;
};

cmabi_outcome Suspendable::serve(std::uint64_t *results, std::string &message) {
    for (;;) {
        wait();
        if (ended_) {
            thread_.join();
            std::copy(results_.begin(), results_.end(), results);
            message = message_;
            return trapped_ ? CMABI_OUTCOME_TRAPPED : CMABI_OUTCOME_RETURNED;
        }
        Words answer = answer_;
        switch (cmabi_import_call(asked_, asked_args_.data(), answer.data())) {
        case CMABI_FLOW_DONE: give(answer); break;
        case CMABI_FLOW_BLOCK: return CMABI_OUTCOME_SUSPENDED;
        default:
            failed_ = true;
            give(answer);
        }
    }
}

// The modules, by the name of their first exported function.
using Module = std::function<std::vector<cmabi_core_extern>(CppStore &, const std::vector<Function *> &, Memory *)>;

cmabi_core_extern exported(Function *function) { return {CMABI_CORE_KIND_FUNC, function}; }

const cmabi_core_type I32 = CMABI_CORE_TYPE_I32;

Function *cpp(CppStore &store, std::size_t params, std::size_t results,
              std::function<Words(CppStore &, const Words &)> body) {
    Function function;
    function.params.assign(params, I32);
    function.results.assign(results, I32);
    function.body = std::move(body);
    return store.add(std::move(function));
}

std::vector<cmabi_core_extern> libc(CppStore &store, const std::vector<Function *> &, Memory *) {
    store.memories.push_back(std::make_unique<Memory>());
    Memory *memory = store.memories.back().get();
    auto next = std::make_shared<std::uint64_t>(1024);
    return {{CMABI_CORE_KIND_MEMORY, memory},
            exported(cpp(store, 4, 1, [memory, next](CppStore &, const Words &args) {
                const std::uint64_t at = (*next + args[2] - 1) / args[2] * args[2];
                *next = at + args[3];
                // Memories may move at every call.
                std::vector<std::uint8_t> moved(memory->bytes);
                std::copy_n(moved.begin() + static_cast<long>(args[0]), args[1], moved.begin() + static_cast<long>(at));
                memory->bytes = std::move(moved);
                return Words{at};
            }))};
}

std::vector<cmabi_core_extern> callee(CppStore &store, const std::vector<Function *> &imports, Memory *) {
    Function *yield = imports[0], *task_return = imports[1], *future_read = imports[2];
    return {exported(cpp(store, 1, 0, [=](CppStore &s, const Words &args) {
                s.call(yield, {});
                s.call(yield, {});
                s.call(task_return, {args[0] + 1});
                return Words{};
            })),
            exported(cpp(store, 1, 0, [=](CppStore &s, const Words &args) {
                s.call(future_read, {args[0], 0});
                s.call(task_return, {7});
                return Words{};
            }))};
}

std::vector<cmabi_core_extern> main_module(CppStore &store, const std::vector<Function *> &imports, Memory *memory) {
    Function *add = imports[0], *later = imports[1], *after = imports[2], *set_new = imports[3],
             *set_wait = imports[4], *join = imports[5], *subtask_drop = imports[6], *future_new = imports[7],
             *future_write = imports[8];
    const auto finish = [=](CppStore &s, std::uint64_t status) {
        if (const std::uint64_t subtask = status >> 4; subtask != 0) {
            const auto set = s.call1(set_new, {});
            s.call(join, {subtask, set});
            do {
                s.call(set_wait, {set, 40});
            } while (memory->load(44) != 2);
            s.call(subtask_drop, {subtask});
        }
        return Words{memory->load(32)};
    };
    return {exported(cpp(store, 2, 1, [=](CppStore &, const Words &args) {
                memory->store(16, args[0]);
                memory->store(20, args[1]);
                return Words{16};
            })),
            exported(cpp(store, 2, 1, [=](CppStore &, const Words &args) {
                std::uint64_t sum = 0;
                for (std::uint64_t i = 0; i < args[1]; ++i) {
                    sum += memory->load(args[0] + 4 * i);
                }
                return Words{static_cast<std::uint32_t>(sum)};
            })),
            exported(cpp(store, 2, 1, [=](CppStore &s, const Words &args) { return s.call(add, args); })),
            exported(cpp(store, 1, 1, [=](CppStore &s, const Words &args) {
                return finish(s, s.call1(later, {args[0], 32}));
            })),
            exported(cpp(store, 0, 1, [=](CppStore &s, const Words &) {
                const auto ends = s.call1(future_new, {});
                const auto status = s.call1(after, {ends & 0xffffffff, 32});
                s.call(future_write, {ends >> 32, 0});
                return finish(s, status);
            })),
            exported(cpp(store, 0, 0, [](CppStore &, const Words &) -> Words { throw Unwound{"unreachable"}; }))};
}

// The engine.
struct CppEngine {
    cmabi_engine_tier tier;
    int *drops;
};


struct Modules {
    Module libc_module = libc, callee_module = callee, main = main_module;
} modules;

bool contains(const std::uint8_t *wasm, std::size_t len, const char *text) {
    return std::search(wasm, wasm + len, text, text + std::strlen(text)) != wasm + len;
}

cmabi_string say(CppStore &store, std::string message) {
    store.message = std::move(message);
    return view(store.message);
}

cmabi_outcome outcome_of(CppStore &store, const std::function<Words()> &call, std::uint64_t *results,
                         cmabi_string *message) {
    try {
        const Words words = call();
        std::copy(words.begin(), words.end(), results);
        return CMABI_OUTCOME_RETURNED;
    } catch (const Unwound &unwound) {
        *message = say(store, unwound.message);
        return CMABI_OUTCOME_TRAPPED;
    }
}

// What the engine was told to look at, for the store that was made last.
const std::uint32_t *interrupt_word = nullptr;

cmabi_outcome serve(CppStore &store, std::unique_ptr<Suspendable> call, std::uint64_t *results, void **continuation,
                    cmabi_string *message) {
    std::string text;
    const cmabi_outcome outcome = call->serve(results, text);
    if (outcome == CMABI_OUTCOME_SUSPENDED) {
        ++store.suspended;
        *continuation = call.release();
    }
    *message = say(store, text);
    return outcome;
}

cmabi_engine_interface interface(CppEngine &engine) {
    cmabi_engine_interface table = CMABI_ENGINE_INTERFACE_INIT;
    table.data = &engine;
    table.drop = [](void *data) { ++*static_cast<CppEngine *>(data)->drops; };
    table.tier = engine.tier;
    table.module_new = [](void *, const std::uint8_t *wasm, std::size_t len, void **module, cmabi_string *message) {
        if (contains(wasm, len, "libc-memory") && !contains(wasm, len, "main-echo")) {
            *module = &modules.libc_module;
        } else if (contains(wasm, len, "callee-later")) {
            *module = &modules.callee_module;
        } else if (contains(wasm, len, "main-echo")) {
            *module = &modules.main;
        } else {
            *message = CMABI_STR("this engine has three modules, and that is none of them");
            return false;
        }
        return true;
    };
    table.module_free = [](void *, void *) {};
    table.store_new = [](void *data, const cmabi_engine_limits *limits, void **store, cmabi_string *) {
        CHECK(limits->size == sizeof *limits);
        interrupt_word = limits->interrupt;
        *store = new CppStore(static_cast<CppEngine *>(data)->tier);
        return true;
    };
    table.store_free = [](void *, void *store) { delete static_cast<CppStore *>(store); };
    table.instantiate = [](void *data, void *module, const cmabi_core_extern *imports, std::size_t count,
                           void **instance, cmabi_string *) {
        auto &store = *static_cast<CppStore *>(data);
        std::vector<Function *> functions;
        Memory *memory = nullptr;
        for (std::size_t i = 0; i < count; ++i) {
            if (imports[i].kind == CMABI_CORE_KIND_MEMORY) {
                memory = static_cast<Memory *>(imports[i].item);
            } else {
                functions.push_back(static_cast<Function *>(imports[i].item));
            }
        }
        store.instances.push_back(std::make_unique<Instance>());
        store.instances.back()->exports = (*static_cast<Module *>(module))(store, functions, memory);
        *instance = store.instances.back().get();
        return static_cast<cmabi_outcome>(CMABI_OUTCOME_RETURNED);
    };
    table.instance_export = [](void *, void *instance, std::size_t index) {
        return static_cast<Instance *>(instance)->exports.at(index);
    };
    table.func_new = [](void *store, const cmabi_core_func_type *type, bool, cmabi_import *import) -> void * {
        Function function;
        function.params.assign(type->params, type->params + type->params_len);
        function.results.assign(type->results, type->results + type->results_len);
        function.import = import;
        return static_cast<CppStore *>(store)->add(std::move(function));
    };
    table.call = [](void *data, void *func, const std::uint64_t *args, std::uint64_t *results, void **continuation,
                    cmabi_string *message) {
        auto &store = *static_cast<CppStore *>(data);
        const auto *function = static_cast<Function *>(func);
        const Words words(args, args + function->params.size());
        if (continuation != nullptr) {
            auto call = std::make_unique<Suspendable>(store, *function, words);
            return serve(store, std::move(call), results, continuation, message);
        }
        return outcome_of(store, [&] { return store.call(function, words); }, results, message);
    };
    table.resume = [](void *store, void *suspended, const std::uint64_t *import_results, std::uint64_t *results,
                      void **continuation, cmabi_string *message) {
        std::unique_ptr<Suspendable> call(static_cast<Suspendable *>(suspended));
        call->give(Words(import_results, import_results + call->blocked_results()));
        return serve(*static_cast<CppStore *>(store), std::move(call), results, continuation, message);
    };
    table.continuation_free = [](void *, void *suspended) { delete static_cast<Suspendable *>(suspended); };
    table.memory_data = [](void *, void *memory, std::size_t *len) {
        auto &bytes = static_cast<Memory *>(memory)->bytes;
        *len = bytes.size();
        return bytes.data();
    };
    table.table_get = [](void *, void *, std::uint64_t, void **, cmabi_core_func_type *) { return false; };
    table.global_get = [](void *, void *) { return std::uint64_t{0}; };
    return table;
}

// Calls each export of the component and says what came back.
struct Scenario {
    explicit Scenario(cmabi_engine *engine, const cmabi_config *config = nullptr) {
        REQUIRE_OK(cmabi_linker_new, engine, linker.out());
        REQUIRE_OK(cmabi_store_new, engine, config, store.out());
        REQUIRE_OK(cmabi_arena_new, 0, arena.out());
        const auto add = [](void *, cmabi_task *, const void *args, void *results) {
            const auto *words = static_cast<const std::uint32_t *>(args);
            *static_cast<std::uint32_t *>(results) = words[0] + words[1];
            return static_cast<cmabi_status>(CMABI_STATUS_OK);
        };
        REQUIRE_OK(cmabi_linker_func, linker, CMABI_STR(""), CMABI_STR("add"), add, nullptr, nullptr);
        const auto bytes = read_guest("engine.wasm");
        REQUIRE_OK(cmabi_component_load, engine, bytes.data(), bytes.size(), component.out());
        REQUIRE_OK(cmabi_linker_instantiate, linker, store, component, instance.out());
    }

    cmabi_status call(const char *name, const void *args, void *results, cmabi_error **error) {
        return cmabi_func_call(store, Guest::func(instance, name), args, results, arena, error);
    }
    void numbers_and_texts() {
        const std::string long_text(1000, 'x');
        for (const std::string &sent : {std::string("hello"), std::string(), long_text}) {
            const cmabi_string args = view(sent);
            cmabi_string got{};
            CHECK_OK(call, "echo", &args, &got);
            CHECK(text(got) == sent);
        }
        std::uint32_t numbers[] = {1, 20, 300};
        const struct {
            std::uint32_t *ptr;
            std::size_t len;
        } list{numbers, 3};
        std::uint32_t sum = 0;
        CHECK_OK(call, "sum", &list, &sum);
        CHECK(sum == 321);
        const std::uint32_t both[] = {40, 2};
        CHECK_OK(call, "add", both, &sum);
        CHECK(sum == 42);
    }
    void waiting() {
        const std::uint32_t x = 9;
        std::uint32_t result = 0;
        CHECK_OK(call, "wait", &x, &result);
        CHECK(result == 10);
    }
    // In one native stack the callee cannot wait for what is below it.
    void caller_goes_on(bool nested) {
        std::uint32_t result = 0;
        if (nested) {
            CHECK_FAILS(CMABI_STATUS_TRAP, "cannot suspend a guest that blocks", call, "write", nullptr, &result);
        } else {
            CHECK_OK(call, "write", nullptr, &result);
            CHECK(result == 7);
        }
    }
    void trap() { CHECK_FAILS(CMABI_STATUS_TRAP, "unreachable", call, "fail", nullptr, nullptr); }

    // `CHECK_OK(call, ...)` passes the error last.
    Handle<cmabi_linker, cmabi_linker_free> linker;
    Handle<cmabi_store, cmabi_store_free> store;
    Handle<cmabi_component, cmabi_component_free> component;
    Handle<cmabi_instance, cmabi_instance_free> instance;
    Handle<cmabi_arena, cmabi_arena_free> arena;
};

using Engine = Handle<cmabi_engine, cmabi_engine_free>;

void all_scenarios(cmabi_engine *engine, bool nested) {
    Scenario scenario(engine);
    scenario.numbers_and_texts();
    scenario.waiting();
    scenario.numbers_and_texts();
    scenario.caller_goes_on(nested);
    Scenario(engine).trap();
}

} // namespace

TEST_CASE("the built-in engine runs the scenarios") {
    Engine engine;
    REQUIRE_OK(cmabi_engine_new, nullptr, engine.out());
    all_scenarios(engine, false);
}

TEST_CASE("a host's engine runs the same scenarios in each tier") {
    for (const auto tier : {CMABI_ENGINE_TIER_RESUME, CMABI_ENGINE_TIER_FIBER, CMABI_ENGINE_TIER_NESTED}) {
        CAPTURE(tier);
        int drops = 0;
        CppEngine cpp{tier, &drops};
        {
            const cmabi_engine_interface table = interface(cpp);
            Engine engine;
            REQUIRE_OK(cmabi_engine_new_custom, &table, nullptr, engine.out());
            all_scenarios(engine, tier == CMABI_ENGINE_TIER_NESTED);
            CHECK(drops == 0);
        }
        CHECK(drops == 1);
    }
}

TEST_CASE("an engine that lacks functions, or says wrong things of itself, is refused") {
    int drops = 0;
    CppEngine cpp{CMABI_ENGINE_TIER_RESUME, &drops};
    Engine engine;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "table", cmabi_engine_new_custom, nullptr, nullptr, engine.out());

    cmabi_engine_interface table = interface(cpp);
    table.resume = nullptr;
    table.memory_data = nullptr;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "lacks functions: resume, memory_data", cmabi_engine_new_custom, &table,
                nullptr, engine.out());
    CHECK(drops == 1);

    table = interface(cpp);
    table.size = 8;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "says it has 8 bytes", cmabi_engine_new_custom, &table, nullptr, engine.out());
    CHECK(drops == 1);

    table = interface(cpp);
    table.tier = static_cast<cmabi_engine_tier>(17);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "tier", cmabi_engine_new_custom, &table, nullptr, engine.out());
    CHECK(drops == 2);

    table = interface(cpp);
    table.fuel = 1;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "fuel_get, fuel_set", cmabi_engine_new_custom, &table, nullptr, engine.out());
    CHECK(engine.get() == nullptr);
}

TEST_CASE("calls have the stack that the engine says") {
    int drops = 0;
    CppEngine cpp{CMABI_ENGINE_TIER_FIBER, &drops};
    cmabi_engine_interface table = interface(cpp);
    table.call = [](void *, void *, const std::uint64_t *, std::uint64_t *results, void **, cmabi_string *) {
        volatile char room[2 << 20];
        room[0] = 42;
        room[sizeof room - 1] = room[0];
        results[0] = static_cast<std::uint64_t>(room[sizeof room - 1]);
        return static_cast<cmabi_outcome>(CMABI_OUTCOME_RETURNED);
    };
    table.fiber_stack_bytes = std::size_t{4} << 20;
    const std::uint32_t both[] = {40, 2};
    std::uint32_t result = 0;
    {
        Engine engine;
        REQUIRE_OK(cmabi_engine_new_custom, &table, nullptr, engine.out());
        Scenario scenario(engine);
        CHECK_OK(scenario.call, "add", both, &result);
        CHECK(result == 42);
    }
    table.fiber_stack_bytes = SIZE_MAX;
    {
        Engine engine;
        REQUIRE_OK(cmabi_engine_new_custom, &table, nullptr, engine.out());
        Scenario scenario(engine);
        CHECK_FAILS(CMABI_STATUS_LIMIT, "no memory for the stack", scenario.call, "add", both, &result);
    }
    table.fiber_stack_bytes = 4096;
    Engine engine;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "fiber_stack_bytes", cmabi_engine_new_custom, &table, nullptr, engine.out());
}

TEST_CASE("an engine that answers nonsense makes the call trap") {
    int drops = 0;
    CppEngine cpp{CMABI_ENGINE_TIER_RESUME, &drops};
    cmabi_engine_interface table = interface(cpp);
    SUBCASE("no outcome") {
        table.call = [](void *, void *, const std::uint64_t *, std::uint64_t *, void **, cmabi_string *) {
            return static_cast<cmabi_outcome>(99);
        };
    }
    SUBCASE("a suspension that nobody asked for") {
        table.call = [](void *, void *, const std::uint64_t *, std::uint64_t *, void **, cmabi_string *) {
            return static_cast<cmabi_outcome>(CMABI_OUTCOME_SUSPENDED);
        };
    }
    Engine engine;
    REQUIRE_OK(cmabi_engine_new_custom, &table, nullptr, engine.out());
    Scenario scenario(engine);
    std::uint32_t result = 0;
    const std::uint32_t both[] = {40, 2};
    const auto call = [&](const char *name, const void *args, void *results, cmabi_error **error) {
        return scenario.call(name, args, results, error);
    };
    CHECK_FAILS(CMABI_STATUS_TRAP, "the host's engine", call, "add", both, &result);
}

TEST_CASE("an engine stops guests where it says that it can") {
    int drops = 0;
    CppEngine cpp{CMABI_ENGINE_TIER_RESUME, &drops};
    cmabi_engine_interface table = interface(cpp);
    Handle<cmabi_config, cmabi_config_free> config;
    REQUIRE_OK(cmabi_config_new, config.out());
    REQUIRE_OK(cmabi_config_set_interruptible, config, true);
    Engine engine;
    {
        REQUIRE_OK(cmabi_engine_new_custom, &table, nullptr, engine.out());
        cmabi_store *store = nullptr;
        CHECK_FAILS(CMABI_STATUS_UNSUPPORTED, "cannot stop guests", cmabi_store_new, engine, config, &store);
    }
    table.interrupt = 1;
    // A guest that runs until it is stopped.
    table.call = [](void *, void *, const std::uint64_t *, std::uint64_t *, void **, cmabi_string *) {
        while (*static_cast<const volatile std::uint32_t *>(interrupt_word) == 0) {
        }
        return static_cast<cmabi_outcome>(CMABI_OUTCOME_INTERRUPTED);
    };
    REQUIRE_OK(cmabi_engine_new_custom, &table, nullptr, engine.out());
    Scenario scenario(engine, config);
    REQUIRE(interrupt_word != nullptr);
    REQUIRE_OK(cmabi_store_set_deadline, scenario.store, std::uint64_t{5'000'000});
    const std::uint32_t both[] = {40, 2};
    std::uint32_t result = 0;
    const auto call = [&](const char *name, cmabi_error **error) { return scenario.call(name, both, &result, error); };
    CHECK_FAILS(CMABI_STATUS_INTERRUPTED, "cmabi_store_set_deadline", call, "add");
    CHECK(*interrupt_word != 0);
    REQUIRE_OK(cmabi_store_set_deadline, scenario.store, CMABI_NO_DEADLINE);
    CHECK(*interrupt_word == 0);
}

TEST_CASE("an engine that calls imports with NULL makes the call trap") {
    CHECK(cmabi_import_call(nullptr, nullptr, nullptr) == CMABI_FLOW_TRAP);
    for (const auto tier : {CMABI_ENGINE_TIER_FIBER, CMABI_ENGINE_TIER_NESTED}) {
        CAPTURE(tier);
        int drops = 0;
        CppEngine cpp{tier, &drops};
        const cmabi_engine_interface table = interface(cpp);
        Engine engine;
        REQUIRE_OK(cmabi_engine_new_custom, &table, nullptr, engine.out());
        Scenario scenario(engine);
        std::uint32_t result = 0;
        const std::uint32_t both[] = {40, 2};
        const auto call = [&](const char *name, const void *args, void *results, cmabi_error **error) {
            return scenario.call(name, args, results, error);
        };
        CppStore::without_arguments = true;
        CHECK_FAILS(CMABI_STATUS_TRAP, "called an import with NULL", call, "add", both, &result);
        CppStore::without_arguments = false;
    }
}

TEST_CASE("an exception that no core code catches makes the call trap") {
    int drops = 0;
    CppEngine cpp{CMABI_ENGINE_TIER_RESUME, &drops};
    cmabi_engine_interface table = interface(cpp);
    table.call = [](void *, void *, const std::uint64_t *, std::uint64_t *, void **, cmabi_string *) {
        return static_cast<cmabi_outcome>(CMABI_OUTCOME_THREW);
    };
    Engine engine;
    REQUIRE_OK(cmabi_engine_new_custom, &table, nullptr, engine.out());
    Scenario scenario(engine);
    std::uint32_t result = 0;
    const std::uint32_t both[] = {40, 2};
    const auto call = [&](const char *name, cmabi_error **error) { return scenario.call(name, both, &result, error); };
    CHECK_FAILS(CMABI_STATUS_TRAP, "uncaught core wasm exception", call, "add");
    // It is a trap like others: nothing enters the instance again.
    CHECK_FAILS(CMABI_STATUS_ENDED, "cannot enter component instance", call, "add");
}

TEST_CASE("an engine tells which functions were running when a guest trapped") {
    int drops = 0;
    CppEngine cpp{CMABI_ENGINE_TIER_RESUME, &drops};
    cmabi_engine_interface table = interface(cpp);
    table.call = [](void *, void *, const std::uint64_t *, std::uint64_t *, void **, cmabi_string *message) {
        *message = CMABI_STR("unreachable");
        return static_cast<cmabi_outcome>(CMABI_OUTCOME_TRAPPED);
    };
    std::size_t told = 2;
    SUBCASE("as many as there is room for") {
        table.trap_frames = [](void *, cmabi_core_frame *frames, std::size_t room) {
            REQUIRE(room >= 2);
            frames[0] = {CMABI_STR("inner"), 7, 0x12c};
            frames[1] = {CMABI_STR(""), UINT32_MAX, UINT64_MAX};
            return std::size_t{2};
        };
    }
    SUBCASE("or says that there were more") {
        table.trap_frames = [](void *, cmabi_core_frame *frames, std::size_t room) {
            for (std::size_t i = 0; i < room; ++i) frames[i] = {CMABI_STR("inner"), 7, 0x12c};
            return SIZE_MAX;
        };
        told = 3;
    }
    Engine engine;
    REQUIRE_OK(cmabi_engine_new_custom, &table, nullptr, engine.out());
    Scenario scenario(engine);
    std::uint32_t result = 0;
    const std::uint32_t both[] = {40, 2};
    Error error;
    CHECK(scenario.call("add", both, &result, error.out()) == CMABI_STATUS_TRAP);
    const std::size_t count = cmabi_error_frame_count(error);
    if (told == 2) {
        REQUIRE(count == 3);
        CHECK(cmabi_error_frame_at(error, 1).func_index == UINT32_MAX);
    } else {
        REQUIRE(count > 3);
    }
    const cmabi_frame inner = cmabi_error_frame_at(error, 0);
    CHECK(inner.kind == CMABI_FRAME_KIND_CORE);
    CHECK(text(inner.name) == "inner");
    CHECK(inner.func_index == 7);
    CHECK(inner.offset == 0x12c);
    const cmabi_frame call = cmabi_error_frame_at(error, count - 1);
    CHECK(call.kind == CMABI_FRAME_KIND_CALL);
    CHECK(text(call.name) == "add");
}

TEST_CASE("a module that the engine does not have is an error that says so") {
    int drops = 0;
    CppEngine cpp{CMABI_ENGINE_TIER_FIBER, &drops};
    const cmabi_engine_interface table = interface(cpp);
    Engine engine;
    REQUIRE_OK(cmabi_engine_new_custom, &table, nullptr, engine.out());
    const auto bytes = read_guest("adder.wasm");
    Handle<cmabi_component, cmabi_component_free> component;
    CHECK_FAILS(CMABI_STATUS_UNSUPPORTED, "none of them", cmabi_component_load, engine, bytes.data(), bytes.size(),
                component.out());
}
