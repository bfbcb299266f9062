//! UDP sockets.

use super::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Network, check_allowed, options, to_wit,
};
use super::tcp::readiness;
use super::{Done, V2, Version, getter, plain_getter, setter};
use crate::copy::typed::{Borrow, Bytes, HostResource, Own, record};
use crate::error::{Result, Trap};
use crate::memory::Arena;
use crate::wasi::config::NetworkUse;
use crate::wasi::func::{Answer, Call, Interface};
use crate::wasi::io::Pollable;
use crate::wasi::source::{Direction, Now, Readiness, Source, is_ready};
use crate::wasi::state::{Slot, State};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{
    RecvFlags, SendFlags, SocketType, bind, connect, connect_unspec, getsockname, recvfrom, send,
    sendto,
};
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

pub(super) fn define(udp: &mut Interface<'_>) -> Result<()> {
    udp.resource::<UdpSocket>()?;
    udp.resource::<IncomingDatagramStream>()?;
    udp.resource::<OutgoingDatagramStream>()?;
    let bind = &["self", "network", "local-address"];
    udp.func("[method]udp-socket.start-bind", bind, start_bind)?;
    udp.func("[method]udp-socket.finish-bind", &["self"], finish_bind)?;
    udp.func("[method]udp-socket.stream", &["self", "remote-address"], stream)?;
    udp.func("[method]udp-socket.subscribe", &["self"], subscribe)?;
    define_properties::<V2>(udp)?;
    let receive = "[method]incoming-datagram-stream.receive";
    udp.func(receive, &["self", "max-results"], self::receive)?;
    let subscribe = "[method]incoming-datagram-stream.subscribe";
    udp.func(
        subscribe,
        &["self"],
        |call: &mut Call<'_, '_>, this: Borrow<IncomingDatagramStream>| {
            let stream = call.get(&this)?;
            call.own(Pollable(stream))
        },
    )?;
    udp.func("[method]outgoing-datagram-stream.check-send", &["self"], check_send)?;
    udp.func("[method]outgoing-datagram-stream.send", &["self", "datagrams"], self::send_all)?;
    let subscribe = "[method]outgoing-datagram-stream.subscribe";
    udp.func(
        subscribe,
        &["self"],
        |call: &mut Call<'_, '_>, this: Borrow<OutgoingDatagramStream>| {
            let stream = call.get(&this)?;
            call.own(Pollable(stream))
        },
    )
}

/// What can be asked of a socket, and set.
pub(super) fn define_properties<V: Version>(udp: &mut Interface<'_>) -> Result<()> {
    type Udp = UdpSocket;
    getter::<V, Udp, _>(udp, "local-address", |udp| match udp.stage.get() {
        Stage::Bound => to_wit(getsockname(&*udp.fd)?),
        _ => Err(ErrorCode::InvalidState),
    })?;
    getter::<V, Udp, IpSocketAddress>(udp, "remote-address", |udp| {
        udp.remote.get().map(Into::into).ok_or(ErrorCode::InvalidState)
    })?;
    plain_getter::<V, Udp, _>(udp, "address-family", |udp| udp.family)?;
    getter::<V, Udp, _>(udp, "unicast-hop-limit", |udp| options::hop_limit(&udp.fd, udp.family))?;
    setter::<V, Udp, u8>(udp, "unicast-hop-limit", |udp, value| {
        options::set_hop_limit(&udp.fd, udp.family, value)
    })?;
    getter::<V, Udp, _>(udp, "receive-buffer-size", |udp| options::receive_buffer_size(&udp.fd))?;
    setter::<V, Udp, u64>(udp, "receive-buffer-size", |udp, value| {
        options::set_receive_buffer_size(&udp.fd, value)
    })?;
    getter::<V, Udp, _>(udp, "send-buffer-size", |udp| options::send_buffer_size(&udp.fd))?;
    setter::<V, Udp, u64>(udp, "send-buffer-size", |udp, value| {
        options::set_send_buffer_size(&udp.fd, value)
    })
}

type This = Borrow<UdpSocket>;

record! { store => IncomingDatagram { data: Bytes, remote_address: IpSocketAddress } }

record! { load => OutgoingDatagram { data: Bytes, remote_address: Option<IpSocketAddress> } }

/// A UDP socket.
pub(super) struct UdpSocket {
    pub(super) fd: Arc<OwnedFd>,
    pub(super) family: IpAddressFamily,
    pub(super) stage: Cell<Stage>,
    /// Whom it exchanges datagrams with, if with one only.
    pub(super) remote: Cell<Option<SocketAddr>>,
    slot: Rc<Slot>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Unbound,
    /// With the code of an attempt that has failed, for the function that finishes it.
    Binding(Option<ErrorCode>),
    Bound,
}

impl HostResource for UdpSocket {
    const NAME: &'static str = "udp-socket";
}

/// What comes to a socket.
pub(super) struct IncomingDatagramStream {
    fd: Arc<OwnedFd>,
    remote: Option<SocketAddr>,
    _slot: Rc<Slot>,
}

impl HostResource for IncomingDatagramStream {
    const NAME: &'static str = "incoming-datagram-stream";
}

/// What goes out from a socket.
pub(super) struct OutgoingDatagramStream {
    fd: Arc<OwnedFd>,
    family: IpAddressFamily,
    remote: Option<SocketAddr>,
    /// How many datagrams may be sent, since the guest has asked.
    permit: Cell<u64>,
    _slot: Rc<Slot>,
}

impl HostResource for OutgoingDatagramStream {
    const NAME: &'static str = "outgoing-datagram-stream";
}

/// Datagrams that one call moves at most.
const DATAGRAMS: u64 = 16;
/// Bytes in a datagram at most.
const DATAGRAM: usize = 64 << 10;

fn with<T>(
    call: &mut Call<'_, '_>,
    this: This,
    body: impl FnOnce(&UdpSocket) -> Done<T>,
) -> Answer<Done<T>> {
    let socket = call.get(&this)?;
    Ok(body(&socket))
}

pub(super) fn create(
    call: &mut Call<'_, '_>,
    family: IpAddressFamily,
) -> Answer<Done<Own<UdpSocket>>> {
    let slot = call.slot();
    let create = || {
        let fd = Arc::new(family.socket(call, SocketType::DGRAM)?);
        let slot = Rc::new(slot.ok_or(ErrorCode::NewSocketLimit)?);
        let (stage, remote) = (Cell::new(Stage::Unbound), Cell::new(None));
        Ok(UdpSocket { fd, family, stage, remote, slot })
    };
    match create() {
        Ok(socket) => call.own(socket).map(Ok),
        Err(code) => Ok(Err(code)),
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
    Ok(bound.map(|bound| socket.stage.set(Stage::Binding(bound.err()))))
}

impl UdpSocket {
    /// Binds it: the code of an attempt that has failed, as the system says.
    pub(super) fn bind(&self, call: &Call<'_, '_>, address: SocketAddr) -> Done<Done<()>> {
        match self.stage.get() {
            Stage::Unbound => {}
            Stage::Binding(_) => return Err(ErrorCode::ConcurrencyConflict),
            Stage::Bound => return Err(ErrorCode::InvalidState),
        }
        self.family.check(address)?;
        check_allowed(call, address, NetworkUse::UdpBind)?;
        Ok(bind(&*self.fd, &address).map_err(ErrorCode::from))
    }

    /// Has it exchange datagrams with one address only, or with any.
    pub(super) fn connect(&self, call: &Call<'_, '_>, remote: Option<SocketAddr>) -> Done<()> {
        match remote {
            Some(remote) => {
                self.family.check_remote(remote)?;
                check_allowed(call, remote, NetworkUse::UdpConnect)?;
                connect(&*self.fd, &remote)?;
            }
            None if self.remote.get().is_some() => connect_unspec(&*self.fd)?,
            None => {}
        }
        self.remote.set(remote);
        Ok(())
    }
}

fn finish_bind(call: &mut Call<'_, '_>, this: This) -> Answer<Done<()>> {
    with(call, this, |socket| match socket.stage.get() {
        Stage::Binding(failure) => {
            socket.stage.set(if failure.is_none() { Stage::Bound } else { Stage::Unbound });
            failure.map_or(Ok(()), Err)
        }
        _ => Err(ErrorCode::NotInProgress),
    })
}

type Streams = (Own<IncomingDatagramStream>, Own<OutgoingDatagramStream>);

fn stream(
    call: &mut Call<'_, '_>,
    this: This,
    remote: Option<IpSocketAddress>,
) -> Answer<Done<Streams>> {
    let socket = call.get(&this)?;
    let remote = remote.map(SocketAddr::from);
    if socket.stage.get() != Stage::Bound {
        return Ok(Err(ErrorCode::InvalidState));
    }
    if let Err(code) = socket.connect(call, remote) {
        return Ok(Err(code));
    }
    let (fd, family) = (socket.fd.clone(), socket.family);
    let incoming = IncomingDatagramStream { fd: fd.clone(), remote, _slot: socket.slot.clone() };
    let permit = Cell::new(0);
    let outgoing =
        OutgoingDatagramStream { fd, family, remote, permit, _slot: socket.slot.clone() };
    Ok(Ok((call.own(incoming)?, call.own(outgoing)?)))
}

/// What has been started is finished at once.
fn subscribe(call: &mut Call<'_, '_>, this: This) -> Answer<Own<Pollable>> {
    call.get(&this)?;
    call.own(Pollable(Rc::new(Now)))
}

fn receive(
    call: &mut Call<'_, '_>,
    this: Borrow<IncomingDatagramStream>,
    max_results: u64,
) -> Answer<Done<Vec<IncomingDatagram>>> {
    let stream = call.get(&this)?;
    let mut received = Vec::new();
    while (received.len() as u64) < max_results.min(DATAGRAMS) {
        let (data, from) = receive_one(call.arena, &stream.fd)?;
        match (data, from) {
            (Ok(data), Some(from)) => {
                // One that came before the socket was told whom to talk to.
                if stream.remote.is_some_and(|remote| remote != from) {
                    continue;
                }
                received.push(IncomingDatagram { data, remote_address: from.into() });
            }
            (Ok(_), None) | (Err(Errno::INTR), _) => {}
            (Err(Errno::AGAIN), _) => break,
            (Err(error), _) if received.is_empty() => return Ok(Err(error.into())),
            (Err(_), _) => break,
        }
    }
    Ok(Ok(received))
}

/// A datagram, and whom it comes from.
pub(super) fn receive_one(
    arena: &Rc<Arena>,
    fd: &OwnedFd,
) -> Answer<(std::result::Result<Bytes, Errno>, Option<SocketAddr>)> {
    let mut from = None;
    let data = Bytes::fill(arena, DATAGRAM, |room| {
        let (_, len, address) = recvfrom(fd, room, RecvFlags::empty())?;
        from = address.and_then(|address| SocketAddr::try_from(address).ok());
        Ok(len.min(DATAGRAM))
    })?;
    Ok((data, from))
}

impl Source for IncomingDatagramStream {
    fn check(&self, _: &State) -> Readiness {
        readiness(&self.fd, Direction::Read)
    }
}

impl Source for OutgoingDatagramStream {
    fn check(&self, _: &State) -> Readiness {
        readiness(&self.fd, Direction::Write)
    }
}

fn check_send(call: &mut Call<'_, '_>, this: Borrow<OutgoingDatagramStream>) -> Answer<Done<u64>> {
    let stream = call.get(&this)?;
    let permit = if is_ready(stream.fd.as_fd(), Direction::Write) { DATAGRAMS } else { 0 };
    stream.permit.set(permit);
    Ok(Ok(permit))
}

fn send_all(
    call: &mut Call<'_, '_>,
    this: Borrow<OutgoingDatagramStream>,
    datagrams: Vec<OutgoingDatagram>,
) -> Answer<Done<u64>> {
    let stream = call.get(&this)?;
    let (count, permit) = (datagrams.len() as u64, stream.permit.get());
    if count > permit {
        let message = format!("{count} datagrams where check-send permits {permit}");
        return Err(Trap::Host { message: message.into() }.into());
    }
    stream.permit.set(permit - count);
    let mut sent = 0;
    for datagram in datagrams {
        match send_one(call, &stream, datagram) {
            Ok(()) => sent += 1,
            // Those that are sent are sent.
            Err(_) if sent > 0 => break,
            Err(ErrorCode::WouldBlock) => break,
            Err(code) => return Ok(Err(code)),
        }
    }
    Ok(Ok(sent))
}

fn send_one(
    call: &Call<'_, '_>,
    stream: &OutgoingDatagramStream,
    datagram: OutgoingDatagram,
) -> Done<()> {
    let to = datagram.remote_address.map(SocketAddr::from);
    send_datagram(call, (&stream.fd, stream.family, stream.remote), datagram.data.get(), to)
}

/// Sends a datagram by a socket of a family, which may have a remote address of its own.
pub(super) fn send_datagram(
    call: &Call<'_, '_>,
    (fd, family, remote): (&OwnedFd, IpAddressFamily, Option<SocketAddr>),
    bytes: &[u8],
    to: Option<SocketAddr>,
) -> Done<()> {
    let sent = match (remote, to) {
        (Some(remote), Some(to)) if remote != to => return Err(ErrorCode::InvalidArgument),
        (Some(_), _) => send(fd, bytes, SendFlags::NOSIGNAL),
        (None, None) => return Err(ErrorCode::InvalidArgument),
        (None, Some(to)) => {
            family.check_remote(to)?;
            check_allowed(call, to, NetworkUse::UdpSend)?;
            sendto(fd, bytes, SendFlags::NOSIGNAL, &to)
        }
    };
    Ok(sent.map(drop)?)
}
