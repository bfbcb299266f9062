// Types looked at from C++, calls by text, and what else of C the C++ layer has.
#include "support.hpp"

#include <cmabi.hpp>

// A program's own name that cmabi has as well: inside of the specialization it is the program's.
struct config {
    std::uint32_t x;
    std::string name;
};
enum class wide : std::uint32_t { a, b };
struct store {
    std::uint8_t y;
};

template <>
struct cmabi::record<config> {
    static constexpr auto fields =
        std::make_tuple(cmabi::field("x", &config::x), cmabi::field("name", &config::name));
};
template <>
struct cmabi::record<store> {
    static constexpr auto fields = std::make_tuple(cmabi::field("y", &store::y));
};
template <>
struct cmabi::enumeration<wide> {
    static constexpr std::array labels{"a", "b"};
};

TEST_CASE("a specialization finds the program's names and not those of cmabi") {
    CHECK(cmabi::detail::signature<config(store)>::describe() ==
          "func(record { y: u8 }) -> record { x: u32, name: string }");
}

TEST_CASE("an enum's value that does not fit is refused") {
    cmabi::detail::lowering memory(nullptr, nullptr, false);
    std::uint8_t tag = 9;
    cmabi::detail::abi<wide>::lower(tag, wide::b, memory);
    CHECK(tag == 1);
    CHECK_THROWS_WITH_AS(cmabi::detail::abi<wide>::lower(tag, static_cast<wide>(257), memory),
                         "an enum has the value 257, which is none of its labels", cmabi::error);
}

TEST_CASE("imports and exports are enumerated with their types") {
    cmabi::engine engine;
    const cmabi::component component(engine, read_guest("needy.wasm"));
    const auto imports = component.imports();
    REQUIRE(imports.size() == 3);
    CHECK(imports[0].name == "demo:net/sockets@1.1.0");
    CHECK(imports[0].type.kind() == CMABI_EXTERN_KIND_INSTANCE);
    const auto sockets = imports[0].type.exports();
    REQUIRE(sockets.size() == 3);
    CHECK(sockets[0].type.resource_name() == "socket");
    CHECK(sockets[1].name == "open");
    REQUIRE(sockets[1].type.func());
    CHECK(sockets[1].type.func()->text() == "func(port: u16) -> own<socket>");
    CHECK(!sockets[1].type.value());
    CHECK(imports[2].name == "plain");
    const auto exports = component.exports();
    REQUIRE(exports.size() == 4);
    CHECK(exports[0].name == "add");
    const cmabi::func_type_view add = *exports[0].type.func();
    CHECK(!add.is_async());
    CHECK(add.params()->part_count() == 2);
    CHECK(add.params()->part_name(1) == "b");
    CHECK(add.params()->part_offset(1) == 4);
    CHECK(add.params()->size() == 8);
    CHECK(add.result()->kind() == CMABI_KIND_U32);
    CHECK(*add.result() == *add.params()->part(0));
}

TEST_CASE("a function is called by text") {
    cmabi::engine engine;
    cmabi::linker linker(engine);
    linker.trap_unknown_imports();
    cmabi::store store(engine);
    auto instance = linker.instantiate(store, cmabi::component(engine, read_guest("needy.wasm")));
    CHECK(instance.exports().size() == 4);
    const auto add = instance.dynamic_func("add");
    CHECK(add.type().text() == "func(a: u32, b: u32) -> u32");
    CHECK(add({"2", "40"}) == "42");
    CHECK_THROWS_WITH_AS(add({"2"}), "the function takes 2 arguments, not 1", cmabi::error);
    CHECK_THROWS_AS(add({"2", "-1"}), cmabi::error);
    const std::uint32_t args[] = {3, 4};
    std::uint32_t sum = 0;
    cmabi::arena arena;
    add.call(args, &sum, arena);
    CHECK(sum == 7);

    CHECK(store.counts().instances >= 1);
    CHECK(instance.counts().ready == 0);
    CHECK(store.dump() == "");
}

TEST_CASE("types come from WIT text") {
    const cmabi::wit wit("package a:b; interface i { record p { x: u32, y: u64 } f: func(at: p) -> list<p>; }");
    const cmabi::type p = wit.type("i/p");
    CHECK(p.view().part_count() == 2);
    CHECK(p.view().part_name(1) == "y");
    CHECK(p.view().part_offset(1) == 8);
    CHECK(p.view().align() == 8);
    const cmabi::func_type f = wit.func("i/f");
    CHECK(*f.view().params()->part(0) == p.view());
    CHECK(cmabi::func_type("func(a: list<u8, 4>)").view().params()->part(0)->length() == 4);
    CHECK_THROWS_AS(cmabi::func_type("func("), cmabi::error);
}
