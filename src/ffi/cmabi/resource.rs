//! Resource
//!
//! The host's objects are pointers, representations are 32-bit numbers: a store keeps the pointers of
//! its host's objects in a table ([`Objects`]). The numbers have their highest bit set, which no
//! handle has. So a borrow of the host's own resource, which arrives as its representation, can be
//! told from a handle.

use super::error::{cmabi_error, cmabi_status};
use super::host::cmabi_destructor;
use super::store::cmabi_store;
use super::types::cmabi_resource_type;
use crate::account::Account;
use crate::error::{Error, ErrorKind, Result, Trapped};
use crate::ffi::data::Data;
use crate::ffi::{check, guard};
use crate::host;
use crate::runtime::{Cx, Table};
use crate::types::ResourceType;
use std::cell::RefCell;
use std::ffi::c_void;

/// Set in the representations of the host's resources.
const REP: u32 = 1 << 31;

/// The host's objects in one store, by representation.
pub(in crate::ffi) struct Objects(RefCell<Table<Object>>);

struct Object {
    ty: ResourceType,
    rep: *mut c_void,
}

impl Objects {
    pub(in crate::ffi) fn new() -> Self {
        Objects(RefCell::new(Table::new(u32::MAX, &Account::unlimited())))
    }

    fn add(&self, object: Object) -> Result<u32> {
        let index = self.0.borrow_mut().add(object).map_err(crate::ffi::limit)?;
        Ok(index | REP)
    }

    fn remove(&self, rep: u32) -> Option<*mut c_void> {
        Some(self.0.borrow_mut().remove(rep & !REP)?.rep)
    }

    fn get(&self, ty: &ResourceType, rep: u32) -> Option<*mut c_void> {
        let objects = self.0.borrow();
        objects.get(rep & !REP).filter(|object| object.ty == *ty).map(|object| object.rep)
    }
}

/// See [`crate::runtime::LentRep`].
pub(in crate::ffi) fn is_lent_rep(cx: &Cx<'_>, ty: &ResourceType, handle: u32) -> bool {
    // SAFETY: only stores of C ask, and a store that runs is alive.
    handle & REP != 0 && unsafe { cmabi_store::of(cx) }.objects.get(ty, handle).is_some()
}

/// A destructor with its data.
pub(in crate::ffi) struct Destructor {
    pub(in crate::ffi) func: cmabi_destructor,
    pub(in crate::ffi) data: Data,
}

impl Destructor {
    /// What the runtime calls.
    pub(in crate::ffi) fn run(&self, cx: &mut Cx<'_>, rep: u32) -> Result<(), Trapped> {
        // SAFETY: linkers of C instantiate in stores of C only, and a store that runs is alive.
        let store = unsafe { cmabi_store::of(cx) };
        let object = store.objects.remove(rep);
        if let (Some(func), Some(rep)) = (self.func, object) {
            store.lend(cx, || {
                // SAFETY: the header's rules for destructors: `rep` is an object of theirs.
                unsafe { func(self.data.get(), store.to_c(), rep) }
            });
        }
        Ok(())
    }
}

/// Makes `handle` a handle of the host's that owns the resource with the representation `rep`: any
/// pointer, or number, that means something to the host. `canon resource.new` in the specification.
///
/// `type` is a type that `cmabi_linker_resource` offers and that a component of the store imports; others
/// are `CMABI_STATUS_INVALID_ARGUMENT`. `CMABI_STATUS_LIMIT` where the table is full. On failure the
/// destructor is not called: `rep` stays with the caller.
///
/// The handle is given away by passing it as an `own` argument or result, lent by passing it as a
/// `borrow` argument, and otherwise dropped with `cmabi_resource_drop`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_resource_new(
    store: *mut cmabi_store,
    r#type: *const cmabi_resource_type,
    rep: *mut c_void,
    handle: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (store, ty, out) = unsafe {
            let store = check::required(store, "store")?;
            let ty = cmabi_resource_type::get(r#type, "type")?;
            (store, ty, check::out_value(handle, "handle")?)
        };
        let made = store.enter(|cx| {
            host::resource::check_implements(cx, &ty)?;
            let object = store.objects.add(Object { ty: ty.clone(), rep })?;
            host::resource::new(cx, &ty, object).inspect_err(|_| {
                store.objects.remove(object);
            })
        })?;
        out.write(made);
        Ok(())
    })
}

/// Sets `rep` to the representation of a resource of the host's. `canon resource.rep` in the
/// specification.
///
/// `handle` is a handle of the host's, or what a host function got as an argument of type
/// `borrow<type>`: a borrow that comes back to the implementer of its type is no handle, need not be
/// dropped, and is valid until the call is over. Until then it can be lent on, as a `borrow<type>` argument.
///
/// `CMABI_STATUS_INVALID_ARGUMENT` for a stale handle, for one of another type, and for a `type` that a
/// component implements: its representations are its own affair.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_resource_rep(
    store: *mut cmabi_store,
    r#type: *const cmabi_resource_type,
    handle: u32,
    rep: *mut *mut c_void,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (store, ty, out) = unsafe {
            let store = check::required(store, "store")?;
            let ty = cmabi_resource_type::get(r#type, "type")?;
            (store, ty, check::out_value(rep, "rep")?)
        };
        let number = store.enter(|cx| match handle & REP {
            0 => host::resource::rep(cx, &ty, handle),
            _ => Ok(handle),
        })?;
        out.write(store.objects.get(&ty, number).ok_or_else(|| no_borrow(&ty, handle))?);
        Ok(())
    })
}

fn no_borrow(ty: &ResourceType, value: u32) -> Error {
    let message = format!("{value:#x} is no borrow of a resource of type {:?}", ty.name());
    Error::new(ErrorKind::InvalidArgument, message)
}

/// Drops a handle of the host's. If it owns its resource, the destructor runs, which may be a function
/// of the component that implements the type; a borrow, which a host function got as an argument, is
/// given back. `canon resource.drop` in the specification.
///
/// `type` is the type that the handle is expected to have, or NULL for any. `CMABI_STATUS_INVALID_ARGUMENT`
/// for a stale handle, for one of another type, and for one that is lent to a call that is not over: the handle
/// then stays what it was. `CMABI_STATUS_TRAP` where the destructor traps: the handle is gone.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_resource_drop(
    store: *mut cmabi_store,
    r#type: *const cmabi_resource_type,
    handle: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (store, ty) =
            unsafe { (check::required(store, "store")?, cmabi_resource_type::optional(r#type)) };
        store.enter(|cx| host::resource::drop(cx, ty.as_ref(), handle))
    })
}

/// Gives up a handle of the host's: it is the caller's no more, and is dropped as soon as it can be. That is
/// at once, as `cmabi_resource_drop` does it, or else when the calls that it is lent to are over and no guest
/// runs: for those who cannot wait for that, such as destructors and finalizers.
///
/// `CMABI_STATUS_INVALID_ARGUMENT` for a stale handle. `CMABI_STATUS_TRAP` where the destructor runs at once and
/// traps; where it does so later, the next `cmabi_store_run` or `cmabi_store_tick` fails with that.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_resource_give_up(
    store: *mut cmabi_store,
    handle: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let store = unsafe { check::required(store, "store") }?;
        store.enter(|cx| host::resource::give_up(cx, handle))
    })
}

/// Sets `type` to the type of the resource that a handle of the host's refers to. Borrowed from the
/// store. `CMABI_STATUS_INVALID_ARGUMENT` for what is no handle to a resource.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_resource_type_of(
    store: *mut cmabi_store,
    handle: u32,
    r#type: *mut *const cmabi_resource_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (store, out) = unsafe {
            let store = check::required(store, "store")?;
            (store, check::out_handle(r#type.cast::<*mut cmabi_resource_type>(), "type")?)
        };
        let ty = store.enter(|cx| host::resource::ty(cx, None, handle))?;
        // The store keeps every resource type that it has come to know.
        *out = cmabi_resource_type::borrowed(&ty).cast_mut();
        Ok(())
    })
}

/// Sets `owned` to whether a handle of the host's owns its resource; otherwise it was borrowed for a
/// call that the host serves. `CMABI_STATUS_INVALID_ARGUMENT` for what is no handle to a resource.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_resource_is_owned(
    store: *mut cmabi_store,
    handle: u32,
    owned: *mut bool,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (store, out) =
            unsafe { (check::required(store, "store")?, check::out_value(owned, "owned")?) };
        out.write(store.enter(|cx| host::resource::is_owned(cx, handle))?);
        Ok(())
    })
}
