//! Copies between memories that belong to no store: guests' as the host has them, and its own.

use super::check;
use crate::copy::{Context, Format, Plan, PlanCache, Source, Target};
use crate::core_types::AddrType;
use crate::error::{Error, ErrorKind, Result, Trap, Trapped};
use crate::ffi::cmabi_engine::value::cmabi_lift_lower_options;
use crate::memory::{Arena, View};
use crate::types::{ResourceType, Type};
use std::sync::Arc;

/// A guest's side of a copy.
pub(super) struct Guest {
    options: cmabi_lift_lower_options,
    pub(super) format: Format,
}

impl Guest {
    /// # Safety
    /// The header's rules for `options`.
    pub(super) unsafe fn get(
        options: *const cmabi_lift_lower_options,
        argument: &str,
    ) -> Result<Guest> {
        // SAFETY: the caller's promise.
        let options = unsafe { check::host_struct(options, argument) }?;
        let encoding = check::enumerator(options.string_encoding, argument)?.into();
        let addr = if options.memory64 == 0 { AddrType::I32 } else { AddrType::I64 };
        let guest = Guest { options, format: Format::guest(addr, encoding) };
        let (base, len) = guest.memory();
        if base.is_null() && len != 0 {
            return Err(check::invalid(argument, "has a memory that is NULL"));
        }
        if !base.addr().is_multiple_of(8) {
            return Err(check::invalid(argument, "has a memory that is not aligned to 8"));
        }
        if len > isize::MAX as usize {
            return Err(check::invalid(argument, "has a memory of an impossible length"));
        }
        Ok(guest)
    }

    fn memory(&self) -> (*mut u8, usize) {
        let (mut base, mut len) = (self.options.memory, self.options.memory_len);
        if let Some(memory_data) = self.options.memory_data {
            // SAFETY: the header's rules for callbacks.
            unsafe { memory_data(self.options.data, &mut base, &mut len) };
        }
        (base, len)
    }

    fn view(&self) -> View {
        match self.memory() {
            (base, len) if base.addr().is_multiple_of(8) && len <= isize::MAX as usize => {
                View { base, len }
            }
            // As short as can be, which ends the copy.
            (base, _) => View { base, len: 0 },
        }
    }

    /// Checks that there is a `realloc` if lowering needs one.
    pub(super) fn need_realloc(&self, needed: bool) -> Result<()> {
        if needed && self.options.realloc.is_none() {
            return Err(check::invalid("to", "has no `realloc`, which this value needs"));
        }
        Ok(())
    }

    fn realloc(&self, old: u64, old_size: u64, align: u32, size: u64) -> Result<u64, Trapped> {
        let mut ptr = 0;
        // SAFETY: the header's rules for callbacks.
        let done = self.options.realloc.is_some_and(|realloc| unsafe {
            realloc(self.options.data, old, old_size, align, size, &mut ptr)
        });
        if done { Ok(ptr) } else { Err(Trap::Host { message: "`realloc` failed".into() }.into()) }
    }
}

/// One side of a copy.
pub(super) enum Side<'a> {
    /// What the host passes.
    Host,
    /// What the host receives.
    Arena(&'a Arena),
    Guest(&'a Guest),
}

impl Side<'_> {
    fn format(&self) -> Format {
        match self {
            Side::Guest(guest) => guest.format,
            _ => Format::HOST,
        }
    }

    fn view(&self) -> View {
        match self {
            Side::Guest(guest) => guest.view(),
            _ => View::HOST,
        }
    }
}

/// A copy between memories that belong to no store.
pub(super) struct Sides<'a> {
    pub(super) src: Side<'a>,
    pub(super) dst: Side<'a>,
}

impl Sides<'_> {
    pub(super) fn copy(
        &mut self,
        ty: &Type,
        locate: impl FnOnce(Trapped) -> Trapped,
        from: Source<'_>,
        to: Target<'_>,
    ) -> Result<()> {
        let plan = plan(ty, self.src.format(), self.dst.format())?;
        Ok(plan.transfer(self, from, to).map_err(locate)?)
    }
}

impl Context for Sides<'_> {
    fn spend(&mut self, _work: u64) -> Result<(), Trapped> {
        Ok(())
    }

    fn src_memory(&mut self) -> View {
        self.src.view()
    }

    fn dst_memory(&mut self) -> View {
        self.dst.view()
    }

    fn realloc(
        &mut self,
        old: u64,
        old_size: u64,
        align: u32,
        new_size: u64,
    ) -> Result<u64, Trapped> {
        match &self.dst {
            Side::Guest(guest) => guest.realloc(old, old_size, align, new_size),
            Side::Arena(arena) => arena.realloc(old, old_size, align, new_size),
            Side::Host => Err(no_table()),
        }
    }

    fn own(&mut self, _: &ResourceType, _: u32) -> Result<u32, Trapped> {
        Err(no_table())
    }

    fn borrow(&mut self, _: &ResourceType, _: u32) -> Result<u32, Trapped> {
        Err(no_table())
    }

    fn stream(&mut self, _: Option<&Type>, _: u32) -> Result<u32, Trapped> {
        Err(no_table())
    }

    fn future(&mut self, _: Option<&Type>, _: u32) -> Result<u32, Trapped> {
        Err(no_table())
    }

    fn error_context(&mut self, _: u32) -> Result<u32, Trapped> {
        Err(no_table())
    }
}

/// [`plan`] lets no type with handles through, and only an arena receives for the host.
#[cold]
fn no_table() -> Trapped {
    Trap::Internal("a copy without a store met a handle".into()).into()
}

/// The plan for values of `ty`, which may not hold handles.
fn plan(ty: &Type, src: Format, dst: Format) -> Result<Arc<Plan>> {
    // A host that makes types without end must not find them all kept here.
    const MAX_PLANS: usize = 256;
    thread_local! {
        static PLANS: PlanCache = PlanCache::default();
    }
    if ty.info().holds_handles() {
        let message =
            format!("values of type {ty} hold handles, which only mean something in a store");
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    Ok(PLANS.with(|plans| {
        if plans.len() >= MAX_PLANS {
            plans.clear();
        }
        plans.get(ty, src, dst)
    }))
}
