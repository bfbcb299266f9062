// What generated code costs: a call through it, in C and in C++, against cmabi_func_call itself. Each figure
// is the best of many rounds, in which the three take turns.
//
//     bench-generated adder.wasm [CALLS]
//
// With CALLS, each of the three makes as many calls and no more, for tools that count instructions.

#include "adder.h"
#include "adder.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>

namespace {

struct guest {
    cmabi::engine engine;
    cmabi::component component;
    cmabi::linker linker{engine};
    cmabi::store store{engine};
    bench::adder::adder cpp;
    ::adder c{};

    explicit guest(const char *path) : component(engine, path), cpp(linker, store, component) {
        if (adder_instantiate(&c, linker.get(), store.get(), component.get(), nullptr))
            throw std::runtime_error("the component does not fit");
    }
};

void check(std::uint32_t sum) {
    if (sum != 3) std::abort();
}

// Functions of their own, for tools that count by function.
[[gnu::noinline]] void call_bare(guest &guest, unsigned calls) {
    const cmabi_func *const add = guest.c.funcs[0];
    for (unsigned i = 0; i < calls; ++i) {
        const struct {
            std::uint32_t a, b;
        } args = {1, 2};
        std::uint32_t sum = 0;
        if (cmabi_func_call(guest.c.store, add, &args, &sum, nullptr, nullptr)) std::abort();
        check(sum);
    }
}

[[gnu::noinline]] void call_c(guest &guest, unsigned calls) {
    for (unsigned i = 0; i < calls; ++i) {
        std::uint32_t sum = 0;
        if (adder_add(&guest.c, 1, 2, &sum, nullptr)) std::abort();
        check(sum);
    }
}

[[gnu::noinline]] void call_cpp(guest &guest, unsigned calls) {
    for (unsigned i = 0; i < calls; ++i) check(guest.cpp.add(1, 2));
}

constexpr void (*ways[])(guest &, unsigned) = {call_bare, call_c, call_cpp};
constexpr const char *names[] = {"cmabi_func_call", "generated C", "generated C++"};

void race(guest &guest) {
    constexpr unsigned calls = 2000;
    double best[] = {1e9, 1e9, 1e9};
    for (int round = 0; round < 1000; ++round) {
        for (int way = 0; way < 3; ++way) {
            const auto start = std::chrono::steady_clock::now();
            ways[way](guest, calls);
            const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - start;
            best[way] = std::min(best[way], taken.count() / calls);
        }
    }
    std::printf("%-32s %12s %12s\n", "func(u32, u32) -> u32", "a call", "more");
    for (int way = 0; way < 3; ++way)
        std::printf("%-32s %9.1f ns %+9.1f ns\n", names[way], best[way], best[way] - best[0]);
}

} // namespace

int main(int argc, char **argv) {
    try {
        guest guest(argc > 1 ? argv[1] : "adder.wasm");
        if (argc > 2) {
            for (const auto way : ways) way(guest, unsigned(std::strtoul(argv[2], nullptr, 10)));
        } else {
            race(guest);
        }
        adder_free(&guest.c);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "bench-generated: %s\n", error.what());
        return 1;
    }
}
