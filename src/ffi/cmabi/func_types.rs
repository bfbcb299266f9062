//! Function types

use super::error::{cmabi_error, cmabi_status, cmabi_string};
use super::types::{cmabi_field, cmabi_func_type, cmabi_type, fields_of};
use crate::ffi::{check, guard, guard_or};
use crate::types::{FuncType, FuncTypeData};
use std::ptr;
use std::sync::Arc;

/// Makes `type` a function type. The names of the parameters are in kebab case and differ in more
/// than case. `result` is NULL for a function without a result; it cannot hold a borrow.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_func_type_new(
    params: *const cmabi_field,
    params_len: usize,
    result: *const cmabi_type,
    is_async: bool,
    r#type: *mut *mut cmabi_func_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let out = unsafe { check::out_handle(r#type, "type") }?;
        // SAFETY: the header's rules.
        let params = unsafe { fields_of(params, params_len, "params") }?;
        // SAFETY: the header's rules.
        let result = unsafe { cmabi_type::optional(result) };
        *out = cmabi_func_type::owned(FuncType::new(params, result, is_async)?);
        Ok(())
    })
}

/// Makes one's own hold on a function type: the same address, to be freed. NULL for NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_func_type_clone(
    r#type: *const cmabi_func_type,
) -> *mut cmabi_func_type {
    guard_or(ptr::null_mut(), || {
        // SAFETY: the header's rules.
        let ty = unsafe { cmabi_func_type::get(r#type, "type") };
        ty.map_or(ptr::null_mut(), cmabi_func_type::owned)
    })
}

/// Gives up a hold on a function type. NULL is fine.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_func_type_free(r#type: *mut cmabi_func_type) {
    guard_or((), || {
        if !r#type.is_null() {
            // SAFETY: the header's rules: this is one of the counts that C owns.
            drop(unsafe { Arc::from_raw(r#type.cast_const().cast::<FuncTypeData>()) });
        }
    });
}

/// The type as WIT text: `async func(a: u8) -> string`; of a text that is longer than 64 KiB, the
/// beginning and ` ...`. Borrowed from the type; empty for NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_func_type_text(r#type: *const cmabi_func_type) -> cmabi_string {
    // SAFETY: the header's rules; the text lives as long as the type.
    unsafe { ask(r#type, cmabi_string::EMPTY, |ty| ty.text().into()) }
}

/// Whether the function is `async`: it may block before it returns. False for NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_func_type_is_async(r#type: *const cmabi_func_type) -> bool {
    // SAFETY: the header's rules.
    unsafe { ask(r#type, false, FuncType::is_async) }
}

/// The record whose fields are the parameters, in order: what a call's arguments point to. Borrowed
/// from the type; NULL for a function without parameters.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_func_type_params(
    r#type: *const cmabi_func_type,
) -> *const cmabi_type {
    // SAFETY: the header's rules; the record lives as long as the type.
    unsafe {
        ask(r#type, ptr::null(), |ty| ty.params_type().map_or(ptr::null(), cmabi_type::borrowed))
    }
}

/// The type of the result. Borrowed from the type; NULL for a function without a result.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_func_type_result(
    r#type: *const cmabi_func_type,
) -> *const cmabi_type {
    // SAFETY: the header's rules; the result lives as long as the type.
    unsafe { ask(r#type, ptr::null(), |ty| ty.result().map_or(ptr::null(), cmabi_type::borrowed)) }
}

/// The answer to a question about a function type; `otherwise` for NULL.
///
/// # Safety
/// `ptr` is NULL or a function type that C holds or borrows.
unsafe fn ask<T: Copy>(
    ptr: *const cmabi_func_type,
    otherwise: T,
    question: impl FnOnce(&FuncType) -> T,
) -> T {
    guard_or(otherwise, || {
        // SAFETY: the caller's promise.
        let ty = unsafe { cmabi_func_type::get(ptr, "type") };
        ty.map_or(otherwise, |ty| question(&ty))
    })
}
