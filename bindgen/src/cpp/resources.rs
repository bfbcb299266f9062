//! Resources in C++: classes of the host's are only named here, those of components get a class each.

use super::Printer;
use crate::names::Unique;
use crate::world::{Direction, Sort, item_name};
use wit_parser::{Function, TypeId};

/// A member function of a resource's class.
struct Method {
    /// What it returns; `None` for a constructor.
    result: Option<String>,
    name: String,
    /// With the functions of the interface before them, unless it is called on a resource.
    params: Vec<String>,
    /// Whether it is called on a resource.
    is_method: bool,
    /// Whether it starts a call instead of calling.
    starts: bool,
}

impl<'a> Printer<'a> {
    /// Tells the library how the resources of a scope are called, for which the namespace is left.
    pub(super) fn resource_names(&mut self, scope: usize, namespace: &str) {
        let resources = self.world.resources(&self.world.scopes[scope]);
        if resources.is_empty() {
            return;
        }
        self.close(namespace);
        let template = match self.world.scopes[scope].direction {
            Direction::Import => "resource",
            Direction::Export => "guest_resource",
        };
        for id in resources {
            let class = self.names.ty(id).to_owned();
            let name = self.world.def(id).name.as_deref().unwrap_or_default();
            self.code.gap();
            let head = format!("template <>\nstruct cmabi::{template}<{class}>");
            self.code.block(&head, "};", |code| {
                code.line(format!("static constexpr auto name = \"{name}\";"));
            });
        }
        self.open(namespace);
    }

    /// The classes of the resources that a component implements.
    pub(super) fn resource_classes(&mut self, scope: usize) {
        let resources = self.world.resources(&self.world.scopes[scope]);
        if !resources.is_empty() {
            self.code.gap();
            self.code.line("class functions;");
        }
        for id in resources {
            let class = self.names.short(id).to_owned();
            self.code.gap();
            self.code.docs("///", self.world.def(id).docs.contents.as_deref());
            let base = format!("cmabi::bindings::resource_object<{class}>");
            self.code.line(format!("class {class} : public {base} {{\npublic:"));
            self.code.indent();
            self.code.line(format!("{class}() = default;"));
            self.code
                .line(format!("explicit {class}({base} object) : base(std::move(object)) {{}}"));
            let mut names = member_names(&class);
            for function in self.functions_of(scope, id) {
                self.code.gap();
                self.code.docs("///", function.docs.contents.as_deref());
                for method in self.methods(scope, &class, &mut names, function) {
                    let head = match (&method.result, method.is_method) {
                        (None, _) if method.params.len() == 1 => format!("explicit {class}"),
                        (None, _) => class.clone(),
                        (Some(result), true) => format!("{result} {}", method.name),
                        (Some(result), false) => format!("static {result} {}", method.name),
                    };
                    let tail = if method.is_method { " const;" } else { ";" };
                    self.code.call(&head, &method.params, tail);
                }
            }
            self.code.dedent();
            self.code.line("};");
        }
    }

    fn functions_of(&self, scope: usize, resource: TypeId) -> Vec<&'a Function> {
        let of = |function: &&&Function| function.kind.resource() == Some(resource);
        self.world.scopes[scope].functions.iter().filter(of).copied().collect()
    }

    /// What a function of a resource is in its class: with a form that starts it for an async one.
    fn methods(
        &self,
        scope: usize,
        class: &str,
        names: &mut Unique,
        function: &Function,
    ) -> Vec<Method> {
        let sort = Sort::of(function);
        let is_method = matches!(sort, Sort::Method(_));
        let name = match sort {
            Sort::Constructor(_) if function.is_constructor_shorthand(self.world.resolve) => None,
            Sort::Constructor(_) => Some("create".to_owned()),
            _ => Some(item_name(function)),
        };
        let params = |starts| {
            let mut params = self.arguments(scope, function, starts).0;
            if !is_method {
                let namespace = self.names.namespace(scope);
                params.insert(0, format!("const ::{namespace}::functions &in_"));
            }
            params
        };
        let result = self.result(function);
        let call = Method {
            result: name.as_ref().map(|_| result.clone()),
            name: name.as_ref().map_or_else(|| class.to_owned(), |name| names.name(name)),
            params: params(false),
            is_method,
            starts: false,
        };
        let start = || Method {
            result: Some(format!("cmabi::subtask<{result}>")),
            name: names.name(&format!("{}-start", name.as_deref().unwrap_or("create"))),
            params: params(true),
            is_method,
            starts: true,
        };
        let start = self.world.has_async_forms(scope, function).then(start);
        std::iter::once(call).chain(start).collect()
    }

    /// The definitions of the members of resource classes, which need everything else.
    pub(super) fn resource_functions(&mut self) {
        for scope in 0..self.world.scopes.len() {
            if self.world.scopes[scope].direction == Direction::Import {
                continue;
            }
            let namespace = self.names.namespace(scope).to_owned();
            for id in self.world.resources(&self.world.scopes[scope]) {
                let class = self.names.short(id).to_owned();
                let mut names = member_names(&class);
                let functions = self.functions_of(scope, id);
                if functions.is_empty() {
                    continue;
                }
                self.open(&namespace);
                for function in functions {
                    for method in self.methods(scope, &class, &mut names, function) {
                        self.code.gap();
                        self.method_definition(scope, &class, function, &method);
                    }
                }
                self.close(&namespace);
            }
        }
    }

    fn method_definition(
        &mut self,
        scope: usize,
        class: &str,
        function: &Function,
        method: &Method,
    ) {
        let (_, mut arguments) = self.arguments(scope, function, method.starts);
        let member = self.member(scope, function);
        let Some(result) = &method.result else {
            let init = format!(" : {class}(in_.{member}({})) {{}}", arguments.join(", "));
            return self.code.call(&format!("inline {class}::{class}"), &method.params, &init);
        };
        let tail = if method.is_method { " const {" } else { " {" };
        let call = if method.starts { format!("{member}.start") } else { member };
        self.code.call(&format!("inline {result} {class}::{}", method.name), &method.params, tail);
        self.code.indent();
        if method.is_method {
            arguments.insert(0, "*this".to_owned());
            let (namespace, world) = self.names.class();
            let of = self.state_member(scope);
            self.code.line(format!("const auto in_ = bound<::{namespace}::{world}::state>();"));
            self.code.call(&format!("return in_->{of}.{call}"), &arguments, ";");
        } else {
            self.code.call(&format!("return in_.{call}"), &arguments, ";");
        }
        self.code.dedent();
        self.code.line("}");
    }
}

/// The names that members of a resource class cannot have.
fn member_names(class: &str) -> Unique {
    Unique::with(&["drop", "bound", "base", "resource_class", "resource_object", class])
}
