//! Host code in C and C++ from WIT: what `cmabi bindgen` writes.
//!
//! The generated code stands on `cmabi.h`, and in C++ on `cmabi.hpp`, as any program of a user's does. Its
//! shape is described in `docs/bindgen.md`. How it comes about:
//!
//! | step | file |
//! |---|---|
//! | WIT, or a component, is read | `input.rs` |
//! | a world becomes a list of scopes, functions and types in order | `world.rs` |
//! | which functions have async forms | `asyncs.rs` |
//! | names become identifiers | `names.rs` |
//! | types become constant data for the library to check | `descs.rs` |
//! | C is printed: names of types, types, imports, exports, ends of streams | `c/` |
//! | C++ is printed: names of types, types, imports, exports, resources | `cpp/` |
//!
//! wit-parser's data structures serve as the tree; what is added to them are names and an order.

mod asyncs;
mod c;
mod code;
mod cpp;
mod descs;
mod input;
mod names;
mod world;

pub use input::Input;

use std::fmt;
use world::World;

/// What went wrong, for a person.
#[derive(Debug)]
pub struct Error(String);

impl Error {
    /// An error with this message.
    pub fn new(message: impl Into<String>) -> Self {
        Error(message.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// The result of what can go wrong.
pub type Result<T> = std::result::Result<T, Error>;

/// What to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// C11: a header and a source file.
    C,
    /// C++17: a header.
    Cpp,
}

/// Settings.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// For C++ a namespace around all others, for C what all names begin with.
    pub namespace: Option<String>,
    /// For C++: structs can be compared.
    pub equality: bool,
    /// For C++: values can be written to streams.
    pub ostream: bool,
    /// Also write a skeleton that implements the imports.
    pub stubs: bool,
    /// Functions that have async forms besides those that WIT says are async: names as `place`, `shop#place`
    /// and `demo:app/shop#place`, also several with commas between them; `all`; or `none`, for only those
    /// that are named.
    pub asyncs: Vec<String>,
}

/// A generated file.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    /// Its name, without a folder.
    pub name: String,
    /// Its contents.
    pub text: String,
    /// Whether it is a beginning that the user goes on with, not to be written again.
    pub is_stub: bool,
}

/// Generates code. The same input gives the same text, wherever and whenever.
pub fn generate(mut input: Input, language: Language, options: &Options) -> Result<Vec<File>> {
    input.resolve.generate_nominal_type_ids(input.world);
    if let Some(namespace) = &options.namespace {
        check_namespace(namespace)?;
    }
    let world = World::new(&input.resolve, input.world, &options.asyncs)?;
    let banner = format!(
        "Written by cmabi bindgen {} from `{}`, world `{}`. Do not edit.",
        env!("CARGO_PKG_VERSION"),
        input.name,
        world.name
    );
    match language {
        Language::C => c::print(&world, options, &banner),
        Language::Cpp => cpp::print(&world, options, &banner),
    }
}

/// A namespace is an identifier, or several with `::` between them.
fn check_namespace(namespace: &str) -> Result<()> {
    let is_identifier = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if namespace.split("::").all(is_identifier) {
        return Ok(());
    }
    Err(Error::new(format!("the namespace {namespace:?} is no identifier")))
}
