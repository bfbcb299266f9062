//! The types of what components import and export: `externtype` in the specification's grammar.
//!
//! A resource type that is only known once a component is instantiated is a *placeholder*: a
//! [`ResourceType`] that stands for whatever the import, or the new instance, brings along.

use crate::engine::{CoreDecl, CoreExternType};
use crate::types::{FuncType, ResourceType, Type};
use indexmap::IndexMap;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Things by name, in declaration order.
pub type Named<T> = IndexMap<Arc<str>, T>;

/// What each placeholder stands for.
pub(crate) type Env = HashMap<ResourceType, ResourceType>;

/// The type of something that a component imports or exports.
#[derive(Clone, Debug)]
pub enum ExternType {
    /// A core module.
    Module(Arc<ModuleType>),
    /// A function.
    Func(FuncType),
    /// A type: the definition that the name is bound to.
    Type(TypeDef),
    /// An instance.
    Instance(Arc<InstanceType>),
    /// A component.
    Component(Arc<ComponentType>),
}

/// What a name of sort `type` is bound to.
#[derive(Clone, Debug)]
pub enum TypeDef {
    /// A resource type; a placeholder before instantiation.
    Resource(ResourceType),
    /// A value type.
    Value(Type),
    /// A function type.
    Func(FuncType),
    /// An instance type.
    Instance(Arc<InstanceType>),
    /// A component type.
    Component(Arc<ComponentType>),
}

/// The type of a core module.
#[derive(Clone, Debug)]
pub struct ModuleType {
    /// Imports in declaration order.
    pub imports: Vec<CoreDecl>,
    /// Exports in declaration order.
    pub exports: Vec<CoreDecl>,
}

/// The type of an instance.
#[derive(Clone, Debug, Default)]
pub struct InstanceType {
    /// What it exports.
    pub exports: Named<ExternType>,
}

/// The type of a component.
#[derive(Clone, Debug, Default)]
pub struct ComponentType {
    /// What must be given to instantiate it.
    pub imports: Named<ExternDecl>,
    /// What its instances export.
    pub exports: Named<ExternDecl>,
}

/// An import or export of a component.
#[derive(Clone, Debug)]
pub struct ExternDecl {
    /// Its type.
    pub ty: ExternType,
    /// The interface that it implements where its name is a plain label: the `implements`
    /// attribute.
    pub implements: Option<Arc<str>>,
}

impl ExternType {
    /// The word for its sort.
    pub fn sort(&self) -> &'static str {
        match self {
            ExternType::Module(_) => "core module",
            ExternType::Func(_) => "func",
            ExternType::Type(_) => "type",
            ExternType::Instance(_) => "instance",
            ExternType::Component(_) => "component",
        }
    }

    /// A thing of this type, as messages call it.
    pub(crate) fn noun(&self) -> &'static str {
        match self {
            ExternType::Module(_) => "a core module",
            ExternType::Func(_) => "a function",
            ExternType::Type(TypeDef::Resource(_)) => "a resource type",
            ExternType::Type(_) => "a type",
            ExternType::Instance(_) => "an instance",
            ExternType::Component(_) => "a component",
        }
    }

    /// The same type with resource types replaced.
    pub(crate) fn substitute(&self, env: &Env) -> ExternType {
        Substitution { env, instances: HashMap::new(), components: HashMap::new() }.item(self)
    }

    /// Calls `found` with every resource type that this type binds a name to.
    pub(crate) fn each_resource(&self, found: &mut dyn FnMut(&ResourceType)) {
        match self {
            ExternType::Type(TypeDef::Resource(resource)) => found(resource),
            ExternType::Instance(ty) => {
                ty.exports.values().for_each(|export| export.each_resource(found))
            }
            _ => {}
        }
    }
}

impl TypeDef {
    /// The same definition with resource types replaced.
    pub(crate) fn substitute(&self, env: &Env) -> TypeDef {
        Substitution { env, instances: HashMap::new(), components: HashMap::new() }.def(self)
    }
}

/// Replaces resource types. What types share is replaced once, and is shared by the new types.
struct Substitution<'a> {
    env: &'a Env,
    instances: HashMap<*const InstanceType, Arc<InstanceType>>,
    components: HashMap<*const ComponentType, Arc<ComponentType>>,
}

impl Substitution<'_> {
    fn item(&mut self, ty: &ExternType) -> ExternType {
        match ty {
            ExternType::Module(ty) => ExternType::Module(ty.clone()),
            ExternType::Func(ty) => ExternType::Func(substitute_func(ty, self.env)),
            ExternType::Type(def) => ExternType::Type(self.def(def)),
            ExternType::Instance(ty) => ExternType::Instance(self.instance(ty)),
            ExternType::Component(ty) => ExternType::Component(self.component(ty)),
        }
    }

    fn def(&mut self, def: &TypeDef) -> TypeDef {
        match def {
            TypeDef::Resource(resource) => {
                TypeDef::Resource(self.env.get(resource).unwrap_or(resource).clone())
            }
            TypeDef::Value(ty) => TypeDef::Value(substitute_type(ty, self.env)),
            TypeDef::Func(ty) => TypeDef::Func(substitute_func(ty, self.env)),
            TypeDef::Instance(ty) => TypeDef::Instance(self.instance(ty)),
            TypeDef::Component(ty) => TypeDef::Component(self.component(ty)),
        }
    }

    fn instance(&mut self, ty: &Arc<InstanceType>) -> Arc<InstanceType> {
        if self.env.is_empty() {
            return ty.clone();
        }
        if let Some(done) = self.instances.get(&Arc::as_ptr(ty)) {
            return done.clone();
        }
        let exports = ty.exports.iter().map(|(name, ty)| (name.clone(), self.item(ty))).collect();
        let new = Arc::new(InstanceType { exports });
        self.instances.insert(Arc::as_ptr(ty), new.clone());
        new
    }

    fn component(&mut self, ty: &Arc<ComponentType>) -> Arc<ComponentType> {
        if self.env.is_empty() {
            return ty.clone();
        }
        if let Some(done) = self.components.get(&Arc::as_ptr(ty)) {
            return done.clone();
        }
        let mut decls = |decls: &Named<ExternDecl>| {
            let substituted = decls.iter().map(|(name, decl)| {
                let ty = self.item(&decl.ty);
                (name.clone(), ExternDecl { ty, implements: decl.implements.clone() })
            });
            substituted.collect()
        };
        let new =
            Arc::new(ComponentType { imports: decls(&ty.imports), exports: decls(&ty.exports) });
        self.components.insert(Arc::as_ptr(ty), new.clone());
        new
    }
}

/// `ty` with resource types replaced.
pub(crate) fn substitute_type(ty: &Type, env: &Env) -> Type {
    ty.substitute(&|resource| env.get(resource).cloned())
}

/// `ty` with resource types replaced.
pub(crate) fn substitute_func(ty: &FuncType, env: &Env) -> FuncType {
    ty.substitute(&|resource| env.get(resource).cloned())
}

impl fmt::Display for ExternType {
    /// WIT syntax where WIT has one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExternType::Func(ty) => ty.fmt(f),
            ExternType::Type(def) => def.fmt(f),
            ExternType::Instance(ty) => ty.fmt(f),
            ExternType::Module(_) | ExternType::Component(_) => f.write_str(self.sort()),
        }
    }
}

impl fmt::Display for TypeDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TypeDef::Resource(_) => f.write_str("resource"),
            TypeDef::Value(ty) => write!(f, "type {ty}"),
            TypeDef::Func(ty) => write!(f, "type {ty}"),
            TypeDef::Instance(ty) => write!(f, "type {ty}"),
            TypeDef::Component(_) => f.write_str("type component"),
        }
    }
}

impl fmt::Display for InstanceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interface {")?;
        for (name, ty) in &self.exports {
            write!(f, " {name}: {ty};")?;
        }
        f.write_str(" }")
    }
}

impl fmt::Display for CoreExternType {
    /// The core text format, as far as the library tells types apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = |minimum: u64, maximum: Option<u64>| match maximum {
            Some(maximum) => format!("{minimum} {maximum}"),
            None => minimum.to_string(),
        };
        match self {
            CoreExternType::Func(ty) => write!(f, "{ty}"),
            CoreExternType::Tag(ty) => {
                f.write_str("(tag")?;
                ty.fmt_signature(f)?;
                f.write_str(")")
            }
            CoreExternType::Memory(ty) => {
                let addr = if ty.memory64 { "i64 " } else { "" };
                let shared = if ty.shared { " shared" } else { "" };
                write!(f, "(memory {addr}{}{shared})", limits(ty.minimum, ty.maximum))
            }
            CoreExternType::Table { element, table64, minimum, maximum } => {
                let addr = if *table64 { "i64 " } else { "" };
                write!(f, "(table {addr}{} {})", limits(*minimum, *maximum), element)
            }
            CoreExternType::Global { content, mutable: true } => {
                write!(f, "(global (mut {}))", content)
            }
            CoreExternType::Global { content, mutable: false } => {
                write!(f, "(global {})", content)
            }
        }
    }
}
