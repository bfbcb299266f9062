//! Native stack: what nests in a binary is walked by recursion, and must fit on a small thread.

use crate::binary::*;
use crate::{engine, link};
use cmabi::component::Component;
use cmabi::error::{Error, ErrorKind};

/// What a thread has that is small: musl's default is 128 KiB, that of macOS for other threads than
/// the main one 512 KiB.
const STACK: usize = 384 << 10;

/// Loads and instantiates a component on a small thread.
fn run(wasm: Bytes) -> Result<(), Error> {
    let body = move || {
        let engine = engine();
        link(&engine, &Component::load(&engine, &wasm)?)
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(body);
    thread.unwrap().join().expect("the thread ends")
}

/// The deepest that is allowed, and what the error says beyond it.
fn bounded(generate: impl Fn(usize) -> Bytes, deepest: usize, message: &str) {
    run(generate(deepest)).unwrap();
    for deeper in [deepest + 1, deepest + 30, 1_000, 20_000] {
        let error = run(generate(deeper)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{deeper} levels: {error}");
        assert!(error.to_string().contains(message), "{deeper} levels: {error}");
    }
}

#[test]
fn types_inside_of_one_another() {
    let nested = |levels: usize| {
        let leaf = instance_type(&[] as &[Bytes]);
        let ty = (1..levels).fold(leaf, |ty, _| instance_type(&[declare_type(&ty)]));
        component(&[types(&[ty])])
    };
    bounded(nested, 30, "types nest more than 30 deep");
}

#[test]
fn types_that_mention_one_another() {
    let chain = |levels: usize| {
        let mut all = vec![instance_type(&[declare_export("r", RESOURCE)])];
        for level in 1..levels {
            let export = declare_export("a", &instance(0));
            all.push(instance_type(&[declare_alias(1, level - 1), export]));
        }
        component(&[types(&all), imports(&[("x", instance(levels - 1))])])
    };
    bounded(chain, 29, "types nest more than 30 deep");
}

#[test]
fn component_types_that_mention_one_another() {
    let chain = |levels: usize| {
        let mut all = vec![component_type(&[] as &[Bytes])];
        for level in 1..levels {
            let import = declare_import("a", &a_component(0));
            all.push(component_type(&[declare_alias(1, level - 1), import]));
        }
        let top = levels - 1;
        let inner = component(&[aliases(&[outer_type(1, top)]), imports(&[("x", a_component(0))])]);
        component(&[
            types(&all),
            imports(&[("x", a_component(top))]),
            nested(&inner),
            instances(&[instantiate(1, &[("x", a_component(0))])]),
        ])
    };
    bounded(chain, 29, "types nest more than 30 deep");
}

#[test]
fn value_types_that_mention_one_another() {
    let chain = |levels: usize| {
        let mut all = vec![tuple(&[[0x79]])];
        all.extend((1..levels).map(|level| tuple(&[value(level - 1)])));
        all.push(func_type(&[("p", value(levels - 1))]));
        component(&[types(&all), imports(&[("x", func(levels))])])
    };
    bounded(chain, 97, "deep");
}

#[test]
fn components_inside_of_one_another() {
    let chain = |levels: usize| {
        let mut inner = component(&[] as &[Bytes]);
        for _ in 1..levels {
            let made = instances(&[instantiate(0, &[])]);
            inner = component(&[nested(&inner), made, exports(&[("a", instance(0))])]);
        }
        inner
    };
    bounded(chain, 30, "nest more than 30 deep");
}

#[test]
fn instances_inside_of_one_another() {
    let chain = |levels: usize| {
        let mut sections = vec![nested(&component(&[] as &[Bytes]))];
        for level in 1..levels {
            let alias = aliases(&[cat(&[&[4, 2, 1], &leb(level - 1)])]);
            sections.push(nested(&component(&[alias, instances(&[instantiate(0, &[])])])));
        }
        sections.push(instances(&[instantiate(levels - 1, &[])]));
        component(&sections)
    };
    // The outermost instance is the component's own.
    run(chain(49)).unwrap();
    for deeper in [50, 100, 900] {
        let error = run(chain(deeper)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert_eq!(error.to_string(), "component instances nest more than 50 deep");
    }
}
