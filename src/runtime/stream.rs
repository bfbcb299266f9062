//! Streams and futures: two ends that meet to copy ("Stream and Future State").
//!
//! The end that comes first waits with its buffer; the other one copies. A future is a stream of
//! one element with rules of its own for when an end is done.

use super::buffer::{self, Buffer};
use super::host_end::{self, HostSide, Signal};
use super::slab::Id;
use super::table::{Handle, Table, wrong_type};
use super::waitable::{Event, EventCode, PendingEvent, Waitable, WaitableId, WaitableKind};
use super::{Cx, InstanceId, State};
use crate::copy::{Plan, PlanCache};
use crate::error::{Trap, Trapped};
use crate::types::{Kind, Type};
use std::sync::Arc;

/// How a copy ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum CopyResult {
    /// Elements were copied, or the copy was of none.
    Completed = 0,
    /// The other end is gone.
    Dropped = 1,
    /// The copy was cancelled.
    Cancelled = 2,
    /// The other end is gone with its instance, which was ended. A host learns of that; for guests, who cannot be
    /// told, it is [`CopyResult::Dropped`].
    Failed = 4,
}

/// `End.State`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CopyState {
    Idle,
    Copying,
    CancellingCopy,
    Done,
}

/// Whether a pair of ends is a stream or a future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Stream,
    Future,
}

/// Which end of the pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The end that reads.
    Readable = 0,
    /// The end that writes.
    Writable = 1,
}

/// What one handle refers to: an end of a stream or future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EndKind {
    pub(crate) channel: Channel,
    pub(crate) direction: Direction,
}

impl EndKind {
    pub(crate) const READABLE_STREAM: EndKind =
        EndKind { channel: Channel::Stream, direction: Direction::Readable };
    pub(crate) const WRITABLE_STREAM: EndKind =
        EndKind { channel: Channel::Stream, direction: Direction::Writable };
    pub(crate) const READABLE_FUTURE: EndKind =
        EndKind { channel: Channel::Future, direction: Direction::Readable };
    pub(crate) const WRITABLE_FUTURE: EndKind =
        EndKind { channel: Channel::Future, direction: Direction::Writable };

    pub(crate) fn handle(self, id: WaitableId) -> Handle {
        match (self.channel, self.direction) {
            (Channel::Stream, Direction::Readable) => Handle::ReadableStream(id),
            (Channel::Stream, Direction::Writable) => Handle::WritableStream(id),
            (Channel::Future, Direction::Readable) => Handle::ReadableFuture(id),
            (Channel::Future, Direction::Writable) => Handle::WritableFuture(id),
        }
    }

    pub(crate) fn of(handle: &Handle) -> Option<(EndKind, WaitableId)> {
        match *handle {
            Handle::ReadableStream(id) => Some((Self::READABLE_STREAM, id)),
            Handle::WritableStream(id) => Some((Self::WRITABLE_STREAM, id)),
            Handle::ReadableFuture(id) => Some((Self::READABLE_FUTURE, id)),
            Handle::WritableFuture(id) => Some((Self::WRITABLE_FUTURE, id)),
            _ => None,
        }
    }

    /// The event of a copy at this end.
    pub(crate) fn event_code(self) -> EventCode {
        match (self.channel, self.direction) {
            (Channel::Stream, Direction::Readable) => EventCode::StreamRead,
            (Channel::Stream, Direction::Writable) => EventCode::StreamWrite,
            (Channel::Future, Direction::Readable) => EventCode::FutureRead,
            (Channel::Future, Direction::Writable) => EventCode::FutureWrite,
        }
    }

    pub(crate) fn noun(self) -> &'static str {
        match (self.channel, self.direction) {
            (Channel::Stream, Direction::Readable) => "the readable end of a stream",
            (Channel::Stream, Direction::Writable) => "the writable end of a stream",
            (Channel::Future, Direction::Readable) => "the readable end of a future",
            (Channel::Future, Direction::Writable) => "the writable end of a future",
        }
    }

    /// What the guest cannot do with an end that is done, and since when it is.
    fn done(self) -> Trap {
        let action = match (self.channel, self.direction) {
            (Channel::Stream, Direction::Readable) => "read from stream",
            (Channel::Stream, Direction::Writable) => "write to stream",
            (Channel::Future, Direction::Readable) => "read from future",
            (Channel::Future, Direction::Writable) => "write to future",
        };
        Trap::CopyAfterDone { action, since: self.done_since() }
    }

    /// What has made an end done.
    pub(super) fn done_since(self) -> &'static str {
        match (self.channel, self.direction) {
            (Channel::Stream, Direction::Readable) => {
                "being notified that the writable end dropped"
            }
            (Channel::Stream, Direction::Writable) => {
                "being notified that the readable end dropped"
            }
            (Channel::Future, Direction::Readable) => "previous read succeeded",
            (Channel::Future, Direction::Writable) => {
                "previous write succeeded or readable end dropped"
            }
        }
    }
}

impl Channel {
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Channel::Stream => "stream",
            Channel::Future => "future",
        }
    }
}

/// An end of a stream or future, as a waitable: `End`, `StreamEnd` and `FutureEnd` of the reference.
pub(crate) struct CopyEnd {
    pub(crate) kind: EndKind,
    pub(crate) shared: SharedId,
    pub(crate) state: CopyState,
    /// The buffer of the copy that is in progress.
    pub(crate) buffer: Option<Buffer>,
    /// Counts the copies that waited, so that one is told from the next.
    pub(crate) waits: u32,
    /// What the host wants to be told, if the end is the host's.
    pub(crate) host: Option<Box<HostSide>>,
}

impl CopyEnd {
    /// `End.copying_or_cancelling`.
    pub(crate) fn copying(&self) -> bool {
        matches!(self.state, CopyState::Copying | CopyState::CancellingCopy)
    }
}

/// What both ends have in common. In the reference they point at one another.
pub(crate) struct Shared {
    pub(crate) element: Option<Type>,
    /// One end is gone.
    pub(crate) dropped: bool,
    /// The host has let go of the writable end of a future without a value: none will come.
    pub(super) abandoned: bool,
    /// Why the end that is gone could not do what it was there for.
    pub(super) failure: Option<Trapped>,
    /// The end that waits with its buffer.
    pub(crate) pending: Option<WaitableId>,
    /// The readable and the writable end.
    pub(super) ends: [Option<WaitableId>; 2],
    /// How the last elements were copied.
    plan: Option<Arc<Plan>>,
}

pub(crate) type SharedId = Id<Shared>;

/// Ends by handle.
impl State {
    #[inline]
    pub(crate) fn end(&mut self, id: WaitableId) -> &mut CopyEnd {
        match &mut self.waitables[id].kind {
            WaitableKind::End(end) => end,
            WaitableKind::Subtask(_) => unreachable!("the handle says that it is an end"),
        }
    }

    pub(crate) fn shared_of(&mut self, id: WaitableId) -> &mut Shared {
        let shared = self.end(id).shared;
        &mut self.shareds[shared]
    }

    /// The element type of what an end belongs to.
    pub(crate) fn element(&mut self, id: WaitableId) -> Option<Type> {
        self.shared_of(id).element.clone()
    }

    /// A new stream or future with both its ends in `inst`: their handles. `new_stream`, `new_future`.
    pub(crate) fn new_channel(
        &mut self,
        inst: InstanceId,
        channel: Channel,
        element: Option<Type>,
    ) -> Result<(u32, u32), Trapped> {
        let new = Shared {
            element,
            dropped: false,
            abandoned: false,
            failure: None,
            pending: None,
            ends: [None; 2],
            plan: None,
        };
        let shared = self.shareds.insert(new)?;
        let readable =
            self.add_end(inst, EndKind { channel, direction: Direction::Readable }, shared);
        let both = readable.and_then(|readable| {
            let kind = EndKind { channel, direction: Direction::Writable };
            let writable = self.add_end(inst, kind, shared).inspect_err(|_| {
                let taken = self.take_handle(inst, readable.1);
                debug_assert!(taken.is_ok());
                self.waitables.discard(readable.0);
            })?;
            Ok((readable, writable))
        });
        let (readable, writable) = both.inspect_err(|_| self.shareds.discard(shared))?;
        self.shareds[shared].ends = [Some(readable.0), Some(writable.0)];
        Ok((readable.1, writable.1))
    }

    /// An end with its handle.
    fn add_end(
        &mut self,
        inst: InstanceId,
        kind: EndKind,
        shared: SharedId,
    ) -> Result<(WaitableId, u32), Trapped> {
        let state = CopyState::Idle;
        let end = CopyEnd { kind, shared, state, buffer: None, waits: 0, host: None };
        let end = self.waitables.insert(Waitable::new(inst, 0, WaitableKind::End(end)))?;
        let index = self.add_handle(inst, kind.handle(end));
        let index = index.inspect_err(|_| self.waitables.discard(end))?;
        self.waitables[end].index = index;
        Ok((end, index))
    }

    /// The end on the other side of `id`, if it is still there.
    pub(crate) fn other_end(&mut self, id: WaitableId) -> Option<WaitableId> {
        let other = match self.end(id).kind.direction {
            Direction::Readable => Direction::Writable,
            Direction::Writable => Direction::Readable,
        };
        let other = self.shared_of(id).ends[other as usize]?;
        self.waitables.get(other).map(|_| other)
    }

    /// The end of this kind and element type that `index` refers to.
    pub(crate) fn end_at(
        &mut self,
        inst: InstanceId,
        kind: EndKind,
        element: Option<&Type>,
        index: u32,
    ) -> Result<WaitableId, Trapped> {
        let id = self[inst].handles.end(kind, index)?;
        let found = &self.shared_of(id).element;
        if found.as_ref() != element {
            let name = |element: Option<&Type>| match element {
                Some(ty) => format!("a {}<{ty}>", kind.channel.noun()),
                None => format!("a {} without payload", kind.channel.noun()),
            };
            let (expected, found) = (name(element), name(found.as_ref()));
            return Err(Trap::WrongHandleType {
                index,
                expected: expected.into(),
                found: found.into(),
            }
            .into());
        }
        Ok(id)
    }

    /// `lift_async_value`: takes a readable end out of the table of `inst`.
    pub(crate) fn lift_async_value(
        &mut self,
        inst: InstanceId,
        channel: Channel,
        element: Option<&Type>,
        index: u32,
    ) -> Result<WaitableId, Trapped> {
        let id = self.check_liftable(inst, channel, element, index)?;
        self.take_handle(inst, index)?;
        Ok(id)
    }

    /// The readable end that `index` refers to, which can be lifted.
    pub(crate) fn check_liftable(
        &mut self,
        inst: InstanceId,
        channel: Channel,
        element: Option<&Type>,
        index: u32,
    ) -> Result<WaitableId, Trapped> {
        let kind = EndKind { channel, direction: Direction::Readable };
        let id = self.end_at(inst, kind, element, index)?;
        let what = channel.noun();
        let in_set = self.waitables[id].in_waitable_set();
        match self.end(id).state {
            CopyState::Idle if in_set => {
                return Err(Trap::EndInSet { action: "lift", what }.into());
            }
            CopyState::Idle => {}
            CopyState::Copying | CopyState::CancellingCopy => {
                return Err(Trap::BusyEnd { action: "lift", what }.into());
            }
            CopyState::Done => {
                let action = match channel {
                    Channel::Stream => "lift stream",
                    Channel::Future => "lift future",
                };
                return Err(Trap::CopyAfterDone { action, since: kind.done_since() }.into());
            }
        }
        Ok(id)
    }

    /// `lower_stream`, `lower_future`: gives a lifted end to `inst`.
    pub(crate) fn lower_async_value(
        &mut self,
        inst: InstanceId,
        id: WaitableId,
    ) -> Result<u32, Trapped> {
        let kind = self.end(id).kind;
        let index = self.add_handle(inst, kind.handle(id))?;
        let waitable = &mut self.waitables[id];
        (waitable.inst, waitable.index) = (inst, index);
        let watched = self.end(id).host.take();
        self.discarded.extend(watched.map(|side| *side));
        Ok(index)
    }
}

impl Table<Handle> {
    /// The end of this kind that `index` refers to.
    fn end(&self, kind: EndKind, index: u32) -> Result<WaitableId, Trapped> {
        let handle = self.handle(index)?;
        match EndKind::of(handle) {
            Some((found, id)) if found == kind => Ok(id),
            _ => Err(wrong_type(index, kind.noun(), handle)),
        }
    }
}

/// Starting, ending and cancelling copies.
impl State {
    /// `End.notify`: gives `id` its event, which says what has become of the copy when it is
    /// delivered.
    pub(crate) fn notify(&mut self, id: WaitableId) {
        self.set_pending_event(id, PendingEvent::Copy);
        self.notify_host_end(id);
    }

    /// The event of `id` as it is delivered: `stream_event`, `future_event` of the reference. The end
    /// takes its buffer back.
    pub(crate) fn copy_event(&mut self, id: WaitableId) -> Event {
        self.take_back(id);
        let progress = self.end(id).buffer.take().map_or(0, |buffer| buffer.progress);
        self.end_copy(id, progress)
    }

    /// Ends what is in progress at `id`, in which `progress` elements were copied.
    fn end_copy(&mut self, id: WaitableId, progress: u32) -> Event {
        let (index, of_host) =
            (self.waitables[id].index, self.waitables[id].inst == InstanceId::HOST);
        let shared = self.shared_of(id);
        let is_gone = shared.dropped || (shared.abandoned && of_host);
        let gone = match &shared.failure {
            Some(_) if of_host => CopyResult::Failed,
            _ => CopyResult::Dropped,
        };
        let end = self.end(id);
        let is_future = end.kind.channel == Channel::Future;
        let result = match end.state {
            _ if is_future && progress > 0 => CopyResult::Completed,
            _ if is_gone => gone,
            CopyState::CancellingCopy => CopyResult::Cancelled,
            _ => CopyResult::Completed,
        };
        let is_done = match result {
            CopyResult::Completed => is_future,
            CopyResult::Cancelled => false,
            CopyResult::Dropped | CopyResult::Failed => true,
        };
        end.state = if is_done { CopyState::Done } else { CopyState::Idle };
        let count = if is_future { 0 } else { progress << 4 };
        Event { code: end.kind.event_code(), p1: index, p2: result as u32 | count }
    }

    /// The buffer of `id` is not offered to the other end any more.
    fn take_back(&mut self, id: WaitableId) {
        self.shared_of(id).pending.take_if(|pending| *pending == id);
    }

    /// `End.cancel`, for a copy that has met nobody: `id` gets its buffer back.
    pub(crate) fn cancel_shared(&mut self, id: WaitableId) {
        self.take_back(id);
        self.notify(id);
    }

    /// Elements were copied to or from the buffer of `id`, which is offered as long as it is not used up.
    pub(crate) fn copied(&mut self, id: WaitableId) {
        if self.buffer(id).remain() == 0 {
            self.take_back(id);
        }
        self.notify(id);
    }

    /// What `drop` of the reference checks.
    pub(crate) fn check_may_drop_end(&mut self, id: WaitableId) -> Result<(), Trapped> {
        let end = self.end(id);
        if end.kind == EndKind::WRITABLE_FUTURE && end.state != CopyState::Done {
            return Err(Trap::FutureNotWritten.into());
        }
        if end.copying() {
            let action = match end.kind.direction {
                Direction::Readable => "remove",
                Direction::Writable => "drop",
            };
            return Err(Trap::BusyEnd { action, what: end.kind.channel.noun() }.into());
        }
        Ok(())
    }

    /// Frees an end whose handle is gone, and tells the other one: `End.drop`.
    pub(crate) fn drop_end(&mut self, id: WaitableId) {
        let shared_id = self.end(id).shared;
        let shared = &mut self.shareds[shared_id];
        shared.pending = None;
        if shared.dropped || shared.abandoned {
            self.shareds.remove(shared_id);
        } else {
            shared.dropped = true;
            if let Some(other) = self.other_end(id) {
                self.tell_gone(other);
            }
        }
        self.drop_waitable(id);
    }

    /// The other end of `id` is gone. One that has an event says so with that.
    pub(super) fn tell_gone(&mut self, id: WaitableId) {
        let has_event = self.waitables[id].has_pending_event();
        if has_event || self.end(id).state == CopyState::Done {
            self.notify_host_end(id);
        } else {
            self.notify(id);
        }
    }

    /// Frees an end whose instance `trap` has ended. A future whose value has passed is none the worse for it.
    pub(crate) fn break_end(&mut self, id: WaitableId, trap: &Trapped) {
        let end = self.end(id);
        let has_copied = end.buffer.as_ref().is_some_and(|buffer| buffer.progress > 0);
        let is_kept =
            end.kind.channel == Channel::Future && (has_copied || end.state == CopyState::Done);
        if !is_kept {
            self.shared_of(id).failure = Some(trap.clone());
        }
        self.drop_end(id);
    }

    /// Frees the writable end of a future, whose handle is gone, without a value. A guest goes on to wait for
    /// it; a host is told.
    pub(crate) fn abandon_end(&mut self, id: WaitableId) {
        let is_done = self.end(id).state == CopyState::Done;
        let shared = self.shared_of(id);
        if shared.dropped {
            return self.drop_end(id);
        }
        shared.abandoned = true;
        if !is_done {
            let message = "the writable end of the future was let go of without a value".into();
            shared.failure = Some(Trap::Host { message }.into());
        }
        let reader = shared.pending;
        self.drop_waitable(id);
        if let Some(reader) = reader
            && self.waitables[reader].inst == InstanceId::HOST
        {
            self.take_back(reader);
            self.notify(reader);
        }
    }

    /// Fails where the other end of `id` is gone and could not do what it was there for.
    pub(crate) fn check_not_broken(&mut self, id: WaitableId) -> Result<(), Trapped> {
        match &self.shared_of(id).failure {
            Some(trap) => Err(trap.clone()),
            None => Ok(()),
        }
    }

    /// Takes up a copy at `id` with `buffer`, after the checks of `canon_stream_read` and its like.
    pub(crate) fn begin_copy(&mut self, id: WaitableId, is_async: bool) -> Result<(), Trapped> {
        let in_set = self.waitables[id].in_waitable_set();
        let end = self.end(id);
        match end.state {
            CopyState::Idle if in_set && !is_async => Err(Trap::SyncUseInSet.into()),
            CopyState::Idle => Ok(()),
            CopyState::Copying | CopyState::CancellingCopy => Err(Trap::ConcurrentCopy.into()),
            CopyState::Done => Err(end.kind.done().into()),
        }
    }
}

impl State {
    /// Whether an end still copies what it began as its copy of this number. Whoever was told of it may have
    /// cancelled it, begun another, or dropped the end.
    pub(crate) fn still_copies(&mut self, id: WaitableId, number: u32) -> bool {
        self.waitables.get(id).is_some() && {
            let end = self.end(id);
            end.copying() && end.waits == number
        }
    }
}

/// How far a copy got that an end began.
pub(crate) enum Begun {
    /// It is over.
    Over(Event),
    /// It waits, or did: the host may have been told so, and have done whatever it liked. The number
    /// is [`CopyEnd::waits`] for this copy.
    Waits(u32),
}

/// What one end does when it meets the other.
pub(super) enum Meeting {
    /// The copy is over.
    Over(Event),
    /// The end has to wait.
    Waits,
    /// Copies elements with the end that waits.
    Copy(Rendezvous),
}

/// What two ends copy that have met. The other end cannot be used without its buffer meanwhile, if
/// the host is asked for memory.
pub(super) struct Rendezvous {
    /// What the end does that has come.
    direction: Direction,
    other: WaitableId,
    theirs: Buffer,
    pub(super) count: u32,
    plan: Option<Arc<Plan>>,
}

/// `End.copy`: offers `buffer` to the other end, and copies if that one waits.
pub(crate) fn copy(cx: &mut Cx<'_>, id: WaitableId, buffer: Buffer) -> Result<Begun, Trapped> {
    let met = {
        let mut state = cx.state();
        match state.meet(&cx.shared.plans, id, &buffer)? {
            Meeting::Over(event) => return Ok(Begun::Over(event)),
            Meeting::Waits => {
                let number = state.wait_for_other_end(id, buffer);
                drop(state);
                host_end::signal(cx, id, Signal::Waits)?;
                return Ok(Begun::Waits(number));
            }
            Meeting::Copy(met) => met,
        }
    };
    let count = met.count;
    copy_elements(cx, met, &buffer)?;
    let mut state = cx.state();
    state.check_not_ended(buffer.inst())?;
    Ok(Begun::Over(state.end_copy(id, buffer.progress + count)))
}

/// Copies what two ends have met for. `mine` is the buffer of the one that has come.
pub(super) fn copy_elements(
    cx: &mut Cx<'_>,
    mut met: Rendezvous,
    mine: &Buffer,
) -> Result<(), Trapped> {
    let (src, dst) = match met.direction {
        Direction::Readable => (&met.theirs, mine),
        Direction::Writable => (mine, &met.theirs),
    };
    let copied = match &met.plan {
        Some(plan) => buffer::copy(cx, plan, src, dst, met.count),
        None => Ok(()),
    };
    let mut state = cx.state();
    if copied.is_ok() {
        met.theirs.progress += met.count;
    }
    state.end(met.other).buffer = Some(met.theirs);
    copied?;
    state.shared_of(met.other).plan = met.plan;
    state.copied(met.other);
    Ok(())
}

impl State {
    pub(crate) fn advance(&mut self, id: WaitableId, count: u32) {
        self.buffer(id).progress += count;
    }

    pub(crate) fn buffer(&mut self, id: WaitableId) -> &mut Buffer {
        self.end(id).buffer.as_mut().expect("a copy has a buffer")
    }

    /// `End.copy`, but for the copying.
    pub(super) fn meet(
        &mut self,
        plans: &PlanCache,
        id: WaitableId,
        mine: &Buffer,
    ) -> Result<Meeting, Trapped> {
        let end = self.end(id);
        // One that is being cancelled goes on with what it had begun.
        if end.state == CopyState::Idle {
            end.state = CopyState::Copying;
        }
        let (kind, shared_id) = (end.kind, end.shared);
        let shared = &mut self.shareds[shared_id];
        if shared.dropped {
            let has_event = self.waitables[id].has_pending_event();
            let event = if has_event { self.get_pending_event(id) } else { self.end_copy(id, 0) };
            return Ok(Meeting::Over(event));
        }
        let Some(other) = shared.pending else { return Ok(Meeting::Waits) };
        let WaitableKind::End(CopyEnd { buffer, .. }) = &mut self.waitables[other].kind else {
            unreachable!("an end waits")
        };
        let theirs = buffer.as_ref().expect("an end waits with its buffer");
        let count = mine.remain().min(theirs.remain());
        if count > 0 {
            let within = mine.inst() == theirs.inst() && mine.inst() != InstanceId::HOST;
            if within && !none_or_number_type(shared.element.as_ref()) {
                return Err(Trap::CopyWithinInstance { what: kind.channel.noun() }.into());
            }
            let (src, dst) = match kind.direction {
                Direction::Readable => (theirs.format, mine.format),
                Direction::Writable => (mine.format, theirs.format),
            };
            let last = shared.plan.take().filter(|plan| plan.is_between(src, dst));
            let element = shared.element.as_ref();
            let plan = last.or_else(|| element.map(|element| plans.get(element, src, dst)));
            let theirs = buffer.take().expect("it is there");
            let direction = kind.direction;
            return Ok(Meeting::Copy(Rendezvous { direction, other, theirs, count, plan }));
        }
        let theirs_is_empty = theirs.remain() == 0;
        if mine.remain() > 0 || (kind.direction == Direction::Readable && theirs_is_empty) {
            // It wanted to know when this end is there.
            self.take_back(other);
            self.notify(other);
            return Ok(Meeting::Waits);
        }
        Ok(Meeting::Over(self.end_copy(id, mine.progress)))
    }

    pub(super) fn wait_for_other_end(&mut self, id: WaitableId, buffer: Buffer) -> u32 {
        let end = self.end(id);
        end.buffer = Some(buffer);
        end.waits = end.waits.wrapping_add(1);
        let (shared, number) = (end.shared, end.waits);
        self.shareds[shared].pending = Some(id);
        number
    }
}

/// What may be copied within one instance.
fn none_or_number_type(element: Option<&Type>) -> bool {
    use Kind::{F32, F64, S8, S16, S32, S64, U8, U16, U32, U64};
    element.is_none_or(|ty| {
        matches!(ty.kind(), U8 | U16 | U32 | U64 | S8 | S16 | S32 | S64 | F32 | F64)
    })
}
