use super::host_end::HostEnd;
use super::*;
use crate::core_types::AddrType;
use crate::engine::CoreType;
use crate::error::ErrorKind;
use crate::host::stream::{future_new, stream_new};
use crate::host::{error_context_debug_message, error_context_drop, error_context_new};
use crate::types::Kind;
use std::cell::{Cell, RefCell};
use std::sync::Mutex;

/// A host function of type `func(u32) -> u32` (async) whose calls stay pending in `tasks`.
fn pending(tasks: &Arc<Mutex<Vec<HostTask>>>) -> FuncInst {
    let tasks = tasks.clone();
    let ty = func_type(&[Type::u32()], Some(Type::u32()), true);
    let func = move |call: &mut HostCall<'_, '_>| {
        tasks.lock().unwrap().push(call.serving.task(call.cx)?);
        Ok(HostOutcome::Pending)
    };
    host(ty, "pending", func)
}

/// An async-typed function, lifted without `async`, that calls `pending` and blocks in it.
fn blocking_guest(fx: &mut Fixture, tasks: &Arc<Mutex<Vec<HostTask>>>) -> FuncInst {
    let inst = fx.instance("guest");
    let import = fx.lower(inst, &pending(tasks), Options::default());
    let core = fx.core(
        inst,
        r#"(module (import "" "f" (func $f (param i32) (result i32)))
            (func (export "run") (param i32) (result i32)
                (i32.add (i32.const 1) (call $f (local.get 0)))))"#,
        &[import],
    );
    let ty = func_type(&[Type::u32()], Some(Type::u32()), true);
    fx.lift(inst, &core, "run", &ty, Options::default())
}

/// Starts a call of a function from `u32` to `u32`, whose result comes to the cell.
fn start_u32(fx: &mut Fixture, func: &FuncInst, arg: &u32, result: &Cell<u32>) -> HostSubtask {
    let args = (&raw const *arg).cast();
    let arena = fx.arena.clone();
    start(&mut fx.store.cx(), func, args, result.as_ptr().cast(), &arena, None).unwrap()
}

#[test]
fn a_guest_blocks_until_the_host_answers() {
    let mut fx = Fixture::new();
    let tasks = Arc::default();
    let run_func = blocking_guest(&mut fx, &tasks);
    let (args, results) = ([10, 20], [Cell::new(0), Cell::new(0)]);
    let first = start_u32(&mut fx, &run_func, &args[0], &results[0]);
    let second = start_u32(&mut fx, &run_func, &args[1], &results[1]);
    // The second call waits for the first: the function needs exclusive access.
    assert_eq!(tasks.lock().unwrap().len(), 1);
    assert_eq!(second.state(&fx.store.cx()).unwrap(), SubtaskState::Starting);
    assert!(dump(&fx.store.cx()).contains("waits until run lets others into the instance"));
    for (subtask, answer) in [(first, 100u32), (second, 200)] {
        let task = tasks.lock().unwrap().remove(0);
        task.return_(&mut fx.store.cx(), (&raw const answer).cast()).unwrap();
        run(&mut fx.store.cx()).unwrap();
        assert_eq!(subtask.state(&fx.store.cx()).unwrap(), SubtaskState::Returned);
        subtask.drop(&mut fx.store.cx()).unwrap();
        assert!(task.return_(&mut fx.store.cx(), (&raw const answer).cast()).is_err());
    }
    assert_eq!(results.map(Cell::into_inner), [101, 201]);
    fx.assert_idle();
}

#[test]
fn a_call_that_only_the_host_can_finish_says_so() {
    let mut fx = Fixture::new();
    let tasks = Arc::default();
    let run_func = blocking_guest(&mut fx, &tasks);
    let error = fx.call(&run_func, &[1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert!(error.to_string().contains("run in guest waits for the result of pending"), "{error}");
    // The call goes on without its caller.
    let (task, answer) = (tasks.lock().unwrap()[0], 5u32);
    task.return_(&mut fx.store.cx(), (&raw const answer).cast()).unwrap();
    run(&mut fx.store.cx()).unwrap();
    fx.assert_idle();
}

#[test]
fn a_host_task_that_is_abandoned_traps_its_caller() {
    let mut fx = Fixture::new();
    let tasks = Arc::default();
    let run_func = blocking_guest(&mut fx, &tasks);
    let result = Cell::new(0);
    let subtask = start_u32(&mut fx, &run_func, &1, &result);
    let task = tasks.lock().unwrap()[0];
    task.abandon(&mut fx.store.cx()).unwrap();
    let error = subtask.state(&fx.store.cx()).unwrap_err();
    assert_trap(&error, "the host dropped the call of pending without answering it");
    subtask.drop(&mut fx.store.cx()).unwrap();
    assert_trap(&fx.call(&run_func, &[1]).unwrap_err(), "cannot enter component instance");
    fx.assert_idle();
}

#[test]
fn completions_come_when_no_guest_runs() {
    let mut fx = Fixture::new();
    let tasks = Arc::default();
    let run_func = blocking_guest(&mut fx, &tasks);
    let told = Rc::new(RefCell::new(Vec::new()));
    let (arg, mut result) = (1u32, 0u32);
    let tells = told.clone();
    let completion: Completion = Box::new(move |cx, subtask| {
        assert_eq!(cx.state().nesting, 0);
        tells.borrow_mut().push(subtask.state(cx).unwrap());
        subtask.drop(cx).unwrap();
    });
    let (args, results) = ((&raw const arg).cast(), (&raw mut result).cast());
    let arena = fx.arena.clone();
    start(&mut fx.store.cx(), &run_func, args, results, &arena, Some(completion)).unwrap();
    assert!(told.borrow().is_empty());
    let (task, answer) = (tasks.lock().unwrap()[0], 41u32);
    task.return_(&mut fx.store.cx(), (&raw const answer).cast()).unwrap();
    run(&mut fx.store.cx()).unwrap();
    assert_eq!(*told.borrow(), [SubtaskState::Returned]);
    assert_eq!(result, 42);
    fx.assert_idle();
}

#[test]
fn a_call_is_cancelled_before_it_starts() {
    let mut fx = Fixture::new();
    let tasks = Arc::default();
    let run_func = blocking_guest(&mut fx, &tasks);
    let results = [Cell::new(0), Cell::new(0), Cell::new(0)];
    let first = start_u32(&mut fx, &run_func, &1, &results[0]);
    let second = start_u32(&mut fx, &run_func, &2, &results[1]);
    let third = start_u32(&mut fx, &run_func, &3, &results[2]);
    let state = second.cancel(&mut fx.store.cx()).unwrap();
    assert_eq!(state, SubtaskState::CancelledBeforeStarted);
    // One that is let go before it has started never does.
    third.drop(&mut fx.store.cx()).unwrap();
    second.drop(&mut fx.store.cx()).unwrap();
    let (task, answer) = (tasks.lock().unwrap()[0], 5u32);
    task.return_(&mut fx.store.cx(), (&raw const answer).cast()).unwrap();
    run(&mut fx.store.cx()).unwrap();
    first.drop(&mut fx.store.cx()).unwrap();
    assert_eq!(tasks.lock().unwrap().len(), 1);
    fx.assert_idle();
}

#[test]
fn a_callback_waits_for_a_set_and_is_woken() {
    let mut fx = Fixture::new();
    let inst = fx.instance("guest");
    let tasks = Arc::default();
    let import = pending(&tasks);
    let heap = fx.core(inst, r#"(module (memory (export "memory") 1))"#, &[]);
    let memory = fx.memory(&heap);
    let opts = Options { memory: Some(memory), is_async: true, ..Options::default() };
    let ret = Builtin::TaskReturn { result: Some(Type::u32()), opts };
    let imports = [
        fx.lower(inst, &import, opts),
        fx.builtin(inst, ret),
        fx.builtin(inst, Builtin::WaitableSetNew),
        fx.builtin(inst, Builtin::WaitableJoin),
        fx.builtin(inst, Builtin::SubtaskDrop),
        fx.builtin(inst, Builtin::ContextSet { ty: CoreType::I32, slot: 0 }),
        fx.builtin(inst, Builtin::ContextGet { ty: CoreType::I32, slot: 0 }),
        CoreExtern::Memory(memory),
    ];
    let core = fx.core(
        inst,
        r#"(module
            (import "" "f" (func $f (param i32 i32) (result i32)))
            (import "" "task.return" (func $return (param i32)))
            (import "" "set.new" (func $set-new (result i32)))
            (import "" "join" (func $join (param i32 i32)))
            (import "" "drop" (func $drop (param i32)))
            (import "" "context.set" (func $context-set (param i32)))
            (import "" "context.get" (func $context-get (result i32)))
            (import "" "memory" (memory 1))
            (func (export "run") (param i32) (result i32) (local $set i32)
                (local.set $set (call $set-new))
                (call $context-set (local.get 0))
                (call $join
                    (i32.shr_u (call $f (local.get 0) (i32.shl (local.get 0) (i32.const 3))) (i32.const 4))
                    (local.get $set))
                (i32.or (i32.const 2) (i32.shl (local.get $set) (i32.const 4))))
            (func (export "callback") (param i32 i32 i32) (result i32)
                (if (i32.ne (local.get 0) (i32.const 1)) (then unreachable))
                (if (i32.ne (local.get 2) (i32.const 2)) (then unreachable))
                (call $drop (local.get 1))
                (call $return (i32.load (i32.shl (call $context-get) (i32.const 3))))
                (i32.const 0)))"#,
        &imports,
    );
    let callback = Some(fx.func(&core, "callback"));
    let ty = func_type(&[Type::u32()], Some(Type::u32()), true);
    let run_func = fx.lift(inst, &core, "run", &ty, Options { callback, ..opts });
    let args: [u32; 3] = [1, 2, 3];
    let results = [Cell::new(0), Cell::new(0), Cell::new(0)];
    let subtasks: Vec<_> =
        (0..3).map(|i| start_u32(&mut fx, &run_func, &args[i], &results[i])).collect();
    assert_eq!(tasks.lock().unwrap().len(), 3);
    // Answered in another order than asked.
    for i in [2, 0, 1] {
        let (task, answer) = (tasks.lock().unwrap()[i], 100 + i as u32);
        task.return_(&mut fx.store.cx(), (&raw const answer).cast()).unwrap();
    }
    assert_eq!(counts(&fx.store.cx()).ready, 3);
    run(&mut fx.store.cx()).unwrap();
    for subtask in subtasks {
        assert_eq!(subtask.state(&fx.store.cx()).unwrap(), SubtaskState::Returned);
        subtask.drop(&mut fx.store.cx()).unwrap();
    }
    assert_eq!(results.map(Cell::into_inner), [100, 101, 102]);
    fx.assert_idle();
}

#[test]
fn the_host_and_a_guest_meet_at_a_stream() {
    let mut fx = Fixture::new();
    let inst = fx.instance("guest");
    let heap = fx.core(inst, r#"(module (memory (export "memory") 1))"#, &[]);
    let memory = fx.memory(&heap);
    let opts = Options { memory: Some(memory), ..Options::default() };
    let element = Some(Type::u8());
    let imports = [
        fx.builtin(inst, Builtin::StreamRead { element: element.clone(), opts }),
        fx.builtin(inst, Builtin::StreamDropReadable { element: element.clone() }),
        CoreExtern::Memory(memory),
    ];
    // Adds up what it reads until the stream ends.
    let core = fx.core(
        inst,
        r#"(module
            (import "" "read" (func $read (param i32 i32 i32) (result i32)))
            (import "" "drop" (func $drop (param i32)))
            (import "" "memory" (memory 1))
            (func (export "sum") (param $end i32) (result i32)
                (local $got i32) (local $i i32) (local $sum i32)
                (loop $more
                    (local.set $got (call $read (local.get $end) (i32.const 64) (i32.const 4)))
                    (local.set $i (i32.shr_u (local.get $got) (i32.const 4)))
                    (block $done (loop $add
                        (br_if $done (i32.eqz (local.get $i)))
                        (local.set $i (i32.sub (local.get $i) (i32.const 1)))
                        (local.set $sum (i32.add (local.get $sum)
                            (i32.load8_u (i32.add (i32.const 64) (local.get $i)))))
                        (br $add)))
                    (br_if $more (i32.eqz (i32.and (local.get $got) (i32.const 15)))))
                (call $drop (local.get $end))
                (local.get $sum)))"#,
        &imports,
    );
    let ty =
        func_type(&[Type::new(Kind::Stream(element.clone())).unwrap()], Some(Type::u32()), true);
    let sum = fx.lift(inst, &core, "sum", &ty, Options::default());
    let (readable, writable) = stream_new(&mut fx.store.cx(), element).unwrap();
    let result = Cell::new(0);
    let subtask = start_u32(&mut fx, &sum, &readable, &result);
    let data = [1u8, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    let writer = HostEnd::stream(writable);
    let written = writer.write(&mut fx.store.cx(), data.as_ptr(), 10, None);
    // The guest was waiting with room for 4; the rest goes when it reads again.
    assert_eq!(
        written.unwrap().unwrap(),
        host_end::Copied { result: CopyResult::Completed, count: 4 }
    );
    let told = Rc::new(Cell::new(None));
    let tells = told.clone();
    let completion: host_end::Completion = Box::new(move |_, copied| tells.set(Some(copied)));
    run(&mut fx.store.cx()).unwrap();
    let rest = data[4..].as_ptr();
    writer.write(&mut fx.store.cx(), rest, 6, Some(completion)).unwrap();
    run(&mut fx.store.cx()).unwrap();
    let last = writer.write(&mut fx.store.cx(), data[8..].as_ptr(), 2, None).unwrap();
    assert_eq!(last.unwrap().count, 2);
    writer.drop(&mut fx.store.cx()).unwrap();
    run(&mut fx.store.cx()).unwrap();
    assert_eq!(subtask.state(&fx.store.cx()).unwrap(), SubtaskState::Returned);
    subtask.drop(&mut fx.store.cx()).unwrap();
    assert_eq!((told.get(), result.get()), (None, 55));
    assert!(HostEnd::stream(readable).drop(&mut fx.store.cx()).is_err());
    assert!(fx.state().shareds.len() == 0);
    fx.assert_idle();
}

#[test]
fn an_error_context_keeps_its_message() {
    let mut fx = Fixture::new();
    let text = "überall";
    let message = (text.as_ptr(), text.len());
    let handle = error_context_new(&mut fx.store.cx(), (&raw const message).cast()).unwrap();
    let stored = error_context_debug_message(&fx.store.cx(), handle).unwrap();
    // SAFETY: the runtime keeps the string as long as the handle.
    let stored = unsafe {
        let (ptr, len) = *stored.cast::<(*const u8, usize)>();
        std::slice::from_raw_parts(ptr, len)
    };
    assert_eq!(stored, text.as_bytes());
    error_context_drop(&mut fx.store.cx(), handle).unwrap();
    assert!(error_context_drop(&mut fx.store.cx(), handle).is_err());
    assert_eq!(Type::string().info().size(AddrType::I64), 16);
}

#[test]
fn a_future_that_gets_no_value_leaves_nothing_when_both_ends_are_gone() {
    let mut fx = Fixture::new();
    let cx = &mut fx.store.cx();
    for reader_first in [false, true] {
        let (readable, writable) = future_new(cx, Some(Type::u32())).unwrap();
        let (reader, writer) = (HostEnd::future(readable), HostEnd::future(writable));
        if reader_first {
            reader.drop(cx).unwrap();
            writer.drop(cx).unwrap();
        } else {
            writer.drop(cx).unwrap_err();
            writer.abandon(cx).unwrap();
            reader.drop(cx).unwrap();
        }
        let state = cx.state();
        assert_eq!((state.waitables.iter().count(), state.shareds.iter().count()), (0, 0));
    }
}
