//! Programs for WASI 0.3, as `cmabi run` runs them.

#[allow(dead_code, reason = "some is for other tests")]
mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use support::{Folder, Ran, check, finish, guest, run_command};

/// The component of a text among the guests of the tests in C++.
fn component(name: &'static str) -> PathBuf {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().unwrap());
    let path = folder.path().join(name).with_extension("wasm");
    if !path.exists() {
        let wasm = wat::parse_file(guest("../../c-tests/guests").join(name)).unwrap();
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
    for program in ["copy", "pass", "forw"] {
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
fn what_the_host_moves_is_moved_to_its_end_though_the_program_has_returned() {
    let much: Vec<u8> = (0..1_000_000u32).flat_map(|i| i.to_le_bytes()).collect();
    let folder = Folder::new("v3-late");
    std::fs::write(folder.path("much"), &much).unwrap();
    let stdin = format!("--stdin={}", folder.path("much").display());
    let mut child = command(&[&stdin], &["quit"]).spawn().unwrap();
    // Nobody reads at first.
    std::thread::sleep(Duration::from_millis(300));
    let mut received = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut received).unwrap();
    assert!(received == much, "{}", received.len());
    assert_eq!(finish(child).0, 0);
    // What comes late is moved as well.
    let mut child = command(&[], &["quit"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    stdin.write_all(b"late").unwrap();
    drop(stdin);
    assert_eq!(finish(child).1, "late");
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
fn what_the_host_does_is_paid_for() {
    let folder = Folder::new("v3-fuel");
    std::fs::write(folder.path("much"), vec![1; 12_000_000]).unwrap();
    let stdin = format!("--stdin={}", folder.path("much").display());
    // In pieces of 64 KiB, the guest's own code takes a tenth of this.
    let options = [stdin.as_str(), "--stdout=/dev/null", "--fuel=150000"];
    let Ran(status, _, err) = run_with(&options, &["copy"], b"");
    assert_eq!(status, 134);
    assert!(err.contains("all fuel consumed"), "{err}");
    let options = [stdin.as_str(), "--stdout=/dev/null", "--fuel=500000"];
    assert_eq!(run_with(&options, &["copy"], b"").0, 0);
}

#[test]
fn what_the_host_does_alone_is_paid_for() {
    // For ever, and without fuel.
    for program in ["pass", "forw", "quit"] {
        let options = ["--stdin=/dev/zero", "--stdout=/dev/null", "--fuel=200000"];
        let Ran(status, _, err) = run_with(&options, &[program], b"");
        assert_eq!(status, 134, "{program}: {err}");
        assert!(err.contains("all fuel consumed"), "{program}: {err}");
    }
}

#[test]
fn what_waits_for_nothing_is_a_deadlock_though_streams_are_open() {
    let Ran(status, _, err) = run_with(&[], &["hang"], b"");
    assert_eq!(status, 134);
    assert!(err.contains("deadlock"), "{err}");
}

#[test]
fn streams_are_bounded() {
    assert_eq!(prints(&[], &["much"], b""), "ok\n");
    let Ran(status, _, err) = run_with(&[], &["keep"], b"");
    assert_eq!(status, 134);
    assert!(err.contains("more than 100000 resources"), "{err}");
}

#[test]
fn files_may_be_older_than_1970() {
    // One file system that keeps every date that can be said, if there is one, and one that may not.
    for parent in [std::path::Path::new("/dev/shm"), &std::env::temp_dir()] {
        let Ok(folder) = tempfile::tempdir_in(parent) else { continue };
        for file in ["a", "c"] {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        // Its own times, though there is nothing that it leads to.
        let link = folder.path().join("b");
        std::os::unix::fs::symlink("missing", &link).unwrap();
        let dir = format!("--dir={}::/", folder.path().display());
        let program = support::command(&[&dir], &component("v3-times.wat"), &[]);
        let Ran(status, _, err) = run_command(program, b"");
        assert_eq!((status, err.as_str()), (0, ""));
        for file in [folder.path().join("a"), link] {
            use std::os::unix::fs::MetadataExt;
            let metadata = std::fs::symlink_metadata(file).unwrap();
            assert_eq!((metadata.atime(), metadata.atime_nsec()), (-1, 5));
            assert_eq!((metadata.mtime(), metadata.mtime_nsec()), (-1, 5));
        }
    }
}

/// A server that echoes what so many clients send, and its port.
fn serve(args: &[&str]) -> (std::process::Child, u16) {
    let options = ["--allow-net=127.0.0.1"];
    let mut server = support::command(&options, &guest("v3-echo.wasm"), args).spawn().unwrap();
    let mut line = String::new();
    let out = server.stdout.as_mut().unwrap();
    while !line.ends_with('\n') {
        let mut byte = [0];
        out.read_exact(&mut byte).unwrap();
        line.push(byte[0].into());
    }
    let port = line.trim().strip_prefix("port ").unwrap().parse().unwrap();
    (server, port)
}

#[test]
fn one_program_echoes_what_a_thousand_clients_send_at_the_same_time() {
    const CLIENTS: u32 = 1000;
    for args in [&["1000"][..], &["pass", "1000"]] {
        let (server, port) = serve(args);
        let mut clients: Vec<_> =
            (0..CLIENTS).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
        let sent = |i: u32| (i..).map(u32::to_le_bytes).take(1000).collect::<Vec<_>>().concat();
        for round in 0..3 {
            for (i, client) in (0..).zip(&mut clients) {
                client.write_all(&sent(i + round)).unwrap();
            }
            for (i, client) in (0..).zip(&mut clients) {
                let mut echo = [0; 4000];
                client.read_exact(&mut echo).unwrap();
                assert!(echo == *sent(i + round), "client {i}");
            }
        }
        for client in &mut clients {
            client.shutdown(std::net::Shutdown::Write).unwrap();
            assert_eq!(client.read(&mut [0]).unwrap(), 0);
        }
        let Ran(status, out, err) = finish(server);
        assert_eq!((status, out.as_str(), err.as_str()), (0, "served 0\n", ""));
    }
}

#[test]
fn what_nobody_reads_is_not_kept() {
    let (server, port) = serve(&["1"]);
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    client.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut sent = 0;
    // What fits into the buffers of the system, and no more.
    let stopped = loop {
        match (&client).write(&[7; 100_000]) {
            Ok(len) => sent += len,
            Err(error) => break error,
        }
    };
    assert_eq!(stopped.kind(), std::io::ErrorKind::WouldBlock, "{stopped}");
    assert!(sent < 50_000_000);
    client.set_write_timeout(None).unwrap();
    let mut writing = client.try_clone().unwrap();
    let writer = std::thread::spawn(move || {
        writing.write_all(&[8; 1_000_000]).unwrap();
        writing.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let mut echo = Vec::new();
    (&client).read_to_end(&mut echo).unwrap();
    writer.join().unwrap();
    assert_eq!(echo.len(), sent + 1_000_000);
    assert!(echo[..sent].iter().all(|byte| *byte == 7));
    assert_eq!(finish(server).0, 0);
}

/// Runs operations of `v3-sockets.c`.
#[track_caller]
fn sockets(options: &[&str], script: &str) {
    check(support::command(options, &guest("v3-sockets.wasm"), &[]), script);
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
         send-again 0 -> invalid-state
         receive 0 -> invalid-state
         bind 0 [::1]:0 -> invalid-argument
         bind 0 224.0.0.1:0 -> invalid-argument
         bind 0 255.255.255.255:0 -> invalid-argument
         connect 0 [::1]:1 -> invalid-argument
         connect 0 0.0.0.0:1 -> invalid-argument
         connect 0 127.0.0.1:0 -> invalid-argument
         connect 0 224.0.0.1:1 -> invalid-argument
         bind 0 192.0.2.1:0 -> address-not-bindable
         bind 0 {taken} -> address-in-use
         local 0 -> invalid-state
         bind 0 127.0.0.1:0 -> ok
         bind 0 127.0.0.1:0 -> invalid-state
         local 0 -> ok 127.0.0.1
         backlog 0 0 -> invalid-argument
         backlog 0 5 -> ok
         listen 0 -> ok
         listening 0 -> ok true
         listen 0 -> invalid-state
         backlog 0 7 -> ok
         bind 0 127.0.0.1:0 -> invalid-state
         connect 0 127.0.0.1:1 -> invalid-state
         remote 0 -> invalid-state
         accept-cancel 0 -> ok cancelled
         tcp4 -> ok 1
         connect 1 127.0.0.1:@0 -> ok
         connect 1 127.0.0.1:@0 -> invalid-state
         local 1 -> ok 127.0.0.1
         remote 1 -> ok 127.0.0.1
         bind 1 127.0.0.1:0 -> invalid-state
         listen 1 -> invalid-state
         backlog 1 5 -> invalid-state
         accept 0 -> ok 2
         accept-cancel 0 -> ok cancelled
         remote 2 -> ok 127.0.0.1
         send 1 -> ok
         receive 2 -> ok 5 bytes
         send-again 1 -> invalid-state
         send 1 -> ok
         receive 2 -> ok 5 bytes
         end 1 -> ok
         receive 2 -> ok closed
         receive 2 -> invalid-state
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
         receive-buffer 1 10000 -> ok 10000
         send-buffer 1 0 -> invalid-argument
         send-buffer 1 10000 -> ok 10000
         tcp4 -> ok 3
         connect 3 127.0.0.1:1 -> connection-refused
         connect 3 127.0.0.1:@0 -> invalid-state
         bind 3 127.0.0.1:0 -> invalid-state
         local 3 -> invalid-state
         tcp4 -> ok 4
         listen 4 -> ok
         local 4 -> ok 0.0.0.0
         udp4 -> ok 5
         local 5 -> invalid-state
         remote 5 -> invalid-state
         receive 5 -> invalid-state
         disconnect 5 -> invalid-state
         bind 5 [::1]:0 -> invalid-argument
         bind 5 192.0.2.1:0 -> address-not-bindable
         bind 5 127.0.0.1:0 -> ok
         bind 5 127.0.0.1:0 -> invalid-state
         local 5 -> ok 127.0.0.1
         remote 5 -> invalid-state
         receive-cancel 5 -> ok cancelled
         udp4 -> ok 6
         bind 6 127.0.0.1:@5 -> address-in-use
         connect 6 [::1]:1 -> invalid-argument
         connect 6 0.0.0.0:1 -> invalid-argument
         connect 6 127.0.0.1:0 -> invalid-argument
         local 6 -> invalid-state
         connect 6 127.0.0.1:@5 -> ok
         local 6 -> ok 127.0.0.1
         remote 6 -> ok 127.0.0.1
         send 6 127.0.0.1:1 -> invalid-argument
         send 6 127.0.0.1:@5 -> ok
         send 6 -> ok
         receive 5 -> ok 5 bytes
         receive 5 -> ok 5 bytes
         receive-cancel 5 -> ok cancelled
         send 5 -> invalid-argument
         send 5 [::1]:1 -> invalid-argument
         send 5 0.0.0.0:1 -> invalid-argument
         send 5 127.0.0.1:0 -> invalid-argument
         send-large 5 127.0.0.1:@6 -> datagram-too-large
         send 5 127.0.0.1:@6 -> ok
         receive 6 -> ok 5 bytes
         disconnect 6 -> ok
         remote 6 -> invalid-state
         hops 5 0 -> invalid-argument
         hops 5 3 -> ok 3
         receive-buffer 5 0 -> invalid-argument
         send-buffer 5 0 -> invalid-argument
         udp4 -> ok 7
         send 7 127.0.0.1:@5 -> ok
         local 7 -> ok 0.0.0.0
         receive 5 -> ok 5 bytes
         lookup 127.0.0.1 -> ok
         lookup ::1 -> ok
         lookup localhost -> ok
         lookup  -> invalid-argument
         lookup a_b!c -> invalid-argument
         lookup {long} -> invalid-argument
         lookup http://localhost -> invalid-argument",
        long = "x".repeat(300),
    );
    sockets(&["--inherit-network"], &script);
    // Where there is IPv6.
    if TcpListener::bind("[::1]:0").is_ok() {
        sockets(
            &["--inherit-network"],
            "tcp6 -> ok 0
             bind 0 127.0.0.1:0 -> invalid-argument
             bind 0 [::ffff:127.0.0.1]:0 -> invalid-argument
             connect 0 [::ffff:127.0.0.1]:1 -> invalid-argument
             connect 0 [::]:1 -> invalid-argument
             bind 0 [::1]:0 -> ok
             local 0 -> ok ::1
             hops 0 7 -> ok 7",
        );
    }
}

#[test]
fn the_network_is_denied_unless_it_is_granted() {
    // Each thing that is denied is denied when it is tried.
    sockets(
        &["--allow-net=127.0.0.1:1"],
        "tcp4 -> ok 0
         bind 0 127.0.0.1:0 -> access-denied
         listen 0 -> access-denied
         connect 0 127.0.0.2:1 -> access-denied
         connect 0 127.0.0.1:2 -> access-denied
         udp4 -> ok 1
         bind 1 127.0.0.1:0 -> access-denied
         connect 1 127.0.0.1:2 -> access-denied
         send 1 127.0.0.1:2 -> access-denied
         send 1 127.0.0.1:1 -> access-denied
         local 1 -> invalid-state
         receive 1 -> invalid-state
         connect 1 127.0.0.1:1 -> ok
         send 1 -> ok
         disconnect 1 -> ok
         send 1 127.0.0.1:1 -> access-denied
         receive 1 -> invalid-state
         lookup localhost -> access-denied",
    );
    sockets(
        &[],
        "tcp4 -> access-denied\n udp6 -> access-denied\n lookup localhost -> access-denied",
    );
}

#[test]
fn an_attempt_to_connect_is_given_up_where_it_is_cancelled() {
    // Beyond the backlog, the system lets clients wait.
    sockets(
        &["--allow-net=127.0.0.1"],
        "tcp4 -> ok 0
         bind 0 127.0.0.1:0 -> ok
         backlog 0 1 -> ok
         listen 0 -> ok
         tcp4 -> ok 1
         connect 1 127.0.0.1:@0 -> ok
         tcp4 -> ok 2
         connect 2 127.0.0.1:@0 -> ok
         tcp4 -> ok 3
         connect-cancel 3 127.0.0.1:@0 -> ok cancelled
         local 3 -> invalid-state
         connect 3 127.0.0.1:@0 -> invalid-state
         accept 0 -> ok 4
         accept 0 -> ok 5
         accept-cancel 0 -> ok cancelled",
    );
}

#[test]
fn a_connection_that_the_other_side_resets_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let options = ["--inherit-network"];
    let mut child = support::command(&options, &guest("v3-sockets.wasm"), &[]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "tcp4\nconnect\t0\t{address}\nsend\t0").unwrap();
    let (client, _) = listener.accept().unwrap();
    // What was sent and is not read makes it a reset.
    while client.peek(&mut [0; 5]).unwrap() < 5 {}
    drop(client);
    writeln!(stdin, "receive\t0\nsend\t0").unwrap();
    drop(stdin);
    assert_eq!(finish(child).1, "ok 0\nok\nok\nconnection-reset\nconnection-broken\n");
}
