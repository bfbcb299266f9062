//! The `cmabi` command.

mod engine;
mod output;
mod run;
mod value;
mod wast;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Runs WebAssembly components, and the tests of the component model
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Args),
    Wast(wast::Args),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(args) => run::main(&args),
        Command::Wast(args) => wast::main(&args),
    }
}
