//! The printer of C++: one header, in which each interface has a namespace of its own.

mod exports;
mod imports;
mod names;
mod resources;
mod stubs;
mod types;

use crate::code::Code;
use crate::descs::{Descs, exported};
use crate::names::snake;
use crate::world::{Direction, World};
use crate::{File, Options, Result};
use names::Names;
use std::cell::RefCell;
use types::Identities;

/// The printer's state: the world, the names of its types, and what was printed.
struct Printer<'a> {
    world: &'a World<'a>,
    names: Names<'a>,
    identities: RefCell<Identities>,
    equality: bool,
    ostream: bool,
    code: Code,
}

pub(crate) fn print(world: &World<'_>, options: &Options, banner: &str) -> Result<Vec<File>> {
    let names = Names::new(world, options.namespace.as_deref());
    let mut printer = Printer {
        world,
        names,
        identities: RefCell::default(),
        equality: options.equality,
        ostream: options.ostream,
        code: Code::default(),
    };
    printer.header(banner);
    let base = snake(world.name);
    let mut files = Vec::new();
    if options.stubs {
        files.push(File {
            name: format!("{base}_host.hpp"),
            text: printer.stubs(&base),
            is_stub: true,
        });
    }
    files.insert(
        0,
        File { name: format!("{base}.hpp"), text: printer.code.into_text(), is_stub: false },
    );
    Ok(files)
}

impl Printer<'_> {
    fn header(&mut self, banner: &str) {
        let guard = self.names.guard();
        self.code.line(format!("// {banner}"));
        self.code.line(format!("#ifndef {guard}\n#define {guard}\n\n#include <cmabi.hpp>\n"));
        if self.ostream {
            self.code.line("#include <cmabi/print.hpp>\n");
        }
        for header in ["array", "cstddef", "cstdint", "map", "memory", "optional", "string"] {
            self.code.line(format!("#include <{header}>"));
        }
        for header in ["string_view", "tuple", "utility", "variant", "vector"] {
            self.code.line(format!("#include <{header}>"));
        }
        for scope in 0..self.world.scopes.len() {
            self.types(scope);
        }
        self.descs();
        for scope in 0..self.world.scopes.len() {
            let of = &self.world.scopes[scope];
            match (of.direction, of.key) {
                (Direction::Import, Some(_)) => self.imports(scope),
                (Direction::Export, Some(_)) => self.exports(scope),
                (_, None) => {}
            }
        }
        self.world_class();
        self.resource_functions();
        self.code.line(format!("\n#endif // {guard}"));
    }

    /// The descriptions of all functions.
    fn descs(&mut self) {
        let mut descs = Descs::new(self.world, "inline constexpr", "nullptr");
        let exports = exported(self.world);
        descs.exports("exports", &exports);
        for (scope, _) in self.world.with_functions(Direction::Import) {
            for function in &self.world.scopes[scope].functions {
                descs.import(&self.names.desc(scope, function), function);
            }
        }
        let text = descs.take();
        if text.is_empty() {
            return;
        }
        self.code.gap();
        self.code.line("// What WIT says of the functions, for the library to check.");
        self.open(&self.names.descs());
        self.code.line(text.trim_end());
        self.close(&self.names.descs());
    }

    fn open(&mut self, namespace: &str) {
        self.code.gap();
        self.code.line(format!("namespace {namespace} {{\n"));
    }

    fn close(&mut self, namespace: &str) {
        self.code.gap();
        self.code.line(format!("}} // namespace {namespace}"));
    }
}
