//! WASI beside the same work without it, and its versions beside each other: files, single bytes, the clock,
//! guests that sleep, and an echo over the network.
//!
//! `cargo bench --bench wasi [-- FILTER]`. The files are in the system's folder for temporary files.

#[allow(dead_code, reason = "some is for other benchmarks")]
#[path = "../support/allocator.rs"]
mod allocator;
#[allow(dead_code, reason = "some is for other benchmarks")]
#[path = "../support/guests.rs"]
mod guests;
#[allow(dead_code, reason = "some is for other benchmarks")]
#[path = "../support/report.rs"]
mod report;
mod v3;

use cmabi::component::{Component, Linker};
use cmabi::engine::wasmi::WasmiEngine;
use cmabi::engine::{Engine, Flow};
use cmabi::host;
use cmabi::memory::Arena;
use cmabi::runtime::{FuncInst, HostOutcome, HostSubtask, Store, StoreConfig, SubtaskState};
use cmabi::types::Type;
use cmabi::wasi::{Config, DirRights};
use guests::Guests;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// Calls functions of WASI in loops. What it receives goes to the same place each time.
const GUEST: &str = r#"(component
    (import "wasi:io/error@0.2.0" (instance $error (export "error" (type (sub resource)))))
    (alias export $error "error" (type $error))
    (import "wasi:io/poll@0.2.0" (instance $poll
        (export "pollable" (type $pollable (sub resource)))
        (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
    (alias export $poll "pollable" (type $pollable))
    (import "wasi:io/streams@0.2.0" (instance $streams
        (alias outer 1 $error (type $e))
        (export "error" (type $error (eq $e)))
        (type $stream-error' (variant (case "last-operation-failed" (own $error)) (case "closed")))
        (export "stream-error" (type $stream-error (eq $stream-error')))
        (export "input-stream" (type $input (sub resource)))
        (export "output-stream" (type $output (sub resource)))
        (export "[method]input-stream.blocking-read" (func (param "self" (borrow $input))
            (param "len" u64) (result (result (list u8) (error $stream-error)))))
        (export "[method]output-stream.check-write" (func (param "self" (borrow $output))
            (result (result u64 (error $stream-error)))))
        (export "[method]output-stream.write" (func (param "self" (borrow $output))
            (param "contents" (list u8)) (result (result (error $stream-error)))))
        (export "[method]output-stream.blocking-write-and-flush" (func (param "self" (borrow $output))
            (param "contents" (list u8)) (result (result (error $stream-error)))))))
    (alias export $streams "input-stream" (type $input))
    (alias export $streams "output-stream" (type $output))
    (import "wasi:filesystem/types@0.2.0" (instance $types
        (export "descriptor" (type $descriptor (sub resource)))
        (alias outer 1 $input (type $i))
        (export "input-stream" (type $input (eq $i)))
        (alias outer 1 $output (type $o))
        (export "output-stream" (type $output (eq $o)))
        (type $code' (enum "access" "would-block" "already" "bad-descriptor" "busy" "deadlock" "quota" "exist"
            "file-too-large" "illegal-byte-sequence" "in-progress" "interrupted" "invalid" "io" "is-directory"
            "loop" "too-many-links" "message-size" "name-too-long" "no-device" "no-entry" "no-lock"
            "insufficient-memory" "insufficient-space" "not-directory" "not-empty" "not-recoverable"
            "unsupported" "no-tty" "no-such-device" "overflow" "not-permitted" "pipe" "read-only"
            "invalid-seek" "text-file-busy" "cross-device"))
        (export "error-code" (type $code (eq $code')))
        (type $path-flags' (flags "symlink-follow"))
        (export "path-flags" (type $path-flags (eq $path-flags')))
        (type $open-flags' (flags "create" "directory" "exclusive" "truncate"))
        (export "open-flags" (type $open-flags (eq $open-flags')))
        (type $flags' (flags "read" "write" "file-integrity-sync" "data-integrity-sync"
            "requested-write-sync" "mutate-directory"))
        (export "descriptor-flags" (type $flags (eq $flags')))
        (export "[method]descriptor.read" (func (param "self" (borrow $descriptor)) (param "length" u64)
            (param "offset" u64) (result (result (tuple (list u8) bool) (error $code)))))
        (export "[method]descriptor.read-via-stream" (func (param "self" (borrow $descriptor))
            (param "offset" u64) (result (result (own $input) (error $code)))))
        (export "[method]descriptor.write-via-stream" (func (param "self" (borrow $descriptor))
            (param "offset" u64) (result (result (own $output) (error $code)))))
        (export "[method]descriptor.open-at" (func (param "self" (borrow $descriptor))
            (param "path-flags" $path-flags) (param "path" string) (param "open-flags" $open-flags)
            (param "flags" $flags) (result (result (own $descriptor) (error $code)))))))
    (alias export $types "descriptor" (type $descriptor))
    (import "wasi:filesystem/preopens@0.2.0" (instance $preopens
        (alias outer 1 $descriptor (type $d))
        (export "descriptor" (type $descriptor (eq $d)))
        (export "get-directories" (func (result (list (tuple (own $descriptor) string)))))))
    (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
        (alias outer 1 $pollable (type $p))
        (export "pollable" (type $pollable (eq $p)))
        (export "now" (func (result u64)))
        (export "subscribe-instant" (func (param "when" u64) (result (own $pollable))))))
    ;; Lists that are lowered into it are at 64 KiB, whatever else at 1 KiB.
    (core module $Memory
        (memory (export "memory") 4)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32)
            (select (i32.const 65536) (i32.const 1024) (i32.eq (local.get 2) (i32.const 1)))))
    (core instance $memory (instantiate $Memory))
    (alias core export $memory "memory" (core memory $mem))
    (alias core export $memory "realloc" (core func $realloc))
    (core func $get-dirs (canon lower (func $preopens "get-directories") (memory $mem) (realloc $realloc)))
    (core func $open (canon lower (func $types "[method]descriptor.open-at") (memory $mem)))
    (core func $read-at
        (canon lower (func $types "[method]descriptor.read") (memory $mem) (realloc $realloc)))
    (core func $input (canon lower (func $types "[method]descriptor.read-via-stream") (memory $mem)))
    (core func $output (canon lower (func $types "[method]descriptor.write-via-stream") (memory $mem)))
    (core func $read
        (canon lower (func $streams "[method]input-stream.blocking-read") (memory $mem) (realloc $realloc)))
    (core func $check (canon lower (func $streams "[method]output-stream.check-write") (memory $mem)))
    (core func $write (canon lower (func $streams "[method]output-stream.write") (memory $mem)))
    (core func $flush
        (canon lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory $mem)))
    (core func $drop-input (canon resource.drop $input))
    (core func $drop-output (canon resource.drop $output))
    (core func $drop-descriptor (canon resource.drop $descriptor))
    (core func $drop-pollable (canon resource.drop $pollable))
    (core func $now (canon lower (func $clock "now")))
    (core func $subscribe (canon lower (func $clock "subscribe-instant")))
    (core func $block (canon lower (func $poll "[method]pollable.block")))
    (core module $M
        (import "" "memory" (memory 1))
        (import "" "get-dirs" (func $get-dirs (param i32)))
        (import "" "open" (func $open (param i32 i32 i32 i32 i32 i32 i32)))
        (import "" "read-at" (func $read-at (param i32 i64 i64 i32)))
        (import "" "input" (func $input (param i32 i64 i32)))
        (import "" "output" (func $output (param i32 i64 i32)))
        (import "" "read" (func $read (param i32 i64 i32)))
        (import "" "check" (func $check (param i32 i32)))
        (import "" "write" (func $write (param i32 i32 i32 i32)))
        (import "" "flush" (func $flush (param i32 i32 i32 i32)))
        (import "" "drop-input" (func $drop-input (param i32)))
        (import "" "drop-output" (func $drop-output (param i32)))
        (import "" "drop-descriptor" (func $drop-descriptor (param i32)))
        (import "" "drop-pollable" (func $drop-pollable (param i32)))
        (import "" "now" (func $now (result i64)))
        (import "" "subscribe" (func $subscribe (param i64) (result i32)))
        (import "" "block" (func $block (param i32)))
        (data (i32.const 64) "readwritten")
        (global $file (mut i32) (i32.const 0))
        (global $written (mut i32) (i32.const 0))
        (func $open-file (param $path i32) (param $len i32) (param $open i32) (param $flags i32) (result i32)
            (call $open (i32.load (i32.load (i32.const 0))) (i32.const 0) (local.get $path)
                (local.get $len) (local.get $open) (local.get $flags) (i32.const 16))
            (if (i32.load8_u (i32.const 16)) (then (unreachable)))
            (i32.load (i32.const 20)))
        (func (export "open")
            (call $get-dirs (i32.const 0))
            (global.set $file (call $open-file (i32.const 64) (i32.const 4) (i32.const 0) (i32.const 1)))
            (global.set $written
                (call $open-file (i32.const 68) (i32.const 7) (i32.const 9) (i32.const 2))))
        (func (export "read-stream") (param $piece i64) (param $pieces i32) (local $stream i32)
            (call $input (global.get $file) (i64.const 0) (i32.const 16))
            (local.set $stream (i32.load (i32.const 20)))
            (loop $again
                (call $read (local.get $stream) (local.get $piece) (i32.const 16))
                (if (i32.load8_u (i32.const 16)) (then (unreachable)))
                (br_if $again (local.tee $pieces (i32.sub (local.get $pieces) (i32.const 1)))))
            (call $drop-input (local.get $stream)))
        (func (export "read") (param $piece i64) (param $pieces i32) (local $at i64)
            (loop $again
                (call $read-at (global.get $file) (local.get $piece) (local.get $at) (i32.const 16))
                (if (i32.load8_u (i32.const 16)) (then (unreachable)))
                (local.set $at (i64.add (local.get $at) (local.get $piece)))
                (br_if $again (local.tee $pieces (i32.sub (local.get $pieces) (i32.const 1))))))
        (func (export "write-stream") (param $piece i64) (param $pieces i32) (local $stream i32)
            (call $output (global.get $written) (i64.const 0) (i32.const 16))
            (local.set $stream (i32.load (i32.const 20)))
            (loop $again
                (call $check (local.get $stream) (i32.const 16))
                (call $write (local.get $stream) (i32.const 65536) (i32.wrap_i64 (local.get $piece))
                    (i32.const 16))
                (if (i32.load8_u (i32.const 16)) (then (unreachable)))
                (br_if $again (local.tee $pieces (i32.sub (local.get $pieces) (i32.const 1)))))
            (call $drop-output (local.get $stream)))
        (func (export "write-flush") (param $piece i64) (param $pieces i32) (local $stream i32)
            (call $output (global.get $written) (i64.const 0) (i32.const 16))
            (local.set $stream (i32.load (i32.const 20)))
            (loop $again
                (call $flush (local.get $stream) (i32.const 65536) (i32.wrap_i64 (local.get $piece))
                    (i32.const 16))
                (if (i32.load8_u (i32.const 16)) (then (unreachable)))
                (br_if $again (local.tee $pieces (i32.sub (local.get $pieces) (i32.const 1)))))
            (call $drop-output (local.get $stream)))
        (func (export "now") (param $piece i64) (param $pieces i32)
            (loop $again
                (drop (call $now))
                (br_if $again (local.tee $pieces (i32.sub (local.get $pieces) (i32.const 1))))))
        (func (export "sleep") (param $when i64) (param i32) (local $pollable i32)
            (local.set $pollable (call $subscribe (local.get $when)))
            (call $block (local.get $pollable))
            (call $drop-pollable (local.get $pollable))))
    (core instance $m (instantiate $M (with "" (instance
        (export "memory" (memory $mem)) (export "get-dirs" (func $get-dirs)) (export "open" (func $open))
        (export "read-at" (func $read-at)) (export "input" (func $input)) (export "output" (func $output))
        (export "read" (func $read)) (export "check" (func $check)) (export "write" (func $write))
        (export "flush" (func $flush)) (export "drop-input" (func $drop-input))
        (export "drop-output" (func $drop-output)) (export "drop-descriptor" (func $drop-descriptor))
        (export "drop-pollable" (func $drop-pollable)) (export "now" (func $now))
        (export "subscribe" (func $subscribe)) (export "block" (func $block))))))
    (func (export "open") (canon lift (core func $m "open")))
    (func (export "read-stream") (param "piece" u64) (param "pieces" u32) (canon lift (core func $m "read-stream")))
    (func (export "read") (param "piece" u64) (param "pieces" u32) (canon lift (core func $m "read")))
    (func (export "write-stream") (param "piece" u64) (param "pieces" u32)
        (canon lift (core func $m "write-stream")))
    (func (export "write-flush") (param "piece" u64) (param "pieces" u32)
        (canon lift (core func $m "write-flush")))
    (func (export "now") (param "piece" u64) (param "pieces" u32) (canon lift (core func $m "now")))
    (func (export "sleep") (param "when" u64) (param "pieces" u32) (canon lift (core func $m "sleep"))))"#;

/// A guest that only sleeps: it has no memory.
const SLEEPER: &str = r#"(component
    (import "wasi:io/poll@0.2.0" (instance $poll
        (export "pollable" (type $pollable (sub resource)))
        (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
    (alias export $poll "pollable" (type $pollable))
    (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
        (alias outer 1 $pollable (type $p))
        (export "pollable" (type $pollable (eq $p)))
        (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
    (core func $subscribe (canon lower (func $clock "subscribe-duration")))
    (core func $block (canon lower (func $poll "[method]pollable.block")))
    (core func $drop (canon resource.drop $pollable))
    (core module $M
        (import "" "subscribe" (func $subscribe (param i64) (result i32)))
        (import "" "block" (func $block (param i32)))
        (import "" "drop" (func $drop (param i32)))
        (func (export "sleep") (param $when i64) (local $pollable i32)
            (local.set $pollable (call $subscribe (local.get $when)))
            (call $block (local.get $pollable))
            (call $drop (local.get $pollable))))
    (core instance $m (instantiate $M (with "" (instance (export "subscribe" (func $subscribe))
        (export "block" (func $block)) (export "drop" (func $drop))))))
    (func (export "sleep") (param "when" u64) (canon lift (core func $m "sleep"))))"#;

/// The same loop with a function that is not WASI's.
const CLOCK: &str = r#"(component
    (import "test:clocks/clock" (instance $clock (export "now" (func (result u64)))))
    (core func $now (canon lower (func $clock "now")))
    (core module $M
        (import "" "now" (func $now (result i64)))
        (func (export "now") (param $piece i64) (param $pieces i32)
            (loop $again
                (drop (call $now))
                (br_if $again (local.tee $pieces (i32.sub (local.get $pieces) (i32.const 1)))))))
    (core instance $m (instantiate $M (with "" (instance (export "now" (func $now))))))
    (func (export "now") (param "piece" u64) (param "pieces" u32) (canon lift (core func $m "now"))))"#;

/// A component, and a store for its instances.
struct Host {
    component: Component,
    linker: Linker,
    store: Store,
    arena: Rc<Arena>,
}

impl Host {
    fn new(wat: &str, config: Config) -> Self {
        let engine: Arc<dyn Engine> = Arc::new(WasmiEngine::default());
        let component = Component::load(&engine, &wat::parse_str(wat).unwrap()).unwrap();
        let mut linker = Linker::new();
        cmabi::wasi::add_to_linker(&mut linker, config).unwrap();
        let limits = StoreConfig { max_host_bytes: 1 << 34, ..StoreConfig::default() };
        let store = Store::new(&*engine, &limits).unwrap();
        Host { component, linker, store, arena: Rc::default() }
    }

    fn func(&mut self, name: &str) -> FuncInst {
        let instance = self.linker.instantiate(&mut self.store.cx(), &self.component).unwrap();
        instance.func(name).unwrap().clone()
    }
}

/// A folder with a file of so many bytes, which is removed again.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("cmabi-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join("read"), vec![7; PIECE * PIECES]).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const PIECE: usize = 64 << 10;
/// 100 MB.
const PIECES: usize = 1600;

/// The shortest time of each, in nanoseconds for one of `count`. They take turns.
fn race(count: usize, rounds: u32, bodies: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let mut best = vec![Duration::MAX; bodies.len()];
    for _ in 0..rounds {
        for (best, body) in best.iter_mut().zip(bodies.iter_mut()) {
            let start = Instant::now();
            body();
            *best = (*best).min(start.elapsed());
        }
    }
    best.iter().map(|best| best.as_nanos() as f64 / count as f64).collect()
}

/// Has a compiler believe that bytes are looked at.
fn copy(from: &[u8], to: &mut [u8]) {
    to.copy_from_slice(from);
    std::hint::black_box(to);
}

fn main() {
    report::head("libcmabi", "peer", "");
    files();
    clock();
    asleep();
    v3::asleep();
    v3::echo();
}

fn files() {
    let rows = [
        "read 64 KiB, stream of 0.3",
        "write 64 KiB, stream of 0.3",
        "write 1 B, checked",
        "write 1 B, stream of 0.3",
    ];
    if !rows.into_iter().any(report::is_wanted) {
        return;
    }
    const BYTES: usize = 100_000;
    let folder = Folder::new();
    let mut config = Config::new();
    config.dir(&folder.0, ".", DirRights::ReadWrite).unwrap();
    let mut host = Host::new(GUEST, config);
    let instance = host.linker.instantiate(&mut host.store.cx(), &host.component).unwrap();
    let (store, arena) = (std::cell::RefCell::new(&mut host.store), host.arena.clone());
    let call = |name: &str, piece: usize, pieces: usize| {
        let args = (piece as u64, pieces as u32);
        let func = instance.func(name).unwrap();
        let results = std::ptr::dangling_mut();
        let mut store = store.borrow_mut();
        host::call(&mut store.cx(), func, (&raw const args).cast(), results, &arena).unwrap();
    };
    call("open", 0, 0);
    let (mut buffer, mut place) = (vec![0; PIECE], vec![0; report::APART + PIECE]);
    let place = &mut place[report::APART..];
    let read = |file: &File, buffer: &mut [u8], place: &mut [u8], pieces: usize| {
        for i in 0..pieces {
            let len = file.read_at(buffer, (i * buffer.len()) as u64).unwrap();
            copy(&buffer[..len], &mut place[..len]);
        }
    };
    let file = File::open(folder.0.join("read")).unwrap();
    let line = |name: &str, peer: &str, times: &[f64], bytes: usize| {
        if report::is_wanted(name) {
            let speed = bytes as f64 * 1e3 / times[0];
            let rest = format!("{speed:>8.0} MB/s; peer: {peer}");
            report::line("wasi", name, (times[0], times[1]), &[], &rest);
        }
    };
    if report::is_wanted("read 64 KiB") {
        for name in ["read-stream", "read"] {
            let times = race(
                PIECES,
                10,
                &mut [&mut || call(name, PIECE, PIECES), &mut || {
                    read(&file, &mut buffer, place, PIECES);
                }],
            );
            let what =
                if name == "read" { "read 64 KiB, descriptor.read" } else { "read 64 KiB, stream" };
            line(what, "pread and memcpy", &times, PIECE);
        }
    }
    let written = File::create(folder.0.join("peer")).unwrap();
    let write = |buffer: &mut [u8], place: &mut [u8], piece: usize, pieces: usize| {
        for i in 0..pieces {
            copy(&buffer[..piece], &mut place[..piece]);
            assert_eq!(written.write_at(&place[..piece], (i * piece) as u64).unwrap(), piece);
        }
    };
    if report::is_wanted("write 64 KiB") {
        let times = race(
            PIECES,
            10,
            &mut [&mut || call("write-stream", PIECE, PIECES), &mut || {
                write(&mut buffer, place, PIECE, PIECES);
            }],
        );
        line("write 64 KiB, stream", "memcpy and pwrite", &times, PIECE);
    }
    if report::is_wanted("64 KiB, stream of 0.3") {
        let mut v3 = v3::Files::new(&folder);
        let times = race(
            PIECES,
            10,
            &mut [&mut || v3.call("read-stream", PIECE, PIECES), &mut || {
                read(&file, &mut buffer, place, PIECES);
            }],
        );
        line("read 64 KiB, stream of 0.3", "pread and memcpy", &times, PIECE);
        let times = race(
            PIECES,
            10,
            &mut [&mut || v3.call("write-stream", PIECE, PIECES), &mut || {
                write(&mut buffer, place, PIECE, PIECES);
            }],
        );
        line("write 64 KiB, stream of 0.3", "memcpy and pwrite", &times, PIECE);
    }
    if report::is_wanted("write 1 B, stream of 0.3") {
        let mut v3 = v3::Files::new(&folder);
        let times = race(
            BYTES,
            10,
            &mut [&mut || v3.call("write-stream", 1, BYTES), &mut || {
                write(&mut buffer, place, 1, BYTES);
            }],
        );
        line("write 1 B, stream of 0.3", "pwrite", &times, 1);
    }
    if report::is_wanted("write 1 B") {
        for (name, function) in
            [("write 1 B, checked", "write-stream"), ("write 1 B, flushed", "write-flush")]
        {
            let times = race(
                BYTES,
                10,
                &mut [&mut || call(function, 1, BYTES), &mut || {
                    write(&mut buffer, place, 1, BYTES);
                }],
            );
            line(name, "pwrite", &times, 1);
        }
    }
}

fn clock() {
    if !report::is_wanted("clocks.now") {
        return;
    }
    const TIMES: u32 = 100_000;
    let mut host = Host::new(GUEST, Config::new());
    let now = host.func("now");
    let mut bare = Guests::new();
    let inst = bare.instance();
    let epoch = Instant::now();
    let import = bare.bare(0, 1, move |_, _, results| {
        results[0] = epoch.elapsed().as_nanos() as u64;
        Flow::Done
    });
    let core = bare.core(
        inst,
        r#"(module (import "" "now" (func $now (result i32)))
            (func (export "now") (param $pieces i32)
                (loop $again
                    (drop (call $now))
                    (br_if $again (local.tee $pieces (i32.sub (local.get $pieces) (i32.const 1)))))))"#,
        &[import],
    );
    let peer = core.func("now");
    let times = race(
        TIMES as usize,
        40,
        &mut [
            &mut || {
                let args = (0u64, TIMES);
                let (args, results) = ((&raw const args).cast(), std::ptr::dangling_mut());
                host::call(&mut host.store.cx(), &now, args, results, &host.arena).unwrap();
            },
            &mut || bare.call_core(peer, &[TIMES.into()], &mut []),
        ],
    );
    let more =
        format!("{:>8.1} ns more; peer: the engine calls clock_gettime", times[0] - times[1]);
    report::line("wasi", "clocks.now", (times[0], times[1]), &[], &more);
    let mut linker = Linker::new();
    let clock = linker.instance("test:clocks/clock").unwrap();
    let ty = guests::func_type(&[], Some(Type::u64()));
    clock
        .func(
            "now",
            Some(ty),
            Arc::new(move |call| {
                let now = epoch.elapsed().as_nanos() as u64;
                // SAFETY: there is room for a u64.
                unsafe { call.results.cast::<u64>().write(now) };
                Ok(HostOutcome::Returned)
            }),
        )
        .unwrap();
    let engine: Arc<dyn Engine> = Arc::new(WasmiEngine::default());
    let component = Component::load(&engine, &wat::parse_str(CLOCK).unwrap()).unwrap();
    let mut store = Store::new(&*engine, &StoreConfig::default()).unwrap();
    let instance = linker.instantiate(&mut store.cx(), &component).unwrap();
    let func = instance.func("now").unwrap();
    let arena = Rc::new(Arena::new());
    let plain = race(
        TIMES as usize,
        40,
        &mut [
            &mut || {
                let args = (0u64, TIMES);
                let (args, results) = ((&raw const args).cast(), std::ptr::dangling_mut());
                host::call(&mut store.cx(), func, args, results, &arena).unwrap();
            },
            &mut || bare.call_core(peer, &[TIMES.into()], &mut []),
        ],
    );
    let more = format!("{:>8.1} ns more", plain[0] - plain[1]);
    report::line("wasi", "clocks.now, as any host's function", (plain[0], plain[1]), &[], &more);
}

/// Wakes a thread that is parked.
struct Parked(Thread, AtomicU64);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.1.fetch_add(1, Ordering::Release);
        self.0.unpark();
    }
}

fn asleep() {
    let counts = [1_000, 10_000, 100_000].into_iter();
    let counts: Vec<_> = counts.filter(|n| report::is_wanted(&format!("{n} asleep"))).collect();
    if !counts.is_empty() {
        println!(
            "\n{:<16} {:>12} {:>20} {:>20}",
            "guests asleep", "bytes each", "ns to fall asleep", "ns per wake-up"
        );
    }
    counts.into_iter().for_each(sleepers);
}

/// Has so many guests sleep, each in an instance of its own, and wake at the same time.
fn sleepers(count: usize) {
    let mut config = Config::new();
    config.limits().resources = 1 << 20;
    let mut host = Host::new(SLEEPER, config);
    let funcs: Vec<_> = (0..count).map(|_| host.func("sleep")).collect();
    sleep(&mut host, &funcs, "guests");
}

/// Has calls sleep, and wake at the same time; `what` is what there is one of for each call.
fn sleep(host: &mut Host, funcs: &[FuncInst], what: &str) {
    let count = funcs.len();
    let woken = Arc::new(Parked(std::thread::current(), AtomicU64::new(0)));
    host.store.cx().shared.signal().set_waker(Waker::from(woken));
    let (mut to_sleep, mut to_wake, mut bytes) = (f64::MAX, f64::MAX, 0.0);
    for round in 0..4 {
        let nap: u64 = 1_500_000_000u64.max(count as u64 * 15_000);
        let before = allocator::live_bytes();
        let start = Instant::now();
        let mut calls: Vec<HostSubtask> = Vec::with_capacity(count);
        for func in funcs {
            // All of them wake at about the same time.
            let left = Duration::from_nanos(nap).saturating_sub(start.elapsed()).as_nanos() as u64;
            let (args, results) = ((&raw const left).cast(), std::ptr::dangling_mut());
            let arena = host.arena.clone();
            calls.push(
                host::start(&mut host.store.cx(), func, args, results, &arena, None).unwrap(),
            );
        }
        to_sleep = to_sleep.min(start.elapsed().as_nanos() as f64 / count as f64);
        if round == 1 {
            bytes = (allocator::live_bytes() - before) as f64 / count as f64;
        }
        std::thread::sleep(
            Duration::from_nanos(nap).saturating_sub(start.elapsed()) + Duration::from_millis(50),
        );
        let start = Instant::now();
        let cx = &mut host.store.cx();
        let mut first = 0;
        while first < calls.len() {
            host::run(cx).unwrap();
            while first < calls.len() && calls[first].state(cx).unwrap() == SubtaskState::Returned {
                first += 1;
            }
            if first < calls.len() {
                std::thread::park_timeout(Duration::from_millis(1));
            }
        }
        to_wake = to_wake.min(start.elapsed().as_nanos() as f64 / count as f64);
        for call in calls {
            call.drop(cx).unwrap();
        }
    }
    println!("{count:<16} {bytes:>12.0} {to_sleep:>20.0} {to_wake:>20.0}");
    report::record(
        "asleep",
        &[
            ("what", &what),
            ("asleep", &count),
            ("ns to fall asleep", &report::round(to_sleep)),
            ("ns per wake-up", &report::round(to_wake)),
            ("bytes each", &report::round(bytes)),
        ],
    );
}
