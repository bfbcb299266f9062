//! `canon error-context.*`.

use super::Options;
use crate::error::Trapped;
use crate::runtime::{Cx, InstanceId, policy};

pub(crate) fn canon_error_context_new(
    _cx: &mut Cx<'_>,
    _inst: InstanceId,
    _opts: &Options,
    _ptr: u64,
    _units: u64,
) -> Result<u32, Trapped> {
    todo!()
}

pub(crate) fn canon_error_context_debug_message(
    _cx: &mut Cx<'_>,
    _inst: InstanceId,
    _opts: &Options,
    _index: u32,
    _ptr: u64,
) -> Result<(), Trapped> {
    todo!()
}

/// `canon_error_context_drop`.
pub(crate) fn canon_error_context_drop(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    index: u32,
) -> Result<(), Trapped> {
    let mut state = cx.state();
    policy::check_may_leave(&state, inst)?;
    state[inst].handles.error_context(index)?;
    state[inst].handles.take(index)?;
    Ok(())
}
