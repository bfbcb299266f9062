//! What the host does.

use super::*;

/// One step, at the top or inside a callback of the host's.
pub(super) fn step(world: &World<'_>) {
    let store = world.store;
    match world.byte() % 32 {
        0..9 => start(world),
        9..11 => {
            c!(cmabi_store_run(store));
        }
        11 => {
            let mut ran = false;
            c!(cmabi_store_tick(store, &mut ran));
        }
        12 | 13 => {
            let calls = &world.calls;
            let count = calls.borrow().len();
            if count > 0 {
                let call = calls.borrow_mut().swap_remove(world.below(count));
                if world.flag() {
                    c!(cmabi_subtask_cancel(call));
                    calls.borrow_mut().push(call);
                } else {
                    let _ = get!(cmabi_subtask_state_of(call));
                    ask!(cmabi_subtask_results(call));
                    ask!(cmabi_subtask_free(call));
                }
            }
        }
        14..17 => answer(world),
        17..25 => copy(world),
        25 => {
            if let Some(set) = get!(cmabi_waitable_set_new(store)) {
                world.add(HOST, Of::Set, NONE, set);
            }
        }
        26 => {
            let kinds = [Of::Reader, Of::Writer, Of::FutureReader, Of::FutureWriter];
            if let Some(end) = world.pick(HOST, kinds[world.below(4)]) {
                let set = world.pick(HOST, Of::Set).map_or(0, |set| set.number);
                c!(cmabi_waitable_join(store, end.number, set));
            }
        }
        27 => {
            if let Some(set) = world.pick(HOST, Of::Set) {
                match world.byte() % 4 {
                    0 => {
                        if c!(cmabi_waitable_set_drop(store, set.number)) {
                            world.forget(HOST, set);
                        }
                    }
                    1 => drop(get!(cmabi_waitable_set_wait(store, set.number))),
                    _ => drop(get!(cmabi_waitable_set_poll(store, set.number))),
                }
            }
        }
        28 => new_context(world),
        29 => {
            if let Some(context) = world.pick(HOST, Of::ErrorContext) {
                let _ = get!(cmabi_error_context_debug_message(store, context.number));
                if world.flag() && c!(cmabi_error_context_drop(store, context.number)) {
                    world.forget(HOST, context);
                }
            }
        }
        30 => {
            if let Some(handle) = world.pick(HOST, Of::Resource) {
                let _ = get!(cmabi_resource_is_owned(store, handle.number));
                let _ = get!(cmabi_resource_type_of(store, handle.number));
                if c!(cmabi_resource_drop(store, world.resource.0, handle.number)) {
                    world.forget(HOST, handle);
                }
            }
        }
        _ => {
            // Something that a copy has brought, or a result.
            let buffers = world.buffers.borrow();
            if !buffers.is_empty() {
                let buffer = &buffers[world.below(buffers.len())];
                let ty = [OWN, STREAM, CONTEXT][world.below(3)];
                world.receive(HOST, ty, buffer[0].get() as u32);
            }
        }
    }
}

/// Memory that stays as long as the world.
fn keep(world: &World<'_>, words: impl IntoIterator<Item = u64>) -> *mut c_void {
    let buffer: Box<[_]> = words.into_iter().chain([0]).map(Cell::new).collect();
    let place = buffer.as_ptr().cast_mut().cast();
    world.buffers.borrow_mut().push(buffer);
    place
}

/// The words of a value of the host's: a string is two, everything else is one.
fn value(world: &World<'_>, ty: usize) -> Vec<u64> {
    match ty {
        NONE | U8 | U64 => vec![0x2a],
        STRING => {
            let texts: [&'static [u8]; 4] =
                [b"", b"text", "t\u{e9}xt \u{2603}".as_bytes(), b"\xff"];
            let text = texts[world.below(4)];
            vec![text.as_ptr().expose_provenance() as u64, text.len() as u64]
        }
        STREAM | FUTURE | FUTURE_OF_STREAM if world.pick_value(HOST, ty).is_none() => {
            let (of, element) = handle_of(ty);
            new_ends(world, of == Of::FutureReader, element);
            vec![world.give(HOST, ty).into()]
        }
        CONTEXT if world.pick_value(HOST, ty).is_none() => {
            new_context(world);
            vec![world.give(HOST, ty).into()]
        }
        _ => vec![world.give(HOST, ty).into()],
    }
}

fn new_context(world: &World<'_>) {
    if let Some(context) = get!(cmabi_error_context_new(world.store, text(b"message"))) {
        world.add(HOST, Of::ErrorContext, NONE, context);
    }
}

/// The record of the parameters: a `u32` after another `u32` shares its word.
fn arguments(world: &World<'_>, params: &[usize]) -> Vec<u64> {
    let mut words: Vec<u64> = Vec::new();
    let mut half = false;
    for &ty in params {
        let value = value(world, ty);
        if half && ty != STRING {
            *words.last_mut().expect("a word before") |= value[0] << 32;
            half = false;
        } else {
            half = ty != STRING;
            words.extend(value);
        }
    }
    words
}

fn new_ends(world: &World<'_>, is_future: bool, element: usize) {
    let (mut readable, mut writable) = (0, 0);
    let (store, ty) = (world.store, world.element(element));
    let (made, of) = if is_future {
        let made = c!(cmabi_future_new(store, ty, &mut readable, &mut writable));
        (made, [Of::FutureReader, Of::FutureWriter])
    } else {
        let made = c!(cmabi_stream_new(store, ty, &mut readable, &mut writable));
        (made, [Of::Reader, Of::Writer])
    };
    if made {
        world.add(HOST, of[0], element, readable);
        world.add(HOST, of[1], element, writable);
    }
}

/// Starts a call of a guest's function.
fn start(world: &World<'_>) {
    let (owner, func) = (world.below(GUESTS), world.below(FUNCS.len()));
    if !world.can_pass(HOST, FUNCS[func].0) {
        return;
    }
    let Some(callee) = world.func(owner, func) else { return };
    let arguments = arguments(world, FUNCS[func].0);
    let args = keep(world, arguments);
    let resolved: cmabi_on_resolve = if world.flag() { Some(on_resolve) } else { None };
    let (data, drop) = world.data();
    if let Some(call) = get!(cmabi_func_start(world.store, callee, args, resolved, data, drop)) {
        world.calls.borrow_mut().push(call);
    }
}

unsafe extern "C" fn on_resolve(data: *mut c_void, subtask: *mut cmabi_subtask) {
    // SAFETY: `World::data` gave it.
    let world = unsafe { World::of(data) };
    ask!(cmabi_subtask_results(subtask));
    step(world);
}

/// A function of the host's.
pub(super) unsafe extern "C" fn serve(
    data: *mut c_void,
    task: *mut cmabi_task,
    args: *const c_void,
    results: *mut c_void,
) -> MaybeUninit<cmabi_status> {
    // SAFETY: `World::data` gave it.
    let world = unsafe { World::of(data) };
    let ty = ask!(cmabi_task_type(task));
    let func = world.func_types.iter().position(|func| ptr::eq(func.0, ty)).expect("one of ours");
    let (params, result, _) = FUNCS[func];
    for (index, &ty) in params.iter().enumerate().filter(|(_, ty)| **ty != STRING) {
        // SAFETY: in each function, all parameters before a handle are handles.
        let number = unsafe { args.cast::<u32>().add(index).read() };
        world.receive(HOST, ty, number);
    }
    for _ in 0..world.below(4) {
        step(world);
    }
    let status = match world.byte() % 8 {
        0 => cmabi_status::Host,
        1..4 => {
            if result != NONE {
                let value = value(world, result);
                // SAFETY: a string has two words, and a handle half of one.
                unsafe {
                    match *value {
                        [handle] => results.cast::<u32>().write(handle as u32),
                        _ => results.cast::<u64>().copy_from(value.as_ptr(), 2),
                    }
                }
            }
            cmabi_status::Ok
        }
        _ => {
            if world.flag() {
                let (data, drop) = world.data();
                c!(cmabi_task_set_on_cancel(task, Some(on_cancel), data, drop));
            }
            world.tasks.borrow_mut().push(task);
            cmabi_status::Pending
        }
    };
    MaybeUninit::new(status)
}

unsafe extern "C" fn on_cancel(data: *mut c_void, task: *mut cmabi_task) {
    // SAFETY: `World::data` gave it.
    let world = unsafe { World::of(data) };
    assert!(ask!(cmabi_task_cancel_requested(task)));
    step(world);
}

/// Answers a call that is pending.
fn answer(world: &World<'_>) {
    let count = world.tasks.borrow().len();
    if count == 0 {
        return;
    }
    let task = world.tasks.borrow_mut().swap_remove(world.below(count));
    let ty = ask!(cmabi_task_type(task));
    let func = world.func_types.iter().position(|func| ptr::eq(func.0, ty)).expect("one of ours");
    match world.byte() % 4 {
        0 => {
            c!(cmabi_task_cancel(task));
        }
        1 => {}
        _ => {
            let result = value(world, FUNCS[func].1);
            c!(cmabi_task_return(task, result.as_ptr().cast()));
        }
    }
    ask!(cmabi_task_free(task));
}

/// Streams and futures.
fn copy(world: &World<'_>) {
    let store = world.store;
    let (code, is_future) = (world.byte() % 8, world.flag());
    if code == 0 {
        return new_ends(world, is_future, world.below(ELEMENTS));
    }
    let reads = world.flag();
    let of = match (is_future, reads) {
        (false, true) => Of::Reader,
        (false, false) => Of::Writer,
        (true, true) => Of::FutureReader,
        (true, false) => Of::FutureWriter,
    };
    let Some(end) = world.pick(HOST, of) else { return };
    // What the buffer is made for.
    let ty = world.element(end.element);
    let is_it = match is_future {
        true => c!(cmabi_future_check(store, end.number, ty)),
        false => c!(cmabi_stream_check(store, end.number, ty)),
    };
    if !is_it {
        return;
    }
    let number = end.number;
    match code {
        1..6 => transfer(world, of, end),
        6 => match (is_future, world.flag()) {
            (true, true) => drop(get!(cmabi_future_cancel(store, number))),
            (true, false) => drop(get!(cmabi_future_poll(store, number))),
            (false, true) => drop(get!(cmabi_stream_cancel(store, number))),
            (false, false) => drop(get!(cmabi_stream_poll(store, number))),
        },
        _ => {
            let dropped = match is_future {
                true => c!(cmabi_future_drop(store, number)),
                false => c!(cmabi_stream_drop(store, number)),
            };
            if dropped {
                world.forget(HOST, end);
            }
        }
    }
}

fn transfer(world: &World<'_>, of: Of, end: Handle) {
    let World { store, ref arena, .. } = *world;
    let (number, arena) = (end.number, arena.0);
    let is_future = matches!(of, Of::FutureReader | Of::FutureWriter);
    let count = if is_future { 1 } else { world.below(5) };
    let reads = matches!(of, Of::Reader | Of::FutureReader);
    let buffer = if reads {
        keep(world, vec![0; 2 * count])
    } else {
        // Two handles share a word; the second of them is 0.
        let values: Vec<_> = (0..count).flat_map(|_| value(world, end.element)).collect();
        keep(world, values)
    };
    let callback: cmabi_on_copy = if world.flag() { Some(on_copied) } else { None };
    let (data, drop_data) = world.data();
    let count = count as u32;
    let _ = match of {
        Of::Reader => {
            get!(cmabi_stream_read(store, number, buffer, count, arena, callback, data, drop_data))
        }
        Of::Writer => {
            get!(cmabi_stream_write(store, number, buffer, count, callback, data, drop_data))
        }
        Of::FutureReader => {
            get!(cmabi_future_read(store, number, buffer, arena, callback, data, drop_data))
        }
        _ => get!(cmabi_future_write(store, number, buffer, callback, data, drop_data)),
    };
}

unsafe extern "C" fn on_copied(
    data: *mut c_void,
    _: *mut cmabi_store,
    _: u32,
    _: cmabi_copy_result,
    _: u32,
) {
    // SAFETY: `World::data` gave it.
    step(unsafe { World::of(data) });
}
