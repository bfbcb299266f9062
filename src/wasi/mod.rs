//! WASI 0.2 for components: what a program expects of an operating system, as far as the host grants it.
//!
//! This room uses the library as any host does: its functions are host functions, its streams, files
//! and sockets are host resources. [`add_to_linker`] offers them; what they may do is in a [`Config`].
//! Nothing is granted by default: no arguments, no environment, closed standard streams, no folder, no
//! network.
//!
//! | file | what |
//! |---|---|
//! | `wasi.wit` | the signatures of all interfaces, which a test compares with those below |
//! | `config` | what is granted |
//! | `func` | functions of Rust as host functions, whose types are the Rust types |
//! | `state` | what each store has: resources, and the calls that wait |
//! | `reactor` | the one thread that waits for time and descriptors |
//! | `source` | what can be waited for |
//! | `work` | threads for what blocks |
//! | `io`, `input`, `output` | `wasi:io`, and the streams behind it |
//! | `cli`, `clocks`, `random` | the packages of these names |
//! | `filesystem`, `sockets` | the same, a folder each |
//!
//! **Waiting.** A function that has to wait says for what ([`source::Source`]) and is called again when
//! that is there, until it has an answer. Meanwhile its call is pending like that of any host function:
//! the guest is suspended, and no thread of the host's is kept.

mod cli;
mod clocks;
mod config;
mod filesystem;
mod func;
mod input;
mod io;
mod output;
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

/// The version of the interfaces: any other 0.2 finds them as well.
const VERSION: &str = "0.2.12";

/// Offers all interfaces of WASI 0.2 but `wasi:http` to components. Each store that the linker instantiates in
/// has a state of its own. An error if something is defined already by one of the names.
pub fn add_to_linker(linker: &mut Linker, config: Config) -> Result<()> {
    let world = Arc::new(World::new(config));
    define(&mut |package, interface, define| {
        let name = format!("wasi:{package}/{interface}@{VERSION}");
        let mut interface = Interface::new(linker.instance(&name)?, &world);
        define(&mut interface)
    })
}

type Define = fn(&mut Interface<'_>) -> Result<()>;

/// Goes through all interfaces: the package, the name, and what defines its items.
fn define(each: &mut dyn FnMut(&str, &str, Define) -> Result<()>) -> Result<()> {
    let packages: [(&str, &[(&str, Define)]); _] = [
        ("io", io::INTERFACES),
        ("clocks", clocks::INTERFACES),
        ("random", random::INTERFACES),
        ("cli", cli::INTERFACES),
        ("filesystem", filesystem::INTERFACES),
        ("sockets", sockets::INTERFACES),
    ];
    for (package, interfaces) in packages {
        for (interface, define) in interfaces {
            each(package, interface, *define)?;
        }
    }
    Ok(())
}
