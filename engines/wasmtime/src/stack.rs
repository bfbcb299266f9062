//! Native stacks: how much of them guests may take, and what is left.

use std::cell::Cell;
use std::ops::Range;
use std::ptr;

/// Bytes that are left for the library and the host when a guest calls them.
const HOST: usize = 256 << 10;

/// How large stacks are.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    /// What the guests of one call may take.
    pub(crate) guests: usize,
    /// The stack of a call that can be suspended. Only what was used of it takes memory.
    pub(crate) fiber: usize,
}

impl Sizes {
    /// Where guests may take so many bytes; 0 for what they may take by default.
    pub(crate) fn new(guests: u64) -> Self {
        const DEFAULT: usize = 512 << 10;
        const LEAST: usize = 16 << 10;
        const MOST: usize = 1 << 30;
        let guests = match usize::try_from(guests).unwrap_or(MOST) {
            0 => DEFAULT,
            bytes => bytes.clamp(LEAST, MOST),
        };
        // Room for the guests of the call, for those of a call that is nested in it, and for the host in between.
        Sizes { guests, fiber: (2 * guests + 4 * HOST).next_multiple_of(64 << 10) }
    }

    /// Whether guests can be called where so much is left.
    pub(crate) fn suffices(self, left: usize) -> bool {
        left >= self.guests + HOST
    }
}

/// About where the stack is.
pub(crate) fn pointer() -> usize {
    ptr::from_ref(&Cell::new(0u8)).addr()
}

/// What is left of the running thread's own stack; `None` on any other.
pub(crate) fn left_of_thread() -> Option<usize> {
    thread_local! {
        static STACK: Range<usize> = thread_stack();
    }
    let here = pointer();
    STACK.with(|stack| stack.contains(&here).then(|| here - stack.start))
}

/// Where the stack of the running thread is; empty where the system does not say.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn thread_stack() -> Range<usize> {
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut start, mut size) = (ptr::null_mut(), 0);
    // SAFETY: the first call initializes the attributes, where it succeeds; the last one ends their use.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return 0..0;
        }
        libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut start, &raw mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
    }
    start.addr()..start.addr() + size
}

/// Where the stack of the running thread is; empty where the system does not say.
#[cfg(target_vendor = "apple")]
fn thread_stack() -> Range<usize> {
    // SAFETY: these functions read what the thread is made of.
    let (end, size) = unsafe {
        let thread = libc::pthread_self();
        (libc::pthread_get_stackaddr_np(thread).addr(), libc::pthread_get_stacksize_np(thread))
    };
    end - size..end
}

/// Where the stack of the running thread is; empty where the system does not say.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn thread_stack() -> Range<usize> {
    0..0
}
