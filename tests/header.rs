//! `include/cmabi.h` is what cbindgen writes from `src/ffi/`.
//!
//! `CMABI_UPDATE_HEADER=1 cargo test --test header` rewrites it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of `src/ffi/` in the order of the `pub mod` lines of its `mod.rs`.
fn sections() -> Vec<PathBuf> {
    let dir = root().join("src/ffi");
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
    config.export.include = public_types(file);
    let bindings = cbindgen::Builder::new().with_config(config).with_src(file).generate().unwrap();
    let mut text = Vec::new();
    bindings.write(&mut text);
    let text = String::from_utf8(text).unwrap();
    let text = text.replace("#ifdef __cplusplus\nextern \"C\" {\n#endif // __cplusplus\n", "");
    let text = text.replace("#ifdef __cplusplus\n}  // extern \"C\"\n#endif  // __cplusplus\n", "");
    let lines: Vec<_> = text.lines().map(without_tags).collect();
    lines.join("\n").trim().replace("\n\n\n", "\n\n")
}

/// Struct tags are written where they are declared only; elsewhere the typedef's name serves.
fn without_tags(line: &str) -> String {
    if line.starts_with("typedef struct ") {
        line.into()
    } else {
        line.replace("struct cmabi_", "cmabi_")
    }
}

/// cbindgen leaves out types that no function of the same file uses.
fn public_types(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let name = |line: &str| {
        let rest = ["pub struct ", "pub enum ", "pub type ", "pub union "]
            .iter()
            .find_map(|keyword| line.strip_prefix(keyword))?;
        rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned)
    };
    text.lines().filter_map(name).collect()
}

fn header() -> String {
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).unwrap();
    let (mut handles, mut body) = (BTreeSet::new(), String::new());
    for file in sections() {
        let text = declarations(&config, &file);
        if text.is_empty() {
            continue;
        }
        let forward = |line: &&str| line.starts_with("typedef struct ") && line.ends_with(';');
        handles.extend(text.lines().filter(forward).map(str::to_owned));
        let rule = "-".repeat(95 - title(&file).len());
        body += &format!("/* {} {rule} */\n\n{text}\n\n", title(&file));
    }
    let handles = handles.into_iter().collect::<Vec<_>>().join("\n");
    let (start, end) = (config.header.unwrap(), config.trailer.unwrap());
    format!("{}\n\n{handles}\n\n{body}{}\n", start.trim(), end.trim())
}

#[test]
fn the_committed_header_is_current() {
    let path = root().join("include/cmabi.h");
    let header = header();
    if std::env::var_os("CMABI_UPDATE_HEADER").is_some() {
        fs::write(&path, &header).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let differs = committed.lines().zip(header.lines()).position(|(old, new)| old != new);
    assert!(
        committed == header,
        "include/cmabi.h is not current (line {}): CMABI_UPDATE_HEADER=1 cargo test --test header",
        differs.map_or(committed.lines().count().min(header.lines().count()), |line| line + 1),
    );
}
