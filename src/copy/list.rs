//! Lists.

use super::bulk::convert;
use super::exec::{
    Exec, canonicalize_nan32, canonicalize_nan64, copy_bools, copy_chars, copy_enums, copy_flags,
    invalid_discriminant,
};
use super::plan::{List, Op};
use crate::error::{PathSegment, Trapped};

impl Exec<'_> {
    /// `load_list`, `store_list` and `store_list_into_range`: copies a list of the source's to new
    /// memory of the destination's and answers where that is. An empty list asks for memory too.
    pub(super) fn copy_list(&mut self, list: &List, src: u64, length: u64) -> Result<u64, Trapped> {
        self.load_list_from_range(list, src, length)?;
        let dst = self.allocate(list.dst_align, length * u64::from(list.dst_size))?;
        self.in_memory(|exec| {
            let sizes = (list.src_size, list.dst_size);
            // SAFETY: the source's range was checked, and the destination's with what `realloc`
            // answered.
            unsafe { exec.copy_elements(&list.op, src, dst, length, sizes) }
        })?;
        Ok(dst)
    }

    /// `load_list_from_valid_range`, `store_list_into_valid_range`: copies values that lie one after
    /// the other; `sizes` are what one takes on each side.
    ///
    /// # Safety
    /// Both places have room for `count` values of the type that `op` was compiled from.
    pub(super) unsafe fn copy_elements(
        &mut self,
        op: &Op,
        src: u64,
        dst: u64,
        count: u64,
        sizes: (u32, u32),
    ) -> Result<(), Trapped> {
        let (from, to, n) = (self.src_at(src), self.dst_at(dst), count as usize);
        // SAFETY: the caller's promise, in each arm: `from` is readable and `to` writable for
        // `count` values of the op's type.
        let done = unsafe {
            match op {
                Op::Bytes(size) => {
                    to.copy_from(from, n * *size as usize);
                    Ok(())
                }
                Op::Masked(size, mask) => {
                    mask.copy(from, to, n * *size as usize);
                    Ok(())
                }
                Op::Bool => {
                    copy_bools(from, to, n);
                    Ok(())
                }
                Op::F32 => {
                    convert(from, to, n, canonicalize_nan32);
                    Ok(())
                }
                Op::F64 => {
                    convert(from, to, n, canonicalize_nan64);
                    Ok(())
                }
                Op::Flags { size, mask } => {
                    copy_flags(from, to, n, *size, *mask);
                    Ok(())
                }
                Op::Char => copy_chars(from, to, n),
                Op::Enum { size, cases } => copy_enums(from, to, n, *size, *cases),
                Op::Tagged(tagged) => tagged
                    .copy(from, to, n)
                    .map_err(|(at, value)| (at, invalid_discriminant(value, tagged.cases()))),
                _ => self.copy_one_by_one(op, src, dst, count, sizes),
            }
        };
        done.map_err(|(index, trap)| trap.at(PathSegment::Element(index)))
    }

    /// # Safety
    /// As for [`Exec::copy_elements`].
    unsafe fn copy_one_by_one(
        &mut self,
        op: &Op,
        src: u64,
        dst: u64,
        count: u64,
        (src_size, dst_size): (u32, u32),
    ) -> Result<(), (u64, Trapped)> {
        let (mut src, mut dst) = (src, dst);
        for index in 0..count {
            // SAFETY: `index` is below `count`.
            unsafe { self.copy(op, src, dst) }.map_err(|trap| (index, trap))?;
            src += u64::from(src_size);
            dst += u64::from(dst_size);
        }
        Ok(())
    }
}
