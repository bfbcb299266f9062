//! Calls and what they are made of, against the same core calls made with the engine alone.
//!
//! `cargo bench --bench call [-- FILTER]`. Each line is the best of many rounds, in which the two
//! take turns. The last columns are what an operation takes longer than its peer, and how often it
//! allocates once it has run before.

#[path = "../support/allocator.rs"]
mod allocator;
mod asynchronous;
mod builtins;
#[path = "../support/c.rs"]
mod c;
mod fibers;
#[path = "../support/guests.rs"]
mod guests;
#[path = "../support/report.rs"]
mod report;
mod resources;
mod sync;

use cmabi::canon;
use cmabi::engine::{CoreFunc, EngineStore, Flow};
use cmabi::runtime::InstanceId;
use cmabi::types::Type;
use guests::{Core, Guests, func_type, returned};

/// What a loop in a guest does at a time.
const TIMES: u32 = 1000;

/// Measures `ours` against `peer`; both do what is measured `times` times.
fn bench(name: &str, times: u32, mut ours: impl FnMut(), peer: impl FnMut()) {
    if !report::is_wanted(name) {
        return;
    }
    (0..10).for_each(|_| ours());
    let before = allocator::allocations();
    (0..10).for_each(|_| ours());
    let allocations = (allocator::allocations() - before) as f64 / f64::from(10 * times);
    let (ours, peer) = report::race(ours, peer);
    let (ours, peer) = (ours / f64::from(times), peer / f64::from(times));
    let rest = format!("{:>+12.1} ns {allocations:>11.2}", ours - peer);
    report::line("call", name, (ours, peer), &[("allocations", allocations)], &rest);
}

fn main() {
    report::head("libcmabi", "peer", &format!("{:>15} {:>11}", "difference", "allocations"));
    sync::host_to_guest();
    sync::from_c();
    sync::engine();
    sync::guest_to_host();
    sync::guest_to_guest();
    sync::metered();
    asynchronous::bench_all();
    builtins::bench_all();
    resources::bench_all();
    fibers::bench_all();
}

/// An instance of a core module that belongs to no component.
fn bare_core(bare: &mut Guests, wat: &str, imports: &[CoreFunc]) -> Core {
    let inst = bare.instance();
    bare.core(inst, wat, imports)
}

/// A module whose `run` does `body` as often as it is told.
fn looping(imports: &str, body: &str) -> String {
    format!(
        r#"(module {imports} (func (export "run") (param i32) (local $handle i32)
            (loop $again
                {body}
                (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"#
    )
}

/// A [`looping`] module that calls its import.
fn loop_call() -> String {
    looping(r#"(import "" "f" (func $f))"#, "(call $f)")
}

/// Measures a [`looping`] module with the imports that `ours` makes for a component instance, against
/// ones that the engine calls with nothing between.
fn bench_loop(
    name: &str,
    wat: &str,
    ours: impl FnOnce(&mut Guests, InstanceId) -> Vec<CoreFunc>,
    peer: impl FnOnce(&mut Guests) -> Vec<CoreFunc>,
) {
    let mut guests = Guests::new();
    let inst = guests.instance();
    let imports = ours(&mut guests, inst);
    let core = guests.core(inst, wat, &imports);
    let ty = func_type(&[Type::u32()], None);
    let run = canon::lift(core.func("run"), ty, core.options(), inst, "run");

    let mut bare = Guests::new();
    let imports = peer(&mut bare);
    let bare_run = bare_core(&mut bare, wat, &imports).func("run");
    bench(
        name,
        TIMES,
        || guests.call(&run, &TIMES, &mut ()),
        || bare.call_core(bare_run, &[TIMES.into()], &mut []),
    );
}

/// A bare import that does nothing.
fn nothing(_: &mut dyn EngineStore, _: &[u64], _: &mut [u64]) -> Flow {
    Flow::Done
}

/// A bare import with a result.
fn constant(value: u64) -> impl Fn(&mut dyn EngineStore, &[u64], &mut [u64]) -> Flow {
    move |_, _, results| {
        results[0] = value;
        Flow::Done
    }
}

/// A bare import that calls a core function of another instance.
fn forward(func: CoreFunc) -> impl Fn(&mut dyn EngineStore, &[u64], &mut [u64]) -> Flow {
    move |engine, args, results| {
        returned(engine.call(func, args, results));
        Flow::Done
    }
}
