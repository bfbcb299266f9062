//! The functions of `cmabi_wasmtime.h`.

use crate::abi::{
    cmabi_config, cmabi_config_max_stack_bytes, cmabi_engine, cmabi_engine_interface,
    cmabi_engine_new_custom, cmabi_error, cmabi_status,
};
use crate::engine::Engine;
use crate::{guard, table};

/// Makes an engine that compiles guests to native code. `config` may be NULL for the defaults.
///
/// It is an engine like the built-in one: `cmabi_engine_free` frees it.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasmtime_engine_new(
    config: *const cmabi_config,
    engine: *mut *mut cmabi_engine,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    let made = guard(|| {
        // SAFETY: the caller's promise.
        let max_stack_bytes = unsafe { cmabi_config_max_stack_bytes(config) };
        table(Engine::new(max_stack_bytes))
    });
    let table = made.unwrap_or(cmabi_engine_interface::INIT);
    // SAFETY: the table is whole; where it is not, because making the engine has failed, the library
    // says so. `engine` and `error` are the caller's.
    unsafe { cmabi_engine_new_custom(&raw const table, config, engine, error) }
}

/// Fills in `interface` for an engine whose guests may take so many bytes of stack, 0 for what they may take by
/// default, for `cmabi_engine_new_custom`. For a program that loads this library when it runs, and is not
/// linked with it; false where the interface of that program, by its `size`, is of another version.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasmtime_engine_interface(
    max_stack_bytes: u64,
    interface: *mut cmabi_engine_interface,
) -> bool {
    // SAFETY: the caller's promise.
    if unsafe { (&raw const (*interface).size).read() } != size_of::<cmabi_engine_interface>() {
        return false;
    }
    let made = guard(|| table(Engine::new(max_stack_bytes)));
    // SAFETY: as above.
    made.is_ok_and(|made| unsafe {
        interface.write(made);
        true
    })
}
