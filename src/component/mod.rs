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
//! | Components with their compiled code, as bytes; a folder of them | `precompiled`, `cache` |
//! | Instances, looked at from the host | `instance` |

mod builtin;
mod cache;
mod decode;
pub mod extern_type;
mod instance;
mod instantiate;
mod ir;
mod link;
mod load;
mod name;
mod precompiled;
mod subtype;

pub use cache::Cache;
pub use instance::{Extern, Instance};
pub use link::{Definitions, InstancePre, Linker, TypeCheck};
pub use load::{LoadCounts, LoadLimits};

use crate::account::no_memory;
use crate::engine::{Engine, Module};
use crate::error::{Error, ErrorKind, Result};
use bytes::Bytes;
use decode::Code;
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
    engine: Arc<dyn Engine>,
    /// Its binary, of which its modules are parts.
    wasm: Bytes,
}

impl Component {
    /// Loads a component binary for `engine`.
    ///
    /// Fails with [`ErrorKind::Invalid`] where the binary is malformed or invalid, and with
    /// [`ErrorKind::Unsupported`] where it needs what the engine or this library does not have.
    pub fn load(engine: &Arc<dyn Engine>, wasm: &[u8]) -> Result<Component> {
        Component::load_within(engine, copied(wasm)?, &LoadLimits::default())
    }

    /// Loads a component binary within limits other than the default ones, which are also those of
    /// each instantiation. Fails with [`ErrorKind::Limit`] beyond them.
    pub fn load_within(
        engine: &Arc<dyn Engine>,
        wasm: Bytes,
        limits: &LoadLimits,
    ) -> Result<Component> {
        checked(&**engine, |code| {
            Component::build(engine, wasm.clone(), code, limits, |_, module| engine.compile(module))
        })
    }

    /// Loads a component binary, as [`Component::load_within`], with code that is in the cache, if there is one.
    pub fn load_cached(
        engine: &Arc<dyn Engine>,
        wasm: Bytes,
        limits: &LoadLimits,
        cache: Option<&Cache>,
    ) -> Result<Component> {
        match cache {
            Some(cache) => cache.load(engine, wasm, limits),
            None => Component::load_within(engine, wasm, limits),
        }
    }

    /// Decodes a binary, and has each of its core modules compiled, or whatever else makes one.
    fn build(
        engine: &Arc<dyn Engine>,
        wasm: Bytes,
        code: Code,
        limits: &LoadLimits,
        compile: impl Fn(usize, Bytes) -> Result<Arc<dyn Module>>,
    ) -> Result<Component> {
        let load = Load::new(limits);
        let decoded = decode::decode(&wasm, code, &load)?;
        let modules = decoded.modules.into_iter().enumerate().map(|(i, range)| {
            if range.end > wasm.len() {
                let what = "a validated core module is out of bounds";
                return Err(Error::new(ErrorKind::Internal, what));
            }
            let offset = range.start;
            compile(i, wasm.slice(range))
                .map_err(|error| error.context(format!("core module at offset {offset:#x}")))
        });
        let modules = modules.collect::<Result<Vec<Arc<dyn Module>>>>()?;
        let program =
            Program { root: decoded.root, modules, limits: *limits, load_counts: load.counts() };
        Ok(Component { program: Arc::new(program), engine: engine.clone(), wasm })
    }

    /// Whether it can run in the stores of `engine`.
    pub fn is_for(&self, engine: &Arc<dyn Engine>) -> bool {
        Arc::ptr_eq(&self.engine, engine)
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
    checked(&**engine, |code| {
        decode::validate_module(wasm, code, &Load::new(limits))?;
        engine.compile(copied(wasm)?)
    })
}

/// Loads something, with the bodies of functions validated once: by the engine, if it does. What cannot be loaded
/// is loaded again with all of it validated here, which says best what is wrong, and where.
fn checked<T>(engine: &dyn Engine, load: impl Fn(Code) -> Result<T>) -> Result<T> {
    if engine.validates_code()
        && let Ok(loaded) = load(Code::Charged)
    {
        return Ok(loaded);
    }
    load(Code::Validated)
}

/// A copy of a binary, which may be larger than what the system has left.
pub fn copied(wasm: &[u8]) -> Result<Bytes> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(wasm.len()).map_err(|_| no_memory(wasm.len() as u64))?;
    copy.extend_from_slice(wasm);
    Ok(copy.into())
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
