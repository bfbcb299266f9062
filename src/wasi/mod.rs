//! WASI 0.2 and 0.3 for components: what a program expects of an operating system, as far as the host grants it.
//!
//! This room uses the library as any host does: its functions are host functions, its streams, files
//! and sockets are host resources. [`add_to_linker`] offers them; what they may do is in a [`Config`].
//! Nothing is granted by default: no arguments, no environment, closed standard streams, no folder, no
//! network.
//!
//! | file | what |
//! |---|---|
//! | `wasi.wit`, `wasi-0.3.wit` | the signatures of all interfaces, which a test compares with those below |
//! | `config` | what is granted |
//! | `func` | functions of Rust as host functions, whose types are the Rust types |
//! | `state` | what each store has: resources, and the calls that wait |
//! | `reactor` | the one thread that waits for time and descriptors |
//! | `source` | what can be waited for |
//! | `work` | threads for what blocks |
//! | `io`, `input`, `output` | `wasi:io`, and the streams behind it |
//! | `cli`, `clocks`, `random` | the packages of these names |
//! | `filesystem`, `sockets` | the same, a folder each |
//! | `pipe` | the host's ends of streams and futures |
//! | `v3` in a package | what differs in WASI 0.3: streams, futures and `async` functions, where 0.2 has resources to wait for |
//!
//! **Waiting.** A function that has to wait says for what ([`source::Source`]) and is called again when
//! that is there, until it has an answer. Meanwhile its call is pending like that of any host function:
//! the guest is suspended, or where the function is `async` goes on, and no thread of the host's is kept. What moves
//! the bytes of streams waits in the same way.

mod cli;
mod clocks;
mod config;
mod filesystem;
mod func;
mod input;
mod io;
mod output;
mod pipe;
mod random;
mod reactor;
mod sockets;
mod source;
mod state;
#[cfg(test)]
mod tests;
mod work;

pub use config::{
    Clocks, Config, DirRights, Input, Limits, NetworkCheck, NetworkUse, Output, Read, Stdio, Write,
};

use crate::component::Linker;
use crate::error::Result;
use func::Interface;
use state::World;
use std::sync::Arc;

/// The versions of the interfaces, of each the newest: whatever is compatible finds them as well.
const VERSIONS: [(&str, &[Package]); 2] = [("0.2.12", PACKAGES), ("0.3.2", PACKAGES_3)];

/// A package, with its interfaces and what defines the items of each.
type Package = (&'static str, &'static [(&'static str, Define)]);

/// The packages of WASI 0.2.
const PACKAGES: &[Package] = &[
    ("io", io::INTERFACES),
    ("clocks", clocks::INTERFACES),
    ("random", random::INTERFACES),
    ("cli", cli::INTERFACES),
    ("filesystem", filesystem::INTERFACES),
    ("sockets", sockets::INTERFACES),
];

/// The packages of WASI 0.3, but for interfaces that have only types.
const PACKAGES_3: &[Package] = &[
    ("clocks", clocks::v3::INTERFACES),
    ("random", random::v3::INTERFACES),
    ("cli", cli::v3::INTERFACES),
    ("filesystem", filesystem::v3::INTERFACES),
    ("sockets", sockets::v3::INTERFACES),
];

/// Offers all interfaces of WASI 0.2 and 0.3 but `wasi:http` to components, which may import both. Each store
/// that the linker instantiates in has a state of its own. An error if something is defined already by one of the
/// names.
pub fn add_to_linker(linker: &mut Linker, config: Config) -> Result<()> {
    let world = Arc::new(World::new(config));
    define(&mut |name, define| {
        let mut interface = Interface::new(linker.instance(name)?, &world);
        define(&mut interface)
    })
}

type Define = fn(&mut Interface<'_>) -> Result<()>;

/// Goes through all interfaces: the full name, and what defines its items.
fn define(each: &mut dyn FnMut(&str, Define) -> Result<()>) -> Result<()> {
    for (version, packages) in VERSIONS {
        for (package, interfaces) in packages {
            for (interface, define) in *interfaces {
                each(&format!("wasi:{package}/{interface}@{version}"), *define)?;
            }
        }
    }
    Ok(())
}
