//! Store
//!
//! How a store is kept from being used twice at once, and yet may be used again from inside a
//! callback: whoever enters it leaves a mark of the thread. While the runtime calls back into C, it
//! lends its context ([`cmabi_store::lend`]); an export that finds the mark of its own thread works
//! on what is lent, and one that finds another thread's mark, or nothing lent, answers
//! `CMABI_STATUS_BUSY`.

use super::config::{cmabi_config, tell};
use super::engine::cmabi_engine;
use super::error::{cmabi_drop, cmabi_error, cmabi_status};
use super::resource::{Objects, is_lent_rep};
use super::task::Tasks;
use super::waker::Waker;
use crate::deadline::Deadline;
use crate::engine::native::NativeStore;
use crate::engine::{Engine, EngineStoreConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::ffi::data::{Data, drop_put_off, is_put_off, mark_in_use};
use crate::ffi::{check, guard, guard_or, internal};
use crate::host;
use crate::memory::Arena;
use crate::runtime::{self, Cx, Shared, Store, StoreConfig};
use crate::signal::Signal;
use once_cell::unsync::OnceCell;
use std::cell::{Cell, RefCell, UnsafeCell};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Instances, and all that happens in them.
///
/// One thread at a time; it may move from thread to thread between calls. A use from a second thread
/// at once is answered with `CMABI_STATUS_BUSY`. Inside a callback the store that called may be used
/// again, as far as the functions do not say otherwise.
/// @since 0.1
pub struct cmabi_store {
    /// A number that no other store of this process has or had.
    pub(in crate::ffi) id: u64,
    pub(in crate::ffi) engine: Arc<dyn Engine>,
    /// The thread that is inside, 0 for none.
    owner: AtomicUsize,
    poisoned: AtomicBool,
    /// What a callback that is running may use.
    lent: Cell<Option<NonNull<Cx<'static>>>>,
    /// The engine's part, where the host's own core functions are all it has.
    pub(in crate::ffi) native: Option<NativeStore>,
    /// For calls that need no memory for their results.
    pub(in crate::ffi) no_arena: Rc<Arena>,
    /// Used before, for calls to come.
    pub(in crate::ffi) tasks: Tasks,
    /// Made when C first asks for it.
    pub(in crate::ffi) waker: OnceCell<Arc<Waker>>,
    /// What the representations of the host's resources stand for.
    pub(in crate::ffi) objects: Objects,
    /// A callback that answers a question in the middle of something runs.
    asking: Cell<bool>,
    /// It is being freed.
    ending: Cell<bool>,
    /// Made when C first sets one.
    deadline: OnceCell<Deadline>,
    /// See [`cmabi_store::drop_data`].
    dropping: AtomicBool,
    shared: Rc<Shared>,
    store: UnsafeCell<Store>,
    /// What C keeps with it: dropped last.
    data: RefCell<Option<Data>>,
}

/// A number that no other living thread has; never 0.
fn this_thread() -> usize {
    thread_local! {
        static HERE: u8 = const { 0 };
    }
    HERE.with(|here| ptr::from_ref(here).addr())
}

impl cmabi_store {
    fn new(engine: &Arc<dyn Engine>, config: Option<&cmabi_config>) -> Result<Box<cmabi_store>> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let no_arena = Arena::new();
        no_arena.set_limit(0);
        let mut store = Store::new(&**engine, &store_config(config))?;
        let native = store.cx().engine.as_native().cloned();
        let shared = store.shared().clone();
        let store = Box::new(cmabi_store {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            engine: engine.clone(),
            owner: AtomicUsize::new(0),
            poisoned: AtomicBool::new(false),
            lent: Cell::new(None),
            no_arena: Rc::new(no_arena),
            native,
            tasks: Tasks::default(),
            waker: OnceCell::new(),
            objects: Objects::new(),
            asking: Cell::new(false),
            ending: Cell::new(false),
            deadline: OnceCell::new(),
            dropping: AtomicBool::new(false),
            shared,
            store: UnsafeCell::new(store),
            data: RefCell::default(),
        });
        store.shared.embedder.set(ptr::from_ref(&*store).cast());
        store.shared.lent_rep.set(Some(is_lent_rep));
        if let Some((on_trace, data)) = config.and_then(|config| config.trace.clone()) {
            let watched = store.link();
            let watcher = move |event: &runtime::TraceEvent<'_>| match watched.store() {
                Some(store) => store.keep_away(|| tell(on_trace, &data, event)),
                None => tell(on_trace, &data, event),
            };
            store.enter(|cx| {
                runtime::watch(cx, Rc::new(watcher));
                Ok(())
            })?;
        }
        Ok(store)
    }

    /// Runs `body` on the store, with the marks set. A panic in it poisons the store.
    pub(in crate::ffi) fn enter<R>(
        &self,
        body: impl FnOnce(&mut Cx<'_>) -> Result<R>,
    ) -> Result<R> {
        let here = this_thread();
        match self.owner.compare_exchange(0, here, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => {
                // SAFETY: the mark keeps every other use away until it is taken back below; uses
                // from inside `body` go through what it lends.
                let store = unsafe { &mut *self.store.get() };
                self.shared.forget_interruption();
                let result = mark_in_use(true, || self.run(&mut store.cx(), body));
                self.owner.store(0, Ordering::Release);
                self.drop_data();
                result
            }
            Err(owner) if owner == here && self.ending.get() => {
                Err(Error::new(ErrorKind::Busy, "the store is being freed"))
            }
            Err(owner) if owner == here && self.asking.get() => Err(not_in_callback()),
            Err(owner) if owner == here => {
                // What there is no room to put on record does not show; what would run guests says so.
                let body = |cx: &mut Cx<'_>| {
                    let _ = cx.put_on_record();
                    body(cx)
                };
                // Native functions run on fibers, which come and go in any order: what is lent by
                // one of them is not what the next finds. But their engine needs no lending.
                if let Some(mut engine) = self.native.clone() {
                    return self.run(&mut Cx { shared: &self.shared, engine: &mut engine }, body);
                }
                let Some(mut lent) = self.lent.take() else { return Err(not_in_callback()) };
                // SAFETY: `lend` keeps the context alive and unused until its callback is over,
                // and nobody else has it as long as `lent` is empty.
                let result = mark_in_use(true, || self.run(unsafe { lent.as_mut() }, body));
                self.lent.set(Some(lent));
                self.drop_data();
                result
            }
            Err(_) => Err(Error::new(ErrorKind::Busy, "the store is in use on another thread")),
        }
    }

    fn run<'a, R>(
        &self,
        cx: &mut Cx<'a>,
        body: impl FnOnce(&mut Cx<'a>) -> Result<R>,
    ) -> Result<R> {
        if self.is_poisoned() {
            let message =
                "the store was in use when an internal error happened; it can only be freed";
            return Err(Error::new(ErrorKind::Internal, message));
        }
        catch_unwind(AssertUnwindSafe(|| body(cx))).unwrap_or_else(|panic| {
            self.poisoned.store(true, Ordering::Relaxed);
            Err(internal(panic))
        })
    }

    /// Drops the data of callbacks that the store has let go while it was in use. The function that
    /// C has called goes on to use it, so it stays.
    #[inline]
    fn drop_data(&self) {
        if !is_put_off() {
            return;
        }
        let outer = self.dropping.swap(true, Ordering::Relaxed);
        drop_put_off();
        self.dropping.store(outer, Ordering::Relaxed);
    }

    /// When what `signal` stops, which runs in this store, has to stop.
    pub(in crate::ffi) fn deadline(&self, signal: Arc<Signal>) -> &Deadline {
        self.deadline.get_or_init(|| Deadline::new(signal))
    }

    /// Whether a panic has left the store in an unknown state.
    pub(in crate::ffi) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Relaxed)
    }

    /// Lets C use the store through `cx` while `callback` runs.
    pub(in crate::ffi) fn lend<R>(&self, cx: &mut Cx<'_>, callback: impl FnOnce() -> R) -> R {
        /// Takes back what was lent, also when unwinding.
        struct Restore<'a>(&'a cmabi_store, Option<NonNull<Cx<'static>>>);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.lent.set(self.1);
            }
        }
        let lent = NonNull::from(cx).cast::<Cx<'static>>();
        let _restore = Restore(self, self.lent.replace(Some(lent)));
        mark_in_use(false, callback)
    }

    /// Keeps C from using the store while `callback` runs.
    pub(in crate::ffi) fn keep_away<R>(&self, callback: impl FnOnce() -> R) -> R {
        let outer = self.asking.replace(true);
        let answer = callback();
        self.asking.set(outer);
        answer
    }

    /// What finds the store as long as it is there.
    pub(in crate::ffi) fn link(&self) -> Link {
        Link(Rc::downgrade(&self.shared))
    }

    /// What C knows the store by.
    pub(in crate::ffi) fn to_c(&self) -> *mut cmabi_store {
        ptr::from_ref(self).cast_mut()
    }

    /// The C store that a context belongs to.
    ///
    /// # Safety
    /// The context is that of a [`cmabi_store`], which stays alive for `'a`.
    pub(in crate::ffi) unsafe fn of<'a>(cx: &Cx<'_>) -> &'a cmabi_store {
        // SAFETY: `new` put the address there; the store does not move.
        unsafe { &*cx.shared.embedder.get().cast::<cmabi_store>() }
    }

    /// Checks that what belongs to the store with the number `id` is used with this one.
    pub(in crate::ffi) fn owns(&self, id: u64, argument: &str) -> Result<()> {
        if self.id == id {
            return Ok(());
        }
        Err(check::invalid(argument, "belongs to another store"))
    }
}

#[cold]
fn not_in_callback() -> Error {
    Error::new(ErrorKind::Busy, "the store is running, and this callback may not use it")
}

/// Finds a store as long as it is there: for what C may keep for longer.
pub(in crate::ffi) struct Link(Weak<Shared>);

impl Link {
    /// The store, for the time that C does not free it. While it does, what has a link is let go like
    /// after that.
    pub(in crate::ffi) fn store<'a>(&self) -> Option<&'a cmabi_store> {
        let store = self.0.upgrade()?.embedder.get().cast::<cmabi_store>();
        // SAFETY: the address is that of the store until the store is freed.
        unsafe { store.as_ref() }.filter(|store| !store.ending.get())
    }
}

fn store_config(config: Option<&cmabi_config>) -> StoreConfig {
    let mut settings = StoreConfig::default();
    let Some(config) = config else { return settings };
    settings.engine = EngineStoreConfig {
        fuel: config.fuel,
        max_memory_bytes: config.max_memory_bytes,
        max_table_elements: config.max_table_elements,
        interrupt: None,
    };
    settings.call_fuel = config.call_fuel;
    settings.is_interruptible = config.is_interruptible;
    settings.max_host_bytes = config.max_host_bytes.unwrap_or(settings.max_host_bytes);
    settings.max_guest_bytes = config.max_guest_bytes.unwrap_or(settings.max_guest_bytes);
    settings.max_call_bytes = config.max_call_bytes.unwrap_or(settings.max_call_bytes);
    settings.max_nesting = config.max_nesting.unwrap_or(settings.max_nesting);
    settings.max_foreign_stack_bytes =
        config.max_foreign_stack_bytes.unwrap_or(settings.max_foreign_stack_bytes);
    settings.max_handles = config.max_handles.unwrap_or(settings.max_handles);
    settings.max_threads = config.max_threads.unwrap_or(settings.max_threads);
    settings.schedule_seed = config.schedule_seed;
    settings.deterministic = config.deterministic;
    settings
}

/// Makes an empty store. `config` may be NULL for the defaults.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_store_new(
    engine: *const cmabi_engine,
    config: *const cmabi_config,
    store: *mut *mut cmabi_store,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (out, engine, config) = unsafe {
            let out = check::out_handle(store, "store")?;
            (out, check::required(engine, "engine")?, config.as_ref())
        };
        // The host's own may free what C knows it by.
        let engine = engine.engine.clone();
        *out = Box::into_raw(cmabi_store::new(&engine, config)?);
        Ok(())
    })
}

/// Frees a store with everything in it. NULL is fine.
///
/// What is left of it in the caller's hands, such as instances, can then only be freed. A store that
/// is running cannot be freed: from inside one of its callbacks, or from a second thread, this does
/// nothing.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_store_free(store: *mut cmabi_store) {
    guard_or((), || {
        // SAFETY: the header's rules: the store is the caller's and is freed once.
        unsafe {
            let Some(running) = store.as_ref() else { return };
            let free = running.owner.compare_exchange(
                0,
                this_thread(),
                Ordering::Acquire,
                Ordering::Relaxed,
            );
            if free.is_err() {
                return;
            }
            if running.dropping.load(Ordering::Relaxed) {
                running.owner.store(0, Ordering::Release);
                return;
            }
            // Callbacks find the store alive, and busy.
            running.ending.set(true);
            (*running.store.get()).tear_down();
            running.shared.embedder.set(ptr::null());
            drop(Box::from_raw(store));
        }
    });
}

/// Runs one ready thread, until it ends or blocks. `*ran`, if `ran` is not NULL, says whether there
/// was one, or else something that WASI does for guests went on. Never blocks. `CMABI_STATUS_BUSY` while a guest runs, as inside a host function. A trap that
/// ended no call of the host's, and that nobody was told of, is told here first: `CMABI_STATUS_TRAP`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_store_tick(
    store: *mut cmabi_store,
    ran: *mut bool,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let store = unsafe { check::required(store, "store") }?;
        let answer = store.enter(host::tick)?;
        // SAFETY: the header's rules.
        if let Some(ran) = unsafe { ran.as_mut() } {
            *ran = answer;
        }
        Ok(())
    })
}

/// Runs until no thread is ready. Never blocks. All as for `cmabi_store_tick`. Where WASI alone has much to do, as
/// moving a long file to another, this returns before that is over, and the store's waker is called.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_store_run(
    store: *mut cmabi_store,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        unsafe { check::required(store, "store") }?.enter(host::run)
    })
}

/// Has a store keep `data` for the host: whatever a host function wants to find by its store. `drop`, which
/// may be NULL, is called with it when other data is set, and after all else when the store is freed.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_store_set_data(
    store: *mut cmabi_store,
    data: *mut c_void,
    drop: cmabi_drop,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        let data = Data::new(data, drop);
        // SAFETY: the header's rules.
        let store = unsafe { check::required(store, "store") }?;
        let old = store.data.replace(Some(data));
        std::mem::drop(old);
        Ok(())
    })
}

/// The data that the host has set; NULL before, and for NULL.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_store_data(store: *const cmabi_store) -> *mut c_void {
    // SAFETY: the header's rules.
    let store = unsafe { store.as_ref() };
    store.and_then(|store| store.data.borrow().as_ref().map(Data::get)).unwrap_or(ptr::null_mut())
}

/// How much fuel is left. `CMABI_STATUS_INVALID_ARGUMENT` for a store that does not meter: see
/// `cmabi_config_set_fuel`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_store_fuel(
    store: *mut cmabi_store,
    fuel: *mut u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (store, out) =
            unsafe { (check::required(store, "store")?, check::out_value(fuel, "fuel")?) };
        let left = store.enter(|cx| cx.engine.fuel().ok_or_else(not_metered))?;
        out.write(left);
        Ok(())
    })
}

/// Sets how much fuel is left. `CMABI_STATUS_INVALID_ARGUMENT` for a store that does not meter: see
/// `cmabi_config_set_fuel`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_store_set_fuel(
    store: *mut cmabi_store,
    fuel: u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let store = unsafe { check::required(store, "store") }?;
        store.enter(|cx| {
            cx.engine.fuel().ok_or_else(not_metered)?;
            cx.engine.set_fuel(fuel);
            Ok(())
        })
    })
}

fn not_metered() -> Error {
    check::invalid("store", "does not meter fuel (see cmabi_config_set_fuel)")
}

#[cfg(all(test, feature = "wasmi"))]
mod tests {
    use super::*;
    use crate::engine::wasmi::WasmiEngine;

    fn store() -> Box<cmabi_store> {
        let engine: Arc<dyn Engine> = Arc::new(WasmiEngine::default());
        cmabi_store::new(&engine, None).unwrap()
    }

    fn kind_of<R>(result: Result<R>) -> ErrorKind {
        result.err().expect("an error").kind()
    }

    #[test]
    fn a_panic_poisons_the_store() {
        let store = store();
        let panicked = store.enter(|_| -> Result<()> { panic!("on purpose") });
        let error = panicked.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert_eq!(error.to_string(), "internal error: on purpose");
        assert_eq!(kind_of(store.enter(|_| Ok(()))), ErrorKind::Internal);
    }

    #[test]
    fn a_callback_uses_what_is_lent_to_it_and_nothing_else() {
        let store = store();
        store
            .enter(|cx| {
                assert_eq!(kind_of(store.enter(|_| Ok(()))), ErrorKind::Busy);
                store.lend(cx, || {
                    store.enter(|cx| {
                        assert_eq!(kind_of(store.enter(|_| Ok(()))), ErrorKind::Busy);
                        store.lend(cx, || store.enter(|_| Ok(())))
                    })
                })?;
                assert_eq!(kind_of(store.enter(|_| Ok(()))), ErrorKind::Busy);
                Ok(())
            })
            .unwrap();
        store.enter(|_| Ok(())).unwrap();
    }

    #[test]
    fn a_second_thread_at_once_is_refused() {
        /// Lets the test break the rule that the types would keep.
        struct Anywhere(Box<cmabi_store>);
        // SAFETY: the store's own check is what is tested.
        unsafe impl Sync for Anywhere {}
        let store = Anywhere(store());
        store
            .0
            .enter(|_| {
                let store = &store;
                std::thread::scope(|scope| {
                    let second = scope.spawn(move || kind_of({ store }.0.enter(|_| Ok(()))));
                    assert_eq!(second.join().unwrap(), ErrorKind::Busy);
                });
                Ok(())
            })
            .unwrap();
    }
}
