//! Future: the host's ends

use super::arena::cmabi_arena;
use super::error::{cmabi_drop, cmabi_error, cmabi_status};
use super::store::cmabi_store;
use super::stream::{self, Elements, Room, cmabi_copied, cmabi_on_copy};
use super::types::cmabi_type;
use crate::ffi::data::Data;
use crate::ffi::{check, guard};
use crate::host::stream::future_new;
use crate::runtime::host_end::HostEnd;
use std::ffi::c_void;

/// Makes a future of `element`, which is NULL for a future without payload. `*readable` and `*writable` are
/// handles of the host's table to its two ends. All as for `cmabi_stream_new`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_future_new(
    store: *mut cmabi_store,
    element: *const cmabi_type,
    readable: *mut u32,
    writable: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { stream::new_ends(future_new, store, element, [readable, writable], error) }
}

/// Checks that `end` is an end of a future of `element`, which is NULL for none. As
/// `cmabi_stream_check`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_future_check(
    store: *mut cmabi_store,
    end: u32,
    element: *const cmabi_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { stream::check_element(store, HostEnd::future(end), element, error) }
}

/// Reads the value of a future to `element` (`future.read` in CanonicalABI.md). What it points to goes to
/// `arena`. All as for `cmabi_stream_read` with a `count` of 1.
///
/// `copied->result` is `CMABI_COPY_RESULT_COMPLETED` with the value, `_BLOCKED` where it is not there yet,
/// and `_FAILED` where there will be none: because the writer's instance was ended, or the host has abandoned the
/// writable end. A read that is begun then fails with the reason. A future is read once.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_future_read(
    store: *mut cmabi_store,
    end: u32,
    element: *mut c_void,
    arena: *mut cmabi_arena,
    completion: cmabi_on_copy,
    data: *mut c_void,
    drop: cmabi_drop,
    copied: *mut cmabi_copied,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    let data = Data::new(data, drop);
    let elements = Elements { argument: "element", ptr: element, count: 1 };
    let room = Room { elements, arena };
    // SAFETY: the header's rules.
    unsafe { stream::read(store, HostEnd::future(end), room, completion, data, copied, error) }
}

/// Writes the value of a future from `element` (`future.write` in CanonicalABI.md). All as for
/// `cmabi_stream_write` with a `count` of 1.
///
/// The copy is over when the value was read: `CMABI_COPY_RESULT_COMPLETED`; or when the reader is gone:
/// `_DROPPED`, or `_FAILED` where its instance was ended. A future is written once.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_future_write(
    store: *mut cmabi_store,
    end: u32,
    element: *const c_void,
    completion: cmabi_on_copy,
    data: *mut c_void,
    drop: cmabi_drop,
    copied: *mut cmabi_copied,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    let data = Data::new(data, drop);
    let element = Elements { argument: "element", ptr: element, count: 1 };
    // SAFETY: the header's rules.
    unsafe { stream::write(store, HostEnd::future(end), element, completion, data, copied, error) }
}

/// Looks whether the copy in progress at `end` is over. As `cmabi_stream_poll`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_future_poll(
    store: *mut cmabi_store,
    end: u32,
    copied: *mut cmabi_copied,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { stream::poll(store, HostEnd::future(end), copied, error) }
}

/// Ends the copy that is in progress at `end`, and says what it came to (`future.cancel-read`,
/// `future.cancel-write`). As `cmabi_stream_cancel`. A copy that was cancelled can be begun again.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_future_cancel(
    store: *mut cmabi_store,
    end: u32,
    copied: *mut cmabi_copied,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { stream::cancel(store, HostEnd::future(end), copied, error) }
}

/// Forwards one future to another (`future.forward`): the value that is written to the other end of `readable` is
/// read from the other end of `writable`. As `cmabi_stream_forward`.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_future_forward(
    store: *mut cmabi_store,
    readable: u32,
    writable: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { stream::forward(store, HostEnd::future(readable), HostEnd::future(writable), error) }
}

/// Drops an end of a future (`future.drop-readable`, `future.drop-writable`).
/// `CMABI_STATUS_INVALID_ARGUMENT` while a copy is in progress, and for a writable end before its value was
/// read or its reader is gone: whoever promised a value has to give it.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_future_drop(
    store: *mut cmabi_store,
    end: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { stream::drop_end(store, HostEnd::future(end), error) }
}

/// Lets go of the writable end of a future though its value was not written. A guest that reads it waits for ever
/// then, a read of the host's fails; nothing is left in the store once the reader is gone.
///
/// `CMABI_STATUS_INVALID_ARGUMENT` while the value is being written, and for what is no such end.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_future_abandon(
    store: *mut cmabi_store,
    end: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let store = unsafe { check::required(store, "store") }?;
        store.enter(|cx| HostEnd::future(end).abandon(cx))
    })
}
