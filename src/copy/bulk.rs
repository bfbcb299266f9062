//! Loops over elements that lie one after the other and need no allocation.
//!
//! All of them tolerate unaligned and overlapping places, and hold no references: guest memory may
//! be shared, and a host may pass pointers into it.

use std::ops::BitAnd;

/// Copies `len` bytes; the sizes of scalars without a call.
///
/// # Safety
/// `src` is readable and `dst` is writable for `len` bytes.
#[inline(always)]
pub(super) unsafe fn copy_bytes(src: *const u8, dst: *mut u8, len: usize) {
    // SAFETY: the caller's promise, in each arm.
    unsafe {
        match len {
            1 => dst.write(src.read()),
            2 => dst.cast::<u16>().write_unaligned(src.cast::<u16>().read_unaligned()),
            4 => dst.cast::<u32>().write_unaligned(src.cast::<u32>().read_unaligned()),
            8 => dst.cast::<u64>().write_unaligned(src.cast::<u64>().read_unaligned()),
            16 => dst.cast::<u128>().write_unaligned(src.cast::<u128>().read_unaligned()),
            _ => dst.copy_from(src, len),
        }
    }
}

/// Copies `count` elements, each changed by `convert`, as they were before any was written.
///
/// # Safety
/// `src` is readable and `dst` is writable for `count` elements.
#[inline(always)]
pub(super) unsafe fn convert<T: Copy>(
    src: *const u8,
    dst: *mut u8,
    count: usize,
    convert: impl Fn(T) -> T,
) {
    let (src, dst) = (src.cast::<T>(), dst.cast::<T>());
    let copy = |i| {
        // SAFETY: `i` is below `count`.
        unsafe { dst.add(i).write_unaligned(convert(src.add(i).read_unaligned())) };
    };
    // Within one instance a guest may read from a stream to where it writes to the stream from.
    if dst.addr() > src.addr() && dst.addr() < src.wrapping_add(count).addr() {
        (0..count).rev().for_each(copy);
    } else {
        (0..count).for_each(copy);
    }
}

/// Copies `count` elements as what `check` makes of them, and answers the first that it says is not valid, with its
/// index.
///
/// # Safety
/// `src` is readable and `dst` is writable for `count` elements.
pub(super) unsafe fn check<T: Copy>(
    src: *const u8,
    dst: *mut u8,
    count: usize,
    check: impl Fn(T) -> (T, bool),
) -> Result<(), (u64, T)> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the caller's promise; the processor has AVX2.
        return unsafe { check_avx2(src, dst, count, check) };
    }
    // SAFETY: the caller's promise.
    unsafe { check_blocks(src, dst, count, check) }
}

/// # Safety
/// As for [`check`], and the processor has AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn check_avx2<T: Copy>(
    src: *const u8,
    dst: *mut u8,
    count: usize,
    check: impl Fn(T) -> (T, bool),
) -> Result<(), (u64, T)> {
    // SAFETY: the caller's promise.
    unsafe { check_blocks(src, dst, count, check) }
}

/// # Safety
/// As for [`check`].
#[inline(always)]
unsafe fn check_blocks<T: Copy>(
    src: *const u8,
    dst: *mut u8,
    count: usize,
    check: impl Fn(T) -> (T, bool),
) -> Result<(), (u64, T)> {
    // Long enough for the branch not to matter, short enough to stay in the nearest cache.
    const BLOCK: usize = 1024;
    let (src, dst) = (src.cast::<T>(), dst.cast::<T>());
    let mut start = 0;
    while start < count {
        let end = count.min(start + BLOCK);
        let mut all_valid = true;
        for i in start..end {
            // SAFETY: `i` is below `count`.
            let (value, is_valid) = check(unsafe { src.add(i).read_unaligned() });
            all_valid &= is_valid;
            // SAFETY: as above. What is written is what was checked.
            unsafe { dst.add(i).write_unaligned(value) };
        }
        if !all_valid {
            return Err(
                // SAFETY: the block is within `count`.
                unsafe { first_invalid(src, start..end, check) },
            );
        }
        start = end;
    }
    Ok(())
}

/// # Safety
/// `src` is readable in the whole range, which is not empty.
#[cold]
unsafe fn first_invalid<T: Copy>(
    src: *const T,
    range: std::ops::Range<usize>,
    check: impl Fn(T) -> (T, bool),
) -> (u64, T) {
    // SAFETY: the caller's promise, in both places.
    let value = |i: usize| unsafe { src.add(i).read_unaligned() };
    let invalid = range.clone().find(|i| !check(value(*i)).1);
    // Without one, a guest writes to its memory from another thread.
    let at = invalid.unwrap_or(range.start);
    (at as u64, value(at))
}

/// Which bytes of a repeating pattern are not padding.
pub(super) struct Mask {
    /// The pattern over and over, in vectors of 32 bytes: as many as it takes to end where an
    /// element ends.
    vectors: Box<[[u64; 4]]>,
}

impl Mask {
    /// The largest element that gets a mask, in bytes.
    pub(super) const MAX: u32 = 256;

    /// The mask of elements of which the bytes that are `0xff` in `pattern` mean something.
    pub(super) fn new(pattern: &[u8]) -> Mask {
        let period = pattern.len() << (5 - pattern.len().trailing_zeros().min(5));
        let bytes: Vec<u8> = pattern.iter().copied().cycle().take(period).collect();
        let vectors = bytes.chunks_exact(32).map(|vector| {
            let word = |i: usize| u64::from_le_bytes(std::array::from_fn(|j| vector[i * 8 + j]));
            [word(0), word(1), word(2), word(3)]
        });
        Mask { vectors: vectors.collect() }
    }

    /// Copies `len` bytes, and zeros in place of padding.
    ///
    /// # Safety
    /// `src` is readable and `dst` is writable for `len` bytes.
    pub(super) unsafe fn copy(&self, src: *const u8, dst: *mut u8, len: usize) {
        let period = self.vectors.len() * 32;
        let mut at = 0;
        while len - at >= period {
            for mask in &self.vectors {
                // SAFETY: the vectors are `period` bytes, and that many are left.
                unsafe {
                    let value = src.add(at).cast::<[u64; 4]>().read_unaligned();
                    let value = std::array::from_fn::<u64, 4, _>(|i| value[i] & mask[i]);
                    dst.add(at).cast::<[u64; 4]>().write_unaligned(value);
                }
                at += 32;
            }
        }
        let mut masks = self.vectors.as_flattened().iter();
        while let (8.., Some(mask)) = (len - at, masks.next()) {
            // SAFETY: eight bytes are left.
            unsafe { convert::<u64>(src.add(at), dst.add(at), 1, |word| word & mask) };
            at += 8;
        }
        let last = self.vectors.as_flattened()[(at % period) / 8].to_le_bytes();
        for (mask, at) in last.iter().zip(at..len) {
            // SAFETY: `at` is below `len`.
            unsafe { convert::<u8>(src.add(at), dst.add(at), 1, |byte| byte & mask) };
        }
    }
}

/// Variants whose payloads need no checking: which bytes mean something is looked up by case.
pub(super) struct Tagged {
    /// Bytes in a word; an element is a whole number of them, and the discriminant is in the first.
    word_size: u8,
    words: usize,
    discriminant_mask: u64,
    cases: usize,
    /// `words` for each case.
    masks: Box<[u64]>,
}

impl Tagged {
    /// The largest element that is copied this way, in bytes.
    pub(super) const MAX: u32 = 64;
    /// The most cases that are copied this way.
    pub(super) const MAX_CASES: usize = 64;

    /// `patterns` has for each case one byte for each byte of the element, `0xff` where that byte
    /// means something; `discriminant_size` of them are the discriminant.
    pub(super) fn new(discriminant_size: u32, patterns: &[Vec<u8>]) -> Tagged {
        let size = patterns[0].len();
        let word_size = 1 << size.trailing_zeros().min(3);
        let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, &b| word << 8 | u64::from(b));
        Tagged {
            word_size: word_size as u8,
            words: size / word_size,
            discriminant_mask: (1 << (8 * discriminant_size)) - 1,
            cases: patterns.len(),
            masks: patterns.iter().flat_map(|p| p.chunks(word_size).map(word)).collect(),
        }
    }

    /// How many cases there are.
    pub(super) fn cases(&self) -> u32 {
        self.cases as u32
    }

    /// Copies `count` elements, with zeros in place of what is not the case's payload, and answers
    /// the first discriminant that is no case, with its element's index.
    ///
    /// # Safety
    /// `src` is readable and `dst` is writable for `count` elements.
    pub(super) unsafe fn copy(
        &self,
        src: *const u8,
        dst: *mut u8,
        count: usize,
    ) -> Result<(), (u64, u32)> {
        if let ([none, some], 1, 8) = (&*self.masks, self.words, self.word_size) {
            // Copies, of which the compiler knows that nothing changes them.
            let (none, some, discriminant) = (*none, *some, self.discriminant_mask);
            let masked = move |word: u64| {
                let mask = none ^ ((none ^ some) & (word & 1).wrapping_neg());
                (word & mask, word & discriminant <= 1)
            };
            // SAFETY: the caller's promise.
            return unsafe { check(src, dst, count, masked) }
                .map_err(|(at, word)| (at, (word & discriminant) as u32));
        }
        // SAFETY: the caller's promise, in each arm.
        unsafe {
            match (self.word_size, self.words) {
                (1, words) => self.copy_words::<u8>(src, dst, count, words),
                (2, 1) => self.copy_words::<u16>(src, dst, count, 1),
                (2, words) => self.copy_words::<u16>(src, dst, count, words),
                (4, words) => self.copy_words::<u32>(src, dst, count, words),
                (_, 1) => self.copy_words::<u64>(src, dst, count, 1),
                (_, 2) => self.copy_words::<u64>(src, dst, count, 2),
                (_, words) => self.copy_words::<u64>(src, dst, count, words),
            }
        }
    }

    #[inline(always)]
    unsafe fn copy_words<T>(
        &self,
        src: *const u8,
        dst: *mut u8,
        count: usize,
        words: usize,
    ) -> Result<(), (u64, u32)>
    where
        T: Copy + Into<u64> + BitAnd<Output = T> + Truncate,
    {
        for i in 0..count {
            let (src, dst) =
                (src.cast::<T>().wrapping_add(i * words), dst.cast::<T>().wrapping_add(i * words));
            // SAFETY: an element has at least one word.
            let first = unsafe { src.read_unaligned() };
            let case = (first.into() & self.discriminant_mask) as usize;
            let Some(masks) = self.masks.get(case * words..(case + 1) * words) else {
                return Err((i as u64, case as u32));
            };
            // SAFETY: as above. What is written is the discriminant that was checked.
            unsafe { dst.write_unaligned(first & T::truncate(masks[0])) };
            for (j, mask) in masks.iter().enumerate().skip(1) {
                // SAFETY: an element has `words` words.
                unsafe {
                    let word = src.add(j).read_unaligned() & T::truncate(*mask);
                    dst.add(j).write_unaligned(word);
                }
            }
        }
        Ok(())
    }
}

/// The low bits of a word.
trait Truncate {
    fn truncate(word: u64) -> Self;
}

impl Truncate for u8 {
    fn truncate(word: u64) -> Self {
        word as u8
    }
}

impl Truncate for u16 {
    fn truncate(word: u64) -> Self {
        word as u16
    }
}

impl Truncate for u32 {
    fn truncate(word: u64) -> Self {
        word as u32
    }
}

impl Truncate for u64 {
    fn truncate(word: u64) -> Self {
        word
    }
}
