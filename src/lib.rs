//! The component model's canonical ABI, on any core-wasm engine.
//!
//! This crate is the library behind `include/cmabi.h`: it loads WebAssembly components and runs them
//! for programs in C and C++. Its Rust interface serves the C API, the `cmabi` command and the tests,
//! and is not stable.
//!
//! # How to read it
//!
//! The specification is the map. What `CanonicalABI.md` defines has a function of the same name here,
//! in the file that the table gives for its section; its order is the table's order.
//!
//! | `CanonicalABI.md` | file |
//! |---|---|
//! | Component Instances | `runtime/instance.rs`; what a trap ends: `runtime/policy.rs` |
//! | Stack Switching | the engine's part, `engine/mod.rs`; who runs next: `runtime/scheduler.rs` |
//! | Threads | `runtime/thread.rs`; how one goes on: `canon/thread.rs` |
//! | Tasks | `runtime/task.rs` |
//! | Embedding | `runtime/store.rs`; calls by the host: `host/call.rs`; calls that it serves: `runtime/serve.rs` |
//! | Canonical ABI Options | `runtime/options.rs`, `canon/validate.rs` |
//! | Lifting and Lowering Context | `runtime/context.rs` |
//! | Table State | `runtime/table.rs` |
//! | Resource State | `runtime/resource.rs` |
//! | Waitable State | `runtime/waitable.rs` |
//! | Subtask State | `runtime/subtask.rs` |
//! | Buffer State | `runtime/buffer.rs` |
//! | Stream and Future State | `runtime/stream.rs`, `runtime/forward.rs`; the host's ends: `host/stream.rs` |
//! | Despecialization, Type Predicates | `types/mod.rs`, `types/layout.rs` |
//! | Alignment, Element Size | `types/layout.rs` |
//! | Loading | `copy/load.rs` |
//! | Storing | `copy/store.rs`, `copy/string.rs`, `copy/list.rs` |
//! | Flattening | `types/layout.rs`; of functions: `types/func.rs` |
//! | Flat Lifting, Flat Lowering | `copy/flat.rs` |
//! | Lifting and Lowering Values | `copy/flat.rs`, `runtime/context.rs` |
//! | `canon lift` | `canon/lift.rs` |
//! | `canon lower` | `canon/lower.rs` |
//! | `canon resource.*` | `canon/resource.rs` |
//! | `canon context.*` | `canon/context.rs` |
//! | `canon backpressure.*` | `canon/backpressure.rs` |
//! | `canon task.*` | `canon/task.rs` |
//! | `canon waitable-set.*`, `canon waitable.join` | `canon/waitable.rs` |
//! | `canon subtask.*` | `canon/subtask.rs` |
//! | `canon stream.*`, `canon future.*` | `canon/stream.rs` |
//! | `canon thread.*` | `canon/thread.rs` |
//! | `canon error-context.*` | `canon/error_context.rs` |
//!
//! Around it: [`component`] makes instances of component binaries (`Binary.md`, `Explainer.md`), [`host`] is what
//! a host does with a store, `wasi` what it can grant to components, [`ffi`] the C API, [`engine`] runs core
//! wasm, [`wave`] writes values as text. Below all of these, [`core_types`] and [`c_types`] are what core wasm
//! and C speak of, [`account`] counts what is spent against limits, [`signal`] is how other threads wake a store
//! and stop what runs in it, [`deadline`] when the time for that has come. Who may use whom says
//! `docs/architecture.md`.
//!
//! # Four differences in form
//!
//! The reference is written for reading, with Python values and threads. Here the same rules have
//! another form:
//!
//! - **Loading and storing is one step.** A value is not first lifted into a tree and then lowered from
//!   it: a [`copy::Plan`] for a type and two memories moves it at once. `load` and `store` of the
//!   reference are the source's and the destination's checks of one copy.
//! - **The host is an instance.** Its memory is the process's memory, its `realloc` an arena; so a call
//!   from the host, to the host and between two components are the same code.
//! - **Threads are data.** Where the reference suspends a Python thread, a function here returns what is
//!   waited for and what is left to do, and the engine leaves the guest's stack in its own way. The
//!   scheduler goes from an event to the threads that wait for it; it never polls.
//! - **Traps are values.** `trap` of the reference is an `Err` with a [`error::Trap`], one variant for each
//!   condition, that collects where it happened while it travels.
//!
//! No reference into a store's state is alive across a call into a guest or a host function: both may
//! call back. State is borrowed in short scopes, and what a call needs is passed along.

pub mod account;
pub mod c_types;
pub mod canon;
mod clip;
#[cfg(feature = "component")]
pub mod component;
pub mod copy;
pub mod core_types;
pub mod deadline;
pub mod engine;
pub mod error;
pub mod ffi;
pub mod host;
pub mod memory;
pub mod runtime;
pub mod signal;
pub mod types;
#[cfg(feature = "wasi")]
pub mod wasi;
pub mod wave;
