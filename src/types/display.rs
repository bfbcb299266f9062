//! Types as WIT text. Records, variants, enums and flags, which WIT always names, are written as
//! their definitions without the name: `record { x: u32, y: u32 }`.

use super::{FuncType, Kind, Type};
use crate::clip::clipped;
use std::fmt::{self, Debug, Display, Formatter};

/// Bytes of a type's text: a type has up to a million parts, each with a name as long as a binary makes it,
/// and one name may be there a million times.
const MOST: usize = 64 << 10;

impl Display for Type {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        clipped(f, MOST, format_args!("{}", Whole(self)))
    }
}

impl Display for FuncType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        clipped(f, MOST, format_args!("{}", Whole(self)))
    }
}

/// The text of a type, as long as it is; the types in it end as every [`Type`] does.
struct Whole<'a, T>(&'a T);

impl Display for Whole<'_, Type> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.kind() {
            Kind::Bool => f.write_str("bool"),
            Kind::S8 => f.write_str("s8"),
            Kind::U8 => f.write_str("u8"),
            Kind::S16 => f.write_str("s16"),
            Kind::U16 => f.write_str("u16"),
            Kind::S32 => f.write_str("s32"),
            Kind::U32 => f.write_str("u32"),
            Kind::S64 => f.write_str("s64"),
            Kind::U64 => f.write_str("u64"),
            Kind::F32 => f.write_str("f32"),
            Kind::F64 => f.write_str("f64"),
            Kind::Char => f.write_str("char"),
            Kind::String => f.write_str("string"),
            Kind::ErrorContext => f.write_str("error-context"),
            Kind::List(element) => write!(f, "list<{element}>"),
            Kind::FixedList(element, length) => write!(f, "list<{element}, {length}>"),
            Kind::Map(key, value) => write!(f, "map<{key}, {value}>"),
            Kind::Record(fields) => {
                let fields = fields.iter().map(|field| Named(&field.name, &field.ty));
                f.write_str("record ")?;
                braced(f, fields)
            }
            Kind::Tuple(types) => {
                f.write_str("tuple<")?;
                separated(f, types.iter())?;
                f.write_str(">")
            }
            Kind::Variant(cases) => {
                let cases = cases.iter().map(|case| CaseText(&case.name, case.ty.as_ref()));
                f.write_str("variant ")?;
                braced(f, cases)
            }
            Kind::Enum(labels) => {
                f.write_str("enum ")?;
                braced(f, labels.iter().map(|label| Id(label)))
            }
            Kind::Option(some) => write!(f, "option<{some}>"),
            Kind::Result { ok: None, err: None } => f.write_str("result"),
            Kind::Result { ok: Some(ok), err: None } => write!(f, "result<{ok}>"),
            Kind::Result { ok: None, err: Some(err) } => write!(f, "result<_, {err}>"),
            Kind::Result { ok: Some(ok), err: Some(err) } => write!(f, "result<{ok}, {err}>"),
            Kind::Flags(labels) => {
                f.write_str("flags ")?;
                braced(f, labels.iter().map(|label| Id(label)))
            }
            Kind::Own(resource) => write!(f, "own<{}>", Id(resource.name())),
            Kind::Borrow(resource) => write!(f, "borrow<{}>", Id(resource.name())),
            Kind::Stream(None) => f.write_str("stream"),
            Kind::Stream(Some(element)) => write!(f, "stream<{element}>"),
            Kind::Future(None) => f.write_str("future"),
            Kind::Future(Some(element)) => write!(f, "future<{element}>"),
        }
    }
}

impl Display for Whole<'_, FuncType> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_async() { "async func(" } else { "func(" })?;
        separated(f, self.0.params().iter().map(|param| Named(&param.name, &param.ty)))?;
        f.write_str(")")?;
        match self.0.result() {
            Some(result) => write!(f, " -> {result}"),
            None => Ok(()),
        }
    }
}

impl Debug for Type {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl Debug for FuncType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

fn separated(f: &mut Formatter<'_>, items: impl Iterator<Item = impl Display>) -> fmt::Result {
    for (i, item) in items.enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

fn braced(f: &mut Formatter<'_>, items: impl Iterator<Item = impl Display>) -> fmt::Result {
    f.write_str("{ ")?;
    separated(f, items)?;
    f.write_str(" }")
}

/// A label as WIT writes it: `%` in front of a keyword.
struct Id<'a>(&'a str);

impl Display for Id<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if KEYWORDS.contains(&self.0) {
            f.write_str("%")?;
        }
        f.write_str(self.0)
    }
}

/// `name: type`
struct Named<'a>(&'a str, &'a Type);

impl Display for Named<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", Id(self.0), self.1)
    }
}

/// `name` or `name(type)`
struct CaseText<'a>(&'a str, Option<&'a Type>);

impl Display for CaseText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(ty) => write!(f, "{}({ty})", Id(self.0)),
            None => Id(self.0).fmt(f),
        }
    }
}

/// The words that WIT reserves.
const KEYWORDS: &[&str] = &[
    "as",
    "async",
    "bool",
    "borrow",
    "char",
    "constructor",
    "enum",
    "error-context",
    "export",
    "f32",
    "f64",
    "flags",
    "from",
    "func",
    "future",
    "import",
    "include",
    "interface",
    "list",
    "map",
    "option",
    "own",
    "package",
    "record",
    "resource",
    "result",
    "s16",
    "s32",
    "s64",
    "s8",
    "static",
    "stream",
    "string",
    "tuple",
    "type",
    "u16",
    "u32",
    "u64",
    "u8",
    "use",
    "variant",
    "with",
    "world",
];
