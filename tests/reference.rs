//! The cross-check with the specification's executable reference, where `CMABI_SPEC` is the path of a
//! checkout of the specification; `make reference SPEC=path` runs more of it.

use std::path::Path;
use std::process::Command;

const CASES: &str = "3000";

#[test]
fn agrees_with_the_reference() {
    let Some(checkout) = std::env::var_os("CMABI_SPEC") else {
        eprintln!("SKIPPED: CMABI_SPEC is not the path of a checkout of the specification");
        return;
    };
    let executable = std::env::current_exe().expect("a test is a file");
    let deps = executable.parent().and_then(Path::parent).expect("it is in target/PROFILE/deps");
    let status = Command::new("python3")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/check.py"))
        .args(["--cases", CASES, "--spec"])
        .arg(checkout)
        .arg("--lib")
        .arg(deps.join(format!(
            "{}cmabi{}",
            std::env::consts::DLL_PREFIX,
            std::env::consts::DLL_SUFFIX
        )))
        .status()
        .expect("python3 runs");
    assert!(status.success(), "see above");
}
