//! What a host that watches a store is told, while it happens.
//!
//! The watcher is called where the store is in the middle of something, and cannot come back in: so it may be
//! called while state is borrowed. Where nobody watches, that is looked at and no more.

use super::table::Handle;
use super::task::{Callee, TaskId};
use super::thread::ThreadId;
use super::{Cx, InstanceId, State, Wait};
use crate::error::{Error, ErrorKind, Trapped};
use std::rc::Rc;

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceKind {
    /// A call has begun: the callee takes the arguments.
    CallBegin,
    /// It has returned. The callee may go on after that.
    CallReturn,
    /// It was cancelled and has no result.
    CallCancel,
    /// It was ended by a trap.
    CallTrap,
    /// A thread of a task begins to wait.
    TaskBlock,
    /// It goes on.
    TaskWake,
    /// An instance's table has a new handle.
    HandleNew,
    /// A handle has left an instance's table: it was dropped or given away.
    HandleDrop,
    /// An instance has met a limit, and traps.
    Limit,
}

/// Something that has happened, as its watcher is told.
#[derive(Clone, Copy, Debug)]
pub struct TraceEvent<'a> {
    /// What.
    pub kind: TraceKind,
    /// The number of the call that it is about; 0 for none.
    pub task: u64,
    /// The number of the call that has made that call; 0 for the host.
    pub caller: u64,
    /// The label of the instance.
    pub instance: &'a str,
    /// The full name of the function that is called; of a handle what it refers to.
    pub name: &'a str,
    /// Why: for traps, limits, and what is waited for.
    pub detail: &'a str,
    /// For a handle, its index.
    pub handle: u32,
}

/// Who is told. It must not use the store.
pub type Watcher = dyn Fn(&TraceEvent<'_>);

/// Has `watcher` told what happens in a store.
pub fn watch(cx: &mut Cx<'_>, watcher: Rc<Watcher>) {
    let old = cx.state().watcher.replace(watcher);
    drop(old);
}

impl State {
    /// Tells of a call.
    #[inline]
    pub(crate) fn trace_task(&self, kind: TraceKind, task: TaskId) {
        if self.watcher.is_some() {
            self.tell_of_task(kind, task, "");
        }
    }

    /// Tells that a trap has ended a call.
    #[inline]
    pub(crate) fn trace_dead(&self, task: TaskId, trap: Option<&Trapped>) {
        if self.watcher.is_some() {
            let why = trap.map(Trapped::summary).unwrap_or_default();
            self.tell_of_task(TraceKind::CallTrap, task, &why);
        }
    }

    /// Tells that a thread waits, or goes on.
    #[inline]
    pub(crate) fn trace_thread(&self, kind: TraceKind, thread: ThreadId, wait: Wait) {
        if self.watcher.is_some() {
            self.tell_of_task(kind, self.threads[thread].task, wait_text(wait));
        }
    }

    /// Tells that an instance ends because it has met a limit.
    #[inline]
    pub(crate) fn trace_limit(&self, inst: InstanceId, trap: &Trapped) {
        if self.watcher.is_some() && Error::from(trap.clone()).kind() == ErrorKind::Limit {
            let label = self.label(inst);
            self.tell(&TraceEvent {
                kind: TraceKind::Limit,
                task: 0,
                caller: 0,
                instance: &label,
                name: "",
                detail: &trap.summary(),
                handle: 0,
            });
        }
    }

    /// Adds a handle to an instance's table.
    #[inline]
    pub(crate) fn add_handle(&mut self, inst: InstanceId, handle: Handle) -> Result<u32, Trapped> {
        let index = self[inst].handles.add(handle)?;
        if self.watcher.is_some() {
            self.tell_of_handle(TraceKind::HandleNew, inst, index);
        }
        Ok(index)
    }

    /// Takes a handle out of an instance's table.
    #[inline]
    pub(crate) fn take_handle(&mut self, inst: InstanceId, index: u32) -> Result<Handle, Trapped> {
        if self.watcher.is_some() {
            self.tell_of_handle(TraceKind::HandleDrop, inst, index);
        }
        self[inst].handles.take(index)
    }

    #[cold]
    fn tell(&self, event: &TraceEvent<'_>) {
        if let Some(watcher) = &self.watcher {
            watcher(event);
        }
    }

    #[cold]
    fn tell_of_task(&self, kind: TraceKind, id: TaskId, detail: &str) {
        let Some(task) = self.tasks.get(id) else { return };
        if matches!(task.callee, Callee::Core) {
            return;
        }
        let label = self.label(task.inst);
        let name = self.task_frame(id).map(|frame| frame.name).unwrap_or_default();
        let caller = self.caller_of(id).map_or(0, |caller| caller.to_bits());
        let (task, instance) = (id.to_bits(), &*label);
        self.tell(&TraceEvent { kind, task, caller, instance, name: &name, detail, handle: 0 });
    }

    #[cold]
    fn tell_of_handle(&self, kind: TraceKind, inst: InstanceId, index: u32) {
        let Some(handle) = self[inst].handles.get(index) else { return };
        let name: Box<str> = match handle {
            Handle::Resource(handle) => self.resources.get(handle.ty).ty.name().into(),
            other => other.noun().into(),
        };
        let label = self.label(inst);
        let task = self.current.map_or(0, |thread| self.threads[thread].task.to_bits());
        self.tell(&TraceEvent {
            kind,
            task,
            caller: 0,
            instance: &label,
            name: &name,
            detail: "",
            handle: index,
        });
    }
}

/// What is waited for.
fn wait_text(wait: Wait) -> &'static str {
    match wait {
        Wait::Turn => "its turn",
        Wait::Enter => "to be let in",
        Wait::Exclusive => "exclusive access",
        Wait::Set(_) | Wait::SetExclusive(_) => "an event of a waitable set",
        Wait::Resolved(_) => "the end of a call",
        Wait::Event(_) => "an event",
    }
}
