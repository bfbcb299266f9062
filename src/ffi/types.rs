//! Types

use super::check;
use crate::error::Result;
use crate::types::{FuncType, FuncTypeData, Type, TypeData};
use std::sync::Arc;

/// A value type of the component model. Equal types have the same address: compare pointers.
///
/// Immutable, and usable from any thread. Types that are returned are borrowed from what they were
/// asked of; types that are written through an out-pointer are the caller's to free, once for each
/// time that they were written, also where the address is the same.
pub struct cmabi_type {
    /// What C sees as a `cmabi_type` is the interned [`TypeData`]. C owns a count of its [`Arc`].
    _type: [u8; 0],
}

/// The type of a function: its parameters, its result, and whether it is `async`. Equal function
/// types have the same address: compare pointers.
///
/// Immutable, and usable from any thread. Owned and borrowed like a `cmabi_type`.
pub struct cmabi_func_type {
    /// What C sees as a `cmabi_func_type` is the interned [`FuncTypeData`].
    _type: [u8; 0],
}

impl cmabi_type {
    /// What C gets for a type that lives in something that C holds.
    pub(super) fn borrowed(ty: &Type) -> *const cmabi_type {
        Arc::as_ptr(&ty.0).cast()
    }

    /// What C gets to own.
    pub(super) fn owned(ty: Type) -> *mut cmabi_type {
        Arc::into_raw(ty.0).cast_mut().cast()
    }

    /// The type behind C's pointer.
    ///
    /// # Safety
    /// `ptr` is NULL or a type that C holds or borrows.
    pub(super) unsafe fn get(ptr: *const cmabi_type, argument: &str) -> Result<Type> {
        let ptr: *const TypeData = ptr.cast();
        if ptr.is_null() {
            return Err(check::invalid(argument, "is NULL"));
        }
        // SAFETY: every pointer given out came from an `Arc`, which C's hold keeps alive.
        unsafe {
            Arc::increment_strong_count(ptr);
            Ok(Type(Arc::from_raw(ptr)))
        }
    }
}

impl cmabi_func_type {
    /// What C gets for a type that lives in something that C holds.
    pub(super) fn borrowed(ty: &FuncType) -> *const cmabi_func_type {
        Arc::as_ptr(&ty.0).cast()
    }

    /// What C gets to own.
    pub(super) fn owned(ty: FuncType) -> *mut cmabi_func_type {
        Arc::into_raw(ty.0).cast_mut().cast()
    }

    /// The type behind C's pointer.
    ///
    /// # Safety
    /// `ptr` is NULL or a type that C holds or borrows.
    pub(super) unsafe fn get(ptr: *const cmabi_func_type, argument: &str) -> Result<FuncType> {
        let ptr: *const FuncTypeData = ptr.cast();
        if ptr.is_null() {
            return Err(check::invalid(argument, "is NULL"));
        }
        // SAFETY: every pointer given out came from an `Arc`, which C's hold keeps alive.
        unsafe {
            Arc::increment_strong_count(ptr);
            Ok(FuncType(Arc::from_raw(ptr)))
        }
    }
}
