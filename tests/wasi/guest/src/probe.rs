//! Functions of `wasi:filesystem` one by one: each line of standard input names one with its arguments,
//! separated by tabs, and each gets a line with the outcome.
//!
//! The first argument is the number of a descriptor: those that are preopened come first, then those that
//! were opened, in order.

use std::io::BufRead;
use wasip2::io::streams::StreamError;
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{
    Descriptor, DescriptorFlags, ErrorCode, NewTimestamp, OpenFlags, PathFlags,
};

pub fn main() {
    let mut descriptors: Vec<Descriptor> =
        get_directories().into_iter().map(|(descriptor, _)| descriptor).collect();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("text");
        let words: Vec<&str> = line.split('\t').collect();
        match run(&mut descriptors, &words) {
            Ok(text) => println!("ok{}{text}", if text.is_empty() { "" } else { " " }),
            Err(code) => println!("{}", code.name()),
        }
    }
}

fn path_flags(text: &str) -> PathFlags {
    if text.contains('L') { PathFlags::SYMLINK_FOLLOW } else { PathFlags::empty() }
}

fn run(descriptors: &mut Vec<Descriptor>, words: &[&str]) -> Result<String, ErrorCode> {
    let at = |index: usize| &descriptors[words[index].parse::<usize>().expect("a number")];
    let path = |index: usize| words.get(index).copied().unwrap_or_default().replace("\\0", "\0");
    let this = at(1);
    let done = |()| String::new();
    match words[0] {
        // open DESCRIPTOR PATH FLAGS: of (r)ead, (w)rite, (m)utate, (c)reate, (d)irectory, e(x)clusive,
        // (t)runcate, fo(L)low.
        "open" => {
            let letters = path(3);
            let has = |letter: char| letters.contains(letter);
            let mut flags = DescriptorFlags::empty();
            flags.set(DescriptorFlags::READ, has('r'));
            flags.set(DescriptorFlags::WRITE, has('w'));
            flags.set(DescriptorFlags::MUTATE_DIRECTORY, has('m'));
            let mut open = OpenFlags::empty();
            open.set(OpenFlags::CREATE, has('c'));
            open.set(OpenFlags::DIRECTORY, has('d'));
            open.set(OpenFlags::EXCLUSIVE, has('x'));
            open.set(OpenFlags::TRUNCATE, has('t'));
            let opened = this.open_at(path_flags(&letters), &path(2), open, flags)?;
            descriptors.push(opened);
            Ok((descriptors.len() - 1).to_string())
        }
        "read" => this.read(100, 0).map(|(bytes, _)| String::from_utf8_lossy(&bytes).into_owned()),
        "write" => this.write(path(2).as_bytes(), 0).map(|len| len.to_string()),
        "stat" => this.stat().map(|stat| format!("{:?} {}", stat.type_, stat.size)),
        "flags" => this.get_flags().map(|flags| format!("{flags:?}")),
        "set-size" => this.set_size(1).map(done),
        "set-times" => this.set_times(NewTimestamp::Now, NewTimestamp::NoChange).map(done),
        "sync" => this.sync().map(done),
        "sync-data" => this.sync_data().map(done),
        "read-stream" => {
            let stream = this.read_via_stream(0)?;
            let read = stream.blocking_read(100).map(|bytes| bytes.len().to_string());
            Ok(read.unwrap_or_else(|error| format!("{error:?}")))
        }
        "write-stream" => this.write_via_stream(0).map(|_| String::new()),
        "append-stream" => this.append_via_stream().map(|_| String::new()),
        "write-to" => {
            let stream = this.write_via_stream(0)?;
            Ok(match stream.blocking_write_and_flush(b"x") {
                Ok(()) => String::new(),
                Err(StreamError::Closed) => "closed".into(),
                Err(error) => format!("{error:?}"),
            })
        }
        "read-dir" => {
            let entries = this.read_directory()?;
            let mut names = Vec::new();
            while let Some(entry) = entries.read_directory_entry()? {
                names.push(entry.name);
            }
            names.sort();
            Ok(names.join(" "))
        }
        "create-dir" => this.create_directory_at(&path(2)).map(done),
        "stat-at" => {
            let stat = this.stat_at(path_flags(&path(3)), &path(2))?;
            Ok(format!("{:?} {}", stat.type_, stat.size))
        }
        "set-times-at" => {
            let now = NewTimestamp::Now;
            this.set_times_at(path_flags(&path(3)), &path(2), now, now).map(done)
        }
        // link OLD-DESCRIPTOR OLD-PATH NEW-DESCRIPTOR NEW-PATH FLAGS
        "link" => this.link_at(path_flags(&path(5)), &path(2), at(3), &path(4)).map(done),
        "rename" => this.rename_at(&path(2), at(3), &path(4)).map(done),
        "readlink" => this.readlink_at(&path(2)),
        "remove-dir" => this.remove_directory_at(&path(2)).map(done),
        "symlink" => this.symlink_at(&path(2), &path(3)).map(done),
        "unlink" => this.unlink_file_at(&path(2)).map(done),
        "same" => Ok(this.is_same_object(at(2)).to_string()),
        "hash" => {
            let [a, b] = [this.metadata_hash()?, at(2).metadata_hash()?];
            Ok(((a.lower, a.upper) == (b.lower, b.upper)).to_string())
        }
        "hash-at" => this.metadata_hash_at(path_flags(&path(3)), &path(2)).map(|_| String::new()),
        other => panic!("no operation {other:?}"),
    }
}
