//! A world as the printers see it: what it imports and exports, and every type in the order in which it
//! can be declared.

use crate::asyncs::{Asyncs, choose};
use crate::{Error, Result};
use std::collections::{HashMap, HashSet};
use wit_parser::{
    Function, FunctionKind, Handle, InterfaceId, PackageName, Resolve, Type, TypeDef, TypeDefKind,
    TypeId, TypeOwner, WorldId, WorldItem, WorldKey,
};

/// Which way functions are called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    /// By the component: the host implements them.
    Import,
    /// By the host.
    Export,
}

/// An interface that a world imports or exports, or what the world itself has.
pub(crate) struct Scope<'a> {
    pub(crate) direction: Direction,
    /// `None` for the world itself.
    pub(crate) key: Option<&'a WorldKey>,
    /// What components call it; empty for the world itself.
    pub(crate) path: String,
    pub(crate) docs: Option<&'a str>,
    /// The types that have names, in the order of WIT.
    pub(crate) types: Vec<TypeId>,
    pub(crate) functions: Vec<&'a Function>,
}

/// A world, ready to be printed.
pub(crate) struct World<'a> {
    pub(crate) resolve: &'a Resolve,
    pub(crate) name: &'a str,
    pub(crate) docs: Option<&'a str>,
    /// The package that it is of.
    pub(crate) package: &'a PackageName,
    /// Imported interfaces, what the world itself imports, exported interfaces, what the world itself
    /// exports. The world's own types are with its imports.
    pub(crate) scopes: Vec<Scope<'a>>,
    /// All types in use, each after those that it contains.
    pub(crate) types: Vec<TypeId>,
    /// The scope in which each of them came up first.
    pub(crate) homes: HashMap<TypeId, usize>,
    asyncs: Asyncs<'a>,
    owners: HashMap<InterfaceId, usize>,
    root: usize,
}

impl<'a> World<'a> {
    /// The world `id`, whose types have been made distinct by [`Resolve::generate_nominal_type_ids`], with
    /// async forms as [`crate::Options::asyncs`] says.
    pub(crate) fn new(resolve: &'a Resolve, id: WorldId, asyncs: &[String]) -> Result<Self> {
        let world = &resolve.worlds[id];
        let package = world.package.map(|package| &resolve.packages[package].name);
        let package = package.ok_or_else(|| Error::new("a world outside of a package"))?;
        let mut this = World {
            resolve,
            name: &world.name,
            docs: world.docs.contents.as_deref(),
            package,
            scopes: Vec::new(),
            types: Vec::new(),
            homes: HashMap::new(),
            asyncs: Asyncs::new(),
            owners: HashMap::new(),
            root: 0,
        };
        this.side(Direction::Import, &world.imports);
        this.root = this.scopes.len() - 1;
        this.side(Direction::Export, &world.exports);
        this.asyncs = choose(&this, asyncs)?;
        this.collect_types()?;
        Ok(this)
    }

    fn side(
        &mut self,
        direction: Direction,
        items: impl IntoIterator<Item = (&'a WorldKey, &'a WorldItem)>,
    ) {
        let mut root = Scope {
            direction,
            key: None,
            path: String::new(),
            docs: None,
            types: Vec::new(),
            functions: Vec::new(),
        };
        for (key, item) in items {
            match item {
                WorldItem::Interface { id, .. } => {
                    let interface = &self.resolve.interfaces[*id];
                    self.owners.insert(*id, self.scopes.len());
                    self.scopes.push(Scope {
                        direction,
                        key: Some(key),
                        path: self.resolve.name_world_key(key),
                        docs: interface.docs.contents.as_deref(),
                        types: interface.types.values().copied().collect(),
                        functions: interface.functions.values().collect(),
                    });
                }
                WorldItem::Function(function) => root.functions.push(function),
                WorldItem::Type { id, .. } => root.types.push(*id),
            }
        }
        self.scopes.push(root);
    }

    fn collect_types(&mut self) -> Result<()> {
        let mut seen = HashSet::new();
        let (mut order, mut homes) = (Vec::new(), HashMap::new());
        for (index, scope) in self.scopes.iter().enumerate() {
            for &id in &scope.types {
                self.visit(id, &mut seen, &mut order)?;
            }
            for function in &scope.functions {
                for ty in function.params.iter().map(|param| param.ty).chain(function.result) {
                    if let Type::Id(id) = ty {
                        self.visit(id, &mut seen, &mut order)?;
                    }
                }
            }
            order.iter().for_each(|&id| {
                homes.entry(id).or_insert(index);
            });
        }
        self.types = order;
        self.homes = homes;
        Ok(())
    }

    fn visit(&self, id: TypeId, seen: &mut HashSet<TypeId>, order: &mut Vec<TypeId>) -> Result<()> {
        if !seen.insert(id) {
            return Ok(());
        }
        let def = &self.resolve.types[id];
        if let TypeDefKind::Flags(flags) = &def.kind
            && (flags.flags.is_empty() || flags.flags.len() > 32)
        {
            return Err(Error::new(format!(
                "flags `{}` have {} labels: components can have from 1 to 32",
                def.name.as_deref().unwrap_or_default(),
                flags.flags.len()
            )));
        }
        if matches!(&def.kind, TypeDefKind::Tuple(tuple) if tuple.types.is_empty()) {
            return Err(Error::new("a tuple of no types: components cannot have it"));
        }
        for part in parts(def) {
            if let Type::Id(part) = part {
                self.visit(part, seen, order)?;
            }
        }
        order.push(id);
        Ok(())
    }

    /// What a type that has a name belongs to; `None` for one without a name.
    pub(crate) fn scope_of(&self, id: TypeId) -> Option<usize> {
        match self.resolve.types[id].owner {
            TypeOwner::Interface(interface) => self.owners.get(&interface).copied(),
            TypeOwner::World(_) => Some(self.root),
            TypeOwner::None => None,
        }
    }

    /// The type behind aliases.
    pub(crate) fn dealias(&self, mut id: TypeId) -> TypeId {
        while let TypeDefKind::Type(Type::Id(next)) = self.resolve.types[id].kind {
            id = next;
        }
        id
    }

    pub(crate) fn def(&self, id: TypeId) -> &'a TypeDef {
        &self.resolve.types[id]
    }

    /// Whether a resource is implemented by the component.
    pub(crate) fn is_guest_resource(&self, id: TypeId) -> bool {
        let scope = self.scope_of(self.dealias(id));
        scope.is_some_and(|scope| self.scopes[scope].direction == Direction::Export)
    }

    /// Whether `test` holds for a type or for one inside of it. What a handle refers to is not inside.
    pub(crate) fn any_part(&self, ty: Type, test: &dyn Fn(Type) -> bool) -> bool {
        self.any_new_part(ty, test, &mut HashSet::new())
    }

    fn any_new_part(
        &self,
        ty: Type,
        test: &dyn Fn(Type) -> bool,
        seen: &mut HashSet<Type>,
    ) -> bool {
        if !seen.insert(ty) {
            return false;
        }
        if test(ty) {
            return true;
        }
        let Type::Id(id) = ty else { return false };
        let def = self.def(id);
        !matches!(def.kind, TypeDefKind::Handle(_))
            && parts(def).into_iter().any(|part| self.any_new_part(part, test, seen))
    }

    /// Whether a function has the forms that do not wait.
    pub(crate) fn has_async_forms(&self, scope: usize, function: &Function) -> bool {
        self.asyncs.contains(&(scope, function.name.as_str()))
    }

    /// What an item is called in messages.
    pub(crate) fn describe(&self, scope: usize, sort: &str, name: &str) -> String {
        let scope = &self.scopes[scope];
        let direction = match scope.direction {
            Direction::Import => "import",
            Direction::Export => "export",
        };
        match scope.path.as_str() {
            "" => format!("{sort} `{name}` of world `{}`", self.name),
            path => format!("{sort} `{name}` of {direction} `{path}`"),
        }
    }

    /// The scopes that have functions or resources to implement or to call.
    pub(crate) fn with_functions(
        &self,
        direction: Direction,
    ) -> impl Iterator<Item = (usize, &Scope<'a>)> {
        (self.scopes.iter().enumerate()).filter(move |(_, scope)| {
            scope.direction == direction
                && (!scope.functions.is_empty() || !self.resources(scope).is_empty())
        })
    }

    /// The resource types that are defined in a scope.
    pub(crate) fn resources(&self, scope: &Scope<'_>) -> Vec<TypeId> {
        let is_resource = |id: &TypeId| matches!(self.def(*id).kind, TypeDefKind::Resource);
        scope.types.iter().copied().filter(is_resource).collect()
    }
}

/// The types that a definition refers to, of which a resource is one for its handles.
pub(crate) fn parts(def: &TypeDef) -> Vec<Type> {
    match &def.kind {
        TypeDefKind::Record(record) => record.fields.iter().map(|field| field.ty).collect(),
        TypeDefKind::Variant(variant) => variant.cases.iter().filter_map(|case| case.ty).collect(),
        TypeDefKind::Tuple(tuple) => tuple.types.clone(),
        TypeDefKind::Option(ty) | TypeDefKind::List(ty) | TypeDefKind::FixedLengthList(ty, _) => {
            vec![*ty]
        }
        TypeDefKind::Map(key, value) => vec![*key, *value],
        TypeDefKind::Result(result) => result.ok.into_iter().chain(result.err).collect(),
        TypeDefKind::Future(ty) | TypeDefKind::Stream(ty) => ty.iter().copied().collect(),
        TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => vec![Type::Id(*id)],
        TypeDefKind::Type(ty) => vec![*ty],
        TypeDefKind::Resource
        | TypeDefKind::Flags(_)
        | TypeDefKind::Enum(_)
        | TypeDefKind::Unknown => Vec::new(),
    }
}

/// A function's name without the resource that it is of. What gets and what sets a property have the name of
/// that, and are told apart.
pub(crate) fn item_name(function: &Function) -> String {
    let verb = match function.kind {
        FunctionKind::Getter | FunctionKind::MethodGetter(_) | FunctionKind::StaticGetter(_) => {
            "get-"
        }
        FunctionKind::Setter | FunctionKind::MethodSetter(_) | FunctionKind::StaticSetter(_) => {
            "set-"
        }
        _ => "",
    };
    format!("{verb}{}", function.item_name())
}

/// What sort of function one is, with the resource that it is of.
pub(crate) enum Sort {
    Free,
    Constructor(TypeId),
    Method(TypeId),
    Static(TypeId),
}

impl Sort {
    pub(crate) fn of(function: &Function) -> Sort {
        match function.kind {
            FunctionKind::Freestanding
            | FunctionKind::AsyncFreestanding
            | FunctionKind::Getter
            | FunctionKind::Setter => Sort::Free,
            FunctionKind::Constructor(id) => Sort::Constructor(id),
            FunctionKind::Method(id)
            | FunctionKind::AsyncMethod(id)
            | FunctionKind::MethodGetter(id)
            | FunctionKind::MethodSetter(id) => Sort::Method(id),
            FunctionKind::Static(id)
            | FunctionKind::AsyncStatic(id)
            | FunctionKind::StaticGetter(id)
            | FunctionKind::StaticSetter(id) => Sort::Static(id),
        }
    }
}
