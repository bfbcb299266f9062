//! `canon stream.*`, `future.*`.

use super::Builtin;
use super::builtin::Answer;
use crate::engine::RawVal;
use crate::runtime::{Cx, InstanceId, WaitableId};

pub(crate) fn dispatch(
    _cx: &mut Cx<'_>,
    _builtin: &Builtin,
    _inst: InstanceId,
    _args: &[RawVal],
    _results: &mut [RawVal],
) -> Answer {
    todo!()
}

/// A sync copy, or the cancellation of one, is over.
pub(crate) fn copied(_cx: &mut Cx<'_>, _end: WaitableId) -> u32 {
    todo!()
}
