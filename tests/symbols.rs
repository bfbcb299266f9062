//! The shared library exports what the headers declare, and nothing else, under its versioned name.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The shared library that cargo built along with this test.
fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().join("libcmabi.so")
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).arg(library()).output();
    let output = output.unwrap_or_else(|error| panic!("{program} (of binutils): {error}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every function that the headers declare: the name before the first parenthesis of a line that
/// starts a prototype.
fn declared() -> BTreeSet<String> {
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    let headers = ["cmabi.h", "cmabi_engine.h"].map(|name| include.join(name));
    let headers = headers.map(|header| std::fs::read_to_string(header).unwrap()).concat();
    let starts_prototype =
        |line: &&str| !line.starts_with([' ', '#', '/', '}', '*']) && !line.starts_with("typedef");
    let name = |line: &str| {
        let before = line.split_once('(')?.0;
        let name = before.rsplit([' ', '*']).next()?;
        name.starts_with("cmabi_").then(|| name.to_owned())
    };
    headers.lines().filter(starts_prototype).filter_map(name).collect()
}

#[test]
fn exactly_the_declared_functions_are_exported() {
    let symbols = output("nm", &["-D", "--defined-only", "--format=posix"]);
    let exported: BTreeSet<String> =
        symbols.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    let declared = declared();
    assert!(declared.contains("cmabi_version"));
    let missing: Vec<_> = declared.difference(&exported).collect();
    assert!(missing.is_empty(), "declared but not exported: {missing:?}");
    let undeclared: Vec<_> = exported.difference(&declared).collect();
    assert!(undeclared.is_empty(), "exported but not declared: {undeclared:?}");
}

#[test]
fn the_library_has_its_versioned_name() {
    let dynamic = output("readelf", &["-d"]);
    let soname = dynamic.lines().find(|line| line.contains("(SONAME)")).unwrap_or_default();
    assert!(soname.contains("[libcmabi.so.0]"), "SONAME is {soname:?}");
    let flags = dynamic.lines().find(|line| line.contains("(FLAGS_1)")).unwrap_or_default();
    assert!(flags.contains("NODELETE"), "the flags are {flags:?}");
}
