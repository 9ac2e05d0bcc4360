//! Random delays, so that the clients of one API server do not all send their requests at once.
//!
//! `fastrand` has a generator for each thread. A forked child inherits that of the thread that
//! forked, but not that of the watcher: only the place that each registration draws on its caller's
//! thread may be the same in both processes.

use std::time::Duration;

/// The share of the API server's time that each client gets when all of them return at once.
const PER_CLIENT: Duration = Duration::from_millis(5);

/// Returns the delay of a client whose place among all clients is between 0 and 1.
pub(crate) fn place_in_spread(clients: usize, longest: Duration, place: f64) -> Duration {
    let clients = u32::try_from(clients).unwrap_or(u32::MAX);
    PER_CLIENT.saturating_mul(clients).min(longest).mul_f64(place)
}
