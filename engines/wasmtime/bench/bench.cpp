// What calls of components cost in libcmabi on the wasmtime engine, from C. Prints a line for each operation, as the
// program beside it does for the wasmtime crate: its name and nanoseconds.

#include <cmabi_wasmtime.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

struct point {
    std::uint32_t a;
    double b;
    std::uint8_t c;
};

// The best of many rounds, for each of `per_call` turns of a call.
template <class Call>
void report(const char *name, unsigned calls, unsigned per_call, Call &&call) {
    double best = 1e18;
    for (int round = 0; round < 50; ++round) {
        const auto start = std::chrono::steady_clock::now();
        for (unsigned i = 0; i < calls; ++i) call();
        const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - start;
        best = std::min(best, taken.count() / (calls * per_call));
    }
    std::printf("%s\t%.1f\n", name, best);
}

cmabi_status host(void *, cmabi_task *, const void *args, void *results) {
    *static_cast<std::uint32_t *>(results) = *static_cast<const std::uint32_t *>(args);
    return CMABI_STATUS_OK;
}

} // namespace

int main(int, char **argv) {
    const cmabi::wasmtime_engine engine;
    const cmabi::component component(engine, argv[1]);
    cmabi::linker linker(engine);
    if (cmabi_linker_func(linker.get(), CMABI_STR(""), CMABI_STR("host"), host, nullptr, nullptr, nullptr)) std::abort();
    linker.set_immediate("", "host");
    cmabi::store store(engine);
    const auto guest = linker.instantiate(store, component);
    cmabi_arena *arena = nullptr;
    if (cmabi_arena_new(0, &arena, nullptr)) std::abort();
    const auto func = [&](const char *name) {
        const cmabi_func *found = nullptr;
        if (cmabi_instance_func(guest.get(), cmabi_string{name, std::strlen(name)}, &found, nullptr)) std::abort();
        return found;
    };
    const auto call = [&](const cmabi_func *callee, const void *args, void *results) {
        if (cmabi_func_call(store.get(), callee, args, results, arena, nullptr)) std::abort();
    };
    const cmabi_func *add = func("add"), *call_host = func("call-host"), *take_string = func("take-string"),
                     *give_string = func("give-string"), *take_records = func("take-records"),
                     *give_records = func("give-records"), *take_strings = func("take-strings"), *fib = func("fib");

    const std::uint32_t both[] = {1, 2}, turns = 1000, n = 27;
    const cmabi_string text = CMABI_STR("sixteen letters!");
    const std::vector<point> points(10'000, point{1, 2.0, 3});
    const std::vector<cmabi_string> texts(10'000, text);
    struct {
        const void *ptr;
        std::size_t len;
    } list{}, got{};
    std::uint32_t number = 0;
    report("host calls guest: func(u32, u32) -> u32", 10'000, 1, [&] { call(add, both, &number); });
    report("guest calls host: func(u32) -> u32", 10, 1'000, [&] { call(call_host, &turns, nullptr); });
    report("func(string 16 B)", 10'000, 1, [&] { call(take_string, &text, nullptr); });
    report("func() -> string 16 B", 10'000, 1, [&] {
        call(give_string, nullptr, &got);
        cmabi_arena_reset(arena, nullptr);
    });
    list = {points.data(), points.size()};
    report("func(list<record{u32,f64,u8}> 10,000)", 20, 1, [&] { call(take_records, &list, nullptr); });
    report("func() -> list<record{u32,f64,u8}> 10,000", 20, 1, [&] {
        call(give_records, nullptr, &got);
        cmabi_arena_reset(arena, nullptr);
    });
    list = {texts.data(), texts.size()};
    report("func(list<string 16 B> 10,000)", 10, 1, [&] { call(take_strings, &list, nullptr); });
    report("fib(27)", 1, 1, [&] { call(fib, &n, &number); });
    cmabi_arena_free(arena);
}
