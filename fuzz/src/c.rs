//! Calling the library as a C program does.
//!
//! The macros hold the one promise that all calls of this crate make, so that the targets can be read:
//! they keep the header's rules.

use cmabi::ffi::cmabi::error::{
    cmabi_error, cmabi_error_free, cmabi_error_message, cmabi_status, cmabi_string,
};
use std::mem::MaybeUninit;
use std::ptr;

/// Calls a fallible function of the C API: `c!(cmabi_store_run(store))`. Whether it succeeded.
macro_rules! c {
    ($function:ident($($argument:expr),* $(,)?)) => {
        $crate::c::succeeds(|error| {
            // SAFETY: this crate keeps the header's rules.
            unsafe { $function($($argument,)* error) }
        })
    };
}

/// Calls one that writes its answer to its last argument: `get!(cmabi_engine_new(config))`. `None`
/// where it failed.
macro_rules! get {
    ($function:ident($($argument:expr),* $(,)?)) => {
        $crate::c::answer(|out, error| {
            // SAFETY: this crate keeps the header's rules.
            unsafe { $function($($argument,)* out, error) }
        })
    };
}

/// Calls a function that cannot fail.
macro_rules! ask {
    ($function:ident($($argument:expr),* $(,)?)) => {{
        #[allow(unused_unsafe, reason = "calls may be nested")]
        // SAFETY: this crate keeps the header's rules.
        let answer = unsafe { $function($($argument),*) };
        answer
    }};
}

/// Calls a function whose failure would be a bug in a target.
macro_rules! must {
    ($function:ident($($argument:expr),* $(,)?)) => {
        get!($function($($argument),*)).expect(stringify!($function))
    };
}

pub(crate) fn succeeds(function: impl FnOnce(*mut *mut cmabi_error) -> cmabi_status) -> bool {
    let mut error = ptr::null_mut();
    let status = function(&mut error);
    assert_eq!(status == cmabi_status::Ok, error.is_null(), "{status:?}");
    if status == cmabi_status::Internal {
        let message = ask!(cmabi_error_message(error));
        // SAFETY: a message of the library's.
        let message = unsafe { std::slice::from_raw_parts(message.ptr.cast(), message.len) };
        panic!("{}", String::from_utf8_lossy(message));
    }
    ask!(cmabi_error_free(error));
    status == cmabi_status::Ok
}

pub(crate) fn answer<T>(
    function: impl FnOnce(*mut T, *mut *mut cmabi_error) -> cmabi_status,
) -> Option<T> {
    let mut out = MaybeUninit::uninit();
    let done = succeeds(|error| function(out.as_mut_ptr(), error));
    // SAFETY: a function that succeeds has written its answer.
    done.then(|| unsafe { out.assume_init() })
}

pub(crate) fn text(text: &[u8]) -> cmabi_string {
    cmabi_string { ptr: text.as_ptr().cast(), len: text.len() }
}

/// What has to be freed.
pub(crate) struct Owned<T>(pub(crate) *mut T, pub(crate) unsafe extern "C" fn(*mut T));

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: it is ours, and freed here only.
        unsafe { (self.1)(self.0) }
    }
}
