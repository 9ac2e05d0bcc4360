//! The C ABI. The only place with `unsafe`; each export is a few lines over the safe crate.
//!
//! The doc comments of the exported items are the header that C readers see: they speak C.
//! cbindgen writes `include/kubepeers.h` from them; `tests/header.rs` keeps the two equal.

#![allow(unsafe_code, non_camel_case_types)]

mod boundary;
mod fork;
mod handles;
mod ready;
mod signals;
#[cfg(test)]
mod tests;

// The exports, in the order in which the header has them.
mod config;

mod provider;

mod peers;

mod health;

mod text;

mod log;

mod error;

mod version;

use crate::error::{Error, Result};
use crate::log::in_callback;
use crate::provider::Timeout;
use crate::status::Status;

pub use config::*;
pub use error::*;
pub use health::*;
pub use log::*;
pub use peers::*;
pub use provider::*;
pub use text::*;
pub use version::*;

fn refuse_in_callback() -> Result<()> {
    if in_callback() {
        return Err(Error::new(Status::WouldDeadlock, "not from a log callback: it would wait for its own end"));
    }
    Ok(())
}

/// As the call gave it; a log callback never waits.
fn timeout(ms: i32) -> Timeout {
    Timeout::from_ms(if in_callback() { 0 } else { ms })
}

/// What a call ended with: KUBEPEERS_OK (0), or one of the negative KUBEPEERS_* numbers above.
pub type kubepeers_status = i32;

/// A provider: a checked number, not a pointer. 0 is never a valid provider.
/// A stale, forged or closed one gives a status, never undefined behaviour.
pub type kubepeers_provider = u64;
