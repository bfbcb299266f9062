//! Functions that a guest imports.
//!
//! wasmi makes a host function of a typed closure, or of one over slices of values. The second
//! kind allocates on every call, so the closures here are of the first kind, over a parameter
//! type that takes any number: [`Word`].

use super::super::{CoreFunc, CoreFuncType, CoreType, Flow, RawVal};
use super::error::Unwind;
use super::store::{Data, WasmiStore};
use super::value::{to_raw, to_val, to_wasmi_type, write_raw};
use smallvec::SmallVec;
use std::cell::RefCell;
use wasmi::{AsContextMut, Caller, Func, ValType, WasmTy};
use wasmi_core::UntypedVal;

/// A host function of type `ty` that calls the import of the store's function `func`.
pub(super) fn new_func(
    mut ctx: impl AsContextMut<Data = Data>,
    func: CoreFunc,
    ty: &CoreFuncType,
) -> Func {
    match typed_func(&mut ctx, func, ty) {
        Some(func) => func,
        None => untyped_func(ctx, func, ty),
    }
}

/// Calls the import of `func`.
#[inline]
fn invoke(
    caller: Caller<'_, Data>,
    func: CoreFunc,
    args: &[RawVal],
    results: &mut [RawVal],
) -> Result<(), wasmi::Error> {
    let import = caller.data().import(func);
    match import(&mut WasmiStore(caller), args, results) {
        Flow::Done => Ok(()),
        Flow::Block => Err(wasmi::Error::host(Unwind::Block { func })),
        Flow::Trap(trap) => Err(wasmi::Error::host(Unwind::Trap(trap))),
    }
}

/// A parameter or result of any number type: its bits.
struct Word(RawVal);

thread_local! {
    /// The types of the function being made, last first. wasmi asks a closure's parameters and
    /// then its results for their types, once, when it makes a function of it.
    static SIGNATURE: RefCell<Vec<ValType>> = const { RefCell::new(Vec::new()) };
}

impl WasmTy for Word {
    fn ty() -> ValType {
        SIGNATURE.with_borrow_mut(Vec::pop).expect("only `typed_func` makes functions of words")
    }
}

impl From<UntypedVal> for Word {
    #[inline]
    fn from(value: UntypedVal) -> Self {
        Word(value.to_bits64())
    }
}

impl From<Word> for UntypedVal {
    #[inline]
    fn from(word: Word) -> Self {
        UntypedVal::from_bits64(word.0)
    }
}

macro_rules! typed_func {
    ($($count:literal: $($param:ident)*;)*) => {
        /// A function of up to 16 parameters and one result, all numbers.
        fn typed_func(
            ctx: impl AsContextMut<Data = Data>,
            func: CoreFunc,
            ty: &CoreFuncType,
        ) -> Option<Func> {
            let types = || ty.params.iter().chain(ty.results.iter()).copied();
            if !types().all(is_number) {
                return None;
            }
            SIGNATURE.set(types().rev().map(to_wasmi_type).collect());
            Some(match (ty.params.len(), ty.results.len()) {
                $(
                    ($count, 0) => Func::wrap(
                        ctx,
                        move |caller: Caller<'_, Data>, $($param: Word),*|
                            -> Result<(), wasmi::Error> {
                            invoke(caller, func, &[$($param.0),*], &mut [])
                        },
                    ),
                    ($count, 1) => Func::wrap(
                        ctx,
                        move |caller: Caller<'_, Data>, $($param: Word),*|
                            -> Result<Word, wasmi::Error> {
                            let mut result = [0];
                            invoke(caller, func, &[$($param.0),*], &mut result)?;
                            Ok(Word(result[0]))
                        },
                    ),
                )*
                _ => return None,
            })
        }
    };
}

typed_func! {
    0: ;
    1: a;
    2: a b;
    3: a b c;
    4: a b c d;
    5: a b c d e;
    6: a b c d e f;
    7: a b c d e f g;
    8: a b c d e f g h;
    9: a b c d e f g h i;
    10: a b c d e f g h i j;
    11: a b c d e f g h i j k;
    12: a b c d e f g h i j k l;
    13: a b c d e f g h i j k l m;
    14: a b c d e f g h i j k l m n;
    15: a b c d e f g h i j k l m n o;
    16: a b c d e f g h i j k l m n o p;
}

fn is_number(ty: CoreType) -> bool {
    matches!(ty, CoreType::I32 | CoreType::I64 | CoreType::F32 | CoreType::F64)
}

/// A function of any type.
fn untyped_func(ctx: impl AsContextMut<Data = Data>, func: CoreFunc, ty: &CoreFuncType) -> Func {
    let types = |types: &[CoreType]| types.iter().copied().map(to_wasmi_type).collect::<Vec<_>>();
    let wasmi_type = wasmi::FuncType::new(types(&ty.params), types(&ty.results));
    let result_types = ty.results.clone();
    Func::new(ctx, wasmi_type, move |caller, params, results| {
        let mut args: SmallVec<[RawVal; 17]> = SmallVec::from_elem(0, params.len());
        write_raw(params, &mut args);
        let mut raw: SmallVec<[RawVal; 17]> = results.iter().map(to_raw).collect();
        invoke(caller, func, &args, &mut raw)?;
        for ((result, raw), ty) in results.iter_mut().zip(raw).zip(result_types.iter()) {
            *result = to_val(*ty, raw);
        }
        Ok(())
    })
}
