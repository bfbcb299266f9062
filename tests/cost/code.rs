//! Core modules: instructions that move many values, locals, and what an engine keeps of modules that
//! are gone.

use crate::binary::*;
use crate::{MIB, allocator, engine, store};
use cmabi::component::{Component, Linker};
use cmabi::engine::wasmi::WasmiEngine;
use cmabi::engine::{Engine, EngineStoreConfig};
use cmabi::error::{Error, ErrorKind};
use cmabi::runtime::{Store, StoreConfig};
use std::process::Command;
use std::sync::Arc;

const BLOCK: u8 = 0x02;
const LOOP: u8 = 0x03;
const END: u8 = 0x0b;
const BR_IF: u8 = 0x0d;
const BR_TABLE: u8 = 0x0e;
const CALL: u8 = 0x10;
const DROP: u8 = 0x1a;
const UNREACHABLE: u8 = 0x00;
const I32_CONST: u8 = 0x41;

/// A component with a core module of one function, of a type without parameters and results. Type 1
/// has a thousand parameters, type 2 a thousand results.
fn with_code(code: &[u8]) -> Bytes {
    with_functions(&[cat(&[&[0], code, &[END]])])
}

/// The bodies of functions without parameters and results.
fn with_functions(bodies: &[Bytes]) -> Bytes {
    let many = |n: usize| cat(&[&leb(n), &vec![0x7f; n]]);
    let function_types = [
        cat(&[&[0x60, 0, 0]]),
        cat(&[&[0x60], &many(1000), &[0]]),
        cat(&[&[0x60, 0], &many(1000)]),
    ];
    let bodies: Vec<Bytes> = bodies.iter().map(|body| cat(&[&leb(body.len()), body])).collect();
    let core = module(&[
        section(1, &vec(&function_types)),
        section(3, &vec(&vec![[0]; bodies.len()])),
        section(10, &vec(&bodies)),
    ]);
    component(&[core_module(&core), section(2, &vec(&[[0, 0, 0]]))])
}

fn load(wasm: &[u8]) -> Result<Component, Error> {
    Component::load(&engine(), wasm)
}

#[track_caller]
fn too_much_work(wasm: &[u8]) {
    let error = load(wasm).err().expect("it is refused");
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    assert!(error.to_string().contains("work of loading a component"), "{error}");
    assert!(error.to_string().contains("cmabi_config_set_max_load_work"), "{error}");
}

/// A block with a thousand results, around `code` and the end of it.
fn wide_block(code: &[u8]) -> Bytes {
    cat(&[&[BLOCK, 2], code, &[UNREACHABLE, END, UNREACHABLE]])
}

/// A `br_table` of so many targets that carries nothing.
fn table(targets: usize) -> Bytes {
    let start = [BLOCK, 0x40, I32_CONST, 0, BR_TABLE];
    cat(&[&start, &leb(targets), &vec![0; targets + 1], &[END]])
}

#[test]
fn values_that_branches_carry_are_counted() {
    let targets = 600_000;
    let wide = cat(&[&[UNREACHABLE, I32_CONST, 0, BR_TABLE], &leb(targets), &vec![0; targets + 1]]);
    too_much_work(&with_code(&wide_block(&wide)));
    too_much_work(&with_code(&wide_block(
        &[&[UNREACHABLE][..], &[BR_IF, 0].repeat(100_000)].concat(),
    )));
    // As many branches without values are in proportion to the binary.
    let counts = load(&with_code(&table(60_000))).unwrap().load_counts();
    assert!(counts.work < 100, "{counts:?}");
}

#[test]
fn values_that_blocks_and_calls_take_are_counted() {
    let unreachable = |code: &[u8]| with_code(&cat(&[&[UNREACHABLE], code]));
    too_much_work(&unreachable(&[LOOP, 1, UNREACHABLE, END].repeat(50_000)));
    too_much_work(&unreachable(&[BLOCK, 2, UNREACHABLE, END].repeat(50_000)));
    // A function of type 1 calls itself.
    let many = cat(&[&leb(1000), &[0x7f; 1000]]);
    let body = cat(&[&[0, UNREACHABLE], &[CALL, 0].repeat(50_000), &[END]]);
    let core = module(&[
        section(1, &vec(&[cat(&[&[0x60], &many, &[0]])])),
        section(3, &vec(&[[0]])),
        section(10, &vec(&[cat(&[&leb(body.len()), &body])])),
    ]);
    too_much_work(&component(&[core_module(&core)]));
}

#[test]
fn locals_are_counted() {
    let body = cat(&[&[1], &leb(30_000), &[0x7f, END]]);
    too_much_work(&with_functions(&vec![body; 20_000]));
}

#[test]
fn modules_are_counted() {
    let modules = component(&vec![core_module(&module(&[] as &[Bytes])); 500]);
    load(&modules).unwrap();
    let error = load(&component(&vec![nested(&modules); 20])).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    assert!(error.to_string().contains("modules and components count exceeds"), "{error}");
}

#[test]
fn many_locals_do_not_run_where_fuel_is_metered() {
    let instantiate = |locals: usize, fuel: Option<u64>| {
        let engine = engine();
        let body = cat(&[&[1], &leb(locals), &[0x7f, END]]);
        let component = Component::load(&engine, &with_functions(&[body]))?;
        let limits = EngineStoreConfig { fuel, ..EngineStoreConfig::default() };
        let config = StoreConfig { engine: limits, ..StoreConfig::default() };
        let mut store = Store::new(&*engine, &config)?;
        Linker::new().instantiate(&mut store.cx(), &component).map(drop)
    };
    instantiate(20_000, None).unwrap();
    // Types with a thousand parameters may be those of any function.
    instantiate(4_000, Some(1_000_000)).unwrap();
    let error = instantiate(20_000, Some(1_000_000)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    assert!(error.to_string().contains("has 21000 locals, which is more than 5000"), "{error}");
}

/// A component of some 20 KiB with a module of 500 functions, that differs by `seed`.
fn small(seed: u8) -> Bytes {
    let body = cat(&[&[0], &[I32_CONST, seed & 0x3f, DROP].repeat(12), &[END]]);
    with_functions(&vec![body; 500])
}

#[test]
fn an_engine_does_not_keep_modules_that_are_gone() {
    let wasmi = Arc::new(WasmiEngine::default());
    let engine: Arc<dyn Engine> = wasmi.clone();
    let mut kept = store(&engine);
    let first = Component::load(&engine, &small(0)).unwrap();
    Linker::new().instantiate(&mut kept.cx(), &first).unwrap();
    let before = allocator::live();
    for seed in 0..400 {
        let component = Component::load(&engine, &small(seed as u8)).unwrap();
        if seed % 50 == 0 {
            Linker::new().instantiate(&mut store(&engine).cx(), &component).unwrap();
        }
    }
    let [plain, _] = wasmi.code_counts();
    assert!(plain.generations > 3, "{plain:?}");
    assert!(plain.dead <= 3 << 20, "{plain:?}");
    assert_eq!(plain.live, 0, "what is kept is in an older generation");
    let grown = allocator::live().saturating_sub(before);
    assert!(grown < 16 * MIB, "{grown} bytes are left of 400 loads");
    // What was loaded before runs in stores of both.
    Linker::new().instantiate(&mut kept.cx(), &first).unwrap();
    Linker::new().instantiate(&mut store(&engine).cx(), &first).unwrap();
    assert!(wasmi.code_counts()[0].live > 0);
    drop(first);
    assert_eq!(wasmi.code_counts()[0].live, 0);
}

/// In a process that has not enough for what would be kept otherwise, 75 MB.
#[test]
fn loads_and_frees_go_on_in_a_small_address_space() {
    const CHILD: &str = "CMABI_COST_CHILD";
    let name = "code::loads_and_frees_go_on_in_a_small_address_space";
    if std::env::var_os(CHILD).is_some() {
        let engine = engine();
        let wasm = with_code(&[&[0xfd, 0x0c][..], &[0; 16], &[DROP]].concat().repeat(12_600));
        (0..320).for_each(|_| drop(Component::load(&engine, &wasm).unwrap()));
        return;
    }
    let test = std::env::current_exe().unwrap();
    let limited = format!("ulimit -v 98304; exec '{}' --exact {name}", test.display());
    let output = Command::new("sh").args(["-c", &limited]).env(CHILD, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}
