//! A skeleton of C that implements the imports, to begin with.

use super::Printer;
use crate::code::Code;
use crate::descs::function_name;
use crate::world::Direction;

impl Printer<'_> {
    /// A source file with a function for each imported one, which fails.
    pub(super) fn stubs(&self, base: &str) -> String {
        let mut code = Code::default();
        code.line(format!(
            "/* What a component of the world `{}` imports: a skeleton to fill in. */\n#include \
             \"{base}.h\"",
            self.world.name
        ));
        for (scope, of) in self.world.with_functions(Direction::Import) {
            for id in self.world.resources(of) {
                let (ns, name) = self.resource(id);
                code.line(format!("\nstruct {ns}_{name} {{\n    int unused;\n}};"));
                code.line(format!(
                    "\nstatic void on_{ns}_{name}_destructor(void *data, {ns}_{name} *rep) {{\n    \
                     (void)data;\n    (void)rep;\n}}"
                ));
            }
            for function in &of.functions {
                let params = self.host_param_list(function);
                code.gap();
                code.docs("///", function.docs.contents.as_deref());
                let head = format!("static cmabi_status on_{}", self.function(scope, function));
                code.call(&head, &params, " {");
                code.indent();
                for param in &params {
                    let name = param.rsplit([' ', '*']).next().unwrap_or_default();
                    let name = if name == "task" { continue } else { name };
                    code.line(format!("(void){name};"));
                }
                let message = format!("{} is not implemented", function.name);
                code.line(format!("cmabi_task_set_error(task, CMABI_STR(\"{message}\"), NULL);"));
                code.line("return CMABI_STATUS_HOST;");
                code.dedent();
                code.line("}");
            }
            self.stub_struct(&mut code, scope);
        }
        code.into_text()
    }

    fn stub_struct(&self, code: &mut Code, scope: usize) {
        let of = &self.world.scopes[scope];
        let name = match of.key {
            Some(_) => format!("{}_host", self.scope(scope)),
            None => format!("{}_root_host", self.name),
        };
        code.gap();
        code.block(&format!("const {name} {name}_stub ="), "};", |code| {
            code.line("NULL,\nNULL,");
            for id in self.world.resources(of) {
                let (ns, resource) = self.resource(id);
                code.line(format!("on_{ns}_{resource}_destructor,"));
            }
            for function in &of.functions {
                let name = format!("{}_{}", self.scope(scope), function_name(function));
                code.line(format!("on_{name},"));
            }
        });
    }
}
