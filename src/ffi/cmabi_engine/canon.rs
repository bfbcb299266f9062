//! Canonical definitions: lift and lower, for hosts with their own engine or decoder
//!
//! Core functions are C callbacks here, in a store of the engine that `cmabi_engine_new_native`
//! makes. What they may do is in `canon_builtins`.

use super::engine_interface::cmabi_core_func_type;
use super::value::cmabi_string_encoding;
use crate::canon;
use crate::core_types::AddrType;
use crate::engine::native::{NativeEngine, NativeStore};
use crate::engine::{CoreFunc, CoreMemory, CoreMemoryType, CoreTable, EngineStore};
use crate::error::{Error, ErrorKind, Result, Trap};
use crate::ffi::check::c_bool;
use crate::ffi::cmabi::config::cmabi_config;
use crate::ffi::cmabi::engine::cmabi_engine;
use crate::ffi::cmabi::error::{cmabi_drop, cmabi_error, cmabi_status, cmabi_string};
use crate::ffi::cmabi::func::cmabi_func;
use crate::ffi::cmabi::host::cmabi_host_func;
use crate::ffi::cmabi::store::cmabi_store;
use crate::ffi::cmabi::task::host_func;
use crate::ffi::cmabi::types::{cmabi_func_type, cmabi_resource_type};
use crate::ffi::data::Data;
use crate::ffi::{check, guard, guard_or};
use crate::memory;
use crate::runtime::{self, Dtor, FuncInst, HostFuncDef, InstanceId, Options};
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::rc::Rc;
use std::sync::Arc;

/// A component instance that the host keeps for its own engine (`ComponentInstance` in
/// CanonicalABI.md), as a number of its store. 0 is none.
/// @since 0.1
pub type cmabi_component_instance = u32;

/// A core function, as a number of its store. 0 is none.
/// @since 0.1
pub type cmabi_core_func = u32;

/// A linear memory, as a number of its store. 0 is none.
/// @since 0.1
pub type cmabi_core_memory = u32;

/// A table of functions, as a number of its store. 0 is none.
/// @since 0.1
pub type cmabi_core_table = u32;

/// Makes an engine without modules. Its stores are for hosts that run core wasm on their own: the
/// core functions are callbacks, and `cmabi_canon_*` are for them what built-ins are for a guest.
///
/// A callback runs on a native stack of its own (config: `cmabi_config_set_fiber_stack_bytes`), and
/// a built-in that blocks looks to it like a call that takes a while. `config` may be NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_engine_new_native(
    config: *const cmabi_config,
    engine: *mut *mut cmabi_engine,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (engine, config) = unsafe { (check::out_handle(engine, "engine")?, config.as_ref()) };
        let mut native = NativeEngine::default();
        if let Some(bytes) = config.and_then(|config| config.fiber_stack_bytes) {
            native.stack_size = usize::try_from(bytes).unwrap_or(usize::MAX);
        }
        *engine = cmabi_engine::owned(Arc::new(native), config);
        Ok(())
    })
}

impl cmabi_store {
    /// The core functions of a store that has native ones.
    pub(in crate::ffi) fn native(&self) -> Result<&NativeStore> {
        self.native.as_ref().ok_or_else(|| {
            check::invalid("store", "is not one of an engine of cmabi_engine_new_native")
        })
    }
}

/// A core function that C wrote. It reads as many words from `args` and writes as many to `results`
/// as its type says; an `i32` or `f32` is its bits, zero-extended.
///
/// It answers `CMABI_STATUS_OK`, or another status to trap. When a `cmabi_canon_*` function or
/// `cmabi_core_func_call` fails, it has to return soon, with any status: nothing that it calls does
/// anything any more, and the call that it serves ends with that first failure. That also happens
/// to a function that is suspended when its store is freed. No exception and no `longjmp` past it.
/// @since 0.2
pub type cmabi_core_host_func = Option<
    unsafe extern "C" fn(
        data: *mut c_void,
        store: *mut cmabi_store,
        args: *const u64,
        results: *mut u64,
    ) -> MaybeUninit<cmabi_status>,
>;

/// Makes `*func` a core function of type `type` that is `callback`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_core_func_new(
    store: *mut cmabi_store,
    r#type: *const cmabi_core_func_type,
    callback: cmabi_core_host_func,
    data: *mut c_void,
    drop: cmabi_drop,
    func: *mut cmabi_core_func,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        let data = Data::new(data, drop);
        // SAFETY: the header's rules.
        let (c_store, func, ty) = unsafe {
            let store = check::required(store, "store")?;
            let func = check::out_value(func, "func")?;
            (store, func, check::required(r#type, "type")?.read()?)
        };
        let callback = callback.ok_or_else(|| check::invalid("callback", "is NULL"))?;
        let native = c_store.native()?;
        let address = std::ptr::from_ref(c_store).addr();
        let body = move |_: &NativeStore, args: &[u64], results: &mut [u64]| {
            let store = std::ptr::with_exposed_provenance_mut(address);
            // SAFETY: the header's rules; functions do not outlive their store.
            let status =
                unsafe { callback(data.get(), store, args.as_ptr(), results.as_mut_ptr()) };
            match check::enumerator(status, "status") {
                Ok(cmabi_status::Ok) => Ok(()),
                Ok(status) => {
                    let text = format!("the core function answered {}", status.text());
                    Err(Trap::Core(text.into()).into())
                }
                Err(error) => Err(Trap::Core(error.to_string().into()).into()),
            }
        };
        std::ptr::from_ref(c_store).expose_provenance();
        func.write(c_store.enter(|_| Ok(native.new_func(ty, Rc::new(body))))?.0 + 1);
        Ok(())
    })
}

/// Calls a core function from inside a core callback, as a guest calls one that it imports: one that
/// `cmabi_canon_lower` made, or another callback. It may block. `CMABI_STATUS_INVALID_ARGUMENT` elsewhere.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_core_func_call(
    store: *mut cmabi_store,
    func: cmabi_core_func,
    args: *const u64,
    args_len: usize,
    results: *mut u64,
    results_len: usize,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (store, args, results) = unsafe {
            let store = check::required(store, "store")?;
            let args = check::slice(args, args_len, "args")?;
            (store, args, check::slice_mut(results, results_len, "results")?)
        };
        let native = store.native()?;
        let func =
            core_func(native, func, "func")?.ok_or_else(|| check::invalid("func", "is 0"))?;
        let ty = native.func_type(func);
        if ty.params.len() != args.len() || ty.results.len() != results.len() {
            let what = format!("does not have {args_len} parameters and {results_len} results");
            return Err(check::invalid("func", what));
        }
        store.enter(|cx| {
            running_instance(cx)?;
            Ok(native.invoke(func, args, results)?)
        })
    })
}

/// Says where a memory is now: its address, a multiple of 8, and its length in bytes; an address that is
/// none counts as that of an empty memory. Asked anew after every call that may have moved the memory,
/// in the middle of copies: it cannot use the store.
/// @since 0.1
pub type cmabi_memory_data =
    Option<unsafe extern "C" fn(data: *mut c_void, len: *mut usize) -> *mut u8>;

/// Makes `*memory` a linear memory. `memory64` where its addresses are `i64`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_core_memory_new(
    store: *mut cmabi_store,
    memory64: c_bool,
    memory_data: cmabi_memory_data,
    data: *mut c_void,
    drop: cmabi_drop,
    memory: *mut cmabi_core_memory,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        let data = Data::new(data, drop);
        // SAFETY: the header's rules.
        let (store, memory) =
            unsafe { (check::required(store, "store")?, check::out_value(memory, "memory")?) };
        let link = store.link();
        let memory_data = memory_data.ok_or_else(|| check::invalid("memory_data", "is NULL"))?;
        let native = store.native()?;
        let ty =
            CoreMemoryType { memory64: memory64 != 0, shared: false, minimum: 0, maximum: None };
        let view = move || {
            let mut len = 0;
            // SAFETY: the header's rules.
            let ask = || unsafe { memory_data(data.get(), &mut len) };
            let base = link.store().map_or(std::ptr::null_mut(), |store| store.keep_away(ask));
            memory::plausible(base, len)
        };
        memory.write(store.enter(|_| Ok(native.new_memory(ty, Rc::new(view))))?.0 + 1);
        Ok(())
    })
}

/// Makes `*table` a table of functions, for `thread.new-indirect`. A 0 in it is a null function.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_core_table_new(
    store: *mut cmabi_store,
    funcs: *const cmabi_core_func,
    funcs_len: usize,
    table: *mut cmabi_core_table,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (store, funcs, table) = unsafe {
            let store = check::required(store, "store")?;
            let funcs = check::slice(funcs, funcs_len, "funcs")?;
            (store, funcs, check::out_value(table, "table")?)
        };
        let native = store.native()?;
        let funcs = funcs.iter().map(|&func| core_func(native, func, "funcs"));
        let funcs = funcs.collect::<Result<Vec<_>>>()?;
        table.write(store.enter(|_| Ok(native.new_table(funcs)))?.0 + 1);
        Ok(())
    })
}

/// A number that C gave for one of `count` things; 0 is none.
fn numbered(number: u32, count: usize, argument: &str) -> Result<Option<u32>> {
    match number.checked_sub(1) {
        Some(index) if index as usize >= count => Err(check::invalid(
            argument,
            format_args!("is {number}, which the store does not have"),
        )),
        index => Ok(index),
    }
}

fn core_func(native: &NativeStore, func: u32, argument: &str) -> Result<Option<CoreFunc>> {
    Ok(numbered(func, native.func_count(), argument)?.map(CoreFunc))
}

pub(in crate::ffi) fn core_memory(
    native: &NativeStore,
    memory: u32,
    argument: &str,
) -> Result<Option<(CoreMemory, AddrType)>> {
    let memory = numbered(memory, native.memory_count(), argument)?.map(CoreMemory);
    Ok(memory.map(|memory| {
        let memory64 = native.memory_type(memory).memory64;
        (memory, if memory64 { AddrType::I64 } else { AddrType::I32 })
    }))
}

pub(in crate::ffi) fn core_table(
    native: &NativeStore,
    table: u32,
    argument: &str,
) -> Result<CoreTable> {
    let table = numbered(table, native.table_count(), argument)?;
    table.map(CoreTable).ok_or_else(|| check::invalid(argument, "is 0"))
}

/// Makes `*instance` a component instance inside `parent`, which is 0 for none. `name` is for
/// messages. The instance lives as long as the store.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_component_instance_new(
    store: *mut cmabi_store,
    parent: cmabi_component_instance,
    name: cmabi_string,
    instance: *mut cmabi_component_instance,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (store, name, instance) = unsafe {
            let store = check::required(store, "store")?;
            let name = check::text(name, "name")?;
            (store, name, check::out_value(instance, "instance")?)
        };
        store.native()?;
        let new = store.enter(|cx| {
            let parent = component_instance(runtime::instance_count(cx), parent, "parent")?;
            Ok(runtime::new_instance(cx, parent, name)?)
        })?;
        // The host itself has the number 0.
        instance.write(new.0);
        Ok(())
    })
}

fn component_instance(count: usize, number: u32, argument: &str) -> Result<Option<InstanceId>> {
    Ok(numbered(number, count - 1, argument)?.map(|index| InstanceId(index + 1)))
}

/// The instance of the core callback that runs, which called the library.
pub(in crate::ffi) fn running_instance(cx: &runtime::Cx<'_>) -> Result<InstanceId> {
    runtime::current_instance(cx)
        .ok_or_else(|| check::invalid("store", "runs no core callback now"))
}

fn required_instance(cx: &runtime::Cx<'_>, number: u32) -> Result<InstanceId> {
    component_instance(runtime::instance_count(cx), number, "instance")?
        .ok_or_else(|| check::invalid("instance", "is 0"))
}

/// The canonical options (Canonical ABI Options). `CMABI_CANON_OPTIONS_INIT` fills in `size` and
/// zeroes the rest: UTF-8, no memory, no functions, not `async`.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cmabi_canon_options {
    /// The size of this struct.
    pub size: usize,
    /// `string-encoding`
    pub string_encoding: MaybeUninit<cmabi_string_encoding>,
    /// `memory`; 0 for none.
    pub memory: cmabi_core_memory,
    /// `realloc`, of type `(func (param i32 i32 i32 i32) (result i32))`, or `i64` for all of them
    /// with a memory whose addresses are; 0 for none.
    pub realloc: cmabi_core_func,
    /// `post-return`, only for lift without `async`; 0 for none.
    pub post_return: cmabi_core_func,
    /// `callback`, of type `(func (param i32 i32 i32) (result i32))`, only for lift with `async`; 0
    /// for none.
    pub callback: cmabi_core_func,
    /// Not 0 for `async`.
    pub is_async: c_bool,
}

// SAFETY: `#[repr(C)]`, begins with `size: usize`, and any bytes are a value.
unsafe impl check::HostStruct for cmabi_canon_options {
    const INIT: Self = cmabi_canon_options {
        size: size_of::<Self>(),
        string_encoding: MaybeUninit::new(cmabi_string_encoding::Utf8),
        memory: 0,
        realloc: 0,
        post_return: 0,
        callback: 0,
        is_async: 0,
    };
    const LEAST: usize = size_of::<Self>();
}

impl cmabi_canon_options {
    /// The options that C gave; all default for NULL.
    ///
    /// # Safety
    /// The header's rules.
    pub(in crate::ffi) unsafe fn read(
        options: *const Self,
        native: &NativeStore,
    ) -> Result<Options> {
        if options.is_null() {
            return Ok(Options::default());
        }
        // SAFETY: the caller's promise.
        let options = unsafe { check::host_struct(options, "options") }?;
        let memory = core_memory(native, options.memory, "options->memory")?;
        let func = |func, name: &str| core_func(native, func, &format!("options->{name}"));
        let encoding = check::enumerator(options.string_encoding, "options->string_encoding")?;
        let read = Options {
            string_encoding: encoding.into(),
            memory: memory.map(|(memory, _)| memory),
            addr: memory.map_or(AddrType::I32, |(_, addr)| addr),
            realloc: func(options.realloc, "realloc")?,
            post_return: func(options.post_return, "post_return")?,
            is_async: options.is_async != 0,
            callback: func(options.callback, "callback")?,
        };
        let [i32, ptr] = [AddrType::I32, read.addr].map(AddrType::core_type);
        let types = [
            ("realloc", read.realloc, &[ptr; 4][..], &[ptr][..]),
            ("callback", read.callback, &[i32; 3][..], &[i32][..]),
        ];
        for (name, func, params, results) in types {
            let right = |func| {
                let ty = native.func_type(func);
                *ty.params == *params && *ty.results == *results
            };
            if !func.is_none_or(right) {
                let what = "does not have the type that the option asks for";
                return Err(check::invalid(&format!("options->{name}"), what));
            }
        }
        Ok(read)
    }
}

/// `canon lift`: makes `func` the component function of type `type` that runs the core function
/// `callee` in `instance`. `options` may be NULL for the defaults. `name` is for messages.
///
/// `CMABI_STATUS_TYPE_MISMATCH` where `callee` does not have the flattened type;
/// `CMABI_STATUS_INVALID_ARGUMENT` where the options contradict each other, or lack what the type
/// needs.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_lift(
    store: *mut cmabi_store,
    instance: cmabi_component_instance,
    callee: cmabi_core_func,
    r#type: *const cmabi_func_type,
    options: *const cmabi_canon_options,
    name: cmabi_string,
    func: *mut *mut cmabi_func,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (out, store, ty, name) = unsafe {
            let out = check::out_handle(func, "func")?;
            let store = check::required(store, "store")?;
            (out, store, cmabi_func_type::get(r#type, "type")?, check::text(name, "name")?)
        };
        let native = store.native()?;
        // SAFETY: the header's rules.
        let opts = unsafe { cmabi_canon_options::read(options, native) }?;
        let callee =
            core_func(native, callee, "callee")?.ok_or_else(|| check::invalid("callee", "is 0"))?;
        let core = native.func_type(callee);
        canon::check_lift(&ty, &opts, &core)?;
        if let Some(cleanup) = opts.post_return.map(|func| native.func_type(func))
            && (cleanup.params != core.results || !cleanup.results.is_empty())
        {
            let what = format!("is a {cleanup}, which does not take the results of {core}");
            return Err(check::invalid("options->post_return", what));
        }
        let lifted = store.enter(|cx| {
            let instance = required_instance(cx, instance)?;
            Ok(canon::lift(callee, ty, opts, instance, name))
        })?;
        *out = cmabi_func::owned(store, lifted);
        Ok(())
    })
}

/// `canon lower`: makes `*core` the core function that calls the component function `func` for the
/// guests of `instance`. `options` may be NULL for the defaults.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_lower(
    store: *mut cmabi_store,
    instance: cmabi_component_instance,
    func: *const cmabi_func,
    options: *const cmabi_canon_options,
    core: *mut cmabi_core_func,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (store, func, core) = unsafe {
            let store = check::required(store, "store")?;
            let func = check::required(func, "func")?;
            (store, func, check::out_value(core, "core")?)
        };
        store.owns(func.store, "func")?;
        // SAFETY: the header's rules.
        let opts = unsafe { cmabi_canon_options::read(options, store.native()?) }?;
        canon::check_lower(func.func.ty(), &opts)?;
        let lowered = store.enter(|cx| {
            let instance = required_instance(cx, instance)?;
            Ok(canon::lower(cx, func.func.clone(), opts, instance))
        })?;
        core.write(lowered.0 + 1);
        Ok(())
    })
}

/// Makes `func` a component function of type `type` that the host serves, for
/// `cmabi_canon_lower`. `name` is for messages.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_func_new(
    store: *mut cmabi_store,
    r#type: *const cmabi_func_type,
    name: cmabi_string,
    callback: cmabi_host_func,
    data: *mut c_void,
    drop: cmabi_drop,
    func: *mut *mut cmabi_func,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        let data = Data::new(data, drop);
        // SAFETY: the header's rules.
        let (out, store, ty, name) = unsafe {
            let out = check::out_handle(func, "func")?;
            let store = check::required(store, "store")?;
            (out, store, cmabi_func_type::get(r#type, "type")?, check::text(name, "name")?)
        };
        let def =
            HostFuncDef::new(ty, name, Arc::new(host_func(callback, Arc::new(data), "callback")?));
        *out = cmabi_func::owned(store, FuncInst::Host(Rc::new(def)));
        Ok(())
    })
}

/// Frees a function that was made by `cmabi_canon_lift` or `cmabi_func_new`, before its store. NULL
/// is fine. Functions that instances export belong to the instance.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_func_free(func: *mut cmabi_func) {
    guard_or((), || {
        if !func.is_null() {
            // SAFETY: the header's rules: the function is the caller's and is freed once.
            drop(unsafe { Box::from_raw(func) });
        }
    });
}

/// Makes `resource` a resource type that `instance` implements (Resource State). `dtor` is the core
/// function of type `(func (param i32))` that is called when an owned handle is dropped; 0 for none.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_canon_define_resource(
    store: *mut cmabi_store,
    instance: cmabi_component_instance,
    resource: *const cmabi_resource_type,
    dtor: cmabi_core_func,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (store, resource) = unsafe {
            let store = check::required(store, "store")?;
            (store, cmabi_resource_type::get(resource, "resource")?)
        };
        let native = store.native()?;
        let dtor = core_func(native, dtor, "dtor")?;
        let i32 = AddrType::I32.core_type();
        if let Some(ty) = dtor.map(|dtor| native.func_type(dtor))
            && (*ty.params != [i32] || !ty.results.is_empty())
        {
            return Err(Error::new(
                ErrorKind::TypeMismatch,
                "argument `dtor` does not have the type (func (param i32))",
            ));
        }
        store.enter(|cx| {
            let instance = required_instance(cx, instance)?;
            runtime::define_resource(cx, &resource, instance, dtor.map(Dtor::Core));
            Ok(())
        })
    })
}
