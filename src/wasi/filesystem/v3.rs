//! `wasi:filesystem` 0.3.

use super::descriptor::{self, inlet, outlet};
use super::error::{ErrorCode, FileError};
use super::{
    Advice, Descriptor, DescriptorFlags, Done, MetadataHashValue, NewTime, OpenFlags, PathFlags,
    Stat, at, descriptor_type, get_directories,
};
use crate::copy::typed::{
    Borrow, Canonical, FutureOf, Own, ResourceTypes, Store, StreamOf, Text, case, compound,
    payload_offset, record, variant,
};
use crate::error::{Result, Trapped};
use crate::memory::Arena;
use crate::runtime::Cx;
use crate::types::{Case, Kind, Type};
use crate::wasi::Define;
use crate::wasi::clocks::v3::Instant;
use crate::wasi::func::{Answer, Call, Interface, Wait};
use crate::wasi::pipe::{self, Filling, Flow, Pipe, Step};
use crate::wasi::state::{Slot, State};
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

pub(in crate::wasi) const INTERFACES: &[(&str, Define)] = &[
    ("preopens", |preopens| preopens.func("get-directories", &[], get_directories)),
    ("types", |types| {
        types.resource::<Descriptor>()?;
        define_streams(types)?;
        define_open(types)?;
        define_at(types)
    }),
];

type This = Borrow<Descriptor>;

/// An error code, which is one of 0.2 but for `would-block`.
pub(super) struct Code(ErrorCode);

impl Code {
    const SIZE: usize = payload_offset(Self::ALIGN) + <Option<String> as Canonical>::SIZE;
    const ALIGN: usize = <Option<String> as Canonical>::ALIGN;

    fn cases() -> impl Iterator<Item = ErrorCode> {
        ErrorCode::ALL.iter().copied().filter(|code| *code != ErrorCode::WouldBlock)
    }
}

impl Canonical for Code {
    const SIZE: usize = Code::SIZE;
    const ALIGN: usize = Code::ALIGN;

    fn ty(resources: &ResourceTypes) -> Option<Type> {
        let named = Code::cases().map(|code| case::<()>(&format!("{code:?}"), resources));
        let other = case::<Option<String>>("other", resources);
        let cases: Vec<Case> = named.chain([other]).collect();
        Some(compound(Kind::Variant(cases.into())))
    }
}

impl Store for Code {
    unsafe fn store(self, at: *mut u8, arena: &Arena) -> Result<(), Trapped> {
        let index = Code::cases().position(|code| code == self.0);
        let index = index.unwrap_or(ErrorCode::ALL.len() - 1) as u8;
        // SAFETY: the caller's promise. `other` has no text.
        unsafe {
            index.store(at, arena)?;
            None::<String>.store(at.add(payload_offset(Self::ALIGN)), arena)
        }
    }
}

impl From<ErrorCode> for Code {
    fn from(code: ErrorCode) -> Self {
        Code(code)
    }
}

impl From<io::Error> for Code {
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|error| error.downcast_ref::<FileError>()) {
            Some(error) => Code(error.code()),
            None => Code(error.into()),
        }
    }
}

variant! {
    store => DescriptorType {
        BlockDevice(()), CharacterDevice(()), Directory(()), Fifo(()), SymbolicLink(()), RegularFile(()),
        Socket(()), Other(Option<String>),
    }
}

impl From<super::DescriptorType> for DescriptorType {
    fn from(ty: super::DescriptorType) -> Self {
        use super::DescriptorType as Old;
        match ty {
            Old::BlockDevice => DescriptorType::BlockDevice(()),
            Old::CharacterDevice => DescriptorType::CharacterDevice(()),
            Old::Directory => DescriptorType::Directory(()),
            Old::Fifo => DescriptorType::Fifo(()),
            Old::SymbolicLink => DescriptorType::SymbolicLink(()),
            Old::RegularFile => DescriptorType::RegularFile(()),
            Old::Socket => DescriptorType::Socket(()),
            Old::Unknown => DescriptorType::Other(None),
        }
    }
}

record! {
    store => DescriptorStat {
        type_: DescriptorType,
        link_count: u64,
        size: u64,
        data_access_timestamp: Option<Instant>,
        data_modification_timestamp: Option<Instant>,
        status_change_timestamp: Option<Instant>,
    }
}

record! { store => DirectoryEntry { type_: DescriptorType, name: String } }

variant! { load => NewTimestamp { NoChange(()), Now(()), Timestamp(Instant) } }

impl From<Stat> for DescriptorStat {
    fn from(stat: Stat) -> Self {
        let times = stat.times.map(|(seconds, nanoseconds)| {
            Some(Instant { seconds, nanoseconds: nanoseconds as u32 })
        });
        let [data_access_timestamp, data_modification_timestamp, status_change_timestamp] = times;
        DescriptorStat {
            type_: descriptor_type(stat.mode).into(),
            link_count: stat.links,
            size: stat.size,
            data_access_timestamp,
            data_modification_timestamp,
            status_change_timestamp,
        }
    }
}

fn new_time(time: NewTimestamp) -> Done<NewTime> {
    match time {
        NewTimestamp::NoChange(()) => Ok(NewTime::Keep),
        NewTimestamp::Now(()) => Ok(NewTime::Now),
        NewTimestamp::Timestamp(Instant { seconds, nanoseconds }) => {
            NewTime::at(seconds, nanoseconds)
        }
    }
}

/// What a function of 0.2 answers, with the codes of 0.3.
fn coded<T>(answer: Answer<Done<T>>) -> Answer<Result<T, Code>> {
    Ok(answer?.map_err(Code))
}

fn coded_later<T>(answer: Answer<Wait<Done<T>>>) -> Answer<Wait<Result<T, Code>>> {
    Ok(match answer? {
        Wait::Over(done) => Wait::Over(done.map_err(Code)),
        Wait::For(sources) => Wait::For(sources),
    })
}

fn define_streams(types: &mut Interface<'_>) -> Result<()> {
    types.func(
        "[method]descriptor.read-via-stream",
        &["self", "offset"],
        |call: &mut Call<'_, '_>, this: This, offset: u64| {
            let descriptor = call.get(&this)?;
            let file = match descriptor.readable() {
                Ok(file) => file.clone(),
                Err(code) => return pipe::ended::<u8, Code>(call, Err(code.into())),
            };
            let limit = call.state.config().limits.buffer as usize;
            let (inlet, _slot) = (inlet(file, offset), descriptor.slot.clone());
            pipe::produce(call, Filling { inlet, limit, _slot })
        },
    )?;
    types.func(
        "[method]descriptor.write-via-stream",
        &["self", "data", "offset"],
        |call: &mut Call<'_, '_>, this: This, data: StreamOf<u8>, offset: u64| {
            write(call, &this, &data, Some(offset))
        },
    )?;
    types.func(
        "[method]descriptor.append-via-stream",
        &["self", "data"],
        |call: &mut Call<'_, '_>, this: This, data: StreamOf<u8>| write(call, &this, &data, None),
    )?;
    types.func("[method]descriptor.read-directory", &["self"], read_directory)
}

type Outcome = FutureOf<Result<(), Code>>;

fn write(
    call: &mut Call<'_, '_>,
    this: &This,
    data: &StreamOf<u8>,
    offset: Option<u64>,
) -> Answer<Outcome> {
    let descriptor = call.get(this)?;
    let file = match descriptor.writable() {
        Ok(file) => file.clone(),
        Err(code) => return pipe::refuse(call, data, Code(code)),
    };
    let permit = call.state.config().limits.buffer.into();
    let outlet = outlet(file, offset, permit, descriptor.slot.clone());
    pipe::consume(call, data, Rc::new(outlet), None)
}

/// The entries of a directory, and how many of them one read gets at most.
struct Entries {
    entries: RefCell<cap_std::fs::ReadDir>,
    /// What was wrong with the next one.
    failure: Cell<Option<ErrorCode>>,
    _slot: Slot,
}

const ENTRIES: usize = 256;

fn read_directory(
    call: &mut Call<'_, '_>,
    this: This,
) -> Answer<(StreamOf<DirectoryEntry>, Outcome)> {
    let descriptor = call.get(&this)?;
    let slot = call.slot();
    let entries = || {
        let dir = descriptor.dir()?;
        let _slot = slot.ok_or(ErrorCode::InsufficientMemory)?;
        Ok(Entries { entries: dir.entries()?.into(), failure: Cell::default(), _slot })
    };
    match entries() {
        Ok(entries) => pipe::produce(call, entries),
        Err(code) => pipe::ended(call, Err(Code(code))),
    }
}

impl Entries {
    /// The next ones, up to so many.
    fn next(&self, most: usize) -> Vec<DirectoryEntry> {
        let mut next = Vec::new();
        let mut entries = self.entries.borrow_mut();
        while next.len() < most
            && let Some(entry) = entries.next()
        {
            match descriptor::entry(entry) {
                Ok(super::DirectoryEntry { type_, name }) => {
                    next.push(DirectoryEntry { type_: type_.into(), name });
                }
                Err(code) => {
                    self.failure.set(Some(code));
                    break;
                }
            }
        }
        next
    }
}

impl Flow for Entries {
    fn step(&self, pipe: &Rc<Pipe>, cx: &mut Cx<'_>, _: &Rc<State>) -> Step {
        let end = pipe.end();
        let most = match end.peer_waits(cx) {
            Ok(Some(0)) => {
                let _ = end.tell_ready(cx);
                return Step::Done;
            }
            Ok(Some(most)) => (most as usize).min(ENTRIES),
            Ok(None) | Err(_) => return Step::Done,
        };
        let next = match self.failure.get() {
            Some(_) => Vec::new(),
            None => self.next(most),
        };
        match self.failure.get() {
            Some(code) if next.is_empty() => {
                Step::Over(Err(io::Error::other(FileError::from(code))))
            }
            None if next.is_empty() => Step::Over(Ok(())),
            _ => match pipe::write(cx, end, next) {
                Ok(()) => Step::Done,
                Err(error) => Step::Over(Err(io::Error::other(error))),
            },
        }
    }
}

fn define_open(types: &mut Interface<'_>) -> Result<()> {
    types.async_func(
        "[method]descriptor.advise",
        &["self", "offset", "length", "advice"],
        |call: &mut Call<'_, '_>, this: This, offset: u64, length: u64, advice: Advice| {
            coded(descriptor::advise(call, this, offset, length, advice))
        },
    )?;
    types.async_func(
        "[method]descriptor.sync-data",
        &["self"],
        |call: &mut Call<'_, '_>, this: This| coded_later(descriptor::sync_data(call, this)),
    )?;
    types.async_func(
        "[method]descriptor.sync",
        &["self"],
        |call: &mut Call<'_, '_>, this: This| coded_later(descriptor::sync(call, this)),
    )?;
    types.async_func(
        "[method]descriptor.get-flags",
        &["self"],
        |call: &mut Call<'_, '_>, this: This| coded(descriptor::get_flags(call, this)),
    )?;
    types.async_func(
        "[method]descriptor.get-type",
        &["self"],
        |call: &mut Call<'_, '_>, this: This| {
            let stat = Stat::of(&*call.get(&this)?);
            coded(Ok(stat.map(|stat| DescriptorType::from(descriptor_type(stat.mode)))))
        },
    )?;
    types.async_func(
        "[method]descriptor.set-size",
        &["self", "size"],
        |call: &mut Call<'_, '_>, this: This, size: u64| {
            coded(descriptor::set_size(call, this, size))
        },
    )?;
    types.async_func(
        "[method]descriptor.set-times",
        &["self", "data-access-timestamp", "data-modification-timestamp"],
        |call: &mut Call<'_, '_>, this: This, access: NewTimestamp, modification: NewTimestamp| {
            let times = [access, modification].map(new_time);
            coded(Ok(call.get(&this)?.set_times(times)))
        },
    )?;
    types.async_func(
        "[method]descriptor.stat",
        &["self"],
        |call: &mut Call<'_, '_>, this: This| {
            coded(Ok(Stat::of(&*call.get(&this)?).map(DescriptorStat::from)))
        },
    )?;
    types.async_func(
        "[method]descriptor.is-same-object",
        &["self", "other"],
        descriptor::is_same_object,
    )?;
    types.async_func(
        "[method]descriptor.metadata-hash",
        &["self"],
        |call: &mut Call<'_, '_>, this: This| coded(descriptor::metadata_hash(call, this)),
    )
}

fn define_at(types: &mut Interface<'_>) -> Result<()> {
    types.async_func(
        "[method]descriptor.create-directory-at",
        &["self", "path"],
        |call: &mut Call<'_, '_>, this: This, path: Text| {
            coded(at::create_directory_at(call, this, path))
        },
    )?;
    types.async_func(
        "[method]descriptor.stat-at",
        &["self", "path-flags", "path"],
        |call: &mut Call<'_, '_>, this: This, flags: PathFlags, path: Text| {
            let stat = Stat::at(&*call.get(&this)?, flags, path.get());
            coded(Ok(stat.map(DescriptorStat::from)))
        },
    )?;
    types.async_func(
        "[method]descriptor.set-times-at",
        &["self", "path-flags", "path", "data-access-timestamp", "data-modification-timestamp"],
        |call: &mut Call<'_, '_>,
         this: This,
         flags: PathFlags,
         path: Text,
         access: NewTimestamp,
         modification: NewTimestamp| {
            let times = [access, modification].map(new_time);
            coded(Ok(call.get(&this)?.set_times_at(flags, path.get(), times)))
        },
    )?;
    types.async_func(
        "[method]descriptor.link-at",
        &["self", "old-path-flags", "old-path", "new-descriptor", "new-path"],
        |call: &mut Call<'_, '_>,
         this: This,
         flags: PathFlags,
         old: Text,
         new: This,
         path: Text| { coded(at::link_at(call, this, flags, old, new, path)) },
    )?;
    types.async_func(
        "[method]descriptor.open-at",
        &["self", "path-flags", "path", "open-flags", "flags"],
        |call: &mut Call<'_, '_>,
         this: This,
         path_flags: PathFlags,
         path: Text,
         open_flags: OpenFlags,
         flags: DescriptorFlags| {
            let opened = at::open_at(call, this, path_flags, path, open_flags, flags);
            coded::<Own<Descriptor>>(opened)
        },
    )?;
    types.async_func(
        "[method]descriptor.readlink-at",
        &["self", "path"],
        |call: &mut Call<'_, '_>, this: This, path: Text| coded(at::readlink_at(call, this, path)),
    )?;
    types.async_func(
        "[method]descriptor.remove-directory-at",
        &["self", "path"],
        |call: &mut Call<'_, '_>, this: This, path: Text| {
            coded(at::remove_directory_at(call, this, path))
        },
    )?;
    types.async_func(
        "[method]descriptor.rename-at",
        &["self", "old-path", "new-descriptor", "new-path"],
        |call: &mut Call<'_, '_>, this: This, old: Text, new: This, path: Text| {
            coded(at::rename_at(call, this, old, new, path))
        },
    )?;
    types.async_func(
        "[method]descriptor.symlink-at",
        &["self", "old-path", "new-path"],
        |call: &mut Call<'_, '_>, this: This, old: Text, new: Text| {
            coded(at::symlink_at(call, this, old, new))
        },
    )?;
    types.async_func(
        "[method]descriptor.unlink-file-at",
        &["self", "path"],
        |call: &mut Call<'_, '_>, this: This, path: Text| {
            coded(at::unlink_file_at(call, this, path))
        },
    )?;
    types.async_func(
        "[method]descriptor.metadata-hash-at",
        &["self", "path-flags", "path"],
        |call: &mut Call<'_, '_>, this: This, flags: PathFlags, path: Text| {
            coded::<MetadataHashValue>(at::metadata_hash_at(call, this, flags, path))
        },
    )
}
