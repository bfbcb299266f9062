//! Work that blocks, in threads of its own.
//!
//! They are few, are started when there is work, and end when there is none. What they do ends by itself,
//! also where nobody waits for it any more.

use super::reactor::{Bell, lock};
use super::source::{Readiness, Source};
use super::state::State;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

type Job = Box<dyn FnOnce() + Send>;

/// The threads for one kind of work, so many at most.
pub(super) struct Workers {
    name: &'static str,
    most: u32,
    state: Mutex<Workload>,
}

struct Workload {
    threads: u32,
    waiting: VecDeque<Job>,
}

impl Workers {
    pub(super) const fn new(name: &'static str, most: u32) -> Self {
        let state = Mutex::new(Workload { threads: 0, waiting: VecDeque::new() });
        Workers { name, most, state }
    }

    /// Has a thread do this as soon as one has time.
    pub(super) fn start<T: Send + 'static>(
        &'static self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Work<T> {
        let done = Arc::new(Done { bell: Arc::default(), result: Mutex::new(None) });
        let told = done.clone();
        let job = move || {
            let result = job();
            *lock(&told.result) = Some(result);
            told.bell.ring();
        };
        let mut state = lock(&self.state);
        state.waiting.push_back(Box::new(job));
        if state.threads < self.most {
            let thread = std::thread::Builder::new().name(self.name.into());
            match thread.spawn(|| self.work()) {
                Ok(_) => state.threads += 1,
                // Nobody else will do it.
                Err(_) if state.threads == 0 => {
                    let jobs = std::mem::take(&mut state.waiting);
                    drop(state);
                    jobs.into_iter().for_each(|job| job());
                }
                Err(_) => {}
            }
        }
        Work(done)
    }

    fn work(&self) {
        loop {
            let job = {
                let mut state = lock(&self.state);
                match state.waiting.pop_front() {
                    Some(job) => job,
                    None => {
                        state.threads -= 1;
                        return;
                    }
                }
            };
            job();
        }
    }
}

/// What a thread does, and what comes out.
pub(super) struct Work<T>(Arc<Done<T>>);

struct Done<T> {
    bell: Arc<Bell>,
    result: Mutex<Option<T>>,
}

impl<T> Work<T> {
    /// Something whose result is known.
    pub(super) fn over(result: T) -> Self {
        let bell = Arc::<Bell>::default();
        bell.ring();
        Work(Arc::new(Done { bell, result: Mutex::new(Some(result)) }))
    }

    /// Looks at the result; `None` as long as there is none.
    pub(super) fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> Option<R> {
        lock(&self.0.result).as_mut().map(look)
    }

    /// The result, once.
    pub(super) fn take(&self) -> Option<T> {
        lock(&self.0.result).take()
    }
}

impl<T> Source for Work<T> {
    fn check(&self, _: &State) -> Readiness {
        if self.0.bell.has_rung() { Readiness::Ready } else { Readiness::Told(self.0.bell.clone()) }
    }
}
