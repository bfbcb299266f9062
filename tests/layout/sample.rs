//! Random types.

use cmabi::types::{Case, Field, Kind, ResourceType, Type};
use std::sync::Arc;

/// The generator called splitmix64: small, seeded, and the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// A type's description, apart from the library's own types.
#[derive(Clone, Debug)]
pub(crate) enum Desc {
    Bool,
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32,
    F64,
    Char,
    String,
    ErrorContext,
    Own,
    Borrow,
    List(Box<Desc>),
    FixedList(Box<Desc>, u32),
    Map(Box<Desc>, Box<Desc>),
    Record(Vec<Desc>),
    Tuple(Vec<Desc>),
    Variant(Vec<Option<Desc>>),
    Enum(usize),
    Option(Box<Desc>),
    Result(Option<Box<Desc>>, Option<Box<Desc>>),
    Flags(usize),
    Stream(Option<Box<Desc>>),
    Future(Option<Box<Desc>>),
}

const NUMBERS: [Desc; 10] = [
    Desc::S8,
    Desc::U8,
    Desc::S16,
    Desc::U16,
    Desc::S32,
    Desc::U32,
    Desc::S64,
    Desc::U64,
    Desc::F32,
    Desc::F64,
];

impl Desc {
    /// A type that nests at most `depth` deep.
    pub(crate) fn random(random: &mut Random, depth: u32) -> Desc {
        let kinds = if depth == 0 { 6 } else { 18 };
        let part = |random: &mut Random| Desc::random(random, depth - 1);
        let boxed = |random: &mut Random| Box::new(part(random));
        match random.below(kinds) {
            0 => Desc::Bool,
            1 => Desc::Char,
            2 => Desc::String,
            3 => Desc::Flags(1 + random.below(32)),
            4 | 5 => NUMBERS[random.below(NUMBERS.len())].clone(),
            6 => Desc::List(boxed(random)),
            7 => Desc::FixedList(boxed(random), 1 + random.below(6) as u32),
            8 => Desc::Map(Box::new(Desc::U32), boxed(random)),
            9 | 10 => Desc::Record((0..1 + random.below(6)).map(|_| *boxed(random)).collect()),
            11 => Desc::Tuple((0..1 + random.below(4)).map(|_| *boxed(random)).collect()),
            12 | 13 => Desc::Variant(
                (0..1 + random.below(5))
                    .map(|_| (random.below(4) > 0).then(|| *boxed(random)))
                    .collect(),
            ),
            14 => Desc::Enum(1 + random.below(400)),
            15 => Desc::Option(boxed(random)),
            16 => {
                let mut maybe = || (random.below(3) > 0).then(|| boxed(random));
                Desc::Result(maybe(), maybe())
            }
            // No borrow, which a result cannot hold.
            _ => match random.below(4) {
                1 => Desc::ErrorContext,
                2 => Desc::Stream(Some(Box::new(Desc::String))),
                3 => Desc::Future(None),
                _ => Desc::Own,
            },
        }
    }

    /// The library's type.
    pub(crate) fn build(&self) -> Type {
        let label = |prefix: &str, i: usize| -> Arc<str> { format!("{prefix}{i}").into() };
        let labels = |count: usize| (0..count).map(|i| label("l", i)).collect();
        let maybe = |desc: &Option<Box<Desc>>| desc.as_ref().map(|desc| desc.build());
        let kind = match self {
            Desc::Bool => Kind::Bool,
            Desc::S8 => Kind::S8,
            Desc::U8 => Kind::U8,
            Desc::S16 => Kind::S16,
            Desc::U16 => Kind::U16,
            Desc::S32 => Kind::S32,
            Desc::U32 => Kind::U32,
            Desc::S64 => Kind::S64,
            Desc::U64 => Kind::U64,
            Desc::F32 => Kind::F32,
            Desc::F64 => Kind::F64,
            Desc::Char => Kind::Char,
            Desc::String => Kind::String,
            Desc::ErrorContext => Kind::ErrorContext,
            Desc::Own => Kind::Own(ResourceType::new("r")),
            Desc::Borrow => Kind::Borrow(ResourceType::new("r")),
            Desc::List(element) => Kind::List(element.build()),
            Desc::FixedList(element, length) => Kind::FixedList(element.build(), *length),
            Desc::Map(key, value) => Kind::Map(key.build(), value.build()),
            Desc::Record(fields) => Kind::Record(
                (fields.iter().enumerate())
                    .map(|(i, field)| Field { name: label("f", i), ty: field.build() })
                    .collect(),
            ),
            Desc::Tuple(types) => Kind::Tuple(types.iter().map(Desc::build).collect()),
            Desc::Variant(cases) => Kind::Variant(
                (cases.iter().enumerate())
                    .map(|(i, case)| Case {
                        name: label("c", i),
                        ty: case.as_ref().map(Desc::build),
                    })
                    .collect(),
            ),
            Desc::Enum(count) => Kind::Enum(labels(*count)),
            Desc::Option(some) => Kind::Option(some.build()),
            Desc::Result(ok, err) => Kind::Result { ok: maybe(ok), err: maybe(err) },
            Desc::Flags(count) => Kind::Flags(labels(*count)),
            Desc::Stream(element) => Kind::Stream(maybe(element)),
            Desc::Future(element) => Kind::Future(maybe(element)),
        };
        Type::new(kind).unwrap()
    }
}
