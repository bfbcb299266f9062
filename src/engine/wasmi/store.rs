//! A store: the handles of what lives in wasmi's store, and calls.

use super::super::names::FuncNames;
use super::super::{
    Continuation, CoreExtern, CoreExternType, CoreFunc, CoreFuncType, CoreGlobal, CoreInstance,
    CoreMemory, CoreMemoryType, CoreTable, EngineStore, EngineStoreConfig, ImportFn, Module,
    Outcome, RawVal,
};
use super::error::{Unwind, trapped, unwind};
use super::generation::Generation;
use super::import;
use super::limits::Limits;
use super::module::{Item, WasmiModule};
use super::typed::{self, Left, Stack, Starved, TypedCall, typed_call};
use super::value::{
    Vals, func_type, global_type, memory_type, table_type, to_raw, to_vals, write_raw,
};
use crate::account::Account;
use crate::error::{Frame, FrameKind, Trap, Trapped};
use crate::signal::Signal;
use rustc_hash::FxHashMap;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use wasmi::{AsContextMut, Caller, Extern, Func, Ref, ResourceLimiter, ResumableCall, Val};
use wasmi_core::UntypedVal;

/// wasmi's store, or what an import is lent of it.
pub(super) struct WasmiStore<C>(pub(super) C);

/// What wasmi's store and what it lends to imports have in common.
pub(super) trait Context: AsContextMut<Data = Data> {
    /// Our part of the store.
    fn data(&self) -> &Data;
    /// Our part of the store.
    fn data_mut(&mut self) -> &mut Data;
}

impl Context for wasmi::Store<Data> {
    fn data(&self) -> &Data {
        self.data()
    }

    fn data_mut(&mut self) -> &mut Data {
        self.data_mut()
    }
}

impl Context for Caller<'_, Data> {
    fn data(&self) -> &Data {
        self.data()
    }

    fn data_mut(&mut self) -> &mut Data {
        self.data_mut()
    }
}

/// What wasmi's store keeps for us.
pub(super) struct Data {
    /// Where the code of the store's modules is.
    generation: Arc<Generation>,
    /// Whether its guests run code that wasmi meters.
    is_metered: bool,
    /// Whether fuel is what the embedder has given.
    has_fuel: bool,
    /// What stops a guest. wasmi looks at its fuel only, so it gets that in slices.
    interrupt: Option<Arc<Signal>>,
    /// Fuel that is left beside the slice that wasmi has.
    reserve: u64,
    pub(super) limits: Limits,
    funcs: Vec<FuncEntry>,
    /// The handle of a function that was seen before, by wasmi's own bits for it.
    func_handles: FxHashMap<u64, CoreFunc>,
    memories: Vec<wasmi::Memory>,
    tables: Vec<wasmi::Table>,
    globals: Vec<wasmi::Global>,
    /// Where memories are that were given back.
    ended: HashSet<usize>,
    /// The exports of each instance, in the order of declaration.
    instances: Vec<Box<[CoreExtern]>>,
}

/// Fuel that a guest gets at a time where it may be stopped: well below a millisecond of most work.
const SLICE: u64 = 400_000;

struct FuncEntry {
    func: Func,
    ty: CoreFuncType,
    /// The fast way to call it.
    typed: Option<Rc<dyn TypedCall>>,
    /// What a function of the host does.
    import: Option<Rc<ImportFn>>,
    /// Where a guest's function is defined, as far as that was seen.
    origin: Option<Origin>,
}

/// A function by its index in a module.
struct Origin {
    names: Arc<FuncNames>,
    index: u32,
}

impl Data {
    pub(super) fn new(
        config: &EngineStoreConfig,
        guest_memory: &Rc<Account>,
        generation: Arc<Generation>,
    ) -> Self {
        Data {
            generation,
            is_metered: config.is_metered(),
            has_fuel: config.fuel.is_some(),
            interrupt: config.interrupt.clone(),
            reserve: 0,
            limits: Limits::new(config, guest_memory),
            funcs: Vec::new(),
            func_handles: FxHashMap::default(),
            memories: Vec::new(),
            tables: Vec::new(),
            globals: Vec::new(),
            ended: HashSet::new(),
            instances: Vec::new(),
        }
    }

    pub(super) fn limiter(&mut self) -> &mut dyn ResourceLimiter {
        &mut self.limits
    }

    /// What the host's function `func` does.
    #[inline]
    pub(super) fn import(&self, func: CoreFunc) -> Rc<ImportFn> {
        let import = &self.funcs[func.0 as usize].import;
        import.clone().expect("only functions of the host ask for their import")
    }

    fn func(&self, func: CoreFunc) -> &FuncEntry {
        &self.funcs[func.0 as usize]
    }
}

/// Gives the pages of a memory back to the system; they are zero from then on.
///
/// # Safety
/// The memory is there, and nobody reads what is in it.
unsafe fn give_back(base: *mut u8, len: usize) {
    // SAFETY: only asks.
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(1 << 16);
    let skip = base.addr().next_multiple_of(page) - base.addr();
    if cfg!(target_os = "linux") && len > skip + page {
        // SAFETY: the caller's promise; whole pages of it. That the system refuses changes nothing.
        let _ = unsafe {
            libc::madvise(base.add(skip).cast(), (len - skip) / page * page, libc::MADV_DONTNEED)
        };
    }
}

/// Appends `item`, answering its index.
fn push<T>(items: &mut Vec<T>, item: T) -> u32 {
    let index = u32::try_from(items.len()).expect("wasmi's own tables are smaller");
    items.push(item);
    index
}

/// What a suspended call goes on from.
#[derive(Debug)]
enum Suspended {
    /// The guest's stack.
    Stack { stack: Stack, blocked: CoreFunc },
    /// Nothing: the blocked import was tail-called by the outermost function (or is itself the
    /// function that was called), so what it returns is what the call returns.
    Tail,
}

fn suspended(state: Suspended) -> Outcome {
    Outcome::Suspended(Continuation(Box::new(state)))
}

/// What came of a call or of its resumption.
#[inline]
fn outcome(call: Result<Left, wasmi::Error>) -> Outcome {
    match call {
        Ok(Left::Returned) => Outcome::Returned,
        Ok(Left::Import(stack)) => match unwind(stack.error()) {
            Some(Unwind::Trap(trap)) => Outcome::Trapped(trap.clone()),
            Some(&Unwind::Block { func }) => suspended(Suspended::Stack { stack, blocked: func }),
            None => unreachable!("imports leave by unwinding"),
        },
        Ok(Left::Starved(_)) => unreachable!("it was given more fuel, or trapped"),
        Err(error) => match unwind(&error) {
            Some(Unwind::Block { .. }) => suspended(Suspended::Tail),
            _ => Outcome::Trapped(trapped(error)),
        },
    }
}

/// What came of a call of a function of any type; `vals` are its results if it returned.
fn untyped(call: ResumableCall, vals: &[Val], results: &mut [RawVal]) -> Left {
    match call {
        ResumableCall::Finished => {
            write_raw(vals, results);
            Left::Returned
        }
        ResumableCall::HostTrap(call) => Left::Import(Stack::Any(call)),
        ResumableCall::OutOfFuel(call) => Left::Starved(Box::new(Starved::Any(call))),
    }
}

/// Room for `count` results of any type.
fn blank(count: usize) -> Vals {
    Vals::from_elem(Val::I32(0), count)
}

impl<C: Context> WasmiStore<C> {
    /// The handle of `func`, always the same for the same function.
    fn func_handle(&mut self, func: Func) -> CoreFunc {
        self.typed_handle(func, |store| func_type(&func.ty(store)))
    }

    /// The same of a function whose type may be known.
    fn typed_handle(&mut self, func: Func, ty: impl FnOnce(&C) -> CoreFuncType) -> CoreFunc {
        let bits = UntypedVal::from(func).to_bits64();
        if let Some(&handle) = self.0.data().func_handles.get(&bits) {
            return handle;
        }
        let ty = ty(&self.0);
        self.add_func(func, ty, None)
    }

    fn add_func(&mut self, func: Func, ty: CoreFuncType, import: Option<Rc<ImportFn>>) -> CoreFunc {
        let typed = typed_call(&self.0, func, &ty);
        let data = self.0.data_mut();
        let handle =
            CoreFunc(push(&mut data.funcs, FuncEntry { func, ty, typed, import, origin: None }));
        data.func_handles.insert(UntypedVal::from(func).to_bits64(), handle);
        handle
    }

    /// The handle of an export of type `ty`.
    fn extern_handle(&mut self, item: Extern, ty: &CoreExternType) -> CoreExtern {
        match item {
            Extern::Func(func) => CoreExtern::Func(self.typed_handle(func, |store| match ty {
                CoreExternType::Func(ty) => ty.clone(),
                _ => func_type(&func.ty(store)),
            })),
            Extern::Memory(memory) => {
                CoreExtern::Memory(CoreMemory(push(&mut self.0.data_mut().memories, memory)))
            }
            Extern::Table(table) => {
                CoreExtern::Table(CoreTable(push(&mut self.0.data_mut().tables, table)))
            }
            Extern::Global(global) => {
                CoreExtern::Global(CoreGlobal(push(&mut self.0.data_mut().globals, global)))
            }
        }
    }

    fn resolve(&self, item: CoreExtern) -> Extern {
        let data = self.0.data();
        match item {
            CoreExtern::Func(func) => Extern::Func(data.func(func).func),
            CoreExtern::Memory(memory) => Extern::Memory(data.memories[memory.0 as usize]),
            CoreExtern::Table(table) => Extern::Table(data.tables[table.0 as usize]),
            CoreExtern::Global(global) => Extern::Global(data.globals[global.0 as usize]),
            CoreExtern::Tag(_) => unreachable!("wasmi has no tags"),
        }
    }

    #[inline(always)]
    fn start(
        &mut self,
        func: CoreFunc,
        args: &[RawVal],
        results: &mut [RawVal],
    ) -> Result<Left, wasmi::Error> {
        let entry = self.0.data().func(func);
        if let Some(typed) = entry.typed.clone() {
            return typed.call(self.0.as_context_mut(), args, results);
        }
        let (func, args) = (entry.func, to_vals(&entry.ty.params, args));
        let mut vals = blank(results.len());
        let call = func.call_resumable(&mut self.0, &args, &mut vals)?;
        Ok(untyped(call, &vals, results))
    }
}

impl<C: Context> WasmiStore<C> {
    /// Goes on with a call, with more fuel where it needs some, until it is over or an import leaves it.
    #[inline]
    fn finish(&mut self, call: Result<Left, wasmi::Error>, results: &mut [RawVal]) -> Outcome {
        match call {
            Ok(Left::Starved(starved)) => self.feed(*starved, results),
            call => outcome(call),
        }
    }

    /// The fuel that wasmi has, where it gets slices.
    #[inline]
    fn slice(&self) -> u64 {
        match self.0.data().interrupt {
            Some(_) => self.0.as_context().get_fuel().unwrap_or(0),
            None => 0,
        }
    }

    /// Goes on with a call that needs more fuel than the slice that wasmi had when it began.
    #[cold]
    fn feed_new(
        &mut self,
        (func, args): (CoreFunc, &[RawVal]),
        results: &mut [RawVal],
        mut slice: u64,
        mut starved: Starved,
    ) -> Outcome {
        // Where nothing was taken from the slice, wasmi has not even begun (it compiles a function when it is
        // first called, for fuel), and cannot go on with that.
        while self.slice() == slice {
            if let Err(trap) = self.refuel(starved.required_fuel()) {
                return Outcome::Trapped(trap);
            }
            slice = self.slice();
            match self.start(func, args, results) {
                Ok(Left::Starved(again)) => starved = *again,
                call => return outcome(call),
            }
        }
        self.feed(starved, results)
    }

    #[cold]
    fn feed(&mut self, mut starved: Starved, results: &mut [RawVal]) -> Outcome {
        loop {
            if let Err(trap) = self.refuel(starved.required_fuel()) {
                return Outcome::Trapped(trap);
            }
            let ctx = &mut self.0;
            let call = match starved {
                Starved::Nothing(call) => call.resume(ctx).map(|call| Left::new(call, results)),
                Starved::Word(call) => call.resume(ctx).map(|call| Left::new(call, results)),
                Starved::Any(call) => {
                    let mut vals = blank(results.len());
                    call.resume(ctx, &mut vals).map(|call| untyped(call, &vals, results))
                }
            };
            match call {
                Ok(Left::Starved(again)) => starved = *again,
                call => return outcome(call),
            }
        }
    }

    /// Gives wasmi the next slice, of `required` at least, unless the guest is to stop.
    fn refuel(&mut self, required: u64) -> Result<(), Trapped> {
        if let Some(interrupt) = &self.0.data().interrupt {
            interrupt.check()?;
        }
        let left = self.budget();
        if left < required {
            return Err(Trap::OutOfFuel.into());
        }
        self.set_budget_in_slices(left, SLICE.max(required));
        Ok(())
    }

    /// Fuel that is left.
    fn budget(&self) -> u64 {
        let slice = self.0.as_context().get_fuel().unwrap_or(0);
        slice.saturating_add(self.0.data().reserve)
    }

    pub(super) fn set_budget(&mut self, fuel: u64) {
        let slice = if self.0.data().interrupt.is_some() { SLICE } else { u64::MAX };
        self.set_budget_in_slices(fuel, slice);
    }

    fn set_budget_in_slices(&mut self, fuel: u64, slice: u64) {
        let slice = slice.min(fuel);
        // Fails only where fuel is not metered.
        let _ = self.0.as_context_mut().set_fuel(slice);
        self.0.data_mut().reserve = fuel - slice;
    }
}

impl<C: Context> EngineStore for WasmiStore<C> {
    fn call(&mut self, func: CoreFunc, args: &[RawVal], results: &mut [RawVal]) -> Outcome {
        let slice = self.slice();
        match self.start(func, args, results) {
            // First, as it is nearly always this.
            Ok(Left::Returned) => Outcome::Returned,
            Ok(Left::Starved(starved)) => self.feed_new((func, args), results, slice, *starved),
            call => outcome(call),
        }
    }

    fn resume(
        &mut self,
        continuation: Continuation,
        import_results: &[RawVal],
        results: &mut [RawVal],
    ) -> Outcome {
        let state = continuation.0.downcast().expect("a continuation of this engine");
        let (stack, blocked) = match *state {
            Suspended::Stack { stack, blocked } => (stack, blocked),
            Suspended::Tail => {
                results.copy_from_slice(import_results);
                return Outcome::Returned;
            }
        };
        let inputs = to_vals(&self.0.data().func(blocked).ty.results, import_results);
        let ctx = &mut self.0;
        let call = match stack {
            Stack::Nothing(call) => typed::resume(call, ctx, &inputs, results),
            Stack::Word(call) => typed::resume(call, ctx, &inputs, results),
            Stack::Any(call) => {
                let mut vals = blank(results.len());
                let call = call.resume(ctx, &inputs, &mut vals);
                call.map(|call| untyped(call, &vals, results))
            }
        };
        self.finish(call, results)
    }

    fn call_sync(
        &mut self,
        func: CoreFunc,
        args: &[RawVal],
        results: &mut [RawVal],
    ) -> Result<(), Trapped> {
        match self.call(func, args, results) {
            Outcome::Returned => Ok(()),
            Outcome::Trapped(trap) => Err(trap),
            Outcome::Suspended(_) => Err(Trap::CannotBlock.into()),
        }
    }

    fn instantiate(
        &mut self,
        module: &dyn Module,
        imports: &[CoreExtern],
    ) -> Result<CoreInstance, Trapped> {
        let module: &WasmiModule = module.as_any().downcast_ref().expect("a module of this engine");
        let externs: Vec<Extern> =
            module.import_order().iter().map(|&place| self.resolve(imports[place])).collect();
        let (generation, metered) = (self.0.data().generation.clone(), self.0.data().is_metered);
        let code = module
            .code(&generation, metered)
            .map_err(|error| Trap::Limit { what: error.to_string().into() })?;
        let instance = wasmi::Instance::new(&mut self.0, &code, &externs);
        let refusal = self.0.data_mut().limits.take_refusal();
        let instance = instance.map_err(|error| refusal.unwrap_or_else(|| trapped(error)))?;
        if let Some(name) = module.start() {
            let start = instance.get_func(&self.0, name).expect("the module exports it");
            let start = self.func_handle(start);
            self.call_sync(start, &[], &mut [])?;
        }
        // What is exported under two names, or passed on from an import, is one thing: canonical
        // options are compared by memory.
        let mut handles: FxHashMap<Item, CoreExtern> =
            module.import_items().iter().copied().zip(imports.iter().copied()).collect();
        let exports = module.exports().iter().zip(module.export_items()).map(|(export, item)| {
            *handles.entry(*item).or_insert_with(|| {
                let found = instance.get_export(&self.0, &export.name);
                let found = found.expect("the module exports it");
                let handle = self.extern_handle(found, &export.ty);
                if let (CoreExtern::Func(func), Some(index)) = (handle, item.func()) {
                    let origin = Origin { names: module.names().clone(), index };
                    self.0.data_mut().funcs[func.0 as usize].origin = Some(origin);
                }
                handle
            })
        });
        let exports = exports.collect();
        Ok(CoreInstance(push(&mut self.0.data_mut().instances, exports)))
    }

    fn end_instance(&mut self, instance: CoreInstance) {
        let exports = &self.0.data().instances[instance.0 as usize];
        let memories: Vec<_> = (exports.iter())
            .filter_map(|item| match item {
                CoreExtern::Memory(memory) => Some(*memory),
                _ => None,
            })
            .collect();
        for memory in memories {
            let (base, len) = self.memory(memory);
            if len > 0 && self.0.data_mut().ended.insert(base.addr()) {
                // SAFETY: nothing runs that has the memory, or will.
                unsafe { give_back(base, len) };
                self.0.data().limits.credit(len as u64);
            }
        }
    }

    fn export(&mut self, instance: CoreInstance, index: usize) -> CoreExtern {
        self.0.data().instances[instance.0 as usize][index]
    }

    fn import_func(&mut self, ty: &CoreFuncType, _: bool, import: Rc<ImportFn>) -> CoreFunc {
        let next = CoreFunc(self.0.data().funcs.len() as u32);
        let func = import::new_func(&mut self.0, next, ty);
        self.add_func(func, ty.clone(), Some(import))
    }

    fn frame(&self, func: CoreFunc) -> Option<Frame> {
        let Origin { names, index } = self.0.data().func(func).origin.as_ref()?;
        let name = names.get(*index).unwrap_or_default();
        Some(Frame { func_index: Some(*index), ..Frame::new(FrameKind::Core, name) })
    }

    fn func_type(&self, func: CoreFunc) -> CoreFuncType {
        self.0.data().func(func).ty.clone()
    }

    fn memory(&mut self, memory: CoreMemory) -> (*mut u8, usize) {
        let memory = self.0.data().memories[memory.0 as usize];
        (memory.data_ptr(&self.0), memory.data_size(&self.0))
    }

    fn memory_type(&self, memory: CoreMemory) -> CoreMemoryType {
        memory_type(self.0.data().memories[memory.0 as usize].ty(&self.0))
    }

    fn table_func(&mut self, table: CoreTable, index: u64) -> Option<Option<CoreFunc>> {
        let table = self.0.data().tables[table.0 as usize];
        match table.get(&self.0, index)? {
            Val::FuncRef(Ref::Val(func)) => Some(Some(self.func_handle(func))),
            _ => Some(None),
        }
    }

    fn global(&mut self, global: CoreGlobal) -> RawVal {
        to_raw(&self.0.data().globals[global.0 as usize].get(&self.0))
    }

    fn extern_type(&self, item: CoreExtern) -> CoreExternType {
        match self.resolve(item) {
            Extern::Func(func) => CoreExternType::Func(func_type(&func.ty(&self.0))),
            Extern::Memory(memory) => CoreExternType::Memory(memory_type(memory.ty(&self.0))),
            Extern::Table(table) => table_type(table.ty(&self.0)),
            Extern::Global(global) => global_type(global.ty(&self.0)),
        }
    }

    fn fuel(&mut self) -> Option<u64> {
        self.0.data().has_fuel.then(|| self.budget())
    }

    fn set_fuel(&mut self, fuel: u64) {
        if self.0.data().has_fuel {
            self.set_budget(fuel);
        }
    }
}
