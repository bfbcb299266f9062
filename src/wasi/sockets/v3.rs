//! `wasi:sockets` 0.3.

use super::lookup;
use super::network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, SocketError, check_allowed,
};
use super::tcp::{self, Receiving, Sending, Stage, TcpSocket, accept_one, readiness};
use super::udp::{self, UdpSocket, receive_one, send_datagram};
use super::{Done, Version};
use crate::copy::typed::{Borrow, Bytes, FutureOf, Own, StreamOf, Text, variant};
use crate::error::Result;
use crate::host;
use crate::runtime::Cx;
use crate::wasi::Define;
use crate::wasi::config::NetworkUse;
use crate::wasi::func::{Answer, Call, Interface, Wait};
use crate::wasi::output::Outlet;
use crate::wasi::pipe::{self, Filling, Flow, Pipe, Step};
use crate::wasi::source::{At, Direction, Readiness, Source};
use crate::wasi::state::{Slot, State};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{connect_unspec, getsockname, listen};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

pub(in crate::wasi) const INTERFACES: &[(&str, Define)] = &[
    ("types", |types| {
        define_tcp(types)?;
        define_udp(types)
    }),
    ("ip-name-lookup", |lookup| {
        lookup.async_func("resolve-addresses", &["name"], resolve_addresses)
    }),
];

struct V3;

impl Version for V3 {
    const GET: &'static str = "get-";
    type Code = Code;
}

variant! {
    store => Code {
        AccessDenied(()), NotSupported(()), InvalidArgument(()), OutOfMemory(()), Timeout(()),
        InvalidState(()), AddressNotBindable(()), AddressInUse(()), RemoteUnreachable(()),
        ConnectionRefused(()), ConnectionBroken(()), ConnectionReset(()), ConnectionAborted(()),
        DatagramTooLarge(()), Other(Option<String>),
    }
}

impl From<ErrorCode> for Code {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::AccessDenied => Code::AccessDenied(()),
            ErrorCode::NotSupported => Code::NotSupported(()),
            ErrorCode::InvalidArgument => Code::InvalidArgument(()),
            ErrorCode::OutOfMemory => Code::OutOfMemory(()),
            ErrorCode::Timeout => Code::Timeout(()),
            ErrorCode::InvalidState | ErrorCode::ConcurrencyConflict | ErrorCode::NotInProgress => {
                Code::InvalidState(())
            }
            ErrorCode::AddressNotBindable => Code::AddressNotBindable(()),
            ErrorCode::AddressInUse => Code::AddressInUse(()),
            ErrorCode::RemoteUnreachable => Code::RemoteUnreachable(()),
            ErrorCode::ConnectionRefused => Code::ConnectionRefused(()),
            ErrorCode::ConnectionReset => Code::ConnectionReset(()),
            ErrorCode::ConnectionAborted => Code::ConnectionAborted(()),
            ErrorCode::DatagramTooLarge => Code::DatagramTooLarge(()),
            ErrorCode::NewSocketLimit => Code::Other(Some("too many sockets are open".into())),
            _ => Code::Other(None),
        }
    }
}

impl From<io::Error> for Code {
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|error| error.downcast_ref::<SocketError>()) {
            Some(error) => ErrorCode::from(error.error).into(),
            None if error.kind() == ErrorKind::BrokenPipe => Code::ConnectionBroken(()),
            None if error.kind() == ErrorKind::OutOfMemory => Code::OutOfMemory(()),
            None => Code::Other(None),
        }
    }
}

type Outcome = FutureOf<std::result::Result<(), Code>>;

/// What an operation answers, with the codes of this version.
type Coded<T> = std::result::Result<T, Code>;

fn define_tcp(types: &mut Interface<'_>) -> Result<()> {
    types.resource::<TcpSocket>()?;
    types.func(
        "[static]tcp-socket.create",
        &["address-family"],
        |call: &mut Call<'_, '_>, family: IpAddressFamily| -> Answer<Coded<_>> {
            Ok(tcp::create(call, family)?.map_err(Code::from))
        },
    )?;
    types.func("[method]tcp-socket.bind", &["self", "local-address"], bind_tcp)?;
    types.async_func("[method]tcp-socket.connect", &["self", "remote-address"], connect_tcp)?;
    types.func("[method]tcp-socket.listen", &["self"], listen_tcp)?;
    types.func("[method]tcp-socket.send", &["self", "data"], send_tcp)?;
    types.func("[method]tcp-socket.receive", &["self"], receive_tcp)?;
    tcp::define_properties::<V3>(types)
}

type Tcp = Borrow<TcpSocket>;

/// An address of a family that stands for all.
fn any(family: IpAddressFamily) -> SocketAddr {
    let ip: IpAddr = match family {
        IpAddressFamily::Ipv4 => Ipv4Addr::UNSPECIFIED.into(),
        IpAddressFamily::Ipv6 => Ipv6Addr::UNSPECIFIED.into(),
    };
    (ip, 0).into()
}

fn bind_tcp(call: &mut Call<'_, '_>, this: Tcp, address: IpSocketAddress) -> Answer<Coded<()>> {
    let socket = call.get(&this)?;
    let bound = socket.bind(call, address.into()).and_then(|bound| bound);
    Ok(bound.map(|()| socket.go_to(Stage::Bound)).map_err(Code::from))
}

/// A socket that is being connected. An attempt that nobody waits for any more is given up.
struct Connecting(Rc<TcpSocket>);

impl Drop for Connecting {
    fn drop(&mut self) {
        if let Stage::Connecting(_) = self.0.stage() {
            let _ = connect_unspec(&*self.0.fd);
            self.0.go_to(Stage::Closed);
        }
    }
}

fn connect_tcp(
    call: &mut Call<'_, '_>,
    this: Tcp,
    address: IpSocketAddress,
) -> Answer<Wait<Coded<()>>> {
    let socket = call.get(&this)?;
    if call.progress.step.replace(1) == 0 {
        match socket.connect(call, address.into()) {
            Ok(begun) => socket.go_to(Stage::Connecting(begun.err())),
            Err(code) => return Ok(Wait::Over(Err(code.into()))),
        }
        *call.progress.held.borrow_mut() = Some(Box::new(Connecting(socket.clone())));
    }
    Ok(match socket.connected() {
        Err(ErrorCode::WouldBlock) => Wait::For(vec![socket]),
        connected => Wait::Over(connected.map_err(Code::from)),
    })
}

fn listen_tcp(call: &mut Call<'_, '_>, this: Tcp) -> Answer<Coded<StreamOf<Own<TcpSocket>>>> {
    let socket = call.get(&this)?;
    let start = || -> Done<()> {
        socket.check_starts(&[Stage::Unbound, Stage::Bound])?;
        if socket.stage() == Stage::Unbound {
            check_allowed(call, any(socket.family), NetworkUse::TcpBind)?;
        }
        Ok(listen(&*socket.fd, socket.backlog.get())?)
    };
    if let Err(code) = start() {
        return Ok(Err(Code::from(code)));
    }
    socket.go_to(Stage::Listening);
    let (fd, family, slot) = (socket.fd.clone(), socket.family, socket.slot.clone());
    pipe::source(call, Accepting { fd, family, _slot: slot }, |_, _| {}).map(Ok)
}

fn send_tcp(call: &mut Call<'_, '_>, this: Tcp, data: StreamOf<u8>) -> Answer<Outcome> {
    let socket = call.get(&this)?;
    if socket.stage() != Stage::Connected || socket.sends.replace(true) {
        return pipe::refuse(call, &data, Code::InvalidState(()));
    }
    let sending = Sending(socket.fd.clone());
    let outlet = Outlet::new(Box::new(sending), Some(socket.slot.clone()));
    pipe::consume(call, &data, Rc::new(outlet), None)
}

fn receive_tcp(call: &mut Call<'_, '_>, this: Tcp) -> Answer<(StreamOf<u8>, Outcome)> {
    let socket = call.get(&this)?;
    if socket.stage() != Stage::Connected || socket.receives.replace(true) {
        return pipe::ended(call, Err(Code::InvalidState(())));
    }
    let (inlet, _slot) = (Rc::new(Receiving(socket.fd.clone())), Some(socket.slot.clone()));
    let limit = call.state.config().limits.buffer as usize;
    pipe::produce(call, Filling { inlet, limit, _slot })
}

/// The clients of a socket that listens.
struct Accepting {
    fd: Arc<OwnedFd>,
    family: IpAddressFamily,
    /// The socket is open as long as this is.
    _slot: Rc<Slot>,
}

/// How many clients one read gets at most.
const CLIENTS: usize = 64;

/// Why no client was accepted.
enum NoClient {
    /// There is none yet.
    NotYet,
    /// No more sockets may be open, or no more resources be there.
    NoPlace,
    /// The system has no room for another one now.
    NoRoom,
    Failed(io::Error),
}

/// How long a system without room is left alone, in nanoseconds.
const PAUSE: u64 = 50_000_000;

impl Accepting {
    /// A client, and its place among the resources: one that has none is not accepted.
    fn accept(
        &self,
        cx: &mut Cx<'_>,
        state: &State,
    ) -> std::result::Result<(TcpSocket, Slot), NoClient> {
        let places = state.slot_of_resource().or_else(|| {
            host::stream::tell_prompt(cx);
            state.slot_of_resource()
        });
        let (slot, counted) = places.ok_or(NoClient::NoPlace)?;
        loop {
            match accept_one(&self.fd) {
                Ok(fd) => {
                    let client = TcpSocket::new(fd, self.family, Stage::Connected, slot);
                    return Ok((client, counted));
                }
                Err(Errno::AGAIN) => return Err(NoClient::NotYet),
                // What the system forbids, it may forbid for every client: not at once again.
                Err(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM | Errno::PERM) => {
                    return Err(NoClient::NoRoom);
                }
                // What is wrong with one client: there may be another.
                Err(
                    Errno::INTR
                    | Errno::CONNABORTED
                    | Errno::NETDOWN
                    | Errno::PROTO
                    | Errno::NOPROTOOPT
                    | Errno::HOSTDOWN
                    | Errno::NONET
                    | Errno::HOSTUNREACH
                    | Errno::OPNOTSUPP
                    | Errno::NETUNREACH,
                ) => {}
                Err(error) => return Err(NoClient::Failed(error.into())),
            }
        }
    }
}

impl Flow for Accepting {
    fn step(&self, pipe: &Rc<Pipe>, cx: &mut Cx<'_>, state: &Rc<State>) -> Step {
        let when_readable = || -> Step { Step::Wait(vec![Rc::new(Ready::read(&self.fd))]) };
        let most = match pipe.end().peer_waits(cx) {
            Ok(Some(0)) => {
                if !matches!(readiness(&self.fd, Direction::Read), Readiness::Ready) {
                    return when_readable();
                }
                let _ = pipe.end().tell_ready(cx);
                return Step::Done;
            }
            Ok(Some(most)) => (most as usize).min(CLIENTS),
            Ok(None) | Err(_) => return Step::Done,
        };
        let (mut clients, mut end) = (Vec::new(), None);
        while clients.len() < most && end.is_none() {
            let client = self.accept(cx, state).and_then(|(client, counted)| {
                state
                    .own(cx, client, counted)
                    .map_err(|trap| NoClient::Failed(io::Error::other(trap.to_string())))
            });
            match client {
                Ok(client) => clients.push(client),
                Err(why) => end = Some(why),
            }
        }
        if !clients.is_empty() {
            return match pipe::write(cx, pipe.end(), clients) {
                Ok(()) => Step::Done,
                Err(error) => Step::Over(Err(io::Error::other(error))),
            };
        }
        match end {
            None | Some(NoClient::NotYet) => when_readable(),
            Some(NoClient::NoPlace) => Step::Wait(vec![Rc::new(Vacancy)]),
            Some(NoClient::NoRoom) => {
                Step::Wait(vec![Rc::new(At(state.now().saturating_add(PAUSE)))])
            }
            Some(NoClient::Failed(error)) => Step::Over(Err(error)),
        }
    }
}

/// A place for another socket.
struct Vacancy;

impl Source for Vacancy {
    fn check(&self, _: &State) -> Readiness {
        Readiness::Vacancy
    }
}

/// A socket that is to be used in one direction.
struct Ready {
    fd: Arc<OwnedFd>,
    direction: Direction,
}

impl Ready {
    fn read(fd: &Arc<OwnedFd>) -> Self {
        Ready { fd: fd.clone(), direction: Direction::Read }
    }

    fn write(fd: &Arc<OwnedFd>) -> Self {
        Ready { fd: fd.clone(), direction: Direction::Write }
    }
}

impl Source for Ready {
    fn check(&self, _: &State) -> Readiness {
        readiness(&self.fd, self.direction)
    }
}

fn define_udp(types: &mut Interface<'_>) -> Result<()> {
    types.resource::<UdpSocket>()?;
    types.func(
        "[static]udp-socket.create",
        &["address-family"],
        |call: &mut Call<'_, '_>, family: IpAddressFamily| -> Answer<Coded<_>> {
            Ok(udp::create(call, family)?.map_err(Code::from))
        },
    )?;
    types.func("[method]udp-socket.bind", &["self", "local-address"], bind_udp)?;
    types.func("[method]udp-socket.connect", &["self", "remote-address"], connect_udp)?;
    types.func("[method]udp-socket.disconnect", &["self"], disconnect_udp)?;
    types.async_func("[method]udp-socket.send", &["self", "data", "remote-address"], send_udp)?;
    types.async_func("[method]udp-socket.receive", &["self"], receive_udp)?;
    udp::define_properties::<V3>(types)
}

type Udp = Borrow<UdpSocket>;

fn bind_udp(call: &mut Call<'_, '_>, this: Udp, address: IpSocketAddress) -> Answer<Coded<()>> {
    let socket = call.get(&this)?;
    let bound = socket.bind(call, address.into()).and_then(|bound| bound);
    Ok(bound.map(|()| socket.stage.set(udp::Stage::Bound)).map_err(Code::from))
}

/// The system binds a socket that is used before the guest has bound it.
fn note_binding(socket: &UdpSocket) {
    let is_bound = getsockname(&*socket.fd)
        .ok()
        .and_then(|address| SocketAddr::try_from(address).ok())
        .is_some_and(|address| address.port() != 0);
    socket.stage.set(if is_bound { udp::Stage::Bound } else { udp::Stage::Unbound });
}

fn connect_udp(call: &mut Call<'_, '_>, this: Udp, address: IpSocketAddress) -> Answer<Coded<()>> {
    let socket = call.get(&this)?;
    let connected = socket.connect(call, Some(address.into()));
    note_binding(&socket);
    Ok(connected.map_err(Code::from))
}

fn disconnect_udp(call: &mut Call<'_, '_>, this: Udp) -> Answer<Coded<()>> {
    let socket = call.get(&this)?;
    if socket.remote.get().is_none() {
        return Ok(Err(Code::InvalidState(())));
    }
    let disconnected = socket.connect(call, None);
    note_binding(&socket);
    Ok(disconnected.map_err(Code::from))
}

fn send_udp(
    call: &mut Call<'_, '_>,
    this: Udp,
    data: Bytes,
    to: Option<IpSocketAddress>,
) -> Answer<Wait<Coded<()>>> {
    let socket = call.get(&this)?;
    let from = (&*socket.fd, socket.family, socket.remote.get());
    let to = to.map(SocketAddr::from);
    // The system binds it, and then it receives from anybody: as much as a guest gets that binds it.
    let allowed = match (socket.stage.get(), to) {
        (udp::Stage::Unbound, Some(_)) => {
            check_allowed(call, any(socket.family), NetworkUse::UdpBind)
        }
        _ => Ok(()),
    };
    let sent = allowed.and_then(|()| send_datagram(call, from, data.get(), to));
    if sent.is_ok() && socket.stage.get() == udp::Stage::Unbound {
        note_binding(&socket);
    }
    Ok(match sent {
        Err(ErrorCode::WouldBlock) => Wait::For(vec![Rc::new(Ready::write(&socket.fd))]),
        sent => Wait::Over(sent.map_err(Code::from)),
    })
}

fn receive_udp(
    call: &mut Call<'_, '_>,
    this: Udp,
) -> Answer<Wait<Coded<(Bytes, IpSocketAddress)>>> {
    let socket = call.get(&this)?;
    if socket.stage.get() != udp::Stage::Bound {
        return Ok(Wait::Over(Err(Code::InvalidState(()))));
    }
    let wait = || Ok(Wait::For(vec![Rc::new(Ready::read(&socket.fd)) as Rc<dyn Source>]));
    if !matches!(readiness(&socket.fd, Direction::Read), Readiness::Ready) {
        return wait();
    }
    match receive_one(call.arena, &socket.fd)? {
        // One that came before the socket was told whom to talk to is left out.
        (Ok(data), Some(from)) if socket.remote.get().is_none_or(|remote| remote == from) => {
            Ok(Wait::Over(Ok((data, from.into()))))
        }
        (Ok(_), _) | (Err(Errno::INTR | Errno::AGAIN), _) => wait(),
        (Err(error), _) => Ok(Wait::Over(Err(ErrorCode::from(error).into()))),
    }
}

variant! {
    store => LookupCode {
        AccessDenied(()), InvalidArgument(()), NameUnresolvable(()), TemporaryResolverFailure(()),
        PermanentResolverFailure(()), Other(Option<String>),
    }
}

impl From<ErrorCode> for LookupCode {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::AccessDenied => LookupCode::AccessDenied(()),
            ErrorCode::InvalidArgument => LookupCode::InvalidArgument(()),
            ErrorCode::NameUnresolvable => LookupCode::NameUnresolvable(()),
            ErrorCode::TemporaryResolverFailure => LookupCode::TemporaryResolverFailure(()),
            ErrorCode::PermanentResolverFailure => LookupCode::PermanentResolverFailure(()),
            ErrorCode::NewSocketLimit => {
                LookupCode::Other(Some("too many names are looked up".into()))
            }
            _ => LookupCode::Other(None),
        }
    }
}

type Addresses = std::result::Result<Vec<IpAddress>, LookupCode>;

fn resolve_addresses(call: &mut Call<'_, '_>, name: Text) -> Answer<Wait<Addresses>> {
    let start = |call: &mut Call<'_, '_>| -> Done<lookup::Lookup> {
        if !call.state.config().name_lookup {
            return Err(ErrorCode::AccessDenied);
        }
        let slot = call.slot().ok_or(ErrorCode::NewSocketLimit)?;
        *call.progress.held.borrow_mut() = Some(Box::new(slot));
        lookup::start(name.get())
    };
    let started = match call.progress.step.replace(1) {
        0 => match start(call) {
            Ok(lookup) => Some(lookup),
            Err(code) => return Ok(Wait::Over(Err(code.into()))),
        },
        _ => None,
    };
    let found =
        call.wait_for(|| started.expect("it is started when the function first comes here"));
    Ok(match found {
        Wait::Over(Ok(addresses)) if addresses.is_empty() => {
            Wait::Over(Err(LookupCode::NameUnresolvable(())))
        }
        Wait::Over(Ok(addresses)) => {
            Wait::Over(Ok(addresses.into_iter().map(IpAddress::from).collect()))
        }
        Wait::Over(Err(code)) => Wait::Over(Err(code.into())),
        Wait::For(sources) => Wait::For(sources),
    })
}
