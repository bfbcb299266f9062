//! Types from WIT text

use super::error::{cmabi_error, cmabi_status, cmabi_string};
use super::types::{cmabi_func_type, cmabi_resource_type, cmabi_type};
use crate::error::Result;
use crate::ffi::{check, guard, guard_or};
use crate::types::{Wit, WitItem};

/// What a WIT package defines, by path.
///
/// A path is `interface/item`, `world/item`, or `world/interface/item` for an interface that a world
/// defines in place. An interface or world can also be named in full, as in
/// `wasi:io/streams@0.2.0/input-stream`, and has to be if it is of another package than the main one.
/// The functions of resources have the names that components give them: `[method]blob.size`. A
/// world's export hides an import of the same name.
///
/// Immutable, and usable from any thread.
/// @since 0.1
pub struct cmabi_wit {
    wit: Wit,
}

/// A file of WIT text.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cmabi_wit_file {
    /// What messages call it.
    pub name: cmabi_string,
    /// The text.
    pub text: cmabi_string,
}

/// Something that WIT text defines. One of the three types is not NULL; it is borrowed from the
/// `cmabi_wit`, as is the path.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cmabi_wit_item {
    /// Its path.
    pub path: cmabi_string,
    /// For a value type.
    pub r#type: *const cmabi_type,
    /// For a function.
    pub func: *const cmabi_func_type,
    /// For a resource type.
    pub resource: *const cmabi_resource_type,
}

impl cmabi_wit_item {
    const NONE: Self = cmabi_wit_item {
        path: cmabi_string::EMPTY,
        r#type: std::ptr::null(),
        func: std::ptr::null(),
        resource: std::ptr::null(),
    };
}

/// Makes `wit` of the files of one package, in any order. Packages that it uses can be nested in the
/// text: `package ns:dep { ... }`. Each call makes new resource types.
///
/// Malformed text is `CMABI_STATUS_INVALID`, with a message that begins with the place, as
/// `file:line:column`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wit_parse(
    files: *const cmabi_wit_file,
    files_len: usize,
    wit: *mut *mut cmabi_wit,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let out = unsafe { check::out_handle(wit, "wit") }?;
        // SAFETY: the header's rules.
        let files = unsafe { check::slice(files, files_len, "files") }?;
        if files.is_empty() {
            return Err(check::invalid("files", "is empty"));
        }
        let file = |file: &cmabi_wit_file| {
            // SAFETY: the header's rules.
            unsafe { Ok((check::text(file.name, "files")?, check::text(file.text, "files")?)) }
        };
        let files = files.iter().map(file).collect::<Result<Vec<_>>>()?;
        *out = Box::into_raw(Box::new(cmabi_wit { wit: Wit::parse(&files)? }));
        Ok(())
    })
}

/// Frees what was parsed. NULL is fine. Types that were cloned, or made of it, stay.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wit_free(wit: *mut cmabi_wit) {
    guard_or((), || {
        if !wit.is_null() {
            // SAFETY: the header's rules: it is the caller's and is freed once.
            drop(unsafe { Box::from_raw(wit) });
        }
    });
}

/// Sets `type` to the value type at `path`, borrowed from `wit`. `CMABI_STATUS_NOT_FOUND` if there is
/// none.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wit_type(
    wit: *const cmabi_wit,
    path: cmabi_string,
    r#type: *mut *const cmabi_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        find(wit, path, r#type, "type", error, |wit, path| wit.ty(path).map(cmabi_type::borrowed))
    }
}

/// Sets `type` to the type of the function at `path`, borrowed from `wit`. `CMABI_STATUS_NOT_FOUND` if
/// there is none.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wit_func(
    wit: *const cmabi_wit,
    path: cmabi_string,
    r#type: *mut *const cmabi_func_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        find(wit, path, r#type, "type", error, |wit, path| {
            wit.func(path).map(cmabi_func_type::borrowed)
        })
    }
}

/// Sets `resource` to the resource type at `path`, borrowed from `wit`. `CMABI_STATUS_NOT_FOUND` if
/// there is none.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wit_resource(
    wit: *const cmabi_wit,
    path: cmabi_string,
    resource: *mut *const cmabi_resource_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        find(wit, path, resource, "resource", error, |wit, path| {
            wit.resource(path).map(cmabi_resource_type::borrowed)
        })
    }
}

/// Makes `type` the function type that `text` writes: `func(s: string) -> u32`, after the definitions of the types
/// that it names, if any. Each resource type in it is a new one.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_func_type_parse(
    text: cmabi_string,
    r#type: *mut *mut cmabi_func_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (out, text) =
            unsafe { (check::out_handle(r#type, "type")?, check::text(text, "text")?) };
        *out = cmabi_func_type::owned(Wit::func_of(text)?);
        Ok(())
    })
}

/// How many items there are. What the main package defines is there twice, by its short path and by
/// its full one. 0 for NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wit_item_count(wit: *const cmabi_wit) -> usize {
    // SAFETY: the header's rules.
    unsafe { wit.as_ref() }.map_or(0, |wit| wit.wit.items().len())
}

/// One of the items, in the order of the paths. All of it is empty or NULL beyond the last.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wit_item_at(wit: *const cmabi_wit, index: usize) -> cmabi_wit_item {
    // SAFETY: the header's rules.
    let Some((path, item)) = (unsafe { wit.as_ref() }).and_then(|wit| wit.wit.items().get(index))
    else {
        return cmabi_wit_item::NONE;
    };
    let named = cmabi_wit_item { path: path.as_str().into(), ..cmabi_wit_item::NONE };
    match item {
        WitItem::Type(ty) => cmabi_wit_item { r#type: cmabi_type::borrowed(ty), ..named },
        WitItem::Func(ty) => cmabi_wit_item { func: cmabi_func_type::borrowed(ty), ..named },
        WitItem::Resource(resource) => {
            cmabi_wit_item { resource: cmabi_resource_type::borrowed(resource), ..named }
        }
    }
}

/// The whole of an export that looks something up.
///
/// # Safety
/// The header's rules for all arguments.
unsafe fn find<T>(
    wit: *const cmabi_wit,
    path: cmabi_string,
    place: *mut *const T,
    argument: &str,
    error: *mut *mut cmabi_error,
    look_up: impl FnOnce(&Wit, &str) -> Result<*const T>,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the caller's promise.
        let out = unsafe { check::out_handle(place.cast::<*mut T>(), argument) }?;
        // SAFETY: the caller's promise.
        let wit = unsafe { check::required(wit, "wit") }?;
        // SAFETY: the caller's promise.
        let path = unsafe { check::text(path, "path") }?;
        *out = look_up(&wit.wit, path)?.cast_mut();
        Ok(())
    })
}
