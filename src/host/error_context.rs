//! Error contexts in the host's own table.

use super::stream::usage;
use crate::copy::{Format, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::memory::host_ptr;
use crate::runtime::{Cx, ErrorContext, Handle, InstanceId, Memory, Side};

/// A new error context of the host's with the string at `message`, in the host's layout.
pub fn error_context_new(cx: &mut Cx<'_>, message: *const u8) -> Result<u32> {
    let side = Side { inst: InstanceId::HOST, memory: Memory::Host(None) };
    let source = Source::Memory(message as u64);
    let context = ErrorContext::new(cx, side, Format::HOST, source).map_err(usage)?;
    let handle = cx.state().add_handle(InstanceId::HOST, Handle::ErrorContext(context));
    handle.map_err(|trap| Error::new(ErrorKind::Limit, trap.to_string()))
}

/// The message of an error context of the host's: the address of a string in the host's layout,
/// which stays until the handle is dropped.
pub fn error_context_debug_message(cx: &Cx<'_>, handle: u32) -> Result<*const u8> {
    let state = cx.state();
    let context = state[InstanceId::HOST].handles.error_context(handle).map_err(usage)?;
    Ok(host_ptr(context.message))
}

/// Drops a handle of the host's to an error context.
pub fn error_context_drop(cx: &mut Cx<'_>, handle: u32) -> Result<()> {
    let mut state = cx.state();
    state[InstanceId::HOST].handles.error_context(handle).map_err(usage)?;
    state.take_handle(InstanceId::HOST, handle)?;
    Ok(())
}
