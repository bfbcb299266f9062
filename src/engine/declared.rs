//! What a core module imports and exports, with types, in the order of declaration.

use super::{CoreDecl, CoreExternType, CoreFuncType, CoreMemoryType, CoreType};
use crate::error::{Error, ErrorKind, Result};
use wasmparser::types::{CoreTypeId, EntityType, TypesRef};
use wasmparser::{Parser, Payload, ValType, Validator, WasmFeatures};

/// A module's declarations.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) imports: Vec<CoreDecl>,
    pub(super) exports: Vec<CoreDecl>,
}

impl Declared {
    /// Reads the declarations of a module that was validated before.
    pub(super) fn read(wasm: &[u8]) -> Result<Self> {
        let invalid = |error: wasmparser::BinaryReaderError| {
            Error::new(ErrorKind::Invalid, error.to_string())
        };
        let decl = |module: &str, name: &str, types: TypesRef<'_>, ty: Option<EntityType>| {
            let ty = ty.expect("validated modules declare what they have");
            CoreDecl { module: module.into(), name: name.into(), ty: core_extern(types, &ty) }
        };
        let mut validator = Validator::new_with_features(WasmFeatures::all());
        let mut declared = Declared { imports: Vec::new(), exports: Vec::new() };
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload.map_err(invalid)?;
            // What is declared is declared by then: the rest is for who runs it.
            if matches!(payload, Payload::CodeSectionStart { .. } | Payload::End(_)) {
                break;
            }
            validator.payload(&payload).map_err(invalid)?;
            match payload {
                Payload::ImportSection(section) => {
                    let types = validator.types(0).expect("inside of a module");
                    for import in section.into_imports() {
                        let import = import.map_err(invalid)?;
                        let ty = types.entity_type_from_import(&import);
                        declared.imports.push(decl(import.module, import.name, types, ty));
                    }
                }
                Payload::ExportSection(section) => {
                    let types = validator.types(0).expect("inside of a module");
                    for export in section {
                        let export = export.map_err(invalid)?;
                        let ty = types.entity_type_from_export(&export);
                        declared.exports.push(decl("", export.name, types, ty));
                    }
                }
                _ => {}
            }
        }
        Ok(declared)
    }
}

/// The type of something that a validated module imports or exports.
pub(crate) fn core_extern(types: TypesRef<'_>, ty: &EntityType) -> CoreExternType {
    match ty {
        EntityType::Func(id) | EntityType::FuncExact(id) => {
            CoreExternType::Func(core_func(types, *id))
        }
        EntityType::Tag(id) => CoreExternType::Tag(core_func(types, *id)),
        EntityType::Memory(ty) => CoreExternType::Memory(CoreMemoryType {
            memory64: ty.memory64,
            shared: ty.shared,
            minimum: ty.initial,
            maximum: ty.maximum,
        }),
        EntityType::Table(ty) => CoreExternType::Table {
            element: core_value(ValType::Ref(ty.element_type)),
            table64: ty.table64,
            minimum: ty.initial,
            maximum: ty.maximum,
        },
        EntityType::Global(ty) => {
            CoreExternType::Global { content: core_value(ty.content_type), mutable: ty.mutable }
        }
    }
}

/// A core function type.
pub(crate) fn core_func(types: TypesRef<'_>, id: CoreTypeId) -> CoreFuncType {
    let ty = types[id].unwrap_func();
    CoreFuncType {
        params: ty.params().iter().copied().map(core_value).collect(),
        results: ty.results().iter().copied().map(core_value).collect(),
    }
}

fn core_value(ty: ValType) -> CoreType {
    match ty {
        ValType::I32 => CoreType::I32,
        ValType::I64 => CoreType::I64,
        ValType::F32 => CoreType::F32,
        ValType::F64 => CoreType::F64,
        ValType::V128 => CoreType::V128,
        ValType::FUNCREF => CoreType::FuncRef,
        ValType::EXTERNREF => CoreType::ExternRef,
        ValType::Ref(_) => CoreType::OtherRef,
    }
}
