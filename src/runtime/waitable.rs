//! What a thread can wait for: waitables and sets of them ("Waitable State").

use super::State;
use super::instance::InstanceId;
use super::list::{Link, Linked, List};
use super::slab::{Id, Slab};
use super::stream::CopyEnd;
use super::subtask::Subtask;
use super::thread::{Thread, ThreadId};
use crate::error::{Trap, Trapped};

/// What a waitable has to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum EventCode {
    /// Nothing.
    None = 0,
    /// A subtask started or resolved.
    Subtask = 1,
    /// A read of a stream is over or made progress.
    StreamRead = 2,
    /// A write to a stream is over or made progress.
    StreamWrite = 3,
    /// A read of a future is over.
    FutureRead = 4,
    /// A write to a future is over.
    FutureWrite = 5,
    /// The task that waits should cancel itself.
    TaskCancelled = 6,
}

/// `EventTuple` of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub code: EventCode,
    /// The waitable's index, or 0.
    pub p1: u32,
    /// The new state or the packed result, or 0.
    pub p2: u32,
}

impl Event {
    /// No event.
    pub const NONE: Event = Event { code: EventCode::None, p1: 0, p2: 0 };
    /// A request to cancel the waiting task.
    pub const TASK_CANCELLED: Event = Event { code: EventCode::TaskCancelled, p1: 0, p2: 0 };
}

/// A subtask, or an end of a stream or future.
pub(crate) struct Waitable {
    /// The instance in whose table it is, and where; index 0 for a subtask without handle.
    pub(crate) inst: InstanceId,
    pub(crate) index: u32,
    pub(crate) pending_event: Option<PendingEvent>,
    pub(crate) set: Option<SetId>,
    /// The thread that waits for this waitable alone; has_sync_waiter in the reference.
    pub(crate) sync_waiter: Option<ThreadId>,
    /// In the set's list of those with a pending event.
    link: Link,
    pub(crate) kind: WaitableKind,
}

pub(crate) type WaitableId = Id<Waitable>;

pub(crate) enum WaitableKind {
    Subtask(Subtask),
    End(CopyEnd),
}

/// An event that is there but not delivered yet; what it says is decided on delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PendingEvent {
    Subtask,
    /// Of an end of a stream or future.
    Copy,
}

impl Linked<0> for Waitable {
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }
}

impl Waitable {
    #[inline(always)]
    pub(crate) fn new(inst: InstanceId, index: u32, kind: WaitableKind) -> Self {
        Waitable {
            inst,
            index,
            pending_event: None,
            set: None,
            sync_waiter: None,
            link: Link::default(),
            kind,
        }
    }

    pub(crate) fn has_pending_event(&self) -> bool {
        self.pending_event.is_some()
    }

    pub(crate) fn in_waitable_set(&self) -> bool {
        self.set.is_some()
    }

    pub(crate) fn has_sync_waiter(&self) -> bool {
        self.sync_waiter.is_some()
    }
}

/// Waitables that a thread can wait for together.
#[derive(Default)]
pub(crate) struct WaitableSet {
    pub(crate) num_elems: u32,
    /// Threads that wait for this set, whether or not they are ready by now.
    pub(crate) num_waiting: u32,
    /// Elements with a pending event, in the order of the events.
    pub(crate) pending: List<Waitable, 0>,
    /// Waiting threads that no event has woken: those that wait for nothing else, and those that
    /// need exclusive access besides.
    pub(crate) waiters: List<Thread, 0>,
    pub(crate) exclusive_waiters: List<Thread, 0>,
}

pub(crate) type SetId = Id<WaitableSet>;

impl WaitableSet {
    pub(crate) fn has_pending_event(&self) -> bool {
        !self.pending.is_empty()
    }
}

impl State {
    /// Gives `waitable` an event and wakes who waits for it.
    pub(crate) fn set_pending_event(&mut self, id: WaitableId, event: PendingEvent) {
        let waitable = &mut self.waitables[id];
        let had_event = waitable.pending_event.replace(event).is_some();
        if let Some(thread) = waitable.sync_waiter {
            self.wake(thread);
        } else if let Some(set) = waitable.set {
            if !had_event {
                self.sets[set].pending.push_back(&mut self.waitables, id);
            }
            self.wake_set_waiter(set);
        }
    }

    /// Takes the event of `waitable`, which has one.
    pub(crate) fn get_pending_event(&mut self, id: WaitableId) -> Event {
        let waitable = &mut self.waitables[id];
        let event = waitable.pending_event.take().expect("the waitable has an event");
        if let Some(set) = waitable.set {
            self.sets[set].pending.remove(&mut self.waitables, id);
        }
        match event {
            PendingEvent::Subtask => self.subtask_event(id),
            PendingEvent::Copy => self.copy_event(id),
        }
    }

    /// Puts `waitable` into `set`, or into none.
    pub(crate) fn join(&mut self, id: WaitableId, set: Option<SetId>) {
        let waitable = &mut self.waitables[id];
        let has_event = waitable.has_pending_event();
        if let Some(old) = std::mem::replace(&mut waitable.set, set) {
            let old = &mut self.sets[old];
            old.num_elems -= 1;
            if has_event {
                old.pending.remove(&mut self.waitables, id);
            }
        }
        if let Some(set) = set {
            self.sets[set].num_elems += 1;
            if has_event {
                self.sets[set].pending.push_back(&mut self.waitables, id);
                self.wake_set_waiter(set);
            }
        }
    }

    /// Frees a waitable that has no handle any more; `Waitable.drop` of the reference.
    pub(crate) fn drop_waitable(&mut self, id: WaitableId) {
        if self.waitables[id].in_waitable_set() {
            self.join(id, None);
        }
        self.waitables.discard(id);
    }

    /// Takes an event of a set that has one.
    pub(crate) fn get_set_event(&mut self, set: SetId) -> Event {
        let len = self.sets[set].pending.len();
        let n = self.choose(len);
        let pending = &self.sets[set].pending;
        let id = pending.nth(&mut self.waitables, n).expect("the set has an event");
        let event = self.get_pending_event(id);
        self.wake_for_leftover(set);
        event
    }

    /// Frees a set; `WaitableSet.drop` of the reference.
    pub(crate) fn drop_set(&mut self, id: SetId) -> Result<(), Trapped> {
        let set = &self.sets[id];
        if set.num_elems > 0 {
            return Err(Trap::DropSetWithElements { elements: set.num_elems }.into());
        }
        if set.num_waiting > 0 {
            return Err(Trap::DropSetWithWaiters { waiters: set.num_waiting }.into());
        }
        self.sets.remove(id);
        Ok(())
    }
}

/// The sets of a store.
pub(crate) type Sets = Slab<WaitableSet>;
