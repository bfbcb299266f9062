//! Components in files.

use crate::engine::EngineName;
use bytes::Bytes;
use cmabi::component::{Cache, Component, LoadLimits};
use cmabi::engine::Engine;
use cmabi::error::{Error, ErrorKind, Result};
use cmabi::memory;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::Arc;

/// A component's binary, or what `cmabi compile` has made of one.
pub enum Binary {
    Wasm(Vec<u8>),
    Precompiled(Bytes),
}

impl Binary {
    /// The file at the path; the standard input for `-`.
    pub fn read(file: &Path) -> Result<Binary> {
        let read = match file.as_os_str().as_encoded_bytes() {
            b"-" => Binary::from_stdin(),
            _ => File::open(file).and_then(Binary::from_file),
        };
        let cannot =
            |error| Error::new(ErrorKind::NotFound, format!("{}: {error}", file.display()));
        let binary = read.map_err(cannot)?;
        if let Binary::Wasm(wasm) = &binary {
            check_is_component(file, wasm)?;
        }
        Ok(binary)
    }

    fn from_stdin() -> io::Result<Binary> {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes)?;
        Ok(match Component::is_precompiled(&bytes) {
            true => Binary::Precompiled(bytes.into()),
            false => Binary::Wasm(bytes),
        })
    }

    fn from_file(mut file: File) -> io::Result<Binary> {
        let mut bytes = Vec::new();
        (&file).take(8).read_to_end(&mut bytes)?;
        if Component::is_precompiled(&bytes) {
            file.rewind()?;
            return Ok(Binary::Precompiled(memory::map_file(&file)?));
        }
        file.read_to_end(&mut bytes)?;
        Ok(Binary::Wasm(bytes))
    }

    /// The engine for it, where none is asked for.
    pub fn engine(&self) -> EngineName {
        match self {
            Binary::Precompiled(bytes)
                if Component::precompiled_for(bytes).is_some_and(|engine| !engine.is_empty()) =>
            {
                EngineName::Wasmtime
            }
            _ => EngineName::Wasmi,
        }
    }

    /// Loads the component.
    pub fn load(self, engine: &Arc<dyn Engine>, cache: Option<&Cache>) -> Result<Component> {
        let limits = LoadLimits::default();
        match self {
            Binary::Wasm(wasm) => Component::load_cached(engine, wasm.into(), &limits, cache),
            Binary::Precompiled(bytes) => {
                Component::load_precompiled(engine, &bytes, &limits).map_err(|error| match error.kind() {
                    ErrorKind::Unsupported => error.context(
                        "`cmabi compile --engine` names the engine that is to run it, `--metered` is for `run --fuel`",
                    ),
                    _ => error,
                })
            }
        }
    }
}

/// A core module is no component, but can be made one.
fn check_is_component(file: &Path, wasm: &[u8]) -> Result<()> {
    if !wasm.starts_with(b"\0asm\x01\0\0\0") {
        return Ok(());
    }
    let (file, adapter) = (file.display(), "wasi_snapshot_preview1.command.wasm");
    let message = format!(
        "{file} is a core module, not a component. `wasm-tools component new {file} -o component.wasm` makes \
         one of a module that was built for components, and with `--adapt {adapter}` of one for WASI preview 1"
    );
    Err(Error::new(ErrorKind::Invalid, message))
}
