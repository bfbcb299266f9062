//! Programs for WASI 0.3, as `cmabi run` runs them: `tests/wasi/v3-*.wat`.

#[allow(dead_code, reason = "some is for other tests")]
mod support;

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use support::{Folder, Ran, finish, guest, run_command};

/// The component of a text in `tests/wasi`.
fn component(name: &'static str) -> PathBuf {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().unwrap());
    let path = folder.path().join(name).with_extension("wasm");
    if !path.exists() {
        let wasm = wat::parse_file(guest(name)).unwrap();
        // Another test may do the same at the same time.
        let new = tempfile::NamedTempFile::new_in(folder).unwrap();
        std::fs::write(&new, wasm).unwrap();
        new.persist(&path).unwrap();
    }
    path
}

fn command(options: &[&str], args: &[&str]) -> Command {
    support::command(options, &component("v3-cli.wat"), args)
}

fn run_with(options: &[&str], args: &[&str], stdin: &[u8]) -> Ran {
    run_command(command(options, args), stdin)
}

/// What a program prints that ends well.
#[track_caller]
fn prints(options: &[&str], args: &[&str], stdin: &[u8]) -> String {
    let Ran(status, out, err) = run_with(options, args, stdin);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    out
}

#[test]
fn a_program_gets_what_it_is_given_and_nothing_else() {
    assert_eq!(prints(&[], &["args", "a", "-b", "--c=d"], b""), "a\n-b\n--c=d\n");
    assert_eq!(prints(&[], &["vars"], b""), "");
    assert_eq!(prints(&["--env=A=b=c"], &["vars"], b""), "A=b=c\n");
}

#[test]
fn the_exit_status_is_that_of_the_program() {
    assert_eq!(run_with(&[], &["none"], b"").0, 0);
    assert_eq!(run_with(&[], &["exit"], b"").0, 7);
    assert_eq!(run_with(&[], &["miss"], b"").0, 1);
    let Ran(status, out, err) = run_with(&[], &["trap"], b"");
    assert_eq!((status, out.as_str()), (134, ""));
    assert!(err.starts_with("after\n") && err.contains("unreachable"), "{err}");
}

#[test]
fn bytes_go_from_one_stream_to_the_other() {
    let much: Vec<u8> = (0..3_000_000u32).flat_map(|i| i.to_le_bytes()).collect();
    let folder = Folder::new("v3-stdio");
    std::fs::write(folder.path("much"), &much).unwrap();
    let (input, output) = (folder.path("much"), folder.path("copy"));
    let options =
        [format!("--stdin={}", input.display()), format!("--stdout={}", output.display())];
    let options = options.each_ref().map(String::as_str);
    // By way of the guest's memory, and not.
    for program in ["copy", "pass"] {
        assert_eq!(prints(&[], &[program], b"over\0there"), "over\0there");
        assert_eq!(prints(&[], &[program], b""), "");
        assert_eq!(prints(&options, &[program], b""), "");
        assert!(std::fs::read(folder.path("copy")).unwrap() == much, "{program}");
        let mut child = command(&[], &[program]).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let sent = much.clone();
        let writer = std::thread::spawn(move || stdin.write_all(&sent).unwrap());
        // Nobody can write faster than somebody reads.
        std::thread::sleep(Duration::from_millis(50));
        assert!(!writer.is_finished());
        let mut received = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut received).unwrap();
        writer.join().unwrap();
        assert!(received == much, "{program}");
        assert_eq!(finish(child).0, 0);
    }
    assert_eq!(prints(&[], &["wcnt"], &much), "12000000\n");
}

#[test]
fn that_nobody_reads_the_output_is_an_error_of_it() {
    let mut child = command(&[], &["copy"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&[1; 10]).unwrap();
    child.stdout.take().unwrap().read_exact(&mut [0; 10]).unwrap();
    stdin.write_all(&[1; 10]).unwrap();
    // 100, and the code `pipe` after 1.
    let Ran(status, _, err) = finish(child);
    assert_eq!((status, err.as_str()), (103, ""));
}

#[test]
fn timers_end_in_order_and_are_cancelled() {
    let before = Instant::now();
    assert_eq!(prints(&[], &["time"], b""), "ok\n".repeat(7));
    assert!(before.elapsed() < Duration::from_secs(60));
}

#[test]
fn random_numbers_differ() {
    let drawn = [(); 2].map(|()| prints(&[], &["rand"], b""));
    assert!(drawn.iter().all(|drawn| drawn.starts_with("ok\nok\n")), "{drawn:?}");
    assert_ne!(drawn[0], drawn[1]);
}

#[test]
fn a_program_goes_on_after_it_has_returned() {
    let before = Instant::now();
    assert_eq!(prints(&[], &["late"], b""), "after\n");
    assert!(before.elapsed() >= Duration::from_millis(20));
}

#[test]
fn a_read_of_nothing_ends_when_there_is_something() {
    let mut child = command(&[], &["poll"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    assert!(child.try_wait().unwrap().is_none());
    stdin.write_all(b"12345").unwrap();
    assert_eq!(finish(child).1, "0\n5\n");
    // DROPPED where there will be nothing.
    assert_eq!(prints(&[], &["poll"], b""), "0\n0\n");
}

#[test]
fn a_read_that_is_cancelled_takes_nothing() {
    let mut child = command(&[], &["undo"]).spawn().unwrap();
    let mut lines = String::new();
    let out = child.stdout.as_mut().unwrap();
    while lines.lines().count() < 2 || !lines.ends_with('\n') {
        let mut byte = [0];
        out.read_exact(&mut byte).unwrap();
        lines.push(byte[0].into());
    }
    // BLOCKED and 1, CANCELLED.
    assert_eq!(lines, "0\n2\n");
    child.stdin.take().unwrap().write_all(b"12345").unwrap();
    // COMPLETED with 5 bytes.
    assert_eq!(finish(child).1, "80\n");
}

#[test]
fn streams_are_bounded() {
    assert_eq!(prints(&[], &["much"], b""), "ok\n");
    let Ran(status, _, err) = run_with(&[], &["keep"], b"");
    assert_eq!(status, 134);
    assert!(err.contains("more than 100000 resources"), "{err}");
}
