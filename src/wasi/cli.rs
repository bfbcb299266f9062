//! `wasi:cli`.

pub(super) mod v3;

use super::Define;
use super::config::{Config, Input, Output};
use super::func::{Answer, Call, Interface};
use super::input::{Inlet, InputStream, inlet};
use super::output::{Outlet, OutputStream, outlet};
use crate::copy::typed::{HostResource, Own};
use crate::error::Trap;
use std::io::{self, IsTerminal};
use std::rc::Rc;

pub(super) const INTERFACES: &[(&str, Define)] = &[
    ("environment", |environment| define_environment(environment, "initial-cwd")),
    EXIT,
    ("stdin", |stdin| stdin.func("get-stdin", &[], get_stdin)),
    ("stdout", |stdout| {
        stdout.func("get-stdout", &[], |call: &mut Call<'_, '_>| {
            call.own(OutputStream::new(&call.state.stdio.stdout))
        })
    }),
    ("stderr", |stderr| {
        stderr.func("get-stderr", &[], |call: &mut Call<'_, '_>| {
            call.own(OutputStream::new(&call.state.stdio.stderr))
        })
    }),
    TERMINALS[0],
    TERMINALS[1],
    TERMINALS[2],
    TERMINALS[3],
    TERMINALS[4],
];

/// The same in all versions.
const TERMINALS: [(&str, Define); 5] = [
    ("terminal-input", |terminal| terminal.resource::<TerminalInput>()),
    ("terminal-output", |terminal| terminal.resource::<TerminalOutput>()),
    ("terminal-stdin", |terminal| {
        terminal.func("get-terminal-stdin", &[], |call: &mut Call<'_, '_>| {
            let inherited = matches!(call.state.config().stdin, Input::Inherit);
            let is_terminal = inherited && io::stdin().is_terminal();
            is_terminal.then(|| call.own(TerminalInput)).transpose()
        })
    }),
    ("terminal-stdout", |terminal| {
        terminal.func("get-terminal-stdout", &[], |call: &mut Call<'_, '_>| {
            let is_terminal = is_terminal(&call.state.config().stdout);
            is_terminal.then(|| call.own(TerminalOutput)).transpose()
        })
    }),
    ("terminal-stderr", |terminal| {
        terminal.func("get-terminal-stderr", &[], |call: &mut Call<'_, '_>| {
            let is_terminal = is_terminal(&call.state.config().stderr);
            is_terminal.then(|| call.own(TerminalOutput)).transpose()
        })
    }),
];

/// The same in all versions.
const EXIT: (&str, Define) = ("exit", |interface| {
    interface.func("exit", &["status"], |_: &mut Call<'_, '_>, status: Result<(), ()>| {
        exit(status.is_err().into())
    })?;
    interface.func("exit-with-code", &["status-code"], |_: &mut Call<'_, '_>, code: u8| exit(code))
});

/// What a program is started with, whose working directory has a function of another name in each version.
fn define_environment(environment: &mut Interface<'_>, cwd: &str) -> crate::error::Result<()> {
    environment.func("get-environment", &[], |call: &mut Call<'_, '_>| {
        Ok(call.state.config().env.clone())
    })?;
    environment.func("get-arguments", &[], |call: &mut Call<'_, '_>| {
        Ok(call.state.config().args.clone())
    })?;
    environment.func(cwd, &[], |_: &mut Call<'_, '_>| Ok(None::<String>))
}

struct TerminalInput;

impl HostResource for TerminalInput {
    const NAME: &'static str = "terminal-input";
}

struct TerminalOutput;

impl HostResource for TerminalOutput {
    const NAME: &'static str = "terminal-output";
}

/// A store's standard streams.
pub(super) struct Stdio {
    stdin: Rc<dyn Inlet>,
    stdout: Rc<Outlet>,
    pub(super) stderr: Rc<Outlet>,
}

impl Stdio {
    pub(super) fn new(config: &Config) -> Self {
        let limit = config.limits.buffer;
        Stdio {
            stdin: inlet(&config.stdin),
            stdout: outlet(&config.stdout, limit),
            stderr: match &config.stderr {
                // Who writes there is heard all the same.
                Output::Closed if config.last_words > 0 => Outlet::nowhere(),
                stderr => outlet(stderr, limit),
            },
        }
    }
}

fn get_stdin(call: &mut Call<'_, '_>) -> Answer<Own<InputStream>> {
    call.own(InputStream::new(call.state.stdio.stdin.clone(), None))
}

fn is_terminal(output: &Output) -> bool {
    match output {
        Output::Inherit(super::Stdio::Stderr) => io::stderr().is_terminal(),
        Output::Inherit(_) => io::stdout().is_terminal(),
        _ => false,
    }
}

fn exit(code: u8) -> Answer<()> {
    Err(Trap::Exit { code }.into())
}
