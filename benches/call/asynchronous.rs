//! Calls of async functions, and guests that block.

use super::guests::{Core, Guests, async_func_type, func_type, host_func, returned};
use super::{TIMES, bare_core, bench, constant, loop_call, looping, nothing};
use cmabi::canon::{self, Builtin};
use cmabi::engine::{CoreFunc, Flow, Outcome};
use cmabi::host;
use cmabi::runtime::{FuncInst, HostOutcome, HostTask, InstanceId, Options, SubtaskState};
use cmabi::types::Type;
use std::ptr;
use std::sync::{Arc, Mutex};

pub(super) fn bench_all() {
    asynchronous();
    async_host_function();
    blocking();
}

/// An async function with a callback. Returns at once (`now`), after one turn (`later`), and after
/// as many turns as it is told (`turns`).
const ASYNC: &str = r#"(module
    (import "" "task.return" (func $return))
    (global $left (mut i32) (i32.const 0))
    (func (export "now") (result i32) (call $return) (i32.const 0))
    (func (export "later") (result i32) (i32.const 1))
    (func (export "turns") (param i32) (result i32)
        (global.set $left (local.get 0)) (i32.const 1))
    (func (export "callback") (param i32 i32 i32) (result i32)
        (if (result i32) (i32.gt_s (global.get $left) (i32.const 1))
            (then
                (global.set $left (i32.sub (global.get $left) (i32.const 1)))
                (i32.const 1))
            (else (call $return) (i32.const 0)))))"#;

/// An async function with a callback that calls another, and waits for it if it is not over.
const AWAIT: &str = r#"(module
    (import "" "task.return" (func $return))
    (import "" "set.new" (func $set.new (result i32)))
    (import "" "join" (func $join (param i32 i32)))
    (import "" "subtask.drop" (func $subtask.drop (param i32)))
    (import "" "f" (func $f (result i32)))
    (global $set (mut i32) (i32.const 0))
    (func (export "init") (global.set $set (call $set.new)))
    (func (export "run") (result i32)
        (local $packed i32)
        (if (result i32) (i32.eq (i32.const 2) (local.tee $packed (call $f)))
            (then (call $return) (i32.const 0))
            (else
                (call $join (i32.shr_u (local.get $packed) (i32.const 4)) (global.get $set))
                (i32.or (i32.const 2) (i32.shl (global.get $set) (i32.const 4))))))
    (func (export "callback") (param i32 i32 i32) (result i32)
        (call $subtask.drop (local.get 1))
        (call $return)
        (i32.const 0)))"#;

fn task_return() -> Builtin {
    Builtin::TaskReturn { result: None, opts: Options::default() }
}

/// The functions of a new instance of [`ASYNC`].
fn async_guest(guests: &mut Guests) -> impl Fn(&'static str, &[Type]) -> FuncInst + use<> {
    let inst = guests.instance();
    let task_return = guests.builtin(inst, task_return());
    let core = guests.core(inst, ASYNC, &[task_return]);
    move |name, params| {
        let ty = async_func_type(params, None);
        canon::lift(core.func(name), ty, core.callback_options(), inst, name)
    }
}

fn bare_async_guest(bare: &mut Guests) -> Core {
    let task_return = bare.bare(0, 0, nothing);
    bare_core(bare, ASYNC, &[task_return])
}

/// A function that waits for `f` as [`AWAIT`] does.
fn awaiting_guest(guests: &mut Guests, f: FuncInst) -> FuncInst {
    let inst = guests.instance();
    let builtins =
        [task_return(), Builtin::WaitableSetNew, Builtin::WaitableJoin, Builtin::SubtaskDrop];
    let mut imports = builtins.map(|builtin| guests.builtin(inst, builtin)).to_vec();
    imports.push(guests.lower(inst, f, Options { is_async: true, ..Options::default() }));
    let core = guests.core(inst, AWAIT, &imports);
    let init = core.func("init");
    let ty = func_type(&[], None);
    guests.call(&canon::lift(init, ty, Options::default(), inst, "init"), &(), &mut ());
    canon::lift(core.func("run"), async_func_type(&[], None), core.callback_options(), inst, "run")
}

/// The same with bare imports; `f` is what it calls.
fn bare_awaiting_guest(bare: &mut Guests, f: CoreFunc) -> Core {
    let imports = [
        bare.bare(0, 0, nothing),
        bare.bare(0, 1, constant(1)),
        bare.bare(2, 0, nothing),
        bare.bare(1, 0, nothing),
        f,
    ];
    bare_core(bare, AWAIT, &imports)
}

fn asynchronous() {
    let (mut ours, mut bare) = (Guests::new(), Guests::new());
    let lift = async_guest(&mut ours);
    let core = bare_async_guest(&mut bare);
    let (bare_now, bare_later) = (core.func("now"), core.func("later"));
    let (turns, callback) = (core.func("turns"), core.func("callback"));

    let now = lift("now", &[]);
    bench(
        "host calls guest: async func(), at once",
        1,
        || ours.call(&now, &(), &mut ()),
        || bare.call_core(bare_now, &[], &mut [0]),
    );
    let func = lift("turns", &[Type::u32()]);
    bench(
        "callback yields",
        TIMES,
        || ours.call(&func, &TIMES, &mut ()),
        || {
            bare.call_core(turns, &[TIMES.into()], &mut [0]);
            (0..TIMES).for_each(|_| bare.call_core(callback, &[0, 0, 0], &mut [0]));
        },
    );

    let mut result = [0];
    let called = bare.bare(0, 1, move |engine, args, results| {
        returned(engine.call(bare_now, args, results));
        results[0] = 2;
        Flow::Done
    });
    let peer = bare_awaiting_guest(&mut bare, called).func("run");
    let func = awaiting_guest(&mut ours, now);
    bench(
        "guest calls guest: async func(), at once",
        1,
        || ours.call(&func, &(), &mut ()),
        || bare.call_core(peer, &[], &mut result),
    );

    let called = bare.bare(0, 1, move |engine, args, results| {
        returned(engine.call(bare_later, args, results));
        results[0] = 1 | 1 << 4;
        Flow::Done
    });
    let peer = bare_awaiting_guest(&mut bare, called);
    let (peer, awaits) = (peer.func("run"), peer.func("callback"));
    let func = awaiting_guest(&mut ours, lift("later", &[]));
    bench(
        "guest calls guest: async func(), blocks once",
        1,
        || ours.call(&func, &(), &mut ()),
        || {
            bare.call_core(peer, &[], &mut result);
            bare.call_core(callback, &[0, 0, 0], &mut result);
            bare.call_core(awaits, &[1, 1, 2], &mut result);
        },
    );
}

/// Guests that block within their functions: stacks are left and entered again, which the engine
/// does alone in the peer.
fn blocking() {
    let yields = looping(r#"(import "" "f" (func $f (result i32)))"#, "(drop (call $f))");
    let (mut ours, mut bare) = (Guests::new(), Guests::new());
    let run = blocking_guest(&mut ours, &yields, |guests, inst| {
        guests.builtin(inst, Builtin::ThreadYield)
    });
    let import = bare.bare(0, 1, |_, _, _| Flow::Block);
    let peer = bare_core(&mut bare, &yields, &[import]).func("run");
    bench(
        "thread.yield",
        TIMES,
        || ours.call(&run, &TIMES, &mut ()),
        || run_blocking(&mut bare, peer, &[0], |_| ()),
    );

    let run = blocking_guest(&mut ours, &loop_call(), |guests, inst| {
        let later = async_guest(guests)("later", &[]);
        guests.lower(inst, later, Options::default())
    });
    let other = bare_async_guest(&mut bare);
    let (later, callback) = (other.func("later"), other.func("callback"));
    let import = bare.bare(0, 0, move |engine, _, _| {
        returned(engine.call(later, &[], &mut [0]));
        Flow::Block
    });
    let peer = bare_core(&mut bare, &loop_call(), &[import]).func("run");
    bench(
        "guest blocks in async func() of a guest",
        TIMES,
        || ours.call(&run, &TIMES, &mut ()),
        || {
            run_blocking(&mut bare, peer, &[], |bare| {
                bare.call_core(callback, &[0, 0, 0], &mut [0]);
            });
        },
    );

    let (func, tasks) = pending_func();
    let run = blocking_guest(&mut ours, &loop_call(), |guests, inst| {
        guests.lower(inst, func, Options::default())
    });
    let import = bare.bare(0, 0, |_, _, _| Flow::Block);
    let peer = bare_core(&mut bare, &loop_call(), &[import]).func("run");
    bench(
        "guest blocks in async func() of the host",
        TIMES,
        || ours.call_and_serve(&run, &TIMES, &tasks),
        || run_blocking(&mut bare, peer, &[], |_| ()),
    );
}

/// An async function, lifted without `async`, that does what a [`looping`] module does.
fn blocking_guest(
    guests: &mut Guests,
    wat: &str,
    import: impl FnOnce(&mut Guests, InstanceId) -> CoreFunc,
) -> FuncInst {
    let inst = guests.instance();
    let import = import(guests, inst);
    let core = guests.core(inst, wat, &[import]);
    let ty = async_func_type(&[Type::u32()], None);
    canon::lift(core.func("run"), ty, Options::default(), inst, "run")
}

/// Runs `run` with an import that blocks and returns `results`, `between` blocking and going on.
fn run_blocking(
    bare: &mut Guests,
    run: CoreFunc,
    results: &[u64],
    mut between: impl FnMut(&mut Guests),
) {
    let mut outcome = bare.cx().engine.call(run, &[TIMES.into()], &mut []);
    while let Outcome::Suspended(continuation) = outcome {
        between(bare);
        outcome = bare.cx().engine.resume(continuation, results, &mut []);
    }
    returned(outcome);
}

/// A host function whose calls stay pending, and the call that does.
fn pending_func() -> (FuncInst, PendingTask) {
    let task = PendingTask::default();
    let pending = task.clone();
    let func = host_func(&async_func_type(&[], None), move |call| {
        *pending.lock().unwrap() = Some(call.serving.task(call.cx)?);
        Ok(HostOutcome::Pending)
    });
    (func, task)
}

type PendingTask = Arc<Mutex<Option<HostTask>>>;

/// A guest with a callback calls a function of the host's.
fn async_host_function() {
    let (mut ours, mut bare) = (Guests::new(), Guests::new());
    let mut result = [0];

    let ready = host_func(&async_func_type(&[], None), |_| Ok(HostOutcome::Returned));
    let func = awaiting_guest(&mut ours, ready);
    let import = bare.bare(0, 1, constant(2));
    let peer = bare_awaiting_guest(&mut bare, import).func("run");
    bench(
        "guest calls host: async func(), at once",
        1,
        || ours.call(&func, &(), &mut ()),
        || bare.call_core(peer, &[], &mut result),
    );

    let (pending, task) = pending_func();
    let func = awaiting_guest(&mut ours, pending);
    let import = bare.bare(0, 1, constant(1 | 1 << 4));
    let peer = bare_awaiting_guest(&mut bare, import);
    let (peer, awaits) = (peer.func("run"), peer.func("callback"));
    bench(
        "guest calls host: async func(), pending once",
        1,
        || ours.call_and_serve(&func, &(), &task),
        || {
            bare.call_core(peer, &[], &mut result);
            bare.call_core(awaits, &[1, 1, 2], &mut result);
        },
    );
}

impl Guests {
    /// Calls a function without a result, and answers the calls that it leaves pending.
    fn call_and_serve<A>(&mut self, func: &FuncInst, args: &A, task: &PendingTask) {
        let (args, results) = ((&raw const *args).cast(), ptr::dangling_mut());
        let arena = self.arena.clone();
        let cx = &mut self.cx();
        let call = host::start(cx, func, args, results, &arena, None).unwrap();
        let pending = || task.lock().unwrap().take();
        while let Some(task) = pending() {
            task.return_(cx, ptr::dangling()).unwrap();
            host::run(cx).unwrap();
        }
        assert_eq!(call.state(cx).unwrap(), SubtaskState::Returned);
        call.drop(cx).unwrap();
    }
}
