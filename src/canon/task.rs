//! `canon task.return`, `task.cancel`, and how a task is asked to cancel itself.

use super::thread::resume;
use crate::engine::RawVal;
use crate::error::{Trap, Trapped};
use crate::runtime::{
    Callee, Cx, HostTask, InstanceId, Lift, Options, State, TaskId, TaskState, leave, policy,
    return_latent_result, return_result,
};
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
    let latent = cx.state().latent_lift();
    let (call, lift) = match latent {
        Some((at, lift)) => {
            check_async(&cx.state(), &lift)?;
            (Returning::Latent(at), lift)
        }
        None => {
            cx.put_on_record()?;
            let (task, lift) = async_task(&cx.state())?;
            (Returning::Task(task), lift)
        }
    };
    if lift.ty.result() != result.as_ref() {
        return Err(Trap::TaskReturnType.into());
    }
    // `LiftOptions.equal`, but that a memory may be left out where the result does not need one.
    let other_memory = opts.memory.is_some() && opts.memory != lift.opts.memory;
    if other_memory || opts.string_encoding != lift.opts.string_encoding {
        return Err(Trap::TaskReturnOptions.into());
    }
    match call {
        Returning::Latent(at) => {
            let sides = cx.state().sides_of_latent(at)?;
            return_latent_result(cx, &sides.as_ref(), &lift.ty, at, MAX_FLAT_PARAMS, args).map(drop)
        }
        Returning::Task(task) => return_result(cx, &lift.ty, task, MAX_FLAT_PARAMS, args),
    }
}

/// What `task.return` is called by.
enum Returning {
    /// A call that is not on record.
    Latent(usize),
    Task(TaskId),
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
    match &state.tasks[thread.task].callee {
        Callee::Lift(lift) => check_async(state, lift).map(|()| (thread.task, lift.clone())),
        _ => {
            policy::check_may_leave(state, thread.inst)?;
            Err(Trap::NotAsyncTask.into())
        }
    }
}

/// Fails if a call of `lift` does not return by a built-in.
fn check_async(state: &State, lift: &Lift) -> Result<(), Trapped> {
    policy::check_may_leave(state, lift.inst)?;
    if lift.opts.is_async { Ok(()) } else { Err(Trap::NotAsyncTask.into()) }
}

/// `Task.request_cancellation`: asks a task to cancel itself, and lets its instance run.
pub(crate) fn request_cancellation(
    cx: &mut Cx<'_>,
    task: TaskId,
    caller: InstanceId,
) -> Result<(), Trapped> {
    let mut state = cx.state();
    let entry = &mut state.tasks[task];
    if let Callee::Host(served) = &mut entry.callee {
        entry.state = TaskState::CancelDelivered;
        let hook = served.on_cancel.take();
        drop(state);
        return match hook {
            Some(hook) => hook(cx, HostTask(task)),
            None => Ok(()),
        };
    }
    let was = std::mem::replace(&mut entry.state, TaskState::PendingCancel);
    let (inst, implicit) = (entry.inst, entry.implicit_thread);
    if was == TaskState::Initial {
        drop(state);
        return resume(cx, implicit.expect("a task waiting to enter has its thread"));
    }
    debug_assert_eq!(was, TaskState::Started);
    if let Some(thread) = implicit.filter(|thread| state.threads.get(*thread).is_some()) {
        state.wake(thread);
    }
    drop(state);
    let mut resumed = 0;
    while !cx.state().task_resolved(task) && !cx.state().has_ended(inst, caller) {
        let next = policy::resumed_by_cancel(&mut cx.state(), task, resumed);
        let Some(next) = next else { break };
        leave(cx, inst, caller, |cx| resume(cx, next))?;
        resumed += 1;
    }
    Ok(())
}
