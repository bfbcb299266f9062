// Each trap of loading, lifting, storing and lowering, with the place in the value that it names; and
// wrong arguments of the functions that copy values.
#include "reference.hpp"

#include <limits>

using namespace reference;

namespace {

using Flat = std::vector<std::uint64_t>;

// Lifting these core values traps with this message.
void lift_traps(const std::string &message, const Type &type, const Flat &flat, const Heap &heap) {
    Value value(type);
    CHECK_FAILS(CMABI_STATUS_TRAP, message, cmabi_value_lift_flat, type, heap.options(), flat.data(),
                flat.size(), value.data(), value.arena());
}

std::vector<std::uint8_t> words(std::initializer_list<std::uint32_t> words) {
    std::vector<std::uint8_t> bytes;
    for (const std::uint32_t word : words) {
        for (int shift = 0; shift < 32; shift += 8) {
            bytes.push_back(static_cast<std::uint8_t>(word >> shift));
        }
    }
    return bytes;
}

// Loading a value from the beginning of this memory traps with this message.
void load_traps(const std::string &message, const Type &type, const Heap &heap) {
    Value value(type);
    CHECK_FAILS(CMABI_STATUS_TRAP, message, cmabi_value_load, type, heap.options(),
                std::uint64_t{0}, value.data(), value.arena());
}

constexpr std::uint64_t two28 = 1 << 28;

} // namespace

TEST_CASE("a char that is none") {
    const Type type("char");
    for (const std::uint32_t value : {0xd800u, 0xdfffu, 0x110000u, 0xffffffffu}) {
        char message[64];
        std::snprintf(message, sizeof message, "%#x is not a unicode scalar value", value);
        lift_traps(message, type, {value}, Heap(0));
        load_traps(message, type, Heap(words({value}), false));
        std::uint64_t flat;
        CHECK_FAILS(CMABI_STATUS_TRAP, message, cmabi_value_lower_flat, type, &value,
                    Heap(0).options(), &flat, std::size_t{1});
    }
}

TEST_CASE("a discriminant that is none") {
    const std::string message = "invalid variant discriminant: 2 of 2 cases";
    for (const Type &type : {Type("option<u32>"), Type("option<string>"), Type("result"),
                             Type("e", "enum e { a, b }"), Type("v", "variant v { a(f64), b }")}) {
        lift_traps(message, type, {2, 0, 0}, Heap(0));
        lift_traps("invalid variant discriminant: 256 of 2 cases", type, {256, 0, 0}, Heap(0));
        load_traps(message, type, Heap(words({2, 0, 0, 0}), false));
        std::uint64_t host[3] = {2, 0, 0}, flat[3];
        Heap heap(8);
        CHECK_FAILS(CMABI_STATUS_TRAP, message, cmabi_value_lower_flat, type, host, heap.options(),
                    flat, std::size_t{3});
    }
}

TEST_CASE("a string or list outside of memory") {
    for (const bool memory64 : {false, true}) {
        const Heap heap(8, memory64);
        for (const char *name : {"string", "list<u8>"}) {
            const Type type(name);
            lift_traps("out of bounds memory access: 8 bytes at 0x1 in a memory of 8 bytes", type,
                       {1, 8}, heap);
            lift_traps("out of bounds memory access: 0 bytes at 0x9", type, {9, 0}, heap);
            lift_traps("out of bounds memory access", type, {0xffffffff, 2}, heap);
            CHECK(lift(type, {8, 0}, heap) == (name[0] == 's' ? R"("")" : "[]"));
        }
    }
    const std::uint64_t end = std::numeric_limits<std::uint64_t>::max();
    lift_traps("out of bounds memory access: 2 bytes at 0xffffffffffffffff", Type("list<u8>"),
               {end, 2}, Heap(8, true));
}

TEST_CASE("an unaligned pointer") {
    lift_traps("unaligned pointer: 0x2 is not a multiple of 4", Type("list<u32>"), {2, 1}, Heap(16));
    lift_traps("unaligned pointer: 0x6 is not a multiple of 4", Type("list<u32>"), {6, 0}, Heap(16));
    for (const cmabi_string_encoding encoding :
         {CMABI_STRING_ENCODING_UTF16, CMABI_STRING_ENCODING_LATIN1_UTF16}) {
        lift_traps("unaligned pointer: 0x3 is not a multiple of 2", Type("string"), {3, 1},
                   Heap(16, false, encoding));
    }
    const Type type("u64");
    const Heap heap(16);
    Value value(type);
    CHECK_FAILS(CMABI_STATUS_TRAP, "unaligned pointer: 0x4 is not a multiple of 8",
                cmabi_value_load, type, heap.options(), std::uint64_t{4}, value.data(),
                value.arena());
    CHECK_FAILS(CMABI_STATUS_TRAP, "unaligned pointer: 0x4 is not a multiple of 8",
                cmabi_value_store, type, value.data(), heap.options(), std::uint64_t{4});
    CHECK_FAILS(CMABI_STATUS_TRAP, "out of bounds memory access: 8 bytes at 0x10",
                cmabi_value_store, type, value.data(), heap.options(), std::uint64_t{16});
    CHECK_FAILS(CMABI_STATUS_TRAP, "out of bounds memory access: 8 bytes at 0x10", cmabi_value_copy,
                type, heap.options(), std::uint64_t{16}, heap.options(), std::uint64_t{0});
}

TEST_CASE("a length above 2^28 - 1 bytes") {
    const auto string = [](cmabi_string_encoding encoding, bool memory64, std::uint64_t length,
                           std::uint64_t bytes) {
        lift_traps("string of " + std::to_string(bytes) + " bytes is longer than 268435455",
                   Type("string"), {0, length}, Heap(8, memory64, encoding));
    };
    const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    string(CMABI_STRING_ENCODING_UTF8, false, two28, two28);
    string(CMABI_STRING_ENCODING_UTF16, false, two28 / 2, two28);
    string(CMABI_STRING_ENCODING_UTF16, true, most, most);
    string(CMABI_STRING_ENCODING_LATIN1_UTF16, false, two28, two28);
    string(CMABI_STRING_ENCODING_LATIN1_UTF16, false, two28 / 2 | 1u << 31, two28);
    string(CMABI_STRING_ENCODING_LATIN1_UTF16, true, 1u << 31, 1u << 31);
    lift_traps("list of 268435456 bytes is longer than 268435455", Type("list<u64>"),
               {0, two28 / 8}, Heap(8));
    lift_traps("list of 18446744073709551615 bytes is longer", Type("list<u64>"), {0, most},
               Heap(8, true));
    lift_traps("out of bounds", Type("list<u64>"), {0, two28 / 8 - 1}, Heap(8));
}

TEST_CASE("text that is none") {
    const std::vector<std::uint8_t> bad = {'a', 'b', 0xff, 'c'};
    lift_traps("invalid utf-8 encoding at byte 2", Type("string"), {0, 4}, Heap(bad, false));
    const std::vector<std::uint8_t> lone = {'a', 0, 0x00, 0xd8};
    lift_traps("unpaired surrogate at utf-16 code unit 1", Type("string"), {0, 2},
               Heap(lone, false, CMABI_STRING_ENCODING_UTF16));
    lift_traps("unpaired surrogate at utf-16 code unit 1", Type("string"), {0, 2 | 1u << 31},
               Heap(lone, false, CMABI_STRING_ENCODING_LATIN1_UTF16));
    const cmabi_string host = {reinterpret_cast<const char *>(bad.data()), bad.size()};
    Heap heap(64);
    std::uint64_t flat[2];
    CHECK_FAILS(CMABI_STATUS_TRAP, "invalid utf-8 encoding at byte 2", cmabi_value_lower_flat,
                Type("string"), &host, heap.options(), flat, std::size_t{2});
}

TEST_CASE("what realloc answers is checked") {
    struct Answer {
        std::uint64_t ptr;
        std::vector<std::uint64_t> words = std::vector<std::uint64_t>(2);
        static bool realloc(void *data, std::uint64_t, std::uint64_t, std::uint32_t, std::uint64_t,
                            std::uint64_t *ptr) {
            *ptr = static_cast<Answer *>(data)->ptr;
            return true;
        }
    };
    const Type type("list<u32>");
    Value value(type, "[1, 2]");
    const auto lower_traps = [&](const char *message, std::uint64_t ptr) {
        Answer answer{ptr};
        cmabi_lift_lower_options options = CMABI_LIFT_LOWER_OPTIONS_INIT;
        options.memory = reinterpret_cast<std::uint8_t *>(answer.words.data());
        options.memory_len = 16;
        options.data = &answer;
        options.realloc = Answer::realloc;
        std::uint64_t flat[2];
        CHECK_FAILS(CMABI_STATUS_TRAP, message, cmabi_value_lower_flat, type, value.data(), &options,
                    flat, std::size_t{2});
        const cmabi_field param{CMABI_STR("p"), type};
        Handle<cmabi_func_type, cmabi_func_type_free> func;
        REQUIRE_OK(cmabi_func_type_new, &param, std::size_t{1}, nullptr, false, func.out());
        CHECK_FAILS(CMABI_STATUS_TRAP, message, cmabi_value_lower_flat_params, func, value.data(),
                    &options, 1u, flat, std::size_t{1});
    };
    lower_traps("realloc returned the unaligned pointer 0x2, asked for alignment 4", 2);
    lower_traps("realloc return: 8 bytes at 0xc are beyond the end of memory (16 bytes)", 12);
}

TEST_CASE("a realloc that fails") {
    Heap heap(4);
    std::uint64_t flat[2];
    const Type type("string");
    Value value(type, R"("hello")");
    CHECK_FAILS(CMABI_STATUS_HOST, "`realloc` failed", cmabi_value_lower_flat, type, value.data(),
                heap.options(), flat, std::size_t{2});
    heap.options()->realloc = nullptr;
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "argument `to` has no `realloc`",
                cmabi_value_lower_flat, type, value.data(), heap.options(), flat, std::size_t{2});
}

TEST_CASE("messages name the place in the value") {
    const Type people("list<person>", "variant pet { none, cat(tuple<string, char>) }"
                                      "record name { nick: string, pet: pet }"
                                      "record person { age: u8, name: name }");
    // Two people of seven words: age, nick's pointer and length, pet, its name and its initial.
    const auto heap = [](std::uint32_t length, std::uint32_t pet, std::uint32_t initial) {
        return words({8, 2, 5, 0, 0, 0, 0, 0, 0, 5, 0, length, pet, 0, 0, initial});
    };
    const std::string name = R"(element 1, field "name", )";
    load_traps(name + R"(field "nick": out of bounds memory access: 99 bytes)", people,
               Heap(heap(99, 0, 0), false));
    load_traps(name + R"(field "pet": invalid variant discriminant: 7 of 2 cases)", people,
               Heap(heap(0, 7, 0), false));
    load_traps(name + R"(field "pet", case "cat", field "1": 0xdead is not a unicode scalar value)",
               people, Heap(heap(0, 1, 0xdead), false));

    Error error;
    const Heap bad(heap(0, 7, 0), false);
    Value value(people);
    CHECK(cmabi_value_load(people, bad.options(), 0, value.data(), value.arena(), error.out()) ==
          CMABI_STATUS_TRAP);
    CHECK(error.path() == R"(element 1, field "name", field "pet")");
}

TEST_CASE("messages name parameters and results") {
    const Type ids("list<char>"), result("result<_, char>");
    const cmabi_field params[] = {{CMABI_STR("first"), ids}, {CMABI_STR("second"), ids}};
    Handle<cmabi_func_type, cmabi_func_type_free> func;
    REQUIRE_OK(cmabi_func_type_new, params, std::size_t{2}, result.get(), false, func.out());
    const Heap heap(words({65, 0xd900, 16, 1, 0, 2}), false);
    Value args(cmabi_func_type_params(func)), results(result);
    const std::uint64_t flat[] = {0, 1, 0, 2};
    const char *message = R"(param "second", element 1: 0xd900 is not a unicode scalar value)";
    CHECK_FAILS(CMABI_STATUS_TRAP, message, cmabi_value_lift_flat_params, func, heap.options(), 16u,
                flat, std::size_t{4}, args.data(), args.arena());
    const std::uint64_t error_case[] = {1, 0xd900};
    CHECK_FAILS(CMABI_STATUS_TRAP, R"(result, case "error": 0xd900 is not)",
                cmabi_value_lift_flat_results, func, heap.options(), 16u, error_case, std::size_t{2},
                results.data(), results.arena());
    const std::uint64_t far = 1000;
    CHECK_FAILS(CMABI_STATUS_TRAP, "out of bounds", cmabi_value_lift_flat_params, func,
                heap.options(), 3u, &far, std::size_t{1}, args.data(), args.arena());
}

TEST_CASE("parameters and results are spilled to memory") {
    const Type type("tuple<u8, u16>");
    const cmabi_field param{CMABI_STR("p"), type};
    Handle<cmabi_func_type, cmabi_func_type_free> func;
    REQUIRE_OK(cmabi_func_type_new, &param, std::size_t{1}, type.get(), false, func.out());
    for (const bool memory64 : {false, true}) {
        Heap heap(64, memory64);
        Value value(type, "(7, 8)"), again(type);
        std::uint64_t flat[2];
        // To new memory, and from there.
        REQUIRE_OK(cmabi_value_lower_flat_params, func, value.data(), heap.options(), 1u, flat,
                   std::size_t{1});
        CHECK(heap.memory()[flat[0]] == 7);
        CHECK(heap.memory()[flat[0] + 2] == 8);
        REQUIRE_OK(cmabi_value_lift_flat_params, func, heap.options(), 1u, flat, std::size_t{1},
                   again.data(), again.arena());
        CHECK(again.wave() == "(7, 8)");
        // To where the guest asks for it, which needs no core value and no realloc.
        heap.options()->realloc = nullptr;
        const std::uint64_t out = 40;
        REQUIRE_OK(cmabi_value_lower_flat_results, func, value.data(), heap.options(), 1u, &out,
                   nullptr, std::size_t{0});
        CHECK(heap.memory()[40] == 7);
        REQUIRE_OK(cmabi_value_lift_flat_results, func, heap.options(), 1u, &out, std::size_t{1},
                   again.data(), again.arena());
        CHECK(again.wave() == "(7, 8)");
    }
}

TEST_CASE("a function without parameters and result") {
    Handle<cmabi_func_type, cmabi_func_type_free> func;
    REQUIRE_OK(cmabi_func_type_new, nullptr, std::size_t{0}, nullptr, false, func.out());
    const Heap heap(8);
    const Value any(Type("u8"));
    CHECK_OK(cmabi_value_lower_flat_params, func, nullptr, heap.options(), 16u, nullptr,
             std::size_t{0});
    CHECK_OK(cmabi_value_lift_flat_results, func, heap.options(), 1u, nullptr, std::size_t{0},
             nullptr, any.arena());
}

TEST_CASE("padding of the host's does not reach a guest") {
    struct Padded {
        std::uint8_t a;
        std::uint32_t b;
        std::uint16_t c;
    };
    const Type type("list<tuple<u8, u32, u16>>");
    std::vector<Padded> padded(5);
    std::memset(padded.data(), 0xa5, sizeof(Padded) * padded.size());
    for (Padded &element : padded) {
        element.a = 1, element.b = 2, element.c = 3;
    }
    const struct {
        const Padded *ptr;
        std::size_t len;
    } list = {padded.data(), padded.size()};
    for (const bool memory64 : {false, true}) {
        Heap heap(256, memory64);
        std::uint64_t flat[2];
        REQUIRE_OK(cmabi_value_lower_flat, type, &list, heap.options(), flat, std::size_t{2});
        for (std::size_t i = 0; i < heap.size(); i++) {
            CHECK(heap.memory()[i] != 0xa5);
        }
    }
}

TEST_CASE("wrong arguments are named") {
    const Type type("u64"), wide("list<u8, 17>"), own("stream<u8>");
    Heap heap(16);
    Value value(type);
    const std::uint64_t zero = 0;
    const auto load = [&](const cmabi_type *type, const cmabi_lift_lower_options *options, void *out,
                          cmabi_arena *arena, const char *message) {
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, message, cmabi_value_load, type, options, zero,
                    out, arena);
    };
    load(nullptr, heap.options(), value.data(), value.arena(), "argument `type` is NULL");
    load(type, nullptr, value.data(), value.arena(), "argument `from` is NULL");
    load(type, heap.options(), nullptr, value.arena(), "argument `value` is NULL");
    load(type, heap.options(), value.data(), nullptr, "argument `arena` is NULL");
    load(type, heap.options(), static_cast<char *>(value.data()) + 4, value.arena(),
         "argument `value` is not aligned to 8");

    cmabi_lift_lower_options options = *heap.options();
    options.size = 3;
    load(type, &options, value.data(), value.arena(), "argument `from` says it has 3 bytes");
    options = *heap.options();
    options.string_encoding = static_cast<cmabi_string_encoding>(3);
    load(type, &options, value.data(), value.arena(), "argument `from` has the unknown value 3");
    options = *heap.options();
    options.memory += 4;
    load(type, &options, value.data(), value.arena(), "a memory that is not aligned to 8");
    options.memory = nullptr;
    load(type, &options, value.data(), value.arena(), "a memory that is NULL");
    options = *heap.options();
    options.memory_len = std::numeric_limits<std::size_t>::max();
    load(type, &options, value.data(), value.arena(), "a memory of an impossible length");

    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "argument `flat_len` is 0, not 1",
                cmabi_value_lift_flat, type, heap.options(), &zero, std::size_t{0}, value.data(),
                value.arena());
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "argument `flat` is NULL", cmabi_value_lower_flat,
                type, value.data(), heap.options(), nullptr, std::size_t{1});
    std::uint64_t flat[17] = {};
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "argument `type` has 17 core values, more than 16",
                cmabi_value_lift_flat, wide, heap.options(), flat, std::size_t{17}, value.data(),
                value.arena());
    CHECK_FAILS(CMABI_STATUS_UNSUPPORTED, "values of type stream<u8> hold handles",
                cmabi_value_lift_flat, own, heap.options(), flat, std::size_t{1}, value.data(),
                value.arena());
}

TEST_CASE("memory may move and grow during a copy") {
    struct Growing {
        std::vector<std::uint64_t> words = std::vector<std::uint64_t>(1);
        std::size_t end = 8;
        static void memory_data(void *data, std::uint8_t **memory, std::size_t *len) {
            auto &words = static_cast<Growing *>(data)->words;
            *memory = reinterpret_cast<std::uint8_t *>(words.data());
            *len = words.size() * 8;
        }
        static bool realloc(void *data, std::uint64_t, std::uint64_t, std::uint32_t align,
                            std::uint64_t size, std::uint64_t *ptr) {
            auto &growing = *static_cast<Growing *>(data);
            *ptr = (growing.end + align - 1) / align * align;
            growing.end = *ptr + size;
            std::vector<std::uint64_t> larger(growing.end / 8 + 1);
            std::copy(growing.words.begin(), growing.words.end(), larger.begin());
            growing.words.swap(larger);
            return true;
        }
    } growing;
    cmabi_lift_lower_options options = CMABI_LIFT_LOWER_OPTIONS_INIT;
    options.data = &growing;
    options.memory_data = Growing::memory_data;
    options.realloc = Growing::realloc;
    const Type type("list<tuple<string, list<string>>>");
    const std::string wave = R"([("one", ["two", "three"]), ("", []), ("four", ["five"])])";
    Value value(type, wave), again(type);
    REQUIRE_OK(cmabi_value_store, type, value.data(), &options, std::uint64_t{0});
    REQUIRE_OK(cmabi_value_load, type, &options, std::uint64_t{0}, again.data(), again.arena());
    CHECK(again.wave() == wave);
}
