//! wasmi's errors as traps, and ours on their way through wasmi.

use crate::error::{Trap, Trapped};
use std::fmt;
use wasmi::TrapCode;
use wasmi::errors::{ErrorKind, HostError, InstantiationError, MemoryError, TableError};

/// An import that did not return, as wasmi carries it: the only host errors there are.
#[derive(Debug)]
pub(super) enum Unwind {
    /// The import blocks: wasmi keeps the stack and resumes it later.
    Block {
        /// Which of the store's functions blocks.
        func: super::super::CoreFunc,
    },
    /// The import traps.
    Trap(Trapped),
}

impl HostError for Unwind {}

impl fmt::Display for Unwind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unwind::Block { .. } => Trap::CannotBlock.fmt(f),
            Unwind::Trap(trap) => trap.fmt(f),
        }
    }
}

/// Why an import did not return, if that is what the error says.
pub(super) fn unwind(error: &wasmi::Error) -> Option<&Unwind> {
    error.downcast_ref()
}

/// What went wrong; a blocking import did, where nothing can be suspended.
#[cold]
pub(super) fn trapped(error: wasmi::Error) -> Trapped {
    match unwind(&error) {
        Some(Unwind::Trap(trap)) => return trap.clone(),
        Some(Unwind::Block { .. }) => return Trap::CannotBlock.into(),
        None => {}
    }
    match error.as_trap_code() {
        Some(TrapCode::OutOfFuel) => Trap::OutOfFuel.into(),
        // wasmi's own text ends in a stray index.
        Some(TrapCode::IndirectCallToNull) => core("uninitialized element"),
        Some(code) => core(code.trap_message()),
        None => match error.kind() {
            ErrorKind::Instantiation(error) => instantiation(error),
            error => core(&error.to_string()),
        },
    }
}

fn instantiation(error: &InstantiationError) -> Trapped {
    use InstantiationError as E;
    match error {
        E::ElementSegmentDoesNotFit { .. } => core("out of bounds table access"),
        E::TooManyInstances
        | E::TooManyTables
        | E::TooManyMemories
        | E::FailedToInstantiateMemory(
            MemoryError::ResourceLimiterDeniedAllocation | MemoryError::OutOfSystemMemory,
        )
        | E::FailedToInstantiateTable(
            TableError::ResourceLimiterDeniedAllocation | TableError::OutOfSystemMemory,
        ) => Trap::Limit { what: error.to_string().into() }.into(),
        error => core(&error.to_string()),
    }
}

fn core(text: &str) -> Trapped {
    Trap::Core(text.into()).into()
}
