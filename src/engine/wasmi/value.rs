//! Core values and types, ours and wasmi's.

use super::super::{CoreExternType, CoreFuncType, CoreMemoryType, CoreType, RawVal};
use smallvec::SmallVec;
use wasmi::{ExternType, FuncType, MemoryType, Mutability, Ref, TableType, V128, Val, ValType};

/// Arguments or results: the canonical ABI's 16 flat parameters and a result pointer fit.
pub(super) type Vals = SmallVec<[Val; 17]>;

/// The value that `raw` is the bits of. Canonical signatures have numbers only: of a vector only
/// the low half crosses, and a reference is null.
#[inline]
pub(super) fn to_val(ty: CoreType, raw: RawVal) -> Val {
    match ty {
        CoreType::I32 => Val::I32(raw as i32),
        CoreType::I64 => Val::I64(raw as i64),
        CoreType::F32 => Val::F32(wasmi::F32::from_bits(raw as u32)),
        CoreType::F64 => Val::F64(wasmi::F64::from_bits(raw)),
        CoreType::V128 => Val::V128(V128::from(u128::from(raw))),
        CoreType::FuncRef => Val::FuncRef(Ref::Null),
        CoreType::ExternRef | CoreType::OtherRef => Val::ExternRef(Ref::Null),
    }
}

/// The bits of `val`; see [`to_val`].
#[inline]
pub(super) fn to_raw(val: &Val) -> RawVal {
    match val {
        Val::I32(value) => RawVal::from(*value as u32),
        Val::I64(value) => *value as RawVal,
        Val::F32(value) => RawVal::from(value.to_bits()),
        Val::F64(value) => value.to_bits(),
        Val::V128(value) => value.as_u128() as RawVal,
        Val::FuncRef(_) | Val::ExternRef(_) => 0,
    }
}

/// The values that `raw` are the bits of.
#[inline]
pub(super) fn to_vals(types: &[CoreType], raw: &[RawVal]) -> Vals {
    types.iter().zip(raw).map(|(ty, raw)| to_val(*ty, *raw)).collect()
}

/// Writes the bits of `vals` to `raw`.
#[inline]
pub(super) fn write_raw(vals: &[Val], raw: &mut [RawVal]) {
    for (raw, val) in raw.iter_mut().zip(vals) {
        *raw = to_raw(val);
    }
}

pub(super) fn to_wasmi_type(ty: CoreType) -> ValType {
    match ty {
        CoreType::I32 => ValType::I32,
        CoreType::I64 => ValType::I64,
        CoreType::F32 => ValType::F32,
        CoreType::F64 => ValType::F64,
        CoreType::V128 => ValType::V128,
        CoreType::FuncRef => ValType::FuncRef,
        CoreType::ExternRef | CoreType::OtherRef => ValType::ExternRef,
    }
}

fn core_type(ty: ValType) -> CoreType {
    match ty {
        ValType::I32 => CoreType::I32,
        ValType::I64 => CoreType::I64,
        ValType::F32 => CoreType::F32,
        ValType::F64 => CoreType::F64,
        ValType::V128 => CoreType::V128,
        ValType::FuncRef => CoreType::FuncRef,
        ValType::ExternRef => CoreType::ExternRef,
    }
}

pub(super) fn func_type(ty: &FuncType) -> CoreFuncType {
    let types = |types: &[ValType]| types.iter().copied().map(core_type).collect();
    CoreFuncType { params: types(ty.params()), results: types(ty.results()) }
}

pub(super) fn memory_type(ty: MemoryType) -> CoreMemoryType {
    CoreMemoryType {
        memory64: ty.is_64(),
        shared: false,
        minimum: ty.minimum(),
        maximum: ty.maximum(),
    }
}

pub(super) fn table_type(ty: TableType) -> CoreExternType {
    CoreExternType::Table {
        element: core_type(ty.element()),
        table64: ty.is_64(),
        minimum: ty.minimum(),
        maximum: ty.maximum(),
    }
}

pub(super) fn global_type(ty: wasmi::GlobalType) -> CoreExternType {
    CoreExternType::Global {
        content: core_type(ty.content()),
        mutable: ty.mutability() == Mutability::Var,
    }
}

pub(super) fn extern_type(ty: &ExternType) -> CoreExternType {
    match ty {
        ExternType::Func(ty) => CoreExternType::Func(func_type(ty)),
        ExternType::Memory(ty) => CoreExternType::Memory(memory_type(*ty)),
        ExternType::Table(ty) => table_type(*ty),
        ExternType::Global(ty) => global_type(*ty),
    }
}
