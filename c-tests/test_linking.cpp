// Imports that are missing, that come from several places, and borrows that are lent on.
#include "guest.hpp"

#include <cmabi.hpp>

namespace {

struct U32 {
    std::uint32_t value = 0;
};

cmabi_status one_more(void *, cmabi_task *, const void *args, void *results) {
    static_cast<U32 *>(results)->value = static_cast<const U32 *>(args)->value + 1;
    return CMABI_STATUS_OK;
}

struct Pair {
    std::uint32_t a, b;
};

std::uint32_t add(Guest &guest) {
    const Pair args{2, 3};
    U32 sum;
    CHECK_OK(cmabi_func_call, guest.store, guest.func("add"), &args, &sum, guest.arena);
    return sum.value;
}

} // namespace

TEST_CASE("what is missing traps when it is called, and names itself") {
    Guest guest("needy.wasm");
    CHECK_FAILS(CMABI_STATUS_LINK, "3 imports do not fit", cmabi_linker_check, guest.linker, guest.component);
    REQUIRE_OK(cmabi_linker_trap_unknown_imports, guest.linker, nullptr, 0);
    REQUIRE_OK(cmabi_linker_check, guest.linker, guest.component);
    guest.instantiate();
    CHECK(add(guest) == 5);
    const std::uint16_t port = 80;
    U32 result;
    CHECK_FAILS(CMABI_STATUS_TRAP,
                "the import demo:net/sockets@1.1.0#open was called, which the host does not have",
                cmabi_func_call, guest.store, guest.func("use-open"), &port, &result, guest.arena);
    guest.instantiate();
    CHECK_FAILS(CMABI_STATUS_TRAP, "the import plain was called", cmabi_func_call, guest.store,
                guest.func("use-plain"), &result, &result, guest.arena);
}

TEST_CASE("what was found once makes instances in many stores") {
    cmabi_instance_pre *pre = nullptr;
    {
        Guest guest("needy.wasm");
        CHECK_FAILS(CMABI_STATUS_LINK, "3 imports do not fit", cmabi_linker_prepare, guest.linker, guest.component,
                    &pre);
        CHECK(pre == nullptr);
        REQUIRE_OK(cmabi_linker_func, guest.linker, view(""), view("plain"), one_more, nullptr, nullptr);
        REQUIRE_OK(cmabi_linker_trap_unknown_imports, guest.linker, nullptr, 0);
        REQUIRE_OK(cmabi_linker_prepare, guest.linker, guest.component, &pre);
        for (int i = 0; i < 3; ++i) {
            Handle<cmabi_store, cmabi_store_free> store;
            REQUIRE_OK(cmabi_store_new, guest.engine, nullptr, store.out());
            for (int j = 0; j < 2; ++j) {
                Handle<cmabi_instance, cmabi_instance_free> instance;
                REQUIRE_OK(cmabi_instance_pre_instantiate, pre, store, instance.out());
                const cmabi_func *func = nullptr;
                REQUIRE_OK(cmabi_instance_func, instance, view("use-plain"), &func);
                const U32 args{41};
                U32 result;
                CHECK_OK(cmabi_func_call, store, func, &args, &result, guest.arena);
                CHECK(result.value == 42);
            }
        }
    }
    // It needs neither the linker nor the component; a store of its engine it needs.
    Guest other("needy.wasm");
    Handle<cmabi_instance, cmabi_instance_free> instance;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "`store` belongs to another engine", cmabi_instance_pre_instantiate, pre,
                other.store, instance.out());
    cmabi_instance_pre_free(pre);
    cmabi_instance_pre_free(nullptr);
}

TEST_CASE("what an instance exports goes with its store only") {
    Guest from("needy.wasm"), to("needy.wasm");
    REQUIRE_OK(cmabi_linker_trap_unknown_imports, from.linker, nullptr, 0);
    from.instantiate();
    REQUIRE_OK(cmabi_linker_export, from.linker, view(""), view("plain"), from.instance, view("use-plain"));
    Handle<cmabi_instance_pre, cmabi_instance_pre_free> pre;
    REQUIRE_OK(cmabi_linker_prepare, from.linker, from.component, pre.out());
    Handle<cmabi_store, cmabi_store_free> other;
    REQUIRE_OK(cmabi_store_new, from.engine, nullptr, other.out());
    Handle<cmabi_instance, cmabi_instance_free> instance;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "plain: defined by an instance of another store",
                cmabi_instance_pre_instantiate, pre, other, instance.out());
    CHECK_OK(cmabi_instance_pre_instantiate, pre, from.store, instance.out());
}

TEST_CASE("only the named imports may be missing, with their version or without") {
    Guest guest("needy.wasm");
    const cmabi_string names[] = {view("demo:net/sockets"), view("demo:net/poll@1.1.0")};
    REQUIRE_OK(cmabi_linker_trap_unknown_imports, guest.linker, names, 2);
    CHECK_FAILS(CMABI_STATUS_LINK, "import plain: missing", cmabi_linker_check, guest.linker, guest.component);
    REQUIRE_OK(cmabi_linker_func, guest.linker, view(""), view("plain"), one_more, nullptr, nullptr);
    guest.instantiate();
    const U32 args{41};
    U32 result;
    CHECK_OK(cmabi_func_call, guest.store, guest.func("use-plain"), &args, &result, guest.arena);
    CHECK(result.value == 42);
    // What is there is not replaced, nor excused where it is of the wrong type.
    Guest other("needy.wasm");
    REQUIRE_OK(cmabi_linker_trap_unknown_imports, other.linker, nullptr, 0);
    Handle<cmabi_func_type, cmabi_func_type_free> nothing;
    REQUIRE_OK(cmabi_func_type_new, nullptr, 0, nullptr, false, nothing.out());
    REQUIRE_OK(cmabi_linker_typed_func, other.linker, view(""), view("plain"), nothing, one_more, nullptr, nullptr);
    CHECK_FAILS(CMABI_STATUS_LINK, "given func()", cmabi_linker_check, other.linker, other.component);
}

namespace {
struct blob {
    std::uint32_t size;
};
} // namespace

template <>
struct cmabi::resource<blob> {
    static constexpr auto name = "blob";
};

TEST_CASE("functions of two versions make one interface, the import's own first") {
    cmabi::engine engine;
    const cmabi::component component(engine, read_guest("caller.wasm"));
    cmabi::linker linker(engine);
    // guests/caller.wat imports test:guest/host@1.2.0.
    linker.func("test:guest/host@1.0.0", "number", [](std::uint32_t) { return std::uint32_t{100}; });
    linker.func("test:guest/host@1.3.0", "number", [](std::uint32_t) { return std::uint32_t{130}; });
    linker.func("test:guest/host@1.0.0", "text", [](std::string text) { return text; });
    CHECK_THROWS_AS(linker.check(component), cmabi::error);
    linker.func("test:guest/host@1.2.0", "signal", [] {});
    cmabi::store store(engine);
    auto instance = linker.instantiate(store, component);
    // The guest adds 1 to it.
    CHECK(instance.func<std::uint32_t(std::uint32_t)>("number")(1) == 131);
    CHECK(instance.func<std::string(std::string_view)>("text")("x") == "x");
    // Another major version is none.
    cmabi::linker other(engine);
    other.func("test:guest/host@2.0.0", "number", [](std::uint32_t x) { return x; });
    CHECK_THROWS_AS(other.check(component), cmabi::error);
}

TEST_CASE("an export of one component is an import of another under another name") {
    cmabi::engine engine;
    cmabi::store store(engine);
    cmabi::linker linker(engine);
    linker.trap_unknown_imports();
    const cmabi::component needy(engine, read_guest("needy.wasm"));
    auto first = linker.instantiate(store, needy);

    cmabi::linker second(engine);
    second.trap_unknown_imports({"demo:net/sockets", "demo:net/poll"});
    CHECK_THROWS_AS(second.export_of(first, "nothing", "", "plain"), cmabi::error);
    // `use-plain` of the first traps, for it has no `plain`.
    second.export_of(first, "use-plain", "", "plain");
    auto instance = second.instantiate(store, needy);
    try {
        instance.func<std::uint32_t(std::uint32_t)>("use-plain")(1);
        FAIL("it traps");
    } catch (const cmabi::error &error) {
        CHECK(std::string(error.what()) == "the import plain was called, which the host does not have");
        CHECK(error.frames().size() == 5);
    }
}

TEST_CASE("a borrow of the host's own type can be lent on until the host answers") {
    cmabi::engine engine;
    const cmabi::component component(engine, read_guest("lender.wasm"));
    cmabi::store store(engine);
    cmabi::linker linker(engine);
    cmabi::func<std::uint32_t(cmabi::borrow<blob>)> *look = nullptr;
    cmabi::borrow<blob> kept;
    linker.resource<blob>("demo:app/blobs");
    linker.func("demo:app/blobs", "make", [](std::uint32_t size) -> cmabi::own<blob> {
        return std::make_unique<blob>(blob{size});
    });
    linker.func("demo:app/blobs", "size", [](cmabi::borrow<blob> of) { return of->size; });
    linker.func("demo:app/blobs", "show", [&](cmabi::borrow<blob> of) {
        kept = of;
        return (*look)(of) + 1;
    });
    auto one = linker.instantiate(store, component);
    auto other = linker.instantiate(store, component);
    auto function = other.func<std::uint32_t(cmabi::borrow<blob>)>("look");
    look = &function;
    CHECK(one.func<std::uint32_t(std::uint32_t)>("begin")(41) == 42);
    // The resource is gone, and its number means nothing.
    CHECK_THROWS_AS(function(kept), cmabi::error);
    CHECK_THROWS_AS(function(cmabi::borrow<blob>()), cmabi::error);
}

TEST_CASE("a function of the host is given its type by WIT text") {
    Guest guest("needy.wasm");
    REQUIRE_OK(cmabi_linker_trap_unknown_imports, guest.linker, nullptr, 0);
    const auto define = [&](const char *name, const char *type, std::size_t args, std::size_t results) {
        Error error;
        cmabi_linker_wit_func(guest.linker, view(""), view(name), view(type), args, results, one_more, nullptr,
                              nullptr, error.out());
        return error;
    };
    CHECK(define("plain", "func(x: u32) -> u32", 8, 4).message() ==
          "argument `args_size` is 8, but record { x: u32 } has 4 bytes");
    CHECK(define("plain", "func(x: u32) -> u32", 4, 0).message() ==
          "argument `results_size` is 0, but u32 has 4 bytes");
    CHECK(define("plain", "func(x: u32)", 4, 4).message() ==
          "argument `results_size` is 4, but nothing has 0 bytes");
    CHECK(define("plain", "u32", 4, 4).status() == CMABI_STATUS_INVALID);
    CHECK(define("plain", "func(x: u33)", 4, 0).status() == CMABI_STATUS_INVALID);
    CHECK(define("plain", "func(x: u32) -> u32", sizeof(U32), sizeof(U32)).get() == nullptr);
    guest.instantiate();
    const U32 args{41};
    U32 result;
    CHECK_OK(cmabi_func_call, guest.store, guest.func("use-plain"), &args, &result, guest.arena);
    CHECK(result.value == 42);

    // With types of its own, and with a resource, which is the component's.
    CHECK(define("other", "record point { x: u32, y: u8 } func(at: point) -> option<point>;", 8, 12).get() == nullptr);
    CHECK(define("later", "async func()", 0, 0).get() == nullptr);
    Guest lender("lender.wasm");
    REQUIRE_OK(cmabi_linker_trap_unknown_imports, lender.linker, nullptr, 0);
    REQUIRE_OK(cmabi_linker_wit_func, lender.linker, view("demo:app/blobs"), view("size"),
               view("resource blob; func(of: borrow<blob>) -> u32"), 4, 4, one_more, nullptr, nullptr);
    CHECK_OK(cmabi_linker_check, lender.linker, lender.component);
    REQUIRE_OK(cmabi_linker_wit_func, lender.linker, view("demo:app/blobs"), view("show"),
               view("resource glob; func(of: borrow<glob>) -> u32"), 4, 4, one_more, nullptr, nullptr);
    CHECK_FAILS(CMABI_STATUS_LINK, "show", cmabi_linker_check, lender.linker, lender.component);

    Handle<cmabi_func_type, cmabi_func_type_free> type;
    REQUIRE_OK(cmabi_func_type_parse, view("func(a: list<string>) -> result<u8, string>"), type.out());
    CHECK(text(cmabi_func_type_text(type)) == "func(a: list<string>) -> result<u8, string>");
}
