//! Compiled modules.
//!
//! wasmi groups imports by kind and sorts exports by name; the order of declaration, which
//! instantiation by position needs, is read from the binary again.

use super::super::{CoreDecl, CoreExternType, Module};
use super::value::extern_type;
use crate::error::{Error, ErrorKind, Result};
use std::any::Any;
use std::sync::OnceLock;
use wasmparser::{ExternalKind, Parser, Payload, TypeRef};

/// A core module that wasmi compiled.
pub(super) struct WasmiModule {
    plain: wasmi::Module,
    /// For stores that meter fuel, compiled from `wasm` when the first of them wants it.
    metered: OnceLock<wasmi::Module>,
    wasm: Box<[u8]>,
    imports: Vec<CoreDecl>,
    exports: Vec<CoreDecl>,
    /// For each import in wasmi's order, its place in the order of declaration.
    import_order: Vec<usize>,
    /// What the imports are in the module's index spaces.
    import_items: Vec<Item>,
    /// What the exports are in the module's index spaces.
    export_items: Vec<Item>,
}

/// A member of one of a module's index spaces.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Item {
    /// Which index space: the place of its kind in wasmi's order of imports.
    kind: u8,
    index: u32,
}

impl WasmiModule {
    pub(super) fn new(engine: &wasmi::Engine, wasm: &[u8]) -> Result<Self> {
        let declared = Declared::read(wasm)
            .map_err(|error| Error::new(ErrorKind::Invalid, error.to_string()))?;
        if declared.has_tags {
            return Err(unsupported("core exceptions (the module uses tags)"));
        }
        // The module was validated: what wasmi does not accept, it does not support.
        let plain = wasmi::Module::new(engine, wasm).map_err(|error| {
            unsupported(&format!("a feature that this core module uses: {error}"))
        })?;
        let import_items = declared.imports.iter().map(|import| import.item).collect();
        let (imports, import_order) = order_imports(&plain, declared.imports);
        let (names, export_items): (Vec<_>, _) = declared.exports.into_iter().unzip();
        let exports = names.into_iter().map(|name| export_decl(&plain, name)).collect();
        Ok(WasmiModule {
            plain,
            metered: OnceLock::new(),
            wasm: wasm.into(),
            imports,
            exports,
            import_order,
            import_items,
            export_items,
        })
    }

    /// The code for stores of `engine`.
    pub(super) fn code(&self, engine: &wasmi::Engine) -> &wasmi::Module {
        if wasmi::Engine::same(engine, self.plain.engine()) {
            return &self.plain;
        }
        self.metered.get_or_init(|| {
            wasmi::Module::new(engine, &self.wasm)
                .expect("metering does not change which modules compile")
        })
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

impl Module for WasmiModule {
    fn imports(&self) -> &[CoreDecl] {
        &self.imports
    }

    fn exports(&self) -> &[CoreDecl] {
        &self.exports
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cold]
fn unsupported(capability: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("the wasmi engine does not have {capability}"))
}

/// What a binary declares, in its order.
#[derive(Default)]
struct Declared {
    imports: Vec<Import>,
    exports: Vec<(String, Item)>,
    has_tags: bool,
}

const FUNC: u8 = 0;
const TABLE: u8 = 1;
const MEMORY: u8 = 2;
const GLOBAL: u8 = 3;

struct Import {
    module: String,
    name: String,
    item: Item,
}

impl Declared {
    fn read(wasm: &[u8]) -> wasmparser::Result<Self> {
        let mut declared = Declared::default();
        let mut next_index = [0; 4];
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
                Payload::TagSection(_) => declared.has_tags = true,
                _ => {}
            }
        }
        Ok(declared)
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

fn export_decl(module: &wasmi::Module, name: String) -> CoreDecl {
    let ty = module.get_export(&name).expect("wasmi reads the same exports");
    CoreDecl { module: String::new(), name, ty: extern_type(&ty) }
}
