//! What the command `kubepeers` uses of the crate. The library is shipped without it.

use std::sync::Arc;
use std::time::Duration;

use crate::kube_api::runtime;
use crate::provider::{Backend, doctor};

pub use crate::config::keys::{Default, KEYS, Key};
pub use crate::config::{Config, LogLevel};
pub use crate::discovery::pod::Phase;
pub use crate::discovery::sink::LastError;
pub use crate::discovery::snapshot::{Peer, Snapshot, View};
pub use crate::error::{Error, Result};
pub use crate::kube_api::runtime::panic_text;
pub use crate::kube_api::{Contexts, contexts, is_file, read_files_of};
pub use crate::provider::doctor::{
    Layout, Part, Report, State, Step, misconfigured, text as report_text,
};
pub use crate::provider::explain::{Form, explain};
pub use crate::provider::health::Health;
pub use crate::provider::log::{Log, Record};
pub use crate::provider::messages::MessageContext;
pub use crate::provider::{Provider, Timeout};
pub use crate::status::Status;
pub use crate::text::printable;

/// Creates a provider of the Kubernetes API.
pub fn provider(config: Config) -> Result<Provider> {
    Provider::new(config, Arc::new(crate::ffi::API_SERVER))
}

/// Keeps panics off stderr. Those of the watcher become errors, also if another crate catches them.
pub fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| runtime::report_panic(panic.payload())));
}

/// Examines every step of discovery, for at most `timeout`.
pub fn examine(config: &Config, timeout: Duration) -> Result<Report> {
    let backend: Arc<dyn Backend> = Arc::new(crate::ffi::API_SERVER);
    doctor::examine(config, &backend, Timeout::AtMost(timeout))
}
