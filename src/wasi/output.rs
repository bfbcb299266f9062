//! Streams that are written to.

use super::config::{Output, Stdio, Write};
use super::filesystem::file_error;
use super::io::Failure;
use super::source::{Descriptor, Direction, Readiness, Source, is_ready, is_ready_within};
use super::state::{Slot, State};
use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// An `output-stream`: a way to an outlet, which may have several.
pub(super) struct OutputStream(Rc<Outlet>);

/// Where bytes go.
pub(super) struct Outlet {
    to: Box<dyn Sink>,
    /// What was taken from the guest and could not be written yet.
    pending: RefCell<Vec<u8>>,
    /// What went wrong with it, until a guest is told.
    error: Cell<Option<io::Error>>,
    is_closed: Cell<bool>,
    /// That of the file or socket, which is open as long as this is.
    _slot: Option<Rc<Slot>>,
}

/// What takes bytes. Nothing here waits.
pub(super) trait Sink {
    /// Takes some of the bytes; `WouldBlock` where it can take none yet.
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Whether a write would get somewhere. `is_stuck` where one has just not.
    fn readiness(&self, is_stuck: bool) -> Readiness;

    /// How much a guest may write at once, where it is ready.
    fn permit(&self) -> u64;

    /// Writes what is left when nobody waits for it any more, as far as that takes no long time.
    fn finish(&self, _rest: &[u8]) {}

    /// All that will come has been written.
    fn close(&self) {}
}

impl OutputStream {
    pub(super) fn new(outlet: &Rc<Outlet>) -> Self {
        OutputStream(outlet.clone())
    }

    /// What can be waited for.
    pub(super) fn outlet(&self) -> Rc<Outlet> {
        self.0.clone()
    }

    /// How many bytes can be written now.
    pub(super) fn permit(&self) -> Result<u64, Failure> {
        if !self.flush()? {
            return Ok(0);
        }
        match self.0.to.readiness(false) {
            Readiness::Ready => Ok(self.0.to.permit()),
            _ => Ok(0),
        }
    }

    /// Takes bytes, no more than were permitted.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        self.0.pump()?;
        let mut pending = self.0.pending.borrow_mut();
        let written = if pending.is_empty() { self.0.try_write(bytes) } else { 0 };
        pending.extend_from_slice(&bytes[written..]);
        drop(pending);
        self.0.check()
    }

    /// Whether all has been written.
    pub(super) fn flush(&self) -> Result<bool, Failure> {
        self.0.pump()?;
        Ok(self.0.pending.borrow().is_empty())
    }
}

impl Outlet {
    pub(super) fn new(to: Box<dyn Sink>, slot: Option<Rc<Slot>>) -> Rc<Self> {
        Rc::new(Outlet {
            to,
            pending: RefCell::default(),
            error: Cell::default(),
            is_closed: Cell::new(false),
            _slot: slot,
        })
    }

    /// One that takes all there is.
    pub(super) fn nowhere() -> Rc<Self> {
        Outlet::new(Box::new(Host(Arc::new(|bytes| Ok(bytes.len())))), None)
    }

    /// One that takes nothing.
    pub(super) fn closed() -> Rc<Self> {
        let nowhere = Host(Arc::new(|_| Err(ErrorKind::BrokenPipe.into())));
        let outlet = Outlet::new(Box::new(nowhere), None);
        outlet.is_closed.set(true);
        outlet
    }

    /// Writes as much as can be; how much that is. An error is kept, and ends the stream.
    fn try_write(&self, bytes: &[u8]) -> usize {
        let mut written = 0;
        while written < bytes.len() && !self.is_closed.get() {
            match self.to.write(&bytes[written..]) {
                Ok(0) => break,
                Ok(len) => written += len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.is_closed.set(true);
                    // That nobody reads any more is what a closed stream means.
                    if error.kind() != ErrorKind::BrokenPipe {
                        self.error.set(Some(error));
                    }
                }
            }
        }
        written
    }

    /// Writes what is pending, as far as it can be.
    fn pump(&self) -> Result<(), Failure> {
        self.check()?;
        let mut pending = self.pending.borrow_mut();
        if !pending.is_empty() {
            let written = self.try_write(&pending);
            pending.drain(..written);
        }
        drop(pending);
        self.check()
    }

    fn check(&self) -> Result<(), Failure> {
        match self.error.take() {
            Some(error) => Err(Failure::Failed(error)),
            None if self.is_closed.get() => Err(Failure::Closed),
            None => Ok(()),
        }
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        let rest = self.pending.take();
        if !rest.is_empty() && !self.is_closed.get() {
            self.to.finish(&rest);
        }
    }
}

/// For streams whose bytes stay with the guest until they are written.
impl Sink for Rc<Outlet> {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.pump()?;
        let is_free = self.pending.borrow().is_empty();
        match if is_free { self.try_write(bytes) } else { 0 } {
            0 => self.check().map_err(Into::into).and(Err(ErrorKind::WouldBlock.into())),
            // An error that came then is there the next time.
            written => Ok(written),
        }
    }

    fn readiness(&self, is_stuck: bool) -> Readiness {
        Outlet::readiness(self, is_stuck)
    }

    fn permit(&self) -> u64 {
        self.to.permit()
    }

    fn close(&self) {
        self.to.close();
    }
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> io::Error {
        match failure {
            Failure::Closed => ErrorKind::BrokenPipe.into(),
            Failure::Failed(error) => error,
        }
    }
}

impl Source for Outlet {
    fn check(&self, _: &State) -> Readiness {
        self.readiness(false)
    }
}

impl Outlet {
    fn readiness(&self, is_stuck: bool) -> Readiness {
        if !self.is_closed.get() && !self.pending.borrow().is_empty() {
            let mut pending = self.pending.borrow_mut();
            let written = self.try_write(&pending);
            pending.drain(..written);
            if !pending.is_empty() && !self.is_closed.get() {
                return self.to.readiness(true);
            }
        }
        if self.is_closed.get() { Readiness::Ready } else { self.to.readiness(is_stuck) }
    }
}

/// What an output of the host's is in one store.
pub(super) fn outlet(output: &Output, limit: u32) -> Rc<Outlet> {
    let permit = u64::from(limit);
    match output {
        Output::Closed => Outlet::closed(),
        Output::Inherit(Stdio::Stderr) => stream(Arc::new(io::stderr()), permit, None),
        Output::Inherit(_) => stream(Arc::new(io::stdout()), permit, None),
        Output::File(file) => stream(file.clone(), permit, None),
        Output::Host(write) => Outlet::new(Box::new(Host(write.clone())), None),
    }
}

pub(super) fn stream(to: Descriptor, permit: u64, slot: Option<Rc<Slot>>) -> Rc<Outlet> {
    let is_file = rustix::fs::fstat((*to).as_fd()).is_ok_and(|stat| {
        rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::RegularFile
    });
    Outlet::new(Box::new(Stream { to, is_file, permit }), slot)
}

/// A descriptor that may be shared with other processes: it is left as it is.
struct Stream {
    to: Descriptor,
    /// Writing never waits for a reader.
    is_file: bool,
    permit: u64,
}

/// How long a stream that is let go of may take no byte.
const FINISH: Duration = Duration::from_secs(1);

/// What a pipe that is ready takes without blocking, at least.
const PIPE_BUF: usize = 4096;

impl Sink for Stream {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let fd = (*self.to).as_fd();
        if self.is_file {
            return Ok(rustix::io::write(fd, bytes)?);
        }
        if !is_ready(fd, Direction::Write) {
            return Err(ErrorKind::WouldBlock.into());
        }
        let bytes = &bytes[..bytes.len().min(PIPE_BUF)];
        without_sigpipe(|| Ok(rustix::io::write(fd, bytes)?))
    }

    fn readiness(&self, _: bool) -> Readiness {
        if self.is_file || is_ready((*self.to).as_fd(), Direction::Write) {
            Readiness::Ready
        } else {
            Readiness::Descriptor(self.to.clone(), Direction::Write)
        }
    }

    fn permit(&self) -> u64 {
        if self.is_file { self.permit } else { PIPE_BUF as u64 }
    }

    /// A terminal, or a pipe that others write to as well, may have taken less than it said.
    fn finish(&self, mut rest: &[u8]) {
        while !rest.is_empty() && is_ready_within((*self.to).as_fd(), Direction::Write, FINISH) {
            match self.write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }
}

/// Writes to a pipe. That nobody reads it is an error, and no signal that ends a process which has not said
/// otherwise.
fn without_sigpipe(write: impl FnOnce() -> io::Result<usize>) -> io::Result<usize> {
    use libc::{SIG_BLOCK, SIG_IGN, SIG_SETMASK, SIGPIPE};
    // SAFETY: plain structs are filled by the system, which is given no other pointers.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(SIGPIPE, std::ptr::null(), &mut action);
        if action.sa_sigaction == SIG_IGN {
            return write();
        }
        let (mut set, mut before, mut pending) = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, SIGPIPE);
        libc::sigpending(&mut pending);
        libc::pthread_sigmask(SIG_BLOCK, &set, &mut before);
        let written = write();
        let is_ours = libc::sigismember(&pending, SIGPIPE) == 0;
        if is_ours && written.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe) {
            let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            libc::sigtimedwait(&set, std::ptr::null_mut(), &now);
        }
        libc::pthread_sigmask(SIG_SETMASK, &before, std::ptr::null_mut());
        written
    }
}

/// A function of the host's.
struct Host(Arc<Write>);

impl Sink for Host {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        (self.0)(bytes)
    }

    fn readiness(&self, is_stuck: bool) -> Readiness {
        if is_stuck { Readiness::Host } else { Readiness::Ready }
    }

    fn permit(&self) -> u64 {
        PIPE_BUF as u64
    }
}

/// A regular file, from some place on, or at its end.
pub(super) struct FileAt {
    pub(super) file: Arc<File>,
    /// `None` appends.
    pub(super) next: Option<Cell<u64>>,
    pub(super) permit: u64,
}

impl Sink for FileAt {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        use std::os::unix::fs::FileExt;
        match &self.next {
            Some(next) => {
                let len = self.file.write_at(bytes, next.get()).map_err(file_error)?;
                next.set(next.get().saturating_add(len as u64));
                Ok(len)
            }
            None => append(&self.file, bytes).map_err(file_error),
        }
    }

    fn readiness(&self, _: bool) -> Readiness {
        Readiness::Ready
    }

    fn permit(&self) -> u64 {
        self.permit
    }
}

/// Writes at the end of a file, also where others write there at the same time.
fn append(file: &File, bytes: &[u8]) -> io::Result<usize> {
    use rustix::io::{IoSlice, ReadWriteFlags, pwritev2};
    // The place does not matter.
    Ok(pwritev2(file, &[IoSlice::new(bytes)], 0, ReadWriteFlags::APPEND)?)
}
