//! The data of C's callbacks, which C frees.

use crate::ffi::cmabi::error::cmabi_drop;
use crate::runtime::{self, Cx, InstanceId};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ffi::c_void;

/// A callback's data, which is dropped exactly once: at once, or where a store is in use, as soon as
/// it is not. So C can use the store then, whatever made the library let the data go.
pub(super) struct Data {
    data: *mut c_void,
    drop: cmabi_drop,
}

impl Data {
    pub(super) fn new(data: *mut c_void, drop: cmabi_drop) -> Self {
        Data { data, drop }
    }

    /// To be passed to the callback.
    pub(super) fn get(&self) -> *mut c_void {
        self.data
    }

    /// What C has an instance keep, or one around it.
    pub(super) fn embedded(cx: &Cx<'_>, instance: InstanceId) -> *mut c_void {
        let data = runtime::embedded(cx, instance);
        let data = data.as_ref().and_then(|data| data.downcast_ref::<Data>());
        data.map_or(std::ptr::null_mut(), Data::get)
    }

    fn run(&mut self) {
        if let Some(drop) = self.drop.take() {
            // SAFETY: the header's rules: `drop` takes its `data`, once.
            unsafe { drop(self.data) }
        }
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        if self.drop.is_some() && IN_USE.get() {
            let data = Data { data: self.data, drop: self.drop.take() };
            PUT_OFF.with_borrow_mut(|put_off| put_off.push_back(data));
            IS_PUT_OFF.set(true);
        }
        self.run();
    }
}

// SAFETY: the header's rules: callbacks and their data may be used on every thread that a store
// they are given to runs on, and at once on those of several stores.
unsafe impl Send for Data {}
// SAFETY: as above.
unsafe impl Sync for Data {}

thread_local! {
    /// Whether this thread uses a store that C cannot use now.
    static IN_USE: Cell<bool> = const { Cell::new(false) };
    /// What is dropped when that is over.
    static PUT_OFF: RefCell<VecDeque<Data>> = const { RefCell::new(VecDeque::new()) };
    /// Whether there is any, which can be asked for less.
    static IS_PUT_OFF: Cell<bool> = const { Cell::new(false) };
}

/// Runs `body` while C can use the store that it is about, or cannot.
#[inline]
pub(super) fn mark_in_use<R>(in_use: bool, body: impl FnOnce() -> R) -> R {
    /// Sets the mark back, also when unwinding.
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            IN_USE.set(self.0);
        }
    }
    let _restore = Restore(IN_USE.replace(in_use));
    body()
}

/// Whether there is something to drop, which C can now.
#[inline]
pub(super) fn is_put_off() -> bool {
    IS_PUT_OFF.get() && !IN_USE.get()
}

/// Drops what was put off.
#[cold]
pub(super) fn drop_put_off() {
    while is_put_off() {
        match PUT_OFF.with_borrow_mut(VecDeque::pop_front) {
            Some(mut data) => data.run(),
            None => IS_PUT_OFF.set(false),
        }
    }
}
