//! `canon subtask.cancel`, `subtask.drop`.

use super::task::request_cancellation;
use crate::error::{Trap, Trapped};
use crate::runtime::{Cx, InstanceId, Wait, WaitableId, Wake, policy};

/// What a built-in returns where it has no result yet.
pub(crate) const BLOCKED: u32 = 0xffff_ffff;

/// `canon_subtask_cancel`: asks the callee to cancel itself. The subtask's state if it is over,
/// [`BLOCKED`] if it is not and `is_async`, `None` if the thread has to wait.
pub(crate) fn canon_subtask_cancel(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    is_async: bool,
    index: u32,
) -> Result<Option<u32>, Trapped> {
    let (id, callee) = {
        let mut state = cx.state();
        policy::check_may_leave(&state, inst)?;
        let id = state[inst].handles.subtask(index)?;
        let in_set = state.waitables[id].in_waitable_set();
        let subtask = state.subtask(id);
        if subtask.resolve_delivered {
            return Err(Trap::SubtaskAlreadyResolved.into());
        }
        if subtask.cancellation_requested {
            return Err(Trap::SubtaskCancelledTwice.into());
        }
        if in_set {
            return Err(Trap::SyncUseInSet.into());
        }
        let callee = subtask.callee.filter(|_| !subtask.resolved());
        subtask.cancellation_requested = callee.is_some();
        (id, callee)
    };
    if let Some(task) = callee {
        let waiter = cx.state().current;
        cx.state().waitables[id].sync_waiter = waiter;
        request_cancellation(cx, task, inst)?;
        if let Some(subtask) = cx.state().waitables.get_mut(id) {
            subtask.sync_waiter = None;
        }
    }
    let mut state = cx.state();
    state.check_not_ended(inst)?;
    if state.subtask_resolved(id) {
        return Ok(Some(state.get_pending_event(id).p2));
    }
    // A callee that a trap has ended never answers.
    if is_async {
        return Ok(Some(BLOCKED));
    }
    let thread = state.current_thread();
    state.threads[thread].wake = Wake::SubtaskCancel(id);
    state.start_waiting(thread, Wait::Resolved(id));
    Ok(None)
}

/// Takes the event of a subtask that is over.
pub(crate) fn cancelled(cx: &mut Cx<'_>, subtask: WaitableId) -> u32 {
    cx.state().get_pending_event(subtask).p2
}

/// `canon_subtask_drop`.
pub(crate) fn canon_subtask_drop(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    index: u32,
) -> Result<(), Trapped> {
    let mut state = cx.state();
    policy::check_may_leave(&state, inst)?;
    let subtask = state[inst].handles.subtask(index)?;
    state.drop_subtask(subtask)?;
    state.take_handle(inst, index)?;
    Ok(())
}
