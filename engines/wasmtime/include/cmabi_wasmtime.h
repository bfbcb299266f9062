/* wasmtime as an engine of libcmabi: guests run as native code.
 *
 * Written by cbindgen from engines/wasmtime/src/api.rs (CMABI_UPDATE_HEADER=1 cargo test --test header). Do not
 * edit. What holds for every function is said in cmabi.h.
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
 * It is an engine like the built-in one: `cmabi_engine_free` frees it. Components are compiled for stores with the
 * limits of this config: for stores that are interruptible (`cmabi_config_set_interruptible`), that meter
 * fuel (`cmabi_config_set_fuel`), or neither. For a store of another kind they are compiled once more, when it
 * first instantiates them.
 * @since 0.2
 */
cmabi_status cmabi_wasmtime_engine_new(const cmabi_config *config,
                                       cmabi_engine **engine,
                                       cmabi_error **error);

/**
 * Fills in `interface` for an engine whose guests may take so many bytes of stack, 0 for what they may take by
 * default, and whose stores will likely meter fuel or be interruptible, for `cmabi_engine_new_custom`. For a program that loads this library when it runs, and is not
 * linked with it; false where the interface of that program, by its `size`, is of another version.
 * @since 0.2
 */
bool cmabi_wasmtime_engine_interface(uint64_t max_stack_bytes,
                                     bool is_metered,
                                     bool is_interruptible,
                                     cmabi_engine_interface *interface);

#ifdef __cplusplus
}
#endif

#endif /* CMABI_WASMTIME_H */
