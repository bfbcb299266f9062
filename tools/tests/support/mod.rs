//! Running programs as `cmabi run` does.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub fn guest(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/wasi").join(name)
}

/// A folder that is removed again.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("cmabi-wasi-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, contents: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// `--dir` for a folder in it, which the guest knows as `/NAME`.
    pub fn dir(&self, name: &str) -> String {
        format!("--dir={}::/{}", self.path(name).display(), name.trim_end_matches(":ro"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn command(options: &[&str], wasm: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cmabi"));
    command.arg("run").args(options).arg(wasm).arg("--").args(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The exit status and both outputs.
pub struct Ran(pub i32, pub String, pub String);

pub fn finish(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran(output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

pub fn run_command(mut command: Command, stdin: &[u8]) -> Ran {
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let stdin = stdin.to_owned();
    // A program that does not read all of it closes the pipe.
    let writer = std::thread::spawn(move || drop(input.write_all(&stdin)));
    let ran = finish(child);
    writer.join().unwrap();
    ran
}

/// Has a program run a script, and compares what comes out: `operation -> outcome` in each line, whose words are
/// separated by spaces.
#[track_caller]
pub fn check(program: Command, script: &str) {
    let steps = script.lines().map(str::trim).filter(|line| !line.is_empty());
    let steps: Vec<_> = steps.map(|line| line.split_once(" -> ").expect(line)).collect();
    let input: Vec<_> = steps.iter().map(|(step, _)| step.replace(' ', "\t")).collect();
    let Ran(status, out, err) = run_command(program, (input.join("\n") + "\n").as_bytes());
    assert_eq!(status, 0, "{err}");
    let outcomes: Vec<_> = out.lines().collect();
    assert_eq!(outcomes.len(), steps.len());
    for ((step, expected), outcome) in steps.iter().zip(outcomes) {
        assert_eq!(outcome, *expected, "{step}");
    }
}
