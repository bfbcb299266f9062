//! Components, and a host for the greeter.

use cmabi::component::{Component, Instance, InstancePre, Linker};
use cmabi::engine::Engine;
use cmabi::engine::wasmi::WasmiEngine;
use cmabi::error::Result;
use cmabi::host;
use cmabi::memory::Arena;
use cmabi::runtime::{HostFunc, HostOutcome, Store, StoreConfig};
use std::path::Path;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;
use wasmparser::{Parser, Payload};

/// A component of the C suite, which is kept as text.
pub(crate) fn of_c_suite(name: &str) -> Vec<u8> {
    wat::parse_file(root().join("c-tests/guests").join(name)).unwrap()
}

/// The greeter in C.
pub(crate) fn greeter() -> Vec<u8> {
    std::fs::read(root().join("examples/guest/greeter/c.wasm")).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The core modules that are in a component, as an engine gets them.
pub(crate) fn core_modules(wasm: &[u8]) -> Vec<&[u8]> {
    let modules = Parser::new(0).parse_all(wasm).filter_map(|payload| match payload.unwrap() {
        Payload::ModuleSection { unchecked_range: range, .. } => {
            Some(&wasm[range.start as usize..range.end as usize])
        }
        _ => None,
    });
    modules.collect()
}

/// A store that can hold ten thousands of guests.
pub(crate) fn roomy_store(engine: &dyn Engine) -> Store {
    let config =
        StoreConfig { max_host_bytes: 1 << 34, max_guest_bytes: 1 << 40, ..StoreConfig::default() };
    Store::new(engine, &config).unwrap()
}

/// A component, compiled for an engine of its own.
pub(crate) fn compiled(wasm: &[u8]) -> (Arc<dyn Engine>, Component) {
    let engine: Arc<dyn Engine> = Arc::new(WasmiEngine::default());
    let component = Component::load(&engine, wasm).unwrap();
    (engine, component)
}

/// What makes instances of the greeter, with what they log to.
pub(crate) fn prepared(component: &Component, log: Arc<HostFunc>) -> InstancePre {
    let mut linker = Linker::new();
    linker.instance("demo:greeter/log").unwrap().func("line", None, log).unwrap();
    linker.prepare(component).unwrap()
}

/// A log that nobody reads.
pub(crate) fn unread() -> Arc<HostFunc> {
    Arc::new(|_| Ok(HostOutcome::Returned))
}

/// A `string` or `list` of the host's.
#[repr(C)]
struct Slice {
    ptr: *const u8,
    len: usize,
}

#[repr(C)]
struct Person {
    name: Slice,
    visits: u32,
}

/// Has an instance greet somebody.
pub(crate) fn greet(store: &mut Store, instance: &Instance, arena: &Rc<Arena>) -> Result<()> {
    let name = "Ada";
    let person = Person { name: Slice { ptr: name.as_ptr(), len: name.len() }, visits: 3 };
    let people = Slice { ptr: (&raw const person).cast(), len: 1 };
    let mut lines = Slice { ptr: ptr::null(), len: 0 };
    let (args, results) = ((&raw const people).cast(), (&raw mut lines).cast());
    host::call(&mut store.cx(), instance.func("greet")?, args, results, arena)?;
    assert_eq!(lines.len, 1);
    Ok(())
}
