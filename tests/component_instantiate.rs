//! Instantiation: what the definitions of a component mean when they run.
#![cfg(all(feature = "component", feature = "wasmi"))]

mod support;

use cmabi::component::{Component, Extern};
use cmabi::core_types::AddrType;
use cmabi::error::{ErrorKind, Trap};
use cmabi::runtime::{HostOutcome, Store, StoreConfig};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use support::{World, counter};

/// A string or list as the host sees it.
#[repr(C)]
#[derive(Clone, Copy)]
struct Slice {
    ptr: *const u8,
    len: usize,
}

impl Default for Slice {
    fn default() -> Self {
        Slice { ptr: std::ptr::null(), len: 0 }
    }
}

#[test]
fn nested_components_see_what_their_parents_define() {
    let mut world = World::new();
    let instance = world.instantiate(
        r#"(component $outer
            (core module $number (func (export "n") (result i32) (i32.const 11)))
            (component $leaf
                (alias outer $outer $number (core module $m))
                (core instance $m (instantiate $m))
                (func (export "n") (result u32) (canon lift (core func $m "n"))))
            (component $middle
                (component $inner
                    (alias outer $outer $leaf (component $c))
                    (instance $c (instantiate $c))
                    (export "n" (func $c "n")))
                (instance $i (instantiate $inner))
                (instance (export "n" (func $i "n")))
                (export "api" (instance 1)))
            (instance $middle (instantiate $middle))
            (alias export $middle "api" (instance $api))
            (export "n" (func $api "n"))
            (export "leaf" (component $leaf))
            (export "number" (core module $number)))"#,
    );
    assert_eq!(world.call::<_, u32>(&instance, "n", ()).unwrap(), 11);
    assert!(matches!(instance.export("leaf").unwrap(), Extern::Component(_)));
    assert!(matches!(instance.export("number").unwrap(), Extern::Module(_)));
}

#[test]
fn exported_components_and_modules_serve_other_instantiations() {
    let mut world = World::new();
    let library = world.instantiate(
        r#"(component
            (core module $m (func (export "n") (result i32) (i32.const 3)))
            (component $c
                (core module $m (func (export "n") (result i32) (i32.const 4)))
                (core instance $m (instantiate $m))
                (func (export "n") (result u32) (canon lift (core func $m "n"))))
            (export "c" (component $c))
            (export "m" (core module $m)))"#,
    );
    world.linker.root().exports_of(&library).unwrap();
    let instance = world.instantiate(
        r#"(component
            (import "m" (core module $m (export "n" (func (result i32)))))
            (import "c" (component $c (export "n" (func (result u32)))))
            (core instance $m (instantiate $m))
            (instance $c (instantiate $c))
            (func (export "a") (result u32) (canon lift (core func $m "n")))
            (export "b" (func $c "n")))"#,
    );
    assert_eq!(world.call::<_, u32>(&instance, "a", ()).unwrap(), 3);
    assert_eq!(world.call::<_, u32>(&instance, "b", ()).unwrap(), 4);
}

/// A module with a bump allocator behind `realloc`.
const LIBC: &str = r#"(core module $libc
    (memory (export "memory") 1)
    (global $top (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
        ;; Only ever asked to shrink what there is.
        (if (local.get 0) (then (return (local.get 0))))
        (local.set $at (i32.and
            (i32.add (global.get $top) (i32.sub (local.get 2) (i32.const 1)))
            (i32.sub (i32.const 0) (local.get 2))))
        (global.set $top (i32.add (local.get $at) (local.get 3)))
        (local.get $at)))"#;

#[test]
fn each_lift_has_its_own_canonical_options() {
    let mut world = World::new();
    let instance = world.instantiate(&format!(
        r#"(component
            {LIBC}
            (core instance $narrow (instantiate $libc))
            (core instance $wide (instantiate $libc))
            (core module $main
                (import "narrow" "memory" (memory $n 1))
                (import "wide" "memory" (memory $w 1))
                (func (export "len") (param i32 i32) (result i32) (local.get 1))
                (func (export "first") (param i32 i32) (result i32)
                    (i32.load16_u $w (local.get 0))))
            (core instance $main (instantiate $main
                (with "narrow" (instance $narrow)) (with "wide" (instance $wide))))
            (func (export "bytes") (param "s" string) (result u32)
                (canon lift (core func $main "len") string-encoding=utf8
                    (memory (core memory $narrow "memory"))
                    (realloc (core func $narrow "realloc"))))
            (func (export "units") (param "s" string) (result u32)
                (canon lift (core func $main "len") string-encoding=utf16
                    (memory (core memory $wide "memory"))
                    (realloc (core func $wide "realloc"))))
            (func (export "first") (param "s" string) (result u32)
                (canon lift (core func $main "first") string-encoding=utf16
                    (memory (core memory $wide "memory"))
                    (realloc (core func $wide "realloc")))))"#
    ));
    let text = "é€𝄞";
    let text = Slice { ptr: text.as_ptr(), len: text.len() };
    assert_eq!(world.call::<_, u32>(&instance, "bytes", text).unwrap(), 9);
    assert_eq!(world.call::<_, u32>(&instance, "units", text).unwrap(), 4);
    assert_eq!(world.call::<_, u32>(&instance, "first", text).unwrap(), 0xe9);
}

#[test]
fn memories_with_64_bit_addresses_pass_values() {
    let mut world = World::new();
    let instance = world.instantiate(
        r#"(component
            (core module $m
                (memory (export "memory") i64 1)
                (func (export "realloc") (param i64 i64 i64 i64) (result i64) (i64.const 64))
                (func (export "echo") (param i64 i64) (result i64)
                    (i64.store (i64.const 16) (local.get 0))
                    (i64.store (i64.const 24) (local.get 1))
                    (i64.const 16)))
            (core instance $m (instantiate $m))
            (func (export "echo") (param "s" string) (result string)
                (canon lift (core func $m "echo")
                    (memory (core memory $m "memory")) (realloc (core func $m "realloc")))))"#,
    );
    let text = "sixty-four";
    let back: Slice =
        world.call(&instance, "echo", Slice { ptr: text.as_ptr(), len: text.len() }).unwrap();
    assert_eq!(back.len, text.len());
}

#[test]
fn instances_of_one_component_share_what_they_are_given() {
    let mut world = World::new();
    let instance = world.instantiate(
        r#"(component
            (core module $shared
                (memory (export "memory") 1)
                (table (export "table") 1 funcref)
                (global (export "global") (mut i32) (i32.const 0)))
            (core instance $shared (instantiate $shared))
            (core module $writer
                (import "" "memory" (memory 1))
                (import "" "table" (table 1 funcref))
                (import "" "global" (global $g (mut i32)))
                (elem (i32.const 0) func $five)
                (func $five (result i32) (i32.const 5))
                (func $start
                    (i32.store (i32.const 0) (i32.const 6)) (global.set $g (i32.const 7)))
                (start $start))
            (core instance $writer (instantiate $writer (with "" (instance $shared))))
            (core module $reader
                (import "" "memory" (memory 1))
                (import "" "table" (table 1 funcref))
                (import "" "global" (global $g (mut i32)))
                (type $f (func (result i32)))
                (func (export "sum") (result i32)
                    (i32.add (i32.load (i32.const 0))
                        (i32.add (global.get $g) (call_indirect (type $f) (i32.const 0))))))
            (core instance $reader (instantiate $reader (with "" (instance
                (export "memory" (memory $shared "memory"))
                (export "table" (table $shared "table"))
                (export "global" (global $shared "global"))))))
            (func (export "sum") (result u32) (canon lift (core func $reader "sum"))))"#,
    );
    assert_eq!(world.call::<_, u32>(&instance, "sum", ()).unwrap(), 18);
}

#[test]
fn a_trap_in_a_start_function_ends_the_instantiation_only() {
    let mut world = World::new();
    let count = Arc::new(AtomicU32::new(0));
    world.linker.root().func("tick", None, counter(&count)).unwrap();
    let component = |body: &str| {
        format!(
            r#"(component
                (import "tick" (func $tick))
                (core func $tick' (canon lower (func $tick)))
                (core module $m
                    (import "" "tick" (func $tick))
                    (func $start (call $tick) {body})
                    (func (export "run") (call $tick))
                    (start $start))
                (core instance $m (instantiate $m (with "" (instance
                    (export "tick" (func $tick'))))))
                (func (export "run") (canon lift (core func $m "run"))))"#
        )
    };
    let error = world.try_instantiate(&component("unreachable")).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Trap);
    assert!(error.to_string().contains("unreachable"), "{error}");
    assert!(error.to_string().contains("instantiation of component"), "{error}");
    let instance = world.instantiate(&component(""));
    world.call::<_, ()>(&instance, "run", ()).unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 3);
}

#[test]
fn start_functions_may_not_block() {
    let mut world = World::new();
    world.linker.root().func("later", None, Arc::new(|_| Ok(HostOutcome::Pending))).unwrap();
    let error = world
        .try_instantiate(
            r#"(component
                (import "later" (func $later async))
                (core func $later' (canon lower (func $later)))
                (core module $m (import "" "later" (func $start)) (start $start))
                (core instance (instantiate $m (with "" (instance
                    (export "later" (func $later')))))))"#,
        )
        .err()
        .unwrap();
    let reason = error.trap().expect("a trap").reason();
    assert!(matches!(reason, Trap::CannotBlock), "{reason}");
}

/// Defines a resource type whose destructor adds up the representations.
const RESOURCE: &str = r#"(component
    (core module $dtor
        (global $sum (mut i32) (i32.const 0))
        (func (export "dtor") (param i32)
            (global.set $sum (i32.add (global.get $sum) (local.get 0))))
        (func (export "sum") (result i32) (global.get $sum)))
    (core instance $dtor (instantiate $dtor))
    (type $r (resource (rep i32) (dtor (core func $dtor "dtor"))))
    (core func $new (canon resource.new $r))
    (core func $rep (canon resource.rep $r))
    (core module $m
        (import "" "new" (func $new (param i32) (result i32)))
        (import "" "rep" (func $rep (param i32) (result i32)))
        (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
        (func (export "look") (param i32) (result i32) (local.get 0))
        (func (export "open") (param i32) (result i32) (call $rep (local.get 0))))
    (core instance $m (instantiate $m (with "" (instance
        (export "new" (func $new)) (export "rep" (func $rep))))))
    (export $r' "r" (type $r))
    (func (export "make") (param "n" u32) (result (own $r'))
        (canon lift (core func $m "make")))
    (func (export "look") (param "r" (borrow $r')) (result u32)
        (canon lift (core func $m "look")))
    (func (export "open") (param "r" (own $r')) (result u32)
        (canon lift (core func $m "open")))
    (func (export "dropped") (result u32) (canon lift (core func $dtor "sum"))))"#;

#[test]
fn resources_pass_through_several_instances() {
    let mut world = World::new();
    let resource = world.instantiate(RESOURCE);
    world.linker.root().existing("a:b/res", &resource).unwrap();
    let instance = world.instantiate(
        r#"(component
            (import "a:b/res" (instance $res
                (export "r" (type $r (sub resource)))
                (export "make" (func (param "n" u32) (result (own $r))))
                (export "look" (func (param "r" (borrow $r)) (result u32)))
                (export "open" (func (param "r" (own $r)) (result u32)))))
            (component $user
                (import "r" (type $r (sub resource)))
                (import "make" (func $make (param "n" u32) (result (own $r))))
                (import "look" (func $look (param "r" (borrow $r)) (result u32)))
                (core func $make (canon lower (func $make)))
                (core func $look (canon lower (func $look)))
                (core func $drop (canon resource.drop $r))
                (core module $m
                    (import "" "make" (func $make (param i32) (result i32)))
                    (import "" "look" (func $look (param i32) (result i32)))
                    (import "" "drop" (func $drop (param i32)))
                    (func (export "run") (param i32) (result i32) (local $h i32) (local $n i32)
                        (local.set $h (call $make (local.get 0)))
                        (local.set $n (call $look (local.get $h)))
                        (call $drop (local.get $h))
                        (local.get $n))
                    (func (export "give") (param i32) (result i32) (call $make (local.get 0))))
                (core instance $m (instantiate $m (with "" (instance
                    (export "make" (func $make)) (export "look" (func $look))
                    (export "drop" (func $drop))))))
                (func (export "run") (param "n" u32) (result u32)
                    (canon lift (core func $m "run")))
                (export $r' "r2" (type $r))
                (func (export "give") (param "n" u32) (result (own $r'))
                    (canon lift (core func $m "give"))))
            (alias export $res "r" (type $r))
            (instance $user (instantiate $user
                (with "r" (type $r))
                (with "make" (func $res "make")) (with "look" (func $res "look"))))
            (export "run" (func $user "run"))
            (export $r2 "r" (type $user "r2"))
            (export "give" (func $user "give") (func (param "n" u32) (result (own $r2)))))"#,
    );
    assert_eq!(world.call::<_, u32>(&instance, "run", 21_u32).unwrap(), 21);
    assert_eq!(world.call::<_, u32>(&resource, "dropped", ()).unwrap(), 21);
    // The same type under another name: what one instance gives, the other takes.
    let handle: u32 = world.call(&instance, "give", 5_u32).unwrap();
    assert_eq!(world.call::<_, u32>(&resource, "look", handle).unwrap(), 5);
    assert_eq!(world.call::<_, u32>(&resource, "open", handle).unwrap(), 5);
    assert!(world.call::<_, u32>(&resource, "look", handle).is_err());
}

#[test]
fn resource_types_are_new_for_each_instance() {
    let mut world = World::new();
    let (one, two) = (world.instantiate(RESOURCE), world.instantiate(RESOURCE));
    let handle: u32 = world.call(&one, "make", 1_u32).unwrap();
    let error = world.call::<_, u32>(&two, "look", handle).err().unwrap();
    assert!(error.to_string().contains("resource"), "{error}");
    assert_eq!(world.call::<_, u32>(&one, "look", handle).unwrap(), 1);
}

#[test]
fn host_resources_are_dropped_by_the_guest() {
    let mut world = World::new();
    let dropped = Arc::new(AtomicU32::new(0));
    let dtor = {
        let dropped = dropped.clone();
        Arc::new(move |_: &mut cmabi::runtime::Cx<'_>, rep: u32| {
            dropped.fetch_add(rep, Ordering::Relaxed);
            Ok(())
        })
    };
    let thing = cmabi::types::ResourceType::new("thing");
    world.linker.instance("a:b/host").unwrap().resource("thing", thing, Some(dtor)).unwrap();
    let instance = world.instantiate(
        r#"(component
            (import "a:b/host" (instance $host (export "thing" (type (sub resource)))))
            (alias export $host "thing" (type $thing))
            (core func $drop (canon resource.drop $thing))
            (core module $m (import "" "drop" (func $drop (param i32)))
                (func (export "run") (param i32) (call $drop (local.get 0))))
            (core instance $m (instantiate $m (with "" (instance (export "drop" (func $drop))))))
            (func (export "run") (param "n" u32) (canon lift (core func $m "run"))))"#,
    );
    let error = world.call::<_, ()>(&instance, "run", 9_u32).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Trap);
    assert!(error.to_string().contains("resource.drop"), "{error}");
    assert_eq!(dropped.load(Ordering::Relaxed), 0);
}

#[test]
fn an_ascribed_export_shows_only_what_its_type_has() {
    let mut world = World::new();
    let instance = world.instantiate(
        r#"(component
            (core module $m (func (export "f")) (func (export "g")))
            (core instance $m (instantiate $m))
            (func $f (canon lift (core func $m "f")))
            (func $g (canon lift (core func $m "g")))
            (instance $both (export "f" (func $f)) (export "g" (func $g)))
            (export "both" (instance $both))
            (export "one" (instance $both) (instance (export "f" (func)))))"#,
    );
    assert!(instance.func("both#g").is_ok());
    assert!(instance.func("one#f").is_ok());
    assert!(instance.func("one#g").is_err());
}

#[test]
fn parents_call_children_that_call_back() {
    let mut world = World::new();
    let instance = world.instantiate(
        r#"(component
            (core module $libc
                (table (export "table") 1 funcref))
            (core instance $libc (instantiate $libc))
            (core module $base (func (export "seven") (result i32) (i32.const 7)))
            (core instance $base (instantiate $base))
            (func $seven (result u32) (canon lift (core func $base "seven")))
            (component $child
                (import "parent" (func $parent (result u32)))
                (core func $parent' (canon lower (func $parent)))
                (core module $m (import "" "p" (func $p (result i32)))
                    (func (export "run") (result i32) (i32.mul (call $p) (i32.const 6))))
                (core instance $m (instantiate $m (with "" (instance
                    (export "p" (func $parent'))))))
                (func (export "run") (result u32) (canon lift (core func $m "run"))))
            (instance $child (instantiate $child (with "parent" (func $seven))))
            (core func $run (canon lower (func $child "run")))
            (core module $m (import "" "run" (func $run (result i32)))
                (func (export "run") (result i32) (call $run)))
            (core instance $m (instantiate $m (with "" (instance (export "run" (func $run))))))
            (func (export "run") (result u32) (canon lift (core func $m "run"))))"#,
    );
    assert_eq!(world.call::<_, u32>(&instance, "run", ()).unwrap(), 42);
}

#[test]
fn every_built_in_can_be_defined() {
    let mut world = World::new();
    world.instantiate(
        r#"(component
            (core module $libc
                (memory (export "memory") 1)
                (table (export "table") 1 funcref)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
            (core instance $libc (instantiate $libc))
            (alias core export $libc "memory" (core memory $memory))
            (alias core export $libc "table" (core table $table))
            (alias core export $libc "realloc" (core func $realloc))
            (type $r (resource (rep i32)))
            (type $s (stream u8))
            (type $f (future string))
            (core type $start (func (param i32)))
            (canon resource.new $r (core func))
            (canon resource.drop $r (core func))
            (canon resource.rep $r (core func))
            (canon context.get i32 0 (core func))
            (canon context.set i32 1 (core func))
            (canon backpressure.inc (core func))
            (canon backpressure.dec (core func))
            (canon task.return (result string) (memory $memory) (core func))
            (canon task.cancel (core func))
            (canon waitable-set.new (core func))
            (canon waitable-set.wait (memory $memory) (core func))
            (canon waitable-set.poll (memory $memory) (core func))
            (canon waitable-set.drop (core func))
            (canon waitable.join (core func))
            (canon subtask.cancel async (core func))
            (canon subtask.drop (core func))
            (canon stream.new $s (core func))
            (canon stream.read $s async (memory $memory) (core func))
            (canon stream.write $s async (memory $memory) (core func))
            (canon stream.cancel-read $s async (core func))
            (canon stream.cancel-write $s (core func))
            (canon stream.drop-readable $s (core func))
            (canon stream.drop-writable $s (core func))
            (canon stream.forward $s (core func))
            (canon future.new $f (core func))
            (canon future.read $f async (memory $memory) (realloc $realloc) (core func))
            (canon future.write $f async (memory $memory) (core func))
            (canon future.cancel-read $f (core func))
            (canon future.cancel-write $f async (core func))
            (canon future.drop-readable $f (core func))
            (canon future.drop-writable $f (core func))
            (canon future.forward $f (core func))
            (canon error-context.new (memory $memory) (core func))
            (canon error-context.debug-message (memory $memory) (realloc $realloc) (core func))
            (canon error-context.drop (core func))
            (canon thread.index (core func))
            (canon thread.new-indirect $start (core table $table) (core func))
            (canon thread.resume-later (core func))
            (canon thread.suspend (core func))
            (canon thread.yield (core func))
            (canon thread.suspend-then-resume (core func))
            (canon thread.yield-then-resume (core func))
            (canon thread.suspend-then-promote (core func))
            (canon thread.yield-then-promote (core func)))"#,
    );
}

#[test]
fn instantiations_are_bounded_in_depth_and_number() {
    let mut world = World::new();
    let chain = |length: usize, copies: usize| {
        let mut text = "(component $root (component $c0)".to_string();
        for i in 1..=length {
            let instances = format!("(instance (instantiate $c{}))", i - 1).repeat(copies);
            text += &format!(
                "(component $c{i} (alias outer $root $c{0} (component $c{0})) {instances})",
                i - 1
            );
        }
        text + &format!("(instance (instantiate $c{length})))")
    };
    world.instantiate(&chain(45, 1));
    let error = world.try_instantiate(&chain(900, 1)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(error.to_string(), "component instances nest more than 50 deep");
    let error = world.try_instantiate(&chain(40, 2)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(
        error.to_string(),
        "resource limit exceeded: component and core instances of one instantiation: \
         1 more instances asked for, 10000 of 10000 in use (see cmabi_config_set_max_instances)"
    );
}

/// xorshift64*: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % n
    }
}

#[test]
fn damaged_components_run_without_panic() {
    let wasm = wat::parse_str(RESOURCE).unwrap();
    let mut random = Random(0xdecade);
    let mut config = StoreConfig::default();
    config.engine.fuel = Some(100_000);
    config.engine.max_memory_bytes = Some(1 << 20);
    config.engine.max_table_elements = Some(1 << 10);
    let mut world = World::new();
    let mut ran = 0;
    for _ in 0..4_000 {
        let mut damaged = wasm.clone();
        for _ in 0..=random.below(2) {
            let at = random.below(damaged.len());
            damaged[at] ^= 1 << random.below(8);
        }
        let Ok(component) = Component::load(&world.engine, &damaged) else { continue };
        world.store = Store::new(&*world.engine, &config).unwrap();
        let Ok(instance) = world.linker.instantiate(&mut world.store.cx(), &component) else {
            continue;
        };
        for (_, item) in instance.exports() {
            if let Extern::Func(func) = item
                && func
                    .ty()
                    .params_type()
                    .is_none_or(|params| params.info().size(AddrType::I64) < 64)
                && func.ty().result().is_none_or(|result| result.info().size(AddrType::I64) < 64)
            {
                ran += usize::from(world.call_func::<_, [u64; 8]>(func, [1_u64; 8]).is_ok());
            }
        }
    }
    assert!(ran > 100, "only {ran} calls returned");
}
