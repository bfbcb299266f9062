//! Sync-typed calls that the host keeps waiting.

use super::*;
use crate::error::{ErrorKind, Trap};
use crate::types::ResourceType;
use std::cell::{Cell, RefCell};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

type Pending = Arc<Mutex<Vec<HostTask>>>;

/// A host function of type `func(p0: u32) -> u32` whose calls stay pending in `tasks`.
fn pending(tasks: &Pending) -> FuncInst {
    let tasks = tasks.clone();
    let func = move |call: &mut HostCall<'_, '_>| {
        tasks.lock().unwrap().push(call.serving.task(call.cx)?);
        Ok(HostOutcome::Pending)
    };
    host(u32s(1), "slow", func)
}

/// A guest whose sync-typed `run` calls `callee` twice, and adds what it returns.
fn caller_of(fx: &mut Fixture, name: &str, callee: &FuncInst) -> FuncInst {
    let inst = fx.instance(name);
    let import = fx.lower(inst, callee, Options::default());
    let core = fx.core(
        inst,
        r#"(module (import "" "f" (func $f (param i32) (result i32)))
            (func (export "run") (param i32) (result i32)
                (i32.add (call $f (local.get 0)) (call $f (local.get 0)))))"#,
        &[import],
    );
    fx.lift(inst, &core, "run", &u32s(1), Options::default())
}

fn begin(fx: &mut Fixture, func: &FuncInst, arg: &u32, result: &Cell<u32>) -> Result<HostSubtask> {
    let arena = fx.arena.clone();
    let args = (&raw const *arg).cast();
    start(&mut fx.store.cx(), func, args, result.as_ptr().cast(), &arena, None)
}

fn answer(fx: &mut Fixture, tasks: &Pending, value: u32) {
    let task = tasks.lock().unwrap().remove(0);
    task.return_(&mut fx.store.cx(), (&raw const value).cast()).unwrap();
    run(&mut fx.store.cx()).unwrap();
}

/// How many threads wait for the host to answer a sync-typed call, by the instances' counts.
fn waiting_for_host(fx: &mut Fixture) -> u32 {
    let cx = fx.store.cx();
    let state = cx.state();
    let counted = state.instances.iter().map(|inst| inst.waiting_for_host).sum();
    let waits = |(_, thread): (u32, &ThreadId)| state.waits_for_host(*thread);
    let threads = state.instances.iter().flat_map(|inst| inst.threads.iter());
    assert_eq!(counted, threads.filter(|thread| waits(*thread)).count() as u32);
    counted
}

#[test]
fn the_host_gets_its_thread_back() {
    let mut fx = Fixture::new();
    let tasks = Pending::default();
    let inner = caller_of(&mut fx, "inner", &pending(&tasks));
    let outer = caller_of(&mut fx, "outer", &inner);
    let (arg, result) = (7, Cell::new(0));
    let subtask = begin(&mut fx, &outer, &arg, &result).unwrap();
    for value in 1..=4 {
        assert_eq!(subtask.state(&fx.store.cx()).unwrap(), SubtaskState::Started);
        assert_eq!(waiting_for_host(&mut fx), 2);
        answer(&mut fx, &tasks, value);
    }
    assert_eq!(waiting_for_host(&mut fx), 0);
    assert_eq!(subtask.state(&fx.store.cx()).unwrap(), SubtaskState::Returned);
    assert_eq!(result.get(), 10);
    subtask.drop(&mut fx.store.cx()).unwrap();
    // Both can be entered again, and are, by a call that waits for the host.
    assert_eq!(fx.call(&outer, &[1]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// The guest's stack in memory is one: what has come on top of a call ends before it.
#[test]
fn calls_of_the_same_instance_end_in_the_reverse_order() {
    let mut fx = Fixture::new();
    let tasks = Pending::default();
    let inner = caller_of(&mut fx, "inner", &pending(&tasks));
    let outer = caller_of(&mut fx, "outer", &inner);
    let (arg, results) = (0, [Cell::new(0), Cell::new(0), Cell::new(0)]);
    let funcs = [&outer, &inner, &outer];
    let subtasks: Vec<_> = (funcs.iter().zip(&results))
        .map(|(func, result)| begin(&mut fx, func, &arg, result).unwrap())
        .collect();
    let states = |fx: &mut Fixture| {
        let mut state = |subtask: &HostSubtask| subtask.state(&fx.store.cx()).unwrap();
        [0, 1, 2].map(|i| state(&subtasks[i]) == SubtaskState::Returned)
    };
    // The host answers the first call first.
    for (value, returned) in [(1, [false; 3]), (2, [false; 3]), (3, [false; 3])] {
        answer(&mut fx, &tasks, value);
        assert_eq!(states(&mut fx), returned);
    }
    while !tasks.lock().unwrap().is_empty() {
        let before = states(&mut fx);
        assert!(before.is_sorted(), "{before:?}");
        answer(&mut fx, &tasks, 0);
    }
    assert_eq!(states(&mut fx), [true; 3]);
    for subtask in subtasks {
        subtask.drop(&mut fx.store.cx()).unwrap();
    }
    assert_eq!(waiting_for_host(&mut fx), 0);
    fx.assert_idle();
}

#[test]
fn another_instance_runs_meanwhile() {
    let mut fx = Fixture::new();
    let tasks = Pending::default();
    let (one, two) =
        (caller_of(&mut fx, "one", &pending(&tasks)), caller_of(&mut fx, "two", &pending(&tasks)));
    let (arg, results) = (0, [Cell::new(0), Cell::new(0)]);
    let first = begin(&mut fx, &one, &arg, &results[0]).unwrap();
    let second = begin(&mut fx, &two, &arg, &results[1]).unwrap();
    tasks.lock().unwrap().reverse();
    answer(&mut fx, &tasks, 20);
    tasks.lock().unwrap().reverse();
    answer(&mut fx, &tasks, 20);
    assert_eq!(second.state(&fx.store.cx()).unwrap(), SubtaskState::Returned);
    assert_eq!(first.state(&fx.store.cx()).unwrap(), SubtaskState::Started);
    answer(&mut fx, &tasks, 1);
    answer(&mut fx, &tasks, 1);
    assert_eq!(results.map(Cell::into_inner), [2, 40]);
    for subtask in [first, second] {
        subtask.drop(&mut fx.store.cx()).unwrap();
    }
    fx.assert_idle();
}

#[test]
fn a_failure_ends_all_that_wait_for_it() {
    let mut fx = Fixture::new();
    let tasks = Pending::default();
    let inner = caller_of(&mut fx, "inner", &pending(&tasks));
    let outer = caller_of(&mut fx, "outer", &inner);
    let (arg, result) = (7, Cell::new(0));
    let subtask = begin(&mut fx, &outer, &arg, &result).unwrap();
    let task = tasks.lock().unwrap().remove(0);
    task.fail(&mut fx.store.cx(), Trap::Host { message: "no more".into() }).unwrap();
    let error = subtask.state(&fx.store.cx()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Host);
    assert_trap(&error, "no more");
    for func in [&outer, &inner] {
        assert_trap(&fx.call(func, &[1]).unwrap_err(), "cannot enter component instance");
    }
    subtask.drop(&mut fx.store.cx()).unwrap();
    fx.assert_idle();
}

#[test]
fn a_trap_after_waiting_ends_the_callers() {
    let mut fx = Fixture::new();
    let tasks = Pending::default();
    let inst = fx.instance("inner");
    let import = fx.lower(inst, &pending(&tasks), Options::default());
    let core = fx.core(
        inst,
        r#"(module (import "" "f" (func $f (param i32) (result i32)))
            (func (export "run") (param i32) (result i32) (drop (call $f (i32.const 1))) unreachable))"#,
        &[import],
    );
    let inner = fx.lift(inst, &core, "run", &u32s(1), Options::default());
    let outer = caller_of(&mut fx, "outer", &inner);
    let (arg, result) = (7, Cell::new(0));
    let subtask = begin(&mut fx, &outer, &arg, &result).unwrap();
    let (task, value) = (tasks.lock().unwrap().remove(0), 1u32);
    task.return_(&mut fx.store.cx(), (&raw const value).cast()).unwrap();
    assert_trap(&run(&mut fx.store.cx()).unwrap_err(), "unreachable");
    assert_trap(&subtask.state(&fx.store.cx()).unwrap_err(), "unreachable");
    assert_trap(&fx.call(&outer, &[1]).unwrap_err(), "cannot enter component instance");
    subtask.drop(&mut fx.store.cx()).unwrap();
    fx.assert_idle();
}

/// Answers its tasks after a while, from another thread's point of view.
#[derive(Default)]
struct Later {
    tasks: RefCell<Vec<HostTask>>,
    /// It has no answer to them.
    fails: Cell<bool>,
}

impl Extension for Later {
    fn expected(&self) -> u32 {
        self.tasks.borrow().len() as u32
    }

    fn ends(&self) -> u32 {
        0
    }

    fn waits_for_host(&self) -> bool {
        false
    }

    fn will_wake(&self) -> bool {
        self.expected() > 0
    }

    fn expects(&self, task: HostTask) -> bool {
        self.tasks.borrow().contains(&task)
    }

    fn woken(&self, cx: &mut Cx<'_>) -> Result<()> {
        let tasks = self.tasks.take();
        tasks.into_iter().try_for_each(|task| {
            if self.fails.get() {
                return task.fail(cx, Trap::Host { message: "no answer".into() });
            }
            let value = 21u32;
            task.return_(cx, (&raw const value).cast())
        })
    }

    fn look(&self, _: &mut Cx<'_>) -> Result<bool> {
        Ok(false)
    }
}

/// A host function that a thread answers after some time.
fn later() -> FuncInst {
    later_or_never(false)
}

fn later_or_never(fails: bool) -> FuncInst {
    let func = move |call: &mut HostCall<'_, '_>| {
        let later = call.cx.shared.extension(1, Later::default);
        later.fails.set(fails);
        later.tasks.borrow_mut().push(call.serving.task(call.cx)?);
        let signal = call.cx.shared.signal().clone();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            signal.raise();
        });
        Ok(HostOutcome::Pending)
    };
    host(u32s(1), "later", func)
}

#[test]
fn a_call_sleeps_until_something_outside_wakes_the_store() {
    let mut fx = Fixture::new();
    let func = caller_of(&mut fx, "guest", &later());
    assert_eq!(fx.call(&func, &[1]).unwrap(), 42);
    fx.assert_idle();
}

#[test]
fn a_call_that_fails_while_it_waits_says_why() {
    let mut fx = Fixture::new();
    let func = caller_of(&mut fx, "guest", &later_or_never(true));
    let error = fx.call(&func, &[1]).unwrap_err();
    assert_trap(&error, "no answer");
    fx.assert_idle();
}

#[test]
fn an_engine_without_suspension_sleeps_in_place() {
    let mut fx = super::nested::nested();
    let func = caller_of(&mut fx, "guest", &later());
    assert_eq!(fx.call(&func, &[1]).unwrap(), 42);
    fx.assert_idle();
}

#[test]
fn a_call_that_waits_for_the_host_as_well_does_not_sleep() {
    let mut fx = Fixture::new();
    let tasks = Pending::default();
    let sleeper = caller_of(&mut fx, "sleeper", &later());
    let (arg, result) = (0, Cell::new(0));
    let asleep = begin(&mut fx, &sleeper, &arg, &result).unwrap();
    let func = caller_of(&mut fx, "guest", &pending(&tasks));
    assert_eq!(fx.call(&func, &[1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    asleep.drop(&mut fx.store.cx()).unwrap();
}

/// A resource type whose destructor waits for the host.
fn with_slow_destructor(fx: &mut Fixture, tasks: &Pending) -> ResourceType {
    let inst = fx.instance("maker");
    let import = fx.lower(inst, &pending(tasks), Options::default());
    let core = fx.core(
        inst,
        r#"(module (import "" "f" (func $f (param i32) (result i32)))
            (func (export "dtor") (param i32) (drop (call $f (local.get 0)))))"#,
        &[import],
    );
    let (ty, dtor) = (ResourceType::new("slow"), fx.func(&core, "dtor"));
    define_resource(&mut fx.store.cx(), &ty, inst, Some(Dtor::Core(dtor)));
    ty
}

#[test]
fn the_host_does_not_wait_for_a_destructor() {
    let mut fx = Fixture::new();
    let tasks = Pending::default();
    let ty = with_slow_destructor(&mut fx, &tasks);
    let handle = fx.store.cx().state().lower_own(InstanceId::HOST, &ty, 7).unwrap();
    host::resource::drop(&mut fx.store.cx(), None, handle).unwrap();
    assert_eq!(tasks.lock().unwrap().len(), 1);
    answer(&mut fx, &tasks, 1);
    fx.assert_idle();
}

#[test]
fn a_guest_waits_for_a_destructor() {
    let mut fx = Fixture::new();
    let tasks = Pending::default();
    let ty = with_slow_destructor(&mut fx, &tasks);
    let user = fx.instance("user");
    let import = fx.builtin(user, Builtin::ResourceDrop(ty.clone()));
    let core = fx.core(
        user,
        r#"(module (import "" "drop" (func $drop (param i32)))
            (func (export "run") (param i32) (result i32)
                (call $drop (local.get 0))
                (i32.const 5)))"#,
        &[import],
    );
    let func = fx.lift(user, &core, "run", &u32s(1), Options::default());
    let handle = fx.store.cx().state().lower_own(user, &ty, 7).unwrap();
    let result = Cell::new(0);
    let subtask = begin(&mut fx, &func, &handle, &result).unwrap();
    assert_eq!(subtask.state(&fx.store.cx()).unwrap(), SubtaskState::Started);
    answer(&mut fx, &tasks, 1);
    assert_eq!(subtask.state(&fx.store.cx()).unwrap(), SubtaskState::Returned);
    assert_eq!(result.get(), 5);
    subtask.drop(&mut fx.store.cx()).unwrap();
    fx.assert_idle();
}
