//! Functions of Rust as host functions.
//!
//! A function takes a [`Call`] and Rust types that stand for its parameters, and returns one that stands for
//! its result; its type is made of them. It may also say that it has to wait.

use super::output::OutputStream;
use super::source::Sources;
use super::state::{Pending, Slot, State, World};
use super::work::Work;
use crate::component::Definitions;
use crate::copy::typed::{Borrow, Canonical, HostResource, Load, Own, ResourceTypes, Store};
use crate::core_types::AddrType;
use crate::error::{Error, Result, Trap, Trapped};
use crate::host;
use crate::memory::Arena;
use crate::runtime::{self, Cx, HostCall, HostOutcome, InstanceId, Serving};
use crate::types::{Field, FuncType, Type};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

/// What a function answers at once, or the trap of the caller's that it ends with.
pub(super) type Answer<T> = Result<T, Trapped>;

/// What a function that may have to wait answers.
pub(super) enum Wait<T> {
    /// The result.
    Over(T),
    /// It is to be called again when one of these is ready.
    For(Sources),
}

/// How far a call is that is served more than once.
#[derive(Default)]
pub(super) struct Progress {
    /// 0 at first, and then what the function has set.
    pub(super) step: Cell<u8>,
    /// What a thread does for it.
    work: RefCell<Option<Rc<dyn Any>>>,
    /// What it has to hold until it is over, be it by an answer or by its cancellation.
    pub(super) held: RefCell<Option<Box<dyn Any>>>,
}

/// A call that is served.
pub(super) struct Call<'a, 'cx> {
    pub(super) cx: &'a mut Cx<'cx>,
    pub(super) state: &'a Rc<State>,
    /// Where results go.
    pub(super) arena: &'a Rc<Arena>,
    pub(super) progress: &'a Progress,
    serving: Serving,
    pub(super) world: &'a World,
}

impl Call<'_, '_> {
    /// What a handle that the guest has lent stands for.
    pub(super) fn get<R: HostResource>(&self, borrow: &Borrow<R>) -> Answer<Rc<R>> {
        self.state.resource(borrow.rep)
    }

    /// The instance that calls.
    pub(super) fn caller(&self) -> Answer<InstanceId> {
        self.serving.task(self.cx)?.caller(self.cx).map_err(|error| failed(&error))
    }

    /// Keeps what the guest has written to standard error, where that is asked for.
    pub(super) fn heard(&mut self, stream: &OutputStream, bytes: &[u8]) {
        let keep = self.world.config.last_words;
        if keep > 0
            && Rc::ptr_eq(&stream.outlet(), &self.state.stdio.stderr)
            && let Ok(inst) = self.caller()
        {
            runtime::hear(self.cx, inst, bytes, keep);
        }
    }

    /// Counts a resource, or what is kept for one, if there may be another.
    pub(super) fn counted(&mut self) -> Answer<Slot> {
        let counted = self.state.counted();
        counted.or_else(|_| {
            host::stream::tell_prompt(self.cx);
            self.state.counted()
        })
    }

    /// A place for another file, directory or socket, if there may be one.
    pub(super) fn slot(&mut self) -> Option<Slot> {
        let slot = self.state.slot();
        slot.or_else(|| {
            host::stream::tell_prompt(self.cx);
            self.state.slot()
        })
    }

    /// Gives a new resource to the guest.
    pub(super) fn own<R: HostResource>(&mut self, resource: R) -> Answer<Own<R>> {
        let counted = self.counted()?;
        self.state.own(self.cx, resource, counted)
    }
}

impl Call<'_, '_> {
    /// Waits for what a thread does, which `start` has it do when the function first comes here.
    pub(super) fn wait_for<T: 'static>(&self, start: impl FnOnce() -> Work<T>) -> Wait<T> {
        let started = self.progress.work.take().and_then(|work| work.downcast::<Work<T>>().ok());
        if let Some(result) = started.as_ref().and_then(|work| work.take()) {
            return Wait::Over(result);
        }
        let work = started.unwrap_or_else(|| Rc::new(start()));
        *self.progress.work.borrow_mut() = Some(work.clone());
        Wait::For(vec![work])
    }
}

/// The trap for an error of the library's.
pub(super) fn failed(error: &Error) -> Trapped {
    match error.trap() {
        Some(trap) => trap.clone(),
        None => Trap::Host { message: error.to_string().into() }.into(),
    }
}

/// The items of one interface.
pub(super) struct Interface<'a> {
    definitions: &'a mut Definitions,
    world: &'a Arc<World>,
}

impl<'a> Interface<'a> {
    pub(super) fn new(definitions: &'a mut Definitions, world: &'a Arc<World>) -> Self {
        Interface { definitions, world }
    }

    /// Offers a resource type.
    pub(super) fn resource<R: HostResource>(&mut self) -> Result<()> {
        let world = self.world.clone();
        let dtor = move |cx: &mut Cx<'_>, rep: u32| {
            world.state(cx.shared).remove(rep);
            Ok(())
        };
        let ty = self.world.resources.get::<R>();
        self.definitions.resource(R::NAME, ty, Some(Arc::new(dtor)))
    }

    /// Offers a function, whose parameters have these names.
    pub(super) fn func<T: 'static>(
        &mut self,
        name: &str,
        params: &[&str],
        func: impl TypedFunc<T>,
    ) -> Result<()> {
        self.define(name, params, false, func)
    }

    /// Offers a function whose type is `async`.
    pub(super) fn async_func<T: 'static>(
        &mut self,
        name: &str,
        params: &[&str],
        func: impl TypedFunc<T>,
    ) -> Result<()> {
        self.define(name, params, true, func)
    }

    fn define<T: 'static>(
        &mut self,
        name: &str,
        params: &[&str],
        is_async: bool,
        func: impl TypedFunc<T>,
    ) -> Result<()> {
        let ty = func.func_type(params, is_async, &self.world.resources)?;
        let served = Arc::new(Typed { func, of: std::marker::PhantomData });
        self.define_served(name, ty, served)
    }

    /// What is the same for all functions, compiled once.
    fn define_served(&mut self, name: &str, ty: FuncType, served: Arc<dyn Serve>) -> Result<()> {
        let world = self.world.clone();
        let func = move |call: &mut HostCall<'_, '_>| serve(&world, &served, call);
        self.definitions.func(name, Some(ty), Arc::new(func))
    }
}

/// Serves a call, or has it wait.
fn serve(
    world: &Arc<World>,
    func: &Arc<dyn Serve>,
    call: &mut HostCall<'_, '_>,
) -> Answer<HostOutcome> {
    let state = world.state(call.cx.shared);
    let progress = Progress::default();
    let (cx, arena, serving) = (&mut *call.cx, call.arena, call.serving);
    let mut served = Call { cx, state: &state, arena, progress: &progress, serving, world };
    // SAFETY: the runtime's promise: the arguments are those of the function's type, and so is the room
    // for the result; both stay as long as the task.
    let sources = match unsafe { func.serve(&mut served, call.args, call.results) }? {
        Wait::Over(()) => return Ok(HostOutcome::Returned),
        Wait::For(sources) => sources,
    };
    let pending = Pending {
        task: call.serving.task(call.cx)?,
        func: func.clone(),
        progress,
        args: call.args,
        results: call.results,
        arena: call.arena.clone(),
    };
    state.wait(call.cx, pending, sources)?;
    Ok(HostOutcome::Pending)
}

/// Serves a call that has waited: once more from the beginning.
pub(super) fn serve_again(
    world: &World,
    state: &Rc<State>,
    pending: &Pending,
    cx: &mut Cx<'_>,
) -> Answer<Wait<()>> {
    let (arena, progress, serving) = (&pending.arena, &pending.progress, pending.task.into());
    let mut call = Call { cx, state, arena, progress, serving, world };
    // SAFETY: as above; the task has not been answered.
    unsafe { pending.func.serve(&mut call, pending.args, pending.results) }
}

/// A function whose arguments and results are in memory.
pub(super) trait Serve: Send + Sync {
    /// # Safety
    /// The record of the arguments is at `args`, for as long as the call's arena is held, and there is room
    /// for a result at `results`.
    unsafe fn serve(
        &self,
        call: &mut Call<'_, '_>,
        args: *const u8,
        results: *mut u8,
    ) -> Answer<Wait<()>>;
}

struct Typed<F, T> {
    func: F,
    of: std::marker::PhantomData<fn(T)>,
}

impl<T: 'static, F: TypedFunc<T>> Serve for Typed<F, T> {
    unsafe fn serve(
        &self,
        call: &mut Call<'_, '_>,
        args: *const u8,
        results: *mut u8,
    ) -> Answer<Wait<()>> {
        let arena = call.arena.clone();
        // SAFETY: the caller's promise.
        unsafe {
            match self.func.call(call, args)? {
                Wait::Over(result) => result.store(results, &arena).map(Wait::Over),
                Wait::For(sources) => Ok(Wait::For(sources)),
            }
        }
    }
}

/// A function of Rust; `T` is the tuple of its parameters and its result.
pub(super) trait TypedFunc<T>: Send + Sync + 'static {
    type Result: Store;

    fn func_type(
        &self,
        params: &[&str],
        is_async: bool,
        resources: &ResourceTypes,
    ) -> Result<FuncType>;

    /// # Safety
    /// As for [`Serve::serve`].
    unsafe fn call(&self, call: &mut Call<'_, '_>, args: *const u8) -> Answer<Wait<Self::Result>>;
}

/// What a function returns.
pub(super) trait Reply {
    type Result: Store;

    fn reply(self) -> Answer<Wait<Self::Result>>;
}

impl<T: Store> Reply for Answer<T> {
    type Result = T;

    fn reply(self) -> Answer<Wait<T>> {
        self.map(Wait::Over)
    }
}

impl<T: Store> Reply for Answer<Wait<T>> {
    type Result = T;

    fn reply(self) -> Answer<Wait<T>> {
        self
    }
}

macro_rules! typed_funcs {
    ($([$($param:ident)*])*) => {$(
        impl<$($param,)* R, F> TypedFunc<($($param,)* R,)> for F
        where
            $($param: Load + 'static,)*
            R: Reply + 'static,
            F: Fn(&mut Call<'_, '_> $(, $param)*) -> R + Send + Sync + 'static,
        {
            type Result = R::Result;

            #[allow(unused)]
            fn func_type(
                &self,
                params: &[&str],
                is_async: bool,
                resources: &ResourceTypes,
            ) -> Result<FuncType> {
                let types: &[TypeOf] = &[$($param::ty),*];
                let result = <R::Result as Canonical>::ty(resources);
                let ty = func_type(params, types, result, is_async, resources)?;
                debug_assert!(is_laid_out_as::<($($param,)*)>(ty.params_type()));
                debug_assert!(is_laid_out_as::<R::Result>(ty.result()));
                Ok(ty)
            }

            #[allow(unused, non_snake_case)]
            unsafe fn call(
                &self,
                call: &mut Call<'_, '_>,
                args: *const u8,
            ) -> Answer<Wait<Self::Result>> {
                // SAFETY: the caller's promise: the record of the arguments is laid out like their tuple.
                let ($($param,)*) = unsafe { <($($param,)*)>::load(args, call.arena) };
                self(call $(, $param)*).reply()
            }
        }
    )*};
}

typed_funcs! {
    []
    [A]
    [A B]
    [A B C]
    [A B C D]
    [A B C D E]
}

/// What makes the type that a Rust type stands for.
type TypeOf = fn(&ResourceTypes) -> Option<Type>;

fn func_type(
    names: &[&str],
    types: &[TypeOf],
    result: Option<Type>,
    is_async: bool,
    resources: &ResourceTypes,
) -> Result<FuncType> {
    debug_assert_eq!(names.len(), types.len());
    let params = names.iter().zip(types).map(|(name, ty)| Field {
        name: (*name).into(),
        ty: ty(resources).expect("each parameter has a type"),
    });
    FuncType::new(params.collect(), result, is_async)
}

/// Whether values of a Rust type are laid out like those of the type that it stands for.
fn is_laid_out_as<T: Canonical>(ty: Option<&Type>) -> bool {
    let layout = ty.map_or((0, 1), |ty| (ty.info().size(HOST), ty.info().align(HOST)));
    (T::SIZE, T::ALIGN) == (layout.0 as usize, layout.1 as usize)
}

/// The addresses of values of the host's.
const HOST: AddrType = AddrType::I64;
