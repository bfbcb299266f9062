//! Functions that a guest imports.

use super::super::{CoreFunc, CoreFuncType, CoreType, Flow, RawVal};
use super::error::Unwind;
use super::store::{Data, WasmiStore};
use super::typed::typed_import;
use super::value::{to_raw, to_val, to_wasmi_type, write_raw};
use smallvec::SmallVec;
use wasmi::{AsContextMut, Caller, Func};

/// A host function of type `ty` that calls the import of the store's function `func`.
pub(super) fn new_func(
    mut ctx: impl AsContextMut<Data = Data>,
    func: CoreFunc,
    ty: &CoreFuncType,
) -> Func {
    match typed_import(&mut ctx, func, ty) {
        Some(func) => func,
        None => untyped_import(ctx, func, ty),
    }
}

/// Calls the import of `func`.
#[inline]
pub(super) fn invoke(
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

/// A host function of any type; wasmi allocates for each of its calls.
fn untyped_import(ctx: impl AsContextMut<Data = Data>, func: CoreFunc, ty: &CoreFuncType) -> Func {
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
