//! What is generated for three worlds, as it is: a change of the output is seen in review.
//!
//! `CMABI_UPDATE_GOLDEN=1 cargo test -p cmabi-bindgen --test golden` rewrites the files.

use cmabi_bindgen::{Input, Language, Options, generate};
use std::path::Path;

#[test]
fn the_output_is_what_it_was() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let update = std::env::var_os("CMABI_UPDATE_GOLDEN").is_some();
    for wit in ["app", "editor", "jobs"] {
        for language in [Language::C, Language::Cpp] {
            let path = dir.join(format!("../examples/guest/{wit}.wit"));
            let input = Input::load(&path, None).unwrap_or_else(|error| panic!("{error}"));
            for file in generate(input, language, &Options::default()).unwrap() {
                let golden = dir.join("tests/golden").join(&file.name);
                if update {
                    std::fs::write(&golden, &file.text).unwrap();
                }
                let known = std::fs::read_to_string(&golden).unwrap_or_default();
                let same = known.lines().zip(file.text.lines()).take_while(|(a, b)| a == b).count();
                assert!(
                    known == file.text,
                    "{} is not current (line {}): CMABI_UPDATE_GOLDEN=1 cargo test -p cmabi-bindgen \
                     --test golden",
                    golden.display(),
                    same + 1
                );
            }
        }
    }
}
