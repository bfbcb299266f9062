//! `cmabi wast`: scripts in the format of the specification's tests.

mod component;
mod core;
mod file;
mod reach;
mod script;
mod trap;

use crate::engine::EngineName;
use crate::output::{Output, complain};
use cmabi::engine::Engine;
use cmabi::runtime::StoreConfig;
use file::Report;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Run test scripts: prints a line for each file, each failure, and the total
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cmabi wast component-model/test
  cmabi wast --filter async --seeds 20 component-model/test
  cmabi wast --seed 7 one-test.wast

The exit status is 0 if all passed, 1 if not, 2 if there was nothing to run.")]
pub struct Args {
    /// Scripts, or directories that are searched for files named *.wast
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only run files with TEXT in their path
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Draw the order in which ready threads run from seed N [default: first in, first out]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Run each file under N schedules: seeds from --seed on, or from 1
    #[arg(long, value_name = "N")]
    seeds: Option<u64>,
    /// Follow the specification's text, not its tests, where they contradict each other
    #[arg(long)]
    text: bool,
    /// Seconds that a file may take under one schedule
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    timeout: u64,
    /// MiB that all memories and tables of a store may have together
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    max_memory_mib: u64,
    /// The engine that runs core WebAssembly
    #[arg(long, value_enum, default_value = "wasmi")]
    engine: EngineName,
}

pub fn main(args: &Args) -> ExitCode {
    let files = match find(args) {
        Ok(files) => files,
        Err(message) => {
            complain(message);
            return ExitCode::from(2);
        }
    };
    let engine = match args.engine.engine(false) {
        Ok(engine) => engine,
        Err(error) => {
            complain(error);
            return ExitCode::from(2);
        }
    };
    let mut out = Output::new();
    let mut total = Report::default();
    let written = run(args, &engine, &files, &mut out, &mut total);
    out.finish(written, ExitCode::from(u8::from(total.failed > 0)))
}

fn run(
    args: &Args,
    engine: &Arc<dyn Engine>,
    files: &[PathBuf],
    out: &mut Output,
    total: &mut Report,
) -> std::io::Result<()> {
    for (index, file) in files.iter().enumerate() {
        progress(&format!("{}/{} {}", index + 1, files.len(), file.display()));
        let mut report = Report::default();
        for schedule_seed in schedules(args) {
            let config = StoreConfig {
                schedule_seed,
                tests_over_text: !args.text,
                max_guest_bytes: args.max_memory_mib.saturating_mul(1 << 20),
                ..StoreConfig::default()
            };
            let limit = Duration::from_secs(args.timeout);
            report.add(file::run(file, engine, &config, limit));
            if report.timed_out {
                break;
            }
        }
        progress("");
        out.line(format_args!("{}: {}", file.display(), report.counts()))?;
        report.failures.iter().try_for_each(|failure| out.line(failure))?;
        total.add(report);
    }
    out.line(total.counts())
}

/// The seeds to run each file with; `None` is the order first in, first out.
fn schedules(args: &Args) -> Vec<Option<u64>> {
    match args.seeds {
        None => vec![args.seed],
        Some(count) => {
            let first = args.seed.unwrap_or(1);
            (0..count).map(|offset| Some(first.wrapping_add(offset))).collect()
        }
    }
}

/// Shows what is being run, where somebody watches.
fn progress(text: &str) {
    let mut out = std::io::stderr();
    if out.is_terminal() {
        // Nothing depends on the line being seen.
        let _ = write!(out, "\r\x1b[K{text}").and_then(|()| out.flush());
    }
}

/// The files to run, in the order of the paths and then by name.
fn find(args: &Args) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in &args.paths {
        if path.is_dir() {
            let before = files.len();
            walk(path, &mut files).map_err(|error| format!("{}: {error}", path.display()))?;
            if files.len() == before {
                return Err(format!("{} has no .wast files", path.display()));
            }
        } else {
            files.push(path.clone());
        }
    }
    if let Some(filter) = &args.filter {
        files.retain(|file| file.to_string_lossy().contains(filter.as_str()));
        if files.is_empty() {
            return Err(format!("no file has {filter:?} in its path"));
        }
    }
    Ok(files)
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "wast") {
            files.push(path);
        }
    }
    Ok(())
}
