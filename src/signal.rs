//! What other threads tell a store: that something has happened that it has to look at, and that what
//! runs in it has to stop.

use crate::error::{Trap, Trapped};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Waker;

/// Says that something has happened that a store has to look at. Any thread may raise it at any time.
#[derive(Debug, Default)]
pub struct Signal {
    /// Not 0 where a store that sleeps has to wake up: [`RAISED`], [`STOPPED`].
    bell: AtomicU32,
    /// Not 0 where what runs has to stop: [`INTERRUPTED`], [`TIME_IS_UP`].
    interrupt: AtomicU32,
    sleeper: Mutex<Sleeper>,
}

#[derive(Debug, Default)]
struct Sleeper {
    /// Makes the event loop that drives the store come around.
    waker: Option<Waker>,
}

/// Something has happened.
const RAISED: u32 = 1;
/// What runs has to stop.
const STOPPED: u32 = 2;

/// Asked for once: over when it has been obeyed, or when nothing runs.
const INTERRUPTED: u32 = 1;
/// Holds until another deadline is set.
const TIME_IS_UP: u32 = 2;

impl Signal {
    /// Wakes the store, if it sleeps, and its event loop.
    pub fn raise(&self) {
        let sleeper = self.sleeper.lock().unwrap_or_else(PoisonError::into_inner);
        if self.bell.fetch_or(RAISED, Ordering::Release) & RAISED == 0 {
            atomic_wait::wake_all(&self.bell);
            if let Some(waker) = &sleeper.waker {
                waker.wake_by_ref();
            }
        }
    }

    /// Has whoever drives the store woken as well, at once if the signal is raised.
    pub fn set_waker(&self, waker: Waker) {
        let mut sleeper = self.sleeper.lock().unwrap_or_else(PoisonError::into_inner);
        if self.bell.load(Ordering::Acquire) & RAISED != 0 {
            waker.wake_by_ref();
        }
        sleeper.waker = Some(waker);
    }

    /// Whether the signal was raised since this was asked last.
    pub(crate) fn take(&self) -> bool {
        self.bell.load(Ordering::Relaxed) != 0 && self.bell.swap(0, Ordering::Acquire) & RAISED != 0
    }

    /// Whether the signal is raised.
    pub(crate) fn is_raised(&self) -> bool {
        self.bell.load(Ordering::Acquire) & RAISED != 0
    }

    /// Sleeps until the signal is raised or what runs has to stop.
    pub(crate) fn wait(&self) {
        while self.bell.load(Ordering::Acquire) == 0 {
            atomic_wait::wait(&self.bell, 0);
        }
    }

    /// Has what runs in the store stop, or what sleeps in it. Takes no lock and no memory, as a handler of
    /// the operating system's signals asks.
    pub fn interrupt(&self) {
        self.stop(INTERRUPTED);
    }

    /// The same, and all that will run later, until the time is set anew.
    pub(crate) fn time_is_up(&self) {
        self.stop(TIME_IS_UP);
    }

    fn stop(&self, reason: u32) {
        self.interrupt.fetch_or(reason, Ordering::Release);
        self.bell.fetch_or(STOPPED, Ordering::Release);
        atomic_wait::wake_all(&self.bell);
    }

    /// There is time again.
    pub(crate) fn reset_time(&self) {
        self.interrupt.fetch_and(!TIME_IS_UP, Ordering::Relaxed);
    }

    /// Nothing runs that could still obey an interruption.
    #[inline]
    pub(crate) fn forget_interruption(&self) {
        if self.interrupt.load(Ordering::Relaxed) & INTERRUPTED != 0 {
            self.interrupt.fetch_and(!INTERRUPTED, Ordering::Relaxed);
        }
    }

    /// The trap for what runs, where it has to stop.
    #[inline]
    pub(crate) fn check(&self) -> Result<(), Trapped> {
        match self.interrupt.load(Ordering::Relaxed) {
            0 => Ok(()),
            reasons => Err(stopped(reasons)),
        }
    }

    /// The word that is not 0 where what runs has to stop, for engines to look at.
    #[cfg(feature = "component")]
    pub(crate) fn interrupt_word(&self) -> &AtomicU32 {
        &self.interrupt
    }
}

/// The trap for what stopped though nothing asks for that any more.
#[cfg(feature = "component")]
#[cold]
pub(crate) fn interrupted() -> Trapped {
    stopped(INTERRUPTED)
}

#[cold]
fn stopped(reasons: u32) -> Trapped {
    let reason = match reasons & TIME_IS_UP {
        0 => "cmabi_interrupter_interrupt",
        _ => "the time that cmabi_store_set_deadline gave is up",
    };
    Trap::Interrupted { reason }.into()
}
