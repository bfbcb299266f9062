//! From a component binary to what the instantiator executes: one pass over the binary that
//! validates each section and then translates its definitions.

mod canon;
mod code;
mod convert;
mod count;
mod extent;
mod section;

use super::extern_type::ComponentType;
use super::ir::{Body, Initializer, Outer};
use super::load::Load;
use crate::error::{Error, ErrorKind, Result};
use convert::TypeConverter;
use extent::Extents;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use wasmparser::types::TypesRef;
use wasmparser::{
    FuncValidatorAllocations, Parser, Payload, ValidPayload, Validator, WasmFeatures,
};

/// How deep components may nest in one another, and component and instance types, which may also
/// refer to one another so deep. The validator walks types by recursion: this is what it has room for on
/// a thread with 384 KiB of stack, built without optimization.
const MAX_NESTING: usize = 30;

/// The proposals that components may use: the component model at the baseline, and the core
/// features that are on by default.
fn features() -> WasmFeatures {
    WasmFeatures::default()
        | WasmFeatures::CM_ASYNC_STACKFUL
        | WasmFeatures::CM_MORE_ASYNC_BUILTINS
        | WasmFeatures::CM_THREADING
        | WasmFeatures::CM_ERROR_CONTEXT
        | WasmFeatures::CM_FIXED_LENGTH_LISTS
        | WasmFeatures::CM64
        | WasmFeatures::CM_FORWARD
        | WasmFeatures::CM_ACCESSORS
}

/// What is to be done with the bodies of functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Validated,
    /// Only charged for: the engine validates them.
    Charged,
    /// Nothing, for it was done before.
    Skipped,
}

/// A component whose core modules are still to be compiled.
pub(crate) struct Decoded {
    pub(crate) root: Arc<Body>,
    /// Where the core modules are in the binary.
    pub(crate) modules: Vec<Range<usize>>,
}

/// Validates and translates `wasm`, charging `load`.
pub(super) fn decode(wasm: &[u8], code: Code, load: &Load) -> Result<Decoded> {
    check_header(wasm)?;
    let decoder = Decoder::new(wasm, code, load).run()?;
    let root = decoder.root.ok_or_else(|| error("the binary ends in the middle", wasm.len()))?;
    Ok(Decoded { root, modules: decoder.modules })
}

/// Validates a core module, charging `load`.
pub(super) fn validate_module(wasm: &[u8], code: Code, load: &Load) -> Result<()> {
    if Parser::is_component(wasm) {
        return Err(error("this is a component, not a core module", 4));
    }
    let mut decoder = Decoder::new(wasm, code, load);
    decoder.in_module = true;
    decoder.run().map(drop)
}

/// Tells the usual mistakes from each other before anything is parsed.
fn check_header(wasm: &[u8]) -> Result<()> {
    const MAGIC: &[u8] = b"\0asm";
    if wasm.is_empty() {
        return Err(error("the input is empty, not a component", 0));
    }
    if wasm.starts_with(super::precompiled::MAGIC) {
        let text = "this is a precompiled component, which \
                    `cmabi_component_load_precompiled` loads";
        return Err(error(text, 0));
    }
    // It may begin with a comment.
    if matches!(wasm.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'(' | b';')) {
        let text = "this is WebAssembly text, not a component binary; translate it first, \
                    for example with `wasm-tools parse`";
        return Err(error(text, 0));
    }
    if !wasm.starts_with(&MAGIC[..wasm.len().min(MAGIC.len())]) {
        let text = "this is not WebAssembly: it does not start with the bytes `\\0asm`";
        return Err(error(text, 0));
    }
    if wasm.len() < 8 {
        return Err(error("the binary ends in the middle of its header", wasm.len()));
    }
    if Parser::is_core_wasm(wasm) {
        let text = "this is a core module, not a component; \
                    make one of it, for example with `wasm-tools component new`";
        return Err(error(text, 4));
    }
    Ok(())
}

fn error(message: impl std::fmt::Display, offset: usize) -> Error {
    Error::new(ErrorKind::Invalid, format!("{message} (at offset {offset:#x})"))
}

fn invalid(error: wasmparser::Error) -> Error {
    // The parser says by which change it follows.
    if error.message().contains("historically accepted as `cancellable`") {
        let message = format!(
            "a built-in is `cancellable`, which the component model no longer has: build the component \
             again without that option, or with tools of wasm-tools 1.262 or later (at offset {:#x})",
            error.offset()
        );
        return Error::new(ErrorKind::Unsupported, message);
    }
    let is_limit = |text| error.message().contains(text);
    let kind = match is_limit("count exceeds limit of") || is_limit("nesting is too deep") {
        true => ErrorKind::Limit,
        false => ErrorKind::Invalid,
    };
    Error::new(kind, error.to_string())
}

struct Decoder<'a> {
    wasm: &'a [u8],
    load: &'a Load,
    code: Code,
    extents: Extents<'a>,
    validator: Validator,
    allocations: FuncValidatorAllocations,
    types: TypeConverter,
    /// The components that are open, outermost first.
    bodies: Vec<BodyBuilder>,
    in_module: bool,
    /// The most parameters or results of a function type of the core module that is open.
    widest: usize,
    modules: Vec<Range<usize>>,
    root: Option<Arc<Body>>,
}

/// A component that is being translated.
#[derive(Default)]
struct BodyBuilder {
    initializers: Vec<Initializer>,
    /// What it takes from the components around it.
    captures: Vec<Outer>,
    imports: Vec<ExternName>,
    exports: Vec<ExternName>,
    /// The `canon lift` behind a function index, by its place in `initializers`.
    lifts: HashMap<u32, usize>,
}

/// The name of an import or export, and what it says it implements.
struct ExternName {
    name: Arc<str>,
    implements: Option<Arc<str>>,
}

/// How many definitions the index spaces had before a section.
#[derive(Clone, Copy, Default)]
struct Counts {
    types: u32,
    funcs: u32,
    instances: u32,
}

impl<'a> Decoder<'a> {
    fn new(wasm: &'a [u8], code: Code, load: &'a Load) -> Self {
        let features = features();
        Decoder {
            wasm,
            load,
            code,
            extents: Extents::new(wasm, features),
            validator: Validator::new_with_features(features),
            allocations: FuncValidatorAllocations::default(),
            types: TypeConverter::default(),
            bodies: Vec::new(),
            in_module: false,
            widest: 0,
            modules: Vec::new(),
            root: None,
        }
    }

    fn run(mut self) -> Result<Self> {
        let mut parser = Parser::new(0);
        parser.set_features(*self.validator.features());
        for payload in parser.parse_all(self.wasm) {
            self.payload(&payload.map_err(invalid)?)?;
        }
        Ok(self)
    }

    fn payload(&mut self, payload: &Payload<'a>) -> Result<()> {
        let before = self.counts();
        count::check(payload)?;
        self.extents.payload(payload, self.load)?;
        if let Payload::TypeSection(section) = payload {
            self.core_types(section)?;
        }
        let valid = self.validator.payload(payload).map_err(invalid)?;
        #[cfg(debug_assertions)]
        self.check_extents();
        match valid {
            ValidPayload::Func(..) if self.code == Code::Skipped => Ok(()),
            ValidPayload::Func(func, body) => {
                let mut validator = func.into_validator(std::mem::take(&mut self.allocations));
                self.body_of_function(&mut validator, &body)?;
                self.allocations = validator.into_allocations();
                Ok(())
            }
            ValidPayload::End(types) => self.end(types.as_ref()),
            _ if self.in_module => Ok(()),
            _ => self.section(payload, before),
        }
    }

    fn counts(&self) -> Counts {
        match self.validator.types(0) {
            Some(types) if !self.in_module => Counts {
                types: types.component_type_count(),
                funcs: types.component_function_count(),
                instances: types.component_instance_count(),
            },
            _ => Counts::default(),
        }
    }

    /// The index spaces are those of the validator.
    #[cfg(debug_assertions)]
    fn check_extents(&self) {
        if self.bodies.is_empty() {
            return;
        }
        if let (Some(types), Some(counts)) = (self.validator.types(0), self.extents.counts()) {
            let expected = [
                types.component_type_count(),
                types.component_function_count(),
                types.component_instance_count(),
                types.component_count(),
                types.module_count(),
            ];
            assert_eq!(counts.map(|count| count as u32), expected);
        }
    }

    fn begin_component(&mut self) -> Result<()> {
        if self.bodies.len() == MAX_NESTING {
            let message = format!("components nest more than {MAX_NESTING} deep");
            return Err(Error::new(ErrorKind::Limit, message));
        }
        self.bodies.push(BodyBuilder::default());
        Ok(())
    }

    /// The end of a core module or of a component.
    fn end(&mut self, types: TypesRef<'_>) -> Result<()> {
        if std::mem::take(&mut self.in_module) {
            self.widest = 0;
            return Ok(());
        }
        let builder = self.bodies.pop().expect("a component was begun");
        let ty = ComponentType {
            imports: self.types.decls(
                types,
                &builder.imports,
                TypesRef::component_item_for_import,
            )?,
            exports: self.types.decls(
                types,
                &builder.exports,
                TypesRef::component_item_for_export,
            )?,
        };
        let body = Arc::new(Body { initializers: builder.initializers, ty: Arc::new(ty) });
        match self.bodies.last_mut() {
            Some(parent) => {
                let captures = builder.captures.into();
                parent.initializers.push(Initializer::Component { body, captures });
            }
            None => self.root = Some(body),
        }
        Ok(())
    }
}
