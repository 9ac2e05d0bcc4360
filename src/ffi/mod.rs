//! The C ABI. The only place with `unsafe`; each export is a few lines over the safe crate.
//!
//! The doc comments of the exported items are the header that C readers see: they speak C.
//! cbindgen writes `include/kubepeers.h` from them; `tests/header.rs` keeps the two equal.

#![allow(unsafe_code, non_camel_case_types)]

pub(crate) mod backend;
mod boundary;
mod cancellation;
mod fork;
mod handles;
#[cfg(feature = "inject-panics")]
mod panics;
pub mod peer_texts;
mod signals;
#[cfg(test)]
mod tests;

// The exports, in the order in which the header has them.
mod config;

mod provider;

mod peers;

mod health;

mod text;

mod doctor;

mod log;

mod error;

mod version;

pub use config::*;
pub use doctor::*;
pub use error::*;
pub use health::*;
pub use log::*;
#[cfg(feature = "inject-panics")]
pub use panics::*;
pub use peers::*;
pub use provider::*;
pub use text::*;
pub use version::*;

/// A `timeout_ms` that selects the default timeout of the call.
pub const KUBEPEERS_TIMEOUT_DEFAULT: i32 = -1;
/// The longest `timeout_ms`: almost 25 days.
pub const KUBEPEERS_TIMEOUT_MAX: i32 = i32::MAX;

/// KUBEPEERS_OK (0) or one of the negative KUBEPEERS_* numbers.
pub type kubepeers_status = i32;

/// A provider: a number, not a pointer. It is below 2^53, so that a JavaScript
/// number can hold it. 0 is never a provider. A closed or invalid number is safe
/// to pass (for the errors, see CALLS).
pub type kubepeers_provider = u64;
