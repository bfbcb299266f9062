//! What a function is lifted or lowered with ("Canonical ABI Options").

use crate::copy::{Format, StringEncoding};
use crate::core_types::AddrType;
use crate::engine::{CoreFunc, CoreMemory};

/// `CanonicalOptions` of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How strings are encoded.
    pub string_encoding: StringEncoding,
    /// The memory that values are in.
    pub memory: Option<CoreMemory>,
    /// The address type of the memory.
    pub addr: AddrType,
    /// Allocates for values that are lowered.
    pub realloc: Option<CoreFunc>,
    /// Called after a sync lift's results were read.
    pub post_return: Option<CoreFunc>,
    /// The `async` option (not whether the function's type is async).
    pub is_async: bool,
    /// Called with the events of an async lift.
    pub callback: Option<CoreFunc>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            string_encoding: StringEncoding::Utf8,
            memory: None,
            addr: AddrType::I32,
            realloc: None,
            post_return: None,
            is_async: false,
            callback: None,
        }
    }
}

impl Options {
    /// How values lie in the memory.
    pub(crate) fn format(&self) -> Format {
        Format::guest(self.addr, self.string_encoding)
    }
}
