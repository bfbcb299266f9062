//! Component binaries: decoding, linking, instantiating, and looking at what came of it.
//!
//! | Explainer.md, Binary.md, Linking.md | file |
//! |---|---|
//! | Binary format, validation | `decode` |
//! | Component, instance and external types | `extern_type` |
//! | Subtyping | `subtype` |
//! | Component, instance, alias, canonical and export definitions | `ir`, `instantiate` |
//! | Canonical built-ins | `builtin` |
//! | Names, canonical interface names | `name` |
//! | Linking by the host | `link` |
//! | What loading may take | `load` |
//! | Instances, looked at from the host | `instance` |

mod builtin;
mod decode;
pub mod extern_type;
mod instance;
mod instantiate;
mod ir;
mod link;
mod load;
mod name;
mod subtype;

pub use instance::{Extern, Instance};
pub use link::{Definitions, InstancePre, Linker, TypeCheck};
pub use load::{LoadCounts, LoadLimits};

use crate::engine::{Engine, Module};
use crate::error::{Error, ErrorKind, Result};
use extern_type::ComponentType;
use ir::{Body, Program};
use load::Load;
use std::rc::Rc;
use std::sync::Arc;

/// A component that was validated and whose core modules are compiled. Cheap to clone, and
/// shareable between threads and stores of its engine.
#[derive(Clone)]
pub struct Component {
    program: Arc<Program>,
}

impl Component {
    /// Loads a component binary for `engine`.
    ///
    /// Fails with [`ErrorKind::Invalid`] where the binary is malformed or invalid, and with
    /// [`ErrorKind::Unsupported`] where it needs what the engine or this library does not have.
    pub fn load(engine: &Arc<dyn Engine>, wasm: &[u8]) -> Result<Component> {
        Component::load_within(engine, wasm, &LoadLimits::default())
    }

    /// Loads a component binary within limits other than the default ones, which are also those of
    /// each instantiation. Fails with [`ErrorKind::Limit`] beyond them.
    pub fn load_within(
        engine: &Arc<dyn Engine>,
        wasm: &[u8],
        limits: &LoadLimits,
    ) -> Result<Component> {
        let load = Load::new(limits);
        let decoded = decode::decode(wasm, &load)?;
        let modules = decoded.modules.into_iter().map(|range| {
            let offset = range.start;
            let module = wasm.get(range).ok_or_else(|| {
                Error::new(ErrorKind::Internal, "a validated core module is out of bounds")
            })?;
            engine
                .compile(module)
                .map_err(|error| error.context(format!("core module at offset {offset:#x}")))
        });
        let modules = modules.collect::<Result<Vec<Arc<dyn Module>>>>()?;
        let program =
            Program { root: decoded.root, modules, limits: *limits, load_counts: load.counts() };
        Ok(Component { program: Arc::new(program) })
    }

    /// What loading it took.
    pub fn load_counts(&self) -> LoadCounts {
        self.program.load_counts
    }

    /// What it imports and exports. Resource types in it are placeholders.
    pub fn ty(&self) -> &ComponentType {
        &self.program.root.ty
    }
}

/// Compiles a core module for `engine`, to be offered to components by a [`Linker`].
pub fn load_module(
    engine: &Arc<dyn Engine>,
    wasm: &[u8],
    limits: &LoadLimits,
) -> Result<Arc<dyn Module>> {
    decode::validate_module(wasm, &Load::new(limits))?;
    engine.compile(wasm)
}

/// A component as a value inside of a store: with what it closes over, if it was defined inside
/// another one.
#[derive(Clone)]
pub struct Closure {
    program: Arc<Program>,
    body: Arc<Body>,
    captures: Rc<[Extern]>,
}

impl Closure {
    fn of(component: &Component) -> Closure {
        let program = component.program.clone();
        Closure { body: program.root.clone(), program, captures: Rc::new([]) }
    }

    /// What it imports and exports.
    pub fn ty(&self) -> &Arc<ComponentType> {
        &self.body.ty
    }
}
