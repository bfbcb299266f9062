//! What strings ask of `realloc`, for each pair of encodings, as the reference does.

use super::{Side, Sides};
use crate::copy::StringEncoding::{Latin1Utf16, Utf8, Utf16};
use crate::copy::{Format, Plan, Source, StringEncoding, Target};
use crate::core_types::AddrType;
use crate::error::Trap;
use crate::types::Type;

/// Stands for the pointer that the call before gave.
const OLD: u64 = 1;

/// Old pointer, old size, alignment, new size.
type Call = (u64, u64, u64, u64);

struct Case {
    src: StringEncoding,
    /// Whether a `latin1+utf16` source is UTF-16.
    tagged: bool,
    dst: StringEncoding,
    text: &'static str,
    calls: &'static [Call],
    /// Code units, and whether they are tagged.
    stored: (u64, bool),
}

const fn case(
    (src, tagged): (StringEncoding, bool),
    dst: StringEncoding,
    text: &'static str,
    calls: &'static [Call],
    stored: (u64, bool),
) -> Case {
    Case { src, tagged, dst, text, calls, stored }
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    case((Utf8, false), Utf8, "", &[(0, 0, 1, 0)], (0, false)),
    case((Utf8, false), Utf8, "hi", &[(0, 0, 1, 2)], (2, false)),
    case((Utf8, false), Utf8, "h\u{e9}", &[(0, 0, 1, 3)], (3, false)),
    case((Utf8, false), Utf8, "h\u{20ac}!", &[(0, 0, 1, 5)], (5, false)),
    case((Utf8, false), Utf16, "", &[(0, 0, 2, 0)], (0, false)),
    case((Utf8, false), Utf16, "hi", &[(0, 0, 2, 4)], (2, false)),
    case((Utf8, false), Utf16, "h\u{e9}", &[(0, 0, 2, 6), (OLD, 6, 2, 4)], (2, false)),
    case((Utf8, false), Utf16, "h\u{20ac}!", &[(0, 0, 2, 10), (OLD, 10, 2, 6)], (3, false)),
    case((Utf8, false), Latin1Utf16, "", &[(0, 0, 2, 0)], (0, false)),
    case((Utf8, false), Latin1Utf16, "hi", &[(0, 0, 2, 2)], (2, false)),
    case((Utf8, false), Latin1Utf16, "h\u{e9}", &[(0, 0, 2, 3), (OLD, 3, 2, 2)], (2, false)),
    case((Utf8, false), Latin1Utf16, "h\u{20ac}!", &[(0, 0, 2, 5), (OLD, 5, 2, 10), (OLD, 10, 2, 6)], (3, true)),
    case((Utf16, false), Utf8, "", &[(0, 0, 1, 0)], (0, false)),
    case((Utf16, false), Utf8, "hi", &[(0, 0, 1, 2)], (2, false)),
    case((Utf16, false), Utf8, "h\u{e9}", &[(0, 0, 1, 2), (OLD, 2, 1, 6), (OLD, 6, 1, 3)], (3, false)),
    case((Utf16, false), Utf8, "h\u{20ac}!", &[(0, 0, 1, 3), (OLD, 3, 1, 9), (OLD, 9, 1, 5)], (5, false)),
    case((Utf16, false), Utf16, "", &[(0, 0, 2, 0)], (0, false)),
    case((Utf16, false), Utf16, "hi", &[(0, 0, 2, 4)], (2, false)),
    case((Utf16, false), Utf16, "h\u{e9}", &[(0, 0, 2, 4)], (2, false)),
    case((Utf16, false), Utf16, "h\u{20ac}!", &[(0, 0, 2, 6)], (3, false)),
    case((Utf16, false), Latin1Utf16, "", &[(0, 0, 2, 0)], (0, false)),
    case((Utf16, false), Latin1Utf16, "hi", &[(0, 0, 2, 2)], (2, false)),
    case((Utf16, false), Latin1Utf16, "h\u{e9}", &[(0, 0, 2, 2)], (2, false)),
    case((Utf16, false), Latin1Utf16, "h\u{20ac}!", &[(0, 0, 2, 3), (OLD, 3, 2, 6)], (3, true)),
    case((Latin1Utf16, false), Utf8, "", &[(0, 0, 1, 0)], (0, false)),
    case((Latin1Utf16, false), Utf8, "hi", &[(0, 0, 1, 2)], (2, false)),
    case((Latin1Utf16, false), Utf8, "h\u{e9}", &[(0, 0, 1, 2), (OLD, 2, 1, 4), (OLD, 4, 1, 3)], (3, false)),
    case((Latin1Utf16, false), Utf16, "", &[(0, 0, 2, 0)], (0, false)),
    case((Latin1Utf16, false), Utf16, "hi", &[(0, 0, 2, 4)], (2, false)),
    case((Latin1Utf16, false), Utf16, "h\u{e9}", &[(0, 0, 2, 4)], (2, false)),
    case((Latin1Utf16, false), Latin1Utf16, "", &[(0, 0, 2, 0)], (0, false)),
    case((Latin1Utf16, false), Latin1Utf16, "hi", &[(0, 0, 2, 2)], (2, false)),
    case((Latin1Utf16, false), Latin1Utf16, "h\u{e9}", &[(0, 0, 2, 2)], (2, false)),
    case((Latin1Utf16, true), Utf8, "", &[(0, 0, 1, 0)], (0, false)),
    case((Latin1Utf16, true), Utf8, "hi", &[(0, 0, 1, 2)], (2, false)),
    case((Latin1Utf16, true), Utf8, "h\u{e9}", &[(0, 0, 1, 2), (OLD, 2, 1, 6), (OLD, 6, 1, 3)], (3, false)),
    case((Latin1Utf16, true), Utf8, "h\u{20ac}!", &[(0, 0, 1, 3), (OLD, 3, 1, 9), (OLD, 9, 1, 5)], (5, false)),
    case((Latin1Utf16, true), Utf16, "", &[(0, 0, 2, 0)], (0, false)),
    case((Latin1Utf16, true), Utf16, "hi", &[(0, 0, 2, 4)], (2, false)),
    case((Latin1Utf16, true), Utf16, "h\u{e9}", &[(0, 0, 2, 4)], (2, false)),
    case((Latin1Utf16, true), Utf16, "h\u{20ac}!", &[(0, 0, 2, 6)], (3, false)),
    case((Latin1Utf16, true), Latin1Utf16, "", &[(0, 0, 2, 0), (OLD, 0, 1, 0)], (0, false)),
    case((Latin1Utf16, true), Latin1Utf16, "hi", &[(0, 0, 2, 4), (OLD, 4, 1, 2)], (2, false)),
    case((Latin1Utf16, true), Latin1Utf16, "h\u{e9}", &[(0, 0, 2, 4), (OLD, 4, 1, 2)], (2, false)),
    case((Latin1Utf16, true), Latin1Utf16, "h\u{20ac}!", &[(0, 0, 2, 6)], (3, true)),
];

/// A side that holds the text, and the text's core values.
fn source(format: Format, tagged: bool, text: &str) -> (Side, [u64; 2]) {
    let tag = 1 << (8 * format.addr.ptr_size() - 1);
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let units = wide.len() as u64 / 2;
    let (bytes, length) = match format.encoding {
        Utf8 => (text.as_bytes().to_vec(), text.len() as u64),
        Utf16 => (wide, units),
        Latin1Utf16 if tagged => (wide, units | tag),
        Latin1Utf16 => (text.chars().map(|c| c as u8).collect(), units),
    };
    let mut side = Side::new(format, 100, 0);
    let ptr = side.alloc(2, bytes.len() as u64);
    side.write(ptr, &bytes);
    (side, [ptr, length])
}

fn copied(case: &Case, addr: AddrType, realloc_errors: &[u64]) -> Result<(Sides, [u64; 2]), Trap> {
    let (src, flat) = source(Format::guest(addr, case.src), case.tagged, case.text);
    let dst = Side::new(Format::guest(addr, case.dst), 100, 0xee);
    let mut sides = Sides::new(src, dst);
    sides.realloc_errors = realloc_errors.to_vec();
    let plan = Plan::new(&Type::string(), sides.src.format, sides.dst.format);
    let mut out = [0; 2];
    match plan.transfer(&mut sides, Source::Flat(&flat), Target::Flat(&mut out)) {
        Ok(()) => Ok((sides, out)),
        Err(trap) => Err(trap.reason().clone()),
    }
}

#[test]
fn realloc_is_called_as_the_reference_calls_it() {
    for addr in [AddrType::I32, AddrType::I64] {
        for case in CASES {
            let name = format!(
                "{:?} (tagged: {}) to {:?}: {:?}",
                case.src, case.tagged, case.dst, case.text
            );
            let (mut sides, [ptr, length]) = copied(case, addr, &[]).expect(&name);
            let calls = sides.calls.iter().map(|&[old, old_size, align, new_size]| {
                (u64::from(old != 0), old_size, align, new_size)
            });
            assert_eq!(calls.collect::<Vec<_>>(), case.calls, "{name}");
            let tag = 1 << (8 * addr.ptr_size() - 1);
            assert_eq!((length & !tag, length & tag != 0), case.stored, "{name}");
            let format = sides.dst.format;
            let expected = source(format, case.stored.1, case.text).0.used()[16..].to_vec();
            assert_eq!(sides.dst.read(ptr, expected.len()), expected, "{name}");
        }
    }
}

#[test]
fn every_answer_of_realloc_is_checked() {
    for case in CASES {
        for (i, &(_, _, align, new_size)) in case.calls.iter().enumerate() {
            let answers = |error| [&vec![0; i][..], &[error]].concat();
            if align == 2 {
                let trap = copied(case, AddrType::I32, &answers(1)).err();
                assert!(matches!(trap, Some(Trap::ReallocUnaligned { align: 2, .. })), "{trap:?}");
            }
            let trap = copied(case, AddrType::I32, &answers(1 << 20)).err();
            match trap {
                Some(Trap::ReallocOutOfBounds { len, memory: 800, .. }) => {
                    assert_eq!(len, new_size)
                }
                trap => panic!("{trap:?}"),
            }
        }
    }
}

#[test]
fn strings_reach_the_host_from_every_encoding() {
    for case in CASES {
        let (src, flat) = source(Format::guest(AddrType::I32, case.src), case.tagged, case.text);
        let mut sides = Sides::new(src, Side::new(Format::HOST, 100, 0));
        let plan = Plan::new(&Type::string(), sides.src.format, Format::HOST);
        let mut ptr = 0;
        plan.transfer(&mut sides, Source::Flat(&flat), Target::Allocate(&mut ptr)).unwrap();
        let pair = sides.dst.read(ptr, 16);
        let word = |at: usize| u64::from_le_bytes(pair[at..at + 8].try_into().unwrap());
        assert_eq!(sides.dst.read(word(0), word(8) as usize), case.text.as_bytes());
    }
}

#[test]
fn a_host_string_may_lie_where_realloc_points() {
    let utf16 = Format::guest(AddrType::I32, Utf16);
    let mut sides = Sides::new(Side::new(Format::HOST, 9, 0), Side::new(utf16, 100, 0));
    sides.dst.write(16, b"hello");
    let text = sides.dst.view().base as u64 + 16;
    let pair = sides.src.alloc(8, 16);
    sides.src.write(pair, &[text.to_le_bytes(), 5u64.to_le_bytes()].concat());
    Plan::new(&Type::string(), Format::HOST, utf16).copy(&mut sides, pair, 8).unwrap();
    assert_eq!(sides.calls, [[0, 0, 2, 10]]);
    assert_eq!(sides.dst.read(8, 8), [16, 0, 0, 0, 5, 0, 0, 0]);
    assert_eq!(sides.dst.read(16, 10), b"h\0e\0l\0l\0o\0");
}
