//! The scripts in `tests/wast`, and the specification's own where they are given.

use std::process::Command;

/// The exit status and what was printed.
fn wast(args: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cmabi")).arg("wast").args(args).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn our_scripts_pass_under_many_schedules() {
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/wast");
    for args in [&[ours][..], &["--seeds", "10", ours], &["--text", "--seeds", "10", ours]] {
        let (passed, out) = wast(args);
        assert!(passed, "{args:?}\n{out}");
    }
}

/// Wants the path of a checkout of the specification in `CMABI_SPEC`.
#[test]
fn the_specifications_scripts_pass() {
    let Ok(spec) = std::env::var("CMABI_SPEC") else {
        eprintln!("CMABI_SPEC is not set: the specification's scripts are not run");
        return;
    };
    let (_, out) = wast(&[&format!("{spec}/test")]);
    for line in out.lines().filter(|line| line.contains(": expected")) {
        assert!(line.contains("/linking/tags.wast:"), "{line}");
    }
    assert!(out.lines().last().is_some_and(|total| !total.starts_with("0 ")), "{out}");
}
