//! Resource types and handles to resources ("Resource State").

use super::instance::InstanceId;
use super::table::{Handle, Table, wrong_type};
use super::task::TaskId;
use super::{Cx, Lower, State};
use crate::engine::CoreFunc;
use crate::error::{Trap, Trapped};
use crate::types::ResourceType;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;
use std::sync::Arc;

/// What runs when the last handle that owns a resource is dropped.
#[derive(Clone)]
pub enum Dtor {
    /// A function of the instance that defines the resource type, `(func (param i32))`.
    Core(CoreFunc),
    /// A function of the host; receives the representation.
    Host(Arc<HostDtor>),
}

/// A destructor of the host's.
pub type HostDtor = dyn Fn(&mut Cx<'_>, u32) -> Result<(), Trapped> + Send + Sync;

/// A handle to a resource.
#[derive(Debug)]
pub(crate) struct ResourceHandle {
    pub(crate) ty: ResourceId,
    pub(crate) rep: u32,
    pub(crate) num_lends: u32,
    pub(crate) kind: Ownership,
    /// The host has given it up: it is dropped as soon as that can be.
    pub(crate) given_up: bool,
}

/// Whether a handle owns its resource, or for which call it was borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ownership {
    Own,
    /// Borrowed until this task returns.
    Borrow(TaskId),
}

/// A resource type's place in this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResourceId(u32);

/// A resource type as this store knows it.
pub(crate) struct Resource {
    pub(crate) ty: ResourceType,
    /// The instance that implements it.
    pub(crate) implementation: InstanceId,
    pub(crate) dtor: Option<PreparedDtor>,
}

#[derive(Clone)]
pub(crate) enum PreparedDtor {
    Guest(Rc<Lower>),
    Host(Arc<HostDtor>),
}

/// The resource types of a store.
#[derive(Default)]
pub(crate) struct Resources {
    all: Vec<Resource>,
    by_type: HashMap<u64, ResourceId, BuildHasherDefault<TypeIdHasher>>,
}

impl Table<Handle> {
    /// The resource that `index` refers to.
    #[inline]
    pub(crate) fn resource(&self, index: u32) -> Result<&ResourceHandle, Trapped> {
        match self.handle(index)? {
            Handle::Resource(handle) => Ok(handle),
            other => Err(wrong_type(index, "a resource", other)),
        }
    }
}

impl State {
    /// The handle `index` of `inst`, which must refer to a resource of type `ty`.
    #[inline]
    pub(crate) fn resource(
        &mut self,
        inst: InstanceId,
        ty: &ResourceType,
        index: u32,
    ) -> Result<&mut ResourceHandle, Trapped> {
        let id = self.resources.id(ty);
        let handles = &mut self.instances[inst.0 as usize].handles;
        let found = handles.resource(index)?.ty;
        if found != id {
            return Err(self.resources.wrong_resource(index, id, found));
        }
        match handles.get_mut(index) {
            Some(Handle::Resource(handle)) => Ok(handle),
            _ => unreachable!("it was just found"),
        }
    }
}

impl Resources {
    #[cold]
    fn wrong_resource(&self, index: u32, expected: ResourceId, found: ResourceId) -> Trapped {
        let whose = |id| match self.get(id).implementation {
            InstanceId::HOST => "host-defined resource",
            _ => "guest-defined resource",
        };
        let (expected_by, found_by) = (whose(expected), whose(found));
        let a = if expected_by == found_by { "a different" } else { "a" };
        let (expected, found) = (self.get(expected).ty.name(), self.get(found).ty.name());
        Trap::WrongHandleType {
            index,
            expected: expected_by.into(),
            found: format!("{a} {found_by} (expected {expected:?}, found {found:?})").into(),
        }
        .into()
    }

    /// The place of a type that somebody has defined here.
    pub(crate) fn find(&self, ty: &ResourceType) -> Option<ResourceId> {
        self.by_type.get(&ty.id()).copied()
    }

    /// The place of a type; one that nobody has defined here counts as the host's.
    #[inline]
    pub(crate) fn id(&mut self, ty: &ResourceType) -> ResourceId {
        match self.by_type.get(&ty.id()) {
            Some(id) => *id,
            None => self.add(ty, InstanceId::HOST, None),
        }
    }

    #[inline]
    pub(crate) fn get(&self, id: ResourceId) -> &Resource {
        &self.all[id.0 as usize]
    }

    fn add(
        &mut self,
        ty: &ResourceType,
        implementation: InstanceId,
        dtor: Option<PreparedDtor>,
    ) -> ResourceId {
        let id = ResourceId(self.all.len() as u32);
        self.all.push(Resource { ty: ty.clone(), implementation, dtor });
        self.by_type.insert(ty.id(), id);
        id
    }
}

/// Resource types have small consecutive numbers, which need only be spread.
#[derive(Default)]
pub(crate) struct TypeIdHasher(u64);

impl Hasher for TypeIdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0 ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// Makes `ty` known to the store, as implemented by `implementation` ([`InstanceId::HOST`] for the
/// host). Defining a type again replaces its destructor.
pub fn define_resource(
    cx: &mut Cx<'_>,
    ty: &ResourceType,
    implementation: InstanceId,
    dtor: Option<Dtor>,
) {
    let dtor = dtor.map(|dtor| match dtor {
        Dtor::Core(func) => PreparedDtor::Guest(Lower::dtor(func, implementation, ty)),
        Dtor::Host(func) => PreparedDtor::Host(func),
    });
    let replaced = {
        let resources = &mut cx.state().resources;
        match resources.by_type.get(&ty.id()) {
            Some(id) => {
                let resource = &mut resources.all[id.0 as usize];
                resource.implementation = implementation;
                std::mem::replace(&mut resource.dtor, dtor)
            }
            None => {
                resources.add(ty, implementation, dtor);
                None
            }
        }
    };
    // What the host gave goes when the state is free to use.
    drop(replaced);
}
