//! Stream: the host's ends
//!
//! The C functions of futures are in `future`; both share what is here about copies.

use super::arena::cmabi_arena;
use super::error::{cmabi_drop, cmabi_error, cmabi_status};
use super::store::cmabi_store;
use super::types::cmabi_type;
use crate::error::{Error, ErrorKind, Result};
use crate::ffi::data::Data;
use crate::ffi::{check, guard};
use crate::host::stream::stream_new;
use crate::memory::Arena;
use crate::runtime::host_end::{Completion, Copied, HostEnd, Signal, Watcher};
use crate::runtime::{CopyResult, Cx, Direction};
use crate::types::Type;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::rc::Rc;

/// How a read or write ended (`CopyResult` in CanonicalABI.md).
/// @since 0.1
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cmabi_copy_result {
    /// Elements were copied, fewer than there was room for or as many; or the copy was of none.
    Completed,
    /// The other end is gone, after so many elements: the end of the stream.
    Dropped,
    /// The copy was cancelled, after so many elements.
    Cancelled,
    /// It goes on: the end is in use until the completion is called, until the end's set has an event,
    /// or until the copy is cancelled.
    Blocked,
    /// The other end is gone, after so many elements, because its instance was ended, by a trap, a limit, the host or itself: this is
    /// no end of a stream, and elements may be missing. The next read or write fails with the reason.
    /// @since 0.2
    Failed,
}

/// What became of a read or write.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct cmabi_copied {
    /// How it ended.
    pub result: cmabi_copy_result,
    /// How many elements were copied; 0 where it goes on.
    pub count: u32,
}

impl From<Option<Copied>> for cmabi_copied {
    fn from(copied: Option<Copied>) -> Self {
        let Some(Copied { result, count }) = copied else {
            return cmabi_copied { result: cmabi_copy_result::Blocked, count: 0 };
        };
        let result = match result {
            CopyResult::Completed => cmabi_copy_result::Completed,
            CopyResult::Dropped => cmabi_copy_result::Dropped,
            CopyResult::Cancelled => cmabi_copy_result::Cancelled,
            CopyResult::Failed => cmabi_copy_result::Failed,
        };
        cmabi_copied { result, count }
    }
}

/// Told that a read or write that took longer is over: `end` can be used again, and the buffer is the
/// host's again. Called while no guest runs, by the function of the library that let guests run. It may
/// use the store, also to go on reading or writing.
/// @since 0.2
pub type cmabi_on_copy = Option<
    unsafe extern "C" fn(
        data: *mut c_void,
        store: *mut cmabi_store,
        end: u32,
        result: cmabi_copy_result,
        count: u32,
    ),
>;

/// What the runtime calls when a copy is over; `None` where C gave no callback.
pub(in crate::ffi) fn completion(
    callback: cmabi_on_copy,
    data: Data,
    end: u32,
) -> Option<Completion> {
    let callback = callback?;
    Some(Box::new(move |cx: &mut Cx<'_>, copied| {
        // SAFETY: C offers callbacks to stores of C only, and a store that runs is alive.
        let store = unsafe { cmabi_store::of(cx) };
        let cmabi_copied { result, count } = Some(copied).into();
        store.lend(cx, || {
            // SAFETY: the header's rules for callbacks.
            unsafe { callback(data.get(), store.to_c(), end, result, count) }
        });
    }))
}

/// Which of the two is made.
pub(in crate::ffi) type NewEnds = fn(&mut Cx<'_>, Option<Type>) -> Result<(u32, u32)>;

/// A new stream or future.
///
/// # Safety
/// The header's rules.
pub(in crate::ffi) unsafe fn new_ends(
    new: NewEnds,
    store: *mut cmabi_store,
    element: *const cmabi_type,
    ends: [*mut u32; 2],
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the caller's promise.
        let (store, element, readable, writable) = unsafe {
            let store = check::required(store, "store")?;
            let readable = check::out_value(ends[0], "readable")?;
            let writable = check::out_value(ends[1], "writable")?;
            (store, cmabi_type::optional(element), readable, writable)
        };
        let made = store.enter(|cx| new(cx, element))?;
        readable.write(made.0);
        writable.write(made.1);
        Ok(())
    })
}

/// Checks the element type of an end.
///
/// # Safety
/// The header's rules.
pub(in crate::ffi) unsafe fn check_element(
    store: *mut cmabi_store,
    end: HostEnd,
    element: *const cmabi_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the caller's promise.
        let (store, expected) =
            unsafe { (check::required(store, "store")?, cmabi_type::optional(element)) };
        let found = store.enter(|cx| end.element(cx))?;
        if found == expected {
            return Ok(());
        }
        let name = |element: &Option<Type>| match element {
            Some(element) => format!("elements of type `{element}`"),
            None => "no elements".into(),
        };
        let message =
            format!("end {} carries {}, not {}", end.handle(), name(&found), name(&expected));
        Err(Error::new(ErrorKind::TypeMismatch, message))
    })
}

/// Where a read puts what elements point to.
///
/// # Safety
/// The header's rules.
unsafe fn arena_for(
    store: &cmabi_store,
    arena: *mut cmabi_arena,
    element: Option<&Type>,
) -> Result<Rc<Arena>> {
    if !arena.is_null() {
        // SAFETY: the caller's promise.
        return unsafe { cmabi_arena::get(arena, "arena") };
    }
    match element.filter(|element| !element.info().same_layout()) {
        Some(element) => {
            Err(check::invalid("arena", format_args!("is NULL, but elements are `{element}`")))
        }
        None => Ok(store.no_arena.clone()),
    }
}

/// What a read takes: a place for elements, and for what they point to.
pub(in crate::ffi) struct Room {
    pub(in crate::ffi) elements: Elements<*mut c_void>,
    pub(in crate::ffi) arena: *mut cmabi_arena,
}

/// Elements, or a place for them, as an argument of this name.
pub(in crate::ffi) struct Elements<Pointer> {
    pub(in crate::ffi) argument: &'static str,
    pub(in crate::ffi) ptr: Pointer,
    pub(in crate::ffi) count: u32,
}

impl<Pointer> Elements<Pointer> {
    fn check(&self, element: Option<&Type>, ptr: *const c_void) -> Result<()> {
        let Some(element) = element.filter(|_| self.count > 0) else { return Ok(()) };
        check::value(element, ptr, self.argument)
    }
}

/// Reads from an end.
///
/// # Safety
/// The header's rules.
pub(in crate::ffi) unsafe fn read(
    store: *mut cmabi_store,
    end: HostEnd,
    room: Room,
    callback: cmabi_on_copy,
    data: Data,
    copied: *mut cmabi_copied,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the caller's promise.
        let (store, out) =
            unsafe { (check::required(store, "store")?, check::out_value(copied, "copied")?) };
        let completion = completion(callback, data, end.handle());
        let answer = store.enter(|cx| {
            let element = end.element(cx)?;
            let to = &room.elements;
            to.check(element.as_ref(), to.ptr)?;
            // SAFETY: the caller's promise.
            let arena = unsafe { arena_for(store, room.arena, element.as_ref()) }?;
            end.read(cx, to.ptr.cast(), to.count, &arena, completion)
        })?;
        out.write(answer.into());
        Ok(())
    })
}

/// Writes to an end.
///
/// # Safety
/// The header's rules.
pub(in crate::ffi) unsafe fn write(
    store: *mut cmabi_store,
    end: HostEnd,
    from: Elements<*const c_void>,
    callback: cmabi_on_copy,
    data: Data,
    copied: *mut cmabi_copied,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the caller's promise.
        let (store, out) =
            unsafe { (check::required(store, "store")?, check::out_value(copied, "copied")?) };
        let completion = completion(callback, data, end.handle());
        let answer = store.enter(|cx| {
            from.check(end.element(cx)?.as_ref(), from.ptr)?;
            end.write(cx, from.ptr.cast(), from.count, completion)
        })?;
        out.write(answer.into());
        Ok(())
    })
}

/// Ends the copy at an end.
///
/// # Safety
/// The header's rules.
pub(in crate::ffi) unsafe fn cancel(
    store: *mut cmabi_store,
    end: HostEnd,
    copied: *mut cmabi_copied,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the caller's promise.
        let (store, out) =
            unsafe { (check::required(store, "store")?, check::out_value(copied, "copied")?) };
        let answer = store.enter(|cx| end.cancel(cx))?;
        out.write(Some(answer).into());
        Ok(())
    })
}

/// Looks how the copy at an end stands.
///
/// # Safety
/// The header's rules.
pub(in crate::ffi) unsafe fn poll(
    store: *mut cmabi_store,
    end: HostEnd,
    copied: *mut cmabi_copied,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the caller's promise.
        let (store, out) =
            unsafe { (check::required(store, "store")?, check::out_value(copied, "copied")?) };
        let answer = store.enter(|cx| end.poll(cx))?;
        out.write(answer.into());
        Ok(())
    })
}

/// Drops an end.
///
/// # Safety
/// The header's rules.
pub(in crate::ffi) unsafe fn drop_end(
    store: *mut cmabi_store,
    end: HostEnd,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the caller's promise.
        unsafe { check::required(store, "store") }?.enter(|cx| end.drop(cx))
    })
}

/// Forwards one end to another.
///
/// # Safety
/// The header's rules.
pub(in crate::ffi) unsafe fn forward(
    store: *mut cmabi_store,
    readable: HostEnd,
    writable: HostEnd,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the caller's promise.
        unsafe { check::required(store, "store") }?.enter(|cx| readable.forward(cx, writable))
    })
}

/// Makes a stream of `element`, which is NULL for a stream without payload. `*readable` and `*writable`
/// are handles of the host's table to its two ends, until they are given away or dropped.
///
/// A readable end is given away by passing it as a `stream<element>` in arguments, results or the
/// elements of another stream; the handle is stale then. Ends that arrive in values are handles of the
/// same table. `CMABI_STATUS_INVALID` for what a stream cannot carry, such as borrowed handles;
/// `CMABI_STATUS_LIMIT` where the table is full.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_stream_new(
    store: *mut cmabi_store,
    element: *const cmabi_type,
    readable: *mut u32,
    writable: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { new_ends(stream_new, store, element, [readable, writable], error) }
}

/// Checks that `end` is an end of a stream of `element`, which is NULL for none: once, when an end has
/// arrived and before buffers of a C type are used with it. `CMABI_STATUS_TYPE_MISMATCH` where it is one
/// of another type.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_stream_check(
    store: *mut cmabi_store,
    end: u32,
    element: *const cmabi_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { check_element(store, HostEnd::stream(end), element, error) }
}

/// Reads up to `count` elements, at most 2^28 - 1, from the readable end `end` to `elements`
/// (`stream.read` in CanonicalABI.md). What they point to goes to `arena`, which may be NULL for elements
/// without strings, lists and maps in them.
///
/// Where the writer waits with its elements, they are copied at once; `*copied` says how many there were.
/// Else `copied->result` is `CMABI_COPY_RESULT_BLOCKED`: until the copy is over, `elements` must stay as it
/// is, and `end` cannot be read, dropped or given away. That it is over is told by `completion`, or,
/// where that is NULL, by the set that the end was put into, or by `cmabi_stream_poll`.
///
/// With a `count` of 0, which is over when the writer waits, a host learns when there is something to read.
///
/// `drop` is called when `completion` will not be called any more, at once where the copy is over at once.
/// Once the writer was found to be gone, every further read says `CMABI_COPY_RESULT_DROPPED` and 0.
///
/// Where the writer's instance was ended, what was in progress is over with `CMABI_COPY_RESULT_FAILED`, and what is
/// begun fails with what ended it: `CMABI_STATUS_TRAP`, `_LIMIT`, `_INTERRUPTED` and so on, and the error with its
/// frames.
///
/// `CMABI_STATUS_INVALID_ARGUMENT` for a stale handle, for another kind of handle, and while a copy is in
/// progress. `CMABI_STATUS_TRAP` also where a guest wrote what is not of its type; that ends the guest.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_stream_read(
    store: *mut cmabi_store,
    end: u32,
    elements: *mut c_void,
    count: u32,
    arena: *mut cmabi_arena,
    completion: cmabi_on_copy,
    data: *mut c_void,
    drop: cmabi_drop,
    copied: *mut cmabi_copied,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    let data = Data::new(data, drop);
    let elements = Elements { argument: "elements", ptr: elements, count };
    let room = Room { elements, arena };
    // SAFETY: the header's rules.
    unsafe { read(store, HostEnd::stream(end), room, completion, data, copied, error) }
}

/// Writes up to `count` elements, at most 2^28 - 1, at `elements` to the writable end `end`
/// (`stream.write` in CanonicalABI.md). All as for `cmabi_stream_read`; while the copy goes on, what the
/// elements point to must stay as well.
///
/// Handles in the elements that were copied have been given away. Elements that are none of their type, such
/// as a string that is not UTF-8, are `CMABI_STATUS_INVALID_ARGUMENT` where the reader waits; a guest that
/// comes later to read them traps. Handles are looked at in any case, before any is given away.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_stream_write(
    store: *mut cmabi_store,
    end: u32,
    elements: *const c_void,
    count: u32,
    completion: cmabi_on_copy,
    data: *mut c_void,
    drop: cmabi_drop,
    copied: *mut cmabi_copied,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    let data = Data::new(data, drop);
    let elements = Elements { argument: "elements", ptr: elements, count };
    // SAFETY: the header's rules.
    unsafe { write(store, HostEnd::stream(end), elements, completion, data, copied, error) }
}

/// Looks whether the copy in progress at `end` is over: `CMABI_COPY_RESULT_BLOCKED` where it is not, or
/// where there is none. Once it is over and this has said so, its completion is not called.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_stream_poll(
    store: *mut cmabi_store,
    end: u32,
    copied: *mut cmabi_copied,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { poll(store, HostEnd::stream(end), copied, error) }
}

/// Ends the copy that is in progress at `end`, and says what it came to (`stream.cancel-read`,
/// `stream.cancel-write`). Its completion is not called. `CMABI_STATUS_INVALID_ARGUMENT` where there is
/// none.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_stream_cancel(
    store: *mut cmabi_store,
    end: u32,
    copied: *mut cmabi_copied,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { cancel(store, HostEnd::stream(end), copied, error) }
}

/// Forwards one stream to another (`stream.forward`): what is written to the other end of `readable` is read
/// from the other end of `writable` from now on, without passing the host. Both handles are gone then. Where
/// one of the two others is gone already, it is as if both were dropped here.
///
/// `CMABI_STATUS_INVALID_ARGUMENT`, and the handles stay, where one of them is not such an end of a stream of the
/// same type, copies, is in a set, or is done. What the writer waits with may be copied now; where that fails, the
/// handles are gone.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_stream_forward(
    store: *mut cmabi_store,
    readable: u32,
    writable: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { forward(store, HostEnd::stream(readable), HostEnd::stream(writable), error) }
}

/// Drops an end of a stream (`stream.drop-readable`, `stream.drop-writable`); for the reader, a writer that
/// is gone is the end of the stream. `CMABI_STATUS_INVALID_ARGUMENT` while a copy is in progress: cancel it
/// first.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_stream_drop(
    store: *mut cmabi_store,
    end: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { drop_end(store, HostEnd::stream(end), error) }
}

/// Reads elements where the writer has them: `count` of them at `elements`. Answers how many it has taken,
/// from the first on.
///
/// The elements are there until it returns. It cannot use the store.
/// @since 0.1
pub type cmabi_read_in_place =
    Option<unsafe extern "C" fn(data: *mut c_void, elements: *const c_void, count: u32) -> u32>;

/// Writes elements where the reader wants them: room for `count` of them at `elements`. Answers how many it
/// has written, from the first on.
///
/// The room is there until it returns. It cannot use the store.
/// @since 0.1
pub type cmabi_write_in_place =
    Option<unsafe extern "C" fn(data: *mut c_void, elements: *mut c_void, count: u32) -> u32>;

/// Reads without a copy: where the writer waits with its elements, `visit` gets them where they are, in the
/// guest's memory. `*copied` says how many it has taken. Nothing goes on afterwards:
/// `CMABI_COPY_RESULT_BLOCKED` means that the writer does not wait now. `cmabi_stream_watch`, or a read of 0
/// elements, tells when it does.
///
/// For elements of which every bit means something, and the same everywhere: numbers, flags without unused
/// bits, and records, tuples and fixed-length lists of them without padding; others are
/// `CMABI_STATUS_INVALID_ARGUMENT`. `elements` is NULL for a stream without payload.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_stream_read_in_place(
    store: *mut cmabi_store,
    end: u32,
    visit: cmabi_read_in_place,
    data: *mut c_void,
    copied: *mut cmabi_copied,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        let visit = visit.ok_or_else(|| check::invalid("visit", "is NULL"))?;
        // SAFETY: the header's rules for callbacks.
        let mut visit = |elements: *mut u8, count| unsafe { visit(data, elements.cast(), count) };
        // SAFETY: the header's rules.
        unsafe { in_place(store, Direction::Readable, end, &mut visit, copied) }
    })
}

/// Writes without a copy: where the reader waits, `visit` gets the place where it wants the elements, in
/// the guest's memory. All as for `cmabi_stream_read_in_place`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_stream_write_in_place(
    store: *mut cmabi_store,
    end: u32,
    visit: cmabi_write_in_place,
    data: *mut c_void,
    copied: *mut cmabi_copied,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        let visit = visit.ok_or_else(|| check::invalid("visit", "is NULL"))?;
        // SAFETY: the header's rules for callbacks.
        let mut visit = |elements: *mut u8, count| unsafe { visit(data, elements.cast(), count) };
        // SAFETY: the header's rules.
        unsafe { in_place(store, Direction::Writable, end, &mut visit, copied) }
    })
}

/// # Safety
/// The header's rules.
unsafe fn in_place(
    store: *mut cmabi_store,
    direction: Direction,
    end: u32,
    visit: &mut dyn FnMut(*mut u8, u32) -> u32,
    copied: *mut cmabi_copied,
) -> Result<()> {
    // SAFETY: the caller's promise.
    let (store, out) =
        unsafe { (check::required(store, "store")?, check::out_value(copied, "copied")?) };
    let answer = store.enter(|cx| HostEnd::stream(end).in_place(cx, direction, visit))?;
    out.write(answer.into());
    Ok(())
}

/// What the other end of a stream does.
/// @since 0.1
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cmabi_stream_signal {
    /// It waits with a buffer: the guest has begun to read or to write. Or streams were forwarded, so
    /// that the other end is the host's as well: that may write only where this one reads.
    Waits,
    /// It wants back the buffer that it waits with: the guest has cancelled.
    Cancels,
    /// It is gone. Nothing else will be told.
    Dropped,
    /// It is gone, because its instance was ended; a read or write fails with the reason. Nothing else will be
    /// told.
    /// @since 0.2
    Failed,
}

/// Told what the other end of `end` does. It may use the store: read, write and drop `end` above all.
///
/// `CMABI_STREAM_SIGNAL_WAITS` and `_CANCELS` are told inside the guest's call, which sees what the callback
/// does as its result: a host that writes and drops here gives the guest its last elements and the end of
/// the stream in one. `_DROPPED` and `_FAILED` are told while no guest runs.
///
/// The answer counts for `_CANCELS` only: `CMABI_STATUS_PENDING` keeps the guest waiting for its buffer
/// until `cmabi_stream_release`, with any other the guest gets it back.
/// @since 0.2
pub type cmabi_on_stream_signal = Option<
    unsafe extern "C" fn(
        data: *mut c_void,
        store: *mut cmabi_store,
        end: u32,
        signal: cmabi_stream_signal,
    ) -> MaybeUninit<cmabi_status>,
>;

/// Has `watcher` told what the other end of `end` does, from now on until `end` is given away or dropped;
/// at once where the other end waits already. It replaces the one before; NULL for none.
///
/// This is how a host makes or takes elements only when they are wanted.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_stream_watch(
    store: *mut cmabi_store,
    end: u32,
    watcher: cmabi_on_stream_signal,
    data: *mut c_void,
    drop: cmabi_drop,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        let data = Data::new(data, drop);
        // SAFETY: the header's rules.
        let store = unsafe { check::required(store, "store") }?;
        let watcher = watcher.map(|watcher| {
            Rc::new(move |cx: &mut Cx<'_>, end: HostEnd, signal| {
                // SAFETY: C offers callbacks to stores of C only, and a store that runs is alive.
                let store = unsafe { cmabi_store::of(cx) };
                let signal = match signal {
                    Signal::Waits => cmabi_stream_signal::Waits,
                    Signal::Cancels => cmabi_stream_signal::Cancels,
                    Signal::Dropped => cmabi_stream_signal::Dropped,
                    Signal::Failed => cmabi_stream_signal::Failed,
                };
                let status = store.lend(cx, || {
                    // SAFETY: the header's rules for callbacks.
                    unsafe { watcher(data.get(), store.to_c(), end.handle(), signal) }
                });
                check::enumerator(status, "status").is_ok_and(|s| s == cmabi_status::Pending)
            }) as Rc<Watcher>
        });
        store.enter(|cx| HostEnd::stream(end).watch(cx, watcher))
    })
}

/// Gives the other end of `end` the buffer back that a watcher's answer to `CMABI_STREAM_SIGNAL_CANCELS`
/// has kept. Nothing happens where it has it already.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_stream_release(
    store: *mut cmabi_store,
    end: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        unsafe { check::required(store, "store") }?.enter(|cx| HostEnd::stream(end).release(cx))
    })
}
