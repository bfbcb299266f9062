//! What wakes a store from outside.
//!
//! A host function may answer later because of something that no guest and no caller of the store's
//! brings about: time, a descriptor that becomes readable. What it keeps for a store is an [`Extension`];
//! whatever watches for the event, on any thread, raises the store's [`Signal`]; and the store, when it runs
//! next or sleeps, has the extension answer.

use super::thread::{ThreadState, Wait};
use super::{Callee, Cx, Shared, State, TaskId, WaitableId};
use crate::error::Result;
use std::any::Any;
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::Waker;

/// What functions of the host keep for one store.
pub trait Extension: Any {
    /// How many tasks of the host's it will answer without the host's help.
    fn expected(&self) -> u32;

    /// Whether it will answer this one so.
    fn expects(&self, task: super::HostTask) -> bool;

    /// The store was woken: answers the tasks that it can answer now.
    fn woken(&self, cx: &mut Cx<'_>) -> Result<()>;

    /// Nothing is ready: looks whether there is anything to do that it is not woken for, and does it.
    fn look(&self, cx: &mut Cx<'_>) -> Result<bool>;
}

/// Says that something has happened that a store has to look at. Any thread may raise it at any time.
#[derive(Default)]
pub struct Signal {
    is_raised: AtomicBool,
    sleeper: Mutex<Sleeper>,
    raised: Condvar,
}

#[derive(Default)]
struct Sleeper {
    /// Makes the event loop that drives the store come around.
    waker: Option<Waker>,
}

impl Signal {
    /// Wakes the store, if it sleeps, and its event loop.
    pub fn raise(&self) {
        let sleeper = self.sleeper.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_raised.swap(true, Ordering::Release) {
            self.raised.notify_all();
            if let Some(waker) = &sleeper.waker {
                waker.wake_by_ref();
            }
        }
    }

    /// Has whoever drives the store woken as well, at once if the signal is raised.
    pub fn set_waker(&self, waker: Waker) {
        let mut sleeper = self.sleeper.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_raised.load(Ordering::Acquire) {
            waker.wake_by_ref();
        }
        sleeper.waker = Some(waker);
    }

    fn take(&self) -> bool {
        self.is_raised.load(Ordering::Relaxed) && self.is_raised.swap(false, Ordering::Acquire)
    }

    fn wait(&self) {
        let mut sleeper = self.sleeper.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.is_raised.load(Ordering::Acquire) {
            sleeper = self.raised.wait(sleeper).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A store's extensions and its signal.
#[derive(Default)]
pub(crate) struct Outside {
    signal: OnceCell<Arc<Signal>>,
    /// By the number that the host gave them.
    extensions: RefCell<Vec<(u64, Rc<dyn Extension>)>>,
}

impl Outside {
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
pub(super) fn deliver(cx: &mut Cx<'_>) -> Result<()> {
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
pub(super) fn look(cx: &mut Cx<'_>) -> Result<bool> {
    let mut found = false;
    for extension in cx.shared.outside.all() {
        found |= extension.look(cx)?;
    }
    Ok(found)
}

/// Sleeps until the store is woken, if that is what the call waits for.
pub(super) fn wait(cx: &mut Cx<'_>, call: WaitableId) -> bool {
    let extensions = cx.shared.outside.all();
    let expects =
        |task| extensions.iter().any(|extension| extension.expects(super::HostTask(task)));
    let expected: u32 = extensions.iter().map(|extension| extension.expected()).sum();
    let waits = expected > 0 && {
        let state = cx.state();
        // Where the way is not plain, whatever else might be waited for must not keep the host waiting.
        expected >= state.pending_host_tasks
            || state.callee_of(call).is_some_and(|callee| state.leads_to(callee, &expects))
    };
    if waits {
        cx.shared.signal().wait();
    }
    waits
}

/// Sleeps until the store is woken, if it will be.
pub(super) fn wait_for_any(cx: &mut Cx<'_>) -> bool {
    let extensions = cx.shared.outside.all();
    let waits = extensions.iter().any(|extension| extension.expected() > 0);
    if waits {
        cx.shared.signal().wait();
    }
    waits
}

/// The same inside a guest that the engine cannot suspend, with the answers.
pub(super) fn wait_in_place(cx: &mut Cx<'_>) -> Result<bool, crate::error::Trapped> {
    if !wait_for_any(cx) {
        return Ok(false);
    }
    // A failure concerns whoever is answered, who learns of it.
    let _ = deliver(cx);
    Ok(true)
}

impl State {
    /// Whether a task waits, by way of other calls, for one that `is_it` says.
    fn leads_to(&self, task: TaskId, is_it: &dyn Fn(TaskId) -> bool) -> bool {
        let mut at = task;
        loop {
            let task = match self.tasks.get(at) {
                Some(task) => task,
                None => return false,
            };
            if let Callee::Host(_) = task.callee {
                return is_it(at);
            }
            let thread = task.implicit_thread.and_then(|thread| self.threads.get(thread));
            let Some(ThreadState::Waiting(Wait::Resolved(call) | Wait::Event(call))) =
                thread.map(|thread| thread.state)
            else {
                return false;
            };
            let Some(next) = self.callee_of(call) else { return false };
            at = next;
        }
    }
}
