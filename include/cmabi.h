/* libcmabi: WebAssembly components for C and C++, on any core-wasm engine.
 *
 * For C11 and later, and C++17 and later.
 *
 * cmabi_engine.h has what is for hosts with a core-wasm engine or a decoder of their own.
 *
 * Written by cbindgen from src/ffi/cmabi/ (CMABI_UPDATE_HEADER=1 cargo test --test header). Do not edit.
 *
 * What holds for every function:
 *
 * Results    A function that can fail returns a `cmabi_status`, 0 for success, and takes a last
 *            argument `error`. Where that is not NULL, the function sets `*error` to NULL on
 *            success and to a new `cmabi_error` on failure; what it held before is not looked at.
 * Outputs    A place for a handle is set to NULL first and to the handle on success. A place for
 *            anything else is written on success only.
 * Ownership  A handle written through an out-pointer is the caller's; the `_free` function of its
 *            type consumes it and accepts NULL. A pointer that is returned, and a pointer to const
 *            that is written, is borrowed from the object that it was asked of and lives as long as
 *            that. No other function consumes. What a function was given must stay until it returns.
 * Arguments  Pointers must not be NULL where the documentation does not allow it. NULL, an unknown
 *            enumerator, text that is not UTF-8 and a handle of another store are answered with
 *            CMABI_STATUS_INVALID_ARGUMENT and a message that names the argument. Strings and
 *            slices are `{ptr, len}`; a length of 0 allows any pointer.
 * Callbacks  `fn`, `data` and `drop` go together: `drop`, which may be NULL, is called exactly once
 *            with `data` when `fn` will not be called again, and at once when the function that
 *            got them fails; it may do what `fn` may. Callbacks must return normally: no exception
 *            and no longjmp.
 * Threads    Engines, components and types may be used by any number of threads at once. A store, and
 *            everything that belongs to it, may be used by one thread at a time; it may move from
 *            thread to thread between calls. Other handles: one thread at a time.
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

/* Before a declaration that a later version will be without; `message` says what to use instead. Define it
 * as nothing to be spared the warnings. Since 0.2. */
#if defined(CMABI_DEPRECATED)
#elif defined(__GNUC__)
#define CMABI_DEPRECATED(message) __attribute__((deprecated(message)))
#elif defined(_MSC_VER)
#define CMABI_DEPRECATED(message) __declspec(deprecated(message))
#else
#define CMABI_DEPRECATED(message)
#endif

/* A cmabi_string from a string literal. Since 0.1. */
#ifdef __cplusplus
#define CMABI_STR(literal) (cmabi_string{"" literal "", sizeof(literal) - 1})
#else
#define CMABI_STR(literal) ((cmabi_string){"" literal "", sizeof(literal) - 1})
#endif

/* A struct that the host fills in: `size` is set, the rest is zero. Since 0.1. */
#ifdef __cplusplus
#define CMABI_INIT(type) ([] { type init{}; init.size = sizeof(type); return init; }())
#else
#define CMABI_INIT(type) {.size = sizeof(type)}
#endif
#define CMABI_COUNTS_INIT CMABI_INIT(cmabi_counts)

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cmabi_arena cmabi_arena;
typedef struct cmabi_component cmabi_component;
typedef struct cmabi_config cmabi_config;
typedef struct cmabi_counts cmabi_counts;
typedef struct cmabi_engine cmabi_engine;
typedef struct cmabi_error cmabi_error;
typedef struct cmabi_export_desc cmabi_export_desc;
typedef struct cmabi_extern_type cmabi_extern_type;
typedef struct cmabi_func cmabi_func;
typedef struct cmabi_func_desc cmabi_func_desc;
typedef struct cmabi_func_type cmabi_func_type;
typedef struct cmabi_instance cmabi_instance;
typedef struct cmabi_instance_pre cmabi_instance_pre;
typedef struct cmabi_interrupter cmabi_interrupter;
typedef struct cmabi_linker cmabi_linker;
typedef struct cmabi_resource_type cmabi_resource_type;
typedef struct cmabi_store cmabi_store;
typedef struct cmabi_subtask cmabi_subtask;
typedef struct cmabi_task cmabi_task;
typedef struct cmabi_type cmabi_type;
typedef struct cmabi_type_desc cmabi_type_desc;
typedef struct cmabi_waker cmabi_waker;
typedef struct cmabi_wasi_config cmabi_wasi_config;
typedef struct cmabi_wit cmabi_wit;

/* Status, strings and errors --------------------------------------------------------------------- */

/**
 * What became of a call. 0 is success; every other value comes with a `cmabi_error` where the
 * caller asked for one.
 * @since 0.1
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
    /**
     * A guest has ended its program, well or not (`cmabi_error_exit_code`): it cannot be called again.
     * @since 0.2
     */
    CMABI_STATUS_EXIT,
    /**
     * The host stopped what ran: `cmabi_interrupter_interrupt` or `cmabi_store_set_deadline`.
     * @since 0.2
     */
    CMABI_STATUS_INTERRUPTED,
    /**
     * A trap, or the host, has ended the instance before: it cannot be called again.
     * @since 0.2
     */
    CMABI_STATUS_ENDED,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cmabi_status cmabi_status;
#else
typedef uint32_t cmabi_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a frame is.
 * @since 0.2
 */
enum cmabi_frame_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * A call of a component's function.
     */
    CMABI_FRAME_KIND_CALL,
    /**
     * A call of a host function.
     */
    CMABI_FRAME_KIND_HOST,
    /**
     * A canonical built-in that a guest called: an import that the library serves itself.
     */
    CMABI_FRAME_KIND_BUILTIN,
    /**
     * A core function: below the call that it runs for.
     */
    CMABI_FRAME_KIND_CORE,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cmabi_frame_kind cmabi_frame_kind;
#else
typedef uint32_t cmabi_frame_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Why a call failed: a status, a message that names the cause, and for a trap where it happened.
 *
 * Given through the trailing `error` argument of a fallible function, and then the caller's to
 * free. It does not depend on anything else: it may outlive its store and be read on any thread.
 * @since 0.1
 */
typedef struct cmabi_error cmabi_error;

/**
 * UTF-8 text: `len` bytes at `ptr`, without a terminator. A `len` of 0 allows any `ptr`.
 *
 * It is also what a component's `string` is in the canonical layout, in arguments and results.
 * `CMABI_STR("literal")` makes one from a literal.
 * @since 0.1
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
 * A frame of a trap. What it points to is borrowed from the error.
 * @since 0.2
 */
typedef struct cmabi_frame {
    /**
     * What it is.
     */
    cmabi_frame_kind kind;
    /**
     * The full name of the function, as `ns:pkg/iface#name`; of a core function its name by the `name`
     * section of its module, empty where there is none; of a built-in its name with the arguments.
     */
    cmabi_string name;
    /**
     * The label of the component instance (`cmabi_instance_set_label`). Empty for host functions.
     */
    cmabi_string instance;
    /**
     * Of a core function: its index in its module. `UINT32_MAX` where the engine does not say it.
     */
    uint32_t func_index;
    /**
     * Of a core function: where in the module's binary it was. `UINT64_MAX` where the engine does not say it,
     * as the built-in one.
     */
    uint64_t offset;
} cmabi_frame;

/**
 * Frees the data of a callback that will not be called again. It may use the store as the callback may:
 * it is called at the end of the function of the library that let the callback go.
 * @since 0.1
 */
typedef void (*cmabi_drop)(void *data);

/**
 * The text of a status, for a program that did not ask for a `cmabi_error`. Static;
 * `unknown status` for a number that is no status.
 * @since 0.1
 */
cmabi_string cmabi_status_text(cmabi_status status);

/**
 * Makes an error with a status and a message of the caller's own, which is copied, and returns the status:
 * for functions that fail as those of this header do. `error` may be NULL as for all of them.
 *
 * `CMABI_STATUS_INVALID_ARGUMENT` for `CMABI_STATUS_OK` and `CMABI_STATUS_PENDING`, which are no failures, and
 * where the message is not UTF-8.
 * @since 0.2
 */
cmabi_status cmabi_error_new(cmabi_status status,
                             cmabi_string message,
                             cmabi_error **error);

/**
 * Frees an error. NULL is fine.
 * @since 0.1
 */
void cmabi_error_free(cmabi_error *error);

/**
 * The status that the failed call returned; `CMABI_STATUS_OK` for NULL.
 * @since 0.1
 */
cmabi_status cmabi_error_status(const cmabi_error *error);

/**
 * The whole message, for a person: what was wrong, where in the value, and a line for each frame. Borrowed
 * from the error; empty for NULL.
 * @since 0.1
 */
cmabi_string cmabi_error_message(const cmabi_error *error);

/**
 * The message without the lines for the frames, which `cmabi_error_frame_text` gives. Borrowed from the error;
 * empty for NULL.
 * @since 0.2
 */
cmabi_string cmabi_error_summary(const cmabi_error *error);

/**
 * For `CMABI_STATUS_EXIT`: the status that the guest has exited with, from 0 to 255, as `wasi:cli/exit` has
 * it: 0 for `ok`, 1 for `error`. -1 for other errors and for NULL.
 * @since 0.2
 */
int cmabi_error_exit_code(const cmabi_error *error);

/**
 * For a trap that concerns a value: the way to it from the parameter or result, as
 * `param "people", element 3, field "name"`. Borrowed from the error; empty where there is none,
 * and for NULL.
 * @since 0.1
 */
cmabi_string cmabi_error_path(const cmabi_error *error);

/**
 * For a trap: how many frames there are, of calls that were running and of those that waited for them; 0 for
 * other errors and for NULL. Of a deep recursion the innermost 64 are kept.
 * @since 0.1
 */
size_t cmabi_error_frame_count(const cmabi_error *error);

/**
 * For a trap: a frame as text for a person, the innermost at `index` 0: the function, and in parentheses the
 * component instance. Borrowed from the error; empty beyond the last, and for NULL.
 * @since 0.2
 */
cmabi_string cmabi_error_frame_text(const cmabi_error *error,
                                           size_t index);

/**
 * For a trap: what the component had written to standard error last, as the message of a panic, where
 * `cmabi_wasi_config_set_last_words` has asked for it. What is not UTF-8 is replaced. Borrowed from the error;
 * empty where there is nothing, and for NULL.
 * @since 0.2
 */
cmabi_string cmabi_error_last_words(const cmabi_error *error);

/**
 * For a trap: a frame in parts, the innermost at `index` 0. Beyond the last, and for NULL, a frame of kind
 * `CMABI_FRAME_KIND_CALL` with nothing in it.
 *
 * Engines differ in what they say of core functions. The built-in one does not tell which were running:
 * there is one frame for the function that the component's call has entered.
 * @since 0.2
 */
cmabi_frame cmabi_error_frame_at(const cmabi_error *error,
                                        size_t index);

/* Version ---------------------------------------------------------------------------------------- */

/**
 * The major version of this header.
 * @since 0.1
 */
#define CMABI_VERSION_MAJOR 0

/**
 * The minor version of this header.
 * @since 0.1
 */
#define CMABI_VERSION_MINOR 2

/**
 * The patch version of this header.
 * @since 0.1
 */
#define CMABI_VERSION_PATCH 0

/**
 * The version of the library that is running, as `major << 16 | minor << 8 | patch`.
 * @since 0.1
 */
uint32_t cmabi_version(void);

/**
 * The version of the library that is running, as `"0.2.0"`. Static.
 * @since 0.1
 */
cmabi_string cmabi_version_text(void);

/**
 * The features that the running library was built with, separated by spaces, of
 * `component wasi wasmi wit`. Static. Functions of a feature that was left out answer
 * `CMABI_STATUS_UNSUPPORTED`.
 * @since 0.1
 */
cmabi_string cmabi_version_features(void);

/* Engine ----------------------------------------------------------------------------------------- */

/**
 * What compiles and runs core wasm. Components are loaded for one engine and run in its stores.
 *
 * It may be used from any thread. What was made with it keeps what it needs of it: it can be freed
 * at any time.
 * @since 0.1
 */
typedef struct cmabi_engine cmabi_engine;

/**
 * Makes the built-in engine, an interpreter. `config` may be NULL for the defaults.
 *
 * `CMABI_STATUS_UNSUPPORTED` where the library was built without it.
 * @since 0.1
 */
cmabi_status cmabi_engine_new(const cmabi_config *config,
                              cmabi_engine **engine,
                              cmabi_error **error);

/**
 * Frees an engine. NULL is fine.
 * @since 0.1
 */
void cmabi_engine_free(cmabi_engine *engine);

/* Component -------------------------------------------------------------------------------------- */

/**
 * What sort of thing a component imports or exports.
 * @since 0.1
 */
enum cmabi_extern_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * A function: `cmabi_extern_type_func`.
     */
    CMABI_EXTERN_KIND_FUNC,
    /**
     * An instance, as an interface of WIT: `cmabi_extern_type_export_at`.
     */
    CMABI_EXTERN_KIND_INSTANCE,
    /**
     * A value type: `cmabi_extern_type_type`.
     */
    CMABI_EXTERN_KIND_TYPE,
    /**
     * A resource type: `cmabi_extern_type_resource`.
     */
    CMABI_EXTERN_KIND_RESOURCE,
    /**
     * A component.
     */
    CMABI_EXTERN_KIND_COMPONENT,
    /**
     * A core module.
     */
    CMABI_EXTERN_KIND_MODULE,
    /**
     * The type of a function, of an instance or of a component, and not such a thing itself.
     */
    CMABI_EXTERN_KIND_OTHER,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cmabi_extern_kind cmabi_extern_kind;
#else
typedef uint32_t cmabi_extern_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A component that was validated and compiled, ready to be instantiated any number of times.
 *
 * Immutable: it may be used from any thread, by any number of stores of its engine. Instances keep
 * what they need of it: it can be freed at any time.
 * @since 0.1
 */
typedef struct cmabi_component cmabi_component;

/**
 * The type of something that a component imports or exports. Borrowed from the component or
 * instance that it was asked of, and immutable.
 * @since 0.1
 */
typedef struct cmabi_extern_type cmabi_extern_type;

/**
 * Loads a component from the `bytes_len` bytes of its binary at `bytes`, which are not needed afterwards.
 *
 * `CMABI_STATUS_INVALID` for what is not a valid component: the message says what is wrong and at
 * which offset. `CMABI_STATUS_UNSUPPORTED` for a component that needs what the engine or this library
 * does not have. `CMABI_STATUS_LIMIT` for one that would take more than
 * `cmabi_config_set_max_load_bytes` or `cmabi_config_set_max_load_work` allow, or whose types or components
 * nest too deep. Everything is validated by the rules of the component model (Binary.md,
 * Explainer.md); nothing of the component runs. With `cmabi_config_set_cache_dir` it is not compiled, and its
 * code not validated, where that was done before.
 * @since 0.1
 */
cmabi_status cmabi_component_load(const cmabi_engine *engine,
                                  const uint8_t *bytes,
                                  size_t bytes_len,
                                  cmabi_component **component,
                                  cmabi_error **error);

/**
 * Loads a component from a file, like `cmabi_component_load`. `CMABI_STATUS_NOT_FOUND` where the
 * file does not exist, `CMABI_STATUS_INVALID` where it cannot be read.
 * @since 0.1
 */
cmabi_status cmabi_component_load_file(const cmabi_engine *engine,
                                       cmabi_string path,
                                       cmabi_component **component,
                                       cmabi_error **error);

/**
 * The component with the code that its engine has compiled, as bytes in `arena`, for
 * `cmabi_component_load_precompiled`. They are for this version of the library, and for engines that compile in
 * the same way on such a machine: those of the same kind, of the same version, with the same settings. The
 * code is that for the stores that the engine's own config asks for, see `cmabi_config_set_interruptible`
 * and `cmabi_config_set_fuel`.
 *
 * An engine that does not give away compiled code, as the built-in one, which has none, has the component
 * compiled again when it is loaded; it is not validated again.
 * @since 0.2
 */
cmabi_status cmabi_component_serialize(const cmabi_component *component,
                                       cmabi_arena *arena,
                                       const uint8_t **bytes,
                                       size_t *bytes_len,
                                       cmabi_error **error);

/**
 * Loads a component from the `bytes_len` bytes of `cmabi_component_serialize` at `bytes`, which are not needed
 * afterwards. It is not compiled, and its code is not validated.
 *
 * **The bytes have to be trusted: they are code that runs in the process.** Damage is found, by a checksum;
 * what was made to do harm is not. `CMABI_STATUS_INVALID` for what is no precompiled component, is cut off or
 * damaged. `CMABI_STATUS_UNSUPPORTED` for what another version of the library has made, or is for another
 * engine, other settings of it, or another CPU: the message says which. Limits are those of
 * `cmabi_component_load`.
 * @since 0.2
 */
cmabi_status cmabi_component_load_precompiled(const cmabi_engine *engine,
                                              const uint8_t *bytes,
                                              size_t bytes_len,
                                              cmabi_component **component,
                                              cmabi_error **error);

/**
 * Loads a component from a file of the bytes of `cmabi_component_serialize`, like
 * `cmabi_component_load_precompiled`. The file is mapped while it is loaded, and must not be changed
 * meanwhile: who writes a new one writes it elsewhere and renames it. `CMABI_STATUS_NOT_FOUND` where it does not
 * exist, `CMABI_STATUS_INVALID` where it cannot be read.
 * @since 0.2
 */
cmabi_status cmabi_component_load_precompiled_file(const cmabi_engine *engine,
                                                   cmabi_string path,
                                                   cmabi_component **component,
                                                   cmabi_error **error);

/**
 * Frees a component. NULL is fine.
 * @since 0.1
 */
void cmabi_component_free(cmabi_component *component);

/**
 * How many bytes the loading of the component took, as `cmabi_config_set_max_load_bytes` counts them; 0
 * for NULL.
 * @since 0.2
 */
uint64_t cmabi_component_used_bytes(const cmabi_component *component);

/**
 * How many steps the loading of the component took, as `cmabi_config_set_max_load_work` counts them; 0
 * for NULL.
 * @since 0.2
 */
uint64_t cmabi_component_used_work(const cmabi_component *component);

/**
 * How many things a component imports; 0 for NULL.
 * @since 0.1
 */
size_t cmabi_component_import_count(const cmabi_component *component);

/**
 * The type of an import, and through `name`, which may be NULL, its name. In the order of the
 * component. Borrowed from the component; NULL beyond the last and for NULL.
 * @since 0.2
 */
const cmabi_extern_type *cmabi_component_import_at(const cmabi_component *component,
                                                          size_t index,
                                                          cmabi_string *name);

/**
 * How many things a component's instances export; 0 for NULL.
 * @since 0.1
 */
size_t cmabi_component_export_count(const cmabi_component *component);

/**
 * The type of an export, and through `name`, which may be NULL, its name. In the order of the
 * component. Borrowed from the component; NULL beyond the last and for NULL.
 * @since 0.2
 */
const cmabi_extern_type *cmabi_component_export_at(const cmabi_component *component,
                                                          size_t index,
                                                          cmabi_string *name);

/**
 * What sort of thing it is; `CMABI_EXTERN_KIND_OTHER` for NULL.
 * @since 0.1
 */
cmabi_extern_kind cmabi_extern_type_kind(const cmabi_extern_type *type);

/**
 * The type of a function; NULL for other kinds and for NULL.
 * @since 0.1
 */
const cmabi_func_type *cmabi_extern_type_func(const cmabi_extern_type *type);

/**
 * The value type that the name stands for; NULL for other kinds and for NULL.
 * @since 0.2
 */
const cmabi_type *cmabi_extern_type_type(const cmabi_extern_type *type);

/**
 * The resource type that the name stands for; NULL for other kinds and for NULL. That of a component
 * is a placeholder; that of an instance is the one that the instance has.
 * @since 0.1
 */
const cmabi_resource_type *cmabi_extern_type_resource(const cmabi_extern_type *type);

/**
 * How many things an instance exports; 0 for other kinds and for NULL.
 * @since 0.1
 */
size_t cmabi_extern_type_export_count(const cmabi_extern_type *type);

/**
 * The type of an export of an instance, and through `name`, which may be NULL, its name. NULL
 * beyond the last, for other kinds and for NULL.
 * @since 0.2
 */
const cmabi_extern_type *cmabi_extern_type_export_at(const cmabi_extern_type *type,
                                                            size_t index,
                                                            cmabi_string *name);

/* Host functions and destructors ----------------------------------------------------------------- */

/**
 * A function of the host that components call.
 *
 * `args` points to the record of the arguments in the canonical layout (NULL without parameters);
 * it, and what it points to, is valid until the call is answered. The function writes the result
 * to `results` (NULL without a result), where zeros are; what the result points to need only stay valid until the
 * function has returned, plus the time it takes to read it: put it in `cmabi_task_arena(task)`, or
 * in anything that lives longer.
 *
 * It answers
 * - `CMABI_STATUS_OK`: the result is there;
 * - `CMABI_STATUS_PENDING`: the call goes on. The task is the caller's now, as if it had been written
 *   through an out-pointer, and `results` is not used;
 * - another status to make the guest trap: the caller of the guest then gets `CMABI_STATUS_HOST` and the
 *   message of `cmabi_task_set_error`.
 *
 * It must return normally: no exception, no longjmp. It may use the store (`cmabi_task_store`), also to
 * call functions of other instances.
 * @since 0.1
 */
typedef cmabi_status (*cmabi_host_func)(void *data,
                                        cmabi_task *task,
                                        const void *args,
                                        void *results);

/**
 * Destroys a resource of the host's: called once for each `rep` that was given to
 * `cmabi_resource_new`, when the last handle that owns it is dropped, by the host or by a guest, or is
 * lost: with a component that a trap has ended, or with the store.
 *
 * It may use the store, for example to drop handles that the object holds; while the store is being
 * freed, that is answered with `CMABI_STATUS_BUSY`, and is not needed.
 * @since 0.1
 */
typedef void (*cmabi_destructor)(void *data, cmabi_store *store, void *rep);

/* Linker ----------------------------------------------------------------------------------------- */

/**
 * What the host offers to components, by name. It can instantiate any number of components in any
 * number of stores of its engine.
 *
 * It may be changed by one thread at a time, and used for instantiation by any number of threads at
 * once where no instance was given to it; with an instance in it, it belongs to the store of that
 * instance. Instances keep what they need of it: it can be freed at any time.
 *
 * Callbacks may change and free the linker that they are called for. What is being linked is linked
 * with what the linker offered when that began.
 * @since 0.1
 */
typedef struct cmabi_linker cmabi_linker;

/**
 * Decides whether a host function can serve calls of the type that a component imports it with; the
 * component is refused if not. `data` is that of the function. On `false`, it writes to `takes` what the
 * function takes, in words for a message, which are copied at once.
 * @since 0.1
 */
typedef bool (*cmabi_type_check)(void *data, const cmabi_func_type *type, cmabi_string *takes);

/**
 * Makes a linker that offers nothing yet.
 * @since 0.1
 */
cmabi_status cmabi_linker_new(const cmabi_engine *engine,
                              cmabi_linker **linker,
                              cmabi_error **error);

/**
 * Frees a linker. NULL is fine.
 * @since 0.1
 */
void cmabi_linker_free(cmabi_linker *linker);

/**
 * Offers the function `func` as `name` of the interface `iface`, as `ns:pkg/iface@1.2.3`; with an
 * empty interface as a plain import of that name. An import also finds definitions of other versions
 * that are compatible by semantic versioning: each thing in it comes from the import's own version if it is
 * there, else from the highest one that has it.
 *
 * The function takes the type that a component imports it with: it must know what to expect, or ask
 * `cmabi_task_type`. `drop`, which may be NULL, is called with `data` once the linker, what was prepared
 * with it and all stores that it has instantiated in are gone, or at once on failure: where `func` is NULL, or the name is
 * taken. With stores on several threads, `func` is called on all of them.
 * @since 0.1
 */
cmabi_status cmabi_linker_func(cmabi_linker *linker,
                               cmabi_string iface,
                               cmabi_string name,
                               cmabi_host_func func,
                               void *data,
                               cmabi_drop drop,
                               cmabi_error **error);

/**
 * Offers a function like `cmabi_linker_func`, of the given type: a component that imports it with
 * another type is refused when it is linked.
 * @since 0.1
 */
cmabi_status cmabi_linker_typed_func(cmabi_linker *linker,
                                     cmabi_string iface,
                                     cmabi_string name,
                                     const cmabi_func_type *type,
                                     cmabi_host_func func,
                                     void *data,
                                     cmabi_drop drop,
                                     cmabi_error **error);

/**
 * Offers a function like `cmabi_linker_func`. A component that imports it with a type that `check` does
 * not accept is refused when it is linked: for languages that know a function's type by other means
 * than a `cmabi_func_type`.
 * @since 0.1
 */
cmabi_status cmabi_linker_checked_func(cmabi_linker *linker,
                                       cmabi_string iface,
                                       cmabi_string name,
                                       cmabi_type_check check,
                                       cmabi_host_func func,
                                       void *data,
                                       cmabi_drop drop,
                                       cmabi_error **error);

/**
 * Offers a function like `cmabi_linker_func`, of the type that is described. Resource types are those of the
 * component that imports it: they are compared by their names, each described one with one of the
 * component's. A component that imports it with another type is refused when it is linked.
 * @since 0.2
 */
cmabi_status cmabi_linker_described_func(cmabi_linker *linker,
                                         cmabi_string iface,
                                         cmabi_string name,
                                         const cmabi_func_desc *type,
                                         cmabi_host_func func,
                                         void *data,
                                         cmabi_drop drop,
                                         cmabi_error **error);

/**
 * Says of a function that was offered that it answers each call at once: never with `CMABI_STATUS_PENDING`, for
 * which its callers trap then. Where guests can call no function that may keep them waiting, an engine need not
 * be able to suspend them, and calls of theirs can be cheaper; see docs/engine.md.
 *
 * `CMABI_STATUS_NOT_FOUND` where no function is offered by that name.
 * @since 0.2
 */
cmabi_status cmabi_linker_set_immediate(cmabi_linker *linker,
                                        cmabi_string iface,
                                        cmabi_string name,
                                        cmabi_error **error);

/**
 * Offers a function like `cmabi_linker_func`, of the type that `type` writes in WIT: `func(s: string) -> u32`,
 * after the definitions of the types that it names, if any: `record point { x: u32 } func(at: point)`.
 * Resource types are those of the component that imports it, by their names. A component that imports it
 * with another type is refused when it is linked.
 *
 * `args_size` and `results_size` are the sizes of the C structs that the function takes the arguments and the
 * result for, 0 where there are none. `CMABI_STATUS_INVALID_ARGUMENT` where they are not what the type takes,
 * `CMABI_STATUS_INVALID` where the text is no function type.
 * @since 0.2
 */
cmabi_status cmabi_linker_wit_func(cmabi_linker *linker,
                                   cmabi_string iface,
                                   cmabi_string name,
                                   cmabi_string type,
                                   size_t args_size,
                                   size_t results_size,
                                   cmabi_host_func func,
                                   void *data,
                                   cmabi_drop drop,
                                   cmabi_error **error);

/**
 * Offers the resource type `type` as `name` of an interface: one that the host implements. Arguments are
 * as for `cmabi_linker_func`; `destructor`, which may be NULL, is called with `data` for each of its
 * resources, as `cmabi_destructor` says.
 *
 * Make the type with `cmabi_resource_type_new`, or take it from WIT text. A type may be offered by several
 * names and linkers, each time with the same destructor.
 * @since 0.1
 */
cmabi_status cmabi_linker_resource(cmabi_linker *linker,
                                   cmabi_string iface,
                                   cmabi_string name,
                                   const cmabi_resource_type *type,
                                   cmabi_destructor destructor,
                                   void *data,
                                   cmabi_drop drop,
                                   cmabi_error **error);

/**
 * Offers a component, to be instantiated by those that import it. Arguments are as for
 * `cmabi_linker_func`; the component may be freed afterwards.
 * @since 0.1
 */
cmabi_status cmabi_linker_component(cmabi_linker *linker,
                                    cmabi_string iface,
                                    cmabi_string name,
                                    const cmabi_component *component,
                                    cmabi_error **error);

/**
 * Offers a core module, from the `bytes_len` bytes of its binary at `bytes`, which are not needed
 * afterwards. Arguments are as for `cmabi_linker_func`. `CMABI_STATUS_INVALID` for what is not a valid
 * core module.
 * @since 0.1
 */
cmabi_status cmabi_linker_module(cmabi_linker *linker,
                                 cmabi_string iface,
                                 cmabi_string name,
                                 const uint8_t *bytes,
                                 size_t bytes_len,
                                 cmabi_error **error);

/**
 * Offers an instance, with all that it exports, as the instance `name`; with an empty name, offers each
 * thing that it exports by the name that it has there. From then on the linker
 * belongs to the store of that instance. The handle may be freed afterwards.
 * @since 0.1
 */
cmabi_status cmabi_linker_instance(cmabi_linker *linker,
                                   cmabi_string name,
                                   cmabi_instance *instance,
                                   cmabi_error **error);

/**
 * Offers what an instance exports at `path`, as for `cmabi_instance_func`, as `name` of `iface`, as for
 * `cmabi_linker_func`: a function, a resource type, or with an empty interface a whole instance under another
 * name. From then on the linker belongs to the store of that instance. `CMABI_STATUS_NOT_FOUND` where
 * there is no such export.
 * @since 0.2
 */
cmabi_status cmabi_linker_export(cmabi_linker *linker,
                                 cmabi_string iface,
                                 cmabi_string name,
                                 cmabi_instance *instance,
                                 cmabi_string path,
                                 cmabi_error **error);

/**
 * Has components instantiated though things that they import are missing. A function that is missing traps
 * when it is called, with a message that names it; a resource type is a new one, which nothing makes.
 * What is there but of the wrong type, missing core modules and missing components are refused as before.
 *
 * That holds for the `names_len` imports at `names`, each as `ns:pkg/iface@1.2.3`, or without the version for
 * all versions; with a `names_len` of 0 for all imports. It can be called more than once.
 * @since 0.2
 */
cmabi_status cmabi_linker_trap_unknown_imports(cmabi_linker *linker,
                                               const cmabi_string *names,
                                               size_t names_len,
                                               cmabi_error **error);

/**
 * Checks that all a component imports is there and of the right type, without instantiating it.
 *
 * `CMABI_STATUS_LINK` where something is missing or of the wrong type: the message lists all of it by
 * full name, with the type that is expected and the one that is given.
 * @since 0.1
 */
cmabi_status cmabi_linker_check(const cmabi_linker *linker,
                                const cmabi_component *component,
                                cmabi_error **error);

/**
 * Instantiates a component in a store: core start functions run.
 *
 * `CMABI_STATUS_LINK` as for `cmabi_linker_check`, before anything has run. `CMABI_STATUS_TRAP` where a
 * start function traps; what was instantiated before is then not reachable.
 * @since 0.1
 */
cmabi_status cmabi_linker_instantiate(const cmabi_linker *linker,
                                      cmabi_store *store,
                                      const cmabi_component *component,
                                      cmabi_instance **instance,
                                      cmabi_error **error);

/* Store ------------------------------------------------------------------------------------------ */

/**
 * Instances, and all that happens in them.
 *
 * One thread at a time; it may move from thread to thread between calls. A use from a second thread
 * at once is answered with `CMABI_STATUS_BUSY`. Inside a callback the store that called may be used
 * again, as far as the functions do not say otherwise.
 * @since 0.1
 */
typedef struct cmabi_store cmabi_store;

/**
 * Makes an empty store. `config` may be NULL for the defaults.
 * @since 0.1
 */
cmabi_status cmabi_store_new(const cmabi_engine *engine,
                             const cmabi_config *config,
                             cmabi_store **store,
                             cmabi_error **error);

/**
 * Frees a store with everything in it. NULL is fine.
 *
 * What is left of it in the caller's hands, such as instances, can then only be freed. A store that
 * is running cannot be freed: from inside one of its callbacks, or from a second thread, this does
 * nothing.
 * @since 0.1
 */
void cmabi_store_free(cmabi_store *store);

/**
 * Runs one ready thread, until it ends or blocks. `*ran`, if `ran` is not NULL, says whether there
 * was one, or else something that WASI does for guests went on. Never blocks. `CMABI_STATUS_BUSY` while a guest runs, as inside a host function. A trap that
 * ended no call of the host's, and that nobody was told of, is told here first: `CMABI_STATUS_TRAP`.
 * @since 0.1
 */
cmabi_status cmabi_store_tick(cmabi_store *store,
                              bool *ran,
                              cmabi_error **error);

/**
 * Runs until no thread is ready. Never blocks. All as for `cmabi_store_tick`. Where WASI alone has much to do, as
 * moving a long file to another, this returns before that is over, and the store's waker is called.
 * @since 0.1
 */
cmabi_status cmabi_store_run(cmabi_store *store,
                             cmabi_error **error);

/**
 * Has a store keep `data` for the host: whatever a host function wants to find by its store. `drop`, which
 * may be NULL, is called with it when other data is set, and after all else when the store is freed.
 * @since 0.2
 */
cmabi_status cmabi_store_set_data(cmabi_store *store,
                                  void *data,
                                  cmabi_drop drop,
                                  cmabi_error **error);

/**
 * The data that the host has set; NULL before, and for NULL.
 * @since 0.2
 */
void *cmabi_store_data(const cmabi_store *store);

/**
 * How much fuel is left. `CMABI_STATUS_INVALID_ARGUMENT` for a store that does not meter: see
 * `cmabi_config_set_fuel`.
 * @since 0.1
 */
cmabi_status cmabi_store_fuel(cmabi_store *store, uint64_t *fuel, cmabi_error **error);

/**
 * Sets how much fuel is left. `CMABI_STATUS_INVALID_ARGUMENT` for a store that does not meter: see
 * `cmabi_config_set_fuel`.
 * @since 0.1
 */
cmabi_status cmabi_store_set_fuel(cmabi_store *store, uint64_t fuel, cmabi_error **error);

/* Instance --------------------------------------------------------------------------------------- */

/**
 * An instance of a component. It belongs to the store that it was made in, and lives there until
 * the store is freed: freeing this handle only gives up looking things up in it.
 * @since 0.1
 */
typedef struct cmabi_instance cmabi_instance;

/**
 * Frees an instance handle, and with it the functions that were asked of it. NULL is fine.
 * @since 0.1
 */
void cmabi_instance_free(cmabi_instance *instance);

/**
 * Makes `func` the exported function at `path`: its name, as `greet`, or for a function of an exported
 * instance the names with `#` between them, as `ns:pkg/iface@1.2.3#greet`. Where no export has exactly
 * that version, the highest one that is compatible by semantic versioning is taken.
 *
 * The function is borrowed from the instance; asking once more gives the same pointer.
 * `CMABI_STATUS_NOT_FOUND` where there is none: the message says what there is.
 * @since 0.1
 */
cmabi_status cmabi_instance_func(cmabi_instance *instance,
                                 cmabi_string path,
                                 const cmabi_func **func,
                                 cmabi_error **error);

/**
 * Looks up all functions that `exports` describes at once, and writes them to `funcs`, which has room for
 * `exports_len`, in the same order. They are borrowed from the instance, as for `cmabi_instance_func`.
 *
 * Their types must be those that are described. Resource types are the instance's own: they are compared by
 * their names, each described one with one of the instance's. `CMABI_STATUS_TYPE_MISMATCH` where
 * functions are missing or have other types: the message lists all of them, with both types, and nothing
 * is written.
 * @since 0.2
 */
cmabi_status cmabi_instance_described_funcs(cmabi_instance *instance,
                                            const cmabi_export_desc *exports,
                                            size_t exports_len,
                                            const cmabi_func **funcs,
                                            cmabi_error **error);

/**
 * Makes `type` the exported resource type at `path`, which is as for `cmabi_instance_func`: the one that
 * this very instance has, whether it implements it or was given it. Borrowed from the instance.
 * `CMABI_STATUS_NOT_FOUND` where there is none.
 * @since 0.1
 */
cmabi_status cmabi_instance_resource(cmabi_instance *instance,
                                     cmabi_string path,
                                     const cmabi_resource_type **type,
                                     cmabi_error **error);

/**
 * How many things an instance exports; 0 for NULL.
 * @since 0.1
 */
size_t cmabi_instance_export_count(cmabi_instance *instance);

/**
 * The type of an export, with the resource types that this instance has, and through `name`, which
 * may be NULL, its name. In the order of the component. Borrowed from the instance; NULL beyond the
 * last and for NULL.
 * @since 0.2
 */
const cmabi_extern_type *cmabi_instance_export_at(cmabi_instance *instance,
                                                  size_t index,
                                                  cmabi_string *name);

/**
 * Ends an instance and all inside it now, whatever it does: what it runs ends as if it had trapped, and
 * callers and the other ends of its streams learn why; what it owned is dropped, and its memories and
 * tables are given back before the store goes, as far as the engine can: the built-in one keeps addresses and
 * tables. From then on a call of it fails with `CMABI_STATUS_ENDED`. Where a function of the host that it
 * has called ends it, it traps when that returns. Nothing happens to one that has ended before. The
 * handle stays the caller's.
 * @since 0.2
 */
cmabi_status cmabi_instance_terminate(cmabi_store *store,
                                      const cmabi_instance *instance,
                                      cmabi_error **error);

/**
 * Sets what an instance is called in messages, frames and traces, `component` otherwise; what is inside of
 * it is called after it, as `label.0`. The text is copied.
 * @since 0.2
 */
cmabi_status cmabi_instance_set_label(cmabi_store *store,
                                      const cmabi_instance *instance,
                                      cmabi_string label,
                                      cmabi_error **error);

/**
 * Has an instance keep `data` for the host: what a host function finds by its caller
 * (`cmabi_task_caller_data`). `drop`, which may be NULL, is called with it when other data is set, and when
 * the store is freed.
 * @since 0.2
 */
cmabi_status cmabi_instance_set_data(cmabi_store *store,
                                     const cmabi_instance *instance,
                                     void *data,
                                     cmabi_drop drop,
                                     cmabi_error **error);

/**
 * The data that the host has set; NULL before, for NULL, and where the store is in use elsewhere.
 * @since 0.2
 */
void *cmabi_instance_data(cmabi_store *store, const cmabi_instance *instance);

/**
 * Counts what an instance, and those inside it, are doing, for debugging: it looks at every thread of
 * the store. `counts` is initialized with `CMABI_COUNTS_INIT`.
 * @since 0.2
 */
cmabi_status cmabi_instance_counts(cmabi_store *store,
                                   const cmabi_instance *instance,
                                   cmabi_counts *counts,
                                   cmabi_error **error);

/* Instances made ready --------------------------------------------------------------------------- */

/**
 * A component with what it imports, found in a linker once and for all: it is instantiated any number of
 * times, in any stores of the engine, without looking for names and comparing types again.
 *
 * It keeps what it needs of the component and of the linker, which may be freed or given more definitions;
 * those change nothing in it. It may be used by any number of threads at once where the linker may.
 * @since 0.2
 */
typedef struct cmabi_instance_pre cmabi_instance_pre;

/**
 * Finds all that `component` imports, without instantiating it. Fails as `cmabi_linker_check` does.
 * @since 0.2
 */
cmabi_status cmabi_linker_prepare(const cmabi_linker *linker,
                                  const cmabi_component *component,
                                  cmabi_instance_pre **instance_pre,
                                  cmabi_error **error);

/**
 * Makes an instance in `store`, as `cmabi_linker_instantiate` does.
 * @since 0.2
 */
cmabi_status cmabi_instance_pre_instantiate(const cmabi_instance_pre *instance_pre,
                                            cmabi_store *store,
                                            cmabi_instance **instance,
                                            cmabi_error **error);

/**
 * Frees what was made ready; instances of it stay. NULL is fine.
 * @since 0.2
 */
void cmabi_instance_pre_free(cmabi_instance_pre *instance_pre);

/* Func ------------------------------------------------------------------------------------------- */

/**
 * A function of the component level: one that an instance exports, borrowed from that instance, or
 * one that the host made (`cmabi_canon_lift`, `cmabi_func_new` in cmabi_engine.h), which is the host's to free.
 * @since 0.1
 */
typedef struct cmabi_func cmabi_func;

/**
 * The type of a function. Borrowed; NULL for NULL.
 * @since 0.2
 */
const cmabi_func_type *cmabi_func_type_of(const cmabi_func *func);

/**
 * Checks that C's structs have the sizes that a function's arguments and result have: once, after
 * looking the function up. A size is 0 where there are no parameters or no result.
 *
 * `CMABI_STATUS_TYPE_MISMATCH` where they differ: the message has the function's type and sizes.
 * @since 0.1
 */
cmabi_status cmabi_func_check(const cmabi_func *func,
                              size_t args_size,
                              size_t results_size,
                              cmabi_error **error);

/**
 * Calls a function and runs the store until the call is over (Embedding API of CanonicalABI.md).
 *
 * `args` points to the record of the arguments in the canonical layout, NULL without parameters; the
 * arguments, and what they point to, are only read, and only during the call. The result is written
 * to `results`, NULL without a result; what it points to lies in `arena`, which may be NULL where the
 * result has no strings, lists or maps in it. On failure `results` may have been written to in part.
 *
 * `CMABI_STATUS_TRAP` where a guest trapped: the specification says what cannot be called any more
 * after that. `CMABI_STATUS_HOST` where a host function failed. `CMABI_STATUS_WOULD_BLOCK` where the
 * call can only go on when the host does something, and inside a host function where it has to wait at
 * all: it then goes on without its caller; `cmabi_func_start` is for such calls.
 * `CMABI_STATUS_INVALID_ARGUMENT` for a function of another store, and for arguments that are none of
 * their types, such as a stale handle or a string that is not UTF-8: no guest ends because of them, and
 * their handles stay the host's.
 * @since 0.1
 */
cmabi_status cmabi_func_call(cmabi_store *store,
                             const cmabi_func *func,
                             const void *args,
                             void *results,
                             cmabi_arena *arena,
                             cmabi_error **error);

/* Arena ------------------------------------------------------------------------------------------ */

/**
 * Memory for values: bytes are handed out one after the other and freed all at once. Strings and
 * lists that a call returns lie in the arena that the caller gave it.
 *
 * Addresses stay valid until the arena is reset or freed. One thread at a time.
 * @since 0.1
 */
typedef struct cmabi_arena cmabi_arena;

/**
 * Makes an empty arena, which takes memory when it is first used. It hands out up to `max_bytes`
 * between two resets, 1 GiB where that is 0; a call whose results would need more traps.
 * @since 0.1
 */
cmabi_status cmabi_arena_new(uint64_t max_bytes, cmabi_arena **arena, cmabi_error **error);

/**
 * Frees an arena and everything in it. NULL is fine.
 * @since 0.1
 */
void cmabi_arena_free(cmabi_arena *arena);

/**
 * Frees everything in an arena; what points into it is invalid then. The arena keeps its largest
 * piece of memory, so that doing the same again takes none from the system.
 * @since 0.1
 */
cmabi_status cmabi_arena_reset(cmabi_arena *arena, cmabi_error **error);

/**
 * Hands out `size` bytes at a multiple of `align`, a power of two up to 16. They are zero: what is not
 * written is not what an earlier call left there. `*bytes` is not NULL, also where `size` is 0. `CMABI_STATUS_LIMIT` where the arena
 * would hand out more than it may.
 * @since 0.1
 */
cmabi_status cmabi_arena_alloc(cmabi_arena *arena,
                               size_t size,
                               size_t align,
                               void **bytes,
                               cmabi_error **error);

/**
 * The bytes handed out since the last reset, with what alignment wasted; 0 for NULL.
 * @since 0.2
 */
uint64_t cmabi_arena_used_bytes(const cmabi_arena *arena);

/* Values as text --------------------------------------------------------------------------------- */

/**
 * Reads a value of `type` from `text`, in WAVE, the WebAssembly Value Encoding:
 * `{name: "Ada", tags: [1, 2], note: none}`. The value is written to `value`, which has the size
 * and alignment of the type on the host; its strings and lists go into `arena`. A map is written
 * as the list of its pairs, a fixed-length list as a list.
 *
 * `CMABI_STATUS_INVALID` for text that is no value of the type: the message says at which byte.
 * `CMABI_STATUS_UNSUPPORTED` for types that hold handles.
 * @since 0.1
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
 * @since 0.1
 */
cmabi_status cmabi_wave_print(const cmabi_type *type,
                              const void *value,
                              cmabi_string *text,
                              cmabi_arena *arena,
                              cmabi_error **error);

/* Config and limits ------------------------------------------------------------------------------ */

/**
 * What has happened in a store.
 * @since 0.2
 */
enum cmabi_trace_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * A call has begun: the callee takes the arguments.
     */
    CMABI_TRACE_KIND_CALL_BEGIN,
    /**
     * It has returned. The callee may go on after that.
     */
    CMABI_TRACE_KIND_CALL_RETURN,
    /**
     * It was cancelled and has no result.
     */
    CMABI_TRACE_KIND_CALL_CANCEL,
    /**
     * A trap has ended it, or the host has failed to answer it.
     */
    CMABI_TRACE_KIND_CALL_TRAP,
    /**
     * A thread of the call begins to wait.
     */
    CMABI_TRACE_KIND_TASK_BLOCK,
    /**
     * The thread goes on.
     */
    CMABI_TRACE_KIND_TASK_WAKE,
    /**
     * An instance's table has a new handle.
     */
    CMABI_TRACE_KIND_HANDLE_NEW,
    /**
     * A handle has left an instance's table: it was dropped or given away. Those of an instance that a trap
     * has ended leave without a word.
     */
    CMABI_TRACE_KIND_HANDLE_DROP,
    /**
     * An instance has met a limit, and traps.
     */
    CMABI_TRACE_KIND_LIMIT,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cmabi_trace_kind cmabi_trace_kind;
#else
typedef uint32_t cmabi_trace_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Settings for an engine and for its stores. A new one holds the defaults.
 *
 * An engine and a store take a copy when they are made; changing or freeing the config later does
 * not touch them. Each setting says which of the two it is for.
 * @since 0.1
 */
typedef struct cmabi_config cmabi_config;

/**
 * Something that has happened in a store. What it points to is valid during the callback. Later versions
 * may append fields.
 * @since 0.2
 */
typedef struct cmabi_trace_event {
    /**
     * What.
     */
    cmabi_trace_kind kind;
    /**
     * For a handle, its index in the instance's table; 0 for others.
     */
    uint32_t handle;
    /**
     * A number of the call that it is about, which no other call of the store has while it goes on. For a handle
     * the call whose code runs. 0 for none.
     */
    uint64_t task;
    /**
     * The number of the call that has made that call, as long as that goes on; 0 for the host.
     */
    uint64_t caller;
    /**
     * The label of the instance whose function or handle it is: `host` for the host.
     */
    cmabi_string instance;
    /**
     * The full name of the function that is called. For a handle the name of the resource type, or what else it
     * refers to.
     */
    cmabi_string name;
    /**
     * For a trap or limit why; for a thread that waits, and goes on, what for. Empty for others.
     */
    cmabi_string detail;
} cmabi_trace_event;

/**
 * Told what happens in a store, at once, on the thread that runs it. Times are the host's to take. It must not
 * use the store, which answers `CMABI_STATUS_BUSY`, and must return normally.
 * @since 0.2
 */
typedef void (*cmabi_on_trace)(void *data, const cmabi_trace_event *event);

/**
 * Makes a config that holds the defaults.
 * @since 0.1
 */
cmabi_status cmabi_config_new(cmabi_config **config, cmabi_error **error);

/**
 * Frees a config. NULL is fine.
 * @since 0.1
 */
void cmabi_config_free(cmabi_config *config);

/**
 * For an engine: how many wasm calls may be nested in one another within one call from the host.
 * Beyond it the guest traps with `call stack exhausted`. The default is 16,384.
 * @since 0.1
 */
cmabi_status cmabi_config_set_max_recursion(cmabi_config *config,
                                            uint32_t calls,
                                            cmabi_error **error);

/**
 * For an engine: how many bytes the locals and operands of one call from the host may take.
 * Beyond it the guest traps with `call stack exhausted`. The default is 8 MiB.
 * @since 0.1
 */
cmabi_status cmabi_config_set_max_stack_bytes(cmabi_config *config,
                                              uint64_t bytes,
                                              cmabi_error **error);

/**
 * For an engine of `cmabi_engine_new_native` (cmabi_engine.h): how many bytes of native stack each callback has, at least
 * 65,536, which is `CMABI_STATUS_INVALID_ARGUMENT` otherwise; a guard page follows. The default is 256 KiB.
 * @since 0.1
 */
cmabi_status cmabi_config_set_fiber_stack_bytes(cmabi_config *config,
                                                uint64_t bytes,
                                                cmabi_error **error);

/**
 * For an engine: how many bytes the loading of one component or core module may take. What is counted is
 * what the types of a component come to when each is written out wherever it is mentioned, and in
 * proportion to the size of the binary what is kept of it: 4 bytes for a byte of a core module, 64 for
 * one of a component around it, 256 for a definition. Beyond it the component does not load,
 * with `CMABI_STATUS_LIMIT`. The default is 512 MiB; see `cmabi_component_used_bytes`.
 * @since 0.2
 */
cmabi_status cmabi_config_set_max_load_bytes(cmabi_config *config,
                                             uint64_t bytes,
                                             cmabi_error **error);

/**
 * For an engine: how many steps the loading of one component or core module may take that are not in
 * proportion to the size of its binary: parts of types that are visited where they are mentioned, values
 * that instructions move. Beyond it the component does not load, with `CMABI_STATUS_LIMIT`. Each
 * instantiation of the component may take as many: one for each definition, import and export of the
 * instances in it. The default is 10,000,000, which takes less than a second; see
 * `cmabi_component_used_work`.
 * @since 0.2
 */
cmabi_status cmabi_config_set_max_load_work(cmabi_config *config,
                                            uint64_t steps,
                                            cmabi_error **error);

/**
 * For an engine: how many component and core instances the instantiation of one of its components may
 * make, those inside of others included. Beyond it the instantiation fails, with `CMABI_STATUS_LIMIT`.
 * The default is 10,000.
 * @since 0.2
 */
cmabi_status cmabi_config_set_max_instances(cmabi_config *config,
                                            uint32_t instances,
                                            cmabi_error **error);

/**
 * For an engine: has components that are loaded keep their compiled code in the folder `path`, and takes it from there
 * when they are loaded again, by this process or another, however many use the folder at once. `max_bytes` is
 * how much is kept there, 0 for 1 GiB: when there is more, what was not used for longest is removed. An empty
 * `path` takes the setting back.
 *
 * **The folder has to be trusted: code that is there runs in the process.** It has to exist:
 * `CMABI_STATUS_NOT_FOUND` otherwise. `CMABI_STATUS_INVALID_ARGUMENT` where no file can be made there. What goes
 * wrong later, as a disk that is full, has components compiled as if there was no cache; what is damaged is
 * removed. With an engine that does not give away compiled code, as the built-in one, nothing is kept.
 * `CMABI_STATUS_UNSUPPORTED` where the library was built without components.
 * @since 0.2
 */
cmabi_status cmabi_config_set_cache_dir(cmabi_config *config,
                                        cmabi_string path,
                                        uint64_t max_bytes,
                                        cmabi_error **error);

/**
 * For a store: meters what guests execute, and gives the store this much fuel to start with. An
 * instruction takes about one unit. A guest that runs out traps; see `cmabi_store_set_fuel` for
 * more. By default nothing is metered.
 * @since 0.1
 */
cmabi_status cmabi_config_set_fuel(cmabi_config *config, uint64_t fuel, cmabi_error **error);

/**
 * For a store: meters what guests execute, as `cmabi_config_set_fuel`, and gives each call by the host no
 * more than this much: the call of a function, whether it is waited for or not, and an instantiation, with
 * all that guests call and start on behalf of it, also later. A guest that runs out ends with
 * `CMABI_STATUS_LIMIT`, and the fuel of the store that others will need is still there. Inside a host
 * function, the store's fuel is what is left of the call. By default a call may use all of the store's.
 * @since 0.2
 */
cmabi_status cmabi_config_set_call_fuel(cmabi_config *config,
                                        uint64_t fuel,
                                        cmabi_error **error);

/**
 * For a store: whether other threads may stop what runs in it, by `cmabi_store_interrupter` or
 * `cmabi_store_set_deadline`. The built-in engine then meters guests, which run up to a fifth
 * slower. By default nothing stops a guest. An engine of the host's has to declare that it can.
 * @since 0.2
 */
cmabi_status cmabi_config_set_interruptible(cmabi_config *config,
                                            bool interruptible,
                                            cmabi_error **error);

/**
 * For a store: how many bytes each linear memory may have. `memory.grow` beyond it fails, and so
 * does the instantiation of a module whose memory starts larger. By default only wasm's own limits
 * hold.
 * @since 0.1
 */
cmabi_status cmabi_config_set_max_memory_bytes(cmabi_config *config,
                                               uint64_t bytes,
                                               cmabi_error **error);

/**
 * For a store: how many elements each core table may have. By default only wasm's own limits hold.
 * @since 0.1
 */
cmabi_status cmabi_config_set_max_table_elements(cmabi_config *config,
                                                 uint64_t elements,
                                                 cmabi_error **error);

/**
 * For a store: how many bytes of the host's memory it may take on behalf of its guests, beside their own
 * memories: arguments and results of calls that are going on, handles, tasks and threads, the stacks
 * of guests that wait, messages of error contexts, instances. Where more is needed the guest traps, or
 * the function fails, with `CMABI_STATUS_LIMIT`. The default is 256 MiB. What is in use can be asked:
 * `cmabi_store_counts`.
 * @since 0.2
 */
cmabi_status cmabi_config_set_max_host_bytes(cmabi_config *config,
                                             uint64_t bytes,
                                             cmabi_error **error);

/**
 * For a store: how many bytes the linear memories and tables of all its instances may have together; an
 * element of a table counts as 8. `memory.grow` and `table.grow` beyond it fail, and so does the
 * instantiation of a module that starts with more. The default is 4 GiB.
 * @since 0.2
 */
cmabi_status cmabi_config_set_max_guest_bytes(cmabi_config *config,
                                              uint64_t bytes,
                                              cmabi_error **error);

/**
 * For a store: how many bytes of the host's memory the arguments of one call of a host function may
 * take, and the result of one call by the host, or one read from a stream. A guest can make a list of a
 * million elements that are all the same megabyte. Where more is needed the guest traps with
 * `CMABI_STATUS_LIMIT`. The default is 64 MiB.
 * @since 0.2
 */
cmabi_status cmabi_config_set_max_call_bytes(cmabi_config *config,
                                             uint64_t bytes,
                                             cmabi_error **error);

/**
 * For a store: how many calls from the host into a guest and back may be nested in one another.
 * They take native stack. Beyond it the guest traps, as it does where the thread has too little stack
 * left. The default is 128.
 * @since 0.1
 */
cmabi_status cmabi_config_set_max_nesting(cmabi_config *config,
                                          uint32_t calls,
                                          cmabi_error **error);

/**
 * For a store: how many bytes of native stack the calls nested in one another may take, counted from the
 * outermost, on a stack that the library does not know the end of: that of a host's own coroutine.
 * What a call takes, some 10 KiB in a release build, and what a host function does, comes on top.
 * Beyond it the guest traps. The default is 128 KiB, which asks for coroutines with 256 KiB.
 * @since 0.2
 */
cmabi_status cmabi_config_set_max_foreign_stack_bytes(cmabi_config *config,
                                                      uint64_t bytes,
                                                      cmabi_error **error);

/**
 * For a store: how many handles the table of each component instance may hold, up to the
 * specification's 2^28 - 1, which is the default.
 * @since 0.1
 */
cmabi_status cmabi_config_set_max_handles(cmabi_config *config,
                                          uint32_t handles,
                                          cmabi_error **error);

/**
 * For a store: how many threads each component instance may have, up to the specification's
 * 2^28 - 1, which is the default.
 * @since 0.1
 */
cmabi_status cmabi_config_set_max_threads(cmabi_config *config,
                                          uint32_t threads,
                                          cmabi_error **error);

/**
 * For a store: draws the order of ready threads from a pseudo-random sequence that begins with
 * `seed`, among the orders that the specification allows. By default the thread that has been ready
 * for longest runs first.
 * @since 0.1
 */
cmabi_status cmabi_config_set_schedule_seed(cmabi_config *config,
                                            uint64_t seed,
                                            cmabi_error **error);

/**
 * For a store: the specification's deterministic profile, in which equal inputs give equal outputs
 * bit for bit: NaNs are canonical. Off by default.
 * @since 0.1
 */
cmabi_status cmabi_config_set_deterministic(cmabi_config *config,
                                            bool deterministic,
                                            cmabi_error **error);

/**
 * For a store: has `on_trace` told of calls, waits, handles and limits. NULL takes it back. `drop`, which may be
 * NULL, is called with `data` when the config and the stores that were made with it are gone, or when
 * another is set. A store without costs nothing for it.
 * @since 0.2
 */
cmabi_status cmabi_config_set_on_trace(cmabi_config *config,
                                       cmabi_on_trace on_trace,
                                       void *data,
                                       cmabi_drop drop,
                                       cmabi_error **error);

/* Resource --------------------------------------------------------------------------------------- */

/**
 * Makes `handle` a handle of the host's that owns the resource with the representation `rep`: any
 * pointer, or number, that means something to the host. `canon resource.new` in the specification.
 *
 * `type` is a type that `cmabi_linker_resource` offers and that a component of the store imports; others
 * are `CMABI_STATUS_INVALID_ARGUMENT`. `CMABI_STATUS_LIMIT` where the table is full. On failure the
 * destructor is not called: `rep` stays with the caller.
 *
 * The handle is given away by passing it as an `own` argument or result, lent by passing it as a
 * `borrow` argument, and otherwise dropped with `cmabi_resource_drop`.
 * @since 0.1
 */
cmabi_status cmabi_resource_new(cmabi_store *store,
                                const cmabi_resource_type *type,
                                void *rep,
                                uint32_t *handle,
                                cmabi_error **error);

/**
 * Sets `rep` to the representation of a resource of the host's. `canon resource.rep` in the
 * specification.
 *
 * `handle` is a handle of the host's, or what a host function got as an argument of type
 * `borrow<type>`: a borrow that comes back to the implementer of its type is no handle, need not be
 * dropped, and is valid until the call is over. Until then it can be lent on, as a `borrow<type>` argument.
 *
 * `CMABI_STATUS_INVALID_ARGUMENT` for a stale handle, for one of another type, and for a `type` that a
 * component implements: its representations are its own affair.
 * @since 0.1
 */
cmabi_status cmabi_resource_rep(cmabi_store *store,
                                const cmabi_resource_type *type,
                                uint32_t handle,
                                void **rep,
                                cmabi_error **error);

/**
 * Drops a handle of the host's. If it owns its resource, the destructor runs, which may be a function
 * of the component that implements the type; a borrow, which a host function got as an argument, is
 * given back. `canon resource.drop` in the specification.
 *
 * `type` is the type that the handle is expected to have, or NULL for any. `CMABI_STATUS_INVALID_ARGUMENT`
 * for a stale handle, for one of another type, and for one that is lent to a call that is not over: the handle
 * then stays what it was. `CMABI_STATUS_TRAP` where the destructor traps: the handle is gone.
 * @since 0.1
 */
cmabi_status cmabi_resource_drop(cmabi_store *store,
                                 const cmabi_resource_type *type,
                                 uint32_t handle,
                                 cmabi_error **error);

/**
 * Gives up a handle of the host's: it is the caller's no more, and is dropped as soon as it can be. That is
 * at once, as `cmabi_resource_drop` does it, or else when the calls that it is lent to are over and no guest
 * runs: for those who cannot wait for that, such as destructors and finalizers.
 *
 * `CMABI_STATUS_INVALID_ARGUMENT` for a stale handle. `CMABI_STATUS_TRAP` where the destructor runs at once and
 * traps; where it does so later, the next `cmabi_store_run` or `cmabi_store_tick` fails with that.
 * @since 0.2
 */
cmabi_status cmabi_resource_give_up(cmabi_store *store,
                                    uint32_t handle,
                                    cmabi_error **error);

/**
 * Sets `type` to the type of the resource that a handle of the host's refers to. Borrowed from the
 * store. `CMABI_STATUS_INVALID_ARGUMENT` for what is no handle to a resource.
 * @since 0.2
 */
cmabi_status cmabi_resource_type_of(cmabi_store *store,
                                    uint32_t handle,
                                    const cmabi_resource_type **type,
                                    cmabi_error **error);

/**
 * Sets `owned` to whether a handle of the host's owns its resource; otherwise it was borrowed for a
 * call that the host serves. `CMABI_STATUS_INVALID_ARGUMENT` for what is no handle to a resource.
 * @since 0.1
 */
cmabi_status cmabi_resource_is_owned(cmabi_store *store,
                                     uint32_t handle,
                                     bool *owned,
                                     cmabi_error **error);

/* Task: the host's side of a call that it serves ------------------------------------------------- */

/**
 * A call that the host serves (Tasks in CanonicalABI.md).
 *
 * It is borrowed while the host function runs. With the answer `CMABI_STATUS_PENDING` it becomes the
 * host's: to be answered once, by `cmabi_task_return` or `cmabi_task_cancel`, and to be freed. It may
 * outlive its store; then it can only be freed.
 * @since 0.1
 */
typedef struct cmabi_task cmabi_task;

/**
 * Told that the caller of a pending task wants it cancelled. It may answer the task at once, by
 * `cmabi_task_cancel` or `cmabi_task_return`, and free it; or later, as it likes.
 * @since 0.1
 */
typedef void (*cmabi_on_cancel)(void *data, cmabi_task *task);

/**
 * Frees a task that was answered. One that was not makes its caller trap, with the message of
 * `cmabi_task_set_error` or else one that says so. NULL is fine.
 * @since 0.1
 */
void cmabi_task_free(cmabi_task *task);

/**
 * Answers a pending task with the result at `results` (NULL without a result), which is read at once.
 * The caller goes on when the store runs next (`cmabi_store_run`).
 *
 * It may also be called before the host function has answered `CMABI_STATUS_PENDING`, and after the
 * caller has asked for cancellation.
 *
 * `CMABI_STATUS_INVALID_ARGUMENT`, and nothing happens, where the task was answered before, `results` is
 * NULL, or a handle that was borrowed for the call was not dropped. `CMABI_STATUS_TRAP` where the value is
 * not of the type or the caller cannot take it: the caller traps and the task is over.
 * @since 0.1
 */
cmabi_status cmabi_task_return(cmabi_task *task,
                               const void *results,
                               cmabi_error **error);

/**
 * Answers a pending task, whose caller has asked for its cancellation, without a result.
 *
 * `CMABI_STATUS_INVALID_ARGUMENT`, and nothing happens, where the caller has not asked, the task was
 * answered before, or a handle that was borrowed for the call was not dropped.
 * @since 0.2
 */
cmabi_status cmabi_task_cancel(cmabi_task *task,
                               cmabi_error **error);

/**
 * Whether the caller has asked for the task's cancellation. False for NULL, and for a task that was
 * answered.
 * @since 0.1
 */
bool cmabi_task_cancel_requested(const cmabi_task *task);

/**
 * Sets whom to tell when the caller wants the task cancelled: once, from within the caller's request.
 * A NULL `on_cancel` takes it back. `drop`, which may be NULL, is called with `data` when the task is over,
 * after `on_cancel` has been called, or when another is set.
 *
 * `CMABI_STATUS_INVALID_ARGUMENT` where the task was answered before. Where the caller has asked already,
 * nobody is told: look at `cmabi_task_cancel_requested` first.
 * @since 0.1
 */
cmabi_status cmabi_task_set_on_cancel(cmabi_task *task,
                                      cmabi_on_cancel on_cancel,
                                      void *data,
                                      cmabi_drop drop,
                                      cmabi_error **error);

/**
 * The store that the call comes from. Borrowed; NULL for NULL, and where the store was freed.
 * @since 0.1
 */
cmabi_store *cmabi_task_store(const cmabi_task *task);

/**
 * Memory for what the result points to. It lives as long as the task. Borrowed; NULL for NULL.
 * @since 0.1
 */
cmabi_arena *cmabi_task_arena(const cmabi_task *task);

/**
 * The label of the component instance that calls (`cmabi_instance_set_label`); `host` where the host calls
 * the function through a component that exports it again. Borrowed from the task; empty for NULL, and once
 * the task was answered unless it was asked for before.
 * @since 0.2
 */
cmabi_string cmabi_task_caller_label(const cmabi_task *task);

/**
 * The full name of the component's function that calls, as `ns:pkg/iface#name`. Empty where the host calls,
 * where the function has ended, and where `cmabi_task_caller_label` is.
 * @since 0.2
 */
cmabi_string cmabi_task_caller_func(const cmabi_task *task);

/**
 * The data that the host has set for the instance that calls (`cmabi_instance_set_data`), or for the nearest
 * one around it. NULL where there is none, for NULL, and once the task was answered.
 * @since 0.2
 */
void *cmabi_task_caller_data(const cmabi_task *task);

/**
 * The type of the function that is called. Borrowed; NULL for NULL.
 * @since 0.2
 */
const cmabi_func_type *cmabi_task_type(const cmabi_task *task);

/**
 * Says why the call fails: before the function answers another status than `CMABI_STATUS_OK`, or before a
 * pending task is freed without an answer. The text is copied; the last one counts.
 * @since 0.1
 */
cmabi_status cmabi_task_set_error(cmabi_task *task,
                                  cmabi_string message,
                                  cmabi_error **error);

/* Subtask: the host's side of a call that it made ------------------------------------------------ */

/**
 * How far a call is.
 * @since 0.1
 */
enum cmabi_subtask_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The callee has not taken the arguments yet: backpressure keeps the call waiting.
     */
    CMABI_SUBTASK_STATE_STARTING,
    /**
     * The callee has taken the arguments.
     */
    CMABI_SUBTASK_STATE_STARTED,
    /**
     * The result is there.
     */
    CMABI_SUBTASK_STATE_RETURNED,
    /**
     * Cancelled; the callee has never taken the arguments.
     */
    CMABI_SUBTASK_STATE_CANCELLED_BEFORE_STARTED,
    /**
     * Cancelled; the callee has taken the arguments, and there is no result.
     */
    CMABI_SUBTASK_STATE_CANCELLED_BEFORE_RETURNED,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cmabi_subtask_state cmabi_subtask_state;
#else
typedef uint32_t cmabi_subtask_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A call that the host has made (Subtask State in CanonicalABI.md), with its result. It may outlive its
 * store; then it can only be freed.
 * @since 0.1
 */
typedef struct cmabi_subtask cmabi_subtask;

/**
 * Told that a call is over: returned, cancelled, or ended by a trap. No guest runs then. It may use the
 * store, start other calls, and free the subtask.
 * @since 0.1
 */
typedef void (*cmabi_on_resolve)(void *data, cmabi_subtask *subtask);

/**
 * Starts a call of a function, and lets it run until it is over or blocks (Embedding API of
 * CanonicalABI.md). `cmabi_store_tick` and `cmabi_store_run` let it go on. Any number of calls may be
 * under way, and end in any order.
 *
 * `args` points to the record of the arguments in the canonical layout, NULL without parameters. It, and
 * what it points to, must stay until the callee has taken the arguments, which is when the state is no
 * longer `CMABI_SUBTASK_STATE_STARTING`. Most calls are beyond that when this returns; a call waits to
 * start where its callee exerts backpressure, or is busy with another and cannot be interrupted.
 *
 * `on_resolve`, which may be NULL, is called once, with `data` and the subtask, when the call is over: before
 * this function returns if it is over by then, `*subtask` being set already; otherwise when the store
 * runs. It is not called where this function fails, or where the subtask is freed first.
 *
 * Fails like `cmabi_func_call` where the call does so at once; later failures are those of
 * `cmabi_subtask_state_of`.
 * @since 0.1
 */
cmabi_status cmabi_func_start(cmabi_store *store,
                              const cmabi_func *func,
                              const void *args,
                              cmabi_on_resolve on_resolve,
                              void *data,
                              cmabi_drop drop,
                              cmabi_subtask **subtask,
                              cmabi_error **error);

/**
 * Frees a call. One that has not started never does; one that has started goes on, and its result is
 * dropped when it comes: to stop it, cancel it first. NULL is fine.
 * @since 0.1
 */
void cmabi_subtask_free(cmabi_subtask *subtask);

/**
 * Sets `state` to how far a call is. Where a trap or a host function's failure has ended it, this fails
 * with that: `CMABI_STATUS_TRAP` or `CMABI_STATUS_HOST`, each time; `CMABI_STATUS_INVALID_ARGUMENT` where
 * the arguments turned out to be none of their types when the guest took them.
 * @since 0.2
 */
cmabi_status cmabi_subtask_state_of(const cmabi_subtask *subtask,
                                    cmabi_subtask_state *state,
                                    cmabi_error **error);

/**
 * The result of a call that has returned, in the canonical layout: it and what it points to live as long
 * as the subtask, but handles in it are the host's until it gives them away or drops them. Borrowed;
 * NULL for a function without a result, for a call that has not returned, and for NULL.
 * @since 0.1
 */
const void *cmabi_subtask_results(const cmabi_subtask *subtask);

/**
 * Asks for a call's cancellation. The callee may end at once, later, or go on and return as if not
 * asked: look at the state. A call that is waiting to start is cancelled at once; for one that is over
 * nothing happens. `CMABI_STATUS_INVALID_ARGUMENT` where it was asked before.
 * @since 0.1
 */
cmabi_status cmabi_subtask_cancel(cmabi_subtask *subtask,
                                  cmabi_error **error);

/**
 * The store that the call was made in. Borrowed; NULL for NULL, and where the store was freed.
 * @since 0.1
 */
cmabi_store *cmabi_subtask_store(const cmabi_subtask *subtask);

/* Waker and event loop --------------------------------------------------------------------------- */

/**
 * Makes the event loop that drives a store come around, from any thread.
 *
 * The only part of a store that other threads may use, at any time and at once. It may outlive its
 * store; then waking it has no effect on anything but its descriptor.
 * @since 0.1
 */
typedef struct cmabi_waker cmabi_waker;

/**
 * Makes `waker` a hold on the waker of a store, of which there is one for each store.
 * `CMABI_STATUS_LIMIT` where the system has no descriptor for it.
 * @since 0.1
 */
cmabi_status cmabi_store_waker(cmabi_store *store, cmabi_waker **waker, cmabi_error **error);

/**
 * Wakes: the descriptor becomes readable. Waking again before it is cleared does nothing more. What was
 * done before is seen by the thread that clears it. From any thread, also in a signal handler; NULL is
 * fine.
 * @since 0.1
 */
void cmabi_waker_wake(const cmabi_waker *waker);

/**
 * Takes back that it was woken, and says whether it was. Call it before looking at what other threads
 * have left to be done: then nothing is missed. False for NULL.
 * @since 0.1
 */
bool cmabi_waker_clear(const cmabi_waker *waker);

/**
 * A file descriptor for `poll`, `epoll` and event loops: readable while woken. To be waited for and
 * nothing else; it is closed when the store and every hold on the waker are gone. -1 for NULL, and on
 * systems other than Linux, where one asks `cmabi_waker_clear` from time to time.
 * @since 0.1
 */
int cmabi_waker_fd(const cmabi_waker *waker);

/**
 * Makes one's own hold on a waker: the same address, to be freed. From any thread. NULL for NULL.
 * @since 0.1
 */
cmabi_waker *cmabi_waker_clone(const cmabi_waker *waker);

/**
 * Gives up a hold on a waker. From any thread. NULL is fine.
 * @since 0.1
 */
void cmabi_waker_free(cmabi_waker *waker);

/* Interrupter ------------------------------------------------------------------------------------ */

/**
 * For `cmabi_store_set_deadline`: there is time without end.
 * @since 0.2
 */
#define CMABI_NO_DEADLINE UINT64_MAX

/**
 * Stops what runs in a store, from any thread, at any time; it may outlive the store.
 * @since 0.2
 */
typedef struct cmabi_interrupter cmabi_interrupter;

/**
 * Makes an interrupter of a store, to be freed with `cmabi_interrupter_free`. All interrupters of a store
 * do the same. `CMABI_STATUS_INVALID_ARGUMENT` for a store that was not made for it: see
 * `cmabi_config_set_interruptible`.
 * @since 0.2
 */
cmabi_status cmabi_store_interrupter(cmabi_store *store,
                                     cmabi_interrupter **interrupter,
                                     cmabi_error **error);

/**
 * Stops what runs in the store now: the guest traps, and the call that ran it fails with
 * `CMABI_STATUS_INTERRUPTED`; so does a call that sleeps until something outside happens. As after any
 * trap, the instances whose calls are ended cannot be called again; others go on, and other calls of the
 * store with them. Where nothing runs, nothing happens.
 *
 * It takes some milliseconds at the most, unless the engine is in the middle of a long instruction such
 * as `memory.fill`, or a function of the host runs: that is not stopped, but the guest that called it is
 * when it returns. Any thread may call this at any time, also after the store is freed, and so may a
 * handler of signals: it takes no lock and no memory. NULL is fine.
 * @since 0.2
 */
void cmabi_interrupter_interrupt(const cmabi_interrupter *interrupter);

/**
 * Frees an interrupter; what it was asked for still happens. NULL is fine.
 * @since 0.2
 */
void cmabi_interrupter_free(cmabi_interrupter *interrupter);

/**
 * Gives what runs in a store so many nanoseconds from now; then it is stopped as by
 * `cmabi_interrupter_interrupt`, and so is whatever runs later, until this is called again. It takes the
 * place of a deadline that was set before; `CMABI_NO_DEADLINE` only takes that away.
 *
 * One thread of the library keeps the deadlines of all stores. `CMABI_STATUS_INVALID_ARGUMENT` for a
 * store that was not made for it: see `cmabi_config_set_interruptible`. `CMABI_STATUS_LIMIT` where the
 * thread cannot be started.
 * @since 0.2
 */
cmabi_status cmabi_store_set_deadline(cmabi_store *store,
                                      uint64_t nanoseconds,
                                      cmabi_error **error);

/* Stream: the host's ends ------------------------------------------------------------------------ */

/**
 * How a read or write ended (`CopyResult` in CanonicalABI.md).
 * @since 0.1
 */
enum cmabi_copy_result
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Elements were copied, fewer than there was room for or as many; or the copy was of none.
     */
    CMABI_COPY_RESULT_COMPLETED,
    /**
     * The other end is gone, after so many elements: the end of the stream.
     */
    CMABI_COPY_RESULT_DROPPED,
    /**
     * The copy was cancelled, after so many elements.
     */
    CMABI_COPY_RESULT_CANCELLED,
    /**
     * It goes on: the end is in use until the completion is called, until the end's set has an event,
     * or until the copy is cancelled.
     */
    CMABI_COPY_RESULT_BLOCKED,
    /**
     * The other end is gone, after so many elements, because its instance was ended, by a trap, a limit, the host or itself: this is
     * no end of a stream, and elements may be missing. The next read or write fails with the reason.
     * @since 0.2
     */
    CMABI_COPY_RESULT_FAILED,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cmabi_copy_result cmabi_copy_result;
#else
typedef uint32_t cmabi_copy_result;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What the other end of a stream does.
 * @since 0.1
 */
enum cmabi_stream_signal
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It waits with a buffer: the guest has begun to read or to write. Or streams were forwarded, so
     * that the other end is the host's as well: that may write only where this one reads.
     */
    CMABI_STREAM_SIGNAL_WAITS,
    /**
     * It wants back the buffer that it waits with: the guest has cancelled.
     */
    CMABI_STREAM_SIGNAL_CANCELS,
    /**
     * It is gone. Nothing else will be told.
     */
    CMABI_STREAM_SIGNAL_DROPPED,
    /**
     * It is gone, because its instance was ended; a read or write fails with the reason. Nothing else will be
     * told.
     * @since 0.2
     */
    CMABI_STREAM_SIGNAL_FAILED,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cmabi_stream_signal cmabi_stream_signal;
#else
typedef uint32_t cmabi_stream_signal;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Told that a read or write that took longer is over: `end` can be used again, and the buffer is the
 * host's again. Called while no guest runs, by the function of the library that let guests run. It may
 * use the store, also to go on reading or writing.
 * @since 0.2
 */
typedef void (*cmabi_on_copy)(void *data,
                              cmabi_store *store,
                              uint32_t end,
                              cmabi_copy_result result,
                              uint32_t count);

/**
 * What became of a read or write.
 * @since 0.1
 */
typedef struct cmabi_copied {
    /**
     * How it ended.
     */
    cmabi_copy_result result;
    /**
     * How many elements were copied; 0 where it goes on.
     */
    uint32_t count;
} cmabi_copied;

/**
 * Reads elements where the writer has them: `count` of them at `elements`. Answers how many it has taken,
 * from the first on.
 *
 * The elements are there until it returns. It cannot use the store.
 * @since 0.1
 */
typedef uint32_t (*cmabi_read_in_place)(void *data, const void *elements, uint32_t count);

/**
 * Writes elements where the reader wants them: room for `count` of them at `elements`. Answers how many it
 * has written, from the first on.
 *
 * The room is there until it returns. It cannot use the store.
 * @since 0.1
 */
typedef uint32_t (*cmabi_write_in_place)(void *data, void *elements, uint32_t count);

/**
 * Told what the other end of `end` does. It may use the store: read, write and drop `end` above all.
 *
 * `CMABI_STREAM_SIGNAL_WAITS` and `_CANCELS` are told inside the guest's call, which sees what the callback
 * does as its result: a host that writes and drops here gives the guest its last elements and the end of
 * the stream in one. `_DROPPED` and `_FAILED` are told while no guest runs.
 *
 * The answer counts for `_CANCELS` only: `CMABI_STATUS_PENDING` keeps the guest waiting for its buffer
 * until `cmabi_stream_release`, with any other the guest gets it back.
 * @since 0.2
 */
typedef cmabi_status (*cmabi_on_stream_signal)(void *data,
                                               cmabi_store *store,
                                               uint32_t end,
                                               cmabi_stream_signal signal);

/**
 * Makes a stream of `element`, which is NULL for a stream without payload. `*readable` and `*writable`
 * are handles of the host's table to its two ends, until they are given away or dropped.
 *
 * A readable end is given away by passing it as a `stream<element>` in arguments, results or the
 * elements of another stream; the handle is stale then. Ends that arrive in values are handles of the
 * same table. `CMABI_STATUS_INVALID` for what a stream cannot carry, such as borrowed handles;
 * `CMABI_STATUS_LIMIT` where the table is full.
 * @since 0.1
 */
cmabi_status cmabi_stream_new(cmabi_store *store,
                              const cmabi_type *element,
                              uint32_t *readable,
                              uint32_t *writable,
                              cmabi_error **error);

/**
 * Checks that `end` is an end of a stream of `element`, which is NULL for none: once, when an end has
 * arrived and before buffers of a C type are used with it. `CMABI_STATUS_TYPE_MISMATCH` where it is one
 * of another type.
 * @since 0.1
 */
cmabi_status cmabi_stream_check(cmabi_store *store,
                                uint32_t end,
                                const cmabi_type *element,
                                cmabi_error **error);

/**
 * Reads up to `count` elements, at most 2^28 - 1, from the readable end `end` to `elements`
 * (`stream.read` in CanonicalABI.md). What they point to goes to `arena`, which may be NULL for elements
 * without strings, lists and maps in them.
 *
 * Where the writer waits with its elements, they are copied at once; `*copied` says how many there were.
 * Else `copied->result` is `CMABI_COPY_RESULT_BLOCKED`: until the copy is over, `elements` must stay as it
 * is, and `end` cannot be read, dropped or given away. That it is over is told by `completion`, or,
 * where that is NULL, by the set that the end was put into, or by `cmabi_stream_poll`.
 *
 * With a `count` of 0, which is over when the writer waits, a host learns when there is something to read.
 *
 * `drop` is called when `completion` will not be called any more, at once where the copy is over at once.
 * Once the writer was found to be gone, every further read says `CMABI_COPY_RESULT_DROPPED` and 0.
 *
 * Where the writer's instance was ended, what was in progress is over with `CMABI_COPY_RESULT_FAILED`, and what is
 * begun fails with what ended it: `CMABI_STATUS_TRAP`, `_LIMIT`, `_INTERRUPTED` and so on, and the error with its
 * frames.
 *
 * `CMABI_STATUS_INVALID_ARGUMENT` for a stale handle, for another kind of handle, and while a copy is in
 * progress. `CMABI_STATUS_TRAP` also where a guest wrote what is not of its type; that ends the guest.
 * @since 0.1
 */
cmabi_status cmabi_stream_read(cmabi_store *store,
                               uint32_t end,
                               void *elements,
                               uint32_t count,
                               cmabi_arena *arena,
                               cmabi_on_copy completion,
                               void *data,
                               cmabi_drop drop,
                               cmabi_copied *copied,
                               cmabi_error **error);

/**
 * Writes up to `count` elements, at most 2^28 - 1, at `elements` to the writable end `end`
 * (`stream.write` in CanonicalABI.md). All as for `cmabi_stream_read`; while the copy goes on, what the
 * elements point to must stay as well.
 *
 * Handles in the elements that were copied have been given away. Elements that are none of their type, such
 * as a string that is not UTF-8, are `CMABI_STATUS_INVALID_ARGUMENT` where the reader waits; a guest that
 * comes later to read them traps. Handles are looked at in any case, before any is given away.
 * @since 0.1
 */
cmabi_status cmabi_stream_write(cmabi_store *store,
                                uint32_t end,
                                const void *elements,
                                uint32_t count,
                                cmabi_on_copy completion,
                                void *data,
                                cmabi_drop drop,
                                cmabi_copied *copied,
                                cmabi_error **error);

/**
 * Looks whether the copy in progress at `end` is over: `CMABI_COPY_RESULT_BLOCKED` where it is not, or
 * where there is none. Once it is over and this has said so, its completion is not called.
 * @since 0.1
 */
cmabi_status cmabi_stream_poll(cmabi_store *store,
                               uint32_t end,
                               cmabi_copied *copied,
                               cmabi_error **error);

/**
 * Ends the copy that is in progress at `end`, and says what it came to (`stream.cancel-read`,
 * `stream.cancel-write`). Its completion is not called. `CMABI_STATUS_INVALID_ARGUMENT` where there is
 * none.
 * @since 0.1
 */
cmabi_status cmabi_stream_cancel(cmabi_store *store,
                                 uint32_t end,
                                 cmabi_copied *copied,
                                 cmabi_error **error);

/**
 * Forwards one stream to another (`stream.forward`): what is written to the other end of `readable` is read
 * from the other end of `writable` from now on, without passing the host. Both handles are gone then. Where
 * one of the two others is gone already, it is as if both were dropped here.
 *
 * `CMABI_STATUS_INVALID_ARGUMENT`, and the handles stay, where one of them is not such an end of a stream of the
 * same type, copies, is in a set, or is done. What the writer waits with may be copied now; where that fails, the
 * handles are gone.
 * @since 0.2
 */
cmabi_status cmabi_stream_forward(cmabi_store *store,
                                  uint32_t readable,
                                  uint32_t writable,
                                  cmabi_error **error);

/**
 * Drops an end of a stream (`stream.drop-readable`, `stream.drop-writable`); for the reader, a writer that
 * is gone is the end of the stream. `CMABI_STATUS_INVALID_ARGUMENT` while a copy is in progress: cancel it
 * first.
 * @since 0.1
 */
cmabi_status cmabi_stream_drop(cmabi_store *store,
                               uint32_t end,
                               cmabi_error **error);

/**
 * Reads without a copy: where the writer waits with its elements, `visit` gets them where they are, in the
 * guest's memory. `*copied` says how many it has taken. Nothing goes on afterwards:
 * `CMABI_COPY_RESULT_BLOCKED` means that the writer does not wait now. `cmabi_stream_watch`, or a read of 0
 * elements, tells when it does.
 *
 * For elements of which every bit means something, and the same everywhere: numbers, flags without unused
 * bits, and records, tuples and fixed-length lists of them without padding; others are
 * `CMABI_STATUS_INVALID_ARGUMENT`. `elements` is NULL for a stream without payload.
 * @since 0.1
 */
cmabi_status cmabi_stream_read_in_place(cmabi_store *store,
                                        uint32_t end,
                                        cmabi_read_in_place visit,
                                        void *data,
                                        cmabi_copied *copied,
                                        cmabi_error **error);

/**
 * Writes without a copy: where the reader waits, `visit` gets the place where it wants the elements, in
 * the guest's memory. All as for `cmabi_stream_read_in_place`.
 * @since 0.1
 */
cmabi_status cmabi_stream_write_in_place(cmabi_store *store,
                                         uint32_t end,
                                         cmabi_write_in_place visit,
                                         void *data,
                                         cmabi_copied *copied,
                                         cmabi_error **error);

/**
 * Has `watcher` told what the other end of `end` does, from now on until `end` is given away or dropped;
 * at once where the other end waits already. It replaces the one before; NULL for none.
 *
 * This is how a host makes or takes elements only when they are wanted.
 * @since 0.1
 */
cmabi_status cmabi_stream_watch(cmabi_store *store,
                                uint32_t end,
                                cmabi_on_stream_signal watcher,
                                void *data,
                                cmabi_drop drop,
                                cmabi_error **error);

/**
 * Gives the other end of `end` the buffer back that a watcher's answer to `CMABI_STREAM_SIGNAL_CANCELS`
 * has kept. Nothing happens where it has it already.
 * @since 0.1
 */
cmabi_status cmabi_stream_release(cmabi_store *store,
                                  uint32_t end,
                                  cmabi_error **error);

/* Future: the host's ends ------------------------------------------------------------------------ */

/**
 * Makes a future of `element`, which is NULL for a future without payload. `*readable` and `*writable` are
 * handles of the host's table to its two ends. All as for `cmabi_stream_new`.
 * @since 0.1
 */
cmabi_status cmabi_future_new(cmabi_store *store,
                              const cmabi_type *element,
                              uint32_t *readable,
                              uint32_t *writable,
                              cmabi_error **error);

/**
 * Checks that `end` is an end of a future of `element`, which is NULL for none. As
 * `cmabi_stream_check`.
 * @since 0.1
 */
cmabi_status cmabi_future_check(cmabi_store *store,
                                uint32_t end,
                                const cmabi_type *element,
                                cmabi_error **error);

/**
 * Reads the value of a future to `element` (`future.read` in CanonicalABI.md). What it points to goes to
 * `arena`. All as for `cmabi_stream_read` with a `count` of 1.
 *
 * `copied->result` is `CMABI_COPY_RESULT_COMPLETED` with the value, `_BLOCKED` where it is not there yet,
 * and `_FAILED` where there will be none: because the writer's instance was ended, or the host has abandoned the
 * writable end. A read that is begun then fails with the reason. A future is read once.
 * @since 0.1
 */
cmabi_status cmabi_future_read(cmabi_store *store,
                               uint32_t end,
                               void *element,
                               cmabi_arena *arena,
                               cmabi_on_copy completion,
                               void *data,
                               cmabi_drop drop,
                               cmabi_copied *copied,
                               cmabi_error **error);

/**
 * Writes the value of a future from `element` (`future.write` in CanonicalABI.md). All as for
 * `cmabi_stream_write` with a `count` of 1.
 *
 * The copy is over when the value was read: `CMABI_COPY_RESULT_COMPLETED`; or when the reader is gone:
 * `_DROPPED`, or `_FAILED` where its instance was ended. A future is written once.
 * @since 0.1
 */
cmabi_status cmabi_future_write(cmabi_store *store,
                                uint32_t end,
                                const void *element,
                                cmabi_on_copy completion,
                                void *data,
                                cmabi_drop drop,
                                cmabi_copied *copied,
                                cmabi_error **error);

/**
 * Looks whether the copy in progress at `end` is over. As `cmabi_stream_poll`.
 * @since 0.1
 */
cmabi_status cmabi_future_poll(cmabi_store *store,
                               uint32_t end,
                               cmabi_copied *copied,
                               cmabi_error **error);

/**
 * Ends the copy that is in progress at `end`, and says what it came to (`future.cancel-read`,
 * `future.cancel-write`). As `cmabi_stream_cancel`. A copy that was cancelled can be begun again.
 * @since 0.1
 */
cmabi_status cmabi_future_cancel(cmabi_store *store,
                                 uint32_t end,
                                 cmabi_copied *copied,
                                 cmabi_error **error);

/**
 * Forwards one future to another (`future.forward`): the value that is written to the other end of `readable` is
 * read from the other end of `writable`. As `cmabi_stream_forward`.
 * @since 0.2
 */
cmabi_status cmabi_future_forward(cmabi_store *store,
                                  uint32_t readable,
                                  uint32_t writable,
                                  cmabi_error **error);

/**
 * Drops an end of a future (`future.drop-readable`, `future.drop-writable`).
 * `CMABI_STATUS_INVALID_ARGUMENT` while a copy is in progress, and for a writable end before its value was
 * read or its reader is gone: whoever promised a value has to give it.
 * @since 0.1
 */
cmabi_status cmabi_future_drop(cmabi_store *store,
                               uint32_t end,
                               cmabi_error **error);

/**
 * Lets go of the writable end of a future though its value was not written. A guest that reads it waits for ever
 * then, a read of the host's fails; nothing is left in the store once the reader is gone.
 *
 * `CMABI_STATUS_INVALID_ARGUMENT` while the value is being written, and for what is no such end.
 * @since 0.2
 */
cmabi_status cmabi_future_abandon(cmabi_store *store,
                                  uint32_t end,
                                  cmabi_error **error);

/* Error context ---------------------------------------------------------------------------------- */

/**
 * Decides which debug message an error context gets that a guest makes with `message`: to shorten it, to
 * add to it, to leave out what others should not see. What the answer points to is `message` itself, in
 * `arena`, or anything that stays until the callback has returned and its text was copied. A guest whose
 * message becomes something that is not UTF-8 traps.
 * @since 0.2
 */
typedef cmabi_string (*cmabi_on_error_context)(void *data,
                                               cmabi_store *store,
                                               cmabi_string message,
                                               cmabi_arena *arena);

/**
 * Makes `*context` a handle of the host's to a new error context with this debug message, to be passed as
 * an `error-context` in values. Passing it shares it: the handle stays the host's to drop.
 * @since 0.1
 */
cmabi_status cmabi_error_context_new(cmabi_store *store,
                                     cmabi_string message,
                                     uint32_t *context,
                                     cmabi_error **error);

/**
 * The debug message of an error context. Borrowed; it stays as long as the handle.
 *
 * `context` is a handle of the host's: one that it made, or one that arrived in a value.
 * @since 0.1
 */
cmabi_status cmabi_error_context_debug_message(cmabi_store *store,
                                               uint32_t context,
                                               cmabi_string *message,
                                               cmabi_error **error);

/**
 * Drops a handle of the host's to an error context.
 * @since 0.1
 */
cmabi_status cmabi_error_context_drop(cmabi_store *store, uint32_t context, cmabi_error **error);

/**
 * Sets what decides on the debug messages of error contexts that guests of the store make
 * (`host_defined_transformation` in CanonicalABI.md). It replaces the one before; NULL, as at first, keeps
 * messages as they are. In the deterministic profile messages are empty and it is not called.
 * @since 0.2
 */
cmabi_status cmabi_store_set_on_error_context(cmabi_store *store,
                                              cmabi_on_error_context hook,
                                              void *data,
                                              cmabi_drop drop,
                                              cmabi_error **error);

/* Waitable set: the host's ends, waited for together --------------------------------------------- */

/**
 * What a waitable has to tell (`EventCode` in CanonicalABI.md).
 * @since 0.1
 */
enum cmabi_event_code
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing.
     */
    CMABI_EVENT_CODE_NONE,
    /**
     * A call has started or is over. Only for guests: the host's own calls are told of otherwise.
     */
    CMABI_EVENT_CODE_SUBTASK,
    /**
     * A read of a stream is over.
     */
    CMABI_EVENT_CODE_STREAM_READ,
    /**
     * A write to a stream is over.
     */
    CMABI_EVENT_CODE_STREAM_WRITE,
    /**
     * A read of a future is over.
     */
    CMABI_EVENT_CODE_FUTURE_READ,
    /**
     * A write to a future is over.
     */
    CMABI_EVENT_CODE_FUTURE_WRITE,
    /**
     * The task that waits should cancel itself. Only for guests.
     */
    CMABI_EVENT_CODE_TASK_CANCELLED,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cmabi_event_code cmabi_event_code;
#else
typedef uint32_t cmabi_event_code;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * An event of a set of the host's.
 * @since 0.1
 */
typedef struct cmabi_event {
    /**
     * What happened; `CMABI_EVENT_CODE_NONE` where nothing has.
     */
    cmabi_event_code code;
    /**
     * The end at which the copy is over.
     */
    uint32_t end;
    /**
     * How it ended.
     */
    cmabi_copy_result result;
    /**
     * How many elements were copied.
     */
    uint32_t count;
} cmabi_event;

/**
 * Makes `*set` a handle to a new, empty set of the host's (`waitable-set.new` in CanonicalABI.md).
 * @since 0.1
 */
cmabi_status cmabi_waitable_set_new(cmabi_store *store, uint32_t *set, cmabi_error **error);

/**
 * Puts `end`, an end of a stream or future of the host's, into `set`, out of the one it was in; with 0 it is
 * in none (`waitable.join`). An end in a set cannot be given away.
 *
 * The set has an event when a copy at the end is over that was begun without a completion.
 * @since 0.1
 */
cmabi_status cmabi_waitable_join(cmabi_store *store,
                                 uint32_t end,
                                 uint32_t set,
                                 cmabi_error **error);

/**
 * Takes an event of `set` where it has one (`waitable-set.poll`). Runs nothing.
 * @since 0.1
 */
cmabi_status cmabi_waitable_set_poll(cmabi_store *store,
                                     uint32_t set,
                                     cmabi_event *event,
                                     cmabi_error **error);

/**
 * Runs the store until `set` has an event, and takes it (`waitable-set.wait`).
 *
 * `CMABI_STATUS_WOULD_BLOCK` where nothing can run before the host does something else;
 * `CMABI_STATUS_TRAP` where a guest trapped on the way; `CMABI_STATUS_BUSY` while a guest runs, as inside a
 * host function.
 * @since 0.1
 */
cmabi_status cmabi_waitable_set_wait(cmabi_store *store,
                                     uint32_t set,
                                     cmabi_event *event,
                                     cmabi_error **error);

/**
 * Drops a set (`waitable-set.drop`). `CMABI_STATUS_INVALID_ARGUMENT` while something is in it.
 * @since 0.1
 */
cmabi_status cmabi_waitable_set_drop(cmabi_store *store, uint32_t set, cmabi_error **error);

/* WASI: what a host grants to programs ----------------------------------------------------------- */

/**
 * One of the standard streams.
 * @since 0.2
 */
enum cmabi_wasi_stdio
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Standard input.
     */
    CMABI_WASI_STDIO_STDIN,
    /**
     * Standard output.
     */
    CMABI_WASI_STDIO_STDOUT,
    /**
     * Standard error.
     */
    CMABI_WASI_STDIO_STDERR,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cmabi_wasi_stdio cmabi_wasi_stdio;
#else
typedef uint32_t cmabi_wasi_stdio;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What components may do in a folder and below it.
 * @since 0.2
 */
enum cmabi_wasi_rights
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Read.
     */
    CMABI_WASI_RIGHTS_READ_ONLY,
    /**
     * Read, write, make, remove and rename.
     */
    CMABI_WASI_RIGHTS_READ_WRITE,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cmabi_wasi_rights cmabi_wasi_rights;
#else
typedef uint32_t cmabi_wasi_rights;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a component wants to do with an address.
 * @since 0.2
 */
enum cmabi_wasi_network_use
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Bind a TCP socket to it: to listen there, or to connect from there.
     */
    CMABI_WASI_NETWORK_USE_TCP_BIND,
    /**
     * Connect to it.
     */
    CMABI_WASI_NETWORK_USE_TCP_CONNECT,
    /**
     * Bind a UDP socket to it.
     */
    CMABI_WASI_NETWORK_USE_UDP_BIND,
    /**
     * Have a UDP socket exchange datagrams with it only.
     */
    CMABI_WASI_NETWORK_USE_UDP_CONNECT,
    /**
     * Send a datagram to it.
     */
    CMABI_WASI_NETWORK_USE_UDP_SEND,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cmabi_wasi_network_use cmabi_wasi_network_use;
#else
typedef uint32_t cmabi_wasi_network_use;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What components may use of the system by way of WASI 0.2 and 0.3 (<https://github.com/WebAssembly/WASI>), the
 * same by both.
 *
 * A new one grants nothing: no arguments, no environment, closed standard streams, no folder, no network; but
 * the system's clocks and random numbers. `cmabi_linker_wasi` takes a copy; changing or freeing the config
 * later does not touch that. What a config names is looked up when it is set, and an error says what is wrong
 * with it. May be changed by one thread at a time.
 * @since 0.2
 */
typedef struct cmabi_wasi_config cmabi_wasi_config;

/**
 * Reads for a component: puts up to `buffer_len` bytes into `buffer` and their number into `filled`, which is 0
 * before. With `CMABI_STATUS_OK` and no bytes the stream has ended. `CMABI_STATUS_PENDING` where there are no bytes
 * yet: it is called again whenever the store is run and nothing else is ready, so run the store
 * when there are some. Any other status is an I/O error of the stream. It may not use the store, and `buffer` may be
 * memory of the component's, which is there until the callback returns. Where a component only asks whether there
 * is anything, what the callback says then is kept for the component's next read.
 * @since 0.2
 */
typedef cmabi_status (*cmabi_wasi_read)(void *data,
                                        uint8_t *buffer,
                                        size_t buffer_len,
                                        size_t *filled);

/**
 * Takes what a component writes: up to `bytes_len` bytes at `bytes`. The number of those that it has taken goes to
 * `taken`, which is `bytes_len` before. `CMABI_STATUS_PENDING` where it can take none now: it is called again whenever the store is
 * run and nothing else is ready. Any other status is an I/O error of the stream. It may not use the store, and the
 * bytes may be in the component's memory: they are there until the callback returns.
 * @since 0.2
 */
typedef cmabi_status (*cmabi_wasi_write)(void *data,
                                         const uint8_t *bytes,
                                         size_t bytes_len,
                                         size_t *taken);

/**
 * An address of the network.
 * @since 0.2
 */
typedef struct cmabi_wasi_address {
    /**
     * Whether `ip` is an IPv6 address, of 16 bytes; otherwise it is an IPv4 address, of 4.
     */
    bool is_ipv6;
    /**
     * The bytes of the IP address, the first one first.
     */
    uint8_t ip[16];
    /**
     * The port; 0 where any will do.
     */
    uint16_t port;
} cmabi_wasi_address;

/**
 * Says whether a component may use an address so. It may not use the store.
 * @since 0.2
 */
typedef bool (*cmabi_wasi_network_check)(void *data,
                                         const cmabi_wasi_address *address,
                                         cmabi_wasi_network_use use);

/**
 * Makes a config that grants nothing.
 * @since 0.2
 */
cmabi_status cmabi_wasi_config_new(cmabi_wasi_config **config, cmabi_error **error);

/**
 * Frees a config. NULL is fine.
 * @since 0.2
 */
void cmabi_wasi_config_free(cmabi_wasi_config *config);

/**
 * Adds an argument of the program. The first one is its name.
 * @since 0.2
 */
cmabi_status cmabi_wasi_config_add_arg(cmabi_wasi_config *config,
                                       cmabi_string arg,
                                       cmabi_error **error);

/**
 * Adds the arguments of this process, its name first.
 * @since 0.2
 */
cmabi_status cmabi_wasi_config_inherit_args(cmabi_wasi_config *config, cmabi_error **error);

/**
 * Sets a variable of the environment. `CMABI_STATUS_INVALID_ARGUMENT` for a name that is empty or has a `=` in it.
 * @since 0.2
 */
cmabi_status cmabi_wasi_config_set_env(cmabi_wasi_config *config,
                                       cmabi_string name,
                                       cmabi_string value,
                                       cmabi_error **error);

/**
 * Sets the variables of this process's environment, but those that are not UTF-8.
 * @since 0.2
 */
cmabi_status cmabi_wasi_config_inherit_env(cmabi_wasi_config *config, cmabi_error **error);

/**
 * Makes a standard stream that of this process.
 * @since 0.2
 */
cmabi_status cmabi_wasi_config_inherit_stdio(cmabi_wasi_config *config,
                                             cmabi_wasi_stdio stream,
                                             cmabi_error **error);

/**
 * Has a standard stream read or write the file at `path` of the host's. Each store begins to read at the
 * beginning; a file that is written to is emptied, or made, now, and all stores write to its end.
 *
 * `CMABI_STATUS_NOT_FOUND` or `CMABI_STATUS_INVALID_ARGUMENT` for a file that cannot be opened.
 * @since 0.2
 */
cmabi_status cmabi_wasi_config_set_stdio_file(cmabi_wasi_config *config,
                                              cmabi_wasi_stdio stream,
                                              cmabi_string path,
                                              cmabi_error **error);

/**
 * Makes standard input the `bytes_len` bytes at `bytes`, which are copied. Each store begins with the first.
 * @since 0.2
 */
cmabi_status cmabi_wasi_config_set_stdin_bytes(cmabi_wasi_config *config,
                                               const uint8_t *bytes,
                                               size_t bytes_len,
                                               cmabi_error **error);

/**
 * Has standard input read by a callback. `drop`, which may be NULL, is called with `data` once the config, the
 * linkers that have a copy of it, and the stores that those have instantiated in are gone. With stores on several
 * threads, `read` is called on all of them.
 * @since 0.2
 */
cmabi_status cmabi_wasi_config_set_stdin(cmabi_wasi_config *config,
                                         cmabi_wasi_read read,
                                         void *data,
                                         cmabi_drop drop,
                                         cmabi_error **error);

/**
 * Has standard output or standard error go to a callback. `data` and `drop` are as for
 * `cmabi_wasi_config_set_stdin`.
 * @since 0.2
 */
cmabi_status cmabi_wasi_config_set_output(cmabi_wasi_config *config,
                                          cmabi_wasi_stdio stream,
                                          cmabi_wasi_write write,
                                          void *data,
                                          cmabi_drop drop,
                                          cmabi_error **error);

/**
 * Has the last `bytes` bytes that each component instance has written to standard error reported with the trap
 * that ends it (`cmabi_error_last_words`): the message of a panic, in most languages. They go where else
 * standard error goes as well; where it is closed, it takes them all the same. The default is 0, which keeps
 * nothing; `CMABI_STATUS_INVALID_ARGUMENT` for more than 1 MiB.
 * @since 0.2
 */
cmabi_status cmabi_wasi_config_set_last_words(cmabi_wasi_config *config,
                                              uint32_t bytes,
                                              cmabi_error **error);

/**
 * Opens the folder `host_path` for components, which find it as `guest_path`. Nothing outside of it can be reached,
 * whatever links there are in it.
 *
 * `CMABI_STATUS_NOT_FOUND` where there is no such folder; `CMABI_STATUS_INVALID_ARGUMENT` for what is none, and for a
 * second folder with the same guest path.
 * @since 0.2
 */
cmabi_status cmabi_wasi_config_add_dir(cmabi_wasi_config *config,
                                       cmabi_string host_path,
                                       cmabi_string guest_path,
                                       cmabi_wasi_rights rights,
                                       cmabi_error **error);

/**
 * Allows those uses of the network that `check` accepts. `data` and `drop` are as for `cmabi_wasi_config_set_stdin`.
 * @since 0.2
 */
cmabi_status cmabi_wasi_config_set_network(cmabi_wasi_config *config,
                                           cmabi_wasi_network_check check,
                                           void *data,
                                           cmabi_drop drop,
                                           cmabi_error **error);

/**
 * Allows all uses of the network, and to look up names.
 * @since 0.2
 */
cmabi_status cmabi_wasi_config_inherit_network(cmabi_wasi_config *config,
                                               cmabi_error **error);

/**
 * Allows, or forbids, to look up the addresses of names.
 * @since 0.2
 */
cmabi_status cmabi_wasi_config_set_name_lookup(cmabi_wasi_config *config,
                                               bool allowed,
                                               cmabi_error **error);

/**
 * Has clocks show a time that passes only while a component waits for it, and waiting take no time: for runs that
 * repeat. The wall clock begins at `nanoseconds` since 1970-01-01 00:00 UTC, the monotonic clock at 0.
 * @since 0.2
 */
cmabi_status cmabi_wasi_config_set_fixed_clocks(cmabi_wasi_config *config,
                                                uint64_t nanoseconds,
                                                cmabi_error **error);

/**
 * Draws all random numbers from a seed, the same in each store: for runs that repeat, not for secrets.
 * @since 0.2
 */
cmabi_status cmabi_wasi_config_set_random_seed(cmabi_wasi_config *config,
                                               uint64_t seed,
                                               cmabi_error **error);

/**
 * Sets how many resources (streams, pollables, files, sockets) a store may have at once. A guest that
 * makes more traps. The default is 100,000.
 * @since 0.2
 */
cmabi_status cmabi_wasi_config_set_max_resources(cmabi_wasi_config *config,
                                                 uint32_t resources,
                                                 cmabi_error **error);

/**
 * Sets how many files, directories and sockets a store may have open at once. To open more fails, with an
 * error code of WASI. The default is 1024.
 * @since 0.2
 */
cmabi_status cmabi_wasi_config_set_max_descriptors(cmabi_wasi_config *config,
                                                   uint32_t descriptors,
                                                   cmabi_error **error);

/**
 * Sets how many bytes one read or write moves at most, from 4096 on. The default is 1 MiB.
 * @since 0.2
 */
cmabi_status cmabi_wasi_config_set_max_buffer_bytes(cmabi_wasi_config *config,
                                                    uint32_t bytes,
                                                    cmabi_error **error);

/**
 * Sets how many bytes one call for random bytes gets. A guest that asks for more traps. The default is 1 MiB.
 * @since 0.2
 */
cmabi_status cmabi_wasi_config_set_max_random_bytes(cmabi_wasi_config *config,
                                                    uint32_t bytes,
                                                    cmabi_error **error);

/**
 * Sets how many pollables a guest may wait for at once. One that waits for more traps. The default is 10,000.
 * @since 0.2
 */
cmabi_status cmabi_wasi_config_set_max_poll(cmabi_wasi_config *config,
                                            uint32_t pollables,
                                            cmabi_error **error);

/**
 * Offers WASI 0.2 and 0.3 to components, all interfaces but those of `wasi:http`: a component finds them whichever
 * version of 0.2 or 0.3 it was built for, and may import both. Each store that the linker instantiates in has a state of its own, and shares
 * nothing with others. NULL for `config` grants nothing.
 *
 * A guest that waits, for time, input or a socket, does not keep the host's thread: the host can run other
 * calls, and its event loop (`cmabi_store_waker`) is woken when the guest can go on. `cmabi_func_call` sleeps until
 * then. While a function whose type is not `async` waits so, as `wasi:cli/run` of 0.2 may, its instance cannot be
 * entered by other calls. That of 0.3 is `async`, and may have more to do when it has returned: `cmabi_store_run`.
 *
 * A guest that exits ends its call with `CMABI_STATUS_EXIT`, see `cmabi_error_exit_code`.
 *
 * `CMABI_STATUS_INVALID_ARGUMENT` where the linker offers something by one of the names already.
 * @since 0.2
 */
cmabi_status cmabi_linker_wasi(cmabi_linker *linker,
                               const cmabi_wasi_config *config,
                               cmabi_error **error);

/* Types ------------------------------------------------------------------------------------------ */

/**
 * What sort of type a `cmabi_type` is.
 * @since 0.1
 */
enum cmabi_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * No type: the kind of NULL, such as the payload of a case that has none.
     */
    CMABI_KIND_NONE,
    /**
     * `bool`: `uint8_t`, 0 or 1.
     */
    CMABI_KIND_BOOL,
    /**
     * `s8`: `int8_t`.
     */
    CMABI_KIND_S8,
    /**
     * `u8`: `uint8_t`.
     */
    CMABI_KIND_U8,
    /**
     * `s16`: `int16_t`.
     */
    CMABI_KIND_S16,
    /**
     * `u16`: `uint16_t`.
     */
    CMABI_KIND_U16,
    /**
     * `s32`: `int32_t`.
     */
    CMABI_KIND_S32,
    /**
     * `u32`: `uint32_t`.
     */
    CMABI_KIND_U32,
    /**
     * `s64`: `cmabi_s64`.
     */
    CMABI_KIND_S64,
    /**
     * `u64`: `cmabi_u64`.
     */
    CMABI_KIND_U64,
    /**
     * `f32`: `float`.
     */
    CMABI_KIND_F32,
    /**
     * `f64`: `cmabi_f64`.
     */
    CMABI_KIND_F64,
    /**
     * `char`: `uint32_t`, a Unicode scalar value.
     */
    CMABI_KIND_CHAR,
    /**
     * `string`: `cmabi_string`.
     */
    CMABI_KIND_STRING,
    /**
     * `error-context`: `uint32_t`, a handle.
     */
    CMABI_KIND_ERROR_CONTEXT,
    /**
     * `list<T>`: `struct { T *ptr; size_t len; }`.
     */
    CMABI_KIND_LIST,
    /**
     * `list<T, N>`: `T[N]`.
     */
    CMABI_KIND_FIXED_LIST,
    /**
     * `map<K, V>`: a list of `struct { K key; V value; }`. A key may be there more than once.
     */
    CMABI_KIND_MAP,
    /**
     * `record`: the struct of the fields.
     */
    CMABI_KIND_RECORD,
    /**
     * `tuple`: the struct of the elements.
     */
    CMABI_KIND_TUPLE,
    /**
     * `variant`: a tag, then the union of the payloads.
     */
    CMABI_KIND_VARIANT,
    /**
     * `enum`: a tag.
     */
    CMABI_KIND_ENUM,
    /**
     * `option<T>`: `struct { uint8_t is_some; T val; }`.
     */
    CMABI_KIND_OPTION,
    /**
     * `result<T, E>`: `struct { uint8_t is_err; union { T ok; E err; } val; }`.
     */
    CMABI_KIND_RESULT,
    /**
     * `flags`: `uint8_t`, `uint16_t` or `uint32_t`; the first label is the lowest bit.
     */
    CMABI_KIND_FLAGS,
    /**
     * `own<R>`: `uint32_t`, a handle.
     */
    CMABI_KIND_OWN,
    /**
     * `borrow<R>`: `uint32_t`, a handle.
     */
    CMABI_KIND_BORROW,
    /**
     * `stream` or `stream<T>`: `uint32_t`, a handle to the readable end.
     */
    CMABI_KIND_STREAM,
    /**
     * `future` or `future<T>`: `uint32_t`, a handle to the readable end.
     */
    CMABI_KIND_FUTURE,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cmabi_kind cmabi_kind;
#else
typedef uint32_t cmabi_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The type of a function: its parameters, its result, and whether it is `async`. Equal function
 * types have the same address: compare pointers.
 *
 * Immutable, and usable from any thread. Owned and borrowed like a `cmabi_type`.
 * @since 0.1
 */
typedef struct cmabi_func_type cmabi_func_type;

/**
 * A resource type. Each one that is made is different from all others, whatever its name: compare
 * pointers.
 *
 * Immutable, and usable from any thread. Owned and borrowed like a `cmabi_type`.
 * @since 0.1
 */
typedef struct cmabi_resource_type cmabi_resource_type;

/**
 * A value type of the component model. Equal types have the same address: compare pointers.
 *
 * Immutable, and usable from any thread. Types that are returned are borrowed from what they were
 * asked of; types that are written through an out-pointer are the caller's to free, once for each
 * time that they were written, also where the address is the same.
 *
 * Functions that make a type answer `CMABI_STATUS_INVALID` for what the specification's validation
 * refuses, such as a name that is not in kebab case, a record without fields, or a size of 2^28 bytes
 * or more with 8-byte pointers, and `CMABI_STATUS_LIMIT` for a type that nests more than 100 deep or
 * has more than 1,000,000 parts when it is written out.
 * @since 0.1
 */
typedef struct cmabi_type cmabi_type;

/**
 * A name with a type: a field of a record, a case of a variant, a parameter of a function.
 * @since 0.1
 */
typedef struct cmabi_field {
    /**
     * The name, in kebab case.
     */
    cmabi_string name;
    /**
     * The type. NULL for a case without payload.
     */
    const cmabi_type *type;
} cmabi_field;

/**
 * Makes `type` a type without parts: `CMABI_KIND_BOOL` to `CMABI_KIND_ERROR_CONTEXT`. Other kinds
 * are `CMABI_STATUS_INVALID_ARGUMENT`.
 * @since 0.1
 */
cmabi_status cmabi_type_new_primitive(cmabi_kind kind,
                                      cmabi_type **type,
                                      cmabi_error **error);

/**
 * Makes `type` the type `list<element>`.
 * @since 0.1
 */
cmabi_status cmabi_type_new_list(const cmabi_type *element,
                                 cmabi_type **type,
                                 cmabi_error **error);

/**
 * Makes `type` the type `list<element, length>`: exactly `length` elements, at least one, without
 * a pointer between.
 * @since 0.1
 */
cmabi_status cmabi_type_new_fixed_list(const cmabi_type *element,
                                       uint32_t length,
                                       cmabi_type **type,
                                       cmabi_error **error);

/**
 * Makes `type` the type `map<key, value>`. A key is a bool, an integer, a char or a string.
 * @since 0.1
 */
cmabi_status cmabi_type_new_map(const cmabi_type *key,
                                const cmabi_type *value,
                                cmabi_type **type,
                                cmabi_error **error);

/**
 * Makes `type` the record of these fields. There is at least one, and the names differ in more
 * than case.
 * @since 0.1
 */
cmabi_status cmabi_type_new_record(const cmabi_field *fields,
                                   size_t fields_len,
                                   cmabi_type **type,
                                   cmabi_error **error);

/**
 * Makes `type` the tuple of these types. There is at least one.
 * @since 0.1
 */
cmabi_status cmabi_type_new_tuple(const cmabi_type *const *types,
                                  size_t types_len,
                                  cmabi_type **type,
                                  cmabi_error **error);

/**
 * Makes `type` the variant of these cases. There is at least one, and the names differ in more
 * than case. A case without payload has the type NULL.
 * @since 0.1
 */
cmabi_status cmabi_type_new_variant(const cmabi_field *cases,
                                    size_t cases_len,
                                    cmabi_type **type,
                                    cmabi_error **error);

/**
 * Makes `type` the enum of these labels. There is at least one, and they differ in more than case.
 * @since 0.1
 */
cmabi_status cmabi_type_new_enum(const cmabi_string *labels,
                                 size_t labels_len,
                                 cmabi_type **type,
                                 cmabi_error **error);

/**
 * Makes `type` the type `option<some>`.
 * @since 0.1
 */
cmabi_status cmabi_type_new_option(const cmabi_type *some,
                                   cmabi_type **type,
                                   cmabi_error **error);

/**
 * Makes `type` the type `result<ok, err>`. Either may be NULL, for no payload.
 * @since 0.1
 */
cmabi_status cmabi_type_new_result(const cmabi_type *ok,
                                   const cmabi_type *err,
                                   cmabi_type **type,
                                   cmabi_error **error);

/**
 * Makes `type` the flags with these labels. There are from 1 to 32, and they differ in more than
 * case.
 * @since 0.1
 */
cmabi_status cmabi_type_new_flags(const cmabi_string *labels,
                                  size_t labels_len,
                                  cmabi_type **type,
                                  cmabi_error **error);

/**
 * Makes `type` the type `own<resource>`.
 * @since 0.1
 */
cmabi_status cmabi_type_new_own(const cmabi_resource_type *resource,
                                cmabi_type **type,
                                cmabi_error **error);

/**
 * Makes `type` the type `borrow<resource>`.
 * @since 0.1
 */
cmabi_status cmabi_type_new_borrow(const cmabi_resource_type *resource,
                                   cmabi_type **type,
                                   cmabi_error **error);

/**
 * Makes `type` the type `stream<element>`, or `stream` where `element` is NULL. A stream does not
 * carry char, nor anything with a borrow in it.
 * @since 0.1
 */
cmabi_status cmabi_type_new_stream(const cmabi_type *element,
                                   cmabi_type **type,
                                   cmabi_error **error);

/**
 * Makes `type` the type `future<element>`, or `future` where `element` is NULL. A future does not
 * carry anything with a borrow in it.
 * @since 0.1
 */
cmabi_status cmabi_type_new_future(const cmabi_type *element,
                                   cmabi_type **type,
                                   cmabi_error **error);

/**
 * Makes one's own hold on a type, so that it outlives what it was borrowed from: the same address,
 * to be freed with `cmabi_type_free`. NULL for NULL.
 * @since 0.1
 */
cmabi_type *cmabi_type_clone(const cmabi_type *type);

/**
 * Gives up a hold on a type. Types that are made of it, and other holds, keep it. NULL is fine.
 * @since 0.1
 */
void cmabi_type_free(cmabi_type *type);

/**
 * Makes `resource` a new resource type. `name` is for texts and messages, and may be anything.
 * @since 0.1
 */
cmabi_status cmabi_resource_type_new(cmabi_string name,
                                     cmabi_resource_type **resource,
                                     cmabi_error **error);

/**
 * The name that the resource type was made with. Borrowed from it; empty for NULL.
 * @since 0.1
 */
cmabi_string cmabi_resource_type_name(const cmabi_resource_type *resource);

/**
 * Makes one's own hold on a resource type: the same address, to be freed. NULL for NULL.
 * @since 0.1
 */
cmabi_resource_type *cmabi_resource_type_clone(const cmabi_resource_type *resource);

/**
 * Gives up a hold on a resource type. Types that are made of it keep it. NULL is fine.
 * @since 0.1
 */
void cmabi_resource_type_free(cmabi_resource_type *resource);

/* Function types --------------------------------------------------------------------------------- */

/**
 * Makes `type` a function type. The names of the parameters are in kebab case and differ in more
 * than case. `result` is NULL for a function without a result; it cannot hold a borrow.
 * @since 0.1
 */
cmabi_status cmabi_func_type_new(const cmabi_field *params,
                                 size_t params_len,
                                 const cmabi_type *result,
                                 bool is_async,
                                 cmabi_func_type **type,
                                 cmabi_error **error);

/**
 * Makes one's own hold on a function type: the same address, to be freed. NULL for NULL.
 * @since 0.1
 */
cmabi_func_type *cmabi_func_type_clone(const cmabi_func_type *type);

/**
 * Gives up a hold on a function type. NULL is fine.
 * @since 0.1
 */
void cmabi_func_type_free(cmabi_func_type *type);

/**
 * The type as WIT text: `async func(a: u8) -> string`; of a text that is longer than 64 KiB, the
 * beginning and ` ...`. Borrowed from the type; empty for NULL.
 * @since 0.1
 */
cmabi_string cmabi_func_type_text(const cmabi_func_type *type);

/**
 * Whether the function is `async`: it may block before it returns. False for NULL.
 * @since 0.1
 */
bool cmabi_func_type_is_async(const cmabi_func_type *type);

/**
 * The record whose fields are the parameters, in order: what a call's arguments point to. Borrowed
 * from the type; NULL for a function without parameters.
 * @since 0.1
 */
const cmabi_type *cmabi_func_type_params(const cmabi_func_type *type);

/**
 * The type of the result. Borrowed from the type; NULL for a function without a result.
 * @since 0.1
 */
const cmabi_type *cmabi_func_type_result(const cmabi_func_type *type);

/* What types are made of ------------------------------------------------------------------------- */

/**
 * The type of a memory's addresses (`addrtype`), for which a layout is asked.
 * @since 0.1
 */
enum cmabi_addr_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The process's own memory: pointers are as wide as the machine's.
     */
    CMABI_ADDR_TYPE_HOST,
    /**
     * A memory with 32-bit addresses.
     */
    CMABI_ADDR_TYPE_I32,
    /**
     * A memory with 64-bit addresses.
     */
    CMABI_ADDR_TYPE_I64,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cmabi_addr_type cmabi_addr_type;
#else
typedef uint32_t cmabi_addr_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The kind of a type; `CMABI_KIND_NONE` for NULL.
 * @since 0.1
 */
cmabi_kind cmabi_type_kind(const cmabi_type *type);

/**
 * The type as WIT text: `list<u8>`, `record { x: s32, y: s32 }`; of a text that is longer than 64 KiB,
 * the beginning and ` ...`. Borrowed from the type; empty for NULL.
 * @since 0.1
 */
cmabi_string cmabi_type_text(const cmabi_type *type);

/**
 * How many parts a type has: the fields of a record, the types of a tuple, the cases of a variant
 * or enum, the labels of flags; 2 for an option (`none`, `some`), a result (`ok`, `error`) and a map
 * (key, value); 1 for the element of a list, and of a stream or future that has one; else 0.
 * @since 0.1
 */
size_t cmabi_type_part_count(const cmabi_type *type);

/**
 * The name of a part: of a field, case or label; `none` and `some` of an option, `ok` and `error` of a
 * result. Borrowed from the type; empty for parts without a name and beyond the last.
 * @since 0.1
 */
cmabi_string cmabi_type_part_name(const cmabi_type *type,
                                  size_t index);

/**
 * The type of a part: of a field, of the payload of a case, of an element, of a map's key or value.
 * Borrowed from the type; NULL for parts without a type and beyond the last.
 * @since 0.2
 */
const cmabi_type *cmabi_type_part_at(const cmabi_type *type, size_t index);

/**
 * How many elements a value of a fixed-length list has; 0 for other types.
 * @since 0.1
 */
uint32_t cmabi_type_length(const cmabi_type *type);

/**
 * The resource type of an `own` or `borrow`. Borrowed from the type; NULL for other types.
 * @since 0.1
 */
const cmabi_resource_type *cmabi_type_resource(const cmabi_type *type);

/**
 * The bytes that a value takes, alone and in a list: a multiple of the alignment (`elem_size` of the
 * specification). 0 for NULL and for an unknown `addr`.
 * @since 0.1
 */
size_t cmabi_type_size(const cmabi_type *type,
                       cmabi_addr_type addr);

/**
 * The alignment of a value in bytes: 1, 2, 4 or 8 (`alignment` of the specification). 0 for NULL and
 * for an unknown `addr`.
 * @since 0.1
 */
size_t cmabi_type_align(const cmabi_type *type,
                        cmabi_addr_type addr);

/**
 * Where in a value a part begins, in bytes: a field of a record, an element of a tuple or
 * fixed-length list, the payload of a case, which is at the same place for all. 0 beyond the last
 * part, for an unknown `addr`, and for types whose parts are not in the value itself.
 * @since 0.1
 */
size_t cmabi_type_part_offset(const cmabi_type *type, size_t index, cmabi_addr_type addr);

/**
 * The bytes of the tag of a variant, enum, option or result: 1, 2 or 4. 0 for other types.
 * @since 0.1
 */
size_t cmabi_type_discriminant_size(const cmabi_type *type);

/* Types from WIT text ---------------------------------------------------------------------------- */

/**
 * What a WIT package defines, by path.
 *
 * A path is `interface/item`, `world/item`, or `world/interface/item` for an interface that a world
 * defines in place. An interface or world can also be named in full, as in
 * `wasi:io/streams@0.2.0/input-stream`, and has to be if it is of another package than the main one.
 * The functions of resources have the names that components give them: `[method]blob.size`. A
 * world's export hides an import of the same name.
 *
 * Immutable, and usable from any thread.
 * @since 0.1
 */
typedef struct cmabi_wit cmabi_wit;

/**
 * A file of WIT text.
 * @since 0.1
 */
typedef struct cmabi_wit_file {
    /**
     * What messages call it.
     */
    cmabi_string name;
    /**
     * The text.
     */
    cmabi_string text;
} cmabi_wit_file;

/**
 * Something that WIT text defines. One of the three types is not NULL; it is borrowed from the
 * `cmabi_wit`, as is the path.
 * @since 0.1
 */
typedef struct cmabi_wit_item {
    /**
     * Its path.
     */
    cmabi_string path;
    /**
     * For a value type.
     */
    const cmabi_type *type;
    /**
     * For a function.
     */
    const cmabi_func_type *func;
    /**
     * For a resource type.
     */
    const cmabi_resource_type *resource;
} cmabi_wit_item;

/**
 * Makes `wit` of the files of one package, in any order. Packages that it uses can be nested in the
 * text: `package ns:dep { ... }`. Each call makes new resource types.
 *
 * Malformed text is `CMABI_STATUS_INVALID`, with a message that begins with the place, as
 * `file:line:column`.
 * @since 0.1
 */
cmabi_status cmabi_wit_parse(const cmabi_wit_file *files,
                             size_t files_len,
                             cmabi_wit **wit,
                             cmabi_error **error);

/**
 * Frees what was parsed. NULL is fine. Types that were cloned, or made of it, stay.
 * @since 0.1
 */
void cmabi_wit_free(cmabi_wit *wit);

/**
 * Sets `type` to the value type at `path`, borrowed from `wit`. `CMABI_STATUS_NOT_FOUND` if there is
 * none.
 * @since 0.1
 */
cmabi_status cmabi_wit_type(const cmabi_wit *wit,
                            cmabi_string path,
                            const cmabi_type **type,
                            cmabi_error **error);

/**
 * Sets `type` to the type of the function at `path`, borrowed from `wit`. `CMABI_STATUS_NOT_FOUND` if
 * there is none.
 * @since 0.1
 */
cmabi_status cmabi_wit_func(const cmabi_wit *wit,
                            cmabi_string path,
                            const cmabi_func_type **type,
                            cmabi_error **error);

/**
 * Sets `resource` to the resource type at `path`, borrowed from `wit`. `CMABI_STATUS_NOT_FOUND` if
 * there is none.
 * @since 0.1
 */
cmabi_status cmabi_wit_resource(const cmabi_wit *wit,
                                cmabi_string path,
                                const cmabi_resource_type **resource,
                                cmabi_error **error);

/**
 * Makes `type` the function type that `text` writes: `func(s: string) -> u32`, after the definitions of the types
 * that it names, if any. Each resource type in it is a new one.
 * @since 0.2
 */
cmabi_status cmabi_func_type_parse(cmabi_string text,
                                   cmabi_func_type **type,
                                   cmabi_error **error);

/**
 * How many items there are. What the main package defines is there twice, by its short path and by
 * its full one. 0 for NULL.
 * @since 0.1
 */
size_t cmabi_wit_item_count(const cmabi_wit *wit);

/**
 * One of the items, in the order of the paths. All of it is empty or NULL beyond the last.
 * @since 0.1
 */
cmabi_wit_item cmabi_wit_item_at(const cmabi_wit *wit, size_t index);

/* Types as constant data ------------------------------------------------------------------------- */

/**
 * A part of a `cmabi_type_desc`, or a parameter.
 * @since 0.2
 */
typedef struct cmabi_part_desc {
    /**
     * Its name in kebab case, with a NUL at the end. NULL for parts that have none.
     */
    const char *name;
    /**
     * Its type. NULL for a case or side without payload, a label, and the resource type of a handle.
     */
    const cmabi_type_desc *type;
} cmabi_part_desc;

/**
 * A value type as constant data, for programs that are written by a program: what `cmabi bindgen`
 * generates tells the library by it which types its C and C++ types stand for.
 *
 * Descriptions may share parts, and must not contain themselves.
 * @since 0.2
 */
typedef struct cmabi_type_desc {
    /**
     * What sort of type it is.
     */
    cmabi_kind kind;
    /**
     * How many elements a fixed-length list has; 0 for others.
     */
    uint32_t length;
    /**
     * The fields, cases, labels or elements; the ok and the err side of a result; the key and the value
     * of a map; the element of a list, stream or future. For a handle the one part that stands for the
     * resource type: it has the name of that and no type, and each such part is a resource type of its own.
     */
    const cmabi_part_desc *parts;
    /**
     * How many parts there are.
     */
    size_t parts_len;
} cmabi_type_desc;

/**
 * A function type as constant data.
 * @since 0.2
 */
typedef struct cmabi_func_desc {
    /**
     * The parameters.
     */
    const cmabi_part_desc *params;
    /**
     * How many there are.
     */
    size_t params_len;
    /**
     * The result's type. NULL for none.
     */
    const cmabi_type_desc *result;
    /**
     * Whether it is an `async` function.
     */
    bool is_async;
} cmabi_func_desc;

/**
 * A function that a component is expected to export.
 * @since 0.2
 */
typedef struct cmabi_export_desc {
    /**
     * Its path, as for `cmabi_instance_func`, with a NUL at the end.
     */
    const char *path;
    /**
     * Its type.
     */
    cmabi_func_desc type;
} cmabi_export_desc;

/**
 * Makes `type` of a description. Each resource type in it is a new one, which nothing but the type
 * refers to.
 * @since 0.2
 */
cmabi_status cmabi_type_new_described(const cmabi_type_desc *desc,
                                      cmabi_type **type,
                                      cmabi_error **error);

/* What a store is doing, for debugging ----------------------------------------------------------- */

/**
 * What a store, or an instance with those inside it, is doing, in numbers.
 * @since 0.1
 */
typedef struct cmabi_counts {
    /**
     * The size of this struct: `CMABI_COUNTS_INIT`.
     */
    size_t size;
    /**
     * Threads of guests that can run: `cmabi_store_run` lets them.
     */
    uint32_t ready;
    /**
     * Threads of guests that wait for an event, for the end of a call, or to be let in.
     */
    uint32_t waiting;
    /**
     * Threads of guests that are suspended until another thread resumes them, or have not begun.
     */
    uint32_t suspended;
    /**
     * Calls of guests that wait to be let in, because of backpressure or because another call has the
     * instance to itself.
     */
    uint32_t waiting_to_enter;
    /**
     * The counters of `backpressure.inc` and `backpressure.dec`, added up.
     */
    uint32_t backpressure;
    /**
     * Calls of host functions that have not been answered; 0 for an instance.
     */
    uint32_t pending_host_tasks;
    /**
     * Component instances, the host not counted.
     * @since 0.2
     */
    uint32_t instances;
    /**
     * Bytes of the host's memory that the store takes, as far as `cmabi_config_set_max_host_bytes` bounds
     * it; 0 for an instance.
     * @since 0.2
     */
    uint64_t host_bytes;
    /**
     * The most that it took at one time; 0 for an instance.
     * @since 0.2
     */
    uint64_t host_bytes_peak;
    /**
     * Bytes of all linear memories and tables, as far as the engine tells and
     * `cmabi_config_set_max_guest_bytes` bounds it; 0 for an instance.
     * @since 0.2
     */
    uint64_t guest_bytes;
    /**
     * The most that there were at one time; 0 for an instance.
     * @since 0.2
     */
    uint64_t guest_bytes_peak;
} cmabi_counts;

/**
 * Counts what a store is doing, for debugging: it looks at every thread. `counts` is initialized with
 * `CMABI_COUNTS_INIT`.
 * @since 0.2
 */
cmabi_status cmabi_store_counts(cmabi_store *store,
                                cmabi_counts *counts,
                                cmabi_error **error);

/**
 * Who waits for what, as text in `arena`, for debugging: a line for each thread of a guest, for each call
 * of a host function that has not been answered, and for each instance that keeps calls waiting.
 * @since 0.1
 */
cmabi_status cmabi_store_dump(cmabi_store *store,
                              cmabi_string *text,
                              cmabi_arena *arena,
                              cmabi_error **error);
#ifdef __cplusplus
}
#endif

#endif /* CMABI_H */
