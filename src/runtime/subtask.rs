//! The caller's side of a call ("Subtask State").

use super::table::Handle;
use super::task::TaskId;
use super::thread::ThreadId;
use super::waitable::{Event, EventCode, PendingEvent, Waitable, WaitableId, WaitableKind};
use super::{Cx, InstanceId, Lower, State};
use crate::account::{Account, reserve_one};
use crate::engine::RawVal;
use crate::error::{Trap, Trapped};
use crate::memory::Arena;
use std::rc::Rc;

/// How far a call is, as its caller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum SubtaskState {
    /// The callee has not taken the arguments yet.
    Starting = 0,
    /// The callee has taken the arguments.
    Started = 1,
    /// The results are there.
    Returned = 2,
    /// Cancelled; the arguments were never taken.
    CancelledBeforeStarted = 3,
    /// Cancelled; the arguments were taken, there are no results.
    CancelledBeforeReturned = 4,
}

impl SubtaskState {
    /// Whether the call is over.
    pub fn is_resolved(self) -> bool {
        !matches!(self, SubtaskState::Starting | SubtaskState::Started)
    }
}

/// Told that a call of the host's is over, when no guest runs.
pub type Completion = Box<dyn FnOnce(&mut Cx<'_>, HostSubtask)>;

/// The host as the caller of a subtask.
pub(crate) struct HostCaller {
    /// Where what the result points at goes.
    pub(crate) arena: Rc<Arena>,
    pub(crate) completion: Option<Completion>,
    /// Why there will be no result.
    pub(crate) trap: Option<Trapped>,
}

/// A call that the host has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HostSubtask(pub(crate) WaitableId);

impl HostSubtask {
    /// The subtask as a number; never 0.
    pub fn to_bits(self) -> u64 {
        self.0.to_bits()
    }

    /// The subtask that [`HostSubtask::to_bits`] gave.
    pub fn from_bits(bits: u64) -> Option<Self> {
        super::Id::from_bits(bits).map(HostSubtask)
    }
}

/// Who calls, and where the results go.
pub(crate) enum Caller {
    /// A guest, through a lowered function.
    Guest(Rc<Lower>),
    /// The host.
    Host(HostCaller),
}

pub(crate) struct Subtask {
    pub(crate) state: SubtaskState,
    /// The task on the other side, from when it exists until it resolves.
    pub(crate) callee: Option<TaskId>,
    pub(crate) caller: Caller,
    /// The thread that called; it may be gone. `None` for the host.
    pub(crate) by: Option<ThreadId>,
    /// Handles of the caller's that are lent to the callee, until the resolution is delivered.
    pub(super) lenders: Lenders,
    pub(crate) resolve_delivered: bool,
    pub(crate) cancellation_requested: bool,
    /// Nobody waits for the result, nor is there a place for it.
    pub(crate) detached: bool,
    /// Where the result is to go if it is not flat; once it is there, the flat result.
    pub(crate) result: RawVal,
}

/// The handles that a call lends.
#[derive(Default)]
pub(super) struct Lenders {
    /// The first ones; 0 for none.
    few: [u32; 2],
    #[allow(clippy::box_collection, reason = "few calls lend more, and all have the place for it")]
    more: Option<Box<Vec<u32>>>,
}

impl Lenders {
    pub(super) fn is_empty(&self) -> bool {
        self.few[0] == 0
    }

    /// Adds one where there is room without memory of their own.
    pub(super) fn push_in_place(&mut self, index: u32) -> bool {
        let free = self.few.iter_mut().find(|lender| **lender == 0);
        free.map(|free| *free = index).is_some()
    }

    pub(super) fn has_room_in_place(&self) -> bool {
        self.few.contains(&0)
    }

    fn push(&mut self, index: u32, account: &Account) -> Result<(), Trapped> {
        if !self.push_in_place(index) {
            let more = self.more.get_or_insert_default();
            reserve_one(more, account)?;
            more.push(index);
        }
        Ok(())
    }

    /// Gives back to the account what the list took.
    fn credit(&self, account: &Account) {
        let capacity = self.more.as_ref().map_or(0, |more| more.capacity());
        account.credit((capacity * size_of::<u32>()) as u64);
    }

    fn into_iter(self) -> impl Iterator<Item = u32> {
        let few = self.few.into_iter().filter(|lender| *lender != 0);
        few.chain(self.more.into_iter().flat_map(|more| *more))
    }
}

impl Subtask {
    #[inline(always)]
    pub(crate) fn new(caller: Caller, by: Option<ThreadId>, result_ptr: u64) -> Self {
        Subtask {
            state: SubtaskState::Starting,
            callee: None,
            caller,
            by,
            lenders: Lenders::default(),
            resolve_delivered: false,
            cancellation_requested: false,
            detached: false,
            result: result_ptr,
        }
    }

    pub(crate) fn resolved(&self) -> bool {
        self.state.is_resolved()
    }
}

impl State {
    /// A subtask of a guest's, which has no handle yet.
    #[inline(always)]
    pub(crate) fn new_subtask(
        &mut self,
        inst: InstanceId,
        caller: impl FnOnce() -> Caller,
        result_ptr: u64,
    ) -> Result<WaitableId, Trapped> {
        let by = self.current;
        self.waitables.insert_with(|_| {
            let subtask = Subtask::new(caller(), by, result_ptr);
            Waitable::new(inst, 0, WaitableKind::Subtask(subtask))
        })
    }

    /// The subtask that `id` names, which the table has found to be one.
    #[inline]
    pub(crate) fn subtask(&mut self, id: WaitableId) -> &mut Subtask {
        match &mut self.waitables[id].kind {
            WaitableKind::Subtask(subtask) => subtask,
            WaitableKind::End(_) => unreachable!("the handle says that it is a subtask"),
        }
    }

    /// Notes that the handle `index` of the caller is lent until the resolution is delivered.
    pub(crate) fn add_lender(&mut self, id: WaitableId, index: u32) -> Result<(), Trapped> {
        let WaitableKind::Subtask(subtask) = &mut self.waitables[id].kind else {
            unreachable!("only calls lend")
        };
        debug_assert!(!subtask.resolved());
        subtask.lenders.push(index, &self.host_memory)
    }

    /// The callee takes the arguments.
    #[inline]
    pub(crate) fn on_started(&mut self, id: WaitableId) {
        let subtask = self.subtask(id);
        debug_assert_eq!(subtask.state, SubtaskState::Starting);
        subtask.state = SubtaskState::Started;
        self.on_progress(id);
    }

    /// The callee has returned; its result has been lowered.
    pub(crate) fn on_returned(&mut self, id: WaitableId, flat_result: RawVal) {
        self.resolve(id, SubtaskState::Returned, flat_result);
    }

    /// The callee has cancelled itself.
    pub(crate) fn on_cancelled(&mut self, id: WaitableId) {
        let state = match self.subtask(id).state {
            SubtaskState::Starting => SubtaskState::CancelledBeforeStarted,
            _ => SubtaskState::CancelledBeforeReturned,
        };
        self.resolve(id, state, 0);
    }

    fn resolve(&mut self, id: WaitableId, to: SubtaskState, flat_result: RawVal) {
        let subtask = self.subtask(id);
        debug_assert!(!subtask.resolved());
        subtask.state = to;
        subtask.result = flat_result;
        subtask.callee = None;
        if let Caller::Host(host) = &mut subtask.caller {
            let completion = host.completion.take();
            self.deliver_resolve(id);
            if let Some(completion) = completion {
                self.completions.push_back((HostSubtask(id), completion));
            }
        }
        if self.caller_waits(id) {
            self.on_progress(id);
        } else {
            self.drop_waitable(id);
        }
    }

    /// Whether the caller still wants its result: no trap has ended it, and it has not let go.
    pub(crate) fn caller_waits(&self, id: WaitableId) -> bool {
        let waitable = &self.waitables[id];
        match &waitable.kind {
            WaitableKind::Subtask(Subtask { detached: true, .. }) => false,
            WaitableKind::Subtask(Subtask { caller: Caller::Host(_), .. }) => true,
            _ => !self[waitable.inst].poisoned,
        }
    }

    #[inline]
    pub(crate) fn subtask_resolved(&self, id: WaitableId) -> bool {
        match &self.waitables[id].kind {
            WaitableKind::Subtask(subtask) => subtask.resolved(),
            WaitableKind::End(_) => unreachable!("the handle says that it is a subtask"),
        }
    }

    /// Tells the caller, if it has a handle or waits, that its call has started or is over.
    fn on_progress(&mut self, id: WaitableId) {
        if self.waitables[id].index != 0 {
            self.set_pending_event(id, PendingEvent::Subtask);
        } else if let Some(thread) = self.waitables[id].sync_waiter {
            self.wake(thread);
        }
    }

    /// Forgets which handles are lent.
    pub(super) fn take_lenders(&mut self, id: WaitableId) -> Lenders {
        let lenders = std::mem::take(&mut self.subtask(id).lenders);
        lenders.credit(&self.host_memory);
        lenders
    }

    /// Gives back what was lent to the callee.
    #[inline(always)]
    pub(crate) fn deliver_resolve(&mut self, id: WaitableId) {
        let subtask = self.subtask(id);
        debug_assert!(!subtask.resolve_delivered);
        subtask.resolve_delivered = true;
        if !subtask.lenders.is_empty() {
            let inst = self.waitables[id].inst;
            let lenders = self.take_lenders(id);
            self.give_back_lent(inst, lenders);
        }
    }

    /// Handles of `inst` are not lent any more.
    pub(super) fn give_back_lent(&mut self, inst: InstanceId, lenders: Lenders) {
        for index in lenders.into_iter() {
            if let Some(Handle::Resource(handle)) = self[inst].handles.get_mut(index) {
                handle.num_lends -= 1;
                if handle.given_up && handle.num_lends == 0 {
                    self.given_up.push_back(index);
                }
            }
        }
    }

    /// Whether the host made the call that a task serves.
    #[cold]
    pub(crate) fn is_called_by_host(&self, task: TaskId) -> bool {
        let subtask = self.tasks[task].subtask.map(|id| &self.waitables[id].kind);
        matches!(subtask, Some(WaitableKind::Subtask(Subtask { caller: Caller::Host(_), .. })))
    }

    /// Frees the subtask of a call that has trapped before it could block.
    pub(crate) fn forget_subtask(&mut self, id: WaitableId) -> Option<Waitable> {
        self.waitables.get(id)?;
        if !self.subtask(id).resolve_delivered {
            self.deliver_resolve(id);
        }
        self.waitables.remove(id)
    }

    pub(crate) fn subtask_event(&mut self, id: WaitableId) -> Event {
        let index = self.waitables[id].index;
        if self.subtask(id).resolved() && !self.subtask(id).resolve_delivered {
            self.deliver_resolve(id);
        }
        let state = self.subtask(id).state;
        Event { code: EventCode::Subtask, p1: index, p2: state as u32 }
    }

    /// `Subtask.drop`: frees a subtask whose handle goes.
    pub(crate) fn drop_subtask(&mut self, id: WaitableId) -> Result<(), Trapped> {
        if !self.subtask(id).resolve_delivered {
            return Err(Trap::DropUnresolvedSubtask.into());
        }
        self.drop_waitable(id);
        Ok(())
    }
}
