//! Values of the host's as Rust types: for functions that the library itself offers as a host.
//!
//! A Rust type says which WIT type it stands for ([`Canonical`]), and reads or writes the canonical
//! layout with native pointers, which is what a plan copies to and from.

use crate::error::Trapped;
use crate::memory::{Arena, host_ptr};
use crate::types::{Case, Field, Kind, ResourceType, Type};
use std::any::TypeId;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};

/// A Rust type that stands for a WIT type.
pub(crate) trait Canonical: Sized {
    /// Bytes of a value.
    const SIZE: usize;
    /// What its address is a multiple of.
    const ALIGN: usize;

    /// The WIT type; `None` for `()`, which stands for no value.
    fn ty(resources: &ResourceTypes) -> Option<Type>;
}

/// One that the host receives.
pub(crate) trait Load: Canonical {
    /// Reads a value.
    ///
    /// # Safety
    /// A value of the WIT type is at `at`. What it points to lives as long as `arena` is held.
    unsafe fn load(at: *const u8, arena: &Rc<Arena>) -> Self;
}

/// One that the host passes.
pub(crate) trait Store: Canonical {
    /// Writes a value. What it points to goes to `arena`, or is there already.
    ///
    /// # Safety
    /// There is room for a value at `at`.
    unsafe fn store(self, at: *mut u8, arena: &Arena) -> Result<(), Trapped>;
}

/// A resource type of the host's.
pub(crate) trait HostResource: 'static {
    /// Its name in WIT.
    const NAME: &'static str;
}

/// The resource types that Rust types stand for, made when they are first asked for.
#[derive(Default)]
pub(crate) struct ResourceTypes(Mutex<HashMap<TypeId, ResourceType>>);

impl ResourceTypes {
    pub(crate) fn get<R: HostResource>(&self) -> ResourceType {
        let new = || ResourceType::new(R::NAME);
        let mut types = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        types.entry(TypeId::of::<R>()).or_insert_with(new).clone()
    }
}

/// A resource that is lent to the host, which implements its type: the representation.
pub(crate) struct Borrow<R> {
    pub(crate) rep: u32,
    of: PhantomData<fn() -> R>,
}

/// A resource that the host gives away: a handle of the host's.
pub(crate) struct Own<R> {
    handle: u32,
    of: PhantomData<fn() -> R>,
}

impl<R> Own<R> {
    /// What a handle of the host's owns, which is an `R`.
    pub(crate) fn new(handle: u32) -> Self {
        Own { handle, of: PhantomData }
    }
}

/// Bytes in an arena: a `list<u8>`, or the text of a `string`.
#[derive(Clone)]
pub(crate) struct Bytes {
    start: u64,
    len: usize,
    /// Keeps them.
    _arena: Rc<Arena>,
}

impl Bytes {
    /// Up to `capacity` bytes that `fill` writes, of which it says how many.
    pub(crate) fn fill<E>(
        arena: &Rc<Arena>,
        capacity: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<Result<Bytes, E>, Trapped> {
        let start = arena.realloc(0, 0, 1, capacity as u64)?;
        // SAFETY: the arena has just handed out so many bytes, all of which were written some time.
        let room = unsafe { std::slice::from_raw_parts_mut(host_ptr(start), capacity) };
        let filled = fill(room).map(|len| len.min(capacity));
        // The rest is handed out again: all of it to one that tries again.
        let len = *filled.as_ref().unwrap_or(&0);
        let _ = arena.realloc(start, capacity as u64, 1, len as u64);
        Ok(filled.map(|len| Bytes { start, len, _arena: arena.clone() }))
    }

    pub(crate) fn get(&self) -> &[u8] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: the bytes live as long as the arena is held, and nobody writes to them any more.
        unsafe { std::slice::from_raw_parts(host_ptr(self.start), self.len) }
    }

    /// # Safety
    /// As for [`Load::load`]: a `{ptr, len}` is at `at`.
    unsafe fn at(at: *const u8, arena: &Rc<Arena>) -> Self {
        // SAFETY: the caller's promise.
        let [start, len] = unsafe { at.cast::<[usize; 2]>().read() };
        Bytes { start: start as u64, len, _arena: arena.clone() }
    }
}

/// A `string` that the host receives.
pub(crate) struct Text(Bytes);

impl Text {
    pub(crate) fn get(&self) -> &str {
        // Text is looked at when it is lifted.
        std::str::from_utf8(self.0.get()).unwrap_or_default()
    }
}

pub(crate) const fn align_up(offset: usize, align: usize) -> usize {
    offset.next_multiple_of(align)
}

pub(crate) const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

macro_rules! numbers {
    ($($rust:ty => $wit:ident),*) => {$(
        impl Canonical for $rust {
            const SIZE: usize = size_of::<$rust>();
            const ALIGN: usize = size_of::<$rust>();

            fn ty(_: &ResourceTypes) -> Option<Type> {
                Some(Type::$wit())
            }
        }

        impl Load for $rust {
            unsafe fn load(at: *const u8, _: &Rc<Arena>) -> Self {
                // SAFETY: the caller's promise.
                unsafe { at.cast::<$rust>().read() }
            }
        }

        impl Store for $rust {
            unsafe fn store(self, at: *mut u8, _: &Arena) -> Result<(), Trapped> {
                // SAFETY: the caller's promise.
                unsafe { at.cast::<$rust>().write(self) };
                Ok(())
            }
        }
    )*};
}

numbers! { u8 => u8, u16 => u16, u32 => u32, u64 => u64, i32 => s32, i64 => s64 }

impl Canonical for bool {
    const SIZE: usize = 1;
    const ALIGN: usize = 1;

    fn ty(_: &ResourceTypes) -> Option<Type> {
        Some(Type::bool())
    }
}

impl Load for bool {
    unsafe fn load(at: *const u8, _: &Rc<Arena>) -> Self {
        // SAFETY: the caller's promise.
        unsafe { at.read() != 0 }
    }
}

impl Store for bool {
    unsafe fn store(self, at: *mut u8, _: &Arena) -> Result<(), Trapped> {
        // SAFETY: the caller's promise.
        unsafe { at.write(self.into()) };
        Ok(())
    }
}

impl Canonical for () {
    const SIZE: usize = 0;
    const ALIGN: usize = 1;

    fn ty(_: &ResourceTypes) -> Option<Type> {
        None
    }
}

impl Load for () {
    unsafe fn load(_: *const u8, _: &Rc<Arena>) -> Self {}
}

impl Store for () {
    unsafe fn store(self, _: *mut u8, _: &Arena) -> Result<(), Trapped> {
        Ok(())
    }
}

const SLICE: (usize, usize) = (size_of::<[usize; 2]>(), size_of::<usize>());

macro_rules! slices {
    ($([$($generic:ident)?] $rust:ty => $ty:expr;)*) => {$(
        impl$(<$generic: Canonical>)? Canonical for $rust {
            const SIZE: usize = SLICE.0;
            const ALIGN: usize = SLICE.1;

            fn ty(resources: &ResourceTypes) -> Option<Type> {
                let ty: fn(&ResourceTypes) -> Type = $ty;
                Some(ty(resources))
            }
        }
    )*};
}

slices! {
    [] Bytes => |_| compound(Kind::List(Type::u8()));
    [] Text => |_| Type::string();
    [] String => |_| Type::string();
    [T] Vec<T> => |resources| compound(Kind::List(part::<T>(resources)));
}

impl Load for Bytes {
    unsafe fn load(at: *const u8, arena: &Rc<Arena>) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Bytes::at(at, arena) }
    }
}

impl Store for Bytes {
    unsafe fn store(self, at: *mut u8, _: &Arena) -> Result<(), Trapped> {
        // SAFETY: the caller's promise; the arena that holds the bytes is the task's.
        unsafe { at.cast::<[usize; 2]>().write([self.start as usize, self.len]) };
        Ok(())
    }
}

impl Load for Text {
    unsafe fn load(at: *const u8, arena: &Rc<Arena>) -> Self {
        // SAFETY: the caller's promise.
        Text(unsafe { Bytes::at(at, arena) })
    }
}

impl Store for String {
    unsafe fn store(self, at: *mut u8, arena: &Arena) -> Result<(), Trapped> {
        let to = arena.alloc(self.len() as u64, 1)?;
        // SAFETY: there is room for so many bytes at `to`, and by the caller's promise at `at`.
        unsafe {
            to.copy_from_nonoverlapping(self.as_ptr(), self.len());
            at.cast::<[usize; 2]>().write([to.expose_provenance(), self.len()]);
        }
        Ok(())
    }
}

impl<T: Load> Load for Vec<T> {
    unsafe fn load(at: *const u8, arena: &Rc<Arena>) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            let [start, len] = at.cast::<[usize; 2]>().read();
            let start = host_ptr(start as u64);
            (0..len).map(|i| T::load(start.add(i * T::SIZE), arena)).collect()
        }
    }
}

impl<T: Store> Store for Vec<T> {
    unsafe fn store(self, at: *mut u8, arena: &Arena) -> Result<(), Trapped> {
        let len = self.len();
        let to = store_all(self, arena)?;
        // SAFETY: the caller's promise.
        unsafe { at.cast::<[usize; 2]>().write([to.expose_provenance(), len]) };
        Ok(())
    }
}

/// Puts values into an arena one after the other, as the elements of a list or stream are: where the first is.
pub(crate) fn store_all<T: Store>(
    values: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
    arena: &Arena,
) -> Result<*mut u8, Trapped> {
    let values = values.into_iter();
    let to = arena.alloc((values.len() * T::SIZE) as u64, T::ALIGN as u32)?;
    for (i, value) in (0..values.len()).zip(values) {
        // SAFETY: there is room for all of them.
        unsafe { value.store(to.add(i * T::SIZE), arena) }?;
    }
    Ok(to)
}

macro_rules! readable_ends {
    ($($what:literal $rust:ident => $kind:ident),*) => {$(
        #[doc = concat!("A `", $what, "<T>`: a handle of the host's to the readable end.")]
        pub(crate) struct $rust<T> {
            pub(crate) handle: u32,
            of: PhantomData<fn() -> T>,
        }

        impl<T> $rust<T> {
            /// The readable end that a handle of the host's refers to, which is one of `T`.
            pub(crate) fn new(handle: u32) -> Self {
                $rust { handle, of: PhantomData }
            }
        }

        impl<T: Canonical> Canonical for $rust<T> {
            const SIZE: usize = 4;
            const ALIGN: usize = 4;

            fn ty(resources: &ResourceTypes) -> Option<Type> {
                Some(compound(Kind::$kind(T::ty(resources))))
            }
        }

        impl<T: Canonical> Load for $rust<T> {
            unsafe fn load(at: *const u8, _: &Rc<Arena>) -> Self {
                // SAFETY: the caller's promise.
                $rust::new(unsafe { at.cast::<u32>().read() })
            }
        }

        impl<T: Canonical> Store for $rust<T> {
            unsafe fn store(self, at: *mut u8, _: &Arena) -> Result<(), Trapped> {
                // SAFETY: the caller's promise.
                unsafe { at.cast::<u32>().write(self.handle) };
                Ok(())
            }
        }
    )*};
}

readable_ends! { "stream" StreamOf => Stream, "future" FutureOf => Future }

impl<R: HostResource> Canonical for Borrow<R> {
    const SIZE: usize = 4;
    const ALIGN: usize = 4;

    fn ty(resources: &ResourceTypes) -> Option<Type> {
        Some(compound(Kind::Borrow(resources.get::<R>())))
    }
}

impl<R: HostResource> Load for Borrow<R> {
    unsafe fn load(at: *const u8, _: &Rc<Arena>) -> Self {
        // SAFETY: the caller's promise.
        Borrow { rep: unsafe { at.cast::<u32>().read() }, of: PhantomData }
    }
}

impl<R: HostResource> Canonical for Own<R> {
    const SIZE: usize = 4;
    const ALIGN: usize = 4;

    fn ty(resources: &ResourceTypes) -> Option<Type> {
        Some(compound(Kind::Own(resources.get::<R>())))
    }
}

impl<R: HostResource> Store for Own<R> {
    unsafe fn store(self, at: *mut u8, _: &Arena) -> Result<(), Trapped> {
        // SAFETY: the caller's promise.
        unsafe { at.cast::<u32>().write(self.handle) };
        Ok(())
    }
}

/// Where the payload of a variant with a tag of one byte is.
pub(crate) const fn payload_offset(align: usize) -> usize {
    align_up(1, align)
}

impl<T: Canonical> Canonical for Option<T> {
    const SIZE: usize = align_up(payload_offset(T::ALIGN) + T::SIZE, T::ALIGN);
    const ALIGN: usize = T::ALIGN;

    fn ty(resources: &ResourceTypes) -> Option<Type> {
        Some(compound(Kind::Option(part::<T>(resources))))
    }
}

impl<T: Load> Load for Option<T> {
    unsafe fn load(at: *const u8, arena: &Rc<Arena>) -> Self {
        // SAFETY: the caller's promise; the payload is there if the tag says so.
        unsafe { (at.read() != 0).then(|| T::load(at.add(payload_offset(T::ALIGN)), arena)) }
    }
}

impl<T: Store> Store for Option<T> {
    unsafe fn store(self, at: *mut u8, arena: &Arena) -> Result<(), Trapped> {
        // SAFETY: the caller's promise.
        unsafe {
            at.write(self.is_some().into());
            self.map_or(Ok(()), |some| some.store(at.add(payload_offset(T::ALIGN)), arena))
        }
    }
}

impl<T: Canonical, E: Canonical> Canonical for Result<T, E> {
    const SIZE: usize = align_up(payload_offset(Self::ALIGN) + max(T::SIZE, E::SIZE), Self::ALIGN);
    const ALIGN: usize = max(T::ALIGN, E::ALIGN);

    fn ty(resources: &ResourceTypes) -> Option<Type> {
        Some(compound(Kind::Result { ok: T::ty(resources), err: E::ty(resources) }))
    }
}

impl Load for Result<(), ()> {
    unsafe fn load(at: *const u8, _: &Rc<Arena>) -> Self {
        // SAFETY: the caller's promise.
        if unsafe { at.read() } == 0 { Ok(()) } else { Err(()) }
    }
}

impl<T: Store, E: Store> Store for Result<T, E> {
    unsafe fn store(self, at: *mut u8, arena: &Arena) -> Result<(), Trapped> {
        // SAFETY: the caller's promise.
        unsafe {
            at.write(self.is_err().into());
            let payload = at.add(payload_offset(Self::ALIGN));
            match self {
                Ok(ok) => ok.store(payload, arena),
                Err(err) => err.store(payload, arena),
            }
        }
    }
}

/// A tuple or record, field by field.
macro_rules! fields {
    ($(tuple [$($t:ident $i:tt),*])*) => {$(
        impl<$($t: Canonical),*> Canonical for ($($t,)*) {
            const SIZE: usize = {
                let mut offset = 0;
                $(offset = align_up(offset, $t::ALIGN) + $t::SIZE;)*
                align_up(offset, Self::ALIGN)
            };
            const ALIGN: usize = {
                let mut align = 1;
                $(align = max(align, $t::ALIGN);)*
                align
            };

            fn ty(resources: &ResourceTypes) -> Option<Type> {
                Some(compound(Kind::Tuple([$(part::<$t>(resources)),*].into())))
            }
        }

        impl<$($t: Load),*> Load for ($($t,)*) {
            #[allow(non_snake_case, unused_assignments)]
            unsafe fn load(at: *const u8, arena: &Rc<Arena>) -> Self {
                let mut offset = 0;
                $(
                    offset = align_up(offset, $t::ALIGN);
                    // SAFETY: the caller's promise.
                    let $t = unsafe { $t::load(at.add(offset), arena) };
                    offset += $t::SIZE;
                )*
                ($($t,)*)
            }
        }

        impl<$($t: Store),*> Store for ($($t,)*) {
            #[allow(unused_assignments)]
            unsafe fn store(self, at: *mut u8, arena: &Arena) -> Result<(), Trapped> {
                let mut offset = 0;
                $(
                    offset = align_up(offset, $t::ALIGN);
                    // SAFETY: the caller's promise.
                    unsafe { self.$i.store(at.add(offset), arena) }?;
                    offset += $t::SIZE;
                )*
                Ok(())
            }
        }
    )*};
}

fields! {
    tuple [A 0]
    tuple [A 0, B 1]
    tuple [A 0, B 1, C 2]
    tuple [A 0, B 1, C 2, D 3]
    tuple [A 0, B 1, C 2, D 3, E 4]
    tuple [A 0, B 1, C 2, D 3, E 4, F 5]
    tuple [A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7]
}

/// A type that the specification's validation accepts, because Rust code says so.
pub(crate) fn compound(kind: Kind) -> Type {
    Type::new(kind).expect("types written in Rust are valid")
}

/// The type of a part, which cannot be `()`.
pub(crate) fn part<T: Canonical>(resources: &ResourceTypes) -> Type {
    T::ty(resources).expect("a part has a type")
}

/// The name in WIT of something that is called `name` in Rust.
pub(crate) fn label(name: &str) -> String {
    let mut label = String::new();
    for c in name.trim_end_matches('_').chars() {
        match c {
            'A'..='Z' => {
                if !label.is_empty() {
                    label.push('-');
                }
                label.push(c.to_ascii_lowercase());
            }
            '_' => label.push('-'),
            _ => label.push(c),
        }
    }
    label
}

/// A field of a record.
pub(crate) fn field<T: Canonical>(name: &str, resources: &ResourceTypes) -> Field {
    Field { name: label(name).into(), ty: part::<T>(resources) }
}

/// A case of a variant.
pub(crate) fn case<T: Canonical>(name: &str, resources: &ResourceTypes) -> Case {
    Case { name: label(name).into(), ty: T::ty(resources) }
}

/// Structs that stand for records: `record! { load store Name { field: Type } }`, with `load` or `store`
/// left out where one is not needed.
macro_rules! record {
    ($($action:ident)* => $name:ident $fields:tt) => {
        $crate::copy::typed::record! { @define $name $fields }
        $($crate::copy::typed::record! { @$action $name $fields })*
    };
    (@define $name:ident { $($field:ident: $ty:ty),* $(,)? }) => {
        pub(crate) struct $name {
            $(pub(crate) $field: $ty),*
        }

        impl $crate::copy::typed::Canonical for $name {
            const SIZE: usize = <($($ty,)*) as $crate::copy::typed::Canonical>::SIZE;
            const ALIGN: usize = <($($ty,)*) as $crate::copy::typed::Canonical>::ALIGN;

            fn ty(
                resources: &$crate::copy::typed::ResourceTypes,
            ) -> Option<$crate::types::Type> {
                use $crate::copy::typed::{compound, field};
                let fields = [$(field::<$ty>(stringify!($field), resources)),*];
                Some(compound($crate::types::Kind::Record(fields.into())))
            }
        }
    };
    (@load $name:ident { $($field:ident: $ty:ty),* $(,)? }) => {
        impl $crate::copy::typed::Load for $name {
            unsafe fn load(
                at: *const u8,
                arena: &std::rc::Rc<$crate::memory::Arena>,
            ) -> Self {
                // SAFETY: the caller's promise: a record is laid out like the tuple of its fields.
                let ($($field,)*) = unsafe { <($($ty,)*) as $crate::copy::typed::Load>::load(at, arena) };
                $name { $($field),* }
            }
        }
    };
    (@store $name:ident { $($field:ident: $ty:ty),* $(,)? }) => {
        impl $crate::copy::typed::Store for $name {
            unsafe fn store(
                self,
                at: *mut u8,
                arena: &$crate::memory::Arena,
            ) -> Result<(), $crate::error::Trapped> {
                // SAFETY: the caller's promise: a record is laid out like the tuple of its fields.
                unsafe {
                    $crate::copy::typed::Store::store(($(self.$field,)*), at, arena)
                }
            }
        }
    };
}

/// Enums of Rust that stand for enums of WIT, with up to 256 cases.
macro_rules! enumeration {
    ($name:ident { $($case:ident),* $(,)? }) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        #[allow(dead_code, reason = "guests may know cases that never come up here")]
        pub(crate) enum $name {
            $($case),*
        }

        impl $name {
            /// All, in order.
            pub(crate) const ALL: &[$name] = &[$($name::$case),*];
        }

        impl $crate::copy::typed::Canonical for $name {
            const SIZE: usize = 1;
            const ALIGN: usize = 1;

            fn ty(_: &$crate::copy::typed::ResourceTypes) -> Option<$crate::types::Type> {
                let labels = [$($crate::copy::typed::label(stringify!($case)).into()),*];
                Some($crate::copy::typed::compound($crate::types::Kind::Enum(labels.into())))
            }
        }

        impl $crate::copy::typed::Load for $name {
            unsafe fn load(at: *const u8, _: &std::rc::Rc<$crate::memory::Arena>) -> Self {
                // SAFETY: the caller's promise.
                let index = unsafe { at.read() };
                // Tags are looked at when they are lifted.
                $name::ALL[usize::from(index)]
            }
        }

        impl $crate::copy::typed::Store for $name {
            unsafe fn store(
                self,
                at: *mut u8,
                _: &$crate::memory::Arena,
            ) -> Result<(), $crate::error::Trapped> {
                // SAFETY: the caller's promise.
                unsafe { at.write(self as u8) };
                Ok(())
            }
        }
    };
}

/// Structs that stand for flags, with up to 8 labels.
macro_rules! flags {
    ($name:ident { $($label:ident),* $(,)? }) => {
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[allow(dead_code, reason = "guests may know flags that mean nothing here")]
        pub(crate) struct $name {
            $(pub(crate) $label: bool),*
        }

        impl $crate::copy::typed::Canonical for $name {
            const SIZE: usize = 1;
            const ALIGN: usize = 1;

            fn ty(_: &$crate::copy::typed::ResourceTypes) -> Option<$crate::types::Type> {
                let labels = [$($crate::copy::typed::label(stringify!($label)).into()),*];
                Some($crate::copy::typed::compound($crate::types::Kind::Flags(labels.into())))
            }
        }

        impl $crate::copy::typed::Load for $name {
            unsafe fn load(at: *const u8, _: &std::rc::Rc<$crate::memory::Arena>) -> Self {
                // SAFETY: the caller's promise.
                let mut bits = unsafe { at.read() };
                let mut next = || {
                    let bit = bits & 1 != 0;
                    bits >>= 1;
                    bit
                };
                $name { $($label: next()),* }
            }
        }

        impl $crate::copy::typed::Store for $name {
            unsafe fn store(
                self,
                at: *mut u8,
                _: &$crate::memory::Arena,
            ) -> Result<(), $crate::error::Trapped> {
                let labels = [$(self.$label),*];
                let bits = labels.iter().rev().fold(0u8, |bits, label| bits << 1 | u8::from(*label));
                // SAFETY: the caller's promise.
                unsafe { at.write(bits) };
                Ok(())
            }
        }
    };
}

/// Enums of Rust that stand for variants, with up to 256 cases; what a case carries is one type, `()` for
/// none.
macro_rules! variant {
    ($($action:ident)* => $name:ident $cases:tt) => {
        $crate::copy::typed::variant! { @define $name $cases }
        $($crate::copy::typed::variant! { @$action $name $cases })*
    };
    (@define $name:ident { $($case:ident($ty:ty)),* $(,)? }) => {
        pub(crate) enum $name {
            $($case($ty)),*
        }

        impl $crate::copy::typed::Canonical for $name {
            const SIZE: usize = {
                use $crate::copy::typed::{align_up, max, payload_offset};
                let mut size = 0;
                $(size = max(size, <$ty as $crate::copy::typed::Canonical>::SIZE);)*
                align_up(payload_offset(<Self as $crate::copy::typed::Canonical>::ALIGN) + size, <Self as $crate::copy::typed::Canonical>::ALIGN)
            };
            const ALIGN: usize = {
                let mut align = 1;
                $(align = $crate::copy::typed::max(align, <$ty as $crate::copy::typed::Canonical>::ALIGN);)*
                align
            };

            fn ty(
                resources: &$crate::copy::typed::ResourceTypes,
            ) -> Option<$crate::types::Type> {
                use $crate::copy::typed::{case, compound};
                let cases = [$(case::<$ty>(stringify!($case), resources)),*];
                Some(compound($crate::types::Kind::Variant(cases.into())))
            }
        }
    };
    (@load $name:ident { $($case:ident($ty:ty)),* $(,)? }) => {
        impl $crate::copy::typed::Load for $name {
            #[allow(unused_assignments)]
            unsafe fn load(
                at: *const u8,
                arena: &std::rc::Rc<$crate::memory::Arena>,
            ) -> Self {
                // SAFETY: the caller's promise: a tag, and a payload that goes with it.
                let (tag, payload) = unsafe {
                    (at.read(), at.add($crate::copy::typed::payload_offset(<Self as $crate::copy::typed::Canonical>::ALIGN)))
                };
                let mut index = 0;
                $(
                    if tag == index {
                        // SAFETY: as above.
                        return $name::$case(unsafe {
                            <$ty as $crate::copy::typed::Load>::load(payload, arena)
                        });
                    }
                    index += 1;
                )*
                unreachable!("tags are looked at when they are lifted")
            }
        }
    };
    (@store $name:ident { $($case:ident($ty:ty)),* $(,)? }) => {
        impl $crate::copy::typed::Store for $name {
            #[allow(unused_assignments)]
            unsafe fn store(
                self,
                at: *mut u8,
                arena: &$crate::memory::Arena,
            ) -> Result<(), $crate::error::Trapped> {
                let mut index = 0u8;
                $(
                    if let $name::$case(payload) = self {
                        // SAFETY: the caller's promise.
                        return unsafe {
                            at.write(index);
                            let to = at.add($crate::copy::typed::payload_offset(<Self as $crate::copy::typed::Canonical>::ALIGN));
                            $crate::copy::typed::Store::store(payload, to, arena)
                        };
                    }
                    index += 1;
                )*
                unreachable!("every case is above")
            }
        }
    };
}

pub(crate) use {enumeration, flags, record, variant};
