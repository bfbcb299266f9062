//! What is wrong with the input is said, with the place.

use cmabi_bindgen::{Input, Language, Options, generate};
use std::path::Path;

fn message(text: &str, world: Option<&str>) -> String {
    match Input::parse("t.wit", text, world) {
        Ok(_) => panic!("{text} is taken"),
        Err(error) => error.to_string(),
    }
}

fn cannot_generate(text: &str, language: Language) -> String {
    let input = Input::parse("t.wit", text, None).unwrap_or_else(|error| panic!("{error}"));
    match generate(input, language, &Options::default()) {
        Ok(_) => panic!("{text} is generated for"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn malformed_wit_has_a_place() {
    let error = message("package a:b;\ninterface i {\n  type t = ;\n}", None);
    assert!(error.contains("t.wit:3:12"), "{error}");
    let error = message("package a:b;\nworld w { import nothing; }", None);
    assert!(error.contains("t.wit:2:18") && error.contains("nothing"), "{error}");
}

#[test]
fn an_unknown_world_comes_with_those_that_there_are() {
    let text = "package a:b; world one {} world two {}";
    let error = message(text, Some("three"));
    assert!(error.contains("three"), "{error}");
    assert!(error.contains("there are a:b/one, a:b/two"), "{error}");
    let error = message(text, None);
    assert!(error.contains("a:b/one") && error.contains("a:b/two"), "{error}");
    assert!(message("package a:b;", None).contains("no worlds"));
}

#[test]
fn a_core_module_is_no_component() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("core.wasm");
    std::fs::write(&path, b"\0asm\x01\0\0\0").unwrap();
    let error = Input::load(&path, None).err().unwrap().to_string();
    assert!(error.contains("core.wasm: a core module, not a component"), "{error}");
    assert!(error.contains("wasm-tools component new"), "{error}");
    std::fs::write(&path, b"\0asm\x0d\0\x01\0\xff").unwrap();
    let error = Input::load(&path, None).err().unwrap().to_string();
    assert!(error.contains("core.wasm"), "{error}");
    let error = Input::load(Path::new("/no/such/file.wit"), None).err().unwrap().to_string();
    assert!(error.contains("/no/such/file.wit"), "{error}");
}

#[test]
fn what_components_cannot_have_is_refused() {
    let labels: Vec<_> = (0..33).map(|i| format!("l{i}")).collect();
    let text = format!(
        "package a:b; interface i {{ flags f {{ {} }} g: func(f: f); }} world w {{ import i; }}",
        labels.join(", ")
    );
    let error = message(&text, None);
    assert!(error.contains("cannot have more than 32 flags"), "{error}");
    let error = message("package a:b; world w { export f: func(a: tuple<>); }", None);
    assert!(error.contains("tuple"), "{error}");
}

#[test]
fn two_items_for_one_name_are_both_named() {
    // `a-b` has `c-d` and `a` has `b-c-d`, which is one name where there are only underscores.
    let text = "package x:y;
        interface a { enum b-c { d } f: func() -> b-c; }
        interface a-b { enum c { d } f: func() -> c; }
        world w { import a; import a-b; }";
    let error = cannot_generate(text, Language::C);
    assert!(error.contains("type `b-c` of import `x:y/a`"), "{error}");
    assert!(error.contains("type `c` of import `x:y/a-b`"), "{error}");
    assert!(error.contains("`x_y_a_b_c`"), "{error}");
    // In C++ they are in different namespaces.
    let input = Input::parse("t.wit", text, None).unwrap_or_else(|error| panic!("{error}"));
    assert!(generate(input, Language::Cpp, &Options::default()).is_ok());
}

#[test]
fn a_function_that_is_not_there_comes_with_those_that_are() {
    let text = "package a:b@1.0.0; interface i { resource r { m: func(); } f: func(); } \
                world w { import i; export i; export g: async func(); }";
    let message = |names: &str| {
        let input = Input::parse("t.wit", text, None).unwrap();
        let options = Options { asyncs: vec![names.into()], ..Options::default() };
        generate(input, Language::C, &options).err().map(|error| error.to_string())
    };
    let there = "there are a:b/i@1.0.0#[method]r.m, a:b/i@1.0.0#f, g";
    for name in ["h", "r", "j#f", "i#g", "a:b/i@2.0.0#f", ""] {
        let expected = format!("no function of world `w` is called `{name}`; {there}");
        assert_eq!(message(&format!("g, {name}")), Some(expected));
    }
    let input = Input::parse("t.wit", "package a:b; world w {}", None).unwrap();
    let options = Options { asyncs: vec!["f".into()], ..Options::default() };
    let error = generate(input, Language::Cpp, &options).unwrap_err().to_string();
    assert!(error.ends_with("is called `f`; there are none"), "{error}");
}

#[test]
fn a_namespace_is_an_identifier() {
    let input = Input::parse("t.wit", "package a:b; world w {}", None).unwrap();
    let options = Options { namespace: Some("1st".into()), ..Options::default() };
    let error = generate(input, Language::Cpp, &options).unwrap_err().to_string();
    assert!(error.contains("\"1st\""), "{error}");
}
