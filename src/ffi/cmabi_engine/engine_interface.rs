//! Engine interface

use crate::engine::Engine;
pub use crate::engine::vtable::interface::{
    cmabi_core_extern, cmabi_core_frame, cmabi_core_func_type, cmabi_core_kind,
    cmabi_engine_interface, cmabi_engine_limits, cmabi_engine_tier, cmabi_flow, cmabi_import,
    cmabi_outcome,
};
use crate::error::Result;
use crate::ffi::cmabi::engine::cmabi_engine;
use crate::ffi::cmabi::error::{cmabi_error, cmabi_status};
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
    };
    const LEAST: usize = std::mem::offset_of!(Self, trap_frames);
}

/// Makes an engine of the host's own. `table` is copied.
///
/// The engine takes over `table->drop`, which is called once, also where this fails, unless
/// `table->size` is wrong. `CMABI_STATUS_INVALID_ARGUMENT` names the functions that are
/// missing; `CMABI_STATUS_UNSUPPORTED` where the library was built without components.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_engine_new_custom(
    table: *const cmabi_engine_interface,
    engine: *mut *mut cmabi_engine,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (engine, table) = unsafe {
            let engine = check::out_handle(engine, "engine")?;
            (engine, check::host_struct(table, "table")?)
        };
        *engine = cmabi_engine::owned(custom(table)?, None);
        Ok(())
    })
}

#[cfg(feature = "component")]
fn custom(interface: cmabi_engine_interface) -> Result<Arc<dyn Engine>> {
    Ok(Arc::new(crate::engine::vtable::VtableEngine::new(interface)?))
}

#[cfg(not(feature = "component"))]
fn custom(_: cmabi_engine_interface) -> Result<Arc<dyn Engine>> {
    Err(crate::ffi::left_out("component"))
}

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
