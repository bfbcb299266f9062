//! UDP sockets.

use super::Done;
use super::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Network, check_allowed, options, to_wit,
};
use super::tcp::readiness;
use crate::copy::typed::{Borrow, Bytes, HostResource, Own, record};
use crate::error::{Result, Trap};
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
    udp.func("[method]udp-socket.local-address", &["self"], local_address)?;
    udp.func("[method]udp-socket.remote-address", &["self"], remote_address)?;
    udp.func("[method]udp-socket.address-family", &["self"], address_family)?;
    udp.func("[method]udp-socket.subscribe", &["self"], subscribe)?;
    define_options(udp)?;
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

fn define_options(udp: &mut Interface<'_>) -> Result<()> {
    let set = &["self", "value"];
    udp.func(
        "[method]udp-socket.unicast-hop-limit",
        &["self"],
        |call: &mut Call<'_, '_>, this: This| {
            with(call, this, |socket| options::hop_limit(&socket.fd, socket.family))
        },
    )?;
    udp.func(
        "[method]udp-socket.set-unicast-hop-limit",
        set,
        |call: &mut Call<'_, '_>, this: This, value: u8| {
            with(call, this, |socket| options::set_hop_limit(&socket.fd, socket.family, value))
        },
    )?;
    udp.func(
        "[method]udp-socket.receive-buffer-size",
        &["self"],
        |call: &mut Call<'_, '_>, this: This| {
            with(call, this, |socket| options::receive_buffer_size(&socket.fd))
        },
    )?;
    udp.func(
        "[method]udp-socket.set-receive-buffer-size",
        set,
        |call: &mut Call<'_, '_>, this: This, value: u64| {
            with(call, this, |socket| options::set_receive_buffer_size(&socket.fd, value))
        },
    )?;
    udp.func(
        "[method]udp-socket.send-buffer-size",
        &["self"],
        |call: &mut Call<'_, '_>, this: This| {
            with(call, this, |socket| options::send_buffer_size(&socket.fd))
        },
    )?;
    udp.func(
        "[method]udp-socket.set-send-buffer-size",
        set,
        |call: &mut Call<'_, '_>, this: This, value: u64| {
            with(call, this, |socket| options::set_send_buffer_size(&socket.fd, value))
        },
    )
}

type This = Borrow<UdpSocket>;

record! { store => IncomingDatagram { data: Bytes, remote_address: IpSocketAddress } }

record! { load => OutgoingDatagram { data: Bytes, remote_address: Option<IpSocketAddress> } }

/// A UDP socket.
pub(super) struct UdpSocket {
    fd: Arc<OwnedFd>,
    family: IpAddressFamily,
    stage: Cell<Stage>,
    /// Whom it exchanges datagrams with, if with one only.
    remote: Cell<Option<SocketAddr>>,
    slot: Rc<Slot>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
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
    let address = SocketAddr::from(address);
    let start = || {
        match socket.stage.get() {
            Stage::Unbound => {}
            Stage::Binding(_) => return Err(ErrorCode::ConcurrencyConflict),
            Stage::Bound => return Err(ErrorCode::InvalidState),
        }
        socket.family.check(address)?;
        check_allowed(call, address, NetworkUse::UdpBind)?;
        let failure = bind(&*socket.fd, &address).err().map(ErrorCode::from);
        socket.stage.set(Stage::Binding(failure));
        Ok(())
    };
    Ok(start())
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
    let start = || {
        if socket.stage.get() != Stage::Bound {
            return Err(ErrorCode::InvalidState);
        }
        match remote {
            Some(remote) => {
                socket.family.check_remote(remote)?;
                check_allowed(call, remote, NetworkUse::UdpConnect)?;
                connect(&*socket.fd, &remote)?;
            }
            None if socket.remote.get().is_some() => connect_unspec(&*socket.fd)?,
            None => {}
        }
        socket.remote.set(remote);
        Ok(())
    };
    if let Err(code) = start() {
        return Ok(Err(code));
    }
    let (fd, family) = (socket.fd.clone(), socket.family);
    let incoming = IncomingDatagramStream { fd: fd.clone(), remote, _slot: socket.slot.clone() };
    let permit = Cell::new(0);
    let outgoing =
        OutgoingDatagramStream { fd, family, remote, permit, _slot: socket.slot.clone() };
    Ok(Ok((call.own(incoming)?, call.own(outgoing)?)))
}

fn local_address(call: &mut Call<'_, '_>, this: This) -> Answer<Done<IpSocketAddress>> {
    with(call, this, |socket| match socket.stage.get() {
        Stage::Bound => to_wit(getsockname(&*socket.fd)?),
        _ => Err(ErrorCode::InvalidState),
    })
}

fn remote_address(call: &mut Call<'_, '_>, this: This) -> Answer<Done<IpSocketAddress>> {
    with(call, this, |socket| socket.remote.get().map(Into::into).ok_or(ErrorCode::InvalidState))
}

fn address_family(call: &mut Call<'_, '_>, this: This) -> Answer<IpAddressFamily> {
    Ok(call.get(&this)?.family)
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
        let mut from = None;
        let data = Bytes::fill(call.arena, DATAGRAM, |room| {
            let (_, len, address) = recvfrom(&*stream.fd, room, RecvFlags::empty())?;
            from = address.and_then(|address| SocketAddr::try_from(address).ok());
            Ok(len.min(DATAGRAM))
        })?;
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
    let bytes = datagram.data.get();
    let sent = match (stream.remote, datagram.remote_address.map(SocketAddr::from)) {
        (Some(remote), Some(to)) if remote != to => return Err(ErrorCode::InvalidArgument),
        (Some(_), _) => send(&*stream.fd, bytes, SendFlags::NOSIGNAL),
        (None, None) => return Err(ErrorCode::InvalidArgument),
        (None, Some(to)) => {
            stream.family.check_remote(to)?;
            check_allowed(call, to, NetworkUse::UdpSend)?;
            sendto(&*stream.fd, bytes, SendFlags::NOSIGNAL, &to)
        }
    };
    Ok(sent.map(drop)?)
}
