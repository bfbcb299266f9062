//! Linking: finds what a component imports among what the host defines.

use super::extern_type::{Env, ExternType, InstanceType, Named, TypeDef, substitute_func};
use super::instance::{Extern, Instance};
use super::instantiate::instantiate_root;
use super::name::{Compatible, unversioned};
use super::subtype::{Checker, Given, Problem, Problems};
use super::{Closure, Component};
use crate::engine::Module;
use crate::error::{Error, ErrorKind, Result, Trap};
use crate::runtime::{
    Cx, Dtor, FuncInst, HostCall, HostDtor, HostFunc, HostFuncDef, InstanceId, define_resource,
};
use crate::types::{FuncType, ResourceType};
use smallvec::SmallVec;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

/// What the host offers to components, by name. Can instantiate many components in many stores.
#[derive(Clone, Default)]
pub struct Linker {
    root: Definitions,
    unknown: Unknown,
}

/// What becomes of imports that nothing is defined for.
#[derive(Clone, Default)]
enum Unknown {
    #[default]
    Refused,
    /// Functions trap when they are called; resource types are new ones, which nothing makes.
    Trap,
    /// The same for the imports of these names.
    TrapIn(HashSet<Box<str>>),
}

impl Unknown {
    fn traps(&self, import: &str) -> bool {
        match self {
            Unknown::Refused => false,
            Unknown::Trap => true,
            Unknown::TrapIn(names) => names.contains(import) || names.contains(unversioned(import)),
        }
    }
}

/// A set of definitions: what [`Linker::root`] offers by plain names, or one instance.
#[derive(Clone, Default)]
pub struct Definitions {
    items: Named<Definition>,
    compatible: Compatible,
}

/// One thing that the host offers.
#[derive(Clone)]
enum Definition {
    Func {
        func: Arc<HostFunc>,
        takes: Takes,
        /// Whether it never answers later.
        is_immediate: bool,
    },
    Resource {
        ty: ResourceType,
        dtor: Option<Arc<HostDtor>>,
    },
    Instance(Definitions),
    Module(Arc<dyn Module>),
    Component(Component),
    /// Something out of an instance, which only goes with the store of that instance.
    Extern {
        item: Extern,
        of: Instance,
    },
}

/// Which types a component can import a function of the host with.
#[derive(Clone)]
enum Takes {
    /// Every type: it serves whatever it is imported with.
    Any,
    Exactly(FuncType),
    /// A type but for its resource types, which stand for any of their names.
    Similar(FuncType),
    Checked(Arc<TypeCheck>),
}

/// Decides whether a function of the host can serve calls of a type. If it cannot, the error says what it
/// takes.
pub type TypeCheck = dyn Fn(&FuncType) -> Result<(), String> + Send + Sync;

impl Linker {
    /// A linker that offers nothing yet.
    pub fn new() -> Self {
        Linker::default()
    }

    /// What is imported by plain names.
    pub fn root(&mut self) -> &mut Definitions {
        &mut self.root
    }

    /// The instance that is imported as `name`, for example `ns:pkg/iface@1.2.3`, which is new if
    /// nothing has that name yet. With an empty name, [`Linker::root`].
    pub fn instance(&mut self, name: &str) -> Result<&mut Definitions> {
        if name.is_empty() { Ok(&mut self.root) } else { self.root.instance(name) }
    }

    /// Has what is missing trap when it is called, instead of refusing the components that import it: all of
    /// it, where `names` is empty, or else the imports of those names, be they with their version or
    /// without.
    pub fn trap_unknown_imports<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        let names: HashSet<Box<str>> = names.into_iter().map(Into::into).collect();
        match &mut self.unknown {
            Unknown::Trap => {}
            unknown if names.is_empty() => *unknown = Unknown::Trap,
            Unknown::TrapIn(others) => others.extend(names),
            unknown => *unknown = Unknown::TrapIn(names),
        }
    }

    /// Finds all that `component` imports without instantiating it; what is missing or of the
    /// wrong type is listed in the error.
    pub fn check(&self, component: &Component) -> Result<()> {
        self.prepare(component).map(drop)
    }

    /// Instantiates `component` with what it imports from here.
    ///
    /// Fails with [`ErrorKind::Link`], and a list of all that is missing or of the wrong type,
    /// before anything runs; or with the trap of a start function. What was instantiated up to a
    /// trap is not reachable, and the store can be used further.
    pub fn instantiate(&self, cx: &mut Cx<'_>, component: &Component) -> Result<Instance> {
        self.prepare(component)?.instantiate(cx)
    }

    /// Finds what `component` imports, for many instances. What is defined afterwards changes nothing in it.
    pub fn prepare(&self, component: &Component) -> Result<InstancePre> {
        let mut resolver = Resolver {
            checker: Checker::default(),
            others: Vec::new(),
            resources: Vec::new(),
            trap_unknown: false,
        };
        let mut args = Vec::new();
        for (name, import) in &component.ty().imports {
            let mut found = self.root.find(name);
            if let (true, Some(name)) = (found.is_empty(), import.implements.as_deref()) {
                found = self.root.find(name);
            }
            resolver.trap_unknown = self.unknown.traps(name);
            if let Some(item) = resolver.item(name, &found, &self.root, &import.ty) {
                args.push((name.clone(), item));
            }
        }
        match resolver.checker.problems.list() {
            [] => Ok(InstancePre {
                component: component.clone(),
                args,
                others: resolver.others,
                resources: resolver.resources,
            }),
            _ => Err(unlinkable(&resolver.checker.problems)),
        }
    }

    /// The functions of instances that the host offers with a type, by full name, for a host that calls
    /// them itself: to test them.
    #[doc(hidden)]
    pub fn host_funcs(&self, cx: &mut Cx<'_>) -> Vec<(String, FuncInst)> {
        let mut funcs = Vec::new();
        for (interface, definition) in &self.root.items {
            let Definition::Instance(definitions) = definition else { continue };
            for (name, definition) in &definitions.items {
                match definition {
                    Definition::Func { func, takes: Takes::Exactly(ty), .. } => {
                        let name = format!("{interface}#{name}");
                        let def = HostFuncDef::new(ty.clone(), name.as_str(), func.clone());
                        funcs.push((name, FuncInst::Host(Rc::new(def))));
                    }
                    Definition::Resource { ty, dtor } => {
                        define_resource(cx, ty, InstanceId::HOST, dtor.clone().map(Dtor::Host));
                    }
                    _ => {}
                }
            }
        }
        funcs
    }
}

/// A component whose imports were found: to be instantiated any number of times, in any store of the engine.
pub struct InstancePre {
    component: Component,
    args: Vec<(Arc<str>, Resolved)>,
    /// What comes from other instances, by full name.
    others: Vec<(String, Instance)>,
    resources: Vec<(ResourceType, Option<Arc<HostDtor>>)>,
}

/// What an import was found to be, in any store. But for what comes from an instance, threads share it.
enum Resolved {
    Func {
        ty: FuncType,
        name: Arc<str>,
        func: Arc<HostFunc>,
        is_immediate: bool,
    },
    Instance(Vec<(Arc<str>, Resolved)>),
    Type(TypeDef),
    Module(Arc<dyn Module>),
    Component(Component),
    /// Something out of an instance, which only goes with the store of that instance.
    Extern(Extern),
}

impl InstancePre {
    /// Instantiates the component; see [`Linker::instantiate`].
    pub fn instantiate(&self, cx: &mut Cx<'_>) -> Result<Instance> {
        let foreign = self.others.iter().find(|(_, of)| !of.is_of(cx.shared));
        if let Some((name, _)) = foreign {
            let message = format!("{name}: defined by an instance of another store");
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        for (ty, dtor) in &self.resources {
            define_resource(cx, ty, InstanceId::HOST, dtor.clone().map(Dtor::Host));
        }
        let args = Resolved::all_in(cx, &self.args)?;
        instantiate_root(cx, &self.component, &args)
    }
}

impl Resolved {
    fn all_in(cx: &Cx<'_>, all: &[(Arc<str>, Resolved)]) -> Result<Named<Extern>> {
        all.iter().map(|(name, item)| Ok((name.clone(), item.of_store(cx)?))).collect()
    }

    fn of_store(&self, cx: &Cx<'_>) -> Result<Extern> {
        Ok(match self {
            Resolved::Func { ty, name, func, is_immediate } => {
                let mut def = HostFuncDef::new(ty.clone(), &**name, func.clone());
                def.is_immediate = *is_immediate;
                Extern::Func(FuncInst::Host(Rc::new(def)))
            }
            Resolved::Instance(exports) => {
                Extern::Instance(Instance::of(cx, None, Self::all_in(cx, exports)?)?)
            }
            Resolved::Type(def) => Extern::Type(def.clone()),
            Resolved::Module(module) => Extern::Module(module.clone()),
            Resolved::Component(component) => Extern::Component(Closure::of(component)),
            Resolved::Extern(item) => item.clone(),
        })
    }
}

fn unlinkable(problems: &Problems) -> Error {
    let message = match problems.list() {
        [problem] => format!("import {problem}"),
        list => {
            let lines = list.iter().map(|problem| format!("\n  {problem}"));
            let mut message =
                format!("{} imports do not fit:{}", problems.count(), lines.collect::<String>());
            if problems.count() > list.len() {
                message += &format!("\n  and {} more", problems.count() - list.len());
            }
            message
        }
    };
    Error::new(ErrorKind::Link, format!("{message}{}", advice(problems.list())))
}

/// What to do about imports that nothing like them is there for.
fn advice(problems: &[Problem]) -> &'static str {
    let nothing = Given::Nothing { near: None };
    // Of what is there, a part may be missing.
    let missing = || problems.iter().filter(|p| p.given == nothing && !p.path.contains(','));
    if missing().any(|problem| problem.path.starts_with("wasi:")) {
        "\nWhat begins with `wasi:` is the system interface that the component was built for: the host has to \
         add it to the linker."
    } else if missing().next().is_some() {
        "\nWhat is missing is the host's to define in the linker."
    } else {
        ""
    }
}

impl Definitions {
    /// Offers a function. With a type, a component that imports it with another is refused;
    /// without, it must serve whatever type it is imported with.
    pub fn func(&mut self, name: &str, ty: Option<FuncType>, func: Arc<HostFunc>) -> Result<()> {
        let takes = ty.map_or(Takes::Any, Takes::Exactly);
        self.define(name, Definition::Func { func, takes, is_immediate: false })
    }

    /// Offers a function that serves calls of `ty` with any resource types of the names of those in it.
    pub fn similar_func(&mut self, name: &str, ty: FuncType, func: Arc<HostFunc>) -> Result<()> {
        let takes = Takes::Similar(ty);
        self.define(name, Definition::Func { func, takes, is_immediate: false })
    }

    /// Offers a function. A component that imports it with a type that `check` does not accept is
    /// refused.
    pub fn checked_func(
        &mut self,
        name: &str,
        check: Arc<TypeCheck>,
        func: Arc<HostFunc>,
    ) -> Result<()> {
        let takes = Takes::Checked(check);
        self.define(name, Definition::Func { func, takes, is_immediate: false })
    }

    /// Says of a function that is offered that it never answers later, [`HostOutcome::Pending`].
    ///
    /// [`HostOutcome::Pending`]: crate::runtime::HostOutcome::Pending
    pub fn set_immediate(&mut self, name: &str) -> Result<()> {
        match self.items.get_mut(name) {
            Some(Definition::Func { is_immediate, .. }) => {
                *is_immediate = true;
                Ok(())
            }
            _ => {
                let message = format!("no function is offered as {name}");
                Err(Error::new(ErrorKind::NotFound, message))
            }
        }
    }

    /// Offers a resource type of the host's; `dtor` is called with the representation of each
    /// resource whose last owner drops it. Types that are offered more than once have the same
    /// destructor each time.
    pub fn resource(
        &mut self,
        name: &str,
        ty: ResourceType,
        dtor: Option<Arc<HostDtor>>,
    ) -> Result<()> {
        self.define(name, Definition::Resource { ty, dtor })
    }

    /// The instance of that name, which is new if nothing has that name yet.
    pub fn instance(&mut self, name: &str) -> Result<&mut Definitions> {
        if !self.items.contains_key(name) {
            self.define(name, Definition::Instance(Definitions::default()))?;
        }
        match self.items.get_mut(name) {
            Some(Definition::Instance(definitions)) => Ok(definitions),
            _ => Err(defined(name)),
        }
    }

    /// Offers a core module.
    pub fn module(&mut self, name: &str, module: Arc<dyn Module>) -> Result<()> {
        self.define(name, Definition::Module(module))
    }

    /// Offers a component, to be instantiated by those that import it.
    pub fn component(&mut self, name: &str, component: &Component) -> Result<()> {
        self.define(name, Definition::Component(component.clone()))
    }

    /// Offers an instance that is there already.
    pub fn existing(&mut self, name: &str, instance: &Instance) -> Result<()> {
        let item = Extern::Instance(instance.clone());
        self.define(name, Definition::Extern { item, of: instance.clone() })
    }

    /// Offers everything that an instance exports, by the names that it has there.
    pub fn exports_of(&mut self, instance: &Instance) -> Result<()> {
        for (name, item) in instance.exports() {
            self.define(name, Definition::Extern { item: item.clone(), of: instance.clone() })?;
        }
        Ok(())
    }

    /// Offers what an instance exports at a path under a name of its own.
    pub fn export(&mut self, name: &str, instance: &Instance, path: &str) -> Result<()> {
        let item = instance.export(path)?.clone();
        self.define(name, Definition::Extern { item, of: instance.clone() })
    }

    fn define(&mut self, name: &str, definition: Definition) -> Result<()> {
        if self.items.contains_key(name) {
            return Err(defined(name));
        }
        let (index, _) = self.items.insert_full(name.into(), definition);
        self.compatible.add(name, index);
        Ok(())
    }

    /// The items that a name can mean: the one of exactly that name, then those that semantic versioning
    /// calls compatible, the highest version first.
    fn find(&self, name: &str) -> Found<'_> {
        let exact = self.items.get_index_of(name);
        let others = self.compatible.find(name).filter(|index| Some(*index) != exact);
        exact.into_iter().chain(others).map(|index| &self.items[index]).collect()
    }

    /// Everything by name, with its type as text.
    #[cfg(all(test, feature = "wasi"))]
    pub(crate) fn described(&self) -> impl Iterator<Item = (&str, String)> {
        self.items.iter().map(|(name, definition)| {
            let ty = match definition {
                Definition::Func { takes: Takes::Exactly(ty), .. } => ty.to_string(),
                Definition::Resource { ty, .. } => format!("resource {}", ty.name()),
                other => other.sort().into(),
            };
            (&**name, ty)
        })
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.items.keys().map(|name| &**name)
    }
}

fn defined(name: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("{name:?} is defined already"))
}

/// The definitions of a name and of compatible ones, the best first.
type Found<'a> = SmallVec<[&'a Definition; 2]>;

struct Resolver {
    checker: Checker,
    others: Vec<(String, Instance)>,
    resources: Vec<(ResourceType, Option<Arc<HostDtor>>)>,
    /// Whether what the import that is looked at lacks is to trap.
    trap_unknown: bool,
}

impl Resolver {
    /// What was found for `path`, as something of type `ty`.
    fn item(
        &mut self,
        path: &str,
        found: &[&Definition],
        among: &Definitions,
        ty: &ExternType,
    ) -> Option<Resolved> {
        let Some(&definition) = found.first() else {
            return self.undefined(path, among, ty);
        };
        match (definition, ty) {
            (Definition::Func { func, takes, is_immediate }, ExternType::Func(expected)) => {
                let ty = substitute_func(expected, &self.checker.env);
                match takes {
                    Takes::Any => {}
                    Takes::Exactly(given) => self.checker.func(path, given, expected),
                    Takes::Similar(given) => {
                        let given = given.with_resources_of(&ty, &mut Env::default());
                        self.checker.func(path, &given, expected);
                    }
                    Takes::Checked(check) => {
                        if let Err(given) = check(&ty) {
                            self.checker.differ(path, &ty, given);
                        }
                    }
                }
                let (name, func) = (path.into(), func.clone());
                Some(Resolved::Func { ty, name, func, is_immediate: *is_immediate })
            }
            (
                Definition::Resource { ty: given, dtor },
                ExternType::Type(TypeDef::Resource(expected)),
            ) => {
                self.checker.resource(path, given, expected);
                self.resources.push((given.clone(), dtor.clone()));
                Some(Resolved::Type(TypeDef::Resource(given.clone())))
            }
            // What one version lacks, another may have.
            (Definition::Instance(_), ExternType::Instance(ty)) => {
                let definitions: Vec<_> = found.iter().filter_map(|it| it.definitions()).collect();
                Some(self.instance(path, &definitions, ty))
            }
            (Definition::Extern { item, of }, ty) => {
                self.others.push((path.into(), of.clone()));
                self.checker.check(path, &item.ty(), ty);
                Some(Resolved::Extern(item.clone()))
            }
            (Definition::Module(module), ty) => {
                self.checker.check(path, &Extern::Module(module.clone()).ty(), ty);
                Some(Resolved::Module(module.clone()))
            }
            (Definition::Component(component), ty) => {
                self.checker.check(path, &Extern::Component(Closure::of(component)).ty(), ty);
                Some(Resolved::Component(component.clone()))
            }
            (definition, ty) => {
                self.checker.differ(path, ty, definition.sort());
                None
            }
        }
    }

    /// Types other than resource types need no definition: the import says all about them.
    fn undefined(&mut self, path: &str, among: &Definitions, ty: &ExternType) -> Option<Resolved> {
        match ty {
            ExternType::Instance(instance) if self.trap_unknown || !self.needs_definition(ty) => {
                Some(self.instance(path, &[], instance))
            }
            ExternType::Type(def) if !self.needs_definition(ty) => {
                Some(Resolved::Type(def.substitute(&self.checker.env)))
            }
            ExternType::Type(TypeDef::Resource(expected)) if self.trap_unknown => {
                let new = ResourceType::new(expected.name());
                self.checker.resource(path, &new, expected);
                self.resources.push((new.clone(), None));
                Some(Resolved::Type(TypeDef::Resource(new)))
            }
            ExternType::Func(expected) if self.trap_unknown => {
                let ty = substitute_func(expected, &self.checker.env);
                let name: Arc<str> = path.into();
                let unknown = name.clone();
                let trap = move |_: &mut HostCall<'_, '_>| {
                    Err(Trap::UnknownImport { name: unknown.clone() }.into())
                };
                Some(Resolved::Func { ty, name, func: Arc::new(trap), is_immediate: true })
            }
            _ => {
                self.checker.missing(path, ty, among.names());
                None
            }
        }
    }

    fn needs_definition(&self, ty: &ExternType) -> bool {
        match ty {
            ExternType::Instance(ty) => ty.exports.values().any(|ty| self.needs_definition(ty)),
            ty => !self.checker.is_told_by(ty),
        }
    }

    /// An instance of what some definitions have, the first of them that have it.
    fn instance(
        &mut self,
        path: &str,
        definitions: &[&Definitions],
        ty: &InstanceType,
    ) -> Resolved {
        let none = Definitions::default();
        let among = definitions.first().copied().unwrap_or(&none);
        let mut exports = Vec::new();
        for (name, ty) in &ty.exports {
            let path = format!("{path}#{name}");
            let found: Found<'_> = definitions.iter().flat_map(|it| it.find(name)).collect();
            if let Some(item) = self.item(&path, &found, among, ty) {
                exports.push((name.clone(), item));
            }
        }
        Resolved::Instance(exports)
    }
}

impl Definition {
    fn definitions(&self) -> Option<&Definitions> {
        match self {
            Definition::Instance(definitions) => Some(definitions),
            _ => None,
        }
    }

    fn sort(&self) -> &'static str {
        match self {
            Definition::Func { .. } => "func",
            Definition::Resource { .. } => "resource",
            Definition::Instance(_) => "instance",
            Definition::Module(_) => "core module",
            Definition::Component(_) => "component",
            Definition::Extern { item, .. } => item.ty().sort(),
        }
    }
}
