//! `canon backpressure.inc`, `backpressure.dec`.

use crate::error::{Trap, Trapped};
use crate::runtime::{Cx, InstanceId};

/// `canon_backpressure_inc`: no more async-typed calls are let in.
pub(crate) fn canon_backpressure_inc(cx: &mut Cx<'_>, inst: InstanceId) -> Result<(), Trapped> {
    let mut state = cx.state();
    let backpressure = state[inst].backpressure + 1;
    if backpressure == 1 << 16 {
        return Err(Trap::BackpressureOverflow.into());
    }
    state[inst].backpressure = backpressure;
    Ok(())
}

/// `canon_backpressure_dec`: undoes one `backpressure.inc`.
pub(crate) fn canon_backpressure_dec(cx: &mut Cx<'_>, inst: InstanceId) -> Result<(), Trapped> {
    let mut state = cx.state();
    let backpressure = state[inst].backpressure.checked_sub(1);
    state[inst].backpressure = backpressure.ok_or(Trap::BackpressureUnderflow)?;
    if state[inst].backpressure == 0 {
        state.notify_gates(inst);
    }
    Ok(())
}
