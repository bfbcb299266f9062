//! What a store's guests may have of memory, as wasmi asks for it.

use super::super::EngineStoreConfig;
use crate::account::Account;
use crate::error::Trapped;
use std::rc::Rc;
use wasmi::ResourceLimiter;
use wasmi_core::LimiterError;

/// Bytes that wasmi takes for an element of a table.
const TABLE_ELEMENT_BYTES: u64 = 8;

/// Limits of each memory and table, and of all together.
pub(super) struct Limits {
    max_memory_bytes: u64,
    max_table_elements: u64,
    account: Rc<Account>,
    /// What was charged last, to be given back if growing fails all the same.
    growth: u64,
    /// Why the account refused to let something grow, since somebody asked last.
    refusal: Option<Trapped>,
}

impl Limits {
    pub(super) fn new(config: &EngineStoreConfig, account: &Rc<Account>) -> Self {
        Limits {
            max_memory_bytes: config.max_memory_bytes.unwrap_or(u64::MAX),
            max_table_elements: config.max_table_elements.unwrap_or(u64::MAX),
            account: account.clone(),
            growth: 0,
            refusal: None,
        }
    }

    /// Why something was not allowed to be as large as it is declared to be.
    pub(super) fn take_refusal(&mut self) -> Option<Trapped> {
        self.refusal.take()
    }

    /// Something of so many bytes is gone.
    pub(super) fn credit(&self, bytes: u64) {
        self.account.credit(bytes);
    }

    fn grow(&mut self, bytes: u64) -> bool {
        self.growth = 0;
        match self.account.charge(bytes) {
            Ok(()) => self.growth = bytes,
            Err(refusal) => self.refusal = Some(refusal),
        }
        self.growth == bytes
    }

    fn failed(&mut self) {
        self.account.credit(std::mem::take(&mut self.growth));
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, LimiterError> {
        let allowed = desired as u64 <= self.max_memory_bytes
            && maximum.is_none_or(|maximum| desired <= maximum);
        Ok(allowed && self.grow((desired - current) as u64))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, LimiterError> {
        let allowed = desired as u64 <= self.max_table_elements
            && maximum.is_none_or(|maximum| desired <= maximum);
        Ok(allowed && self.grow((desired - current) as u64 * TABLE_ELEMENT_BYTES))
    }

    fn memory_grow_failed(&mut self, _error: &LimiterError) {
        self.failed();
    }

    fn table_grow_failed(&mut self, _error: &LimiterError) {
        self.failed();
    }

    // What an instance takes is charged to the store's host memory.
    fn instances(&self) -> usize {
        usize::MAX
    }

    fn tables(&self) -> usize {
        usize::MAX
    }

    fn memories(&self) -> usize {
        usize::MAX
    }
}
