//! `cmabi run`: a component's program or function, from the command line.

use crate::binary::Binary;
use crate::engine::EngineName;
use crate::grants::Grants;
use crate::output::{Output, complain};
use crate::value::{self, Value};
use cmabi::component::{Cache, Linker};
use cmabi::error::{Error, ErrorKind, Result, Trap, Trapped};
use cmabi::host;
use cmabi::runtime::{self, Store, StoreConfig};
use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Run a component's program, or call one of its functions and print the result
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cmabi run hello.wasm
  cmabi run --dir . sort.wasm -- --reverse names.txt
  cmabi run --invoke 'greet(\"Ada\")' hello.wasm
  cmabi run --invoke 'demo:app/api@1.0.0#sum([1, 2, 3])' --fuel 1000000 app.wasm

A component that exports `wasi:cli/run` is a program: it is run, and its exit status is that of the command.
Otherwise `run()` is called. A component can use the standard streams, clocks and random numbers, and
what the options grant.

Arguments and results of --invoke are written in WAVE, the WebAssembly Value Encoding.
The exit status is 134 if the component trapped or its time was over, and 1 for other errors.")]
pub struct Args {
    /// The component's binary, or what `cmabi compile` has made of it; `-` for standard input
    file: PathBuf,
    /// The program's arguments; after `--` if they begin with a hyphen
    args: Vec<String>,
    /// The function to call, with arguments in WAVE
    #[arg(long, value_name = "CALL")]
    invoke: Option<String>,
    /// Trap after N units of fuel, about one for an instruction
    #[arg(long, value_name = "N", help_heading = "Limits")]
    fuel: Option<u64>,
    /// Let the component's memories and tables together have no more than this many bytes, which can end in
    /// k, m or g [default: 4g]
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, help_heading = "Limits")]
    max_memory: Option<u64>,
    /// Let the component take no more than this many bytes of the host's own memory [default: 256m]
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes, help_heading = "Limits")]
    max_host_memory: Option<u64>,
    /// End the component after this time: in seconds, or ending in ms, s, m or h
    #[arg(long, value_name = "TIME", value_parser = parse_time, help_heading = "Limits")]
    timeout: Option<Duration>,
    /// Run the component though imports are missing: it traps where it calls one. With a name, only for
    /// that import, as in --trap-unknown-imports=wasi:http/types
    #[arg(long, value_name = "IMPORT", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    trap_unknown_imports: Vec<String>,
    /// Draw the order in which ready threads run from seed N [default: first in, first out]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The engine that runs core WebAssembly [default: wasmi, and that of `cmabi compile` for what that has made]
    #[arg(long, value_enum)]
    engine: Option<EngineName>,
    /// Keep compiled code in this folder, and take it from there the next time; wasmi has none
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    #[command(flatten)]
    grants: Grants,
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
        Err(error) => match error.trap().map(|trap| trap.reason()) {
            Some(Trap::Exit { code }) => ExitCode::from(*code),
            reason => {
                let trapped = reason.is_some();
                match error.trap() {
                    Some(trap) => complain(format_args!("wasm trap: {}", Backtrace(trap))),
                    None => complain(&error),
                }
                ExitCode::from(if trapped { TRAPPED } else { 1 })
            }
        },
    }
}

/// A trap as other runtimes print it: why, and a numbered line for each frame.
struct Backtrace<'a>(&'a Trapped);

impl fmt::Display for Backtrace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.summary())?;
        if !self.0.frames().is_empty() {
            f.write_str("\nwasm backtrace:")?;
        }
        for (i, frame) in self.0.frames().iter().enumerate() {
            write!(f, "\n{i:>5}: {frame}")?;
        }
        Ok(())
    }
}

fn run(args: &Args) -> Result<Option<Value>> {
    if let Some(time) = args.timeout {
        end_after(time);
    }
    let file = || args.file.display();
    let binary = Binary::read(&args.file)?;
    let cache = args.cache.as_deref().map(|folder| {
        // Where it cannot be made, the cache says what is wrong with it.
        let _ = std::fs::create_dir_all(folder);
        Cache::new(folder, Cache::MAX_BYTES)
    });
    let cache = cache.transpose()?;
    let engine = args.engine.unwrap_or_else(|| binary.engine()).engine(args.fuel.is_some())?;
    let component = binary.load(&engine, cache.as_ref()).map_err(|error| error.context(file()))?;
    let mut linker = Linker::new();
    cmabi::wasi::add_to_linker(&mut linker, args.grants.config(&file().to_string(), &args.args)?)?;
    if !args.trap_unknown_imports.is_empty() {
        let names = args.trap_unknown_imports.iter().map(String::as_str);
        let names: Vec<_> = match names.clone().any(str::is_empty) {
            true => Vec::new(),
            false => names.collect(),
        };
        linker.trap_unknown_imports(names);
    }
    let mut config = StoreConfig { schedule_seed: args.seed, ..StoreConfig::default() };
    config.engine.fuel = args.fuel;
    config.max_guest_bytes = args.max_memory.unwrap_or(config.max_guest_bytes);
    config.max_host_bytes = args.max_host_memory.unwrap_or(config.max_host_bytes);
    let mut store = Store::new(&*engine, &config)?;
    let instance = linker.instantiate(&mut store.cx(), &component)?;
    if let (Some(id), Some(stem)) = (instance.id(), args.file.file_stem()) {
        runtime::set_label(&mut store.cx(), id, &stem.to_string_lossy())?;
    }
    let program = instance.exports().map(|(name, _)| name).find(|name| is_program(name));
    match (&args.invoke, program) {
        (Some(invoke), _) => {
            let (name, params) = split_call(invoke)?;
            value::call(&mut store, instance.func(name)?, params)
        }
        (None, Some(program)) => {
            let func = instance.func(&format!("{program}#run"))?;
            let end = value::call(&mut store, func, "()")?;
            host::run_out(&mut store.cx())?;
            if end.is_some_and(|end| end.matches("err")) {
                return Err(Error::from(Trapped::from(Trap::Exit { code: 1 })));
            }
            Ok(None)
        }
        (None, None) => value::call(&mut store, instance.func("run")?, "()"),
    }
}

/// Whether an export is the interface of programs.
fn is_program(name: &str) -> bool {
    ["wasi:cli/run@0.2.", "wasi:cli/run@0.3."].iter().any(|run| name.starts_with(run))
}

/// Ends the process when the time is over. What the component has written is written.
fn end_after(time: Duration) {
    std::thread::spawn(move || {
        std::thread::sleep(time);
        complain(format_args!("the component was still running after {time:?}"));
        std::process::exit(TRAPPED.into());
    });
}

fn parse_bytes(text: &str) -> Result<u64, String> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[number.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kib" => 10,
        "m" | "mib" => 20,
        "g" | "gib" => 30,
        unit => return Err(format!("{unit:?} is no unit of bytes: use k, m or g")),
    };
    let number: u64 = number.parse().map_err(|_| format!("{text:?} is no number of bytes"))?;
    number.checked_mul(1 << shift).ok_or_else(|| format!("{text} is too much"))
}

fn parse_time(text: &str) -> Result<Duration, String> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[number.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        unit => return Err(format!("{unit:?} is no unit of time: use ms, s, m or h")),
    };
    let number: f64 = number.parse().map_err(|_| format!("{text:?} is no time"))?;
    Duration::try_from_secs_f64(number * unit).map_err(|error| format!("{text:?}: {error}"))
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
