//! Function types

use super::error::{cmabi_error, cmabi_status, cmabi_string};
use super::reflect::{cmabi_addr_type, cmabi_core_type};
use super::types::{cmabi_field, cmabi_func_type, cmabi_type, fields_of};
use super::{check, guard, guard_or};
use crate::layout::Context;
use crate::types::{FuncType, FuncTypeData};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;

/// Which side of a component's boundary a core function is on.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cmabi_abi_context {
    /// `canon lift`: the component defines the core function and exports it.
    Lift,
    /// `canon lower`: the component imports the core function.
    Lower,
}

// SAFETY: `#[repr(u32)]`, and the values go from 0 without a gap.
unsafe impl check::Enumeration for cmabi_abi_context {
    const COUNT: u32 = cmabi_abi_context::Lower as u32 + 1;
}

/// The canonical options that a core function's signature depends on, apart from the memory.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cmabi_abi {
    /// Without `async`.
    Sync,
    /// With `async`.
    Async,
    /// With `async` and `callback`. For `CMABI_ABI_CONTEXT_LOWER` the same as `CMABI_ABI_ASYNC`.
    AsyncCallback,
}

// SAFETY: `#[repr(u32)]`, and the values go from 0 without a gap.
unsafe impl check::Enumeration for cmabi_abi {
    const COUNT: u32 = cmabi_abi::AsyncCallback as u32 + 1;
}

/// The signature of a core function that stands for a component function.
#[repr(C)]
pub struct cmabi_core_signature {
    /// How many parameters there are.
    pub param_count: usize,
    /// The parameters: at most 16, and one for the address of the results.
    pub params: [cmabi_core_type; 17],
    /// How many results there are.
    pub result_count: usize,
    /// The result.
    pub results: [cmabi_core_type; 1],
}

/// Makes `type` a function type. The names of the parameters are in kebab case and differ in more
/// than case. `result` is NULL for a function without a result; it cannot hold a borrow.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_func_type_new(
    params: *const cmabi_field,
    count: usize,
    result: *const cmabi_type,
    is_async: bool,
    r#type: *mut *mut cmabi_func_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let out = unsafe { check::out_handle(r#type, "type") }?;
        // SAFETY: the header's rules.
        let params = unsafe { fields_of(params, count, "params") }?;
        // SAFETY: the header's rules.
        let result = unsafe { cmabi_type::optional(result) };
        *out = cmabi_func_type::owned(FuncType::new(params, result, is_async)?);
        Ok(())
    })
}

/// Makes one's own hold on a function type: the same address, to be freed. NULL for NULL.
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
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_func_type_text(r#type: *const cmabi_func_type) -> cmabi_string {
    // SAFETY: the header's rules; the text lives as long as the type.
    unsafe { ask(r#type, cmabi_string::EMPTY, |ty| ty.text().into()) }
}

/// Whether the function is `async`: it may block before it returns. False for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_func_type_is_async(r#type: *const cmabi_func_type) -> bool {
    // SAFETY: the header's rules.
    unsafe { ask(r#type, false, FuncType::is_async) }
}

/// The record whose fields are the parameters, in order: what a call's arguments point to. Borrowed
/// from the type; NULL for a function without parameters.
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
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_func_type_result(
    r#type: *const cmabi_func_type,
) -> *const cmabi_type {
    // SAFETY: the header's rules; the result lives as long as the type.
    unsafe { ask(r#type, ptr::null(), |ty| ty.result().map_or(ptr::null(), cmabi_type::borrowed)) }
}

/// Writes to `core` the signature that the function has as a core function (`flatten_functype` of the
/// specification), with the limits of 16 parameters, 4 where it is lowered `async`, and 1 result,
/// beyond which they are passed in the memory whose addresses are `addr`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_func_type_flatten(
    r#type: *const cmabi_func_type,
    addr: MaybeUninit<cmabi_addr_type>,
    context: MaybeUninit<cmabi_abi_context>,
    abi: MaybeUninit<cmabi_abi>,
    core: *mut cmabi_core_signature,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let ty = unsafe { cmabi_func_type::get(r#type, "type") }?;
        let addr = check::enumerator(addr, "addr")?.into();
        let context = match check::enumerator(context, "context")? {
            cmabi_abi_context::Lift => Context::Lift,
            cmabi_abi_context::Lower => Context::Lower,
        };
        let abi = check::enumerator(abi, "abi")?;
        // SAFETY: the header's rules.
        let core = unsafe { check::out_value(core, "core") }?;
        let (is_async, has_callback) = (abi != cmabi_abi::Sync, abi == cmabi_abi::AsyncCallback);
        let flat = ty.flatten(addr, is_async, has_callback, context);
        let mut signature = cmabi_core_signature {
            param_count: flat.params.len(),
            params: [cmabi_core_type::I32; 17],
            result_count: flat.results.len(),
            results: [cmabi_core_type::I32; 1],
        };
        for (place, &ty) in signature.params.iter_mut().zip(flat.params.iter()) {
            *place = ty.into();
        }
        for (place, &ty) in signature.results.iter_mut().zip(flat.results.iter()) {
            *place = ty.into();
        }
        core.write(signature);
        Ok(())
    })
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
