//! `canon error-context.*`.

use crate::copy::Source;
use crate::error::Trapped;
use crate::runtime::{Cx, ErrorContext, Handle, InstanceId, Options, Side, policy};

/// `canon_error_context_new`: the deterministic profile forgets the message.
pub(crate) fn canon_error_context_new(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    opts: &Options,
    ptr: u64,
    tagged_code_units: u64,
) -> Result<u32, Trapped> {
    policy::check_may_leave(&cx.state(), inst)?;
    let deterministic = cx.shared.config.deterministic;
    let message = if deterministic { [0, 0] } else { [ptr, tagged_code_units] };
    let side = Side::guest(inst, opts);
    let mut context = ErrorContext::new(cx, side, opts.format(), Source::Flat(&message))?;
    if !deterministic {
        context = context.transformed(cx)?;
    }
    cx.state().add_handle(inst, Handle::ErrorContext(context))
}

/// `canon_error_context_debug_message`: stores the message at `ptr`.
pub(crate) fn canon_error_context_debug_message(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    opts: &Options,
    index: u32,
    ptr: u64,
) -> Result<(), Trapped> {
    let context = {
        let state = cx.state();
        policy::check_may_leave(&state, inst)?;
        state[inst].handles.error_context(index)?.clone()
    };
    context.store(cx, Side::guest(inst, opts), opts.format(), ptr)
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
    state.take_handle(inst, index)?;
    Ok(())
}
