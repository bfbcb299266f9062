//! The directives of a script.

use super::component::{self, Components};
use super::core::{CoreInstances, CoreModule};
use super::reach::Reach;
use super::trap;
use crate::value;
use cmabi::component::Component;
use cmabi::engine::Engine;
use cmabi::error::{Error, ErrorKind, Result};
use cmabi::runtime::StoreConfig;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use wast::core::WastRetCore;
use wast::token::Id;
use wast::{QuoteWat, WastArg, WastDirective, WastExecute, WastInvoke, WastRet, Wat};

/// What a directive expected, and what it got.
pub struct Mismatch {
    expected: String,
    got: String,
}

impl Mismatch {
    pub fn new(expected: impl Into<String>, got: impl Into<String>) -> Self {
        Mismatch { expected: expected.into(), got: got.into() }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, got {}", self.expected, self.got)
    }
}

/// Something that a `module` or `component` directive defines.
#[derive(Clone)]
enum Definition {
    Core(CoreModule),
    Component(Component),
}

/// An instance of a definition.
#[derive(Clone)]
enum Instance {
    /// An index into core instances.
    Core(Rc<RefCell<CoreInstances>>, usize),
    Component(component::Instance),
}

/// What an action gives.
enum Values {
    /// Core values, as text and bits.
    Core(Vec<super::core::CoreValue>),
    /// A component function's result as WAVE text, and its type.
    Component(Option<value::Value>),
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Values::Core(values) => {
                let values: Vec<_> = values.iter().map(ToString::to_string).collect();
                write!(f, "({})", values.join(" "))
            }
            Values::Component(Some(value)) => value.fmt(f),
            Values::Component(None) => f.write_str("no result"),
        }
    }
}

/// The state of a script that is being run.
pub struct Script {
    path: PathBuf,
    engine: Arc<dyn Engine>,
    config: StoreConfig,
    reach: Reach,
    /// Where all core instances are; otherwise each is alone, and goes when no directive can reach it.
    shared_core: Option<Rc<RefCell<CoreInstances>>>,
    components: Components,
    definitions: Names<Definition>,
    instances: Names<Instance>,
}

/// Things by `$name`, and the last one, which a directive without a name means.
struct Names<T> {
    last: Option<T>,
    named: HashMap<String, T>,
}

impl<T: Clone> Names<T> {
    fn new() -> Self {
        Names { last: None, named: HashMap::new() }
    }

    fn add(&mut self, name: Option<Id<'_>>, item: T) {
        if let Some(name) = name {
            self.named.insert(name.name().into(), item.clone());
        }
        self.last = Some(item);
    }

    fn get(&self, name: Option<Id<'_>>) -> Result<&T> {
        match name {
            Some(name) => self.named.get(name.name()).ok_or_else(|| {
                Error::new(ErrorKind::NotFound, format!("nothing is named ${}", name.name()))
            }),
            None => self.last.as_ref().ok_or_else(|| {
                Error::new(ErrorKind::NotFound, "nothing was defined or instantiated before")
            }),
        }
    }
}

impl Script {
    /// Nothing defined yet in the script `path`, whose directives will refer to what `reach` says.
    pub fn new(path: &Path, engine: &Arc<dyn Engine>, config: &StoreConfig, reach: Reach) -> Self {
        let engine = engine.clone();
        let mut script = Script {
            path: path.into(),
            components: Components::new(&engine, config, reach.registers),
            engine,
            config: config.clone(),
            reach,
            shared_core: None,
            definitions: Names::new(),
            instances: Names::new(),
        };
        script.shared_core = script.reach.registers.then(|| script.new_core());
        script
    }

    fn new_core(&self) -> Rc<RefCell<CoreInstances>> {
        Rc::new(RefCell::new(CoreInstances::new(&self.engine, &self.config)))
    }

    /// Lets go of the instances that no directive after the one at `index` can reach.
    pub fn passed(&mut self, index: usize) {
        self.instances.named.retain(|name, _| !self.reach.is_over(name, index));
    }

    /// Runs one directive.
    pub fn directive(&mut self, directive: WastDirective<'_>) -> Result<(), Mismatch> {
        use WastDirective as D;
        match directive {
            D::Module(mut wat) => {
                let made = self.define_and_instantiate(&mut wat);
                if made.is_err() {
                    // What comes after must not be told of the instance before it.
                    self.instances.last = None;
                }
                succeed("an instance", made)
            }
            D::ModuleDefinition(mut wat) => {
                let definition = self.define(&mut wat).map(|definition| {
                    self.definitions.add(wat.name(), definition);
                });
                succeed("a valid definition", definition)
            }
            D::ModuleInstance { instance, module, .. } => {
                let definition = self.definitions.get(module).cloned();
                let made = definition.and_then(|definition| self.instantiate(&definition));
                succeed("an instance", made.map(|made| self.instances.add(instance, made)))
            }
            D::AssertInvalid { mut module, message, .. } => {
                rejected("invalid", message, self.define(&mut module))
            }
            D::AssertMalformed { mut module, message, .. } => {
                rejected("malformed", message, self.define(&mut module))
            }
            D::AssertUnlinkable { module, message, .. } => {
                let result = self.define_and_instantiate(&mut QuoteWat::Wat(module));
                failed("unlinkable", message, result, |error| {
                    error.kind() == ErrorKind::Link && error.to_string().contains(message)
                })
            }
            D::Register { name, module, .. } => {
                succeed("an instance to register", self.register(name, module))
            }
            D::Invoke(invoke) => succeed("no trap", self.invoke(&invoke).map(drop)),
            D::AssertReturn { exec, results, .. } => self.assert_return(exec, &results),
            D::AssertTrap { exec, message, .. } => {
                let result = self.execute(exec);
                failed("trap", message, result, is_trap(&self.path, message))
            }
            D::AssertExhaustion { call, message, .. } => {
                let result = self.invoke(&call);
                failed("exhaustion", message, result, is_trap(&self.path, message))
            }
            D::AssertException { .. } | D::AssertSuspension { .. } => {
                unsupported("exceptions and stack switching")
            }
            D::AssertInvalidCustom { .. } | D::AssertMalformedCustom { .. } => {
                unsupported("checks of custom sections")
            }
            D::Thread(_) | D::Wait { .. } => unsupported("threads of the script"),
        }
    }

    fn define(&self, wat: &mut QuoteWat<'_>) -> Result<Definition> {
        let core = matches!(wat, QuoteWat::Wat(Wat::Module(_)) | QuoteWat::QuoteModule(..));
        let wasm = wat.encode().map_err(|error| Error::new(ErrorKind::Invalid, error.message()))?;
        if core {
            Ok(Definition::Core(CoreModule::load(&self.engine, &wasm)?))
        } else {
            Ok(Definition::Component(Component::load(&self.engine, &wasm)?))
        }
    }

    fn define_and_instantiate(&mut self, wat: &mut QuoteWat<'_>) -> Result<()> {
        let definition = self.define(wat)?;
        self.definitions.add(wat.name(), definition.clone());
        let instance = self.instantiate(&definition)?;
        self.instances.add(wat.name(), instance);
        Ok(())
    }

    fn instantiate(&mut self, definition: &Definition) -> Result<Instance> {
        match definition {
            Definition::Core(module) => {
                let core = self.shared_core.clone().unwrap_or_else(|| self.new_core());
                let index = core.borrow_mut().instantiate(module)?;
                Ok(Instance::Core(core, index))
            }
            Definition::Component(component) => {
                Ok(Instance::Component(self.components.instantiate(component)?))
            }
        }
    }

    fn register(&mut self, name: &str, module: Option<Id<'_>>) -> Result<()> {
        match self.instances.get(module)?.clone() {
            Instance::Core(core, instance) => core.borrow_mut().register(name, instance),
            Instance::Component(instance) => self.components.register(name, &instance)?,
        }
        Ok(())
    }

    fn execute(&mut self, exec: WastExecute<'_>) -> Result<Values> {
        match exec {
            WastExecute::Invoke(invoke) => self.invoke(&invoke),
            WastExecute::Wat(wat) => {
                self.define_and_instantiate(&mut QuoteWat::Wat(wat))?;
                Ok(Values::Component(None))
            }
            WastExecute::Get { module, global, .. } => match self.instances.get(module)? {
                Instance::Core(core, instance) => {
                    Ok(Values::Core(vec![core.borrow_mut().global(*instance, global)?]))
                }
                Instance::Component(_) => {
                    Err(Error::new(ErrorKind::NotFound, "components have no globals"))
                }
            },
        }
    }

    fn invoke(&mut self, invoke: &WastInvoke<'_>) -> Result<Values> {
        match self.instances.get(invoke.module)?.clone() {
            Instance::Core(core, instance) => {
                let args = invoke.args.iter().map(|arg| match arg {
                    WastArg::Core(value) => Ok(value),
                    _ => Err(wrong_kind("a core function")),
                });
                let args = args.collect::<Result<Vec<_>>>()?;
                Ok(Values::Core(core.borrow_mut().invoke(instance, invoke.name, &args)?))
            }
            Instance::Component(instance) => {
                let args = invoke.args.iter().map(|arg| {
                    value::argument(arg).ok_or_else(|| wrong_kind("a component's function"))
                });
                let args = args.collect::<Result<Vec<_>>>()?;
                Ok(Values::Component(instance.invoke(invoke.name, &args)?))
            }
        }
    }

    fn assert_return(
        &mut self,
        exec: WastExecute<'_>,
        expected: &[WastRet<'_>],
    ) -> Result<(), Mismatch> {
        let expected_text = || match expected {
            [ret] => value::expected(ret).unwrap_or_else(|| format!("{ret:?}")),
            [] => "no result".into(),
            values => format!("{values:?}"),
        };
        let got = match self.execute(exec) {
            Ok(got) => got,
            Err(error) => return Err(Mismatch::new(expected_text(), error.to_string())),
        };
        let equal = match (&got, expected) {
            (Values::Core(got), expected) => {
                let expected: Option<Vec<&WastRetCore<'_>>> = expected
                    .iter()
                    .map(|ret| match ret {
                        WastRet::Core(ret) => Some(ret),
                        _ => None,
                    })
                    .collect();
                expected.is_some_and(|expected| super::core::matches(got, &expected))
            }
            (Values::Component(None), []) => true,
            (Values::Component(Some(got)), [expected]) => {
                value::expected(expected).is_some_and(|expected| got.matches(&expected))
            }
            _ => false,
        };
        if equal { Ok(()) } else { Err(Mismatch::new(expected_text(), got.to_string())) }
    }
}

fn wrong_kind(callee: &str) -> Error {
    Error::new(ErrorKind::TypeMismatch, format!("{callee} does not take such arguments"))
}

fn unsupported(what: &str) -> Result<(), Mismatch> {
    Err(Mismatch::new(format!("{what} to be supported"), "a runner without them"))
}

fn succeed(expected: &str, result: Result<()>) -> Result<(), Mismatch> {
    result.map_err(|error| Mismatch::new(expected, error.to_string()))
}

/// An error that is the trap `message` means in the script `file`.
fn is_trap(file: &Path, message: &str) -> impl Fn(&Error) -> bool {
    move |error| error.trap().is_some_and(|trap| trap::is_meant(file, message, trap.reason()))
}

/// Loading failed because the definition is not valid, not because something is unsupported.
fn rejected<T>(expected: &str, message: &str, result: Result<T>) -> Result<(), Mismatch> {
    failed(expected, message, result, |error| {
        error.kind() == ErrorKind::Invalid && error.to_string().contains(message)
    })
}

/// `result` is a failure as expected.
fn failed<T>(
    expected: &str,
    message: &str,
    result: Result<T>,
    as_expected: impl Fn(&Error) -> bool,
) -> Result<(), Mismatch> {
    let got = match result {
        Ok(_) => "success".into(),
        Err(error) if as_expected(&error) => return Ok(()),
        Err(error) => format!("{error:?}"),
    };
    Err(Mismatch::new(format!("{expected} {message:?}"), got))
}
