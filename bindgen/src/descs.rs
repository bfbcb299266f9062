//! Types as constant data, `cmabi_type_desc` and its like, by which the library checks that a component has
//! the types that generated code was made for.

use crate::code::Code;
use crate::names::snake;
use crate::world::{Direction, Scope, World};
use std::collections::{HashMap, HashSet};
use wit_parser::{Function, Handle, Type, TypeDefKind, TypeId};

/// Writes the tables. `storage` is what a definition begins with: `static const` in C, `inline constexpr` in
/// C++, `null` the null pointer.
pub(crate) struct Descs<'a> {
    world: &'a World<'a>,
    storage: &'static str,
    null: &'static str,
    code: Code,
    known: HashMap<Type, String>,
    /// The one part that stands for each resource type, and its handles' descriptions.
    resources: HashMap<TypeId, String>,
    handles: HashMap<(TypeId, &'static str), String>,
    /// The names of tables and descriptions by what they say.
    written: HashMap<String, String>,
    names: HashSet<String>,
}

impl<'a> Descs<'a> {
    pub(crate) fn new(world: &'a World<'a>, storage: &'static str, null: &'static str) -> Self {
        Descs {
            world,
            storage,
            null,
            code: Code::default(),
            known: HashMap::new(),
            resources: HashMap::new(),
            handles: HashMap::new(),
            written: HashMap::new(),
            names: HashSet::new(),
        }
    }

    /// Writes a line of the printer's own.
    pub(crate) fn line(&mut self, line: String) {
        self.code.line(line);
    }

    /// What was written so far.
    pub(crate) fn take(&mut self) -> String {
        std::mem::take(&mut self.code).into_text()
    }

    /// The address of a type's description, as an expression, after it was written.
    pub(crate) fn ty(&mut self, ty: Type) -> String {
        format!("&{}", self.desc(ty))
    }

    fn optional(&mut self, ty: Option<Type>) -> String {
        ty.map_or_else(|| self.null.to_owned(), |ty| self.ty(ty))
    }

    /// The fields of a `cmabi_func_desc`, in braces.
    pub(crate) fn func(&mut self, name: &str, function: &Function) -> String {
        let params: Vec<_> =
            function.params.iter().map(|param| (Some(&*param.name), Some(param.ty))).collect();
        let (parts, count) = self.parts(&format!("params_{name}"), &params);
        let result = self.optional(function.result);
        format!("{{{parts}, {count}, {result}, {}}}", function.kind.is_async())
    }

    /// Writes the table of all exported functions, if there are any; `name` is the table's.
    pub(crate) fn exports(&mut self, name: &str, exports: &[(usize, &Function, String)]) {
        if exports.is_empty() {
            return;
        }
        let rows: Vec<_> = exports
            .iter()
            .map(|(scope, function, name)| {
                let path = export_path(&self.world.scopes[*scope], function);
                format!("{{\"{path}\", {}}},", self.func(name, function))
            })
            .collect();
        let head = format!("{} cmabi_export_desc {name}[] =", self.storage);
        self.code.block(&head, "};", |code| rows.iter().for_each(|row| code.line(row)));
    }

    /// Writes the description of a function, as `name`.
    pub(crate) fn import(&mut self, name: &str, function: &Function) {
        let desc = self.func(&function_name(function), function);
        let line = format!("{} cmabi_func_desc {name} = {desc};", self.storage);
        match line.len() <= crate::code::WIDTH {
            true => self.code.line(line),
            false => self.code.line(line.replacen(" = ", " =\n    ", 1)),
        }
    }

    fn unique(&mut self, name: &str) -> String {
        let mut name = name.to_owned();
        while !self.names.insert(name.clone()) {
            name.push('_');
        }
        name
    }

    /// The name of a type's description, which is written first where it is new.
    fn desc(&mut self, ty: Type) -> String {
        let ty = match ty {
            Type::Id(id) => {
                let id = self.world.dealias(id);
                match self.world.def(id).kind {
                    TypeDefKind::Type(primitive) => primitive,
                    _ => Type::Id(id),
                }
            }
            primitive => primitive,
        };
        if let Some(name) = self.known.get(&ty) {
            return name.clone();
        }
        let name = match ty {
            Type::Id(id) => self.define(id),
            primitive => self.primitive(primitive),
        };
        self.known.insert(ty, name.clone());
        name
    }

    fn primitive(&mut self, ty: Type) -> String {
        let (name, kind) = match ty {
            Type::Bool => ("bool", "BOOL"),
            Type::U8 => ("u8", "U8"),
            Type::U16 => ("u16", "U16"),
            Type::U32 => ("u32", "U32"),
            Type::U64 => ("u64", "U64"),
            Type::S8 => ("s8", "S8"),
            Type::S16 => ("s16", "S16"),
            Type::S32 => ("s32", "S32"),
            Type::S64 => ("s64", "S64"),
            Type::F32 => ("f32", "F32"),
            Type::F64 => ("f64", "F64"),
            Type::Char => ("char", "CHAR"),
            Type::String => ("string", "STRING"),
            Type::ErrorContext => ("error_context", "ERROR_CONTEXT"),
            Type::Id(_) => unreachable!("not a primitive type"),
        };
        let null = (self.null.to_owned(), 0);
        self.write(&format!("type_{name}"), kind, 0, null)
    }

    fn define(&mut self, id: TypeId) -> String {
        let def = self.world.def(id);
        let base = match (&def.name, &def.kind) {
            // A resource by itself stands for the handle that owns it.
            (_, TypeDefKind::Resource) => return self.handle("OWN", id),
            (Some(name), _) => snake(name),
            (None, kind) => snake(kind.as_str()),
        };
        fn labels<'a>(
            names: impl Iterator<Item = &'a str>,
        ) -> Vec<(Option<&'a str>, Option<Type>)> {
            names.map(|name| (Some(name), None)).collect()
        }
        let one = |ty: Option<Type>| vec![(None, ty)];
        let (kind, length, parts) = match &def.kind {
            TypeDefKind::Handle(Handle::Own(resource)) => return self.handle("OWN", *resource),
            TypeDefKind::Handle(Handle::Borrow(resource)) => {
                return self.handle("BORROW", *resource);
            }
            TypeDefKind::Record(record) => {
                let fields = record.fields.iter().map(|f| (Some(&*f.name), Some(f.ty)));
                ("RECORD", 0, fields.collect())
            }
            TypeDefKind::Flags(flags) => {
                ("FLAGS", 0, labels(flags.flags.iter().map(|flag| &*flag.name)))
            }
            TypeDefKind::Enum(def) => ("ENUM", 0, labels(def.cases.iter().map(|case| &*case.name))),
            TypeDefKind::Variant(variant) => {
                let cases = variant.cases.iter().map(|case| (Some(&*case.name), case.ty));
                ("VARIANT", 0, cases.collect())
            }
            TypeDefKind::Tuple(tuple) => {
                ("TUPLE", 0, tuple.types.iter().map(|&ty| (None, Some(ty))).collect())
            }
            TypeDefKind::Option(some) => ("OPTION", 0, one(Some(*some))),
            TypeDefKind::Result(result) => {
                ("RESULT", 0, vec![(None, result.ok), (None, result.err)])
            }
            TypeDefKind::List(element) => ("LIST", 0, one(Some(*element))),
            TypeDefKind::FixedLengthList(element, length) => {
                ("FIXED_LIST", *length, one(Some(*element)))
            }
            TypeDefKind::Map(key, value) => {
                ("MAP", 0, vec![(None, Some(*key)), (None, Some(*value))])
            }
            TypeDefKind::Future(value) => ("FUTURE", 0, one(*value)),
            TypeDefKind::Stream(element) => ("STREAM", 0, one(*element)),
            TypeDefKind::Resource | TypeDefKind::Type(_) | TypeDefKind::Unknown => {
                unreachable!("resources and aliases were looked through")
            }
        };
        // The parts come first, so that their names can be part of the name.
        let parts_of: Vec<_> = parts.iter().filter_map(|(_, ty)| *ty).collect();
        let base = match def.name {
            Some(_) => base,
            None => {
                let names = parts_of.iter().map(|&ty| self.desc(ty)["type".len()..].to_owned());
                let whole = std::iter::once(base).chain(names).collect::<String>();
                // Only so that lines do not get too long.
                whole.chars().take(40).collect()
            }
        };
        let parts = self.parts(&format!("parts_{base}"), &parts);
        self.write(&format!("type_{base}"), kind, length, parts)
    }

    /// The name of the description of a handle to a resource.
    fn handle(&mut self, kind: &'static str, resource: TypeId) -> String {
        let resource = self.world.dealias(resource);
        if let Some(desc) = self.handles.get(&(resource, kind)) {
            return desc.clone();
        }
        let name = self.world.def(resource).name.as_deref().unwrap_or_default();
        let table = match self.resources.get(&resource) {
            Some(table) => table.clone(),
            None => {
                let table = self.unique(&format!("resource_{}", snake(name)));
                self.code.line(format!(
                    "{} cmabi_part_desc {table}[] = {{{{\"{name}\", {}}}}};",
                    self.storage, self.null
                ));
                self.resources.insert(resource, table.clone());
                table
            }
        };
        let desc = format!("type_{}_{}", kind.to_lowercase(), snake(name));
        let desc = self.write(&desc, kind, 0, (table, 1));
        self.handles.insert((resource, kind), desc.clone());
        desc
    }

    /// Writes a description, and gives its name: that of one that says the same where there is one.
    fn write(
        &mut self,
        name: &str,
        kind: &str,
        length: u32,
        (parts, count): (String, usize),
    ) -> String {
        let text = format!("{{CMABI_KIND_{kind}, {length}, {parts}, {count}}}");
        if let Some(known) = self.written.get(&text) {
            return known.clone();
        }
        let name = self.unique(name);
        self.code.line(format!("{} cmabi_type_desc {name} = {text};", self.storage));
        self.written.insert(text, name.clone());
        name
    }

    /// Writes a table of parts, and gives its name and length.
    fn parts(&mut self, name: &str, parts: &[(Option<&str>, Option<Type>)]) -> (String, usize) {
        if parts.is_empty() {
            return (self.null.to_owned(), 0);
        }
        let rows: Vec<_> = parts
            .iter()
            .map(|(name, ty)| {
                let name = name.map_or_else(|| self.null.to_owned(), |name| format!("\"{name}\""));
                format!("{{{name}, {}}}", self.optional(*ty))
            })
            .collect();
        let text = rows.join(", ");
        if let Some(known) = self.written.get(&text) {
            return (known.clone(), parts.len());
        }
        let name = self.unique(name);
        let head = format!("{} cmabi_part_desc {name}[] =", self.storage);
        let line = format!("{head} {{{text}}};");
        if line.len() <= crate::code::WIDTH {
            self.code.line(line);
        } else {
            self.code.block(&head, "};", |code| {
                rows.iter().for_each(|row| code.line(format!("{row},")));
            });
        }
        self.written.insert(text, name.clone());
        (name, parts.len())
    }
}

/// Where a function is found in an instance.
pub(crate) fn export_path(scope: &Scope<'_>, function: &Function) -> String {
    match scope.path.as_str() {
        "" => function.name.clone(),
        path => format!("{path}#{}", function.name),
    }
}

/// All exported functions, with a name for the description of each.
pub(crate) fn exported<'a>(world: &World<'a>) -> Vec<(usize, &'a Function, String)> {
    let mut functions = Vec::new();
    for (index, scope) in world.scopes.iter().enumerate() {
        if scope.direction == Direction::Export {
            for function in &scope.functions {
                functions.push((index, *function, function_name(function)));
            }
        }
    }
    functions
}

/// A function's name as part of an identifier: `method_blob_size` for `[method]blob.size`.
pub(crate) fn function_name(function: &Function) -> String {
    snake(&function.name).replace('.', "_")
}
