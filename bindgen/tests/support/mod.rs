//! What the tests of generated code share.

use cmabi_bindgen::{File, Input, Language, Options, generate};
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The code for a world of what is at a path.
pub(crate) fn generated(path: &Path, world: Option<&str>, language: Language) -> Vec<File> {
    let input = Input::load(path, world).unwrap_or_else(|error| panic!("{error}"));
    let options = Options { equality: true, ostream: true, stubs: true, ..Options::default() };
    generate(input, language, &options).unwrap_or_else(|error| panic!("{error}"))
}

/// Warnings that generated code must be free of.
pub(crate) const WARNINGS: &[&str] =
    &["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"];

/// The compilers of a language that are there, with the standards that they know.
pub(crate) fn compilers(language: Language) -> Vec<(&'static str, &'static str)> {
    let (names, standards): (_, &[&str]) = match language {
        Language::C => (["gcc", "clang"], &["-std=c11", "-std=c17"]),
        Language::Cpp => (["g++", "clang++"], &["-std=c++17", "-std=c++20"]),
    };
    let is_there = |name: &&str| Command::new(name).arg("--version").output().is_ok();
    let names = names.into_iter().filter(is_there);
    let all = names.flat_map(|name| standards.iter().map(move |&standard| (name, standard)));
    let all: Vec<_> = all.collect();
    assert!(!all.is_empty(), "there is no compiler");
    all
}

/// Looks for errors and warnings in a source file.
pub(crate) fn compile(compiler: &str, standard: &str, source: &Path) {
    let output = Command::new(compiler)
        .args([standard, "-fsyntax-only", "-I"])
        .arg(root().join("include"))
        .args(WARNINGS)
        .arg(source)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{compiler} {standard} {}:\n{}",
        source.display(),
        String::from_utf8_lossy(&output.stderr)
    );
}
