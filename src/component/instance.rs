//! What instantiation makes: instances and the things in them.

use super::Closure;
use super::extern_type::{Env, ExternType, InstanceType, ModuleType, Named, TypeDef};
use super::name::{Suggestions, resolve};
use super::subtype::Checker;
use crate::account::{Account, Charge};
use crate::engine::Module;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Cx, FuncInst, InstanceId, Shared};
use crate::types::{FuncType, ResourceType};
use std::cell::OnceCell;
use std::collections::HashMap;
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
            Extern::Instance(instance) => ExternType::Instance(instance.ty().clone()),
            Extern::Component(closure) => ExternType::Component(closure.ty().clone()),
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
    /// Made when it is first asked for.
    ty: OnceCell<Arc<InstanceType>>,
    /// Of the host memory of the store.
    _charge: Charge,
}

impl Instance {
    /// What came of instantiating a component, or was put together by one or by a linker.
    pub(super) fn of(
        cx: &Cx<'_>,
        id: Option<InstanceId>,
        exports: Named<Extern>,
    ) -> Result<Instance> {
        Self::charged(Rc::downgrade(cx.shared), &cx.shared.host_memory, id, exports)
    }

    fn charged(
        store: Weak<Shared>,
        memory: &Rc<Account>,
        id: Option<InstanceId>,
        exports: Named<Extern>,
    ) -> Result<Instance> {
        let bytes = size_of::<InstanceData>() + exports.len() * EXPORT_BYTES;
        let charge = Charge::new(memory, bytes as u64)?;
        let ty = OnceCell::new();
        Ok(Instance(Rc::new(InstanceData { store, id, exports, ty, _charge: charge })))
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

    /// The same with names to keep.
    pub(super) fn named(&self) -> impl Iterator<Item = (&Arc<str>, &Extern)> {
        self.0.exports.iter()
    }

    /// The type of this instance, with the resource types that it really has.
    pub fn ty(&self) -> &Arc<InstanceType> {
        self.0.ty.get_or_init(|| {
            let exports = self.0.exports.iter().map(|(name, item)| (name.clone(), item.ty()));
            Arc::new(InstanceType { exports: exports.collect() })
        })
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

    /// The exported functions at these paths, which must have these types but for resource types: those
    /// stand for the instance's own of the same names.
    ///
    /// Fails with [`ErrorKind::TypeMismatch`] and a list of all that is missing or of another type.
    pub fn similar_funcs(&self, expected: &[(&str, FuncType)]) -> Result<Vec<&FuncInst>> {
        let (mut checker, mut bound) = (Checker::default(), Env::default());
        let mut found = Vec::with_capacity(expected.len());
        for (path, ty) in expected {
            match self.func(path) {
                Ok(func) => {
                    let ty = ty.with_resources_of(func.ty(), &mut bound);
                    checker.func(path, func.ty(), &ty);
                    found.push(func);
                }
                Err(_) => checker.missing(path, &ExternType::Func(ty.clone()), []),
            }
        }
        match checker.problems.list() {
            [] => Ok(found),
            problems => {
                let lines = problems.iter().map(|problem| format!("\n  {problem}"));
                let message = format!(
                    "{} of {} exports do not fit:{}",
                    checker.problems.count(),
                    expected.len(),
                    lines.collect::<String>()
                );
                Err(Error::new(ErrorKind::TypeMismatch, message))
            }
        }
    }

    fn not_found(&self, path: &str, name: &str) -> Error {
        if path == name
            && let Some(inner) = self.interface_with(name)
        {
            return no_export(path, format!("there is {:?}", format!("{inner}#{name}")));
        }
        let names = || self.0.exports.keys().map(|name| &**name);
        let hint = match Suggestions::default().nearest(name, names()) {
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
}

/// What an export of an instance takes, and its type: two entries with their hashes and places.
const EXPORT_BYTES: usize =
    size_of::<(Arc<str>, Extern)>() + size_of::<(Arc<str>, ExternType)>() + 2 * (8 + 16);

/// Sees things as of types: an instance without the exports that its type does not have.
pub(super) struct Ascription<'a> {
    env: &'a mut Env,
    work: &'a Account,
    memory: &'a Rc<Account>,
    /// Instances that were seen as of types. Both can occur many times in one another.
    done: HashMap<(*const InstanceData, *const InstanceType), Instance>,
}

impl<'a> Ascription<'a> {
    /// `env` gets what the placeholders of types are in the things, `work` is charged for each export
    /// that is passed over, and `memory` for new instances.
    pub(super) fn new(env: &'a mut Env, work: &'a Account, memory: &'a Rc<Account>) -> Self {
        Ascription { env, work, memory, done: HashMap::new() }
    }

    /// `item` seen as of type `ty`.
    pub(super) fn item(&mut self, item: &Extern, ty: &ExternType) -> Result<Extern> {
        match (item, ty) {
            (Extern::Type(TypeDef::Resource(given)), ExternType::Type(TypeDef::Resource(ty))) => {
                self.env.entry(ty.clone()).or_insert_with(|| given.clone());
                Ok(item.clone())
            }
            (Extern::Instance(instance), ExternType::Instance(ty)) => {
                self.instance(instance, ty).map(Extern::Instance)
            }
            (item, _) => Ok(item.clone()),
        }
    }

    /// An instance that has what its type says and no more stays the same one.
    fn instance(&mut self, instance: &Instance, ty: &Arc<InstanceType>) -> Result<Instance> {
        let pair = (Rc::as_ptr(&instance.0), Arc::as_ptr(ty));
        if let Some(done) = self.done.get(&pair) {
            return Ok(done.clone());
        }
        self.work.charge(1 + ty.exports.len() as u64)?;
        let given = &instance.0.exports;
        let mut same = given.keys().eq(ty.exports.keys());
        let mut exports = Named::with_capacity(ty.exports.len());
        for (name, ty) in &ty.exports {
            let seen = match (given.get(name), ty) {
                // Its type says all about it.
                (None, ExternType::Type(def)) => Extern::Type(def.substitute(self.env)),
                _ => self.item(instance.get(name)?, ty)?,
            };
            if let (Some(Extern::Instance(given)), Extern::Instance(seen)) =
                (given.get(name), &seen)
            {
                same &= Rc::ptr_eq(&given.0, &seen.0);
            }
            exports.insert(name.clone(), seen);
        }
        let seen = match same {
            true => instance.clone(),
            false => Instance::charged(instance.0.store.clone(), self.memory, None, exports)?,
        };
        self.done.insert(pair, seen.clone());
        Ok(seen)
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
