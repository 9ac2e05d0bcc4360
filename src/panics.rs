//! Panics for tests. Without the cargo feature `inject-panics`, these functions do nothing.

use std::future::{Future, poll_fn};
use std::pin::pin;

/// A place where code of the library runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Place {
    /// A call of the host.
    Call = 1,
    /// The watcher.
    Watcher = 2,
    /// The task of a connection, next to the watcher.
    Connection = 3,
    /// The task that sends requests, next to the watcher.
    Request = 4,
    /// The thread that resolves names.
    Lookup = 5,
    /// The thread that logs in with a kubeconfig.
    Login = 6,
}

/// Panics if a test has requested it for this place.
#[cfg(not(feature = "inject-panics"))]
pub(crate) fn here(_: Place) {}

#[cfg(feature = "inject-panics")]
pub use injected::{here, want};

#[cfg(feature = "inject-panics")]
mod injected {
    use super::Place;
    use std::sync::atomic::{AtomicI32, Ordering::SeqCst};

    static WANTED: AtomicI32 = AtomicI32::new(0);

    /// Requests a panic of the code that reaches this place next. Returns the last requested place
    /// that was not reached, or 0.
    pub fn want(place: i32) -> i32 {
        WANTED.swap(place, SeqCst)
    }

    /// Panics if a test has requested it for this place.
    pub fn here(place: Place) {
        if WANTED.compare_exchange(place as i32, 0, SeqCst, SeqCst).is_ok() {
            panic!("wanted in {place:?}");
        }
    }
}

/// Runs a future. Each poll of it reaches the place.
pub(crate) async fn within<F: Future>(place: Place, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        here(place);
        future.as_mut().poll(context)
    })
    .await
}
