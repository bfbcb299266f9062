//! Tasks: the callee's side of a call ("Tasks").

#[cfg(doc)]
use super::StoreConfig;
use super::list::List;
use super::serve::{HostFuncDef, OnCancel};
use super::slab::Id;
use super::thread::{Body, Thread, ThreadId, Wait};
use super::trace::TraceKind;
use super::waitable::WaitableId;
use super::{InstanceId, Lift, State};
use crate::engine::RawVal;
use crate::error::{Trap, Trapped};
use crate::memory::Arena;
use std::cell::Cell;
use std::rc::Rc;

pub(crate) type TaskId = Id<Task>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskState {
    Initial,
    Started,
    PendingCancel,
    CancelDelivered,
    Resolved,
}

/// What a task runs.
pub(crate) enum Callee {
    Lift(Rc<Lift>),
    Host(Served),
    /// A core function that is called without the component level: `realloc`, a start function.
    Core,
}

/// What the host serves.
pub(crate) struct Served {
    pub(crate) def: Rc<HostFuncDef>,
    /// Where the arguments are, and whatever else is needed.
    pub(crate) arena: Rc<Arena>,
    /// Whom to tell that the caller wants to cancel.
    pub(crate) on_cancel: Option<OnCancel>,
}

pub(crate) struct Task {
    pub(crate) callee: Callee,
    pub(crate) inst: InstanceId,
    /// The caller's side; `None` for [`Callee::Core`].
    pub(crate) subtask: Option<WaitableId>,
    pub(crate) state: TaskState,
    pub(crate) num_borrows: u32,
    pub(crate) implicit_thread: Option<ThreadId>,
    pub(crate) threads: List<Thread, 2>,
    /// The caller's flat arguments, while the task waits to be let in.
    #[allow(clippy::box_collection, reason = "few tasks wait so, and all have the place for it")]
    pub(crate) args: Option<Box<Vec<RawVal>>>,
    /// Fuel that is left of the host's call that this is, or is a part of; see [`StoreConfig::call_fuel`].
    pub(crate) fuel: Option<Rc<Cell<u64>>>,
}

impl Task {
    #[inline(always)]
    pub(crate) fn new(callee: Callee, inst: InstanceId, subtask: Option<WaitableId>) -> Self {
        Task {
            callee,
            inst,
            subtask,
            state: TaskState::Initial,
            num_borrows: 0,
            implicit_thread: None,
            threads: List::default(),
            args: None,
            fuel: None,
        }
    }

    /// Whether the task's own code is an async-typed function that must not be interleaved.
    pub(crate) fn needs_exclusive(&self) -> bool {
        match &self.callee {
            Callee::Lift(lift) => lift.needs_exclusive,
            Callee::Host(_) | Callee::Core => false,
        }
    }
}

impl State {
    pub(crate) fn next_thread_of_task(
        &mut self,
        task: TaskId,
        thread: ThreadId,
    ) -> Option<ThreadId> {
        self.tasks[task].threads.next(&mut self.threads, thread)
    }

    /// A task with its implicit thread.
    #[inline(always)]
    pub(crate) fn new_task(
        &mut self,
        callee: impl FnOnce() -> Callee,
        inst: InstanceId,
        subtask: Option<WaitableId>,
        body: Body,
    ) -> Result<(TaskId, ThreadId), Trapped> {
        let task = self.tasks.insert_with(|_| Task::new(callee(), inst, subtask))?;
        let thread = self.threads.insert_with(|_| Thread::new(task, inst, body));
        let thread = thread.inspect_err(|_| self.tasks.discard(task))?;
        self.tasks[task].implicit_thread = Some(thread);
        if let Some(fuel) = self.call_fuel {
            self.tasks[task].fuel = self.fuel_of_call(fuel);
        }
        Ok((task, thread))
    }

    /// What a new task shares with the one that runs, or the fuel of a new call.
    #[cold]
    fn fuel_of_call(&self, of_each: u64) -> Option<Rc<Cell<u64>>> {
        let running = self.current.and_then(|thread| self.threads.get(thread));
        let running = running.and_then(|thread| self.tasks.get(thread.task)?.fuel.clone());
        running.or_else(|| Some(Rc::new(Cell::new(of_each))))
    }

    /// Whether a task is over (it may be gone altogether).
    #[inline]
    pub(crate) fn task_resolved(&self, task: TaskId) -> bool {
        self.tasks.get(task).is_none_or(|task| task.state == TaskState::Resolved)
    }

    pub(crate) fn has_backpressure(&self, inst: InstanceId, needs_exclusive: bool) -> bool {
        let inst = &self[inst];
        inst.backpressure > 0 || (needs_exclusive && inst.is_exclusive())
    }

    /// Lets the implicit thread of an async-typed task in, or has it wait; then it answers false.
    pub(crate) fn enter_implicit_thread(
        &mut self,
        task: TaskId,
        thread: ThreadId,
    ) -> Result<bool, Trapped> {
        let inst = self.tasks[task].inst;
        if self.has_backpressure(inst, self.tasks[task].needs_exclusive())
            || self[inst].num_waiting_to_enter > 0
        {
            self[inst].num_waiting_to_enter += 1;
            self.start_waiting(thread, Wait::Enter);
            return Ok(false);
        }
        self.let_in(task, thread)?;
        Ok(true)
    }

    /// Lets in the implicit thread of an async-typed task that nothing keeps out.
    pub(crate) fn let_in(&mut self, task: TaskId, thread: ThreadId) -> Result<(), Trapped> {
        if self.tasks[task].needs_exclusive() {
            let inst = self.tasks[task].inst;
            debug_assert!(self[inst].exclusive_thread.is_none());
            self[inst].exclusive_thread = Some(thread);
        }
        self.register_thread(task, thread)
    }

    /// `Task.start`, and the caller's `on_start`: the arguments will be taken at once.
    #[inline(always)]
    pub(crate) fn start_task(&mut self, id: TaskId) {
        let task = &mut self.tasks[id];
        debug_assert_eq!(task.state, TaskState::Initial);
        task.state = TaskState::Started;
        let subtask = task.subtask.expect("only a call is started");
        self.on_started(subtask);
        self.trace_task(TraceKind::CallBegin, id);
    }

    pub(crate) fn register_thread(
        &mut self,
        task: TaskId,
        thread: ThreadId,
    ) -> Result<(), Trapped> {
        let inst = self.tasks[task].inst;
        self.threads[thread].index = self[inst].threads.add(thread)?;
        self.tasks[task].threads.push_back(&mut self.threads, thread);
        Ok(())
    }

    /// Ends the implicit thread, which runs.
    pub(crate) fn exit_implicit_thread(
        &mut self,
        task: TaskId,
        thread: ThreadId,
    ) -> Result<(), Trapped> {
        let (inst, exclusive) = (self.tasks[task].inst, self.tasks[task].needs_exclusive());
        self.unregister_thread(task, thread)?;
        if exclusive {
            self.release_exclusive(inst);
        }
        Ok(())
    }

    /// Ends a thread, and the task with its last one.
    pub(crate) fn unregister_thread(
        &mut self,
        task: TaskId,
        thread: ThreadId,
    ) -> Result<(), Trapped> {
        let entry = &mut self.tasks[task];
        entry.threads.remove(&mut self.threads, thread);
        let (is_last, inst) = (entry.threads.is_empty(), entry.inst);
        let is_resolved = entry.state == TaskState::Resolved;
        let index = self.threads[thread].index;
        self[inst].threads.remove(index);
        self.threads.discard(thread);
        match (is_last, is_resolved) {
            (false, _) => Ok(()),
            (true, false) => Err(Trap::TaskNotResolved.into()),
            (true, true) => {
                self.tasks.discard(task);
                Ok(())
            }
        }
    }

    /// Ends a task whose arguments could not be taken, before any of its code has run.
    pub(crate) fn abort_task(&mut self, task: TaskId, thread: ThreadId) -> Result<(), Trapped> {
        self.tasks[task].state = TaskState::Resolved;
        self.trace_dead(task, None);
        self.exit_implicit_thread(task, thread)
    }

    /// Frees a thread that was never let in, and its task.
    pub(crate) fn forget_task(&mut self, task: TaskId, thread: ThreadId) {
        self.threads.discard(thread);
        self.tasks.discard(task);
    }

    /// Frees a task that waits to be let in, whose caller has gone.
    pub(crate) fn forget_waiting_task(&mut self, task: TaskId) {
        let inst = self.tasks[task].inst;
        let thread = self.tasks[task].implicit_thread.expect("a waiting task has its thread");
        self.give_up_waiting(thread);
        self.forget_task(task, thread);
        self[inst].num_waiting_to_enter -= 1;
        self.notify_gates(inst);
    }

    /// Lets others have exclusive access.
    pub(crate) fn release_exclusive(&mut self, inst: InstanceId) {
        self[inst].exclusive_thread = None;
        self.notify_gates(inst);
    }

    pub(crate) fn has_pending_cancel(&self, task: TaskId) -> bool {
        self.tasks[task].state == TaskState::PendingCancel
    }

    pub(crate) fn deliver_pending_cancel(&mut self, task: TaskId) -> bool {
        let is_pending = self.has_pending_cancel(task);
        if is_pending {
            self.tasks[task].state = TaskState::CancelDelivered;
        }
        is_pending
    }

    /// What `Task.return_` checks.
    pub(crate) fn check_may_return(&self, task: TaskId) -> Result<(), Trapped> {
        let task = &self.tasks[task];
        if task.state == TaskState::Resolved {
            return Err(Trap::TaskAlreadyResolved.into());
        }
        self.check_no_borrows(task)
    }

    fn check_no_borrows(&self, task: &Task) -> Result<(), Trapped> {
        match task.num_borrows {
            0 => Ok(()),
            count => Err(Trap::BorrowsRemain { count }.into()),
        }
    }

    /// `Task.cancel`: resolves the task without a result.
    pub(crate) fn cancel_task(&mut self, task: TaskId) -> Result<(), Trapped> {
        let entry = &self.tasks[task];
        if entry.state != TaskState::CancelDelivered {
            return Err(Trap::CancelNotRequested.into());
        }
        self.check_no_borrows(entry)?;
        let subtask = entry.subtask.expect("only a call can be cancelled");
        self.tasks[task].state = TaskState::Resolved;
        self.trace_task(TraceKind::CallCancel, task);
        self.on_cancelled(subtask);
        Ok(())
    }
}
