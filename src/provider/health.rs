//! How sure the answers are: when the API server last gave a sign of life, and what has gone wrong since.

use std::time::Duration;

use crate::error::Error;

/// A watch that is silent for 90 s is opened again, which confirms the pods. Without a confirmation
/// for so long, something is wrong.
pub const STALE_AFTER: Duration = Duration::from_secs(120);

/// The state of one registration.
#[derive(Clone, Debug)]
pub struct Health {
    /// Since the last sign that the pods are as they are known: a list, an event or a bookmark. `None` before the first list.
    pub age: Option<Duration>,
    /// Older than it should be, or never read.
    pub stale: bool,
    /// A watch is open: the API server has granted it.
    pub watching: bool,
    /// The pods are listed again and again, since they cannot be, or are not to be, watched.
    pub polling: bool,
    /// What has gone wrong since the last sign of life, or keeps the pods from being watched.
    pub trouble: Option<LastError>,
}

/// What went wrong with a request.
#[derive(Clone, Debug)]
pub struct LastError {
    /// As a caller hears of it.
    pub error: Error,
    /// What kind of failure it is, in a word.
    pub class: &'static str,
}

/// What has happened since register.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct WatchStats {
    pub lists: u64,
    pub watches: u64,
    pub events: u64,
    /// How often all pods were judged anew.
    pub views: u64,
    /// By class.
    pub failures: std::collections::BTreeMap<&'static str, u64>,
}
