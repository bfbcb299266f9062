//! Types from WIT text.

use super::{Case, Field, FuncType, Kind, ResourceType, Type, Wit, WitItem};
use crate::error::{Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use wit_parser::{
    Function, Handle, InterfaceId, PackageId, ParseError, Resolve, SourceMap, Span, TypeDef,
    TypeDefKind, TypeId, WorldId, WorldItem, WorldKey,
};

/// [`Wit::parse`].
pub(super) fn parse(files: &[(&str, &str)]) -> Result<Wit> {
    let mut sources = SourceMap::default();
    for (name, text) in files {
        sources.push_str(name, *text);
    }
    let group = sources.parse().map_err(|(sources, error)| parse_error(&sources, &error))?;
    let mut resolve = Resolve { all_features: true, ..Resolve::default() };
    // On failure the spans of the error are those of the sources that the resolve has taken in.
    let main = resolve.push_group(group).map_err(|error| {
        located(&resolve.render_location(error.kind().span()), error.kind().span(), &error)
    })?;
    Walk::new(&resolve)?.package(main)
}

fn parse_error(sources: &SourceMap, error: &ParseError) -> Error {
    let span = error.kind().span();
    located(&sources.render_location(span), span, error)
}

fn located(place: &str, span: Span, message: &dyn std::fmt::Display) -> Error {
    let error = Error::new(ErrorKind::Invalid, message.to_string());
    if span.is_known() { error.context(place) } else { error }
}

/// A walk over a resolved package that makes the library's types of wit-parser's.
struct Walk<'a> {
    resolve: &'a Resolve,
    /// By the index of the type in the arena.
    defined: Vec<Defined>,
    items: BTreeMap<String, WitItem>,
}

/// What a type definition came to.
#[derive(Clone)]
enum Defined {
    Type(Type),
    Resource(ResourceType),
}

impl<'a> Walk<'a> {
    fn new(resolve: &'a Resolve) -> Result<Self> {
        let mut walk = Walk { resolve, defined: Vec::new(), items: BTreeMap::new() };
        // The arena has every type after those that it refers to.
        for (_, def) in resolve.types.iter() {
            let defined = walk
                .define(def)
                .map_err(|error| located(&resolve.render_location(def.span), def.span, &error))?;
            walk.defined.push(defined);
        }
        Ok(walk)
    }

    fn package(mut self, main: PackageId) -> Result<Wit> {
        for (id, package) in self.resolve.packages.iter() {
            for (name, &interface) in &package.interfaces {
                self.interface(&self.resolve.id_of_name(id, name), interface)?;
                if id == main {
                    self.interface(name, interface)?;
                }
            }
            for (name, &world) in &package.worlds {
                self.world(&self.resolve.id_of_name(id, name), world)?;
                if id == main {
                    self.world(name, world)?;
                }
            }
        }
        Ok(Wit::new(self.items))
    }

    fn world(&mut self, path: &str, world: WorldId) -> Result<()> {
        let world = &self.resolve.worlds[world];
        for (key, item) in world.exports.iter().chain(&world.imports) {
            match (key, item) {
                (WorldKey::Name(name), WorldItem::Interface { id, .. }) => {
                    self.interface(&format!("{path}/{name}"), *id)?;
                }
                (_, WorldItem::Function(func)) => self.func(path, func)?,
                (WorldKey::Name(name), WorldItem::Type { id, .. }) => self.ty(path, name, *id),
                // An interface that is a definition of its own is found under its own name.
                (WorldKey::Interface(_), _) => {}
            }
        }
        Ok(())
    }

    fn interface(&mut self, path: &str, interface: InterfaceId) -> Result<()> {
        let interface = &self.resolve.interfaces[interface];
        for (name, &id) in &interface.types {
            self.ty(path, name, id);
        }
        interface.functions.values().try_for_each(|func| self.func(path, func))
    }

    fn ty(&mut self, path: &str, name: &str, id: TypeId) {
        let item = match &self.defined[id.index()] {
            Defined::Type(ty) => WitItem::Type(ty.clone()),
            Defined::Resource(resource) => WitItem::Resource(resource.clone()),
        };
        self.items.insert(format!("{path}/{name}"), item);
    }

    fn func(&mut self, path: &str, func: &Function) -> Result<()> {
        let make = || {
            let params = func.params.iter().map(|param| self.field(&param.name, &param.ty));
            let result = self.optional(func.result.as_ref())?;
            FuncType::new(params.collect::<Result<_>>()?, result, func.kind.is_async())
        };
        let place = self.resolve.render_location(func.span);
        let ty = make().map_err(|error| located(&place, func.span, &error))?;
        if let Entry::Vacant(entry) = self.items.entry(format!("{path}/{}", func.name)) {
            entry.insert(WitItem::Func(ty));
        }
        Ok(())
    }

    fn define(&self, def: &TypeDef) -> Result<Defined> {
        Type::new(match &def.kind {
            TypeDefKind::Resource => {
                let name = def.name.as_deref().unwrap_or_default();
                return Ok(Defined::Resource(ResourceType::new(name)));
            }
            TypeDefKind::Type(wit_parser::Type::Id(id)) => {
                return Ok(self.defined[id.index()].clone());
            }
            TypeDefKind::Type(primitive) => return Ok(Defined::Type(self.value(primitive)?)),
            TypeDefKind::Handle(Handle::Own(id)) => Kind::Own(self.handle(*id)?),
            TypeDefKind::Handle(Handle::Borrow(id)) => Kind::Borrow(self.handle(*id)?),
            TypeDefKind::Record(record) => Kind::Record(
                (record.fields.iter())
                    .map(|field| self.field(&field.name, &field.ty))
                    .collect::<Result<_>>()?,
            ),
            TypeDefKind::Flags(flags) => {
                Kind::Flags(flags.flags.iter().map(|flag| Arc::from(&*flag.name)).collect())
            }
            TypeDefKind::Tuple(tuple) => {
                Kind::Tuple(tuple.types.iter().map(|ty| self.value(ty)).collect::<Result<_>>()?)
            }
            TypeDefKind::Variant(variant) => Kind::Variant(
                (variant.cases.iter())
                    .map(|case| {
                        let ty = self.optional(case.ty.as_ref())?;
                        Ok(Case { name: case.name.as_str().into(), ty })
                    })
                    .collect::<Result<_>>()?,
            ),
            TypeDefKind::Enum(cases) => {
                Kind::Enum(cases.cases.iter().map(|case| Arc::from(&*case.name)).collect())
            }
            TypeDefKind::Option(some) => Kind::Option(self.value(some)?),
            TypeDefKind::Result(result) => Kind::Result {
                ok: self.optional(result.ok.as_ref())?,
                err: self.optional(result.err.as_ref())?,
            },
            TypeDefKind::List(element) => Kind::List(self.value(element)?),
            TypeDefKind::Map(key, value) => Kind::Map(self.value(key)?, self.value(value)?),
            TypeDefKind::FixedLengthList(element, length) => {
                Kind::FixedList(self.value(element)?, *length)
            }
            TypeDefKind::Future(element) => Kind::Future(self.optional(element.as_ref())?),
            TypeDefKind::Stream(element) => Kind::Stream(self.optional(element.as_ref())?),
            TypeDefKind::Unknown => {
                return Err(Error::new(ErrorKind::Internal, "an unresolved type"));
            }
        })
        .map(Defined::Type)
    }

    fn field(&self, name: &str, ty: &wit_parser::Type) -> Result<Field> {
        Ok(Field { name: name.into(), ty: self.value(ty)? })
    }

    fn optional(&self, ty: Option<&wit_parser::Type>) -> Result<Option<Type>> {
        ty.map(|ty| self.value(ty)).transpose()
    }

    fn handle(&self, id: TypeId) -> Result<ResourceType> {
        match &self.defined[id.index()] {
            Defined::Resource(resource) => Ok(resource.clone()),
            Defined::Type(ty) => {
                Err(Error::new(ErrorKind::Invalid, format!("a handle to {ty}, not to a resource")))
            }
        }
    }

    fn value(&self, ty: &wit_parser::Type) -> Result<Type> {
        Ok(match ty {
            wit_parser::Type::Bool => Type::bool(),
            wit_parser::Type::U8 => Type::u8(),
            wit_parser::Type::U16 => Type::u16(),
            wit_parser::Type::U32 => Type::u32(),
            wit_parser::Type::U64 => Type::u64(),
            wit_parser::Type::S8 => Type::s8(),
            wit_parser::Type::S16 => Type::s16(),
            wit_parser::Type::S32 => Type::s32(),
            wit_parser::Type::S64 => Type::s64(),
            wit_parser::Type::F32 => Type::f32(),
            wit_parser::Type::F64 => Type::f64(),
            wit_parser::Type::Char => Type::char(),
            wit_parser::Type::String => Type::string(),
            wit_parser::Type::ErrorContext => Type::error_context(),
            wit_parser::Type::Id(id) => match &self.defined[id.index()] {
                Defined::Type(ty) => ty.clone(),
                Defined::Resource(resource) => Type::new(Kind::Own(resource.clone()))?,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = r#"
        package demo:shop@1.2.0;

        package demo:money { interface coins { record coin { cents: u32 } } }

        interface types {
            use demo:money/coins.{coin};
            record item { name: string, price: coin, tags: list<string> }
            variant state { new, sold(u32), %list(list<u8, 4>) }
            enum color { red, green }
            flags rights { read, write }
            type pair = tuple<s8, option<f64>>;
            type names = map<string, u32>;
            resource cart {
                constructor(owner: string);
                add: func(what: item) -> result<u32, string>;
                merge: static async func(a: cart, b: borrow<cart>) -> cart;
            }
            feed: async func(s: stream<u8>, f: future<string>) -> error-context;
        }

        world app {
            use types.{item};
            import log: func(line: string);
            export log: func();
            import local: interface { touch: func(x: u8); }
            export types;
        }
    "#;

    fn shop() -> Wit {
        Wit::parse(&[("shop.wit", SHOP)]).unwrap()
    }

    #[test]
    fn types_are_found_by_path() {
        let wit = shop();
        let shown = |path: &str| wit.ty(path).unwrap().to_string();
        assert_eq!(
            shown("types/item"),
            "record { name: string, price: record { cents: u32 }, tags: list<string> }"
        );
        assert_eq!(shown("types/state"), "variant { new, sold(u32), %list(list<u8, 4>) }");
        assert_eq!(shown("types/color"), "enum { red, green }");
        assert_eq!(shown("types/rights"), "flags { read, write }");
        assert_eq!(shown("types/pair"), "tuple<s8, option<f64>>");
        assert_eq!(shown("types/names"), "map<string, u32>");
        let item = wit.ty("types/item").unwrap();
        assert_eq!(wit.ty("demo:shop/types@1.2.0/item").unwrap(), item);
        assert_eq!(wit.ty("app/item").unwrap(), item);
        assert_eq!(wit.ty("demo:money/coins/coin").unwrap(), wit.ty("types/coin").unwrap());
    }

    #[test]
    fn functions_are_found_by_path() {
        let wit = shop();
        let shown = |path: &str| wit.func(path).unwrap().to_string();
        assert_eq!(
            shown("types/feed"),
            "async func(s: stream<u8>, f: future<string>) -> error-context"
        );
        assert_eq!(shown("types/[constructor]cart"), "func(owner: string) -> own<cart>");
        assert_eq!(
            shown("types/[static]cart.merge"),
            "async func(a: own<cart>, b: borrow<cart>) -> own<cart>"
        );
        assert!(shown("types/[method]cart.add").starts_with("func(self: borrow<cart>, what: "));
        assert_eq!(shown("app/log"), "func()", "the export");
        assert_eq!(shown("app/local/touch"), "func(x: u8)");
    }

    #[test]
    fn each_parse_makes_new_resource_types() {
        let (a, b) = (shop(), shop());
        assert_eq!(a.ty("types/item").unwrap(), b.ty("types/item").unwrap());
        assert_ne!(a.resource("types/cart").unwrap(), b.resource("types/cart").unwrap());
    }

    #[test]
    fn what_is_not_there_is_named() {
        let wit = shop();
        let message = |path: &str| wit.func(path).unwrap_err().to_string();
        assert_eq!(message("types/cart"), "\"types/cart\" is a resource, not a function");
        assert_eq!(message("nowhere/x"), "no function \"nowhere/x\": no such interface or world");
        assert_eq!(
            message("app/local/tuch"),
            "no function \"app/local/tuch\", only app/local/touch"
        );
    }

    #[test]
    fn several_files_are_one_package() {
        let wit = Wit::parse(&[
            ("a.wit", "package x:y; interface a { type t = list<u8>; }"),
            ("b.wit", "interface b { use a.{t}; f: func(t: t); }"),
        ])
        .unwrap();
        assert_eq!(wit.func("b/f").unwrap().to_string(), "func(t: list<u8>)");
    }

    #[test]
    fn errors_say_where() {
        let message = |text: &str| match Wit::parse(&[("t.wit", text)]) {
            Ok(_) => panic!("{text} parses"),
            Err(error) => error.to_string(),
        };
        assert!(
            message("package a:b;\ninterface i {\n  type t = ;\n}").starts_with("t.wit:3:12: ")
        );
        assert!(
            message("package a:b;\ninterface i { use c:d/e.{f}; }").starts_with("t.wit:2:19: ")
        );
        let empty = message("package a:b;\ninterface i {\n  record r {}\n}");
        assert_eq!(empty, "t.wit:3:10: empty record");
        let long = message("package a:b; interface i { type t = list<u64, 4000000000>; }");
        assert!(long.contains("exceeds maximum byte size"), "{long}");
        assert!(message("interface i {}").contains("package"));
        assert!(message("").contains("package"));
        let deep = format!("package a:b; interface i {{ type t = {}u8; }}", "list<".repeat(10_000));
        assert!(message(&deep).contains("too deep"));
    }
}
