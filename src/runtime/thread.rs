//! Threads ("Threads"): what can run, wait, or be suspended.

use super::latent::{Ended, LatentCall};
use super::list::{Link, Linked};
use super::slab::Id;
use super::task::TaskId;
use super::waitable::{SetId, WaitableId};
use super::{CROSSING_WORK, Cx, InstanceId, State};
use crate::engine::{Continuation, CoreFunc, CoreMemory, RawVal};
use crate::error::{Trap, Trapped};
use std::cell::Cell;
use std::rc::Rc;

pub(crate) type ThreadId = Id<Thread>;

/// A thread of a task.
pub(crate) struct Thread {
    pub(crate) task: TaskId,
    pub(crate) inst: InstanceId,
    pub(crate) state: ThreadState,
    /// In the instance's table of threads; 0 when not in it.
    pub(crate) index: u32,
    pub(crate) storage: [u64; 2],
    pub(crate) body: Body,
    /// What is left of the built-in that the thread is blocked in.
    pub(crate) wake: Wake,
    /// Blocked on the native stack, by an engine that cannot suspend it.
    pub(crate) pinned: bool,
    /// Waits for the host to answer a sync-typed call, or for a call that is parked.
    pub(super) waits_for_host: bool,
    /// The guest's stack, where the thread is blocked inside a guest.
    cont: Option<Continuation>,
    pub(crate) queue: Queue,
    /// For a ready thread: during which step it became so.
    pub(crate) ready_since: u32,
    queue_link: Link,
    ready_link: Link,
    task_link: Link,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThreadState {
    Running,
    Suspended,
    Waiting(Wait),
}

/// What a thread waits for; `ready_func` of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Nothing: its turn.
    Turn,
    /// To be let in by backpressure and, where the task needs it, exclusive access.
    Enter,
    /// Exclusive access for a callback.
    Exclusive,
    /// An event of the set.
    Set(SetId),
    /// An event of the set, and exclusive access for the callback that receives it.
    SetExclusive(SetId),
    /// The end of a call.
    Resolved(WaitableId),
    /// An event of one waitable.
    Event(WaitableId),
}

/// The list that a waiting thread is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queue {
    None,
    /// The store's and the instance's ready lists.
    Ready,
    Entering,
    EnteringExclusive,
    Reentering,
    SetWaiters,
    /// Ready, but a sync-typed call into the instance goes first.
    Holding,
}

/// How far a thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// An implicit thread that has not been let in.
    Entering,
    /// An implicit thread inside the lifted core function.
    Core,
    /// An implicit thread inside its callback.
    Callback,
    /// An implicit thread between two callbacks.
    EventLoop,
    /// An explicit thread that has not started: see [`Wake::Start`].
    New,
    /// An explicit thread inside its function.
    Explicit,
    /// A call that cannot block: `realloc`, a start function.
    Sync,
}

/// What is left to do of a built-in when the thread that is blocked in it goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wake {
    /// Return 0, which a thread built-in always does.
    Zero,
    /// A thread that has not started: call its function.
    Start { func: CoreFunc, arg: RawVal },
    /// Sync `canon lower`: deliver the resolution and return the flat results.
    Lower(WaitableId),
    /// `waitable-set.wait`: store the event.
    SetEvent { set: SetId, memory: CoreMemory, ptr: u64 },
    /// Sync `subtask.cancel`: return the subtask's state.
    SubtaskCancel(WaitableId),
    /// A sync read, write, or cancellation of one: return the packed result.
    Copy(WaitableId),
    /// An event loop: call the callback with what was waited for.
    NextEvent(Wait),
}

impl Linked<0> for Thread {
    fn link(&mut self) -> &mut Link {
        &mut self.queue_link
    }
}

impl Linked<1> for Thread {
    fn link(&mut self) -> &mut Link {
        &mut self.ready_link
    }
}

impl Linked<2> for Thread {
    fn link(&mut self) -> &mut Link {
        &mut self.task_link
    }
}

impl Thread {
    #[inline(always)]
    pub(crate) fn new(task: TaskId, inst: InstanceId, body: Body) -> Self {
        Thread {
            task,
            inst,
            state: ThreadState::Suspended,
            index: 0,
            storage: [0; 2],
            body,
            wake: Wake::Zero,
            pinned: false,
            waits_for_host: false,
            cont: None,
            queue: Queue::None,
            ready_since: 0,
            queue_link: Link::default(),
            ready_link: Link::default(),
            task_link: Link::default(),
        }
    }

    pub(crate) fn suspended(&self) -> bool {
        self.state == ThreadState::Suspended
    }
}

impl State {
    /// The thread that called the built-in that runs.
    #[inline]
    pub(crate) fn current_thread(&self) -> ThreadId {
        self.current.expect("a guest runs")
    }

    /// The thread of the current instance with this index.
    pub(crate) fn thread_at(&self, inst: InstanceId, index: u32) -> Result<ThreadId, Trapped> {
        self[inst].threads.get(index).copied().ok_or_else(|| Trap::UnknownThread { index }.into())
    }

    /// The same, where it must be suspended.
    pub(crate) fn suspended_thread_at(
        &self,
        inst: InstanceId,
        index: u32,
    ) -> Result<ThreadId, Trapped> {
        let thread = self.thread_at(inst, index)?;
        if self.threads[thread].suspended() {
            Ok(thread)
        } else {
            Err(Trap::ThreadNotSuspended { index }.into())
        }
    }
}

/// The stacks of guests that their engine has suspended.
impl State {
    /// Keeps one until its thread goes on.
    pub(crate) fn keep_suspended(
        &mut self,
        thread: ThreadId,
        cont: Continuation,
    ) -> Result<(), Trapped> {
        self.host_memory.charge(self.stack_bytes)?;
        self.threads[thread].cont = Some(cont);
        Ok(())
    }

    pub(crate) fn take_suspended(&mut self, thread: ThreadId) -> Option<Continuation> {
        let cont = self.threads[thread].cont.take()?;
        self.host_memory.credit(self.stack_bytes);
        Some(cont)
    }
}

/// Runs `thread` by `first`, on top of the current one, and those that it gives way to by `step`, until it
/// blocks or ends.
#[inline]
pub(crate) fn run<'a>(
    cx: &mut Cx<'a>,
    thread: ThreadId,
    first: impl FnOnce(&mut Cx<'a>) -> Result<(), Trapped>,
    step: impl Fn(&mut Cx<'a>, ThreadId) -> Result<(), Trapped>,
) -> Result<(), Trapped> {
    // Of calls that are not on record, the innermost is taken for what runs.
    cx.put_on_record()?;
    let fuel = match cx.shared.config.call_fuel {
        None => None,
        Some(_) => begin_fuel(cx, thread),
    };
    let begin = |state: &mut State| {
        if matches!(state.threads[thread].state, ThreadState::Waiting(_)) {
            state.stop_waiting(thread);
        }
        state.threads[thread].state = ThreadState::Running;
        Outer { thread: state.current.replace(thread), latent: 0 }
    };
    let result = run_on(cx, begin, first, step, |_| ());
    match fuel {
        None => result,
        Some(fuel) => end_fuel(cx, fuel, result),
    }
}

/// The same for a call that may have no thread yet, from its beginning to where it leaves the native stack; `first` gets
/// its place. With what is left of it.
#[inline(always)]
pub(crate) fn run_latent<'a>(
    cx: &mut Cx<'a>,
    call: LatentCall,
    first: impl FnOnce(&mut Cx<'a>, usize) -> Result<(), Trapped>,
    step: impl Fn(&mut Cx<'a>, ThreadId) -> Result<(), Trapped>,
) -> (Result<(), Trapped>, Ended) {
    let mut ended = Ended::default();
    let at = Cell::new(0);
    let begin = |state: &mut State| {
        at.set(state.begin_latent(call));
        state.latent_caller(at.get())
    };
    let first = |cx: &mut Cx<'a>| first(cx, at.get());
    let result = run_on(cx, begin, first, step, |state| ended = state.end_latent(at.get()));
    (result, ended)
}

/// What runs again when a thread is over or has blocked.
#[derive(Clone, Copy)]
pub(crate) struct Outer {
    thread: Option<ThreadId>,
    /// A call that was latent, and may have its thread by then: one more than its place; 0 for none.
    latent: u32,
}

impl Outer {
    /// What the latent call that begins next, at `at`, is called by; it may be latent itself.
    #[inline]
    pub(super) fn of_latent(state: &State, at: usize) -> Outer {
        let is_within = at > 0 && state.made(at - 1).is_none();
        Outer { thread: state.current, latent: if is_within { at as u32 } else { 0 } }
    }

    #[inline]
    pub(super) fn thread(&self, state: &State) -> Option<ThreadId> {
        if self.latent == 0 {
            return self.thread;
        }
        state.made(self.latent as usize - 1).map_or(self.thread, |made| made.thread)
    }
}

/// What the engine has to get again when a thread has run on the fuel of its call.
struct CallFuel {
    of_call: Rc<Cell<u64>>,
    of_store: u64,
    given: u64,
}

/// Gives the engine no more fuel than is left of the call that `thread` is a part of.
#[cold]
fn begin_fuel(cx: &mut Cx<'_>, thread: ThreadId) -> Option<CallFuel> {
    let of_call = {
        let state = cx.state();
        // What runs inside of another call uses the fuel that the engine has for that.
        let is_outermost = state.nesting == 0;
        state.tasks[state.threads[thread].task].fuel.clone().filter(|_| is_outermost)
    }?;
    let of_store = cx.engine.fuel()?;
    let given = of_call.get().min(of_store);
    cx.engine.set_fuel(given);
    Some(CallFuel { of_call, of_store, given })
}

#[cold]
fn end_fuel(
    cx: &mut Cx<'_>,
    CallFuel { of_call, of_store, given }: CallFuel,
    result: Result<(), Trapped>,
) -> Result<(), Trapped> {
    let used = given - cx.engine.fuel().unwrap_or(0).min(given);
    of_call.set(of_call.get() - used);
    cx.engine.set_fuel(of_store - used);
    result.map_err(|trap| match trap.reason() {
        Trap::OutOfFuel if given < of_store => trap.with_reason(Trap::OutOfCallFuel),
        _ => trap,
    })
}

#[inline(always)]
fn run_on<'a>(
    cx: &mut Cx<'a>,
    begin: impl FnOnce(&mut State) -> Outer,
    first: impl FnOnce(&mut Cx<'a>) -> Result<(), Trapped>,
    step: impl Fn(&mut Cx<'a>, ThreadId) -> Result<(), Trapped>,
    end: impl FnOnce(&mut State),
) -> Result<(), Trapped> {
    let limit = cx.shared.config.max_nesting;
    cx.spend(CROSSING_WORK)?;
    let outer = {
        let mut state = cx.state();
        if state.nesting >= limit {
            return Err(Trap::NestingLimit { limit }.into());
        }
        let State { depth, nesting, .. } = &mut *state;
        let engine_left = || cx.engine.stack_left();
        if depth.stack_is_low(*nesting, cx.shared.config.max_foreign_stack_bytes, engine_left) {
            return Err(Trap::NativeStack.into());
        }
        state.nesting += 1;
        state.scheduler.step = state.scheduler.step.wrapping_add(1);
        begin(&mut state)
    };
    let mut result = first(cx);
    loop {
        let next = {
            let mut state = cx.state();
            let next = state.switch_to.take().filter(|_| result.is_ok());
            let Some(next) = next.filter(|next| state.begin_switch(*next)) else {
                state.current = outer.thread(&state);
                state.nesting -= 1;
                end(&mut state);
                return result;
            };
            next
        };
        result = step(cx, next);
    }
}

impl State {
    /// Whether the thread that is to take the place of the one that has just blocked now runs.
    fn begin_switch(&mut self, next: ThreadId) -> bool {
        if self.threads[next].pinned {
            // It goes on when what is above it on the stack is over.
            self.start_waiting(next, Wait::Turn);
            return false;
        }
        self.threads[next].state = ThreadState::Running;
        self.current = Some(next);
        true
    }
}
