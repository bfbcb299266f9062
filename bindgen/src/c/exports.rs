//! What the host calls, in C: a function for each exported one.

use super::Printer;
use crate::Result;
use crate::descs::{exported, function_name};
use crate::names::Unique;
use crate::world::World;
use wit_parser::{Function, Handle, Type, TypeDefKind, TypeId};

/// The names that parameters of generated functions have besides those of WIT.
pub(super) const TAKEN: &[&str] = &[
    "args",
    "arena",
    "data",
    "drop",
    "error",
    "of",
    "on_resolve",
    "rep",
    "result",
    "results",
    "self",
    "status",
    "subtask",
    "task",
];

impl Printer<'_> {
    /// The name of a function.
    pub(super) fn function(&self, scope: usize, function: &Function) -> String {
        format!("{}_{}", self.scope(scope), function_name(function))
    }

    /// The names of a function's parameters.
    pub(super) fn param_names(&self, function: &Function) -> Vec<String> {
        let mut names = Unique::with(TAKEN);
        names.reserve([&self.name]);
        function.params.iter().map(|param| names.name(&param.name)).collect()
    }

    /// The fields of the record of the arguments.
    pub(super) fn args_fields(&self, function: &Function) -> Vec<String> {
        (function.params.iter().zip(self.param_names(function)))
            .map(|(param, name)| format!("{} {name};", self.ty(param.ty)))
            .collect()
    }

    fn result(&self, function: &Function) -> Vec<String> {
        let Some(ty) = function.result else { return Vec::new() };
        let arena = self.points(ty).then(|| "cmabi_arena *arena".to_owned());
        arena.into_iter().chain([format!("{} *result", self.ty(ty))]).collect()
    }

    fn export_params(&self, function: &Function) -> Vec<String> {
        let mut params = vec![format!("{} *self", self.name)];
        for (param, name) in function.params.iter().zip(self.param_names(function)) {
            params.push(self.param(param.ty, &name).0);
        }
        params.extend(self.result(function));
        params
    }

    pub(super) fn export_declarations(&mut self) -> Result<()> {
        let (name, world) = (self.name.clone(), format!("world `{}`", self.world.name));
        let exports = exported(self.world);
        for item in [name.clone(), format!("{name}_instantiate"), format!("{name}_free")] {
            self.globals.take(&item, &world)?;
        }
        self.header.gap();
        self.header.docs("///", self.world.docs);
        self.header.line(format!(
            "/// An instance of a component for the world `{}`, whose functions have been looked up. The\n\
             /// members are for generated code, and for calls of `cmabi.h`.",
            self.world.name
        ));
        self.header.block(&format!("typedef struct {name}"), &format!("}} {name};"), |code| {
            code.line("cmabi_store *store;\ncmabi_instance *instance;");
            if !exports.is_empty() {
                code.line(format!("const cmabi_func *funcs[{}];", exports.len()));
            }
        });
        self.header.gap();
        self.header.line(
            "/// Makes an instance in `store`, and looks up and checks all functions that it exports.\n\
             /// `CMABI_STATUS_TYPE_MISMATCH` where some are missing or have other types: the message\n\
             /// lists each one with both types. On success `*self` is to be given to the function below.",
        );
        let params = self.instantiate_params();
        self.declare(&format!("cmabi_status {name}_instantiate"), &params);
        self.header.line("/// Frees the instance's handle, before or after the store. One that is all zero is fine.");
        self.header.line(format!("void {name}_free({name} *self);"));
        for (scope, function, _) in exports {
            let c_name = self.function(scope, function);
            let item = self.world.describe(scope, "function", &function.name);
            self.globals.take(&c_name, &item)?;
            self.header.gap();
            self.header.docs("///", function.docs.contents.as_deref());
            if function.docs.contents.is_none() {
                self.header.line(format!("/// `{}`", function.name));
            }
            let params = self.export_params(function);
            self.declare(&format!("cmabi_status {c_name}"), &params);
            if self.world.has_async_forms(scope, function) {
                self.start_declarations(&c_name, &item, function)?;
            }
        }
        Ok(())
    }

    fn instantiate_params(&self) -> Vec<String> {
        vec![
            format!("{} *self", self.name),
            "const cmabi_linker *linker".to_owned(),
            "cmabi_store *store".to_owned(),
            "const cmabi_component *component".to_owned(),
        ]
    }

    /// What starts a call and goes on meanwhile.
    fn start_declarations(&mut self, name: &str, item: &str, function: &Function) -> Result<()> {
        self.globals.take(&format!("{name}_start"), item)?;
        let fields = self.args_fields(function);
        if !fields.is_empty() {
            self.globals.take(&format!("{name}_args"), item)?;
            self.header.block(
                &format!("typedef struct {name}_args"),
                &format!("}} {name}_args;"),
                |code| {
                    fields.iter().for_each(|field| code.line(field));
                },
            );
        }
        self.header.line(
            "/// Starts a call: see `cmabi_func_start`, also for how long the arguments have to stay.",
        );
        let params = self.start_params(name, function);
        self.declare(&format!("cmabi_status {name}_start"), &params);
        if let Some(result) = function.result {
            self.globals.take(&format!("{name}_results"), item)?;
            let result = self.ty(result);
            self.header
                .line("/// The result of a call that was started: see `cmabi_subtask_results`.");
            self.header
                .line(format!("const {result} *{name}_results(const cmabi_subtask *subtask);"));
        }
        Ok(())
    }

    fn start_params(&self, name: &str, function: &Function) -> Vec<String> {
        let mut params = vec![format!("{} *self", self.name)];
        if !function.params.is_empty() {
            params.push(format!("const {name}_args *args"));
        }
        let rest = [
            "cmabi_on_resolve on_resolve",
            "void *data",
            "cmabi_drop drop",
            "cmabi_subtask **subtask",
        ];
        params.extend(rest.map(str::to_owned));
        params
    }

    pub(super) fn export_definitions(&mut self) {
        let name = self.name.clone();
        let exports = exported(self.world);
        let look_up = match exports.len() {
            0 => "return CMABI_STATUS_OK;".to_owned(),
            count => format!(
                "status = cmabi_instance_described_funcs(self->instance, exports, {count}, \
                 self->funcs, error);\n\
                 if (status != CMABI_STATUS_OK) {name}_free(self);\nreturn status;"
            ),
        };
        let params = self.instantiate_params();
        let status = if exports.is_empty() { "const cmabi_status" } else { "cmabi_status" };
        self.define(
            &format!("cmabi_status {name}_instantiate"),
            &params,
            &format!(
                "self->store = store;\n\
                 {status} status =\n    \
                 cmabi_linker_instantiate(linker, store, component, &self->instance, error);\n\
                 if (status != CMABI_STATUS_OK) return status;\n{look_up}"
            ),
        );
        self.source.gap();
        self.source.line(format!(
            "void {name}_free({name} *self) {{\n    cmabi_instance_free(self->instance);\n    \
             self->instance = NULL;\n}}"
        ));
        for (index, (scope, function, _)) in exports.iter().enumerate() {
            let name = self.function(*scope, function);
            let params = self.export_params(function);
            let body = self.call(index, function);
            self.define(&format!("cmabi_status {name}"), &params, &body);
            if self.world.has_async_forms(*scope, function) {
                self.start(index, &name, function);
            }
        }
    }

    fn start(&mut self, index: usize, name: &str, function: &Function) {
        let args = if function.params.is_empty() { "NULL" } else { "args" };
        let params = self.start_params(name, function);
        self.define(
            &format!("cmabi_status {name}_start"),
            &params,
            &format!(
                "return cmabi_func_start(self->store, self->funcs[{index}], {args}, on_resolve, data, \
                 drop, subtask,\n    error);"
            ),
        );
        if let Some(result) = function.result {
            let result = self.ty(result);
            self.source.gap();
            self.source.line(format!(
                "const {result} *{name}_results(const cmabi_subtask *subtask) {{\n    return \
                 cmabi_subtask_results(subtask);\n}}"
            ));
        }
    }

    /// The body of a function that calls an export.
    fn call(&self, index: usize, function: &Function) -> String {
        let (arena, result) = match function.result {
            None => ("NULL", "NULL"),
            Some(ty) if self.points(ty) => ("arena", "result"),
            Some(_) => ("NULL", "result"),
        };
        let names = self.param_names(function);
        let values: Vec<_> = (function.params.iter().zip(&names))
            .map(|(param, name)| self.param(param.ty, name).1)
            .collect();
        let call = |args: &str| {
            format!(
                "return cmabi_func_call(self->store, self->funcs[{index}], {args}, {result}, {arena}, \
                 error);"
            )
        };
        match values.as_slice() {
            [] => call("NULL"),
            // A record of one field is that field.
            [one] => call(&match one.strip_prefix('*') {
                Some(pointer) => pointer.to_owned(),
                None => format!("&{one}"),
            }),
            values => {
                let fields = self.args_fields(function).join("\n    ");
                let values = values.join(", ");
                format!("const struct {{\n    {fields}\n}} args = {{{values}}};\n{}", call("&args"))
            }
        }
    }
}

/// The host's own resources, as parameters by themselves, come as what they stand for.
pub(super) fn hosted_borrow(world: &World<'_>, ty: Type) -> Option<TypeId> {
    let Type::Id(id) = ty else { return None };
    match world.def(world.dealias(id)).kind {
        TypeDefKind::Handle(Handle::Borrow(of)) if !world.is_guest_resource(of) => Some(of),
        _ => None,
    }
}
