//! A skeleton of C++ that implements the imports, to begin with.

use super::Printer;
use crate::code::Code;
use crate::names::snake;
use crate::world::{Direction, Sort};

impl Printer<'_> {
    /// A header with a struct for each imported interface, whose functions throw.
    pub(super) fn stubs(&self, base: &str) -> String {
        let mut code = Code::default();
        code.line(format!(
            "// What a component of the world `{}` imports: a skeleton to fill in.\n#pragma \
             once\n\n#include \"{base}.hpp\"\n\n#include <stdexcept>",
            self.world.name
        ));
        let mut hosts = Vec::new();
        for (scope, of) in self.world.with_functions(Direction::Import) {
            for id in self.world.resources(of) {
                let namespace = self.names.namespace(scope);
                let class = self.names.short(id);
                code.line(format!("\nnamespace {namespace} {{\n"));
                code.line(format!("class {class} {{\npublic:"));
                code.indent();
                let functions = of.functions.iter().filter(|f| f.kind.resource() == Some(id));
                functions.for_each(|function| self.stub(&mut code, scope, function));
                code.dedent();
                code.line(format!("}};\n\n}} // namespace {namespace}"));
            }
            let name = self.host_struct(scope);
            let path = if of.path.is_empty() { self.world.name } else { &of.path };
            code.line(format!("\n/// `{path}`"));
            code.block(&format!("struct {name}"), "};", |code| {
                let free = of.functions.iter().filter(|f| matches!(Sort::of(f), Sort::Free));
                free.for_each(|function| self.stub(code, scope, function));
            });
            hosts.push(name);
        }
        if !hosts.is_empty() {
            let (namespace, class) = self.names.class();
            code.line("\n/// All of them.");
            code.block(&format!("struct {base}_hosts"), "};", |code| {
                for (i, host) in hosts.iter().enumerate() {
                    code.line(format!("{host} host_{i};"));
                }
                let members = (0..hosts.len()).map(|i| format!("host_{i}"));
                let arguments: Vec<_> =
                    std::iter::once("linker".to_owned()).chain(members).collect();
                code.block("void add_to(cmabi::linker &linker)", "}", |code| {
                    code.call(&format!("::{namespace}::{class}::add_to_linker"), &arguments, ";");
                });
            });
        }
        code.into_text()
    }

    fn host_struct(&self, scope: usize) -> String {
        match self.world.scopes[scope].key {
            Some(_) => format!("{}_host", self.names.namespace(scope).replace("::", "_")),
            None => format!("{}_host", snake(self.world.name)),
        }
    }

    fn stub(&self, code: &mut Code, scope: usize, function: &wit_parser::Function) {
        let (_, head) = self.host_member(scope, function);
        code.docs("///", function.docs.contents.as_deref());
        // Parameters that are not used yet have no names.
        code.block(&head, "}", |code| {
            for param in self.arguments(scope, function, false).1 {
                let name = param.trim_start_matches("std::move(").trim_end_matches(')').to_owned();
                code.line(format!("(void){name};"));
            }
            code.line(format!("throw std::logic_error(\"{} is not implemented\");", function.name));
        });
    }
}
