//! What the command line grants to a component.

use cmabi::error::{Error, ErrorKind, Result};
use cmabi::wasi::{Config, DirRights, Input, Output, Stdio};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Options of `cmabi run` that let a component use something of the system's.
#[derive(clap::Args)]
#[command(next_help_heading = "Grants")]
pub struct Grants {
    /// Open a folder for the component, which knows it as GUEST, or by the same path; with `:ro` for
    /// reading only
    #[arg(long = "dir", value_name = "HOST[::GUEST][:ro]")]
    dirs: Vec<String>,
    /// Set a variable of the component's environment; without a value, to that in this process
    #[arg(long = "env", value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Set all variables of this process's environment
    #[arg(long)]
    inherit_env: bool,
    /// Allow all of the network, and the look-up of names
    #[arg(long)]
    inherit_network: bool,
    /// Allow the use of an IP address, or of one port of it
    #[arg(long, value_name = "ADDRESS[:PORT]")]
    allow_net: Vec<String>,
    /// Read standard input from a file
    #[arg(long, value_name = "FILE")]
    stdin: Option<PathBuf>,
    /// Write standard output to a file
    #[arg(long, value_name = "FILE")]
    stdout: Option<PathBuf>,
}

impl Grants {
    /// What is granted to the program `name` with these arguments.
    pub fn config(&self, name: &str, args: &[String]) -> Result<Config> {
        let mut config = Config::new();
        config.arg(name)?;
        for arg in args {
            config.arg(arg)?;
        }
        if self.inherit_env {
            config.inherit_env()?;
        }
        for variable in &self.env {
            match variable.split_once('=') {
                Some((name, value)) => config.env(name, value).map(drop),
                None => match std::env::var(variable) {
                    Ok(value) => config.env(variable, &value).map(drop),
                    Err(_) => Ok(()),
                },
            }
            .map_err(|error| error.context("--env"))?;
        }
        for dir in &self.dirs {
            let (host, guest, rights) = split_dir(dir);
            config.dir(Path::new(host), guest, rights).map_err(|error| error.context("--dir"))?;
        }
        config.stdin(match &self.stdin {
            Some(path) => Input::file(path).map_err(|error| error.context("--stdin"))?,
            None => Input::Inherit,
        });
        config.stdout(match &self.stdout {
            Some(path) => Output::file(path).map_err(|error| error.context("--stdout"))?,
            None => Output::Inherit(Stdio::Stdout),
        });
        config.stderr(Output::Inherit(Stdio::Stderr));
        self.network(&mut config)?;
        Ok(config)
    }

    fn network(&self, config: &mut Config) -> Result<()> {
        if self.inherit_network {
            config.network(Arc::new(|_, _| true)).name_lookup(true);
            return Ok(());
        }
        let allowed = self.allow_net.iter().map(|text| parse_address(text));
        let allowed = allowed.collect::<Result<Vec<_>>>()?;
        if !allowed.is_empty() {
            config.network(Arc::new(move |address: SocketAddr, _| {
                let fits = |(ip, port): &(IpAddr, Option<u16>)| {
                    *ip == address.ip() && port.is_none_or(|port| port == address.port())
                };
                allowed.iter().any(fits)
            }));
        }
        Ok(())
    }
}

/// The parts of `HOST[::GUEST][:ro]`.
fn split_dir(text: &str) -> (&str, &str, DirRights) {
    let (text, rights) = match text.strip_suffix(":ro") {
        Some(text) => (text, DirRights::ReadOnly),
        None => (text, DirRights::ReadWrite),
    };
    let (host, guest) = text.split_once("::").unwrap_or((text, text));
    (host, guest, rights)
}

/// An address with or without a port.
fn parse_address(text: &str) -> Result<(IpAddr, Option<u16>)> {
    if let Ok(ip) = text.trim_matches(['[', ']']).parse() {
        return Ok((ip, None));
    }
    let address: SocketAddr = text.parse().map_err(|_| {
        let what = format!("--allow-net: {text:?} is not an IP address, or one with a port");
        Error::new(ErrorKind::InvalidArgument, what)
    })?;
    Ok((address.ip(), Some(address.port())))
}
