//! What instances take: memory and time for each of many in one store, and what is given back before the store is.
//!
//! `cargo bench --bench instances [-- MOST]` has instances of the greeter trap, and makes 10^2, 10^3, … others, up to MOST (10^4). Memory is
//! what is allocated, and what the process has resident.

#[allow(dead_code, reason = "some is for other benchmarks")]
#[path = "support/allocator.rs"]
mod allocator;
#[allow(dead_code, reason = "some is for other benchmarks")]
#[path = "support/components.rs"]
mod components;
#[allow(dead_code, reason = "some is for other benchmarks")]
#[path = "support/report.rs"]
mod report;

use cmabi::component::Instance;
use cmabi::error::Trap;
use cmabi::memory::Arena;
use cmabi::runtime::Store;
use components::greet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

fn main() {
    let most = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(10_000);
    given_back();
    println!("\n{:<12} {:>24} {:>22} {:>24}", "", "ns", "KiB when made", "KiB when called");
    println!(
        "{:<12} {:>12} {:>11} {:>11} {:>10} {:>13} {:>10}",
        "instances", "instantiate", "first call", "allocated", "resident", "allocated", "resident"
    );
    for count in [100, 1_000, 10_000].into_iter().filter(|count| *count <= most) {
        many(count);
    }
}

/// Memory that is taken now, in KiB: allocated, and resident.
#[derive(Clone, Copy)]
struct Taken(f64, f64);

impl Taken {
    fn now() -> Self {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: f64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
        // SAFETY: only asks.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as f64;
        Taken(allocator::live_bytes() as f64 / 1024.0, pages * page / 1024.0)
    }

    /// For each of `count`.
    fn since(self, before: Taken, count: usize) -> Self {
        let each = |now: f64, before: f64| (now - before) / count as f64;
        Taken(each(self.0, before.0), each(self.1, before.1))
    }
}

fn many(count: usize) {
    let (engine, greeter) = components::compiled(&components::greeter());
    let pre = components::prepared(&greeter, components::unread());
    let mut store = components::roomy_store(&*engine);
    let arena = Rc::new(Arena::default());
    // What is there once for all of them.
    let first = pre.instantiate(&mut store.cx()).unwrap();
    greet(&mut store, &first, &arena).unwrap();
    let mut instances = Vec::with_capacity(count);
    let before = Taken::now();
    let start = Instant::now();
    instances.extend((0..count).map(|_| pre.instantiate(&mut store.cx()).unwrap()));
    let instantiation = start.elapsed().as_nanos() / count as u128;
    let made = Taken::now().since(before, count);
    let start = Instant::now();
    for instance in &instances {
        greet(&mut store, instance, &arena).unwrap();
        arena.reset();
    }
    let call = start.elapsed().as_nanos() / count as u128;
    let called = Taken::now().since(before, count);
    println!(
        "{count:<12} {instantiation:>12} {call:>11} {:>11.1} {:>10.1} {:>13.1} {:>10.1}",
        made.0, made.1, called.0, called.1
    );
    report::record(
        "instances",
        &[
            ("instances", &count),
            ("ns to instantiate", &instantiation),
            ("ns of the first call", &call),
            ("KiB allocated when made", &report::round(made.0)),
            ("KiB resident when made", &report::round(made.1)),
            ("KiB allocated when called", &report::round(called.0)),
            ("KiB resident when called", &report::round(called.1)),
        ],
    );
}

/// Instances that trap in a host function, whose handles are then dropped.
fn given_back() {
    const COUNT: usize = 500;
    let trap = || Trap::Host { message: "enough".into() }.into();
    let (engine, greeter) = components::compiled(&components::greeter());
    let pre = components::prepared(&greeter, Arc::new(move |_| Err(trap())));
    let arena = Rc::new(Arena::default());
    println!("{:<36} {:>14} {:>14}", format!("KiB for each of {COUNT}"), "allocated", "resident");
    let before = Taken::now();
    let say = |what: &str| {
        let Taken(allocated, resident) = Taken::now().since(before, COUNT);
        println!("{what:<36} {allocated:>14.1} {resident:>14.1}");
        report::record(
            "given-back",
            &[
                ("instances", &what),
                ("KiB allocated", &report::round(allocated)),
                ("KiB resident", &report::round(resident)),
            ],
        );
    };
    let mut store: Store = components::roomy_store(&*engine);
    let instances: Vec<Instance> =
        (0..COUNT).map(|_| pre.instantiate(&mut store.cx()).unwrap()).collect();
    say("made");
    for instance in &instances {
        assert!(greet(&mut store, instance, &arena).is_err());
    }
    say("trapped");
    drop(instances);
    say("dropped");
    drop(store);
    say("and their store");
}
