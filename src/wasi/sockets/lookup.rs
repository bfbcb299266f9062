//! The addresses of names.
//!
//! The system's resolver blocks, so each look-up has a thread of its own, of which there are few at once. It
//! ends by itself, also where nobody waits for it any more.

use super::Done;
use super::network::{ErrorCode, IpAddress, Network};
use crate::copy::typed::{Borrow, HostResource, Own, Text};
use crate::error::Result;
use crate::wasi::func::{Answer, Call, Interface};
use crate::wasi::io::Pollable;
use crate::wasi::reactor::Bell;
use crate::wasi::source::{Readiness, Source};
use crate::wasi::state::{Slot, State};
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub(super) fn define(lookup: &mut Interface<'_>) -> Result<()> {
    lookup.resource::<ResolveAddressStream>()?;
    lookup.func("resolve-addresses", &["network", "name"], resolve_addresses)?;
    let next = "[method]resolve-address-stream.resolve-next-address";
    lookup.func(next, &["self"], resolve_next_address)?;
    lookup.func("[method]resolve-address-stream.subscribe", &["self"], subscribe)
}

/// A look-up, and what is left of its result.
pub(super) struct ResolveAddressStream {
    lookup: Arc<Lookup>,
    _slot: Slot,
}

impl HostResource for ResolveAddressStream {
    const NAME: &'static str = "resolve-address-stream";
}

#[derive(Default)]
struct Lookup {
    done: Arc<Bell>,
    /// The addresses that the guest has not got yet, the next one last.
    result: Mutex<Option<Done<Vec<IpAddr>>>>,
}

impl Lookup {
    fn finish(&self, result: Done<Vec<IpAddr>>) {
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        self.done.ring();
    }
}

/// Look-ups that may go on at once in this process.
const AT_ONCE: u32 = 16;

/// Counts the look-ups that go on.
struct Running;

static RUNNING: AtomicU32 = AtomicU32::new(0);

impl Running {
    fn start() -> Option<Running> {
        let count = RUNNING.fetch_add(1, Ordering::Relaxed);
        let running = Running;
        (count < AT_ONCE).then_some(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
}

fn resolve_addresses(
    call: &mut Call<'_, '_>,
    _: Borrow<Network>,
    name: Text,
) -> Answer<Done<Own<ResolveAddressStream>>> {
    let start = || {
        if !call.state.config().name_lookup {
            return Err(ErrorCode::AccessDenied);
        }
        let slot = call.state.slot().ok_or(ErrorCode::NewSocketLimit)?;
        Ok(ResolveAddressStream { lookup: start(name.get())?, _slot: slot })
    };
    match start() {
        Ok(stream) => call.own(stream).map(Ok),
        Err(code) => Ok(Err(code)),
    }
}

fn start(name: &str) -> Done<Arc<Lookup>> {
    let lookup = Arc::new(Lookup::default());
    if let Ok(ip) = name.parse() {
        lookup.finish(Ok(vec![ip]));
        return Ok(lookup);
    }
    let is_of_name = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > 253 || !name.chars().all(is_of_name) {
        return Err(ErrorCode::InvalidArgument);
    }
    let running = Running::start().ok_or(ErrorCode::TemporaryResolverFailure)?;
    let (name, told) = (name.to_owned(), lookup.clone());
    let resolve = move || {
        let found = (name.as_str(), 0).to_socket_addrs();
        drop(running);
        told.finish(match found {
            Ok(addresses) => {
                let mut addresses: Vec<_> = addresses.map(|address| address.ip()).collect();
                addresses.reverse();
                addresses.dedup();
                Ok(addresses)
            }
            Err(_) => Err(ErrorCode::NameUnresolvable),
        });
    };
    let thread = std::thread::Builder::new().name("cmabi-lookup".into()).spawn(resolve);
    thread.map(|_| lookup).map_err(|_| ErrorCode::OutOfMemory)
}

fn resolve_next_address(
    call: &mut Call<'_, '_>,
    this: Borrow<ResolveAddressStream>,
) -> Answer<Done<Option<IpAddress>>> {
    let stream = call.get(&this)?;
    let mut result = stream.lookup.result.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(match &mut *result {
        None => Err(ErrorCode::WouldBlock),
        Some(Ok(addresses)) => Ok(addresses.pop().map(Into::into)),
        Some(Err(code)) => Err(*code),
    })
}

fn subscribe(call: &mut Call<'_, '_>, this: Borrow<ResolveAddressStream>) -> Answer<Own<Pollable>> {
    let stream = call.get(&this)?;
    call.own(Pollable(stream))
}

impl Source for ResolveAddressStream {
    fn check(&self, _: &State) -> Readiness {
        if self.lookup.done.has_rung() {
            Readiness::Ready
        } else {
            Readiness::Told(self.lookup.done.clone())
        }
    }
}
