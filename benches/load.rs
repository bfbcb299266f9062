//! What it takes to load components and to make instances of them, beside what the engine needs for their core
//! modules alone; and whether a load grows with the size of the binary and no faster, for each kind of definition.
//!
//! `cargo bench --bench load [-- FILTER]`; `CMABI_BENCH_LARGE` may name one more component. For the second, components
//! have 1,000, 2,000, 4,000 and 8,000 definitions of each kind, fewer of those of which validation allows no more than
//! a thousand. A straight line has the same figures in each column.

#[allow(dead_code, reason = "some is for other benchmarks")]
#[path = "support/allocator.rs"]
mod allocator;
#[allow(dead_code, reason = "some is for tests")]
#[path = "../tests/cost/binary.rs"]
mod binary;

#[allow(dead_code, reason = "some is for other benchmarks")]
#[path = "support/components.rs"]
mod components;
#[path = "support/report.rs"]
mod report;

use binary::*;
use cmabi::component::{Component, Linker, LoadLimits};
use cmabi::engine::Engine;
use cmabi::engine::wasmi::WasmiEngine;
use cmabi::runtime::Cx;
use std::sync::Arc;
use std::time::{Duration, Instant};

type Generator = fn(usize) -> Bytes;

/// What grows, and how many there are at first.
const KINDS: &[(&str, usize, Generator)] = &[
    ("value types", 1000, |n| component(&[types(&vec![tuple(&[[0x79], [0x7d]]); n])])),
    ("function types", 1000, |n| {
        component(&[types(&vec![func_type(&[("a", vec![0x79]), ("b", vec![0x73])]); n])])
    }),
    ("instance types", 1000, |n| {
        let ty = instance_type(&[declare_type(&func_type(&[])), declare_export("f", &func(0))]);
        component(&[types(&vec![ty; n])])
    }),
    ("imports of functions", 1000, |n| {
        let names: Vec<String> = (0..n).map(|i| format!("f{i}")).collect();
        let uses: Vec<_> = names.iter().map(|name| (&**name, func(0))).collect();
        component(&[types(&[func_type(&[])]), imports(&uses)])
    }),
    ("exports of an instance type", 1000, |n| {
        let mut decls = vec![declare_type(&func_type(&[]))];
        decls.extend((0..n).map(|i| declare_export(&format!("f{i}"), &func(0))));
        component(&[types(&[instance_type(&decls)]), imports(&[("x", instance(0))])])
    }),
    ("resource types of an instance type", 1000, |n| {
        let decls: Vec<_> = (0..n).map(|i| declare_export(&format!("r{i}"), RESOURCE)).collect();
        component(&[types(&[instance_type(&decls)]), imports(&[("x", instance(0))])])
    }),
    ("aliases of types", 1000, |n| {
        let ty = instance_type(&[declare_export("r", RESOURCE)]);
        let taken = aliases(&vec![export_alias(3, 0, "r"); n]);
        component(&[types(&[ty]), imports(&[("x", instance(0))]), taken])
    }),
    ("instances", 100, |n| component(&[instances(&vec![bundle(&[]); n])])),
    ("components", 100, |n| component(&vec![nested(&component(&[] as &[Bytes])); n])),
    ("core modules", 100, |n| component(&vec![core_module(&module(&[] as &[Bytes])); n])),
    ("functions of a core module", 1000, |n| {
        let core = module(&[
            section(1, &vec(&[[0x60, 0, 0]])),
            section(3, &vec(&vec![[0]; n])),
            section(10, &vec(&vec![[5, 0, 0x41, 0, 0x1a, 0x0b]; n])),
        ]);
        component(&[core_module(&core)])
    }),
    ("instructions of a function", 1000, |n| {
        let body = cat(&[&[0], &[0x41, 0, 0x1a].repeat(n), &[0x0b]]);
        let core = module(&[
            section(1, &vec(&[[0x60, 0, 0]])),
            section(3, &vec(&[[0]])),
            section(10, &vec(&[cat(&[&leb(body.len()), &body])])),
        ]);
        component(&[core_module(&core)])
    }),
];

fn main() {
    loads();
    if report::is_wanted("growth") {
        growth();
    }
}

/// Each component beside its modules alone.
fn loads() {
    report::head("libcmabi", "wasmi alone", "");
    let adder = components::of_c_suite("adder.wat");
    bench_load("load a component of one function", &adder);
    instantiations(&adder);
    bench_load("load a greeter in C", &components::greeter());
    if let Ok(path) = std::env::var("CMABI_BENCH_LARGE") {
        let large = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        bench_load(&format!("load {} bytes", large.len()), &large);
    }
}

/// The peer loads the component's core modules into the engine. That keeps what it has compiled, so that it is replaced
/// now and then, as the library does.
fn bench_load(name: &str, wasm: &[u8]) {
    if !report::is_wanted(name) {
        return;
    }
    let modules = components::core_modules(wasm);
    let binary = cmabi::component::copied(wasm).unwrap();
    let engine: Arc<dyn Engine> = Arc::new(WasmiEngine::default());
    let (mut peer, mut held) = (wasmi::Engine::default(), 0);
    let (ours, peer) = report::race(
        || {
            Component::load_within(&engine, binary.clone(), &LoadLimits::default()).unwrap();
        },
        || {
            if held > 2 << 20 {
                (peer, held) = (wasmi::Engine::default(), 0);
            }
            for module in &modules {
                wasmi::Module::new(&peer, module).unwrap();
                held += module.len();
            }
        },
    );
    report::line("component", name, (ours, peer), &[], "");
}

/// Instances of a component of one module without imports, and of the module alone.
fn instantiations(wasm: &[u8]) {
    let engine: Arc<dyn Engine> = Arc::new(WasmiEngine::default());
    let component = Component::load(&engine, wasm).unwrap();
    let linker = Linker::new();
    let pre = linker.prepare(&component).unwrap();
    let peer = wasmi::Engine::default();
    let module = wasmi::Module::new(&peer, components::core_modules(wasm)[0]).unwrap();
    let alone = || {
        let mut store = wasmi::Store::new(&peer, ());
        in_one_store(|| {
            wasmi::Instance::new(&mut store, &module, &[]).unwrap();
        })
    };
    let bench = |name: &str, instantiate: &dyn Fn(&mut Cx<'_>)| {
        if !report::is_wanted(name) {
            return;
        }
        let ours = || {
            let mut store = components::roomy_store(&*engine);
            in_one_store(|| instantiate(&mut store.cx()))
        };
        let mut best = [f64::INFINITY; 2];
        for _ in 0..100 {
            best[0] = best[0].min(ours());
            best[1] = best[1].min(alone());
        }
        report::line("component", name, best.into(), &[], "");
    };
    bench("instantiate it", &|cx| {
        linker.instantiate(cx, &component).unwrap();
    });
    bench("instantiate it, prepared", &|cx| {
        pre.instantiate(cx).unwrap();
    });
}

/// Nanoseconds for each of many instances. A store keeps them, and is not part of what is timed.
fn in_one_store(mut instantiate: impl FnMut()) -> f64 {
    const COUNT: u32 = 1000;
    let start = Instant::now();
    (0..COUNT).for_each(|_| instantiate());
    start.elapsed().as_nanos() as f64 / f64::from(COUNT)
}

/// Whether a load grows with the binary.
fn growth() {
    println!(
        "\nns and bytes of memory for each byte of the binary, at 1, 2, 4 and 8 times the size"
    );
    println!("{:<36} {:>36} {:>36}", "", "ns", "bytes");
    for (kind, first, generate) in KINDS {
        let engine: Arc<dyn Engine> = Arc::new(WasmiEngine::default());
        let points: Vec<_> = [1, 2, 4, 8]
            .iter()
            .map(|times| {
                let wasm = generate(first * times);
                let (time, bytes) = measure(&engine, &wasm);
                let size = wasm.len() as f64;
                let each = (time.as_nanos() as f64 / size, bytes as f64 / size);
                report::record(
                    "load",
                    &[
                        ("kind", kind),
                        ("bytes of the binary", &wasm.len()),
                        ("ns for each byte", &report::round(each.0)),
                        ("bytes for each byte", &report::round(each.1)),
                    ],
                );
                each
            })
            .collect();
        print!("{kind:<36}");
        points.iter().for_each(|(time, _)| print!(" {time:>8.1}"));
        points.iter().for_each(|(_, bytes)| print!(" {bytes:>8.1}"));
        println!();
    }
}

/// The least time that a load takes, and what is allocated for the component.
fn measure(engine: &Arc<dyn Engine>, wasm: &[u8]) -> (Duration, usize) {
    let before = allocator::live_bytes();
    let component = Component::load(engine, wasm).unwrap();
    let bytes = allocator::live_bytes() - before;
    drop(component);
    let time = || {
        let start = Instant::now();
        let component = Component::load(engine, wasm).unwrap();
        let time = start.elapsed();
        drop(component);
        time
    };
    ((0..20).map(|_| time()).min().expect("there are times"), bytes)
}
