//! `cmabi compile`: a component with its compiled code, in a file.

use crate::binary::Binary;
use crate::engine::EngineName;
use crate::output::complain;
use cmabi::error::{Error, ErrorKind, Result};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Compile a component, so that it need not be compiled when it is loaded
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cmabi compile app.wasm -o app.cmabi
  cmabi run --engine wasmtime app.cmabi

What comes out is for this version of the command and of the engine, and for CPUs that have what this one has.
It is loaded by `cmabi run`, `cmabi_component_load_precompiled_file` and `cmabi::component::load_precompiled_file`.
Like any program, it has to come from somebody whom you trust: it is native code.")]
pub struct Args {
    /// The component's binary; `-` for standard input
    file: PathBuf,
    /// Where the compiled component goes [default: the file's name, ending in .cmabi]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Compile for `cmabi run --fuel`, and for engines whose config sets fuel
    #[arg(long)]
    metered: bool,
    /// The engine that is to run it; wasmi compiles when it loads, and only has less to validate then
    #[arg(long, value_enum, default_value = "wasmtime")]
    engine: EngineName,
}

pub fn main(args: &Args) -> ExitCode {
    match compile(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error);
            ExitCode::FAILURE
        }
    }
}

fn compile(args: &Args) -> Result<()> {
    let output = match &args.output {
        Some(output) => output.clone(),
        None if args.file.as_os_str() == "-" => {
            let what = "--output is missing, with the component on the standard input";
            return Err(Error::new(ErrorKind::InvalidArgument, what));
        }
        None => args.file.with_extension("cmabi"),
    };
    let binary = Binary::read(&args.file)?;
    let engine = args.engine.engine(args.metered)?;
    let component =
        binary.load(&engine, None).map_err(|error| error.context(args.file.display()))?;
    let bytes = component.serialize()?;
    let cannot = |error| Error::new(ErrorKind::NotFound, format!("{}: {error}", output.display()));
    write(&output, &bytes).map_err(cannot)
}

/// Writes a file that others may have mapped: what they have stays as it is.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|file| !file.is_file()) {
        return fs::write(path, bytes);
    }
    // What a link leads to is replaced, not the link.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (new, mut file) = new_beside(&path)?;
    let written = file.write_all(bytes).and_then(|()| fs::rename(&new, &path));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

/// A file in the same folder that was not there: nobody else has put anything in its place.
fn new_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let mut attempt = 0;
    loop {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.{attempt}", std::process::id()));
        let new = path.with_file_name(name);
        match File::create_new(&new) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 100 => {
                attempt += 1
            }
            made => return made.map(|file| (new, file)),
        }
    }
}
