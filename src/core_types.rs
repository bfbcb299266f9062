//! The types of core wasm that the canonical ABI speaks of: what values are flattened to, and what addresses
//! are.

use std::fmt;
use std::sync::Arc;

/// A core value as its bits.
pub type RawVal = u64;

/// The type of a core value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum CoreType {
    I32,
    I64,
    F32,
    F64,
    V128,
    FuncRef,
    ExternRef,
    /// A reference type that no engine here passes across the interface.
    OtherRef,
}

/// The type of a core function. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CoreFuncType {
    /// Parameters in order.
    pub params: Arc<[CoreType]>,
    /// Results in order.
    pub results: Arc<[CoreType]>,
}

impl CoreFuncType {
    /// Writes parameters and results in the core text format, a space before each.
    pub(crate) fn fmt_signature(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (keyword, types) in [("param", &self.params), ("result", &self.results)] {
            if !types.is_empty() {
                write!(f, " ({keyword}")?;
                types.iter().try_for_each(|ty| write!(f, " {ty}"))?;
                f.write_str(")")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for CoreFuncType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(func")?;
        self.fmt_signature(f)?;
        f.write_str(")")
    }
}

impl fmt::Display for CoreType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CoreType::I32 => "i32",
            CoreType::I64 => "i64",
            CoreType::F32 => "f32",
            CoreType::F64 => "f64",
            CoreType::V128 => "v128",
            CoreType::FuncRef => "funcref",
            CoreType::ExternRef => "externref",
            CoreType::OtherRef => "ref",
        })
    }
}

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
