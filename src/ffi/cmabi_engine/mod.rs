//! What `include/cmabi_engine.h` declares, a file for each section of it.

pub mod flatten;
pub mod value;
pub mod engine_interface;
pub mod canon;
pub mod canon_builtins;
pub mod canon_streams;
