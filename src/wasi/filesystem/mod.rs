//! `wasi:filesystem`.
//!
//! Paths are resolved by cap-std, which lets none lead out of the directory that it begins at. What a
//! preopened directory grants holds for all that is opened by way of it.

mod at;
mod descriptor;
mod error;
pub(super) mod v3;

pub(super) use error::{FileError, file_error};

use super::Define;
use super::clocks::Datetime;
use super::config::DirRights;
use super::func::{Answer, Call};
use super::io::IoError;
use super::state::Slot;
use crate::copy::typed::{Borrow, HostResource, Own, enumeration, flags, record, variant};
use cap_std::fs::Dir;
use error::ErrorCode;
use rustix::fs::FileType;
use std::cell::RefCell;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::sync::Arc;

pub(super) const INTERFACES: &[(&str, Define)] = &[
    ("preopens", |preopens| preopens.func("get-directories", &[], get_directories)),
    ("types", |types| {
        types.resource::<Descriptor>()?;
        types.resource::<DirectoryEntryStream>()?;
        types.func("filesystem-error-code", &["err"], filesystem_error_code)?;
        types.func(
            "[method]directory-entry-stream.read-directory-entry",
            &["self"],
            descriptor::read_directory_entry,
        )?;
        descriptor::define(types)?;
        at::define(types)
    }),
];

enumeration! {
    DescriptorType {
        Unknown, BlockDevice, CharacterDevice, Directory, Fifo, SymbolicLink, RegularFile, Socket,
    }
}

flags! {
    DescriptorFlags {
        read, write, file_integrity_sync, data_integrity_sync, requested_write_sync, mutate_directory,
    }
}

flags! { PathFlags { symlink_follow } }

flags! { OpenFlags { create, directory, exclusive, truncate } }

enumeration! { Advice { Normal, Sequential, Random, WillNeed, DontNeed, NoReuse } }

record! {
    store => DescriptorStat {
        type_: DescriptorType,
        link_count: u64,
        size: u64,
        data_access_timestamp: Option<Datetime>,
        data_modification_timestamp: Option<Datetime>,
        status_change_timestamp: Option<Datetime>,
    }
}

record! { store => DirectoryEntry { type_: DescriptorType, name: String } }

record! { store => MetadataHashValue { lower: u64, upper: u64 } }

variant! { load => NewTimestamp { NoChange(()), Now(()), Timestamp(Datetime) } }

/// What a time of a file is set to.
enum NewTime {
    Keep,
    Now,
    /// Seconds since 1970 began, and nanoseconds that have passed since.
    At(i64, u32),
}

impl NewTime {
    fn at(seconds: i64, nanoseconds: u32) -> Done<NewTime> {
        match nanoseconds {
            0..1_000_000_000 => Ok(NewTime::At(seconds, nanoseconds)),
            _ => Err(ErrorCode::Invalid),
        }
    }
}

impl TryFrom<NewTimestamp> for NewTime {
    type Error = ErrorCode;

    fn try_from(time: NewTimestamp) -> Done<NewTime> {
        match time {
            NewTimestamp::NoChange(()) => Ok(NewTime::Keep),
            NewTimestamp::Now(()) => Ok(NewTime::Now),
            NewTimestamp::Timestamp(Datetime { seconds, nanoseconds }) => {
                NewTime::at(i64::try_from(seconds).map_err(|_| ErrorCode::Overflow)?, nanoseconds)
            }
        }
    }
}

/// What an operation answers.
type Done<T> = Result<T, ErrorCode>;

/// An open file or directory.
pub(super) struct Descriptor {
    open: Open,
    /// What it was opened with.
    flags: DescriptorFlags,
    /// What the preopened directory grants that it was reached by.
    rights: DirRights,
    /// `None` for what the host has open itself.
    slot: Option<Rc<Slot>>,
}

enum Open {
    File(Arc<File>),
    Dir(Arc<Dir>),
}

impl HostResource for Descriptor {
    const NAME: &'static str = "descriptor";
}

/// What is left of the entries of a directory.
pub(super) struct DirectoryEntryStream {
    entries: RefCell<cap_std::fs::ReadDir>,
    _slot: Slot,
}

impl HostResource for DirectoryEntryStream {
    const NAME: &'static str = "directory-entry-stream";
}

impl Descriptor {
    fn fd(&self) -> BorrowedFd<'_> {
        match &self.open {
            Open::File(file) => file.as_fd(),
            Open::Dir(dir) => dir.as_fd(),
        }
    }

    fn file(&self) -> Done<&Arc<File>> {
        match &self.open {
            Open::File(file) => Ok(file),
            Open::Dir(_) => Err(ErrorCode::IsDirectory),
        }
    }

    /// The file, if it was opened for reading.
    fn readable(&self) -> Done<&Arc<File>> {
        let file = self.file()?;
        if self.flags.read { Ok(file) } else { Err(ErrorCode::BadDescriptor) }
    }

    /// The file, if it was opened for writing.
    fn writable(&self) -> Done<&Arc<File>> {
        let file = self.file()?;
        if self.flags.write { Ok(file) } else { Err(ErrorCode::BadDescriptor) }
    }

    fn dir(&self) -> Done<&Arc<Dir>> {
        match &self.open {
            Open::Dir(dir) => Ok(dir),
            Open::File(_) => Err(ErrorCode::NotDirectory),
        }
    }

    /// The directory, if what is in it may be changed.
    fn mutable(&self) -> Done<&Arc<Dir>> {
        let dir = self.dir()?;
        self.check_may_change()?;
        Ok(dir)
    }

    fn check_may_change(&self) -> Done<()> {
        match self.rights {
            DirRights::ReadWrite => Ok(()),
            DirRights::ReadOnly => Err(ErrorCode::ReadOnly),
        }
    }
}

fn descriptor_type(mode: u32) -> DescriptorType {
    match FileType::from_raw_mode(mode) {
        FileType::RegularFile => DescriptorType::RegularFile,
        FileType::Directory => DescriptorType::Directory,
        FileType::Symlink => DescriptorType::SymbolicLink,
        FileType::Fifo => DescriptorType::Fifo,
        FileType::Socket => DescriptorType::Socket,
        FileType::CharacterDevice => DescriptorType::CharacterDevice,
        FileType::BlockDevice => DescriptorType::BlockDevice,
        FileType::Unknown => DescriptorType::Unknown,
    }
}

/// What the system says of a file.
struct Stat {
    mode: u32,
    links: u64,
    size: u64,
    /// Of access, modification and change, in seconds and nanoseconds.
    times: [(i64, i64); 3],
    /// The device and the number there.
    identity: (u64, u64),
}

impl Stat {
    fn of(descriptor: &Descriptor) -> Done<Stat> {
        Stat::of_fd(descriptor.fd())
    }

    fn of_fd(fd: BorrowedFd<'_>) -> Done<Stat> {
        let stat = rustix::fs::fstat(fd).map_err(ErrorCode::from)?;
        Ok(Stat {
            mode: stat.st_mode,
            links: stat.st_nlink as u64,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            times: [
                (stat.st_atime as i64, stat.st_atime_nsec as i64),
                (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
                (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
            ],
            identity: (stat.st_dev as u64, stat.st_ino as u64),
        })
    }

    fn to_wit(&self) -> DescriptorStat {
        // A time before 1970 cannot be said.
        let [access, modification, change] = self.times.map(|(seconds, nanoseconds)| {
            let seconds = u64::try_from(seconds).ok()?;
            Some(Datetime { seconds, nanoseconds: nanoseconds as u32 })
        });
        DescriptorStat {
            type_: descriptor_type(self.mode),
            link_count: self.links,
            size: self.size,
            data_access_timestamp: access,
            data_modification_timestamp: modification,
            status_change_timestamp: change,
        }
    }

    /// The same number for the same file, and only in one store.
    fn hash(&self, call: &Call<'_, '_>) -> MetadataHashValue {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let [lower, upper] = [0u8, 1].map(|half| {
            let mut hasher = DefaultHasher::new();
            (call.state.secret, half, self.identity).hash(&mut hasher);
            hasher.finish()
        });
        MetadataHashValue { lower, upper }
    }
}

/// A path relative to a directory, as the guest wrote it.
fn check_path(path: &str) -> Done<&str> {
    match path {
        "" => Err(ErrorCode::NoEntry),
        path if path.contains('\0') => Err(ErrorCode::Invalid),
        path if path.starts_with('/') => Err(ErrorCode::NotPermitted),
        path => Ok(path),
    }
}

fn get_directories(call: &mut Call<'_, '_>) -> Answer<Vec<(Own<Descriptor>, String)>> {
    let world = call.state.world.clone();
    let dirs = world.config.dirs.iter().map(|preopen| {
        let flags = DescriptorFlags {
            read: true,
            mutate_directory: preopen.rights == DirRights::ReadWrite,
            ..DescriptorFlags::default()
        };
        let open = Open::Dir(preopen.dir.clone());
        let descriptor = Descriptor { open, flags, rights: preopen.rights, slot: None };
        Ok((call.own(descriptor)?, preopen.guest.clone()))
    });
    dirs.collect()
}

fn filesystem_error_code(
    call: &mut Call<'_, '_>,
    err: Borrow<IoError>,
) -> Answer<Option<ErrorCode>> {
    let error = call.get(&err)?;
    let error = error.0.get_ref().and_then(|error| error.downcast_ref::<FileError>());
    Ok(error.map(FileError::code))
}
