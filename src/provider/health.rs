//! How reliable the results are: when the API server last confirmed them, and which error has
//! occurred since.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::discovery::sink::LastError;

/// A watch that is silent for 90 s is opened again, which confirms the pods. If no confirmation
/// arrives for this long, something is wrong.
pub(crate) const STALE_AFTER: Duration = Duration::from_secs(120);

/// The state of one registration.
#[derive(Clone, Debug)]
pub struct Health {
    /// The time since the last confirmation: a list, an event, a bookmark or a new watch. `None`
    /// before the first list.
    pub age: Option<Duration>,
    /// The result is older than it should be, or there is none.
    pub stale: bool,
    /// A watch is open: the API server has granted it.
    pub watching: bool,
    /// The pods are listed again and again, because they cannot be watched or the configuration
    /// requests it.
    pub polling: bool,
    /// The last error since the last confirmation, or the one that keeps the pods from being
    /// watched.
    pub last_error: Option<LastError>,
}

/// What has happened since register.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct WatchStats {
    pub lists: u64,
    pub watches: u64,
    pub events: u64,
    /// How often the verdicts were updated.
    pub views: u64,
    /// By class.
    pub failures: BTreeMap<&'static str, u64>,
}
