//! Calls of sync-typed functions that the host keeps waiting.
//!
//! A function whose type is not `async` may not block, so a guest that calls one of the host's has to
//! stay where it is until the host has the answer, and so have its callers, up to the host. To
//! them no time passes. The calls are *parked*: their guests are suspended, the host gets its thread
//! back. Whoever calls the instances that they have entered meanwhile does so on top of them, as a host
//! function could that calls back. Of their own threads only those run that may run while a sync call
//! blocks, until the host has answered and the calls are over, the innermost first.

use super::subtask::Subtask;
use super::thread::{Queue, Thread, ThreadId, ThreadState, Wait};
use super::waitable::WaitableKind;
use super::{Callee, InstanceId, Lift, State, TaskId, WaitableId};
use crate::error::Trapped;
use std::rc::Rc;

/// A call that is parked.
#[derive(Clone)]
pub(crate) struct Parked {
    pub(crate) task: TaskId,
    pub(crate) lift: Rc<Lift>,
    pub(crate) caller: InstanceId,
}

impl State {
    /// Parks a sync-typed call of `inst` from `caller`, if all that it lacks is an answer of the
    /// host's. Nothing changes for one that is parked already.
    pub(crate) fn park(&mut self, task: TaskId, lift: &Rc<Lift>, caller: InstanceId) -> bool {
        let inst = lift.inst;
        if self[inst].waiting_for_host == 0 {
            return false;
        }
        if !self.is_parked(task, inst) {
            self[inst].parked.push(Parked { task, lift: lift.clone(), caller });
            self.for_entering_set(inst, caller, |instance| instance.held += 1);
            // Whoever waits for this call waits for the host now.
            let call = self.tasks[task].subtask.and_then(|call| self.waitables.get(call));
            if let Some(thread) = call.and_then(|call| call.sync_waiter) {
                self.count_if_for_host(thread);
            }
        }
        true
    }

    /// A sync-typed call is over: if it was parked, what it kept out may enter.
    pub(crate) fn unpark(&mut self, task: TaskId, inst: InstanceId) {
        let at = self[inst].parked.iter().position(|parked| parked.task == task);
        let Some(Parked { caller, .. }) = at.map(|at| self[inst].parked.remove(at)) else { return };
        self.for_entering_set(inst, caller, |instance| instance.held -= 1);
        let mut at = Some(inst);
        while let Some(id) = at {
            while (self[id].held == 0 || id == inst)
                && let Some(thread) = self[id].holding.front(&self.threads)
            {
                self.dequeue(thread);
                self.push_ready(thread);
            }
            at = self[id].parent;
        }
    }

    fn is_parked(&self, task: TaskId, inst: InstanceId) -> bool {
        self[inst].parked.iter().any(|parked| parked.task == task)
    }

    /// Whether a thread has to wait until a call is over that is parked on top of its own.
    pub(super) fn is_parked_below(&self, thread: ThreadId) -> bool {
        let Thread { inst, task, .. } = self.threads[thread];
        self[inst]
            .parked
            .split_last()
            .is_some_and(|(_, below)| below.iter().any(|parked| parked.task == task))
    }

    /// Counts a thread that waits, if it is for the host.
    pub(super) fn count_if_for_host(&mut self, id: ThreadId) {
        if !self.threads[id].waits_for_host && self.waits_for_host(id) {
            self.threads[id].waits_for_host = true;
            let inst = self.threads[id].inst;
            self[inst].waiting_for_host += 1;
        }
    }

    /// A thread does not wait any more.
    pub(super) fn no_longer_for_host(&mut self, id: ThreadId) {
        if std::mem::take(&mut self.threads[id].waits_for_host) {
            let inst = self.threads[id].inst;
            self[inst].waiting_for_host -= 1;
        }
    }

    /// Whether a thread waits for the host to answer a sync-typed call, or for a call that is parked.
    pub(crate) fn waits_for_host(&self, thread: ThreadId) -> bool {
        let ThreadState::Waiting(Wait::Resolved(waitable)) = self.threads[thread].state else {
            return false;
        };
        let Some(id) = self.callee_of(waitable) else { return false };
        let task = &self.tasks[id];
        match &task.callee {
            Callee::Host(served) => !served.def.ty.is_async(),
            Callee::Lift(_) => self.is_parked(id, task.inst),
            Callee::Core => false,
        }
    }

    /// The task on the other side of a call that is not over.
    pub(super) fn callee_of(&self, call: WaitableId) -> Option<TaskId> {
        match &self.waitables.get(call)?.kind {
            WaitableKind::Subtask(Subtask { callee, .. }) => *callee,
            WaitableKind::End(_) => None,
        }
    }

    /// Whether a ready thread has to let a parked call go first.
    pub(super) fn is_held(&self, thread: ThreadId) -> bool {
        let (inst, task) = (self.threads[thread].inst, self.threads[thread].task);
        let entered = self.threads[thread].index != 0;
        let inside = entered && !self[inst].parked.is_empty();
        self[inst].held > 0
            && (self.is_parked_below(thread) || !(inside || self.is_parked(task, inst)))
    }

    /// Puts a ready thread aside.
    pub(super) fn hold(&mut self, id: ThreadId) {
        let inst = self.threads[id].inst;
        self.instances[inst.0 as usize].holding.push_back(&mut self.threads, id);
        self.threads[id].queue = Queue::Holding;
    }

    /// A trap has ended an instance: it ends those, too, whose calls were parked in it.
    pub(super) fn poison_parked_callers(&mut self, inst: InstanceId, trap: &Trapped) {
        for Parked { task, .. } in std::mem::take(&mut self[inst].parked) {
            let Some(task) = self.tasks.get(task) else { continue };
            let caller =
                task.subtask.and_then(|call| self.waitables.get(call)).map(|call| call.inst);
            if let Some(caller) = caller.filter(|caller| *caller != InstanceId::HOST)
                && !self[caller].poisoned
            {
                self.poison(caller, InstanceId::HOST, trap);
            }
        }
    }
}
