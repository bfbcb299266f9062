//! The interface to a core-wasm engine. The rest of the library knows engines only through it.
//!
//! Core values cross as raw 64-bit words ([`RawVal`]): an `i32` or `f32` is its bits, zero-extended.
//! An engine that declares [`Tier::Resume`] can leave a guest inside an import and come back to it
//! later, many at once and in any order: the import answers [`Flow::Block`], and the
//! [`EngineStore::call`] that was running returns [`Outcome::Suspended`].

#[cfg(feature = "component")]
mod declared;
pub mod fiber;
#[cfg(feature = "wasmi")]
pub(crate) mod names;
pub mod native;
pub mod vtable;
#[cfg(feature = "wasmi")]
pub mod wasmi;

pub use crate::core_types::{CoreFuncType, CoreType, RawVal};
#[cfg(feature = "component")]
pub(crate) use declared::{core_extern, core_func};
pub(crate) use fiber::Depth;

use crate::account::Account;
use crate::error::{Error, ErrorKind, Frame, Result, Trapped};
use crate::signal::Signal;
use bytes::Bytes;
use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;

/// The type of a linear memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreMemoryType {
    /// Whether addresses are `i64`.
    pub memory64: bool,
    /// Whether the memory may be used from several threads.
    pub shared: bool,
    /// Pages at the start.
    pub minimum: u64,
    /// Pages at the most.
    pub maximum: Option<u64>,
}

/// The type of something a module imports or exports.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum CoreExternType {
    Func(CoreFuncType),
    Memory(CoreMemoryType),
    Table { element: CoreType, table64: bool, minimum: u64, maximum: Option<u64> },
    Global { content: CoreType, mutable: bool },
    Tag(CoreFuncType),
}

/// A module's import or export, in declaration order.
#[derive(Clone, Debug)]
pub struct CoreDecl {
    /// The import's module name; empty for exports.
    pub module: String,
    /// The field's or export's name.
    pub name: Arc<str>,
    /// Its type.
    pub ty: CoreExternType,
}

macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub u32);
    )*};
}

handles! {
    /// A core function of one [`EngineStore`].
    CoreFunc,
    /// A linear memory of one [`EngineStore`].
    CoreMemory,
    /// A table of one [`EngineStore`].
    CoreTable,
    /// A global of one [`EngineStore`].
    CoreGlobal,
    /// An exception tag of one [`EngineStore`].
    CoreTag,
    /// A core instance of one [`EngineStore`].
    CoreInstance
}

/// Anything a core module imports or exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum CoreExtern {
    Func(CoreFunc),
    Memory(CoreMemory),
    Table(CoreTable),
    Global(CoreGlobal),
    Tag(CoreTag),
}

/// How an engine suspends a guest that blocks inside an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// The engine leaves and re-enters its own wasm stack.
    Resume,
    /// The library runs the guest on a native stack of its own and switches away.
    Fiber,
    /// One native stack: other threads run on top of the one that blocks.
    Nested,
}

/// What an engine can do.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities {
    /// How guests are suspended.
    pub tier: Tier,
    /// 64-bit memories and tables.
    pub memory64: bool,
    /// Core exceptions and tags.
    pub exceptions: bool,
    /// Fuel metering.
    pub fuel: bool,
    /// Guests that run can be stopped.
    pub interrupt: bool,
    /// Bytes that a suspended guest's stack is charged with.
    pub stack_bytes: u64,
}

/// What a suspended guest is charged with where its stack may grow to `max_stack_bytes`. How large it
/// has become no engine says; few come near the bound, and all of them together stay within some
/// GiB by this.
pub(crate) fn suspended_bytes(max_stack_bytes: u64) -> u64 {
    (max_stack_bytes / 64).max(4096)
}

/// What a store asks of the engine.
#[derive(Clone, Debug, Default)]
pub struct EngineStoreConfig {
    /// Fuel to start with; `None` does not meter.
    pub fuel: Option<u64>,
    /// Bytes that each linear memory may have at the most.
    pub max_memory_bytes: Option<u64>,
    /// Elements that each table may have at the most.
    pub max_table_elements: Option<u64>,
    /// What the engine looks at while guests run, to stop them; `None` where nothing stops them.
    pub interrupt: Option<Arc<Signal>>,
}

impl EngineStoreConfig {
    /// Whether the store looks after what guests run: to charge fuel for it, or to stop it.
    pub fn is_metered(&self) -> bool {
        self.fuel.is_some() || self.interrupt.is_some()
    }
}

/// How a call, or the resumption of one, came back.
#[derive(Debug)]
pub enum Outcome {
    /// The function returned; its results are in the buffer.
    Returned,
    /// An import answered [`Flow::Block`]; resume with that import's results.
    Suspended(Continuation),
    /// The guest trapped.
    Trapped(Trapped),
}

/// A suspended guest. Dropping it abandons the guest's stack.
#[derive(Debug)]
pub struct Continuation(pub Box<dyn Any>);

/// What an import tells the engine.
#[derive(Debug)]
pub enum Flow {
    /// The results are written; go on.
    Done,
    /// Suspend the guest; the results come with [`EngineStore::resume`].
    Block,
    /// Unwind the guest.
    Trap(Trapped),
}

/// A function that a guest can import: `(engine, arguments, results)`.
pub type ImportFn = dyn Fn(&mut dyn EngineStore, &[RawVal], &mut [RawVal]) -> Flow;

/// A core-wasm engine; shareable between threads.
pub trait Engine: Send + Sync {
    /// What the engine can do.
    fn capabilities(&self) -> Capabilities;
    /// Compiles a core module that was validated before, but for what [`Engine::validates_code`] says.
    fn compile(&self, wasm: Bytes) -> Result<Arc<dyn Module>>;
    /// Whether it validates the bodies of functions when it compiles them, so that nobody has to do it before.
    fn validates_code(&self) -> bool {
        false
    }
    /// Names who compiles, and how: an engine that says the same takes the code that [`Module::serialize`]
    /// writes. `None` where code cannot be written.
    fn code_version(&self) -> Option<&str> {
        None
    }
    /// The module that was compiled from `wasm` to `code`. That both are what they were then is the caller's
    /// promise: the code runs.
    fn deserialize(&self, wasm: Bytes, code: &[u8]) -> Result<Arc<dyn Module>> {
        let _ = (wasm, code);
        Err(Error::new(ErrorKind::Unsupported, "the engine does not take compiled code"))
    }
    /// An empty store, whose memories and tables are charged to `guest_memory`.
    fn new_store(
        &self,
        config: &EngineStoreConfig,
        guest_memory: &Rc<Account>,
    ) -> Result<Box<dyn EngineStore>>;
}

/// A compiled core module.
pub trait Module: Send + Sync {
    /// Imports in declaration order.
    fn imports(&self) -> &[CoreDecl];
    /// Exports in declaration order.
    fn exports(&self) -> &[CoreDecl];
    /// Bytes that an instance takes beside its memories, tables, imports and exports.
    fn instance_bytes(&self) -> u64 {
        0
    }
    /// The code, for [`Engine::deserialize`].
    fn serialize(&self) -> Result<Vec<u8>> {
        Err(Error::new(ErrorKind::Unsupported, "the engine does not give away compiled code"))
    }
    /// For the engine to recognize its own.
    fn as_any(&self) -> &dyn Any;
}

/// The instances, memories and functions of one store.
///
/// An import receives the store again, as the engine lends it at that moment: calls nest through
/// that reference and through no other.
pub trait EngineStore {
    /// Calls `func`, which may suspend.
    fn call(&mut self, func: CoreFunc, args: &[RawVal], results: &mut [RawVal]) -> Outcome;
    /// Continues a suspended call: `import_results` are what the blocked import returns.
    fn resume(
        &mut self,
        continuation: Continuation,
        import_results: &[RawVal],
        results: &mut [RawVal],
    ) -> Outcome;
    /// Calls `func` where suspending is not possible: an import that blocks makes it trap with
    /// [`crate::error::Trap::CannotBlock`].
    fn call_sync(
        &mut self,
        func: CoreFunc,
        args: &[RawVal],
        results: &mut [RawVal],
    ) -> Result<(), Trapped>;

    /// Instantiates `module` with `imports` by position, running its start function.
    fn instantiate(
        &mut self,
        module: &dyn Module,
        imports: &[CoreExtern],
    ) -> Result<CoreInstance, Trapped>;
    /// An instance that nothing will use any more: its memories can be given back. The store still has it.
    fn end_instance(&mut self, instance: CoreInstance) {
        let _ = instance;
    }
    /// An instance's export by its position in [`Module::exports`].
    fn export(&mut self, instance: CoreInstance, index: usize) -> CoreExtern;
    /// A function that calls `import` when a guest calls it; `may_block` unless it never answers
    /// [`Flow::Block`].
    fn import_func(&mut self, ty: &CoreFuncType, may_block: bool, import: Rc<ImportFn>)
    -> CoreFunc;
    /// The type of a function.
    fn func_type(&self, func: CoreFunc) -> CoreFuncType;

    /// Where a memory is now. Any call into a guest may move or grow it.
    fn memory(&mut self, memory: CoreMemory) -> (*mut u8, usize);
    /// The type of a memory.
    fn memory_type(&self, memory: CoreMemory) -> CoreMemoryType;
    /// The function in a table's slot; `None` beyond the table, `Some(None)` for a null slot.
    fn table_func(&mut self, table: CoreTable, index: u64) -> Option<Option<CoreFunc>>;
    /// A global's value.
    fn global(&mut self, global: CoreGlobal) -> RawVal;

    /// The type that something has now (limits as they are).
    fn extern_type(&self, item: CoreExtern) -> CoreExternType;
    /// Fuel left, where it is metered.
    fn fuel(&mut self) -> Option<u64>;
    /// Sets the fuel left; does nothing where it is not metered.
    fn set_fuel(&mut self, fuel: u64);
    /// What is known of a function when a trap has left it: for the engine that does not tell who was
    /// running on its stack. The frame's instance is left to the caller.
    fn frame(&self, _func: CoreFunc) -> Option<Frame> {
        None
    }
    /// Bytes that are left of the native stack that runs, where that is the engine's.
    fn stack_left(&self) -> Option<u64> {
        None
    }
    /// The store itself, where its functions are the host's own.
    fn as_native(&self) -> Option<&native::NativeStore> {
        None
    }
}
