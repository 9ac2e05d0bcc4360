//! Panics where a test wants them. Only with the cargo feature `inject-panics`: else none of this does anything.

use std::future::{Future, poll_fn};
use std::pin::pin;

/// Where code of the library runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Place {
    /// A call of the host.
    Call = 1,
    /// The watcher.
    Watcher = 2,
    /// The task that a connection runs in, beside the watcher.
    Connection = 3,
    /// The task that sends requests, beside the watcher.
    Request = 4,
    /// The thread that looks names up.
    Lookup = 5,
    /// The thread that makes a client of a kubeconfig.
    Login = 6,
}

/// Panics if a test wants it here.
#[cfg(not(feature = "inject-panics"))]
pub(crate) fn here(_: Place) {}

#[cfg(feature = "inject-panics")]
pub use injected::{here, want};

#[cfg(feature = "inject-panics")]
mod injected {
    use super::Place;
    use std::sync::atomic::{AtomicI32, Ordering::SeqCst};

    static WANTED: AtomicI32 = AtomicI32::new(0);

    /// What comes to this place next will panic. Gives the place that was wanted before and not come to, 0 for none.
    pub fn want(place: i32) -> i32 {
        WANTED.swap(place, SeqCst)
    }

    /// Panics if a test wants it here.
    pub fn here(place: Place) {
        if WANTED.compare_exchange(place as i32, 0, SeqCst, SeqCst).is_ok() {
            panic!("wanted in {place:?}");
        }
    }
}

/// The same future, which is in that place whenever it goes on.
pub(crate) async fn within<F: Future>(place: Place, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        here(place);
        future.as_mut().poll(context)
    })
    .await
}
