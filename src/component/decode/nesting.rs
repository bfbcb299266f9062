//! How deep the types of a type section nest, found without recursion: the parser recurses into
//! nested component and instance types, so this bounds its native stack.

use super::MAX_NESTING;
use crate::error::{Error, ErrorKind, Result};
use wasmparser::{
    BinaryReader, ComponentAlias, ComponentExternName, ComponentImport, ComponentType,
    ComponentTypeRef, CoreType, WasmFeatures,
};

/// Fails if component and instance types nest too deep in a type section. What else is wrong with
/// the section is left to the validator to say.
pub(super) fn check(section: &[u8], offset: u64, features: WasmFeatures) -> Result<()> {
    let mut reader = BinaryReader::new_features(section, offset, features);
    match nests_too_deep(&mut reader) {
        Ok(Some(at)) => {
            let message = format!("types nest more than {MAX_NESTING} deep (at offset {at:#x})");
            Err(Error::new(ErrorKind::Limit, message))
        }
        Ok(None) | Err(_) => Ok(()),
    }
}

fn nests_too_deep(reader: &mut BinaryReader<'_>) -> wasmparser::Result<Option<u64>> {
    const COMPONENT: u8 = 0x41;
    const INSTANCE: u8 = 0x42;
    // How many types are left in the section, and declarations in each type that is open.
    let mut open = vec![reader.read_var_u32()?];
    while let Some(left) = open.last_mut() {
        if *left == 0 {
            open.pop();
            continue;
        }
        *left -= 1;
        if open.len() > 1 && !is_type_declaration(reader)? {
            continue;
        }
        let at = reader.original_position();
        match reader.clone().read_u8()? {
            COMPONENT | INSTANCE if open.len() > MAX_NESTING => return Ok(Some(at)),
            COMPONENT | INSTANCE => {
                reader.read_u8()?;
                open.push(reader.read_var_u32()?);
            }
            _ => {
                reader.read::<ComponentType<'_>>()?;
            }
        }
    }
    Ok(None)
}

/// Reads a declaration, or only its first byte if it declares a type.
fn is_type_declaration(reader: &mut BinaryReader<'_>) -> wasmparser::Result<bool> {
    match reader.read_u8()? {
        0x00 => reader.read::<CoreType<'_>>().map(drop)?,
        0x01 => return Ok(true),
        0x02 => reader.read::<ComponentAlias<'_>>().map(drop)?,
        0x03 => reader.read::<ComponentImport<'_>>().map(drop)?,
        // An export, or an error that the validator reports.
        _ => {
            reader.read::<ComponentExternName<'_>>()?;
            reader.read::<ComponentTypeRef>()?;
        }
    }
    Ok(false)
}
