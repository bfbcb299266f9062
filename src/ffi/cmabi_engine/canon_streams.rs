//! Canonical built-ins for streams and futures, for core callbacks
//!
//! In the same way as the other built-ins.

use super::canon::cmabi_canon_options;
use super::canon_builtins::{element as optional, returning, run};
use crate::canon::Builtin;
use crate::engine::native::NativeStore;
use crate::error::Result;
use crate::ffi::cmabi::error::{cmabi_error, cmabi_status};
use crate::ffi::cmabi::store::cmabi_store;
use crate::ffi::cmabi::types::cmabi_type;
use crate::runtime::Options;
use crate::types::Type;

/// The immediates of a copy.
///
/// # Safety
/// The header's rules.
unsafe fn copy(
    element: *const cmabi_type,
    options: *const cmabi_canon_options,
    native: &NativeStore,
) -> Result<(Option<Type>, Options)> {
    // SAFETY: the caller's promise.
    unsafe { Ok((optional(element)?, cmabi_canon_options::read(options, native)?)) }
}

/// `stream.new`: makes a stream of `element`, which is NULL for none. `*ends` is the handle of the readable
/// end, and that of the writable end shifted left by 32.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_stream_new(
    store: *mut cmabi_store,
    element: *const cmabi_type,
    ends: *mut u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        returning(store, &[], ends, "ends", error, |_| {
            Ok(Builtin::StreamNew { element: optional(element)? })
        })
    }
}

/// `stream.read`: reads up to `len` elements to `ptr`. `*result` is 0xffffffff where the copy
/// goes on and the options are `async`; else its lower 4 bits are 0 completed, 1 dropped or 2
/// cancelled, and the others how many elements were copied.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_stream_read(
    store: *mut cmabi_store,
    element: *const cmabi_type,
    options: *const cmabi_canon_options,
    end: u32,
    ptr: u64,
    len: u64,
    result: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        returning(store, &[end.into(), ptr, len], result, "result", error, |native| {
            copy(element, options, native)
                .map(|(element, opts)| Builtin::StreamRead { element, opts })
        })
    }
}

/// `stream.write`: writes up to `len` elements from `ptr`. `*result` is 0xffffffff where the copy
/// goes on and the options are `async`; else its lower 4 bits are 0 completed, 1 dropped or 2
/// cancelled, and the others how many elements were copied.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_stream_write(
    store: *mut cmabi_store,
    element: *const cmabi_type,
    options: *const cmabi_canon_options,
    end: u32,
    ptr: u64,
    len: u64,
    result: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        returning(store, &[end.into(), ptr, len], result, "result", error, |native| {
            copy(element, options, native)
                .map(|(element, opts)| Builtin::StreamWrite { element, opts })
        })
    }
}

/// `stream.cancel-read`: asks a read that goes on to end. `*result` is like that of
/// `cmabi_canon_stream_read`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_stream_cancel_read(
    store: *mut cmabi_store,
    element: *const cmabi_type,
    is_async: bool,
    end: u32,
    result: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        returning(store, &[end.into()], result, "result", error, |_| {
            Ok(Builtin::StreamCancelRead { element: optional(element)?, is_async })
        })
    }
}

/// `stream.cancel-write`: asks a write that goes on to end. `*result` is like that of
/// `cmabi_canon_stream_write`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_stream_cancel_write(
    store: *mut cmabi_store,
    element: *const cmabi_type,
    is_async: bool,
    end: u32,
    result: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        returning(store, &[end.into()], result, "result", error, |_| {
            Ok(Builtin::StreamCancelWrite { element: optional(element)?, is_async })
        })
    }
}

/// `stream.drop-readable`: drops an end. Traps while it copies.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_stream_drop_readable(
    store: *mut cmabi_store,
    element: *const cmabi_type,
    end: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        run(store, &[end.into()], error, |_| {
            Ok(Builtin::StreamDropReadable { element: optional(element)? })
        })
    }
}

/// `stream.drop-writable`: drops an end. Traps while it copies.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_stream_drop_writable(
    store: *mut cmabi_store,
    element: *const cmabi_type,
    end: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        run(store, &[end.into()], error, |_| {
            Ok(Builtin::StreamDropWritable { element: optional(element)? })
        })
    }
}

/// `stream.forward`: what is written to the other end of `readable`, an end of this instance's, is read from the
/// other end of `writable` from now on. Both handles are gone then. Traps where one of them copies, is in a set,
/// or is done.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_stream_forward(
    store: *mut cmabi_store,
    element: *const cmabi_type,
    readable: u32,
    writable: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        run(store, &[readable.into(), writable.into()], error, |_| {
            Ok(Builtin::StreamForward { element: optional(element)? })
        })
    }
}

/// `future.new`: makes a future of `element`, which is NULL for none. `*ends` is the handle of the readable
/// end, and that of the writable end shifted left by 32.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_future_new(
    store: *mut cmabi_store,
    element: *const cmabi_type,
    ends: *mut u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        returning(store, &[], ends, "ends", error, |_| {
            Ok(Builtin::FutureNew { element: optional(element)? })
        })
    }
}

/// `future.read`: reads the value to `ptr`. `*result` is 0xffffffff where the copy
/// goes on and the options are `async`; else 0 completed, 1 dropped or 2 cancelled.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_future_read(
    store: *mut cmabi_store,
    element: *const cmabi_type,
    options: *const cmabi_canon_options,
    end: u32,
    ptr: u64,
    result: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        returning(store, &[end.into(), ptr], result, "result", error, |native| {
            copy(element, options, native)
                .map(|(element, opts)| Builtin::FutureRead { element, opts })
        })
    }
}

/// `future.write`: writes the value from `ptr`. `*result` is 0xffffffff where the copy
/// goes on and the options are `async`; else 0 completed, 1 dropped or 2 cancelled.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_future_write(
    store: *mut cmabi_store,
    element: *const cmabi_type,
    options: *const cmabi_canon_options,
    end: u32,
    ptr: u64,
    result: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        returning(store, &[end.into(), ptr], result, "result", error, |native| {
            copy(element, options, native)
                .map(|(element, opts)| Builtin::FutureWrite { element, opts })
        })
    }
}

/// `future.cancel-read`: asks a read that goes on to end. `*result` is like that of
/// `cmabi_canon_future_read`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_future_cancel_read(
    store: *mut cmabi_store,
    element: *const cmabi_type,
    is_async: bool,
    end: u32,
    result: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        returning(store, &[end.into()], result, "result", error, |_| {
            Ok(Builtin::FutureCancelRead { element: optional(element)?, is_async })
        })
    }
}

/// `future.cancel-write`: asks a write that goes on to end. `*result` is like that of
/// `cmabi_canon_future_write`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_future_cancel_write(
    store: *mut cmabi_store,
    element: *const cmabi_type,
    is_async: bool,
    end: u32,
    result: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        returning(store, &[end.into()], result, "result", error, |_| {
            Ok(Builtin::FutureCancelWrite { element: optional(element)?, is_async })
        })
    }
}

/// `future.drop-readable`: drops an end. Traps while it copies.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_future_drop_readable(
    store: *mut cmabi_store,
    element: *const cmabi_type,
    end: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        run(store, &[end.into()], error, |_| {
            Ok(Builtin::FutureDropReadable { element: optional(element)? })
        })
    }
}

/// `future.drop-writable`: drops an end. Traps while it copies.
/// Traps before a value was written, unless the readable end was dropped.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_future_drop_writable(
    store: *mut cmabi_store,
    element: *const cmabi_type,
    end: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        run(store, &[end.into()], error, |_| {
            Ok(Builtin::FutureDropWritable { element: optional(element)? })
        })
    }
}

/// `future.forward`: the value that is written to the other end of `readable` is read from the other end of
/// `writable`. As `cmabi_canon_stream_forward`.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_future_forward(
    store: *mut cmabi_store,
    element: *const cmabi_type,
    readable: u32,
    writable: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        run(store, &[readable.into(), writable.into()], error, |_| {
            Ok(Builtin::FutureForward { element: optional(element)? })
        })
    }
}
