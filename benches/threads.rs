//! Whether stores on several threads are in each other's way.
//!
//! `cargo bench --bench threads [-- FILTER]` has each of 1, 2 and 4 threads make calls in a store of its own, and
//! instances, with one engine for all of them or an engine for each. What counts is the time that a thread is
//! on a processor for a call: it is the same however many processors there are, and whoever else uses them. The last
//! column is calls in a second of all threads together, by the clock.

#[allow(dead_code, reason = "some is for other benchmarks")]
#[path = "support/components.rs"]
mod components;
#[allow(dead_code, reason = "some is for other benchmarks")]
#[path = "support/report.rs"]
mod report;

use cmabi::component::{Component, Linker};
use cmabi::engine::Engine;
use cmabi::host;
use cmabi::memory::Arena;
use components::{compiled, greet, greeter, prepared, roomy_store, unread};
use std::rc::Rc;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

/// Calls itself all the time.
const FIB: &str = r#"(component
    (core module $m
        (func $fib (export "fib") (param i32) (result i32)
            (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
                (then (local.get 0))
                (else (i32.add
                    (call $fib (i32.sub (local.get 0) (i32.const 1)))
                    (call $fib (i32.sub (local.get 0) (i32.const 2))))))))
    (core instance $i (instantiate $m))
    (func (export "fib") (param "n" u32) (result u32) (canon lift (core func $i "fib"))))"#;

type Turn = Box<dyn FnMut()>;

/// What a thread does, in turns, with a component: what is one turn, and how often it is done in one.
struct Work {
    name: &'static str,
    component: fn() -> Vec<u8>,
    turn: fn(Arc<dyn Engine>, Component) -> Turn,
    times: u32,
}

const WORK: &[Work] = &[
    Work {
        name: "call greet",
        component: greeter,
        turn: |engine, greeter| {
            let mut store = roomy_store(&*engine);
            let instance = prepared(&greeter, unread()).instantiate(&mut store.cx()).unwrap();
            let arena = Rc::new(Arena::default());
            Box::new(move || {
                for _ in 0..100 {
                    greet(&mut store, &instance, &arena).unwrap();
                    arena.reset();
                }
            })
        },
        times: 100,
    },
    Work {
        name: "make a store, an instance",
        component: greeter,
        turn: |engine, greeter| {
            let pre = prepared(&greeter, unread());
            Box::new(move || {
                let mut store = roomy_store(&*engine);
                pre.instantiate(&mut store.cx()).unwrap();
            })
        },
        times: 1,
    },
    Work {
        name: "fib(20)",
        component: || wat::parse_str(FIB).unwrap(),
        turn: |engine, component| {
            let mut store = roomy_store(&*engine);
            let instance = Linker::new().instantiate(&mut store.cx(), &component).unwrap();
            let arena = Rc::new(Arena::default());
            let fib = instance.func("fib").unwrap().clone();
            Box::new(move || {
                let (n, mut result) = (20u32, 0u32);
                let (args, results) = ((&raw const n).cast(), (&raw mut result).cast());
                host::call(&mut store.cx(), &fib, args, results, &arena).unwrap();
                assert_eq!(result, 6765);
            })
        },
        times: 1,
    },
];

/// Rounds take turns, so that what else the machine does meets all of them.
const ROUNDS: usize = 8;

fn main() {
    println!(
        "{:<28} {:<10} {:>8} {:>12} {:>10} {:>14}",
        "", "engine", "threads", "ns of CPU", "against 1", "in a second"
    );
    for work in WORK.iter().filter(|work| report::is_wanted(work.name)) {
        let cases = [true, false].map(|is_shared| [1, 2, 4].map(|threads| (is_shared, threads)));
        let mut best = [[(f64::INFINITY, 0.0); 3]; 2];
        for _ in 0..ROUNDS {
            for (cases, best) in cases.iter().zip(&mut best) {
                for (&(is_shared, threads), best) in cases.iter().zip(best) {
                    let (cpu, rate) = round(work, threads, is_shared);
                    *best = (f64::min(best.0, cpu), f64::max(best.1, rate));
                }
            }
        }
        for (cases, best) in cases.iter().zip(&best) {
            for (&(is_shared, threads), &(cpu, rate)) in cases.iter().zip(best) {
                let engine = if is_shared { "of all" } else { "of each" };
                let ratio = best[0].0 / cpu;
                println!(
                    "{:<28} {engine:<10} {threads:>8} {cpu:>12.0} {ratio:>10.2} {rate:>14.0}",
                    work.name
                );
                report::record(
                    "threads",
                    &[
                        ("work", &work.name),
                        ("engine", &engine),
                        ("threads", &threads),
                        ("ns of CPU", &report::round(cpu)),
                        ("against 1", &report::round(ratio)),
                        ("in a second", &rate.round()),
                    ],
                );
            }
        }
    }
}

/// Nanoseconds on a processor for each time, and times in a second of all threads.
fn round(work: &Work, threads: usize, is_shared: bool) -> (f64, f64) {
    let shared = compiled(&(work.component)());
    let start = Barrier::new(threads);
    let one = || {
        let (engine, component) =
            if is_shared { shared.clone() } else { compiled(&(work.component)()) };
        let mut turn = (work.turn)(engine, component);
        (0..10).for_each(|_| turn());
        start.wait();
        let (clock, cpu) = (Instant::now(), on_processor());
        let mut turns = 0;
        while clock.elapsed() < Duration::from_millis(100) {
            turn();
            turns += 1;
        }
        let count = f64::from(turns * work.times);
        let cpu = (on_processor() - cpu).as_nanos() as f64 / count;
        (cpu, count / clock.elapsed().as_secs_f64())
    };
    let all: Vec<(f64, f64)> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mean = all.iter().map(|(cpu, _)| cpu).sum::<f64>() / threads as f64;
    (mean, all.iter().map(|(_, rate)| rate).sum())
}

/// How long this thread has been on a processor.
fn on_processor() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is ours to write.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(result, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
