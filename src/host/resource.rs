//! Resources in the host's own table: for a host that has or receives handles. A mistake of the host's is an
//! error that names the handle and the type; it harms nothing.

use super::settle;
use crate::canon::canon_resource_drop;
use crate::error::{Error, ErrorKind, Result, Trap, Trapped};
use crate::runtime::{Cx, Handle, InstanceId, Ownership, ResourceHandle};
use crate::types::ResourceType;

/// A new handle of the host's that owns the resource with representation `rep`. The type must
/// be one that the host implements in this store.
pub fn new(cx: &mut Cx<'_>, ty: &ResourceType, rep: u32) -> Result<u32> {
    check_implements(cx, ty)?;
    cx.state().lower_own(InstanceId::HOST, ty, rep).map_err(refused)
}

/// Checks that the host implements `ty` in this store.
pub fn check_implements(cx: &Cx<'_>, ty: &ResourceType) -> Result<()> {
    let state = cx.state();
    let name = ty.name();
    let found = state.resources.find(ty).map(|id| state.resources.get(id).implementation);
    let message = match found {
        Some(InstanceId::HOST) => return Ok(()),
        Some(_) => format!("the resource type {name:?} is implemented by a component"),
        None => format!("the resource type {name:?} is not imported by any component here"),
    };
    Err(Error::new(ErrorKind::InvalidArgument, message))
}

/// Drops a handle of the host's, and the resource with the handle that owns it: its destructor
/// runs. With a type, the handle must be one to a resource of that type.
///
/// An error, and nothing else, where the handle is lent.
pub fn drop(cx: &mut Cx<'_>, expected: Option<&ResourceType>, handle: u32) -> Result<()> {
    let found = ty(cx, expected, handle)?;
    check_may_drop(cx, &found, handle)?;
    cx.put_on_record()?;
    let dropped = canon_resource_drop(cx, InstanceId::HOST, &found, handle);
    settle(cx, dropped.map(|_| ()))
}

/// Gives up a handle of the host's: it is dropped now if it can be, or else as soon as it is not lent
/// any more and no guest runs. A trap of its destructor is then told by the next [`tick`].
///
/// [`tick`]: super::tick
pub fn give_up(cx: &mut Cx<'_>, handle: u32) -> Result<()> {
    let found = ty(cx, None, handle)?;
    if check_may_drop(cx, &found, handle).is_ok() && cx.put_on_record().is_ok() {
        return drop(cx, None, handle);
    }
    let mut state = cx.state();
    let resource = state.resource(InstanceId::HOST, &found, handle)?;
    resource.given_up = true;
    // Otherwise the end of the last call that it is lent to sees to it.
    if resource.num_lends == 0 {
        state.given_up.push_back(handle);
    }
    Ok(())
}

/// Drops one handle that the host has given up, while no guest runs; false where there is none.
pub(super) fn drop_given_up(cx: &mut Cx<'_>) -> bool {
    let (handle, ty) = {
        let mut state = cx.state();
        let Some(handle) = state.given_up.pop_front() else { return false };
        match state[InstanceId::HOST].handles.get(handle) {
            Some(Handle::Resource(resource)) if resource.given_up => {
                (handle, state.resources.get(resource.ty).ty.clone())
            }
            _ => return true,
        }
    };
    let dropped = canon_resource_drop(cx, InstanceId::HOST, &ty, handle);
    // With an instance that a trap has ended, its resources are gone.
    if let Err(trap) = dropped
        && !matches!(trap.reason(), Trap::Ended { .. })
    {
        cx.state().unreported.push_back(trap);
    }
    true
}

fn check_may_drop(cx: &Cx<'_>, ty: &ResourceType, handle: u32) -> Result<()> {
    let mut state = cx.state();
    let ResourceHandle { num_lends, .. } = *state.resource(InstanceId::HOST, ty, handle)?;
    if num_lends != 0 {
        return Err(refused(Trap::ResourceLent { index: handle }.into()));
    }
    Ok(())
}

/// The type of what a handle of the host's refers to, which must be `expected` if that is given.
pub fn ty(cx: &Cx<'_>, expected: Option<&ResourceType>, handle: u32) -> Result<ResourceType> {
    let state = cx.state();
    let noun = match expected {
        Some(ty) => format!("a resource of type {:?}", ty.name()),
        None => "a resource".into(),
    };
    let found = match state[InstanceId::HOST].handles.get(handle) {
        Some(Handle::Resource(resource)) if resource.given_up => {
            return Err(wrong(handle, &noun, "one that was given up"));
        }
        Some(Handle::Resource(resource)) => &state.resources.get(resource.ty).ty,
        Some(other) => return Err(wrong(handle, &noun, other.noun())),
        None => return Err(wrong(handle, &noun, "nothing")),
    };
    match expected {
        Some(expected) if expected != found && expected.name() == found.name() => {
            Err(wrong(handle, &noun, "another type of that name"))
        }
        Some(expected) if expected != found => {
            Err(wrong(handle, &noun, &format!("one of type {:?}", found.name())))
        }
        _ => Ok(found.clone()),
    }
}

/// The representation behind a handle of the host's, which must refer to a resource of type `ty`
/// that the host implements.
pub fn rep(cx: &Cx<'_>, ty: &ResourceType, handle: u32) -> Result<u32> {
    check_implements(cx, ty)?;
    self::ty(cx, Some(ty), handle)?;
    Ok(cx.state().resource(InstanceId::HOST, ty, handle)?.rep)
}

/// Whether a handle of the host's owns what it refers to.
pub fn is_owned(cx: &Cx<'_>, handle: u32) -> Result<bool> {
    let ty = ty(cx, None, handle)?;
    Ok(cx.state().resource(InstanceId::HOST, &ty, handle)?.kind == Ownership::Own)
}

#[cold]
fn wrong(handle: u32, expected: &str, found: &str) -> Error {
    let message = format!("handle {handle} is not {expected}: it refers to {found}");
    Error::new(ErrorKind::InvalidArgument, message)
}

/// What would be a trap of a guest's.
#[cold]
fn refused(trap: Trapped) -> Error {
    let kind = match trap.reason() {
        Trap::TableFull { .. } => ErrorKind::Limit,
        _ => ErrorKind::InvalidArgument,
    };
    Error::new(kind, trap.to_string())
}
