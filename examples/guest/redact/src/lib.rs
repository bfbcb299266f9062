//! A plug-in of the plugins example: puts stars in the place of digits.

wit_bindgen::generate!({ path: "../plugins.wit", world: "plugin" });

use demo::plugins::documents::Document;
use exports::demo::plugins::filter::{Guest, Info};

struct Redact;

impl Guest for Redact {
    fn describe() -> Info {
        Info { name: "redact".into(), language: "Rust".into() }
    }

    fn apply(to: &Document) -> Result<u32, String> {
        let text = to.text();
        let changes = text.chars().filter(char::is_ascii_digit).count();
        if changes == 0 {
            return Err(format!("{} has no numbers", to.title()));
        }
        to.replace(&text.replace(|c: char| c.is_ascii_digit(), "*"));
        Ok(changes as u32)
    }
}

export!(Redact);
