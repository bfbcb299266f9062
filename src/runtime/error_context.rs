//! Error contexts: a message for people that travels as a value.

use super::context::{Crossing, Memory, Side, SideRef};
use super::{Cx, InstanceId};
use crate::copy::{Format, Source, Target};
use crate::core_types::AddrType;
use crate::error::{Trap, Trapped};
use crate::memory::{Arena, host_ptr};
use crate::types::Type;
use std::rc::Rc;

/// What the host knows about an error.
pub struct ErrorContext {
    /// The message as a string in the host's layout: where its pointer and length are.
    pub(crate) message: u64,
    /// What keeps it there.
    arena: Rc<Arena>,
}

/// `host_defined_transformation` of the reference: gets the address of the message, a string in the
/// host's layout, and of a place for the string that it becomes. What that points at may lie in the
/// arena, or anywhere where it stays until the hook returns.
pub type ErrorContextHook = dyn Fn(&mut Cx<'_>, *const u8, *mut u8, &Rc<Arena>);

/// Sets what changes the messages of error contexts that guests make; `None` for nothing.
pub fn set_error_context_hook(cx: &mut Cx<'_>, hook: Option<Rc<ErrorContextHook>>) {
    let old = cx.shared.error_context_hook.replace(hook);
    drop(old);
}

impl ErrorContext {
    /// An error context whose message is the string that `source` is on `side`.
    pub(crate) fn new(
        cx: &mut Cx<'_>,
        side: SideRef<'_>,
        format: Format,
        source: Source<'_>,
    ) -> Result<Rc<ErrorContext>, Trapped> {
        let plan = cx.shared.plans.get(&Type::string(), format, Format::HOST);
        let arena = Rc::new(Arena::charged_to(&cx.shared.host_memory));
        let message = alloc_string(&arena)?.expose_provenance() as u64;
        let dst = Side::host(&arena);
        plan.transfer(&mut Crossing::new(cx, &side, &dst, None), source, Target::Memory(message))?;
        Ok(Rc::new(ErrorContext { message, arena }))
    }

    /// The same with the message that the hook makes of its.
    pub(crate) fn transformed(self: Rc<Self>, cx: &mut Cx<'_>) -> Result<Rc<Self>, Trapped> {
        let hook = cx.shared.error_context_hook.borrow().clone();
        let Some(hook) = hook else { return Ok(self) };
        let changed = alloc_string(&self.arena)?;
        let thread = cx.state().current.take();
        hook(cx, host_ptr(self.message), changed, &self.arena);
        cx.state().current = thread;
        let source = Source::Memory(changed.expose_provenance() as u64);
        let side = Side { inst: InstanceId::HOST, memory: Memory::Host(None) };
        Self::new(cx, side, Format::HOST, source).map_err(|trap| {
            let message = format!("the error-context hook: {trap}");
            Trap::Host { message: message.into() }.into()
        })
    }

    /// Stores the message at `ptr` on `side`.
    pub(crate) fn store(
        &self,
        cx: &mut Cx<'_>,
        side: SideRef<'_>,
        format: Format,
        ptr: u64,
    ) -> Result<(), Trapped> {
        let plan = cx.shared.plans.get(&Type::string(), Format::HOST, format);
        let src = Side::host(&self.arena);
        let mut crossing = Crossing::new(cx, &src, &side, None);
        plan.transfer(&mut crossing, Source::Memory(self.message), Target::Memory(ptr))
    }
}

/// Room for a string in the host's layout, which is none yet.
fn alloc_string(arena: &Arena) -> Result<*mut u8, Trapped> {
    let string = Type::string();
    let info = string.info();
    arena.alloc(info.size(AddrType::I64).into(), info.align(AddrType::I64))
}
