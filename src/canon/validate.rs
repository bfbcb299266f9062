//! Whether canonical options go together, and with a function's type ("Canonical ABI Options").
//!
//! Components were validated when they were loaded; this is for hosts with a decoder of their own.
//! That the `async` option is for async-typed functions only is a rule of components, not of the
//! definitions.

use crate::engine::CoreFuncType;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Options;
use crate::types::layout::{Context, MAX_FLAT_ASYNC_PARAMS, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS};
use crate::types::{FuncType, Type};

/// Checks what [`super::lift`] is given.
pub fn check_lift(ty: &FuncType, opts: &Options, callee: &CoreFuncType) -> Result<()> {
    if opts.callback.is_some() && !opts.is_async {
        return Err(invalid("`callback` is for `async` only"));
    }
    if opts.callback.is_some() && !ty.is_async() {
        // Between two callbacks it gives up exclusive access, which only such a function takes.
        return Err(invalid("`callback` is for functions of async type"));
    }
    if opts.post_return.is_some() && opts.is_async {
        return Err(invalid("`post-return` is not for `async`"));
    }
    let expected = ty.flatten(opts.addr, opts.is_async, opts.callback.is_some(), Context::Lift);
    if *callee != expected {
        let message = format!("`{ty}` lifts {expected}, not {callee}");
        return Err(Error::new(ErrorKind::TypeMismatch, message));
    }
    let result_is_spilled = !opts.is_async && spills(ty.result(), MAX_FLAT_RESULTS);
    let lowers = Lowers {
        pointers: has_pointers(ty.params_type()),
        spilled: spills(ty.params_type(), MAX_FLAT_PARAMS),
    };
    check_memory(ty, opts, lowers, result_is_spilled || has_pointers(ty.result()))
}

/// Checks what [`super::lower`] is given.
pub fn check_lower(ty: &FuncType, opts: &Options) -> Result<()> {
    if opts.callback.is_some() || opts.post_return.is_some() {
        return Err(invalid("`callback` and `post-return` are not for lower"));
    }
    let (max_params, max_results) = if opts.is_async {
        (MAX_FLAT_ASYNC_PARAMS, 0)
    } else {
        (MAX_FLAT_PARAMS, MAX_FLAT_RESULTS)
    };
    let lowers = Lowers { pointers: has_pointers(ty.result()), spilled: false };
    let reads = spills(ty.params_type(), max_params)
        || spills(ty.result(), max_results)
        || has_pointers(ty.params_type());
    check_memory(ty, opts, lowers, reads)
}

/// What is lowered into the memory.
struct Lowers {
    pointers: bool,
    spilled: bool,
}

fn check_memory(ty: &FuncType, opts: &Options, lowers: Lowers, lifts: bool) -> Result<()> {
    let allocates = lowers.pointers || lowers.spilled;
    if (allocates || lifts) && opts.memory.is_none() {
        return Err(invalid(&format!("`{ty}` needs the option `memory`")));
    }
    if allocates && opts.realloc.is_none() {
        return Err(invalid(&format!("`{ty}` needs the option `realloc`")));
    }
    Ok(())
}

fn has_pointers(ty: Option<&Type>) -> bool {
    ty.is_some_and(|ty| !ty.info().same_layout())
}

fn spills(ty: Option<&Type>, max_flat: usize) -> bool {
    ty.is_some_and(|ty| ty.info().flat_count() as usize > max_flat)
}

#[cold]
fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("argument `options`: {what}"))
}
