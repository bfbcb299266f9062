//! Waker and event loop
//!
//! A store never blocks and has no thread of its own: the host's event loop calls it. What other
//! threads need is a way to make that loop come around: the waker, which is all that is shared with
//! them. On Linux it is an eventfd.

use super::error::{cmabi_error, cmabi_status};
use super::store::cmabi_store;
use crate::error::{Error, ErrorKind, Result};
use crate::ffi::{check, guard, guard_or};
use std::ffi::c_int;
use std::sync::Arc;

/// Makes the event loop that drives a store come around, from any thread.
///
/// The only part of a store that other threads may use, at any time and at once. It may outlive its
/// store; then waking it has no effect on anything but its descriptor.
/// @since 0.1
pub struct cmabi_waker {
    /// What C sees as a `cmabi_waker` is a [`Waker`], and C owns a count of its [`Arc`].
    _waker: [u8; 0],
}

/// A file descriptor that is readable from when it is woken until it is cleared.
pub(in crate::ffi) struct Waker {
    #[cfg(target_os = "linux")]
    fd: std::os::fd::OwnedFd,
    #[cfg(not(target_os = "linux"))]
    woken: std::sync::atomic::AtomicBool,
}

#[cfg(target_os = "linux")]
impl Waker {
    fn new() -> Result<Waker> {
        use std::os::fd::FromRawFd;
        // SAFETY: `eventfd` takes two numbers.
        let fd = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if fd < 0 {
            let message = format!("no eventfd: {}", std::io::Error::last_os_error());
            return Err(Error::new(ErrorKind::Limit, message));
        }
        // SAFETY: the descriptor is new and nobody else's.
        Ok(Waker { fd: unsafe { std::os::fd::OwnedFd::from_raw_fd(fd) } })
    }

    fn fd(&self) -> c_int {
        std::os::fd::AsRawFd::as_raw_fd(&self.fd)
    }

    fn wake(&self) {
        let one = 1u64;
        // A counter that is full is readable already.
        // SAFETY: the eight bytes of `one` are there.
        unsafe { libc::write(self.fd(), (&raw const one).cast(), size_of_val(&one)) };
    }

    fn clear(&self) -> bool {
        let mut count = 0u64;
        // SAFETY: there is room for the eight bytes of `count`.
        let read = unsafe { libc::read(self.fd(), (&raw mut count).cast(), size_of_val(&count)) };
        read > 0
    }
}

#[cfg(not(target_os = "linux"))]
impl Waker {
    fn new() -> Result<Waker> {
        Ok(Waker { woken: Default::default() })
    }

    fn fd(&self) -> c_int {
        -1
    }

    fn wake(&self) {
        self.woken.store(true, std::sync::atomic::Ordering::Release);
    }

    fn clear(&self) -> bool {
        self.woken.swap(false, std::sync::atomic::Ordering::Acquire)
    }
}

impl std::task::Wake for Waker {
    fn wake(self: Arc<Self>) {
        Waker::wake(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        Waker::wake(self);
    }
}

impl cmabi_waker {
    fn owned(waker: Arc<Waker>) -> *mut cmabi_waker {
        Arc::into_raw(waker).cast_mut().cast()
    }

    /// The waker behind C's pointer.
    ///
    /// # Safety
    /// `ptr` is NULL or a waker that C holds during `'a`.
    unsafe fn get<'a>(ptr: *const cmabi_waker) -> Option<&'a Waker> {
        // SAFETY: the caller's promise; every pointer given out points to a `Waker`.
        unsafe { ptr.cast::<Waker>().as_ref() }
    }
}

/// Makes `waker` a hold on the waker of a store, of which there is one for each store.
/// `CMABI_STATUS_LIMIT` where the system has no descriptor for it.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_store_waker(
    store: *mut cmabi_store,
    waker: *mut *mut cmabi_waker,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (out, store) =
            unsafe { (check::out_handle(waker, "waker")?, check::required(store, "store")?) };
        let waker = store.enter(|cx| {
            let waker = store.waker.get_or_try_init(|| {
                let waker = Arc::new(Waker::new()?);
                cx.shared.signal().set_waker(waker.clone().into());
                Ok(waker)
            });
            waker.cloned()
        })?;
        *out = cmabi_waker::owned(waker);
        Ok(())
    })
}

/// Wakes: the descriptor becomes readable. Waking again before it is cleared does nothing more. What was
/// done before is seen by the thread that clears it. From any thread, also in a signal handler; NULL is
/// fine.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_waker_wake(waker: *const cmabi_waker) {
    // SAFETY: the header's rules.
    if let Some(waker) = unsafe { cmabi_waker::get(waker) } {
        waker.wake();
    }
}

/// Takes back that it was woken, and says whether it was. Call it before looking at what other threads
/// have left to be done: then nothing is missed. False for NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_waker_clear(waker: *const cmabi_waker) -> bool {
    // SAFETY: the header's rules.
    unsafe { cmabi_waker::get(waker) }.is_some_and(Waker::clear)
}

/// A file descriptor for `poll`, `epoll` and event loops: readable while woken. To be waited for and
/// nothing else; it is closed when the store and every hold on the waker are gone. -1 for NULL, and on
/// systems other than Linux, where one asks `cmabi_waker_clear` from time to time.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_waker_fd(waker: *const cmabi_waker) -> c_int {
    // SAFETY: the header's rules.
    unsafe { cmabi_waker::get(waker) }.map_or(-1, Waker::fd)
}

/// Makes one's own hold on a waker: the same address, to be freed. From any thread. NULL for NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_waker_clone(waker: *const cmabi_waker) -> *mut cmabi_waker {
    if !waker.is_null() {
        // SAFETY: the header's rules; the pointer came from an `Arc`.
        unsafe { Arc::increment_strong_count(waker.cast::<Waker>()) };
    }
    waker.cast_mut()
}

/// Gives up a hold on a waker. From any thread. NULL is fine.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_waker_free(waker: *mut cmabi_waker) {
    guard_or((), || {
        if !waker.is_null() {
            // SAFETY: the header's rules: the hold is the caller's and is given up once.
            drop(unsafe { Arc::from_raw(waker.cast_const().cast::<Waker>()) });
        }
    });
}
