// What a host does in the middle of a guest's call: from a watcher, from a host function, while it keeps calls waiting.
#include "support.hpp"

#include <cmabi.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

using std::uint32_t;

namespace {

struct Between {
    cmabi::engine engine;
    cmabi_store *store = nullptr;
    cmabi_linker *linker = nullptr;
    cmabi_instance *instance = nullptr;
    // The tasks of `wait`, which the host keeps.
    std::vector<cmabi_task *> kept;
    // The export that the watcher calls for each signal, and what came of the calls.
    std::vector<const char *> calls;
    std::vector<cmabi_status> called;
    // What the host does when the guest calls it for that.
    std::function<void()> act;

    explicit Between(std::uint64_t max_host_bytes = 0, uint32_t max_threads = 0) {
        cmabi_config *config = nullptr;
        REQUIRE(cmabi_config_new(&config, nullptr) == CMABI_STATUS_OK);
        if (max_host_bytes != 0) REQUIRE(cmabi_config_set_max_host_bytes(config, max_host_bytes, nullptr) == CMABI_STATUS_OK);
        if (max_threads != 0) REQUIRE(cmabi_config_set_max_threads(config, max_threads, nullptr) == CMABI_STATUS_OK);
        const auto made = cmabi_store_new(engine.get(), config, &store, nullptr);
        cmabi_config_free(config);
        if (made) return;
        const cmabi::component component(engine, read_guest("between.wasm"));
        REQUIRE(cmabi_linker_new(engine.get(), &linker, nullptr) == CMABI_STATUS_OK);
        offer("text", terminate);
        offer("give", give);
        offer("wait", keep);
        offer("act", acts);
        cmabi_linker_instantiate(linker, store, component.get(), &instance, nullptr);
    }
    ~Between() {
        cmabi_instance_free(instance);
        cmabi_linker_free(linker);
        cmabi_store_free(store);
        for (cmabi_task *const task : kept) cmabi_task_free(task);
    }
    Between(const Between &) = delete;
    Between &operator=(const Between &) = delete;

    void offer(const char *name, cmabi_host_func func) {
        const cmabi_string in{}, named{name, std::strlen(name)};
        REQUIRE(cmabi_linker_func(linker, in, named, func, this, nullptr, nullptr) == CMABI_STATUS_OK);
    }
    const cmabi_func *func(const char *name) const {
        const cmabi_func *found = nullptr;
        REQUIRE(cmabi_instance_func(instance, cmabi_string{name, std::strlen(name)}, &found, nullptr) == CMABI_STATUS_OK);
        return found;
    }
    cmabi_status call(const char *name, const void *args = nullptr, void *results = nullptr, cmabi_error **error = nullptr) const {
        return cmabi_func_call(store, func(name), args, results, nullptr, error);
    }
    cmabi_subtask *start(const char *name) const {
        cmabi_subtask *subtask = nullptr;
        REQUIRE(cmabi_func_start(store, func(name), nullptr, nullptr, nullptr, nullptr, &subtask, nullptr) == CMABI_STATUS_OK);
        return subtask;
    }

    static cmabi_status terminate(void *data, cmabi_task *, const void *, void *results) {
        CHECK(cmabi_instance_terminate(static_cast<Between *>(data)->store, static_cast<Between *>(data)->instance, nullptr) ==
              CMABI_STATUS_OK);
        *static_cast<cmabi_string *>(results) = CMABI_STR("abc");
        return CMABI_STATUS_OK;
    }
    static cmabi_status give(void *data, cmabi_task *task, const void *args, void *) {
        const uint32_t end = *static_cast<const uint32_t *>(args);
        return cmabi_stream_watch(cmabi_task_store(task), end, signalled, data, nullptr, nullptr);
    }
    static cmabi_status keep(void *data, cmabi_task *task, const void *, void *) {
        static_cast<Between *>(data)->kept.push_back(task);
        return CMABI_STATUS_PENDING;
    }
    static cmabi_status acts(void *data, cmabi_task *, const void *, void *) {
        static_cast<Between *>(data)->act();
        return CMABI_STATUS_OK;
    }
    static cmabi_status signalled(void *data, cmabi_store *, uint32_t, cmabi_stream_signal signal) {
        auto &self = *static_cast<Between *>(data);
        if (signal != CMABI_STREAM_SIGNAL_WAITS && signal != CMABI_STREAM_SIGNAL_CANCELS) return CMABI_STATUS_OK;
        uint32_t result = 0;
        const auto calls = std::exchange(self.calls, {});
        for (const char *const name : calls)
            self.called.push_back(self.call(name, nullptr, std::strcmp(name, "cancel") == 0 ? &result : nullptr));
        return CMABI_STATUS_OK;
    }
};

cmabi_subtask_state state(cmabi_subtask *subtask) {
    cmabi_subtask_state state{};
    REQUIRE(cmabi_subtask_state_of(subtask, &state, nullptr) == CMABI_STATUS_OK);
    return state;
}

} // namespace

TEST_CASE("an instance that a host function ends takes no result of its") {
    const Between between;
    Error error;
    CHECK(between.call("text", nullptr, nullptr, error.out()) == CMABI_STATUS_TRAP);
    // Its realloc, which would trap, does not run any more.
    CHECK(error.message().find("terminated by the host") != std::string::npos);
}

TEST_CASE("a watcher may have the guest take back and drop what it is about to wait for") {
    Between between;
    between.calls = {"cancel", "drop"};
    uint32_t result = 99;
    CHECK(between.call("write", nullptr, &result) == CMABI_STATUS_OK);
    CHECK(between.called == std::vector<cmabi_status>{CMABI_STATUS_OK, CMABI_STATUS_OK});
    // Cancelled, with none of the elements copied.
    CHECK(result == 2);
}

TEST_CASE("a watcher that is told of a cancellation cannot have the guest drop what is being cancelled") {
    Between between;
    uint32_t result = 0;
    CHECK(between.call("write", nullptr, &result) == CMABI_STATUS_OK);
    CHECK(result == 0xffffffff);
    between.calls = {"cancel"};
    // The second cancellation is the guest's own mistake, and ends it.
    CHECK(between.call("cancel", nullptr, &result) == CMABI_STATUS_TRAP);
    CHECK(between.called == std::vector<cmabi_status>{CMABI_STATUS_TRAP});
}

TEST_CASE("a call that was kept waiting is over whoever runs its thread") {
    for (const bool cancels : {true, false}) {
        Between between;
        cmabi_subtask *const wait = between.start("wait"), *const forever = between.start("forever");
        REQUIRE(between.call("block") == CMABI_STATUS_OK);
        cmabi_subtask *const late = between.start("late");
        REQUIRE(cmabi_task_return(between.kept.at(0), nullptr, nullptr) == CMABI_STATUS_OK);
        if (cancels) {
            REQUIRE(cmabi_subtask_cancel(forever, nullptr) == CMABI_STATUS_OK);
        } else {
            REQUIRE(between.call("yield") == CMABI_STATUS_OK);
        }
        REQUIRE(between.call("unblock") == CMABI_STATUS_OK);
        REQUIRE(cmabi_store_run(between.store, nullptr) == CMABI_STATUS_OK);
        CHECK(state(wait) == CMABI_SUBTASK_STATE_RETURNED);
        CHECK(state(late) == CMABI_SUBTASK_STATE_RETURNED);
        for (cmabi_subtask *const subtask : {wait, forever, late}) cmabi_subtask_free(subtask);
    }
}

TEST_CASE("a task that was answered with PENDING is the host's also where there is no memory for it") {
    constexpr uint32_t limit = 512 << 10;
    bool was_refused = false;
    // Somewhere there is memory for all but the records of the host's call.
    for (uint32_t streams = 1; streams < 40 && !was_refused; ++streams)
        for (uint32_t left = 0; left < 6000 && !was_refused; left += 200) {
            Between between(limit);
            REQUIRE(between.call("streams", &streams) == CMABI_STATUS_OK);
            cmabi_counts counts = CMABI_COUNTS_INIT;
            REQUIRE(cmabi_store_counts(between.store, &counts, nullptr) == CMABI_STATUS_OK);
            const uint32_t bytes = limit - static_cast<uint32_t>(counts.host_bytes) - left;
            if (between.call("fill", &bytes) != CMABI_STATUS_OK || between.call("wait") == CMABI_STATUS_OK || between.kept.empty())
                continue;
            REQUIRE(between.kept.size() == 1);
            // Where there was memory for the task, but not for the guest's stack, it can be answered in vain.
            was_refused = cmabi_task_return(between.kept[0], nullptr, nullptr) == CMABI_STATUS_INVALID_ARGUMENT;
        }
    CHECK(was_refused);
}

TEST_CASE("a call for whose thread there is no room fails when it begins") {
    Between between(0, 1);
    cmabi_subtask *const wait = between.start("wait");
    REQUIRE(between.kept.size() == 1);
    bool has_acted = false;
    between.act = [&] { has_acted = true; };
    CHECK(between.call("act") == CMABI_STATUS_LIMIT);
    CHECK(!has_acted);
    // It ends its instance, as a trap does, and with it what waits there.
    cmabi_subtask_state at{};
    CHECK(cmabi_subtask_state_of(wait, &at, nullptr) == CMABI_STATUS_LIMIT);
    cmabi_subtask_free(wait);
}

TEST_CASE("a host function that uses the store sees the call that it serves") {
    Between between;
    cmabi_counts counts = CMABI_COUNTS_INIT;
    bool nests = true;
    between.act = [&] {
        if (!std::exchange(nests, false)) return;
        CHECK(cmabi_store_counts(between.store, &counts, nullptr) == CMABI_STATUS_OK);
        // Calls nest, and nothing is left of those that are over.
        CHECK(between.call("act") == CMABI_STATUS_OK);
        CHECK(between.call("late") == CMABI_STATUS_OK);
        cmabi_counts after = CMABI_COUNTS_INIT;
        CHECK(cmabi_store_counts(between.store, &after, nullptr) == CMABI_STATUS_OK);
        CHECK(after.pending_host_tasks == 1);
    };
    CHECK(between.call("act") == CMABI_STATUS_OK);
    CHECK(counts.pending_host_tasks == 1);
    REQUIRE(cmabi_store_counts(between.store, &counts, nullptr) == CMABI_STATUS_OK);
    CHECK(counts.pending_host_tasks == 0);
}
