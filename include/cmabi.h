/* libcmabi: WebAssembly components for C and C++, on any core-wasm engine.
 *
 * Written by cbindgen from src/ffi/ (CMABI_UPDATE_HEADER=1 cargo test --test header). Do not edit.
 *
 * What holds for every function:
 *
 * Results    A function that can fail returns a `cmabi_status`, 0 for success, and takes a last
 *            argument `error`. Where that is not NULL, the function sets `*error` to NULL on
 *            success and to a new `cmabi_error` on failure; what it held before is not looked at.
 * Outputs    A place for a handle is set to NULL first and to the handle on success. A place for
 *            anything else is written on success only.
 * Ownership  A handle written through an out-pointer is the caller's; the `_free` function of its
 *            type consumes it and accepts NULL. A pointer that is returned is borrowed from the
 *            object that it was asked of and lives as long as that. No other function consumes.
 * Arguments  Pointers must not be NULL where the documentation does not allow it. NULL, an unknown
 *            enumerator, text that is not UTF-8 and a handle of another store are answered with
 *            CMABI_STATUS_INVALID_ARGUMENT and a message that names the argument. Strings and
 *            slices are `{ptr, len}`; a length of 0 allows any pointer.
 * Callbacks  `fn`, `data` and `drop` go together: `drop`, which may be NULL, is called exactly once
 *            with `data` when `fn` will not be called again, and at once when the function that
 *            got them fails. Callbacks must return normally: no exception and no longjmp.
 * Threads    What is passed as `const` may be used by any number of threads at once. A store, and
 *            everything that belongs to it, may be used by one thread at a time; it may move from
 *            thread to thread between calls.
 * Bugs       A bug in the library is answered with CMABI_STATUS_INTERNAL; it never ends the
 *            process. The store that was in use can then only be freed.
 * Builds     A function of a feature that was left out of the build of the library exists and
 *            answers CMABI_STATUS_UNSUPPORTED.
 *
 * Values cross as plain C structs in the canonical layout of the component model's canonical ABI,
 * with the machine's pointers: `string` is a `cmabi_string`, `list<T>` is `{T *ptr; size_t len;}`, a
 * record is the struct of its fields, a tuple the struct of its elements, a variant is a tag
 * (`uint8_t` up to 256 cases, then `uint16_t`, `uint32_t`) followed by the union of its payloads, an
 * enum is the tag alone, `option<T>` is `{uint8_t is_some; T val;}`, `result<T, E>` is
 * `{uint8_t is_err; union {T ok; E err;} val;}`, flags are `uint8_t`, `uint16_t` or `uint32_t`, `char` is
 * `uint32_t`, a handle is `uint32_t`. Use `cmabi_u64`, `cmabi_s64` and `cmabi_f64` for 64-bit numbers.
 */
#ifndef CMABI_H
#define CMABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 64-bit numbers in values. They are aligned to 8 bytes, also where the platform's own are not. */
#if defined(__i386__)
typedef uint64_t cmabi_u64 __attribute__((aligned(8)));
typedef int64_t cmabi_s64 __attribute__((aligned(8)));
typedef double cmabi_f64 __attribute__((aligned(8)));
#else
typedef uint64_t cmabi_u64;
typedef int64_t cmabi_s64;
typedef double cmabi_f64;
#endif

/* A cmabi_string from a string literal. */
#ifdef __cplusplus
#define CMABI_STR(literal) (cmabi_string{"" literal "", sizeof(literal) - 1})
#else
#define CMABI_STR(literal) ((cmabi_string){"" literal "", sizeof(literal) - 1})
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cmabi_arena cmabi_arena;
typedef struct cmabi_config cmabi_config;
typedef struct cmabi_engine cmabi_engine;
typedef struct cmabi_error cmabi_error;
typedef struct cmabi_func_type cmabi_func_type;
typedef struct cmabi_import cmabi_import;
typedef struct cmabi_type cmabi_type;

/* Engine interface ------------------------------------------------------------------------------- */

/**
 * How an engine suspends a guest that blocks inside an import.
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
 * How a call came back.
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
 * The type of a core value.
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
 * What an import tells the engine that called it.
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
 * A function that the library gives to guests. Belongs to the library; valid as long as the
 * engine's store that it was given to.
 */
typedef struct cmabi_import cmabi_import;

/**
 * What a store asks of its engine. A limit of 0 is none.
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
} cmabi_engine_limits;

/**
 * Something that a core module imports or exports.
 */
typedef struct cmabi_core_extern {
    /**
     * What it is.
     */
    cmabi_core_kind kind;
    /**
     * The engine's own pointer or number for it, valid as long as the engine's store. The same
     * thing is the same pointer each time it is given.
     */
    void *item;
} cmabi_core_extern;

/**
 * The type of a core function. The arrays are borrowed.
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
     * Not 0 where there are 64-bit memories and tables.
     */
    uint8_t memory64;
    /**
     * Not 0 where there are core exceptions and tags.
     */
    uint8_t exceptions;
    /**
     * Not 0 where fuel can be metered.
     */
    uint8_t fuel;
    /**
     * Compiles a module. `wasm` is valid during the call only.
     */
    bool (*module_new)(void *data,
                       const uint8_t *wasm,
                       size_t len,
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
     * Makes a function that calls `cmabi_import_call(import, …)` when a guest calls it.
     */
    void *(*func_new)(void *store,
                      const cmabi_core_func_type *ty,
                      cmabi_import *import);
    /**
     * Calls a function. The number of arguments and results is that of its type.
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
} cmabi_engine_interface;

/**
 * Makes an engine of the host's own. `interface` is copied.
 *
 * The engine takes over `interface->drop`, which is called once, also where this fails, unless
 * `interface->size` is wrong. `CMABI_STATUS_INVALID_ARGUMENT` names the functions that are
 * missing; `CMABI_STATUS_UNSUPPORTED` where the library was built without components.
 */
cmabi_status cmabi_engine_new_custom(const cmabi_engine_interface *interface,
                                     cmabi_engine **engine,
                                     cmabi_error **error);

/**
 * What a host's engine calls when a guest calls a function that it got with `func_new`, with as
 * many words in `args` and room for as many in `results` as the function's type says.
 *
 * Only from the thread that uses the store, while a function of the table is running.
 */
cmabi_flow cmabi_import_call(cmabi_import *import, const uint64_t *args, uint64_t *results);

/* Status, strings and errors --------------------------------------------------------------------- */

/**
 * What became of a call. 0 is success; every other value comes with a `cmabi_error` where the
 * caller asked for one.
 */
enum cmabi_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It worked.
     */
    CMABI_STATUS_OK,
    /**
     * An argument is NULL, malformed, stale or from another store.
     */
    CMABI_STATUS_INVALID_ARGUMENT,
    /**
     * Not in this build of the library, or beyond what the engine can do.
     */
    CMABI_STATUS_UNSUPPORTED,
    /**
     * A component binary, WIT text or WAVE text is malformed or invalid.
     */
    CMABI_STATUS_INVALID,
    /**
     * A name does not exist.
     */
    CMABI_STATUS_NOT_FOUND,
    /**
     * An import is missing or has the wrong type.
     */
    CMABI_STATUS_LINK,
    /**
     * A signature or value does not have the component's type.
     */
    CMABI_STATUS_TYPE_MISMATCH,
    /**
     * A configured or specified limit was reached.
     */
    CMABI_STATUS_LIMIT,
    /**
     * A guest trapped.
     */
    CMABI_STATUS_TRAP,
    /**
     * A host function reported a failure.
     */
    CMABI_STATUS_HOST,
    /**
     * Not finished yet: the answer of a host function that will return later.
     */
    CMABI_STATUS_PENDING,
    /**
     * The call can only go on when the host does something.
     */
    CMABI_STATUS_WOULD_BLOCK,
    /**
     * The store is running on another thread, or inside a callback that may not use it so.
     */
    CMABI_STATUS_BUSY,
    /**
     * The library has a bug. The store that was in use is poisoned: it can only be freed.
     */
    CMABI_STATUS_INTERNAL,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cmabi_status cmabi_status;
#else
typedef uint32_t cmabi_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Why a call failed: a status, a message that names the cause, and for a trap where it happened.
 *
 * Given through the trailing `error` argument of a fallible function, and then the caller's to
 * free. It does not depend on anything else: it may outlive its store and be read on any thread.
 */
typedef struct cmabi_error cmabi_error;

/**
 * UTF-8 text: `len` bytes at `ptr`, without a terminator. A `len` of 0 allows any `ptr`.
 *
 * It is also what a component's `string` is in the canonical layout, in arguments and results.
 * `CMABI_STR("literal")` makes one from a literal.
 */
typedef struct cmabi_string {
    /**
     * The first byte.
     */
    const char *ptr;
    /**
     * Bytes.
     */
    size_t len;
} cmabi_string;

/**
 * The text of a status, for a program that did not ask for a `cmabi_error`. Static;
 * `unknown status` for a number that is no status.
 */
cmabi_string cmabi_status_text(cmabi_status status);

/**
 * Frees an error. NULL is fine.
 */
void cmabi_error_free(cmabi_error *error);

/**
 * The status that the failed call returned; `CMABI_STATUS_OK` for NULL.
 */
cmabi_status cmabi_error_status(const cmabi_error *error);

/**
 * The whole message, for a person: what was wrong, where in the value, in which call. Borrowed
 * from the error; empty for NULL.
 */
cmabi_string cmabi_error_message(const cmabi_error *error);

/**
 * For a trap that concerns a value: the way to it from the parameter or result, as
 * `param "people", element 3, field "name"`. Borrowed from the error; empty where there is none,
 * and for NULL.
 */
cmabi_string cmabi_error_path(const cmabi_error *error);

/**
 * For a trap: how many component-level calls were running; 0 for other errors and for NULL.
 */
size_t cmabi_error_frame_count(const cmabi_error *error);

/**
 * For a trap: the name of a call that was running, the innermost at `index` 0. Borrowed from the
 * error; empty beyond the last, and for NULL.
 */
cmabi_string cmabi_error_frame(const cmabi_error *error, size_t index);

/* Version ---------------------------------------------------------------------------------------- */

/**
 * The major version of this header.
 */
#define CMABI_VERSION_MAJOR 0

/**
 * The minor version of this header.
 */
#define CMABI_VERSION_MINOR 1

/**
 * The patch version of this header.
 */
#define CMABI_VERSION_PATCH 0

/**
 * The version of the library that is running, as `major << 16 | minor << 8 | patch`.
 */
uint32_t cmabi_version(void);

/**
 * The version of the library that is running, as `"0.1.0"`. Static.
 */
cmabi_string cmabi_version_text(void);

/**
 * The features that the running library was built with, separated by spaces, of
 * `component wasmi wit`. Static. Functions of a feature that was left out answer
 * `CMABI_STATUS_UNSUPPORTED`.
 */
cmabi_string cmabi_version_features(void);

/* Engine ----------------------------------------------------------------------------------------- */

/**
 * What compiles and runs core wasm. Components are loaded for one engine and run in its stores.
 *
 * It may be used from any thread. What was made with it keeps what it needs of it: it can be freed
 * at any time.
 */
typedef struct cmabi_engine cmabi_engine;

/**
 * Makes the built-in engine, an interpreter. `config` may be NULL for the defaults.
 *
 * `CMABI_STATUS_UNSUPPORTED` where the library was built without it.
 */
cmabi_status cmabi_engine_new(const cmabi_config *config,
                              cmabi_engine **engine,
                              cmabi_error **error);

/**
 * Frees an engine. NULL is fine.
 */
void cmabi_engine_free(cmabi_engine *engine);

/* Config and limits ------------------------------------------------------------------------------ */

/**
 * Settings for an engine and for its stores. A new one holds the defaults.
 *
 * An engine and a store take a copy when they are made; changing or freeing the config later does
 * not touch them. Each setting says which of the two it is for.
 */
typedef struct cmabi_config cmabi_config;

/**
 * Makes a config that holds the defaults.
 */
cmabi_status cmabi_config_new(cmabi_config **config, cmabi_error **error);

/**
 * Frees a config. NULL is fine.
 */
void cmabi_config_free(cmabi_config *config);

/**
 * For an engine: how many wasm calls may be nested in one another within one call from the host.
 * Beyond it the guest traps with `call stack exhausted`. The default is 16,384.
 */
cmabi_status cmabi_config_set_max_recursion(cmabi_config *config,
                                            uint32_t calls,
                                            cmabi_error **error);

/**
 * For an engine: how many bytes the locals and operands of one call from the host may take.
 * Beyond it the guest traps with `call stack exhausted`. The default is 8 MiB.
 */
cmabi_status cmabi_config_set_max_stack_bytes(cmabi_config *config,
                                              uint64_t bytes,
                                              cmabi_error **error);

/**
 * For a store: meters what guests execute, and gives the store this much fuel to start with. An
 * instruction takes about one unit. A guest that runs out traps; see `cmabi_store_set_fuel` for
 * more. By default nothing is metered.
 */
cmabi_status cmabi_config_set_fuel(cmabi_config *config, uint64_t fuel, cmabi_error **error);

/**
 * For a store: how many bytes each linear memory may have. `memory.grow` beyond it fails, and so
 * does the instantiation of a module whose memory starts larger. By default only wasm's own limits
 * hold.
 */
cmabi_status cmabi_config_set_max_memory_bytes(cmabi_config *config,
                                               uint64_t bytes,
                                               cmabi_error **error);

/**
 * For a store: how many elements each core table may have. By default only wasm's own limits hold.
 */
cmabi_status cmabi_config_set_max_table_elements(cmabi_config *config,
                                                 uint64_t elements,
                                                 cmabi_error **error);

/**
 * For a store: how many calls from the host into a guest and back may be nested in one another.
 * They take native stack. Beyond it the guest traps. The default is 64.
 */
cmabi_status cmabi_config_set_max_nesting(cmabi_config *config,
                                          uint32_t calls,
                                          cmabi_error **error);

/**
 * For a store: how many handles the table of each component instance may hold, up to the
 * specification's 2^28 - 1, which is the default.
 */
cmabi_status cmabi_config_set_max_handles(cmabi_config *config,
                                          uint32_t handles,
                                          cmabi_error **error);

/**
 * For a store: draws the order of ready threads from a pseudo-random sequence that begins with
 * `seed`, among the orders that the specification allows. By default the thread that has been ready
 * for longest runs first.
 */
cmabi_status cmabi_config_set_schedule_seed(cmabi_config *config,
                                            uint64_t seed,
                                            cmabi_error **error);

/**
 * For a store: the specification's deterministic profile, in which equal inputs give equal outputs
 * bit for bit: NaNs are canonical. Off by default.
 */
cmabi_status cmabi_config_set_deterministic(cmabi_config *config,
                                            bool deterministic,
                                            cmabi_error **error);

/* Types ------------------------------------------------------------------------------------------ */

/**
 * The type of a function: its parameters, its result, and whether it is `async`. Equal function
 * types have the same address: compare pointers.
 *
 * Immutable, and usable from any thread. Owned and borrowed like a `cmabi_type`.
 */
typedef struct cmabi_func_type cmabi_func_type;

/**
 * A value type of the component model. Equal types have the same address: compare pointers.
 *
 * Immutable, and usable from any thread. Types that are returned are borrowed from what they were
 * asked of; types that are written through an out-pointer are the caller's to free, once for each
 * time that they were written, also where the address is the same.
 */
typedef struct cmabi_type cmabi_type;

/* Arena ------------------------------------------------------------------------------------------ */

/**
 * Memory for values: bytes are handed out one after the other and freed all at once. Strings and
 * lists that a call returns lie in the arena that the caller gave it.
 *
 * Addresses stay valid until the arena is reset or freed. One thread at a time.
 */
typedef struct cmabi_arena cmabi_arena;

/**
 * Makes an empty arena, which takes memory when it is first used. It hands out up to `max_bytes`
 * between two resets, 1 GiB where that is 0; a call whose results would need more traps.
 */
cmabi_status cmabi_arena_new(uint64_t max_bytes, cmabi_arena **arena, cmabi_error **error);

/**
 * Frees an arena and everything in it. NULL is fine.
 */
void cmabi_arena_free(cmabi_arena *arena);

/**
 * Frees everything in an arena; what points into it is invalid then. The arena keeps its largest
 * piece of memory, so that doing the same again takes none from the system.
 */
cmabi_status cmabi_arena_reset(cmabi_arena *arena, cmabi_error **error);

/**
 * Hands out `size` bytes at a multiple of `align`, a power of two up to 16. Their contents are
 * unspecified. `*bytes` is not NULL, also where `size` is 0. `CMABI_STATUS_LIMIT` where the arena
 * would hand out more than it may.
 */
cmabi_status cmabi_arena_alloc(cmabi_arena *arena,
                               size_t size,
                               size_t align,
                               void **bytes,
                               cmabi_error **error);

/**
 * The bytes handed out since the last reset, with what alignment wasted; 0 for NULL.
 */
uint64_t cmabi_arena_used(const cmabi_arena *arena);

/* Values as text --------------------------------------------------------------------------------- */

/**
 * Reads a value of `type` from `text`, in WAVE, the WebAssembly Value Encoding:
 * `{name: "Ada", tags: [1, 2], note: none}`. The value is written to `value`, which has the size
 * and alignment of the type on the host; its strings and lists go into `arena`. A map is written
 * as the list of its pairs, a fixed-length list as a list.
 *
 * `CMABI_STATUS_INVALID` for text that is no value of the type: the message says at which byte.
 * `CMABI_STATUS_UNSUPPORTED` for types that hold handles.
 */
cmabi_status cmabi_wave_parse(const cmabi_type *type,
                              cmabi_string text,
                              void *value,
                              cmabi_arena *arena,
                              cmabi_error **error);

/**
 * Writes the value of `type` at `value` as text in WAVE, the WebAssembly Value Encoding. The text
 * lies in `arena`.
 *
 * `CMABI_STATUS_INVALID_ARGUMENT` where the bytes are no value of the type, as a string that is not
 * UTF-8. `CMABI_STATUS_UNSUPPORTED` for types that hold handles.
 */
cmabi_status cmabi_wave_print(const cmabi_type *type,
                              const void *value,
                              cmabi_arena *arena,
                              cmabi_string *text,
                              cmabi_error **error);

#ifdef __cplusplus
}
#endif

#endif /* CMABI_H */
