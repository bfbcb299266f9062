//! Calls that have no task yet.
//!
//! While a call runs that has not blocked, and its guest has called no import that looks at calls, nobody can tell
//! whether it has a subtask, a task and a thread: nothing else of the store has run, and the host neither. So they are
//! made when an import has to look at them, and not at all where none does. Until then the call is *latent*: an entry in a
//! stack, which is in the order of the calls on the native stack. With an entry, those below it are put on record, too:
//! they are what called it.

use super::context::{Sides, SidesRef};
use super::func::{FuncInst, Lift, Lower};
use super::serve::HostFuncDef;
use super::subtask::{Caller, HostCaller, Lenders, SubtaskState};
use super::task::{Callee, Served, TaskId, TaskState};
use super::thread::{Body, Outer, ThreadId, ThreadState};
use super::waitable::WaitableId;
use super::{BorrowScope, Cx, InstanceId, State, policy};
use crate::engine::RawVal;
use crate::error::{Trap, Trapped};
use crate::memory::Arena;
use crate::types::ResourceType;
use std::rc::Rc;

/// A call that may have no task yet. While it has none, it has what its records would have.
pub(crate) struct Latent {
    call: LatentCall,
    /// What has called. While the host serves a call, no thread runs that would say so.
    by: Outer,
    made: Option<Made>,
    /// The storage of its thread.
    storage: [u64; 2],
    /// What its subtask lends.
    lenders: Lenders,
    has_returned: bool,
    /// The result that is flat for the caller, if there is one.
    flat_result: RawVal,
}

/// What is called.
pub(crate) enum LatentCall {
    /// A lifted function, by a guest of `inst` or the host.
    Lifted { lift: Rc<Lift>, caller: LatentCaller, inst: InstanceId, result_ptr: RawVal },
    /// A function of the host's, by a guest of `inst`.
    Served {
        def: Rc<HostFuncDef>,
        lower: Rc<Lower>,
        inst: InstanceId,
        arena: Rc<Arena>,
        result_ptr: RawVal,
    },
    /// Core code of an instance that cannot block.
    Core(InstanceId),
}

/// Who calls; see [`Caller`].
#[derive(Clone, Copy)]
pub(crate) enum LatentCaller<L = Rc<Lower>, A = Rc<Arena>> {
    Guest(L),
    Host(A),
}

/// One that somebody else holds.
pub(crate) type CallerRef<'a> = LatentCaller<&'a Rc<Lower>, &'a Rc<Arena>>;

impl LatentCaller {
    fn as_ref(&self) -> CallerRef<'_> {
        match self {
            LatentCaller::Guest(lower) => CallerRef::Guest(lower),
            LatentCaller::Host(arena) => CallerRef::Host(arena),
        }
    }
}

impl CallerRef<'_> {
    #[inline(always)]
    pub(crate) fn cloned(self) -> LatentCaller {
        match self {
            CallerRef::Guest(lower) => LatentCaller::Guest(lower.clone()),
            CallerRef::Host(arena) => LatentCaller::Host(arena.clone()),
        }
    }
}

/// What is left of a call that was latent.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ended {
    /// What it has, if it is on record.
    pub(crate) made: Option<Made>,
    /// Otherwise the result that is flat for the caller, if there is one.
    pub(crate) flat_result: RawVal,
}

/// What a call that is on record has. One of core code has no subtask, one that the host serves no thread.
#[derive(Clone, Copy)]
pub(crate) struct Made {
    pub(crate) subtask: Option<WaitableId>,
    pub(crate) task: TaskId,
    pub(crate) thread: Option<ThreadId>,
}

impl Made {
    /// The subtask of a call at the component level.
    pub(crate) fn subtask(self) -> WaitableId {
        self.subtask.expect("a call at the component level has a subtask")
    }

    /// The thread of a call of a guest.
    pub(crate) fn thread(self) -> ThreadId {
        self.thread.expect("a call of a guest has a thread")
    }
}

/// Latent calls, and those that have been.
#[derive(Default)]
pub(crate) struct Latents {
    calls: Vec<Latent>,
    /// How many of them are on record: the outer ones.
    on_record: usize,
}

impl Latents {
    #[inline]
    fn unrecorded(&self) -> usize {
        self.calls.len() - self.on_record
    }
}

impl Cx<'_> {
    /// What runs is about to be looked at: by an import that a guest has called, or by the host that serves one.
    #[inline]
    pub fn put_on_record(&self) -> Result<(), Trapped> {
        let mut state = self.state();
        match state.latents.unrecorded() {
            0 => Ok(()),
            _ => state.put_on_record(),
        }
    }
}

impl State {
    /// Whether core code may run without a task: where fuel is counted for each call or somebody watches, calls are on
    /// record from the beginning, and so they are where guests call built-ins by other ways than imports.
    #[inline]
    pub(super) fn may_be_unrecorded(&self) -> bool {
        !self.calls_are_on_record && self.watcher.is_none()
    }

    /// Whether a call of `func` by `caller` may be latent: if what it enters has not ended, if there is room for its
    /// thread, so that a limit shows when the call begins and not in what it calls, and if one that is async-typed is let
    /// in at once.
    #[inline]
    pub(crate) fn may_be_latent(&self, func: &FuncInst, caller: InstanceId) -> bool {
        self.may_be_unrecorded()
            && match func {
                FuncInst::Lifted(lift) => {
                    !self.has_ended(lift.inst, caller)
                        && self[lift.inst].threads.has_room(self.latents.unrecorded() + 1)
                        && (!lift.ty.is_async() || self.lets_in(lift))
                }
                FuncInst::Host(_) => true,
            }
    }

    /// Begins a call; [`State::end_latent`] gets what this returns.
    #[inline(always)]
    pub(crate) fn begin_latent(&mut self, call: LatentCall) -> usize {
        if let LatentCall::Lifted { lift, .. } = &call
            && lift.needs_exclusive
        {
            self[lift.inst].is_latently_exclusive = true;
        }
        let at = self.latents.calls.len();
        let by = Outer::of_latent(self, at);
        self.latents.calls.push(Latent {
            call,
            by,
            made: None,
            storage: [0; 2],
            lenders: Lenders::default(),
            has_returned: false,
            flat_result: 0,
        });
        at
    }

    /// The storage of the current thread, which need not be on record.
    #[inline]
    pub(crate) fn storage(&mut self) -> &mut [u64; 2] {
        let Latents { calls, on_record } = &mut self.latents;
        match calls[*on_record..].last_mut() {
            Some(latent) => &mut latent.storage,
            None => &mut self.threads[self.current.expect("a guest runs")].storage,
        }
    }

    /// The call that runs, if it is not on record and one of a lifted function: its place, and the function.
    #[inline]
    pub(crate) fn latent_lift(&self) -> Option<(usize, Rc<Lift>)> {
        match &self.latents.calls[self.latents.on_record..].last()?.call {
            LatentCall::Lifted { lift, .. } => Some((self.latents.calls.len() - 1, lift.clone())),
            _ => None,
        }
    }

    fn lets_in(&self, lift: &Lift) -> bool {
        !self.has_backpressure(lift.inst, lift.needs_exclusive)
            && self[lift.inst].num_waiting_to_enter == 0
            && policy::runs_before_call(self, lift.inst).is_none()
    }

    /// The two sides of a call that is not on record and is to return. Fails if it has.
    pub(crate) fn sides_of_latent(&self, at: usize) -> Result<Sides, Trapped> {
        let latent = &self.latents.calls[at];
        if latent.has_returned {
            return Err(Trap::TaskAlreadyResolved.into());
        }
        match &latent.call {
            LatentCall::Lifted { lift, caller, inst, result_ptr } => {
                Ok(SidesRef::of_lifted(lift, caller.as_ref(), *inst, *result_ptr).cloned())
            }
            _ => unreachable!("only lifted functions return by a built-in"),
        }
    }

    /// A call that was not on record has handed over its result: what it has, if it is by now.
    #[inline(always)]
    pub(super) fn latent_returned(&mut self, at: usize, flat_result: RawVal) -> Option<Made> {
        let made = self.made(at);
        match made {
            None => {
                let latent = &mut self.latents.calls[at];
                (latent.has_returned, latent.flat_result) = (true, flat_result);
            }
            Some(made) => self.made_returned(made, flat_result),
        }
        made
    }

    fn made_returned(&mut self, made: Made, flat_result: RawVal) {
        self.tasks[made.task].state = TaskState::Resolved;
        self.on_returned(made.subtask(), flat_result);
    }

    /// Whether a call that is not on record has returned.
    pub(crate) fn latent_has_returned(&self, at: usize) -> bool {
        self.latents.calls[at].has_returned
    }

    /// What has called, and runs again when the call is over.
    #[inline]
    pub(super) fn latent_caller(&self, at: usize) -> Outer {
        self.latents.calls[at].by
    }

    /// What a call has, if it is on record.
    #[inline(always)]
    pub(crate) fn made(&self, at: usize) -> Option<Made> {
        if at < self.latents.on_record { self.latents.calls[at].made } else { None }
    }

    /// A call leaves the native stack.
    #[inline(always)]
    pub(crate) fn end_latent(&mut self, at: usize) -> Ended {
        let made = self.made(at);
        let flat_result = self.latents.calls[at].flat_result;
        match made {
            Some(_) => self.latents.on_record = at,
            None => self.give_back_latent(at),
        }
        self.latents.calls.truncate(at);
        Ended { made, flat_result }
    }

    /// What a call has lent, and exclusive access.
    #[inline]
    fn give_back_latent(&mut self, at: usize) {
        let Latent { call, lenders, .. } = &mut self.latents.calls[at];
        let (caller, exclusive) = match call {
            LatentCall::Lifted { inst, lift, .. } => {
                (*inst, lift.needs_exclusive.then_some(lift.inst))
            }
            LatentCall::Served { inst, .. } => (*inst, None),
            LatentCall::Core(_) => return,
        };
        if !lenders.is_empty() {
            let lenders = std::mem::take(lenders);
            self.give_back_lent(caller, lenders);
        }
        if let Some(inst) = exclusive {
            self[inst].is_latently_exclusive = false;
            self.notify_gates(inst);
        }
    }

    /// For what a call that was latent lends a handle of type `ty`: a call that is not on record has no list of what it
    /// was lent, and its list of what it lends is short.
    pub(super) fn borrow_scope(
        &mut self,
        scope: BorrowScope,
        borrower: InstanceId,
        ty: &ResourceType,
    ) -> Result<BorrowScope, Trapped> {
        let BorrowScope::Latent(at) = scope else { return Ok(scope) };
        let latent = &self.latents.calls[at];
        if latent.made.is_none() {
            let ty = self.resources.id(ty);
            let is_owner = self.resources.get(ty).implementation == borrower;
            if is_owner && latent.lenders.has_room_in_place() {
                return Ok(scope);
            }
            self.put_on_record()?;
        }
        let made = self.latents.calls[at].made.expect("it was put on record");
        Ok(BorrowScope::Call { lender: made.subtask(), borrower: made.task })
    }

    pub(super) fn add_latent_lender(&mut self, at: usize, index: u32) {
        let is_added = self.latents.calls[at].lenders.push_in_place(index);
        debug_assert!(is_added, "there is room, or the call is on record");
    }

    /// Makes what is missing of the calls that run, from the outermost one on.
    #[cold]
    pub(crate) fn put_on_record(&mut self) -> Result<(), Trapped> {
        let current = self.current;
        self.make_records().inspect_err(|_| self.current = current)
    }

    fn make_records(&mut self) -> Result<(), Trapped> {
        while let Some(latent) = self.latents.calls.get(self.latents.on_record) {
            self.current = latent.by.thread(self);
            let made = match &latent.call {
                LatentCall::Core(inst) => self.make_task(Callee::Core, *inst, None, Body::Sync),
                LatentCall::Lifted { lift, caller, inst, result_ptr } => {
                    let caller = match caller {
                        LatentCaller::Guest(lower) => Caller::Guest(lower.clone()),
                        LatentCaller::Host(arena) => Caller::Host(HostCaller {
                            arena: arena.clone(),
                            completion: None,
                            trap: None,
                        }),
                    };
                    let (callee, by) = (Callee::Lift(lift.clone()), self.current);
                    let (of, inst, result_ptr) = (lift.inst, *inst, *result_ptr);
                    let needs_exclusive = lift.needs_exclusive;
                    self.make_call(caller, inst, by, result_ptr, |state, subtask| {
                        let made = state.make_task(callee, of, Some(subtask), Body::Core)?;
                        if needs_exclusive {
                            state[of].is_latently_exclusive = false;
                            state[of].exclusive_thread = made.thread;
                        }
                        Ok(made)
                    })
                }
                LatentCall::Served { def, lower, inst, arena, result_ptr } => {
                    let caller = Caller::Guest(lower.clone());
                    let served = Served { def: def.clone(), arena: arena.clone(), on_cancel: None };
                    let (inst, by, result_ptr) = (*inst, self.current, *result_ptr);
                    self.make_call(caller, inst, by, result_ptr, |state, subtask| {
                        state.make_served(served, subtask)
                    })
                }
            }?;
            let latent = &mut self.latents.calls[self.latents.on_record];
            latent.made = Some(made);
            let lenders = std::mem::take(&mut latent.lenders);
            let returned = latent.has_returned.then_some(latent.flat_result);
            self.current = made.thread;
            if let Some(thread) = made.thread {
                self.threads[thread].state = ThreadState::Running;
                self.threads[thread].storage = latent.storage;
            }
            self.latents.on_record += 1;
            if !lenders.is_empty() {
                self.subtask(made.subtask()).lenders = lenders;
            }
            if let Some(flat_result) = returned {
                self.made_returned(made, flat_result);
            }
        }
        Ok(())
    }

    fn make_call(
        &mut self,
        caller: Caller,
        inst: InstanceId,
        by: Option<ThreadId>,
        result_ptr: RawVal,
        make_task: impl FnOnce(&mut State, WaitableId) -> Result<Made, Trapped>,
    ) -> Result<Made, Trapped> {
        let subtask = self.new_subtask(inst, || caller, result_ptr)?;
        let made = make_task(self, subtask);
        let made = made.inspect_err(|_| drop(self.waitables.remove(subtask)))?;
        let entry = self.subtask(subtask);
        (entry.state, entry.by) = (SubtaskState::Started, by);
        entry.callee = Some(made.task);
        Ok(made)
    }

    /// The task of core code that is on record from its beginning.
    pub(super) fn make_core_task(&mut self, inst: InstanceId) -> Result<Made, Trapped> {
        self.put_on_record()?;
        self.make_task(Callee::Core, inst, None, Body::Sync)
    }

    fn make_task(
        &mut self,
        callee: Callee,
        inst: InstanceId,
        subtask: Option<WaitableId>,
        body: Body,
    ) -> Result<Made, Trapped> {
        let (task, thread) = self.new_task(|| callee, inst, subtask, body)?;
        if let Err(trap) = self.register_thread(task, thread) {
            self.forget_task(task, thread);
            return Err(trap);
        }
        self.tasks[task].state = TaskState::Started;
        Ok(Made { subtask, task, thread: Some(thread) })
    }

    fn make_served(&mut self, served: Served, subtask: WaitableId) -> Result<Made, Trapped> {
        let task = self.new_served(|| served, subtask)?;
        self.tasks[task].state = TaskState::Started;
        Ok(Made { subtask: Some(subtask), task, thread: None })
    }
}
