//! `cmabi inspect`: what is in a binary, without running it.

use crate::engine::EngineName;
use cmabi::component::Component;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::path::PathBuf;
use std::process::ExitCode;
use wasmparser::{
    ComponentNameSectionReader, Encoding, KnownCustom, NameSectionReader, Parser, Payload,
    ProducersSectionReader, Validator, WasmFeatures,
};
use wit_component::{OutputToString, WitPrinter};
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{Function, Resolve, TypeDefKind, WorldItem};

/// Show what a component imports, exports and contains
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cmabi inspect app.wasm
  cmabi inspect --wit app.wasm > app.wit
  cmabi inspect --json app.wasm")]
pub struct Args {
    /// The binary
    file: PathBuf,
    /// Show only the types, as WIT text
    #[arg(long, conflicts_with = "json")]
    wit: bool,
    /// Show everything as JSON
    #[arg(long)]
    json: bool,
}

/// All that there is to say of a binary.
#[derive(Serialize)]
struct Summary {
    /// `component` or `core module`, or `wit package`.
    kind: &'static str,
    bytes: usize,
    name: Option<String>,
    imports: Vec<Item>,
    exports: Vec<Item>,
    core_modules: Vec<CoreModule>,
    components: usize,
    /// The features of core WebAssembly and of the component model without which it is invalid.
    features: Vec<String>,
    producers: Vec<Producer>,
}

/// Something that is imported or exported.
#[derive(Serialize)]
struct Item {
    name: String,
    sort: &'static str,
    functions: Vec<String>,
    resources: Vec<String>,
}

#[derive(Serialize)]
struct CoreModule {
    name: Option<String>,
    bytes: usize,
}

#[derive(Serialize)]
struct Producer {
    field: String,
    name: String,
    version: String,
}

pub fn main(args: &Args) -> ExitCode {
    match run(args) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {}: {error}", args.file.display());
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<String, String> {
    let bytes = std::fs::read(&args.file).map_err(text)?;
    if !bytes.starts_with(b"\0asm") {
        // The library has words for what it may be.
        let engine = EngineName::Wasmi.engine(false).map_err(text)?;
        return Err(text(
            Component::load(&engine, &bytes).map(drop).expect_err("this is no binary"),
        ));
    }
    let mut summary = contents(&bytes)?;
    if summary.kind == "component" {
        let decoded = decode(&bytes).map_err(|error| format!("{error:#}"))?;
        if args.wit {
            return wit(&decoded);
        }
        types(&decoded, &mut summary);
    } else if args.wit {
        return Err(format!("a core module has no types of WIT: {TO_COMPONENT}"));
    }
    if args.json {
        return serde_json::to_string_pretty(&summary).map(|json| json + "\n").map_err(text);
    }
    Ok(summary.to_string())
}

const TO_COMPONENT: &str = "to make a component of it, use `wasm-tools component embed` with its WIT and \
                            then `wasm-tools component new`";

fn text(error: impl Display) -> String {
    error.to_string()
}

/// What is in the sections.
fn contents(bytes: &[u8]) -> Result<Summary, String> {
    let mut summary = Summary {
        kind: "component",
        bytes: bytes.len(),
        name: None,
        imports: Vec::new(),
        exports: Vec::new(),
        core_modules: Vec::new(),
        components: 0,
        features: features(bytes)?,
        producers: Vec::new(),
    };
    // What is open, with the index of the core module that it is.
    let mut open: Vec<Option<usize>> = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(text)? {
            Payload::Version { encoding: Encoding::Module, range, .. } if range.start == 0 => {
                summary.kind = "core module";
                open.push(None);
            }
            Payload::Version { range, .. } if range.start == 0 => open.push(None),
            Payload::ModuleSection { unchecked_range, .. } => {
                open.push(Some(summary.core_modules.len()));
                summary.core_modules.push(CoreModule {
                    name: None,
                    bytes: (unchecked_range.end - unchecked_range.start) as usize,
                });
            }
            Payload::ComponentSection { .. } => {
                open.push(None);
                summary.components += 1;
            }
            Payload::End(_) => drop(open.pop()),
            Payload::CustomSection(section) => match section.as_known() {
                KnownCustom::Name(names) => {
                    let name = module_name(names);
                    match open.last() {
                        Some(Some(index)) => summary.core_modules[*index].name = name,
                        _ if open.len() == 1 => summary.name = name,
                        _ => {}
                    }
                }
                KnownCustom::ComponentName(names) if open.len() == 1 => {
                    summary.name = component_name(names);
                }
                KnownCustom::Producers(producers) => {
                    add_producers(&mut summary.producers, producers);
                }
                _ => {}
            },
            _ => {}
        }
    }
    Ok(summary)
}

fn module_name(names: NameSectionReader<'_>) -> Option<String> {
    names.into_iter().flatten().find_map(|name| match name {
        wasmparser::Name::Module { name, .. } => Some(name.to_owned()),
        _ => None,
    })
}

fn component_name(names: ComponentNameSectionReader<'_>) -> Option<String> {
    names.into_iter().flatten().find_map(|name| match name {
        wasmparser::ComponentName::Component { name, .. } => Some(name.to_owned()),
        _ => None,
    })
}

/// Adds what a producers section says and was not said before. One that is malformed says nothing.
fn add_producers(to: &mut Vec<Producer>, producers: ProducersSectionReader<'_>) {
    for field in producers.into_iter().flatten() {
        for value in field.values.into_iter().flatten() {
            let known = to.iter().any(|known| {
                (&*known.field, &*known.name, &*known.version)
                    == (field.name, value.name, value.version)
            });
            if !known {
                to.push(Producer {
                    field: field.name.to_owned(),
                    name: value.name.to_owned(),
                    version: value.version.to_owned(),
                });
            }
        }
    }
}

/// The features without which the binary is invalid: each is left out in turn.
fn features(bytes: &[u8]) -> Result<Vec<String>, String> {
    let is_valid = |features| Validator::new_with_features(features).validate_all(bytes);
    is_valid(WasmFeatures::all()).map_err(text)?;
    let mut needed = BTreeSet::new();
    for (name, feature) in WasmFeatures::all().iter_names() {
        // What every engine has is not worth a word, nor is the component model for a component.
        let common = WasmFeatures::WASM1 | WasmFeatures::COMPONENT_MODEL | WasmFeatures::GC_TYPES;
        if !common.intersects(feature) && is_valid(WasmFeatures::all() - feature).is_err() {
            needed.insert(name.to_lowercase().replace('_', "-"));
        }
    }
    Ok(needed.into_iter().collect())
}

fn wit(decoded: &DecodedWasm) -> Result<String, String> {
    let (resolve, main) = (decoded.resolve(), decoded.package());
    let others: Vec<_> =
        resolve.packages.iter().map(|(id, _)| id).filter(|&id| id != main).collect();
    let mut printer = WitPrinter::<OutputToString>::default();
    printer.print(resolve, main, &others).map_err(|error| format!("{error:#}"))?;
    Ok(printer.output.to_string() + "\n")
}

/// What is imported and exported.
fn types(decoded: &DecodedWasm, summary: &mut Summary) {
    let DecodedWasm::Component(resolve, world) = decoded else {
        summary.kind = "wit package";
        return;
    };
    let world = &resolve.worlds[*world];
    let item = |(key, item): (&wit_parser::WorldKey, &WorldItem)| {
        self::item(resolve, resolve.name_world_key(key), item)
    };
    summary.imports = world.imports.iter().filter_map(item).collect();
    summary.exports = world.exports.iter().filter_map(item).collect();
}

fn item(resolve: &Resolve, name: String, item: &WorldItem) -> Option<Item> {
    let (mut functions, mut resources) = (Vec::new(), Vec::new());
    let sort = match item {
        WorldItem::Interface { id, .. } => {
            let interface = &resolve.interfaces[*id];
            functions.extend(interface.functions.values().map(signature));
            let is_resource = |id| matches!(resolve.types[id].kind, TypeDefKind::Resource);
            let named = interface.types.iter().filter(|(_, id)| is_resource(**id));
            resources.extend(named.map(|(name, _)| name.clone()));
            "interface"
        }
        WorldItem::Function(function) => {
            functions.push(signature(function));
            "function"
        }
        WorldItem::Type { id, .. } if matches!(resolve.types[*id].kind, TypeDefKind::Resource) => {
            resources.push(name.clone());
            "resource"
        }
        WorldItem::Type { .. } => return None,
    };
    Some(Item { name, sort, functions, resources })
}

/// The name of a function, and whether it is `async`.
fn signature(function: &Function) -> String {
    let sort = if function.kind.is_async() { "async " } else { "" };
    format!("{sort}{}", function.name)
}

impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_ref().map(|name| format!(" {name:?}")).unwrap_or_default();
        writeln!(f, "{}{name}, {} bytes", self.kind, self.bytes)?;
        if self.kind == "core module" {
            writeln!(f, "\nThis is no component: {TO_COMPONENT}.")?;
        }
        for (title, items) in [("imports", &self.imports), ("exports", &self.exports)] {
            if !items.is_empty() {
                writeln!(f, "\n{title}:")?;
                items.iter().try_for_each(|item| write!(f, "{item}"))?;
            }
        }
        if !self.core_modules.is_empty() {
            writeln!(f, "\ncore modules:")?;
            for (i, module) in self.core_modules.iter().enumerate() {
                let name = module.name.as_deref().unwrap_or("without a name");
                writeln!(f, "  {i}: {name}, {} bytes", module.bytes)?;
            }
        }
        if self.components > 0 {
            writeln!(f, "\ncomponents inside: {}", self.components)?;
        }
        let features = match self.features.as_slice() {
            [] => "none beyond the first version of WebAssembly".to_owned(),
            features => features.join(", "),
        };
        writeln!(f, "\nfeatures: {features}")?;
        if !self.producers.is_empty() {
            writeln!(f, "\nproducers:")?;
            for Producer { field, name, version } in &self.producers {
                writeln!(f, "  {field}: {}", format!("{name} {version}").trim_end())?;
            }
        }
        Ok(())
    }
}

impl Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What a function is called says whether it is `async`.
        let name = if self.sort == "function" { &self.functions[0] } else { &self.name };
        writeln!(f, "  {} {name}", self.sort)?;
        if self.sort != "interface" {
            return Ok(());
        }
        for resource in &self.resources {
            writeln!(f, "    resource {resource}")?;
        }
        for function in &self.functions {
            writeln!(f, "    {function}")?;
        }
        Ok(())
    }
}
