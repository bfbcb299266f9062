//! Generations of wasmi's engine.
//!
//! A `wasmi::Engine` keeps what it has compiled until it is dropped itself, also for modules that are
//! gone. So it is replaced when it holds more code of modules that are gone than of those that are
//! there: stores that are made from then on belong to a new generation, in which modules are compiled
//! when a store needs them first. An old generation goes with its last store.

use super::module::WasmiModule;
use crate::error::{Error, ErrorKind, Result};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of modules that are gone which a generation may hold in any case.
const SLACK: u64 = 2 << 20;

/// Functions with more locals than this do not run in stores that meter fuel: wasmi sets the locals to
/// zero for each call, and charges nothing for it. So many take some 30 times as long as the call
/// itself.
pub(super) const MAX_METERED_LOCALS: u32 = 5_000;

/// Sizes of what an engine has compiled, in bytes of wasm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodeCounts {
    /// Modules that are there.
    pub live: u64,
    /// Modules that are gone.
    pub dead: u64,
    /// Generations until now, the one in use included.
    pub generations: u64,
}

/// Which module some code is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ModuleId(u64);

impl ModuleId {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        ModuleId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// One `wasmi::Engine` and the code in it.
pub(super) struct Generation {
    pub(super) engine: wasmi::Engine,
    code: Mutex<Code>,
}

#[derive(Default)]
struct Code {
    modules: HashMap<ModuleId, wasmi::Module>,
    live: u64,
    dead: u64,
}

impl Generation {
    fn new(config: &wasmi::Config) -> Arc<Generation> {
        Arc::new(Generation { engine: wasmi::Engine::new(config), code: Mutex::default() })
    }

    fn code(&self) -> MutexGuard<'_, Code> {
        lock(&self.code)
    }

    /// The code of a module here, which is compiled if it is not there yet.
    pub(super) fn module(self: &Arc<Self>, module: &WasmiModule) -> Result<wasmi::Module> {
        if let Some(compiled) = self.code().modules.get(&module.id()) {
            return Ok(compiled.clone());
        }
        let compiled = self.compile(module.wasm())?;
        self.insert(module, &compiled);
        Ok(compiled)
    }

    /// Compiles without keeping the module; see [`Generation::insert`].
    pub(super) fn compile(&self, wasm: &[u8]) -> Result<wasmi::Module> {
        wasmi::Module::new(&self.engine, wasm).map_err(|error| {
            self.code().dead += wasm.len() as u64;
            // The module was validated: what wasmi does not accept, it does not support.
            let what = format!("a feature that this core module uses: {error}");
            super::module::unsupported(&what)
        })
    }

    /// Keeps what was compiled here for as long as the module is there.
    pub(super) fn insert(self: &Arc<Self>, module: &WasmiModule, compiled: &wasmi::Module) {
        let (id, size) = (module.id(), module.wasm().len() as u64);
        let mut code = self.code();
        match code.modules.insert(id, compiled.clone()) {
            None => {
                code.live += size;
                drop(code);
                module.compiled_in(self);
            }
            // Another thread was first.
            Some(_) => code.dead += size,
        }
    }

    /// The module is gone.
    pub(super) fn forget(&self, id: ModuleId, size: u64) {
        let mut code = self.code();
        if let Some(compiled) = code.modules.remove(&id) {
            code.live -= size;
            code.dead += size;
            drop(code);
            drop(compiled);
        }
    }
}

/// The generations of engines with the same settings.
pub(super) struct Generations {
    config: wasmi::Config,
    current: Mutex<(Arc<Generation>, u64)>,
}

impl Generations {
    pub(super) fn new(config: wasmi::Config) -> Self {
        let first = Generation::new(&config);
        Generations { config, current: Mutex::new((first, 1)) }
    }

    /// The generation for new stores and modules.
    pub(super) fn current(&self) -> Arc<Generation> {
        let mut current = lock(&self.current);
        let outlived = {
            let code = current.0.code();
            code.dead > code.live + SLACK
        };
        if outlived {
            *current = (Generation::new(&self.config), current.1 + 1);
        }
        current.0.clone()
    }

    pub(super) fn counts(&self) -> CodeCounts {
        let current = lock(&self.current);
        let code = current.0.code();
        CodeCounts { live: code.live, dead: code.dead, generations: current.1 }
    }
}

/// Every change is complete when a lock is released, also by a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Checks that calls of a module's functions cost what they are charged.
pub(super) fn check_locals(locals: u32) -> Result<()> {
    if locals <= MAX_METERED_LOCALS {
        return Ok(());
    }
    let message = format!(
        "a function of the core module has {locals} locals, which is more than {MAX_METERED_LOCALS}: \
         wasmi cannot charge fuel for them; use a store that does not meter"
    );
    Err(Error::new(ErrorKind::Limit, message))
}
