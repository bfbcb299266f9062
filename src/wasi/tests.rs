use super::*;
use crate::copy::typed::Bytes;
use crate::memory::Arena;
use crate::types::{Wit, WitItem};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The signatures of all functions, by interface and name; resource types by the interface alone.
fn offered() -> BTreeMap<String, String> {
    let world = Arc::new(World::new(Config::new()));
    let mut offered = BTreeMap::new();
    let mut linker = Linker::new();
    define(&mut |name, define| {
        let definitions = linker.instance(name)?;
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
    let files = [include_str!("wasi.wit"), include_str!("wasi-0.3.wit")];
    let wits = files.map(|text| Wit::parse(&[("wasi.wit", text)]).unwrap());
    let items = wits.iter().flat_map(|wit| wit.items());
    let described = items.filter_map(|(path, item)| match item {
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
    let count = |version: &str| {
        let its = offered.iter().filter(|(path, _)| path.contains(version));
        let resources = its.clone().filter(|(_, ty)| ty.starts_with("resource ")).count();
        (its.count() - resources, resources)
    };
    // With `wasi:cli/run`, which components export, 127 and 93.
    assert_eq!((count("@0.2."), count("@0.3.")), ((126, 14), (92, 5)));
}

#[test]
fn what_is_tried_again_takes_no_more_each_time() {
    let arena = Rc::new(Arena::new());
    arena.set_limit(100_000);
    for _ in 0..10 {
        assert_eq!(Bytes::fill(&arena, 60_000, |_| Err::<usize, _>(7)).unwrap().err(), Some(7));
        // What it takes to begin at the start of a line.
        assert!(arena.used() < 64);
    }
    let bytes = Bytes::fill(&arena, 60_000, |room| {
        room[..3].copy_from_slice(b"abc");
        Ok::<_, ()>(3)
    });
    assert_eq!(bytes.unwrap().unwrap().get(), b"abc");
    assert!((3..64 + 3).contains(&arena.used()));
}
