//! The component model's canonical ABI, on any core-wasm engine.
pub mod canon;
#[cfg(feature = "component")]
pub mod component;
pub mod copy;
pub mod engine;
pub mod error;
pub mod ffi;
pub mod layout;
pub mod memory;
pub mod runtime;
pub mod types;
pub mod wave;
