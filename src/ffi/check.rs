//! Arguments from C, checked. Each helper names the argument in its message.

pub(crate) use crate::c_types::{Enumeration, c_bool, enumerator, invalid};
use crate::core_types::AddrType;
use crate::error::{Error, ErrorKind, Result};
use crate::ffi::cmabi::error::cmabi_string;
use crate::types::Type;
use std::ffi::c_void;
use std::io;
use std::mem::MaybeUninit;
use std::path::Path;

/// What `ptr` points to.
///
/// # Safety
/// `ptr` is NULL or points to a `T` that stays valid and unchanged for `'a`.
pub(super) unsafe fn required<'a, T>(ptr: *const T, argument: &str) -> Result<&'a T> {
    // SAFETY: the caller's promise.
    unsafe { ptr.as_ref() }.ok_or_else(|| invalid(argument, "is NULL"))
}

/// What `ptr` points to, to be changed.
///
/// # Safety
/// `ptr` is NULL or points to a `T` that nothing else uses during `'a`.
pub(super) unsafe fn required_mut<'a, T>(ptr: *mut T, argument: &str) -> Result<&'a mut T> {
    // SAFETY: the caller's promise.
    unsafe { ptr.as_mut() }.ok_or_else(|| invalid(argument, "is NULL"))
}

/// The place for a handle that the export makes. It holds NULL until the export succeeds.
///
/// # Safety
/// `ptr` is NULL or points to a place for a pointer that nothing else uses during `'a`.
pub(super) unsafe fn out_handle<'a, T>(ptr: *mut *mut T, argument: &str) -> Result<&'a mut *mut T> {
    if ptr.is_null() {
        return Err(invalid(argument, "is NULL"));
    }
    // SAFETY: the caller's promise; what the place held before is not looked at.
    unsafe {
        ptr.write(std::ptr::null_mut());
        Ok(&mut *ptr)
    }
}

/// The place for a plain result. It is not touched unless the export succeeds.
///
/// # Safety
/// `ptr` is NULL or points to a place for a `T` that nothing else uses during `'a`.
pub(super) unsafe fn out_value<'a, T>(
    ptr: *mut T,
    argument: &str,
) -> Result<&'a mut MaybeUninit<T>> {
    // SAFETY: the caller's promise.
    unsafe { required_mut(ptr.cast::<MaybeUninit<T>>(), argument) }
}

/// Room for `len` elements at `ptr`; a length of 0 allows any pointer.
///
/// # Safety
/// As for [`slice`], and nothing else uses the elements during `'a`.
pub(super) unsafe fn slice_mut<'a, T>(
    ptr: *mut T,
    len: usize,
    argument: &str,
) -> Result<&'a mut [T]> {
    if len == 0 {
        return Ok(&mut []);
    }
    // SAFETY: the caller's promise.
    unsafe {
        slice(ptr, len, argument)?;
        Ok(std::slice::from_raw_parts_mut(ptr, len))
    }
}

/// `len` elements at `ptr`; a length of 0 allows any pointer.
///
/// # Safety
/// Unless `len` is 0, `ptr` is NULL or points to `len` values that stay unchanged for `'a`.
pub(super) unsafe fn slice<'a, T>(ptr: *const T, len: usize, argument: &str) -> Result<&'a [T]> {
    if len == 0 {
        return Ok(&[]);
    }
    if ptr.is_null() {
        return Err(invalid(argument, format_args!("is NULL with a length of {len}")));
    }
    if !ptr.is_aligned() {
        return Err(invalid(argument, format_args!("is not aligned to {}", align_of::<T>())));
    }
    if len > isize::MAX as usize / size_of::<T>() {
        return Err(invalid(argument, format_args!("has an impossible length of {len}")));
    }
    // SAFETY: the caller's promise; NULL, alignment and size were checked.
    Ok(unsafe { std::slice::from_raw_parts(ptr, len) })
}

/// Checks that `ptr` can be the address of a value of type `ty`.
pub(super) fn value(ty: &Type, ptr: *const c_void, argument: &str) -> Result<()> {
    if ptr.is_null() {
        return Err(invalid(argument, format_args!("is NULL, not a {ty}")));
    }
    let align = ty.info().align(AddrType::I64) as usize;
    // Alignments are powers of two: no division.
    if ptr.addr() & (align - 1) != 0 {
        return Err(invalid(argument, format_args!("is not aligned to {align}")));
    }
    Ok(())
}

/// The size of the C struct for a value of type `ty`, 0 where there is no value.
pub(super) fn size_of_value(ty: Option<&Type>) -> usize {
    ty.map_or(0, |ty| ty.info().size(AddrType::I64) as usize)
}

/// Checks that a C struct has the size of a value of type `ty`, or none where there is no value.
pub(super) fn size(ty: Option<&Type>, size: usize, argument: &str) -> Result<()> {
    let expected = size_of_value(ty);
    if size == expected {
        return Ok(());
    }
    let ty = ty.map_or_else(|| "nothing".into(), Type::to_string);
    Err(invalid(argument, format_args!("is {size}, but {ty} has {expected} bytes")))
}

/// The text of a string.
///
/// # Safety
/// As for [`slice`].
pub(super) unsafe fn text<'a>(string: cmabi_string, argument: &str) -> Result<&'a str> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { slice(string.ptr.cast::<u8>(), string.len, argument) }?;
    std::str::from_utf8(bytes).map_err(|error| {
        invalid(argument, format_args!("is not UTF-8 (at byte {})", error.valid_up_to()))
    })
}

/// A struct that the host fills in. Its first field is its size as the host's header has it.
///
/// # Safety
/// `Self` is `#[repr(C)]`, begins with `size: usize`, and is valid with its bytes beyond the first
/// field taken from C or from [`HostStruct::INIT`].
pub(super) unsafe trait HostStruct: Copy {
    /// What the `_INIT` macro of the header gives.
    const INIT: Self;
    /// The size that the struct had when it first appeared.
    const LEAST: usize;
}

/// A copy of a struct that the host filled in: fields that the host's older header does not have
/// are as in [`HostStruct::INIT`]; what a newer header appended must be zero.
///
/// # Safety
/// `ptr` is NULL or points to a `usize` that says how many bytes are there, itself included.
pub(super) unsafe fn host_struct<S: HostStruct>(ptr: *const S, argument: &str) -> Result<S> {
    if ptr.is_null() {
        return Err(invalid(argument, "is NULL"));
    }
    // SAFETY: the caller's promise; the size is the first field.
    let size = unsafe { ptr.cast::<usize>().read() };
    // No later version of a struct has become that large.
    const MOST: usize = 4096;
    if size < S::LEAST || size > MOST {
        return Err(invalid(
            argument,
            format_args!("says it has {size} bytes, not {} (use its _INIT macro)", size_of::<S>()),
        ));
    }
    // SAFETY: the caller's promise: `size` bytes are there.
    let bytes = unsafe { std::slice::from_raw_parts(ptr.cast::<u8>(), size) };
    let (known, newer) = bytes.split_at(size.min(size_of::<S>()));
    if newer.iter().any(|&byte| byte != 0) {
        return Err(invalid(argument, "uses fields that this version of the library lacks"));
    }
    let mut copy = S::INIT;
    // SAFETY: `known` is at most as long as `S`, and `HostStruct` says that its bytes are valid there.
    unsafe {
        std::ptr::copy_nonoverlapping(known.as_ptr(), (&raw mut copy).cast::<u8>(), known.len());
    }
    Ok(copy)
}

/// The path of a file.
///
/// # Safety
/// As for [`slice`].
pub(super) unsafe fn path<'a>(path: cmabi_string, argument: &str) -> Result<&'a Path> {
    // SAFETY: the caller's promise.
    unsafe { text(path, argument) }.map(Path::new)
}

/// The error for a file that could not be read.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::Invalid,
    };
    Error::new(kind, format!("{}: {error}", path.display()))
}
