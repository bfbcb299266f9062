//! `error-code`.

use crate::copy::typed::enumeration;
use rustix::io::Errno;
use std::fmt;
use std::io::{self, ErrorKind};

enumeration! {
    ErrorCode {
        Access, WouldBlock, Already, BadDescriptor, Busy, Deadlock, Quota, Exist, FileTooLarge,
        IllegalByteSequence, InProgress, Interrupted, Invalid, Io, IsDirectory, Loop, TooManyLinks,
        MessageSize, NameTooLong, NoDevice, NoEntry, NoLock, InsufficientMemory, InsufficientSpace,
        NotDirectory, NotEmpty, NotRecoverable, Unsupported, NoTty, NoSuchDevice, Overflow, NotPermitted,
        Pipe, ReadOnly, InvalidSeek, TextFileBusy, CrossDevice,
    }
}

impl From<Errno> for ErrorCode {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::ACCESS => ErrorCode::Access,
            Errno::AGAIN => ErrorCode::WouldBlock,
            Errno::ALREADY => ErrorCode::Already,
            Errno::BADF => ErrorCode::BadDescriptor,
            Errno::BUSY => ErrorCode::Busy,
            Errno::DEADLK => ErrorCode::Deadlock,
            Errno::DQUOT => ErrorCode::Quota,
            Errno::EXIST => ErrorCode::Exist,
            Errno::FBIG => ErrorCode::FileTooLarge,
            Errno::ILSEQ => ErrorCode::IllegalByteSequence,
            Errno::INPROGRESS => ErrorCode::InProgress,
            Errno::INTR => ErrorCode::Interrupted,
            Errno::INVAL => ErrorCode::Invalid,
            Errno::ISDIR => ErrorCode::IsDirectory,
            Errno::LOOP => ErrorCode::Loop,
            Errno::MLINK => ErrorCode::TooManyLinks,
            Errno::MSGSIZE => ErrorCode::MessageSize,
            Errno::NAMETOOLONG => ErrorCode::NameTooLong,
            Errno::NODEV => ErrorCode::NoDevice,
            Errno::NOENT => ErrorCode::NoEntry,
            Errno::NOLCK => ErrorCode::NoLock,
            // More open files than the system lets the process have.
            Errno::NOMEM | Errno::MFILE | Errno::NFILE => ErrorCode::InsufficientMemory,
            Errno::NOSPC => ErrorCode::InsufficientSpace,
            Errno::NOTDIR => ErrorCode::NotDirectory,
            Errno::NOTEMPTY => ErrorCode::NotEmpty,
            Errno::NOTRECOVERABLE => ErrorCode::NotRecoverable,
            Errno::NOTSUP | Errno::NOSYS => ErrorCode::Unsupported,
            Errno::NOTTY => ErrorCode::NoTty,
            Errno::NXIO => ErrorCode::NoSuchDevice,
            Errno::OVERFLOW => ErrorCode::Overflow,
            Errno::PERM => ErrorCode::NotPermitted,
            Errno::PIPE => ErrorCode::Pipe,
            Errno::ROFS => ErrorCode::ReadOnly,
            Errno::SPIPE => ErrorCode::InvalidSeek,
            Errno::TXTBSY => ErrorCode::TextFileBusy,
            Errno::XDEV => ErrorCode::CrossDevice,
            _ => ErrorCode::Io,
        }
    }
}

impl From<io::Error> for ErrorCode {
    fn from(error: io::Error) -> Self {
        if let Some(errno) = Errno::from_io_error(&error) {
            return errno.into();
        }
        match error.kind() {
            ErrorKind::NotFound => ErrorCode::NoEntry,
            // A path that leads out of its directory.
            ErrorKind::PermissionDenied => ErrorCode::NotPermitted,
            ErrorKind::AlreadyExists => ErrorCode::Exist,
            ErrorKind::InvalidInput => ErrorCode::Invalid,
            ErrorKind::InvalidData => ErrorCode::IllegalByteSequence,
            ErrorKind::NotADirectory => ErrorCode::NotDirectory,
            ErrorKind::Unsupported => ErrorCode::Unsupported,
            ErrorKind::BrokenPipe => ErrorCode::Pipe,
            ErrorKind::OutOfMemory => ErrorCode::InsufficientMemory,
            _ => ErrorCode::Io,
        }
    }
}

/// An error of a file's stream, which a guest can ask for its code.
#[derive(Debug)]
pub(crate) struct FileError {
    error: io::Error,
    code: ErrorCode,
}

impl FileError {
    pub(super) fn code(&self) -> ErrorCode {
        self.code
    }
}

impl From<ErrorCode> for FileError {
    fn from(code: ErrorCode) -> Self {
        FileError { error: ErrorKind::Other.into(), code }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for FileError {}

/// Marks an error as that of a file.
pub(crate) fn file_error(error: io::Error) -> io::Error {
    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) {
        return error;
    }
    let code = Errno::from_io_error(&error).map_or(ErrorCode::Io, ErrorCode::from);
    io::Error::other(FileError { error, code })
}
