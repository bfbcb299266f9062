//! What the tests that run components share.

#![allow(dead_code, reason = "each test file uses a part of this")]

use cmabi::component::{Component, Instance, Linker};
use cmabi::engine::Engine;
use cmabi::engine::wasmi::WasmiEngine;
use cmabi::error::Result;
use cmabi::host;
use cmabi::memory::Arena;
use cmabi::runtime::{FuncInst, HostFunc, HostOutcome, Store, StoreConfig};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// An engine, a store and a linker.
pub(crate) struct World {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) store: Store,
    pub(crate) linker: Linker,
}

impl World {
    pub(crate) fn new() -> World {
        let engine: Arc<dyn Engine> = Arc::new(WasmiEngine::default());
        let store = Store::new(&*engine, &StoreConfig::default()).unwrap();
        World { engine, store, linker: Linker::new() }
    }

    #[track_caller]
    pub(crate) fn load(&self, text: &str) -> Component {
        let wasm = wat::parse_str(text).expect("the test's text is well-formed");
        Component::load(&self.engine, &wasm).expect("the test's component is valid")
    }

    #[track_caller]
    pub(crate) fn try_instantiate(&mut self, text: &str) -> Result<Instance> {
        let component = self.load(text);
        self.linker.instantiate(&mut self.store.cx(), &component)
    }

    #[track_caller]
    pub(crate) fn instantiate(&mut self, text: &str) -> Instance {
        self.try_instantiate(text).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Calls an export with the canonical record of its parameters; the result is that of the
    /// function in the host's layout.
    pub(crate) fn call<P, R: Default>(
        &mut self,
        instance: &Instance,
        path: &str,
        params: P,
    ) -> Result<R> {
        let func = instance.func(path)?.clone();
        self.call_func(&func, params)
    }

    pub(crate) fn call_func<P, R: Default>(&mut self, func: &FuncInst, params: P) -> Result<R> {
        let mut result = R::default();
        let arena = Rc::new(Arena::default());
        let results = std::ptr::from_mut(&mut result).cast();
        let params = std::ptr::from_ref(&params).cast();
        host::call(&mut self.store.cx(), func, params, results, &arena)?;
        Ok(result)
    }
}

/// A host function without parameters and result that counts its calls.
pub(crate) fn counter(count: &Arc<AtomicU32>) -> Arc<HostFunc> {
    let count = count.clone();
    Arc::new(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(HostOutcome::Returned)
    })
}

/// A host function that nobody is to call.
pub(crate) fn uncalled() -> Arc<HostFunc> {
    Arc::new(|_| panic!("called"))
}
