//! Blocking on an engine that cannot suspend a guest ([`Tier::Nested`](crate::engine::Tier)).
//!
//! The thread stays where it is on the native stack, pinned, and others run on top of it until its
//! wait is over. A pinned thread goes on when it is on top again and not earlier; where everything
//! that could go on is pinned further down, the guest traps.

use super::builtin::wake;
use super::thread::resume;
use crate::engine::RawVal;
use crate::error::{Trap, Trapped};
use crate::runtime::{
    Body, Callee, Cx, InstanceId, State, ThreadId, ThreadState, Wait, leave, outside,
};
use smallvec::SmallVec;

/// Blocks the current thread, which has just begun to wait: what the built-in returns.
pub(crate) fn block(cx: &mut Cx<'_>) -> Result<SmallVec<[RawVal; 1]>, Trapped> {
    let thread = {
        let mut state = cx.state();
        let thread = state.current_thread();
        if state.threads[thread].body == Body::Sync {
            return Err(Trap::CannotBlock.into());
        }
        state.threads[thread].pinned = true;
        thread
    };
    run_others(cx, thread)?;
    {
        let mut state = cx.state();
        state.stop_waiting(thread);
        let entry = &mut state.threads[thread];
        entry.pinned = false;
        entry.state = ThreadState::Running;
        state.current = Some(thread);
    }
    wake(cx, thread)
}

/// Runs other threads until `thread` can go on. Inside of a sync-typed call those are threads of the
/// instance that was called, as they are where threads can be suspended.
fn run_others(cx: &mut Cx<'_>, thread: ThreadId) -> Result<(), Trapped> {
    loop {
        let next = {
            let mut state = cx.state();
            let switch_to = state.switch_to.take();
            let task = state.threads[thread].task;
            if switch_to.is_none() && state.is_ready(thread) {
                return Ok(());
            }
            let is_sync = match &state.tasks[task].callee {
                Callee::Lift(lift) => !lift.ty.is_async() && !state.task_resolved(task),
                Callee::Host(_) | Callee::Core => false,
            };
            let next = match switch_to {
                Some(next) if state.threads[next].pinned => {
                    state.start_waiting(next, Wait::Turn);
                    continue;
                }
                Some(next) => Some(next),
                None => match state.sync_call {
                    Some(called) => state.next_ready_in(called),
                    None => state.next_ready_above(),
                },
            };
            match next {
                Some(next) => next,
                None if state.waits_for_host(thread) => {
                    drop(state);
                    if !outside::wait_in_place(cx)? {
                        return Err(Trap::CannotSuspend.into());
                    }
                    continue;
                }
                None if is_sync => return Err(Trap::CannotBlock.into()),
                None => return Err(Trap::CannotSuspend.into()),
            }
        };
        let (inst, next_inst) = {
            let state = cx.state();
            (state.threads[thread].inst, state.threads[next].inst)
        };
        if next_inst == inst {
            resume(cx, next)?;
        } else {
            leave(cx, next_inst, InstanceId::HOST, |cx| resume(cx, next))?;
        }
    }
}

impl State {
    /// A ready thread that can run on top of those that are blocked.
    fn next_ready_above(&mut self) -> Option<ThreadId> {
        let mut at = self.scheduler.ready.front(&self.threads);
        while let Some(id) = at {
            at = self.scheduler.ready.next(&mut self.threads, id);
            let (inst, pinned) = (self.threads[id].inst, self.threads[id].pinned);
            // What a trap has ended is freed when no guest runs, and does not run till then.
            if !pinned && !self.has_ended(inst, InstanceId::HOST) && self.is_still_ready(id) {
                return Some(id);
            }
        }
        None
    }
}
