//! Which trap a script means.
//!
//! The scripts' texts are those of one runtime, which for some conditions has several: one for
//! values that it copies between guests, another for those that it lifts to the host. The
//! conditions are the specification's, and here have one [`Trap`] and one text each.

use cmabi::error::Trap;

/// Whether a trap with `reason` is the one that `message` means.
pub fn is_meant(message: &str, reason: &Trap) -> bool {
    let message = message.strip_prefix("wasm trap: ").unwrap_or(message);
    if matches!(reason, Trap::Host { .. } | Trap::Internal(_)) {
        return false;
    }
    reason.to_string().contains(message) || is_category(message, reason)
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
        // A runtime that does not let sync tasks call what may block traps before it does. By the
        // specification they trap when they block: some of these scripts have them do something
        // else first that traps.
        "cannot block a synchronous task before returning" => {
            let is_unreachable = |text: &str| text.contains("unreachable");
            matches!(reason, Trap::Deadlock { .. } | Trap::UnknownHandle { .. })
                || matches!(reason, Trap::Core(text) if is_unreachable(text))
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
