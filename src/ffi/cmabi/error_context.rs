//! Error context

use super::arena::cmabi_arena;
use super::error::{cmabi_drop, cmabi_error, cmabi_status, cmabi_string};
use super::store::cmabi_store;
use crate::ffi::data::Data;
use crate::ffi::{check, guard};
use crate::host;
use crate::runtime::{self, Cx, ErrorContextHook};
use std::ffi::c_void;
use std::rc::Rc;

/// Makes `*context` a handle of the host's to a new error context with this debug message, to be passed as
/// an `error-context` in values. Passing it shares it: the handle stays the host's to drop.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_error_context_new(
    store: *mut cmabi_store,
    message: cmabi_string,
    context: *mut u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (store, out) = unsafe {
            let store = check::required(store, "store")?;
            check::text(message, "message")?;
            (store, check::out_value(context, "context")?)
        };
        let message = (&raw const message).cast();
        out.write(store.enter(|cx| host::error_context_new(cx, message))?);
        Ok(())
    })
}

/// The debug message of an error context. Borrowed; it stays as long as the handle.
///
/// `context` is a handle of the host's: one that it made, or one that arrived in a value.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_error_context_debug_message(
    store: *mut cmabi_store,
    context: u32,
    message: *mut cmabi_string,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (store, out) =
            unsafe { (check::required(store, "store")?, check::out_value(message, "message")?) };
        let stored = store.enter(|cx| host::error_context_debug_message(cx, context))?;
        // SAFETY: the runtime keeps a string in C's layout there.
        out.write(unsafe { stored.cast::<cmabi_string>().read() });
        Ok(())
    })
}

/// Drops a handle of the host's to an error context.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_error_context_drop(
    store: *mut cmabi_store,
    context: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let store = unsafe { check::required(store, "store") }?;
        store.enter(|cx| host::error_context_drop(cx, context))
    })
}

/// Decides which debug message an error context gets that a guest makes with `message`: to shorten it, to
/// add to it, to leave out what others should not see. What the answer points to is `message` itself, in
/// `arena`, or anything that stays until the callback has returned and its text was copied. A guest whose
/// message becomes something that is not UTF-8 traps.
/// @since 0.2
pub type cmabi_on_error_context = Option<
    unsafe extern "C" fn(
        data: *mut c_void,
        store: *mut cmabi_store,
        message: cmabi_string,
        arena: *mut cmabi_arena,
    ) -> cmabi_string,
>;

/// Sets what decides on the debug messages of error contexts that guests of the store make
/// (`host_defined_transformation` in CanonicalABI.md). It replaces the one before; NULL, as at first, keeps
/// messages as they are. In the deterministic profile messages are empty and it is not called.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_store_set_on_error_context(
    store: *mut cmabi_store,
    hook: cmabi_on_error_context,
    data: *mut c_void,
    drop: cmabi_drop,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        let data = Data::new(data, drop);
        // SAFETY: the header's rules.
        let store = unsafe { check::required(store, "store") }?;
        let hook = hook.map(|hook| {
            Rc::new(move |cx: &mut Cx<'_>, message: *const u8, changed: *mut u8, arena: &_| {
                // SAFETY: C gives hooks to stores of C only, and a store that runs is alive.
                let store = unsafe { cmabi_store::of(cx) };
                // SAFETY: the runtime passes a string in C's layout.
                let message = unsafe { message.cast::<cmabi_string>().read() };
                let answer = store.lend(cx, || {
                    // SAFETY: the header's rules for callbacks.
                    unsafe { hook(data.get(), store.to_c(), message, cmabi_arena::lent(arena)) }
                });
                // SAFETY: the runtime passes a place for a string in C's layout.
                unsafe { changed.cast::<cmabi_string>().write(answer) };
            }) as Rc<ErrorContextHook>
        });
        store.enter(|cx| {
            runtime::set_error_context_hook(cx, hook);
            Ok(())
        })
    })
}
