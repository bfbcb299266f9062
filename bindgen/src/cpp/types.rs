//! Types of C++.

use super::Printer;
use crate::code::Code;
use crate::names::Unique;
use crate::world::{Direction, World, parts};
use std::collections::{HashMap, HashSet};
use wit_parser::{
    Docs, Enum, Flags, Handle, Record, Type, TypeDefKind, TypeId, TypeOwner, Variant,
};

impl Printer<'_> {
    /// A type that owns what it has.
    pub(super) fn ty(&self, ty: Type) -> String {
        let id = match ty {
            Type::Id(id) => id,
            primitive => return primitive_type(primitive).to_owned(),
        };
        if self.is_resource(id) {
            return self.own(id);
        }
        match self.world.def(id).name {
            Some(_) => self.names.ty(id).to_owned(),
            None => self.definition(id),
        }
    }

    fn is_resource(&self, id: TypeId) -> bool {
        matches!(self.world.def(self.world.dealias(id)).kind, TypeDefKind::Resource)
    }

    fn optional(&self, ty: Option<Type>) -> String {
        ty.map_or_else(|| "void".to_owned(), |ty| self.ty(ty))
    }

    /// What an alias or a type without a name is.
    fn definition(&self, id: TypeId) -> String {
        match &self.world.def(id).kind {
            TypeDefKind::Type(ty) => self.ty(*ty),
            TypeDefKind::Tuple(tuple) => {
                let types: Vec<_> = tuple.types.iter().map(|&ty| self.ty(ty)).collect();
                format!("std::tuple<{}>", types.join(", "))
            }
            TypeDefKind::Option(some) => format!("std::optional<{}>", self.ty(*some)),
            TypeDefKind::Result(result) => format!(
                "cmabi::expected<{}, {}>",
                self.optional(result.ok),
                self.optional(result.err)
            ),
            TypeDefKind::List(element) => format!("std::vector<{}>", self.ty(*element)),
            TypeDefKind::FixedLengthList(element, length) => {
                format!("std::array<{}, {length}>", self.ty(*element))
            }
            TypeDefKind::Map(key, value) => {
                format!("std::map<{}, {}>", self.ty(*key), self.ty(*value))
            }
            TypeDefKind::Stream(element) => {
                format!("cmabi::stream_reader<{}>", self.optional(*element))
            }
            TypeDefKind::Future(value) => {
                format!("cmabi::future_reader<{}>", self.optional(*value))
            }
            TypeDefKind::Handle(Handle::Own(resource)) => self.own(*resource),
            TypeDefKind::Handle(Handle::Borrow(resource)) => {
                format!("cmabi::borrow<{}>", self.names.ty(self.world.dealias(*resource)))
            }
            TypeDefKind::Variant(variant) => {
                format!("std::variant<{}>", self.alternatives(id, variant).join(", "))
            }
            TypeDefKind::Record(_)
            | TypeDefKind::Enum(_)
            | TypeDefKind::Flags(_)
            | TypeDefKind::Resource
            | TypeDefKind::Unknown => self.names.ty(id).to_owned(),
        }
    }

    fn own(&self, resource: TypeId) -> String {
        let resource = self.world.dealias(resource);
        match self.world.is_guest_resource(resource) {
            true => self.names.ty(resource).to_owned(),
            false => format!("cmabi::own<{}>", self.names.ty(resource)),
        }
    }

    /// The types of a variant's cases: a payload's own where no other case has the same.
    fn alternatives(&self, id: TypeId, variant: &Variant) -> Vec<String> {
        let namespace = self.names.namespace(self.world.scope_of(id).expect("a type with a name"));
        let structs = self.struct_cases(variant);
        (variant.cases.iter().zip(structs).enumerate())
            .map(|(i, (case, is_struct))| match (is_struct, case.ty) {
                (true, _) => format!("::{namespace}::{}", self.names.case(id, i)),
                (false, Some(ty)) => self.ty(ty),
                (false, None) => "std::monostate".to_owned(),
            })
            .collect()
    }

    /// Whether each case has a struct: where another case has the same type in C++.
    fn struct_cases(&self, variant: &Variant) -> Vec<bool> {
        let mut counts = HashMap::new();
        let mut identities = self.identities.borrow_mut();
        let identity = |ty: Option<Type>| ty.map(|ty| identities.of(self.world, ty));
        let cases: Vec<_> = variant.cases.iter().map(|case| case.ty).map(identity).collect();
        cases.iter().for_each(|case| *counts.entry(*case).or_insert(0) += 1);
        cases.iter().map(|case| counts[case] > 1).collect()
    }

    /// All types of a scope, in the order in which they can be declared.
    pub(super) fn types(&mut self, scope: usize) {
        let types: Vec<_> = (self.world.types.iter().copied())
            .filter(|&id| self.world.scope_of(id) == Some(scope))
            .filter(|&id| !matches!(self.world.def(id).owner, TypeOwner::None))
            .collect();
        if types.is_empty() {
            return;
        }
        let namespace = self.names.namespace(scope).to_owned();
        let docs = self.world.scopes[scope].docs;
        self.open(&namespace);
        self.code.docs("//", docs);
        types.iter().for_each(|&id| self.declare(id));
        self.resource_names(scope, &namespace);
        // Streams and futures look at their elements' types as soon as they are parts of something.
        let early = types.iter().any(|&id| self.holds_streams(id));
        if early {
            self.specialize_between(&types, &namespace, false);
        }
        types.iter().for_each(|&id| self.alias(id));
        if self.world.scopes[scope].direction == Direction::Export {
            self.resource_classes(scope);
        }
        for &id in &types {
            self.define(id);
            if early {
                self.specialize_between(&[id], &namespace, true);
            }
        }
        self.close(&namespace);
        if !early {
            types.iter().for_each(|&id| self.specialize(id));
        }
    }

    fn holds_streams(&self, id: TypeId) -> bool {
        self.world.any_part(Type::Id(id), &|ty| match ty {
            Type::Id(id) => matches!(
                self.world.def(id).kind,
                TypeDefKind::Stream(Some(_)) | TypeDefKind::Future(Some(_))
            ),
            _ => false,
        })
    }

    /// Leaves the namespace to specialize the library's templates for records, or for the other types.
    fn specialize_between(&mut self, types: &[TypeId], namespace: &str, records: bool) {
        let wanted = |id: &TypeId| match self.world.def(*id).kind {
            TypeDefKind::Record(_) => records,
            TypeDefKind::Enum(_) | TypeDefKind::Flags(_) => !records,
            _ => false,
        };
        let types: Vec<_> = types.iter().copied().filter(wanted).collect();
        if !types.is_empty() {
            self.close(namespace);
            types.iter().for_each(|&id| self.specialize(id));
            self.open(namespace);
        }
    }

    /// Enums whole, structs and classes by their names.
    fn declare(&mut self, id: TypeId) {
        let name = self.names.short(id).to_owned();
        let def = self.world.def(id);
        match &def.kind {
            TypeDefKind::Enum(of) => self.enumeration(&name, of, &def.docs),
            TypeDefKind::Flags(of) => self.flags(&name, of, &def.docs),
            TypeDefKind::Record(_) => self.code.line(format!("struct {name};")),
            TypeDefKind::Variant(variant) => {
                for (i, is_struct) in self.struct_cases(variant).into_iter().enumerate() {
                    if is_struct {
                        self.code.line(format!("struct {};", self.names.case(id, i)));
                    }
                }
            }
            TypeDefKind::Resource if self.world.is_guest_resource(id) => {
                self.code.line(format!("class {name};"));
            }
            TypeDefKind::Resource => {
                self.code.gap();
                self.code.docs("///", def.docs.contents.as_deref());
                self.code.line("/// Implemented by the host, which defines this class.");
                self.code.line(format!("class {name};"));
            }
            _ => {}
        }
    }

    fn enumeration(&mut self, name: &str, of: &Enum, docs: &Docs) {
        self.code.gap();
        self.code.docs("///", docs.contents.as_deref());
        let tag = integer(of.cases.len());
        let mut names = Unique::default();
        self.code.block(&format!("enum class {name} : {tag}"), "};", |code| {
            for case in &of.cases {
                code.docs("///", case.docs.contents.as_deref());
                code.line(format!("{},", names.name(&case.name)));
            }
        });
    }

    fn flags(&mut self, name: &str, of: &Flags, docs: &Docs) {
        self.code.gap();
        self.code.docs("///", docs.contents.as_deref());
        let bits = match of.flags.len() {
            ..=8 => "std::uint8_t",
            9..=16 => "std::uint16_t",
            _ => "std::uint32_t",
        };
        let mut names = Unique::default();
        self.code.block(&format!("enum class {name} : {bits}"), "};", |code| {
            for (i, flag) in of.flags.iter().enumerate() {
                code.docs("///", flag.docs.contents.as_deref());
                code.line(format!("{} = {:#x},", names.name(&flag.name), 1u32 << i));
            }
        });
        let all = u32::MAX >> (32 - of.flags.len());
        let of_bits = |operator: &str| {
            format!("static_cast<{name}>(static_cast<{bits}>(a) {operator} static_cast<{bits}>(b))")
        };
        for operator in ["|", "&", "^"] {
            let value = of_bits(operator);
            self.code.block(
                &format!("constexpr {name} operator{operator}({name} a, {name} b)"),
                "}",
                |code| code.line(format!("return {value};")),
            );
        }
        self.code.block(&format!("constexpr {name} operator~({name} a)"), "}", |code| {
            code.line(format!(
                "return static_cast<{name}>(static_cast<{bits}>(~static_cast<std::uint32_t>(a) & \
                 {all:#x}));"
            ));
        });
        for operator in ["|", "&", "^"] {
            self.code.line(format!(
                "constexpr {name} &operator{operator}=({name} &a, {name} b) {{ return a = a {operator} b; }}"
            ));
        }
    }

    fn alias(&mut self, id: TypeId) {
        let def = self.world.def(id);
        let name = self.names.short(id).to_owned();
        match &def.kind {
            TypeDefKind::Record(_)
            | TypeDefKind::Enum(_)
            | TypeDefKind::Flags(_)
            | TypeDefKind::Resource => return,
            // An alias of a resource is its class, not a handle to it.
            TypeDefKind::Type(_) if self.is_resource(id) => {
                let target = self.names.ty(self.world.dealias(id)).to_owned();
                return self.code.line(format!("using {name} = {target};"));
            }
            _ => {}
        }
        self.code.gap();
        self.code.docs("///", def.docs.contents.as_deref());
        let definition = self.definition(id);
        self.code.line(format!("using {name} = {definition};"));
        if let TypeDefKind::Variant(variant) = &def.kind {
            let indices = self.names.indices(id).to_owned();
            self.code.line(format!("/// The indices of the cases of `{name}`."));
            let mut names = Unique::with(&[&indices]);
            self.code.block(&format!("struct {indices}"), "};", |code| {
                for (i, case) in variant.cases.iter().enumerate() {
                    code.docs("///", case.docs.contents.as_deref());
                    let name = names.name(&case.name);
                    code.line(format!("static constexpr std::size_t {name} = {i};"));
                }
            });
        }
    }

    fn define(&mut self, id: TypeId) {
        let def = self.world.def(id);
        match &def.kind {
            TypeDefKind::Record(record) => self.record(id, record, &def.docs),
            TypeDefKind::Variant(variant) => {
                for (i, is_struct) in self.struct_cases(variant).into_iter().enumerate() {
                    if is_struct {
                        self.case(id, i, variant);
                    }
                }
            }
            _ => {}
        }
    }

    fn case(&mut self, id: TypeId, index: usize, variant: &Variant) {
        let (name, case) = (self.names.case(id, index).to_owned(), &variant.cases[index]);
        let ty = case.ty.map(|ty| self.ty(ty));
        let equality = self.equality && case.ty.is_none_or(|ty| self.is_comparable(ty));
        self.code.gap();
        self.code.line(format!("/// The case `{}` of `{}`.", case.name, self.names.short(id)));
        self.code.block(&format!("struct {name}"), "};", |code| {
            code.line(format!("using case_type = {};", ty.as_deref().unwrap_or("void")));
            if let Some(ty) = &ty {
                code.line(format!("{ty} value{{}};"));
            }
            if equality {
                let fields = if ty.is_some() { vec!["value".to_owned()] } else { Vec::new() };
                compare(code, &name, &fields);
            }
        });
    }

    fn record(&mut self, id: TypeId, record: &Record, docs: &Docs) {
        let name = self.names.short(id).to_owned();
        let equality = self.equality && self.is_comparable(Type::Id(id));
        let types: Vec<_> = record.fields.iter().map(|field| self.ty(field.ty)).collect();
        let names = field_names(record);
        self.code.gap();
        self.code.docs("///", docs.contents.as_deref());
        self.code.block(&format!("struct {name}"), "};", |code| {
            for ((field, ty), name) in record.fields.iter().zip(&types).zip(&names) {
                code.docs("///", field.docs.contents.as_deref());
                code.line(format!("{ty} {name}{{}};"));
            }
            if equality {
                compare(code, &name, &names);
            }
        });
    }

    /// Whether values can be compared: handles cannot.
    fn is_comparable(&self, ty: Type) -> bool {
        !self.world.any_part(ty, &|ty| match ty {
            Type::ErrorContext => true,
            Type::Id(id) => matches!(
                self.world.def(id).kind,
                TypeDefKind::Handle(_)
                    | TypeDefKind::Resource
                    | TypeDefKind::Stream(_)
                    | TypeDefKind::Future(_)
            ),
            _ => false,
        })
    }

    /// Tells the library how a type is called in WIT.
    fn specialize(&mut self, id: TypeId) {
        let (name, def) = (self.names.ty(id).to_owned(), self.world.def(id));
        let labels = |names: Vec<&str>| {
            let names: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
            format!("static constexpr std::array labels{{{}}};", names.join(", "))
        };
        let (template, member) = match &def.kind {
            TypeDefKind::Enum(of) => {
                ("enumeration", labels(of.cases.iter().map(|case| &*case.name).collect()))
            }
            TypeDefKind::Flags(of) => {
                ("flags", labels(of.flags.iter().map(|flag| &*flag.name).collect()))
            }
            TypeDefKind::Record(record) => {
                let fields: Vec<_> = (record.fields.iter().zip(field_names(record)))
                    .map(|(field, member)| {
                        format!("cmabi::field(\"{}\", &{name}::{member})", field.name)
                    })
                    .collect();
                let fields = fields.join(",\n    ");
                (
                    "record",
                    format!("static constexpr auto fields = std::make_tuple(\n    {fields});"),
                )
            }
            _ => return,
        };
        self.code.gap();
        self.code.block(&format!("template <>\nstruct cmabi::{template}<{name}>"), "};", |code| {
            code.line(member);
        });
        if self.ostream {
            self.print_operator(&name);
        }
    }

    /// Lets values of a type be written to streams.
    fn print_operator(&mut self, name: &str) {
        let (namespace, _) = name.rsplit_once("::").expect("a type is in a namespace");
        let namespace = namespace.trim_start_matches("::").to_owned();
        self.open(&namespace);
        let head =
            format!("inline std::ostream &operator<<(std::ostream &to, const {name} &value)");
        self.code.block(&head, "}", |code| {
            code.line("return cmabi::bindings::print(to, value);");
        });
        self.close(&namespace);
    }

    /// Whether a call takes values of a type by moving them. One that is only started keeps its arguments, so it
    /// also takes what cannot be copied.
    pub(super) fn is_moved(&self, ty: Type, starts: bool) -> bool {
        self.world.any_part(ty, &|ty| match ty {
            Type::Id(id) => {
                matches!(
                    self.world.def(id).kind,
                    TypeDefKind::Handle(Handle::Own(_))
                        | TypeDefKind::Resource
                        | TypeDefKind::Stream(_)
                        | TypeDefKind::Future(_)
                ) || (starts && matches!(self.world.def(id).kind, TypeDefKind::Handle(_)))
            }
            ty => starts && ty == Type::ErrorContext,
        })
    }

    /// A type as that of a parameter, by value: text is not copied.
    pub(super) fn param(&self, ty: Type) -> String {
        match self.primitive(ty) {
            Some(Type::String) => "std::string_view".to_owned(),
            _ => self.ty(ty),
        }
    }

    /// The primitive type behind aliases.
    pub(super) fn primitive(&self, ty: Type) -> Option<Type> {
        match ty {
            Type::Id(id) => match self.world.def(self.world.dealias(id)).kind {
                TypeDefKind::Type(primitive) => Some(primitive),
                _ => None,
            },
            primitive => Some(primitive),
        }
    }

    /// A parameter of a function that the host calls, and how it is passed on.
    pub(super) fn argument(&self, ty: Type, name: &str, starts: bool) -> (String, String) {
        let whole = self.param(ty);
        let is_enum = match ty {
            Type::Id(id) => matches!(
                self.world.def(self.world.dealias(id)).kind,
                TypeDefKind::Enum(_) | TypeDefKind::Flags(_)
            ),
            _ => false,
        };
        if self.is_moved(ty, starts) {
            (format!("{whole} {name}"), format!("std::move({name})"))
        } else if is_enum || self.primitive(ty).is_some() {
            (format!("{whole} {name}"), name.to_owned())
        } else {
            (format!("const {whole} &{name}"), name.to_owned())
        }
    }
}

/// Writes the comparisons of a struct.
fn compare(code: &mut Code, name: &str, fields: &[String]) {
    let all: Vec<_> = fields.iter().map(|field| format!("lhs_.{field} == rhs_.{field}")).collect();
    code.gap();
    let (a, b, value) = match all.is_empty() {
        true => ("", "", "true".to_owned()),
        false => (" &lhs_", " &rhs_", all.join(" && ")),
    };
    code.block(&format!("friend bool operator==(const {name}{a}, const {name}{b})"), "}", |code| {
        code.line(format!("return {value};"));
    });
    code.line(format!(
        "friend bool operator!=(const {name} &lhs_, const {name} &rhs_) {{ return !(lhs_ == rhs_); }}"
    ));
}

/// The names of a record's members.
fn field_names(record: &Record) -> Vec<String> {
    let mut names = Unique::default();
    record.fields.iter().map(|field| names.name(&field.name)).collect()
}

/// The unsigned integer for so many cases.
fn integer(cases: usize) -> &'static str {
    match cases {
        ..=0x100 => "std::uint8_t",
        0x101..=0x1_0000 => "std::uint16_t",
        _ => "std::uint32_t",
    }
}

fn primitive_type(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::U8 => "std::uint8_t",
        Type::U16 => "std::uint16_t",
        Type::U32 => "std::uint32_t",
        Type::U64 => "std::uint64_t",
        Type::S8 => "std::int8_t",
        Type::S16 => "std::int16_t",
        Type::S32 => "std::int32_t",
        Type::S64 => "std::int64_t",
        Type::F32 => "float",
        Type::F64 => "double",
        Type::Char => "char32_t",
        Type::String => "std::string",
        Type::ErrorContext => "cmabi::error_context",
        Type::Id(_) => unreachable!("not a primitive type"),
    }
}

/// Numbers for types, the same for two types of WIT that are one type in C++.
#[derive(Default)]
pub(super) struct Identities {
    known: HashMap<Type, usize>,
    by_text: HashMap<String, usize>,
}

impl Identities {
    fn of(&mut self, world: &World<'_>, ty: Type) -> usize {
        if let Some(&known) = self.known.get(&ty) {
            return known;
        }
        let text = match ty {
            Type::Id(id) if world.dealias(id) != id => {
                return self.of(world, Type::Id(world.dealias(id)));
            }
            Type::Id(id) if let TypeDefKind::Type(primitive) = world.def(id).kind => {
                return self.of(world, primitive);
            }
            Type::Id(id) => self.text(world, id),
            primitive => primitive_type(primitive).to_owned(),
        };
        let next = self.by_text.len();
        let number = *self.by_text.entry(text).or_insert(next);
        self.known.insert(ty, number);
        number
    }

    /// What a type is made of, with numbers for its parts.
    fn text(&mut self, world: &World<'_>, id: TypeId) -> String {
        let def = world.def(id);
        match &def.kind {
            TypeDefKind::Handle(Handle::Own(resource)) => {
                self.text(world, world.dealias(*resource))
            }
            TypeDefKind::Handle(Handle::Borrow(resource)) => {
                format!("borrow {}", world.dealias(*resource).index())
            }
            TypeDefKind::Record(_)
            | TypeDefKind::Enum(_)
            | TypeDefKind::Flags(_)
            | TypeDefKind::Resource
            | TypeDefKind::Unknown => format!("named {}", id.index()),
            TypeDefKind::Variant(variant) => {
                let cases: Vec<_> = (variant.cases.iter())
                    .map(|case| case.ty.map(|ty| self.of(world, ty)))
                    .collect();
                let distinct: HashSet<_> = cases.iter().collect();
                match distinct.len() == cases.len() {
                    true => format!("variant {cases:?}"),
                    false => format!("named {}", id.index()),
                }
            }
            kind => {
                let parts = parts(def);
                let parts: Vec<_> = parts.into_iter().map(|ty| self.of(world, ty)).collect();
                match kind {
                    TypeDefKind::FixedLengthList(_, length) => format!("array {parts:?} {length}"),
                    TypeDefKind::Result(result) => {
                        let sides = [result.ok.is_some(), result.err.is_some()];
                        format!("result {parts:?} {sides:?}")
                    }
                    kind => format!("{} {parts:?}", kind.as_str()),
                }
            }
        }
    }
}
