//! What a trap says of the calls that led to it.
//!
//! A call whose caller is on the native stack is added while the trap unwinds. A thread that was resumed
//! has nobody there: its callers are found by their subtasks.

use super::task::{Callee, TaskId};
use super::waitable::WaitableKind;
use super::{Cx, FuncInst, HostFuncDef, InstanceId, Lift, State, ThreadId};
use crate::engine::CoreFunc;
use crate::error::{Frame, FrameKind, Trapped};
use std::sync::Arc;

/// Adds a core function of `inst` that was called, unless the engine has told who was running in it.
/// `role` is what it is called where it has no name.
#[cold]
pub(crate) fn within_core(
    cx: &Cx<'_>,
    inst: InstanceId,
    func: CoreFunc,
    role: &str,
    trap: Trapped,
) -> Trapped {
    let label = cx.state().label(inst);
    let told = trap.last_frame().is_some_and(|frame| frame.kind == FrameKind::Core);
    match cx.engine.frame(func) {
        Some(frame) if !told => {
            let name = if frame.name.is_empty() { role.into() } else { frame.name };
            trap.within(Frame { name, ..frame }.of(label))
        }
        None if !told && !role.is_empty() => {
            trap.within(Frame::new(FrameKind::Core, role).of(label))
        }
        _ => trap.in_instance(&label),
    }
}

/// Adds the call that a resumed thread serves, and who waits for it.
#[cold]
pub(crate) fn within_task(cx: &Cx<'_>, task: TaskId, lift: &Lift, trap: Trapped) -> Trapped {
    let state = cx.state();
    state.within_callers(task, trap.within(state.call_frame(lift)))
}

/// Adds the explicit thread that has trapped, and the call that it belongs to.
#[cold]
pub(crate) fn within_thread(cx: &Cx<'_>, thread: ThreadId, trap: Trapped) -> Trapped {
    let state = cx.state();
    let task = state.threads[thread].task;
    let trap = trap.within(Frame::new(FrameKind::Core, "explicit thread"));
    match state.task_frame(task) {
        Some(frame) => state.within_callers(task, trap.within(frame)),
        None => trap,
    }
}

impl State {
    /// What an instance is called: by the label that the host gave it or one that it is in.
    #[cold]
    pub(crate) fn label(&self, inst: InstanceId) -> Arc<str> {
        let name = &*self[inst].name;
        let labelled = |id| self[id].label.as_ref().map(|label| (label, &self[id].name));
        let Some((label, outer)) = self.outwards(inst).find_map(labelled) else {
            return name.into();
        };
        // Names of instances inside begin with those around them.
        match name.strip_prefix(&**outer).unwrap_or_default() {
            "" => label.clone(),
            rest => format!("{label}{rest}").into(),
        }
    }

    /// A call of a lifted function.
    #[cold]
    pub(crate) fn call_frame(&self, lift: &Lift) -> Frame {
        Frame::new(FrameKind::Call, lift.full_name()).of(self.label(lift.inst))
    }

    /// A call of a component-level function.
    #[cold]
    pub(crate) fn called_frame(&self, func: &FuncInst) -> Frame {
        match func {
            FuncInst::Lifted(lift) => self.call_frame(lift),
            FuncInst::Host(def) => HostFuncDef::frame(def),
        }
    }

    /// What a task is a call of; nothing for core code that no call of a component has led to.
    pub(crate) fn task_frame(&self, task: TaskId) -> Option<Frame> {
        match &self.tasks.get(task)?.callee {
            Callee::Lift(lift) => Some(self.call_frame(lift)),
            Callee::Host(served) => Some(served.def.frame()),
            Callee::Core => None,
        }
    }

    /// Adds those who wait for a task, up to the host.
    #[cold]
    pub(crate) fn within_callers(&self, task: TaskId, mut trap: Trapped) -> Trapped {
        let mut at = self.caller_of(task);
        while let Some(task) = at.filter(|_| trap.has_room()) {
            let Some(frame) = self.task_frame(task) else { break };
            trap = trap.within(frame);
            at = self.caller_of(task);
        }
        trap.all_frames()
    }

    /// The task that made the call which `task` serves.
    pub(crate) fn caller_of(&self, task: TaskId) -> Option<TaskId> {
        let subtask = self.tasks.get(task)?.subtask?;
        let WaitableKind::Subtask(subtask) = &self.waitables.get(subtask)?.kind else {
            return None;
        };
        Some(self.threads.get(subtask.by?)?.task)
    }
}
