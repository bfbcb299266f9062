// Many guests that are suspended at once, on stacks of their own.
#include "support.hpp"

#include <cmabi.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>
#include <thread>

using cmabi::subtask;
using std::uint32_t;

namespace {

constexpr uint32_t count = 1000;

// How many calls in all: a soak where the environment asks for more.
uint32_t soak() {
    const char *calls = std::getenv("CMABI_TEST_SOAK");
    if (calls != nullptr) {
        return static_cast<uint32_t>(std::strtoul(calls, nullptr, 10));
    }
    return std::getenv("CMABI_TEST_VALGRIND") != nullptr ? count : 20 * count;
}

// What the process has in memory, in KiB, where the system says it.
std::size_t resident() {
    std::ifstream file("/proc/self/statm");
    std::size_t size = 0, pages = 0;
    return file >> size >> pages ? pages * 4 : 0;
}

struct Patient {
    struct question {
        uint32_t n;
        cmabi::promise<uint32_t> promise;
    };

    cmabi::engine engine;
    cmabi::component component{engine, read_guest("patient.wasm")};
    cmabi::linker linker{engine};
    std::optional<cmabi::store> store{engine};
    std::optional<cmabi::instance> instance;
    std::vector<question> questions;

    Patient() {
        linker.func("", "later", [this](cmabi::promise<uint32_t> promise, uint32_t n) {
            questions.push_back({n, std::move(promise)});
        });
        instance = linker.instantiate(*store, component);
    }

    subtask<uint32_t> start(uint32_t n) { return instance->func<uint32_t(uint32_t)>("wait").start(n); }
    // Answers any of the questions.
    void answer(std::size_t at) {
        std::swap(questions[at], questions.back());
        question next = std::move(questions.back());
        questions.pop_back();
        next.promise.resolve(next.n + 1);
    }
    void answer_all() {
        while (!questions.empty()) {
            answer(0);
            store->run();
        }
    }
};

} // namespace

TEST_CASE("a thousand guests are suspended, and go on in any order") {
    Patient f;
    std::mt19937 random(1);
    std::size_t before = 0;
    const uint32_t rounds = std::max(soak() / count, 1U);
    for (uint32_t round = 0; round < rounds; ++round) {
        std::vector<subtask<uint32_t>> calls;
        for (uint32_t i = 0; i < count; ++i) {
            calls.push_back(f.start(i));
            // Some go on while others begin.
            if (random() % 4 == 0) {
                f.answer(random() % f.questions.size());
                f.store->run();
            }
        }
        while (!f.questions.empty()) {
            f.answer(random() % f.questions.size());
            if (f.questions.empty() || random() % 2 == 0) {
                f.store->run();
            }
        }
        for (uint32_t i = 0; i < count; ++i) {
            REQUIRE(calls[i].get() == i + 3);
        }
        if (round == rounds / 4) {
            before = resident();
        }
    }
    MESSAGE("resident after a quarter: " << before << " KiB, at the end: " << resident() << " KiB");
    CHECK((HAS_ASAN || resident() < before + 4096));
}

TEST_CASE("one traps while others wait, and those of other instances go on") {
    Patient f;
    std::vector<subtask<uint32_t>> calls, ended;
    for (uint32_t i = 0; i < 50; ++i) {
        calls.push_back(f.start(i));
    }
    const auto other = f.linker.instantiate(*f.store, f.component);
    for (uint32_t i = 0; i < 50; ++i) {
        ended.push_back(other.func<uint32_t(uint32_t)>("wait").start(i));
    }
    auto trapping = other.func<uint32_t(uint32_t)>("wait-and-trap").start(1);
    f.answer(f.questions.size() - 1);
    CHECK_THROWS_AS(f.store->run(), cmabi::error);
    CHECK_THROWS_AS(trapping.get(), cmabi::error);
    for (auto &call : ended) {
        CHECK_THROWS_AS(call.get(), cmabi::error);
    }
    f.answer_all();
    for (uint32_t i = 0; i < 50; ++i) {
        CHECK(calls[i].get() == i + 3);
    }
}

TEST_CASE("a store goes while guests are suspended in it") {
    for (int round = 0; round < 3; ++round) {
        Patient f;
        for (uint32_t i = 0; i < 100; ++i) {
            f.start(i);
        }
        f.answer(50);
        f.store->run();
        f.store.reset();
    }
}

TEST_CASE("guests are suspended in one thread and go on in another") {
    Patient f;
    std::vector<subtask<uint32_t>> calls;
    for (uint32_t round = 0; round < 10; ++round) {
        std::thread([&] {
            for (int i = 0; i < 10; ++i) {
                calls.push_back(f.start(round));
            }
            for (int i = 0; i < 5; ++i) {
                f.answer(f.questions.size() / 2);
            }
            f.store->run();
        }).join();
    }
    f.answer_all();
    for (uint32_t i = 0; i < calls.size(); ++i) {
        CHECK(calls[i].get() == i / 10 + 3);
    }
}
