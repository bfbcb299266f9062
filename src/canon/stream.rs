//! `canon stream.*`, `future.*`.

use super::Builtin;
use super::builtin::{Answer, Step, done, done_or_block};
use super::subtask::BLOCKED;
use crate::engine::RawVal;
use crate::error::{Trap, Trapped};
use crate::runtime::forward::forward;
use crate::runtime::host_end::{self, Signal};
use crate::runtime::stream::{self, Begun, Channel, CopyState, EndKind};
use crate::runtime::{
    Buffer, CopyResult, Cx, InstanceId, Options, Side, Wait, WaitableId, Wake, policy,
};
use crate::types::Type;

/// The built-ins of streams and futures.
pub(super) fn dispatch(
    cx: &mut Cx<'_>,
    builtin: &Builtin,
    inst: InstanceId,
    args: &[RawVal],
    results: &mut [RawVal],
) -> Answer {
    let index = args.first().map_or(0, |index| *index as u32);
    let packed = match builtin {
        Builtin::StreamNew { element } => {
            results[0] = canon_stream_new(cx, inst, element)?;
            return Ok(Step::Done);
        }
        Builtin::FutureNew { element } => {
            results[0] = canon_future_new(cx, inst, element)?;
            return Ok(Step::Done);
        }
        Builtin::StreamRead { element, opts } => {
            canon_stream_read(cx, inst, element, opts, index, args[1], args[2])?
        }
        Builtin::StreamWrite { element, opts } => {
            canon_stream_write(cx, inst, element, opts, index, args[1], args[2])?
        }
        Builtin::FutureRead { element, opts } => {
            canon_future_read(cx, inst, element, opts, index, args[1])?
        }
        Builtin::FutureWrite { element, opts } => {
            canon_future_write(cx, inst, element, opts, index, args[1])?
        }
        Builtin::StreamCancelRead { element, is_async } => {
            canon_stream_cancel_read(cx, inst, element, *is_async, index)?
        }
        Builtin::StreamCancelWrite { element, is_async } => {
            canon_stream_cancel_write(cx, inst, element, *is_async, index)?
        }
        Builtin::FutureCancelRead { element, is_async } => {
            canon_future_cancel_read(cx, inst, element, *is_async, index)?
        }
        Builtin::FutureCancelWrite { element, is_async } => {
            canon_future_cancel_write(cx, inst, element, *is_async, index)?
        }
        Builtin::StreamDropReadable { element } => {
            return done(canon_stream_drop_readable(cx, inst, element, index));
        }
        Builtin::StreamDropWritable { element } => {
            return done(canon_stream_drop_writable(cx, inst, element, index));
        }
        Builtin::FutureDropReadable { element } => {
            return done(canon_future_drop_readable(cx, inst, element, index));
        }
        Builtin::FutureDropWritable { element } => {
            return done(canon_future_drop_writable(cx, inst, element, index));
        }
        Builtin::StreamForward { element } => {
            return done(canon_stream_forward(cx, inst, element, index, args[1] as u32));
        }
        Builtin::FutureForward { element } => {
            return done(canon_future_forward(cx, inst, element, index, args[1] as u32));
        }
        other => unreachable!("{} has nothing to do with streams", other.name()),
    };
    done_or_block(packed.map(RawVal::from), results)
}

/// `canon_stream_new`: the readable end's index, and in the high half the writable end's.
fn canon_stream_new(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    element: &Option<Type>,
) -> Result<u64, Trapped> {
    new(cx, inst, Channel::Stream, element)
}

/// `canon_future_new`.
fn canon_future_new(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    element: &Option<Type>,
) -> Result<u64, Trapped> {
    new(cx, inst, Channel::Future, element)
}

fn new(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    channel: Channel,
    element: &Option<Type>,
) -> Result<u64, Trapped> {
    let mut state = cx.state();
    policy::check_may_leave(&state, inst)?;
    let (readable, writable) = state.new_channel(inst, channel, element.clone())?;
    Ok(u64::from(readable) | u64::from(writable) << 32)
}

/// `canon_stream_read`. Like the others below: the packed result, [`BLOCKED`], or `None` if the
/// thread has to wait.
fn canon_stream_read(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    element: &Option<Type>,
    opts: &Options,
    index: u32,
    ptr: u64,
    count: u64,
) -> Result<Option<u32>, Trapped> {
    copy(cx, inst, EndKind::READABLE_STREAM, element, opts, index, ptr, count)
}

/// `canon_stream_write`.
fn canon_stream_write(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    element: &Option<Type>,
    opts: &Options,
    index: u32,
    ptr: u64,
    count: u64,
) -> Result<Option<u32>, Trapped> {
    copy(cx, inst, EndKind::WRITABLE_STREAM, element, opts, index, ptr, count)
}

/// `canon_future_read`.
fn canon_future_read(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    element: &Option<Type>,
    opts: &Options,
    index: u32,
    ptr: u64,
) -> Result<Option<u32>, Trapped> {
    copy(cx, inst, EndKind::READABLE_FUTURE, element, opts, index, ptr, 1)
}

/// `canon_future_write`.
fn canon_future_write(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    element: &Option<Type>,
    opts: &Options,
    index: u32,
    ptr: u64,
) -> Result<Option<u32>, Trapped> {
    copy(cx, inst, EndKind::WRITABLE_FUTURE, element, opts, index, ptr, 1)
}

/// `copy`.
#[allow(clippy::too_many_arguments)]
fn copy(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    kind: EndKind,
    element: &Option<Type>,
    opts: &Options,
    index: u32,
    ptr: u64,
    count: u64,
) -> Result<Option<u32>, Trapped> {
    let id = {
        let mut state = cx.state();
        policy::check_may_leave(&state, inst)?;
        let id = state.end_at(inst, kind, element.as_ref(), index)?;
        state.begin_copy(id, opts.is_async)?;
        id
    };
    let side = Side::guest(inst, opts);
    let buffer = Buffer::new(cx, element.as_ref(), side, opts.format(), ptr, count)?;
    match stream::copy(cx, id, buffer)? {
        Begun::Over(event) => Ok(Some(event.p2)),
        Begun::Waits(number) => result_or_wait(cx, inst, (id, number), opts.is_async),
    }
}

/// The result of an end's copy of this number, if it is there by now; `Waitable.wait_for_pending_event` where it
/// is not. A host that was told may have had the guest take the result: then the copy was cancelled.
fn result_or_wait(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    (id, number): (WaitableId, u32),
    is_async: bool,
) -> Result<Option<u32>, Trapped> {
    let mut state = cx.state();
    state.check_not_ended(inst)?;
    if !state.still_copies(id, number) {
        return Ok(Some(CopyResult::Cancelled as u32));
    }
    if state.waitables[id].has_pending_event() {
        return Ok(Some(state.get_pending_event(id).p2));
    }
    if is_async {
        return Ok(Some(BLOCKED));
    }
    let thread = state.current_thread();
    state.threads[thread].wake = Wake::Copy(id);
    state.start_waiting(thread, Wait::Event(id));
    Ok(None)
}

/// A sync copy, or the sync cancellation of one, is over.
pub(crate) fn copied(cx: &mut Cx<'_>, id: WaitableId) -> u32 {
    cx.state().get_pending_event(id).p2
}

/// `canon_stream_cancel_read`.
fn canon_stream_cancel_read(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    element: &Option<Type>,
    is_async: bool,
    index: u32,
) -> Result<Option<u32>, Trapped> {
    cancel_copy(cx, inst, EndKind::READABLE_STREAM, element, is_async, index)
}

/// `canon_stream_cancel_write`.
fn canon_stream_cancel_write(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    element: &Option<Type>,
    is_async: bool,
    index: u32,
) -> Result<Option<u32>, Trapped> {
    cancel_copy(cx, inst, EndKind::WRITABLE_STREAM, element, is_async, index)
}

/// `canon_future_cancel_read`.
fn canon_future_cancel_read(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    element: &Option<Type>,
    is_async: bool,
    index: u32,
) -> Result<Option<u32>, Trapped> {
    cancel_copy(cx, inst, EndKind::READABLE_FUTURE, element, is_async, index)
}

/// `canon_future_cancel_write`.
fn canon_future_cancel_write(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    element: &Option<Type>,
    is_async: bool,
    index: u32,
) -> Result<Option<u32>, Trapped> {
    cancel_copy(cx, inst, EndKind::WRITABLE_FUTURE, element, is_async, index)
}

/// `cancel_copy`.
fn cancel_copy(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    kind: EndKind,
    element: &Option<Type>,
    is_async: bool,
    index: u32,
) -> Result<Option<u32>, Trapped> {
    let (id, number) = {
        let mut state = cx.state();
        policy::check_may_leave(&state, inst)?;
        let id = state.end_at(inst, kind, element.as_ref(), index)?;
        if state.end(id).state != CopyState::Copying {
            return Err(Trap::NoCopyToCancel { what: kind.channel.noun() }.into());
        }
        if state.waitables[id].has_sync_waiter() {
            return Err(Trap::WaitableInSyncUse.into());
        }
        if state.waitables[id].in_waitable_set() && !is_async {
            return Err(Trap::SyncUseInSet.into());
        }
        let end = state.end(id);
        end.state = CopyState::CancellingCopy;
        (id, end.waits)
    };
    let has_event = cx.state().waitables[id].has_pending_event();
    if !has_event && !host_end::signal(cx, id, Signal::Cancels)? {
        let mut state = cx.state();
        if state.still_copies(id, number) {
            state.cancel_shared(id);
        }
    }
    result_or_wait(cx, inst, (id, number), is_async)
}

/// `canon_stream_drop_readable`.
fn canon_stream_drop_readable(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    element: &Option<Type>,
    index: u32,
) -> Result<(), Trapped> {
    drop(cx, inst, EndKind::READABLE_STREAM, element, index)
}

/// `canon_stream_drop_writable`.
fn canon_stream_drop_writable(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    element: &Option<Type>,
    index: u32,
) -> Result<(), Trapped> {
    drop(cx, inst, EndKind::WRITABLE_STREAM, element, index)
}

/// `canon_future_drop_readable`.
fn canon_future_drop_readable(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    element: &Option<Type>,
    index: u32,
) -> Result<(), Trapped> {
    drop(cx, inst, EndKind::READABLE_FUTURE, element, index)
}

/// `canon_future_drop_writable`.
fn canon_future_drop_writable(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    element: &Option<Type>,
    index: u32,
) -> Result<(), Trapped> {
    drop(cx, inst, EndKind::WRITABLE_FUTURE, element, index)
}

/// `drop`.
fn drop(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    kind: EndKind,
    element: &Option<Type>,
    index: u32,
) -> Result<(), Trapped> {
    let mut state = cx.state();
    policy::check_may_leave(&state, inst)?;
    let id = state.end_at(inst, kind, element.as_ref(), index)?;
    state.check_may_drop_end(id)?;
    state.take_handle(inst, index)?;
    state.drop_end(id);
    Ok(())
}

/// `canon_stream_forward`.
fn canon_stream_forward(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    element: &Option<Type>,
    readable: u32,
    writable: u32,
) -> Result<(), Trapped> {
    let kinds = [EndKind::READABLE_STREAM, EndKind::WRITABLE_STREAM];
    forward_ends(cx, inst, kinds, element, [readable, writable])
}

/// `canon_future_forward`.
fn canon_future_forward(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    element: &Option<Type>,
    readable: u32,
    writable: u32,
) -> Result<(), Trapped> {
    let kinds = [EndKind::READABLE_FUTURE, EndKind::WRITABLE_FUTURE];
    forward_ends(cx, inst, kinds, element, [readable, writable])
}

/// `forward`.
fn forward_ends(
    cx: &mut Cx<'_>,
    inst: InstanceId,
    kinds: [EndKind; 2],
    element: &Option<Type>,
    [readable, writable]: [u32; 2],
) -> Result<(), Trapped> {
    let (src, dst) = {
        let mut state = cx.state();
        policy::check_may_leave(&state, inst)?;
        let src = state.check_forwardable(inst, kinds[0], element.as_ref(), readable)?;
        state.take_handle(inst, readable)?;
        let dst = state.check_forwardable(inst, kinds[1], element.as_ref(), writable)?;
        state.take_handle(inst, writable)?;
        (src, dst)
    };
    forward(cx, src, dst)?;
    cx.state().check_not_ended(inst)
}
