//! `wasi:sockets`.
//!
//! Without a grant there are no sockets. With one, each address is asked for before it is used.

mod lookup;
mod network;
mod tcp;
mod udp;

use super::Define;

pub(super) const INTERFACES: &[(&str, Define)] = &[
    ("network", network::define),
    ("instance-network", network::define_instance),
    ("ip-name-lookup", lookup::define),
    ("tcp-create-socket", |create| {
        create.func("create-tcp-socket", &["address-family"], tcp::create)
    }),
    ("tcp", tcp::define),
    ("udp-create-socket", |create| {
        create.func("create-udp-socket", &["address-family"], udp::create)
    }),
    ("udp", udp::define),
];

/// What an operation answers.
type Done<T> = std::result::Result<T, network::ErrorCode>;
