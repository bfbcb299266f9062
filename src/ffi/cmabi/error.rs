//! Status, strings and errors

pub use crate::c_types::cmabi_string;
use crate::error::{Error, ErrorKind, Frame, FrameKind, PathSegment, Result, Trap, Trapped};
use crate::ffi::{check, guard, guard_or};
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;

/// What became of a call. 0 is success; every other value comes with a `cmabi_error` where the
/// caller asked for one.
/// @since 0.1
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cmabi_status {
    /// It worked.
    Ok,
    /// An argument is NULL, malformed, stale or from another store.
    InvalidArgument,
    /// Not in this build of the library, or beyond what the engine can do.
    Unsupported,
    /// A component binary, WIT text or WAVE text is malformed or invalid.
    Invalid,
    /// A name does not exist.
    NotFound,
    /// An import is missing or has the wrong type.
    Link,
    /// A signature or value does not have the component's type.
    TypeMismatch,
    /// A configured or specified limit was reached.
    Limit,
    /// A guest trapped.
    Trap,
    /// A host function reported a failure.
    Host,
    /// Not finished yet: the answer of a host function that will return later.
    Pending,
    /// The call can only go on when the host does something.
    WouldBlock,
    /// The store is running on another thread, or inside a callback that may not use it so.
    Busy,
    /// The library has a bug. The store that was in use is poisoned: it can only be freed.
    Internal,
    /// A guest has ended its program, well or not (`cmabi_error_exit_code`): it cannot be called again.
    /// @since 0.2
    Exit,
    /// The host stopped what ran: `cmabi_interrupter_interrupt` or `cmabi_store_set_deadline`.
    /// @since 0.2
    Interrupted,
    /// A trap, or the host, has ended the instance before: it cannot be called again.
    /// @since 0.2
    Ended,
}

// SAFETY: `#[repr(u32)]`, and the values go from 0 without a gap.
unsafe impl check::Enumeration for cmabi_status {
    const COUNT: u32 = cmabi_status::Ended as u32 + 1;
}

impl From<ErrorKind> for cmabi_status {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::InvalidArgument => cmabi_status::InvalidArgument,
            ErrorKind::Unsupported => cmabi_status::Unsupported,
            ErrorKind::Invalid => cmabi_status::Invalid,
            ErrorKind::NotFound => cmabi_status::NotFound,
            ErrorKind::Link => cmabi_status::Link,
            ErrorKind::TypeMismatch => cmabi_status::TypeMismatch,
            ErrorKind::Limit => cmabi_status::Limit,
            ErrorKind::Trap => cmabi_status::Trap,
            ErrorKind::WouldBlock => cmabi_status::WouldBlock,
            ErrorKind::Busy => cmabi_status::Busy,
            ErrorKind::Host => cmabi_status::Host,
            ErrorKind::Internal => cmabi_status::Internal,
            ErrorKind::Exit => cmabi_status::Exit,
            ErrorKind::Interrupted => cmabi_status::Interrupted,
            ErrorKind::Ended => cmabi_status::Ended,
        }
    }
}

impl ErrorKind {
    /// The kind that has a status; `None` where that is no failure's.
    fn of(status: cmabi_status) -> Option<ErrorKind> {
        use ErrorKind::*;
        let kinds = [
            InvalidArgument,
            Unsupported,
            Invalid,
            NotFound,
            Link,
            TypeMismatch,
            Limit,
            Trap,
            WouldBlock,
            Busy,
            Host,
            Internal,
        ];
        kinds.into_iter().find(|&kind| cmabi_status::from(kind) == status)
    }
}

impl cmabi_status {
    /// In words.
    pub(in crate::ffi) fn text(self) -> &'static str {
        match self {
            cmabi_status::Ok => "ok",
            cmabi_status::InvalidArgument => "invalid argument",
            cmabi_status::Unsupported => "unsupported",
            cmabi_status::Invalid => "malformed or invalid input",
            cmabi_status::NotFound => "not found",
            cmabi_status::Link => "import missing or of the wrong type",
            cmabi_status::TypeMismatch => "type mismatch",
            cmabi_status::Limit => "limit reached",
            cmabi_status::Trap => "the guest trapped",
            cmabi_status::Host => "a host function failed",
            cmabi_status::Pending => "pending",
            cmabi_status::WouldBlock => "would block",
            cmabi_status::Busy => "the store is busy",
            cmabi_status::Internal => "internal error",
            cmabi_status::Exit => "the guest has exited",
            cmabi_status::Interrupted => "interrupted",
            cmabi_status::Ended => "the instance has ended",
        }
    }
}

/// The text of a status, for a program that did not ask for a `cmabi_error`. Static;
/// `unknown status` for a number that is no status.
/// @since 0.1
#[unsafe(no_mangle)]
pub extern "C" fn cmabi_status_text(status: MaybeUninit<cmabi_status>) -> cmabi_string {
    check::enumerator(status, "status").map_or("unknown status", cmabi_status::text).into()
}

/// Frees the data of a callback that will not be called again. It may use the store as the callback may:
/// it is called at the end of the function of the library that let the callback go.
/// @since 0.1
pub type cmabi_drop = Option<unsafe extern "C" fn(data: *mut c_void)>;

/// Why a call failed: a status, a message that names the cause, and for a trap where it happened.
///
/// Given through the trailing `error` argument of a fallible function, and then the caller's to
/// free. It does not depend on anything else: it may outlive its store and be read on any thread.
/// @since 0.1
pub struct cmabi_error {
    status: cmabi_status,
    message: String,
    summary: String,
    last_words: String,
    path: String,
    frames: Vec<(Frame, String)>,
    exit_code: Option<u8>,
}

impl cmabi_error {
    /// Writes what became of a call for the caller.
    ///
    /// # Safety
    /// `place` is NULL or points to a place for a pointer.
    pub(in crate::ffi) unsafe fn report(
        place: *mut *mut cmabi_error,
        result: Result<()>,
    ) -> cmabi_status {
        let (status, error) = match result {
            Ok(()) => (cmabi_status::Ok, ptr::null_mut()),
            Err(error) if place.is_null() => (error.kind().into(), ptr::null_mut()),
            Err(error) => (error.kind().into(), Box::into_raw(Box::new(cmabi_error::from(error)))),
        };
        if !place.is_null() {
            // SAFETY: the caller's promise.
            unsafe { place.write(error) };
        }
        status
    }
}

impl From<Error> for cmabi_error {
    fn from(error: Error) -> Self {
        let (mut path, mut frames) = (Vec::new(), Vec::new());
        if let Some(trap) = error.trap() {
            path.extend(trap.path().map(PathSegment::to_string));
            let frame = |frame: &Frame| (frame.clone(), frame.to_string());
            frames.extend(trap.frames().iter().map(frame));
        }
        let exit_code = match error.trap().map(Trapped::reason) {
            Some(Trap::Exit { code }) => Some(*code),
            _ => None,
        };
        cmabi_error {
            exit_code,
            status: error.kind().into(),
            message: error.to_string(),
            summary: error.summary().to_owned(),
            last_words: error.trap().and_then(Trapped::last_words).unwrap_or_default().to_owned(),
            path: path.join(", "),
            frames,
        }
    }
}

/// Makes an error with a status and a message of the caller's own, which is copied, and returns the status:
/// for functions that fail as those of this header do. `error` may be NULL as for all of them.
///
/// `CMABI_STATUS_INVALID_ARGUMENT` for `CMABI_STATUS_OK` and `CMABI_STATUS_PENDING`, which are no failures, and
/// where the message is not UTF-8.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_error_new(
    status: MaybeUninit<cmabi_status>,
    message: cmabi_string,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let message = unsafe { check::text(message, "message") }?;
        let kind = ErrorKind::of(check::enumerator(status, "status")?)
            .ok_or_else(|| check::invalid("status", "is not that of a failure"))?;
        Err(Error::new(kind, message))
    })
}

/// Frees an error. NULL is fine.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_error_free(error: *mut cmabi_error) {
    guard_or((), || {
        if !error.is_null() {
            // SAFETY: the header's rules: the error is the caller's and is freed once.
            drop(unsafe { Box::from_raw(error) });
        }
    });
}

/// The status that the failed call returned; `CMABI_STATUS_OK` for NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_error_status(error: *const cmabi_error) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { error.as_ref() }.map_or(cmabi_status::Ok, |error| error.status)
}

/// The whole message, for a person: what was wrong, where in the value, and a line for each frame. Borrowed
/// from the error; empty for NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_error_message(error: *const cmabi_error) -> cmabi_string {
    // SAFETY: the header's rules.
    unsafe { error.as_ref() }.map_or(cmabi_string::EMPTY, |error| error.message.as_str().into())
}

/// The message without the lines for the frames, which `cmabi_error_frame_text` gives. Borrowed from the error;
/// empty for NULL.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_error_summary(error: *const cmabi_error) -> cmabi_string {
    // SAFETY: the header's rules.
    unsafe { error.as_ref() }.map_or(cmabi_string::EMPTY, |error| error.summary.as_str().into())
}

/// For `CMABI_STATUS_EXIT`: the status that the guest has exited with, from 0 to 255, as `wasi:cli/exit` has
/// it: 0 for `ok`, 1 for `error`. -1 for other errors and for NULL.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_error_exit_code(error: *const cmabi_error) -> c_int {
    // SAFETY: the header's rules.
    unsafe { error.as_ref() }.and_then(|error| error.exit_code).map_or(-1, c_int::from)
}

/// For a trap that concerns a value: the way to it from the parameter or result, as
/// `param "people", element 3, field "name"`. Borrowed from the error; empty where there is none,
/// and for NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_error_path(error: *const cmabi_error) -> cmabi_string {
    // SAFETY: the header's rules.
    unsafe { error.as_ref() }.map_or(cmabi_string::EMPTY, |error| error.path.as_str().into())
}

/// For a trap: how many frames there are, of calls that were running and of those that waited for them; 0 for
/// other errors and for NULL. Of a deep recursion the innermost 64 are kept.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_error_frame_count(error: *const cmabi_error) -> usize {
    // SAFETY: the header's rules.
    unsafe { error.as_ref() }.map_or(0, |error| error.frames.len())
}

/// For a trap: a frame as text for a person, the innermost at `index` 0: the function, and in parentheses the
/// component instance. Borrowed from the error; empty beyond the last, and for NULL.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_error_frame_text(
    error: *const cmabi_error,
    index: usize,
) -> cmabi_string {
    // SAFETY: the header's rules.
    unsafe { error.as_ref() }
        .and_then(|error| error.frames.get(index))
        .map_or(cmabi_string::EMPTY, |(_, text)| text.as_str().into())
}

/// For a trap: what the component had written to standard error last, as the message of a panic, where
/// `cmabi_wasi_config_set_last_words` has asked for it. What is not UTF-8 is replaced. Borrowed from the error;
/// empty where there is nothing, and for NULL.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_error_last_words(error: *const cmabi_error) -> cmabi_string {
    // SAFETY: the header's rules.
    unsafe { error.as_ref() }.map_or(cmabi_string::EMPTY, |error| error.last_words.as_str().into())
}

/// What a frame is.
/// @since 0.2
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cmabi_frame_kind {
    /// A call of a component's function.
    Call,
    /// A call of a host function.
    Host,
    /// A canonical built-in that a guest called: an import that the library serves itself.
    Builtin,
    /// A core function: below the call that it runs for.
    Core,
}

/// A frame of a trap. What it points to is borrowed from the error.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cmabi_frame {
    /// What it is.
    pub kind: cmabi_frame_kind,
    /// The full name of the function, as `ns:pkg/iface#name`; of a core function its name by the `name`
    /// section of its module, empty where there is none; of a built-in its name with the arguments.
    pub name: cmabi_string,
    /// The label of the component instance (`cmabi_instance_set_label`). Empty for host functions.
    pub instance: cmabi_string,
    /// Of a core function: its index in its module. `UINT32_MAX` where the engine does not say it.
    pub func_index: u32,
    /// Of a core function: where in the module's binary it was. `UINT64_MAX` where the engine does not say it,
    /// as the built-in one.
    pub offset: u64,
}

/// For a trap: a frame in parts, the innermost at `index` 0. Beyond the last, and for NULL, a frame of kind
/// `CMABI_FRAME_KIND_CALL` with nothing in it.
///
/// Engines differ in what they say of core functions. The built-in one does not tell which were running:
/// there is one frame for the function that the component's call has entered.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_error_frame_at(
    error: *const cmabi_error,
    index: usize,
) -> cmabi_frame {
    // SAFETY: the header's rules.
    let frame = unsafe { error.as_ref() }.and_then(|error| error.frames.get(index));
    let Some((frame, _)) = frame else {
        return cmabi_frame {
            kind: cmabi_frame_kind::Call,
            name: cmabi_string::EMPTY,
            instance: cmabi_string::EMPTY,
            func_index: u32::MAX,
            offset: u64::MAX,
        };
    };
    cmabi_frame {
        kind: match frame.kind {
            FrameKind::Call => cmabi_frame_kind::Call,
            FrameKind::Host => cmabi_frame_kind::Host,
            FrameKind::Builtin => cmabi_frame_kind::Builtin,
            FrameKind::Core => cmabi_frame_kind::Core,
        },
        name: (*frame.name).into(),
        instance: frame.instance.as_deref().map_or(cmabi_string::EMPTY, Into::into),
        func_index: frame.func_index.unwrap_or(u32::MAX),
        offset: frame.offset.unwrap_or(u64::MAX),
    }
}
