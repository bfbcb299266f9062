// What the ports of the reference's tests share: types as WIT text, values as WAVE text, and the heap
// that the reference's tests allocate from.
#pragma once

#include "support.hpp"

#include <cstring>
#include <vector>

namespace reference {

// A type written in WIT, after definitions that it may need:
// `Type("list<f>", "flags f { a, b }")`.
class Type : public Handle<cmabi_type, cmabi_type_free> {
public:
    explicit Type(const std::string &text, const std::string &definitions = "") {
        const std::string package =
            "package test:types; interface i { " + definitions + " type t = " + text + "; }";
        const cmabi_wit_file file{CMABI_STR("types.wit"), view(package)};
        Handle<cmabi_wit, cmabi_wit_free> wit;
        REQUIRE_OK(cmabi_wit_parse, &file, std::size_t{1}, wit.out());
        const cmabi_type *type = nullptr;
        REQUIRE_OK(cmabi_wit_type, wit, CMABI_STR("i/t"), &type);
        *out() = cmabi_type_clone(type);
    }

    std::string name() const { return text(cmabi_type_text(*this)); }
    std::size_t flat_count() const {
        return cmabi_type_flatten(*this, CMABI_ADDR_TYPE_I32, nullptr, 0);
    }
};

// Room for a value on the host, and for its strings and lists.
class Value {
public:
    explicit Value(const cmabi_type *type)
        : type_(type), words_(cmabi_type_size(type, CMABI_ADDR_TYPE_HOST) / 8 + 1) {
        REQUIRE_OK(cmabi_arena_new, std::uint64_t{0}, arena_.out());
    }
    Value(const cmabi_type *type, const std::string &wave) : Value(type) {
        REQUIRE_OK(cmabi_wave_parse, type, view(wave), data(), arena_);
    }

    void *data() { return words_.data(); }
    cmabi_arena *arena() const { return arena_; }
    std::string wave() {
        cmabi_string string{};
        REQUIRE_OK(cmabi_wave_print, type_, data(), &string, arena_);
        return text(string);
    }

private:
    const cmabi_type *type_;
    std::vector<std::uint64_t> words_;
    Handle<cmabi_arena, cmabi_arena_free> arena_;
};

// A guest's memory. Its `realloc` hands out one byte after the other from the beginning, gives
// memory back by leaving it where it is, and fails at the end, like the reference's.
class Heap {
public:
    explicit Heap(std::size_t size, bool memory64 = false,
                  cmabi_string_encoding encoding = CMABI_STRING_ENCODING_UTF8)
        : words_(size / 8 + 1) {
        options_.memory = reinterpret_cast<std::uint8_t *>(words_.data());
        options_.memory_len = size;
        options_.memory64 = memory64;
        options_.string_encoding = encoding;
        options_.data = this;
        options_.realloc = realloc;
    }
    Heap(const std::vector<std::uint8_t> &bytes, bool memory64,
         cmabi_string_encoding encoding = CMABI_STRING_ENCODING_UTF8)
        : Heap(bytes.size(), memory64, encoding) {
        std::copy(bytes.begin(), bytes.end(), memory());
    }
    Heap(const Heap &) = delete;
    Heap &operator=(const Heap &) = delete;

    const cmabi_lift_lower_options *options() const { return &options_; }
    cmabi_lift_lower_options *options() { return &options_; }
    std::uint8_t *memory() const { return options_.memory; }
    std::size_t size() const { return options_.memory_len; }

private:
    static bool realloc(void *data, std::uint64_t old, std::uint64_t old_size, std::uint32_t align,
                        std::uint64_t new_size, std::uint64_t *ptr) {
        auto &heap = *static_cast<Heap *>(data);
        if (old != 0 && new_size < old_size) {
            *ptr = old;
            return true;
        }
        *ptr = (heap.end_ + align - 1) / align * align;
        heap.end_ = *ptr + new_size;
        if (heap.end_ > heap.size()) {
            return false;
        }
        std::memmove(heap.memory() + *ptr, heap.memory() + old, old_size);
        return true;
    }

    std::vector<std::uint64_t> words_; // so that the memory is aligned
    std::uint64_t end_ = 0;
    cmabi_lift_lower_options options_ = CMABI_LIFT_LOWER_OPTIONS_INIT;
};

// The value that the core values are, in WAVE; `trap` where they are none.
inline std::string lift(const Type &type, const std::vector<std::uint64_t> &flat,
                        const Heap &heap) {
    Value value(type);
    Error error;
    const cmabi_status status = cmabi_value_lift_flat(
        type, heap.options(), flat.data(), flat.size(), value.data(), value.arena(), error.out());
    if (status == CMABI_STATUS_OK) {
        return value.wave();
    }
    CHECK_MESSAGE(status == CMABI_STATUS_TRAP, support::outcome(status, error));
    return "trap";
}

inline std::vector<std::uint64_t> lower(const Type &type, const std::string &wave, Heap &heap) {
    Value value(type, wave);
    std::vector<std::uint64_t> flat(type.flat_count());
    REQUIRE_OK(cmabi_value_lower_flat, type, value.data(), heap.options(), flat.data(), flat.size());
    return flat;
}

// The core values lift to `expected`, which is WAVE or `trap`; lowered to another heap and lifted
// again, the value is the same.
inline void test(const Type &type, const std::vector<std::uint64_t> &flat,
                 const std::string &expected, const Heap &heap) {
    CAPTURE(type.name());
    CAPTURE(heap.options()->memory64);
    CHECK(lift(type, flat, heap) == expected);
    if (expected != "trap") {
        Heap other(5 * heap.size(), heap.options()->memory64);
        CHECK(lift(type, lower(type, expected, other), other) == expected);
    }
}

} // namespace reference
