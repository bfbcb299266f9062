//! The one copy engine: a value of a type, from one memory to another.
//!
//! A [`Plan`] is compiled once for a type and the [`Format`]s of both sides and then executed as
//! often as needed. Nothing else in the library reads or writes values. Tasks, tables and engines
//! are reached through [`Context`] only.
//!
//! The specification lifts a whole value and then lowers it. Here each part is lifted and lowered
//! before the next one, so nothing is held in between; as a trap ends both sides, the order in
//! which a trap and a `realloc` come cannot be observed.
//!
//! | file | what |
//! |---|---|
//! | `plan` | what a type comes down to for two formats, and [`PlanCache`] |
//! | `exec` | running a plan: records, variants, handles |
//! | `load`, `store` | the checks of the source's and of the destination's side |
//! | `list`, `bulk` | lists, and loops over elements that need no allocation |
//! | `string` | strings in every pair of encodings |
//! | `flat` | values as core values: flattened, joined, spilled |
//! | `typed` | the host's values as Rust types, for functions that the library itself offers |

mod bulk;
mod exec;
mod flat;
mod list;
mod load;
mod plan;
mod store;
mod string;
#[cfg(test)]
mod tests;
#[cfg(feature = "wasi")]
pub(crate) mod typed;

pub use flat::{FuncPlans, Source, Target};
pub use plan::{Plan, PlanCache};

use crate::core_types::AddrType;
use crate::error::Trapped;
use crate::memory::View;
use crate::types::{ResourceType, Type};

/// How the strings of one side are encoded; the option `string-encoding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StringEncoding {
    /// `utf8`
    Utf8,
    /// `utf16`
    Utf16,
    /// `latin1+utf16`
    Latin1Utf16,
}

/// How values lie in one side's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Format {
    /// The width of pointers.
    pub addr: AddrType,
    /// The encoding of strings.
    pub encoding: StringEncoding,
    /// Whether this side is the process's own memory (C structs), where results may be copied
    /// with their padding but padding must not be passed on.
    pub host: bool,
}

impl Format {
    /// The host: native pointers, UTF-8.
    pub const HOST: Format =
        Format { addr: AddrType::I64, encoding: StringEncoding::Utf8, host: true };

    /// The process's memory, for a value on its way from one guest to another: strings stay as they
    /// are in this encoding of the first guest's.
    pub const fn between(encoding: StringEncoding) -> Format {
        Format { encoding, ..Format::HOST }
    }

    /// A guest with pointers of this width and strings of this encoding.
    pub const fn guest(addr: AddrType, encoding: StringEncoding) -> Format {
        Format { addr, encoding, host: false }
    }
}

/// What a plan needs while it runs: both memories, the destination's allocator, and the tables
/// that handles move between. Implemented by the runtime, and by tests.
///
/// Each [`View`] that it gives out is readable (the source's) or writable (the destination's) in
/// its whole length until the next [`Context::realloc`], and a memory never becomes shorter. A
/// pointer that a host passes is trusted to point at as much as its length says.
pub trait Context {
    /// The memory values are read from, as it is now.
    fn src_memory(&mut self) -> View;
    /// The memory values are written to, as it is now.
    fn dst_memory(&mut self) -> View;
    /// The destination's `realloc(old, old_size, align, new_size)`. Both views are stale after it,
    /// unless the destination is the host, whose arena disturbs nobody. The caller checks what is
    /// returned.
    fn realloc(
        &mut self,
        old: u64,
        old_size: u64,
        align: u32,
        new_size: u64,
    ) -> Result<u64, Trapped>;
    /// The work that a copy is about to do, in units of fuel: one for each string, each element
    /// that is not copied in bulk, and each 64 bytes. An error where there is not enough left.
    fn spend(&mut self, work: u64) -> Result<(), Trapped>;
    /// `lift_own` from the source's table, `lower_own` into the destination's.
    fn own(&mut self, resource: &ResourceType, handle: u32) -> Result<u32, Trapped>;
    /// `lift_borrow`, `lower_borrow`.
    fn borrow(&mut self, resource: &ResourceType, handle: u32) -> Result<u32, Trapped>;
    /// `lift_stream`, `lower_stream`; `element` is the type of what the stream carries.
    fn stream(&mut self, element: Option<&Type>, handle: u32) -> Result<u32, Trapped>;
    /// `lift_future`, `lower_future`.
    fn future(&mut self, element: Option<&Type>, handle: u32) -> Result<u32, Trapped>;
    /// `lift_error_context`, `lower_error_context`.
    fn error_context(&mut self, handle: u32) -> Result<u32, Trapped>;
}
