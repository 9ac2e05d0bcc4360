//! The interface between the watcher, which reads the pods, and the provider, which answers
//! callers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use crate::discovery::identity::Identity;
use crate::discovery::policy::PeerPolicy;
use crate::discovery::snapshot::View;
use crate::error::Error;

/// A future that ends when a caller requests a list.
pub type ListRequested<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Watches the pods and publishes them, until its future is dropped.
pub type Watch =
    Box<dyn FnOnce(PeerPolicy, Arc<dyn Sink>) -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// What the environment and the credentials yield, before the first request.
pub struct Connection {
    /// The namespace of the pods.
    pub namespace: String,
    /// Which of the pods this process runs in.
    pub identity: Identity,
    /// Starts the watch.
    pub watch: Watch,
}

/// How the detail of a login that timed out begins. Its class is that of a server that timed out.
pub(crate) const LOGIN_HANGS: &str = "the login of the kubeconfig has not ended";

/// The error of a request.
#[derive(Clone, Debug)]
pub struct LastError {
    /// The error that callers get.
    pub error: Error,
    /// The class of the error, in a word.
    pub class: &'static str,
    /// What the server, or this machine, says about it.
    pub detail: String,
}

impl LastError {
    /// Creates an error whose message is all that is known.
    pub fn new(error: Error, class: &'static str) -> Self {
        let detail = error.message().into();
        Self { error, class, detail }
    }
}

/// Receives what the watcher reads. After the end of the registration, it ignores everything.
pub trait Sink: Send + Sync {
    /// Publishes the view of the pods. A view that yields the same answer is no new generation.
    fn publish(&self, view: View);

    /// Confirms that the last view is still right.
    fn confirm(&self);

    /// Does the same while other requests still fail.
    fn confirm_despite_error(&self);

    /// Returns the resourceVersion that an earlier registration has reached.
    fn resumes_from(&self) -> Option<Box<str>>;

    /// Records the resourceVersion that the pods are known up to.
    fn set_resource_version(&self, resource_version: &str);

    /// Records that the last view is certainly at least as new as `requested`.
    fn list_completed(&self, requested: Instant);

    /// Records that the pods could not be read. The last result is kept.
    fn fail(&self, error: LastError);

    /// Records something that an operator should know and that is not an error.
    fn warn(&self, message: String);

    /// Records whether a watch is open.
    fn set_watching(&self, open: bool);

    /// Records whether the pods are polled, and why, unless the configuration requests it.
    fn set_polling(&self, polling: bool, why: Option<LastError>);

    /// Counts a list that is about to be requested.
    fn count_list(&self);

    /// Counts a watch that is about to be requested.
    fn count_watch(&self);

    /// Counts events of the watch.
    fn count_events(&self, events: u64);

    /// Returns whether a caller needs a list that is newer than the last one.
    fn is_list_requested(&self) -> bool;

    /// Waits until a caller needs a list that is newer than the last one.
    fn list_requested(&self) -> ListRequested<'_>;
}
