//! Calls of guests, and their calls of imports.

use crate::abi::*;
use crate::limits::Limits;
use crate::outcome::{self, ImportFailed};
use crate::store::{Func, Store};
use crate::{fiber, guard};
use smallvec::SmallVec;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;
use wasmtime::{AsContextMut, Caller, FuncType, ValRaw, ValType};

/// Values on their way across: few functions have more.
pub(crate) type Values<T> = SmallVec<[T; 8]>;

/// Where only the lower half of a word is the value.
fn is_narrow(ty: u32) -> bool {
    matches!(ty, CMABI_CORE_TYPE_I32 | CMABI_CORE_TYPE_F32)
}

/// The library's word for a value. What wasmtime has above 32 bits is undefined.
fn to_word(ty: u32, value: ValRaw) -> u64 {
    if is_narrow(ty) { value.get_u32().into() } else { value.get_u64() }
}

/// Writes what a function has returned.
///
/// # Safety
/// There is room for as many words at `results` as the function has results, which `words` are.
#[inline]
pub(crate) unsafe fn write(results: *mut u64, words: impl IntoIterator<Item = u64>) {
    for (i, word) in words.into_iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe { results.add(i).write(word) };
    }
}

impl Func {
    /// The arguments, with room for the results.
    ///
    /// # Safety
    /// There are as many words at `args` as the function has parameters.
    #[inline]
    pub(crate) unsafe fn values(&self, args: *const u64) -> Values<ValRaw> {
        let mut values = Values::new();
        // SAFETY: the caller's promise.
        values.extend((0..self.params.len()).map(|i| ValRaw::u64(unsafe { args.add(i).read() })));
        values.resize(self.params.len().max(self.results.len()), ValRaw::u64(0));
        values
    }

    /// The library's words for the results, which begin `values`.
    #[inline]
    pub(crate) fn words(&self, values: &[ValRaw]) -> impl Iterator<Item = u64> {
        self.results.iter().zip(values).map(|(&ty, &value)| to_word(ty, value))
    }
}

pub(crate) unsafe extern "C" fn call(
    store: *mut c_void,
    func: *mut c_void,
    args: *const u64,
    results: *mut u64,
    continuation: *mut *mut c_void,
    message: *mut cmabi_string,
) -> u32 {
    // SAFETY: the library's promises: the store and a function in it.
    let (store, func) = unsafe { (Store::of(store), &*func.cast::<Func>()) };
    if !continuation.is_null() && store.suspends() {
        // SAFETY: the library's promises.
        return unsafe { fiber::start(store, func, args, results, continuation, message) };
    }
    let called = guard(|| {
        if !store.stack_has_room() {
            // SAFETY: the library's promises.
            let call = store.with(|cx| unsafe { fiber::on_fiber(store, cx, func, args) })?;
            // SAFETY: as for `write`, by the library's promises.
            unsafe { write(results, fiber::at_once(store, call)?) };
            return Ok(());
        }
        // SAFETY: the library's promise: as many words as the function has parameters.
        let mut values = unsafe { func.values(args) };
        let values_at = ptr::slice_from_raw_parts_mut(values.as_mut_ptr(), values.len());
        store.while_running(|| {
            // SAFETY: the values are of the types of the parameters, as words, and there is room for the
            // results; the function is one of the store's. References do not cross. Inside of a fiber, see
            // `fiber.rs`.
            store.with(|cx| unsafe { func.func.call_unchecked(cx, values_at) })
        })?;
        // SAFETY: as above.
        unsafe { write(results, func.words(&values)) };
        Ok(())
    });
    // SAFETY: the library's promise.
    outcome::answer(store, called, 0, unsafe { &mut *message })
}

/// What an import is made of. The library uses a store, and with it its imports, from one thread at a
/// time.
struct Import {
    store: *const Store,
    import: *mut cmabi_import,
    params: Box<[u32]>,
    results: usize,
}

// SAFETY: wasmtime asks for it because stores may move between threads, which the library's may too.
unsafe impl Send for Import {}
// SAFETY: as above.
unsafe impl Sync for Import {}

impl Import {
    fn call(
        &self,
        mut caller: Caller<'_, Limits>,
        values: &mut [MaybeUninit<ValRaw>],
    ) -> wasmtime::Result<()> {
        // SAFETY: the store has the function that calls this.
        let store = unsafe { &*self.store };
        let stack = store.enter_import();
        let mut args = Values::<u64>::new();
        for (&ty, value) in self.params.iter().zip(values.iter()) {
            // SAFETY: wasmtime passes as many values as the function has parameters.
            args.push(to_word(ty, unsafe { value.assume_init_read() }));
        }
        let mut results = Values::<u64>::from_elem(0, self.results);
        let flow = store.lend(caller.as_context_mut(), || {
            // SAFETY: the library's promise: imports live as long as the store; the words are as many
            // as the type says.
            unsafe { (store.import_call)(self.import, args.as_ptr(), results.as_mut_ptr()) }
        });
        match flow {
            CMABI_FLOW_DONE => {}
            // SAFETY: the library blocks only what it called so that it can be suspended, which runs on a
            // fiber, and the innermost call at that.
            CMABI_FLOW_BLOCK => unsafe { fiber::suspend(store, stack, caller, &mut results)? },
            _ => return Err(ImportFailed.into()),
        }
        for (value, result) in values.iter_mut().zip(results) {
            value.write(ValRaw::u64(result));
        }
        Ok(())
    }
}

pub(crate) unsafe extern "C" fn func_new(
    store: *mut c_void,
    ty: *const cmabi_core_func_type,
    may_block: bool,
    import: *mut cmabi_import,
) -> *mut c_void {
    let made = guard(|| {
        // SAFETY: the library's promises.
        let (at, ty) = unsafe { (Store::of(store), &*ty) };
        let types = |types: *const u32, len: usize| -> Box<[u32]> {
            // SAFETY: the library's promise: so many.
            (0..len).map(|i| unsafe { types.add(i).read() }).collect()
        };
        let (params, results) =
            (types(ty.params, ty.params_len), types(ty.results, ty.results_len));
        at.with(|mut cx| {
            let val_types =
                |types: &[u32]| types.iter().map(|&ty| val_type(ty)).collect::<Vec<_>>();
            let ty = FuncType::new(cx.engine(), val_types(&params), val_types(&results));
            let import = Import { store: at, import, params, results: results.len() };
            if may_block {
                fiber::allow(at, &mut cx);
            }
            // SAFETY: what it reads and writes is of the type.
            let func = unsafe {
                wasmtime::Func::new_unchecked(&mut cx, ty, move |caller, values| {
                    import.call(caller, values)
                })
            };
            at.func_item(cx, func).cast()
        })
    });
    made.unwrap_or(ptr::null_mut())
}

/// The types that the library's functions have.
fn val_type(ty: u32) -> ValType {
    match ty {
        CMABI_CORE_TYPE_I32 => ValType::I32,
        CMABI_CORE_TYPE_I64 => ValType::I64,
        CMABI_CORE_TYPE_F32 => ValType::F32,
        CMABI_CORE_TYPE_F64 => ValType::F64,
        CMABI_CORE_TYPE_V128 => ValType::V128,
        CMABI_CORE_TYPE_FUNCREF => ValType::FUNCREF,
        _ => ValType::EXTERNREF,
    }
}
