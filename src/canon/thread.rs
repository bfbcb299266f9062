//! `canon thread.*`, and how a thread goes on.

use super::builtin::{self, Answer, Step};
use super::lift;
use crate::engine::{CoreFuncType, CoreTable, Outcome, RawVal};
use crate::error::{Trap, Trapped};
use crate::runtime::{
    self, Body, Cx, InstanceId, State, Thread, ThreadId, Wait, Wake, policy, within_thread,
};

/// Runs a blocked thread, and those that it gives way to, until it blocks or ends.
pub(crate) fn resume(cx: &mut Cx<'_>, thread: ThreadId) -> Result<(), Trapped> {
    run(cx, thread, |cx| step(cx, thread))
}

/// Runs `thread` by `first`, on top of the current one, and those that it gives way to.
#[inline]
pub(super) fn run<'a>(
    cx: &mut Cx<'a>,
    thread: ThreadId,
    first: impl FnOnce(&mut Cx<'a>) -> Result<(), Trapped>,
) -> Result<(), Trapped> {
    runtime::run_thread(cx, thread, first, step)
}

/// Goes on with a thread that was blocked or has not begun.
pub(super) fn step(cx: &mut Cx<'_>, thread: ThreadId) -> Result<(), Trapped> {
    let Thread { body, wake, .. } = cx.state().threads[thread];
    match body {
        Body::Entering => lift::entered(cx, thread),
        Body::EventLoop => lift::event_loop_woken(cx, thread),
        Body::New => {
            let Wake::Start { func, arg } = wake else {
                unreachable!("a new thread has a function")
            };
            cx.state().threads[thread].body = Body::Explicit;
            let outcome = cx.engine.call(func, &[arg], &mut []);
            explicit_outcome(cx, thread, outcome)
        }
        Body::Core | Body::Callback | Body::Explicit => {
            let import_result = builtin::wake(cx, thread)?;
            let cont = cx.state().take_suspended(thread).expect("the guest was suspended");
            let mut result = [0];
            let count = lift::result_count(&cx.state(), thread);
            let outcome = cx.engine.resume(cont, &import_result, &mut result[..count]);
            match body {
                Body::Explicit => explicit_outcome(cx, thread, outcome),
                Body::Core => lift::core_outcome(cx, thread, outcome, result[0]),
                _ => lift::callback_outcome(cx, thread, outcome, result[0]),
            }
        }
        Body::Sync => unreachable!("such a call never blocks"),
    }
}

/// `canon_thread_index`.
pub(crate) fn canon_thread_index(cx: &mut Cx<'_>, inst: InstanceId) -> Result<u32, Trapped> {
    let state = cx.state();
    policy::check_may_leave(&state, inst)?;
    Ok(state.threads[state.current_thread()].index)
}

/// `canon_thread_new_indirect`: a suspended thread that will call the table's function `index`.
pub(crate) fn canon_thread_new_indirect(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    ty: &CoreFuncType,
    table: CoreTable,
    index: u64,
    arg: RawVal,
) -> Result<u32, Trapped> {
    policy::check_may_leave(&cx.state(), inst)?;
    let func = cx.engine.table_func(table, index).flatten().ok_or(Trap::NoThreadFunc { index })?;
    if cx.engine.func_type(func) != *ty {
        return Err(Trap::ThreadFuncType { index }.into());
    }
    let state = &mut *cx.state();
    let task = state.threads[state.current_thread()].task;
    let thread = state.threads.insert_with(|_| Thread::new(task, inst, Body::New))?;
    state.threads[thread].wake = Wake::Start { func, arg };
    if let Err(trap) = state.register_thread(task, thread) {
        state.threads.discard(thread);
        return Err(trap);
    }
    Ok(state.threads[thread].index)
}

/// An explicit thread has blocked or ended.
pub(crate) fn explicit_outcome(
    cx: &mut Cx<'_>,
    thread: ThreadId,
    outcome: Outcome,
) -> Result<(), Trapped> {
    match outcome {
        Outcome::Returned => {
            let mut state = cx.state();
            let task = state.threads[thread].task;
            state.unregister_thread(task, thread)
        }
        Outcome::Suspended(cont) => cx.state().keep_suspended(thread, cont),
        Outcome::Trapped(trap) => Err(within_thread(cx, thread, trap)),
    }
}

/// `canon_thread_resume_later`, `Thread.resume_later`: makes a suspended thread ready.
pub(crate) fn canon_thread_resume_later(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    index: u32,
) -> Result<(), Trapped> {
    let mut state = cx.state();
    policy::check_may_leave(&state, inst)?;
    let other = state.suspended_thread_at(inst, index)?;
    state.start_waiting(other, Wait::Turn);
    Ok(())
}

/// What the current thread does until it runs again.
#[derive(Clone, Copy)]
enum Meanwhile {
    Suspend,
    Yield,
}

/// `canon_thread_suspend`. Like the others below, it returns 0 to the guest.
pub(crate) fn canon_thread_suspend(cx: &mut Cx<'_>, inst: InstanceId) -> Answer {
    switch(cx, inst, Meanwhile::Suspend, |_| Ok(None))
}

/// `canon_thread_yield`, `Thread.yield_`.
pub(crate) fn canon_thread_yield(cx: &mut Cx<'_>, inst: InstanceId) -> Answer {
    switch(cx, inst, Meanwhile::Yield, |_| Ok(None))
}

/// `canon_thread_suspend_then_resume`, `Thread.suspend_then_resume`.
pub(crate) fn canon_thread_suspend_then_resume(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    index: u32,
) -> Answer {
    switch(cx, inst, Meanwhile::Suspend, |state| state.suspended_thread_at(inst, index).map(Some))
}

/// `canon_thread_yield_then_resume`, `Thread.yield_then_resume`.
pub(crate) fn canon_thread_yield_then_resume(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    index: u32,
) -> Answer {
    switch(cx, inst, Meanwhile::Yield, |state| state.suspended_thread_at(inst, index).map(Some))
}

/// `canon_thread_suspend_then_promote`, `Thread.suspend_then_promote`.
pub(crate) fn canon_thread_suspend_then_promote(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    index: u32,
) -> Answer {
    switch(cx, inst, Meanwhile::Suspend, |state| promoted(state, inst, index))
}

/// `canon_thread_yield_then_promote`, `Thread.yield_then_promote`.
pub(crate) fn canon_thread_yield_then_promote(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    index: u32,
) -> Answer {
    switch(cx, inst, Meanwhile::Yield, |state| promoted(state, inst, index))
}

/// The thread with this index if it is ready, else none. A thread cannot promote itself.
fn promoted(state: &mut State, inst: InstanceId, index: u32) -> Result<Option<ThreadId>, Trapped> {
    let other = state.thread_at(inst, index)?;
    if other == state.current_thread() {
        return Err(Trap::ThreadNotSuspended { index }.into());
    }
    // One that is pinned goes on when it is on top of the stack, and keeps what it waits for till then.
    Ok(Some(other).filter(|other| state.is_ready(*other) && !state.threads[*other].pinned))
}

/// Blocks the current thread; the one that `find_other` gives, if any, runs next: `switch_to` of the reference.
fn switch(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    meanwhile: Meanwhile,
    find_other: impl FnOnce(&mut State) -> Result<Option<ThreadId>, Trapped>,
) -> Answer {
    let mut state = cx.state();
    policy::check_may_leave(&state, inst)?;
    let thread = state.current_thread();
    let other = find_other(&mut state)?;
    state.threads[thread].wake = Wake::Zero;
    match (meanwhile, other) {
        (Meanwhile::Suspend, _) => state.suspend(thread),
        (Meanwhile::Yield, None) => {
            if !state.must_wait(thread, Wait::Turn) {
                return Ok(Step::Done);
            }
        }
        (Meanwhile::Yield, Some(_)) => state.start_waiting(thread, Wait::Turn),
    }
    if let Some(other) = other {
        state.stop_waiting(other);
        state.switch_to = Some(other);
    }
    Ok(Step::Block)
}
