//! Values that the host passes, looked at on their own. What is wrong with one is a mistake of the
//! host's, which must not end the guest that it is for.

use super::stream::Channel;
use super::{Cx, InstanceId};
use crate::copy::{Context, Format};
use crate::error::{Trap, Trapped};
use crate::memory::{Arena, View};
use crate::types::{ResourceType, Type};
use rustc_hash::FxHashSet;

/// Looks at `count` values one after the other before they are copied, if they hold handles: some of
/// these would be gone by the time that a copy fails.
pub(crate) fn check_handles(
    cx: &mut Cx<'_>,
    ty: &Type,
    ptr: u64,
    count: u32,
) -> Result<(), Trapped> {
    if ty.info().holds_handles() { check(cx, ty, ptr, count) } else { Ok(()) }
}

/// What to say of values that could not be copied, after [`check_handles`]: what is wrong with them,
/// or else `trap`.
#[cold]
pub(crate) fn blame(cx: &mut Cx<'_>, ty: &Type, ptr: u64, count: u32, trap: Trapped) -> Trapped {
    if ty.info().holds_handles() {
        return trap;
    }
    check(cx, ty, ptr, count).err().unwrap_or(trap)
}

/// Looks at values as lifting them would. A trap is marked as the host's.
fn check(cx: &mut Cx<'_>, ty: &Type, ptr: u64, count: u32) -> Result<(), Trapped> {
    let plan = cx.shared.plans.get(ty, Format::HOST, Format::HOST);
    let info = ty.info();
    let bytes = u64::from(count) * u64::from(info.size(Format::HOST.addr));
    let arena = cx.state().take_arena();
    let mut looking = Looking { cx, arena: &arena, moved: FxHashSet::default() };
    let looked = arena
        .alloc(bytes, info.align(Format::HOST.addr))
        .and_then(|to| plan.copy_elements(&mut looking, ptr, to.addr() as u64, count.into()));
    cx.state().give_back_arena(arena);
    match looked {
        // Too much to look at is not wrong.
        Err(trap) if !matches!(trap.reason(), Trap::Limit { .. }) => Err(trap.of_host()),
        _ => Ok(()),
    }
}

/// Lifts without taking anything.
struct Looking<'a, 'cx> {
    cx: &'a mut Cx<'cx>,
    arena: &'a Arena,
    /// The handles that a value has given away by now.
    moved: FxHashSet<u32>,
}

impl Looking<'_, '_> {
    fn moves(&mut self, handle: u32) -> Result<u32, Trapped> {
        if !self.moved.insert(handle) {
            return Err(Trap::UnknownHandle { index: handle }.into());
        }
        Ok(handle)
    }

    fn end(
        &mut self,
        channel: Channel,
        element: Option<&Type>,
        handle: u32,
    ) -> Result<u32, Trapped> {
        self.cx.state().check_liftable(InstanceId::HOST, channel, element, handle)?;
        self.moves(handle)
    }
}

impl Context for Looking<'_, '_> {
    fn src_memory(&mut self) -> View {
        View::HOST
    }

    fn dst_memory(&mut self) -> View {
        View::HOST
    }

    fn realloc(
        &mut self,
        old: u64,
        old_size: u64,
        align: u32,
        new_size: u64,
    ) -> Result<u64, Trapped> {
        self.arena.realloc(old, old_size, align, new_size)
    }

    fn spend(&mut self, _work: u64) -> Result<(), Trapped> {
        Ok(())
    }

    fn own(&mut self, resource: &ResourceType, handle: u32) -> Result<u32, Trapped> {
        self.cx.state().owned(InstanceId::HOST, resource, handle)?;
        self.moves(handle)
    }

    fn borrow(&mut self, resource: &ResourceType, handle: u32) -> Result<u32, Trapped> {
        if self.cx.is_lent_rep(resource, handle) {
            return Ok(handle);
        }
        self.cx.state().resource(InstanceId::HOST, resource, handle)?;
        if self.moved.contains(&handle) {
            return Err(Trap::UnknownHandle { index: handle }.into());
        }
        Ok(handle)
    }

    fn stream(&mut self, element: Option<&Type>, handle: u32) -> Result<u32, Trapped> {
        self.end(Channel::Stream, element, handle)
    }

    fn future(&mut self, element: Option<&Type>, handle: u32) -> Result<u32, Trapped> {
        self.end(Channel::Future, element, handle)
    }

    fn error_context(&mut self, handle: u32) -> Result<u32, Trapped> {
        self.cx.state()[InstanceId::HOST].handles.error_context(handle)?;
        Ok(handle)
    }
}
