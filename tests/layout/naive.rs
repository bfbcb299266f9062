//! The specification's figures once more, in the plainest way: first every type is reduced to one
//! of four shapes, then everything is looked up, counted or searched for each time it is needed.

use crate::sample::Desc;
use cmabi::engine::CoreType;
use cmabi::types::layout::Context;

/// What is left of a type for its layout.
pub(crate) enum Shape {
    /// So many bytes, aligned to themselves, passed as that.
    Scalar(u64, CoreType),
    /// A pointer and a length.
    Slice,
    /// Parts one after the other.
    Product(Vec<Shape>),
    /// One of several, or nothing.
    Sum(Vec<Option<Shape>>),
    /// The same so many times.
    Repeat(Box<Shape>, u64),
}

impl Shape {
    pub(crate) fn of(desc: &Desc) -> Shape {
        let many = |descs: &[Desc]| descs.iter().map(Shape::of).collect();
        let maybe = |desc: &Option<Box<Desc>>| desc.as_deref().map(Shape::of);
        match desc {
            Desc::Bool | Desc::S8 | Desc::U8 => Shape::Scalar(1, CoreType::I32),
            Desc::S16 | Desc::U16 => Shape::Scalar(2, CoreType::I32),
            Desc::S32 | Desc::U32 | Desc::Char => Shape::Scalar(4, CoreType::I32),
            Desc::S64 | Desc::U64 => Shape::Scalar(8, CoreType::I64),
            Desc::F32 => Shape::Scalar(4, CoreType::F32),
            Desc::F64 => Shape::Scalar(8, CoreType::F64),
            Desc::ErrorContext | Desc::Own | Desc::Borrow | Desc::Stream(_) | Desc::Future(_) => {
                Shape::Scalar(4, CoreType::I32)
            }
            Desc::String | Desc::List(_) | Desc::Map(..) => Shape::Slice,
            Desc::FixedList(element, length) => {
                Shape::Repeat(Box::new(Shape::of(element)), u64::from(*length))
            }
            Desc::Record(parts) | Desc::Tuple(parts) => Shape::Product(many(parts)),
            Desc::Variant(cases) => {
                Shape::Sum(cases.iter().map(|c| c.as_ref().map(Shape::of)).collect())
            }
            Desc::Enum(count) => Shape::Sum((0..*count).map(|_| None).collect()),
            Desc::Option(some) => Shape::Sum(vec![None, Some(Shape::of(some))]),
            Desc::Result(ok, err) => Shape::Sum(vec![maybe(ok), maybe(err)]),
            Desc::Flags(count) => {
                let bytes = [1, 2, 4].into_iter().find(|bytes| bytes * 8 >= *count).unwrap();
                Shape::Scalar(bytes as u64, CoreType::I32)
            }
        }
    }

    pub(crate) fn has_pointers(&self) -> bool {
        match self {
            Shape::Scalar(..) => false,
            Shape::Slice => true,
            Shape::Product(parts) => parts.iter().any(Shape::has_pointers),
            Shape::Sum(payloads) => payloads.iter().flatten().any(Shape::has_pointers),
            Shape::Repeat(part, _) => part.has_pointers(),
        }
    }

    pub(crate) fn align(&self, pointer: u64) -> u64 {
        match self {
            Shape::Scalar(bytes, _) => *bytes,
            Shape::Slice => pointer,
            Shape::Product(parts) => largest(parts.iter().map(|part| part.align(pointer)), 1),
            Shape::Sum(payloads) => largest(
                payloads.iter().flatten().map(|payload| payload.align(pointer)),
                discriminant(payloads.len()),
            ),
            Shape::Repeat(part, _) => part.align(pointer),
        }
    }

    pub(crate) fn size(&self, pointer: u64) -> u64 {
        match self {
            Shape::Scalar(bytes, _) => *bytes,
            Shape::Slice => 2 * pointer,
            Shape::Product(parts) => {
                let last = parts.last().map_or(0, |part| part.size(pointer));
                let start = offsets(parts, pointer).last().copied().unwrap_or(0);
                next_multiple(start + last, self.align(pointer))
            }
            Shape::Sum(payloads) => {
                let sizes = payloads.iter().flatten().map(|payload| payload.size(pointer));
                let end = payload_offset(payloads, pointer) + largest(sizes, 0);
                next_multiple(end, self.align(pointer))
            }
            Shape::Repeat(part, count) => count * part.size(pointer),
        }
    }

    pub(crate) fn flat(&self, pointer: u64) -> Vec<CoreType> {
        match self {
            Shape::Scalar(_, core) => vec![*core],
            Shape::Slice => vec![address(pointer); 2],
            Shape::Product(parts) => parts.iter().flat_map(|part| part.flat(pointer)).collect(),
            Shape::Repeat(part, count) => part.flat(pointer).repeat(*count as usize),
            Shape::Sum(payloads) => {
                let columns: Vec<Vec<CoreType>> =
                    payloads.iter().flatten().map(|payload| payload.flat(pointer)).collect();
                let width = columns.iter().map(Vec::len).max().unwrap_or(0);
                let column = |i| columns.iter().filter_map(move |flat| flat.get(i).copied());
                std::iter::once(CoreType::I32)
                    .chain((0..width).map(|i| widest(column(i))))
                    .collect()
            }
        }
    }
}

/// The type for values of all of these types: theirs if they are one type, 32 bits if all are 32
/// bits wide, else 64 bits.
fn widest(types: impl Iterator<Item = CoreType> + Clone) -> CoreType {
    let all = |allowed: &[CoreType]| types.clone().all(|ty| allowed.contains(&ty));
    for one in [CoreType::I32, CoreType::I64, CoreType::F32, CoreType::F64] {
        if all(&[one]) {
            return one;
        }
    }
    if all(&[CoreType::I32, CoreType::F32]) { CoreType::I32 } else { CoreType::I64 }
}

fn largest(values: impl Iterator<Item = u64>, least: u64) -> u64 {
    values.fold(least, u64::max)
}

fn next_multiple(value: u64, of: u64) -> u64 {
    (value..).find(|value| value % of == 0).unwrap()
}

fn address(pointer: u64) -> CoreType {
    if pointer == 4 { CoreType::I32 } else { CoreType::I64 }
}

/// Bytes that it takes to count to `cases`, rounded to what there is an integer for.
pub(crate) fn discriminant(cases: usize) -> u64 {
    let bits = (cases as f64).log2();
    match (bits / 8.0).ceil() as u32 {
        0 | 1 => 1,
        2 => 2,
        _ => 4,
    }
}

pub(crate) fn payload_offset(payloads: &[Option<Shape>], pointer: u64) -> u64 {
    let aligns = payloads.iter().flatten().map(|payload| payload.align(pointer));
    next_multiple(discriminant(payloads.len()), largest(aligns, 1))
}

pub(crate) fn offsets(parts: &[Shape], pointer: u64) -> Vec<u64> {
    let mut offsets = Vec::new();
    let mut end = 0;
    for part in parts {
        let start = next_multiple(end, part.align(pointer));
        offsets.push(start);
        end = start + part.size(pointer);
    }
    offsets
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Abi {
    Sync,
    Async,
    AsyncCallback,
}

/// The parameters and results of the core function.
pub(crate) fn flatten_function(
    params: &[Desc],
    result: Option<&Desc>,
    pointer: u64,
    abi: Abi,
    context: Context,
) -> (Vec<CoreType>, Vec<CoreType>) {
    let flat = |desc: &Desc| Shape::of(desc).flat(pointer);
    let params: Vec<CoreType> = params.iter().flat_map(flat).collect();
    let result: Vec<CoreType> = result.map(flat).unwrap_or_default();
    let spill = |flat: Vec<CoreType>, limit| {
        if flat.len() > limit { vec![address(pointer)] } else { flat }
    };
    let with_return_pointer = |mut flat: Vec<CoreType>| {
        flat.push(address(pointer));
        flat
    };
    match (abi, context) {
        (Abi::Sync, Context::Lift) => (spill(params, 16), spill(result, 1)),
        (Abi::Sync, Context::Lower) if result.len() > 1 => {
            (with_return_pointer(spill(params, 16)), vec![])
        }
        (Abi::Sync, Context::Lower) => (spill(params, 16), result),
        (Abi::Async, Context::Lift) => (spill(params, 16), vec![]),
        (Abi::AsyncCallback, Context::Lift) => (spill(params, 16), vec![CoreType::I32]),
        (_, Context::Lower) if result.is_empty() => (spill(params, 4), vec![CoreType::I32]),
        (_, Context::Lower) => (with_return_pointer(spill(params, 4)), vec![CoreType::I32]),
    }
}
