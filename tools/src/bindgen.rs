//! `cmabi bindgen`: host code in C and C++ from WIT.

use clap::ValueEnum;
use cmabi_bindgen::{Error, File, Input, Language, Options, Result, generate};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Generate C or C++ code for hosts from WIT or from a component
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cmabi bindgen --lang cpp --out generated wit/
  cmabi bindgen --lang c --world app --out generated app.wit
  cmabi bindgen --lang cpp --check --out generated app.wasm

C++ is one header, WORLD.hpp; C is WORLD.h and WORLD.c. docs/bindgen.md describes them.
The exit status is 0 if all was written, or is current with --check, and 1 otherwise.")]
pub struct Args {
    /// A folder with a WIT package, a .wit file, or a component
    input: PathBuf,
    /// What to generate
    #[arg(long, value_enum)]
    lang: Lang,
    /// The world to generate for [default: the only one there is]
    #[arg(long, value_name = "NAME")]
    world: Option<String>,
    /// The folder to write to
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// What is around all C++ namespaces, or before all C names
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Let C++ structs be compared
    #[arg(long)]
    equality: bool,
    /// Let C++ structs, enums and flags be written to streams
    #[arg(long)]
    ostream: bool,
    /// Functions with async forms besides those that WIT says are async: `place`, `shop#place`,
    /// `demo:app/shop#place`, ...; or `all`; or `none`, for only those that are named
    #[arg(long = "async", value_name = "NAMES")]
    asyncs: Vec<String>,
    /// Also write a skeleton that implements the imports, unless it is there
    #[arg(long)]
    stubs: bool,
    /// Write nothing, and fail where the files are not what would be written
    #[arg(long)]
    check: bool,
    /// Write a Makefile with what the code depends on
    #[arg(long, value_name = "FILE")]
    depfile: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Lang {
    C,
    Cpp,
}

pub fn main(args: &Args) -> ExitCode {
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let language = match args.lang {
        Lang::C => Language::C,
        Lang::Cpp => Language::Cpp,
    };
    let options = Options {
        namespace: args.namespace.clone(),
        equality: args.equality,
        ostream: args.ostream,
        stubs: args.stubs,
        asyncs: args.asyncs.clone(),
    };
    let input = Input::load(&args.input, args.world.as_deref())?;
    let sources = input.files().to_vec();
    let files = generate(input, language, &options)?;
    if args.check {
        return check(&args.out, &files);
    }
    std::fs::create_dir_all(&args.out).map_err(|error| at(&args.out, &error))?;
    for file in &files {
        write(&args.out.join(&file.name), file)?;
    }
    match &args.depfile {
        Some(depfile) => write_depfile(depfile, &args.out, &files, &sources),
        None => Ok(()),
    }
}

fn check(out: &Path, files: &[File]) -> Result<()> {
    let stale = |file: &&File| {
        let path = out.join(&file.name);
        match std::fs::read_to_string(path) {
            Ok(text) => !file.is_stub && text != file.text,
            Err(_) => true,
        }
    };
    let stale: Vec<_> =
        files.iter().filter(stale).map(|file| out.join(&file.name).display().to_string()).collect();
    if stale.is_empty() {
        return Ok(());
    }
    Err(Error::new(format!("not current: {}; run this without --check", stale.join(", "))))
}

/// A file that has the text already keeps its time, so that nothing is built again.
fn write(path: &Path, file: &File) -> Result<()> {
    let there = std::fs::read_to_string(path);
    if there.as_ref().is_ok_and(|text| file.is_stub || *text == file.text) {
        return Ok(());
    }
    std::fs::write(path, &file.text).map_err(|error| at(path, &error))
}

fn write_depfile(path: &Path, out: &Path, files: &[File], sources: &[PathBuf]) -> Result<()> {
    let escape = |path: &Path| path.display().to_string().replace(' ', "\\ ");
    let targets: Vec<_> = files.iter().map(|file| escape(&out.join(&file.name))).collect();
    let sources: Vec<_> = sources.iter().map(|source| escape(source)).collect();
    let text = format!("{}: {}\n", targets.join(" "), sources.join(" "));
    std::fs::write(path, text).map_err(|error| at(path, &error))
}

fn at(path: &Path, error: &std::io::Error) -> Error {
    Error::new(format!("{}: {error}", path.display()))
}
