//! What the host calls, in C++: a class for each exported interface, and one for the world.

use super::Printer;
use super::names::accessor;
use crate::descs::{exported, function_name};
use crate::names::Unique;
use crate::world::{Direction, Sort};
use std::collections::HashMap;
use wit_parser::Function;

impl Printer<'_> {
    /// The parameters of a method for a function, and how they are passed on. That of a method of a
    /// resource comes without the resource itself. `starts`: those of the form that starts a call.
    pub(super) fn arguments(
        &self,
        scope: usize,
        function: &Function,
        starts: bool,
    ) -> (Vec<String>, Vec<String>) {
        // Names that would hide others.
        let mut names = Unique::with(&["in_", "functions", "add_to_linker", self.names.class().1]);
        let types = self
            .world
            .scopes
            .iter()
            .enumerate()
            .filter(|(i, _)| self.names.namespace(*i) == self.names.namespace(scope));
        for id in types.flat_map(|(_, scope)| &scope.types) {
            names.name(self.names.short(*id));
        }
        names.reserve(self.members(scope).values());
        let skip = usize::from(matches!(Sort::of(function), Sort::Method(_)));
        (function.params.iter().skip(skip))
            .map(|param| self.argument(param.ty, &names.name(&param.name), starts))
            .unzip()
    }

    pub(super) fn result(&self, function: &Function) -> String {
        function.result.map_or_else(|| "void".to_owned(), |ty| self.ty(ty))
    }

    /// A function's type, as the library's `func` has it.
    fn signature(&self, function: &Function) -> String {
        let params: Vec<_> = function.params.iter().map(|param| self.param(param.ty)).collect();
        format!("{}({})", self.result(function), params.join(", "))
    }

    /// The member for a function, in the class for its interface or in the state of the world's.
    pub(super) fn member(&self, scope: usize, function: &Function) -> String {
        self.members(scope).remove(&function.name).expect("a function of the scope")
    }

    /// The members of a scope's functions by their names in WIT.
    fn members(&self, scope: usize) -> HashMap<String, String> {
        let mut names = Unique::with(&["functions", "in", "in_", "found"]);
        let functions = &self.world.scopes[scope].functions;
        (functions.iter())
            .map(|function| {
                let name = names.name(&format!("call-{}", function_name(function)));
                (function.name.clone(), name)
            })
            .collect()
    }

    /// The class for the functions of an exported interface.
    pub(super) fn exports(&mut self, scope: usize) {
        let of = &self.world.scopes[scope];
        let resources = self.world.resources(of);
        if of.functions.is_empty() && resources.is_empty() {
            return;
        }
        let functions = of.functions.clone();
        let (path, docs) = (of.path.clone(), of.docs);
        let namespace = self.names.namespace(scope).to_owned();
        let members = self.members(scope);
        self.open(&namespace);
        self.code.line(format!("/// What a component exports as `{path}`."));
        if resources.is_empty() && docs.is_some() {
            self.code.line("///");
            self.code.docs("///", docs);
        }
        self.code.line("class functions {\npublic:");
        self.code.indent();
        let mut names = Unique::with(&["functions"]);
        names.reserve(members.values());
        for function in functions.iter().filter(|f| matches!(Sort::of(f), Sort::Free)) {
            self.export_method(scope, function, &mut names, &members[&function.name]);
        }
        self.code.gap();
        self.code.line("/// For the class of the world.");
        let inits = self.inits(scope, 0);
        let unused = if inits.is_empty() { "[[maybe_unused]] " } else { "" };
        self.code.line(format!(
            "functions({unused}const cmabi::instance &in, {unused}const cmabi_func *const *found)"
        ));
        self.code.line(match inits.is_empty() {
            true => "    {}".to_owned(),
            false => format!("    : {} {{}}", inits.join(",\n      ")),
        });
        self.code.dedent();
        self.code.line("\nprivate:");
        self.code.indent();
        for id in resources {
            let class = self.names.short(id).to_owned();
            self.code.line(format!("friend class {class};"));
        }
        self.fields(scope);
        self.code.dedent();
        self.code.line("};");
        self.close(&namespace);
    }

    fn fields(&mut self, scope: usize) {
        let members = self.members(scope);
        for function in self.world.scopes[scope].functions.clone() {
            let signature = self.signature(function);
            self.code.line(format!("cmabi::func<{signature}> {};", members[&function.name]));
        }
    }

    /// What makes the members for a scope's functions, which were found from `found[first]` on.
    fn inits(&self, scope: usize, first: usize) -> Vec<String> {
        let members = self.members(scope);
        (self.world.scopes[scope].functions.iter().enumerate())
            .map(|(i, function)| {
                let member = &members[&function.name];
                format!("{member}(cmabi::bindings::found_func{{in, found[{}]}})", first + i)
            })
            .collect()
    }

    /// The methods for a function: its call, and for an async one its start.
    fn export_method(
        &mut self,
        scope: usize,
        function: &Function,
        names: &mut Unique,
        member: &str,
    ) {
        let (params, arguments) = self.arguments(scope, function, false);
        let (result, name) = (self.result(function), names.name(&function.name));
        self.code.gap();
        self.code.docs("///", function.docs.contents.as_deref());
        self.code.call(&format!("{result} {name}"), &params, " const {");
        self.code.indent();
        self.code.call(&format!("return {member}"), &arguments, ";");
        self.code.dedent();
        self.code.line("}");
        if self.world.has_async_forms(scope, function) {
            let (params, arguments) = self.arguments(scope, function, true);
            let name = names.name(&format!("{}-start", function.name));
            self.code.line("/// The same without waiting for the result.");
            self.code.call(&format!("cmabi::subtask<{result}> {name}"), &params, " const {");
            self.code.indent();
            self.code.call(&format!("return {member}.start"), &arguments, ";");
            self.code.dedent();
            self.code.line("}");
        }
    }

    /// The exported interfaces that have a class, with the names of the world's methods for them.
    fn accessors(&self) -> Vec<(usize, String)> {
        let root = self.root(Direction::Export);
        let mut names = Unique::with(&["instance", "state", "add_to_linker", self.names.class().1]);
        let functions = &self.world.scopes[root].functions;
        functions.iter().for_each(|function| {
            names.name(&function.name);
        });
        (self.world.with_functions(Direction::Export))
            .filter(|(_, scope)| scope.key.is_some())
            .map(|(index, _)| (index, names.name(&accessor(self.world, index))))
            .collect()
    }

    pub(super) fn root(&self, direction: Direction) -> usize {
        let root =
            |scope: &crate::world::Scope<'_>| scope.direction == direction && scope.key.is_none();
        self.world.scopes.iter().position(root).expect("each side has the world's own scope")
    }

    /// The member of the state that is for an interface's functions.
    pub(super) fn state_member(&self, scope: usize) -> String {
        let index = self.accessors().iter().position(|(of, _)| *of == scope);
        format!("interface_{}", index.expect("an interface with functions"))
    }

    pub(super) fn world_class(&mut self) {
        let (namespace, class) = self.names.class();
        let class = class.to_owned();
        let root = self.root(Direction::Export);
        let functions = self.world.scopes[root].functions.clone();
        let members = self.members(root);
        self.open(&namespace);
        self.code.docs("///", self.world.docs);
        if self.world.docs.is_some() {
            self.code.line("///");
        }
        self.code.line(format!(
            "/// An instance of a component for the world `{}`, whose functions have been looked up.",
            self.world.name
        ));
        self.code.line(format!("class {class} {{\npublic:"));
        self.code.indent();
        self.world_constructors(&class);
        let taken = ["instance", "state", "add_to_linker", "state_", &class];
        let mut names = Unique::with(&taken);
        for function in functions {
            let member = format!("state_->{}", members[&function.name]);
            self.export_method(root, function, &mut names, &member);
        }
        for (scope, name) in self.accessors() {
            let (of, member) = (self.names.namespace(scope), self.state_member(scope));
            let text = format!(
                "/// `{}`\nconst ::{of}::functions &{name}() const {{\n    return \
                 state_->{member};\n}}",
                self.world.scopes[scope].path
            );
            self.code.gap();
            self.code.line(text);
        }
        self.code.line(
            "\n/// The instance.\nconst cmabi::instance &instance() const {\n    return \
             state_->of;\n}",
        );
        self.add_to_linker();
        self.state();
        self.code.dedent();
        self.code.line("\nprivate:\n    std::shared_ptr<const state> state_;\n};");
        self.close(&namespace);
    }

    fn world_constructors(&mut self, class: &str) {
        self.code.line(
            "/// Looks up and checks all functions. Throws a `cmabi::error` with \
             `CMABI_STATUS_TYPE_MISMATCH`\n/// that lists each one that is missing or has another type.",
        );
        self.code.line(format!("explicit {class}(const cmabi::instance &of)"));
        self.code.line("    : state_(std::make_shared<const state>(of)) {\n    cmabi::bindings::bind(of, state_);\n}");
        self.code.line("/// Makes an instance and does the same.");
        self.code.call(
            class,
            &[
                "const cmabi::linker &linker",
                "cmabi::store &store",
                "const cmabi::component &component",
            ]
            .map(str::to_owned),
            "",
        );
        self.code.line(format!("    : {class}(linker.instantiate(store, component)) {{}}"));
    }

    /// What the class shares with the resources that its instance gives out.
    fn state(&mut self) {
        let root = self.root(Direction::Export);
        let exports = exported(self.world);
        // Where the functions of each scope begin among all.
        let start = |scope: usize| exports.iter().position(|(of, ..)| *of == scope).unwrap_or(0);
        let mut inits = vec!["of(in)".to_owned()];
        for (scope, _) in self.accessors() {
            inits.push(format!("{}(in, found + {})", self.state_member(scope), start(scope)));
        }
        self.code.line("\n/// What was looked up: for generated code.\nstruct state {");
        self.code.indent();
        let descs = self.names.descs();
        if exports.is_empty() {
            self.code.line("explicit state(const cmabi::instance &in) : of(in) {}");
        } else {
            self.code.line(format!(
                "explicit state(const cmabi::instance &in)\n    : state(in, \
                 cmabi::bindings::look_up(in, ::{descs}::exports).data()) {{}}"
            ));
            inits.extend(self.inits(root, start(root)));
            self.code.line("state(const cmabi::instance &in, const cmabi_func *const *found)");
            self.code.line(format!("    : {} {{}}", inits.join(",\n      ")));
        }
        self.code.line("\ncmabi::instance of;");
        for (scope, _) in self.accessors() {
            let (namespace, member) = (self.names.namespace(scope), self.state_member(scope));
            self.code.line(format!("::{namespace}::functions {member};"));
        }
        self.fields(root);
        self.code.dedent();
        self.code.line("};");
    }
}
