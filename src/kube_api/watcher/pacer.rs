//! When the next request may be made.

use std::time::Duration;

use tokio::time::Instant;

use crate::kube_api::backoff::{Backoff, honored, spread};
use crate::kube_api::error::ApiError;

/// Limit of the pauses before a server that refuses or does not answer.
const REFUSED: Duration = Duration::from_secs(30);
/// Limit of the pauses before a server that answers, but ends its watches early or has forgotten
/// the resourceVersion. A change meanwhile is seen this much later.
const INTERRUPTED: Duration = Duration::from_secs(5);
/// Between two lists, however many callers ask for a fresh one.
const SPACING: Duration = Duration::from_secs(1);

/// Paces the requests, so that no number of callers turns a refusal into a storm.
#[derive(Debug)]
pub(super) struct Pacer {
    /// No list is requested before this, not even for a caller.
    lists_from: Instant,
    /// Lists that failed, one after the other.
    failed_lists: Backoff,
    /// Watches that were not granted, one after the other.
    refused_watches: Backoff,
    /// Watches that were granted and ended early, and resourceVersions that were too old.
    interruptions: Backoff,
}

impl Pacer {
    pub(super) fn new() -> Self {
        Self {
            lists_from: Instant::now(),
            failed_lists: Backoff::default(),
            refused_watches: Backoff::default(),
            interruptions: Backoff::default(),
        }
    }

    /// Returns when a caller may have a list.
    pub(super) fn lists_from(&self) -> Instant {
        self.lists_from
    }

    /// Whether the last list failed.
    pub(super) fn lists_fail(&self) -> bool {
        self.failed_lists.is_active()
    }

    pub(super) fn list_succeeded(&mut self) {
        self.failed_lists.reset();
        self.lists_from = Instant::now() + SPACING;
    }

    /// Returns when the watcher may make its own next request.
    pub(super) fn list_failed(&mut self, error: &ApiError, clients: usize) -> Instant {
        if !self.lists_fail() && self.refused_watches.is_active() {
            // The server refuses everything: the watch was the first of these requests.
            self.failed_lists.next(REFUSED);
        }
        let pause = self.failed_lists.next(REFUSED).max(retry_after(error));
        self.lists_from = Instant::now() + pause;
        self.lists_from + spread(clients, REFUSED)
    }

    /// Returns when the watch may be requested again. Where lists succeed, a caller need not wait
    /// for that.
    pub(super) fn watch_refused(&mut self, error: &ApiError, clients: usize) -> Instant {
        let asked = retry_after(error);
        let mut pause = self.refused_watches.next(REFUSED).max(asked);
        if self.lists_fail() {
            // The server refuses everything: lists and watches take turns at one pace.
            pause = pause.max(self.failed_lists.next(REFUSED));
        }
        let again = Instant::now() + pause;
        if self.lists_fail() || !asked.is_zero() {
            self.lists_from = self.lists_from.max(again);
        }
        again + spread(clients, REFUSED)
    }

    /// A watch is open and the server sends events, or has not ended it for a while.
    pub(super) fn watch_accepted(&mut self) {
        self.refused_watches.reset();
    }

    /// A watch has been open for long enough to forget the interruptions before it.
    pub(super) fn watch_was_steady(&mut self) {
        self.interruptions.reset();
    }

    /// Returns when to go on after a watch that was granted, or with a list after a
    /// resourceVersion that was too old.
    pub(super) fn interrupted(&mut self, clients: usize) -> Instant {
        let pause = self.interruptions.next(INTERRUPTED) + spread(clients, REFUSED);
        Instant::now() + pause.min(INTERRUPTED)
    }
}

fn retry_after(error: &ApiError) -> Duration {
    error.retry_after.map(honored).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube_api::error::ErrorClass;

    fn refused(retry_after: Option<u64>) -> ApiError {
        let mut error = ApiError::new(ErrorClass::Refused, "no");
        error.retry_after = retry_after.map(Duration::from_secs);
        error
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_watch_does_not_delay_lists_that_succeed() {
        let mut pacer = Pacer::new();
        pacer.list_succeeded();
        for _ in 0..10 {
            pacer.watch_refused(&refused(None), 5000);
        }
        assert!(pacer.lists_from() <= Instant::now() + SPACING);
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_of_any_request_delays_lists() {
        for delay in [Pacer::list_failed, Pacer::watch_refused] {
            let mut pacer = Pacer::new();
            delay(&mut pacer, &refused(Some(60)), 0);
            assert!(pacer.lists_from() >= Instant::now() + Duration::from_secs(60));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn interruptions_never_cost_more_than_five_seconds() {
        let mut pacer = Pacer::new();
        for _ in 0..100 {
            assert!(pacer.interrupted(100_000) <= Instant::now() + INTERRUPTED);
        }
    }
}
