//! Functions of numbers, as wasmi's typed functions.
//!
//! wasmi calls a typed function without looking at the types of its arguments, and a typed host
//! function without an allocation. Its types are Rust's, known when this is compiled; here they
//! are known when a module is loaded. So there is one parameter type for all numbers, [`Word`],
//! and what remains to be written out is how many there are.

use super::super::{CoreFunc, CoreFuncType, CoreType, RawVal};
use super::import::invoke;
use super::store::Data;
use super::value::to_wasmi_type;
use std::cell::RefCell;
use std::rc::Rc;
use wasmi::{
    AsContext, AsContextMut, Caller, Func, ResumableCallHostTrap, ResumableCallOutOfFuel,
    StoreContextMut, TypedFunc, TypedResumableCall, TypedResumableCallHostTrap,
    TypedResumableCallOutOfFuel, Val, ValType, WasmResults, WasmTy,
};
use wasmi_core::UntypedVal;

/// A parameter or result of any number type: its bits.
pub(super) struct Word(RawVal);

thread_local! {
    /// The types that words stand for, last first, while wasmi makes a function or checks one's
    /// type: it asks the parameters and then the results for their types, once each.
    static SIGNATURE: RefCell<Vec<ValType>> = const { RefCell::new(Vec::new()) };
}

/// Lets words stand for the types of `ty`. False if not all of them are numbers.
fn set_signature(ty: &CoreFuncType) -> bool {
    let is_number =
        |ty| matches!(ty, CoreType::I32 | CoreType::I64 | CoreType::F32 | CoreType::F64);
    let types = || ty.params.iter().chain(ty.results.iter()).copied();
    SIGNATURE.set(types().rev().map(to_wasmi_type).collect());
    types().all(is_number)
}

impl WasmTy for Word {
    fn ty() -> ValType {
        SIGNATURE.with_borrow_mut(Vec::pop).expect("as many words as the signature has types")
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

/// The results that a typed function may have: none, or one word.
pub(super) trait Results: WasmResults + 'static {
    fn write(self, results: &mut [RawVal]);
    fn stack(call: TypedResumableCallHostTrap<Self>) -> Stack;
    fn starved(call: TypedResumableCallOutOfFuel<Self>) -> Starved;
}

impl Results for () {
    #[inline]
    fn write(self, _results: &mut [RawVal]) {}

    fn stack(call: TypedResumableCallHostTrap<Self>) -> Stack {
        Stack::Nothing(call)
    }

    fn starved(call: TypedResumableCallOutOfFuel<Self>) -> Starved {
        Starved::Nothing(call)
    }
}

impl Results for Word {
    #[inline]
    fn write(self, results: &mut [RawVal]) {
        results[0] = self.0;
    }

    fn stack(call: TypedResumableCallHostTrap<Self>) -> Stack {
        Stack::Word(call)
    }

    fn starved(call: TypedResumableCallOutOfFuel<Self>) -> Starved {
        Starved::Word(call)
    }
}

/// A call that an import left.
#[derive(Debug)]
pub(super) enum Stack {
    /// It will return nothing.
    Nothing(TypedResumableCallHostTrap<()>),
    /// It will return a word.
    Word(TypedResumableCallHostTrap<Word>),
    /// It will return anything else.
    Any(ResumableCallHostTrap),
}

impl Stack {
    /// Why the import left it.
    pub(super) fn error(&self) -> &wasmi::Error {
        match self {
            Stack::Nothing(call) => call.host_error(),
            Stack::Word(call) => call.host_error(),
            Stack::Any(call) => call.host_error(),
        }
    }
}

/// A call that has used up the fuel that wasmi had.
pub(super) enum Starved {
    /// It will return nothing.
    Nothing(TypedResumableCallOutOfFuel<()>),
    /// It will return a word.
    Word(TypedResumableCallOutOfFuel<Word>),
    /// It will return anything else.
    Any(ResumableCallOutOfFuel),
}

impl Starved {
    /// Fuel without which it cannot go on.
    pub(super) fn required_fuel(&self) -> u64 {
        match self {
            Starved::Nothing(call) => call.required_fuel(),
            Starved::Word(call) => call.required_fuel(),
            Starved::Any(call) => call.required_fuel(),
        }
    }
}

/// How a call came back.
pub(super) enum Left {
    /// The results are written.
    Returned,
    Import(Stack),
    /// In a box, as it is rare and as large as all others.
    Starved(Box<Starved>),
}

impl Left {
    #[inline]
    pub(super) fn new<R: Results>(call: TypedResumableCall<R>, results: &mut [RawVal]) -> Self {
        match call {
            TypedResumableCall::Finished(values) => {
                values.write(results);
                Left::Returned
            }
            TypedResumableCall::HostTrap(call) => Left::Import(R::stack(call)),
            TypedResumableCall::OutOfFuel(call) => Left::Starved(Box::new(R::starved(call))),
        }
    }
}

/// Resumes a call that will return `R`.
pub(super) fn resume<R: Results>(
    call: TypedResumableCallHostTrap<R>,
    ctx: impl AsContextMut<Data = Data>,
    import_results: &[Val],
    results: &mut [RawVal],
) -> Result<Left, wasmi::Error> {
    Ok(Left::new(call.resume(ctx, import_results)?, results))
}

/// A function of numbers.
pub(super) trait TypedCall {
    fn call(
        &self,
        ctx: StoreContextMut<'_, Data>,
        args: &[RawVal],
        results: &mut [RawVal],
    ) -> Result<Left, wasmi::Error>;
}

macro_rules! word {
    ($param:ident) => {
        Word
    };
}

macro_rules! arities {
    ($($count:literal: $($param:ident)*;)*) => {
        $(
            impl<R: Results> TypedCall for TypedFunc<($(word!($param),)*), R> {
                #[inline]
                fn call(
                    &self,
                    ctx: StoreContextMut<'_, Data>,
                    args: &[RawVal],
                    results: &mut [RawVal],
                ) -> Result<Left, wasmi::Error> {
                    let &[$($param),*] = args else { panic!("{} arguments", $count) };
                    Ok(Left::new(self.call_resumable(ctx, ($(Word($param),)*))?, results))
                }
            }
        )*

        /// `func`, of type `ty`, if that has numbers only, up to 16 parameters and one result.
        pub(super) fn typed_call(
            ctx: impl AsContext<Data = Data>,
            func: Func,
            ty: &CoreFuncType,
        ) -> Option<Rc<dyn TypedCall>> {
            if !set_signature(ty) {
                return None;
            }
            let own = "a function has its own type";
            Some(match (ty.params.len(), ty.results.len()) {
                $(
                    ($count, 0) =>
                        Rc::new(func.typed::<($(word!($param),)*), ()>(ctx).expect(own)),
                    ($count, 1) =>
                        Rc::new(func.typed::<($(word!($param),)*), Word>(ctx).expect(own)),
                )*
                _ => return None,
            })
        }

        /// A host function that calls the import of `func`, under the conditions of
        /// [`typed_call`].
        pub(super) fn typed_import(
            ctx: impl AsContextMut<Data = Data>,
            func: CoreFunc,
            ty: &CoreFuncType,
        ) -> Option<Func> {
            if !set_signature(ty) {
                return None;
            }
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

arities! {
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
