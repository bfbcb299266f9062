//! Instances made ready

use super::component::cmabi_component;
use super::error::{cmabi_error, cmabi_status};
use super::instance::cmabi_instance;
use super::linker::cmabi_linker;
use super::store::cmabi_store;
use crate::component::InstancePre;
use crate::engine::Engine;
use crate::ffi::{check, guard, guard_or};
use std::sync::Arc;

/// A component with what it imports, found in a linker once and for all: it is instantiated any number of
/// times, in any stores of the engine, without looking for names and comparing types again.
///
/// It keeps what it needs of the component and of the linker, which may be freed or given more definitions;
/// those change nothing in it. It may be used by any number of threads at once where the linker may.
/// @since 0.2
pub struct cmabi_instance_pre {
    engine: Arc<dyn Engine>,
    /// Whoever instantiates it has a count of its own: C may free it meanwhile.
    pre: Arc<InstancePre>,
}

/// Finds all that `component` imports, without instantiating it. Fails as `cmabi_linker_check` does.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_prepare(
    linker: *const cmabi_linker,
    component: *const cmabi_component,
    instance_pre: *mut *mut cmabi_instance_pre,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (out, linker, component) = unsafe {
            (
                check::out_handle(instance_pre, "instance_pre")?,
                check::required(linker, "linker")?,
                check::required(component, "component")?,
            )
        };
        let engine = linker.engine.clone();
        let (linker, component) = linker.hold(component)?;
        #[expect(clippy::arc_with_non_send_sync, reason = "it belongs to one store then")]
        let pre = Arc::new(linker.prepare(&component)?);
        *out = Box::into_raw(Box::new(cmabi_instance_pre { engine, pre }));
        Ok(())
    })
}

/// Makes an instance in `store`, as `cmabi_linker_instantiate` does.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_instance_pre_instantiate(
    instance_pre: *const cmabi_instance_pre,
    store: *mut cmabi_store,
    instance: *mut *mut cmabi_instance,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (out, instance_pre, store) = unsafe {
            (
                check::out_handle(instance, "instance")?,
                check::required(instance_pre, "instance_pre")?,
                check::required(store, "store")?,
            )
        };
        let cmabi_instance_pre { engine, pre } = instance_pre;
        let (engine, pre) = (engine.clone(), pre.clone());
        *out = cmabi_instance::made(store, &engine, move |cx| pre.instantiate(cx))?;
        Ok(())
    })
}

/// Frees what was made ready; instances of it stay. NULL is fine.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_instance_pre_free(instance_pre: *mut cmabi_instance_pre) {
    guard_or((), || {
        if !instance_pre.is_null() {
            // SAFETY: the header's rules: it is the caller's and is freed once.
            drop(unsafe { Box::from_raw(instance_pre) });
        }
    });
}
