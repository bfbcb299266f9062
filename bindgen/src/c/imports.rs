//! What the host implements, in C: a struct of functions for each imported interface.

use super::Printer;
use super::exports::hosted_borrow;
use crate::Result;
use crate::descs::function_name;
use crate::names::{Unique, identifier, snake};
use crate::world::Direction;
use wit_parser::{Function, Type, TypeId};

impl Printer<'_> {
    /// The imported scopes, with the names of their structs and of the world's members for them.
    fn hosts(&self) -> Vec<(usize, String, String)> {
        let scopes = self.world.with_functions(Direction::Import);
        (scopes.map(|(scope, of)| match of.key {
            Some(_) => {
                (scope, format!("{}_host", self.scope(scope)), identifier(&self.scope(scope)))
            }
            None => (scope, format!("{}_root_host", self.name), "root".to_owned()),
        }))
        .collect()
    }

    /// The members of a struct for functions, in the order of WIT.
    fn members(&self, scope: usize) -> Vec<String> {
        let mut names = Unique::with(&["data", "drop"]);
        let functions = &self.world.scopes[scope].functions;
        functions.iter().map(|function| names.name(&function_name(function))).collect()
    }

    /// The member for the destructor of a resource.
    fn destructor(&self, id: TypeId) -> String {
        format!("{}_destructor", self.resource(id).1)
    }

    pub(super) fn import_declarations(&mut self) -> Result<()> {
        let hosts = self.hosts();
        if hosts.is_empty() {
            return Ok(());
        }
        for (scope, name, _) in &hosts {
            let path = self.scope_path(*scope);
            self.globals.take(name, &format!("import `{path}`"))?;
            self.host(*scope, name, &path);
            self.returns(*scope)?;
        }
        let name = self.name.clone();
        for item in [format!("{name}_imports"), format!("{name}_add_to_linker")] {
            self.globals.take(&item, &format!("world `{}`", self.world.name))?;
        }
        self.header.gap();
        self.header.line(
            "/// What the host offers to components. An interface that is NULL here has to come from \
             elsewhere.",
        );
        self.header.block(
            &format!("typedef struct {name}_imports"),
            &format!("}} {name}_imports;"),
            |code| {
                for (_, of, member) in &hosts {
                    code.line(format!("const {of} *{member};"));
                }
            },
        );
        self.header.line(
            "/// Offers components all that `offers` has. The structs are copied. `CMABI_STATUS_INVALID_ARGUMENT`\n\
             /// where a function is NULL: the message names it. The data of each struct is dropped once in\n\
             /// any case: at once where this fails, otherwise with the linker and the stores that use it.",
        );
        let params = self.add_params();
        self.declare(&format!("cmabi_status {name}_add_to_linker"), &params);
        Ok(())
    }

    fn add_params(&self) -> Vec<String> {
        vec!["cmabi_linker *linker".to_owned(), format!("const {}_imports *offers", self.name)]
    }

    fn scope_path(&self, scope: usize) -> String {
        match self.world.scopes[scope].path.as_str() {
            "" => self.world.name.to_owned(),
            path => path.to_owned(),
        }
    }

    /// The struct of functions for one scope.
    fn host(&mut self, scope: usize, name: &str, path: &str) {
        let members = self.members(scope);
        let functions = self.world.scopes[scope].functions.clone();
        let resources = self.world.resources(&self.world.scopes[scope]);
        let heads: Vec<_> =
            functions.iter().zip(&members).map(|(f, member)| self.host_params(f, member)).collect();
        let destructors: Vec<_> = (resources.iter())
            .map(|&id| {
                let (ns, resource) = self.resource(id);
                let member = self.destructor(id);
                format!("void (*{member})(void *data, {ns}_{resource} *rep);")
            })
            .collect();
        self.header.gap();
        self.header.line(format!(
            "/// What a component imports as `{path}`. Each function is called with `data`, and is as\n\
             /// `cmabi_host_func` says; `drop`, which may be NULL, is called once, when `data` is not \
             needed any more."
        ));
        self.header.block(&format!("typedef struct {name}"), &format!("}} {name};"), |code| {
            code.line("void *data;\nvoid (*drop)(void *data);");
            for destructor in &destructors {
                code.line("/// Called once for each resource, when nobody owns it any more.");
                code.line(destructor);
            }
            for (function, (head, params)) in functions.iter().zip(&heads) {
                code.docs("///", function.docs.contents.as_deref());
                code.call(head, params, ";");
            }
        });
    }

    /// A member that points to a function.
    fn host_params(&self, function: &Function, member: &str) -> (String, Vec<String>) {
        (format!("cmabi_status (*{member})"), self.host_param_list(function))
    }

    pub(super) fn host_param_list(&self, function: &Function) -> Vec<String> {
        let mut params = vec!["void *data".to_owned(), "cmabi_task *task".to_owned()];
        for (param, name) in function.params.iter().zip(self.param_names(function)) {
            params.push(match hosted_borrow(self.world, param.ty) {
                Some(of) => {
                    let (ns, resource) = self.resource(of);
                    format!("{ns}_{resource} *{name}")
                }
                None => self.param(param.ty, &name).0,
            });
        }
        params.extend(function.result.map(|ty| format!("{} *result", self.ty(ty))));
        params
    }

    /// The result of a function that has another to answer it.
    fn late_result(&self, scope: usize, function: &Function) -> Option<Type> {
        function.result.filter(|_| self.world.has_async_forms(scope, function))
    }

    /// The functions that answer pending calls.
    fn returns(&mut self, scope: usize) -> Result<()> {
        for function in self.world.scopes[scope].functions.clone() {
            let Some(result) = self.late_result(scope, function) else { continue };
            let name = format!("{}_return", self.function(scope, function));
            self.globals.take(&name, &self.world.describe(scope, "function", &function.name))?;
            self.header.line(format!(
                "/// Answers a call of `{}` that is pending: see `cmabi_task_return`.",
                function.name
            ));
            let params =
                ["cmabi_task *task".to_owned(), format!("const {} *result", self.ty(result))];
            self.declare(&format!("cmabi_status {name}"), &params);
        }
        Ok(())
    }

    pub(super) fn import_definitions(&mut self) {
        let hosts = self.hosts();
        if hosts.is_empty() {
            return;
        }
        self.shared(&hosts);
        for (scope, name, _) in &hosts {
            let shared = format!("shared_{}", snake(name));
            self.source.gap();
            self.source.block(&format!("struct {shared}"), "};", |code| {
                code.line(format!("struct shared shared;\n{name} imports;"));
            });
            for id in self.world.resources(&self.world.scopes[*scope]) {
                let member = self.destructor(id);
                let (ns, _) = self.resource(id);
                self.source.gap();
                self.source.line(format!(
                    "static void call_{ns}_{member}(void *data, cmabi_store *store, void *rep) {{\n    \
                     const struct {shared} *of = data;\n    (void)store;\n    \
                     of->imports.{member}(of->imports.data, rep);\n}}"
                ));
            }
            let members = self.members(*scope);
            let functions = self.world.scopes[*scope].functions.clone();
            for (function, member) in functions.iter().zip(&members) {
                self.thunk(*scope, &shared, function, member);
            }
            self.add_scope(*scope, name, &shared, &members);
            for function in functions {
                let Some(result) = self.late_result(*scope, function) else { continue };
                let params =
                    ["cmabi_task *task".to_owned(), format!("const {} *result", self.ty(result))];
                let head = format!("cmabi_status {}_return", self.function(*scope, function));
                self.define(&head, &params, "return cmabi_task_return(task, result, error);");
            }
        }
        let calls: String = (hosts.iter())
            .map(|(_, name, member)| {
                format!("status = add_{name}(linker, offers->{member}, status, error);\n")
            })
            .collect();
        let params = self.add_params();
        let body = format!(
            "cmabi_status status = CMABI_STATUS_OK;\nif (error != NULL) *error = NULL;\n{calls}return status;"
        );
        self.define(&format!("cmabi_status {}_add_to_linker", self.name), &params, &body);
    }

    /// The function that the library calls for an import.
    fn thunk(&mut self, scope: usize, shared: &str, function: &Function, member: &str) {
        let name = self.function(scope, function);
        let fields = self.args_fields(function);
        let names = self.param_names(function);
        self.source.gap();
        let params = ["void *data", "cmabi_task *task", "const void *args", "void *results"];
        let params = params.map(str::to_owned);
        self.source.call(&format!("static cmabi_status call_{name}"), &params, " {");
        self.source.indent();
        self.source.line(format!("const struct {shared} *of = data;"));
        if fields.is_empty() {
            self.source.line("(void)args;");
        } else {
            self.source
                .line(format!("const struct {{\n    {}\n}} *given = args;", fields.join("\n    ")));
        }
        let mut arguments = vec!["of->imports.data".to_owned(), "task".to_owned()];
        for (param, name) in function.params.iter().zip(&names) {
            if let Some(of) = hosted_borrow(self.world, param.ty) {
                let (ns, resource) = self.resource(of);
                let rep = format!("rep_{name}");
                self.source.line(format!(
                    "{ns}_{resource} *{rep} = NULL;\n\
                     if ({ns}_{resource}_rep(cmabi_task_store(task), given->{name}, &{rep}, NULL))\n    \
                     return not_a_resource(task);"
                ));
                arguments.push(rep);
                continue;
            }
            let address = if self.param(param.ty, name).1.starts_with('*') { "&" } else { "" };
            arguments.push(format!("{address}given->{name}"));
        }
        match function.result {
            Some(_) => arguments.push("results".to_owned()),
            None => self.source.line("(void)results;"),
        }
        self.source.call(&format!("return of->imports.{member}"), &arguments, ";");
        self.source.dedent();
        self.source.line("}");
    }

    /// The function that offers one struct.
    fn add_scope(&mut self, scope: usize, name: &str, shared: &str, members: &[String]) {
        let path = self.world.scopes[scope].path.clone();
        let functions = self.world.scopes[scope].functions.clone();
        let resources = self.world.resources(&self.world.scopes[scope]);
        self.source.gap();
        if !functions.is_empty() {
            let rows: Vec<_> = (functions.iter())
                .map(|function| {
                    let c_name = self.function(scope, function);
                    format!("{{\"{}\", call_{c_name}, &desc_{c_name}}},", function.name)
                })
                .collect();
            let head = format!("static const struct offered offered_{name}[] =");
            self.source.block(&head, "};", |code| rows.iter().for_each(|row| code.line(row)));
        }
        let params = [
            "cmabi_linker *linker".to_owned(),
            format!("const {name} *offers"),
            "cmabi_status status".to_owned(),
            "cmabi_error **error".to_owned(),
        ];
        self.source.gap();
        self.source.call(&format!("static cmabi_status add_{name}"), &params, " {");
        self.source.indent();
        self.source.line("const char *missing = NULL;\nif (offers == NULL) return status;");
        for &id in &resources {
            let member = self.destructor(id);
            self.source
                .line(format!("if (offers->{member} == NULL) missing = \"{path}#{member}\";"));
        }
        for (function, member) in functions.iter().zip(members) {
            let full = if path.is_empty() {
                function.name.clone()
            } else {
                format!("{path}#{}", function.name)
            };
            self.source.line(format!("if (offers->{member} == NULL) missing = \"{full}\";"));
        }
        self.source.line(format!(
            "struct {shared} *of = NULL;\n\
             if (status == CMABI_STATUS_OK && missing == NULL) of = malloc(sizeof *of);\n\
             if (of == NULL) {{\n    if (offers->drop != NULL) offers->drop(offers->data);\n    \
             return status == CMABI_STATUS_OK ? cannot_offer(missing, error) : status;\n}}\n\
             of->imports = *offers;\nbegin_sharing(&of->shared, offers->data, offers->drop);"
        ));
        for id in resources {
            let (ns, resource) = self.resource(id);
            let wit = self.world.def(id).name.as_deref().unwrap_or_default();
            let member = self.destructor(id);
            self.source.line(format!(
                "if (status == CMABI_STATUS_OK)\n    status = offer_resource(linker, \"{path}\", \
                 \"{wit}\", {ns}_{resource}_resource_type(),\n            call_{ns}_{member}, &of->shared, error);"
            ));
        }
        if !functions.is_empty() {
            self.source.line(format!(
                "for (size_t i = 0; i < {} && status == CMABI_STATUS_OK; i++)\n    status = \
                 offer(linker, \"{path}\", &offered_{name}[i],\n                       &of->shared, error);",
                functions.len()
            ));
        }
        self.source.line("let_go(of);\nreturn status;");
        self.source.dedent();
        self.source.line("}");
    }

    /// What the functions of all imports have in common.
    fn shared(&mut self, hosts: &[(usize, String, String)]) {
        self.source.line(SHARED);
        let scopes: Vec<_> = hosts.iter().map(|(scope, ..)| &self.world.scopes[*scope]).collect();
        if scopes.iter().any(|scope| !scope.functions.is_empty()) {
            self.source.line(OFFER);
        }
        if scopes.iter().any(|scope| !self.world.resources(scope).is_empty()) {
            self.source.line(OFFER_RESOURCE);
        }
        let params = |function: &&Function| {
            function.params.iter().any(|param| hosted_borrow(self.world, param.ty).is_some())
        };
        if scopes.iter().any(|scope| scope.functions.iter().any(&params)) {
            self.source.line(NOT_A_RESOURCE);
        }
    }
}

const SHARED: &str = r#"
/* What the functions of one interface share: the host's data, until the last of them goes. */
struct shared {
    atomic_size_t users;
    void *data;
    void (*drop)(void *data);
};

static void begin_sharing(struct shared *shared, void *data, void (*drop)(void *data)) {
    atomic_init(&shared->users, 1);
    shared->data = data;
    shared->drop = drop;
}

static void let_go(void *data) {
    struct shared *shared = data;
    if (atomic_fetch_sub(&shared->users, 1) != 1) return;
    if (shared->drop != NULL) shared->drop(shared->data);
    free(shared);
}

static cmabi_string text(const char *from) {
    size_t len = 0;
    while (from[len] != '\0') len++;
    return (cmabi_string){from, len};
}

/* Says which function is missing, or that there is no memory. */
static cmabi_status cannot_offer(const char *missing, cmabi_error **error) {
    static const char before[] = "the host has no function for ";
    char message[512];
    size_t len = sizeof before - 1;
    if (missing == NULL)
        return cmabi_error_new(CMABI_STATUS_LIMIT, CMABI_STR("no memory is left"), error);
    for (size_t i = 0; i < sizeof before - 1; i++) message[i] = before[i];
    while (*missing != '\0' && len < sizeof message) message[len++] = *missing++;
    return cmabi_error_new(CMABI_STATUS_INVALID_ARGUMENT, (cmabi_string){message, len}, error);
}"#;

const OFFER: &str = r#"
/* A function as the library is told of it. */
struct offered {
    const char *name;
    cmabi_host_func func;
    const cmabi_func_desc *type;
};

static cmabi_status offer(cmabi_linker *linker, const char *interface, const struct offered *offered,
                          struct shared *shared, cmabi_error **error) {
    atomic_fetch_add(&shared->users, 1);
    return cmabi_linker_described_func(linker, text(interface), text(offered->name), offered->type,
                                       offered->func, shared, let_go, error);
}"#;

const OFFER_RESOURCE: &str = r#"
static cmabi_status offer_resource(cmabi_linker *linker, const char *interface, const char *name,
                                   const cmabi_resource_type *type, cmabi_destructor destructor,
                                   struct shared *shared, cmabi_error **error) {
    atomic_fetch_add(&shared->users, 1);
    return cmabi_linker_resource(linker, text(interface), text(name), type, destructor, shared, let_go,
                                 error);
}"#;

const NOT_A_RESOURCE: &str = r#"
static cmabi_status not_a_resource(cmabi_task *task) {
    cmabi_task_set_error(task, CMABI_STR("a borrowed handle is not of a resource of the host's"), NULL);
    return CMABI_STATUS_HOST;
}"#;
