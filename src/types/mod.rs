//! Value types and function types.
//!
//! Types are interned: two [`Type`]s are equal exactly when they are the same allocation, so
//! comparing, hashing and cloning one costs a pointer. A type lives as long as somebody holds it.

mod intern;

use crate::layout::TypeInfo;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A value type.
#[derive(Clone)]
pub struct Type(Arc<TypeData>);

/// A value type's structure and the figures computed from it once.
#[derive(Debug)]
pub struct TypeData {
    kind: Kind,
    info: TypeInfo,
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

/// A resource type's identity. Each call of [`ResourceType::new`] makes a different one: resource
/// types are generative.
#[derive(Clone)]
pub struct ResourceType(Arc<ResourceTypeData>);

struct ResourceTypeData {
    id: u64,
    name: Arc<str>,
}

impl ResourceType {
    /// A new resource type; `name` is for messages only.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        ResourceType(Arc::new(ResourceTypeData { id, name: name.into() }))
    }

    /// A number that no other resource type of this process has.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        &self.0.name
    }
}

impl PartialEq for ResourceType {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}
impl Eq for ResourceType {}
impl Hash for ResourceType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}
impl fmt::Debug for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.0.name, self.0.id)
    }
}

/// A function type. Interned like [`Type`].
#[derive(Clone)]
pub struct FuncType(Arc<FuncTypeData>);

/// The structure of a function type.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct FuncTypeData {
    /// Parameters in order.
    pub params: Box<[Field]>,
    /// The result, if there is one.
    pub result: Option<Type>,
    /// Whether the function may block before it returns.
    pub is_async: bool,
}
