//! Programs for the tests of WASI, in one file: `programs.wasm cat FILE`, and so on.

mod net;
mod probe;
mod sockets;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use wasip2::clocks::monotonic_clock;
use wasip2::filesystem::types::{Descriptor, DescriptorFlags, OpenFlags, PathFlags};
use wasip2::io::poll;

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let rest = args.get(2..).unwrap_or_default();
    match args.get(1).copied().unwrap_or_default() {
        "args" => rest.iter().for_each(|arg| println!("{arg}")),
        "env" => std::env::vars().for_each(|(name, value)| println!("{name}={value}")),
        "cat" => cat(rest)?,
        "ls" => ls(Path::new(rest[0]), "")?,
        "cp" => drop(fs::copy(rest[0], rest[1])?),
        "grep" => grep(rest[0], rest[1])?,
        "wc" => wc(rest)?,
        "sort" => sort(rest[0], rest[1])?,
        "rm" => fs::remove_dir_all(rest[0])?,
        "clock" => clock(),
        "sleep" => std::thread::sleep(Duration::from_millis(number(rest[0]))),
        "poll" => poll_two_timers_and_stdin(rest),
        "exit" => std::process::exit(number(rest[0]) as i32),
        "panic" => panic!("on purpose"),
        "spin" => loop {
            std::hint::spin_loop();
        },
        "random" => println!("{:016x}", wasip2::random::random::get_random_u64()),
        "zeroes" => zeroes(number(rest[0]))?,
        "ones" => one_byte_writes(number(rest[0]))?,
        "now" => now(number(rest[0])),
        "copy" => copy(rest[0], rest[1])?,
        "flood" => flood(rest[0]),
        "probe" => probe::main(),
        "sockets" => sockets::main(),
        "serve" => net::serve(rest[0]),
        "connect" => net::connect(rest[0]),
        "datagrams" => net::datagrams(),
        "lookup" => net::lookup(rest[0]),
        other => {
            eprintln!("no program {other:?}");
            std::process::exit(2);
        }
    }
    Ok(())
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

fn cat(files: &[&str]) -> io::Result<()> {
    let mut out = io::stdout();
    if files.is_empty() {
        io::copy(&mut io::stdin(), &mut out)?;
    }
    for file in files {
        io::copy(&mut File::open(file)?, &mut out)?;
    }
    out.flush()
}

fn ls(dir: &Path, indent: &str) -> io::Result<()> {
    let mut entries = fs::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(|entry| entry.file_name());
    for entry in entries {
        let (name, ty) = (entry.file_name(), entry.file_type()?);
        let name = name.to_string_lossy();
        if ty.is_dir() {
            println!("{indent}{name}/");
            ls(&entry.path(), &format!("{indent}  "))?;
        } else if ty.is_symlink() {
            println!("{indent}{name}@");
        } else {
            println!("{indent}{name} {}", entry.metadata()?.len());
        }
    }
    Ok(())
}

fn grep(pattern: &str, file: &str) -> io::Result<()> {
    let mut found = false;
    for (number, line) in BufReader::new(File::open(file)?).lines().enumerate() {
        let line = line?;
        if line.contains(pattern) {
            found = true;
            println!("{}:{line}", number + 1);
        }
    }
    if !found {
        std::process::exit(1);
    }
    Ok(())
}

/// Lines, words and bytes.
fn wc(files: &[&str]) -> io::Result<()> {
    let mut input: Box<dyn Read> = match files {
        [] => Box::new(io::stdin()),
        [file, ..] => Box::new(File::open(file)?),
    };
    let (mut lines, mut words, mut bytes, mut in_word) = (0u64, 0u64, 0u64, false);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let len = input.read(&mut buffer)?;
        if len == 0 {
            break;
        }
        bytes += len as u64;
        for byte in &buffer[..len] {
            lines += u64::from(*byte == b'\n');
            let is_space = byte.is_ascii_whitespace();
            words += u64::from(in_word && is_space);
            in_word = !is_space;
        }
    }
    println!("{lines} {} {bytes}", words + u64::from(in_word));
    Ok(())
}

/// Sorts lines by way of temporary files of a thousand lines each.
fn sort(from: &str, to: &str) -> io::Result<()> {
    let temporary = |part: usize| format!("{to}.part{part}");
    let (mut parts, mut lines) = (0, Vec::new());
    let mut write = |lines: &mut Vec<String>| -> io::Result<()> {
        lines.sort();
        let mut file = BufWriter::new(File::create(temporary(parts))?);
        lines.drain(..).try_for_each(|line| writeln!(file, "{line}"))?;
        file.flush()?;
        parts += 1;
        Ok(())
    };
    for line in BufReader::new(File::open(from)?).lines() {
        lines.push(line?);
        if lines.len() == 1000 {
            write(&mut lines)?;
        }
    }
    write(&mut lines)?;
    let mut readers = (0..parts)
        .map(|part| Ok(BufReader::new(File::open(temporary(part))?).lines()))
        .collect::<io::Result<Vec<_>>>()?;
    let mut heads = BTreeMap::new();
    for (part, reader) in readers.iter_mut().enumerate() {
        if let Some(line) = reader.next() {
            heads.insert((line?, part), ());
        }
    }
    let mut out = BufWriter::new(File::create(to)?);
    while let Some(((line, part), ())) = heads.pop_first() {
        writeln!(out, "{line}")?;
        if let Some(line) = readers[part].next() {
            heads.insert((line?, part), ());
        }
    }
    out.flush()?;
    (0..parts).try_for_each(|part| fs::remove_file(temporary(part)))
}

fn clock() {
    let before = Instant::now();
    std::thread::sleep(Duration::from_millis(20));
    let slept = before.elapsed();
    let year = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() / 31_556_952 + 1970;
    println!("slept long enough: {}, year {year}", slept >= Duration::from_millis(20));
}

/// Two timers that go off again and again, and standard input, until that ends.
fn poll_two_timers_and_stdin(rest: &[&str]) {
    let [fast, slow] = [number(rest[0]), number(rest[1])].map(|ms| ms * 1_000_000);
    let stdin = wasip2::cli::stdin::get_stdin();
    let (mut ticks, mut bytes) = ([0u32; 2], 0);
    let mut timers = [fast, slow].map(monotonic_clock::subscribe_duration);
    let input = stdin.subscribe();
    println!("waiting");
    loop {
        let ready = poll::poll(&[&timers[0], &timers[1], &input]);
        for index in ready {
            match index {
                2 => match stdin.read(1 << 16) {
                    Ok(read) => bytes += read.len(),
                    Err(_) => {
                        println!("{bytes} bytes, ticks: {} and {}", ticks[0] > 0, ticks[1] > 0);
                        return;
                    }
                },
                index => {
                    ticks[index as usize] += 1;
                    timers[index as usize] =
                        monotonic_clock::subscribe_duration([fast, slow][index as usize]);
                }
            }
        }
    }
}

fn zeroes(mut bytes: u64) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let buffer = vec![0; 64 << 10];
    while bytes > 0 {
        let len = bytes.min(buffer.len() as u64);
        out.write_all(&buffer[..len as usize])?;
        bytes -= len;
    }
    out.flush()
}

/// A write of the system's for each byte.
fn one_byte_writes(count: u64) -> io::Result<()> {
    let out = wasip2::cli::stdout::get_stdout();
    for _ in 0..count {
        out.blocking_write_and_flush(b"x").map_err(|error| io::Error::other(format!("{error:?}")))?;
    }
    Ok(())
}

fn now(count: u64) {
    let mut last = 0;
    for _ in 0..count {
        last = monotonic_clock::now();
    }
    println!("{}", last > 0);
}

/// A file in pieces of 64 KiB.
fn copy(from: &str, to: &str) -> io::Result<()> {
    let (mut from, mut to) = (File::open(from)?, File::create(to)?);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let len = from.read(&mut buffer)?;
        if len == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..len])?;
    }
}

/// Takes without end.
fn flood(what: &str) {
    let mut taken = 0u64;
    let mut pollables = Vec::new();
    let mut files = Vec::new();
    let mut sockets = Vec::new();
    let mut streams = Vec::new();
    let root = wasip2::filesystem::preopens::get_directories().into_iter().next();
    let open = |root: &Option<(Descriptor, String)>| {
        let (root, _) = root.as_ref().expect("a folder");
        root.open_at(PathFlags::empty(), "file", OpenFlags::empty(), DescriptorFlags::READ)
    };
    loop {
        match what {
            "pollables" => pollables.push(monotonic_clock::subscribe_duration(1 << 60)),
            "streams" => std::mem::forget(wasip2::cli::stdin::get_stdin()),
            "poll" => {
                pollables.push(monotonic_clock::subscribe_duration(0));
                let all: Vec<_> = pollables.iter().collect();
                poll::poll(&all);
            }
            "random" => drop(wasip2::random::random::get_random_bytes(1 << 20 << taken)),
            "read" => {
                let read = wasip2::cli::stdin::get_stdin().read(4 << 30);
                println!("{}", read.map_or(0, |bytes| bytes.len()));
                return;
            }
            "write" => {
                let out = wasip2::cli::stdout::get_stdout();
                let permit = out.check_write().unwrap_or(0);
                out.write(&vec![0; permit as usize + 1]).expect("it traps");
            }
            "files" => match open(&root) {
                Ok(file) => files.push(file),
                Err(code) => {
                    println!("{} files, then: {}", files.len(), code.name());
                    return;
                }
            },
            // A stream keeps its file open.
            "streams of files" => match open(&root) {
                Ok(file) => streams.push(file.read_via_stream(0).expect("it can be read")),
                Err(code) => {
                    println!("{} files, then: {}", streams.len(), code.name());
                    return;
                }
            },
            // All of one descriptor, beside a timer.
            "poll of one" => {
                let stdin = wasip2::cli::stdin::get_stdin();
                let mut pollables: Vec<_> = (0..5000).map(|_| stdin.subscribe()).collect();
                pollables.push(monotonic_clock::subscribe_duration(20_000_000));
                println!("{:?}", poll::poll(&pollables.iter().collect::<Vec<_>>()));
                return;
            }
            "streams of sockets" => return net::keep_streams(),
            "sockets" => match net::tcp_socket() {
                Ok(socket) => sockets.push(socket),
                Err(code) => {
                    println!("{} sockets, then: {code:?}", sockets.len());
                    return;
                }
            },
            other => panic!("no flood of {other:?}"),
        }
        taken += 1;
    }
}
