// Resources: the host's own in the hands of guests, and those of guests in the hands of the host.
#include "guest.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace {

using ResourceType = Handle<cmabi_resource_type, cmabi_resource_type_free>;

const cmabi_string blobs = CMABI_STR("test:guest/blobs@1.0.0");
const char *const make = "test:guest/counters@1.0.0#make";
const char *const read = "test:guest/counters@1.0.0#read";
const char *const read_slowly = "test:guest/counters@1.0.0#read-slowly";
const char *const consume = "test:guest/counters@1.0.0#consume";

struct Blob {
    std::uint32_t size;
    int destroyed = 0;
};

// What the host functions about blobs share. Blobs stay after their destruction, to be looked at.
struct Blobs {
    ResourceType type;
    std::vector<std::unique_ptr<Blob>> all;
    int drops = 0;
    // Called by the destructor.
    void (*on_destroy)(Blobs &, cmabi_store *) = nullptr;
    std::uint32_t held = 0;
    // Called by the constructor, which a guest calls.
    std::function<void(cmabi_store *)> on_construct;

    Blob *make(std::uint32_t size) {
        all.push_back(std::make_unique<Blob>(Blob{size}));
        return all.back().get();
    }
    int destroyed() const {
        int sum = 0;
        for (const auto &blob : all) {
            sum += blob->destroyed;
        }
        return sum;
    }
};

void count_drop(void *data) { static_cast<Blobs *>(data)->drops++; }

void destroy(void *data, cmabi_store *store, void *rep) {
    auto &self = *static_cast<Blobs *>(data);
    static_cast<Blob *>(rep)->destroyed++;
    if (self.on_destroy) {
        self.on_destroy(self, store);
    }
}

cmabi_status construct(void *data, cmabi_task *task, const void *args, void *results) {
    auto &self = *static_cast<Blobs *>(data);
    Blob *blob = self.make(*static_cast<const std::uint32_t *>(args));
    if (self.on_construct) {
        self.on_construct(cmabi_task_store(task));
    }
    CHECK_OK(cmabi_resource_new, cmabi_task_store(task), self.type, blob,
             static_cast<std::uint32_t *>(results));
    return CMABI_STATUS_OK;
}

cmabi_status size(void *data, cmabi_task *task, const void *args, void *results) {
    auto &self = *static_cast<Blobs *>(data);
    void *rep = nullptr;
    const std::uint32_t borrow = *static_cast<const std::uint32_t *>(args);
    CHECK_OK(cmabi_resource_rep, cmabi_task_store(task), self.type, borrow, &rep);
    CHECK(static_cast<Blob *>(rep)->destroyed == 0);
    *static_cast<std::uint32_t *>(results) = static_cast<Blob *>(rep)->size;
    return CMABI_STATUS_OK;
}

cmabi_status swallow(void *data, cmabi_task *task, const void *args, void *) {
    auto &self = *static_cast<Blobs *>(data);
    const std::uint32_t handle = *static_cast<const std::uint32_t *>(args);
    void *rep = nullptr;
    CHECK_OK(cmabi_resource_rep, cmabi_task_store(task), self.type, handle, &rep);
    CHECK(static_cast<Blob *>(rep)->destroyed == 0);
    CHECK_OK(cmabi_resource_drop, cmabi_task_store(task), self.type, handle);
    CHECK(static_cast<Blob *>(rep)->destroyed == 1);
    return CMABI_STATUS_OK;
}

struct Counters : Guest {
    explicit Counters(Blobs &data, const cmabi_config *config = nullptr)
        : Guest("counters.wasm", config), data(data) {
        REQUIRE_OK(cmabi_resource_type_new, CMABI_STR("blob"), data.type.out());
        REQUIRE_OK(cmabi_linker_resource, linker, blobs, CMABI_STR("blob"), data.type, destroy, &data,
                   count_drop);
        REQUIRE_OK(cmabi_linker_func, linker, blobs, CMABI_STR("[constructor]blob"), construct, &data,
                   count_drop);
        REQUIRE_OK(cmabi_linker_func, linker, blobs, CMABI_STR("[method]blob.size"), size, &data,
                   count_drop);
        REQUIRE_OK(cmabi_linker_func, linker, blobs, CMABI_STR("swallow"), swallow, &data, count_drop);
        instantiate();
    }

    std::uint32_t blob(std::uint32_t size) {
        std::uint32_t handle = 0;
        REQUIRE_OK(cmabi_resource_new, store, data.type, data.make(size), &handle);
        return handle;
    }
    void call(const char *path, std::uint32_t arg) {
        CHECK_OK(cmabi_func_call, store, func(path), &arg, nullptr, nullptr);
    }
    std::uint32_t ask(const char *path, std::uint32_t arg) {
        std::uint32_t result = 0;
        CHECK_OK(cmabi_func_call, store, func(path), &arg, &result, nullptr);
        return result;
    }
    std::uint32_t dropped() {
        std::uint32_t sum = 0;
        CHECK_OK(cmabi_func_call, store, func("dropped"), nullptr, &sum, nullptr);
        return sum;
    }

    Blobs &data;
};

} // namespace

TEST_CASE("a guest makes, asks and passes on a resource of the host's") {
    Blobs data;
    Counters f(data);
    const std::uint32_t handle = f.ask("make-blob", 7);
    REQUIRE(data.all.size() == 1);
    void *rep = nullptr;
    CHECK_OK(cmabi_resource_rep, f.store, data.type, handle, &rep);
    CHECK(rep == data.all[0].get());
    bool owned = false;
    CHECK_OK(cmabi_resource_is_owned, f.store, handle, &owned);
    CHECK(owned);
    const cmabi_resource_type *type = nullptr;
    CHECK_OK(cmabi_resource_type_of, f.store, handle, &type);
    CHECK(type == data.type.get());
    CHECK(f.ask("size", handle) == 7);
    CHECK(f.ask("size", handle) == 7);
    CHECK(data.destroyed() == 0);
    CHECK_OK(cmabi_resource_drop, f.store, data.type, handle);
    CHECK(data.destroyed() == 1);
}

TEST_CASE("giving a handle away ends it") {
    Blobs data;
    Counters f(data);
    const std::uint32_t handle = f.blob(3);
    f.call("keep", handle);
    CHECK(data.destroyed() == 0);
    void *rep = nullptr;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT,
                "handle " + std::to_string(handle) + " is not a resource of type \"blob\"",
                cmabi_resource_rep, f.store, data.type, handle, &rep);
    const std::uint32_t passed = f.ask("pass", f.blob(4));
    CHECK_OK(cmabi_resource_rep, f.store, data.type, passed, &rep);
    CHECK(static_cast<Blob *>(rep)->size == 4);
    f.call("drop-blob", passed);
    CHECK(data.destroyed() == 1);
    f.call("swallow", f.blob(5));
    CHECK(data.destroyed() == 2);
}

TEST_CASE("handles in a list are given away one by one") {
    Blobs data;
    Counters f(data);
    const std::uint32_t handles[] = {f.blob(1), f.blob(20), f.blob(300)};
    struct {
        const std::uint32_t *ptr;
        std::size_t len;
    } args = {handles, 3};
    std::uint32_t sum = 0;
    CHECK_OK(cmabi_func_call, f.store, f.func("list-size"), &args, &sum, nullptr);
    CHECK(sum == 321);
    CHECK(data.destroyed() == 3);
}

TEST_CASE("what is left is destroyed with the store, once") {
    Blobs data;
    {
        Counters f(data);
        f.call("keep", f.blob(1));
        f.blob(2);
        f.ask("make-blob", 3);
        // Using the store while it goes is answered, and not needed.
        data.on_destroy = [](Blobs &self, cmabi_store *store) {
            std::uint32_t handle = 0;
            CHECK_FAILS(CMABI_STATUS_BUSY, "being freed", cmabi_resource_new, store, self.type,
                        nullptr, &handle);
        };
    }
    for (const auto &blob : data.all) {
        CHECK(blob->destroyed == 1);
    }
    CHECK(data.all.size() == 3);
    CHECK(data.drops == 4);
}

TEST_CASE("what a guest owned is destroyed when a trap ends it, and what it was lent is not") {
    Blobs data;
    Counters f(data);
    f.call("keep", f.blob(1));
    const std::uint32_t mine = f.blob(2);
    const std::uint32_t theirs = f.blob(3);
    CHECK_FAILS(CMABI_STATUS_TRAP, "unreachable", cmabi_func_call, f.store, f.func("keep-and-trap"),
                &theirs, nullptr, nullptr);
    CHECK(data.all[0]->destroyed == 1);
    CHECK(data.all[1]->destroyed == 0);
    CHECK(data.all[2]->destroyed == 1);
    f.instantiate();
    CHECK(f.ask("size", mine) == 2);
    CHECK_OK(cmabi_resource_drop, f.store, nullptr, mine);
    CHECK(data.destroyed() == 3);
}

TEST_CASE("a destructor may use the store") {
    Blobs data;
    Counters f(data);
    data.held = f.blob(1);
    data.on_destroy = [](Blobs &self, cmabi_store *store) {
        const std::uint32_t held = self.held;
        self.held = 0;
        if (held != 0) {
            CHECK_OK(cmabi_resource_drop, store, self.type, held);
        }
    };
    CHECK_OK(cmabi_resource_drop, f.store, nullptr, f.blob(2));
    CHECK(data.destroyed() == 2);
    data.held = f.blob(3);
    f.call("drop-blob", f.blob(4));
    CHECK(data.destroyed() == 4);
}

TEST_CASE("a guest that does not give back a borrow traps, and the lent handle is free again") {
    Blobs data;
    Counters f(data);
    const std::uint32_t handle = f.blob(9);
    std::uint32_t answer = 0;
    CHECK_FAILS(CMABI_STATUS_TRAP, "borrow handles still remain at the end of the call: 1",
                cmabi_func_call, f.store, f.func("size-undropped"), &handle, &answer, nullptr);
    CHECK_OK(cmabi_resource_drop, f.store, nullptr, handle);
    CHECK(data.destroyed() == 1);
}

TEST_CASE("resources of a guest's") {
    Blobs data;
    Counters f(data);
    const cmabi_resource_type *counter = nullptr;
    REQUIRE_OK(cmabi_instance_resource, f.instance, CMABI_STR("test:guest/counters@1.0.0#counter"),
               &counter);
    CHECK(text(cmabi_resource_type_name(counter)) == "counter");
    const std::uint32_t ten = f.ask(make, 10), twenty = f.ask(make, 20);
    const cmabi_resource_type *type = nullptr;
    CHECK_OK(cmabi_resource_type_of, f.store, ten, &type);
    CHECK(type == counter);
    bool owned = false;
    CHECK_OK(cmabi_resource_is_owned, f.store, ten, &owned);
    CHECK(owned);
    CHECK(f.ask(read, ten) == 10);
    CHECK(f.ask(read, twenty) == 20);
    CHECK_OK(cmabi_resource_drop, f.store, counter, ten);
    CHECK(f.dropped() == 10);
    CHECK(f.ask(consume, twenty) == 20);
    CHECK(f.dropped() == 30);
    void *rep = nullptr;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "\"counter\" is implemented by a component",
                cmabi_resource_rep, f.store, counter, f.ask(make, 1), &rep);
    std::uint32_t handle = 0;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "\"counter\" is implemented by a component",
                cmabi_resource_new, f.store, counter, nullptr, &handle);
}

TEST_CASE("each instance has its own resource types") {
    Blobs data;
    Counters f(data);
    const std::uint32_t old = f.ask(make, 1);
    Handle<cmabi_instance, cmabi_instance_free> first(std::move(f.instance));
    f.instantiate();
    const cmabi_resource_type *type = nullptr;
    REQUIRE_OK(cmabi_instance_resource, f.instance, CMABI_STR("test:guest/counters@1.0.0#counter"),
               &type);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "another type of that name", cmabi_resource_drop,
                f.store, type, old);
    std::uint32_t answer = 0;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "used with the wrong type", cmabi_func_call, f.store, f.func(read),
                &old, &answer, nullptr);
    CHECK_OK(cmabi_func_call, f.store, Guest::func(first, read), &old, &answer, nullptr);
    CHECK(answer == 1);
}

TEST_CASE("a guest's destructor that traps") {
    Blobs data;
    Counters f(data);
    const std::uint32_t bad = f.ask(make, 666), good = f.ask(make, 1);
    CHECK_FAILS(CMABI_STATUS_TRAP, "destructor of counter", cmabi_resource_drop, f.store, nullptr, bad);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "is not a resource: it refers to nothing",
                cmabi_resource_drop, f.store, nullptr, bad);
    // The instance is gone; a handle to what it implements can only be let go.
    CHECK_FAILS(CMABI_STATUS_ENDED, "cannot enter component instance", cmabi_resource_drop, f.store,
                nullptr, good);
}

TEST_CASE("a destructor runs while its instance does") {
    Blobs data;
    Counters f(data);
    const std::uint32_t counter = f.ask(make, 5);
    data.on_construct = [&](cmabi_store *store) {
        CHECK_OK(cmabi_resource_drop, store, nullptr, counter);
        CHECK(f.dropped() == 5);
    };
    f.ask("make-blob", 1);
    CHECK(data.all.size() == 1);
}

TEST_CASE("a resource that is lent is not lost") {
    Blobs data;
    Counters f(data);
    const std::uint32_t counter = f.ask(make, 5);
    SUBCASE("the handle stays where the host is told") {
        data.on_construct = [&](cmabi_store *store) {
            CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "borrowed", cmabi_resource_drop, store, nullptr, counter);
        };
        CHECK(f.ask(read_slowly, counter) == 5);
        CHECK_OK(cmabi_resource_drop, f.store, nullptr, counter);
    }
    SUBCASE("it is dropped later where the host gives it up") {
        data.on_construct = [&](cmabi_store *store) {
            CHECK_OK(cmabi_resource_give_up, store, counter);
            CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "one that was given up", cmabi_resource_give_up, store,
                        counter);
            CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "one that was given up", cmabi_resource_drop, store,
                        nullptr, counter);
            CHECK(f.dropped() == 0);
        };
        CHECK(f.ask(read_slowly, counter) == 5);
    }
    SUBCASE("it is dropped at once where that can be") {
        CHECK_OK(cmabi_resource_give_up, f.store, counter);
    }
    CHECK(f.dropped() == 5);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "refers to nothing", cmabi_resource_give_up, f.store, counter);
}

TEST_CASE("a destructor that runs later and traps is told when the store runs") {
    Blobs data;
    Counters f(data);
    const std::uint32_t bad = f.ask(make, 666);
    data.on_construct = [&](cmabi_store *store) { CHECK_OK(cmabi_resource_give_up, store, bad); };
    CHECK(f.ask(read_slowly, bad) == 666);
    CHECK_FAILS(CMABI_STATUS_TRAP, "destructor of counter", cmabi_store_run, f.store);
    CHECK_OK(cmabi_store_run, f.store);
    CHECK(data.destroyed() == 1);
}

TEST_CASE("a trap during a borrow gives the handle back") {
    Blobs data;
    Counters f(data);
    const std::uint32_t counter = f.ask(make, 5);
    CHECK_FAILS(CMABI_STATUS_TRAP, "unreachable", cmabi_func_call, f.store,
                f.func("test:guest/counters@1.0.0#read-and-trap"), &counter, nullptr, nullptr);
    // Not lent any more, though the instance that could destroy it is gone.
    CHECK_FAILS(CMABI_STATUS_ENDED, "cannot enter", cmabi_resource_drop, f.store, nullptr, counter);
}

TEST_CASE("wrong handles") {
    Blobs data;
    Counters f(data);
    const std::uint32_t blob = f.blob(1), counter = f.ask(make, 2);
    const cmabi_resource_type *counters = nullptr;
    REQUIRE_OK(cmabi_resource_type_of, f.store, counter, &counters);
    void *rep = nullptr;
    const auto name = [](std::uint32_t handle) { return "handle " + std::to_string(handle); };
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT,
                name(counter) + " is not a resource of type \"blob\": it refers to one of type \"counter\"",
                cmabi_resource_rep, f.store, data.type, counter, &rep);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT,
                name(blob) + " is not a resource of type \"counter\": it refers to one of type \"blob\"",
                cmabi_resource_drop, f.store, counters, blob);
    for (const std::uint32_t stale : {0u, 99u, 0x7fffffffu}) {
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, name(stale), cmabi_resource_drop, f.store,
                    data.type, stale);
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "it refers to nothing", cmabi_resource_rep, f.store,
                    data.type, stale, &rep);
        bool owned = false;
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, name(stale), cmabi_resource_is_owned, f.store,
                    stale, &owned);
        const cmabi_resource_type *type = counters;
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, name(stale), cmabi_resource_type_of, f.store,
                    stale, &type);
        CHECK(type == nullptr);
    }
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "0x80000077 is no borrow of a resource of type \"blob\"",
                cmabi_resource_rep, f.store, data.type, 0x80000077u, &rep);
    CHECK_OK(cmabi_resource_drop, f.store, data.type, blob);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, name(blob), cmabi_resource_drop, f.store, data.type, blob);
    CHECK(data.destroyed() == 1);

    // A wrong one as an argument changes nothing.
    std::uint32_t answer = 0;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "param \"blob\": handle index 2 used with the wrong type", cmabi_func_call,
                f.store, f.func("size"), &counter, &answer, nullptr);

    Blobs unused;
    REQUIRE_OK(cmabi_resource_type_new, CMABI_STR("other"), unused.type.out());
    std::uint32_t handle = 0;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "\"other\" is not imported by any component",
                cmabi_resource_new, f.store, unused.type, nullptr, &handle);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`type` is NULL", cmabi_resource_new, f.store, nullptr,
                nullptr, &handle);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`handle` is NULL", cmabi_resource_new, f.store,
                data.type, nullptr, nullptr);
}

TEST_CASE("a full table loses nothing") {
    Handle<cmabi_config, cmabi_config_free> config;
    REQUIRE_OK(cmabi_config_new, config.out());
    REQUIRE_OK(cmabi_config_set_max_handles, config, 2);
    Blobs data;
    {
        Counters f(data, config);
        const std::uint32_t first = f.blob(1), second = f.blob(2);
        std::uint32_t handle = 0;
        CHECK_FAILS(CMABI_STATUS_LIMIT, "table is full", cmabi_resource_new, f.store, data.type,
                    data.make(3), &handle);
        data.all.pop_back();
        f.call("keep", first);
        f.call("keep", second);
        const std::uint32_t third = f.blob(3);
        CHECK_FAILS(CMABI_STATUS_LIMIT, "table is full", cmabi_func_call, f.store, f.func("keep"),
                    &third, nullptr, nullptr);
        // The guest is gone with what it had; what did not arrive is still the host's.
        CHECK(data.destroyed() == 2);
        CHECK_OK(cmabi_resource_drop, f.store, data.type, third);
    }
    for (const auto &blob : data.all) {
        CHECK(blob->destroyed == 1);
    }
}

TEST_CASE("resource types are found by path only") {
    Blobs data;
    Counters f(data);
    const cmabi_resource_type *type = nullptr;
    CHECK_FAILS(CMABI_STATUS_NOT_FOUND, "not a resource type", cmabi_instance_resource, f.instance,
                CMABI_STR("dropped"), &type);
    CHECK_FAILS(CMABI_STATUS_NOT_FOUND, "nothing", cmabi_instance_resource, f.instance,
                CMABI_STR("nothing"), &type);
    cmabi_string name;
    const cmabi_extern_type *import = cmabi_component_import_at(f.component, 0, &name);
    const cmabi_extern_type *blob = cmabi_extern_type_export_at(import, 0, &name);
    CHECK(text(name) == "blob");
    CHECK(cmabi_extern_type_kind(blob) == CMABI_EXTERN_KIND_RESOURCE);
    CHECK(text(cmabi_resource_type_name(cmabi_extern_type_resource(blob))) == "blob");
    CHECK(cmabi_extern_type_resource(import) == nullptr);
    CHECK(cmabi_extern_type_resource(nullptr) == nullptr);
}

TEST_CASE("a resource that is not offered, or twice") {
    Guest f("counters.wasm");
    Blobs data;
    REQUIRE_OK(cmabi_resource_type_new, CMABI_STR("blob"), data.type.out());
    CHECK_FAILS(CMABI_STATUS_LINK, "test:guest/blobs@1.0.0", cmabi_linker_check, f.linker, f.component);
    REQUIRE_OK(cmabi_linker_resource, f.linker, blobs, CMABI_STR("blob"), data.type, destroy, &data,
               count_drop);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "\"blob\" is defined already", cmabi_linker_resource,
                f.linker, blobs, CMABI_STR("blob"), data.type, destroy, &data, count_drop);
    CHECK(data.drops == 1);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`type` is NULL", cmabi_linker_resource, f.linker,
                blobs, CMABI_STR("bleb"), nullptr, destroy, &data, count_drop);
    CHECK(data.drops == 2);
}

namespace {

// The host between two guests: it is lent and given counters, which the first implements.
struct Visit : Counters {
    Handle<cmabi_component, cmabi_component_free> component;
    Handle<cmabi_instance, cmabi_instance_free> visitor;
    std::uint32_t (*on_look)(Visit &, std::uint32_t) = nullptr;
    std::uint32_t taken = 0;

    explicit Visit(Blobs &data) : Counters(data) {
        const auto bytes = read_guest("visitor.wasm");
        REQUIRE_OK(cmabi_component_load, engine, bytes.data(), bytes.size(), component.out());
        // What the visitor imports as an instance is one that the first guest exports.
        Handle<cmabi_linker, cmabi_linker_free> all;
        REQUIRE_OK(cmabi_linker_new, engine, all.out());
        REQUIRE_OK(cmabi_linker_instance, all, view(""), instance);
        const cmabi_string host = CMABI_STR("test:guest/host@1.0.0");
        REQUIRE_OK(cmabi_linker_func, all, host, CMABI_STR("look"), look, this, nullptr);
        REQUIRE_OK(cmabi_linker_func, all, host, CMABI_STR("take"), take, this, nullptr);
        REQUIRE_OK(cmabi_linker_instantiate, all, store, component, visitor.out());
    }

    static cmabi_status look(void *data, cmabi_task *, const void *args, void *results) {
        auto &self = *static_cast<Visit *>(data);
        const std::uint32_t borrow = *static_cast<const std::uint32_t *>(args);
        *static_cast<std::uint32_t *>(results) = self.on_look(self, borrow);
        return CMABI_STATUS_OK;
    }
    static cmabi_status take(void *data, cmabi_task *, const void *args, void *) {
        static_cast<Visit *>(data)->taken = *static_cast<const std::uint32_t *>(args);
        return CMABI_STATUS_OK;
    }
};

} // namespace

TEST_CASE("the host is lent a guest's resource, and gives it back") {
    Blobs data;
    Visit f(data);
    f.on_look = [](Visit &self, std::uint32_t borrow) {
        bool owned = true;
        CHECK_OK(cmabi_resource_is_owned, self.store, borrow, &owned);
        CHECK(!owned);
        const std::uint32_t value = self.ask(read, borrow);
        std::uint32_t answer = 0;
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "cannot pass on ownership of a borrowed resource",
                    cmabi_func_call, self.store, self.func(consume), &borrow, &answer, nullptr);
        CHECK_OK(cmabi_resource_drop, self.store, nullptr, borrow);
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "refers to nothing", cmabi_resource_drop,
                    self.store, nullptr, borrow);
        return value;
    };
    const std::uint32_t value = 11;
    std::uint32_t seen = 0;
    CHECK_OK(cmabi_func_call, f.store, Guest::func(f.visitor, "visit"), &value, &seen, nullptr);
    CHECK(seen == 11);
}

TEST_CASE("a borrow goes through the host") {
    Blobs data;
    Visit f(data);
    f.on_look = [](Visit &self, std::uint32_t borrow) {
        const std::uint32_t value = self.ask(read, borrow);
        CHECK_OK(cmabi_resource_drop, self.store, nullptr, borrow);
        return value + 1;
    };
    const std::uint32_t value = 11;
    std::uint32_t seen = 0;
    CHECK_OK(cmabi_func_call, f.store, Guest::func(f.visitor, "visit"), &value, &seen, nullptr);
    CHECK(seen == 12);
    CHECK(f.dropped() == 11);
}

TEST_CASE("a host function that keeps a borrow makes its caller trap") {
    Blobs data;
    Visit f(data);
    f.on_look = [](Visit &, std::uint32_t) { return std::uint32_t{0}; };
    const std::uint32_t value = 11;
    std::uint32_t seen = 0;
    CHECK_FAILS(CMABI_STATUS_TRAP, "borrow handles still remain", cmabi_func_call, f.store,
                Guest::func(f.visitor, "visit"), &value, &seen, nullptr);
}

TEST_CASE("the host is given a guest's resource, and lets it go") {
    Blobs data;
    Visit f(data);
    const std::uint32_t value = 12;
    CHECK_OK(cmabi_func_call, f.store, Guest::func(f.visitor, "give"), &value, nullptr, nullptr);
    CHECK(f.ask(read, f.taken) == 12);
    CHECK(f.dropped() == 0);
    CHECK_OK(cmabi_resource_drop, f.store, nullptr, f.taken);
    CHECK(f.dropped() == 12);
}
