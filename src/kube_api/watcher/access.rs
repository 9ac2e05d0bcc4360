//! Whether the pods can be watched.

use std::time::Duration;

use tokio::time::Instant;

/// What the last requests for a watch say about it.
#[derive(Clone, Copy, Debug)]
pub(super) enum WatchAccess {
    /// The last watch was granted, or none was requested yet.
    Granted,
    /// The last watches were not granted.
    Doubted { since: Instant, times: u32 },
    /// Watching is forbidden, while listing is not: the pods are polled until then.
    Forbidden { until: Instant },
}

impl WatchAccess {
    /// A watch was not granted.
    pub(super) fn doubt(&mut self) {
        *self = match *self {
            Self::Doubted { since, times } => Self::Doubted { since, times: times + 1 },
            Self::Granted => Self::Doubted { since: Instant::now(), times: 1 },
            forbidden @ Self::Forbidden { .. } => forbidden,
        };
    }

    pub(super) fn doubted_since(&self) -> Option<Instant> {
        match self {
            Self::Doubted { since, .. } => Some(*since),
            Self::Granted | Self::Forbidden { .. } => None,
        }
    }

    /// Whether watches were refused more than once: lists show the changes meanwhile.
    pub(super) fn is_doubted_again(&self) -> bool {
        matches!(self, Self::Doubted { times, .. } if *times > 1)
    }

    /// Whether a refusal has lasted for longer than a server needs to start. The lists in between
    /// have succeeded.
    pub(super) fn outlasts(&self, grace: Duration) -> bool {
        match self {
            Self::Granted => false,
            Self::Doubted { since, times } => *times > 2 && since.elapsed() >= grace,
            Self::Forbidden { .. } => true,
        }
    }

    pub(super) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Forbidden { until } if Instant::now() < *until)
    }
}
