//! The `cmabi` command.

mod binary;
mod bindgen;
mod compile;
mod engine;
mod grants;
mod inspect;
mod output;
mod run;
mod value;
mod wast;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Runs WebAssembly components, generates code for their hosts, and runs the tests of the component model
#[derive(Parser)]
#[command(name = "cmabi", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Bindgen(bindgen::Args),
    Compile(compile::Args),
    Inspect(inspect::Args),
    Run(run::Args),
    Wast(wast::Args),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Bindgen(args) => bindgen::main(&args),
        Command::Compile(args) => compile::main(&args),
        Command::Inspect(args) => inspect::main(&args),
        Command::Run(args) => run::main(&args),
        Command::Wast(args) => wast::main(&args),
    }
}
