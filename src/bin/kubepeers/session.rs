//! A registered provider.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use kubepeers::cli::{Provider, Result, Timeout, provider};

use crate::Failure;
use crate::records::Records;
use crate::settings::Settings;

/// How often a call is repeated that may still succeed.
const STEP: Duration = Duration::from_millis(100);

/// How long the library may take to find out that a refusal (403) is permanent. It takes about
/// three seconds.
const REFUSAL: Duration = Duration::from_secs(10);

/// A registered provider, and the thread that prints its log records.
pub struct Session {
    pub provider: Arc<Provider>,
    records: Option<Records>,
}

impl Session {
    /// Starts to watch the pods. The calls report the result of the first request.
    pub fn open(settings: &Settings) -> Result<Self> {
        let provider = Arc::new(provider(settings.config()?)?);
        let records = settings.has_log().then(|| Records::print(provider.clone()));
        let session = Self { provider, records };
        session.provider.register(Timeout::AtMost(Duration::ZERO))?;
        Ok(session)
    }

    /// Waits for a result. A failure comes with the class of its cause.
    pub fn wait<T>(
        &self,
        timeout: Duration,
        call: impl Fn(&Provider, Timeout) -> Result<T>,
    ) -> std::result::Result<T, Failure> {
        let call = |step| call(&self.provider, Timeout::AtMost(step));
        let mut outcome = retry(timeout, call);
        // The API server may be starting, or deny access permanently. A script gets the same error
        // however short its timeout is.
        if let Err(error) = &outcome
            && error.http_status() == 403
            && error.is_retryable()
        {
            outcome = retry(REFUSAL, call);
        }
        outcome.map_err(|error| {
            let last = self.provider.health().ok().and_then(|health| health.last_error);
            Failure::Library(error, last.map(|last| last.class))
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.provider.close();
        drop(self.records.take());
    }
}

/// Repeats a call until it succeeds, its error is permanent, or the time is over.
pub fn retry<T>(timeout: Duration, call: impl Fn(Duration) -> Result<T>) -> Result<T> {
    let start = Instant::now();
    loop {
        let left = timeout.saturating_sub(start.elapsed());
        let began = Instant::now();
        match call(left.min(STEP)) {
            Err(error) if error.is_retryable() && !left.is_zero() => {}
            outcome => return outcome,
        }
        // The call may have failed at once.
        thread::sleep(left.min(STEP).saturating_sub(began.elapsed()));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use kubepeers::cli::{Error, Status};

    use super::*;

    #[test]
    fn retry_repeats_only_what_may_succeed() {
        let calls = Cell::new(0);
        let outcome = |timeout, status| {
            calls.set(0);
            retry(Duration::from_secs(timeout), |_| {
                calls.set(calls.get() + 1);
                if calls.get() == 3 { Ok(()) } else { Err(Error::new(status, "")) }
            })
        };
        assert!(outcome(60, Status::NotSynced).is_ok() && calls.get() == 3);
        assert!(outcome(60, Status::NoIdentity).is_err() && calls.get() == 1);
        assert!(outcome(0, Status::NotSynced).is_err() && calls.get() == 1);
    }
}
