//! Error contexts: a message for people that travels as a value.

use super::context::{Crossing, Memory, Side};
use super::{Cx, Handle, InstanceId};
use crate::copy::{Format, Source, Target};
use crate::error::{Result, Trapped};
use crate::memory::{AddrType, Arena};
use crate::types::Type;
use std::rc::Rc;

/// What the host knows about an error.
pub struct ErrorContext {
    /// The message as a string in the host's layout: where its pointer and length are.
    message: u64,
    /// What keeps it there.
    arena: Rc<Arena>,
}

impl ErrorContext {
    /// An error context whose message is the string that `source` is on `side`.
    pub(crate) fn new(
        cx: &mut Cx<'_>,
        side: Side,
        format: Format,
        source: Source<'_>,
    ) -> Result<Rc<ErrorContext>, Trapped> {
        let string = Type::string();
        let plan = cx.shared.plans.get(&string, format, Format::HOST);
        let arena = Rc::new(Arena::new());
        let info = string.info();
        let size = info.size(AddrType::I64).into();
        let message = arena.alloc(size, info.align(AddrType::I64))?.expose_provenance() as u64;
        let dst = Side { inst: InstanceId::HOST, memory: Memory::Host(Some(arena.clone())) };
        let mut crossing = Crossing { cx, src: side, dst, borrows: None };
        plan.transfer(&mut crossing, source, Target::Memory(message))?;
        Ok(Rc::new(ErrorContext { message, arena }))
    }

    /// Stores the message at `ptr` on `side`.
    pub(crate) fn store(
        &self,
        cx: &mut Cx<'_>,
        side: Side,
        format: Format,
        ptr: u64,
    ) -> Result<(), Trapped> {
        let plan = cx.shared.plans.get(&Type::string(), Format::HOST, format);
        let src = Side { inst: InstanceId::HOST, memory: Memory::Host(Some(self.arena.clone())) };
        let mut crossing = Crossing { cx, src, dst: side, borrows: None };
        plan.transfer(&mut crossing, Source::Memory(self.message), Target::Memory(ptr))
    }
}

/// A new error context of the host's with the string at `message`, in the host's layout.
pub fn error_context_new(cx: &mut Cx<'_>, message: *const u8) -> Result<u32> {
    let side = Side { inst: InstanceId::HOST, memory: Memory::Host(None) };
    let source = Source::Memory(message as u64);
    let context = ErrorContext::new(cx, side, Format::HOST, source)?;
    Ok(cx.state()[InstanceId::HOST].handles.add(Handle::ErrorContext(context))?)
}

/// The message of an error context of the host's: the address of a string in the host's layout,
/// which stays until the handle is dropped.
pub fn error_context_debug_message(cx: &Cx<'_>, handle: u32) -> Result<*const u8> {
    let state = cx.state();
    let context = state[InstanceId::HOST].handles.error_context(handle)?;
    Ok(crate::memory::host_ptr(context.message))
}

/// Drops a handle of the host's to an error context.
pub fn error_context_drop(cx: &mut Cx<'_>, handle: u32) -> Result<()> {
    let mut state = cx.state();
    let handles = &mut state[InstanceId::HOST].handles;
    handles.error_context(handle)?;
    handles.take(handle)?;
    Ok(())
}
