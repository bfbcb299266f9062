//! Components in scripts.

use crate::value::{self, Value};
use cmabi::component::{Component, Instance, Linker};
use cmabi::engine::Engine;
use cmabi::error::Result;
use cmabi::runtime::{Store, StoreConfig};
use std::sync::Arc;

/// The component instances of a script, in one store.
pub struct Components {
    store: Store,
    linker: Linker,
}

impl Components {
    pub fn new(engine: &Arc<dyn Engine>, config: &StoreConfig) -> Self {
        let store = Store::new(&**engine, config).expect("a store without fuel");
        Components { store, linker: Linker::new() }
    }

    /// Instantiates `component` with the registered instances.
    pub fn instantiate(&mut self, component: &Component) -> Result<Instance> {
        self.linker.instantiate(&mut self.store.cx(), component)
    }

    /// Makes an instance importable as `name`.
    pub fn register(&mut self, name: &str, instance: &Instance) -> Result<()> {
        self.linker.root().existing(name, instance)
    }

    /// Calls an exported function with arguments in WAVE.
    pub fn invoke(
        &mut self,
        instance: &Instance,
        name: &str,
        args: &[String],
    ) -> Result<Option<Value>> {
        let func = instance.func(name)?;
        value::call(&mut self.store, func, &format!("({})", args.join(", ")))
    }
}
