//! `canon task.return`, `task.cancel`.

use super::{Lift, Options};
use crate::engine::RawVal;
use crate::error::{Trap, Trapped};
use crate::runtime::{Callee, Cx, State, TaskId, policy, return_result};
use crate::types::Type;
use crate::types::layout::MAX_FLAT_PARAMS;
use std::rc::Rc;

/// `canon_task_return`: gives the current task its result.
pub(crate) fn canon_task_return(
    cx: &mut Cx<'_>,
    result: &Option<Type>,
    opts: &Options,
    args: &[RawVal],
) -> Result<(), Trapped> {
    let (task, lift) = async_task(&cx.state())?;
    if lift.ty.result() != result.as_ref() {
        return Err(Trap::TaskReturnType.into());
    }
    // `LiftOptions.equal`, but that a memory may be left out where the result does not need one.
    let other_memory = opts.memory.is_some() && opts.memory != lift.opts.memory;
    if other_memory || opts.string_encoding != lift.opts.string_encoding {
        return Err(Trap::TaskReturnOptions.into());
    }
    return_result(cx, &lift.ty, task, MAX_FLAT_PARAMS, args)
}

/// `canon_task_cancel`: ends the current task without a result, as its caller has asked.
pub(crate) fn canon_task_cancel(cx: &mut Cx<'_>) -> Result<(), Trapped> {
    let mut state = cx.state();
    let (task, _) = async_task(&state)?;
    state.cancel_task(task)
}

/// The current task, which must be one of an async lift.
fn async_task(state: &State) -> Result<(TaskId, Rc<Lift>), Trapped> {
    let thread = &state.threads[state.current_thread()];
    policy::check_may_leave(state, thread.inst)?;
    match &state.tasks[thread.task].callee {
        Callee::Lift(lift) if lift.opts.is_async => Ok((thread.task, lift.clone())),
        _ => Err(Trap::NotAsyncTask.into()),
    }
}
