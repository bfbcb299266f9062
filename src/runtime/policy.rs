//! The rules that the specification is still moving, in one place: reentrance, leaving, who a
//! cancellation reaches, what a blocked sync call may run.

use super::State;
use super::instance::InstanceId;
use super::stream::CopyResult;
use super::task::TaskId;
use super::thread::ThreadId;
use crate::error::{Trap, Trapped};

/// The nearest instance that both are in, which a call from `caller` to `instance` stays inside of
/// instead of entering; so are that instance's ancestors.
///
/// This is what lets a parent call its child and the child call back: donut wrapping.
#[inline]
pub(crate) fn entered_in_common(
    state: &State,
    instance: InstanceId,
    caller: InstanceId,
) -> Option<InstanceId> {
    let (mut a, mut b) = (instance, caller);
    if b == InstanceId::HOST {
        return None;
    }
    while a != b {
        if state[a].depth >= state[b].depth {
            a = state[a].parent?;
        } else {
            b = state[b].parent?;
        }
    }
    Some(a)
}

/// Whether a call from `caller` to `instance` is allowed at all; `common` is the nearest instance
/// that both are in.
#[inline]
pub(crate) fn may_call(
    state: &State,
    instance: InstanceId,
    caller: InstanceId,
    common: Option<InstanceId>,
) -> bool {
    let is_donut = common == Some(instance) || common == Some(caller);
    !(state.tests_over_text && is_donut && instance != caller)
}

/// The thread that runs before an async-typed call of `instance` looks whether it may start.
#[inline]
pub(crate) fn runs_before_call(state: &State, instance: InstanceId) -> Option<ThreadId> {
    let holder = state[instance].exclusive_thread.filter(|_| state.tests_over_text)?;
    state.is_ready(holder).then_some(holder)
}

/// What a copy reports that was to be cancelled when it had been `Completed` with only a part of its
/// buffer copied.
pub(crate) fn cancelled_after_part(state: &State) -> CopyResult {
    if state.tests_over_text { CopyResult::Cancelled } else { CopyResult::Completed }
}

/// Every built-in but the plain counters and reads begins with this.
#[inline]
pub(crate) fn check_may_leave(state: &State, instance: InstanceId) -> Result<(), Trapped> {
    if state[instance].may_leave { Ok(()) } else { Err(Trap::CannotLeave.into()) }
}

/// The thread that a request to cancel a running task resumes, if it reaches one now. Otherwise
/// the request waits for the next cancellable built-in.
pub(crate) fn cancellation_target(
    state: &mut State,
    task: TaskId,
    caller: InstanceId,
) -> Option<ThreadId> {
    let (instance, implicit) = (state.tasks[task].inst, state.tasks[task].implicit_thread);
    let exclusive = state[instance].exclusive_thread;
    let implicit_is_shut_out =
        state.tasks[task].needs_exclusive() && exclusive.is_some() && exclusive != implicit;
    let mut candidates = Vec::new();
    let mut at = state.tasks[task].threads.front(&state.threads);
    while let Some(id) = at {
        if state.threads[id].is_cancellable() && !(implicit_is_shut_out && Some(id) == implicit) {
            candidates.push(id);
        }
        at = state.next_thread_of_task(task, id);
    }
    if candidates.is_empty() || !state.may_enter_from(instance, caller) {
        return None;
    }
    let choice = state.choose(candidates.len() as u32);
    Some(candidates[choice as usize])
}

/// How many threads at the front of the ready list the next one may be drawn from: all of them. One
/// of the tests asserts an order, which is that of the steps during which they became ready.
pub(crate) fn may_run_next(state: &mut State) -> u32 {
    let ready = &state.scheduler.ready;
    let Some(front) = ready.front(&state.threads).filter(|_| state.tests_over_text) else {
        return ready.len();
    };
    let step = state.threads[front].ready_since;
    let (mut count, mut at) = (0, Some(front));
    while let Some(id) = at.filter(|id| state.threads[*id].ready_since == step) {
        count += 1;
        at = ready.next(&mut state.threads, id);
    }
    count
}

/// Whether a sync call into an instance that blocks may run `thread`, which belongs to that instance.
///
/// The reference excludes the thread that holds the instance's exclusive lock, which the caller sees to.
/// The tests exclude all threads that would take it: they use the one stack in linear memory that the
/// sync call is using.
#[inline]
pub(crate) fn sync_call_may_run(state: &State, thread: ThreadId) -> bool {
    let task = &state.tasks[state.threads[thread].task];
    let would_take_lock = task.needs_exclusive() && task.implicit_thread == Some(thread);
    !(state.tests_over_text && would_take_lock)
}

/// A thread that a blocked sync call runs although [`sync_call_may_run`] excludes it: where others have
/// only taken turns for so long that they may wait for what it does, the reference's answer is better
/// than none.
#[inline]
pub(crate) fn sync_call_must_run(
    state: &mut State,
    inst: InstanceId,
    turns: u32,
) -> Option<ThreadId> {
    const PATIENCE: u32 = 10_000;
    if turns < PATIENCE || !state.tests_over_text || state[inst].exclusive_thread.is_some() {
        return None;
    }
    let mut at = state.scheduler.ready.front(&state.threads);
    while let Some(id) = at {
        at = state.scheduler.ready.next(&mut state.threads, id);
        let thread = &state.threads[id];
        let is_excluded = thread.index != 0 && !sync_call_may_run(state, id);
        if thread.inst == inst && !thread.pinned && is_excluded && state.is_still_ready(id) {
            return Some(id);
        }
    }
    None
}
