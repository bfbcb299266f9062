//! The threads that compile.

use rayon::{ThreadPool, ThreadPoolBuilder};
use std::process;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// What the compiler takes of stack, and more.
const STACK: usize = 4 << 20;

/// The threads of one process: one that it forks has none of them.
struct Threads {
    process: u32,
    pool: ThreadPool,
}

impl Threads {
    /// Those of this process, which stay; or why there are none.
    fn of_this_process() -> Result<&'static Threads, String> {
        static THREADS: AtomicPtr<Threads> = AtomicPtr::new(ptr::null_mut());
        let known = THREADS.load(Ordering::Acquire);
        // SAFETY: what was put there stays.
        if let Some(threads) = unsafe { known.as_ref() }
            && threads.process == process::id()
        {
            return Ok(threads);
        }
        let pool = ThreadPoolBuilder::new().stack_size(STACK).build();
        let pool = pool.map_err(|error| format!("no threads to compile with: {error}"))?;
        let made = Box::into_raw(Box::new(Threads { process: process::id(), pool }));
        match THREADS.compare_exchange(known, made, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: as above. Those of the process that has forked this one are not there to be ended.
            Ok(_) => Ok(unsafe { &*made }),
            Err(first) => {
                // SAFETY: nobody else has seen it. Another thread of this process was first.
                drop(unsafe { Box::from_raw(made) });
                // SAFETY: as above.
                Ok(unsafe { &*first })
            }
        }
    }
}

/// Runs `body`, which compiles: on a thread with enough stack, with as many others as there are processors.
pub(crate) fn compile<R: Send>(body: impl FnOnce() -> R + Send) -> Result<R, String> {
    Threads::of_this_process().map(|threads| threads.pool.install(body))
}
