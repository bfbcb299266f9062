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
        for (scope, of) in self.world.with_functions(Direction::Import) {
            for id in self.world.resources(of) {
                let namespace = self.names.namespace(scope);
                let class = self.names.short(id);
                code.line(format!("\nnamespace {namespace} {{\n"));
                code.line(format!("class {class} {{\npublic:"));
                code.indent();
                let functions = of.functions.iter().filter(|f| f.kind.resource() == Some(id));
                functions.for_each(|function| self.stub(&mut code, function));
                code.dedent();
                code.line(format!("}};\n\n}} // namespace {namespace}"));
            }
            let name = match of.key {
                Some(_) => self.names.namespace(scope).replace("::", "_"),
                None => snake(self.world.name),
            };
            code.line(format!(
                "\n/// `{}`",
                if of.path.is_empty() { self.world.name } else { &of.path }
            ));
            code.block(&format!("struct {name}_host"), "};", |code| {
                let free = of.functions.iter().filter(|f| matches!(Sort::of(f), Sort::Free));
                free.for_each(|function| self.stub(code, function));
            });
        }
        code.into_text()
    }

    fn stub(&self, code: &mut Code, function: &wit_parser::Function) {
        let (_, head) = self.host_member(function);
        code.docs("///", function.docs.contents.as_deref());
        // Parameters that are not used yet have no names.
        code.block(&format!("{head}"), "}", |code| {
            for param in self.arguments(function).1 {
                let name = param.trim_start_matches("std::move(").trim_end_matches(')').to_owned();
                code.line(format!("(void){name};"));
            }
            code.line(format!("throw std::logic_error(\"{} is not implemented\");", function.name));
        });
    }
}
