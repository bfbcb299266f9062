//! Alignment, element size, discriminants and flattening.
//!
//! The figures of a type are computed once, when it is made, from those of its parts.

use super::{Kind, Type};
use crate::core_types::{AddrType, CoreType};
use smallvec::SmallVec;

/// `MAX_STRING_BYTE_LENGTH` of the specification.
pub const MAX_STRING_BYTE_LENGTH: u64 = (1 << 28) - 1;
/// `MAX_LIST_BYTE_LENGTH` of the specification.
pub const MAX_LIST_BYTE_LENGTH: u64 = (1 << 28) - 1;
/// `MAX_FLAT_PARAMS` of the specification.
pub const MAX_FLAT_PARAMS: usize = 16;
/// `MAX_FLAT_ASYNC_PARAMS` of the specification.
pub const MAX_FLAT_ASYNC_PARAMS: usize = 4;
/// `MAX_FLAT_RESULTS` of the specification.
pub const MAX_FLAT_RESULTS: usize = 1;
/// The element size of a valid type with 8-byte pointers is below this.
pub const MAX_ELEM_SIZE: u32 = 1 << 28;

/// Which side of a component boundary a core function is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// `canon lift`: the component exports the core function.
    Lift,
    /// `canon lower`: the component imports the core function.
    Lower,
}

/// The figures of a type.
#[derive(Debug)]
pub struct TypeInfo {
    i32: Width,
    i64: Width,
    flat_count: u32,
    depth: u32,
    nodes: u32,
    any_bits: bool,
    same_layout: bool,
    holds_handles: bool,
    contains_borrow: bool,
    contains_async: bool,
    contains_float: bool,
}

/// The figures that depend on the width of pointers.
#[derive(Debug)]
struct Width {
    /// Saturating, as only a type that turns out invalid gets there.
    size: u32,
    align: u32,
    has_padding: bool,
    flat: Option<Box<[CoreType]>>,
}

impl TypeInfo {
    /// The figures of a type of this structure.
    pub(crate) fn of(kind: &Kind) -> TypeInfo {
        let any = |figure: fn(&TypeInfo) -> bool| kind.children().any(|ty| figure(ty.info()));
        let flat_count = flat_count(kind);
        let width = |addr| Width {
            size: u32::try_from(elem_size(kind, addr)).unwrap_or(u32::MAX),
            align: alignment(kind, addr),
            has_padding: has_padding(kind, addr),
            flat: (flat_count as usize <= MAX_FLAT_PARAMS).then(|| flatten_type(kind, addr)),
        };
        let is_borrow = matches!(kind, Kind::Borrow(_));
        let is_async = matches!(kind, Kind::Stream(_) | Kind::Future(_));
        let is_float = matches!(kind, Kind::F32 | Kind::F64);
        let is_handle = is_borrow || is_async || matches!(kind, Kind::Own(_) | Kind::ErrorContext);
        TypeInfo {
            i32: width(AddrType::I32),
            i64: width(AddrType::I64),
            flat_count,
            depth: kind.children().map(|ty| ty.info().depth).max().unwrap_or(0).saturating_add(1),
            nodes: kind.children().fold(1, |nodes, ty| nodes.saturating_add(ty.info().nodes)),
            any_bits: any_bits(kind),
            same_layout: same_layout(kind),
            holds_handles: is_handle || any(TypeInfo::holds_handles),
            contains_borrow: is_borrow || any(TypeInfo::contains_borrow),
            contains_async: is_async || any(TypeInfo::contains_async),
            contains_float: is_float || any(TypeInfo::contains_float),
        }
    }

    fn width(&self, addr: AddrType) -> &Width {
        match addr {
            AddrType::I32 => &self.i32,
            AddrType::I64 => &self.i64,
        }
    }

    /// The bytes that a value takes in a list: a multiple of the alignment; `elem_size` in the
    /// reference.
    pub fn size(&self, addr: AddrType) -> u32 {
        self.width(addr).size
    }

    /// The alignment in bytes: 1, 2, 4 or 8.
    pub fn align(&self, addr: AddrType) -> u32 {
        self.width(addr).align
    }

    /// The core values that the value is passed as, if there are at most [`MAX_FLAT_PARAMS`].
    pub fn flat(&self, addr: AddrType) -> Option<&[CoreType]> {
        self.width(addr).flat.as_deref()
    }

    /// How many core values there would be without a limit. Saturating.
    pub fn flat_count(&self) -> u32 {
        self.flat_count
    }

    /// How deep the type nests; 1 for a type without parts.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// How many types it takes to write the type out in full. Saturating.
    pub fn nodes(&self) -> u32 {
        self.nodes
    }

    /// Whether every bit pattern is a valid value, so that lifting has nothing to check and
    /// nothing to change. Padding apart, see [`TypeInfo::has_padding`].
    pub fn any_bits(&self) -> bool {
        self.any_bits
    }

    /// Whether some of the bytes of some value mean nothing.
    pub fn has_padding(&self, addr: AddrType) -> bool {
        self.width(addr).has_padding
    }

    /// Whether the layout is the same with 4- and with 8-byte pointers: no pointer in it.
    pub fn same_layout(&self) -> bool {
        self.same_layout
    }

    /// Whether a value can hold handles anywhere, also within lists: resources, streams, futures,
    /// error contexts.
    pub fn holds_handles(&self) -> bool {
        self.holds_handles
    }

    /// `contains_borrow` in the reference.
    pub fn contains_borrow(&self) -> bool {
        self.contains_borrow
    }

    /// Whether there is a stream or future in the type; `contains_async_value` in the reference.
    pub fn contains_async(&self) -> bool {
        self.contains_async
    }

    /// Whether there is a floating-point number in the type.
    pub fn contains_float(&self) -> bool {
        self.contains_float
    }
}

/// The least multiple of `align`, a power of two, that is not below `ptr`.
pub const fn align_to(ptr: u64, align: u32) -> u64 {
    (ptr + (align as u64 - 1)) & !(align as u64 - 1)
}

/// The bytes of the discriminant of a variant with this many cases; the size of the reference's
/// `discriminant_type`.
pub const fn discriminant_size(cases: usize) -> u32 {
    match cases {
        0..=0x100 => 1,
        0x101..=0x1_0000 => 2,
        _ => 4,
    }
}

/// The bytes, and the alignment, of flags with this many labels; `elem_size_flags` and
/// `alignment_flags` in the reference.
pub const fn flags_size(labels: usize) -> u32 {
    match labels {
        0..=8 => 1,
        9..=16 => 2,
        _ => 4,
    }
}

/// The offset of each field of a record or tuple in bytes; nothing for other kinds.
pub fn field_offsets(kind: &Kind, addr: AddrType) -> impl Iterator<Item = u32> {
    kind.field_types().scan(0u64, move |end, field| {
        let offset = align_to(*end, field.info().align(addr));
        *end = offset + u64::from(field.info().size(addr));
        Some(u32::try_from(offset).unwrap_or(u32::MAX))
    })
}

/// The offset of the payload of a variant, enum, option or result in bytes. It is the same for
/// every case.
pub fn payload_offset(kind: &Kind, addr: AddrType) -> u32 {
    let discriminant = discriminant_size(kind.case_count());
    align_to(discriminant.into(), max_case_alignment(kind, addr)) as u32
}

fn alignment(kind: &Kind, addr: AddrType) -> u32 {
    match kind {
        Kind::Bool | Kind::S8 | Kind::U8 => 1,
        Kind::S16 | Kind::U16 => 2,
        Kind::S32 | Kind::U32 | Kind::F32 | Kind::Char | Kind::ErrorContext => 4,
        Kind::S64 | Kind::U64 | Kind::F64 => 8,
        Kind::String | Kind::List(_) | Kind::Map(..) => addr.ptr_size(),
        Kind::FixedList(element, _) => element.info().align(addr),
        Kind::Record(_) | Kind::Tuple(_) => {
            kind.field_types().map(|field| field.info().align(addr)).max().unwrap_or(1)
        }
        Kind::Variant(_) | Kind::Enum(_) | Kind::Option(_) | Kind::Result { .. } => {
            discriminant_size(kind.case_count()).max(max_case_alignment(kind, addr))
        }
        Kind::Flags(labels) => flags_size(labels.len()),
        Kind::Own(_) | Kind::Borrow(_) | Kind::Stream(_) | Kind::Future(_) => 4,
    }
}

fn max_case_alignment(kind: &Kind, addr: AddrType) -> u32 {
    kind.case_types().flatten().map(|payload| payload.info().align(addr)).max().unwrap_or(1)
}

fn elem_size(kind: &Kind, addr: AddrType) -> u64 {
    match kind {
        Kind::Bool | Kind::S8 | Kind::U8 => 1,
        Kind::S16 | Kind::U16 => 2,
        Kind::S32 | Kind::U32 | Kind::F32 | Kind::Char | Kind::ErrorContext => 4,
        Kind::S64 | Kind::U64 | Kind::F64 => 8,
        Kind::String | Kind::List(_) | Kind::Map(..) => 2 * u64::from(addr.ptr_size()),
        Kind::FixedList(element, length) => {
            u64::from(element.info().size(addr)) * u64::from(*length)
        }
        Kind::Record(_) | Kind::Tuple(_) => elem_size_record(kind, addr),
        Kind::Variant(_) | Kind::Enum(_) | Kind::Option(_) | Kind::Result { .. } => {
            elem_size_variant(kind, addr)
        }
        Kind::Flags(labels) => flags_size(labels.len()).into(),
        Kind::Own(_) | Kind::Borrow(_) | Kind::Stream(_) | Kind::Future(_) => 4,
    }
}

fn elem_size_record(kind: &Kind, addr: AddrType) -> u64 {
    let end = kind.field_types().fold(0, |end, field| {
        align_to(end, field.info().align(addr)) + u64::from(field.info().size(addr))
    });
    align_to(end, alignment(kind, addr))
}

fn elem_size_variant(kind: &Kind, addr: AddrType) -> u64 {
    let payloads = kind.case_types().flatten();
    let payload = payloads.map(|payload| payload.info().size(addr)).max().unwrap_or(0);
    let end = u64::from(payload_offset(kind, addr)) + u64::from(payload);
    align_to(end, alignment(kind, addr))
}

fn has_padding(kind: &Kind, addr: AddrType) -> bool {
    let size = elem_size(kind, addr);
    match kind {
        Kind::FixedList(element, _) => element.info().has_padding(addr),
        Kind::Record(_) | Kind::Tuple(_) => {
            let used: u64 =
                kind.field_types().map(|field| u64::from(field.info().size(addr))).sum();
            used < size || kind.field_types().any(|field| field.info().has_padding(addr))
        }
        Kind::Variant(_) | Kind::Enum(_) | Kind::Option(_) | Kind::Result { .. } => {
            let discriminant = u64::from(discriminant_size(kind.case_count()));
            kind.case_types().any(|payload| match payload.map(Type::info) {
                Some(payload) => {
                    discriminant + u64::from(payload.size(addr)) < size || payload.has_padding(addr)
                }
                None => discriminant < size,
            })
        }
        _ => false,
    }
}

fn any_bits(kind: &Kind) -> bool {
    match kind {
        Kind::S8 | Kind::U8 | Kind::S16 | Kind::U16 | Kind::S32 | Kind::U32 => true,
        Kind::S64 | Kind::U64 | Kind::F32 | Kind::F64 => true,
        Kind::FixedList(element, _) => element.info().any_bits(),
        Kind::Record(_) | Kind::Tuple(_) => kind.field_types().all(|field| field.info().any_bits()),
        Kind::Flags(labels) => labels.len() as u32 == 8 * flags_size(labels.len()),
        _ => false,
    }
}

fn same_layout(kind: &Kind) -> bool {
    match kind {
        Kind::String | Kind::List(_) | Kind::Map(..) => false,
        Kind::Stream(_) | Kind::Future(_) => true,
        _ => kind.children().all(|ty| ty.info().same_layout()),
    }
}

fn flat_count(kind: &Kind) -> u32 {
    let counts = |ty: &Type| ty.info().flat_count();
    match kind {
        Kind::String | Kind::List(_) | Kind::Map(..) => 2,
        Kind::FixedList(element, length) => counts(element).saturating_mul(*length),
        Kind::Record(_) | Kind::Tuple(_) => {
            kind.field_types().map(counts).fold(0, u32::saturating_add)
        }
        Kind::Variant(_) | Kind::Enum(_) | Kind::Option(_) | Kind::Result { .. } => {
            let payload = kind.case_types().flatten().map(counts).max().unwrap_or(0);
            payload.saturating_add(1)
        }
        _ => 1,
    }
}

/// The flat types of a type that has at most [`MAX_FLAT_PARAMS`] of them; `flatten_list`,
/// `flatten_record` and `flatten_variant` too.
fn flatten_type(kind: &Kind, addr: AddrType) -> Box<[CoreType]> {
    let mut flat: SmallVec<[CoreType; MAX_FLAT_PARAMS]> = SmallVec::new();
    // Parts are not longer than the whole.
    fn part(ty: &Type, addr: AddrType) -> &[CoreType] {
        ty.info().flat(addr).unwrap_or_default()
    }
    match kind {
        Kind::S64 | Kind::U64 => flat.push(CoreType::I64),
        Kind::F32 => flat.push(CoreType::F32),
        Kind::F64 => flat.push(CoreType::F64),
        Kind::String | Kind::List(_) | Kind::Map(..) => {
            flat.extend([addr.core_type(), addr.core_type()]);
        }
        Kind::FixedList(element, length) => {
            (0..*length).for_each(|_| flat.extend_from_slice(part(element, addr)));
        }
        Kind::Record(_) | Kind::Tuple(_) => {
            kind.field_types().for_each(|field| flat.extend_from_slice(part(field, addr)));
        }
        Kind::Variant(_) | Kind::Enum(_) | Kind::Option(_) | Kind::Result { .. } => {
            flat.push(CoreType::I32);
            for payload in kind.case_types().flatten() {
                for (i, &ty) in part(payload, addr).iter().enumerate() {
                    match flat.get_mut(i + 1) {
                        Some(joined) => *joined = join(*joined, ty),
                        None => flat.push(ty),
                    }
                }
            }
        }
        _ => flat.push(CoreType::I32),
    }
    flat.into_boxed_slice()
}

/// The core type that can carry either.
pub fn join(a: CoreType, b: CoreType) -> CoreType {
    match (a, b) {
        _ if a == b => a,
        (CoreType::I32, CoreType::F32) | (CoreType::F32, CoreType::I32) => CoreType::I32,
        _ => CoreType::I64,
    }
}
