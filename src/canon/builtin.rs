//! The canonical built-ins, as values and as core functions.

use super::{
    backpressure, context, error_context, lower, nested, resource, stream, subtask, task, thread,
    waitable,
};
use crate::core_types::AddrType;
use crate::engine::{CoreFunc, CoreFuncType, CoreMemory, CoreTable, CoreType, Flow, RawVal, Tier};
use crate::error::{Frame, FrameKind, Trapped};
use crate::runtime::{CROSSING_WORK, Cx, InstanceId, Options, ThreadId, Wake};
use crate::types::layout::MAX_FLAT_PARAMS;
use crate::types::{ResourceType, Type};
use smallvec::{SmallVec, smallvec};
use std::rc::Rc;

/// A canonical built-in with its immediates. `element` is what a stream or future carries.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Builtin {
    ResourceNew(ResourceType),
    ResourceDrop(ResourceType),
    ResourceRep(ResourceType),
    ContextGet {
        ty: CoreType,
        slot: u32,
    },
    ContextSet {
        ty: CoreType,
        slot: u32,
    },
    BackpressureInc,
    BackpressureDec,
    TaskReturn {
        result: Option<Type>,
        opts: Options,
    },
    TaskCancel,
    WaitableSetNew,
    WaitableSetWait {
        memory: CoreMemory,
        addr: AddrType,
    },
    WaitableSetPoll {
        memory: CoreMemory,
        addr: AddrType,
    },
    WaitableSetDrop,
    WaitableJoin,
    SubtaskCancel {
        is_async: bool,
    },
    SubtaskDrop,
    StreamNew {
        element: Option<Type>,
    },
    StreamRead {
        element: Option<Type>,
        opts: Options,
    },
    StreamWrite {
        element: Option<Type>,
        opts: Options,
    },
    StreamCancelRead {
        element: Option<Type>,
        is_async: bool,
    },
    StreamCancelWrite {
        element: Option<Type>,
        is_async: bool,
    },
    StreamDropReadable {
        element: Option<Type>,
    },
    StreamDropWritable {
        element: Option<Type>,
    },
    StreamForward {
        element: Option<Type>,
    },
    FutureNew {
        element: Option<Type>,
    },
    FutureRead {
        element: Option<Type>,
        opts: Options,
    },
    FutureWrite {
        element: Option<Type>,
        opts: Options,
    },
    FutureCancelRead {
        element: Option<Type>,
        is_async: bool,
    },
    FutureCancelWrite {
        element: Option<Type>,
        is_async: bool,
    },
    FutureDropReadable {
        element: Option<Type>,
    },
    FutureDropWritable {
        element: Option<Type>,
    },
    FutureForward {
        element: Option<Type>,
    },
    ThreadIndex,
    /// `ty` is the type of the functions in the table, `(func (param i32))` or `i64`.
    ThreadNewIndirect {
        ty: CoreFuncType,
        table: CoreTable,
        table_addr: AddrType,
    },
    ThreadResumeLater,
    ThreadSuspend,
    ThreadYield,
    ThreadSuspendThenResume,
    ThreadYieldThenResume,
    ThreadSuspendThenPromote,
    ThreadYieldThenPromote,
    ErrorContextNew {
        opts: Options,
    },
    ErrorContextDebugMessage {
        opts: Options,
    },
    ErrorContextDrop,
}

/// How a built-in or a lowered function answers the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The results are written.
    Done,
    /// The current thread waits, or is suspended; its `wake` says what is left to do.
    Block,
}

pub(crate) type Answer = Result<Step, Trapped>;

impl Builtin {
    /// Its name in the specification's text format.
    pub fn name(&self) -> &'static str {
        match self {
            Builtin::ResourceNew(_) => "resource.new",
            Builtin::ResourceDrop(_) => "resource.drop",
            Builtin::ResourceRep(_) => "resource.rep",
            Builtin::ContextGet { .. } => "context.get",
            Builtin::ContextSet { .. } => "context.set",
            Builtin::BackpressureInc => "backpressure.inc",
            Builtin::BackpressureDec => "backpressure.dec",
            Builtin::TaskReturn { .. } => "task.return",
            Builtin::TaskCancel => "task.cancel",
            Builtin::WaitableSetNew => "waitable-set.new",
            Builtin::WaitableSetWait { .. } => "waitable-set.wait",
            Builtin::WaitableSetPoll { .. } => "waitable-set.poll",
            Builtin::WaitableSetDrop => "waitable-set.drop",
            Builtin::WaitableJoin => "waitable.join",
            Builtin::SubtaskCancel { .. } => "subtask.cancel",
            Builtin::SubtaskDrop => "subtask.drop",
            Builtin::StreamNew { .. } => "stream.new",
            Builtin::StreamRead { .. } => "stream.read",
            Builtin::StreamWrite { .. } => "stream.write",
            Builtin::StreamCancelRead { .. } => "stream.cancel-read",
            Builtin::StreamCancelWrite { .. } => "stream.cancel-write",
            Builtin::StreamDropReadable { .. } => "stream.drop-readable",
            Builtin::StreamDropWritable { .. } => "stream.drop-writable",
            Builtin::StreamForward { .. } => "stream.forward",
            Builtin::FutureNew { .. } => "future.new",
            Builtin::FutureRead { .. } => "future.read",
            Builtin::FutureWrite { .. } => "future.write",
            Builtin::FutureCancelRead { .. } => "future.cancel-read",
            Builtin::FutureCancelWrite { .. } => "future.cancel-write",
            Builtin::FutureDropReadable { .. } => "future.drop-readable",
            Builtin::FutureDropWritable { .. } => "future.drop-writable",
            Builtin::FutureForward { .. } => "future.forward",
            Builtin::ThreadIndex => "thread.index",
            Builtin::ThreadNewIndirect { .. } => "thread.new-indirect",
            Builtin::ThreadResumeLater => "thread.resume-later",
            Builtin::ThreadSuspend => "thread.suspend",
            Builtin::ThreadYield => "thread.yield",
            Builtin::ThreadSuspendThenResume => "thread.suspend-then-resume",
            Builtin::ThreadYieldThenResume => "thread.yield-then-resume",
            Builtin::ThreadSuspendThenPromote => "thread.suspend-then-promote",
            Builtin::ThreadYieldThenPromote => "thread.yield-then-promote",
            Builtin::ErrorContextNew { .. } => "error-context.new",
            Builtin::ErrorContextDebugMessage { .. } => "error-context.debug-message",
            Builtin::ErrorContextDrop => "error-context.drop",
        }
    }

    /// Whether it may suspend the guest that calls it.
    fn may_block(&self) -> bool {
        match self {
            Builtin::WaitableSetWait { .. }
            | Builtin::ThreadSuspend
            | Builtin::ThreadYield
            | Builtin::ThreadSuspendThenResume
            | Builtin::ThreadYieldThenResume
            | Builtin::ThreadSuspendThenPromote
            | Builtin::ThreadYieldThenPromote => true,
            Builtin::SubtaskCancel { is_async }
            | Builtin::StreamCancelRead { is_async, .. }
            | Builtin::StreamCancelWrite { is_async, .. }
            | Builtin::FutureCancelRead { is_async, .. }
            | Builtin::FutureCancelWrite { is_async, .. } => !is_async,
            Builtin::StreamRead { opts, .. }
            | Builtin::StreamWrite { opts, .. }
            | Builtin::FutureRead { opts, .. }
            | Builtin::FutureWrite { opts, .. } => !opts.is_async,
            _ => false,
        }
    }

    /// Whether it looks at calls: at what calls it, or at calls that wait. See [`crate::runtime`]'s latent ones.
    fn looks_at_calls(&self) -> bool {
        self.may_block()
            || matches!(
                self,
                Builtin::TaskCancel
                    | Builtin::SubtaskCancel { .. }
                    | Builtin::StreamCancelRead { .. }
                    | Builtin::StreamCancelWrite { .. }
                    | Builtin::StreamForward { .. }
                    | Builtin::FutureCancelRead { .. }
                    | Builtin::FutureCancelWrite { .. }
                    | Builtin::FutureForward { .. }
                    | Builtin::ThreadIndex
                    | Builtin::ThreadNewIndirect { .. }
                    | Builtin::ThreadResumeLater
                    | Builtin::ErrorContextNew { .. }
                    | Builtin::ErrorContextDebugMessage { .. }
                    | Builtin::ErrorContextDrop
            )
    }

    /// The type of the core function.
    pub fn core_type(&self) -> CoreFuncType {
        use CoreType::{I32, I64};
        let (params, results): (SmallVec<[CoreType; 4]>, &[CoreType]) = match self {
            Builtin::TaskReturn { result, opts } => return task_return_type(result, opts),
            Builtin::ContextGet { ty, .. } => {
                return CoreFuncType { params: [].into(), results: [*ty].into() };
            }
            Builtin::ContextSet { ty, .. } => (smallvec![*ty], &[]),
            Builtin::BackpressureInc | Builtin::BackpressureDec | Builtin::TaskCancel => {
                (smallvec![], &[])
            }
            Builtin::WaitableSetNew
            | Builtin::ThreadIndex
            | Builtin::ThreadSuspend
            | Builtin::ThreadYield => (smallvec![], &[I32]),
            Builtin::StreamNew { .. } | Builtin::FutureNew { .. } => (smallvec![], &[I64]),
            Builtin::ResourceDrop(_)
            | Builtin::WaitableSetDrop
            | Builtin::SubtaskDrop
            | Builtin::StreamDropReadable { .. }
            | Builtin::StreamDropWritable { .. }
            | Builtin::FutureDropReadable { .. }
            | Builtin::FutureDropWritable { .. }
            | Builtin::ThreadResumeLater
            | Builtin::ErrorContextDrop => (smallvec![I32], &[]),
            Builtin::WaitableJoin
            | Builtin::StreamForward { .. }
            | Builtin::FutureForward { .. } => (smallvec![I32, I32], &[]),
            Builtin::ResourceNew(_)
            | Builtin::ResourceRep(_)
            | Builtin::SubtaskCancel { .. }
            | Builtin::StreamCancelRead { .. }
            | Builtin::StreamCancelWrite { .. }
            | Builtin::FutureCancelRead { .. }
            | Builtin::FutureCancelWrite { .. }
            | Builtin::ThreadSuspendThenResume
            | Builtin::ThreadYieldThenResume
            | Builtin::ThreadSuspendThenPromote
            | Builtin::ThreadYieldThenPromote => (smallvec![I32], &[I32]),
            Builtin::WaitableSetWait { addr, .. } | Builtin::WaitableSetPoll { addr, .. } => {
                (smallvec![I32, addr.core_type()], &[I32])
            }
            Builtin::StreamRead { opts, .. } | Builtin::StreamWrite { opts, .. } => {
                let ptr = opts.addr.core_type();
                let params: SmallVec<[CoreType; 4]> = smallvec![I32, ptr, ptr];
                return CoreFuncType { params: params.as_slice().into(), results: [ptr].into() };
            }
            Builtin::FutureRead { opts, .. } | Builtin::FutureWrite { opts, .. } => {
                (smallvec![I32, opts.addr.core_type()], &[I32])
            }
            Builtin::ThreadNewIndirect { ty, table_addr, .. } => {
                (smallvec![table_addr.core_type(), ty.params[0]], &[I32])
            }
            Builtin::ErrorContextNew { opts } => {
                let ptr = opts.addr.core_type();
                (smallvec![ptr, ptr], &[I32])
            }
            Builtin::ErrorContextDebugMessage { opts } => {
                (smallvec![I32, opts.addr.core_type()], &[])
            }
        };
        CoreFuncType { params: params.as_slice().into(), results: results.into() }
    }
}

/// The result of the task, flat like parameters.
fn task_return_type(result: &Option<Type>, opts: &Options) -> CoreFuncType {
    let flat = result.as_ref().map(|ty| ty.info().flat(opts.addr));
    let params: &[CoreType] = match &flat {
        None => &[],
        Some(Some(flat)) if flat.len() <= MAX_FLAT_PARAMS => flat,
        Some(_) => &[opts.addr.core_type()],
    };
    CoreFuncType { params: params.into(), results: [].into() }
}

/// The core function that is `builtin` for the guests of `instance`.
pub fn builtin(cx: &mut Cx<'_>, builtin: Builtin, instance: InstanceId) -> CoreFunc {
    let ty = builtin.core_type();
    let (may_block, looks) = (builtin.may_block(), builtin.looks_at_calls());
    let body = move |cx: &mut Cx<'_>, args: &[RawVal], results: &mut [RawVal]| {
        call(cx, &builtin, instance, args, results)
    };
    import(cx, &ty, may_block, looks, body)
}

/// Runs `builtin` for the current thread, which is one of `instance`, as a guest's call would: for
/// engines whose guests call built-ins by other ways.
pub fn invoke(
    cx: &mut Cx<'_>,
    builtin: &Builtin,
    instance: InstanceId,
    args: &[RawVal],
    results: &mut [RawVal],
) -> Flow {
    let answer = call(cx, builtin, instance, args, results);
    flow(cx, answer, results)
}

/// A core function that runs `body`, which `looks` at calls, or sees itself that they are on record.
pub(super) fn import(
    cx: &mut Cx<'_>,
    ty: &CoreFuncType,
    may_block: bool,
    looks: bool,
    body: impl Fn(&mut Cx<'_>, &[RawVal], &mut [RawVal]) -> Answer + 'static,
) -> CoreFunc {
    let shared = cx.shared.clone();
    cx.engine.import_func(
        ty,
        may_block,
        Rc::new(move |engine, args, results| {
            let mut cx = Cx { shared: &shared, engine };
            let mut begun = cx.spend(CROSSING_WORK);
            if looks && begun.is_ok() {
                begun = cx.put_on_record();
            }
            let answer = match begun {
                Ok(()) => body(&mut cx, args, results),
                Err(trap) => Err(trap),
            };
            flow(&mut cx, answer, results)
        }),
    )
}

/// What the engine is told. One that cannot suspend the guest gets an answer that is final.
fn flow(cx: &mut Cx<'_>, answer: Answer, results: &mut [RawVal]) -> Flow {
    match answer {
        Ok(Step::Block) if cx.shared.tier == Tier::Nested => match nested::block(cx) {
            Ok(values) => {
                results.copy_from_slice(&values);
                Flow::Done
            }
            Err(trap) => Flow::Trap(trap),
        },
        Ok(Step::Done) => Flow::Done,
        Ok(Step::Block) => Flow::Block,
        Err(trap) => Flow::Trap(trap),
    }
}

fn call(
    cx: &mut Cx<'_>,
    builtin: &Builtin,
    inst: InstanceId,
    args: &[RawVal],
    results: &mut [RawVal],
) -> Answer {
    dispatch(cx, builtin, inst, args, results)
        .map_err(|trap| trap.within(frame(cx, builtin, inst, args)))
}

/// A call of a built-in, for traps.
#[cold]
fn frame(cx: &Cx<'_>, builtin: &Builtin, inst: InstanceId, args: &[RawVal]) -> Frame {
    let args: Vec<_> = args.iter().map(RawVal::to_string).collect();
    let name = format!("{}({})", builtin.name(), args.join(", "));
    Frame::new(FrameKind::Builtin, name).of(cx.state().label(inst))
}

fn dispatch(
    cx: &mut Cx<'_>,
    builtin: &Builtin,
    inst: InstanceId,
    args: &[RawVal],
    results: &mut [RawVal],
) -> Answer {
    let arg = |i: usize| args[i] as u32;
    let value: RawVal = match builtin {
        Builtin::ResourceNew(ty) => resource::canon_resource_new(cx, inst, ty, arg(0))?.into(),
        Builtin::ResourceDrop(ty) => {
            return resource::canon_resource_drop(cx, inst, ty, arg(0));
        }
        Builtin::ResourceRep(ty) => resource::canon_resource_rep(cx, inst, ty, arg(0))?.into(),
        Builtin::ContextGet { slot, .. } => context::canon_context_get(cx, *slot),
        Builtin::ContextSet { slot, .. } => {
            context::canon_context_set(cx, *slot, args[0]);
            return Ok(Step::Done);
        }
        Builtin::BackpressureInc => {
            return done(backpressure::canon_backpressure_inc(cx, inst));
        }
        Builtin::BackpressureDec => {
            return done(backpressure::canon_backpressure_dec(cx, inst));
        }
        Builtin::TaskReturn { result, opts } => {
            return done(task::canon_task_return(cx, result, opts, args));
        }
        Builtin::TaskCancel => return done(task::canon_task_cancel(cx)),
        Builtin::WaitableSetNew => waitable::canon_waitable_set_new(cx, inst)?.into(),
        Builtin::WaitableSetWait { memory, .. } => {
            let into = waitable::EventTarget { memory: *memory, ptr: args[1] };
            let event = waitable::canon_waitable_set_wait(cx, inst, arg(0), into)?;
            return done_or_block(event.map(|code| code as RawVal), results);
        }
        Builtin::WaitableSetPoll { memory, .. } => {
            let into = waitable::EventTarget { memory: *memory, ptr: args[1] };
            waitable::canon_waitable_set_poll(cx, inst, arg(0), into)? as RawVal
        }
        Builtin::WaitableSetDrop => {
            return done(waitable::canon_waitable_set_drop(cx, inst, arg(0)));
        }
        Builtin::WaitableJoin => {
            return done(waitable::canon_waitable_join(cx, inst, arg(0), arg(1)));
        }
        Builtin::SubtaskCancel { is_async } => {
            let state = subtask::canon_subtask_cancel(cx, inst, *is_async, arg(0))?;
            return done_or_block(state.map(RawVal::from), results);
        }
        Builtin::SubtaskDrop => return done(subtask::canon_subtask_drop(cx, inst, arg(0))),
        _ => return dispatch_more(cx, builtin, inst, args, results),
    };
    results[0] = value;
    Ok(Step::Done)
}

/// Threads, streams, futures, error contexts.
fn dispatch_more(
    cx: &mut Cx<'_>,
    builtin: &Builtin,
    inst: InstanceId,
    args: &[RawVal],
    results: &mut [RawVal],
) -> Answer {
    let arg = |i: usize| args[i] as u32;
    let answer = match builtin {
        Builtin::ThreadIndex => {
            results[0] = thread::canon_thread_index(cx, inst)?.into();
            return Ok(Step::Done);
        }
        Builtin::ThreadNewIndirect { ty, table, .. } => {
            let thread = thread::canon_thread_new_indirect(cx, inst, ty, *table, args[0], args[1])?;
            results[0] = thread.into();
            return Ok(Step::Done);
        }
        Builtin::ThreadResumeLater => {
            return done(thread::canon_thread_resume_later(cx, inst, arg(0)));
        }
        Builtin::ThreadSuspend => thread::canon_thread_suspend(cx, inst)?,
        Builtin::ThreadYield => thread::canon_thread_yield(cx, inst)?,
        Builtin::ThreadSuspendThenResume => {
            thread::canon_thread_suspend_then_resume(cx, inst, arg(0))?
        }
        Builtin::ThreadYieldThenResume => thread::canon_thread_yield_then_resume(cx, inst, arg(0))?,
        Builtin::ThreadSuspendThenPromote => {
            thread::canon_thread_suspend_then_promote(cx, inst, arg(0))?
        }
        Builtin::ThreadYieldThenPromote => {
            thread::canon_thread_yield_then_promote(cx, inst, arg(0))?
        }
        Builtin::ErrorContextNew { opts } => {
            let index = error_context::canon_error_context_new(cx, inst, opts, args[0], args[1])?;
            results[0] = index.into();
            return Ok(Step::Done);
        }
        Builtin::ErrorContextDebugMessage { opts } => {
            return done(error_context::canon_error_context_debug_message(
                cx,
                inst,
                opts,
                arg(0),
                args[1],
            ));
        }
        Builtin::ErrorContextDrop => {
            return done(error_context::canon_error_context_drop(cx, inst, arg(0)));
        }
        _ => return stream::dispatch(cx, builtin, inst, args, results),
    };
    results[0] = 0;
    Ok(answer)
}

pub(super) fn done(result: Result<(), Trapped>) -> Answer {
    result.map(|()| Step::Done)
}

/// A built-in that has a result has finished, one that has none yet blocks.
pub(super) fn done_or_block(result: Option<RawVal>, results: &mut [RawVal]) -> Answer {
    match result {
        Some(value) => {
            results[0] = value;
            Ok(Step::Done)
        }
        None => Ok(Step::Block),
    }
}

/// Finishes the built-in that `thread` was blocked in: what it returns to the guest.
pub(crate) fn wake(cx: &mut Cx<'_>, thread: ThreadId) -> Result<SmallVec<[RawVal; 1]>, Trapped> {
    let wake = cx.state().threads[thread].wake;
    Ok(match wake {
        Wake::Zero => smallvec![0],
        Wake::Lower(subtask) => lower::resolved(cx, subtask).into_iter().collect(),
        Wake::SetEvent { set, memory, ptr } => {
            let into = waitable::EventTarget { memory, ptr };
            smallvec![waitable::deliver_event(cx, set, into)? as RawVal]
        }
        Wake::SubtaskCancel(subtask) => smallvec![subtask::cancelled(cx, subtask).into()],
        Wake::Copy(end) => smallvec![stream::copied(cx, end).into()],
        Wake::NextEvent(_) => unreachable!("between two callbacks no guest is blocked"),
        Wake::Start { .. } => unreachable!("a new thread is not blocked in a built-in"),
    })
}
