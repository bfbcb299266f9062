//! `cmabi run`: a component's function, from the command line.

use crate::engine::EngineName;
use crate::output::{Output, complain};
use crate::value;
use cmabi::component::{Component, Linker};
use cmabi::error::{Error, ErrorKind, Result};
use cmabi::runtime::{Store, StoreConfig};
use std::path::PathBuf;
use std::process::ExitCode;

/// Call an exported function of a component and print its result
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cmabi run hello.wasm
  cmabi run --invoke 'greet(\"Ada\")' hello.wasm
  cmabi run --invoke 'demo:app/api@1.0.0#sum([1, 2, 3])' --fuel 1000000 app.wasm

Arguments and results are written in WAVE, the WebAssembly Value Encoding.
The exit status is 0 if the function returned, 134 if it trapped, and 1 for all else.")]
pub struct Args {
    /// The component's binary
    file: PathBuf,
    /// The function to call, with arguments in WAVE
    #[arg(long, value_name = "CALL", default_value = "run()")]
    invoke: String,
    /// Trap after N units of fuel, about one for an instruction
    #[arg(long, value_name = "N")]
    fuel: Option<u64>,
    /// Draw the order in which ready threads run from seed N [default: first in, first out]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The engine that runs core WebAssembly
    #[arg(long, value_enum, default_value = "wasmi")]
    engine: EngineName,
}

/// What a shell says of a program that aborted, and other runtimes of a trap.
const TRAPPED: u8 = 134;

pub fn main(args: &Args) -> ExitCode {
    match run(args) {
        Ok(Some(result)) => {
            let mut out = Output::new();
            let written = out.line(result);
            out.finish(written, ExitCode::SUCCESS)
        }
        Ok(None) => ExitCode::SUCCESS,
        Err(error) => {
            let trapped = error.trap().is_some();
            complain(format_args!("{}{error}", if trapped { "wasm trap: " } else { "" }));
            ExitCode::from(if trapped { TRAPPED } else { 1 })
        }
    }
}

fn run(args: &Args) -> Result<Option<value::Value>> {
    let file = || args.file.display();
    let (name, params) = split_call(&args.invoke)?;
    let wasm = std::fs::read(&args.file)
        .map_err(|error| Error::new(ErrorKind::NotFound, format!("{}: {error}", file())))?;
    let engine = args.engine.engine();
    let component = Component::load(&engine, &wasm).map_err(|error| error.context(file()))?;
    let mut config = StoreConfig { schedule_seed: args.seed, ..StoreConfig::default() };
    config.engine.fuel = args.fuel;
    let mut store = Store::new(&*engine, &config)?;
    let instance = Linker::new().instantiate(&mut store.cx(), &component)?;
    value::call(&mut store, instance.func(name)?, params)
}

/// The name and the parenthesized arguments of `name(…)`.
fn split_call(call: &str) -> Result<(&str, &str)> {
    let call = call.trim();
    match call.find('(') {
        Some(open) if call.ends_with(')') => Ok((call[..open].trim(), &call[open..])),
        _ => {
            let what = format!("{call:?} is not a call: write name(arguments), or name()");
            Err(Error::new(ErrorKind::InvalidArgument, what))
        }
    }
}
