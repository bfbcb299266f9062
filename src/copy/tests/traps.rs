//! Each trap of loading, lifting, storing and lowering, with its message.

use super::{GUEST32, GUEST64, Side, Sides, enumeration, list, record, tuple, ty};
use crate::copy::{Format, FuncPlans, Plan, PlanCache, Source, StringEncoding, Target};
use crate::error::PathSegment;
use crate::types::{Case, Field, FuncType, Kind, Type};

/// Why a value of type `ty` at the beginning of these bytes cannot be lifted.
fn load(format: Format, ty: &Type, bytes: &[u8]) -> String {
    let mut sides = Sides::new(Side::with_bytes(format, bytes), Side::new(GUEST32, 100, 0));
    let dst = sides.dst.alloc(8, 256);
    let trap = Plan::new(ty, format, GUEST32).copy(&mut sides, 0, dst).unwrap_err();
    trap.to_string()
}

/// Why these core values are no value of type `ty`.
fn lift_flat(format: Format, ty: &Type, flat: &[u64]) -> String {
    let mut sides = Sides::new(Side::new(format, 4, 0xd8), Side::new(GUEST32, 100, 0));
    let dst = sides.dst.alloc(8, 256);
    let plan = Plan::new(ty, format, GUEST32);
    plan.transfer(&mut sides, Source::Flat(flat), Target::Memory(dst)).unwrap_err().to_string()
}

fn words<const N: usize>(words: [u32; N]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[test]
fn chars() {
    for value in [0xd800, 0xdfff, 0x11_0000, 0xffff_ffff] {
        let message = format!("{value:#x} is not a unicode scalar value");
        assert_eq!(load(GUEST32, &Type::char(), &words([value])), message);
        assert_eq!(lift_flat(GUEST32, &Type::char(), &[value.into()]), message);
    }
    let chars = list(Type::char());
    let mut many = vec![65u32; 5002];
    (many[0], many[1], many[4321]) = (8, 5000, 0xd800);
    let many: Vec<u8> = many.iter().flat_map(|word| word.to_le_bytes()).collect();
    assert_eq!(load(GUEST32, &chars, &many), "element 4319: 0xd800 is not a unicode scalar value");
}

#[test]
fn discriminants() {
    let message = "invalid variant discriminant: 2 of 2 cases";
    let option = ty(Kind::Option(Type::u32()));
    let strings = ty(Kind::Option(Type::string()));
    for ty in [&option, &strings, &enumeration(2)] {
        assert_eq!(load(GUEST32, ty, &words([2, 0, 0])), message, "{ty}");
        assert_eq!(lift_flat(GUEST32, ty, &[2, 0, 0]), message, "{ty}");
        // More than fits into the discriminant in memory.
        let message = "invalid variant discriminant: 256 of 2 cases";
        assert_eq!(lift_flat(GUEST32, ty, &[256, 0, 0]), message, "{ty}");
    }
    let wide = enumeration(300);
    let message = "invalid variant discriminant: 300 of 300 cases";
    assert_eq!(load(GUEST32, &wide, &words([300])), message);
    assert_eq!(
        load(GUEST32, &list(option), &words([8, 2, 1, 5, 9, 5])),
        "element 1: invalid variant discriminant: 9 of 2 cases"
    );
    assert_eq!(
        load(GUEST32, &list(wide), &words([8, 4, 299 << 16, 301])),
        "element 2: invalid variant discriminant: 301 of 300 cases"
    );
}

#[test]
fn strings_and_lists_in_memory() {
    let string = Type::string();
    let shorts = list(Type::u16());
    let utf16 = Format { encoding: StringEncoding::Utf16, ..GUEST32 };
    let latin1 = Format { encoding: StringEncoding::Latin1Utf16, ..GUEST32 };
    assert_eq!(
        load(GUEST32, &string, &words([9, 8])),
        "out of bounds memory access: 8 bytes at 0x9 in a memory of 8 bytes"
    );
    assert_eq!(
        load(GUEST32, &string, &words([9, 0])),
        "out of bounds memory access: 0 bytes at 0x9 in a memory of 8 bytes"
    );
    for format in [utf16, latin1] {
        assert_eq!(
            load(format, &string, &words([1, 1])),
            "unaligned pointer: 0x1 is not a multiple of 2"
        );
    }
    assert_eq!(
        load(GUEST32, &shorts, &words([7, 0])),
        "unaligned pointer: 0x7 is not a multiple of 2"
    );
    assert_eq!(
        load(GUEST32, &shorts, &words([4, 3])),
        "out of bounds memory access: 6 bytes at 0x4 in a memory of 8 bytes"
    );
    assert_eq!(
        load(GUEST32, &shorts, &words([u32::MAX - 1, 1])),
        "out of bounds memory access: 2 bytes at 0xfffffffe in a memory of 8 bytes"
    );
    assert_eq!(
        lift_flat(GUEST64, &shorts, &[u64::MAX - 1, 1]),
        "out of bounds memory access: 2 bytes at 0xfffffffffffffffe in a memory of 32 bytes"
    );
}

#[test]
fn lengths() {
    let tag32 = 1 << 31;
    let latin1 = |format| Format { encoding: StringEncoding::Latin1Utf16, ..format };
    let utf16 = |format| Format { encoding: StringEncoding::Utf16, ..format };
    let string = |format, length| lift_flat(format, &Type::string(), &[0, length]);
    let too_long = |len: u64| format!("string of {len} bytes is longer than 268435455");
    assert_eq!(string(GUEST32, 1 << 28), too_long(1 << 28));
    assert_eq!(string(utf16(GUEST32), 1 << 27), too_long(1 << 28));
    assert_eq!(string(utf16(GUEST64), u64::MAX), too_long(u64::MAX));
    assert_eq!(string(latin1(GUEST32), 1 << 28), too_long(1 << 28));
    assert_eq!(string(latin1(GUEST32), 1 << 27 | tag32), too_long(1 << 28));
    assert_eq!(string(latin1(GUEST64), tag32), too_long(1 << 31));
    assert!(string(GUEST32, (1 << 28) - 1).starts_with("out of bounds"));
    let list = |element, length| lift_flat(GUEST64, &list(element), &[0, length]);
    let too_long = |len: u64| format!("list of {len} bytes is longer than 268435455");
    assert_eq!(list(Type::u8(), 1 << 28), too_long(1 << 28));
    assert_eq!(list(Type::u64(), 1 << 25), too_long(1 << 28));
    assert_eq!(list(Type::u64(), u64::MAX), too_long(u64::MAX));
    assert!(list(Type::u64(), (1 << 25) - 1).starts_with("out of bounds"));
}

#[test]
fn invalid_text() {
    let long = [&words([8, 200])[..], &[b'a'; 150], &[0xc3], &[b'a'; 49]].concat();
    assert_eq!(load(GUEST32, &Type::string(), &long), "invalid utf-8 encoding at byte 150");
    let utf16 = Format { encoding: StringEncoding::Utf16, ..GUEST32 };
    let latin1 = Format { encoding: StringEncoding::Latin1Utf16, ..GUEST32 };
    let surrogate = words([8, 2, 0xd801_0041]);
    let message = "unpaired surrogate at utf-16 code unit 1";
    assert_eq!(load(utf16, &Type::string(), &surrogate), message);
    let tagged = words([8, 2 | 1 << 31, 0xd801_0041]);
    assert_eq!(load(latin1, &Type::string(), &tagged), message);
    let mut sides = Sides::new(Side::new(Format::HOST, 9, 0), Side::new(utf16, 9, 0));
    let text = sides.src.alloc(1, 3);
    sides.src.write(text, b"ab\xff");
    let pair = sides.src.alloc(8, 16);
    sides.src.write(pair, &[text.to_le_bytes(), 3u64.to_le_bytes()].concat());
    let plan = Plan::new(&Type::string(), Format::HOST, utf16);
    let trap = plan.copy(&mut sides, pair, 8).unwrap_err();
    assert_eq!(trap.to_string(), "invalid utf-8 encoding at byte 2");
}

#[test]
fn pointers_to_the_value_itself() {
    let mut sides = Sides::new(Side::new(GUEST32, 2, 0), Side::new(GUEST32, 2, 0));
    let plan = Plan::new(&Type::u64(), GUEST32, GUEST32);
    let mut copy = |src, dst| plan.copy(&mut sides, src, dst).map_err(|trap| trap.to_string());
    assert_eq!(copy(8, 8), Ok(()));
    let unaligned = Err("unaligned pointer: 0x4 is not a multiple of 8".to_string());
    assert_eq!(copy(4, 0), unaligned);
    assert_eq!(copy(0, 4), unaligned);
    let out = "out of bounds memory access: 8 bytes at 0x10 in a memory of 16 bytes".to_string();
    assert_eq!(copy(16, 0), Err(out.clone()));
    assert_eq!(copy(0, 16), Err(out));
    let trap = plan.copy_elements(&mut sides, 8, 0, 2).unwrap_err();
    assert!(trap.to_string().starts_with("out of bounds memory access: 16 bytes at 0x8"));
    let trap = plan.copy_elements(&mut sides, 8, 0, u64::MAX).unwrap_err();
    assert!(trap.to_string().starts_with("out of bounds memory access: 18446744073709551615"));
}

#[test]
fn what_realloc_answers() {
    let lists = list(Type::u32());
    let transfer = |realloc_error: u64, ty: &Type, to_pointer: bool| {
        let src = Side::with_bytes(GUEST32, &words([8, 2, 7, 9]));
        let mut sides = Sides::new(src, Side::new(GUEST32, 8, 0));
        sides.realloc_errors = vec![realloc_error];
        let plan = Plan::new(ty, GUEST32, GUEST32);
        let mut out = [0; 2];
        let target =
            if to_pointer { Target::Allocate(&mut out[0]) } else { Target::Flat(&mut out) };
        plan.transfer(&mut sides, Source::Memory(0), target).unwrap_err().to_string()
    };
    for (ty, to_pointer) in [(&lists, false), (&tuple([Type::u32(), Type::u32()]), true)] {
        assert_eq!(
            transfer(2, ty, to_pointer),
            "realloc returned the unaligned pointer 0x12, asked for alignment 4"
        );
        assert_eq!(
            transfer(64, ty, to_pointer),
            "realloc return: 8 bytes at 0x50 are beyond the end of memory (64 bytes)"
        );
    }
}

#[test]
fn a_hosts_pointers() {
    let pair = |ptr: u64, len: u64| {
        let mut sides = Sides::new(Side::new(Format::HOST, 9, 0), Side::new(GUEST32, 9, 0));
        let at = sides.src.alloc(8, 16);
        sides.src.write(at, &[ptr.to_le_bytes(), len.to_le_bytes()].concat());
        let plan = Plan::new(&list(Type::u32()), Format::HOST, GUEST32);
        plan.copy(&mut sides, at, 8).map_err(|trap| trap.to_string())
    };
    assert_eq!(pair(0, 0), Ok(()));
    assert_eq!(pair(3, 0), Ok(()));
    assert!(pair(0, 1).unwrap_err().starts_with("out of bounds memory access: 4 bytes at 0x0"));
    assert_eq!(pair(1001, 1).unwrap_err(), "unaligned pointer: 0x3e9 is not a multiple of 4");
    assert!(pair(16, 1 << 26).unwrap_err().starts_with("list of 268435456 bytes"));
}

#[test]
fn a_memory_that_shrinks_is_not_trusted() {
    struct Shrinking(Sides);
    impl super::Context for Shrinking {
        fn spend(&mut self, _work: u64) -> Result<(), crate::error::Trapped> {
            Ok(())
        }

        fn src_memory(&mut self) -> crate::memory::View {
            let view = self.0.src.view();
            crate::memory::View { len: view.len - 8 * self.0.calls.len(), ..view }
        }
        fn dst_memory(&mut self) -> crate::memory::View {
            self.0.dst.view()
        }
        fn realloc(&mut self, a: u64, b: u64, c: u32, d: u64) -> Result<u64, super::Trapped> {
            self.0.realloc(a, b, c, d)
        }
        fn own(&mut self, _: &crate::types::ResourceType, _: u32) -> Result<u32, super::Trapped> {
            unreachable!()
        }
        fn borrow(
            &mut self,
            _: &crate::types::ResourceType,
            _: u32,
        ) -> Result<u32, super::Trapped> {
            unreachable!()
        }
        fn stream(&mut self, _: Option<&Type>, _: u32) -> Result<u32, super::Trapped> {
            unreachable!()
        }
        fn future(&mut self, _: Option<&Type>, _: u32) -> Result<u32, super::Trapped> {
            unreachable!()
        }
        fn error_context(&mut self, _: u32) -> Result<u32, super::Trapped> {
            unreachable!()
        }
    }
    let src = Side::with_bytes(GUEST32, &words([8, 2, 7, 9]));
    let mut sides = Shrinking(Sides::new(src, Side::new(GUEST32, 8, 0)));
    let plan = Plan::new(&list(Type::u32()), GUEST32, GUEST32);
    let trap = plan.copy(&mut sides, 0, 8).unwrap_err();
    assert_eq!(trap.to_string(), "internal error: a memory became shorter");
}

#[test]
fn handles_trap_as_the_context_says() {
    let trap = load(GUEST32, &tuple([Type::u8(), Type::error_context()]), &words([0, 0]));
    assert_eq!(trap, "field \"1\": internal error: no such error context");
}

fn person() -> Type {
    let pet = ty(Kind::Variant(Box::new([
        Case { name: "fish".into(), ty: None },
        Case { name: "cat".into(), ty: Some(tuple([Type::string(), Type::char()])) },
    ])));
    let inner = record([("nick", Type::string()), ("pet", pet)]);
    record([("age", Type::u8()), ("name", inner), ("tags", ty(Kind::FixedList(Type::bool(), 2)))])
}

/// A person of 32 bytes, as a guest has it: age, nick, pet, pet's name and initial, tags.
fn person_bytes(nick: [u32; 2], pet: u32, cat: [u32; 2], initial: u32) -> Vec<u8> {
    words([5, nick[0], nick[1], pet, cat[0], cat[1], initial, 0x0102])
}

#[test]
fn messages_name_the_place() {
    let people = list(person());
    let load = |second: Vec<u8>| {
        let first = person_bytes([0, 0], 0, [0, 0], 0);
        load(GUEST32, &people, &[words([8, 2]), first, second].concat())
    };
    assert!(load(person_bytes([0, 99], 0, [0, 0], 0)).starts_with(
        "element 1, field \"name\", field \"nick\": out of bounds memory access: 99 bytes"
    ));
    assert_eq!(
        load(person_bytes([0, 1], 3, [0, 0], 0)),
        "element 1, field \"name\", field \"pet\": invalid variant discriminant: 3 of 2 cases"
    );
    assert_eq!(
        load(person_bytes([0, 1], 1, [0, 1], 0xd800)),
        "element 1, field \"name\", field \"pet\", case \"cat\", field \"1\": \
         0xd800 is not a unicode scalar value"
    );
}

#[test]
fn messages_name_parameters_and_results() {
    let func = FuncType::new(
        vec![
            Field { name: "id".into(), ty: Type::u32() },
            Field { name: "people".into(), ty: list(person()) },
        ],
        Some(ty(Kind::Result { ok: Some(Type::char()), err: Some(enumeration(3)) })),
        false,
    )
    .unwrap();
    let cache = PlanCache::default();
    let plans = FuncPlans::new(&cache, &func, GUEST32, Format::HOST);
    let bytes = [words([0, 0]), person_bytes([0, 99], 0, [0, 0], 0)].concat();
    let mut sides = Sides::new(Side::with_bytes(GUEST32, &bytes), Side::new(Format::HOST, 99, 0));
    let mut ptr = 0;
    let trap = plans
        .copy_params(&mut sides, Source::Flat(&[1, 8, 1]), Target::Allocate(&mut ptr))
        .unwrap_err();
    let message = "param \"people\", element 0, field \"name\", field \"nick\": out of bounds";
    assert!(trap.to_string().starts_with(message), "{trap}");
    assert_eq!(trap.path().next(), Some(&PathSegment::Param("people".into())));

    let plans = FuncPlans::new(&cache, &func, Format::HOST, GUEST32);
    let result = func.result().unwrap();
    let mut sides = Sides::new(Side::new(GUEST32, 1, 0), Side::new(Format::HOST, 99, 0));
    let ptr = sides.dst.alloc(4, 8);
    let mut copy = |flat: &[u64]| {
        let from = Source::spilled(result, 16, flat);
        plans.copy_result(&mut sides, from, Target::Memory(ptr)).unwrap_err().to_string()
    };
    assert_eq!(copy(&[0, 0xdfff]), "result, case \"ok\": 0xdfff is not a unicode scalar value");
    assert_eq!(copy(&[1, 3]), "result, case \"error\": invalid variant discriminant: 3 of 3 cases");
    assert_eq!(copy(&[2, 0]), "result: invalid variant discriminant: 2 of 2 cases");
}
