//! Linker

use super::component::cmabi_component;
use super::data::Data;
use super::engine::cmabi_engine;
use super::error::{cmabi_error, cmabi_status, cmabi_string};
use super::instance::cmabi_instance;
use super::resource::{Destructor, cmabi_destructor};
use super::store::cmabi_store;
use super::task::{cmabi_drop, cmabi_host_func, host_func};
use super::types::{cmabi_func_type, cmabi_resource_type};
use super::{check, guard, guard_or};
use crate::component::{Definitions, Linker, load_module};
use crate::engine::Engine;
use crate::error::Result;
use crate::runtime::Cx;
use crate::types::FuncType;
use std::ffi::c_void;
use std::sync::Arc;

/// What the host offers to components, by name. It can instantiate any number of components in any
/// number of stores of its engine.
///
/// It may be changed by one thread at a time, and used for instantiation by any number of threads at
/// once where no instance was given to it; with an instance in it, it belongs to the store of that
/// instance. Instances keep what they need of it: it can be freed at any time.
pub struct cmabi_linker {
    engine: Arc<dyn Engine>,
    linker: Linker,
}

/// Makes a linker that offers nothing yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_new(
    engine: *const cmabi_engine,
    linker: *mut *mut cmabi_linker,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (out, engine) =
            unsafe { (check::out_handle(linker, "linker")?, check::required(engine, "engine")?) };
        let linker = cmabi_linker { engine: engine.engine.clone(), linker: Linker::new() };
        *out = Box::into_raw(Box::new(linker));
        Ok(())
    })
}

/// Frees a linker. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_free(linker: *mut cmabi_linker) {
    guard_or((), || {
        if !linker.is_null() {
            // SAFETY: the header's rules: the linker is the caller's and is freed once.
            drop(unsafe { Box::from_raw(linker) });
        }
    });
}

/// Offers the function `func` as `name` of the interface `interface`, as `ns:pkg/iface@1.2.3`; with an
/// empty interface as a plain import of that name. An import also finds a definition of another version
/// that is compatible by semantic versioning.
///
/// The function takes the type that a component imports it with: it must know what to expect, or ask
/// `cmabi_task_get_type`. `drop`, which may be NULL, is called with `data` once the linker and all stores
/// that it has instantiated in are gone, or at once on failure: where `func` is NULL, or the name is
/// taken. With stores on several threads, `func` is called on all of them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_func(
    linker: *mut cmabi_linker,
    interface: cmabi_string,
    name: cmabi_string,
    func: cmabi_host_func,
    data: *mut c_void,
    drop: cmabi_drop,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        let data = Data::new(data, drop);
        // SAFETY: the header's rules.
        unsafe { define(linker, interface, name, None, func, data) }
    })
}

/// Offers a function like `cmabi_linker_func`, of the given type: a component that imports it with
/// another type is refused when it is linked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_typed_func(
    linker: *mut cmabi_linker,
    interface: cmabi_string,
    name: cmabi_string,
    r#type: *const cmabi_func_type,
    func: cmabi_host_func,
    data: *mut c_void,
    drop: cmabi_drop,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        let data = Data::new(data, drop);
        // SAFETY: the header's rules.
        unsafe {
            let ty = cmabi_func_type::get(r#type, "type")?;
            define(linker, interface, name, Some(ty), func, data)
        }
    })
}

/// Decides whether a host function can serve calls of the type that a component imports it with; the
/// component is refused if not. `data` is that of the function. On `false`, it writes to `takes` what the
/// function takes, in words for a message, which are copied at once.
pub type cmabi_type_check = Option<
    unsafe extern "C" fn(
        data: *mut c_void,
        r#type: *const cmabi_func_type,
        takes: *mut cmabi_string,
    ) -> bool,
>;

/// Offers a function like `cmabi_linker_func`. A component that imports it with a type that `check` does
/// not accept is refused when it is linked: for languages that know a function's type by other means
/// than a `cmabi_func_type`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_checked_func(
    linker: *mut cmabi_linker,
    interface: cmabi_string,
    name: cmabi_string,
    check: cmabi_type_check,
    func: cmabi_host_func,
    data: *mut c_void,
    drop: cmabi_drop,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        let data = Arc::new(Data::new(data, drop));
        let check = check.ok_or_else(|| check::invalid("check", "is NULL"))?;
        let serve = host_func(func, data.clone(), "func")?;
        let check = move |ty: &FuncType| {
            let mut takes = cmabi_string::EMPTY;
            // SAFETY: the header's rules for callbacks; what `takes` points to is there at least
            // until it is copied.
            unsafe {
                if check(data.get(), cmabi_func_type::borrowed(ty), &raw mut takes) {
                    return Ok(());
                }
                Err(check::text(takes, "takes").unwrap_or("another type").to_owned())
            }
        };
        // SAFETY: the header's rules.
        let (instance, name) = unsafe { place(linker, interface, name) }?;
        instance.checked_func(name, Arc::new(check), Arc::new(serve))
    })
}

/// Offers a C function.
///
/// # Safety
/// The header's rules for all arguments.
unsafe fn define(
    linker: *mut cmabi_linker,
    interface: cmabi_string,
    name: cmabi_string,
    ty: Option<FuncType>,
    func: cmabi_host_func,
    data: Data,
) -> Result<()> {
    // SAFETY: the caller's promise.
    let (instance, name) = unsafe { place(linker, interface, name) }?;
    instance.func(name, ty, Arc::new(host_func(func, Arc::new(data), "func")?))
}

/// Where a definition goes.
///
/// # Safety
/// The header's rules for all arguments.
unsafe fn place<'a>(
    linker: *mut cmabi_linker,
    interface: cmabi_string,
    name: cmabi_string,
) -> Result<(&'a mut Definitions, &'a str)> {
    // SAFETY: the caller's promise.
    let (linker, interface, name) = unsafe {
        let linker = check::required_mut(linker, "linker")?;
        (linker, check::text(interface, "interface")?, check::text(name, "name")?)
    };
    Ok((linker.linker.instance(interface)?, name))
}

/// Offers the resource type `type` as `name` of an interface: one that the host implements. Arguments are
/// as for `cmabi_linker_func`; `destructor`, which may be NULL, is called with `data` for each of its
/// resources, as `cmabi_destructor` says.
///
/// Make the type with `cmabi_resource_type_new`, or take it from WIT text. A type may be offered by several
/// names and linkers, each time with the same destructor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_resource(
    linker: *mut cmabi_linker,
    interface: cmabi_string,
    name: cmabi_string,
    r#type: *const cmabi_resource_type,
    destructor: cmabi_destructor,
    data: *mut c_void,
    drop: cmabi_drop,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        let data = Data::new(data, drop);
        // SAFETY: the header's rules.
        let (instance, name, ty) = unsafe {
            let (instance, name) = place(linker, interface, name)?;
            (instance, name, cmabi_resource_type::get(r#type, "type")?)
        };
        let destructor = Destructor { func: destructor, data };
        let dtor = move |cx: &mut Cx<'_>, rep| destructor.run(cx, rep);
        instance.resource(name, ty, Some(Arc::new(dtor)))
    })
}

/// Offers a component, to be instantiated by those that import it. Arguments are as for
/// `cmabi_linker_func`; the component may be freed afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_component(
    linker: *mut cmabi_linker,
    interface: cmabi_string,
    name: cmabi_string,
    component: *const cmabi_component,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (linker, interface, name, component) = unsafe {
            (
                check::required_mut(linker, "linker")?,
                check::text(interface, "interface")?,
                check::text(name, "name")?,
                check::required(component, "component")?,
            )
        };
        component.made_for(&linker.engine)?;
        linker.linker.instance(interface)?.component(name, &component.component)
    })
}

/// Offers a core module, from the `len` bytes of its binary at `bytes`, which are not needed
/// afterwards. Arguments are as for `cmabi_linker_func`. `CMABI_STATUS_INVALID` for what is not a valid
/// core module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_module(
    linker: *mut cmabi_linker,
    interface: cmabi_string,
    name: cmabi_string,
    bytes: *const u8,
    len: usize,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (linker, interface, name, bytes) = unsafe {
            (
                check::required_mut(linker, "linker")?,
                check::text(interface, "interface")?,
                check::text(name, "name")?,
                check::slice(bytes, len, "bytes")?,
            )
        };
        let module = load_module(&linker.engine, bytes)?;
        linker.linker.instance(interface)?.module(name, module)
    })
}

/// Offers an instance, with all that it exports, as the instance `name`; with an empty name, offers each
/// thing that it exports by the name that it has there. From then on the linker
/// belongs to the store of that instance. The handle may be freed afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_instance(
    linker: *mut cmabi_linker,
    name: cmabi_string,
    instance: *mut cmabi_instance,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (linker, name, instance) = unsafe {
            let linker = check::required_mut(linker, "linker")?;
            (linker, check::text(name, "name")?, check::required(instance, "instance")?)
        };
        match name {
            "" => linker.linker.root().exports_of(&instance.instance),
            name => linker.linker.root().existing(name, &instance.instance),
        }
    })
}

/// Checks that all a component imports is there and of the right type, without instantiating it.
///
/// `CMABI_STATUS_LINK` where something is missing or of the wrong type: the message lists all of it by
/// full name, with the type that is expected and the one that is given.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_check(
    linker: *const cmabi_linker,
    component: *const cmabi_component,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (linker, component) = unsafe {
            (check::required(linker, "linker")?, check::required(component, "component")?)
        };
        component.made_for(&linker.engine)?;
        linker.linker.check(&component.component)
    })
}

/// Instantiates a component in a store: core start functions run.
///
/// `CMABI_STATUS_LINK` as for `cmabi_linker_check`, before anything has run. `CMABI_STATUS_TRAP` where a
/// start function traps; what was instantiated before is then not reachable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_instantiate(
    linker: *const cmabi_linker,
    store: *mut cmabi_store,
    component: *const cmabi_component,
    instance: *mut *mut cmabi_instance,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (out, linker, store, component) = unsafe {
            (
                check::out_handle(instance, "instance")?,
                check::required(linker, "linker")?,
                check::required(store, "store")?,
                check::required(component, "component")?,
            )
        };
        component.made_for(&linker.engine)?;
        if !Arc::ptr_eq(&linker.engine, &store.engine) {
            return Err(check::invalid("store", "belongs to another engine"));
        }
        let made = store.enter(|cx| linker.linker.instantiate(cx, &component.component))?;
        *out = cmabi_instance::owned(store.id, made);
        Ok(())
    })
}
