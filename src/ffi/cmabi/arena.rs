//! Arena

use super::error::{cmabi_error, cmabi_status, cmabi_string};
use crate::error::Result;
use crate::ffi::check;
use crate::ffi::{guard, guard_or};
use crate::memory::Arena;
use std::ffi::c_void;
use std::rc::Rc;

/// Memory for values: bytes are handed out one after the other and freed all at once. Strings and
/// lists that a call returns lie in the arena that the caller gave it.
///
/// Addresses stay valid until the arena is reset or freed. One thread at a time.
/// @since 0.1
pub struct cmabi_arena {
    /// What C sees as a `cmabi_arena` is an [`Arena`], and C owns a count of its [`Rc`]: calls that
    /// go on keep the arena of their results.
    _arena: [u8; 0],
}

impl cmabi_arena {
    /// What C gets for an arena that is lent to it.
    pub(in crate::ffi) fn lent(arena: &Rc<Arena>) -> *mut cmabi_arena {
        Rc::as_ptr(arena).cast_mut().cast()
    }

    /// The arena behind C's pointer.
    ///
    /// # Safety
    /// `ptr` is NULL or an arena that C holds or is lent.
    pub(in crate::ffi) unsafe fn get(ptr: *mut cmabi_arena, argument: &str) -> Result<Rc<Arena>> {
        // SAFETY: the caller's promise; every pointer given out came from an `Rc`.
        unsafe {
            let arena: *const Arena = check::required(ptr.cast::<Arena>(), argument)?;
            Rc::increment_strong_count(arena);
            Ok(Rc::from_raw(arena))
        }
    }
}

/// Copies `bytes` into an arena.
pub(in crate::ffi) fn keep(arena: &Arena, bytes: &[u8], align: u32) -> Result<*mut u8> {
    let place = arena.alloc(bytes.len() as u64, align).map_err(crate::ffi::limit)?;
    // SAFETY: the arena handed out that many bytes, which nothing else uses.
    unsafe { place.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    Ok(place)
}

/// Copies text into an arena.
pub(in crate::ffi) fn keep_text(arena: &Arena, text: &str) -> Result<cmabi_string> {
    let ptr = keep(arena, text.as_bytes(), 1)?.cast_const().cast();
    Ok(cmabi_string { ptr, len: text.len() })
}

/// Makes an empty arena, which takes memory when it is first used. It hands out up to `max_bytes`
/// between two resets, 1 GiB where that is 0; a call whose results would need more traps.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_arena_new(
    max_bytes: u64,
    arena: *mut *mut cmabi_arena,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let arena = unsafe { check::out_handle(arena, "arena") }?;
        let new = Arena::new();
        if max_bytes != 0 {
            new.set_limit(max_bytes);
        }
        *arena = Rc::into_raw(Rc::new(new)).cast_mut().cast();
        Ok(())
    })
}

/// Frees an arena and everything in it. NULL is fine.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_arena_free(arena: *mut cmabi_arena) {
    guard_or((), || {
        if !arena.is_null() {
            // SAFETY: the header's rules: the arena is the caller's and is freed once.
            drop(unsafe { Rc::from_raw(arena.cast::<Arena>().cast_const()) });
        }
    });
}

/// Frees everything in an arena; what points into it is invalid then. The arena keeps its largest
/// piece of memory, so that doing the same again takes none from the system.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_arena_reset(
    arena: *mut cmabi_arena,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        unsafe { cmabi_arena::get(arena, "arena") }?.reset();
        Ok(())
    })
}

/// Hands out `size` bytes at a multiple of `align`, a power of two up to 16. They are zero: what is not
/// written is not what an earlier call left there. `*bytes` is not NULL, also where `size` is 0. `CMABI_STATUS_LIMIT` where the arena
/// would hand out more than it may.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_arena_alloc(
    arena: *mut cmabi_arena,
    size: usize,
    align: usize,
    bytes: *mut *mut c_void,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (arena, bytes) =
            unsafe { (cmabi_arena::get(arena, "arena")?, check::out_handle(bytes, "bytes")?) };
        if !align.is_power_of_two() || align > 16 {
            let what = format!("is {align}, not a power of two up to 16");
            return Err(check::invalid("align", what));
        }
        *bytes = arena.alloc_zeroed(size as u64, align as u32).map_err(crate::ffi::limit)?.cast();
        Ok(())
    })
}

/// The bytes handed out since the last reset, with what alignment wasted; 0 for NULL.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_arena_used_bytes(arena: *const cmabi_arena) -> u64 {
    // SAFETY: the header's rules.
    unsafe { arena.cast::<Arena>().as_ref() }.map_or(0, Arena::used)
}
