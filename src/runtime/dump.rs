//! What a store is doing, for debugging: numbers, and who waits for what as text.

use super::thread::{Queue, Thread, ThreadId, ThreadState, Wait};
use super::waitable::{SetId, WaitableKind};
use super::{Body, Callee, Cx, InstanceId, State, TaskId, WaitableId};
use std::cell::RefMut;
use std::collections::HashMap;
use std::fmt::Write;

/// What a store, or an instance with those inside it, is doing, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Threads that can run.
    pub ready: u32,
    /// Threads that wait for something else than their turn.
    pub waiting: u32,
    /// Threads that are suspended until another resumes them, or have not begun.
    pub suspended: u32,
    /// Calls that wait to be let in.
    pub waiting_to_enter: u32,
    /// The counters of `backpressure.inc` and `backpressure.dec`, added up.
    pub backpressure: u32,
    /// Calls of host functions that have no answer yet, made by anybody.
    pub pending_host_tasks: u32,
    /// Component instances, without the host.
    pub instances: u32,
    /// Bytes of [`Shared::host_memory`](super::Shared::host_memory), of a store only.
    pub host_bytes: u64,
    /// The peak of the same.
    pub host_bytes_peak: u64,
    /// Bytes of [`Shared::guest_memory`](super::Shared::guest_memory), of a store only.
    pub guest_bytes: u64,
    /// The peak of the same.
    pub guest_bytes_peak: u64,
}

/// Counts of a store. Looks at every thread.
pub fn counts(cx: &Cx<'_>) -> Counts {
    let (host, guest) = (&cx.shared.host_memory, &cx.shared.guest_memory);
    let state = observed(cx);
    Counts {
        pending_host_tasks: state.pending_host_tasks,
        host_bytes: host.used(),
        host_bytes_peak: host.peak(),
        guest_bytes: guest.used(),
        guest_bytes_peak: guest.peak(),
        ..state.count(|_| true)
    }
}

/// Counts of an instance and of those inside it. Looks at every thread of the store.
pub fn instance_counts(cx: &Cx<'_>, instance: InstanceId) -> Counts {
    let state = observed(cx);
    state.count(|inst| state.is_inside(inst, instance))
}

/// Who waits for what: a line for each thread, for each host function that has not answered, and for
/// each instance that keeps calls waiting.
pub fn dump(cx: &Cx<'_>) -> String {
    observed(cx).describe(usize::MAX)
}

/// The state with all that runs in it. What there is no room for is left out.
fn observed<'a>(cx: &'a Cx<'_>) -> RefMut<'a, State> {
    let _ = cx.put_on_record();
    cx.state()
}

impl State {
    /// Counts what is in those instances that `is_meant` says.
    fn count(&self, is_meant: impl Fn(InstanceId) -> bool) -> Counts {
        let mut counts = Counts::default();
        for (_, thread) in self.threads.iter().filter(|(_, thread)| is_meant(thread.inst)) {
            match (thread.state, thread.queue) {
                (ThreadState::Running, _) => {}
                (ThreadState::Waiting(_), Queue::Ready) => counts.ready += 1,
                (ThreadState::Waiting(_), _) => counts.waiting += 1,
                (ThreadState::Suspended, _) => counts.suspended += 1,
            }
        }
        for inst in (0..self.instances.len() as u32).map(InstanceId).filter(|inst| is_meant(*inst))
        {
            counts.instances += u32::from(inst != InstanceId::HOST);
            counts.waiting_to_enter += self[inst].num_waiting_to_enter;
            counts.backpressure += self[inst].backpressure;
        }
        counts
    }

    /// Lines of text, of which at most `limit` are about threads, and at most as many about calls of
    /// host functions.
    pub(crate) fn describe(&self, limit: usize) -> String {
        let mut text = String::new();
        for instance in &self.instances {
            let (name, waiting) = (&instance.name, instance.num_waiting_to_enter);
            if instance.backpressure > 0 || waiting > 0 {
                let backpressure = instance.backpressure;
                let _ = writeln!(
                    text,
                    "{name}: backpressure {backpressure}, {waiting} calls wait to start"
                );
            }
        }
        let sets = self.set_elements();
        for (id, thread) in self.threads.iter().take(limit) {
            let wait = self.describe_wait(id, &sets);
            let _ = writeln!(text, "{} {wait}", self.describe_thread(thread));
        }
        if self.threads.len() > limit {
            let _ = writeln!(text, "and {} threads more", self.threads.len() - limit);
        }
        let unanswered =
            self.tasks.iter().filter(|(_, task)| matches!(task.callee, Callee::Host(_)));
        for (id, _) in unanswered.take(limit) {
            let _ = writeln!(text, "the host has not answered {}", self.describe_task(id));
        }
        if self.pending_host_tasks as usize > limit {
            let more = self.pending_host_tasks as usize - limit;
            let _ = writeln!(text, "and {more} calls of host functions more");
        }
        text.truncate(text.trim_end().len());
        text
    }

    fn set_elements(&self) -> HashMap<SetId, Vec<WaitableId>> {
        let mut sets: HashMap<SetId, Vec<WaitableId>> = HashMap::new();
        for (id, waitable) in self.waitables.iter() {
            if let Some(set) = waitable.set {
                sets.entry(set).or_default().push(id);
            }
        }
        sets
    }

    fn describe_thread(&self, thread: &Thread) -> String {
        let (task, inst) = (self.describe_task(thread.task), &self[thread.inst].name);
        match (thread.body, thread.index) {
            (Body::New | Body::Explicit, index) => {
                format!("thread {index} of {task} in {inst}")
            }
            _ => format!("{task} in {inst}"),
        }
    }

    fn describe_task(&self, task: TaskId) -> &str {
        match &self.tasks[task].callee {
            Callee::Lift(lift) => &lift.name,
            Callee::Host(served) => &served.def.name,
            Callee::Core => "core code",
        }
    }

    fn describe_wait(&self, id: ThreadId, sets: &HashMap<SetId, Vec<WaitableId>>) -> String {
        let thread = &self.threads[id];
        let wait = match thread.state {
            ThreadState::Running => return "runs".into(),
            // What it waits for may be gone.
            _ if self[thread.inst].poisoned => return "has ended with its instance".into(),
            ThreadState::Suspended => return "is suspended".into(),
            ThreadState::Waiting(_) if self.is_ready(id) => return "is ready".into(),
            ThreadState::Waiting(wait) => wait,
        };
        match wait {
            Wait::Turn => "is ready".into(),
            Wait::Enter if self[thread.inst].backpressure > 0 => {
                "waits to start: its instance has set backpressure".into()
            }
            Wait::Enter | Wait::Exclusive => match self[thread.inst].exclusive_thread {
                Some(other) => {
                    let other = self.describe_task(self.threads[other].task);
                    format!("waits until {other} lets others into the instance")
                }
                None => "is ready".into(),
            },
            Wait::Set(set) | Wait::SetExclusive(set) => match sets.get(&set) {
                None => "waits for an empty waitable set".into(),
                Some(elements) => {
                    let names = elements.iter().map(|id| self.describe_waitable(*id));
                    format!("waits for {}", names.collect::<Vec<_>>().join(" or "))
                }
            },
            Wait::Resolved(waitable) | Wait::Event(waitable) => {
                format!("waits for {}", self.describe_waitable(waitable))
            }
        }
    }

    fn describe_waitable(&self, id: WaitableId) -> String {
        match &self.waitables[id].kind {
            WaitableKind::Subtask(subtask) => match subtask.callee {
                Some(task) => format!("the result of {}", self.describe_task(task)),
                None => "a call that is over".into(),
            },
            WaitableKind::End(end) => end.kind.noun().into(),
        }
    }
}
