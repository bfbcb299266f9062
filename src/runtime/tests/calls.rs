use super::*;
use crate::error::Trap;
use std::sync::Mutex;

const ADD: &str = r#"(module (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1))))"#;

#[test]
fn the_host_calls_a_guest() {
    let mut fx = Fixture::new();
    let inst = fx.instance("adder");
    let core = fx.core(inst, ADD, &[]);
    let add = fx.lift(inst, &core, "add", &u32s(2), Options::default());
    assert_eq!(fx.call(&add, &[2, 40]).unwrap(), 42);
    fx.assert_idle();
}

#[test]
fn a_guest_calls_the_host() {
    let mut fx = Fixture::new();
    let inst = fx.instance("caller");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sees = seen.clone();
    let note = host(u32s(2), "note", move |call| {
        sees.lock().unwrap().push((call.args.align_offset(4), call.ty.params().len()));
        Ok(HostOutcome::Returned)
    });
    let note = fx.lower(inst, &note, Options::default());
    let core = fx.core(
        inst,
        r#"(module (import "" "note" (func $note (param i32 i32) (result i32)))
            (func (export "run") (drop (call $note (i32.const 1) (i32.const 2)))))"#,
        &[note],
    );
    let run = fx.lift(inst, &core, "run", &func_type(&[], None, false), Options::default());
    fx.call(&run, &[]).unwrap();
    assert_eq!(*seen.lock().unwrap(), [(0, 2)]);
    fx.assert_idle();
}

/// A bump allocator that counts its calls.
const HEAP: &str = r#"(memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (global.get $next)
        (global.set $next (i32.add (global.get $next) (i32.and (i32.add (local.get 3) (i32.const 7)) (i32.const -8)))))"#;

#[test]
fn strings_go_from_guest_to_guest() {
    let mut fx = Fixture::new();
    let (a, b) = (fx.instance("a"), fx.instance("b"));
    let ty = func_type(&[Type::string()], Some(Type::string()), false);
    // Returns its argument with the first byte changed.
    let callee = fx.core(
        b,
        &format!(
            r#"(module {HEAP} (func (export "f") (param i32 i32) (result i32)
                (i32.store8 (local.get 0) (i32.const 0x4a))
                (i32.store (i32.const 16) (local.get 0))
                (i32.store (i32.const 20) (local.get 1))
                (i32.const 16)))"#
        ),
        &[],
    );
    let opts = fx.options(&callee);
    let f = fx.lift(b, &callee, "f", &ty, opts);
    let heap = fx.core(a, &format!("(module {HEAP})"), &[]);
    let opts = fx.options(&heap);
    let lowered = fx.lower(a, &f, opts);
    let memory = CoreExtern::Memory(fx.memory(&heap));
    let caller = fx.core(
        a,
        r#"(module (import "" "f" (func $f (param i32 i32 i32))) (import "" "m" (memory 1))
            (func (export "g") (param i32 i32) (result i32)
                (call $f (local.get 0) (local.get 1) (i32.const 32)) (i32.const 32)))"#,
        &[lowered, memory],
    );
    let g = fx.lift(a, &caller, "g", &ty, opts);
    let arg = "hello";
    let mut result = (0usize, 0usize);
    let args = (arg.as_ptr(), arg.len());
    call(
        &mut fx.store.cx(),
        &g,
        (&raw const args).cast(),
        (&raw mut result).cast(),
        &fx.arena.clone(),
    )
    .unwrap();
    // SAFETY: the runtime has put the string there.
    let text = unsafe { std::slice::from_raw_parts(result.0 as *const u8, result.1) };
    assert_eq!(text, b"Jello");
    fx.assert_idle();
}

#[test]
fn a_trap_poisons_what_it_went_through_and_names_it() {
    let mut fx = Fixture::new();
    let (a, b, c) = (fx.instance("a"), fx.instance("b"), fx.instance("c"));
    let ty = func_type(&[], None, false);
    let core = fx.core(b, r#"(module (func (export "f") unreachable))"#, &[]);
    let f = fx.lift(b, &core, "f", &ty, Options::default());
    let lowered = fx.lower(a, &f, Options::default());
    let core = fx.core(a, r#"(module (import "" "f" (func)) (export "g" (func 0)))"#, &[lowered]);
    let g = fx.lift(a, &core, "g", &ty, Options::default());
    let core = fx.core(c, r#"(module (func (export "h")))"#, &[]);
    let h = fx.lift(c, &core, "h", &ty, Options::default());
    let error = fx.call(&g, &[]).unwrap_err();
    assert_trap(&error, "unreachable");
    assert_eq!(&*error.trap().unwrap().frames().last().unwrap().name, "g");
    assert_trap(&fx.call(&g, &[]).unwrap_err(), "cannot enter component instance");
    assert_trap(&fx.call(&f, &[]).unwrap_err(), "cannot enter component instance");
    fx.call(&h, &[]).unwrap();
    fx.assert_idle();
}

#[test]
fn guests_cannot_leave_from_realloc_and_post_return() {
    let mut fx = Fixture::new();
    let inst = fx.instance("i");
    let ty = func_type(&[], None, false);
    let leave = host(ty.clone(), "leave", |_| Ok(HostOutcome::Returned));
    let leave = fx.lower(inst, &leave, Options::default());
    let core = fx.core(
        inst,
        r#"(module (import "" "leave" (func $leave)) (memory (export "memory") 1)
            (func (export "f") (param i32 i32))
            (func (export "g"))
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (call $leave) unreachable)
            (func (export "post") (call $leave)))"#,
        &[leave],
    );
    let post_return = Some(fx.func(&core, "post"));
    let g = fx.lift(inst, &core, "g", &ty, Options { post_return, ..Options::default() });
    assert_trap(&fx.call(&g, &[]).unwrap_err(), "cannot leave component instance");
    fx.assert_idle();
}

#[test]
fn nesting_is_bounded() {
    let mut fx = Fixture::with(StoreConfig { max_nesting: 10, ..StoreConfig::default() });
    let ty = func_type(&[], None, false);
    let mut next = host(ty.clone(), "end", |_| Ok(HostOutcome::Returned));
    for i in 0..11 {
        let inst = fx.instance(&format!("i{i}"));
        let lowered = fx.lower(inst, &next, Options::default());
        let core =
            fx.core(inst, r#"(module (import "" "f" (func)) (export "f" (func 0)))"#, &[lowered]);
        next = fx.lift(inst, &core, "f", &ty, Options::default());
    }
    let error = fx.call(&next, &[]).unwrap_err();
    assert!(matches!(error.trap().unwrap().reason(), Trap::NestingLimit { limit: 10 }));
    fx.assert_idle();
}
