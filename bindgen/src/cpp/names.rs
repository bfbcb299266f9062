//! The names of C++: a namespace for each interface, and in it a name for each type.

use crate::descs::function_name;
use crate::names::{Unique, identifier, shouty, snake};
use crate::world::{Direction, Scope, World};
use std::collections::HashMap;
use wit_parser::{Function, PackageName, TypeDefKind, TypeId, WorldKey};

pub(super) struct Names<'a> {
    world: &'a World<'a>,
    /// What is around all namespaces, with `::` at its end; else empty.
    prefix: String,
    /// The namespaces of the scopes, by index.
    namespaces: Vec<String>,
    /// The qualified names of types.
    types: HashMap<TypeId, String>,
    /// The names of what belongs to a variant: the struct with the indices of its cases.
    indices: HashMap<TypeId, String>,
    /// The names of the structs for cases of variants, by index.
    cases: HashMap<(TypeId, usize), String>,
    /// The class of the world, without its namespace.
    class: String,
    descs: String,
    /// The names of the descriptions of imported functions.
    imports: HashMap<(usize, String), String>,
}

impl<'a> Names<'a> {
    pub(super) fn new(world: &'a World<'a>, prefix: Option<&str>) -> Self {
        let mut names = Names {
            world,
            prefix: prefix.map(|prefix| format!("{prefix}::")).unwrap_or_default(),
            namespaces: Vec::new(),
            types: HashMap::new(),
            indices: HashMap::new(),
            cases: HashMap::new(),
            class: String::new(),
            descs: String::new(),
            imports: HashMap::new(),
        };
        let mut parents: HashMap<String, Unique> = HashMap::new();
        for scope in &world.scopes {
            let namespace = match scope.key {
                None => format!("{}{}", names.prefix, names.package(world.package)),
                Some(key) => {
                    let (package, name) = names.interface(key);
                    let exports = match scope.direction {
                        Direction::Import => "",
                        Direction::Export => "exports::",
                    };
                    let parent = format!("{}{exports}{package}", names.prefix);
                    let name = parents.entry(parent.clone()).or_default().name(&name);
                    format!("{parent}::{name}")
                }
            };
            names.namespaces.push(namespace);
        }
        // The world's own names are in the namespace of its package, next to interfaces.
        let package = format!("{}{}", names.prefix, names.package(world.package));
        let mut root = parents.remove(&package).unwrap_or_default();
        names.class = root.name(world.name);
        names.descs = root.name(&format!("{}-descs", world.name));
        for (index, scope) in world.scopes.iter().enumerate() {
            match scope.key {
                None => names.scope(index, scope, &mut root),
                Some(_) => {
                    names.scope(index, scope, &mut Unique::with(&["add_to_linker", "functions"]));
                }
            }
        }
        names
    }

    fn package(&self, name: &PackageName) -> String {
        let namespace = match identifier(&name.namespace) {
            namespace if namespace == "exports" => "exports_".to_owned(),
            namespace => namespace,
        };
        let mut package = identifier(&name.name);
        let others = self.world.resolve.packages.iter().map(|(_, package)| &package.name);
        let same =
            |other: &&PackageName| (&other.namespace, &other.name) == (&name.namespace, &name.name);
        if let Some(version) = &name.version
            && others.filter(same).count() > 1
        {
            package += &version.to_string().replace(['.', '-', '+'], "_");
        }
        format!("{namespace}::{package}")
    }

    /// The namespace of the package of an interface, and its own name.
    fn interface(&self, key: &WorldKey) -> (String, String) {
        match key {
            WorldKey::Name(name) => (self.package(self.world.package), name.clone()),
            WorldKey::Interface(id) => {
                let interface = &self.world.resolve.interfaces[*id];
                let package = interface.package.expect("an interface that has a name");
                let package = &self.world.resolve.packages[package].name;
                (self.package(package), interface.name.clone().unwrap_or_default())
            }
        }
    }

    fn scope(&mut self, index: usize, scope: &Scope<'_>, taken: &mut Unique) {
        let namespace = self.namespaces[index].clone();
        for &id in &scope.types {
            let name = self.world.def(id).name.as_deref().unwrap_or_default();
            self.types.insert(id, format!("::{namespace}::{}", taken.name(name)));
        }
        for &id in &scope.types {
            let def = self.world.def(id);
            let name = def.name.as_deref().unwrap_or_default();
            if let TypeDefKind::Variant(variant) = &def.kind {
                self.indices.insert(id, taken.name(&format!("{name}-case")));
                for (i, case) in variant.cases.iter().enumerate() {
                    self.cases.insert((id, i), taken.name(&format!("{name}-{}", case.name)));
                }
            }
        }
        if scope.direction == Direction::Import {
            let mut descs = Unique::default();
            for function in &scope.functions {
                let base = match scope.key {
                    None => function_name(function),
                    Some(_) => format!("{namespace}_{}", function_name(function)),
                };
                let name = descs.name(&snake(&base.replace("::", "_")));
                self.imports.insert((index, function.name.clone()), name);
            }
        }
    }

    pub(super) fn namespace(&self, scope: usize) -> &str {
        &self.namespaces[scope]
    }

    /// The qualified name of a type that has one.
    pub(super) fn ty(&self, id: TypeId) -> &str {
        &self.types[&id]
    }

    /// The name of a type in its own namespace.
    pub(super) fn short(&self, id: TypeId) -> &str {
        self.ty(id).rsplit_once("::").expect("a qualified name").1
    }

    /// The struct with the indices of a variant's cases.
    pub(super) fn indices(&self, id: TypeId) -> &str {
        &self.indices[&id]
    }

    /// The struct for a case.
    pub(super) fn case(&self, id: TypeId, index: usize) -> &str {
        &self.cases[&(id, index)]
    }

    /// The class of the world and its namespace.
    pub(super) fn class(&self) -> (String, &str) {
        (format!("{}{}", self.prefix, self.package(self.world.package)), &self.class)
    }

    /// The namespace of the descriptions.
    pub(super) fn descs(&self) -> String {
        format!("{}::{}", self.class().0, self.descs)
    }

    /// The name of the description of an imported function, in `descs`.
    pub(super) fn desc(&self, scope: usize, function: &Function) -> String {
        self.imports[&(scope, function.name.clone())].clone()
    }

    pub(super) fn guard(&self) -> String {
        let whole = format!("{}::{}", self.class().0, self.class);
        format!("{}_HPP", shouty(&whole.replace("::", "_")))
    }
}

/// The short name of an exported interface, or the full one where others have the same.
pub(super) fn accessor(world: &World<'_>, scope: usize) -> String {
    let path = |scope: &Scope<'_>| scope.path.split('@').next().unwrap_or_default().to_owned();
    let short = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let own = path(&world.scopes[scope]);
    let same = |other: &&Scope<'_>| {
        other.direction == Direction::Export
            && other.key.is_some()
            && short(&path(other)) == short(&own)
    };
    match world.scopes.iter().filter(same).count() {
        1 => short(&own),
        _ => snake(&world.scopes[scope].path),
    }
}
