//! First-in-first-out lists whose links lie in the entries of a [`Slab`]: adding to the end and
//! removing anywhere take constant time and no allocation.

use super::slab::{Id, Place, Slab};
use std::marker::PhantomData;

/// An entry's neighbours in the one list of its kind that it may be in.
#[derive(Default)]
pub(crate) struct Link {
    prev: Option<Place>,
    next: Option<Place>,
}

/// Entries that can be in lists; `N` tells apart the lists that an entry can be in at once.
pub(crate) trait Linked<const N: usize>: Sized {
    fn link(&mut self) -> &mut Link;
}

/// A list of entries of a slab.
pub(crate) struct List<T, const N: usize> {
    head: Option<Place>,
    tail: Option<Place>,
    len: u32,
    of: PhantomData<fn() -> T>,
}

impl<T, const N: usize> Default for List<T, N> {
    fn default() -> Self {
        List { head: None, tail: None, len: 0, of: PhantomData }
    }
}

impl<T: Linked<N>, const N: usize> List<T, N> {
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    pub(crate) fn front(&self, slab: &Slab<T>) -> Option<Id<T>> {
        self.head.map(|head| slab.id_at(head))
    }

    pub(crate) fn next(&self, slab: &mut Slab<T>, id: Id<T>) -> Option<Id<T>> {
        let next = slab[id].link().next?;
        Some(slab.id_at(next))
    }

    #[inline]
    pub(crate) fn push_back(&mut self, slab: &mut Slab<T>, id: Id<T>) {
        *slab[id].link() = Link { prev: self.tail, next: None };
        match self.tail.replace(id.place()) {
            Some(tail) => slab.at_mut(tail).link().next = self.tail,
            None => self.head = self.tail,
        }
        self.len += 1;
    }

    pub(crate) fn push_front(&mut self, slab: &mut Slab<T>, id: Id<T>) {
        *slab[id].link() = Link { prev: None, next: self.head };
        match self.head.replace(id.place()) {
            Some(head) => slab.at_mut(head).link().prev = self.head,
            None => self.tail = self.head,
        }
        self.len += 1;
    }

    /// Removes `id`, which is in this list.
    #[inline]
    pub(crate) fn remove(&mut self, slab: &mut Slab<T>, id: Id<T>) {
        let Link { prev, next } = std::mem::take(slab[id].link());
        match prev {
            Some(prev) => slab.at_mut(prev).link().next = next,
            None => self.head = next,
        }
        match next {
            Some(next) => slab.at_mut(next).link().prev = prev,
            None => self.tail = prev,
        }
        self.len -= 1;
    }

    /// The entry `n` places behind the front.
    pub(crate) fn nth(&self, slab: &mut Slab<T>, n: u32) -> Option<Id<T>> {
        let mut place = self.head?;
        for _ in 0..n {
            place = slab.at_mut(place).link().next?;
        }
        Some(slab.id_at(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;

    struct Item(char, Link);

    impl Linked<0> for Item {
        fn link(&mut self) -> &mut Link {
            &mut self.1
        }
    }

    fn text(list: &List<Item, 0>, slab: &mut Slab<Item>) -> String {
        let mut text = String::new();
        let mut at = list.front(slab);
        while let Some(id) = at {
            text.push(slab[id].0);
            at = list.next(slab, id);
        }
        assert_eq!(text.len(), list.len() as usize);
        text
    }

    #[test]
    fn order_is_kept_and_removal_works_anywhere() {
        let mut slab = Slab::new(&Account::unlimited());
        let mut list = List::default();
        let ids: Vec<_> =
            "abcd".chars().map(|c| slab.insert(Item(c, Link::default())).unwrap()).collect();
        ids.iter().for_each(|id| list.push_back(&mut slab, *id));
        assert_eq!(text(&list, &mut slab), "abcd");
        list.remove(&mut slab, ids[1]);
        list.remove(&mut slab, ids[3]);
        assert_eq!(text(&list, &mut slab), "ac");
        list.push_front(&mut slab, ids[3]);
        list.remove(&mut slab, ids[0]);
        assert_eq!(text(&list, &mut slab), "dc");
        assert_eq!(list.nth(&mut slab, 1), Some(ids[2]));
        list.remove(&mut slab, ids[3]);
        list.remove(&mut slab, ids[2]);
        assert!(list.is_empty());
    }
}
