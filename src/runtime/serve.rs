//! Calls that the host serves: `canon_lift` where the callee is the host. What the host does with such a call
//! later is in `host`.

use super::task::{Callee, Served, Task, TaskId, TaskState};
use super::{
    BorrowScope, Cx, Handle, InstanceId, LatentCall, Lower, Ownership, Side, SidesRef, State,
    WaitableId, context, lower_params, return_result,
};
use crate::copy::FuncPlans;
use crate::core_types::AddrType;
use crate::engine::RawVal;
use crate::error::{Frame, FrameKind, Result, Trap, Trapped};
use crate::memory::{Arena, host_ptr};
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
    /// Whether it never answers later: an engine need not be able to suspend its callers.
    pub is_immediate: bool,
    pub(crate) host_plans: OnceCell<Rc<FuncPlans>>,
}

impl HostFuncDef {
    /// A function that `func` serves.
    pub fn new(ty: FuncType, name: impl Into<Rc<str>>, func: Arc<HostFunc>) -> Self {
        HostFuncDef {
            ty,
            name: name.into(),
            func,
            is_immediate: false,
            host_plans: OnceCell::new(),
        }
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
    /// The store. Calls into it nest. What looks at the calls that run has to see first that they are on record
    /// ([`Cx::put_on_record`]).
    pub cx: &'a mut Cx<'cx>,
    /// The canonical record of the parameters in the host's layout; dangling without parameters.
    /// Valid until the task is over.
    pub args: *const u8,
    /// Room for the result in the host's layout; dangling without a result. What it points at need
    /// only be valid until the function answers.
    pub results: *mut u8,
    /// Memory that lives as long as the task: where `args` is, and a place for results.
    pub arena: &'a Rc<Arena>,
    /// The call, which becomes a task if it is asked for one: to be kept if the answer is
    /// [`HostOutcome::Pending`].
    pub serving: Serving,
    /// The type of the function.
    pub ty: &'a FuncType,
}

/// A call that a host function is serving.
#[derive(Clone, Copy)]
pub struct Serving(Place);

#[derive(Clone, Copy)]
enum Place {
    Task(HostTask),
    /// See [`super::latent`].
    Latent(usize),
}

impl From<HostTask> for Serving {
    fn from(task: HostTask) -> Self {
        Serving(Place::Task(task))
    }
}

impl Serving {
    /// The call as a task. Only while the function runs.
    pub fn task(self, cx: &Cx<'_>) -> Result<HostTask, Trapped> {
        match self.0 {
            Place::Task(task) => Ok(task),
            Place::Latent(at) => {
                cx.put_on_record()?;
                let made = cx.state().made(at);
                Ok(HostTask(made.expect("it was put on record").task))
            }
        }
    }
}

/// Told that the caller of a pending task wants it cancelled. It may resolve the task at once.
pub type OnCancel = Rc<dyn Fn(&mut Cx<'_>, HostTask) -> Result<(), Trapped>>;

/// A call that the host serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HostTask(pub(crate) TaskId);

impl HostTask {
    /// The task as a number; never 0.
    pub fn to_bits(self) -> u64 {
        self.0.to_bits()
    }

    /// The task that [`HostTask::to_bits`] gave.
    pub fn from_bits(bits: u64) -> Option<Self> {
        super::Id::from_bits(bits).map(HostTask)
    }

    /// Frees a task that is over.
    pub(crate) fn finish(self, cx: &mut Cx<'_>) {
        let let_go = {
            let mut state = cx.state();
            let Some(task) = state.tasks.get(self.0) else { return };
            if task.num_borrows > 0 || task.state != TaskState::Resolved {
                state.end_failed(self.0);
            }
            let Some(Task { callee: Callee::Host(served), .. }) = state.tasks.remove(self.0) else {
                return;
            };
            state.pending_host_tasks -= 1;
            state.give_back_arena(served.arena);
            (served.def, served.on_cancel)
        };
        // What the host gave may use the store when it goes.
        drop(let_go);
    }
}

/// Empty arenas that are kept for the next calls that the host serves.
const POOLED_ARENAS: usize = 64;
/// The bytes that each of them may hold.
const MAX_POOLED_BYTES: u64 = 256 << 10;

impl State {
    /// A task of a call that the host serves.
    #[inline(always)]
    pub(super) fn new_served(
        &mut self,
        served: impl FnOnce() -> Served,
        subtask: WaitableId,
    ) -> Result<TaskId, Trapped> {
        let task = self
            .tasks
            .insert_with(|_| Task::new(Callee::Host(served()), InstanceId::HOST, Some(subtask)))?;
        self.pending_host_tasks += 1;
        Ok(task)
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
        if Rc::strong_count(&arena) > 1 || self.arenas.len() >= POOLED_ARENAS {
            return;
        }
        if arena.used() > 0 {
            arena.reset();
        }
        if arena.held() <= MAX_POOLED_BYTES {
            self.arenas.push(arena);
        }
    }

    /// Takes from the host what was lent to a call that has failed, for the handles mean nothing then, and
    /// tells who watches.
    #[cold]
    fn end_failed(&mut self, task: TaskId) {
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
        if !self.task_resolved(task) {
            self.trace_dead(task, None);
        }
    }
}

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
        let served = || Served { def: def.clone(), arena: arena.clone(), on_cancel: None };
        let task = state.new_served(served, subtask)?;
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

/// The same for the call of a guest that may be latent, and need not be on record when this returns; see
/// `call_latent` in `canon::lift`.
pub(crate) fn serve_latent(
    cx: &mut Cx<'_>,
    def: &Rc<HostFuncDef>,
    (lower, inst): (&Rc<Lower>, InstanceId),
    args: &[RawVal],
    result_ptr: RawVal,
    flat_result: &mut RawVal,
) -> Result<Option<WaitableId>, Trapped> {
    let (at, arena) = {
        let state = &mut *cx.state();
        let arena = state.take_arena();
        let (def, lower, arena_of_it) = (def.clone(), lower.clone(), arena.clone());
        let call = LatentCall::Served { def, lower, inst, arena: arena_of_it, result_ptr };
        (state.begin_latent(call), arena)
    };
    let sides = SidesRef::of_guest(lower, inst, Side::host(&arena), result_ptr);
    let mut params: context::FlatParams = Default::default();
    let copied = match def.ty.params_type() {
        Some(ty) => sides.copy_params(cx, ty, Some(BorrowScope::Latent(at)), args, &mut params),
        None => Ok(()),
    };
    let serving = Serving(Place::Latent(at));
    let outcome = copied.and_then(|()| call_func(cx, def, serving, params[0], &arena));
    let outcome = outcome.and_then(|(outcome, results)| {
        if outcome == HostOutcome::Pending {
            cx.put_on_record()?;
        }
        Ok((outcome, results))
    });
    let made = {
        let mut state = cx.state();
        state.current = state.latent_caller(at).thread(&state);
        state.end_latent(at).made
    };
    let outcome = outcome.and_then(|(outcome, results)| {
        if let Some(made) = made {
            return answered(cx, def, made.task, outcome, results);
        }
        // What has ended meanwhile takes no result; its call says why.
        if let Some(ty) = def.ty.result()
            && cx.state().check_not_ended(inst).is_ok()
        {
            let mut flat = [0];
            sides.copy_result(cx, ty, 0, &[results as u64], &mut flat)?;
            *flat_result = flat[0];
        }
        Ok(outcome)
    });
    match made {
        Some(made) => {
            drop(arena);
            if !matches!(outcome, Ok(HostOutcome::Pending)) {
                HostTask(made.task).finish(cx);
            }
            if outcome.is_err() {
                cx.state().forget_subtask(made.subtask());
            }
        }
        None => cx.state().give_back_arena(arena),
    }
    outcome.map_err(|trap| trap.within(def.frame()))?;
    Ok(made.map(|made| made.subtask()))
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
    // The host may hold on to its task, but not to the thread that called it.
    let thread = cx.state().current;
    let outcome = call_func(cx, def, HostTask(task).into(), params[0], arena);
    cx.state().current = thread;
    let (outcome, results) = outcome?;
    answered(cx, def, task, outcome, results)
}

/// Calls the function itself, without a thread: what it answers, and where its result is.
fn call_func(
    cx: &mut Cx<'_>,
    def: &HostFuncDef,
    serving: Serving,
    args: RawVal,
    arena: &Rc<Arena>,
) -> Result<(HostOutcome, *mut u8), Trapped> {
    let results = match def.ty.result() {
        Some(ty) => {
            let info = ty.info();
            let addr = AddrType::I64;
            // A host function that leaves some of it out must not give what an earlier call left here.
            arena.alloc_zeroed(info.size(addr).into(), info.align(addr))?
        }
        None => std::ptr::dangling_mut(),
    };
    cx.state().current = None;
    let outcome = (def.func)(&mut HostCall {
        cx,
        args: host_ptr(args),
        results,
        arena,
        serving,
        ty: &def.ty,
    })?;
    match outcome {
        HostOutcome::Pending if def.is_immediate => Err(Trap::NotImmediate.into()),
        outcome => Ok((outcome, results)),
    }
}

/// A function whose call is a task has answered; it may have done so by its task.
fn answered(
    cx: &mut Cx<'_>,
    def: &HostFuncDef,
    task: TaskId,
    outcome: HostOutcome,
    results: *mut u8,
) -> Result<HostOutcome, Trapped> {
    let was_answered = cx.state().tasks.get(task).is_none();
    match outcome {
        HostOutcome::Pending => {}
        HostOutcome::Returned if was_answered => return Err(Trap::TaskAlreadyResolved.into()),
        HostOutcome::Returned => return_result(cx, &def.ty, task, 0, &[results as u64])?,
    }
    Ok(outcome)
}
