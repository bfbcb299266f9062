//! The runtime on wasmi, below the component level: core modules lifted and lowered by hand.

mod asynchronous;
mod calls;
mod latent;
mod nested;
mod parked;
mod trouble;

use super::*;
use crate::canon::{self, Builtin};
use crate::engine::wasmi::WasmiEngine;
use crate::engine::{CoreExtern, CoreFunc, CoreInstance, CoreMemory, Engine, Module};
use crate::error::{Error, Result, Trapped};
use crate::host::{self, call, run, start};
use crate::runtime::{FuncInst, Options};
use crate::types::{Field, FuncType, Type};
use std::sync::Arc;

struct Fixture {
    engine: WasmiEngine,
    store: Store,
    arena: Rc<Arena>,
}

/// An instance of a core module, with its exports by name.
struct Core {
    instance: CoreInstance,
    module: Arc<dyn Module>,
}

impl Fixture {
    fn new() -> Self {
        Self::with(StoreConfig::default())
    }

    fn with(config: StoreConfig) -> Self {
        Self::on(&WasmiEngine::default(), config)
    }

    /// A store on `engine`, which is wasmi in disguise.
    fn on(engine: &dyn Engine, config: StoreConfig) -> Self {
        let store = Store::new(engine, &config).unwrap();
        let engine = WasmiEngine::default();
        Fixture { engine, store, arena: Rc::default() }
    }

    fn instance(&mut self, name: &str) -> InstanceId {
        new_instance(&mut self.store.cx(), None, name).unwrap()
    }

    fn core(&mut self, inst: InstanceId, wat: &str, imports: &[CoreExtern]) -> Core {
        self.try_core(inst, wat, imports).unwrap()
    }

    fn try_core(
        &mut self,
        inst: InstanceId,
        wat: &str,
        imports: &[CoreExtern],
    ) -> Result<Core, Trapped> {
        let module = self.engine.compile(wat::parse_str(wat).unwrap().into()).unwrap();
        let instance = canon::instantiate(&mut self.store.cx(), inst, &*module, imports)?;
        Ok(Core { instance, module })
    }

    fn export(&mut self, core: &Core, name: &str) -> CoreExtern {
        let index = core.module.exports().iter().position(|export| *export.name == *name);
        self.store.cx().engine.export(core.instance, index.unwrap())
    }

    fn func(&mut self, core: &Core, name: &str) -> CoreFunc {
        match self.export(core, name) {
            CoreExtern::Func(func) => func,
            other => panic!("{other:?}"),
        }
    }

    fn memory(&mut self, core: &Core) -> CoreMemory {
        match self.export(core, "memory") {
            CoreExtern::Memory(memory) => memory,
            other => panic!("{other:?}"),
        }
    }

    /// The options of a module that exports `memory` and `realloc`.
    fn options(&mut self, core: &Core) -> Options {
        let memory = Some(self.memory(core));
        Options { memory, realloc: Some(self.func(core, "realloc")), ..Options::default() }
    }

    fn lift(
        &mut self,
        inst: InstanceId,
        core: &Core,
        name: &str,
        ty: &FuncType,
        opts: Options,
    ) -> FuncInst {
        canon::lift(self.func(core, name), ty.clone(), opts, inst, name)
    }

    fn lower(&mut self, inst: InstanceId, func: &FuncInst, opts: Options) -> CoreExtern {
        CoreExtern::Func(canon::lower(&mut self.store.cx(), func.clone(), opts, inst))
    }

    fn builtin(&mut self, inst: InstanceId, builtin: Builtin) -> CoreExtern {
        CoreExtern::Func(canon::builtin(&mut self.store.cx(), builtin, inst))
    }

    /// Calls a function of `u32`s.
    fn call(&mut self, func: &FuncInst, args: &[u32]) -> Result<u32> {
        let mut result = 0u32;
        let results = (&raw mut result).cast();
        call(&mut self.store.cx(), func, args.as_ptr().cast(), results, &self.arena)?;
        Ok(result)
    }

    fn state(&mut self) -> std::cell::Ref<'_, State> {
        self.store.shared().state.borrow()
    }

    /// Nothing is left of any call.
    fn assert_idle(&mut self) {
        let state = self.state();
        assert_eq!((state.tasks.len(), state.threads.len(), state.nesting), (0, 0, 0));
        assert_eq!(state.waitables.len(), 0);
        assert!(state.current.is_none() && state.switch_to.is_none());
    }
}

/// `func(p0: u32, ..) -> u32`
fn u32s(params: usize) -> FuncType {
    func_type(&vec![Type::u32(); params], Some(Type::u32()), false)
}

fn func_type(params: &[Type], result: Option<Type>, is_async: bool) -> FuncType {
    let field = |(i, ty): (usize, &Type)| Field { name: format!("p{i}").into(), ty: ty.clone() };
    FuncType::new(params.iter().enumerate().map(field).collect(), result, is_async).unwrap()
}

fn host(
    ty: FuncType,
    name: &str,
    func: impl Fn(&mut HostCall<'_, '_>) -> Result<HostOutcome, Trapped> + Send + Sync + 'static,
) -> FuncInst {
    FuncInst::Host(Rc::new(HostFuncDef::new(ty, name, Arc::new(func))))
}

#[track_caller]
fn assert_trap(error: &Error, text: &str) {
    assert!(error.to_string().contains(text), "{error:?} does not contain {text:?}");
}

/// What a waiting callback task costs beside the engine's and the guest's own memory.
#[test]
fn a_waiting_task_is_small() {
    let sizes = [size_of::<Task>(), size_of::<Thread>(), size_of::<Waitable>()];
    assert!(sizes.iter().sum::<usize>() <= 336, "{sizes:?}");
}
