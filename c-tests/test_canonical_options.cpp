// What each canonical option does, and when.
#include "native.hpp"

TEST_CASE("post-return runs once, after the results were read, and cannot leave") {
    Native n;
    Heap heap(256);
    const auto inst = n.instance("inst");
    std::vector<std::string> log;
    auto opts = n.options(heap);
    opts.post_return = n.core({I32}, {}, [&](const Values &args) {
        log.push_back("post-return " + std::to_string(args[0]));
        // The result is the host's by now.
        std::fill(heap.bytes.begin(), heap.bytes.end(), std::uint8_t{0});
        return Values{};
    });
    const Type pair = tuple({string(), string()});
    const FuncType type = func({}, pair);
    const auto both = n.lift(inst, n.core({}, {I32}, [&](const Values &) {
        log.push_back("call");
        const std::string texts = "alphabeta";
        std::copy(texts.begin(), texts.end(), heap.bytes.begin() + 100);
        const std::uint32_t area[] = {100, 5, 105, 4};
        for (std::size_t i = 0; i < 4; ++i) {
            heap.set_u32(32 + 4 * i, area[i]);
        }
        return Values{32};
    }), type, opts, "both");
    Arena arena;
    REQUIRE_OK(cmabi_arena_new, 0, arena.out());
    cmabi_string got[2] = {};
    CHECK_OK(cmabi_func_call, n.store, both, nullptr, got, arena.get());
    CHECK(text(got[0]) == "alpha");
    CHECK(text(got[1]) == "beta");
    CHECK(log == std::vector<std::string>{"call", "post-return 32"});

    opts.post_return = n.core({}, {}, [&](const Values &) {
        n.get(cmabi_canon_waitable_set_new);
        return Values{};
    });
    const FuncType plain_type = func({});
    const auto leaving = n.lift(inst, n.core({}, {}, [](const Values &) { return Values{}; }), plain_type, opts);
    CHECK_FAILS(CMABI_STATUS_TRAP, "cannot leave component instance", cmabi_func_call, n.store, leaving, nullptr,
                nullptr, nullptr);
}

TEST_CASE("post-return runs once for a guest that calls a guest, too") {
    Native n;
    Heap heap(64);
    int post_returns = 0;
    auto opts = Native::options();
    opts.post_return = n.core({I32}, {}, [&](const Values &args) {
        CHECK(args[0] == 9);
        ++post_returns;
        return Values{};
    });
    const FuncType type = func({}, u32());
    const auto callee =
        n.lift(n.instance("callee"), n.core({}, {I32}, [](const Values &) { return Values{9}; }), type, opts);
    const auto caller = n.instance("caller");
    const auto lowered = n.lower(caller, callee, Native::options());
    CHECK(run_guest(n, caller, [&] {
        CHECK(n.call1(lowered, {}) == 9);
        CHECK(post_returns == 1);
    }) == "");
    CHECK(post_returns == 1);
}

TEST_CASE("results beyond the flat limit go where the caller says, or where the callee put them") {
    const auto call_into = [](std::uint64_t place) {
        Native n;
        Heap callee_heap(64), caller_heap(64);
        const Type many = tuple({u32(), u32(), u32()});
        const FuncType type = func({}, many);
        auto callee_opts = Native::options();
        callee_opts.memory = n.memory(callee_heap);
        const auto callee = n.lift(n.instance("callee"), n.core({}, {I32}, [&](const Values &) {
            for (std::uint32_t i = 0; i < 3; ++i) {
                callee_heap.set_u32(8 + 4 * i, 70 + i);
            }
            return Values{8};
        }), type, callee_opts, "callee");
        auto caller_opts = Native::options();
        caller_opts.memory = n.memory(caller_heap);
        const auto caller = n.instance("caller");
        const auto lowered = n.lower(caller, callee, caller_opts);
        return run_guest(n, caller, [&] {
            n.call(lowered, {place}, 0);
            for (std::uint32_t i = 0; i < 3; ++i) {
                CHECK(caller_heap.u32_at(place + 4 * i) == 70 + i);
            }
        });
    };
    CHECK(call_into(40) == "");
    CHECK(call_into(52) == "");
    CHECK(call_into(42).find("unaligned pointer") != std::string::npos);
    CHECK(call_into(56).find("out of bounds") != std::string::npos);
    CHECK(call_into(0xfffffffc).find("out of bounds") != std::string::npos);
}

TEST_CASE("with the option async a call returns its state, and its result through memory") {
    Native n;
    Heap heap(64);
    const FuncType type = func({field("x", u32())}, u32(), true);
    auto opts = Native::options();
    opts.is_async = 1;
    const auto callee = n.lift(n.instance("callee"), n.core({I32}, {}, [&](const Values &args) {
        n.task_return(u32(), opts, {args[0] + 1});
        return Values{};
    }), type, opts);
    const auto caller = n.instance("caller");
    auto caller_opts = opts;
    // The result is in memory, so there has to be one.
    cmabi_core_func lowered = 0;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "needs the option `memory`", cmabi_canon_lower, n.store, caller, callee,
                &caller_opts, &lowered);
    caller_opts.memory = n.memory(heap);
    lowered = n.lower(caller, callee, caller_opts);
    CHECK(run_guest(n, caller, [&] {
        CHECK(n.call1(lowered, {41, 16}) == RETURNED);
        CHECK(heap.u32_at(16) == 42);
    }) == "");
}

TEST_CASE("the two sides of a call may encode strings in different ways") {
    const cmabi_string_encoding encodings[] = {CMABI_STRING_ENCODING_UTF8, CMABI_STRING_ENCODING_UTF16,
                                               CMABI_STRING_ENCODING_LATIN1_UTF16};
    for (const auto callee_encoding : encodings) {
        for (const auto caller_encoding : encodings) {
            CAPTURE(callee_encoding);
            CAPTURE(caller_encoding);
            Native n;
            Heap callee_heap(1024), caller_heap(1024);
            auto callee_opts = n.options(callee_heap);
            callee_opts.string_encoding = callee_encoding;
            auto caller_opts = n.options(caller_heap);
            caller_opts.string_encoding = caller_encoding;
            const FuncType type = func({field("s", string())}, string());
            // Gives back what it gets: pointer and length as the result's record.
            const auto echo = [&](Heap &heap) {
                return [&heap](const Values &args) {
                    const auto area = heap.alloc(4, 8);
                    heap.set_u32(area, static_cast<std::uint32_t>(args[0]));
                    heap.set_u32(area + 4, static_cast<std::uint32_t>(args[1]));
                    return Values{area};
                };
            };
            const auto callee = n.lift(n.instance("callee"), n.core({I32, I32}, {I32}, echo(callee_heap)), type,
                                       callee_opts, "callee");
            const auto caller = n.instance("caller");
            const auto lowered = n.lower(caller, callee, caller_opts);
            const auto through = n.lift(caller, n.core({I32, I32}, {I32}, [&](const Values &args) {
                const auto area = caller_heap.alloc(4, 8);
                n.call(lowered, {args[0], args[1], area}, 0);
                return Values{area};
            }), type, caller_opts, "through");
            Arena arena;
            REQUIRE_OK(cmabi_arena_new, 0, arena.out());
            for (const char *sent : {"", "plain", "caf\xc3\xa9", "\xe2\x82\xac and \xf0\x9f\x98\x80"}) {
                const cmabi_string args = view(sent);
                cmabi_string got{};
                CHECK_OK(cmabi_func_call, n.store, through, &args, &got, arena.get());
                CHECK(text(got) == sent);
            }
        }
    }
}

TEST_CASE("realloc that fails, lies, or is not there") {
    const auto call_with = [](const char *part, std::uint64_t answer) {
        Native n;
        Heap heap(64);
        auto opts = Native::options();
        opts.memory = n.memory(heap);
        opts.realloc = n.core({I32, I32, I32, I32}, {I32}, [=](const Values &args) {
            CHECK(args == Values{0, 0, 4, 12});
            return Values{answer};
        });
        const Type numbers = list_of(u32());
        const FuncType type = func({field("l", numbers)});
        const auto takes =
            n.lift(n.instance("inst"), n.core({I32, I32}, {}, [](const Values &) { return Values{}; }), type, opts);
        const std::uint32_t values[] = {1, 2, 3};
        const struct {
            const std::uint32_t *ptr;
            std::size_t len;
        } args{values, 3};
        CHECK_FAILS(CMABI_STATUS_TRAP, part, cmabi_func_call, n.store, takes, &args, nullptr, nullptr);
        CHECK_FAILS(CMABI_STATUS_ENDED, "cannot enter", cmabi_func_call, n.store, takes, &args, nullptr, nullptr);
    };
    call_with("realloc returned the unaligned pointer 0x2", 2);
    call_with("beyond the end of memory", 60);
    call_with("beyond the end of memory", 0xfffffffc);

    Native n;
    Heap heap(8);
    const auto opts = n.options(heap);
    const FuncType type = func({field("s", string())});
    const auto takes =
        n.lift(n.instance("inst"), n.core({I32, I32}, {}, [](const Values &) { return Values{}; }), type, opts);
    const cmabi_string args = CMABI_STR("longer than the heap");
    CHECK_FAILS(CMABI_STATUS_TRAP, "param \"s\"", cmabi_func_call, n.store, takes, &args, nullptr, nullptr);
}

TEST_CASE("components may call one another in circles") {
    Native n;
    const auto parent = n.instance("parent");
    const auto child = n.instance("child", parent);
    const FuncType type = func({field("x", u32())}, u32());
    const auto import = n.lift(parent, n.core({I32}, {I32}, [](const Values &args) { return Values{args[0] * 10}; }),
                               type, Native::options(), "import");
    const auto lowered_import = n.lower(child, import, Native::options());
    const auto inner = n.lift(child, n.core({I32}, {I32}, [&](const Values &args) {
        return Values{n.call1(lowered_import, {args[0] + 1})};
    }), type, Native::options(), "inner");
    const auto lowered_inner = n.lower(parent, inner, Native::options());
    const auto outer = n.lift(parent, n.core({I32}, {I32}, [&](const Values &args) {
        return Values{n.call1(lowered_inner, args)};
    }), type, Native::options(), "outer");
    std::uint32_t result = 0;
    call(n, outer, std::uint32_t{3}, &result);
    CHECK(result == 40);

    // So may siblings.
    const auto a = n.instance("a"), b = n.instance("b");
    const auto a_func =
        n.lift(a, n.core({I32}, {I32}, [](const Values &args) { return args; }), type, Native::options(), "a-func");
    const auto lowered_a = n.lower(b, a_func, Native::options());
    const auto b_func = n.lift(b, n.core({I32}, {I32}, [&](const Values &args) {
        return Values{n.call1(lowered_a, args)};
    }), type, Native::options(), "b-func");
    const auto lowered_b = n.lower(a, b_func, Native::options());
    const auto a_outer = n.lift(a, n.core({I32}, {I32}, [&](const Values &args) {
        return Values{n.call1(lowered_b, args)};
    }), type, Native::options(), "a-outer");
    call(n, a_outer, std::uint32_t{7}, &result);
    CHECK(result == 7);
}

TEST_CASE("a callback needs the async option and an async type") {
    Native n;
    const auto inst = n.instance("inst");
    const auto core = n.core({}, {I32}, [](const Values &) { return Values{EXIT}; });
    const auto refused = [&](const cmabi_func_type *type, bool is_async, const char *message) {
        auto opts = Native::options();
        opts.is_async = is_async;
        opts.callback = n.core({I32, I32, I32}, {I32}, [](const Values &) { return Values{EXIT}; });
        Func func;
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, message, cmabi_canon_lift, n.store, inst, core, type, &opts, view("f"),
                    func.out());
    };
    const FuncType async_type = func({}, nullptr, true), sync_type = func({});
    refused(async_type, false, "`callback` is for `async` only");
    refused(sync_type, true, "`callback` is for functions of async type");
}

TEST_CASE("what the host passes that is not of the type is told, and ends no guest") {
    Native n;
    Heap heap(256);
    bool is_async = false;
    SUBCASE("to a sync function") {}
    SUBCASE("to an async function") { is_async = true; }
    const FuncType type = func({field("text", string())}, nullptr, is_async);
    int calls = 0;
    const auto inst = n.instance("inst");
    const auto core = n.core({I32, I32}, {}, [&](const Values &) {
        ++calls;
        return Values{};
    });
    const auto take = n.lift(inst, core, type, n.options(heap));
    const cmabi_string bad = CMABI_STR("\xff"), good = CMABI_STR("good");
    for (int i = 0; i < 3; ++i) {
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "param \"text\"", cmabi_func_call, n.store, take, &bad, nullptr, nullptr);
        CHECK_OK(cmabi_func_call, n.store, take, &good, nullptr, nullptr);
        CHECK(calls == i + 1);
    }
    // A realloc that fails is the guest's own fault, whatever it is for.
    auto opts = n.options(heap);
    opts.realloc = n.core({I32, I32, I32, I32}, {I32}, [](const Values &) { return Values{1000}; });
    const auto fails = n.lift(n.instance("other"), core, type, opts);
    CHECK_FAILS(CMABI_STATUS_TRAP, "beyond the end of memory", cmabi_func_call, n.store, fails, &good, nullptr, nullptr);
    CHECK_FAILS(CMABI_STATUS_ENDED, "cannot enter", cmabi_func_call, n.store, fails, &good, nullptr, nullptr);
}

TEST_CASE("an argument that is found wrong only when the guest lets the call in") {
    Native n;
    Heap heap(256);
    const FuncType type = func({field("text", string())}, nullptr, true), plain = func({});
    const auto inst = n.instance("inst");
    const auto nothing = n.core({I32, I32}, {}, [](const Values &) { return Values{}; });
    const auto take = n.lift(inst, nothing, type, n.options(heap));
    const auto inc = n.lift(inst, n.core({}, {}, [&](const Values &) {
        n.run(cmabi_canon_backpressure_inc);
        return Values{};
    }), plain, Native::options());
    const auto dec = n.lift(inst, n.core({}, {}, [&](const Values &) {
        n.run(cmabi_canon_backpressure_dec);
        return Values{};
    }), plain, Native::options());
    CHECK_OK(cmabi_func_call, n.store, inc, nullptr, nullptr, nullptr);
    const cmabi_string bad = CMABI_STR("\xff"), good = CMABI_STR("good");
    cmabi_subtask *first = nullptr, *second = nullptr;
    CHECK_OK(cmabi_func_start, n.store, take, &bad, nullptr, nullptr, nullptr, &first);
    CHECK_OK(cmabi_func_start, n.store, take, &good, nullptr, nullptr, nullptr, &second);
    CHECK_OK(cmabi_func_call, n.store, dec, nullptr, nullptr, nullptr);
    n.run();
    cmabi_subtask_state state{};
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "param \"text\"", cmabi_subtask_state_of, first, &state);
    CHECK_OK(cmabi_subtask_state_of, second, &state);
    cmabi_subtask_free(first);
    cmabi_subtask_free(second);
}
