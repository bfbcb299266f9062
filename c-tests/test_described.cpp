// Types as constant data: what generated code tells the library by.
#include "support.hpp"

#include <cmabi.hpp>

#include <string>

namespace {

constexpr cmabi_type_desc str = {CMABI_KIND_STRING, 0, nullptr, 0};
constexpr cmabi_type_desc u32 = {CMABI_KIND_U32, 0, nullptr, 0};
constexpr cmabi_type_desc u64 = {CMABI_KIND_U64, 0, nullptr, 0};

std::string text_of(const cmabi_type_desc &desc) {
    Handle<cmabi_type, cmabi_type_free> type;
    REQUIRE_OK(cmabi_type_new_described, &desc, type.out());
    return ::text(cmabi_type_text(type));
}

// A component with functions of these, and a resource of its own and one of the host's.
struct Greeter {
    cmabi::engine engine;
    cmabi::component component{engine, read_guest("greet.wasm")};
    cmabi::store store{engine};
    cmabi::instance instance = cmabi::linker(engine).instantiate(store, component);
};

constexpr cmabi_part_desc name[] = {{"name", &str}};

} // namespace

TEST_CASE("each kind of type can be described") {
    static constexpr cmabi_part_desc element[] = {{nullptr, &u32}};
    static constexpr cmabi_part_desc two[] = {{nullptr, &str}, {nullptr, &u64}};
    static constexpr cmabi_part_desc none[] = {{nullptr, nullptr}, {nullptr, nullptr}};
    static constexpr cmabi_part_desc named[] = {{"a", &str}, {"b-c", &u64}};
    static constexpr cmabi_part_desc cases[] = {{"some", &str}, {"none", nullptr}};
    static constexpr cmabi_part_desc file[] = {{"file", nullptr}};
    const struct {
        cmabi_type_desc desc;
        const char *text;
    } all[] = {
        {{CMABI_KIND_LIST, 0, element, 1}, "list<u32>"},
        {{CMABI_KIND_FIXED_LIST, 3, element, 1}, "list<u32, 3>"},
        {{CMABI_KIND_MAP, 0, two, 2}, "map<string, u64>"},
        {{CMABI_KIND_TUPLE, 0, two, 2}, "tuple<string, u64>"},
        {{CMABI_KIND_RECORD, 0, named, 2}, "record { a: string, b-c: u64 }"},
        {{CMABI_KIND_VARIANT, 0, cases, 2}, "variant { some(string), none }"},
        {{CMABI_KIND_ENUM, 0, cases, 2}, "enum { some, none }"},
        {{CMABI_KIND_FLAGS, 0, cases, 2}, "flags { some, none }"},
        {{CMABI_KIND_OPTION, 0, element, 1}, "option<u32>"},
        {{CMABI_KIND_RESULT, 0, two, 2}, "result<string, u64>"},
        {{CMABI_KIND_RESULT, 0, none, 2}, "result"},
        {{CMABI_KIND_OWN, 0, file, 1}, "own<file>"},
        {{CMABI_KIND_BORROW, 0, file, 1}, "borrow<file>"},
        {{CMABI_KIND_STREAM, 0, element, 1}, "stream<u32>"},
        {{CMABI_KIND_FUTURE, 0, none, 1}, "future"},
        {{CMABI_KIND_BOOL, 0, nullptr, 0}, "bool"},
        {{CMABI_KIND_ERROR_CONTEXT, 0, nullptr, 0}, "error-context"},
    };
    for (const auto &one : all) CHECK(text_of(one.desc) == one.text);
}

TEST_CASE("a description that is none is refused") {
    Handle<cmabi_type, cmabi_type_free> type;
    const auto refuse = [&](cmabi_type_desc desc, cmabi_status status, const char *why) {
        CHECK_FAILS(status, why, cmabi_type_new_described, &desc, type.out());
    };
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "desc", cmabi_type_new_described, nullptr, type.out());
    static constexpr cmabi_part_desc unnamed[] = {{nullptr, &u32}};
    static constexpr cmabi_part_desc untyped[] = {{"a", nullptr}};
    refuse({CMABI_KIND_NONE, 0, nullptr, 0}, CMABI_STATUS_INVALID_ARGUMENT, "no type");
    refuse({static_cast<cmabi_kind>(99), 0, nullptr, 0}, CMABI_STATUS_INVALID_ARGUMENT, "kind");
    refuse({CMABI_KIND_LIST, 0, nullptr, 0}, CMABI_STATUS_INVALID_ARGUMENT, "part 0");
    refuse({CMABI_KIND_LIST, 0, nullptr, 1}, CMABI_STATUS_INVALID_ARGUMENT, "parts");
    refuse({CMABI_KIND_RECORD, 0, unnamed, 1}, CMABI_STATUS_INVALID_ARGUMENT, "name");
    refuse({CMABI_KIND_RECORD, 0, untyped, 1}, CMABI_STATUS_INVALID_ARGUMENT, "desc");
    refuse({CMABI_KIND_RECORD, 0, nullptr, 0}, CMABI_STATUS_INVALID, "at least one field");
    // One that contains itself.
    static cmabi_part_desc itself[] = {{nullptr, nullptr}};
    static const cmabi_type_desc endless = {CMABI_KIND_LIST, 0, itself, 1};
    itself[0].type = &endless;
    refuse(endless, CMABI_STATUS_LIMIT, "deep");
}

TEST_CASE("exports are looked up and compared at once") {
    Greeter guest;
    const cmabi_export_desc fits[] = {{"greet", {name, 1, &str, false}}};
    const cmabi_func *found = nullptr;
    REQUIRE_OK(cmabi_instance_described_funcs, guest.instance.get(), fits, std::size_t{1}, &found);
    CHECK(::text(cmabi_func_type_text(cmabi_func_type_of(found))) == "func(name: string) -> string");

    const cmabi_export_desc differ[] = {{"greet", {name, 1, &u32, false}},
                                        {"greets", {nullptr, 0, nullptr, false}},
                                        {"a:b/c#d", {name, 1, nullptr, true}}};
    const cmabi_func *none[3] = {};
    const char *message = "3 of 3 exports do not fit:\n"
                          "  greet: expected func(name: string) -> u32, given func(name: string) -> string\n"
                          "  greets: missing, expected func()\n"
                          "  a:b/c#d: missing, expected async func(name: string)";
    CHECK_FAILS(CMABI_STATUS_TYPE_MISMATCH, message, cmabi_instance_described_funcs,
                guest.instance.get(), differ, std::size_t{3}, none);
    CHECK(none[0] == nullptr);
    REQUIRE_OK(cmabi_instance_described_funcs, guest.instance.get(), nullptr, std::size_t{0}, nullptr);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "funcs", cmabi_instance_described_funcs,
                guest.instance.get(), fits, std::size_t{1}, nullptr);
    const cmabi_export_desc unnamed[] = {{nullptr, {name, 1, &str, false}}};
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "path", cmabi_instance_described_funcs,
                guest.instance.get(), unnamed, std::size_t{1}, &found);
}

TEST_CASE("an import of another type than the one described is refused") {
    const cmabi::engine engine;
    const cmabi::component component(engine, read_guest("tallies.wasm"));
    const cmabi_string interface = CMABI_STR("test:guest/books@1.0.0");
    static constexpr cmabi_part_desc book[] = {{"book", nullptr}};
    static constexpr cmabi_type_desc own_book = {CMABI_KIND_OWN, 0, book, 1};
    static constexpr cmabi_part_desc two[] = {{"a", &own_book}, {"b", &own_book}};
    static constexpr cmabi_part_desc pages[] = {{"pages", &u64}};
    const cmabi_func_desc makes = {pages, 1, &own_book, false}, binds = {two, 2, &own_book, false};
    const cmabi_host_func func = [](void *, cmabi_task *, const void *, void *) -> cmabi_status {
        return CMABI_STATUS_OK;
    };
    const cmabi_drop drop = [](void *data) { ++*static_cast<int *>(data); };
    int dropped = 0;
    {
        cmabi::linker linker(engine);
        const auto offer = [&](cmabi_string name, const cmabi_func_desc *desc, cmabi_error **error) {
            return cmabi_linker_described_func(linker.get(), interface, name, desc, func,
                                               static_cast<void *>(&dropped), drop, error);
        };
        Handle<cmabi_resource_type, cmabi_resource_type_free> type;
        REQUIRE_OK(cmabi_resource_type_new, CMABI_STR("book"), type.out());
        REQUIRE_OK(cmabi_linker_resource, linker.get(), interface, CMABI_STR("book"), type, nullptr, nullptr,
                   nullptr);
        // The resource type is the one that is offered beside it.
        REQUIRE_OK(offer, CMABI_STR("[static]book.bind"), &binds);
        REQUIRE_OK(offer, CMABI_STR("[constructor]book"), &makes);
        const cmabi_status link = CMABI_STATUS_LINK;
        CHECK_FAILS(link, "2 imports do not fit", cmabi_linker_check, linker.get(), component.get());
        CHECK_FAILS(link, "[constructor]book: expected func(pages: u32) -> own<book>, given func(pages: u64)",
                    cmabi_linker_check, linker.get(), component.get());
        CHECK_FAILS(link, "[method]book.write: missing", cmabi_linker_check, linker.get(), component.get());

        // Failing drops the data as well.
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "type", offer, CMABI_STR("x"), nullptr);
        CHECK(dropped == 1);
    }
    CHECK(dropped == 3);
}

TEST_CASE("a program's own errors are like the library's") {
    cmabi_error *error = nullptr;
    CHECK(cmabi_error_new(CMABI_STATUS_NOT_FOUND, CMABI_STR("no such thing"), &error) ==
          CMABI_STATUS_NOT_FOUND);
    CHECK(cmabi_error_status(error) == CMABI_STATUS_NOT_FOUND);
    CHECK(::text(cmabi_error_message(error)) == "no such thing");
    cmabi_error_free(error);
    CHECK(cmabi_error_new(CMABI_STATUS_HOST, CMABI_STR("quiet"), nullptr) == CMABI_STATUS_HOST);
    for (const cmabi_status status : {CMABI_STATUS_OK, CMABI_STATUS_PENDING})
        CHECK(cmabi_error_new(status, CMABI_STR("x"), nullptr) == CMABI_STATUS_INVALID_ARGUMENT);
}
