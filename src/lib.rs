//! kubepeers: find your peers in Kubernetes, and know how reliable the answer is.
//!
//! Data flows one way:
//!
//! ```text
//! API server → kube_api → discovery → provider → ffi → binding
//! ```
//!
//! - [`discovery`]: which pods are peers; pure: no I/O, no async
//! - [`kube_api`]: all I/O with the Kubernetes API server, and the thread that it runs on
//! - [`provider`]: the life of a provider, and where the watcher's thread and the callers' threads meet
//! - [`config`]: the configuration keys
//! - [`text`]: which characters of a server may be shown
//! - [`panics`]: panics for tests; nothing in what is shipped
//! - [`ffi`]: the C ABI, and the only `unsafe`

pub mod config;
pub mod discovery;
pub mod error;
pub mod ffi;
pub mod kube_api;
pub mod panics;
pub mod provider;
pub mod status;
pub mod text;
