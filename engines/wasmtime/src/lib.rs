//! [wasmtime](https://wasmtime.dev) as an engine of libcmabi: guests run as native code.
//!
//! The library knows engines as tables of C functions. This one fills in such a table, as any host
//! could, and links to nothing else of libcmabi: what is in `abi.rs`.
//!
//! | file | what is there |
//! |---|---|
//! | `api.rs` | the functions of `cmabi_wasmtime.h` |
//! | `abi.rs` | the table and its types |
//! | `engine.rs` | wasmtime's engine, and modules |
//! | `store.rs` | stores: what is in one, and how it is lent along nested calls |
//! | `call.rs` | calls of guests, and their calls of imports |
//! | `fiber.rs` | calls that can be suspended |
//! | `outcome.rs` | wasmtime's errors as answers of the table |
//! | `stack.rs` | native stacks |
//! | `pool.rs` | stacks of fibers |
//! | `threads.rs` | the threads that compile |
//! | `ticker.rs` | what stops guests |
//! | `limits.rs` | what memories and tables may take |

#![allow(non_camel_case_types, reason = "the types of C have their names there")]
#![allow(clippy::missing_safety_doc, reason = "the rules are those of the header")]

mod abi;
mod api;
mod call;
mod engine;
mod fiber;
mod limits;
mod outcome;
#[cfg(unix)]
mod pool;
mod stack;
mod store;
mod threads;
mod ticker;

pub use abi::{cmabi_config, cmabi_engine, cmabi_engine_interface, cmabi_error, cmabi_status};
pub use api::{cmabi_wasmtime_engine_interface, cmabi_wasmtime_engine_new};

use abi::cmabi_string;
use std::any::Any;
use std::cell::RefCell;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The table of an engine, which owns it.
fn table(engine: engine::Engine) -> cmabi_engine_interface {
    let fiber_stack_bytes = engine.stacks.fiber;
    let code_version = engine.care.code_version().into();
    cmabi_engine_interface {
        data: Box::into_raw(Box::new(engine)).cast(),
        drop: Some(engine::drop_engine),
        tier: abi::CMABI_ENGINE_TIER_RESUME,
        memory64: true,
        exceptions: true,
        fuel: true,
        interrupt: true,
        module_new: Some(engine::module_new),
        module_free: Some(engine::module_free),
        store_new: Some(store::store_new),
        store_free: Some(store::store_free),
        instantiate: Some(store::instantiate),
        instance_export: Some(store::instance_export),
        func_new: Some(call::func_new),
        call: Some(call::call),
        resume: Some(fiber::resume),
        continuation_free: Some(fiber::continuation_free),
        fiber_stack_bytes,
        memory_data: Some(store::memory_data),
        table_get: Some(store::table_get),
        global_get: Some(store::global_get),
        fuel_get: Some(store::fuel_get),
        fuel_set: Some(store::fuel_set),
        stack_left: Some(fiber::stack_left),
        trap_frames: Some(outcome::trap_frames),
        code_version,
        module_serialize: Some(engine::module_serialize),
        module_deserialize: Some(engine::module_deserialize),
        ..cmabi_engine_interface::INIT
    }
}

/// Runs `body`, which must not unwind into C.
fn guard<R>(body: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|panic| {
        let text = panicked(&*panic);
        format!("a bug in the engine: {text}")
    })
}

fn panicked(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic")
}

/// Gives the library what was made, at `place`, or says why there is nothing; whether there is.
///
/// # Safety
/// The library's promises: the places can be written to.
unsafe fn give<T>(
    made: Result<T, String>,
    place: *mut *mut c_void,
    message: *mut cmabi_string,
) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        match made {
            Ok(made) => *place = Box::into_raw(Box::new(made)).cast(),
            Err(text) => {
                *message = say(text);
                return false;
            }
        }
    }
    true
}

/// Says `text`, which stays until the thread says something else.
fn say(text: String) -> cmabi_string {
    thread_local! {
        static SAID: RefCell<String> = const { RefCell::new(String::new()) };
    }
    SAID.with_borrow_mut(|said| {
        *said = text;
        said.as_str().into()
    })
}
