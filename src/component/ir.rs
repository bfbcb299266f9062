//! A component as the instantiator executes it: definitions in the order of the binary, each of
//! which adds to one index space. Types have no index space of their own here: every mention of
//! one is the type itself.

use super::extern_type::{ComponentType, ExternType, InstanceType, TypeDef};
use super::load::{LoadCounts, LoadLimits};
use crate::copy::StringEncoding;
use crate::engine::{CoreFuncType, Module};
use crate::types::{FuncType, ResourceType, Type};
use std::sync::Arc;
use wasmparser::CanonicalFunction;

/// A loaded component: its body, and the core modules of all the bodies in it.
pub(crate) struct Program {
    pub(crate) root: Arc<Body>,
    pub(crate) modules: Vec<Arc<dyn Module>>,
    /// For each instantiation.
    pub(crate) limits: LoadLimits,
    pub(crate) load_counts: LoadCounts,
}

/// One component definition.
#[derive(Default)]
pub(crate) struct Body {
    pub(crate) initializers: Vec<Initializer>,
    pub(crate) ty: Arc<ComponentType>,
}

/// A definition. Numbers are indices into the index space of the sort that the name says.
pub(crate) enum Initializer {
    /// Takes the argument of that name.
    Import { name: Arc<str>, ty: ExternType },
    /// Defines the core module of that number in [`Program::modules`].
    Module(usize),
    /// Defines a component that closes over `captures`.
    Component { body: Arc<Body>, captures: Box<[Outer]> },
    /// Instantiates a core module with core instances by name.
    CoreInstantiate { module: u32, args: Box<[(Arc<str>, u32)]> },
    /// Makes a core instance out of core definitions.
    CoreExports(Box<[(Arc<str>, CoreItem)]>),
    /// Instantiates a component; `ty` is the new instance's type.
    Instantiate { component: u32, args: NamedItems, ty: Arc<InstanceType> },
    /// Makes an instance out of definitions.
    Exports(NamedItems),
    /// Takes an export of a core instance.
    AliasCore { instance: u32, name: Arc<str> },
    /// Takes an export, other than a type, of an instance.
    Alias { instance: u32, name: Arc<str> },
    /// Takes a core module or component out of an enclosing component.
    AliasOuter(Outer),
    /// Defines a resource type.
    Resource { ty: ResourceType, dtor: Option<u32> },
    /// `canon lift`
    Lift { core_func: u32, ty: FuncType, options: Options, name: Option<Arc<str>> },
    /// `canon lower`
    Lower { func: u32, options: Options },
    /// Any other canonical definition: the core function of a built-in.
    Builtin { canon: CanonicalFunction, options: Options, ty: BuiltinType },
    /// Exports a definition as of type `ty`, and adds it once more to its index space.
    Export { name: Arc<str>, item: Item, ty: ExternType },
}

/// A definition that a component inside takes.
#[derive(Clone, Copy)]
pub(crate) enum Outer {
    Module(u32),
    Component(u32),
    /// From what this component itself closes over.
    Captured(u32),
}

/// Definitions by name.
pub(crate) type NamedItems = Box<[(Arc<str>, Item)]>;

/// A definition that can be exported or passed to an instantiation.
pub(crate) enum Item {
    Module(u32),
    Func(u32),
    Type(TypeDef),
    Instance(u32),
    Component(u32),
}

/// A core definition that can be exported or passed to an instantiation.
#[derive(Clone, Copy)]
pub(crate) enum CoreItem {
    Func(u32),
    Memory(u32),
    Table(u32),
    Global(u32),
    Tag(u32),
}

/// Canonical options.
pub(crate) struct Options {
    pub(crate) string_encoding: StringEncoding,
    pub(crate) memory: Option<u32>,
    pub(crate) realloc: Option<u32>,
    pub(crate) post_return: Option<u32>,
    pub(crate) is_async: bool,
    pub(crate) callback: Option<u32>,
}

/// The type that a built-in names by an index, if it does.
pub(crate) enum BuiltinType {
    None,
    Resource(ResourceType),
    /// The result of `task.return`.
    Result(Option<Type>),
    /// A stream or future type.
    Transfer(Type),
    /// The type of a thread's start function.
    Start(CoreFuncType),
}
