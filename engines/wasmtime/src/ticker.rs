//! What stops guests.
//!
//! Compiled code compares wasmtime's epoch with a deadline at the heads of loops and functions. A thread
//! raises the epoch at short intervals while guests run that can be stopped, and each then has its store
//! look at the word that says whether it is to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;
use wasmtime::Engine;

/// How long a guest may go on after it was told to stop, if its thread runs.
const INTERVAL: Duration = Duration::from_millis(2);

pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

struct Shared {
    engines: [Engine; 2],
    /// How many calls run that can be stopped.
    running: AtomicUsize,
    is_asleep: AtomicBool,
    is_over: AtomicBool,
}

impl Ticker {
    /// For the guests of these engines.
    pub(crate) fn start(engines: [Engine; 2]) -> Result<Self, String> {
        let shared = Arc::new(Shared {
            engines,
            running: AtomicUsize::new(0),
            is_asleep: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        });
        let its = shared.clone();
        let name = "cmabi-wasmtime".to_owned();
        let handle = thread::Builder::new().name(name).spawn(move || its.run());
        let handle = handle.map_err(|error| format!("no thread to stop guests with: {error}"))?;
        let thread = handle.thread().clone();
        Ok(Ticker { shared, thread })
    }

    /// Runs `body`, which calls a guest.
    pub(crate) fn while_running<R>(&self, body: impl FnOnce() -> R) -> R {
        struct Running<'a>(&'a Shared);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                self.0.running.fetch_sub(1, Ordering::SeqCst);
            }
        }
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        let _running = Running(&self.shared);
        if self.shared.is_asleep.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        body()
    }
}

impl Shared {
    fn run(&self) {
        while !self.is_over.load(Ordering::SeqCst) {
            // Either this sees a call that begins, or the call sees that this is asleep.
            self.is_asleep.store(true, Ordering::SeqCst);
            if self.running.load(Ordering::SeqCst) == 0 && !self.is_over.load(Ordering::SeqCst) {
                thread::park();
            }
            self.is_asleep.store(false, Ordering::SeqCst);
            thread::sleep(INTERVAL);
            self.engines.iter().for_each(Engine::increment_epoch);
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}
