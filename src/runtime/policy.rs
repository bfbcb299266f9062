//! The rules that the specification is still moving, in one place: what a trap ends, leaving, who a
//! cancellation reaches, what a blocked sync call may run.

use super::State;
use super::instance::InstanceId;
use super::task::TaskId;
use super::thread::{Body, ThreadId};
use crate::error::{Trap, Trapped};

/// The nearest instance that both are in. A trap in `instance`, called from `caller`, ends what is
/// inside of that; and so far a call goes that the host keeps waiting.
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

/// Every built-in but the plain counters and reads begins with this.
#[inline]
pub(crate) fn check_may_leave(state: &State, instance: InstanceId) -> Result<(), Trapped> {
    if state[instance].may_leave { Ok(()) } else { Err(Trap::CannotLeave.into()) }
}

/// The thread that runs before an async-typed call of `instance` looks whether it may start.
#[inline]
pub(crate) fn runs_before_call(state: &State, instance: InstanceId) -> Option<ThreadId> {
    let holder = state[instance].exclusive_thread.filter(|_| state.tests_over_text)?;
    state.is_ready(holder).then_some(holder)
}

/// The thread that the caller of `subtask.cancel` gives way to, which has resumed `resumed` threads so far.
///
/// The text has it resume one ready thread of the callee's instance, if there is one, and as many more
/// as it likes. Here that is the event loop that the request is for, where it can take it now; else the
/// thread whose turn it is. Where orders are drawn, both are, but for the tests, some of which rely on this.
pub(crate) fn resumed_by_cancel(state: &mut State, task: TaskId, resumed: u32) -> Option<ThreadId> {
    let draws = state.draws_orders() && !state.tests_over_text;
    let goes_on = draws && !state.scheduler.is_deterministic();
    if resumed > 0 && !(goes_on && state.choose(2) == 1) {
        return None;
    }
    let instance = state.tasks[task].inst;
    let addressee = state.tasks[task].implicit_thread.filter(|id| {
        state.threads.get(*id).is_some_and(|thread| thread.body == Body::EventLoop)
            && state.is_ready(*id)
    });
    match addressee {
        Some(thread) if !draws => Some(thread),
        _ => state.next_ready_in(instance),
    }
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
