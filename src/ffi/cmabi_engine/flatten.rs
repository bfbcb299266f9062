//! Flattening: types as core types

pub use crate::c_types::cmabi_core_type;
use crate::ffi::cmabi::error::{cmabi_error, cmabi_status};
use crate::ffi::cmabi::reflect::{ask_layout, cmabi_addr_type};
use crate::ffi::cmabi::types::{cmabi_func_type, cmabi_type};
use crate::ffi::{check, guard};
use crate::types::Type;
use crate::types::layout::Context;
use std::mem::MaybeUninit;

/// Which side of a component's boundary a core function is on.
/// @since 0.1
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
/// @since 0.1
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
/// @since 0.1
#[repr(C)]
pub struct cmabi_core_signature {
    /// How many parameters there are.
    /// @since 0.2
    pub params_len: usize,
    /// The parameters: at most 16, and one for the address of the results.
    pub params: [cmabi_core_type; 17],
    /// How many results there are.
    /// @since 0.2
    pub results_len: usize,
    /// The result.
    pub results: [cmabi_core_type; 1],
}

/// The core values that a value is passed as when it is passed flat (`flatten_type` of the
/// specification).
///
/// Returns how many there are. If there are at most `flat_len`, and at most 16, which is as many as
/// are ever passed flat, their types are written to `flat`, unless it is NULL.
/// 0 for NULL and for an unknown `addr`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_flatten(
    r#type: *const cmabi_type,
    addr: MaybeUninit<cmabi_addr_type>,
    flat: *mut cmabi_core_type,
    flat_len: usize,
) -> usize {
    let write = |ty: &Type, addr| {
        let flattened = ty.info().flat(addr).filter(|_| !flat.is_null());
        if let Some(types) = flattened.filter(|types| types.len() <= flat_len) {
            for (i, &ty) in types.iter().enumerate() {
                // SAFETY: the header's rules: there is room for `flat_len`.
                unsafe { flat.add(i).write(ty.into()) };
            }
        }
        ty.info().flat_count()
    };
    // SAFETY: the header's rules.
    unsafe { ask_layout(r#type, addr, write) }
}

/// Writes to `core` the signature that the function has as a core function (`flatten_functype` of the
/// specification), with the limits of 16 parameters, 4 where it is lowered `async`, and 1 result,
/// beyond which they are passed in the memory whose addresses are `addr`.
/// @since 0.1
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
            params_len: flat.params.len(),
            params: [cmabi_core_type::I32; 17],
            results_len: flat.results.len(),
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
