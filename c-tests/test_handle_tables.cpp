// Handles of resources in the table of an instance: their life, and what is refused.
#include "native.hpp"

namespace {

// An instance that implements a resource type, and notes the representations it is to destroy.
struct Owner {
    explicit Owner(Native &native) : n(native), instance(n.instance("owner")) {
        rt = n.resource(instance, n.core({I32}, {}, [this](const Values &args) {
            destroyed.push_back(static_cast<std::uint32_t>(args[0]));
            return Values{};
        }));
    }
    std::uint32_t make(std::uint32_t rep) { return n.get(cmabi_canon_resource_new, rt.get(), rep); }
    std::uint32_t rep(std::uint32_t handle) { return n.get(cmabi_canon_resource_rep, rt.get(), handle); }
    void drop(std::uint32_t handle) { n.run(cmabi_canon_resource_drop, rt.get(), handle); }

    Native &n;
    cmabi_component_instance instance;
    ResourceType rt;
    std::vector<std::uint32_t> destroyed;
};

// The guest of an owner traps with a message that contains `part`.
void check_owner_traps(const char *part, const std::function<void(Owner &)> &body) {
    Native n;
    Owner owner(n);
    const std::string message = run_guest(n, owner.instance, [&] { body(owner); });
    CAPTURE(message);
    CHECK(message.find(part) != std::string::npos);
}

} // namespace

TEST_CASE("handles count from 1, and the index that was freed last is used first") {
    Native n;
    Owner owner(n);
    CHECK(run_guest(n, owner.instance, [&] {
        for (std::uint32_t i = 1; i <= 4; ++i) {
            CHECK(owner.make(40 + i) == i);
        }
        for (std::uint32_t i = 1; i <= 4; ++i) {
            CHECK(owner.rep(i) == 40 + i);
        }
        owner.drop(1);
        owner.drop(3);
        CHECK(owner.destroyed == std::vector<std::uint32_t>{41, 43});
        CHECK(owner.make(50) == 3);
        CHECK(owner.make(51) == 1);
        CHECK(owner.make(52) == 5);
        CHECK(owner.rep(1) == 51);
        for (std::uint32_t i = 1; i <= 5; ++i) {
            owner.drop(i);
        }
        CHECK(owner.destroyed == std::vector<std::uint32_t>{41, 43, 51, 42, 50, 44, 52});
    }) == "");
}

TEST_CASE("one table holds every kind of entry") {
    Native n;
    Owner owner(n);
    CHECK(run_guest(n, owner.instance, [&] {
        CHECK(owner.make(1) == 1);
        CHECK(n.get(cmabi_canon_waitable_set_new) == 2);
        const Ends ends = n.stream_new(nullptr);
        CHECK(ends.readable == 3);
        CHECK(ends.writable == 4);
        CHECK(owner.make(2) == 5);
    }) == "");
    check_owner_traps("resource.rep", [](Owner &o) { o.rep(o.n.get(cmabi_canon_waitable_set_new)); });
    check_owner_traps("waitable-set.drop", [](Owner &o) { o.n.run(cmabi_canon_waitable_set_drop, o.make(1)); });
}

TEST_CASE("handles that are not there, or of another type") {
    check_owner_traps("unknown handle index 1", [](Owner &o) { o.rep(1); });
    check_owner_traps("unknown handle index 0", [](Owner &o) { o.drop(0); });
    check_owner_traps("unknown handle index 4294967295", [](Owner &o) { o.rep(0xffffffff); });
    check_owner_traps("unknown handle index 1", [](Owner &o) {
        o.make(1);
        o.drop(1);
        o.drop(1);
    });
    check_owner_traps("expected \"r\"", [](Owner &o) {
        const ResourceType other = o.n.resource(o.instance, 0, "other");
        o.rep(o.n.get(cmabi_canon_resource_new, other.get(), 1U));
    });
}

TEST_CASE("a table has the length that the config allows") {
    Config config;
    REQUIRE_OK(cmabi_config_new, config.out());
    REQUIRE_OK(cmabi_config_set_max_handles, config, 3U);
    Native n(config);
    Owner owner(n);
    const std::string message = run_guest(n, owner.instance, [&] {
        for (std::uint32_t i = 1; i <= 3; ++i) {
            CHECK(owner.make(i) == i);
        }
        owner.make(4);
    });
    CAPTURE(message);
    CHECK(message.find("resource.new") != std::string::npos);
}

TEST_CASE("a destructor may call, may trap, and may not come back in") {
    Native n;
    const auto owner = n.instance("owner"), user = n.instance("user");
    ResourceType rt;
    REQUIRE_OK(cmabi_resource_type_new, CMABI_STR("r"), rt.out());
    std::function<void(std::uint64_t)> on_destroy;
    const auto dtor = n.core({I32}, {}, [&](const Values &args) {
        on_destroy(args[0]);
        return Values{};
    });
    REQUIRE_OK(cmabi_canon_define_resource, n.store, owner, rt, dtor);
    const Type own = own_of(rt);
    const FuncType make_type = func({field("rep", u32())}, own);
    const auto make = n.lift(owner, n.core({I32}, {I32}, [&](const Values &args) {
        return Values{n.get(cmabi_canon_resource_new, rt.get(), static_cast<std::uint32_t>(args[0]))};
    }), make_type, Native::options(), "make");
    const auto lowered_make = n.lower(user, make, Native::options());

    std::vector<std::uint64_t> log;
    const FuncType note_type = func({field("x", u32())});
    const auto note = n.host(note_type, [&](cmabi_task *, const void *args, void *) {
        log.push_back(*static_cast<const std::uint32_t *>(args));
    });
    const auto lowered_note = n.lower(owner, note, Native::options());
    on_destroy = [&](std::uint64_t rep) { n.call(lowered_note, {rep}, 0); };
    CHECK(run_guest(n, user, [&] {
        const auto handle = n.call1(lowered_make, {5});
        n.run(cmabi_canon_resource_drop, rt.get(), handle);
    }) == "");
    CHECK(log == std::vector<std::uint64_t>{5});

    on_destroy = [](std::uint64_t) { throw Failed{"the destructor fails"}; };
    const std::string message = run_guest(n, user, [&] {
        const auto handle = n.call1(lowered_make, {6});
        n.run(cmabi_canon_resource_drop, rt.get(), handle);
    });
    CAPTURE(message);
    CHECK(message.find("destructor of r") != std::string::npos);
    // What the specification poisons: both instances, which were entered.
    CHECK(run_guest(n, user, [] {}).find("cannot enter") != std::string::npos);
    CHECK(run_guest(n, owner, [] {}).find("cannot enter") != std::string::npos);
}

TEST_CASE("a borrow lives until its call ends") {
    Native n;
    Owner owner(n);
    const auto user = n.instance("user");
    const Type own = own_of(owner.rt), borrow = borrow_of(owner.rt);
    const FuncType type = func({field("b", borrow)});
    std::function<void(std::uint32_t)> body;
    const auto uses = n.lift(user, n.core({I32}, {}, [&](const Values &args) {
        body(static_cast<std::uint32_t>(args[0]));
        return Values{};
    }), type, Native::options(), "uses");
    const auto lowered = n.lower(owner.instance, uses, Native::options());

    body = [&](std::uint32_t handle) {
        CHECK(handle == 1);
        owner.drop(handle);
    };
    CHECK(run_guest(n, owner.instance, [&] {
        const auto handle = owner.make(7);
        n.call(lowered, {handle}, 0);
        CHECK(owner.destroyed.empty());
        CHECK(owner.rep(handle) == 7);
        owner.drop(handle);
    }) == "");
    CHECK(owner.destroyed == std::vector<std::uint32_t>{7});

    // Kept beyond the call.
    body = [](std::uint32_t) {};
    const std::string message = run_guest(n, owner.instance, [&] { n.call(lowered, {owner.make(8)}, 0); });
    CAPTURE(message);
    CHECK(message.find("borrow") != std::string::npos);
}

TEST_CASE("what is lent can be neither dropped nor given away") {
    for (const bool drop : {true, false}) {
        Native n;
        Owner owner(n);
        const auto user = n.instance("user");
        const Type own = own_of(owner.rt), borrow = borrow_of(owner.rt);
        auto opts = Native::options();
        opts.is_async = 1;
        const FuncType type = func({field("b", borrow)}, nullptr, true);
        const auto keeps = n.lift(user, n.core({I32}, {}, [&](const Values &args) {
            for (int i = 0; i < 3; ++i) {
                n.get(cmabi_canon_thread_yield);
            }
            owner.drop(static_cast<std::uint32_t>(args[0]));
            n.task_return(nullptr, opts, {});
            return Values{};
        }), type, opts, "keeps");
        const FuncType take_type = func({field("o", own)});
        const auto takes = n.lift(user, n.core({I32}, {}, [](const Values &) { return Values{}; }), take_type,
                                  Native::options(), "takes");
        const auto lowered_keeps = n.lower(owner.instance, keeps, opts);
        const auto lowered_takes = n.lower(owner.instance, takes, Native::options());
        const std::string message = run_guest(n, owner.instance, [&] {
            const auto handle = owner.make(9);
            CHECK(Packed(n.call1(lowered_keeps, {handle})).state == STARTED);
            if (drop) {
                owner.drop(handle);
            } else {
                n.call(lowered_takes, {handle}, 0);
            }
        });
        CAPTURE(message);
        CHECK(message.find("lent") != std::string::npos);
    }
}
