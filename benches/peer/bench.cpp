// What calls of components cost in libcmabi on either engine, from C. Prints a line for each operation, as the
// program beside it does for the wasmtime crate: its name and nanoseconds.

#include <cmabi_wasmtime.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

struct point {
    std::uint32_t a;
    double b;
    std::uint8_t c;
};

// The best of many rounds, for each of `per_call` turns of a call.
template <class Call>
void report(const char *name, unsigned calls, unsigned per_call, Call &&call, int rounds = 50) {
    const char *const only = std::getenv("CMABI_BENCH_ONLY");
    if (only != nullptr && std::strstr(name, only) == nullptr) return;
    double best = 1e18;
    for (int round = 0; round < rounds; ++round) {
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

std::vector<std::uint8_t> content(const char *path) {
    std::ifstream file(path, std::ios::binary);
    return std::vector<std::uint8_t>(std::istreambuf_iterator<char>(file), {});
}

// Loading the component at `path`: compiled, and as a file with its code.
void loading(const cmabi::engine &engine, const char *name, const char *path, int rounds) {
    const std::vector<std::uint8_t> wasm = content(path);
    const std::string file = std::string(path) + ".cmabi", title = std::string("load: ") + name;
    report(title.c_str(), 1, 1, [&] { cmabi::component(engine, {wasm.data(), wasm.size()}); }, rounds);
    const auto code = cmabi::component(engine, {wasm.data(), wasm.size()}).serialize();
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char *>(code.data()), std::streamsize(code.size()));
    report((title + ", precompiled").c_str(), 1, 1, [&] { cmabi::component::load_precompiled_file(engine, file); }, 200);
}

} // namespace

// The guests for calls, calls between guests, loading, and a large one where there is one. With `CMABI_BENCH_ENGINE=wasmi`
// on the built-in engine; with `CMABI_BENCH_ONLY=text` only what has the text in its name, for a profiler.
int main(int argc, char **argv) {
    const char *const chosen = std::getenv("CMABI_BENCH_ENGINE");
    const bool is_built_in = chosen != nullptr && std::strcmp(chosen, "wasmi") == 0;
    const cmabi::engine engine = is_built_in ? cmabi::engine() : cmabi::engine(cmabi::wasmtime_engine());
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
                     *give_records = func("give-records"), *take_strings = func("take-strings"), *fib = func("fib"),
                     *matrix = func("matrix"), *json = func("json");

    const std::uint32_t both[] = {1, 2}, turns = 1000, n = 32, rows = 200, times = 10'000;
    double sum = 0;
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
    const int rounds = is_built_in ? 3 : 20;
    report("fib(32)", 1, 1, [&] { call(fib, &n, &number); }, rounds);
    report("product of 200x200 matrices", 1, 1, [&] { call(matrix, &rows, &sum); }, rounds);
    report("JSON, 1 MB", 1, 1, [&] { call(json, &times, &number); }, rounds);

    cmabi::store both_guests(engine);
    const auto pair = cmabi::linker(engine).instantiate(both_guests, cmabi::component(engine, argv[2]));
    const auto of_pair = [&](const char *name) {
        const cmabi_func *found = nullptr;
        if (cmabi_instance_func(pair.get(), cmabi_string{name, std::strlen(name)}, &found, nullptr)) std::abort();
        return found;
    };
    const auto call_pair = [&](const cmabi_func *callee, const void *args) {
        if (cmabi_func_call(both_guests.get(), callee, args, nullptr, arena, nullptr)) std::abort();
    };
    const cmabi_func *ids = of_pair("ids"), *lists = of_pair("lists"), *now = of_pair("now"), *laters = of_pair("laters"),
                     *pump = of_pair("pump"), *contexts = of_pair("contexts");
    report("guest calls guest: func(u32) -> u32", 10, 1'000, [&] { call_pair(ids, &turns); });
    report("guest calls guest: func(list<u8> 64 KiB)", 1, 1'000, [&] { call_pair(lists, &turns); });
    report("host calls guest: async func(), at once", 1'000, 1, [&] { call_pair(now, nullptr); });
    report("guest calls guest: async func(), blocks once", 1, 1'000, [&] { call_pair(laters, &turns); });
    report("stream between guests, 64 KiB", 1, 1'000, [&] { call_pair(pump, &turns); });
    report("context.get, context.set", 10, 1'000, [&] { call_pair(contexts, &turns); });

    loading(engine, "one function", argv[3], 50);
    if (argc > 4) loading(engine, "large", argv[4], 2);
    cmabi_arena_free(arena);
}
