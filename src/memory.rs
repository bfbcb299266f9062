//! A bounds- and alignment-checked view of a linear memory, and the arena that is the host's
//! `realloc`.

use crate::account::{Account, Charge, no_memory};
use crate::error::{Trap, Trapped};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

// Values are copied between linear memories and native structs without swapping bytes.
const _: () = assert!(cfg!(target_endian = "little"), "libcmabi needs a little-endian host");

/// Where a memory is at this moment. Stale after any call into a guest or the host.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// The address of the memory's byte 0, a multiple of 8; null for the host, whose pointers are
    /// addresses.
    pub base: *mut u8,
    /// The memory's length in bytes; `usize::MAX` for the host.
    pub len: usize,
}

/// What a file holds from here on. Nobody may change it as long as this is there.
#[cfg(feature = "component")]
pub fn map_file(mut file: &std::fs::File) -> std::io::Result<bytes::Bytes> {
    use std::io::Read;
    /// Up to such a size, reading takes less time than changing the process's mappings does.
    const SMALL: u64 = 256 << 10;
    let found = file.metadata()?;
    if found.is_file() && found.len() > SMALL {
        // All of it will be read, and once.
        // SAFETY: who names a file to be mapped promises that it stays as it is.
        let map = unsafe { memmap2::MmapOptions::new().populate().map(file) }?;
        return Ok(bytes::Bytes::from_owner(map));
    }
    let mut content = Vec::with_capacity(found.len() as usize + 1);
    file.read_to_end(&mut content)?;
    Ok(content.into())
}

impl View {
    /// The process's own memory.
    pub const HOST: View = View { base: std::ptr::null_mut(), len: usize::MAX };

    /// Whether this is the process's own memory.
    #[inline]
    pub fn is_host(&self) -> bool {
        self.len == usize::MAX
    }

    /// The address of `len` bytes at `ptr`, if they lie within the memory and `ptr` is aligned.
    ///
    /// In the host's memory every pointer but null counts as lying within it, and where `len` is 0
    /// any pointer will do.
    #[inline]
    pub fn range(&self, ptr: u64, len: u64, align: u32) -> Result<*mut u8, Trapped> {
        let is_host = self.is_host();
        if ptr & u64::from(align - 1) != 0 && !(is_host && len == 0) {
            return Err(Trap::Unaligned { ptr, align }.into());
        }
        match ptr.checked_add(len) {
            Some(end) if end <= self.len as u64 && !(is_host && ptr == 0 && len != 0) => {
                Ok(place(self.base, ptr))
            }
            _ => Err(Trap::OutOfBounds { ptr, len, memory: self.len as u64 }.into()),
        }
    }

    /// Stores two numbers one after the other, as `unpack_event` of the reference does.
    pub(crate) fn store_u32s(&self, ptr: u64, values: [u32; 2]) -> Result<(), Trapped> {
        let to = self.range(ptr, 8, 4)?;
        let bytes = values.map(u32::to_le_bytes);
        // SAFETY: the range was just checked.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr().cast(), to, 8) };
        Ok(())
    }
}

/// The place `offset` bytes from the base of a memory. The base of the host's is null, and a pointer that is derived from
/// that may point at nothing: so this one is made of the number.
#[inline(always)]
pub(crate) fn place(base: *mut u8, offset: u64) -> *mut u8 {
    host_ptr((base.expose_provenance() as u64).wrapping_add(offset))
}

/// A memory as the host's code describes it, which is empty where there can be none.
pub(crate) fn plausible(base: *mut u8, len: usize) -> (*mut u8, usize) {
    let possible = !base.is_null() && base.addr().is_multiple_of(8) && len <= isize::MAX as usize;
    if possible { (base, len) } else { (std::ptr::dangling_mut::<u64>().cast(), 0) }
}

/// The host's allocator for values that are copied to it: bytes are handed out one after the other
/// and freed all at once.
///
/// Addresses stay valid until [`Arena::reset`] or until the arena is dropped. Bytes that nobody has
/// written are zero, or left over from before a reset.
#[derive(Debug)]
pub struct Arena {
    /// The free part of the newest chunk.
    next: Cell<usize>,
    end: Cell<usize>,
    /// Bytes handed out since the last reset, with what alignment wasted.
    used: Cell<u64>,
    limit: Cell<u64>,
    /// What the chunks are charged to, if not to the embedder.
    account: Option<Rc<Account>>,
    /// Oldest first.
    chunks: RefCell<Vec<Chunk>>,
}

#[derive(Debug)]
struct Chunk {
    base: *mut u8,
    layout: Layout,
    _charge: Option<Charge>,
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: `base` was allocated with this layout and nothing else frees it.
        unsafe { dealloc(self.base, self.layout) }
    }
}

/// What the first chunk holds; later ones double. It is small because each call of a host function that
/// has no answer yet has an arena of its own.
const FIRST_CHUNK: usize = 256;
/// Chunks start at multiples of this, which is also the largest alignment that can be asked for.
const CHUNK_ALIGN: usize = 16;
/// What is at least as large starts at a multiple of [`LINE`]: the system copies it up to twice as fast.
const LARGE: u64 = 4096;
const LINE: usize = 64;

impl Arena {
    /// How many bytes an arena hands out unless told otherwise: a guest can make a list of a million
    /// elements that are all the same megabyte.
    pub const DEFAULT_LIMIT: u64 = 1 << 30;

    /// An empty arena, which has allocated nothing yet.
    pub fn new() -> Self {
        Arena {
            next: Cell::new(0),
            end: Cell::new(0),
            used: Cell::new(0),
            limit: Cell::new(Self::DEFAULT_LIMIT),
            account: None,
            chunks: RefCell::default(),
        }
    }

    /// The same, of a store's: what it takes from the system is charged to `account`.
    pub fn charged_to(account: &Rc<Account>) -> Self {
        Arena { account: Some(account.clone()), ..Arena::new() }
    }

    /// Bounds the bytes handed out between two resets.
    pub fn set_limit(&self, bytes: u64) {
        self.limit.set(bytes);
    }

    /// Bytes handed out since the last reset.
    pub fn used(&self) -> u64 {
        self.used.get()
    }

    /// `size` bytes at a multiple of `align`, which is a power of two up to 16. Never null, also
    /// where `size` is 0.
    ///
    /// Traps with [`Trap::Limit`] beyond the limit and where the system has no memory left.
    #[inline]
    pub fn alloc(&self, size: u64, align: u32) -> Result<*mut u8, Trapped> {
        debug_assert!(align.is_power_of_two() && align as usize <= CHUNK_ALIGN);
        let align = if size >= LARGE { LINE } else { align as usize };
        let start = (self.next.get() + align - 1) & !(align - 1);
        if size <= self.end.get().saturating_sub(start) as u64 && start != 0 {
            self.take(start, size)
        } else {
            self.alloc_in_new_chunk(size, align)
        }
    }

    /// Like [`Arena::alloc`], but the bytes are zero, also after a reset: for what the host is to write, and
    /// may leave out.
    #[inline]
    pub fn alloc_zeroed(&self, size: u64, align: u32) -> Result<*mut u8, Trapped> {
        let place = self.alloc(size, align)?;
        // SAFETY: that many bytes were handed out at `place`.
        unsafe { place.write_bytes(0, size as usize) };
        Ok(place)
    }

    /// Hands out `size` bytes at `start`, which are known to be free.
    #[inline]
    fn take(&self, start: usize, size: u64) -> Result<*mut u8, Trapped> {
        let waste = (start - self.next.get()) as u64;
        let used = self.used.get() + waste + size;
        if used > self.limit.get() {
            return Err(self.limit_reached());
        }
        self.used.set(used);
        self.next.set(start + size as usize);
        Ok(std::ptr::with_exposed_provenance_mut(start))
    }

    #[cold]
    fn alloc_in_new_chunk(&self, size: u64, align: usize) -> Result<*mut u8, Trapped> {
        if size == 0 && self.next.get() == 0 {
            return Ok(std::ptr::without_provenance_mut(align));
        }
        if self.used.get().saturating_add(size) > self.limit.get() {
            return Err(self.limit_reached());
        }
        let mut chunks = self.chunks.borrow_mut();
        let grown = chunks.last().map_or(FIRST_CHUNK, |last| last.layout.size().saturating_mul(2));
        let bytes = usize::try_from(size).ok().and_then(|size| {
            let room = if align > CHUNK_ALIGN { size.checked_add(align)? } else { size };
            if room > grown { room.checked_next_multiple_of(FIRST_CHUNK) } else { Some(grown) }
        });
        let layout = bytes.and_then(|bytes| Layout::from_size_align(bytes, CHUNK_ALIGN).ok());
        let layout = layout.ok_or_else(|| self.limit_reached())?;
        let bytes = layout.size() as u64;
        let charge =
            self.account.as_ref().map(|account| Charge::new(account, bytes)).transpose()?;
        chunks.try_reserve(1).map_err(|_| no_memory(bytes))?;
        // SAFETY: the layout's size is at least FIRST_CHUNK.
        let base = unsafe { alloc_zeroed(layout) };
        if base.is_null() {
            return Err(no_memory(bytes));
        }
        let start = base.expose_provenance();
        chunks.push(Chunk { base, layout, _charge: charge });
        self.next.set(start);
        self.end.set(start + layout.size());
        self.take((start + align - 1) & !(align - 1), size)
    }

    #[cold]
    fn limit_reached(&self) -> Trapped {
        let what = format!("more than {} bytes of values in an arena", self.limit.get());
        Trap::Limit { what: what.into() }.into()
    }

    /// `realloc` as a guest would export it: `old_size` bytes at `old`, which is 0 or came from this
    /// arena, become `new_size` bytes, which may be somewhere else.
    #[inline]
    pub fn realloc(
        &self,
        old: u64,
        old_size: u64,
        align: u32,
        new_size: u64,
    ) -> Result<u64, Trapped> {
        if old == 0 || old_size == 0 {
            return Ok(self.alloc(new_size, align)?.expose_provenance() as u64);
        }
        let is_last = old as usize + old_size as usize == self.next.get();
        if new_size <= old_size {
            if is_last {
                self.next.set((old + new_size) as usize);
                self.used.set(self.used.get() - (old_size - new_size));
            }
            return Ok(old);
        }
        let grow = new_size - old_size;
        if is_last && grow <= (self.end.get() - self.next.get()) as u64 {
            self.take(self.next.get(), grow)?;
            return Ok(old);
        }
        let new = self.alloc(new_size, align)?;
        // SAFETY: the caller vouches for `old`; `new` is free and has room for more than `old_size`.
        unsafe { new.copy_from(host_ptr(old), old_size as usize) };
        Ok(new.expose_provenance() as u64)
    }

    /// Frees everything that was handed out. The largest chunk is kept, so that doing the same again
    /// allocates nothing.
    pub fn reset(&self) {
        let mut chunks = self.chunks.borrow_mut();
        if chunks.len() > 1 {
            chunks.sort_by_key(|chunk| std::cmp::Reverse(chunk.layout.size()));
            chunks.truncate(1);
        }
        if let Some(chunk) = chunks.first() {
            let start = chunk.base.expose_provenance();
            self.next.set(start);
            self.end.set(start + chunk.layout.size());
        }
        self.used.set(0);
    }

    /// Bytes taken from the system, which a reset keeps at most in part.
    pub fn held(&self) -> u64 {
        self.chunks.borrow().iter().map(|chunk| chunk.layout.size() as u64).sum()
    }
}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

/// The pointer that a host address stands for.
#[inline]
pub fn host_ptr(address: u64) -> *mut u8 {
    std::ptr::with_exposed_provenance_mut(address as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(memory: &mut [u64]) -> View {
        View { base: memory.as_mut_ptr().cast(), len: memory.len() * 8 }
    }

    #[test]
    fn range_checks_alignment_and_bounds() {
        let mut memory = [0u64; 2];
        let view = view(&mut memory);
        assert_eq!(view.range(8, 8, 8).unwrap(), view.base.wrapping_add(8));
        assert_eq!(view.range(16, 0, 8).unwrap(), view.base.wrapping_add(16));
        let reason = |ptr, len, align| view.range(ptr, len, align).unwrap_err().reason().clone();
        assert!(matches!(reason(4, 8, 8), Trap::Unaligned { ptr: 4, align: 8 }));
        assert!(matches!(reason(9, 8, 1), Trap::OutOfBounds { ptr: 9, len: 8, memory: 16 }));
        assert!(matches!(reason(17, 0, 1), Trap::OutOfBounds { .. }));
        assert!(matches!(reason(u64::MAX, 2, 1), Trap::OutOfBounds { .. }));
    }

    #[test]
    fn host_accepts_any_pointer_to_nothing_but_not_null_to_something() {
        assert!(View::HOST.range(0, 0, 8).is_ok());
        assert!(View::HOST.range(3, 0, 8).is_ok());
        let reason = |ptr, align| View::HOST.range(ptr, 1, align).unwrap_err().reason().clone();
        assert!(matches!(reason(0, 1), Trap::OutOfBounds { .. }));
        assert!(matches!(reason(3, 2), Trap::Unaligned { .. }));
    }

    #[test]
    fn arena_aligns_and_keeps_addresses() {
        let arena = Arena::new();
        let a = arena.alloc(3, 1).unwrap();
        let b = arena.alloc(8, 8).unwrap();
        assert_eq!(a as usize % 16, 0);
        assert_eq!(b as usize - a as usize, 8);
        let big = arena.alloc(100_000, 16).unwrap();
        assert_eq!(big as usize % 16, 0);
        assert_eq!(big as usize % 64, 0);
        assert!((16 + 100_000..=16 + 63 + 100_000).contains(&arena.used()));
        // SAFETY: 100,000 bytes were handed out at `big`.
        assert!(unsafe { std::slice::from_raw_parts(big, 100_000) }.iter().all(|&b| b == 0));
    }

    #[test]
    fn arena_is_warm_after_a_reset() {
        let arena = Arena::new();
        for _ in 0..40 {
            for _ in 0..100 {
                arena.alloc(1000, 8).unwrap();
            }
            arena.reset();
        }
        let first = arena.alloc(50_000, 8).unwrap();
        arena.alloc(50_000, 8).unwrap();
        arena.reset();
        assert_eq!(arena.alloc(50_000, 8).unwrap(), first);
        assert_eq!(arena.chunks.borrow().len(), 1);
    }

    #[test]
    fn arena_hands_out_nothing_of_before_a_reset_where_zeros_are_asked_for() {
        let arena = Arena::new();
        let bytes = arena.alloc(64, 8).unwrap();
        // SAFETY: 64 bytes were handed out.
        unsafe { bytes.write_bytes(0xff, 64) };
        arena.reset();
        assert_eq!(arena.alloc_zeroed(48, 8).unwrap(), bytes);
        // SAFETY: 48 bytes were handed out.
        assert!(unsafe { std::slice::from_raw_parts(bytes, 48) }.iter().all(|&byte| byte == 0));
    }

    #[test]
    fn arena_nothing_is_never_null() {
        let arena = Arena::new();
        assert_eq!(arena.alloc(0, 8).unwrap() as usize, 8);
        assert_eq!(arena.chunks.borrow().len(), 0);
        arena.alloc(1, 1).unwrap();
        assert_eq!(arena.alloc(0, 8).unwrap() as usize % 8, 0);
    }

    #[test]
    fn arena_limit_traps() {
        let arena = Arena::new();
        arena.set_limit(100);
        arena.alloc(60, 1).unwrap();
        let trap = arena.alloc(41, 1).unwrap_err();
        assert_eq!(
            trap.to_string(),
            "resource limit exceeded: more than 100 bytes of values in an arena"
        );
        assert!(arena.alloc(u64::MAX, 1).is_err());
        arena.alloc(40, 1).unwrap();
        arena.reset();
        arena.alloc(100, 1).unwrap();
    }

    #[test]
    fn arena_reallocates_in_place_where_it_can() {
        let arena = Arena::new();
        let a = arena.realloc(0, 0, 1, 10).unwrap();
        assert_eq!(arena.realloc(a, 10, 1, 30).unwrap(), a);
        assert_eq!(arena.realloc(a, 30, 1, 5).unwrap(), a);
        assert_eq!(arena.used(), 5);
        // SAFETY: five bytes were handed out at `a`.
        unsafe { host_ptr(a).copy_from(b"hello".as_ptr(), 5) };
        let b = arena.realloc(0, 0, 1, 10).unwrap();
        assert_eq!(b, a + 5);
        let moved = arena.realloc(a, 5, 2, 20).unwrap();
        assert_ne!(moved, a);
        // SAFETY: twenty bytes were handed out at `moved`.
        assert_eq!(unsafe { std::slice::from_raw_parts(host_ptr(moved), 5) }, b"hello");
    }
}
