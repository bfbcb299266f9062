//! Types with other resource types in them.

use super::{Case, Field, FuncType, Kind, ResourceType, Type};
use std::collections::{HashMap, HashSet};

/// What to put in the place of a resource type; `None` leaves it.
type Replace<'a> = &'a dyn Fn(&ResourceType) -> Option<ResourceType>;

impl Type {
    /// This type with the resource types that `replace` answers for replaced. A type without any
    /// resource types inside comes back as itself.
    #[must_use]
    pub fn substitute(&self, replace: Replace<'_>) -> Type {
        Substitution { replace, done: HashMap::new() }.ty(self)
    }
}

impl FuncType {
    /// This type with the resource types that `replace` answers for replaced. A type without any resource
    /// types comes back as itself.
    #[must_use]
    pub fn substitute(&self, replace: Replace<'_>) -> FuncType {
        let mut parts = self.params_type().into_iter().chain(self.result());
        if !parts.any(|ty| ty.info().holds_handles()) {
            return self.clone();
        }
        let mut substitution = Substitution { replace, done: HashMap::new() };
        let params = self.params_type().map(|params| substitution.ty(params));
        let result = substitution.optional(self.result());
        FuncType::intern(params, result, self.is_async())
    }
}

impl FuncType {
    /// This type with its resource types replaced by those that `other` has in their places, as far as
    /// they have the same names. Each is replaced by one only, which `bound` remembers.
    #[must_use]
    pub fn with_resources_of(&self, other: &FuncType, bound: &mut Bound) -> FuncType {
        let mut pairs = Pairs { bound, done: HashSet::new() };
        pairs.optional(self.params_type(), other.params_type());
        pairs.optional(self.result(), other.result());
        self.substitute(&|resource| bound.get(resource).cloned())
    }
}

/// Which resource types stand for which.
type Bound = HashMap<ResourceType, ResourceType>;

/// A walk over two types at once that binds the resource types of the first.
struct Pairs<'a> {
    bound: &'a mut Bound,
    /// Parts can be shared; each pair is looked at once.
    done: HashSet<(Type, Type)>,
}

impl Pairs<'_> {
    fn ty(&mut self, a: &Type, b: &Type) {
        if !a.info().holds_handles() || !self.done.insert((a.clone(), b.clone())) {
            return;
        }
        match (a.kind(), b.kind()) {
            (Kind::Own(a), Kind::Own(b)) | (Kind::Borrow(a), Kind::Borrow(b)) => {
                if a.name() == b.name() {
                    self.bound.entry(a.clone()).or_insert_with(|| b.clone());
                }
            }
            (a, b) => a.children().zip(b.children()).for_each(|(a, b)| self.ty(a, b)),
        }
    }

    fn optional(&mut self, a: Option<&Type>, b: Option<&Type>) {
        if let (Some(a), Some(b)) = (a, b) {
            self.ty(a, b);
        }
    }
}

struct Substitution<'a> {
    replace: Replace<'a>,
    /// Parts can be shared; each is done once.
    done: HashMap<Type, Type>,
}

impl Substitution<'_> {
    fn ty(&mut self, ty: &Type) -> Type {
        if !ty.info().holds_handles() {
            return ty.clone();
        }
        if let Some(done) = self.done.get(ty) {
            return done.clone();
        }
        // Sizes and depths stay as they are, so there is nothing to validate.
        let new = Type::intern(self.kind(ty.kind()));
        self.done.insert(ty.clone(), new.clone());
        new
    }

    fn optional(&mut self, ty: Option<&Type>) -> Option<Type> {
        ty.map(|ty| self.ty(ty))
    }

    fn resource(&self, resource: &ResourceType) -> ResourceType {
        (self.replace)(resource).unwrap_or_else(|| resource.clone())
    }

    fn kind(&mut self, kind: &Kind) -> Kind {
        match kind {
            Kind::List(element) => Kind::List(self.ty(element)),
            Kind::FixedList(element, length) => Kind::FixedList(self.ty(element), *length),
            Kind::Map(key, value) => Kind::Map(self.ty(key), self.ty(value)),
            Kind::Record(fields) => Kind::Record(
                (fields.iter())
                    .map(|field| Field { name: field.name.clone(), ty: self.ty(&field.ty) })
                    .collect(),
            ),
            Kind::Tuple(types) => Kind::Tuple(types.iter().map(|ty| self.ty(ty)).collect()),
            Kind::Variant(cases) => Kind::Variant(
                (cases.iter())
                    .map(|case| Case {
                        name: case.name.clone(),
                        ty: self.optional(case.ty.as_ref()),
                    })
                    .collect(),
            ),
            Kind::Option(some) => Kind::Option(self.ty(some)),
            Kind::Result { ok, err } => {
                Kind::Result { ok: self.optional(ok.as_ref()), err: self.optional(err.as_ref()) }
            }
            Kind::Own(resource) => Kind::Own(self.resource(resource)),
            Kind::Borrow(resource) => Kind::Borrow(self.resource(resource)),
            Kind::Stream(element) => Kind::Stream(self.optional(element.as_ref())),
            Kind::Future(element) => Kind::Future(self.optional(element.as_ref())),
            _ => kind.clone(),
        }
    }
}
