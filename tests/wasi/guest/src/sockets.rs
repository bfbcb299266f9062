//! Functions of `wasi:sockets` one by one, as `probe` does it for files: each line of standard input names one
//! with its arguments, separated by tabs, and each gets a line with the outcome.
//!
//! Sockets have numbers in the order in which they were made or accepted. In an address, `@2` stands for the
//! port that socket 2 is bound to.

use std::io::BufRead;
use std::net::SocketAddr;
use wasip2::io::streams::{InputStream, OutputStream};
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::ip_name_lookup::resolve_addresses;
use wasip2::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress, Network,
};
use wasip2::sockets::tcp::{ShutdownType, TcpSocket};
use wasip2::sockets::tcp_create_socket::create_tcp_socket;
use wasip2::sockets::udp::{
    IncomingDatagramStream, OutgoingDatagram, OutgoingDatagramStream, UdpSocket,
};
use wasip2::sockets::udp_create_socket::create_udp_socket;

enum Socket {
    // Streams are dropped before their socket.
    Tcp(Option<(InputStream, OutputStream)>, TcpSocket),
    Udp(Option<(IncomingDatagramStream, OutgoingDatagramStream)>, UdpSocket),
}

pub fn main() {
    let network = instance_network();
    let mut sockets = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("text");
        let words: Vec<&str> = line.split('\t').collect();
        match run(&network, &mut sockets, &words) {
            Ok(text) => println!("ok{}{text}", if text.is_empty() { "" } else { " " }),
            Err(code) => println!("{}", code.name()),
        }
    }
}

fn parts(address: IpSocketAddress) -> SocketAddr {
    match address {
        IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address: (a, b, c, d) }) => {
            ([a, b, c, d], port).into()
        }
        IpSocketAddress::Ipv6(Ipv6SocketAddress { port, address: (a, b, c, d, e, f, g, h), .. }) => {
            ([a, b, c, d, e, f, g, h], port).into()
        }
    }
}

fn address(sockets: &[Socket], text: &str) -> IpSocketAddress {
    let text = match text.rsplit_once('@') {
        Some((ip, number)) => {
            let local = match &sockets[number.parse::<usize>().expect("a number")] {
                Socket::Tcp(_, socket) => socket.local_address(),
                Socket::Udp(_, socket) => socket.local_address(),
            };
            format!("{ip}{}", parts(local.expect("it is bound")).port())
        }
        None => text.to_owned(),
    };
    match text.parse().expect("an address") {
        SocketAddr::V4(address) => {
            let [a, b, c, d] = address.ip().octets();
            IpSocketAddress::Ipv4(Ipv4SocketAddress { port: address.port(), address: (a, b, c, d) })
        }
        SocketAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h] = address.ip().segments();
            IpSocketAddress::Ipv6(Ipv6SocketAddress {
                port: address.port(),
                flow_info: 0,
                address: (a, b, c, d, e, f, g, h),
                scope_id: 0,
            })
        }
    }
}

fn run(
    network: &Network,
    sockets: &mut Vec<Socket>,
    words: &[&str],
) -> Result<String, ErrorCode> {
    let family = if words[0].ends_with('6') { IpAddressFamily::Ipv6 } else { IpAddressFamily::Ipv4 };
    let made = match words[0] {
        "tcp4" | "tcp6" => Socket::Tcp(None, create_tcp_socket(family)?),
        "udp4" | "udp6" => Socket::Udp(None, create_udp_socket(family)?),
        "lookup" => return lookup(network, words[1]),
        operation => {
            let number: usize = words[1].parse().expect("a number");
            let arg = words.get(2).copied().unwrap_or_default();
            let to = arg.contains(':').then(|| address(sockets, arg));
            match &mut sockets[number] {
                Socket::Udp(streams, socket) => {
                    return udp(network, operation, socket, streams, arg, to);
                }
                Socket::Tcp(_, socket) if operation == "accept" => {
                    let (client, input, output) = socket.accept()?;
                    Socket::Tcp(Some((input, output)), client)
                }
                Socket::Tcp(streams, socket) => {
                    return tcp(network, operation, socket, streams, arg, to);
                }
            }
        }
    };
    sockets.push(made);
    Ok((sockets.len() - 1).to_string())
}

fn shown(address: IpSocketAddress) -> String {
    parts(address).ip().to_string()
}

fn tcp(
    network: &Network,
    operation: &str,
    socket: &TcpSocket,
    streams: &mut Option<(InputStream, OutputStream)>,
    arg: &str,
    to: Option<IpSocketAddress>,
) -> Result<String, ErrorCode> {
    let value = || arg.parse::<u64>().expect("a number");
    let address = || to.expect("an address");
    match operation {
        "start-bind" => socket.start_bind(network, address())?,
        "finish-bind" => socket.finish_bind()?,
        "start-connect" => socket.start_connect(network, address())?,
        "finish-connect" => *streams = Some(socket.finish_connect()?),
        "start-listen" => socket.start_listen()?,
        "finish-listen" => socket.finish_listen()?,
        "wait" => socket.subscribe().block(),
        "local" => return socket.local_address().map(shown),
        "remote" => return socket.remote_address().map(shown),
        "listening" => return Ok(socket.is_listening().to_string()),
        "backlog" => socket.set_listen_backlog_size(value())?,
        "keep-alive" => {
            socket.set_keep_alive_enabled(true)?;
            return Ok(socket.keep_alive_enabled()?.to_string());
        }
        "idle" => {
            socket.set_keep_alive_idle_time(value())?;
            return Ok(socket.keep_alive_idle_time()?.to_string());
        }
        "interval" => {
            socket.set_keep_alive_interval(value())?;
            return Ok(socket.keep_alive_interval()?.to_string());
        }
        "count" => {
            socket.set_keep_alive_count(value() as u32)?;
            return Ok(socket.keep_alive_count()?.to_string());
        }
        "hops" => {
            socket.set_hop_limit(value() as u8)?;
            return Ok(socket.hop_limit()?.to_string());
        }
        "receive-buffer" => {
            socket.set_receive_buffer_size(value())?;
            return Ok((socket.receive_buffer_size()? > 0).to_string());
        }
        "send-buffer" => {
            socket.set_send_buffer_size(value())?;
            return Ok((socket.send_buffer_size()? > 0).to_string());
        }
        "shutdown" => socket.shutdown(match arg {
            "receive" => ShutdownType::Receive,
            "send" => ShutdownType::Send,
            _ => ShutdownType::Both,
        })?,
        "read" | "write" => {
            let (input, output) = streams.as_ref().expect("it is connected");
            let result = match operation {
                "read" => input.blocking_read(100).map(|bytes| format!("{} bytes", bytes.len())),
                _ => output.blocking_write_and_flush(b"12345").map(|()| String::new()),
            };
            return Ok(result.unwrap_or_else(|error| match error {
                wasip2::io::streams::StreamError::Closed => "closed".into(),
                wasip2::io::streams::StreamError::LastOperationFailed(error) => {
                    error.to_debug_string()
                }
            }));
        }
        "close" => *streams = None,
        other => panic!("no operation {other:?}"),
    }
    Ok(String::new())
}

fn udp(
    network: &Network,
    operation: &str,
    socket: &UdpSocket,
    streams: &mut Option<(IncomingDatagramStream, OutgoingDatagramStream)>,
    arg: &str,
    to: Option<IpSocketAddress>,
) -> Result<String, ErrorCode> {
    let value = || arg.parse::<u64>().expect("a number");
    let both = || streams.as_ref().expect("it has streams");
    match operation {
        "start-bind" => socket.start_bind(network, to.expect("an address"))?,
        "finish-bind" => socket.finish_bind()?,
        "stream" => {
            *streams = None;
            *streams = Some(socket.stream(to)?);
        }
        "local" => return socket.local_address().map(shown),
        "remote" => return socket.remote_address().map(shown),
        "hops" => {
            socket.set_unicast_hop_limit(value() as u8)?;
            return Ok(socket.unicast_hop_limit()?.to_string());
        }
        "receive-buffer" => socket.set_receive_buffer_size(value())?,
        "send-buffer" => socket.set_send_buffer_size(value())?,
        "wait" => both().0.subscribe().block(),
        "receive" => return Ok(both().0.receive(10)?.len().to_string()),
        // send SOCKET [ADDRESS]; send-large: more than fits.
        "send" | "send-large" => {
            both().1.check_send()?;
            let len = if operation == "send" { 5 } else { 65_600 };
            let datagram = OutgoingDatagram { data: vec![1; len], remote_address: to };
            return Ok(both().1.send(&[datagram])?.to_string());
        }
        other => panic!("no operation {other:?}"),
    }
    Ok(String::new())
}

fn lookup(network: &Network, name: &str) -> Result<String, ErrorCode> {
    let addresses = resolve_addresses(network, name)?;
    let mut count = 0;
    loop {
        match addresses.resolve_next_address() {
            Ok(Some(_)) => count += 1,
            Ok(None) => return Ok((count > 0).to_string()),
            Err(ErrorCode::WouldBlock) => addresses.subscribe().block(),
            Err(code) => return Err(code),
        }
    }
}
