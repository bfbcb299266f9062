//! The types of the reference's value tables, with figures worked out by hand.

use crate::check;
use crate::sample::Desc::{self, *};
use cmabi::core_types::AddrType;
use cmabi::engine::CoreType::{self, F32 as F, F64 as D, I32 as I, I64 as L};

/// A type, its size and alignment with 4- and with 8-byte pointers, its flat types with 4-byte ones.
type Row = (Desc, [u32; 2], [u32; 2], &'static [CoreType]);

fn list(element: Desc) -> Desc {
    List(Box::new(element))
}

fn fixed(element: Desc, length: u32) -> Desc {
    FixedList(Box::new(element), length)
}

fn rows() -> Vec<Row> {
    let pair = |a, b| Tuple(vec![a, b]);
    let inner = pair(U16, U8);
    vec![
        (Bool, [1, 1], [1, 1], &[I]),
        (U8, [1, 1], [1, 1], &[I]),
        (S8, [1, 1], [1, 1], &[I]),
        (U16, [2, 2], [2, 2], &[I]),
        (S16, [2, 2], [2, 2], &[I]),
        (U32, [4, 4], [4, 4], &[I]),
        (S32, [4, 4], [4, 4], &[I]),
        (U64, [8, 8], [8, 8], &[L]),
        (S64, [8, 8], [8, 8], &[L]),
        (F32, [4, 4], [4, 4], &[F]),
        (F64, [8, 8], [8, 8], &[D]),
        (Char, [4, 4], [4, 4], &[I]),
        (String, [8, 4], [16, 8], &[I, I]),
        (ErrorContext, [4, 4], [4, 4], &[I]),
        (Own, [4, 4], [4, 4], &[I]),
        (Borrow, [4, 4], [4, 4], &[I]),
        (Stream(Some(Box::new(U8))), [4, 4], [4, 4], &[I]),
        (Future(None), [4, 4], [4, 4], &[I]),
        (Enum(2), [1, 1], [1, 1], &[I]),
        (Record(vec![U8, U16, U32]), [8, 4], [8, 4], &[I, I, I]),
        (pair(pair(U8, U8), U8), [3, 1], [3, 1], &[I, I, I]),
        (fixed(U8, 3), [3, 1], [3, 1], &[I, I, I]),
        (fixed(fixed(U8, 2), 3), [6, 1], [6, 1], &[I, I, I, I, I, I]),
        (Flags(2), [1, 1], [1, 1], &[I]),
        (Flags(9), [2, 2], [2, 2], &[I]),
        (Flags(17), [4, 4], [4, 4], &[I]),
        (Flags(32), [4, 4], [4, 4], &[I]),
        (Variant(vec![Some(U8), Some(F32), None]), [8, 4], [8, 4], &[I, I]),
        (Option(Box::new(F32)), [8, 4], [8, 4], &[I, F]),
        (Result(Some(Box::new(U8)), Some(Box::new(U32))), [8, 4], [8, 4], &[I, I]),
        (Variant(vec![Some(U8), Some(U8)]), [2, 1], [2, 1], &[I, I]),
        (Variant(vec![Some(U8)]), [2, 1], [2, 1], &[I, I]),
        (list(Bool), [8, 4], [16, 8], &[I, I]),
        (list(String), [8, 4], [16, 8], &[I, I]),
        (list(list(U16)), [8, 4], [16, 8], &[I, I]),
        (list(fixed(U32, 2)), [8, 4], [16, 8], &[I, I]),
        (fixed(U32, 2), [8, 4], [8, 4], &[I, I]),
        (Tuple(vec![U8, U8, U16, U32]), [8, 4], [8, 4], &[I, I, I, I]),
        (Tuple(vec![U8, U16, U8, U32]), [12, 4], [12, 4], &[I, I, I, I]),
        (inner.clone(), [4, 2], [4, 2], &[I, I]),
        (pair(inner, U8), [6, 2], [6, 2], &[I, I, I]),
        (Map(Box::new(U8), Box::new(U16)), [8, 4], [16, 8], &[I, I]),
        (pair(String, U32), [12, 4], [24, 8], &[I, I, I]),
        (Option(Box::new(String)), [12, 4], [24, 8], &[I, I, I]),
        (Option(Box::new(pair(F64, U8))), [24, 8], [24, 8], &[I, D, I]),
        (Variant(vec![Some(F64), Some(F32), Some(U64)]), [16, 8], [16, 8], &[I, L]),
        (Variant(vec![Some(pair(F32, F32)), Some(pair(U32, F64))]), [24, 8], [24, 8], &[I, I, L]),
    ]
}

#[test]
fn types_of_the_value_tables() {
    for (desc, narrow, wide, flat) in rows() {
        let ty = desc.build();
        let figures = |addr| [ty.info().size(addr), ty.info().align(addr)];
        assert_eq!(figures(AddrType::I32), narrow, "{ty}");
        assert_eq!(figures(AddrType::I64), wide, "{ty}");
        assert_eq!(ty.info().flat(AddrType::I32), Some(flat), "{ty}");
        check(&desc, &ty);
    }
}
