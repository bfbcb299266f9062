//! Some guests and the host call each other, and whatever they have been given, in an order that the
//! bytes say. The guests are core callbacks with the canonical built-ins.
//!
//! Most steps use handles that exist, and as what they are, so that not every sequence ends with the
//! first trap.

use crate::c::{Owned, text};
use crate::cost::within;
use crate::input::Input;
use cmabi::ffi::cmabi::arena::*;
use cmabi::ffi::cmabi::config::*;
use cmabi::ffi::cmabi::debug::*;
use cmabi::ffi::cmabi::engine::*;
use cmabi::ffi::cmabi::error::{cmabi_drop, cmabi_status};
use cmabi::ffi::cmabi::error_context::*;
use cmabi::ffi::cmabi::func::*;
use cmabi::ffi::cmabi::func_types::*;
use cmabi::ffi::cmabi::future::*;
use cmabi::ffi::cmabi::reflect::cmabi_addr_type;
use cmabi::ffi::cmabi::resource::*;
use cmabi::ffi::cmabi::store::*;
use cmabi::ffi::cmabi::stream::*;
use cmabi::ffi::cmabi::subtask::*;
use cmabi::ffi::cmabi::task::*;
use cmabi::ffi::cmabi::types::*;
use cmabi::ffi::cmabi::waitable_set::*;
use cmabi::ffi::cmabi_engine::canon::*;
use cmabi::ffi::cmabi_engine::canon_builtins::*;
use cmabi::ffi::cmabi_engine::canon_streams::*;
use cmabi::ffi::cmabi_engine::engine_interface::cmabi_core_func_type;
use cmabi::ffi::cmabi_engine::flatten::*;
use cmabi::ffi::cmabi_engine::value::cmabi_string_encoding;
use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;

mod guest;
mod host;

/// Bytes of a guest's memory. What is allocated comes after the first half, which the steps use.
const MEMORY: usize = 1 << 13;

/// What a store may take, and what an execution may take with all that the host keeps for it.
const HOST_BYTES: u64 = 1 << 20;
const COST: usize = 8 << 20;

pub fn run(data: &[u8]) {
    within(COST, || play(data));
}

fn play(data: &[u8]) {
    let mut input = Input(data);
    let config = Owned(must!(cmabi_config_new()), cmabi_config_free);
    // The sanitizer makes frames larger.
    c!(cmabi_config_set_fiber_stack_bytes(config.0, 1 << 19));
    c!(cmabi_config_set_max_handles(config.0, 64));
    c!(cmabi_config_set_max_threads(config.0, 32));
    c!(cmabi_config_set_max_nesting(config.0, 8));
    c!(cmabi_config_set_max_host_bytes(config.0, HOST_BYTES));
    c!(cmabi_config_set_max_call_bytes(config.0, HOST_BYTES / 2));
    match input.byte() {
        0 => {}
        seed => {
            c!(cmabi_config_set_schedule_seed(config.0, seed.into()));
        }
    }
    c!(cmabi_config_set_deterministic(config.0, input.flag()));
    let engine = Owned(must!(cmabi_engine_new_native(config.0)), cmabi_engine_free);
    let store = Owned(must!(cmabi_store_new(engine.0, config.0)), cmabi_store_free);

    let mut world = World::new(store.0, input);
    world.guests = [0, 1, 2, 3].map(|index| world.guest(index));
    let dtor = world.core_func(&[cmabi_core_type::I32], &[], world.body(0, Role::Dtor));
    assert!(c!(cmabi_canon_define_resource(
        store.0,
        world.guests[0].instance,
        world.resource.0,
        dtor
    )));

    while !world.input.borrow().is_empty() {
        host::step(&world);
    }
    // Each failure ends something.
    while !c!(cmabi_store_run(store.0)) {}
    assert_eq!(world.ready(), 0);
    let mut text = MaybeUninit::uninit();
    c!(cmabi_store_dump(store.0, text.as_mut_ptr(), world.arena.0));
    // What is left of a store may be freed before or after it.
    let (calls, tasks) = (world.calls.borrow().len(), world.tasks.borrow().len());
    world.free(calls / 2, tasks / 2);
    world.funcs.take();
    drop(store);
    world.free(0, 0);
    assert_eq!(world.held.get(), 0, "data of callbacks that was not dropped");
}

/// So many that sequences go on after a trap.
const GUESTS: usize = 4;

/// Who has handles: a guest's index, or this.
const HOST: usize = GUESTS;

/// What a handle is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Reader,
    Writer,
    FutureReader,
    FutureWriter,
    Set,
    Subtask,
    Resource,
    ErrorContext,
    Thread,
}

#[derive(Clone, Copy)]
struct Handle {
    of: Of,
    /// The type of what a stream or future carries.
    element: usize,
    number: u32,
}

// Types of values, by their index.
const NONE: usize = 0;
const U8: usize = 1;
const U64: usize = 2;
const STRING: usize = 3;
const OWN: usize = 4;
const STREAM: usize = 5;
const CONTEXT: usize = 6;
/// The ones before can be in streams and futures.
const ELEMENTS: usize = 7;
const BORROW: usize = 7;
const FUTURE: usize = 8;
const FUTURE_OF_STREAM: usize = 9;

/// Parameters, a result, and whether it is `async`.
const FUNCS: [(&[usize], usize, bool); 5] = [
    (&[], NONE, true),
    (&[STREAM, CONTEXT], STREAM, true),
    (&[OWN, BORROW, STRING], STRING, false),
    (&[FUTURE_OF_STREAM], OWN, true),
    (&[], FUTURE, false),
];

/// What a handle of this type is of, and what that carries.
fn handle_of(ty: usize) -> (Of, usize) {
    match ty {
        OWN | BORROW => (Of::Resource, NONE),
        STREAM => (Of::Reader, U8),
        CONTEXT => (Of::ErrorContext, NONE),
        FUTURE => (Of::FutureReader, U64),
        FUTURE_OF_STREAM => (Of::FutureReader, STREAM),
        _ => unreachable!("no handle"),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Abi {
    Sync,
    Async,
    Callback,
}

/// What a core function does when its steps are done.
#[derive(Clone, Copy)]
enum Role {
    Func(usize, Abi),
    Callback(usize),
    Realloc,
    Dtor,
    Thread,
}

/// A core function of a guest's.
struct Body {
    world: *const World<'static>,
    guest: usize,
    role: Role,
}

#[derive(Default)]
struct Guest {
    instance: cmabi_component_instance,
    memory: cmabi_core_memory,
    realloc: cmabi_core_func,
    table: cmabi_core_table,
    bytes: Box<[Cell<u64>]>,
    next: Cell<usize>,
    backpressure: Cell<u32>,
}

struct World<'a> {
    store: *mut cmabi_store,
    input: RefCell<Input<'a>>,
    resource: Owned<cmabi_resource_type>,
    types: Vec<Owned<cmabi_type>>,
    func_types: Vec<Owned<cmabi_func_type>>,
    arena: Owned<cmabi_arena>,
    guests: [Guest; GUESTS],
    handles: [RefCell<Vec<Handle>>; GUESTS + 1],
    funcs: RefCell<Vec<Owned<cmabi_func>>>,
    calls: RefCell<Vec<*mut cmabi_subtask>>,
    tasks: RefCell<Vec<*mut cmabi_task>>,
    /// The host's buffers and arguments, which stay as long as the store.
    buffers: RefCell<Vec<Box<[Cell<u64>]>>>,
    /// How many times the library has data of a callback.
    held: Cell<usize>,
}

impl<'a> World<'a> {
    fn new(store: *mut cmabi_store, input: Input<'a>) -> Self {
        let resource = Owned(must!(cmabi_resource_type_new(text(b"r"))), cmabi_resource_type_free);
        let primitive = |kind| must!(cmabi_type_new_primitive(MaybeUninit::new(kind)));
        let byte = primitive(cmabi_kind::U8);
        let word = primitive(cmabi_kind::U64);
        let stream = must!(cmabi_type_new_stream(byte));
        let types = [
            ptr::null_mut(),
            byte,
            word,
            primitive(cmabi_kind::String),
            must!(cmabi_type_new_own(resource.0)),
            stream,
            primitive(cmabi_kind::ErrorContext),
            must!(cmabi_type_new_borrow(resource.0)),
            must!(cmabi_type_new_future(word)),
            must!(cmabi_type_new_future(stream)),
        ];
        let func_type = |(params, result, is_async): (&[usize], usize, bool)| {
            let names: [&[u8]; 3] = [b"a", b"b", b"c"];
            let field =
                |(&ty, name): (&usize, _)| cmabi_field { name: text(name), r#type: types[ty] };
            let fields: Vec<_> = params.iter().zip(names).map(field).collect();
            let ty =
                must!(cmabi_func_type_new(fields.as_ptr(), fields.len(), types[result], is_async));
            Owned(ty, cmabi_func_type_free)
        };
        World {
            store,
            input: RefCell::new(input),
            func_types: FUNCS.map(func_type).into(),
            types: types.map(|ty| Owned(ty, cmabi_type_free)).into(),
            resource,
            arena: Owned(must!(cmabi_arena_new(1 << 20)), cmabi_arena_free),
            guests: Default::default(),
            handles: Default::default(),
            funcs: RefCell::default(),
            calls: RefCell::default(),
            tasks: RefCell::default(),
            buffers: RefCell::default(),
            held: Cell::new(0),
        }
    }

    fn byte(&self) -> u8 {
        self.input.borrow_mut().byte()
    }

    fn flag(&self) -> bool {
        self.input.borrow_mut().flag()
    }

    fn below(&self, count: usize) -> usize {
        self.input.borrow_mut().below(count)
    }

    fn element(&self, index: usize) -> *const cmabi_type {
        self.types[index].0
    }

    fn add(&self, owner: usize, of: Of, element: usize, number: u32) {
        self.handles[owner].borrow_mut().push(Handle { of, element, number });
    }

    /// Some handle of a kind; now and then something else.
    fn pick(&self, owner: usize, of: Of) -> Option<Handle> {
        let wild = |number: u32| Handle { of, element: self.below(ELEMENTS), number };
        self.pick_where(owner, |handle| handle.of == of)
            .or_else(|| u32::from(self.byte()).checked_sub(240).map(wild))
    }

    fn pick_where(&self, owner: usize, is: impl Fn(&Handle) -> bool) -> Option<Handle> {
        let handles = self.handles[owner].borrow();
        let found: Vec<_> = handles.iter().filter(|handle| is(handle)).collect();
        (!found.is_empty()).then(|| *found[self.below(found.len())])
    }

    /// Forgets a handle that is stale now.
    fn forget(&self, owner: usize, gone: Handle) {
        self.handles[owner].borrow_mut().retain(|handle| handle.number != gone.number);
    }

    /// Some handle that a value of this type can be.
    fn pick_value(&self, owner: usize, ty: usize) -> Option<Handle> {
        let (of, element) = handle_of(ty);
        self.pick_where(owner, |handle| handle.of == of && handle.element == element)
    }

    /// A handle to be passed as a value of this type, and forgotten where it is given away. 0, which is
    /// none, where there is none.
    fn give(&self, owner: usize, ty: usize) -> u32 {
        let Some(handle) = self.pick_value(owner, ty) else { return 0 };
        if ty != BORROW && ty != CONTEXT {
            self.forget(owner, handle);
        }
        handle.number
    }

    /// Whether there are handles for the resources among these types: others can be made.
    fn can_pass(&self, owner: usize, types: &[usize]) -> bool {
        let needed = types.iter().filter(|ty| [OWN, BORROW].contains(ty)).count();
        let handles = self.handles[owner].borrow();
        owner == 0 || needed <= handles.iter().filter(|handle| handle.of == Of::Resource).count()
    }

    /// Remembers a handle that has come in a value of this type.
    fn receive(&self, owner: usize, ty: usize, number: u32) {
        let (of, element) = handle_of(ty);
        self.add(owner, of, element, number);
    }

    /// Data for a callback of the host's.
    fn data(&self) -> (*mut c_void, cmabi_drop) {
        self.held.set(self.held.get() + 1);
        (ptr::from_ref(self).cast_mut().cast(), Some(drop_world))
    }

    /// What the data of a callback is.
    ///
    /// # Safety
    /// It is from [`World::data`]; the world outlives the store.
    unsafe fn of<'w>(data: *mut c_void) -> &'w World<'static> {
        // SAFETY: the caller's promise.
        unsafe { &*data.cast() }
    }

    fn body(&self, guest: usize, role: Role) -> Box<Body> {
        Box::new(Body { world: ptr::from_ref(self).cast(), guest, role })
    }

    fn core_func(
        &self,
        params: &[cmabi_core_type],
        results: &[cmabi_core_type],
        body: Box<Body>,
    ) -> cmabi_core_func {
        let ty = cmabi_core_func_type {
            params: params.as_ptr().cast(),
            params_len: params.len(),
            results: results.as_ptr().cast(),
            results_len: results.len(),
        };
        self.held.set(self.held.get() + 1);
        let data = Box::into_raw(body).cast();
        must!(cmabi_core_func_new(self.store, &ty, Some(guest::enter), data, Some(drop_body)))
    }

    fn guest(&self, index: usize) -> Guest {
        let bytes: Box<[_]> = (0..MEMORY / 8).map(|_| Cell::new(0)).collect();
        let i32 = cmabi_core_type::I32;
        let thread = self.core_func(&[i32], &[], self.body(index, Role::Thread));
        let place = bytes.as_ptr().cast_mut().cast();
        Guest {
            instance: must!(cmabi_component_instance_new(self.store, 0, text(b"guest"))),
            memory: must!(cmabi_core_memory_new(self.store, 0, Some(memory), place, None)),
            realloc: self.core_func(&[i32; 4], &[i32], self.body(index, Role::Realloc)),
            table: must!(cmabi_core_table_new(self.store, &thread, 1)),
            bytes,
            next: Cell::new(MEMORY / 2),
            backpressure: Cell::new(0),
        }
    }

    /// The function `func` of a guest's, lifted in some way, or of the host's.
    fn func(&self, owner: usize, func: usize) -> Option<*const cmabi_func> {
        if !self.can_pass(owner, &[FUNCS[func].1]) {
            return None;
        }
        let ty = self.func_types[func].0;
        let made = if owner == HOST {
            let (data, drop) = self.data();
            get!(cmabi_func_new(self.store, ty, text(b"host"), Some(host::serve), data, drop))?
        } else {
            let abi = [Abi::Sync, Abi::Async, Abi::Callback][self.below(3)];
            let core = self.signature(ty, cmabi_abi_context::Lift, abi)?;
            let callee = self.body(owner, Role::Func(func, abi));
            let (params, results) =
                (&core.params[..core.params_len], &core.results[..core.results_len]);
            let callee = self.core_func(params, results, callee);
            let mut options = self.options(owner, abi != Abi::Sync);
            if abi == Abi::Callback {
                let i32 = cmabi_core_type::I32;
                let callback = self.body(owner, Role::Callback(func));
                options.callback = self.core_func(&[i32; 3], &[i32], callback);
            }
            let instance = self.guests[owner].instance;
            get!(cmabi_canon_lift(self.store, instance, callee, ty, &options, text(b"lifted")))?
        };
        self.funcs.borrow_mut().push(Owned(made, cmabi_func_free));
        Some(made)
    }

    fn signature(
        &self,
        ty: *const cmabi_func_type,
        context: cmabi_abi_context,
        abi: Abi,
    ) -> Option<cmabi_core_signature> {
        let (addr, context) = (MaybeUninit::new(cmabi_addr_type::I32), MaybeUninit::new(context));
        let abi = match abi {
            Abi::Sync => cmabi_abi::Sync,
            Abi::Async => cmabi_abi::Async,
            Abi::Callback => cmabi_abi::AsyncCallback,
        };
        get!(cmabi_func_type_flatten(ty, addr, context, MaybeUninit::new(abi)))
    }

    fn options(&self, guest: usize, is_async: bool) -> cmabi_canon_options {
        use cmabi_string_encoding::{Latin1Utf16, Utf8, Utf16};
        let encoding = [Utf8, Utf16, Latin1Utf16][guest % 3];
        cmabi_canon_options {
            size: size_of::<cmabi_canon_options>(),
            string_encoding: MaybeUninit::new(encoding),
            memory: self.guests[guest].memory,
            realloc: self.guests[guest].realloc,
            post_return: 0,
            callback: 0,
            is_async: is_async.into(),
        }
    }

    /// How many threads can run.
    fn ready(&self) -> u32 {
        let mut counts = cmabi_counts { size: size_of::<cmabi_counts>(), ..Default::default() };
        assert!(c!(cmabi_store_counts(self.store, &mut counts)));
        counts.ready
    }

    /// Frees the calls that have been made, and those that are pending, but for the first so many.
    fn free(&self, calls: usize, tasks: usize) {
        let calls = self.calls.borrow_mut().split_off(calls);
        for call in calls {
            ask!(cmabi_subtask_free(call));
        }
        let tasks = self.tasks.borrow_mut().split_off(tasks);
        for task in tasks {
            ask!(cmabi_task_free(task));
        }
    }
}

unsafe extern "C" fn memory(data: *mut c_void, len: *mut usize) -> *mut u8 {
    // SAFETY: the library's place for a number.
    unsafe { len.write(MEMORY) };
    data.cast()
}

unsafe extern "C" fn drop_world(data: *mut c_void) {
    // SAFETY: `World::data` gave it.
    let world = unsafe { World::of(data) };
    world.held.set(world.held.get() - 1);
}

unsafe extern "C" fn drop_body(data: *mut c_void) {
    // SAFETY: `World::core_func` gave it, and it is dropped once.
    let body = unsafe { Box::from_raw(data.cast::<Body>()) };
    // SAFETY: the world outlives the store.
    let world = unsafe { &*body.world };
    world.held.set(world.held.get() - 1);
}
