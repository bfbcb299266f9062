//! Config and limits

use super::error::{cmabi_drop, cmabi_string};
use super::error::{cmabi_error, cmabi_status};
#[cfg(feature = "component")]
use crate::component::Cache;
use crate::engine::fiber::MIN_STACK;
use crate::error::Result;
use crate::ffi::check;
use crate::ffi::data::Data;
use crate::ffi::{guard, guard_or};
use crate::runtime::{TraceEvent, TraceKind};
use std::ffi::c_void;
use std::path::Path;
use std::sync::Arc;

/// Settings for an engine and for its stores. A new one holds the defaults.
///
/// An engine and a store take a copy when they are made; changing or freeing the config later does
/// not touch them. Each setting says which of the two it is for.
/// @since 0.1
#[derive(Clone, Default)]
pub struct cmabi_config {
    pub(in crate::ffi) max_recursion: Option<u32>,
    pub(in crate::ffi) max_stack_bytes: Option<u64>,
    pub(in crate::ffi) fiber_stack_bytes: Option<u64>,
    pub(in crate::ffi) fuel: Option<u64>,
    pub(in crate::ffi) call_fuel: Option<u64>,
    pub(in crate::ffi) max_memory_bytes: Option<u64>,
    pub(in crate::ffi) max_table_elements: Option<u64>,
    pub(in crate::ffi) max_host_bytes: Option<u64>,
    pub(in crate::ffi) max_guest_bytes: Option<u64>,
    pub(in crate::ffi) max_call_bytes: Option<u64>,
    pub(in crate::ffi) max_nesting: Option<u32>,
    pub(in crate::ffi) max_foreign_stack_bytes: Option<u64>,
    pub(in crate::ffi) max_handles: Option<u32>,
    pub(in crate::ffi) max_threads: Option<u32>,
    pub(in crate::ffi) schedule_seed: Option<u64>,
    pub(in crate::ffi) deterministic: bool,
    pub(in crate::ffi) is_interruptible: bool,
    pub(in crate::ffi) trace: Option<(CTrace, Arc<Data>)>,
    pub(in crate::ffi) load: LoadSettings,
    #[cfg(feature = "component")]
    pub(in crate::ffi) cache: Option<Arc<Cache>>,
}

/// What an engine's components may take to be loaded and instantiated; `None` is the default.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::ffi) struct LoadSettings {
    bytes: Option<u64>,
    work: Option<u64>,
    instances: Option<u64>,
}

#[cfg(feature = "component")]
impl LoadSettings {
    pub(in crate::ffi) fn limits(self) -> crate::component::LoadLimits {
        let default = crate::component::LoadLimits::default();
        crate::component::LoadLimits {
            bytes: self.bytes.unwrap_or(default.bytes),
            work: self.work.unwrap_or(default.work),
            instances: self.instances.unwrap_or(default.instances),
        }
    }
}

/// Changes a config that C passed.
///
/// # Safety
/// The header's rules for both arguments.
unsafe fn set(
    config: *mut cmabi_config,
    error: *mut *mut cmabi_error,
    change: impl FnOnce(&mut cmabi_config),
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        change(unsafe { check::required_mut(config, "config") }?);
        Ok(())
    })
}

/// Makes a config that holds the defaults.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_new(
    config: *mut *mut cmabi_config,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let config = unsafe { check::out_handle(config, "config") }?;
        *config = Box::into_raw(Box::default());
        Ok(())
    })
}

/// Frees a config. NULL is fine.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_free(config: *mut cmabi_config) {
    guard_or((), || {
        if !config.is_null() {
            // SAFETY: the header's rules: the config is the caller's and is freed once.
            drop(unsafe { Box::from_raw(config) });
        }
    });
}

/// For an engine: how many wasm calls may be nested in one another within one call from the host.
/// Beyond it the guest traps with `call stack exhausted`. The default is 16,384.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_set_max_recursion(
    config: *mut cmabi_config,
    calls: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { set(config, error, |config| config.max_recursion = Some(calls)) }
}

/// For an engine: how many bytes the locals and operands of one call from the host may take.
/// Beyond it the guest traps with `call stack exhausted`. The default is 8 MiB.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_set_max_stack_bytes(
    config: *mut cmabi_config,
    bytes: u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { set(config, error, |config| config.max_stack_bytes = Some(bytes)) }
}

/// For an engine of `cmabi_engine_new_native` (cmabi_engine.h): how many bytes of native stack each callback has, at least
/// 65,536, which is `CMABI_STATUS_INVALID_ARGUMENT` otherwise; a guard page follows. The default is 256 KiB.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_set_fiber_stack_bytes(
    config: *mut cmabi_config,
    bytes: u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let config = unsafe { check::required_mut(config, "config") }?;
        if bytes < MIN_STACK {
            return Err(check::invalid("bytes", format_args!("is less than {MIN_STACK}")));
        }
        config.fiber_stack_bytes = Some(bytes);
        Ok(())
    })
}

/// For an engine: how many bytes the loading of one component or core module may take. What is counted is
/// what the types of a component come to when each is written out wherever it is mentioned, and in
/// proportion to the size of the binary what is kept of it: 4 bytes for a byte of a core module, 64 for
/// one of a component around it, 256 for a definition. Beyond it the component does not load,
/// with `CMABI_STATUS_LIMIT`. The default is 512 MiB; see `cmabi_component_used_bytes`.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_set_max_load_bytes(
    config: *mut cmabi_config,
    bytes: u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { set(config, error, |config| config.load.bytes = Some(bytes)) }
}

/// For an engine: how many steps the loading of one component or core module may take that are not in
/// proportion to the size of its binary: parts of types that are visited where they are mentioned, values
/// that instructions move. Beyond it the component does not load, with `CMABI_STATUS_LIMIT`. Each
/// instantiation of the component may take as many: one for each definition, import and export of the
/// instances in it. The default is 10,000,000, which takes less than a second; see
/// `cmabi_component_used_work`.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_set_max_load_work(
    config: *mut cmabi_config,
    steps: u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { set(config, error, |config| config.load.work = Some(steps)) }
}

/// For an engine: how many component and core instances the instantiation of one of its components may
/// make, those inside of others included. Beyond it the instantiation fails, with `CMABI_STATUS_LIMIT`.
/// The default is 10,000.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_set_max_instances(
    config: *mut cmabi_config,
    instances: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { set(config, error, |config| config.load.instances = Some(instances.into())) }
}

/// For an engine: has components that are loaded keep their compiled code in the folder `path`, and takes it from there
/// when they are loaded again, by this process or another, however many use the folder at once. `max_bytes` is
/// how much is kept there, 0 for 1 GiB: when there is more, what was not used for longest is removed. An empty
/// `path` takes the setting back.
///
/// **The folder has to be trusted: code that is there runs in the process.** It has to exist:
/// `CMABI_STATUS_NOT_FOUND` otherwise. `CMABI_STATUS_INVALID_ARGUMENT` where no file can be made there. What goes
/// wrong later, as a disk that is full, has components compiled as if there was no cache; what is damaged is
/// removed. With an engine that does not give away compiled code, as the built-in one, nothing is kept.
/// `CMABI_STATUS_UNSUPPORTED` where the library was built without components.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_set_cache_dir(
    config: *mut cmabi_config,
    path: cmabi_string,
    max_bytes: u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (config, path) =
            unsafe { (check::required_mut(config, "config")?, check::path(path, "path")?) };
        set_cache(config, path, max_bytes)
    })
}

#[cfg(feature = "component")]
fn set_cache(config: &mut cmabi_config, path: &Path, max_bytes: u64) -> Result<()> {
    let max_bytes = if max_bytes == 0 { Cache::MAX_BYTES } else { max_bytes };
    config.cache = match path.as_os_str().is_empty() {
        true => None,
        false => Some(Arc::new(Cache::new(path, max_bytes)?)),
    };
    Ok(())
}

#[cfg(not(feature = "component"))]
fn set_cache(_: &mut cmabi_config, _: &Path, _: u64) -> Result<()> {
    Err(crate::ffi::left_out("component"))
}

/// For a store: meters what guests execute, and gives the store this much fuel to start with. An
/// instruction takes about one unit. A guest that runs out traps; see `cmabi_store_set_fuel` for
/// more. By default nothing is metered.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_set_fuel(
    config: *mut cmabi_config,
    fuel: u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { set(config, error, |config| config.fuel = Some(fuel)) }
}

/// For a store: meters what guests execute, as `cmabi_config_set_fuel`, and gives each call by the host no
/// more than this much: the call of a function, whether it is waited for or not, and an instantiation, with
/// all that guests call and start on behalf of it, also later. A guest that runs out ends with
/// `CMABI_STATUS_LIMIT`, and the fuel of the store that others will need is still there. Inside a host
/// function, the store's fuel is what is left of the call. By default a call may use all of the store's.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_set_call_fuel(
    config: *mut cmabi_config,
    fuel: u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { set(config, error, |config| config.call_fuel = Some(fuel)) }
}

/// For a store: whether other threads may stop what runs in it, by `cmabi_store_interrupter` or
/// `cmabi_store_set_deadline`. The built-in engine then meters guests, which run up to a fifth
/// slower. By default nothing stops a guest. An engine of the host's has to declare that it can.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_set_interruptible(
    config: *mut cmabi_config,
    interruptible: bool,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { set(config, error, |config| config.is_interruptible = interruptible) }
}

/// For a store: how many bytes each linear memory may have. `memory.grow` beyond it fails, and so
/// does the instantiation of a module whose memory starts larger. By default only wasm's own limits
/// hold.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_set_max_memory_bytes(
    config: *mut cmabi_config,
    bytes: u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { set(config, error, |config| config.max_memory_bytes = Some(bytes)) }
}

/// For a store: how many elements each core table may have. By default only wasm's own limits hold.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_set_max_table_elements(
    config: *mut cmabi_config,
    elements: u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { set(config, error, |config| config.max_table_elements = Some(elements)) }
}

/// For a store: how many bytes of the host's memory it may take on behalf of its guests, beside their own
/// memories: arguments and results of calls that are going on, handles, tasks and threads, the stacks
/// of guests that wait, messages of error contexts, instances. Where more is needed the guest traps, or
/// the function fails, with `CMABI_STATUS_LIMIT`. The default is 256 MiB. What is in use can be asked:
/// `cmabi_store_counts`.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_set_max_host_bytes(
    config: *mut cmabi_config,
    bytes: u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { set(config, error, |config| config.max_host_bytes = Some(bytes)) }
}

/// For a store: how many bytes the linear memories and tables of all its instances may have together; an
/// element of a table counts as 8. `memory.grow` and `table.grow` beyond it fail, and so does the
/// instantiation of a module that starts with more. The default is 4 GiB.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_set_max_guest_bytes(
    config: *mut cmabi_config,
    bytes: u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { set(config, error, |config| config.max_guest_bytes = Some(bytes)) }
}

/// For a store: how many bytes of the host's memory the arguments of one call of a host function may
/// take, and the result of one call by the host, or one read from a stream. A guest can make a list of a
/// million elements that are all the same megabyte. Where more is needed the guest traps with
/// `CMABI_STATUS_LIMIT`. The default is 64 MiB.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_set_max_call_bytes(
    config: *mut cmabi_config,
    bytes: u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { set(config, error, |config| config.max_call_bytes = Some(bytes)) }
}

/// For a store: how many calls from the host into a guest and back may be nested in one another.
/// They take native stack. Beyond it the guest traps, as it does where the thread has too little stack
/// left. The default is 128.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_set_max_nesting(
    config: *mut cmabi_config,
    calls: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { set(config, error, |config| config.max_nesting = Some(calls)) }
}

/// For a store: how many bytes of native stack the calls nested in one another may take, counted from the
/// outermost, on a stack that the library does not know the end of: that of a host's own coroutine.
/// What a call takes, some 10 KiB in a release build, and what a host function does, comes on top.
/// Beyond it the guest traps. The default is 128 KiB, which asks for coroutines with 256 KiB.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_set_max_foreign_stack_bytes(
    config: *mut cmabi_config,
    bytes: u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { set(config, error, |config| config.max_foreign_stack_bytes = Some(bytes)) }
}

/// For a store: how many handles the table of each component instance may hold, up to the
/// specification's 2^28 - 1, which is the default.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_set_max_handles(
    config: *mut cmabi_config,
    handles: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { set(config, error, |config| config.max_handles = Some(handles)) }
}

/// For a store: how many threads each component instance may have, up to the specification's
/// 2^28 - 1, which is the default.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_set_max_threads(
    config: *mut cmabi_config,
    threads: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { set(config, error, |config| config.max_threads = Some(threads)) }
}

/// For a store: draws the order of ready threads from a pseudo-random sequence that begins with
/// `seed`, among the orders that the specification allows. By default the thread that has been ready
/// for longest runs first.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_set_schedule_seed(
    config: *mut cmabi_config,
    seed: u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { set(config, error, |config| config.schedule_seed = Some(seed)) }
}

/// For a store: the specification's deterministic profile, in which equal inputs give equal outputs
/// bit for bit: NaNs are canonical. Off by default.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_set_deterministic(
    config: *mut cmabi_config,
    deterministic: bool,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { set(config, error, |config| config.deterministic = deterministic) }
}

/// What has happened in a store.
/// @since 0.2
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cmabi_trace_kind {
    /// A call has begun: the callee takes the arguments.
    CallBegin,
    /// It has returned. The callee may go on after that.
    CallReturn,
    /// It was cancelled and has no result.
    CallCancel,
    /// A trap has ended it, or the host has failed to answer it.
    CallTrap,
    /// A thread of the call begins to wait.
    TaskBlock,
    /// The thread goes on.
    TaskWake,
    /// An instance's table has a new handle.
    HandleNew,
    /// A handle has left an instance's table: it was dropped or given away. Those of an instance that a trap
    /// has ended leave without a word.
    HandleDrop,
    /// An instance has met a limit, and traps.
    Limit,
}

/// Something that has happened in a store. What it points to is valid during the callback. Later versions
/// may append fields.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cmabi_trace_event {
    /// What.
    pub kind: cmabi_trace_kind,
    /// For a handle, its index in the instance's table; 0 for others.
    pub handle: u32,
    /// A number of the call that it is about, which no other call of the store has while it goes on. For a handle
    /// the call whose code runs. 0 for none.
    pub task: u64,
    /// The number of the call that has made that call, as long as that goes on; 0 for the host.
    pub caller: u64,
    /// The label of the instance whose function or handle it is: `host` for the host.
    pub instance: cmabi_string,
    /// The full name of the function that is called. For a handle the name of the resource type, or what else it
    /// refers to.
    pub name: cmabi_string,
    /// For a trap or limit why; for a thread that waits, and goes on, what for. Empty for others.
    pub detail: cmabi_string,
}

/// Told what happens in a store, at once, on the thread that runs it. Times are the host's to take. It must not
/// use the store, which answers `CMABI_STATUS_BUSY`, and must return normally.
/// @since 0.2
pub type cmabi_on_trace =
    Option<unsafe extern "C" fn(data: *mut c_void, event: *const cmabi_trace_event)>;

/// What C gave for it.
pub(in crate::ffi) type CTrace =
    unsafe extern "C" fn(data: *mut c_void, event: *const cmabi_trace_event);

/// For a store: has `on_trace` told of calls, waits, handles and limits. NULL takes it back. `drop`, which may be
/// NULL, is called with `data` when the config and the stores that were made with it are gone, or when
/// another is set. A store without costs nothing for it.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_config_set_on_trace(
    config: *mut cmabi_config,
    on_trace: cmabi_on_trace,
    data: *mut c_void,
    drop: cmabi_drop,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    let data = Arc::new(Data::new(data, drop));
    // SAFETY: the header's rules.
    unsafe { set(config, error, |config| config.trace = on_trace.map(|on_trace| (on_trace, data))) }
}

/// Tells C.
pub(in crate::ffi) fn tell(on_trace: CTrace, data: &Data, event: &TraceEvent<'_>) {
    let kind = match event.kind {
        TraceKind::CallBegin => cmabi_trace_kind::CallBegin,
        TraceKind::CallReturn => cmabi_trace_kind::CallReturn,
        TraceKind::CallCancel => cmabi_trace_kind::CallCancel,
        TraceKind::CallTrap => cmabi_trace_kind::CallTrap,
        TraceKind::TaskBlock => cmabi_trace_kind::TaskBlock,
        TraceKind::TaskWake => cmabi_trace_kind::TaskWake,
        TraceKind::HandleNew => cmabi_trace_kind::HandleNew,
        TraceKind::HandleDrop => cmabi_trace_kind::HandleDrop,
        TraceKind::Limit => cmabi_trace_kind::Limit,
    };
    let told = cmabi_trace_event {
        kind,
        handle: event.handle,
        task: event.task,
        caller: event.caller,
        instance: event.instance.into(),
        name: event.name.into(),
        detail: event.detail.into(),
    };
    // SAFETY: the header's rules for callbacks.
    unsafe { on_trace(data.get(), &raw const told) }
}
