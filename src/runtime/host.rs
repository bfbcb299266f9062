//! The host as a caller and as a callee.

use super::store::settle;
use super::subtask::{Caller, Subtask, SubtaskState};
use super::task::{Callee, Served, Task, TaskId, TaskState, request_cancellation};
use super::waitable::{Waitable, WaitableId, WaitableKind};
use super::{Cx, Handle, InstanceId, Ownership, State, context, lower_params, return_result};
use crate::copy::FuncPlans;
use crate::engine::RawVal;
use crate::error::{Error, ErrorKind, Frame, FrameKind, Result, Trap, Trapped};
use crate::memory::Arena;
use crate::types::FuncType;
use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

/// A function of the host that components can import.
pub struct HostFuncDef {
    /// Its type.
    pub ty: FuncType,
    /// What it is called in messages.
    pub name: Rc<str>,
    /// The function.
    pub func: Arc<HostFunc>,
    pub(crate) host_plans: OnceCell<Rc<FuncPlans>>,
}

impl HostFuncDef {
    /// A function that `func` serves.
    pub fn new(ty: FuncType, name: impl Into<Rc<str>>, func: Arc<HostFunc>) -> Self {
        HostFuncDef { ty, name: name.into(), func, host_plans: OnceCell::new() }
    }

    /// A call of it, for traps.
    #[cold]
    pub(crate) fn frame(&self) -> Frame {
        Frame::new(FrameKind::Host, &*self.name)
    }
}

/// What serves the calls of a host function, in every store that it is linked into.
pub type HostFunc = dyn Fn(&mut HostCall<'_, '_>) -> Result<HostOutcome, Trapped> + Send + Sync;

/// How a host function answers a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostOutcome {
    /// The result, if the function has one, is written to [`HostCall::results`].
    Returned,
    /// The result comes later, through [`HostTask::return_`].
    Pending,
}

/// One call of a host function.
pub struct HostCall<'a, 'cx> {
    /// The store. Calls into it nest, and are refused by instances that are entered already.
    pub cx: &'a mut Cx<'cx>,
    /// The canonical record of the parameters in the host's layout; dangling without parameters.
    /// Valid until the task is over.
    pub args: *const u8,
    /// Room for the result in the host's layout; dangling without a result. What it points at need
    /// only be valid until the function answers.
    pub results: *mut u8,
    /// Memory that lives as long as the task: where `args` is, and a place for results.
    pub arena: &'a Rc<Arena>,
    /// The call as a task, to be kept if the answer is [`HostOutcome::Pending`].
    pub task: HostTask,
    /// The type of the function.
    pub ty: &'a FuncType,
}

/// Told that the caller of a pending task wants it cancelled. It may resolve the task at once.
pub type OnCancel = Rc<dyn Fn(&mut Cx<'_>, HostTask) -> Result<(), Trapped>>;

/// A call that the host serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HostTask(pub(crate) TaskId);

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

    /// Ends a task as a trap of the caller's.
    pub fn fail(self, cx: &mut Cx<'_>, reason: Trap) -> Result<()> {
        let def = self.def(cx)?;
        let trap = cx.state().within_served(self.0, &def, reason.into());
        self.fail_caller(cx, &trap);
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

    /// The task as a number; never 0.
    pub fn to_bits(self) -> u64 {
        self.0.to_bits()
    }

    /// The task that [`HostTask::to_bits`] gave.
    pub fn from_bits(bits: u64) -> Option<Self> {
        super::Id::from_bits(bits).map(HostTask)
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

    /// Frees a task that is over.
    fn finish(self, cx: &mut Cx<'_>) {
        let task = {
            let mut state = cx.state();
            state.end_borrows(self.0);
            if !state.task_resolved(self.0) {
                state.trace_dead(self.0, None);
            }
            state.tasks.remove(self.0)
        };
        let Some(Task { callee: Callee::Host(served), .. }) = task else { return };
        let Served { arena, on_cancel, .. } = served;
        drop(on_cancel);
        let mut state = cx.state();
        state.pending_host_tasks -= 1;
        state.give_back_arena(arena);
    }
}

impl State {
    /// Adds a call that the host has not answered at once, and who waits for it.
    #[cold]
    fn within_served(&self, task: TaskId, def: &HostFuncDef, trap: Trapped) -> Trapped {
        self.within_callers(task, trap.within(def.frame()))
    }

    /// An empty arena, which the store is charged with.
    #[inline]
    pub(crate) fn take_arena(&mut self) -> Rc<Arena> {
        let pooled = self.arenas.pop();
        pooled.unwrap_or_else(|| Rc::new(Arena::charged_to(&self.host_memory)))
    }

    /// Keeps an arena that nobody uses any more for the next call, if it is not large.
    #[inline]
    pub(crate) fn give_back_arena(&mut self, arena: Rc<Arena>) {
        if Rc::strong_count(&arena) == 1 && self.arenas.len() < POOLED_ARENAS {
            arena.reset();
            if arena.held() <= MAX_POOLED_BYTES {
                self.arenas.push(arena);
            }
        }
    }
}

/// A mistake of the host's, in the words for the same mistake of a guest's.
#[cold]
fn misuse(trap: Trapped) -> Error {
    Error::new(ErrorKind::InvalidArgument, trap.to_string())
}

/// Empty arenas that are kept for the next calls that the host serves.
const POOLED_ARENAS: usize = 64;
/// The bytes that each of them may hold.
const MAX_POOLED_BYTES: u64 = 256 << 10;

/// Calls a host function: `canon_lift` where the callee is the host.
pub(crate) fn serve(
    cx: &mut Cx<'_>,
    def: &Rc<HostFuncDef>,
    subtask: WaitableId,
    args: &[RawVal],
) -> Result<(), Trapped> {
    let (task, arena) = {
        let state = &mut *cx.state();
        let arena = state.take_arena();
        let task = state.tasks.insert_with(|_| {
            let served = Served { def: def.clone(), arena: arena.clone(), on_cancel: None };
            Task::new(Callee::Host(served), InstanceId::HOST, Some(subtask))
        })?;
        state.pending_host_tasks += 1;
        state.subtask(subtask).callee = Some(task);
        state.start_task(task);
        (task, arena)
    };
    let outcome = serve_task(cx, def, task, args, &arena);
    drop(arena);
    if !matches!(outcome, Ok(HostOutcome::Pending)) {
        HostTask(task).finish(cx);
    }
    outcome.map(drop).map_err(|trap| trap.within(def.frame()))
}

fn serve_task(
    cx: &mut Cx<'_>,
    def: &HostFuncDef,
    task: TaskId,
    args: &[RawVal],
    arena: &Rc<Arena>,
) -> Result<HostOutcome, Trapped> {
    let mut params: context::FlatParams = Default::default();
    lower_params(cx, &def.ty, task, args, &mut params)?;
    let results = match def.ty.result() {
        Some(ty) => {
            let info = ty.info();
            let addr = crate::core_types::AddrType::I64;
            // A host function that leaves some of it out must not give what an earlier call left here.
            arena.alloc_zeroed(info.size(addr).into(), info.align(addr))?
        }
        None => std::ptr::dangling_mut(),
    };
    // The host may hold on to its task, but not to the thread that called it.
    let thread = cx.state().current.take();
    let outcome = (def.func)(&mut HostCall {
        cx,
        args: crate::memory::host_ptr(params[0]),
        results,
        arena,
        task: HostTask(task),
        ty: &def.ty,
    });
    cx.state().current = thread;
    let outcome = outcome?;
    // The function may have answered by its task already.
    let answered = cx.state().tasks.get(task).is_none();
    match outcome {
        HostOutcome::Pending => {}
        HostOutcome::Returned if answered => return Err(Trap::TaskAlreadyResolved.into()),
        HostOutcome::Returned => return_result(cx, &def.ty, task, 0, &[results as u64])?,
    }
    Ok(outcome)
}

/// Told that a call of the host's is over, when no guest runs.
pub type Completion = Box<dyn FnOnce(&mut Cx<'_>, HostSubtask)>;

/// The host as the caller of a subtask.
pub(crate) struct HostCaller {
    /// Where what the result points at goes.
    pub(crate) arena: Rc<Arena>,
    pub(crate) completion: Option<Completion>,
    /// Why there will be no result.
    pub(crate) trap: Option<Trapped>,
}

/// A call that the host has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HostSubtask(pub(crate) WaitableId);

impl HostSubtask {
    /// How far the call is. An error if a trap ended it.
    pub fn state(self, cx: &Cx<'_>) -> Result<SubtaskState> {
        let mut state = cx.state();
        let subtask = state.host_subtask(self)?;
        match &subtask.caller {
            Caller::Host(HostCaller { trap: Some(trap), .. }) => Err(trap.clone().into()),
            _ => Ok(subtask.state),
        }
    }

    /// Asks for the call's cancellation. The callee may resolve at once, later, or go on.
    pub fn cancel(self, cx: &mut Cx<'_>) -> Result<SubtaskState> {
        let callee = {
            let mut state = cx.state();
            let subtask = state.host_subtask(self)?;
            if subtask.cancellation_requested {
                let message = "the subtask's cancellation was requested before";
                return Err(Error::new(ErrorKind::InvalidArgument, message));
            }
            let callee = subtask.callee.filter(|_| !subtask.resolved());
            subtask.cancellation_requested = callee.is_some();
            callee
        };
        let result = match callee {
            Some(task) => request_cancellation(cx, task, InstanceId::HOST),
            None => Ok(()),
        };
        // Whoever is told of the end may drop the subtask.
        let state = self.state(cx);
        settle(cx, result).and(state)
    }

    /// Sets whom to tell when the call is over: at once, if it is.
    pub fn set_completion(self, cx: &mut Cx<'_>, completion: Completion) -> Result<()> {
        let is_over = cx.state().host_call_is_over(self)?;
        {
            let mut state = cx.state();
            if is_over {
                state.completions.push_back((self, completion));
            } else if let Caller::Host(host) = &mut state.host_subtask(self)?.caller {
                host.completion = Some(completion);
            }
        }
        settle(cx, Ok(()))
    }

    /// Lets go of a call. One that has started goes on without its caller, and its result is
    /// dropped; one that has not started never does. Nobody is told of its end any more.
    pub fn drop(self, cx: &mut Cx<'_>) -> Result<()> {
        let untold = cx.state().drop_host_subtask(self)?;
        drop(untold);
        Ok(())
    }

    /// The subtask as a number; never 0.
    pub fn to_bits(self) -> u64 {
        self.0.to_bits()
    }

    /// The subtask that [`HostSubtask::to_bits`] gave.
    pub fn from_bits(bits: u64) -> Option<Self> {
        super::Id::from_bits(bits).map(HostSubtask)
    }
}

impl State {
    /// Takes from the host what was lent to a call that has failed: the handles mean nothing then.
    fn end_borrows(&mut self, task: TaskId) {
        if self.tasks.get(task).is_none_or(|task| task.num_borrows == 0) {
            return;
        }
        let lent: Vec<_> = self[InstanceId::HOST]
            .handles
            .iter()
            .filter(|(_, handle)| match handle {
                Handle::Resource(handle) => {
                    handle.kind == Ownership::Borrow(task) && handle.num_lends == 0
                }
                _ => false,
            })
            .map(|(index, _)| index)
            .collect();
        for index in lent {
            let lent = self.take_handle(InstanceId::HOST, index);
            debug_assert!(lent.is_ok());
        }
    }

    /// A subtask of a guest's, which has no handle yet.
    #[inline(always)]
    pub(crate) fn new_subtask(
        &mut self,
        inst: InstanceId,
        caller: impl FnOnce() -> Caller,
        result_ptr: u64,
    ) -> Result<WaitableId, Trapped> {
        let by = self.current;
        self.waitables.insert_with(|_| {
            let subtask = Subtask::new(caller(), by, result_ptr);
            Waitable::new(inst, 0, WaitableKind::Subtask(subtask))
        })
    }

    fn host_subtask(&mut self, id: HostSubtask) -> Result<&mut Subtask> {
        match self.waitables.get_mut(id.0).map(|waitable| &mut waitable.kind) {
            Some(WaitableKind::Subtask(subtask)) if matches!(subtask.caller, Caller::Host(_)) => {
                Ok(subtask)
            }
            _ => Err(Error::new(ErrorKind::InvalidArgument, "the subtask was dropped")),
        }
    }

    /// Whether a call of the host's is over, be it by a trap.
    pub(crate) fn host_call_is_over(&mut self, id: HostSubtask) -> Result<bool> {
        let subtask = self.host_subtask(id)?;
        let failed = matches!(&subtask.caller, Caller::Host(host) if host.trap.is_some());
        Ok(failed || subtask.resolved())
    }

    /// Lets go of a call; gives back whom it would have told of its end.
    fn drop_host_subtask(&mut self, id: HostSubtask) -> Result<Option<Completion>> {
        let subtask = self.host_subtask(id)?;
        let (callee, state) = (subtask.callee, subtask.state);
        subtask.detached = true;
        let mut untold = match &mut subtask.caller {
            Caller::Host(host) => host.completion.take(),
            Caller::Guest(_) => None,
        };
        match callee {
            Some(task) if state == SubtaskState::Starting => {
                self.forget_waiting_task(task);
                self.drop_waitable(id.0);
            }
            Some(_) => {}
            None => {
                self.drop_waitable(id.0);
                let told = self.completions.iter().position(|(told, _)| *told == id);
                let told = told.and_then(|at| self.completions.remove(at));
                untold = untold.or(told.map(|(_, completion)| completion));
            }
        }
        Ok(untold)
    }

    /// Frees the subtask of a call whose end nobody else is told, if it is over.
    pub(crate) fn take_host_call(&mut self, id: HostSubtask) -> Option<Result<SubtaskState>> {
        let subtask = self.subtask(id.0);
        let end = match &subtask.caller {
            Caller::Host(HostCaller { trap: Some(trap), .. }) => Err(trap.clone().into()),
            _ if subtask.resolved() => Ok(subtask.state),
            _ => return None,
        };
        self.drop_waitable(id.0);
        Some(end)
    }
}
