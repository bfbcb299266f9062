//! Compiles WebAssembly text to binaries: `compile-guests OUT_DIR FILE.wat...`.

use std::path::{Path, PathBuf};
use std::{env, fs, process};

fn compile(source: &Path, out_dir: &Path) -> Result<(), String> {
    let wasm = wat::parse_file(source).map_err(|error| error.to_string())?;
    let name = source.file_stem().ok_or_else(|| format!("{}: not a file", source.display()))?;
    let target = out_dir.join(name).with_extension("wasm");
    fs::write(&target, wasm).map_err(|error| format!("{}: {error}", target.display()))
}

fn main() {
    let mut args = env::args_os().skip(1).map(PathBuf::from);
    let Some(out_dir) = args.next() else {
        eprintln!("usage: compile-guests OUT_DIR FILE.wat...");
        process::exit(2);
    };
    let result = fs::create_dir_all(&out_dir).map_err(|error| error.to_string());
    if let Err(message) = result.and_then(|()| args.try_for_each(|file| compile(&file, &out_dir))) {
        eprintln!("{message}");
        process::exit(1);
    }
}
