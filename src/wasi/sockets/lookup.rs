//! The addresses of names.
//!
//! The system's resolver blocks, so threads look names up.

use super::Done;
use super::network::{ErrorCode, IpAddress, Network};
use crate::copy::typed::{Borrow, HostResource, Own, Text};
use crate::error::Result;
use crate::wasi::func::{Answer, Call, Interface};
use crate::wasi::io::Pollable;
use crate::wasi::state::Slot;
use crate::wasi::work::{Work, Workers};
use std::collections::VecDeque;
use std::net::{IpAddr, ToSocketAddrs};
use std::rc::Rc;

pub(super) fn define(lookup: &mut Interface<'_>) -> Result<()> {
    lookup.resource::<ResolveAddressStream>()?;
    lookup.func("resolve-addresses", &["network", "name"], resolve_addresses)?;
    let next = "[method]resolve-address-stream.resolve-next-address";
    lookup.func(next, &["self"], resolve_next_address)?;
    lookup.func("[method]resolve-address-stream.subscribe", &["self"], subscribe)
}

/// A look-up, and what is left of its result: the addresses that the guest has not got yet.
pub(super) struct ResolveAddressStream {
    lookup: Rc<Lookup>,
    _slot: Slot,
}

impl HostResource for ResolveAddressStream {
    const NAME: &'static str = "resolve-address-stream";
}

/// Looks a name up.
pub(super) type Lookup = Work<Done<VecDeque<IpAddr>>>;

/// Threads that look up names.
static LOOKUPS: Workers = Workers::new("cmabi-lookup", 16);

fn resolve_addresses(
    call: &mut Call<'_, '_>,
    _: Borrow<Network>,
    name: Text,
) -> Answer<Done<Own<ResolveAddressStream>>> {
    let slot = call.slot();
    let start = || {
        if !call.state.config().name_lookup {
            return Err(ErrorCode::AccessDenied);
        }
        let slot = slot.ok_or(ErrorCode::NewSocketLimit)?;
        Ok(ResolveAddressStream { lookup: Rc::new(start(name.get())?), _slot: slot })
    };
    match start() {
        Ok(stream) => call.own(stream).map(Ok),
        Err(code) => Ok(Err(code)),
    }
}

pub(super) fn start(name: &str) -> Done<Lookup> {
    if let Ok(ip) = name.parse() {
        return Ok(Work::over(Ok([ip].into())));
    }
    let is_of_name = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > 253 || !name.chars().all(is_of_name) {
        return Err(ErrorCode::InvalidArgument);
    }
    let name = name.to_owned();
    let resolve = move || match (name.as_str(), 0).to_socket_addrs() {
        Ok(addresses) => {
            let mut addresses: Vec<_> = addresses.map(|address| address.ip()).collect();
            addresses.dedup();
            Ok(addresses.into())
        }
        Err(error) => Err(resolver_error(&error.to_string())),
    };
    Ok(LOOKUPS.start(resolve))
}

/// The standard library passes on only what the resolver says in words.
fn resolver_error(message: &str) -> ErrorCode {
    let says = |code| {
        // SAFETY: the text for a code is there for good.
        let words = unsafe { std::ffi::CStr::from_ptr(libc::gai_strerror(code)) };
        message.contains(&*words.to_string_lossy())
    };
    match () {
        () if says(libc::EAI_AGAIN) => ErrorCode::TemporaryResolverFailure,
        () if says(libc::EAI_FAIL) => ErrorCode::PermanentResolverFailure,
        () => ErrorCode::NameUnresolvable,
    }
}

fn resolve_next_address(
    call: &mut Call<'_, '_>,
    this: Borrow<ResolveAddressStream>,
) -> Answer<Done<Option<IpAddress>>> {
    let stream = call.get(&this)?;
    let next = stream.lookup.with(|result| match result {
        Ok(addresses) => Ok(addresses.pop_front().map(Into::into)),
        Err(code) => Err(*code),
    });
    Ok(next.unwrap_or(Err(ErrorCode::WouldBlock)))
}

fn subscribe(call: &mut Call<'_, '_>, this: Borrow<ResolveAddressStream>) -> Answer<Own<Pollable>> {
    let stream = call.get(&this)?;
    call.own(Pollable(stream.lookup.clone()))
}
