//! Calls that have no task yet.
//!
//! While a sync-typed call runs and its guest has called no import, nobody can tell whether it has a subtask, a task
//! and a thread: nothing else of the store has run. So they are made when the guest first calls an import, and not at
//! all where it never does. Until then the call is *latent*: an entry in a stack, which is in the order of the calls on the
//! native stack. With an entry, those below it are put on record, too: they are what called it.

use super::func::{Lift, Lower};
use super::subtask::{Caller, HostCaller, Subtask, SubtaskState};
use super::task::{Callee, TaskId, TaskState};
use super::thread::{Body, ThreadId, ThreadState};
use super::waitable::{Waitable, WaitableId, WaitableKind};
use super::{Cx, InstanceId, State};
use crate::engine::RawVal;
use crate::error::Trapped;
use crate::memory::Arena;
use std::rc::Rc;

/// A call that may have no task yet.
pub(crate) struct Latent {
    call: LatentCall,
    made: Option<Made>,
}

/// What is called.
pub(crate) enum LatentCall {
    /// A lifted function, by a guest of `inst` or the host.
    Lifted { lift: Rc<Lift>, caller: LatentCaller, inst: InstanceId, result_ptr: RawVal },
    /// Core code of an instance that cannot block.
    Core(InstanceId),
}

/// Who calls; see [`Caller`].
#[derive(Clone)]
pub(crate) enum LatentCaller {
    Guest(Rc<Lower>),
    Host(Rc<Arena>),
}

/// What a call that is on record has. One of core code has no subtask.
#[derive(Clone, Copy)]
pub(crate) struct Made {
    pub(crate) subtask: Option<WaitableId>,
    pub(crate) task: TaskId,
    pub(crate) thread: ThreadId,
}

/// Latent calls, and those that have been.
#[derive(Default)]
pub(crate) struct Latents {
    calls: Vec<Latent>,
    /// How many of them are on record: the outer ones.
    on_record: usize,
}

impl Cx<'_> {
    /// A guest has called an import: what runs may be looked at.
    #[inline]
    pub(crate) fn put_on_record(&self) -> Result<(), Trapped> {
        let mut state = self.state();
        match state.latents.calls.len() == state.latents.on_record {
            true => Ok(()),
            false => state.put_on_record(),
        }
    }
}

impl State {
    /// Whether calls may be latent: those whose fuel is counted and those that somebody watches are on record from the
    /// beginning, and so are those of guests that call built-ins by other ways than imports.
    #[inline]
    pub(crate) fn may_be_latent(&self) -> bool {
        !self.calls_are_on_record && self.watcher.is_none()
    }

    /// Begins a call; [`State::end_latent`] gets what this returns.
    #[inline]
    pub(crate) fn begin_latent(&mut self, call: LatentCall) -> usize {
        self.latents.calls.push(Latent { call, made: None });
        self.latents.calls.len() - 1
    }

    /// What a call has, if it is on record.
    #[inline]
    pub(crate) fn made(&self, at: usize) -> Option<Made> {
        self.latents.calls[at].made
    }

    /// A call leaves the native stack: what it has, if it is on record.
    #[inline]
    pub(crate) fn end_latent(&mut self, at: usize) -> Option<Made> {
        let made = self.latents.calls[at].made;
        self.latents.calls.truncate(at);
        self.latents.on_record = self.latents.on_record.min(at);
        made
    }

    /// Makes what is missing of the calls that run, from the outermost one on.
    #[cold]
    pub(crate) fn put_on_record(&mut self) -> Result<(), Trapped> {
        while let Some(latent) = self.latents.calls.get(self.latents.on_record) {
            let made = match &latent.call {
                LatentCall::Core(inst) => self.make_core(*inst),
                LatentCall::Lifted { lift, caller, inst, result_ptr } => {
                    let (lift, caller) = (lift.clone(), caller.clone());
                    self.make_call(lift, caller, *inst, *result_ptr)
                }
            }?;
            self.threads[made.thread].state = ThreadState::Running;
            self.current = Some(made.thread);
            self.latents.calls[self.latents.on_record].made = Some(made);
            self.latents.on_record += 1;
        }
        Ok(())
    }

    fn make_core(&mut self, inst: InstanceId) -> Result<Made, Trapped> {
        self.make_task(|| Callee::Core, inst, None, Body::Sync)
    }

    fn make_call(
        &mut self,
        lift: Rc<Lift>,
        caller: LatentCaller,
        inst: InstanceId,
        result_ptr: RawVal,
    ) -> Result<Made, Trapped> {
        let caller = match caller {
            LatentCaller::Guest(lower) => Caller::Guest(lower),
            LatentCaller::Host(arena) => {
                Caller::Host(HostCaller { arena, completion: None, trap: None })
            }
        };
        let by = self.current;
        let subtask = self.waitables.insert_with(|_| {
            let mut subtask = Subtask::new(caller, by, result_ptr);
            subtask.state = SubtaskState::Started;
            Waitable::new(inst, 0, WaitableKind::Subtask(subtask))
        })?;
        let callee = lift.inst;
        let made = self.make_task(|| Callee::Lift(lift), callee, Some(subtask), Body::Core);
        let made = made.inspect_err(|_| drop(self.waitables.remove(subtask)))?;
        self.subtask(subtask).callee = Some(made.task);
        Ok(made)
    }

    fn make_task(
        &mut self,
        callee: impl FnOnce() -> Callee,
        inst: InstanceId,
        subtask: Option<WaitableId>,
        body: Body,
    ) -> Result<Made, Trapped> {
        let (task, thread) = self.new_task(callee, inst, subtask, body)?;
        if let Err(trap) = self.register_thread(task, thread) {
            self.forget_task(task, thread);
            return Err(trap);
        }
        self.tasks[task].state = TaskState::Started;
        Ok(Made { subtask, task, thread })
    }
}
