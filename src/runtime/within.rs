//! Calls within one instance.
//!
//! All of a value is lifted before any of it is lowered. Between two instances nobody can tell, and
//! a part is lowered as soon as it is lifted. Within one instance a guest can: the places of the
//! handles that are lifted are free again for those that are lowered, and `realloc` must not touch
//! what is still to be read. So the value goes by way of the host's memory.

use super::context::{Crossing, Side};
use super::stream::Channel;
use super::{ErrorContext, Handle, WaitableId};
use crate::account::Charge;
use crate::copy::{Context, FuncPlans, Source, Target};
use crate::error::Trapped;
use crate::memory::{Arena, View};
use crate::types::{ResourceType, Type};
use std::collections::VecDeque;
use std::rc::Rc;

/// `FuncPlans::copy_params` for a guest that calls itself.
pub(crate) fn copy_params(
    crossing: Crossing<'_, '_>,
    plans: &FuncPlans,
    from: Source<'_>,
    to: Target<'_>,
) -> Result<(), Trapped> {
    let (lift, lower) = plans.halves(&crossing.cx.shared.plans);
    by_way_of_the_host(
        crossing,
        |half, place| lift.copy_params(half, from, Target::Allocate(place)),
        |half, place| lower.copy_params(half, Source::Memory(place), to),
    )
}

/// `FuncPlans::copy_result` for a guest that calls itself.
pub(crate) fn copy_result(
    crossing: Crossing<'_, '_>,
    plans: &FuncPlans,
    from: Source<'_>,
    to: Target<'_>,
) -> Result<(), Trapped> {
    let (lift, lower) = plans.halves(&crossing.cx.shared.plans);
    by_way_of_the_host(
        crossing,
        |half, place| lift.copy_result(half, from, Target::Allocate(place)),
        |half, place| lower.copy_result(half, Source::Memory(place), to),
    )
}

fn by_way_of_the_host(
    crossing: Crossing<'_, '_>,
    lift: impl FnOnce(&mut Half<'_, '_>, &mut u64) -> Result<(), Trapped>,
    lower: impl FnOnce(&mut Half<'_, '_>, u64) -> Result<(), Trapped>,
) -> Result<(), Trapped> {
    let Crossing { cx, src, dst, borrows, .. } = crossing;
    let account = cx.shared.host_memory.clone();
    let arena = Rc::new(Arena::charged_to(&account));
    let (inst, host) = (dst.inst, Side::host(&arena));
    let lifted = Handles { queue: VecDeque::new(), charge: Charge::new(&account, 0)? };
    let to_host = Crossing::new(&mut *cx, src, &host, borrows);
    let mut half = Half { crossing: to_host, is_lowering: false, lifted };
    let mut place = 0;
    let mut result = lift(&mut half, &mut place);
    let mut lifted = half.lifted;
    if result.is_ok() {
        let from_host = Crossing::new(&mut *cx, &host, dst, borrows);
        let mut half = Half { crossing: from_host, is_lowering: true, lifted };
        result = lower(&mut half, place);
        lifted = half.lifted;
    }
    for handle in lifted.queue {
        // A resource must not be lost with its destructor not run.
        if let Lifted::Own(resource, rep) = handle {
            let back = cx.state().lower_own(inst, &resource, rep);
            debug_assert!(back.is_ok());
        }
    }
    result
}

/// What a handle stood for.
enum Lifted {
    Own(ResourceType, u32),
    Borrow(ResourceType, u32),
    End(WaitableId),
    ErrorContext(Rc<ErrorContext>),
}

/// One of the two copies.
struct Half<'a, 'cx> {
    crossing: Crossing<'a, 'cx>,
    is_lowering: bool,
    /// Handles are lowered in the order in which they were lifted, so in between a handle in the
    /// value can be any number.
    lifted: Handles,
}

struct Handles {
    queue: VecDeque<Lifted>,
    charge: Charge,
}

impl Half<'_, '_> {
    fn copy_handle(
        &mut self,
        lift: impl FnOnce(&mut Crossing<'_, '_>) -> Result<Lifted, Trapped>,
    ) -> Result<u32, Trapped> {
        if !self.is_lowering {
            self.lifted.charge.grow(size_of::<Lifted>() as u64)?;
            self.lifted.queue.push_back(lift(&mut self.crossing)?);
            return Ok(0);
        }
        let Crossing { cx, dst, borrows, .. } = &mut self.crossing;
        let mut state = cx.state();
        let index = match self.lifted.queue.front().expect("as many are lowered as were lifted") {
            Lifted::Own(resource, rep) => state.lower_own(dst.inst, resource, *rep),
            Lifted::Borrow(resource, rep) => {
                let scope = borrows.expect("it was lifted for one");
                let scope = state.borrow_scope(scope, dst.inst, resource)?;
                state.lower_borrow(dst.inst, resource, *rep, scope)
            }
            Lifted::End(end) => state.lower_async_value(dst.inst, *end),
            Lifted::ErrorContext(context) => {
                state.add_handle(dst.inst, Handle::ErrorContext(context.clone()))
            }
        }?;
        self.lifted.queue.pop_front();
        Ok(index)
    }

    fn copy_end(
        &mut self,
        channel: Channel,
        element: Option<&Type>,
        handle: u32,
    ) -> Result<u32, Trapped> {
        self.copy_handle(|Crossing { cx, src, .. }| {
            cx.state().lift_async_value(src.inst, channel, element, handle).map(Lifted::End)
        })
    }
}

impl Context for Half<'_, '_> {
    fn src_memory(&mut self) -> View {
        self.crossing.src_memory()
    }

    fn dst_memory(&mut self) -> View {
        self.crossing.dst_memory()
    }

    fn realloc(
        &mut self,
        old: u64,
        old_size: u64,
        align: u32,
        new_size: u64,
    ) -> Result<u64, Trapped> {
        self.crossing.realloc(old, old_size, align, new_size)
    }

    fn spend(&mut self, work: u64) -> Result<(), Trapped> {
        self.crossing.spend(work)
    }

    fn own(&mut self, resource: &ResourceType, handle: u32) -> Result<u32, Trapped> {
        self.copy_handle(|Crossing { cx, src, .. }| {
            let rep = cx.state().lift_own(src.inst, resource, handle)?;
            Ok(Lifted::Own(resource.clone(), rep))
        })
    }

    fn borrow(&mut self, resource: &ResourceType, handle: u32) -> Result<u32, Trapped> {
        self.copy_handle(|Crossing { cx, src, dst, borrows, .. }| {
            let scope = borrows.expect("only parameters contain borrows");
            let mut state = cx.state();
            let scope = state.borrow_scope(scope, dst.inst, resource)?;
            let rep = state.lift_borrow(src.inst, resource, handle, scope)?;
            Ok(Lifted::Borrow(resource.clone(), rep))
        })
    }

    fn stream(&mut self, element: Option<&Type>, handle: u32) -> Result<u32, Trapped> {
        self.copy_end(Channel::Stream, element, handle)
    }

    fn future(&mut self, element: Option<&Type>, handle: u32) -> Result<u32, Trapped> {
        self.copy_end(Channel::Future, element, handle)
    }

    fn error_context(&mut self, handle: u32) -> Result<u32, Trapped> {
        self.copy_handle(|Crossing { cx, src, .. }| {
            let state = cx.state();
            let context = state[src.inst].handles.error_context(handle)?;
            Ok(Lifted::ErrorContext(context.clone()))
        })
    }
}
