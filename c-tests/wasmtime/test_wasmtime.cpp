// The wasmtime engine as a program has it that is linked with it.
#include "support.hpp"

#include <cmabi_wasmtime.hpp>

#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <optional>

namespace {

struct Features {
    cmabi::component component;
    cmabi::linker linker;
    cmabi::store store;
    cmabi::instance instance;

    explicit Features(const cmabi::engine &engine)
        : component(engine, read_guest("features.wasm")), linker(engine), store(engine),
          instance(linker.instantiate(store, component)) {}

    std::uint32_t call(const char *name, std::uint32_t n) {
        return instance.func<std::uint32_t(std::uint32_t)>(name)(n);
    }
};

// Runs `body` on a thread with a stack of so many bytes.
void on_stack(std::size_t bytes, std::function<void()> body) {
    pthread_attr_t attributes;
    REQUIRE(pthread_attr_init(&attributes) == 0);
    REQUIRE(pthread_attr_setstacksize(&attributes, bytes) == 0);
    pthread_t thread;
    const auto run = [](void *what) -> void * {
        (*static_cast<std::function<void()> *>(what))();
        return nullptr;
    };
    REQUIRE(pthread_create(&thread, &attributes, run, &body) == 0);
    pthread_join(thread, nullptr);
    pthread_attr_destroy(&attributes);
}

} // namespace

TEST_CASE("core modules have exceptions, vectors, garbage collection, tail calls and wide memories") {
    const cmabi::wasmtime_engine engine;
    Features f(engine);
    CHECK(f.call("caught", 3) == 3);
    CHECK(f.call("caught", 2) == 0);
    CHECK(f.call("fourth", 5) == 20);
    CHECK(f.call("sum", 1000) == 500500);
    CHECK(f.call("far", 10'000'000) == 7);
    CHECK(f.call("kept", 9) == 9);
    CHECK_THROWS_WITH_AS(f.instance.func<void()>("uncaught")(), doctest::Contains("uncaught core wasm exception"),
                         cmabi::error);
}

TEST_CASE("the built-in engine says what it does not have, and which has") {
    const cmabi::engine engine;
    CHECK_THROWS_WITH_AS(cmabi::component(engine, read_guest("features.wasm")), doctest::Contains("cmabi_wasmtime.h"),
                         cmabi::error);
}

TEST_CASE("both engines are used side by side, and go before what they have made") {
    std::optional<cmabi::wasmtime_engine> native(std::in_place);
    std::optional<cmabi::engine> built_in(std::in_place);
    Features f(*native);
    const cmabi::component adder(*built_in, read_guest("adder.wasm"));
    const cmabi::linker linker(*built_in);
    cmabi::store store(*built_in);
    const auto instance = linker.instantiate(store, adder);
    native.reset();
    built_in.reset();
    CHECK(f.call("caught", 5) == 5);
    CHECK(instance.func<std::uint32_t(std::uint32_t, std::uint32_t)>("add")(1, 2) == 3);
}

TEST_CASE("guests that nest without end trap, however small the thread's stack is") {
    cmabi::config config;
    std::uint64_t stack = 0;
    SUBCASE("by default") {}
    SUBCASE("where they may take more than the thread has") { stack = std::uint64_t{64} << 20; }
    if (stack != 0) config.max_stack_bytes(stack);
    const cmabi::wasmtime_engine engine(config);
    on_stack(128 << 10, [&] {
        Features f(engine);
        CHECK(f.call("caught", 5) == 5);
        CHECK_THROWS_WITH_AS(f.instance.func<std::uint32_t()>("endless")(), doctest::Contains("call stack exhausted"),
                             cmabi::error);
    });
    Features f(engine);
    CHECK_THROWS_AS(f.instance.func<std::uint32_t()>("endless")(), cmabi::error);
}

TEST_CASE("a table of another version is not filled in") {
    cmabi_engine_interface table = CMABI_ENGINE_INTERFACE_INIT;
    CHECK(cmabi_wasmtime_engine_interface(0, false, false, &table));
    cmabi_engine *engine = nullptr;
    CHECK_OK(cmabi_engine_new_custom, &table, nullptr, &engine);
    cmabi_engine_free(engine);
    table = CMABI_ENGINE_INTERFACE_INIT;
    table.size -= sizeof(void *);
    CHECK(!cmabi_wasmtime_engine_interface(0, false, false, &table));
    CHECK(table.data == nullptr);
}

namespace {

std::vector<std::uint8_t> serialized(const cmabi::engine &engine, const char *guest) {
    return cmabi::component(engine, read_guest(guest)).serialize();
}

cmabi::component loaded(const cmabi::engine &engine, const std::vector<std::uint8_t> &bytes) {
    return cmabi::component::load_precompiled(engine, {bytes.data(), bytes.size()});
}

std::uint32_t add(const cmabi::engine &engine, const cmabi::component &component, const cmabi::config &config = {}) {
    const cmabi::linker linker(engine);
    cmabi::store store(engine, config);
    return linker.instantiate(store, component).func<std::uint32_t(std::uint32_t, std::uint32_t)>("add")(20, 22);
}

} // namespace

TEST_CASE("code is for the engine that has compiled it") {
    const cmabi::wasmtime_engine native;
    const cmabi::engine built_in;
    const auto code = serialized(native, "adder.wasm");
    const auto wasm = serialized(built_in, "adder.wasm");
    CHECK(code.size() > wasm.size());
    CHECK(add(native, loaded(native, code)) == 42);
    CHECK(add(built_in, loaded(built_in, wasm)) == 42);
    CHECK_THROWS_WITH_AS(loaded(native, wasm),
                         doctest::Contains("is for an engine without compiled code, and this is the engine `wasmtime"),
                         cmabi::error);
    CHECK_THROWS_WITH_AS(loaded(built_in, code), doctest::Contains("is for the engine `wasmtime"), cmabi::error);
}

TEST_CASE("an engine compiles for the stores that its config asks for, and for others when they come") {
    cmabi::config metered;
    metered.fuel(1'000'000);
    cmabi::config interruptible;
    interruptible.interruptible();
    const cmabi::config plain;
    const cmabi::config *const configs[] = {&plain, &interruptible, &metered};
    for (const cmabi::config *const of : configs) {
        const cmabi::wasmtime_engine engine(*of);
        const auto code = serialized(engine, "adder.wasm");
        const auto component = loaded(engine, code);
        for (const cmabi::config *const store : configs) CHECK(add(engine, component, *store) == 42);
        for (const cmabi::config *const other : configs) {
            const cmabi::wasmtime_engine loader(*other);
            if (other == of) {
                CHECK(add(loader, loaded(loader, code), *other) == 42);
            } else {
                CHECK_THROWS_WITH_AS(loaded(loader, code), doctest::Contains(" stores`, and this is the engine `wasmtime, "),
                                     cmabi::error);
            }
        }
    }
}

TEST_CASE("code with all that the engine has is loaded") {
    const cmabi::wasmtime_engine engine;
    const auto component = loaded(engine, serialized(engine, "features.wasm"));
    const cmabi::linker linker(engine);
    cmabi::store store(engine);
    const auto instance = linker.instantiate(store, component);
    const auto call = [&](const char *name, std::uint32_t n) {
        return instance.func<std::uint32_t(std::uint32_t)>(name)(n);
    };
    CHECK(call("caught", 3) == 3);
    CHECK(call("sum", 1000) == 500500);
    CHECK(call("kept", 9) == 9);
    CHECK_THROWS_WITH_AS(instance.func<void()>("uncaught")(), doctest::Contains("uncaught core wasm exception"),
                         cmabi::error);
}

#if !HAS_ASAN
namespace {

// Runs `body` in a process that may have only so many bytes of addresses more than it has; what it says.
std::string within(std::size_t bytes, const std::function<std::string()> &body) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
        std::size_t pages = 0;
        std::ifstream("/proc/self/statm") >> pages;
        const rlim_t most = pages * std::size_t(sysconf(_SC_PAGESIZE)) + bytes;
        const rlimit limit{most, most};
        std::string said = "no limit";
        try {
            if (setrlimit(RLIMIT_AS, &limit) == 0) said = body();
        } catch (const std::exception &error) {
            said = std::string("thrown: ") + error.what();
        }
        const bool is_written = write(ends[1], said.data(), said.size()) == ssize_t(said.size());
        _exit(is_written ? 0 : 1);
    }
    close(ends[1]);
    std::string said;
    char part[256];
    for (ssize_t size; (size = read(ends[0], part, sizeof part)) > 0;) said.append(part, std::size_t(size));
    close(ends[0]);
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_MESSAGE((WIFEXITED(status) && WEXITSTATUS(status) == 0), "it ended with " << status);
    return said;
}

std::string failure(const std::function<void()> &body) {
    try {
        body();
    } catch (const cmabi::error &error) {
        return text(cmabi_status_text(error.status())) + ": " + error.what();
    }
    return "nothing failed";
}

} // namespace

TEST_CASE("where there is no memory for stacks, a call fails, and others go on") {
    // What the process has before its limit: all that does not block.
    const cmabi::wasmtime_engine engine;
    const cmabi::component component(engine, read_guest("patient.wasm"));
    cmabi::linker linker(engine);
    std::vector<std::pair<cmabi::promise<std::uint32_t>, std::uint32_t>> questions;
    linker.func("", "later", [&](cmabi::promise<std::uint32_t> promise, std::uint32_t n) {
        questions.emplace_back(std::move(promise), n);
    });
    cmabi::store store(engine);
    const auto greedy = linker.instantiate(store, component), modest = linker.instantiate(store, component);
    const auto wait = [](const cmabi::instance &instance) {
        return instance.func<std::uint32_t(std::uint32_t)>("wait").start(7);
    };
    const auto answered = [&](cmabi::subtask<std::uint32_t> &call) {
        while (!questions.empty()) {
            auto question = std::move(questions.back());
            questions.pop_back();
            question.first.resolve(question.second + 1);
            store.run();
        }
        return call.get() == 10;
    };
    auto first = wait(modest);
    CHECK(answered(first));
    const auto said = within(std::size_t{200} << 20, [&] {
        auto other = wait(modest);
        std::vector<cmabi::subtask<std::uint32_t>> calls;
        const auto why = failure([&] {
            while (calls.size() < 10'000) calls.push_back(wait(greedy));
        });
        if (!answered(other)) return std::string("the other call is lost");
        auto next = wait(modest);
        return answered(next) ? why : std::string("nothing goes on");
    });
    CHECK_MESSAGE(said.find(text(cmabi_status_text(CMABI_STATUS_LIMIT))) == 0, said);
    CHECK_MESSAGE(said.find("no memory for the stack of another call") != std::string::npos, said);
}

TEST_CASE("where there are no addresses for memories, or no threads to compile, that is said") {
    const auto wasm = read_guest("features.wasm");
    const auto load = [&] {
        return failure([&] {
            const cmabi::wasmtime_engine engine;
            const cmabi::component component(engine, {wasm.data(), wasm.size()});
            const cmabi::linker linker(engine);
            cmabi::store store(engine);
            linker.instantiate(store, component);
        });
    };
    CHECK(load() == "nothing failed");
    const auto few_addresses = within(std::size_t{200} << 20, load);
    CHECK_MESSAGE(few_addresses.find("Cannot allocate memory") != std::string::npos, few_addresses);
    // The superuser may have any number of threads.
    const auto alone = within(std::size_t{8} << 30, [&] {
        const rlimit none{0, 0};
        if (setrlimit(RLIMIT_NPROC, &none) != 0 || (getuid() == 0 && setuid(65534) != 0)) return std::string("no limit");
        return load();
    });
    CHECK_MESSAGE(alone.find("no threads to compile with") != std::string::npos, alone);
    // What was compiled elsewhere can be loaded, and cannot be stopped.
    cmabi::config config;
    config.interruptible();
    const cmabi::wasmtime_engine before(config);
    const auto code = serialized(before, "features.wasm");
    const auto unstoppable = within(std::size_t{8} << 30, [&] {
        const rlimit none{0, 0};
        if (setrlimit(RLIMIT_NPROC, &none) != 0 || (getuid() == 0 && setuid(65534) != 0)) return std::string("no limit");
        const cmabi::wasmtime_engine engine(config);
        const auto component = loaded(engine, code);
        return failure([&] { cmabi::store(engine, config); });
    });
    CHECK_MESSAGE(unstoppable.find("no thread to stop guests with") != std::string::npos, unstoppable);
}
#endif
