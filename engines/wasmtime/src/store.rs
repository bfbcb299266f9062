//! Stores: what is in one, and how it is lent along nested calls.

use crate::abi::*;
use crate::engine::{Care, Engine, Module};
use crate::fiber::{self, Fibers};
use crate::limits::Limits;
use crate::stack::Sizes;
use crate::{give, guard, outcome};
use std::cell::{Cell, RefCell, UnsafeCell};
use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use wasmtime::{
    AsContextMut, Extern, FuncType, HeapType, ModuleExport, Ref, StoreContextMut, Trap,
    UpdateDeadline, Val, ValType,
};

/// A store of the engine.
///
/// Guests, imports and the library call one another, and each may want the store. wasmtime's store is
/// borrowed by the call that goes on; what the library asks for inside of an import is done with the
/// context that wasmtime lends to that import, see [`Store::lend`].
pub(crate) struct Store {
    store: UnsafeCell<wasmtime::Store<Limits>>,
    /// The engine, which stays longer.
    engine: *const Engine,
    pub(crate) care: Care,
    pub(crate) stacks: Sizes,
    pub(crate) import_call: unsafe extern "C" fn(*mut cmabi_import, *const u64, *mut u64) -> u32,
    /// What the innermost import was lent; null where no import runs.
    lent: Cell<*mut StoreContextMut<'static, Limits>>,
    pub(crate) fibers: Fibers,
    /// The functions that the library knows, by wasmtime's addresses.
    funcs: RefCell<HashMap<*mut c_void, Box<Func>>>,
    /// What else it knows, at fixed addresses.
    #[allow(clippy::vec_box)]
    externs: RefCell<Vec<Box<Extern>>>,
    #[allow(clippy::vec_box)]
    instances: RefCell<Vec<Box<Instance>>>,
    /// What ended the last call that failed, and how many frames at its beginning are the engine's.
    pub(crate) failure: RefCell<Option<(wasmtime::Error, usize)>>,
}

/// A function as the library knows it.
pub(crate) struct Func {
    pub(crate) func: wasmtime::Func,
    pub(crate) params: Box<[u32]>,
    pub(crate) results: Box<[u32]>,
}

struct Instance {
    instance: wasmtime::Instance,
    declared: Arc<[ModuleExport]>,
    exports: Box<[Option<cmabi_core_extern>]>,
}

impl Store {
    /// A store of the table.
    ///
    /// # Safety
    /// `store` is one of this library's, which is not freed before the reference is gone.
    pub(crate) unsafe fn of<'a>(store: *mut c_void) -> &'a Store {
        // SAFETY: the caller's promise.
        unsafe { &*store.cast() }
    }

    /// Runs `body` with the store, as it is lent at this moment.
    pub(crate) fn with<R>(&self, body: impl FnOnce(StoreContextMut<'_, Limits>) -> R) -> R {
        let lent = self.lent.get();
        // SAFETY: the library uses a store from one thread at a time, and one function of the table runs
        // at a time unless an import runs inside of it. Then the context of the innermost import is
        // what is used: it lies in the frame of that import, which does nothing with it meanwhile.
        unsafe {
            match lent.as_mut() {
                Some(lent) => body(lent.as_context_mut()),
                None => body((*self.store.get()).as_context_mut()),
            }
        }
    }

    /// Runs `body`, which calls a guest.
    #[inline]
    pub(crate) fn while_running<R>(&self, body: impl FnOnce() -> R) -> R {
        if self.care == Care::Nothing {
            return body();
        }
        let ticker = self.engine().ticker().expect("the store was made with one");
        ticker.while_running(body)
    }

    pub(crate) fn engine(&self) -> &Engine {
        // SAFETY: the library frees an engine after its stores.
        unsafe { &*self.engine }
    }

    /// Runs `body`, an import that was lent `context`, which the library may want meanwhile.
    pub(crate) fn lend<R>(
        &self,
        mut context: StoreContextMut<'_, Limits>,
        body: impl FnOnce() -> R,
    ) -> R {
        struct Restore<'a>(&'a Store, *mut StoreContextMut<'static, Limits>);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.lent.set(self.1);
            }
        }
        let _outer = Restore(self, self.lent.replace((&raw mut context).cast()));
        body()
    }

    /// The function as the library knows it.
    pub(crate) fn func_item(
        &self,
        mut cx: StoreContextMut<'_, Limits>,
        func: wasmtime::Func,
    ) -> *mut Func {
        let address = func.to_raw(&mut cx);
        let mut funcs = self.funcs.borrow_mut();
        let item = funcs.entry(address).or_insert_with(|| {
            let ty = func.ty(&cx);
            let (params, results) = core_types(&ty);
            Box::new(Func { func, params, results })
        });
        &raw mut **item
    }

    fn extern_item(&self, item: Extern) -> *mut c_void {
        let mut externs = self.externs.borrow_mut();
        externs.push(Box::new(item));
        (&raw mut **externs.last_mut().expect("just pushed")).cast()
    }

    fn export(&self, instance: &mut Instance, index: usize) -> cmabi_core_extern {
        if let Some(known) = instance.exports[index] {
            return known;
        }
        let export = &instance.declared[index];
        let export = self.with(|mut cx| {
            let item = instance.instance.get_module_export(&mut cx, export);
            match item.expect("an export of the module") {
                Extern::Func(func) => {
                    let item = self.func_item(cx, func).cast();
                    cmabi_core_extern { kind: CMABI_CORE_KIND_FUNC, item }
                }
                item => {
                    let kind = match item {
                        Extern::Table(_) => CMABI_CORE_KIND_TABLE,
                        Extern::Global(_) => CMABI_CORE_KIND_GLOBAL,
                        Extern::Tag(_) => CMABI_CORE_KIND_TAG,
                        _ => CMABI_CORE_KIND_MEMORY,
                    };
                    cmabi_core_extern { kind, item: self.extern_item(item) }
                }
            }
        });
        instance.exports[index] = Some(export);
        export
    }
}

/// The word that says whether guests are to stop.
struct Interrupt(*const AtomicU32);

// SAFETY: any thread may look at it, as long as the store is there that looks.
unsafe impl Send for Interrupt {}
// SAFETY: as above.
unsafe impl Sync for Interrupt {}

impl Interrupt {
    fn new(word: *const u32) -> Option<Self> {
        (!word.is_null()).then_some(Interrupt(word.cast()))
    }

    fn look(&self) -> wasmtime::Result<UpdateDeadline> {
        // SAFETY: the library's promise: the word stays as long as the store.
        match unsafe { &*self.0 }.load(Ordering::Relaxed) {
            0 => Ok(UpdateDeadline::Continue(1)),
            _ => Err(Trap::Interrupt.into()),
        }
    }
}

/// The types of parameters and results.
fn core_types(ty: &FuncType) -> (Box<[u32]>, Box<[u32]>) {
    (ty.params().map(core_type).collect(), ty.results().map(core_type).collect())
}

fn core_type(ty: ValType) -> u32 {
    match ty {
        ValType::I32 => CMABI_CORE_TYPE_I32,
        ValType::I64 => CMABI_CORE_TYPE_I64,
        ValType::F32 => CMABI_CORE_TYPE_F32,
        ValType::F64 => CMABI_CORE_TYPE_F64,
        ValType::V128 => CMABI_CORE_TYPE_V128,
        ValType::Ref(ty) => match ty.heap_type() {
            HeapType::Func if ty.is_nullable() => CMABI_CORE_TYPE_FUNCREF,
            HeapType::Extern if ty.is_nullable() => CMABI_CORE_TYPE_EXTERNREF,
            _ => CMABI_CORE_TYPE_REF,
        },
    }
}

pub(crate) unsafe extern "C" fn store_new(
    data: *mut c_void,
    limits: *const cmabi_engine_limits,
    store: *mut *mut c_void,
    message: *mut cmabi_string,
) -> bool {
    let made = guard(|| {
        // SAFETY: the library's promises.
        let (engine, limits) = unsafe { (Engine::of(data), &*limits) };
        let care = Care::of(limits.metered, !limits.interrupt.is_null());
        if care != Care::Nothing {
            engine.ticker()?;
        }
        let mut store = wasmtime::Store::new(engine.wasmtime(care), Limits::new(limits));
        store.limiter(|limits| limits);
        if limits.metered {
            store.set_fuel(limits.fuel).expect("an engine that meters");
        }
        match Interrupt::new(limits.interrupt) {
            Some(interrupt) => {
                store.set_epoch_deadline(1);
                store.epoch_deadline_callback(move |_| interrupt.look());
            }
            None => store.set_epoch_deadline(u64::MAX / 2),
        }
        Ok(Store {
            engine,
            care,
            stacks: engine.stacks,
            import_call: limits.import_call,
            store: UnsafeCell::new(store),
            lent: Cell::new(ptr::null_mut()),
            fibers: Fibers::default(),
            funcs: RefCell::default(),
            externs: RefCell::default(),
            instances: RefCell::default(),
            failure: RefCell::default(),
        })
    });
    // SAFETY: the library's promise.
    unsafe { give(made.flatten(), store, message) }
}

pub(crate) unsafe extern "C" fn store_free(_: *mut c_void, store: *mut c_void) {
    let _ = guard(|| {
        // SAFETY: the library frees each of its stores once, when nothing runs in it.
        let store = unsafe { Box::from_raw(store.cast::<Store>()) };
        // Suspended calls unwind, in the store.
        store.fibers.abandon();
    });
}

pub(crate) unsafe extern "C" fn instantiate(
    store: *mut c_void,
    module: *mut c_void,
    imports: *const cmabi_core_extern,
    imports_len: usize,
    instance: *mut *mut c_void,
    message: *mut cmabi_string,
) -> u32 {
    // SAFETY: the library's promises.
    let store = unsafe { Store::of(store) };
    let made = guard(|| {
        let mut externs = Vec::with_capacity(imports_len);
        for i in 0..imports_len {
            // SAFETY: the library's promises: there are so many, each an item that it got here.
            externs.push(unsafe {
                let import = &*imports.add(i);
                match import.kind {
                    CMABI_CORE_KIND_FUNC => (*import.item.cast::<Func>()).func.into(),
                    _ => (*import.item.cast::<Extern>()).clone(),
                }
            });
        }
        // SAFETY: the library's promise: the module is there.
        let module = unsafe { &*module.cast::<Module>() };
        let compiled = module.compiled(store.engine().wasmtime(store.care), store.care);
        let compiled = compiled.map_err(wasmtime::Error::msg)?;
        let made = store.with(|mut cx| {
            cx.data_mut().take_refusal();
            if store.suspends() {
                let made = wasmtime::Instance::new_async(cx, &compiled.module, &externs);
                fiber::at_once(store, made)
            } else {
                let module = &compiled.module;
                store.while_running(|| wasmtime::Instance::new(cx, module, &externs))
            }
        })?;
        let declared = compiled.exports.clone();
        let exports = vec![None; declared.len()].into();
        let made = Box::new(Instance { instance: made, declared, exports });
        let mut instances = store.instances.borrow_mut();
        instances.push(made);
        let made = instances.last_mut().expect("just pushed");
        // SAFETY: the library's promise.
        unsafe { *instance = (&raw mut **made).cast() };
        Ok(())
    });
    // SAFETY: the library's promise.
    let answer = outcome::answer(store, made, 0, unsafe { &mut *message });
    let is_refused = || store.with(|mut cx| cx.data_mut().take_refusal());
    if answer == CMABI_OUTCOME_TRAPPED && is_refused() { CMABI_OUTCOME_LIMIT } else { answer }
}

pub(crate) unsafe extern "C" fn instance_export(
    store: *mut c_void,
    instance: *mut c_void,
    index: usize,
) -> cmabi_core_extern {
    const NONE: cmabi_core_extern =
        cmabi_core_extern { kind: CMABI_CORE_KIND_FUNC, item: ptr::null_mut() };
    // SAFETY: the library's promises; nothing else refers to the instance meanwhile.
    guard(|| unsafe { Store::of(store).export(&mut *instance.cast::<Instance>(), index) })
        .unwrap_or(NONE)
}

pub(crate) unsafe extern "C" fn memory_data(
    store: *mut c_void,
    memory: *mut c_void,
    len: *mut usize,
) -> *mut u8 {
    // SAFETY: the library's promises: an item of kind memory, and room for the length.
    unsafe {
        let Extern::Memory(memory) = &*memory.cast::<Extern>() else {
            *len = 0;
            return ptr::null_mut();
        };
        Store::of(store).with(|cx| {
            *len = memory.data_size(&cx);
            memory.data_ptr(&cx)
        })
    }
}

pub(crate) unsafe extern "C" fn table_get(
    store: *mut c_void,
    table: *mut c_void,
    index: u64,
    func: *mut *mut c_void,
    ty: *mut cmabi_core_func_type,
) -> bool {
    let found = guard(|| {
        // SAFETY: the library's promises: an item of kind table.
        let (store, table) = unsafe { (Store::of(store), &*table.cast::<Extern>()) };
        let Extern::Table(table) = table else { return None };
        store.with(|mut cx| {
            let item = table.get(&mut cx, index)?;
            Some(match item {
                Ref::Func(Some(func)) => store.func_item(cx, func),
                _ => ptr::null_mut(),
            })
        })
    });
    let Ok(Some(found)) = found else { return false };
    // SAFETY: the library's promises; functions stay as long as their store.
    unsafe {
        *func = found.cast();
        if let Some(found) = found.as_ref() {
            *ty = cmabi_core_func_type {
                params: found.params.as_ptr(),
                params_len: found.params.len(),
                results: found.results.as_ptr(),
                results_len: found.results.len(),
            };
        }
    }
    true
}

pub(crate) unsafe extern "C" fn global_get(store: *mut c_void, global: *mut c_void) -> u64 {
    guard(|| {
        // SAFETY: the library's promises: an item of kind global.
        let (store, global) = unsafe { (Store::of(store), &*global.cast::<Extern>()) };
        let Extern::Global(global) = global else { return 0 };
        store.with(|cx| match global.get(cx) {
            Val::I32(value) => u64::from(value as u32),
            Val::I64(value) => value as u64,
            Val::F32(bits) => bits.into(),
            Val::F64(bits) => bits,
            _ => 0,
        })
    })
    .unwrap_or(0)
}

pub(crate) unsafe extern "C" fn fuel_get(store: *mut c_void) -> u64 {
    // SAFETY: the library's promise.
    guard(|| unsafe { Store::of(store) }.with(|cx| cx.get_fuel().unwrap_or(0))).unwrap_or(0)
}

pub(crate) unsafe extern "C" fn fuel_set(store: *mut c_void, fuel: u64) {
    // SAFETY: the library's promise. A store that does not meter has none.
    let _ = guard(|| unsafe { Store::of(store) }.with(|mut cx| cx.set_fuel(fuel).is_ok()));
}
