//! Waitable sets of the host's: its ends of streams and futures, waited for together.

use super::call::{tick, would_block};
use super::stream::{copied, usage};
use crate::error::{Error, ErrorKind, Result, Trapped};
use crate::runtime::host_end::Copied;
use crate::runtime::{
    Cx, EventCode, Handle, InstanceId, SetId, State, WaitableId, WaitableKind, outside,
};

/// What became of a copy at an end in a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostEvent {
    /// Which kind of copy.
    pub code: EventCode,
    /// The end.
    pub handle: u32,
    /// How the copy ended.
    pub copied: Copied,
}

/// A new, empty set: its handle.
pub fn waitable_set_new(cx: &mut Cx<'_>) -> Result<u32> {
    let state = &mut *cx.state();
    let set = state.sets.insert(Default::default())?;
    state.add_handle(InstanceId::HOST, Handle::WaitableSet(set)).map_err(|trap| {
        state.sets.remove(set);
        Error::new(ErrorKind::Limit, trap.to_string())
    })
}

/// Puts an end of a stream or future into a set, or with the handle 0 into none.
pub fn waitable_join(cx: &mut Cx<'_>, end: u32, set: u32) -> Result<()> {
    let mut state = cx.state();
    let handles = &state[InstanceId::HOST].handles;
    let set = match set {
        0 => None,
        set => Some(handles.waitable_set(set).map_err(usage)?),
    };
    let end: WaitableId = handles.waitable(end).map_err(usage)?;
    state.join(end, set);
    Ok(())
}

/// Takes an event of a set, if it has one.
pub fn waitable_set_poll(cx: &mut Cx<'_>, set: u32) -> Result<Option<HostEvent>> {
    let mut state = cx.state();
    let set = state[InstanceId::HOST].handles.waitable_set(set).map_err(usage)?;
    let Some(end) = state.next_for_set(set) else { return Ok(None) };
    let event = state.get_pending_event(end);
    Ok(Some(HostEvent { code: event.code, handle: event.p1, copied: copied(event) }))
}

/// Runs the store until a set has an event, and takes it. An error of [`ErrorKind::WouldBlock`] where
/// nothing can run before the host does something.
pub fn waitable_set_wait(cx: &mut Cx<'_>, set: u32) -> Result<HostEvent> {
    loop {
        if let Some(event) = waitable_set_poll(cx, set)? {
            return Ok(event);
        }
        if !tick(cx)? && !outside::wait_for_any(cx)? {
            return Err(would_block(&cx.state(), "no end in the set has an event"));
        }
    }
}

/// Drops a set, which must be empty.
pub fn waitable_set_drop(cx: &mut Cx<'_>, handle: u32) -> Result<()> {
    let mut state = cx.state();
    drop_set(&mut state, handle).map_err(usage)
}

impl State {
    /// Whether somebody will be told when the copy at an end is over.
    fn has_completion(&self, id: WaitableId) -> bool {
        let WaitableKind::End(end) = &self.waitables[id].kind else { return false };
        end.host.as_ref().is_some_and(|side| side.completion.is_some())
    }

    /// An element of the set with an event that no completion will be told of.
    fn next_for_set(&mut self, set: SetId) -> Option<WaitableId> {
        let len = self.sets[set].pending.len();
        if len == 0 {
            return None;
        }
        let n = self.choose(len);
        let pending = &self.sets[set].pending;
        let drawn = pending.nth(&mut self.waitables, n);
        let mut next = pending.front(&self.waitables);
        if drawn.is_some_and(|id| !self.has_completion(id)) {
            return drawn;
        }
        // Completions are told before long, so there are few of these.
        while let Some(id) = next.filter(|id| self.has_completion(*id)) {
            next = self.sets[set].pending.next(&mut self.waitables, id);
        }
        next
    }
}

fn drop_set(state: &mut State, handle: u32) -> Result<(), Trapped> {
    let set = state[InstanceId::HOST].handles.waitable_set(handle)?;
    state.drop_set(set)?;
    state.take_handle(InstanceId::HOST, handle)?;
    Ok(())
}
