//! Loading, storing and flattening written down the way the reference does it, over a tree of
//! values: what the copy engine is compared with.

use super::Side;
use crate::copy::StringEncoding;
use crate::core_types::RawVal;
use crate::types::layout::align_to;
use crate::types::{Kind, Type};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Bits(u64),
    Char(u32),
    String(String),
    List(Vec<Value>),
    Record(Vec<Value>),
    Variant(usize, Option<Box<Value>>),
}

/// The fields of a record or tuple.
pub(super) fn fields(ty: &Type) -> Vec<Type> {
    match ty.kind() {
        Kind::Record(fields) => fields.iter().map(|field| field.ty.clone()).collect(),
        Kind::Tuple(types) => types.to_vec(),
        _ => unreachable!(),
    }
}

/// The cases of a variant or what is a special variant.
pub(super) fn cases(ty: &Type) -> Option<Vec<Option<Type>>> {
    Some(match ty.kind() {
        Kind::Variant(cases) => cases.iter().map(|case| case.ty.clone()).collect(),
        Kind::Enum(labels) => vec![None; labels.len()],
        Kind::Option(some) => vec![None, Some(some.clone())],
        Kind::Result { ok, err } => vec![ok.clone(), err.clone()],
        _ => return None,
    })
}

fn element(ty: &Type) -> Type {
    match ty.kind() {
        Kind::List(element) | Kind::FixedList(element, _) => element.clone(),
        Kind::Map(key, value) => {
            Type::new(Kind::Tuple([key.clone(), value.clone()].into())).unwrap()
        }
        _ => unreachable!(),
    }
}

fn size(side: &Side, ty: &Type) -> u64 {
    ty.info().size(side.format.addr).into()
}

fn align(side: &Side, ty: &Type) -> u32 {
    ty.info().align(side.format.addr)
}

fn discriminant_size(cases: usize) -> usize {
    match cases {
        0..=256 => 1,
        257..=65536 => 2,
        _ => 4,
    }
}

fn payload_offset(side: &Side, cases: &[Option<Type>]) -> u64 {
    let aligns = cases.iter().flatten().map(|case| align(side, case));
    align_to(discriminant_size(cases.len()) as u64, aligns.max().unwrap_or(1))
}

/// How many bytes a number takes.
fn width(ty: &Type) -> usize {
    match ty.kind() {
        Kind::Bool | Kind::S8 | Kind::U8 => 1,
        Kind::S16 | Kind::U16 => 2,
        Kind::S64 | Kind::U64 | Kind::F64 => 8,
        Kind::Flags(labels) => match labels.len() {
            0..=8 => 1,
            9..=16 => 2,
            _ => 4,
        },
        _ => 4,
    }
}

fn is_signed(ty: &Type) -> bool {
    matches!(ty.kind(), Kind::S8 | Kind::S16)
}

fn from_bits(ty: &Type, bits: u64) -> Option<Value> {
    Some(match ty.kind() {
        Kind::Bool => Value::Bits((bits != 0).into()),
        Kind::Char => Value::Char(char::from_u32(bits as u32)?.into()),
        Kind::Flags(labels) => Value::Bits(bits & ((1 << labels.len()) - 1)),
        _ => Value::Bits(bits),
    })
}

fn to_bits(value: &Value) -> u64 {
    match value {
        Value::Bits(bits) => *bits,
        Value::Char(value) => (*value).into(),
        _ => unreachable!(),
    }
}

fn load_int(side: &mut Side, ptr: u64, size: usize) -> u64 {
    let mut bytes = side.read(ptr, size);
    bytes.resize(8, 0);
    u64::from_le_bytes(bytes.try_into().unwrap())
}

fn store_int(side: &mut Side, value: u64, ptr: u64, size: usize) {
    side.write(ptr, &value.to_le_bytes()[..size]);
}

/// `None` is a trap.
pub(super) fn load(side: &mut Side, ptr: u64, ty: &Type) -> Option<Value> {
    let ptr_size = side.format.addr.ptr_size() as usize;
    if let Some(cases) = cases(ty) {
        let case = load_int(side, ptr, discriminant_size(cases.len())) as usize;
        let payload = ptr + payload_offset(side, &cases);
        return Some(Value::Variant(
            case,
            match cases.get(case)? {
                Some(ty) => Some(Box::new(load(side, payload, ty)?)),
                None => None,
            },
        ));
    }
    match ty.kind() {
        Kind::String => {
            let begin = load_int(side, ptr, ptr_size);
            let len = load_int(side, ptr + ptr_size as u64, ptr_size);
            load_string(side, begin, len)
        }
        Kind::List(_) | Kind::Map(..) => {
            let begin = load_int(side, ptr, ptr_size);
            let len = load_int(side, ptr + ptr_size as u64, ptr_size);
            load_list(side, begin, len, &element(ty))
        }
        Kind::FixedList(element, length) => load_elements(side, ptr, (*length).into(), element),
        Kind::Record(_) | Kind::Tuple(_) => {
            let mut at = ptr;
            let mut values = Vec::new();
            for field in fields(ty) {
                at = align_to(at, align(side, &field));
                values.push(load(side, at, &field)?);
                at += size(side, &field);
            }
            Some(Value::Record(values))
        }
        _ => {
            let bits = load_int(side, ptr, width(ty));
            from_bits(ty, bits)
        }
    }
}

fn load_elements(side: &mut Side, ptr: u64, length: u64, ty: &Type) -> Option<Value> {
    let step = size(side, ty);
    let elements = (0..length).map(|i| load(side, ptr + i * step, ty));
    elements.collect::<Option<_>>().map(Value::List)
}

fn in_range(side: &mut Side, ptr: u64, len: u128, align: u32) -> bool {
    let end = u128::from(ptr) + len;
    len < 1 << 28
        && (side.format.host || ptr.is_multiple_of(align.into()) && end <= side.view().len as u128)
}

fn load_list(side: &mut Side, ptr: u64, length: u64, ty: &Type) -> Option<Value> {
    let bytes = u128::from(length) * u128::from(size(side, ty));
    let align = align(side, ty);
    in_range(side, ptr, bytes, align).then(|| load_elements(side, ptr, length, ty))?
}

fn load_string(side: &mut Side, ptr: u64, tagged: u64) -> Option<Value> {
    let tag = 1 << (8 * side.format.addr.ptr_size() - 1);
    let (wide, align, units) = match side.format.encoding {
        StringEncoding::Utf8 => (false, 1, tagged),
        StringEncoding::Utf16 => (true, 2, tagged),
        StringEncoding::Latin1Utf16 => (tagged & tag != 0, 2, tagged & !tag),
    };
    let len = u128::from(units) * if wide { 2 } else { 1 };
    if !in_range(side, ptr, len, align) {
        return None;
    }
    let bytes = if len == 0 { Vec::new() } else { side.read(ptr, len as usize) };
    Some(Value::String(if wide {
        let units = bytes.chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
        String::from_utf16(&units.collect::<Vec<_>>()).ok()?
    } else if side.format.encoding == StringEncoding::Utf8 {
        String::from_utf8(bytes).ok()?
    } else {
        bytes.into_iter().map(char::from).collect()
    }))
}

pub(super) fn store(side: &mut Side, value: &Value, ty: &Type, ptr: u64) {
    let ptr_size = side.format.addr.ptr_size() as usize;
    match value {
        Value::Bits(_) | Value::Char(_) => store_int(side, to_bits(value), ptr, width(ty)),
        Value::String(_) | Value::List(_) if !matches!(ty.kind(), Kind::FixedList(..)) => {
            let (begin, length) = store_range(side, value, ty);
            store_int(side, begin, ptr, ptr_size);
            store_int(side, length, ptr + ptr_size as u64, ptr_size);
        }
        Value::String(_) => unreachable!(),
        Value::List(elements) => store_elements(side, elements, &element(ty), ptr),
        Value::Record(values) => {
            let mut at = ptr;
            for (value, field) in values.iter().zip(fields(ty)) {
                at = align_to(at, align(side, &field));
                store(side, value, &field, at);
                at += size(side, &field);
            }
        }
        Value::Variant(case, payload) => {
            let cases = cases(ty).unwrap();
            store_int(side, *case as u64, ptr, discriminant_size(cases.len()));
            let at = ptr + payload_offset(side, &cases);
            if let (Some(payload), Some(ty)) = (payload, &cases[*case]) {
                store(side, payload, ty, at);
            }
        }
    }
}

fn store_elements(side: &mut Side, elements: &[Value], ty: &Type, ptr: u64) {
    for (i, value) in elements.iter().enumerate() {
        let at = ptr + i as u64 * size(side, ty);
        store(side, value, ty, at);
    }
}

/// A string or list: where it is, and its (tagged) length.
fn store_range(side: &mut Side, value: &Value, ty: &Type) -> (u64, u64) {
    let string = match value {
        Value::String(string) => string,
        Value::List(elements) => {
            let element = element(ty);
            let bytes = elements.len() as u64 * size(side, &element);
            let ptr = side.alloc(align(side, &element), bytes);
            store_elements(side, elements, &element, ptr);
            return (ptr, elements.len() as u64);
        }
        _ => unreachable!(),
    };
    let is_latin1 = string.chars().all(|c| u32::from(c) < 256);
    let wide: Vec<u8> = string.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let units = wide.len() as u64 / 2;
    let (bytes, length, align) = match side.format.encoding {
        StringEncoding::Utf8 => (string.as_bytes().to_vec(), string.len() as u64, 1),
        StringEncoding::Utf16 => (wide, units, 2),
        // What could be Latin-1 is tagged now and then all the same.
        StringEncoding::Latin1Utf16 if is_latin1 && !units.is_multiple_of(3) => {
            (string.chars().map(|c| c as u8).collect(), units, 2)
        }
        StringEncoding::Latin1Utf16 => {
            (wide, units | 1 << (8 * side.format.addr.ptr_size() - 1), 2)
        }
    };
    let ptr = side.alloc(align, bytes.len() as u64);
    side.write(ptr, &bytes);
    (ptr, length)
}

/// `None` is a trap.
pub(super) fn lift_flat(
    side: &mut Side,
    values: &mut impl Iterator<Item = RawVal>,
    ty: &Type,
) -> Option<Value> {
    if let Some(cases) = cases(ty) {
        let count = ty.info().flat_count() as usize;
        let flat: Vec<RawVal> = values.take(count).collect();
        let case = flat[0] as u32 as usize;
        return Some(Value::Variant(
            case,
            match cases.get(case)? {
                Some(ty) => Some(Box::new(lift_flat(side, &mut flat.into_iter().skip(1), ty)?)),
                None => None,
            },
        ));
    }
    let pointer_mask = u64::MAX >> (64 - 8 * side.format.addr.ptr_size());
    match ty.kind() {
        Kind::String => {
            let (ptr, len) = (values.next()?, values.next()?);
            load_string(side, ptr & pointer_mask, len & pointer_mask)
        }
        Kind::List(_) | Kind::Map(..) => {
            let (ptr, len) = (values.next()?, values.next()?);
            load_list(side, ptr & pointer_mask, len & pointer_mask, &element(ty))
        }
        Kind::FixedList(element, length) => {
            let elements = (0..*length).map(|_| lift_flat(side, values, element));
            elements.collect::<Option<_>>().map(Value::List)
        }
        Kind::Record(_) | Kind::Tuple(_) => {
            let values = fields(ty).into_iter().map(|field| lift_flat(side, values, &field));
            values.collect::<Option<_>>().map(Value::Record)
        }
        Kind::Bool => from_bits(ty, values.next()? & 0xffff_ffff),
        _ => from_bits(ty, values.next()? & u64::MAX >> (64 - 8 * width(ty))),
    }
}

pub(super) fn lower_flat(side: &mut Side, value: &Value, ty: &Type) -> Vec<RawVal> {
    match value {
        Value::Bits(bits) if is_signed(ty) => {
            let unused = 64 - 8 * width(ty);
            vec![((*bits << unused) as i64 >> unused) as u32 as u64]
        }
        Value::Bits(_) | Value::Char(_) => vec![to_bits(value)],
        Value::List(elements) if matches!(ty.kind(), Kind::FixedList(..)) => {
            elements.iter().flat_map(|value| lower_flat(side, value, &element(ty))).collect()
        }
        Value::String(_) | Value::List(_) => {
            let (ptr, length) = store_range(side, value, ty);
            vec![ptr, length]
        }
        Value::Record(values) => {
            let fields = fields(ty);
            let flat = values.iter().zip(&fields).flat_map(|(v, ty)| lower_flat(side, v, ty));
            flat.collect()
        }
        Value::Variant(case, payload) => {
            let mut flat = vec![*case as u64];
            if let (Some(payload), Some(ty)) = (payload, &cases(ty).unwrap()[*case]) {
                flat.extend(lower_flat(side, payload, ty));
            }
            flat.resize(ty.info().flat_count() as usize, 0);
            flat
        }
    }
}
