//! wasmtime's engine, and modules.

use crate::abi::cmabi_string;
use crate::stack::Sizes;
use crate::ticker::Ticker;
use crate::{fiber, give, guard, stack};
use std::ffi::c_void;
use std::num::NonZeroUsize;
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
}

/// What compiled code looks after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Care {
    Nothing,
    Interrupts,
    InterruptsAndFuel,
}

/// A module, compiled for each kind of store that has used it.
pub(crate) struct Module {
    wasm: Box<[u8]>,
    compiled: [OnceLock<Compiled>; 3],
}

pub(crate) struct Compiled {
    pub(crate) module: wasmtime::Module,
    /// What it exports, in the order of declaration.
    pub(crate) exports: Arc<[ModuleExport]>,
}

/// Frames of a trap that are looked for: as many as may be of calls below, and some of the call's own.
const MAX_FRAMES: NonZeroUsize = NonZeroUsize::new(256).unwrap();

impl Engine {
    /// An engine whose guests may take so many bytes of stack; 0 for what they may take by default.
    pub(crate) fn new(max_stack_bytes: u64) -> Self {
        let stacks = Sizes::new(max_stack_bytes);
        Engine {
            engines: Default::default(),
            entries: Default::default(),
            ticker: OnceLock::new(),
            stacks,
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
    pub(crate) fn entry(&self, care: Care) -> &wasmtime::Module {
        self.entries[care as usize].get_or_init(|| {
            let engine = self.wasmtime(care);
            let module = stack::with_room(|| wasmtime::Module::new(engine, fiber::ENTRY));
            module.expect("a module of the engine's own")
        })
    }

    /// What has guests look whether they are to stop, at short intervals.
    pub(crate) fn ticker(&self) -> &Ticker {
        self.ticker.get_or_init(|| {
            let engines = [Care::Interrupts, Care::InterruptsAndFuel];
            Ticker::start(engines.map(|care| self.wasmtime(care).clone()))
        })
    }

    fn compile(&self, wasm: &[u8]) -> Result<Module, String> {
        let module = Module { wasm: wasm.into(), compiled: Default::default() };
        module.compiled(self.wasmtime(Care::Nothing), Care::Nothing)?;
        Ok(module)
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
        let module = stack::with_room(|| wasmtime::Module::new(engine, &self.wasm));
        let module = module.map_err(|error| format!("{error:#}"))?;
        let index = |name| module.get_export_index(name).expect("one of its exports");
        let exports = module.exports().map(|export| index(export.name())).collect();
        // Where another thread was first, its code is as good.
        Ok(place.get_or_init(|| Compiled { module, exports }))
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
        // SAFETY: the library's promises: the engine is there, and so many bytes.
        let (engine, wasm) = unsafe { (Engine::of(data), std::slice::from_raw_parts(wasm, len)) };
        engine.compile(wasm)
    });
    // SAFETY: the library's promise.
    unsafe { give(compiled.flatten(), module, message) }
}

pub(crate) unsafe extern "C" fn module_free(_: *mut c_void, module: *mut c_void) {
    let _ = guard(|| {
        // SAFETY: the library frees each of its modules once.
        drop(unsafe { Box::from_raw(module.cast::<Module>()) });
    });
}
