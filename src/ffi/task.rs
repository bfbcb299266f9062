//! Task: the host's side of a call that it serves

use super::arena::cmabi_arena;
use super::error::{cmabi_error, cmabi_status, cmabi_string};
use super::store::cmabi_store;
use super::types::cmabi_func_type;
use super::{check, guard};
use crate::error::{Result, Trap, Trapped};
use crate::runtime::{HostCall, HostOutcome};
use crate::types::FuncType;
use std::cell::RefCell;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;

/// A call of a host function, as long as the function runs.
pub struct cmabi_task {
    store: *const cmabi_store,
    arena: *mut cmabi_arena,
    ty: *const cmabi_func_type,
    /// Why the function fails.
    error: RefCell<Option<String>>,
}

impl cmabi_task {
    pub(super) fn new(store: &cmabi_store, arena: *mut cmabi_arena, ty: &FuncType) -> Self {
        let ty = cmabi_func_type::borrowed(ty);
        cmabi_task { store, arena, ty, error: RefCell::new(None) }
    }

    /// What the function's answer means; `None` is a number that is no status.
    pub(super) fn outcome(self, status: Option<cmabi_status>) -> Result<HostOutcome, Trapped> {
        let message: Arc<str> = match (status, self.error.into_inner()) {
            (Some(cmabi_status::Ok), _) => return Ok(HostOutcome::Returned),
            (_, Some(message)) => message.into(),
            (Some(status), None) => format!("the host function answered {}", status.text()).into(),
            (None, None) => "the host function answered an unknown status".into(),
        };
        Err(Trap::Host { message }.into())
    }
}

/// A function of the host that components call.
///
/// `args` points to the record of the arguments in the canonical layout (NULL without parameters);
/// it, and what it points to, is valid until the function returns. The function writes the result
/// to `results` (NULL without a result); what the result points to need only stay valid until the
/// function has returned, plus the time it takes to read it: put it in `cmabi_task_arena(task)`, or
/// in anything that lives longer.
///
/// It answers `CMABI_STATUS_OK`, or another status to make the guest trap: the caller of the guest
/// then gets `CMABI_STATUS_HOST` and the message of `cmabi_task_set_error`. It must return normally:
/// no exception, no longjmp. It may use the store (`cmabi_task_store`), also to call functions of
/// other instances.
pub type cmabi_host_func = Option<
    unsafe extern "C" fn(
        data: *mut c_void,
        task: *mut cmabi_task,
        args: *const c_void,
        results: *mut c_void,
    ) -> MaybeUninit<cmabi_status>,
>;

/// Frees the data of a callback that will not be called again.
pub type cmabi_drop = Option<unsafe extern "C" fn(data: *mut c_void)>;

/// A callback's data, which is dropped exactly once.
pub(super) struct Data {
    data: *mut c_void,
    drop: cmabi_drop,
}

impl Data {
    pub(super) fn new(data: *mut c_void, drop: cmabi_drop) -> Self {
        Data { data, drop }
    }

    /// To be passed to the callback.
    pub(super) fn get(&self) -> *mut c_void {
        self.data
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        if let Some(drop) = self.drop {
            // SAFETY: the header's rules: `drop` takes its `data`, once.
            unsafe { drop(self.data) }
        }
    }
}

// SAFETY: the header's rules: callbacks and their data may be used on every thread that a store
// they are given to runs on, and at once on those of several stores.
unsafe impl Send for Data {}
// SAFETY: as above.
unsafe impl Sync for Data {}

/// What serves the calls of a C function. `argument` is what C called the function.
pub(super) fn host_func(
    func: cmabi_host_func,
    data: Arc<Data>,
    argument: &str,
) -> Result<impl Fn(&mut HostCall<'_, '_>) -> Result<HostOutcome, Trapped> + Send + Sync + use<>> {
    let func = func.ok_or_else(|| check::invalid(argument, "is NULL"))?;
    Ok(move |call: &mut HostCall<'_, '_>| {
        // SAFETY: C offers functions to stores of C only, and a store that runs is alive.
        let store = unsafe { cmabi_store::of(call.cx) };
        let mut task = cmabi_task::new(store, cmabi_arena::lent(call.arena), call.ty);
        let args = call.ty.params_type().map_or(ptr::null(), |_| call.args.cast());
        let results = call.ty.result().map_or(ptr::null_mut(), |_| call.results.cast());
        let status = store.lend(call.cx, || {
            // SAFETY: the header's rules for host functions; the arguments are as documented there.
            unsafe { func(data.get(), &raw mut task, args, results) }
        });
        if store.is_poisoned() {
            let message = "a call that the host function made failed with an internal error";
            return Err(Trap::Internal(message.into()).into());
        }
        task.outcome(check::enumerator(status, "status").ok())
    })
}

/// The store that the call comes from; it may be used as long as the host function runs. Borrowed;
/// NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_task_store(task: *const cmabi_task) -> *mut cmabi_store {
    // SAFETY: the header's rules.
    unsafe { task.as_ref() }.map_or(std::ptr::null_mut(), |task| task.store.cast_mut())
}

/// Memory for what the result points to. It is freed after the result has been read. Borrowed; NULL
/// for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_task_arena(task: *const cmabi_task) -> *mut cmabi_arena {
    // SAFETY: the header's rules.
    unsafe { task.as_ref() }.map_or(std::ptr::null_mut(), |task| task.arena)
}

/// The type of the function that is called. Borrowed; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_task_get_type(task: *const cmabi_task) -> *const cmabi_func_type {
    // SAFETY: the header's rules.
    unsafe { task.as_ref() }.map_or(std::ptr::null(), |task| task.ty)
}

/// Says why the function is about to answer another status than `CMABI_STATUS_OK`. The text is
/// copied; the last one counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_task_set_error(
    task: *mut cmabi_task,
    message: cmabi_string,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (task, message) =
            unsafe { (check::required(task, "task")?, check::text(message, "message")?) };
        *task.error.borrow_mut() = Some(message.to_owned());
        Ok(())
    })
}
