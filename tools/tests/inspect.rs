//! `cmabi inspect` and `cmabi bindgen` as a user meets them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn guest(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/guest").join(name)
}

fn cmabi(args: &[&str], input: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cmabi")).args(args).arg(input).output().unwrap()
}

fn stdout(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn failure(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_component_is_summed_up() {
    let text = stdout(&cmabi(&["inspect"], &guest("editor.wasm")));
    for part in [
        "component, 18606 bytes\n",
        "imports:\n  interface demo:editor/files\n    resource file\n    [constructor]file\n",
        "exports:\n  interface demo:editor/editing\n",
        "core modules:\n  0: without a name, 15283 bytes\n  1: wit-component:shim, 292 bytes\n",
        "processed-by: wit-bindgen-c 0.63.0\n",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
    let text = stdout(&cmabi(&["inspect"], &guest("jobs.wasm")));
    assert!(text.contains("async digest") && text.contains("cm-async"), "{text}");
}

#[test]
fn types_come_as_wit_that_code_is_generated_for() {
    let text = stdout(&cmabi(&["inspect", "--wit"], &guest("editor.wasm")));
    assert!(text.contains("close: static func(editor: editor) -> file;"), "{text}");
    let dir = tempfile::tempdir().unwrap();
    let wit = dir.path().join("editor.wit");
    std::fs::write(&wit, text).unwrap();
    let out = dir.path().to_str().unwrap();
    stdout(&cmabi(&["bindgen", "--lang", "cpp", "--out", out], &wit));
    assert!(dir.path().join("root.hpp").exists());
}

#[test]
fn json_is_for_programs() {
    let text = stdout(&cmabi(&["inspect", "--json"], &guest("app.wasm")));
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["kind"], "component");
    assert_eq!(json["imports"][0]["name"], "demo:app/log");
    assert_eq!(json["exports"][0]["functions"][0], "greet");
    assert_eq!(json["core_modules"].as_array().unwrap().len(), 3);
}

#[test]
fn a_core_module_is_told_from_a_component() {
    let dir = tempfile::tempdir().unwrap();
    let core = dir.path().join("core.wasm");
    std::fs::write(&core, wat::parse_str("(module $adder (memory 1))").unwrap()).unwrap();
    let text = stdout(&cmabi(&["inspect"], &core));
    assert!(text.starts_with("core module \"adder\", "), "{text}");
    assert!(text.contains("`wasm-tools component new`"), "{text}");
    assert!(failure(&cmabi(&["inspect", "--wit"], &core)).contains("a core module has no types"));
    let error = failure(&cmabi(&["bindgen", "--lang", "c"], &core));
    assert!(error.contains("core.wasm: a core module, not a component"), "{error}");
    std::fs::write(&core, "not wasm").unwrap();
    assert!(failure(&cmabi(&["inspect"], &core)).contains("this is not WebAssembly"));
    std::fs::write(&core, b"\0asm\x01\0\0\0\x01\xff").unwrap();
    failure(&cmabi(&["inspect"], &core));
}

#[test]
fn generated_files_are_current_or_not() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    let run = |more: &[&str]| {
        let args = [&["bindgen", "--lang", "c", "--stubs", "--out", out], more].concat();
        cmabi(&args, &guest("app.wit"))
    };
    assert!(failure(&run(&["--check"])).contains("app.h"));
    let depfile = dir.path().join("app.d");
    stdout(&run(&["--depfile", depfile.to_str().unwrap()]));
    let rule = std::fs::read_to_string(depfile).unwrap();
    assert!(rule.contains("app.h") && rule.trim_end().ends_with("app.wit"), "{rule}");
    stdout(&run(&["--check"]));
    assert!(failure(&run(&["--check", "--async", "all"])).contains("app.h"));
    let error = failure(&run(&["--async", "greet,none", "--async", "nothing"]));
    assert!(error.contains("`nothing`; there are crash, demo:app/log#line, "), "{error}");

    // A skeleton is the user's from then on.
    let stub = dir.path().join("app_host.c");
    std::fs::write(&stub, "mine").unwrap();
    std::fs::write(dir.path().join("app.h"), "stale").unwrap();
    let error = failure(&run(&["--check"]));
    assert!(
        error.contains("app.h") && !error.contains("app.c,") && !error.contains("host"),
        "{error}"
    );
    stdout(&run(&[]));
    assert_eq!(std::fs::read_to_string(stub).unwrap(), "mine");
    stdout(&run(&["--check"]));
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let out = file.join("below");
    let args = ["bindgen", "--lang", "cpp", "--out", out.to_str().unwrap()];
    let error = failure(&cmabi(&args, &guest("app.wit")));
    assert!(error.contains("below: "), "{error}");
}
