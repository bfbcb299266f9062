// Async guests that spin, spawn or wait without end. Each ends with an error; the store goes on.
#include "guest.hpp"

using Config = Handle<cmabi_config, cmabi_config_free>;

namespace {

Config config() {
    Config config;
    REQUIRE_OK(cmabi_config_new, config.out());
    return config;
}

std::uint32_t unused;

// The component is poisoned with the one in it that trapped; another instance is not.
void check_usable(Guest &guest) {
    CHECK_FAILS(CMABI_STATUS_ENDED, "cannot enter component instance", cmabi_func_call, guest.store, guest.func("fine"),
                nullptr, &unused, nullptr);
    guest.instantiate();
    std::uint32_t result = 0;
    CHECK_OK(cmabi_func_call, guest.store, guest.func("fine"), nullptr, &result, nullptr);
    CHECK(result == 1);
}

} // namespace

TEST_CASE("a guest that yields for ever runs out of fuel") {
    const Config limited = config();
    REQUIRE_OK(cmabi_config_set_fuel, limited, std::uint64_t{100000});
    Guest guest("restless.wasm", limited);
    guest.instantiate();
    CHECK_FAILS(CMABI_STATUS_LIMIT, "fuel", cmabi_func_call, guest.store, guest.func("spin"), nullptr, nullptr, nullptr);
    CHECK_OK(cmabi_store_set_fuel, guest.store, std::uint64_t{100000});
    check_usable(guest);
}

TEST_CASE("a guest that makes threads for ever meets the limit") {
    const Config limited = config();
    REQUIRE_OK(cmabi_config_set_max_threads, limited, 100U);
    Guest guest("restless.wasm", limited);
    guest.instantiate();
    CHECK_FAILS(CMABI_STATUS_LIMIT, "thread.new-indirect", cmabi_func_call, guest.store, guest.func("spawn"), nullptr,
                nullptr, nullptr);
    check_usable(guest);
}

TEST_CASE("a guest that waits for nothing is found out") {
    Guest guest("restless.wasm");
    guest.instantiate();
    CHECK_FAILS(CMABI_STATUS_TRAP, "deadlock", cmabi_func_call, guest.store, guest.func("never"), nullptr, nullptr,
                nullptr);
    // It waits on; nothing has trapped inside the component.
    std::uint32_t result = 0;
    CHECK_OK(cmabi_func_call, guest.store, guest.func("fine"), nullptr, &result, nullptr);
    CHECK(result == 1);
}
