// A guest that calls itself: all of a value is lifted before any of it is lowered, which it can tell
// by its handles, by its `realloc`, and by its memory.
#include "streams.hpp"

namespace {

// A component instance whose functions call one another, and what its `realloc` is asked for.
struct Self {
    Native n;
    Heap heap{256};
    cmabi_component_instance inst = n.instance("self");
    std::vector<Values> reallocs;
    cmabi_canon_options opts = Native::options();

    explicit Self(cmabi_string_encoding encoding = CMABI_STRING_ENCODING_UTF8, std::function<void()> meddle = [] {}) {
        opts.string_encoding = encoding;
        opts.memory = n.memory(heap);
        opts.realloc = n.core({I32, I32, I32, I32}, {I32}, [this, meddle](const Values &args) {
            reallocs.push_back(args);
            meddle();
            return Values{heap.realloc(args[0], args[1], args[2], args[3])};
        });
    }
    // The function of the core type `params` that calls `callee`.
    cmabi_core_func import(const FuncType &type, const CoreTypes &params, Native::Core callee) {
        imported = n.lift(inst, n.core(params, {}, std::move(callee)), type, opts, "callee");
        return n.lower(inst, imported, opts);
    }
    Func imported;
};

} // namespace

TEST_CASE("handles that a guest passes to itself leave their places before they come back") {
    Self self;
    const ResourceType r = self.n.resource(self.inst, 0);
    const Type own = own_of(r);
    const FuncType type = func({field("a", own), field("b", own)}, nullptr);
    Values got;
    const auto import = self.import(type, {I32, I32}, [&](const Values &args) {
        got = args;
        CHECK(self.n.get(cmabi_canon_resource_rep, r.get(), static_cast<std::uint32_t>(args[0])) == 10);
        return Values{};
    });
    CHECK(run_guest(self.n, self.inst, [&] {
        const std::uint64_t a = self.n.get(cmabi_canon_resource_new, r.get(), 10u);
        const std::uint64_t b = self.n.get(cmabi_canon_resource_new, r.get(), 20u);
        CHECK(Values{a, b} == Values{1, 2});
        self.n.call(import, {a, b}, 0);
    }) == "");
    CHECK(got == Values{2, 1});
}

TEST_CASE("a realloc that overwrites what a guest passes to itself comes too late") {
    Heap *heap = nullptr;
    Self self(CMABI_STRING_ENCODING_UTF8, [&] { std::fill_n(&(*heap)[0], 64, std::uint8_t{'x'}); });
    heap = &self.heap;
    const FuncType type = func({field("a", string()), field("b", string())}, nullptr);
    std::string got;
    const auto import = self.import(type, {I32, I32, I32, I32}, [&](const Values &args) {
        for (const std::size_t at : {0u, 2u}) {
            got.append(reinterpret_cast<const char *>(&self.heap[args[at]]), args[at + 1]);
        }
        return Values{};
    });
    self.heap.alloc(1, 64);
    std::copy_n("onetwo", 6, &self.heap[0]);
    CHECK(run_guest(self.n, self.inst, [&] { self.n.call(import, {0, 3, 3, 3}, 0); }) == "");
    CHECK(got == "onetwo");
    CHECK(self.reallocs == std::vector<Values>{{0, 0, 1, 3}, {0, 0, 1, 3}});
}

TEST_CASE("strings that a guest passes to itself keep their form on the way") {
    constexpr std::uint64_t UTF16 = 1u << 31;
    Self self(CMABI_STRING_ENCODING_LATIN1_UTF16);
    const FuncType type = func({field("a", string())}, nullptr);
    std::vector<std::uint64_t> lengths;
    const auto import = self.import(type, {I32, I32}, [&](const Values &args) {
        lengths.push_back(args[1]);
        return Values{};
    });
    self.heap.alloc(2, 16);
    const std::uint8_t latin1_in_utf16[] = {'a', 0, 0xe4, 0};
    const std::uint8_t utf16[] = {0xac, 0x20, 'b', 0};
    std::copy_n(latin1_in_utf16, 4, &self.heap[0]);
    std::copy_n(utf16, 4, &self.heap[4]);
    CHECK(run_guest(self.n, self.inst, [&] {
        self.n.call(import, {0, 2 | UTF16}, 0);
        self.n.call(import, {4, 2 | UTF16}, 0);
        self.n.call(import, {0, 3}, 0);
    }) == "");
    CHECK(lengths == Values{2, 2 | UTF16, 3});
    CHECK(self.reallocs == std::vector<Values>{{0, 0, 2, 4}, {16, 4, 1, 2}, {0, 0, 2, 4}, {0, 0, 2, 3}});
}

TEST_CASE("a result that a guest returns to itself is lifted as a whole, too") {
    Self self;
    const ResourceType r = self.n.resource(self.inst, 0);
    const Type own = own_of(r);
    const Type pair = tuple({own, own});
    const FuncType type = func({}, pair);
    const auto place = self.heap.alloc(4, 8);
    const auto callee = self.n.core({}, {I32}, [&](const Values &) {
        self.heap.set_u32(place, self.n.get(cmabi_canon_resource_new, r.get(), 10u));
        self.heap.set_u32(place + 4, self.n.get(cmabi_canon_resource_new, r.get(), 20u));
        return Values{place};
    });
    const Func lifted = self.n.lift(self.inst, callee, type, self.opts, "callee");
    const auto import = self.n.lower(self.inst, lifted, self.opts);
    const auto result = self.heap.alloc(4, 8);
    CHECK(run_guest(self.n, self.inst, [&] { self.n.call(import, {result}, 0); }) == "");
    CHECK(self.heap.u32_at(result) == 2);
    CHECK(self.heap.u32_at(result + 4) == 1);
}

TEST_CASE("numbers that a guest reads to where it writes them from are all read first") {
    for (const bool ahead : {false, true}) {
        CAPTURE(ahead);
        Native n(1); // deterministic: NaNs are looked for
        Heap heap(64);
        const auto opts = n.options(heap);
        auto async_opts = opts;
        async_opts.is_async = 1;
        const std::uint64_t from = ahead ? 0 : 8, to = ahead ? 8 : 0;
        for (std::uint32_t i = 0; i < 4; ++i) {
            heap.set_u32(from + 4 * i, 100 + i);
        }
        const Stream stream(n, f32());
        CHECK(run_guest(n, n.instance("inst"), [&] {
            const Ends ends = stream.make();
            CHECK(stream.read(async_opts, ends.readable, to, 4) == BLOCKED);
            CHECK(stream.write(async_opts, ends.writable, from, 4) == 4 << 4);
        }) == "");
        for (std::uint32_t i = 0; i < 4; ++i) {
            CHECK(heap.u32_at(to + 4 * i) == 100 + i);
        }
    }
}
