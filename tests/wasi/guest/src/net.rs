//! The network.

use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::ip_name_lookup::resolve_addresses;
use wasip2::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress,
};
use wasip2::sockets::tcp::{ShutdownType, TcpSocket};
use wasip2::sockets::tcp_create_socket::create_tcp_socket;
use wasip2::sockets::udp::OutgoingDatagram;
use wasip2::sockets::udp_create_socket::create_udp_socket;

pub fn tcp_socket() -> Result<TcpSocket, ErrorCode> {
    create_tcp_socket(IpAddressFamily::Ipv4)
}

/// `127.0.0.1:80`
fn address(text: &str) -> IpSocketAddress {
    let address: std::net::SocketAddrV4 = text.parse().expect("an address");
    let [a, b, c, d] = address.ip().octets();
    IpSocketAddress::Ipv4(Ipv4SocketAddress { port: address.port(), address: (a, b, c, d) })
}

fn port(address: IpSocketAddress) -> u16 {
    match address {
        IpSocketAddress::Ipv4(address) => address.port,
        IpSocketAddress::Ipv6(address) => address.port,
    }
}

/// Waits for a socket until `operation` says something else than that it would block.
fn finish<T>(
    socket: &TcpSocket,
    mut operation: impl FnMut() -> Result<T, ErrorCode>,
) -> Result<T, ErrorCode> {
    let ready = socket.subscribe();
    loop {
        match operation() {
            Err(ErrorCode::WouldBlock) => ready.block(),
            result => return result,
        }
    }
}

/// Connects to itself without end, and keeps the streams alone.
pub fn keep_streams() {
    let mut kept = Vec::new();
    if let Err(code) = try_keep_streams(&mut kept) {
        println!("{} connections, then: {}", kept.len(), code.name());
    }
}

type Streams = (wasip2::io::streams::InputStream, wasip2::io::streams::OutputStream);

fn try_keep_streams(kept: &mut Vec<Streams>) -> Result<(), ErrorCode> {
    let network = instance_network();
    let listener = tcp_socket()?;
    listener.start_bind(&network, address("127.0.0.1:0"))?;
    listener.finish_bind()?;
    listener.start_listen()?;
    listener.finish_listen()?;
    loop {
        let client = tcp_socket()?;
        client.start_connect(&network, listener.local_address()?)?;
        kept.push(finish(&client, || client.finish_connect())?);
        let (_, input, output) = finish(&listener, || listener.accept())?;
        kept.push((input, output));
    }
}

/// Sends back what one client sends.
pub fn serve(at: &str) {
    if let Err(code) = try_serve(at) {
        println!("{code:?}");
    }
}

fn try_serve(at: &str) -> Result<(), ErrorCode> {
    let network = instance_network();
    let socket = tcp_socket()?;
    socket.start_bind(&network, address(at))?;
    finish(&socket, || socket.finish_bind())?;
    socket.start_listen()?;
    finish(&socket, || socket.finish_listen())?;
    println!("port {}", port(socket.local_address()?));
    let (client, input, output) = finish(&socket, || socket.accept())?;
    loop {
        match input.blocking_read(4096) {
            Ok(bytes) => output.blocking_write_and_flush(&bytes).expect("the client reads"),
            Err(_) => break,
        }
    }
    client.shutdown(ShutdownType::Both)
}

/// Sends a line, and prints what comes back.
pub fn connect(to: &str) {
    if let Err(code) = try_connect(to) {
        println!("{code:?}");
    }
}

fn try_connect(to: &str) -> Result<(), ErrorCode> {
    let network = instance_network();
    let socket = tcp_socket()?;
    socket.start_connect(&network, address(to))?;
    let (input, output) = finish(&socket, || socket.finish_connect())?;
    output.blocking_write_and_flush(b"hello over there").expect("the server reads");
    socket.shutdown(ShutdownType::Send)?;
    let mut answer = Vec::new();
    while let Ok(bytes) = input.blocking_read(4096) {
        answer.extend(bytes);
    }
    println!("{}", String::from_utf8_lossy(&answer));
    Ok(())
}

/// Sends a datagram from one socket to another.
pub fn datagrams() {
    if let Err(code) = try_datagrams() {
        println!("{code:?}");
    }
}

fn try_datagrams() -> Result<(), ErrorCode> {
    let network = instance_network();
    let sockets = [(); 2].map(|()| create_udp_socket(IpAddressFamily::Ipv4));
    let [from, to] = sockets;
    let (from, to) = (from?, to?);
    for socket in [&from, &to] {
        socket.start_bind(&network, address("127.0.0.1:0"))?;
        socket.finish_bind()?;
    }
    let (_from_in, from_out) = from.stream(None)?;
    let (to_in, _to_out) = to.stream(None)?;
    from_out.subscribe().block();
    assert!(from_out.check_send()? > 0);
    let datagram = OutgoingDatagram {
        data: b"one datagram".into(),
        remote_address: Some(to.local_address()?),
    };
    from_out.send(&[datagram])?;
    to_in.subscribe().block();
    for datagram in to_in.receive(10)? {
        let is_from = port(datagram.remote_address) == port(from.local_address()?);
        println!("{} from the right port: {is_from}", String::from_utf8_lossy(&datagram.data));
    }
    Ok(())
}

pub fn lookup(name: &str) {
    let network = instance_network();
    let addresses = match resolve_addresses(&network, name) {
        Ok(addresses) => addresses,
        Err(code) => return println!("{code:?}"),
    };
    let ready = addresses.subscribe();
    loop {
        match addresses.resolve_next_address() {
            Ok(Some(IpAddress::Ipv4((a, b, c, d)))) => println!("{a}.{b}.{c}.{d}"),
            Ok(Some(IpAddress::Ipv6(_))) => println!("an IPv6 address"),
            Ok(None) => return,
            Err(ErrorCode::WouldBlock) => ready.block(),
            Err(code) => return println!("{code:?}"),
        }
    }
}
