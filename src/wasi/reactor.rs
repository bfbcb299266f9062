//! The thread that waits for time and descriptors, for all stores of the process.
//!
//! It is started when a call first has to wait, and ends with the last state that has used it. It knows no
//! store: it puts numbers into inboxes, and raises signals.

use super::source::Direction;
use crate::signal::Signal;
use polling::{Event, Events, PollMode, Poller};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Instant;

/// Where a store finds which of its waiting calls may go on.
pub(super) struct Inbox {
    tokens: Mutex<Vec<u64>>,
    signal: Arc<Signal>,
}

impl Inbox {
    pub(super) fn new(signal: Arc<Signal>) -> Self {
        Inbox { tokens: Mutex::default(), signal }
    }

    /// From any thread: the call `token` may go on.
    pub(super) fn put(&self, token: u64) {
        lock(&self.tokens).push(token);
        self.signal.raise();
    }

    /// Has the store look, though no call may go on because of something outside.
    pub(super) fn look(&self) {
        self.signal.raise();
    }

    pub(super) fn take(&self) -> Vec<u64> {
        std::mem::take(&mut *lock(&self.tokens))
    }
}

/// A lock that nobody panics under.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Rung by a thread that has finished something, which calls wait for.
#[derive(Default)]
pub(super) struct Bell(Mutex<BellState>);

#[derive(Default)]
struct BellState {
    has_rung: bool,
    waiting: Vec<Target>,
}

impl Bell {
    pub(super) fn has_rung(&self) -> bool {
        lock(&self.0).has_rung
    }

    pub(super) fn ring(&self) {
        let waiting = {
            let mut state = lock(&self.0);
            state.has_rung = true;
            std::mem::take(&mut state.waiting)
        };
        waiting.iter().for_each(Target::notify);
    }

    /// Has a call told, at once if it has rung.
    pub(super) fn tell(&self, target: Target) {
        let mut state = lock(&self.0);
        if state.has_rung {
            drop(state);
            target.notify();
        } else {
            state.waiting.push(target);
        }
    }
}

/// A call that waits.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) inbox: Arc<Inbox>,
    pub(super) token: u64,
}

impl Target {
    pub(super) fn notify(&self) {
        self.inbox.put(self.token);
    }
}

/// The one of the process of this number, while there is one. After a `fork` the child has all of it but the thread.
static CURRENT: Mutex<(u32, Weak<Reactor>)> = Mutex::new((0, Weak::new()));

/// The thread, as long as a state holds it.
pub(super) struct Reactor {
    inner: Arc<Inner>,
    thread: Option<JoinHandle<()>>,
}

struct Inner {
    poller: Poller,
    /// The process with the thread, which alone may change what the poller watches.
    process: u32,
    stops: AtomicBool,
    watched: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    next: usize,
    timers: BTreeMap<(Instant, usize), Target>,
    descriptors: HashMap<usize, (OwnedFd, Target)>,
}

/// What is watched until it is dropped.
pub(super) struct Watch {
    reactor: Arc<Inner>,
    key: Key,
}

enum Key {
    Timer(Instant, usize),
    Descriptor(usize),
}

impl Reactor {
    /// The one of this process, which is started if there is none.
    pub(super) fn get() -> io::Result<Arc<Reactor>> {
        let mut current = lock(&CURRENT);
        let process = std::process::id();
        if current.0 == process
            && let Some(reactor) = current.1.upgrade()
        {
            return Ok(reactor);
        }
        let inner = Arc::new(Inner {
            poller: Poller::new()?,
            process,
            stops: AtomicBool::new(false),
            watched: Mutex::default(),
        });
        let runs = inner.clone();
        let thread = std::thread::Builder::new()
            .name("cmabi-wasi".into())
            .stack_size(128 << 10)
            .spawn(move || runs.run())?;
        let reactor = Arc::new(Reactor { inner, thread: Some(thread) });
        *current = (process, Arc::downgrade(&reactor));
        Ok(reactor)
    }

    pub(super) fn timer(&self, at: Instant, target: Target) -> Watch {
        let mut watched = lock(&self.inner.watched);
        let id = watched.id();
        let is_first = watched.timers.first_key_value().is_none_or(|((first, _), _)| at < *first);
        watched.timers.insert((at, id), target);
        drop(watched);
        if is_first {
            self.inner.interrupt();
        }
        Watch { reactor: self.inner.clone(), key: Key::Timer(at, id) }
    }

    /// Watches a descriptor once. Where it cannot be watched, as a regular file, it counts as ready.
    pub(super) fn descriptor(
        &self,
        fd: BorrowedFd<'_>,
        direction: Direction,
        target: Target,
    ) -> io::Result<Option<Watch>> {
        // The same descriptor may be watched several times, by several stores.
        let fd = fd.try_clone_to_owned()?;
        let mut watched = lock(&self.inner.watched);
        let id = watched.id();
        let event = match direction {
            Direction::Read => Event::readable(id),
            Direction::Write => Event::writable(id),
        };
        // SAFETY: the descriptor is deleted below before it is closed.
        if unsafe { self.inner.poller.add_with_mode(fd.as_raw_fd(), event, PollMode::Oneshot) }
            .is_err()
        {
            drop(watched);
            target.notify();
            return Ok(None);
        }
        watched.descriptors.insert(id, (fd, target));
        Ok(Some(Watch { reactor: self.inner.clone(), key: Key::Descriptor(id) }))
    }
}

impl Watched {
    fn id(&mut self) -> usize {
        self.next += 1;
        self.next
    }
}

impl Inner {
    fn run(&self) {
        let mut events = Events::new();
        while !self.stops.load(Ordering::Acquire) {
            let now = Instant::now();
            let (due, first) = {
                let mut watched = lock(&self.watched);
                let later = watched.timers.split_off(&(now, usize::MAX));
                let due = std::mem::replace(&mut watched.timers, later);
                (due, watched.timers.first_key_value().map(|((at, _), _)| *at))
            };
            due.values().for_each(Target::notify);
            events.clear();
            let timeout = first.map(|at| at.saturating_duration_since(now));
            if self.poller.wait(&mut events, timeout).is_err() {
                // What cannot be waited for must not make this thread spin.
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            for event in events.iter() {
                let target = self.forget(event.key);
                if let Some(target) = target {
                    target.notify();
                }
            }
        }
    }

    /// Stops watching a descriptor.
    fn forget(&self, id: usize) -> Option<Target> {
        let (fd, target) = lock(&self.watched).descriptors.remove(&id)?;
        if self.is_of_this_process() {
            let _ = self.poller.delete(fd.as_fd());
        }
        Some(target)
    }

    fn is_of_this_process(&self) -> bool {
        self.process == std::process::id()
    }

    fn interrupt(&self) {
        let _ = self.poller.notify();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        match self.key {
            Key::Timer(at, id) => drop(lock(&self.reactor.watched).timers.remove(&(at, id))),
            Key::Descriptor(id) => drop(self.reactor.forget(id)),
        }
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        if !self.inner.is_of_this_process() {
            // There is no such thread here, not even to be let go of.
            std::mem::forget(thread);
            return;
        }
        self.inner.stops.store(true, Ordering::Release);
        self.inner.interrupt();
        let mut current = lock(&CURRENT);
        if std::ptr::eq(current.1.as_ptr(), self) {
            current.1 = Weak::new();
        }
        drop(current);
        let _ = thread.join();
    }
}
