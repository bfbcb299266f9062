//! Lifting and lowering between two instances ("Lifting and Lowering Context").

use super::frames::within_core;
use super::latent::{CallerRef, LatentCall, Made};
use super::stream::Channel;
use super::subtask::Caller;
use super::task::{Callee, TaskId, TaskState};
use super::thread::{ThreadId, Wait, run, run_latent};
use super::trace::TraceKind;
use super::waitable::{Waitable, WaitableId, WaitableKind};
use super::{Cx, InstanceId, Lift, Lower, Options, Ownership, ResourceHandle, State, within};
use crate::account::CALL_VALUES;
use crate::copy::{Context, FuncPlans, Source, Target};
use crate::engine::{CoreFunc, CoreMemory, RawVal};
use crate::error::{Trap, Trapped};
use crate::memory::{Arena, View};
use crate::types::layout::{MAX_FLAT_ASYNC_PARAMS, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS};
use crate::types::{FuncType, ResourceType, Type};
use std::rc::Rc;

/// One side of a copy: `LiftLowerContext` of the reference. `A` is how an arena of the host's is held.
#[derive(Clone, Copy)]
pub(crate) struct Side<A = Rc<Arena>> {
    pub(crate) inst: InstanceId,
    pub(crate) memory: Memory<A>,
}

/// Where a side's values are, and what allocates there.
#[derive(Clone, Copy)]
pub(crate) enum Memory<A = Rc<Arena>> {
    /// A guest's memory; both are missing where no value needs them.
    Guest { memory: Option<CoreMemory>, realloc: Option<CoreFunc> },
    /// The process's own memory, with an arena where anything is allocated.
    Host(Option<A>),
}

/// A side whose arena somebody else holds.
pub(crate) type SideRef<'a> = Side<&'a Rc<Arena>>;

impl<A> Memory<A> {
    #[inline]
    fn map_arena<'a, B>(&'a self, arena: impl FnOnce(&'a A) -> B) -> Memory<B> {
        match self {
            Memory::Guest { memory, realloc } => {
                Memory::Guest { memory: *memory, realloc: *realloc }
            }
            Memory::Host(held) => Memory::Host(held.as_ref().map(arena)),
        }
    }
}

impl Side {
    pub(crate) fn as_ref(&self) -> SideRef<'_> {
        Side { inst: self.inst, memory: self.memory.map_arena(|arena| arena) }
    }
}

impl<A> Side<A> {
    pub(crate) fn guest(inst: InstanceId, opts: &Options) -> Side<A> {
        Side { inst, memory: Memory::Guest { memory: opts.memory, realloc: opts.realloc } }
    }

    pub(crate) fn host(arena: A) -> Side<A> {
        Side { inst: InstanceId::HOST, memory: Memory::Host(Some(arena)) }
    }
}

impl SideRef<'_> {
    fn cloned(&self) -> Side {
        Side { inst: self.inst, memory: self.memory.map_arena(|arena| (*arena).clone()) }
    }
}

/// For which call handles are lent: `borrow_scope` of the reference, for both sides.
#[derive(Clone, Copy)]
pub(crate) enum BorrowScope {
    Call {
        lender: WaitableId,
        borrower: TaskId,
    },
    /// A call that began as a latent one; see [`super::latent`].
    Latent(usize),
}

/// A copy that goes on.
pub(crate) struct Crossing<'a, 'cx> {
    pub(crate) cx: &'a mut Cx<'cx>,
    pub(crate) src: &'a SideRef<'a>,
    pub(crate) dst: &'a SideRef<'a>,
    /// Only parameters can contain borrows.
    pub(crate) borrows: Option<BorrowScope>,
    /// Bytes of the host's memory that the values may still take.
    host_bytes_left: u64,
}

impl<'a, 'cx> Crossing<'a, 'cx> {
    #[inline]
    pub(crate) fn new(
        cx: &'a mut Cx<'cx>,
        src: &'a SideRef<'a>,
        dst: &'a SideRef<'a>,
        borrows: Option<BorrowScope>,
    ) -> Self {
        let host_bytes_left = cx.shared.config.max_call_bytes;
        Crossing { cx, src, dst, borrows, host_bytes_left }
    }
}

impl Crossing<'_, '_> {
    pub(crate) fn view<A>(cx: &mut Cx<'_>, memory: &Memory<A>) -> View {
        match memory {
            Memory::Guest { memory: Some(memory), .. } => {
                let (base, len) = cx.engine.memory(*memory);
                View { base, len }
            }
            Memory::Guest { memory: None, .. } => View { base: std::ptr::dangling_mut(), len: 0 },
            Memory::Host(_) => View::HOST,
        }
    }

    /// Whether a guest calls itself.
    #[inline]
    fn is_within_guest(&self) -> bool {
        self.src.inst == self.dst.inst && self.src.inst != InstanceId::HOST
    }
}

impl Crossing<'_, '_> {
    fn move_end(
        &mut self,
        channel: Channel,
        element: Option<&Type>,
        handle: u32,
    ) -> Result<u32, Trapped> {
        let mut state = self.cx.state();
        let end = state.lift_async_value(self.src.inst, channel, element, handle)?;
        state.lower_async_value(self.dst.inst, end)
    }
}

impl Context for Crossing<'_, '_> {
    fn src_memory(&mut self) -> View {
        Self::view(self.cx, &self.src.memory)
    }

    fn dst_memory(&mut self) -> View {
        Self::view(self.cx, &self.dst.memory)
    }

    fn realloc(
        &mut self,
        old: u64,
        old_size: u64,
        align: u32,
        new_size: u64,
    ) -> Result<u64, Trapped> {
        match &self.dst.memory {
            Memory::Host(Some(arena)) => {
                let more = new_size.saturating_sub(old_size);
                self.host_bytes_left = self.host_bytes_left.checked_sub(more).ok_or_else(|| {
                    let limit = self.cx.shared.config.max_call_bytes;
                    CALL_VALUES.exceeded(more, limit - self.host_bytes_left, limit)
                })?;
                arena.realloc(old, old_size, align, new_size)
            }
            Memory::Guest { realloc: Some(realloc), .. } => reallocate(
                self.cx,
                self.dst.inst,
                *realloc,
                [old, old_size, align.into(), new_size],
            ),
            Memory::Guest { realloc: None, .. } | Memory::Host(None) => Err(Trap::NoRealloc.into()),
        }
    }

    fn spend(&mut self, work: u64) -> Result<(), Trapped> {
        self.cx.spend(work)
    }

    fn own(&mut self, resource: &ResourceType, handle: u32) -> Result<u32, Trapped> {
        let mut state = self.cx.state();
        let rep = state.lift_own(self.src.inst, resource, handle)?;
        state.lower_own(self.dst.inst, resource, rep).inspect_err(|_| {
            // A resource must not be lost with its destructor not run.
            let back = state.lower_own(self.src.inst, resource, rep);
            debug_assert!(back.is_ok_and(|index| index == handle));
        })
    }

    fn borrow(&mut self, resource: &ResourceType, handle: u32) -> Result<u32, Trapped> {
        let is_rep = self.src.inst == InstanceId::HOST && self.cx.is_lent_rep(resource, handle);
        let scope = self.borrows.expect("only parameters contain borrows");
        let mut state = self.cx.state();
        let scope = state.borrow_scope(scope, self.dst.inst, resource)?;
        let rep = match is_rep {
            true => handle,
            false => state.lift_borrow(self.src.inst, resource, handle, scope)?,
        };
        state.lower_borrow(self.dst.inst, resource, rep, scope)
    }

    /// `lift_stream`, `lower_stream`.
    fn stream(&mut self, element: Option<&Type>, handle: u32) -> Result<u32, Trapped> {
        self.move_end(Channel::Stream, element, handle)
    }

    /// `lift_future`, `lower_future`.
    fn future(&mut self, element: Option<&Type>, handle: u32) -> Result<u32, Trapped> {
        self.move_end(Channel::Future, element, handle)
    }

    /// `lift_error_context`, `lower_error_context`.
    fn error_context(&mut self, handle: u32) -> Result<u32, Trapped> {
        let mut state = self.cx.state();
        let context = state[self.src.inst].handles.error_context(handle)?.clone();
        state.add_handle(self.dst.inst, super::Handle::ErrorContext(context))
    }
}

/// `LiftLowerContext.reallocate`: a sync task of its own on a fresh thread, which cannot leave.
fn reallocate(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    realloc: CoreFunc,
    args: [RawVal; 4],
) -> Result<u64, Trapped> {
    let mut ptr = [0];
    cx.state()[inst].may_leave = false;
    run_core_task(cx, inst, |cx| cx.engine.call_sync(realloc, &args, &mut ptr)).map_err(
        |trap| {
            // It need not be the instance that runs.
            let trap = within_core(cx, inst, realloc, "realloc", trap);
            cx.state().poison(inst, InstanceId::HOST, &trap);
            trap
        },
    )?;
    cx.state()[inst].may_leave = true;
    Ok(ptr[0])
}

/// Runs `body`, which calls core code of `inst` that cannot block, as a task of its own.
pub(crate) fn run_core_task<'a, T>(
    cx: &mut Cx<'a>,
    inst: InstanceId,
    body: impl FnOnce(&mut Cx<'a>) -> Result<T, Trapped>,
) -> Result<T, Trapped> {
    let mut value = None;
    let body = |cx: &mut Cx<'a>| {
        value = Some(body(cx)?);
        Ok(())
    };
    let made = if cx.state().may_be_unrecorded() {
        let first = |cx: &mut Cx<'a>, _| body(cx);
        let (ran, ended) = run_latent(cx, LatentCall::Core(inst), first, take_turn);
        ran?;
        ended.made
    } else {
        let made = cx.state().make_core_task(inst)?;
        run(cx, made.thread(), body, take_turn)?;
        Some(made)
    };
    if let Some(made) = made {
        let mut state = cx.state();
        state.tasks[made.task].state = TaskState::Resolved;
        state.unregister_thread(made.task, made.thread())?;
    }
    Ok(value.expect("the body ran"))
}

/// What cannot block gives way to none: the thread that was to go on has to wait for its turn.
#[cold]
fn take_turn(cx: &mut Cx<'_>, next: ThreadId) -> Result<(), Trapped> {
    cx.state().start_waiting(next, Wait::Turn);
    Ok(())
}

/// Core values of the parameters of a lifted function.
pub(crate) type FlatParams = [RawVal; MAX_FLAT_PARAMS];

/// The two sides of a call, for copying its parameters or its result. `P` and `A` are how plans and arenas are held.
#[derive(Clone, Copy)]
pub(crate) struct Sides<P = Rc<FuncPlans>, A = Rc<Arena>> {
    plans: P,
    caller: Side<A>,
    callee: Side<A>,
    /// How many core values parameters and results of the caller's may have; `None` for the host.
    caller_flat: Option<(usize, usize)>,
    result_ptr: u64,
}

/// The sides of a call whose plans and arena somebody else holds.
pub(crate) type SidesRef<'a> = Sides<&'a Rc<FuncPlans>, &'a Rc<Arena>>;

impl State {
    fn sides(&self, task: TaskId, subtask: WaitableId) -> Sides {
        let task = &self.tasks[task];
        let (callee, host_plans) = match &task.callee {
            Callee::Lift(lift) => (Side::guest(task.inst, &lift.opts), &lift.host_plans),
            Callee::Host(served) => (Side::host(&served.arena), &served.def.host_plans),
            Callee::Core => unreachable!("nobody calls it at the component level"),
        };
        let Waitable { inst, kind: WaitableKind::Subtask(subtask), .. } = &self.waitables[subtask]
        else {
            unreachable!("a call is a subtask of its caller's")
        };
        let sides = match &subtask.caller {
            Caller::Guest(lower) => SidesRef::of_guest(lower, *inst, callee, subtask.result),
            Caller::Host(host) => {
                let plans = host_plans.get().expect("made before the host calls");
                SidesRef::of_host(plans, &host.arena, callee, subtask.result)
            }
        };
        sides.cloned()
    }
}

impl Sides {
    pub(crate) fn as_ref(&self) -> SidesRef<'_> {
        let Sides { plans, caller, callee, caller_flat, result_ptr } = self;
        let (caller, callee) = (caller.as_ref(), callee.as_ref());
        Sides { plans, caller, callee, caller_flat: *caller_flat, result_ptr: *result_ptr }
    }
}

impl<'a> SidesRef<'a> {
    /// Of a call by a guest of `inst`.
    #[inline]
    pub(crate) fn of_guest(
        lower: &'a Lower,
        inst: InstanceId,
        callee: SideRef<'a>,
        result_ptr: RawVal,
    ) -> SidesRef<'a> {
        let max_flat = if lower.opts.is_async {
            (MAX_FLAT_ASYNC_PARAMS, 0)
        } else {
            (MAX_FLAT_PARAMS, MAX_FLAT_RESULTS)
        };
        let caller = Side::guest(inst, &lower.opts);
        Sides { plans: &lower.plans, caller, callee, caller_flat: Some(max_flat), result_ptr }
    }

    /// Of a call by the host.
    #[inline]
    fn of_host(
        plans: &'a Rc<FuncPlans>,
        arena: &'a Rc<Arena>,
        callee: SideRef<'a>,
        result_ptr: RawVal,
    ) -> SidesRef<'a> {
        Sides { plans, caller: Side::host(arena), callee, caller_flat: None, result_ptr }
    }

    /// Of a call of a lifted function by a guest of `inst`, or by the host.
    #[inline]
    pub(crate) fn of_lifted(
        lift: &'a Lift,
        caller: CallerRef<'a>,
        inst: InstanceId,
        result_ptr: RawVal,
    ) -> SidesRef<'a> {
        let callee = Side::guest(lift.inst, &lift.opts);
        match caller {
            CallerRef::Guest(lower) => Sides::of_guest(lower, inst, callee, result_ptr),
            CallerRef::Host(arena) => {
                let plans = lift.host_plans.get().expect("made before the host calls");
                Sides::of_host(plans, arena, callee, result_ptr)
            }
        }
    }

    /// The same for good.
    pub(crate) fn cloned(&self) -> Sides {
        let (plans, caller, callee) =
            (self.plans.clone(), self.caller.cloned(), self.callee.cloned());
        let SidesRef { caller_flat, result_ptr, .. } = *self;
        Sides { plans, caller, callee, caller_flat, result_ptr }
    }

    /// Whether the host calls.
    pub(crate) fn is_called_by_host(&self) -> bool {
        self.caller_flat.is_none()
    }

    /// Copies the arguments, see [`lower_params`].
    pub(crate) fn copy_params(
        &self,
        cx: &mut Cx<'_>,
        ty: &Type,
        borrows: Option<BorrowScope>,
        args: &[RawVal],
        params: &mut FlatParams,
    ) -> Result<(), Trapped> {
        let source = match self.caller_flat {
            Some((max_flat, _)) => Source::spilled(ty, max_flat, args),
            None => Source::Memory(args[0]),
        };
        let target = match self.callee.memory {
            Memory::Guest { .. } => Target::spilled(ty, MAX_FLAT_PARAMS, params, None),
            Memory::Host(_) => Target::Allocate(&mut params[0]),
        };
        let mut crossing = Crossing::new(cx, &self.caller, &self.callee, borrows);
        if crossing.is_within_guest() {
            return within::copy_params(crossing, self.plans, source, target);
        }
        self.plans.copy_params(&mut crossing, source, target)
    }

    /// Copies the result, see [`return_result`]; one that is flat for the caller goes to `flat_result`.
    pub(crate) fn copy_result(
        &self,
        cx: &mut Cx<'_>,
        ty: &Type,
        max_flat: usize,
        results: &[RawVal],
        flat_result: &mut [RawVal; 1],
    ) -> Result<(), Trapped> {
        let source = match self.callee.memory {
            Memory::Guest { .. } => Source::spilled(ty, max_flat, results),
            Memory::Host(_) => Source::Memory(results[0]),
        };
        let target = match self.caller_flat {
            Some((_, max_flat)) => {
                Target::spilled(ty, max_flat, flat_result, Some(self.result_ptr))
            }
            None => Target::Memory(self.result_ptr),
        };
        let mut crossing = Crossing::new(cx, &self.callee, &self.caller, None);
        if crossing.is_within_guest() {
            return within::copy_result(crossing, self.plans, source, target);
        }
        self.plans.copy_result(&mut crossing, source, target)
    }
}

/// Takes the arguments of a call that has started. `args` are the caller's flat ones, or the address
/// of the host's record. The callee's flat ones go to `params`; a callee that the host is gets the
/// address of its record there.
pub(crate) fn lower_params(
    cx: &mut Cx<'_>,
    ty: &FuncType,
    task: TaskId,
    args: &[RawVal],
    params: &mut FlatParams,
) -> Result<(), Trapped> {
    let Some(ty) = ty.params_type() else { return Ok(()) };
    let (subtask, sides) = {
        let state = cx.state();
        let subtask = state.tasks[task].subtask.expect("only a call has arguments");
        (subtask, state.sides(task, subtask))
    };
    let borrows = Some(BorrowScope::Call { lender: subtask, borrower: task });
    sides.as_ref().copy_params(cx, ty, borrows, args, params)
}

/// `Task.return_` and the caller's `on_resolve`: hands over the result. `results` are flat ones of
/// which at most `max_flat` are the value itself, or the address of the host's.
pub(crate) fn return_result(
    cx: &mut Cx<'_>,
    ty: &FuncType,
    task: TaskId,
    max_flat: usize,
    results: &[RawVal],
) -> Result<(), Trapped> {
    let mut flat_result = [0];
    let mut state = cx.state();
    state.check_may_return(task)?;
    let subtask = state.tasks[task].subtask.expect("only a call returns");
    if let Some(ty) = ty.result().filter(|_| state.caller_waits(subtask)) {
        let sides = state.sides(task, subtask);
        drop(state);
        sides.as_ref().copy_result(cx, ty, max_flat, results, &mut flat_result)?;
        state = cx.state();
    }
    state.tasks[task].state = TaskState::Resolved;
    // Whoever has run its thread: it is over.
    let inst = state.tasks[task].inst;
    if !state[inst].parked.is_empty() {
        state.unpark(task, inst);
    }
    state.trace_task(TraceKind::CallReturn, task);
    state.on_returned(subtask, flat_result[0]);
    Ok(())
}

/// The same for a call that is not on record, and has not returned: what it has, if it is by now.
#[inline(always)]
pub(crate) fn return_latent_result(
    cx: &mut Cx<'_>,
    sides: &SidesRef<'_>,
    ty: &FuncType,
    at: usize,
    max_flat: usize,
    results: &[RawVal],
) -> Result<Option<Made>, Trapped> {
    let mut flat_result = [0];
    if let Some(ty) = ty.result() {
        sides.copy_result(cx, ty, max_flat, results, &mut flat_result)?;
    }
    Ok(cx.state().latent_returned(at, flat_result[0]))
}

impl Cx<'_> {
    /// Whether what the host lends is what it was lent itself: a resource of its own, by its
    /// representation. Whoever has lent it keeps it until the host has answered.
    pub(crate) fn is_lent_rep(&self, ty: &ResourceType, handle: u32) -> bool {
        self.shared.lent_rep.get().is_some_and(|is_lent| is_lent(self, ty, handle))
    }
}

/// Handles that cross.
impl State {
    /// `lift_own`.
    pub(crate) fn lift_own(
        &mut self,
        inst: InstanceId,
        ty: &ResourceType,
        index: u32,
    ) -> Result<u32, Trapped> {
        let rep = self.owned(inst, ty, index)?;
        self.take_handle(inst, index)?;
        Ok(rep)
    }

    /// The representation of a resource that `inst` owns and has not lent.
    pub(crate) fn owned(
        &mut self,
        inst: InstanceId,
        ty: &ResourceType,
        index: u32,
    ) -> Result<u32, Trapped> {
        let handle = self.resource(inst, ty, index)?;
        if handle.num_lends != 0 {
            return Err(Trap::ResourceLent { index }.into());
        }
        if handle.kind != Ownership::Own {
            return Err(Trap::NotOwned { index }.into());
        }
        Ok(handle.rep)
    }

    /// `lift_borrow`.
    pub(crate) fn lift_borrow(
        &mut self,
        inst: InstanceId,
        ty: &ResourceType,
        index: u32,
        scope: BorrowScope,
    ) -> Result<u32, Trapped> {
        self.resource(inst, ty, index)?;
        match scope {
            BorrowScope::Call { lender, .. } => self.add_lender(lender, index)?,
            BorrowScope::Latent(at) => self.add_latent_lender(at, index),
        }
        let handle = self.resource(inst, ty, index)?;
        handle.num_lends += 1;
        Ok(handle.rep)
    }

    /// `lower_own`.
    pub(crate) fn lower_own(
        &mut self,
        inst: InstanceId,
        ty: &ResourceType,
        rep: u32,
    ) -> Result<u32, Trapped> {
        let ty = self.resources.id(ty);
        let handle =
            ResourceHandle { ty, rep, num_lends: 0, kind: Ownership::Own, given_up: false };
        self.add_handle(inst, super::Handle::Resource(handle))
    }

    /// `lower_borrow`: the instance that implements the type gets the representation itself.
    pub(crate) fn lower_borrow(
        &mut self,
        inst: InstanceId,
        ty: &ResourceType,
        rep: u32,
        scope: BorrowScope,
    ) -> Result<u32, Trapped> {
        let ty = self.resources.id(ty);
        if self.resources.get(ty).implementation == inst {
            return Ok(rep);
        }
        let BorrowScope::Call { borrower: scope, .. } = scope else {
            unreachable!("a call that gets a handle is on record")
        };
        let handle = ResourceHandle {
            ty,
            rep,
            num_lends: 0,
            kind: Ownership::Borrow(scope),
            given_up: false,
        };
        let index = self.add_handle(inst, super::Handle::Resource(handle))?;
        self.tasks[scope].num_borrows += 1;
        Ok(index)
    }
}
