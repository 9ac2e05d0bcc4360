//! How long to wait before the next try.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
/// Where a server does not answer as it should.
pub(super) const LONG: Duration = Duration::from_secs(30);
/// Whatever a server asks for.
const LONGEST_ASKED: Duration = Duration::from_secs(300);
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

/// How much later each of a crowd should come back, so that the server has its time for each: there are about as many clients as
/// there are pods, and they lose their server in one moment.
pub(super) fn among(clients: usize) -> Duration {
    const EACH: Duration = Duration::from_millis(5);
    let clients = u32::try_from(clients).unwrap_or(u32::MAX);
    EACH.saturating_mul(clients).min(LONG).mul_f64(random())
}

/// What the server asked for, but not for ever, and not all at the same time.
pub(super) fn as_asked(retry_after: Duration) -> Duration {
    retry_after.min(LONGEST_ASKED).mul_f64(1.0 + random() / 4.0)
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
    fn a_thousand_clients_do_not_come_back_in_one_second() {
        let mut seconds = [0; 6];
        (0..1000).for_each(|_| seconds[among(1000).as_secs() as usize] += 1);
        assert!(seconds[..5].iter().all(|clients| (100..300).contains(clients)), "{seconds:?}");
        assert_eq!(among(0), Duration::ZERO);
        assert!((0..100).all(|_| among(usize::MAX) <= LONG));
    }

    #[test]
    fn what_a_server_asks_for_is_kept_within_reason() {
        let asked = Duration::from_secs(8);
        assert!((0..100).map(|_| as_asked(asked)).all(|wait| asked <= wait && wait <= asked * 5 / 4));
        assert!(as_asked(Duration::MAX) <= LONGEST_ASKED * 5 / 4);
    }

    #[test]
    fn jitter_differs() {
        let first = random();
        assert!((0..100).any(|_| random() != first));
    }
}
