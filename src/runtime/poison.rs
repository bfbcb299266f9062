//! What a trap leaves behind, and what a store that is dropped does.
//!
//! A trap ends every instance that it goes through. Their tasks and threads are freed as soon as no
//! guest runs; their guests' stacks are abandoned, never unwound. The resources that they owned are
//! destroyed where the host implements them: its destructors can run, those of guests cannot.

use super::host_end::HostSide;
use super::subtask::Caller;
use super::table::Handle;
use super::task::TaskState;
use super::waitable::WaitableKind;
use super::{Cx, HostDtor, InstanceId, Ownership, PreparedDtor, State, TaskId, WaitableId};
use crate::engine::{Continuation, CoreInstance};
use crate::error::Trapped;
use std::sync::Arc;

/// Resources of the host's whose last owner is gone.
type Doomed = Vec<(Arc<HostDtor>, u32)>;

/// Frees what instances held that a trap has ended.
pub(crate) fn bury(cx: &mut Cx<'_>) {
    if cx.state().casualties.is_empty() {
        return;
    }
    // The engine may do as it likes when a stack goes, so nothing is borrowed then.
    let stacks = cx.state().bury();
    drop(stacks);
    let doomed = cx.state().disown_poisoned();
    destroy(cx, doomed);
    let instances = cx.state().give_back();
    for core in instances {
        cx.engine.end_instance(core);
    }
}

fn destroy(cx: &mut Cx<'_>, doomed: Doomed) {
    for (dtor, rep) in doomed {
        // There is nobody left to tell of a failure.
        let _ = dtor(cx, rep);
    }
}

impl State {
    /// Traps where the host has ended an instance that runs, while it was called from there.
    pub(crate) fn check_not_ended(&self, inst: InstanceId) -> Result<(), Trapped> {
        match &self[inst].ended_by {
            Some(trap) => Err(trap.clone()),
            None => Ok(()),
        }
    }

    fn bury(&mut self) -> Vec<Continuation> {
        let mut stacks = Vec::new();
        let dead_tasks: Vec<_> = self
            .tasks
            .iter()
            .filter(|(_, task)| self[task.inst].poisoned)
            .map(|(id, _)| id)
            .collect();
        for task in dead_tasks {
            self.bury_task(task, &mut stacks);
        }
        let dead_waitables: Vec<_> = self
            .waitables
            .iter()
            .filter(|(_, waitable)| self[waitable.inst].poisoned)
            .map(|(id, _)| id)
            .collect();
        for waitable in dead_waitables {
            self.bury_waitable(waitable);
        }
        for inst in std::mem::take(&mut self.casualties) {
            self[inst].exclusive_thread = None;
            let sets: Vec<_> = self[inst]
                .handles
                .iter()
                .filter_map(|(_, handle)| match handle {
                    Handle::WaitableSet(set) => Some(*set),
                    _ => None,
                })
                .collect();
            for set in sets {
                self.sets.remove(set);
            }
        }
        stacks
    }

    /// Frees a task that can never go on. Its caller, if it is the host, is told.
    fn bury_task(&mut self, id: TaskId, stacks: &mut Vec<Continuation>) {
        let mut threads = Vec::from_iter(self.tasks[id].implicit_thread);
        let mut at = self.tasks[id].threads.front(&self.threads);
        while let Some(thread) = at {
            threads.push(thread);
            at = self.next_thread_of_task(id, thread);
        }
        for thread in threads {
            if self.threads.get(thread).is_some() {
                self.give_up_waiting(thread);
                stacks.extend(self.take_suspended(thread));
                self.threads.discard(thread);
            }
        }
        let trap = self.end_of(self.tasks[id].inst);
        if !self.task_resolved(id) {
            self.trace_dead(id, Some(&trap));
        }
        let task = self.tasks.remove(id).expect("it was found");
        let Some(subtask) = task.subtask.filter(|_| task.state != TaskState::Resolved) else {
            return;
        };
        if self.waitables.get(subtask).is_some() {
            self.fail_subtask(subtask, &trap);
        }
    }

    /// What has ended an instance, once something has.
    fn end_of(&self, inst: InstanceId) -> Trapped {
        self[inst].ended_by.clone().expect("it is poisoned")
    }

    /// A waitable of a dead instance goes, unless a task of another instance will still resolve it.
    fn bury_waitable(&mut self, id: WaitableId) {
        let callee = match &mut self.waitables[id].kind {
            WaitableKind::Subtask(subtask) => subtask.callee,
            WaitableKind::End(_) => {
                let trap = self.end_of(self.waitables[id].inst);
                self.break_end(id, &trap);
                return;
            }
        };
        self.join(id, None);
        self.take_lenders(id);
        match callee {
            None => {
                self.waitables.remove(id);
            }
            Some(task) if self.tasks[task].state == TaskState::Initial => {
                self.waitables.remove(id);
                self.forget_waiting_task(task);
            }
            Some(_) => self.waitables[id].index = 0,
        }
    }
}

/// Ends everything, when a store goes.
pub(crate) fn tear_down(cx: &mut Cx<'_>) {
    let (stacks, completions, sides, doomed) = {
        let state = &mut *cx.state();
        let threads: Vec<_> = state.threads.iter().map(|(id, _)| id).collect();
        let stacks: Vec<_> =
            threads.into_iter().filter_map(|id| state.take_suspended(id)).collect();
        let instances = 0..state.instances.len() as u32;
        let doomed = instances.flat_map(|inst| state.disown(InstanceId(inst), |_| true)).collect();
        let sides = (state.take_host_sides(), std::mem::take(&mut state.discarded));
        (stacks, std::mem::take(&mut state.completions), sides, doomed)
    };
    drop(stacks);
    drop(completions);
    drop(sides);
    destroy(cx, doomed);
    cx.shared.outside.clear();
}

impl State {
    /// What the host gave for its ends of streams and futures.
    fn take_host_sides(&mut self) -> Vec<HostSide> {
        let all: Vec<_> = self.waitables.iter().map(|(id, _)| id).collect();
        let side = |id| match &mut self.waitables[id].kind {
            WaitableKind::End(end) => end.host.take().map(|side| *side),
            WaitableKind::Subtask(_) => None,
        };
        all.into_iter().filter_map(side).collect()
    }

    /// Takes away the resources that dead instances own, except what they lend to calls that go on.
    fn disown_poisoned(&mut self) -> Doomed {
        let poisoned = (0..self.instances.len() as u32).map(InstanceId);
        let poisoned: Vec<_> = poisoned.filter(|inst| self[*inst].poisoned).collect();
        poisoned.into_iter().flat_map(|inst| self.disown(inst, |lends| lends == 0)).collect()
    }

    /// Gives back the memory of what is gone with instances that a trap has ended, and answers with the
    /// core instances that are to be ended as well.
    fn give_back(&mut self) -> Vec<CoreInstance> {
        let mut core = Vec::new();
        for instance in self.instances.iter_mut().filter(|instance| instance.poisoned) {
            core.append(&mut instance.core);
            instance.threads.clear();
            // What a call of the host's is still lent goes when that is over.
            if !instance.handles.iter().any(|(_, handle)| matches!(handle, Handle::Resource(_))) {
                instance.handles.clear();
            }
        }
        self.tasks.shrink();
        self.threads.shrink();
        self.waitables.shrink();
        self.sets.shrink();
        self.shareds.shrink();
        core
    }

    /// Takes away what `inst` owns of the host's resources, as far as `may_go` says of a resource
    /// with so many lends.
    fn disown(&mut self, inst: InstanceId, may_go: impl Fn(u32) -> bool) -> Doomed {
        let (mut indices, mut doomed) = (Vec::new(), Vec::new());
        for (index, handle) in self[inst].handles.iter() {
            let Handle::Resource(handle) = handle else { continue };
            if let (Ownership::Own, Some(PreparedDtor::Host(dtor))) =
                (handle.kind, &self.resources.get(handle.ty).dtor)
                && may_go(handle.num_lends)
            {
                indices.push(index);
                doomed.push((dtor.clone(), handle.rep));
            }
        }
        for index in indices {
            let disowned = self.take_handle(inst, index);
            debug_assert!(disowned.is_ok());
        }
        doomed
    }
}

impl State {
    /// The callee of a subtask has died: a host learns why, a guest waits for ever.
    pub(crate) fn fail_subtask(&mut self, id: WaitableId, trap: &Trapped) {
        let subtask = self.subtask(id);
        subtask.callee = None;
        if let Caller::Host(host) = &mut subtask.caller {
            host.trap = Some(trap.clone());
            let completion = host.completion.take();
            self.deliver_resolve(id);
            if let Some(completion) = completion {
                self.completions.push_back((super::HostSubtask(id), completion));
            }
        }
        if self.subtask(id).detached {
            self.drop_waitable(id);
        }
    }
}
