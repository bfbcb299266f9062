//! Component instances ("Component Instances"). The host is one of them, without parent.

use super::State;
use super::list::List;
use super::parked::Parked;
use super::table::{Handle, Table};
use super::thread::{Thread, ThreadId};
use super::{Cx, Shared, StoreConfig, policy};
use crate::account::{Account, reserve_one};
use crate::engine::CoreInstance;
use crate::error::{Trap, Trapped};
use std::any::Any;
use std::collections::VecDeque;
use std::iter;
use std::rc::Rc;
use std::sync::Arc;

/// A component instance of one store. Instances live as long as their store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InstanceId(pub(crate) u32);

impl InstanceId {
    /// The host: its memory is the process's own, its handle table holds what the host owns.
    pub const HOST: InstanceId = InstanceId(0);
}

/// The state of a component instance: `ComponentInstance` of the reference.
pub(crate) struct Instance {
    pub(crate) name: Rc<str>,
    /// What the host calls it.
    pub(crate) label: Option<Arc<str>>,
    /// What the embedder keeps with it.
    pub(crate) embedded: Option<Rc<dyn Any>>,
    /// The last of what it has said, where that is kept.
    pub(crate) words: VecDeque<u8>,
    pub(crate) parent: Option<InstanceId>,
    /// How many ancestors there are.
    pub(crate) depth: u32,
    pub(crate) handles: Table<Handle>,
    pub(crate) threads: Table<ThreadId>,
    pub(crate) may_leave: bool,
    /// A trap went through it: it can never be entered again.
    pub(crate) poisoned: bool,
    /// By which one.
    pub(crate) ended_by: Option<Trapped>,
    /// Its core instances, as long as it can be entered.
    pub(crate) core: Vec<CoreInstance>,
    /// Below 2^16.
    pub(crate) backpressure: u32,
    pub(crate) num_waiting_to_enter: u32,
    pub(crate) exclusive_thread: Option<ThreadId>,
    /// A call that is not on record has exclusive access.
    pub(super) is_latently_exclusive: bool,
    /// Threads that wait to enter and need no exclusive access.
    pub(crate) entering: List<Thread, 0>,
    /// Threads that wait to enter and need exclusive access.
    pub(crate) entering_exclusive: List<Thread, 0>,
    /// Threads between two callbacks that wait for nothing but exclusive access.
    pub(crate) reentering: List<Thread, 0>,
    /// Threads in the store's ready queue that a sync call into this instance may run while it is
    /// blocked.
    pub(crate) ready: List<Thread, 1>,
    /// How many of its threads wait for the host to answer a sync-typed call, or for one that is parked.
    pub(super) waiting_for_host: u32,
    /// Sync-typed calls into it that the host keeps waiting, the innermost last.
    pub(crate) parked: Vec<Parked>,
    /// How many of those have entered it: its own, and those of instances inside it.
    pub(crate) held: u32,
    /// Ready threads that have to let those go first.
    pub(crate) holding: List<Thread, 0>,
}

impl Instance {
    pub(crate) fn new(
        config: &StoreConfig,
        account: &Rc<Account>,
        parent: Option<InstanceId>,
        depth: u32,
        name: Rc<str>,
    ) -> Self {
        Instance {
            name,
            label: None,
            embedded: None,
            words: VecDeque::new(),
            parent,
            depth,
            handles: Table::new(config.max_handles, account),
            threads: Table::new(config.max_threads, account),
            may_leave: true,
            poisoned: false,
            ended_by: None,
            core: Vec::new(),
            backpressure: 0,
            num_waiting_to_enter: 0,
            exclusive_thread: None,
            is_latently_exclusive: false,
            entering: List::default(),
            entering_exclusive: List::default(),
            reentering: List::default(),
            ready: List::default(),
            waiting_for_host: 0,
            parked: Vec::new(),
            held: 0,
            holding: List::default(),
        }
    }
}

impl Instance {
    /// Whether somebody has exclusive access.
    #[inline]
    pub(super) fn is_exclusive(&self) -> bool {
        self.exclusive_thread.is_some() || self.is_latently_exclusive
    }

    fn end(&mut self, trap: &Trapped) {
        self.poisoned = true;
        self.ended_by.get_or_insert_with(|| trap.clone());
    }
}

/// Runs `body` inside `inst`, which is called from `caller`; a trap poisons it.
#[inline(always)]
pub(crate) fn leave<'a>(
    cx: &mut Cx<'a>,
    inst: InstanceId,
    caller: InstanceId,
    body: impl FnOnce(&mut Cx<'a>) -> Result<(), Trapped>,
) -> Result<(), Trapped> {
    body(cx).map_err(|trap| if trap.is_of_host() { trap } else { ended_by(cx, inst, caller, trap) })
}

#[cold]
fn ended_by(cx: &Cx<'_>, inst: InstanceId, caller: InstanceId, trap: Trapped) -> Trapped {
    let mut state = cx.state();
    let trap = state.with_last_words(inst, trap);
    state.poison(inst, caller, &trap);
    trap
}

/// A new component instance inside `parent`; `name` is for messages.
pub fn new_instance(
    cx: &mut Cx<'_>,
    parent: Option<InstanceId>,
    name: &str,
) -> Result<InstanceId, Trapped> {
    let Shared { config, host_memory, .. } = &**cx.shared;
    let mut state = cx.state();
    let depth = parent.map_or(0, |parent| state[parent].depth + 1);
    let id = InstanceId(state.instances.len() as u32);
    reserve_one(&mut state.instances, host_memory)?;
    host_memory.charge(name.len() as u64)?;
    state.instances.push(Instance::new(config, host_memory, parent, depth, name.into()));
    Ok(id)
}

/// Sets what an instance is called in messages, and with it those inside of it.
pub fn set_label(cx: &mut Cx<'_>, instance: InstanceId, label: &str) -> Result<(), Trapped> {
    cx.shared.host_memory.charge(label.len() as u64)?;
    let before = cx.state()[instance].label.replace(label.into());
    cx.shared.host_memory.credit(before.map_or(0, |label| label.len() as u64));
    Ok(())
}

/// Keeps what an instance says, the last `keep` bytes of it, for the trap that may end it.
pub fn hear(cx: &mut Cx<'_>, instance: InstanceId, bytes: &[u8], keep: usize) {
    let words = &mut cx.state()[instance].words;
    let bytes = &bytes[bytes.len().saturating_sub(keep)..];
    let excess = (words.len() + bytes.len()).saturating_sub(keep);
    words.drain(..excess);
    words.extend(bytes);
}

/// Charges work that goes on for an instance outside its calls, and traps where it has ended or has to stop. Where it
/// has no thread left that would notice, whoever runs the store is told.
pub fn spend_for(cx: &mut Cx<'_>, instance: InstanceId, work: u64) -> Result<(), Trapped> {
    let ended = cx.state()[instance].ended_by.clone();
    if let Some(trap) = ended {
        return Err(trap);
    }
    cx.spend(work).inspect_err(|trap| {
        let mut state = cx.state();
        // A call that finds no room for its thread notices by itself.
        let is_on_record = state.put_on_record().is_ok();
        if is_on_record && !state.threads.iter().any(|(_, thread)| thread.inst == instance) {
            state.unreported.push_back(trap.clone());
        }
    })
}

/// Has an instance keep something of the embedder's, instead of what it kept, which is given back.
pub fn embed(
    cx: &mut Cx<'_>,
    instance: InstanceId,
    it: Option<Rc<dyn Any>>,
) -> Option<Rc<dyn Any>> {
    std::mem::replace(&mut cx.state()[instance].embedded, it)
}

/// What the embedder keeps with an instance, or with the innermost one around it that has something.
pub fn embedded(cx: &Cx<'_>, instance: InstanceId) -> Option<Rc<dyn Any>> {
    let state = cx.state();
    state.outwards(instance).find_map(|id| state[id].embedded.clone())
}

/// Whether `inner` is `outer`, or inside of it.
pub fn is_within(cx: &Cx<'_>, inner: InstanceId, outer: InstanceId) -> bool {
    cx.state().is_inside(inner, outer)
}

/// What an instance is called in messages.
pub fn label(cx: &Cx<'_>, instance: InstanceId) -> Arc<str> {
    cx.state().label(instance)
}

/// How many instances a store has, itself as the host's included. They are never freed before it.
pub fn instance_count(cx: &Cx<'_>) -> usize {
    cx.state().instances.len()
}

/// The instance whose guest runs, if one does.
pub fn current_instance(cx: &Cx<'_>) -> Option<InstanceId> {
    let state = cx.state();
    state.current.map(|thread| state.threads[thread].inst)
}

impl State {
    /// An instance, the one that it is in, and so on.
    pub(super) fn outwards(&self, instance: InstanceId) -> impl Iterator<Item = InstanceId> {
        iter::successors(Some(instance), |id| self[*id].parent)
    }

    /// Whether `instance` is `outer`, or inside of it.
    pub(crate) fn is_inside(&self, instance: InstanceId, outer: InstanceId) -> bool {
        self.outwards(instance).any(|id| id == outer)
    }

    /// A trap that ends an instance, with what that has said last.
    #[cold]
    pub(crate) fn with_last_words(&mut self, inst: InstanceId, trap: Trapped) -> Trapped {
        match std::mem::take(&mut self[inst].words) {
            words if words.is_empty() => trap,
            words => trap.with_last_words(&Vec::from(words)),
        }
    }
}

impl State {
    /// Whether `caller` cannot call `instance` any more: it has ended, or one around it that the call
    /// would enter. A child may outlive the parent that it is in, and call its siblings.
    #[inline]
    pub(crate) fn has_ended(&self, instance: InstanceId, caller: InstanceId) -> bool {
        self.any_ended && self.has_ended_on_the_way(instance, caller)
    }

    #[cold]
    fn has_ended_on_the_way(&self, instance: InstanceId, caller: InstanceId) -> bool {
        let common = policy::entered_in_common(self, instance, caller);
        self[instance].poisoned
            || self
                .outwards(instance)
                .take_while(|id| Some(*id) != common)
                .any(|id| self[id].poisoned)
    }

    /// A trap has ended a call into `instance`, and what that call was inside of: nothing may enter
    /// those again.
    #[cold]
    pub(crate) fn poison(&mut self, instance: InstanceId, caller: InstanceId, trap: &Trapped) {
        self.for_entering_set(instance, caller, |instance| instance.end(trap));
        self.end_instance(instance, trap);
    }

    /// Ends one instance: nothing may enter it again.
    #[cold]
    pub(crate) fn end_instance(&mut self, instance: InstanceId, trap: &Trapped) {
        self[instance].end(trap);
        self.any_ended = true;
        self.trace_limit(instance, trap);
        self.casualties.push(instance);
        self.poison_parked_callers(instance, trap);
    }

    /// The trap for a call by `caller` into an instance that has ended.
    #[cold]
    pub(crate) fn cannot_enter(&self, instance: InstanceId, caller: InstanceId) -> Trapped {
        let ended_by = self.outwards(instance).find_map(|id| self[id].ended_by.as_ref());
        let why = ended_by.expect("an instance has ended").reason_text();
        match caller {
            InstanceId::HOST => Trap::Ended { why },
            _ => Trap::CannotEnter { why },
        }
        .into()
    }

    /// Goes through the instances that a call enters: `instance` and those around it that `caller` is not
    /// in.
    #[inline]
    pub(super) fn for_entering_set(
        &mut self,
        instance: InstanceId,
        caller: InstanceId,
        mut act: impl FnMut(&mut Instance),
    ) {
        let common = policy::entered_in_common(self, instance, caller);
        let mut at = Some(instance);
        while let Some(id) = at.filter(|_| at != common) {
            act(&mut self[id]);
            at = self[id].parent;
        }
    }
}
