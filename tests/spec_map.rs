//! The table of traps in `docs/spec-map.md` is complete: each place where the reference can trap is
//! there, each variant of `Trap` too, and each case exists and traps as it is said to.

#[path = "support/spec.rs"]
mod spec;

use spec::{quoted, reference, root, rows};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The places where the reference can trap.
const PLACES: usize = 149;

/// The variants of `Trap` with what they say.
fn variants() -> BTreeMap<String, String> {
    let source = fs::read_to_string(root().join("src/error.rs")).unwrap();
    let body = source.split("pub enum Trap {\n").nth(1).unwrap().split("\n}\n").next().unwrap();
    let mut variants = BTreeMap::new();
    let mut text = String::new();
    for line in body.lines().filter(|line| !line.trim_start().starts_with("//")) {
        let name = line.strip_prefix("    ").filter(|rest| rest.starts_with(char::is_uppercase));
        match name {
            Some(name) => {
                let name = name.split(|c: char| !c.is_alphanumeric()).next().unwrap();
                variants.insert(name.to_owned(), std::mem::take(&mut text));
            }
            None if line.contains('"') => text = line.split('"').nth(1).unwrap().to_owned(),
            None => {}
        }
    }
    assert!(variants.len() > 50);
    variants
}

/// A place where the reference can trap, or a trap of ours.
struct Row {
    what: String,
    traps: Vec<String>,
    cases: Vec<(String, String)>,
}

fn row(what: &str, traps: &str, cases: &str) -> Row {
    let owned = |text: &str| text.to_owned();
    let cases = quoted(cases);
    let pairs = cases.chunks_exact(2);
    let is_whole = !cases.is_empty() && pairs.remainder().is_empty();
    assert!(is_whole, "{what}: a case is a file and a name");
    Row {
        what: owned(what),
        traps: quoted(traps).into_iter().map(owned).collect(),
        cases: pairs.map(|case| (owned(case[0]), owned(case[1]))).collect(),
    }
}

/// All rows of both tables.
fn all() -> Vec<Row> {
    rows("## Traps")
        .iter()
        .map(|cells| match &cells[..] {
            [_, definition, condition, traps, cases] => {
                row(&format!("{definition}: {condition}"), traps, cases)
            }
            [trap, condition, cases] => row(condition, trap, cases),
            _ => panic!("a row of {} cells: {cells:?}", cells.len()),
        })
        .collect()
}

#[test]
fn each_place_is_there_in_order() {
    let numbers = rows("## Traps").into_iter().filter(|cells| cells.len() == 5);
    let numbers: Vec<usize> = numbers.map(|cells| cells[0].parse().unwrap()).collect();
    assert_eq!(numbers, Vec::from_iter(1..=PLACES));
}

#[test]
fn each_trap_is_there_and_there_is_no_other() {
    let named: BTreeSet<String> = all().into_iter().flat_map(|row| row.traps).collect();
    let existing: BTreeSet<String> = variants().into_keys().collect();
    let missing: Vec<_> = existing.difference(&named).collect();
    assert!(missing.is_empty(), "not in docs/spec-map.md: {missing:?}");
    let unknown: Vec<_> = named.difference(&existing).collect();
    assert!(unknown.is_empty(), "not in src/error.rs: {unknown:?}");
}

/// Whether a test's message can be that of a trap that says `text`: it has one of the text's parts
/// between placeholders, or the better part of one.
fn resembles(message: &str, text: &str) -> bool {
    text.split(['{', '}']).step_by(2).filter(|part| part.len() >= 5).any(|part| {
        let shorter = message.len().min(part.len());
        longest_in_common(message.as_bytes(), part.as_bytes()) * 10 >= shorter * 9
    })
}

fn longest_in_common(a: &[u8], b: &[u8]) -> usize {
    let (mut longest, mut ending) = (0, vec![0; b.len() + 1]);
    for x in a {
        let mut before = 0;
        for (i, y) in b.iter().enumerate() {
            let length = if x == y { before + 1 } else { 0 };
            before = std::mem::replace(&mut ending[i + 1], length);
            longest = longest.max(length);
        }
    }
    longest
}

/// The messages of the traps that a script asserts of a function, or below a comment.
fn messages(script: &str, name: &str) -> Vec<String> {
    let of_function = format!("(assert_trap (invoke {name:?}");
    let comment = format!(";; {name}");
    let mut below_comment = false;
    let mut messages = Vec::new();
    for line in script.lines() {
        if line.starts_with(";;") {
            below_comment = line == comment;
        }
        if line.starts_with(&of_function)
            || (below_comment && line.starts_with("(assert_trap (invoke"))
        {
            messages.push(line.rsplit('"').nth(1).unwrap().to_owned());
        }
    }
    messages
}

#[test]
fn each_case_exists_and_traps_as_it_is_said_to() {
    let variants = variants();
    for Row { what, traps, cases } in all() {
        let mut asserted = Vec::new();
        for (file, name) in &cases {
            let (path, definition) = match file.rsplit('.').next().unwrap() {
                "wast" => (root().join("tests/wast").join(file), String::new()),
                "cpp" => (root().join("c-tests").join(file), format!("TEST_CASE({name:?})")),
                _ => (root().join(file), format!("fn {name}(")),
            };
            let source =
                fs::read_to_string(&path).unwrap_or_else(|e| panic!("{what}: {file}: {e}"));
            if definition.is_empty() {
                let messages = messages(&source, name);
                assert!(!messages.is_empty(), "{what}: {file} asserts no trap of {name:?}");
                let is_one = |trap: &String| {
                    messages.iter().any(|message| resembles(message, &variants[trap]))
                };
                assert!(traps.iter().any(is_one), "{what}: {file} {name:?} is another trap");
                asserted.extend(messages);
            } else {
                assert!(source.contains(&definition), "{what}: {file} has no {name:?}");
            }
        }
        if cases.iter().all(|(file, _)| file.ends_with(".wast")) {
            for trap in traps {
                let is_asserted = asserted.iter().any(|text| resembles(text, &variants[&trap]));
                assert!(is_asserted, "{what}: no case is a {trap}");
            }
        }
    }
}

/// The definitions of the reference that trap, one for each place, in order.
fn places(reference: &str) -> Vec<String> {
    let mut within: Vec<(usize, String)> = Vec::new();
    let mut places = Vec::new();
    for line in reference.lines() {
        let indent = line.len() - line.trim_start().len();
        let code = line.trim_start();
        if code.is_empty() || code.starts_with('#') || code.starts_with("```") {
            continue;
        }
        if !code.starts_with(')') {
            within.retain(|(of, _)| *of < indent);
        }
        let name = ["class ", "def "].iter().find_map(|keyword| code.strip_prefix(keyword));
        if let Some(name) = name {
            let name = name.split(['(', ':', ' ']).next().unwrap();
            within.push((indent, name.to_owned()));
        } else if code.contains("trap_if(") || code.contains("trap()") {
            let names: Vec<&str> = within.iter().map(|(_, name)| &**name).collect();
            let of_class = |name: &&str| name.starts_with(char::is_uppercase);
            places.push(match &names[..] {
                [.., class, "__init__"] => (*class).to_owned(),
                [.., class, method] if of_class(class) => format!("{class}.{method}"),
                [.., name] => (*name).to_owned(),
                [] => unreachable!("the reference traps in definitions only"),
            });
        }
    }
    places
}

#[test]
fn the_places_are_those_of_the_reference() {
    let Some(reference) = reference() else { return };
    let mapped = rows("## Traps").into_iter().filter(|cells| cells.len() == 5);
    let mapped: Vec<String> = mapped.map(|cells| cells[1].trim_matches('`').into()).collect();
    assert_eq!(mapped, places(&reference));
}
