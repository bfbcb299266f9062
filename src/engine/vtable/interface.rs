//! What C sees of an engine of the host's: the table that the host fills in, and what its functions get.

#![allow(non_camel_case_types)]

use super::super::{CoreFuncType, CoreType, Tier};
use crate::c_types::{Enumeration, c_bool, cmabi_core_type, cmabi_string, enumerator};
use crate::error::Result;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::Arc;

/// How an engine suspends a guest that blocks inside an import.
/// @since 0.1
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cmabi_engine_tier {
    /// The engine leaves and re-enters its own wasm stack: an import that answers
    /// `CMABI_FLOW_BLOCK` makes the running `call` return `CMABI_OUTCOME_SUSPENDED`. Any number of
    /// calls can be suspended at once, and they are resumed in any order.
    Resume,
    /// The library runs each call on a native stack of its own and switches away inside imports,
    /// which therefore never answer `CMABI_FLOW_BLOCK`. Only for engines that tolerate it: no
    /// state of theirs is tied to the native stack or to the order in which calls return.
    Fiber,
    /// One native stack: while a guest is blocked in an import, others run on top of it. Imports
    /// never answer `CMABI_FLOW_BLOCK`. A guest that waits for one below it on the stack traps.
    Nested,
}

// SAFETY: `#[repr(u32)]`, and the values go from 0 without a gap.
unsafe impl Enumeration for cmabi_engine_tier {
    const COUNT: u32 = cmabi_engine_tier::Nested as u32 + 1;
}

impl From<cmabi_engine_tier> for Tier {
    fn from(tier: cmabi_engine_tier) -> Self {
        match tier {
            cmabi_engine_tier::Resume => Tier::Resume,
            cmabi_engine_tier::Fiber => Tier::Fiber,
            cmabi_engine_tier::Nested => Tier::Nested,
        }
    }
}

/// What kind of thing a module imports or exports.
/// @since 0.1
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cmabi_core_kind {
    /// A function.
    Func,
    /// A linear memory.
    Memory,
    /// A table.
    Table,
    /// A global.
    Global,
    /// An exception tag.
    Tag,
}

// SAFETY: `#[repr(u32)]`, and the values go from 0 without a gap.
unsafe impl Enumeration for cmabi_core_kind {
    const COUNT: u32 = cmabi_core_kind::Tag as u32 + 1;
}

/// Something that a core module imports or exports.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct cmabi_core_extern {
    /// What it is.
    pub kind: MaybeUninit<cmabi_core_kind>,
    /// The engine's own pointer or number for it, valid as long as the engine's store.
    pub item: *mut c_void,
}

/// The type of a core function. The arrays are borrowed.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct cmabi_core_func_type {
    /// The parameters: values of `cmabi_core_type`.
    pub params: *const MaybeUninit<cmabi_core_type>,
    /// How many.
    pub params_len: usize,
    /// The results.
    pub results: *const MaybeUninit<cmabi_core_type>,
    /// How many.
    pub results_len: usize,
}

impl cmabi_core_func_type {
    /// The type that is described.
    ///
    /// # Safety
    /// The arrays are as long as they are said to be.
    pub(crate) unsafe fn read(&self) -> Result<CoreFuncType> {
        let read = |types: *const MaybeUninit<cmabi_core_type>, len| -> Result<Arc<[CoreType]>> {
            // SAFETY: the caller's promise.
            let types = (0..len).map(|i| unsafe { types.add(i).read() });
            types.map(|ty| enumerator(ty, "type").map(CoreType::from)).collect()
        };
        Ok(CoreFuncType {
            params: read(self.params, self.params_len)?,
            results: read(self.results, self.results_len)?,
        })
    }
}

/// The account of the linear memories and tables of all guests of a store. Belongs to the library; valid
/// as long as the engine's store that it was given to.
/// @since 0.2
pub struct cmabi_guest_memory {
    _type: [u8; 0],
}

/// What a store asks of its engine. A limit of 0 is none.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct cmabi_engine_limits {
    /// The size of this struct.
    pub size: usize,
    /// Bytes that each linear memory may have at the most.
    pub max_memory_bytes: u64,
    /// Elements that each table may have at the most.
    pub max_table_elements: u64,
    /// Whether to meter fuel.
    pub metered: bool,
    /// Fuel to start with, where it is metered.
    pub fuel: u64,
    /// Bytes that all linear memories and tables of the store may have together.
    /// @since 0.2
    pub max_guest_bytes: u64,
    /// A word that any thread may change at any time. While it is not 0, guests that run have to stop: the
    /// call returns `CMABI_OUTCOME_INTERRUPTED`, within a few milliseconds. Valid as long as the store; NULL
    /// where nothing stops guests.
    /// @since 0.2
    pub interrupt: *const u32,
    /// What the engine charges for memories and tables, instead of looking at `max_guest_bytes`: see
    /// `cmabi_guest_memory_charge`.
    /// @since 0.2
    pub guest_memory: *mut cmabi_guest_memory,
    /// `cmabi_import_call`, and the two below as they are called: for an engine that is not linked with the
    /// library, because a program loads it.
    /// @since 0.2
    pub import_call: unsafe extern "C" fn(
        import: *mut cmabi_import,
        args: *const u64,
        results: *mut u64,
    ) -> cmabi_flow,
    /// `cmabi_guest_memory_charge`
    /// @since 0.2
    pub guest_memory_charge:
        unsafe extern "C" fn(memory: *mut cmabi_guest_memory, bytes: u64) -> bool,
    /// `cmabi_guest_memory_credit`
    /// @since 0.2
    pub guest_memory_credit: unsafe extern "C" fn(memory: *mut cmabi_guest_memory, bytes: u64),
}

/// The functions of the library that an engine calls, for [`cmabi_engine_limits`].
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct Callbacks {
    pub import_call: unsafe extern "C" fn(
        import: *mut cmabi_import,
        args: *const u64,
        results: *mut u64,
    ) -> cmabi_flow,
    pub guest_memory_charge:
        unsafe extern "C" fn(memory: *mut cmabi_guest_memory, bytes: u64) -> bool,
    pub guest_memory_credit: unsafe extern "C" fn(memory: *mut cmabi_guest_memory, bytes: u64),
}

/// How a call came back.
/// @since 0.1
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cmabi_outcome {
    /// It returned; the results are written.
    Returned,
    /// An import answered `CMABI_FLOW_BLOCK`; the continuation is written. Tier `resume` only.
    Suspended,
    /// It trapped. Where an import answered `CMABI_FLOW_TRAP` the library knows why; otherwise
    /// `message` says it.
    Trapped,
    /// It threw a core exception that nothing caught.
    Threw,
    /// It used up its fuel.
    OutOfFuel,
    /// It was stopped: see `cmabi_engine_limits.interrupt`.
    /// @since 0.2
    Interrupted,
    /// A limit of the store, or of the engine, does not allow it; `message` says which.
    /// @since 0.2
    Limit,
}

// SAFETY: `#[repr(u32)]`, and the values go from 0 without a gap.
unsafe impl Enumeration for cmabi_outcome {
    const COUNT: u32 = cmabi_outcome::Limit as u32 + 1;
}

/// What an import tells the engine that called it.
/// @since 0.1
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cmabi_flow {
    /// The results are written; the guest goes on.
    Done,
    /// The engine is to suspend the guest. Tier `resume` only.
    Block,
    /// The engine is to unwind the guest; the running call returns `CMABI_OUTCOME_TRAPPED`.
    Trap,
}

/// A function that the library gives to guests. Belongs to the library; valid as long as the
/// engine's store that it was given to.
/// @since 0.1
pub struct cmabi_import {
    _type: [u8; 0],
}

/// A core-wasm engine as a table of functions, for `cmabi_engine_new_custom`.
///
/// Core values are 64-bit words: an `i32` or `f32` is its bits, zero-extended. The library
/// validates a module before the engine sees it, and gives imports and takes exports by their
/// position in the module. A store and what is in it are used by one thread at a time; the engine
/// and its modules from several at once.
///
/// Functions answer false, NULL or `CMABI_OUTCOME_TRAPPED` for a failure and then set `*message` to
/// a text that stays valid until the engine is called again. They must return normally: no
/// exception and no `longjmp` past them. All of them are required but those of a capability that the
/// engine does not declare. `CMABI_ENGINE_INTERFACE_INIT` fills in `size` and zeroes the rest.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cmabi_engine_interface {
    /// The size of this struct.
    pub size: usize,
    /// What the functions without a store get first.
    pub data: *mut c_void,
    /// Called once with `data` when the last user of the engine is gone. May be NULL.
    pub drop: Option<unsafe extern "C" fn(data: *mut c_void)>,
    /// How guests are suspended.
    pub tier: MaybeUninit<cmabi_engine_tier>,
    /// Whether there are 64-bit memories and tables.
    pub memory64: c_bool,
    /// Whether there are core exceptions and tags.
    pub exceptions: c_bool,
    /// Whether fuel can be metered.
    pub fuel: c_bool,
    /// Whether guests that run can be stopped: see `cmabi_engine_limits.interrupt`.
    /// @since 0.2
    pub interrupt: c_bool,
    /// Tier `fiber`: how many bytes of native stack each call has, at least 65,536; a guard page
    /// follows. 0 for 1 MiB.
    pub fiber_stack_bytes: usize,

    /// Compiles a module. `wasm` is valid until it is freed.
    pub module_new: Option<
        unsafe extern "C" fn(
            data: *mut c_void,
            wasm: *const u8,
            wasm_len: usize,
            module: *mut *mut c_void,
            message: *mut cmabi_string,
        ) -> bool,
    >,
    /// Frees a module. Its instances may live on.
    pub module_free: Option<unsafe extern "C" fn(data: *mut c_void, module: *mut c_void)>,
    /// Makes an empty store.
    pub store_new: Option<
        unsafe extern "C" fn(
            data: *mut c_void,
            limits: *const cmabi_engine_limits,
            store: *mut *mut c_void,
            message: *mut cmabi_string,
        ) -> bool,
    >,
    /// Frees a store and all that is in it.
    pub store_free: Option<unsafe extern "C" fn(data: *mut c_void, store: *mut c_void)>,
    /// Instantiates a module and runs its start function, which cannot be suspended.
    /// `CMABI_OUTCOME_RETURNED` where it succeeds.
    pub instantiate: Option<
        unsafe extern "C" fn(
            store: *mut c_void,
            module: *mut c_void,
            imports: *const cmabi_core_extern,
            imports_len: usize,
            instance: *mut *mut c_void,
            message: *mut cmabi_string,
        ) -> MaybeUninit<cmabi_outcome>,
    >,
    /// An instance's export by its position in the module.
    pub instance_export: Option<
        unsafe extern "C" fn(
            store: *mut c_void,
            instance: *mut c_void,
            index: usize,
        ) -> cmabi_core_extern,
    >,
    /// Makes a function that calls `cmabi_import_call(import, …)` when a guest calls it. Without `may_block`
    /// that never answers `CMABI_FLOW_BLOCK`: guests of a store that has no others need not be suspended.
    pub func_new: Option<
        unsafe extern "C" fn(
            store: *mut c_void,
            ty: *const cmabi_core_func_type,
            may_block: bool,
            import: *mut cmabi_import,
        ) -> *mut c_void,
    >,
    /// Calls a function. The number of arguments and results is that of its type. Where `continuation` is
    /// NULL, no import asks for a suspension of this call.
    pub call: Option<
        unsafe extern "C" fn(
            store: *mut c_void,
            func: *mut c_void,
            args: *const u64,
            results: *mut u64,
            continuation: *mut *mut c_void,
            message: *mut cmabi_string,
        ) -> MaybeUninit<cmabi_outcome>,
    >,
    /// Tier `resume`: continues a suspended call. `import_results` are what the import that blocked
    /// returns. Consumes `suspended`.
    pub resume: Option<
        unsafe extern "C" fn(
            store: *mut c_void,
            suspended: *mut c_void,
            import_results: *const u64,
            results: *mut u64,
            continuation: *mut *mut c_void,
            message: *mut cmabi_string,
        ) -> MaybeUninit<cmabi_outcome>,
    >,
    /// Tier `resume`: frees a suspended call that will not be resumed.
    pub continuation_free: Option<unsafe extern "C" fn(store: *mut c_void, suspended: *mut c_void)>,
    /// Where a memory is now. Asked again after each call into a guest.
    pub memory_data: Option<
        unsafe extern "C" fn(store: *mut c_void, memory: *mut c_void, len: *mut usize) -> *mut u8,
    >,
    /// The function in a table's slot: false where the table has no such slot, `*func` NULL for a
    /// null slot. `*ty` is the function's type, borrowed until the engine is called again.
    pub table_get: Option<
        unsafe extern "C" fn(
            store: *mut c_void,
            table: *mut c_void,
            index: u64,
            func: *mut *mut c_void,
            ty: *mut cmabi_core_func_type,
        ) -> bool,
    >,
    /// The value of a global.
    pub global_get: Option<unsafe extern "C" fn(store: *mut c_void, global: *mut c_void) -> u64>,
    /// Fuel left. Required with the capability `fuel`.
    pub fuel_get: Option<unsafe extern "C" fn(store: *mut c_void) -> u64>,
    /// Sets the fuel left. Required with the capability `fuel`.
    pub fuel_set: Option<unsafe extern "C" fn(store: *mut c_void, fuel: u64)>,
    /// Says who was running when the last call or resumption trapped, or used up its fuel: writes the core
    /// functions from the innermost on, `frames_len` of them at the most, and returns how many. Asked at once,
    /// before the engine is called again, until when the names stay valid. May be NULL.
    /// @since 0.2
    pub trap_frames: Option<
        unsafe extern "C" fn(
            store: *mut c_void,
            frames: *mut cmabi_core_frame,
            frames_len: usize,
        ) -> usize,
    >,
    /// How many bytes are left of the native stack that runs, while an import does, where that is a stack of the
    /// engine's own; `SIZE_MAX` where it is not. May be NULL, for engines that have none.
    /// @since 0.2
    pub stack_left: Option<unsafe extern "C" fn(store: *mut c_void) -> usize>,

    /// Names who compiles, and how, for instance `wasmtime 48.0.1, interruptible`: what `module_serialize` writes is
    /// given to engines that say the same. Read when the engine is made; empty, and the two functions NULL,
    /// where compiled code is not to be stored.
    /// @since 0.2
    pub code_version: cmabi_string,
    /// Writes a module's compiled code: calls `write` with `to`, any number of times.
    /// @since 0.2
    pub module_serialize: Option<
        unsafe extern "C" fn(
            data: *mut c_void,
            module: *mut c_void,
            write: cmabi_write,
            to: *mut c_void,
            message: *mut cmabi_string,
        ) -> bool,
    >,
    /// Makes a module of the code that `module_serialize` has written for the module `wasm`, on this machine or
    /// another. The library has seen by a checksum that it is what was written; the engine looks whether it
    /// fits the machine. `wasm` is valid until the module is freed, `code` during the call only.
    /// @since 0.2
    pub module_deserialize: Option<
        unsafe extern "C" fn(
            data: *mut c_void,
            wasm: *const u8,
            wasm_len: usize,
            code: *const u8,
            code_len: usize,
            module: *mut *mut c_void,
            message: *mut cmabi_string,
        ) -> bool,
    >,
}

/// Takes bytes that are written.
/// @since 0.2
pub type cmabi_write =
    Option<unsafe extern "C" fn(to: *mut c_void, bytes: *const u8, bytes_len: usize)>;

/// A core function that was running when a guest trapped, as an engine tells it.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cmabi_core_frame {
    /// Its name by the `name` section; empty where it has none.
    pub name: cmabi_string,
    /// Its index in its module; `UINT32_MAX` where that is not known.
    pub func_index: u32,
    /// The offset in the module's binary; `UINT64_MAX` where that is not known.
    pub offset: u64,
}
