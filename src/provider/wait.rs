//! The calls that wait: until the first list, a newer snapshot, a stable set of peers, or a list
//! that was requested.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::discovery::snapshot::{AnswerGate, Snapshot};
use crate::error::{Error, Result};
use crate::jitter::place_in_spread;
use crate::provider::state::{CLOCK, SharedState, State};
use crate::status::Status;

/// A list that arrived this recently confirms that a set is stable. A list from a server whose
/// cache lags takes 3.1 s: a caller that polls with a shorter limit would request one list after
/// the other.
const RECENT: Duration = Duration::from_secs(5);
/// The members of a large set spread the lists that confirm that it is stable over at most this
/// time.
const LONGEST_SPREAD: Duration = Duration::from_secs(5);

/// The end of a wait. It begins with the first question, because reading the clock costs more than
/// an answer that is there.
struct Deadline {
    timeout: Duration,
    at: Option<Instant>,
}

impl Deadline {
    fn after(timeout: Duration) -> Self {
        Self { timeout, at: None }
    }

    /// Returns how much time is left, or `None` if the deadline has passed.
    fn left(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let left = self.at.get_or_insert(now + self.timeout).saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }
}

impl SharedState {
    /// Waits until the pods have been listed once. Returns `Ok` after the timeout, too, and an
    /// error only if it is permanent.
    pub fn first_sync(&self, timeout: Duration) -> Result<()> {
        let mut deadline = Deadline::after(timeout);
        let mut state = self.lock_live()?;
        while state.snapshot.is_none() {
            if let Some(error) = state.error().filter(|error| !error.is_retryable()) {
                return Err(error.clone());
            }
            let Some(left) = deadline.left() else { break };
            state = self.wait_for_change(state, left)?;
        }
        Ok(())
    }

    /// Waits for a snapshot that is newer than `generation` and may be returned.
    pub fn newer_than(&self, generation: u64, timeout: Duration) -> Result<Arc<Snapshot>> {
        let mut deadline = Deadline::after(timeout);
        let mut state = self.lock_live()?;
        loop {
            let recheck_after = match self.answer(&state) {
                Some(Ok(snapshot)) if snapshot.generation() <= generation => {
                    self.until_too_old(&state)
                }
                Some(answer) => {
                    // The caller has found the slot empty.
                    self.sinks.slot.store(self.current(&state));
                    return answer;
                }
                None => None,
            };
            let Some(left) = deadline.left() else { break };
            state =
                self.wait_for_change(state, recheck_after.map_or(left, |limit| limit.min(left)))?;
        }
        let message = format!(
            "nothing newer than generation {generation} came within {} ms",
            timeout.as_millis()
        );
        Err(self.missing(&state).unwrap_or_else(|| Error::new(Status::Timeout, message)))
    }

    /// Waits for at least `min` peers whose addresses have been the same for `stable_for`. Only a
    /// list after that time shows that: an open watch may be silent because it is dead, and a
    /// server that has lost etcd sends bookmarks on.
    pub fn settled(
        &self,
        min: usize,
        stable_for: Duration,
        timeout: Duration,
    ) -> Result<Arc<Snapshot>> {
        let requested = Instant::now();
        let mut deadline = Deadline::after(timeout);
        let mut state = self.lock_live()?;
        loop {
            let mut recheck_after = None;
            match self.answer(&state) {
                Some(Err(error)) => return Err(error),
                Some(Ok(snapshot)) if snapshot.len() >= min => {
                    let Some(needed) = state.list_needed(stable_for, requested) else {
                        return Ok(snapshot);
                    };
                    let due = self.confirming_list_due(&state, snapshot.len(), stable_for);
                    if due.is_zero() {
                        self.request_list(needed);
                    } else {
                        recheck_after = Some(due);
                        if timeout.is_zero() {
                            self.notify_at(Instant::now() + due);
                        }
                    }
                }
                _ => {}
            }
            let Some(left) = deadline.left() else { break };
            state =
                self.wait_for_change(state, recheck_after.map_or(left, |limit| limit.min(left)))?;
        }
        Err(self.missing(&state).unwrap_or_else(|| {
            let found = state.snapshot.as_ref().map_or(0, |snapshot| snapshot.len());
            self.context.unsettled(found, min, stable_for, state.error())
        }))
    }

    /// Returns how long to wait before the list that confirms that the peers are stable. All
    /// members of a set become stable in the same moment, so they must not list in the same moment.
    fn confirming_list_due(&self, state: &State, peers: usize, stable_for: Duration) -> Duration {
        let spread = place_in_spread(peers, LONGEST_SPREAD, self.place);
        (state.addresses_since + stable_for + spread).saturating_duration_since(Instant::now())
    }

    /// Requests a list and waits for it. The list of an earlier request is not requested again.
    pub fn refresh(&self, request: &mut u64, timeout: Duration) -> Result<()> {
        let requested = self.requested_at(request)?;
        self.request_list(requested);
        let mut deadline = Deadline::after(timeout);
        let mut state = self.lock_live()?;
        while state.last_list.is_none_or(|list| list.requested < requested) {
            let Some(left) = deadline.left() else { return Err(self.stale(&state)) };
            state = self.wait_for_change(state, left)?;
        }
        Ok(())
    }

    /// Returns when that refresh was requested; 0 is a new one, which gets its number.
    fn requested_at(&self, request: &mut u64) -> Result<Instant> {
        if *request == 0 {
            // The next microsecond: a list that was requested earlier in this one is not new
            // enough.
            *request = 1 + u64::try_from(CLOCK.elapsed().as_micros()).unwrap_or(u64::MAX - 1);
        }
        let moment = CLOCK.checked_add(Duration::from_micros(*request));
        let latest = Instant::now() + Duration::from_micros(1);
        match moment.filter(|moment| *moment <= latest) {
            Some(moment) if moment >= self.began => Ok(moment),
            Some(_) => Err(Error::new(
                Status::NotRegistered,
                "not registered: the registration of `request` has ended",
            )),
            None => {
                let message =
                    format!("`request` is {request}: expected 0 or a number that refresh stored");
                Err(Error::new(Status::InvalidArgument, message))
            }
        }
    }

    /// Returns what can be answered now, or `None` if the caller has to wait. Requests a list if
    /// the result is too old.
    fn answer(&self, state: &State) -> Option<Result<Arc<Snapshot>>> {
        let snapshot = state.snapshot.as_ref()?;
        match &snapshot.view().gate {
            AnswerGate::Open if self.is_too_old(state) => {
                // One that was requested since the last confirmation, and has not arrived yet, is
                // enough.
                if self
                    .wanted()
                    .is_none_or(|wanted| state.confirmed.is_none_or(|confirmed| wanted < confirmed))
                {
                    self.request_list(Instant::now());
                }
                None
            }
            AnswerGate::Open => Some(Ok(snapshot.clone())),
            AnswerGate::SelfExcluded(reason) => Some(Err(self.context.excluded(*reason))),
            AnswerGate::SelfUnselected(labels) => Some(Err(self.context.unselected(labels))),
            AnswerGate::SelfUnclear => Some(Err(self.context.unclear())),
            AnswerGate::SelfAbsent | AnswerGate::SelfNotYet(_) => None,
        }
    }

    /// Returns how long the result may still be returned, or `None` if its age has no limit.
    fn until_too_old(&self, state: &State) -> Option<Duration> {
        Some(self.max_stale?.saturating_sub(state.confirmed?.elapsed()) + Duration::from_millis(1))
    }

    /// Returns why there is no answer at all, or `None` if there is one, but not what the caller
    /// asked for.
    fn missing(&self, state: &State) -> Option<Error> {
        let Some(snapshot) = &state.snapshot else {
            return Some(self.context.not_synced(state.error()));
        };
        match &snapshot.view().gate {
            AnswerGate::SelfAbsent => Some(self.context.absent()),
            AnswerGate::SelfNotYet(reason) => Some(self.context.not_yet(*reason)),
            _ if self.is_too_old(state) => Some(self.stale(state)),
            _ => None,
        }
    }

    fn stale(&self, state: &State) -> Error {
        match state.confirmed {
            Some(confirmed) => self.context.stale(confirmed.elapsed(), state.error()),
            None => self.context.not_synced(state.error()),
        }
    }

    /// Waits for the next change, at most for `limit`. Returns an error if the registration has
    /// ended.
    pub(super) fn wait_for_change<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        limit: Duration,
    ) -> Result<MutexGuard<'a, State>> {
        let (state, _) =
            self.changed.wait_timeout(state, limit).unwrap_or_else(PoisonError::into_inner);
        match &state.ended {
            Some(reason) => Err(reason.clone()),
            None => Ok(state),
        }
    }
}

impl State {
    /// Returns how new a list must be before the addresses count as stable for a caller who asked
    /// at that moment; `None` if the last list is new enough. It must have been requested after the
    /// addresses had been the same for `stable_for`. Its age counts from its arrival: otherwise a
    /// slow list would be too old for every call of a caller that polls.
    fn list_needed(&self, stable_for: Duration, asked: Instant) -> Option<Instant> {
        let is_recent =
            |arrived: Instant| asked.saturating_duration_since(arrived) <= stable_for.max(RECENT);
        let since = self.addresses_since + stable_for;
        let needed = if self.last_list.is_some_and(|list| is_recent(list.arrived)) {
            since
        } else {
            since.max(asked)
        };
        let stable = (!stable_for.is_zero()).then_some(needed);
        // While requests fail, only the next list shows that the last one still holds.
        let next = self.last_list.map_or(asked, |list| list.requested + Duration::from_nanos(1));
        let needed = stable.max(self.failure.is_some().then_some(next));
        needed.filter(|needed| self.last_list.is_none_or(|list| list.requested < *needed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::config::tests::settings;
    use crate::discovery::policy::Reason;
    use crate::discovery::sink::{LastError, Sink};
    use crate::provider::messages::tests::context;
    use crate::provider::state::tests::{failure, shared, view};
    use crate::provider::state::{Resume, Sinks};
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::thread;

    fn status(shared: &SharedState, after: u64) -> Status {
        shared.newer_than(after, Duration::ZERO).unwrap_err().status()
    }

    #[test]
    fn each_state_has_its_own_status() {
        let shared = shared();
        assert_eq!(status(&shared, 0), Status::NotSynced);
        assert!(shared.newer_than(0, Duration::ZERO).unwrap_err().is_retryable());
        shared.publish(view(AnswerGate::SelfAbsent, &["10.0.0.1"]));
        assert_eq!(status(&shared, 0), Status::SelfNotVisible);
        shared.publish(view(AnswerGate::SelfNotYet(Reason::NoIp), &["10.0.0.1"]));
        assert_eq!(status(&shared, 0), Status::SelfNotVisible);
        shared.publish(view(AnswerGate::SelfExcluded(Reason::NoDiscoveryPort), &["10.0.0.1"]));
        assert_eq!(status(&shared, 0), Status::SelfExcluded);
        shared.publish(view(AnswerGate::Open, &[]));
        let alone = shared.newer_than(0, Duration::ZERO).unwrap();
        assert!(alone.is_empty());
        assert_eq!(status(&shared, alone.generation()), Status::Timeout);
        assert_eq!(status(&shared, u64::MAX), Status::Timeout);
    }

    #[test]
    fn failure_is_reported_and_keeps_the_last_result() {
        let shared = shared();
        let error = Error::new(Status::Forbidden, "may not watch").with_http_status(403);
        shared.fail(LastError::new(error, "forbidden"));
        let error = shared.newer_than(0, Duration::ZERO).unwrap_err();
        assert_eq!(
            (error.status(), error.http_status(), error.is_retryable()),
            (Status::NotSynced, 403, false)
        );
        assert!(error.message().contains("may not watch"));
        assert_eq!(shared.first_sync(Duration::ZERO).unwrap_err().status(), Status::Forbidden);
        shared.publish(view(AnswerGate::Open, &["10.0.0.1"]));
        shared.fail(failure(Status::Forbidden, "may not watch"));
        assert_eq!(shared.newer_than(0, Duration::ZERO).unwrap().len(), 1);
        shared.first_sync(Duration::ZERO).unwrap();
    }

    #[test]
    fn publish_and_end_wake_waiting_calls() {
        const LONG: Duration = Duration::from_secs(60);
        let shared = Arc::new(shared());
        let wait = |after| {
            let shared = shared.clone();
            thread::spawn(move || shared.newer_than(after, LONG))
        };
        let waiting = wait(0);
        shared.publish(view(AnswerGate::SelfAbsent, &[]));
        shared.publish(view(AnswerGate::Open, &[]));
        assert_eq!(waiting.join().unwrap().unwrap().generation(), 2);
        let waiting = wait(2);
        shared.end(Error::new(Status::Closed, "closed"));
        shared.end(Error::new(Status::NotRegistered, "too late"));
        assert_eq!(waiting.join().unwrap().unwrap_err().status(), Status::Closed);
    }

    #[test]
    fn result_that_is_too_old_is_not_returned_and_a_list_is_requested() {
        let shared = Arc::new(SharedState::new(
            Resume::default(),
            context(),
            &Settings { max_stale: Some(Duration::from_millis(1)), ..settings(&[]) },
            Sinks::default(),
        ));
        shared.publish(view(AnswerGate::Open, &["10.0.0.1"]));
        shared.fail(failure(Status::Unavailable, "refused"));
        thread::sleep(Duration::from_millis(2));
        let error = shared.newer_than(0, Duration::ZERO).unwrap_err();
        assert!(
            error.status() == Status::Stale
                && error.is_retryable()
                && error.message().contains("refused"),
            "{error}"
        );
        assert!(shared.health().unwrap().stale);
        // The watcher gets the request.
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(shared.list_requested());
    }

    #[test]
    fn refresh_accepts_only_a_list_requested_after_the_call() {
        let shared = Arc::new(shared());
        shared.publish(view(AnswerGate::Open, &[]));
        let before = Instant::now();
        shared.list_completed(before);
        assert_eq!(shared.refresh(&mut 0, Duration::ZERO).unwrap_err().status(), Status::Stale);
        let waiting = thread::spawn({
            let shared = shared.clone();
            move || shared.refresh(&mut 0, Duration::from_secs(60))
        });
        while !waiting.is_finished() {
            shared.list_completed(Instant::now());
            thread::yield_now();
        }
        waiting.join().unwrap().unwrap();
    }

    fn descriptor(shared: &SharedState) -> UnixStream {
        let mut theirs = UnixStream::from(shared.sinks.notifier.descriptor().unwrap());
        assert!(is_readable(&mut theirs));
        theirs
    }

    /// Reads all that there is.
    fn is_readable(theirs: &mut UnixStream) -> bool {
        theirs.read(&mut [0; 64]).is_ok_and(|length| length > 0)
    }

    /// Waits until time alone makes the descriptor readable.
    fn becomes_readable(shared: &SharedState, theirs: &mut UnixStream) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let readable = async {
            while !is_readable(theirs) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        runtime.block_on(async {
            tokio::select! {
                () = shared.notify_in_time() => unreachable!(),
                () = readable => {}
            }
        });
    }

    #[test]
    fn descriptor_reports_that_a_refresh_has_finished_or_failed() {
        let shared = shared();
        shared.publish(view(AnswerGate::Open, &[]));
        let mut theirs = descriptor(&shared);
        let mut request = 0;
        assert_eq!(
            shared.refresh(&mut request, Duration::ZERO).unwrap_err().status(),
            Status::Stale
        );
        assert!(request > 0 && !is_readable(&mut theirs));
        for _ in 0..2 {
            shared.fail(failure(Status::Unavailable, "no"));
            assert!(is_readable(&mut theirs));
        }
        // One that was requested before it is not new enough.
        shared.list_completed(shared.began);
        assert_eq!(
            shared.refresh(&mut request, Duration::ZERO).unwrap_err().status(),
            Status::Stale
        );
        thread::sleep(Duration::from_millis(1));
        shared.list_completed(Instant::now());
        assert!(is_readable(&mut theirs));
        shared.refresh(&mut request, Duration::ZERO).unwrap();
        assert!(!shared.is_list_requested());
        // A list that no caller waits for is no news.
        shared.list_completed(Instant::now());
        assert!(!is_readable(&mut theirs));
        let next = self::shared();
        for (registration, mut request, expected) in [
            (&shared, request + 3_600_000_000, Status::InvalidArgument),
            (&next, request, Status::NotRegistered),
        ] {
            assert_eq!(
                registration.refresh(&mut request, Duration::ZERO).unwrap_err().status(),
                expected
            );
        }
    }

    #[test]
    fn descriptor_reports_that_peers_may_have_become_stable() {
        let shared = shared();
        shared.publish(view(AnswerGate::Open, &["10.0.0.1"]));
        let mut theirs = descriptor(&shared);
        let settled = || shared.settled(1, Duration::from_millis(20), Duration::ZERO);
        assert_eq!(settled().unwrap_err().status(), Status::Timeout);
        assert!(!is_readable(&mut theirs) && !shared.is_list_requested());
        becomes_readable(&shared, &mut theirs);
        while !shared.is_list_requested() {
            assert_eq!(settled().unwrap_err().status(), Status::Timeout);
        }
        shared.list_completed(Instant::now());
        assert!(is_readable(&mut theirs));
        assert_eq!(settled().unwrap().len(), 1);
    }

    #[test]
    fn descriptor_reports_once_that_a_result_is_too_old_and_that_it_is_confirmed() {
        let shared = SharedState::new(
            Resume::default(),
            context(),
            &settings(&[("max_stale_ms", "1000")]),
            Sinks::default(),
        );
        shared.publish(view(AnswerGate::Open, &["10.0.0.1"]));
        let mut theirs = descriptor(&shared);
        for confirm in [Sink::confirm, Sink::confirm_despite_error, SharedState::confirm] {
            becomes_readable(&shared, &mut theirs);
            assert_eq!(status(&shared, 0), Status::Stale);
            confirm(&shared);
            assert!(is_readable(&mut theirs));
            shared.newer_than(0, Duration::ZERO).unwrap();
            shared.confirm();
            assert!(!is_readable(&mut theirs));
        }
    }

    #[test]
    fn settled_requires_enough_peers_that_a_list_confirms() {
        const LONG: Duration = Duration::from_secs(60);
        let shared = Arc::new(shared());
        let settled = |min, stable_for, timeout| {
            shared.settled(min, stable_for, timeout).map(|peers| peers.len())
        };
        let status =
            |min, stable_for| settled(min, stable_for, Duration::ZERO).unwrap_err().status();
        assert_eq!(status(0, Duration::ZERO), Status::NotSynced);
        shared.publish(view(AnswerGate::Open, &["10.0.0.1"]));
        assert_eq!(settled(1, Duration::ZERO, Duration::ZERO), Ok(1));
        assert_eq!(status(2, Duration::ZERO), Status::Timeout);
        assert_eq!(status(1, LONG), Status::Timeout);
        // A silent watch confirms nothing.
        shared.set_watching(true);
        thread::sleep(Duration::from_millis(20));
        assert_eq!(status(1, Duration::from_millis(1)), Status::Timeout);
        assert!(shared.is_list_requested());
        // Neither does a bookmark, which a server sends that has lost etcd.
        shared.confirm();
        assert_eq!(status(1, Duration::from_millis(1)), Status::Timeout);
        shared.list_completed(Instant::now());
        assert_eq!(settled(1, Duration::from_millis(1), Duration::ZERO), Ok(1));
        // While requests fail, the peers may have changed since the last list.
        shared.fail(failure(Status::Unavailable, "refused"));
        let error = settled(1, Duration::ZERO, Duration::ZERO).unwrap_err();
        assert!(
            error.status() == Status::Timeout && error.message().contains("refused"),
            "{error}"
        );
        assert!(shared.is_list_requested());
        shared.confirm();
        assert_eq!(settled(1, Duration::ZERO, Duration::ZERO), Ok(1));
        // More peers later: it goes on waiting, and asks for a list in the end.
        let waiting = thread::spawn({
            let shared = shared.clone();
            move || shared.settled(2, Duration::from_millis(20), LONG)
        });
        shared.publish(view(AnswerGate::Open, &["10.0.0.1", "10.0.0.2"]));
        while !waiting.is_finished() {
            if shared.is_list_requested() {
                let requested = Instant::now();
                shared.publish(view(AnswerGate::Open, &["10.0.0.1", "10.0.0.2"]));
                shared.list_completed(requested);
            }
            thread::yield_now();
        }
        assert_eq!(waiting.join().unwrap().unwrap().len(), 2);
        shared.publish(view(AnswerGate::SelfExcluded(Reason::NoDiscoveryPort), &[]));
        assert_eq!(status(0, Duration::ZERO), Status::SelfExcluded);
    }

    /// Otherwise a server that takes six seconds for a list would get one request after the other,
    /// without end.
    #[test]
    fn slow_list_confirms_stability_for_a_caller_that_polls() {
        let shared = shared();
        shared.publish(view(AnswerGate::Open, &["10.0.0.1"]));
        let settled = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
        shared.lock().addresses_since = settled;
        let poll = || {
            shared.settled(1, Duration::from_millis(300), Duration::ZERO).map(|peers| peers.len())
        };
        assert_eq!(poll().unwrap_err().status(), Status::Timeout);
        assert!(shared.is_list_requested());
        shared.list_completed(Instant::now().checked_sub(Duration::from_secs(6)).unwrap());
        assert_eq!(poll().unwrap(), 1);
        // Not one that was requested before the addresses were stable.
        shared.lock().addresses_since = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
        assert_eq!(poll().unwrap_err().status(), Status::Timeout);
    }
}
