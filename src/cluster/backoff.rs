//! How long to wait before the next try.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
/// Where a server does not answer as it should.
pub(super) const LONG: Duration = Duration::from_secs(30);
/// Where it answers, but ends its answers soon: what changes meanwhile is seen this much later.
pub(super) const SHORT: Duration = Duration::from_secs(5);

/// Doubles from 200 ms, with jitter, until a try has been good for a while.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The last try was good.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Between half of the present step and all of it: many processes that lost one server do not come back as one.
    pub(super) fn next(&mut self, longest: Duration) -> Duration {
        let step = FIRST.saturating_mul(1 << self.failures.min(16)).min(longest);
        self.failures += 1;
        step.mul_f64(0.5 + random() / 2.0)
    }
}

/// Between 0 and 1. Good enough for jitter.
pub(super) fn random() -> f64 {
    // std seeds every RandomState anew; hashing nothing with it gives the seed.
    f64::from(RandomState::new().hash_one(()) as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_its_limit_and_starts_again() {
        let mut backoff = Backoff::default();
        let mut limit = FIRST;
        for _ in 0..100 {
            let wait = backoff.next(LONG);
            assert!(limit / 2 <= wait && wait <= limit, "{wait:?} of {limit:?}");
            limit = (limit * 2).min(LONG);
        }
        assert!(backoff.next(SHORT) <= SHORT);
        backoff.reset();
        assert!(backoff.next(LONG) <= FIRST);
    }

    #[test]
    fn jitter_differs() {
        let first = random();
        assert!((0..100).any(|_| random() != first));
    }
}
