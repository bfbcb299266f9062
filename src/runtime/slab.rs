//! Storage with stable, generational ids: freeing and reusing an entry allocates nothing, and an id
//! that outlives its entry is told from the entry that took its place.

use crate::account::{Account, reserve_one};
use crate::error::Trapped;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::ops::{Index, IndexMut};
use std::rc::Rc;

/// Names an entry of a [`Slab`].
pub struct Id<T> {
    index: u32,
    generation: NonZeroU32,
    of: PhantomData<fn() -> T>,
}

/// Where an entry is in its slab, counted from 1: what links between entries that are alive need of
/// an id.
pub(crate) type Place = NonZeroU32;

impl<T> Id<T> {
    #[inline]
    pub(crate) fn place(self) -> Place {
        NonZeroU32::MIN.saturating_add(self.index)
    }

    /// The id as a number, for the C API; never 0.
    pub fn to_bits(self) -> u64 {
        u64::from(self.generation.get()) << 32 | u64::from(self.index)
    }

    /// The id that [`Id::to_bits`] gave; `None` for what it never gives.
    pub fn from_bits(bits: u64) -> Option<Self> {
        let generation = NonZeroU32::new((bits >> 32) as u32)?;
        Some(Id { index: bits as u32, generation, of: PhantomData })
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.index, self.generation) == (other.index, other.generation)
    }
}

impl<T> Eq for Id<T> {}

impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_bits().hash(state);
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}.{}", self.index, self.generation)
    }
}

enum Entry<T> {
    Free { next: Option<u32> },
    Used(T),
}

/// Free entries that are not worth letting go.
const MAX_IDLE: usize = 1024;

/// Entries by [`Id`]. What was freed last is reused first.
pub(crate) struct Slab<T> {
    /// Each entry with the generation of its present or next id.
    entries: Vec<(NonZeroU32, Entry<T>)>,
    free: Option<u32>,
    len: usize,
    /// What ids of entries that are new begin with: more than those of entries that were let go.
    first_generation: NonZeroU32,
    /// What the entries are charged to.
    account: Rc<Account>,
}

impl<T> Slab<T> {
    pub(crate) fn new(account: &Rc<Account>) -> Self {
        Slab {
            entries: Vec::new(),
            free: None,
            len: 0,
            first_generation: NonZeroU32::MIN,
            account: account.clone(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds what `value` makes of its future id. It is made where it stays if it is made in `value`,
    /// and not moved into it. Traps where there is no room left in the account.
    #[inline(always)]
    pub(crate) fn insert_with(&mut self, value: impl FnOnce(Id<T>) -> T) -> Result<Id<T>, Trapped> {
        let index = match self.free {
            Some(index) => index,
            None => self.grow()?,
        };
        let (generation, entry) = &mut self.entries[index as usize];
        let id = Id { index, generation: *generation, of: PhantomData };
        let Entry::Free { next } = *entry else { unreachable!("the free list holds free entries") };
        self.free = next;
        *entry = Entry::Used(value(id));
        self.len += 1;
        Ok(id)
    }

    #[inline(always)]
    pub(crate) fn insert(&mut self, value: T) -> Result<Id<T>, Trapped> {
        self.insert_with(|_| value)
    }

    /// Adds a free entry, of which there is none.
    #[cold]
    fn grow(&mut self) -> Result<u32, Trapped> {
        reserve_one(&mut self.entries, &self.account)?;
        self.entries.push((self.first_generation, Entry::Free { next: None }));
        Ok(self.entries.len() as u32 - 1)
    }

    /// Lets go of the free entries behind the last that is used, and gives back what they took.
    pub(crate) fn shrink(&mut self) {
        let is_used = |(_, entry): &(NonZeroU32, Entry<T>)| matches!(entry, Entry::Used(_));
        let used = self.entries.iter().rposition(is_used).map_or(0, |last| last + 1);
        let before = self.entries.capacity();
        if before - used < MAX_IDLE {
            return;
        }
        let dropped = self.entries.drain(used..).map(|(generation, _)| generation);
        self.first_generation = dropped.fold(self.first_generation, NonZeroU32::max);
        self.entries.shrink_to_fit();
        let freed = (before - self.entries.capacity()) * size_of::<(NonZeroU32, Entry<T>)>();
        self.account.credit(freed as u64);
        self.free = None;
        for (index, (_, entry)) in self.entries.iter_mut().enumerate() {
            if let Entry::Free { next } = entry {
                *next = self.free.replace(index as u32);
            }
        }
    }

    /// The id of the entry in a place, which is alive.
    #[inline]
    pub(crate) fn id_at(&self, place: Place) -> Id<T> {
        let index = place.get() - 1;
        Id { index, generation: self.entries[index as usize].0, of: PhantomData }
    }

    /// The entry in a place, which is alive.
    #[inline]
    pub(crate) fn at_mut(&mut self, place: Place) -> &mut T {
        match &mut self.entries[place.get() as usize - 1].1 {
            Entry::Used(value) => value,
            Entry::Free { .. } => unreachable!("links lead to entries that are alive"),
        }
    }

    #[inline]
    pub(crate) fn remove(&mut self, id: Id<T>) -> Option<T> {
        let (generation, entry) = self.entries.get_mut(id.index as usize)?;
        if *generation != id.generation || matches!(entry, Entry::Free { .. }) {
            return None;
        }
        *generation = generation.checked_add(1).unwrap_or(NonZeroU32::MIN);
        let entry = std::mem::replace(entry, Entry::Free { next: self.free });
        self.free = Some(id.index);
        self.len -= 1;
        match entry {
            Entry::Used(value) => Some(value),
            Entry::Free { .. } => None,
        }
    }

    /// Frees an entry that is there, without moving it.
    #[inline]
    pub(crate) fn discard(&mut self, id: Id<T>) {
        debug_assert!(self.get(id).is_some());
        let (generation, entry) = &mut self.entries[id.index as usize];
        *generation = generation.checked_add(1).unwrap_or(NonZeroU32::MIN);
        *entry = Entry::Free { next: self.free };
        self.free = Some(id.index);
        self.len -= 1;
    }

    #[inline]
    pub(crate) fn get(&self, id: Id<T>) -> Option<&T> {
        match self.entries.get(id.index as usize) {
            Some((generation, Entry::Used(value))) if *generation == id.generation => Some(value),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: Id<T>) -> Option<&mut T> {
        match self.entries.get_mut(id.index as usize) {
            Some((generation, Entry::Used(value))) if *generation == id.generation => Some(value),
            _ => None,
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Id<T>, &T)> {
        self.entries.iter().enumerate().filter_map(|(index, (generation, entry))| match entry {
            Entry::Used(value) => {
                let id = Id { index: index as u32, generation: *generation, of: PhantomData };
                Some((id, value))
            }
            Entry::Free { .. } => None,
        })
    }
}

/// For ids that the runtime knows to be alive.
impl<T> Index<Id<T>> for Slab<T> {
    type Output = T;

    #[inline]
    fn index(&self, id: Id<T>) -> &T {
        self.get(id).expect("the runtime uses an id only while its entry is alive")
    }
}

impl<T> IndexMut<Id<T>> for Slab<T> {
    #[inline]
    fn index_mut(&mut self, id: Id<T>) -> &mut T {
        self.get_mut(id).expect("the runtime uses an id only while its entry is alive")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_does_not_name_the_entry_that_took_its_place() {
        let mut slab = Slab::new(&Account::unlimited());
        let a = slab.insert('a').unwrap();
        let b = slab.insert('b').unwrap();
        assert_eq!(slab.remove(a), Some('a'));
        assert_eq!(slab.remove(a), None);
        let c = slab.insert('c').unwrap();
        assert_eq!(slab.get(a), None);
        assert_eq!((slab[b], slab[c]), ('b', 'c'));
        assert_eq!(slab.len(), 2);
        assert_eq!(Id::from_bits(c.to_bits()), Some(c));
        assert_eq!(Id::<char>::from_bits(7), None);
        assert_eq!(slab.iter().map(|(_, value)| *value).collect::<String>(), "cb");
    }

    #[test]
    fn a_slab_that_shrinks_gives_back_what_it_took_and_uses_no_id_twice() {
        let account = Account::unlimited();
        let mut slab = Slab::new(&account);
        let ids: Vec<_> = (0..5000).map(|n| slab.insert(n).unwrap()).collect();
        for (n, id) in ids.iter().enumerate().filter(|(n, _)| *n != 100) {
            assert_eq!(slab.remove(*id), Some(n));
        }
        let before = account.used();
        slab.shrink();
        assert!(account.used() < before / 40, "{before}, {}", account.used());
        let again: Vec<_> = (0..5000).map(|n| slab.insert(n).unwrap()).collect();
        assert_eq!(slab[ids[100]], 100);
        assert_eq!(ids.iter().filter(|id| slab.get(**id).is_some()).count(), 1);
        assert_eq!(again.iter().map(|id| slab[*id]).sum::<usize>(), 4999 * 2500);
    }
}
