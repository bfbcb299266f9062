//! What a guest does.

use super::*;

/// The body of every core function.
pub(super) unsafe extern "C" fn enter(
    data: *mut c_void,
    _: *mut cmabi_store,
    args: *const u64,
    results: *mut u64,
) -> MaybeUninit<cmabi_status> {
    // SAFETY: `World::core_func` passed it; the store, which runs, has not dropped it.
    let body = unsafe { &*data.cast::<Body>() };
    // SAFETY: the world outlives the store.
    let world = unsafe { &*body.world };
    // SAFETY: the argument is there that the type of the function has.
    let arg = |index: usize| unsafe { args.add(index).read() };
    let guest = Running { world, me: body.guest };
    let result = match body.role {
        Role::Func(func, abi) => {
            guest.receive(FUNCS[func].0, arg);
            guest.serve(func, abi)
        }
        Role::Callback(func) => {
            guest.heed(arg(0) == TASK_CANCELLED).and_then(|()| guest.serve(func, Abi::Callback))
        }
        Role::Realloc => guest.realloc([arg(0), arg(1), arg(2), arg(3)]).map(Some),
        Role::Dtor | Role::Thread => guest.steps(None).map(|()| None),
    };
    let status = match result {
        Some(value) => {
            if let Some(value) = value {
                // SAFETY: only functions with a result have come to one.
                unsafe { results.write(value) };
            }
            cmabi_status::Ok
        }
        None => cmabi_status::Trap,
    };
    MaybeUninit::new(status)
}

/// A core function that runs. Where a built-in fails, it answers `None` and has to end.
#[derive(Clone, Copy)]
struct Running<'a> {
    world: &'a World<'static>,
    me: usize,
}

/// The code of the event that asks a task to cancel itself.
const TASK_CANCELLED: u64 = 6;

fn done(succeeded: bool) -> Option<()> {
    succeeded.then_some(())
}

impl Running<'_> {
    fn receive(self, params: &[usize], arg: impl Fn(usize) -> u64) {
        let mut at = 0;
        for &ty in params {
            if ty == STRING {
                at += 2;
            } else {
                self.world.receive(self.me, ty, arg(at) as u32);
                at += 1;
            }
        }
    }

    /// Serves a call of a component function, and answers the core function's result.
    fn serve(self, func: usize, abi: Abi) -> Option<Option<u64>> {
        let result = FUNCS[func].1;
        self.steps((abi != Abi::Sync).then_some(result))?;
        match abi {
            Abi::Sync if result == NONE => Some(None),
            Abi::Sync => self.value(result).map(|values| Some(values[0])),
            Abi::Async => self.task_return(result).map(|()| None),
            Abi::Callback => {
                let set = || self.world.pick_where(self.me, |handle| handle.of == Of::Set);
                let code = match (self.world.byte() % 4, set()) {
                    (1, _) => 1,
                    (2 | 3, Some(set)) => 2 | set.number << 4,
                    _ => {
                        self.task_return(result)?;
                        0
                    }
                };
                Some(Some(code.into()))
            }
        }
    }

    /// The core values of a value. A string lies in memory where it is a whole result.
    fn value(self, ty: usize) -> Option<Vec<u64>> {
        let at = self.ptr();
        if ty == STRING {
            return Some(vec![at, self.world.below(20) as u64]);
        }
        if self.world.pick_value(self.me, ty).is_none() {
            match handle_of(ty) {
                (Of::Reader, element) => self.new_ends(false, element)?,
                (Of::FutureReader, element) => self.new_ends(true, element)?,
                (Of::ErrorContext, _) => self.handle_step(3)?,
                _ if self.me == 0 => self.handle_step(0)?,
                _ => {}
            }
        }
        Some(vec![self.world.give(self.me, ty).into()])
    }

    /// Somewhere in the half of the memory that the steps use.
    fn ptr(self) -> u64 {
        u64::from(self.world.byte()) * 8
    }

    fn new_ends(self, is_future: bool, element: usize) -> Option<()> {
        let (store, ty) = (self.world.store, self.world.element(element));
        let (ends, readable, writable) = if is_future {
            (get!(cmabi_canon_future_new(store, ty))?, Of::FutureReader, Of::FutureWriter)
        } else {
            (get!(cmabi_canon_stream_new(store, ty))?, Of::Reader, Of::Writer)
        };
        self.world.add(self.me, readable, element, ends as u32);
        self.world.add(self.me, writable, element, (ends >> 32) as u32);
        Some(())
    }

    fn realloc(self, [_, _, align, size]: [u64; 4]) -> Option<u64> {
        let next = &self.world.guests[self.me].next;
        let place = next.get().next_multiple_of(align as usize);
        // Where the memory is full, the answer lies beyond it.
        next.set((place + size as usize).min(MEMORY));
        Some(place as u64)
    }

    /// Some steps. In a task with the `async` option, `result` is the type of its result.
    fn steps(self, result: Option<usize>) -> Option<()> {
        while !self.world.input.borrow().is_empty() {
            match self.world.byte() % 64 {
                0..6 => break,
                code @ 6..20 => self.copy_step(code - 6)?,
                code @ 20..36 => self.wait_step(code - 20)?,
                code @ 36..44 => self.thread_step(code - 36)?,
                code @ 44..52 => self.handle_step(code - 44)?,
                52..58 => self.call()?,
                58 => {
                    // The store can be asked, but not run, from within a guest.
                    host::step(self.world);
                }
                _ => {
                    if let Some(result) = result {
                        self.task_return(result)?;
                    }
                }
            }
        }
        Some(())
    }

    /// Returns from the task, if the first slot of its context does not say that it has.
    fn task_return(self, result: usize) -> Option<()> {
        let World { store, .. } = *self.world;
        let i32 = MaybeUninit::new(cmabi_core_type::I32);
        if get!(cmabi_canon_context_get(store, i32, 0))? != 0 && self.world.byte() < 250 {
            return Some(());
        }
        done(c!(cmabi_canon_context_set(store, i32, 0, 1)))?;
        let values = if result == NONE { Vec::new() } else { self.value(result)? };
        let options = self.world.options(self.me, false);
        let ty = self.world.element(result);
        done(c!(cmabi_canon_task_return(store, ty, &options, values.as_ptr(), values.len())))
    }

    /// Cancels the task, or not, where the caller has asked for it; now and then where not.
    fn heed(self, cancelled: bool) -> Option<()> {
        let World { store, .. } = *self.world;
        if self.world.byte() < if cancelled { 128 } else { 254 } {
            return Some(());
        }
        let i32 = MaybeUninit::new(cmabi_core_type::I32);
        done(c!(cmabi_canon_context_set(store, i32, 0, 1)))?;
        done(c!(cmabi_canon_task_cancel(store)))
    }

    /// Streams and futures.
    fn copy_step(self, code: u8) -> Option<()> {
        let World { store, .. } = *self.world;
        let is_async = || !self.world.byte().is_multiple_of(8);
        let is_future = code % 2 == 1;
        if code < 2 {
            return self.new_ends(is_future, self.world.below(ELEMENTS));
        }
        let reads = (code / 2).is_multiple_of(2);
        let of = match (is_future, reads) {
            (false, true) => Of::Reader,
            (false, false) => Of::Writer,
            (true, true) => Of::FutureReader,
            (true, false) => Of::FutureWriter,
        };
        let Some(end) = self.world.pick(self.me, of) else { return Some(()) };
        let (ty, number) = (self.world.element(end.element), end.number);
        match code / 4 {
            0 | 1 => {
                let options = self.world.options(self.me, is_async());
                let (ptr, len) = (self.ptr(), self.world.below(10) as u64);
                let result = match of {
                    Of::Reader => {
                        get!(cmabi_canon_stream_read(store, ty, &options, number, ptr, len))
                    }
                    Of::Writer => {
                        get!(cmabi_canon_stream_write(store, ty, &options, number, ptr, len))
                    }
                    Of::FutureReader => {
                        get!(cmabi_canon_future_read(store, ty, &options, number, ptr))
                    }
                    _ => get!(cmabi_canon_future_write(store, ty, &options, number, ptr)),
                };
                result.map(drop)
            }
            2 => {
                let is_async = is_async();
                let result = match of {
                    Of::Reader => get!(cmabi_canon_stream_cancel_read(store, ty, is_async, number)),
                    Of::Writer => {
                        get!(cmabi_canon_stream_cancel_write(store, ty, is_async, number))
                    }
                    Of::FutureReader => {
                        get!(cmabi_canon_future_cancel_read(store, ty, is_async, number))
                    }
                    _ => get!(cmabi_canon_future_cancel_write(store, ty, is_async, number)),
                };
                result.map(drop)
            }
            _ if reads && self.world.flag() => {
                let writer = if is_future { Of::FutureWriter } else { Of::Writer };
                let Some(to) = self.world.pick(self.me, writer) else { return Some(()) };
                self.world.forget(self.me, end);
                self.world.forget(self.me, to);
                done(match is_future {
                    true => c!(cmabi_canon_future_forward(store, ty, number, to.number)),
                    false => c!(cmabi_canon_stream_forward(store, ty, number, to.number)),
                })
            }
            _ => {
                self.world.forget(self.me, end);
                done(match of {
                    Of::Reader => c!(cmabi_canon_stream_drop_readable(store, ty, number)),
                    Of::Writer => c!(cmabi_canon_stream_drop_writable(store, ty, number)),
                    Of::FutureReader => c!(cmabi_canon_future_drop_readable(store, ty, number)),
                    _ => c!(cmabi_canon_future_drop_writable(store, ty, number)),
                })
            }
        }
    }

    /// Waitable sets, subtasks and backpressure.
    fn wait_step(self, code: u8) -> Option<()> {
        let World { store, .. } = *self.world;
        let memory = self.world.guests[self.me].memory;
        let pick = |of| self.world.pick(self.me, of);
        match code {
            0 => {
                let set = get!(cmabi_canon_waitable_set_new(store))?;
                self.world.add(self.me, Of::Set, NONE, set);
            }
            1..4 => {
                let Some(set) = pick(Of::Set) else { return Some(()) };
                get!(cmabi_canon_waitable_set_wait(store, memory, set.number, self.ptr()))?;
                self.heed(false)?;
            }
            4 | 5 => {
                let Some(set) = pick(Of::Set) else { return Some(()) };
                get!(cmabi_canon_waitable_set_poll(store, memory, set.number, self.ptr()))?;
                self.heed(false)?;
            }
            6 => {
                let Some(set) = pick(Of::Set) else { return Some(()) };
                self.world.forget(self.me, set);
                done(c!(cmabi_canon_waitable_set_drop(store, set.number)))?;
            }
            7..11 => {
                let waitables =
                    [Of::Subtask, Of::Reader, Of::Writer, Of::FutureReader, Of::FutureWriter];
                let Some(waitable) = pick(waitables[self.world.below(5)]) else { return Some(()) };
                let set = if self.world.byte().is_multiple_of(4) { None } else { pick(Of::Set) };
                let set = set.map_or(0, |set| set.number);
                done(c!(cmabi_canon_waitable_join(store, waitable.number, set)))?;
            }
            11 | 12 => {
                let Some(subtask) = pick(Of::Subtask) else { return Some(()) };
                let is_async = self.world.flag();
                get!(cmabi_canon_subtask_cancel(store, is_async, subtask.number))?;
            }
            13 => {
                let Some(subtask) = pick(Of::Subtask) else { return Some(()) };
                self.world.forget(self.me, subtask);
                done(c!(cmabi_canon_subtask_drop(store, subtask.number)))?;
            }
            _ => {
                let count = &self.world.guests[self.me].backpressure;
                if count.get() == 0 {
                    count.set(1);
                    done(c!(cmabi_canon_backpressure_inc(store)))?;
                } else {
                    count.set(0);
                    done(c!(cmabi_canon_backpressure_dec(store)))?;
                }
            }
        }
        Some(())
    }

    /// Threads, and the task.
    fn thread_step(self, code: u8) -> Option<()> {
        let World { store, .. } = *self.world;
        let thread = || Some(self.world.pick(self.me, Of::Thread)?.number);
        match code {
            0 => {
                let index = get!(cmabi_canon_thread_index(store))?;
                self.world.add(self.me, Of::Thread, NONE, index);
            }
            1 => {
                let params = [MaybeUninit::new(cmabi_core_type::I32)];
                let ty = cmabi_core_func_type {
                    params: params.as_ptr(),
                    params_len: 1,
                    results: ptr::null(),
                    results_len: 0,
                };
                let table = self.world.guests[self.me].table;
                let thread = get!(cmabi_canon_thread_new_indirect(store, &ty, table, 0, 0))?;
                self.world.add(self.me, Of::Thread, NONE, thread);
            }
            2 => {
                let Some(thread) = thread() else { return Some(()) };
                done(c!(cmabi_canon_thread_resume_later(store, thread)))?;
            }
            3 => drop(get!(cmabi_canon_thread_suspend(store))?),
            4 | 6 => drop(get!(cmabi_canon_thread_yield(store))?),
            5 => {
                let Some(thread) = thread() else { return Some(()) };
                match self.world.byte() % 4 {
                    0 => get!(cmabi_canon_thread_suspend_then_resume(store, thread)),
                    1 => get!(cmabi_canon_thread_suspend_then_promote(store, thread)),
                    2 => get!(cmabi_canon_thread_yield_then_resume(store, thread)),
                    _ => get!(cmabi_canon_thread_yield_then_promote(store, thread)),
                }?;
            }
            _ => {
                let i64 = MaybeUninit::new(cmabi_core_type::I64);
                done(c!(cmabi_canon_context_set(store, i64, 1, 5)))?;
                get!(cmabi_canon_context_get(store, i64, 1))?;
            }
        }
        Some(())
    }

    /// Resources, error contexts, and what is in memory.
    fn handle_step(self, code: u8) -> Option<()> {
        let World { store, .. } = *self.world;
        let resource = self.world.resource.0;
        let pick = |of| self.world.pick(self.me, of);
        let word = || &self.world.guests[self.me].bytes[self.ptr() as usize / 8];
        match code {
            0 => {
                let handle = get!(cmabi_canon_resource_new(store, resource, 7))?;
                self.world.add(self.me, Of::Resource, NONE, handle);
            }
            1 => {
                let Some(handle) = pick(Of::Resource) else { return Some(()) };
                self.world.forget(self.me, handle);
                done(c!(cmabi_canon_resource_drop(store, resource, handle.number)))?;
            }
            2 => {
                let Some(handle) = pick(Of::Resource) else { return Some(()) };
                get!(cmabi_canon_resource_rep(store, resource, handle.number))?;
            }
            3 => {
                let options = self.world.options(self.me, false);
                let (ptr, len) = (self.ptr(), self.world.below(20) as u64);
                let context = get!(cmabi_canon_error_context_new(store, &options, ptr, len))?;
                self.world.add(self.me, Of::ErrorContext, NONE, context);
            }
            4 => {
                let Some(context) = pick(Of::ErrorContext) else { return Some(()) };
                let (options, ptr) = (self.world.options(self.me, false), self.ptr());
                let context = context.number;
                done(c!(cmabi_canon_error_context_debug_message(store, &options, context, ptr)))?;
            }
            5 => {
                let Some(context) = pick(Of::ErrorContext) else { return Some(()) };
                self.world.forget(self.me, context);
                done(c!(cmabi_canon_error_context_drop(store, context.number)))?;
            }
            6 => {
                // Something to be written to a stream or future.
                let value = match self.world.byte() % 4 {
                    0 => u64::from(self.world.give(self.me, OWN)),
                    1 => u64::from(self.world.give(self.me, STREAM)),
                    2 => u64::from(self.world.give(self.me, CONTEXT)),
                    _ => self.ptr() | (self.world.below(20) as u64) << 32,
                };
                word().set(value);
            }
            _ => {
                // Something that was read from one.
                let ty = [OWN, STREAM, CONTEXT][self.world.below(3)];
                self.world.receive(self.me, ty, word().get() as u32);
            }
        }
        Some(())
    }

    /// Calls an import.
    fn call(self) -> Option<()> {
        let World { store, .. } = *self.world;
        let (owner, func, is_async) = (
            self.world.below(GUESTS + 1),
            self.world.below(FUNCS.len()),
            !self.world.byte().is_multiple_of(4),
        );
        // A guest cannot call itself.
        if owner == self.me || !self.world.can_pass(self.me, FUNCS[func].0) {
            return Some(());
        }
        let Some(callee) = self.world.func(owner, func) else { return Some(()) };
        let options = self.world.options(self.me, is_async);
        let instance = self.world.guests[self.me].instance;
        let Some(core) = get!(cmabi_canon_lower(store, instance, callee, &options)) else {
            return Some(());
        };
        let abi = if is_async { Abi::Async } else { Abi::Sync };
        let ty = self.world.func_types[func].0;
        let signature = self.world.signature(ty, cmabi_abi_context::Lower, abi)?;
        let (params, result, _) = FUNCS[func];
        let mut args = Vec::new();
        for &param in params {
            args.extend(self.value(param)?);
        }
        // Beyond the parameters there may be the address of the result.
        let place = self.ptr();
        if params.iter().map(|&ty| if ty == STRING { 2 } else { 1 }).sum::<usize>()
            > signature.params_len
        {
            args = vec![place];
        }
        args.resize(signature.params_len, place);
        let mut results = vec![0; signature.results_len];
        let (at, len) = (results.as_mut_ptr(), results.len());
        done(c!(cmabi_core_func_call(store, core, args.as_ptr(), args.len(), at, len)))?;
        match results.first() {
            // The state of the subtask, and above it its handle, where it goes on.
            Some(&state) if is_async && state >> 4 == 0 => {}
            Some(&state) if is_async => {
                self.world.add(self.me, Of::Subtask, NONE, (state >> 4) as u32);
            }
            Some(&value) if result != NONE && result != STRING => {
                self.world.receive(self.me, result, value as u32);
            }
            _ => {}
        }
        Some(())
    }
}
