//! `canon resource.new`, `resource.drop`, `resource.rep`.

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

/// `canon_resource_drop`: drops a handle, and the resource with the handle that owns it.
pub(crate) fn canon_resource_drop(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    ty: &ResourceType,
    index: u32,
) -> Result<(), Trapped> {
    let (implementation, dtor, rep) = {
        let mut state = cx.state();
        policy::check_may_leave(&state, inst)?;
        let ResourceHandle { ty, rep, num_lends, kind } = *state.resource(inst, ty, index)?;
        if num_lends != 0 {
            return Err(Trap::ResourceLent { index }.into());
        }
        state[inst].handles.take(index)?;
        if let Ownership::Borrow(task) = kind {
            state.tasks[task].num_borrows -= 1;
            return Ok(());
        }
        let resource = state.resources.get(ty);
        (resource.implementation, resource.dtor.clone(), rep)
    };
    match dtor {
        Some(PreparedDtor::Guest(dtor)) => {
            canon_lower(cx, &dtor, inst, &[RawVal::from(rep)], &mut []).map(|_| ())
        }
        Some(PreparedDtor::Host(dtor)) => {
            let thread = cx.state().current.take();
            let result = dtor(cx, rep);
            cx.state().current = thread;
            result
        }
        None if cx.state().may_enter_from(implementation, inst) => Ok(()),
        None => Err(Trap::CannotEnter.into()),
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

/// For a host that has or receives handles: the handles of the host's own table.
pub mod host {
    use super::*;
    use crate::error::Result;

    /// A new handle of the host's that owns the resource with representation `rep`. The type must
    /// be one that the host implements.
    pub fn new(cx: &mut Cx<'_>, ty: &ResourceType, rep: u32) -> Result<u32> {
        Ok(canon_resource_new(cx, InstanceId::HOST, ty, rep)?)
    }

    /// Drops a handle of the host's.
    pub fn drop(cx: &mut Cx<'_>, handle: u32) -> Result<()> {
        let ty = ty(cx, handle)?;
        Ok(canon_resource_drop(cx, InstanceId::HOST, &ty, handle)?)
    }

    /// The type of what a handle of the host's refers to.
    pub fn ty(cx: &Cx<'_>, handle: u32) -> Result<ResourceType> {
        let state = cx.state();
        let id = state[InstanceId::HOST].handles.resource(handle)?.ty;
        Ok(state.resources.get(id).ty.clone())
    }

    /// The representation behind a handle of the host's, if its type is `ty`.
    pub fn rep(cx: &Cx<'_>, ty: &ResourceType, handle: u32) -> Result<u32> {
        Ok(cx.state().resource(InstanceId::HOST, ty, handle)?.rep)
    }

    /// Whether a handle of the host's owns what it refers to.
    pub fn is_owned(cx: &Cx<'_>, handle: u32) -> Result<bool> {
        let state = cx.state();
        Ok(state[InstanceId::HOST].handles.resource(handle)?.kind == Ownership::Own)
    }
}
