//! Which trap a script means.
//!
//! The scripts' texts are those of one runtime, which for some conditions has several: one for
//! values that it copies between guests, another for those that it lifts to the host. The
//! conditions are the specification's, and here have one [`Trap`] and one text each.

use cmabi::error::Trap;
use std::ffi::OsStr;
use std::path::Path;

/// Scripts of the specification that expect a sync task to trap because it would block. They were written for a
/// runtime that does not let sync tasks call what may block. By the text a task traps when it does block, and in
/// these its guest does something else before that: it runs into `unreachable`, or passes a handle that there
/// is not.
const TRAP_BEFORE_BLOCKING: [&str; 2] = ["dont-block-start.wast", "trap-if-block-and-sync.wast"];

/// Whether a trap with `reason` is the one that `message` means in the script `file`.
pub fn is_meant(file: &Path, message: &str, reason: &Trap) -> bool {
    let message = message.strip_prefix("wasm trap: ").unwrap_or(message);
    if matches!(reason, Trap::Host { .. } | Trap::Internal(_)) {
        return false;
    }
    reason.to_string().contains(message)
        || is_category(message, reason)
        || (message == CANNOT_BLOCK && traps_before_blocking(file, reason))
}

const CANNOT_BLOCK: &str = "cannot block a synchronous task before returning";

fn traps_before_blocking(file: &Path, reason: &Trap) -> bool {
    let is_known = |name| TRAP_BEFORE_BLOCKING.iter().any(|known| name == OsStr::new(known));
    file.file_name().is_some_and(is_known)
        && match reason {
            Trap::UnknownHandle { .. } => true,
            Trap::Core(text) => text.contains("unreachable"),
            _ => false,
        }
}

fn is_category(message: &str, reason: &Trap) -> bool {
    match message {
        "unaligned pointer" => {
            matches!(reason, Trap::Unaligned { .. } | Trap::ReallocUnaligned { .. })
        }
        "realloc return: result not aligned" => matches!(reason, Trap::ReallocUnaligned { .. }),
        "realloc return: beyond end of memory" => {
            matches!(reason, Trap::ReallocOutOfBounds { .. })
        }
        "string pointer/length out of bounds of memory"
        | "string content out-of-bounds"
        | "list content out-of-bounds" => {
            matches!(reason, Trap::OutOfBounds { .. } | Trap::ReallocOutOfBounds { .. })
        }
        "deadlock detected: event loop cannot make further progress" => {
            matches!(reason, Trap::CannotBlock)
        }
        "waitable cannot be used synchronously while added to a waitable set" => {
            matches!(reason, Trap::WaitableInSyncUse)
        }
        "invalid `char` bit pattern" => matches!(reason, Trap::InvalidChar { .. }),
        "incomplete utf-8 byte sequence" => matches!(reason, Trap::InvalidUtf8 { .. }),
        _ => false,
    }
}
