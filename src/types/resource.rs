//! Resource types.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// A resource type's identity. Each call of [`ResourceType::new`] makes a different one: resource
/// types are generative.
#[derive(Clone)]
pub struct ResourceType(pub(crate) Arc<ResourceTypeData>);

pub(crate) struct ResourceTypeData {
    id: u64,
    name: OnceLock<Arc<str>>,
}

impl ResourceType {
    /// A new resource type; `name` is for messages only.
    pub fn new(name: impl AsRef<str>) -> Self {
        let resource = ResourceType::unnamed();
        resource.set_name(name.as_ref());
        resource
    }

    /// A new resource type whose name, known only later, comes with [`ResourceType::set_name`].
    pub(crate) fn unnamed() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        ResourceType(Arc::new(ResourceTypeData { id, name: OnceLock::new() }))
    }

    /// Names a resource type that has no name yet.
    pub(crate) fn set_name(&self, name: &str) {
        self.0.name.get_or_init(|| name.into());
    }

    /// A number that no other resource type of this process has.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        self.0.name.get().map_or("resource", |name| name)
    }
}

impl PartialEq for ResourceType {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ResourceType {}

impl Hash for ResourceType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl fmt::Debug for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.name(), self.0.id)
    }
}
