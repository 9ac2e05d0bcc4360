//! kubepeers: find your peers in Kubernetes, and know how reliable the answer is.
//!
//! Data flows one way, and the folders depend on each other in one direction (tests/architecture.rs
//! checks that):
//!
//! ```text
//! API server → kube_api → discovery → provider → ffi → binding      (data)
//!              kube_api → discovery ← provider ← ffi                (dependencies)
//! ```
//!
//! - [`kube_api`]: all I/O with the Kubernetes API server: credentials, requests, the watch, and
//!   the thread that they run on.
//! - [`discovery`]: which pods are peers. It is pure: no I/O, no async, no C types. Its
//!   [`discovery::sink::Sink`] is the interface through which `kube_api` publishes what it reads.
//! - [`provider`]: the life of a provider, the calls that wait, and what callers get besides peers:
//!   the verdicts, health, metrics, log records, the messages of errors, and the doctor.
//! - [`ffi`]: the C ABI, the only `unsafe`, and the place that connects a provider to `kube_api`.
//! - [`config`]: the configuration keys.
//! - `cli`: what the command `kubepeers` (src/bin) uses of the crate.
//! - [`error`], [`status`], [`text`] and `jitter` depend on no folder. [`panics`] has panics for
//!   tests; it does nothing in what is shipped.
//!
//! # The way of an event
//!
//! 1. `kube_api::watcher` reads an event of the watch. `kube_api::pod_store` keeps the pods.
//! 2. `kube_api::publisher` applies it to a [`discovery::pod_index`], which updates the verdicts,
//!    and publishes the view.
//! 3. [`provider::state`] turns the view into a snapshot, unless callers would get the same answer.
//!    It wakes callers that wait ([`provider`]'s `wait`), writes [`provider::snapshot_slot`] and
//!    makes descriptors readable ([`provider::notifier`]).
//! 4. `ffi` returns the snapshot to the caller. [`ffi::peer_texts`] renders its C strings when a
//!    caller first reads them.
//!
//! # Threads
//!
//! - The callers' threads run `ffi` and `provider`. They meet the watcher in [`provider::state`]
//!   and nowhere else.
//! - Each registered provider has one thread named `kubepeers`, with a tokio runtime
//!   ([`kube_api::runtime`]). It runs the watcher and the alarms of the descriptors.
//! - At most two threads named `kubepeers-aux` resolve names and log in with a kubeconfig, which
//!   may block.

// Only with `testing` do the lints see which items the tests use.
#![cfg_attr(not(feature = "testing"), allow(unreachable_pub, dead_code))]

#[cfg(feature = "cli")]
pub mod cli;
pub(crate) mod config;
pub(crate) mod discovery;
pub(crate) mod error;
pub mod ffi;
pub(crate) mod jitter;
pub(crate) mod kube_api;
pub(crate) mod panics;
pub(crate) mod provider;
pub mod status;
#[cfg(feature = "testing")]
pub mod testing;
pub(crate) mod text;
