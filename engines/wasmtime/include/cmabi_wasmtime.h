/* wasmtime as an engine of libcmabi: guests run as native code.
 *
 * Written by cbindgen from engines/wasmtime/src/ (make header). Do not edit.
 */
#ifndef CMABI_WASMTIME_H
#define CMABI_WASMTIME_H

#include <cmabi_engine.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Makes an engine that compiles guests to native code. `config` may be NULL for the defaults.
 *
 * It is an engine like the built-in one: `cmabi_engine_free` frees it.
 */
cmabi_status cmabi_wasmtime_engine_new(const cmabi_config *config,
                                       cmabi_engine **engine,
                                       cmabi_error **error);

/**
 * Fills in `table` for an engine whose guests may take so many bytes of stack, 0 for what they may take by
 * default, for `cmabi_engine_new_custom`. For a program that loads this library when it runs, and is not
 * linked with it; false where the table of that program, by its `size`, is of another version.
 */
bool cmabi_wasmtime_engine_interface(uint64_t max_stack_bytes, cmabi_engine_interface *table);

#ifdef __cplusplus
}
#endif

#endif /* CMABI_WASMTIME_H */
