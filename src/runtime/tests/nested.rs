use super::*;
use crate::account::Account;
use crate::core_types::AddrType;
use crate::engine::{Capabilities, CoreFuncType, CoreType, EngineStore, EngineStoreConfig, Tier};
use bytes::Bytes;
use std::rc::Rc;

/// Wasmi as if it could not suspend guests.
struct Unsuspendable(WasmiEngine);

impl Engine for Unsuspendable {
    fn capabilities(&self) -> Capabilities {
        Capabilities { tier: Tier::Nested, ..self.0.capabilities() }
    }

    fn compile(&self, wasm: Bytes) -> Result<Arc<dyn Module>> {
        self.0.compile(wasm)
    }

    fn new_store(
        &self,
        config: &EngineStoreConfig,
        guest_memory: &Rc<Account>,
    ) -> Result<Box<dyn EngineStore>> {
        self.0.new_store(config, guest_memory)
    }
}

pub(super) fn nested() -> Fixture {
    Fixture::on(&Unsuspendable(WasmiEngine::default()), StoreConfig::default())
}

/// A function that starts a thread, waits until that thread wakes it, and returns what it left.
fn ping_pong(fx: &mut Fixture, inst: InstanceId, is_async: bool) -> FuncInst {
    let table = fx.core(inst, r#"(module (table (export "table") 1 funcref))"#, &[]);
    let CoreExtern::Table(table) = fx.export(&table, "table") else { panic!() };
    let ty = CoreFuncType { params: [CoreType::I32].into(), results: [].into() };
    let new_indirect = Builtin::ThreadNewIndirect { ty, table, table_addr: AddrType::I32 };
    let imports = [
        fx.builtin(inst, new_indirect),
        fx.builtin(inst, Builtin::ThreadSuspendThenResume),
        fx.builtin(inst, Builtin::ThreadResumeLater),
        fx.builtin(inst, Builtin::ThreadYield),
        fx.builtin(inst, Builtin::ThreadIndex),
        CoreExtern::Table(table),
    ];
    let core = fx.core(
        inst,
        r#"(module
            (import "" "new" (func $new (param i32 i32) (result i32)))
            (import "" "switch" (func $switch (param i32) (result i32)))
            (import "" "later" (func $later (param i32)))
            (import "" "yield" (func $yield (result i32)))
            (import "" "index" (func $index (result i32)))
            (import "" "table" (table 1 funcref))
            (global $left (mut i32) (i32.const 0))
            (func $thread (param i32)
                (drop (call $yield))
                (global.set $left (i32.const 7))
                (call $later (local.get 0))
                (drop (call $yield))
                (global.set $left (i32.add (global.get $left) (i32.const 1))))
            (elem (i32.const 0) func $thread)
            (func (export "run") (result i32)
                (drop (call $switch (call $new (i32.const 0) (call $index))))
                (drop (call $yield))
                (drop (call $yield))
                (global.get $left)))"#,
        &imports,
    );
    let ty = func_type(&[], Some(Type::u32()), is_async);
    fx.lift(inst, &core, "run", &ty, Options::default())
}

#[test]
fn threads_take_turns_on_one_native_stack() {
    for is_async in [false, true] {
        let (mut nested, mut resumed) = (nested(), Fixture::new());
        for fx in [&mut nested, &mut resumed] {
            let inst = fx.instance("guest");
            let run_func = ping_pong(fx, inst, is_async);
            assert_eq!(fx.call(&run_func, &[]).unwrap(), 8);
            fx.assert_idle();
        }
    }
}

#[test]
fn what_needs_a_suspended_guest_traps() {
    let mut fx = nested();
    let inst = fx.instance("guest");
    let suspend = fx.builtin(inst, Builtin::ThreadSuspend);
    let core = fx.core(
        inst,
        r#"(module (import "" "suspend" (func $suspend (result i32))) (export "run" (func 0)))"#,
        &[suspend],
    );
    let ty = func_type(&[], Some(Type::u32()), true);
    let run_func = fx.lift(inst, &core, "run", &ty, Options::default());
    assert_trap(&fx.call(&run_func, &[]).unwrap_err(), "the engine cannot suspend a guest");
    fx.assert_idle();
}
