//! What binaries make the host spend: bytes, counted by the allocator, and steps.
#![cfg(all(feature = "component", feature = "wasmi"))]

mod allocator;
mod binary;
mod code;
mod doubling;
mod faults;
mod stack;

use cmabi::component::{Component, Linker};
use cmabi::engine::Engine;
use cmabi::engine::wasmi::WasmiEngine;
use cmabi::error::{Error, ErrorKind};
use cmabi::runtime::{Store, StoreConfig};
use std::sync::Arc;

const MIB: usize = 1 << 20;

fn engine() -> Arc<dyn Engine> {
    Arc::new(WasmiEngine::default())
}

fn store(engine: &Arc<dyn Engine>) -> Store {
    Store::new(&**engine, &StoreConfig::default()).unwrap()
}

/// Makes an instance of a component, if it needs nothing, or asks what it needs.
fn link(engine: &Arc<dyn Engine>, component: &Component) -> Result<(), Error> {
    let linker = Linker::new();
    if component.ty().imports.is_empty() {
        return linker.instantiate(&mut store(engine).cx(), component).map(drop);
    }
    match linker.check(component) {
        Err(error) if error.kind() != ErrorKind::Link => Err(error),
        _ => Ok(()),
    }
}

#[test]
fn no_definition_that_refers_to_another_twice_costs_more_than_the_limit() {
    let engine = engine();
    for (kind, generate) in doubling::KINDS {
        let mut loaded = 0;
        for levels in [1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 20, 40, 90, 1000] {
            let wasm = generate(levels);
            let (peak, component) = allocator::peak(|| Component::load(&engine, &wasm));
            assert!(peak < 100 * MIB, "{kind}, {levels} levels: {peak} bytes");
            let component = match component {
                Ok(component) => component,
                Err(error) => {
                    let expected = matches!(error.kind(), ErrorKind::Limit)
                        || error.to_string().contains("exceeds the limit")
                        || error.to_string().contains("exceeds maximum");
                    assert!(expected, "{kind}, {levels} levels: {error}");
                    continue;
                }
            };
            loaded += 1;
            let charged = component.load_counts().bytes as usize;
            assert!(peak < charged + MIB, "{kind}, {levels} levels: {peak} for {charged} bytes");
            let (peak, result) = allocator::peak(|| link(&engine, &component));
            assert!(peak < 100 * MIB, "{kind}, {levels} levels: {peak} bytes to instantiate");
            let kind_of_error = result.map_err(|error| error.kind());
            assert!(matches!(kind_of_error, Ok(()) | Err(ErrorKind::Limit)), "{kind}");
        }
        assert!(loaded > 2, "{kind}: {loaded} components are valid and small enough");
    }
}

/// Components that toolchains made are far from the limits: those of the directory that the
/// environment names.
#[test]
fn real_components_are_far_from_the_limits() {
    let Some(dir) = std::env::var_os("CMABI_COMPONENTS") else { return };
    let engine = engine();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let wasm = std::fs::read(&path).unwrap();
        let start = std::time::Instant::now();
        let (peak, component) = allocator::peak(|| Component::load(&engine, &wasm).unwrap());
        let took = start.elapsed().as_millis();
        println!("{path:?} {} {peak} {took} ms {:?}", wasm.len(), component.load_counts());
    }
}

#[test]
fn items_that_are_only_announced_take_no_room() {
    let engine = engine();
    // The sections of a component and of a core module in it, each of a million items and one byte.
    for in_module in [false, true] {
        for id in 1..=13u8 {
            let section = [id, 4, 0xc0, 0x84, 0x3d, 0];
            let wasm = if in_module {
                let module = [&b"\0asm\x01\0\0\0"[..], &section].concat();
                [&b"\0asm\x0d\0\x01\0\x01"[..], &[module.len() as u8], &module].concat()
            } else {
                [&b"\0asm\x0d\0\x01\0"[..], &section].concat()
            };
            let (peak, component) = allocator::peak(|| Component::load(&engine, &wasm));
            assert!(component.is_err(), "section {id}");
            assert!(peak < MIB, "section {id}: {peak} bytes");
        }
    }
}

#[test]
fn memories_of_all_instances_are_bounded_together() {
    let engine = engine();
    let module = format!("(core module $m {})", "(memory 1)".repeat(100));
    let instances = "(core instance (instantiate $m))".repeat(1000);
    let wasm = wat::parse_str(format!("(component {module} {instances})")).unwrap();
    let component = Component::load(&engine, &wasm).unwrap();
    let config = StoreConfig { max_guest_bytes: 64 << 20, ..StoreConfig::default() };
    let mut store = Store::new(&*engine, &config).unwrap();
    let (peak, instance) =
        allocator::peak(|| Linker::new().instantiate(&mut store.cx(), &component));
    let error = instance.err().expect("6.4 GB do not fit");
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().contains("cmabi_config_set_max_guest_bytes"), "{error}");
    assert!(peak < 100 * MIB, "{peak}");
    assert!(store.shared().guest_memory.used() <= 64 << 20);
}
