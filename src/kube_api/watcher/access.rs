//! Tracks whether the pods can be watched.

use std::time::Duration;

use tokio::time::Instant;

/// What the last requests for a watch have shown.
#[derive(Clone, Copy, Debug)]
pub(super) enum WatchAccess {
    /// The last watch was granted, or none was requested yet.
    Granted,
    /// This many watches in a row were not granted, or ended at once.
    Doubted { times: u32, denials: Option<Denials> },
    /// Watching is forbidden, while listing is not: the pods are polled until then.
    Forbidden { until: Instant },
}

/// Answers of 401 or 403, one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Denials {
    since: Instant,
    times: u32,
}

impl WatchAccess {
    /// A watch was not granted, or ended at once.
    pub(super) fn doubt(&mut self, denied: bool) {
        let (times, denials) = match *self {
            Self::Doubted { times, denials } => (times, denials),
            Self::Granted => (0, None),
            Self::Forbidden { .. } => return,
        };
        let before = denials.unwrap_or_else(|| Denials { since: Instant::now(), times: 0 });
        let denials = denied.then_some(Denials { times: before.times + 1, ..before });
        *self = Self::Doubted { times: times + 1, denials };
    }

    pub(super) fn denied_since(&self) -> Option<Instant> {
        match self {
            Self::Doubted { denials, .. } => denials.map(|denials| denials.since),
            Self::Granted | Self::Forbidden { .. } => None,
        }
    }

    /// Returns whether watches were refused more than once: lists show the changes meanwhile.
    pub(super) fn is_doubted_again(&self) -> bool {
        matches!(self, Self::Doubted { times, .. } if *times > 1)
    }

    /// Returns whether denials have lasted for longer than a server needs to start.
    pub(super) fn is_denied_for(&self, grace: Duration) -> bool {
        match self {
            Self::Granted => false,
            Self::Doubted { denials, .. } => {
                denials.is_some_and(|denials| denials.times > 2 && denials.since.elapsed() >= grace)
            }
            Self::Forbidden { .. } => true,
        }
    }

    pub(super) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Forbidden { until } if Instant::now() < *until)
    }
}
