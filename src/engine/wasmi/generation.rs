//! Generations of wasmi's engine.
//!
//! A `wasmi::Engine` keeps what it has compiled until it is dropped itself, also for modules that are
//! gone. So it is replaced when it holds more code of modules that are gone than of those that are
//! there: stores that are made from then on belong to a new generation, in which modules are compiled
//! when a store needs them first. An old generation goes with its last store.
//!
//! It also has a lock, which is taken at each call within a guest. So that threads are not in each other's way, stores
//! that different threads make belong to different generations.

use super::module::WasmiModule;
use crate::error::{Error, ErrorKind, Result};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
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
    /// Generations until now, those in use included.
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
        // SAFETY: the engine of another generation has validated it, for the same features of wasm.
        let compiled = unsafe { wasmi::Module::new_unchecked(&self.engine, module.wasm()) };
        let compiled = self.compiled(compiled, module.wasm())?;
        self.insert(module, &compiled);
        Ok(compiled)
    }

    /// Compiles without keeping the module; see [`Generation::insert`].
    pub(super) fn compile(&self, wasm: &[u8]) -> Result<wasmi::Module> {
        self.compiled(wasmi::Module::new(&self.engine, wasm), wasm)
    }

    fn compiled(
        &self,
        module: Result<wasmi::Module, wasmi::Error>,
        wasm: &[u8],
    ) -> Result<wasmi::Module> {
        module.map_err(|error| {
            self.code().dead += wasm.len() as u64;
            // What is invalid is told by who loads it: what else wasmi does not accept, it does not support.
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

/// How many threads have generations of their own. More share them.
const SHARES: usize = 16;

/// The generations of engines with the same settings.
pub(super) struct Generations {
    config: wasmi::Config,
    /// The current one of each share, and how many that has had.
    shares: [Mutex<(Option<Arc<Generation>>, u64)>; SHARES],
}

impl Generations {
    pub(super) fn new(config: wasmi::Config) -> Self {
        Generations { config, shares: Default::default() }
    }

    /// The generation for stores and modules that this thread makes.
    pub(super) fn current(&self) -> Arc<Generation> {
        let mut share = lock(&self.shares[share()]);
        let (current, count) = &mut *share;
        current.take_if(|generation| {
            let code = generation.code();
            code.dead > code.live + SLACK
        });
        let current = current.get_or_insert_with(|| {
            *count += 1;
            Generation::new(&self.config)
        });
        current.clone()
    }

    pub(super) fn counts(&self) -> CodeCounts {
        let mut counts = CodeCounts::default();
        for share in &self.shares {
            let (current, generations) = &*lock(share);
            counts.generations += generations;
            if let Some(generation) = current {
                let code = generation.code();
                counts.live += code.live;
                counts.dead += code.dead;
            }
        }
        counts
    }
}

/// Which share is this thread's.
fn share() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SHARE: usize = THREADS.fetch_add(1, Ordering::Relaxed) % SHARES;
    }
    SHARE.with(|share| *share)
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
