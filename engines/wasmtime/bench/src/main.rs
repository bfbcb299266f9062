//! What calls of components cost in the wasmtime crate, typed and with its default settings. Prints a line for each
//! operation: its name and nanoseconds. `bench.cpp` prints the same of libcmabi.

use std::time::Instant;
use wasmtime::component::{Component, ComponentType, Lift, Linker, Lower};
use wasmtime::{Engine, Store};

#[derive(Clone, ComponentType, Lift, Lower)]
#[component(record)]
struct Point {
    a: u32,
    b: f64,
    c: u8,
}

/// The best of many rounds, for each of `per_call` turns of a call.
fn report(name: &str, calls: u32, per_call: u32, mut call: impl FnMut()) {
    let mut best = f64::MAX;
    for _ in 0..50 {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(calls * per_call));
    }
    println!("{name}\t{best:.1}");
}

fn main() -> wasmtime::Result<()> {
    let wasm = std::fs::read(std::env::args().nth(1).expect("the guest"))?;
    let engine = Engine::default();
    let component = Component::new(&engine, wasm)?;
    let mut linker = Linker::new(&engine);
    linker.root().func_wrap("host", |_, (x,): (u32,)| Ok((x,)))?;
    let mut store = Store::new(&engine, ());
    let guest = linker.instantiate(&mut store, &component)?;
    macro_rules! func {
        ($name:literal: $params:ty => $results:ty) => {
            guest.get_typed_func::<$params, $results>(&mut store, $name)?
        };
    }
    let add = func!("add": (u32, u32) => (u32,));
    let call_host = func!("call-host": (u32,) => ());
    let take_string = func!("take-string": (&str,) => ());
    let give_string = func!("give-string": () => (String,));
    let take_records = func!("take-records": (&[Point],) => ());
    let give_records = func!("give-records": () => (Vec<Point>,));
    let take_strings = func!("take-strings": (&[&str],) => ());
    let fib = func!("fib": (u32,) => (u32,));

    let points = vec![Point { a: 1, b: 2.0, c: 3 }; 10_000];
    let strings = vec!["sixteen letters!"; 10_000];
    report("host calls guest: func(u32, u32) -> u32", 10_000, 1, || {
        assert_eq!(add.call(&mut store, (1, 2)).unwrap(), (3,));
    });
    report("guest calls host: func(u32) -> u32", 10, 1_000, || {
        call_host.call(&mut store, (1_000,)).unwrap();
    });
    report("func(string 16 B)", 10_000, 1, || {
        take_string.call(&mut store, ("sixteen letters!",)).unwrap();
    });
    report("func() -> string 16 B", 10_000, 1, || {
        assert_eq!(give_string.call(&mut store, ()).unwrap().0.len(), 16);
    });
    report("func(list<record{u32,f64,u8}> 10,000)", 20, 1, || {
        take_records.call(&mut store, (&points,)).unwrap();
    });
    report("func() -> list<record{u32,f64,u8}> 10,000", 20, 1, || {
        assert_eq!(give_records.call(&mut store, ()).unwrap().0.len(), 10_000);
    });
    report("func(list<string 16 B> 10,000)", 10, 1, || {
        take_strings.call(&mut store, (&strings,)).unwrap();
    });
    report("fib(27)", 1, 1, || {
        assert_eq!(fib.call(&mut store, (27,)).unwrap(), (196_418,));
    });
    Ok(())
}
