//! How many items a section says that it has. Room is made for all of them before the first is read, so a
//! few bytes must not ask for much.

use super::error;
use crate::error::Result;
use wasmparser::Payload;

/// Fails where the items that a section announces do not fit into it.
pub(super) fn check(payload: &Payload<'_>) -> Result<()> {
    use Payload::*;
    // With the bytes that an item has at least.
    let (count, range, least) = match payload {
        TypeSection(s) => (s.count(), s.range(), 2),
        ImportSection(s) => (s.count(), s.range(), 1),
        FunctionSection(s) => (s.count(), s.range(), 1),
        TableSection(s) => (s.count(), s.range(), 3),
        MemorySection(s) => (s.count(), s.range(), 2),
        TagSection(s) => (s.count(), s.range(), 2),
        GlobalSection(s) => (s.count(), s.range(), 3),
        ExportSection(s) => (s.count(), s.range(), 3),
        ElementSection(s) => (s.count(), s.range(), 3),
        DataSection(s) => (s.count(), s.range(), 2),
        CodeSectionStart { count, unchecked_range, .. } => (*count, unchecked_range.clone(), 3),
        InstanceSection(s) => (s.count(), s.range(), 2),
        CoreTypeSection(s) => (s.count(), s.range(), 2),
        ComponentInstanceSection(s) => (s.count(), s.range(), 2),
        ComponentAliasSection(s) => (s.count(), s.range(), 3),
        ComponentTypeSection(s) => (s.count(), s.range(), 1),
        ComponentCanonicalSection(s) => (s.count(), s.range(), 1),
        ComponentImportSection(s) => (s.count(), s.range(), 5),
        ComponentExportSection(s) => (s.count(), s.range(), 6),
        _ => return Ok(()),
    };
    let bytes = range.end.saturating_sub(range.start);
    if u64::from(count) * least > bytes {
        let message =
            format!("unexpected end-of-file: a section of {bytes} bytes announces {count} items");
        return Err(error(message, range.start as usize));
    }
    Ok(())
}
