//! Whether one thing can stand in for another ("Subtyping" in Subtyping.md), by name and with all
//! differences listed at once.
//!
//! Function and value types must be equal: like the other tools of the component model, this does
//! not convert between types that differ. Instances may export, and modules and components may
//! also import, other things as usual.

use super::extern_type::{
    ComponentType, Env, ExternType, InstanceType, ModuleType, TypeDef, substitute_func,
    substitute_type,
};
use super::name::Suggestions;
use crate::clip::clipped_text;
use crate::engine::{CoreDecl, CoreExternType};
use crate::types::{FuncType, ResourceType};
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

/// One difference between what is expected and what is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The full name of what is expected, `ns:pkg/iface@1.2.3#name`.
    pub(crate) path: String,
    pub(crate) expected: String,
    pub(crate) given: Given,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// Nothing; but perhaps this name was meant.
    Nothing { near: Option<String> },
    /// Something else.
    Other(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { path, expected, given } = self;
        match given {
            Given::Nothing { near: None } => write!(f, "{path}: missing, expected {expected}"),
            Given::Nothing { near: Some(near) } => {
                write!(f, "{path}: missing, expected {expected} (there is {near:?})")
            }
            Given::Other(given) => write!(f, "{path}: expected {expected}, given {given}"),
        }
    }
}

/// Differences, of which the first are kept.
#[derive(Default)]
pub(crate) struct Problems {
    list: Vec<Problem>,
    more: usize,
}

impl Problems {
    /// How many are kept.
    const MOST: usize = 100;

    pub(crate) fn list(&self) -> &[Problem] {
        &self.list
    }

    pub(crate) fn count(&self) -> usize {
        self.list.len() + self.more
    }

    fn push(&mut self, problem: impl FnOnce() -> Problem) {
        if self.list.len() < Problems::MOST {
            self.list.push(problem());
        } else {
            self.more += 1;
        }
    }

    fn append(&mut self, others: Problems) {
        others.list.into_iter().for_each(|problem| self.push(|| problem));
        self.more += others.more;
    }
}

/// Compares types, binding the placeholders of what is expected to the resource types given.
#[derive(Default)]
pub(crate) struct Checker {
    pub(crate) env: Env,
    pub(crate) problems: Problems,
    suggestions: Suggestions,
    /// Pairs of instance types, given and expected, that were compared: nothing new comes of comparing
    /// them once more. They are held, as others could have their addresses otherwise.
    compared: HashMap<Pair, (Arc<InstanceType>, Arc<InstanceType>)>,
    /// Placeholders for which nothing was given. Functions that mention them are not reported
    /// once more.
    unresolved: HashSet<ResourceType>,
}

/// The addresses of two instance types.
type Pair = (*const InstanceType, *const InstanceType);

impl Checker {
    pub(crate) fn check(&mut self, path: &str, given: &ExternType, expected: &ExternType) {
        match (given, expected) {
            (ExternType::Func(given), ExternType::Func(expected)) => {
                self.func(path, given, expected);
            }
            (ExternType::Type(given), ExternType::Type(expected)) => {
                self.type_def(path, given, expected);
            }
            (ExternType::Instance(given), ExternType::Instance(expected)) => {
                self.instance(path, given, expected);
            }
            (ExternType::Module(given), ExternType::Module(expected)) => {
                self.module(path, given, expected);
            }
            (ExternType::Component(given), ExternType::Component(expected)) => {
                self.component(path, given, expected);
            }
            _ => self.differ(path, expected, given.sort()),
        }
    }

    pub(crate) fn differ(
        &mut self,
        path: &str,
        expected: &impl fmt::Display,
        given: impl fmt::Display,
    ) {
        self.problems.push(|| {
            let (expected, mut given) = (clipped(expected), clipped(&given));
            if given == expected {
                given += " (with another resource type of that name)";
            }
            Problem { path: path.into(), expected, given: Given::Other(given) }
        });
    }

    /// Reports that `expected` is not there, and remembers the resource types that it would bring.
    pub(crate) fn missing<'a>(
        &mut self,
        path: &str,
        expected: &ExternType,
        candidates: impl IntoIterator<Item = &'a str>,
    ) {
        expected.each_resource(&mut |resource| {
            self.unresolved.insert(resource.clone());
        });
        let name = path.rsplit_once('#').map_or(path, |(_, name)| name);
        let Checker { problems, suggestions, .. } = self;
        problems.push(|| {
            let near = suggestions.nearest(name, candidates).map(Into::into);
            let (expected, given) = (sought(expected), Given::Nothing { near });
            Problem { path: path.into(), expected, given }
        });
    }

    pub(crate) fn func(&mut self, path: &str, given: &FuncType, expected: &FuncType) {
        let substituted = substitute_func(expected, &self.env);
        if *given != substituted && !self.mentions_unresolved(&substituted) {
            self.differ(path, &substituted, given);
        }
    }

    fn mentions_unresolved(&self, ty: &FuncType) -> bool {
        let mentions = Cell::new(false);
        let _ = ty.substitute(&|resource| {
            mentions.set(mentions.get() || self.unresolved.contains(resource));
            None
        });
        mentions.get()
    }

    /// Binds the placeholder `expected`, or compares what it is bound to already.
    pub(crate) fn resource(&mut self, path: &str, given: &ResourceType, expected: &ResourceType) {
        let bound = self.env.entry(expected.clone()).or_insert_with(|| given.clone());
        if bound != given {
            let bound = format!("the resource type {}", bound.name());
            self.differ(path, &bound, format!("another one, {}", given.name()));
        }
    }

    fn type_def(&mut self, path: &str, given: &TypeDef, expected: &TypeDef) {
        match (given, expected) {
            (TypeDef::Resource(given), TypeDef::Resource(expected)) => {
                self.resource(path, given, expected);
            }
            (TypeDef::Value(given), TypeDef::Value(expected)) => {
                let expected = substitute_type(expected, &self.env);
                if *given != expected {
                    self.differ(path, &expected, given);
                }
            }
            (TypeDef::Func(given), TypeDef::Func(expected)) => self.func(path, given, expected),
            (TypeDef::Instance(given), TypeDef::Instance(expected)) => {
                self.instance(path, given, expected);
            }
            (TypeDef::Component(given), TypeDef::Component(expected)) => {
                self.component(path, given, expected);
            }
            _ => self.differ(path, expected, given),
        }
    }

    fn instance(&mut self, path: &str, given: &Arc<InstanceType>, expected: &Arc<InstanceType>) {
        let pair = (Arc::as_ptr(given), Arc::as_ptr(expected));
        if self.compared.insert(pair, (given.clone(), expected.clone())).is_some() {
            return;
        }
        for (name, expected) in &expected.exports {
            let path = format!("{path}#{name}");
            match given.exports.get(name) {
                Some(given) => self.check(&path, given, expected),
                None if self.is_told_by(expected) => {}
                None => {
                    self.missing(&path, expected, given.exports.keys().map(|name| &**name));
                }
            }
        }
    }

    /// Whether nothing need be given for `expected`: a type that is not a new resource type is known by itself.
    pub(crate) fn is_told_by(&self, expected: &ExternType) -> bool {
        match expected {
            ExternType::Type(TypeDef::Resource(ty)) => self.env.contains_key(ty),
            ExternType::Type(_) => true,
            _ => false,
        }
    }

    /// A component can stand in for another if it can be instantiated with what that imports, and
    /// then exports what that exports.
    fn component(&mut self, path: &str, given: &ComponentType, expected: &ComponentType) {
        let mut imports = Checker::default();
        for (name, import) in &given.imports {
            let path = format!("{path}, import {name}");
            match expected.imports.get(name) {
                Some(available) => {
                    let available = available.ty.substitute(&self.env);
                    imports.check(&path, &available, &import.ty);
                }
                None => imports.missing(&path, &import.ty, []),
            }
        }
        self.problems.append(imports.problems);
        // Inside of the expected type, the resource types of its imports are themselves.
        let mut exports = Checker::default();
        exports.env.clone_from(&self.env);
        for import in expected.imports.values() {
            import.ty.each_resource(&mut |resource| {
                exports.env.insert(resource.clone(), resource.clone());
            });
        }
        for (name, expected) in &expected.exports {
            let path = format!("{path}, export {name}");
            match given.exports.get(name) {
                Some(export) => {
                    let export = export.ty.substitute(&imports.env);
                    exports.check(&path, &export, &expected.ty);
                }
                None => {
                    let names = given.exports.keys().map(|name| &**name);
                    exports.missing(&path, &expected.ty, names);
                }
            }
        }
        self.problems.append(exports.problems);
    }

    fn module(&mut self, path: &str, given: &ModuleType, expected: &ModuleType) {
        let available: HashMap<_, _> = by_name(&expected.imports).collect();
        for import in &given.imports {
            let path = format!("{path}, import {:?} {:?}", import.module, import.name);
            match available.get(&(&*import.module, &*import.name)) {
                Some(available) => self.core(&path, available, &import.ty),
                None => self.missing_core(&path, &import.ty),
            }
        }
        let exports: HashMap<_, _> = by_name(&given.exports).collect();
        for export in &expected.exports {
            let path = format!("{path}, export {:?}", export.name);
            match exports.get(&("", &*export.name)) {
                Some(given) => self.core(&path, given, &export.ty),
                None => self.missing_core(&path, &export.ty),
            }
        }
    }

    fn missing_core(&mut self, path: &str, expected: &CoreExternType) {
        self.problems.push(|| {
            let (expected, given) = (clipped(expected), Given::Nothing { near: None });
            Problem { path: path.into(), expected, given }
        });
    }

    fn core(&mut self, path: &str, given: &CoreExternType, expected: &CoreExternType) {
        if !core_matches(given, expected) {
            self.differ(path, expected, given);
        }
    }
}

/// What is said of something that is not there at all: of a whole interface its name is enough.
fn sought(expected: &ExternType) -> String {
    match expected {
        ExternType::Instance(_) => "an interface".into(),
        ExternType::Component(_) => "a component".into(),
        ExternType::Module(_) => "a core module".into(),
        ExternType::Func(_) | ExternType::Type(_) => clipped(expected),
    }
}

/// What a module declares, by module name and name. Of several with the same names the first counts.
fn by_name(decls: &[CoreDecl]) -> impl Iterator<Item = ((&str, &str), &CoreExternType)> {
    decls.iter().rev().map(|decl| ((&*decl.module, &*decl.name), &decl.ty))
}

/// A type as text, cut off where it is too long for a message.
fn clipped(ty: &impl fmt::Display) -> String {
    /// Bytes of one type in a message.
    const MOST: usize = 1000;

    clipped_text(MOST, format_args!("{ty}"))
}

/// The core specification's matching of external types.
fn core_matches(given: &CoreExternType, expected: &CoreExternType) -> bool {
    use CoreExternType::*;
    let limits = |given: (u64, Option<u64>), expected: (u64, Option<u64>)| {
        given.0 >= expected.0
            && expected.1.is_none_or(|most| given.1.is_some_and(|given| given <= most))
    };
    match (given, expected) {
        (Memory(a), Memory(b)) => {
            (a.memory64, a.shared) == (b.memory64, b.shared)
                && limits((a.minimum, a.maximum), (b.minimum, b.maximum))
        }
        (
            Table { element, table64, minimum, maximum },
            Table { element: element_b, table64: table64_b, minimum: min_b, maximum: max_b },
        ) => {
            (element, table64) == (element_b, table64_b)
                && limits((*minimum, *maximum), (*min_b, *max_b))
        }
        _ => given == expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::decode::{Code, decode};
    use crate::component::load::{Load, LoadLimits};

    /// The differences between the types of two imports of a component.
    fn compare(text: &str) -> Vec<String> {
        let wasm = wat::parse_str(format!("(component {text})")).expect("well-formed");
        let ty = Arc::clone(
            &decode(&wasm, Code::Validated, &Load::new(&LoadLimits::default()))
                .expect("valid")
                .root
                .ty,
        );
        let mut checker = Checker::default();
        checker.check("it", &ty.imports["given"].ty, &ty.imports["expected"].ty);
        checker.problems.list().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn functions_must_be_equal() {
        let fits = r#"(import "given" (func (param "a" u32) (result string)))
                      (import "expected" (func (param "a" u32) (result string)))"#;
        assert!(compare(fits).is_empty());
        let differs = r#"(import "given" (func (param "a" u32)))
                         (import "expected" (func async (param "a" u64)))"#;
        assert_eq!(compare(differs), ["it: expected async func(a: u64), given func(a: u32)"]);
        let sorts = r#"(import "given" (func)) (import "expected" (instance))"#;
        assert_eq!(compare(sorts), ["it: expected interface { }, given func"]);
    }

    #[test]
    fn all_differences_of_an_instance_are_listed() {
        let text = r#"
            (import "given" (instance
                (export "same" (func)) (export "extra" (func))
                (export "other" (func (result u8))) (export "lines" (func))))
            (import "expected" (instance
                (export "same" (func)) (export "other" (func (result u16)))
                (export "line" (func)) (export "inner" (instance (export "f" (func))))))"#;
        assert_eq!(
            compare(text),
            [
                "it#other: expected func() -> u16, given func() -> u8",
                "it#line: missing, expected func() (there is \"lines\")",
                "it#inner: missing, expected an interface",
            ]
        );
    }

    #[test]
    fn resource_types_are_bound_by_name_and_then_compared() {
        let types = |f: &str, g: &str| {
            format!(
                r#"(import "given" (instance
                    (export "r" (type $r (sub resource))) (export "s" (type $s (sub resource)))
                    (export "f" (func (param "x" (own ${f}))))))
                (import "expected" (instance
                    (export "r" (type $r (sub resource))) (export "s" (type $s (sub resource)))
                    (export "f" (func (param "x" (own ${g}))))))"#
            )
        };
        assert!(compare(&types("r", "r")).is_empty());
        let crossed = compare(&types("r", "s"));
        assert_eq!(crossed, ["it#f: expected func(x: own<s>), given func(x: own<r>)"]);
        let text = r#"
            (import "given" (instance
                (export "r" (type (sub resource))) (export "s" (type (sub resource)))))
            (import "expected" (instance
                (export "r" (type $r (sub resource))) (export "s" (type (eq $r)))))"#;
        assert_eq!(compare(text), ["it#s: expected the resource type r, given another one, s"]);
    }

    #[test]
    fn types_that_are_known_need_not_be_given() {
        let text = r#"
            (import "given" (instance
                (export "r" (type $r (sub resource))) (export "f" (func (param "x" (own $r))))))
            (import "expected" (instance
                (export "r" (type $r (sub resource))) (export "same" (type $same (eq $r)))
                (type $point' (record (field "x" u32))) (export "point" (type $point (eq $point')))
                (export "f" (func (param "x" (own $same))))))"#;
        assert!(compare(text).is_empty());
    }

    #[test]
    fn what_mentions_a_missing_resource_type_is_not_reported_again() {
        let text = r#"
            (import "given" (instance (export "f" (func (param "x" u32)))))
            (import "expected" (instance
                (export "r" (type $r (sub resource)))
                (export "f" (func (param "x" (own $r))))))"#;
        assert_eq!(compare(text), ["it#r: missing, expected resource"]);
    }

    #[test]
    fn components_import_less_and_export_more() {
        let fits = r#"
            (import "given" (component
                (import "r" (type $r (sub resource)))
                (export "make" (func (result (own $r)))) (export "extra" (func))))
            (import "expected" (component
                (import "r" (type $r (sub resource))) (import "unused" (func))
                (export "make" (func (result (own $r))))))"#;
        assert!(compare(fits).is_empty());
        let differs = r#"
            (import "given" (component
                (import "r" (type $r (sub resource))) (import "needed" (func))
                (export "s" (type $s (sub resource)))
                (export "make" (func (result (own $s))))))
            (import "expected" (component
                (import "r" (type $r (sub resource)))
                (export "make" (func (result (own $r))))))"#;
        assert_eq!(
            compare(differs),
            [
                "it, import needed: missing, expected func()",
                "it, export make: expected func() -> own<r>, given func() -> own<s>",
            ]
        );
    }

    #[test]
    fn core_modules_match_by_limits() {
        let modules = |given: &str, expected: &str| {
            compare(&format!(
                r#"(import "given" (core module {given}))
                   (import "expected" (core module {expected}))"#
            ))
        };
        let memory = |limits: &str| format!(r#"(export "m" (memory {limits}))"#);
        assert!(modules(&memory("2 3"), &memory("1 4")).is_empty());
        assert_eq!(
            modules(&memory("2"), &memory("1 4")),
            [r#"it, export "m": expected (memory 1 4), given (memory 2)"#]
        );
        assert_eq!(
            modules(r#"(import "a" "f" (func (param i32)))"#, ""),
            [r#"it, import "a" "f": missing, expected (func (param i32))"#]
        );
    }
}
