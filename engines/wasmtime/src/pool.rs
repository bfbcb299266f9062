//! The stacks of fibers. wasmtime would map and unmap each; here they are used again.

use crate::outcome::NoStack;
use std::ops::Range;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wasmtime::{StackCreator, StackMemory};

/// Unused stacks that are kept. Of each, `KEPT_BYTES` may be in memory.
const KEPT: usize = 1024;
const KEPT_BYTES: usize = 32 << 10;

/// The stacks of one engine: all have the same size.
#[derive(Default)]
pub(crate) struct Pool(Arc<Mutex<Vec<Stack>>>);

/// A mapping, whose first page is a guard.
struct Stack {
    start: *mut u8,
    len: usize,
    guard: usize,
}

// SAFETY: a mapping is the process's, and not a thread's.
unsafe impl Send for Stack {}
// SAFETY: as above; nothing is done with a shared one.
unsafe impl Sync for Stack {}

impl Stack {
    fn new(size: usize) -> wasmtime::Result<Self> {
        // SAFETY: it only reads a number.
        let guard = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        let len = size.next_multiple_of(guard) + guard;
        let failed = || Err(NoStack(std::io::Error::last_os_error()).into());
        // SAFETY: a new mapping, which nothing else knows.
        unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
            let start = libc::mmap(ptr::null_mut(), len, libc::PROT_NONE, flags, -1, 0);
            if start == libc::MAP_FAILED {
                return failed();
            }
            let stack = Stack { start: start.cast(), len, guard };
            let usable = libc::PROT_READ | libc::PROT_WRITE;
            if libc::mprotect(stack.start.add(guard).cast(), len - guard, usable) != 0 {
                return failed();
            }
            Ok(stack)
        }
    }

    /// Gives back the memory of what is rarely reached.
    fn trim(&self) {
        let usable = self.len - self.guard;
        if usable > KEPT_BYTES {
            // SAFETY: nothing is on the stack, and pages of it may be zero when it is used again.
            unsafe {
                let start = self.start.add(self.guard).cast();
                libc::madvise(start, usable - KEPT_BYTES, libc::MADV_DONTNEED);
            }
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the mapping is this one's, and nothing is on it.
        unsafe { libc::munmap(self.start.cast(), self.len) };
    }
}

fn lock(stacks: &Mutex<Vec<Stack>>) -> MutexGuard<'_, Vec<Stack>> {
    stacks.lock().unwrap_or_else(PoisonError::into_inner)
}

// SAFETY: stacks begin and end with pages, hold zeros or what was on them before, and have a guard at the bottom.
unsafe impl StackCreator for Pool {
    fn new_stack(&self, size: usize, _: bool) -> wasmtime::Result<Box<dyn StackMemory>> {
        let pooled = lock(&self.0).pop();
        let stack = pooled.map_or_else(|| Stack::new(size), Ok)?;
        Ok(Box::new(Lent { stack: Some(stack), pool: self.0.clone() }))
    }
}

/// A stack that is in use, and goes back.
struct Lent {
    stack: Option<Stack>,
    pool: Arc<Mutex<Vec<Stack>>>,
}

impl Lent {
    fn stack(&self) -> &Stack {
        self.stack.as_ref().expect("it is there until it goes back")
    }
}

// SAFETY: as for the pool.
unsafe impl StackMemory for Lent {
    fn top(&self) -> *mut u8 {
        let stack = self.stack();
        stack.start.wrapping_add(stack.len)
    }

    fn range(&self) -> Range<usize> {
        let stack = self.stack();
        stack.start.addr() + stack.guard..stack.start.addr() + stack.len
    }

    fn guard_range(&self) -> Range<*mut u8> {
        let stack = self.stack();
        stack.start..stack.start.wrapping_add(stack.guard)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(stack) = self.stack.take() {
            stack.trim();
            let mut stacks = lock(&self.pool);
            if stacks.len() < KEPT {
                stacks.push(stack);
            }
        }
    }
}
