//! What the host implements, in C++: a template for each imported interface that offers the members of
//! any object.

use super::Printer;
use crate::names::Unique;
use crate::world::{Direction, Sort, item_name};
use wit_parser::{Function, TypeId};

impl Printer<'_> {
    /// The template for an imported interface.
    pub(super) fn imports(&mut self, scope: usize) {
        let of = &self.world.scopes[scope];
        if of.functions.is_empty() && self.world.resources(of).is_empty() {
            return;
        }
        let (path, functions) = (of.path.clone(), of.functions.clone());
        let namespace = self.names.namespace(scope).to_owned();
        self.open(&namespace);
        self.code.line(format!(
            "/// Offers components what they import as `{path}`: the members of `host`,"
        ));
        self.code
            .line("/// which must stay as long as the linker and all stores that it is used with.");
        self.members_comment(scope, &functions);
        self.code.line("template <class Host>");
        let unused = match functions.iter().any(|f| self.uses_host(f)) {
            true => "",
            false => "[[maybe_unused]] ",
        };
        self.code.line(format!("void add_to_linker(cmabi::linker &linker, {unused}Host &host) {{"));
        self.code.indent();
        self.offer_resources(scope, "Host");
        functions.iter().for_each(|function| self.import(scope, ("host", "Host"), function));
        self.code.dedent();
        self.code.line("}");
        self.close(&namespace);
    }

    /// Offers the types of the resources that are defined in a scope.
    fn offer_resources(&mut self, scope: usize, host: &str) {
        let path = &self.world.scopes[scope].path;
        for id in self.world.resources(&self.world.scopes[scope]) {
            let class = self.names.ty(id);
            self.code.line(format!(
                "linker.resource<typename cmabi::bindings::late<{class}, {host}>::type>(\"{path}\");"
            ));
        }
    }

    /// Whether the object of the host's is asked for a function.
    fn uses_host(&self, function: &Function) -> bool {
        !matches!(Sort::of(function), Sort::Method(_))
    }

    /// What the object must have, as declarations that one can begin with.
    fn members_comment(&mut self, scope: usize, functions: &[&Function]) {
        if functions.is_empty() {
            return;
        }
        self.code.line("///");
        for function in functions {
            let (of, head) = self.host_member(scope, function);
            let of = of.map(|of| format!(" (of `{of}`)")).unwrap_or_default();
            self.code.line(format!("///     {head};{of}"));
        }
    }

    /// The name of the member that serves a function. One of a class cannot have the name of that.
    fn host_name(&self, function: &Function) -> String {
        let mut names = Unique::default();
        if let Some(id) = function.kind.resource() {
            names.name(self.names.short(self.world.dealias(id)));
        }
        names.name(&item_name(function))
    }

    /// The member that serves a function, with the class that it is of if that is not the host's, as a
    /// declaration.
    pub(super) fn host_member(
        &self,
        scope: usize,
        function: &Function,
    ) -> (Option<String>, String) {
        let (params, _) = self.arguments(scope, function, false);
        let (result, params) = (self.result(function), params.join(", "));
        let name = self.host_name(function);
        let class = |id: TypeId| self.names.short(self.world.dealias(id)).to_owned();
        match Sort::of(function) {
            Sort::Free => (None, format!("{result} {name}({params})")),
            Sort::Method(id) => (Some(class(id)), format!("{result} {name}({params})")),
            Sort::Static(id) => (Some(class(id)), format!("static {result} {name}({params})")),
            Sort::Constructor(id) if function.is_constructor_shorthand(self.world.resolve) => {
                (Some(class(id)), format!("{}({params})", class(id)))
            }
            Sort::Constructor(id) => (Some(class(id)), format!("static {result} create({params})")),
        }
    }

    /// Offers a function, which an object `host` of the type `class` may have.
    fn import(&mut self, scope: usize, (host, class): (&str, &str), function: &Function) {
        let path = self.world.scopes[scope].path.clone();
        let params: Vec<_> = function.params.iter().map(|param| self.param(param.ty)).collect();
        let signature = format!("{}({})", self.result(function), params.join(", "));
        let desc = format!("::{}::{}", self.names.descs(), self.names.desc(scope, function));
        let mut arguments = vec![
            "linker".to_owned(),
            format!("\"{path}\""),
            format!("\"{}\"", function.name),
            desc,
        ];
        let name = self.host_name(function);
        let late = |id: TypeId| {
            let of = self.names.ty(self.world.dealias(id));
            format!("cmabi::bindings::late<{of}, {class}>::type")
        };
        let host = |member: &str| {
            format!("cmabi::bindings::member_of({host}, [] CMABI_BINDINGS_MEMBER({member}))")
        };
        let class_member = |id: TypeId, member: &str| {
            let class = late(id);
            format!(
                "cmabi::bindings::static_of<typename {class}>([] CMABI_BINDINGS_STATIC({member}))"
            )
        };
        let short = |id: TypeId| self.names.short(self.world.dealias(id)).to_owned();
        match Sort::of(function) {
            Sort::Free => arguments.push(host(&name)),
            Sort::Method(id) => arguments.push(format!(
                "cmabi::bindings::as_method<typename {}>([] CMABI_BINDINGS_MEMBER({name}))",
                late(id)
            )),
            Sort::Static(id) => {
                arguments.push(class_member(id, &name));
                arguments.push(host(&format!("{}_{name}", short(id))));
            }
            Sort::Constructor(id) if function.is_constructor_shorthand(self.world.resolve) => {
                arguments.push(format!("cmabi::bindings::constructor<typename {}>()", late(id)));
                arguments.push(host(&format!("create_{}", short(id))));
            }
            Sort::Constructor(id) => {
                arguments.push(class_member(id, "create"));
                arguments.push(host(&format!("create_{}", short(id))));
            }
        }
        self.code.call(&format!("cmabi::bindings::import<{signature}>::add"), &arguments, ";");
    }

    /// The world's static function that offers all imports: of the world itself, and of its interfaces.
    pub(super) fn add_to_linker(&mut self) {
        let scopes: Vec<_> =
            self.world.with_functions(Direction::Import).map(|(index, _)| index).collect();
        if scopes.is_empty() {
            return;
        }
        let mut names = Unique::with(&["linker"]);
        let mut hosts = Vec::new();
        for &scope in &scopes {
            let name = match self.world.scopes[scope].key {
                Some(_) => {
                    self.names.namespace(scope).rsplit("::").next().unwrap_or("host").to_owned()
                }
                None => "host".to_owned(),
            };
            hosts.push((scope, names.name(&name)));
        }
        // Each host has a type of its own, which may be the same.
        let types: Vec<_> = (0..hosts.len()).map(|i| format!("class Host{i}")).collect();
        let mut params = vec!["cmabi::linker &linker".to_owned()];
        params.extend(
            hosts
                .iter()
                .enumerate()
                .map(|(i, (_, name))| format!("[[maybe_unused]] Host{i} &{name}")),
        );
        self.code.line(
            "\n/// Offers components all that the world imports: each host has the functions of one \
             interface,\n/// as the function of this name in the interface's namespace says.",
        );
        self.code.line(format!("template <{}>", types.join(", ")));
        self.code.call("static void add_to_linker", &params, " {");
        self.code.indent();
        for (i, (scope, name)) in hosts.iter().enumerate() {
            match self.world.scopes[*scope].key {
                Some(_) => {
                    let namespace = self.names.namespace(*scope);
                    self.code.line(format!("::{namespace}::add_to_linker(linker, {name});"));
                }
                None => {
                    let class = format!("Host{i}");
                    self.offer_resources(*scope, &class);
                    for function in self.world.scopes[*scope].functions.clone() {
                        self.import(*scope, (name, &class), function);
                    }
                }
            }
        }
        self.code.dedent();
        self.code.line("}");
        if hosts.len() > 1 {
            let arguments: Vec<_> =
                ["linker"].into_iter().chain(hosts.iter().map(|_| "host")).collect();
            self.code
                .line("/// The same, with all functions in one object.\ntemplate <class Host>");
            self.code.block(
                "static void add_to_linker(cmabi::linker &linker, Host &host)",
                "}",
                |code| code.line(format!("add_to_linker({});", arguments.join(", "))),
            );
        }
    }
}
