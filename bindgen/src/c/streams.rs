//! Streams and futures in C: both ends have types, and each function takes the elements of its own.

use super::Printer;
use super::types::one_handle;
use crate::Result;
use wit_parser::{Type, TypeDefKind, TypeId};

impl Printer<'_> {
    /// The streams and futures of the world, each once.
    fn streams(&self) -> Vec<TypeId> {
        let mut seen = std::collections::HashSet::new();
        let is_end = |id: &TypeId| {
            matches!(self.world.def(*id).kind, TypeDefKind::Stream(_) | TypeDefKind::Future(_))
        };
        (self.world.types.iter().copied())
            .filter(|id| is_end(id) && seen.insert(self.types[id].clone()))
            .collect()
    }

    pub(super) fn stream_element(&self, id: TypeId) -> Option<Type> {
        match self.world.def(id).kind {
            TypeDefKind::Stream(element) | TypeDefKind::Future(element) => element,
            _ => None,
        }
    }

    /// Those that a host can make by itself: whose elements hold no resources, of which only a store
    /// knows the types.
    pub(super) fn made_streams(&self) -> Vec<TypeId> {
        let holds_resource = |ty: Type| {
            self.world.any_part(ty, &|ty| match ty {
                Type::Id(id) => matches!(
                    self.world.def(id).kind,
                    TypeDefKind::Handle(_) | TypeDefKind::Resource
                ),
                _ => false,
            })
        };
        let can_be_made = |id: &TypeId| !self.stream_element(*id).is_some_and(holds_resource);
        self.streams().into_iter().filter(can_be_made).collect()
    }

    fn sort(&self, id: TypeId) -> &'static str {
        match self.world.def(id).kind {
            TypeDefKind::Stream(_) => "stream",
            _ => "future",
        }
    }

    pub(super) fn stream_declarations(&mut self) -> Result<()> {
        let made = self.made_streams();
        for id in self.streams() {
            let (name, sort) = (self.types[&id].clone(), self.sort(id));
            for function in ["writer", "new", "read", "write", "drop", "cancel"] {
                self.globals.take(&format!("{name}_{function}"), &format!("`{name}`"))?;
            }
            self.header.gap();
            self.header.line("/// The writable end.");
            self.header.line(one_handle(&format!("{name}_writer")));
            for (function, params) in self.stream_functions(id, made.contains(&id)) {
                self.header.line(format!("/// See `cmabi_{sort}_{}`.", plain(function)));
                self.declare(&format!("cmabi_status {name}_{function}"), &params);
            }
        }
        Ok(())
    }

    /// The functions for a stream or future, with their parameters but for the error.
    fn stream_functions(&self, id: TypeId, made: bool) -> Vec<(&'static str, Vec<String>)> {
        let name = &self.types[&id];
        let store = || "cmabi_store *store".to_owned();
        let (reader, writer) = (|| format!("{name} end"), || format!("{name}_writer end"));
        let element = self.stream_element(id).map(|ty| self.ty(ty));
        let is_stream = self.sort(id) == "stream";
        let elements = |pointer: &str| {
            let elements = element.as_ref().map(|ty| format!("{}{ty} *elements", pointer));
            let count = is_stream.then(|| "uint32_t count".to_owned());
            elements.into_iter().chain(count).collect::<Vec<_>>()
        };
        let completion =
            ["cmabi_on_copy completion", "void *data", "cmabi_drop drop", "cmabi_copied *copied"]
                .map(str::to_owned);
        let mut functions = Vec::new();
        let mut new = vec![store()];
        if !made {
            new.push("const cmabi_type *element".to_owned());
        }
        new.extend([format!("{name} *reader"), format!("{name}_writer *writer")]);
        functions.push(("new", new));
        let mut read = vec![store(), reader()];
        read.extend(elements(""));
        if self.stream_element(id).is_some_and(|ty| self.points(ty)) {
            read.push("cmabi_arena *arena".to_owned());
        }
        read.extend(completion.clone());
        functions.push(("read", read));
        let mut write = vec![store(), writer()];
        write.extend(elements("const "));
        write.extend(completion);
        functions.push(("write", write));
        let copied = || "cmabi_copied *copied".to_owned();
        functions.push(("cancel", vec![store(), reader(), copied()]));
        functions.push(("writer_cancel", vec![store(), writer(), copied()]));
        functions.push(("drop", vec![store(), reader()]));
        functions.push(("writer_drop", vec![store(), writer()]));
        functions
    }

    pub(super) fn stream_definitions(&mut self) {
        let made = self.made_streams();
        for id in self.streams() {
            let (name, sort, is_made) =
                (self.types[&id].clone(), self.sort(id), made.contains(&id));
            let element = self.stream_element(id);
            let elements = if element.is_some() { "elements" } else { "NULL" };
            let count = if sort == "stream" { "count, " } else { "" };
            let arena = if element.is_some_and(|ty| self.points(ty)) { "arena" } else { "NULL" };
            for (function, params) in self.stream_functions(id, is_made) {
                let body = match function {
                    "new" => new_body(sort, &name, is_made),
                    "read" => format!(
                        "return cmabi_{sort}_read(store, end.handle, {elements}, {count}{arena}, \
                         completion, data, drop,\n    copied, error);"
                    ),
                    "write" => format!(
                        "return cmabi_{sort}_write(store, end.handle, {elements}, {count}completion, \
                         data, drop, copied,\n    error);"
                    ),
                    "cancel" | "writer_cancel" => {
                        format!("return cmabi_{sort}_cancel(store, end.handle, copied, error);")
                    }
                    _ => format!("return cmabi_{sort}_drop(store, end.handle, error);"),
                };
                self.define(&format!("cmabi_status {name}_{function}"), &params, &body);
            }
        }
    }
}

fn new_body(sort: &str, name: &str, is_made: bool) -> String {
    let make = |element: &str| {
        format!("cmabi_{sort}_new(store, {element}, &reader->handle, &writer->handle, error)")
    };
    if !is_made {
        return format!("return {};", make("element"));
    }
    format!(
        "cmabi_type *element = NULL;\n\
         cmabi_status status = CMABI_STATUS_OK;\n\
         if (element_{name} != NULL) status = cmabi_type_new_described(element_{name}, &element, error);\n\
         if (status == CMABI_STATUS_OK) status = {};\n\
         cmabi_type_free(element);\nreturn status;",
        make("element")
    )
}

/// The function of the library behind one.
fn plain(function: &str) -> &str {
    function.trim_start_matches("writer_")
}
