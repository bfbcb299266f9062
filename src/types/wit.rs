//! What WIT text defines.

use super::{FuncType, ResourceType, Type};
use crate::error::{Error, ErrorKind, Result};
#[cfg(feature = "wit")]
use std::collections::BTreeMap;

/// What a WIT package defines, by path.
///
/// A path is `interface/item`, `world/item`, or `world/interface/item` for an interface that a world
/// defines in place. An interface or world can also be named in full, as in
/// `wasi:io/streams@0.2.0/input-stream`, and has to be if it is of another package than the main one.
/// The functions of resources have the names that components give them: `[method]blob.size`.
pub struct Wit {
    /// In the order of the paths.
    items: Vec<(String, WitItem)>,
}

/// Something that WIT text defines.
#[derive(Clone, Debug, PartialEq)]
pub enum WitItem {
    /// A value type.
    Type(Type),
    /// A resource type. Each [`Wit::parse`] makes new ones.
    Resource(ResourceType),
    /// A function. A world's export hides an import of the same name.
    Func(FuncType),
}

impl Wit {
    /// Parses the files of one package, each given as its name, which is for messages only, and its
    /// text. Packages that it uses can be nested in the text: `package ns:dep { ... }`.
    ///
    /// An error of [`ErrorKind::Invalid`] begins with the place, as `file:line:column`.
    #[cfg(feature = "wit")]
    pub fn parse(files: &[(&str, &str)]) -> Result<Wit> {
        super::wit_parse::parse(files)
    }

    /// What [`Wit::parse`] is in a build without the parser.
    #[cfg(not(feature = "wit"))]
    pub fn parse(_files: &[(&str, &str)]) -> Result<Wit> {
        let message = "this build of the library does not read WIT text (feature `wit`)";
        Err(Error::new(ErrorKind::Unsupported, message))
    }

    /// The type that text gives: `func(s: string) -> u32`, or `async func`, after the definitions of the types
    /// that it names, if any, as an interface has them: `record point { x: u32 } func(at: point)`.
    pub fn func_of(text: &str) -> Result<FuncType> {
        let body = text.trim().trim_end_matches(';');
        let func = body.rfind("func").ok_or_else(|| {
            let message = format!("{text:?} is no function type, as `func(s: string) -> u32` is");
            Error::new(ErrorKind::Invalid, message)
        })?;
        let (before, _) = body.split_at(func);
        let start = before.trim_end().strip_suffix("async").map_or(func, str::len);
        let (types, func) = body.split_at(start);
        // On one line: places in messages are those of the text, but for what stands before the function.
        let package = format!("package t:t; interface t {{ {types} f: {func}; }}");
        Wit::parse(&[("type", &package)])?.func("t/f").cloned()
    }

    /// Of items by path.
    #[cfg(feature = "wit")]
    pub(super) fn new(items: BTreeMap<String, WitItem>) -> Wit {
        Wit { items: items.into_iter().collect() }
    }

    /// What is at a path.
    pub fn get(&self, path: &str) -> Option<&WitItem> {
        let index = self.items.binary_search_by(|(known, _)| known.as_str().cmp(path)).ok()?;
        Some(&self.items[index].1)
    }

    /// The value type at a path.
    pub fn ty(&self, path: &str) -> Result<&Type> {
        match self.get(path) {
            Some(WitItem::Type(ty)) => Ok(ty),
            found => Err(self.not_found("type", path, found)),
        }
    }

    /// The resource type at a path.
    pub fn resource(&self, path: &str) -> Result<&ResourceType> {
        match self.get(path) {
            Some(WitItem::Resource(resource)) => Ok(resource),
            found => Err(self.not_found("resource", path, found)),
        }
    }

    /// The type of the function at a path.
    pub fn func(&self, path: &str) -> Result<&FuncType> {
        match self.get(path) {
            Some(WitItem::Func(ty)) => Ok(ty),
            found => Err(self.not_found("function", path, found)),
        }
    }

    /// All that is defined, in the order of the paths. What the main package defines is there by
    /// its short path and by its full one.
    pub fn items(&self) -> &[(String, WitItem)] {
        &self.items
    }

    #[cold]
    fn not_found(&self, wanted: &str, path: &str, found: Option<&WitItem>) -> Error {
        let message = match found {
            Some(WitItem::Type(_)) => format!("{path:?} is a type, not a {wanted}"),
            Some(WitItem::Resource(_)) => format!("{path:?} is a resource, not a {wanted}"),
            Some(WitItem::Func(_)) => format!("{path:?} is a function, not a {wanted}"),
            None => {
                let scope = |path: &str| path.rsplit_once('/').map(|(scope, _)| scope.to_owned());
                let paths = self.items.iter().map(|(known, _)| known.as_str());
                let of_scope: Vec<_> = paths.filter(|known| scope(known) == scope(path)).collect();
                match of_scope[..] {
                    [] => format!("no {wanted} {path:?}: no such interface or world"),
                    _ => format!("no {wanted} {path:?}, only {}", of_scope.join(", ")),
                }
            }
        };
        Error::new(ErrorKind::NotFound, message)
    }
}
