// The reference's own tests of round trips through a lifted function, of `realloc` in the other
// component, and of handles, each under its name.
#include "native.hpp"
#include "reference.hpp"

namespace {

// A type in WIT, definitions that it needs, and a value in WAVE.
struct Case {
    const char *type;
    const char *value;
    const char *definitions = "";
};

// The function has one flat result at the most: what has more is spilled, so the core function
// stores its flat arguments as the result's record.
void round_trip(const Case &sample, bool memory64) {
    CAPTURE(sample.type);
    CAPTURE(memory64);
    Native n;
    Heap heap(1000);
    auto opts = n.options(heap, memory64);
    const reference::Type type(sample.type, sample.definitions);
    const FuncType func_type = func({field("x", type)}, type);
    const auto addr = memory64 ? CMABI_ADDR_TYPE_I64 : CMABI_ADDR_TYPE_I32;
    const auto inst = n.instance("inst");
    cmabi_core_signature signature{};
    REQUIRE_OK(cmabi_func_type_flatten, func_type.get(), addr, CMABI_ABI_CONTEXT_LIFT, CMABI_ABI_SYNC, &signature);
    const CoreTypes params(signature.params, signature.params + signature.params_len);
    const CoreTypes results(signature.results, signature.results + signature.results_len);
    const bool spilled_params = cmabi_type_flatten(type, addr, nullptr, 0) > 16;
    const bool spilled_result = cmabi_type_flatten(type, addr, nullptr, 0) > 1;
    const auto core = n.core(params, results, [&](const Values &args) {
        if (spilled_params || !spilled_result) {
            return Values{args[0]};
        }
        // A record of two u16, or a pointer and a length.
        const std::uint64_t width = cmabi_type_size(type, addr) / args.size();
        const auto place = heap.alloc(8, cmabi_type_size(type, addr));
        for (std::size_t i = 0; i < args.size(); ++i) {
            std::memcpy(&heap[place + i * width], &args[i], width);
        }
        return Values{place};
    });
    const auto echo = n.lift(inst, core, func_type, opts, "echo");
    reference::Value value(type, sample.value);
    reference::Value got(type);
    CHECK_OK(cmabi_func_call, n.store, echo, value.data(), got.data(), got.arena());
    CHECK(got.wave() == value.wave());
}

} // namespace

TEST_CASE("test_roundtrips: through a lifted function") {
    const Case cases[] = {
        {"s8", "-1"},
        {"tuple<u16, u16>", "(3, 4)"},
        {"list<string>", "[\"hello there\"]"},
        {"list<list<string>>", "[[\"one\", \"two\"], [\"three\"]]"},
        {"list<option<tuple<string, u16>>>", "[some((\"answer\", 42))]"},
        {"v", "x((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, \"wat\"))",
         "variant v { x(tuple<u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, "
         "string>) }"},
    };
    for (const bool memory64 : {false, true}) {
        for (const Case &sample : cases) {
            round_trip(sample, memory64);
        }
    }
}

TEST_CASE("test_cross_component_realloc") {
    Native n;
    const auto root = n.instance("root");
    const Type bytes = list_of(u8());
    const FuncType type = func({}, bytes);

    Heap producer_heap(16);
    auto producer_opts = Native::options();
    producer_opts.memory = n.memory(producer_heap);
    const auto producer = n.lift(n.instance("producer", root), n.core({}, {I32}, [&](const Values &) {
        n.context_set(0, 0xdead);
        const auto buffer = producer_heap.alloc(1, 3);
        const std::uint8_t content[] = {0xa, 0xb, 0xc};
        std::copy(std::begin(content), std::end(content), producer_heap.bytes.begin() + static_cast<long>(buffer));
        const auto result = producer_heap.alloc(4, 8);
        producer_heap.set_u32(result, static_cast<std::uint32_t>(buffer));
        producer_heap.set_u32(result + 4, 3);
        return Values{result};
    }), type, producer_opts, "producer");

    Heap heap(24);
    int realloc_calls = 0;
    const auto consumer = n.instance("consumer", root);
    auto opts = Native::options();
    opts.memory = n.memory(heap);
    opts.realloc = n.core({I32, I32, I32, I32}, {I32}, [&](const Values &args) {
        ++realloc_calls;
        // Its thread is a fresh one.
        CHECK(n.context_get(0) == 0);
        CHECK(n.context_get(1) == 0);
        n.context_set(0, 0xfeed);
        CHECK(n.context_get(0) == 0xfeed);
        return Values{heap.realloc(args[0], args[1], args[2], args[3])};
    });
    const auto lowered = n.lower(consumer, producer, opts);
    const FuncType run_type = func({});
    const auto run = n.lift(consumer, n.core({}, {}, [&](const Values &) {
        n.context_set(0, 42);
        n.context_set(1, 43);
        const auto result = heap.alloc(4, 8);
        CHECK(realloc_calls == 0);
        n.call(lowered, {result}, 0);
        CHECK(realloc_calls == 1);
        CHECK(n.context_get(0) == 42);
        CHECK(n.context_get(1) == 43);
        CHECK(heap.u32_at(result + 4) == 3);
        const auto *at = &heap[heap.u32_at(result)];
        CHECK(std::vector<int>(at, at + 3) == std::vector<int>{0xa, 0xb, 0xc});
        return Values{};
    }), run_type, Native::options(), "consumer");
    call(n, run, nullptr, nullptr);
    CHECK(realloc_calls == 1);
}

TEST_CASE("test_cross_component_realloc: realloc cannot leave its component") {
    Native n;
    Heap heap(24);
    const auto inst = n.instance("inst");
    auto opts = Native::options();
    opts.memory = n.memory(heap);
    opts.realloc = n.core({I32, I32, I32, I32}, {I32}, [&](const Values &) {
        return Values{n.get(cmabi_canon_thread_index)};
    });
    const FuncType type = func({field("x", string())});
    const auto run = n.lift(inst, n.core({I32, I32}, {}, [](const Values &) { return Values{}; }), type, opts, "run");
    const cmabi_string args = CMABI_STR("a");
    CHECK_FAILS(CMABI_STATUS_TRAP, "cannot leave component instance", cmabi_func_call, n.store, run, &args, nullptr,
                nullptr);
}

TEST_CASE("test_handles") {
    Native n;
    const auto root = n.instance("root");
    std::uint64_t dtor_value = 0;
    const auto dtor = n.core({I32}, {}, [&](const Values &args) {
        dtor_value = args[0];
        return Values{};
    });
    const auto other = n.instance("other", root);
    const auto inst = n.instance("inst", root);
    const ResourceType rt = n.resource(other, dtor, "rt");
    const ResourceType rt2 = n.resource(inst, dtor, "rt2");
    const Type own = own_of(rt), borrow = borrow_of(rt), borrow2 = borrow_of(rt2);
    const auto sync = Native::options();

    // A component that gets two borrows and gives a handle, standing for the host.
    const FuncType peer_type = func({field("a", borrow), field("b", borrow)}, own);
    const auto peer_func = n.lift(other, n.core({I32, I32}, {I32}, [&](const Values &args) {
        // The defining instance gets the representations themselves.
        CHECK(args == Values{42, 44});
        return Values{n.get(cmabi_canon_resource_new, rt.get(), 45U)};
    }), peer_type, sync, "peer");
    const auto lowered_peer = n.lower(inst, peer_func, sync);

    // Makes the handles that are passed in.
    const FuncType make_type = func({field("rep", u32())}, own);
    const auto make = n.lift(other, n.core({I32}, {I32}, [&](const Values &args) {
        return Values{n.get(cmabi_canon_resource_new, rt.get(), static_cast<std::uint32_t>(args[0]))};
    }), make_type, sync, "make");

    Heap heap(100);
    auto opts = Native::options();
    opts.memory = n.memory(heap);
    const Type three = tuple({own, own, own});
    const FuncType type =
        func({field("a", own), field("b", own), field("c", borrow), field("d", borrow2)}, three);
    std::uint32_t handle2 = 0;
    // Tells `rt2` to the host.
    const FuncType make2_type = func({field("rep", u32())}, own_of(rt2));
    const auto make2 = n.lift(inst, n.core({I32}, {I32}, [&](const Values &args) {
        return Values{n.get(cmabi_canon_resource_new, rt2.get(), static_cast<std::uint32_t>(args[0]))};
    }), make2_type, sync, "make2");
    const auto run = n.lift(inst, n.core({I32, I32, I32, I32}, {I32}, [&](const Values &args) {
        const auto rep = [&](std::uint64_t handle) {
            return n.get(cmabi_canon_resource_rep, rt.get(), static_cast<std::uint32_t>(handle));
        };
        CHECK(args == Values{1, 2, 3, 13});
        CHECK(rep(1) == 42);
        CHECK(rep(2) == 43);
        CHECK(rep(3) == 44);
        const auto handle4 = n.call1(lowered_peer, {1, 3});
        CHECK(handle4 == 4);
        CHECK(rep(handle4) == 45);

        dtor_value = 0;
        n.run(cmabi_canon_resource_drop, rt.get(), 1U);
        CHECK(dtor_value == 42);
        // The index that was freed last is used first.
        const auto handle = n.get(cmabi_canon_resource_new, rt.get(), 46U);
        CHECK(handle == 1);
        dtor_value = 0;
        n.run(cmabi_canon_resource_drop, rt.get(), 3U);
        CHECK(dtor_value == 0);
        const std::uint32_t results[] = {handle, 2, handle4};
        const auto place = heap.alloc(4, sizeof results);
        for (std::size_t i = 0; i < 3; ++i) {
            heap.set_u32(place + 4 * i, results[i]);
        }
        return Values{place};
    }), type, opts, "run");

    const auto made = [&](const cmabi_func *func, std::uint32_t rep) {
        std::uint32_t handle = 0;
        call(n, func, rep, &handle);
        return handle;
    };
    // Index 1 of the instance was used and freed.
    handle2 = made(make2, 13);
    const std::uint32_t args[] = {made(make, 42), made(make, 43), made(make, 44), handle2};
    std::uint32_t got[3] = {};
    CHECK_OK(cmabi_func_call, n.store, run, args, got, nullptr);

    // What the host got are 46, 43 and 45: its defining instance sees them.
    const FuncType see_type = func({field("x", borrow)}, u32());
    const auto see = n.lift(other, n.core({I32}, {I32}, [](const Values &seen) { return seen; }), see_type, sync, "see");
    const std::uint32_t expected[] = {46, 43, 45};
    for (std::size_t i = 0; i < 3; ++i) {
        std::uint32_t rep = 0;
        call(n, see, got[i], &rep);
        CHECK(rep == expected[i]);
    }
}
