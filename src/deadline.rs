//! Deadlines of stores, which one thread keeps for all of them. It is started when it is needed first, and
//! ends with the last store that has had a deadline.

use crate::error::{Error, ErrorKind, Result};
use crate::signal::Signal;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// When what runs in a store has to stop.
pub struct Deadline {
    signal: Arc<Signal>,
    key: Cell<Option<Key>>,
}

/// No two deadlines have the same.
type Key = (Instant, u64);

static TIMER: Mutex<Timer> = Mutex::new(Timer {
    deadlines: BTreeMap::new(),
    next: 0,
    stores: 0,
    thread: None,
    generation: 0,
});

struct Timer {
    deadlines: BTreeMap<Key, Arc<Signal>>,
    next: u64,
    /// How many stores may set deadlines.
    stores: usize,
    /// Parked until the first deadline, and unparked where that changes.
    thread: Option<JoinHandle<()>>,
    /// A thread of an earlier one is to end.
    generation: u64,
}

fn timer() -> MutexGuard<'static, Timer> {
    // Nothing is left half-done where this could panic.
    TIMER.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Deadline {
    /// For the store that `signal` stops; there is time without end.
    pub fn new(signal: Arc<Signal>) -> Deadline {
        timer().stores += 1;
        Deadline { signal, key: Cell::new(None) }
    }

    /// Has what runs stop when `time` is over, whatever was set before; `None` for never.
    pub fn set(&self, time: Option<Duration>) -> Result<()> {
        let at = time.and_then(|time| Instant::now().checked_add(time));
        let mut timer = timer();
        if let Some(old) = self.key.take() {
            timer.deadlines.remove(&old);
        }
        self.signal.reset_time();
        let Some(at) = at else { return Ok(()) };
        if time.is_some_and(|time| time.is_zero()) {
            self.signal.time_is_up();
            return Ok(());
        }
        if timer.thread.is_none() {
            let generation = timer.generation;
            let thread = thread::Builder::new().name("cmabi-deadlines".into());
            let thread = thread.spawn(move || run(generation)).map_err(|error| {
                Error::new(ErrorKind::Limit, format!("there is no thread for deadlines: {error}"))
            })?;
            timer.thread = Some(thread);
        }
        let key = (at, timer.next);
        timer.next += 1;
        timer.deadlines.insert(key, self.signal.clone());
        self.key.set(Some(key));
        if timer.deadlines.first_key_value().is_some_and(|(first, _)| *first == key)
            && let Some(thread) = &timer.thread
        {
            thread.thread().unpark();
        }
        Ok(())
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        let mut timer = timer();
        if let Some(key) = self.key.take() {
            timer.deadlines.remove(&key);
        }
        timer.stores -= 1;
        if timer.stores > 0 {
            return;
        }
        // Others may start another one before this has ended.
        timer.generation += 1;
        let thread = timer.thread.take();
        drop(timer);
        if let Some(thread) = thread {
            thread.thread().unpark();
            // It does not panic.
            let _ = thread.join();
        }
    }
}

fn run(generation: u64) {
    loop {
        let mut timer = timer();
        if timer.generation != generation {
            return;
        }
        let now = Instant::now();
        while let Some(first) = timer.deadlines.first_entry().filter(|first| first.key().0 <= now) {
            first.remove().time_is_up();
        }
        let first = timer.deadlines.first_key_value();
        let time = first.map(|((at, _), _)| at.saturating_duration_since(now));
        drop(timer);
        match time {
            Some(time) => thread::park_timeout(time),
            None => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_up_once_it_is_over_and_until_it_is_set_again() {
        let signals = [Arc::<Signal>::default(), Arc::default()];
        let [first, second] = signals.each_ref().map(|signal| Deadline::new(signal.clone()));
        second.set(Some(Duration::from_secs(3600))).unwrap();
        first.set(Some(Duration::from_millis(5))).unwrap();
        signals[0].wait();
        assert!(signals[0].check().is_err());
        assert!(signals[1].check().is_ok());
        first.set(None).unwrap();
        assert!(signals[0].check().is_ok());
        second.set(Some(Duration::ZERO)).unwrap();
        assert!(signals[1].check().is_err());
        first.set(Some(Duration::from_secs(3600))).unwrap();
        drop(first);
        assert_eq!(Arc::strong_count(&signals[0]), 1);
    }

    #[test]
    fn an_interruption_is_obeyed_once() {
        let signal = Arc::new(Signal::default());
        let waits = {
            let signal = signal.clone();
            thread::spawn(move || signal.wait())
        };
        signal.interrupt();
        waits.join().unwrap();
        assert_eq!(
            signal.check().unwrap_err().to_string(),
            "interrupted: cmabi_interrupter_interrupt"
        );
        signal.forget_interruption();
        assert!(signal.check().is_ok());
        assert!(!signal.take());
    }
}
