//! `wasi:sockets`.
//!
//! Without a grant there are no sockets. With one, each address is asked for before it is used.

mod lookup;
mod network;
mod tcp;
mod udp;
pub(super) mod v3;

use super::Define;
use super::func::{Answer, Call, Interface};
use crate::copy::typed::{Borrow, HostResource, Load, Store};
use crate::error::Result;
use network::ErrorCode;

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
type Done<T> = std::result::Result<T, ErrorCode>;

/// What versions of WASI differ in where sockets are the same.
trait Version: 'static {
    /// What the names of functions begin with that get something.
    const GET: &'static str;
    /// The error codes.
    type Code: Store + From<ErrorCode> + 'static;
}

struct V2;

impl Version for V2 {
    const GET: &'static str = "";
    type Code = ErrorCode;
}

/// Offers a function that gets something of a socket.
fn getter<V: Version, S: HostResource, T: Store + 'static>(
    sockets: &mut Interface<'_>,
    what: &str,
    get: fn(&S) -> Done<T>,
) -> Result<()> {
    let name = format!("[method]{}.{}{what}", S::NAME, V::GET);
    sockets.func(&name, &["self"], move |call: &mut Call<'_, '_>, this: Borrow<S>| -> Answer<_> {
        Ok(get(&*call.get(&this)?).map_err(V::Code::from))
    })
}

/// The same, where that is always there.
fn plain_getter<V: Version, S: HostResource, T: Store + 'static>(
    sockets: &mut Interface<'_>,
    what: &str,
    get: fn(&S) -> T,
) -> Result<()> {
    let name = format!("[method]{}.{}{what}", S::NAME, V::GET);
    sockets.func(&name, &["self"], move |call: &mut Call<'_, '_>, this: Borrow<S>| -> Answer<_> {
        Ok(get(&*call.get(&this)?))
    })
}

/// Offers a function that sets something of a socket.
fn setter<V: Version, S: HostResource, T: Load + 'static>(
    sockets: &mut Interface<'_>,
    what: &str,
    set: fn(&S, T) -> Done<()>,
) -> Result<()> {
    let name = format!("[method]{}.set-{what}", S::NAME);
    let params = &["self", "value"];
    sockets.func(
        &name,
        params,
        move |call: &mut Call<'_, '_>, this: Borrow<S>, to: T| -> Answer<_> {
            Ok(set(&*call.get(&this)?, to).map_err(V::Code::from))
        },
    )
}
