//! Engine

use super::config::{LoadSettings, cmabi_config};
use super::error::{cmabi_error, cmabi_status};
#[cfg(feature = "component")]
use crate::component::Cache;
use crate::engine::Engine;
use crate::error::Result;
use crate::ffi::check;
use crate::ffi::{guard, guard_or};
use std::sync::Arc;

/// What compiles and runs core wasm. Components are loaded for one engine and run in its stores.
///
/// It may be used from any thread. What was made with it keeps what it needs of it: it can be freed
/// at any time.
/// @since 0.1
pub struct cmabi_engine {
    pub(in crate::ffi) engine: Arc<dyn Engine>,
    #[cfg_attr(not(feature = "component"), expect(dead_code, reason = "there is nothing to load"))]
    pub(in crate::ffi) load: LoadSettings,
    #[cfg(feature = "component")]
    pub(in crate::ffi) cache: Option<Arc<Cache>>,
}

impl cmabi_engine {
    /// What C gets to own.
    pub(in crate::ffi) fn owned(
        engine: Arc<dyn Engine>,
        config: Option<&cmabi_config>,
    ) -> *mut Self {
        let load = config.map_or_else(LoadSettings::default, |config| config.load);
        Box::into_raw(Box::new(cmabi_engine {
            engine,
            load,
            #[cfg(feature = "component")]
            cache: config.and_then(|config| config.cache.clone()),
        }))
    }
}

/// Makes the built-in engine, an interpreter. `config` may be NULL for the defaults.
///
/// `CMABI_STATUS_UNSUPPORTED` where the library was built without it.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_engine_new(
    config: *const cmabi_config,
    engine: *mut *mut cmabi_engine,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (engine, config) = unsafe { (check::out_handle(engine, "engine")?, config.as_ref()) };
        *engine = cmabi_engine::owned(built_in(config)?, config);
        Ok(())
    })
}

#[cfg(feature = "wasmi")]
fn built_in(config: Option<&cmabi_config>) -> Result<Arc<dyn Engine>> {
    use crate::engine::wasmi::{WasmiConfig, WasmiEngine};
    let mut settings = WasmiConfig::default();
    if let Some(calls) = config.and_then(|config| config.max_recursion) {
        settings.max_recursion_depth = calls as usize;
    }
    if let Some(bytes) = config.and_then(|config| config.max_stack_bytes) {
        settings.max_stack_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    }
    Ok(Arc::new(WasmiEngine::new(&settings)))
}

#[cfg(not(feature = "wasmi"))]
fn built_in(_: Option<&cmabi_config>) -> Result<Arc<dyn Engine>> {
    Err(crate::ffi::left_out("wasmi"))
}

/// Frees an engine. NULL is fine.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_engine_free(engine: *mut cmabi_engine) {
    guard_or((), || {
        if !engine.is_null() {
            // SAFETY: the header's rules: the engine is the caller's and is freed once.
            drop(unsafe { Box::from_raw(engine) });
        }
    });
}
