//! Code shown in the README and in docs/ is code that is compiled and run: a block that follows a
//! line `<!-- from FILE -->` stands in FILE, word for word, perhaps indented in either. The map of the
//! sources names files that exist, and the pictures of benchmarks are ones that are drawn.

use std::fs;
use std::path::{Path, PathBuf};

/// A fenced block and the file that it is said to be from.
struct Block {
    file: PathBuf,
    lines: Vec<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = markdown.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let from = line.strip_prefix("<!-- from ").and_then(|rest| rest.strip_suffix(" -->"));
        let Some(file) = from else { continue };
        let fence = lines.next().unwrap_or_default();
        assert!(fence.starts_with("```"), "no block follows `{line}`");
        let lines = lines.by_ref().take_while(|line| *line != "```").map(str::to_owned).collect();
        blocks.push(Block { file: root().join(file), lines });
    }
    blocks
}

/// Whether `block` is a run of `source`'s lines, but for indentation.
fn contains(source: &str, block: &[String]) -> bool {
    let source: Vec<&str> = source.lines().map(str::trim).collect();
    let block: Vec<&str> = block.iter().map(|line| line.trim()).collect();
    source.windows(block.len()).any(|window| window == block)
}

fn check(document: &str) -> usize {
    let text = fs::read_to_string(root().join(document)).unwrap();
    let blocks = blocks(&text);
    for block in &blocks {
        let source = fs::read_to_string(&block.file)
            .unwrap_or_else(|error| panic!("{document}: {}: {error}", block.file.display()));
        assert!(
            contains(&source, &block.lines),
            "{document} shows something else than {}:\n{}",
            block.file.display(),
            block.lines.join("\n"),
        );
    }
    blocks.len()
}

#[test]
fn the_readme_shows_code_that_is_compiled() {
    assert!(check("README.md") >= 2, "the README shows a program in C and one in C++");
}

#[test]
fn the_documentation_shows_code_that_is_compiled() {
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            check(path.strip_prefix(root()).unwrap().to_str().unwrap());
        }
    }
}

#[test]
fn the_map_names_files_that_exist() {
    let source = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let rows = source.lines().filter(|line| line.starts_with("//! |"));
    let names: Vec<&str> =
        rows.flat_map(|row| row.split('`')).filter(|word| word.ends_with(".rs")).collect();
    assert!(names.len() > 20);
    for name in names {
        assert!(root().join("src").join(name).exists(), "src/{name} does not exist");
    }
}

#[test]
fn the_pictures_of_benchmarks_are_drawn() {
    let page = fs::read_to_string(root().join("docs/benchmarks.md")).unwrap();
    let plots = fs::read_to_string(root().join("benches/plots/src/main.rs")).unwrap();
    let shown = page.split("](benchmarks/").skip(1);
    let shown: Vec<&str> = shown.map(|rest| rest.split(".svg)").next().unwrap()).collect();
    assert!(shown.len() > 5);
    for name in shown {
        assert!(plots.contains(&format!("\"{name}\"")), "{name}.svg is not drawn");
    }
}
