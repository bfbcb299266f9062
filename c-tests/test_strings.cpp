#include "memory.hpp"

#include <string>

static const std::uint64_t utf16_tag32 = std::uint64_t(1) << 31;
static const std::uint64_t utf16_tag64 = std::uint64_t(1) << 63;

// Strings as scalar values, from which each encoding is derived here, independently of the library.
static const std::vector<std::u32string> samples = {
    U"",
    U"a",
    U"hi",
    U"Hello World!",
    std::u32string(1, U'\0'),
    std::u32string(U"a\0b", 3),
    U"\u0080",             // the first two bytes of UTF-8
    U"\u00ff",             // the last of Latin-1
    U"\u0100",             // the first beyond it
    U"H\u00e9llo W\u00f6rld",
    U"\u07ff\u0800",       // two and three bytes of UTF-8
    U"\ud7ff\ue000",       // around the surrogates
    U"\uffff\U00010000",   // the first pair of surrogates
    U"\U0010ffff",         // the last scalar value
    U"Hello \u4e16\u754c",
    U"\U0001f30d\U0001f30e\U0001f30f",
    U"e\u0301 \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u0928\u092e\u0938\u094d\u0924\u0947",
    U"\U0001f468\u200d\U0001f469\u200d\U0001f467", // one family of joined scalars
    U"latin1 \u00e9 first, then \u20ac",
    U"abcdefghijklmnopqrstuvwxyz0123456789 \u00e9\u00e8 and \u4e16 and \U0001f30d at last",
    std::u32string(1000, U'A'),
    std::u32string(1000, U'\u00e9'),
    std::u32string(1000, U'\u4e16'),
    std::u32string(1000, U'\U0001f30d'),
    std::u32string(999, U'a') + U"\u20ac",
};

static std::string utf8(const std::u32string &text) {
    std::string bytes;
    for (const char32_t scalar : text) {
        if (scalar < 0x80) {
            bytes += char(scalar);
            continue;
        }
        const int more = scalar < 0x800 ? 1 : scalar < 0x10000 ? 2 : 3;
        static const unsigned leads[] = {0, 0xc0, 0xe0, 0xf0};
        bytes += char(leads[more] | scalar >> 6 * more);
        for (int i = more - 1; i >= 0; --i) {
            bytes += char(0x80 | (scalar >> 6 * i & 0x3f));
        }
    }
    return bytes;
}

static std::string utf16(const std::u32string &text) {
    std::string bytes;
    const auto unit = [&bytes](char32_t value) {
        bytes += char(value & 0xff);
        bytes += char(value >> 8);
    };
    for (const char32_t scalar : text) {
        if (scalar < 0x10000) {
            unit(scalar);
        } else {
            unit(0xd800 + ((scalar - 0x10000) >> 10));
            unit(0xdc00 + ((scalar - 0x10000) & 0x3ff));
        }
    }
    return bytes;
}

static bool is_latin1(const std::u32string &text) {
    for (const char32_t scalar : text) {
        if (scalar > 0xff) {
            return false;
        }
    }
    return true;
}

static std::string latin1(const std::u32string &text) {
    return std::string(text.begin(), text.end());
}

// A string's bytes and the length that goes with their address.
struct Encoded {
    std::string bytes;
    std::uint64_t length;
};

static Encoded encode(const std::u32string &text, const Memory &memory) {
    switch (memory.options()->string_encoding) {
    case CMABI_STRING_ENCODING_UTF8: {
        const std::string bytes = utf8(text);
        return {bytes, bytes.size()};
    }
    case CMABI_STRING_ENCODING_UTF16: {
        const std::string bytes = utf16(text);
        return {bytes, bytes.size() / 2};
    }
    default:
        if (is_latin1(text)) {
            return {latin1(text), text.size()};
        }
        const std::string bytes = utf16(text);
        return {bytes, bytes.size() / 2 | (memory.memory64() ? utf16_tag64 : utf16_tag32)};
    }
}

// The core values of a string of these bytes in the memory.
static Words place(Memory &memory, const Encoded &encoded) {
    const std::uint64_t ptr = memory.alloc(encoded.bytes.size(), 2);
    memory.poke_text(ptr, encoded.bytes);
    return {ptr, encoded.length};
}

static void check_lift_and_lower(Memory &memory, const std::u32string &sample) {
    const Type type = scalar<cmabi_string>();
    const std::string host = utf8(sample);
    const Encoded encoded = encode(sample, memory);

    CHECK(text(memory.lift<cmabi_string>(type, place(memory, encoded))) == host);

    const Words flat = memory.lower(type, view(host));
    CHECK(flat[1] == encoded.length);
    CHECK(memory.peek_text(flat[0], encoded.bytes.size()) == encoded.bytes);

    CHECK(text(memory.heap_trip(type, view(host))) == host);
}

TEST_CASE("strings are lifted and lowered in the guest's encoding") {
    for (const cmabi_string_encoding encoding : string_encodings) {
        for (const bool memory64 : memory_widths) {
            Memory memory(encoding, memory64);
            for (const std::u32string &sample : samples) {
                CAPTURE(utf8(sample));
                check_lift_and_lower(memory, sample);
            }
        }
    }
}

// From one guest to another, the value's bytes and length in `to` are those of its encoding.
static void check_copy(Memory &from, Memory &to, const std::u32string &sample) {
    const Type type = scalar<cmabi_string>();
    const std::string host = utf8(sample);
    const std::uint64_t src = from.store(type, view(host));
    const std::uint64_t dst = to.alloc(16);
    CHECK_OK(cmabi_value_copy, type, from.options(), src, to.options(), dst);

    const std::uint64_t word = to.memory64() ? 8 : 4;
    const Encoded encoded = encode(sample, to);
    CHECK(to.peek_word(dst + word) == encoded.length);
    CHECK(to.peek_text(to.peek_word(dst), encoded.bytes.size()) == encoded.bytes);
    CHECK(text(to.load<cmabi_string>(type, dst)) == host);
}

TEST_CASE("strings go from each encoding to each") {
    for (const cmabi_string_encoding source : string_encodings) {
        for (const cmabi_string_encoding target : string_encodings) {
            for (const bool memory64 : memory_widths) {
                Memory from(source, memory64);
                Memory to(target, !memory64);
                for (const std::u32string &sample : samples) {
                    CAPTURE(utf8(sample));
                    check_copy(from, to, sample);
                }
            }
        }
    }
}

TEST_CASE("latin1+utf16 is latin1 where it can be, and says by a bit where it is not") {
    const Type type = scalar<cmabi_string>();
    for (const bool memory64 : memory_widths) {
        const std::uint64_t tag = memory64 ? utf16_tag64 : utf16_tag32;
        Memory memory(CMABI_STRING_ENCODING_LATIN1_UTF16, memory64);
        CHECK(memory.lower(type, CMABI_STR("Hello World!"))[1] == 12);
        CHECK(memory.lower(type, CMABI_STR("H\xc3\xa9llo"))[1] == 5);
        CHECK(memory.lower(type, CMABI_STR("Hello \xf0\x9f\x8c\x8d!"))[1] == (9 | tag));

        // A guest may tag what would be Latin-1 as well.
        const Words flat = place(memory, {utf16(U"plain"), 5 | tag});
        CHECK(text(memory.lift<cmabi_string>(type, flat)) == "plain");
    }
}

TEST_CASE("an empty string has any pointer") {
    const Type type = scalar<cmabi_string>();
    for (const cmabi_string_encoding encoding : string_encodings) {
        Memory memory(encoding);
        CHECK(text(memory.lift<cmabi_string>(type, {0, 0})) == "");
        CHECK(text(memory.lift<cmabi_string>(type, {64, 0})) == "");
        CHECK(memory.lower(type, cmabi_string{nullptr, 0})[1] == 0);
    }
}

TEST_CASE("text that is not UTF-8 traps, from the guest and from the host") {
    const Type type = scalar<cmabi_string>();
    Memory memory;
    for (const std::string &bad :
         {std::string("abc\xff"), std::string("\xc0\x80"), std::string("\xed\xa0\x80"),
          std::string("\xf4\x90\x80\x80"), std::string("\xe2\x82"), std::string("a\x80z")}) {
        CAPTURE(bad.size());
        const Words flat = place(memory, {bad, bad.size()});
        cmabi_string lifted{};
        CHECK_FAILS(CMABI_STATUS_TRAP, "invalid utf-8", cmabi_value_lift_flat, type,
                    memory.options(), flat.data(), flat.size(), &lifted, memory.arena());
        const cmabi_string host = view(bad);
        Words lowered(2);
        CHECK_FAILS(CMABI_STATUS_TRAP, "invalid utf-8", cmabi_value_lower_flat, type, &host,
                    memory.options(), lowered.data(), lowered.size());
    }
}

TEST_CASE("surrogates without their other half trap") {
    const Type type = scalar<cmabi_string>();
    for (const cmabi_string_encoding encoding :
         {CMABI_STRING_ENCODING_UTF16, CMABI_STRING_ENCODING_LATIN1_UTF16}) {
        Memory memory(encoding);
        const std::uint64_t tag = encoding == CMABI_STRING_ENCODING_UTF16 ? 0 : utf16_tag32;
        for (const std::string &bad :
             {std::string("a\0\0\xd8z\0", 6), std::string("a\0\0\xdcz\0", 6),
              std::string("a\0z\0\0\xd8", 6), std::string("\0\xd8\0\xd8\0\xdc", 6)}) {
            const Words flat = place(memory, {bad, 3 | tag});
            cmabi_string lifted{};
            CHECK_FAILS(CMABI_STATUS_TRAP, "unpaired surrogate", cmabi_value_lift_flat, type,
                        memory.options(), flat.data(), flat.size(), &lifted, memory.arena());
        }
    }
}

TEST_CASE("strings that are too long, unaligned or outside the memory trap and allocate nothing") {
    const Type type = scalar<cmabi_string>();
    cmabi_string lifted{};
    const auto fails = [&](Memory &memory, const Words &flat, const char *message) {
        CHECK_FAILS(CMABI_STATUS_TRAP, message, cmabi_value_lift_flat, type, memory.options(),
                    flat.data(), flat.size(), &lifted, memory.arena());
        CHECK(cmabi_arena_used_bytes(memory.arena()) == 0);
    };
    Memory bytes(CMABI_STRING_ENCODING_UTF8, false, 1024);
    fails(bytes, {0, 1025}, "out of bounds");
    fails(bytes, {1024, 1}, "out of bounds");
    fails(bytes, {0xffffffff, 2}, "out of bounds");
    fails(bytes, {0, std::uint64_t(1) << 28}, "longer than");

    Memory units(CMABI_STRING_ENCODING_UTF16, false, 1024);
    fails(units, {1, 1}, "unaligned pointer");
    fails(units, {0, 513}, "out of bounds");
    fails(units, {0, std::uint64_t(1) << 27}, "longer than");
    CHECK(text(units.lift<cmabi_string>(type, {0, 512})) == std::string(512, '\0'));

    Memory wide(CMABI_STRING_ENCODING_UTF8, true, 1024);
    fails(wide, {0xffffffffffffffff, 2}, "out of bounds");
    fails(wide, {0, 0xffffffffffffffff}, "longer than");
}

TEST_CASE("lists of strings keep each string, in each encoding") {
    const Type type = list_of(scalar<cmabi_string>());
    for (const cmabi_string_encoding encoding : string_encodings) {
        Memory memory(encoding);
        const std::vector<std::string> words{"Hello", "World", "!", "", "\xf0\x9f\x8c\x8d"};
        std::vector<cmabi_string> views;
        for (const std::string &word : words) {
            views.push_back(view(word));
        }
        const auto lifted = elements(memory.flat_trip(type, list(views)));
        REQUIRE(lifted.size() == words.size());
        for (std::size_t i = 0; i < words.size(); ++i) {
            CHECK(text(lifted[i]) == words[i]);
        }
    }
}
