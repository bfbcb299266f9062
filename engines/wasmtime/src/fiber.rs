//! Calls that can be suspended.
//!
//! Where an import may block, its callers run on wasmtime's fibers, one for each call, as futures that are
//! polled by hand: [`start`] polls one for the first time, [`resume`] again once the import that blocked has
//! its results. Inside, [`suspend`] leaves the fiber by a call of an asynchronous function of the
//! host's, `park`, which is pending once.
//!
//! # Why this is sound
//!
//! wasmtime's interface says that a call has the store for itself until its future is done, and that no
//! plain call ([`wasmtime::Func::call_unchecked`]) is made inside of one. Here other calls run in the store
//! while one is suspended, and plain calls inside of fibers. What the two promises are for, and why it holds all the
//! same in the version of wasmtime that this is built with:
//!
//! - *What belongs to the running fiber*: wasmtime saves it when a fiber is left and puts it back when it is
//!   entered (`FiberResumeState`): the activations on its stack, of which there may be several, the limit
//!   of the stack, the pointers to suspend it. It does so for each fiber, in any order: its own
//!   concurrent calls of components run in one store like this.
//! - *Exclusive borrows*: a suspended fiber has `&mut` references to the store on its stack, and uses
//!   them when it goes on, after others have changed the store. At each moment one call only runs, and
//!   control goes from one to another by a switch of stacks in assembly, which the store's address has
//!   been given to: for the compiler that is a call of unknown code which may change all of the store, so
//!   nothing of it is kept in registers across. wasmtime relies on the same.
//! - *Collection of garbage*: a collector would not see references on the stacks of suspended fibers. The
//!   engine uses the null collector, which never moves or frees anything.
//! - *Threads*: a suspended fiber may go on in another thread. On its stack are frames of guests, of
//!   wasmtime, and of [`suspend`] and the import that calls it, which keep nothing of a thread. The
//!   library suspends the innermost call only, and its own frames and the host's have returned by then. Nothing
//!   else suspends a fiber: the null collector does not, and neither do epochs or fuel as they are used here.
//! - *The end of the stack*: a plain call on a fiber gives its guests their share from where it is, whether or
//!   not the fiber has as much. So it is looked at before ([`Store::stack_has_room`]), and the call
//!   runs on another fiber ([`at_once`]) where there is too little.

use crate::abi::*;
use crate::call::{Values, write};
use crate::limits::Limits;
use crate::outcome;
use crate::store::{Func, Store};
use crate::{guard, say, stack};
use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::c_void;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::ptr;
use std::task::{Context, Poll, Waker};
use wasmtime::{Caller, StoreContextMut, TypedFunc, ValRaw};

/// A call that can be suspended.
type Call = dyn Future<Output = wasmtime::Result<Values<u64>>>;

/// A call that is suspended. The store owns it; the library has its address.
pub(crate) struct Fiber {
    call: Pin<Box<Call>>,
    /// Its place among those of the store.
    place: usize,
}

/// A function to call, and its arguments and results.
struct Job {
    func: wasmtime::Func,
    values: Values<ValRaw>,
}

// SAFETY: no references cross.
unsafe impl Send for Job {}

/// The fibers of a store.
#[derive(Default)]
pub(crate) struct Fibers {
    /// What leaves a fiber. There where guests have imports that may block.
    park: Cell<Option<wasmtime::Func>>,
    /// Where on the running fiber's stack the first import was: [`NO_FIBER`], [`NO_IMPORT`], or an address.
    top: Cell<usize>,
    /// What a fiber runs: it calls the function of the job.
    entry: OnceCell<TypedFunc<(), ()>>,
    /// For the fiber that begins next.
    job: Cell<*mut Job>,
    /// What the import that blocked returns, while a suspended call goes on.
    answer: Cell<*const u64>,
    /// At fixed addresses.
    #[allow(clippy::vec_box)]
    suspended: RefCell<Vec<Box<Fiber>>>,
}

/// What runs is on the thread's own stack.
const NO_FIBER: usize = 0;
/// The fiber that runs has called no import yet.
const NO_IMPORT: usize = usize::MAX;

impl Fibers {
    /// Keeps a call that was suspended.
    fn put(&self, call: Pin<Box<Call>>) -> *mut Fiber {
        let mut suspended = self.suspended.borrow_mut();
        let place = suspended.len();
        suspended.push(Box::new(Fiber { call, place }));
        &raw mut *suspended[place]
    }

    /// # Safety
    /// `fiber` is one that was put there and not taken yet.
    unsafe fn take(&self, fiber: *mut Fiber) -> Pin<Box<Call>> {
        // SAFETY: the caller's promise.
        let place = unsafe { (*fiber).place };
        let mut suspended = self.suspended.borrow_mut();
        let fiber = suspended.swap_remove(place);
        if let Some(moved) = suspended.get_mut(place) {
            moved.place = place;
        }
        fiber.call
    }

    /// Unwinds what is suspended.
    pub(crate) fn abandon(&self) {
        loop {
            let fiber = self.suspended.borrow_mut().pop();
            if fiber.is_none() {
                return;
            }
        }
    }
}

impl Store {
    /// Whether guests have imports that may block.
    pub(crate) fn suspends(&self) -> bool {
        self.fibers.park.get().is_some()
    }

    /// An import begins. Answers which stack it is on, for [`suspend`].
    #[inline]
    pub(crate) fn enter_import(&self) -> usize {
        if self.fibers.top.get() == NO_IMPORT {
            self.fibers.top.set(stack::pointer());
        }
        self.fibers.top.get()
    }

    /// Whether a plain call can be made here. Of a stack that is neither a fiber's nor the thread's own nobody
    /// says how large it is.
    #[inline]
    pub(crate) fn stack_has_room(&self) -> bool {
        let left = self.stack_left().or_else(stack::left_of_thread);
        left.is_some_and(|left| self.stacks.suffices(left))
    }

    /// What is left of the stack of the fiber that runs.
    fn stack_left(&self) -> Option<usize> {
        let top = self.fibers.top.get();
        // Above the first import, the fiber's guests had one share of the stack.
        let used = || top.saturating_sub(stack::pointer()).saturating_add(self.stacks.guests);
        (top != NO_FIBER).then(|| self.stacks.fiber.saturating_sub(used()))
    }

    /// Polls a future that runs a fiber of this store.
    fn poll<F: Future + ?Sized>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        struct Restore<'a>(&'a Store, usize);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.fibers.top.set(self.1);
            }
        }
        let _outer = Restore(self, self.fibers.top.replace(NO_IMPORT));
        self.while_running(|| future.poll(&mut Context::from_waker(Waker::noop())))
    }
}

/// Guests have an import that may block: from now on their calls run on fibers.
pub(crate) fn allow(store: &Store, cx: &mut StoreContextMut<'_, Limits>) {
    if !store.suspends() {
        let park = wasmtime::Func::wrap_async(cx, |_: Caller<'_, Limits>, ()| {
            let mut was_left = false;
            Box::new(poll_fn(move |_| {
                if std::mem::replace(&mut was_left, true) { Poll::Ready(()) } else { Poll::Pending }
            }))
        });
        store.fibers.park.set(Some(park));
    }
}

/// Leaves the running fiber, whose import blocks, until it goes on; then with the import's `results`.
///
/// # Safety
/// What runs is an import, called by a guest that was called by [`start`] or [`resume`] and has no other call inside.
/// `stack` is what [`Store::enter_import`] answered there.
pub(crate) unsafe fn suspend(
    store: &Store,
    stack: usize,
    caller: Caller<'_, Limits>,
    results: &mut [u64],
) -> wasmtime::Result<()> {
    let park = store.fibers.park.get().filter(|_| stack != NO_FIBER);
    let park = park.ok_or_else(|| wasmtime::Error::msg("an import blocked that was not to"))?;
    // SAFETY: it has no values; see the file's documentation.
    unsafe { park.call_unchecked(caller, &mut [] as *mut [ValRaw])? };
    store.fibers.top.set(stack);
    let answer = store.fibers.answer.replace(ptr::null());
    for (i, result) in results.iter_mut().enumerate() {
        // SAFETY: the library's promise: as many words as the import has results.
        *result = unsafe { answer.add(i).read() };
    }
    Ok(())
}

/// Runs a fiber that does not block.
pub(crate) fn at_once<T>(
    store: &Store,
    future: impl Future<Output = wasmtime::Result<T>>,
) -> wasmtime::Result<T> {
    match store.poll(pin!(future)) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(wasmtime::Error::msg("a call was suspended that must not be")),
    }
}

/// `(module (import "" "" (func)) (func (export "") (call 0)))`
pub(crate) const ENTRY: &[u8] =
    b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x02\x05\x01\0\0\0\0\x03\x02\x01\0\x07\x04\x01\0\0\x01\
    \x0a\x06\x01\x04\0\x10\0\x0b";

/// Frames of guests' code that a fiber begins with.
pub(crate) const ENTRY_FRAMES: usize = 1;

/// The wasm function that fibers of the store begin with. A fiber must not begin with a function of the host's, which
/// guests can bring about: where the guests' code begins on a stack wasmtime notes when it is entered, and
/// would not; what it has noted is of another stack then, which may be gone when a trap looks at it. Besides, a call
/// of a function that takes nothing is quick.
fn entry<'a>(
    store: &'a Store,
    cx: &mut StoreContextMut<'_, Limits>,
) -> wasmtime::Result<&'a TypedFunc<(), ()>> {
    if let Some(entry) = store.fibers.entry.get() {
        return Ok(entry);
    }
    let at = StoreAddress(store);
    let run = wasmtime::Func::wrap(&mut *cx, move |caller: Caller<'_, Limits>| at.run_job(caller));
    let module = store.engine().entry(store.care).map_err(wasmtime::Error::msg)?;
    let imports = [run.into()];
    let instance = at_once(store, wasmtime::Instance::new_async(&mut *cx, module, &imports))?;
    let entry = instance.get_typed_func(cx, "")?;
    Ok(store.fibers.entry.get_or_init(|| entry))
}

/// For a function of the store's own.
struct StoreAddress(*const Store);

// SAFETY: wasmtime asks for it because stores may move between threads, which the library's may too.
unsafe impl Send for StoreAddress {}
// SAFETY: as above.
unsafe impl Sync for StoreAddress {}

impl StoreAddress {
    fn run_job(&self, caller: Caller<'_, Limits>) -> wasmtime::Result<()> {
        // SAFETY: the store has the function that calls this. Its job belongs to the future of the call that
        // has just begun. The values are of the types of the parameters, and there is room for the results.
        unsafe {
            let job = &mut *(*self.0).fibers.job.get();
            let (values, len) = (job.values.as_mut_ptr(), job.values.len());
            job.func.call_unchecked(caller, ptr::slice_from_raw_parts_mut(values, len))
        }
    }
}

/// The call of `func` on a fiber.
///
/// # Safety
/// There are as many words at `args` as the function has parameters, when this is called. The store and the function
/// stay as long as the future.
pub(crate) unsafe fn on_fiber(
    store: &Store,
    mut cx: StoreContextMut<'_, Limits>,
    func: &Func,
    args: *const u64,
) -> wasmtime::Result<impl Future<Output = wasmtime::Result<Values<u64>>> + use<>> {
    let entry = entry(store, &mut cx)?;
    // SAFETY: only the lifetimes change; store and function stay, and see the file's documentation.
    let (store, entry, func, cx) = unsafe {
        let cx =
            std::mem::transmute::<StoreContextMut<'_, _>, StoreContextMut<'static, Limits>>(cx);
        (&*ptr::from_ref(store), &*ptr::from_ref(entry), &*ptr::from_ref(func), cx)
    };
    // SAFETY: the caller's promise.
    let mut job = Job { func: func.func, values: unsafe { func.values(args) } };
    Ok(async move {
        store.fibers.job.set(&raw mut job);
        entry.call_async(cx, ()).await?;
        Ok(func.words(&job.values).collect())
    })
}

/// Runs `call` until it ends or blocks, and says how it went.
///
/// # Safety
/// The library's promises for `call` and `resume` of the table.
unsafe fn go_on(
    store: &Store,
    mut call: Pin<Box<Call>>,
    results: *mut u64,
    continuation: *mut *mut c_void,
    message: *mut cmabi_string,
) -> u32 {
    let ran = guard(|| match store.poll(call.as_mut()) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    });
    let ended = match ran {
        Ok(None) => {
            // SAFETY: the caller's promise.
            unsafe { *continuation = store.fibers.put(call).cast() };
            return CMABI_OUTCOME_SUSPENDED;
        }
        Ok(Some(Ok(values))) => {
            // SAFETY: the caller's promise.
            unsafe { write(results, values) };
            return CMABI_OUTCOME_RETURNED;
        }
        Ok(Some(Err(error))) => Ok(Err(error)),
        Err(text) => {
            // What is on its stack is unknown.
            std::mem::forget(call);
            Err(text)
        }
    };
    // SAFETY: the caller's promise.
    outcome::answer(store, ended, ENTRY_FRAMES, unsafe { &mut *message })
}

/// Calls `func` on a fiber of its own, which can be suspended.
///
/// # Safety
/// The library's promises for `call` of the table.
pub(crate) unsafe fn start(
    store: &Store,
    func: &Func,
    args: *const u64,
    results: *mut u64,
    continuation: *mut *mut c_void,
    message: *mut cmabi_string,
) -> u32 {
    // SAFETY: the caller's promise; before the store goes, it drops what is suspended.
    let made = guard(|| store.with(|cx| unsafe { on_fiber(store, cx, func, args) }));
    match made {
        // SAFETY: the caller's promise.
        Ok(Ok(call)) => unsafe { go_on(store, Box::pin(call), results, continuation, message) },
        failed => {
            let failed = failed.map(|call| call.map(drop));
            // SAFETY: as above.
            outcome::answer(store, failed, 0, unsafe { &mut *message })
        }
    }
}

pub(crate) unsafe extern "C" fn resume(
    store: *mut c_void,
    suspended: *mut c_void,
    import_results: *const u64,
    results: *mut u64,
    continuation: *mut *mut c_void,
    message: *mut cmabi_string,
) -> u32 {
    // SAFETY: the library's promises; each suspended call is consumed once.
    unsafe {
        let store = Store::of(store);
        let call = store.fibers.take(suspended.cast());
        store.fibers.answer.set(import_results);
        go_on(store, call, results, continuation, message)
    }
}

pub(crate) unsafe extern "C" fn continuation_free(store: *mut c_void, suspended: *mut c_void) {
    let freed = guard(|| {
        // SAFETY: the library's promises; each suspended call is consumed once.
        let call = unsafe { Store::of(store).fibers.take(suspended.cast()) };
        drop(call);
    });
    if let Err(text) = freed {
        say(text);
    }
}

pub(crate) unsafe extern "C" fn stack_left(store: *mut c_void) -> usize {
    // SAFETY: the library's promise.
    unsafe { Store::of(store) }.stack_left().unwrap_or(usize::MAX)
}
