// guests/sleeper.wat in C++: the host's functions keep their promises until the test answers them.
#pragma once

#include "support.hpp"

#include <cmabi.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sleeper {

enum class suit : std::uint8_t { hearts, spades };

} // namespace sleeper

template <>
struct cmabi::enumeration<sleeper::suit> {
    static constexpr std::array labels{"hearts", "spades"};
};

namespace sleeper {

constexpr auto host = "test:guest/host@1.0.0";

// A call of the guest that has not been answered.
template <class R>
struct pending {
    std::uint32_t arg;
    cmabi::promise<R> promise;
};

struct Host {
    cmabi::engine engine;
    cmabi::component component{engine, read_guest("sleeper.wasm")};
    cmabi::linker linker{engine};
    std::optional<cmabi::store> store{engine};
    std::optional<cmabi::instance> instance;

    std::deque<pending<std::uint32_t>> sleeps;
    std::deque<pending<std::string>> names;

    // What a test does not offer otherwise.
    void offer_sleep() {
        linker.func(host, "sleep", [this](cmabi::promise<std::uint32_t> promise, std::uint32_t ms) {
            sleeps.push_back({ms, std::move(promise)});
        });
    }
    void offer_name() {
        linker.func(host, "name", [this](cmabi::promise<std::string> promise, std::uint32_t n) {
            names.push_back({n, std::move(promise)});
        });
    }
    void offer_rest() {
        linker.func(host, "deal", [] { return suit::spades; });
        linker.func(host, "notify", [] {});
    }
    void instantiate() { instance = linker.instantiate(*store, component); }

    template <class Signature>
    cmabi::func<Signature> func(const char *name) const {
        return instance->func<Signature>(name);
    }
    cmabi::func<std::uint32_t(std::uint32_t)> sleep_func(const char *name) const {
        return func<std::uint32_t(std::uint32_t)>(name);
    }
    // Answers the oldest call of `sleep`, and lets the guest go on.
    void answer(std::uint32_t value) {
        REQUIRE(!sleeps.empty());
        cmabi::promise<std::uint32_t> promise = std::move(sleeps.front().promise);
        sleeps.pop_front();
        promise.resolve(value);
        store->run();
    }
};

struct Sleeper : Host {
    Sleeper() {
        offer_sleep();
        offer_name();
        offer_rest();
        instantiate();
    }
};

} // namespace sleeper
