//! A folder with the compiled code of components, for engines that give it away.
//!
//! An entry is what [`Component::serialize`] writes, under a name of its content and its engine. It has the whole
//! binary, which is compared: two binaries of one name are never taken for each other. Entries are written
//! elsewhere and renamed, so that any number of processes may use a folder at once; what is damaged, or is not for
//! this machine, is removed and made again. Who uses an entry renews its time; when there is too much, those
//! that were not used for longest go.

use super::precompiled::Precompiled;
use super::{Component, LoadLimits};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::memory::map_file;
use bytes::Bytes;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use xxhash_rust::xxh3::Xxh3;

/// A folder for compiled code. Who can write there has code run in the process.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    max_bytes: u64,
}

/// What entries end in, and what is still to become one.
const ENTRY: &str = "cmabi";
const UNFINISHED: &str = "tmp";
/// What names of the second begin with.
const OWN: &str = "cmabi-";

/// A file that is unfinished for so long is left over from a process that ended.
const LEFT_OVER: Duration = Duration::from_secs(3600);

impl Cache {
    /// Bytes that a cache takes by default.
    pub const MAX_BYTES: u64 = 1 << 30;

    /// A cache in a folder that exists, with entries of `max_bytes` at the most.
    pub fn new(folder: &Path, max_bytes: u64) -> Result<Cache> {
        let cache = Cache { folder: folder.into(), max_bytes };
        cache.check()?;
        Ok(cache)
    }

    /// Fails where nothing can be written.
    fn check(&self) -> Result<()> {
        let trial = self.unfinished();
        let written = File::create_new(&trial).and_then(|_| fs::remove_file(&trial));
        written.map_err(|error| {
            let folder = self.folder.display();
            let (kind, what) = match fs::metadata(&self.folder) {
                Err(error) => (ErrorKind::NotFound, format!("{folder}: {error}")),
                Ok(found) if !found.is_dir() => {
                    (ErrorKind::InvalidArgument, format!("{folder} is not a folder"))
                }
                Ok(_) => (
                    ErrorKind::InvalidArgument,
                    format!("{folder}: no file can be made there: {error}"),
                ),
            };
            Error::new(kind, format!("the cache: {what}"))
        })
    }

    /// Loads a component, from the cache if it is there; otherwise it is there from then on. What goes wrong with the
    /// cache does not fail: then the component is compiled.
    pub(super) fn load(
        &self,
        engine: &Arc<dyn Engine>,
        wasm: Bytes,
        limits: &LoadLimits,
    ) -> Result<Component> {
        let Some(version) = engine.code_version() else {
            return Component::load_within(engine, wasm, limits);
        };
        let entry = self.entry(version, &wasm);
        if let Some(found) = found(&entry, engine, &wasm, limits) {
            return found;
        }
        let component = Component::load_within(engine, wasm, limits)?;
        if let Ok(bytes) = component.serialize()
            && bytes.len() as u64 <= self.max_bytes
            && self.write(&entry, &bytes).is_ok()
        {
            self.trim();
        }
        Ok(component)
    }

    /// Where the code of a binary is.
    fn entry(&self, version: &str, wasm: &[u8]) -> PathBuf {
        let mut hash = Xxh3::new();
        for part in [env!("CARGO_PKG_VERSION").as_bytes(), b"\0", version.as_bytes(), b"\0", wasm] {
            hash.update(part);
        }
        self.folder.join(format!("{:032x}.{ENTRY}", hash.digest128()))
    }

    /// A name that no other file has.
    fn unfinished(&self) -> PathBuf {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let time = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.subsec_nanos());
        self.folder.join(format!("{OWN}{}-{count}-{time}.{UNFINISHED}", std::process::id()))
    }

    fn write(&self, entry: &Path, bytes: &[u8]) -> io::Result<()> {
        let unfinished = self.unfinished();
        let mut file = OpenOptions::new().write(true).create_new(true).open(&unfinished)?;
        let written = file.write_all(bytes).and_then(|()| fs::rename(&unfinished, entry));
        if written.is_err() {
            remove(&unfinished);
        }
        written
    }

    /// Removes what is too much.
    fn trim(&self) {
        let Ok(files) = fs::read_dir(&self.folder) else { return };
        let mut entries = Vec::new();
        for file in files.flatten() {
            let path = file.path();
            let Ok((used, size)) =
                file.metadata().and_then(|file| Ok((file.modified()?, file.len())))
            else {
                continue;
            };
            match path.file_name().and_then(|name| name.to_str()) {
                Some(name) if is_entry(name) => entries.push((used, size, path)),
                Some(name)
                    if is_unfinished(name) && used.elapsed().is_ok_and(|age| age > LEFT_OVER) =>
                {
                    remove(&path)
                }
                _ => {}
            }
        }
        let mut total: u64 = entries.iter().map(|(_, size, _)| size).sum();
        if total <= self.max_bytes {
            return;
        }
        entries.sort();
        for (_, size, path) in entries {
            if total <= self.max_bytes {
                break;
            }
            remove(&path);
            total -= size;
        }
    }
}

/// Whether a file of this name is an entry. The folder may have files of others, which are none of the cache's.
fn is_entry(name: &str) -> bool {
    name.strip_suffix(ENTRY).and_then(|name| name.strip_suffix('.')).is_some_and(|hash| {
        hash.len() == 32 && hash.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Whether a file of this name was to become an entry; see [`Cache::unfinished`].
fn is_unfinished(name: &str) -> bool {
    let numbers = name.strip_prefix(OWN).and_then(|name| name.strip_suffix(UNFINISHED));
    let is_own = |byte: u8| byte.is_ascii_digit() || byte == b'-';
    numbers.and_then(|name| name.strip_suffix('.')).is_some_and(|name| name.bytes().all(is_own))
}

/// The component of an entry, or why it cannot be loaded at all; `None` where it is to be compiled.
fn found(
    entry: &Path,
    engine: &Arc<dyn Engine>,
    wasm: &Bytes,
    limits: &LoadLimits,
) -> Option<Result<Component>> {
    let file = File::open(entry).ok()?;
    let loaded = map_file(&file).ok().and_then(|bytes| {
        let precompiled = Precompiled::read(&bytes, &**engine).ok()?;
        let loaded =
            (precompiled.wasm == wasm).then(|| precompiled.load(engine, wasm.clone(), limits))?;
        match loaded {
            // That would be no other if it was compiled.
            Err(error) if error.kind() != ErrorKind::Limit => None,
            loaded => Some(loaded),
        }
    });
    match &loaded {
        Some(_) => {
            // Who cannot write there uses what others have made.
            let _ = file.set_modified(SystemTime::now());
        }
        None => remove(entry),
    }
    loaded
}

/// Removes a file, which another process may have done.
fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}
