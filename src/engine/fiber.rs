//! Native stacks for guests that cannot be left and re-entered otherwise.
//!
//! A [`Fiber`] runs a function on a stack of its own. Inside, [`Fibers::block`] switches away to
//! whoever started or resumed the fiber, and comes back with the results that the blocked import
//! is to return.
//!
//! The frames on such a stack are not ours: unwinding them would end the process at the first
//! `noexcept`, and skipping them would lose what their destructors free. So a fiber is never
//! dropped while it is suspended. Dropping a [`Fiber`] resumes it as failed with
//! [`Trap::Abandoned`]: every import fails from then on, until the function returns.

use super::{Continuation, Outcome, RawVal};
use crate::error::{Trap, Trapped};
use corosensei::stack::{DefaultStack, Stack as _};
use corosensei::{Coroutine, CoroutineResult, Yielder};
use smallvec::SmallVec;
use std::cell::{Cell, RefCell};
use std::fmt;
#[cfg(target_os = "linux")]
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;
use std::rc::Rc;

/// Bytes that the stack of a fiber must have: what a built-in takes of the stack of the callback that calls it,
/// with something to spare.
pub(crate) const MIN_STACK: u64 = 64 << 10;

/// Core values that cross a switch.
pub type Values = SmallVec<[RawVal; 4]>;

/// How running a fiber for a while ended.
#[derive(Debug)]
pub enum Ran {
    /// The function returned, or it failed at some point and then returned.
    Returned(Result<Values, Trapped>),
    /// The function is suspended in [`Fibers::block`].
    Suspended(Fiber),
}

impl Ran {
    /// What an engine answers whose calls are fibers, the results in the buffer; `suspended` makes
    /// its continuation.
    pub(super) fn outcome(
        self,
        results: &mut [RawVal],
        suspended: impl FnOnce(Fiber) -> Continuation,
    ) -> Outcome {
        match self {
            Ran::Returned(Ok(values)) => {
                results.copy_from_slice(&values);
                Outcome::Returned
            }
            Ran::Returned(Err(trap)) => Outcome::Trapped(trap),
            Ran::Suspended(fiber) => Outcome::Suspended(suspended(fiber)),
        }
    }
}

/// What [`Fibers::block`] is resumed with; `None` abandons the fiber.
type Resumption = Option<Values>;
type Switch = Yielder<Resumption, ()>;
type Stack = Coroutine<Resumption, (), Result<Values, Trapped>, DefaultStack>;

/// One run of a function. Lies on the stack that the function runs on.
struct Activation {
    /// How to leave the fiber; null where blocking is not possible.
    switch: *const Switch,
    /// Why the function has to return.
    failure: Cell<Option<Trapped>>,
}

/// The fibers of one store: their pooled stacks, and what runs now.
pub struct Fibers {
    stack_size: usize,
    stacks: RefCell<Vec<DefaultStack>>,
    /// Null while no function runs.
    current: Cell<*const Activation>,
}

/// How many unused stacks are kept for the next fibers.
const POOLED_STACKS: usize = 64;

impl Fibers {
    /// Fibers with stacks of `stack_size` bytes, rounded up to whole pages, and a guard page each.
    pub fn new(stack_size: usize) -> Rc<Self> {
        // No system has as much; the guard page and rounding come on top.
        let stack_size = stack_size.min(isize::MAX as usize);
        Rc::new(Fibers { stack_size, stacks: RefCell::default(), current: Cell::new(ptr::null()) })
    }

    /// Runs `function` on a fiber until it returns or blocks.
    pub fn start(
        self: &Rc<Self>,
        function: impl FnOnce() -> Result<Values, Trapped> + 'static,
    ) -> Ran {
        let pooled = self.stacks.borrow_mut().pop();
        let stack = match pooled.map_or_else(|| DefaultStack::new(self.stack_size), Ok) {
            Ok(stack) => stack,
            Err(error) => {
                let what = format!("no memory for the stack of a fiber: {error}");
                return Ran::Returned(Err(Trap::Limit { what: what.into() }.into()));
            }
        };
        let place = stack.limit().get()..stack.base().get();
        let fibers = Rc::clone(self);
        let stack = Coroutine::with_stack(stack, move |switch: &Switch, _| {
            fibers.activate(switch, function)
        });
        self.run(stack, place, ptr::null(), None)
    }

    /// Runs `function` on the current stack, where it may not block.
    pub fn without_blocking<T>(
        &self,
        function: impl FnOnce() -> Result<T, Trapped>,
    ) -> Result<T, Trapped> {
        let _outer = Restore { fibers: self, activation: self.current.get() };
        self.activate(ptr::null(), function)
    }

    fn activate<T>(
        &self,
        switch: *const Switch,
        function: impl FnOnce() -> Result<T, Trapped>,
    ) -> Result<T, Trapped> {
        let activation = Activation { switch, failure: Cell::default() };
        self.current.set(&activation);
        let result = function();
        activation.failure.take().map_or(result, Err)
    }

    /// Leaves the running function until its fiber is resumed, and returns what it is resumed with.
    ///
    /// Where there is no fiber to leave that is a [`Trap::CannotBlock`].
    pub fn block(&self) -> Result<Values, Trapped> {
        let current = self.current.get();
        // SAFETY: an activation lies on the stack of its function, which is the running one.
        let Some(activation) = (unsafe { current.as_ref() }) else {
            return Err(Trap::CannotBlock.into());
        };
        // SAFETY: the switch of a fiber lies at the bottom of its stack, below the activation.
        let Some(switch) = (unsafe { activation.switch.as_ref() }) else {
            return Err(Trap::CannotBlock.into());
        };
        if let Some(failure) = self.failure() {
            return Err(failure);
        }
        let resumption = switch.suspend(());
        self.current.set(current);
        resumption.ok_or_else(|| {
            let abandoned = Trapped::from(Trap::Abandoned);
            activation.failure.set(Some(abandoned.clone()));
            abandoned
        })
    }

    /// Makes the running function fail: its call ends with `failure`, whatever it returns.
    pub fn fail(&self, failure: &Trapped) {
        // SAFETY: as in `block`.
        if let Some(activation) = unsafe { self.current.get().as_ref() } {
            let first = activation.failure.take().unwrap_or_else(|| failure.clone());
            activation.failure.set(Some(first));
        }
    }

    /// Changes why the running function has to return, if it has to.
    #[cfg_attr(not(feature = "component"), allow(dead_code))]
    pub fn amend(&self, change: impl FnOnce(Trapped) -> Trapped) {
        // SAFETY: as in `block`.
        if let Some(activation) = unsafe { self.current.get().as_ref() } {
            activation.failure.set(activation.failure.take().map(change));
        }
    }

    /// Why the running function has to return, if it has to.
    pub fn failure(&self) -> Option<Trapped> {
        // SAFETY: as in `block`.
        let activation = unsafe { self.current.get().as_ref() }?;
        let failure = activation.failure.take();
        activation.failure.set(failure.clone());
        failure
    }

    fn run(
        self: &Rc<Self>,
        mut stack: Stack,
        place: Range<usize>,
        activation: *const Activation,
        resumption: Resumption,
    ) -> Ran {
        let outer = Restore { fibers: self, activation: self.current.replace(activation) };
        let result = on_fiber(&place, || stack.resume(resumption));
        let activation = self.current.get();
        drop(outer);
        match result {
            CoroutineResult::Return(result) => {
                let mut stacks = self.stacks.borrow_mut();
                if stacks.len() < POOLED_STACKS {
                    stacks.push(stack.into_stack());
                }
                Ran::Returned(result)
            }
            CoroutineResult::Yield(()) => Ran::Suspended(Fiber {
                fibers: Rc::clone(self),
                suspended: Some((stack, place, activation)),
            }),
        }
    }
}

thread_local! {
    /// Where the stack of the fiber is that runs; empty where none does.
    static FIBER: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// Runs `body`, which switches to a fiber whose stack is at `place`.
fn on_fiber<R>(place: &Range<usize>, body: impl FnOnce() -> R) -> R {
    struct Outer((usize, usize));
    impl Drop for Outer {
        fn drop(&mut self) {
            FIBER.set(self.0);
        }
    }
    let _outer = Outer(FIBER.replace((place.start, place.end)));
    body()
}

/// How deep the native stack is where the calls from the host into guests are that are nested in one
/// another.
#[derive(Default)]
pub struct Depth {
    /// Where the outermost call was on a stack of which only the host knows where it ends.
    outermost: usize,
}

impl Depth {
    /// Whether so little is left of the stack that runs that a call into a guest, inside of `nesting`
    /// others, could overflow it: of a thread's own stack what its end leaves, and `foreign_bytes`
    /// from the outermost call of a stack that is the host's. A fiber's stack is for one such call, and
    /// never said to be low. Of a stack of the engine's own, `engine_left` says what is left.
    pub fn stack_is_low(
        &mut self,
        nesting: u32,
        foreign_bytes: u64,
        engine_left: impl FnOnce() -> Option<u64>,
    ) -> bool {
        /// What a call into a guest takes, and what the host does there, in a build without
        /// optimization.
        const RESERVE: usize = 128 << 10;
        thread_local! {
            static STACK: Range<usize> = thread_stack();
        }
        let here = ptr::from_ref(&Cell::new(0u8)).addr();
        let thread = STACK.with(Range::clone);
        if thread.contains(&here) {
            let reserve = RESERVE.min((thread.end - thread.start) / 2);
            return here - thread.start < reserve;
        }
        let fiber = FIBER.get();
        if (fiber.0..fiber.1).contains(&here) {
            return false;
        }
        if let Some(left) = engine_left() {
            return left < RESERVE as u64;
        }
        if nesting == 0 || here > self.outermost {
            self.outermost = here;
        }
        (self.outermost - here) as u64 > foreign_bytes
    }
}

/// Where the stack of the running thread is; empty where the system does not say.
#[cfg(target_os = "linux")]
fn thread_stack() -> Range<usize> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut start, mut size) = (ptr::null_mut(), 0);
    // SAFETY: the attributes are initialized by the first call, where it succeeds, and not used
    // after the last.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return 0..0;
        }
        libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut start, &raw mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
    }
    start.addr()..start.addr() + size
}

/// Where the stack of the running thread is; empty where the system does not say.
#[cfg(target_vendor = "apple")]
fn thread_stack() -> Range<usize> {
    // SAFETY: these functions only read what the thread is made of.
    let (end, size) = unsafe {
        let thread = libc::pthread_self();
        (libc::pthread_get_stackaddr_np(thread).addr(), libc::pthread_get_stacksize_np(thread))
    };
    end - size..end
}

/// Where the stack of the running thread is; empty where the system does not say.
#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn thread_stack() -> Range<usize> {
    0..0
}

impl fmt::Debug for Fibers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fibers").field("stack_size", &self.stack_size).finish_non_exhaustive()
    }
}

/// Puts back what was running, also when a panic comes through.
struct Restore<'a> {
    fibers: &'a Fibers,
    activation: *const Activation,
}

impl Drop for Restore<'_> {
    fn drop(&mut self) {
        self.fibers.current.set(self.activation);
    }
}

/// A fiber that is suspended in [`Fibers::block`].
pub struct Fiber {
    fibers: Rc<Fibers>,
    /// `None` only once it is being resumed.
    suspended: Option<(Stack, Range<usize>, *const Activation)>,
}

impl Fiber {
    /// Continues the fiber: its [`Fibers::block`] returns `results`.
    pub fn resume(mut self, results: &[RawVal]) -> Ran {
        let suspended = self.suspended.take();
        let (stack, place, activation) = suspended.expect("only dropping takes it otherwise");
        self.fibers.run(stack, place, activation, Some(results.into()))
    }
}

impl Drop for Fiber {
    fn drop(&mut self) {
        if let Some((stack, place, activation)) = self.suspended.take() {
            // `block` does not leave a fiber that failed, so this runs the function to its end.
            self.fibers.run(stack, place, activation, None);
        }
    }
}

impl fmt::Debug for Fiber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fiber").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suspended(ran: Ran) -> Fiber {
        match ran {
            Ran::Suspended(fiber) => fiber,
            Ran::Returned(result) => panic!("returned {result:?}"),
        }
    }

    fn returned(ran: Ran) -> Result<Values, Trapped> {
        match ran {
            Ran::Returned(result) => result,
            Ran::Suspended(_) => panic!("suspended"),
        }
    }

    /// Blocks `times` times and returns the sum of what it got.
    fn summing(fibers: &Rc<Fibers>, times: usize) -> Ran {
        let inner = Rc::clone(fibers);
        fibers.start(move || {
            let mut sum = 0;
            for _ in 0..times {
                sum += inner.block()?[0];
            }
            Ok(Values::from_slice(&[sum]))
        })
    }

    #[test]
    fn fibers_come_back_in_any_order() {
        let fibers = Fibers::new(64 << 10);
        let one = suspended(summing(&fibers, 2));
        let two = suspended(summing(&fibers, 1));
        let one = suspended(one.resume(&[1]));
        assert_eq!(returned(two.resume(&[10])).unwrap()[..], [10]);
        assert_eq!(returned(one.resume(&[2])).unwrap()[..], [3]);
        assert_eq!(fibers.stacks.borrow().len(), 2);
        assert!(fibers.current.get().is_null());
    }

    #[test]
    fn fibers_nest_and_each_blocks_itself_only() {
        let fibers = Fibers::new(64 << 10);
        let inner = Rc::clone(&fibers);
        let outer = fibers.start(move || {
            let nested = suspended(summing(&inner, 1));
            let results = inner.block()?;
            returned(nested.resume(&results))
        });
        assert!(fibers.current.get().is_null());
        assert_eq!(returned(suspended(outer).resume(&[7])).unwrap()[..], [7]);
    }

    #[test]
    fn a_dropped_fiber_runs_to_its_end() {
        let fibers = Fibers::new(64 << 10);
        let ended = Rc::new(Cell::new(0));
        let (inner, count) = (Rc::clone(&fibers), Rc::clone(&ended));
        let fiber = fibers.start(move || {
            while inner.block().is_ok() {}
            let again = inner.block().unwrap_err();
            assert!(matches!(again.reason(), Trap::Abandoned));
            count.set(count.get() + 1);
            Ok(Values::new())
        });
        drop(suspended(suspended(fiber).resume(&[])));
        assert_eq!(ended.get(), 1);
        assert!(fibers.current.get().is_null());
    }

    #[test]
    fn a_failure_cannot_be_hidden() {
        let fibers = Fibers::new(64 << 10);
        let inner = Rc::clone(&fibers);
        let ran = fibers.start(move || {
            inner.fail(&Trap::CoreException.into());
            inner.fail(&Trap::OutOfFuel.into());
            let nested = inner.without_blocking(|| Ok(inner.failure().is_none()));
            assert!(nested.unwrap());
            Ok(Values::new())
        });
        assert!(matches!(returned(ran).unwrap_err().reason(), Trap::CoreException));
    }

    #[test]
    fn blocking_needs_a_fiber() {
        let fibers = Fibers::new(64 << 10);
        assert!(matches!(fibers.block().unwrap_err().reason(), Trap::CannotBlock));
        let inner = Rc::clone(&fibers);
        let ran = fibers.start(move || {
            let nested = inner.without_blocking(|| inner.block());
            assert!(matches!(nested.unwrap_err().reason(), Trap::CannotBlock));
            inner.block()
        });
        assert!(returned(suspended(ran).resume(&[])).unwrap().is_empty());
    }
}
