//! Names: from WIT's kebab case to identifiers of C and C++, each of which stands for one thing only.

use crate::{Error, Result};
use heck::{ToShoutySnakeCase, ToSnakeCase};
use std::collections::{HashMap, HashSet};

/// A name in snake case, which may be a keyword.
pub(crate) fn snake(name: &str) -> String {
    name.to_snake_case()
}

/// A name in upper case.
pub(crate) fn shouty(name: &str) -> String {
    name.to_shouty_snake_case()
}

/// A name in snake case that is an identifier in C and in C++: with `_` at its end where the languages,
/// or the headers that generated code includes, know the word.
pub(crate) fn identifier(name: &str) -> String {
    let mut name = snake(name);
    if RESERVED.binary_search(&name.as_str()).is_ok() {
        name.push('_');
    }
    name
}

/// The names of one scope that only the generator gives out: one that is taken gets a `_` at its end.
#[derive(Default, Clone)]
pub(crate) struct Unique(HashSet<String>);

impl Unique {
    /// A scope in which these names are taken.
    pub(crate) fn with(taken: &[&str]) -> Self {
        Unique(taken.iter().map(|&name| name.to_owned()).collect())
    }

    /// The same with more names that are taken.
    pub(crate) fn and(mut self, taken: &[&str]) -> Self {
        self.0.extend(taken.iter().map(|&name| name.to_owned()));
        self
    }

    /// Takes names as they are.
    pub(crate) fn reserve<'a>(&mut self, names: impl IntoIterator<Item = &'a String>) {
        self.0.extend(names.into_iter().cloned());
    }

    /// A new name, made of one in kebab case.
    pub(crate) fn name(&mut self, name: &str) -> String {
        let mut name = identifier(name);
        while !self.0.insert(name.clone()) {
            name.push('_');
        }
        name
    }
}

/// The global names of C, of which each belongs to an item of WIT: two items for one name are an error.
#[derive(Default)]
pub(crate) struct Globals(HashMap<String, String>);

impl Globals {
    pub(crate) fn is_free(&self, name: &str) -> bool {
        !self.0.contains_key(name)
    }

    /// Takes `name` for `item`, which says what it is to people.
    pub(crate) fn take(&mut self, name: &str, item: &str) -> Result<()> {
        match self.0.insert(name.to_owned(), item.to_owned()) {
            Some(other) if other != item => Err(Error::new(format!(
                "{other} and {item} both have the name `{name}` in C: rename one of them in WIT, or \
                 generate C++"
            ))),
            _ => Ok(()),
        }
    }
}

/// The keywords of C and C++, sorted, and what is a macro or a namespace in the headers that generated
/// code includes, or in what these include.
const RESERVED: &[&str] = &[
    "alignas",
    "alignof",
    "and",
    "and_eq",
    "asm",
    "assert",
    "atomic_cancel",
    "atomic_commit",
    "atomic_noexcept",
    "auto",
    "bitand",
    "bitor",
    "bool",
    "break",
    "case",
    "catch",
    "char",
    "char16_t",
    "char32_t",
    "char8_t",
    "class",
    "cmabi",
    "co_await",
    "co_return",
    "co_yield",
    "compl",
    "concept",
    "const",
    "const_cast",
    "consteval",
    "constexpr",
    "constinit",
    "continue",
    "decltype",
    "default",
    "delete",
    "do",
    "double",
    "dynamic_cast",
    "else",
    "enum",
    "errno",
    "explicit",
    "export",
    "extern",
    "false",
    "float",
    "for",
    "friend",
    "goto",
    "i386",
    "if",
    "inline",
    "int",
    "linux",
    "long",
    "major",
    "makedev",
    "minor",
    "module",
    "mutable",
    "namespace",
    "new",
    "noexcept",
    "not",
    "not_eq",
    "nullptr",
    "operator",
    "or",
    "or_eq",
    "posix",
    "private",
    "protected",
    "public",
    "reflexpr",
    "register",
    "reinterpret_cast",
    "requires",
    "restrict",
    "return",
    "short",
    "signed",
    "sizeof",
    "static",
    "static_assert",
    "static_cast",
    "std",
    "stderr",
    "stdin",
    "stdout",
    "struct",
    "switch",
    "synchronized",
    "template",
    "this",
    "thread_local",
    "throw",
    "true",
    "try",
    "typedef",
    "typeid",
    "typename",
    "typeof",
    "typeof_unqual",
    "union",
    "unix",
    "unsigned",
    "using",
    "virtual",
    "void",
    "volatile",
    "wchar_t",
    "while",
    "xor",
    "xor_eq",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_words_are_sorted() {
        assert!(RESERVED.is_sorted());
    }

    #[test]
    fn names_become_identifiers() {
        assert_eq!(identifier("log-level"), "log_level");
        assert_eq!(identifier("HTTP-status"), "http_status");
        assert_eq!(identifier("class"), "class_");
        assert_eq!(shouty("log-level"), "LOG_LEVEL");
        let mut scope = Unique::with(&["error"]);
        assert_eq!(["error", "a", "a"].map(|name| scope.name(name)), ["error_", "a", "a_"]);
    }

    #[test]
    fn two_items_of_one_name_are_both_named() {
        let mut globals = Globals::default();
        globals.take("a_b_c", "type `c` of `a:b`").unwrap();
        globals.take("a_b_c", "type `c` of `a:b`").unwrap();
        let error = globals.take("a_b_c", "type `b-c` of `a`").unwrap_err().to_string();
        assert!(error.contains("type `c` of `a:b` and type `b-c` of `a`"), "{error}");
    }
}
