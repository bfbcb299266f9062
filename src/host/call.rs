//! The host as a caller ("Embedding API").

use super::{settle, stream};
use crate::canon::{call_latent, resume, run_parked};
use crate::error::{Error, ErrorKind, Result, Trap, Trapped};
use crate::memory::Arena;
use crate::runtime::{
    Caller, CallerRef, Completion, Cx, FuncInst, HostCaller, HostSubtask, InstanceId, State,
    SubtaskState, check_handles, leave, outside,
};
use std::rc::Rc;

/// Starts a call: `Store.invoke` of the reference. `args` is the canonical record of the
/// parameters and must stay until the call has started, `results` has room for the result and must
/// stay until it is resolved; what the result points at goes to `arena`. `completion` is told when
/// the call is over.
pub fn start(
    cx: &mut Cx<'_>,
    func: &FuncInst,
    args: *const u8,
    results: *mut u8,
    arena: &Rc<Arena>,
    completion: Option<Completion>,
) -> Result<HostSubtask> {
    cx.put_on_record()?;
    func.make_host_plans(cx);
    check_args(cx, func, args)?;
    let caller = || Caller::Host(HostCaller { arena: arena.clone(), completion, trap: None });
    let subtask = cx.state().new_subtask(InstanceId::HOST, caller, results as u64)?;
    let subtask = HostSubtask(subtask);
    let started = func.invoke(cx, subtask.0, InstanceId::HOST, &[args as u64]);
    if started.is_err() {
        let forgotten = {
            let state = &mut *cx.state();
            let told = state.completions.iter().position(|(id, _)| *id == subtask);
            (state.forget_subtask(subtask.0), told.and_then(|at| state.completions.remove(at)))
        };
        drop(forgotten);
    }
    settle(cx, started).map(|()| subtask)
}

fn check_args(cx: &mut Cx<'_>, func: &FuncInst, args: *const u8) -> Result<(), Trapped> {
    match func.ty().params_type() {
        Some(params) => check_handles(cx, params, args as u64, 1).map_err(Trapped::of_params),
        None => Ok(()),
    }
}

/// Calls `func` and runs the store until the call is over. See [`start`].
///
/// Where nothing can run before something outside wakes the store, the thread sleeps until it does (see
/// [`Extension`](crate::runtime::Extension)). Otherwise, where nothing can run any more: an error of [`ErrorKind::WouldBlock`] if the host can make the
/// call go on, else the trap [`Trap::Deadlock`]. Inside a host function, nothing else can run.
pub fn call(
    cx: &mut Cx<'_>,
    func: &FuncInst,
    args: *const u8,
    results: *mut u8,
    arena: &Rc<Arena>,
) -> Result<()> {
    let latent = match func {
        FuncInst::Lifted(lift) if cx.state().may_be_latent(func, InstanceId::HOST) => Some(lift),
        _ => None,
    };
    let subtask = match latent {
        Some(lift) => {
            func.make_host_plans(cx);
            check_args(cx, func, args)?;
            let caller = (CallerRef::Host(arena), InstanceId::HOST);
            let called = call_latent(cx, lift, caller, &[args as u64], results as u64, &mut 0);
            match called {
                Ok(None) => return settle(cx, Ok(())),
                Ok(Some(subtask)) => {
                    settle(cx, Ok(()))?;
                    HostSubtask(subtask)
                }
                Err(trap) => return settle(cx, Err(trap)),
            }
        }
        None => start(cx, func, args, results, arena, None)?,
    };
    run_to_end(cx, subtask)
}

/// Runs the store until a call is over that is on record.
#[inline(never)]
fn run_to_end(cx: &mut Cx<'_>, subtask: HostSubtask) -> Result<()> {
    let end = loop {
        let end = cx.state().take_host_call(subtask);
        if let Some(end) = end {
            break end?;
        }
        let stopped = if cx.state().nesting > 0 {
            would_block(
                &cx.state(),
                "the call has to wait until its caller, a host function, returns",
            )
        } else {
            let step = match run_one(cx) {
                Ok(false) => match outside::wait(cx, subtask.0) {
                    Ok(is_woken) => Ok(is_woken),
                    Err(trap) => {
                        cx.state().end_waiting(subtask.0, &trap);
                        settle(cx, Err(trap)).map(|()| false)
                    }
                },
                step => step,
            };
            match step {
                Ok(true) => continue,
                // What was answered from outside may be the end of this call, and nothing to run.
                Ok(false) => {
                    let end = cx.state().take_host_call(subtask);
                    match end {
                        Some(end) => break end?,
                        None => stuck(cx),
                    }
                }
                Err(error) => match cx.state().take_host_call(subtask) {
                    // What trapped is what is waited for, whether or not it had returned before.
                    Some(end) => return Err(end.err().unwrap_or(error)),
                    None => error,
                },
            }
        };
        subtask.drop(cx)?;
        return Err(stopped);
    };
    match end {
        SubtaskState::Returned => Ok(()),
        _ => Err(Error::new(ErrorKind::Host, "the call was cancelled")),
    }
}

/// Threads that the message of a deadlock names.
const DEADLOCK_THREADS: usize = 10;

fn stuck(cx: &mut Cx<'_>) -> Error {
    let ends = stream::held_ends(&cx.state());
    let waits_for_host = outside::waits_for_host(cx, ends);
    let state = cx.state();
    if state.pending_host_tasks > 0 || waits_for_host {
        return would_block(&state, "the call waits for the host");
    }
    Trapped::from(Trap::Deadlock { who: who_waits(&state).into() }).into()
}

/// Nothing can run before the host does something, because of `reason`.
#[cold]
pub(super) fn would_block(state: &State, reason: &str) -> Error {
    Error::new(ErrorKind::WouldBlock, format!("{reason}{}", who_waits(state)))
}

/// Lines that say who waits for what, each after a line break.
fn who_waits(state: &State) -> String {
    let lines = state.describe(DEADLOCK_THREADS);
    lines.lines().map(|line| format!("\n  {line}")).collect()
}

/// Runs one ready thread, or else has extensions go on; whether there was either: `Store.tick` of the reference.
/// Before that, fails with the trap that nobody was told of yet.
pub fn tick(cx: &mut Cx<'_>) -> Result<bool> {
    report(cx)?;
    run_one(cx)
}

fn report(cx: &mut Cx<'_>) -> Result<()> {
    let mut state = cx.state();
    if state.nesting > 0 {
        return Err(Error::new(ErrorKind::Busy, "the store is running"));
    }
    state.unreported.pop_front().map_or(Ok(()), |trap| Err(trap.into()))
}

/// What went on.
enum Went {
    Thread,
    Extensions,
    Nothing,
}

fn run_one(cx: &mut Cx<'_>) -> Result<bool> {
    step(cx).map(|went| !matches!(went, Went::Nothing))
}

fn step(cx: &mut Cx<'_>) -> Result<Went> {
    outside::deliver(cx)?;
    let (thread, inst) = {
        let mut state = cx.state();
        let Some(thread) = state.next_ready() else {
            drop(state);
            let went = outside::look(cx)? || outside::is_woken(cx);
            return Ok(if went { Went::Extensions } else { Went::Nothing });
        };
        (thread, state.threads[thread].inst)
    };
    let result = leave(cx, inst, InstanceId::HOST, |cx| {
        resume(cx, thread)?;
        run_parked(cx, inst)
    });
    settle(cx, result)?;
    Ok(Went::Thread)
}

/// How often in a row extensions go on before [`run`] returns: what is always ready would never let it.
const TURNS_OF_EXTENSIONS: u32 = 256;

/// Runs until no thread is ready. Where extensions alone have more to do than others should wait for, the signal is
/// raised then, so that the store is run again.
pub fn run(cx: &mut Cx<'_>) -> Result<()> {
    let mut turns = 0;
    while turns < TURNS_OF_EXTENSIONS {
        report(cx)?;
        match step(cx)? {
            Went::Thread => turns = 0,
            Went::Extensions => turns += 1,
            Went::Nothing => return report(cx),
        }
    }
    cx.shared.signal().raise();
    Ok(())
}

/// Runs on until the threads of all guests have ended, and what extensions do for them to the end, as far as something
/// outside wakes what waits: a call that has returned may have more to do.
pub fn run_out(cx: &mut Cx<'_>) -> Result<()> {
    loop {
        run(cx)?;
        let is_over = cx.state().threads.iter().next().is_none() && !outside::has_errands(cx);
        if is_over || !outside::wait_for_any(cx)? {
            return Ok(());
        }
    }
}
