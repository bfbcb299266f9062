//! The rules of docs/c-api.md, "Names and forms", held against every declaration of the headers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

struct Param {
    text: String,
    name: String,
}

struct Function {
    name: String,
    result: String,
    params: Vec<Param>,
}

/// Both headers.
fn headers() -> String {
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    let read = |name: &str| fs::read_to_string(include.join(name)).unwrap();
    read("cmabi.h") + &read("cmabi_engine.h")
}

fn without_comments(text: &str) -> String {
    let mut parts = text.split("/*");
    let first = parts.next().unwrap().to_owned();
    first + &parts.map(|part| part.split_once("*/").unwrap().1).collect::<String>()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

fn params_of(text: &str) -> Vec<Param> {
    let params = text.split(',').filter(|&text| text != "void").map(|text| {
        let name = words(text).last().unwrap().to_owned();
        Param { text: text.trim().to_owned(), name }
    });
    params.collect()
}

/// The types of callbacks, and an engine's functions.
fn callbacks(text: &str) -> Vec<Function> {
    let code = without_comments(text);
    let callback = |declaration: &str| {
        let (head, params) = declaration.split_once(")(")?;
        let (result, name) = head.rsplit_once("(*")?;
        let params = params_of(params.trim_end().strip_suffix(')')?);
        Some(Function { name: name.to_owned(), result: result.trim().to_owned(), params })
    };
    let all: Vec<_> = code.split(';').filter_map(callback).collect();
    assert!(all.len() >= 30, "only {} callbacks were found", all.len());
    all
}

fn functions(text: &str) -> Vec<Function> {
    let code = without_comments(text);
    let lines = code.lines().filter(|line| !line.starts_with('#') && !line.starts_with("extern"));
    let code = lines.collect::<Vec<_>>().join(" ");
    let prototype = |declaration: &str| {
        let (head, params) = declaration.split_once('(')?;
        if head.contains("typedef") || head.contains('{') {
            return None;
        }
        let name = words(head).last()?.to_owned();
        let result = head.trim().strip_suffix(&name)?.trim().to_owned();
        if !name.starts_with("cmabi_") || result.is_empty() {
            return None;
        }
        Some(Function { name, result, params: params_of(params.trim_end().strip_suffix(')')?) })
    };
    let all: Vec<_> = code.split(';').filter_map(prototype).collect();
    assert!(all.len() >= 290, "only {} functions were found", all.len());
    all
}

/// The types that the headers declare.
fn types(text: &str) -> BTreeSet<String> {
    let code = without_comments(text);
    let name = |line: &str| {
        let rest = line.strip_prefix("typedef ").or_else(|| line.strip_prefix("enum "))?;
        words(rest).find(|word| word.starts_with("cmabi_")).map(str::to_owned)
    };
    code.lines().filter_map(name).collect()
}

fn check(rule: &str, broken: Vec<String>) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

#[test]
fn functions_that_can_fail_answer_a_status_and_take_the_error_last() {
    let broken = |f: &Function| {
        let has = f.params.iter().position(|param| param.text == "cmabi_error **error");
        let fails = has.is_some() && has == f.params.len().checked_sub(1);
        let said = f.result == "cmabi_status" && f.name != "cmabi_error_status";
        fails != said || has.is_some() != fails
    };
    let all = functions(&headers());
    check("status and error", all.into_iter().filter(broken).map(|f| f.name).collect());
}

#[test]
fn getters_have_the_names_of_what_they_get() {
    let all = functions(&headers());
    let named_get = |f: &Function| words(&f.name).any(|_| f.name.split('_').any(|w| w == "get"));
    // `context.get` is the specification's name.
    let broken = all.iter().filter(|f| named_get(f) && f.name != "cmabi_canon_context_get");
    check("no `get`", broken.map(|f| f.name.clone()).collect());
}

#[test]
fn what_is_numbered_has_a_count_and_an_at() {
    let all = functions(&headers());
    let names: BTreeSet<_> = all.iter().map(|f| f.name.as_str()).collect();
    let mut broken = Vec::new();
    for name in &names {
        if let Some(item) = name.strip_suffix("_count")
            && !names.contains(format!("{item}_at").as_str())
        {
            broken.push(format!("{name} without {item}_at"));
        }
        if let Some(item) = name.strip_suffix("_at")
            && !names.contains(format!("{item}_count").as_str())
        {
            broken.push(format!("{name} without {item}_count"));
        }
    }
    for f in &all {
        let by_index = f.params.iter().any(|param| param.text == "size_t index");
        let of_item = names.iter().filter_map(|name| name.strip_suffix("_at"));
        if by_index && !of_item.into_iter().any(|item| f.name.starts_with(&format!("{item}_"))) {
            broken.push(format!("{} takes an index, and there is no `_at` of its item", f.name));
        }
    }
    check("`_count` and `_at`", broken);
}

#[test]
fn lengths_of_arrays_are_named_after_them() {
    let mut broken = Vec::new();
    let text = headers();
    for f in functions(&text).into_iter().chain(callbacks(&text)) {
        for (i, param) in f.params.iter().enumerate() {
            let Some(array) = param.name.strip_suffix("_len") else {
                if matches!(&*param.text, "size_t len" | "size_t count") {
                    broken.push(format!("{}: {}", f.name, param.text));
                }
                continue;
            };
            let before = i.checked_sub(1).map(|i| &f.params[i]);
            if before.is_none_or(|before| before.name != array || !before.text.contains('*')) {
                broken.push(format!("{}: {} is not behind {array}", f.name, param.text));
            }
        }
    }
    check("`_len`", broken);
}

#[test]
fn callbacks_come_with_data_and_drop() {
    let mut broken = Vec::new();
    for f in functions(&headers()) {
        for (i, param) in f.params.iter().enumerate() {
            if param.text != "cmabi_drop drop" {
                continue;
            }
            let data = i.checked_sub(1).map(|i| &*f.params[i].text);
            if data != Some("void *data") {
                broken.push(format!("{}: no `void *data` before `drop`", f.name));
            }
        }
        let stray = |(i, param): (usize, &Param)| {
            param.text.starts_with("cmabi_on_")
                && f.params.get(i + 1).is_none_or(|data| data.text != "void *data")
        };
        if f.params.iter().enumerate().any(stray) {
            broken.push(format!("{}: no `void *data` behind the callback", f.name));
        }
    }
    check("`fn`, `data`, `drop`", broken);
}

#[test]
fn truth_is_bool() {
    let text = without_comments(&headers());
    let is_truth = |word: &str| word.starts_with("is_") || word == "memory64";
    let line = |line: &&str| line.contains("uint8_t ") && words(line).any(is_truth);
    check("`bool`", text.lines().filter(line).map(str::to_owned).collect());
}

#[test]
fn what_is_made_new_is_freed_by_its_type() {
    let text = headers();
    let (all, types) = (functions(&text), types(&text));
    let frees: BTreeSet<_> = all.iter().filter_map(|f| f.name.strip_suffix("_free")).collect();
    let mut broken = Vec::new();
    for f in &all {
        let consumed = f.params.first().map(|param| &*param.text);
        if let Some(noun) = f.name.strip_suffix("_free")
            && consumed.is_none_or(|text| !text.starts_with(&format!("{noun} *")))
        {
            broken.push(format!("{} does not take a {noun}", f.name));
        }
        // Handles that are owned are written through pointers to pointers to what is not const.
        for param in &f.params {
            let owned = param.text.contains("**") && !param.text.starts_with("const ");
            let Some(noun) = param.text.split(' ').next().filter(|_| owned) else { continue };
            if types.contains(noun) && !frees.contains(noun) {
                broken.push(format!("{}: there is no {noun}_free", f.name));
            }
        }
    }
    check("`_free`", broken);
}

#[test]
fn functions_are_named_after_what_they_are_about() {
    let text = headers();
    let types = types(&text);
    // Words for what is no type of its own: values in the host's memory and in guests', numbers for
    // handles, and what there is one of.
    let nouns =
        ["value", "wave", "stream", "future", "error_context", "waitable", "canon", "version"];
    let nouns: Vec<_> = nouns.iter().map(|noun| format!("cmabi_{noun}")).collect();
    let nouns: BTreeSet<_> = types.iter().chain(&nouns).collect();
    let is_about = |f: &Function| {
        let prefix = |noun: &&&String| {
            f.name
                .strip_prefix(noun.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        };
        nouns.iter().any(|noun| prefix(&noun))
            || ["cmabi_resource", "cmabi_status"].iter().any(|noun| f.name.starts_with(noun))
    };
    let broken = functions(&text).into_iter().filter(|f| !is_about(f));
    check("`cmabi_noun_verb`", broken.map(|f| f.name).collect());
}

#[test]
fn every_declaration_says_since_when() {
    let current: Vec<u32> =
        env!("CARGO_PKG_VERSION").split('.').map(|n| n.parse().unwrap()).collect();
    let text = headers();
    let mut since = BTreeMap::new();
    for part in text.split("/**").skip(1) {
        let (comment, rest) = part.split_once("*/").unwrap();
        let Some(line) = rest.lines().find(|line| !line.trim().is_empty()) else { continue };
        if !line.starts_with(' ') {
            let version = comment.split_once("@since ").map(|(_, version)| version.trim());
            since.insert(line.trim().to_owned(), version.map(str::to_owned));
        }
    }
    assert!(since.len() >= 370, "only {} declarations were found", since.len());
    let is_version = |version: &str| {
        let numbers: Vec<u32> = version.split('.').filter_map(|n| n.parse().ok()).collect();
        numbers.len() == 2 && numbers[..] <= current[..2]
    };
    let broken = since.iter().filter(|(_, version)| !version.as_deref().is_some_and(is_version));
    check("`@since`", broken.map(|(line, version)| format!("{line} {version:?}")).collect());
    // What has no comment cannot say it.
    let declared = functions(&text).len();
    let documented = since.keys().filter(|line| line.contains('(') && !line.starts_with("typedef"));
    assert_eq!(documented.count(), declared);
}
