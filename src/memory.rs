//! A bounds- and alignment-checked view of a linear memory.

use crate::engine::CoreType;
use crate::error::{Trap, Trapped};

/// The type of a memory's addresses; the specification's `addrtype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddrType {
    /// 32-bit addresses: pointers are 4 bytes.
    I32,
    /// 64-bit addresses: pointers are 8 bytes, as on the host.
    I64,
}

impl AddrType {
    /// Bytes in a pointer; the specification's `ptr_size`.
    pub const fn ptr_size(self) -> u32 {
        match self {
            AddrType::I32 => 4,
            AddrType::I64 => 8,
        }
    }

    /// The core type of an address.
    pub const fn core_type(self) -> CoreType {
        match self {
            AddrType::I32 => CoreType::I32,
            AddrType::I64 => CoreType::I64,
        }
    }
}

/// Where a memory is at this moment. Stale after any call into a guest or the host.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// The address of the memory's byte 0; null for the host, whose pointers are addresses.
    pub base: *mut u8,
    /// The memory's length in bytes; `usize::MAX` for the host.
    pub len: usize,
}

impl View {
    /// The process's own memory.
    pub const HOST: View = View { base: std::ptr::null_mut(), len: usize::MAX };

    /// The address of `len` bytes at `ptr`, if they lie within the memory and `ptr` is aligned.
    pub fn range(&self, ptr: u64, len: u64, align: u32) -> Result<*mut u8, Trapped> {
        if ptr & u64::from(align - 1) != 0 {
            return Err(Trap::Unaligned { ptr, align }.into());
        }
        match ptr.checked_add(len) {
            Some(end) if end <= self.len as u64 => Ok(self.base.wrapping_add(ptr as usize)),
            _ => Err(Trap::OutOfBounds { ptr, len, memory: self.len as u64 }.into()),
        }
    }
}
