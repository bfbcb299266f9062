//! Built-ins that cannot block.

use super::{bench_loop, constant, looping, nothing};
use cmabi::canon::Builtin;
use cmabi::core_types::AddrType;
use cmabi::engine::CoreType;

pub(super) fn bench_all() {
    let (ty, slot) = (CoreType::I32, 0);
    bench_loop(
        "context.get",
        &looping(r#"(import "" "get" (func $get (result i32)))"#, "(drop (call $get))"),
        |guests, inst| vec![guests.builtin(inst, Builtin::ContextGet { ty, slot })],
        |bare| vec![bare.bare(0, 1, constant(0))],
    );
    bench_loop(
        "context.set",
        &looping(r#"(import "" "set" (func $set (param i32)))"#, "(call $set (i32.const 1))"),
        |guests, inst| vec![guests.builtin(inst, Builtin::ContextSet { ty, slot })],
        |bare| vec![bare.bare(1, 0, nothing)],
    );
    bench_loop(
        "backpressure.inc, backpressure.dec",
        &looping(
            r#"(import "" "inc" (func $inc)) (import "" "dec" (func $dec))"#,
            "(call $inc) (call $dec)",
        ),
        |guests, inst| {
            let builtins = [Builtin::BackpressureInc, Builtin::BackpressureDec];
            builtins.map(|builtin| guests.builtin(inst, builtin)).to_vec()
        },
        |bare| vec![bare.bare(0, 0, nothing), bare.bare(0, 0, nothing)],
    );
    // The set is made once.
    let polls = looping(
        r#"(import "" "new" (func $new (result i32)))
           (import "" "poll" (func $poll (param i32 i32) (result i32)))
           (global $set (mut i32) (i32.const 0))"#,
        "(if (i32.eqz (global.get $set)) (then (global.set $set (call $new))))
         (drop (call $poll (global.get $set) (i32.const 0)))",
    );
    bench_loop(
        "waitable-set.poll",
        &polls,
        |guests, inst| {
            let libc = guests.core(inst, r#"(module (memory (export "memory") 1))"#, &[]);
            let memory = libc.options().memory.expect("it exports one");
            let poll = Builtin::WaitableSetPoll { memory, addr: AddrType::I32 };
            [Builtin::WaitableSetNew, poll].map(|builtin| guests.builtin(inst, builtin)).to_vec()
        },
        |bare| vec![bare.bare(0, 1, constant(1)), bare.bare(2, 1, constant(0))],
    );
}
