//! `canon lift`.

use super::thread::{resume, run, step};
use crate::engine::{CoreExtern, CoreFunc, CoreInstance, Module, Outcome, RawVal, Tier};
use crate::error::{Trap, Trapped};
use crate::runtime::{
    Body, BorrowScope, Callee, CallerRef, Cx, Event, FuncInst, InstanceId, LatentCall, Lift,
    Options, Parked, SidesRef, State, TaskId, ThreadId, Wait, WaitableId, Wake, blame, leave,
    lower_params, policy, return_latent_result, return_result, run_core_task, run_latent,
    within_core, within_task,
};
use crate::types::layout::MAX_FLAT_RESULTS;
use crate::types::{FuncType, Type};
use std::rc::Rc;

/// Lifts the core function `callee` of `instance` to the component level; `name` is for messages.
pub fn lift(
    callee: CoreFunc,
    ty: FuncType,
    opts: Options,
    instance: InstanceId,
    name: &str,
) -> FuncInst {
    FuncInst::Lifted(Rc::new(Lift::new(callee, ty, opts, instance, name.into())))
}

/// `Store.lift`: begins a call.
pub(crate) fn enter(
    cx: &mut Cx<'_>,
    lift: &Rc<Lift>,
    subtask: WaitableId,
    caller: InstanceId,
    args: &[RawVal],
) -> Result<(), Trapped> {
    let (task, thread) = {
        let mut state = cx.state();
        if state.has_ended(lift.inst, caller) {
            return Err(state.cannot_enter(lift.inst, caller).within(state.call_frame(lift)));
        }
        let callee = || Callee::Lift(lift.clone());
        let (task, thread) = state.new_task(callee, lift.inst, Some(subtask), Body::Entering)?;
        state.subtask(subtask).callee = Some(task);
        (task, thread)
    };
    leave(cx, lift.inst, caller, |cx| canon_lift(cx, lift, task, thread, caller, args))
}

/// Calls a function whose call may be latent ([`State::may_be_latent`]), and need not be on record when this returns:
/// then the call is over, and `flat_result` has the result that is flat for the caller. Otherwise its subtask is
/// answered, which may not be over.
pub(crate) fn call_latent(
    cx: &mut Cx<'_>,
    lift: &Rc<Lift>,
    (caller, inst): (CallerRef<'_>, InstanceId),
    args: &[RawVal],
    result_ptr: RawVal,
    flat_result: &mut RawVal,
) -> Result<Option<WaitableId>, Trapped> {
    let sides = SidesRef::of_lifted(lift, caller, inst, result_ptr);
    let mut subtask = None;
    let call = |cx: &mut Cx<'_>| {
        let caller = caller.cloned();
        let call = LatentCall::Lifted { lift: lift.clone(), caller, inst, result_ptr };
        let first = |cx: &mut Cx<'_>, at| {
            latent_thread(cx, lift, &sides, at, args)
                .map_err(|trap| trap.within(cx.state().call_frame(lift)))
        };
        let (ran, ended) = run_latent(cx, call, first, step);
        *flat_result = ended.flat_result;
        let Some(made) = ended.made else { return ran };
        subtask = made.subtask;
        ran?;
        if lift.ty.is_async() { Ok(()) } else { run_sync(cx, lift, made.task, inst) }
    };
    let over = leave(cx, lift.inst, inst, |cx| within_sync_call(cx, lift, call));
    if let (Err(_), Some(subtask)) = (&over, subtask) {
        cx.state().forget_subtask(subtask);
    }
    over.map(|()| subtask)
}

/// [`call_core`] for a call that may be latent.
fn latent_thread(
    cx: &mut Cx<'_>,
    lift: &Rc<Lift>,
    sides: &SidesRef<'_>,
    at: usize,
    args: &[RawVal],
) -> Result<(), Trapped> {
    let mut params = Default::default();
    if let Some(ty) = lift.ty.params_type()
        && let Err(trap) =
            sides.copy_params(cx, ty, Some(BorrowScope::Latent(at)), args, &mut params)
    {
        let on_record = cx.state().made(at).map(|made| (made.task, made.thread()));
        return not_lowered(cx, ty, sides.is_called_by_host(), on_record, args, trap);
    }
    let mut result = [0];
    let results = &mut result[..lift.result_count];
    let outcome = cx.engine.call(lift.callee, &params[..lift.param_count], results);
    let made = cx.state().made(at);
    if let Some(made) = made {
        return core_returned(cx, lift, made.task, made.thread(), outcome, result[0]);
    }
    match outcome {
        Outcome::Returned => {}
        Outcome::Suspended(_) => {
            unreachable!("only an import that looks at calls suspends a guest")
        }
        Outcome::Trapped(trap) => return Err(within_core(cx, lift.inst, lift.callee, "", trap)),
    }
    if lift.opts.is_async {
        let exits = || matches!(unpack_callback_result(result[0] as u32), Ok(CallbackCode::Exit));
        if lift.opts.callback.is_none() || exits() {
            let has_returned = cx.state().latent_has_returned(at);
            return if has_returned { Ok(()) } else { Err(Trap::TaskNotResolved.into()) };
        }
        cx.put_on_record()?;
        let made = cx.state().made(at).expect("it was put on record");
        return event_loop(cx, lift, made.task, made.thread(), result[0]);
    }
    let mut made = return_latent_result(cx, sides, &lift.ty, at, MAX_FLAT_RESULTS, &result)?;
    if lift.opts.post_return.is_some() {
        post_return(cx, lift, result[0])?;
        made = cx.state().made(at);
    }
    match made {
        // The result's `realloc`, or what cleaned up after it, has called an import that looks at calls.
        Some(made) => cx.state().exit_implicit_thread(made.task, made.thread()),
        None => Ok(()),
    }
}

/// `canon_lift`: runs the task of a call until it blocks. A call of a sync-typed function is over
/// when this returns, or parked.
fn canon_lift(
    cx: &mut Cx<'_>,
    lift: &Rc<Lift>,
    task: TaskId,
    thread: ThreadId,
    caller: InstanceId,
    args: &[RawVal],
) -> Result<(), Trapped> {
    if lift.ty.is_async() {
        let first = policy::runs_before_call(&cx.state(), lift.inst);
        if let Some(first) = first {
            resume(cx, first)?;
        }
    }
    if lift.ty.is_async() {
        return run(cx, thread, |cx| thread_func(cx, lift, task, thread, args));
    }
    within_sync_call(cx, lift, |cx| {
        run(cx, thread, |cx| thread_func(cx, lift, task, thread, args))?;
        run_sync(cx, lift, task, caller)
    })
}

/// Runs `body` as a part of a call of `lift`. Where guests cannot be suspended, what blocks inside of a sync-typed one has
/// to know that.
#[inline(always)]
fn within_sync_call<'a>(
    cx: &mut Cx<'a>,
    lift: &Lift,
    body: impl FnOnce(&mut Cx<'a>) -> Result<(), Trapped>,
) -> Result<(), Trapped> {
    let must_know = cx.shared.tier == Tier::Nested && !lift.ty.is_async();
    let outer = must_know.then(|| cx.state().sync_call.replace(lift.inst));
    let result = body(cx);
    if let Some(outer) = outer {
        cx.state().sync_call = outer;
    }
    result
}

/// Runs a sync-typed call to its end, or until only the host can make it go on.
#[inline(always)]
fn run_sync(
    cx: &mut Cx<'_>,
    lift: &Rc<Lift>,
    task: TaskId,
    caller: InstanceId,
) -> Result<(), Trapped> {
    let is_over = {
        let state = cx.state();
        state.task_resolved(task) && state[lift.inst].parked.is_empty()
    };
    if is_over { Ok(()) } else { run_blocked_sync(cx, lift, task, caller) }
}

fn run_blocked_sync(
    cx: &mut Cx<'_>,
    lift: &Rc<Lift>,
    task: TaskId,
    caller: InstanceId,
) -> Result<(), Trapped> {
    while !cx.state().task_resolved(task) {
        let next = cx.state().next_ready_in(lift.inst);
        match next {
            Some(next) => resume(cx, next)?,
            None if cx.state().park(task, lift, caller) => return Ok(()),
            None => {
                let frame = cx.state().call_frame(lift);
                return Err(Trapped::from(Trap::CannotBlock).within(frame));
            }
        }
    }
    cx.state().unpark(task, lift.inst);
    Ok(())
}

/// A thread of `inst` has run: goes on with the innermost call into it that is parked.
pub(crate) fn run_parked(cx: &mut Cx<'_>, inst: InstanceId) -> Result<(), Trapped> {
    loop {
        let Some(Parked { task, lift, caller }) = cx.state()[inst].parked.last().cloned() else {
            return Ok(());
        };
        run_sync(cx, &lift, task, caller)?;
        if cx.state()[inst].parked.last().is_some_and(|last| last.task == task) {
            return Ok(());
        }
    }
}

/// `thread_func` of the reference, up to the first block.
fn thread_func(
    cx: &mut Cx<'_>,
    lift: &Rc<Lift>,
    task: TaskId,
    thread: ThreadId,
    args: &[RawVal],
) -> Result<(), Trapped> {
    {
        let mut state = cx.state();
        if !lift.ty.is_async() {
            let registered = state.register_thread(task, thread);
            registered.map_err(|trap| trap.within(state.call_frame(lift)))?;
        } else if !state.enter_implicit_thread(task, thread)? {
            state.tasks[task].args = Some(Box::new(args.to_vec()));
            return Ok(());
        }
        state.start_core(task, thread);
    }
    call_core(cx, lift, task, thread, args)
}

/// The implicit thread waited to be let in, and is, or is cancelled.
pub(crate) fn entered(cx: &mut Cx<'_>, thread: ThreadId) -> Result<(), Trapped> {
    let (task, lift, args, subtask) = {
        let mut state = cx.state();
        let (task, lift) = state.lift_of(thread);
        let subtask = state.tasks[task].subtask;
        state[lift.inst].num_waiting_to_enter -= 1;
        if state.deliver_pending_cancel(task) {
            state.cancel_task(task)?;
            state.forget_task(task, thread);
            state.notify_gates(lift.inst);
            return Ok(());
        }
        state.let_in(task, thread)?;
        state.notify_gates(lift.inst);
        state.start_core(task, thread);
        let args = state.tasks[task].args.take().unwrap_or_default();
        (task, lift, args, subtask)
    };
    call_core(cx, &lift, task, thread, &args).or_else(|trap| match subtask {
        // The host has its call by now.
        Some(subtask) if trap.is_of_host() => {
            cx.state().fail_subtask(subtask, &trap);
            Ok(())
        }
        _ => Err(trap),
    })
}

/// Lowers the arguments and calls the core function.
fn call_core(
    cx: &mut Cx<'_>,
    lift: &Rc<Lift>,
    task: TaskId,
    thread: ThreadId,
    args: &[RawVal],
) -> Result<(), Trapped> {
    let mut params = Default::default();
    let lowered = lower_params(cx, &lift.ty, task, args, &mut params);
    let called = match lowered {
        Ok(()) => {
            let mut result = [0];
            let outcome = cx.engine.call(
                lift.callee,
                &params[..lift.param_count],
                &mut result[..lift.result_count],
            );
            core_returned(cx, lift, task, thread, outcome, result[0])
        }
        Err(trap) => {
            let by_host = cx.state().is_called_by_host(task);
            let ty = lift.ty.params_type().expect("what could not be taken are arguments");
            not_lowered(cx, ty, by_host, Some((task, thread)), args, trap)
        }
    };
    called.map_err(|trap| trap.within(cx.state().call_frame(lift)))
}

/// The arguments could not be taken. If that is because of what the host passed, the task goes, if there is one
/// by now, and the instance stays.
#[cold]
fn not_lowered(
    cx: &mut Cx<'_>,
    ty: &Type,
    by_host: bool,
    on_record: Option<(TaskId, ThreadId)>,
    args: &[RawVal],
    trap: Trapped,
) -> Result<(), Trapped> {
    let trap = if by_host { blame(cx, ty, args[0], 1, trap).of_params() } else { trap };
    if let Some((task, thread)) = on_record.filter(|_| trap.is_of_host()) {
        cx.state().abort_task(task, thread)?;
    }
    Err(trap)
}

impl State {
    /// The implicit thread is about to call the core function.
    fn start_core(&mut self, task: TaskId, thread: ThreadId) {
        self.threads[thread].body = Body::Core;
        self.start_task(task);
    }

    /// What the implicit thread of a lifted function runs.
    fn lift_of(&self, thread: ThreadId) -> (TaskId, Rc<Lift>) {
        let task = self.threads[thread].task;
        match &self.tasks[task].callee {
            Callee::Lift(lift) => (task, lift.clone()),
            Callee::Host(_) | Callee::Core => unreachable!("the thread runs a lifted function"),
        }
    }
}

/// Core results of what the thread is blocked in.
pub(crate) fn result_count(state: &State, thread: ThreadId) -> usize {
    match state.threads[thread].body {
        Body::Core => state.lift_of(thread).1.result_count,
        Body::Callback => 1,
        _ => 0,
    }
}

/// The lifted core function has come back after it was suspended.
pub(crate) fn core_outcome(
    cx: &mut Cx<'_>,
    thread: ThreadId,
    outcome: Outcome,
    result: RawVal,
) -> Result<(), Trapped> {
    let (task, lift) = cx.state().lift_of(thread);
    core_returned(cx, &lift, task, thread, outcome, result)
        .map_err(|trap| within_task(cx, task, &lift, trap))
}

fn core_returned(
    cx: &mut Cx<'_>,
    lift: &Rc<Lift>,
    task: TaskId,
    thread: ThreadId,
    outcome: Outcome,
    result: RawVal,
) -> Result<(), Trapped> {
    if !returned(cx, lift, lift.callee, thread, outcome)? {
        return Ok(());
    }
    if lift.opts.callback.is_some() && lift.opts.is_async {
        return event_loop(cx, lift, task, thread, result);
    }
    if !lift.opts.is_async {
        return_sync(cx, lift, task, result)?;
    }
    cx.state().exit_implicit_thread(task, thread)
}

/// Whether a core call is over; a suspended guest is kept in its thread. An engine's exceptions are
/// traps by now, which `call_and_trap_on_throw` of the reference sees to.
fn returned(
    cx: &mut Cx<'_>,
    lift: &Lift,
    func: CoreFunc,
    thread: ThreadId,
    outcome: Outcome,
) -> Result<bool, Trapped> {
    match outcome {
        Outcome::Returned => Ok(true),
        Outcome::Suspended(cont) => {
            cx.state().keep_suspended(thread, cont)?;
            Ok(false)
        }
        Outcome::Trapped(trap) => Err(within_core(cx, lift.inst, func, "", trap)),
    }
}

/// A sync lift returns what its core function returned, and may then clean up.
fn return_sync(
    cx: &mut Cx<'_>,
    lift: &Rc<Lift>,
    task: TaskId,
    result: RawVal,
) -> Result<(), Trapped> {
    return_result(cx, &lift.ty, task, MAX_FLAT_RESULTS, &[result])?;
    post_return(cx, lift, result)
}

#[inline(always)]
fn post_return(cx: &mut Cx<'_>, lift: &Lift, result: RawVal) -> Result<(), Trapped> {
    let Some(post_return) = lift.opts.post_return else { return Ok(()) };
    cx.state()[lift.inst].may_leave = false;
    cx.engine
        .call_sync(post_return, &[result][..lift.result_count], &mut [])
        .map_err(|trap| within_core(cx, lift.inst, post_return, "post-return", trap))?;
    cx.state()[lift.inst].may_leave = true;
    Ok(())
}

/// `CallbackCode`, with the index of the set to wait for.
enum CallbackCode {
    Exit,
    Yield,
    Wait(u32),
}

fn unpack_callback_result(packed: u32) -> Result<CallbackCode, Trapped> {
    match packed & 0xf {
        0 => Ok(CallbackCode::Exit),
        1 => Ok(CallbackCode::Yield),
        2 => Ok(CallbackCode::Wait(packed >> 4)),
        code => Err(Trap::UnsupportedCallbackCode { code }.into()),
    }
}

/// Goes on with what the core function or the callback has asked for, until the thread waits (for a
/// set) or ends.
fn event_loop(
    cx: &mut Cx<'_>,
    lift: &Rc<Lift>,
    task: TaskId,
    thread: ThreadId,
    packed: RawVal,
) -> Result<(), Trapped> {
    let mut packed = packed;
    loop {
        let event = {
            let mut state = cx.state();
            let wait = match unpack_callback_result(packed as u32)? {
                CallbackCode::Exit => return state.exit_implicit_thread(task, thread),
                CallbackCode::Yield => Wait::Exclusive,
                CallbackCode::Wait(index) => {
                    Wait::SetExclusive(state[lift.inst].handles.waitable_set(index)?)
                }
            };
            if state.deliver_pending_cancel(task) {
                Event::TASK_CANCELLED
            } else {
                state.release_exclusive(lift.inst);
                state.threads[thread].body = Body::EventLoop;
                if state.must_wait(thread, wait) {
                    state.threads[thread].wake = Wake::NextEvent(wait);
                    return Ok(());
                }
                state.awaited_event(wait)
            }
        };
        match call_callback(cx, lift, thread, event)? {
            Some(next) => packed = next,
            None => return Ok(()),
        }
    }
}

impl State {
    /// What an event loop has waited for; `WaitableSet.wait_from_callback` where that is a set's event.
    fn awaited_event(&mut self, wait: Wait) -> Event {
        match wait {
            Wait::SetExclusive(set) => self.get_set_event(set),
            _ => Event::NONE,
        }
    }
}

/// The implicit thread has waited for its next event.
pub(crate) fn event_loop_woken(cx: &mut Cx<'_>, thread: ThreadId) -> Result<(), Trapped> {
    let (task, lift, event) = {
        let mut state = cx.state();
        let (task, lift) = state.lift_of(thread);
        let Wake::NextEvent(wait) = state.threads[thread].wake else {
            unreachable!("an event loop waits for its next event")
        };
        let event = if state.deliver_pending_cancel(task) {
            if let Wait::SetExclusive(set) = wait {
                state.wake_for_leftover(set);
            }
            Event::TASK_CANCELLED
        } else {
            state.awaited_event(wait)
        };
        (task, lift, event)
    };
    let goes_on = |cx: &mut Cx<'_>| match call_callback(cx, &lift, thread, event)? {
        Some(packed) => event_loop(cx, &lift, task, thread, packed),
        None => Ok(()),
    };
    goes_on(cx).map_err(|trap| within_task(cx, task, &lift, trap))
}

/// Calls the callback with exclusive access. `None` if it blocks.
fn call_callback(
    cx: &mut Cx<'_>,
    lift: &Rc<Lift>,
    thread: ThreadId,
    event: Event,
) -> Result<Option<RawVal>, Trapped> {
    {
        let mut state = cx.state();
        state[lift.inst].exclusive_thread = Some(thread);
        state.threads[thread].body = Body::Callback;
    }
    let callback = lift.opts.callback.expect("the event loop is that of a callback");
    let args = [event.code as RawVal, event.p1.into(), event.p2.into()];
    let mut packed = [0];
    let outcome = cx.engine.call(callback, &args, &mut packed);
    Ok(returned(cx, lift, callback, thread, outcome)?.then_some(packed[0]))
}

/// The callback has come back after it was suspended.
pub(crate) fn callback_outcome(
    cx: &mut Cx<'_>,
    thread: ThreadId,
    outcome: Outcome,
    packed: RawVal,
) -> Result<(), Trapped> {
    let (task, lift) = cx.state().lift_of(thread);
    let goes_on = |cx: &mut Cx<'_>| {
        let callback = lift.opts.callback.expect("it was called");
        match returned(cx, &lift, callback, thread, outcome)? {
            true => event_loop(cx, &lift, task, thread, packed),
            false => Ok(()),
        }
    };
    goes_on(cx).map_err(|trap| within_task(cx, task, &lift, trap))
}

/// Instantiates a core module of `instance`. Its start function runs as a sync task.
pub fn instantiate(
    cx: &mut Cx<'_>,
    instance: InstanceId,
    module: &dyn Module,
    imports: &[CoreExtern],
) -> Result<CoreInstance, Trapped> {
    {
        let state = cx.state();
        if state.has_ended(instance, InstanceId::HOST) {
            return Err(state.cannot_enter(instance, InstanceId::HOST));
        }
    }
    let mut core = None;
    leave(cx, instance, InstanceId::HOST, |cx| {
        core = Some(run_core_task(cx, instance, |cx| cx.engine.instantiate(module, imports))?);
        Ok(())
    })?;
    let core = core.expect("the module was instantiated");
    cx.state()[instance].core.push(core);
    Ok(core)
}
