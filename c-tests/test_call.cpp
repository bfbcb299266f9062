// Calls into guests and back into the host: results, host functions, their data and their errors.
#include "guest.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace {

const cmabi_string host = CMABI_STR("test:guest/host@1.2.0");

// What the host functions of a test share.
struct Host {
    int calls = 0;
    int drops = 0;
    std::string heard;
    // Called by `signal`.
    cmabi_status (*on_signal)(Host &, cmabi_task *) = nullptr;
    Guest *fixture = nullptr;
};

void count_drop(void *data) { static_cast<Host *>(data)->drops++; }

cmabi_status number(void *data, cmabi_task *, const void *args, void *results) {
    static_cast<Host *>(data)->calls++;
    *static_cast<std::uint32_t *>(results) = *static_cast<const std::uint32_t *>(args) * 2;
    return CMABI_STATUS_OK;
}

cmabi_status echo(void *data, cmabi_task *task, const void *args, void *results) {
    auto &heard = static_cast<Host *>(data)->heard;
    heard = text(*static_cast<const cmabi_string *>(args));
    const std::string answer = "host heard: " + heard;
    void *bytes = nullptr;
    CHECK_OK(cmabi_arena_alloc, cmabi_task_arena(task), answer.size(), 1, &bytes);
    answer.copy(static_cast<char *>(bytes), answer.size());
    *static_cast<cmabi_string *>(results) = {static_cast<const char *>(bytes), answer.size()};
    return CMABI_STATUS_OK;
}

cmabi_status signal(void *data, cmabi_task *task, const void *args, void *results) {
    CHECK(args == nullptr);
    CHECK(results == nullptr);
    auto &self = *static_cast<Host *>(data);
    self.calls++;
    return self.on_signal ? self.on_signal(self, task) : CMABI_STATUS_OK;
}

void define(Guest &f, Host &data) {
    data.fixture = &f;
    REQUIRE_OK(cmabi_linker_func, f.linker, host, CMABI_STR("number"), number, &data, count_drop);
    REQUIRE_OK(cmabi_linker_func, f.linker, host, CMABI_STR("text"), echo, &data, count_drop);
    REQUIRE_OK(cmabi_linker_func, f.linker, host, CMABI_STR("signal"), signal, &data, count_drop);
}

} // namespace

TEST_CASE("numbers go in and out") {
    Guest f("adder.wasm");
    f.instantiate();
    struct {
        std::uint32_t a, b;
    } args = {2, 40};
    std::uint32_t sum = 0;
    CHECK_OK(cmabi_func_call, f.store, f.func("add"), &args, &sum, nullptr);
    CHECK(sum == 42);
    // Asked once more, it is the same.
    CHECK(f.func("add") == f.func("add"));
}

TEST_CASE("the host is called with the guest's values") {
    Host data;
    {
        Guest f("caller.wasm");
        define(f, data);
        f.instantiate();
        const std::uint32_t x = 20;
        std::uint32_t y = 0;
        CHECK_OK(cmabi_func_call, f.store, f.func("number"), &x, &y, nullptr);
        CHECK(y == 41);
        const cmabi_string said = CMABI_STR("gr\u00fc\u00df dich");
        cmabi_string answer;
        CHECK_OK(cmabi_func_call, f.store, f.func("text"), &said, &answer, f.arena);
        CHECK(data.heard == text(said));
        CHECK(text(answer) == "host heard: " + text(said));
        CHECK_OK(cmabi_func_call, f.store, f.func("signal"), nullptr, nullptr, nullptr);
        CHECK(data.calls == 2);
        CHECK(data.drops == 0);
    }
    CHECK(data.drops == 3);
}

TEST_CASE("the linker may go first, and data is dropped when the store is gone") {
    Host data;
    Guest f("caller.wasm");
    define(f, data);
    f.instantiate();
    f.linker = {};
    f.component = {};
    f.engine = {};
    CHECK(data.drops == 0);
    CHECK_OK(cmabi_func_call, f.store, f.func("signal"), nullptr, nullptr, nullptr);
    CHECK(data.calls == 1);
    f.instance = {};
    f.store = {};
    CHECK(data.drops == 3);
}

TEST_CASE("data is dropped at once where the function is not taken") {
    Host data;
    Guest f("caller.wasm");
    define(f, data);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "number", cmabi_linker_func, f.linker, host,
                CMABI_STR("number"), number, &data, count_drop);
    CHECK(data.drops == 1);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`func` is NULL", cmabi_linker_func, f.linker, host,
                CMABI_STR("other"), nullptr, &data, count_drop);
    CHECK(data.drops == 2);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`linker` is NULL", cmabi_linker_func, nullptr, host,
                CMABI_STR("other"), number, &data, count_drop);
    CHECK(data.drops == 3);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`name` is not UTF-8", cmabi_linker_func, f.linker, host,
                CMABI_STR("\xff"), number, &data, count_drop);
    CHECK(data.drops == 4);
    f.linker = {};
    CHECK(data.drops == 7);
}

TEST_CASE("a host function that fails makes the guest trap, with its message") {
    Host data;
    Guest f("caller.wasm");
    define(f, data);
    f.instantiate();
    data.on_signal = [](Host &, cmabi_task *task) -> cmabi_status {
        CHECK_OK(cmabi_task_set_error, task, CMABI_STR("the disk is full"));
        return CMABI_STATUS_HOST;
    };
    Error error;
    CHECK(cmabi_func_call(f.store, f.func("signal"), nullptr, nullptr, nullptr, error.out()) ==
          CMABI_STATUS_HOST);
    CHECK(error.status() == CMABI_STATUS_HOST);
    CHECK(error.message().find("the disk is full") != std::string::npos);
    CHECK(cmabi_error_frame_count(error) > 0);
}

TEST_CASE("a host function's status counts without a message, and a wrong one too") {
    Host data;
    Guest f("caller.wasm");
    define(f, data);
    f.instantiate();
    data.on_signal = [](Host &, cmabi_task *) -> cmabi_status { return CMABI_STATUS_NOT_FOUND; };
    CHECK_FAILS(CMABI_STATUS_HOST, "not found", cmabi_func_call, f.store, f.func("signal"), nullptr,
                nullptr, nullptr);
    f.instantiate();
    data.on_signal = [](Host &, cmabi_task *) { return static_cast<cmabi_status>(12345); };
    CHECK_FAILS(CMABI_STATUS_HOST, "unknown status", cmabi_func_call, f.store, f.func("signal"),
                nullptr, nullptr, nullptr);
}

TEST_CASE("what a host function leaves out is nothing, and not what an earlier call left") {
    Host data;
    Guest f("caller.wasm");
    REQUIRE_OK(cmabi_linker_func, f.linker, host, CMABI_STR("number"), number, &data, nullptr);
    REQUIRE_OK(cmabi_linker_func, f.linker, host, CMABI_STR("signal"), signal, &data, nullptr);
    const auto once = [](void *self, cmabi_task *task, const void *args, void *results) {
        auto &calls = static_cast<Host *>(self)->calls;
        if (calls++ == 0) {
            return echo(self, task, args, results);
        }
        // The place for the bytes that they do not write.
        void *bytes = nullptr;
        CHECK_OK(cmabi_arena_alloc, cmabi_task_arena(task), 64, 1, &bytes);
        CHECK(std::string(static_cast<const char *>(bytes), 64) == std::string(64, '\0'));
        return static_cast<cmabi_status>(CMABI_STATUS_OK);
    };
    REQUIRE_OK(cmabi_linker_func, f.linker, host, CMABI_STR("text"), once, &data, nullptr);
    f.instantiate();
    const cmabi_string secret = CMABI_STR("a secret of one guest's, which is long enough to fill its place");
    cmabi_string result{};
    CHECK_OK(cmabi_func_call, f.store, f.func("text"), &secret, &result, f.arena);
    CHECK(text(result).find("a secret") != std::string::npos);
    // Another guest.
    f.instantiate();
    const cmabi_string question = CMABI_STR("?");
    CHECK_OK(cmabi_func_call, f.store, f.func("text"), &question, &result, f.arena);
    CHECK(text(result).empty());
}

TEST_CASE("a typed host function is checked against the import") {
    Host data;
    Guest f("caller.wasm");
    Handle<cmabi_component, cmabi_component_free> adder;
    const auto bytes = read_guest("adder.wasm");
    REQUIRE_OK(cmabi_component_load, f.engine, bytes.data(), bytes.size(), adder.out());
    cmabi_string name;
    const cmabi_extern_type *add = cmabi_component_export_at(adder, 0, &name);
    CHECK(text(name) == "add");
    CHECK(cmabi_extern_type_kind(add) == CMABI_EXTERN_KIND_FUNC);
    REQUIRE_OK(cmabi_linker_typed_func, f.linker, host, CMABI_STR("number"),
               cmabi_extern_type_func(add), number, &data, count_drop);
    Error error;
    CHECK(cmabi_linker_check(f.linker, f.component, error.out()) == CMABI_STATUS_LINK);
    const std::string message = error.message();
    INFO(message);
    CHECK(message.find("test:guest/host@1.2.0#number") != std::string::npos);
    CHECK(message.find("func(x: u32) -> u32") != std::string::npos);
    CHECK(message.find("func(a: u32, b: u32) -> u32") != std::string::npos);
    // All problems at once.
    CHECK(message.find("test:guest/host@1.2.0#text") != std::string::npos);
    CHECK(message.find("test:guest/host@1.2.0#signal") != std::string::npos);
    CHECK(cmabi_linker_instantiate(f.linker, f.store, f.component, f.instance.out(), nullptr) ==
          CMABI_STATUS_LINK);
    CHECK(f.instance.get() == nullptr);
}

TEST_CASE("compatible versions are found") {
    Host data;
    Guest f("caller.wasm");
    const cmabi_string newer = CMABI_STR("test:guest/host@1.9.3");
    REQUIRE_OK(cmabi_linker_func, f.linker, newer, CMABI_STR("number"), number, &data, count_drop);
    REQUIRE_OK(cmabi_linker_func, f.linker, newer, CMABI_STR("text"), echo, &data, count_drop);
    REQUIRE_OK(cmabi_linker_func, f.linker, newer, CMABI_STR("signal"), signal, &data, count_drop);
    f.instantiate();
    CHECK_OK(cmabi_func_call, f.store, f.func("signal"), nullptr, nullptr, nullptr);
}

TEST_CASE("a host function may call other instances of its store") {
    Host data;
    Guest f("caller.wasm");
    define(f, data);
    f.instantiate();
    data.on_signal = [](Host &self, cmabi_task *task) -> cmabi_status {
        CHECK(cmabi_task_store(task) == self.fixture->store.get());
        const auto bytes = read_guest("adder.wasm");
        Handle<cmabi_component, cmabi_component_free> adder;
        Handle<cmabi_instance, cmabi_instance_free> instance;
        REQUIRE_OK(cmabi_component_load, self.fixture->engine, bytes.data(), bytes.size(),
                   adder.out());
        REQUIRE_OK(cmabi_linker_instantiate, self.fixture->linker, cmabi_task_store(task), adder,
                   instance.out());
        const std::uint32_t args[2] = {3, 4};
        std::uint32_t sum = 0;
        CHECK_OK(cmabi_func_call, cmabi_task_store(task),
                 Guest::func(instance, "add"), args, &sum, nullptr);
        CHECK(sum == 7);
        return CMABI_STATUS_OK;
    };
    CHECK_OK(cmabi_func_call, f.store, f.func("signal"), nullptr, nullptr, nullptr);
    CHECK(data.calls == 1);
}

TEST_CASE("what instances and components offer can be listed") {
    Guest f("caller.wasm");
    REQUIRE(cmabi_component_import_count(f.component) == 1);
    REQUIRE(cmabi_component_export_count(f.component) == 3);
    cmabi_string name;
    const cmabi_extern_type *import = cmabi_component_import_at(f.component, 0, &name);
    CHECK(text(name) == "test:guest/host@1.2.0");
    CHECK(cmabi_extern_type_kind(import) == CMABI_EXTERN_KIND_INSTANCE);
    CHECK(cmabi_extern_type_func(import) == nullptr);
    CHECK(cmabi_extern_type_type(import) == nullptr);
    REQUIRE(cmabi_extern_type_export_count(import) == 3);
    const cmabi_extern_type *func = cmabi_extern_type_export_at(import, 1, &name);
    CHECK(text(name) == "text");
    CHECK(cmabi_extern_type_func(func) != nullptr);
    CHECK(cmabi_extern_type_export_at(import, 3, &name) == nullptr);
    CHECK(cmabi_component_import_at(f.component, 1, nullptr) == nullptr);

    Host data;
    define(f, data);
    f.instantiate();
    REQUIRE(cmabi_instance_export_count(f.instance) == 3);
    const cmabi_extern_type *number = cmabi_instance_export_at(f.instance, 0, &name);
    CHECK(text(name) == "number");
    // Equal types have the same address.
    CHECK(cmabi_extern_type_func(number) == cmabi_func_type_of(f.func("number")));
    CHECK(cmabi_instance_export_at(f.instance, 3, nullptr) == nullptr);
    const cmabi_func *none = f.func("number");
    CHECK_FAILS(CMABI_STATUS_NOT_FOUND, "there is \"number\"", cmabi_instance_func, f.instance,
                CMABI_STR("numbr"), &none);
    CHECK(none == nullptr);
    CHECK_FAILS(CMABI_STATUS_NOT_FOUND, "is a function, not an instance", cmabi_instance_func, f.instance,
                CMABI_STR("number#x"), &none);
}

TEST_CASE("an instance is the import of another") {
    Host data;
    Guest f("caller.wasm");
    define(f, data);
    f.instantiate();
    Handle<cmabi_linker, cmabi_linker_free> linker;
    REQUIRE_OK(cmabi_linker_new, f.engine, linker.out());
    CHECK_OK(cmabi_linker_instance, linker, host, f.instance);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "defined already", cmabi_linker_instance, linker, host,
                f.instance);
    Handle<cmabi_instance, cmabi_instance_free> second;
    REQUIRE_OK(cmabi_linker_instantiate, linker, f.store, f.component, second.out());
    const std::uint32_t x = 20;
    std::uint32_t y = 0;
    CHECK_OK(cmabi_func_call, f.store, Guest::func(second, "number"), &x, &y, nullptr);
    CHECK(y == 42);
    const cmabi_string said = CMABI_STR("through two");
    cmabi_string answer;
    CHECK_OK(cmabi_func_call, f.store, Guest::func(second, "text"), &said, &answer, f.arena);
    CHECK(text(answer) == "host heard: through two");

    Handle<cmabi_store, cmabi_store_free> other;
    REQUIRE_OK(cmabi_store_new, f.engine, nullptr, other.out());
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "another store", cmabi_linker_instantiate, linker, other,
                f.component, second.out());
}

TEST_CASE("components and core modules are imports too") {
    Guest f("parts.wasm");
    Handle<cmabi_component, cmabi_component_free> adder;
    const auto bytes = read_guest("adder.wasm");
    REQUIRE_OK(cmabi_component_load, f.engine, bytes.data(), bytes.size(), adder.out());
    CHECK_OK(cmabi_linker_component, f.linker, CMABI_STR(""), CMABI_STR("adder"), adder);
    // (module (func (export "answer") (result i32) (i32.const 42)))
    const std::uint8_t module[] = {0, 'a', 's', 'm', 1, 0,   0,   0,   1,   5,   1,   0x60, 0,    1,
                                   0x7f, 3, 2, 1, 0, 7, 10, 1, 6, 'a', 'n', 's', 'w', 'e', 'r', 0, 0,
                                   10, 6, 1, 4, 0, 0x41, 42, 0x0b};
    CHECK_FAILS(CMABI_STATUS_INVALID, "", cmabi_linker_module, f.linker, CMABI_STR(""),
                CMABI_STR("answer"), module, sizeof module - 1);
    CHECK_FAILS(CMABI_STATUS_INVALID, "component", cmabi_linker_module, f.linker, CMABI_STR(""),
                CMABI_STR("answer"), bytes.data(), bytes.size());
    CHECK_OK(cmabi_linker_module, f.linker, CMABI_STR(""), CMABI_STR("answer"), module, sizeof module);
    f.instantiate();
    const std::uint32_t args[2] = {3, 4};
    std::uint32_t result = 0;
    CHECK_OK(cmabi_func_call, f.store, f.func("add"), args, &result, nullptr);
    CHECK(result == 7);
    CHECK_OK(cmabi_func_call, f.store, f.func("answer"), nullptr, &result, nullptr);
    CHECK(result == 42);

    // What was found once is used by many threads at once.
    Handle<cmabi_instance_pre, cmabi_instance_pre_free> pre;
    REQUIRE_OK(cmabi_linker_prepare, f.linker, f.component, pre.out());
    std::vector<std::thread> threads;
    std::atomic<int> right{0};
    for (int thread = 0; thread < 4; thread++) {
        threads.emplace_back([&] {
            for (int i = 0; i < 50; ++i) {
                Handle<cmabi_store, cmabi_store_free> store;
                Handle<cmabi_instance, cmabi_instance_free> instance;
                const cmabi_func *add = nullptr;
                std::uint32_t sum = 0;
                right += cmabi_store_new(f.engine, nullptr, store.out(), nullptr) == CMABI_STATUS_OK &&
                         cmabi_instance_pre_instantiate(pre, store, instance.out(), nullptr) == CMABI_STATUS_OK &&
                         cmabi_instance_func(instance, CMABI_STR("add"), &add, nullptr) == CMABI_STATUS_OK &&
                         cmabi_func_call(store, add, args, &sum, nullptr, nullptr) == CMABI_STATUS_OK && sum == 7;
            }
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    CHECK(right == 200);
}

TEST_CASE("one linker serves stores on many threads at once") {
    Guest f("adder.wasm");
    std::vector<std::thread> threads;
    std::atomic<int> right{0};
    for (int thread = 0; thread < 4; thread++) {
        threads.emplace_back([&] {
            Handle<cmabi_store, cmabi_store_free> store;
            Handle<cmabi_instance, cmabi_instance_free> instance;
            const cmabi_func *add = nullptr;
            if (cmabi_store_new(f.engine, nullptr, store.out(), nullptr) != CMABI_STATUS_OK ||
                cmabi_linker_instantiate(f.linker, store, f.component, instance.out(), nullptr) !=
                    CMABI_STATUS_OK ||
                cmabi_instance_func(instance, CMABI_STR("add"), &add, nullptr) != CMABI_STATUS_OK) {
                return;
            }
            for (std::uint32_t i = 0; i < 100; i++) {
                const std::uint32_t args[2] = {i, 1};
                std::uint32_t sum = 0;
                cmabi_func_call(store, add, args, &sum, nullptr, nullptr);
                right += sum == i + 1;
            }
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    CHECK(right == 400);
}
