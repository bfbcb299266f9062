//! An allocator that counts what each thread has, and that can be made to fail.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static FAILS: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// What `body` had allocated at the most, beyond what was there before it, and what it answers.
pub(crate) fn peak<T>(body: impl FnOnce() -> T) -> (usize, T) {
    let before = LIVE.get();
    PEAK.set(before);
    let result = body();
    (PEAK.get() - before, result)
}

/// What this thread has allocated.
pub(crate) fn live() -> usize {
    LIVE.get()
}

/// How many allocations this thread has asked for.
pub(crate) fn allocations() -> usize {
    ALLOCATIONS.get()
}

/// Makes the allocation of this thread after the next `after` ones fail.
pub(crate) fn fail(after: usize) {
    FAILS.set(ALLOCATIONS.get() + after);
}

/// Whether the allocator lets this thread have one more.
fn asked() -> bool {
    let count = ALLOCATIONS.get();
    ALLOCATIONS.set(count + 1);
    count != FAILS.get()
}

fn grown(by: usize) {
    // What was allocated by another thread may be freed by this one.
    let live = LIVE.get().wrapping_add(by);
    LIVE.set(live);
    if live > PEAK.get() && live < usize::MAX / 2 {
        PEAK.set(live);
    }
}

fn shrunk(by: usize) {
    LIVE.set(LIVE.get().wrapping_sub(by));
}

// SAFETY: everything is left to the system's allocator, or fails.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !asked() {
            return ptr::null_mut();
        }
        grown(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !asked() {
            return ptr::null_mut();
        }
        grown(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        shrunk(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if !asked() {
            return ptr::null_mut();
        }
        grown(new_size);
        shrunk(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}
