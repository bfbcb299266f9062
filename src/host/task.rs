//! The host as a callee: what it does with the calls that it serves.

use super::settle;
use crate::error::{Error, ErrorKind, Result, Trap, Trapped};
use crate::runtime::{
    Callee, Cx, HostFuncDef, HostTask, InstanceId, OnCancel, State, Subtask, Task, TaskId,
    TaskState, Thread, ThreadState, WaitableKind, return_result,
};
use std::rc::Rc;

impl HostTask {
    /// Answers a task with the result at `results` (in the host's layout; ignored without a
    /// result). The caller sees it when its thread runs next.
    ///
    /// An error, and nothing else, where the task has been answered or has not given back all that
    /// it borrowed. A result that is not of the function's type, or that the caller cannot take,
    /// ends the task as a trap of the caller's.
    pub fn return_(self, cx: &mut Cx<'_>, results: *const u8) -> Result<()> {
        let def = self.def(cx)?;
        cx.state().check_may_return(self.0).map_err(misuse)?;
        let returned = return_result(cx, &def.ty, self.0, 0, &[results as u64]);
        let returned = returned.map_err(|trap| cx.state().within_served(self.0, &def, trap));
        if let Err(trap) = &returned {
            self.fail_caller(cx, trap);
        }
        self.finish(cx);
        settle(cx, returned)
    }

    /// Answers a task, whose caller has asked for its cancellation, without a result.
    ///
    /// An error, and nothing else, where that was not asked for, the task has been answered, or it
    /// has not given back all that it borrowed.
    pub fn cancelled(self, cx: &mut Cx<'_>) -> Result<()> {
        self.def(cx)?;
        cx.state().cancel_task(self.0).map_err(misuse)?;
        self.finish(cx);
        settle(cx, Ok(()))
    }

    /// Lets go of a task without an answer: the caller traps for that reason.
    pub fn abandon(self, cx: &mut Cx<'_>) -> Result<()> {
        let name = (&*self.def(cx)?.name).into();
        self.fail(cx, Trap::HostDroppedTask { name })
    }

    /// Ends a task as a trap of the caller's. Where no call or run of the host's fails because of that, whoever
    /// runs the store next is told.
    pub fn fail(self, cx: &mut Cx<'_>, reason: Trap) -> Result<()> {
        let def = self.def(cx)?;
        let trap = cx.state().within_served(self.0, &def, reason.into());
        let known = cx.state().casualties.len();
        self.fail_caller(cx, &trap);
        if cx.state().has_ended_unseen(known) {
            cx.state().unreported.push_back(trap);
        }
        self.finish(cx);
        settle(cx, Ok(()))
    }

    /// Sets whom to tell when the caller wants the task cancelled.
    pub fn set_on_cancel(self, cx: &mut Cx<'_>, hook: Option<OnCancel>) -> Result<()> {
        self.def(cx)?;
        let old = match &mut cx.state().tasks[self.0].callee {
            Callee::Host(served) => std::mem::replace(&mut served.on_cancel, hook),
            Callee::Lift(_) | Callee::Core => unreachable!("the host serves it"),
        };
        drop(old);
        Ok(())
    }

    /// Whether the caller has asked for the task's cancellation.
    pub fn is_cancellation_requested(self, cx: &Cx<'_>) -> Result<bool> {
        self.def(cx)?;
        Ok(cx.state().tasks[self.0].state == TaskState::CancelDelivered)
    }

    /// The instance that calls. An error once the task is over.
    pub fn caller(self, cx: &Cx<'_>) -> Result<InstanceId> {
        self.def(cx)?;
        let state = cx.state();
        let subtask = state.tasks[self.0].subtask.expect("only a call is served");
        Ok(state.waitables[subtask].inst)
    }

    /// The function of a component that calls, by its full name. None where the host calls, or that
    /// function has ended.
    pub fn calling_func(self, cx: &Cx<'_>) -> Option<Box<str>> {
        let state = cx.state();
        state.task_frame(state.caller_of(self.0)?).map(|frame| frame.name)
    }

    fn def(self, cx: &Cx<'_>) -> Result<Rc<HostFuncDef>> {
        match cx.state().tasks.get(self.0).map(|task| &task.callee) {
            Some(Callee::Host(served)) => Ok(served.def.clone()),
            _ => Err(Error::new(ErrorKind::InvalidArgument, "the task is over")),
        }
    }

    /// The caller will not get a result, and a guest can never go on without.
    #[cold]
    fn fail_caller(self, cx: &mut Cx<'_>, trap: &Trapped) {
        let mut state = cx.state();
        let subtask = state.tasks[self.0].subtask.expect("only a call is served");
        let caller = state.waitables[subtask].inst;
        if state[caller].poisoned {
            state.forget_subtask(subtask);
            return;
        }
        state.fail_subtask(subtask, trap);
        if caller != InstanceId::HOST {
            state.poison(caller, InstanceId::HOST, trap);
        }
    }
}

impl State {
    /// Adds a call that the host has not answered at once, and who waits for it.
    #[cold]
    fn within_served(&self, task: TaskId, def: &HostFuncDef, trap: Trapped) -> Trapped {
        self.within_callers(task, trap.within(def.frame()))
    }

    /// Whether instances have ended since there were `known` casualties, and the host will not be told: it waits
    /// for no call of theirs, and none of them runs, which would trap when it goes on.
    fn has_ended_unseen(&self, known: usize) -> bool {
        let dead = &self.casualties[known..];
        let is_dead = |inst| dead.iter().any(|dead| self.is_inside(*dead, inst));
        let runs = |thread: &Thread| thread.state == ThreadState::Running && is_dead(thread.inst);
        let is_waited_for = |task: &Task| {
            task.state != TaskState::Resolved && is_dead(task.inst) && self.host_waits_for(task)
        };
        !dead.is_empty()
            && !self.threads.iter().any(|(_, thread)| runs(thread))
            && !self.tasks.iter().any(|(_, task)| is_waited_for(task))
    }

    /// Whether the host has called a task, and has not let go of that call.
    fn host_waits_for(&self, task: &Task) -> bool {
        let call = task.subtask.and_then(|call| self.waitables.get(call));
        call.is_some_and(|call| {
            let is_detached =
                matches!(&call.kind, WaitableKind::Subtask(Subtask { detached: true, .. }));
            call.inst == InstanceId::HOST && !is_detached
        })
    }
}

/// A mistake of the host's, in the words for the same mistake of a guest's.
#[cold]
fn misuse(trap: Trapped) -> Error {
    Error::new(ErrorKind::InvalidArgument, trap.to_string())
}
