//! Each allocation of a load and a call fails in turn: how often the process ends then.
//!
//! Where an allocation fails whose size comes from a binary or a guest, that is an error. The standard
//! library and what this library is built on end the process elsewhere.

use crate::{allocator, engine, store};
use cmabi::component::{Component, Linker};
use cmabi::error::Error;
use cmabi::host;
use cmabi::memory::Arena;
use std::process::{Command, Stdio};
use std::rc::Rc;

const CHILD: &str = "CMABI_COST_FAULT";
const NAME: &str = "faults::allocations_that_fail_end_the_process_no_more_often_than_before";

/// How many of the allocations may end the process when they fail. That number only falls.
const ABORTS: usize = 333;

/// Loads a component, makes an instance and calls it; answers how many allocations that took.
fn load_and_call(fail: Option<usize>) -> usize {
    let wasm = wat::parse_str(
        r#"(component
            (core module $m
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
                (func (export "count") (param i32 i32) (result i32) (local.get 1)))
            (core instance $i (instantiate $m))
            (func (export "count") (param "text" string) (result u32)
                (canon lift (core func $i "count") (memory (core memory $i "memory"))
                    (realloc (core func $i "realloc")))))"#,
    )
    .unwrap();
    let engine = engine();
    let mut store = store(&engine);
    let before = allocator::allocations();
    if let Some(after) = fail {
        allocator::fail(after);
    }
    let mut run = || -> Result<(), Error> {
        let component = Component::load(&engine, &wasm)?;
        let mut cx = store.cx();
        let instance = Linker::new().instantiate(&mut cx, &component)?;
        let arena = Rc::new(Arena::new());
        let (text, mut count) = (("Ada".as_ptr(), 3_usize), 0_u32);
        let func = instance.func("count")?;
        host::call(&mut cx, func, (&raw const text).cast(), (&raw mut count).cast(), &arena)
    };
    let _ = run();
    allocator::allocations() - before
}

#[test]
fn allocations_that_fail_end_the_process_no_more_often_than_before() {
    if let Ok(after) = std::env::var(CHILD) {
        load_and_call(Some(after.parse().unwrap()));
        return;
    }
    let allocations = load_and_call(None);
    let test = std::env::current_exe().unwrap();
    let aborts = (0..allocations).filter(|after| {
        let after = after.to_string();
        let mut child = Command::new(&test);
        child.args(["--exact", NAME]).env(CHILD, &after).env("RUST_BACKTRACE", "0");
        let child = child.stdout(Stdio::null()).stderr(Stdio::null()).status();
        // A panic would be a bug: then the test fails, and its process ends with 101.
        let status = child.unwrap();
        assert!(status.success() || status.code().is_none(), "{after:?}: {status}");
        !status.success()
    });
    let aborts = aborts.count();
    println!("{aborts} of {allocations} abort");
    assert!(aborts <= ABORTS, "{aborts} of {allocations} failing allocations end the process");
}
