//! What wakes a store from outside.
//!
//! A host function may answer later because of something that no guest and no caller of the store's
//! brings about: time, a descriptor that becomes readable. What it keeps for a store is an [`Extension`];
//! whatever watches for the event, on any thread, raises the store's [`Signal`]; and the store, when it runs
//! next or sleeps, has the extension answer.

use super::thread::{ThreadState, Wait};
use super::{Callee, Cx, InstanceId, Shared, State, TaskId, WaitableId};
use crate::error::{Result, Trapped};
use crate::signal::Signal;
use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::iter;
use std::rc::Rc;
use std::sync::Arc;

/// What functions of the host keep for one store.
pub trait Extension: Any {
    /// How many tasks of the host's it will answer without the host's help.
    fn expected(&self) -> u32;

    /// Whether the store will be woken for it: for one of these tasks, or for an end of a stream.
    fn will_wake(&self) -> bool;

    /// How many of the host's ends of streams and futures are its own.
    fn ends(&self) -> u32;

    /// Whether the host can make something go on that it keeps for it.
    fn waits_for_host(&self) -> bool;

    /// Whether it will answer this one so.
    fn expects(&self, task: super::HostTask) -> bool;

    /// The store was woken: answers the tasks that it can answer now.
    fn woken(&self, cx: &mut Cx<'_>) -> Result<()>;

    /// Nothing is ready: looks whether there is anything to do that it is not woken for, and does it.
    fn look(&self, cx: &mut Cx<'_>) -> Result<bool>;
}

/// A store's extensions and its signal.
pub(crate) struct Outside {
    signal: OnceCell<Arc<Signal>>,
    /// By the number that the host gave them.
    extensions: RefCell<Vec<(u64, Rc<dyn Extension>)>>,
    /// How many there are of [`Errand`].
    errands: Rc<Cell<u32>>,
}

/// Something that an extension does for a guest to the end, whether or not that has returned.
pub struct Errand(Rc<Cell<u32>>);

impl Drop for Errand {
    fn drop(&mut self) {
        self.0.update(|count| count - 1);
    }
}

impl Outside {
    /// What a store has that anybody may stop by `signal`, if there is one.
    pub(super) fn new(signal: Option<Arc<Signal>>) -> Self {
        let signal = signal.map_or_else(OnceCell::new, OnceCell::from);
        Outside { signal, extensions: RefCell::default(), errands: Rc::default() }
    }

    /// Lets go of everything.
    pub(super) fn clear(&self) {
        let extensions = self.extensions.take();
        drop(extensions);
    }

    fn all(&self) -> Vec<Rc<dyn Extension>> {
        self.extensions.borrow().iter().map(|(_, extension)| extension.clone()).collect()
    }
}

impl Shared {
    /// The store's signal.
    pub fn signal(&self) -> &Arc<Signal> {
        self.outside.signal.get_or_init(Arc::default)
    }

    /// Says that there is something to be done to the end, until the answer is dropped.
    pub fn errand(&self) -> Errand {
        self.outside.errands.update(|count| count + 1);
        Errand(self.outside.errands.clone())
    }

    /// What stops guests that run in the store, if it was made for that.
    pub fn interrupt(&self) -> Option<&Arc<Signal>> {
        self.config.engine.interrupt.as_ref()
    }

    /// Traps where what runs has to stop.
    pub(crate) fn check_interrupt(&self) -> Result<(), Trapped> {
        self.interrupt().map_or(Ok(()), |signal| signal.check())
    }

    /// Nothing runs: an interruption that comes now is of no use, and one that was obeyed is over.
    #[inline]
    pub fn forget_interruption(&self) {
        if let Some(signal) = self.interrupt() {
            signal.forget_interruption();
        }
    }

    /// What the host keeps for this store under a number, which `new` makes when it is first asked for.
    pub fn extension<T: Extension>(&self, key: u64, new: impl FnOnce() -> T) -> Rc<T> {
        let found = {
            let extensions = self.outside.extensions.borrow();
            extensions.iter().find(|(its, _)| *its == key).map(|(_, extension)| extension.clone())
        };
        let found = found.unwrap_or_else(|| {
            let extension: Rc<dyn Extension> = Rc::new(new());
            self.outside.extensions.borrow_mut().push((key, extension.clone()));
            extension
        });
        (found as Rc<dyn Any>).downcast().expect("a number stands for one type")
    }
}

/// Has the extensions answer, if the signal was raised.
pub(crate) fn deliver(cx: &mut Cx<'_>) -> Result<()> {
    if !cx.shared.outside.signal.get().is_some_and(|signal| signal.take()) {
        return Ok(());
    }
    let mut result = Ok(());
    for extension in cx.shared.outside.all() {
        result = result.and(extension.woken(cx));
    }
    result
}

/// Has the extensions look for what nothing wakes the store for; whether there was any.
pub(crate) fn look(cx: &mut Cx<'_>) -> Result<bool> {
    let mut found = false;
    for extension in cx.shared.outside.all() {
        found |= extension.look(cx)?;
    }
    Ok(found)
}

/// Whether the store was woken and extensions have not been told, in a store that may go on.
pub(crate) fn is_woken(cx: &Cx<'_>) -> bool {
    let signal = cx.shared.outside.signal.get();
    signal.is_some_and(|signal| signal.is_raised()) && cx.shared.check_interrupt().is_ok()
}

/// Whether extensions have something to do to the end.
pub(crate) fn has_errands(cx: &Cx<'_>) -> bool {
    cx.shared.outside.errands.get() > 0
}

/// Whether the host can make guests go on: whether it holds more than so many ends as extensions have, or they wait
/// for it.
pub(crate) fn waits_for_host(cx: &Cx<'_>, ends: u32) -> bool {
    let extensions = cx.shared.outside.all();
    extensions.iter().any(|extension| extension.waits_for_host())
        || ends > extensions.iter().map(|extension| extension.ends()).sum()
}

/// Sleeps until the store is woken, if that is what the call waits for. Traps where the call has to stop.
pub(crate) fn wait(cx: &mut Cx<'_>, call: WaitableId) -> Result<bool, Trapped> {
    let extensions = cx.shared.outside.all();
    let expects =
        |task| extensions.iter().any(|extension| extension.expects(super::HostTask(task)));
    let expected: u32 = extensions.iter().map(|extension| extension.expected()).sum();
    let waits = extensions.iter().any(|extension| extension.will_wake()) && {
        let state = cx.state();
        // Where the way is not plain, whatever else might be waited for must not keep the host waiting.
        expected >= state.pending_host_tasks
            || state.callee_of(call).is_some_and(|callee| state.leads_to(callee, &expects))
    };
    if waits {
        sleep(cx)?;
    }
    Ok(waits)
}

/// Sleeps until the store is woken, if it will be. Traps where what runs has to stop.
pub(crate) fn wait_for_any(cx: &mut Cx<'_>) -> Result<bool, Trapped> {
    let extensions = cx.shared.outside.all();
    let waits = extensions.iter().any(|extension| extension.will_wake());
    if waits {
        sleep(cx)?;
    }
    Ok(waits)
}

fn sleep(cx: &mut Cx<'_>) -> Result<(), Trapped> {
    cx.shared.check_interrupt()?;
    cx.shared.signal().wait();
    Ok(())
}

/// The same inside a guest that the engine cannot suspend, with the answers.
pub(crate) fn wait_in_place(cx: &mut Cx<'_>) -> Result<bool, Trapped> {
    if !wait_for_any(cx)? {
        return Ok(false);
    }
    // A failure concerns whoever is answered, who learns of it.
    let _ = deliver(cx);
    Ok(true)
}

impl State {
    /// Ends what a call that sleeps waits in: its own instance, and those that it has called.
    pub(crate) fn end_waiting(&mut self, call: WaitableId, trap: &Trapped) {
        let way = self.callee_of(call).map_or_else(Vec::new, |task| self.way(task));
        for task in way {
            let inst = self.tasks[task].inst;
            if inst != InstanceId::HOST && !self[inst].poisoned {
                self.poison(inst, InstanceId::HOST, trap);
            }
        }
    }

    /// Whether a task waits, by way of other calls, for one that `is_it` says.
    fn leads_to(&self, task: TaskId, is_it: &dyn Fn(TaskId) -> bool) -> bool {
        let last = self.way(task).pop();
        last.is_some_and(|last| matches!(self.tasks[last].callee, Callee::Host(_)) && is_it(last))
    }

    /// The tasks that each wait for the next one, from `task` on.
    fn way(&self, task: TaskId) -> Vec<TaskId> {
        let next = |at: &TaskId| {
            let thread = self.tasks[*at].implicit_thread?;
            match self.threads.get(thread)?.state {
                ThreadState::Waiting(Wait::Resolved(call) | Wait::Event(call)) => {
                    self.callee_of(call).filter(|task| self.tasks.get(*task).is_some())
                }
                _ => None,
            }
        };
        let first = self.tasks.get(task).map(|_| task);
        iter::successors(first, next).collect()
    }
}
