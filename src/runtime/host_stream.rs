//! The host's ends of streams and futures. They are handles of the host's own table, like those
//! that arrive in values.

use super::buffer::Buffer;
use super::context::{Memory, Side};
use super::stream::{self, Channel, CopyResult, CopyState, Direction, EndKind};
use super::waitable::{Event, WaitableId, WaitableKind};
use super::{Cx, Handle, InstanceId, State, store};
use crate::copy::Format;
use crate::error::{Error, ErrorKind, Result, Trap};
use crate::memory::Arena;
use crate::types::Type;
use std::rc::Rc;

/// How a read or write of the host's ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Why it is over.
    pub result: CopyResult,
    /// How many elements were copied.
    pub count: u32,
}

/// Told that a copy of the host's is over, when no guest runs.
pub type Completion = Box<dyn FnOnce(&mut Cx<'_>, Copied)>;

/// A new stream with both ends the host's: the handles of the readable and of the writable end.
pub fn stream_new(cx: &mut Cx<'_>, element: Option<Type>) -> Result<(u32, u32)> {
    Ok(cx.state().new_channel(InstanceId::HOST, Channel::Stream, element)?)
}

/// A new future with both ends the host's.
pub fn future_new(cx: &mut Cx<'_>, element: Option<Type>) -> Result<(u32, u32)> {
    Ok(cx.state().new_channel(InstanceId::HOST, Channel::Future, element)?)
}

/// Reads up to `count` elements (of a future: 1) from the readable end `handle` to `ptr`, in the
/// host's layout; what they point at goes to `arena`. `None` if it takes longer: then `ptr` must
/// stay until the copy is over, which `completion` is told, or [`poll`].
pub fn read(
    cx: &mut Cx<'_>,
    handle: u32,
    ptr: *mut u8,
    count: u32,
    arena: &Rc<Arena>,
    completion: Option<Completion>,
) -> Result<Option<Copied>> {
    let memory = Memory::Host(Some(arena.clone()));
    copy(cx, Direction::Readable, handle, memory, ptr as u64, count, completion)
}

/// Writes up to `count` elements (of a future: 1) at `ptr`, in the host's layout, to the writable
/// end `handle`. `None` if it takes longer: then `ptr`, and what the elements point at, must stay
/// until the copy is over, which `completion` is told, or [`poll`].
pub fn write(
    cx: &mut Cx<'_>,
    handle: u32,
    ptr: *const u8,
    count: u32,
    completion: Option<Completion>,
) -> Result<Option<Copied>> {
    copy(cx, Direction::Writable, handle, Memory::Host(None), ptr as u64, count, completion)
}

fn copy(
    cx: &mut Cx<'_>,
    direction: Direction,
    handle: u32,
    memory: Memory,
    ptr: u64,
    count: u32,
    completion: Option<Completion>,
) -> Result<Option<Copied>> {
    let (id, element, count) = {
        let mut state = cx.state();
        let (kind, id) = state.host_end(handle)?;
        if kind.direction != direction {
            let expected = EndKind { direction, ..kind }.noun().into();
            let found = kind.noun().into();
            return Err(usage(Trap::WrongHandleType { index: handle, expected, found }));
        }
        state.begin_copy(id, true).map_err(|trap| usage(trap.reason().clone()))?;
        let count = if kind.channel == Channel::Future { 1 } else { count };
        (id, state.element(id), count)
    };
    let side = Side { inst: InstanceId::HOST, memory };
    let buffer = Buffer::new(cx, element.as_ref(), side, Format::HOST, ptr, count.into());
    let buffer = buffer.map_err(|trap| usage(trap.reason().clone()))?;
    let result = stream::copy(cx, id, buffer);
    store::settle(cx, result)?;
    let mut state = cx.state();
    if state.waitables[id].has_pending_event() {
        return Ok(Some(state.take_copied(id)));
    }
    state.end(id).completion = completion;
    Ok(None)
}

/// Ends the copy that is in progress at `handle`, whose completion is not told.
pub fn cancel(cx: &mut Cx<'_>, handle: u32) -> Result<Copied> {
    let (copied, completion) = {
        let mut state = cx.state();
        let (kind, id) = state.host_end(handle)?;
        if state.end(id).state != CopyState::Copying {
            return Err(usage(Trap::NoCopyToCancel { what: kind.channel.noun() }));
        }
        let completion = state.end(id).completion.take();
        if !state.waitables[id].has_pending_event() {
            state.cancel_shared(id);
        }
        (state.take_copied(id), completion)
    };
    std::mem::drop(completion);
    Ok(copied)
}

/// How the copy in progress at `handle` ended, if it has.
pub fn poll(cx: &mut Cx<'_>, handle: u32) -> Result<Option<Copied>> {
    let mut state = cx.state();
    let (_, id) = state.host_end(handle)?;
    let has_event = state.waitables[id].has_pending_event();
    Ok(has_event.then(|| state.take_copied(id)))
}

/// Drops an end. The other end learns of it. An error while a copy is in progress, and for the
/// writable end of a future that was not written.
pub fn drop(cx: &mut Cx<'_>, handle: u32) -> Result<()> {
    let mut state = cx.state();
    let (_, id) = state.host_end(handle)?;
    state.check_may_drop_end(id).map_err(|trap| usage(trap.reason().clone()))?;
    state[InstanceId::HOST].handles.take(handle)?;
    state.drop_end(id);
    Ok(())
}

/// The type of the elements that pass the end `handle`, if they have one.
pub fn element(cx: &Cx<'_>, handle: u32) -> Result<Option<Type>> {
    let mut state = cx.state();
    let (_, id) = state.host_end(handle)?;
    Ok(state.element(id))
}

/// A mistake of the host's, in the words for the same mistake of a guest's.
fn usage(trap: Trap) -> Error {
    Error::new(ErrorKind::InvalidArgument, trap.to_string())
}

impl State {
    fn host_end(&mut self, handle: u32) -> Result<(EndKind, WaitableId)> {
        let found = self[InstanceId::HOST].handles.get(handle);
        let Some(handle_entry) = found else {
            return Err(usage(Trap::UnknownHandle { index: handle }));
        };
        EndKind::of(handle_entry).ok_or_else(|| {
            let expected = "an end of a stream or future".into();
            let found = handle_entry.noun().into();
            usage(Trap::WrongHandleType { index: handle, expected, found })
        })
    }

    /// Takes the event of an end of the host's as what it says.
    fn take_copied(&mut self, id: WaitableId) -> Copied {
        let channel = self.end(id).kind.channel;
        let Event { p2, .. } = self.get_pending_event(id);
        let result = match p2 & 0xf {
            0 => CopyResult::Completed,
            1 => CopyResult::Dropped,
            _ => CopyResult::Cancelled,
        };
        let count = match channel {
            Channel::Stream => p2 >> 4,
            Channel::Future => u32::from(result == CopyResult::Completed),
        };
        Copied { result, count }
    }

    /// An end has got an event: the host is told when no guest runs.
    pub(crate) fn notify_host_end(&mut self, id: WaitableId) {
        if self.waitables[id].inst == InstanceId::HOST {
            self.host_copies.push_back(id);
        }
    }
}

/// Tells the host of one of its copies that is over. False when there is none.
pub(crate) fn complete_one(cx: &mut Cx<'_>) -> bool {
    let (completion, copied) = {
        let mut state = cx.state();
        let Some(id) = state.host_copies.pop_front() else { return false };
        let Some(waitable) = state.waitables.get_mut(id) else { return true };
        let has_event = waitable.has_pending_event();
        let WaitableKind::End(end) = &mut waitable.kind else { return true };
        let Some(completion) = end.completion.take_if(|_| has_event) else { return true };
        (completion, state.take_copied(id))
    };
    completion(cx, copied);
    true
}

/// Whether the host holds an end by which it could make guests go on.
pub(crate) fn holds_ends(state: &State) -> bool {
    state[InstanceId::HOST].handles.iter().any(|(_, handle)| is_end(handle))
}

fn is_end(handle: &Handle) -> bool {
    EndKind::of(handle).is_some()
}
