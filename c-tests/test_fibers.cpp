// Core callbacks on native stacks of their own: nothing is lost of a callback that never gets to its end
// by itself, whatever frames lie on its stack.
#include "native.hpp"

namespace {

struct Counted {
    explicit Counted(int &count) : count(count) { ++count; }
    Counted(const Counted &) = delete;
    Counted &operator=(const Counted &) = delete;
    ~Counted() { --count; }
    int &count;
};

// Starts a call that waits for an event that never comes, and answers how many of the objects on its
// stack are left once the store is gone.
template <class Body>
int left_after_teardown(Body body) {
    int alive = 0, waiting = 0;
    Heap heap(16);
    {
        Native n;
        const auto memory = n.memory(heap);
        const auto inst = n.instance("inst");
        auto opts = Native::options();
        opts.is_async = 1;
        const FuncType type = func({}, nullptr, true);
        const auto wait = [&] {
            const Counted inner(alive);
            ++waiting;
            const auto set = n.get(cmabi_canon_waitable_set_new);
            n.get(cmabi_canon_waitable_set_wait, memory, set, std::uint64_t{0});
            FAIL("the wait has ended");
        };
        const auto lifted = n.lift(inst, n.core({}, {}, [&](const Values &) {
            const Counted outer(alive);
            body(wait);
            return Values{};
        }), type, opts);
        const auto caller = n.instance("caller");
        const auto lowered = n.lower(caller, lifted, opts);
        const FuncType run_type = func({});
        const auto run = n.lift(caller, n.core({}, {}, [&](const Values &) {
            for (int i = 0; i < 3; ++i) {
                CHECK(Packed(n.call1(lowered, {})).state == STARTED);
            }
            return Values{};
        }), run_type, Native::options());
        call(n, run, nullptr, nullptr);
        CHECK(waiting == 3);
        CHECK(alive == 6);
    }
    return alive;
}

} // namespace

TEST_CASE("a suspended callback runs to its end when its store is freed") {
    CHECK(left_after_teardown([](const auto &wait) { wait(); }) == 0);
}

TEST_CASE("a noexcept frame on the stack of a suspended callback is left as it should be") {
    CHECK(left_after_teardown([](const auto &wait) {
              const auto inner = [&]() noexcept {
                  try {
                      wait();
                  } catch (const Failed &failed) {
                      CHECK(failed.message.find("abandoned") != std::string::npos);
                  }
              };
              inner();
          }) == 0);
}

TEST_CASE("a callback that catches everything is not stopped from returning") {
    CHECK(left_after_teardown([](const auto &wait) {
              try {
                  wait();
              } catch (...) {
              }
          }) == 0);
}

TEST_CASE("nothing works any more for a callback whose call has failed") {
    Native n;
    const auto inst = n.instance("inst");
    const FuncType type = func({}, u32());
    int failures = 0;
    const auto run = n.lift(inst, n.core({}, {I32}, [&](const Values &) {
        const auto failing = [&](auto call) {
            try {
                call();
            } catch (const Failed &failed) {
                ++failures;
                CHECK(failed.message.find("unknown handle index 77") != std::string::npos);
            }
        };
        failing([&] { n.run(cmabi_canon_subtask_drop, 77U); });
        failing([&] { n.get(cmabi_canon_waitable_set_new); });
        failing([&] { n.context_set(0, 1); });
        return Values{5};
    }), type, Native::options(), "run");
    std::uint32_t result = 0;
    CHECK_FAILS(CMABI_STATUS_TRAP, "unknown handle index 77", cmabi_func_call, n.store, run, nullptr, &result, nullptr);
    CHECK(failures == 3);
    // The instance is poisoned, the store is not.
    CHECK_FAILS(CMABI_STATUS_ENDED, "cannot enter component instance", cmabi_func_call, n.store, run, nullptr, &result,
                nullptr);
    const auto other = n.instance("other");
    const auto fine = n.lift(other, n.core({}, {I32}, [](const Values &) { return Values{6}; }), type,
                             Native::options());
    CHECK_OK(cmabi_func_call, n.store, fine, nullptr, &result, nullptr);
    CHECK(result == 6);
}

TEST_CASE("a callback that hides the failure of a built-in traps all the same") {
    Native n;
    const auto inst = n.instance("inst");
    const FuncType type = func({});
    struct Data {
        cmabi_store *store;
    } data{n.store};
    const cmabi_core_func_type core_type{};
    cmabi_core_func core = 0;
    const auto hides = [](void *, cmabi_store *store, const std::uint64_t *, std::uint64_t *) {
        CHECK(cmabi_canon_backpressure_dec(store, nullptr) == CMABI_STATUS_TRAP);
        return static_cast<cmabi_status>(CMABI_STATUS_OK);
    };
    REQUIRE_OK(cmabi_core_func_new, n.store, &core_type, hides, &data, nullptr, &core);
    const auto run = n.lift(inst, core, type, Native::options());
    CHECK_FAILS(CMABI_STATUS_TRAP, "backpressure", cmabi_func_call, n.store, run, nullptr, nullptr, nullptr);
}

TEST_CASE("built-ins are for callbacks that run, and numbers for things that are there") {
    Native n;
    std::uint32_t result = 0;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "runs no core callback", cmabi_canon_waitable_set_new, n.store, &result);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "store", cmabi_canon_waitable_set_new, nullptr, &result);

    const FuncType type = func({field("s", string())});
    const auto inst = n.instance("inst");
    const auto core = n.core({I32, I32}, {}, [](const Values &) { return Values{}; });
    Func func_handle;
    auto opts = Native::options();
    const auto lift = [&](cmabi_component_instance i, cmabi_core_func c, cmabi_error **error) {
        return cmabi_canon_lift(n.store, i, c, type, &opts, CMABI_STR("f"), func_handle.out(), error);
    };
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "needs the option `memory`", lift, inst, core);
    Heap heap(16);
    opts.memory = n.memory(heap);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "needs the option `realloc`", lift, inst, core);
    opts.realloc = core;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "options->realloc", lift, inst, core);
    opts.realloc = n.realloc(heap);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`callee`", lift, inst, 99U);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`callee`", lift, inst, 0U);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`instance`", lift, 99U, core);
    CHECK_FAILS(CMABI_STATUS_TYPE_MISMATCH, "(func (param i32 i32))", lift, inst, opts.realloc);
    opts.post_return = core;
    opts.is_async = 1;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`post-return` is not for `async`", lift, inst, core);
    opts.size = 4;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "options", lift, inst, core);

    Handle<cmabi_engine, cmabi_engine_free> engine;
    Store other;
    REQUIRE_OK(cmabi_engine_new, nullptr, engine.out());
    REQUIRE_OK(cmabi_store_new, engine, nullptr, other.out());
    cmabi_component_instance instance = 0;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "cmabi_engine_new_native", cmabi_component_instance_new, other, 0U,
                CMABI_STR("x"), &instance);
}

TEST_CASE("core functions are called from callbacks that run, and from nowhere else") {
    Native n;
    const auto inst = n.instance("inst");
    const auto core = n.core({}, {}, [](const Values &) { return Values{}; });
    const auto check_refused = [&] {
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "runs no core callback", cmabi_core_func_call, n.store, core, nullptr,
                    0U, nullptr, 0U);
    };
    check_refused();
    const FuncType type = func({});
    const auto import = n.lower(inst, n.host(type, [&](cmabi_task *, const void *, void *) {
        check_refused();
    }), Native::options());
    CHECK(run_guest(n, inst, [&] { n.call(import, {}, 0); }) == "");
}

TEST_CASE("the store cannot be used where a memory is asked for") {
    Native n;
    struct Asked {
        Native &n;
        std::vector<std::uint64_t> bytes = std::vector<std::uint64_t>(64);
        int times = 0;
        std::size_t offset = 0;
    } asked{n};
    const auto data = [](void *data, std::size_t *len) {
        auto &asked = *static_cast<Asked *>(data);
        ++asked.times;
        std::uint32_t handle = 0;
        CHECK_FAILS(CMABI_STATUS_BUSY, "this callback", cmabi_store_run, asked.n.store);
        CHECK_FAILS(CMABI_STATUS_BUSY, "this callback", cmabi_canon_waitable_set_new, asked.n.store, &handle);
        cmabi_store_free(asked.n.store);
        *len = asked.bytes.size() * sizeof(std::uint64_t);
        return reinterpret_cast<std::uint8_t *>(asked.bytes.data()) + asked.offset;
    };
    auto opts = Native::options();
    REQUIRE_OK(cmabi_core_memory_new, n.store, std::uint8_t{0}, data, &asked, nullptr, &opts.memory);
    opts.realloc = n.core({I32, I32, I32, I32}, {I32}, [](const Values &) { return Values{8}; });
    const FuncType type = func({field("s", string())});
    const Func take = n.lift(n.instance("inst"), n.core({I32, I32}, {}, [](const Values &) { return Values{}; }),
                             type, opts);
    const cmabi_string text = CMABI_STR("text");
    CHECK_OK(cmabi_func_call, n.store, take, &text, nullptr, nullptr);
    CHECK(asked.times > 0);
    CHECK(std::memcmp(asked.bytes.data() + 1, "text", 4) == 0);
    // An address that is none of a memory's.
    asked.offset = 1;
    CHECK_FAILS(CMABI_STATUS_TRAP, "beyond the end of memory", cmabi_func_call, n.store, take, &text, nullptr, nullptr);
}

TEST_CASE("callbacks have the stack that the config says") {
    Config config;
    REQUIRE_OK(cmabi_config_new, config.out());
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`bytes`", cmabi_config_set_fiber_stack_bytes, config, std::uint64_t{4096});
    const auto use = [] {
        volatile char room[1 << 20];
        room[0] = 1;
        room[sizeof room - 1] = room[0];
        CHECK(room[sizeof room - 1] == 1);
    };
    REQUIRE_OK(cmabi_config_set_fiber_stack_bytes, config, std::uint64_t{4} << 20);
    Native large(config);
    CHECK(run_guest(large, large.instance("inst"), use) == "");
    REQUIRE_OK(cmabi_config_set_fiber_stack_bytes, config, ~std::uint64_t{0});
    Native impossible(config);
    CHECK(run_guest(impossible, impossible.instance("inst"), use).find("no memory for the stack") != std::string::npos);
}
