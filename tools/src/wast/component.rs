//! Components in scripts.

use crate::value::{self, Value};
use cmabi::component::{self, Component, Linker};
use cmabi::engine::Engine;
use cmabi::error::Result;
use cmabi::runtime::{Store, StoreConfig};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// Makes the component instances of a script.
pub struct Components {
    engine: Arc<dyn Engine>,
    config: StoreConfig,
    /// Where all of them are; otherwise each has a store to itself, which goes with it.
    shared: Option<Rc<RefCell<Store>>>,
    registered: BTreeMap<String, component::Instance>,
    linker: Linker,
}

/// A component instance, with its store.
#[derive(Clone)]
pub struct Instance {
    instance: component::Instance,
    store: Rc<RefCell<Store>>,
}

impl Components {
    /// `registers` says whether instances will be registered.
    pub fn new(engine: &Arc<dyn Engine>, config: &StoreConfig, registers: bool) -> Self {
        let mut components = Components {
            engine: engine.clone(),
            config: config.clone(),
            shared: None,
            registered: BTreeMap::new(),
            linker: Linker::new(),
        };
        components.shared = registers.then(|| components.new_store());
        components
    }

    fn new_store(&self) -> Rc<RefCell<Store>> {
        let store = Store::new(&*self.engine, &self.config).expect("a store without fuel");
        Rc::new(RefCell::new(store))
    }

    /// Instantiates `component` with the registered instances.
    pub fn instantiate(&self, component: &Component) -> Result<Instance> {
        let store = self.shared.clone().unwrap_or_else(|| self.new_store());
        let instance = self.linker.instantiate(&mut store.borrow_mut().cx(), component)?;
        Ok(Instance { instance, store })
    }

    /// Makes an instance importable as `name`, instead of one that was before.
    pub fn register(&mut self, name: &str, instance: &Instance) -> Result<()> {
        self.registered.insert(name.into(), instance.instance.clone());
        self.linker = Linker::new();
        let root = self.linker.root();
        self.registered.iter().try_for_each(|(name, instance)| root.existing(name, instance))
    }
}

impl Instance {
    /// Calls an exported function with arguments in WAVE.
    pub fn invoke(&self, name: &str, args: &[String]) -> Result<Option<Value>> {
        let func = self.instance.func(name)?;
        value::call(&mut self.store.borrow_mut(), func, &format!("({})", args.join(", ")))
    }
}
