//! Core functions that the host writes: for hosts with their own engine or decoder, which use the
//! canonical ABI as functions.
//!
//! There are no modules here, only functions, memories and tables that the host makes. A function
//! runs on a fiber, and to it an import is a plain call that may take a while.

use super::fiber::{Fiber, Fibers, Values};
use super::{
    Capabilities, Continuation, CoreExtern, CoreExternType, CoreFunc, CoreFuncType, CoreGlobal,
    CoreInstance, CoreMemory, CoreMemoryType, CoreTable, CoreType, Engine, EngineStore,
    EngineStoreConfig, Flow, ImportFn, Module, Outcome, RawVal, Tier, suspended_bytes,
};
use crate::account::Account;
use crate::error::{Error, ErrorKind, Result, Trap, Trapped};
use bytes::Bytes;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// The engine without modules.
#[derive(Clone, Copy, Debug)]
pub struct NativeEngine {
    /// Bytes of stack that a function gets.
    pub stack_size: usize,
}

impl Default for NativeEngine {
    fn default() -> Self {
        NativeEngine { stack_size: 256 << 10 }
    }
}

impl Engine for NativeEngine {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            tier: Tier::Fiber,
            memory64: true,
            exceptions: false,
            fuel: false,
            interrupt: false,
            stack_bytes: suspended_bytes(self.stack_size as u64),
        }
    }

    fn compile(&self, _wasm: Bytes) -> Result<Arc<dyn Module>> {
        Err(no_modules())
    }

    fn new_store(
        &self,
        _config: &EngineStoreConfig,
        _guest_memory: &Rc<Account>,
    ) -> Result<Box<dyn EngineStore>> {
        Ok(Box::new(NativeStore::new(self.stack_size)))
    }
}

#[cold]
fn no_modules() -> Error {
    Error::new(ErrorKind::Unsupported, "this engine has native functions only, no core modules")
}

/// A function that the host writes: `(store, arguments, results)`. It calls imports with
/// [`NativeStore::invoke`] and must return when one of them fails.
pub type NativeFn = dyn Fn(&NativeStore, &[RawVal], &mut [RawVal]) -> Result<(), Trapped>;

/// Where a memory is now: its address and its length in bytes.
pub type NativeMemory = dyn Fn() -> (*mut u8, usize);

/// The functions, memories and tables of one store. Clones are the same store.
#[derive(Clone)]
pub struct NativeStore(Rc<Inner>);

struct Inner {
    funcs: RefCell<Vec<Func>>,
    memories: RefCell<Vec<(CoreMemoryType, Rc<NativeMemory>)>>,
    tables: RefCell<Vec<Vec<Option<CoreFunc>>>>,
    fibers: Rc<Fibers>,
}

#[derive(Clone)]
struct Func {
    ty: CoreFuncType,
    body: Body,
}

#[derive(Clone)]
enum Body {
    Native(Rc<NativeFn>),
    Import(Rc<ImportFn>),
}

/// What a native store's [`Continuation`] holds.
#[derive(Debug)]
enum Suspended {
    Fiber(Fiber),
    /// The function called was itself an import: what it returns is what the call returns.
    Import,
}

impl Suspended {
    fn fiber(fiber: Fiber) -> Continuation {
        Continuation(Box::new(Suspended::Fiber(fiber)))
    }
}

impl NativeStore {
    /// An empty store whose functions have `stack_size` bytes of stack.
    pub fn new(stack_size: usize) -> Self {
        NativeStore(Rc::new(Inner {
            funcs: RefCell::default(),
            memories: RefCell::default(),
            tables: RefCell::default(),
            fibers: Fibers::new(stack_size),
        }))
    }

    /// Adds a function.
    pub fn new_func(&self, ty: CoreFuncType, function: Rc<NativeFn>) -> CoreFunc {
        self.add(Func { ty, body: Body::Native(function) })
    }

    /// Adds a memory. `memory` is asked anew after each call that may have moved it.
    pub fn new_memory(&self, ty: CoreMemoryType, memory: Rc<NativeMemory>) -> CoreMemory {
        let mut memories = self.0.memories.borrow_mut();
        memories.push((ty, memory));
        CoreMemory(memories.len() as u32 - 1)
    }

    /// Adds a table of functions.
    pub fn new_table(&self, funcs: Vec<Option<CoreFunc>>) -> CoreTable {
        let mut tables = self.0.tables.borrow_mut();
        tables.push(funcs);
        CoreTable(tables.len() as u32 - 1)
    }

    /// Calls `func` from a running function, as a guest calls one of its imports. An import that
    /// blocks switches to another fiber meanwhile.
    ///
    /// After an error the calling function has to return: nothing that it calls does anything any
    /// more, and the call it serves ends with the first error, whatever it returns.
    pub fn invoke(
        &self,
        func: CoreFunc,
        args: &[RawVal],
        results: &mut [RawVal],
    ) -> Result<(), Trapped> {
        match self.body(func) {
            Body::Native(function) => self.enter(results, |results| {
                function(self, args, results).map_or_else(Flow::Trap, |()| Flow::Done)
            }),
            Body::Import(import) => {
                self.enter(results, |results| import(&mut self.clone(), args, results))
            }
        }
    }

    /// The same for an import that is not a function of the store.
    pub fn enter(
        &self,
        results: &mut [RawVal],
        import: impl FnOnce(&mut [RawVal]) -> Flow,
    ) -> Result<(), Trapped> {
        if let Some(failure) = self.0.fibers.failure() {
            return Err(failure);
        }
        let result = match import(results) {
            Flow::Done => Ok(()),
            Flow::Trap(trap) => Err(trap),
            Flow::Block => self.0.fibers.block().map(|values| results.copy_from_slice(&values)),
        };
        result.inspect_err(|trap| self.0.fibers.fail(trap))
    }

    /// How many functions there are; their handles count from 0, as all do.
    pub fn func_count(&self) -> usize {
        self.0.funcs.borrow().len()
    }

    /// How many memories there are.
    pub fn memory_count(&self) -> usize {
        self.0.memories.borrow().len()
    }

    /// How many tables there are.
    pub fn table_count(&self) -> usize {
        self.0.tables.borrow().len()
    }

    fn add(&self, func: Func) -> CoreFunc {
        let mut funcs = self.0.funcs.borrow_mut();
        funcs.push(func);
        CoreFunc(funcs.len() as u32 - 1)
    }

    fn body(&self, func: CoreFunc) -> Body {
        self.0.funcs.borrow()[func.0 as usize].body.clone()
    }
}

impl EngineStore for NativeStore {
    fn call(&mut self, func: CoreFunc, args: &[RawVal], results: &mut [RawVal]) -> Outcome {
        let function = match self.body(func) {
            Body::Native(function) => function,
            Body::Import(import) => {
                return match import(self, args, results) {
                    Flow::Done => Outcome::Returned,
                    Flow::Trap(trap) => Outcome::Trapped(trap),
                    Flow::Block => Outcome::Suspended(Continuation(Box::new(Suspended::Import))),
                };
            }
        };
        let (store, args, count) = (self.clone(), Values::from(args), results.len());
        let ran = self.0.fibers.start(move || {
            let mut results = Values::from_elem(0, count);
            function(&store, &args, &mut results)?;
            Ok(results)
        });
        ran.outcome(results, Suspended::fiber)
    }

    fn resume(
        &mut self,
        continuation: Continuation,
        import_results: &[RawVal],
        results: &mut [RawVal],
    ) -> Outcome {
        match *continuation.0.downcast::<Suspended>().expect("a continuation of this engine") {
            Suspended::Fiber(fiber) => {
                fiber.resume(import_results).outcome(results, Suspended::fiber)
            }
            Suspended::Import => {
                results.copy_from_slice(import_results);
                Outcome::Returned
            }
        }
    }

    fn call_sync(
        &mut self,
        func: CoreFunc,
        args: &[RawVal],
        results: &mut [RawVal],
    ) -> Result<(), Trapped> {
        match self.body(func) {
            Body::Native(function) => {
                self.0.fibers.without_blocking(|| function(self, args, results))
            }
            Body::Import(import) => match import(self, args, results) {
                Flow::Done => Ok(()),
                Flow::Trap(trap) => Err(trap),
                Flow::Block => Err(Trap::CannotBlock.into()),
            },
        }
    }

    fn instantiate(
        &mut self,
        _module: &dyn Module,
        _imports: &[CoreExtern],
    ) -> Result<CoreInstance, Trapped> {
        Err(Trap::Internal(no_modules().to_string().into()).into())
    }

    fn export(&mut self, _instance: CoreInstance, _index: usize) -> CoreExtern {
        unreachable!("native functions have no instances")
    }

    fn import_func(&mut self, ty: &CoreFuncType, _: bool, import: Rc<ImportFn>) -> CoreFunc {
        self.add(Func { ty: ty.clone(), body: Body::Import(import) })
    }

    fn func_type(&self, func: CoreFunc) -> CoreFuncType {
        self.0.funcs.borrow()[func.0 as usize].ty.clone()
    }

    fn memory(&mut self, memory: CoreMemory) -> (*mut u8, usize) {
        let view = Rc::clone(&self.0.memories.borrow()[memory.0 as usize].1);
        view()
    }

    fn memory_type(&self, memory: CoreMemory) -> CoreMemoryType {
        self.0.memories.borrow()[memory.0 as usize].0
    }

    fn table_func(&mut self, table: CoreTable, index: u64) -> Option<Option<CoreFunc>> {
        let tables = self.0.tables.borrow();
        tables[table.0 as usize].get(usize::try_from(index).ok()?).copied()
    }

    fn global(&mut self, _global: CoreGlobal) -> RawVal {
        unreachable!("native functions have no globals")
    }

    fn extern_type(&self, item: CoreExtern) -> CoreExternType {
        match item {
            CoreExtern::Func(func) => CoreExternType::Func(self.func_type(func)),
            CoreExtern::Memory(memory) => CoreExternType::Memory(self.memory_type(memory)),
            CoreExtern::Table(table) => CoreExternType::Table {
                element: CoreType::FuncRef,
                table64: false,
                minimum: self.0.tables.borrow()[table.0 as usize].len() as u64,
                maximum: None,
            },
            CoreExtern::Global(_) | CoreExtern::Tag(_) => {
                unreachable!("native functions have no globals and tags")
            }
        }
    }

    fn fuel(&mut self) -> Option<u64> {
        None
    }

    fn set_fuel(&mut self, _fuel: u64) {}

    fn as_native(&self) -> Option<&NativeStore> {
        Some(self)
    }
}
