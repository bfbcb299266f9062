//! `canon lower`.

use super::builtin::{Answer, Step, import};
use super::{FuncInst, Lift, Options};
use crate::copy::{FuncPlans, PlanCache};
use crate::engine::{CoreFunc, RawVal};
use crate::runtime::{Caller, Cx, Handle, InstanceId, Subtask, Wait, WaitableId, Wake, policy};
use crate::types::layout::Context;
use crate::types::{Field, FuncType, ResourceType, Type};
use std::rc::Rc;

/// A component-level function lowered for a guest to call.
pub struct Lower {
    pub(crate) callee: FuncInst,
    pub(crate) opts: Options,
    pub(crate) plans: Rc<FuncPlans>,
    /// Core parameters, and whether the last one is where the result goes.
    param_count: usize,
    has_out_param: bool,
    has_result: bool,
}

impl Lower {
    fn new(plans: &PlanCache, callee: FuncInst, opts: Options) -> Lower {
        let ty = callee.ty();
        let core = ty.flatten(opts.addr, opts.is_async, false, Context::Lower);
        let has_result = !opts.is_async && !core.results.is_empty();
        Lower {
            plans: Rc::new(FuncPlans::new(plans, ty, opts.format(), callee.format())),
            param_count: core.params.len(),
            has_out_param: ty.result().is_some() && !has_result,
            has_result,
            callee,
            opts,
        }
    }

    /// The destructor of a resource type, as `resource.drop` calls it.
    pub(crate) fn dtor(func: CoreFunc, inst: InstanceId, ty: &ResourceType) -> Rc<Lower> {
        let rep = Field { name: "rep".into(), ty: Type::u32() };
        let func_type = FuncType::new(vec![rep], None, false).expect("the type is valid");
        let name = format!("destructor of {}", ty.name());
        let lift = Lift::new(func, func_type, Options::default(), inst, name.into());
        let callee = FuncInst::Lifted(Rc::new(lift));
        Rc::new(Lower::new(&PlanCache::default(), callee, Options::default()))
    }
}

/// Lowers `callee` for the guests of `instance`.
pub fn lower(cx: &mut Cx<'_>, callee: FuncInst, opts: Options, instance: InstanceId) -> CoreFunc {
    let ty = callee.ty().flatten(opts.addr, opts.is_async, false, Context::Lower);
    let lower = Rc::new(Lower::new(&cx.shared.plans, callee, opts));
    import(cx, &ty, move |cx, args, results| canon_lower(cx, &lower, instance, args, results))
}

/// `canon_lower`.
pub(crate) fn canon_lower(
    cx: &mut Cx<'_>,
    lower: &Rc<Lower>,
    inst: InstanceId,
    args: &[RawVal],
    results: &mut [RawVal],
) -> Answer {
    let subtask = {
        let mut state = cx.state();
        policy::check_may_leave(&state, inst)
            .map_err(|trap| trap.within(state.called_frame(&lower.callee)))?;
        let result_ptr = if lower.has_out_param { args[lower.param_count - 1] } else { 0 };
        state.new_subtask(inst, || Caller::Guest(lower.clone()), result_ptr)?
    };
    if let Err(trap) = lower.callee.invoke(cx, subtask, inst, args) {
        cx.state().forget_subtask(subtask);
        return Err(trap);
    }
    let mut state = cx.state();
    state.check_not_ended(inst)?;
    if state.subtask_resolved(subtask) {
        state.deliver_resolve(subtask);
        let Subtask { state: resolution, result, .. } = *state.subtask(subtask);
        state.drop_waitable(subtask);
        if lower.opts.is_async {
            results[0] = resolution as RawVal;
        } else if lower.has_result {
            results[0] = result;
        }
        return Ok(Step::Done);
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
    state.start_waiting(thread, Wait::Resolved(subtask), false);
    Ok(Step::Block)
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
