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

/// Too large to be run often.
#[test]
fn our_large_scripts_pass() {
    let (passed, out) = wast(&[concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/wast-large")]);
    assert!(passed, "{out}");
}

/// The specification's scripts, in a checkout of it that `CMABI_SPEC` names.
fn specification() -> Option<String> {
    let spec = std::env::var("CMABI_SPEC").ok();
    if spec.is_none() {
        eprintln!("CMABI_SPEC is not set: the specification's scripts are not run");
    }
    spec.map(|spec| format!("{spec}/test"))
}

/// Needs exceptions in the engine.
const EXCEPTIONS: &str = "/linking/tags.wast";

/// Where the parsers follow a later text. docs/conformance.md says in what.
const BEHIND_THE_PARSERS: [&str; 4] = [
    "/async/cancellable.wast",
    "/binary/binary.wast",
    "/validation/attributes.wast",
    "/validation/kebab.wast",
];

/// The reports on files, but for those that cannot pass; of that without exceptions it checks why.
fn reports<'a>(out: &'a str, spec: &str) -> Vec<&'a str> {
    let lines = out.lines().filter(|line| line.starts_with(spec));
    let lines = lines.filter(|line| !BEHIND_THE_PARSERS.iter().any(|file| line.contains(file)));
    let (tags, others): (Vec<_>, _) = lines.partition(|line| line.contains(EXCEPTIONS));
    let loading: Vec<_> =
        tags.iter().filter(|line| line.contains("expected an instance")).collect();
    assert!(!loading.is_empty(), "{out}");
    for failure in loading {
        assert!(failure.contains("the wasmi engine does not have core exceptions"), "{failure}");
    }
    others
}

#[test]
fn the_specifications_scripts_pass() {
    let Some(spec) = specification() else { return };
    for args in [&[&*spec][..], &["--seeds", "20", &spec]] {
        let (_, out) = wast(args);
        let reports = reports(&out, &spec);
        assert!(reports.len() >= 58, "{} reports", reports.len());
        for report in reports {
            assert!(report.ends_with(" passed, 0 failed"), "{args:?}: {report}");
        }
    }
}

/// Where a script relies on an order that the specification's text leaves open. docs/spec-map.md explains each.
const AGAINST_THE_TEXT: [&str; 4] = [
    "/async/async-calls-sync.wast",
    "/async/big-interleaving-test.wast",
    "/async/drop-subtask.wast",
    "/async/sync-streams.wast",
];

#[test]
fn by_the_specifications_text_the_other_scripts_pass() {
    let Some(spec) = specification() else { return };
    let (_, out) = wast(&["--text", "--seeds", "20", &spec]);
    for report in reports(&out, &spec) {
        let passed = report.ends_with(" passed, 0 failed");
        assert!(passed || AGAINST_THE_TEXT.iter().any(|file| report.contains(file)), "{report}");
    }
}
