//! Where worlds come from: folders and files of WIT, and component binaries.

use crate::{Error, Result};
use heck::ToKebabCase;
use std::path::{Path, PathBuf};
use wasmparser::{Encoding, Parser, Payload};
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{PackageId, Resolve, WorldId};

/// WIT that was read, with the world that code is generated for.
pub struct Input {
    pub(crate) resolve: Resolve,
    pub(crate) world: WorldId,
    /// What the generated files say they are made of.
    pub(crate) name: String,
    files: Vec<PathBuf>,
}

impl Input {
    /// Reads a folder with a package and perhaps `deps/`, a `.wit` file, a WIT package as a binary, or a
    /// component, and chooses the world: `world`, or the only one.
    pub fn load(path: &Path, world: Option<&str>) -> Result<Input> {
        let name = file_name(path);
        if is_binary(path)? {
            return Input::of_binary(path, name, world);
        }
        let mut resolve = Resolve { all_features: true, ..Resolve::default() };
        let (package, files) = match resolve.push_path(path) {
            Ok((package, sources)) => {
                (package, sources.paths().map(Path::to_owned).collect::<Vec<_>>())
            }
            Err(error) => return Err(Error::new(resolve.render_error(&error))),
        };
        Ok(Input { world: select(&resolve, package, world)?, resolve, name, files })
    }

    /// Reads the text of one package; `name` is what messages and the generated files call it.
    pub fn parse(name: &str, text: &str, world: Option<&str>) -> Result<Input> {
        let mut resolve = Resolve { all_features: true, ..Resolve::default() };
        let package = match resolve.push_source(name, text) {
            Ok(package) => package,
            Err(error) => return Err(Error::new(resolve.render_error(&error))),
        };
        let world = select(&resolve, package, world)?;
        Ok(Input { resolve, world, name: name.into(), files: Vec::new() })
    }

    fn of_binary(path: &Path, name: String, world: Option<&str>) -> Result<Input> {
        let bytes = read(path)?;
        let files = vec![path.to_owned()];
        refuse_core_module(&bytes, path)?;
        match decode(&bytes)
            .map_err(|error| Error::new(format!("{}: {error:#}", path.display())))?
        {
            DecodedWasm::WitPackage(resolve, package) => {
                Ok(Input { world: select(&resolve, package, world)?, resolve, name, files })
            }
            DecodedWasm::Component(mut resolve, id) => {
                // A component does not know what its world is called.
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                rename(
                    &mut resolve,
                    id,
                    match world.unwrap_or(&stem).to_kebab_case() {
                        name if name.starts_with(|c: char| c.is_ascii_alphabetic()) => name,
                        name => format!("world-{name}"),
                    },
                );
                Ok(Input { resolve, world: id, name, files })
            }
        }
    }

    /// The files that were read.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The name of the world, as WIT has it.
    pub fn world(&self) -> &str {
        &self.resolve.worlds[self.world].name
    }
}

fn rename(resolve: &mut Resolve, world: WorldId, name: String) {
    let package = resolve.worlds[world].package.expect("a world that was decoded is in a package");
    let worlds = &mut resolve.packages[package].worlds;
    worlds.shift_remove(&resolve.worlds[world].name);
    worlds.insert(name.clone(), world);
    resolve.worlds[world].name = name;
}

fn file_name(path: &Path) -> String {
    // `wit/` and `.` have names, too, as far as the file system tells.
    let whole = path.canonicalize();
    let name = whole.as_deref().unwrap_or(path).file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Error::new(format!("{}: {error}", path.display())))
}

fn is_binary(path: &Path) -> Result<bool> {
    if path.is_dir() {
        return Ok(false);
    }
    Ok(read(path)?.starts_with(b"\0asm"))
}

/// A core module has no types that code could be generated for.
fn refuse_core_module(bytes: &[u8], path: &Path) -> Result<()> {
    match Parser::new(0).parse_all(bytes).next() {
        Some(Ok(Payload::Version { encoding: Encoding::Module, .. })) => Err(Error::new(format!(
            "{}: a core module, not a component: `wasm-tools component new` makes one of it, after \
             `wasm-tools component embed` where it does not say which world it is for",
            path.display()
        ))),
        _ => Ok(()),
    }
}

fn select(resolve: &Resolve, package: PackageId, world: Option<&str>) -> Result<WorldId> {
    // As messages name them. The parser's names are those of WIT, with `%` before keywords.
    let named = resolve.worlds.iter().find(|(_, known)| {
        let Some(of) = known.package else { return false };
        let whole = || resolve.id_of_name(of, &known.name);
        world.is_some_and(|name| (of == package && name == known.name) || name == whole())
    });
    if let Some((id, _)) = named {
        return Ok(id);
    }
    resolve.select_world(&[package], world).map_err(|error| {
        let worlds: Vec<_> = (resolve.worlds.iter())
            .filter_map(|(_, world)| Some(resolve.id_of_name(world.package?, &world.name)))
            .collect();
        match (world, worlds.as_slice()) {
            (Some(_), [_, ..]) => Error::new(format!("{error:#}; there are {}", worlds.join(", "))),
            _ => Error::new(format!("{error:#}")),
        }
    })
}
