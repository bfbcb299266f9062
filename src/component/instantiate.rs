//! Executes a component's definitions in order ("instantiation" in Explainer.md).

use super::builtin::CanonDef;
use super::extern_type::{Env, ExternType, Named, substitute_func};
use super::instance::{Ascription, Extern, Instance, internal};
use super::ir::{CoreItem, Initializer, Item, Options, Outer};
use super::load::Instantiation;
use super::{Closure, Component};
use crate::account::Charge;
use crate::canon;
use crate::core_types::AddrType;
use crate::engine::{CoreExtern, CoreFunc, CoreGlobal, CoreMemory, CoreTable, CoreTag, Module};
use crate::error::{Error, ErrorKind, Frame, FrameKind, Result};
use crate::runtime::{self, Cx, Dtor, FuncInst, InstanceId, define_resource, new_instance};
use crate::types::ResourceType;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// How deep instantiations may nest: components that instantiate components. Each takes native stack.
const MAX_DEPTH: u32 = 50;

/// Instantiates a component with arguments that were checked against its imports.
pub(super) fn instantiate_root(
    cx: &mut Cx<'_>,
    component: &Component,
    args: &Named<Extern>,
) -> Result<Instance> {
    let accounts = Instantiation::new(&component.program.limits);
    let place = Place { name: "component", depth: 0 };
    instantiate(cx, &Closure::of(component), None, place, args, &accounts)
}

/// What a store takes of the host's memory for a lifted function, for a function that guests import,
/// and for an import or export of a core instance: what is allocated, the engine's part included.
const LIFT_BYTES: u64 = 512;
const CORE_FUNC_BYTES: u64 = 1024;
const CORE_BYTES: u64 = 128;

/// Where an instance is in the tree of instances.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// For messages.
    name: &'a str,
    depth: u32,
}

fn instantiate(
    cx: &mut Cx<'_>,
    closure: &Closure,
    parent: Option<InstanceId>,
    place: Place<'_>,
    args: &Named<Extern>,
    accounts: &Instantiation,
) -> Result<Instance> {
    if place.depth == MAX_DEPTH {
        let message = format!("component instances nest more than {MAX_DEPTH} deep");
        return Err(Error::new(ErrorKind::Limit, message));
    }
    accounts.instances.charge(1)?;
    let definitions = closure.body.initializers.len();
    accounts.work.charge(definitions as u64)?;
    let index_spaces = (definitions * size_of::<Extern>()) as u64;
    let _index_spaces = Charge::new(&cx.shared.host_memory, index_spaces)?;
    let instance = new_instance(cx, parent, place.name)?;
    let mut instantiator = Instantiator {
        closure,
        args,
        instance,
        place,
        accounts,
        env: Env::new(),
        modules: Space::new(),
        core_instances: Space::new(),
        core_funcs: Space::new(),
        memories: Space::new(),
        tables: Vec::new(),
        globals: Vec::new(),
        tags: Vec::new(),
        funcs: Space::new(),
        instances: Vec::new(),
        components: Vec::new(),
        exports: Named::new(),
    };
    for initializer in &closure.body.initializers {
        instantiator.execute(cx, initializer)?;
    }
    name_funcs(&instantiator.exports, accounts)?;
    Instance::of(cx, Some(instance), instantiator.exports)
}

/// Lets the functions of exported interfaces know their full names. What a component passes on that has it
/// from others, it renames: the outermost name is the one that the host knows.
fn name_funcs(exports: &Named<Extern>, accounts: &Instantiation) -> Result<()> {
    for (interface, item) in exports {
        let Extern::Instance(instance) = item else { continue };
        accounts.work.charge(instance.exports().len() as u64)?;
        for (name, item) in instance.named() {
            if let Extern::Func(FuncInst::Lifted(lift)) = item {
                *lift.exported.borrow_mut() = Some((interface.clone(), name.clone()));
            }
        }
    }
    Ok(())
}

/// The exports of a core instance.
type CoreExports = Rc<HashMap<Arc<str>, CoreExtern>>;

/// An index space. Those of small components are not allocated.
type Space<T> = SmallVec<[T; 4]>;

/// A component instance in the making: its index spaces.
struct Instantiator<'a> {
    closure: &'a Closure,
    args: &'a Named<Extern>,
    instance: InstanceId,
    place: Place<'a>,
    /// Of the whole instantiation.
    accounts: &'a Instantiation,
    /// What the placeholders of the component's types stand for in this instance.
    env: Env,
    modules: Space<Arc<dyn Module>>,
    core_instances: Space<CoreExports>,
    core_funcs: Space<CoreFunc>,
    memories: Space<CoreMemory>,
    tables: Vec<CoreTable>,
    globals: Vec<CoreGlobal>,
    tags: Vec<CoreTag>,
    funcs: Space<FuncInst>,
    instances: Vec<Instance>,
    components: Vec<Closure>,
    exports: Named<Extern>,
}

impl Instantiator<'_> {
    fn execute(&mut self, cx: &mut Cx<'_>, initializer: &Initializer) -> Result<()> {
        match initializer {
            Initializer::Import { name, ty } => {
                let arg = self.args.get(name);
                let arg = arg.ok_or_else(|| internal(format!("no argument for {name:?}")))?;
                self.admit(cx, arg, ty)?;
            }
            Initializer::Module(index) => {
                self.modules.push(self.closure.program.modules[*index].clone());
            }
            Initializer::Component { body, captures } => self.components.push(Closure {
                program: self.closure.program.clone(),
                body: body.clone(),
                captures: captures.iter().map(|item| self.outer(*item)).collect(),
            }),
            Initializer::CoreInstantiate { module, args } => {
                self.core_instantiate(cx, *module, args)?;
            }
            Initializer::CoreExports(exports) => {
                let exports = exports.iter().map(|(name, item)| (name.clone(), self.core(*item)));
                self.core_instances.push(Rc::new(exports.collect()));
            }
            Initializer::Instantiate { component, args, ty } => {
                let args: Named<Extern> =
                    args.iter().map(|(name, item)| (name.clone(), self.item(item))).collect();
                let closure = self.components[*component as usize].clone();
                let name = format!("{}.{}", self.place.name, self.instances.len());
                let place = Place { name: &name, depth: self.place.depth + 1 };
                let parent = Some(self.instance);
                let instance = instantiate(cx, &closure, parent, place, &args, self.accounts)?;
                self.admit(cx, &Extern::Instance(instance), &ExternType::Instance(ty.clone()))?;
            }
            Initializer::Exports(exports) => {
                let exports = exports.iter().map(|(name, item)| (name.clone(), self.item(item)));
                self.instances.push(Instance::of(cx, None, exports.collect())?);
            }
            Initializer::AliasCore { instance, name } => {
                let exports = &self.core_instances[*instance as usize];
                let item = exports.get(name);
                self.push_core(*item.ok_or_else(|| internal(format!("no core export {name:?}")))?);
            }
            Initializer::Alias { instance, name } => {
                let item = self.instances[*instance as usize].get(name)?.clone();
                self.push(item);
            }
            Initializer::AliasOuter(item) => self.push(self.outer(*item)),
            Initializer::Resource { ty, dtor } => self.resource(cx, ty, *dtor),
            Initializer::Lift { core_func, ty, options, name } => {
                let callee = self.core_funcs[*core_func as usize];
                let ty = substitute_func(ty, &self.env);
                cx.shared.host_memory.charge(LIFT_BYTES)?;
                let options = self.options(cx, options);
                let name = name.as_deref().unwrap_or("function");
                self.funcs.push(canon::lift(callee, ty, options, self.instance, name));
            }
            Initializer::Lower { func, options } => {
                cx.shared.host_memory.charge(CORE_FUNC_BYTES)?;
                let callee = self.funcs[*func as usize].clone();
                let options = self.options(cx, options);
                self.core_funcs.push(canon::lower(cx, callee, options, self.instance));
            }
            Initializer::Builtin { canon, options, ty } => {
                cx.shared.host_memory.charge(CORE_FUNC_BYTES)?;
                let opts = self.options(cx, options);
                let (env, tables) = (&self.env, &*self.tables);
                let builtin = CanonDef { canon, ty, env, opts, tables }.builtin(cx.engine)?;
                self.core_funcs.push(canon::builtin(cx, builtin, self.instance));
            }
            Initializer::Export { name, item, ty } => {
                let item = self.item(item);
                let item = self.admit(cx, &item, ty)?;
                self.exports.insert(name.clone(), item);
            }
        }
        Ok(())
    }

    /// Adds something to its index space, seen as of type `ty`.
    fn admit(&mut self, cx: &Cx<'_>, item: &Extern, ty: &ExternType) -> Result<Extern> {
        let memory = &cx.shared.host_memory;
        let mut ascription = Ascription::new(&mut self.env, &self.accounts.work, memory);
        let item = ascription.item(item, ty)?;
        self.push(item.clone());
        Ok(item)
    }

    fn push(&mut self, item: Extern) {
        match item {
            Extern::Module(module) => self.modules.push(module),
            Extern::Func(func) => self.funcs.push(func),
            Extern::Type(_) => {}
            Extern::Instance(instance) => self.instances.push(instance),
            Extern::Component(component) => self.components.push(component),
        }
    }

    fn item(&self, item: &Item) -> Extern {
        match item {
            Item::Module(index) => Extern::Module(self.modules[*index as usize].clone()),
            Item::Func(index) => Extern::Func(self.funcs[*index as usize].clone()),
            Item::Type(def) => Extern::Type(def.substitute(&self.env)),
            Item::Instance(index) => Extern::Instance(self.instances[*index as usize].clone()),
            Item::Component(index) => Extern::Component(self.components[*index as usize].clone()),
        }
    }

    fn outer(&self, item: Outer) -> Extern {
        match item {
            Outer::Module(index) => Extern::Module(self.modules[index as usize].clone()),
            Outer::Component(index) => Extern::Component(self.components[index as usize].clone()),
            Outer::Captured(index) => self.closure.captures[index as usize].clone(),
        }
    }

    fn push_core(&mut self, item: CoreExtern) {
        match item {
            CoreExtern::Func(func) => self.core_funcs.push(func),
            CoreExtern::Memory(memory) => self.memories.push(memory),
            CoreExtern::Table(table) => self.tables.push(table),
            CoreExtern::Global(global) => self.globals.push(global),
            CoreExtern::Tag(tag) => self.tags.push(tag),
        }
    }

    fn core(&self, item: CoreItem) -> CoreExtern {
        match item {
            CoreItem::Func(index) => CoreExtern::Func(self.core_funcs[index as usize]),
            CoreItem::Memory(index) => CoreExtern::Memory(self.memories[index as usize]),
            CoreItem::Table(index) => CoreExtern::Table(self.tables[index as usize]),
            CoreItem::Global(index) => CoreExtern::Global(self.globals[index as usize]),
            CoreItem::Tag(index) => CoreExtern::Tag(self.tags[index as usize]),
        }
    }

    fn core_instantiate(
        &mut self,
        cx: &mut Cx<'_>,
        module: u32,
        args: &[(Arc<str>, u32)],
    ) -> Result<()> {
        let module = self.modules[module as usize].clone();
        let declared = (module.imports().len() + module.exports().len()) as u64;
        self.accounts.instances.charge(1)?;
        self.accounts.work.charge(declared)?;
        cx.shared.host_memory.charge(module.instance_bytes() + declared * CORE_BYTES)?;
        let args: HashMap<&str, &CoreExports> = args
            .iter()
            .map(|(name, index)| (&**name, &self.core_instances[*index as usize]))
            .collect();
        let imports = module.imports().iter().map(|import| {
            let found = args.get(&*import.module).and_then(|args| args.get(&*import.name));
            found.copied().ok_or_else(|| {
                internal(format!("no core import {:?} {:?}", import.module, import.name))
            })
        });
        let imports = imports.collect::<Result<Vec<_>>>()?;
        let instance =
            canon::instantiate(cx, self.instance, &*module, &imports).map_err(|trap| {
                let name = format!("instantiation of {}", self.place.name);
                trap.within(Frame::new(FrameKind::Call, name))
            })?;
        let exports = module.exports().iter().enumerate();
        let exports = exports
            .map(|(i, export)| (export.name.clone(), cx.engine.export(instance, i)))
            .collect();
        self.core_instances.push(Rc::new(exports));
        Ok(())
    }

    /// Makes a resource type that is different from all others.
    fn resource(&mut self, cx: &mut Cx<'_>, placeholder: &ResourceType, dtor: Option<u32>) {
        let ty = ResourceType::new(placeholder.name());
        let dtor = dtor.map(|index| Dtor::Core(self.core_funcs[index as usize]));
        define_resource(cx, &ty, self.instance, dtor);
        self.env.insert(placeholder.clone(), ty);
    }

    fn options(&self, cx: &Cx<'_>, options: &Options) -> runtime::Options {
        let func = |index: Option<u32>| index.map(|index| self.core_funcs[index as usize]);
        let memory = options.memory.map(|index| self.memories[index as usize]);
        let memory64 = memory.is_some_and(|memory| cx.engine.memory_type(memory).memory64);
        runtime::Options {
            string_encoding: options.string_encoding,
            memory,
            addr: if memory64 { AddrType::I64 } else { AddrType::I32 },
            realloc: func(options.realloc),
            post_return: func(options.post_return),
            is_async: options.is_async,
            callback: func(options.callback),
        }
    }
}
