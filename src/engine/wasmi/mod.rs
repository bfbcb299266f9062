//! The built-in engine: the wasmi interpreter, which can leave a guest inside an import and come
//! back to it ([`Tier::Resume`]).

mod error;
mod generation;
mod import;
mod limits;
mod module;
mod start;
mod store;
#[cfg(test)]
mod tests;
mod typed;
mod value;

pub use self::generation::CodeCounts;

use self::generation::Generations;
use self::module::WasmiModule;
use self::store::{Data, WasmiStore};
use super::{Capabilities, Engine, EngineStore, EngineStoreConfig, Module, Tier, suspended_bytes};
use crate::account::Account;
use crate::error::Result;
use bytes::Bytes;
use std::rc::Rc;
use std::sync::Arc;

/// How wasm code may use the interpreter's stacks.
#[derive(Clone, Copy, Debug)]
pub struct WasmiConfig {
    /// Wasm calls nested in one another within one call from the host; beyond it the guest traps
    /// with `call stack exhausted`.
    pub max_recursion_depth: usize,
    /// Bytes of locals and operands of one call from the host; beyond it the guest traps in the
    /// same way.
    pub max_stack_bytes: usize,
}

impl Default for WasmiConfig {
    fn default() -> Self {
        WasmiConfig { max_recursion_depth: 16 << 10, max_stack_bytes: 8 << 20 }
    }
}

/// The wasmi interpreter.
///
/// Metering is a property of compiled code in wasmi, and of a store here, so there are two
/// interpreters: most stores do not meter and should not pay for it.
pub struct WasmiEngine {
    plain: Generations,
    metered: Generations,
    stack_bytes: u64,
}

impl WasmiEngine {
    /// An interpreter with the given bounds.
    pub fn new(config: &WasmiConfig) -> Self {
        let engine = |metered| {
            let mut wasmi = wasmi::Config::default();
            wasmi
                .consume_fuel(metered)
                .set_max_recursion_depth(config.max_recursion_depth)
                .set_min_stack_height(FIRST_STACK)
                .set_max_stack_height((config.max_stack_bytes / SLOT_BYTES).max(FIRST_STACK))
                .set_max_cached_stacks(CACHED_STACKS);
            Generations::new(wasmi)
        };
        let stack_bytes = suspended_bytes(config.max_stack_bytes as u64);
        WasmiEngine { plain: engine(false), metered: engine(true), stack_bytes }
    }

    /// How much is compiled, for stores that do not meter fuel and for those that do.
    pub fn code_counts(&self) -> [CodeCounts; 2] {
        [self.plain.counts(), self.metered.counts()]
    }
}

/// Bytes of a local or operand on a wasmi stack, whose heights are numbers of them: each has room for a vector.
const SLOT_BYTES: usize = 16;

/// How many a stack has room for at its start. It grows, and is used again by other calls; what is
/// suspended keeps it.
const FIRST_STACK: usize = 64;

/// Stacks kept for reuse: calls nest through host functions, and a suspended call holds one.
const CACHED_STACKS: usize = 16;

impl Default for WasmiEngine {
    fn default() -> Self {
        Self::new(&WasmiConfig::default())
    }
}

impl Engine for WasmiEngine {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            tier: Tier::Resume,
            memory64: true,
            exceptions: false,
            fuel: true,
            interrupt: true,
            stack_bytes: self.stack_bytes,
        }
    }

    fn compile(&self, wasm: Bytes) -> Result<Arc<dyn Module>> {
        Ok(Arc::new(WasmiModule::new(&self.plain.current(), wasm)?))
    }

    fn validates_code(&self) -> bool {
        true
    }

    fn new_store(
        &self,
        config: &EngineStoreConfig,
        guest_memory: &Rc<Account>,
    ) -> Result<Box<dyn EngineStore>> {
        let generations = if config.is_metered() { &self.metered } else { &self.plain };
        let generation = generations.current();
        let engine = generation.engine.clone();
        let mut store = wasmi::Store::new(&engine, Data::new(config, guest_memory, generation));
        store.limiter(Data::limiter);
        let mut store = WasmiStore(store);
        if config.is_metered() {
            store.set_budget(config.fuel.unwrap_or(u64::MAX));
        }
        Ok(Box::new(store))
    }
}
