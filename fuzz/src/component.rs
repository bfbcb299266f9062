//! Bytes are loaded as a component, which is linked with whatever it imports, instantiated with small
//! limits, and called.

use crate::c::{Owned, text};
use crate::cost::within;
use cmabi::ffi::cmabi::component::*;
use cmabi::ffi::cmabi::config::*;
use cmabi::ffi::cmabi::engine::*;
use cmabi::ffi::cmabi::error::{cmabi_status, cmabi_string};
use cmabi::ffi::cmabi::func::*;
use cmabi::ffi::cmabi::func_types::*;
use cmabi::ffi::cmabi::instance::*;
use cmabi::ffi::cmabi::linker::*;
use cmabi::ffi::cmabi::reflect::*;
use cmabi::ffi::cmabi::store::*;
use cmabi::ffi::cmabi::subtask::*;
use cmabi::ffi::cmabi::task::*;
use cmabi::ffi::cmabi::types::*;
use std::cell::RefCell;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;

/// How long a value may be that is passed: a fixed-length list can have any size.
const MAX_VALUE: usize = 1 << 16;

/// The host's side of the calls that it has not answered.
type Pending = RefCell<Vec<*mut cmabi_task>>;

/// What a store may take, and its guests.
const STORE_BYTES: u64 = 1 << 20;
/// What loading may take.
const LOAD_BYTES: u64 = 8 << 20;
/// What an execution may take with its engine, and with all that the host keeps.
const COST: usize = 16 << 20;

pub fn run(data: &[u8]) {
    within(COST, || load_and_call(data));
}

fn load_and_call(data: &[u8]) {
    let config = Owned(must!(cmabi_config_new()), cmabi_config_free);
    let config = config.0;
    c!(cmabi_config_set_max_recursion(config, 200));
    c!(cmabi_config_set_max_stack_bytes(config, 1 << 18));
    c!(cmabi_config_set_fuel(config, 20_000));
    c!(cmabi_config_set_max_memory_bytes(config, 1 << 18));
    c!(cmabi_config_set_max_table_elements(config, 1000));
    c!(cmabi_config_set_max_nesting(config, 8));
    c!(cmabi_config_set_max_handles(config, 100));
    c!(cmabi_config_set_max_threads(config, 100));
    c!(cmabi_config_set_max_host_bytes(config, STORE_BYTES));
    c!(cmabi_config_set_max_guest_bytes(config, STORE_BYTES));
    c!(cmabi_config_set_max_load_bytes(config, LOAD_BYTES));
    c!(cmabi_config_set_max_call_bytes(config, STORE_BYTES / 4));
    let engine = Owned(must!(cmabi_engine_new(config)), cmabi_engine_free);
    let engine = engine.0;

    let Some(component) = get!(cmabi_component_load(engine, data.as_ptr(), data.len())) else {
        return;
    };
    let component = Owned(component, cmabi_component_free);
    let pending = Pending::default();
    let linker = Owned(must!(cmabi_linker_new(engine)), cmabi_linker_free);
    for index in 0..ask!(cmabi_component_import_count(component.0)) {
        let mut name = text(b"");
        let ty = ask!(cmabi_component_import_at(component.0, index, &mut name));
        offer(linker.0, text(b""), name, ty, &pending);
        for index in 0..ask!(cmabi_extern_type_export_count(ty)) {
            let interface = name;
            let mut name = text(b"");
            let ty = ask!(cmabi_extern_type_export_at(ty, index, &mut name));
            offer(linker.0, interface, name, ty, &pending);
        }
    }
    if !c!(cmabi_linker_check(linker.0, component.0)) {
        return;
    }
    // Arguments stay until their calls have taken them.
    let mut arguments = Vec::new();
    let store = Owned(must!(cmabi_store_new(engine, config)), cmabi_store_free);
    let instance = get!(cmabi_linker_instantiate(linker.0, store.0, component.0));
    if let Some(instance) = instance {
        let instance = Owned(instance, cmabi_instance_free);
        let calls = start_all(store.0, instance.0, &mut arguments);
        // A trap ends one call.
        while !c!(cmabi_store_run(store.0)) {}
        while let Some(task) = pending.borrow_mut().pop() {
            answer(task);
        }
        while !c!(cmabi_store_run(store.0)) {}
        drop(calls);
    }
    for task in pending.take() {
        ask!(cmabi_task_free(task));
    }
}

/// Offers what a component imports.
fn offer(
    linker: *mut cmabi_linker,
    interface: cmabi_string,
    name: cmabi_string,
    ty: *const cmabi_extern_type,
    pending: &Pending,
) {
    let data = ptr::from_ref(pending).cast_mut().cast();
    match ask!(cmabi_extern_type_kind(ty)) {
        cmabi_extern_kind::Func => {
            c!(cmabi_linker_func(linker, interface, name, Some(serve), data, None));
        }
        cmabi_extern_kind::Resource => {
            let resource = Owned(must!(cmabi_resource_type_new(name)), cmabi_resource_type_free);
            let data = ptr::null_mut();
            c!(cmabi_linker_resource(linker, interface, name, resource.0, None, data, None));
        }
        _ => {}
    }
}

/// A function of the host's: the result is zeros. An `async` one returns later.
unsafe extern "C" fn serve(
    data: *mut c_void,
    task: *mut cmabi_task,
    _: *const c_void,
    results: *mut c_void,
) -> MaybeUninit<cmabi_status> {
    let ty = ask!(cmabi_task_type(task));
    if ask!(cmabi_func_type_is_async(ty)) {
        // SAFETY: `offer` passed this, which lives as long as the linker.
        let pending = unsafe { &*data.cast::<Pending>() };
        pending.borrow_mut().push(task);
        return MaybeUninit::new(cmabi_status::Pending);
    }
    let size = size_of_value(ask!(cmabi_func_type_result(ty)));
    if size > 0 {
        // SAFETY: the result has this size.
        unsafe { results.write_bytes(0, size) };
    }
    MaybeUninit::new(cmabi_status::Ok)
}

fn size_of_value(ty: *const cmabi_type) -> usize {
    ask!(cmabi_type_size(ty, MaybeUninit::new(cmabi_addr_type::Host)))
}

/// A value of zeros; `None` where it would be large.
fn zeros(ty: *const cmabi_type) -> Option<Vec<u64>> {
    let size = size_of_value(ty);
    (size <= MAX_VALUE).then(|| vec![0; size.div_ceil(8)])
}

/// Answers a call that is pending.
fn answer(task: *mut cmabi_task) {
    let ty = ask!(cmabi_func_type_result(ask!(cmabi_task_type(task))));
    if let Some(result) = zeros(ty) {
        c!(cmabi_task_return(task, result.as_ptr().cast()));
    }
    ask!(cmabi_task_free(task));
}

/// Starts a call of each function that the instance exports.
fn start_all(
    store: *mut cmabi_store,
    instance: *mut cmabi_instance,
    arguments: &mut Vec<Vec<u64>>,
) -> Vec<Owned<cmabi_subtask>> {
    let mut paths = Vec::new();
    for index in 0..ask!(cmabi_instance_export_count(instance)) {
        let mut name = text(b"");
        let ty = ask!(cmabi_instance_export_at(instance, index, &mut name));
        let path = bytes(name).to_vec();
        for index in 0..ask!(cmabi_extern_type_export_count(ty)) {
            let mut name = text(b"");
            ask!(cmabi_extern_type_export_at(ty, index, &mut name));
            paths.push([&path, &b"#"[..], bytes(name)].concat());
        }
        paths.push(path);
    }
    let mut calls = Vec::new();
    for path in paths {
        let Some(func) = get!(cmabi_instance_func(instance, text(&path))) else { continue };
        let ty = ask!(cmabi_func_type_of(func));
        let Some(zeros) = zeros(ask!(cmabi_func_type_params(ty))) else { continue };
        let (args, data) = (zeros.as_ptr().cast(), ptr::null_mut());
        arguments.push(zeros);
        let call = get!(cmabi_func_start(store, func, args, None, data, None));
        calls.extend(call.map(|call| Owned(call, cmabi_subtask_free)));
    }
    calls
}

fn bytes<'a>(text: cmabi_string) -> &'a [u8] {
    // SAFETY: a name of the component's, which outlives its use here.
    unsafe { std::slice::from_raw_parts(text.ptr.cast(), text.len) }
}
