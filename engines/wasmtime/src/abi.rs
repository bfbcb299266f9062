//! What this library knows of libcmabi: the engine table and a few functions of its C headers.
//!
//! Declared by hand, so that the engine stands on what every host's engine stands on and links to the
//! library as they do. A test has a C compiler compare it with the header.

use std::ffi::{c_char, c_void};
use std::ptr;

/// A text, not terminated by a zero.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct cmabi_string {
    pub(crate) ptr: *const c_char,
    pub(crate) len: usize,
}

impl cmabi_string {
    pub(crate) const EMPTY: Self = cmabi_string { ptr: ptr::null(), len: 0 };
}

impl From<&str> for cmabi_string {
    fn from(text: &str) -> Self {
        cmabi_string { ptr: text.as_ptr().cast(), len: text.len() }
    }
}

macro_rules! opaque {
    ($($(#[$doc:meta])* $visibility:vis $name:ident),*) => {$(
        $(#[$doc])*
        #[repr(C)]
        #[derive(Debug)]
        $visibility struct $name {
            _private: [u8; 0],
        }
    )*};
}

opaque! {
    /// Settings, of `cmabi.h`.
    pub cmabi_config,
    /// An engine, of `cmabi.h`.
    pub cmabi_engine,
    /// What went wrong, of `cmabi.h`.
    pub cmabi_error,
    /// What the memories and tables of a store are charged to.
    pub(crate) cmabi_guest_memory,
    /// A function that guests import.
    pub(crate) cmabi_import
}

/// How a function of the library went; `CMABI_STATUS_OK` is 0.
pub type cmabi_status = u32;

pub(crate) const CMABI_ENGINE_TIER_RESUME: u32 = 0;

pub(crate) const CMABI_OUTCOME_RETURNED: u32 = 0;
pub(crate) const CMABI_OUTCOME_SUSPENDED: u32 = 1;
pub(crate) const CMABI_OUTCOME_TRAPPED: u32 = 2;
pub(crate) const CMABI_OUTCOME_THREW: u32 = 3;
pub(crate) const CMABI_OUTCOME_OUT_OF_FUEL: u32 = 4;
pub(crate) const CMABI_OUTCOME_INTERRUPTED: u32 = 5;
pub(crate) const CMABI_OUTCOME_LIMIT: u32 = 6;

pub(crate) const CMABI_FLOW_DONE: u32 = 0;
pub(crate) const CMABI_FLOW_BLOCK: u32 = 1;

pub(crate) const CMABI_CORE_KIND_FUNC: u32 = 0;
pub(crate) const CMABI_CORE_KIND_MEMORY: u32 = 1;
pub(crate) const CMABI_CORE_KIND_TABLE: u32 = 2;
pub(crate) const CMABI_CORE_KIND_GLOBAL: u32 = 3;
pub(crate) const CMABI_CORE_KIND_TAG: u32 = 4;

pub(crate) const CMABI_CORE_TYPE_I32: u32 = 0;
pub(crate) const CMABI_CORE_TYPE_I64: u32 = 1;
pub(crate) const CMABI_CORE_TYPE_F32: u32 = 2;
pub(crate) const CMABI_CORE_TYPE_F64: u32 = 3;
pub(crate) const CMABI_CORE_TYPE_V128: u32 = 4;
pub(crate) const CMABI_CORE_TYPE_FUNCREF: u32 = 5;
pub(crate) const CMABI_CORE_TYPE_EXTERNREF: u32 = 6;
pub(crate) const CMABI_CORE_TYPE_REF: u32 = 7;

/// Something that a module imports or exports.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct cmabi_core_extern {
    pub(crate) kind: u32,
    pub(crate) item: *mut c_void,
}

/// The type of a core function.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct cmabi_core_func_type {
    pub(crate) params: *const u32,
    pub(crate) params_len: usize,
    pub(crate) results: *const u32,
    pub(crate) results_len: usize,
}

/// What a store asks of the engine.
#[repr(C)]
pub(crate) struct cmabi_engine_limits {
    pub(crate) size: usize,
    pub(crate) max_memory_bytes: u64,
    pub(crate) max_table_elements: u64,
    pub(crate) metered: bool,
    pub(crate) fuel: u64,
    pub(crate) max_guest_bytes: u64,
    pub(crate) interrupt: *const u32,
    pub(crate) guest_memory: *mut cmabi_guest_memory,
    pub(crate) import_call:
        unsafe extern "C" fn(import: *mut cmabi_import, args: *const u64, results: *mut u64) -> u32,
    pub(crate) guest_memory_charge:
        unsafe extern "C" fn(memory: *mut cmabi_guest_memory, bytes: u64) -> bool,
    pub(crate) guest_memory_credit:
        unsafe extern "C" fn(memory: *mut cmabi_guest_memory, bytes: u64),
}

/// A function that was running when a guest trapped.
#[repr(C)]
pub(crate) struct cmabi_core_frame {
    pub(crate) name: cmabi_string,
    pub(crate) func_index: u32,
    pub(crate) offset: u64,
}

macro_rules! table {
    ($($(#[$doc:meta])* $field:ident: $ty:ty = $zero:expr,)*) => {
        /// The engine table, of `cmabi_engine.h`.
        #[repr(C)]
        pub struct cmabi_engine_interface {
            pub(crate) size: usize,
            $($(#[$doc])* pub(crate) $field: $ty,)*
        }

        impl cmabi_engine_interface {
            /// An empty table.
            pub(crate) const INIT: Self = cmabi_engine_interface {
                size: size_of::<Self>(),
                $($field: $zero,)*
            };
            /// Where each field is.
            #[cfg(test)]
            pub(crate) const OFFSETS: &[(&str, usize)] = &[
                $((stringify!($field), std::mem::offset_of!(Self, $field)),)*
            ];
        }
    };
}

table! {
    data: *mut c_void = ptr::null_mut(),
    drop: Option<unsafe extern "C" fn(data: *mut c_void)> = None,
    tier: u32 = 0,
    memory64: bool = false,
    exceptions: bool = false,
    fuel: bool = false,
    interrupt: bool = false,
    fiber_stack_bytes: usize = 0,
    module_new: Option<
        unsafe extern "C" fn(
            data: *mut c_void,
            wasm: *const u8,
            len: usize,
            module: *mut *mut c_void,
            message: *mut cmabi_string,
        ) -> bool,
    > = None,
    module_free: Option<unsafe extern "C" fn(data: *mut c_void, module: *mut c_void)> = None,
    store_new: Option<
        unsafe extern "C" fn(
            data: *mut c_void,
            limits: *const cmabi_engine_limits,
            store: *mut *mut c_void,
            message: *mut cmabi_string,
        ) -> bool,
    > = None,
    store_free: Option<unsafe extern "C" fn(data: *mut c_void, store: *mut c_void)> = None,
    instantiate: Option<
        unsafe extern "C" fn(
            store: *mut c_void,
            module: *mut c_void,
            imports: *const cmabi_core_extern,
            imports_len: usize,
            instance: *mut *mut c_void,
            message: *mut cmabi_string,
        ) -> u32,
    > = None,
    instance_export: Option<
        unsafe extern "C" fn(
            store: *mut c_void,
            instance: *mut c_void,
            index: usize,
        ) -> cmabi_core_extern,
    > = None,
    func_new: Option<
        unsafe extern "C" fn(
            store: *mut c_void,
            ty: *const cmabi_core_func_type,
            may_block: bool,
            import: *mut cmabi_import,
        ) -> *mut c_void,
    > = None,
    call: Option<
        unsafe extern "C" fn(
            store: *mut c_void,
            func: *mut c_void,
            args: *const u64,
            results: *mut u64,
            continuation: *mut *mut c_void,
            message: *mut cmabi_string,
        ) -> u32,
    > = None,
    resume: Option<
        unsafe extern "C" fn(
            store: *mut c_void,
            suspended: *mut c_void,
            import_results: *const u64,
            results: *mut u64,
            continuation: *mut *mut c_void,
            message: *mut cmabi_string,
        ) -> u32,
    > = None,
    continuation_free: Option<unsafe extern "C" fn(store: *mut c_void, suspended: *mut c_void)> = None,
    memory_data: Option<
        unsafe extern "C" fn(store: *mut c_void, memory: *mut c_void, len: *mut usize) -> *mut u8,
    > = None,
    table_get: Option<
        unsafe extern "C" fn(
            store: *mut c_void,
            table: *mut c_void,
            index: u64,
            func: *mut *mut c_void,
            ty: *mut cmabi_core_func_type,
        ) -> bool,
    > = None,
    global_get: Option<unsafe extern "C" fn(store: *mut c_void, global: *mut c_void) -> u64> = None,
    fuel_get: Option<unsafe extern "C" fn(store: *mut c_void) -> u64> = None,
    fuel_set: Option<unsafe extern "C" fn(store: *mut c_void, fuel: u64)> = None,
    trap_frames: Option<
        unsafe extern "C" fn(
            store: *mut c_void,
            frames: *mut cmabi_core_frame,
            room: usize,
        ) -> usize,
    > = None,
    stack_left: Option<unsafe extern "C" fn(store: *mut c_void) -> usize> = None,
    code_version: cmabi_string = cmabi_string::EMPTY,
    module_serialize: Option<
        unsafe extern "C" fn(
            data: *mut c_void,
            module: *mut c_void,
            write: cmabi_write,
            to: *mut c_void,
            message: *mut cmabi_string,
        ) -> bool,
    > = None,
    module_deserialize: Option<
        unsafe extern "C" fn(
            data: *mut c_void,
            wasm: *const u8,
            wasm_len: usize,
            code: *const u8,
            code_len: usize,
            module: *mut *mut c_void,
            message: *mut cmabi_string,
        ) -> bool,
    > = None,
}

/// Takes bytes that are written.
pub(crate) type cmabi_write =
    Option<unsafe extern "C" fn(to: *mut c_void, bytes: *const u8, bytes_len: usize)>;

unsafe extern "C" {
    pub(crate) fn cmabi_engine_new_custom(
        table: *const cmabi_engine_interface,
        config: *const cmabi_config,
        engine: *mut *mut cmabi_engine,
        error: *mut *mut cmabi_error,
    ) -> cmabi_status;

    pub(crate) fn cmabi_config_max_stack_bytes(config: *const cmabi_config) -> u64;

    pub(crate) fn cmabi_config_is_metered(config: *const cmabi_config) -> bool;

    pub(crate) fn cmabi_config_is_interruptible(config: *const cmabi_config) -> bool;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;
    use std::mem::offset_of;
    use std::process::Command;

    /// The header agrees with what is declared here: sizes, places of fields, and values.
    #[test]
    fn the_header_says_the_same() {
        let mut c = String::from("#include <cmabi_engine.h>\n");
        let mut check = |what: String, value: usize| {
            writeln!(c, "_Static_assert({what} == {value}, \"{}\");", what.replace('"', ""))
                .unwrap();
        };
        for (field, offset) in cmabi_engine_interface::OFFSETS {
            check(format!("offsetof(cmabi_engine_interface, {field})"), *offset);
        }
        macro_rules! structs {
            ($($name:ident { $($field:ident),* })*) => {$(
                check(format!("sizeof({})", stringify!($name)), size_of::<$name>());
                $(check(
                    format!("offsetof({}, {})", stringify!($name), stringify!($field)),
                    offset_of!($name, $field),
                );)*
            )*};
        }
        structs! {
            cmabi_engine_interface { size }
            cmabi_string { ptr, len }
            cmabi_core_extern { kind, item }
            cmabi_core_func_type { params, params_len, results, results_len }
            cmabi_core_frame { name, func_index, offset }
            cmabi_engine_limits {
                size, max_memory_bytes, max_table_elements, metered, fuel, max_guest_bytes, interrupt,
                guest_memory, import_call, guest_memory_charge, guest_memory_credit
            }
        }
        macro_rules! values {
            ($($name:ident)*) => { $(check(stringify!($name).into(), $name as usize);)* };
        }
        values! {
            CMABI_ENGINE_TIER_RESUME
            CMABI_OUTCOME_RETURNED CMABI_OUTCOME_SUSPENDED CMABI_OUTCOME_TRAPPED CMABI_OUTCOME_THREW
            CMABI_OUTCOME_OUT_OF_FUEL CMABI_OUTCOME_INTERRUPTED CMABI_OUTCOME_LIMIT
            CMABI_FLOW_DONE CMABI_FLOW_BLOCK
            CMABI_CORE_KIND_FUNC CMABI_CORE_KIND_MEMORY CMABI_CORE_KIND_TABLE CMABI_CORE_KIND_GLOBAL
            CMABI_CORE_KIND_TAG
            CMABI_CORE_TYPE_I32 CMABI_CORE_TYPE_I64 CMABI_CORE_TYPE_F32 CMABI_CORE_TYPE_F64
            CMABI_CORE_TYPE_V128 CMABI_CORE_TYPE_FUNCREF CMABI_CORE_TYPE_EXTERNREF CMABI_CORE_TYPE_REF
        }
        let file = std::env::temp_dir().join(format!("cmabi-abi-{}.c", std::process::id()));
        std::fs::write(&file, c).unwrap();
        let include = concat!(env!("CARGO_MANIFEST_DIR"), "/../../include");
        let checked = Command::new("cc")
            .args(["-std=c11", "-fsyntax-only", "-I", include])
            .arg(&file)
            .output();
        std::fs::remove_file(&file).unwrap();
        let checked = checked.unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    }
}
