//! The printer of C: a header with the types and functions, and a source file.

mod exports;
mod imports;
mod resources;
mod streams;
mod stubs;
mod types;

use crate::code::Code;
use crate::descs::{Descs, exported};
use crate::names::{Globals, Unique, shouty, snake};
use crate::world::{Direction, World};
use crate::{Error, File, Options, Result};
use std::collections::HashMap;
use wit_parser::{PackageName, SizeAlign, TypeId, WorldKey};

/// What is in every source file, and what functions there call their own.
const SOURCE: &[&str] = &[
    "begin_sharing",
    "cannot_offer",
    "component",
    "element",
    "exports",
    "found",
    "free",
    "funcs",
    "given",
    "handle",
    "instance",
    "let_go",
    "linker",
    "made",
    "malloc",
    "message",
    "missing",
    "name",
    "not_a_resource",
    "offer",
    "offer_resource",
    "offered",
    "offers",
    "shared",
    "store",
    "text",
    "type",
    "users",
];

/// The printer's state: the world, the names of its types, and what was printed.
struct Printer<'a> {
    world: &'a World<'a>,
    sizes: SizeAlign,
    /// What all names begin with, with `_` at its end; else empty.
    prefix: String,
    /// The world's name in C.
    name: String,
    types: HashMap<TypeId, String>,
    /// What types without names are defined as, by their names in C.
    anonymous: HashMap<String, String>,
    globals: Globals,
    header: Code,
    source: Code,
    /// The checks of sizes and offsets.
    asserts: Code,
}

pub(crate) fn print(world: &World<'_>, options: &Options, banner: &str) -> Result<Vec<File>> {
    let mut sizes = SizeAlign::default();
    sizes.fill(world.resolve).map_err(|error| Error::new(format!("{error:#}")))?;
    let prefix =
        options.namespace.as_deref().map(|prefix| format!("{}_", prefix.replace("::", "_")));
    let prefix = prefix.unwrap_or_default();
    let mut printer = Printer {
        world,
        sizes,
        name: Unique::with(exports::TAKEN)
            .and(SOURCE)
            .name(&format!("{prefix}{}", snake(world.name))),
        prefix,
        types: HashMap::new(),
        anonymous: HashMap::new(),
        globals: Globals::default(),
        header: Code::default(),
        source: Code::default(),
        asserts: Code::default(),
    };
    printer.header(banner)?;
    printer.source(banner);
    let base = snake(world.name);
    let stubs = options.stubs.then(|| printer.stubs(&base));
    let mut files = vec![
        File { name: format!("{base}.h"), text: printer.header.into_text(), is_stub: false },
        File { name: format!("{base}.c"), text: printer.source.into_text(), is_stub: false },
    ];
    if let Some(text) = stubs {
        files.push(File { name: format!("{base}_host.c"), text, is_stub: true });
    }
    Ok(files)
}

impl Printer<'_> {
    fn header(&mut self, banner: &str) -> Result<()> {
        let guard = format!("{}_H", shouty(&self.name));
        self.header.line(format!("/* {banner} */\n#ifndef {guard}\n#define {guard}\n"));
        self.header.line("#include <cmabi.h>\n\n#include <stdbool.h>\n#include <stddef.h>");
        self.header.line("#include <stdint.h>\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif");
        self.all_types()?;
        self.resource_declarations()?;
        self.stream_declarations()?;
        self.import_declarations()?;
        self.export_declarations()?;
        self.header.gap();
        self.header.line(format!("#ifdef __cplusplus\n}}\n#endif\n\n#endif /* {guard} */"));
        Ok(())
    }

    fn source(&mut self, banner: &str) {
        let base = snake(self.world.name);
        self.source.line(format!("/* {banner} */\n#include \"{base}.h\""));
        let imports = self.world.with_functions(Direction::Import).next().is_some();
        if imports {
            self.source.line("\n#include <stdatomic.h>\n#include <stdlib.h>");
        }
        let asserts = std::mem::take(&mut self.asserts).into_text();
        if !asserts.is_empty() {
            self.source.line("\n/* The layout that the canonical ABI asks for. */");
            self.source.line(asserts.trim_end());
        }
        self.descs();
        self.resource_definitions();
        self.stream_definitions();
        self.import_definitions();
        self.export_definitions();
    }

    /// The descriptions of all functions.
    fn descs(&mut self) {
        let mut descs = Descs::new(self.world, "static const", "NULL");
        descs.exports("exports", &exported(self.world));
        for (scope, of) in self.world.with_functions(Direction::Import) {
            for function in &of.functions {
                descs.import(&format!("desc_{}", self.function(scope, function)), function);
            }
        }
        for stream in self.made_streams() {
            let element = self.stream_element(stream);
            let text = element.map_or("NULL".to_owned(), |ty| descs.ty(ty));
            let name = &self.types[&stream];
            descs.line(format!("static const cmabi_type_desc *const element_{name} = {text};"));
        }
        let text = descs.take();
        if !text.is_empty() {
            self.source.line("\n/* What WIT says of the functions, for the library to check. */");
            self.source.line(text.trim_end());
        }
    }

    /// What the names of a scope begin with.
    fn scope(&self, scope: usize) -> String {
        let of = &self.world.scopes[scope];
        let exports = match of.direction {
            Direction::Import => "",
            Direction::Export => "exports_",
        };
        match of.key {
            None => self.name.clone(),
            Some(WorldKey::Name(name)) => {
                // An interface in place has one name for both directions, unless it is there twice.
                let twice = self.world.scopes.iter().filter(|other| other.path == of.path).count();
                let exports = if twice > 1 { exports } else { "" };
                format!("{}{exports}{}", self.prefix, snake(name))
            }
            Some(WorldKey::Interface(id)) => {
                let interface = &self.world.resolve.interfaces[*id];
                let package = interface.package.expect("an interface that has a name");
                let package = self.package(&self.world.resolve.packages[package].name);
                let name = snake(interface.name.as_deref().unwrap_or_default());
                format!("{}{exports}{package}_{name}", self.prefix)
            }
        }
    }

    fn package(&self, name: &PackageName) -> String {
        let mut package = format!("{}_{}", snake(&name.namespace), snake(&name.name));
        let others = self.world.resolve.packages.iter().map(|(_, package)| &package.name);
        let same =
            |other: &&PackageName| (&other.namespace, &other.name) == (&name.namespace, &name.name);
        if let Some(version) = &name.version
            && others.filter(same).count() > 1
        {
            package += &format!("_{}", version.to_string().replace(['.', '-', '+'], "_"));
        }
        package
    }
}
