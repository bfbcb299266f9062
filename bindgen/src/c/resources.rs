//! Resources in C: handles that cannot be taken for one another, and the functions for them.

use super::Printer;
use super::types::one_handle;
use crate::Result;
use crate::names::snake;
use wit_parser::{TypeDefKind, TypeId};

impl Printer<'_> {
    /// The types of a resource's handles, or of an alias'.
    pub(super) fn resource_types(
        &mut self,
        id: TypeId,
        scope: usize,
        name: &str,
        docs: Option<&str>,
    ) -> Result<()> {
        let (ns, snake) = (self.scope(scope), snake(name));
        let item = self.world.describe(scope, "resource", name);
        let handles = [format!("{ns}_own_{snake}"), format!("{ns}_borrow_{snake}")];
        for handle in &handles {
            self.globals.take(handle, &item)?;
        }
        let resource = self.world.dealias(id);
        self.header.gap();
        self.header.docs("///", docs);
        if resource != id {
            for (handle, own) in handles.iter().zip([true, false]) {
                let of = self.handle(resource, own);
                self.header.line(format!("typedef {of} {handle};"));
            }
            return Ok(());
        }
        if !self.world.is_guest_resource(id) {
            self.globals.take(&format!("{ns}_{snake}"), &item)?;
            self.header.line("/// Implemented by the host, which defines this struct.");
            self.header.line(format!("typedef struct {ns}_{snake} {ns}_{snake};"));
        }
        self.header.line(one_handle(&handles[0]));
        self.header.line(one_handle(&handles[1]));
        Ok(())
    }

    /// The type of a handle.
    pub(super) fn handle(&self, resource: TypeId, own: bool) -> String {
        let (scope, name) = self.resource(resource);
        format!("{scope}_{}_{name}", if own { "own" } else { "borrow" })
    }

    /// What the names of a resource's scope begin with, and its own name.
    pub(super) fn resource(&self, resource: TypeId) -> (String, String) {
        let resource = self.world.dealias(resource);
        let scope = self.world.scope_of(resource).expect("a resource has a name");
        (self.scope(scope), snake(self.world.def(resource).name.as_deref().unwrap_or_default()))
    }

    fn all_resources(&self) -> Vec<TypeId> {
        let is_resource = |id: &TypeId| matches!(self.world.def(*id).kind, TypeDefKind::Resource);
        self.world.types.iter().copied().filter(is_resource).collect()
    }

    pub(super) fn resource_declarations(&mut self) -> Result<()> {
        for id in self.all_resources() {
            let (ns, name) = self.resource(id);
            let (own, borrow) = (self.handle(id, true), self.handle(id, false));
            let scope = self.world.scope_of(id).expect("a resource has a name");
            let item = self.world.describe(scope, "resource", &name);
            let functions = ["borrow", "drop_own", "drop_borrow", "new", "rep", "resource_type"];
            let of_guests = 3;
            let count = if self.world.is_guest_resource(id) { of_guests } else { functions.len() };
            for function in &functions[..count] {
                self.globals.take(&format!("{ns}_{name}_{function}"), &item)?;
            }
            self.header.gap();
            self.header.line("/// Lends what is owned, to be passed to a call.");
            self.header.call(&format!("{borrow} {ns}_{name}_borrow"), &[format!("{own} own")], ";");
            self.header.line("/// Drops a handle: see `cmabi_resource_drop`.");
            for (handle, ty) in [("own", &own), ("borrow", &borrow)] {
                let params = ["cmabi_store *store".to_owned(), format!("{ty} handle")];
                self.declare(&format!("cmabi_status {ns}_{name}_drop_{handle}"), &params);
            }
            if self.world.is_guest_resource(id) {
                continue;
            }
            self.header.line(
                "/// The type that the program has for it; NULL where there is no memory for one.",
            );
            self.header
                .line(format!("const cmabi_resource_type *{ns}_{name}_resource_type(void);"));
            self.header.line("/// Makes a handle that owns `rep`: see `cmabi_resource_new`.");
            let params = [
                "cmabi_store *store".to_owned(),
                format!("{ns}_{name} *rep"),
                format!("{own} *handle"),
            ];
            self.declare(&format!("cmabi_status {ns}_{name}_new"), &params);
            self.header.line("/// What a handle stands for: see `cmabi_resource_rep`.");
            let params = [
                "cmabi_store *store".to_owned(),
                format!("{borrow} handle"),
                format!("{ns}_{name} **rep"),
            ];
            self.declare(&format!("cmabi_status {ns}_{name}_rep"), &params);
        }
        Ok(())
    }

    /// Declares a function that can fail.
    pub(super) fn declare(&mut self, head: &str, params: &[String]) {
        let mut params = params.to_vec();
        params.push("cmabi_error **error".to_owned());
        self.header.call(head, &params, ";");
    }

    /// Defines one.
    pub(super) fn define(&mut self, head: &str, params: &[String], body: &str) {
        let mut params = params.to_vec();
        params.push("cmabi_error **error".to_owned());
        self.source.gap();
        self.source.call(head, &params, " {");
        self.source.indent();
        self.source.line(body);
        self.source.dedent();
        self.source.line("}");
    }

    pub(super) fn resource_definitions(&mut self) {
        for id in self.all_resources() {
            let (ns, name) = self.resource(id);
            let (own, borrow) = (self.handle(id, true), self.handle(id, false));
            self.source.gap();
            self.source.call(
                &format!("{borrow} {ns}_{name}_borrow"),
                &[format!("{own} own")],
                &format!(" {{\n    return ({borrow}){{own.handle}};\n}}"),
            );
            let hosted = !self.world.is_guest_resource(id);
            let ty = match hosted {
                true => format!("{ns}_{name}_resource_type()"),
                false => "NULL".to_owned(),
            };
            if hosted {
                self.resource_type(&ns, &name, id);
            }
            for (handle, of) in [("own", &own), ("borrow", &borrow)] {
                self.define(
                    &format!("cmabi_status {ns}_{name}_drop_{handle}"),
                    &["cmabi_store *store".to_owned(), format!("{of} handle")],
                    &format!("return cmabi_resource_drop(store, {ty}, handle.handle, error);"),
                );
            }
            if !hosted {
                continue;
            }
            self.define(
                &format!("cmabi_status {ns}_{name}_new"),
                &[
                    "cmabi_store *store".to_owned(),
                    format!("{ns}_{name} *rep"),
                    format!("{own} *handle"),
                ],
                &format!("return cmabi_resource_new(store, {ty}, rep, &handle->handle, error);"),
            );
            self.define(
                &format!("cmabi_status {ns}_{name}_rep"),
                &[
                    "cmabi_store *store".to_owned(),
                    format!("{borrow} handle"),
                    format!("{ns}_{name} **rep"),
                ],
                &format!(
                    "void *found = NULL;\n\
                     const cmabi_status status =\n    \
                     cmabi_resource_rep(store, {ty}, handle.handle, &found, error);\n\
                     if (status == CMABI_STATUS_OK) *rep = found;\nreturn status;"
                ),
            );
        }
    }

    fn resource_type(&mut self, ns: &str, name: &str, id: TypeId) {
        let wit = self.world.def(id).name.as_deref().unwrap_or_default();
        self.source.gap();
        self.source.line(format!(
            "const cmabi_resource_type *{ns}_{name}_resource_type(void) {{\n    \
                 static _Atomic(cmabi_resource_type *) made;\n    \
                 cmabi_resource_type *type = atomic_load(&made);\n    \
                 cmabi_resource_type *mine = NULL;\n    \
                 if (type != NULL) return type;\n    \
                 if (cmabi_resource_type_new(CMABI_STR(\"{wit}\"), &mine, NULL) != CMABI_STATUS_OK) return NULL;\n    \
                 if (atomic_compare_exchange_strong(&made, &type, mine)) return mine;\n    \
                 /* Another thread was faster. */\n    \
                 cmabi_resource_type_free(mine);\n    \
                 return type;\n}}"
        ));
    }
}
