//! Func

use super::arena::cmabi_arena;
use super::error::{cmabi_error, cmabi_status};
use super::store::cmabi_store;
use super::types::cmabi_func_type;
use crate::error::{Error, ErrorKind};
use crate::ffi::{check, guard};
use crate::host;
use crate::runtime::FuncInst;
use std::ffi::c_void;
use std::ptr;

/// A function of the component level: one that an instance exports, borrowed from that instance, or
/// one that the host made (`cmabi_canon_lift`, `cmabi_func_new` in cmabi_engine.h), which is the host's to free.
/// @since 0.1
pub struct cmabi_func {
    /// The number of the store that it belongs to.
    pub(in crate::ffi) store: u64,
    pub(in crate::ffi) func: FuncInst,
}

impl cmabi_func {
    /// What C gets to own.
    pub(in crate::ffi) fn owned(store: &cmabi_store, func: FuncInst) -> *mut cmabi_func {
        Box::into_raw(Box::new(cmabi_func { store: store.id, func }))
    }
}

/// The type of a function. Borrowed; NULL for NULL.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_func_type_of(func: *const cmabi_func) -> *const cmabi_func_type {
    // SAFETY: the header's rules.
    unsafe { func.as_ref() }.map_or(ptr::null(), |func| cmabi_func_type::borrowed(func.func.ty()))
}

/// Checks that C's structs have the sizes that a function's arguments and result have: once, after
/// looking the function up. A size is 0 where there are no parameters or no result.
///
/// `CMABI_STATUS_TYPE_MISMATCH` where they differ: the message has the function's type and sizes.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_func_check(
    func: *const cmabi_func,
    args_size: usize,
    results_size: usize,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let func = unsafe { check::required(func, "func") }?;
        let ty = func.func.ty();
        for (what, given, ty_of_it) in
            [("arguments", args_size, ty.params_type()), ("result", results_size, ty.result())]
        {
            let expected = check::size_of_value(ty_of_it);
            if given != expected {
                return Err(Error::new(
                    ErrorKind::TypeMismatch,
                    format!("the {what} of `{ty}` take {expected} bytes, not {given}"),
                ));
            }
        }
        Ok(())
    })
}

/// Calls a function and runs the store until the call is over (Embedding API of CanonicalABI.md).
///
/// `args` points to the record of the arguments in the canonical layout, NULL without parameters; the
/// arguments, and what they point to, are only read, and only during the call. The result is written
/// to `results`, NULL without a result; what it points to lies in `arena`, which may be NULL where the
/// result has no strings, lists or maps in it. On failure `results` may have been written to in part.
///
/// `CMABI_STATUS_TRAP` where a guest trapped: the specification says what cannot be called any more
/// after that. `CMABI_STATUS_HOST` where a host function failed. `CMABI_STATUS_WOULD_BLOCK` where the
/// call can only go on when the host does something, and inside a host function where it has to wait at
/// all: it then goes on without its caller; `cmabi_func_start` is for such calls.
/// `CMABI_STATUS_INVALID_ARGUMENT` for a function of another store, and for arguments that are none of
/// their types, such as a stale handle or a string that is not UTF-8: no guest ends because of them, and
/// their handles stay the host's.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_func_call(
    store: *mut cmabi_store,
    func: *const cmabi_func,
    args: *const c_void,
    results: *mut c_void,
    arena: *mut cmabi_arena,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (store, func, arena) = unsafe {
            let store = check::required(store, "store")?;
            let func = check::required(func, "func")?;
            let arena =
                if arena.is_null() { None } else { Some(cmabi_arena::get(arena, "arena")?) };
            (store, func, arena)
        };
        store.owns(func.store, "func")?;
        let ty = func.func.ty();
        ty.params_type().map_or(Ok(()), |params| check::value(params, args, "args"))?;
        ty.result().map_or(Ok(()), |result| check::value(result, results, "results"))?;
        if arena.is_none() && ty.result().is_some_and(|result| !result.info().same_layout()) {
            return Err(check::invalid("arena", format_args!("is NULL, but the type is `{ty}`")));
        }
        let arena = arena.as_ref().unwrap_or(&store.no_arena);
        // A callback may free it, or the instance that it is borrowed from.
        let func = func.func.clone();
        store.enter(|cx| host::call(cx, &func, args.cast(), results.cast(), arena))
    })
}
