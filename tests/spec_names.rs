//! Who looks for a definition of the specification finds it by its name, in the file that
//! `docs/spec-map.md` names.

#[path = "support/spec.rs"]
mod spec;

use spec::{quoted, reference, root, rows};
use std::collections::BTreeSet;
use std::fs;

/// A definition of the reference, and what it is called here.
struct Definition {
    name: String,
    here: String,
    file: String,
}

impl Definition {
    /// Its own name, without that of its class.
    fn own_name(&self) -> &str {
        own_name(&self.name)
    }
}

fn own_name(name: &str) -> &str {
    name.rsplit('.').next().unwrap()
}

/// The table's cells are like `` `same`, `theirs` (`ours`) ``.
fn definitions() -> Vec<Definition> {
    let table = rows("## Definitions").into_iter().filter(|cells| cells.len() == 3);
    let definitions = table.flat_map(|cells| {
        let file = cells[1].trim_matches('`').to_owned();
        let definitions = cells[2].split(", ").map(|item| {
            let (name, here) = match quoted(item)[..] {
                [name] => (name, own_name(name)),
                [name, here] => (name, here),
                _ => panic!("{item:?} is not a definition and perhaps another name"),
            };
            Definition { name: name.into(), here: here.into(), file: file.clone() }
        });
        definitions.collect::<Vec<_>>()
    });
    definitions.collect()
}

fn is_part_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where `word` stands in `text` as a whole word: what is before and after.
fn occurrences<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let places =
        text.match_indices(word).map(move |(at, _)| (&text[..at], &text[at + word.len()..]));
    places.filter(|(before, after)| {
        !before.ends_with(is_part_of_word) && !after.starts_with(is_part_of_word)
    })
}

/// Whether `source` defines a function, type, constant, variant or field of this name.
fn defines(source: &str, name: &str) -> bool {
    const KEYWORDS: [&str; 6] = ["fn ", "struct ", "enum ", "const ", "type ", "trait "];
    occurrences(source, name).any(|(before, after)| {
        let is_field = after.starts_with(": ") && before.ends_with([' ', '\n']);
        is_field || KEYWORDS.iter().any(|keyword| before.ends_with(keyword))
    })
}

#[test]
fn each_definition_is_found_by_its_name() {
    let definitions = definitions();
    assert!(definitions.len() > 180, "{} definitions", definitions.len());
    let mut missing = Vec::new();
    for definition in definitions {
        let Definition { name, here, file } = &definition;
        let source =
            fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        if occurrences(&source, definition.own_name()).next().is_none() {
            missing.push(format!("{file} does not have the name `{name}`"));
        }
        if !defines(&source, here) {
            missing.push(format!("{file} does not define `{here}`"));
        }
    }
    assert!(missing.is_empty(), "docs/spec-map.md is wrong:\n{}", missing.join("\n"));
}

#[test]
fn no_definition_of_the_reference_is_left_out() {
    let Some(reference) = reference() else { return };
    let mut mapped: BTreeSet<String> =
        definitions().iter().map(|definition| definition.own_name().to_owned()).collect();
    for cells in rows("### Definitions without a counterpart") {
        mapped.extend(quoted(&cells[0]).into_iter().map(str::to_owned));
    }
    let defined: BTreeSet<String> = reference
        .lines()
        .filter_map(|line| {
            let line = line.trim_start();
            let name = line.strip_prefix("def ").or_else(|| line.strip_prefix("class "))?;
            Some(name.split(['(', ':', ' ']).next()?.to_owned())
        })
        .filter(|name| !name.starts_with("__"))
        .collect();
    let missing: Vec<_> = defined.difference(&mapped).collect();
    assert!(missing.is_empty(), "not in docs/spec-map.md: {missing:?}");
}
