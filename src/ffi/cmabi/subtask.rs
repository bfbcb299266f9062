//! Subtask: the host's side of a call that it made

use super::error::{cmabi_drop, cmabi_error, cmabi_status};
use super::func::cmabi_func;
use super::store::{Link, cmabi_store};
use crate::core_types::AddrType;
use crate::error::{ErrorKind, Result};
use crate::ffi::data::Data;
use crate::ffi::{check, guard, guard_or};
use crate::host;
use crate::memory::Arena;
use crate::runtime::{Completion, HostSubtask, SubtaskState};
use std::cell::{Cell, UnsafeCell};
use std::ffi::c_void;
use std::mem;
use std::ptr;
use std::rc::Rc;

/// A call that the host has made (Subtask State in CanonicalABI.md), with its result. It may outlive its
/// store; then it can only be freed.
/// @since 0.1
pub struct cmabi_subtask {
    link: Link,
    /// `None` while the call is being started.
    subtask: Cell<Option<HostSubtask>>,
    arena: Rc<Arena>,
    /// Where the result is; NULL without one.
    result: *mut c_void,
    small_result: UnsafeCell<[u64; SMALL_RESULT]>,
}

/// Words of a result that has its place in the subtask.
const SMALL_RESULT: usize = 4;

impl cmabi_subtask {
    /// A call of `func` in the making, and where its result goes.
    fn new(store: &cmabi_store, func: &cmabi_func) -> Result<Box<cmabi_subtask>> {
        let mut subtask = Box::new(cmabi_subtask {
            link: store.link(),
            subtask: Cell::new(None),
            arena: Rc::new(Arena::new()),
            result: ptr::null_mut(),
            small_result: UnsafeCell::new([0; SMALL_RESULT]),
        });
        if let Some(ty) = func.func.ty().result() {
            let (size, align) = (ty.info().size(AddrType::I64), ty.info().align(AddrType::I64));
            subtask.result = if size as usize <= SMALL_RESULT * size_of::<u64>() {
                subtask.small_result.get().cast()
            } else {
                subtask.arena.alloc(size.into(), align).map_err(crate::ffi::limit)?.cast()
            };
        }
        Ok(subtask)
    }

    fn store(&self) -> Result<&cmabi_store> {
        self.link.store().ok_or_else(|| check::invalid("subtask", "is of a store that was freed"))
    }

    fn state(&self) -> Result<SubtaskState> {
        match self.subtask.get() {
            Some(subtask) => self.store()?.enter(|cx| subtask.state(cx)),
            None => Ok(SubtaskState::Starting),
        }
    }
}

/// How far a call is.
/// @since 0.1
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cmabi_subtask_state {
    /// The callee has not taken the arguments yet: backpressure keeps the call waiting.
    Starting,
    /// The callee has taken the arguments.
    Started,
    /// The result is there.
    Returned,
    /// Cancelled; the callee has never taken the arguments.
    CancelledBeforeStarted,
    /// Cancelled; the callee has taken the arguments, and there is no result.
    CancelledBeforeReturned,
}

impl From<SubtaskState> for cmabi_subtask_state {
    fn from(state: SubtaskState) -> Self {
        match state {
            SubtaskState::Starting => cmabi_subtask_state::Starting,
            SubtaskState::Started => cmabi_subtask_state::Started,
            SubtaskState::Returned => cmabi_subtask_state::Returned,
            SubtaskState::CancelledBeforeStarted => cmabi_subtask_state::CancelledBeforeStarted,
            SubtaskState::CancelledBeforeReturned => cmabi_subtask_state::CancelledBeforeReturned,
        }
    }
}

/// Told that a call is over: returned, cancelled, or ended by a trap. No guest runs then. It may use the
/// store, start other calls, and free the subtask.
/// @since 0.1
pub type cmabi_on_resolve =
    Option<unsafe extern "C" fn(data: *mut c_void, subtask: *mut cmabi_subtask)>;

/// Starts a call of a function, and lets it run until it is over or blocks (Embedding API of
/// CanonicalABI.md). `cmabi_store_tick` and `cmabi_store_run` let it go on. Any number of calls may be
/// under way, and end in any order.
///
/// `args` points to the record of the arguments in the canonical layout, NULL without parameters. It, and
/// what it points to, must stay until the callee has taken the arguments, which is when the state is no
/// longer `CMABI_SUBTASK_STATE_STARTING`. Most calls are beyond that when this returns; a call waits to
/// start where its callee exerts backpressure, or is busy with another and cannot be interrupted.
///
/// `on_resolve`, which may be NULL, is called once, with `data` and the subtask, when the call is over: before
/// this function returns if it is over by then, `*subtask` being set already; otherwise when the store
/// runs. It is not called where this function fails, or where the subtask is freed first.
///
/// Fails like `cmabi_func_call` where the call does so at once; later failures are those of
/// `cmabi_subtask_state_of`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_func_start(
    store: *mut cmabi_store,
    func: *const cmabi_func,
    args: *const c_void,
    on_resolve: cmabi_on_resolve,
    data: *mut c_void,
    drop: cmabi_drop,
    subtask: *mut *mut cmabi_subtask,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        let data = Data::new(data, drop);
        // SAFETY: the header's rules.
        let (out, store, func) = unsafe {
            let out = check::out_handle(subtask, "subtask")?;
            (out, check::required(store, "store")?, check::required(func, "func")?)
        };
        store.owns(func.store, "func")?;
        let params = func.func.ty().params_type();
        params.map_or(Ok(()), |params| check::value(params, args, "args"))?;
        let new = cmabi_subtask::new(store, func)?;
        let (place, arena) = (new.result.cast(), new.arena.clone());
        // A callback may free it, or the instance that it is borrowed from.
        let func = func.func.clone();
        store.enter(|cx| {
            let started = host::start(cx, &func, args.cast(), place, &arena, None)?;
            new.subtask.set(Some(started));
            let subtask = Box::into_raw(new);
            *out = subtask;
            let Some(on_resolve) = on_resolve else { return Ok(()) };
            started.set_completion(cx, completion(on_resolve, data, subtask))
        })
    })
}

/// What tells C that a call is over.
fn completion(
    on_resolve: unsafe extern "C" fn(*mut c_void, *mut cmabi_subtask),
    data: Data,
    subtask: *mut cmabi_subtask,
) -> Completion {
    Box::new(move |cx, _| {
        // SAFETY: the subtask is of a store of C's, which runs and so is alive.
        let store = unsafe { cmabi_store::of(cx) };
        // SAFETY: the header's rules for callbacks; freeing a subtask drops its completion.
        store.lend(cx, || unsafe { on_resolve(data.get(), subtask) });
    })
}

/// Frees a call. One that has not started never does; one that has started goes on, and its result is
/// dropped when it comes: to stop it, cancel it first. NULL is fine.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_subtask_free(subtask: *mut cmabi_subtask) {
    guard_or((), || {
        if subtask.is_null() {
            return;
        }
        // SAFETY: the header's rules: the subtask is the caller's and is freed once.
        let this = unsafe { Box::from_raw(subtask) };
        if let (Some(store), Some(subtask)) = (this.link.store(), this.subtask.get())
            && store.enter(|cx| subtask.drop(cx)).is_err_and(|e| e.kind() == ErrorKind::Busy)
        {
            // The call still refers to it.
            mem::forget(this);
        }
    });
}

/// Sets `state` to how far a call is. Where a trap or a host function's failure has ended it, this fails
/// with that: `CMABI_STATUS_TRAP` or `CMABI_STATUS_HOST`, each time; `CMABI_STATUS_INVALID_ARGUMENT` where
/// the arguments turned out to be none of their types when the guest took them.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_subtask_state_of(
    subtask: *const cmabi_subtask,
    state: *mut cmabi_subtask_state,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (subtask, out) =
            unsafe { (check::required(subtask, "subtask")?, check::out_value(state, "state")?) };
        out.write(subtask.state()?.into());
        Ok(())
    })
}

/// The result of a call that has returned, in the canonical layout: it and what it points to live as long
/// as the subtask, but handles in it are the host's until it gives them away or drops them. Borrowed;
/// NULL for a function without a result, for a call that has not returned, and for NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_subtask_results(subtask: *const cmabi_subtask) -> *const c_void {
    guard_or(ptr::null(), || {
        // SAFETY: the header's rules.
        match unsafe { subtask.as_ref() } {
            Some(subtask) if matches!(subtask.state(), Ok(SubtaskState::Returned)) => {
                subtask.result.cast_const()
            }
            _ => ptr::null(),
        }
    })
}

/// Asks for a call's cancellation. The callee may end at once, later, or go on and return as if not
/// asked: look at the state. A call that is waiting to start is cancelled at once; for one that is over
/// nothing happens. `CMABI_STATUS_INVALID_ARGUMENT` where it was asked before.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_subtask_cancel(
    subtask: *mut cmabi_subtask,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let this = unsafe { check::required(subtask, "subtask") }?;
        let Some(subtask) = this.subtask.get() else {
            return Err(check::invalid("subtask", "is still being started"));
        };
        this.store()?.enter(|cx| subtask.cancel(cx)).map(drop)
    })
}

/// The store that the call was made in. Borrowed; NULL for NULL, and where the store was freed.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_subtask_store(subtask: *const cmabi_subtask) -> *mut cmabi_store {
    // SAFETY: the header's rules.
    let store = unsafe { subtask.as_ref() }.and_then(|subtask| subtask.link.store());
    store.map_or(ptr::null_mut(), cmabi_store::to_c)
}
