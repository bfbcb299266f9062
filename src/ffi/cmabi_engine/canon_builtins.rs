//! Canonical built-ins, for core callbacks
//!
//! Each is the definition of its name in CanonicalABI.md, for the core callback that is running.

use super::canon::{
    cmabi_canon_options, cmabi_core_memory, cmabi_core_table, core_memory, core_table,
    running_instance,
};
use super::engine_interface::cmabi_core_func_type;
use super::flatten::cmabi_core_type;
use crate::canon::{self, Builtin};
use crate::core_types::AddrType;
use crate::engine::native::NativeStore;
use crate::engine::{CoreMemory, CoreType, RawVal};
use crate::error::Result;
use crate::ffi::cmabi::error::{cmabi_error, cmabi_status};
use crate::ffi::cmabi::store::cmabi_store;
use crate::ffi::cmabi::types::{cmabi_resource_type, cmabi_type};
use crate::ffi::{check, guard};
use crate::types::Type;
use std::mem::MaybeUninit;

/// Runs a built-in for the callback that is running. It may block.
fn invoke(
    store: &cmabi_store,
    args: &[RawVal],
    results: &mut [RawVal],
    builtin: impl FnOnce(&NativeStore) -> Result<Builtin>,
) -> Result<()> {
    let native = store.native()?;
    let builtin = builtin(native)?;
    store.enter(|cx| {
        let instance = running_instance(cx)?;
        let import = |results: &mut _| canon::invoke(cx, &builtin, instance, args, results);
        Ok(native.enter(results, import)?)
    })
}

/// A built-in without a result.
///
/// # Safety
/// The header's rules.
pub(in crate::ffi) unsafe fn run(
    store: *mut cmabi_store,
    args: &[RawVal],
    error: *mut *mut cmabi_error,
    builtin: impl FnOnce(&NativeStore) -> Result<Builtin>,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the caller's promise.
        invoke(unsafe { check::required(store, "store") }?, args, &mut [], builtin)
    })
}

/// A built-in with a result, which goes to `out`.
///
/// # Safety
/// The header's rules.
pub(in crate::ffi) unsafe fn returning<T: FromRaw>(
    store: *mut cmabi_store,
    args: &[RawVal],
    out: *mut T,
    argument: &str,
    error: *mut *mut cmabi_error,
    builtin: impl FnOnce(&NativeStore) -> Result<Builtin>,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the caller's promise.
        let (store, out) =
            unsafe { (check::required(store, "store")?, check::out_value(out, argument)?) };
        let mut result = [0];
        invoke(store, args, &mut result, builtin)?;
        out.write(T::from_raw(result[0]));
        Ok(())
    })
}

/// What a core value is in C.
pub(in crate::ffi) trait FromRaw {
    fn from_raw(raw: RawVal) -> Self;
}

impl FromRaw for u32 {
    fn from_raw(raw: RawVal) -> Self {
        raw as u32
    }
}

impl FromRaw for u64 {
    fn from_raw(raw: RawVal) -> Self {
        raw
    }
}

/// A type that may be missing.
///
/// # Safety
/// The header's rules.
pub(in crate::ffi) unsafe fn element(ty: *const cmabi_type) -> Result<Option<Type>> {
    if ty.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    unsafe { cmabi_type::get(ty, "type") }.map(Some)
}

fn event_target(native: &NativeStore, memory: u32) -> Result<(CoreMemory, AddrType)> {
    core_memory(native, memory, "memory")?.ok_or_else(|| check::invalid("memory", "is 0"))
}

fn context_type(ty: MaybeUninit<cmabi_core_type>) -> Result<CoreType> {
    match check::enumerator(ty, "type")?.into() {
        ty @ (CoreType::I32 | CoreType::I64) => Ok(ty),
        ty => Err(check::invalid("type", format_args!("is {ty}, not i32 or i64"))),
    }
}

fn context_slot(slot: u32) -> Result<u32> {
    if slot < 2 {
        Ok(slot)
    } else {
        Err(check::invalid("slot", format_args!("is {slot}, not 0 or 1")))
    }
}

/// `resource.new`: makes a handle that owns the representation `rep`. Only for the instance that
/// implements the resource type.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_resource_new(
    store: *mut cmabi_store,
    resource: *const cmabi_resource_type,
    rep: u32,
    handle: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        returning(store, &[rep.into()], handle, "handle", error, |_| {
            Ok(Builtin::ResourceNew(cmabi_resource_type::get(resource, "resource")?))
        })
    }
}

/// `resource.drop`: drops a handle; the destructor of the type is called where it owned. Traps while
/// it is lent.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_resource_drop(
    store: *mut cmabi_store,
    resource: *const cmabi_resource_type,
    handle: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        run(store, &[handle.into()], error, |_| {
            Ok(Builtin::ResourceDrop(cmabi_resource_type::get(resource, "resource")?))
        })
    }
}

/// `resource.rep`: the representation behind a handle.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_resource_rep(
    store: *mut cmabi_store,
    resource: *const cmabi_resource_type,
    handle: u32,
    rep: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        returning(store, &[handle.into()], rep, "rep", error, |_| {
            Ok(Builtin::ResourceRep(cmabi_resource_type::get(resource, "resource")?))
        })
    }
}

/// `context.get`: what the running thread stored in slot 0 or 1, at first 0. `type` is `i32` or `i64`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_context_get(
    store: *mut cmabi_store,
    r#type: MaybeUninit<cmabi_core_type>,
    slot: u32,
    value: *mut u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        returning(store, &[], value, "value", error, |_| {
            Ok(Builtin::ContextGet { ty: context_type(r#type)?, slot: context_slot(slot)? })
        })
    }
}

/// `context.set`: stores a value in slot 0 or 1 of the running thread. `type` is `i32` or `i64`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_context_set(
    store: *mut cmabi_store,
    r#type: MaybeUninit<cmabi_core_type>,
    slot: u32,
    value: u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        run(store, &[value], error, |_| {
            Ok(Builtin::ContextSet { ty: context_type(r#type)?, slot: context_slot(slot)? })
        })
    }
}

/// `backpressure.inc`: as long as the counter is not 0, calls of async-typed functions of the instance
/// wait. Traps at 2^16.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_backpressure_inc(
    store: *mut cmabi_store,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { run(store, &[], error, |_| Ok(Builtin::BackpressureInc)) }
}

/// `backpressure.dec`. Traps below 0.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_backpressure_dec(
    store: *mut cmabi_store,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { run(store, &[], error, |_| Ok(Builtin::BackpressureDec)) }
}

/// `task.return`: resolves the running task with a result, given as `args_len` flat values, or as the
/// address of the value where it has more than 16. `result` is the type of the task's result, NULL for
/// none; traps where it or the options are not those of the task.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_task_return(
    store: *mut cmabi_store,
    result: *const cmabi_type,
    options: *const cmabi_canon_options,
    args: *const u64,
    args_len: usize,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (store, args) =
            unsafe { (check::required(store, "store")?, check::slice(args, args_len, "args")?) };
        let builtin = |native: &NativeStore| {
            // SAFETY: the header's rules.
            let (result, opts) =
                unsafe { (element(result)?, cmabi_canon_options::read(options, native)?) };
            let builtin = Builtin::TaskReturn { result, opts };
            let expected = builtin.core_type().params.len();
            if expected != args_len {
                return Err(check::invalid("args_len", format_args!("is not {expected}")));
            }
            Ok(builtin)
        };
        invoke(store, args, &mut [], builtin)
    })
}

/// `task.cancel`: resolves the running task without a result. Traps unless its caller has asked for
/// that.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_task_cancel(
    store: *mut cmabi_store,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { run(store, &[], error, |_| Ok(Builtin::TaskCancel)) }
}

/// `waitable-set.new`
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_waitable_set_new(
    store: *mut cmabi_store,
    set: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { returning(store, &[], set, "set", error, |_| Ok(Builtin::WaitableSetNew)) }
}

/// `waitable-set.wait`: waits for an event of one of the set's waitables.
/// `*event` is its code (0 none, 1 subtask, 2 stream read, 3 stream write, 4 future read, 5 future
/// write, 6 task cancelled); its two numbers are stored at `ptr`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_waitable_set_wait(
    store: *mut cmabi_store,
    memory: cmabi_core_memory,
    set: u32,
    ptr: u64,
    event: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        returning(store, &[set.into(), ptr], event, "event", error, |native| {
            event_target(native, memory)
                .map(|(memory, addr)| Builtin::WaitableSetWait { memory, addr })
        })
    }
}

/// `waitable-set.poll`: takes an event of one of the set's waitables if there is one.
/// `*event` is its code (0 none, 1 subtask, 2 stream read, 3 stream write, 4 future read, 5 future
/// write, 6 task cancelled); its two numbers are stored at `ptr`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_waitable_set_poll(
    store: *mut cmabi_store,
    memory: cmabi_core_memory,
    set: u32,
    ptr: u64,
    event: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        returning(store, &[set.into(), ptr], event, "event", error, |native| {
            event_target(native, memory)
                .map(|(memory, addr)| Builtin::WaitableSetPoll { memory, addr })
        })
    }
}

/// `waitable-set.drop`: traps while there are waitables in the set or threads waiting for it.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_waitable_set_drop(
    store: *mut cmabi_store,
    set: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { run(store, &[set.into()], error, |_| Ok(Builtin::WaitableSetDrop)) }
}

/// `waitable.join`: moves a waitable to a set, or with 0 out of the set that it is in.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_waitable_join(
    store: *mut cmabi_store,
    waitable: u32,
    set: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { run(store, &[waitable.into(), set.into()], error, |_| Ok(Builtin::WaitableJoin)) }
}

/// `subtask.cancel`: asks a subtask to cancel itself. `*state` is its final state, or 0xffffffff where it
/// is not resolved yet and `is_async`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_subtask_cancel(
    store: *mut cmabi_store,
    is_async: bool,
    subtask: u32,
    state: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        returning(store, &[subtask.into()], state, "state", error, |_| {
            Ok(Builtin::SubtaskCancel { is_async })
        })
    }
}

/// `subtask.drop`: traps before the subtask's resolution was delivered.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_subtask_drop(
    store: *mut cmabi_store,
    subtask: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { run(store, &[subtask.into()], error, |_| Ok(Builtin::SubtaskDrop)) }
}

/// `thread.index`: the running thread's index in its instance.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_thread_index(
    store: *mut cmabi_store,
    thread: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { returning(store, &[], thread, "thread", error, |_| Ok(Builtin::ThreadIndex)) }
}

/// `thread.new-indirect`: makes a thread of the running task that will call the function at `index` of
/// `table`, which has the type `type`, with `arg`. It is suspended at first. `type` is
/// `(func (param i32))` or `(func (param i64))`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_thread_new_indirect(
    store: *mut cmabi_store,
    r#type: *const cmabi_core_func_type,
    table: cmabi_core_table,
    index: u32,
    arg: u64,
    thread: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        returning(store, &[index.into(), arg], thread, "thread", error, |native| {
            let ty = check::required(r#type, "type")?.read()?;
            let one = [[CoreType::I32], [CoreType::I64]].iter().any(|params| *ty.params == *params);
            if !one || !ty.results.is_empty() {
                let what = format_args!("is {ty}, not (func (param i32)) or (func (param i64))");
                return Err(check::invalid("type", what));
            }
            let table = core_table(native, table, "table")?;
            Ok(Builtin::ThreadNewIndirect { ty, table, table_addr: AddrType::I32 })
        })
    }
}

/// `thread.resume-later`: makes a suspended thread ready.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_thread_resume_later(
    store: *mut cmabi_store,
    thread: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { run(store, &[thread.into()], error, |_| Ok(Builtin::ThreadResumeLater)) }
}

/// `thread.suspend`: suspends the running thread until another resumes it. `*result` is what the core
/// function returns: 0, always.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_thread_suspend(
    store: *mut cmabi_store,
    result: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { returning(store, &[], result, "result", error, |_| Ok(Builtin::ThreadSuspend)) }
}

/// `thread.yield`: lets other threads run. The return of this
/// function is the running thread's next turn. `*result` is what the core
/// function returns: 0, always.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_thread_yield(
    store: *mut cmabi_store,
    result: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { returning(store, &[], result, "result", error, |_| Ok(Builtin::ThreadYield)) }
}

/// `thread.suspend-then-resume`: suspends the running thread and
/// resumes `thread`, which is suspended. `*result` is what the core
/// function returns: 0, always.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_thread_suspend_then_resume(
    store: *mut cmabi_store,
    thread: u32,
    result: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        returning(store, &[thread.into()], result, "result", error, |_| {
            Ok(Builtin::ThreadSuspendThenResume)
        })
    }
}

/// `thread.suspend-then-promote`: suspends the running thread and
/// runs `thread` if it is ready. `*result` is what the core
/// function returns: 0, always.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_thread_suspend_then_promote(
    store: *mut cmabi_store,
    thread: u32,
    result: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        returning(store, &[thread.into()], result, "result", error, |_| {
            Ok(Builtin::ThreadSuspendThenPromote)
        })
    }
}

/// `thread.yield-then-resume`: makes the running thread ready and
/// resumes `thread`, which is suspended. `*result` is what the core
/// function returns: 0, always.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_thread_yield_then_resume(
    store: *mut cmabi_store,
    thread: u32,
    result: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        returning(store, &[thread.into()], result, "result", error, |_| {
            Ok(Builtin::ThreadYieldThenResume)
        })
    }
}

/// `thread.yield-then-promote`: makes the running thread ready and
/// runs `thread` if it is ready. `*result` is what the core
/// function returns: 0, always.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_thread_yield_then_promote(
    store: *mut cmabi_store,
    thread: u32,
    result: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        returning(store, &[thread.into()], result, "result", error, |_| {
            Ok(Builtin::ThreadYieldThenPromote)
        })
    }
}

/// `error-context.new`: makes an error context of the debug message at `ptr`, of `len` code units.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_error_context_new(
    store: *mut cmabi_store,
    options: *const cmabi_canon_options,
    ptr: u64,
    len: u64,
    context: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        returning(store, &[ptr, len], context, "context", error, |native| {
            cmabi_canon_options::read(options, native).map(|opts| Builtin::ErrorContextNew { opts })
        })
    }
}

/// `error-context.debug-message`: stores the debug message, as pointer and length, at `ptr`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_error_context_debug_message(
    store: *mut cmabi_store,
    options: *const cmabi_canon_options,
    context: u32,
    ptr: u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        run(store, &[context.into(), ptr], error, |native| {
            cmabi_canon_options::read(options, native)
                .map(|opts| Builtin::ErrorContextDebugMessage { opts })
        })
    }
}

/// `error-context.drop`
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_error_context_drop(
    store: *mut cmabi_store,
    context: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { run(store, &[context.into()], error, |_| Ok(Builtin::ErrorContextDrop)) }
}
