//! `canon context.get`, `context.set`.

use crate::engine::RawVal;
use crate::runtime::Cx;

/// `canon_context_get`: a slot of the current thread's storage.
pub(crate) fn canon_context_get(cx: &mut Cx<'_>, slot: u32) -> RawVal {
    cx.state().storage()[slot as usize]
}

/// `canon_context_set`.
pub(crate) fn canon_context_set(cx: &mut Cx<'_>, slot: u32, value: RawVal) {
    cx.state().storage()[slot as usize] = value;
}
