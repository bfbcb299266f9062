//! Host functions and destructors

use super::error::cmabi_status;
use super::store::cmabi_store;
use super::task::cmabi_task;
use std::ffi::c_void;
use std::mem::MaybeUninit;

/// A function of the host that components call.
///
/// `args` points to the record of the arguments in the canonical layout (NULL without parameters);
/// it, and what it points to, is valid until the call is answered. The function writes the result
/// to `results` (NULL without a result), where zeros are; what the result points to need only stay valid until the
/// function has returned, plus the time it takes to read it: put it in `cmabi_task_arena(task)`, or
/// in anything that lives longer.
///
/// It answers
/// - `CMABI_STATUS_OK`: the result is there;
/// - `CMABI_STATUS_PENDING`: the call goes on. The task is the caller's now, as if it had been written
///   through an out-pointer, and `results` is not used;
/// - another status to make the guest trap: the caller of the guest then gets `CMABI_STATUS_HOST` and the
///   message of `cmabi_task_set_error`.
///
/// It must return normally: no exception, no longjmp. It may use the store (`cmabi_task_store`), also to
/// call functions of other instances.
/// @since 0.1
pub type cmabi_host_func = Option<
    unsafe extern "C" fn(
        data: *mut c_void,
        task: *mut cmabi_task,
        args: *const c_void,
        results: *mut c_void,
    ) -> MaybeUninit<cmabi_status>,
>;

/// Destroys a resource of the host's: called once for each `rep` that was given to
/// `cmabi_resource_new`, when the last handle that owns it is dropped, by the host or by a guest, or is
/// lost: with a component that a trap has ended, or with the store.
///
/// It may use the store, for example to drop handles that the object holds; while the store is being
/// freed, that is answered with `CMABI_STATUS_BUSY`, and is not needed.
/// @since 0.1
pub type cmabi_destructor =
    Option<unsafe extern "C" fn(data: *mut c_void, store: *mut cmabi_store, rep: *mut c_void)>;
