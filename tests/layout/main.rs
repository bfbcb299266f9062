//! Sizes, alignments, offsets and flattenings against figures that are worked out independently:
//! by hand, by a second implementation (`naive`), and by the C compiler.

mod c_compiler;
mod naive;
mod sample;
mod table;

use cmabi::core_types::AddrType;
use cmabi::types::layout::{self, Context};
use cmabi::types::{Field, FuncType, Kind, Type};
use naive::{Abi, Shape};
use sample::{Desc, Random};

const WIDTHS: [AddrType; 2] = [AddrType::I32, AddrType::I64];

/// Asserts that the library and `naive` agree about everything in a type, inside out.
fn check(desc: &Desc, ty: &Type) {
    for addr in WIDTHS {
        let pointer = u64::from(addr.ptr_size());
        let shape = Shape::of(desc);
        let info = ty.info();
        assert_eq!(u64::from(info.size(addr)), shape.size(pointer), "size of {ty}, {addr:?}");
        assert_eq!(
            u64::from(info.align(addr)),
            shape.align(pointer),
            "alignment of {ty}, {addr:?}"
        );
        let flat = shape.flat(pointer);
        assert_eq!(info.flat_count() as usize, flat.len(), "flat count of {ty}");
        let expected = (flat.len() <= 16).then_some(&flat[..]);
        assert_eq!(info.flat(addr), expected, "flat types of {ty}, {addr:?}");
        let offsets: Vec<u64> = layout::field_offsets(ty.kind(), addr).map(u64::from).collect();
        match &shape {
            Shape::Product(parts) => {
                assert_eq!(offsets, naive::offsets(parts, pointer), "offsets of {ty}, {addr:?}");
            }
            Shape::Sum(payloads) => {
                let discriminant = layout::discriminant_size(ty.kind().case_count());
                assert_eq!(u64::from(discriminant), naive::discriminant(payloads.len()), "{ty}");
                let payload = u64::from(layout::payload_offset(ty.kind(), addr));
                assert_eq!(payload, naive::payload_offset(payloads, pointer), "payload of {ty}");
            }
            _ => assert!(offsets.is_empty(), "{ty} has no fields"),
        }
        assert_eq!(info.same_layout(), !shape.has_pointers(), "{ty}");
    }
}

#[test]
fn random_types_have_the_figures_of_the_second_implementation() {
    let mut random = Random::new(0x5eed);
    for _ in 0..10_000 {
        let desc = Desc::random(&mut random, 5);
        check(&desc, &desc.build());
    }
}

#[test]
fn random_functions_flatten_as_in_the_second_implementation() {
    let mut random = Random::new(0xf1a7);
    for _ in 0..4_000 {
        let params: Vec<Desc> =
            (0..random.below(8)).map(|_| Desc::random(&mut random, 3)).collect();
        let result = (random.below(4) > 0).then(|| Desc::random(&mut random, 3));
        let fields = params
            .iter()
            .enumerate()
            .map(|(i, desc)| Field { name: format!("p{i}").into(), ty: desc.build() });
        let func =
            FuncType::new(fields.collect(), result.as_ref().map(Desc::build), random.below(2) == 0)
                .unwrap();
        assert_eq!(func.params_type().is_some(), !params.is_empty());
        for addr in WIDTHS {
            for context in [Context::Lift, Context::Lower] {
                for abi in [Abi::Sync, Abi::Async, Abi::AsyncCallback] {
                    let got =
                        func.flatten(addr, abi != Abi::Sync, abi == Abi::AsyncCallback, context);
                    let (expected_params, expected_results) = naive::flatten_function(
                        &params,
                        result.as_ref(),
                        addr.ptr_size().into(),
                        abi,
                        context,
                    );
                    assert_eq!(
                        *got.params, *expected_params,
                        "{func} {addr:?} {abi:?} {context:?}"
                    );
                    assert_eq!(
                        *got.results, *expected_results,
                        "{func} {addr:?} {abi:?} {context:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn discriminants_grow_with_the_number_of_cases() {
    for (count, size) in [(1, 1), (2, 1), (256, 1), (257, 2), (65_536, 2), (65_537, 4)] {
        let ty = Desc::Enum(count).build();
        assert_eq!(layout::discriminant_size(count), size, "{count} cases");
        for addr in WIDTHS {
            assert_eq!((ty.info().size(addr), ty.info().align(addr)), (size, size));
            assert_eq!(layout::payload_offset(ty.kind(), addr), size);
        }
        assert_eq!(u64::from(size), naive::discriminant(count));
    }
}

#[test]
fn large_flat_counts_saturate() {
    let long = Type::new(Kind::FixedList(Type::u8(), (1 << 28) - 1)).unwrap();
    assert_eq!(long.info().flat_count(), (1 << 28) - 1);
    assert_eq!(long.info().flat(AddrType::I32), None);
    let fields = (0..16).map(|i| Field { name: format!("p{i}").into(), ty: long.clone() });
    let func = FuncType::new(fields.collect(), None, false).unwrap();
    assert_eq!(func.params_type().unwrap().info().flat_count(), u32::MAX - 15);
}
