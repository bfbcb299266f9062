// A guest's memory without a guest: values are lifted from it and lowered into it by the functions of the
// header's section "Values in memories of the host's own".
#pragma once

#include "types.hpp"

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

// ---- Values ---------------------------------------------------------------------------------------

// The type whose host values are a `T`.
template <class T>
Type scalar() {
    if constexpr (std::is_same_v<T, bool>) {
        return primitive(CMABI_KIND_BOOL);
    } else if constexpr (std::is_same_v<T, std::int8_t>) {
        return primitive(CMABI_KIND_S8);
    } else if constexpr (std::is_same_v<T, std::uint8_t>) {
        return primitive(CMABI_KIND_U8);
    } else if constexpr (std::is_same_v<T, std::int16_t>) {
        return primitive(CMABI_KIND_S16);
    } else if constexpr (std::is_same_v<T, std::uint16_t>) {
        return primitive(CMABI_KIND_U16);
    } else if constexpr (std::is_same_v<T, std::int32_t>) {
        return primitive(CMABI_KIND_S32);
    } else if constexpr (std::is_same_v<T, std::uint32_t>) {
        return primitive(CMABI_KIND_U32);
    } else if constexpr (std::is_same_v<T, std::int64_t>) {
        return primitive(CMABI_KIND_S64);
    } else if constexpr (std::is_same_v<T, std::uint64_t>) {
        return primitive(CMABI_KIND_U64);
    } else if constexpr (std::is_same_v<T, float>) {
        return primitive(CMABI_KIND_F32);
    } else if constexpr (std::is_same_v<T, double>) {
        return primitive(CMABI_KIND_F64);
    } else if constexpr (std::is_same_v<T, char32_t>) {
        return primitive(CMABI_KIND_CHAR);
    } else {
        static_assert(std::is_same_v<T, cmabi_string>, "no type has such values");
        return primitive(CMABI_KIND_STRING);
    }
}

// A `list` of the host.
template <class T>
struct List {
    const T *ptr;
    std::size_t len;
};

template <class T>
List<T> list(const std::vector<T> &elements) {
    return {elements.data(), elements.size()};
}

template <class T>
std::vector<T> elements(const List<T> &list) {
    return std::vector<T>(list.ptr, list.ptr + list.len);
}

// ---- Memory ---------------------------------------------------------------------------------------

using Words = std::vector<std::uint64_t>;

class Memory {
public:
    explicit Memory(cmabi_string_encoding encoding = CMABI_STRING_ENCODING_UTF8,
                    bool memory64 = false, std::size_t size = 1 << 20)
        : words_(size / 8) {
        options_.string_encoding = encoding;
        options_.memory64 = memory64;
        options_.memory = bytes();
        options_.memory_len = size;
        options_.data = this;
        options_.realloc = realloc;
        REQUIRE_OK(cmabi_arena_new, 0, arena_.out());
    }
    Memory(const Memory &) = delete;
    Memory &operator=(const Memory &) = delete;

    std::uint8_t *bytes() { return reinterpret_cast<std::uint8_t *>(words_.data()); }
    const cmabi_lift_lower_options *options() const { return &options_; }
    // Where lifted strings and lists lie, as long as the memory is there.
    cmabi_arena *arena() const { return arena_; }
    bool memory64() const { return options_.memory64 != 0; }

    // Bytes at an address, to write and to look at.
    template <class T>
    void poke(std::uint64_t ptr, const T &value) {
        std::memcpy(bytes() + ptr, &value, sizeof value);
    }
    template <class T>
    T peek(std::uint64_t ptr) {
        T value;
        std::memcpy(&value, bytes() + ptr, sizeof value);
        return value;
    }
    void poke_text(std::uint64_t ptr, std::string_view text) {
        std::memcpy(bytes() + ptr, text.data(), text.size());
    }
    std::string peek_text(std::uint64_t ptr, std::size_t len) {
        return std::string(reinterpret_cast<char *>(bytes()) + ptr, len);
    }
    // A pointer or length, as wide as they are in this memory.
    std::uint64_t peek_word(std::uint64_t ptr) {
        return memory64() ? peek<std::uint64_t>(ptr) : peek<std::uint32_t>(ptr);
    }

    // Fresh memory.
    std::uint64_t alloc(std::uint64_t size, std::uint64_t align = 8) {
        const std::uint64_t ptr = (free_ + align - 1) / align * align;
        REQUIRE(ptr + size <= options_.memory_len);
        free_ = ptr + size;
        return ptr;
    }

    template <class T>
    T lift(const cmabi_type *type, const Words &flat) {
        T value{};
        REQUIRE(sizeof value == cmabi_type_size(type, CMABI_ADDR_TYPE_HOST));
        CHECK_OK(cmabi_value_lift_flat, type, options(), flat.data(), flat.size(), &value, arena());
        return value;
    }

    template <class T>
    Words lower(const cmabi_type *type, const T &value) {
        REQUIRE(sizeof value == cmabi_type_size(type, CMABI_ADDR_TYPE_HOST));
        Words flat(flat_count(type));
        CHECK_OK(cmabi_value_lower_flat, type, &value, options(), flat.data(), flat.size());
        return flat;
    }

    template <class T>
    T load(const cmabi_type *type, std::uint64_t ptr) {
        T value{};
        REQUIRE(sizeof value == cmabi_type_size(type, CMABI_ADDR_TYPE_HOST));
        CHECK_OK(cmabi_value_load, type, options(), ptr, &value, arena());
        return value;
    }

    // Stores a value in fresh memory.
    template <class T>
    std::uint64_t store(const cmabi_type *type, const T &value) {
        REQUIRE(sizeof value == cmabi_type_size(type, CMABI_ADDR_TYPE_HOST));
        const std::uint64_t ptr = alloc(cmabi_type_size(type, addr_type()));
        CHECK_OK(cmabi_value_store, type, &value, options(), ptr);
        return ptr;
    }

    // The value after lowering and lifting it again.
    template <class T>
    T flat_trip(const cmabi_type *type, const T &value) {
        return lift<T>(type, lower(type, value));
    }

    // The value after storing and loading it again.
    template <class T>
    T heap_trip(const cmabi_type *type, const T &value) {
        return load<T>(type, store(type, value));
    }

    cmabi_addr_type addr_type() const {
        return memory64() ? CMABI_ADDR_TYPE_I64 : CMABI_ADDR_TYPE_I32;
    }
    std::size_t flat_count(const cmabi_type *type) const {
        return cmabi_type_flatten(type, addr_type(), nullptr, 0);
    }

private:
    // Never gives the same memory twice.
    static bool realloc(void *self, std::uint64_t old, std::uint64_t old_size, std::uint32_t align,
                        std::uint64_t size, std::uint64_t *ptr) {
        Memory &memory = *static_cast<Memory *>(self);
        *ptr = memory.alloc(size, align);
        std::memcpy(memory.bytes() + *ptr, memory.bytes() + old, old_size < size ? old_size : size);
        return true;
    }

    std::vector<std::uint64_t> words_; // aligned to 8
    std::uint64_t free_ = 8;
    cmabi_lift_lower_options options_ = CMABI_LIFT_LOWER_OPTIONS_INIT;
    Handle<cmabi_arena, cmabi_arena_free> arena_;
};

// Both pointer widths.
constexpr bool memory_widths[] = {false, true};

constexpr cmabi_string_encoding string_encodings[] = {
    CMABI_STRING_ENCODING_UTF8, CMABI_STRING_ENCODING_UTF16, CMABI_STRING_ENCODING_LATIN1_UTF16};
