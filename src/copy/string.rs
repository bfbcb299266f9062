//! Strings, in every pair of encodings, with the specification's sequence of `realloc` calls.

use super::StringEncoding;
use super::exec::Exec;
use super::load::{Simple, SrcString, invalid_utf8, utf16_tag};
use crate::error::Trapped;
use crate::memory::place;
use encoding_rs::mem;
use std::borrow::Cow;

impl Exec<'_> {
    /// `load_string`, `store_string`: copies a string of the source's to new memory of the
    /// destination's, from pointer and tagged code units on one side to the same on the other.
    pub(super) fn copy_string(
        &mut self,
        ptr: u64,
        tagged_code_units: u64,
    ) -> Result<(u64, u64), Trapped> {
        let string = self.load_string_from_range(ptr, tagged_code_units)?;
        self.store_string_into_range(&string)
    }

    fn store_string_into_range(&mut self, src: &SrcString) -> Result<(u64, u64), Trapped> {
        match (self.dst_format.encoding, src.encoding) {
            (StringEncoding::Utf8, Simple::Utf8) => self.store_string_copy(src, 1, 1),
            (StringEncoding::Utf8, Simple::Utf16) => self.store_utf16_to_utf8(src),
            (StringEncoding::Utf8, Simple::Latin1) => self.store_latin1_to_utf8(src),
            (StringEncoding::Utf16, Simple::Utf8) => self.store_utf8_to_utf16(src),
            (StringEncoding::Utf16, Simple::Utf16) => self.store_string_copy(src, 2, 2),
            (StringEncoding::Utf16, Simple::Latin1) => self.store_latin1_to_utf16(src),
            (StringEncoding::Latin1Utf16, Simple::Latin1) => self.store_string_copy(src, 1, 2),
            // On its way to another guest, which will want to know.
            (StringEncoding::Latin1Utf16, Simple::Utf16) if self.dst_format.host => {
                let (ptr, code_units) = self.store_string_copy(src, 2, 2)?;
                Ok((ptr, code_units | utf16_tag(self.dst_format.addr)))
            }
            (StringEncoding::Latin1Utf16, Simple::Utf16)
                if self.src_format.encoding == StringEncoding::Latin1Utf16 =>
            {
                self.store_probably_utf16_to_latin1_or_utf16(src)
            }
            (StringEncoding::Latin1Utf16, _) => self.store_string_to_latin1_or_utf16(src),
        }
    }

    /// Between the same encodings: the bytes as they are.
    fn store_string_copy(
        &mut self,
        src: &SrcString,
        unit: u64,
        align: u32,
    ) -> Result<(u64, u64), Trapped> {
        let code_units = src.code_units as u64;
        let ptr = self.allocate(align, unit * code_units)?;
        let from = place(self.src.base, src.ptr);
        let to = place(self.dst.base, ptr);
        // SAFETY: the string lies within the source's memory, and what was allocated within the
        // destination's.
        unsafe { to.copy_from(from, (unit * code_units) as usize) };
        Ok((ptr, code_units))
    }

    fn store_latin1_to_utf16(&mut self, src: &SrcString) -> Result<(u64, u64), Trapped> {
        let code_units = src.code_units as u64;
        let ptr = self.allocate(2, 2 * code_units)?;
        self.transcode(src, ptr, src.code_units, mem::convert_latin1_to_utf16);
        Ok((ptr, code_units))
    }

    fn store_utf16_to_utf8(&mut self, src: &SrcString) -> Result<(u64, u64), Trapped> {
        self.store_string_to_utf8::<u16>(
            src,
            3 * src.code_units,
            mem::copy_basic_latin_to_ascii,
            mem::convert_utf16_to_utf8,
        )
    }

    fn store_latin1_to_utf8(&mut self, src: &SrcString) -> Result<(u64, u64), Trapped> {
        self.store_string_to_utf8::<u8>(
            src,
            2 * src.code_units,
            mem::copy_ascii_to_ascii,
            mem::convert_latin1_to_utf8,
        )
    }

    /// As long as the string is ASCII, one byte for each code unit; then the worst case.
    fn store_string_to_utf8<T: Copy>(
        &mut self,
        src: &SrcString,
        worst_case_size: usize,
        copy_ascii: fn(&[T], &mut [u8]) -> usize,
        convert: fn(&[T], &mut [u8]) -> usize,
    ) -> Result<(u64, u64), Trapped> {
        let code_units = src.code_units as u64;
        let ptr = self.allocate(1, code_units)?;
        let ascii = self.transcode(src, ptr, src.code_units, copy_ascii);
        if ascii == src.code_units {
            return Ok((ptr, code_units));
        }
        let worst_case = worst_case_size as u64;
        let mut ptr = self.reallocate(ptr, code_units, 1, worst_case)?;
        // `realloc` kept the ASCII part.
        let size = ascii
            + self.transcode(src, ptr, worst_case_size, |src: &[T], dst: &mut [u8]| {
                convert(&src[ascii..], &mut dst[ascii..])
            });
        if size < worst_case_size {
            ptr = self.reallocate(ptr, worst_case, 1, size as u64)?;
        }
        Ok((ptr, size as u64))
    }

    fn store_utf8_to_utf16(&mut self, src: &SrcString) -> Result<(u64, u64), Trapped> {
        let worst_case = 2 * src.code_units as u64;
        let mut ptr = self.allocate(2, worst_case)?;
        let code_units = self.transcode(src, ptr, src.code_units, utf8_to_utf16)?;
        if 2 * code_units < worst_case {
            ptr = self.reallocate(ptr, worst_case, 2, 2 * code_units)?;
        }
        Ok((ptr, code_units))
    }

    /// As long as no character is above U+00FF, one byte for each; then two for each code unit.
    fn store_string_to_latin1_or_utf16(&mut self, src: &SrcString) -> Result<(u64, u64), Trapped> {
        let code_units = src.code_units as u64;
        let mut ptr = self.allocate(2, code_units)?;
        let latin1 = match src.encoding {
            Simple::Utf8 => self.transcode(src, ptr, src.code_units, utf8_to_latin1),
            _ => self.transcode(src, ptr, src.code_units, utf16_to_latin1),
        };
        if let Some(size) = latin1 {
            if size < code_units {
                ptr = self.reallocate(ptr, code_units, 2, size)?;
            }
            return Ok((ptr, size));
        }
        let worst_case = 2 * code_units;
        let mut ptr = self.reallocate(ptr, code_units, 2, worst_case)?;
        let encoded = match src.encoding {
            Simple::Utf8 => self.transcode(src, ptr, src.code_units, utf8_to_utf16)?,
            _ => self.transcode(src, ptr, src.code_units, copy_utf16),
        };
        if 2 * encoded < worst_case {
            ptr = self.reallocate(ptr, worst_case, 2, 2 * encoded)?;
        }
        Ok((ptr, encoded | utf16_tag(self.dst_format.addr)))
    }

    /// Memory for UTF-16 at once; what turns out to be Latin-1 gives half of it back.
    fn store_probably_utf16_to_latin1_or_utf16(
        &mut self,
        src: &SrcString,
    ) -> Result<(u64, u64), Trapped> {
        let code_units = src.code_units as u64;
        let ptr = self.allocate(2, 2 * code_units)?;
        if self.transcode(src, ptr, src.code_units, utf16_to_latin1).is_none() {
            self.transcode(src, ptr, src.code_units, copy_utf16);
            return Ok((ptr, code_units | utf16_tag(self.dst_format.addr)));
        }
        let ptr = self.reallocate(ptr, 2 * code_units, 1, code_units)?;
        Ok((ptr, code_units))
    }

    /// Runs `convert` from the string's code units to `room` code units at `ptr`, which is what was
    /// allocated for them.
    fn transcode<S: Copy, D, R>(
        &self,
        src: &SrcString,
        ptr: u64,
        room: usize,
        convert: impl FnOnce(&[S], &mut [D]) -> R,
    ) -> R {
        let to = place(self.dst.base, ptr).cast::<D>();
        // SAFETY: `load_string_from_range` found the string in the source's memory.
        let units = unsafe { self.src_units::<S>(src) };
        let from = units.as_ptr_range();
        let disjoint =
            from.end.addr() <= to.addr() || to.wrapping_add(room).addr() <= from.start.addr();
        // A host may pass a pointer into the memory of the guest whose `realloc` answered nonsense.
        let units = if disjoint { Cow::Borrowed(units) } else { Cow::Owned(units.to_vec()) };
        if room == 0 {
            return convert(&units, &mut []);
        }
        // SAFETY: `realloc`'s answer was checked to lie within the destination's memory and to be
        // aligned; memory begins at a multiple of 8. Nothing else uses it during the call of
        // `convert`, and the source's units are elsewhere.
        convert(&units, unsafe { std::slice::from_raw_parts_mut(to, room) })
    }
}

/// How many code units were written. Fails if the string changed since it was checked.
fn utf8_to_utf16(src: &[u8], dst: &mut [u16]) -> Result<u64, Trapped> {
    match mem::convert_utf8_to_utf16_without_replacement(src, dst) {
        Some(code_units) => Ok(code_units as u64),
        None => Err(invalid_utf8(src)),
    }
}

/// How many bytes were written, if all characters are up to U+00FF.
fn utf8_to_latin1(src: &[u8], dst: &mut [u8]) -> Option<u64> {
    mem::is_utf8_latin1(src).then(|| mem::convert_utf8_to_latin1_lossy(src, dst) as u64)
}

/// How many bytes were written, if all characters are up to U+00FF.
fn utf16_to_latin1(src: &[u16], dst: &mut [u8]) -> Option<u64> {
    mem::is_utf16_latin1(src).then(|| {
        mem::convert_utf16_to_latin1_lossy(src, dst);
        src.len() as u64
    })
}

fn copy_utf16(src: &[u16], dst: &mut [u16]) -> u64 {
    dst.copy_from_slice(src);
    src.len() as u64
}
