//! Round trips, and what text that is no value is told.

use super::*;
use crate::types::{Case, Field};

fn ty(kind: Kind) -> Type {
    Type::new(kind).unwrap()
}

/// Reads `text` and writes it again; what is outside the value is kept by index.
fn round_trip(ty: &Type, text: &str) -> Result<String> {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let value = parse(ty, text, &mut |bytes, _| {
        kept.push(bytes.to_vec());
        Ok(kept.len() as u64 - 1)
    })?;
    assert_eq!(value.len(), size(ty));
    print(ty, &value, &|ptr, len, _| {
        Ok(if len == 0 { &[] } else { &kept[ptr as usize][..len as usize] })
    })
}

#[track_caller]
fn same(ty: &Type, text: &str) {
    assert_eq!(round_trip(ty, text).unwrap(), text);
}

#[track_caller]
fn fails(ty: &Type, text: &str, message: &str) {
    let error = round_trip(ty, text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.to_string(), message);
}

fn labels(labels: &[&str]) -> Box<[Arc<str>]> {
    labels.iter().map(|&label| label.into()).collect()
}

fn record() -> Type {
    let field = |name: &str, ty| Field { name: name.into(), ty };
    ty(Kind::Record(
        [
            field("id", Type::u8()),
            field("big", Type::u64()),
            field("note", ty(Kind::Option(Type::string()))),
        ]
        .into(),
    ))
}

#[test]
fn numbers() {
    same(&Type::bool(), "true");
    same(&Type::s8(), "-128");
    same(&Type::u16(), "65535");
    same(&Type::s64(), "-9223372036854775808");
    same(&Type::u64(), "18446744073709551615");
    same(&Type::f32(), "0.1");
    same(&Type::f64(), "-1.5");
    same(&Type::f64(), "nan");
    same(&Type::f32(), "-inf");
    fails(&Type::u8(), "256", "expected u8, found `256` at byte 0");
    fails(&Type::u8(), " -1", "expected u8, found `-1` at byte 1");
    fails(&Type::bool(), "1", "expected bool, found `1` at byte 0");
}

#[test]
fn text() {
    same(&Type::char(), "'\\u{0}'");
    same(&Type::char(), "'☃'");
    same(&Type::string(), r#""a \"quoted\" line\n☃""#);
    same(&Type::string(), "\"\"");
    fails(&Type::string(), "'a'", "expected string, found `'a'` at byte 0");
}

#[test]
fn lists_and_maps() {
    let numbers = ty(Kind::List(Type::u16()));
    same(&numbers, "[]");
    same(&numbers, "[1, 2, 3]");
    same(&ty(Kind::List(numbers.clone())), "[[], [1], [2, 3]]");
    same(&ty(Kind::FixedList(Type::u8(), 3)), "[1, 2, 3]");
    same(&ty(Kind::Map(Type::string(), Type::u8())), r#"[("a", 1), ("a", 2)]"#);
    let three = ty(Kind::FixedList(Type::u8(), 3));
    fails(&three, "[1, 2]", "expected 3 elements, found 2 at byte 0");
    fails(&numbers, "[1, true]", "expected u16, found `true` at byte 4");
}

#[test]
fn records_and_tuples() {
    same(&record(), r#"{id: 1, big: 2, note: some("x")}"#);
    same(&record(), "{id: 1, big: 2}");
    assert_eq!(round_trip(&record(), r#"{big: 2, id: 1, note: none}"#).unwrap(), "{id: 1, big: 2}");
    fails(&record(), "{id: 1}", "field \"big\" is missing at byte 0");
    same(&ty(Kind::Tuple([Type::u8(), record()].into())), "(7, {id: 1, big: 2})");
    let pair = ty(Kind::Tuple([Type::u8(), Type::u8()].into()));
    fails(&pair, "(1, 2, 3)", "expected 2 values, found 3 at byte 0");
}

#[test]
fn cases() {
    let case = |name: &str, ty| Case { name: name.into(), ty };
    let shape = ty(Kind::Variant([case("none", None), case("circle", Some(Type::f64()))].into()));
    same(&shape, "%none");
    same(&shape, "circle(1.5)");
    fails(&shape, "circle", "the payload is missing at byte 0");
    same(&ty(Kind::Enum(labels(&["red", "ok"]))), "%ok");
    let option = ty(Kind::Option(ty(Kind::Option(Type::u8()))));
    same(&option, "some(none)");
    fails(&option, "1", &format!("expected {option}, found `1` at byte 0"));
    assert_eq!(round_trip(&ty(Kind::Option(Type::u8())), "1").unwrap(), "some(1)");
    let result = ty(Kind::Result { ok: None, err: Some(Type::string()) });
    same(&result, "ok");
    same(&result, "err(\"no\")");
    fails(&result, "ok(1)", "the case has no payload at byte 3");
}

#[test]
fn flags() {
    let flags = ty(Kind::Flags(labels(&["a", "b", "c", "d", "e", "f", "g", "h", "i"])));
    same(&flags, "{}");
    same(&flags, "{a, i}");
    fails(&flags, "{j}", "no flag \"j\" at byte 0");
}

#[test]
fn what_is_not_text_or_not_a_value() {
    let deep = "[".repeat(1_000_000);
    fails(&Type::u8(), &deep, "value nesting too deep at byte 99");
    fails(&Type::u8(), "", "unexpected end of input at byte 0");
    fails(&Type::u8(), "1 2", "trailing characters after value at byte 2");
    let stream = ty(Kind::Stream(None));
    assert_eq!(round_trip(&stream, "1").unwrap_err().kind(), ErrorKind::Unsupported);
    let bad = print(&Type::char(), &0xd800u32.to_ne_bytes(), &|_, _, _| unreachable!());
    assert_eq!(bad.unwrap_err().kind(), ErrorKind::InvalidArgument);
}
