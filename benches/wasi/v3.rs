//! The guests of WASI 0.3, and what both versions are measured by.

use crate::{Folder, Host, report};
use cmabi::component::{Component, Instance, Linker};
use cmabi::engine::Engine;
use cmabi::engine::wasmi::WasmiEngine;
use cmabi::host;
use cmabi::memory::Arena;
use cmabi::runtime::{Store, StoreConfig};
use cmabi::wasi::{Config, DirRights, Output};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Reads and writes files in loops.
const GUEST: &str = r#"(component
    (import "wasi:filesystem/types@0.3.0" (instance $types
        (export "descriptor" (type $descriptor (sub resource)))
        (type $code' (variant (case "access") (case "already") (case "bad-descriptor") (case "busy")
            (case "deadlock") (case "quota") (case "exist") (case "file-too-large")
            (case "illegal-byte-sequence") (case "in-progress") (case "interrupted") (case "invalid")
            (case "io") (case "is-directory") (case "loop") (case "too-many-links") (case "message-size")
            (case "name-too-long") (case "no-device") (case "no-entry") (case "no-lock")
            (case "insufficient-memory") (case "insufficient-space") (case "not-directory")
            (case "not-empty") (case "not-recoverable") (case "unsupported") (case "no-tty")
            (case "no-such-device") (case "overflow") (case "not-permitted") (case "pipe")
            (case "read-only") (case "invalid-seek") (case "text-file-busy") (case "cross-device")
            (case "other" (option string))))
        (export "error-code" (type $code (eq $code')))
        (type $path-flags' (flags "symlink-follow"))
        (export "path-flags" (type $path-flags (eq $path-flags')))
        (type $open-flags' (flags "create" "directory" "exclusive" "truncate"))
        (export "open-flags" (type $open-flags (eq $open-flags')))
        (type $flags' (flags "read" "write" "file-integrity-sync" "data-integrity-sync"
            "requested-write-sync" "mutate-directory"))
        (export "descriptor-flags" (type $flags (eq $flags')))
        (export "[method]descriptor.read-via-stream" (func (param "self" (borrow $descriptor))
            (param "offset" u64) (result (tuple (stream u8) (future (result (error $code)))))))
        (export "[method]descriptor.write-via-stream" (func (param "self" (borrow $descriptor))
            (param "data" (stream u8)) (param "offset" u64) (result (future (result (error $code))))))
        (export "[method]descriptor.open-at" (func async (param "self" (borrow $descriptor))
            (param "path-flags" $path-flags) (param "path" string) (param "open-flags" $open-flags)
            (param "flags" $flags) (result (result (own $descriptor) (error $code)))))))
    (alias export $types "descriptor" (type $descriptor))
    (alias export $types "error-code" (type $code))
    (import "wasi:filesystem/preopens@0.3.0" (instance $preopens
        (alias outer 1 $descriptor (type $d))
        (export "descriptor" (type $descriptor (eq $d)))
        (export "get-directories" (func (result (list (tuple (own $descriptor) string)))))))
    (type $bytes (stream u8))
    (type $outcome (future (result (error $code))))
    ;; Strings that are lowered into it are at 64 KiB, whatever else at 1 KiB.
    (core module $Memory
        (memory (export "memory") 4)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32)
            (select (i32.const 65536) (i32.const 1024) (i32.eq (local.get 2) (i32.const 1)))))
    (core instance $memory (instantiate $Memory))
    (alias core export $memory "memory" (core memory $mem))
    (alias core export $memory "realloc" (core func $realloc))
    (core func $get-dirs (canon lower (func $preopens "get-directories") (memory $mem) (realloc $realloc)))
    (core func $open
        (canon lower (func $types "[method]descriptor.open-at") (memory $mem) (realloc $realloc)))
    (core func $input (canon lower (func $types "[method]descriptor.read-via-stream") (memory $mem)))
    (core func $output (canon lower (func $types "[method]descriptor.write-via-stream")))
    (core func $new (canon stream.new $bytes))
    (core func $read (canon stream.read $bytes async (memory $mem)))
    (core func $write (canon stream.write $bytes async (memory $mem)))
    (core func $drop-readable (canon stream.drop-readable $bytes))
    (core func $drop-writable (canon stream.drop-writable $bytes))
    (core func $drop-outcome (canon future.drop-readable $outcome))
    (core module $M
        (import "" "memory" (memory 1))
        (import "" "get-dirs" (func $get-dirs (param i32)))
        (import "" "open" (func $open (param i32 i32 i32 i32 i32 i32 i32)))
        (import "" "input" (func $input (param i32 i64 i32)))
        (import "" "output" (func $output (param i32 i32 i64) (result i32)))
        (import "" "new" (func $new (result i64)))
        (import "" "read" (func $read (param i32 i32 i32) (result i32)))
        (import "" "write" (func $write (param i32 i32 i32) (result i32)))
        (import "" "drop-readable" (func $drop-readable (param i32)))
        (import "" "drop-writable" (func $drop-writable (param i32)))
        (import "" "drop-outcome" (func $drop-outcome (param i32)))
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
            (call $drop-outcome (i32.load (i32.const 20)))
            (local.set $stream (i32.load (i32.const 16)))
            ;; Not to a page of the guest's, 16 bytes into one of the system's: some processors take four times as long.
            (loop $again
                (if (i32.ne (call $read (local.get $stream) (i32.const 65584)
                        (i32.wrap_i64 (local.get $piece)))
                    (i32.shl (i32.wrap_i64 (local.get $piece)) (i32.const 4))) (then (unreachable)))
                (br_if $again (local.tee $pieces (i32.sub (local.get $pieces) (i32.const 1)))))
            (call $drop-readable (local.get $stream)))
        (func (export "write-stream") (param $piece i64) (param $pieces i32) (local $ends i64)
            (local $stream i32)
            (local.set $ends (call $new))
            (call $drop-outcome
                (call $output (global.get $written) (i32.wrap_i64 (local.get $ends)) (i64.const 0)))
            (local.set $stream (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))))
            (loop $again
                (if (i32.ne (call $write (local.get $stream) (i32.const 65536)
                        (i32.wrap_i64 (local.get $piece)))
                    (i32.shl (i32.wrap_i64 (local.get $piece)) (i32.const 4))) (then (unreachable)))
                (br_if $again (local.tee $pieces (i32.sub (local.get $pieces) (i32.const 1)))))
            (call $drop-writable (local.get $stream))))
    (core instance $m (instantiate $M (with "" (instance
        (export "memory" (memory $mem)) (export "get-dirs" (func $get-dirs)) (export "open" (func $open))
        (export "input" (func $input)) (export "output" (func $output)) (export "new" (func $new))
        (export "read" (func $read)) (export "write" (func $write))
        (export "drop-readable" (func $drop-readable)) (export "drop-writable" (func $drop-writable))
        (export "drop-outcome" (func $drop-outcome))))))
    (func (export "open") async (canon lift (core func $m "open")))
    (func (export "read-stream") async (param "piece" u64) (param "pieces" u32)
        (canon lift (core func $m "read-stream")))
    (func (export "write-stream") async (param "piece" u64) (param "pieces" u32)
        (canon lift (core func $m "write-stream"))))"#;

/// A guest that only sleeps: it has no memory. Its calls sleep at the same time.
const SLEEPER: &str = r#"(component
    (import "wasi:clocks/monotonic-clock@0.3.0" (instance $clock
        (export "wait-for" (func async (param "how-long" u64)))))
    (core func $wait (canon lower (func $clock "wait-for")))
    (core func $return (canon task.return))
    (core module $M
        (import "" "wait" (func $wait (param i64)))
        (import "" "return" (func $return))
        (func (export "sleep") (param $when i64)
            (call $wait (local.get $when))
            (call $return)))
    (core instance $m (instantiate $M (with "" (instance (export "wait" (func $wait))
        (export "return" (func $return))))))
    (func (export "sleep") async (param "when" u64) (canon lift (core func $m "sleep") async)))"#;

/// Files in a folder, by way of WASI 0.3.
pub(crate) struct Files {
    host: Host,
    instance: Instance,
}

impl Files {
    pub(crate) fn new(folder: &Folder) -> Self {
        let mut config = Config::new();
        config.dir(&folder.0, ".", DirRights::ReadWrite).unwrap();
        let mut host = Host::new(GUEST, config);
        let instance = host.linker.instantiate(&mut host.store.cx(), &host.component).unwrap();
        let open = instance.func("open").unwrap();
        let (args, results) = (std::ptr::dangling(), std::ptr::dangling_mut());
        host::call(&mut host.store.cx(), open, args, results, &host.arena).unwrap();
        Files { host, instance }
    }

    pub(crate) fn call(&mut self, name: &str, piece: usize, pieces: usize) {
        let args = (piece as u64, pieces as u32);
        let (args, results) = ((&raw const args).cast(), std::ptr::dangling_mut());
        let func = self.instance.func(name).unwrap();
        let cx = &mut self.host.store.cx();
        host::call(cx, func, args, results, &self.host.arena).unwrap();
    }
}

pub(crate) fn asleep() {
    let counts = [1_000, 10_000, 100_000].into_iter();
    let name = |n: &usize| format!("{n} calls asleep");
    let counts: Vec<_> = counts.filter(|n| report::is_wanted(&name(n))).collect();
    if !counts.is_empty() {
        println!(
            "\n{:<16} {:>12} {:>20} {:>20}",
            "calls asleep", "bytes each", "ns to fall asleep", "ns per wake-up"
        );
    }
    for count in counts {
        let mut config = Config::new();
        config.limits().resources = 1 << 20;
        let mut host = Host::new(SLEEPER, config);
        let func = host.func("sleep");
        crate::sleep(&mut host, &vec![func; count], "calls");
    }
}

/// Reads from a server's standard output which port it has.
fn serve(file: &str, args: &[&str]) -> (std::thread::JoinHandle<()>, u16) {
    let (told, port) = channel();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wasi").join(file);
    let wasm = std::fs::read(path).unwrap();
    let mut config = Config::new();
    for arg in args {
        config.arg(arg).unwrap();
    }
    let line = Mutex::new(Vec::new());
    config.stdout(Output::Host(Arc::new(move |bytes| {
        let mut line = line.lock().unwrap();
        line.extend_from_slice(bytes);
        if line.ends_with(b"\n") {
            let text = String::from_utf8(std::mem::take(&mut *line)).unwrap();
            if let Some(port) = text.trim().strip_prefix("port ") {
                told.send(port.parse().unwrap()).unwrap();
            }
        }
        Ok(bytes.len())
    })));
    config.network(Arc::new(|address, _| address.ip().is_loopback()));
    let server = std::thread::spawn(move || {
        let engine: Arc<dyn Engine> = Arc::new(WasmiEngine::default());
        let component = Component::load(&engine, &wasm).unwrap();
        let mut linker = Linker::new();
        cmabi::wasi::add_to_linker(&mut linker, config).unwrap();
        let mut store = Store::new(&*engine, &StoreConfig::default()).unwrap();
        let instance = linker.instantiate(&mut store.cx(), &component).unwrap();
        let is_run = |name: &&str| name.starts_with("wasi:cli/run@");
        let run = instance.exports().map(|(name, _)| name).find(is_run).unwrap();
        let run = instance.func(&format!("{run}#run")).unwrap();
        let (mut result, arena) = (0u8, Rc::new(Arena::new()));
        let (args, results) = (std::ptr::dangling(), &raw mut result);
        host::call(&mut store.cx(), run, args, results, &arena).unwrap();
        assert_eq!(result, 0);
    });
    (server, port.recv().unwrap())
}

/// The best of several rounds, in nanoseconds for one message there and back.
fn round_trip(port: u16, size: usize) -> f64 {
    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    client.set_nodelay(true).unwrap();
    let (sent, mut echo) = (vec![7; size], vec![0; size]);
    let mut best = f64::MAX;
    let times = 1000;
    for _ in 0..10 {
        let start = Instant::now();
        for _ in 0..times {
            client.write_all(&sent).unwrap();
            client.read_exact(&mut echo).unwrap();
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(times));
    }
    best
}

/// Beside a thread that reads and writes.
pub(crate) fn echo() {
    if !report::is_wanted("echo") {
        return;
    }
    for size in [64, 4096] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let peer = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut bytes = [0; 4096];
            while let Ok(len @ 1..) = client.read(&mut bytes) {
                client.write_all(&bytes[..len]).unwrap();
            }
        });
        let native = round_trip(port, size);
        peer.join().unwrap();
        for (name, file, args) in [
            ("0.2", "programs.wasm", &["programs", "serve", "127.0.0.1:0"][..]),
            ("0.3", "v3-echo.wasm", &["v3-echo", "1"]),
            ("0.3, stream given to the host", "v3-echo.wasm", &["v3-echo", "pass", "1"]),
        ] {
            let (server, port) = serve(file, args);
            let ours = round_trip(port, size);
            server.join().unwrap();
            report::line(
                "wasi",
                &format!("echo {size} B, {name}"),
                (ours, native),
                &[],
                "peer: a thread",
            );
        }
    }
}
