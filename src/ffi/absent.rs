//! The exports of the feature `component` in a build without it: they are there, and answer
//! `CMABI_STATUS_UNSUPPORTED`. Their handles can never come to exist.

use super::data::Data;
use super::{check, guard, left_out};
use crate::ffi::cmabi::arena::cmabi_arena;
use crate::ffi::cmabi::debug::cmabi_counts;
use crate::ffi::cmabi::describe::{cmabi_export_desc, cmabi_func_desc};
use crate::ffi::cmabi::engine::cmabi_engine;
use crate::ffi::cmabi::error::{cmabi_drop, cmabi_error, cmabi_status, cmabi_string};
use crate::ffi::cmabi::func::cmabi_func;
use crate::ffi::cmabi::host::{cmabi_destructor, cmabi_host_func};
use crate::ffi::cmabi::store::cmabi_store;
use crate::ffi::cmabi::types::{cmabi_func_type, cmabi_resource_type, cmabi_type};
use std::ffi::c_void;
use std::ptr;

/// A type of the header that has no values in this build.
macro_rules! handles {
    ($($name:ident)*) => {$(
        pub(super) enum $name {}
    )*};
}

handles! { cmabi_component cmabi_extern_type cmabi_instance cmabi_instance_pre cmabi_linker }

/// Fallible functions: their arguments but for the place of a new handle, that handle's type, and the
/// `error`.
macro_rules! fallible {
    ($($name:ident($($argument:ty),*) $(-> $handle:ident)?;)*) => {$(
        #[unsafe(no_mangle)]
        pub(super) unsafe extern "C" fn $name(
            $(_: $argument,)*
            $(handle: *mut *mut $handle,)?
            error: *mut *mut cmabi_error,
        ) -> cmabi_status {
            guard(error, || {
                $(
                    // SAFETY: the header's rules.
                    unsafe { check::out_handle::<$handle>(handle, "handle") }?;
                )?
                Err(left_out("component"))
            })
        }
    )*};
}

fallible! {
    cmabi_component_load(*const cmabi_engine, *const u8, usize) -> cmabi_component;
    cmabi_component_load_file(*const cmabi_engine, cmabi_string) -> cmabi_component;
    cmabi_component_serialize(
        *const cmabi_component, *mut cmabi_arena, *mut *const u8, *mut usize
    );
    cmabi_component_load_precompiled(*const cmabi_engine, *const u8, usize) -> cmabi_component;
    cmabi_component_load_precompiled_file(*const cmabi_engine, cmabi_string) -> cmabi_component;
    cmabi_linker_new(*const cmabi_engine) -> cmabi_linker;
    cmabi_linker_component(
        *mut cmabi_linker, cmabi_string, cmabi_string, *const cmabi_component
    );
    cmabi_linker_module(*mut cmabi_linker, cmabi_string, cmabi_string, *const u8, usize);
    cmabi_instance_func(*mut cmabi_instance, cmabi_string) -> cmabi_func;
    cmabi_instance_resource(*mut cmabi_instance, cmabi_string) -> cmabi_resource_type;
    cmabi_instance_described_funcs(
        *mut cmabi_instance, *const cmabi_export_desc, usize, *mut *const cmabi_func
    );
    cmabi_instance_terminate(*mut cmabi_store, *const cmabi_instance);
    cmabi_instance_counts(*mut cmabi_store, *const cmabi_instance, *mut cmabi_counts);
    cmabi_linker_instance(*mut cmabi_linker, cmabi_string, *mut cmabi_instance);
    cmabi_linker_export(
        *mut cmabi_linker, cmabi_string, cmabi_string, *mut cmabi_instance, cmabi_string
    );
    cmabi_linker_set_immediate(*mut cmabi_linker, cmabi_string, cmabi_string);
    cmabi_linker_trap_unknown_imports(*mut cmabi_linker, *const cmabi_string, usize);
    cmabi_instance_set_label(*mut cmabi_store, *const cmabi_instance, cmabi_string);
    cmabi_linker_check(*const cmabi_linker, *const cmabi_component);
    cmabi_linker_instantiate(*const cmabi_linker, *mut cmabi_store, *const cmabi_component)
        -> cmabi_instance;
    cmabi_linker_prepare(*const cmabi_linker, *const cmabi_component) -> cmabi_instance_pre;
    cmabi_instance_pre_instantiate(*const cmabi_instance_pre, *mut cmabi_store) -> cmabi_instance;
}

/// Functions that look at what does not exist: their arguments and their answer.
macro_rules! infallible {
    ($($name:ident($($argument:ty),*) -> $answer:ty = $value:expr;)*) => {$(
        #[unsafe(no_mangle)]
        pub(super) extern "C" fn $name($(_: $argument),*) -> $answer {
            $value
        }
    )*};
}

infallible! {
    cmabi_component_free(*mut cmabi_component) -> () = ();
    cmabi_component_used_bytes(*const cmabi_component) -> u64 = 0;
    cmabi_component_used_work(*const cmabi_component) -> u64 = 0;
    cmabi_component_import_count(*const cmabi_component) -> usize = 0;
    cmabi_component_import_at(*const cmabi_component, usize, *mut cmabi_string)
        -> *const cmabi_extern_type = ptr::null();
    cmabi_component_export_count(*const cmabi_component) -> usize = 0;
    cmabi_component_export_at(*const cmabi_component, usize, *mut cmabi_string)
        -> *const cmabi_extern_type = ptr::null();
    cmabi_extern_type_kind(*const cmabi_extern_type) -> u32 = 0;
    cmabi_extern_type_func(*const cmabi_extern_type) -> *const cmabi_func_type = ptr::null();
    cmabi_extern_type_type(*const cmabi_extern_type) -> *const cmabi_type = ptr::null();
    cmabi_extern_type_resource(*const cmabi_extern_type) -> *const cmabi_resource_type = ptr::null();
    cmabi_extern_type_export_count(*const cmabi_extern_type) -> usize = 0;
    cmabi_extern_type_export_at(*const cmabi_extern_type, usize, *mut cmabi_string)
        -> *const cmabi_extern_type = ptr::null();
    cmabi_linker_free(*mut cmabi_linker) -> () = ();
    cmabi_instance_free(*mut cmabi_instance) -> () = ();
    cmabi_instance_pre_free(*mut cmabi_instance_pre) -> () = ();
    cmabi_instance_data(*mut cmabi_store, *const cmabi_instance) -> *mut c_void = ptr::null_mut();
    cmabi_instance_export_count(*mut cmabi_instance) -> usize = 0;
    cmabi_instance_export_at(*mut cmabi_instance, usize, *mut cmabi_string)
        -> *const cmabi_extern_type = ptr::null();
}

/// Fallible functions that take over a callback's data, and drop it: their arguments before that.
macro_rules! owning {
    ($($name:ident($($argument:ty),*);)*) => {$(
        #[unsafe(no_mangle)]
        pub(super) unsafe extern "C" fn $name(
            $(_: $argument,)*
            data: *mut c_void,
            drop: cmabi_drop,
            error: *mut *mut cmabi_error,
        ) -> cmabi_status {
            guard(error, || {
                let _data = Data::new(data, drop);
                Err(left_out("component"))
            })
        }
    )*};
}

owning! {
    cmabi_linker_func(*mut cmabi_linker, cmabi_string, cmabi_string, cmabi_host_func);
    cmabi_linker_typed_func(*mut cmabi_linker, cmabi_string, cmabi_string, *const cmabi_func_type, cmabi_host_func);
    cmabi_linker_described_func(*mut cmabi_linker, cmabi_string, cmabi_string, *const cmabi_func_desc, cmabi_host_func);
    cmabi_linker_checked_func(*mut cmabi_linker, cmabi_string, cmabi_string, *const c_void, cmabi_host_func);
    cmabi_linker_resource(*mut cmabi_linker, cmabi_string, cmabi_string, *const cmabi_resource_type, cmabi_destructor);
    cmabi_linker_wit_func(*mut cmabi_linker, cmabi_string, cmabi_string, cmabi_string, usize, usize, cmabi_host_func);
    cmabi_instance_set_data(*mut cmabi_store, *const cmabi_instance);
}
