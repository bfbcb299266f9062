//! What guests, binaries and callbacks make the host spend, counted against limits.
//!
//! Whatever comes from outside and sets a size or a count is charged to an [`Account`] before it is
//! spent. An account that has not enough left answers with a [`Trap::Limit`] that says which limit it
//! is, what was asked for, and how to raise it; nothing has been spent then. Sizes are those of what is
//! allocated, as far as this library can know them.

use crate::error::{Trap, Trapped};
use std::cell::Cell;
use std::rc::Rc;

/// What an account counts.
#[derive(Debug)]
pub struct Limit {
    /// Of what, for messages: `host memory of the store`.
    pub what: &'static str,
    /// In what, for messages: `bytes`.
    pub unit: &'static str,
    /// The function of the C API that sets the limit.
    pub setter: &'static str,
}

/// How much of something is in use, against a limit.
#[derive(Debug)]
pub struct Account {
    of: &'static Limit,
    limit: u64,
    used: Cell<u64>,
    peak: Cell<u64>,
}

impl Account {
    /// An account of which nothing is in use.
    pub fn new(of: &'static Limit, limit: u64) -> Account {
        Account { of, limit, used: Cell::new(0), peak: Cell::new(0) }
    }

    /// An account without limit, for what only the embedder makes.
    pub fn unlimited() -> Rc<Account> {
        const NOTHING: Limit = Limit { what: "nothing", unit: "bytes", setter: "nothing" };
        Rc::new(Account::new(&NOTHING, u64::MAX))
    }

    /// Takes `amount`, or answers with [`Trap::Limit`] and takes nothing.
    #[inline]
    pub fn charge(&self, amount: u64) -> Result<(), Trapped> {
        match self.used.get().checked_add(amount) {
            Some(used) if used <= self.limit => {
                self.used.set(used);
                self.peak.set(self.peak.get().max(used));
                Ok(())
            }
            _ => Err(self.exceeded(amount)),
        }
    }

    /// Gives back what was charged.
    #[inline]
    pub fn credit(&self, amount: u64) {
        debug_assert!(amount <= self.used.get(), "more is given back than was charged");
        self.used.set(self.used.get().saturating_sub(amount));
    }

    /// What is in use.
    pub fn used(&self) -> u64 {
        self.used.get()
    }

    /// The most that was in use at one time.
    pub fn peak(&self) -> u64 {
        self.peak.get()
    }

    /// What may be in use.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The trap for asking for `amount` more.
    #[cold]
    pub fn exceeded(&self, amount: u64) -> Trapped {
        self.of.exceeded(amount, self.used.get(), self.limit)
    }
}

impl Limit {
    /// The trap for asking for `amount` more where `used` of `limit` is in use.
    #[cold]
    pub fn exceeded(&self, amount: u64, used: u64, limit: u64) -> Trapped {
        let Limit { what, unit, setter } = self;
        let what = format!(
            "{what}: {amount} more {unit} asked for, {used} of {limit} in use (see {setter})"
        );
        Trap::Limit { what: what.into() }.into()
    }
}

/// Host memory of a store: what guests make it spend beside their own memories.
pub const HOST_MEMORY: Limit = Limit {
    what: "host memory of the store",
    unit: "bytes",
    setter: "cmabi_config_set_max_host_bytes",
};

/// Linear memories and tables of all instances of a store.
pub const GUEST_MEMORY: Limit = Limit {
    what: "memory and tables of the store's guests",
    unit: "bytes",
    setter: "cmabi_config_set_max_guest_bytes",
};

/// What the values of one call take of the host's memory.
pub const CALL_VALUES: Limit =
    Limit { what: "values of one call", unit: "bytes", setter: "cmabi_config_set_max_call_bytes" };

/// Something that was charged, for as long as it is there: dropping this gives it back.
#[derive(Debug)]
pub struct Charge {
    account: Rc<Account>,
    amount: u64,
}

impl Charge {
    /// Takes `amount` from `account`.
    pub fn new(account: &Rc<Account>, amount: u64) -> Result<Charge, Trapped> {
        account.charge(amount)?;
        Ok(Charge { account: account.clone(), amount })
    }

    /// Takes `amount` more.
    pub fn grow(&mut self, amount: u64) -> Result<(), Trapped> {
        self.account.charge(amount)?;
        self.amount += amount;
        Ok(())
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.account.credit(self.amount);
    }
}

/// Makes room for one more entry, charging what is allocated for that: in pieces of an eighth, as a
/// million entries should not take the room of two million.
pub(crate) fn reserve_one<T>(entries: &mut Vec<T>, account: &Account) -> Result<(), Trapped> {
    if entries.len() < entries.capacity() {
        return Ok(());
    }
    let more = (entries.len() / 8).max(16);
    let bytes = (more * size_of::<T>()) as u64;
    account.charge(bytes)?;
    entries.try_reserve_exact(more).map_err(|_| {
        account.credit(bytes);
        no_memory(bytes)
    })
}

/// The trap for an allocation that failed.
#[cold]
pub(crate) fn no_memory(bytes: u64) -> Trapped {
    let what = format!("the system has no memory left ({bytes} bytes asked for)");
    Trap::Limit { what: what.into() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEANS: Limit = Limit { what: "beans of the pot", unit: "beans", setter: "set_beans" };

    #[test]
    fn what_is_charged_is_counted_and_given_back() {
        let account = Rc::new(Account::new(&BEANS, 100));
        account.charge(60).unwrap();
        let charge = Charge::new(&account, 40).unwrap();
        assert_eq!((account.used(), account.peak()), (100, 100));
        let trap = account.charge(1).unwrap_err();
        assert_eq!(
            trap.to_string(),
            "resource limit exceeded: beans of the pot: 1 more beans asked for, 100 of 100 in use (see set_beans)"
        );
        drop(charge);
        account.credit(10);
        assert_eq!((account.used(), account.peak()), (50, 100));
        assert!(account.charge(u64::MAX).is_err());
        assert_eq!(account.used(), 50);
    }

    #[test]
    fn entries_are_charged_by_what_is_allocated() {
        let account = Account::new(&BEANS, 1000);
        let mut entries: Vec<u64> = Vec::new();
        let mut added = 0;
        while reserve_one(&mut entries, &account).is_ok() {
            entries.push(0);
            added += 1;
            assert_eq!(account.used(), entries.capacity() as u64 * 8);
        }
        assert_eq!(added, 112);
    }
}
