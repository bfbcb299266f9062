// Types from WIT text.
#include "types.hpp"

#include <map>

namespace {

constexpr const char *LIBRARY = R"(
    package demo:library@0.3.0;

    package demo:time {
        interface clock { record date { year: u16, month: u8, day: u8 } }
    }

    interface books {
        use demo:time/clock.{date};
        record book { title: string, published: option<date>, tags: list<string> }
        resource shelf {
            constructor(room: u32);
            add: func(book: book) -> result<_, string>;
        }
        find: func(title: string) -> option<book>;
        watch: async func() -> stream<book>;
    }

    world reader {
        import books;
        import log: func(line: string);
        export read: func(titles: list<string>) -> u64;
        export extra: interface { page: func(n: u32) -> string; }
    }
)";

std::string type_text(const cmabi_wit *wit, std::string_view path) {
    const cmabi_type *type = nullptr;
    CHECK_OK(cmabi_wit_type, wit, view(path), &type);
    return text(cmabi_type_text(type));
}

std::string func_text(const cmabi_wit *wit, std::string_view path) {
    const cmabi_func_type *type = nullptr;
    CHECK_OK(cmabi_wit_func, wit, view(path), &type);
    return text(cmabi_func_type_text(type));
}

void check_malformed(std::string_view source, std::string_view place) {
    CAPTURE(source);
    const cmabi_wit_file file{view("bad.wit"), view(source)};
    Wit wit;
    Error error;
    CHECK(cmabi_wit_parse(&file, 1, wit.out(), error.out()) == CMABI_STATUS_INVALID);
    CHECK(wit.get() == nullptr);
    CHECK_MESSAGE(error.message().rfind(place, 0) == 0, error.message());
}

} // namespace

TEST_CASE("types and functions are found by path") {
    const Wit library = wit(LIBRARY);
    const std::string book = "record { title: string, published: option<record { year: u16, month: "
                             "u8, day: u8 }>, tags: list<string> }";
    CHECK(type_text(library, "books/book") == book);
    CHECK(type_text(library, "demo:library/books@0.3.0/book") == book);
    CHECK(type_text(library, "demo:time/clock/date") == type_text(library, "books/date"));
    CHECK(func_text(library, "books/find") == "func(title: string) -> option<" + book + ">");
    CHECK(func_text(library, "books/watch") == "async func() -> stream<" + book + ">");
    CHECK(func_text(library, "books/[constructor]shelf") == "func(room: u32) -> own<shelf>");
    CHECK(func_text(library, "reader/log") == "func(line: string)");
    CHECK(func_text(library, "reader/read") == "func(titles: list<string>) -> u64");
    CHECK(func_text(library, "reader/extra/page") == "func(n: u32) -> string");

    const cmabi_resource_type *shelf = nullptr;
    REQUIRE_OK(cmabi_wit_resource, library, CMABI_STR("books/shelf"), &shelf);
    CHECK(text(cmabi_resource_type_name(shelf)) == "shelf");
    const cmabi_func_type *add = nullptr;
    REQUIRE_OK(cmabi_wit_func, library, CMABI_STR("books/[method]shelf.add"), &add);
    CHECK(cmabi_type_resource(cmabi_type_part_at(cmabi_func_type_params(add), 0)) == shelf);
}

TEST_CASE("types from text are the types that are built") {
    const Wit package = wit("package a:b; interface i { type t = list<tuple<string, option<u8>>>; }");
    const cmabi_type *parsed = nullptr;
    REQUIRE_OK(cmabi_wit_type, package, CMABI_STR("i/t"), &parsed);
    const Type built = list_of(tuple({string(), option_of(u8())}));
    CHECK(parsed == built.get());
}

TEST_CASE("types outlive the package when they are cloned") {
    Type kept;
    {
        const Wit package = wit("package a:b; interface i { enum e { x, y } }");
        const cmabi_type *type = nullptr;
        REQUIRE_OK(cmabi_wit_type, package, CMABI_STR("i/e"), &type);
        kept = Type(cmabi_type_clone(type));
    }
    CHECK(text(cmabi_type_text(kept)) == "enum { x, y }");
}

TEST_CASE("a package can be in several files") {
    const cmabi_wit_file files[] = {
        {view("b.wit"), view("interface b { use a.{t}; f: func(t: t); }")},
        {view("a.wit"), view("package x:y; interface a { type t = u8; }")},
    };
    Wit package;
    REQUIRE_OK(cmabi_wit_parse, files, std::size_t{2}, package.out());
    CHECK(func_text(package, "b/f") == "func(t: u8)");
}

TEST_CASE("all items are listed") {
    const Wit package = wit("package x:y; interface a { type t = u8; resource r; f: func(); }");
    std::map<std::string, std::string> items;
    for (std::size_t i = 0; i < cmabi_wit_item_count(package); ++i) {
        const cmabi_wit_item item = cmabi_wit_item_at(package, i);
        CHECK((item.type != nullptr) + (item.func != nullptr) + (item.resource != nullptr) == 1);
        items[text(item.path)] = item.type   ? text(cmabi_type_text(item.type))
                                 : item.func ? text(cmabi_func_type_text(item.func))
                                             : text(cmabi_resource_type_name(item.resource));
    }
    CHECK(items == std::map<std::string, std::string>{{"a/t", "u8"},
                                                      {"a/f", "func()"},
                                                      {"a/r", "r"},
                                                      {"x:y/a/t", "u8"},
                                                      {"x:y/a/f", "func()"},
                                                      {"x:y/a/r", "r"}});
    CHECK(cmabi_wit_item_at(package, 6).path.len == 0);
    CHECK(cmabi_wit_item_count(nullptr) == 0);
    CHECK(cmabi_wit_item_at(nullptr, 0).type == nullptr);
}

TEST_CASE("what is not there is not found") {
    const Wit library = wit(LIBRARY);
    const cmabi_type *type = nullptr;
    const cmabi_func_type *func = nullptr;
    const cmabi_resource_type *resource = nullptr;
    const auto NOT_FOUND = CMABI_STATUS_NOT_FOUND;
    CHECK_FAILS(NOT_FOUND, "no type \"books/boook\", only", cmabi_wit_type, library,
                CMABI_STR("books/boook"), &type);
    CHECK_FAILS(NOT_FOUND, "is a function, not a type", cmabi_wit_type, library,
                CMABI_STR("books/find"), &type);
    CHECK_FAILS(NOT_FOUND, "is a type, not a function", cmabi_wit_func, library,
                CMABI_STR("books/book"), &func);
    CHECK_FAILS(NOT_FOUND, "no such interface", cmabi_wit_resource, library, CMABI_STR("x/y"),
                &resource);
    CHECK_FAILS(NOT_FOUND, "", cmabi_wit_type, library, CMABI_STR(""), &type);
}

TEST_CASE("malformed text is answered with its place") {
    check_malformed("package a:b;\ninterface i {\n  type t = ;\n}", "bad.wit:3:12: ");
    check_malformed("package a:b;\ninterface i { use c:d/e.{f}; }", "bad.wit:2:19: ");
    check_malformed("package a:b;\ninterface i {\n  record r {}\n}", "bad.wit:3:10: ");
    check_malformed("package a:b;\ninterface i { type t = nothing; }", "bad.wit:2:24: ");
    check_malformed("package a:b; interface i { type t = list<u64, 4000000000>; }", "bad.wit:1:");
    check_malformed("package a:b; interface i { type t = stream<char>; }", "bad.wit:1:");
    check_malformed("\x01", "bad.wit:1:1: ");
    check_malformed("interface i {}", "");
    check_malformed("", "");
    std::string deep = "package a:b; interface i { type t = ";
    for (int i = 0; i < 100000; ++i) {
        deep += "list<";
    }
    check_malformed(deep, "bad.wit:1:");
}

TEST_CASE("bad arguments are named") {
    const auto INVALID = CMABI_STATUS_INVALID_ARGUMENT;
    const std::size_t one = 1;
    Wit package;
    CHECK_FAILS(INVALID, "`files`", cmabi_wit_parse, nullptr, one, package.out());
    CHECK_FAILS(INVALID, "`files`", cmabi_wit_parse, nullptr, std::size_t{0}, package.out());
    const cmabi_wit_file bad{view("\xff"), view("package a:b;")};
    CHECK_FAILS(INVALID, "`files` is not UTF-8", cmabi_wit_parse, &bad, one, package.out());
    const cmabi_wit_file good{view("a"), view("package a:b; interface i { type t = u8; }")};
    CHECK_FAILS(INVALID, "`wit`", cmabi_wit_parse, &good, one, nullptr);
    REQUIRE_OK(cmabi_wit_parse, &good, one, package.out());
    const cmabi_type *type = nullptr;
    CHECK_FAILS(INVALID, "`wit`", cmabi_wit_type, nullptr, CMABI_STR("i/t"), &type);
    CHECK_FAILS(INVALID, "`path` is not UTF-8", cmabi_wit_type, package, view("\xff"), &type);
    CHECK_FAILS(INVALID, "`type`", cmabi_wit_type, package, CMABI_STR("i/t"), nullptr);
    cmabi_wit_free(nullptr);
}
