//! Calls that are put on record late, or cannot be.

use super::*;
use crate::types::{Kind, ResourceType};
use std::sync::Mutex;

#[test]
fn a_call_that_the_host_puts_on_record_knows_who_has_called() {
    let mut fx = Fixture::new();
    let tasks = Arc::new(Mutex::new(Vec::new()));
    let (inner, outer) = (fx.instance("inner"), fx.instance("outer"));
    let kept = tasks.clone();
    let pending = host(func_type(&[], None, true), "pending", move |call| {
        kept.lock().unwrap().push(call.serving.task(call.cx)?);
        Ok(HostOutcome::Pending)
    });
    let import = fx.lower(inner, &pending, Options::default());
    let wat = r#"(module (import "" "f" (func $f)) (func (export "inner") (call $f) unreachable))"#;
    let core = fx.core(inner, wat, &[import]);
    let ty = func_type(&[], None, true);
    let inner_func = fx.lift(inner, &core, "inner", &ty, Options::default());
    let imports =
        [fx.builtin(outer, Builtin::ThreadIndex), fx.lower(outer, &inner_func, Options::default())];
    let wat = r#"(module (import "" "index" (func $index (result i32))) (import "" "f" (func $f))
        (func (export "outer") (drop (call $index)) (call $f)))"#;
    let core = fx.core(outer, wat, &imports);
    let outer_func = fx.lift(outer, &core, "outer", &ty, Options::default());
    let (cx, arena) = (&mut fx.store.cx(), &fx.arena);
    let (args, results) = (std::ptr::null(), std::ptr::null_mut());
    let subtask = start(cx, &outer_func, args, results, arena, None).unwrap();
    let task = tasks.lock().unwrap().remove(0);
    task.return_(cx, std::ptr::null()).unwrap();
    let error = run(cx).unwrap_err();
    assert_trap(&error, "in inner");
    assert_trap(&error, "in outer (outer)");
    subtask.drop(cx).unwrap();
}

/// A host lends five handles to a call that passes them on; what makes its records may find no memory.
#[test]
fn where_there_is_no_memory_for_records_nothing_is_left() {
    let go = |limit: u64| {
        let config = StoreConfig { max_host_bytes: limit, ..StoreConfig::default() };
        let mut fx = Fixture::with(config);
        let [owner, inner, outer] = ["owner", "inner", "outer"].map(|name| fx.instance(name));
        let thing = ResourceType::new("thing");
        define_resource(&mut fx.store.cx(), &thing, owner, None);
        let own = |i| fx.store.shared().state.borrow_mut().lower_own(InstanceId::HOST, &thing, i);
        let handles: Vec<u32> = (0..5).map(|i| own(i).unwrap()).collect();
        let looks = host(func_type(&[], None, false), "looks", |call| {
            call.serving.task(call.cx)?;
            Ok(HostOutcome::Returned)
        });
        let drops = |name: &str, f: &str| {
            format!(
                r#"(module (import "" "f" (func $f {f})) (import "" "drop" (func $drop (param i32)))
                    (func (export "{name}") (param i32 i32 i32 i32 i32)
                        {} (call $f)
                        (call $drop (local.get 0)) (call $drop (local.get 1))
                        (call $drop (local.get 2)) (call $drop (local.get 3))
                        (call $drop (local.get 4))))"#,
                if f.is_empty() {
                    ""
                } else {
                    "(local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4)"
                },
            )
        };
        let ty = func_type(&vec![Type::new(Kind::Borrow(thing.clone())).unwrap(); 5], None, true);
        let drop_of =
            |fx: &mut Fixture, inst| fx.builtin(inst, Builtin::ResourceDrop(thing.clone()));
        let imports = [fx.lower(inner, &looks, Options::default()), drop_of(&mut fx, inner)];
        let core = fx.core(inner, &drops("inner", ""), &imports);
        let func = fx.lift(inner, &core, "inner", &ty, Options::default());
        let imports = [fx.lower(outer, &func, Options::default()), drop_of(&mut fx, outer)];
        let core = fx.core(outer, &drops("outer", "(param i32 i32 i32 i32 i32)"), &imports);
        let func = fx.lift(outer, &core, "outer", &ty, Options::default());
        func.make_host_plans(&fx.store.cx());
        let before = fx.store.shared().host_memory.used();
        let (args, results) = (handles.as_ptr().cast(), std::ptr::null_mut());
        let called = call(&mut fx.store.cx(), &func, args, results, &fx.arena);
        fx.assert_idle();
        for handle in handles {
            let mut state = fx.store.shared().state.borrow_mut();
            assert_eq!(state.resource(InstanceId::HOST, &thing, handle).unwrap().num_lends, 0);
        }
        (before, called)
    };
    let (base, called) = go(1 << 30);
    called.unwrap();
    let outcomes: Vec<_> = (0..12_000).step_by(64).map(|more| go(base + more).1).collect();
    let failed = outcomes.iter().filter_map(|called| called.as_ref().err());
    failed.for_each(|error| assert_trap(error, "resource limit exceeded"));
    assert!(outcomes[0].is_err() && outcomes.last().unwrap().is_ok(), "{:?}", outcomes.last());
}
