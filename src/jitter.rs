//! Random delays, so that the clients of one API server do not all send their requests at once.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The share of the API server's time that each client gets when all of them return at once.
const PER_CLIENT: Duration = Duration::from_millis(5);

/// Returns the delay of a client whose place among all clients is between 0 and 1.
pub(crate) fn place_in_spread(clients: usize, longest: Duration, place: f64) -> Duration {
    let clients = u32::try_from(clients).unwrap_or(u32::MAX);
    PER_CLIENT.saturating_mul(clients).min(longest).mul_f64(place)
}

/// Returns a number from 0 to 1 that is good enough for jitter.
pub(crate) fn random() -> f64 {
    // std seeds every RandomState differently; hashing nothing with it yields the seed.
    f64::from(RandomState::new().hash_one(()) as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_differs() {
        let first = random();
        assert!((0..100).any(|_| random() != first));
    }
}
