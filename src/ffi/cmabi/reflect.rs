//! What types are made of

use super::error::cmabi_string;
use super::types::{cmabi_kind, cmabi_resource_type, cmabi_type};
use crate::core_types::AddrType;
use crate::ffi::{check, guard_or};
use crate::types::layout;
use crate::types::{Kind, Type};
use std::mem::MaybeUninit;
use std::ptr;

/// The type of a memory's addresses (`addrtype`), for which a layout is asked.
/// @since 0.1
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cmabi_addr_type {
    /// The process's own memory: pointers are as wide as the machine's.
    Host,
    /// A memory with 32-bit addresses.
    I32,
    /// A memory with 64-bit addresses.
    I64,
}

// SAFETY: `#[repr(u32)]`, and the values go from 0 without a gap.
unsafe impl check::Enumeration for cmabi_addr_type {
    const COUNT: u32 = cmabi_addr_type::I64 as u32 + 1;
}

impl From<cmabi_addr_type> for AddrType {
    fn from(addr: cmabi_addr_type) -> Self {
        match addr {
            cmabi_addr_type::Host if cfg!(target_pointer_width = "32") => AddrType::I32,
            cmabi_addr_type::I32 => AddrType::I32,
            cmabi_addr_type::Host | cmabi_addr_type::I64 => AddrType::I64,
        }
    }
}

/// The kind of a type; `CMABI_KIND_NONE` for NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_kind(r#type: *const cmabi_type) -> cmabi_kind {
    let kind = |ty: &Type| match ty.kind() {
        Kind::Bool => cmabi_kind::Bool,
        Kind::S8 => cmabi_kind::S8,
        Kind::U8 => cmabi_kind::U8,
        Kind::S16 => cmabi_kind::S16,
        Kind::U16 => cmabi_kind::U16,
        Kind::S32 => cmabi_kind::S32,
        Kind::U32 => cmabi_kind::U32,
        Kind::S64 => cmabi_kind::S64,
        Kind::U64 => cmabi_kind::U64,
        Kind::F32 => cmabi_kind::F32,
        Kind::F64 => cmabi_kind::F64,
        Kind::Char => cmabi_kind::Char,
        Kind::String => cmabi_kind::String,
        Kind::ErrorContext => cmabi_kind::ErrorContext,
        Kind::List(_) => cmabi_kind::List,
        Kind::FixedList(..) => cmabi_kind::FixedList,
        Kind::Map(..) => cmabi_kind::Map,
        Kind::Record(_) => cmabi_kind::Record,
        Kind::Tuple(_) => cmabi_kind::Tuple,
        Kind::Variant(_) => cmabi_kind::Variant,
        Kind::Enum(_) => cmabi_kind::Enum,
        Kind::Option(_) => cmabi_kind::Option,
        Kind::Result { .. } => cmabi_kind::Result,
        Kind::Flags(_) => cmabi_kind::Flags,
        Kind::Own(_) => cmabi_kind::Own,
        Kind::Borrow(_) => cmabi_kind::Borrow,
        Kind::Stream(_) => cmabi_kind::Stream,
        Kind::Future(_) => cmabi_kind::Future,
    };
    // SAFETY: the header's rules.
    unsafe { ask(r#type, cmabi_kind::None, kind) }
}

/// The type as WIT text: `list<u8>`, `record { x: s32, y: s32 }`; of a text that is longer than 64 KiB,
/// the beginning and ` ...`. Borrowed from the type; empty for NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_text(r#type: *const cmabi_type) -> cmabi_string {
    // SAFETY: the header's rules; the text lives as long as the type.
    unsafe { ask(r#type, cmabi_string::EMPTY, |ty| ty.text().into()) }
}

/// How many parts a type has: the fields of a record, the types of a tuple, the cases of a variant
/// or enum, the labels of flags; 2 for an option (`none`, `some`), a result (`ok`, `error`) and a map
/// (key, value); 1 for the element of a list, and of a stream or future that has one; else 0.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_part_count(r#type: *const cmabi_type) -> usize {
    // SAFETY: the header's rules.
    unsafe {
        ask(r#type, 0, |ty| match ty.kind() {
            Kind::Flags(labels) => labels.len(),
            kind => kind.case_count().max(kind.children().count()),
        })
    }
}

/// The name of a part: of a field, case or label; `none` and `some` of an option, `ok` and `error` of a
/// result. Borrowed from the type; empty for parts without a name and beyond the last.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_part_name(
    r#type: *const cmabi_type,
    index: usize,
) -> cmabi_string {
    let name = |ty: &Type| {
        let name: Option<&str> = match ty.kind() {
            Kind::Record(fields) => fields.get(index).map(|field| &*field.name),
            Kind::Variant(cases) => cases.get(index).map(|case| &*case.name),
            Kind::Enum(labels) | Kind::Flags(labels) => labels.get(index).map(|label| &**label),
            Kind::Option(_) => ["none", "some"].get(index).copied(),
            Kind::Result { .. } => ["ok", "error"].get(index).copied(),
            _ => None,
        };
        name.map_or(cmabi_string::EMPTY, Into::into)
    };
    // SAFETY: the header's rules; the name lives as long as the type.
    unsafe { ask(r#type, cmabi_string::EMPTY, name) }
}

/// The type of a part: of a field, of the payload of a case, of an element, of a map's key or value.
/// Borrowed from the type; NULL for parts without a type and beyond the last.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_part_at(
    r#type: *const cmabi_type,
    index: usize,
) -> *const cmabi_type {
    let part = |ty: &Type| {
        let kind = ty.kind();
        let part = match kind.case_count() {
            0 => kind.children().nth(index),
            _ => kind.case_types().nth(index).flatten(),
        };
        part.map_or(ptr::null(), cmabi_type::borrowed)
    };
    // SAFETY: the header's rules; parts live as long as the whole.
    unsafe { ask(r#type, ptr::null(), part) }
}

/// How many elements a value of a fixed-length list has; 0 for other types.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_length(r#type: *const cmabi_type) -> u32 {
    // SAFETY: the header's rules.
    unsafe {
        ask(r#type, 0, |ty| match ty.kind() {
            Kind::FixedList(_, length) => *length,
            _ => 0,
        })
    }
}

/// The resource type of an `own` or `borrow`. Borrowed from the type; NULL for other types.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_resource(
    r#type: *const cmabi_type,
) -> *const cmabi_resource_type {
    // SAFETY: the header's rules; the resource type lives as long as the type.
    unsafe {
        ask(r#type, ptr::null(), |ty| match ty.kind() {
            Kind::Own(resource) | Kind::Borrow(resource) => cmabi_resource_type::borrowed(resource),
            _ => ptr::null(),
        })
    }
}

/// The bytes that a value takes, alone and in a list: a multiple of the alignment (`elem_size` of the
/// specification). 0 for NULL and for an unknown `addr`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_size(
    r#type: *const cmabi_type,
    addr: MaybeUninit<cmabi_addr_type>,
) -> usize {
    // SAFETY: the header's rules.
    unsafe { ask_layout(r#type, addr, |ty, addr| ty.info().size(addr)) }
}

/// The alignment of a value in bytes: 1, 2, 4 or 8 (`alignment` of the specification). 0 for NULL and
/// for an unknown `addr`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_align(
    r#type: *const cmabi_type,
    addr: MaybeUninit<cmabi_addr_type>,
) -> usize {
    // SAFETY: the header's rules.
    unsafe { ask_layout(r#type, addr, |ty, addr| ty.info().align(addr)) }
}

/// Where in a value a part begins, in bytes: a field of a record, an element of a tuple or
/// fixed-length list, the payload of a case, which is at the same place for all. 0 beyond the last
/// part, for an unknown `addr`, and for types whose parts are not in the value itself.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_part_offset(
    r#type: *const cmabi_type,
    index: usize,
    addr: MaybeUninit<cmabi_addr_type>,
) -> usize {
    let offset = |ty: &Type, addr| match ty.kind() {
        Kind::FixedList(element, length) => {
            let index = u32::try_from(index).ok().filter(|index| index < length);
            index.map_or(0, |index| index * element.info().size(addr))
        }
        kind if index < kind.case_count() => layout::payload_offset(kind, addr),
        kind => layout::field_offsets(kind, addr).nth(index).unwrap_or(0),
    };
    // SAFETY: the header's rules.
    unsafe { ask_layout(r#type, addr, offset) }
}

/// The bytes of the tag of a variant, enum, option or result: 1, 2 or 4. 0 for other types.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_type_discriminant_size(r#type: *const cmabi_type) -> usize {
    // SAFETY: the header's rules.
    unsafe {
        ask(r#type, 0, |ty| match ty.kind().case_count() {
            0 => 0,
            cases => layout::discriminant_size(cases) as usize,
        })
    }
}

/// The answer to a question about a type; `otherwise` for NULL.
///
/// # Safety
/// `ptr` is NULL or a type that C holds or borrows.
unsafe fn ask<T: Copy>(
    ptr: *const cmabi_type,
    otherwise: T,
    question: impl FnOnce(&Type) -> T,
) -> T {
    guard_or(otherwise, || {
        // SAFETY: the caller's promise.
        unsafe { cmabi_type::optional(ptr) }.map_or(otherwise, |ty| question(&ty))
    })
}

/// The answer to a question about a type's layout; 0 for NULL and for an unknown `addr`.
///
/// # Safety
/// As for [`ask`].
pub(in crate::ffi) unsafe fn ask_layout(
    ptr: *const cmabi_type,
    addr: MaybeUninit<cmabi_addr_type>,
    question: impl FnOnce(&Type, AddrType) -> u32,
) -> usize {
    // SAFETY: the caller's promise.
    unsafe {
        ask(ptr, 0, |ty| match check::enumerator(addr, "addr") {
            Ok(addr) => question(ty, addr.into()) as usize,
            Err(_) => 0,
        })
    }
}
