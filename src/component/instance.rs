//! What instantiation makes: instances and the things in them.

use super::Closure;
use super::extern_type::{Env, ExternType, InstanceType, ModuleType, Named, TypeDef};
use super::name::{nearest, resolve};
use crate::canon::FuncInst;
use crate::engine::Module;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Cx, InstanceId, Shared};
use crate::types::{FuncType, ResourceType};
use std::rc::{Rc, Weak};
use std::sync::Arc;

/// Something that an instance exports. Cheap to clone.
#[derive(Clone)]
pub enum Extern {
    /// A core module.
    Module(Arc<dyn Module>),
    /// A function.
    Func(FuncInst),
    /// A type.
    Type(TypeDef),
    /// An instance.
    Instance(Instance),
    /// A component.
    Component(Closure),
}

impl Extern {
    /// Its type, with the resource types that it really has.
    pub fn ty(&self) -> ExternType {
        match self {
            Extern::Module(module) => ExternType::Module(Arc::new(ModuleType {
                imports: module.imports().to_vec(),
                exports: module.exports().to_vec(),
            })),
            Extern::Func(func) => ExternType::Func(func.ty().clone()),
            Extern::Type(def) => ExternType::Type(def.clone()),
            Extern::Instance(instance) => ExternType::Instance(Arc::new(instance.ty())),
            Extern::Component(closure) => ExternType::Component(closure.ty().clone()),
        }
    }

    /// This thing seen as one of type `ty`: an instance without the exports that `ty` does not
    /// have. Binds the placeholders of `ty` to the resource types that are in their places.
    pub(super) fn ascribe(self, ty: &ExternType, env: &mut Env) -> Result<Extern> {
        match (self, ty) {
            (Extern::Type(TypeDef::Resource(given)), ExternType::Type(TypeDef::Resource(ty))) => {
                env.entry(ty.clone()).or_insert_with(|| given.clone());
                Ok(Extern::Type(TypeDef::Resource(given)))
            }
            (Extern::Instance(instance), ExternType::Instance(ty)) => {
                instance.ascribe(ty, env).map(Extern::Instance)
            }
            (item, _) => Ok(item),
        }
    }
}

/// An instance of a component, or a set of exports made out of other things. Cheap to clone; it
/// belongs to the store that it was made in.
#[derive(Clone)]
pub struct Instance(Rc<InstanceData>);

struct InstanceData {
    store: Weak<Shared>,
    /// The component instance that this is, if it was not just put together.
    id: Option<InstanceId>,
    exports: Named<Extern>,
}

impl Instance {
    /// Exports put together.
    pub(super) fn new(store: Weak<Shared>, exports: Named<Extern>) -> Instance {
        Instance(Rc::new(InstanceData { store, id: None, exports }))
    }

    /// What came of instantiating a component.
    pub(super) fn of(cx: &Cx<'_>, id: InstanceId, exports: Named<Extern>) -> Instance {
        Instance(Rc::new(InstanceData { store: Rc::downgrade(cx.shared), id: Some(id), exports }))
    }

    /// The component instance that this is; `None` for exports that were put together by a component
    /// or a linker.
    pub fn id(&self) -> Option<InstanceId> {
        self.0.id
    }

    /// Whether this instance was made in that store.
    pub fn is_of(&self, store: &Rc<Shared>) -> bool {
        std::ptr::eq(self.0.store.as_ptr(), Rc::as_ptr(store))
    }

    /// The exports in declaration order.
    pub fn exports(&self) -> impl ExactSizeIterator<Item = (&str, &Extern)> {
        self.0.exports.iter().map(|(name, item)| (&**name, item))
    }

    /// The type of this instance, with the resource types that it really has.
    pub fn ty(&self) -> InstanceType {
        let exports = self.0.exports.iter().map(|(name, item)| (name.clone(), item.ty()));
        InstanceType { exports: exports.collect() }
    }

    /// The export at `path`: a name, or names of instances inside one another with the name of
    /// what is in the innermost, put together with `#` as in `ns:pkg/iface@1.2.3#name`.
    ///
    /// A name with a version also finds the highest version that is compatible by semantic
    /// versioning where that exact one is not there.
    pub fn export(&self, path: &str) -> Result<&Extern> {
        let (mut instance, mut rest) = (self, path);
        loop {
            let (name, inner) = match rest.split_once('#') {
                Some((name, inner)) => (name, Some(inner)),
                None => (rest, None),
            };
            let Some((_, item)) = resolve(&instance.0.exports, name) else {
                return Err(instance.not_found(path, name));
            };
            match (item, inner) {
                (item, None) => return Ok(item),
                (Extern::Instance(nested), Some(inner)) => (instance, rest) = (nested, inner),
                (item, Some(_)) => {
                    let found = item.ty().noun();
                    return Err(no_export(path, format!("{name:?} is {found}, not an instance")));
                }
            }
        }
    }

    /// The exported function at `path`; see [`Instance::export`].
    pub fn func(&self, path: &str) -> Result<&FuncInst> {
        match self.export(path)? {
            Extern::Func(func) => Ok(func),
            item => {
                let message = format!("export {path:?} is {}, not a function", item.ty().noun());
                Err(Error::new(ErrorKind::NotFound, message))
            }
        }
    }

    /// The exported resource type at `path`; see [`Instance::export`].
    pub fn resource(&self, path: &str) -> Result<&ResourceType> {
        match self.export(path)? {
            Extern::Type(TypeDef::Resource(ty)) => Ok(ty),
            item => {
                let found = item.ty().noun();
                let message = format!("export {path:?} is {found}, not a resource type");
                Err(Error::new(ErrorKind::NotFound, message))
            }
        }
    }

    /// The type of the exported function at `path`.
    pub fn func_type(&self, path: &str) -> Result<FuncType> {
        self.func(path).map(|func| func.ty().clone())
    }

    fn not_found(&self, path: &str, name: &str) -> Error {
        if path == name
            && let Some(inner) = self.interface_with(name)
        {
            return no_export(path, format!("there is {:?}", format!("{inner}#{name}")));
        }
        let names = || self.0.exports.keys().map(|name| &**name);
        let hint = match nearest(name, names()) {
            Some(near) => format!("there is {near:?}"),
            None if self.0.exports.is_empty() => "there are no exports".into(),
            None => format!("there is {}", listed(names())),
        };
        no_export(path, hint)
    }

    /// An exported instance that exports this name.
    fn interface_with(&self, name: &str) -> Option<&str> {
        self.exports().find_map(|(interface, item)| match item {
            Extern::Instance(instance) if instance.0.exports.contains_key(name) => Some(interface),
            _ => None,
        })
    }

    pub(super) fn get(&self, name: &str) -> Result<&Extern> {
        self.0.exports.get(name).ok_or_else(|| internal(format!("no export {name:?}")))
    }

    fn ascribe(&self, ty: &InstanceType, env: &mut Env) -> Result<Instance> {
        let exports = ty.exports.iter().map(|(name, ty)| {
            let item = self.get(name)?.clone().ascribe(ty, env)?;
            Ok((name.clone(), item))
        });
        Ok(Instance::new(self.0.store.clone(), exports.collect::<Result<_>>()?))
    }
}

/// Names in quotes, the first of them where there are many.
fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const MOST: usize = 10;
    let more = names.len().saturating_sub(MOST);
    let names: Vec<_> = names.take(MOST).map(|name| format!("{name:?}")).collect();
    match (names.as_slice(), more) {
        ([first @ .., last], 0) if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        (names, 0) => names.join(", "),
        (names, more) => format!("{} and {more} more", names.join(", ")),
    }
}

fn no_export(path: &str, hint: String) -> Error {
    Error::new(ErrorKind::NotFound, format!("no export {path:?}: {hint}"))
}

/// For what validation and the checks of the linker rule out.
pub(super) fn internal(message: String) -> Error {
    Error::new(ErrorKind::Internal, format!("internal error: {message}"))
}
