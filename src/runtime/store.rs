//! Stores ("Embedding API").

use super::host::{Completion, HostCaller, HostSubtask};
use super::host_value::check_handles;
use super::instance::Instance;
use super::poison::{bury, tear_down};
use super::resource::Resources;
use super::scheduler::Scheduler;
use super::slab::Slab;
use super::subtask::{Caller, SubtaskState};
use super::thread::resume;
use super::{Cx, InstanceId, Shared, State, host_stream, outside};
use crate::account::{Account, GUEST_MEMORY, HOST_MEMORY};
use crate::canon::lift::run_parked;
use crate::canon::{self, FuncInst};
use crate::copy::PlanCache;
use crate::engine::fiber::Depth;
use crate::engine::{Engine, EngineStore, EngineStoreConfig};
use crate::error::{Error, ErrorKind, Result, Trap, Trapped};
use crate::memory::Arena;
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
    /// Follows the specification's `.wast` tests where they contradict its text. By the tests, a
    /// component and one nested in it cannot call each other; a stream copy that is cancelled after
    /// a part of it was copied reports that it was cancelled; a call of an instance that a ready
    /// thread uses exclusively first lets that thread run. And where the tests rely on an order that
    /// the text leaves open, no seed changes it: giving up a turn is never skipped, and a thread does
    /// not overtake those that were ready when it became so.
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
        let state = State {
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
            current: None,
            switch_to: None,
            nesting: 0,
            depth: Depth::default(),
            completions: VecDeque::new(),
            telling: false,
            host_copies: VecDeque::new(),
            discarded: Vec::new(),
            given_up: VecDeque::new(),
            unreported: None,
            pending_host_tasks: 0,
            casualties: Vec::new(),
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

/// Starts a call: `Store.invoke` of the reference. `args` is the canonical record of the
/// parameters and must stay until the call has started, `results` has room for the result and must
/// stay until it is resolved; what the result points at goes to `arena`. `completion` is told when
/// the call is over.
pub fn start(
    cx: &mut Cx<'_>,
    func: &FuncInst,
    args: *const u8,
    results: *mut u8,
    arena: &Rc<Arena>,
    completion: Option<Completion>,
) -> Result<HostSubtask> {
    func.make_host_plans(cx);
    if let Some(params) = func.ty().params_type() {
        check_handles(cx, params, args as u64, 1).map_err(Trapped::of_params)?;
    }
    let caller = || Caller::Host(HostCaller { arena: arena.clone(), completion, trap: None });
    let subtask = cx.state().new_subtask(InstanceId::HOST, caller, results as u64)?;
    let subtask = HostSubtask(subtask);
    let started = func.invoke(cx, subtask.0, InstanceId::HOST, &[args as u64]);
    if started.is_err() {
        let forgotten = {
            let state = &mut *cx.state();
            let told = state.completions.iter().position(|(id, _)| *id == subtask);
            (state.forget_subtask(subtask.0), told.and_then(|at| state.completions.remove(at)))
        };
        drop(forgotten);
    }
    settle(cx, started).map(|()| subtask)
}

/// Calls `func` and runs the store until the call is over. See [`start`].
///
/// Where nothing can run before something outside wakes the store, the thread sleeps until it does (see
/// [`Extension`](super::Extension)). Otherwise, where nothing can run any more: an error of [`ErrorKind::WouldBlock`] if the host can make the
/// call go on, else the trap [`Trap::Deadlock`]. Inside a host function, nothing else can run.
pub fn call(
    cx: &mut Cx<'_>,
    func: &FuncInst,
    args: *const u8,
    results: *mut u8,
    arena: &Rc<Arena>,
) -> Result<()> {
    let subtask = start(cx, func, args, results, arena, None)?;
    let end = loop {
        let end = cx.state().take_host_call(subtask);
        if let Some(end) = end {
            break end?;
        }
        let stopped = if cx.state().nesting > 0 {
            would_block(
                &cx.state(),
                "the call has to wait until its caller, a host function, returns",
            )
        } else {
            let step = match run_one(cx) {
                Ok(false) => match outside::wait(cx, subtask.0) {
                    Ok(is_woken) => Ok(is_woken),
                    Err(trap) => {
                        cx.state().end_waiting(subtask.0, &trap);
                        settle(cx, Err(trap)).map(|()| false)
                    }
                },
                step => step,
            };
            match step {
                Ok(true) => continue,
                Ok(false) => stuck(cx),
                Err(error) => match cx.state().take_host_call(subtask) {
                    // What trapped is what is waited for, whether or not it had returned before.
                    Some(end) => return Err(end.err().unwrap_or(error)),
                    None => error,
                },
            }
        };
        subtask.drop(cx)?;
        return Err(stopped);
    };
    match end {
        SubtaskState::Returned => Ok(()),
        _ => Err(Error::new(ErrorKind::Host, "the call was cancelled")),
    }
}

/// Threads that the message of a deadlock names.
const DEADLOCK_THREADS: usize = 10;

fn stuck(cx: &mut Cx<'_>) -> Error {
    let state = cx.state();
    if state.pending_host_tasks > 0 || host_stream::holds_ends(&state) {
        return would_block(&state, "the call waits for the host");
    }
    Trapped::from(Trap::Deadlock { who: who_waits(&state).into() }).into()
}

/// Nothing can run before the host does something, because of `reason`.
#[cold]
pub(crate) fn would_block(state: &State, reason: &str) -> Error {
    Error::new(ErrorKind::WouldBlock, format!("{reason}{}", who_waits(state)))
}

/// Lines that say who waits for what, each after a line break.
fn who_waits(state: &State) -> String {
    let lines = state.describe(DEADLOCK_THREADS);
    lines.lines().map(|line| format!("\n  {line}")).collect()
}

/// Runs one ready thread, if there is one: `Store.tick` of the reference. Before that, fails with the
/// trap that nobody was told of yet.
pub fn tick(cx: &mut Cx<'_>) -> Result<bool> {
    let unreported = {
        let mut state = cx.state();
        if state.nesting > 0 {
            return Err(Error::new(ErrorKind::Busy, "the store is running"));
        }
        state.unreported.take()
    };
    match unreported {
        Some(trap) => Err(trap.into()),
        None => run_one(cx),
    }
}

fn run_one(cx: &mut Cx<'_>) -> Result<bool> {
    outside::deliver(cx)?;
    let (thread, inst) = {
        let mut state = cx.state();
        let Some(thread) = state.next_ready() else {
            drop(state);
            return outside::look(cx);
        };
        let inst = state.threads[thread].inst;
        state.enter_from(inst, InstanceId::HOST);
        (thread, inst)
    };
    let result = leave(cx, inst, InstanceId::HOST, |cx| {
        resume(cx, thread, false)?;
        run_parked(cx, inst)
    });
    settle(cx, result)?;
    Ok(true)
}

/// Runs until no thread is ready.
pub fn run(cx: &mut Cx<'_>) -> Result<()> {
    while tick(cx)? {}
    Ok(())
}

/// Runs `body` inside `inst`, which has been entered from `caller`, and leaves it again; a trap
/// poisons it.
pub(crate) fn leave<'a>(
    cx: &mut Cx<'a>,
    inst: InstanceId,
    caller: InstanceId,
    body: impl FnOnce(&mut Cx<'a>) -> Result<(), Trapped>,
) -> Result<(), Trapped> {
    let result = body(cx);
    let mut state = cx.state();
    let result = match result {
        Err(trap) if !trap.is_of_host() => Err(state.with_last_words(inst, trap)),
        result => result,
    };
    match &result {
        Err(trap) if !trap.is_of_host() => state.poison(inst, caller, trap),
        _ => state.leave_to(inst, caller),
    }
    result
}

/// What is to be done when the host gets back control from guests: tells the callers of calls that
/// are over, and after a trap frees what it ended.
pub(crate) fn settle(cx: &mut Cx<'_>, result: Result<(), Trapped>) -> Result<()> {
    {
        let state = cx.state();
        if result.is_err() && state.nesting == 0 {
            cx.shared.forget_interruption();
        }
        let is_settled = state.casualties.is_empty()
            && state.completions.is_empty()
            && state.host_copies.is_empty()
            && state.discarded.is_empty()
            && state.given_up.is_empty();
        if is_settled || state.nesting > 0 {
            return Ok(result?);
        }
    }
    bury(cx);
    let discarded = std::mem::take(&mut cx.state().discarded);
    drop(discarded);
    // What is told may start other calls, which end here as well; they do not nest.
    if !std::mem::replace(&mut cx.state().telling, true) {
        loop {
            let next = cx.state().completions.pop_front();
            match next {
                Some((subtask, completion)) => completion(cx, subtask),
                None if host_stream::complete_one(cx) => {}
                None if canon::host_resource::drop_given_up(cx) => bury(cx),
                None => break,
            }
        }
        cx.state().telling = false;
    }
    Ok(result?)
}
