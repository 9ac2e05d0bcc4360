//! kubepeers: find your peers in Kubernetes, and know how reliable the answer is.
//!
//! The map. Data flows one way:
//!
//! ```text
//! API server → kube_api → pod → verdict → census → snapshot → latest → provider → ffi → binding
//! ```
//!
//! - [`config`], [`identity`], [`pod`], [`verdict`], [`census`], [`snapshot`]: pure; no I/O, no async, no C ([`sorted`] is the
//!   list that they are made of)
//! - [`kube_api`]: all I/O with the Kubernetes API server: credentials, requests, the watch
//! - [`explain`], [`health`], [`metrics`], [`subject`]: what is told besides the peers: every pod's verdict, how sure the answers
//!   are, and what errors say; pure too
//! - [`text`] and `protobuf`: which characters of a server may be shown, and how to read protobuf in place
//! - [`latest`], [`snapshot_slot`], [`changes`], [`log`]: where the watcher's thread and the callers' threads meet
//! - [`runtime`]: the one thread and its tokio runtime
//! - [`provider`]: the life of a provider, from init to close
//! - [`panics`]: panics where a test wants them; nothing in what is shipped
//! - [`ffi`]: the C ABI, and the only `unsafe`

pub mod census;
pub mod changes;
pub mod config;
pub mod error;
pub mod explain;
pub mod ffi;
pub mod health;
pub mod identity;
pub mod kube_api;
pub mod latest;
pub mod log;
pub mod metrics;
pub mod panics;
pub mod pod;
mod protobuf;
pub mod provider;
pub mod runtime;
pub mod snapshot;
pub mod snapshot_slot;
pub mod sorted;
pub mod status;
pub mod subject;
pub mod text;
pub mod verdict;
