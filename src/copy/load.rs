//! The source's side: what loading and lifting check.

use super::StringEncoding;
use super::exec::Exec;
use super::plan::List;
use crate::core_types::AddrType;
use crate::error::{Trap, Trapped};
use crate::memory::place;
use crate::types::Type;
use crate::types::layout::{MAX_LIST_BYTE_LENGTH, MAX_STRING_BYTE_LENGTH};
use encoding_rs::mem::utf16_valid_up_to;

/// The specification's `utf16_tag`.
pub(super) const fn utf16_tag(addr: AddrType) -> u64 {
    1 << (addr.ptr_size() * 8 - 1)
}

/// How the code units of a source string are to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Simple {
    Utf8,
    Utf16,
    Latin1,
}

/// A valid string in the source's memory.
#[derive(Clone, Copy)]
pub(super) struct SrcString {
    pub(super) encoding: Simple,
    pub(super) ptr: u64,
    pub(super) code_units: usize,
}

impl Exec<'_> {
    /// Whether `count` values of type `ty` lie at `ptr` in the source's memory.
    pub(super) fn check_src(&mut self, ty: &Type, ptr: u64, count: u64) -> Result<(), Trapped> {
        let info = ty.info();
        let size = count.saturating_mul(info.size(self.src_format.addr).into());
        self.src.range(ptr, size, info.align(self.src_format.addr))?;
        self.spend(0, size)
    }

    /// The pair that stands for a string or list.
    ///
    /// # Safety
    /// The place has room for two pointers.
    #[inline(always)]
    pub(super) unsafe fn load_ptr_len(&self, place: u64) -> (u64, u64) {
        let at = self.src_at(place);
        // SAFETY: the caller's promise, in each arm.
        unsafe {
            match self.src_format.addr {
                AddrType::I32 => {
                    let [ptr, len] = at.cast::<[u32; 2]>().read_unaligned();
                    (ptr.into(), len.into())
                }
                AddrType::I64 => {
                    let [ptr, len] = at.cast::<[u64; 2]>().read_unaligned();
                    (ptr, len)
                }
            }
        }
    }

    /// Finds a string and checks that it is one.
    pub(super) fn load_string_from_range(
        &mut self,
        ptr: u64,
        tagged_code_units: u64,
    ) -> Result<SrcString, Trapped> {
        let tag = utf16_tag(self.src_format.addr);
        let (encoding, align, code_units) = match self.src_format.encoding {
            StringEncoding::Utf8 => (Simple::Utf8, 1, tagged_code_units),
            StringEncoding::Utf16 => (Simple::Utf16, 2, tagged_code_units),
            StringEncoding::Latin1Utf16 if tagged_code_units & tag != 0 => {
                (Simple::Utf16, 2, tagged_code_units ^ tag)
            }
            StringEncoding::Latin1Utf16 => (Simple::Latin1, 2, tagged_code_units),
        };
        let unit = if encoding == Simple::Utf16 { 2 } else { 1 };
        let len = code_units.saturating_mul(unit);
        if len > MAX_STRING_BYTE_LENGTH {
            return Err(Trap::StringTooLong { len, max: MAX_STRING_BYTE_LENGTH }.into());
        }
        self.src.range(ptr, len, align)?;
        self.spend(1, len)?;
        let string = SrcString { encoding, ptr, code_units: code_units as usize };
        // SAFETY: the range was just checked.
        unsafe { self.validate(&string)? };
        Ok(string)
    }

    /// # Safety
    /// The string lies within the source's memory.
    unsafe fn validate(&self, string: &SrcString) -> Result<(), Trapped> {
        match string.encoding {
            Simple::Latin1 => Ok(()),
            Simple::Utf8 => {
                // SAFETY: the caller's promise.
                let bytes = unsafe { self.src_units::<u8>(string) };
                match simdutf8::basic::from_utf8(bytes) {
                    Ok(_) => Ok(()),
                    Err(_) => Err(invalid_utf8(bytes)),
                }
            }
            Simple::Utf16 => {
                // SAFETY: the caller's promise.
                let units = unsafe { self.src_units::<u16>(string) };
                let at = utf16_valid_up_to(units);
                if at == units.len() {
                    Ok(())
                } else {
                    Err(Trap::InvalidUtf16 { at: at as u64 }.into())
                }
            }
        }
    }

    /// The code units of a string. Not to be held across a `realloc`.
    ///
    /// # Safety
    /// The string lies within the source's memory and has units of this size.
    pub(super) unsafe fn src_units<'s, T>(&self, string: &SrcString) -> &'s [T] {
        if string.code_units == 0 {
            return &[];
        }
        let ptr = place(self.src.base, string.ptr).cast();
        // SAFETY: the caller's promise; the pointer is aligned as `load_string_from_range` checked
        // the offset and a memory begins at a multiple of 8.
        unsafe { std::slice::from_raw_parts(ptr, string.code_units) }
    }

    /// Checks that the elements of a list lie within the source's memory.
    pub(super) fn load_list_from_range(
        &mut self,
        list: &List,
        ptr: u64,
        length: u64,
    ) -> Result<(), Trapped> {
        let len = length.saturating_mul(list.src_size.into());
        if len > MAX_LIST_BYTE_LENGTH {
            return Err(Trap::ListTooLong { len, max: MAX_LIST_BYTE_LENGTH }.into());
        }
        self.src.range(ptr, len, list.src_align)?;
        self.spend(if list.op.is_bulk() { 0 } else { length }, len)
    }
}

#[cold]
pub(super) fn invalid_utf8(bytes: &[u8]) -> Trapped {
    let at = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    Trap::InvalidUtf8 { at: at as u64 }.into()
}
