//! All I/O with the Kubernetes API server: credentials, requests, the watch.

mod api_status;
mod auth;
mod backoff;
mod client;
mod connect;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod list;
mod pod_client;
mod pod_store;
mod publisher;
mod rbac_hint;
mod response;
pub(crate) mod runtime;
mod tls;
mod watch_stream;
mod watcher;

pub use auth::Credentials;
#[cfg(feature = "cli")]
pub use auth::kubeconfig::{Contexts, contexts};
#[cfg(feature = "cli")]
pub use auth::process::{is_file, read_files_of};
pub use connect::connect;
pub(crate) use connect::inspect;
pub use pod_client::PodClient;
pub use watcher::{WatcherTimings, watch};
