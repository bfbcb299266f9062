//! What can be waited for.

use super::state::State;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Something that is ready, or will be.
pub(super) trait Source {
    /// Whether it is ready. Where it is not, what to watch until it may be.
    fn check(&self, state: &State) -> Readiness;
}

/// What a function waits for: one of these.
pub(super) type Sources = Vec<Rc<dyn Source>>;

/// Whether something is ready, or who knows when it is.
pub(super) enum Readiness {
    Ready,
    /// When the monotonic clock shows this time, in nanoseconds.
    At(u64),
    /// When a descriptor can be read from or written to.
    Descriptor(Descriptor, Direction),
    /// When somebody has called this.
    Told(Arc<super::reactor::Bell>),
    /// When a guest has closed a file or socket, or let go of a resource.
    Vacancy,
    /// The host knows: it is asked again when the store runs.
    Host,
}

/// A descriptor that is kept open while it is watched.
pub(super) type Descriptor = Arc<dyn AsFd + Send + Sync>;

/// What is to be done with a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Direction {
    Read,
    Write,
}

/// Whether a descriptor can be used in this direction now without having to wait. One that has failed or
/// been closed by the other side can: the attempt says so.
pub(super) fn is_ready(fd: BorrowedFd<'_>, direction: Direction) -> bool {
    is_ready_within(fd, direction, Duration::ZERO)
}

/// The same, once some time has passed at the latest.
pub(super) fn is_ready_within(fd: BorrowedFd<'_>, direction: Direction, time: Duration) -> bool {
    let flags = match direction {
        Direction::Read => PollFlags::IN,
        Direction::Write => PollFlags::OUT,
    };
    let mut fds = [PollFd::from_borrowed_fd(fd, flags)];
    // A descriptor that cannot be asked is left to the attempt.
    let time = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: time.subsec_nanos().into() };
    !matches!(poll(&mut fds, Some(&time)), Ok(0))
}

/// Always ready.
pub(super) struct Now;

impl Source for Now {
    fn check(&self, _: &State) -> Readiness {
        Readiness::Ready
    }
}

/// Ready from some time on.
pub(super) struct At(pub(super) u64);

impl Source for At {
    fn check(&self, state: &State) -> Readiness {
        if state.now() >= self.0 { Readiness::Ready } else { Readiness::At(self.0) }
    }
}
