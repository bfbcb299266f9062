//! The C API: every `extern "C"` function and every raw pointer that comes from C.
//!
//! One folder per header, `include/cmabi.h` and `include/cmabi_engine.h`, and in it one file per
//! section. cbindgen writes the headers from these files (`tests/header.rs`). Types have the names that C sees. An export does four things and nothing
//! else: it enters [`guard`], turns its arguments into Rust values with the checks of
//! `check`, calls the library, and writes its outputs.
//!
//! The obligations that every caller has towards every export (pointers point to what their type
//! says, for as long as the documentation says; handles are used by one thread at a time unless
//! they are `const`) are stated once, at the top of the header; they are what the `SAFETY`
//! comments in here call *the header's rules*.

#![allow(non_camel_case_types)]
// The header's preamble states what holds for all of them.
#![allow(clippy::missing_safety_doc)]
// Without components there are fewer ways in.
#![cfg_attr(not(feature = "component"), allow(dead_code))]

#[cfg(not(feature = "component"))]
mod absent;
#[cfg(not(feature = "wasi"))]
mod absent_wasi;
pub(crate) mod check;
mod data;
mod sides;

pub mod cmabi;
pub mod cmabi_engine;

use crate::error::{Error, ErrorKind, Result, Trapped};
use cmabi::error::{cmabi_error, cmabi_status};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the body of a fallible export: a panic in it becomes [`ErrorKind::Internal`], and an error
/// becomes a status and, where the caller gave `error`, a [`cmabi_error`]. On success `*error` is
/// NULL.
fn guard(error: *mut *mut cmabi_error, body: impl FnOnce() -> Result<()>) -> cmabi_status {
    let result = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(internal(panic)));
    // SAFETY: the header's rules: `error` is NULL or points to a place for a pointer.
    unsafe { cmabi_error::report(error, result) }
}

/// Runs the body of an export that cannot fail: `otherwise` is its answer after a panic.
fn guard_or<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        internal(panic);
        otherwise
    })
}

/// What an arena that may hand out no more is for the caller, outside of a guest.
fn limit(trap: Trapped) -> Error {
    Error::new(ErrorKind::Limit, trap.to_string())
}

/// The answer of an export whose feature was left out of this build.
#[cfg(not(all(feature = "wasi", feature = "wasmi", feature = "wit")))]
#[cold]
fn left_out(feature: &str) -> Error {
    let message = format!("this build of the library was made without its feature `{feature}`");
    Error::new(ErrorKind::Unsupported, message)
}

/// The error that a panic becomes.
#[cold]
fn internal(panic: Box<dyn Any + Send>) -> Error {
    let message = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(message), _) => message,
        (_, Some(message)) => message.as_str(),
        _ => "unknown panic",
    };
    let error = Error::new(ErrorKind::Internal, format!("internal error: {message}"));
    // Dropping the payload could panic again, outside the guard.
    std::mem::forget(panic);
    error
}
