//! The headers of the C API are what cbindgen writes from `src/ffi/`, and from what the files there give on by
//! `pub use`.
//!
//! `CMABI_UPDATE_HEADER=1 cargo test --test header` rewrites them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a header's folder in `src/ffi/`, in the order of the `pub mod` lines of its `mod.rs`.
fn sections(header: &str) -> Vec<PathBuf> {
    let dir = root().join("src/ffi").join(header);
    let map = fs::read_to_string(dir.join("mod.rs")).unwrap();
    let names = map.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    names.map(|name| dir.join(format!("{name}.rs"))).collect()
}

/// What the first line of a file's documentation says.
fn title(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let first = text.lines().next().unwrap_or_default();
    first.strip_prefix("//! ").expect("a section's file begins with its title").into()
}

/// The declarations of one file, and nothing else. Types of other sections stay as they are named.
fn declarations(config: &cbindgen::Config, file: &Path) -> String {
    let mut config = config.clone();
    (config.header, config.trailer) = (None, None);
    config.export.include = types(file);
    let mut builder = cbindgen::Builder::new();
    for (other, names) in given_on(file) {
        let others = types(&other).into_iter().filter(|name| !names.contains(name));
        config.export.exclude.extend(others);
        config.export.include.extend(names);
        builder = builder.with_src(other);
    }
    let bindings = builder.with_config(config).with_src(file).generate().unwrap();
    let mut text = Vec::new();
    bindings.write(&mut text);
    let text = String::from_utf8(text).unwrap();
    let text = text.replace("#ifdef __cplusplus\nextern \"C\" {\n#endif // __cplusplus\n", "");
    let text = text.replace("#ifdef __cplusplus\n}  // extern \"C\"\n#endif  // __cplusplus\n", "");
    let lines: Vec<_> = text.lines().map(without_tags).collect();
    lines.join("\n").trim().replace("\n\n\n", "\n\n")
}

/// The types of other rooms that a file gives on: the files that they are in, and their names.
fn given_on(file: &Path) -> Vec<(PathBuf, Vec<String>)> {
    let text = fs::read_to_string(file).unwrap();
    let given = text.split("\npub use crate::").skip(1).map(|rest| {
        let (path, names) = rest.split(';').next().unwrap().rsplit_once("::").unwrap();
        let names = names.trim_matches(['{', '}']).split(',').map(|name| name.trim().to_owned());
        let other = root().join("src").join(path.replace("::", "/")).with_extension("rs");
        (other, names.filter(|name| !name.is_empty()).collect())
    });
    given.collect()
}

/// Struct tags are written where they are declared only; elsewhere the typedef's name serves.
fn without_tags(line: &str) -> String {
    if line.starts_with("typedef struct ") {
        line.into()
    } else {
        line.replace("struct cmabi_", "cmabi_").replace("c_bool ", "bool ")
    }
}

/// cbindgen leaves out types that no function of the same file uses.
fn types(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let name = |line: &str| {
        let line = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(crate) "))?;
        let rest = ["struct ", "enum ", "type ", "union "]
            .iter()
            .find_map(|keyword| line.strip_prefix(keyword))?;
        rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned)
    };
    text.lines().filter_map(name).collect()
}

/// The structs that come up in a section before the one that declares them, and all handles: their
/// typedefs come before the sections.
fn declared_ahead(sections: &[String]) -> BTreeSet<String> {
    let mut ahead = BTreeSet::new();
    for (i, section) in sections.iter().enumerate() {
        for line in section.lines() {
            let Some(rest) = line.strip_prefix("typedef struct ") else { continue };
            let name = rest.split(' ').next().unwrap();
            let is_named = |line: &str| {
                line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
            };
            let before = sections[..i].iter().flat_map(|section| section.lines());
            let before = before.chain(section.lines().take_while(|&other| other != line));
            let code = before.filter(|line| !line.trim_start().starts_with(['*', '/']));
            if rest.ends_with(';') || code.into_iter().any(is_named) {
                ahead.insert(format!("typedef struct {name} {name};"));
            }
        }
    }
    ahead
}

/// `include/{name}.h`
fn header(name: &str) -> String {
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).unwrap();
    let template = root().join(format!("src/ffi/{name}/{name}.h.in"));
    let template = fs::read_to_string(template).unwrap();
    let files = sections(name);
    let texts: Vec<_> = files.iter().map(|file| declarations(&config, file)).collect();
    let handles: Vec<_> = declared_ahead(&texts).into_iter().collect();
    let mut body = format!("{}\n\n", handles.join("\n"));
    for (file, text) in files.iter().zip(&texts).filter(|(_, text)| !text.is_empty()) {
        let rule = "-".repeat(95 - title(file).len());
        body += &format!("/* {} {rule} */\n\n{text}\n\n", title(file));
    }
    template.replace("@sections@", body.trim())
}

/// Compares a committed header with what it should be, or rewrites it.
fn check(path: &str, header: &str) {
    let file = root().join(path);
    if std::env::var_os("CMABI_UPDATE_HEADER").is_some() {
        fs::write(&file, header).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    let differs = committed.lines().zip(header.lines()).position(|(old, new)| old != new);
    assert!(
        committed == header,
        "{path} is not current (line {}): CMABI_UPDATE_HEADER=1 cargo test --test header",
        differs.map_or(committed.lines().count().min(header.lines().count()), |line| line + 1),
    );
}

#[test]
fn the_committed_headers_are_current() {
    for name in ["cmabi", "cmabi_engine"] {
        check(&format!("include/{name}.h"), &header(name));
    }
}

/// It is written here, because with cbindgen among what it depends on that package would build its engine twice.
#[test]
fn the_header_of_the_wasmtime_engine_is_current() {
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).unwrap();
    let dir = root().join("engines/wasmtime");
    let template = fs::read_to_string(dir.join("src/cmabi_wasmtime.h.in")).unwrap();
    let declared = declarations(&config, &dir.join("src/api.rs"));
    check(
        "engines/wasmtime/include/cmabi_wasmtime.h",
        &template.replace("@declarations@", &declared),
    );
}
