//! The host's ends of streams and futures. They are handles of the host's own table, like those
//! that arrive in values.

use super::settle;
use crate::copy::Format;
use crate::error::{Error, ErrorKind, Result, Trap, Trapped};
use crate::memory::Arena;
use crate::runtime::forward::forward;
use crate::runtime::host_end::{Completion, Copied, HostEnd, HostSide, Signal, Watcher, tell};
use crate::runtime::stream::{self, Begun, Channel, CopyState, EndKind};
use crate::runtime::{
    Buffer, CopyResult, Crossing, Cx, Direction, Event, EventCode, Handle, InstanceId, Memory,
    Side, State, WaitableId, WaitableKind, blame, check_handles,
};
use crate::types::{Kind, Type};
use std::rc::Rc;

/// A new stream with both ends the host's: the handles of the readable and of the writable end.
pub fn stream_new(cx: &mut Cx<'_>, element: Option<Type>) -> Result<(u32, u32)> {
    new(cx, Channel::Stream, element)
}

/// A new future with both ends the host's.
pub fn future_new(cx: &mut Cx<'_>, element: Option<Type>) -> Result<(u32, u32)> {
    new(cx, Channel::Future, element)
}

fn new(cx: &mut Cx<'_>, channel: Channel, element: Option<Type>) -> Result<(u32, u32)> {
    // What the type of such an end refuses. The type itself need not be made.
    let kind = match channel {
        Channel::Stream => Kind::Stream(element.clone()),
        Channel::Future => Kind::Future(element.clone()),
    };
    kind.validate()?;
    cx.state()
        .new_channel(InstanceId::HOST, channel, element)
        .map_err(|trap| Error::new(ErrorKind::Limit, trap.to_string()))
}

impl HostEnd {
    /// An end of a stream.
    pub fn stream(handle: u32) -> Self {
        HostEnd { channel: Channel::Stream, handle }
    }

    /// An end of a future.
    pub fn future(handle: u32) -> Self {
        HostEnd { channel: Channel::Future, handle }
    }

    /// Its handle.
    pub fn handle(self) -> u32 {
        self.handle
    }

    /// The type of the elements that pass the end, if they have one.
    pub fn element(self, cx: &Cx<'_>) -> Result<Option<Type>> {
        let mut state = cx.state();
        let (_, id) = state.host_end(self)?;
        Ok(state.element(id))
    }

    /// Reads up to `count` elements (of a future: 1) from a readable end to `ptr`, in the host's
    /// layout; what they point at goes to `arena`. `None` if it takes longer: then `ptr` must stay
    /// until the copy is over, which `completion` is told, or [`HostEnd::poll`].
    pub fn read(
        self,
        cx: &mut Cx<'_>,
        ptr: *mut u8,
        count: u32,
        arena: &Rc<Arena>,
        completion: Option<Completion>,
    ) -> Result<Option<Copied>> {
        let memory = Memory::Host(Some(arena.clone()));
        self.copy(cx, Direction::Readable, memory, ptr as u64, count, completion)
    }

    /// Writes up to `count` elements (of a future: 1) at `ptr`, in the host's layout, to a writable
    /// end. `None` if it takes longer: then `ptr`, and what the elements point at, must stay until
    /// the copy is over, which `completion` is told, or [`HostEnd::poll`].
    pub fn write(
        self,
        cx: &mut Cx<'_>,
        ptr: *const u8,
        count: u32,
        completion: Option<Completion>,
    ) -> Result<Option<Copied>> {
        self.copy(cx, Direction::Writable, Memory::Host(None), ptr as u64, count, completion)
    }

    fn copy(
        self,
        cx: &mut Cx<'_>,
        direction: Direction,
        memory: Memory,
        ptr: u64,
        count: u32,
        completion: Option<Completion>,
    ) -> Result<Option<Copied>> {
        let (id, element) = self.begin(cx, direction)?;
        if self.is_over(cx, id) {
            return Ok(Some(Copied { result: CopyResult::Dropped, count: 0 }));
        }
        let count = if self.channel == Channel::Future { 1 } else { count };
        let side = Side { inst: InstanceId::HOST, memory };
        let buffer = Buffer::new(cx, element.as_ref(), side, Format::HOST, ptr, count.into());
        let buffer = buffer.map_err(usage)?;
        let written = element.as_ref().filter(|_| direction == Direction::Writable);
        if let Some(element) = written {
            check_handles(cx, element, ptr, count)?;
        }
        let result = stream::copy(cx, id, buffer).map_err(|trap| match written {
            Some(element) => blame(cx, element, ptr, count, trap),
            None => trap,
        });
        let (copied, unused) = match &result {
            Ok(Begun::Over(event)) => (Some(copied(*event)), completion),
            Ok(Begun::Waits(number)) => cx.state().note_copy(id, *number, completion),
            Err(trap) => {
                cx.state().copy_failed(id, trap);
                (None, completion)
            }
        };
        drop(unused);
        settle(cx, result.map(drop))?;
        Ok(copied)
    }

    /// The end, which can take up a copy in this direction now, and the type of its elements.
    fn begin(self, cx: &Cx<'_>, direction: Direction) -> Result<(WaitableId, Option<Type>)> {
        let mut state = cx.state();
        let (kind, id) = state.host_end(self)?;
        if kind.direction != direction {
            return Err(self.wrong_kind(EndKind { direction, ..kind }.noun(), kind.noun()));
        }
        if !state.end(id).copying() {
            state.check_not_broken(id)?;
        }
        // A guest has to know when a stream is over; a host may ask again.
        if kind.channel == Channel::Future || state.end(id).state != CopyState::Done {
            state.begin_copy(id, true).map_err(usage)?;
        }
        Ok((id, state.element(id)))
    }

    fn is_over(self, cx: &Cx<'_>, id: WaitableId) -> bool {
        cx.state().end(id).state == CopyState::Done
    }

    /// Lets `visit` read or write elements where the other end waits with them, or with room for
    /// them: it gets the address and the number of elements, and answers how many it used. `None` if
    /// the other end does not wait with a buffer now.
    ///
    /// For types whose values are the same bytes on both sides, whatever they are.
    pub fn in_place(
        self,
        cx: &mut Cx<'_>,
        direction: Direction,
        visit: &mut dyn FnMut(*mut u8, u32) -> u32,
    ) -> Result<Option<Copied>> {
        let (id, element) = self.begin(cx, direction)?;
        if let Some(element) = element.as_ref().filter(|element| !same_bytes(element)) {
            let message = format!("elements of type `{element}` cannot be used in place");
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        let met = cx.state().meet_in_place(id);
        let (other, buffer) = match met {
            InPlace::Waiting(other, buffer) => (other, buffer),
            InPlace::Nobody => return Ok(None),
            InPlace::Dropped => {
                return Ok(Some(Copied { result: CopyResult::Dropped, count: 0 }));
            }
        };
        let address = address(cx, &buffer, element.as_ref())?;
        cx.state().end(id).state = CopyState::Copying;
        let count = visit(address, buffer.remain());
        let mut state = cx.state();
        state.end(id).state = CopyState::Idle;
        if count > buffer.remain() {
            let message =
                format!("{count} elements were used in place where there are {}", buffer.remain());
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        if count > 0 && state.still_waits(id, other, &buffer) {
            state.advance(other, count);
            state.copied(other);
        }
        drop(state);
        settle(cx, Ok(()))?;
        Ok(Some(Copied { result: CopyResult::Completed, count }))
    }

    /// How many elements the other end waits to copy, which is 0 for one that only wants to know when this
    /// end is ready; `None` if it does not wait.
    pub fn peer_waits(self, cx: &Cx<'_>) -> Result<Option<u32>> {
        let mut state = cx.state();
        let (_, id) = state.host_end(self)?;
        let pending = state.shared_of(id).pending.filter(|pending| *pending != id);
        let waits = pending.filter(|other| !state.waitables[*other].has_pending_event());
        Ok(waits.map(|other| state.buffer(other).remain()))
    }

    /// Tells the other end that this one is ready, if it waits for that with an empty buffer.
    pub fn tell_ready(self, cx: &mut Cx<'_>) -> Result<()> {
        let mut state = cx.state();
        let (_, id) = state.host_end(self)?;
        state.meet_in_place(id);
        drop(state);
        settle(cx, Ok(()))
    }

    /// Whether the other end is the host's as well.
    pub fn peer_is_host(self, cx: &Cx<'_>) -> Result<bool> {
        let mut state = cx.state();
        let (_, id) = state.host_end(self)?;
        let other = state.other_end(id);
        Ok(other.is_some_and(|other| state.waitables[other].inst == InstanceId::HOST))
    }

    /// Ends the copy that is in progress. Its completion is not told.
    pub fn cancel(self, cx: &mut Cx<'_>) -> Result<Copied> {
        let mut state = cx.state();
        let (_, id) = state.host_end(self)?;
        if state.end(id).state != CopyState::Copying || state.end(id).buffer.is_none() {
            return Err(usage(Trap::NoCopyToCancel { what: self.channel.noun() }.into()));
        }
        let completion = state.take_completion(id);
        state.end(id).state = CopyState::CancellingCopy;
        if !state.waitables[id].has_pending_event() {
            state.cancel_shared(id);
        }
        let copied = state.take_copied(id);
        drop(state);
        drop(completion);
        Ok(copied)
    }

    /// How the copy in progress ended, if it has. Its completion is not told then.
    pub fn poll(self, cx: &mut Cx<'_>) -> Result<Option<Copied>> {
        let mut state = cx.state();
        let (_, id) = state.host_end(self)?;
        // An end that does nothing has an event, too, when the other one is gone.
        if !state.end(id).copying() || !state.waitables[id].has_pending_event() {
            return Ok(None);
        }
        let completion = state.take_completion(id);
        let copied = state.take_copied(id);
        drop(state);
        drop(completion);
        Ok(Some(copied))
    }

    /// Has `watcher` told what the other end does from now on, and at once if it waits already;
    /// `None` for nobody.
    pub fn watch(self, cx: &mut Cx<'_>, watcher: Option<Rc<Watcher>>) -> Result<()> {
        let mut state = cx.state();
        let (_, id) = state.host_end(self)?;
        let old = std::mem::replace(&mut state.host_side(id).watcher, watcher);
        let shared = state.shared_of(id);
        let waits = shared.pending.is_some_and(|pending| pending != id);
        if shared.dropped {
            state.notify_host_end(id);
        }
        drop(state);
        drop(old);
        if waits {
            tell(cx, id, Signal::Waits)?;
        }
        settle(cx, Ok(()))
    }

    /// Says that a completion and a watcher of this end can be told what happens by [`tell_prompt`] as well.
    pub fn set_prompt(self, cx: &mut Cx<'_>) -> Result<()> {
        let mut state = cx.state();
        let (_, id) = state.host_end(self)?;
        state.host_side(id).is_prompt = true;
        Ok(())
    }

    /// Gives the other end its buffer back, which it waits for after [`Signal::Cancels`].
    pub fn release(self, cx: &mut Cx<'_>) -> Result<()> {
        let mut state = cx.state();
        let (_, id) = state.host_end(self)?;
        let pending = state.shared_of(id).pending;
        if let Some(other) = pending.filter(|other| *other != id)
            && state.end(other).state == CopyState::CancellingCopy
        {
            state.cancel_shared(other);
        }
        Ok(())
    }

    /// Drops an end. The other end learns of it. An error while a copy is in progress, and for the
    /// writable end of a future that was not written and has its reader.
    pub fn drop(self, cx: &mut Cx<'_>) -> Result<()> {
        let mut state = cx.state();
        let (_, id) = state.host_end(self)?;
        // A guest would have to find out by a write.
        if state.end(id).copying() || !state.shared_of(id).dropped {
            state.check_may_drop_end(id).map_err(usage)?;
        }
        state.take_handle(InstanceId::HOST, self.handle)?;
        let side = state.end(id).host.take();
        state.drop_end(id);
        drop(state);
        drop(side);
        settle(cx, Ok(()))
    }

    /// Forwards what comes to this readable end to `writable`, an end of another stream or future of the same
    /// type: what is written to the other end of this one is read from the other end of that one from now
    /// on. Both are gone then, or where a copy that both had waited for fails.
    pub fn forward(self, cx: &mut Cx<'_>, writable: HostEnd) -> Result<()> {
        let (src, dst) = {
            let mut state = cx.state();
            let (_, id) = state.host_end(self)?;
            let element = state.element(id);
            let mut forwardable = |end: HostEnd, direction| {
                let kind = EndKind { channel: self.channel, direction };
                let of = element.as_ref();
                state.check_forwardable(InstanceId::HOST, kind, of, end.handle).map_err(usage)
            };
            let src = forwardable(self, Direction::Readable)?;
            let dst = forwardable(writable, Direction::Writable)?;
            state.take_handle(InstanceId::HOST, self.handle)?;
            state.take_handle(InstanceId::HOST, writable.handle)?;
            (src, dst)
        };
        let (writer, reader) = {
            let mut state = cx.state();
            let reader = state.other_end(dst).map(|reader| state.waitables[reader].inst);
            (state.other_end(src), reader)
        };
        let forwarded = forward(cx, src, dst);
        if let (Err(trap), Some(writer)) = (&forwarded, writer) {
            let mut state = cx.state();
            let is_readers = reader.is_some_and(|reader| state[reader].poisoned)
                || matches!(trap.reason(), Trap::CopyWithinInstance { .. } | Trap::NoRealloc);
            if !is_readers {
                state.blame_writer(writer, trap);
            }
        }
        settle(cx, forwarded)
    }

    /// Lets go of the writable end of a future, with or without a value. An error while it is being
    /// written, and for other ends.
    pub fn abandon(self, cx: &mut Cx<'_>) -> Result<()> {
        let mut state = cx.state();
        let (kind, id) = state.host_end(self)?;
        if kind != EndKind::WRITABLE_FUTURE {
            return Err(self.wrong_kind(EndKind::WRITABLE_FUTURE.noun(), kind.noun()));
        }
        if state.end(id).copying() {
            return Err(usage(Trap::BusyEnd { action: "drop", what: self.channel.noun() }.into()));
        }
        state.take_handle(InstanceId::HOST, self.handle)?;
        let side = state.end(id).host.take();
        state.abandon_end(id);
        drop(state);
        drop(side);
        settle(cx, Ok(()))
    }

    #[cold]
    fn wrong_kind(self, expected: &'static str, found: &'static str) -> Error {
        let (expected, found) = (expected.into(), found.into());
        usage(Trap::WrongHandleType { index: self.handle, expected, found }.into())
    }
}

/// A mistake of the host's, in the words for the same mistake of a guest's.
pub(super) fn usage(trap: Trapped) -> Error {
    Error::new(ErrorKind::InvalidArgument, trap.to_string())
}

/// Whether a host can use the elements where a guest has them, and a guest where a host does: they
/// have the same bytes, and all bytes mean something.
fn same_bytes(element: &Type) -> bool {
    let info = element.info();
    info.any_bits() && info.same_layout() && !info.has_padding(Format::HOST.addr)
}

/// Where the part of a buffer is that is left.
fn address(cx: &mut Cx<'_>, buffer: &Buffer, element: Option<&Type>) -> Result<*mut u8> {
    let Some(element) = element else { return Ok(std::ptr::null_mut()) };
    let info = element.info();
    let addr = buffer.format.addr;
    let bytes = u64::from(buffer.remain()) * u64::from(info.size(addr));
    let view = Crossing::view(cx, &buffer.side.memory);
    Ok(view.range(buffer.next_ptr(element), bytes, info.align(addr))?)
}

enum InPlace {
    Waiting(WaitableId, Buffer),
    Nobody,
    Dropped,
}

impl State {
    fn host_end(&mut self, end: HostEnd) -> Result<(EndKind, WaitableId)> {
        let found = self[InstanceId::HOST].handles.get(end.handle);
        let Some(found) = found else {
            return Err(usage(Trap::UnknownHandle { index: end.handle }.into()));
        };
        match EndKind::of(found) {
            Some((kind, id)) if kind.channel == end.channel => Ok((kind, id)),
            _ => {
                let expected = match end.channel {
                    Channel::Stream => "an end of a stream",
                    Channel::Future => "an end of a future",
                };
                Err(end.wrong_kind(expected, found.noun()))
            }
        }
    }

    fn take_completion(&mut self, id: WaitableId) -> Option<Completion> {
        self.end(id).host.as_mut().and_then(|side| side.completion.take())
    }

    fn is_prompt(&self, id: WaitableId) -> bool {
        match self.waitables.get(id).map(|waitable| &waitable.kind) {
            Some(WaitableKind::End(end)) => end.host.as_ref().is_some_and(|side| side.is_prompt),
            _ => false,
        }
    }

    fn host_side(&mut self, id: WaitableId) -> &mut HostSide {
        self.end(id).host.get_or_insert_default()
    }

    /// What the host is told at once of its copy that waited, the end's copy of this number, and the
    /// completion that will not be told of it.
    fn note_copy(
        &mut self,
        id: WaitableId,
        number: u32,
        completion: Option<Completion>,
    ) -> (Option<Copied>, Option<Completion>) {
        // A watcher of the other end may have taken what became of the copy.
        if !self.still_copies(id, number) {
            return (Some(Copied { result: CopyResult::Cancelled, count: 0 }), completion);
        }
        if self.waitables[id].has_pending_event() {
            return (Some(self.take_copied(id)), completion);
        }
        let unused = match completion {
            Some(completion) => self.host_side(id).completion.replace(completion),
            None => self.take_completion(id),
        };
        (None, unused)
    }

    /// A copy of the host's has ended in a trap. What a guest cannot be read from is its own fault.
    #[cold]
    fn copy_failed(&mut self, id: WaitableId, trap: &Trapped) {
        let end = self.end(id);
        (end.state, end.buffer) = (CopyState::Idle, None);
        let reads = end.kind.direction == Direction::Readable;
        let Some(other) = self.shared_of(id).pending else { return };
        if reads {
            self.blame_writer(other, trap);
        }
    }

    /// What was written cannot be read: that ends the guest that has written it.
    #[cold]
    fn blame_writer(&mut self, id: WaitableId, trap: &Trapped) {
        let writer = self.waitables[id].inst;
        let is_guilty = !matches!(trap.reason(), Trap::Limit { .. });
        if is_guilty && writer != InstanceId::HOST && !self[writer].poisoned {
            self.poison(writer, InstanceId::HOST, trap);
        }
    }

    /// What `id` finds at the other end. One that only wants to know when `id` is there is told.
    fn meet_in_place(&mut self, id: WaitableId) -> InPlace {
        let shared = self.shared_of(id);
        if shared.dropped {
            if self.waitables[id].has_pending_event() {
                self.get_pending_event(id);
            }
            self.end(id).state = CopyState::Done;
            return InPlace::Dropped;
        }
        let Some(other) = shared.pending else { return InPlace::Nobody };
        let buffer = self.buffer(other).clone();
        if buffer.remain() == 0 {
            // It wanted to know when this end is there.
            self.copied(other);
            return InPlace::Nobody;
        }
        InPlace::Waiting(other, buffer)
    }

    /// Whether `other` waits with the same buffer as before the host used it.
    fn still_waits(&mut self, id: WaitableId, other: WaitableId, before: &Buffer) -> bool {
        self.shared_of(id).pending == Some(other) && self.buffer(other).progress == before.progress
    }

    /// Takes the event of an end of the host's as what it says.
    fn take_copied(&mut self, id: WaitableId) -> Copied {
        let event = self.get_pending_event(id);
        copied(event)
    }

    /// What is to be told about an end that [`State::notify_host_end`] was called for.
    fn take_notice(&mut self, id: WaitableId) -> Option<Notice> {
        let waitable = self.waitables.get_mut(id)?;
        let (has_event, handle) = (waitable.has_pending_event(), waitable.index);
        let WaitableKind::End(end) = &mut waitable.kind else { return None };
        let end_kind = end.kind;
        let side = end.host.as_deref_mut()?;
        if let Some(completion) = side.completion.take_if(|_| has_event) {
            if side.watcher.is_some() {
                self.notify_host_end(id);
            }
            return Some(Notice::Copied(completion, self.take_copied(id)));
        }
        let watcher = side.watcher.clone()?;
        if !self.shared_of(id).dropped {
            return None;
        }
        self.host_side(id).watcher = None;
        let end = HostEnd { channel: end_kind.channel, handle };
        let is_broken = self.check_not_broken(id).is_err();
        let signal = if is_broken { Signal::Failed } else { Signal::Dropped };
        Some(Notice::Gone(watcher, end, signal))
    }
}

/// What the event of a copy says.
pub(super) fn copied(event: Event) -> Copied {
    use EventCode::{FutureRead, FutureWrite};
    let result = match event.p2 & 0xf {
        0 => CopyResult::Completed,
        1 => CopyResult::Dropped,
        2 => CopyResult::Cancelled,
        _ => CopyResult::Failed,
    };
    let count = match event.code {
        FutureRead | FutureWrite => u32::from(result == CopyResult::Completed),
        _ => event.p2 >> 4,
    };
    Copied { result, count }
}

enum Notice {
    Copied(Completion, Copied),
    Gone(Rc<Watcher>, HostEnd, Signal),
}

/// Tells the host of one of its copies that is over, or of a peer that is gone. False when there is
/// nothing to tell.
pub(super) fn complete_one(cx: &mut Cx<'_>) -> bool {
    let notice = {
        let mut state = cx.state();
        let Some(id) = state.host_copies.pop_front() else { return false };
        state.take_notice(id)
    };
    give_notice(cx, notice);
    true
}

fn give_notice(cx: &mut Cx<'_>, notice: Option<Notice>) {
    match notice {
        Some(Notice::Copied(completion, copied)) => completion(cx, copied),
        Some(Notice::Gone(watcher, end, signal)) => {
            watcher(cx, end, signal);
        }
        None => {}
    }
}

/// Tells, inside a guest's call, what there is to tell of those ends that can be told there: for a host that
/// could not do what it is asked for before it has let go of what they hold.
pub fn tell_prompt(cx: &mut Cx<'_>) {
    let waiting = std::mem::take(&mut cx.state().host_copies);
    for id in waiting {
        let notice = {
            let mut state = cx.state();
            if !state.is_prompt(id) {
                state.host_copies.push_back(id);
                continue;
            }
            state.take_notice(id)
        };
        give_notice(cx, notice);
    }
}

/// How many ends the host holds.
pub(super) fn held_ends(state: &State) -> u32 {
    state[InstanceId::HOST].handles.iter().filter(|(_, handle)| is_end(handle)).count() as u32
}

fn is_end(handle: &Handle) -> bool {
    EndKind::of(handle).is_some()
}
