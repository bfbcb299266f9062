//! Task: the host's side of a call that it serves

use super::arena::cmabi_arena;
use super::error::{cmabi_drop, cmabi_error, cmabi_status, cmabi_string};
use super::host::cmabi_host_func;
use super::store::{Link, cmabi_store};
use super::types::cmabi_func_type;
use crate::error::{Error, ErrorKind, Result, Trap, Trapped};
use crate::ffi::data::Data;
use crate::ffi::{check, guard, guard_or};
use crate::memory::Arena;
use crate::runtime::{self, Cx, HostCall, HostOutcome, HostTask, OnCancel, Serving};
use crate::types::FuncType;
use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::c_void;
use std::mem::{self, MaybeUninit};
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

/// A call that the host serves (Tasks in CanonicalABI.md).
///
/// It is borrowed while the host function runs. With the answer `CMABI_STATUS_PENDING` it becomes the
/// host's: to be answered once, by `cmabi_task_return` or `cmabi_task_cancel`, and to be freed. It may
/// outlive its store; then it can only be freed.
/// @since 0.1
pub struct cmabi_task {
    link: Link,
    serving_call: Serving,
    /// The call as a task, from when it is asked for.
    task: Cell<Option<HostTask>>,
    arena: Rc<Arena>,
    ty: FuncType,
    /// Why the call fails.
    error: RefCell<Option<String>>,
    /// The function runs: the task is only lent to C.
    serving: Cell<bool>,
    /// C has freed it all the same.
    freed: Cell<bool>,
    /// How it was answered.
    answer: Cell<Option<&'static str>>,
    /// Texts that C was given.
    texts: OnceCell<Box<CallerTexts>>,
}

/// Who calls, in words.
struct CallerTexts {
    instance: Arc<str>,
    func: Box<str>,
}

impl cmabi_task {
    fn new(store: &cmabi_store, call: &HostCall<'_, '_>) -> Self {
        cmabi_task {
            link: store.link(),
            serving_call: call.serving,
            task: Cell::new(None),
            arena: call.arena.clone(),
            ty: call.ty.clone(),
            error: RefCell::default(),
            serving: Cell::new(true),
            freed: Cell::new(false),
            answer: Cell::new(None),
            texts: OnceCell::new(),
        }
    }

    fn task(&self, cx: &Cx<'_>) -> Result<HostTask> {
        if let Some(task) = self.task.get() {
            return Ok(task);
        }
        if !self.serving.get() {
            return Err(check::invalid("task", "is of a call that has failed"));
        }
        let task = self.serving_call.task(cx)?;
        self.task.set(Some(task));
        Ok(task)
    }

    /// What the function's answer means; `None` is a number that is no status.
    fn outcome(
        &self,
        cx: &mut Cx<'_>,
        status: Option<cmabi_status>,
    ) -> Result<HostOutcome, Trapped> {
        let message: Arc<str> = match (status, self.error.take()) {
            (Some(cmabi_status::Ok), _) => return Ok(HostOutcome::Returned),
            (Some(cmabi_status::Pending), message) => {
                if self.task.get().is_none() {
                    self.task.set(Some(self.serving_call.task(cx)?));
                }
                self.error.replace(message);
                if self.freed.get() {
                    let _ = self.give_up(cx);
                }
                return Ok(HostOutcome::Pending);
            }
            (_, Some(message)) => message.into(),
            (Some(status), None) => format!("the host function answered {}", status.text()).into(),
            (None, None) => "the host function answered an unknown status".into(),
        };
        Err(Trap::Host { message }.into())
    }

    /// Fails the call, unless it was answered.
    fn give_up(&self, cx: &mut Cx<'_>) -> Result<()> {
        if self.answer.get().is_some() {
            return Ok(());
        }
        match self.error.take() {
            Some(message) => self.task(cx)?.fail(cx, Trap::Host { message: message.into() }),
            None => self.task(cx)?.abandon(cx),
        }
    }

    /// Has `body` answer the call. It can tell C, which may then free the task: nothing is touched
    /// afterwards unless the answer was refused and so nothing has happened.
    fn answer(
        &self,
        answer: &'static str,
        body: impl FnOnce(&mut Cx<'_>, HostTask) -> Result<()>,
    ) -> Result<()> {
        if let Some(answer) = self.answer.get() {
            let message = format!("the task has been answered already: it {answer}");
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        let store = self.store()?;
        let answered = store.enter(|cx| {
            let task = self.task(cx)?;
            self.answer.set(Some(answer));
            body(cx, task)
        });
        if let Err(error) = &answered
            && matches!(error.kind(), ErrorKind::InvalidArgument | ErrorKind::Busy)
        {
            self.answer.set(None);
        }
        answered
    }

    /// Who calls, in words, as long as that can be found out.
    fn texts(&self) -> Option<&CallerTexts> {
        if let Some(texts) = self.texts.get() {
            return Some(texts);
        }
        let texts = self.store().ok()?.enter(|cx| {
            let task = self.task(cx)?;
            let instance = runtime::label(cx, task.caller(cx)?);
            Ok(CallerTexts { instance, func: task.calling_func(cx).unwrap_or_default() })
        });
        let texts = texts.ok()?;
        Some(self.texts.get_or_init(|| Box::new(texts)))
    }

    fn store(&self) -> Result<&cmabi_store> {
        self.link.store().ok_or_else(|| check::invalid("task", "is of a store that was freed"))
    }
}

/// The memory of tasks that are over, for the next ones: a call that does not block allocates nothing.
#[derive(Default)]
#[expect(clippy::vec_box, reason = "C holds the addresses")]
pub(in crate::ffi) struct Tasks(RefCell<Vec<Box<MaybeUninit<cmabi_task>>>>);

impl Tasks {
    fn add(&self, task: cmabi_task) -> *mut cmabi_task {
        let place = self.0.borrow_mut().pop();
        Box::into_raw(Box::write(place.unwrap_or_else(Box::new_uninit), task))
    }

    /// # Safety
    /// The task came from [`Tasks::add`], and nobody uses it any more.
    unsafe fn remove(&self, task: *mut cmabi_task) {
        // SAFETY: the caller's promise.
        let place = unsafe {
            task.drop_in_place();
            Box::from_raw(task.cast::<MaybeUninit<cmabi_task>>())
        };
        self.0.borrow_mut().push(place);
    }
}

/// Told that the caller of a pending task wants it cancelled. It may answer the task at once, by
/// `cmabi_task_cancel` or `cmabi_task_return`, and free it; or later, as it likes.
/// @since 0.1
pub type cmabi_on_cancel = Option<unsafe extern "C" fn(data: *mut c_void, task: *mut cmabi_task)>;

/// What serves the calls of a C function. `argument` is what C called the function.
pub(in crate::ffi) fn host_func(
    func: cmabi_host_func,
    data: Arc<Data>,
    argument: &str,
) -> Result<impl Fn(&mut HostCall<'_, '_>) -> Result<HostOutcome, Trapped> + Send + Sync + use<>> {
    let func = func.ok_or_else(|| check::invalid(argument, "is NULL"))?;
    Ok(move |call: &mut HostCall<'_, '_>| {
        // SAFETY: C offers functions to stores of C only, and a store that runs is alive.
        let store = unsafe { cmabi_store::of(call.cx) };
        let task = store.tasks.add(cmabi_task::new(store, call));
        let args = call.ty.params_type().map_or(ptr::null(), |_| call.args.cast());
        let results = call.ty.result().map_or(ptr::null_mut(), |_| call.results.cast());
        let status = store.lend(call.cx, || {
            // SAFETY: the header's rules for host functions; the arguments are as documented there.
            unsafe { func(data.get(), task, args, results) }
        });
        // SAFETY: while it serves, a task is freed below and nowhere else.
        let serving = unsafe { &*task };
        let status = check::enumerator(status, "status").ok();
        // With that answer it is C's, whatever else has gone wrong.
        let is_pending = status == Some(cmabi_status::Pending);
        serving.serving.set(!is_pending);
        let outcome = if store.is_poisoned() {
            let message = "a call that the host function made failed with an internal error";
            Err(Trap::Internal(message.into()).into())
        } else {
            serving.outcome(call.cx, status)
        };
        if is_pending && outcome.is_err() {
            serving.answer.set(Some("has failed"));
        }
        if !is_pending || serving.freed.get() {
            // SAFETY: it does not become C's.
            unsafe { store.tasks.remove(task) };
        }
        outcome
    })
}

/// Frees a task that was answered. One that was not makes its caller trap, with the message of
/// `cmabi_task_set_error` or else one that says so. NULL is fine.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_task_free(task: *mut cmabi_task) {
    guard_or((), || {
        // SAFETY: the header's rules: the task is the caller's and is freed once.
        unsafe {
            let Some(serving) = task.as_ref() else { return };
            if serving.serving.get() {
                serving.freed.set(true);
                return;
            }
            let task = Box::from_raw(task);
            if let Some(store) = task.link.store()
                && store.enter(|cx| task.give_up(cx)).is_err_and(|e| e.kind() == ErrorKind::Busy)
            {
                // The call still refers to it.
                mem::forget(task);
            }
        }
    });
}

/// Answers a pending task with the result at `results` (NULL without a result), which is read at once.
/// The caller goes on when the store runs next (`cmabi_store_run`).
///
/// It may also be called before the host function has answered `CMABI_STATUS_PENDING`, and after the
/// caller has asked for cancellation.
///
/// `CMABI_STATUS_INVALID_ARGUMENT`, and nothing happens, where the task was answered before, `results` is
/// NULL, or a handle that was borrowed for the call was not dropped. `CMABI_STATUS_TRAP` where the value is
/// not of the type or the caller cannot take it: the caller traps and the task is over.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_task_return(
    task: *mut cmabi_task,
    results: *const c_void,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let task = unsafe { check::required(task, "task") }?;
        task.ty.result().map_or(Ok(()), |ty| check::value(ty, results, "results"))?;
        task.answer("has returned", |cx, task| task.return_(cx, results.cast()))
    })
}

/// Answers a pending task, whose caller has asked for its cancellation, without a result.
///
/// `CMABI_STATUS_INVALID_ARGUMENT`, and nothing happens, where the caller has not asked, the task was
/// answered before, or a handle that was borrowed for the call was not dropped.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_task_cancel(
    task: *mut cmabi_task,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let task = unsafe { check::required(task, "task") }?;
        task.answer("was cancelled", |cx, task| task.cancelled(cx))
    })
}

/// Whether the caller has asked for the task's cancellation. False for NULL, and for a task that was
/// answered.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_task_cancel_requested(task: *const cmabi_task) -> bool {
    guard_or(false, || {
        // SAFETY: the header's rules.
        let Some(task) = (unsafe { task.as_ref() }) else { return false };
        let store = task.link.store();
        let requested =
            store.map(|store| store.enter(|cx| task.task(cx)?.is_cancellation_requested(cx)));
        matches!(requested, Some(Ok(true)))
    })
}

/// Sets whom to tell when the caller wants the task cancelled: once, from within the caller's request.
/// A NULL `on_cancel` takes it back. `drop`, which may be NULL, is called with `data` when the task is over,
/// after `on_cancel` has been called, or when another is set.
///
/// `CMABI_STATUS_INVALID_ARGUMENT` where the task was answered before. Where the caller has asked already,
/// nobody is told: look at `cmabi_task_cancel_requested` first.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_task_set_on_cancel(
    task: *mut cmabi_task,
    on_cancel: cmabi_on_cancel,
    data: *mut c_void,
    drop: cmabi_drop,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        let data = Data::new(data, drop);
        // SAFETY: the header's rules.
        let this = unsafe { check::required(task, "task") }?;
        let hook = on_cancel.map(|on_cancel| -> OnCancel {
            Rc::new(move |cx, _| {
                // SAFETY: the task is of a store of C's, which runs and so is alive.
                let store = unsafe { cmabi_store::of(cx) };
                // SAFETY: the header's rules for callbacks; freeing a task ends its hook.
                store.lend(cx, || unsafe { on_cancel(data.get(), task) });
                Ok(())
            })
        });
        this.store()?.enter(|cx| this.task(cx)?.set_on_cancel(cx, hook))
    })
}

/// The store that the call comes from. Borrowed; NULL for NULL, and where the store was freed.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_task_store(task: *const cmabi_task) -> *mut cmabi_store {
    // SAFETY: the header's rules.
    let store = unsafe { task.as_ref() }.and_then(|task| task.link.store());
    store.map_or(ptr::null_mut(), cmabi_store::to_c)
}

/// Memory for what the result points to. It lives as long as the task. Borrowed; NULL for NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_task_arena(task: *const cmabi_task) -> *mut cmabi_arena {
    // SAFETY: the header's rules.
    unsafe { task.as_ref() }.map_or(ptr::null_mut(), |task| cmabi_arena::lent(&task.arena))
}

/// The label of the component instance that calls (`cmabi_instance_set_label`); `host` where the host calls
/// the function through a component that exports it again. Borrowed from the task; empty for NULL, and once
/// the task was answered unless it was asked for before.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_task_caller_label(task: *const cmabi_task) -> cmabi_string {
    guard_or(cmabi_string::EMPTY, || {
        // SAFETY: the header's rules.
        let texts = unsafe { task.as_ref() }.and_then(cmabi_task::texts);
        texts.map_or(cmabi_string::EMPTY, |texts| (*texts.instance).into())
    })
}

/// The full name of the component's function that calls, as `ns:pkg/iface#name`. Empty where the host calls,
/// where the function has ended, and where `cmabi_task_caller_label` is.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_task_caller_func(task: *const cmabi_task) -> cmabi_string {
    guard_or(cmabi_string::EMPTY, || {
        // SAFETY: the header's rules.
        let texts = unsafe { task.as_ref() }.and_then(cmabi_task::texts);
        texts.map_or(cmabi_string::EMPTY, |texts| (*texts.func).into())
    })
}

/// The data that the host has set for the instance that calls (`cmabi_instance_set_data`), or for the nearest
/// one around it. NULL where there is none, for NULL, and once the task was answered.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_task_caller_data(task: *const cmabi_task) -> *mut c_void {
    guard_or(ptr::null_mut(), || {
        // SAFETY: the header's rules.
        let Some(task) = (unsafe { task.as_ref() }) else { return ptr::null_mut() };
        let find = |store: &cmabi_store| {
            store.enter(|cx| Ok(Data::embedded(cx, task.task(cx)?.caller(cx)?)))
        };
        task.store().and_then(find).unwrap_or(ptr::null_mut())
    })
}

/// The type of the function that is called. Borrowed; NULL for NULL.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_task_type(task: *const cmabi_task) -> *const cmabi_func_type {
    // SAFETY: the header's rules.
    unsafe { task.as_ref() }.map_or(ptr::null(), |task| cmabi_func_type::borrowed(&task.ty))
}

/// Says why the call fails: before the function answers another status than `CMABI_STATUS_OK`, or before a
/// pending task is freed without an answer. The text is copied; the last one counts.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_task_set_error(
    task: *mut cmabi_task,
    message: cmabi_string,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (task, message) =
            unsafe { (check::required(task, "task")?, check::text(message, "message")?) };
        *task.error.borrow_mut() = Some(message.to_owned());
        Ok(())
    })
}
