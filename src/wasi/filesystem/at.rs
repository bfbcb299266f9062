//! What can be done with paths, each relative to an open directory.

use super::descriptor::timestamps;
use super::{
    Descriptor, DescriptorFlags, DescriptorStat, Done, ErrorCode, MetadataHashValue, NewTime,
    NewTimestamp, Open, OpenFlags, PathFlags, Stat, check_path,
};
use crate::copy::typed::{Borrow, Own, Text};
use crate::error::Result;
use crate::wasi::config::DirRights;
use crate::wasi::func::{Answer, Call, Interface};
use crate::wasi::state::Slot;
use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsMaybeDirExt};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::{AtFlags, FileType, OFlags};
use std::fs::File;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::sync::Arc;

pub(super) fn define(types: &mut Interface<'_>) -> Result<()> {
    types.func("[method]descriptor.create-directory-at", &["self", "path"], create_directory_at)?;
    types.func("[method]descriptor.stat-at", &["self", "path-flags", "path"], stat_at)?;
    let times =
        &["self", "path-flags", "path", "data-access-timestamp", "data-modification-timestamp"];
    types.func("[method]descriptor.set-times-at", times, set_times_at)?;
    let link = &["self", "old-path-flags", "old-path", "new-descriptor", "new-path"];
    types.func("[method]descriptor.link-at", link, link_at)?;
    let open = &["self", "path-flags", "path", "open-flags", "flags"];
    types.func("[method]descriptor.open-at", open, open_at)?;
    types.func("[method]descriptor.readlink-at", &["self", "path"], readlink_at)?;
    types.func("[method]descriptor.remove-directory-at", &["self", "path"], remove_directory_at)?;
    let rename = &["self", "old-path", "new-descriptor", "new-path"];
    types.func("[method]descriptor.rename-at", rename, rename_at)?;
    types.func("[method]descriptor.symlink-at", &["self", "old-path", "new-path"], symlink_at)?;
    types.func("[method]descriptor.unlink-file-at", &["self", "path"], unlink_file_at)?;
    types.func(
        "[method]descriptor.metadata-hash-at",
        &["self", "path-flags", "path"],
        metadata_hash_at,
    )
}

type This = Borrow<Descriptor>;

pub(super) fn create_directory_at(
    call: &mut Call<'_, '_>,
    this: This,
    path: Text,
) -> Answer<Done<()>> {
    let descriptor = call.get(&this)?;
    let create = || Ok(descriptor.mutable()?.create_dir(check_path(path.get())?)?);
    Ok(create())
}

/// What is at a path, opened for nothing but to name it. All that is asked and set of its times goes by this: those of a
/// `std::time::SystemTime` are fewer than those that files have.
fn name(dir: &Dir, flags: PathFlags, path: &str) -> Done<File> {
    // A slash at the end says that it is a directory, perhaps by way of a link.
    let follows = flags.symlink_follow || path.ends_with('/');
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags(OFlags::PATH.bits().cast_signed())
        .follow(if follows { FollowSymlinks::Yes } else { FollowSymlinks::No })
        .maybe_dir(true);
    Ok(dir.open_with(path, &options)?.into_std())
}

impl Stat {
    /// What the system says of what is at a path.
    pub(super) fn at(descriptor: &Descriptor, flags: PathFlags, path: &str) -> Done<Stat> {
        let stat = Stat::of_fd(name(descriptor.dir()?, flags, check_path(path)?)?.as_fd())?;
        if path.ends_with('/') && !stat.is_dir() {
            return Err(ErrorCode::NotDirectory);
        }
        Ok(stat)
    }

    fn is_dir(&self) -> bool {
        FileType::from_raw_mode(self.mode) == FileType::Directory
    }
}

fn stat_at(
    call: &mut Call<'_, '_>,
    this: This,
    flags: PathFlags,
    path: Text,
) -> Answer<Done<DescriptorStat>> {
    let descriptor = call.get(&this)?;
    Ok(Stat::at(&descriptor, flags, path.get()).map(|stat| stat.to_wit()))
}

pub(super) fn metadata_hash_at(
    call: &mut Call<'_, '_>,
    this: This,
    flags: PathFlags,
    path: Text,
) -> Answer<Done<MetadataHashValue>> {
    let descriptor = call.get(&this)?;
    Ok(Stat::at(&descriptor, flags, path.get()).map(|stat| stat.hash(call)))
}

impl Descriptor {
    /// Sets when what is at a path was accessed and modified.
    pub(super) fn set_times_at(
        &self,
        flags: PathFlags,
        path: &str,
        times: [Done<NewTime>; 2],
    ) -> Done<()> {
        let (dir, path) = (self.mutable()?, check_path(path)?);
        let times = timestamps(times)?;
        let named = name(dir, flags, path)?;
        Ok(rustix::fs::utimensat(named, "", &times, AtFlags::EMPTY_PATH)?)
    }
}

fn set_times_at(
    call: &mut Call<'_, '_>,
    this: This,
    flags: PathFlags,
    path: Text,
    access: NewTimestamp,
    modification: NewTimestamp,
) -> Answer<Done<()>> {
    let times = [access, modification].map(NewTime::try_from);
    Ok(call.get(&this)?.set_times_at(flags, path.get(), times))
}

pub(super) fn link_at(
    call: &mut Call<'_, '_>,
    this: This,
    flags: PathFlags,
    old_path: Text,
    new_descriptor: This,
    new_path: Text,
) -> Answer<Done<()>> {
    let [old, new] = [call.get(&this)?, call.get(&new_descriptor)?];
    let link = || {
        // Another name in a place that can be written to would make the file one that can be.
        let (old, new) = (old.mutable()?, new.mutable()?);
        let (old_path, new_path) = (check_path(old_path.get())?, check_path(new_path.get())?);
        if flags.symlink_follow {
            return Err(ErrorCode::Invalid);
        }
        let of_old = name(old, PathFlags::default(), old_path)?;
        if Stat::of_fd(of_old.as_fd())?.is_dir() {
            return Err(ErrorCode::NotPermitted);
        }
        Ok(old.hard_link(old_path, new, new_path)?)
    };
    Ok(link())
}

pub(super) fn open_at(
    call: &mut Call<'_, '_>,
    this: This,
    path_flags: PathFlags,
    path: Text,
    open_flags: OpenFlags,
    flags: DescriptorFlags,
) -> Answer<Done<Own<Descriptor>>> {
    let descriptor = call.get(&this)?;
    let slot = call.slot();
    match open(&descriptor, path_flags, path.get(), open_flags, flags, slot) {
        Ok(opened) => call.own(opened).map(Ok),
        Err(code) => Ok(Err(code)),
    }
}

fn open(
    base: &Descriptor,
    path_flags: PathFlags,
    path: &str,
    open_flags: OpenFlags,
    flags: DescriptorFlags,
    slot: Option<Slot>,
) -> Done<Descriptor> {
    let (dir, path) = (base.dir()?, check_path(path)?);
    let OpenFlags { create, directory, exclusive, truncate } = open_flags;
    if flags.write || flags.mutate_directory || create || truncate {
        base.check_may_change()?;
    }
    if directory && (create || exclusive || truncate) {
        return Err(ErrorCode::Invalid);
    }
    let slot = slot.ok_or(ErrorCode::InsufficientMemory)?;
    // Opening a fifo must not wait for its other end, nor make a terminal ours.
    let mut system = OFlags::NONBLOCK | OFlags::NOCTTY;
    system.set(OFlags::DIRECTORY, directory);
    system.set(OFlags::SYNC, flags.file_integrity_sync);
    system.set(OFlags::DSYNC, flags.data_integrity_sync);
    system.set(OFlags::RSYNC, flags.requested_write_sync);
    let writes = flags.write || create || truncate;
    let mut options = OpenOptions::new();
    options
        .read(flags.read || !writes)
        .write(writes)
        .create(create && !exclusive)
        .create_new(create && exclusive)
        .truncate(truncate)
        .custom_flags(system.bits().cast_signed())
        .follow(if path_flags.symlink_follow { FollowSymlinks::Yes } else { FollowSymlinks::No })
        .maybe_dir(true);
    let file = dir.open_with(path, &options)?.into_std();
    let is_dir = file.metadata()?.is_dir();
    let (open, flags) = if is_dir {
        let mutate_directory = base.rights == DirRights::ReadWrite;
        let flags = DescriptorFlags { write: false, mutate_directory, ..flags };
        (Open::Dir(Arc::new(Dir::from_std_file(file))), flags)
    } else {
        let flags = DescriptorFlags { mutate_directory: false, ..flags };
        (Open::File(Arc::new(file)), flags)
    };
    Ok(Descriptor { open, flags, rights: base.rights, slot: Some(Rc::new(slot)) })
}

pub(super) fn readlink_at(call: &mut Call<'_, '_>, this: This, path: Text) -> Answer<Done<String>> {
    let descriptor = call.get(&this)?;
    let read = || {
        let target = descriptor.dir()?.read_link(check_path(path.get())?)?;
        target.into_os_string().into_string().map_err(|_| ErrorCode::IllegalByteSequence)
    };
    Ok(read())
}

pub(super) fn remove_directory_at(
    call: &mut Call<'_, '_>,
    this: This,
    path: Text,
) -> Answer<Done<()>> {
    let descriptor = call.get(&this)?;
    let remove = || {
        // The path of a directory may end in a slash.
        let path = check_path(path.get())?.trim_end_matches('/');
        Ok(descriptor.mutable()?.remove_dir(path)?)
    };
    Ok(remove())
}

pub(super) fn rename_at(
    call: &mut Call<'_, '_>,
    this: This,
    old_path: Text,
    new_descriptor: This,
    new_path: Text,
) -> Answer<Done<()>> {
    let [old, new] = [call.get(&this)?, call.get(&new_descriptor)?];
    let rename = || {
        let (old, new) = (old.mutable()?, new.mutable()?);
        let (old_path, new_path) = (check_path(old_path.get())?, check_path(new_path.get())?);
        Ok(old.rename(old_path, new, new_path)?)
    };
    Ok(rename())
}

pub(super) fn symlink_at(
    call: &mut Call<'_, '_>,
    this: This,
    old_path: Text,
    new_path: Text,
) -> Answer<Done<()>> {
    let descriptor = call.get(&this)?;
    let link = || {
        let (dir, new_path) = (descriptor.mutable()?, check_path(new_path.get())?);
        let old_path = check_path(old_path.get())?;
        Ok(dir.symlink(old_path, new_path)?)
    };
    Ok(link())
}

pub(super) fn unlink_file_at(call: &mut Call<'_, '_>, this: This, path: Text) -> Answer<Done<()>> {
    let descriptor = call.get(&this)?;
    let unlink = || Ok(descriptor.mutable()?.remove_file_or_symlink(check_path(path.get())?)?);
    Ok(unlink())
}
