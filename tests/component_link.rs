//! Linking: how imports find their definitions, and what is said when they do not.
#![cfg(all(feature = "component", feature = "wasmi"))]

mod support;

use cmabi::component::extern_type::{ExternType, TypeDef};
use cmabi::component::{Extern, LoadLimits, load_module};
use cmabi::error::ErrorKind;
use cmabi::runtime::{Store, StoreConfig};
use cmabi::types::{Field, FuncType, ResourceType, Type};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use support::{World, counter, uncalled};

fn func(params: &[(&str, Type)], result: Option<Type>) -> FuncType {
    let params =
        params.iter().map(|(name, ty)| Field { name: (*name).into(), ty: ty.clone() }).collect();
    FuncType::new(params, result, false).unwrap()
}

/// A component that imports the nullary function `name` of `interface` and exports `run`, which
/// calls it.
fn calls(import: &str, name: &str) -> String {
    format!(
        r#"(component
            (import "{import}" (instance $i (export "{name}" (func))))
            (core func $f (canon lower (func $i "{name}")))
            (core module $m (import "" "f" (func $f)) (func (export "run") (call $f)))
            (core instance $m (instantiate $m (with "" (instance (export "f" (func $f))))))
            (func (export "run") (canon lift (core func $m "run"))))"#
    )
}

#[test]
fn all_that_does_not_fit_is_listed_at_once() {
    let mut world = World::new();
    let log = world.linker.instance("demo:app/log@1.0.0").unwrap();
    let string = Type::string();
    log.func("line", Some(func(&[("text", Type::u32())], None)), uncalled()).unwrap();
    log.func("flush", None, uncalled()).unwrap();
    log.instance("level").unwrap();
    world.linker.root().func("seed", Some(func(&[], Some(string))), uncalled()).unwrap();
    let error = world
        .try_instantiate(
            r#"(component
                (import "demo:app/log@1.0.0" (instance
                    (export "line" (func (param "text" string)))
                    (export "flush" (func))
                    (export "flash" (func (param "n" u8)))
                    (export "level" (func (result (option u32))))))
                (import "demo:app/kv@2.0.0" (instance
                    (export "get" (func (param "key" string) (result (option string))))))
                (import "seed" (func (result u64))))"#,
        )
        .err()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::Link);
    let expected = "5 imports do not fit:
  demo:app/log@1.0.0#line: expected func(text: string), given func(text: u32)
  demo:app/log@1.0.0#flash: missing, expected func(n: u8) (there is \"flush\")
  demo:app/log@1.0.0#level: expected func() -> option<u32>, given instance
  demo:app/kv@2.0.0: missing, expected an interface
  seed: expected func() -> u64, given func() -> string
What is missing is the host's to define in the linker.";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn one_problem_is_one_line_and_suggests_another_version() {
    let mut world = World::new();
    world.linker.instance("demo:app/log@2.0.0").unwrap();
    let error = world.try_instantiate(&calls("demo:app/log@1.0.0", "f")).err().unwrap();
    assert_eq!(
        error.to_string(),
        "import demo:app/log@1.0.0: missing, expected an interface \
         (there is \"demo:app/log@2.0.0\")"
    );
}

#[test]
fn versions_match_by_semantic_versioning() {
    let mut world = World::new();
    let counts: Vec<_> = ["a:b/c@1.2.0", "a:b/c@1.3.1", "a:b/c@0.2.5", "a:b/c@1.3.0"]
        .map(|name| {
            let count = Arc::new(AtomicU32::new(0));
            let instance = world.linker.instance(name).unwrap();
            instance.func("f", None, counter(&count)).unwrap();
            count
        })
        .into();
    for import in ["a:b/c@1.2.0", "a:b/c@1.2.7", "a:b/c@0.2.0", "a:b/c@1.0.0"] {
        let instance = world.instantiate(&calls(import, "f"));
        world.call::<_, ()>(&instance, "run", ()).unwrap();
    }
    let counts: Vec<_> = counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
    assert_eq!(counts, [1, 2, 1, 0]);
    for import in ["a:b/c@2.0.0", "a:b/c@0.3.0", "a:b/c@1.0.0-rc.1", "a:b/c"] {
        let error = world.try_instantiate(&calls(import, "f")).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Link, "{import}");
    }
}

#[test]
fn plain_names_find_the_interface_that_they_implement() {
    let mut world = World::new();
    let (general, primary) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let store = world.linker.instance("demo:kv/store@1.1.0").unwrap();
    store.func("f", None, counter(&general)).unwrap();
    let text = calls("primary", "f").replace(
        r#""primary" (instance"#,
        r#""primary" (implements "demo:kv/store@1.0.0") (instance"#,
    );
    let instance = world.instantiate(&text);
    world.call::<_, ()>(&instance, "run", ()).unwrap();
    world.linker.instance("primary").unwrap().func("f", None, counter(&primary)).unwrap();
    let instance = world.instantiate(&text);
    world.call::<_, ()>(&instance, "run", ()).unwrap();
    assert_eq!((general.load(Ordering::Relaxed), primary.load(Ordering::Relaxed)), (1, 1));
}

#[test]
fn interfaces_of_types_alone_need_no_definition() {
    let mut world = World::new();
    world.instantiate(
        r#"(component
            (import "demo:app/types" (instance $types
                (type $point' (record (field "x" u32)))
                (export "point" (type $point (eq $point')))
                (type $name (list string))
                (export "nested" (instance (alias outer 1 $name (type $name)) (export "name" (type (eq $name)))))))
            (alias export $types "point" (type $point))
            (import "origin" (type (eq $point))))"#,
    );
}

#[test]
fn a_name_is_defined_once() {
    let mut world = World::new();
    let root = world.linker.root();
    root.func("f", None, uncalled()).unwrap();
    for error in [
        root.func("f", None, uncalled()).err(),
        root.resource("f", ResourceType::new("f"), None).err(),
        root.instance("f").err(),
    ] {
        let error = error.expect("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert_eq!(error.to_string(), r#""f" is defined already"#);
    }
    root.instance("i").unwrap().func("f", None, uncalled()).unwrap();
    assert!(root.instance("i").unwrap().func("f", None, uncalled()).is_err());
}

const COUNTER: &str = r#"(component
    (core module $m
        (global $n (mut i32) (i32.const 0))
        (func (export "next") (result i32)
            (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))
        (func (export "new") (result i32) (i32.const 7)))
    (core instance $m (instantiate $m))
    (type $ticket (resource (rep i32)))
    (export $ticket' "ticket" (type $ticket))
    (core func $wrap (canon resource.new $ticket))
    (core module $w (import "" "wrap" (func $wrap (param i32) (result i32)))
        (func (export "buy") (result i32) (call $wrap (i32.const 42)))
        (func (export "number") (param i32) (result i32) (local.get 0)))
    (core instance $w (instantiate $w (with "" (instance (export "wrap" (func $wrap))))))
    (func $buy (result (own $ticket')) (canon lift (core func $w "buy")))
    (func $number (param "t" (borrow $ticket')) (result u32) (canon lift (core func $w "number")))
    (func $next (result u32) (canon lift (core func $m "next")))
    (export "buy" (func $buy))
    (export "number" (func $number))
    (export "next" (func $next))
    (instance $api (export "next" (func $next)))
    (export "demo:count/api@1.2.0" (instance $api)))"#;

const COUNTS: &str = r#"(component
    (import "demo:count/api@1.0.0" (instance $api (export "next" (func (result u32)))))
    (core func $next (canon lower (func $api "next")))
    (core module $m (import "" "next" (func $next (result i32)))
        (func (export "run") (result i32) (i32.add (call $next) (call $next))))
    (core instance $m (instantiate $m (with "" (instance (export "next" (func $next))))))
    (func (export "run") (result u32) (canon lift (core func $m "run"))))"#;

#[test]
fn instances_serve_the_imports_of_others() {
    let mut world = World::new();
    let counter = world.instantiate(COUNTER);
    world.linker.root().exports_of(&counter).unwrap();
    let counts = world.instantiate(COUNTS);
    assert_eq!(world.call::<_, u32>(&counts, "run", ()).unwrap(), 3);
    assert_eq!(world.call::<_, u32>(&counter, "demo:count/api@1.1.0#next", ()).unwrap(), 3);
    assert_eq!(world.call::<_, u32>(&counts, "run", ()).unwrap(), 9);
}

#[test]
fn resource_types_of_instances_are_compared_by_identity() {
    let mut world = World::new();
    let first = world.instantiate(COUNTER);
    let second = world.instantiate(COUNTER);
    let user = r#"(component
        (import "a" (instance $a
            (export "ticket" (type $ticket (sub resource)))
            (export "buy" (func (result (own $ticket))))))
        (alias export $a "ticket" (type $ticket))
        (import "b" (instance $b
            (alias outer 1 $ticket (type $ticket))
            (export "number" (func (param "t" (borrow $ticket)) (result u32)))))
        (core func $buy (canon lower (func $a "buy")))
        (core func $number (canon lower (func $b "number")))
        (core func $drop (canon resource.drop $ticket))
        (core module $m
            (import "" "buy" (func $buy (result i32)))
            (import "" "number" (func $number (param i32) (result i32)))
            (import "" "drop" (func $drop (param i32)))
            (func (export "run") (result i32) (local $t i32) (local $n i32)
                (local.set $t (call $buy))
                (local.set $n (call $number (local.get $t)))
                (call $drop (local.get $t))
                (local.get $n)))
        (core instance $m (instantiate $m (with "" (instance
            (export "buy" (func $buy)) (export "number" (func $number))
            (export "drop" (func $drop))))))
        (func (export "run") (result u32) (canon lift (core func $m "run"))))"#;
    world.linker.root().existing("a", &first).unwrap();
    let mut crossed = cmabi::component::Linker::new();
    crossed.root().existing("a", &first).unwrap();
    crossed.root().existing("b", &second).unwrap();
    let component = world.load(user);
    let error = crossed.check(&component).unwrap_err();
    assert_eq!(
        error.to_string(),
        "import b#number: expected func(t: borrow<ticket>) -> u32, \
         given func(t: borrow<ticket>) -> u32 (with another resource type of that name)"
    );
    world.linker.root().existing("b", &first).unwrap();
    let instance = world.linker.instantiate(&mut world.store.cx(), &component).unwrap();
    assert_eq!(world.call::<_, u32>(&instance, "run", ()).unwrap(), 42);
}

#[test]
fn instances_stay_in_their_store() {
    let mut world = World::new();
    let counter = world.instantiate(COUNTER);
    world.linker.root().exports_of(&counter).unwrap();
    world.store = Store::new(&*world.engine, &StoreConfig::default()).unwrap();
    let error = world.try_instantiate(COUNTS).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert_eq!(error.to_string(), "demo:count/api@1.0.0: defined by an instance of another store");
}

#[test]
fn core_modules_and_components_are_definitions_too() {
    let mut world = World::new();
    let wasm = wat::parse_str(r#"(module (func (export "f") (result i32) i32.const 5))"#).unwrap();
    let module = load_module(&world.engine, &wasm, &LoadLimits::default()).unwrap();
    world.linker.root().module("demo-module", module).unwrap();
    let part = world.load(COUNTER);
    world.linker.root().component("part", &part).unwrap();
    let instance = world.instantiate(
        r#"(component
            (import "demo-module" (core module $m (export "f" (func (result i32)))))
            (import "part" (component $part (export "next" (func (result u32)))))
            (core instance $m (instantiate $m))
            (instance $one (instantiate $part))
            (instance $two (instantiate $part))
            (func (export "f") (result u32) (canon lift (core func $m "f")))
            (export "one" (func $one "next"))
            (export "two" (func $two "next")))"#,
    );
    let mut call = |name: &str| world.call::<_, u32>(&instance, name, ()).unwrap();
    assert_eq!([call("f"), call("one"), call("one"), call("two")], [5, 1, 2, 1]);
    let error = world
        .try_instantiate(
            r#"(component
                (import "demo-module" (core module
                    (export "f" (func (result i64))) (export "g" (func))))
                (import "part" (component (export "next" (func (result u64))))))"#,
        )
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "3 imports do not fit:
  demo-module, export \"f\": expected (func (result i64)), given (func (result i32))
  demo-module, export \"g\": missing, expected (func)
  part, export next: expected func() -> u64, given func() -> u32"
    );
}

#[test]
fn instances_are_reflected_with_their_real_types() {
    let mut world = World::new();
    let instance = world.instantiate(COUNTER);
    let names: Vec<_> = instance.exports().map(|(name, _)| name).collect();
    assert_eq!(names, ["ticket", "buy", "number", "next", "demo:count/api@1.2.0"]);
    let Extern::Type(TypeDef::Resource(ticket)) = instance.export("ticket").unwrap() else {
        panic!("a resource type")
    };
    let buy = instance.func_type("buy").unwrap();
    let own = Type::new(cmabi::types::Kind::Own(ticket.clone())).unwrap();
    assert_eq!(buy.result(), Some(&own));
    let ExternType::Instance(api) = instance.export("demo:count/api@1.2.0").unwrap().ty() else {
        panic!("an instance")
    };
    assert_eq!(api.to_string(), "interface { next: func() -> u32; }");
    let message = |path: &str| instance.func(path).err().unwrap().to_string();
    assert_eq!(message("nxt"), r#"no export "nxt": there is "next""#);
    assert_eq!(message("ticket"), r#"export "ticket" is a resource type, not a function"#);
    assert_eq!(message("next#x"), r#"no export "next#x": "next" is a function, not an instance"#);
    assert_eq!(
        message("demo:count/api@2.0.0#next"),
        r#"no export "demo:count/api@2.0.0#next": there is "demo:count/api@1.2.0""#
    );
}
