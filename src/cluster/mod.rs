//! All that talks to Kubernetes: credentials, requests, the watch.

mod access;
mod answers;
mod backoff;
mod credentials;
mod failure;
mod files;
mod kubeconfig;
mod requests;
mod service_account;
mod watcher;

pub use credentials::{Credentials, choose_crypto};
pub use requests::Cluster;
pub use watcher::watch;
