//! Which functions have the forms that do not wait: those that WIT says are async, and what is asked for.

use crate::descs::export_path;
use crate::world::{Scope, World};
use crate::{Error, Result};
use std::collections::HashSet;
use wit_parser::Function;

/// The functions of a world that have async forms, by their scopes and names.
pub(crate) type Asyncs<'a> = HashSet<(usize, &'a str)>;

/// Chooses the functions, as [`crate::Options::asyncs`] says.
pub(crate) fn choose<'a>(world: &World<'a>, names: &[String]) -> Result<Asyncs<'a>> {
    let names: Vec<_> = names.iter().flat_map(|names| names.split(',')).map(str::trim).collect();
    let (all, none) = (names.contains(&"all"), names.contains(&"none"));
    let functions = || {
        let scopes = world.scopes.iter().enumerate();
        scopes.flat_map(|(i, scope)| scope.functions.iter().map(move |f| (i, scope, *f)))
    };
    for name in names.iter().filter(|name| !["all", "none"].contains(name)) {
        if !functions().any(|(_, scope, function)| is_called(world, scope, function, name)) {
            let mut known: Vec<_> = functions().map(|(_, of, f)| export_path(of, f)).collect();
            known.sort();
            known.dedup();
            return Err(Error::new(format!(
                "no function of world `{}` is called `{name}`; there are {}",
                world.name,
                if known.is_empty() { "none".into() } else { known.join(", ") }
            )));
        }
    }
    let is_chosen = |(_, scope, function): &(usize, &Scope<'a>, &'a Function)| {
        let is_named = |name: &&str| is_called(world, scope, function, name);
        all || (function.kind.is_async() && !none) || names.iter().any(is_named)
    };
    Ok(functions().filter(is_chosen).map(|(i, _, function)| (i, function.name.as_str())).collect())
}

/// Whether a function is what `name` stands for: its own name, with or without `[method]` and the like, or
/// one with the interface before it, of which the package and the version may be missing.
fn is_called(world: &World<'_>, scope: &Scope<'_>, function: &Function, name: &str) -> bool {
    let (interface, name) = match name.rsplit_once('#') {
        Some((interface, name)) => (Some(interface), name),
        None => (None, name),
    };
    let plain = function.name.rsplit(']').next();
    if name != function.name && Some(name) != plain {
        return false;
    }
    let path = if scope.key.is_some() { scope.path.as_str() } else { world.name };
    let unversioned = path.split('@').next().unwrap_or_default();
    let short = unversioned.rsplit('/').next().unwrap_or_default();
    interface.is_none_or(|interface| [path, unversioned, short].contains(&interface))
}
