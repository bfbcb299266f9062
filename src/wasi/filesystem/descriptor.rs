//! What can be done with an open file or directory.

use super::{
    Advice, Descriptor, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry,
    DirectoryEntryStream, Done, ErrorCode, MetadataHashValue, NewTime, NewTimestamp, Open, Stat,
    descriptor_type,
};
use crate::copy::typed::{Borrow, Bytes, Own};
use crate::error::Result;
use crate::wasi::func::{Answer, Call, Interface, Wait};
use crate::wasi::input::{self, InputStream};
use crate::wasi::output::{self, Outlet, OutputStream};
use crate::wasi::state::Slot;
use crate::wasi::work::Workers;
use rustix::fs::{Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use std::cell::Cell;
use std::fs::File;
use std::io;
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::sync::Arc;

pub(super) fn define(types: &mut Interface<'_>) -> Result<()> {
    types.func("[method]descriptor.read-via-stream", &["self", "offset"], read_via_stream)?;
    types.func("[method]descriptor.write-via-stream", &["self", "offset"], write_via_stream)?;
    types.func("[method]descriptor.append-via-stream", &["self"], append_via_stream)?;
    types.func("[method]descriptor.advise", &["self", "offset", "length", "advice"], advise)?;
    types.func("[method]descriptor.sync-data", &["self"], sync_data)?;
    types.func("[method]descriptor.get-flags", &["self"], get_flags)?;
    types.func("[method]descriptor.get-type", &["self"], get_type)?;
    types.func("[method]descriptor.set-size", &["self", "size"], set_size)?;
    let times = &["self", "data-access-timestamp", "data-modification-timestamp"];
    types.func("[method]descriptor.set-times", times, set_times)?;
    types.func("[method]descriptor.read", &["self", "length", "offset"], read)?;
    types.func("[method]descriptor.write", &["self", "buffer", "offset"], write)?;
    types.func("[method]descriptor.read-directory", &["self"], read_directory)?;
    types.func("[method]descriptor.sync", &["self"], sync)?;
    types.func("[method]descriptor.stat", &["self"], stat)?;
    types.func("[method]descriptor.is-same-object", &["self", "other"], is_same_object)?;
    types.func("[method]descriptor.metadata-hash", &["self"], metadata_hash)
}

type This = Borrow<Descriptor>;

fn is_regular(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file())
}

fn read_via_stream(
    call: &mut Call<'_, '_>,
    this: This,
    offset: u64,
) -> Answer<Done<Own<InputStream>>> {
    let descriptor = call.get(&this)?;
    let file = match descriptor.readable() {
        Ok(file) => file.clone(),
        Err(code) => return Ok(Err(code)),
    };
    call.own(InputStream::new(inlet(file, offset), descriptor.slot.clone())).map(Ok)
}

/// What is in a file, from some place on where it has places.
pub(super) fn inlet(file: Arc<File>, offset: u64) -> Rc<dyn input::Inlet> {
    if is_regular(&file) {
        Rc::new(input::FileAt { file, next: Cell::new(offset) })
    } else {
        Rc::new(input::Stream(file))
    }
}

fn write_via_stream(
    call: &mut Call<'_, '_>,
    this: This,
    offset: u64,
) -> Answer<Done<Own<OutputStream>>> {
    output_stream(call, this, Some(offset))
}

fn append_via_stream(call: &mut Call<'_, '_>, this: This) -> Answer<Done<Own<OutputStream>>> {
    output_stream(call, this, None)
}

fn output_stream(
    call: &mut Call<'_, '_>,
    this: This,
    offset: Option<u64>,
) -> Answer<Done<Own<OutputStream>>> {
    let descriptor = call.get(&this)?;
    let file = match descriptor.writable() {
        Ok(file) => file.clone(),
        Err(code) => return Ok(Err(code)),
    };
    let permit = call.state.config().limits.buffer.into();
    let slot = descriptor.slot.clone();
    call.own(OutputStream::new(&outlet(file, offset, permit, slot))).map(Ok)
}

/// A way into a file, from some place on or at its end, where it has places.
pub(super) fn outlet(
    file: Arc<File>,
    offset: Option<u64>,
    permit: u64,
    slot: Option<Rc<Slot>>,
) -> Rc<Outlet> {
    if is_regular(&file) {
        Outlet::new(Box::new(output::FileAt { file, next: offset.map(Cell::new), permit }), slot)
    } else {
        output::stream(file, permit, slot)
    }
}

pub(super) fn advise(
    call: &mut Call<'_, '_>,
    this: This,
    offset: u64,
    length: u64,
    advice: Advice,
) -> Answer<Done<()>> {
    use rustix::fs::Advice as To;
    let advice = match advice {
        Advice::Normal => To::Normal,
        Advice::Sequential => To::Sequential,
        Advice::Random => To::Random,
        Advice::WillNeed => To::WillNeed,
        Advice::DontNeed => To::DontNeed,
        Advice::NoReuse => To::NoReuse,
    };
    let descriptor = call.get(&this)?;
    Ok(descriptor
        .file()
        .and_then(|file| Ok(rustix::fs::fadvise(file, offset, NonZeroU64::new(length), advice)?)))
}

pub(super) fn sync_data(call: &mut Call<'_, '_>, this: This) -> Answer<Wait<Done<()>>> {
    in_background(call, this, File::sync_data)
}

pub(super) fn sync(call: &mut Call<'_, '_>, this: This) -> Answer<Wait<Done<()>>> {
    in_background(call, this, File::sync_all)
}

/// Threads that wait for disks.
static SYNCS: Workers = Workers::new("cmabi-sync", 4);

/// Does with a file that is written to what takes as long as a disk does.
fn in_background(
    call: &mut Call<'_, '_>,
    this: This,
    sync: fn(&File) -> std::io::Result<()>,
) -> Answer<Wait<Done<()>>> {
    let descriptor = call.get(&this)?;
    let file = match &descriptor.open {
        Open::File(file) if descriptor.flags.write => file.clone(),
        _ => return Ok(Wait::Over(Ok(()))),
    };
    Ok(call.wait_for(|| SYNCS.start(move || Ok(sync(&file)?))))
}

pub(super) fn get_flags(call: &mut Call<'_, '_>, this: This) -> Answer<Done<DescriptorFlags>> {
    Ok(Ok(call.get(&this)?.flags))
}

fn get_type(call: &mut Call<'_, '_>, this: This) -> Answer<Done<DescriptorType>> {
    let descriptor = call.get(&this)?;
    Ok(Stat::of(&descriptor).map(|stat| descriptor_type(stat.mode)))
}

pub(super) fn set_size(call: &mut Call<'_, '_>, this: This, size: u64) -> Answer<Done<()>> {
    let descriptor = call.get(&this)?;
    Ok(descriptor.writable().and_then(|file| Ok(file.set_len(size)?)))
}

/// A time as the system wants it to be set.
fn timespec(time: NewTime) -> Timespec {
    match time {
        NewTime::Keep => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        NewTime::Now => Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
        NewTime::At(seconds, nanoseconds) => {
            Timespec { tv_sec: seconds, tv_nsec: nanoseconds.into() }
        }
    }
}

/// The times of access and modification, the same.
pub(super) fn timestamps([access, modification]: [Done<NewTime>; 2]) -> Done<Timestamps> {
    Ok(Timestamps { last_access: timespec(access?), last_modification: timespec(modification?) })
}

impl Descriptor {
    /// Sets when it was accessed and modified.
    pub(super) fn set_times(&self, times: [Done<NewTime>; 2]) -> Done<()> {
        self.check_may_change()?;
        Ok(rustix::fs::futimens(self.fd(), &timestamps(times)?)?)
    }
}

fn set_times(
    call: &mut Call<'_, '_>,
    this: This,
    access: NewTimestamp,
    modification: NewTimestamp,
) -> Answer<Done<()>> {
    Ok(call.get(&this)?.set_times([access, modification].map(NewTime::try_from)))
}

fn read(
    call: &mut Call<'_, '_>,
    this: This,
    length: u64,
    offset: u64,
) -> Answer<Done<(Bytes, bool)>> {
    let descriptor = call.get(&this)?;
    let file = match descriptor.readable() {
        Ok(file) => file,
        Err(code) => return Ok(Err(code)),
    };
    let capacity = length.min(call.state.config().limits.buffer.into()) as usize;
    let read = Bytes::fill(call.arena, capacity, |room| retry(|| file.read_at(room, offset)))?;
    Ok(read.map_err(ErrorCode::from).map(|bytes| {
        let at_end = bytes.get().is_empty() && capacity > 0;
        (bytes, at_end)
    }))
}

fn write(call: &mut Call<'_, '_>, this: This, buffer: Bytes, offset: u64) -> Answer<Done<u64>> {
    let descriptor = call.get(&this)?;
    let most = call.state.config().limits.buffer as usize;
    let bytes = &buffer.get()[..buffer.get().len().min(most)];
    Ok(descriptor
        .writable()
        .and_then(|file| Ok(retry(|| file.write_at(bytes, offset)).map(|len| len as u64)?)))
}

fn retry<T>(mut body: impl FnMut() -> std::io::Result<T>) -> std::io::Result<T> {
    loop {
        match body() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn read_directory(call: &mut Call<'_, '_>, this: This) -> Answer<Done<Own<DirectoryEntryStream>>> {
    let descriptor = call.get(&this)?;
    let slot = call.slot();
    let entries = || {
        let dir = descriptor.dir()?;
        let slot = slot.ok_or(ErrorCode::InsufficientMemory)?;
        Ok(DirectoryEntryStream { entries: dir.entries()?.into(), _slot: slot })
    };
    match entries() {
        Ok(entries) => call.own(entries).map(Ok),
        Err(code) => Ok(Err(code)),
    }
}

pub(super) fn read_directory_entry(
    call: &mut Call<'_, '_>,
    this: Borrow<DirectoryEntryStream>,
) -> Answer<Done<Option<DirectoryEntry>>> {
    let stream = call.get(&this)?;
    let next = stream.entries.borrow_mut().next();
    Ok(next.map(entry).transpose())
}

/// An entry of a directory, as guests are told of it.
pub(super) fn entry(entry: io::Result<cap_std::fs::DirEntry>) -> Done<DirectoryEntry> {
    let entry = entry?;
    let file_name = entry.file_name();
    let name = file_name.into_string().map_err(|_| ErrorCode::IllegalByteSequence)?;
    let type_ = entry.file_type().map_or(DescriptorType::Unknown, |ty| entry_type(&ty));
    Ok(DirectoryEntry { type_, name })
}

fn entry_type(ty: &cap_std::fs::FileType) -> DescriptorType {
    use cap_std::fs::FileTypeExt;
    match ty {
        ty if ty.is_dir() => DescriptorType::Directory,
        ty if ty.is_file() => DescriptorType::RegularFile,
        ty if ty.is_symlink() => DescriptorType::SymbolicLink,
        ty if ty.is_fifo() => DescriptorType::Fifo,
        ty if ty.is_socket() => DescriptorType::Socket,
        ty if ty.is_char_device() => DescriptorType::CharacterDevice,
        ty if ty.is_block_device() => DescriptorType::BlockDevice,
        _ => DescriptorType::Unknown,
    }
}

fn stat(call: &mut Call<'_, '_>, this: This) -> Answer<Done<DescriptorStat>> {
    let descriptor = call.get(&this)?;
    Ok(Stat::of(&descriptor).map(|stat| stat.to_wit()))
}

pub(super) fn is_same_object(call: &mut Call<'_, '_>, this: This, other: This) -> Answer<bool> {
    let [a, b] = [call.get(&this)?, call.get(&other)?];
    Ok(match (Stat::of(&a), Stat::of(&b)) {
        (Ok(a), Ok(b)) => a.identity == b.identity,
        _ => false,
    })
}

pub(super) fn metadata_hash(
    call: &mut Call<'_, '_>,
    this: This,
) -> Answer<Done<MetadataHashValue>> {
    let descriptor = call.get(&this)?;
    Ok(Stat::of(&descriptor).map(|stat| stat.hash(call)))
}
