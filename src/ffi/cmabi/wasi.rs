//! WASI: what a host grants to programs
//!
//! The config is a Rust one; callbacks of C are wrapped here.

use super::error::{cmabi_drop, cmabi_error, cmabi_status, cmabi_string};
use super::linker::{change_linker, cmabi_linker};
use crate::error::{Error, Result};
use crate::ffi::check::Enumeration;
use crate::ffi::data::Data;
use crate::ffi::{check, guard, guard_or};
use crate::wasi::{Clocks, Config, DirRights, Input, NetworkUse, Output, Stdio};
use std::ffi::c_void;
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

/// What components may use of the system by way of WASI 0.2 and 0.3 (<https://github.com/WebAssembly/WASI>), the
/// same by both.
///
/// A new one grants nothing: no arguments, no environment, closed standard streams, no folder, no network; but
/// the system's clocks and random numbers. `cmabi_linker_wasi` takes a copy; changing or freeing the config
/// later does not touch that. What a config names is looked up when it is set, and an error says what is wrong
/// with it. May be changed by one thread at a time.
/// @since 0.2
pub struct cmabi_wasi_config {
    config: Config,
}

/// One of the standard streams.
/// @since 0.2
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cmabi_wasi_stdio {
    /// Standard input.
    Stdin,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

// SAFETY: `#[repr(u32)]`, and the values go from 0 without a gap.
unsafe impl Enumeration for cmabi_wasi_stdio {
    const COUNT: u32 = cmabi_wasi_stdio::Stderr as u32 + 1;
}

/// What components may do in a folder and below it.
/// @since 0.2
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cmabi_wasi_rights {
    /// Read.
    ReadOnly,
    /// Read, write, make, remove and rename.
    ReadWrite,
}

// SAFETY: `#[repr(u32)]`, and the values go from 0 without a gap.
unsafe impl Enumeration for cmabi_wasi_rights {
    const COUNT: u32 = cmabi_wasi_rights::ReadWrite as u32 + 1;
}

/// What a component wants to do with an address.
/// @since 0.2
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cmabi_wasi_network_use {
    /// Bind a TCP socket to it: to listen there, or to connect from there.
    TcpBind,
    /// Connect to it.
    TcpConnect,
    /// Bind a UDP socket to it.
    UdpBind,
    /// Have a UDP socket exchange datagrams with it only.
    UdpConnect,
    /// Send a datagram to it.
    UdpSend,
}

/// An address of the network.
/// @since 0.2
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct cmabi_wasi_address {
    /// Whether `ip` is an IPv6 address, of 16 bytes; otherwise it is an IPv4 address, of 4.
    pub is_ipv6: bool,
    /// The bytes of the IP address, the first one first.
    pub ip: [u8; 16],
    /// The port; 0 where any will do.
    pub port: u16,
}

/// Reads for a component: puts up to `buffer_len` bytes into `buffer` and their number into `filled`, which is 0
/// before. With `CMABI_STATUS_OK` and no bytes the stream has ended. `CMABI_STATUS_PENDING` where there are no bytes
/// yet: it is called again whenever the store is run and nothing else is ready, so run the store
/// when there are some. Any other status is an I/O error of the stream. It may not use the store, and `buffer` may be
/// memory of the component's, which is there until the callback returns. Where a component only asks whether there
/// is anything, what the callback says then is kept for the component's next read.
/// @since 0.2
pub type cmabi_wasi_read = Option<
    unsafe extern "C" fn(
        data: *mut c_void,
        buffer: *mut u8,
        buffer_len: usize,
        filled: *mut usize,
    ) -> MaybeUninit<cmabi_status>,
>;

/// Takes what a component writes: up to `bytes_len` bytes at `bytes`. The number of those that it has taken goes to
/// `taken`, which is `bytes_len` before. `CMABI_STATUS_PENDING` where it can take none now: it is called again whenever the store is
/// run and nothing else is ready. Any other status is an I/O error of the stream. It may not use the store, and the
/// bytes may be in the component's memory: they are there until the callback returns.
/// @since 0.2
pub type cmabi_wasi_write = Option<
    unsafe extern "C" fn(
        data: *mut c_void,
        bytes: *const u8,
        bytes_len: usize,
        taken: *mut usize,
    ) -> MaybeUninit<cmabi_status>,
>;

/// Says whether a component may use an address so. It may not use the store.
/// @since 0.2
pub type cmabi_wasi_network_check = Option<
    unsafe extern "C" fn(
        data: *mut c_void,
        address: *const cmabi_wasi_address,
        r#use: cmabi_wasi_network_use,
    ) -> bool,
>;

/// Changes a config that C passed.
///
/// # Safety
/// The header's rules for both arguments.
unsafe fn change(
    config: *mut cmabi_wasi_config,
    error: *mut *mut cmabi_error,
    change: impl FnOnce(&mut Config) -> Result<()>,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        change(&mut unsafe { check::required_mut(config, "config") }?.config)
    })
}

/// Makes a config that grants nothing.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_new(
    config: *mut *mut cmabi_wasi_config,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let config = unsafe { check::out_handle(config, "config") }?;
        *config = Box::into_raw(Box::new(cmabi_wasi_config { config: Config::new() }));
        Ok(())
    })
}

/// Frees a config. NULL is fine.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_free(config: *mut cmabi_wasi_config) {
    guard_or((), || {
        if !config.is_null() {
            // SAFETY: the header's rules: the config is the caller's and is freed once.
            drop(unsafe { Box::from_raw(config) });
        }
    });
}

/// Adds an argument of the program. The first one is its name.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_add_arg(
    config: *mut cmabi_wasi_config,
    arg: cmabi_string,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        change(config, error, |config| {
            let text = check::text(arg, "arg")?;
            config.arg(text).map_err(|error| named("arg", error)).map(drop)
        })
    }
}

/// Adds the arguments of this process, its name first.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_inherit_args(
    config: *mut cmabi_wasi_config,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { change(config, error, |config| config.inherit_args().map(drop)) }
}

/// Sets a variable of the environment. `CMABI_STATUS_INVALID_ARGUMENT` for a name that is empty or has a `=` in it.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_set_env(
    config: *mut cmabi_wasi_config,
    name: cmabi_string,
    value: cmabi_string,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        change(config, error, |config| {
            let (name, value) = (check::text(name, "name")?, check::text(value, "value")?);
            config.env(name, value).map_err(|error| named("name", error)).map(drop)
        })
    }
}

/// Sets the variables of this process's environment, but those that are not UTF-8.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_inherit_env(
    config: *mut cmabi_wasi_config,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe { change(config, error, |config| config.inherit_env().map(drop)) }
}

/// Makes a standard stream that of this process.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_inherit_stdio(
    config: *mut cmabi_wasi_config,
    stream: MaybeUninit<cmabi_wasi_stdio>,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        change(config, error, |config| {
            match check::enumerator(stream, "stream")? {
                cmabi_wasi_stdio::Stdin => config.stdin(Input::Inherit),
                cmabi_wasi_stdio::Stdout => config.stdout(Output::Inherit(Stdio::Stdout)),
                cmabi_wasi_stdio::Stderr => config.stderr(Output::Inherit(Stdio::Stderr)),
            };
            Ok(())
        })
    }
}

/// Has a standard stream read or write the file at `path` of the host's. Each store begins to read at the
/// beginning; a file that is written to is emptied, or made, now, and all stores write to its end.
///
/// `CMABI_STATUS_NOT_FOUND` or `CMABI_STATUS_INVALID_ARGUMENT` for a file that cannot be opened.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_set_stdio_file(
    config: *mut cmabi_wasi_config,
    stream: MaybeUninit<cmabi_wasi_stdio>,
    path: cmabi_string,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        change(config, error, |config| {
            let stream = check::enumerator(stream, "stream")?;
            let path = check::path(path, "path")?;
            let opened = |error| named("path", error);
            match stream {
                cmabi_wasi_stdio::Stdin => config.stdin(Input::file(path).map_err(opened)?),
                cmabi_wasi_stdio::Stdout => config.stdout(Output::file(path).map_err(opened)?),
                cmabi_wasi_stdio::Stderr => config.stderr(Output::file(path).map_err(opened)?),
            };
            Ok(())
        })
    }
}

/// Makes standard input the `bytes_len` bytes at `bytes`, which are copied. Each store begins with the first.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_set_stdin_bytes(
    config: *mut cmabi_wasi_config,
    bytes: *const u8,
    bytes_len: usize,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        change(config, error, |config| {
            config.stdin(Input::Bytes(check::slice(bytes, bytes_len, "bytes")?.into()));
            Ok(())
        })
    }
}

/// Has standard input read by a callback. `drop`, which may be NULL, is called with `data` once the config, the
/// linkers that have a copy of it, and the stores that those have instantiated in are gone. With stores on several
/// threads, `read` is called on all of them.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_set_stdin(
    config: *mut cmabi_wasi_config,
    read: cmabi_wasi_read,
    data: *mut c_void,
    drop: cmabi_drop,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    let data = Data::new(data, drop);
    // SAFETY: the header's rules.
    unsafe {
        change(config, error, |config| {
            let read = read.ok_or_else(|| check::invalid("read", "is NULL"))?;
            config.stdin(Input::Host(Arc::new(move |room| {
                let mut len = 0;
                let status = read(data.get(), room.as_mut_ptr(), room.len(), &raw mut len);
                outcome(status, len, room.len())
            })));
            Ok(())
        })
    }
}

/// Has standard output or standard error go to a callback. `data` and `drop` are as for
/// `cmabi_wasi_config_set_stdin`.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_set_output(
    config: *mut cmabi_wasi_config,
    stream: MaybeUninit<cmabi_wasi_stdio>,
    write: cmabi_wasi_write,
    data: *mut c_void,
    drop: cmabi_drop,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    let data = Data::new(data, drop);
    // SAFETY: the header's rules.
    unsafe {
        change(config, error, |config| {
            let write = write.ok_or_else(|| check::invalid("write", "is NULL"))?;
            let output = Output::Host(Arc::new(move |bytes: &[u8]| {
                let mut taken = bytes.len();
                let status = write(data.get(), bytes.as_ptr(), bytes.len(), &raw mut taken);
                outcome(status, taken, bytes.len())
            }));
            match check::enumerator(stream, "stream")? {
                cmabi_wasi_stdio::Stdin => {
                    return Err(check::invalid("stream", "is standard input, not an output"));
                }
                cmabi_wasi_stdio::Stdout => config.stdout(output),
                cmabi_wasi_stdio::Stderr => config.stderr(output),
            };
            Ok(())
        })
    }
}

/// What a callback has answered.
fn outcome(status: MaybeUninit<cmabi_status>, len: usize, most: usize) -> io::Result<usize> {
    match check::enumerator(status, "status") {
        Ok(cmabi_status::Ok) if len <= most => Ok(len),
        Ok(cmabi_status::Ok) => {
            Err(io::Error::other(format!("the host says {len} bytes, of at most {most}")))
        }
        Ok(cmabi_status::Pending) => Err(io::ErrorKind::WouldBlock.into()),
        Ok(status) => Err(io::Error::other(status.text())),
        Err(_) => Err(io::Error::other("the host answered an unknown status")),
    }
}

/// An error that begins with the argument that it is about.
fn named(argument: &str, error: Error) -> Error {
    error.context(format_args!("argument `{argument}`"))
}

/// Has the last `bytes` bytes that each component instance has written to standard error reported with the trap
/// that ends it (`cmabi_error_last_words`): the message of a panic, in most languages. They go where else
/// standard error goes as well; where it is closed, it takes them all the same. The default is 0, which keeps
/// nothing; `CMABI_STATUS_INVALID_ARGUMENT` for more than 1 MiB.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_set_last_words(
    config: *mut cmabi_wasi_config,
    bytes: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        change(config, error, |config| {
            if bytes > 1 << 20 {
                return Err(check::invalid("bytes", "is more than 1048576"));
            }
            config.last_words(bytes as usize);
            Ok(())
        })
    }
}

/// Opens the folder `host_path` for components, which find it as `guest_path`. Nothing outside of it can be reached,
/// whatever links there are in it.
///
/// `CMABI_STATUS_NOT_FOUND` where there is no such folder; `CMABI_STATUS_INVALID_ARGUMENT` for what is none, and for a
/// second folder with the same guest path.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_add_dir(
    config: *mut cmabi_wasi_config,
    host_path: cmabi_string,
    guest_path: cmabi_string,
    rights: MaybeUninit<cmabi_wasi_rights>,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        change(config, error, |config| {
            let host: &Path = check::path(host_path, "host_path")?;
            let guest = check::text(guest_path, "guest_path")?;
            let rights = match check::enumerator(rights, "rights")? {
                cmabi_wasi_rights::ReadOnly => DirRights::ReadOnly,
                cmabi_wasi_rights::ReadWrite => DirRights::ReadWrite,
            };
            config.check_guest_path(guest).map_err(|error| named("guest_path", error))?;
            config.dir(host, guest, rights).map_err(|error| named("host_path", error)).map(drop)
        })
    }
}

/// Allows those uses of the network that `check` accepts. `data` and `drop` are as for `cmabi_wasi_config_set_stdin`.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_set_network(
    config: *mut cmabi_wasi_config,
    check: cmabi_wasi_network_check,
    data: *mut c_void,
    drop: cmabi_drop,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    let data = Data::new(data, drop);
    // SAFETY: the header's rules.
    unsafe {
        change(config, error, |config| {
            let check = check.ok_or_else(|| check::invalid("check", "is NULL"))?;
            config.network(Arc::new(move |address, network_use| {
                let address = to_c(address);
                check(data.get(), &raw const address, use_to_c(network_use))
            }));
            Ok(())
        })
    }
}

fn to_c(address: SocketAddr) -> cmabi_wasi_address {
    let mut ip = [0; 16];
    match address.ip() {
        IpAddr::V4(v4) => ip[..4].copy_from_slice(&v4.octets()),
        IpAddr::V6(v6) => ip = v6.octets(),
    }
    cmabi_wasi_address { is_ipv6: address.is_ipv6(), ip, port: address.port() }
}

fn use_to_c(network_use: NetworkUse) -> cmabi_wasi_network_use {
    match network_use {
        NetworkUse::TcpBind => cmabi_wasi_network_use::TcpBind,
        NetworkUse::TcpConnect => cmabi_wasi_network_use::TcpConnect,
        NetworkUse::UdpBind => cmabi_wasi_network_use::UdpBind,
        NetworkUse::UdpConnect => cmabi_wasi_network_use::UdpConnect,
        NetworkUse::UdpSend => cmabi_wasi_network_use::UdpSend,
    }
}

/// Allows all uses of the network, and to look up names.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_inherit_network(
    config: *mut cmabi_wasi_config,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        change(config, error, |config| {
            config.network(Arc::new(|_, _| true)).name_lookup(true);
            Ok(())
        })
    }
}

/// Allows, or forbids, to look up the addresses of names.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_set_name_lookup(
    config: *mut cmabi_wasi_config,
    allowed: bool,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        change(config, error, |config| {
            config.name_lookup(allowed);
            Ok(())
        })
    }
}

/// Has clocks show a time that passes only while a component waits for it, and waiting take no time: for runs that
/// repeat. The wall clock begins at `nanoseconds` since 1970-01-01 00:00 UTC, the monotonic clock at 0.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_set_fixed_clocks(
    config: *mut cmabi_wasi_config,
    nanoseconds: u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        change(config, error, |config| {
            config.clocks(Clocks::Fixed { wall: nanoseconds });
            Ok(())
        })
    }
}

/// Draws all random numbers from a seed, the same in each store: for runs that repeat, not for secrets.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_set_random_seed(
    config: *mut cmabi_wasi_config,
    seed: u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        change(config, error, |config| {
            config.random_seed(seed);
            Ok(())
        })
    }
}

/// Sets how many resources (streams, pollables, files, sockets) a store may have at once. A guest that
/// makes more traps. The default is 100,000.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_set_max_resources(
    config: *mut cmabi_wasi_config,
    resources: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        change(config, error, |config| {
            config.limits().resources = resources;
            Ok(())
        })
    }
}

/// Sets how many files, directories and sockets a store may have open at once. To open more fails, with an
/// error code of WASI. The default is 1024.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_set_max_descriptors(
    config: *mut cmabi_wasi_config,
    descriptors: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        change(config, error, |config| {
            config.limits().descriptors = descriptors;
            Ok(())
        })
    }
}

/// Sets how many bytes one read or write moves at most, from 4096 on. The default is 1 MiB.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_set_max_buffer_bytes(
    config: *mut cmabi_wasi_config,
    bytes: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        change(config, error, |config| {
            if bytes < MIN_BUFFER {
                return Err(check::invalid("bytes", format_args!("is less than {MIN_BUFFER}")));
            }
            config.limits().buffer = bytes;
            Ok(())
        })
    }
}

/// What a blocking write of WASI has to take.
const MIN_BUFFER: u32 = 4096;

/// Sets how many bytes one call for random bytes gets. A guest that asks for more traps. The default is 1 MiB.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_set_max_random_bytes(
    config: *mut cmabi_wasi_config,
    bytes: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        change(config, error, |config| {
            config.limits().random = bytes;
            Ok(())
        })
    }
}

/// Sets how many pollables a guest may wait for at once. One that waits for more traps. The default is 10,000.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wasi_config_set_max_poll(
    config: *mut cmabi_wasi_config,
    pollables: u32,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    // SAFETY: the header's rules.
    unsafe {
        change(config, error, |config| {
            config.limits().poll = pollables;
            Ok(())
        })
    }
}

/// Offers WASI 0.2 and 0.3 to components, all interfaces but those of `wasi:http`: a component finds them whichever
/// version of 0.2 or 0.3 it was built for, and may import both. Each store that the linker instantiates in has a state of its own, and shares
/// nothing with others. NULL for `config` grants nothing.
///
/// A guest that waits, for time, input or a socket, does not keep the host's thread: the host can run other
/// calls, and its event loop (`cmabi_store_waker`) is woken when the guest can go on. `cmabi_func_call` sleeps until
/// then. While a function whose type is not `async` waits so, as `wasi:cli/run` of 0.2 may, its instance cannot be
/// entered by other calls. That of 0.3 is `async`, and may have more to do when it has returned: `cmabi_store_run`.
///
/// A guest that exits ends its call with `CMABI_STATUS_EXIT`, see `cmabi_error_exit_code`.
///
/// `CMABI_STATUS_INVALID_ARGUMENT` where the linker offers something by one of the names already.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_linker_wasi(
    linker: *mut cmabi_linker,
    config: *const cmabi_wasi_config,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let config = unsafe { config.as_ref() };
        let config = config.map_or_else(Config::new, |config| config.config.clone());
        // SAFETY: the header's rules.
        unsafe { change_linker(linker, |linker| crate::wasi::add_to_linker(linker, config)) }
    })
}
