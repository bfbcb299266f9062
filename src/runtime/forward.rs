//! Forwarding: two streams, or two futures, become one ("Stream and Future State", `End.forward`).
//!
//! A readable end and a writable end go, and the two that are left at their other sides belong together
//! from then on. So what passes is copied once, and whoever has forwarded it is not in between.

use super::host_end::{Signal, signal, tell};
use super::stream::{Channel, CopyState, EndKind, Meeting, Shared, SharedId, copy_elements};
use super::{Cx, InstanceId, State, WaitableId};
use crate::error::{Trap, Trapped};
use crate::types::Type;

impl State {
    /// The end that `index` refers to, which can be forwarded.
    pub(crate) fn check_forwardable(
        &mut self,
        inst: InstanceId,
        kind: EndKind,
        element: Option<&Type>,
        index: u32,
    ) -> Result<WaitableId, Trapped> {
        let id = self.end_at(inst, kind, element, index)?;
        let what = kind.channel.noun();
        let in_set = self.waitables[id].in_waitable_set();
        match self.end(id).state {
            CopyState::Idle if in_set => Err(Trap::EndInSet { action: "forward", what }.into()),
            CopyState::Idle => Ok(id),
            CopyState::Copying | CopyState::CancellingCopy => {
                Err(Trap::BusyEnd { action: "forward", what }.into())
            }
            CopyState::Done => {
                let action = match kind.channel {
                    Channel::Stream => "forward stream",
                    Channel::Future => "forward future",
                };
                Err(Trap::CopyAfterDone { action, since: kind.done_since() }.into())
            }
        }
    }

    /// Ties the other ends of `src` and `dst` together, which go: the readable and the writable end that are left, or
    /// none where one of them is gone, which the other one is told.
    fn tie(&mut self, src: WaitableId, dst: WaitableId) -> Option<Tied> {
        let watched = [src, dst].map(|id| self.end(id).host.take());
        self.discarded.extend(watched.into_iter().flatten().map(|side| *side));
        let (from, to) = (self.end(src).shared, self.end(dst).shared);
        if from != to
            && let (Some(writable), Some(readable)) = (self.other_end(src), self.other_end(dst))
        {
            let before = [self.offers(from, writable), self.offers(to, readable)];
            self.drop_waitable(src);
            self.drop_waitable(dst);
            self.shareds[from].ends = [Some(readable), Some(writable)];
            self.shareds[from].pending = None;
            self.end(readable).shared = from;
            return Some(Tied { readable, writable, offers: before, left: to });
        }
        let Shared { abandoned, failure, .. } = &self.shareds[from];
        let (is_abandoned, failure) = (*abandoned && from != to, failure.clone());
        self.drop_end(src);
        if is_abandoned {
            self.abandon_end(dst);
            return None;
        }
        if failure.is_some() {
            self.shared_of(dst).failure = failure;
        }
        self.drop_end(dst);
        None
    }

    /// Whether `id` waits with a buffer.
    fn offers(&self, shared: SharedId, id: WaitableId) -> bool {
        self.shareds[shared].pending == Some(id)
    }

    /// The two ends could not copy what they had waited with: each has lost the other.
    fn untie(&mut self, Tied { readable, writable, left, .. }: Tied, trap: &Trapped) {
        let from = self.end(writable).shared;
        self.end(readable).shared = left;
        for (shared, ends) in [(from, [None, Some(writable)]), (left, [Some(readable), None])] {
            let shared = &mut self.shareds[shared];
            (shared.ends, shared.pending, shared.dropped) = (ends, None, true);
            shared.failure = Some(trap.clone());
        }
        for id in [readable, writable] {
            self.tell_gone(id);
        }
    }
}

/// Two ends that belong together now.
struct Tied {
    readable: WaitableId,
    writable: WaitableId,
    /// Whether the writable and the readable end wait with a buffer.
    offers: [bool; 2],
    /// What the readable end belonged to before.
    left: SharedId,
}

/// `End.forward`: what is written to the other end of `src` is read from the other end of `dst` from
/// now on. Both have no handle any more.
pub(crate) fn forward(cx: &mut Cx<'_>, src: WaitableId, dst: WaitableId) -> Result<(), Trapped> {
    let Some(tied) = cx.state().tie(src, dst) else { return Ok(()) };
    let [writes, reads] = tied.offers;
    let met = match (writes, reads) {
        (false, false) => ask_host(cx, &tied),
        (true, false) => offer(cx, tied.writable),
        (false, true) => offer(cx, tied.readable),
        (true, true) => meet_again(cx, tied.readable, tied.writable),
    };
    let mut state = cx.state();
    match met {
        Ok(()) => state.shareds.discard(tied.left),
        Err(ref trap) => state.untie(tied, trap),
    }
    met
}

/// Where both ends are the host's, neither may ever wait for the other: the one that reads is to begin.
fn ask_host(cx: &mut Cx<'_>, tied: &Tied) -> Result<(), Trapped> {
    let are_host = {
        let state = cx.state();
        [tied.readable, tied.writable]
            .iter()
            .all(|id| state.waitables[*id].inst == InstanceId::HOST)
    };
    if are_host {
        tell(cx, tied.readable, Signal::Waits)?;
    }
    Ok(())
}

/// The end `id` waits for its new other one.
fn offer(cx: &mut Cx<'_>, id: WaitableId) -> Result<(), Trapped> {
    let (is_cancelling, number) = {
        let mut state = cx.state();
        state.shared_of(id).pending = Some(id);
        let end = state.end(id);
        (end.state == CopyState::CancellingCopy, end.waits)
    };
    if !is_cancelling {
        signal(cx, id, Signal::Waits)?;
    } else if !signal(cx, id, Signal::Cancels)? {
        let mut state = cx.state();
        if state.still_copies(id, number) {
            state.cancel_shared(id);
        }
    }
    Ok(())
}

/// Both ends wait with a buffer: the one with fewer elements left comes to the other.
fn meet_again(cx: &mut Cx<'_>, readable: WaitableId, writable: WaitableId) -> Result<(), Trapped> {
    let mut state = cx.state();
    for (id, other) in [(readable, writable), (writable, readable)] {
        if state.end(id).state == CopyState::CancellingCopy {
            state.cancel_shared(id);
            drop(state);
            return offer(cx, other);
        }
    }
    let [to_read, to_write] = [readable, writable].map(|id| state.buffer(id).remain());
    let (bigger, smaller) =
        if to_read > to_write { (readable, writable) } else { (writable, readable) };
    if to_read.min(to_write) == 0 {
        // A write of nothing wanted to know of the read, which waits on.
        let (told, waits) = if to_write == 0 { (writable, readable) } else { (smaller, bigger) };
        state.notify(told);
        drop(state);
        return offer(cx, waits);
    }
    state.shared_of(bigger).pending = Some(bigger);
    let mut buffer = state.end(smaller).buffer.take().expect("it waits with its buffer");
    let met = state.meet(&cx.shared.plans, smaller, &buffer);
    drop(state);
    let copied = match met {
        Ok(Meeting::Copy(met)) => {
            let count = met.count;
            copy_elements(cx, met, &buffer).map(|()| buffer.progress += count)
        }
        Ok(_) => unreachable!("both have elements left"),
        Err(trap) => Err(trap),
    };
    let mut state = cx.state();
    state.end(smaller).buffer = Some(buffer);
    if copied.is_ok() {
        state.notify(smaller);
    }
    copied
}
