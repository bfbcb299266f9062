//! Value types and function types.
//!
//! Types are interned: two [`Type`]s are equal exactly when they are the same allocation, so
//! comparing, hashing and cloning one costs a pointer. A type lives as long as somebody holds it.

mod display;
mod func;
mod intern;
mod label;
pub mod layout;
mod resource;
mod substitute;
#[cfg(test)]
mod tests;
mod wit;
#[cfg(feature = "wit")]
mod wit_parse;

pub use func::FuncType;
pub(crate) use func::FuncTypeData;
pub use resource::ResourceType;
pub(crate) use resource::ResourceTypeData;
pub use wit::{Wit, WitItem};

use crate::core_types::AddrType;
use crate::error::{Error, ErrorKind, Result};
use intern::{Interned, Interner};
use layout::{MAX_ELEM_SIZE, TypeInfo};
use std::hash::{Hash, Hasher};
use std::iter::repeat_n;
use std::sync::{Arc, LazyLock, OnceLock};

/// How deep types may nest. Walking a type recurses, so this bounds the native stack.
pub const MAX_TYPE_DEPTH: u32 = 100;
/// How many types there may be in a type that is written out in full. Parts can be shared, so
/// without a bound a short description could take exponential time to walk.
pub const MAX_TYPE_NODES: u32 = 1_000_000;
/// How many labels `flags` may have.
pub const MAX_FLAGS: usize = 32;

/// A value type.
#[derive(Clone)]
pub struct Type(pub(crate) Arc<TypeData>);

/// A value type's structure and the figures computed from it once.
pub(crate) struct TypeData {
    hash: u64,
    kind: Kind,
    info: TypeInfo,
    text: OnceLock<Box<str>>,
}

/// The structure of a value type (`ValType` and its subclasses in the reference).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Kind {
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
    List(Type),
    FixedList(Type, u32),
    Map(Type, Type),
    Record(Box<[Field]>),
    Tuple(Box<[Type]>),
    Variant(Box<[Case]>),
    Enum(Box<[Arc<str>]>),
    Option(Type),
    Result { ok: Option<Type>, err: Option<Type> },
    Flags(Box<[Arc<str>]>),
    Own(ResourceType),
    Borrow(ResourceType),
    Stream(Option<Type>),
    Future(Option<Type>),
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// The label.
    pub name: Arc<str>,
    /// The field's type.
    pub ty: Type,
}

/// A case of a variant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Case {
    /// The label.
    pub name: Arc<str>,
    /// The payload's type, if the case has one.
    pub ty: Option<Type>,
}

impl Kind {
    /// The types of the fields of a record or tuple in order; nothing for other kinds.
    pub fn field_types(&self) -> impl Iterator<Item = &Type> + Clone {
        let (fields, types): (&[Field], &[Type]) = match self {
            Kind::Record(fields) => (fields, &[]),
            Kind::Tuple(types) => (&[], types),
            _ => (&[], &[]),
        };
        fields.iter().map(|field| &field.ty).chain(types)
    }

    /// The payload types of the cases of a variant, enum, option or result in order; nothing for
    /// other kinds.
    pub fn case_types(&self) -> impl Iterator<Item = Option<&Type>> + Clone {
        let (cases, labels, pair): (&[Case], usize, Option<[Option<&Type>; 2]>) = match self {
            Kind::Variant(cases) => (cases, 0, None),
            Kind::Enum(labels) => (&[], labels.len(), None),
            Kind::Option(some) => (&[], 0, Some([None, Some(some)])),
            Kind::Result { ok, err } => (&[], 0, Some([ok.as_ref(), err.as_ref()])),
            _ => (&[], 0, None),
        };
        cases
            .iter()
            .map(|case| case.ty.as_ref())
            .chain(repeat_n(None, labels))
            .chain(pair.into_iter().flatten())
    }

    /// How many cases a variant, enum, option or result has; 0 for other kinds.
    pub fn case_count(&self) -> usize {
        match self {
            Kind::Variant(cases) => cases.len(),
            Kind::Enum(labels) => labels.len(),
            Kind::Option(_) | Kind::Result { .. } => 2,
            _ => 0,
        }
    }

    /// The types that this one is made of, in order.
    pub fn children(&self) -> impl Iterator<Item = &Type> {
        let elements = match self {
            Kind::List(element) | Kind::FixedList(element, _) => [Some(element), None],
            Kind::Map(key, value) => [Some(key), Some(value)],
            Kind::Stream(element) | Kind::Future(element) => [element.as_ref(), None],
            _ => [None, None],
        };
        self.field_types().chain(self.case_types().flatten()).chain(elements.into_iter().flatten())
    }

    /// What the specification's validation asks of one type beyond its parts being valid.
    pub(crate) fn validate(&self) -> Result<()> {
        let invalid = |message: &str| Err(Error::new(ErrorKind::Invalid, message));
        match self {
            Kind::FixedList(_, 0) => invalid("a fixed-length list must have at least one element"),
            Kind::Map(key, _) if !key.kind().is_map_key() => {
                Err(Error::new(ErrorKind::Invalid, format!("{key} cannot be the key of a map")))
            }
            Kind::Record(fields) if fields.is_empty() => {
                invalid("a record must have at least one field")
            }
            Kind::Record(fields) => label::check_labels("field", fields.iter().map(|f| &*f.name)),
            Kind::Tuple(types) if types.is_empty() => {
                invalid("a tuple must have at least one type")
            }
            Kind::Variant(cases) if cases.is_empty() => {
                invalid("a variant must have at least one case")
            }
            Kind::Variant(cases) => label::check_labels("case", cases.iter().map(|c| &*c.name)),
            Kind::Enum(labels) if labels.is_empty() => {
                invalid("an enum must have at least one case")
            }
            Kind::Enum(labels) => label::check_labels("case", labels.iter().map(|l| &**l)),
            Kind::Flags(labels) if labels.is_empty() || labels.len() > MAX_FLAGS => {
                Err(Error::new(
                    ErrorKind::Invalid,
                    format!("flags must have from 1 to {MAX_FLAGS} labels, not {}", labels.len()),
                ))
            }
            Kind::Flags(labels) => label::check_labels("flag", labels.iter().map(|l| &**l)),
            Kind::Stream(Some(element)) if *element.kind() == Kind::Char => {
                invalid("a stream cannot carry char")
            }
            Kind::Stream(Some(element)) if element.info().contains_borrow() => {
                invalid("a stream cannot carry a borrow")
            }
            Kind::Future(Some(element)) if element.info().contains_borrow() => {
                invalid("a future cannot carry a borrow")
            }
            _ => Ok(()),
        }
    }

    /// The specification's `keytype`.
    fn is_map_key(&self) -> bool {
        use Kind::*;
        matches!(self, Bool | S8 | U8 | S16 | U16 | S32 | U32 | S64 | U64 | Char | Kind::String)
    }
}

static TYPES: LazyLock<Interner<TypeData>> = LazyLock::new(Interner::new);

impl Type {
    /// The type of this structure, or what is wrong with it: [`ErrorKind::Invalid`] for what the
    /// specification's validation rejects, [`ErrorKind::Limit`] beyond [`MAX_TYPE_DEPTH`] or
    /// [`MAX_TYPE_NODES`].
    pub fn new(kind: Kind) -> Result<Type> {
        kind.validate()?;
        let ty = Type::intern(kind);
        let info = ty.info();
        if info.depth() > MAX_TYPE_DEPTH {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("types nest more than {MAX_TYPE_DEPTH} deep"),
            ));
        }
        if info.nodes() > MAX_TYPE_NODES {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("a type has more than {MAX_TYPE_NODES} parts"),
            ));
        }
        if info.size(AddrType::I64) >= MAX_ELEM_SIZE {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("type size exceeds maximum byte size of {}", MAX_ELEM_SIZE - 1),
            ));
        }
        Ok(ty)
    }

    /// The type of this structure without checks of its own, for types that the specification
    /// forms out of valid ones: the record of a function's parameters, the pairs of a map.
    fn intern(kind: Kind) -> Type {
        Type(TYPES.intern(kind))
    }

    /// The structure.
    pub fn kind(&self) -> &Kind {
        &self.0.kind
    }

    /// The figures that were computed when the type was made.
    pub fn info(&self) -> &TypeInfo {
        &self.0.info
    }

    /// The type as WIT text, made when it is first asked for; of a text that is longer than 64 KiB, the
    /// beginning and ` ...`.
    pub fn text(&self) -> &str {
        self.0.text.get_or_init(|| self.to_string().into())
    }

    /// The general type that this one is a special case of: the record of a tuple, the variant of
    /// an enum, option or result, the list of pairs of a map; else the type itself.
    #[must_use]
    pub fn despecialize(&self) -> Type {
        let case = |name: &str, ty: Option<&Type>| Case { name: name.into(), ty: ty.cloned() };
        Type::intern(match self.kind() {
            Kind::Tuple(types) => Kind::Record(
                (types.iter().enumerate())
                    .map(|(i, ty)| Field { name: i.to_string().into(), ty: ty.clone() })
                    .collect(),
            ),
            Kind::Enum(labels) => Kind::Variant(
                labels.iter().map(|label| Case { name: label.clone(), ty: None }).collect(),
            ),
            Kind::Option(some) => {
                Kind::Variant([case("none", None), case("some", Some(some))].into())
            }
            Kind::Result { ok, err } => {
                Kind::Variant([case("ok", ok.as_ref()), case("error", err.as_ref())].into())
            }
            Kind::Map(key, value) => {
                let pair = Type::intern(Kind::Tuple([key.clone(), value.clone()].into()));
                Kind::List(pair.despecialize())
            }
            _ => return self.clone(),
        })
    }
}

/// The types that have no parts.
#[allow(missing_docs)]
impl Type {
    pub fn bool() -> Type {
        Type::intern(Kind::Bool)
    }
    pub fn s8() -> Type {
        Type::intern(Kind::S8)
    }
    pub fn u8() -> Type {
        Type::intern(Kind::U8)
    }
    pub fn s16() -> Type {
        Type::intern(Kind::S16)
    }
    pub fn u16() -> Type {
        Type::intern(Kind::U16)
    }
    pub fn s32() -> Type {
        Type::intern(Kind::S32)
    }
    pub fn u32() -> Type {
        Type::intern(Kind::U32)
    }
    pub fn s64() -> Type {
        Type::intern(Kind::S64)
    }
    pub fn u64() -> Type {
        Type::intern(Kind::U64)
    }
    pub fn f32() -> Type {
        Type::intern(Kind::F32)
    }
    pub fn f64() -> Type {
        Type::intern(Kind::F64)
    }
    pub fn char() -> Type {
        Type::intern(Kind::Char)
    }
    pub fn string() -> Type {
        Type::intern(Kind::String)
    }
    pub fn error_context() -> Type {
        Type::intern(Kind::ErrorContext)
    }
}

impl PartialEq for Type {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Type {}

impl Hash for Type {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl Interned for TypeData {
    type Key = Kind;

    fn new(hash: u64, kind: Kind) -> Self {
        let info = TypeInfo::of(&kind);
        TypeData { hash, kind, info, text: OnceLock::new() }
    }

    fn key(&self) -> &Kind {
        &self.kind
    }
}

impl Drop for TypeData {
    fn drop(&mut self) {
        TYPES.forget(self.hash, self);
    }
}
