//! The process-wide tables that make equal types the same allocation.
//!
//! A table holds its entries weakly: a type takes itself out when its last holder lets go.

use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// By the hash of the key. A tree gives its memory back as entries go.
type Entries<T> = BTreeMap<u64, SmallVec<[Weak<T>; 1]>>;

/// What a table holds.
pub(super) trait Interned {
    /// What an entry is made of. Equal keys are the same entry.
    type Key: Hash + Eq;

    /// An entry that passes `hash` to [`Interner::forget`] when it is dropped.
    fn new(hash: u64, key: Self::Key) -> Self;

    fn key(&self) -> &Self::Key;
}

/// A table of all living `T`s, found by the hash of what they are made of.
pub(super) struct Interner<T> {
    state: RandomState,
    entries: Mutex<Entries<T>>,
}

impl<T: Interned> Interner<T> {
    pub(super) fn new() -> Self {
        Interner { state: RandomState::new(), entries: Mutex::new(BTreeMap::new()) }
    }

    /// The living entry made of `key`, or else a new one.
    pub(super) fn intern(&self, key: T::Key) -> Arc<T> {
        let hash = self.state.hash_one(&key);
        // Upgrading may make this the last holder of an entry whose hash collides. Such entries are
        // kept here until the lock is released, because dropping one takes the lock.
        let mut others: SmallVec<[Arc<T>; 2]> = SmallVec::new();
        let mut entries = self.lock();
        let bucket = entries.entry(hash).or_default();
        for entry in bucket.iter().filter_map(Weak::upgrade) {
            if *entry.key() == key {
                return entry;
            }
            others.push(entry);
        }
        let entry = Arc::new(T::new(hash, key));
        bucket.push(Arc::downgrade(&entry));
        drop(entries);
        entry
    }

    /// Removes an entry that is being dropped.
    pub(super) fn forget(&self, hash: u64, entry: *const T) {
        let mut entries = self.lock();
        if let Some(bucket) = entries.get_mut(&hash) {
            bucket.retain(|other| !std::ptr::eq(other.as_ptr(), entry));
            if bucket.is_empty() {
                entries.remove(&hash);
            }
            if entries.is_empty() {
                // An empty tree holds on to a node; the last type to go leaves nothing behind.
                *entries = BTreeMap::new();
            }
        }
    }

    /// How many entries there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().values().map(SmallVec::len).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Entries<T>> {
        // Every change is complete when the lock is released, also by a panic in `T::new`.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number whose hash is always 0.
    #[derive(Clone, PartialEq, Eq)]
    struct Colliding(u32);

    impl Hash for Colliding {
        fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
    }

    struct Entry(u64, Colliding);

    impl Interned for Entry {
        type Key = Colliding;

        fn new(hash: u64, key: Colliding) -> Self {
            Entry(hash, key)
        }

        fn key(&self) -> &Colliding {
            &self.1
        }
    }

    #[test]
    fn colliding_entries_are_told_apart_and_forgotten() {
        let table: Interner<Entry> = Interner::new();
        let one = table.intern(Colliding(1));
        let two = table.intern(Colliding(2));
        assert!(Arc::ptr_eq(&one, &table.intern(Colliding(1))));
        assert!(!Arc::ptr_eq(&one, &two));
        assert_eq!((one.0, table.len()), (two.0, 2));
        table.forget(one.0, Arc::as_ptr(&one));
        assert!(Arc::ptr_eq(&two, &table.intern(Colliding(2))));
        table.forget(two.0, Arc::as_ptr(&two));
        assert!(table.lock().is_empty());
    }
}
