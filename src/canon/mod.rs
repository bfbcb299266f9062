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
//!
//! What functions, tasks and threads are is in `runtime`; how they go on is here: `thread`, and `nested` where the
//! engine cannot suspend a guest.

mod backpressure;
mod builtin;
mod context;
mod error_context;
mod lift;
mod lower;
mod nested;
mod resource;
mod stream;
mod subtask;
mod task;
mod thread;
mod validate;
mod waitable;

pub use builtin::{Builtin, builtin, invoke};
pub use lift::{instantiate, lift};
pub use lower::lower;
pub use validate::{check_lift, check_lower};

pub(crate) use lift::{call_latent, run_parked};
pub(crate) use resource::canon_resource_drop;
pub(crate) use task::request_cancellation;
pub(crate) use thread::resume;

use crate::engine::RawVal;
use crate::error::Trapped;
use crate::runtime::{self, Cx, FuncInst, InstanceId, WaitableId};

impl FuncInst {
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
