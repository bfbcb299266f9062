// The reference's strings (run_tests.py): every pair of encodings, with 4- and with 8-byte pointers,
// to the host and back and directly from memory to memory.
#include "reference.hpp"

#include <algorithm>

using namespace reference;

namespace {

struct Encoded {
    std::vector<std::uint8_t> bytes;
    std::uint64_t tagged_code_units;
};

const std::u32string fun_strings[] = {
    U"",
    U"a",
    U"hi",
    std::u32string(1, U'\0'),
    std::u32string(U"a\0b", 3),
    U"\x80",
    U"\x80" U"b",
    U"ab\xef" U"c",
    U"\u01ffy",
    U"xy\u01ff",
    U"a\xd7ff" U"b",
    U"a\u02ff\u03ff\u04ffbc",
    U"\uf123",
    U"\uf123\uf123abc",
    U"abcdef\uf123",
    U"\U0001f600 and \xe9",
};

std::vector<std::uint8_t> utf8(const std::u32string &string) {
    std::vector<std::uint8_t> bytes;
    for (const char32_t c : string) {
        const auto push = [&](char32_t bits) { bytes.push_back(static_cast<std::uint8_t>(bits)); };
        const auto tail = [&](int shift) { push(0x80 | (c >> shift & 0x3f)); };
        if (c < 0x80) {
            push(c);
        } else if (c < 0x800) {
            push(0xc0 | c >> 6), tail(0);
        } else if (c < 0x10000) {
            push(0xe0 | c >> 12), tail(6), tail(0);
        } else {
            push(0xf0 | c >> 18), tail(12), tail(6), tail(0);
        }
    }
    return bytes;
}

std::vector<std::uint8_t> utf16(const std::u32string &string) {
    std::vector<std::uint8_t> bytes;
    const auto push = [&](char32_t unit) {
        bytes.push_back(static_cast<std::uint8_t>(unit));
        bytes.push_back(static_cast<std::uint8_t>(unit >> 8));
    };
    for (const char32_t c : string) {
        if (c < 0x10000) {
            push(c);
        } else {
            push(0xd800 + ((c - 0x10000) >> 10));
            push(0xdc00 + ((c - 0x10000) & 0x3ff));
        }
    }
    return bytes;
}

// What the string may be in a memory: with `latin1+utf16` there can be two ways.
std::vector<Encoded> encodings_of(const std::u32string &string, cmabi_string_encoding encoding,
                                  bool memory64) {
    const std::vector<std::uint8_t> narrow = utf8(string), wide = utf16(string);
    switch (encoding) {
    case CMABI_STRING_ENCODING_UTF8:
        return {{narrow, narrow.size()}};
    case CMABI_STRING_ENCODING_UTF16:
        return {{wide, wide.size() / 2}};
    default:
        const std::uint64_t tag = std::uint64_t{1} << (memory64 ? 63 : 31);
        std::vector<Encoded> all{{wide, wide.size() / 2 | tag}};
        if (std::all_of(string.begin(), string.end(), [](char32_t c) { return c < 0x100; })) {
            all.push_back({{string.begin(), string.end()}, string.size()});
        }
        return all;
    }
}

// The UTF-8 of the string at these core values.
std::vector<std::uint8_t> lifted(const Type &type, const std::uint64_t (&flat)[2],
                                 const Heap &heap) {
    Value arena(type);
    cmabi_string string{};
    REQUIRE_OK(cmabi_value_lift_flat, type, heap.options(), flat, std::size_t{2}, &string,
               arena.arena());
    return {string.ptr, string.ptr + string.len};
}

void test_string(const std::u32string &string, const Encoded &encoded, const Heap &src,
                 cmabi_string_encoding dst_encoding, bool dst_memory64) {
    const Type type("string");
    const std::uint64_t flat[2] = {0, encoded.tagged_code_units};
    const std::vector<std::uint8_t> expected = utf8(string);
    CHECK(lifted(type, flat, src) == expected);

    // To the host and from there to the other memory.
    Value value(type);
    REQUIRE_OK(cmabi_value_lift_flat, type, src.options(), flat, std::size_t{2}, value.data(),
               value.arena());
    Heap dst(5 * src.size() + 16, dst_memory64, dst_encoding);
    std::uint64_t lowered[2];
    REQUIRE_OK(cmabi_value_lower_flat, type, value.data(), dst.options(), lowered, std::size_t{2});
    CHECK(lifted(type, lowered, dst) == expected);

    // From memory to memory, as the one element of a tuple.
    Heap from(src.size() + 16, src.options()->memory64, src.options()->string_encoding);
    Heap to(5 * from.size(), dst_memory64, dst_encoding);
    std::uint64_t begin[2] = {16, encoded.tagged_code_units};
    if (!from.options()->memory64) {
        begin[0] |= begin[1] << 32;
    }
    std::memcpy(from.memory(), begin, from.options()->memory64 ? 16 : 8);
    std::copy(encoded.bytes.begin(), encoded.bytes.end(), from.memory() + 16);
    std::uint64_t room;
    REQUIRE(to.options()->realloc(&to, 0, 0, 8, 16, &room));
    REQUIRE_OK(cmabi_value_copy, type, from.options(), std::uint64_t{0}, to.options(), room);
    Value copied(type);
    REQUIRE_OK(cmabi_value_load, type, to.options(), room, copied.data(), copied.arena());
    const auto &text = *static_cast<const cmabi_string *>(copied.data());
    CHECK(std::vector<std::uint8_t>(text.ptr, text.ptr + text.len) == expected);
}

constexpr cmabi_string_encoding encodings[] = {
    CMABI_STRING_ENCODING_UTF8, CMABI_STRING_ENCODING_UTF16, CMABI_STRING_ENCODING_LATIN1_UTF16};

} // namespace

TEST_CASE("test_string: strings arrive from every encoding in every other") {
    for (const cmabi_string_encoding src_encoding : encodings) {
        for (const cmabi_string_encoding dst_encoding : encodings) {
            for (const bool memory64 : {false, true}) {
                for (const std::u32string &string : fun_strings) {
                    for (const Encoded &encoded : encodings_of(string, src_encoding, memory64)) {
                        CAPTURE(src_encoding);
                        CAPTURE(dst_encoding);
                        CAPTURE(encoded.tagged_code_units);
                        const Heap src(encoded.bytes, memory64, src_encoding);
                        test_string(string, encoded, src, dst_encoding, memory64);
                        test_string(string, encoded, src, dst_encoding, !memory64);
                    }
                }
            }
        }
    }
}
