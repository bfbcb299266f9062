//! How much a waiting task takes, and whether the number of them makes a wake-up slower; and the same of handles and
//! what is done with one.
//!
//! `cargo bench --bench scale [-- MOST] [-- tasks|handles]` holds 10^3, 10^4, … waiting tasks, up to MOST (10^6). Each is a
//! call from the host of an async function with a callback, which waits for an event of a set. The
//! event is made by a call of a sync function, and then by one of an async function, which keeps the
//! tasks from entering their callbacks until it is over. Then a table holds as many handles.

#[allow(dead_code, reason = "some is for other benchmarks")]
#[path = "support/allocator.rs"]
mod allocator;
#[allow(dead_code, reason = "some is for other benchmarks")]
#[path = "support/guests.rs"]
mod guests;
#[allow(dead_code, reason = "some is for other benchmarks")]
#[path = "support/report.rs"]
mod report;

use cmabi::canon::{self, Builtin};
use cmabi::host;
use cmabi::runtime::{self, FuncInst, HostSubtask, Options, SubtaskState};
use cmabi::types::{ResourceType, Type};
use guests::{Guests, async_func_type, func_type};
use std::collections::VecDeque;
use std::ptr;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// All tasks wait for the same set, in which a read of an empty stream is pending. A task that is
/// woken starts the next read and returns.
const GUEST: &str = r#"(module
    (import "" "task.return" (func $return))
    (import "" "set.new" (func $set.new (result i32)))
    (import "" "join" (func $join (param i32 i32)))
    (import "" "stream.new" (func $stream.new (result i64)))
    (import "" "read" (func $read (param i32 i32 i32) (result i32)))
    (import "" "write" (func $write (param i32 i32 i32) (result i32)))
    (global $set (mut i32) (i32.const 0))
    (global $readable (mut i32) (i32.const 0))
    (global $writable (mut i32) (i32.const 0))
    (func $start-read (drop (call $read (global.get $readable) (i32.const 0) (i32.const 1))))
    (func (export "init")
        (local $ends i64)
        (local.set $ends (call $stream.new))
        (global.set $readable (i32.wrap_i64 (local.get $ends)))
        (global.set $writable (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))))
        (global.set $set (call $set.new))
        (call $join (global.get $readable) (global.get $set))
        (call $start-read))
    (func (export "wait") (result i32)
        (i32.or (i32.const 2) (i32.shl (global.get $set) (i32.const 4))))
    (func (export "callback") (param i32 i32 i32) (result i32)
        (call $start-read)
        (call $return)
        (i32.const 0))
    (func (export "event")
        (drop (call $write (global.get $writable) (i32.const 0) (i32.const 1)))))"#;

/// The guest's functions.
struct Waiting {
    guests: Guests,
    wait: FuncInst,
    event: FuncInst,
    exclusive_event: FuncInst,
    tasks: VecDeque<HostSubtask>,
}

impl Waiting {
    fn new() -> Self {
        let mut guests = Guests::new();
        let inst = guests.instance();
        let opts = Options { is_async: true, ..Options::default() };
        let imports = [
            Builtin::TaskReturn { result: None, opts: Options::default() },
            Builtin::WaitableSetNew,
            Builtin::WaitableJoin,
            Builtin::StreamNew { element: None },
            Builtin::StreamRead { element: None, opts },
            Builtin::StreamWrite { element: None, opts },
        ]
        .map(|builtin| guests.builtin(inst, builtin));
        let core = guests.core(inst, GUEST, &imports);
        let lift = |name: &str| {
            let ty = func_type(&[], None);
            canon::lift(core.func(name), ty, Options::default(), inst, name)
        };
        let (init, event) = (lift("init"), lift("event"));
        let lift_async = |name: &str, opts: Options| {
            canon::lift(core.func(name), async_func_type(&[], None), opts, inst, name)
        };
        let exclusive_event = lift_async("event", Options::default());
        let wait = lift_async("wait", core.callback_options());
        guests.call(&init, &(), &mut ());
        Waiting { guests, wait, event, exclusive_event, tasks: VecDeque::new() }
    }

    /// One more task that waits.
    fn add(&mut self) {
        let arena = Rc::clone(&self.guests.arena);
        let (args, results) = (ptr::dangling(), ptr::dangling_mut());
        let cx = &mut self.guests.cx();
        let task = host::start(cx, &self.wait, args, results, &arena, None).unwrap();
        self.tasks.push_back(task);
    }

    /// Wakes the task that has waited longest, and runs it to its end.
    fn wake(&mut self, exclusive: bool) {
        let event = if exclusive { &self.exclusive_event } else { &self.event };
        self.guests.call(event, &(), &mut ());
        let cx = &mut self.guests.cx();
        host::run(cx).unwrap();
        let task = self.tasks.pop_front().expect("a task waits");
        assert_eq!(task.state(cx).unwrap(), SubtaskState::Returned);
        task.drop(cx).unwrap();
    }
}

/// Wake-ups that are timed together, and handles that come and go.
const WAKE_UPS: u32 = 500;
const CYCLES: u32 = 1000;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let most = args.iter().find_map(|arg| arg.parse().ok()).unwrap_or(1_000_000);
    let is_wanted = |name| args.iter().all(|arg| arg == name || arg.parse::<usize>().is_ok());
    let counts = || [1_000, 10_000, 100_000, 1_000_000].into_iter().filter(|count| *count <= most);
    if is_wanted("tasks") {
        tasks(counts());
    }
    if is_wanted("handles") {
        handles(counts());
    }
}

fn tasks(counts: impl Iterator<Item = usize>) {
    println!(
        "{:<16} {:>16} {:>14} {:>16} {:>14} {:>12}",
        "waiting tasks",
        "ns per wake-up",
        "against 1,000",
        "instance in use",
        "against 1,000",
        "bytes each"
    );
    let mut first = None;
    for count in counts {
        let mut waiting = Waiting::new();
        // What is there once the first has come and gone is not one task's.
        waiting.add();
        waiting.wake(false);
        waiting.tasks.reserve(count + 1);
        let before = allocator::live_bytes();
        (0..count).for_each(|_| waiting.add());
        let bytes = (allocator::live_bytes() - before) as f64 / count as f64;
        let times = [false, true].map(|exclusive| time(&mut waiting, exclusive));
        let first = *first.get_or_insert(times);
        let ratios = [0, 1].map(|i| times[i] / first[i]);
        println!(
            "{count:<16} {:>16.0} {:>14.2} {:>16.0} {:>14.2} {bytes:>12.0}",
            times[0], ratios[0], times[1], ratios[1]
        );
        report::record(
            "waiting",
            &[
                ("waiting tasks", &count),
                ("ns per wake-up", &report::round(times[0])),
                ("ns per wake-up, instance in use", &report::round(times[1])),
                ("bytes each", &report::round(bytes)),
            ],
        );
    }
}

/// The least time that a wake-up takes.
fn time(waiting: &mut Waiting, exclusive: bool) -> f64 {
    let mut best = Duration::MAX;
    for _ in 0..40 {
        let start = Instant::now();
        for _ in 0..WAKE_UPS {
            waiting.wake(exclusive);
            waiting.add();
        }
        best = best.min(start.elapsed());
    }
    best.as_nanos() as f64 / f64::from(WAKE_UPS)
}

/// Makes handles to keep, and others that it drops again.
const OWNER: &str = r#"(module
    (import "" "new" (func $new (param i32) (result i32)))
    (import "" "rep" (func $rep (param i32) (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (func (export "keep") (param $count i32)
        (loop $again
            (drop (call $new (local.get $count)))
            (br_if $again (local.tee $count (i32.sub (local.get $count) (i32.const 1))))))
    (func (export "use") (param $count i32)
        (local $handle i32)
        (loop $again
            (local.set $handle (call $new (local.get $count)))
            (drop (call $rep (local.get $handle)))
            (call $drop (local.get $handle))
            (br_if $again (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))))"#;

fn handles(counts: impl Iterator<Item = usize>) {
    println!(
        "\n{:<16} {:>24} {:>14} {:>12}",
        "handles", "ns for new, rep, drop", "against 1,000", "bytes each"
    );
    let mut first = None;
    for count in counts {
        let mut guests = Guests::new();
        let inst = guests.instance();
        let ty = ResourceType::new("r");
        runtime::define_resource(&mut guests.cx(), &ty, inst, None);
        let imports = [Builtin::ResourceNew, Builtin::ResourceRep, Builtin::ResourceDrop]
            .map(|builtin| guests.builtin(inst, builtin(ty.clone())));
        let core = guests.core(inst, OWNER, &imports);
        let [keep, cycle] = ["keep", "use"].map(|name| {
            let ty = func_type(&[Type::u32()], None);
            canon::lift(core.func(name), ty, Options::default(), inst, name)
        });
        let before = allocator::live_bytes();
        guests.call(&keep, &(count as u32), &mut ());
        let bytes = (allocator::live_bytes() - before) as f64 / count as f64;
        let mut best = Duration::MAX;
        for _ in 0..100 {
            let start = Instant::now();
            guests.call(&cycle, &CYCLES, &mut ());
            best = best.min(start.elapsed());
        }
        let time = best.as_nanos() as f64 / f64::from(CYCLES);
        let ratio = time / *first.get_or_insert(time);
        println!("{count:<16} {time:>24.1} {ratio:>14.2} {bytes:>12.1}");
        report::record(
            "handles",
            &[
                ("handles", &count),
                ("ns for new, rep, drop", &report::round(time)),
                ("bytes each", &report::round(bytes)),
            ],
        );
    }
}
