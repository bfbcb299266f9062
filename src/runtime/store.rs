//! Stores ("Embedding API").

use super::instance::Instance;
use super::poison::tear_down;
use super::resource::Resources;
use super::scheduler::Scheduler;
use super::slab::Slab;
use super::{Cx, Shared, State, outside};
use crate::account::{Account, GUEST_MEMORY, HOST_MEMORY};
use crate::copy::PlanCache;
use crate::engine::{Depth, Engine, EngineStore, EngineStoreConfig};
use crate::error::Result;
use crate::signal::Signal;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

/// What a store may use, and how it chooses where the specification leaves a choice.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Limits of the engine's.
    pub engine: EngineStoreConfig,
    /// Calls into guests that may be nested in one another on the native stack.
    pub max_nesting: u32,
    /// Entries of each instance's handle table; at most 2^28 - 1.
    pub max_handles: u32,
    /// Threads of each instance; at most 2^28 - 1.
    pub max_threads: u32,
    /// Bytes of native stack that calls nested in one another may take, counted from the outermost, on
    /// a stack that is neither the thread's own nor one of this library's.
    pub max_foreign_stack_bytes: u64,
    /// Bytes of the host's memory that the store may take: see [`Shared::host_memory`].
    pub max_host_bytes: u64,
    /// Bytes that the memories and tables of all its guests may have together.
    pub max_guest_bytes: u64,
    /// Bytes of the host's memory that the arguments of one call to the host may take, or the
    /// result of one call by it.
    pub max_call_bytes: u64,
    /// Fuel that a call by the host may use, with all that is called and started by what it runs.
    pub call_fuel: Option<u64>,
    /// Whether other threads may stop what runs: see [`Shared::interrupt`].
    pub is_interruptible: bool,
    /// Draws the order of threads and events at random; without it, what is ready first runs first.
    pub schedule_seed: Option<u64>,
    /// The deterministic profile of the specification.
    pub deterministic: bool,
    /// Follows the specification's `.wast` tests where they contradict its text. By the tests, a call
    /// of an instance that a ready thread uses exclusively first lets that thread run. And where the
    /// tests rely on an order that the text leaves open, no seed changes it: giving up a turn is never
    /// skipped, a thread does not overtake those that were ready when it became so, and a cancellation
    /// runs the event loop that it is for.
    pub tests_over_text: bool,
}

impl Default for StoreConfig {
    fn default() -> Self {
        StoreConfig {
            engine: EngineStoreConfig::default(),
            max_nesting: 128,
            max_handles: (1 << 28) - 1,
            max_threads: (1 << 28) - 1,
            max_foreign_stack_bytes: 128 << 10,
            max_host_bytes: 256 << 20,
            max_guest_bytes: 4 << 30,
            max_call_bytes: 64 << 20,
            call_fuel: None,
            is_interruptible: false,
            schedule_seed: None,
            deterministic: false,
            tests_over_text: false,
        }
    }
}

/// Instances, and everything that happens between them and the host.
pub struct Store {
    shared: Rc<Shared>,
    engine: Box<dyn EngineStore>,
}

impl Store {
    /// An empty store.
    pub fn new(engine: &dyn Engine, config: &StoreConfig) -> Result<Store> {
        let host_memory = Rc::new(Account::new(&HOST_MEMORY, config.max_host_bytes));
        let guest_memory = Rc::new(Account::new(&GUEST_MEMORY, config.max_guest_bytes));
        let host = Instance::new(config, &host_memory, None, 0, "host".into());
        let mut state = State {
            host_memory: host_memory.clone(),
            call_fuel: config.call_fuel,
            stack_bytes: engine.capabilities().stack_bytes,
            instances: vec![host],
            resources: Resources::default(),
            tasks: Slab::new(&host_memory),
            threads: Slab::new(&host_memory),
            waitables: Slab::new(&host_memory),
            sets: Slab::new(&host_memory),
            shareds: Slab::new(&host_memory),
            scheduler: Scheduler::new(config.schedule_seed, config.deterministic),
            tests_over_text: config.tests_over_text,
            latents: Default::default(),
            calls_are_on_record: false,
            current: None,
            switch_to: None,
            nesting: 0,
            depth: Depth::default(),
            completions: VecDeque::new(),
            telling: false,
            host_copies: VecDeque::new(),
            discarded: Vec::new(),
            given_up: VecDeque::new(),
            unreported: VecDeque::new(),
            pending_host_tasks: 0,
            casualties: Vec::new(),
            any_ended: false,
            sync_call: None,
            watcher: None,
            arenas: Vec::new(),
        };
        let signal = config.is_interruptible.then(Arc::<Signal>::default);
        let mut config = config.clone();
        config.engine.interrupt = signal.clone();
        if config.call_fuel.is_some() {
            config.engine.fuel.get_or_insert(u64::MAX);
        }
        let engine_store = engine.new_store(&config.engine, &guest_memory)?;
        state.calls_are_on_record =
            config.call_fuel.is_some() || engine_store.as_native().is_some();
        let shared = Shared {
            state: RefCell::new(state),
            is_metered: config.engine.is_metered(),
            plans: PlanCache::new(config.deterministic),
            config,
            tier: engine.capabilities().tier,
            error_context_hook: RefCell::default(),
            lent_rep: Cell::new(None),
            embedder: Cell::new(std::ptr::null()),
            guest_memory,
            host_memory,
            outside: outside::Outside::new(signal),
        };
        Ok(Store { shared: Rc::new(shared), engine: engine_store })
    }

    /// The store, to be passed to the functions of this library while no guest runs.
    pub fn cx(&mut self) -> Cx<'_> {
        Cx { shared: &self.shared, engine: &mut *self.engine }
    }

    /// What the store has beside its engine.
    pub fn shared(&self) -> &Rc<Shared> {
        &self.shared
    }

    /// Ends everything: guests' stacks are abandoned, and the host's destructors run for all of its
    /// resources that are left. Nothing can be called afterwards. Dropping a store does this too.
    pub fn tear_down(&mut self) {
        tear_down(&mut self.cx());
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.tear_down();
    }
}
