//! The run-time state of the canonical ABI: instances, tasks, threads, and what they wait for.
//!
//! | section of CanonicalABI.md | file |
//! |---|---|
//! | Component Instances | `instance` |
//! | Threads | `thread`, `scheduler` |
//! | Tasks | `task`; calls that have none yet: `latent` |
//! | Embedding API | `store`, `func`; calls that the host serves: `serve` |
//! | Canonical ABI Options | `options` |
//! | Lifting and Lowering Context | `context`, `within`, `host_value` |
//! | Table State | `table` |
//! | Resource State | `resource` |
//! | Waitable State | `waitable` |
//! | Subtask State | `subtask` |
//! | Buffer State | `buffer` |
//! | Stream and Future State | `stream`, `forward`, `host_end` |
//! | Error Context | `error_context` |
//!
//! Here is what there is, and how it changes. What a built-in or a call does is in `canon`, what the host does with
//! a store in `host`.
//!
//! What the specification leaves to the embedder: calls that the host keeps waiting although their types
//! are sync (`parked`), and what wakes a store from outside (`outside`).
//!
//! Threads are data: a thread that blocks is an entry with its wait, its place in a queue and, if
//! it was inside a guest, the engine's continuation. No native stack is held for it.
//!
//! **The invariant of this module:** no borrow of [`State`] is alive across a call into the engine
//! or into the host. Both may come back in, and find the state free to use. Who watches a store (`trace`) is
//! told while it is borrowed, and is kept from coming back in.

mod buffer;
mod context;
mod dump;
mod error_context;
pub(crate) mod forward;
mod frames;
mod func;
pub mod host_end;
mod host_value;
mod instance;
mod latent;
mod list;
mod options;
pub(crate) mod outside;
mod parked;
mod poison;
pub(crate) mod policy;
mod resource;
mod scheduler;
mod serve;
mod slab;
mod store;
pub(crate) mod stream;
mod subtask;
mod table;
mod task;
mod thread;
mod trace;
mod waitable;
mod within;

#[cfg(all(test, feature = "wasmi"))]
mod tests;

pub use dump::{Counts, counts, dump, instance_counts};
pub use error_context::{ErrorContext, ErrorContextHook, set_error_context_hook};
pub use func::{FuncInst, Lift, Lower};
pub use instance::{
    InstanceId, current_instance, embed, embedded, hear, instance_count, is_within, label,
    new_instance, set_label, spend_for,
};
pub use options::Options;
pub use outside::{Errand, Extension};
pub use resource::{Dtor, HostDtor, define_resource};
pub use serve::{HostCall, HostFunc, HostFuncDef, HostOutcome, HostTask, OnCancel, Serving};
pub use slab::Id;
pub use store::{Store, StoreConfig};
pub use stream::{CopyResult, Direction};
pub use subtask::{Completion, HostSubtask, SubtaskState};
pub use trace::{TraceEvent, TraceKind, Watcher, watch};
pub use waitable::{Event, EventCode};

pub(crate) use buffer::Buffer;
pub(crate) use context::{
    BorrowScope, Crossing, Memory, Side, SidesRef, lower_params, return_latent_result,
    return_result, run_core_task,
};
pub(crate) use frames::{within_core, within_task, within_thread};
pub(crate) use host_value::{blame, check_handles};
pub(crate) use instance::leave;
pub(crate) use latent::{CallerRef, LatentCall};
pub(crate) use parked::Parked;
pub(crate) use poison::bury;
pub(crate) use resource::{Ownership, PreparedDtor, ResourceHandle};
pub(crate) use serve::{serve, serve_latent};
pub(crate) use subtask::{Caller, HostCaller, Subtask};
pub(crate) use table::{Handle, Table};
pub(crate) use task::{Callee, Task, TaskId, TaskState};
pub(crate) use thread::{
    Body, Thread, ThreadId, ThreadState, Wait, Wake, run as run_thread, run_latent,
};
pub(crate) use waitable::{SetId, WaitableId, WaitableKind};

use crate::account::Account;
use crate::copy::PlanCache;
use crate::engine::{Depth, EngineStore, Tier};
use crate::error::{Trap, Trapped};
use crate::memory::Arena;
use crate::types::ResourceType;
use instance::Instance;
use resource::Resources;
use scheduler::Scheduler;
use slab::Slab;
use std::cell::{Cell, RefCell, RefMut};
use std::collections::VecDeque;
use std::ops::{Index, IndexMut};
use std::rc::Rc;
use waitable::{Sets, Waitable};

/// What a store has beside its engine. Imports of guests hold on to it.
pub struct Shared {
    state: RefCell<State>,
    pub(crate) config: StoreConfig,
    pub(crate) tier: Tier,
    /// Whether [`Cx::spend`] has anything to look at.
    is_metered: bool,
    pub(crate) plans: PlanCache,
    /// What the store takes of the host's memory.
    pub host_memory: Rc<Account>,
    /// What its guests' memories and tables take.
    pub guest_memory: Rc<Account>,
    error_context_hook: RefCell<Option<Rc<ErrorContextHook>>>,
    /// See [`LentRep`].
    pub lent_rep: Cell<Option<LentRep>>,
    /// For the embedder: the address of what it keeps beside the store. Null at first.
    pub embedder: Cell<*const ()>,
    pub(crate) outside: outside::Outside,
}

/// For the embedder whose representations differ from all handles: whether a number that the host lends is
/// the representation of a resource of its own, which it was lent itself, and not a handle.
pub type LentRep = fn(&Cx<'_>, &ResourceType, u32) -> bool;

/// The store as it is passed through every function of the runtime: its state, and its engine as
/// lent at this moment.
pub struct Cx<'a> {
    /// The state.
    pub shared: &'a Rc<Shared>,
    /// The engine.
    pub engine: &'a mut dyn EngineStore,
}

/// Fuel that a call across the boundary of an instance, or the resumption of a thread, is charged with.
pub(crate) const CROSSING_WORK: u64 = 16;

impl Cx<'_> {
    /// The state, to be let go before the engine or the host is called.
    #[inline]
    pub(crate) fn state(&self) -> RefMut<'_, State> {
        self.shared.state.borrow_mut()
    }

    /// Charges the guests' fuel with work that is done for them, where fuel is metered, and traps where
    /// they have to stop.
    #[inline]
    pub(crate) fn spend(&mut self, work: u64) -> Result<(), Trapped> {
        if self.shared.is_metered { self.spend_fuel(work) } else { Ok(()) }
    }

    fn spend_fuel(&mut self, work: u64) -> Result<(), Trapped> {
        self.shared.check_interrupt()?;
        let Some(left) = self.engine.fuel() else { return Ok(()) };
        self.engine.set_fuel(left.saturating_sub(work));
        if work > left { Err(Trap::OutOfFuel.into()) } else { Ok(()) }
    }
}

/// Everything that a store knows.
pub(crate) struct State {
    /// The same as [`Shared::host_memory`].
    pub(crate) host_memory: Rc<Account>,
    /// See [`StoreConfig::call_fuel`].
    pub(crate) call_fuel: Option<u64>,
    /// What a guest is charged with while it is suspended.
    pub(crate) stack_bytes: u64,
    pub(crate) instances: Vec<Instance>,
    pub(crate) resources: Resources,
    pub(crate) tasks: Slab<Task>,
    pub(crate) threads: Slab<Thread>,
    pub(crate) waitables: Slab<Waitable>,
    pub(crate) sets: Sets,
    /// Streams and futures.
    pub(crate) shareds: Slab<stream::Shared>,
    pub(crate) scheduler: Scheduler,
    /// See [`StoreConfig::tests_over_text`].
    pub(crate) tests_over_text: bool,
    /// Calls on the native stack that may have no tasks yet.
    pub(crate) latents: latent::Latents,
    /// Whether none may be without.
    pub(crate) calls_are_on_record: bool,
    /// The thread that runs. While a call is latent, the one that has called it.
    pub(crate) current: Option<ThreadId>,
    /// The thread that the one that has just blocked gives way to.
    pub(crate) switch_to: Option<ThreadId>,
    /// Guest calls on the native stack.
    pub(crate) nesting: u32,
    pub(crate) depth: Depth,
    /// Host calls that are over and whose callers have not been told.
    pub(crate) completions: VecDeque<(HostSubtask, Completion)>,
    /// The host is being told that something is over.
    pub(crate) telling: bool,
    /// Ends of the host's that there is something to tell of, since no guest ran last.
    pub(crate) host_copies: VecDeque<WaitableId>,
    /// What the host gave for ends that are no longer its. Dropping it may call the host.
    pub(crate) discarded: Vec<host_end::HostSide>,
    /// Handles of the host's that it has given up and that nobody borrows any more.
    pub(crate) given_up: VecDeque<u32>,
    /// Traps that ended no call of the host's, and that it was not told of yet.
    pub(crate) unreported: VecDeque<Trapped>,
    /// Host tasks that have no answer yet.
    pub(crate) pending_host_tasks: u32,
    /// Instances that a trap has ended since no guest ran last.
    pub(crate) casualties: Vec<InstanceId>,
    /// Whether any instance has ended so far.
    pub(crate) any_ended: bool,
    /// Where guests cannot be suspended: the instance that the innermost sync-typed call is into.
    pub(crate) sync_call: Option<InstanceId>,
    /// Who is told what happens.
    pub(crate) watcher: Option<Rc<Watcher>>,
    /// Empty arenas for calls that the host serves.
    pub(crate) arenas: Vec<Rc<Arena>>,
}

impl Index<InstanceId> for State {
    type Output = Instance;

    #[inline]
    fn index(&self, id: InstanceId) -> &Instance {
        &self.instances[id.0 as usize]
    }
}

impl IndexMut<InstanceId> for State {
    #[inline]
    fn index_mut(&mut self, id: InstanceId) -> &mut Instance {
        &mut self.instances[id.0 as usize]
    }
}
