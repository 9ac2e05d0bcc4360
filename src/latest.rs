//! Where the watcher's thread and the callers' threads meet: the latest snapshot, or why there is none.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::snapshot::{Gate, Snapshot, View};
use crate::status::Status;
use crate::verdict::Reason;

/// What one registration knows. It ends with its registration.
#[derive(Debug)]
pub struct Latest {
    state: Mutex<State>,
    changed: Condvar,
    /// For messages: whose pods these are.
    subject: Subject,
}

/// What messages speak of.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Subject {
    pub namespace: String,
    pub selector: String,
    pub discovery_port_name: String,
    /// The own pod, as [`crate::identity::Identity::describe`] says it.
    pub own: String,
}

#[derive(Debug)]
struct State {
    generation: u64,
    snapshot: Option<Arc<Snapshot>>,
    /// Why the pods cannot be read at present.
    failure: Option<Error>,
    /// Set once: every call is answered with it.
    ended: Option<Error>,
}

impl Latest {
    /// Nothing known yet. Generations go on from `generation`, so that they grow over a provider's whole life.
    pub fn new(generation: u64, subject: Subject) -> Self {
        let state = State { generation, snapshot: None, failure: None, ended: None };
        Self { state: Mutex::new(state), changed: Condvar::new(), subject }
    }

    /// The pods were read. What did not change is not published again.
    pub fn publish(&self, view: View) {
        let mut state = self.lock();
        state.failure = None;
        if state.ended.is_some() || state.snapshot.as_ref().is_some_and(|last| *last.view() == view) {
            return;
        }
        state.generation += 1;
        state.snapshot = Some(Arc::new(Snapshot::new(state.generation, view)));
        self.changed.notify_all();
    }

    /// The pods could not be read; the last snapshot stands.
    pub fn fail(&self, failure: Error) {
        self.lock().failure = Some(failure);
        self.changed.notify_all();
    }

    /// Every call from now on, and every waiting one, is answered with `reason`. The first reason stands.
    /// Gives the last generation there is.
    pub fn end(&self, reason: Error) -> u64 {
        let mut state = self.lock();
        state.ended.get_or_insert(reason);
        self.changed.notify_all();
        state.generation
    }

    /// Waits until the pods have been read once. Not having read them in time is no error; what will not mend itself is.
    pub fn first_sync(&self, timeout: Duration) -> Result<()> {
        self.until(timeout, |state| {
            if state.snapshot.is_some() {
                return Some(Ok(()));
            }
            state.failure.clone().filter(|failure| !failure.is_retryable()).map(Err)
        })
        .unwrap_or(Ok(()))
    }

    /// Waits for a snapshot newer than `generation` that may be handed out.
    pub fn newer_than(&self, generation: u64, timeout: Duration) -> Result<Arc<Snapshot>> {
        let newer = |state: &State| {
            let snapshot = state.snapshot.as_ref().filter(|snapshot| snapshot.generation() > generation)?;
            match snapshot.view().gate {
                Gate::Open => Some(Ok(snapshot.clone())),
                Gate::SelfExcluded(reason) => Some(Err(self.excluded(reason))),
                Gate::SelfAbsent | Gate::SelfNotYet(_) => None,
            }
        };
        self.until(timeout, newer).unwrap_or_else(|| Err(self.why_not(generation)))
    }

    /// Waits until `found` finds something, the end comes, or the time is over: `None`.
    fn until<T>(&self, timeout: Duration, found: impl Fn(&State) -> Option<Result<T>>) -> Option<Result<T>> {
        let deadline = Instant::now() + timeout;
        let mut state = self.lock();
        loop {
            if let Some(reason) = &state.ended {
                return Some(Err(reason.clone()));
            }
            if let Some(outcome) = found(&state) {
                return Some(outcome);
            }
            let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn why_not(&self, generation: u64) -> Error {
        let state = self.lock();
        match &state.snapshot {
            None => self.not_synced(state.failure.as_ref()),
            Some(snapshot) => match snapshot.view().gate {
                Gate::SelfAbsent => self.absent(),
                Gate::SelfNotYet(reason) => self.not_yet(reason),
                Gate::Open | Gate::SelfExcluded(_) => Error::new(
                    Status::Timeout,
                    format!("nothing newer than generation {generation} within the timeout"),
                ),
            },
        }
    }

    fn not_synced(&self, failure: Option<&Error>) -> Error {
        let namespace = &self.subject.namespace;
        let cause = failure.map_or("the first answer of the API server is still awaited", Error::message);
        let error = Error::new(
            Status::NotSynced,
            format!("the pods of namespace `{namespace}` have not been read yet: {cause}"),
        );
        match failure {
            Some(failure) => error.because_of(failure),
            None => error,
        }
    }

    fn absent(&self) -> Error {
        let Subject { namespace, selector, own, .. } = &self.subject;
        Error::new(
            Status::SelfNotVisible,
            format!(
                "the own pod {own} is not among the pods of namespace `{namespace}` with labels `{selector}`: \
                 if this lasts, the pod is gone, or `namespace` and `pod_labels` are not those of the pod (or `pod_name` and `pod_uid`, \
                 where given). Set `self` = `none` if this process is not one of the pods"
            ),
        )
    }

    fn not_yet(&self, reason: Reason) -> Error {
        let lacking = if reason == Reason::NoIp { "has no address" } else { "is not Running" };
        Error::new(
            Status::SelfNotVisible,
            format!("the API server says that the own pod {} {lacking} yet", self.subject.own),
        )
    }

    fn excluded(&self, reason: Reason) -> Error {
        let Subject { own, discovery_port_name, .. } = &self.subject;
        let why = match reason {
            Reason::NoDiscoveryPort => format!(
                "none of its container ports is named `{discovery_port_name}` (`discovery_port_name`). \
                 Name the port in the pod template"
            ),
            Reason::NoIpOfFamily => "none of its addresses is of the family that `ip_family` asks for".into(),
            _ => "the API server says that it has ended".into(),
        };
        Error::new(Status::SelfExcluded, format!("the own pod {own} can be nobody's peer: {why}"))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    fn latest() -> Latest {
        let subject = Subject {
            namespace: "ns".into(),
            selector: "app=demo".into(),
            discovery_port_name: "gossip".into(),
            own: "`me`".into(),
        };
        Latest::new(0, subject)
    }

    fn view(gate: Gate, addresses: &[&str]) -> View {
        View { gate, addresses: addresses.iter().map(|a| a.parse().unwrap()).collect() }
    }

    fn status(latest: &Latest, after: u64) -> Status {
        latest.newer_than(after, Duration::ZERO).unwrap_err().status()
    }

    #[test]
    fn each_state_has_its_own_status() {
        let latest = latest();
        assert_eq!(status(&latest, 0), Status::NotSynced);
        assert!(latest.newer_than(0, Duration::ZERO).unwrap_err().is_retryable());
        latest.publish(view(Gate::SelfAbsent, &["10.0.0.1:1"]));
        assert_eq!(status(&latest, 0), Status::SelfNotVisible);
        latest.publish(view(Gate::SelfNotYet(Reason::NoIp), &["10.0.0.1:1"]));
        assert_eq!(status(&latest, 0), Status::SelfNotVisible);
        latest.publish(view(Gate::SelfExcluded(Reason::NoDiscoveryPort), &["10.0.0.1:1"]));
        assert_eq!(status(&latest, 0), Status::SelfExcluded);
        latest.publish(view(Gate::Open, &[]));
        let alone = latest.newer_than(0, Duration::ZERO).unwrap();
        assert!(alone.is_empty());
        assert_eq!(status(&latest, alone.generation()), Status::Timeout);
    }

    #[test]
    fn a_failure_says_why_and_never_takes_the_last_answer_away() {
        let latest = latest();
        latest.fail(Error::new(Status::Forbidden, "may not watch").with_http_status(403));
        let error = latest.newer_than(0, Duration::ZERO).unwrap_err();
        assert_eq!((error.status(), error.http_status(), error.is_retryable()), (Status::NotSynced, 403, false));
        assert!(error.message().contains("may not watch"));
        assert_eq!(latest.first_sync(Duration::ZERO).unwrap_err().status(), Status::Forbidden);
        latest.publish(view(Gate::Open, &["10.0.0.1:1"]));
        latest.fail(Error::new(Status::Forbidden, "may not watch"));
        assert_eq!(latest.newer_than(0, Duration::ZERO).unwrap().len(), 1);
        latest.first_sync(Duration::ZERO).unwrap();
    }

    #[test]
    fn the_same_view_is_published_once() {
        let latest = latest();
        for _ in 0..3 {
            latest.publish(view(Gate::Open, &["10.0.0.1:1"]));
        }
        assert_eq!(latest.newer_than(0, Duration::ZERO).unwrap().generation(), 1);
        latest.publish(view(Gate::Open, &[]));
        assert_eq!(latest.end(Error::new(Status::Closed, "closed")), 2);
        latest.publish(view(Gate::Open, &["10.0.0.1:1"]));
        assert_eq!(latest.end(Error::new(Status::Closed, "closed")), 2, "nothing is published after the end");
    }

    #[test]
    fn publishing_and_ending_wake_whoever_waits() {
        const LONG: Duration = Duration::from_secs(600);
        let latest = Arc::new(latest());
        let wait = |after| {
            let latest = latest.clone();
            thread::spawn(move || latest.newer_than(after, LONG))
        };
        let waiting = wait(0);
        latest.publish(view(Gate::SelfAbsent, &[]));
        latest.publish(view(Gate::Open, &[]));
        assert_eq!(waiting.join().unwrap().unwrap().generation(), 2);
        let waiting = wait(2);
        latest.end(Error::new(Status::Closed, "closed"));
        latest.end(Error::new(Status::NotRegistered, "too late"));
        assert_eq!(waiting.join().unwrap().unwrap_err().status(), Status::Closed);
    }
}
