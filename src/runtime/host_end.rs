//! The host's ends of streams and futures, as far as what meets them has to know. What the host does with them
//! is in `host`.

use super::stream::{Channel, CopyResult};
use super::waitable::WaitableId;
use super::{Cx, InstanceId, State};
use crate::error::Trapped;
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

/// What the other end of a stream does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Signal {
    /// It waits with a buffer; or forwarding has made it an end of the host's, which waits for a read.
    Waits = 0,
    /// It wants the buffer back that it waits with.
    Cancels = 1,
    /// It is gone.
    Dropped = 2,
    /// It is gone with its instance, which was ended.
    Failed = 3,
}

/// Told what the other end does, the first two inside the built-in that the guest calls. The answer
/// to [`Signal::Cancels`] is whether the buffer is kept until [`HostEnd::release`].
pub type Watcher = dyn Fn(&mut Cx<'_>, HostEnd, Signal) -> bool;

/// What an end of the host's has beside others.
#[derive(Default)]
pub(crate) struct HostSide {
    pub(crate) completion: Option<Completion>,
    pub(crate) watcher: Option<Rc<Watcher>>,
    /// Whether it can be told inside a guest's call as well, of whatever there is to tell.
    pub(crate) is_prompt: bool,
}

/// An end of the host's: a handle that should be an end of a stream, or of a future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostEnd {
    pub(crate) channel: Channel,
    pub(crate) handle: u32,
}

impl State {
    /// An end has got an event, or its other end is gone: the host is told when no guest runs.
    pub(crate) fn notify_host_end(&mut self, id: WaitableId) {
        if self.waitables[id].inst == InstanceId::HOST {
            self.host_copies.push_back(id);
        }
    }
}

/// Tells the host what `id` does, if the other end is the host's and watched: its answer.
pub(crate) fn signal(cx: &mut Cx<'_>, id: WaitableId, signal: Signal) -> Result<bool, Trapped> {
    let other = cx.state().other_end(id);
    other.map_or(Ok(false), |other| tell(cx, other, signal))
}

/// Tells the host what the other end of its `id` does, if it watches.
pub(crate) fn tell(cx: &mut Cx<'_>, id: WaitableId, signal: Signal) -> Result<bool, Trapped> {
    let (watcher, end, thread) = {
        let mut state = cx.state();
        let handle = state.waitables[id].index;
        let end = state.end(id);
        let channel = end.kind.channel;
        let watcher = end.host.as_ref().and_then(|side| side.watcher.clone());
        let Some(watcher) = watcher else { return Ok(false) };
        state.put_on_record()?;
        // As for host functions: what runs now is not the guest's thread.
        (watcher, HostEnd { channel, handle }, state.current.take())
    };
    let answer = watcher(cx, end, signal);
    cx.state().current = thread;
    Ok(answer)
}
