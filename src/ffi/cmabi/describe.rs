//! Types as constant data

use super::error::{cmabi_error, cmabi_status};
use super::types::{cmabi_kind, cmabi_type};
use crate::error::{Error, ErrorKind, Result};
use crate::ffi::check::c_bool;
use crate::ffi::{check, guard};
use crate::types::{Case, Field, FuncType, Kind, MAX_TYPE_DEPTH, ResourceType, Type};
use std::collections::HashMap;
use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;
use std::sync::Arc;

/// A value type as constant data, for programs that are written by a program: what `cmabi bindgen`
/// generates tells the library by it which types its C and C++ types stand for.
///
/// Descriptions may share parts, and must not contain themselves.
/// @since 0.2
#[repr(C)]
pub struct cmabi_type_desc {
    /// What sort of type it is.
    pub kind: MaybeUninit<cmabi_kind>,
    /// How many elements a fixed-length list has; 0 for others.
    pub length: u32,
    /// The fields, cases, labels or elements; the ok and the err side of a result; the key and the value
    /// of a map; the element of a list, stream or future. For a handle the one part that stands for the
    /// resource type: it has the name of that and no type, and each such part is a resource type of its own.
    pub parts: *const cmabi_part_desc,
    /// How many parts there are.
    pub parts_len: usize,
}

/// A part of a `cmabi_type_desc`, or a parameter.
/// @since 0.2
#[repr(C)]
pub struct cmabi_part_desc {
    /// Its name in kebab case, with a NUL at the end. NULL for parts that have none.
    pub name: *const c_char,
    /// Its type. NULL for a case or side without payload, a label, and the resource type of a handle.
    pub r#type: *const cmabi_type_desc,
}

/// A function type as constant data.
/// @since 0.2
#[repr(C)]
pub struct cmabi_func_desc {
    /// The parameters.
    pub params: *const cmabi_part_desc,
    /// How many there are.
    pub params_len: usize,
    /// The result's type. NULL for none.
    pub result: *const cmabi_type_desc,
    /// Whether it is an `async` function.
    pub is_async: c_bool,
}

/// A function that a component is expected to export.
/// @since 0.2
#[repr(C)]
pub struct cmabi_export_desc {
    /// Its path, as for `cmabi_instance_func`, with a NUL at the end.
    pub path: *const c_char,
    /// Its type.
    pub r#type: cmabi_func_desc,
}

/// Makes `type` of a description. Each resource type in it is a new one, which nothing but the type
/// refers to.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_new_described(
    desc: *const cmabi_type_desc,
    r#type: *mut *mut cmabi_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let out = unsafe { check::out_handle(r#type, "type") }?;
        // SAFETY: the header's rules.
        *out = cmabi_type::owned(unsafe { Reader::default().ty(desc, 0) }?);
        Ok(())
    })
}

/// Makes types of descriptions; what is described in one place becomes one type.
#[derive(Default)]
pub(in crate::ffi) struct Reader {
    types: HashMap<*const cmabi_type_desc, Type>,
    resources: HashMap<*const cmabi_part_desc, ResourceType>,
}

impl Reader {
    /// # Safety
    /// The header's rules for what `desc` leads to.
    pub(in crate::ffi) unsafe fn func(&mut self, desc: &cmabi_func_desc) -> Result<FuncType> {
        // SAFETY: the caller's promise.
        unsafe {
            let params = self.fields(check::slice(desc.params, desc.params_len, "params")?, 0)?;
            FuncType::new(params, self.optional(desc.result, 0)?, desc.is_async != 0)
        }
    }

    /// # Safety
    /// The header's rules for what `desc` leads to.
    unsafe fn ty(&mut self, desc: *const cmabi_type_desc, depth: u32) -> Result<Type> {
        if let Some(known) = self.types.get(&desc) {
            return Ok(known.clone());
        }
        if depth > MAX_TYPE_DEPTH {
            let message = format!("a description nests more than {MAX_TYPE_DEPTH} deep");
            return Err(Error::new(ErrorKind::Limit, message));
        }
        // SAFETY: the caller's promise.
        let ty = unsafe {
            let desc = check::required(desc, "desc")?;
            Type::new(self.kind(desc, depth + 1)?)
        }?;
        self.types.insert(desc, ty.clone());
        Ok(ty)
    }

    /// # Safety
    /// The header's rules for what `desc` leads to.
    unsafe fn kind(&mut self, desc: &cmabi_type_desc, depth: u32) -> Result<Kind> {
        // SAFETY: the caller's promise, here and below.
        let parts = unsafe { check::slice(desc.parts, desc.parts_len, "parts") }?;
        let kind = check::enumerator(desc.kind, "kind")?;
        if let Some(primitive) = kind.primitive() {
            return Ok(primitive);
        }
        let part = |index: usize| {
            let missing = || check::invalid("parts", format_args!("has no part {index}"));
            parts.get(index).ok_or_else(missing)
        };
        // SAFETY: the caller's promise.
        unsafe {
            Ok(match kind {
                cmabi_kind::List => Kind::List(self.ty(part(0)?.r#type, depth)?),
                cmabi_kind::FixedList => {
                    Kind::FixedList(self.ty(part(0)?.r#type, depth)?, desc.length)
                }
                cmabi_kind::Map => {
                    let key = self.ty(part(0)?.r#type, depth)?;
                    Kind::Map(key, self.ty(part(1)?.r#type, depth)?)
                }
                cmabi_kind::Record => Kind::Record(self.fields(parts, depth)?.into()),
                cmabi_kind::Tuple => {
                    let types = parts.iter().map(|part| self.ty(part.r#type, depth));
                    Kind::Tuple(types.collect::<Result<_>>()?)
                }
                cmabi_kind::Variant => {
                    let case = |part: &cmabi_part_desc| {
                        Ok(Case { name: name(part)?, ty: self.optional(part.r#type, depth)? })
                    };
                    Kind::Variant(parts.iter().map(case).collect::<Result<_>>()?)
                }
                cmabi_kind::Enum => Kind::Enum(labels(parts)?),
                cmabi_kind::Flags => Kind::Flags(labels(parts)?),
                cmabi_kind::Option => Kind::Option(self.ty(part(0)?.r#type, depth)?),
                cmabi_kind::Result => Kind::Result {
                    ok: self.optional(part(0)?.r#type, depth)?,
                    err: self.optional(part(1)?.r#type, depth)?,
                },
                cmabi_kind::Own => Kind::Own(self.resource(part(0)?)?),
                cmabi_kind::Borrow => Kind::Borrow(self.resource(part(0)?)?),
                cmabi_kind::Stream => Kind::Stream(self.optional(part(0)?.r#type, depth)?),
                cmabi_kind::Future => Kind::Future(self.optional(part(0)?.r#type, depth)?),
                _ => return Err(check::invalid("desc", "has the kind of no type")),
            })
        }
    }

    /// # Safety
    /// The header's rules for what the parts lead to.
    unsafe fn fields(&mut self, parts: &[cmabi_part_desc], depth: u32) -> Result<Vec<Field>> {
        // SAFETY: the caller's promise.
        let field =
            |part| unsafe { Ok(Field { name: name(part)?, ty: self.ty(part.r#type, depth)? }) };
        parts.iter().map(field).collect()
    }

    /// # Safety
    /// The header's rules for what `desc` leads to.
    unsafe fn optional(
        &mut self,
        desc: *const cmabi_type_desc,
        depth: u32,
    ) -> Result<Option<Type>> {
        if desc.is_null() {
            return Ok(None);
        }
        // SAFETY: the caller's promise.
        unsafe { self.ty(desc, depth) }.map(Some)
    }

    /// # Safety
    /// The header's rules for the part's name.
    unsafe fn resource(&mut self, part: &cmabi_part_desc) -> Result<ResourceType> {
        // SAFETY: the caller's promise.
        let name = unsafe { name(part) }?;
        let known = self.resources.entry(part).or_insert_with(|| ResourceType::new(&name));
        Ok(known.clone())
    }
}

/// # Safety
/// The header's rules for the parts' names.
unsafe fn labels(parts: &[cmabi_part_desc]) -> Result<Box<[Arc<str>]>> {
    // SAFETY: the caller's promise.
    parts.iter().map(|part| unsafe { name(part) }).collect()
}

/// # Safety
/// The header's rules for the part's name.
unsafe fn name(part: &cmabi_part_desc) -> Result<Arc<str>> {
    // SAFETY: the caller's promise.
    unsafe { c_text(part.name, "name") }.map(Into::into)
}

/// The text that ends with a NUL at `ptr`.
///
/// # Safety
/// `ptr` is NULL or points to such text, which stays unchanged for `'a`.
pub(in crate::ffi) unsafe fn c_text<'a>(ptr: *const c_char, argument: &str) -> Result<&'a str> {
    if ptr.is_null() {
        return Err(check::invalid(argument, "is NULL"));
    }
    // SAFETY: the caller's promise.
    let text = unsafe { CStr::from_ptr(ptr) };
    text.to_str().map_err(|_| check::invalid(argument, "is not UTF-8"))
}
