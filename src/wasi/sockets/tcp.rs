//! TCP sockets, and their streams.

use super::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Network, check_allowed, options, socket_error,
    to_wit,
};
use super::{Done, V2, Version, getter, plain_getter, setter};
use crate::copy::typed::{Borrow, HostResource, Own, enumeration};
use crate::error::Result;
use crate::wasi::config::NetworkUse;
use crate::wasi::func::{Answer, Call, Interface};
use crate::wasi::input::{Inlet, InputStream};
use crate::wasi::io::Pollable;
use crate::wasi::output::{Outlet, OutputStream, Sink};
use crate::wasi::source::{Direction, Readiness, Source, is_ready};
use crate::wasi::state::{Slot, State};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{
    RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType, accept_with, bind, connect,
    getpeername, getsockname, listen, recv, send, shutdown, sockopt,
};
use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

pub(super) fn define(tcp: &mut Interface<'_>) -> Result<()> {
    tcp.resource::<TcpSocket>()?;
    let bind = &["self", "network", "local-address"];
    tcp.func("[method]tcp-socket.start-bind", bind, start_bind)?;
    tcp.func("[method]tcp-socket.finish-bind", &["self"], finish_bind)?;
    let connect = &["self", "network", "remote-address"];
    tcp.func("[method]tcp-socket.start-connect", connect, start_connect)?;
    tcp.func("[method]tcp-socket.finish-connect", &["self"], finish_connect)?;
    tcp.func("[method]tcp-socket.start-listen", &["self"], start_listen)?;
    tcp.func("[method]tcp-socket.finish-listen", &["self"], finish_listen)?;
    tcp.func("[method]tcp-socket.accept", &["self"], accept)?;
    tcp.func("[method]tcp-socket.subscribe", &["self"], subscribe)?;
    tcp.func("[method]tcp-socket.shutdown", &["self", "shutdown-type"], shut_down)?;
    define_properties::<V2>(tcp)
}

/// What can be asked of a socket, and set.
pub(super) fn define_properties<V: Version>(tcp: &mut Interface<'_>) -> Result<()> {
    type Tcp = TcpSocket;
    getter::<V, Tcp, _>(tcp, "local-address", local_address)?;
    getter::<V, Tcp, _>(tcp, "remote-address", remote_address)?;
    plain_getter::<V, Tcp, _>(tcp, "is-listening", |tcp| tcp.stage() == Stage::Listening)?;
    plain_getter::<V, Tcp, _>(tcp, "address-family", |tcp| tcp.family)?;
    setter::<V, Tcp, _>(tcp, "listen-backlog-size", set_listen_backlog_size)?;
    getter::<V, Tcp, _>(tcp, "keep-alive-enabled", |tcp| Ok(sockopt::socket_keepalive(&*tcp.fd)?))?;
    setter::<V, Tcp, bool>(tcp, "keep-alive-enabled", |tcp, value| {
        Ok(sockopt::set_socket_keepalive(&*tcp.fd, value)?)
    })?;
    getter::<V, Tcp, _>(tcp, "keep-alive-idle-time", |tcp| {
        Ok(nanoseconds(sockopt::tcp_keepidle(&*tcp.fd)?))
    })?;
    setter::<V, Tcp, u64>(tcp, "keep-alive-idle-time", |tcp, value| {
        Ok(sockopt::set_tcp_keepidle(&*tcp.fd, keep_alive(value)?)?)
    })?;
    getter::<V, Tcp, _>(tcp, "keep-alive-interval", |tcp| {
        Ok(nanoseconds(sockopt::tcp_keepintvl(&*tcp.fd)?))
    })?;
    setter::<V, Tcp, u64>(tcp, "keep-alive-interval", |tcp, value| {
        Ok(sockopt::set_tcp_keepintvl(&*tcp.fd, keep_alive(value)?)?)
    })?;
    getter::<V, Tcp, _>(tcp, "keep-alive-count", |tcp| Ok(sockopt::tcp_keepcnt(&*tcp.fd)?))?;
    setter::<V, Tcp, u32>(tcp, "keep-alive-count", |tcp, value| match value {
        0 => Err(ErrorCode::InvalidArgument),
        value => Ok(sockopt::set_tcp_keepcnt(&*tcp.fd, value.min(MAX_KEEP_ALIVE_COUNT))?),
    })?;
    getter::<V, Tcp, _>(tcp, "hop-limit", |tcp| options::hop_limit(&tcp.fd, tcp.family))?;
    setter::<V, Tcp, u8>(tcp, "hop-limit", |tcp, value| {
        options::set_hop_limit(&tcp.fd, tcp.family, value)
    })?;
    getter::<V, Tcp, _>(tcp, "receive-buffer-size", |tcp| options::receive_buffer_size(&tcp.fd))?;
    setter::<V, Tcp, u64>(tcp, "receive-buffer-size", |tcp, value| {
        options::set_receive_buffer_size(&tcp.fd, value)
    })?;
    getter::<V, Tcp, _>(tcp, "send-buffer-size", |tcp| options::send_buffer_size(&tcp.fd))?;
    setter::<V, Tcp, u64>(tcp, "send-buffer-size", |tcp, value| {
        options::set_send_buffer_size(&tcp.fd, value)
    })
}

type This = Borrow<TcpSocket>;

enumeration! { ShutdownType { Receive, Send, Both } }

/// A TCP socket.
pub(super) struct TcpSocket {
    pub(super) fd: Arc<OwnedFd>,
    pub(super) family: IpAddressFamily,
    stage: RefCell<Stage>,
    pub(super) backlog: Cell<i32>,
    /// Whether the one stream each was asked for that there is in WASI 0.3.
    pub(super) receives: Cell<bool>,
    pub(super) sends: Cell<bool>,
    pub(super) slot: Rc<Slot>,
}

impl HostResource for TcpSocket {
    const NAME: &'static str = "tcp-socket";
}

/// How far a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Unbound,
    /// As below.
    Binding(Option<ErrorCode>),
    Bound,
    /// With the code of an attempt that has failed at once, for the function that finishes it.
    Connecting(Option<ErrorCode>),
    Connected,
    StartingToListen,
    Listening,
    Closed,
}

/// How many clients wait to be accepted, unless a guest says otherwise.
const BACKLOG: i32 = 128;
/// The largest that Linux takes.
const MAX_KEEP_ALIVE_COUNT: u32 = 127;

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A time of a keep-alive option, in whole seconds of which there is at least one.
fn keep_alive(nanoseconds: u64) -> Done<Duration> {
    match nanoseconds {
        0 => Err(ErrorCode::InvalidArgument),
        nanoseconds => {
            Ok(Duration::from_secs(nanoseconds.div_ceil(1_000_000_000).clamp(1, 32_767)))
        }
    }
}

fn with<T>(
    call: &mut Call<'_, '_>,
    this: This,
    body: impl FnOnce(&TcpSocket) -> Done<T>,
) -> Answer<Done<T>> {
    let socket = call.get(&this)?;
    Ok(body(&socket))
}

pub(super) fn create(
    call: &mut Call<'_, '_>,
    family: IpAddressFamily,
) -> Answer<Done<Own<TcpSocket>>> {
    let slot = call.slot();
    let create = || {
        let fd = family.socket(call, SocketType::STREAM)?;
        let slot = slot.ok_or(ErrorCode::NewSocketLimit)?;
        Ok(TcpSocket::new(fd, family, Stage::Unbound, slot))
    };
    match create() {
        Ok(socket) => call.own(socket).map(Ok),
        Err(code) => Ok(Err(code)),
    }
}

impl TcpSocket {
    pub(super) fn new(fd: OwnedFd, family: IpAddressFamily, stage: Stage, slot: Slot) -> Self {
        let (stage, backlog) = (stage.into(), Cell::new(BACKLOG));
        let (receives, sends) = Default::default();
        let (fd, slot) = (Arc::new(fd), Rc::new(slot));
        TcpSocket { fd, family, stage, backlog, receives, sends, slot }
    }

    pub(super) fn stage(&self) -> Stage {
        *self.stage.borrow()
    }

    pub(super) fn go_to(&self, stage: Stage) {
        *self.stage.borrow_mut() = stage;
    }

    /// Whether something can be started in one of these stages.
    pub(super) fn check_starts(&self, from: &[Stage]) -> Done<()> {
        match self.stage() {
            stage if from.contains(&stage) => Ok(()),
            Stage::Binding(_) | Stage::Connecting(_) | Stage::StartingToListen => {
                Err(ErrorCode::ConcurrencyConflict)
            }
            _ => Err(ErrorCode::InvalidState),
        }
    }

    /// The two streams of a connected socket.
    fn streams(&self) -> (InputStream, OutputStream) {
        let inlet = Rc::new(Receiving(self.fd.clone()));
        let slot = || Some(self.slot.clone());
        let outlet = Outlet::new(Box::new(Sending(self.fd.clone())), slot());
        (InputStream::new(inlet, slot()), OutputStream::new(&outlet))
    }
}

impl TcpSocket {
    /// Binds it: the code of an attempt that has failed, as the system says.
    pub(super) fn bind(&self, call: &Call<'_, '_>, address: SocketAddr) -> Done<Done<()>> {
        self.check_starts(&[Stage::Unbound])?;
        self.family.check(address)?;
        if address.ip().is_multicast() || address.ip() == std::net::Ipv4Addr::BROADCAST {
            return Err(ErrorCode::InvalidArgument);
        }
        check_allowed(call, address, NetworkUse::TcpBind)?;
        // A server that starts again does not wait for the remains of its connections.
        sockopt::set_socket_reuseaddr(&*self.fd, true)?;
        Ok(bind(&*self.fd, &address).map_err(ErrorCode::from))
    }

    /// Begins to connect it: the code of an attempt that has failed at once.
    pub(super) fn connect(&self, call: &Call<'_, '_>, address: SocketAddr) -> Done<Done<()>> {
        self.check_starts(&[Stage::Unbound, Stage::Bound])?;
        self.family.check_remote(address)?;
        if address.ip().is_multicast() {
            return Err(ErrorCode::InvalidArgument);
        }
        check_allowed(call, address, NetworkUse::TcpConnect)?;
        Ok(match connect(&*self.fd, &address) {
            Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(()),
            Err(error) => Err(connect_error(error)),
        })
    }

    /// Whether it is connected now, after it has begun to be.
    pub(super) fn connected(&self) -> Done<()> {
        let failure = match self.stage() {
            Stage::Connecting(failure) => failure,
            _ => return Err(ErrorCode::NotInProgress),
        };
        if failure.is_none() && !is_ready(self.fd.as_fd(), Direction::Write) {
            return Err(ErrorCode::WouldBlock);
        }
        let result = match failure {
            Some(code) => Err(code),
            None => sockopt::socket_error(&*self.fd)?.map_err(connect_error),
        };
        self.go_to(if result.is_ok() { Stage::Connected } else { Stage::Closed });
        result
    }
}

fn start_bind(
    call: &mut Call<'_, '_>,
    this: This,
    _: Borrow<Network>,
    address: IpSocketAddress,
) -> Answer<Done<()>> {
    let socket = call.get(&this)?;
    let bound = socket.bind(call, address.into());
    Ok(bound.map(|bound| socket.go_to(Stage::Binding(bound.err()))))
}

fn finish_bind(call: &mut Call<'_, '_>, this: This) -> Answer<Done<()>> {
    with(call, this, |socket| match socket.stage() {
        Stage::Binding(failure) => {
            socket.go_to(if failure.is_none() { Stage::Bound } else { Stage::Unbound });
            failure.map_or(Ok(()), Err)
        }
        _ => Err(ErrorCode::NotInProgress),
    })
}

fn start_connect(
    call: &mut Call<'_, '_>,
    this: This,
    _: Borrow<Network>,
    address: IpSocketAddress,
) -> Answer<Done<()>> {
    let socket = call.get(&this)?;
    let begun = socket.connect(call, address.into());
    Ok(begun.map(|begun| socket.go_to(Stage::Connecting(begun.err()))))
}

/// What is no mistake in the address is one in how it can be reached.
fn connect_error(error: Errno) -> ErrorCode {
    match error {
        Errno::ADDRNOTAVAIL => ErrorCode::RemoteUnreachable,
        error => error.into(),
    }
}

type Streams = (Own<InputStream>, Own<OutputStream>);

fn finish_connect(call: &mut Call<'_, '_>, this: This) -> Answer<Done<Streams>> {
    let socket = call.get(&this)?;
    match socket.connected() {
        Ok(()) => {
            let (input, output) = socket.streams();
            Ok(Ok((call.own(input)?, call.own(output)?)))
        }
        Err(code) => Ok(Err(code)),
    }
}

fn start_listen(call: &mut Call<'_, '_>, this: This) -> Answer<Done<()>> {
    with(call, this, |socket| {
        socket.check_starts(&[Stage::Bound])?;
        listen(&*socket.fd, socket.backlog.get())?;
        socket.go_to(Stage::StartingToListen);
        Ok(())
    })
}

fn finish_listen(call: &mut Call<'_, '_>, this: This) -> Answer<Done<()>> {
    with(call, this, |socket| match socket.stage() {
        Stage::StartingToListen => {
            socket.go_to(Stage::Listening);
            Ok(())
        }
        _ => Err(ErrorCode::NotInProgress),
    })
}

type Accepted = (Own<TcpSocket>, Own<InputStream>, Own<OutputStream>);

fn accept(call: &mut Call<'_, '_>, this: This) -> Answer<Done<Accepted>> {
    let socket = call.get(&this)?;
    let slot = call.slot();
    let accept = || {
        if socket.stage() != Stage::Listening {
            return Err(ErrorCode::InvalidState);
        }
        let slot = slot.ok_or(ErrorCode::NewSocketLimit)?;
        let fd = match accept_one(&socket.fd) {
            // The client has gone again: there may be another.
            Err(Errno::CONNABORTED | Errno::INTR) => return Err(ErrorCode::WouldBlock),
            fd => fd?,
        };
        Ok(TcpSocket::new(fd, socket.family, Stage::Connected, slot))
    };
    match accept() {
        Ok(client) => {
            let (input, output) = client.streams();
            Ok(Ok((call.own(client)?, call.own(input)?, call.own(output)?)))
        }
        Err(code) => Ok(Err(code)),
    }
}

/// A client of a socket that listens.
pub(super) fn accept_one(fd: &OwnedFd) -> rustix::io::Result<OwnedFd> {
    accept_with(fd, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)
}

fn local_address(socket: &TcpSocket) -> Done<IpSocketAddress> {
    match socket.stage() {
        Stage::Unbound | Stage::Binding(_) | Stage::Closed => Err(ErrorCode::InvalidState),
        _ => to_wit(getsockname(&*socket.fd)?),
    }
}

fn remote_address(socket: &TcpSocket) -> Done<IpSocketAddress> {
    match socket.stage() {
        Stage::Connected => match getpeername(&*socket.fd)? {
            Some(address) => to_wit(address),
            None => Err(ErrorCode::InvalidState),
        },
        _ => Err(ErrorCode::InvalidState),
    }
}

fn set_listen_backlog_size(socket: &TcpSocket, value: u64) -> Done<()> {
    if value == 0 {
        return Err(ErrorCode::InvalidArgument);
    }
    let value = i32::try_from(value).unwrap_or(i32::MAX).min(4096);
    match socket.stage() {
        Stage::Unbound | Stage::Binding(_) | Stage::Bound => {}
        Stage::StartingToListen | Stage::Listening => listen(&*socket.fd, value)?,
        _ => return Err(ErrorCode::InvalidState),
    }
    socket.backlog.set(value);
    Ok(())
}

fn subscribe(call: &mut Call<'_, '_>, this: This) -> Answer<Own<Pollable>> {
    let socket = call.get(&this)?;
    call.own(Pollable(socket))
}

impl Source for TcpSocket {
    /// Ready when what was started can be finished, or a client accepted.
    fn check(&self, _: &State) -> Readiness {
        let direction = match self.stage() {
            Stage::Connecting(None) => Direction::Write,
            Stage::Listening => Direction::Read,
            _ => return Readiness::Ready,
        };
        readiness(&self.fd, direction)
    }
}

pub(super) fn readiness(fd: &Arc<OwnedFd>, direction: Direction) -> Readiness {
    if is_ready(fd.as_fd(), direction) {
        Readiness::Ready
    } else {
        Readiness::Descriptor(fd.clone(), direction)
    }
}

fn shut_down(call: &mut Call<'_, '_>, this: This, what: ShutdownType) -> Answer<Done<()>> {
    with(call, this, |socket| {
        if socket.stage() != Stage::Connected {
            return Err(ErrorCode::InvalidState);
        }
        let what = match what {
            ShutdownType::Receive => Shutdown::Read,
            ShutdownType::Send => Shutdown::Write,
            ShutdownType::Both => Shutdown::Both,
        };
        match shutdown(&*socket.fd, what) {
            // The other side has closed it.
            Err(Errno::NOTCONN) => Ok(()),
            result => Ok(result?),
        }
    })
}

/// What comes from the other side.
pub(super) struct Receiving(pub(super) Arc<OwnedFd>);

impl Inlet for Receiving {
    fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        let (len, _) = recv(&*self.0, room, RecvFlags::empty()).map_err(socket_error)?;
        Ok(len)
    }

    fn readiness(&self) -> Readiness {
        readiness(&self.0, Direction::Read)
    }

    fn close(&self) {
        let _ = shutdown(&*self.0, Shutdown::Read);
    }
}

/// What goes to the other side.
pub(super) struct Sending(pub(super) Arc<OwnedFd>);

/// What a guest may write to a socket at once.
const PERMIT: u64 = 64 << 10;

impl Sink for Sending {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        send(&*self.0, bytes, SendFlags::NOSIGNAL).map_err(socket_error)
    }

    fn readiness(&self, _: bool) -> Readiness {
        readiness(&self.0, Direction::Write)
    }

    fn permit(&self) -> u64 {
        PERMIT
    }

    fn close(&self) {
        let _ = shutdown(&*self.0, Shutdown::Write);
    }
}
