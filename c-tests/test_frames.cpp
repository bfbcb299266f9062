// What a trap says of the calls that led to it, and what a host function can know of its caller.
#include "guest.hpp"

#include <cmabi.hpp>

namespace {

struct Shapes : Guest {
    explicit Shapes(cmabi_host_func note, void *data = nullptr) : Guest("shapes.wasm") {
        REQUIRE_OK(cmabi_linker_func, linker, view("demo:app/host"), view("note"), note, data, nullptr);
        instantiate();
        REQUIRE_OK(cmabi_instance_set_label, store, instance, view("plugin-a"));
    }

    // Calls a function that traps.
    Error trap(const char *path) {
        Error error;
        const cmabi_status status = cmabi_func_call(store, func(path), nullptr, nullptr, arena, error.out());
        CHECK(status != CMABI_STATUS_OK);
        return error;
    }
};

std::vector<std::string> frames(const Error &error) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < cmabi_error_frame_count(error); ++i)
        texts.push_back(text(cmabi_error_frame_text(error, i)));
    return texts;
}

cmabi_status refuse(void *, cmabi_task *task, const void *, void *) {
    cmabi_task_set_error(task, view("no notes today"), nullptr);
    return CMABI_STATUS_HOST;
}

using Texts = std::vector<std::string>;

} // namespace

TEST_CASE("a trap names the core function and the exported one in full, with the instance's label") {
    Shapes shapes(refuse);
    const Error error = shapes.trap("demo:app/shapes#area");
    CHECK(frames(error) == Texts{"area (core function 3 of plugin-a)", "demo:app/shapes#area (plugin-a)"});

    const cmabi_frame core = cmabi_error_frame_at(error, 0);
    CHECK(core.kind == CMABI_FRAME_KIND_CORE);
    CHECK(text(core.name) == "area");
    CHECK(core.func_index == 3);
    CHECK(core.offset == UINT64_MAX);
    const cmabi_frame call = cmabi_error_frame_at(error, 1);
    CHECK(call.kind == CMABI_FRAME_KIND_CALL);
    CHECK(text(call.name) == "demo:app/shapes#area");
    CHECK(text(call.instance) == "plugin-a");
    CHECK(call.func_index == UINT32_MAX);
    CHECK(text(cmabi_error_frame_at(error, 2).name) == "");
    CHECK(text(cmabi_error_frame_at(nullptr, 0).name) == "");

    CHECK(text(cmabi_error_summary(error)) == "wasm `unreachable` instruction executed");
    CHECK(error.message() == "wasm `unreachable` instruction executed\n"
                             "  in area (core function 3 of plugin-a)\n"
                             "  in demo:app/shapes#area (plugin-a)");
}

TEST_CASE("a label that takes the place of another is all that the store is charged with") {
    Shapes shapes(refuse);
    const auto host_bytes = [&] {
        cmabi_counts counts = CMABI_COUNTS_INIT;
        REQUIRE_OK(cmabi_store_counts, shapes.store, &counts);
        return counts.host_bytes;
    };
    const auto before = host_bytes();
    for (int i = 0; i < 100; ++i)
        REQUIRE_OK(cmabi_instance_set_label, shapes.store, shapes.instance, view("plugin-b"));
    CHECK(host_bytes() == before);
}

TEST_CASE("a trap names the built-in with its arguments") {
    Shapes shapes(refuse);
    const Error error = shapes.trap("demo:app/shapes#wrong");
    CHECK(frames(error) == Texts{"waitable-set.drop(99) (plugin-a)", "wrong (core function 5 of plugin-a)",
                                 "demo:app/shapes#wrong (plugin-a)"});
    CHECK(cmabi_error_frame_at(error, 0).kind == CMABI_FRAME_KIND_BUILTIN);
}

TEST_CASE("a trap names the host function that failed") {
    Shapes shapes(refuse);
    const Error error = shapes.trap("demo:app/shapes#told");
    CHECK(error.status() == CMABI_STATUS_HOST);
    CHECK(text(cmabi_error_summary(error)) == "no notes today");
    CHECK(frames(error) == Texts{"host function demo:app/host#note", "told (core function 4 of plugin-a)",
                                 "demo:app/shapes#told (plugin-a)"});
    CHECK(cmabi_error_frame_at(error, 0).kind == CMABI_FRAME_KIND_HOST);
}

TEST_CASE("a trap in a callback lists its call once, and who waits for it") {
    Shapes shapes(refuse);
    const Error error = shapes.trap("relay");
    CHECK(frames(error) == Texts{"burst-event (core function 1 of plugin-a.3)", "burst (plugin-a.3)",
                                 "relay (plugin-a.4)"});
}

TEST_CASE("in C++ what() does not repeat the frames") {
    cmabi::engine engine;
    cmabi::linker linker(engine);
    linker.func("demo:app/host", "note", [](std::uint32_t) {});
    cmabi::store store(engine);
    auto instance = linker.instantiate(store, cmabi::component(engine, read_guest("shapes.wasm")));
    instance.label("plugin-b");
    try {
        instance.func<void()>("demo:app/shapes#area")();
        FAIL("it traps");
    } catch (const cmabi::error &error) {
        CHECK(std::string(error.what()) == "wasm `unreachable` instruction executed");
        const auto frames = error.frames();
        REQUIRE(frames.size() == 2);
        CHECK(frames[0].kind == CMABI_FRAME_KIND_CORE);
        CHECK(frames[0].func_index == 3);
        CHECK(!frames[0].offset);
        CHECK(frames[1].name == "demo:app/shapes#area");
        CHECK(frames[1].instance == "plugin-b");
        CHECK(frames[1].text == "demo:app/shapes#area (plugin-b)");
        CHECK(!frames[1].func_index);
        CHECK(error.report().find("\n  in demo:app/shapes#area (plugin-b)") != std::string::npos);
    }
}

namespace {
struct Seen {
    std::string label, func;
    void *data = nullptr;
    void *store_data = nullptr;
    int drops = 0;
};

cmabi_status look(void *data, cmabi_task *task, const void *, void *) {
    auto &seen = *static_cast<Seen *>(data);
    seen.label = text(cmabi_task_caller_label(task));
    seen.func = text(cmabi_task_caller_func(task));
    seen.data = cmabi_task_caller_data(task);
    seen.store_data = cmabi_store_data(cmabi_task_store(task));
    return CMABI_STATUS_OK;
}

void count_drop(void *data) {
    ++static_cast<Seen *>(data)->drops;
}
} // namespace

TEST_CASE("a host function knows who calls, and the data of store and instance") {
    Seen seen;
    {
        Shapes shapes(look, &seen);
        CHECK(cmabi_store_data(shapes.store) == nullptr);
        CHECK(cmabi_instance_data(shapes.store, shapes.instance) == nullptr);
        int of_store = 0;
        REQUIRE_OK(cmabi_store_set_data, shapes.store, &of_store, nullptr);
        REQUIRE_OK(cmabi_instance_set_data, shapes.store, shapes.instance, &seen, count_drop);
        CHECK(cmabi_instance_data(shapes.store, shapes.instance) == &seen);
        REQUIRE_OK(cmabi_func_call, shapes.store, shapes.func("demo:app/shapes#told"), nullptr, nullptr,
                   shapes.arena);
        CHECK(seen.label == "plugin-a");
        CHECK(seen.func == "demo:app/shapes#told");
        CHECK(seen.data == &seen);
        CHECK(seen.store_data == &of_store);

        REQUIRE_OK(cmabi_store_set_data, shapes.store, &seen, count_drop);
        REQUIRE_OK(cmabi_store_set_data, shapes.store, &seen, count_drop);
        CHECK(seen.drops == 1);
        REQUIRE_OK(cmabi_instance_set_data, shapes.store, shapes.instance, &seen, count_drop);
        CHECK(seen.drops == 2);
    }
    CHECK(seen.drops == 4);
    CHECK(text(cmabi_task_caller_label(nullptr)) == "");
    CHECK(text(cmabi_task_caller_func(nullptr)) == "");
    CHECK(cmabi_task_caller_data(nullptr) == nullptr);
    CHECK(cmabi_store_data(nullptr) == nullptr);
}

namespace {
struct account {
    std::string owner;
    int notes = 0;
};
} // namespace

TEST_CASE("in C++ a host function takes its caller first, and data has a type") {
    cmabi::engine engine;
    cmabi::linker linker(engine);
    std::string callers;
    linker.func("demo:app/host", "note", [&](cmabi::caller caller, std::uint32_t x) {
        callers += std::string(caller.label()) + " by " + std::string(caller.func()) + "; ";
        caller.data<account>().notes += static_cast<int>(x);
        CHECK(caller.find_data<int>() == nullptr);
        CHECK(caller.store_data<std::string>() == "of the store");
    });
    const cmabi::component component(engine, read_guest("shapes.wasm"));
    cmabi::store store(engine);
    CHECK_THROWS_WITH_AS(store.data<std::string>(), "no data of this type was set", cmabi::error);
    store.set_data(std::string("of the store"));
    auto one = linker.instantiate(store, component);
    auto other = linker.instantiate(store, component);
    one.label("one");
    other.label("other");
    one.set_data(account{"Ada"});
    other.set_data(account{"Bo"});
    one.func<void()>("demo:app/shapes#told")();
    other.func<void()>("demo:app/shapes#told")();
    one.func<void()>("demo:app/shapes#told")();
    CHECK(one.data<account>().notes == 14);
    CHECK(other.data<account>().notes == 7);
    CHECK(other.data<account>().owner == "Bo");
    CHECK(callers == "one by demo:app/shapes#told; other by demo:app/shapes#told; one by demo:app/shapes#told; ");
}

TEST_CASE("in C++ the caller goes with a promise") {
    cmabi::engine engine;
    cmabi::linker linker(engine);
    cmabi::promise<void> kept;
    std::string who;
    linker.func("demo:app/host", "note", [&](cmabi::promise<void> done, cmabi::caller caller, std::uint32_t) {
        who = caller.label();
        kept = std::move(done);
    });
    cmabi::store store(engine);
    auto instance = linker.instantiate(store, cmabi::component(engine, read_guest("shapes.wasm")));
    auto call = instance.func<void()>("demo:app/shapes#told").start();
    CHECK(who == "component");
    kept.fail("nobody has an answer");
    try {
        store.run();
    } catch (const cmabi::error &) {
    }
    try {
        call.get();
        FAIL("the promise has failed");
    } catch (const cmabi::error &error) {
        CHECK(std::string(error.what()) == "nobody has an answer");
        const auto frames = error.frames();
        REQUIRE(frames.size() == 2);
        CHECK(frames[0].text == "host function demo:app/host#note");
        CHECK(frames[1].text == "demo:app/shapes#told (component)");
    }
}
