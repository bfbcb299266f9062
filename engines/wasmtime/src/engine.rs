//! wasmtime's engine, and modules.

use crate::abi::{cmabi_string, cmabi_write};
use crate::stack::Sizes;
use crate::ticker::Ticker;
use crate::{fiber, give, guard, say, threads};
use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::ptr;
use std::sync::{Arc, OnceLock};
use wasmtime::{Collector, Config, ModuleExport, WasmFeatures};

/// An engine: the `data` of the table.
///
/// Whether guests can be stopped, and whether their fuel is metered, is a property of compiled code in wasmtime, and
/// of a store here. So there are up to three of wasmtime's engines, each made when a store or module needs
/// it first: most stores ask for neither and should not pay for it.
pub(crate) struct Engine {
    engines: [OnceLock<wasmtime::Engine>; 3],
    /// What fibers begin with.
    entries: [OnceLock<wasmtime::Module>; 3],
    ticker: OnceLock<Ticker>,
    pub(crate) stacks: Sizes,
    /// What modules are compiled for at first.
    pub(crate) care: Care,
}

/// What compiled code looks after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Care {
    Nothing,
    Interrupts,
    InterruptsAndFuel,
}

impl Care {
    /// That of a store which meters, or is interruptible.
    pub(crate) fn of(is_metered: bool, is_interruptible: bool) -> Self {
        match (is_metered, is_interruptible) {
            (true, _) => Care::InterruptsAndFuel,
            (false, true) => Care::Interrupts,
            (false, false) => Care::Nothing,
        }
    }

    /// What code that does so goes by. Whether it is of the same version of wasmtime, and runs on this machine,
    /// wasmtime looks itself.
    pub(crate) fn code_version(self) -> &'static str {
        match self {
            Care::Nothing => "wasmtime, plain stores",
            Care::Interrupts => "wasmtime, interruptible stores",
            Care::InterruptsAndFuel => "wasmtime, metered stores",
        }
    }
}

/// A module, compiled for each kind of store that has used it.
pub(crate) struct Module {
    /// The binary, which the library keeps as long as the module is there.
    wasm: *const [u8],
    compiled: [OnceLock<Compiled>; 3],
}

// SAFETY: the binary does not change.
unsafe impl Send for Module {}
// SAFETY: as above.
unsafe impl Sync for Module {}

pub(crate) struct Compiled {
    pub(crate) module: wasmtime::Module,
    /// What it exports, in the order of declaration.
    pub(crate) exports: Arc<[ModuleExport]>,
}

/// Frames of a trap that are looked for: as many as may be of calls below, and some of the call's own.
const MAX_FRAMES: NonZeroUsize = NonZeroUsize::new(256).unwrap();

impl Engine {
    /// An engine whose guests may take so many bytes of stack, 0 for what they may take by default, and that
    /// compiles for such stores at first.
    pub(crate) fn new(max_stack_bytes: u64, care: Care) -> Self {
        let stacks = Sizes::new(max_stack_bytes);
        Engine {
            engines: Default::default(),
            entries: Default::default(),
            ticker: OnceLock::new(),
            stacks,
            care,
        }
    }

    /// The `data` of the table.
    ///
    /// # Safety
    /// `data` is one of this library's, which is not freed before the reference is gone.
    pub(crate) unsafe fn of<'a>(data: *mut c_void) -> &'a Engine {
        // SAFETY: the caller's promise.
        unsafe { &*data.cast() }
    }

    pub(crate) fn wasmtime(&self, care: Care) -> &wasmtime::Engine {
        self.engines[care as usize].get_or_init(|| {
            let mut config = Config::new();
            config
                .wasm_features(features(), true)
                .max_wasm_stack(self.stacks.guests)
                .async_stack_size(self.stacks.fiber)
                .wasm_backtrace_max_frames(Some(MAX_FRAMES))
                .collector(Collector::Null)
                .epoch_interruption(care != Care::Nothing)
                .consume_fuel(care == Care::InterruptsAndFuel);
            #[cfg(unix)]
            config.with_host_stack(Arc::new(crate::pool::Pool::default()));
            wasmtime::Engine::new(&config).expect("settings that go together")
        })
    }

    /// The module with the function that fibers begin with.
    pub(crate) fn entry(&self, care: Care) -> Result<&wasmtime::Module, String> {
        let place = &self.entries[care as usize];
        if let Some(entry) = place.get() {
            return Ok(entry);
        }
        let engine = self.wasmtime(care);
        let entry = threads::compile(|| wasmtime::Module::new(engine, fiber::ENTRY))?;
        Ok(place.get_or_init(|| entry.expect("a module of the engine's own")))
    }

    /// What has guests look whether they are to stop, at short intervals.
    pub(crate) fn ticker(&self) -> Result<&Ticker, String> {
        if let Some(ticker) = self.ticker.get() {
            return Ok(ticker);
        }
        let engines = [Care::Interrupts, Care::InterruptsAndFuel];
        let ticker = Ticker::start(engines.map(|care| self.wasmtime(care).clone()))?;
        Ok(self.ticker.get_or_init(|| ticker))
    }

    fn compile(&self, wasm: *const [u8]) -> Result<Module, String> {
        let module = Module { wasm, compiled: Default::default() };
        module.compiled(self.wasmtime(self.care), self.care)?;
        Ok(module)
    }

    fn deserialize(&self, wasm: *const [u8], code: &[u8]) -> Result<Module, String> {
        let module = Module { wasm, compiled: Default::default() };
        let engine = self.wasmtime(self.care);
        // SAFETY: the library's promise: that is what `serialize` has written. That it has written it for such a
        // machine, and for this version, is looked at there.
        let compiled = unsafe { wasmtime::Module::deserialize(engine, code) };
        let compiled = compiled
            .map_err(|error| format!("the code does not fit, compile it again here: {error:#}"))?;
        module.compiled[self.care as usize].get_or_init(|| compiled.into());
        Ok(module)
    }

    fn serialize(&self, module: &Module) -> Result<Vec<u8>, String> {
        let compiled = module.compiled(self.wasmtime(self.care), self.care)?;
        compiled.module.serialize().map_err(|error| format!("{error:#}"))
    }
}

impl Module {
    /// The code for stores of an engine that takes care of so much.
    pub(crate) fn compiled(
        &self,
        engine: &wasmtime::Engine,
        care: Care,
    ) -> Result<&Compiled, String> {
        let place = &self.compiled[care as usize];
        if let Some(compiled) = place.get() {
            return Ok(compiled);
        }
        // SAFETY: the library's promise.
        let wasm = unsafe { &*self.wasm };
        let module = threads::compile(|| wasmtime::Module::new(engine, wasm))?;
        let module = module.map_err(|error| format!("{error:#}"))?;
        // Where another thread was first, its code is as good.
        Ok(place.get_or_init(|| module.into()))
    }
}

impl From<wasmtime::Module> for Compiled {
    fn from(module: wasmtime::Module) -> Self {
        let index = |name| module.get_export_index(name).expect("one of its exports");
        let exports = module.exports().map(|export| index(export.name())).collect();
        Compiled { module, exports }
    }
}

/// What core modules may use beside what every engine has.
fn features() -> WasmFeatures {
    WasmFeatures::EXCEPTIONS
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::FUNCTION_REFERENCES
        | WasmFeatures::GC
        | WasmFeatures::MEMORY64
        | WasmFeatures::MULTI_MEMORY
        | WasmFeatures::RELAXED_SIMD
        | WasmFeatures::SIMD
        | WasmFeatures::TAIL_CALL
        | WasmFeatures::WIDE_ARITHMETIC
}

pub(crate) unsafe extern "C" fn drop_engine(data: *mut c_void) {
    // A panic there leaks at the most.
    let _ = guard(|| {
        // SAFETY: the library calls it once, when nothing of the engine is left.
        drop(unsafe { Box::from_raw(data.cast::<Engine>()) });
    });
}

pub(crate) unsafe extern "C" fn module_new(
    data: *mut c_void,
    wasm: *const u8,
    len: usize,
    module: *mut *mut c_void,
    message: *mut cmabi_string,
) -> bool {
    let compiled = guard(|| {
        // SAFETY: the library's promise: the engine is there.
        unsafe { Engine::of(data) }.compile(ptr::slice_from_raw_parts(wasm, len))
    });
    // SAFETY: the library's promise.
    unsafe { give(compiled.flatten(), module, message) }
}

pub(crate) unsafe extern "C" fn module_serialize(
    data: *mut c_void,
    module: *mut c_void,
    write: cmabi_write,
    to: *mut c_void,
    message: *mut cmabi_string,
) -> bool {
    let code = guard(|| {
        // SAFETY: the library's promises: the engine is there, and the module.
        unsafe { Engine::of(data).serialize(&*module.cast::<Module>()) }
    });
    match (code.flatten(), write) {
        (Ok(code), Some(write)) => {
            // SAFETY: the library's promise.
            unsafe { write(to, code.as_ptr(), code.len()) };
            true
        }
        (Ok(_), None) => false,
        (Err(text), _) => {
            // SAFETY: the library's promise.
            unsafe { message.write(say(text)) };
            false
        }
    }
}

pub(crate) unsafe extern "C" fn module_deserialize(
    data: *mut c_void,
    wasm: *const u8,
    wasm_len: usize,
    code: *const u8,
    code_len: usize,
    module: *mut *mut c_void,
    message: *mut cmabi_string,
) -> bool {
    let made = guard(|| {
        // SAFETY: the library's promises: the engine is there, and so many bytes.
        let (engine, code) =
            unsafe { (Engine::of(data), std::slice::from_raw_parts(code, code_len)) };
        engine.deserialize(ptr::slice_from_raw_parts(wasm, wasm_len), code)
    });
    // SAFETY: the library's promise.
    unsafe { give(made.flatten(), module, message) }
}

pub(crate) unsafe extern "C" fn module_free(_: *mut c_void, module: *mut c_void) {
    let _ = guard(|| {
        // SAFETY: the library frees each of its modules once.
        drop(unsafe { Box::from_raw(module.cast::<Module>()) });
    });
}
