use super::*;
use crate::account::Account;
use crate::engine::{
    Continuation, CoreExtern, CoreExternType, CoreFunc, CoreFuncType, CoreInstance, CoreTable,
    CoreType, Flow, ImportFn, Outcome, RawVal,
};
use crate::error::{ErrorKind, Frame, FrameKind, Trap, Trapped};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

const I32: CoreType = CoreType::I32;
const I64: CoreType = CoreType::I64;

fn ty(params: &[CoreType], results: &[CoreType]) -> CoreFuncType {
    CoreFuncType { params: params.into(), results: results.into() }
}

fn compile(engine: &WasmiEngine, text: &str) -> Result<Arc<dyn Module>> {
    engine.compile(wat::parse_str(text).unwrap().into())
}

/// An engine's store and the helpers that most tests want.
struct Fixture {
    engine: WasmiEngine,
    store: Box<dyn EngineStore>,
}

impl Fixture {
    fn new() -> Self {
        Self::with(EngineStoreConfig::default())
    }

    fn with(config: EngineStoreConfig) -> Self {
        let engine = WasmiEngine::default();
        let store = engine.new_store(&config, &Account::unlimited()).unwrap();
        Fixture { engine, store }
    }

    fn try_instance(
        &mut self,
        text: &str,
        imports: &[CoreExtern],
    ) -> Result<CoreInstance, Trapped> {
        let module = compile(&self.engine, text).unwrap();
        self.store.instantiate(&*module, imports)
    }

    fn instance(&mut self, text: &str, imports: &[CoreExtern]) -> CoreInstance {
        self.try_instance(text, imports).unwrap()
    }

    /// The first export, a function, of an instance of `text`.
    fn func(&mut self, text: &str, imports: &[CoreExtern]) -> CoreFunc {
        let instance = self.instance(text, imports);
        self.export_func(instance, 0)
    }

    fn export_func(&mut self, instance: CoreInstance, index: usize) -> CoreFunc {
        match self.store.export(instance, index) {
            CoreExtern::Func(func) => func,
            other => panic!("{other:?}"),
        }
    }

    fn import(
        &mut self,
        ty: CoreFuncType,
        import: impl Fn(&mut dyn EngineStore, &[RawVal], &mut [RawVal]) -> Flow + 'static,
    ) -> CoreExtern {
        let import: Rc<ImportFn> = Rc::new(import);
        CoreExtern::Func(self.store.import_func(&ty, true, import))
    }

    /// An import `(i32) -> i32` that always blocks.
    fn blocking(&mut self) -> CoreExtern {
        self.import(ty(&[I32], &[I32]), |_, _, _| Flow::Block)
    }

    fn trap(&mut self, func: CoreFunc, args: &[RawVal]) -> String {
        match self.store.call(func, args, &mut []) {
            Outcome::Trapped(trap) => trap.to_string(),
            other => panic!("{other:?}"),
        }
    }
}

#[track_caller]
fn suspended(outcome: Outcome) -> Continuation {
    match outcome {
        Outcome::Suspended(continuation) => continuation,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn returned(outcome: Outcome) {
    assert!(matches!(outcome, Outcome::Returned), "{outcome:?}");
}

#[test]
fn suspends_many_calls_and_resumes_them_in_any_order() {
    let mut t = Fixture::new();
    let block = t.blocking();
    let func = t.func(
        r#"(module (import "" "" (func $f (param i32) (result i32)))
             (func (export "run") (param i32) (result i32)
               (i32.add (call $f (local.get 0))
                        (i32.add (local.get 0) (call $f (i32.const 0))))))"#,
        &[block],
    );
    let mut results = [0];
    let mut calls: Vec<_> =
        (0..100).map(|i| (i, suspended(t.store.call(func, &[i], &mut results)))).collect();
    calls.rotate_left(37);
    let mut calls: Vec<_> = calls
        .into_iter()
        .map(|(i, call)| (i, suspended(t.store.resume(call, &[1000], &mut results))))
        .collect();
    calls.reverse();
    for (i, call) in calls {
        returned(t.store.resume(call, &[10_000], &mut results));
        assert_eq!(results[0], 11_000 + i);
    }
}

#[test]
fn abandons_a_suspended_call() {
    let mut t = Fixture::new();
    let block = t.blocking();
    let func = t.func(
        r#"(module (import "" "" (func $f (param i32) (result i32)))
             (func (export "run") (drop (call $f (i32.const 1)))))"#,
        &[block],
    );
    for _ in 0..100 {
        drop(suspended(t.store.call(func, &[], &mut [])));
    }
    let last = suspended(t.store.call(func, &[], &mut []));
    returned(t.store.resume(last, &[0], &mut []));
}

#[test]
fn an_import_tail_called_by_the_outermost_function_may_block() {
    let mut t = Fixture::new();
    let block = t.blocking();
    let instance = t.instance(
        r#"(module (import "" "" (func $f (param i32) (result i32)))
             (func $tail (export "tail") (result i32) (return_call $f (i32.const 1)))
             (func (export "nested") (result i32) (i32.add (i32.const 5) (call $tail))))"#,
        &[block],
    );
    let mut results = [0];
    for (index, expected) in [(0, 7), (1, 12)] {
        let func = t.export_func(instance, index);
        let call = suspended(t.store.call(func, &[], &mut results));
        returned(t.store.resume(call, &[7], &mut results));
        assert_eq!(results, [expected]);
    }
}

#[test]
fn a_block_in_a_tail_call_of_another_instance_returns_to_the_callers_instance() {
    let mut t = Fixture::new();
    let block = t.blocking();
    let inner = t.instance(
        r#"(module (import "" "" (func $f (param i32) (result i32)))
             (global $g i32 (i32.const 1000)) (memory 1)
             (func (export "inner") (result i32) (return_call $f (global.get $g))))"#,
        &[block],
    );
    let inner = t.store.export(inner, 0);
    let outer = t.func(
        r#"(module (import "" "" (func $inner (result i32)))
             (global $g i32 (i32.const 1)) (memory 1) (data (i32.const 0) "\02")
             (func (export "outer") (result i32)
               (i32.add (call $inner)
                        (i32.add (global.get $g) (i32.load8_u (i32.const 0))))))"#,
        &[inner],
    );
    let mut results = [0];
    let call = suspended(t.store.call(outer, &[], &mut results));
    returned(t.store.resume(call, &[40], &mut results));
    assert_eq!(results, [43]);
}

#[test]
fn an_import_called_by_the_host_may_block() {
    let mut t = Fixture::new();
    let CoreExtern::Func(block) = t.blocking() else { unreachable!() };
    let mut results = [0];
    let call = suspended(t.store.call(block, &[3], &mut results));
    returned(t.store.resume(call, &[4], &mut results));
    assert_eq!(results, [4]);
}

#[test]
fn calls_nest_through_imports_and_suspend_independently() {
    let mut t = Fixture::new();
    let block = t.blocking();
    let inner = t.func(
        r#"(module (import "" "" (func $f (param i32) (result i32)))
             (func (export "inner") (result i32) (call $f (i32.const 0))))"#,
        &[block],
    );
    let kept = Rc::new(RefCell::new(None));
    let keep = kept.clone();
    let call_inner = t.import(ty(&[], &[I32]), move |store, _, results| {
        *keep.borrow_mut() = Some(suspended(store.call(inner, &[], results)));
        Flow::Block
    });
    let outer = t.func(
        r#"(module (import "" "" (func $g (result i32)))
             (func (export "outer") (result i32) (i32.mul (i32.const 2) (call $g))))"#,
        &[call_inner],
    );
    let mut results = [0];
    let outer_call = suspended(t.store.call(outer, &[], &mut results));
    let inner_call = kept.take().unwrap();
    returned(t.store.resume(inner_call, &[21], &mut results));
    assert_eq!(results, [21]);
    let inner_result = results;
    returned(t.store.resume(outer_call, &inner_result, &mut results));
    assert_eq!(results, [42]);
}

#[test]
fn an_imports_trap_comes_out_as_it_went_in() {
    let mut t = Fixture::new();
    let import = t.import(ty(&[], &[]), |_, _, _| {
        Flow::Trap(
            Trapped::from(Trap::InvalidUtf8 { at: 9 }).within(Frame::new(FrameKind::Host, "log")),
        )
    });
    let instance = t.instance(
        r#"(module (import "" "" (func $f)) (func (export "call") (call $f))
             (func (export "tail") (return_call $f)))"#,
        &[import],
    );
    for index in 0..2 {
        let func = t.export_func(instance, index);
        let sync = t.store.call_sync(func, &[], &mut []).unwrap_err();
        for trap in [t.trap(func, &[]), sync.to_string()] {
            assert_eq!(trap, "invalid utf-8 encoding at byte 9\n  in host function log");
        }
        assert!(matches!(sync.reason(), Trap::InvalidUtf8 { at: 9 }));
    }
}

#[test]
fn a_block_where_nothing_can_be_suspended_traps() {
    let mut t = Fixture::new();
    let block = t.blocking();
    let func = t.func(
        r#"(module (import "" "" (func $f (param i32) (result i32)))
             (func (export "run") (drop (call $f (i32.const 1)))))"#,
        &[block],
    );
    let trap = t.store.call_sync(func, &[], &mut []).unwrap_err();
    assert!(matches!(trap.reason(), Trap::CannotBlock));
    let start = r#"(module (import "" "" (func $f (param i32) (result i32)))
        (func $start (drop (call $f (i32.const 1)))) (start $start))"#;
    let trap = t.try_instance(start, &[block]).unwrap_err();
    assert!(matches!(trap.reason(), Trap::CannotBlock));
}

#[test]
fn core_traps_have_the_texts_of_the_core_specification() {
    let mut t = Fixture::new();
    let instance = t.instance(
        r#"(module (memory 1) (table 2 funcref) (elem (i32.const 0) $wrong) (type $nil (func))
             (func $wrong (param i32))
             (func (export "a") (unreachable))
             (func (export "b") (drop (i32.div_u (i32.const 1) (i32.const 0))))
             (func (export "c") (drop (i32.load (i32.const 65533))))
             (func (export "d") (call_indirect (type $nil) (i32.const 2)))
             (func (export "e") (call_indirect (type $nil) (i32.const 0)))
             (func (export "f") (call_indirect (type $nil) (i32.const 1)))
             (func $g (export "g") (call $g))
             (func (export "h") (drop (i32.div_s (i32.const 0x80000000) (i32.const -1))))
             (func (export "i") (drop (i32.trunc_f32_s (f32.const nan)))))"#,
        &[],
    );
    let texts = [
        "wasm `unreachable` instruction executed",
        "integer divide by zero",
        "out of bounds memory access",
        "undefined element: out of bounds table access",
        "indirect call type mismatch",
        "uninitialized element",
        "call stack exhausted",
        "integer overflow",
        "invalid conversion to integer",
    ];
    for (index, text) in texts.into_iter().enumerate() {
        let func = t.export_func(instance, index);
        assert_eq!(t.trap(func, &[]), text);
    }
}

#[test]
fn a_stack_takes_no_more_bytes_than_it_may() {
    let config = WasmiConfig { max_stack_bytes: 1 << 20, ..WasmiConfig::default() };
    let engine = WasmiEngine::new(&config);
    let store = engine.new_store(&EngineStoreConfig::default(), &Account::unlimited()).unwrap();
    let mut t = Fixture { engine, store };
    let deepest = Rc::new(Cell::new(0));
    let seen = deepest.clone();
    let import = t.import(ty(&[I32], &[]), move |_, args, _| {
        seen.set(args[0] as u32);
        Flow::Done
    });
    // 16 KiB of locals in each call.
    let locals = "i64 ".repeat(1024);
    let text = format!(
        r#"(module (import "" "deep" (func $deep (param i32)))
             (func $f (export "f") (param i32) (local {locals})
               (call $deep (local.get 0))
               (call $f (i32.add (local.get 0) (i32.const 1)))))"#
    );
    let func = t.func(&text, &[import]);
    assert_eq!(t.trap(func, &[0]), "call stack exhausted");
    assert!((50..64).contains(&deepest.get()), "{}", deepest.get());
}

#[test]
fn segments_that_do_not_fit_trap() {
    let mut t = Fixture::new();
    let cases = [
        (r#"(module (memory 1) (data (i32.const 65536) "a"))"#, "out of bounds memory access"),
        (
            "(module (table 1 funcref) (func $f) (elem (i32.const 1) $f))",
            "out of bounds table access",
        ),
    ];
    for (text, trap) in cases {
        assert_eq!(t.try_instance(text, &[]).unwrap_err().to_string(), trap);
    }
}

#[test]
fn fuel_runs_out_and_can_be_given_again() {
    let mut t = Fixture::with(EngineStoreConfig { fuel: Some(10_000), ..Default::default() });
    let func = t.func(r#"(module (func (export "spin") (loop (br 0))))"#, &[]);
    let Outcome::Trapped(trap) = t.store.call(func, &[], &mut []) else { panic!() };
    assert!(matches!(trap.reason(), Trap::OutOfFuel));
    assert!(t.store.fuel().unwrap() < 100);
    t.store.set_fuel(500);
    assert_eq!(t.store.fuel(), Some(500));
    let trap = t.store.call_sync(func, &[], &mut []).unwrap_err();
    assert!(matches!(trap.reason(), Trap::OutOfFuel));
    assert_eq!(Fixture::new().store.fuel(), None);
}

#[test]
fn memories_and_tables_are_limited() {
    let config = EngineStoreConfig {
        max_memory_bytes: Some(3 << 16),
        max_table_elements: Some(10),
        ..Default::default()
    };
    let mut t = Fixture::with(config);
    let instance = t.instance(
        r#"(module (memory 1) (table 1 funcref)
             (func (export "memory") (param i32) (result i32) (memory.grow (local.get 0)))
             (func (export "table") (param i32) (result i32)
               (table.grow (ref.null func) (local.get 0))))"#,
        &[],
    );
    let minus_one = RawVal::from(u32::MAX);
    for (index, grow_by, expected) in
        [(0, 3, minus_one), (0, 2, 1), (0, 1, minus_one), (1, 10, minus_one), (1, 9, 1)]
    {
        let func = t.export_func(instance, index);
        let mut results = [0];
        returned(t.store.call(func, &[grow_by], &mut results));
        assert_eq!(results, [expected], "export {index} grows by {grow_by}");
    }
    for text in ["(module (memory 4))", "(module (table 11 funcref))"] {
        let trap = t.try_instance(text, &[]).unwrap_err();
        assert!(matches!(trap.reason(), Trap::Limit { .. }), "{trap}");
    }
}

#[test]
fn imports_and_exports_keep_the_order_of_declaration() {
    let mut t = Fixture::new();
    let text = r#"(module
        (import "m" "z" (memory 1))
        (import "a" "dup" (func $one (result i32)))
        (import "a" "g" (global $g i64))
        (import "a" "dup" (func $two (result i32)))
        (import "a" "t" (table 1 funcref))
        (func (export "z") (result i32) (i32.sub (call $two) (call $one)))
        (export "memory" (memory 0))
        (export "a" (global $g))
        (export "t" (table 0)))"#;
    let module = compile(&t.engine, text).unwrap();
    let names: Vec<_> =
        module.imports().iter().map(|decl| format!("{} {}", decl.module, decl.name)).collect();
    assert_eq!(names, ["m z", "a dup", "a g", "a dup", "a t"]);
    let names: Vec<_> = module.exports().iter().map(|decl| &*decl.name).collect();
    assert_eq!(names, ["z", "memory", "a", "t"]);
    assert!(matches!(module.imports()[0].ty, CoreExternType::Memory(_)));
    assert_eq!(module.exports()[0].ty, CoreExternType::Func(ty(&[], &[I32])));

    let provider = t.instance(
        r#"(module (global (export "g") i64 (i64.const -5)) (memory (export "m") 1 2)
             (table (export "t") 1 funcref))"#,
        &[],
    );
    let [global, memory, table] = [0, 1, 2].map(|index| t.store.export(provider, index));
    let one = t.import(ty(&[], &[I32]), |_, _, results| {
        results[0] = 1;
        Flow::Done
    });
    let two = t.import(ty(&[], &[I32]), |_, _, results| {
        results[0] = 5;
        Flow::Done
    });
    let instance = t.store.instantiate(&*module, &[memory, one, global, two, table]).unwrap();
    let func = t.export_func(instance, 0);
    let mut results = [0];
    returned(t.store.call(func, &[], &mut results));
    assert_eq!(results, [4]);
    let CoreExtern::Global(global) = t.store.export(instance, 2) else { panic!() };
    assert_eq!(t.store.global(global) as i64, -5);
    let CoreExtern::Memory(memory) = t.store.export(instance, 1) else { panic!() };
    assert_eq!(t.store.memory_type(memory).maximum, Some(2));
    let (base, len) = t.store.memory(memory);
    assert!(!base.is_null() && len == 1 << 16);
}

#[test]
fn imports_take_and_give_every_number_of_every_width() {
    let mut t = Fixture::new();
    let (f32_, f64_) = (CoreType::F32, CoreType::F64);
    for count in [4, 16, 17, 20] {
        let params: Vec<_> = [I32, I64, f32_, f64_].into_iter().cycle().take(count).collect();
        let seen = Rc::new(RefCell::new(Vec::new()));
        let see = seen.clone();
        let import = t.import(ty(&params, &[I64]), move |_, args, results| {
            see.borrow_mut().extend_from_slice(args);
            results[0] = args[1];
            Flow::Done
        });
        let types: String = params.iter().map(|ty| format!(" {ty:?}").to_lowercase()).collect();
        let gets: String = (0..count).map(|i| format!("(local.get {i})")).collect();
        let func = t.func(
            &format!(
                r#"(module (import "" "" (func $f (param{types}) (result i64)))
                     (func (export "run") (param{types}) (result i64) (call $f {gets})))"#
            ),
            &[import],
        );
        let values = [0xffff_fffb, u64::MAX, 0x7fa0_0001, 0xfff4_0000_0000_0001];
        let args: Vec<_> = values.into_iter().cycle().take(count).collect();
        let mut results = [0];
        returned(t.store.call(func, &args, &mut results));
        assert_eq!(*seen.borrow(), args);
        assert_eq!(results, [u64::MAX]);
    }
}

#[test]
fn narrowed_and_constant_integers_arrive_zero_extended() {
    let mut t = Fixture::new();
    let seen = Rc::new(Cell::new(0));
    let see = seen.clone();
    let import = t.import(ty(&[I32], &[]), move |_, args, _| {
        see.set(args[0]);
        Flow::Done
    });
    let instance = t.instance(
        r#"(module (import "" "" (func $f (param i32))) (global $g i32 (i32.const -1))
             (func (export "wrap") (param i64) (call $f (i32.wrap_i64 (local.get 0))))
             (func (export "const") (param i64) (call $f (i32.const -1)))
             (func (export "global") (param i64) (call $f (global.get $g)))
             (func (export "load") (param i64) (i64.store (i32.const 0) (local.get 0))
               (call $f (i32.load8_s (i32.const 0))))
             (memory 1))"#,
        &[import],
    );
    for index in 0..4 {
        let func = t.export_func(instance, index);
        returned(t.store.call(func, &[u64::MAX], &mut []));
        assert_eq!(seen.take(), RawVal::from(u32::MAX), "export {index}");
    }
}

#[test]
fn narrow_results_come_zero_extended() {
    let mut t = Fixture::new();
    let instance = t.instance(
        r#"(module (memory 1) (data (i32.const 0) "\ff\ff\ff\ff\ff\ff\ff\ff")
             (global $g (mut i32) (i32.const -1))
             (func (export "const") (param i64) (result i32) (i32.const -1))
             (func (export "wrap") (param i64) (result i32) (i32.wrap_i64 (local.get 0)))
             (func (export "load") (param i64) (result i32) (i32.load8_s (i32.const 0)))
             (func (export "global") (param i64) (result i32) (global.get $g))
             (func (export "extend") (param i64) (result i32) (i32.extend8_s (i32.const 255)))
             (func (export "select") (param i64) (result i32)
               (select (i32.const -1) (i32.const 0) (i32.wrap_i64 (local.get 0))))
             (func (export "local") (param i64) (result i32) (local i32)
               (local.set 1 (i32.const -1)) (local.get 1))
             (func (export "add") (param i64) (result i32)
               (i32.add (i32.wrap_i64 (local.get 0)) (i32.const 0)))
             (func (export "mul") (param i64) (result i32)
               (i32.mul (i32.wrap_i64 (local.get 0)) (i32.const 1)))
             (func (export "cast") (param i64) (result i32)
               (i32.reinterpret_f32 (f32.load (i32.const 0)))))"#,
        &[],
    );
    for index in 0..10 {
        let func = t.export_func(instance, index);
        let mut results = [0];
        returned(t.store.call(func, &[u64::MAX], &mut results));
        assert_eq!(results[0], RawVal::from(u32::MAX), "export {index}");
    }
}

#[test]
fn a_function_has_one_handle() {
    let mut t = Fixture::new();
    let import = t.import(ty(&[], &[]), |_, _, _| Flow::Done);
    let CoreExtern::Func(host) = import else { unreachable!() };
    let instance = t.instance(
        r#"(module (import "" "" (func $h)) (table (export "t") 3 funcref)
             (elem (i32.const 0) $f $h) (func $f (export "f")))"#,
        &[import],
    );
    let func = t.export_func(instance, 1);
    let CoreExtern::Table(table) = t.store.export(instance, 0) else { panic!() };
    let mut slot = |index| t.store.table_func(table, index);
    assert_eq!([0, 1, 2].map(&mut slot), [Some(Some(func)), Some(Some(host)), Some(None)]);
    assert_eq!(slot(3), None);
    assert_eq!(t.store.table_func(CoreTable(0), 0), Some(Some(func)));
}

#[test]
fn what_is_exported_twice_or_passed_on_is_one_thing() {
    let mut t = Fixture::new();
    let first = t.instance(
        r#"(module (memory (export "a") 1) (export "b" (memory 0)) (memory (export "c") 1)
             (global (export "g") i32 (i32.const 0)))"#,
        &[],
    );
    let [a, b, c, global] = [0, 1, 2, 3].map(|index| t.store.export(first, index));
    assert_eq!(a, b);
    assert_ne!(a, c);
    let second = t.instance(
        r#"(module (import "" "g" (global i32)) (import "" "c" (memory 1))
             (import "" "a" (memory 1)) (memory 1)
             (export "own" (memory 2)) (export "a" (memory 1)) (export "g" (global 0)))"#,
        &[global, c, a],
    );
    assert_eq!([1, 2].map(|index| t.store.export(second, index)), [a, global]);
    assert!(![a, c].contains(&t.store.export(second, 0)));
}

#[test]
fn compiles_what_toolchains_emit() {
    let engine = WasmiEngine::default();
    for text in [
        "(module (memory i64 1) (table i64 1 funcref))",
        "(module (memory 1) (memory 1))",
        "(module (func (result v128) (v128.const i32x4 0 0 0 0)))",
        "(module (func (result i32 i64) (i32.const 0) (i64.const 0)))",
        "(module (global i32 (i32.add (i32.const 1) (i32.const 2))))",
        r#"(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0))))"#,
        "(module (table 1 externref) (func (param externref)))",
    ] {
        assert!(compile(&engine, text).is_ok(), "{text}");
    }
}

#[test]
fn names_the_capability_that_it_lacks() {
    let engine = WasmiEngine::default();
    for (text, capability) in [
        ("(module (tag))", "core exceptions"),
        (r#"(module (import "" "" (tag)))"#, "core exceptions"),
        ("(module (memory 1 1 shared))", "threads"),
    ] {
        let Err(error) = compile(&engine, text) else { panic!("compiled {text}") };
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains(capability), "{error}");
    }
}

#[test]
fn recursion_is_bounded_as_configured() {
    let config = WasmiConfig { max_recursion_depth: 100, ..WasmiConfig::default() };
    let engine = WasmiEngine::new(&config);
    let mut t = Fixture {
        store: engine.new_store(&Default::default(), &Account::unlimited()).unwrap(),
        engine,
    };
    let func = t.func(
        r#"(module (func $f (export "f") (param i32)
             (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1)))))))"#,
        &[],
    );
    returned(t.store.call(func, &[50], &mut []));
    assert_eq!(t.trap(func, &[200]), "call stack exhausted");
}
