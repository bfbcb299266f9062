// What a host is told that watches a store.
#include "guest.hpp"

#include <cmabi.hpp>

namespace {

struct Seen {
    cmabi_trace_kind kind;
    std::uint32_t handle;
    std::uint64_t task, caller;
    std::string instance, name, detail;
};

struct Log {
    std::vector<Seen> events;
    cmabi_store *store = nullptr;
    int drops = 0;

    std::vector<std::string> lines() const {
        static const char *const words[] = {"begin", "return", "cancel", "trap", "block", "wake", "new", "drop", "limit"};
        std::vector<std::string> lines;
        for (const Seen &seen : events) {
            std::string line = words[seen.kind];
            for (const std::string *part : {&seen.instance, &seen.name, &seen.detail})
                if (!part->empty()) line += ' ' + *part;
            lines.push_back(line);
        }
        return lines;
    }
};

void watch(void *data, const cmabi_trace_event *event) {
    auto &log = *static_cast<Log *>(data);
    log.events.push_back({event->kind, event->handle, event->task, event->caller, text(event->instance),
                          text(event->name), text(event->detail)});
    if (log.store != nullptr) {
        CHECK_FAILS(CMABI_STATUS_BUSY, "this callback may not use it", cmabi_store_run, log.store);
    }
}

void dropped(void *data) {
    ++static_cast<Log *>(data)->drops;
}

cmabi_status note(void *, cmabi_task *, const void *, void *) {
    return CMABI_STATUS_OK;
}

using Lines = std::vector<std::string>;

struct Watched {
    Log log;
    Handle<cmabi_config, cmabi_config_free> config;

    Watched() {
        REQUIRE_OK(cmabi_config_new, config.out());
        REQUIRE_OK(cmabi_config_set_on_trace, config, watch, &log, dropped);
    }
};

} // namespace

TEST_CASE("calls are told of when they begin, return and trap, with who called") {
    Watched watched;
    Log &log = watched.log;
    {
        Guest guest("shapes.wasm", watched.config);
        watched.config.out();
        CHECK(log.drops == 0);
        REQUIRE_OK(cmabi_linker_func, guest.linker, view("demo:app/host"), view("note"), note, nullptr, nullptr);
        guest.instantiate();
        REQUIRE_OK(cmabi_instance_set_label, guest.store, guest.instance, view("plugin"));
        log.events.clear();
        log.store = guest.store;
        CHECK_OK(cmabi_func_call, guest.store, guest.func("demo:app/shapes#told"), nullptr, nullptr, guest.arena);
        CHECK(log.lines() == Lines{"begin plugin demo:app/shapes#told", "begin host demo:app/host#note",
                                   "return host demo:app/host#note", "return plugin demo:app/shapes#told"});
        CHECK(log.events[0].caller == 0);
        CHECK(log.events[0].task != 0);
        CHECK(log.events[1].caller == log.events[0].task);
        CHECK(log.events[2].task == log.events[1].task);

        log.events.clear();
        CHECK_FAILS(CMABI_STATUS_TRAP, "unreachable", cmabi_func_call, guest.store,
                    guest.func("demo:app/shapes#area"), nullptr, nullptr, guest.arena);
        CHECK(log.lines() == Lines{"begin plugin demo:app/shapes#area",
                                   "trap plugin demo:app/shapes#area wasm `unreachable` instruction executed"});
    }
    CHECK(log.drops == 1);
}

TEST_CASE("waits and handles are told of") {
    Watched watched;
    Guest guest("shapes.wasm", watched.config);
    REQUIRE_OK(cmabi_linker_func, guest.linker, view("demo:app/host"), view("note"), note, nullptr, nullptr);
    guest.instantiate();
    watched.log.events.clear();
    CHECK_FAILS(CMABI_STATUS_TRAP, "unreachable", cmabi_func_call, guest.store, guest.func("relay"), nullptr, nullptr,
                guest.arena);
    CHECK(watched.log.lines() ==
          Lines{"begin component.4 relay", "new component.4 a waitable set", "begin component.3 burst",
                "block component.3 burst exclusive access", "new component.4 a subtask",
                "block component.4 relay an event of a waitable set", "wake component.3 burst exclusive access",
                "trap component.3 burst wasm `unreachable` instruction executed"});
    CHECK(watched.log.events[2].caller == watched.log.events[0].task);
    CHECK(watched.log.events[1].handle == 1);
}

TEST_CASE("a limit is told of") {
    Watched watched;
    REQUIRE_OK(cmabi_config_set_fuel, watched.config, 100'000);
    Guest guest("troubled.wasm", watched.config);
    guest.instantiate();
    watched.log.events.clear();
    CHECK_FAILS(CMABI_STATUS_LIMIT, "all fuel", cmabi_func_call, guest.store, guest.func("spin"), nullptr, nullptr,
                guest.arena);
    CHECK(watched.log.lines() == Lines{"begin component spin", "limit component all fuel consumed by WebAssembly",
                                       "trap component spin all fuel consumed by WebAssembly"});
}

namespace {
struct blob {
    std::uint32_t size;
};
} // namespace

template <>
struct cmabi::resource<blob> {
    static constexpr auto name = "blob";
};

TEST_CASE("in C++ a tracer is any function, and a resource is told of as it goes from table to table") {
    std::vector<std::string> handles;
    cmabi::config config;
    config.trace([&](const cmabi_trace_event &event) {
        if (event.kind == CMABI_TRACE_KIND_HANDLE_NEW || event.kind == CMABI_TRACE_KIND_HANDLE_DROP)
            handles.push_back((event.kind == CMABI_TRACE_KIND_HANDLE_NEW ? "new " : "drop ") + text(event.instance) +
                              ' ' + text(event.name));
    });
    cmabi::engine engine;
    cmabi::linker linker(engine);
    linker.resource<blob>("demo:app/blobs");
    linker.func("demo:app/blobs", "make", [](std::uint32_t size) -> cmabi::own<blob> {
        return std::make_unique<blob>(blob{size});
    });
    linker.func("demo:app/blobs", "size", [](cmabi::borrow<blob> of) { return of->size; });
    linker.func("demo:app/blobs", "show", [](cmabi::borrow<blob> of) { return of->size; });
    cmabi::store store(engine, config);
    auto instance = linker.instantiate(store, cmabi::component(engine, read_guest("lender.wasm")));
    CHECK(instance.func<std::uint32_t(std::uint32_t)>("begin")(7) == 7);
    CHECK(handles == Lines{"new host blob", "drop host blob", "new component blob", "drop component blob"});
}
