//! What can be called: functions of components, and what guests call them by. What a call does is in `canon`.

use super::{Cx, HostFuncDef, InstanceId, Options};
use crate::copy::{Format, FuncPlans, PlanCache};
use crate::engine::CoreFunc;
use crate::types::layout::Context;
use crate::types::{Field, FuncType, ResourceType, Type};
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

/// A component-level function.
#[derive(Clone)]
pub enum FuncInst {
    /// A guest's.
    Lifted(Rc<Lift>),
    /// The host's.
    Host(Rc<HostFuncDef>),
}

impl FuncInst {
    /// Its type.
    pub fn ty(&self) -> &FuncType {
        match self {
            FuncInst::Lifted(lift) => &lift.ty,
            FuncInst::Host(def) => &def.ty,
        }
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        match self {
            FuncInst::Lifted(lift) => &lift.name,
            FuncInst::Host(def) => &def.name,
        }
    }

    /// How its values lie on the callee's side.
    pub(crate) fn format(&self) -> Format {
        match self {
            FuncInst::Lifted(lift) => lift.opts.format(),
            FuncInst::Host(_) => Format::HOST,
        }
    }

    /// Makes the plans of calls that the host makes, if they are not there yet.
    pub(crate) fn make_host_plans(&self, cx: &Cx<'_>) {
        let cell = match self {
            FuncInst::Lifted(lift) => &lift.host_plans,
            FuncInst::Host(def) => &def.host_plans,
        };
        cell.get_or_init(|| {
            Rc::new(FuncPlans::new(&cx.shared.plans, self.ty(), Format::HOST, self.format()))
        });
    }
}

/// A core function lifted to the component level.
pub struct Lift {
    pub(crate) callee: CoreFunc,
    pub(crate) ty: FuncType,
    pub(crate) opts: Options,
    pub(crate) inst: InstanceId,
    pub(crate) name: Rc<str>,
    /// The interface that it is exported in, and its name there.
    pub(crate) exported: RefCell<Option<(Arc<str>, Arc<str>)>>,
    /// Core parameters and results.
    pub(crate) param_count: usize,
    pub(crate) result_count: usize,
    /// `Task.needs_exclusive` of the reference.
    pub(crate) needs_exclusive: bool,
    pub(crate) host_plans: OnceCell<Rc<FuncPlans>>,
}

impl Lift {
    pub(crate) fn new(
        callee: CoreFunc,
        ty: FuncType,
        opts: Options,
        inst: InstanceId,
        name: Rc<str>,
    ) -> Lift {
        let core = ty.flatten(opts.addr, opts.is_async, opts.callback.is_some(), Context::Lift);
        Lift {
            callee,
            needs_exclusive: ty.is_async() && (!opts.is_async || opts.callback.is_some()),
            param_count: core.params.len(),
            result_count: core.results.len(),
            ty,
            opts,
            inst,
            name,
            exported: RefCell::default(),
            host_plans: OnceCell::new(),
        }
    }

    /// Its name with the interface that it is in, as far as that is known.
    pub(crate) fn full_name(&self) -> String {
        match &*self.exported.borrow() {
            Some((interface, name)) => format!("{interface}#{name}"),
            None => (*self.name).into(),
        }
    }
}

/// A component-level function lowered for a guest to call.
pub struct Lower {
    pub(crate) callee: FuncInst,
    pub(crate) opts: Options,
    pub(crate) plans: Rc<FuncPlans>,
    /// Core parameters, and whether the last one is where the result goes.
    pub(crate) param_count: usize,
    pub(crate) has_out_param: bool,
    pub(crate) has_result: bool,
}

impl Lower {
    pub(crate) fn new(plans: &PlanCache, callee: FuncInst, opts: Options) -> Lower {
        let ty = callee.ty();
        let core = ty.flatten(opts.addr, opts.is_async, false, Context::Lower);
        let has_result = !opts.is_async && !core.results.is_empty();
        Lower {
            plans: Rc::new(FuncPlans::new(plans, ty, opts.format(), callee.format())),
            param_count: core.params.len(),
            has_out_param: ty.result().is_some() && !has_result,
            has_result,
            callee,
            opts,
        }
    }

    /// Whether it may suspend its caller. A guest's function whose type is not `async` does so only where
    /// one of its own imports may.
    pub(crate) fn may_block(&self) -> bool {
        let waits = match &self.callee {
            FuncInst::Lifted(lift) => lift.ty.is_async(),
            FuncInst::Host(def) => !def.is_immediate,
        };
        waits && !self.opts.is_async
    }

    /// The destructor of a resource type, as `resource.drop` calls it.
    pub(crate) fn dtor(func: CoreFunc, inst: InstanceId, ty: &ResourceType) -> Rc<Lower> {
        let rep = Field { name: "rep".into(), ty: Type::u32() };
        let func_type = FuncType::new(vec![rep], None, false).expect("the type is valid");
        let name = format!("destructor of {}", ty.name());
        let lift = Lift::new(func, func_type, Options::default(), inst, name.into());
        let callee = FuncInst::Lifted(Rc::new(lift));
        Rc::new(Lower::new(&PlanCache::default(), callee, Options::default()))
    }
}
