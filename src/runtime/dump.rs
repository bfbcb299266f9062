//! Who waits for what, as text.

use super::thread::{Thread, ThreadId, ThreadState, Wait};
use super::waitable::WaitableKind;
use super::{Body, Callee, Cx, State, TaskId, WaitableId};
use std::fmt::Write;

/// One line for each thread that is not running: what it belongs to and what it waits for.
pub fn dump(cx: &Cx<'_>) -> String {
    cx.state().describe_threads(usize::MAX)
}

impl State {
    /// A line for each of the first `limit` threads.
    pub(crate) fn describe_threads(&self, limit: usize) -> String {
        let mut text = String::new();
        for (id, thread) in self.threads.iter().take(limit) {
            if !text.is_empty() {
                text.push('\n');
            }
            let _ = write!(text, "{} {}", self.describe_thread(thread), self.describe_wait(id));
        }
        if self.threads.len() > limit {
            let _ = write!(text, "\nand {} threads more", self.threads.len() - limit);
        }
        text
    }

    fn describe_thread(&self, thread: &Thread) -> String {
        let (task, inst) = (self.describe_task(thread.task), &self[thread.inst].name);
        match (thread.body, thread.index) {
            (Body::New { .. } | Body::Explicit, index) => {
                format!("thread {index} of {task} in {inst}")
            }
            _ => format!("{task} in {inst}"),
        }
    }

    fn describe_task(&self, task: TaskId) -> &str {
        match &self.tasks[task].callee {
            Callee::Lift(lift) => &lift.name,
            Callee::Host(def) => &def.name,
            Callee::Core => "core code",
        }
    }

    fn describe_wait(&self, id: ThreadId) -> String {
        let thread = &self.threads[id];
        let wait = match thread.state {
            ThreadState::Running => return "runs".into(),
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
            Wait::Set(set) | Wait::SetExclusive(set) => match self.sets[set].num_elems {
                0 => "waits for an empty waitable set".into(),
                count => format!("waits for a waitable set with {count} elements"),
            },
            Wait::Resolved(waitable) => {
                format!("waits for the result of {}", self.describe_callee(waitable))
            }
            Wait::Event(waitable) => match &self.waitables[waitable].kind {
                WaitableKind::Subtask(_) => {
                    format!("waits for {}", self.describe_callee(waitable))
                }
                WaitableKind::End(end) => format!("waits to copy at {}", end.kind.noun()),
            },
        }
    }

    fn describe_callee(&self, waitable: WaitableId) -> &str {
        match &self.waitables[waitable].kind {
            WaitableKind::Subtask(subtask) => {
                subtask.callee.map_or("a call that is over", |task| self.describe_task(task))
            }
            WaitableKind::End(_) => "a copy",
        }
    }
}
