//! What is granted to components.

use crate::error::{Error, ErrorKind, Result};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// What is granted. A new one grants nothing: empty arguments and environment, closed standard streams, no
/// folder, no network; but the system's clocks and random numbers.
///
/// What names something of the system's is looked up when it is set, and an error says what is wrong with it.
#[derive(Clone)]
pub struct Config {
    pub(super) args: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) stdin: Input,
    pub(super) stdout: Output,
    pub(super) stderr: Output,
    /// How many bytes of standard error each instance's traps have with them.
    pub(super) last_words: usize,
    pub(super) dirs: Vec<Preopen>,
    pub(super) network: Option<Arc<NetworkCheck>>,
    pub(super) name_lookup: bool,
    pub(super) clocks: Clocks,
    pub(super) seed: Option<u64>,
    pub(super) limits: Limits,
}

/// A folder that components find open.
#[derive(Clone)]
pub(super) struct Preopen {
    pub(super) dir: Arc<Dir>,
    pub(super) guest: String,
    pub(super) rights: DirRights,
}

/// What components may do in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirRights {
    /// Read what is in it.
    ReadOnly,
    /// Change it, too.
    ReadWrite,
}

/// One of the standard streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Stdio {
    Stdin,
    Stdout,
    Stderr,
}

/// Puts bytes into the buffer and says how many, 0 at the end. `WouldBlock` where there are none yet: it is
/// asked again whenever the store runs. Another error is an error of the stream.
pub type Read = dyn Fn(&mut [u8]) -> std::io::Result<usize> + Send + Sync;

/// Takes bytes and says how many. `WouldBlock` where it can take none now: it is asked again whenever the store
/// runs. Another error is an error of the stream.
pub type Write = dyn Fn(&[u8]) -> std::io::Result<usize> + Send + Sync;

/// Where standard input comes from.
#[derive(Clone)]
pub enum Input {
    /// It is at its end.
    Closed,
    /// The process's own.
    Inherit,
    /// These bytes; each store begins with the first.
    Bytes(Arc<[u8]>),
    /// A file; each store begins at its beginning.
    File(Arc<File>),
    /// A function of the host's.
    Host(Arc<Read>),
}

/// Where output goes.
#[derive(Clone)]
pub enum Output {
    /// It is closed.
    Closed,
    /// The process's own of this number.
    Inherit(Stdio),
    /// A file.
    File(Arc<File>),
    /// A function of the host's.
    Host(Arc<Write>),
}

/// What a component wants to do with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum NetworkUse {
    TcpBind,
    TcpConnect,
    UdpBind,
    UdpConnect,
    UdpSend,
}

/// Whether a component may do that.
pub type NetworkCheck = dyn Fn(SocketAddr, NetworkUse) -> bool + Send + Sync;

/// What clocks show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clocks {
    /// The system's time.
    System,
    /// A time that passes only while a component waits for it: waiting takes no time, and runs repeat.
    Fixed {
        /// Nanoseconds since 1970-01-01 00:00 UTC at first.
        wall: u64,
    },
}

/// How much of the host's a component can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Resources that a store has at once: streams, pollables, files, sockets.
    pub resources: u32,
    /// Files, directories and sockets that a store has open at once.
    pub descriptors: u32,
    /// Bytes that one read or write moves.
    pub buffer: u32,
    /// Bytes that one call for random bytes gets.
    pub random: u32,
    /// Pollables in one `poll`.
    pub poll: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            resources: 100_000,
            descriptors: 1024,
            buffer: 1 << 20,
            random: 1 << 20,
            poll: 10_000,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            args: Vec::new(),
            env: Vec::new(),
            stdin: Input::Closed,
            stdout: Output::Closed,
            stderr: Output::Closed,
            last_words: 0,
            dirs: Vec::new(),
            network: None,
            name_lookup: false,
            clocks: Clocks::System,
            seed: None,
            limits: Limits::default(),
        }
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

impl Config {
    /// One that grants nothing.
    pub fn new() -> Self {
        Config::default()
    }

    /// Adds an argument. The first is the program's name.
    pub fn arg(&mut self, arg: &str) -> Result<&mut Self> {
        no_nul("an argument", arg)?;
        self.args.push(arg.into());
        Ok(self)
    }

    /// Adds the arguments of this process.
    pub fn inherit_args(&mut self) -> Result<&mut Self> {
        for arg in std::env::args_os() {
            let arg = arg.into_string().map_err(|arg| {
                invalid(format!("the argument {:?} is not UTF-8", arg.to_string_lossy()))
            })?;
            self.arg(&arg)?;
        }
        Ok(self)
    }

    /// Sets a variable of the environment.
    pub fn env(&mut self, name: &str, value: &str) -> Result<&mut Self> {
        if name.is_empty() || name.contains('=') {
            let what = format!("{name:?} cannot name a variable of the environment");
            return Err(invalid(what));
        }
        no_nul("the name of a variable", name)?;
        no_nul("the value of a variable", value)?;
        match self.env.iter_mut().find(|(its, _)| its == name) {
            Some((_, its)) => *its = value.into(),
            None => self.env.push((name.into(), value.into())),
        }
        Ok(self)
    }

    /// Sets all variables of this process's environment, but those that are not UTF-8.
    pub fn inherit_env(&mut self) -> Result<&mut Self> {
        for (name, value) in std::env::vars_os() {
            if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string())
                && !name.is_empty()
                && !name.contains('=')
            {
                self.env(&name, &value)?;
            }
        }
        Ok(self)
    }

    /// Sets where standard input comes from.
    pub fn stdin(&mut self, input: Input) -> &mut Self {
        self.stdin = input;
        self
    }

    /// Sets where standard output goes.
    pub fn stdout(&mut self, output: Output) -> &mut Self {
        self.stdout = output;
        self
    }

    /// Sets where standard error goes.
    pub fn stderr(&mut self, output: Output) -> &mut Self {
        self.stderr = output;
        self
    }

    /// Has the last so many bytes that an instance has written to standard error reported with a trap that ends
    /// it. They go where else standard error goes, and where that is closed, it takes them all the same.
    pub fn last_words(&mut self, bytes: usize) -> &mut Self {
        self.last_words = bytes;
        self
    }

    /// Opens a folder of the host's for components, which know it as `guest`.
    pub fn dir(&mut self, host: &Path, guest: &str, rights: DirRights) -> Result<&mut Self> {
        let shown = host.display();
        self.check_guest_path(guest)?;
        let dir = Dir::open_ambient_dir(host, ambient_authority()).map_err(|error| {
            let kind = match error.kind() {
                std::io::ErrorKind::NotFound => ErrorKind::NotFound,
                _ => ErrorKind::InvalidArgument,
            };
            Error::new(kind, format!("folder {shown}: {error}"))
        })?;
        self.dirs.push(Preopen { dir: Arc::new(dir), guest: guest.into(), rights });
        Ok(self)
    }

    /// Whether guests can know another folder by this path.
    pub(crate) fn check_guest_path(&self, guest: &str) -> Result<()> {
        if guest.is_empty() {
            return Err(invalid("a folder needs a path by which guests know it".into()));
        }
        no_nul("the path of a folder", guest)?;
        if self.dirs.iter().any(|dir| same_path(&dir.guest, guest)) {
            return Err(invalid(format!("two folders for the guest's path {guest:?}")));
        }
        Ok(())
    }

    /// Allows the use of those addresses that `check` accepts.
    pub fn network(&mut self, check: Arc<NetworkCheck>) -> &mut Self {
        self.network = Some(check);
        self
    }

    /// Allows, or forbids, to look up the addresses of names.
    pub fn name_lookup(&mut self, allowed: bool) -> &mut Self {
        self.name_lookup = allowed;
        self
    }

    /// Sets what clocks show.
    pub fn clocks(&mut self, clocks: Clocks) -> &mut Self {
        self.clocks = clocks;
        self
    }

    /// Draws all random numbers from this seed, in each store the same: for runs that repeat, not for secrets.
    pub fn random_seed(&mut self, seed: u64) -> &mut Self {
        self.seed = Some(seed);
        self
    }

    /// The limits, to be changed.
    pub fn limits(&mut self) -> &mut Limits {
        &mut self.limits
    }
}

fn no_nul(what: &str, text: &str) -> Result<()> {
    if text.contains('\0') {
        return Err(invalid(format!("{what} has a NUL in it: {text:?}")));
    }
    Ok(())
}

/// Whether two paths of guests are the same but for how they are written.
fn same_path(a: &str, b: &str) -> bool {
    let parts = |path: &str| -> (bool, Vec<String>) {
        let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
        (path.starts_with('/'), parts.map(str::to_owned).collect())
    };
    parts(a) == parts(b)
}

impl Input {
    /// The file at `path`.
    pub fn file(path: &Path) -> Result<Input> {
        let file = File::open(path).map_err(|error| cannot_open(path, &error))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err(invalid(format!("{} is a folder", path.display())));
        }
        Ok(Input::File(Arc::new(file)))
    }
}

impl Output {
    /// The file at `path`, which is emptied, or made.
    pub fn file(path: &Path) -> Result<Output> {
        let file = File::create(path).map_err(|error| cannot_open(path, &error))?;
        Ok(Output::File(Arc::new(file)))
    }
}

fn cannot_open(path: &Path, error: &std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::InvalidArgument,
    };
    Error::new(kind, format!("{}: {error}", path.display()))
}
