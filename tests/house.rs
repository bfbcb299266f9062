//! The arrows of the sources point one way: a room uses those below it in the table of
//! `docs/architecture.md`, none above it and none beside it. So there is no circle either.

#[path = "support/page.rs"]
mod page;

use page::{quoted, root, table};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms, which are modules of the crate, with the row of the table that each is in.
fn rooms() -> BTreeMap<String, usize> {
    let mut rooms = BTreeMap::new();
    for (row, cells) in table("docs/architecture.md", "## The rooms").iter().enumerate() {
        for path in quoted(&cells[0]) {
            assert!(root().join(path).exists(), "docs/architecture.md: there is no {path}");
            rooms.insert(modules(Path::new(path)).remove(0), row);
        }
    }
    rooms
}

/// The modules that the file at `path` is in, from the crate on: its own is the last.
fn modules(path: &Path) -> Vec<String> {
    let path = path.strip_prefix("src").expect("a room is in src/").with_extension("");
    let mut modules: Vec<_> = path.iter().map(|name| name.to_str().unwrap().to_owned()).collect();
    modules.pop_if(|name| name == "mod" || name == "lib");
    modules
}

/// A file of the sources.
struct Source {
    path: PathBuf,
    /// Its text without comments, literals, and what is there for tests only.
    code: String,
    /// The modules that are there for tests only.
    tests: Vec<String>,
}

impl Source {
    fn new(path: PathBuf, text: &str) -> Source {
        let (code, tests) = without_tests(&bare(text));
        Source { path, code, tests }
    }

    /// The paths that are written from the crate on, or from a module around: each with its line, and as it is
    /// from the crate on.
    fn paths(&self) -> Vec<(usize, Vec<String>)> {
        let mut paths = Vec::new();
        for (start, keyword) in
            self.code.match_indices("crate::").chain(self.code.match_indices("super::"))
        {
            let before = &self.code[..start];
            if before.ends_with(is_part_of_word) || before.ends_with("super::") {
                continue;
            }
            let (mut at, mut base) = (start + keyword.len(), Vec::new());
            if keyword == "super::" {
                base = modules(&self.path);
                base.pop();
                while self.code[at..].starts_with("super::") {
                    base.pop();
                    at += "super::".len();
                }
            }
            expand(&self.code, at, &base, &mut paths);
        }
        let line = |at| 1 + self.code[..at].matches('\n').count();
        paths.into_iter().map(|(at, path)| (line(at), path)).collect()
    }
}

fn is_part_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Adds the paths that go on from `base` with what is at `at`, a name or several in braces, and answers where
/// that ends.
fn expand(code: &str, at: usize, base: &[String], paths: &mut Vec<(usize, Vec<String>)>) -> usize {
    if let Some(inside) = code[at..].strip_prefix('{') {
        let mut next = code.len() - inside.len();
        loop {
            next += code[next..].find(|c: char| !c.is_whitespace() && c != ',').unwrap();
            if code[next..].starts_with('}') {
                return next + 1;
            }
            next = expand(code, next, base, paths);
            // Beyond `as name`.
            next += code[next..].find([',', '}']).unwrap();
        }
    }
    let name: String = code[at..].chars().take_while(|c| is_part_of_word(*c)).collect();
    let end = at + name.len();
    let path = [base, &[name]].concat();
    let goes_on = |c: char| c == '{' || is_part_of_word(c);
    match code[end..].strip_prefix("::") {
        Some(rest) if rest.starts_with(goes_on) => expand(code, end + 2, &path, paths),
        _ => {
            paths.push((at, path));
            end
        }
    }
}

/// The text with blanks for comments and for what is in quotes.
fn bare(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let len = literal(rest, out.ends_with(is_part_of_word));
        if len == 0 {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            out.extend(rest[..len].chars().map(|c| if c == '\n' { c } else { ' ' }));
            rest = &rest[len..];
        }
    }
    out
}

/// The length of the comment or of the literal in quotes that `text` begins with; 0 without one.
fn literal(text: &str, in_word: bool) -> usize {
    let until = |start: usize, end: &str| {
        text[start..].find(end).map_or(text.len(), |at| start + at + end.len())
    };
    let escaped = |quote: char| {
        let mut chars = text.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => drop(chars.next()),
                c if c == quote => return at + 1,
                _ => {}
            }
        }
        text.len()
    };
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return until(2, "*/");
    }
    if text.starts_with('"') {
        return escaped('"');
    }
    let hashes = text.strip_prefix('r').map(|raw| raw.len() - raw.trim_start_matches('#').len());
    if let Some(hashes) = hashes.filter(|hashes| !in_word && text[1 + hashes..].starts_with('"')) {
        return until(2 + hashes, &format!("\"{}", "#".repeat(hashes)));
    }
    // A lifetime has no second quote so near.
    let is_char = text.starts_with("'\\") || text.chars().nth(2) == Some('\'');
    if text.starts_with('\'') && is_char { escaped('\'') } else { 0 }
}

/// The code without the items that are compiled for tests only, and those of them that are modules.
fn without_tests(code: &str) -> (String, Vec<String>) {
    let (mut out, mut tests, mut rest) = (String::new(), Vec::new(), code);
    let first = |text: &str| {
        ["#[cfg(test)]", "#[cfg(all(test,"].iter().filter_map(|start| text.find(start)).min()
    };
    while let Some(at) = first(rest) {
        let item = &rest[at..];
        let mut depth = 0;
        let end = item.char_indices().find(|(_, c)| {
            depth += i32::from(*c == '{') - i32::from(*c == '}');
            depth == 0 && matches!(c, '}' | ';')
        });
        let end = end.map_or(item.len(), |(at, _)| at + 1);
        let module = item[..end].split("mod ").nth(1).filter(|_| item[..end].ends_with(';'));
        tests.extend(module.map(|name| name.trim_end_matches(';').to_owned()));
        out += &rest[..at];
        out.extend(item[..end].matches('\n'));
        rest = &item[end..];
    }
    (out + rest, tests)
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// What is compiled for others than tests.
fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    files(&root().join("src"), &mut found);
    found.sort();
    let source = |file: PathBuf| {
        let text = fs::read_to_string(&file).unwrap();
        Source::new(file.strip_prefix(root()).unwrap().into(), &text)
    };
    let mut sources: Vec<_> = found.into_iter().map(source).collect();
    let tests: BTreeSet<Vec<String>> = sources
        .iter()
        .flat_map(|source| {
            let tests = source.tests.iter().cloned();
            tests.map(|name| [modules(&source.path), vec![name]].concat())
        })
        .collect();
    sources.retain(|source| {
        let modules = modules(&source.path);
        (0..=modules.len()).all(|len| !tests.contains(&modules[..len]))
    });
    sources
}

/// What is wrong with the paths of a file.
fn wrong(source: &Source, rooms: &BTreeMap<String, usize>) -> Vec<String> {
    let modules = modules(&source.path);
    let Some(from) = modules.first() else { return Vec::new() };
    let mut wrong = Vec::new();
    for (line, path) in source.paths() {
        let Some((to, row)) = rooms.get_key_value(&path[0]).filter(|(to, _)| *to != from) else {
            continue;
        };
        let place = format!("{}:{line}: `{from}`", source.path.display());
        if *row <= rooms[from] {
            wrong.push(format!("{place} uses `{to}`, which is not below it"));
        }
        let inner = path.get(1).filter(|inner| is_module(&format!("{to}/{inner}")));
        if let Some(inner) = inner.filter(|_| to == "engine" && from != "ffi") {
            wrong.push(format!("{place} uses `engine::{inner}`, not the interface"));
        }
    }
    wrong
}

fn is_module(path: &str) -> bool {
    let path = root().join("src").join(path);
    path.is_dir() || path.with_extension("rs").is_file()
}

#[test]
fn each_room_is_in_the_table() {
    let library = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let names = library.lines().filter_map(|line| {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        line.strip_prefix("mod ")?.strip_suffix(';').map(str::to_owned)
    });
    assert_eq!(BTreeSet::from_iter(names), rooms().into_keys().collect());
}

#[test]
fn arrows_point_down() {
    let rooms = rooms();
    let wrong: Vec<_> = sources().iter().flat_map(|source| wrong(source, &rooms)).collect();
    assert!(wrong.is_empty(), "against docs/architecture.md:\n{}", wrong.join("\n"));
}

#[test]
fn an_arrow_up_is_found_wherever_it_is_written() {
    let text = r#"
        //! `use crate::high::Comment;`
        use crate::low::{self, Fine};
        use crate::{low::Fine, high::{Up1 as Name, Deeper}};
        const TEXT: &str = "crate::high::Text";
        fn f<'a>(x: &'a crate::high::Up2) -> crate::middle::Own { '"'; super::super::high::up3() }
        #[cfg(test)]
        mod tests { use crate::high::InTest; }
        #[cfg(test)]
        mod more;
    "#;
    let rooms = ["high", "middle", "low"].map(str::to_owned).into_iter().zip(0..).collect();
    let source = Source::new("src/middle/file.rs".into(), text);
    assert_eq!(source.tests, ["more"]);
    let up =
        |line| format!("src/middle/file.rs:{line}: `middle` uses `high`, which is not below it");
    let mut found = wrong(&source, &rooms);
    found.sort();
    assert_eq!(found, [4, 4, 6, 6].map(up));
    assert!(wrong(&Source::new("src/high/file.rs".into(), text), &rooms).is_empty());
}
