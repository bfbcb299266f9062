//! Types of C: the canonical structs.

use super::Printer;
use crate::Result;
use crate::code::Code;
use crate::names::{Unique, shouty, snake};
use wit_parser::{Handle, Type, TypeDefKind, TypeId};

impl Printer<'_> {
    /// All types, each after those that it contains.
    pub(super) fn all_types(&mut self) -> Result<()> {
        let mut last = None;
        for &id in &self.world.types {
            let home = self.world.scope_of(id).unwrap_or(self.world.homes[&id]);
            if last != Some(home) && self.world.def(id).name.is_some() {
                last = Some(home);
                let path = match self.world.scopes[home].path.as_str() {
                    "" => self.world.name.to_owned(),
                    path => path.to_owned(),
                };
                self.header.line(format!("\n/* {path} */"));
                self.header.docs("///", self.world.scopes[home].docs);
            }
            match &self.world.def(id).name {
                Some(name) => self.named(id, home, name)?,
                None => self.unnamed(id, home)?,
            }
        }
        Ok(())
    }

    fn named(&mut self, id: TypeId, scope: usize, name: &str) -> Result<()> {
        let c_name = format!("{}_{}", self.scope(scope), snake(name));
        let item = self.world.describe(scope, "type", name);
        let docs = self.world.def(id).docs.contents.clone();
        let resource = self.world.dealias(id);
        if matches!(self.world.def(resource).kind, TypeDefKind::Resource) {
            return self.resource_types(id, scope, name, docs.as_deref());
        }
        self.globals.take(&c_name, &item)?;
        self.types.insert(id, c_name.clone());
        self.header.gap();
        self.header.docs("///", docs.as_deref());
        let text = self.definition(id, &c_name);
        self.header.line(text);
        self.constants(id, &c_name)?;
        self.assert_layout(id, &c_name);
        Ok(())
    }

    /// A type without a name is defined once, as often as it comes up.
    fn unnamed(&mut self, id: TypeId, home: usize) -> Result<()> {
        if let TypeDefKind::Handle(Handle::Own(of) | Handle::Borrow(of)) = &self.world.def(id).kind
        {
            let own = matches!(self.world.def(id).kind, TypeDefKind::Handle(Handle::Own(_)));
            let name = self.handle(*of, own);
            self.types.insert(id, name);
            return Ok(());
        }
        let scope = match self.is_shared(Type::Id(id)) {
            true => self.name.clone(),
            false => self.scope(home),
        };
        let mut name = format!("{scope}_{}", self.encode(Type::Id(id)));
        loop {
            let text = self.definition(id, &name);
            match self.anonymous.get(&name) {
                Some(known) if *known == text => break,
                None if self.globals.is_free(&name) => {
                    self.globals
                        .take(&name, &format!("the type `{}`", self.encode(Type::Id(id))))?;
                    self.header.gap();
                    self.header.line(&text);
                    self.anonymous.insert(name.clone(), text);
                    self.assert_layout(id, &name);
                    break;
                }
                _ => name.push('_'),
            }
        }
        self.types.insert(id, name);
        Ok(())
    }

    /// The C type of a value.
    pub(super) fn ty(&self, ty: Type) -> String {
        match ty {
            Type::Bool => "bool",
            Type::U8 => "uint8_t",
            Type::U16 => "uint16_t",
            Type::U32 | Type::Char | Type::ErrorContext => "uint32_t",
            Type::U64 => "cmabi_u64",
            Type::S8 => "int8_t",
            Type::S16 => "int16_t",
            Type::S32 => "int32_t",
            Type::S64 => "cmabi_s64",
            Type::F32 => "float",
            Type::F64 => "cmabi_f64",
            Type::String => "cmabi_string",
            Type::Id(id) => {
                let resource = self.world.dealias(id);
                return match self.world.def(resource).kind {
                    TypeDefKind::Resource => self.handle(resource, true),
                    _ => self.types[&id].clone(),
                };
            }
        }
        .to_owned()
    }

    /// What defines a type as `name`.
    fn definition(&self, id: TypeId, name: &str) -> String {
        let tag = |cases: usize| match cases {
            ..=0x100 => "uint8_t",
            0x101..=0x1_0000 => "uint16_t",
            _ => "uint32_t",
        };
        match &self.world.def(id).kind {
            TypeDefKind::Type(ty) => format!("typedef {} {name};", self.ty(*ty)),
            TypeDefKind::Enum(of) => format!("typedef {} {name};", tag(of.cases.len())),
            TypeDefKind::Flags(of) => match of.flags.len() {
                ..=8 => format!("typedef uint8_t {name};"),
                9..=16 => format!("typedef uint16_t {name};"),
                _ => format!("typedef uint32_t {name};"),
            },
            TypeDefKind::Record(record) => {
                let mut names = Unique::default();
                self.structure(name, |code| {
                    for field in &record.fields {
                        code.docs("///", field.docs.contents.as_deref());
                        code.line(format!("{} {};", self.ty(field.ty), names.name(&field.name)));
                    }
                })
            }
            TypeDefKind::Tuple(tuple) => self.structure(name, |code| {
                for (i, ty) in tuple.types.iter().enumerate() {
                    code.line(format!("{} f{i};", self.ty(*ty)));
                }
            }),
            TypeDefKind::Variant(variant) => self.structure(name, |code| {
                code.line(format!("{} tag;", tag(variant.cases.len())));
                let mut names = Unique::default();
                let cases: Vec<_> = (variant.cases.iter())
                    .map(|case| (names.name(&case.name), case.ty))
                    .filter_map(|(name, ty)| Some((name, ty?)))
                    .collect();
                self.union(code, &cases);
            }),
            TypeDefKind::Option(some) => self.structure(name, |code| {
                code.line(format!("bool is_some;\n{} val;", self.ty(*some)));
            }),
            TypeDefKind::Result(result) => self.structure(name, |code| {
                code.line("bool is_err;");
                let sides = [("ok", result.ok), ("err", result.err)];
                let sides = sides.into_iter().filter_map(|(name, ty)| Some((name.to_owned(), ty?)));
                self.union(code, &sides.collect::<Vec<_>>());
            }),
            TypeDefKind::List(element) => self.structure(name, |code| {
                code.line(format!("const {} *ptr;\nsize_t len;", self.ty(*element)));
            }),
            TypeDefKind::FixedLengthList(element, length) => self.structure(name, |code| {
                code.line(format!("{} elements[{length}];", self.ty(*element)));
            }),
            TypeDefKind::Map(key, value) => {
                let entry = self.structure(&format!("{name}_entry"), |code| {
                    code.line(format!("{} key;\n{} value;", self.ty(*key), self.ty(*value)));
                });
                let list = self.structure(name, |code| {
                    code.line(format!("const {name}_entry *ptr;\nsize_t len;"));
                });
                format!("{entry}\n{list}")
            }
            TypeDefKind::Stream(_) | TypeDefKind::Future(_) => {
                format!("/// The readable end.\n{}", one_handle(name))
            }
            TypeDefKind::Handle(Handle::Own(of)) => {
                format!("typedef {} {name};", self.handle(*of, true))
            }
            TypeDefKind::Handle(Handle::Borrow(of)) => {
                format!("typedef {} {name};", self.handle(*of, false))
            }
            TypeDefKind::Resource | TypeDefKind::Unknown => unreachable!("not a value type"),
        }
    }

    fn structure(&self, name: &str, body: impl FnOnce(&mut Code)) -> String {
        let mut code = Code::default();
        code.block(&format!("typedef struct {name}"), &format!("}} {name};"), body);
        code.into_text().trim_end().to_owned()
    }

    fn union(&self, code: &mut Code, cases: &[(String, Type)]) {
        if cases.is_empty() {
            return;
        }
        code.block("union", "} val;", |code| {
            cases.iter().for_each(|(name, ty)| code.line(format!("{} {name};", self.ty(*ty))));
        });
    }

    /// The constants for the cases of an enum or variant and for flags.
    fn constants(&mut self, id: TypeId, name: &str) -> Result<()> {
        let labels: Vec<_> = match &self.world.def(id).kind {
            TypeDefKind::Enum(of) => of.cases.iter().map(|case| (&case.name, &case.docs)).collect(),
            TypeDefKind::Flags(of) => {
                of.flags.iter().map(|flag| (&flag.name, &flag.docs)).collect()
            }
            TypeDefKind::Variant(of) => {
                of.cases.iter().map(|case| (&case.name, &case.docs)).collect()
            }
            _ => return Ok(()),
        };
        let is_flags = matches!(self.world.def(id).kind, TypeDefKind::Flags(_));
        for (i, (label, docs)) in labels.into_iter().enumerate() {
            let constant = format!("{}_{}", shouty(name), shouty(label));
            self.globals.take(&constant, &format!("`{label}` of `{name}`"))?;
            self.header.docs("///", docs.contents.as_deref());
            let value = match is_flags {
                true => format!("(({name})1 << {i})"),
                false => i.to_string(),
            };
            self.header.line(format!("#define {constant} {value}"));
        }
        Ok(())
    }

    /// Asserts that C lays a type out as the canonical ABI does, with 4- and with 8-byte pointers.
    fn assert_layout(&mut self, id: TypeId, name: &str) {
        let by_pointer = |narrow: usize, wide: usize| match narrow == wide {
            true => wide.to_string(),
            false => format!("(sizeof(void *) == 8 ? {wide} : {narrow})"),
        };
        let ty = Type::Id(id);
        let size = self.sizes.size(&ty);
        let size = by_pointer(size.size_wasm32(), size.size_wasm64());
        self.asserts.line(format!("_Static_assert(sizeof({name}) == {size}, \"size\");"));
        let align = self.sizes.align(&ty);
        let align = by_pointer(align.align_wasm32(), align.align_wasm64());
        self.asserts.line(format!("_Static_assert(_Alignof({name}) == {align}, \"alignment\");"));
        let def = self.world.def(id);
        let members: Vec<_> = match &def.kind {
            TypeDefKind::Record(record) => {
                let mut names = Unique::default();
                let types: Vec<_> = record.fields.iter().map(|field| field.ty).collect();
                let offsets = self.sizes.field_offsets(&types);
                let names = record.fields.iter().map(|field| names.name(&field.name));
                names.zip(offsets.into_iter().map(|(offset, _)| offset)).collect()
            }
            TypeDefKind::Tuple(tuple) => {
                let offsets = self.sizes.field_offsets(&tuple.types);
                let named = |(i, (offset, _))| (format!("f{i}"), offset);
                offsets.into_iter().enumerate().map(named).collect()
            }
            TypeDefKind::Variant(variant) if variant.cases.iter().any(|case| case.ty.is_some()) => {
                let cases = variant.cases.iter().map(|case| case.ty.as_ref());
                vec![("val".to_owned(), self.sizes.payload_offset(variant.tag(), cases))]
            }
            _ => Vec::new(),
        };
        for (member, offset) in members {
            let offset = by_pointer(offset.size_wasm32(), offset.size_wasm64());
            self.asserts.line(format!(
                "_Static_assert(offsetof({name}, {member}) == {offset}, \"offset\");"
            ));
        }
    }

    /// A type's name as part of that of another.
    fn encode(&self, ty: Type) -> String {
        let optional =
            |ty: Option<Type>| ty.map_or_else(|| "void".to_owned(), |ty| self.encode(ty));
        let id = match ty {
            Type::Bool => return "bool".to_owned(),
            Type::Char => return "char32".to_owned(),
            Type::U8 => return "u8".to_owned(),
            Type::S8 => return "s8".to_owned(),
            Type::U16 => return "u16".to_owned(),
            Type::S16 => return "s16".to_owned(),
            Type::U32 => return "u32".to_owned(),
            Type::S32 => return "s32".to_owned(),
            Type::U64 => return "u64".to_owned(),
            Type::S64 => return "s64".to_owned(),
            Type::F32 => return "f32".to_owned(),
            Type::F64 => return "f64".to_owned(),
            Type::String => return "string".to_owned(),
            Type::ErrorContext => return "error_context".to_owned(),
            Type::Id(id) => id,
        };
        let def = self.world.def(id);
        if let Some(name) = &def.name {
            return snake(name);
        }
        match &def.kind {
            TypeDefKind::Type(ty) => self.encode(*ty),
            TypeDefKind::Tuple(tuple) => {
                let parts = tuple.types.iter().map(|ty| format!("_{}", self.encode(*ty)));
                format!("tuple{}{}", tuple.types.len(), parts.collect::<String>())
            }
            TypeDefKind::Option(some) => format!("option_{}", self.encode(*some)),
            TypeDefKind::Result(result) => {
                format!("result_{}_{}", optional(result.ok), optional(result.err))
            }
            TypeDefKind::List(element) => format!("list_{}", self.encode(*element)),
            TypeDefKind::FixedLengthList(element, length) => {
                format!("list{length}_{}", self.encode(*element))
            }
            TypeDefKind::Map(key, value) => {
                format!("map_{}_{}", self.encode(*key), self.encode(*value))
            }
            TypeDefKind::Stream(element) => format!("stream_{}", optional(*element)),
            TypeDefKind::Future(value) => format!("future_{}", optional(*value)),
            TypeDefKind::Handle(Handle::Own(of)) => format!("own_{}", self.encode(Type::Id(*of))),
            TypeDefKind::Handle(Handle::Borrow(of)) => {
                format!("borrow_{}", self.encode(Type::Id(*of)))
            }
            _ => unreachable!("only these types have no names"),
        }
    }

    /// Whether a type without a name belongs to the world: one that is made of nothing that has a name.
    fn is_shared(&self, ty: Type) -> bool {
        let Type::Id(id) = ty else { return true };
        let def = self.world.def(id);
        if def.name.is_some() {
            return false;
        }
        match &def.kind {
            TypeDefKind::List(ty)
            | TypeDefKind::FixedLengthList(ty, _)
            | TypeDefKind::Option(ty)
            | TypeDefKind::Type(ty) => self.is_shared(*ty),
            TypeDefKind::Tuple(tuple) => tuple.types.iter().all(|ty| self.is_shared(*ty)),
            TypeDefKind::Map(key, value) => self.is_shared(*key) && self.is_shared(*value),
            _ => false,
        }
    }

    /// Whether a value is passed as it is: what is small, and what is a pointer and a length.
    fn is_by_value(&self, ty: Type) -> bool {
        let Type::Id(id) = ty else { return true };
        #[allow(clippy::match_like_matches_macro, reason = "the kinds are named")]
        match &self.world.def(self.world.dealias(id)).kind {
            TypeDefKind::Record(_)
            | TypeDefKind::Tuple(_)
            | TypeDefKind::Variant(_)
            | TypeDefKind::Option(_)
            | TypeDefKind::Result(_)
            | TypeDefKind::FixedLengthList(..) => false,
            _ => true,
        }
    }

    /// A parameter, and the value that it stands for.
    pub(super) fn param(&self, ty: Type, name: &str) -> (String, String) {
        match self.is_by_value(ty) {
            true => (format!("{} {name}", self.ty(ty)), name.to_owned()),
            false => (format!("const {} *{name}", self.ty(ty)), format!("*{name}")),
        }
    }

    /// Whether values point to other memory.
    pub(super) fn points(&self, ty: Type) -> bool {
        self.world.any_part(ty, &|ty| match ty {
            Type::String => true,
            Type::Id(id) => {
                matches!(self.world.def(id).kind, TypeDefKind::List(_) | TypeDefKind::Map(..))
            }
            _ => false,
        })
    }
}

/// A struct around a handle, so that one of another type is not taken for it.
pub(super) fn one_handle(name: &str) -> String {
    format!("typedef struct {name} {{\n    uint32_t handle;\n}} {name};")
}
