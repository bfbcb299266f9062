//! Waitable set: the host's ends, waited for together

use super::error::{cmabi_error, cmabi_status};
use super::store::cmabi_store;
use super::stream::{cmabi_copied, cmabi_copy_result};
use crate::ffi::{check, guard};
use crate::host::{self, HostEvent};
use crate::runtime::EventCode;

/// What a waitable has to tell (`EventCode` in CanonicalABI.md).
/// @since 0.1
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cmabi_event_code {
    /// Nothing.
    None,
    /// A call has started or is over. Only for guests: the host's own calls are told of otherwise.
    Subtask,
    /// A read of a stream is over.
    StreamRead,
    /// A write to a stream is over.
    StreamWrite,
    /// A read of a future is over.
    FutureRead,
    /// A write to a future is over.
    FutureWrite,
    /// The task that waits should cancel itself. Only for guests.
    TaskCancelled,
}

/// An event of a set of the host's.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct cmabi_event {
    /// What happened; `CMABI_EVENT_CODE_NONE` where nothing has.
    pub code: cmabi_event_code,
    /// The end at which the copy is over.
    pub end: u32,
    /// How it ended.
    pub result: cmabi_copy_result,
    /// How many elements were copied.
    pub count: u32,
}

impl From<Option<HostEvent>> for cmabi_event {
    fn from(event: Option<HostEvent>) -> Self {
        let code = match event.map_or(EventCode::None, |event| event.code) {
            EventCode::None => cmabi_event_code::None,
            EventCode::Subtask => cmabi_event_code::Subtask,
            EventCode::StreamRead => cmabi_event_code::StreamRead,
            EventCode::StreamWrite => cmabi_event_code::StreamWrite,
            EventCode::FutureRead => cmabi_event_code::FutureRead,
            EventCode::FutureWrite => cmabi_event_code::FutureWrite,
            EventCode::TaskCancelled => cmabi_event_code::TaskCancelled,
        };
        let cmabi_copied { result, count } = event.map(|event| event.copied).into();
        cmabi_event { code, end: event.map_or(0, |event| event.handle), result, count }
    }
}

/// Makes `*set` a handle to a new, empty set of the host's (`waitable-set.new` in CanonicalABI.md).
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_waitable_set_new(
    store: *mut cmabi_store,
    set: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (store, out) =
            unsafe { (check::required(store, "store")?, check::out_value(set, "set")?) };
        out.write(store.enter(host::waitable_set_new)?);
        Ok(())
    })
}

/// Puts `end`, an end of a stream or future of the host's, into `set`, out of the one it was in; with 0 it is
/// in none (`waitable.join`). An end in a set cannot be given away.
///
/// The set has an event when a copy at the end is over that was begun without a completion.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_waitable_join(
    store: *mut cmabi_store,
    end: u32,
    set: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let store = unsafe { check::required(store, "store") }?;
        store.enter(|cx| host::waitable_join(cx, end, set))
    })
}

/// Takes an event of `set` where it has one (`waitable-set.poll`). Runs nothing.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_waitable_set_poll(
    store: *mut cmabi_store,
    set: u32,
    event: *mut cmabi_event,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (store, out) =
            unsafe { (check::required(store, "store")?, check::out_value(event, "event")?) };
        let polled = store.enter(|cx| host::waitable_set_poll(cx, set))?;
        out.write(polled.into());
        Ok(())
    })
}

/// Runs the store until `set` has an event, and takes it (`waitable-set.wait`).
///
/// `CMABI_STATUS_WOULD_BLOCK` where nothing can run before the host does something else;
/// `CMABI_STATUS_TRAP` where a guest trapped on the way; `CMABI_STATUS_BUSY` while a guest runs, as inside a
/// host function.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_waitable_set_wait(
    store: *mut cmabi_store,
    set: u32,
    event: *mut cmabi_event,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (store, out) =
            unsafe { (check::required(store, "store")?, check::out_value(event, "event")?) };
        let waited = store.enter(|cx| host::waitable_set_wait(cx, set))?;
        out.write(Some(waited).into());
        Ok(())
    })
}

/// Drops a set (`waitable-set.drop`). `CMABI_STATUS_INVALID_ARGUMENT` while something is in it.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_waitable_set_drop(
    store: *mut cmabi_store,
    set: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let store = unsafe { check::required(store, "store") }?;
        store.enter(|cx| host::waitable_set_drop(cx, set))
    })
}
