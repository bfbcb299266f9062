//! The corpus in `wit/` has each construct in each position. What is generated for it compiles in each language
//! version, with every compiler that is there, and without a warning.

mod support;

use cmabi_bindgen::{File, Language};
use std::path::{Path, PathBuf};
use support::{compile, compilers, generated};

/// The worlds of the corpus.
const WORLDS: &[(&str, &str)] = &[
    ("values.wit", "values"),
    ("values.wit", "void"),
    ("names.wit", "words"),
    ("versions.wit", "versions"),
    ("later.wit", "later"),
    ("deps-world", "alarm"),
    ("worlds.wit", "imports"),
    ("worlds.wit", "import:worlds/exports"),
    ("worlds.wit", "error"),
    ("worlds.wit", "type"),
];

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wit").join(name)
}

fn write(dir: &Path, files: &[File]) {
    for file in files {
        std::fs::write(dir.join(&file.name), &file.text).unwrap();
    }
}

#[test]
fn every_file_of_the_corpus_is_generated_for() {
    for entry in std::fs::read_dir(corpus("")).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(WORLDS.iter().any(|(file, _)| name == *file), "{name:?} is in no list");
    }
}

#[test]
fn c_compiles() {
    for (file, world) in WORLDS {
        let dir = tempfile::tempdir().unwrap();
        let files = generated(&corpus(file), Some(world), Language::C);
        write(dir.path(), &files);
        for (compiler, standard) in compilers(Language::C) {
            for file in files.iter().filter(|file| file.name.ends_with(".c")) {
                compile(compiler, standard, &dir.path().join(&file.name));
            }
        }
        // The header is for C++, too.
        let both = dir.path().join("both.cpp");
        std::fs::write(&both, format!("#include \"{}\"\n", files[0].name)).unwrap();
        compile("c++", "-std=c++17", &both);
    }
}

#[test]
fn cpp_compiles_and_all_imports_can_be_offered() {
    for (file, world) in WORLDS {
        let dir = tempfile::tempdir().unwrap();
        let files = generated(&corpus(file), Some(world), Language::Cpp);
        write(dir.path(), &files);
        let base = files[0].name.trim_end_matches(".hpp");
        // The skeleton's functions are what templates are instantiated with.
        let offers = files[1].text.contains("_hosts {");
        let used = match offers {
            true => {
                format!("void use(cmabi::linker &to) {{ {base}_hosts all; all.add_to(to); }}\n")
            }
            false => String::new(),
        };
        let source = dir.path().join("use.cpp");
        let text = format!("#include \"{base}_host.hpp\"\nvoid use(cmabi::linker &to);\n{used}");
        std::fs::write(&source, text).unwrap();
        for (compiler, standard) in compilers(Language::Cpp) {
            compile(compiler, standard, &source);
        }
    }
}

#[test]
fn the_same_input_gives_the_same_text() {
    for (file, world) in WORLDS {
        for language in [Language::C, Language::Cpp] {
            let once = generated(&corpus(file), Some(world), language);
            assert_eq!(once, generated(&corpus(file), Some(world), language));
        }
    }
}

#[test]
fn a_component_gives_its_own_world() {
    let guest = support::root().join("examples/guest/editor.wasm");
    let files = generated(&guest, None, Language::Cpp);
    assert_eq!(files[0].name, "editor.hpp");
    assert!(files[0].text.contains("class editor {"), "{}", files[0].text);
    let files = generated(&guest, Some("Text Editor"), Language::C);
    assert_eq!(files[0].name, "text_editor.h");
}
