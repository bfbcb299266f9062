//! `canon resource.new`, `resource.drop`, `resource.rep`.

use super::builtin::{Answer, Step};
use super::lower::canon_lower;
use crate::engine::RawVal;
use crate::error::{Trap, Trapped};
use crate::runtime::{Cx, InstanceId, Ownership, PreparedDtor, ResourceHandle, policy};
use crate::types::ResourceType;

/// `canon_resource_new`: a handle that owns the resource with representation `rep`.
pub(crate) fn canon_resource_new(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    ty: &ResourceType,
    rep: u32,
) -> Result<u32, Trapped> {
    let mut state = cx.state();
    policy::check_may_leave(&state, inst)?;
    state.lower_own(inst, ty, rep)
}

/// `canon_resource_drop`: drops a handle, and the resource with the handle that owns it. It blocks where a
/// guest's destructor waits for the host.
pub(crate) fn canon_resource_drop(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    ty: &ResourceType,
    index: u32,
) -> Answer {
    let (implementation, dtor, rep) = {
        let mut state = cx.state();
        policy::check_may_leave(&state, inst)?;
        let ResourceHandle { ty, rep, num_lends, kind, .. } = *state.resource(inst, ty, index)?;
        if num_lends != 0 {
            return Err(Trap::ResourceLent { index }.into());
        }
        state.take_handle(inst, index)?;
        if let Ownership::Borrow(task) = kind {
            // The host may still hold what it was lent for a call that a trap has ended.
            if let Some(task) = state.tasks.get_mut(task) {
                task.num_borrows -= 1;
            }
            return Ok(Step::Done);
        }
        let resource = state.resources.get(ty);
        (resource.implementation, resource.dtor.clone(), rep)
    };
    match dtor {
        Some(PreparedDtor::Guest(dtor)) => {
            canon_lower(cx, &dtor, inst, &[RawVal::from(rep)], &mut [])
        }
        Some(PreparedDtor::Host(dtor)) => {
            cx.put_on_record()?;
            let thread = cx.state().current.take();
            let result = dtor(cx, rep);
            let mut state = cx.state();
            state.current = thread;
            result.and_then(|()| state.check_not_ended(inst)).map(|()| Step::Done)
        }
        None if !cx.state().has_ended(implementation, inst) => Ok(Step::Done),
        None => Err(cx.state().cannot_enter(implementation, inst)),
    }
}

/// `canon_resource_rep`: the representation, for the instance that implements the type.
pub(crate) fn canon_resource_rep(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    ty: &ResourceType,
    index: u32,
) -> Result<u32, Trapped> {
    Ok(cx.state().resource(inst, ty, index)?.rep)
}
