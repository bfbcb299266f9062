//! Instance

use super::component::cmabi_extern_type;
use super::debug::cmabi_counts;
use super::describe::{Reader, c_text, cmabi_export_desc};
use super::error::{cmabi_drop, cmabi_error, cmabi_status, cmabi_string};
use super::func::cmabi_func;
use super::store::cmabi_store;
use super::types::cmabi_resource_type;
use crate::component::Instance;
use crate::component::extern_type::InstanceType;
use crate::engine::Engine;
use crate::error::Result;
use crate::ffi::data::Data;
use crate::ffi::{check, guard, guard_or};
use crate::host;
use crate::runtime::{self, Cx, InstanceId, instance_counts};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

/// An instance of a component. It belongs to the store that it was made in, and lives there until
/// the store is freed: freeing this handle only gives up looking things up in it.
/// @since 0.1
pub struct cmabi_instance {
    /// The number of the store.
    store: u64,
    pub(in crate::ffi) instance: Instance,
    /// The functions that C has asked for, by path.
    funcs: RefCell<HashMap<String, Box<cmabi_func>>>,
}

impl cmabi_instance {
    /// What C gets to own: what `make` makes in `store`, with things of `engine`.
    pub(in crate::ffi) fn made(
        store: &cmabi_store,
        engine: &Arc<dyn Engine>,
        make: impl FnOnce(&mut Cx<'_>) -> Result<Instance>,
    ) -> Result<*mut cmabi_instance> {
        if !Arc::ptr_eq(engine, &store.engine) {
            return Err(check::invalid("store", "belongs to another engine"));
        }
        let instance = store.enter(make)?;
        let (store, funcs) = (store.id, RefCell::default());
        Ok(Box::into_raw(Box::new(cmabi_instance { store, instance, funcs })))
    }

    fn ty(&self) -> &InstanceType {
        self.instance.ty()
    }

    fn func(&self, path: &str) -> Result<*const cmabi_func> {
        if let Some(func) = self.funcs.borrow().get(path) {
            return Ok(&raw const **func);
        }
        let func = self.instance.func(path)?.clone();
        let func = Box::new(cmabi_func { store: self.store, func });
        Ok(&raw const **self.funcs.borrow_mut().entry(path.to_owned()).or_insert(func))
    }
}

/// Frees an instance handle, and with it the functions that were asked of it. NULL is fine.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_instance_free(instance: *mut cmabi_instance) {
    guard_or((), || {
        if !instance.is_null() {
            // SAFETY: the header's rules: the instance is the caller's and is freed once.
            drop(unsafe { Box::from_raw(instance) });
        }
    });
}

/// Makes `func` the exported function at `path`: its name, as `greet`, or for a function of an exported
/// instance the names with `#` between them, as `ns:pkg/iface@1.2.3#greet`. Where no export has exactly
/// that version, the highest one that is compatible by semantic versioning is taken.
///
/// The function is borrowed from the instance; asking once more gives the same pointer.
/// `CMABI_STATUS_NOT_FOUND` where there is none: the message says what there is.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_instance_func(
    instance: *mut cmabi_instance,
    path: cmabi_string,
    func: *mut *const cmabi_func,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (out, instance, path) = unsafe {
            let out = check::out_handle(func.cast::<*mut cmabi_func>(), "func")?;
            (out, check::required(instance, "instance")?, check::text(path, "path")?)
        };
        *out = instance.func(path)?.cast_mut();
        Ok(())
    })
}

/// Looks up all functions that `exports` describes at once, and writes them to `funcs`, which has room for
/// `exports_len`, in the same order. They are borrowed from the instance, as for `cmabi_instance_func`.
///
/// Their types must be those that are described. Resource types are the instance's own: they are compared by
/// their names, each described one with one of the instance's. `CMABI_STATUS_TYPE_MISMATCH` where
/// functions are missing or have other types: the message lists all of them, with both types, and nothing
/// is written.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_instance_described_funcs(
    instance: *mut cmabi_instance,
    exports: *const cmabi_export_desc,
    exports_len: usize,
    funcs: *mut *const cmabi_func,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (instance, exports, out) = unsafe {
            (
                check::required(instance, "instance")?,
                check::slice(exports, exports_len, "exports")?,
                check::slice_mut(
                    funcs.cast::<MaybeUninit<*const cmabi_func>>(),
                    exports_len,
                    "funcs",
                )?,
            )
        };
        let mut reader = Reader::default();
        // SAFETY: the header's rules.
        let expected = |export: &cmabi_export_desc| unsafe {
            Ok((c_text(export.path, "path")?, reader.func(&export.r#type)?))
        };
        let expected = exports.iter().map(expected).collect::<Result<Vec<_>>>()?;
        instance.instance.similar_funcs(&expected)?;
        for ((path, _), place) in expected.iter().zip(out) {
            place.write(instance.func(path)?);
        }
        Ok(())
    })
}

/// Makes `type` the exported resource type at `path`, which is as for `cmabi_instance_func`: the one that
/// this very instance has, whether it implements it or was given it. Borrowed from the instance.
/// `CMABI_STATUS_NOT_FOUND` where there is none.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_instance_resource(
    instance: *mut cmabi_instance,
    path: cmabi_string,
    r#type: *mut *const cmabi_resource_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (out, instance, path) = unsafe {
            let out = check::out_handle(r#type.cast::<*mut cmabi_resource_type>(), "type")?;
            (out, check::required(instance, "instance")?, check::text(path, "path")?)
        };
        *out = cmabi_resource_type::borrowed(instance.instance.resource(path)?).cast_mut();
        Ok(())
    })
}

/// How many things an instance exports; 0 for NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_instance_export_count(instance: *mut cmabi_instance) -> usize {
    // SAFETY: the header's rules.
    unsafe { instance.as_ref() }.map_or(0, |instance| instance.instance.exports().len())
}

/// The type of an export, with the resource types that this instance has, and through `name`, which
/// may be NULL, its name. In the order of the component. Borrowed from the instance; NULL beyond the
/// last and for NULL.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_instance_export_at(
    instance: *mut cmabi_instance,
    index: usize,
    name: *mut cmabi_string,
) -> *const cmabi_extern_type {
    guard_or(ptr::null(), || {
        // SAFETY: the header's rules.
        unsafe {
            let exports = instance.as_ref().map(|instance| &instance.ty().exports);
            let export = exports.and_then(|exports| exports.get_index(index));
            cmabi_extern_type::entry(export.map(|(name, ty)| (&**name, ty)), name)
        }
    })
}

/// Ends an instance and all inside it now, whatever it does: what it runs ends as if it had trapped, and
/// callers and the other ends of its streams learn why; what it owned is dropped, and its memories and
/// tables are given back before the store goes, as far as the engine can: the built-in one keeps addresses and
/// tables. From then on a call of it fails with `CMABI_STATUS_ENDED`. Where a function of the host that it
/// has called ends it, it traps when that returns. Nothing happens to one that has ended before. The
/// handle stays the caller's.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_instance_terminate(
    store: *mut cmabi_store,
    instance: *const cmabi_instance,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (store, id) = unsafe { identified(store, instance) }?;
        store.enter(|cx| host::terminate(cx, id))
    })
}

/// Sets what an instance is called in messages, frames and traces, `component` otherwise; what is inside of
/// it is called after it, as `label.0`. The text is copied.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_instance_set_label(
    store: *mut cmabi_store,
    instance: *const cmabi_instance,
    label: cmabi_string,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (store, id, label) = unsafe {
            let (store, id) = identified(store, instance)?;
            (store, id, check::text(label, "label")?)
        };
        store.enter(|cx| Ok(runtime::set_label(cx, id, label)?))
    })
}

/// Has an instance keep `data` for the host: what a host function finds by its caller
/// (`cmabi_task_caller_data`). `drop`, which may be NULL, is called with it when other data is set, and when
/// the store is freed.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_instance_set_data(
    store: *mut cmabi_store,
    instance: *const cmabi_instance,
    data: *mut c_void,
    drop: cmabi_drop,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        let data = Data::new(data, drop);
        // SAFETY: the header's rules.
        let (store, id) = unsafe { identified(store, instance) }?;
        store.enter(|cx| {
            let old = runtime::embed(cx, id, Some(Rc::new(data)));
            std::mem::drop(old);
            Ok(())
        })
    })
}

/// The data that the host has set; NULL before, for NULL, and where the store is in use elsewhere.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_instance_data(
    store: *mut cmabi_store,
    instance: *const cmabi_instance,
) -> *mut c_void {
    guard_or(ptr::null_mut(), || {
        // SAFETY: the header's rules.
        let Ok((store, id)) = (unsafe { identified(store, instance) }) else {
            return ptr::null_mut();
        };
        store.enter(|cx| Ok(Data::embedded(cx, id))).unwrap_or(ptr::null_mut())
    })
}

/// An instance of a store as the runtime knows it.
///
/// # Safety
/// The header's rules for both.
unsafe fn identified<'a>(
    store: *mut cmabi_store,
    instance: *const cmabi_instance,
) -> Result<(&'a cmabi_store, InstanceId)> {
    // SAFETY: the caller's promise.
    let (store, instance) =
        unsafe { (check::required(store, "store")?, check::required(instance, "instance")?) };
    store.owns(instance.store, "instance")?;
    Ok((store, instance.instance.id().expect("C holds what came of a component")))
}

/// Counts what an instance, and those inside it, are doing, for debugging: it looks at every thread of
/// the store. `counts` is initialized with `CMABI_COUNTS_INIT`.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_instance_counts(
    store: *mut cmabi_store,
    instance: *const cmabi_instance,
    counts: *mut cmabi_counts,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        unsafe {
            let (store, id) = identified(store, instance)?;
            cmabi_counts::write(counts, &store.enter(|cx| Ok(instance_counts(cx, id)))?)
        }
    })
}
