//! Which thread runs next.
//!
//! Ready threads are in one list of the store's, and in one of their instance's for the sync calls
//! that may only run threads of the instance they block. A thread that waits is in a list of what
//! it waits for, so that an event finds its thread without a search.
//!
//! A wait can come true and false again before the thread has run: another thread takes the event,
//! or exclusive access. So one thread of each kind is woken per event or release, the wait is looked
//! at again when its turn comes, and a thread that comes too late goes back to the front of its list.

use super::list::List;
use super::thread::{Queue, Thread, ThreadId, ThreadState, Wait};
use super::trace::TraceKind;
use super::{InstanceId, State, policy};

/// The ready threads, and how to choose among them.
#[derive(Default)]
pub(crate) struct Scheduler {
    pub(crate) ready: List<Thread, 0>,
    /// Counts how often threads were resumed, and wraps around.
    pub(crate) step: u32,
    /// Present when orders are drawn at random.
    random: Option<Random>,
    /// Never go on where blocking is allowed.
    deterministic: bool,
}

impl Scheduler {
    pub(crate) fn new(seed: Option<u64>, deterministic: bool) -> Self {
        Scheduler { ready: List::default(), step: 0, random: seed.map(Random), deterministic }
    }

    /// Whether nothing goes on where the deterministic profile does not.
    pub(crate) fn is_deterministic(&self) -> bool {
        self.deterministic
    }
}

/// A small generator of well-spread numbers (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % u64::from(n)) as u32
    }
}

impl State {
    /// A number below `n`, which is at least 1: 0 unless orders are drawn at random.
    #[inline]
    pub(crate) fn choose(&mut self, n: u32) -> u32 {
        match &mut self.scheduler.random {
            Some(random) => random.below(n),
            None => 0,
        }
    }

    /// Whether whoever runs the store next has no thread to run, or is inside one that waits in place.
    #[cfg(feature = "wasi")]
    pub(crate) fn is_idle(&self) -> bool {
        self.nesting > 0 || self.scheduler.ready.is_empty()
    }

    /// Whether orders are drawn at random.
    pub(crate) fn draws_orders(&self) -> bool {
        self.scheduler.random.is_some()
    }

    /// `wait_until` of the reference: whether the current thread has to block, which it is then made
    /// ready to do.
    pub(crate) fn must_wait(&mut self, thread: ThreadId, wait: Wait) -> bool {
        if self.wait_is_over(thread, wait) && self.goes_on_when_ready(wait) {
            return false;
        }
        self.start_waiting(thread, wait);
        true
    }

    /// The specification leaves it open whether a thread blocks whose wait is over already. Waits go
    /// on and turns are given up, unless orders are drawn at random.
    fn goes_on_when_ready(&mut self, wait: Wait) -> bool {
        if self.scheduler.deterministic {
            return false;
        }
        match self.scheduler.random {
            Some(_) if !self.tests_over_text => self.choose(2) == 1,
            _ => !matches!(wait, Wait::Turn | Wait::Exclusive),
        }
    }

    /// `Thread.start_waiting`: has a thread wait. It runs again when `wait` is over.
    pub(crate) fn start_waiting(&mut self, id: ThreadId, wait: Wait) {
        self.threads[id].state = ThreadState::Waiting(wait);
        self.trace_thread(TraceKind::TaskBlock, id, wait);
        if let Wait::Set(set) | Wait::SetExclusive(set) = wait {
            self.sets[set].num_waiting += 1;
        }
        if let Wait::Resolved(waitable) | Wait::Event(waitable) = wait {
            self.waitables[waitable].sync_waiter = Some(id);
        }
        if self.wait_is_over(id, wait) {
            self.push_ready(id);
        } else {
            self.enqueue(id, wait, false);
            self.count_if_for_host(id);
        }
    }

    /// Has a thread suspend until another resumes it.
    pub(crate) fn suspend(&mut self, id: ThreadId) {
        self.threads[id].state = ThreadState::Suspended;
    }

    /// `Thread.stop_waiting`: takes a thread that is about to run, or to be freed, out of whatever it
    /// is in.
    pub(crate) fn stop_waiting(&mut self, id: ThreadId) {
        let ThreadState::Waiting(wait) = self.threads[id].state else { return };
        self.dequeue(id);
        self.no_longer_for_host(id);
        self.threads[id].state = ThreadState::Suspended;
        self.trace_thread(TraceKind::TaskWake, id, wait);
        match wait {
            Wait::Set(set) | Wait::SetExclusive(set) => {
                self.sets[set].num_waiting -= 1;
            }
            Wait::Resolved(waitable) | Wait::Event(waitable) => {
                // Gone where the call ended after a trap had ended its caller.
                if let Some(waitable) = self.waitables.get_mut(waitable) {
                    waitable.sync_waiter = None;
                }
            }
            Wait::Turn | Wait::Enter | Wait::Exclusive => {}
        }
    }

    /// A thread that waits is not going to take what it waits for, which may be there.
    pub(crate) fn give_up_waiting(&mut self, id: ThreadId) {
        let ThreadState::Waiting(wait) = self.threads[id].state else { return };
        self.stop_waiting(id);
        if let Wait::Set(set) | Wait::SetExclusive(set) = wait {
            self.wake_for_leftover(set);
        }
    }

    pub(crate) fn wake_for_leftover(&mut self, set: super::SetId) {
        if self.sets[set].has_pending_event() {
            self.wake_set_waiter(set);
        }
    }

    pub(crate) fn wait_is_over(&self, id: ThreadId, wait: Wait) -> bool {
        let thread = &self.threads[id];
        match wait {
            Wait::Turn => true,
            Wait::Enter => {
                !self.has_backpressure(thread.inst, self.tasks[thread.task].needs_exclusive())
            }
            Wait::Exclusive => !self[thread.inst].is_exclusive(),
            Wait::Set(set) => self.sets[set].has_pending_event(),
            Wait::SetExclusive(set) => {
                !self[thread.inst].is_exclusive() && self.has_callback_event(id, set)
            }
            Wait::Resolved(waitable) => self.subtask_resolved(waitable),
            Wait::Event(waitable) => self.waitables[waitable].has_pending_event(),
        }
    }

    /// Whether there is something to call the callback with that thread `id` waits to call.
    fn has_callback_event(&self, id: ThreadId, set: super::SetId) -> bool {
        self.sets[set].has_pending_event() || self.has_pending_cancel(self.threads[id].task)
    }

    /// `Thread.ready` of the reference.
    pub(crate) fn is_ready(&self, id: ThreadId) -> bool {
        match self.threads[id].state {
            ThreadState::Waiting(wait) => self.wait_is_over(id, wait),
            ThreadState::Running | ThreadState::Suspended => false,
        }
    }

    /// Makes a waiting thread ready, or has it wait for what it still lacks.
    pub(crate) fn wake(&mut self, id: ThreadId) {
        let ThreadState::Waiting(wait) = self.threads[id].state else { return };
        if self.threads[id].queue == Queue::Ready {
            return;
        }
        self.dequeue(id);
        if self.wait_is_over(id, wait) {
            self.push_ready(id);
        } else {
            self.enqueue(id, wait, false);
        }
    }

    /// Wakes those that wait for the set's event, one of each kind: one that lacks exclusive access
    /// waits for that from now on, and must not keep the event from one that does not need it.
    pub(crate) fn wake_set_waiter(&mut self, id: super::SetId) {
        let set = &self.sets[id];
        if set.has_pending_event() {
            let fronts =
                [&set.waiters, &set.exclusive_waiters].map(|list| list.front(&self.threads));
            fronts.into_iter().flatten().for_each(|thread| self.wake(thread));
        }
    }

    /// Wakes those that wait for `inst` to let them in or to give them exclusive access, one of each
    /// kind; letting one in calls this again.
    pub(crate) fn notify_gates(&mut self, inst: InstanceId) {
        self.wake_gate(self[inst].entering.front(&self.threads));
        self.wake_gate(self[inst].entering_exclusive.front(&self.threads));
        while let Some(thread) = self[inst].reentering.front(&self.threads) {
            if self.wake_gate(Some(thread)) || self[inst].is_exclusive() {
                break;
            }
            // Another thread took the event that this one had waited for.
            self.wake(thread);
        }
    }

    fn wake_gate(&mut self, front: Option<ThreadId>) -> bool {
        let Some(thread) = front.filter(|thread| self.is_ready(*thread)) else { return false };
        self.dequeue(thread);
        self.push_ready(thread);
        true
    }

    pub(super) fn push_ready(&mut self, id: ThreadId) {
        self.no_longer_for_host(id);
        let thread = &mut self.threads[id];
        thread.queue = Queue::Ready;
        thread.ready_since = self.scheduler.step;
        let inst = thread.inst;
        self.scheduler.ready.push_back(&mut self.threads, id);
        if self.is_for_sync_calls(id) {
            self.instances[inst.0 as usize].ready.push_back(&mut self.threads, id);
        }
    }

    /// Whether a ready thread is among those that a blocked sync call may run. That does not change
    /// while it is ready. One that waits to be let in is not in the instance yet.
    fn is_for_sync_calls(&self, id: ThreadId) -> bool {
        self.threads[id].index != 0
    }

    fn enqueue(&mut self, id: ThreadId, wait: Wait, front: bool) {
        let has_event = match wait {
            Wait::SetExclusive(set) => self.has_callback_event(id, set),
            _ => false,
        };
        let thread = &self.threads[id];
        let inst = &mut self.instances[thread.inst.0 as usize];
        let (queue, list) = match wait {
            Wait::Enter if self.tasks[thread.task].needs_exclusive() => {
                (Queue::EnteringExclusive, &mut inst.entering_exclusive)
            }
            Wait::Enter => (Queue::Entering, &mut inst.entering),
            Wait::Exclusive => (Queue::Reentering, &mut inst.reentering),
            Wait::SetExclusive(_) if has_event => (Queue::Reentering, &mut inst.reentering),
            Wait::Set(set) => (Queue::SetWaiters, &mut self.sets[set].waiters),
            Wait::SetExclusive(set) => (Queue::SetWaiters, &mut self.sets[set].exclusive_waiters),
            Wait::Turn | Wait::Resolved(_) | Wait::Event(_) => return,
        };
        if front {
            list.push_front(&mut self.threads, id);
        } else {
            list.push_back(&mut self.threads, id);
        }
        self.threads[id].queue = queue;
    }

    pub(super) fn dequeue(&mut self, id: ThreadId) {
        let is_for_sync_calls = self.is_for_sync_calls(id);
        let thread = &mut self.threads[id];
        let queue = std::mem::replace(&mut thread.queue, Queue::None);
        let inst = &mut self.instances[thread.inst.0 as usize];
        let list = match (queue, thread.state) {
            (Queue::None, _) => return,
            (Queue::Ready, _) => {
                if is_for_sync_calls {
                    inst.ready.remove(&mut self.threads, id);
                }
                &mut self.scheduler.ready
            }
            (Queue::Entering, _) => &mut inst.entering,
            (Queue::EnteringExclusive, _) => &mut inst.entering_exclusive,
            (Queue::Reentering, _) => &mut inst.reentering,
            (Queue::Holding, _) => &mut inst.holding,
            (Queue::SetWaiters, ThreadState::Waiting(Wait::Set(set))) => {
                &mut self.sets[set].waiters
            }
            (Queue::SetWaiters, ThreadState::Waiting(Wait::SetExclusive(set))) => {
                &mut self.sets[set].exclusive_waiters
            }
            (Queue::SetWaiters, _) => unreachable!("only waiters of a set are in its list"),
        };
        list.remove(&mut self.threads, id);
    }

    /// A ready thread of the store's.
    pub(crate) fn next_ready(&mut self) -> Option<ThreadId> {
        loop {
            let count = policy::may_run_next(self);
            if count == 0 {
                return None;
            }
            let n = self.choose(count);
            let id = self.scheduler.ready.nth(&mut self.threads, n)?;
            if !self.is_still_ready(id) {
                continue;
            }
            if !self.is_held(id) {
                return Some(id);
            }
            self.dequeue(id);
            self.hold(id);
        }
    }

    /// A ready thread that a blocked sync call into `inst` may run. Those that have to be passed over
    /// are those that are on the native stack, or in a call that is parked below another.
    pub(crate) fn next_ready_in(&mut self, inst: InstanceId) -> Option<ThreadId> {
        let mut candidates = smallvec::SmallVec::<[ThreadId; 8]>::new();
        let at_random = self.scheduler.random.is_some();
        let mut at = self[inst].ready.front(&self.threads);
        while let Some(id) = at {
            at = self.instances[inst.0 as usize].ready.next(&mut self.threads, id);
            if self.threads[id].pinned || self.is_parked_below(id) {
                continue;
            }
            if self.is_still_ready(id) {
                candidates.push(id);
                if !at_random {
                    break;
                }
            }
        }
        let n = self.choose((candidates.len() as u32).max(1));
        candidates.get(n as usize).copied()
    }

    /// Looks again at the wait of a thread in the ready list; one that came too late goes back.
    pub(crate) fn is_still_ready(&mut self, id: ThreadId) -> bool {
        let ThreadState::Waiting(wait) = self.threads[id].state else { return false };
        if self.wait_is_over(id, wait) {
            return true;
        }
        self.dequeue(id);
        self.enqueue(id, wait, true);
        if let Wait::SetExclusive(_) = wait {
            // Its event was taken: exclusive access is there for the next one.
            self.notify_gates(self.threads[id].inst);
        }
        false
    }
}
