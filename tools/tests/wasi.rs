//! Programs for WASI, as `cmabi run` runs them. They are built by `tests/wasi/build.sh`.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::{Folder, Ran, check, finish, guest, run_command};

fn command(options: &[&str], wasm: &str, args: &[&str]) -> Command {
    support::command(options, &guest(wasm), args)
}

fn run_with(options: &[&str], wasm: &str, args: &[&str], stdin: &[u8]) -> Ran {
    run_command(command(options, wasm, args), stdin)
}

fn run(options: &[&str], args: &[&str]) -> Ran {
    run_with(options, "programs.wasm", args, b"")
}

/// What a program prints that ends well.
#[track_caller]
fn prints(options: &[&str], args: &[&str]) -> String {
    let Ran(status, out, err) = run(options, args);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    out
}

#[test]
fn a_program_gets_what_it_is_given_and_nothing_else() {
    assert_eq!(prints(&[], &["args", "a", "-b", "--c=d"]), "a\n-b\n--c=d\n");
    assert_eq!(prints(&[], &["env"]), "");
    assert_eq!(prints(&["--env=A=b=c", "--env=NOT_SET_ANYWHERE"], &["env"]), "A=b=c\n");
    assert!(prints(&["--inherit-env"], &["env"]).contains("PATH="));
    assert_eq!(run_with(&[], "programs.wasm", &["cat"], b"over\0there").1, "over\0there");
    let Ran(status, _, err) = run(&[], &["cat", "/etc/passwd"]);
    assert_eq!(status, 1);
    assert!(err.contains("Capabilities insufficient"), "{err}");
}

#[test]
fn the_exit_status_is_that_of_the_program() {
    assert_eq!(run(&[], &["exit", "0"]).0, 0);
    // The adapter of preview 1 knows success and failure only.
    assert_eq!(run(&[], &["exit", "7"]).0, 1);
    let Ran(status, out, err) = run(&[], &["panic"]);
    assert_eq!((status, out.as_str()), (134, ""));
    assert!(err.contains("on purpose"), "{err}");
    let hello = run_with(&["--env=NAME=C"], "hello.wasm", &["/nowhere"], b"");
    assert_eq!((hello.0, hello.1.as_str()), (1, "hello C\n"));
}

#[test]
fn programs_work_with_files() {
    let folder = Folder::new("files");
    folder.write("w/poem", "roses\nviolets\nsugar\n");
    folder.write("w/deep/down/leaf", "x");
    symlink("poem", folder.path("w/link")).unwrap();
    let dir = folder.dir("w");
    let dir = dir.as_str();
    assert_eq!(prints(&[dir], &["cat", "/w/poem", "/w/link"]), "roses\nviolets\nsugar\n".repeat(2));
    assert_eq!(prints(&[dir], &["ls", "/w"]), "deep/\n  down/\n    leaf 1\nlink@\npoem 20\n");
    assert_eq!(prints(&[dir], &["grep", "o", "/w/poem"]), "1:roses\n2:violets\n");
    assert_eq!(run(&[dir], &["grep", "tulips", "/w/poem"]).0, 1);
    prints(&[dir], &["cp", "/w/poem", "/w/deep/copy"]);
    assert_eq!(folder.read("w/deep/copy"), folder.read("w/poem"));
    prints(&[dir], &["rm", "/w/deep"]);
    assert!(!folder.path("w/deep").exists());
    let hello = run_with(&[dir], "hello.wasm", &["/w/poem"], b"");
    assert_eq!(hello.1, "hello you\nroses\nviolets\nsugar\n");
}

#[test]
fn much_is_counted_sorted_and_copied() {
    let folder = Folder::new("much");
    let lines: String = (0..5000).map(|i| format!("{}\n", (i * 7919) % 10_007)).collect();
    folder.write("w/lines", &lines);
    let dir = folder.dir("w");
    let counted = prints(&[&dir], &["wc", "/w/lines"]);
    assert_eq!(counted, format!("5000 5000 {}\n", lines.len()));
    prints(&[&dir], &["sort", "/w/lines", "/w/sorted"]);
    let mut expected: Vec<_> = lines.lines().collect();
    expected.sort_unstable();
    assert!(folder.read("w/sorted").lines().eq(expected));
    assert_eq!(fs::read_dir(folder.path("w")).unwrap().count(), 2, "no temporary file is left");
    // By way of a pipe that is read slowly, and by one that is not read to the end.
    let zeroes = command(&[], "programs.wasm", &["zeroes", "3000000"]).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let Ran(status, out, _) = finish(zeroes);
    assert_eq!((status, out.len()), (0, 3_000_000));
    let mut zeroes = command(&[], "programs.wasm", &["zeroes", "3000000"]).spawn().unwrap();
    zeroes.stdout.take().unwrap().read_exact(&mut [0; 10]).unwrap();
    let Ran(status, _, err) = finish(zeroes);
    assert_eq!(status, 1, "{err}");
}

#[test]
fn standard_streams_can_be_files() {
    let folder = Folder::new("stdio");
    let (input, output) = (folder.write("in", "from a file\n"), folder.path("out"));
    let input = format!("--stdin={}", input.display());
    let output = format!("--stdout={}", output.display());
    assert_eq!(prints(&[&input, &output], &["cat"]), "");
    assert_eq!(folder.read("out"), "from a file\n");
    let Ran(status, _, err) = run(&["--stdin=/nowhere/at/all"], &["cat"]);
    assert_eq!(status, 1);
    assert!(err.contains("--stdin: /nowhere/at/all: No such file"), "{err}");
}

#[test]
fn a_program_sleeps_and_waits_for_several_things() {
    assert_eq!(prints(&[], &["clock"]).split(',').next(), Some("slept long enough: true"));
    let before = Instant::now();
    prints(&[], &["sleep", "200"]);
    assert!(before.elapsed() >= Duration::from_millis(200));
    let mut child = command(&[], "programs.wasm", &["poll", "10", "25"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut waiting = [0; 8];
    child.stdout.as_mut().unwrap().read_exact(&mut waiting).unwrap();
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(60));
        stdin.write_all(b"12345").unwrap();
    }
    drop(stdin);
    assert_eq!(finish(child).1, "15 bytes, ticks: true and true\n");
}

#[test]
fn time_memory_and_fuel_can_be_limited() {
    let Ran(status, _, err) = run(&["--timeout=200ms"], &["spin"]);
    assert_eq!(status, 134);
    assert!(err.contains("still running after 200ms"), "{err}");
    assert_eq!(run(&["--timeout=200ms"], &["sleep", "60000"]).0, 134);
    // What was written before is there.
    let options = ["--timeout=5s", "--allow-net=127.0.0.1"];
    let Ran(status, out, _) = run(&options, &["serve", "127.0.0.1:0"]);
    assert_eq!(status, 134);
    assert!(out.starts_with("port ") && out.ends_with('\n'), "{out}");
    let Ran(status, _, err) = run(&["--fuel=1000000"], &["spin"]);
    assert_eq!(status, 134);
    assert!(err.contains("all fuel consumed"), "{err}");
    let Ran(status, _, err) = run(&["--max-memory=64k"], &["env"]);
    assert_ne!(status, 0);
    assert!(err.contains("memory"), "{err}");
}

#[test]
fn the_command_says_what_is_wrong_with_its_input() {
    let folder = Folder::new("wrong");
    let core = folder.write("core.wasm", "");
    fs::write(&core, b"\0asm\x01\0\0\0").unwrap();
    let file = folder.write("file", "");
    let error = |options: &[&str], file: &Path| {
        let output = Command::new(env!("CARGO_BIN_EXE_cmabi"))
            .arg("run")
            .args(options)
            .arg(file)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let message = error(&[], &core);
    assert!(message.contains("is a core module") && message.contains("wasm-tools component new"));
    let program = guest("programs.wasm");
    let wrong = |options: &[&str]| error(options, &program);
    assert!(wrong(&["--dir=/nowhere/at/all"]).contains("--dir: folder /nowhere/at/all: No such"));
    assert!(wrong(&[&format!("--dir={}", file.display())]).contains("Not a directory"));
    assert!(
        wrong(&["--dir=/tmp::/a", "--dir=/::/a/"]).contains("two folders for the guest's path")
    );
    assert!(wrong(&["--env==x"]).contains("cannot name a variable"));
    assert!(wrong(&["--allow-net=nowhere"]).contains("\"nowhere\" is not an IP address"));
}

#[test]
fn a_component_comes_from_standard_input() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cmabi"))
        .args(["run", "-", "--", "args", "from stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let wasm = fs::read(guest("programs.wasm")).unwrap();
    child.stdin.take().unwrap().write_all(&wasm).unwrap();
    assert_eq!(finish(child).1, "from stdin\n");
}

#[test]
fn the_network_is_denied_unless_it_is_granted() {
    for args in [&["connect", "127.0.0.1:1"][..], &["serve", "127.0.0.1:0"], &["datagrams"]] {
        assert!(prints(&[], args).contains("access-denied"));
    }
    assert!(prints(&[], &["lookup", "localhost"]).contains("access-denied"));
    assert!(prints(&["--allow-net=127.0.0.1"], &["lookup", "localhost"]).contains("access-denied"));
    let elsewhere = prints(&["--allow-net=127.0.0.1:1"], &["connect", "127.0.0.1:2"]);
    assert!(elsewhere.contains("access-denied"));
    let refused = prints(&["--allow-net=127.0.0.1"], &["connect", "127.0.0.1:1"]);
    assert!(refused.contains("connection-refused"));
    assert!(prints(&["--inherit-network"], &["lookup", "127.0.0.1"]).contains("127.0.0.1"));
    assert!(prints(&["--inherit-network"], &["lookup", "no name"]).contains("invalid-argument"));
}

#[test]
fn programs_talk_over_the_network() {
    let received = prints(&["--allow-net=127.0.0.1"], &["datagrams"]);
    assert_eq!(received, "one datagram from the right port: true\n");
    // The program as the client.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        client.write_all(text.to_uppercase().as_bytes()).unwrap();
    });
    let allowed = format!("--allow-net={address}");
    assert_eq!(prints(&[&allowed], &["connect", &address]), "HELLO OVER THERE\n");
    server.join().unwrap();
    // And as the server.
    let options = ["--allow-net=127.0.0.1"];
    let mut child = command(&options, "programs.wasm", &["serve", "127.0.0.1:0"]).spawn().unwrap();
    let mut line = String::new();
    let mut out = child.stdout.take().unwrap();
    while !line.ends_with('\n') {
        let mut byte = [0];
        out.read_exact(&mut byte).unwrap();
        line.push(byte[0].into());
    }
    let port = line.trim().strip_prefix("port ").unwrap();
    let mut client = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    client.write_all(&[7; 100_000]).unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let mut echo = Vec::new();
    client.read_to_end(&mut echo).unwrap();
    assert_eq!(echo, [7; 100_000]);
    assert_eq!(finish(child).0, 0);
}

#[test]
fn floods_are_bounded() {
    let folder = Folder::new("floods");
    folder.write("w/file", "");
    let dir = folder.dir("w");
    for (what, message) in [
        ("pollables", "more than 100000 resources"),
        ("streams", "more than 100000 resources"),
        ("random", "random bytes at once, of at most"),
        ("write", "where check-write permits"),
    ] {
        let Ran(status, _, err) = run(&[&dir], &["flood", what]);
        assert_eq!(status, 134, "{what}");
        assert!(err.contains(message), "{what}: {err}");
    }
    let files = prints(&[&dir], &["flood", "files"]);
    assert!(files.starts_with("1024 files, then: insufficient-memory"), "{files}");
    let sockets = prints(&["--allow-net=127.0.0.1"], &["flood", "sockets"]);
    assert!(sockets.starts_with("1024 sockets, then: ") && sockets.contains("new-socket-limit"));
    let streams = prints(&[&dir], &["flood", "streams of files"]);
    assert!(streams.starts_with("1024 files, then: insufficient-memory"), "{streams}");
    let streams = prints(&["--allow-net=127.0.0.1"], &["flood", "streams of sockets"]);
    assert!(streams.ends_with("new-socket-limit\n"), "{streams}");
    let read = run_with(&[], "programs.wasm", &["flood", "read"], &[1; 5000]);
    assert!(read.1.trim().parse::<u32>().is_ok_and(|len| len <= 5000), "{}", read.1);
}

/// A program that has a script say which functions of `wasi:filesystem` it calls: that for WASI 0.2, or 0.3.
#[derive(Clone, Copy, Debug)]
enum Probe {
    V2,
    V3,
}

impl Probe {
    fn command(self, options: &[&str]) -> Command {
        match self {
            Probe::V2 => command(options, "programs.wasm", &["probe"]),
            Probe::V3 => command(options, "v3-probe.wasm", &[]),
        }
    }

    fn raw(self, options: &[&str], script: &[u8]) -> Ran {
        run_command(self.command(options), script)
    }

    #[track_caller]
    fn run(self, options: &[&str], script: &str) {
        check(self.command(options), script);
    }
}

macro_rules! in_both_versions {
    ($($test:ident)*) => {
        mod v2 {
            $(
                #[test]
                fn $test() {
                    super::$test(super::Probe::V2);
                }
            )*
        }
        mod v3 {
            $(
                #[test]
                fn $test() {
                    super::$test(super::Probe::V3);
                }
            )*
        }
    };
}

in_both_versions! {
    no_path_leads_out
    what_another_process_changes_meanwhile_leads_nowhere_either
    nothing_changes_in_a_folder_that_is_read_only
    what_a_folder_grants_holds_for_all_that_is_opened_by_way_of_it
    names_and_links_move_between_folders_that_may_be_changed
    the_links_of_proc_lead_nowhere
    a_directory_that_is_moved_out_takes_nobody_along
    operations_answer_with_the_codes_of_the_specification
}

#[track_caller]
fn operations(options: &[&str], program: &str, script: &str) {
    check(command(options, "programs.wasm", &[program]), script);
}

/// A folder `w` to be written to and one `ro` to be read, and a secret beside them.
fn sandbox(name: &str, probe: Probe) -> Folder {
    let folder = Folder::new(&format!("{name}-{probe:?}"));
    folder.write("secret", "secret");
    folder.write("w/file", "file");
    folder.write("w/sub/inner", "inner");
    folder.write("ro/file", "file");
    folder.write("ro/sub/inner", "inner");
    folder
}

fn no_path_leads_out(probe: Probe) {
    let folder = sandbox("escape", probe);
    let secret = folder.path("secret");
    symlink(&secret, folder.path("w/absolute")).unwrap();
    symlink("../secret", folder.path("w/relative")).unwrap();
    symlink("..", folder.path("w/up")).unwrap();
    symlink("/", folder.path("w/root")).unwrap();
    symlink("/proc/self/root", folder.path("w/proc")).unwrap();
    symlink("sub", folder.path("w/in")).unwrap();
    symlink("../file", folder.path("w/sub/back")).unwrap();
    symlink("loop", folder.path("w/loop")).unwrap();
    let script = format!(
        "open 0 ../secret r -> not-permitted
         open 0 sub/../../secret r -> not-permitted
         open 0 {} r -> not-permitted
         open 0 .. rd -> not-permitted
         open 0 sub/../.. rd -> not-permitted
         open 0 absolute rL -> not-permitted
         open 0 relative rL -> not-permitted
         open 0 up rdL -> not-permitted
         open 0 up/secret r -> not-permitted
         open 0 up/../secret r -> not-permitted
         open 0 root/etc/passwd r -> not-permitted
         open 0 proc/etc/passwd r -> not-permitted
         open 0 /proc/self/mem r -> not-permitted
         open 0 relative r -> loop
         open 0 loop rL -> loop
         stat-at 0 relative L -> not-permitted
         stat-at 0 up/secret -> not-permitted
         hash-at 0 up/secret -> not-permitted
         set-times-at 0 relative L -> not-permitted
         readlink 0 absolute -> not-permitted
         readlink 0 root -> not-permitted
         readlink 0 relative -> ok ../secret
         symlink 0 / made -> not-permitted
         symlink 0 /etc/passwd made -> not-permitted
         symlink 0 ../secret made -> ok
         open 0 made rL -> not-permitted
         symlink 0 .. dot -> ok
         open 0 dot/secret r -> not-permitted
         create-dir 0 ../made -> not-permitted
         create-dir 0 up/made -> not-permitted
         open 0 ../made wc -> not-permitted
         open 0 made/x wc -> not-permitted
         open 0 file/x wc -> not-directory
         rename 0 file 0 ../moved -> not-permitted
         rename 0 up/secret 0 moved -> not-permitted
         link 0 up/secret 0 linked -> not-permitted
         link 0 file 0 ../linked -> not-permitted
         unlink 0 up/secret -> not-permitted
         unlink 0 ../secret -> not-permitted
         remove-dir 0 up/ro -> not-permitted
         open 0 in/inner r -> ok 1
         open 0 sub/back rL -> ok 2
         open 0 sub/../file r -> ok 3
         open 0 sub rd -> ok 4
         open 4 ../file r -> not-permitted
         open 4 .. rd -> not-permitted",
        secret.display()
    );
    probe.run(&[&folder.dir("w")], &script);
    assert_eq!(folder.read("secret"), "secret");
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 3);
}

fn what_another_process_changes_meanwhile_leads_nowhere_either(probe: Probe) {
    let folder = sandbox("race", probe);
    let (path, stop) =
        (folder.path("w"), std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let stopped = stop.clone();
    let swapper = std::thread::spawn(move || {
        let (entry, folder, link) = (path.join("entry"), path.join("folder"), path.join("link"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("secret"), "harmless").unwrap();
        symlink("..", &link).unwrap();
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            for real in [&folder, &link] {
                fs::rename(real, &entry).unwrap();
                std::thread::yield_now();
                fs::rename(&entry, real).unwrap();
            }
        }
    });
    let steps =
        "open\t0\tentry/secret\tr\n".repeat(5000) + &"stat-at\t0\tentry/secret\n".repeat(1000);
    let Ran(status, out, err) = probe.raw(&[&folder.dir("w")], steps.as_bytes());
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    swapper.join().unwrap();
    assert_eq!(status, 0, "{err}");
    for line in out.lines() {
        let is_fine = line.starts_with("ok ")
            || ["no-entry", "not-permitted", "loop", "insufficient-memory"].contains(&line);
        assert!(is_fine, "{line}");
    }
    // Whatever was opened or looked at was the harmless one.
    assert!(!out.contains("RegularFile 6"));
}

fn nothing_changes_in_a_folder_that_is_read_only(probe: Probe) {
    let folder = sandbox("read-only", probe);
    let (w, ro) = (folder.dir("w"), format!("{}:ro", folder.dir("ro")));
    probe.run(
        &[&w, &ro],
        "flags 1 -> ok DescriptorFlags(READ)
         flags 0 -> ok DescriptorFlags(READ | MUTATE_DIRECTORY)
         open 1 file r -> ok 2
         read 2 -> ok file
         open 1 file w -> read-only
         open 1 file rm -> read-only
         open 1 file rt -> read-only
         open 1 new rc -> read-only
         open 1 new wcx -> read-only
         open 1 sub rd -> ok 3
         open 3 inner w -> read-only
         open 3 new wc -> read-only
         write 2 x -> bad-descriptor
         set-size 2 -> bad-descriptor
         write-stream 2 -> bad-descriptor
         append-stream 2 -> bad-descriptor
         set-times 2 -> read-only
         set-times 1 -> read-only
         set-times-at 1 file -> read-only
         create-dir 1 made -> read-only
         symlink 1 file made -> read-only
         unlink 1 file -> read-only
         remove-dir 1 sub -> read-only
         rename 1 file 1 moved -> read-only
         rename 1 file 0 moved -> read-only
         rename 0 file 1 moved -> read-only
         link 1 file 1 linked -> read-only
         link 1 file 0 linked -> read-only
         link 0 file 1 linked -> read-only
         link 3 inner 0 linked -> read-only
         stat-at 1 file -> ok DescriptorType::RegularFile 4
         read-dir 1 -> ok file sub
         sync 2 -> ok
         sync-data 2 -> ok",
    );
    assert_eq!(folder.read("ro/file"), "file");
    assert_eq!(fs::read_dir(folder.path("ro")).unwrap().count(), 2);
}

fn what_a_folder_grants_holds_for_all_that_is_opened_by_way_of_it(probe: Probe) {
    let folder = sandbox("rights", probe);
    let (w, ro, sub) = (folder.dir("w"), format!("{}:ro", folder.dir("ro")), folder.path("w/sub"));
    // The same directory by two ways.
    let sub = format!("--dir={}::/sub:ro", sub.display());
    probe.run(
        &[&w, &ro, &sub],
        "open 0 sub rd -> ok 3
         flags 3 -> ok DescriptorFlags(READ | MUTATE_DIRECTORY)
         create-dir 3 made -> ok
         remove-dir 3 made -> ok
         open 0 sub rdm -> ok 4
         flags 4 -> ok DescriptorFlags(READ | MUTATE_DIRECTORY)
         open 1 sub rd -> ok 5
         flags 5 -> ok DescriptorFlags(READ)
         create-dir 5 made -> read-only
         open 1 sub rdm -> read-only
         open 5 . rdm -> read-only
         open 5 . rd -> ok 6
         create-dir 6 made -> read-only
         open 2 inner r -> ok 7
         open 2 inner rw -> read-only
         unlink 2 inner -> read-only
         link 2 inner 0 linked -> read-only
         rename 2 inner 0 moved -> read-only
         rename 0 file 2 moved -> read-only
         set-times 7 -> read-only
         open 3 inner rw -> ok 8
         flags 8 -> ok DescriptorFlags(READ | WRITE)
         open 0 file r -> ok 9
         write 9 x -> bad-descriptor
         set-size 9 -> bad-descriptor
         open 0 file w -> ok 10
         read 10 -> bad-descriptor
         flags 10 -> ok DescriptorFlags(WRITE)",
    );
}

#[test]
fn open_files_are_bounded_in_version_3() {
    let folder = sandbox("open", Probe::V3);
    let script = "open\t0\tfile\tr\n".repeat(1024) + "open\t0\tfile\tr\nread-dir\t0\nread\t1\n";
    let Ran(status, out, err) = Probe::V3.raw(&[&folder.dir("w")], script.as_bytes());
    assert_eq!((status, err.as_str()), (0, ""));
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(lines[1023..], ["ok 1024", "insufficient-memory", "insufficient-memory", "ok file"]);
    // What was let go of counts no more, be it while nothing else runs.
    let script = "read-dir\t0\n".repeat(3000);
    let Ran(_, out, _) = Probe::V3.raw(&[&folder.dir("w")], script.as_bytes());
    assert_eq!(out, "ok file sub\n".repeat(3000));
}

#[test]
fn files_and_directories_are_streams_in_version_3() {
    let folder = sandbox("streams", Probe::V3);
    let much: Vec<u8> = (0..3_000_000u32).flat_map(|i| i.to_le_bytes()).collect();
    fs::write(folder.path("w/much"), &much).unwrap();
    fs::write(folder.path("w/passed"), b"").unwrap();
    fs::create_dir(folder.path("w/many")).unwrap();
    for i in 0..5000 {
        fs::write(folder.path(&format!("w/many/{i}")), b"").unwrap();
    }
    Probe::V3.run(
        &[&folder.dir("w")],
        "open 0 much r -> ok 1
         open 0 copied wc -> ok 2
         copy 1 2 -> ok
         open 0 passed w -> ok 3
         pass 1 3 -> ok
         open 0 file rw -> ok 4
         append 4 more -> ok 4
         read 4 -> ok filemore
         pass 2 3 -> bad-descriptor
         copy 1 1 -> bad-descriptor
         open 0 many rd -> ok 5
         read-dir 5 -> ok 5000 entries
         read-dir 5 -> ok 5000 entries
         copy 5 2 -> is-directory
         read-dir 1 -> not-directory",
    );
    for copy in ["w/copied", "w/passed"] {
        assert!(fs::read(folder.path(copy)).unwrap() == much, "{copy}");
    }
}

fn names_and_links_move_between_folders_that_may_be_changed(probe: Probe) {
    let folder = sandbox("across", probe);
    folder.write("v/other", "other");
    probe.run(
        &[&folder.dir("w"), &folder.dir("v")],
        "rename 0 file 1 moved -> ok
         link 1 moved 0 linked -> ok
         link 1 moved 0 ../linked -> not-permitted
         link 1 ../secret 0 linked2 -> not-permitted
         rename 1 ../secret 0 got -> not-permitted
         rename 1 other 0 ../got -> not-permitted
         open 0 linked r -> ok 2
         open 1 moved r -> ok 3
         same 2 3 -> ok true
         symlink 0 ../v/other way -> ok
         open 0 way rL -> not-permitted
         rename 0 way 1 way -> ok
         open 1 way rL -> not-permitted
         link 1 way 0 way -> ok
         open 0 way r -> loop",
    );
    assert_eq!(folder.read("secret"), "secret");
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 4);
}

fn the_links_of_proc_lead_nowhere(probe: Probe) {
    let script = "open 0 self/root rdL
         open 0 self/root/etc/passwd rL
         open 0 self/cwd rdL
         open 0 self/exe rL
         open 0 self/fd/0 rL
         open 0 thread-self/root rdL
         stat-at 0 self/root L
         stat-at 0 self/exe L
         hash-at 0 self/root L
         readlink 0 self/root
         readlink 0 self/exe";
    let script: Vec<_> = script.lines().map(|line| line.trim().replace(' ', "\t")).collect();
    let input = script.join("\n") + "\n";
    let Ran(status, out, err) = probe.raw(&["--dir=/proc::/proc:ro"], input.as_bytes());
    assert_eq!(status, 0, "{err}");
    assert_eq!(out.lines().count(), script.len());
    for (step, outcome) in script.iter().zip(out.lines()) {
        assert!(["not-permitted", "loop"].contains(&outcome), "{step}: {outcome}");
    }
}

fn a_directory_that_is_moved_out_takes_nobody_along(probe: Probe) {
    let folder = sandbox("moved", probe);
    let mut child = probe.command(&[&folder.dir("w")]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut step = |step: &str| {
        writeln!(stdin, "{}", step.replace(' ', "\t")).unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut out, &mut line).unwrap();
        line
    };
    assert_eq!(step("open 0 sub rd"), "ok 1\n");
    fs::rename(folder.path("w/sub"), folder.path("moved")).unwrap();
    for operation in
        ["open 1 ../secret r", "open 1 .. rd", "stat-at 1 ../secret", "unlink 1 ../secret"]
    {
        assert_eq!(step(operation), "not-permitted\n", "{operation}");
    }
    // What was opened stays open, as everywhere.
    assert_eq!(step("open 1 inner r"), "ok 2\n");
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

fn operations_answer_with_the_codes_of_the_specification(probe: Probe) {
    let folder = sandbox("codes", probe);
    let long = "x".repeat(300);
    let very_long = ["d"; 3000].join("/");
    let script = format!(
        "open 0 nothing r -> no-entry
         open 0 \\0 r -> invalid
         open 0 file\\0x r -> invalid
         open 0 {long} r -> name-too-long
         open 0 {very_long} r -> name-too-long
         open 0 file/ r -> not-directory
         open 0 file/x r -> not-directory
         open 0 file rd -> not-directory
         open 0 file wcx -> exist
         open 0 sub w -> is-directory
         open 0 sub rdc -> invalid
         open 0 sub rdt -> invalid
         open 0 file r -> ok 1
         open 0 file rw -> ok 2
         open 0 sub rd -> ok 3
         open 1 x r -> not-directory
         read 3 -> is-directory
         write 3 x -> is-directory
         read-stream 3 -> is-directory
         write-stream 3 -> is-directory
         set-size 3 -> is-directory
         write 2 FI -> ok 2
         read 1 -> ok FIle
         open 0 file w -> ok 4
         read 4 -> bad-descriptor
         read-stream 4 -> bad-descriptor
         read-dir 1 -> not-directory
         create-dir 0 sub -> exist
         create-dir 0 file -> exist
         create-dir 0 nothing/sub -> no-entry
         create-dir 0 made/ -> ok
         remove-dir 0 sub -> not-empty
         remove-dir 0 file -> not-directory
         remove-dir 0 nothing -> no-entry
         remove-dir 0 made/ -> ok
         create-dir 0 made -> ok
         rename 0 made/ 0 made2/ -> ok
         unlink 0 file/ -> not-directory
         stat-at 0 file/ -> not-directory
         open 0 made2/ rd -> ok 5
         remove-dir 0 made2 -> ok
         stat 5 -> ok DescriptorType::Directory 0
         unlink 0 sub -> is-directory
         unlink 0 nothing -> no-entry
         link 0 sub 0 linked -> not-permitted
         link 0 nothing 0 linked -> no-entry
         link 0 file 0 file -> exist
         link 0 file 0 linked L -> invalid
         link 0 file 0 linked -> ok
         same 1 2 -> ok true
         same 1 3 -> ok false
         hash 1 2 -> ok true
         hash 1 3 -> ok false
         rename 0 nothing 0 x -> no-entry
         rename 0 file 0 sub -> is-directory
         rename 0 sub 0 file -> not-directory
         rename 0 linked 3 moved -> ok
         read-dir 3 -> ok inner moved
         symlink 0 file sub -> exist
         readlink 0 file -> invalid
         readlink 0 nothing -> no-entry
         stat 1 -> ok DescriptorType::RegularFile 4
         stat 3 -> ok DescriptorType::Directory {size}
         stat-at 0 nothing -> no-entry
         set-size 2 -> ok
         stat 2 -> ok DescriptorType::RegularFile 1
         set-times 2 -> ok
         sync 2 -> ok
         read-stream 2 -> ok 1",
        size = fs::metadata(folder.path("w/sub")).unwrap().len(),
    );
    probe.run(&[&folder.dir("w")], &script);
    // An empty path, which the script cannot write.
    let empty = probe.raw(&[&folder.dir("w")], b"open\t0\t\tr\n");
    assert_eq!(empty.1, "no-entry\n");
}

#[test]
fn operations_on_sockets_answer_with_the_codes_of_the_specification() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    let script = format!(
        "tcp4 -> ok 0
         local 0 -> invalid-state
         remote 0 -> invalid-state
         listening 0 -> ok false
         finish-bind 0 -> not-in-progress
         finish-connect 0 -> not-in-progress
         finish-listen 0 -> not-in-progress
         start-listen 0 -> invalid-state
         accept 0 -> invalid-state
         shutdown 0 both -> invalid-state
         start-bind 0 [::1]:0 -> invalid-argument
         start-bind 0 224.0.0.1:0 -> invalid-argument
         start-bind 0 255.255.255.255:0 -> invalid-argument
         start-connect 0 [::1]:1 -> invalid-argument
         start-connect 0 0.0.0.0:1 -> invalid-argument
         start-connect 0 127.0.0.1:0 -> invalid-argument
         start-connect 0 224.0.0.1:1 -> invalid-argument
         start-bind 0 192.0.2.1:0 -> ok
         finish-bind 0 -> address-not-bindable
         start-bind 0 {taken} -> ok
         finish-bind 0 -> address-in-use
         start-bind 0 127.0.0.1:0 -> ok
         start-bind 0 127.0.0.1:0 -> concurrency-conflict
         start-connect 0 127.0.0.1:1 -> concurrency-conflict
         start-listen 0 -> concurrency-conflict
         local 0 -> invalid-state
         finish-bind 0 -> ok
         finish-bind 0 -> not-in-progress
         start-bind 0 127.0.0.1:0 -> invalid-state
         local 0 -> ok 127.0.0.1
         backlog 0 0 -> invalid-argument
         backlog 0 5 -> ok
         start-listen 0 -> ok
         start-listen 0 -> concurrency-conflict
         listening 0 -> ok false
         finish-listen 0 -> ok
         finish-listen 0 -> not-in-progress
         listening 0 -> ok true
         backlog 0 7 -> ok
         start-listen 0 -> invalid-state
         start-bind 0 127.0.0.1:0 -> invalid-state
         start-connect 0 127.0.0.1:1 -> invalid-state
         remote 0 -> invalid-state
         shutdown 0 both -> invalid-state
         accept 0 -> would-block
         tcp4 -> ok 1
         start-connect 1 127.0.0.1:@0 -> ok
         start-connect 1 127.0.0.1:@0 -> concurrency-conflict
         backlog 1 5 -> invalid-state
         wait 1 -> ok
         finish-connect 1 -> ok
         finish-connect 1 -> not-in-progress
         local 1 -> ok 127.0.0.1
         remote 1 -> ok 127.0.0.1
         start-connect 1 127.0.0.1:@0 -> invalid-state
         start-bind 1 127.0.0.1:0 -> invalid-state
         start-listen 1 -> invalid-state
         backlog 1 5 -> invalid-state
         accept 1 -> invalid-state
         wait 0 -> ok
         accept 0 -> ok 2
         accept 0 -> would-block
         remote 2 -> ok 127.0.0.1
         write 1 -> ok
         read 2 -> ok 5 bytes
         shutdown 1 send -> ok
         read 2 -> ok closed
         shutdown 2 receive -> ok
         keep-alive 1 -> ok true
         idle 1 0 -> invalid-argument
         idle 1 1 -> ok 1000000000
         idle 1 1500000000 -> ok 2000000000
         interval 1 0 -> invalid-argument
         interval 1 3000000000 -> ok 3000000000
         count 1 0 -> invalid-argument
         count 1 4 -> ok 4
         hops 1 0 -> invalid-argument
         hops 1 9 -> ok 9
         receive-buffer 1 0 -> invalid-argument
         receive-buffer 1 10000 -> ok true
         send-buffer 1 0 -> invalid-argument
         send-buffer 1 18446744073709551615 -> ok true
         tcp4 -> ok 3
         start-connect 3 127.0.0.1:1 -> ok
         wait 3 -> ok
         finish-connect 3 -> connection-refused
         start-connect 3 127.0.0.1:@0 -> invalid-state
         start-bind 3 127.0.0.1:0 -> invalid-state
         finish-connect 3 -> not-in-progress
         local 3 -> invalid-state
         udp4 -> ok 4
         local 4 -> invalid-state
         remote 4 -> invalid-state
         stream 4 -> invalid-state
         finish-bind 4 -> not-in-progress
         start-bind 4 [::1]:0 -> invalid-argument
         start-bind 4 192.0.2.1:0 -> ok
         finish-bind 4 -> address-not-bindable
         start-bind 4 127.0.0.1:0 -> ok
         start-bind 4 127.0.0.1:0 -> concurrency-conflict
         finish-bind 4 -> ok
         start-bind 4 127.0.0.1:0 -> invalid-state
         local 4 -> ok 127.0.0.1
         remote 4 -> invalid-state
         udp4 -> ok 5
         start-bind 5 127.0.0.1:@4 -> ok
         finish-bind 5 -> address-in-use
         start-bind 5 127.0.0.1:0 -> ok
         finish-bind 5 -> ok
         stream 4 [::1]:1 -> invalid-argument
         stream 4 0.0.0.0:1 -> invalid-argument
         stream 4 127.0.0.1:0 -> invalid-argument
         stream 4 -> ok
         stream 5 127.0.0.1:@4 -> ok
         remote 5 -> ok 127.0.0.1
         receive 4 -> ok 0
         send 5 127.0.0.1:1 -> invalid-argument
         send 5 127.0.0.1:@4 -> ok 1
         send 5 -> ok 1
         wait 4 -> ok
         receive 4 -> ok 2
         send 4 -> invalid-argument
         send 4 [::1]:1 -> invalid-argument
         send 4 0.0.0.0:1 -> invalid-argument
         send 4 127.0.0.1:0 -> invalid-argument
         send-large 4 127.0.0.1:@5 -> datagram-too-large
         stream 5 -> ok
         remote 5 -> invalid-state
         hops 4 0 -> invalid-argument
         hops 4 3 -> ok 3
         receive-buffer 4 0 -> invalid-argument
         send-buffer 4 0 -> invalid-argument
         lookup 127.0.0.1 -> ok true
         lookup ::1 -> ok true
         lookup  -> invalid-argument
         lookup a_b!c -> invalid-argument
         lookup {long} -> invalid-argument
         lookup http://localhost -> invalid-argument",
        long = "x".repeat(300),
    );
    operations(&["--inherit-network"], "sockets", &script);
    // Where there is IPv6.
    if TcpListener::bind("[::1]:0").is_ok() {
        operations(
            &["--inherit-network"],
            "sockets",
            "tcp6 -> ok 0
             start-bind 0 127.0.0.1:0 -> invalid-argument
             start-bind 0 [::ffff:127.0.0.1]:0 -> invalid-argument
             start-connect 0 [::ffff:127.0.0.1]:1 -> invalid-argument
             start-connect 0 [::]:1 -> invalid-argument
             start-bind 0 [::1]:0 -> ok
             finish-bind 0 -> ok
             local 0 -> ok ::1
             hops 0 7 -> ok 7",
        );
    }
    // Each thing that is denied is denied when it is tried.
    operations(
        &["--allow-net=127.0.0.1:1"],
        "sockets",
        "tcp4 -> ok 0
         start-bind 0 127.0.0.1:0 -> access-denied
         start-connect 0 127.0.0.2:1 -> access-denied
         start-connect 0 127.0.0.1:2 -> access-denied
         udp4 -> ok 1
         start-bind 1 127.0.0.1:0 -> access-denied
         start-bind 1 127.0.0.1:1 -> ok
         lookup localhost -> access-denied",
    );
    operations(&[], "sockets", "tcp4 -> access-denied\n udp6 -> access-denied");
}

#[test]
fn a_connection_that_the_other_side_resets_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let options = ["--inherit-network"];
    let mut child = command(&options, "programs.wasm", &["sockets"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "tcp4\nstart-connect\t0\t{address}\nwait\t0\nfinish-connect\t0").unwrap();
    writeln!(stdin, "write\t0").unwrap();
    let (client, _) = listener.accept().unwrap();
    // What was sent and is not read makes it a reset.
    while client.peek(&mut [0; 5]).unwrap() < 5 {}
    drop(client);
    writeln!(stdin, "read\t0\nread\t0\nwrite\t0").unwrap();
    drop(stdin);
    let out = finish(child).1;
    assert!(
        out.contains("ok\nok Connection reset by peer (os error 104)\nok closed\nok closed\n"),
        "{out}"
    );
}

#[test]
fn what_waits_for_one_descriptor_takes_one_more() {
    let script = "ulimit -n 64; exec \"$0\" \"$@\"";
    let mut child = shell(script, &[], &["flood", "poll of one"]).spawn().unwrap();
    let _stdin = child.stdin.take();
    let Ran(status, out, err) = finish(child);
    assert_eq!((status, err.as_str()), (0, ""));
    assert!(out == "[5000]\n", "the timer is not the only one that is ready");
}

/// The programs, by way of a shell's script: `$0 $@` is the command.
fn shell(script: &str, options: &[&str], args: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_cmabi"), "run"]);
    command.args(options).arg(guest("programs.wasm")).arg("--").args(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn an_interrupt_ends_it_as_it_ends_other_programs() {
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    let mut program = command(&[], "programs.wasm", &["poll", "60000", "70000"]);
    // A shell has what it runs in the background ignore interrupts.
    // SAFETY: `signal` may be called between fork and exec.
    unsafe {
        program.pre_exec(|| {
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            Ok(())
        })
    };
    let mut child = program.spawn().unwrap();
    let mut out = [0; 8];
    child.stdout.as_mut().unwrap().read_exact(&mut out).unwrap();
    assert_eq!(&out, b"waiting\n");
    let kill = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    // Shells show that as 130.
    assert_eq!(child.wait().unwrap().signal(), Some(2));
}

#[test]
fn closed_streams_are_errors_for_the_program_and_no_more() {
    for (script, args, expected) in [
        // Without any.
        ("\"$0\" \"$@\" <&- >&- 2>&-; echo $?", &["args", "x"][..], "0\n"),
        // Nobody reads.
        ("{ \"$0\" \"$@\"; echo $? >&2; } | :", &["zeroes", "300000"], ""),
    ] {
        let Ran(_, out, err) = finish(shell(script, &[], args).spawn().unwrap());
        assert_eq!(out, expected);
        assert!(!err.contains("cmabi") || err.ends_with("1\n"), "{err}");
    }
    let spinning =
        shell("\"$0\" \"$@\" 2>&-; echo $?", &["--timeout=300ms"], &["spin"]).output().unwrap();
    assert_eq!(spinning.stdout, b"134\n");
}

#[test]
fn programs_talk_to_each_other() {
    let options = ["--allow-net=127.0.0.1"];
    let mut server = command(&options, "programs.wasm", &["serve", "127.0.0.1:0"]).spawn().unwrap();
    let mut line = String::new();
    let mut out = std::io::BufReader::new(server.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    let address = format!("127.0.0.1:{}", line.trim().strip_prefix("port ").unwrap());
    assert_eq!(prints(&options, &["connect", &address]), "hello over there\n");
    assert_eq!(finish(server).0, 0);
}

#[test]
fn fifos_and_devices_do_not_hang() {
    let folder = sandbox("fifo", Probe::V2);
    let made = Command::new("mkfifo").arg(folder.path("w/fifo")).status().unwrap();
    assert!(made.success());
    Probe::V2.run(
        &[&folder.dir("w")],
        "open 0 fifo r -> ok 1
         stat 1 -> ok DescriptorType::Fifo 0
         read 1 -> invalid-seek
         open 0 fifo rw -> ok 2
         write 2 x -> invalid-seek",
    );
    let script = "open\t0\tfifo\tw\n";
    let alone = Probe::V2.raw(&[&folder.dir("w")], script.as_bytes());
    assert_eq!(alone.1, "no-such-device\n");
    Probe::V2.run(
        &["--dir=/dev::/dev:ro"],
        "open 0 zero r -> ok 1
         stat 1 -> ok DescriptorType::CharacterDevice 0
         read-stream 1 -> ok 100
         open 0 null w -> read-only",
    );
}
