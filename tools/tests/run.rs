//! `cmabi run` as a user meets it.

use std::path::PathBuf;
use std::process::Command;

const COMPONENT: &str = r#"
(component
  (component $Inner
    (core module $M (func (export "fail") (unreachable)))
    (core instance $m (instantiate $M))
    (func (export "fail") (canon lift (core func $m "fail"))))
  (component $Main
    (import "fail" (func $fail))
    (core func $fail' (canon lower (func $fail)))
    (core module $M
      (import "" "fail" (func $fail))
      (memory (export "mem") 1)
      (global $next (mut i32) (i32.const 64))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (global.get $next)
        (global.set $next (i32.add (global.get $next) (local.get 3))))
      (func (export "run") (result i32) (i32.const 42))
      (func (export "echo") (param i32 i32) (result i32)
        (i32.store (i32.const 0) (local.get 0)) (i32.store (i32.const 4) (local.get 1))
        (i32.const 0))
      (func (export "fail") (call $fail))
      (func (export "spin") (loop (br 0))))
    (core instance $m (instantiate $M
      (with "" (instance (export "fail" (func $fail'))))))
    (func (export "run") (result u32) (canon lift (core func $m "run")))
    (func (export "echo") (param "text" string) (result string)
      (canon lift (core func $m "echo") (memory (core memory $m "mem"))
        (realloc (core func $m "realloc"))))
    (func (export "fail") (canon lift (core func $m "fail")))
    (func (export "spin") (canon lift (core func $m "spin"))))
  (instance $inner (instantiate $Inner))
  (instance $main (instantiate $Main (with "fail" (func $inner "fail"))))
  (export "run" (func $main "run"))
  (export "echo" (func $main "echo"))
  (export "fail" (func $main "fail"))
  (export "spin" (func $main "spin"))
  (export "demo:app/api@1.0.0" (instance $main)))
"#;

/// A file that is removed again.
struct File(PathBuf);

impl File {
    fn new(name: &str, contents: &[u8]) -> Self {
        let name = format!("cmabi-run-{}-{name}.wasm", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, contents).unwrap();
        File(path)
    }

    fn component(name: &str, text: &str) -> Self {
        File::new(name, &wat::parse_str(text).unwrap())
    }

    /// The exit status and both outputs of `cmabi run` with these options.
    fn run(&self, options: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cmabi"));
        let output = command.arg("run").args(options).arg(&self.0).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    #[track_caller]
    fn fails(&self, options: &[&str], status: i32, messages: &[&str]) {
        let (code, out, error) = self.run(options);
        assert_eq!((code, out.as_str()), (status, ""), "{error}");
        for message in messages {
            assert!(error.contains(message), "{message}\n{error}");
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // A leftover in the directory for temporary files does no harm.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn prints_results() {
    let file = File::component("prints", COMPONENT);
    for (options, result) in [
        (&[][..], "42\n"),
        (&["--invoke", "run()"], "42\n"),
        (&["--invoke", " echo (\"Grüße\\n\") "], "\"Grüße\\n\"\n"),
        (&["--invoke", "demo:app/api@1.0.0#run()", "--seed", "3", "--fuel", "1000"], "42\n"),
    ] {
        assert_eq!(file.run(options), (0, result.into(), String::new()));
    }
}

#[test]
fn runs_what_compile_has_made() {
    let file = File::component("compiles", COMPONENT);
    let compile = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cmabi"));
        command.arg("compile").args(["--engine", "wasmi"]).args(args).output().unwrap()
    };
    let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let compiled = File(file.0.with_extension("cmabi"));
    // Twice: over what is there.
    for _ in 0..2 {
        let output = compile(&[&text(&file.0)]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(compiled.run(&[]), (0, "42\n".into(), String::new()));
    }
    let fails = |args: &[&str], message: &str| {
        let output = compile(args);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(message), "{error}");
    };
    fails(&[&text(&file.0), "-o", "/no/such/folder/x.cmabi"], "/no/such/folder/x.cmabi");
    fails(&["/no/such/file.wasm"], "/no/such/file.wasm");
    fails(&["-"], "--output is missing");

    let mut bytes = std::fs::read(&compiled.0).unwrap();
    let end = bytes.len() - 100;
    bytes[end] ^= 1;
    File::new("damaged", &bytes).fails(&[], 1, &["is damaged"]);
    File::new("cut-off", &bytes[..end]).fails(&[], 1, &["is cut off"]);
}

#[test]
fn looks_whether_there_is_a_cache() {
    let file = File::component("cache", COMPONENT);
    let folder = File(std::env::temp_dir().join(format!("cmabi-run-{}-cache", std::process::id())));
    let dir = folder.0.to_str().unwrap();
    // The interpreter has nothing to keep there.
    assert_eq!(file.run(&["--cache", dir]), (0, "42\n".into(), String::new()));
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);
    std::fs::remove_dir(&folder.0).unwrap();
    file.fails(&["--cache", file.0.to_str().unwrap()], 1, &["is not a folder"]);
}

#[test]
fn runs_without_imports_that_are_never_called() {
    let text = r#"(component
        (import "demo:app/log@1.0.0" (instance $log (export "line" (func))))
        (core func $line (canon lower (func $log "line")))
        (core module $M
          (import "" "line" (func $line))
          (func (export "run") (result i32) (i32.const 42))
          (func (export "log") (call $line)))
        (core instance $m (instantiate $M (with "" (instance (export "line" (func $line))))))
        (func (export "run") (result u32) (canon lift (core func $m "run")))
        (func (export "log") (canon lift (core func $m "log"))))"#;
    let file = File::component("needy", text);
    file.fails(&[], 1, &["import demo:app/log@1.0.0: missing"]);
    let all = "--trap-unknown-imports";
    assert_eq!(file.run(&[all]), (0, "42\n".into(), String::new()));
    let one = "--trap-unknown-imports=demo:app/log";
    assert_eq!(file.run(&[one]), (0, "42\n".into(), String::new()));
    file.fails(&["--trap-unknown-imports=demo:app/other"], 1, &["missing"]);
    let chain = ["the import demo:app/log@1.0.0#line was called", "0: host function", "2: log ("];
    file.fails(&["--invoke", "log()", all], 134, &chain);
}

#[test]
fn tells_why_and_where_a_guest_trapped() {
    let file = File::component("traps", COMPONENT);
    let chain =
        ["wasm trap: wasm `unreachable` instruction executed", "wasm backtrace:", ": fail ("];
    file.fails(&["--invoke", "fail()"], 134, &chain);
    let spin = ["--invoke", "spin()", "--fuel", "10000"];
    file.fails(&spin, 134, &["all fuel consumed"]);
}

#[test]
fn says_what_is_wrong_with_a_call() {
    let file = File::component("calls", COMPONENT);
    file.fails(&["--invoke", "rum()"], 1, &["no export \"rum\"", "\"run\""]);
    file.fails(&["--invoke", "echo(1)"], 1, &["expected string, found `1`"]);
    let ty = "arguments for func(text: string) -> string";
    let missing = "the arguments are missing: the function is func(text: string) -> string";
    file.fails(&["--invoke", "echo()"], 1, &[missing]);
    file.fails(&["--invoke", "echo(\"a\", 2)"], 1, &[ty, "expected 1 values, found 2"]);
    file.fails(&["--invoke", "run(1)"], 1, &["takes no arguments"]);
    file.fails(&["--invoke", "run(())"], 1, &["takes no arguments"]);
    file.fails(&["--invoke", "run"], 1, &["write name(arguments)"]);
    file.fails(&["--invoke", "demo:app/api@1.0.0()"], 1, &["is an instance, not a function"]);
    file.fails(&["--invoke", "echo#x()"], 1, &["\"echo\" is a function, not an instance"]);
    let all = "there is \"run\", \"echo\", \"fail\", \"spin\" and \"demo:app/api@1.0.0\"";
    file.fails(&["--invoke", "completely-different()"], 1, &[all]);
}

#[test]
fn says_what_is_wrong_with_a_file() {
    File(PathBuf::from("/nonexistent.wasm")).fails(&[], 1, &["nonexistent.wasm: No such file"]);
    File::new("garbage", b"garbage").fails(&[], 1, &["garbage.wasm: "]);
    File::component("module", "(module)").fails(&[], 1, &["module.wasm is a core module"]);
    let needs = r#"(component (import "demo:app/log@0.2.1" (instance (export "line" (func)))))"#;
    let missing =
        "import demo:app/log@0.2.1: missing, expected an interface\nWhat is missing is the host's";
    File::component("needs", needs).fails(&[], 1, &[missing]);
    // The name of an interface is enough, however large it is.
    let interface = |n| format!(r#"(import "wasi:x/y{n}@0.2.1" (instance {}))"#, LARGE);
    let imports: String = (0..20).map(interface).collect();
    let (_, _, error) = File::component("large", &format!("(component {imports})")).run(&[]);
    assert!(error.len() < 2000 && error.contains("20 imports do not fit:"), "{error}");
    assert!(error.contains("\n  wasi:x/y19@0.2.1: missing, expected an interface\n"), "{error}");
    assert!(error.contains("is the system interface that the component was built for"), "{error}");
}

const LARGE: &str = r#"
    (export "a-function-with-a-long-name" (func (param "text" (list (tuple string u32 (option string))))))
    (export "another-function-with-a-long-name" (func (param "text" (list (tuple string u32 (option string))))))"#;

#[test]
fn finds_a_function_in_an_interface() {
    let component = r#"(component
        (core module $m (func (export "f")))
        (core instance $m (instantiate $m))
        (func $f (canon lift (core func $m "f")))
        (instance $i (export "greet" (func $f)))
        (export "demo:app/greeter@1.0.0" (instance $i)))"#;
    let hint = "no export \"greet\": there is \"demo:app/greeter@1.0.0#greet\"";
    File::component("inner", component).fails(&["--invoke", "greet()"], 1, &[hint]);
}

#[cfg(target_os = "linux")]
#[test]
fn says_when_its_output_cannot_be_written() {
    let file = File::component("output", COMPONENT);
    let run = |out: std::process::Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cmabi"));
        let output = command.arg("run").arg(&file.0).stdout(out).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (status, error) = run(full.into());
    assert!(status == 1 && error.contains("could not be written: No space left"), "{error}");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(run(writer.into()), (141, String::new()));
}
