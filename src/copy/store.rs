//! The destination's side: what storing and lowering allocate and check.

use super::exec::Exec;
use crate::core_types::AddrType;
use crate::error::{Trap, Trapped};
use crate::memory::View;
use crate::types::Type;

impl Exec<'_> {
    /// Whether there is room for `count` values of type `ty` at `ptr` in the destination's memory.
    pub(super) fn check_dst(&self, ty: &Type, ptr: u64, count: u64) -> Result<(), Trapped> {
        let info = ty.info();
        let size = count.saturating_mul(info.size(self.dst_format.addr).into());
        self.dst.range(ptr, size, info.align(self.dst_format.addr)).map(drop)
    }

    /// The pair that stands for a string or list.
    ///
    /// # Safety
    /// The place has room for two pointers.
    #[inline(always)]
    pub(super) unsafe fn store_ptr_len(&self, place: u64, ptr: u64, len: u64) {
        let at = self.dst_at(place);
        // SAFETY: the caller's promise, in each arm.
        unsafe {
            match self.dst_format.addr {
                AddrType::I32 => at.cast::<[u32; 2]>().write_unaligned([ptr as u32, len as u32]),
                AddrType::I64 => at.cast::<[u64; 2]>().write_unaligned([ptr, len]),
            }
        }
    }

    /// New memory of the destination's; the specification's `allocate`.
    pub(super) fn allocate(&mut self, align: u32, size: u64) -> Result<u64, Trapped> {
        self.reallocate(0, 0, align, size)
    }

    /// The specification's `reallocate`, and its checks of what the guest answers.
    pub(super) fn reallocate(
        &mut self,
        old: u64,
        old_size: u64,
        align: u32,
        new_size: u64,
    ) -> Result<u64, Trapped> {
        let ptr = self.cx.realloc(old, old_size, align, new_size)?;
        // The host's arena is trusted, and does not run guest code that could move a memory.
        if !self.dst_format.host {
            self.refresh()?;
            self.check_realloc(ptr, align, new_size)?;
        }
        Ok(ptr)
    }

    #[inline]
    fn check_realloc(&self, ptr: u64, align: u32, len: u64) -> Result<(), Trapped> {
        match self.dst.range(ptr, len, align) {
            Ok(_) => Ok(()),
            Err(trap) => Err(match *trap.reason() {
                Trap::Unaligned { .. } => Trap::ReallocUnaligned { ptr, align },
                _ => Trap::ReallocOutOfBounds { ptr, len, memory: self.dst.len as u64 },
            }
            .into()),
        }
    }

    /// Finds both memories again after a call into a guest.
    #[inline]
    fn refresh(&mut self) -> Result<(), Trapped> {
        let (src, dst) = (self.cx.src_memory(), self.cx.dst_memory());
        // What was found to lie within a memory still does.
        if src.len < self.src.len || dst.len < self.dst.len {
            return Err(Trap::Internal("a memory became shorter".into()).into());
        }
        // A side that is in a scratch stays there.
        let moved =
            |base: *mut u8, old: View, new: View| if base == old.base { new.base } else { base };
        self.src_base = moved(self.src_base, self.src, src);
        self.dst_base = moved(self.dst_base, self.dst, dst);
        (self.src, self.dst) = (src, dst);
        Ok(())
    }
}
