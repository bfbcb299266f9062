//! Calls of sync functions.

use super::c;
use super::guests::{Guests, func_type, host_func, returned};
use super::{bare_core, bench, bench_loop, forward, loop_call, looping, nothing};
use cmabi::canon;
use cmabi::engine::Flow;
use cmabi::ffi;
use cmabi::runtime::{FuncInst, HostOutcome, Options, StoreConfig};
use cmabi::types::{Kind, Type};
use std::ffi::c_void;
use std::path::Path;
use std::ptr;

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

/// A function of a new instance of [`GUEST`].
fn guest_func(guests: &mut Guests, name: &str, params: &[Type], result: Option<Type>) -> FuncInst {
    let inst = guests.instance();
    let core = guests.core(inst, GUEST, &[]);
    canon::lift(core.func(name), func_type(params, result), core.options(), inst, name)
}

/// What it costs a guest that it can be stopped, and that its fuel is metered.
pub(super) fn metered() {
    const FIB: &str = r#"(module
        (func $fib (export "fib") (param i32) (result i32)
            (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
                (then (local.get 0))
                (else (i32.add
                    (call $fib (i32.sub (local.get 0) (i32.const 1)))
                    (call $fib (i32.sub (local.get 0) (i32.const 2))))))))"#;
    /// The product of two matrices of 32 by 32 numbers.
    const PRODUCT: &str = r#"(module (memory (export "memory") 1)
        (func (export "product") (local $i i32) (local $j i32) (local $k i32) (local $sum f64)
            (loop $rows
                (local.set $j (i32.const 0))
                (loop $columns
                    (local.set $sum (f64.const 0))
                    (local.set $k (i32.const 0))
                    (loop $terms
                        (local.set $sum (f64.add (local.get $sum) (f64.mul
                            (f64.load (i32.shl (i32.add (i32.shl (local.get $i) (i32.const 5)) (local.get $k)) (i32.const 3)))
                            (f64.load offset=8192
                                (i32.shl (i32.add (i32.shl (local.get $k) (i32.const 5)) (local.get $j)) (i32.const 3))))))
                        (local.set $k (i32.add (local.get $k) (i32.const 1)))
                        (br_if $terms (i32.lt_u (local.get $k) (i32.const 32))))
                    (f64.store offset=16384
                        (i32.shl (i32.add (i32.shl (local.get $i) (i32.const 5)) (local.get $j)) (i32.const 3))
                        (local.get $sum))
                    (local.set $j (i32.add (local.get $j) (i32.const 1)))
                    (br_if $columns (i32.lt_u (local.get $j) (i32.const 32))))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $rows (i32.lt_u (local.get $i) (i32.const 32))))))"#;
    let calls = |config, text, name: &'static str, arg: &'static [u64], results: usize| {
        let mut guests = Guests::with(config);
        let core = bare_core(&mut guests, text, &[]);
        move || guests.call_core(core.func(name), arg, &mut [0][..results])
    };
    let fib = |config| calls(config, FIB, "fib", &[20], 1);
    let product = |config| calls(config, PRODUCT, "product", &[], 0);
    let plain = StoreConfig::default;
    let fuel = || {
        let mut config = StoreConfig::default();
        config.engine.fuel = Some(u64::MAX);
        config
    };
    let stoppable = || StoreConfig { is_interruptible: true, ..StoreConfig::default() };
    bench(
        "matrices that can be stopped; peer: that cannot",
        1,
        product(stoppable()),
        product(plain()),
    );
    bench("matrices with fuel; peer: without", 1, product(fuel()), product(plain()));
    bench("fib(20) that can be stopped; peer: that cannot", 1, fib(stoppable()), fib(plain()));
    bench("fib(20) with fuel; peer: without", 1, fib(fuel()), fib(plain()));
}

pub(super) fn host_to_guest() {
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

/// The same through the C API, from compiled C.
pub(super) fn from_c() {
    use ffi::cmabi::arena::cmabi_arena;
    use ffi::cmabi::error::{cmabi_error, cmabi_status, cmabi_string};
    use ffi::cmabi::func::cmabi_func;
    use ffi::cmabi::store::cmabi_store;
    type FuncCall = unsafe extern "C" fn(
        *mut cmabi_store,
        *const cmabi_func,
        *const c_void,
        *mut c_void,
        *mut cmabi_arena,
        *mut *mut cmabi_error,
    ) -> cmabi_status;
    type CallNothing =
        unsafe extern "C" fn(FuncCall, *mut cmabi_store, *const cmabi_func) -> cmabi_status;
    type CallAdd = unsafe extern "C" fn(
        FuncCall,
        *mut cmabi_store,
        *const cmabi_func,
        u32,
        u32,
        *mut u32,
    ) -> cmabi_status;

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
        ok(ffi::cmabi::engine::cmabi_engine_new(ptr::null(), &mut engine, no_error));
        ok(ffi::cmabi::store::cmabi_store_new(engine, ptr::null(), &mut store, no_error));
        ok(ffi::cmabi::linker::cmabi_linker_new(engine, &mut linker, no_error));
        let (bytes, len) = (component.as_ptr(), component.len());
        ok(ffi::cmabi::component::cmabi_component_load(engine, bytes, len, &mut loaded, no_error));
        let made = &mut instance;
        ok(ffi::cmabi::linker::cmabi_linker_instantiate(linker, store, loaded, made, no_error));
        for (name, func) in [("nothing", &mut nothing), ("add", &mut add)] {
            ok(ffi::cmabi::instance::cmabi_instance_func(instance, string(name), func, no_error));
        }
    }
    let c = c::Library::new(Path::new("benches/call/from_c.c"));
    // SAFETY: these are their types.
    let (call_nothing, call_add): (CallNothing, CallAdd) =
        unsafe { (c.function(c"call_nothing"), c.function(c"call_add")) };
    let func_call = ffi::cmabi::func::cmabi_func_call as FuncCall;
    let mut bare = Guests::new();
    let core = bare_core(&mut bare, GUEST, &[]);
    let (bare_nothing, bare_add) = (core.func("nothing"), core.func("add"));
    bench(
        "C calls guest: func()",
        1,
        // SAFETY: as above.
        || ok(unsafe { call_nothing(func_call, store, nothing) }),
        || bare.call_core(bare_nothing, &[], &mut []),
    );
    bench(
        "C calls guest: func(u32, u32) -> u32",
        1,
        || {
            let mut sum = 0;
            // SAFETY: as above; the arguments and the result are those of the function.
            ok(unsafe { call_add(func_call, store, add, 1, 2, &mut sum) });
            assert_eq!(sum, 3);
        },
        || bare.call_core(bare_add, &[1, 2], &mut [0]),
    );
    // SAFETY: as above.
    unsafe {
        ffi::cmabi::store::cmabi_store_free(store);
        ffi::cmabi::component::cmabi_component_free(loaded);
        ffi::cmabi::linker::cmabi_linker_free(linker);
        ffi::cmabi::engine::cmabi_engine_free(engine);
    }
}

/// The engine behind its interface, against wasmi used directly.
pub(super) fn engine() {
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

/// The same where the import takes the string of 16 bytes that is in [`GUEST`].
fn loop_call_with_string() -> String {
    let import = r#"(import "" "f" (func $f (param i32 i32)))"#;
    looping(import, "(call $f (i32.const 32) (i32.const 16))")
}

pub(super) fn guest_to_host() {
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

pub(super) fn guest_to_guest() {
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
