//! Core modules in scripts.

use cmabi::account::{Account, GUEST_MEMORY};
use cmabi::component::Component;
use cmabi::engine::{
    CoreExtern, CoreExternType, CoreFuncType, CoreInstance, CoreType, Engine, EngineStore, Module,
    RawVal,
};
use cmabi::error::{Error, ErrorKind, Result};
use cmabi::runtime::StoreConfig;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use wast::core::{NanPattern, WastArgCore, WastRetCore};

/// A compiled core module.
#[derive(Clone)]
pub struct CoreModule(Arc<dyn Module>);

impl CoreModule {
    /// Validates and compiles `wasm`.
    pub fn load(engine: &Arc<dyn Engine>, wasm: &[u8]) -> Result<Self> {
        // The library validates components, and core modules inside of them.
        Component::load(engine, &component_of(wasm))?;
        Ok(CoreModule(engine.compile(wasm.to_vec().into())?))
    }
}

/// A component binary that has the core module `wasm`, and nothing else.
fn component_of(wasm: &[u8]) -> Vec<u8> {
    const PREAMBLE: &[u8] = b"\0asm\x0d\0\x01\0";
    const CORE_MODULE_SECTION: u8 = 1;
    let mut component = PREAMBLE.to_vec();
    component.push(CORE_MODULE_SECTION);
    let mut len = wasm.len();
    while len >= 0x80 {
        component.push(len as u8 | 0x80);
        len >>= 7;
    }
    component.push(len as u8);
    component.extend_from_slice(wasm);
    component
}

/// A core value.
pub struct CoreValue {
    ty: CoreType,
    bits: RawVal,
}

impl fmt::Display for CoreValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ty {
            CoreType::I32 => write!(f, "i32.const {}", self.bits as i32),
            CoreType::I64 => write!(f, "i64.const {}", self.bits as i64),
            CoreType::F32 => write!(f, "f32.const {}", f32::from_bits(self.bits as u32)),
            CoreType::F64 => write!(f, "f64.const {}", f64::from_bits(self.bits)),
            other => write!(f, "{other:?}"),
        }
    }
}

/// Core instances of a script that can be linked with one another, in a store.
pub struct CoreInstances {
    store: Box<dyn EngineStore>,
    instances: Vec<(CoreModule, CoreInstance)>,
    registered: HashMap<String, usize>,
}

impl CoreInstances {
    pub fn new(engine: &Arc<dyn Engine>, config: &StoreConfig) -> Self {
        let memory = Rc::new(Account::new(&GUEST_MEMORY, config.max_guest_bytes));
        let store = engine.new_store(&config.engine, &memory).expect("a store without fuel");
        CoreInstances { store, instances: Vec::new(), registered: HashMap::new() }
    }

    /// Instantiates `module` with the registered instances, and answers the instance's index.
    pub fn instantiate(&mut self, module: &CoreModule) -> Result<usize> {
        let mut imports = Vec::new();
        for import in module.0.imports() {
            let unknown = || {
                let what = format!("unknown import {:?} {:?}", import.module, import.name);
                Error::new(ErrorKind::Link, what)
            };
            let instance = *self.registered.get(&import.module).ok_or_else(unknown)?;
            let item = self.export(instance, &import.name).map_err(|_| unknown())?;
            if !satisfies(&self.store.extern_type(item), &import.ty) {
                return Err(Error::new(ErrorKind::Link, "incompatible import type"));
            }
            imports.push(item);
        }
        let instance = self.store.instantiate(&*module.0, &imports)?;
        self.instances.push((module.clone(), instance));
        Ok(self.instances.len() - 1)
    }

    /// Makes an instance's exports importable under `name`.
    pub fn register(&mut self, name: &str, instance: usize) {
        self.registered.insert(name.into(), instance);
    }

    /// Calls an exported function.
    pub fn invoke(
        &mut self,
        instance: usize,
        name: &str,
        args: &[&WastArgCore<'_>],
    ) -> Result<Vec<CoreValue>> {
        let CoreExtern::Func(func) = self.export(instance, name)? else {
            return Err(Error::new(ErrorKind::NotFound, format!("{name:?} is not a function")));
        };
        let CoreFuncType { params, results } = self.store.func_type(func);
        let args = args.iter().map(|arg| argument(arg)).collect::<Result<Vec<_>>>()?;
        if args.len() != params.len() || args.iter().zip(&*params).any(|(arg, ty)| arg.ty != *ty) {
            return Err(Error::new(ErrorKind::TypeMismatch, format!("{name:?} takes {params:?}")));
        }
        let args: Vec<RawVal> = args.iter().map(|arg| arg.bits).collect();
        let mut bits = vec![0; results.len()];
        self.store.call_sync(func, &args, &mut bits)?;
        Ok(results.iter().zip(bits).map(|(ty, bits)| CoreValue { ty: *ty, bits }).collect())
    }

    /// The value of an exported global.
    pub fn global(&mut self, instance: usize, name: &str) -> Result<CoreValue> {
        let item = self.export(instance, name)?;
        match (item, self.store.extern_type(item)) {
            (CoreExtern::Global(global), CoreExternType::Global { content, .. }) => {
                Ok(CoreValue { ty: content, bits: self.store.global(global) })
            }
            _ => Err(Error::new(ErrorKind::NotFound, format!("{name:?} is not a global"))),
        }
    }

    fn export(&mut self, instance: usize, name: &str) -> Result<CoreExtern> {
        let (module, instance) = &self.instances[instance];
        let index = module.0.exports().iter().position(|export| *export.name == *name);
        let index = index.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("there is no export {name:?}"))
        })?;
        Ok(self.store.export(*instance, index))
    }
}

/// Whether something of type `given` may be imported as `wanted`.
fn satisfies(given: &CoreExternType, wanted: &CoreExternType) -> bool {
    use CoreExternType as T;
    let within = |given: (u64, Option<u64>), wanted: (u64, Option<u64>)| {
        let max_fits = |max| given.1.is_some_and(|given| given <= max);
        given.0 >= wanted.0 && wanted.1.is_none_or(max_fits)
    };
    match (given, wanted) {
        (T::Memory(given), T::Memory(wanted)) => {
            given.memory64 == wanted.memory64
                && given.shared == wanted.shared
                && within((given.minimum, given.maximum), (wanted.minimum, wanted.maximum))
        }
        (
            T::Table { element, table64, minimum, maximum },
            T::Table { element: want, table64: want64, minimum: min, maximum: max },
        ) => element == want && table64 == want64 && within((*minimum, *maximum), (*min, *max)),
        (given, wanted) => given == wanted,
    }
}

fn argument(arg: &WastArgCore<'_>) -> Result<CoreValue> {
    let (ty, bits) = match arg {
        WastArgCore::I32(value) => (CoreType::I32, RawVal::from(*value as u32)),
        WastArgCore::I64(value) => (CoreType::I64, *value as RawVal),
        WastArgCore::F32(value) => (CoreType::F32, RawVal::from(value.bits)),
        WastArgCore::F64(value) => (CoreType::F64, value.bits),
        _ => return Err(Error::new(ErrorKind::Unsupported, "only numbers can be arguments")),
    };
    Ok(CoreValue { ty, bits })
}

/// Whether `got` is what was expected.
pub fn matches(got: &[CoreValue], expected: &[&WastRetCore<'_>]) -> bool {
    got.len() == expected.len()
        && got.iter().zip(expected).all(|(got, ret)| value_matches(got, ret))
}

fn value_matches(got: &CoreValue, expected: &WastRetCore<'_>) -> bool {
    let bits = got.bits;
    match (got.ty, expected) {
        (CoreType::I32, WastRetCore::I32(value)) => bits == RawVal::from(*value as u32),
        (CoreType::I64, WastRetCore::I64(value)) => bits == *value as RawVal,
        (CoreType::F32, WastRetCore::F32(pattern)) => match pattern {
            NanPattern::Value(value) => bits == RawVal::from(value.bits),
            NanPattern::CanonicalNan => bits & 0x7fff_ffff == 0x7fc0_0000,
            NanPattern::ArithmeticNan => bits & 0x7fc0_0000 == 0x7fc0_0000,
        },
        (CoreType::F64, WastRetCore::F64(pattern)) => match pattern {
            NanPattern::Value(value) => bits == value.bits,
            NanPattern::CanonicalNan => bits & (u64::MAX >> 1) == 0x7ff8_0000_0000_0000,
            NanPattern::ArithmeticNan => bits & 0x7ff8_0000_0000_0000 == 0x7ff8_0000_0000_0000,
        },
        (_, WastRetCore::Either(cases)) => cases.iter().any(|case| value_matches(got, case)),
        _ => false,
    }
}
