//! TCP sockets, and their streams.

use super::Done;
use super::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Network, check_allowed, options, socket_error,
    to_wit,
};
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
    tcp.func("[method]tcp-socket.local-address", &["self"], local_address)?;
    tcp.func("[method]tcp-socket.remote-address", &["self"], remote_address)?;
    tcp.func("[method]tcp-socket.is-listening", &["self"], is_listening)?;
    tcp.func("[method]tcp-socket.address-family", &["self"], address_family)?;
    tcp.func("[method]tcp-socket.subscribe", &["self"], subscribe)?;
    tcp.func("[method]tcp-socket.shutdown", &["self", "shutdown-type"], shut_down)?;
    define_options(tcp)
}

/// Options of a socket: one function that reads each, and one that sets it.
fn define_options(tcp: &mut Interface<'_>) -> Result<()> {
    let set = &["self", "value"];
    tcp.func("[method]tcp-socket.set-listen-backlog-size", set, set_listen_backlog_size)?;
    tcp.func(
        "[method]tcp-socket.keep-alive-enabled",
        &["self"],
        |call: &mut Call<'_, '_>, this: This| {
            with(call, this, |socket| Ok(sockopt::socket_keepalive(&*socket.fd)?))
        },
    )?;
    tcp.func(
        "[method]tcp-socket.set-keep-alive-enabled",
        set,
        |call: &mut Call<'_, '_>, this: This, value: bool| {
            with(call, this, |socket| Ok(sockopt::set_socket_keepalive(&*socket.fd, value)?))
        },
    )?;
    tcp.func(
        "[method]tcp-socket.keep-alive-idle-time",
        &["self"],
        |call: &mut Call<'_, '_>, this: This| {
            with(call, this, |socket| Ok(nanoseconds(sockopt::tcp_keepidle(&*socket.fd)?)))
        },
    )?;
    tcp.func(
        "[method]tcp-socket.set-keep-alive-idle-time",
        set,
        |call: &mut Call<'_, '_>, this: This, value: u64| {
            with(call, this, |socket| {
                Ok(sockopt::set_tcp_keepidle(&*socket.fd, keep_alive(value)?)?)
            })
        },
    )?;
    tcp.func(
        "[method]tcp-socket.keep-alive-interval",
        &["self"],
        |call: &mut Call<'_, '_>, this: This| {
            with(call, this, |socket| Ok(nanoseconds(sockopt::tcp_keepintvl(&*socket.fd)?)))
        },
    )?;
    tcp.func(
        "[method]tcp-socket.set-keep-alive-interval",
        set,
        |call: &mut Call<'_, '_>, this: This, value: u64| {
            with(call, this, |socket| {
                Ok(sockopt::set_tcp_keepintvl(&*socket.fd, keep_alive(value)?)?)
            })
        },
    )?;
    tcp.func(
        "[method]tcp-socket.keep-alive-count",
        &["self"],
        |call: &mut Call<'_, '_>, this: This| {
            with(call, this, |socket| Ok(sockopt::tcp_keepcnt(&*socket.fd)?))
        },
    )?;
    tcp.func(
        "[method]tcp-socket.set-keep-alive-count",
        set,
        |call: &mut Call<'_, '_>, this: This, value: u32| {
            with(call, this, |socket| match value {
                0 => Err(ErrorCode::InvalidArgument),
                value => {
                    Ok(sockopt::set_tcp_keepcnt(&*socket.fd, value.min(MAX_KEEP_ALIVE_COUNT))?)
                }
            })
        },
    )?;
    tcp.func("[method]tcp-socket.hop-limit", &["self"], |call: &mut Call<'_, '_>, this: This| {
        with(call, this, |socket| options::hop_limit(&socket.fd, socket.family))
    })?;
    tcp.func(
        "[method]tcp-socket.set-hop-limit",
        set,
        |call: &mut Call<'_, '_>, this: This, value: u8| {
            with(call, this, |socket| options::set_hop_limit(&socket.fd, socket.family, value))
        },
    )?;
    tcp.func(
        "[method]tcp-socket.receive-buffer-size",
        &["self"],
        |call: &mut Call<'_, '_>, this: This| {
            with(call, this, |socket| options::receive_buffer_size(&socket.fd))
        },
    )?;
    tcp.func(
        "[method]tcp-socket.set-receive-buffer-size",
        set,
        |call: &mut Call<'_, '_>, this: This, value: u64| {
            with(call, this, |socket| options::set_receive_buffer_size(&socket.fd, value))
        },
    )?;
    tcp.func(
        "[method]tcp-socket.send-buffer-size",
        &["self"],
        |call: &mut Call<'_, '_>, this: This| {
            with(call, this, |socket| options::send_buffer_size(&socket.fd))
        },
    )?;
    tcp.func(
        "[method]tcp-socket.set-send-buffer-size",
        set,
        |call: &mut Call<'_, '_>, this: This, value: u64| {
            with(call, this, |socket| options::set_send_buffer_size(&socket.fd, value))
        },
    )
}

type This = Borrow<TcpSocket>;

enumeration! { ShutdownType { Receive, Send, Both } }

/// A TCP socket.
pub(super) struct TcpSocket {
    fd: Arc<OwnedFd>,
    family: IpAddressFamily,
    stage: RefCell<Stage>,
    backlog: Cell<i32>,
    slot: Rc<Slot>,
}

impl HostResource for TcpSocket {
    const NAME: &'static str = "tcp-socket";
}

/// How far a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
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
    fn new(fd: OwnedFd, family: IpAddressFamily, stage: Stage, slot: Slot) -> Self {
        let (stage, backlog) = (stage.into(), Cell::new(BACKLOG));
        TcpSocket { fd: Arc::new(fd), family, stage, backlog, slot: Rc::new(slot) }
    }

    fn stage(&self) -> Stage {
        *self.stage.borrow()
    }

    fn go_to(&self, stage: Stage) {
        *self.stage.borrow_mut() = stage;
    }

    /// Whether something can be started in one of these stages.
    fn check_starts(&self, from: &[Stage]) -> Done<()> {
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

fn start_bind(
    call: &mut Call<'_, '_>,
    this: This,
    _: Borrow<Network>,
    address: IpSocketAddress,
) -> Answer<Done<()>> {
    let socket = call.get(&this)?;
    let address = SocketAddr::from(address);
    let start = || {
        socket.check_starts(&[Stage::Unbound])?;
        socket.family.check(address)?;
        if address.ip().is_multicast() || address.ip() == std::net::Ipv4Addr::BROADCAST {
            return Err(ErrorCode::InvalidArgument);
        }
        check_allowed(call, address, NetworkUse::TcpBind)?;
        // A server that starts again does not wait for the remains of its connections.
        sockopt::set_socket_reuseaddr(&*socket.fd, true)?;
        let failure = bind(&*socket.fd, &address).err().map(ErrorCode::from);
        socket.go_to(Stage::Binding(failure));
        Ok(())
    };
    Ok(start())
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
    let address = SocketAddr::from(address);
    let start = || {
        socket.check_starts(&[Stage::Unbound, Stage::Bound])?;
        socket.family.check_remote(address)?;
        if address.ip().is_multicast() {
            return Err(ErrorCode::InvalidArgument);
        }
        check_allowed(call, address, NetworkUse::TcpConnect)?;
        let failure = match connect(&*socket.fd, &address) {
            Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => None,
            Err(error) => Some(connect_error(error)),
        };
        socket.go_to(Stage::Connecting(failure));
        Ok(())
    };
    Ok(start())
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
    let finish = || {
        let failure = match socket.stage() {
            Stage::Connecting(failure) => failure,
            _ => return Err(ErrorCode::NotInProgress),
        };
        if failure.is_none() && !is_ready(socket.fd.as_fd(), Direction::Write) {
            return Err(ErrorCode::WouldBlock);
        }
        let result = match failure {
            Some(code) => Err(code),
            None => sockopt::socket_error(&*socket.fd)?.map_err(connect_error),
        };
        socket.go_to(if result.is_ok() { Stage::Connected } else { Stage::Closed });
        result
    };
    match finish() {
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
        let fd = match accept_with(&*socket.fd, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
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

fn local_address(call: &mut Call<'_, '_>, this: This) -> Answer<Done<IpSocketAddress>> {
    with(call, this, |socket| match socket.stage() {
        Stage::Unbound | Stage::Binding(_) | Stage::Closed => Err(ErrorCode::InvalidState),
        _ => to_wit(getsockname(&*socket.fd)?),
    })
}

fn remote_address(call: &mut Call<'_, '_>, this: This) -> Answer<Done<IpSocketAddress>> {
    with(call, this, |socket| match socket.stage() {
        Stage::Connected => match getpeername(&*socket.fd)? {
            Some(address) => to_wit(address),
            None => Err(ErrorCode::InvalidState),
        },
        _ => Err(ErrorCode::InvalidState),
    })
}

fn is_listening(call: &mut Call<'_, '_>, this: This) -> Answer<bool> {
    Ok(call.get(&this)?.stage() == Stage::Listening)
}

fn address_family(call: &mut Call<'_, '_>, this: This) -> Answer<IpAddressFamily> {
    Ok(call.get(&this)?.family)
}

fn set_listen_backlog_size(call: &mut Call<'_, '_>, this: This, value: u64) -> Answer<Done<()>> {
    with(call, this, |socket| {
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
    })
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
struct Receiving(Arc<OwnedFd>);

impl Inlet for Receiving {
    fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        let (len, _) = recv(&*self.0, room, RecvFlags::empty()).map_err(socket_error)?;
        Ok(len)
    }

    fn readiness(&self) -> Readiness {
        readiness(&self.0, Direction::Read)
    }
}

/// What goes to the other side.
struct Sending(Arc<OwnedFd>);

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
}
