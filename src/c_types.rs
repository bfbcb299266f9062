//! What C passes and gets, as far as more than the C API has to do with it. The C API gives these their places in
//! its headers.

#![allow(non_camel_case_types)]

use crate::core_types::CoreType;
use crate::error::{Error, ErrorKind, Result};
use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::ptr;

/// A `bool` in a struct of C's. Whatever byte is there, it can be read; Rust's own has two values only.
pub(crate) type c_bool = u8;

/// An error of [`ErrorKind::InvalidArgument`] about `argument`.
#[cold]
pub(crate) fn invalid(argument: &str, what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("argument `{argument}` {what}"))
}

/// An enumeration of the header. C can pass any number, so exports take `MaybeUninit<Self>`,
/// which has the same representation and which the header writes as the enumeration.
///
/// # Safety
/// `Self` is `#[repr(u32)]`, and every number below [`Enumeration::COUNT`] is one of its values.
pub(crate) unsafe trait Enumeration: Copy {
    /// How many values there are, from 0.
    const COUNT: u32;
}

/// The enumerator that C passed.
pub(crate) fn enumerator<E: Enumeration>(value: MaybeUninit<E>, argument: &str) -> Result<E> {
    const { assert!(size_of::<E>() == size_of::<u32>()) };
    // SAFETY: `Enumeration`: the value is a `u32` that C passed, so it is initialized.
    let number = unsafe { value.as_ptr().cast::<u32>().read() };
    if number >= E::COUNT {
        return Err(invalid(argument, format_args!("has the unknown value {number}")));
    }
    // SAFETY: `Enumeration`: every number below `COUNT` is a value.
    Ok(unsafe { value.assume_init() })
}

/// UTF-8 text: `len` bytes at `ptr`, without a terminator. A `len` of 0 allows any `ptr`.
///
/// It is also what a component's `string` is in the canonical layout, in arguments and results.
/// `CMABI_STR("literal")` makes one from a literal.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct cmabi_string {
    /// The first byte.
    pub ptr: *const c_char,
    /// Bytes.
    pub len: usize,
}

impl cmabi_string {
    /// No text.
    pub(crate) const EMPTY: Self = cmabi_string { ptr: ptr::null(), len: 0 };
}

impl From<&str> for cmabi_string {
    fn from(text: &str) -> Self {
        cmabi_string { ptr: text.as_ptr().cast(), len: text.len() }
    }
}

/// The type of a core value.
/// @since 0.1
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cmabi_core_type {
    /// `i32`
    I32,
    /// `i64`
    I64,
    /// `f32`
    F32,
    /// `f64`
    F64,
    /// `v128`
    V128,
    /// `funcref`
    Funcref,
    /// `externref`
    Externref,
    /// Any other reference type.
    Ref,
}

// SAFETY: `#[repr(u32)]`, and the values go from 0 without a gap.
unsafe impl Enumeration for cmabi_core_type {
    const COUNT: u32 = cmabi_core_type::Ref as u32 + 1;
}

impl From<CoreType> for cmabi_core_type {
    fn from(ty: CoreType) -> Self {
        match ty {
            CoreType::I32 => cmabi_core_type::I32,
            CoreType::I64 => cmabi_core_type::I64,
            CoreType::F32 => cmabi_core_type::F32,
            CoreType::F64 => cmabi_core_type::F64,
            CoreType::V128 => cmabi_core_type::V128,
            CoreType::FuncRef => cmabi_core_type::Funcref,
            CoreType::ExternRef => cmabi_core_type::Externref,
            CoreType::OtherRef => cmabi_core_type::Ref,
        }
    }
}

impl From<cmabi_core_type> for CoreType {
    fn from(ty: cmabi_core_type) -> Self {
        match ty {
            cmabi_core_type::I32 => CoreType::I32,
            cmabi_core_type::I64 => CoreType::I64,
            cmabi_core_type::F32 => CoreType::F32,
            cmabi_core_type::F64 => CoreType::F64,
            cmabi_core_type::V128 => CoreType::V128,
            cmabi_core_type::Funcref => CoreType::FuncRef,
            cmabi_core_type::Externref => CoreType::ExternRef,
            cmabi_core_type::Ref => CoreType::OtherRef,
        }
    }
}
