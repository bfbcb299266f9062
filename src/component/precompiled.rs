//! Components with their compiled code, as bytes that can be stored.
//!
//! One after the other, numbers in little-endian order: [`MAGIC`]; [`FORMAT`] in 4 bytes; the size of it all in 8;
//! the version of the library; [`Engine::code_version`], empty where an engine has none; the component's binary;
//! how many modules have code, in 4 bytes; the code of each; a checksum of all this, in 8 bytes. What has a
//! length begins with it, in 8 bytes.
//!
//! The binary is decoded again when it is loaded: that takes a small part of the time that compiling takes, and
//! its types exist only once. Code is not validated again: the checksum says that nothing has become of it.

use super::{Component, LoadLimits};
use crate::account::no_memory;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// What the bytes begin with. Neither text nor wasm does.
pub(super) const MAGIC: &[u8; 8] = b"\0cmabi\x1a\n";

/// The version of what follows.
const FORMAT: u32 = 1;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Bytes up to the size, and of the checksum.
const HEAD: usize = 20;
const CHECKSUM: usize = 8;

/// What the bytes of a component hold.
pub(super) struct Precompiled<'a> {
    pub(super) wasm: &'a [u8],
    pub(super) code: Vec<&'a [u8]>,
}

impl Component {
    /// Whether the bytes begin as [`Component::serialize`] writes them.
    pub fn is_precompiled(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC)
    }

    /// The [`Engine::code_version`] that the bytes say they are for, empty for an engine without; `None` for other
    /// bytes. Whether they are whole is not looked at.
    pub fn precompiled_for(bytes: &[u8]) -> Option<&str> {
        let mut reader = Reader(bytes.get(HEAD..).filter(|_| Component::is_precompiled(bytes))?);
        reader.part()?;
        std::str::from_utf8(reader.part()?).ok()
    }

    /// The component with its compiled code, for [`Component::load_precompiled`].
    pub fn serialize(&self) -> Result<Vec<u8>> {
        let version = self.engine.code_version();
        let modules = if version.is_some() { &*self.program.modules } else { &[] };
        let code = modules.iter().map(|module| module.serialize());
        let code = code.collect::<Result<Vec<_>>>()?;

        let mut parts = vec![VERSION.as_bytes(), version.unwrap_or("").as_bytes(), &self.wasm];
        parts.extend(code.iter().map(|code| &**code));
        let size = HEAD + parts.iter().map(|part| 8 + part.len()).sum::<usize>() + 4 + CHECKSUM;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size).map_err(|_| no_memory(size as u64))?;
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&(size as u64).to_le_bytes());
        for (i, part) in parts.into_iter().enumerate() {
            if i == 3 {
                bytes.extend_from_slice(&(code.len() as u32).to_le_bytes());
            }
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part);
        }
        if code.is_empty() {
            bytes.extend_from_slice(&0u32.to_le_bytes());
        }
        let checksum = xxh3_64(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        debug_assert_eq!(bytes.len(), size);
        Ok(bytes)
    }

    /// Loads what [`Component::serialize`] has written. The code in it runs: `bytes` are to be trusted as the
    /// library itself is. What has become another by accident, and what another library or engine has written,
    /// is an error.
    pub fn load_precompiled(
        engine: &Arc<dyn Engine>,
        bytes: &[u8],
        limits: &LoadLimits,
    ) -> Result<Component> {
        let precompiled = Precompiled::read(bytes, &**engine)?;
        let wasm = super::copied(precompiled.wasm)?;
        precompiled.load(engine, wasm, limits)
    }
}

impl<'a> Precompiled<'a> {
    /// Looks whether the bytes are whole, and made for `engine`.
    pub(super) fn read(bytes: &'a [u8], engine: &dyn Engine) -> Result<Self> {
        let mut reader = Reader(bytes);
        let head = reader.take(MAGIC.len()).filter(|head| head == MAGIC);
        head.ok_or_else(|| invalid("this is not a precompiled component"))?;
        let format = reader.u32().ok_or_else(|| cut_off(bytes.len(), "its header"))?;
        if format != FORMAT {
            return Err(other(format_args!(
                "has format {format}, and this library reads {FORMAT}"
            )));
        }
        let size = reader.u64().ok_or_else(|| cut_off(bytes.len(), "its header"))?;
        if size > bytes.len() as u64 {
            return Err(cut_off(bytes.len(), format_args!("{size} bytes")));
        }
        let end = size as usize;
        if end < HEAD + CHECKSUM || end < bytes.len() {
            let size = bytes.len();
            return Err(damaged(format_args!("it says that it has {end} bytes, and has {size}")));
        }
        let (checked, checksum) = bytes.split_at(end - CHECKSUM);
        if xxh3_64(checked).to_le_bytes() != checksum {
            return Err(damaged("its checksum is another"));
        }
        let mut reader = Reader(&checked[HEAD..]);
        let parts = || -> Option<_> {
            let [library, version, wasm] = [reader.part()?, reader.part()?, reader.part()?];
            let code = (0..reader.u32()?).map(|_| reader.part()).collect::<Option<Vec<_>>>()?;
            Some((library, version, wasm, code))
        }();
        let (library, version, wasm, code) =
            parts.ok_or_else(|| damaged("its parts are not where they should be"))?;
        if library != VERSION.as_bytes() {
            let library = String::from_utf8_lossy(library);
            let what =
                format_args!("was made by version {library} of the library, and this is {VERSION}");
            return Err(other(what));
        }
        let expected = engine.code_version();
        if version != expected.unwrap_or("").as_bytes() {
            let version = String::from_utf8_lossy(version);
            let what = format_args!(
                "is for {}, and this is {}",
                Maker(&version),
                Maker(expected.unwrap_or(""))
            );
            return Err(other(what));
        }
        Ok(Precompiled { wasm, code })
    }

    /// Loads the component for the engine that it is for. `wasm` is its binary.
    pub(super) fn load(
        &self,
        engine: &Arc<dyn Engine>,
        wasm: Bytes,
        limits: &LoadLimits,
    ) -> Result<Component> {
        let has_code = engine.code_version().is_some();
        Component::build(engine, wasm, super::decode::Code::Skipped, limits, |i, module| {
            if !has_code {
                return engine.compile(module);
            }
            let code = self.code.get(i).ok_or_else(|| damaged("a module has no code"))?;
            engine.deserialize(module, code)
        })
    }
}

/// Who has compiled, in messages.
struct Maker<'a>(&'a str);

impl fmt::Display for Maker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "" => f.write_str("an engine without compiled code"),
            version => write!(f, "the engine `{version}`"),
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4).map(|bytes| u32::from_le_bytes(bytes.try_into().expect("4 bytes")))
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8).map(|bytes| u64::from_le_bytes(bytes.try_into().expect("8 bytes")))
    }

    fn part(&mut self) -> Option<&'a [u8]> {
        let len = self.u64()?;
        self.take(usize::try_from(len).ok()?)
    }
}

fn invalid(what: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Invalid, what.to_string())
}

fn cut_off(len: usize, of: impl fmt::Display) -> Error {
    invalid(format_args!(
        "the precompiled component is cut off: it has {len} bytes, less than {of}"
    ))
}

fn damaged(what: impl fmt::Display) -> Error {
    invalid(format_args!("the precompiled component is damaged: {what}"))
}

fn other(what: impl fmt::Display) -> Error {
    let what =
        format!("the precompiled component {what}: compile it again, for this engine and config");
    Error::new(ErrorKind::Unsupported, what)
}

#[cfg(all(test, feature = "wasmi"))]
mod tests {
    use super::*;
    use crate::engine::wasmi::WasmiEngine;

    fn engine() -> Arc<dyn Engine> {
        Arc::new(WasmiEngine::default())
    }

    fn stored() -> Vec<u8> {
        let wasm = wat::parse_str(r#"(component (core module) (import "a" (func)))"#).unwrap();
        Component::load(&engine(), &wasm).unwrap().serialize().unwrap()
    }

    fn load(bytes: &[u8]) -> Result<Component> {
        Component::load_precompiled(&engine(), bytes, &LoadLimits::default())
    }

    /// The bytes with other sizes and a checksum that is right.
    fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.truncate(bytes.len() - CHECKSUM);
        let size = (bytes.len() + CHECKSUM) as u64;
        bytes[12..HEAD].copy_from_slice(&size.to_le_bytes());
        let checksum = xxh3_64(&bytes).to_le_bytes();
        bytes.extend_from_slice(&checksum);
        bytes
    }

    fn check_refused(bytes: &[u8], kind: ErrorKind, message: &str) {
        let Err(error) = load(bytes) else { panic!("{message}: it was loaded") };
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(message), "{error}");
    }

    #[test]
    fn what_others_have_made_is_refused_by_name() {
        let stored = stored();
        assert_eq!(load(&stored).unwrap().ty().imports.len(), 1);
        assert_eq!(sealed(stored.clone()), stored);

        let mut version = stored.clone();
        version[HEAD + 8] = b'9';
        let expected =
            format!("made by version 9{} of the library, and this is {VERSION}", &VERSION[1..]);
        check_refused(&sealed(version), ErrorKind::Unsupported, &expected);

        let (head, rest) = stored.split_at(HEAD + 8 + VERSION.len());
        let engine = [head, &5u64.to_le_bytes(), b"other", &rest[8..]].concat();
        assert_eq!(Component::precompiled_for(&engine), Some("other"));
        let expected = "for the engine `other`, and this is an engine without compiled code";
        check_refused(&sealed(engine), ErrorKind::Unsupported, expected);
    }

    #[test]
    fn parts_that_do_not_fit_are_damage() {
        let stored = stored();
        for at in [HEAD, HEAD + 8 + VERSION.len(), stored.len() - CHECKSUM - 4] {
            let mut bytes = stored.clone();
            bytes[at] = 0xff;
            check_refused(&sealed(bytes), ErrorKind::Invalid, "its parts are not where");
        }
        let head = sealed(stored[..HEAD + CHECKSUM].to_vec());
        check_refused(&head, ErrorKind::Invalid, "its parts are not where");
    }
}
