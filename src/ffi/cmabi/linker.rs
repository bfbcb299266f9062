//! Linker

use super::component::cmabi_component;
use super::config::LoadSettings;
use super::describe::{Reader, cmabi_func_desc};
use super::engine::cmabi_engine;
use super::error::{cmabi_drop, cmabi_error, cmabi_status, cmabi_string};
use super::host::{cmabi_destructor, cmabi_host_func};
use super::instance::cmabi_instance;
use super::resource::Destructor;
use super::store::cmabi_store;
use super::task::host_func;
use super::types::{cmabi_func_type, cmabi_resource_type};
use crate::component::{Component, Definitions, Linker, load_module};
use crate::engine::Engine;
use crate::error::Result;
use crate::ffi::data::{Data, drop_put_off, mark_in_use};
use crate::ffi::{check, guard, guard_or};
use crate::runtime::Cx;
use crate::types::{FuncType, Wit};
use std::ffi::c_void;
use std::sync::Arc;

/// What the host offers to components, by name. It can instantiate any number of components in any
/// number of stores of its engine.
///
/// It may be changed by one thread at a time, and used for instantiation by any number of threads at
/// once where no instance was given to it; with an instance in it, it belongs to the store of that
/// instance. Instances keep what they need of it: it can be freed at any time.
///
/// Callbacks may change and free the linker that they are called for. What is being linked is linked
/// with what the linker offered when that began.
/// @since 0.1
pub struct cmabi_linker {
    pub(in crate::ffi) engine: Arc<dyn Engine>,
    load: LoadSettings,
    /// Whoever goes through it has a count of its own: C changes a copy then, and may free the linker.
    linker: Arc<Linker>,
}

impl cmabi_linker {
    /// What C gets to own.
    fn owned(engine: &cmabi_engine, linker: Arc<Linker>) -> *mut cmabi_linker {
        let cmabi_engine { engine, load, .. } = engine;
        Box::into_raw(Box::new(cmabi_linker { engine: engine.clone(), load: *load, linker }))
    }

    /// What this and `component` are, to keep while type checks and guests run, which may free both.
    pub(in crate::ffi) fn hold(
        &self,
        component: &cmabi_component,
    ) -> Result<(Arc<Linker>, Component)> {
        component.made_for(&self.engine)?;
        Ok((self.linker.clone(), component.component.clone()))
    }
}

/// Changes what a linker offers. What is let go of is dropped when nothing is borrowed any
/// more: C may use the linker then.
///
/// # Safety
/// `linker` is NULL or C's.
pub(in crate::ffi) unsafe fn change_linker(
    linker: *mut cmabi_linker,
    body: impl FnOnce(&mut Linker) -> Result<()>,
) -> Result<()> {
    let changed = mark_in_use(true, || {
        // SAFETY: the caller's promise; nothing calls C before the borrow has ended.
        let linker = unsafe { check::required_mut(linker, "linker") }?;
        body(Arc::make_mut(&mut linker.linker))
    });
    drop_put_off();
    changed
}

/// Makes a linker that offers nothing yet.
/// @since 0.1
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
        #[expect(clippy::arc_with_non_send_sync, reason = "it belongs to one store then")]
        let linker = Arc::new(Linker::new());
        *out = cmabi_linker::owned(engine, linker);
        Ok(())
    })
}

/// Frees a linker. NULL is fine.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_free(linker: *mut cmabi_linker) {
    guard_or((), || {
        if !linker.is_null() {
            // SAFETY: the header's rules: the linker is the caller's and is freed once.
            drop(unsafe { Box::from_raw(linker) });
        }
    });
}

/// Offers the function `func` as `name` of the interface `iface`, as `ns:pkg/iface@1.2.3`; with an
/// empty interface as a plain import of that name. An import also finds definitions of other versions
/// that are compatible by semantic versioning: each thing in it comes from the import's own version if it is
/// there, else from the highest one that has it.
///
/// The function takes the type that a component imports it with: it must know what to expect, or ask
/// `cmabi_task_type`. `drop`, which may be NULL, is called with `data` once the linker, what was prepared
/// with it and all stores that it has instantiated in are gone, or at once on failure: where `func` is NULL, or the name is
/// taken. With stores on several threads, `func` is called on all of them.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_func(
    linker: *mut cmabi_linker,
    iface: cmabi_string,
    name: cmabi_string,
    func: cmabi_host_func,
    data: *mut c_void,
    drop: cmabi_drop,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        let data = Data::new(data, drop);
        // SAFETY: the header's rules.
        unsafe { define(linker, iface, name, None, func, data) }
    })
}

/// Offers a function like `cmabi_linker_func`, of the given type: a component that imports it with
/// another type is refused when it is linked.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_typed_func(
    linker: *mut cmabi_linker,
    iface: cmabi_string,
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
            define(linker, iface, name, Some(ty), func, data)
        }
    })
}

/// Decides whether a host function can serve calls of the type that a component imports it with; the
/// component is refused if not. `data` is that of the function. On `false`, it writes to `takes` what the
/// function takes, in words for a message, which are copied at once.
/// @since 0.1
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
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_checked_func(
    linker: *mut cmabi_linker,
    iface: cmabi_string,
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
        unsafe {
            define_in(linker, iface, name, |instance, name| {
                instance.checked_func(name, Arc::new(check), Arc::new(serve))
            })
        }
    })
}

/// Offers a function like `cmabi_linker_func`, of the type that is described. Resource types are those of the
/// component that imports it: they are compared by their names, each described one with one of the
/// component's. A component that imports it with another type is refused when it is linked.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_described_func(
    linker: *mut cmabi_linker,
    iface: cmabi_string,
    name: cmabi_string,
    r#type: *const cmabi_func_desc,
    func: cmabi_host_func,
    data: *mut c_void,
    drop: cmabi_drop,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        let data = Data::new(data, drop);
        // SAFETY: the header's rules.
        unsafe {
            let ty = Reader::default().func(check::required(r#type, "type")?)?;
            define_in(linker, iface, name, |instance, name| {
                instance.similar_func(name, ty, Arc::new(host_func(func, Arc::new(data), "func")?))
            })
        }
    })
}

/// Offers a C function.
///
/// # Safety
/// The header's rules for all arguments.
unsafe fn define(
    linker: *mut cmabi_linker,
    iface: cmabi_string,
    name: cmabi_string,
    ty: Option<FuncType>,
    func: cmabi_host_func,
    data: Data,
) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe {
        define_in(linker, iface, name, |instance, name| {
            instance.func(name, ty, Arc::new(host_func(func, Arc::new(data), "func")?))
        })
    }
}

/// Has `body` define something by its name in an interface.
///
/// # Safety
/// The header's rules for all arguments.
unsafe fn define_in(
    linker: *mut cmabi_linker,
    iface: cmabi_string,
    name: cmabi_string,
    body: impl FnOnce(&mut Definitions, &str) -> Result<()>,
) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe {
        change_linker(linker, |linker| {
            let iface = check::text(iface, "iface")?;
            let name = check::text(name, "name")?;
            body(linker.instance(iface)?, name)
        })
    }
}

/// Says of a function that was offered that it answers each call at once: never with `CMABI_STATUS_PENDING`, for
/// which its callers trap then. Where guests can call no function that may keep them waiting, an engine need not
/// be able to suspend them, and calls of theirs can be cheaper; see docs/engine.md.
///
/// `CMABI_STATUS_NOT_FOUND` where no function is offered by that name.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_set_immediate(
    linker: *mut cmabi_linker,
    iface: cmabi_string,
    name: cmabi_string,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        unsafe { define_in(linker, iface, name, |instance, name| instance.set_immediate(name)) }
    })
}

/// Offers a function like `cmabi_linker_func`, of the type that `type` writes in WIT: `func(s: string) -> u32`,
/// after the definitions of the types that it names, if any: `record point { x: u32 } func(at: point)`.
/// Resource types are those of the component that imports it, by their names. A component that imports it
/// with another type is refused when it is linked.
///
/// `args_size` and `results_size` are the sizes of the C structs that the function takes the arguments and the
/// result for, 0 where there are none. `CMABI_STATUS_INVALID_ARGUMENT` where they are not what the type takes,
/// `CMABI_STATUS_INVALID` where the text is no function type.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_wit_func(
    linker: *mut cmabi_linker,
    iface: cmabi_string,
    name: cmabi_string,
    r#type: cmabi_string,
    args_size: usize,
    results_size: usize,
    func: cmabi_host_func,
    data: *mut c_void,
    drop: cmabi_drop,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        let data = Data::new(data, drop);
        // SAFETY: the header's rules.
        unsafe {
            let ty = Wit::func_of(check::text(r#type, "type")?)?;
            check::size(ty.params_type(), args_size, "args_size")?;
            check::size(ty.result(), results_size, "results_size")?;
            define_in(linker, iface, name, |instance, name| {
                instance.similar_func(name, ty, Arc::new(host_func(func, Arc::new(data), "func")?))
            })
        }
    })
}

/// Offers the resource type `type` as `name` of an interface: one that the host implements. Arguments are
/// as for `cmabi_linker_func`; `destructor`, which may be NULL, is called with `data` for each of its
/// resources, as `cmabi_destructor` says.
///
/// Make the type with `cmabi_resource_type_new`, or take it from WIT text. A type may be offered by several
/// names and linkers, each time with the same destructor.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_resource(
    linker: *mut cmabi_linker,
    iface: cmabi_string,
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
        let ty = unsafe { cmabi_resource_type::get(r#type, "type") }?;
        let destructor = Destructor { func: destructor, data };
        let dtor = move |cx: &mut Cx<'_>, rep| destructor.run(cx, rep);
        // SAFETY: the header's rules.
        unsafe {
            define_in(linker, iface, name, |instance, name| {
                instance.resource(name, ty, Some(Arc::new(dtor)))
            })
        }
    })
}

/// Offers a component, to be instantiated by those that import it. Arguments are as for
/// `cmabi_linker_func`; the component may be freed afterwards.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_component(
    linker: *mut cmabi_linker,
    iface: cmabi_string,
    name: cmabi_string,
    component: *const cmabi_component,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        unsafe {
            let component = check::required(component, "component")?;
            component.made_for(&check::required(linker, "linker")?.engine)?;
            define_in(linker, iface, name, |instance, name| {
                instance.component(name, &component.component)
            })
        }
    })
}

/// Offers a core module, from the `bytes_len` bytes of its binary at `bytes`, which are not needed
/// afterwards. Arguments are as for `cmabi_linker_func`. `CMABI_STATUS_INVALID` for what is not a valid
/// core module.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_module(
    linker: *mut cmabi_linker,
    iface: cmabi_string,
    name: cmabi_string,
    bytes: *const u8,
    bytes_len: usize,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        unsafe {
            let cmabi_linker { engine, load, .. } = check::required(linker, "linker")?;
            let (engine, limits) = (engine.clone(), load.limits());
            let module = load_module(&engine, check::slice(bytes, bytes_len, "bytes")?, &limits)?;
            define_in(linker, iface, name, |instance, name| instance.module(name, module))
        }
    })
}

/// Offers an instance, with all that it exports, as the instance `name`; with an empty name, offers each
/// thing that it exports by the name that it has there. From then on the linker
/// belongs to the store of that instance. The handle may be freed afterwards.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_instance(
    linker: *mut cmabi_linker,
    name: cmabi_string,
    instance: *mut cmabi_instance,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        unsafe {
            let name = check::text(name, "name")?;
            let instance = check::required(instance, "instance")?;
            change_linker(linker, |linker| match name {
                "" => linker.root().exports_of(&instance.instance),
                name => linker.root().existing(name, &instance.instance),
            })
        }
    })
}

/// Offers what an instance exports at `path`, as for `cmabi_instance_func`, as `name` of `iface`, as for
/// `cmabi_linker_func`: a function, a resource type, or with an empty interface a whole instance under another
/// name. From then on the linker belongs to the store of that instance. `CMABI_STATUS_NOT_FOUND` where
/// there is no such export.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_export(
    linker: *mut cmabi_linker,
    iface: cmabi_string,
    name: cmabi_string,
    instance: *mut cmabi_instance,
    path: cmabi_string,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        unsafe {
            let instance = check::required(instance, "instance")?;
            let path = check::text(path, "path")?;
            define_in(linker, iface, name, |definitions, name| {
                definitions.export(name, &instance.instance, path)
            })
        }
    })
}

/// Has components instantiated though things that they import are missing. A function that is missing traps
/// when it is called, with a message that names it; a resource type is a new one, which nothing makes.
/// What is there but of the wrong type, missing core modules and missing components are refused as before.
///
/// That holds for the `names_len` imports at `names`, each as `ns:pkg/iface@1.2.3`, or without the version for
/// all versions; with a `names_len` of 0 for all imports. It can be called more than once.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_trap_unknown_imports(
    linker: *mut cmabi_linker,
    names: *const cmabi_string,
    names_len: usize,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        unsafe {
            let names = check::slice(names, names_len, "names")?.iter();
            let names =
                names.map(|name| check::text(*name, "names")).collect::<Result<Vec<_>>>()?;
            change_linker(linker, |linker| {
                linker.trap_unknown_imports(names);
                Ok(())
            })
        }
    })
}

/// Checks that all a component imports is there and of the right type, without instantiating it.
///
/// `CMABI_STATUS_LINK` where something is missing or of the wrong type: the message lists all of it by
/// full name, with the type that is expected and the one that is given.
/// @since 0.1
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
        let (linker, component) = linker.hold(component)?;
        linker.check(&component)
    })
}

/// Instantiates a component in a store: core start functions run.
///
/// `CMABI_STATUS_LINK` as for `cmabi_linker_check`, before anything has run. `CMABI_STATUS_TRAP` where a
/// start function traps; what was instantiated before is then not reachable.
/// @since 0.1
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
        let of = linker.engine.clone();
        let (linker, component) = linker.hold(component)?;
        *out = cmabi_instance::made(store, &of, move |cx| linker.instantiate(cx, &component))?;
        Ok(())
    })
}
