//! wasmtime's errors as answers of the table.

use crate::abi::*;
use crate::say;
use crate::store::Store;
use std::ffi::c_void;
use std::fmt;
use wasmtime::{Error, ThrownException, Trap, WasmBacktrace};

/// An import did not return: the library knows why.
#[derive(Debug)]
pub(crate) struct ImportFailed;

impl fmt::Display for ImportFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an import failed")
    }
}

impl std::error::Error for ImportFailed {}

/// The system has no memory for a stack.
#[derive(Debug)]
pub(crate) struct NoStack(pub(crate) std::io::Error);

impl fmt::Display for NoStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "there is no memory for the stack of another call that can be suspended: {}",
            self.0
        )
    }
}

impl std::error::Error for NoStack {}

/// What the table answers for a call that ended like this; `Err` is a panic. The call began with so many
/// frames that are the engine's own.
pub(crate) fn answer(
    store: &Store,
    called: Result<wasmtime::Result<()>, String>,
    own_frames: usize,
    message: &mut cmabi_string,
) -> u32 {
    match called {
        Ok(Ok(())) => CMABI_OUTCOME_RETURNED,
        Ok(Err(error)) => failed(store, error, own_frames, message),
        Err(text) => {
            *message = say(text);
            CMABI_OUTCOME_TRAPPED
        }
    }
}

#[cold]
fn failed(store: &Store, error: Error, own_frames: usize, message: &mut cmabi_string) -> u32 {
    let outcome = match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => CMABI_OUTCOME_OUT_OF_FUEL,
        Some(Trap::Interrupt) => CMABI_OUTCOME_INTERRUPTED,
        _ if error.is::<ThrownException>() => CMABI_OUTCOME_THREW,
        _ if error.is::<NoStack>() => {
            *message = say(error.root_cause().to_string());
            CMABI_OUTCOME_LIMIT
        }
        trap => {
            *message = trap.map_or_else(|| say(error.root_cause().to_string()), |trap| text(*trap));
            CMABI_OUTCOME_TRAPPED
        }
    };
    *store.failure.borrow_mut() = Some((error, own_frames));
    outcome
}

/// What the trap is, without a word that it is one.
fn text(trap: Trap) -> cmabi_string {
    let text = trap.to_string();
    say(text.strip_prefix("wasm trap: ").unwrap_or(&text).to_owned())
}

pub(crate) unsafe extern "C" fn trap_frames(
    store: *mut c_void,
    frames: *mut cmabi_core_frame,
    room: usize,
) -> usize {
    // SAFETY: the library's promise.
    let store = unsafe { Store::of(store) };
    let failure = store.failure.borrow();
    let Some((error, own_frames)) = &*failure else { return 0 };
    let Some(trace) = error.downcast_ref::<WasmBacktrace>() else { return 0 };
    // The trace goes on with the calls below this one, which tell of theirs when they end.
    let below = store.with(|cx| WasmBacktrace::capture(&cx).frames().len());
    let own = trace.frames().len().saturating_sub(below + own_frames);
    for (i, frame) in trace.frames().iter().take(own.min(room)).enumerate() {
        let told = cmabi_core_frame {
            name: frame.func_name().unwrap_or_default().into(),
            func_index: frame.func_index(),
            offset: frame.module_offset().map_or(u64::MAX, |offset| offset as u64),
        };
        // SAFETY: the library's promise: room for so many.
        unsafe { frames.add(i).write(told) };
    }
    own
}
