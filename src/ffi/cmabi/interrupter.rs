//! Interrupter

use super::error::{cmabi_error, cmabi_status};
use super::store::cmabi_store;
use crate::error::Result;
use crate::ffi::{check, guard};
use crate::signal::Signal;
use std::sync::Arc;
use std::time::Duration;

/// Stops what runs in a store, from any thread, at any time; it may outlive the store.
/// @since 0.2
pub struct cmabi_interrupter {
    signal: Arc<Signal>,
}

/// For `cmabi_store_set_deadline`: there is time without end.
/// @since 0.2
pub const CMABI_NO_DEADLINE: u64 = u64::MAX;

/// Makes an interrupter of a store, to be freed with `cmabi_interrupter_free`. All interrupters of a store
/// do the same. `CMABI_STATUS_INVALID_ARGUMENT` for a store that was not made for it: see
/// `cmabi_config_set_interruptible`.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_store_interrupter(
    store: *mut cmabi_store,
    interrupter: *mut *mut cmabi_interrupter,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (out, store) = unsafe {
            let out = check::out_handle(interrupter, "interrupter")?;
            (out, check::required(store, "store")?)
        };
        let signal = store.enter(|cx| interrupt_of(cx.shared.interrupt()))?;
        *out = Box::into_raw(Box::new(cmabi_interrupter { signal }));
        Ok(())
    })
}

/// Stops what runs in the store now: the guest traps, and the call that ran it fails with
/// `CMABI_STATUS_INTERRUPTED`; so does a call that sleeps until something outside happens. As after any
/// trap, the instances whose calls are ended cannot be called again; others go on, and other calls of the
/// store with them. Where nothing runs, nothing happens.
///
/// It takes some milliseconds at the most, unless the engine is in the middle of a long instruction such
/// as `memory.fill`, or a function of the host runs: that is not stopped, but the guest that called it is
/// when it returns. Any thread may call this at any time, also after the store is freed, and so may a
/// handler of signals: it takes no lock and no memory. NULL is fine.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_interrupter_interrupt(interrupter: *const cmabi_interrupter) {
    // SAFETY: the header's rules.
    if let Some(interrupter) = unsafe { interrupter.as_ref() } {
        interrupter.signal.interrupt();
    }
}

/// Frees an interrupter; what it was asked for still happens. NULL is fine.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_interrupter_free(interrupter: *mut cmabi_interrupter) {
    if !interrupter.is_null() {
        // SAFETY: the header's rules: the interrupter is the caller's and is freed once.
        drop(unsafe { Box::from_raw(interrupter) });
    }
}

/// Gives what runs in a store so many nanoseconds from now; then it is stopped as by
/// `cmabi_interrupter_interrupt`, and so is whatever runs later, until this is called again. It takes the
/// place of a deadline that was set before; `CMABI_NO_DEADLINE` only takes that away.
///
/// One thread of the library keeps the deadlines of all stores. `CMABI_STATUS_INVALID_ARGUMENT` for a
/// store that was not made for it: see `cmabi_config_set_interruptible`. `CMABI_STATUS_LIMIT` where the
/// thread cannot be started.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_store_set_deadline(
    store: *mut cmabi_store,
    nanoseconds: u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let store = unsafe { check::required(store, "store") }?;
        store.enter(|cx| {
            let signal = interrupt_of(cx.shared.interrupt())?;
            let time =
                (nanoseconds != CMABI_NO_DEADLINE).then(|| Duration::from_nanos(nanoseconds));
            store.deadline(signal).set(time)
        })
    })
}

fn interrupt_of(signal: Option<&Arc<Signal>>) -> Result<Arc<Signal>> {
    let what = "is not interruptible (see cmabi_config_set_interruptible)";
    signal.cloned().ok_or_else(|| check::invalid("store", what))
}
