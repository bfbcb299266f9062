//! What calls of components cost in the wasmtime crate, typed and with its default settings. Prints a line for each
//! operation: its name and nanoseconds. `bench.cpp` prints the same of libcmabi. With `--without-concurrency` that
//! is off, and what needs it is left out.

use std::time::Instant;
use wasmtime::component::{Component, ComponentType, Lift, Linker, Lower};
use wasmtime::{Config, Engine, Store};

#[derive(Clone, ComponentType, Lift, Lower)]
#[component(record)]
struct Point {
    a: u32,
    b: f64,
    c: u8,
}

/// The best of many rounds, for each of `per_call` turns of a call.
fn report(name: &str, calls: u32, per_call: u32, call: impl FnMut()) {
    report_rounds(name, calls, per_call, 50, call);
}

fn report_rounds(name: &str, calls: u32, per_call: u32, rounds: u32, mut call: impl FnMut()) {
    let mut best = f64::MAX;
    for _ in 0..rounds {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(calls * per_call));
    }
    println!("{name}\t{best:.1}");
}

fn main() -> wasmtime::Result<()> {
    let mut files: Vec<String> = std::env::args().skip(1).collect();
    let is_concurrent = files.first().is_none_or(|first| first != "--without-concurrency");
    if !is_concurrent {
        files.remove(0);
    }
    let mut config = Config::new();
    config.concurrency_support(is_concurrent);
    let engine = Engine::new(&config)?;
    let component = Component::from_file(&engine, &files[0])?;
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
    let matrix = func!("matrix": (u32,) => (f64,));
    let json = func!("json": (u32,) => (u32,));
    report_rounds("fib(32)", 1, 1, 20, || {
        assert_eq!(fib.call(&mut store, (32,)).unwrap(), (2_178_309,));
    });
    report_rounds("product of 200x200 matrices", 1, 1, 20, || {
        matrix.call(&mut store, (200,)).unwrap();
    });
    report_rounds("JSON, 1 MB", 1, 1, 20, || {
        assert_eq!(json.call(&mut store, (10_000,)).unwrap(), (230_000,));
    });
    if !is_concurrent {
        return Ok(());
    }
    pair(&files[1])?;
    loading("one function", &files[2], 50)?;
    if let Some(large) = files.get(3) {
        loading("large", large, 2)?;
    }
    Ok(())
}

/// Calls between guests.
fn pair(file: &str) -> wasmtime::Result<()> {
    let engine = Engine::default();
    let component = Component::from_file(&engine, file)?;
    let mut store = Store::new(&engine, ());
    let pair = block_on(Linker::new(&engine).instantiate_async(&mut store, &component))?;
    let mut func = |name: &str| pair.get_typed_func::<(u32,), ()>(&mut store, name);
    let (ids, lists, laters, pump) = (func("ids")?, func("lists")?, func("laters")?, func("pump")?);
    let contexts = func("contexts")?;
    let now = pair.get_typed_func::<(), ()>(&mut store, "now")?;
    report("guest calls guest: func(u32) -> u32", 10, 1_000, || {
        block_on(ids.call_async(&mut store, (1_000,))).unwrap();
    });
    report("guest calls guest: func(list<u8> 64 KiB)", 1, 1_000, || {
        block_on(lists.call_async(&mut store, (1_000,))).unwrap();
    });
    report("host calls guest: async func(), at once", 1_000, 1, || {
        block_on(now.call_async(&mut store, ())).unwrap();
    });
    report("guest calls guest: async func(), blocks once", 1, 1_000, || {
        block_on(laters.call_async(&mut store, (1_000,))).unwrap();
    });
    report("stream between guests, 64 KiB", 1, 1_000, || {
        block_on(pump.call_async(&mut store, (1_000,))).unwrap();
    });
    report("context.get, context.set", 10, 1_000, || {
        block_on(contexts.call_async(&mut store, (1_000,))).unwrap();
    });
    Ok(())
}

/// Loading a component: compiled, and as a file with its code.
fn loading(name: &str, file: &str, rounds: u32) -> wasmtime::Result<()> {
    let engine = Engine::default();
    let wasm = std::fs::read(file)?;
    report_rounds(&format!("load: {name}"), 1, 1, rounds, || {
        Component::new(&engine, &wasm).unwrap();
    });
    let code = format!("{file}.cwasm");
    std::fs::write(&code, Component::new(&engine, &wasm)?.serialize()?)?;
    report_rounds(&format!("load: {name}, precompiled"), 1, 1, 200, || {
        // SAFETY: it was just written.
        unsafe { Component::deserialize_file(&engine, &code) }.unwrap();
    });
    Ok(())
}

/// Runs a future that waits for nothing but guests.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
    }
}
