//! What values come down to: coercions, spilling, padding, handles.

use super::{GUEST32, GUEST64, Side, Sides, flags, list, record, tuple, ty};
use crate::copy::plan::Op;
use crate::copy::{Format, FuncPlans, Plan, PlanCache, Source, Target};
use crate::types::{Case, Field, FuncType, Kind, ResourceType, Type};

fn flat_to_flat<const N: usize>(ty: &Type, flat: [u64; N]) -> [u64; N] {
    let mut sides = Sides::new(Side::new(GUEST32, 0, 0), Side::new(GUEST64, 9, 0));
    let mut out = [u64::MAX; N];
    let plan = Plan::new(ty, GUEST32, GUEST64);
    plan.transfer(&mut sides, Source::Flat(&flat), Target::Flat(&mut out)).unwrap();
    out
}

#[test]
fn integers_are_cut_and_extended() {
    let all = 0xffff_ffff;
    assert_eq!(flat_to_flat(&Type::u8(), [0x1ff]), [0xff]);
    assert_eq!(flat_to_flat(&Type::s8(), [0x180]), [0xffff_ff80]);
    assert_eq!(flat_to_flat(&Type::s8(), [all - 0x80]), [0x7f]);
    assert_eq!(flat_to_flat(&Type::u16(), [all]), [0xffff]);
    assert_eq!(flat_to_flat(&Type::s16(), [0x8000]), [0xffff_8000]);
    assert_eq!(flat_to_flat(&Type::s32(), [all]), [all]);
    assert_eq!(flat_to_flat(&Type::s64(), [u64::MAX]), [u64::MAX]);
    assert_eq!(flat_to_flat(&Type::bool(), [0x100]), [1]);
    assert_eq!(flat_to_flat(&flags(3), [0xfd]), [5]);
    assert_eq!(flat_to_flat(&flags(32), [all]), [all]);
}

#[test]
fn cases_share_core_values() {
    let case = |name: &str, ty| Case { name: name.into(), ty };
    let mixed = ty(Kind::Variant(Box::new([
        case("int", Some(Type::s8())),
        case("float", Some(Type::f32())),
        case("double", Some(Type::f64())),
        case("pair", Some(tuple([Type::u16(), Type::u16()]))),
        case("none", None),
    ])));
    // What was wrapped or reinterpreted by the joins is the low bits of the shared value.
    assert_eq!(flat_to_flat(&mixed, [0, 0xffff_ffff_ffff_ff80, 7]), [0, 0xffff_ff80, 0]);
    assert_eq!(flat_to_flat(&mixed, [1, 0xdead_4048_f5c3, 7]), [1, 0x4048_f5c3, 0]);
    assert_eq!(flat_to_flat(&mixed, [2, 1 << 63, 7]), [2, 1 << 63, 0]);
    assert_eq!(flat_to_flat(&mixed, [3, 1 << 63 | 5, 7]), [3, 5, 7]);
    assert_eq!(flat_to_flat(&mixed, [4, 9, 9]), [4, 0, 0]);
}

fn func(params: &[Type], result: Option<Type>) -> FuncType {
    let field = |(i, ty): (usize, &Type)| Field { name: format!("p{i}").into(), ty: ty.clone() };
    FuncType::new(params.iter().enumerate().map(field).collect(), result, false).unwrap()
}

#[test]
fn parameters_and_results_are_spilled_on_either_side() {
    let params = vec![Type::u8(); 6];
    let result = tuple([Type::u8(), Type::u16()]);
    let ty = func(&params, Some(result.clone()));
    let plans = FuncPlans::new(&PlanCache::default(), &ty, GUEST32, GUEST64);
    let params = ty.params_type().unwrap();
    let bytes = [9, 9, 9, 9, 1, 2, 3, 4, 5, 6];
    let mut sides = Sides::new(Side::with_bytes(GUEST32, &bytes), Side::new(GUEST64, 9, 0));

    // The caller may pass four, the callee takes sixteen.
    let mut callee = [0; 6];
    let to = Target::spilled(params, 16, &mut callee, None);
    plans.copy_params(&mut sides, Source::spilled(params, 4, &[4]), to).unwrap();
    assert_eq!(callee, [1, 2, 3, 4, 5, 6]);
    assert!(sides.calls.is_empty());

    // The other way round.
    let mut callee = [0];
    let to = Target::spilled(params, 4, &mut callee, None);
    plans.copy_params(&mut sides, Source::spilled(params, 16, &[6, 5, 4, 3, 2, 1]), to).unwrap();
    assert_eq!(sides.calls, [[0, 0, 1, 6]]);
    assert_eq!(sides.dst.read(callee[0], 6), [6, 5, 4, 3, 2, 1]);

    // The result goes to where the caller says.
    let src = Side::with_bytes(GUEST64, &[7, 0, 8, 0]);
    let mut sides = Sides::new(src, Side::new(GUEST32, 9, 0));
    let to = Target::spilled(&result, 0, &mut [], Some(32));
    plans.copy_result(&mut sides, Source::spilled(&result, 1, &[0]), to).unwrap();
    assert_eq!(sides.dst.read(32, 4), [7, 0, 8, 0]);
}

#[test]
fn nans_become_canonical_in_the_deterministic_profile() {
    let floats = tuple([Type::f32(), Type::f64(), ty(Kind::Option(Type::f32())), Type::u32()]);
    let bits = [0xffff_ffff, 0x7ff0_0000_0000_0001, 1, 0x7f80_0001, 0x7f80_0001];
    assert_eq!(flat_to_flat(&floats, bits), bits);
    let mut sides = Sides::new(Side::new(GUEST32, 0, 0), Side::new(GUEST64, 9, 0));
    let mut out = [0; 5];
    let plan = PlanCache::new(true).get(&floats, GUEST32, GUEST64);
    plan.transfer(&mut sides, Source::Flat(&bits), Target::Flat(&mut out)).unwrap();
    assert_eq!(out, [0x7fc0_0000, 0x7ff8 << 48, 1, 0x7fc0_0000, 0x7f80_0001]);

    for (element, nan, size) in [(Type::f32(), 0x7fc0_0000, 4), (Type::f64(), 0x7ff8 << 48, 8)] {
        let numbers = [f64::INFINITY, -0.0, 1.5];
        let bits = |number: f64| match size {
            4 => u64::from((number as f32).to_bits()),
            _ => number.to_bits(),
        };
        let bytes = |words: [u64; 4]| -> Vec<u8> {
            words.iter().flat_map(|word| word.to_le_bytes()[..size].to_vec()).collect()
        };
        let given = [u64::MAX, bits(numbers[0]), bits(numbers[1]), bits(numbers[2])];
        let src = Side::with_bytes(GUEST32, &bytes(given));
        let mut sides = Sides::new(src, Side::new(GUEST32, 9, 0));
        let plan = Plan::deterministic(&list(element), GUEST32, GUEST32);
        plan.transfer(&mut sides, Source::Flat(&[0, 4]), Target::Flat(&mut out)).unwrap();
        let expected = bytes([nan, given[1], given[2], given[3]]);
        assert_eq!(sides.dst.read(out[0], 4 * size), expected);
    }
}

#[test]
fn nothing_to_copy_is_fine() {
    let plans = FuncPlans::new(&PlanCache::default(), &func(&[], None), GUEST32, GUEST32);
    let mut sides = Sides::new(Side::new(GUEST32, 0, 0), Side::new(GUEST32, 0, 0));
    plans.copy_params(&mut sides, Source::Flat(&[]), Target::Flat(&mut [])).unwrap();
    plans.copy_result(&mut sides, Source::Flat(&[]), Target::Flat(&mut [])).unwrap();
}

#[test]
fn what_needs_no_checking_is_copied_in_one_piece() {
    let padded = record([("a", Type::u32()), ("b", Type::f64()), ("c", Type::u8())]);
    let to = |ty: &Type, dst: Format| Plan::new(ty, GUEST32, dst).op;
    assert!(matches!(to(&padded, Format::HOST), Op::Bytes(24)));
    assert!(matches!(to(&padded, GUEST32), Op::Masked(24, _)));
    let rows = ty(Kind::FixedList(tuple([Type::u32(), Type::f32()]), 100));
    assert!(matches!(to(&rows, GUEST32), Op::Bytes(800)));
    let mixed = tuple([Type::u8(), Type::u32(), Type::string(), Type::u64(), rows]);
    let steps = |dst| match to(&mixed, dst) {
        Op::Record(steps) => steps.iter().map(|step| (step.src, step.dst)).collect(),
        _ => vec![],
    };
    assert_eq!(steps(Format::HOST), [(0, 0), (8, 8), (16, 24)]);
    assert_eq!(steps(GUEST32), [(0, 0), (4, 4), (8, 8), (16, 16)]);
}

#[test]
fn padding_of_lists_becomes_zero_in_a_guest() {
    for (element, used) in [
        (tuple([Type::u32(), Type::f64(), Type::u8()]), 0x0001_ff0fu32),
        (tuple([Type::u16(), Type::u8()]), 0b0111),
        (ty(Kind::Option(Type::u32())), 0b1111_0001),
    ] {
        let size = element.info().size(crate::core_types::AddrType::I64) as u64;
        for count in [0, 1, 2, 3, 7, 100] {
            let mut sides = Sides::new(Side::new(Format::HOST, 999, 1), Side::new(GUEST32, 9, 0));
            let elements = sides.src.alloc(8, size * count);
            let pair = sides.src.alloc(8, 16);
            sides.src.write(pair, &[elements.to_le_bytes(), count.to_le_bytes()].concat());
            Plan::new(&list(element.clone()), Format::HOST, GUEST32)
                .copy(&mut sides, pair, 8)
                .unwrap();
            let expected: Vec<u8> =
                (0..size * count).map(|i| (used >> (i % size) & 1) as u8).collect();
            assert_eq!(sides.dst.used()[16..], expected, "{element}");
        }
    }
}

#[test]
fn handles_go_through_the_context() {
    let file = ResourceType::new("file");
    let handles = tuple([
        ty(Kind::Own(file.clone())),
        ty(Kind::Borrow(file)),
        ty(Kind::Stream(Some(Type::u64()))),
        ty(Kind::Future(None)),
        Type::error_context(),
    ]);
    assert_eq!(flat_to_flat(&handles, [1, 2, 3, 4, 5]), [1001, 2002, 3011, 4004, 5005]);
}

#[test]
fn a_type_that_is_huge_when_written_out_has_a_small_plan() {
    let mut ty = Type::string();
    for _ in 0..18 {
        ty = super::ty(Kind::Result { ok: Some(ty.clone()), err: Some(ty) });
    }
    let plan = Plan::new(&ty, GUEST32, GUEST64);
    assert!(matches!(plan.op, Op::Variant(_)));
}

#[test]
fn plans_are_compiled_once() {
    let cache = PlanCache::default();
    let first = cache.get(&Type::string(), GUEST32, Format::HOST);
    let again = cache.get(&Type::string(), GUEST32, Format::HOST);
    assert!(std::sync::Arc::ptr_eq(&first, &again));
    let other = cache.get(&Type::string(), Format::HOST, GUEST32);
    assert!(!std::sync::Arc::ptr_eq(&first, &other));
    fn shareable<T: Send + Sync>() {}
    shareable::<Plan>();
}
