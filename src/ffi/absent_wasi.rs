//! The exports of the feature `wasi` in a build without it: they are there, and answer
//! `CMABI_STATUS_UNSUPPORTED`. A config can never come to exist.

#[cfg(not(feature = "component"))]
use super::absent::cmabi_linker;
use super::data::Data;
use super::{check, guard, left_out};
use crate::ffi::cmabi::error::{cmabi_drop, cmabi_error, cmabi_status, cmabi_string};
#[cfg(feature = "component")]
use crate::ffi::cmabi::linker::cmabi_linker;
use std::ffi::c_void;

pub(super) enum cmabi_wasi_config {}

/// Functions with their arguments but for the place of a new handle, callback data, and the `error`.
macro_rules! absent {
    ($($name:ident($($argument:ty),*) $(-> $handle:ident)? $(with $data:ident)?;)*) => {$(
        #[unsafe(no_mangle)]
        pub(super) unsafe extern "C" fn $name(
            $(_: $argument,)*
            $(handle: *mut *mut $handle,)?
            $($data: *mut c_void, drop: cmabi_drop,)?
            error: *mut *mut cmabi_error,
        ) -> cmabi_status {
            guard(error, || {
                $(let _data = Data::new($data, drop);)?
                $(
                    // SAFETY: the header's rules.
                    unsafe { check::out_handle::<$handle>(handle, "handle") }?;
                )?
                Err(left_out("wasi"))
            })
        }
    )*};
}

absent! {
    cmabi_wasi_config_new() -> cmabi_wasi_config;
    cmabi_wasi_config_add_arg(*mut cmabi_wasi_config, cmabi_string);
    cmabi_wasi_config_inherit_args(*mut cmabi_wasi_config);
    cmabi_wasi_config_set_env(*mut cmabi_wasi_config, cmabi_string, cmabi_string);
    cmabi_wasi_config_inherit_env(*mut cmabi_wasi_config);
    cmabi_wasi_config_inherit_stdio(*mut cmabi_wasi_config, u32);
    cmabi_wasi_config_set_stdio_file(*mut cmabi_wasi_config, u32, cmabi_string);
    cmabi_wasi_config_set_stdin_bytes(*mut cmabi_wasi_config, *const u8, usize);
    cmabi_wasi_config_add_dir(*mut cmabi_wasi_config, cmabi_string, cmabi_string, u32);
    cmabi_wasi_config_inherit_network(*mut cmabi_wasi_config);
    cmabi_wasi_config_set_name_lookup(*mut cmabi_wasi_config, bool);
    cmabi_wasi_config_set_fixed_clocks(*mut cmabi_wasi_config, u64);
    cmabi_wasi_config_set_random_seed(*mut cmabi_wasi_config, u64);
    cmabi_wasi_config_set_max_resources(*mut cmabi_wasi_config, u32);
    cmabi_wasi_config_set_max_descriptors(*mut cmabi_wasi_config, u32);
    cmabi_wasi_config_set_max_buffer_bytes(*mut cmabi_wasi_config, u32);
    cmabi_wasi_config_set_max_random_bytes(*mut cmabi_wasi_config, u32);
    cmabi_wasi_config_set_max_poll(*mut cmabi_wasi_config, u32);
    cmabi_wasi_config_set_last_words(*mut cmabi_wasi_config, u32);
    cmabi_linker_wasi(*mut cmabi_linker, *const cmabi_wasi_config);
    cmabi_wasi_config_set_stdin(*mut cmabi_wasi_config, *const c_void) with data;
    cmabi_wasi_config_set_output(*mut cmabi_wasi_config, u32, *const c_void) with data;
    cmabi_wasi_config_set_network(*mut cmabi_wasi_config, *const c_void) with data;
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cmabi_wasi_config_free(_: *mut cmabi_wasi_config) {}
