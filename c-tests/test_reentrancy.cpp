// Callbacks that change, use and free what has called them.
#include "guest.hpp"

#include <string>

namespace {

const cmabi_string host = CMABI_STR("test:guest/host@1.2.0");

cmabi_status nothing(void *, cmabi_task *, const void *, void *) { return CMABI_STATUS_OK; }

// A linker for guests/caller.wat whose type checks run `act` first, once.
struct Checked : Guest {
    explicit Checked(void (*act)(Checked &)) : Guest("caller.wasm"), act(act) {
        for (const char *name : {"number", "text", "signal"}) {
            REQUIRE_OK(cmabi_linker_checked_func, linker, host, view(name), check, serve, this, count);
        }
    }
    cmabi_status instantiate() {
        return cmabi_linker_instantiate(linker, store, component, instance.out(), nullptr);
    }

    void (*act)(Checked &);
    int dropped = 0;

private:
    static bool check(void *data, const cmabi_func_type *, cmabi_string *) {
        auto &self = *static_cast<Checked *>(data);
        if (const auto once = std::exchange(self.act, nullptr)) {
            once(self);
        }
        return true;
    }
    static cmabi_status serve(void *, cmabi_task *, const void *args, void *results) {
        *static_cast<std::uint32_t *>(results) = *static_cast<const std::uint32_t *>(args);
        return CMABI_STATUS_OK;
    }
    static void count(void *data) { static_cast<Checked *>(data)->dropped++; }
};

std::uint32_t number(Checked &guest) {
    const std::uint32_t in = 4;
    std::uint32_t out = 0;
    CHECK_OK(cmabi_func_call, guest.store, guest.func("number"), &in, &out, nullptr);
    return out;
}

} // namespace

TEST_CASE("a type check may change its linker") {
    Checked guest([](Checked &self) {
        for (int i = 0; i < 1000; i++) {
            const std::string name = "more-" + std::to_string(i);
            CHECK_OK(cmabi_linker_func, self.linker, host, view(name), nothing, nullptr, nullptr);
        }
    });
    SUBCASE("when it is asked about") {
        CHECK_OK(cmabi_linker_check, guest.linker, guest.component);
    }
    SUBCASE("when it instantiates") {
        CHECK(guest.instantiate() == CMABI_STATUS_OK);
        CHECK(number(guest) == 5);
    }
    // From the next time on, all of it is there.
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "\"more-999\" is defined already", cmabi_linker_func, guest.linker, host,
                CMABI_STR("more-999"), nothing, nullptr, nullptr);
    CHECK(guest.instantiate() == CMABI_STATUS_OK);
    CHECK(number(guest) == 5);
    CHECK(guest.dropped == 0);
}

TEST_CASE("a type check may free its linker and what is linked") {
    Checked guest([](Checked &self) {
        self.linker.out();
        self.component.out();
        CHECK(self.dropped == 0);
    });
    SUBCASE("when it is asked about") {
        CHECK_OK(cmabi_linker_check, guest.linker, guest.component);
        CHECK(guest.dropped == 3);
    }
    SUBCASE("when it instantiates") {
        CHECK(guest.instantiate() == CMABI_STATUS_OK);
        CHECK(number(guest) == 5);
        guest.store.out();
        CHECK(guest.dropped == 3);
    }
}

TEST_CASE("what a linker lets go of may use it") {
    struct Again {
        cmabi_linker *linker;
        int defined = 0;
    };
    Guest guest("caller.wasm");
    Again again{guest.linker};
    CHECK_OK(cmabi_linker_func, guest.linker, host, CMABI_STR("taken"), nothing, nullptr, nullptr);
    const cmabi_drop define_another = [](void *data) {
        auto &self = *static_cast<Again *>(data);
        CHECK_OK(cmabi_linker_func, self.linker, host, CMABI_STR("another"), nothing, nullptr, nullptr);
        self.defined++;
    };
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "defined already", cmabi_linker_func, guest.linker, host,
                CMABI_STR("taken"), nothing, &again, define_another);
    CHECK(again.defined == 1);
}
