//! Compiled modules.
//!
//! wasmi groups imports by kind and sorts exports by name; the order of declaration, which
//! instantiation by position needs, is read from the binary again.

use super::super::{CoreDecl, CoreExternType, Module};
use super::value::extern_type;
use crate::error::{Error, ErrorKind, Result};
use std::any::Any;
use std::sync::OnceLock;
use wasmparser::{Parser, Payload, TypeRef};

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
        let (imports, import_order) = order_imports(&plain, declared.imports);
        let exports = declared.exports.into_iter().map(|name| export_decl(&plain, name)).collect();
        let metered = OnceLock::new();
        Ok(WasmiModule { plain, metered, wasm: wasm.into(), imports, exports, import_order })
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
    exports: Vec<String>,
    has_tags: bool,
}

struct Import {
    module: String,
    name: String,
    /// The place of its kind in wasmi's order.
    rank: u8,
}

impl Declared {
    fn read(wasm: &[u8]) -> wasmparser::Result<Self> {
        let mut declared = Declared::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        declared.import(import.module, import.name, import.ty);
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        declared.exports.push(export?.name.into());
                    }
                }
                Payload::TagSection(_) => declared.has_tags = true,
                _ => {}
            }
        }
        Ok(declared)
    }

    fn import(&mut self, module: &str, name: &str, ty: TypeRef) {
        let rank = match ty {
            TypeRef::Func(_) | TypeRef::FuncExact(_) => 0,
            TypeRef::Table(_) => 1,
            TypeRef::Memory(_) => 2,
            TypeRef::Global(_) => 3,
            TypeRef::Tag(_) => {
                self.has_tags = true;
                return;
            }
        };
        self.imports.push(Import { module: module.into(), name: name.into(), rank });
    }
}

/// The imports in the order of declaration, and for each import in wasmi's order its place there.
fn order_imports(module: &wasmi::Module, declared: Vec<Import>) -> (Vec<CoreDecl>, Vec<usize>) {
    let mut order: Vec<usize> = (0..declared.len()).collect();
    order.sort_by_key(|&place| declared[place].rank);
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
