//! The engines to choose from.

use clap::ValueEnum;
use cmabi::engine::Engine;
use cmabi::engine::vtable::VtableEngine;
use cmabi::engine::wasmi::WasmiEngine;
use cmabi::error::{Error, ErrorKind, Result};
use cmabi::ffi::cmabi_engine::engine_interface::{CALLBACKS, cmabi_engine_interface};
use std::env;
use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

/// An engine's name on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub enum EngineName {
    /// The interpreter in the library
    Wasmi,
    /// Native code: loads libcmabi_wasmtime, by the path in CMABI_WASMTIME, from beside the command, or from where
    /// the system looks for libraries
    Wasmtime,
}

impl EngineName {
    /// The engine of that name, for stores that meter fuel or do not.
    pub fn engine(self, metered: bool) -> Result<Arc<dyn Engine>> {
        match self {
            EngineName::Wasmi => Ok(Arc::new(WasmiEngine::default())),
            EngineName::Wasmtime => Ok(Arc::new(wasmtime(metered)?)),
        }
    }
}

const LIBRARY: &str = "libcmabi_wasmtime.so.0";

/// Where the library may be.
fn places() -> Vec<PathBuf> {
    if let Some(path) = env::var_os("CMABI_WASMTIME") {
        return vec![path.into()];
    }
    let mut places = Vec::new();
    if let Some(dir) = env::current_exe().ok().as_deref().and_then(|exe| exe.parent()) {
        places.extend([dir.join(LIBRARY), dir.join("../lib").join(LIBRARY)]);
        places.retain(|place| place.exists());
    }
    places.push(LIBRARY.into());
    places
}

fn wasmtime(metered: bool) -> Result<VtableEngine> {
    type Fill = unsafe extern "C" fn(u64, bool, bool, *mut cmabi_engine_interface) -> bool;
    let unsupported = |what: String| Err(Error::new(ErrorKind::Unsupported, what));
    let mut library = std::ptr::null_mut::<c_void>();
    for place in places() {
        let place = CString::new(place.as_os_str().as_bytes()).expect("paths have no zeros");
        // SAFETY: a library that is loaded does not run anything but what makes it.
        library = unsafe { libc::dlopen(place.as_ptr(), libc::RTLD_NOW) };
        if !library.is_null() {
            break;
        }
    }
    if library.is_null() {
        return unsupported(format!("the engine is not there: {}", last_error()));
    }
    // SAFETY: the library is loaded.
    let fill = unsafe { libc::dlsym(library, c"cmabi_wasmtime_engine_interface".as_ptr()) };
    if fill.is_null() {
        return unsupported(format!("the engine is another: {}", last_error()));
    }
    // SAFETY: that is its type, in its header.
    let fill = unsafe { std::mem::transmute::<*mut c_void, Fill>(fill) };
    let mut table = MaybeUninit::<cmabi_engine_interface>::zeroed();
    // SAFETY: the table begins with its size, and is whole where the answer is true.
    unsafe {
        (&raw mut (*table.as_mut_ptr()).size).write(size_of::<cmabi_engine_interface>());
        if !fill(0, metered, false, table.as_mut_ptr()) {
            return unsupported("the engine is of another version of the library".to_owned());
        }
        VtableEngine::new(table.assume_init(), CALLBACKS)
    }
}

fn last_error() -> String {
    // SAFETY: a text, or NULL, which is not used after the next call.
    unsafe {
        let text: *const c_char = libc::dlerror();
        if text.is_null() { String::new() } else { CStr::from_ptr(text).to_string_lossy().into() }
    }
}
