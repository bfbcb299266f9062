//! Running a plan.

use super::bulk::{check, convert, copy_bytes};
use super::plan::{Op, Plan, Step, Variant};
use super::{Context, Format};
use crate::error::{PathSegment, Trap, Trapped};
use crate::memory::{self, View};
use crate::types::{Kind, Type};
use std::sync::Arc;

impl Plan {
    /// Copies the value at `src_ptr` in the source's memory to `dst_ptr` in the destination's: `load`
    /// and `store` of the reference at once.
    ///
    /// Both pointers are checked: [`Trap::Unaligned`], [`Trap::OutOfBounds`].
    pub fn copy(&self, cx: &mut dyn Context, src_ptr: u64, dst_ptr: u64) -> Result<(), Trapped> {
        self.copy_elements(cx, src_ptr, dst_ptr, 1)
    }

    /// Copies `count` values that lie one after the other, as the payload of a stream does.
    ///
    /// Both pointers are checked: [`Trap::Unaligned`], [`Trap::OutOfBounds`]. Messages name an
    /// element's index only where `count` is not 1.
    pub fn copy_elements(
        &self,
        cx: &mut dyn Context,
        src_ptr: u64,
        dst_ptr: u64,
        count: u64,
    ) -> Result<(), Trapped> {
        let mut exec = Exec::new(cx, self);
        exec.check_src(&self.ty, src_ptr, count)?;
        exec.check_dst(&self.ty, dst_ptr, count)?;
        if count == 1 {
            // SAFETY: both ranges were just checked.
            unsafe { exec.copy(&self.op, src_ptr, dst_ptr)? }
        } else {
            let sizes = (self.ty.info().size(self.src.addr), self.ty.info().size(self.dst.addr));
            exec.spend(if self.op.is_bulk() { 0 } else { count }, 0)?;
            // SAFETY: both ranges were just checked.
            unsafe { exec.copy_elements(&self.op, src_ptr, dst_ptr, count, sizes)? }
        }
        exec.spend_rest()
    }
}

/// A plan at work.
///
/// A *place* is where a value lies on one side: an offset from `src_base` or `dst_base`. That is the
/// memory, so that a place stays right when the memory moves, or a scratch for the outermost level
/// of a value that is passed as core values. The unsafe functions ask that the places they are given
/// have room for the value: within the memory as `src` and `dst` describe it, or within the scratch.
pub(super) struct Exec<'a> {
    pub(super) cx: &'a mut dyn Context,
    pub(super) src_format: Format,
    pub(super) dst_format: Format,
    pub(super) src: View,
    pub(super) dst: View,
    pub(super) src_base: *mut u8,
    pub(super) dst_base: *mut u8,
    /// Work that [`Context::spend`] was not told of yet.
    work: u64,
}

/// Work that is not told of: a call is charged with as much, whatever it copies.
const WORK_OF_A_CALL: u64 = 16;

/// How much work is told of at once: asking for each string would cost more than the string.
const WORK_AT_ONCE: u64 = 1 << 10;

impl<'a> Exec<'a> {
    pub(super) fn new(cx: &'a mut dyn Context, plan: &Plan) -> Self {
        let (src, dst) = (cx.src_memory(), cx.dst_memory());
        Exec {
            cx,
            src_format: plan.src,
            dst_format: plan.dst,
            src,
            dst,
            src_base: src.base,
            dst_base: dst.base,
            work: 0,
        }
    }

    /// Counts the work of copying `elements` of `bytes` in all, which is about to be done.
    #[inline]
    pub(super) fn spend(&mut self, elements: u64, bytes: u64) -> Result<(), Trapped> {
        self.work += elements + bytes / 64;
        if self.work < WORK_AT_ONCE { Ok(()) } else { self.spend_rest() }
    }

    /// Tells of the work that was counted, if it is more than goes with any call.
    #[inline]
    pub(super) fn spend_rest(&mut self) -> Result<(), Trapped> {
        match std::mem::take(&mut self.work) {
            0..=WORK_OF_A_CALL => Ok(()),
            work => self.cx.spend(work),
        }
    }

    /// The address of a place in the source.
    #[inline(always)]
    pub(super) fn src_at(&self, place: u64) -> *const u8 {
        memory::place(self.src_base, place)
    }

    /// The address of a place in the destination.
    #[inline(always)]
    pub(super) fn dst_at(&self, place: u64) -> *mut u8 {
        memory::place(self.dst_base, place)
    }

    /// Runs `body` with places that are offsets into the memories on both sides.
    pub(super) fn in_memory<R>(&mut self, body: impl FnOnce(&mut Self) -> R) -> R {
        let src_scratch = (self.src_base != self.src.base).then_some(self.src_base);
        let dst_scratch = (self.dst_base != self.dst.base).then_some(self.dst_base);
        (self.src_base, self.dst_base) = (self.src.base, self.dst.base);
        let answer = body(self);
        self.src_base = src_scratch.unwrap_or(self.src.base);
        self.dst_base = dst_scratch.unwrap_or(self.dst.base);
        answer
    }

    /// Copies the value at one place to another.
    ///
    /// # Safety
    /// Both places have room for a value of the type that `op` was compiled from.
    pub(super) unsafe fn copy(&mut self, op: &Op, src: u64, dst: u64) -> Result<(), Trapped> {
        let (from, to) = (self.src_at(src), self.dst_at(dst));
        // SAFETY: the caller's promise, in each arm: `from` is readable and `to` writable for the
        // size of the op's type, and the parts of a value have room where the value has.
        unsafe {
            match op {
                Op::Bytes(size) => copy_bytes(from, to, *size as usize),
                Op::Masked(size, mask) => mask.copy(from, to, *size as usize),
                Op::Bool => copy_bools(from, to, 1),
                Op::Char => copy_chars(from, to, 1).map_err(|(_, trap)| trap)?,
                Op::F32 => convert(from, to, 1, canonicalize_nan32),
                Op::F64 => convert(from, to, 1, canonicalize_nan64),
                Op::Enum { size, cases } => {
                    copy_enums(from, to, 1, *size, *cases).map_err(|(_, trap)| trap)?;
                }
                Op::Flags { size, mask } => copy_flags(from, to, 1, *size, *mask),
                Op::Tagged(tagged) => tagged
                    .copy(from, to, 1)
                    .map_err(|(_, value)| invalid_discriminant(value, tagged.cases()))?,
                Op::Record(steps) => self.copy_record(steps, src, dst)?,
                Op::FixedList(list, count) => {
                    let sizes = (list.src_size, list.dst_size);
                    self.copy_elements(&list.op, src, dst, (*count).into(), sizes)?;
                }
                Op::Variant(variant) => self.copy_variant(variant, src, dst)?,
                Op::String => {
                    let (ptr, code_units) = self.load_ptr_len(src);
                    let (ptr, code_units) = self.copy_string(ptr, code_units)?;
                    self.store_ptr_len(dst, ptr, code_units);
                }
                Op::List(list) => {
                    let (ptr, length) = self.load_ptr_len(src);
                    let ptr = self.copy_list(list, ptr, length)?;
                    self.store_ptr_len(dst, ptr, length);
                }
                Op::Own(_) | Op::Borrow(_) | Op::Stream(_) | Op::Future(_) | Op::ErrorContext => {
                    let handle = from.cast::<u32>().read_unaligned();
                    let handle = self.copy_handle(op, handle)?;
                    self.dst_at(dst).cast::<u32>().write_unaligned(handle);
                }
            }
        }
        Ok(())
    }

    /// `load_record`, `store_record`.
    ///
    /// # Safety
    /// As for [`Exec::copy`].
    unsafe fn copy_record(&mut self, steps: &[Step], src: u64, dst: u64) -> Result<(), Trapped> {
        for step in steps {
            let (src, dst) = (src + u64::from(step.src), dst + u64::from(step.dst));
            // SAFETY: a part lies within the record.
            unsafe { self.copy(&step.op, src, dst) }.map_err(|trap| step.locate(trap))?;
        }
        Ok(())
    }

    /// `load_variant`, `store_variant`.
    ///
    /// # Safety
    /// As for [`Exec::copy`].
    unsafe fn copy_variant(
        &mut self,
        variant: &Variant,
        src: u64,
        dst: u64,
    ) -> Result<(), Trapped> {
        let size = variant.discriminant_size;
        // SAFETY: the discriminant is at the beginning of the variant.
        let case = unsafe { load_int(self.src_at(src), size) };
        let Some(payload) = variant.cases.get(case as usize) else {
            return Err(invalid_discriminant(case, variant.cases.len() as u32));
        };
        // SAFETY: as above.
        unsafe { store_int(self.dst_at(dst), size, case) };
        if let Some(op) = payload {
            let src = src + u64::from(variant.src_payload);
            let dst = dst + u64::from(variant.dst_payload);
            // SAFETY: a payload lies within the variant.
            unsafe { self.copy(op, src, dst) }
                .map_err(|trap| trap.at(PathSegment::Case(case_name(&variant.ty, case))))?;
        }
        Ok(())
    }

    fn copy_handle(&mut self, op: &Op, handle: u32) -> Result<u32, Trapped> {
        match op {
            Op::Own(resource) => self.cx.own(resource, handle),
            Op::Borrow(resource) => self.cx.borrow(resource, handle),
            Op::Stream(element) => self.cx.stream(element.as_ref(), handle),
            Op::Future(element) => self.cx.future(element.as_ref(), handle),
            _ => self.cx.error_context(handle),
        }
    }
}

impl Step {
    #[cold]
    fn locate(&self, trap: Trapped) -> Trapped {
        self.path.iter().rev().fold(trap, |trap, segment| trap.at(segment.clone()))
    }
}

/// The name of a case of a variant, option or result.
#[cold]
pub(super) fn case_name(ty: &Type, case: u32) -> Arc<str> {
    match ty.kind() {
        Kind::Variant(cases) => cases[case as usize].name.clone(),
        Kind::Enum(labels) => labels[case as usize].clone(),
        Kind::Option(_) => ["none", "some"][case as usize].into(),
        _ => ["ok", "error"][case as usize].into(),
    }
}

#[cold]
pub(super) fn invalid_discriminant(value: u32, cases: u32) -> Trapped {
    Trap::InvalidDiscriminant { value, cases }.into()
}

/// An unsigned integer of `size` bytes: 1, 2 or 4.
///
/// # Safety
/// `ptr` is readable for `size` bytes.
#[inline(always)]
pub(super) unsafe fn load_int(ptr: *const u8, size: u32) -> u32 {
    // SAFETY: the caller's promise, in each arm.
    unsafe {
        match size {
            1 => ptr.read().into(),
            2 => ptr.cast::<u16>().read_unaligned().into(),
            _ => ptr.cast::<u32>().read_unaligned(),
        }
    }
}

/// Stores the low `size` bytes of an integer: 1, 2 or 4.
///
/// # Safety
/// `ptr` is writable for `size` bytes.
#[inline(always)]
pub(super) unsafe fn store_int(ptr: *mut u8, size: u32, value: u32) {
    // SAFETY: the caller's promise, in each arm.
    unsafe {
        match size {
            1 => ptr.write(value as u8),
            2 => ptr.cast::<u16>().write_unaligned(value as u16),
            _ => ptr.cast::<u32>().write_unaligned(value),
        }
    }
}

/// The bits of a float, of the canonical NaN where they are those of a NaN.
pub(super) fn canonicalize_nan32(bits: u32) -> u32 {
    if f32::from_bits(bits).is_nan() { 0x7fc0_0000 } else { bits }
}

/// The bits of a float, of the canonical NaN where they are those of a NaN.
pub(super) fn canonicalize_nan64(bits: u64) -> u64 {
    if f64::from_bits(bits).is_nan() { 0x7ff8_0000_0000_0000 } else { bits }
}

/// `convert_int_to_bool`, for each byte.
///
/// # Safety
/// `src` is readable and `dst` is writable for `count` bytes.
pub(super) unsafe fn copy_bools(src: *const u8, dst: *mut u8, count: usize) {
    // SAFETY: the caller's promise.
    unsafe { convert::<u8>(src, dst, count, |byte| (byte != 0).into()) }
}

/// Copies characters; fails with the index of the first that is none (`convert_i32_to_char`).
///
/// # Safety
/// `src` is readable and `dst` is writable for `count` times 4 bytes.
pub(super) unsafe fn copy_chars(
    src: *const u8,
    dst: *mut u8,
    count: usize,
) -> Result<(), (u64, Trapped)> {
    // Surrogates and what is above U+10FFFF, both at the upper end.
    let is_char = |value: u32| (value ^ 0xd800).wrapping_sub(0x800) < 0x11_0000 - 0x800;
    // SAFETY: the caller's promise.
    unsafe { check(src, dst, count, |value: u32| (value, is_char(value))) }
        .map_err(|(at, value)| (at, Trap::InvalidChar { value }.into()))
}

/// Copies discriminants of `size` bytes; fails with the index of the first that is no case.
///
/// # Safety
/// `src` is readable and `dst` is writable for `count` times `size` bytes.
pub(super) unsafe fn copy_enums(
    src: *const u8,
    dst: *mut u8,
    count: usize,
    size: u32,
    cases: u32,
) -> Result<(), (u64, Trapped)> {
    // SAFETY: the caller's promise, in each arm.
    unsafe {
        match size {
            1 => copy_enums_of::<u8>(src, dst, count, cases),
            2 => copy_enums_of::<u16>(src, dst, count, cases),
            _ => copy_enums_of::<u32>(src, dst, count, cases),
        }
    }
}

/// # Safety
/// `src` is readable and `dst` is writable for `count` elements.
unsafe fn copy_enums_of<T: Copy + Into<u32>>(
    src: *const u8,
    dst: *mut u8,
    count: usize,
    cases: u32,
) -> Result<(), (u64, Trapped)> {
    // SAFETY: the caller's promise.
    unsafe { check(src, dst, count, |value: T| (value, value.into() < cases)) }
        .map_err(|(at, value)| (at, invalid_discriminant(value.into(), cases)))
}

/// `load_flags`, `store_flags`: copies flags of `size` bytes without the bits that have no label.
///
/// # Safety
/// `src` is readable and `dst` is writable for `count` times `size` bytes.
pub(super) unsafe fn copy_flags(src: *const u8, dst: *mut u8, count: usize, size: u32, mask: u32) {
    // SAFETY: the caller's promise, in each arm.
    unsafe {
        match size {
            1 => convert::<u8>(src, dst, count, |bits| bits & mask as u8),
            2 => convert::<u16>(src, dst, count, |bits| bits & mask as u16),
            _ => convert::<u32>(src, dst, count, |bits| bits & mask),
        }
    }
}
