// A host with async functions for guests/sleeper.wat: calls stay pending until the test answers them.
#pragma once

#include "guest.hpp"

#include <vector>

using Task = Handle<cmabi_task, cmabi_task_free>;
using Subtask = Handle<cmabi_subtask, cmabi_subtask_free>;

// A call of a host function that has not been answered.
struct Pending {
    std::uint32_t arg;
    Task task;
};

struct Sleeper : Guest {
    explicit Sleeper(const cmabi_config *config = nullptr) : Guest("sleeper.wasm", config) {
        const cmabi_string host = CMABI_STR("test:guest/host@1.0.0");
        define(host, CMABI_STR("sleep"), serve<&Sleeper::sleep>);
        define(host, CMABI_STR("name"), serve<&Sleeper::keep>);
        define(host, CMABI_STR("deal"), serve<&Sleeper::keep>);
        define(host, CMABI_STR("notify"), serve<&Sleeper::on_notify>);
        instantiate();
    }

    Subtask start(const char *path, const std::uint32_t *arg, cmabi_on_resolve on_resolve = nullptr,
                  void *data = nullptr, cmabi_drop drop = nullptr) {
        Subtask subtask;
        REQUIRE_OK(cmabi_func_start, store, func(path), arg, on_resolve, data, drop, subtask.out());
        return subtask;
    }
    void run() { CHECK_OK(cmabi_store_run, store); }

    // Answers the oldest pending call.
    void answer(std::uint32_t value) {
        REQUIRE(!pending.empty());
        CHECK_OK(cmabi_task_return, pending.front().task, &value);
        pending.erase(pending.begin());
    }

    static cmabi_subtask_state state(const Subtask &subtask) {
        cmabi_subtask_state state{};
        CHECK_OK(cmabi_subtask_state_of, subtask, &state);
        return state;
    }
    static std::uint32_t result(const Subtask &subtask) {
        const void *result = cmabi_subtask_results(subtask);
        REQUIRE(result != nullptr);
        return *static_cast<const std::uint32_t *>(result);
    }

    std::vector<Pending> pending;
    // Called for each call of `sleep` with its argument; by default it stays pending.
    cmabi_status (*on_sleep)(Sleeper &, cmabi_task *, std::uint32_t *result) = nullptr;
    cmabi_status (*notify)(Sleeper &, cmabi_task *) = nullptr;

private:
    template <auto Method>
    static cmabi_status serve(void *data, cmabi_task *task, const void *args, void *results) {
        return (static_cast<Sleeper *>(data)->*Method)(task, args, results);
    }
    void define(cmabi_string interface, cmabi_string name, cmabi_host_func func) {
        REQUIRE_OK(cmabi_linker_func, linker, interface, name, func, this, nullptr);
    }
    cmabi_status keep(cmabi_task *task, const void *args, void *) {
        const std::uint32_t arg = args ? *static_cast<const std::uint32_t *>(args) : 0;
        pending.push_back({arg, Task(task)});
        return CMABI_STATUS_PENDING;
    }
    cmabi_status sleep(cmabi_task *task, const void *args, void *results) {
        if (on_sleep) {
            return on_sleep(*this, task, static_cast<std::uint32_t *>(results));
        }
        return keep(task, args, results);
    }
    cmabi_status on_notify(cmabi_task *task, const void *args, void *results) {
        return notify ? notify(*this, task) : keep(task, args, results);
    }
};
