//! `canon lower`.

use super::builtin::{Answer, Step, import};
use super::lift::call_latent;
use crate::engine::{CoreFunc, RawVal};
use crate::runtime::{
    Caller, CallerRef, Cx, FuncInst, Handle, InstanceId, Lower, Options, Subtask, SubtaskState,
    Wait, WaitableId, Wake, policy, serve_latent,
};
use crate::types::layout::Context;
use std::rc::Rc;

/// Lowers `callee` for the guests of `instance`.
pub fn lower(cx: &mut Cx<'_>, callee: FuncInst, opts: Options, instance: InstanceId) -> CoreFunc {
    let ty = callee.ty().flatten(opts.addr, opts.is_async, false, Context::Lower);
    let lower = Rc::new(Lower::new(&cx.shared.plans, callee, opts));
    let may_block = lower.may_block();
    import(cx, &ty, may_block, false, move |cx, args, results| {
        canon_lower(cx, &lower, instance, args, results)
    })
}

/// `canon_lower`.
#[inline]
pub(crate) fn canon_lower(
    cx: &mut Cx<'_>,
    lower: &Rc<Lower>,
    inst: InstanceId,
    args: &[RawVal],
    results: &mut [RawVal],
) -> Answer {
    let may_be_latent = {
        let mut state = cx.state();
        policy::check_may_leave(&state, inst)
            .map_err(|trap| trap.within(state.called_frame(&lower.callee)))?;
        let may_be_latent = state.may_be_latent(&lower.callee, inst);
        if !may_be_latent {
            state.put_on_record()?;
        }
        may_be_latent
    };
    let result_ptr = if lower.has_out_param { args[lower.param_count - 1] } else { 0 };
    let subtask = if may_be_latent {
        let mut result = 0;
        let subtask = match &lower.callee {
            FuncInst::Lifted(lift) => {
                let caller = (CallerRef::Guest(lower), inst);
                call_latent(cx, lift, caller, args, result_ptr, &mut result)?
            }
            FuncInst::Host(def) => {
                serve_latent(cx, def, (lower, inst), args, result_ptr, &mut result)?
            }
        };
        let Some(subtask) = subtask else {
            cx.state().check_not_ended(inst)?;
            return Ok(answer(lower, SubtaskState::Returned, result, results));
        };
        subtask
    } else {
        let caller = || Caller::Guest(lower.clone());
        let subtask = cx.state().new_subtask(inst, caller, result_ptr)?;
        if let Err(trap) = lower.callee.invoke(cx, subtask, inst, args) {
            cx.state().forget_subtask(subtask);
            return Err(trap);
        }
        subtask
    };
    let mut state = cx.state();
    state.check_not_ended(inst)?;
    if state.subtask_resolved(subtask) {
        state.deliver_resolve(subtask);
        let Subtask { state: resolution, result, .. } = *state.subtask(subtask);
        state.drop_waitable(subtask);
        return Ok(answer(lower, resolution, result, results));
    }
    if lower.opts.is_async {
        let index = state.add_handle(inst, Handle::Subtask(subtask))?;
        state.waitables[subtask].index = index;
        results[0] = RawVal::from(state.subtask(subtask).state as u32 | index << 4);
        return Ok(Step::Done);
    }
    if inst == InstanceId::HOST {
        // A destructor that waits for the host, which goes on without it.
        state.subtask(subtask).detached = true;
        return Ok(Step::Done);
    }
    let thread = state.current_thread();
    state.threads[thread].wake = Wake::Lower(subtask);
    state.start_waiting(thread, Wait::Resolved(subtask));
    Ok(Step::Block)
}

/// A call is over at once: what its caller gets.
#[inline(always)]
fn answer(
    lower: &Lower,
    resolution: SubtaskState,
    flat_result: RawVal,
    results: &mut [RawVal],
) -> Step {
    if lower.opts.is_async {
        results[0] = resolution as RawVal;
    } else if lower.has_result {
        results[0] = flat_result;
    }
    Step::Done
}

/// What is left of a sync lower when its call is over.
pub(crate) fn resolved(cx: &mut Cx<'_>, subtask: WaitableId) -> Option<RawVal> {
    let mut state = cx.state();
    state.deliver_resolve(subtask);
    let Subtask { caller, result, .. } = state.subtask(subtask);
    let result = match caller {
        Caller::Guest(lower) if lower.has_result => Some(*result),
        _ => None,
    };
    state.drop_waitable(subtask);
    result
}
