//! Version

use super::error::cmabi_string;

/// The major version of this header.
/// @since 0.1
pub const CMABI_VERSION_MAJOR: u32 = 0;
/// The minor version of this header.
/// @since 0.1
pub const CMABI_VERSION_MINOR: u32 = 2;
/// The patch version of this header.
/// @since 0.1
pub const CMABI_VERSION_PATCH: u32 = 0;

/// The version of the library that is running, as `major << 16 | minor << 8 | patch`.
/// @since 0.1
#[unsafe(no_mangle)]
pub extern "C" fn cmabi_version() -> u32 {
    CMABI_VERSION_MAJOR << 16 | CMABI_VERSION_MINOR << 8 | CMABI_VERSION_PATCH
}

/// The version of the library that is running, as `"0.2.0"`. Static.
/// @since 0.1
#[unsafe(no_mangle)]
pub extern "C" fn cmabi_version_text() -> cmabi_string {
    env!("CARGO_PKG_VERSION").into()
}

/// The features that the running library was built with, separated by spaces, of
/// `component wasi wasmi wit`. Static. Functions of a feature that was left out answer
/// `CMABI_STATUS_UNSUPPORTED`.
/// @since 0.1
#[unsafe(no_mangle)]
pub extern "C" fn cmabi_version_features() -> cmabi_string {
    match (
        cfg!(feature = "component"),
        cfg!(feature = "wasi"),
        cfg!(feature = "wasmi"),
        cfg!(feature = "wit"),
    ) {
        (_, true, true, true) => "component wasi wasmi wit",
        (_, true, true, false) => "component wasi wasmi",
        (_, true, false, true) => "component wasi wit",
        (_, true, false, false) => "component wasi",
        (true, false, true, true) => "component wasmi wit",
        (true, false, true, false) => "component wasmi",
        (true, false, false, true) => "component wit",
        (true, false, false, false) => "component",
        (false, false, true, true) => "wasmi wit",
        (false, false, true, false) => "wasmi",
        (false, false, false, true) => "wit",
        (false, false, false, false) => "",
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_the_version_of_the_package() {
        let header = format!("{CMABI_VERSION_MAJOR}.{CMABI_VERSION_MINOR}.{CMABI_VERSION_PATCH}");
        assert_eq!(header, env!("CARGO_PKG_VERSION"));
    }
}
