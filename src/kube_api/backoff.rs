//! Computes the pause before the next request.

use std::time::Duration;

use crate::jitter::place_in_spread;

const FIRST: Duration = Duration::from_millis(400);
/// The longest `Retry-After` that is honored.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);

/// Doubles from 400 ms with jitter until it is reset.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Returns whether there was a failure since the last reset.
    pub(super) fn is_active(&self) -> bool {
        self.failures > 0
    }

    /// Returns whether there were several failures since the last reset.
    pub(super) fn is_repeated(&self) -> bool {
        self.failures > 1
    }

    /// Returns between half of the present step and all of it, so that the clients that lost one
    /// server do not return at once.
    pub(super) fn next(&mut self, longest: Duration) -> Duration {
        let step = FIRST.saturating_mul(1 << self.failures.min(16)).min(longest);
        self.failures += 1;
        step.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// Returns a random delay that spreads the clients of one set of pods, which all lose their server
/// in the same moment. There are about as many clients as pods.
pub(super) fn spread(clients: usize, longest: Duration) -> Duration {
    place_in_spread(clients, longest, fastrand::f64())
}

/// Returns the delay that the server requested, at most `LONGEST_RETRY_AFTER`, plus up to a quarter
/// of it. The addition is random, so that clients that were refused together do not return
/// together.
pub(super) fn honored(retry_after: Duration) -> Duration {
    retry_after.min(LONGEST_RETRY_AFTER).mul_f64(1.0 + fastrand::f64() / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(30);

    #[test]
    fn backoff_doubles_up_to_its_limit_and_starts_again_after_a_reset() {
        let mut backoff = Backoff::default();
        let mut limit = FIRST;
        for _ in 0..40 {
            let wait = backoff.next(LONGEST);
            assert!(limit / 2 <= wait && wait <= limit, "{wait:?}");
            limit = (limit * 2).min(LONGEST);
        }
        assert!(backoff.is_active());
        backoff.reset();
        assert!(!backoff.is_active() && backoff.next(LONGEST) <= FIRST);
    }

    /// The fewest pauses that jitter allows: requests at 0, 0.2, 0.6, 1.4, 3.0 and 6.2 s.
    #[test]
    fn five_seconds_of_failures_hold_at_most_five_requests() {
        let mut backoff = Backoff::default();
        let fewest: Duration = (0..5).map(|_| backoff.next(LONGEST)).sum();
        assert!(fewest > Duration::from_secs(5), "{fewest:?}");
    }

    #[test]
    fn clients_are_spread_by_their_number() {
        let delays: Vec<_> = (0..1000).map(|_| spread(1000, LONGEST).as_millis()).collect();
        assert!(delays.iter().max() > Some(&4000) && delays.iter().max() <= Some(&5000));
        assert_eq!(spread(0, LONGEST), Duration::ZERO);
        assert!((0..100).all(|_| spread(usize::MAX, LONGEST) <= LONGEST));
    }

    #[test]
    fn retry_after_is_honored_within_bounds() {
        let asked = Duration::from_secs(8);
        assert!(
            (0..100).map(|_| honored(asked)).all(|wait| asked <= wait && wait <= asked * 5 / 4)
        );
        assert!(honored(Duration::MAX) <= LONGEST_RETRY_AFTER * 5 / 4);
    }
}
