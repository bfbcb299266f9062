//! `cmabi wast` as a user meets it: output and exit status.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A directory of its own for a test, removed afterwards.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("cmabi-wast-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Dir(path)
    }

    fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, contents).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        // A leftover in the directory for temporary files does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The exit status, and what was printed on both streams.
fn cmabi(args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cmabi")).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn wast(path: &Path) -> (i32, String) {
    let (status, out, _) = cmabi(&["wast", path.to_str().unwrap()]);
    (status, out.replace(path.to_str().unwrap(), "FILE"))
}

const VALUES: &str = r#"
(component $C
  (core module $M
    (memory (export "mem") 1)
    (data (i32.const 16) "h\c3\a9\22")
    (func (export "add") (param i32 i32) (result i32)
      (i32.add (local.get 0) (local.get 1)))
    (func (export "text") (result i32)
      (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 4))
      (i32.const 0))
    (func (export "nan") (result f64) (f64.const -nan))
    (func (export "fail") (unreachable)))
  (core instance $m (instantiate $M))
  (type $ok' (enum "ok" "not-ok"))
  (export $ok "ok-enum" (type $ok'))
  (func (export "add") (param "a" u8) (param "b" u8) (result u8)
    (canon lift (core func $m "add")))
  (func (export "case") (param "a" u8) (param "b" u8) (result $ok)
    (canon lift (core func $m "add")))
  (func (export "text") (result string)
    (canon lift (core func $m "text") (memory (core memory $m "mem"))))
  (func (export "nan") (result f64) (canon lift (core func $m "nan")))
  (func (export "fail") (canon lift (core func $m "fail"))))
(assert_return (invoke "add" (u8.const 250) (u8.const 5)) (u8.const 255))
(assert_return (invoke "case" (u8.const 0) (u8.const 0)) (enum.const "ok"))
(assert_return (invoke "text") (str.const "h\u{e9}\""))
(assert_return (invoke "nan") (f64.const nan))
(assert_trap (invoke "fail") "unreachable")
(assert_trap (invoke "add" (u8.const 1) (u8.const 2)) "cannot enter component instance")
(component instance $c $C)
(assert_return (invoke $c "add" (u8.const 1) (u8.const 2)) (u8.const 3))
"#;

const CORE: &str = r#"
(module $a
  (func (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (global (export "g") i64 (i64.const 7))
  (func $r (export "recurse") (call $r))
  (func (export "nan") (result f32) (f32.const nan)))
(assert_return (invoke "f" (i32.const 4)) (i32.const 5))
(assert_return (get "g") (i64.const 7))
(assert_return (invoke "nan") (f32.const nan:canonical))
(assert_exhaustion (invoke "recurse") "call stack exhausted")
(register "a" $a)
(module (import "a" "f" (func $f (param i32) (result i32)))
  (func (export "twice") (param i32) (result i32) (call $f (call $f (local.get 0)))))
(assert_return (invoke "twice" (i32.const 1)) (i32.const 3))
(assert_unlinkable (module (import "a" "f" (func))) "incompatible import type")
(assert_unlinkable (module (import "b" "f" (func))) "unknown import")
(assert_invalid (module (func (result i32))) "type mismatch")
(assert_malformed (module quote "(func") "expected `)`")
(assert_trap (module (func $s unreachable) (start $s)) "unreachable")
(assert_return (invoke $a "f" (i32.const 4)) (i32.const 5))
"#;

#[test]
fn runs_components_and_core_modules() {
    let dir = Dir::new("passes");
    for (text, count) in [(VALUES, 9), (CORE, 14)] {
        let expected = format!("FILE: {count} passed, 0 failed\n{count} passed, 0 failed\n");
        assert_eq!(wast(&dir.file("a.wast", text)), (0, expected));
    }
}

#[test]
fn says_where_what_was_expected_and_got() {
    let dir = Dir::new("fails");
    let script = format!(
        "{VALUES}{}",
        r#"(component instance $d $C)
(assert_return (invoke "add" (u8.const 1) (u8.const 2)) (u8.const 4))
(assert_trap (invoke "add" (u8.const 1) (u8.const 2)) "unreachable")
(assert_trap (invoke "fail") "integer overflow")
(assert_invalid (component) "anything")
(invoke "ad")"#
    );
    let (status, out) = wast(&dir.file("a.wast", script));
    assert_eq!(status, 1);
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(lines.first(), Some(&"FILE: 10 passed, 5 failed"));
    assert_eq!(lines.last(), Some(&"10 passed, 5 failed"));
    for expected in [
        "FILE:33:2: expected 4, got 3",
        "FILE:34:2: expected trap \"unreachable\", got success",
        "FILE:35:2: expected trap \"integer overflow\", got ",
        "FILE:36:2: expected invalid \"anything\", got success",
        "FILE:37:2: expected no trap, got no export \"ad\": there ",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(expected)), "{expected}\n{out}");
    }
}

#[test]
fn runs_files_under_many_schedules() {
    let dir = Dir::new("seeds");
    let file = dir.file("a.wast", VALUES);
    let path = file.to_str().unwrap();
    let (status, out, _) = cmabi(&["wast", "--seeds", "3", path]);
    assert_eq!((status, out.lines().last()), (0, Some("27 passed, 0 failed")));
    let file = dir.file("b.wast", "(component)(invoke \"f\")");
    let (_, out, _) = cmabi(&["wast", "--seed", "5", "--seeds", "2", file.to_str().unwrap()]);
    assert!(out.contains(":1:13 (seed 5): ") && out.contains(":1:13 (seed 6): "), "{out}");
}

#[test]
fn reports_files_that_are_no_scripts() {
    let dir = Dir::new("bad");
    let cases: [(&[u8], &str); 3] = [
        (b"(component\n  (foo", "FILE:2:4: expected valid component field"),
        (b"(assert_nothing (component))", "FILE:1:2: unexpected token"),
        (b"\xff", "FILE: not UTF-8 text: "),
    ];
    for (contents, message) in cases {
        let (status, out) = wast(&dir.file("a.wast", contents));
        assert_eq!(status, 1);
        assert!(out.contains(message), "{out}");
        assert!(out.ends_with("0 passed, 1 failed\n"), "{out}");
    }
    let (status, out) = wast(&dir.0.join("missing.wast"));
    assert!(status == 1 && out.contains("FILE: No such file"), "{out}");
}

#[test]
fn searches_directories() {
    let dir = Dir::new("dir");
    std::fs::create_dir_all(dir.0.join("deeper")).unwrap();
    dir.file("deeper/one.wast", VALUES);
    dir.file("two.wast", CORE);
    dir.file("notes.txt", "no script");
    let path = dir.0.to_str().unwrap();
    let (status, out, _) = cmabi(&["wast", path]);
    assert_eq!((status, out.lines().last()), (0, Some("23 passed, 0 failed")));
    let (status, out, _) = cmabi(&["wast", "--filter", "deeper", path]);
    assert_eq!((status, out.lines().last()), (0, Some("9 passed, 0 failed")));
    for (args, message) in [
        (["wast", "--filter", "three", path], "no file has \"three\" in its path"),
        (["wast", "--filter", "", "/dev"], "/dev has no .wast files"),
    ] {
        let (status, out, error) = cmabi(&args);
        assert_eq!((status, out.as_str()), (2, ""));
        assert!(error.contains(message), "{error}");
    }
}

/// Two instances with a function `f` each, that answers 1 or 2.
const TWO: &str = r#"
(component $a (core module $m (func (export "f") (result i32) (i32.const 1))) (core instance $i (instantiate $m))
  (func (export "f") (result u32) (canon lift (core func $i "f"))))
(component $b (core module $m (func (export "f") (result i32) (i32.const 2))) (core instance $i (instantiate $m))
  (func (export "f") (result u32) (canon lift (core func $i "f"))))
"#;

#[test]
fn a_second_register_of_a_name_counts() {
    let dir = Dir::new("register");
    let script = format!(
        "{TWO}{}",
        r#"(register "x" $a)
(register "x" $b)
(component (import "x" (instance $x (export "f" (func (result u32))))) (export "f" (func $x "f")))
(assert_return (invoke "f") (u32.const 2))
(assert_return (invoke $a "f") (u32.const 1))"#
    );
    let (status, out) = wast(&dir.file("a.wast", script));
    assert_eq!((status, out.lines().last()), (0, Some("7 passed, 0 failed")), "{out}");
}

#[test]
fn a_registered_instance_need_not_have_types_that_are_known() {
    let dir = Dir::new("eq");
    let script = r#"
(component $h (core module $m (func (export "f") (result i32) (i32.const 7))) (core instance $i (instantiate $m))
  (func (export "f") (result u32) (canon lift (core func $i "f"))))
(register "h" $h)
(component
  (import "h" (instance $h
    (type $r' (record (field "x" u32))) (export "rec" (type $r (eq $r')))
    (export "f" (func (result u32)))))
  (alias export $h "rec" (type $rec))
  (export "rec" (type $rec))
  (export "f" (func $h "f")))
(assert_return (invoke "f") (u32.const 7))"#;
    let (status, out) = wast(&dir.file("a.wast", script));
    assert_eq!((status, out.lines().last()), (0, Some("4 passed, 0 failed")), "{out}");
}

/// By the specification's text a task traps when it blocks, and not before.
#[test]
fn only_blocking_is_blocking() {
    let dir = Dir::new("blocking");
    let script = r#"
(component definition $T
  (core func $d (canon subtask.drop))
  (core module $m (import "" "d" (func $d (param i32)))
    (func (export "unreachable") unreachable)
    (func (export "handle") (call $d (i32.const 99))))
  (core instance $i (instantiate $m (with "" (instance (export "d" (func $d))))))
  (func (export "unreachable") (canon lift (core func $i "unreachable")))
  (func (export "handle") (canon lift (core func $i "handle"))))
(component instance $i $T)
(assert_trap (invoke "unreachable") "cannot block a synchronous task before returning")
(component instance $i $T)
(assert_trap (invoke "handle") "cannot block a synchronous task before returning")"#;
    let (_, out) = wast(&dir.file("a.wast", script));
    assert_eq!(out.lines().last(), Some("3 passed, 2 failed"), "{out}");
    assert!(out.contains("unreachable` instruction") && out.contains("unknown handle"), "{out}");
    // Two of its scripts do that all the same.
    let (_, out) = wast(&dir.file("trap-if-block-and-sync.wast", script));
    assert_eq!(out.lines().last(), Some("5 passed, 0 failed"), "{out}");
}

#[test]
fn a_script_that_does_not_end_is_left() {
    let dir = Dir::new("timeout");
    let endless = dir.file(
        "a.wast",
        "(module (func (export \"f\") (loop (br 0))))\n(invoke \"f\")\n(assert_invalid (module) \"\")",
    );
    let other = dir.file("b.wast", "(module)");
    let paths = [endless.to_str().unwrap(), other.to_str().unwrap()];
    let (status, out, _) = cmabi(&["wast", "--timeout", "1", "--seeds", "3", paths[0], paths[1]]);
    assert_eq!((status, out.lines().last()), (1, Some("4 passed, 1 failed")), "{out}");
    assert!(out.contains("a.wast:2:2 (seed 1): not over after 1 s (--timeout)"), "{out}");
}

#[test]
fn memories_have_a_limit() {
    let dir = Dir::new("memory");
    let script = r#"(module (memory 17)) (component (core module $m (memory 17)) (core instance (instantiate $m)))
(module (memory 16))"#;
    let path = dir.file("a.wast", script);
    let (status, out, _) = cmabi(&["wast", "--max-memory-mib", "1", path.to_str().unwrap()]);
    assert_eq!((status, out.lines().last()), (1, Some("1 passed, 2 failed")), "{out}");
    let (status, _, _) = cmabi(&["wast", path.to_str().unwrap()]);
    assert_eq!(status, 0);
}

/// What no directive can reach any more is freed: these are 480 MB, and there is room for a few of them.
#[cfg(target_os = "linux")]
#[test]
fn instances_go_when_no_directive_can_reach_them() {
    let dir = Dir::new("reach");
    let (core, component) =
        ("(memory 160)", "(core module $m (memory 160)) (core instance (instantiate $m))");
    let mut script = String::new();
    for _ in 0..12 {
        script += &format!(
            "(module {core})\n(module $never {core})\n(component {component})\n(component $c {component})\n"
        );
    }
    let path = dir.file("a.wast", script);
    let limited = format!("ulimit -v 400000; exec {:?} wast {path:?}", env!("CARGO_BIN_EXE_cmabi"));
    let output = Command::new("sh").args(["-c", &limited]).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && out.ends_with("48 passed, 0 failed\n"), "{out}");
}

/// The exit status and the error output of a command whose output goes to `out`.
#[cfg(target_os = "linux")]
fn into(out: impl Into<std::process::Stdio>, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cmabi"));
    let output = command.args(args).stdout(out).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn says_when_its_output_cannot_be_written() {
    let dir = Dir::new("output");
    let script = dir.file("a.wast", "(module)");
    let args = ["wast", script.to_str().unwrap()];
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (status, error) = into(full(), &args);
    assert_eq!(status, Some(1), "{error}");
    assert!(error.starts_with("error: the output could not be written: No space left"), "{error}");
    // A pipe that nobody reads.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(into(writer, &args), (Some(141), String::new()));
    // Nor can an error be told.
    let mut command = Command::new(env!("CARGO_BIN_EXE_cmabi"));
    let status = command.args(["wast", "--filter", "none"]).arg(&script).stderr(full()).status();
    assert_eq!(status.unwrap().code(), Some(2));
}
