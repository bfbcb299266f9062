//! Guests made of core modules, lifted and lowered by hand on wasmi.

use cmabi::canon::{self, Builtin};
use cmabi::engine::wasmi::WasmiEngine;
use cmabi::engine::{
    CoreExtern, CoreFunc, CoreFuncType, CoreType, Engine, EngineStore, Flow, Outcome, RawVal,
};
use cmabi::error::Trapped;
use cmabi::host;
use cmabi::memory::Arena;
use cmabi::runtime::{
    self, Cx, FuncInst, HostCall, HostFuncDef, HostOutcome, InstanceId, Options, Store, StoreConfig,
};
use cmabi::types::{Field, FuncType, Type};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// A store and what is in it.
pub(crate) struct Guests {
    engine: WasmiEngine,
    pub(crate) store: Store,
    pub(crate) arena: Rc<Arena>,
}

/// The exports of a core instance.
pub(crate) struct Core(HashMap<Arc<str>, CoreExtern>);

impl Core {
    pub(crate) fn func(&self, name: &str) -> CoreFunc {
        match self.0[name] {
            CoreExtern::Func(func) => func,
            other => panic!("{name} is {other:?}"),
        }
    }

    /// The options of a module that exports `memory`, and if it has them `realloc` and `callback`.
    pub(crate) fn options(&self) -> Options {
        let memory = self.0.get("memory").map(|memory| match memory {
            CoreExtern::Memory(memory) => *memory,
            other => panic!("memory is {other:?}"),
        });
        let func = |name: &str| self.0.contains_key(name).then(|| self.func(name));
        Options { memory, realloc: func("realloc"), ..Options::default() }
    }

    /// The same for async lifts with a callback.
    pub(crate) fn callback_options(&self) -> Options {
        Options { is_async: true, callback: Some(self.func("callback")), ..self.options() }
    }
}

impl Guests {
    pub(crate) fn new() -> Self {
        Self::with(StoreConfig::default())
    }

    pub(crate) fn with(config: StoreConfig) -> Self {
        let engine = WasmiEngine::default();
        // A million tasks that wait are more than a guest gets by default.
        let config = StoreConfig { max_host_bytes: 1 << 34, ..config };
        let store = Store::new(&engine, &config).unwrap();
        Guests { engine, store, arena: Rc::default() }
    }

    pub(crate) fn cx(&mut self) -> Cx<'_> {
        self.store.cx()
    }

    pub(crate) fn instance(&mut self) -> InstanceId {
        runtime::new_instance(&mut self.cx(), None, "guest").expect("an instance")
    }

    /// An instance of the core module `wat`, whose imports are functions.
    pub(crate) fn core(&mut self, inst: InstanceId, wat: &str, imports: &[CoreFunc]) -> Core {
        let module = self.engine.compile(wat::parse_str(wat).unwrap().into()).unwrap();
        let imports: Vec<_> = imports.iter().copied().map(CoreExtern::Func).collect();
        let cx = &mut self.cx();
        let instance = canon::instantiate(cx, inst, &*module, &imports).unwrap();
        let exports = module.exports().iter().enumerate();
        Core(exports.map(|(i, e)| (e.name.clone(), cx.engine.export(instance, i))).collect())
    }

    pub(crate) fn lower(&mut self, inst: InstanceId, func: FuncInst, opts: Options) -> CoreFunc {
        canon::lower(&mut self.cx(), func, opts, inst)
    }

    pub(crate) fn builtin(&mut self, inst: InstanceId, builtin: Builtin) -> CoreFunc {
        canon::builtin(&mut self.cx(), builtin, inst)
    }

    /// A function that the engine calls with nothing between.
    #[allow(dead_code, reason = "what only some benchmarks compare with")]
    pub(crate) fn bare(
        &mut self,
        params: usize,
        results: usize,
        body: impl Fn(&mut dyn EngineStore, &[RawVal], &mut [RawVal]) -> Flow + 'static,
    ) -> CoreFunc {
        let types = |count| vec![CoreType::I32; count].into();
        let ty = CoreFuncType { params: types(params), results: types(results) };
        self.cx().engine.import_func(&ty, true, Rc::new(body))
    }

    /// Calls `func`, whose arguments and result are in these canonical records.
    pub(crate) fn call<A, R>(&mut self, func: &FuncInst, args: &A, results: &mut R) {
        let (args, results) = ((&raw const *args).cast(), (&raw mut *results).cast());
        let arena = self.arena.clone();
        host::call(&mut self.cx(), func, args, results, &arena).unwrap();
    }

    /// Calls a core function through the engine alone.
    #[allow(dead_code, reason = "what only some benchmarks compare with")]
    pub(crate) fn call_core(&mut self, func: CoreFunc, args: &[RawVal], results: &mut [RawVal]) {
        returned(self.cx().engine.call(func, args, results));
    }
}

/// Checks that a call went through.
pub(crate) fn returned(outcome: Outcome) {
    assert!(matches!(outcome, Outcome::Returned), "{outcome:?}");
}

/// A function of the host's.
pub(crate) fn host_func(
    ty: &FuncType,
    func: impl Fn(&mut HostCall<'_, '_>) -> Result<HostOutcome, Trapped> + Send + Sync + 'static,
) -> FuncInst {
    FuncInst::Host(Rc::new(HostFuncDef::new(ty.clone(), "host", Arc::new(func))))
}

/// `func(p0: ..) -> result`
pub(crate) fn func_type(params: &[Type], result: Option<Type>) -> FuncType {
    typed(params, result, false)
}

/// `async func(p0: ..) -> result`
pub(crate) fn async_func_type(params: &[Type], result: Option<Type>) -> FuncType {
    typed(params, result, true)
}

fn typed(params: &[Type], result: Option<Type>, is_async: bool) -> FuncType {
    let field = |(i, ty): (usize, &Type)| Field { name: format!("p{i}").into(), ty: ty.clone() };
    FuncType::new(params.iter().enumerate().map(field).collect(), result, is_async).unwrap()
}
