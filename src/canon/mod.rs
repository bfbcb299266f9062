//! The canonical definitions ("Canonical Definitions"), one file for each family.
//!
//! | section of CanonicalABI.md | file |
//! |---|---|
//! | `canon lift` | `lift` |
//! | `canon lower` | `lower` |
//! | `canon resource.*` | `resource` |
//! | `canon context.*` | `context` |
//! | `canon backpressure.*` | `backpressure` |
//! | `canon task.*` | `task` |
//! | `canon waitable-set.*`, `waitable.join` | `waitable` |
//! | `canon subtask.*` | `subtask` |
//! | `canon stream.*`, `future.*` | `stream` |
//! | `canon thread.*` | `thread` |
//! | `canon error-context.*` | `error_context` |

mod backpressure;
mod builtin;
mod context;
mod error_context;
pub(crate) mod lift;
mod lower;
mod resource;
mod stream;
mod subtask;
mod task;
pub(crate) mod thread;
mod validate;
mod waitable;

pub use builtin::{Builtin, builtin, invoke};
pub use lift::{Lift, instantiate, lift};
pub use lower::{Lower, lower};
pub use validate::{check_lift, check_lower};

pub(crate) use builtin::wake;
pub use resource::host as host_resource;

use crate::copy::{Format, FuncPlans, StringEncoding};
use crate::core_types::AddrType;
use crate::engine::{CoreFunc, CoreMemory, RawVal};
use crate::error::Trapped;
use crate::runtime::{self, Cx, HostFuncDef, InstanceId, WaitableId};
use crate::types::FuncType;
use std::rc::Rc;

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

/// A component-level function.
#[derive(Clone)]
pub enum FuncInst {
    /// A guest's.
    Lifted(Rc<Lift>),
    /// The host's.
    Host(Rc<HostFuncDef>),
}

impl FuncInst {
    /// Its type.
    pub fn ty(&self) -> &FuncType {
        match self {
            FuncInst::Lifted(lift) => &lift.ty,
            FuncInst::Host(def) => &def.ty,
        }
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        match self {
            FuncInst::Lifted(lift) => &lift.name,
            FuncInst::Host(def) => &def.name,
        }
    }

    /// How its values lie on the callee's side.
    pub(crate) fn format(&self) -> Format {
        match self {
            FuncInst::Lifted(lift) => lift.opts.format(),
            FuncInst::Host(_) => Format::HOST,
        }
    }

    /// Makes the plans of calls that the host makes, if they are not there yet.
    pub(crate) fn make_host_plans(&self, cx: &Cx<'_>) {
        let cell = match self {
            FuncInst::Lifted(lift) => &lift.host_plans,
            FuncInst::Host(def) => &def.host_plans,
        };
        cell.get_or_init(|| {
            Rc::new(FuncPlans::new(&cx.shared.plans, self.ty(), Format::HOST, self.format()))
        });
    }

    /// Calls it on behalf of `subtask`: what a `FuncInst` of the reference is. When this returns,
    /// the call has been resolved, or it has blocked.
    pub(crate) fn invoke(
        &self,
        cx: &mut Cx<'_>,
        subtask: WaitableId,
        caller: InstanceId,
        args: &[RawVal],
    ) -> Result<(), Trapped> {
        match self {
            FuncInst::Lifted(lift) => lift::enter(cx, lift, subtask, caller, args),
            FuncInst::Host(def) => runtime::serve(cx, def, subtask, args),
        }
    }
}
