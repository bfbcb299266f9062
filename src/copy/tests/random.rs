//! Random values of random types, copied between all kinds of formats and compared with what the
//! naive implementation makes of the same bytes.

use super::naive::{self, Value};
use super::{Side, Sides, enumeration, flags, ty};
use crate::copy::{Format, Plan, Source, StringEncoding, Target};
use crate::core_types::AddrType;
use crate::types::{Case, Field, Kind, Type};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn ty(&mut self, depth: u32) -> Type {
        let leaves = [
            Type::bool(),
            Type::s8(),
            Type::u8(),
            Type::s16(),
            Type::u16(),
            Type::s32(),
            Type::u32(),
            Type::s64(),
            Type::u64(),
            Type::f32(),
            Type::f64(),
            Type::char(),
            Type::string(),
        ];
        if depth == 0 || self.below(4) == 0 {
            return leaves[self.below(leaves.len() as u64) as usize].clone();
        }
        let count = 1 + self.below(4);
        match self.below(12) {
            0 => flags(1 + self.below(32) as usize),
            1 => enumeration([1, 2, 3, 255, 256, 257][self.below(6) as usize]),
            2 => ty(Kind::List(self.ty(depth - 1))),
            3 => ty(Kind::FixedList(self.ty(depth - 1), count as u32)),
            4 => ty(Kind::Map(leaves[self.below(9) as usize].clone(), self.ty(depth - 1))),
            5 | 6 => ty(Kind::Record(
                (0..count)
                    .map(|i| Field { name: format!("f{i}").into(), ty: self.ty(depth - 1) })
                    .collect(),
            )),
            7 => ty(Kind::Tuple((0..count).map(|_| self.ty(depth - 1)).collect())),
            8 | 9 => ty(Kind::Variant(
                (0..count)
                    .map(|i| Case { name: format!("c{i}").into(), ty: self.payload(depth) })
                    .collect(),
            )),
            10 => ty(Kind::Option(self.ty(depth - 1))),
            _ => ty(Kind::Result { ok: self.payload(depth), err: self.payload(depth) }),
        }
    }

    fn payload(&mut self, depth: u32) -> Option<Type> {
        (self.below(4) != 0).then(|| self.ty(depth - 1))
    }

    fn char(&mut self) -> char {
        let end = [0x80, 0x100, 0x800, 0x1_0000, 0x11_0000][self.below(5) as usize];
        char::from_u32(self.below(end) as u32).unwrap_or('\u{d7ff}')
    }

    fn value(&mut self, ty: &Type) -> Value {
        if let Some(cases) = naive::cases(ty) {
            let case = self.below(cases.len() as u64) as usize;
            let payload = cases[case].as_ref().map(|ty| Box::new(self.value(ty)));
            return Value::Variant(case, payload);
        }
        match ty.kind() {
            Kind::Bool => Value::Bits(self.below(2)),
            Kind::Char => Value::Char(self.char().into()),
            Kind::Flags(labels) => Value::Bits(self.next() & ((1 << labels.len()) - 1)),
            Kind::String => {
                let plain = self.below(3) == 0;
                let len = self.below(40);
                Value::String((0..len).map(|_| if plain { 'x' } else { self.char() }).collect())
            }
            Kind::List(element) => self.elements(element, 5),
            Kind::Map(key, value) => self.elements(&super::tuple([key.clone(), value.clone()]), 5),
            Kind::FixedList(element, length) => {
                Value::List((0..*length).map(|_| self.value(element)).collect())
            }
            Kind::Record(_) | Kind::Tuple(_) => {
                Value::Record(naive::fields(ty).iter().map(|field| self.value(field)).collect())
            }
            _ => {
                let bits = 8 * ty.info().size(AddrType::I32);
                Value::Bits(self.next() >> (64 - bits))
            }
        }
    }

    fn elements(&mut self, ty: &Type, end: u64) -> Value {
        let length = if self.below(8) == 0 { 40 } else { self.below(end) };
        Value::List((0..length).map(|_| self.value(ty)).collect())
    }

    fn guest(&mut self) -> Format {
        let addr = [AddrType::I32, AddrType::I64][self.below(2) as usize];
        let encodings = [StringEncoding::Utf8, StringEncoding::Utf16, StringEncoding::Latin1Utf16];
        Format::guest(addr, encodings[self.below(3) as usize])
    }

    fn format(&mut self) -> Format {
        if self.below(3) == 0 { Format::HOST } else { self.guest() }
    }
}

/// Room for a value, with the value in it.
fn stored(format: Format, fill: u8, value: &Value, ty: &Type) -> (Side, u64) {
    let mut side = Side::new(format, 2000, fill);
    let (align, size) = (ty.info().align(format.addr), ty.info().size(format.addr));
    let ptr = side.alloc(align, size.into());
    naive::store(&mut side, value, ty, ptr);
    (side, ptr)
}

fn room(side: &mut Side, ty: &Type) -> u64 {
    let addr = side.format.addr;
    side.alloc(ty.info().align(addr), ty.info().size(addr).into())
}

#[test]
fn values_arrive_as_they_were_in_every_format() {
    let mut random = Random(1);
    for round in 0..4000 {
        let (ty, from, to) = (random.ty(4), random.format(), random.format());
        let value = random.value(&ty);
        let plan = Plan::new(&ty, from, to);
        let copy = |fill: u8| {
            let (src, src_ptr) = stored(from, fill, &value, &ty);
            let mut sides = Sides::new(src, Side::new(to, 2000, 0));
            let dst_ptr = room(&mut sides.dst, &ty);
            plan.copy(&mut sides, src_ptr, dst_ptr).unwrap();
            assert_eq!(
                naive::load(&mut sides.dst, dst_ptr, &ty),
                Some(value.clone()),
                "{round} {ty}"
            );
            sides.dst.used()
        };
        let (first, second) = (copy(0xa5), copy(0x3c));
        if !to.host {
            assert!(first == second, "padding of {ty} became known to a guest");
        }
    }
}

#[test]
fn flat_values_arrive_as_they_were() {
    let mut random = Random(2);
    let mut rounds = 0;
    while rounds < 4000 {
        let (ty, from, to) = (random.ty(3), random.guest(), random.guest());
        let count = ty.info().flat_count() as usize;
        if count > 16 {
            continue;
        }
        rounds += 1;
        let value = random.value(&ty);
        let plan = Plan::new(&ty, from, to);

        let mut src = Side::new(from, 2000, 0xa5);
        let flat = naive::lower_flat(&mut src, &value, &ty);
        let mut sides = Sides::new(src, Side::new(to, 2000, 0));
        let mut out = vec![u64::MAX; count];
        plan.transfer(&mut sides, Source::Flat(&flat), Target::Flat(&mut out)).unwrap();
        let lifted = naive::lift_flat(&mut sides.dst, &mut out.iter().copied(), &ty);
        assert_eq!(lifted, Some(value.clone()), "{ty}");

        let dst_ptr = room(&mut sides.dst, &ty);
        plan.transfer(&mut sides, Source::Flat(&flat), Target::Memory(dst_ptr)).unwrap();
        assert_eq!(naive::load(&mut sides.dst, dst_ptr, &ty), Some(value.clone()), "{ty}");

        let (src, src_ptr) = stored(from, 0xa5, &value, &ty);
        sides.src = src;
        out.fill(u64::MAX);
        plan.transfer(&mut sides, Source::Memory(src_ptr), Target::Flat(&mut out)).unwrap();
        let lifted = naive::lift_flat(&mut sides.dst, &mut out.iter().copied(), &ty);
        assert_eq!(lifted, Some(value.clone()), "{ty}");

        let mut ptr = 0;
        plan.transfer(&mut sides, Source::Memory(src_ptr), Target::Allocate(&mut ptr)).unwrap();
        assert_eq!(naive::load(&mut sides.dst, ptr, &ty), Some(value), "{ty}");
    }
}

#[test]
fn damaged_memory_traps_exactly_where_it_should() {
    let mut random = Random(3);
    let mut trapped = 0;
    for _ in 0..6000 {
        let (ty, from, to) = (random.ty(4), random.guest(), random.format());
        let value = random.value(&ty);
        let (mut src, src_ptr) = stored(from, 0, &value, &ty);
        for _ in 0..=random.below(3) {
            let used = src.used().len() as u64 - 16;
            let byte = random.next() as u8 >> random.below(8);
            let at = 16 + random.below(used.min(64));
            src.write(at, &[byte]);
        }
        let expected = naive::load(&mut src, src_ptr, &ty);
        let mut sides = Sides::new(src, Side::new(to, 2000, 0));
        let dst_ptr = room(&mut sides.dst, &ty);
        let result = Plan::new(&ty, from, to).copy(&mut sides, src_ptr, dst_ptr);
        let loaded = result.is_ok().then(|| naive::load(&mut sides.dst, dst_ptr, &ty).unwrap());
        assert_eq!(loaded, expected, "{ty}: {result:?}");
        trapped += u32::from(result.is_err());
    }
    assert!(trapped > 500, "only {trapped} of the damages mattered");
}

#[test]
fn random_core_values_trap_exactly_where_they_should() {
    let mut random = Random(4);
    let mut trapped = 0;
    let mut rounds = 0;
    while rounds < 6000 {
        let (ty, from, to) = (random.ty(3), random.guest(), random.format());
        let Some(types) = ty.info().flat(from.addr) else { continue };
        rounds += 1;
        let flat: Vec<u64> = types
            .iter()
            .map(|ty| {
                let value = if random.below(2) == 0 { random.below(4) } else { random.next() };
                if matches!(ty, crate::core_types::CoreType::I64 | crate::core_types::CoreType::F64)
                {
                    value
                } else {
                    value as u32 as u64
                }
            })
            .collect();
        let mut src = Side::new(from, 100, 1);
        let expected = naive::lift_flat(&mut src, &mut flat.iter().copied(), &ty);
        let mut sides = Sides::new(src, Side::new(to, 2000, 0));
        let dst_ptr = room(&mut sides.dst, &ty);
        let plan = Plan::new(&ty, from, to);
        let result = plan.transfer(&mut sides, Source::Flat(&flat), Target::Memory(dst_ptr));
        let loaded = result.is_ok().then(|| naive::load(&mut sides.dst, dst_ptr, &ty).unwrap());
        assert_eq!(loaded, expected, "{ty}: {result:?}");
        trapped += u32::from(result.is_err());
    }
    assert!(trapped > 500, "only {trapped} of the values mattered");
}
