//! `canon waitable-set.*`, `waitable.join`.

use crate::engine::CoreMemory;
use crate::error::{Frame, FrameKind, Trap, Trapped};
use crate::memory::View;
use crate::runtime::{Cx, Event, EventCode, Handle, InstanceId, SetId, Wait, Wake, policy};

/// Where a guest wants the two numbers of an event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventTarget {
    pub(crate) memory: CoreMemory,
    pub(crate) ptr: u64,
}

/// `canon_waitable_set_new`.
pub(crate) fn canon_waitable_set_new(cx: &mut Cx<'_>, inst: InstanceId) -> Result<u32, Trapped> {
    let mut state = cx.state();
    policy::check_may_leave(&state, inst)?;
    let set = state.sets.insert(Default::default())?;
    let added = state.add_handle(inst, Handle::WaitableSet(set));
    if added.is_err() {
        state.sets.discard(set);
    }
    added
}

/// `canon_waitable_set_wait`, `WaitableSet.wait`: an event of the set, or `None` if there is
/// none yet.
pub(crate) fn canon_waitable_set_wait(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    index: u32,
    into: EventTarget,
) -> Result<Option<EventCode>, Trapped> {
    let event = {
        let mut state = cx.state();
        policy::check_may_leave(&state, inst)?;
        let set = state[inst].handles.waitable_set(index)?;
        let thread = state.current_thread();
        if state.must_wait(thread, Wait::Set(set)) {
            let EventTarget { memory, ptr } = into;
            state.threads[thread].wake = Wake::SetEvent { set, memory, ptr };
            return Ok(None);
        } else {
            state.get_set_event(set)
        }
    };
    unpack_event(cx, into, event).map(Some)
}

/// The set that a thread waited for has an event.
pub(crate) fn deliver_event(
    cx: &mut Cx<'_>,
    set: SetId,
    into: EventTarget,
) -> Result<EventCode, Trapped> {
    let event = cx.state().get_set_event(set);
    unpack_event(cx, into, event)
        .map_err(|trap| trap.within(Frame::new(FrameKind::Builtin, "waitable-set.wait")))
}

/// `canon_waitable_set_poll`, `WaitableSet.poll`: an event of the set, or none.
pub(crate) fn canon_waitable_set_poll(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    index: u32,
    into: EventTarget,
) -> Result<EventCode, Trapped> {
    let event = {
        let mut state = cx.state();
        policy::check_may_leave(&state, inst)?;
        let set = state[inst].handles.waitable_set(index)?;
        if state.sets[set].has_pending_event() { state.get_set_event(set) } else { Event::NONE }
    };
    unpack_event(cx, into, event)
}

/// `unpack_event`: stores the two numbers and returns the code.
fn unpack_event(cx: &mut Cx<'_>, into: EventTarget, event: Event) -> Result<EventCode, Trapped> {
    let (base, len) = cx.engine.memory(into.memory);
    View { base, len }.store_u32s(into.ptr, [event.p1, event.p2])?;
    Ok(event.code)
}

/// `canon_waitable_set_drop`.
pub(crate) fn canon_waitable_set_drop(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    index: u32,
) -> Result<(), Trapped> {
    let mut state = cx.state();
    policy::check_may_leave(&state, inst)?;
    let set = state[inst].handles.waitable_set(index)?;
    state.drop_set(set)?;
    state.take_handle(inst, index)?;
    Ok(())
}

/// `canon_waitable_join`: puts a waitable into a set, or with index 0 into none.
pub(crate) fn canon_waitable_join(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    waitable_index: u32,
    set_index: u32,
) -> Result<(), Trapped> {
    let mut state = cx.state();
    policy::check_may_leave(&state, inst)?;
    let waitable = state[inst].handles.waitable(waitable_index)?;
    if state.waitables[waitable].has_sync_waiter() {
        return Err(Trap::WaitableInSyncUse.into());
    }
    let set = match set_index {
        0 => None,
        index => Some(state[inst].handles.waitable_set(index)?),
    };
    state.join(waitable, set);
    Ok(())
}
