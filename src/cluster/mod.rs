//! All that talks to Kubernetes: credentials, requests, the watch.

mod access;
mod answers;
mod backoff;
mod connect;
mod connection;
mod credentials;
mod failure;
mod files;
#[cfg(fuzzing)]
pub mod fuzzing;
mod items;
mod kubeconfig;
mod protobuf;
mod publisher;
mod requests;
mod service_account;
mod store;
mod watcher;

pub use connect::{Connect, Watch, connect};
pub use connection::choose_crypto;
pub use credentials::Credentials;
pub use requests::Cluster;
pub use watcher::{Pace, watch};
