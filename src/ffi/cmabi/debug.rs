//! What a store is doing, for debugging

use super::arena::{self, cmabi_arena};
use super::error::{cmabi_error, cmabi_status, cmabi_string};
use super::store::cmabi_store;
use crate::error::Result;
use crate::ffi::{check, guard};
use crate::runtime::{self, Counts};

/// What a store, or an instance with those inside it, is doing, in numbers.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct cmabi_counts {
    /// The size of this struct: `CMABI_COUNTS_INIT`.
    pub size: usize,
    /// Threads of guests that can run: `cmabi_store_run` lets them.
    pub ready: u32,
    /// Threads of guests that wait for an event, for the end of a call, or to be let in.
    pub waiting: u32,
    /// Threads of guests that are suspended until another thread resumes them, or have not begun.
    pub suspended: u32,
    /// Calls of guests that wait to be let in, because of backpressure or because another call has the
    /// instance to itself.
    pub waiting_to_enter: u32,
    /// The counters of `backpressure.inc` and `backpressure.dec`, added up.
    pub backpressure: u32,
    /// Calls of host functions that have not been answered; 0 for an instance.
    pub pending_host_tasks: u32,
    /// Component instances, the host not counted.
    /// @since 0.2
    pub instances: u32,
    /// Bytes of the host's memory that the store takes, as far as `cmabi_config_set_max_host_bytes` bounds
    /// it; 0 for an instance.
    /// @since 0.2
    pub host_bytes: u64,
    /// The most that it took at one time; 0 for an instance.
    /// @since 0.2
    pub host_bytes_peak: u64,
    /// Bytes of all linear memories and tables, as far as the engine tells and
    /// `cmabi_config_set_max_guest_bytes` bounds it; 0 for an instance.
    /// @since 0.2
    pub guest_bytes: u64,
    /// The most that there were at one time; 0 for an instance.
    /// @since 0.2
    pub guest_bytes_peak: u64,
}

// SAFETY: `#[repr(C)]`, begins with its size, and is made of numbers.
unsafe impl check::HostStruct for cmabi_counts {
    const INIT: Self = cmabi_counts {
        size: size_of::<Self>(),
        ready: 0,
        waiting: 0,
        suspended: 0,
        waiting_to_enter: 0,
        backpressure: 0,
        pending_host_tasks: 0,
        instances: 0,
        host_bytes: 0,
        host_bytes_peak: 0,
        guest_bytes: 0,
        guest_bytes_peak: 0,
    };
    const LEAST: usize = size_of::<Self>();
}

impl cmabi_counts {
    /// Writes what was counted.
    ///
    /// # Safety
    /// `place` is NULL or points to a struct of C's that says how large it is.
    pub(in crate::ffi) unsafe fn write(place: *mut cmabi_counts, counts: &Counts) -> Result<()> {
        // SAFETY: the caller's promise.
        let asked = unsafe { check::host_struct(place, "counts") }?;
        let filled = cmabi_counts {
            size: asked.size,
            ready: counts.ready,
            waiting: counts.waiting,
            suspended: counts.suspended,
            waiting_to_enter: counts.waiting_to_enter,
            backpressure: counts.backpressure,
            pending_host_tasks: counts.pending_host_tasks,
            instances: counts.instances,
            host_bytes: counts.host_bytes,
            host_bytes_peak: counts.host_bytes_peak,
            guest_bytes: counts.guest_bytes,
            guest_bytes_peak: counts.guest_bytes_peak,
        };
        // SAFETY: the caller's promise: at least `LEAST` bytes are there, which is all of it.
        unsafe { place.write(filled) };
        Ok(())
    }
}

/// Counts what a store is doing, for debugging: it looks at every thread. `counts` is initialized with
/// `CMABI_COUNTS_INIT`.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_store_counts(
    store: *mut cmabi_store,
    counts: *mut cmabi_counts,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        unsafe {
            let store = check::required(store, "store")?;
            cmabi_counts::write(counts, &store.enter(|cx| Ok(runtime::counts(cx)))?)
        }
    })
}

/// Who waits for what, as text in `arena`, for debugging: a line for each thread of a guest, for each call
/// of a host function that has not been answered, and for each instance that keeps calls waiting.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_store_dump(
    store: *mut cmabi_store,
    text: *mut cmabi_string,
    arena: *mut cmabi_arena,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (store, arena, out) = unsafe {
            let store = check::required(store, "store")?;
            (store, cmabi_arena::get(arena, "arena")?, check::out_value(text, "text")?)
        };
        let dump = store.enter(|cx| Ok(runtime::dump(cx)))?;
        out.write(arena::keep_text(&arena, &dump)?);
        Ok(())
    })
}
