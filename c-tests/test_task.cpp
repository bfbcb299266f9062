// Calls that the host serves and answers later.
#include "async.hpp"

namespace {

struct Enum {
    std::uint8_t tag;
};

void count(void *data) { ++*static_cast<int *>(data); }

} // namespace

TEST_CASE("an answer is given once") {
    Sleeper f;
    const std::uint32_t ms = 1, value = 2;
    const Subtask subtask = f.start("doze", &ms);
    cmabi_task *task = f.pending[0].task;
    CHECK(cmabi_task_store(task) == f.store.get());
    CHECK_OK(cmabi_task_return, task, &value);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "answered already: it has returned", cmabi_task_return,
                task, &value);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "answered already: it has returned",
                cmabi_task_cancel, task);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "the task is over", cmabi_task_set_on_cancel, task,
                nullptr, nullptr, nullptr);
    CHECK(!cmabi_task_cancel_requested(task));
    f.run();
    CHECK(f.result(subtask) == 2);
}

TEST_CASE("a cancelled task has its answer") {
    Sleeper f;
    const std::uint32_t ms = 1, value = 2;
    const Subtask subtask = f.start("doze", &ms);
    cmabi_task *task = f.pending[0].task;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "without a request to cancel", cmabi_task_cancel, task);
    CHECK_OK(cmabi_subtask_cancel, subtask);
    CHECK_OK(cmabi_task_cancel, task);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "answered already: it was cancelled", cmabi_task_return,
                task, &value);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "answered already: it was cancelled",
                cmabi_task_cancel, task);
}

TEST_CASE("a refused answer changes nothing") {
    Sleeper f;
    const std::uint32_t ms = 1;
    const Subtask subtask = f.start("doze", &ms);
    cmabi_task *task = f.pending[0].task;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`results` is NULL", cmabi_task_return, task, nullptr);
    const std::uint8_t bytes[8] = {};
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`results` is not aligned", cmabi_task_return, task,
                bytes + 1);
    f.answer(3);
    f.run();
    CHECK(f.result(subtask) == 3);
}

TEST_CASE("an answer of the wrong type is the caller's trap, and says so") {
    Sleeper f;
    const std::uint32_t n = 1;
    SUBCASE("no such case of an enum") {
        const Subtask subtask = f.start("deal", nullptr);
        const Enum wrong = {7};
        CHECK_FAILS(CMABI_STATUS_TRAP, "invalid variant discriminant: 7 of 2 cases", cmabi_task_return,
                    f.pending[0].task, &wrong);
        cmabi_subtask_state state{};
        CHECK_FAILS(CMABI_STATUS_TRAP, "test:guest/host@1.0.0#deal", cmabi_subtask_state_of, subtask,
                    &state);
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "answered already", cmabi_task_return,
                    f.pending[0].task, &wrong);
    }
    SUBCASE("a string that is not UTF-8") {
        const Subtask subtask = f.start("text", &n);
        const cmabi_string wrong = CMABI_STR("\xff");
        Error error;
        CHECK(cmabi_task_return(f.pending[0].task, &wrong, error.out()) == CMABI_STATUS_TRAP);
        CHECK(error.message().find("invalid utf-8") != std::string::npos);
        CHECK(error.path() == "result");
        cmabi_subtask_state state{};
        CHECK(cmabi_subtask_state_of(subtask, &state, nullptr) == CMABI_STATUS_TRAP);
    }
    CHECK(cmabi_store_run(f.store, nullptr) == CMABI_STATUS_OK);
    Subtask refused;
    CHECK_FAILS(CMABI_STATUS_ENDED, "cannot enter", cmabi_func_start, f.store, f.func("doze"), &n,
                nullptr, nullptr, nullptr, refused.out());
}

TEST_CASE("a task that is dropped without an answer is the caller's trap, with that reason") {
    Sleeper f;
    const std::uint32_t ms = 1;
    for (const char *path : {"doze", "nap", "text"}) {
        f.instantiate();
        const Subtask subtask = f.start(path, &ms);
        std::string reason = "dropped the call of test:guest/host@1.0.0#";
        cmabi_status expected = CMABI_STATUS_TRAP;
        if (path == std::string("nap")) {
            CHECK_OK(cmabi_task_set_error, f.pending[0].task, CMABI_STR("the bed broke"));
            reason = "the bed broke";
            expected = CMABI_STATUS_HOST;
        }
        f.pending.clear();
        cmabi_subtask_state state{};
        CHECK_FAILS(expected, reason, cmabi_subtask_state_of, subtask, &state);
        f.run();
    }
    // Nothing has happened to the host or the store.
    f.instantiate();
    const Subtask subtask = f.start("doze", &ms);
    f.answer(1);
    f.run();
    CHECK(f.result(subtask) == 1);
}

TEST_CASE("the host ends an instance that is calling it") {
    Sleeper f;
    const std::uint32_t ms = 1;
    const Subtask subtask = f.start("doze", &ms);
    // What is dropped is another task of the guest that calls.
    f.notify = [](Sleeper &self, cmabi_task *) -> cmabi_status {
        self.pending.clear();
        return CMABI_STATUS_OK;
    };
    CHECK_FAILS(CMABI_STATUS_TRAP, "dropped the call of test:guest/host@1.0.0#sleep", cmabi_func_call,
                f.store, f.func("notify"), nullptr, nullptr, nullptr);
    cmabi_subtask_state state{};
    CHECK_FAILS(CMABI_STATUS_TRAP, "dropped the call", cmabi_subtask_state_of, subtask, &state);
    CHECK_FAILS(CMABI_STATUS_ENDED, "cannot enter", cmabi_func_call, f.store, f.func("notify"), nullptr,
                nullptr, nullptr);
}

TEST_CASE("a function may answer by its task before it says that it is pending") {
    Sleeper f;
    const std::uint32_t ms = 1;
    SUBCASE("and keep the task") {
        f.on_sleep = [](Sleeper &self, cmabi_task *task, std::uint32_t *) -> cmabi_status {
            const std::uint32_t value = 8;
            CHECK_OK(cmabi_task_return, task, &value);
            self.pending.push_back({0, Task(task)});
            return CMABI_STATUS_PENDING;
        };
        CHECK(f.result(f.start("doze", &ms)) == 8);
        CHECK(f.result(f.start("nap", &ms)) == 9);
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "answered already", cmabi_task_return,
                    f.pending[0].task, &ms);
    }
    SUBCASE("and free it at once") {
        f.on_sleep = [](Sleeper &, cmabi_task *task, std::uint32_t *) -> cmabi_status {
            const std::uint32_t value = 8;
            CHECK_OK(cmabi_task_return, task, &value);
            cmabi_task_free(task);
            return CMABI_STATUS_PENDING;
        };
        CHECK(f.result(f.start("doze", &ms)) == 8);
        CHECK(f.result(f.start("nap", &ms)) == 9);
    }
    SUBCASE("but not twice") {
        f.on_sleep = [](Sleeper &, cmabi_task *task, std::uint32_t *) -> cmabi_status {
            const std::uint32_t value = 8;
            CHECK_OK(cmabi_task_return, task, &value);
            return CMABI_STATUS_OK;
        };
        Subtask subtask;
        CHECK_FAILS(CMABI_STATUS_TRAP, "has returned or been cancelled already", cmabi_func_start,
                    f.store, f.func("doze"), &ms, nullptr, nullptr, nullptr, subtask.out());
    }
    SUBCASE("and free it without an answer") {
        f.on_sleep = [](Sleeper &, cmabi_task *task, std::uint32_t *) -> cmabi_status {
            cmabi_task_free(task);
            return CMABI_STATUS_PENDING;
        };
        Subtask subtask;
        CHECK_FAILS(CMABI_STATUS_TRAP, "dropped the call", cmabi_func_start, f.store, f.func("doze"),
                    &ms, nullptr, nullptr, nullptr, subtask.out());
    }
    SUBCASE("with a wrong value") {
        f.notify = nullptr;
        Subtask subtask = f.start("deal", nullptr);
        const Enum wrong = {9};
        CHECK(cmabi_task_return(f.pending[0].task, &wrong, nullptr) == CMABI_STATUS_TRAP);
    }
    SUBCASE("and free what it answers at once") {
        f.on_sleep = [](Sleeper &, cmabi_task *task, std::uint32_t *result) -> cmabi_status {
            *result = 4;
            cmabi_task_free(task);
            return CMABI_STATUS_OK;
        };
        CHECK(f.result(f.start("doze", &ms)) == 4);
    }
}

TEST_CASE("hooks are dropped once") {
    Sleeper f;
    const std::uint32_t ms = 1;
    int drops = 0;
    const auto never = [](void *, cmabi_task *) { FAIL("told"); };
    const Subtask subtask = f.start("doze", &ms);
    cmabi_task *task = f.pending[0].task;
    CHECK_OK(cmabi_task_set_on_cancel, task, never, &drops, count);
    CHECK_OK(cmabi_task_set_on_cancel, task, never, &drops, count);
    CHECK(drops == 1);
    f.answer(1);
    CHECK(drops == 2);
    f.run();
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`task` is NULL", cmabi_task_set_on_cancel, nullptr, never,
                &drops, count);
    CHECK(drops == 3);
    const Subtask dropped = f.start("doze", &ms);
    CHECK_OK(cmabi_task_set_on_cancel, f.pending[0].task, never, &drops, count);
    f.pending.clear();
    CHECK(drops == 4);
}

TEST_CASE("without tasks") {
    const std::uint32_t value = 1;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`task` is NULL", cmabi_task_return, nullptr, &value);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`task` is NULL", cmabi_task_cancel, nullptr);
    CHECK(!cmabi_task_cancel_requested(nullptr));
    CHECK(cmabi_task_store(nullptr) == nullptr);
    CHECK(cmabi_task_arena(nullptr) == nullptr);
    CHECK(cmabi_task_type(nullptr) == nullptr);
    cmabi_task_free(nullptr);
}
