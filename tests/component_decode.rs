//! Loading component binaries: what is accepted, what is refused and how, and that no input
//! makes the loader panic.
#![cfg(all(feature = "component", feature = "wasmi"))]

use cmabi::component::Component;
use cmabi::component::extern_type::{ExternType, TypeDef};
use cmabi::engine::Engine;
use cmabi::engine::wasmi::WasmiEngine;
use cmabi::error::{Error, ErrorKind};
use std::sync::Arc;

fn engine() -> Arc<dyn Engine> {
    Arc::new(WasmiEngine::default())
}

fn load(wasm: &[u8]) -> Result<Component, Error> {
    Component::load(&engine(), wasm)
}

fn load_text(text: &str) -> Result<Component, Error> {
    load(&wat::parse_str(text).expect("the test's text is well-formed"))
}

#[track_caller]
fn refused(wasm: &[u8], kind: ErrorKind, expected: &str) {
    let error = load(wasm).err().expect("refused");
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(expected), "{error:?} does not contain {expected:?}");
}

const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";

#[test]
fn an_empty_component_loads() {
    let component = load(HEADER).unwrap();
    assert!(component.ty().imports.is_empty() && component.ty().exports.is_empty());
}

#[test]
fn what_is_no_component_is_named() {
    refused(b"", ErrorKind::Invalid, "the input is empty");
    refused(b"\0as", ErrorKind::Invalid, "ends in the middle of its header (at offset 0x3)");
    refused(b"\0asm\x0d\0", ErrorKind::Invalid, "ends in the middle of its header");
    refused(b"\x7fELF....", ErrorKind::Invalid, "not WebAssembly");
    refused(b" (component)", ErrorKind::Invalid, "WebAssembly text");
    refused(b"\0asm\x01\0\0\0", ErrorKind::Invalid, "this is a core module, not a component");
    refused(b"\0asm\x0e\0\x01\0", ErrorKind::Invalid, "unknown binary version");
}

#[test]
fn unknown_sections_are_refused_and_custom_ones_are_skipped() {
    let section = |id: u8, body: &[u8]| [HEADER, &[id, body.len() as u8], body].concat();
    refused(&section(77, b"?"), ErrorKind::Invalid, "section id: 77 (at offset 0xa)");
    load(&section(0, b"\x04notehello")).unwrap();
    // A custom section's name is a name like any other.
    refused(&section(0, b"\x02\xff\xfe"), ErrorKind::Invalid, "UTF-8");
}

#[test]
fn names_must_be_utf8_and_well_formed() {
    let import = |name: &[u8]| {
        let body = [&[1, 0, name.len() as u8][..], name, &[3, 1]].concat();
        [HEADER, &[10, body.len() as u8], &body].concat()
    };
    load(&import(b"thing")).unwrap();
    refused(&import(b"th\xffng"), ErrorKind::Invalid, "UTF-8");
    refused(&import(b"Th_ng"), ErrorKind::Invalid, "kebab");
}

#[test]
fn what_the_component_model_no_longer_has_is_refused() {
    let mut wasm = wat::parse_str("(component (core func (canon thread.yield)))").unwrap();
    let section = [0x08, 0x03, 0x01, 0x0c, 0x00];
    let at = wasm.windows(section.len()).position(|bytes| bytes == section).unwrap();
    load(&wasm).unwrap();
    wasm[at + 4] = 1;
    refused(
        &wasm,
        ErrorKind::Unsupported,
        "a built-in is `cancellable`, which the component model no longer has",
    );
    let wasm = wat::parse_str("(component (type (resource (rep i64))))").unwrap();
    refused(&wasm, ErrorKind::Unsupported, "resource types whose representation is an i64");
}

#[test]
fn types_that_are_too_big_are_refused() {
    let error = load_text("(component (type (list u8 268435456)))").err().unwrap();
    assert!(error.to_string().contains("exceeds maximum byte size"), "{error}");
    assert!(error.to_string().contains("(at offset 0x"), "{error}");
    load_text("(component (type (list u8 268435455)))").unwrap();
}

#[test]
fn nesting_is_bounded_without_recursion() {
    let types = |depth: usize| {
        let mut body = vec![1];
        body.extend([0x42, 1, 1].repeat(depth));
        body.extend([0x42, 0]);
        [HEADER, &[7], &leb128(body.len()), &body].concat()
    };
    load(&types(29)).unwrap();
    refused(&types(1_000_000), ErrorKind::Limit, "types nest more than 30 deep");
    let components = |depth: usize| {
        (0..depth)
            .fold(HEADER.to_vec(), |inner, _| [HEADER, &[4], &leb128(inner.len()), &inner].concat())
    };
    load(&components(29)).unwrap();
    refused(&components(2_000), ErrorKind::Limit, "components nest more than 30 deep");
}

fn leb128(mut n: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while n >= 0x80 {
        bytes.push(n as u8 | 0x80);
        n >>= 7;
    }
    bytes.push(n as u8);
    bytes
}

#[test]
fn a_core_module_that_the_engine_cannot_run_is_named_by_its_place() {
    let error = load_text("(component (core module (tag)))").err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.to_string().starts_with("core module at offset 0x"), "{error}");
}

#[test]
fn imports_and_exports_are_reflected() {
    let component = load_text(
        r#"(component
            (import "demo:app/log@1.2.3" (instance
                (export "logger" (type $logger (sub resource)))
                (export "[method]logger.line" (func
                    (param "self" (borrow $logger)) (param "text" string)))))
            (import "seed" (func $seed async (result u64)))
            (core module $m (func (export "f") (param i32) (result i32) local.get 0))
            (core instance $i (instantiate $m))
            (func (export "twice") (param "n" u32) (result u32) (canon lift (core func $i "f")))
            (export "again" (func $seed))
        )"#,
    )
    .unwrap();
    let ty = component.ty();
    let names: Vec<_> = ty.imports.keys().map(|name| &**name).collect();
    assert_eq!(names, ["demo:app/log@1.2.3", "seed"]);
    let ExternType::Instance(log) = &ty.imports[0].ty else { panic!("an instance") };
    let ExternType::Type(TypeDef::Resource(logger)) = &log.exports[0] else { panic!("a resource") };
    assert_eq!(logger.name(), "logger");
    assert_eq!(log.exports[1].to_string(), "func(self: borrow<logger>, text: string)");
    assert_eq!(ty.imports[1].ty.to_string(), "async func() -> u64");
    assert_eq!(ty.exports["twice"].ty.to_string(), "func(n: u32) -> u32");
    assert_eq!(ty.exports["again"].ty.to_string(), "async func() -> u64");
}

#[test]
fn implements_is_reflected() {
    let component = load_text(
        r#"(component
            (import "primary" (implements "demo:kv/store@1.0.0") (instance))
        )"#,
    )
    .unwrap();
    let import = &component.ty().imports["primary"];
    assert_eq!(import.implements.as_deref(), Some("demo:kv/store@1.0.0"));
}

#[test]
fn components_are_shared_between_threads() {
    let component = load_text(r#"(component (import "f" (func (result string))))"#).unwrap();
    let there = std::thread::spawn({
        let component = component.clone();
        move || component.ty().imports["f"].ty.to_string()
    });
    assert_eq!(there.join().unwrap(), "func() -> string");
    drop(component);
}

/// A component with a bit of everything that a binary can contain.
const RICH: &str = r#"(component $rich
    (import "demo:app/log@1.2.3" (instance $log
        (export "logger" (type $logger (sub resource)))
        (export "line" (func (param "to" (borrow $logger)) (param "text" string)))))
    (import "module" (core module (import "a" "b" (func (param i32))) (export "m" (memory 1 2))))
    (import "part" (component
        (import "r" (type $r (sub resource)))
        (export "made" (func (result (own $r))))))
    (type $point (record (field "x" s32) (field "y" f64)))
    (export $point' "point" (type $point))
    (type $shape (variant (case "dot" $point') (case "nothing") (case "many" (list $point'))))
    (type $perms (flags "read" "write"))
    (type $kind (enum "a" "b"))
    (type $table (map string (option $shape)))
    (export $shape' "shape" (type $shape))
    (core module $libc
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 16))
        (func (export "post") (param i32)))
    (core instance $libc (instantiate $libc))
    (core func $line (canon lower (func $log "line")
        (memory (core memory $libc "memory")) string-encoding=utf16))
    (type $r (resource (rep i32)))
    (core func $new (canon resource.new $r))
    (core func $drop (canon resource.drop $r))
    (type $bytes (stream u8))
    (core func $stream (canon stream.new $bytes))
    (core func $get (canon context.get i32 0))
    (core module $main
        (import "env" "line" (func (param i32 i32 i32)))
        (func (export "f") (param i32 i32) (result i32) (i32.const 0))
        (func (export "g") (result i32) (i32.const 0)))
    (core instance $main (instantiate $main
        (with "env" (instance (export "line" (func $line))))))
    (func $f (param "s" string) (result string) (canon lift (core func $main "f")
        (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))
        (post-return (core func $libc "post"))))
    (component $inner
        (import "f" (func $f (param "s" string) (result string)))
        (alias outer $rich $libc (core module $m))
        (core instance (instantiate $m))
        (export "f" (func $f)))
    (instance $inner (instantiate $inner (with "f" (func $f))))
    (export "api" (instance $inner))
    (export "f" (func $f))
)"#;

#[test]
fn truncated_components_are_refused() {
    let wasm = wat::parse_str(RICH).unwrap();
    load(&wasm).unwrap();
    // Cut between two top-level sections, what is left can be a component.
    let loaded = (0..wasm.len()).filter(|len| load(&wasm[..*len]).is_ok()).count();
    assert!(loaded < 40, "{loaded} prefixes loaded");
}

/// xorshift64*: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % n
    }
}

#[test]
fn damaged_components_do_not_panic() {
    let wasm = wat::parse_str(RICH).unwrap();
    let mut random = Random(0x5eed);
    for _ in 0..3_000 {
        let mut damaged = wasm.clone();
        for _ in 0..=random.below(4) {
            let at = random.below(damaged.len());
            match random.below(4) {
                0 => damaged[at] ^= 1 << random.below(8),
                1 => damaged[at] = random.below(256) as u8,
                2 => damaged.truncate(at.max(1)),
                _ => damaged.insert(at, random.below(256) as u8),
            }
        }
        let _ = load(&damaged);
    }
}

#[test]
fn random_bytes_do_not_panic() {
    let mut random = Random(0xb17e5);
    for _ in 0..3_000 {
        let mut bytes = HEADER.to_vec();
        bytes.extend((0..random.below(64)).map(|_| random.below(256) as u8));
        let _ = load(&bytes);
    }
}
