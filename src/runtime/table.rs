//! The tables of a component instance: handles by index, threads by index ("Table State").

use super::error_context::ErrorContext;
use super::resource::ResourceHandle;
use super::waitable::{SetId, WaitableId};
use crate::account::{Account, reserve_one};
use crate::error::{Trap, Trapped};
use std::rc::Rc;

/// Entries by index, from 1. The index freed last is used first.
pub(crate) struct Table<T> {
    /// Entry `i` is that of index `i + 1`.
    entries: Vec<Entry<T>>,
    /// The index freed last; 0 for none.
    free: u32,
    max_length: u32,
    /// What the entries are charged to.
    account: Rc<Account>,
}

impl<T> Drop for Table<T> {
    fn drop(&mut self) {
        self.clear();
    }
}

enum Entry<T> {
    /// The index freed before this one; 0 for none.
    Free(u32),
    Used(T),
}

impl<T> Table<T> {
    /// `Table.MAX_LENGTH` of the reference.
    pub(crate) const MAX_LENGTH: u32 = (1 << 28) - 1;

    /// An empty table that holds up to `max_length` entries.
    pub(crate) fn new(max_length: u32, account: &Rc<Account>) -> Self {
        let max_length = max_length.min(Self::MAX_LENGTH);
        Table { entries: Vec::new(), free: 0, max_length, account: account.clone() }
    }

    /// Frees all entries, and gives back what they took.
    pub(crate) fn clear(&mut self) {
        let entries = std::mem::take(&mut self.entries);
        self.account.credit((entries.capacity() * size_of::<Entry<T>>()) as u64);
        self.free = 0;
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        match self.entries.get(index.wrapping_sub(1) as usize) {
            Some(Entry::Used(entry)) => Some(entry),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        match self.entries.get_mut(index.wrapping_sub(1) as usize) {
            Some(Entry::Used(entry)) => Some(entry),
            _ => None,
        }
    }

    /// Whether `count` entries more are within the limit. Of free entries one is counted.
    #[inline]
    pub(crate) fn has_room(&self, count: usize) -> bool {
        self.max_length as usize - self.entries.len() >= count || (count == 1 && self.free != 0)
    }

    #[inline]
    pub(crate) fn add(&mut self, entry: T) -> Result<u32, Trapped> {
        if self.free != 0 {
            let index = self.free;
            let slot = &mut self.entries[index as usize - 1];
            let Entry::Free(next) = *slot else { unreachable!("the free list holds free entries") };
            self.free = next;
            *slot = Entry::Used(entry);
            return Ok(index);
        }
        if !self.has_room(1) {
            return Err(Trap::TableFull { limit: self.max_length }.into());
        }
        reserve_one(&mut self.entries, &self.account)?;
        self.entries.push(Entry::Used(entry));
        Ok(self.entries.len() as u32)
    }

    #[inline]
    pub(crate) fn remove(&mut self, index: u32) -> Option<T> {
        let slot = self.entries.get_mut(index.wrapping_sub(1) as usize)?;
        if matches!(slot, Entry::Free(_)) {
            return None;
        }
        match std::mem::replace(slot, Entry::Free(std::mem::replace(&mut self.free, index))) {
            Entry::Used(entry) => Some(entry),
            Entry::Free(_) => None,
        }
    }

    /// The entries with their indices.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.entries.iter().enumerate().filter_map(|(i, entry)| match entry {
            Entry::Used(entry) => Some((i as u32 + 1, entry)),
            Entry::Free(_) => None,
        })
    }
}

/// What a handle of a component instance refers to.
pub(crate) enum Handle {
    Resource(ResourceHandle),
    Subtask(WaitableId),
    ReadableStream(WaitableId),
    WritableStream(WaitableId),
    ReadableFuture(WaitableId),
    WritableFuture(WaitableId),
    WaitableSet(SetId),
    ErrorContext(Rc<ErrorContext>),
}

impl Handle {
    /// What it is, for messages.
    pub(crate) fn noun(&self) -> &'static str {
        match self {
            Handle::Resource(_) => "a resource",
            Handle::Subtask(_) => "a subtask",
            Handle::ReadableStream(_) => "the readable end of a stream",
            Handle::WritableStream(_) => "the writable end of a stream",
            Handle::ReadableFuture(_) => "the readable end of a future",
            Handle::WritableFuture(_) => "the writable end of a future",
            Handle::WaitableSet(_) => "a waitable set",
            Handle::ErrorContext(_) => "an error context",
        }
    }

    /// The waitable that it refers to, if it is one.
    pub(crate) fn waitable(&self) -> Option<WaitableId> {
        match *self {
            Handle::Subtask(id)
            | Handle::ReadableStream(id)
            | Handle::WritableStream(id)
            | Handle::ReadableFuture(id)
            | Handle::WritableFuture(id) => Some(id),
            Handle::Resource(_) | Handle::WaitableSet(_) | Handle::ErrorContext(_) => None,
        }
    }
}

/// Looking up and removing what must be of a certain kind.
impl Table<Handle> {
    #[inline]
    pub(crate) fn handle(&self, index: u32) -> Result<&Handle, Trapped> {
        self.get(index).ok_or_else(|| Trap::UnknownHandle { index }.into())
    }

    /// Removes the entry, whatever it is.
    #[inline]
    pub(crate) fn take(&mut self, index: u32) -> Result<Handle, Trapped> {
        self.remove(index).ok_or_else(|| Trap::UnknownHandle { index }.into())
    }

    pub(crate) fn subtask(&self, index: u32) -> Result<WaitableId, Trapped> {
        match self.handle(index)? {
            Handle::Subtask(id) => Ok(*id),
            other => Err(wrong_type(index, "a subtask", other)),
        }
    }

    pub(crate) fn waitable(&self, index: u32) -> Result<WaitableId, Trapped> {
        let handle = self.handle(index)?;
        handle.waitable().ok_or_else(|| wrong_type(index, "a waitable", handle))
    }

    pub(crate) fn waitable_set(&self, index: u32) -> Result<SetId, Trapped> {
        match self.handle(index)? {
            Handle::WaitableSet(id) => Ok(*id),
            other => Err(wrong_type(index, "a waitable set", other)),
        }
    }

    pub(crate) fn error_context(&self, index: u32) -> Result<&Rc<ErrorContext>, Trapped> {
        match self.handle(index)? {
            Handle::ErrorContext(context) => Ok(context),
            other => Err(wrong_type(index, "an error context", other)),
        }
    }
}

/// The trap for using `found` where `expected` is needed.
#[cold]
pub(crate) fn wrong_type(index: u32, expected: &'static str, found: &Handle) -> Trapped {
    Trap::WrongHandleType { index, expected: expected.into(), found: found.noun().into() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_start_at_1_and_the_last_freed_is_reused_first() {
        let mut table = Table::new(3, &Account::unlimited());
        assert_eq!(table.add('a').unwrap(), 1);
        assert_eq!(table.add('b').unwrap(), 2);
        assert_eq!(table.add('c').unwrap(), 3);
        assert!(matches!(table.add('d').unwrap_err().reason(), Trap::TableFull { limit: 3 }));
        assert_eq!(table.remove(1), Some('a'));
        assert_eq!(table.remove(3), Some('c'));
        assert_eq!(table.remove(3), None);
        assert_eq!(table.add('d').unwrap(), 3);
        assert_eq!(table.add('e').unwrap(), 1);
        assert_eq!((table.get(0), table.get(1), table.get(4)), (None, Some(&'e'), None));
        assert_eq!(table.remove(0), None);
        assert_eq!(table.iter().map(|(i, c)| format!("{i}{c}")).collect::<String>(), "1e2b3d");
    }
}
