//! Streams that are read from.

use super::config::{Input, Read};
use super::filesystem::file_error;
use super::io::Failure;
use super::source::{Descriptor, Direction, Readiness, Source, is_ready};
use super::state::{Slot, State};
use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::sync::Arc;

/// An `input-stream`.
pub(super) struct InputStream {
    from: Rc<dyn Inlet>,
    is_closed: Cell<bool>,
    /// That of the file or socket, which is open as long as this is.
    _slot: Option<Rc<Slot>>,
}

/// Where bytes come from. Nothing here waits.
pub(super) trait Inlet {
    /// Reads bytes: 0 of them is the end, `WouldBlock` that there are none yet.
    fn read(&self, room: &mut [u8]) -> io::Result<usize>;

    /// Whether a read would find something out.
    fn readiness(&self) -> Readiness;

    /// Nobody will read from it any more.
    fn close(&self) {}
}

impl InputStream {
    pub(super) fn new(from: Rc<dyn Inlet>, slot: Option<Rc<Slot>>) -> Self {
        InputStream { from, is_closed: Cell::new(false), _slot: slot }
    }

    /// Reads what is there; nothing, where there is nothing yet.
    pub(super) fn read(&self, room: &mut [u8]) -> Result<usize, Failure> {
        if self.is_closed.get() {
            return Err(Failure::Closed);
        }
        if room.is_empty() {
            return Ok(0);
        }
        loop {
            let failure = match self.from.read(room) {
                Ok(0) => Failure::Closed,
                Ok(len) => return Ok(len),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => Failure::Failed(error),
            };
            self.is_closed.set(true);
            return Err(failure);
        }
    }
}

impl Source for InputStream {
    fn check(&self, _: &State) -> Readiness {
        if self.is_closed.get() { Readiness::Ready } else { self.from.readiness() }
    }
}

/// What standard input is in one store.
pub(super) fn inlet(input: &Input) -> Rc<dyn Inlet> {
    match input {
        Input::Closed => Rc::new(Closed),
        Input::Inherit => Rc::new(Stream(Arc::new(io::stdin()))),
        Input::Bytes(bytes) => Rc::new(Memory { bytes: bytes.clone(), next: Cell::new(0) }),
        Input::File(file) if file.metadata().is_ok_and(|metadata| metadata.is_file()) => {
            Rc::new(FileAt { file: file.clone(), next: Cell::new(0) })
        }
        Input::File(file) => Rc::new(Stream(file.clone())),
        Input::Host(read) => Rc::new(Host::new(read.clone())),
    }
}

struct Closed;

impl Inlet for Closed {
    fn read(&self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }
}

struct Memory {
    bytes: Arc<[u8]>,
    next: Cell<usize>,
}

impl Inlet for Memory {
    fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        let rest = &self.bytes[self.next.get()..];
        let len = rest.len().min(room.len());
        room[..len].copy_from_slice(&rest[..len]);
        self.next.set(self.next.get() + len);
        Ok(len)
    }

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }
}

/// A regular file, from some place on.
pub(super) struct FileAt {
    pub(super) file: Arc<File>,
    pub(super) next: Cell<u64>,
}

impl Inlet for FileAt {
    fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read_at(room, self.next.get()).map_err(file_error)?;
        self.next.set(self.next.get().saturating_add(len as u64));
        Ok(len)
    }

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }
}

/// A pipe, a terminal, and whatever else has no places. Its descriptor may be shared with other
/// processes, so it is left as it is, and asked before each read.
pub(super) struct Stream(pub(super) Descriptor);

impl Inlet for Stream {
    fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        if !is_ready((*self.0).as_fd(), Direction::Read) {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(rustix::io::read((*self.0).as_fd(), room)?)
    }

    fn readiness(&self) -> Readiness {
        if is_ready((*self.0).as_fd(), Direction::Read) {
            Readiness::Ready
        } else {
            Readiness::Descriptor(self.0.clone(), Direction::Read)
        }
    }
}

/// A function of the host's, which alone knows whether there is anything: to ask is to read.
struct Host {
    read: Arc<Read>,
    /// What a read found for somebody who only wanted to know.
    found: RefCell<Option<Found>>,
    /// There was nothing, and nobody has been told to wait yet.
    is_dry: Cell<bool>,
}

/// What the function said, with the bytes that are left.
enum Found {
    Bytes { bytes: Box<[u8]>, next: usize },
    End,
    Failure(io::Error),
}

/// How many bytes are read for somebody who only wants to know whether there are any.
const LOOK_AHEAD: usize = 4096;

impl Host {
    fn new(read: Arc<Read>) -> Self {
        Host { read, found: RefCell::new(None), is_dry: Cell::new(false) }
    }

    fn ask(&self, room: &mut [u8]) -> io::Result<usize> {
        let read = (self.read)(room);
        self.is_dry.set(matches!(&read, Err(error) if error.kind() == ErrorKind::WouldBlock));
        read
    }

    /// Whether something is known, after the function is asked if nothing was.
    fn look(&self) -> bool {
        if self.found.borrow().is_some() {
            return true;
        }
        let mut room = [0; LOOK_AHEAD];
        let found = match self.ask(&mut room) {
            Ok(0) => Found::End,
            Ok(len) => Found::Bytes { bytes: room[..len.min(LOOK_AHEAD)].into(), next: 0 },
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(error) => Found::Failure(error),
        };
        *self.found.borrow_mut() = Some(found);
        true
    }
}

impl Inlet for Host {
    fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        let found = self.found.take();
        match found {
            None => self.ask(room),
            Some(Found::End) => Ok(0),
            Some(Found::Failure(error)) => Err(error),
            Some(Found::Bytes { bytes, next }) => {
                let len = room.len().min(bytes.len() - next);
                room[..len].copy_from_slice(&bytes[next..next + len]);
                if next + len < bytes.len() {
                    *self.found.borrow_mut() = Some(Found::Bytes { bytes, next: next + len });
                }
                Ok(len)
            }
        }
    }

    fn readiness(&self) -> Readiness {
        // Who has just been told that there is nothing waits, and does not ask again before that.
        if !self.is_dry.take() && self.look() { Readiness::Ready } else { Readiness::Host }
    }
}

#[test]
fn what_is_found_by_a_look_is_read() {
    use std::sync::Mutex;
    let said = Mutex::new(vec![Ok(0), Err(ErrorKind::Other), Ok(3), Err(ErrorKind::WouldBlock)]);
    let host = Host::new(Arc::new(move |room: &mut [u8]| {
        let said = said.lock().unwrap().pop().expect("it is asked no more than it has to be");
        if let Ok(len) = said {
            room[..len].copy_from_slice(&b"abc"[..len]);
        }
        said.map_err(io::Error::from)
    }));
    let is_ready = || matches!(host.readiness(), Readiness::Ready);
    let mut room = [0; 2];
    assert_eq!(host.read(&mut room).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(!is_ready());
    assert!(is_ready() && is_ready());
    assert_eq!((host.read(&mut room).unwrap(), room), (2, *b"ab"));
    assert!(is_ready());
    assert_eq!((host.read(&mut room).unwrap(), room), (1, *b"cb"));
    assert!(is_ready());
    assert_eq!(host.read(&mut room).unwrap_err().kind(), ErrorKind::Other);
    assert!(is_ready() && is_ready());
    assert_eq!(host.read(&mut room).unwrap(), 0);
}
