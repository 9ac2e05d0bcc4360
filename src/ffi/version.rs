//! The version, at compile time and at run time.

use std::ffi::c_char;

/// Major version of this header.
pub const KUBEPEERS_VERSION_MAJOR: u32 = 0;
/// Minor version of this header.
pub const KUBEPEERS_VERSION_MINOR: u32 = 4;
/// Patch version of this header.
pub const KUBEPEERS_VERSION_PATCH: u32 = 0;
/// Version of this header: major * 1000000 + minor * 1000 + patch.
pub const KUBEPEERS_VERSION_NUMBER: u32 = 4000;

/// Returns the version of the loaded library, in the form of
/// KUBEPEERS_VERSION_NUMBER.
#[unsafe(no_mangle)]
pub extern "C" fn kubepeers_version_number() -> u32 {
    KUBEPEERS_VERSION_NUMBER
}

/// Returns the version of the loaded library, e.g. "0.4.0". The string is
/// static.
#[unsafe(no_mangle)]
pub extern "C" fn kubepeers_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// Returns the name of this discovery method: "kubernetes". The string is
/// static.
#[unsafe(no_mangle)]
pub extern "C" fn kubepeers_id() -> *const c_char {
    c"kubernetes".as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_those_of_cargo_toml() {
        let constants = format!(
            "{KUBEPEERS_VERSION_MAJOR}.{KUBEPEERS_VERSION_MINOR}.{KUBEPEERS_VERSION_PATCH}"
        );
        assert_eq!(constants, env!("CARGO_PKG_VERSION"));
        let number = KUBEPEERS_VERSION_MAJOR * 1_000_000
            + KUBEPEERS_VERSION_MINOR * 1_000
            + KUBEPEERS_VERSION_PATCH;
        assert_eq!(KUBEPEERS_VERSION_NUMBER, number);
    }
}
