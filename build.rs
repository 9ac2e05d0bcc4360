//! Gives the shared library its soname, and keeps it mapped for the life of the process.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libkubepeers.so.0");
    // Rust registers thread-local destructors on the host's threads: unmapping would leave them
    // dangling.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // A missing symbol fails the build, not a container. Sanitizers come with the
    // program that is run.
    if std::env::var_os("CARGO_CFG_SANITIZE").is_none() {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,defs");
    }
}
