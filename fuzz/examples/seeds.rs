//! Writes what the corpora begin with: for the target `component` the components of the library's
//! tests, for the others bytes that nobody has chosen.

use std::fs;
use std::path::Path;
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};
use wast::{QuoteWat, Wast, WastDirective, Wat};

fn main() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = |target: &str| {
        let folder = here.join("corpus").join(target);
        fs::create_dir_all(&folder).unwrap();
        folder
    };
    for target in ["values", "builtins", "wasi"] {
        for (index, input) in cmabi_fuzz::random_inputs(100).enumerate() {
            fs::write(corpus(target).join(format!("seed-{index}")), input).unwrap();
        }
    }
    for folder in ["../tests/wast", "../c-tests/guests"] {
        for entry in fs::read_dir(here.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "wast" || extension == "wat") {
                let name = path.file_stem().unwrap().to_str().unwrap();
                for (index, wasm) in components(&fs::read_to_string(&path).unwrap()).enumerate() {
                    fs::write(corpus("component").join(format!("{name}-{index}")), wasm).unwrap();
                }
            }
        }
    }
}

fn components(text: &str) -> impl Iterator<Item = Vec<u8>> + use<> {
    let mut lexer = Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer).unwrap();
    // A file with one component is a script with one directive.
    let script = parser::parse::<Wast>(&buffer).unwrap();
    let encoded = script.directives.into_iter().filter_map(|directive| match directive {
        WastDirective::Module(mut component)
        | WastDirective::ModuleDefinition(mut component)
        | WastDirective::AssertInvalid { module: mut component, .. } => component.encode().ok(),
        WastDirective::AssertUnlinkable { module, .. } => QuoteWat::Wat(module).encode().ok(),
        WastDirective::AssertTrap {
            exec: wast::WastExecute::Wat(wat @ Wat::Component(_)), ..
        } => QuoteWat::Wat(wat).encode().ok(),
        _ => None,
    });
    encoded.collect::<Vec<_>>().into_iter()
}
