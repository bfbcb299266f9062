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
    Body, Callee, Cx, InstanceId, State, Thread, ThreadId, ThreadState, Wait, leave, outside,
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
    let cancelled = run_others(cx, thread)?;
    {
        let mut state = cx.state();
        state.stop_waiting(thread, cancelled);
        let entry = &mut state.threads[thread];
        entry.pinned = false;
        entry.state = ThreadState::Running;
        state.current = Some(thread);
    }
    wake(cx, thread, cancelled)
}

/// Runs other threads until `thread` can go on; whether it is cancelled.
fn run_others(cx: &mut Cx<'_>, thread: ThreadId) -> Result<bool, Trapped> {
    let mut turns = 0u32;
    loop {
        let next = {
            let mut state = cx.state();
            let switch_to = state.switch_to.take();
            let Thread { task, inst, cancellable, .. } = state.threads[thread];
            if switch_to.is_none() {
                if state.is_ready(thread) {
                    return Ok(false);
                }
                if state.deliver_pending_cancel(task, cancellable) {
                    return Ok(true);
                }
            }
            let is_sync = match &state.tasks[task].callee {
                Callee::Lift(lift) => !lift.ty.is_async() && !state.task_resolved(task),
                Callee::Host(_) | Callee::Core => false,
            };
            let next = match switch_to {
                Some(next) if state.threads[next].pinned => {
                    state.start_waiting(next, Wait::Turn, false);
                    continue;
                }
                Some(next) => Some(next),
                None if is_sync => state.next_ready_in(inst, turns),
                None => state.next_ready_above(inst),
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
        turns = turns.saturating_add(1);
        let (inst, next_inst) = {
            let state = cx.state();
            (state.threads[thread].inst, state.threads[next].inst)
        };
        if next_inst == inst {
            resume(cx, next, false)?;
        } else {
            cx.state().enter_from(next_inst, InstanceId::HOST);
            leave(cx, next_inst, InstanceId::HOST, |cx| resume(cx, next, false))?;
        }
    }
}

impl State {
    /// A ready thread that can run on top of a blocked one of `inst`.
    fn next_ready_above(&mut self, inst: InstanceId) -> Option<ThreadId> {
        let mut at = self.scheduler.ready.front(&self.threads);
        while let Some(id) = at {
            at = self.scheduler.ready.next(&mut self.threads, id);
            let Thread { inst: its, pinned, .. } = self.threads[id];
            let may_run = its == inst || self.may_enter_from(its, InstanceId::HOST);
            if !pinned && may_run && self.is_still_ready(id) {
                return Some(id);
            }
        }
        None
    }
}
