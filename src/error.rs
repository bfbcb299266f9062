//! What can go wrong: [`Error`] for the embedder's mistakes and bad input, [`Trap`] for the
//! conditions under which the specification says `trap`.
//!
//! A [`Trap`] travels as a [`Trapped`]: one boxed word, so that the paths that do not fail stay
//! small, with the place in the value and the chain of calls added while it unwinds.

mod frame;

pub use frame::{Frame, FrameKind};

use crate::clip::clipped_text;
use std::fmt;
use std::sync::Arc;

/// The result of anything the embedder asks for.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The broad class of an [`Error`]; each is one `cmabi_status` of the C API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument is NULL, malformed, stale or from another store.
    InvalidArgument,
    /// Not in this build, or beyond what the engine can do.
    Unsupported,
    /// A component binary, WIT text or WAVE text is malformed or invalid.
    Invalid,
    /// A name does not exist.
    NotFound,
    /// An import is missing or has the wrong type.
    Link,
    /// A signature or value does not have the component's type.
    TypeMismatch,
    /// A configured or specified limit was reached.
    Limit,
    /// A guest trapped.
    Trap,
    /// The call can only go on when the host does something.
    WouldBlock,
    /// The store is running on another thread, or inside a callback that may not use it so.
    Busy,
    /// A host function reported a failure.
    Host,
    /// The library has a bug; the store is poisoned.
    Internal,
    /// A guest has ended its program, which is no failure.
    Exit,
    /// The host stopped what ran.
    Interrupted,
    /// A trap, or the host, has ended the instance before.
    Ended,
}

/// An error that names what was wrong and where.
#[derive(Clone)]
pub struct Error(Box<ErrorInner>);

#[derive(Clone)]
struct ErrorInner {
    kind: ErrorKind,
    message: String,
    /// Where in the message who was running begins, or its end.
    summary_end: usize,
    trap: Option<Trapped>,
}

impl Error {
    /// An error of `kind` whose `message` names what was wrong and where.
    #[cold]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Error(Box::new(ErrorInner { kind, summary_end: message.len(), message, trap: None }))
    }

    /// The class of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The message without who was running when a guest trapped.
    pub fn summary(&self) -> &str {
        &self.0.message[..self.0.summary_end]
    }

    /// The trap behind the error, where a guest has trapped.
    pub fn trap(&self) -> Option<&Trapped> {
        self.0.trap.as_ref()
    }

    /// The same error with `context` in front of its message, as `context: message`.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        let message = format!("{context}: {}", self.0.message);
        self.0.summary_end += message.len() - self.0.message.len();
        self.0.message = message;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.0.kind, self.0.message)
    }
}

impl std::error::Error for Error {}

impl From<Trapped> for Error {
    #[cold]
    fn from(trap: Trapped) -> Self {
        let kind = match trap.reason() {
            _ if trap.is_of_host() => ErrorKind::InvalidArgument,
            Trap::Host { .. } => ErrorKind::Host,
            Trap::Exit { .. } => ErrorKind::Exit,
            Trap::Interrupted { .. } => ErrorKind::Interrupted,
            Trap::Ended { .. } => ErrorKind::Ended,
            Trap::Limit { .. }
            | Trap::OutOfFuel
            | Trap::OutOfCallFuel
            | Trap::TableFull { .. }
            | Trap::NestingLimit { .. }
            | Trap::NativeStack => ErrorKind::Limit,
            _ => ErrorKind::Trap,
        };
        let (message, summary_end) = (trap.to_string(), trap.summary().len());
        Error(Box::new(ErrorInner { kind, message, summary_end, trap: Some(trap) }))
    }
}

/// One condition under which the specification says `trap`, or the engine does.
///
/// The text of each variant is what a person reads; it says what the guest did.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Trap {
    // Loading and lifting.
    /// `load`, `lift_flat_values`: a pointer that is not a multiple of the type's alignment.
    #[error("unaligned pointer: {ptr:#x} is not a multiple of {align}")]
    Unaligned {
        /// The address.
        ptr: u64,
        /// The alignment that the type asks for.
        align: u32,
    },
    /// A pointer and length that do not lie within the memory.
    #[error("out of bounds memory access: {len} bytes at {ptr:#x} in a memory of {memory} bytes")]
    OutOfBounds {
        /// The address.
        ptr: u64,
        /// How many bytes were to be accessed.
        len: u64,
        /// The length of the memory in bytes.
        memory: u64,
    },
    /// `load_string_from_range`: more than 2^28 - 1 bytes.
    #[error("string of {len} bytes is longer than {max}")]
    StringTooLong {
        /// Bytes that the string would take.
        len: u64,
        /// Bytes that it may take.
        max: u64,
    },
    /// `load_list_from_range`: more than 2^28 - 1 bytes.
    #[error("list of {len} bytes is longer than {max}")]
    ListTooLong {
        /// Bytes that the list would take (saturating).
        len: u64,
        /// Bytes that it may take.
        max: u64,
    },
    /// `load_string_from_range`: not UTF-8.
    #[error("invalid utf-8 encoding at byte {at}")]
    InvalidUtf8 {
        /// Index of the first bad byte.
        at: u64,
    },
    /// `load_string_from_range`: an unpaired surrogate.
    #[error("unpaired surrogate at utf-16 code unit {at}")]
    InvalidUtf16 {
        /// Index of the first bad code unit.
        at: u64,
    },
    /// `convert_i32_to_char`: a surrogate or above U+10FFFF.
    #[error("{value:#x} is not a unicode scalar value")]
    InvalidChar {
        /// The number given for the `char`.
        value: u32,
    },
    /// `load_variant`, `lift_flat_variant`: no such case.
    #[error("invalid variant discriminant: {value} of {cases} cases")]
    InvalidDiscriminant {
        /// The discriminant.
        value: u32,
        /// How many cases the type has.
        cases: u32,
    },

    // Storing and lowering.
    /// `realloc` returned a pointer that is not aligned as asked.
    #[error("realloc returned the unaligned pointer {ptr:#x}, asked for alignment {align}")]
    ReallocUnaligned {
        /// What `realloc` returned.
        ptr: u64,
        /// The alignment asked for.
        align: u32,
    },
    /// `realloc` returned memory that does not exist.
    #[error(
        "realloc return: {len} bytes at {ptr:#x} are beyond the end of memory ({memory} bytes)"
    )]
    ReallocOutOfBounds {
        /// What `realloc` returned.
        ptr: u64,
        /// Bytes asked for.
        len: u64,
        /// The length of the memory in bytes.
        memory: u64,
    },

    /// `reallocate`: a value needs memory, and there is no `realloc` option.
    #[error("a value needs memory but the canonical options have no realloc")]
    NoRealloc,

    // Entering and leaving instances.
    /// A guest calls an instance that a trap, or the host, has ended.
    #[error("cannot enter component instance: it has ended: {why}")]
    CannotEnter {
        /// By what.
        why: Box<str>,
    },
    /// The same where the host calls it.
    #[error("cannot enter component instance: it has ended: {why}")]
    Ended {
        /// By what.
        why: Box<str>,
    },
    /// The host ended the instance.
    #[error("{instance} was terminated by the host")]
    Terminated {
        /// Its label.
        instance: Arc<str>,
    },
    /// A built-in or import called by `realloc` or `post-return`.
    #[error("cannot leave component instance")]
    CannotLeave,

    // Handles.
    /// `Table.get`, `Table.remove`: no such entry.
    #[error("unknown handle index {index}")]
    UnknownHandle {
        /// The index.
        index: u32,
    },
    /// A handle that refers to something else than what is needed.
    #[error("handle index {index} used with the wrong type, expected {expected} but found {found}")]
    WrongHandleType {
        /// The index.
        index: u32,
        /// What it has to refer to.
        expected: Arc<str>,
        /// What it refers to.
        found: Arc<str>,
    },
    /// `Table.add`: too many entries.
    #[error("table is full: {limit} entries")]
    TableFull {
        /// The most that there can be.
        limit: u32,
    },
    /// `lift_own`, `resource.drop`: a handle that is lent to a call.
    #[error("cannot remove owned resource while borrowed: handle index {index} is lent to a call")]
    ResourceLent {
        /// The index.
        index: u32,
    },
    /// `lift_own`: a handle that was only borrowed.
    #[error("cannot pass on ownership of a borrowed resource: handle index {index}")]
    NotOwned {
        /// The index.
        index: u32,
    },
    /// `Task.return_`, `Task.cancel`: handles that the call was lent have not been dropped.
    #[error("borrow handles still remain at the end of the call: {count}")]
    BorrowsRemain {
        /// How many.
        count: u32,
    },

    // Tasks and threads.
    /// A sync call blocks and nothing that could unblock it may run.
    #[error("cannot block a synchronous task before returning")]
    CannotBlock,
    /// The engine cannot suspend guests, and all that could go on is below this guest on the stack.
    #[error(
        "the engine cannot suspend a guest that blocks (nested tier), and nothing else can run"
    )]
    CannotSuspend,
    /// Everything waits for something else.
    #[error("deadlock detected: event loop cannot make further progress{who}")]
    Deadlock {
        /// Who waits for what: empty, or lines that each begin with a line break.
        who: Arc<str>,
    },
    /// `unregister_thread`: the last thread of a task ends and there is no result.
    #[error("the task ended without task.return or task.cancel")]
    TaskNotResolved,
    /// `Task.return_`: a second result.
    #[error("the task has returned or been cancelled already")]
    TaskAlreadyResolved,
    /// `cmabi_linker_set_immediate` was said of the function.
    #[error("the host function was said to answer at once, and answers later")]
    NotImmediate,
    /// `Task.cancel`: nobody has asked for it, or the task does not know yet.
    #[error("task.cancel without a request to cancel that was delivered")]
    CancelNotRequested,
    /// `task.return`, `task.cancel`: called by a task of a sync lift.
    #[error("the task was lifted without the async option: it returns by returning")]
    NotAsyncTask,
    /// `task.return`: another type than the function's.
    #[error("task.return with a type that is not the function's result type")]
    TaskReturnType,
    /// `task.return`: another memory or string encoding than the function's.
    #[error("task.return with a memory or string encoding that is not the function's")]
    TaskReturnOptions,
    /// `unpack_callback_result`: not EXIT, YIELD or WAIT.
    #[error("unsupported callback code: {code}")]
    UnsupportedCallbackCode {
        /// What the guest returned.
        code: u32,
    },
    /// `backpressure.inc`: 2^16 times more than `backpressure.dec`.
    #[error("backpressure counter overflow")]
    BackpressureOverflow,
    /// `backpressure.dec` without `backpressure.inc`.
    #[error("backpressure counter underflow")]
    BackpressureUnderflow,
    /// No thread with this index.
    #[error("unknown thread index {index}")]
    UnknownThread {
        /// The index.
        index: u32,
    },
    /// A thread to be resumed runs, or waits for something.
    #[error("cannot resume thread which is not suspended: thread {index}")]
    ThreadNotSuspended {
        /// The index.
        index: u32,
    },
    /// `thread.new-indirect`: the table has no such function.
    #[error("no function at table index {index} to start a thread with")]
    NoThreadFunc {
        /// The index.
        index: u64,
    },
    /// `thread.new-indirect`: a function of another type.
    #[error("the function at table index {index} does not have the type of thread functions")]
    ThreadFuncType {
        /// The index.
        index: u64,
    },

    // Waitables and subtasks.
    /// `waitable.join`, `cancel_copy`: a thread waits for the waitable alone.
    #[error("waitable is used synchronously by another thread")]
    WaitableInSyncUse,
    /// A sync operation on a waitable that is in a set.
    #[error("waitable cannot be used synchronously while added to a waitable set")]
    SyncUseInSet,
    /// `WaitableSet.drop`: it has elements.
    #[error("cannot drop waitable set with elements: {elements}")]
    DropSetWithElements {
        /// How many.
        elements: u32,
    },
    /// `WaitableSet.drop`: threads wait for it.
    #[error("cannot drop waitable set with waiters: {waiters}")]
    DropSetWithWaiters {
        /// How many.
        waiters: u32,
    },
    /// `Subtask.drop`: the caller has not been told that it is over.
    #[error("cannot drop a subtask which has not yet resolved")]
    DropUnresolvedSubtask,
    /// `subtask.cancel`: the caller has been told that it is over.
    #[error("subtask.cancel of a subtask that has resolved")]
    SubtaskAlreadyResolved,
    /// `subtask.cancel` a second time.
    #[error("subtask.cancel was called before on this subtask")]
    SubtaskCancelledTwice,
    // Streams and futures.
    /// `Buffer`: more elements than there can be.
    #[error("buffer of {length} elements is longer than 2^28 - 1")]
    BufferTooLong {
        /// Its length.
        length: u64,
    },
    /// `canon_stream_read` and its like: a copy is in progress at this end.
    #[error("cannot have concurrent operations active on a future/stream")]
    ConcurrentCopy,
    /// An end that has nothing to read or write any more.
    #[error("cannot {action} after {since}")]
    CopyAfterDone {
        /// What the guest tried.
        action: &'static str,
        /// Since when it is in vain.
        since: &'static str,
    },
    /// `cancel_copy`: no copy is in progress at this end.
    #[error("cannot cancel a copy which is not in progress on this end of a {what}")]
    NoCopyToCancel {
        /// `stream` or `future`.
        what: &'static str,
    },
    /// `CopyEnd.drop`, `lift_async_value`: a copy is in progress at this end.
    #[error("cannot {action} busy {what}")]
    BusyEnd {
        /// What the guest tried.
        action: &'static str,
        /// `stream` or `future`.
        what: &'static str,
    },
    /// `lift_async_value`, `forward`: the end is in a set.
    #[error("cannot {action} {what} while it's in a waitable set")]
    EndInSet {
        /// What the guest tried.
        action: &'static str,
        /// `stream` or `future`.
        what: &'static str,
    },
    /// `WritableFutureEnd.drop`: the reader would wait for ever.
    #[error("cannot drop future write end without first writing a value")]
    FutureNotWritten,
    /// `End.copy`: within one instance only numbers can be copied.
    #[error("cannot read from and write to intra-component {what}")]
    CopyWithinInstance {
        /// `stream` or `future`.
        what: &'static str,
    },
    /// The host has let go of a call without answering it.
    #[error("the host dropped the call of {name} without answering it")]
    HostDroppedTask {
        /// The function.
        name: Arc<str>,
    },
    /// A function was called that the host does not have, and that its linker was to trap for.
    #[error("the import {name} was called, which the host does not have")]
    UnknownImport {
        /// The function, by its full name.
        name: Arc<str>,
    },
    /// The store went away, or the call trapped, while this function was suspended.
    #[error("the call was abandoned while it was suspended")]
    Abandoned,

    // The engine and the host.
    /// Core wasm trapped: the engine's own text, as in the core specification's tests.
    #[error("{0}")]
    Core(Arc<str>),
    /// A core function threw and nothing caught it.
    #[error("uncaught core wasm exception")]
    CoreException,
    /// The fuel given to the store is used up.
    #[error("all fuel consumed by WebAssembly")]
    OutOfFuel,
    /// The fuel of one call by the host is used up; the store may have more.
    #[error("all fuel of the call is consumed (see cmabi_config_set_call_fuel)")]
    OutOfCallFuel,
    /// The host stopped what ran: `cmabi_interrupter_interrupt`, or a deadline.
    #[error("interrupted: {reason}")]
    Interrupted {
        /// By what.
        reason: &'static str,
    },
    /// Too many host and guest calls nested in one another.
    #[error("call stack exhausted: more than {limit} nested calls between host and guest")]
    NestingLimit {
        /// The configured bound.
        limit: u32,
    },
    /// The thread has too little native stack for another nested call.
    #[error("call stack exhausted: too little native stack is left for a nested call")]
    NativeStack,
    /// A host function failed.
    #[error("{message}")]
    Host {
        /// What the host said.
        message: Arc<str>,
    },
    /// A guest has ended its program, by `wasi:cli/exit`.
    #[error("the guest has exited with status {code}")]
    Exit {
        /// The status.
        code: u8,
    },
    /// A configured limit was reached.
    #[error("resource limit exceeded: {what}")]
    Limit {
        /// Which limit.
        what: Arc<str>,
    },
    /// The library has a bug.
    #[error("internal error: {0}")]
    Internal(Arc<str>),
}

/// A [`Trap`] on its way out: with the place in the value it concerns, and who was being called.
#[derive(Clone)]
pub struct Trapped(Box<TrapReport>);

#[derive(Clone)]
struct TrapReport {
    reason: Trap,
    /// Innermost first.
    path: Vec<PathSegment>,
    /// Innermost first.
    frames: Vec<Frame>,
    /// The outermost call is among the frames: what else is on the native stack has nothing to do with it.
    all_frames: bool,
    of_host: bool,
    last_words: Option<Arc<str>>,
}

/// Frames that a trap keeps, of those that recursion through components can make.
const MAX_FRAMES: usize = 64;

/// One step from a function's parameter or result down to the value that a trap concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathSegment {
    /// A parameter, by name.
    Param(Arc<str>),
    /// The result.
    Result,
    /// An element of a list, or of a stream's buffer.
    Element(u64),
    /// A field of a record, or an index of a tuple.
    Field(Arc<str>),
    /// A case of a variant, `some`, `ok`, `error`.
    Case(Arc<str>),
}

impl fmt::Display for PathSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PathSegment::Param(name) => write!(f, "param {name:?}"),
            PathSegment::Result => f.write_str("result"),
            PathSegment::Element(index) => write!(f, "element {index}"),
            PathSegment::Field(name) => write!(f, "field {name:?}"),
            PathSegment::Case(name) => write!(f, "case {name:?}"),
        }
    }
}

impl Trapped {
    /// The condition.
    pub fn reason(&self) -> &Trap {
        &self.0.reason
    }

    /// The same for another condition, which says more.
    #[must_use]
    pub(crate) fn with_reason(mut self, reason: Trap) -> Self {
        self.0.reason = reason;
        self
    }

    /// The condition and where it was met, but not in which calls; not more than a line or two.
    pub fn reason_text(&self) -> Box<str> {
        const MOST: usize = 500;
        clipped_text(MOST, format_args!("{}", self.summary())).into()
    }

    fn fmt_reason(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        for (i, segment) in self.path().enumerate() {
            write!(out, "{}{segment}", if i == 0 { "" } else { ", " })?;
        }
        if !self.0.path.is_empty() {
            out.write_str(": ")?;
        }
        write!(out, "{}", self.0.reason)
    }

    /// From the parameter or result inwards.
    pub fn path(&self) -> impl Iterator<Item = &PathSegment> {
        self.0.path.iter().rev()
    }

    /// Who was running, innermost first.
    pub fn frames(&self) -> &[Frame] {
        &self.0.frames
    }

    /// What the instance that it ends had written to standard error last, where that is kept.
    pub fn last_words(&self) -> Option<&str> {
        self.0.last_words.as_deref()
    }

    /// Adds what an instance has said last. Where a trap ends several, what the first has said stays.
    #[cold]
    #[must_use]
    pub(crate) fn with_last_words(mut self, words: &[u8]) -> Self {
        self.0.last_words.get_or_insert_with(|| String::from_utf8_lossy(words).into());
        self
    }

    /// Says that a value which the host passed is to blame: no guest ends because of it.
    #[cold]
    #[must_use]
    pub(crate) fn of_host(mut self) -> Self {
        self.0.of_host = true;
        self
    }

    /// Whether a value that the host passed is to blame.
    pub(crate) fn is_of_host(&self) -> bool {
        self.0.of_host
    }

    /// Adds the step that leads to what failed; called innermost first while unwinding.
    #[cold]
    #[must_use]
    pub fn at(mut self, segment: PathSegment) -> Self {
        self.0.path.push(segment);
        self
    }

    /// Says that the outermost step is a parameter: the parameters are copied as one record.
    #[cold]
    #[must_use]
    pub fn of_params(mut self) -> Self {
        if let Some(PathSegment::Field(name)) = self.0.path.last().cloned() {
            self.0.path.pop();
            self.0.path.push(PathSegment::Param(name));
        }
        self
    }

    /// Adds who was running; called innermost first while unwinding.
    #[cold]
    #[must_use]
    pub fn within(mut self, frame: Frame) -> Self {
        if self.has_room() {
            self.0.frames.push(frame);
        }
        self
    }

    /// The outermost that was added so far.
    pub(crate) fn last_frame(&self) -> Option<&Frame> {
        self.0.frames.last().filter(|_| !self.0.all_frames)
    }

    /// Whether frames can be added.
    pub(crate) fn has_room(&self) -> bool {
        !self.0.all_frames && self.0.frames.len() < MAX_FRAMES
    }

    /// Says in which instance the core functions ran that an engine has told of.
    #[cold]
    #[must_use]
    pub(crate) fn in_instance(mut self, label: &Arc<str>) -> Self {
        let core = |frame: &&mut Frame| frame.kind == FrameKind::Core && frame.instance.is_none();
        if !self.0.all_frames {
            for frame in self.0.frames.iter_mut().rev().take_while(core) {
                frame.instance = Some(label.clone());
            }
        }
        self
    }

    /// Says that the outermost call has been added: whoever runs the thread that trapped did not call it.
    #[cold]
    #[must_use]
    pub(crate) fn all_frames(mut self) -> Self {
        self.0.all_frames = true;
        self
    }

    /// Where and why, without who was running.
    pub fn summary(&self) -> String {
        let mut summary = String::new();
        // A string takes all that is written.
        let _ = self.fmt_reason(&mut summary);
        summary
    }
}

impl From<Trap> for Trapped {
    #[cold]
    fn from(reason: Trap) -> Self {
        Trapped(Box::new(TrapReport {
            reason,
            path: Vec::new(),
            frames: Vec::new(),
            all_frames: false,
            of_host: false,
            last_words: None,
        }))
    }
}

impl fmt::Display for Trapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_reason(f)?;
        for frame in &self.0.frames {
            write!(f, "\n  in {frame}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Trapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Trapped {}
