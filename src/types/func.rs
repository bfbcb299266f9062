//! Function types.

use super::intern::{Interned, Interner};
use super::label::check_labels;
use super::layout::{Context, MAX_FLAT_ASYNC_PARAMS, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS};
use super::{Field, Kind, Type};
use crate::core_types::{AddrType, CoreFuncType, CoreType};
use crate::error::{Error, ErrorKind, Result};
use smallvec::SmallVec;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock, OnceLock};

/// A function type. Interned like [`Type`].
#[derive(Clone)]
pub struct FuncType(pub(crate) Arc<FuncTypeData>);

pub(crate) struct FuncTypeData {
    hash: u64,
    key: FuncKey,
    text: OnceLock<Box<str>>,
}

/// What a function type is made of.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct FuncKey {
    /// The canonical record of the parameters.
    params: Option<Type>,
    result: Option<Type>,
    is_async: bool,
}

static FUNC_TYPES: LazyLock<Interner<FuncTypeData>> = LazyLock::new(Interner::new);

impl FuncType {
    /// The function type with these parameters, or what is wrong with it ([`ErrorKind::Invalid`]
    /// for bad parameter names and for a result that contains a borrow).
    pub fn new(params: Vec<Field>, result: Option<Type>, is_async: bool) -> Result<FuncType> {
        check_labels("parameter", params.iter().map(|param| &*param.name))?;
        if result.as_ref().is_some_and(|result| result.info().contains_borrow()) {
            let message = "the result of a function cannot contain a borrow";
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let params = (!params.is_empty()).then(|| Type::intern(Kind::Record(params.into())));
        if params.as_ref().is_some_and(|params| params.info().size(AddrType::I64) == u32::MAX) {
            let message = "the parameters of a function take 2^32 bytes or more";
            return Err(Error::new(ErrorKind::Limit, message));
        }
        Ok(FuncType::intern(params, result, is_async))
    }

    /// The function type whose parameters are the fields of the record `params`, without checks.
    pub(super) fn intern(params: Option<Type>, result: Option<Type>, is_async: bool) -> FuncType {
        FuncType(FUNC_TYPES.intern(FuncKey { params, result, is_async }))
    }

    /// The parameters in order.
    pub fn params(&self) -> &[Field] {
        match self.params_type().map(Type::kind) {
            Some(Kind::Record(fields)) => fields,
            _ => &[],
        }
    }

    /// The record whose fields are the parameters: what is spilled to memory when there are too
    /// many to pass flat, and what a host passes. `None` without parameters.
    pub fn params_type(&self) -> Option<&Type> {
        self.0.key.params.as_ref()
    }

    /// The result, if there is one.
    pub fn result(&self) -> Option<&Type> {
        self.0.key.result.as_ref()
    }

    /// Whether the function may block before it returns.
    pub fn is_async(&self) -> bool {
        self.0.key.is_async
    }

    /// The type as WIT text, made when it is first asked for; cut off like [`super::Type::text`].
    pub fn text(&self) -> &str {
        self.0.text.get_or_init(|| self.to_string().into())
    }

    /// The core function type that this one has at the ABI; `flatten_functype` in the reference.
    ///
    /// `addr` is the address type of the memory of the canonical options, `is_async_abi` the
    /// `async` option (not the function's own [`FuncType::is_async`]), `has_callback` the
    /// `callback` option.
    pub fn flatten(
        &self,
        addr: AddrType,
        is_async_abi: bool,
        has_callback: bool,
        context: Context,
    ) -> CoreFuncType {
        let max_params = match context {
            Context::Lower if is_async_abi => MAX_FLAT_ASYNC_PARAMS,
            _ => MAX_FLAT_PARAMS,
        };
        let pointer = addr.core_type();
        let flat_params = flat_within(self.params_type(), addr, max_params);
        let mut params: SmallVec<[CoreType; MAX_FLAT_PARAMS + 1]> =
            SmallVec::from_slice(flat_params.unwrap_or(&[pointer]));
        let results: &[CoreType] = match (is_async_abi, context) {
            (true, Context::Lift) if has_callback => &[CoreType::I32],
            (true, Context::Lift) => &[],
            (true, Context::Lower) => {
                if self.result().is_some() {
                    params.push(pointer);
                }
                &[CoreType::I32]
            }
            (false, _) => match (flat_within(self.result(), addr, MAX_FLAT_RESULTS), context) {
                (Some(flat), _) => flat,
                (None, Context::Lift) => &[pointer],
                (None, Context::Lower) => {
                    params.push(pointer);
                    &[]
                }
            },
        };
        CoreFuncType { params: params.as_slice().into(), results: results.into() }
    }
}

/// The flat types of an optional type, if there are at most `max`.
fn flat_within(ty: Option<&Type>, addr: AddrType, max: usize) -> Option<&[CoreType]> {
    match ty {
        None => Some(&[]),
        Some(ty) => ty.info().flat(addr).filter(|flat| flat.len() <= max),
    }
}

impl PartialEq for FuncType {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for FuncType {}

impl Hash for FuncType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl Interned for FuncTypeData {
    type Key = FuncKey;

    fn new(hash: u64, key: FuncKey) -> Self {
        FuncTypeData { hash, key, text: OnceLock::new() }
    }

    fn key(&self) -> &FuncKey {
        &self.key
    }
}

impl Drop for FuncTypeData {
    fn drop(&mut self) {
        FUNC_TYPES.forget(self.hash, self);
    }
}
