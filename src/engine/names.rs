//! Names of core functions, from the `name` section of a module.
//!
//! What is kept is the part of the section that names functions, as it is in the binary; it is read when
//! a trap asks for a name, so a module that never traps costs no more than those bytes.

use wasmparser::{BinaryReader, Name, NameSectionReader};

/// The function names of a module.
#[derive(Debug, Default)]
pub(crate) struct FuncNames(Box<[u8]>);

/// The subsection of function names.
const FUNCTIONS: u8 = 1;

/// Bytes of a name in a message.
const MOST: usize = 200;

impl FuncNames {
    /// Those of a name section, which need not be well-formed.
    pub(crate) fn of(section: &[u8]) -> FuncNames {
        FuncNames(functions(section).unwrap_or_default().into())
    }

    /// The name of a function, cut off where it is too long for a message.
    #[cold]
    pub(crate) fn get(&self, index: u32) -> Option<String> {
        for part in NameSectionReader::new(BinaryReader::new(&self.0, 0)) {
            let Ok(Name::Function(names)) = part else { continue };
            // Names that cannot be read end the list.
            let found = names.into_iter().map_while(Result::ok).find(|name| name.index == index);
            return found.map(|found| {
                let name = found.name;
                let end = (0..=MOST.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
                name[..end.unwrap_or(0)].to_owned()
            });
        }
        None
    }
}

/// The subsection of function names, with its header.
fn functions(section: &[u8]) -> Option<&[u8]> {
    let mut reader = BinaryReader::new(section, 0);
    while !reader.eof() {
        let start = reader.original_position();
        let id = reader.read_u8().ok()?;
        let len = reader.read_var_u32().ok()?;
        reader.read_bytes(len as usize).ok()?;
        if id == FUNCTIONS {
            return section.get(start as usize..reader.original_position() as usize);
        }
    }
    None
}
