//! Types

use super::check;
use crate::error::Result;
use crate::types::{FuncType, Type};

/// A value type of the component model. Equal types are the same type.
///
/// Immutable, and usable from any thread. Types that are returned are borrowed from what they were
/// asked of; types that are written through an out-pointer are the caller's to free.
pub struct cmabi_type {
    /// What C sees as a `cmabi_type` is a [`Type`]; a borrowed one lies wherever Rust keeps it.
    _type: [u8; 0],
}

/// The type of a function: its parameters, its result, and whether it is `async`.
///
/// Immutable, and usable from any thread.
pub struct cmabi_func_type {
    /// What C sees as a `cmabi_func_type` is a [`FuncType`].
    _type: [u8; 0],
}

impl cmabi_type {
    /// What C gets for a type that lives in something that C holds.
    pub(super) fn borrowed(ty: &Type) -> *const cmabi_type {
        std::ptr::from_ref(ty).cast()
    }

    /// What C gets to own.
    pub(super) fn owned(ty: Type) -> *mut cmabi_type {
        Box::into_raw(Box::new(ty)).cast()
    }

    /// The type behind C's pointer.
    ///
    /// # Safety
    /// `ptr` is NULL or a type that C holds or borrows during `'a`.
    pub(super) unsafe fn get<'a>(ptr: *const cmabi_type, argument: &str) -> Result<&'a Type> {
        // SAFETY: the caller's promise; every pointer given out points to a `Type`.
        unsafe { check::required(ptr.cast::<Type>(), argument) }
    }
}

impl cmabi_func_type {
    /// What C gets for a type that lives in something that C holds.
    pub(super) fn borrowed(ty: &FuncType) -> *const cmabi_func_type {
        std::ptr::from_ref(ty).cast()
    }

    /// What C gets to own.
    pub(super) fn owned(ty: FuncType) -> *mut cmabi_func_type {
        Box::into_raw(Box::new(ty)).cast()
    }

    /// The type behind C's pointer.
    ///
    /// # Safety
    /// `ptr` is NULL or a type that C holds or borrows during `'a`.
    pub(super) unsafe fn get<'a>(
        ptr: *const cmabi_func_type,
        argument: &str,
    ) -> Result<&'a FuncType> {
        // SAFETY: the caller's promise; every pointer given out points to a `FuncType`.
        unsafe { check::required(ptr.cast::<FuncType>(), argument) }
    }
}
