//! The version, at compile time and at run time.

use std::ffi::c_char;

/// Major version that this header was made for.
pub const KUBEPEERS_VERSION_MAJOR: u32 = 0;
/// Minor version that this header was made for.
pub const KUBEPEERS_VERSION_MINOR: u32 = 3;
/// Patch version that this header was made for.
pub const KUBEPEERS_VERSION_PATCH: u32 = 0;
/// major * 1000000 + minor * 1000 + patch. Compare it with kubepeers_version_number().
pub const KUBEPEERS_VERSION_NUMBER: u32 = 3000;

/// The version of the library that is loaded, in the form of KUBEPEERS_VERSION_NUMBER.
#[unsafe(no_mangle)]
pub extern "C" fn kubepeers_version_number() -> u32 {
    KUBEPEERS_VERSION_NUMBER
}

/// The version of the library that is loaded, e.g. "0.3.0". A static string: never freed.
#[unsafe(no_mangle)]
pub extern "C" fn kubepeers_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// What this library can do that others of its kind may not, words with blanks between: today "change-fd copy-addresses log poll
/// protobuf". Words are added, never taken away while the soname is the same. A static string: never freed.
#[unsafe(no_mangle)]
pub extern "C" fn kubepeers_features() -> *const c_char {
    c"change-fd copy-addresses log poll protobuf".as_ptr()
}

/// The name of this discovery provider: "kubernetes". A static string: never freed.
#[unsafe(no_mangle)]
pub extern "C" fn kubepeers_id() -> *const c_char {
    c"kubernetes".as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_those_of_cargo_toml() {
        let constants = format!("{KUBEPEERS_VERSION_MAJOR}.{KUBEPEERS_VERSION_MINOR}.{KUBEPEERS_VERSION_PATCH}");
        assert_eq!(constants, env!("CARGO_PKG_VERSION"));
        let number = KUBEPEERS_VERSION_MAJOR * 1_000_000 + KUBEPEERS_VERSION_MINOR * 1_000 + KUBEPEERS_VERSION_PATCH;
        assert_eq!(KUBEPEERS_VERSION_NUMBER, number);
    }
}
