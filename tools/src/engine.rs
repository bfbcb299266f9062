//! The engines to choose from.

use clap::ValueEnum;
use cmabi::engine::Engine;
use cmabi::engine::wasmi::WasmiEngine;
use std::sync::Arc;

/// An engine's name on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub enum EngineName {
    /// The interpreter in the library
    Wasmi,
}

impl EngineName {
    /// The engine of that name.
    pub fn engine(self) -> Arc<dyn Engine> {
        match self {
            EngineName::Wasmi => Arc::new(WasmiEngine::default()),
        }
    }
}
