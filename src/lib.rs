//! kubepeers: who are my peers in Kubernetes, and how sure is that?
//!
//! The map. Data flows one way:
//!
//! ```text
//! API server → cluster → pod → verdict → snapshot → latest → provider → ffi → binding
//! ```
//!
//! - [`config`], [`identity`], [`pod`], [`verdict`], [`snapshot`]: pure; no I/O, no async, no C
//! - [`cluster`]: all that talks to Kubernetes: credentials, requests, the watch
//! - [`latest`]: where the watcher's thread and the callers' threads meet
//! - [`runtime`]: the one thread and its tokio runtime
//! - [`provider`]: the life of a provider, from init to close
//! - [`ffi`]: the C ABI, and the only `unsafe`

pub mod cluster;
pub mod config;
pub mod error;
pub mod ffi;
pub mod identity;
pub mod latest;
pub mod pod;
pub mod provider;
pub mod runtime;
pub mod snapshot;
pub mod status;
pub mod verdict;
