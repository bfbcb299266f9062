/* libcmabi for hosts with a core-wasm engine, a decoder, or linear memories of their own: the table of an
 * engine, flattening, values in guests' memories, and the canonical definitions one by one. A program
 * that runs components needs only cmabi.h, whose rules hold here as well.
 *
 * Written by cbindgen from src/ffi/cmabi_engine/ (CMABI_UPDATE_HEADER=1 cargo test --test header). Do not
 * edit.
 */
#ifndef CMABI_ENGINE_H
#define CMABI_ENGINE_H

#include "cmabi.h"

/* Since 0.1. */
#define CMABI_CANON_OPTIONS_INIT CMABI_INIT(cmabi_canon_options)
#define CMABI_ENGINE_INTERFACE_INIT CMABI_INIT(cmabi_engine_interface)
#define CMABI_LIFT_LOWER_OPTIONS_INIT CMABI_INIT(cmabi_lift_lower_options)

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cmabi_guest_memory cmabi_guest_memory;
typedef struct cmabi_import cmabi_import;

/* Flattening: types as core types ---------------------------------------------------------------- */

/**
 * The type of a core value.
 * @since 0.1
 */
enum cmabi_core_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * `i32`
     */
    CMABI_CORE_TYPE_I32,
    /**
     * `i64`
     */
    CMABI_CORE_TYPE_I64,
    /**
     * `f32`
     */
    CMABI_CORE_TYPE_F32,
    /**
     * `f64`
     */
    CMABI_CORE_TYPE_F64,
    /**
     * `v128`
     */
    CMABI_CORE_TYPE_V128,
    /**
     * `funcref`
     */
    CMABI_CORE_TYPE_FUNCREF,
    /**
     * `externref`
     */
    CMABI_CORE_TYPE_EXTERNREF,
    /**
     * Any other reference type.
     */
    CMABI_CORE_TYPE_REF,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cmabi_core_type cmabi_core_type;
#else
typedef uint32_t cmabi_core_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Which side of a component's boundary a core function is on.
 * @since 0.1
 */
enum cmabi_abi_context
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * `canon lift`: the component defines the core function and exports it.
     */
    CMABI_ABI_CONTEXT_LIFT,
    /**
     * `canon lower`: the component imports the core function.
     */
    CMABI_ABI_CONTEXT_LOWER,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cmabi_abi_context cmabi_abi_context;
#else
typedef uint32_t cmabi_abi_context;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The canonical options that a core function's signature depends on, apart from the memory.
 * @since 0.1
 */
enum cmabi_abi
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Without `async`.
     */
    CMABI_ABI_SYNC,
    /**
     * With `async`.
     */
    CMABI_ABI_ASYNC,
    /**
     * With `async` and `callback`. For `CMABI_ABI_CONTEXT_LOWER` the same as `CMABI_ABI_ASYNC`.
     */
    CMABI_ABI_ASYNC_CALLBACK,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cmabi_abi cmabi_abi;
#else
typedef uint32_t cmabi_abi;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The signature of a core function that stands for a component function.
 * @since 0.1
 */
typedef struct cmabi_core_signature {
    /**
     * How many parameters there are.
     * @since 0.2
     */
    size_t params_len;
    /**
     * The parameters: at most 16, and one for the address of the results.
     */
    cmabi_core_type params[17];
    /**
     * How many results there are.
     * @since 0.2
     */
    size_t results_len;
    /**
     * The result.
     */
    cmabi_core_type results[1];
} cmabi_core_signature;

/**
 * The core values that a value is passed as when it is passed flat (`flatten_type` of the
 * specification).
 *
 * Returns how many there are. If there are at most `flat_len`, and at most 16, which is as many as
 * are ever passed flat, their types are written to `flat`, unless it is NULL.
 * 0 for NULL and for an unknown `addr`.
 * @since 0.1
 */
size_t cmabi_type_flatten(const cmabi_type *type,
                          cmabi_addr_type addr,
                          cmabi_core_type *flat,
                          size_t flat_len);

/**
 * Writes to `core` the signature that the function has as a core function (`flatten_functype` of the
 * specification), with the limits of 16 parameters, 4 where it is lowered `async`, and 1 result,
 * beyond which they are passed in the memory whose addresses are `addr`.
 * @since 0.1
 */
cmabi_status cmabi_func_type_flatten(const cmabi_func_type *type,
                                     cmabi_addr_type addr,
                                     cmabi_abi_context context,
                                     cmabi_abi abi,
                                     cmabi_core_signature *core,
                                     cmabi_error **error);

/* Values in memories of the host's own ----------------------------------------------------------- */

/**
 * How the strings in a memory are encoded.
 * @since 0.1
 */
enum cmabi_string_encoding
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * `utf8`: UTF-8, lengths in bytes.
     */
    CMABI_STRING_ENCODING_UTF8,
    /**
     * `utf16`: little-endian UTF-16, lengths in code units.
     */
    CMABI_STRING_ENCODING_UTF16,
    /**
     * `latin1+utf16`: Latin-1, or UTF-16 where the highest bit of the length is set.
     */
    CMABI_STRING_ENCODING_LATIN1_UTF16,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cmabi_string_encoding cmabi_string_encoding;
#else
typedef uint32_t cmabi_string_encoding;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A guest's memory as the host has it, and how values lie in it: the canonical options that
 * lifting and lowering depend on. For hosts that run core wasm on their own.
 *
 * `CMABI_LIFT_LOWER_OPTIONS_INIT` fills in `size` and zeroes the rest: UTF-8, 4-byte pointers, no
 * memory, no `realloc`.
 * @since 0.1
 */
typedef struct cmabi_lift_lower_options {
    /**
     * The size of this struct.
     */
    size_t size;
    /**
     * How strings are encoded.
     */
    cmabi_string_encoding string_encoding;
    /**
     * Whether pointers are 8 bytes wide.
     */
    bool memory64;
    /**
     * The memory, at an address that is a multiple of 8. NULL where `memory_data` says where it
     * is, or where there is none.
     */
    uint8_t *memory;
    /**
     * The bytes of `memory`.
     */
    size_t memory_len;
    /**
     * What the functions below get first.
     */
    void *data;
    /**
     * Says where the memory is now, for a memory that may move or grow; it never becomes shorter
     * during a call of the library's. Asked at first and after each `realloc`. NULL where `memory`
     * says it.
     */
    void (*memory_data)(void *data, uint8_t **memory, size_t *len);
    /**
     * The guest's `realloc`: writes the new place of what is `old_size` bytes at `old` to `*ptr`,
     * or answers false where it fails. Needed where strings or lists are stored, or where
     * parameters or results are spilled to new memory; else NULL.
     */
    bool (*realloc)(void *data,
                    uint64_t old,
                    uint64_t old_size,
                    uint32_t align,
                    uint64_t new_size,
                    uint64_t *ptr);
} cmabi_lift_lower_options;

/**
 * Loads the value of `type` at `ptr` in a guest's memory into `value`, which has the size and
 * alignment of the type on the host. Strings and lists go into `arena`. `load` in the
 * specification.
 *
 * `CMABI_STATUS_TRAP` where the specification traps: the message says why, and where in the
 * value. `value` is unspecified then. `CMABI_STATUS_UNSUPPORTED` for types that hold handles.
 * @since 0.1
 */
cmabi_status cmabi_value_load(const cmabi_type *type,
                              const cmabi_lift_lower_options *from,
                              uint64_t ptr,
                              void *value,
                              cmabi_arena *arena,
                              cmabi_error **error);

/**
 * Stores the host's `value` of `type` at `ptr` in a guest's memory. `store` in the specification.
 *
 * `CMABI_STATUS_TRAP` where the specification traps, also for a value of the host's that is none,
 * as a string that is not UTF-8; what the guest's memory holds is unspecified then.
 * `CMABI_STATUS_HOST` where `realloc` fails. `CMABI_STATUS_UNSUPPORTED` for types that hold handles.
 * @since 0.1
 */
cmabi_status cmabi_value_store(const cmabi_type *type,
                               const void *value,
                               const cmabi_lift_lower_options *to,
                               uint64_t ptr,
                               cmabi_error **error);

/**
 * Copies the value of `type` at `src_ptr` in one guest's memory to `dst_ptr` in another's,
 * directly. Strings are transcoded, pointers become as wide as they are there.
 *
 * Fails like `cmabi_value_load` and `cmabi_value_store`.
 * @since 0.1
 */
cmabi_status cmabi_value_copy(const cmabi_type *type,
                              const cmabi_lift_lower_options *from,
                              uint64_t src_ptr,
                              const cmabi_lift_lower_options *to,
                              uint64_t dst_ptr,
                              cmabi_error **error);

/**
 * Lifts a value of `type` from its core values into `value`, which has the size and alignment of
 * the type on the host. Strings and lists go into `arena`. `lift_flat` in the specification.
 *
 * A core value is its bits: an `i32` or `f32` is the low half of the word. `flat_len` is at least
 * the type's number of core values, which is not above 16. Fails like `cmabi_value_load`.
 * @since 0.1
 */
cmabi_status cmabi_value_lift_flat(const cmabi_type *type,
                                   const cmabi_lift_lower_options *from,
                                   const uint64_t *flat,
                                   size_t flat_len,
                                   void *value,
                                   cmabi_arena *arena,
                                   cmabi_error **error);

/**
 * Lowers the host's `value` of `type` to core values. `lower_flat` in the specification.
 *
 * `flat` has room for `flat_len` words: at least the type's number of core values, which is not
 * above 16. Fails like `cmabi_value_store`.
 * @since 0.1
 */
cmabi_status cmabi_value_lower_flat(const cmabi_type *type,
                                    const void *value,
                                    const cmabi_lift_lower_options *to,
                                    uint64_t *flat,
                                    size_t flat_len,
                                    cmabi_error **error);

/**
 * Lifts the parameters of a function of type `type` from the core values that a guest passed, or
 * from memory if there are more than `max_flat` of them: 16, or 4 for the `async` option of `canon
 * lower`. `args` has the size and alignment of the record of the parameters on the host; without
 * parameters nothing happens. `lift_flat_values` in the specification.
 *
 * Spilled parameters are one core value, their pointer. Fails like `cmabi_value_load`.
 * @since 0.1
 */
cmabi_status cmabi_value_lift_flat_params(const cmabi_func_type *type,
                                          const cmabi_lift_lower_options *from,
                                          uint32_t max_flat,
                                          const uint64_t *flat,
                                          size_t flat_len,
                                          void *args,
                                          cmabi_arena *arena,
                                          cmabi_error **error);

/**
 * Lowers the parameters of a function of type `type` to core values, or to new memory whose
 * pointer is the one core value if there are more than `max_flat` of them: 16. `args` is the
 * record of the parameters on the host; without parameters nothing happens. `lower_flat_values` in
 * the specification.
 *
 * `flat` has room for `flat_len` words, at least as many as there are core values. Fails like
 * `cmabi_value_store`.
 * @since 0.1
 */
cmabi_status cmabi_value_lower_flat_params(const cmabi_func_type *type,
                                           const void *args,
                                           const cmabi_lift_lower_options *to,
                                           uint32_t max_flat,
                                           uint64_t *flat,
                                           size_t flat_len,
                                           cmabi_error **error);

/**
 * Lifts the result of a function of type `type` from the core values that a guest returned, or from
 * memory if there are more than `max_flat` of them: 1, or 16 for `task.return`. `results` has the
 * size and alignment of the result's type on the host; without a result nothing happens.
 * `lift_flat_values` in the specification.
 *
 * A spilled result is one core value, its pointer. Fails like `cmabi_value_load`.
 * @since 0.1
 */
cmabi_status cmabi_value_lift_flat_results(const cmabi_func_type *type,
                                           const cmabi_lift_lower_options *from,
                                           uint32_t max_flat,
                                           const uint64_t *flat,
                                           size_t flat_len,
                                           void *results,
                                           cmabi_arena *arena,
                                           cmabi_error **error);

/**
 * Lowers the result of a function of type `type` to core values if there are at most `max_flat` of
 * them: 1, or 0 for the `async` option of `canon lower`. Beyond that it goes to memory: to
 * `*out_param`, the pointer that the guest passed for it, or where `out_param` is NULL to new
 * memory whose pointer is the one core value. `results` points to the result on the host; without
 * a result nothing happens. `lower_flat_values` in the specification.
 *
 * `flat` has room for `flat_len` words, at least as many as there are core values. Fails like
 * `cmabi_value_store`.
 * @since 0.1
 */
cmabi_status cmabi_value_lower_flat_results(const cmabi_func_type *type,
                                            const void *results,
                                            const cmabi_lift_lower_options *to,
                                            uint32_t max_flat,
                                            const uint64_t *out_param,
                                            uint64_t *flat,
                                            size_t flat_len,
                                            cmabi_error **error);

/* Engine interface ------------------------------------------------------------------------------- */

/**
 * How an engine suspends a guest that blocks inside an import.
 * @since 0.1
 */
enum cmabi_engine_tier
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The engine leaves and re-enters its own wasm stack: an import that answers
     * `CMABI_FLOW_BLOCK` makes the running `call` return `CMABI_OUTCOME_SUSPENDED`. Any number of
     * calls can be suspended at once, and they are resumed in any order.
     */
    CMABI_ENGINE_TIER_RESUME,
    /**
     * The library runs each call on a native stack of its own and switches away inside imports,
     * which therefore never answer `CMABI_FLOW_BLOCK`. Only for engines that tolerate it: no
     * state of theirs is tied to the native stack or to the order in which calls return.
     */
    CMABI_ENGINE_TIER_FIBER,
    /**
     * One native stack: while a guest is blocked in an import, others run on top of it. Imports
     * never answer `CMABI_FLOW_BLOCK`. A guest that waits for one below it on the stack traps.
     */
    CMABI_ENGINE_TIER_NESTED,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cmabi_engine_tier cmabi_engine_tier;
#else
typedef uint32_t cmabi_engine_tier;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What an import tells the engine that called it.
 * @since 0.1
 */
enum cmabi_flow
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The results are written; the guest goes on.
     */
    CMABI_FLOW_DONE,
    /**
     * The engine is to suspend the guest. Tier `resume` only.
     */
    CMABI_FLOW_BLOCK,
    /**
     * The engine is to unwind the guest; the running call returns `CMABI_OUTCOME_TRAPPED`.
     */
    CMABI_FLOW_TRAP,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cmabi_flow cmabi_flow;
#else
typedef uint32_t cmabi_flow;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How a call came back.
 * @since 0.1
 */
enum cmabi_outcome
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It returned; the results are written.
     */
    CMABI_OUTCOME_RETURNED,
    /**
     * An import answered `CMABI_FLOW_BLOCK`; the continuation is written. Tier `resume` only.
     */
    CMABI_OUTCOME_SUSPENDED,
    /**
     * It trapped. Where an import answered `CMABI_FLOW_TRAP` the library knows why; otherwise
     * `message` says it.
     */
    CMABI_OUTCOME_TRAPPED,
    /**
     * It threw a core exception that nothing caught.
     */
    CMABI_OUTCOME_THREW,
    /**
     * It used up its fuel.
     */
    CMABI_OUTCOME_OUT_OF_FUEL,
    /**
     * It was stopped: see `cmabi_engine_limits.interrupt`.
     * @since 0.2
     */
    CMABI_OUTCOME_INTERRUPTED,
    /**
     * A limit of the store, or of the engine, does not allow it; `message` says which.
     * @since 0.2
     */
    CMABI_OUTCOME_LIMIT,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cmabi_outcome cmabi_outcome;
#else
typedef uint32_t cmabi_outcome;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What kind of thing a module imports or exports.
 * @since 0.1
 */
enum cmabi_core_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * A function.
     */
    CMABI_CORE_KIND_FUNC,
    /**
     * A linear memory.
     */
    CMABI_CORE_KIND_MEMORY,
    /**
     * A table.
     */
    CMABI_CORE_KIND_TABLE,
    /**
     * A global.
     */
    CMABI_CORE_KIND_GLOBAL,
    /**
     * An exception tag.
     */
    CMABI_CORE_KIND_TAG,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cmabi_core_kind cmabi_core_kind;
#else
typedef uint32_t cmabi_core_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The account of the linear memories and tables of all guests of a store. Belongs to the library; valid
 * as long as the engine's store that it was given to.
 * @since 0.2
 */
typedef struct cmabi_guest_memory cmabi_guest_memory;

/**
 * A function that the library gives to guests. Belongs to the library; valid as long as the
 * engine's store that it was given to.
 * @since 0.1
 */
typedef struct cmabi_import cmabi_import;

/**
 * What a store asks of its engine. A limit of 0 is none.
 * @since 0.1
 */
typedef struct cmabi_engine_limits {
    /**
     * The size of this struct.
     */
    size_t size;
    /**
     * Bytes that each linear memory may have at the most.
     */
    uint64_t max_memory_bytes;
    /**
     * Elements that each table may have at the most.
     */
    uint64_t max_table_elements;
    /**
     * Whether to meter fuel.
     */
    bool metered;
    /**
     * Fuel to start with, where it is metered.
     */
    uint64_t fuel;
    /**
     * Bytes that all linear memories and tables of the store may have together.
     * @since 0.2
     */
    uint64_t max_guest_bytes;
    /**
     * A word that any thread may change at any time. While it is not 0, guests that run have to stop: the
     * call returns `CMABI_OUTCOME_INTERRUPTED`, within a few milliseconds. Valid as long as the store; NULL
     * where nothing stops guests.
     * @since 0.2
     */
    const uint32_t *interrupt;
    /**
     * What the engine charges for memories and tables, instead of looking at `max_guest_bytes`: see
     * `cmabi_guest_memory_charge`.
     * @since 0.2
     */
    cmabi_guest_memory *guest_memory;
    /**
     * `cmabi_import_call`, and the two below as they are called: for an engine that is not linked with the
     * library, because a program loads it.
     * @since 0.2
     */
    cmabi_flow (*import_call)(cmabi_import *import, const uint64_t *args, uint64_t *results);
    /**
     * `cmabi_guest_memory_charge`
     * @since 0.2
     */
    bool (*guest_memory_charge)(cmabi_guest_memory *memory, uint64_t bytes);
    /**
     * `cmabi_guest_memory_credit`
     * @since 0.2
     */
    void (*guest_memory_credit)(cmabi_guest_memory *memory, uint64_t bytes);
} cmabi_engine_limits;

/**
 * Something that a core module imports or exports.
 * @since 0.1
 */
typedef struct cmabi_core_extern {
    /**
     * What it is.
     */
    cmabi_core_kind kind;
    /**
     * The engine's own pointer or number for it, valid as long as the engine's store.
     */
    void *item;
} cmabi_core_extern;

/**
 * The type of a core function. The arrays are borrowed.
 * @since 0.1
 */
typedef struct cmabi_core_func_type {
    /**
     * The parameters: values of `cmabi_core_type`.
     */
    const cmabi_core_type *params;
    /**
     * How many.
     */
    size_t params_len;
    /**
     * The results.
     */
    const cmabi_core_type *results;
    /**
     * How many.
     */
    size_t results_len;
} cmabi_core_func_type;

/**
 * A core function that was running when a guest trapped, as an engine tells it.
 * @since 0.2
 */
typedef struct cmabi_core_frame {
    /**
     * Its name by the `name` section; empty where it has none.
     */
    cmabi_string name;
    /**
     * Its index in its module; `UINT32_MAX` where that is not known.
     */
    uint32_t func_index;
    /**
     * The offset in the module's binary; `UINT64_MAX` where that is not known.
     */
    uint64_t offset;
} cmabi_core_frame;

/**
 * Takes bytes that are written.
 * @since 0.2
 */
typedef void (*cmabi_write)(void *to, const uint8_t *bytes, size_t bytes_len);

/**
 * A core-wasm engine as a table of functions, for `cmabi_engine_new_custom`.
 *
 * Core values are 64-bit words: an `i32` or `f32` is its bits, zero-extended. The library
 * validates a module before the engine sees it, and gives imports and takes exports by their
 * position in the module. A store and what is in it are used by one thread at a time; the engine
 * and its modules from several at once.
 *
 * Functions answer false, NULL or `CMABI_OUTCOME_TRAPPED` for a failure and then set `*message` to
 * a text that stays valid until the engine is called again. They must return normally: no
 * exception and no `longjmp` past them. All of them are required but those of a capability that the
 * engine does not declare. `CMABI_ENGINE_INTERFACE_INIT` fills in `size` and zeroes the rest.
 * @since 0.1
 */
typedef struct cmabi_engine_interface {
    /**
     * The size of this struct.
     */
    size_t size;
    /**
     * What the functions without a store get first.
     */
    void *data;
    /**
     * Called once with `data` when the last user of the engine is gone. May be NULL.
     */
    void (*drop)(void *data);
    /**
     * How guests are suspended.
     */
    cmabi_engine_tier tier;
    /**
     * Whether there are 64-bit memories and tables.
     */
    bool memory64;
    /**
     * Whether there are core exceptions and tags.
     */
    bool exceptions;
    /**
     * Whether fuel can be metered.
     */
    bool fuel;
    /**
     * Whether guests that run can be stopped: see `cmabi_engine_limits.interrupt`.
     * @since 0.2
     */
    bool interrupt;
    /**
     * Tier `fiber`: how many bytes of native stack each call has, at least 65,536; a guard page
     * follows. 0 for 1 MiB.
     */
    size_t fiber_stack_bytes;
    /**
     * Compiles a module. `wasm` is valid until it is freed.
     */
    bool (*module_new)(void *data,
                       const uint8_t *wasm,
                       size_t wasm_len,
                       void **module,
                       cmabi_string *message);
    /**
     * Frees a module. Its instances may live on.
     */
    void (*module_free)(void *data, void *module);
    /**
     * Makes an empty store.
     */
    bool (*store_new)(void *data,
                      const cmabi_engine_limits *limits,
                      void **store,
                      cmabi_string *message);
    /**
     * Frees a store and all that is in it.
     */
    void (*store_free)(void *data, void *store);
    /**
     * Instantiates a module and runs its start function, which cannot be suspended.
     * `CMABI_OUTCOME_RETURNED` where it succeeds.
     */
    cmabi_outcome (*instantiate)(void *store,
                                 void *module,
                                 const cmabi_core_extern *imports,
                                 size_t imports_len,
                                 void **instance,
                                 cmabi_string *message);
    /**
     * An instance's export by its position in the module.
     */
    cmabi_core_extern (*instance_export)(void *store, void *instance, size_t index);
    /**
     * Makes a function that calls `cmabi_import_call(import, …)` when a guest calls it. Without `may_block`
     * that never answers `CMABI_FLOW_BLOCK`: guests of a store that has no others need not be suspended.
     */
    void *(*func_new)(void *store,
                      const cmabi_core_func_type *ty,
                      bool may_block,
                      cmabi_import *import);
    /**
     * Calls a function. The number of arguments and results is that of its type. Where `continuation` is
     * NULL, no import asks for a suspension of this call.
     */
    cmabi_outcome (*call)(void *store,
                          void *func,
                          const uint64_t *args,
                          uint64_t *results,
                          void **continuation,
                          cmabi_string *message);
    /**
     * Tier `resume`: continues a suspended call. `import_results` are what the import that blocked
     * returns. Consumes `suspended`.
     */
    cmabi_outcome (*resume)(void *store,
                            void *suspended,
                            const uint64_t *import_results,
                            uint64_t *results,
                            void **continuation,
                            cmabi_string *message);
    /**
     * Tier `resume`: frees a suspended call that will not be resumed.
     */
    void (*continuation_free)(void *store, void *suspended);
    /**
     * Where a memory is now. Asked again after each call into a guest.
     */
    uint8_t *(*memory_data)(void *store, void *memory, size_t *len);
    /**
     * The function in a table's slot: false where the table has no such slot, `*func` NULL for a
     * null slot. `*ty` is the function's type, borrowed until the engine is called again.
     */
    bool (*table_get)(void *store,
                      void *table,
                      uint64_t index,
                      void **func,
                      cmabi_core_func_type *ty);
    /**
     * The value of a global.
     */
    uint64_t (*global_get)(void *store, void *global);
    /**
     * Fuel left. Required with the capability `fuel`.
     */
    uint64_t (*fuel_get)(void *store);
    /**
     * Sets the fuel left. Required with the capability `fuel`.
     */
    void (*fuel_set)(void *store, uint64_t fuel);
    /**
     * Says who was running when the last call or resumption trapped, or used up its fuel: writes the core
     * functions from the innermost on, `frames_len` of them at the most, and returns how many. Asked at once,
     * before the engine is called again, until when the names stay valid. May be NULL.
     * @since 0.2
     */
    size_t (*trap_frames)(void *store, cmabi_core_frame *frames, size_t frames_len);
    /**
     * How many bytes are left of the native stack that runs, while an import does, where that is a stack of the
     * engine's own; `SIZE_MAX` where it is not. May be NULL, for engines that have none.
     * @since 0.2
     */
    size_t (*stack_left)(void *store);
    /**
     * Names who compiles, and how, for instance `wasmtime 48.0.1, interruptible`: what `module_serialize` writes is
     * given to engines that say the same. Read when the engine is made; empty, and the two functions NULL,
     * where compiled code is not to be stored.
     * @since 0.2
     */
    cmabi_string code_version;
    /**
     * Writes a module's compiled code: calls `write` with `to`, any number of times.
     * @since 0.2
     */
    bool (*module_serialize)(void *data,
                             void *module,
                             cmabi_write write,
                             void *to,
                             cmabi_string *message);
    /**
     * Makes a module of the code that `module_serialize` has written for the module `wasm`, on this machine or
     * another. The library has seen by a checksum that it is what was written; the engine looks whether it
     * fits the machine. `wasm` is valid until the module is freed, `code` during the call only.
     * @since 0.2
     */
    bool (*module_deserialize)(void *data,
                               const uint8_t *wasm,
                               size_t wasm_len,
                               const uint8_t *code,
                               size_t code_len,
                               void **module,
                               cmabi_string *message);
} cmabi_engine_interface;



/**
 * Makes an engine of the host's own. `table` is copied. Of `config`, which may be NULL for the defaults, the
 * library takes what loading and instantiating components may take; what is for the engine itself can be
 * asked, see `cmabi_config_max_stack_bytes`.
 *
 * The engine takes over `table->drop`, which is called once, also where this fails, unless
 * `table->size` is wrong. `CMABI_STATUS_INVALID_ARGUMENT` names the functions that are
 * missing; `CMABI_STATUS_UNSUPPORTED` where the library was built without components.
 * @since 0.1
 */
cmabi_status cmabi_engine_new_custom(const cmabi_engine_interface *table,
                                     const cmabi_config *config,
                                     cmabi_engine **engine,
                                     cmabi_error **error);

/**
 * For an engine of the host's own: what `cmabi_config_set_max_stack_bytes` has set; 0 where it has not, and for
 * a `config` that is NULL.
 * @since 0.2
 */
uint64_t cmabi_config_max_stack_bytes(const cmabi_config *config);

/**
 * For an engine of the host's own: whether `cmabi_config_set_fuel` or `cmabi_config_set_call_fuel` was called, so
 * that its stores will likely meter; false for a `config` that is NULL.
 * @since 0.2
 */
bool cmabi_config_is_metered(const cmabi_config *config);

/**
 * For an engine of the host's own: what `cmabi_config_set_interruptible` has set; false for a `config` that is
 * NULL.
 * @since 0.2
 */
bool cmabi_config_is_interruptible(const cmabi_config *config);

/**
 * What a host's engine calls when a guest calls a function that it got with `func_new`, with as
 * many words in `args` and room for as many in `results` as the function's type says.
 *
 * Only from the thread that uses the store, while a function of the table is running.
 * @since 0.1
 */
cmabi_flow cmabi_import_call(cmabi_import *import, const uint64_t *args, uint64_t *results);

/**
 * Takes so many bytes, before a memory or table is made or grows; an element of a table counts as 8. Where the
 * store's limit does not allow it, this is false, and it must not be made or grow. An engine that
 * charges has the store's guest memory counted (`cmabi_counts`), and `CMABI_OUTCOME_LIMIT` in full words.
 *
 * Only from the thread that uses the store, while a function of the table is running.
 * @since 0.2
 */
bool cmabi_guest_memory_charge(cmabi_guest_memory *memory,
                               uint64_t bytes);

/**
 * Gives back bytes that were charged.
 *
 * Only from the thread that uses the store, while a function of the table is running.
 * @since 0.2
 */
void cmabi_guest_memory_credit(cmabi_guest_memory *memory, uint64_t bytes);

/* Canonical definitions: lift and lower, for hosts with their own engine or decoder -------------- */

/**
 * A core function that C wrote. It reads as many words from `args` and writes as many to `results`
 * as its type says; an `i32` or `f32` is its bits, zero-extended.
 *
 * It answers `CMABI_STATUS_OK`, or another status to trap. When a `cmabi_canon_*` function or
 * `cmabi_core_func_call` fails, it has to return soon, with any status: nothing that it calls does
 * anything any more, and the call that it serves ends with that first failure. That also happens
 * to a function that is suspended when its store is freed. No exception and no `longjmp` past it.
 * @since 0.2
 */
typedef cmabi_status (*cmabi_core_host_func)(void *data,
                                             cmabi_store *store,
                                             const uint64_t *args,
                                             uint64_t *results);

/**
 * A core function, as a number of its store. 0 is none.
 * @since 0.1
 */
typedef uint32_t cmabi_core_func;

/**
 * Says where a memory is now: its address, a multiple of 8, and its length in bytes; an address that is
 * none counts as that of an empty memory. Asked anew after every call that may have moved the memory,
 * in the middle of copies: it cannot use the store.
 * @since 0.1
 */
typedef uint8_t *(*cmabi_memory_data)(void *data, size_t *len);

/**
 * A linear memory, as a number of its store. 0 is none.
 * @since 0.1
 */
typedef uint32_t cmabi_core_memory;

/**
 * A table of functions, as a number of its store. 0 is none.
 * @since 0.1
 */
typedef uint32_t cmabi_core_table;

/**
 * A component instance that the host keeps for its own engine (`ComponentInstance` in
 * CanonicalABI.md), as a number of its store. 0 is none.
 * @since 0.1
 */
typedef uint32_t cmabi_component_instance;

/**
 * The canonical options (Canonical ABI Options). `CMABI_CANON_OPTIONS_INIT` fills in `size` and
 * zeroes the rest: UTF-8, no memory, no functions, not `async`.
 * @since 0.1
 */
typedef struct cmabi_canon_options {
    /**
     * The size of this struct.
     */
    size_t size;
    /**
     * `string-encoding`
     */
    cmabi_string_encoding string_encoding;
    /**
     * `memory`; 0 for none.
     */
    cmabi_core_memory memory;
    /**
     * `realloc`, of type `(func (param i32 i32 i32 i32) (result i32))`, or `i64` for all of them
     * with a memory whose addresses are; 0 for none.
     */
    cmabi_core_func realloc;
    /**
     * `post-return`, only for lift without `async`; 0 for none.
     */
    cmabi_core_func post_return;
    /**
     * `callback`, of type `(func (param i32 i32 i32) (result i32))`, only for lift with `async`; 0
     * for none.
     */
    cmabi_core_func callback;
    /**
     * Not 0 for `async`.
     */
    bool is_async;
} cmabi_canon_options;

/**
 * Makes an engine without modules. Its stores are for hosts that run core wasm on their own: the
 * core functions are callbacks, and `cmabi_canon_*` are for them what built-ins are for a guest.
 *
 * A callback runs on a native stack of its own (config: `cmabi_config_set_fiber_stack_bytes`), and
 * a built-in that blocks looks to it like a call that takes a while. `config` may be NULL.
 * @since 0.1
 */
cmabi_status cmabi_engine_new_native(const cmabi_config *config,
                                     cmabi_engine **engine,
                                     cmabi_error **error);

/**
 * Makes `*func` a core function of type `type` that is `callback`.
 * @since 0.1
 */
cmabi_status cmabi_core_func_new(cmabi_store *store,
                                 const cmabi_core_func_type *type,
                                 cmabi_core_host_func callback,
                                 void *data,
                                 cmabi_drop drop,
                                 cmabi_core_func *func,
                                 cmabi_error **error);

/**
 * Calls a core function from inside a core callback, as a guest calls one that it imports: one that
 * `cmabi_canon_lower` made, or another callback. It may block. `CMABI_STATUS_INVALID_ARGUMENT` elsewhere.
 * @since 0.1
 */
cmabi_status cmabi_core_func_call(cmabi_store *store,
                                  cmabi_core_func func,
                                  const uint64_t *args,
                                  size_t args_len,
                                  uint64_t *results,
                                  size_t results_len,
                                  cmabi_error **error);

/**
 * Makes `*memory` a linear memory. `memory64` where its addresses are `i64`.
 * @since 0.1
 */
cmabi_status cmabi_core_memory_new(cmabi_store *store,
                                   bool memory64,
                                   cmabi_memory_data memory_data,
                                   void *data,
                                   cmabi_drop drop,
                                   cmabi_core_memory *memory,
                                   cmabi_error **error);

/**
 * Makes `*table` a table of functions, for `thread.new-indirect`. A 0 in it is a null function.
 * @since 0.1
 */
cmabi_status cmabi_core_table_new(cmabi_store *store,
                                  const cmabi_core_func *funcs,
                                  size_t funcs_len,
                                  cmabi_core_table *table,
                                  cmabi_error **error);

/**
 * Makes `*instance` a component instance inside `parent`, which is 0 for none. `name` is for
 * messages. The instance lives as long as the store.
 * @since 0.1
 */
cmabi_status cmabi_component_instance_new(cmabi_store *store,
                                          cmabi_component_instance parent,
                                          cmabi_string name,
                                          cmabi_component_instance *instance,
                                          cmabi_error **error);

/**
 * `canon lift`: makes `func` the component function of type `type` that runs the core function
 * `callee` in `instance`. `options` may be NULL for the defaults. `name` is for messages.
 *
 * `CMABI_STATUS_TYPE_MISMATCH` where `callee` does not have the flattened type;
 * `CMABI_STATUS_INVALID_ARGUMENT` where the options contradict each other, or lack what the type
 * needs.
 * @since 0.1
 */
cmabi_status cmabi_canon_lift(cmabi_store *store,
                              cmabi_component_instance instance,
                              cmabi_core_func callee,
                              const cmabi_func_type *type,
                              const cmabi_canon_options *options,
                              cmabi_string name,
                              cmabi_func **func,
                              cmabi_error **error);

/**
 * `canon lower`: makes `*core` the core function that calls the component function `func` for the
 * guests of `instance`. `options` may be NULL for the defaults.
 * @since 0.1
 */
cmabi_status cmabi_canon_lower(cmabi_store *store,
                               cmabi_component_instance instance,
                               const cmabi_func *func,
                               const cmabi_canon_options *options,
                               cmabi_core_func *core,
                               cmabi_error **error);

/**
 * Makes `func` a component function of type `type` that the host serves, for
 * `cmabi_canon_lower`. `name` is for messages.
 * @since 0.1
 */
cmabi_status cmabi_func_new(cmabi_store *store,
                            const cmabi_func_type *type,
                            cmabi_string name,
                            cmabi_host_func callback,
                            void *data,
                            cmabi_drop drop,
                            cmabi_func **func,
                            cmabi_error **error);

/**
 * Frees a function that was made by `cmabi_canon_lift` or `cmabi_func_new`, before its store. NULL
 * is fine. Functions that instances export belong to the instance.
 * @since 0.1
 */
void cmabi_func_free(cmabi_func *func);

/**
 * Makes `resource` a resource type that `instance` implements (Resource State). `dtor` is the core
 * function of type `(func (param i32))` that is called when an owned handle is dropped; 0 for none.
 * @since 0.1
 */
cmabi_status cmabi_canon_define_resource(cmabi_store *store,
                                         cmabi_component_instance instance,
                                         const cmabi_resource_type *resource,
                                         cmabi_core_func dtor,
                                         cmabi_error **error);

/* Canonical built-ins, for core callbacks -------------------------------------------------------- */

/**
 * `resource.new`: makes a handle that owns the representation `rep`. Only for the instance that
 * implements the resource type.
 * @since 0.1
 */
cmabi_status cmabi_canon_resource_new(cmabi_store *store,
                                      const cmabi_resource_type *resource,
                                      uint32_t rep,
                                      uint32_t *handle,
                                      cmabi_error **error);

/**
 * `resource.drop`: drops a handle; the destructor of the type is called where it owned. Traps while
 * it is lent.
 * @since 0.1
 */
cmabi_status cmabi_canon_resource_drop(cmabi_store *store,
                                       const cmabi_resource_type *resource,
                                       uint32_t handle,
                                       cmabi_error **error);

/**
 * `resource.rep`: the representation behind a handle.
 * @since 0.1
 */
cmabi_status cmabi_canon_resource_rep(cmabi_store *store,
                                      const cmabi_resource_type *resource,
                                      uint32_t handle,
                                      uint32_t *rep,
                                      cmabi_error **error);

/**
 * `context.get`: what the running thread stored in slot 0 or 1, at first 0. `type` is `i32` or `i64`.
 * @since 0.1
 */
cmabi_status cmabi_canon_context_get(cmabi_store *store,
                                     cmabi_core_type type,
                                     uint32_t slot,
                                     uint64_t *value,
                                     cmabi_error **error);

/**
 * `context.set`: stores a value in slot 0 or 1 of the running thread. `type` is `i32` or `i64`.
 * @since 0.1
 */
cmabi_status cmabi_canon_context_set(cmabi_store *store,
                                     cmabi_core_type type,
                                     uint32_t slot,
                                     uint64_t value,
                                     cmabi_error **error);

/**
 * `backpressure.inc`: as long as the counter is not 0, calls of async-typed functions of the instance
 * wait. Traps at 2^16.
 * @since 0.1
 */
cmabi_status cmabi_canon_backpressure_inc(cmabi_store *store,
                                          cmabi_error **error);

/**
 * `backpressure.dec`. Traps below 0.
 * @since 0.1
 */
cmabi_status cmabi_canon_backpressure_dec(cmabi_store *store, cmabi_error **error);

/**
 * `task.return`: resolves the running task with a result, given as `args_len` flat values, or as the
 * address of the value where it has more than 16. `result` is the type of the task's result, NULL for
 * none; traps where it or the options are not those of the task.
 * @since 0.1
 */
cmabi_status cmabi_canon_task_return(cmabi_store *store,
                                     const cmabi_type *result,
                                     const cmabi_canon_options *options,
                                     const uint64_t *args,
                                     size_t args_len,
                                     cmabi_error **error);

/**
 * `task.cancel`: resolves the running task without a result. Traps unless its caller has asked for
 * that.
 * @since 0.1
 */
cmabi_status cmabi_canon_task_cancel(cmabi_store *store, cmabi_error **error);

/**
 * `waitable-set.new`
 * @since 0.1
 */
cmabi_status cmabi_canon_waitable_set_new(cmabi_store *store, uint32_t *set, cmabi_error **error);

/**
 * `waitable-set.wait`: waits for an event of one of the set's waitables.
 * `*event` is its code (0 none, 1 subtask, 2 stream read, 3 stream write, 4 future read, 5 future
 * write, 6 task cancelled); its two numbers are stored at `ptr`.
 * @since 0.1
 */
cmabi_status cmabi_canon_waitable_set_wait(cmabi_store *store,
                                           cmabi_core_memory memory,
                                           uint32_t set,
                                           uint64_t ptr,
                                           uint32_t *event,
                                           cmabi_error **error);

/**
 * `waitable-set.poll`: takes an event of one of the set's waitables if there is one.
 * `*event` is its code (0 none, 1 subtask, 2 stream read, 3 stream write, 4 future read, 5 future
 * write, 6 task cancelled); its two numbers are stored at `ptr`.
 * @since 0.1
 */
cmabi_status cmabi_canon_waitable_set_poll(cmabi_store *store,
                                           cmabi_core_memory memory,
                                           uint32_t set,
                                           uint64_t ptr,
                                           uint32_t *event,
                                           cmabi_error **error);

/**
 * `waitable-set.drop`: traps while there are waitables in the set or threads waiting for it.
 * @since 0.1
 */
cmabi_status cmabi_canon_waitable_set_drop(cmabi_store *store, uint32_t set, cmabi_error **error);

/**
 * `waitable.join`: moves a waitable to a set, or with 0 out of the set that it is in.
 * @since 0.1
 */
cmabi_status cmabi_canon_waitable_join(cmabi_store *store,
                                       uint32_t waitable,
                                       uint32_t set,
                                       cmabi_error **error);

/**
 * `subtask.cancel`: asks a subtask to cancel itself. `*state` is its final state, or 0xffffffff where it
 * is not resolved yet and `is_async`.
 * @since 0.1
 */
cmabi_status cmabi_canon_subtask_cancel(cmabi_store *store,
                                        bool is_async,
                                        uint32_t subtask,
                                        uint32_t *state,
                                        cmabi_error **error);

/**
 * `subtask.drop`: traps before the subtask's resolution was delivered.
 * @since 0.1
 */
cmabi_status cmabi_canon_subtask_drop(cmabi_store *store, uint32_t subtask, cmabi_error **error);

/**
 * `thread.index`: the running thread's index in its instance.
 * @since 0.1
 */
cmabi_status cmabi_canon_thread_index(cmabi_store *store, uint32_t *thread, cmabi_error **error);

/**
 * `thread.new-indirect`: makes a thread of the running task that will call the function at `index` of
 * `table`, which has the type `type`, with `arg`. It is suspended at first. `type` is
 * `(func (param i32))` or `(func (param i64))`.
 * @since 0.1
 */
cmabi_status cmabi_canon_thread_new_indirect(cmabi_store *store,
                                             const cmabi_core_func_type *type,
                                             cmabi_core_table table,
                                             uint32_t index,
                                             uint64_t arg,
                                             uint32_t *thread,
                                             cmabi_error **error);

/**
 * `thread.resume-later`: makes a suspended thread ready.
 * @since 0.1
 */
cmabi_status cmabi_canon_thread_resume_later(cmabi_store *store,
                                             uint32_t thread,
                                             cmabi_error **error);

/**
 * `thread.suspend`: suspends the running thread until another resumes it. `*result` is what the core
 * function returns: 0, always.
 * @since 0.1
 */
cmabi_status cmabi_canon_thread_suspend(cmabi_store *store,
                                        uint32_t *result,
                                        cmabi_error **error);

/**
 * `thread.yield`: lets other threads run. The return of this
 * function is the running thread's next turn. `*result` is what the core
 * function returns: 0, always.
 * @since 0.1
 */
cmabi_status cmabi_canon_thread_yield(cmabi_store *store, uint32_t *result, cmabi_error **error);

/**
 * `thread.suspend-then-resume`: suspends the running thread and
 * resumes `thread`, which is suspended. `*result` is what the core
 * function returns: 0, always.
 * @since 0.1
 */
cmabi_status cmabi_canon_thread_suspend_then_resume(cmabi_store *store,
                                                    uint32_t thread,
                                                    uint32_t *result,
                                                    cmabi_error **error);

/**
 * `thread.suspend-then-promote`: suspends the running thread and
 * runs `thread` if it is ready. `*result` is what the core
 * function returns: 0, always.
 * @since 0.1
 */
cmabi_status cmabi_canon_thread_suspend_then_promote(cmabi_store *store,
                                                     uint32_t thread,
                                                     uint32_t *result,
                                                     cmabi_error **error);

/**
 * `thread.yield-then-resume`: makes the running thread ready and
 * resumes `thread`, which is suspended. `*result` is what the core
 * function returns: 0, always.
 * @since 0.1
 */
cmabi_status cmabi_canon_thread_yield_then_resume(cmabi_store *store,
                                                  uint32_t thread,
                                                  uint32_t *result,
                                                  cmabi_error **error);

/**
 * `thread.yield-then-promote`: makes the running thread ready and
 * runs `thread` if it is ready. `*result` is what the core
 * function returns: 0, always.
 * @since 0.1
 */
cmabi_status cmabi_canon_thread_yield_then_promote(cmabi_store *store,
                                                   uint32_t thread,
                                                   uint32_t *result,
                                                   cmabi_error **error);

/**
 * `error-context.new`: makes an error context of the debug message at `ptr`, of `len` code units.
 * @since 0.1
 */
cmabi_status cmabi_canon_error_context_new(cmabi_store *store,
                                           const cmabi_canon_options *options,
                                           uint64_t ptr,
                                           uint64_t len,
                                           uint32_t *context,
                                           cmabi_error **error);

/**
 * `error-context.debug-message`: stores the debug message, as pointer and length, at `ptr`.
 * @since 0.1
 */
cmabi_status cmabi_canon_error_context_debug_message(cmabi_store *store,
                                                     const cmabi_canon_options *options,
                                                     uint32_t context,
                                                     uint64_t ptr,
                                                     cmabi_error **error);

/**
 * `error-context.drop`
 * @since 0.1
 */
cmabi_status cmabi_canon_error_context_drop(cmabi_store *store,
                                            uint32_t context,
                                            cmabi_error **error);

/* Canonical built-ins for streams and futures, for core callbacks -------------------------------- */

/**
 * `stream.new`: makes a stream of `element`, which is NULL for none. `*ends` is the handle of the readable
 * end, and that of the writable end shifted left by 32.
 * @since 0.1
 */
cmabi_status cmabi_canon_stream_new(cmabi_store *store,
                                    const cmabi_type *element,
                                    uint64_t *ends,
                                    cmabi_error **error);

/**
 * `stream.read`: reads up to `len` elements to `ptr`. `*result` is 0xffffffff where the copy
 * goes on and the options are `async`; else its lower 4 bits are 0 completed, 1 dropped or 2
 * cancelled, and the others how many elements were copied.
 * @since 0.1
 */
cmabi_status cmabi_canon_stream_read(cmabi_store *store,
                                     const cmabi_type *element,
                                     const cmabi_canon_options *options,
                                     uint32_t end,
                                     uint64_t ptr,
                                     uint64_t len,
                                     uint32_t *result,
                                     cmabi_error **error);

/**
 * `stream.write`: writes up to `len` elements from `ptr`. `*result` is 0xffffffff where the copy
 * goes on and the options are `async`; else its lower 4 bits are 0 completed, 1 dropped or 2
 * cancelled, and the others how many elements were copied.
 * @since 0.1
 */
cmabi_status cmabi_canon_stream_write(cmabi_store *store,
                                      const cmabi_type *element,
                                      const cmabi_canon_options *options,
                                      uint32_t end,
                                      uint64_t ptr,
                                      uint64_t len,
                                      uint32_t *result,
                                      cmabi_error **error);

/**
 * `stream.cancel-read`: asks a read that goes on to end. `*result` is like that of
 * `cmabi_canon_stream_read`.
 * @since 0.1
 */
cmabi_status cmabi_canon_stream_cancel_read(cmabi_store *store,
                                            const cmabi_type *element,
                                            bool is_async,
                                            uint32_t end,
                                            uint32_t *result,
                                            cmabi_error **error);

/**
 * `stream.cancel-write`: asks a write that goes on to end. `*result` is like that of
 * `cmabi_canon_stream_write`.
 * @since 0.1
 */
cmabi_status cmabi_canon_stream_cancel_write(cmabi_store *store,
                                             const cmabi_type *element,
                                             bool is_async,
                                             uint32_t end,
                                             uint32_t *result,
                                             cmabi_error **error);

/**
 * `stream.drop-readable`: drops an end. Traps while it copies.
 * @since 0.1
 */
cmabi_status cmabi_canon_stream_drop_readable(cmabi_store *store,
                                              const cmabi_type *element,
                                              uint32_t end,
                                              cmabi_error **error);

/**
 * `stream.drop-writable`: drops an end. Traps while it copies.
 * @since 0.1
 */
cmabi_status cmabi_canon_stream_drop_writable(cmabi_store *store,
                                              const cmabi_type *element,
                                              uint32_t end,
                                              cmabi_error **error);

/**
 * `stream.forward`: what is written to the other end of `readable`, an end of this instance's, is read from the
 * other end of `writable` from now on. Both handles are gone then. Traps where one of them copies, is in a set,
 * or is done.
 * @since 0.2
 */
cmabi_status cmabi_canon_stream_forward(cmabi_store *store,
                                        const cmabi_type *element,
                                        uint32_t readable,
                                        uint32_t writable,
                                        cmabi_error **error);

/**
 * `future.new`: makes a future of `element`, which is NULL for none. `*ends` is the handle of the readable
 * end, and that of the writable end shifted left by 32.
 * @since 0.1
 */
cmabi_status cmabi_canon_future_new(cmabi_store *store,
                                    const cmabi_type *element,
                                    uint64_t *ends,
                                    cmabi_error **error);

/**
 * `future.read`: reads the value to `ptr`. `*result` is 0xffffffff where the copy
 * goes on and the options are `async`; else 0 completed, 1 dropped or 2 cancelled.
 * @since 0.1
 */
cmabi_status cmabi_canon_future_read(cmabi_store *store,
                                     const cmabi_type *element,
                                     const cmabi_canon_options *options,
                                     uint32_t end,
                                     uint64_t ptr,
                                     uint32_t *result,
                                     cmabi_error **error);

/**
 * `future.write`: writes the value from `ptr`. `*result` is 0xffffffff where the copy
 * goes on and the options are `async`; else 0 completed, 1 dropped or 2 cancelled.
 * @since 0.1
 */
cmabi_status cmabi_canon_future_write(cmabi_store *store,
                                      const cmabi_type *element,
                                      const cmabi_canon_options *options,
                                      uint32_t end,
                                      uint64_t ptr,
                                      uint32_t *result,
                                      cmabi_error **error);

/**
 * `future.cancel-read`: asks a read that goes on to end. `*result` is like that of
 * `cmabi_canon_future_read`.
 * @since 0.1
 */
cmabi_status cmabi_canon_future_cancel_read(cmabi_store *store,
                                            const cmabi_type *element,
                                            bool is_async,
                                            uint32_t end,
                                            uint32_t *result,
                                            cmabi_error **error);

/**
 * `future.cancel-write`: asks a write that goes on to end. `*result` is like that of
 * `cmabi_canon_future_write`.
 * @since 0.1
 */
cmabi_status cmabi_canon_future_cancel_write(cmabi_store *store,
                                             const cmabi_type *element,
                                             bool is_async,
                                             uint32_t end,
                                             uint32_t *result,
                                             cmabi_error **error);

/**
 * `future.drop-readable`: drops an end. Traps while it copies.
 * @since 0.1
 */
cmabi_status cmabi_canon_future_drop_readable(cmabi_store *store,
                                              const cmabi_type *element,
                                              uint32_t end,
                                              cmabi_error **error);

/**
 * `future.drop-writable`: drops an end. Traps while it copies.
 * Traps before a value was written, unless the readable end was dropped.
 * @since 0.1
 */
cmabi_status cmabi_canon_future_drop_writable(cmabi_store *store,
                                              const cmabi_type *element,
                                              uint32_t end,
                                              cmabi_error **error);

/**
 * `future.forward`: the value that is written to the other end of `readable` is read from the other end of
 * `writable`. As `cmabi_canon_stream_forward`.
 * @since 0.2
 */
cmabi_status cmabi_canon_future_forward(cmabi_store *store,
                                        const cmabi_type *element,
                                        uint32_t readable,
                                        uint32_t writable,
                                        cmabi_error **error);

#ifdef __cplusplus
}
#endif

#endif /* CMABI_ENGINE_H */
