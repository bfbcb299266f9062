//! Tests of the copy engine.

mod naive;
mod random;
mod strings;
mod traps;
mod values;

use super::{Context, Format, StringEncoding};
use crate::core_types::AddrType;
use crate::error::{Trap, Trapped};
use crate::memory::{Arena, View};
use crate::types::{Field, Kind, ResourceType, Type};

pub(super) const GUEST32: Format = Format::guest(AddrType::I32, StringEncoding::Utf8);
pub(super) const GUEST64: Format = Format::guest(AddrType::I64, StringEncoding::Utf8);

/// One side of a copy: a linear memory with a bump allocator, or the host.
pub(super) struct Side {
    pub(super) format: Format,
    memory: Vec<u64>,
    next: u64,
    arena: Arena,
}

impl Side {
    /// A memory of `words` times 8 bytes, each `fill`; the first 16 bytes are never allocated.
    pub(super) fn new(format: Format, words: usize, fill: u8) -> Side {
        let memory = vec![u64::from_le_bytes([fill; 8]); words];
        let arena = Arena::new();
        if format.host {
            // What is handed out is `fill` too, from the first byte of a chunk with room for all.
            arena.alloc(words as u64 * 8, 16).unwrap();
            arena.reset();
            for _ in 0..words {
                let word = arena.alloc(8, 8).unwrap();
                // SAFETY: that many bytes were just handed out.
                unsafe { word.write_bytes(fill, 8) };
            }
            arena.reset();
        }
        Side { format, memory, next: 16, arena }
    }

    /// A memory that begins with these bytes.
    pub(super) fn with_bytes(format: Format, bytes: &[u8]) -> Side {
        let mut side = Side::new(format, bytes.len().div_ceil(8), 0);
        side.write(0, bytes);
        side.next = bytes.len() as u64;
        side
    }

    pub(super) fn view(&mut self) -> View {
        if self.format.host {
            View::HOST
        } else {
            View { base: self.memory.as_mut_ptr().cast(), len: self.memory.len() * 8 }
        }
    }

    /// Everything that was allocated in a guest's memory.
    pub(super) fn used(&self) -> Vec<u8> {
        let bytes = self.memory.iter().flat_map(|word| word.to_le_bytes());
        bytes.take(self.next as usize).collect()
    }

    pub(super) fn realloc(
        &mut self,
        old: u64,
        old_size: u64,
        align: u32,
        new_size: u64,
    ) -> Result<u64, Trapped> {
        if self.format.host {
            return self.arena.realloc(old, old_size, align, new_size);
        }
        if old != 0 && new_size <= old_size {
            return Ok(old);
        }
        let ptr = self.next.next_multiple_of(align.into());
        self.next = ptr + new_size;
        // Memory moves whenever it grows.
        self.memory.resize(self.memory.len().max(self.next.div_ceil(8) as usize), 0);
        let kept = self.read(old, old_size as usize);
        self.write(ptr, &kept);
        Ok(ptr)
    }

    pub(super) fn alloc(&mut self, align: u32, size: u64) -> u64 {
        self.realloc(0, 0, align, size).unwrap()
    }

    pub(super) fn read(&mut self, ptr: u64, len: usize) -> Vec<u8> {
        let at = self.view().range(ptr, len as u64, 1).unwrap();
        // SAFETY: the range was checked; a host's pointers come from its arena.
        (0..len).map(|i| unsafe { at.add(i).read() }).collect()
    }

    pub(super) fn write(&mut self, ptr: u64, bytes: &[u8]) {
        let at = self.view().range(ptr, bytes.len() as u64, 1).unwrap();
        // SAFETY: as above.
        unsafe { at.copy_from(bytes.as_ptr(), bytes.len()) };
    }
}

/// Two sides, and what was asked of the destination's `realloc`.
pub(super) struct Sides {
    pub(super) src: Side,
    pub(super) dst: Side,
    pub(super) calls: Vec<[u64; 4]>,
    /// Added to what `realloc` answers the first time, the second time and so on.
    pub(super) realloc_errors: Vec<u64>,
}

impl Sides {
    pub(super) fn new(src: Side, dst: Side) -> Sides {
        Sides { src, dst, calls: Vec::new(), realloc_errors: Vec::new() }
    }
}

impl Context for Sides {
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
        self.calls.push([old, old_size, align.into(), new_size]);
        let error = self.realloc_errors.get(self.calls.len() - 1).unwrap_or(&0);
        Ok(self.dst.realloc(old, old_size, align, new_size)? + error)
    }

    // Handles are told apart by what is added to them.
    fn own(&mut self, _: &ResourceType, handle: u32) -> Result<u32, Trapped> {
        Ok(handle + 1000)
    }

    fn borrow(&mut self, _: &ResourceType, handle: u32) -> Result<u32, Trapped> {
        Ok(handle + 2000)
    }

    fn stream(&mut self, element: Option<&Type>, handle: u32) -> Result<u32, Trapped> {
        Ok(handle + 3000 + element.map_or(0, |element| element.info().size(AddrType::I32)))
    }

    fn future(&mut self, element: Option<&Type>, handle: u32) -> Result<u32, Trapped> {
        Ok(handle + 4000 + element.map_or(0, |element| element.info().size(AddrType::I32)))
    }

    fn error_context(&mut self, handle: u32) -> Result<u32, Trapped> {
        match handle {
            0 => Err(Trap::Internal("no such error context".into()).into()),
            _ => Ok(handle + 5000),
        }
    }
}

pub(super) fn ty(kind: Kind) -> Type {
    Type::new(kind).unwrap()
}

pub(super) fn list(element: Type) -> Type {
    ty(Kind::List(element))
}

pub(super) fn tuple<const N: usize>(types: [Type; N]) -> Type {
    ty(Kind::Tuple(types.into()))
}

pub(super) fn record<const N: usize>(fields: [(&str, Type); N]) -> Type {
    ty(Kind::Record(fields.map(|(name, ty)| Field { name: name.into(), ty }).into()))
}

pub(super) fn flags(labels: usize) -> Type {
    ty(Kind::Flags((0..labels).map(|i| format!("f{i}").into()).collect()))
}

pub(super) fn enumeration(labels: usize) -> Type {
    ty(Kind::Enum((0..labels).map(|i| format!("e{i}").into()).collect()))
}
