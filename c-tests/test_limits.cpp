// What guests make the host spend: each limit by itself, what is counted against it, and that the store
// goes on afterwards.
#include "support.hpp"

#include <cmabi.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <ucontext.h>
#if HAS_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

namespace {

using std::uint32_t;
using lists = std::vector<std::vector<std::uint8_t>>;
using given_lists = cmabi::list<cmabi::list<std::uint8_t>>;

constexpr std::uint64_t MiB = std::uint64_t{1} << 20;
constexpr std::uint64_t host_bytes = 8 * MiB;

// guests/greedy.wat, and what it calls.
struct Greedy {
    cmabi::engine engine;
    cmabi::linker linker{engine};
    cmabi::component component{engine, read_guest("greedy.wasm")};
    cmabi::store store;
    std::vector<cmabi::promise<void>> waiting;
    std::optional<cmabi::instance> instance;

    explicit Greedy(const cmabi::config &config) : store(engine, config) {
        linker.func("sink", [](given_lists) {});
        linker.func("later", [this](cmabi::promise<void> promise, given_lists) {
            waiting.push_back(std::move(promise));
        });
        instance = linker.instantiate(store, component);
    }

    template <class... Args>
    void call(const char *name, Args... args) {
        instance->func<void(Args...)>(name)(args...);
    }

    cmabi_counts counts() const {
        cmabi_counts counts = CMABI_COUNTS_INIT;
        CHECK_OK(cmabi_store_counts, store.get(), &counts);
        return counts;
    }

    // The call meets the limit that the message names. What was charged is given back then, but for
    // tables that may have grown, and a new instance in the same store works.
    void refused(const std::string &limit, const std::function<void()> &call) {
        const auto before = counts().host_bytes;
        try {
            call();
            FAIL("nothing limited it");
        } catch (const cmabi::error &error) {
            const std::string message = error.what();
            CHECK_MESSAGE(error.status() == CMABI_STATUS_LIMIT, message);
            CHECK_MESSAGE(message.find(limit) != std::string::npos, message);
        }
        waiting.clear();
        CHECK(counts().host_bytes <= before + 100000);
        instance = linker.instantiate(store, component);
        CHECK(instance->func<uint32_t(uint32_t)>("fine")(7) == 7);
    }
};

cmabi::config limited() {
    cmabi::config config;
    config.max_host_bytes(host_bytes);
    return config;
}

} // namespace

TEST_CASE("one list many times takes no more of the host than a call may") {
    Greedy f(limited());
    // 1 MiB of the guest's, a thousand times.
    f.refused("values of one call", [&] { f.instance->func<lists(uint32_t, uint32_t)>("give")(1000, 1U << 20); });
    f.refused("cmabi_config_set_max_host_bytes", [&] { f.call("send", 1000U, 1U << 20); });
    CHECK(f.counts().host_bytes_peak <= host_bytes);

    cmabi::config config;
    config.max_call_bytes(MiB);
    Greedy small(config);
    small.refused("values of one call: 65536 more bytes asked for, 984656 of 1048576 in use", [&] { small.call("send", 100U, 65536U); });
    CHECK(small.instance->func<lists(uint32_t, uint32_t)>("give")(15, 65536).size() == 15);
    // The caller's own arena may be of any size: what a call may take is counted for each.
    CHECK(small.instance->func<lists(uint32_t, uint32_t)>("give")(15, 65536).size() == 15);
}

TEST_CASE("what pending calls hold is counted until they are answered") {
    Greedy f(limited());
    f.call("queue", 50U, 1U, 65536U);
    CHECK(f.waiting.size() == 50);
    CHECK(f.counts().host_bytes >= 50 * 65536);
    for (auto &promise : f.waiting) {
        promise.resolve();
    }
    CHECK(f.counts().host_bytes < MiB);
    f.waiting.clear();
    f.refused("host memory of the store", [&] { f.call("queue", 1000U, 1U, 65536U); });
    CHECK(f.counts().host_bytes_peak <= host_bytes);
}

TEST_CASE("messages of error contexts are counted") {
    Greedy f(limited());
    f.refused("host memory of the store", [&] { f.call("contexts", 1000U, 1U << 20); });
}

TEST_CASE("handles are counted, whatever the table may hold") {
    Greedy f(limited());
    f.refused("host memory of the store", [&] { f.call("sets", 10000000U); });
}

TEST_CASE("what is lent to a call is counted") {
    cmabi::config config = limited();
    config.max_handles(10);
    Greedy f(config);
    f.call("lend", 100U, 100U);
    // A handle is lent 2^28 times: 4 bytes for each.
    f.refused("host memory of the store", [&] { f.call("lend", 1U << 14, 1U << 14); });
    CHECK(f.counts().host_bytes_peak <= host_bytes);
}

TEST_CASE("memories of all instances together have a limit") {
    cmabi::config config;
    config.max_guest_bytes(16 * MiB);
    Greedy f(config);
    // Two memories of 32 pages each.
    CHECK(f.counts().guest_bytes == 4 * MiB);
    CHECK(f.instance->func<uint32_t(uint32_t)>("grow")(64) == 32);
    CHECK(f.counts().guest_bytes == 8 * MiB);
    CHECK(f.instance->func<uint32_t(uint32_t)>("grow")(129) == UINT32_MAX);
    CHECK(f.counts().guest_bytes == 8 * MiB);
    std::vector<cmabi::instance> more;
    for (int i = 0; i < 2; ++i) {
        more.push_back(f.linker.instantiate(f.store, f.component));
    }
    CHECK(f.counts().guest_bytes == 16 * MiB);
    try {
        more.push_back(f.linker.instantiate(f.store, f.component));
        FAIL("it fits");
    } catch (const cmabi::error &error) {
        CHECK(error.status() == CMABI_STATUS_LIMIT);
        CHECK_MESSAGE(std::string(error.what()).find("cmabi_config_set_max_guest_bytes") != std::string::npos,
                      error.what());
    }
    CHECK(f.counts().guest_bytes_peak == 16 * MiB);
    CHECK(f.instance->func<uint32_t(uint32_t)>("fine")(7) == 7);
}

TEST_CASE("what the host does for a guest is paid with the guest's fuel") {
    cmabi::config config;
    config.fuel(1000000);
    Greedy f(config);
    const auto spent = [&](auto call) {
        f.store.set_fuel(1000000);
        call();
        return 1000000 - f.store.fuel();
    };
    // 64 bytes for a unit, wherever they go. The first call has more to do.
    f.call("send", 1U, 64U);
    const auto little = spent([&] { f.call("send", 1U, 64U); });
    const auto much = spent([&] { f.call("send", 1U, 64U * 1001); });
    CHECK(much - little >= 1000);
    CHECK(much - little <= 1016);
    CHECK(spent([&] { f.call("pass", 1U, 64U * 1001); }) > 1000);
    CHECK(spent([&] { f.instance->func<lists(uint32_t, uint32_t)>("give")(1, 64 * 1001); }) > 1000);
    // 2 GB are refused on the way.
    f.store.set_fuel(100000);
    try {
        f.call("pass", 2048U, 1U << 20);
        FAIL("it was for nothing");
    } catch (const cmabi::error &error) {
        CHECK(error.status() == CMABI_STATUS_LIMIT);
        CHECK(std::string(error.what()).find("all fuel consumed") != std::string::npos);
    }
    CHECK(f.store.fuel() == 0);
    f.store.set_fuel(1000000);
    f.instance = f.linker.instantiate(f.store, f.component);
    CHECK(f.instance->func<uint32_t(uint32_t)>("fine")(7) == 7);
}

namespace {

// What AddressSanitizer is told of the coroutine's stack.
#if HAS_ASAN
void *outer_frames;
const void *outer_stack;
std::size_t outer_size;
void before_coroutine(const std::vector<char> &stack) {
    __sanitizer_start_switch_fiber(&outer_frames, stack.data(), stack.size());
}
void coroutine_begins() { __sanitizer_finish_switch_fiber(nullptr, &outer_stack, &outer_size); }
void coroutine_ends() { __sanitizer_start_switch_fiber(nullptr, outer_stack, outer_size); }
void after_coroutine() { __sanitizer_finish_switch_fiber(outer_frames, nullptr, nullptr); }
#else
void before_coroutine(const std::vector<char> &) {}
void coroutine_begins() {}
void coroutine_ends() {}
void after_coroutine() {}
#endif

} // namespace

TEST_CASE("a stack that the host has made is not overrun") {
    // The guest calls the host, the host the guest, on a coroutine's stack of 512 KiB.
    static int depth;
    static std::string message;
    static ucontext_t outside, inside;
    cmabi::config config;
    config.max_nesting(1000000);
    Greedy f(config);
    depth = 0;
    cmabi::linker linker(f.engine);
    linker.func("later", [](given_lists) {});
    const auto again = [&] {
        ++depth;
        cmabi::instance next = linker.instantiate(f.store, f.component);
        next.func<void(uint32_t, uint32_t)>("send")(1, 1);
    };
    static const std::function<void()> recurse = again;
    linker.func("sink", [](given_lists) { recurse(); });
    std::vector<char> stack(std::size_t{1} << 19);
    REQUIRE(getcontext(&inside) == 0);
    inside.uc_stack.ss_sp = stack.data();
    inside.uc_stack.ss_size = stack.size();
    inside.uc_link = &outside;
    makecontext(&inside, +[] {
        coroutine_begins();
        try {
            recurse();
        } catch (const cmabi::error &error) {
            message = error.what();
        }
        coroutine_ends();
    }, 0);
    before_coroutine(stack);
    REQUIRE(swapcontext(&outside, &inside) == 0);
    after_coroutine();
    CHECK_MESSAGE(message.find("too little native stack") != std::string::npos, message);
    CHECK(depth > 1);
    CHECK(f.instance->func<uint32_t(uint32_t)>("fine")(7) == 7);
}

TEST_CASE("what loading and instantiating a component takes is bounded and can be asked") {
    const auto wasm = read_guest("greedy.wasm");
    const cmabi::engine engine;
    const cmabi::component component(engine, wasm);
    const std::uint64_t bytes = cmabi_component_used_bytes(component.get());
    CHECK(bytes > wasm.size());
    CHECK(bytes < 10 * MiB);
    CHECK(cmabi_component_used_work(component.get()) > 0);
    CHECK(cmabi_component_used_bytes(nullptr) == 0);
    CHECK(cmabi_component_used_work(nullptr) == 0);

    const auto refused = [&](const cmabi::config &config, const char *setter) {
        try {
            const cmabi::engine small(config);
            const cmabi::component loaded(small, wasm);
            cmabi::linker linker(small);
            linker.func("sink", [](given_lists) {});
            linker.func("later", [](cmabi::promise<void>, given_lists) {});
            cmabi::store store(small);
            static_cast<void>(linker.instantiate(store, loaded));
            FAIL("nothing limited it");
        } catch (const cmabi::error &error) {
            const std::string message = error.what();
            CHECK_MESSAGE(error.status() == CMABI_STATUS_LIMIT, message);
            CHECK_MESSAGE(message.find(setter) != std::string::npos, message);
        }
    };
    cmabi::config config;
    config.max_load_bytes(bytes - 1);
    refused(config, "cmabi_config_set_max_load_bytes");
    config = cmabi::config();
    config.max_load_work(1);
    refused(config, "cmabi_config_set_max_load_work");
    config = cmabi::config();
    config.max_instances(1);
    refused(config, "cmabi_config_set_max_instances");
}
