//! Work that blocks, in threads of its own.
//!
//! They are few, are started when there is work, and end when there is none. What they do ends by itself,
//! also where nobody waits for it any more.

use super::reactor::{Bell, lock};
use super::source::{Readiness, Source};
use super::state::State;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// Something to do, as long as somebody waits for it.
struct Job {
    is_wanted: Box<dyn Fn() -> bool + Send>,
    run: Box<dyn FnOnce() + Send>,
}

/// The threads for one kind of work, so many at most.
pub(super) struct Workers {
    name: &'static str,
    most: u32,
    state: Mutex<Workload>,
}

struct Workload {
    /// The process that has the threads. After a `fork` the child has none of them.
    process: u32,
    threads: u32,
    waiting: VecDeque<Job>,
    /// With how many that wait those are left out that nobody wants any more.
    crowd: usize,
}

/// With so many it is not worth looking.
const CROWD: usize = 64;

impl Workload {
    const fn new(process: u32) -> Self {
        Workload { process, threads: 0, waiting: VecDeque::new(), crowd: CROWD }
    }
}

impl Workers {
    pub(super) const fn new(name: &'static str, most: u32) -> Self {
        Workers { name, most, state: Mutex::new(Workload::new(0)) }
    }

    /// Has a thread do this as soon as one has time.
    pub(super) fn start<T: Send + 'static>(
        &'static self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Work<T> {
        let done = Arc::new(Done { bell: Arc::default(), result: Mutex::new(None) });
        let (told, wanted) = (done.clone(), done.clone());
        let run = move || {
            let result = job();
            *lock(&told.result) = Some(result);
            told.bell.ring();
        };
        // Beside the job itself, which has two.
        let is_wanted = move || Arc::strong_count(&wanted) > 2;
        let mut state = lock(&self.state);
        let process = std::process::id();
        if state.process != process {
            // What waits is done by the process that began it.
            *state = Workload::new(process);
        }
        if state.waiting.len() >= state.crowd {
            state.waiting.retain(|job| (job.is_wanted)());
            state.crowd = CROWD.max(state.waiting.len() * 2);
        }
        state.waiting.push_back(Job { is_wanted: Box::new(is_wanted), run: Box::new(run) });
        if state.threads < self.most {
            let thread = std::thread::Builder::new().name(self.name.into());
            match thread.spawn(|| self.work()) {
                Ok(_) => state.threads += 1,
                // Nobody else will do it.
                Err(_) if state.threads == 0 => {
                    let jobs = std::mem::take(&mut state.waiting);
                    drop(state);
                    jobs.into_iter().for_each(|job| (job.run)());
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
            if (job.is_wanted)() {
                (job.run)();
            }
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

#[test]
fn what_nobody_waits_for_any_more_is_not_done() {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::mpsc::channel;
    static WORKERS: Workers = Workers::new("test", 1);
    static DONE: AtomicU32 = AtomicU32::new(0);
    let (go, wait) = channel::<()>();
    let first = WORKERS.start(move || wait.recv().unwrap());
    for _ in 0..10_000 {
        drop(WORKERS.start(|| DONE.fetch_add(1, Ordering::Relaxed)));
        assert!(lock(&WORKERS.state).waiting.len() <= 2 * CROWD);
    }
    let last = WORKERS.start(|| DONE.fetch_add(1, Ordering::Relaxed));
    go.send(()).unwrap();
    while last.with(|_| ()).is_none() {
        std::thread::yield_now();
    }
    assert_eq!((first.take(), last.take()), (Some(()), Some(0)));
}

#[test]
fn another_process_has_threads_of_its_own() {
    static WORKERS: Workers = Workers::new("test", 1);
    *lock(&WORKERS.state) = Workload { threads: 1, ..Workload::new(1) };
    let work = WORKERS.start(|| 7);
    let before = std::time::Instant::now();
    while work.with(|_| ()).is_none() {
        assert!(before.elapsed().as_secs() < 60, "nobody does it");
        std::thread::yield_now();
    }
    assert_eq!(work.take(), Some(7));
}
