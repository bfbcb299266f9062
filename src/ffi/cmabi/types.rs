//! Types

use super::error::{cmabi_error, cmabi_status, cmabi_string};
use crate::error::Result;
use crate::ffi::{check, guard, guard_or};
use crate::types::{
    Case, Field, FuncType, FuncTypeData, Kind, ResourceType, ResourceTypeData, Type, TypeData,
};
use std::mem::MaybeUninit;
use std::sync::Arc;

/// A value type of the component model. Equal types have the same address: compare pointers.
///
/// Immutable, and usable from any thread. Types that are returned are borrowed from what they were
/// asked of; types that are written through an out-pointer are the caller's to free, once for each
/// time that they were written, also where the address is the same.
///
/// Functions that make a type answer `CMABI_STATUS_INVALID` for what the specification's validation
/// refuses, such as a name that is not in kebab case, a record without fields, or a size of 2^28 bytes
/// or more with 8-byte pointers, and `CMABI_STATUS_LIMIT` for a type that nests more than 100 deep or
/// has more than 1,000,000 parts when it is written out.
/// @since 0.1
pub struct cmabi_type {
    /// What C sees as a `cmabi_type` is the interned [`TypeData`]. C owns a count of its [`Arc`].
    _type: [u8; 0],
}

/// The type of a function: its parameters, its result, and whether it is `async`. Equal function
/// types have the same address: compare pointers.
///
/// Immutable, and usable from any thread. Owned and borrowed like a `cmabi_type`.
/// @since 0.1
pub struct cmabi_func_type {
    /// What C sees as a `cmabi_func_type` is the interned [`FuncTypeData`].
    _type: [u8; 0],
}

/// A resource type. Each one that is made is different from all others, whatever its name: compare
/// pointers.
///
/// Immutable, and usable from any thread. Owned and borrowed like a `cmabi_type`.
/// @since 0.1
pub struct cmabi_resource_type {
    /// What C sees as a `cmabi_resource_type` is the [`ResourceTypeData`].
    _type: [u8; 0],
}

/// What sort of type a `cmabi_type` is.
/// @since 0.1
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cmabi_kind {
    /// No type: the kind of NULL, such as the payload of a case that has none.
    None,
    /// `bool`: `uint8_t`, 0 or 1.
    Bool,
    /// `s8`: `int8_t`.
    S8,
    /// `u8`: `uint8_t`.
    U8,
    /// `s16`: `int16_t`.
    S16,
    /// `u16`: `uint16_t`.
    U16,
    /// `s32`: `int32_t`.
    S32,
    /// `u32`: `uint32_t`.
    U32,
    /// `s64`: `cmabi_s64`.
    S64,
    /// `u64`: `cmabi_u64`.
    U64,
    /// `f32`: `float`.
    F32,
    /// `f64`: `cmabi_f64`.
    F64,
    /// `char`: `uint32_t`, a Unicode scalar value.
    Char,
    /// `string`: `cmabi_string`.
    String,
    /// `error-context`: `uint32_t`, a handle.
    ErrorContext,
    /// `list<T>`: `struct { T *ptr; size_t len; }`.
    List,
    /// `list<T, N>`: `T[N]`.
    FixedList,
    /// `map<K, V>`: a list of `struct { K key; V value; }`. A key may be there more than once.
    Map,
    /// `record`: the struct of the fields.
    Record,
    /// `tuple`: the struct of the elements.
    Tuple,
    /// `variant`: a tag, then the union of the payloads.
    Variant,
    /// `enum`: a tag.
    Enum,
    /// `option<T>`: `struct { uint8_t is_some; T val; }`.
    Option,
    /// `result<T, E>`: `struct { uint8_t is_err; union { T ok; E err; } val; }`.
    Result,
    /// `flags`: `uint8_t`, `uint16_t` or `uint32_t`; the first label is the lowest bit.
    Flags,
    /// `own<R>`: `uint32_t`, a handle.
    Own,
    /// `borrow<R>`: `uint32_t`, a handle.
    Borrow,
    /// `stream` or `stream<T>`: `uint32_t`, a handle to the readable end.
    Stream,
    /// `future` or `future<T>`: `uint32_t`, a handle to the readable end.
    Future,
}

// SAFETY: `#[repr(u32)]`, and the values go from 0 without a gap.
unsafe impl check::Enumeration for cmabi_kind {
    const COUNT: u32 = cmabi_kind::Future as u32 + 1;
}

impl cmabi_kind {
    /// The type of this kind, if that has no parts.
    pub(in crate::ffi) fn primitive(self) -> Option<Kind> {
        Some(match self {
            cmabi_kind::Bool => Kind::Bool,
            cmabi_kind::S8 => Kind::S8,
            cmabi_kind::U8 => Kind::U8,
            cmabi_kind::S16 => Kind::S16,
            cmabi_kind::U16 => Kind::U16,
            cmabi_kind::S32 => Kind::S32,
            cmabi_kind::U32 => Kind::U32,
            cmabi_kind::S64 => Kind::S64,
            cmabi_kind::U64 => Kind::U64,
            cmabi_kind::F32 => Kind::F32,
            cmabi_kind::F64 => Kind::F64,
            cmabi_kind::Char => Kind::Char,
            cmabi_kind::String => Kind::String,
            cmabi_kind::ErrorContext => Kind::ErrorContext,
            _ => return None,
        })
    }
}

/// A name with a type: a field of a record, a case of a variant, a parameter of a function.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cmabi_field {
    /// The name, in kebab case.
    pub name: cmabi_string,
    /// The type. NULL for a case without payload.
    pub r#type: *const cmabi_type,
}

/// Makes `type` a type without parts: `CMABI_KIND_BOOL` to `CMABI_KIND_ERROR_CONTEXT`. Other kinds
/// are `CMABI_STATUS_INVALID_ARGUMENT`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_new_primitive(
    kind: MaybeUninit<cmabi_kind>,
    r#type: *mut *mut cmabi_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    let make = || {
        let kind = check::enumerator(kind, "kind")?.primitive();
        kind.ok_or_else(|| check::invalid("kind", "is not that of a type without parts"))
    };
    // SAFETY: the header's rules.
    unsafe { new_type(r#type, error, make) }
}

/// Makes `type` the type `list<element>`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_new_list(
    element: *const cmabi_type,
    r#type: *mut *mut cmabi_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { new_type(r#type, error, || Ok(Kind::List(cmabi_type::get(element, "element")?))) }
}

/// Makes `type` the type `list<element, length>`: exactly `length` elements, at least one, without
/// a pointer between.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_new_fixed_list(
    element: *const cmabi_type,
    length: u32,
    r#type: *mut *mut cmabi_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        new_type(r#type, error, || {
            Ok(Kind::FixedList(cmabi_type::get(element, "element")?, length))
        })
    }
}

/// Makes `type` the type `map<key, value>`. A key is a bool, an integer, a char or a string.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_new_map(
    key: *const cmabi_type,
    value: *const cmabi_type,
    r#type: *mut *mut cmabi_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        new_type(r#type, error, || {
            Ok(Kind::Map(cmabi_type::get(key, "key")?, cmabi_type::get(value, "value")?))
        })
    }
}

/// Makes `type` the record of these fields. There is at least one, and the names differ in more
/// than case.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_new_record(
    fields: *const cmabi_field,
    fields_len: usize,
    r#type: *mut *mut cmabi_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        new_type(r#type, error, || {
            Ok(Kind::Record(fields_of(fields, fields_len, "fields")?.into()))
        })
    }
}

/// Makes `type` the tuple of these types. There is at least one.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_new_tuple(
    types: *const *const cmabi_type,
    types_len: usize,
    r#type: *mut *mut cmabi_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    let make = || {
        // SAFETY: the header's rules.
        let types = unsafe { check::slice(types, types_len, "types") }?;
        // SAFETY: the header's rules.
        let get = |ty: &*const cmabi_type| unsafe { cmabi_type::get(*ty, "types") };
        Ok(Kind::Tuple(types.iter().map(get).collect::<Result<_>>()?))
    };
    // SAFETY: the header's rules.
    unsafe { new_type(r#type, error, make) }
}

/// Makes `type` the variant of these cases. There is at least one, and the names differ in more
/// than case. A case without payload has the type NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_new_variant(
    cases: *const cmabi_field,
    cases_len: usize,
    r#type: *mut *mut cmabi_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    let make = || {
        // SAFETY: the header's rules.
        let cases = unsafe { check::slice(cases, cases_len, "cases") }?;
        let get = |case: &cmabi_field| {
            // SAFETY: the header's rules.
            let name = unsafe { check::text(case.name, "cases") }?;
            // SAFETY: the header's rules.
            Ok(Case { name: name.into(), ty: unsafe { cmabi_type::optional(case.r#type) } })
        };
        Ok(Kind::Variant(cases.iter().map(get).collect::<Result<_>>()?))
    };
    // SAFETY: the header's rules.
    unsafe { new_type(r#type, error, make) }
}

/// Makes `type` the enum of these labels. There is at least one, and they differ in more than case.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_new_enum(
    labels: *const cmabi_string,
    labels_len: usize,
    r#type: *mut *mut cmabi_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { new_type(r#type, error, || Ok(Kind::Enum(labels_of(labels, labels_len)?))) }
}

/// Makes `type` the type `option<some>`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_new_option(
    some: *const cmabi_type,
    r#type: *mut *mut cmabi_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { new_type(r#type, error, || Ok(Kind::Option(cmabi_type::get(some, "some")?))) }
}

/// Makes `type` the type `result<ok, err>`. Either may be NULL, for no payload.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_new_result(
    ok: *const cmabi_type,
    err: *const cmabi_type,
    r#type: *mut *mut cmabi_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        new_type(r#type, error, || {
            Ok(Kind::Result { ok: cmabi_type::optional(ok), err: cmabi_type::optional(err) })
        })
    }
}

/// Makes `type` the flags with these labels. There are from 1 to 32, and they differ in more than
/// case.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_new_flags(
    labels: *const cmabi_string,
    labels_len: usize,
    r#type: *mut *mut cmabi_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { new_type(r#type, error, || Ok(Kind::Flags(labels_of(labels, labels_len)?))) }
}

/// Makes `type` the type `own<resource>`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_new_own(
    resource: *const cmabi_resource_type,
    r#type: *mut *mut cmabi_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        new_type(r#type, error, || Ok(Kind::Own(cmabi_resource_type::get(resource, "resource")?)))
    }
}

/// Makes `type` the type `borrow<resource>`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_new_borrow(
    resource: *const cmabi_resource_type,
    r#type: *mut *mut cmabi_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        new_type(r#type, error, || {
            Ok(Kind::Borrow(cmabi_resource_type::get(resource, "resource")?))
        })
    }
}

/// Makes `type` the type `stream<element>`, or `stream` where `element` is NULL. A stream does not
/// carry char, nor anything with a borrow in it.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_new_stream(
    element: *const cmabi_type,
    r#type: *mut *mut cmabi_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { new_type(r#type, error, || Ok(Kind::Stream(cmabi_type::optional(element)))) }
}

/// Makes `type` the type `future<element>`, or `future` where `element` is NULL. A future does not
/// carry anything with a borrow in it.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_new_future(
    element: *const cmabi_type,
    r#type: *mut *mut cmabi_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { new_type(r#type, error, || Ok(Kind::Future(cmabi_type::optional(element)))) }
}

/// Makes one's own hold on a type, so that it outlives what it was borrowed from: the same address,
/// to be freed with `cmabi_type_free`. NULL for NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_clone(r#type: *const cmabi_type) -> *mut cmabi_type {
    guard_or(std::ptr::null_mut(), || {
        // SAFETY: the header's rules.
        unsafe { cmabi_type::optional(r#type) }.map_or(std::ptr::null_mut(), cmabi_type::owned)
    })
}

/// Gives up a hold on a type. Types that are made of it, and other holds, keep it. NULL is fine.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_free(r#type: *mut cmabi_type) {
    guard_or((), || {
        if !r#type.is_null() {
            // SAFETY: the header's rules: this is one of the counts that C owns.
            drop(unsafe { Arc::from_raw(r#type.cast_const().cast::<TypeData>()) });
        }
    });
}

/// Makes `resource` a new resource type. `name` is for texts and messages, and may be anything.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_resource_type_new(
    name: cmabi_string,
    resource: *mut *mut cmabi_resource_type,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let out = unsafe { check::out_handle(resource, "resource") }?;
        // SAFETY: the header's rules.
        let name = unsafe { check::text(name, "name") }?;
        *out = cmabi_resource_type::owned(ResourceType::new(name));
        Ok(())
    })
}

/// The name that the resource type was made with. Borrowed from it; empty for NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_resource_type_name(
    resource: *const cmabi_resource_type,
) -> cmabi_string {
    guard_or(cmabi_string::EMPTY, || {
        // SAFETY: the header's rules; the name lives as long as C's hold.
        unsafe { cmabi_resource_type::get(resource, "resource") }
            .map_or(cmabi_string::EMPTY, |resource| resource.name().into())
    })
}

/// Makes one's own hold on a resource type: the same address, to be freed. NULL for NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_resource_type_clone(
    resource: *const cmabi_resource_type,
) -> *mut cmabi_resource_type {
    guard_or(std::ptr::null_mut(), || {
        // SAFETY: the header's rules.
        unsafe { cmabi_resource_type::get(resource, "resource") }
            .map_or(std::ptr::null_mut(), cmabi_resource_type::owned)
    })
}

/// Gives up a hold on a resource type. Types that are made of it keep it. NULL is fine.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_resource_type_free(resource: *mut cmabi_resource_type) {
    guard_or((), || {
        if !resource.is_null() {
            // SAFETY: the header's rules: this is one of the counts that C owns.
            drop(unsafe { Arc::from_raw(resource.cast_const().cast::<ResourceTypeData>()) });
        }
    });
}

/// The whole of an export that makes a type.
///
/// # Safety
/// The header's rules for `place` and `error`.
unsafe fn new_type(
    place: *mut *mut cmabi_type,
    error: *mut *mut cmabi_error,
    kind: impl FnOnce() -> Result<Kind>,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the caller's promise.
        let out = unsafe { check::out_handle(place, "type") }?;
        *out = cmabi_type::owned(Type::new(kind()?)?);
        Ok(())
    })
}

/// The fields of a record, or the parameters of a function.
///
/// # Safety
/// The header's rules for `fields` and what is in it.
pub(in crate::ffi) unsafe fn fields_of(
    fields: *const cmabi_field,
    count: usize,
    argument: &str,
) -> Result<Vec<Field>> {
    // SAFETY: the caller's promise.
    let fields = unsafe { check::slice(fields, count, argument) }?;
    let get = |field: &cmabi_field| {
        // SAFETY: the caller's promise.
        let name = unsafe { check::text(field.name, argument) }?;
        // SAFETY: the caller's promise.
        Ok(Field { name: name.into(), ty: unsafe { cmabi_type::get(field.r#type, argument) }? })
    };
    fields.iter().map(get).collect()
}

/// The labels of an enum or flags.
///
/// # Safety
/// The header's rules for `labels` and what is in it.
unsafe fn labels_of(labels: *const cmabi_string, count: usize) -> Result<Box<[Arc<str>]>> {
    // SAFETY: the caller's promise.
    let labels = unsafe { check::slice(labels, count, "labels") }?;
    // SAFETY: the caller's promise.
    labels.iter().map(|label| Ok(unsafe { check::text(*label, "labels") }?.into())).collect()
}

impl cmabi_type {
    /// What C gets for a type that lives in something that C holds.
    pub(in crate::ffi) fn borrowed(ty: &Type) -> *const cmabi_type {
        Arc::as_ptr(&ty.0).cast()
    }

    /// What C gets to own.
    pub(in crate::ffi) fn owned(ty: Type) -> *mut cmabi_type {
        Arc::into_raw(ty.0).cast_mut().cast()
    }

    /// The type behind C's pointer.
    ///
    /// # Safety
    /// `ptr` is NULL or a type that C holds or borrows.
    pub(in crate::ffi) unsafe fn get(ptr: *const cmabi_type, argument: &str) -> Result<Type> {
        // SAFETY: the caller's promise.
        unsafe { Self::optional(ptr) }.ok_or_else(|| check::invalid(argument, "is NULL"))
    }

    /// The type behind C's pointer, `None` for NULL.
    ///
    /// # Safety
    /// As for [`cmabi_type::get`].
    pub(in crate::ffi) unsafe fn optional(ptr: *const cmabi_type) -> Option<Type> {
        // SAFETY: every pointer given out came from an `Arc<TypeData>`, which C's hold keeps alive.
        unsafe { hold(ptr.cast()) }.map(Type)
    }
}

impl cmabi_func_type {
    /// What C gets for a type that lives in something that C holds.
    pub(in crate::ffi) fn borrowed(ty: &FuncType) -> *const cmabi_func_type {
        Arc::as_ptr(&ty.0).cast()
    }

    /// What C gets to own.
    pub(in crate::ffi) fn owned(ty: FuncType) -> *mut cmabi_func_type {
        Arc::into_raw(ty.0).cast_mut().cast()
    }

    /// The type behind C's pointer.
    ///
    /// # Safety
    /// `ptr` is NULL or a type that C holds or borrows.
    pub(in crate::ffi) unsafe fn get(
        ptr: *const cmabi_func_type,
        argument: &str,
    ) -> Result<FuncType> {
        // SAFETY: every pointer given out came from an `Arc<FuncTypeData>`, which C's hold keeps.
        let ty = unsafe { hold(ptr.cast::<FuncTypeData>()) };
        ty.map(FuncType).ok_or_else(|| check::invalid(argument, "is NULL"))
    }
}

impl cmabi_resource_type {
    /// What C gets for a type that lives in something that C holds.
    pub(in crate::ffi) fn borrowed(ty: &ResourceType) -> *const cmabi_resource_type {
        Arc::as_ptr(&ty.0).cast()
    }

    /// What C gets to own.
    pub(in crate::ffi) fn owned(ty: ResourceType) -> *mut cmabi_resource_type {
        Arc::into_raw(ty.0).cast_mut().cast()
    }

    /// The type behind C's pointer.
    ///
    /// # Safety
    /// `ptr` is NULL or a resource type that C holds or borrows.
    pub(in crate::ffi) unsafe fn get(
        ptr: *const cmabi_resource_type,
        argument: &str,
    ) -> Result<ResourceType> {
        // SAFETY: the caller's promise.
        unsafe { Self::optional(ptr) }.ok_or_else(|| check::invalid(argument, "is NULL"))
    }

    /// The resource type behind C's pointer, `None` for NULL.
    ///
    /// # Safety
    /// As for [`cmabi_resource_type::get`].
    pub(in crate::ffi) unsafe fn optional(ptr: *const cmabi_resource_type) -> Option<ResourceType> {
        // SAFETY: every pointer given out came from an `Arc<ResourceTypeData>`, which C's hold keeps.
        unsafe { hold(ptr.cast::<ResourceTypeData>()) }.map(ResourceType)
    }
}

/// A count of one's own of what C holds; `None` for NULL.
///
/// # Safety
/// `ptr` is NULL or came from an `Arc<T>` that is alive.
unsafe fn hold<T>(ptr: *const T) -> Option<Arc<T>> {
    if ptr.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    unsafe {
        Arc::increment_strong_count(ptr);
        Some(Arc::from_raw(ptr))
    }
}
