//! What an engine charges for the memories and tables of a store's guests.

use crate::account::Account;
use crate::error::Trapped;
use std::cell::Cell;
use std::rc::Rc;

/// What a [`cmabi_guest_memory`](super::interface::cmabi_guest_memory) is.
pub(crate) struct GuestMemory {
    account: Rc<Account>,
    /// Why the account refused, when it was asked last.
    refusal: Cell<Option<Trapped>>,
}

impl GuestMemory {
    pub(super) fn new(account: &Rc<Account>) -> Self {
        GuestMemory { account: account.clone(), refusal: Cell::default() }
    }

    /// Takes `bytes`; whether the account has them.
    pub(crate) fn charge(&self, bytes: u64) -> bool {
        let refusal = self.account.charge(bytes).err();
        let is_charged = refusal.is_none();
        self.refusal.set(refusal);
        is_charged
    }

    /// Gives back what was charged.
    pub(crate) fn credit(&self, bytes: u64) {
        self.account.credit(bytes.min(self.account.used()));
    }

    /// Why something was refused, if the account did it.
    pub(super) fn take_refusal(&self) -> Option<Trapped> {
        self.refusal.take()
    }
}
