//! Compiled modules.
//!
//! wasmi groups imports by kind and sorts exports by name; the order of declaration, which
//! instantiation by position needs, is read from the binary again.

use super::super::names::FuncNames;
use super::super::{CoreDecl, CoreExternType, Module};
use super::generation::{Generation, ModuleId, check_locals};
use super::start;
use super::value::extern_type;
use crate::error::{Error, ErrorKind, Result};
use bytes::Bytes;
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use wasmparser::{ExternalKind, Parser, Payload, TypeRef};

/// A core module that wasmi compiled.
pub(super) struct WasmiModule {
    id: ModuleId,
    /// For the generations in which it is still to be compiled.
    wasm: Bytes,
    /// The generations that have its code.
    compiled: Mutex<Vec<Weak<Generation>>>,
    /// The most locals, parameters included, that a function has.
    max_locals: u32,
    /// See [`Module::instance_bytes`].
    instance_bytes: u64,
    imports: Vec<CoreDecl>,
    exports: Vec<CoreDecl>,
    /// For each import in wasmi's order, its place in the order of declaration.
    import_order: Vec<usize>,
    /// What the imports are in the module's index spaces.
    import_items: Vec<Item>,
    /// What the exports are in the module's index spaces.
    export_items: Vec<Item>,
    /// See [`start`].
    start: Option<String>,
    names: Arc<FuncNames>,
}

/// A member of one of a module's index spaces.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Item {
    /// Which index space: the place of its kind in wasmi's order of imports.
    kind: u8,
    index: u32,
}

impl Item {
    /// The index of a function.
    pub(super) fn func(self) -> Option<u32> {
        (self.kind == FUNC).then_some(self.index)
    }
}

impl WasmiModule {
    /// Compiles a module, in the generation of engines that do not meter: so it is known at once
    /// whether wasmi can run it.
    pub(super) fn new(generation: &Arc<Generation>, wasm: Bytes) -> Result<Self> {
        let declared = Declared::read(&wasm)
            .map_err(|error| Error::new(ErrorKind::Invalid, error.to_string()))?;
        if declared.has_tags {
            return Err(unsupported("core exceptions (the module uses tags)"));
        }
        let start = declared.start.map(|func| (func, declared.unused_name()));
        let wasm = match &start {
            Some((func, name)) => start::exported(&wasm, *func, name)?.into(),
            None => wasm,
        };
        let compiled = generation.compile(&wasm)?;
        let import_items = declared.imports.iter().map(|import| import.item).collect();
        let (imports, import_order) = order_imports(&compiled, declared.imports);
        let (names, export_items): (Vec<_>, _) = declared.exports.into_iter().unzip();
        let exports = names.into_iter().map(|name| export_decl(&compiled, name)).collect();
        let module = WasmiModule {
            id: ModuleId::new(),
            wasm,
            compiled: Mutex::default(),
            max_locals: declared.max_locals,
            instance_bytes: declared.instance_bytes,
            imports,
            exports,
            import_order,
            import_items,
            export_items,
            start: start.map(|(_, name)| name),
            names: declared.names.into(),
        };
        generation.insert(&module, &compiled);
        Ok(module)
    }

    /// The code for a store of that generation, which meters or does not.
    pub(super) fn code(
        &self,
        generation: &Arc<Generation>,
        metered: bool,
    ) -> Result<wasmi::Module> {
        if metered {
            check_locals(self.max_locals)?;
        }
        generation.module(self)
    }

    pub(super) fn id(&self) -> ModuleId {
        self.id
    }

    pub(super) fn wasm(&self) -> &[u8] {
        &self.wasm
    }

    /// A generation has the code, and is to be told when the module is gone.
    pub(super) fn compiled_in(&self, generation: &Arc<Generation>) {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        compiled.retain(|generation| generation.strong_count() > 0);
        compiled.push(Arc::downgrade(generation));
    }

    /// The export that is the start function.
    pub(super) fn start(&self) -> Option<&str> {
        self.start.as_deref()
    }

    pub(super) fn names(&self) -> &Arc<FuncNames> {
        &self.names
    }

    pub(super) fn import_order(&self) -> &[usize] {
        &self.import_order
    }

    pub(super) fn import_items(&self) -> &[Item] {
        &self.import_items
    }

    pub(super) fn export_items(&self) -> &[Item] {
        &self.export_items
    }
}

impl Drop for WasmiModule {
    fn drop(&mut self) {
        let compiled = self.compiled.get_mut().unwrap_or_else(PoisonError::into_inner);
        for generation in compiled.drain(..).filter_map(|generation| generation.upgrade()) {
            generation.forget(self.id, self.wasm.len() as u64);
        }
    }
}

impl Module for WasmiModule {
    fn imports(&self) -> &[CoreDecl] {
        &self.imports
    }

    fn exports(&self) -> &[CoreDecl] {
        &self.exports
    }

    fn instance_bytes(&self) -> u64 {
        self.instance_bytes
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cold]
pub(super) fn unsupported(capability: &str) -> Error {
    let message = format!(
        "the wasmi engine does not have {capability} (the wasmtime engine, of cmabi_wasmtime.h, has more)"
    );
    Error::new(ErrorKind::Unsupported, message)
}

/// What a binary declares, in its order.
#[derive(Default)]
struct Declared {
    imports: Vec<Import>,
    exports: Vec<(Arc<str>, Item)>,
    has_tags: bool,
    max_locals: u32,
    instance_bytes: u64,
    start: Option<u32>,
    names: FuncNames,
}

/// What an instance takes in wasmi for each function, global, segment and table or memory.
const ITEM_BYTES: u64 = 96;

const FUNC: u8 = 0;
const TABLE: u8 = 1;
const MEMORY: u8 = 2;
const GLOBAL: u8 = 3;

struct Import {
    module: String,
    name: Arc<str>,
    item: Item,
}

impl Declared {
    fn read(wasm: &[u8]) -> wasmparser::Result<Self> {
        let mut declared = Declared::default();
        let mut next_index = [0; 4];
        let mut max_params = 0;
        let mut max_declared = 0;
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        let Some(kind) = kind_of_import(import.ty) else {
                            declared.has_tags = true;
                            continue;
                        };
                        let index = &mut next_index[usize::from(kind)];
                        declared.imports.push(Import {
                            module: import.module.into(),
                            name: import.name.into(),
                            item: Item { kind, index: *index },
                        });
                        *index += 1;
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        let Some(kind) = kind_of_export(export.kind) else {
                            declared.has_tags = true;
                            continue;
                        };
                        let item = Item { kind, index: export.index };
                        declared.exports.push((export.name.into(), item));
                    }
                }
                Payload::FunctionSection(section) => declared.items(section.count()),
                Payload::TableSection(section) => declared.items(section.count()),
                Payload::MemorySection(section) => declared.items(section.count()),
                Payload::GlobalSection(section) => declared.items(section.count()),
                Payload::DataSection(section) => declared.items(section.count()),
                Payload::ElementSection(section) => {
                    // Segments are copied, an element as a reference.
                    declared.items(section.count());
                    let range = section.range();
                    declared.instance_bytes += 16 * (range.end - range.start);
                }
                Payload::StartSection { func, .. } => declared.start = Some(func),
                Payload::TagSection(_) => declared.has_tags = true,
                Payload::TypeSection(section) => {
                    for ty in section.into_iter_err_on_gc_types() {
                        max_params = max_params.max(ty?.params().len() as u32);
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    let mut locals: u32 = 0;
                    for group in body.get_locals_reader()? {
                        locals = locals.saturating_add(group?.0);
                    }
                    max_declared = max_declared.max(locals);
                }
                Payload::CustomSection(section) if section.name() == "name" => {
                    declared.names = FuncNames::of(section.data());
                }
                _ => {}
            }
        }
        declared.max_locals = max_params.saturating_add(max_declared);
        Ok(declared)
    }
}

impl Declared {
    /// A name that no export has.
    fn unused_name(&self) -> String {
        let longest = self.exports.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        "_".repeat(longest + 1)
    }

    fn items(&mut self, count: u32) {
        self.instance_bytes += ITEM_BYTES * u64::from(count);
    }
}

/// The index space of an import; `None` for a tag.
fn kind_of_import(ty: TypeRef) -> Option<u8> {
    match ty {
        TypeRef::Func(_) | TypeRef::FuncExact(_) => Some(FUNC),
        TypeRef::Table(_) => Some(TABLE),
        TypeRef::Memory(_) => Some(MEMORY),
        TypeRef::Global(_) => Some(GLOBAL),
        TypeRef::Tag(_) => None,
    }
}

/// The index space of an export; `None` for a tag.
fn kind_of_export(kind: ExternalKind) -> Option<u8> {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => Some(FUNC),
        ExternalKind::Table => Some(TABLE),
        ExternalKind::Memory => Some(MEMORY),
        ExternalKind::Global => Some(GLOBAL),
        ExternalKind::Tag => None,
    }
}

/// The imports in the order of declaration, and for each import in wasmi's order its place there.
fn order_imports(module: &wasmi::Module, declared: Vec<Import>) -> (Vec<CoreDecl>, Vec<usize>) {
    let mut order: Vec<usize> = (0..declared.len()).collect();
    order.sort_by_key(|&place| declared[place].item.kind);
    let mut types: Vec<Option<CoreExternType>> = vec![None; declared.len()];
    for (import, &place) in module.imports().zip(&order) {
        types[place] = Some(extern_type(import.ty()));
    }
    let decl = |(Import { module, name, .. }, ty): (_, Option<_>)| CoreDecl {
        module,
        name,
        ty: ty.expect("wasmi reads the same imports"),
    };
    (declared.into_iter().zip(types).map(decl).collect(), order)
}

fn export_decl(module: &wasmi::Module, name: Arc<str>) -> CoreDecl {
    let ty = module.get_export(&name).expect("wasmi reads the same exports");
    CoreDecl { module: String::new(), name, ty: extern_type(&ty) }
}
