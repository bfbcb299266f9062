use super::*;
use crate::types::{Wit, WitItem};
use std::collections::BTreeMap;

/// The signatures of all functions, by interface and name; resource types by the interface alone.
fn offered() -> BTreeMap<String, String> {
    let world = Arc::new(World::new(Config::new()));
    let mut offered = BTreeMap::new();
    let mut linker = Linker::new();
    define(&mut |package, interface, define| {
        let name = format!("wasi:{package}/{interface}@{VERSION}");
        let definitions = linker.instance(&name)?;
        define(&mut Interface::new(definitions, &world))?;
        for (item, ty) in definitions.described() {
            offered.insert(format!("{name}/{item}"), ty);
        }
        Ok(())
    })
    .unwrap();
    offered
}

#[test]
fn the_signatures_are_those_of_the_wit() {
    let wit = Wit::parse(&[("wasi.wit", include_str!("wasi.wit"))]).unwrap();
    let described = wit.items().iter().filter_map(|(path, item)| match item {
        WitItem::Func(ty) => Some((path.clone(), ty.to_string())),
        // An interface that uses another's resource type does not define it.
        WitItem::Resource(ty) => Some((path.clone(), format!("resource {}", ty.name()))),
        WitItem::Type(_) => None,
    });
    let mut described: BTreeMap<_, _> = described.collect();
    let offered = offered();
    described.retain(|path, ty| {
        let is_used = ty.starts_with("resource ") && !offered.contains_key(path);
        !path.starts_with("wasi:cli/run@") && !is_used
    });
    for (path, ty) in &described {
        assert_eq!(offered.get(path), Some(ty), "{path}");
    }
    assert_eq!(offered.len(), described.len());
    let functions = offered.values().filter(|ty| !ty.starts_with("resource ")).count();
    assert_eq!((functions, offered.len() - functions), (EXPECTED.0, EXPECTED.1));
}

/// Functions and resource types; `wasi:cli/run`, the 127th function, is what components export.
const EXPECTED: (usize, usize) = (126, 14);
