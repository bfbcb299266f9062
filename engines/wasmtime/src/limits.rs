//! What the memories and tables of a store may take.

use crate::abi::*;
use wasmtime::ResourceLimiter;

/// Bytes that an element of a table counts as.
const TABLE_ELEMENT_BYTES: u64 = 8;

/// Limits of each memory and table, and the account of all together.
pub(crate) struct Limits {
    max_memory_bytes: u64,
    max_table_elements: u64,
    account: *mut cmabi_guest_memory,
    charge: unsafe extern "C" fn(memory: *mut cmabi_guest_memory, bytes: u64) -> bool,
    credit: unsafe extern "C" fn(memory: *mut cmabi_guest_memory, bytes: u64),
    /// What was charged last, to be given back if growing fails all the same.
    growth: u64,
    /// Whether something was refused since somebody asked last.
    refused: bool,
}

// SAFETY: wasmtime asks for it because stores may move between threads, which the library's may too, with
// what belongs to them.
unsafe impl Send for Limits {}

impl Limits {
    pub(crate) fn new(limits: &cmabi_engine_limits) -> Self {
        let limit = |limit| if limit == 0 { u64::MAX } else { limit };
        Limits {
            max_memory_bytes: limit(limits.max_memory_bytes),
            max_table_elements: limit(limits.max_table_elements),
            account: limits.guest_memory,
            charge: limits.guest_memory_charge,
            credit: limits.guest_memory_credit,
            growth: 0,
            refused: false,
        }
    }

    /// Whether something was not allowed to be as large as it is declared to be.
    pub(crate) fn take_refusal(&mut self) -> bool {
        std::mem::take(&mut self.refused)
    }

    fn grow(&mut self, allowed: bool, bytes: u64) -> bool {
        // SAFETY: the account is there as long as the store.
        let granted = allowed && unsafe { (self.charge)(self.account, bytes) };
        self.growth = if granted { bytes } else { 0 };
        self.refused |= !granted;
        granted
    }

    fn failed(&mut self) {
        // SAFETY: as in `grow`.
        unsafe { (self.credit)(self.account, std::mem::take(&mut self.growth)) };
        self.refused = true;
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = desired as u64 <= self.max_memory_bytes
            && maximum.is_none_or(|maximum| desired <= maximum);
        Ok(self.grow(allowed, (desired - current) as u64))
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.failed();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = desired as u64 <= self.max_table_elements
            && maximum.is_none_or(|maximum| desired <= maximum);
        Ok(self.grow(allowed, (desired - current) as u64 * TABLE_ELEMENT_BYTES))
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.failed();
        Ok(())
    }

    // What an instance takes is charged by the library.
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
