//! What the host does at the wrong moment: while a guest runs that has been ended by a trap, from
//! inside a completion, with a handle that has outlived its call.

use super::*;
use crate::core_types::AddrType;
use crate::engine::{CoreFuncType, CoreType};
use crate::error::ErrorKind;
use crate::host::call as call_func;
use crate::host::stream::stream_new;
use crate::runtime::host_end::{self, HostEnd, Signal};
use crate::types::{Kind, ResourceType};
use std::cell::{Cell, RefCell};
use std::sync::Mutex;

type Tasks = Arc<Mutex<Vec<HostTask>>>;

thread_local! {
    /// For host functions, which cannot own what belongs to one store.
    static FUNC: RefCell<Option<FuncInst>> = const { RefCell::new(None) };
}

/// A string in the host's layout that is not UTF-8.
const NO_TEXT: &(&[u8; 2], usize) = &(b"\xff\xfe", 2);

/// A host function without parameters whose calls stay pending in `tasks`.
fn pending(tasks: &Tasks, result: Type) -> FuncInst {
    let tasks = tasks.clone();
    host(func_type(&[], Some(result), true), "pending", move |call| {
        tasks.lock().unwrap().push(call.serving.task(call.cx)?);
        Ok(HostOutcome::Pending)
    })
}

/// The canonical options of a module with nothing but a memory.
fn heap(fx: &mut Fixture, inst: InstanceId) -> Options {
    let heap = r#"(module (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 256)))"#;
    let core = fx.core(inst, heap, &[]);
    fx.options(&core)
}

/// A sync-typed function of a new guest that calls a function of the host's.
fn guest_of_host(
    fx: &mut Fixture,
    func: impl Fn(&mut HostCall<'_, '_>) -> Result<HostOutcome, Trapped> + Send + Sync + 'static,
) -> FuncInst {
    let inst = fx.instance("caller");
    let ty = func_type(&[], None, false);
    let import = fx.lower(inst, &host(ty.clone(), "asks", func), Options::default());
    let wat = r#"(module (import "" "f" (func $f)) (func (export "run") (call $f)))"#;
    let core = fx.core(inst, wat, &[import]);
    fx.lift(inst, &core, "run", &ty, Options::default())
}

/// Calls the function that is kept, which fails.
fn fail_kept(call: &mut HostCall<'_, '_>) -> Error {
    let func = FUNC.take().unwrap();
    let (args, results) = (std::ptr::null(), std::ptr::null_mut());
    call_func(call.cx, &func, args, results, call.arena).unwrap_err()
}

fn begin(fx: &mut Fixture, func: &FuncInst, result: &Cell<u32>) -> HostSubtask {
    let (args, arena) = (std::ptr::null(), fx.arena.clone());
    start(&mut fx.store.cx(), func, args, result.as_ptr().cast(), &arena, None).unwrap()
}

#[test]
fn an_answer_that_is_none_ends_the_caller() {
    let mut fx = Fixture::new();
    let tasks = Tasks::default();
    let inst = fx.instance("guest");
    let opts = heap(&mut fx, inst);
    let import = fx.lower(inst, &pending(&tasks, Type::string()), opts);
    let core = fx.core(
        inst,
        r#"(module (import "" "f" (func $f (param i32)))
            (func (export "run") (result i32) (call $f (i32.const 16)) (i32.const 7)))"#,
        &[import],
    );
    let ty = func_type(&[], Some(Type::u32()), true);
    let run_func = fx.lift(inst, &core, "run", &ty, Options::default());
    let result = Cell::new(0);
    let subtask = begin(&mut fx, &run_func, &result);
    let task = tasks.lock().unwrap().remove(0);
    let told = task.return_(&mut fx.store.cx(), std::ptr::from_ref(NO_TEXT).cast());
    assert_trap(&told.unwrap_err(), "host function pending");
    assert!(subtask.state(&fx.store.cx()).is_err());
    subtask.drop(&mut fx.store.cx()).unwrap();
    assert_trap(&fx.call(&run_func, &[]).unwrap_err(), "cannot enter component instance");
    fx.assert_idle();
}

#[test]
fn an_answer_that_is_none_ends_the_caller_while_it_runs() {
    let mut fx = Fixture::new();
    let tasks = Tasks::default();
    let inst = fx.instance("guest");
    let opts = Options { is_async: true, ..heap(&mut fx, inst) };
    let first = fx.lower(inst, &pending(&tasks, Type::string()), opts);
    let answers = tasks.clone();
    let answer = host(func_type(&[], None, false), "answer", move |call| {
        let task = answers.lock().unwrap().remove(0);
        assert!(task.return_(call.cx, std::ptr::from_ref(NO_TEXT).cast()).is_err());
        Ok(HostOutcome::Returned)
    });
    let second = fx.lower(inst, &answer, Options::default());
    let core = fx.core(
        inst,
        r#"(module (import "" "f" (func $f (param i32) (result i32)))
            (import "" "answer" (func $answer))
            (func (export "run") (result i32)
                (drop (call $f (i32.const 16)))
                (call $answer)
                (i32.const 7)))"#,
        &[first, second],
    );
    let run_func = fx.lift(inst, &core, "run", &u32s(0), Options::default());
    assert_trap(&fx.call(&run_func, &[]).unwrap_err(), "utf-8");
    assert_trap(&fx.call(&run_func, &[]).unwrap_err(), "cannot enter component instance");
    fx.assert_idle();
}

#[test]
fn a_call_ends_whose_caller_has_trapped_in_another() {
    let mut fx = Fixture::new();
    let tasks = Tasks::default();
    let inst = fx.instance("victim");
    let import = fx.lower(inst, &pending(&tasks, Type::u32()), Options::default());
    let core = fx.core(
        inst,
        r#"(module (import "" "f" (func $f (result i32)))
            (func (export "run") (result i32) (call $f))
            (func (export "trap") unreachable))"#,
        &[import],
    );
    let ty = func_type(&[], Some(Type::u32()), true);
    let run_func = fx.lift(inst, &core, "run", &ty, Options::default());
    let trap = fx.lift(inst, &core, "trap", &func_type(&[], None, false), Options::default());
    FUNC.set(Some(trap));
    // Ends the instance, and then answers a call of it.
    let answers = tasks.clone();
    let go = guest_of_host(&mut fx, move |call| {
        fail_kept(call);
        let (task, answer) = (answers.lock().unwrap().remove(0), 5u32);
        task.return_(call.cx, (&raw const answer).cast()).unwrap();
        Ok(HostOutcome::Returned)
    });
    let result = Cell::new(0);
    let subtask = begin(&mut fx, &run_func, &result);
    fx.call(&go, &[]).unwrap();
    assert!(subtask.state(&fx.store.cx()).is_err());
    subtask.drop(&mut fx.store.cx()).unwrap();
    fx.assert_idle();
}

#[test]
fn a_completion_ends_the_copy_that_it_comes_from() {
    let mut fx = Fixture::new();
    let cx = &mut fx.store.cx();
    let (readable, writable) = stream_new(cx, Some(Type::u8())).unwrap();
    let (reader, writer) = (HostEnd::stream(readable), HostEnd::stream(writable));
    let mut room = [0u8; 4];
    let arena = Rc::default();
    let completion: host_end::Completion = Box::new(move |cx, _| {
        // Whoever has written has been told, or can be asked; the end can go.
        let _ = writer.poll(cx);
        writer.drop(cx).unwrap();
    });
    let read = reader.read(cx, room.as_mut_ptr(), 4, &arena, Some(completion)).unwrap();
    assert!(read.is_none());
    let written = writer.write(cx, [1u8, 2].as_ptr(), 2, None).unwrap().unwrap();
    assert_eq!((written.result, written.count), (CopyResult::Completed, 2));
    assert_eq!(writer.element(cx).unwrap_err().kind(), ErrorKind::InvalidArgument);
    reader.drop(cx).unwrap();
    assert_eq!(room, [1, 2, 0, 0]);
    fx.assert_idle();
}

#[test]
fn a_watcher_ends_the_copy_that_it_is_told_of() {
    let mut fx = Fixture::new();
    let cx = &mut fx.store.cx();
    let (readable, writable) = stream_new(cx, Some(Type::u8())).unwrap();
    let (reader, writer) = (HostEnd::stream(readable), HostEnd::stream(writable));
    writer
        .watch(
            cx,
            Some(Rc::new(move |cx, _, signal| {
                if signal == Signal::Waits {
                    reader.cancel(cx).unwrap();
                    reader.drop(cx).unwrap();
                }
                false
            })),
        )
        .unwrap();
    let mut room = [0u8; 4];
    let read = reader.read(cx, room.as_mut_ptr(), 4, &Rc::default(), None).unwrap().unwrap();
    assert_eq!((read.result, read.count), (CopyResult::Cancelled, 0));
    writer.drop(cx).unwrap();
    fx.assert_idle();
}

#[test]
fn a_borrow_ends_with_the_call_that_it_was_lent_to() {
    let mut fx = Fixture::new();
    let inst = fx.instance("guest");
    let ty = ResourceType::new("thing");
    define_resource(&mut fx.store.cx(), &ty, inst, None);
    let kept = Arc::new(Mutex::new(0));
    let keeps = kept.clone();
    let borrow = Type::new(Kind::Borrow(ty.clone())).unwrap();
    let keep = host(func_type(&[borrow], None, false), "keep", move |call| {
        // SAFETY: the parameters are one handle.
        *keeps.lock().unwrap() = unsafe { *call.args.cast::<u32>() };
        Err(crate::error::Trap::Host { message: "on purpose".into() }.into())
    });
    let import = fx.lower(inst, &keep, Options::default());
    let new = fx.builtin(inst, Builtin::ResourceNew(ty.clone()));
    let core = fx.core(
        inst,
        r#"(module (import "" "keep" (func $keep (param i32)))
            (import "" "new" (func $new (param i32) (result i32)))
            (func (export "run") (call $keep (call $new (i32.const 1)))))"#,
        &[import, new],
    );
    let run_func = fx.lift(inst, &core, "run", &func_type(&[], None, false), Options::default());
    assert_trap(&fx.call(&run_func, &[]).unwrap_err(), "on purpose");
    let handle = *kept.lock().unwrap();
    let dropped = host::resource::drop(&mut fx.store.cx(), None, handle);
    assert_eq!(dropped.unwrap_err().kind(), ErrorKind::InvalidArgument);
    fx.assert_idle();
}

#[test]
fn a_subtask_whose_callee_has_trapped_can_be_cancelled() {
    let mut fx = Fixture::new();
    let tasks = Tasks::default();
    let callee = fx.instance("callee");
    let import = fx.lower(callee, &pending(&tasks, Type::u32()), Options::default());
    let core = fx.core(
        callee,
        r#"(module (import "" "f" (func $f (result i32)))
            (func (export "run") (result i32) (call $f))
            (func (export "trap") unreachable))"#,
        &[import],
    );
    let ty = func_type(&[], Some(Type::u32()), true);
    let run_func = fx.lift(callee, &core, "run", &ty, Options::default());
    let trap = fx.lift(callee, &core, "trap", &func_type(&[], None, false), Options::default());
    let inst = fx.instance("caller");
    let opts = Options { is_async: true, ..heap(&mut fx, inst) };
    let import = fx.lower(inst, &run_func, opts);
    let cancel = fx.builtin(inst, Builtin::SubtaskCancel { is_async: true });
    let core = fx.core(
        inst,
        r#"(module (import "" "f" (func $f (param i32) (result i32)))
            (import "" "cancel" (func $cancel (param i32) (result i32)))
            (func (export "begin") (result i32) (i32.shr_u (call $f (i32.const 16)) (i32.const 4)))
            (func (export "cancel") (param i32) (result i32) (call $cancel (local.get 0))))"#,
        &[import, cancel],
    );
    let begin = fx.lift(inst, &core, "begin", &u32s(0), Options::default());
    let cancel = fx.lift(inst, &core, "cancel", &u32s(1), Options::default());
    let subtask = fx.call(&begin, &[]).unwrap();
    assert_trap(&fx.call(&trap, &[]).unwrap_err(), "unreachable");
    assert_eq!(fx.call(&cancel, &[subtask]).unwrap(), u32::MAX);
}

#[test]
fn nothing_is_left_of_a_task_whose_last_thread_has_not_answered() {
    let mut fx = Fixture::new();
    let inst = fx.instance("guest");
    let table = fx.core(inst, r#"(module (table (export "table") 1 funcref))"#, &[]);
    let CoreExtern::Table(table) = fx.export(&table, "table") else { panic!() };
    let ty = CoreFuncType { params: [CoreType::I32].into(), results: [].into() };
    let new_indirect = Builtin::ThreadNewIndirect { ty, table, table_addr: AddrType::I32 };
    let imports = [
        fx.builtin(inst, new_indirect),
        fx.builtin(inst, Builtin::ThreadResumeLater),
        CoreExtern::Table(table),
    ];
    let core = fx.core(
        inst,
        r#"(module (import "" "new" (func $new (param i32 i32) (result i32)))
            (import "" "later" (func $later (param i32)))
            (import "" "table" (table 1 funcref))
            (func $thread (param i32))
            (elem (i32.const 0) func $thread)
            (func (export "run") (call $later (call $new (i32.const 0) (i32.const 0)))))"#,
        &imports,
    );
    let opts = Options { is_async: true, ..Options::default() };
    let run_func = fx.lift(inst, &core, "run", &func_type(&[], None, true), opts);
    assert_trap(&fx.call(&run_func, &[]).unwrap_err(), "the task ended without task.return");
    fx.assert_idle();
}

#[test]
fn a_child_cannot_call_a_parent_that_has_trapped() {
    let mut fx = Fixture::new();
    let tasks = Tasks::default();
    let parent = fx.instance("parent");
    let core = fx.core(
        parent,
        r#"(module (func (export "fine")) (func (export "trap") unreachable))"#,
        &[],
    );
    let plain = func_type(&[], None, false);
    let fine = fx.lift(parent, &core, "fine", &plain, Options::default());
    let trap = fx.lift(parent, &core, "trap", &plain, Options::default());
    let child = new_instance(&mut fx.store.cx(), Some(parent), "child").unwrap();
    let imports = [
        fx.lower(child, &pending(&tasks, Type::u32()), Options::default()),
        fx.lower(child, &fine, Options::default()),
    ];
    let core = fx.core(
        child,
        r#"(module (import "" "f" (func $f (result i32)))
            (import "" "fine" (func $fine))
            (func (export "run") (result i32) (call $f) (call $fine)))"#,
        &imports,
    );
    let ty = func_type(&[], Some(Type::u32()), true);
    let run_func = fx.lift(child, &core, "run", &ty, Options::default());
    let result = Cell::new(0);
    let subtask = begin(&mut fx, &run_func, &result);
    assert_trap(&fx.call(&trap, &[]).unwrap_err(), "unreachable");
    let (task, answer) = (tasks.lock().unwrap().remove(0), 5u32);
    task.return_(&mut fx.store.cx(), (&raw const answer).cast()).unwrap();
    let ran = run(&mut fx.store.cx());
    assert_trap(&ran.unwrap_err(), "cannot enter component instance");
    subtask.drop(&mut fx.store.cx()).unwrap();
    fx.assert_idle();
}

#[test]
fn a_call_fails_where_its_thread_has_no_room_and_not_what_it_calls() {
    let mut fx = Fixture::with(StoreConfig { max_threads: 1, ..StoreConfig::default() });
    let tasks = Tasks::default();
    let inst = fx.instance("caller");
    let looks = host(func_type(&[], None, false), "looks", |_| panic!("nobody gets here"));
    let imports = [
        fx.lower(inst, &pending(&tasks, Type::u32()), Options::default()),
        fx.lower(inst, &looks, Options::default()),
    ];
    let core = fx.core(
        inst,
        r#"(module (import "" "f" (func $f (result i32))) (import "" "looks" (func $looks))
            (func (export "wait") (result i32) (call $f))
            (func (export "run") (call $looks)))"#,
        &imports,
    );
    let ty = func_type(&[], Some(Type::u32()), true);
    let wait = fx.lift(inst, &core, "wait", &ty, Options::default());
    let run = fx.lift(inst, &core, "run", &func_type(&[], None, false), Options::default());
    let result = Cell::new(0);
    let subtask = begin(&mut fx, &wait, &result);
    let error = fx.call(&run, &[]).unwrap_err();
    assert_trap(&error, "table is full: 1 entries");
    assert_trap(&error, "run (caller)");
    let _ = subtask.drop(&mut fx.store.cx());
}

#[test]
fn a_host_that_starts_a_call_for_a_caller_without_room_is_told_and_nobody_ends() {
    let limit = 1 << 20;
    let mut fx = Fixture::with(StoreConfig { max_host_bytes: limit, ..StoreConfig::default() });
    let inst = fx.instance("called");
    let imports = [
        fx.builtin(inst, Builtin::ContextSet { ty: CoreType::I32, slot: 0 }),
        fx.builtin(inst, Builtin::ContextGet { ty: CoreType::I32, slot: 0 }),
        fx.builtin(inst, Builtin::TaskReturn { result: None, opts: Options::default() }),
    ];
    let core = fx.core(
        inst,
        r#"(module (import "" "set" (func $set (param i32))) (import "" "get" (func $get (result i32)))
            (import "" "return" (func $return)) (global $seen (mut i32) (i32.const 0))
            (func (export "f") (result i32) (call $set (i32.const 7)) (i32.const 1))
            (func (export "callback") (param i32 i32 i32) (result i32)
                (global.set $seen (i32.add (global.get $seen) (call $get))) (call $return) (i32.const 0))
            (func (export "seen") (result i32) (global.get $seen)))"#,
        &imports,
    );
    let callback = Some(fx.func(&core, "callback"));
    let opts = Options { is_async: true, callback, ..Options::default() };
    let f = fx.lift(inst, &core, "f", &func_type(&[], None, true), opts);
    let seen = fx.lift(inst, &core, "seen", &u32s(0), Options::default());
    FUNC.set(Some(f.clone()));
    let starts = |cx: &mut Cx<'_>| {
        let (args, results) = (std::ptr::null(), std::ptr::null_mut());
        let func = FUNC.with_borrow(|func| func.clone().unwrap());
        start(cx, &func, args, results, &Rc::default(), None)
    };
    // There is room for the callee, from earlier calls, but none for the first call of the caller.
    let earlier: Vec<_> = (0..8).map(|_| starts(&mut fx.store.cx()).unwrap()).collect();
    run(&mut fx.store.cx()).unwrap();
    for subtask in earlier {
        subtask.drop(&mut fx.store.cx()).unwrap();
    }
    let caller = guest_of_host(&mut fx, move |call| {
        let memory = call.cx.shared.host_memory.clone();
        let left = limit - memory.used();
        memory.charge(left)?;
        let started = starts(call.cx);
        memory.credit(left);
        assert_eq!(started.unwrap_err().kind(), ErrorKind::Limit);
        let subtask = starts(call.cx).unwrap();
        subtask.drop(call.cx).unwrap();
        Ok(HostOutcome::Returned)
    });
    fx.call(&caller, &[]).unwrap();
    run(&mut fx.store.cx()).unwrap();
    assert_eq!(fx.call(&seen, &[]).unwrap(), 9 * 7);
    fx.assert_idle();
}

#[test]
fn what_a_guest_that_has_ended_waits_for_may_be_gone() {
    let mut fx = Fixture::new();
    let tasks = Tasks::default();
    let inst = fx.instance("blocks");
    let import = fx.lower(inst, &pending(&tasks, Type::u32()), Options::default());
    let core = fx.core(
        inst,
        r#"(module (import "" "f" (func $f (result i32)))
            (func (export "run") (drop (call $f))))"#,
        &[import],
    );
    let ty = func_type(&[], None, false);
    FUNC.set(Some(fx.lift(inst, &core, "run", &ty, Options::default())));
    let caller = guest_of_host(&mut fx, move |call| {
        assert_trap(&fail_kept(call), "cannot block");
        let task = tasks.lock().unwrap().remove(0);
        let answer = 7u32;
        let _ = task.return_(call.cx, (&raw const answer).cast());
        let dump = crate::runtime::dump(call.cx);
        assert!(dump.contains("run in blocks has ended with its instance"), "{dump}");
        Ok(HostOutcome::Returned)
    });
    fx.call(&caller, &[]).unwrap();
    fx.assert_idle();
}

/// A host function whose caller's instance has ended meanwhile is not where the trap came from.
#[test]
fn a_host_function_that_has_its_caller_trap_is_not_in_the_trace_of_it() {
    let mut fx = Fixture::new();
    let inst = fx.instance("guest");
    let ty = func_type(&[], Some(Type::u32()), false);
    let asks = host(ty.clone(), "asks", |call| {
        fail_kept(call);
        Ok(HostOutcome::Returned)
    });
    let import = fx.lower(inst, &asks, Options::default());
    let core = fx.core(
        inst,
        r#"(module (import "" "f" (func $f (result i32)))
            (func (export "bad") unreachable) (func (export "run") (result i32) (call $f)))"#,
        &[import],
    );
    let bad = fx.lift(inst, &core, "bad", &func_type(&[], None, false), Options::default());
    FUNC.set(Some(bad));
    let run = fx.lift(inst, &core, "run", &ty, Options::default());
    let error = fx.call(&run, &[]).unwrap_err();
    assert_trap(&error, "bad (guest)");
    assert_trap(&error, "run (guest)");
    assert!(!error.to_string().contains("asks"), "{error}");
    fx.assert_idle();
}
