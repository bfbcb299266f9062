//! The engine's stores: the tables of what is in one, and calls.

use super::super::fiber::{Fiber, Fibers, Values};
use super::super::{
    Continuation, CoreExtern, CoreExternType, CoreFunc, CoreFuncType, CoreGlobal, CoreInstance,
    CoreMemory, CoreMemoryType, CoreTable, CoreTag, CoreType, EngineStore, EngineStoreConfig, Flow,
    ImportFn, Module, Outcome, RawVal, Tier,
};
use super::engine::{Table, VtableModule, text};
use super::interface::{
    cmabi_core_extern, cmabi_core_frame, cmabi_core_func_type, cmabi_core_kind,
    cmabi_engine_interface, cmabi_flow, cmabi_import, cmabi_outcome,
};
use super::memory::GuestMemory;
use crate::c_types::{cmabi_core_type, cmabi_string, enumerator};
use crate::error::{Frame, FrameKind, Trap, Trapped};
use crate::memory;
use crate::signal::{self, Signal};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;
use std::rc::{Rc, Weak};
use std::sync::Arc;

/// A store of the engine. Clones are the same store: an import is lent one.
#[derive(Clone)]
pub(super) struct VtableStore(Rc<Inner>);

struct Inner {
    table: Arc<Table>,
    store: *mut c_void,
    is_metered: bool,
    /// What stops its guests; the engine has a pointer into it.
    interrupt: Option<Arc<Signal>>,
    /// The engine has a pointer to it.
    memory: Box<GuestMemory>,
    fibers: Rc<Fibers>,
    funcs: RefCell<Vec<Func>>,
    func_handles: RefCell<HashMap<*mut c_void, CoreFunc>>,
    memories: RefCell<Vec<(*mut c_void, CoreMemoryType)>>,
    tables: RefCell<Vec<(*mut c_void, CoreExternType)>>,
    globals: RefCell<Vec<(*mut c_void, CoreExternType)>>,
    tags: RefCell<Vec<(*mut c_void, CoreExternType)>>,
    instances: RefCell<Vec<Instance>>,
    /// What the engine holds pointers to, at fixed addresses.
    #[allow(clippy::vec_box)]
    imports: RefCell<Vec<Box<Import>>>,
    /// What an import that blocks tells the engine.
    blocking: Cell<Blocking>,
}

struct Func {
    item: *mut c_void,
    ty: CoreFuncType,
}

struct Instance {
    item: *mut c_void,
    exports: Box<[CoreExternType]>,
}

/// What a [`cmabi_import`] is.
struct Import {
    store: Weak<Inner>,
    params: usize,
    results: usize,
    function: Rc<ImportFn>,
}

/// Whether the call that the engine runs can be suspended by the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blocking {
    /// It cannot.
    Refused,
    /// It can.
    Allowed,
    /// An import asked for it.
    Asked,
}

impl Drop for Inner {
    fn drop(&mut self) {
        call!(self.table, store_free(self.table.0.data, self.store));
    }
}

/// What a [`Continuation`] of this engine is.
enum Suspended {
    Fiber(Fiber),
    Engine(EngineContinuation),
}

impl Suspended {
    fn fiber(fiber: Fiber) -> Continuation {
        Continuation(Box::new(Suspended::Fiber(fiber)))
    }
}

/// A call that the engine suspended.
struct EngineContinuation {
    store: Weak<Inner>,
    /// Null once it is consumed.
    item: *mut c_void,
}

impl Drop for EngineContinuation {
    fn drop(&mut self) {
        if let Some(store) = self.store.upgrade().filter(|_| !self.item.is_null()) {
            call!(store.table, continuation_free(store.store, self.item));
        }
    }
}

/// How the engine came back.
enum Ended {
    Returned,
    Suspended(EngineContinuation),
}

/// Bytes of native stack for a guest on an engine of [`Tier::Fiber`] that does not say how many.
const FIBER_STACK_SIZE: usize = 1 << 20;

pub(super) fn fiber_stack_size(table: &cmabi_engine_interface) -> usize {
    match table.fiber_stack_bytes {
        0 => FIBER_STACK_SIZE,
        bytes => bytes,
    }
}

impl VtableStore {
    /// Takes over `store`, which the engine has made.
    pub(super) fn new(
        table: Arc<Table>,
        store: *mut c_void,
        config: &EngineStoreConfig,
        memory: Box<GuestMemory>,
    ) -> Self {
        let stack_size = fiber_stack_size(&table.0);
        VtableStore(Rc::new(Inner {
            table,
            store,
            is_metered: config.fuel.is_some(),
            interrupt: config.interrupt.clone(),
            memory,
            fibers: Fibers::new(stack_size),
            funcs: RefCell::default(),
            func_handles: RefCell::default(),
            memories: RefCell::default(),
            tables: RefCell::default(),
            globals: RefCell::default(),
            tags: RefCell::default(),
            instances: RefCell::default(),
            imports: RefCell::default(),
            blocking: Cell::new(Blocking::Refused),
        }))
    }

    /// Runs `function`, which enters the engine, and reads its answer. Where an import failed that
    /// is what counts, see [`Fibers::fail`].
    fn enter(
        &self,
        blocking: Blocking,
        function: impl FnOnce(*mut *mut c_void, &mut cmabi_string) -> MaybeUninit<cmabi_outcome>,
    ) -> Result<Ended, Trapped> {
        let outer = self.0.blocking.replace(blocking);
        let mut continuation = ptr::null_mut();
        let place = match blocking {
            Blocking::Refused => ptr::null_mut(),
            Blocking::Allowed | Blocking::Asked => &raw mut continuation,
        };
        let mut message = cmabi_string::EMPTY;
        let outcome = function(place, &mut message);
        let asked = self.0.blocking.replace(outer) == Blocking::Asked;
        let suspended = EngineContinuation { store: Rc::downgrade(&self.0), item: continuation };
        let Ok(outcome) = enumerator(outcome, "outcome") else {
            return Err(engine_error("answered no cmabi_outcome"));
        };
        if matches!(outcome, cmabi_outcome::Trapped | cmabi_outcome::OutOfFuel) {
            self.0.fibers.amend(|trap| self.with_frames(trap));
        }
        match outcome {
            _ if self.0.fibers.failure().is_some() => {
                Err(engine_error("hid the failure of an import"))
            }
            cmabi_outcome::Returned if !asked => Ok(Ended::Returned),
            cmabi_outcome::Suspended if asked && !continuation.is_null() => {
                Ok(Ended::Suspended(suspended))
            }
            cmabi_outcome::Trapped => {
                let trap = Trap::Core(text(message, "wasm trap").into());
                Err(self.with_frames(trap.into()))
            }
            cmabi_outcome::Threw => Err(Trap::CoreException.into()),
            cmabi_outcome::Limit => {
                let what = text(message, "the engine has no room for it");
                let limit = || Trap::Limit { what: what.into() }.into();
                Err(self.0.memory.take_refusal().unwrap_or_else(limit))
            }
            cmabi_outcome::OutOfFuel => Err(self.with_frames(Trap::OutOfFuel.into())),
            cmabi_outcome::Interrupted => match &self.0.interrupt {
                // What was asked for may have been taken back since.
                Some(signal) => {
                    Err(self.with_frames(signal.check().err().unwrap_or_else(signal::interrupted)))
                }
                None => Err(engine_error("stopped a guest that nothing interrupted")),
            },
            cmabi_outcome::Returned => Err(engine_error("went on after an import blocked")),
            cmabi_outcome::Suspended => Err(engine_error("suspended though no import blocked")),
        }
    }

    /// Adds who was running, where the engine says it.
    #[cold]
    fn with_frames(&self, mut trap: Trapped) -> Trapped {
        const NONE: cmabi_core_frame =
            cmabi_core_frame { name: cmabi_string::EMPTY, func_index: u32::MAX, offset: u64::MAX };
        let Some(trap_frames) = self.0.table.0.trap_frames else { return trap };
        let mut frames = [NONE; MOST_FRAMES];
        // SAFETY: the header says what the function gets, and that it returns normally.
        let count = unsafe { trap_frames(self.0.store, frames.as_mut_ptr(), MOST_FRAMES) };
        for frame in frames.iter().take(count) {
            let cmabi_core_frame { name, func_index, offset } = *frame;
            trap = trap.within(Frame {
                func_index: Some(func_index).filter(|index| *index != u32::MAX),
                offset: Some(offset).filter(|offset| *offset != u64::MAX),
                ..Frame::new(FrameKind::Core, text(name, ""))
            });
        }
        trap
    }

    /// Calls `func` on the current stack.
    fn call_here(
        &self,
        blocking: Blocking,
        func: *mut c_void,
        args: &[RawVal],
        results: &mut [RawVal],
    ) -> Result<Ended, Trapped> {
        let (args, results) = (args.as_ptr(), results.as_mut_ptr());
        self.enter(blocking, |continuation, message| {
            call!(self.0.table, call(self.0.store, func, args, results, continuation, message))
        })
    }

    fn outcome(ended: Result<Ended, Trapped>) -> Outcome {
        match ended {
            Ok(Ended::Returned) => Outcome::Returned,
            Ok(Ended::Suspended(suspended)) => {
                Outcome::Suspended(Continuation(Box::new(Suspended::Engine(suspended))))
            }
            Err(trap) => Outcome::Trapped(trap),
        }
    }

    /// Whether an import that blocks is to be suspended by the engine, in this store.
    fn blocking(&self) -> Blocking {
        match self.0.table.1 {
            Tier::Resume => Blocking::Allowed,
            Tier::Fiber | Tier::Nested => Blocking::Refused,
        }
    }

    fn func_item(&self, func: CoreFunc) -> *mut c_void {
        self.0.funcs.borrow()[func.0 as usize].item
    }

    /// The handle of a function of the engine.
    fn func_handle(&self, item: *mut c_void, ty: impl FnOnce() -> CoreFuncType) -> CoreFunc {
        *self.0.func_handles.borrow_mut().entry(item).or_insert_with(|| {
            let mut funcs = self.0.funcs.borrow_mut();
            funcs.push(Func { item, ty: ty() });
            CoreFunc(funcs.len() as u32 - 1)
        })
    }

    /// The engine's pointer for `item`.
    fn to_engine(&self, item: CoreExtern) -> cmabi_core_extern {
        let (kind, item) = match item {
            CoreExtern::Func(func) => (cmabi_core_kind::Func, self.func_item(func)),
            CoreExtern::Memory(memory) => {
                (cmabi_core_kind::Memory, self.0.memories.borrow()[memory.0 as usize].0)
            }
            CoreExtern::Table(table) => {
                (cmabi_core_kind::Table, self.0.tables.borrow()[table.0 as usize].0)
            }
            CoreExtern::Global(global) => {
                (cmabi_core_kind::Global, self.0.globals.borrow()[global.0 as usize].0)
            }
            CoreExtern::Tag(tag) => (cmabi_core_kind::Tag, self.0.tags.borrow()[tag.0 as usize].0),
        };
        cmabi_core_extern { kind: MaybeUninit::new(kind), item }
    }
}

impl cmabi_core_func_type {
    /// No parameters and no results.
    const EMPTY: Self = cmabi_core_func_type {
        params: ptr::null(),
        params_len: 0,
        results: ptr::null(),
        results_len: 0,
    };
}

/// Core functions of one call that a trap tells of.
const MOST_FRAMES: usize = 32;

#[cold]
fn engine_error(what: &str) -> Trapped {
    Trap::Internal(format!("the host's engine {what}").into()).into()
}

/// The place of `item` in `items`, where it is put unless it is there.
fn intern<T>(items: &RefCell<Vec<(*mut c_void, T)>>, item: *mut c_void, ty: T) -> u32 {
    let mut items = items.borrow_mut();
    let place = items.iter().position(|(known, _)| *known == item).unwrap_or_else(|| {
        items.push((item, ty));
        items.len() - 1
    });
    place as u32
}

impl EngineStore for VtableStore {
    fn call(&mut self, func: CoreFunc, args: &[RawVal], results: &mut [RawVal]) -> Outcome {
        let func = self.func_item(func);
        if self.0.table.1 == Tier::Fiber {
            let (store, args, count) = (self.clone(), Values::from(args), results.len());
            let ran = self.0.fibers.start(move || {
                let mut results = Values::from_elem(0, count);
                store.call_here(Blocking::Refused, func, &args, &mut results)?;
                Ok(results)
            });
            return ran.outcome(results, Suspended::fiber);
        }
        let call = || self.call_here(self.blocking(), func, args, results);
        Self::outcome(self.0.fibers.without_blocking(call))
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
            Suspended::Engine(mut suspended) => {
                let item = std::mem::replace(&mut suspended.item, ptr::null_mut());
                let (given, results) = (import_results.as_ptr(), results.as_mut_ptr());
                let resume = |continuation, message: &mut _| {
                    let store = self.0.store;
                    call!(self.0.table, resume(store, item, given, results, continuation, message))
                };
                let ended =
                    self.0.fibers.without_blocking(|| self.enter(Blocking::Allowed, resume));
                Self::outcome(ended)
            }
        }
    }

    fn call_sync(
        &mut self,
        func: CoreFunc,
        args: &[RawVal],
        results: &mut [RawVal],
    ) -> Result<(), Trapped> {
        let func = self.func_item(func);
        let call = || self.call_here(Blocking::Refused, func, args, results);
        self.0.fibers.without_blocking(call).map(|_| ())
    }

    fn instantiate(
        &mut self,
        module: &dyn Module,
        imports: &[CoreExtern],
    ) -> Result<CoreInstance, Trapped> {
        let module =
            module.as_any().downcast_ref::<VtableModule>().expect("a module of this engine");
        let imports: Vec<_> = imports.iter().map(|&import| self.to_engine(import)).collect();
        let mut instance = ptr::null_mut();
        let instantiate = |_, message: &mut _| {
            call!(
                self.0.table,
                instantiate(
                    self.0.store,
                    module.module,
                    imports.as_ptr(),
                    imports.len(),
                    &mut instance,
                    message,
                )
            )
        };
        self.0.fibers.without_blocking(|| self.enter(Blocking::Refused, instantiate))?;
        let exports = module.exports().iter().map(|export| export.ty.clone()).collect();
        let mut instances = self.0.instances.borrow_mut();
        instances.push(Instance { item: instance, exports });
        Ok(CoreInstance(instances.len() as u32 - 1))
    }

    fn export(&mut self, instance: CoreInstance, index: usize) -> CoreExtern {
        let (instance, ty) = {
            let instances = self.0.instances.borrow();
            let instance = &instances[instance.0 as usize];
            (instance.item, instance.exports[index].clone())
        };
        let item = call!(self.0.table, instance_export(self.0.store, instance, index)).item;
        // The kind that the engine says is not needed: the module's declaration is what was checked.
        match ty {
            CoreExternType::Func(ty) => CoreExtern::Func(self.func_handle(item, || ty)),
            CoreExternType::Memory(ty) => {
                CoreExtern::Memory(CoreMemory(intern(&self.0.memories, item, ty)))
            }
            CoreExternType::Table { .. } => {
                CoreExtern::Table(CoreTable(intern(&self.0.tables, item, ty)))
            }
            CoreExternType::Global { .. } => {
                CoreExtern::Global(CoreGlobal(intern(&self.0.globals, item, ty)))
            }
            CoreExternType::Tag(_) => CoreExtern::Tag(CoreTag(intern(&self.0.tags, item, ty))),
        }
    }

    fn import_func(
        &mut self,
        ty: &CoreFuncType,
        may_block: bool,
        import: Rc<ImportFn>,
    ) -> CoreFunc {
        let import = Box::new(Import {
            store: Rc::downgrade(&self.0),
            params: ty.params.len(),
            results: ty.results.len(),
            function: import,
        });
        let pointer = (&raw const *import).cast_mut().cast::<cmabi_import>();
        self.0.imports.borrow_mut().push(import);
        let types = |types: &[CoreType]| {
            types
                .iter()
                .map(|&ty| MaybeUninit::new(ty.into()))
                .collect::<Vec<MaybeUninit<cmabi_core_type>>>()
        };
        let (params, results) = (types(&ty.params), types(&ty.results));
        let c_type = cmabi_core_func_type {
            params: params.as_ptr(),
            params_len: params.len(),
            results: results.as_ptr(),
            results_len: results.len(),
        };
        let item = call!(self.0.table, func_new(self.0.store, &c_type, may_block, pointer));
        self.func_handle(item, || ty.clone())
    }

    fn func_type(&self, func: CoreFunc) -> CoreFuncType {
        self.0.funcs.borrow()[func.0 as usize].ty.clone()
    }

    fn memory(&mut self, memory: CoreMemory) -> (*mut u8, usize) {
        let item = self.0.memories.borrow()[memory.0 as usize].0;
        let mut len = 0;
        let base = call!(self.0.table, memory_data(self.0.store, item, &mut len));
        memory::plausible(base, len)
    }

    fn memory_type(&self, memory: CoreMemory) -> CoreMemoryType {
        self.0.memories.borrow()[memory.0 as usize].1
    }

    fn table_func(&mut self, table: CoreTable, index: u64) -> Option<Option<CoreFunc>> {
        let table = self.0.tables.borrow()[table.0 as usize].0;
        let mut func = ptr::null_mut();
        let mut ty = cmabi_core_func_type::EMPTY;
        if !call!(self.0.table, table_get(self.0.store, table, index, &mut func, &mut ty)) {
            return None;
        }
        // SAFETY: the header: the type is valid until the engine is called again.
        let ty = unsafe { ty.read() }.ok();
        Some(ty.filter(|_| !func.is_null()).map(|ty| self.func_handle(func, || ty)))
    }

    fn global(&mut self, global: CoreGlobal) -> RawVal {
        let item = self.0.globals.borrow()[global.0 as usize].0;
        call!(self.0.table, global_get(self.0.store, item))
    }

    fn extern_type(&self, item: CoreExtern) -> CoreExternType {
        match item {
            CoreExtern::Func(func) => CoreExternType::Func(self.func_type(func)),
            CoreExtern::Memory(memory) => CoreExternType::Memory(self.memory_type(memory)),
            CoreExtern::Table(table) => self.0.tables.borrow()[table.0 as usize].1.clone(),
            CoreExtern::Global(global) => self.0.globals.borrow()[global.0 as usize].1.clone(),
            CoreExtern::Tag(tag) => self.0.tags.borrow()[tag.0 as usize].1.clone(),
        }
    }

    fn fuel(&mut self) -> Option<u64> {
        self.0.is_metered.then(|| call!(self.0.table, fuel_get(self.0.store)))
    }

    fn stack_left(&self) -> Option<u64> {
        let stack_left = self.0.table.0.stack_left?;
        // SAFETY: the header says what the function gets, and that it returns normally.
        let left = unsafe { stack_left(self.0.store) };
        (left != usize::MAX).then_some(left as u64)
    }

    fn set_fuel(&mut self, fuel: u64) {
        if self.0.is_metered {
            call!(self.0.table, fuel_set(self.0.store, fuel));
        }
    }
}

/// What the engine calls when a guest calls `import`.
///
/// # Safety
/// `import` is one that the engine was given for a store that still exists; `args` and `results`
/// have as many words as its type says.
pub(crate) unsafe fn call_import(
    import: *mut cmabi_import,
    args: *const RawVal,
    results: *mut RawVal,
) -> cmabi_flow {
    // SAFETY: the caller's promise: imports live as long as their store.
    let Some(import) = (unsafe { import.cast::<Import>().as_ref() }) else {
        return cmabi_flow::Trap;
    };
    let Some(store) = import.store.upgrade().map(VtableStore) else {
        return cmabi_flow::Trap;
    };
    let fibers = &store.0.fibers;
    if fibers.failure().is_some() {
        return cmabi_flow::Trap;
    }
    if (import.params > 0 && args.is_null()) || (import.results > 0 && results.is_null()) {
        let what = "the engine called an import with NULL for its arguments or results";
        fibers.fail(&Trap::Core(what.into()).into());
        return cmabi_flow::Trap;
    }
    // SAFETY: the caller's promise; without values the pointers are not looked at.
    let (args, results): (&[RawVal], &mut [RawVal]) = unsafe {
        (
            if import.params == 0 { &[] } else { std::slice::from_raw_parts(args, import.params) },
            if import.results == 0 {
                &mut []
            } else {
                std::slice::from_raw_parts_mut(results, import.results)
            },
        )
    };
    match (import.function)(&mut store.clone(), args, results) {
        Flow::Done => cmabi_flow::Done,
        Flow::Trap(trap) => {
            fibers.fail(&trap);
            cmabi_flow::Trap
        }
        Flow::Block if store.0.blocking.get() == Blocking::Allowed => {
            store.0.blocking.set(Blocking::Asked);
            cmabi_flow::Block
        }
        Flow::Block => match fibers.block() {
            Ok(values) => {
                results.copy_from_slice(&values);
                cmabi_flow::Done
            }
            Err(trap) => {
                fibers.fail(&trap);
                cmabi_flow::Trap
            }
        },
    }
}
