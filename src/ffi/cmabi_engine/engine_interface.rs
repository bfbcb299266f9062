//! Engine interface

use crate::engine::Engine;
use crate::engine::vtable::interface::Callbacks;
pub use crate::engine::vtable::interface::{
    cmabi_core_extern, cmabi_core_frame, cmabi_core_func_type, cmabi_core_kind,
    cmabi_engine_interface, cmabi_engine_limits, cmabi_engine_tier, cmabi_flow, cmabi_guest_memory,
    cmabi_import, cmabi_outcome, cmabi_write,
};
use crate::error::Result;
use crate::ffi::cmabi::config::cmabi_config;
use crate::ffi::cmabi::engine::cmabi_engine;
use crate::ffi::cmabi::error::{cmabi_error, cmabi_status, cmabi_string};
use crate::ffi::{check, guard, guard_or};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;

// SAFETY: `#[repr(C)]` with the size first; functions and pointers may be null, enumerators are
// checked when they are read.
unsafe impl check::HostStruct for cmabi_engine_interface {
    const INIT: Self = cmabi_engine_interface {
        size: size_of::<Self>(),
        data: ptr::null_mut(),
        drop: None,
        tier: MaybeUninit::new(cmabi_engine_tier::Resume),
        memory64: 0,
        exceptions: 0,
        fuel: 0,
        interrupt: 0,
        fiber_stack_bytes: 0,
        module_new: None,
        module_free: None,
        store_new: None,
        store_free: None,
        instantiate: None,
        instance_export: None,
        func_new: None,
        call: None,
        resume: None,
        continuation_free: None,
        memory_data: None,
        table_get: None,
        global_get: None,
        fuel_get: None,
        fuel_set: None,
        trap_frames: None,
        stack_left: None,
        code_version: cmabi_string::EMPTY,
        module_serialize: None,
        module_deserialize: None,
    };
    const LEAST: usize = std::mem::offset_of!(Self, trap_frames);
}

/// Makes an engine of the host's own. `table` is copied. Of `config`, which may be NULL for the defaults, the
/// library takes what loading and instantiating components may take; what is for the engine itself can be
/// asked, see `cmabi_config_max_stack_bytes`.
///
/// The engine takes over `table->drop`, which is called once, also where this fails, unless
/// `table->size` is wrong. `CMABI_STATUS_INVALID_ARGUMENT` names the functions that are
/// missing; `CMABI_STATUS_UNSUPPORTED` where the library was built without components.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_engine_new_custom(
    table: *const cmabi_engine_interface,
    config: *const cmabi_config,
    engine: *mut *mut cmabi_engine,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (engine, table) = unsafe {
            let engine = check::out_handle(engine, "engine")?;
            (engine, check::host_struct(table, "table")?)
        };
        // SAFETY: the header's rules.
        let config = unsafe { config.as_ref() };
        *engine = cmabi_engine::owned(custom(table)?, config);
        Ok(())
    })
}

#[cfg(feature = "component")]
fn custom(interface: cmabi_engine_interface) -> Result<Arc<dyn Engine>> {
    Ok(Arc::new(crate::engine::vtable::VtableEngine::new(interface, CALLBACKS)?))
}

#[cfg(not(feature = "component"))]
fn custom(_: cmabi_engine_interface) -> Result<Arc<dyn Engine>> {
    Err(crate::ffi::left_out("component"))
}

/// For an engine of the host's own: what `cmabi_config_set_max_stack_bytes` has set; 0 where it has not, and for
/// a `config` that is NULL.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_max_stack_bytes(config: *const cmabi_config) -> u64 {
    guard_or(0, || {
        // SAFETY: the header's rules.
        let config = unsafe { config.as_ref() };
        config.and_then(|config| config.max_stack_bytes).unwrap_or(0)
    })
}

/// For an engine of the host's own: whether `cmabi_config_set_fuel` or `cmabi_config_set_call_fuel` was called, so
/// that its stores will likely meter; false for a `config` that is NULL.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_is_metered(config: *const cmabi_config) -> bool {
    guard_or(false, || {
        // SAFETY: the header's rules.
        let config = unsafe { config.as_ref() };
        config.is_some_and(|config| config.fuel.is_some() || config.call_fuel.is_some())
    })
}

/// For an engine of the host's own: what `cmabi_config_set_interruptible` has set; false for a `config` that is
/// NULL.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_is_interruptible(config: *const cmabi_config) -> bool {
    guard_or(false, || {
        // SAFETY: the header's rules.
        unsafe { config.as_ref() }.is_some_and(|config| config.is_interruptible)
    })
}

/// What engines call of the library.
pub const CALLBACKS: Callbacks = Callbacks {
    import_call: cmabi_import_call,
    guest_memory_charge: cmabi_guest_memory_charge,
    guest_memory_credit: cmabi_guest_memory_credit,
};

/// What a host's engine calls when a guest calls a function that it got with `func_new`, with as
/// many words in `args` and room for as many in `results` as the function's type says.
///
/// Only from the thread that uses the store, while a function of the table is running.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_import_call(
    import: *mut cmabi_import,
    args: *const u64,
    results: *mut u64,
) -> cmabi_flow {
    guard_or(cmabi_flow::Trap, || {
        // SAFETY: the header's rules.
        unsafe { call_import(import, args, results) }
    })
}

#[cfg(feature = "component")]
use crate::engine::vtable::call_import;

/// Without components there are no imports to call.
#[cfg(not(feature = "component"))]
unsafe fn call_import(_: *mut cmabi_import, _: *const u64, _: *mut u64) -> cmabi_flow {
    cmabi_flow::Trap
}

/// Takes so many bytes, before a memory or table is made or grows; an element of a table counts as 8. Where the
/// store's limit does not allow it, this is false, and it must not be made or grow. An engine that
/// charges has the store's guest memory counted (`cmabi_counts`), and `CMABI_OUTCOME_LIMIT` in full words.
///
/// Only from the thread that uses the store, while a function of the table is running.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_guest_memory_charge(
    memory: *mut cmabi_guest_memory,
    bytes: u64,
) -> bool {
    // SAFETY: the header's rules.
    guard_or(false, || unsafe { charge(memory, bytes) })
}

/// Gives back bytes that were charged.
///
/// Only from the thread that uses the store, while a function of the table is running.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_guest_memory_credit(memory: *mut cmabi_guest_memory, bytes: u64) {
    // SAFETY: the header's rules.
    guard_or((), || unsafe { credit(memory, bytes) });
}

#[cfg(feature = "component")]
use crate::engine::vtable::GuestMemory;

/// # Safety
/// The memory is NULL, or one that an engine got for a store that is still there.
#[cfg(feature = "component")]
unsafe fn charge(memory: *mut cmabi_guest_memory, bytes: u64) -> bool {
    // SAFETY: the caller's promise.
    unsafe { memory.cast::<GuestMemory>().as_ref() }.is_some_and(|memory| memory.charge(bytes))
}

/// # Safety
/// As for [`charge`].
#[cfg(feature = "component")]
unsafe fn credit(memory: *mut cmabi_guest_memory, bytes: u64) {
    // SAFETY: the caller's promise.
    if let Some(memory) = unsafe { memory.cast::<GuestMemory>().as_ref() } {
        memory.credit(bytes);
    }
}

/// Without components no engine has stores.
#[cfg(not(feature = "component"))]
unsafe fn charge(_: *mut cmabi_guest_memory, _: u64) -> bool {
    false
}

#[cfg(not(feature = "component"))]
unsafe fn credit(_: *mut cmabi_guest_memory, _: u64) {}
