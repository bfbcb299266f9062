//! Alignment, element size, discriminants and flattening.

/// `MAX_STRING_BYTE_LENGTH` of the specification.
pub const MAX_STRING_BYTE_LENGTH: u64 = (1 << 28) - 1;
/// `MAX_LIST_BYTE_LENGTH` of the specification.
pub const MAX_LIST_BYTE_LENGTH: u64 = (1 << 28) - 1;
/// `MAX_FLAT_PARAMS` of the specification.
pub const MAX_FLAT_PARAMS: usize = 16;
/// `MAX_FLAT_ASYNC_PARAMS` of the specification.
pub const MAX_FLAT_ASYNC_PARAMS: usize = 4;
/// `MAX_FLAT_RESULTS` of the specification.
pub const MAX_FLAT_RESULTS: usize = 1;
