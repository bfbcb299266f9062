//! Calls that have no task yet.
//!
//! While a sync-typed call runs and its guest has called no import, nobody can tell whether it has a subtask, a task
//! and a thread: nothing else of the store has run. So they are made when the guest first calls an import, and not at
//! all where it never does. Until then the call is *latent*: an entry in a stack, which is in the order of the calls on the
//! native stack. With an entry, those below it are put on record, too: they are what called it.

use super::func::{Lift, Lower};
use super::serve::HostFuncDef;
use super::subtask::{Caller, HostCaller, SubtaskState};
use super::task::{Callee, Served, TaskId, TaskState};
use super::thread::{Body, ThreadId, ThreadState};
use super::waitable::WaitableId;
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
    /// A function of the host's, by a guest of `inst`, whose thread is `by`.
    Served {
        def: Rc<HostFuncDef>,
        lower: Rc<Lower>,
        inst: InstanceId,
        by: Option<ThreadId>,
        arena: Rc<Arena>,
        result_ptr: RawVal,
    },
    /// Core code of an instance that cannot block.
    Core(InstanceId),
}

/// Who calls; see [`Caller`].
#[derive(Clone)]
pub(crate) enum LatentCaller {
    Guest(Rc<Lower>),
    Host(Rc<Arena>),
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
                    self.make_call(caller, inst, by, result_ptr, |state, subtask| {
                        state.make_task(callee, of, Some(subtask), Body::Core)
                    })
                }
                LatentCall::Served { def, lower, inst, by, arena, result_ptr } => {
                    let caller = Caller::Guest(lower.clone());
                    let served = Served { def: def.clone(), arena: arena.clone(), on_cancel: None };
                    let (inst, by, result_ptr) = (*inst, *by, *result_ptr);
                    self.make_call(caller, inst, by, result_ptr, |state, subtask| {
                        state.make_served(served, subtask)
                    })
                }
            }?;
            if let Some(thread) = made.thread {
                self.threads[thread].state = ThreadState::Running;
                self.current = Some(thread);
            }
            self.latents.calls[self.latents.on_record].made = Some(made);
            self.latents.on_record += 1;
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
