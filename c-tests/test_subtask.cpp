// Calls that the host starts: state, completion, result, cancellation, in any order.
#include "async.hpp"

#include <memory>

namespace {

struct Told {
    int times = 0;
    int drops = 0;
    std::vector<std::uint32_t> results;
};

void tell(void *data, cmabi_subtask *subtask) {
    auto &told = *static_cast<Told *>(data);
    told.times++;
    if (const void *result = cmabi_subtask_results(subtask)) {
        told.results.push_back(*static_cast<const std::uint32_t *>(result));
    }
}

void count_drop(void *data) { static_cast<Told *>(data)->drops++; }

} // namespace

TEST_CASE("a call that blocks, and is told of when it is over") {
    Sleeper f;
    Told told;
    const std::uint32_t ms = 5;
    const Subtask subtask = f.start("doze", &ms, tell, &told, count_drop);
    CHECK(f.state(subtask) == CMABI_SUBTASK_STATE_STARTED);
    CHECK(cmabi_subtask_results(subtask) == nullptr);
    CHECK(cmabi_subtask_store(subtask) == f.store.get());
    REQUIRE(f.pending.size() == 1);
    CHECK(f.pending[0].arg == 5);
    f.run();
    CHECK(told.times == 0);
    f.answer(50);
    CHECK(told.times == 0);
    f.run();
    CHECK(told.times == 1);
    CHECK(told.drops == 1);
    CHECK(told.results == std::vector<std::uint32_t>{50});
    CHECK(f.state(subtask) == CMABI_SUBTASK_STATE_RETURNED);
    CHECK(f.result(subtask) == 50);
}

TEST_CASE("a call that is over at once is told of before it is given") {
    Sleeper f;
    f.on_sleep = [](Sleeper &, cmabi_task *, std::uint32_t *result) -> cmabi_status {
        *result = 7;
        return CMABI_STATUS_OK;
    };
    const std::uint32_t ms = 1;
    for (const char *path : {"nap", "doze"}) {
        Told told;
        const Subtask subtask = f.start(path, &ms, tell, &told, count_drop);
        CHECK(told.times == 1);
        CHECK(told.drops == 1);
        CHECK(f.state(subtask) == CMABI_SUBTASK_STATE_RETURNED);
        CHECK(f.result(subtask) == (path == std::string("nap") ? 8 : 7));
    }
}

TEST_CASE("many calls end in any order") {
    Sleeper f;
    Told told;
    constexpr std::uint32_t count = 100;
    std::vector<std::uint32_t> args(count);
    std::vector<Subtask> subtasks;
    for (std::uint32_t i = 0; i < count; i++) {
        args[i] = i;
        subtasks.push_back(f.start("doze", &args[i], tell, &told, count_drop));
    }
    REQUIRE(f.pending.size() == count);
    // Every seventh, round and round.
    for (std::uint32_t i = 0; i < count; i++) {
        auto &pending = f.pending[i * 7 % count];
        const std::uint32_t value = pending.arg + 1000;
        CHECK_OK(cmabi_task_return, pending.task, &value);
        if (i % 3 == 0) {
            f.run();
        }
    }
    f.run();
    CHECK(told.times == count);
    CHECK(told.drops == count);
    CHECK(told.results[1] == 1007);
    for (std::uint32_t i = 0; i < count; i++) {
        CHECK(f.result(subtasks[i]) == i + 1000);
    }
}

TEST_CASE("calls end the same under every seed") {
    for (std::uint64_t seed = 0; seed < 30; seed++) {
        CAPTURE(seed);
        Handle<cmabi_config, cmabi_config_free> config;
        REQUIRE_OK(cmabi_config_new, config.out());
        REQUIRE_OK(cmabi_config_set_schedule_seed, config, seed);
        Sleeper f(config);
        const std::uint32_t args[] = {0, 1, 2, 3, 4, 5};
        const char *const paths[] = {"doze", "nap", "doze", "nap", "doze", "doze"};
        std::vector<Subtask> subtasks;
        for (std::size_t i = 0; i < 6; i++) {
            subtasks.push_back(f.start(paths[i], &args[i]));
        }
        CHECK_OK(cmabi_subtask_cancel, subtasks[4]);
        for (f.run(); !f.pending.empty(); f.run()) {
            cmabi_task *task = f.pending.back().task;
            const std::uint32_t value = f.pending.back().arg * 10;
            if (cmabi_task_cancel_requested(task)) {
                CHECK_OK(cmabi_task_cancel, task);
            } else {
                CHECK_OK(cmabi_task_return, task, &value);
            }
            f.pending.pop_back();
        }
        CHECK(f.result(subtasks[0]) == 0);
        CHECK(f.result(subtasks[1]) == 11);
        CHECK(f.result(subtasks[2]) == 20);
        CHECK(f.result(subtasks[3]) == 31);
        CHECK(f.state(subtasks[4]) >= CMABI_SUBTASK_STATE_CANCELLED_BEFORE_STARTED);
        CHECK(f.result(subtasks[5]) == 50);
    }
}

TEST_CASE("a result with a string lives as long as the subtask") {
    Sleeper f;
    const std::uint32_t n = 3;
    Subtask subtask = f.start("text", &n);
    REQUIRE(f.pending.size() == 1);
    const cmabi_string name = CMABI_STR("Grace");
    CHECK_OK(cmabi_task_return, f.pending[0].task, &name);
    f.run();
    const void *result = cmabi_subtask_results(subtask);
    REQUIRE(result != nullptr);
    CHECK(text(*static_cast<const cmabi_string *>(result)) == "Grace");
}

TEST_CASE("a call waits to start") {
    Sleeper f;
    const std::uint32_t args[] = {1, 2, 3};
    // `nap` is lifted sync, so its calls follow one another.
    const Subtask first = f.start("nap", &args[0]);
    const Subtask second = f.start("nap", &args[1]);
    CHECK(f.state(first) == CMABI_SUBTASK_STATE_STARTED);
    CHECK(f.state(second) == CMABI_SUBTASK_STATE_STARTING);
    CHECK(f.pending.size() == 1);

    SUBCASE("until it can") {
        f.answer(10);
        f.run();
        CHECK(f.result(first) == 11);
        CHECK(f.state(second) == CMABI_SUBTASK_STATE_STARTED);
        f.answer(20);
        f.run();
        CHECK(f.result(second) == 21);
    }
    SUBCASE("and is cancelled at once") {
        Told told;
        const Subtask third = f.start("nap", &args[2], tell, &told, count_drop);
        CHECK_OK(cmabi_subtask_cancel, third);
        CHECK(f.state(third) == CMABI_SUBTASK_STATE_CANCELLED_BEFORE_STARTED);
        CHECK(told.times == 1);
        CHECK(told.results.empty());
        CHECK(f.state(second) == CMABI_SUBTASK_STATE_STARTING);
    }
    SUBCASE("and is freed") {
        Told told;
        {
            auto arg = std::make_unique<std::uint32_t>(9);
            Subtask third = f.start("nap", arg.get(), tell, &told, count_drop);
            third = {};
        }
        CHECK(told.drops == 1);
        f.answer(10);
        f.run();
        f.answer(20);
        f.run();
        CHECK(f.result(second) == 21);
        CHECK(f.pending.empty());
        CHECK(told.times == 0);
    }
    SUBCASE("because of backpressure") {
        f.answer(10);
        f.run();
        f.answer(20);
        f.run();
        CHECK_OK(cmabi_func_call, f.store, f.func("press"), nullptr, nullptr, nullptr);
        const Subtask waiting = f.start("doze", &args[0]);
        f.run();
        CHECK(f.state(waiting) == CMABI_SUBTASK_STATE_STARTING);
        CHECK_OK(cmabi_func_call, f.store, f.func("release"), nullptr, nullptr, nullptr);
        f.run();
        CHECK(f.state(waiting) == CMABI_SUBTASK_STATE_STARTED);
    }
}

TEST_CASE("cancellation") {
    Sleeper f;
    const std::uint32_t ms = 1;
    Told told;
    const Subtask subtask = f.start("doze", &ms, tell, &told, count_drop);
    REQUIRE(f.pending.size() == 1);
    cmabi_task *task = f.pending[0].task;
    CHECK(!cmabi_task_cancel_requested(task));

    SUBCASE("goes through the guest to the host, which agrees later") {
        CHECK_OK(cmabi_subtask_cancel, subtask);
        CHECK(cmabi_task_cancel_requested(task));
        CHECK(f.state(subtask) == CMABI_SUBTASK_STATE_STARTED);
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "requested before", cmabi_subtask_cancel, subtask);
        CHECK_OK(cmabi_task_cancel, task);
        CHECK(!cmabi_task_cancel_requested(task));
        f.run();
        CHECK(f.state(subtask) == CMABI_SUBTASK_STATE_CANCELLED_BEFORE_RETURNED);
        CHECK(told.times == 1);
        CHECK(cmabi_subtask_results(subtask) == nullptr);
    }
    SUBCASE("the host agrees at once") {
        CHECK_OK(cmabi_task_set_on_cancel, task,
                 [](void *data, cmabi_task *task) {
                     CHECK(cmabi_task_cancel_requested(task));
                     CHECK_OK(cmabi_task_cancel, task);
                     static_cast<Told *>(data)->times += 100;
                 },
                 &told, count_drop);
        CHECK_OK(cmabi_subtask_cancel, subtask);
        CHECK(f.state(subtask) == CMABI_SUBTASK_STATE_CANCELLED_BEFORE_RETURNED);
        CHECK(told.times == 101);
        CHECK(told.drops == 2);
    }
    SUBCASE("the host frees the task in its hook, which is an answer too") {
        CHECK_OK(cmabi_task_set_on_cancel, task,
                 [](void *data, cmabi_task *) { static_cast<Sleeper *>(data)->pending.clear(); }, &f,
                 nullptr);
        CHECK_FAILS(CMABI_STATUS_TRAP, "dropped the call", cmabi_subtask_cancel, subtask);
        cmabi_subtask_state state{};
        CHECK_FAILS(CMABI_STATUS_TRAP, "dropped the call", cmabi_subtask_state_of, subtask, &state);
        CHECK(told.times == 1);
    }
    SUBCASE("the host returns all the same") {
        CHECK_OK(cmabi_subtask_cancel, subtask);
        f.answer(77);
        f.run();
        CHECK(f.state(subtask) == CMABI_SUBTASK_STATE_RETURNED);
        CHECK(f.result(subtask) == 77);
    }
    SUBCASE("of what is over does nothing") {
        f.answer(1);
        f.run();
        CHECK_OK(cmabi_subtask_cancel, subtask);
        CHECK(f.state(subtask) == CMABI_SUBTASK_STATE_RETURNED);
    }
    SUBCASE("a hook can be taken back") {
        CHECK_OK(cmabi_task_set_on_cancel, task,
                 [](void *data, cmabi_task *) { static_cast<Told *>(data)->times += 100; }, &told,
                 count_drop);
        CHECK_OK(cmabi_task_set_on_cancel, task, nullptr, nullptr, nullptr);
        CHECK(told.drops == 1);
        CHECK_OK(cmabi_subtask_cancel, subtask);
        CHECK(told.times == 0);
    }
}

TEST_CASE("a call is freed before it is over") {
    Sleeper f;
    const std::uint32_t ms = 1;
    Told told;
    Subtask subtask = f.start("doze", &ms, tell, &told, count_drop);
    Subtask texts = f.start("text", &ms, tell, &told, count_drop);
    subtask = {};
    texts = {};
    CHECK(told.drops == 2);
    // The guest goes on, and its result is dropped.
    f.answer(1);
    const cmabi_string name = CMABI_STR("nobody");
    CHECK_OK(cmabi_task_return, f.pending[0].task, &name);
    f.run();
    CHECK(told.times == 0);
    CHECK(f.pending.size() == 1);
}

TEST_CASE("a trap ends the calls of an instance, with its reason for each") {
    Sleeper f;
    const std::uint32_t ms = 1;
    Told told;
    const Subtask trapping = f.start("doze-and-trap", &ms, tell, &told, count_drop);
    const Subtask other = f.start("doze", &ms, tell, &told, count_drop);
    f.answer(1);
    CHECK_FAILS(CMABI_STATUS_TRAP, "unreachable", cmabi_store_run, f.store);
    for (const Subtask *subtask : {&trapping, &other}) {
        cmabi_subtask_state state{};
        CHECK_FAILS(CMABI_STATUS_TRAP, "unreachable", cmabi_subtask_state_of, *subtask, &state);
        CHECK(cmabi_subtask_results(*subtask) == nullptr);
    }
    CHECK(told.times == 2);
    CHECK(told.drops == 2);
    // The host function of the other does not know, and answers.
    f.answer(2);
    f.run();
    Subtask refused;
    CHECK_FAILS(CMABI_STATUS_ENDED, "cannot enter component instance", cmabi_func_start, f.store,
                f.func("doze"), &ms, nullptr, nullptr, nullptr, refused.out());
    CHECK(refused.get() == nullptr);
}

TEST_CASE("a call that fails at once has no subtask") {
    Sleeper f;
    f.on_sleep = [](Sleeper &, cmabi_task *task, std::uint32_t *) -> cmabi_status {
        CHECK_OK(cmabi_task_set_error, task, CMABI_STR("no beds"));
        return CMABI_STATUS_HOST;
    };
    Told told;
    const std::uint32_t ms = 1;
    Subtask subtask;
    CHECK_FAILS(CMABI_STATUS_HOST, "no beds", cmabi_func_start, f.store, f.func("doze"), &ms, tell,
                &told, count_drop, subtask.out());
    CHECK(subtask.get() == nullptr);
    CHECK(told.times == 0);
    CHECK(told.drops == 1);
}

TEST_CASE("a completion may start calls and free its own") {
    struct Chain {
        Sleeper f;
        Subtask subtask;
        std::uint32_t args[3] = {0, 1, 2};
        int next = 0;
        std::uint32_t sum = 0;
        void start() {
            subtask = f.start("doze", &args[next++], [](void *data, cmabi_subtask *over) {
                auto &self = *static_cast<Chain *>(data);
                self.sum += *static_cast<const std::uint32_t *>(cmabi_subtask_results(over));
                if (self.next < 3) {
                    self.start();
                } else {
                    self.subtask = {};
                }
            }, this);
        }
    } chain;
    chain.start();
    for (std::uint32_t value : {10u, 20u, 30u}) {
        chain.f.answer(value);
        chain.f.run();
    }
    CHECK(chain.sum == 60);
    CHECK(chain.subtask.get() == nullptr);
    CHECK(chain.f.pending.empty());
}

TEST_CASE("a long chain of completions takes no stack") {
    struct Chain {
        Sleeper f;
        const std::uint32_t ms = 1;
        int left = 3000; // the guest has memory for so many
        std::vector<Subtask> over;
        void start() {
            Subtask next = f.start("doze", &ms, [](void *data, cmabi_subtask *) {
                auto &self = *static_cast<Chain *>(data);
                if (--self.left > 0) {
                    self.start();
                }
            }, this);
            over.push_back(std::move(next));
        }
    } chain;
    chain.f.on_sleep = [](Sleeper &, cmabi_task *, std::uint32_t *result) -> cmabi_status {
        *result = 1;
        return CMABI_STATUS_OK;
    };
    chain.start();
    CHECK(chain.left == 0);
    CHECK(chain.over.size() == 3000);
}

TEST_CASE("a host function cannot wait for a call that it makes") {
    Sleeper f;
    const std::uint32_t ms = 1;
    // Another instance, as the one that calls cannot be entered.
    Handle<cmabi_instance, cmabi_instance_free> caller(std::move(f.instance));
    f.instantiate();
    f.notify = [](Sleeper &self, cmabi_task *) -> cmabi_status {
        const std::uint32_t ms = 2;
        std::uint32_t result = 0;
        CHECK_FAILS(CMABI_STATUS_WOULD_BLOCK, "until its caller, a host function, returns",
                    cmabi_func_call, self.store, self.func("doze"), &ms, &result, nullptr);
        // One that needs not wait is fine, and so is one that is only started.
        CHECK_OK(cmabi_func_call, self.store, self.func("release"), nullptr, nullptr, nullptr);
        return CMABI_STATUS_OK;
    };
    CHECK_OK(cmabi_func_call, f.store, f.func("press"), nullptr, nullptr, nullptr);
    CHECK_OK(cmabi_func_call, f.store, Guest::func(caller, "notify"), nullptr, nullptr, nullptr);
    const Subtask subtask = f.start("doze", &ms);
    CHECK(f.state(subtask) == CMABI_SUBTASK_STATE_STARTED);
}

TEST_CASE("the convenience says when it waits for the host, and lets go") {
    Sleeper f;
    const std::uint32_t ms = 1;
    std::uint32_t result = 99;
    CHECK_FAILS(CMABI_STATUS_WOULD_BLOCK, "sleep", cmabi_func_call, f.store, f.func("doze"), &ms,
                &result, nullptr);
    // The call goes on without its caller: nothing is written to where the result was to go.
    f.answer(5);
    f.run();
    CHECK(result == 99);
    CHECK_FAILS(CMABI_STATUS_TRAP, "cannot block", cmabi_func_call, f.store, f.func("impatient"), &ms,
                &result, nullptr);
}

TEST_CASE("the store goes first") {
    Told told;
    Subtask started, waiting, over;
    std::vector<Pending> kept;
    {
        Sleeper f;
        const std::uint32_t ms = 1;
        over = f.start("doze", &ms, tell, &told, count_drop);
        f.answer(1);
        f.run();
        CHECK(told.times == 1);
        started = f.start("nap", &ms, tell, &told, count_drop);
        waiting = f.start("nap", &ms, tell, &told, count_drop);
        CHECK_OK(cmabi_task_set_on_cancel, f.pending[0].task, [](void *, cmabi_task *) { FAIL("told"); },
                 &told, count_drop);
        kept = std::move(f.pending);
    }
    CHECK(told.times == 1);
    CHECK(told.drops == 4);
    for (const Subtask *subtask : {&started, &waiting, &over}) {
        cmabi_subtask_state state{};
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "store that was freed", cmabi_subtask_state_of,
                    *subtask, &state);
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "store that was freed", cmabi_subtask_cancel, *subtask);
        CHECK(cmabi_subtask_results(*subtask) == nullptr);
        CHECK(cmabi_subtask_store(*subtask) == nullptr);
    }
    REQUIRE(kept.size() == 1);
    const std::uint32_t value = 1;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "store that was freed", cmabi_task_return, kept[0].task,
                &value);
    CHECK(cmabi_task_store(kept[0].task) == nullptr);
    CHECK(!cmabi_task_cancel_requested(kept[0].task));
    CHECK(cmabi_func_type_is_async(cmabi_task_type(kept[0].task)));
}

TEST_CASE("wrong arguments") {
    Sleeper f;
    Told told;
    const std::uint32_t ms = 1;
    Subtask subtask;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`args` is NULL", cmabi_func_start, f.store,
                f.func("doze"), nullptr, tell, &told, count_drop, subtask.out());
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`subtask` is NULL", cmabi_func_start, f.store,
                f.func("doze"), &ms, tell, &told, count_drop, nullptr);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`func` is NULL", cmabi_func_start, f.store, nullptr,
                &ms, tell, &told, count_drop, subtask.out());
    Handle<cmabi_store, cmabi_store_free> other;
    REQUIRE_OK(cmabi_store_new, f.engine, nullptr, other.out());
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`func` belongs to another store", cmabi_func_start,
                other, f.func("doze"), &ms, tell, &told, count_drop, subtask.out());
    CHECK(told.drops == 4);
    cmabi_subtask_state state{};
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`subtask` is NULL", cmabi_subtask_state_of, nullptr,
                &state);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`subtask` is NULL", cmabi_subtask_cancel, nullptr);
    CHECK(cmabi_subtask_results(nullptr) == nullptr);
    CHECK(cmabi_subtask_store(nullptr) == nullptr);
    cmabi_subtask_free(nullptr);
}
