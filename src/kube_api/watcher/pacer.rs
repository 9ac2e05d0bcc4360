//! Decides when the next request may be sent.

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
/// A caller waits at most this long for a list after one that failed.
const CALLER_WAITS: Duration = Duration::from_secs(5);

/// Paces the requests, so that no number of callers turns a refusal into a storm.
#[derive(Debug)]
pub(super) struct Pacer {
    /// No list is requested before this, not even for a caller.
    lists_from: Instant,
    /// No watch is requested before this, although lists may succeed.
    watches_from: Instant,
    /// The server accepts no request before this: the latest `Retry-After` of any answer.
    closed_until: Instant,
    /// Lists that failed, one after the other.
    failed_lists: Backoff,
    /// Watches that were not granted, one after the other.
    refused_watches: Backoff,
    /// Watches that were granted and ended early, and resourceVersions that were too old.
    interruptions: Backoff,
}

impl Pacer {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            lists_from: now,
            watches_from: now,
            closed_until: now,
            failed_lists: Backoff::default(),
            refused_watches: Backoff::default(),
            interruptions: Backoff::default(),
        }
    }

    /// Returns when a caller may have a list.
    pub(super) fn lists_from(&self) -> Instant {
        self.lists_from
    }

    /// Returns when the next watch may be requested.
    pub(super) fn watches_from(&self) -> Instant {
        self.watches_from
    }

    /// Returns whether the last list failed.
    pub(super) fn lists_fail(&self) -> bool {
        self.failed_lists.is_active()
    }

    /// Returns whether two requests in a row have failed.
    pub(super) fn fails_repeatedly(&self) -> bool {
        self.failed_lists.is_repeated() || self.refused_watches.is_repeated()
    }

    /// Makes no request before the time that the server asks for.
    pub(super) fn honor(&mut self, error: &ApiError) {
        if let Some(delay) = error.retry_after {
            self.closed_until = self.closed_until.max(Instant::now() + honored(delay));
        }
    }

    pub(super) fn list_succeeded(&mut self) {
        self.failed_lists.reset();
        self.lists_from = (Instant::now() + SPACING).max(self.closed_until);
    }

    /// Returns when the watcher may make its own next request.
    pub(super) fn list_failed(&mut self, error: &ApiError, clients: usize) -> Instant {
        self.honor(error);
        if !self.lists_fail() && self.refused_watches.is_active() {
            // The server refuses everything: the watch was the first of these requests.
            self.failed_lists.next(REFUSED);
        }
        let pause = self.failed_lists.next(REFUSED);
        self.delay_lists(pause);
        self.watches_from = self.watches_from.max(self.lists_from);
        (Instant::now() + pause).max(self.closed_until) + spread(clients, REFUSED)
    }

    /// Returns when the watch may be requested again. Where lists succeed, a caller need not wait
    /// for that.
    pub(super) fn watch_refused(&mut self, error: &ApiError, clients: usize) -> Instant {
        self.honor(error);
        let mut pause = self.refused_watches.next(REFUSED);
        if self.lists_fail() {
            // The server refuses everything: lists and watches take turns at one pace.
            pause = pause.max(self.failed_lists.next(REFUSED));
            self.delay_lists(pause);
        }
        self.lists_from = self.lists_from.max(self.closed_until);
        self.watches_from = (Instant::now() + pause).max(self.closed_until);
        self.watches_from + spread(clients, REFUSED)
    }

    fn delay_lists(&mut self, pause: Duration) {
        let pause = pause.min(CALLER_WAITS.mul_f64(0.5 + fastrand::f64() / 2.0));
        self.lists_from = self.lists_from.max(Instant::now() + pause).max(self.closed_until);
    }

    /// A watch is open and the server sends events, or has not ended it for a while.
    pub(super) fn watch_accepted(&mut self) {
        if self.refused_watches.is_active() {
            // What failed together has recovered together.
            self.refused_watches.reset();
            self.failed_lists.reset();
        }
        self.watches_from = self.closed_until;
    }

    /// A watch has been open for long enough to forget the interruptions before it.
    pub(super) fn watch_was_steady(&mut self) {
        self.interruptions.reset();
    }

    /// Returns when to go on after a watch that was granted, or with a list after a
    /// resourceVersion that was too old.
    pub(super) fn interrupted(&mut self, clients: usize) -> Instant {
        let pause = self.interruptions.next(INTERRUPTED).max(spread(clients, INTERRUPTED));
        (Instant::now() + pause).max(self.closed_until)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep_until;

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
    async fn retry_after_of_any_request_delays_every_other_one() {
        for delay in [Pacer::list_failed, Pacer::watch_refused] {
            let mut pacer = Pacer::new();
            let again = delay(&mut pacer, &refused(Some(60)), 0);
            // A later answer without it does not shorten the delay.
            pacer.list_failed(&refused(None), 0);
            let minute = Instant::now() + Duration::from_secs(60);
            for next in [again, pacer.lists_from(), pacer.watches_from(), pacer.interrupted(0)] {
                assert!(next >= minute, "{next:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_watch_counts_among_the_first_five_requests() {
        for _ in 0..50 {
            let (mut pacer, start) = (Pacer::new(), Instant::now());
            pacer.watch_refused(&refused(None), 0);
            for _ in 0..4 {
                pacer.list_failed(&refused(None), 0);
                sleep_until(pacer.lists_from()).await;
            }
            assert!(start.elapsed() > Duration::from_secs(5));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn callers_wait_at_most_five_seconds_after_a_list_that_failed() {
        let mut pacer = Pacer::new();
        for _ in 0..20 {
            pacer.list_failed(&refused(None), 5000);
            assert!(pacer.lists_from() <= Instant::now() + CALLER_WAITS);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_accepted_watch_does_not_shorten_retry_after() {
        let mut pacer = Pacer::new();
        pacer.list_failed(&refused(Some(60)), 0);
        pacer.watch_accepted();
        assert!(pacer.watches_from() >= Instant::now() + Duration::from_secs(60));
    }

    /// Otherwise one refusal long after an outage would cost as much as one at its end.
    #[tokio::test(start_paused = true)]
    async fn an_outage_is_forgotten_once_a_watch_is_accepted() {
        let mut pacer = Pacer::new();
        for _ in 0..10 {
            pacer.list_failed(&refused(None), 0);
            pacer.watch_refused(&refused(None), 0);
        }
        pacer.watch_accepted();
        assert!(pacer.watch_refused(&refused(None), 0) <= Instant::now() + Duration::from_secs(1));
    }

    /// All clients of a server that has died would otherwise return five seconds later, at once.
    #[tokio::test(start_paused = true)]
    async fn clients_of_a_large_set_do_not_return_together() {
        let moments: std::collections::HashSet<_> =
            (0..100).map(|_| Pacer::new().interrupted(10_000)).collect();
        assert!(moments.len() > 90, "{moments:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn interruptions_never_cost_more_than_five_seconds() {
        let mut pacer = Pacer::new();
        for _ in 0..100 {
            assert!(pacer.interrupted(100_000) <= Instant::now() + INTERRUPTED);
        }
    }
}
