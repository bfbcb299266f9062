//! Addresses and error codes.

use super::Done;
use crate::copy::typed::{Borrow, HostResource, Own, enumeration, record, variant};
use crate::error::Result;
use crate::wasi::config::NetworkUse;
use crate::wasi::func::{Answer, Call, Interface};
use crate::wasi::io::IoError;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrAny, SocketFlags, SocketType, socket_with, sockopt};
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

pub(super) fn define(network: &mut Interface<'_>) -> Result<()> {
    network.resource::<Network>()?;
    network.func("network-error-code", &["err"], network_error_code)
}

pub(super) fn define_instance(interface: &mut Interface<'_>) -> Result<()> {
    interface.func("instance-network", &[], |call: &mut Call<'_, '_>| -> Answer<Own<Network>> {
        call.own(Network)
    })
}

/// The network, as far as it is granted.
pub(super) struct Network;

impl HostResource for Network {
    const NAME: &'static str = "network";
}

enumeration! {
    ErrorCode {
        Unknown, AccessDenied, NotSupported, InvalidArgument, OutOfMemory, Timeout, ConcurrencyConflict,
        NotInProgress, WouldBlock, InvalidState, NewSocketLimit, AddressNotBindable, AddressInUse,
        RemoteUnreachable, ConnectionRefused, ConnectionReset, ConnectionAborted, DatagramTooLarge,
        NameUnresolvable, TemporaryResolverFailure, PermanentResolverFailure,
    }
}

impl From<Errno> for ErrorCode {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::AGAIN => ErrorCode::WouldBlock,
            Errno::PERM | Errno::ACCESS => ErrorCode::AccessDenied,
            Errno::NOTSUP | Errno::NOSYS | Errno::AFNOSUPPORT | Errno::PROTONOSUPPORT => {
                ErrorCode::NotSupported
            }
            Errno::INVAL | Errno::DESTADDRREQ | Errno::FAULT => ErrorCode::InvalidArgument,
            Errno::NOMEM | Errno::NOBUFS => ErrorCode::OutOfMemory,
            Errno::TIMEDOUT => ErrorCode::Timeout,
            Errno::MFILE | Errno::NFILE => ErrorCode::NewSocketLimit,
            Errno::ADDRNOTAVAIL => ErrorCode::AddressNotBindable,
            Errno::ADDRINUSE => ErrorCode::AddressInUse,
            Errno::NETUNREACH | Errno::NETDOWN | Errno::HOSTUNREACH | Errno::HOSTDOWN => {
                ErrorCode::RemoteUnreachable
            }
            Errno::CONNREFUSED => ErrorCode::ConnectionRefused,
            Errno::CONNRESET => ErrorCode::ConnectionReset,
            Errno::CONNABORTED => ErrorCode::ConnectionAborted,
            Errno::MSGSIZE => ErrorCode::DatagramTooLarge,
            Errno::ISCONN | Errno::NOTCONN => ErrorCode::InvalidState,
            Errno::ALREADY | Errno::INPROGRESS => ErrorCode::ConcurrencyConflict,
            _ => ErrorCode::Unknown,
        }
    }
}

/// An error of a socket's stream, which a guest can ask for its code.
#[derive(Debug)]
pub(super) struct SocketError {
    pub(super) error: Errno,
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for SocketError {}

/// Marks an error as that of a socket.
pub(super) fn socket_error(error: Errno) -> io::Error {
    match io::Error::from(error) {
        error if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::BrokenPipe) => error,
        error if error.kind() == ErrorKind::Interrupted => error,
        _ => io::Error::other(SocketError { error }),
    }
}

fn network_error_code(call: &mut Call<'_, '_>, err: Borrow<IoError>) -> Answer<Option<ErrorCode>> {
    let error = call.get(&err)?;
    let error = error.0.get_ref().and_then(|error| error.downcast_ref::<SocketError>());
    Ok(error.map(|error| error.error.into()))
}

enumeration! { IpAddressFamily { Ipv4, Ipv6 } }

type Ipv4Address = (u8, u8, u8, u8);
type Ipv6Address = (u16, u16, u16, u16, u16, u16, u16, u16);

variant! { load store => IpAddress { Ipv4(Ipv4Address), Ipv6(Ipv6Address) } }

record! { load store => Ipv4SocketAddress { port: u16, address: Ipv4Address } }

record! {
    load store => Ipv6SocketAddress {
        port: u16,
        flow_info: u32,
        address: Ipv6Address,
        scope_id: u32,
    }
}

variant! { load store => IpSocketAddress { Ipv4(Ipv4SocketAddress), Ipv6(Ipv6SocketAddress) } }

impl From<IpAddr> for IpAddress {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => IpAddress::Ipv4(ip.octets().into()),
            IpAddr::V6(ip) => IpAddress::Ipv6(ip.segments().into()),
        }
    }
}

impl From<SocketAddr> for IpSocketAddress {
    fn from(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(address) => IpSocketAddress::Ipv4(Ipv4SocketAddress {
                port: address.port(),
                address: address.ip().octets().into(),
            }),
            SocketAddr::V6(address) => IpSocketAddress::Ipv6(Ipv6SocketAddress {
                port: address.port(),
                flow_info: address.flowinfo(),
                address: address.ip().segments().into(),
                scope_id: address.scope_id(),
            }),
        }
    }
}

impl From<IpSocketAddress> for SocketAddr {
    fn from(address: IpSocketAddress) -> Self {
        match address {
            IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address }) => {
                SocketAddrV4::new(Ipv4Addr::from(<[u8; 4]>::from(address)), port).into()
            }
            IpSocketAddress::Ipv6(Ipv6SocketAddress { port, flow_info, address, scope_id }) => {
                let ip = Ipv6Addr::from(<[u16; 8]>::from(address));
                SocketAddrV6::new(ip, port, flow_info, scope_id).into()
            }
        }
    }
}

impl IpAddressFamily {
    /// Whether an address is of this family: one of IPv4 in the clothes of IPv6 is of none.
    pub(super) fn check(self, address: SocketAddr) -> Done<()> {
        let fits = match (self, address.ip()) {
            (IpAddressFamily::Ipv4, IpAddr::V4(_)) => true,
            (IpAddressFamily::Ipv6, IpAddr::V6(ip)) => ip.to_ipv4_mapped().is_none(),
            _ => false,
        };
        if fits { Ok(()) } else { Err(ErrorCode::InvalidArgument) }
    }

    /// The same, for the address of somebody else, which has to be one of a single host.
    pub(super) fn check_remote(self, address: SocketAddr) -> Done<()> {
        self.check(address)?;
        if address.port() == 0 || address.ip().is_unspecified() {
            return Err(ErrorCode::InvalidArgument);
        }
        Ok(())
    }

    /// A socket that never blocks, if there is a grant for any.
    pub(super) fn socket(self, call: &Call<'_, '_>, ty: SocketType) -> Done<OwnedFd> {
        if call.state.config().network.is_none() {
            return Err(ErrorCode::AccessDenied);
        }
        let family = match self {
            IpAddressFamily::Ipv4 => AddressFamily::INET,
            IpAddressFamily::Ipv6 => AddressFamily::INET6,
        };
        let fd = socket_with(family, ty, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)?;
        if self == IpAddressFamily::Ipv6 {
            sockopt::set_ipv6_v6only(&fd, true)?;
        }
        Ok(fd)
    }
}

/// Whether the host allows this.
pub(super) fn check_allowed(
    call: &Call<'_, '_>,
    address: SocketAddr,
    network_use: NetworkUse,
) -> Done<()> {
    match &call.state.config().network {
        Some(check) if check(address, network_use) => Ok(()),
        _ => Err(ErrorCode::AccessDenied),
    }
}

pub(super) fn to_wit(address: SocketAddrAny) -> Done<IpSocketAddress> {
    SocketAddr::try_from(address).map(Into::into).map_err(|_| ErrorCode::Unknown)
}

/// Options that sockets of both kinds have.
pub(super) mod options {
    use super::{Done, ErrorCode, IpAddressFamily};
    use rustix::fd::OwnedFd;
    use rustix::net::sockopt;

    pub(in super::super) fn hop_limit(fd: &OwnedFd, family: IpAddressFamily) -> Done<u8> {
        match family {
            IpAddressFamily::Ipv4 => Ok(sockopt::ip_ttl(fd)?.min(255) as u8),
            IpAddressFamily::Ipv6 => Ok(sockopt::ipv6_unicast_hops(fd)?),
        }
    }

    pub(in super::super) fn set_hop_limit(
        fd: &OwnedFd,
        family: IpAddressFamily,
        value: u8,
    ) -> Done<()> {
        match family {
            _ if value == 0 => Err(ErrorCode::InvalidArgument),
            IpAddressFamily::Ipv4 => Ok(sockopt::set_ip_ttl(fd, value.into())?),
            IpAddressFamily::Ipv6 => Ok(sockopt::set_ipv6_unicast_hops(fd, Some(value))?),
        }
    }

    /// Linux counts what it needs itself as well: twice as much.
    const OVERHEAD: usize = if cfg!(target_os = "linux") { 2 } else { 1 };

    pub(in super::super) fn receive_buffer_size(fd: &OwnedFd) -> Done<u64> {
        Ok((sockopt::socket_recv_buffer_size(fd)? / OVERHEAD) as u64)
    }

    pub(in super::super) fn set_receive_buffer_size(fd: &OwnedFd, value: u64) -> Done<()> {
        Ok(sockopt::set_socket_recv_buffer_size(fd, buffer_size(value)?)?)
    }

    pub(in super::super) fn send_buffer_size(fd: &OwnedFd) -> Done<u64> {
        Ok((sockopt::socket_send_buffer_size(fd)? / OVERHEAD) as u64)
    }

    pub(in super::super) fn set_send_buffer_size(fd: &OwnedFd, value: u64) -> Done<()> {
        Ok(sockopt::set_socket_send_buffer_size(fd, buffer_size(value)?)?)
    }

    /// What is too large is as large as can be; the system has its own limits.
    fn buffer_size(value: u64) -> Done<usize> {
        match value {
            0 => Err(ErrorCode::InvalidArgument),
            value => Ok(value.min(1 << 30) as usize),
        }
    }
}
