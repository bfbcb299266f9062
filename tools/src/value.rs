//! Values of component functions: calls with WAVE text in and out.

use cmabi::core_types::AddrType;
use cmabi::error::{Error, ErrorKind, Result};
use cmabi::host;
use cmabi::memory::{Arena, host_ptr};
use cmabi::runtime::{FuncInst, Store};
use cmabi::types::{Kind, Type};
use cmabi::wave;
use std::fmt;
use std::rc::Rc;
use wast::component::WastVal;
use wast::core::{NanPattern, WastArgCore, WastRetCore};
use wast::{WastArg, WastRet};

/// A value that a function returned.
pub struct Value {
    ty: Type,
    text: String,
}

impl Value {
    /// Whether it is the value that `expected` writes in WAVE. All NaNs are equal.
    pub fn matches(&self, expected: &str) -> bool {
        let arena = Arena::new();
        // One value has many texts: compare what the library makes of each.
        let expected =
            wave::parse(&self.ty, expected, &mut |bytes, align| keep(&arena, bytes, align));
        expected
            .and_then(|bytes| wave::print(&self.ty, &bytes, &fetch))
            .is_ok_and(|text| text == self.text)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Calls `func` with arguments in WAVE: `(1, "two")`, or `()`.
pub fn call(store: &mut Store, func: &FuncInst, args: &str) -> Result<Option<Value>> {
    let arena = Rc::new(Arena::new());
    let ty = func.ty();
    let within = args.strip_prefix('(').and_then(|args| args.strip_suffix(')'));
    let is_empty = within.is_some_and(|args| args.trim().is_empty());
    let args = if ty.params().is_empty() {
        if !is_empty {
            return Err(Error::new(ErrorKind::TypeMismatch, "the function takes no arguments"));
        }
        std::ptr::dangling()
    } else {
        if is_empty {
            let message = format!("the arguments are missing: the function is {ty}");
            return Err(Error::new(ErrorKind::TypeMismatch, message));
        }
        let types = ty.params().iter().map(|param| param.ty.clone()).collect();
        let params = Type::new(Kind::Tuple(types))?;
        let bytes = wave::parse(&params, args, &mut |bytes, align| keep(&arena, bytes, align))
            .map_err(|error| error.context(format!("arguments for {ty}")))?;
        host_ptr(keep(&arena, &bytes, params.info().align(AddrType::I64))?).cast_const()
    };
    let Some(result) = ty.result() else {
        host::call(&mut store.cx(), func, args, std::ptr::dangling_mut(), &arena)?;
        return Ok(None);
    };
    let size = result.info().size(AddrType::I64);
    let place = arena.alloc(size.into(), result.info().align(AddrType::I64))?;
    host::call(&mut store.cx(), func, args, place, &arena)?;
    let text = if result.info().holds_handles() {
        format!("a value of type {result}")
    } else {
        wave::print(result, fetch(place.expose_provenance() as u64, size.into(), 1)?, &fetch)?
    };
    Ok(Some(Value { ty: result.clone(), text }))
}

/// Copies `bytes` into the arena; answers where they are.
fn keep(arena: &Arena, bytes: &[u8], align: u32) -> Result<u64> {
    let place = arena.alloc(bytes.len() as u64, align)?;
    // SAFETY: the arena handed out that many bytes, which nothing else uses.
    unsafe { place.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    Ok(place.expose_provenance() as u64)
}

/// The bytes of a string or list in a value that was parsed or that a call returned.
fn fetch<'a>(ptr: u64, len: u64, _align: u32) -> Result<&'a [u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    // SAFETY: values come from `wave::parse` or from a call, with what they point at in an arena
    // that lives until the value was printed.
    Ok(unsafe { std::slice::from_raw_parts(host_ptr(ptr), len as usize) })
}

/// A script's argument as WAVE text, if a component's function can take it.
pub fn argument(arg: &WastArg<'_>) -> Option<String> {
    match arg {
        WastArg::Component(value) => Some(wave_text(value)),
        // The parser takes floats for core ones.
        WastArg::Core(WastArgCore::F32(value)) => Some(wave_text(&WastVal::F32(*value))),
        WastArg::Core(WastArgCore::F64(value)) => Some(wave_text(&WastVal::F64(*value))),
        _ => None,
    }
}

/// A script's expected result as WAVE text, if a component's function can return it.
pub fn expected(ret: &WastRet<'_>) -> Option<String> {
    match ret {
        WastRet::Component(value) => Some(wave_text(value)),
        WastRet::Core(WastRetCore::F32(pattern)) => Some(match pattern {
            NanPattern::Value(value) => wave_text(&WastVal::F32(*value)),
            NanPattern::CanonicalNan | NanPattern::ArithmeticNan => "nan".into(),
        }),
        WastRet::Core(WastRetCore::F64(pattern)) => Some(match pattern {
            NanPattern::Value(value) => wave_text(&WastVal::F64(*value)),
            NanPattern::CanonicalNan | NanPattern::ArithmeticNan => "nan".into(),
        }),
        _ => None,
    }
}

fn wave_text(value: &WastVal<'_>) -> String {
    use WastVal as V;
    match value {
        V::Bool(value) => value.to_string(),
        V::U8(value) => value.to_string(),
        V::S8(value) => value.to_string(),
        V::U16(value) => value.to_string(),
        V::S16(value) => value.to_string(),
        V::U32(value) => value.to_string(),
        V::S32(value) => value.to_string(),
        V::U64(value) => value.to_string(),
        V::S64(value) => value.to_string(),
        V::F32(value) => float_text(f32::from_bits(value.bits), f32::is_nan),
        V::F64(value) => float_text(f64::from_bits(value.bits), f64::is_nan),
        V::Char(value) => format!("'{}'", escaped(*value)),
        V::String(value) => format!("\"{}\"", value.chars().map(escaped).collect::<String>()),
        V::List(values) => format!("[{}]", joined(values.iter().map(wave_text))),
        V::Tuple(values) => format!("({})", joined(values.iter().map(wave_text))),
        V::Record(fields) => {
            let field = |(name, value): &(&str, _)| format!("{name}: {}", wave_text(value));
            format!("{{{}}}", joined(fields.iter().map(field)))
        }
        V::Variant(case, payload) => with_payload(&label(case), payload.as_deref()),
        V::Enum(case) => label(case),
        V::Option(None) => "none".into(),
        V::Option(some) => with_payload("some", some.as_deref()),
        V::Result(Ok(payload)) => with_payload("ok", payload.as_deref()),
        V::Result(Err(payload)) => with_payload("err", payload.as_deref()),
        V::Map(entries) => {
            let entry =
                |(key, value): &(_, _)| format!("({}, {})", wave_text(key), wave_text(value));
            format!("[{}]", joined(entries.iter().map(entry)))
        }
        V::Flags(names) => format!("{{{}}}", names.join(", ")),
    }
}

fn joined(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(", ")
}

fn with_payload(case: &str, payload: Option<&WastVal<'_>>) -> String {
    match payload {
        Some(payload) => format!("{case}({})", wave_text(payload)),
        None => case.into(),
    }
}

/// WAVE has one NaN, without a sign.
fn float_text<F: fmt::Display + Copy>(value: F, is_nan: fn(F) -> bool) -> String {
    if is_nan(value) { "nan".into() } else { value.to_string() }
}

/// A case's label, marked where it would read as a keyword.
fn label(name: &str) -> String {
    match name {
        "true" | "false" | "some" | "none" | "ok" | "err" | "inf" | "nan" => format!("%{name}"),
        _ => name.into(),
    }
}

fn escaped(char: char) -> String {
    match char {
        '"' | '\'' | '\\' => format!("\\{char}"),
        _ if char.is_control() => char.escape_unicode().to_string(),
        _ => char.to_string(),
    }
}
