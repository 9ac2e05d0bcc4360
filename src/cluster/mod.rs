//! All that talks to Kubernetes: credentials, requests, the watch.

mod access;
mod backoff;
mod credentials;
mod failure;
mod requests;
mod watcher;

pub use credentials::Credentials;
pub use requests::Cluster;
pub use watcher::watch;
