//! Calls and what they are made of, against the same core calls made with the engine alone.
//!
//! `cargo bench --bench call [-- FILTER]`. Each line is the best of many rounds, in which the two
//! take turns. The last columns are what an operation takes longer than its peer, and how often it
//! allocates once it has run before.

#[path = "support/allocator.rs"]
mod allocator;
#[path = "support/guests.rs"]
mod guests;
#[path = "support/report.rs"]
mod report;

use cmabi::canon::{self, Builtin, FuncInst, Options};
use cmabi::engine::fiber::{Fiber, Fibers, Ran, Values};
use cmabi::engine::{CoreFunc, EngineStore, Flow, Outcome};
use cmabi::ffi;
use cmabi::runtime::{self, HostOutcome, HostTask, InstanceId, SubtaskState};
use cmabi::types::{Kind, ResourceType, Type};
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult};
use guests::{Core, Guests, async_func_type, func_type, host_func, returned};
use std::ptr;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

/// What a loop in a guest does at a time.
const TIMES: u32 = 1000;

/// Measures `ours` against `peer`; both do what is measured `times` times.
fn bench(name: &str, times: u32, mut ours: impl FnMut(), peer: impl FnMut()) {
    if !report::is_wanted(name) {
        return;
    }
    (0..10).for_each(|_| ours());
    let before = allocator::allocations();
    (0..10).for_each(|_| ours());
    let allocations = (allocator::allocations() - before) as f64 / f64::from(10 * times);
    let (ours, peer) = report::race(ours, peer);
    let (ours, peer) = (ours / f64::from(times), peer / f64::from(times));
    report::line(name, ours, peer, &format!("{:>+12.1} ns {allocations:>11.2}", ours - peer));
}

fn main() {
    report::head("libcmabi", "peer", &format!("{:>15} {:>11}", "difference", "allocations"));
    host_to_guest();
    from_c();
    engine();
    guest_to_host();
    guest_to_guest();
    asynchronous();
    async_host_function();
    blocking();
    resources();
    fibers();
}

/// A guest with a bump allocator that starts over with each allocation.
const GUEST: &str = r#"(module
    (memory (export "memory") 1)
    (data (i32.const 16) "\20\00\00\00\10\00\00\00")
    (data (i32.const 32) "0123456789abcdef")
    (func (export "nothing"))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "take") (param i32 i32))
    (func (export "give") (result i32) (i32.const 16))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))"#;

/// An instance of a core module that belongs to no component.
fn bare_core(bare: &mut Guests, wat: &str, imports: &[CoreFunc]) -> Core {
    let inst = bare.instance();
    bare.core(inst, wat, imports)
}

/// A function of a new instance of [`GUEST`].
fn guest_func(guests: &mut Guests, name: &str, params: &[Type], result: Option<Type>) -> FuncInst {
    let inst = guests.instance();
    let core = guests.core(inst, GUEST, &[]);
    canon::lift(core.func(name), func_type(params, result), core.options(), inst, name)
}

fn host_to_guest() {
    let (mut ours, mut bare) = (Guests::new(), Guests::new());
    let core = bare_core(&mut bare, GUEST, &[]);

    let (func, peer) = (guest_func(&mut ours, "nothing", &[], None), core.func("nothing"));
    bench(
        "host calls guest: func()",
        1,
        || ours.call(&func, &(), &mut ()),
        || bare.call_core(peer, &[], &mut []),
    );

    let func = guest_func(&mut ours, "add", &[Type::u32(), Type::u32()], Some(Type::u32()));
    let peer = core.func("add");
    bench(
        "host calls guest: func(u32, u32) -> u32",
        1,
        || {
            let mut sum = 0u32;
            ours.call(&func, &[1u32, 2], &mut sum);
            assert_eq!(sum, 3);
        },
        || bare.call_core(peer, &[1, 2], &mut [0]),
    );

    let realloc = core.func("realloc");
    let list = Type::new(Kind::List(Type::u32())).unwrap();
    let numbers = [7u32; 250];
    let text = "0123456789abcdef";
    for (name, ty, value) in [
        ("string 16 B", Type::string(), (text.as_ptr() as usize, text.len())),
        ("list<u32> 1000 B", list, (numbers.as_ptr() as usize, numbers.len())),
    ] {
        let (func, peer) = (guest_func(&mut ours, "take", &[ty], None), core.func("take"));
        bench(
            &format!("host calls guest: func({name})"),
            1,
            || ours.call(&func, &value, &mut ()),
            || {
                bare.call_core(realloc, &[0, 0, 1, 16], &mut [0]);
                bare.call_core(peer, &[1024, 16], &mut []);
            },
        );
    }

    let func = guest_func(&mut ours, "give", &[], Some(Type::string()));
    let peer = core.func("give");
    bench(
        "host calls guest: func() -> string 16 B",
        1,
        || {
            ours.arena.reset();
            let mut text = (0usize, 0usize);
            ours.call(&func, &(), &mut text);
            assert_eq!(text.1, 16);
        },
        || bare.call_core(peer, &[], &mut [0]),
    );
}

/// The same through the C API.
fn from_c() {
    use ffi::error::{cmabi_status, cmabi_string};

    let guest = GUEST.replacen("(module", "(core module $m", 1);
    let component = wat::parse_str(format!(
        r#"(component {guest} (core instance $i (instantiate $m))
            (func (export "nothing") (canon lift (core func $i "nothing")))
            (func (export "add") (param "a" u32) (param "b" u32) (result u32)
                (canon lift (core func $i "add"))))"#
    ));
    let component = component.unwrap();
    let string = |text: &str| cmabi_string { ptr: text.as_ptr().cast(), len: text.len() };
    let ok = |status| assert_eq!(status, cmabi_status::Ok);
    let (mut engine, mut store, mut linker) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    let (mut loaded, mut instance, no_error) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    let (mut nothing, mut add) = (ptr::null(), ptr::null());
    // SAFETY: everything is used as the header says.
    unsafe {
        ok(ffi::engine::cmabi_engine_new(ptr::null(), &mut engine, no_error));
        ok(ffi::store::cmabi_store_new(engine, ptr::null(), &mut store, no_error));
        ok(ffi::linker::cmabi_linker_new(engine, &mut linker, no_error));
        let (bytes, len) = (component.as_ptr(), component.len());
        ok(ffi::component::cmabi_component_load(engine, bytes, len, &mut loaded, no_error));
        let made = &mut instance;
        ok(ffi::linker::cmabi_linker_instantiate(linker, store, loaded, made, no_error));
        for (name, func) in [("nothing", &mut nothing), ("add", &mut add)] {
            ok(ffi::instance::cmabi_instance_func(instance, string(name), func, no_error));
        }
    }
    let call = |func, args: *const u32, results: *mut u32| {
        // SAFETY: as above; the arguments and the result are those of the function.
        ok(unsafe {
            let arena = ptr::null_mut();
            ffi::func::cmabi_func_call(store, func, args.cast(), results.cast(), arena, no_error)
        });
    };
    let mut bare = Guests::new();
    let core = bare_core(&mut bare, GUEST, &[]);
    let (bare_nothing, bare_add) = (core.func("nothing"), core.func("add"));
    bench(
        "C calls guest: func()",
        1,
        || call(nothing, ptr::null(), ptr::null_mut()),
        || bare.call_core(bare_nothing, &[], &mut []),
    );
    bench(
        "C calls guest: func(u32, u32) -> u32",
        1,
        || {
            let mut sum = 0;
            call(add, [1, 2].as_ptr(), &mut sum);
            assert_eq!(sum, 3);
        },
        || bare.call_core(bare_add, &[1, 2], &mut [0]),
    );
    // SAFETY: as above.
    unsafe {
        ffi::store::cmabi_store_free(store);
        ffi::component::cmabi_component_free(loaded);
        ffi::linker::cmabi_linker_free(linker);
        ffi::engine::cmabi_engine_free(engine);
    }
}

/// The engine behind its interface, against wasmi used directly.
fn engine() {
    let mut ours = Guests::new();
    let core = bare_core(&mut ours, GUEST, &[]);
    let (nothing, add) = (core.func("nothing"), core.func("add"));

    let engine = wasmi::Engine::default();
    let module = wasmi::Module::new(&engine, wat::parse_str(GUEST).unwrap()).unwrap();
    let mut store = wasmi::Store::new(&engine, ());
    let instance = wasmi::Instance::new(&mut store, &module, &[]).unwrap();
    let own_nothing = instance.get_typed_func::<(), ()>(&store, "nothing").unwrap();
    let own_add = instance.get_typed_func::<(u32, u32), u32>(&store, "add").unwrap();
    bench(
        "engine calls func(), peer: wasmi itself",
        1,
        || ours.call_core(nothing, &[], &mut []),
        || own_nothing.call(&mut store, ()).unwrap(),
    );
    bench(
        "engine calls func(i32, i32) -> i32, peer: wasmi",
        1,
        || ours.call_core(add, &[1, 2], &mut [0]),
        || assert_eq!(own_add.call(&mut store, (1, 2)).unwrap(), 3),
    );
}

/// A module whose `run` does `body` as often as it is told.
fn looping(imports: &str, body: &str) -> String {
    format!(
        r#"(module {imports} (func (export "run") (param i32) (local $handle i32)
            (loop $again
                {body}
                (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"#
    )
}

/// A [`looping`] module that calls its import.
fn loop_call() -> String {
    looping(r#"(import "" "f" (func $f))"#, "(call $f)")
}

/// The same where the import takes the string of 16 bytes that is in [`GUEST`].
fn loop_call_with_string() -> String {
    let import = r#"(import "" "f" (func $f (param i32 i32)))"#;
    looping(import, "(call $f (i32.const 32) (i32.const 16))")
}

/// Measures a [`looping`] module with the imports that `ours` makes for a component instance, against
/// ones that the engine calls with nothing between.
fn bench_loop(
    name: &str,
    wat: &str,
    ours: impl FnOnce(&mut Guests, InstanceId) -> Vec<CoreFunc>,
    peer: impl FnOnce(&mut Guests) -> Vec<CoreFunc>,
) {
    let mut guests = Guests::new();
    let inst = guests.instance();
    let imports = ours(&mut guests, inst);
    let core = guests.core(inst, wat, &imports);
    let ty = func_type(&[Type::u32()], None);
    let run = canon::lift(core.func("run"), ty, core.options(), inst, "run");

    let mut bare = Guests::new();
    let imports = peer(&mut bare);
    let bare_run = bare_core(&mut bare, wat, &imports).func("run");
    bench(
        name,
        TIMES,
        || guests.call(&run, &TIMES, &mut ()),
        || bare.call_core(bare_run, &[TIMES.into()], &mut []),
    );
}

/// A bare import that does nothing.
fn nothing(_: &mut dyn EngineStore, _: &[u64], _: &mut [u64]) -> Flow {
    Flow::Done
}

/// A bare import with a result.
fn constant(value: u64) -> impl Fn(&mut dyn EngineStore, &[u64], &mut [u64]) -> Flow {
    move |_, _, results| {
        results[0] = value;
        Flow::Done
    }
}

/// A bare import that calls a core function of another instance.
fn forward(func: CoreFunc) -> impl Fn(&mut dyn EngineStore, &[u64], &mut [u64]) -> Flow {
    move |engine, args, results| {
        returned(engine.call(func, args, results));
        Flow::Done
    }
}

fn guest_to_host() {
    bench_loop(
        "guest calls host: func()",
        &loop_call(),
        |guests, inst| {
            let func = host_func(&func_type(&[], None), |_| Ok(HostOutcome::Returned));
            vec![guests.lower(inst, func, Options::default())]
        },
        |bare| vec![bare.bare(0, 0, nothing)],
    );
    bench_loop(
        "guest calls host: func(string 16 B)",
        &loop_call_with_string(),
        |guests, inst| {
            let memory = guests.core(inst, GUEST, &[]);
            let ty = func_type(&[Type::string()], None);
            let func = host_func(&ty, |_| Ok(HostOutcome::Returned));
            vec![guests.lower(inst, func, memory.options())]
        },
        |bare| vec![bare.bare(2, 0, nothing)],
    );
}

fn guest_to_guest() {
    bench_loop(
        "guest calls guest: func()",
        &loop_call(),
        |guests, inst| {
            let func = guest_func(guests, "nothing", &[], None);
            vec![guests.lower(inst, func, Options::default())]
        },
        |bare| {
            let func = bare_core(bare, GUEST, &[]).func("nothing");
            vec![bare.bare(0, 0, forward(func))]
        },
    );
    bench_loop(
        "guest calls guest: func(string 16 B)",
        &loop_call_with_string(),
        |guests, inst| {
            let memory = guests.core(inst, GUEST, &[]);
            let func = guest_func(guests, "take", &[Type::string()], None);
            vec![guests.lower(inst, func, memory.options())]
        },
        |bare| {
            let core = bare_core(bare, GUEST, &[]);
            let (realloc, take) = (core.func("realloc"), core.func("take"));
            vec![bare.bare(2, 0, move |engine, args, results| {
                returned(engine.call(realloc, &[0, 0, 1, 16], &mut [0]));
                returned(engine.call(take, args, results));
                Flow::Done
            })]
        },
    );
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
        guests.builtin(inst, Builtin::ThreadYield { cancellable: false })
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
        *pending.lock().unwrap() = Some(call.task);
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
        let call = runtime::start(cx, func, args, results, &arena, None).unwrap();
        let pending = || task.lock().unwrap().take();
        while let Some(task) = pending() {
            task.return_(cx, ptr::dangling()).unwrap();
            runtime::run(cx).unwrap();
        }
        assert_eq!(call.state(cx).unwrap(), SubtaskState::Returned);
        call.drop(cx).unwrap();
    }
}

fn resources() {
    let new_rep_drop = looping(
        r#"(import "" "new" (func $new (param i32) (result i32)))
           (import "" "rep" (func $rep (param i32) (result i32)))
           (import "" "drop" (func $drop (param i32)))"#,
        "(local.set $handle (call $new (i32.const 7)))
         (drop (call $rep (local.get $handle)))
         (call $drop (local.get $handle))",
    );
    bench_loop(
        "resource.new, resource.rep, resource.drop",
        &new_rep_drop,
        |guests, inst| {
            let ty = guest_resource(guests, inst);
            let builtins = [Builtin::ResourceNew, Builtin::ResourceRep, Builtin::ResourceDrop];
            builtins.map(|builtin| guests.builtin(inst, builtin(ty.clone()))).to_vec()
        },
        |bare| {
            vec![
                bare.bare(1, 1, constant(1)),
                bare.bare(1, 1, constant(7)),
                bare.bare(1, 0, nothing),
            ]
        },
    );

    // The handle that is lent or passed on is made once.
    let passes = |result: &str, body: &str| {
        let imports = format!(
            r#"(import "" "new" (func $new (param i32) (result i32)))
               (import "" "f" (func $f (param i32) {result}))
               (global $handle (mut i32) (i32.const 0))"#
        );
        let init = "(if (i32.eqz (global.get $handle))
            (then (global.set $handle (call $new (i32.const 7)))))";
        looping(&imports, &format!("{init} {body}"))
    };
    bench_loop(
        "guest calls guest: func(borrow<r>)",
        &passes("", "(call $f (global.get $handle))"),
        |guests, inst| {
            let ty = guest_resource(guests, inst);
            let new = guests.builtin(inst, Builtin::ResourceNew(ty.clone()));
            let other = guests.instance();
            let drop = guests.builtin(other, Builtin::ResourceDrop(ty.clone()));
            let core = guests.core(other, DROPS, &[drop]);
            let ty = func_type(&[Type::new(Kind::Borrow(ty)).unwrap()], None);
            let func = canon::lift(core.func("f"), ty, core.options(), other, "f");
            vec![new, guests.lower(inst, func, Options::default())]
        },
        |bare| {
            let drop = bare.bare(1, 0, nothing);
            let func = bare_core(bare, DROPS, &[drop]).func("f");
            vec![bare.bare(1, 1, constant(1)), bare.bare(1, 0, forward(func))]
        },
    );
    bench_loop(
        "guest calls guest: func(own<r>) -> own<r>",
        &passes("(result i32)", "(global.set $handle (call $f (global.get $handle)))"),
        |guests, inst| {
            let ty = guest_resource(guests, inst);
            let new = guests.builtin(inst, Builtin::ResourceNew(ty.clone()));
            let other = guests.instance();
            let core = guests.core(other, RETURNS, &[]);
            let own = Type::new(Kind::Own(ty)).unwrap();
            let ty = func_type(std::slice::from_ref(&own), Some(own.clone()));
            let func = canon::lift(core.func("f"), ty, core.options(), other, "f");
            vec![new, guests.lower(inst, func, Options::default())]
        },
        |bare| {
            let func = bare_core(bare, RETURNS, &[]).func("f");
            vec![bare.bare(1, 1, constant(1)), bare.bare(1, 1, forward(func))]
        },
    );
}

/// A function that drops the handle that it gets, and one that gives it back.
const DROPS: &str = r#"(module
    (import "" "drop" (func $drop (param i32)))
    (func (export "f") (param i32) (call $drop (local.get 0))))"#;
const RETURNS: &str = r#"(module (func (export "f") (param i32) (result i32) (local.get 0)))"#;

/// A resource type that `inst` implements, without a destructor.
fn guest_resource(guests: &mut Guests, inst: InstanceId) -> ResourceType {
    let ty = ResourceType::new("r");
    runtime::define_resource(&mut guests.cx(), &ty, inst, None);
    ty
}

/// Native stacks, against those of corosensei.
fn fibers() {
    const STACK: usize = 64 << 10;
    let fibers = Fibers::new(STACK);
    let mut stack = Some(DefaultStack::new(STACK).unwrap());
    bench(
        "fiber: start, return; peer: corosensei",
        1,
        || match fibers.start(|| Ok(Values::new())) {
            Ran::Returned(result) => assert!(result.unwrap().is_empty()),
            Ran::Suspended(_) => unreachable!("it does not block"),
        },
        || {
            let stack_of_it = stack.take().unwrap();
            let mut coroutine = Coroutine::<(), (), (), _>::with_stack(stack_of_it, |_, ()| ());
            assert!(matches!(coroutine.resume(()), CoroutineResult::Return(())));
            stack = Some(coroutine.into_stack());
        },
    );

    let inner = Rc::clone(&fibers);
    let blocked = |ran| match ran {
        Ran::Suspended(fiber) => Some::<Fiber>(fiber),
        Ran::Returned(result) => panic!("{result:?}"),
    };
    let mut fiber = blocked(fibers.start(move || {
        loop {
            inner.block()?;
        }
    }));
    let mut coroutine = Coroutine::<(), (), (), _>::new(|yielder, ()| {
        loop {
            yielder.suspend(());
        }
    });
    coroutine.resume(());
    bench(
        "fiber: resume, block; peer: corosensei",
        1,
        || fiber = blocked(fiber.take().unwrap().resume(&[])),
        || assert!(matches!(coroutine.resume(()), CoroutineResult::Yield(()))),
    );
}
