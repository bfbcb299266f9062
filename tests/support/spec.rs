//! `docs/spec-map.md` as data, and the specification's reference where a checkout is given.

mod page;

use page::table;
pub(crate) use page::{quoted, root};
use std::fs;
use std::path::Path;

/// The rows of the tables below a heading of the map.
pub(crate) fn rows(heading: &str) -> Vec<Vec<String>> {
    table("docs/spec-map.md", heading)
}

/// `definitions.py` of the checkout of the specification that `CMABI_SPEC` names, from where what the
/// specification describes begins.
pub(crate) fn reference() -> Option<String> {
    let Some(spec) = std::env::var_os("CMABI_SPEC") else {
        eprintln!("CMABI_SPEC is not set: the map is not compared with the specification");
        return None;
    };
    let file = Path::new(&spec).join("design/mvp/canonical-abi/definitions.py");
    let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let start = text.find("\n# START\n").expect("the boilerplate ends somewhere");
    Some(text[start..].to_owned())
}
