//! docs/command.md shows commands and what they print: they are run here, in a folder with the guests of the examples.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The guests, the scripts and the text that the page speaks of.
fn fill(folder: &Path) {
    fs::create_dir_all(folder.join("scripts")).unwrap();
    let lists = [
        ("examples/guest", ""),
        ("examples/guest/untrusted", ""),
        ("tests/wasi", ""),
        ("tests/wast", "scripts"),
    ];
    for (from, to) in lists {
        for entry in fs::read_dir(root().join(from)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap();
            let is_shown =
                path.extension().is_some_and(|ext| ext == "wasm" || ext == "wit" || ext == "wast");
            if is_shown {
                fs::copy(&path, folder.join(to).join(name)).unwrap();
            }
        }
    }
    fs::copy(root().join("examples/wasi/poem.txt"), folder.join("poem.txt")).unwrap();
}

/// The commands of the blocks for a console, each with the lines that it prints.
fn commands(markdown: &str) -> Vec<(&str, Vec<&str>)> {
    let mut commands: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut inside = false;
    for line in markdown.lines() {
        match line.strip_prefix("$ ") {
            _ if line.starts_with("```") => inside = line == "```console",
            _ if !inside => {}
            Some(command) => commands.push((command, Vec::new())),
            None => commands.last_mut().expect("a command comes first").1.push(line),
        }
    }
    commands
}

/// Whether these lines were printed; `…` stands for any number of them.
fn matches(expected: &[&str], printed: &[&str]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((&"…", rest)) => {
            (0..=printed.len()).any(|skipped| matches(rest, &printed[skipped..]))
        }
        Some((first, rest)) => {
            printed.split_first().is_some_and(|(line, left)| line == first && matches(rest, left))
        }
    }
}

#[test]
fn commands_print_what_the_page_says() {
    let page = fs::read_to_string(root().join("docs/command.md")).unwrap();
    let folder = std::env::temp_dir().join(format!("cmabi-command-{}", std::process::id()));
    fill(&folder);
    let binary = Path::new(env!("CARGO_BIN_EXE_cmabi")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let commands = commands(&page);
    assert!(commands.len() > 10);
    for (command, expected) in commands {
        let shell = format!("{{ {command}; }} 2>&1");
        let run = Command::new("sh")
            .args(["-c", &shell])
            .current_dir(&folder)
            .env("PATH", &path)
            .output()
            .unwrap();
        let printed = String::from_utf8(run.stdout).unwrap();
        let lines: Vec<&str> = printed.lines().collect();
        assert!(
            matches(&expected, &lines),
            "{command}\nprinted:\n{printed}\nthe page has:\n{}",
            expected.join("\n")
        );
    }
    fs::remove_dir_all(&folder).unwrap();
}
