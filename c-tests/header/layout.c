/* The layout that the header promises for values in the host's memory: C structs are the canonical
 * layout with the machine's pointers. Everything here is checked while compiling. */
#include <cmabi.h>

#ifdef __cplusplus
#define ALIGN_OF(type) alignof(type)
#else
#include <assert.h>
#define ALIGN_OF(type) _Alignof(type)
#endif

#define LAYOUT(type, size, align)                                                                  \
    static_assert(sizeof(type) == (size), "size of " #type);                                       \
    static_assert(ALIGN_OF(type) == (align), "alignment of " #type)
#define OFFSET(type, field, offset)                                                                \
    static_assert(offsetof(type, field) == (offset), "offset of " #field " in " #type)

enum { WORD = sizeof(void *) };

/* 64-bit numbers are aligned to 8 bytes everywhere, alone and in a struct. */
LAYOUT(cmabi_u64, 8, 8);
LAYOUT(cmabi_s64, 8, 8);
LAYOUT(cmabi_f64, 8, 8);

struct after_u8 {
    uint8_t first;
    cmabi_u64 u64;
    uint8_t second;
    cmabi_f64 f64;
    uint8_t third;
    cmabi_s64 s64;
};
LAYOUT(struct after_u8, 48, 8);
OFFSET(struct after_u8, u64, 8);
OFFSET(struct after_u8, f64, 24);
OFFSET(struct after_u8, s64, 40);

/* string, list<T> */
LAYOUT(cmabi_string, 2 * WORD, WORD);
OFFSET(cmabi_string, ptr, 0);
OFFSET(cmabi_string, len, WORD);

struct list_u64 {
    const cmabi_u64 *ptr;
    size_t len;
};
LAYOUT(struct list_u64, 2 * WORD, WORD);
OFFSET(struct list_u64, len, WORD);

/* record { a: u8, b: u16, c: string, d: bool } */
struct record_mixed {
    uint8_t a;
    uint16_t b;
    cmabi_string c;
    bool d;
};
LAYOUT(struct record_mixed, 4 * WORD, WORD);
OFFSET(struct record_mixed, b, 2);
OFFSET(struct record_mixed, c, WORD);
OFFSET(struct record_mixed, d, 3 * WORD);

/* tuple<u8, char, f32> */
struct tuple_u8_char_f32 {
    uint8_t f0;
    uint32_t f1;
    float f2;
};
LAYOUT(struct tuple_u8_char_f32, 12, 4);
OFFSET(struct tuple_u8_char_f32, f1, 4);
OFFSET(struct tuple_u8_char_f32, f2, 8);

/* option<u8>, option<u64>, option<string> */
struct option_u8 {
    uint8_t is_some;
    uint8_t val;
};
LAYOUT(struct option_u8, 2, 1);
OFFSET(struct option_u8, val, 1);

struct option_u64 {
    uint8_t is_some;
    cmabi_u64 val;
};
LAYOUT(struct option_u64, 16, 8);
OFFSET(struct option_u64, val, 8);

struct option_string {
    uint8_t is_some;
    cmabi_string val;
};
LAYOUT(struct option_string, 3 * WORD, WORD);
OFFSET(struct option_string, val, WORD);

/* result<u64, u8>, result<_, u16> */
struct result_u64_u8 {
    uint8_t is_err;
    union {
        cmabi_u64 ok;
        uint8_t err;
    } val;
};
LAYOUT(struct result_u64_u8, 16, 8);
OFFSET(struct result_u64_u8, val, 8);

struct result_none_u16 {
    uint8_t is_err;
    union {
        uint16_t err;
    } val;
};
LAYOUT(struct result_none_u16, 4, 2);
OFFSET(struct result_none_u16, val, 2);

/* variant { a(u32), b(list<u64>), c } with a tag of one byte; with more than 256 cases, of two */
struct variant_small {
    uint8_t tag;
    union {
        uint32_t a;
        struct list_u64 b;
    } val;
};
LAYOUT(struct variant_small, 3 * WORD, WORD);
OFFSET(struct variant_small, val, WORD);

struct variant_large {
    uint16_t tag;
    union {
        uint8_t a;
        uint32_t b;
    } val;
};
LAYOUT(struct variant_large, 8, 4);
OFFSET(struct variant_large, val, 4);

/* list<u16, 3>, a fixed-length list, lies in line */
struct holds_fixed {
    uint8_t before;
    uint16_t items[3];
};
LAYOUT(struct holds_fixed, 8, 2);
OFFSET(struct holds_fixed, items, 2);

/* flags of up to 8, 16 and 32 labels; handles */
struct flags_and_handle {
    uint8_t flags8;
    uint16_t flags16;
    uint32_t flags32;
    uint32_t handle;
};
LAYOUT(struct flags_and_handle, 12, 4);
OFFSET(struct flags_and_handle, flags16, 2);
OFFSET(struct flags_and_handle, flags32, 4);
OFFSET(struct flags_and_handle, handle, 8);

/* Statuses cross as 32-bit numbers in every language version. */
LAYOUT(cmabi_status, 4, 4);
LAYOUT(bool, 1, 1);
