//! Streams and futures, against `memcpy` of the same bytes and the same calls made with the engine
//! alone.
//!
//! `cargo bench --bench stream [-- FILTER]`. Each line is the best of many rounds, in which the two
//! take turns. The last columns are the bytes that pass in a second, and how often an operation
//! allocates once it has run before.

#[path = "support/allocator.rs"]
mod allocator;
#[allow(dead_code, reason = "some is for other benchmarks")]
#[path = "support/guests.rs"]
mod guests;
#[path = "support/report.rs"]
mod report;

use cmabi::canon::{self, Builtin};
use cmabi::engine::{CoreFunc, Flow};
use cmabi::host::stream::{future_new, stream_new};
use cmabi::runtime::host_end::{Copied, HostEnd};
use cmabi::runtime::{FuncInst, Options};
use cmabi::types::{Kind, Type};
use guests::{Guests, func_type};
use std::hint::black_box;
use std::rc::Rc;
use std::time::Instant;

const CHUNKS: [(&str, u32); 3] = [("1 B", 1), ("4 KiB", 4 << 10), ("64 KiB", 64 << 10)];

fn main() {
    report::head("libcmabi", "calls + memcpy", &format!("{:>12} {:>11}", "MB/s", "allocations"));
    for (name, bytes) in CHUNKS {
        guest_to_guest(name, bytes);
        host_to_guest(name, bytes);
        guest_to_host(name, bytes);
        guest_fills_guest(name, bytes);
    }
    future_cycle();
    idle_streams();
}

/// Measures `ours`, which moves `bytes`, against `peer`.
fn bench(name: &str, bytes: u32, mut ours: impl FnMut(), peer: impl FnMut()) {
    if !report::is_wanted(name) {
        return;
    }
    (0..10).for_each(|_| ours());
    let before = allocator::allocations();
    (0..10).for_each(|_| ours());
    let allocations = (allocator::allocations() - before) as f64 / 10.0;
    let (ours, peer) = report::race(ours, peer);
    let rate = f64::from(bytes) * 1e3 / ours;
    let rest = format!("{rate:>12.0} {allocations:>11.2}");
    report::line("stream", name, (ours, peer), &[("allocations", allocations)], &rest);
}

/// Ends of a stream of bytes, in globals.
const GUEST: &str = r#"(module
    (import "" "new" (func $new (result i64)))
    (import "" "read" (func $read (param i32 i32 i32) (result i32)))
    (import "" "write" (func $write (param i32 i32 i32) (result i32)))
    (import "" "set" (func $set (result i32)))
    (import "" "join" (func $join (param i32 i32)))
    (import "" "poll" (func $poll (param i32 i32) (result i32)))
    (global $readable (mut i32) (i32.const 0))
    (global $writable (mut i32) (i32.const 0))
    (global $events (mut i32) (i32.const 0))
    (func $wait-for (param $end i32)
        (global.set $events (call $set))
        (call $join (local.get $end) (global.get $events)))
    ;; Keeps the writable end.
    (func (export "make") (result i32)
        (local $ends i64)
        (local.set $ends (call $new))
        (global.set $writable (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))))
        (call $wait-for (global.get $writable))
        (i32.wrap_i64 (local.get $ends)))
    (func (export "take") (param $end i32)
        (global.set $readable (local.get $end))
        (call $wait-for (local.get $end)))
    (func (export "read") (param $len i32) (result i32)
        (call $read (global.get $readable) (i32.const 64) (local.get $len)))
    (func (export "write") (param $len i32) (result i32)
        (call $write (global.get $writable) (i32.const 64) (local.get $len)))
    ;; Writes as many chunks as said, one after the other.
    (func (export "fill") (param $len i32) (param $chunks i32)
        (loop $again
            (drop (call $write (global.get $writable) (i32.const 64) (local.get $len)))
            (local.set $chunks (i32.sub (local.get $chunks) (i32.const 1)))
            (br_if $again (local.get $chunks))))
    (func (export "event") (result i32)
        (call $poll (global.get $events) (i32.const 0))))"#;

const MEMORY: &str = r#"(module (memory (export "memory") 18))"#;

const BLOCKED: u32 = u32::MAX;
const STREAM_READ: u32 = 2;
const STREAM_WRITE: u32 = 3;

/// A guest with its functions, and where its elements are.
struct Guest {
    place: *mut u8,
    make: FuncInst,
    take: FuncInst,
    read: FuncInst,
    write: FuncInst,
    fill: FuncInst,
    event: FuncInst,
}

impl Guest {
    fn new(guests: &mut Guests) -> Self {
        let inst = guests.instance();
        let memory = guests.core(inst, MEMORY, &[]).options();
        let opts = Options { is_async: true, ..memory };
        let element = Some(Type::u8());
        let stream = Type::new(Kind::Stream(element.clone())).unwrap();
        let poll = Builtin::WaitableSetPoll { memory: opts.memory.unwrap(), addr: opts.addr };
        let imports = [
            Builtin::StreamNew { element: element.clone() },
            Builtin::StreamRead { element: element.clone(), opts },
            Builtin::StreamWrite { element, opts },
            Builtin::WaitableSetNew,
            Builtin::WaitableJoin,
            poll,
        ]
        .map(|builtin| guests.builtin(inst, builtin));
        let core = guests.core(inst, GUEST, &imports);
        let lift = |name: &str, params: &[Type], result: Option<Type>| {
            let ty = func_type(params, result);
            canon::lift(core.func(name), ty, Options::default(), inst, name)
        };
        let (base, _) = guests.cx().engine.memory(opts.memory.unwrap());
        Guest {
            place: base.wrapping_add(64),
            make: lift("make", &[], Some(stream.clone())),
            take: lift("take", &[stream], None),
            read: lift("read", &[Type::u32()], Some(Type::u32())),
            write: lift("write", &[Type::u32()], Some(Type::u32())),
            fill: lift("fill", &[Type::u32(), Type::u32()], None),
            event: lift("event", &[], Some(Type::u32())),
        }
    }
}

fn number(guests: &mut Guests, func: &FuncInst, arg: u32) -> u32 {
    let mut result = 0;
    guests.call(func, &arg, &mut result);
    result
}

fn completed(count: u32) -> u32 {
    count << 4
}

/// The core calls that a rendezvous is made of, with imports that do nothing, and a `memcpy` of the
/// same bytes between the same places.
struct Peer {
    guests: Guests,
    one: CoreFunc,
    many: CoreFunc,
    from: *const u8,
    to: *mut u8,
    bytes: usize,
}

impl Peer {
    fn new(from: *const u8, to: *mut u8, bytes: u32) -> Self {
        let mut guests = Guests::new();
        let inst = guests.instance();
        let import = guests.bare(3, 1, |_, _, results| {
            results[0] = 0;
            Flow::Done
        });
        let wat = r#"(module
            (import "" "f" (func $f (param i32 i32 i32) (result i32)))
            (func (export "one") (param i32) (result i32)
                (call $f (i32.const 0) (i32.const 0) (local.get 0)))
            (func (export "many") (param $left i32)
                (loop $again
                    (drop (call $f (i32.const 0) (i32.const 0) (i32.const 0)))
                    (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                    (br_if $again (local.get $left)))))"#;
        let core = guests.core(inst, wat, &[import]);
        let (one, many) = (core.func("one"), core.func("many"));
        Peer { guests, one, many, from, to, bytes: bytes as usize }
    }

    /// The same for [`FILL`] chunks.
    fn fill(&mut self) {
        self.guests.call_core(self.one, &[1], &mut [0]);
        self.guests.call_core(self.many, &[FILL.into()], &mut []);
        (0..FILL as usize).for_each(|i| self.copy(i));
        self.guests.call_core(self.one, &[1], &mut [0]);
    }

    fn exchange(&mut self, calls: usize) {
        for _ in 0..calls {
            self.guests.call_core(self.one, &[1], &mut [0]);
        }
        self.copy(0);
    }

    /// Copies the bytes to the place of the chunk with this index.
    fn copy(&self, chunk: usize) {
        let to = self.to.wrapping_add(chunk * self.bytes);
        // SAFETY: both are memory of guests or buffers that the benchmark keeps, with room for
        // that much; nobody else uses them now.
        unsafe { black_box(self.from).copy_to_nonoverlapping(black_box(to), self.bytes) };
    }
}

fn guest_to_guest(name: &str, bytes: u32) {
    let mut ours = Guests::new();
    let (writer, reader) = (Guest::new(&mut ours), Guest::new(&mut ours));
    let mut end = 0u32;
    ours.call(&writer.make, &(), &mut end);
    ours.call(&reader.take, &end, &mut ());
    let mut peer = Peer::new(writer.place, reader.place, bytes);
    bench(
        &format!("guest to guest, {name}"),
        bytes,
        || {
            assert_eq!(number(&mut ours, &reader.read, bytes), BLOCKED);
            assert_eq!(number(&mut ours, &writer.write, bytes), completed(bytes));
            assert_eq!(number(&mut ours, &reader.event, 0), STREAM_READ);
        },
        || peer.exchange(3),
    );
}

fn host_to_guest(name: &str, bytes: u32) {
    let mut ours = Guests::new();
    let reader = Guest::new(&mut ours);
    let (readable, writable) = stream_new(&mut ours.cx(), Some(Type::u8())).unwrap();
    ours.call(&reader.take, &readable, &mut ());
    let end = HostEnd::stream(writable);
    let source = vec![7u8; bytes as usize];
    let mut peer = Peer::new(source.as_ptr(), reader.place, bytes);
    bench(
        &format!("host to guest, {name}"),
        bytes,
        || {
            assert_eq!(number(&mut ours, &reader.read, bytes), BLOCKED);
            let written = end.write(&mut ours.cx(), source.as_ptr(), bytes, None).unwrap();
            check(written, bytes);
            assert_eq!(number(&mut ours, &reader.event, 0), STREAM_READ);
        },
        || peer.exchange(2),
    );
}

fn guest_to_host(name: &str, bytes: u32) {
    let mut ours = Guests::new();
    let writer = Guest::new(&mut ours);
    let mut readable = 0u32;
    ours.call(&writer.make, &(), &mut readable);
    let end = HostEnd::stream(readable);
    let mut sink = vec![0u8; bytes as usize];
    let sink = sink.as_mut_ptr();
    let mut peer = Peer::new(writer.place, sink, bytes);
    let arena = Rc::clone(&ours.arena);
    bench(
        &format!("guest to host, {name}"),
        bytes,
        || {
            assert_eq!(number(&mut ours, &writer.write, bytes), BLOCKED);
            let read = end.read(&mut ours.cx(), sink, bytes, &arena, None).unwrap();
            check(read, bytes);
            assert_eq!(number(&mut ours, &writer.event, 0), STREAM_WRITE);
        },
        || peer.exchange(2),
    );
}

/// Chunks that fill one large read.
const FILL: u32 = 16;

fn guest_fills_guest(name: &str, bytes: u32) {
    let mut ours = Guests::new();
    let (writer, reader) = (Guest::new(&mut ours), Guest::new(&mut ours));
    let mut end = 0u32;
    ours.call(&writer.make, &(), &mut end);
    ours.call(&reader.take, &end, &mut ());
    let mut peer = Peer::new(writer.place, reader.place, bytes);
    bench(
        &format!("guest to guest, {FILL} times {name} into one read"),
        FILL * bytes,
        || {
            assert_eq!(number(&mut ours, &reader.read, FILL * bytes), BLOCKED);
            ours.call(&writer.fill, &[bytes, FILL], &mut ());
            assert_eq!(number(&mut ours, &reader.event, 0), STREAM_READ);
        },
        || peer.fill(),
    );
}

/// The copy is over, and all of it was copied.
fn check(copied: Option<Copied>, count: u32) {
    assert_eq!(copied.map(|copied| copied.count), Some(count));
}

/// A future from its making to the dropping of both ends, all of it the host's.
fn future_cycle() {
    let mut ours = Guests::new();
    let arena = Rc::clone(&ours.arena);
    let (from, mut to) = (42u32, 0u32);
    let mut peer = Peer::new((&raw const from).cast(), (&raw mut to).cast(), 4);
    bench(
        "future of u32: new, write, read, drop",
        4,
        || {
            let cx = &mut ours.cx();
            let (readable, writable) = future_new(cx, Some(Type::u32())).unwrap();
            let (readable, writable) = (HostEnd::future(readable), HostEnd::future(writable));
            let mut got = 0u32;
            let place = (&raw mut got).cast();
            assert!(readable.read(cx, place, 1, &arena, None).unwrap().is_none());
            let value = 42u32;
            check(writable.write(cx, (&raw const value).cast(), 1, None).unwrap(), 1);
            check(readable.poll(cx).unwrap(), 1);
            assert_eq!(got, 42);
            readable.drop(cx).unwrap();
            writable.drop(cx).unwrap();
        },
        || peer.exchange(1),
    );
}

/// Streams that nobody uses: what they take, and whether their number makes one slower.
fn idle_streams() {
    if !report::is_wanted("idle streams") {
        return;
    }
    println!("\n{:<24} {:>16} {:>24}", "idle streams", "bytes each", "ns to make and drop one");
    for count in [1_000, 10_000, 100_000] {
        let mut ours = Guests::new();
        let before = allocator::live_bytes();
        let cx = &mut ours.cx();
        for _ in 0..count {
            stream_new(cx, Some(Type::u8())).unwrap();
        }
        let each = (allocator::live_bytes() - before) as f64 / f64::from(count);
        let start = Instant::now();
        for _ in 0..count {
            let (readable, writable) = stream_new(cx, Some(Type::u8())).unwrap();
            HostEnd::stream(readable).drop(cx).unwrap();
            HostEnd::stream(writable).drop(cx).unwrap();
        }
        let time = start.elapsed().as_nanos() as f64 / f64::from(count);
        println!("{count:<24} {each:>16.0} {time:>24.1}");
        report::record(
            "streams",
            &[
                ("idle streams", &count),
                ("ns to make and drop one", &report::round(time)),
                ("bytes each", &report::round(each)),
            ],
        );
    }
}
