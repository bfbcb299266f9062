//! A host's own engine, given as a table of C functions.
//!
//! The engine's objects are pointers that only the engine understands; `store` keeps the tables
//! from our handles to them. What the guests of a store run on differs by [`Tier`](super::Tier): where it is
//! `Resume` the engine suspends them itself, where it is `Fiber` each call is a fiber.
//!
//! What C sees of it is there in builds without components as well, where there is nothing to use it.

/// Calls a function of a table that `VtableEngine::new` found to be there.
#[cfg(feature = "component")]
macro_rules! call {
    ($table:expr, $function:ident($($argument:expr),* $(,)?)) => {{
        let function = $table.0.$function.expect("checked when the engine was made");
        // SAFETY: the header says what each function gets, and that it returns normally; the
        // pointers are the engine's own, or ours for the duration of the call.
        unsafe { function($($argument),*) }
    }};
}

#[cfg(feature = "component")]
mod engine;
pub mod interface;
#[cfg(feature = "component")]
mod memory;
#[cfg(feature = "component")]
mod store;

#[cfg(feature = "component")]
pub use engine::VtableEngine;
#[cfg(feature = "component")]
pub(crate) use memory::GuestMemory;
#[cfg(feature = "component")]
pub(crate) use store::call_import;
