//! What loading a component, and making an instance of it, may take.
//!
//! What is in proportion to the size of the binary is the business of who passes the binary. What is
//! not, is counted: a few bytes can mention a type that is large when it is written out, or many
//! values in one instruction.

use crate::account::{Account, Limit};
use crate::error::{Error, Result, Trapped};

/// Limits of loading components. The defaults are far above what toolchains make.
#[derive(Clone, Copy, Debug)]
pub struct LoadLimits {
    /// Bytes that are allocated for a component: for types, definitions and compiled code.
    pub bytes: u64,
    /// Steps that are not in proportion to the size of the binary. Instantiation has as many again.
    pub work: u64,
    /// Component and core instances that one instantiation may make.
    pub instances: u64,
}

impl Default for LoadLimits {
    fn default() -> Self {
        LoadLimits { bytes: 512 << 20, work: 10_000_000, instances: 10_000 }
    }
}

const BYTES: Limit = Limit {
    what: "memory that loading a component takes",
    unit: "bytes",
    setter: "cmabi_config_set_max_load_bytes",
};

const WORK: Limit = Limit {
    what: "work of loading a component",
    unit: "steps",
    setter: "cmabi_config_set_max_load_work",
};

const INSTANTIATION: Limit = Limit {
    what: "work of instantiating a component",
    unit: "steps",
    setter: "cmabi_config_set_max_load_work",
};

const INSTANCES: Limit = Limit {
    what: "component and core instances of one instantiation",
    unit: "instances",
    setter: "cmabi_config_set_max_instances",
};

/// What a load has taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoadCounts {
    /// Bytes, at the most; see [`LoadLimits::bytes`].
    pub bytes: u64,
    /// Steps; see [`LoadLimits::work`].
    pub work: u64,
}

/// The accounts of one load.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) bytes: Account,
    pub(super) work: Account,
}

impl Load {
    pub(super) fn new(limits: &LoadLimits) -> Self {
        Load { bytes: Account::new(&BYTES, limits.bytes), work: Account::new(&WORK, limits.work) }
    }

    pub(super) fn counts(&self) -> LoadCounts {
        LoadCounts { bytes: self.bytes.used(), work: self.work.used() }
    }
}

/// The accounts of one instantiation, with all that are inside of it.
pub(super) struct Instantiation {
    pub(super) instances: Account,
    pub(super) work: Account,
}

impl Instantiation {
    pub(super) fn new(limits: &LoadLimits) -> Self {
        Instantiation {
            instances: Account::new(&INSTANCES, limits.instances),
            work: Account::new(&INSTANTIATION, limits.work),
        }
    }
}

/// The error for what was charged at a place in the binary.
pub(super) fn charged(charge: Result<(), Trapped>, offset: u64) -> Result<()> {
    charge.map_err(|trap| {
        let error = Error::from(trap);
        Error::new(error.kind(), format!("{error} (at offset {offset:#x})"))
    })
}
