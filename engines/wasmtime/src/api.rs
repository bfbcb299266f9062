//! The functions of `cmabi_wasmtime.h`.

use crate::abi::{
    cmabi_config, cmabi_config_is_interruptible, cmabi_config_is_metered,
    cmabi_config_max_stack_bytes, cmabi_engine, cmabi_engine_interface, cmabi_engine_new_custom,
    cmabi_error, cmabi_status,
};
use crate::engine::{Care, Engine};
use crate::{guard, table};

/// Makes an engine that compiles guests to native code. `config` may be NULL for the defaults.
///
/// It is an engine like the built-in one: `cmabi_engine_free` frees it. Components are compiled for stores with the
/// limits of this config: for stores that are interruptible (`cmabi_config_set_interruptible`), that meter
/// fuel (`cmabi_config_set_fuel`), or neither. For a store of another kind they are compiled once more, when it
/// first instantiates them.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasmtime_engine_new(
    config: *const cmabi_config,
    engine: *mut *mut cmabi_engine,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    let made = guard(|| {
        // SAFETY: the caller's promise.
        let (max_stack_bytes, is_metered, is_interruptible) = unsafe {
            (
                cmabi_config_max_stack_bytes(config),
                cmabi_config_is_metered(config),
                cmabi_config_is_interruptible(config),
            )
        };
        table(Engine::new(max_stack_bytes, Care::of(is_metered, is_interruptible)))
    });
    let table = made.unwrap_or(cmabi_engine_interface::INIT);
    // SAFETY: the table is whole; where it is not, because making the engine has failed, the library
    // says so. `engine` and `error` are the caller's.
    unsafe { cmabi_engine_new_custom(&raw const table, config, engine, error) }
}

/// Fills in `interface` for an engine whose guests may take so many bytes of stack, 0 for what they may take by
/// default, and whose stores will likely meter fuel or be interruptible, for `cmabi_engine_new_custom`. For a program that loads this library when it runs, and is not
/// linked with it; false where the interface of that program, by its `size`, is of another version.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasmtime_engine_interface(
    max_stack_bytes: u64,
    is_metered: bool,
    is_interruptible: bool,
    interface: *mut cmabi_engine_interface,
) -> bool {
    // SAFETY: the caller's promise.
    if unsafe { (&raw const (*interface).size).read() } != size_of::<cmabi_engine_interface>() {
        return false;
    }
    let made =
        guard(|| table(Engine::new(max_stack_bytes, Care::of(is_metered, is_interruptible))));
    // SAFETY: as above.
    made.is_ok_and(|made| unsafe {
        interface.write(made);
        true
    })
}
