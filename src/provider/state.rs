//! What the watcher's thread and the threads of callers share: the last snapshot, or why there is
//! none.

use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;

use crate::config::{LogLevel, Settings};
use crate::discovery::sink::{LastError, ListRequested, Sink};
use crate::discovery::snapshot::{AnswerGate, Snapshot, View};
use crate::error::{Error, Result};
use crate::provider::explain::{Form, explain};
use crate::provider::health::{Health, STALE_AFTER, WatchStats};
use crate::provider::log::Log;
use crate::provider::messages::MessageContext;
use crate::provider::metrics::Metrics;
use crate::provider::notifier::ChangeNotifier;
use crate::provider::snapshot_slot::SlotWriter;
use crate::status::Status;

/// The requests of a refresh are numbered by the microseconds since this moment.
pub(crate) static CLOCK: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What one registration knows. It ends with its registration.
#[derive(Debug)]
pub struct SharedState {
    pub(super) state: Mutex<State>,
    pub(super) changed: Condvar,
    /// The latest moment that a caller needs a list of. The list must be at least as new.
    wanted: Mutex<Option<Instant>>,
    list_requested: Notify,
    /// When the descriptors become readable although nothing has changed.
    alarm: Mutex<Option<Instant>>,
    /// The alarm, or the last confirmation, has moved.
    alarm_moved: Notify,
    /// A request of a refresh from before this moment belongs to another registration.
    pub(super) began: Instant,
    pub(super) context: MessageContext,
    /// `max_stale_ms`
    pub(super) max_stale: Option<Duration>,
    poll_interval: Duration,
    /// Where this client comes, from 0 to 1, when all clients of a set make the same request. It
    /// stays the same for callers that poll.
    pub(super) place: f64,
    pub(super) sinks: Sinks,
}

/// Where a provider publishes what is new. They outlast its registrations.
#[derive(Clone, Debug, Default)]
pub struct Sinks {
    /// The snapshot that is returned at once.
    pub slot: SlotWriter,
    /// Reports that there may be another snapshot.
    pub notifier: Arc<ChangeNotifier>,
    /// The log records.
    pub log: Arc<Log>,
}

/// What one registration leaves to the next.
#[derive(Clone, Debug, Default)]
pub struct Resume {
    /// Generations grow over the whole life of a provider.
    pub generation: u64,
    /// The last resourceVersion that was reached: an API server that lags must not lead back
    /// behind it.
    pub resource_version: Option<Box<str>>,
}

#[derive(Debug)]
pub(super) struct State {
    generation: u64,
    /// The pods are known up to this resourceVersion.
    resource_version: Option<Box<str>>,
    pub(super) snapshot: Option<Arc<Snapshot>>,
    /// The last view of the pods. It may differ from that of the snapshot in the excluded pods.
    pub(super) view: Option<Arc<View>>,
    /// When the API server last confirmed the view.
    pub(super) confirmed: Option<Instant>,
    pub(super) last_list: Option<CompletedList>,
    /// Since when the addresses are the same.
    pub(super) addresses_since: Instant,
    /// A watch is open.
    pub(super) watching: bool,
    /// The pods are polled.
    pub(super) polling: Option<Polling>,
    /// Why the pods cannot be read at present.
    pub(super) failure: Option<LastError>,
    pub(super) stats: WatchStats,
    /// Something has happened that a caller may wait for, besides a new generation or another
    /// error.
    notify: bool,
    /// The last state: every call returns this error.
    pub(super) ended: Option<Error>,
}

/// A list that is certainly at least as new as its request.
#[derive(Clone, Copy, Debug)]
pub(super) struct CompletedList {
    pub(super) requested: Instant,
    pub(super) arrived: Instant,
}

#[derive(Debug)]
pub(super) struct Polling {
    /// `None` if the configuration requests it.
    pub(super) why: Option<LastError>,
}

impl Sink for SharedState {
    fn publish(&self, view: View) {
        let view = Arc::new(view);
        self.change(|state| {
            state.stats.views += 1;
            self.confirm_and_recover(state);
            // The last view, not that of the snapshot: it shares more of its blocks with the new
            // one.
            let last = state.view.as_ref();
            if !last.is_some_and(|last| last.has_addresses_of(&view)) {
                state.addresses_since = Instant::now();
            }
            if !last.is_some_and(|last| last.answers_as(&view)) {
                state.generation += 1;
                state.snapshot = Some(Arc::new(Snapshot::new(state.generation, view.clone())));
                let View { peers, gate, excluded, .. } = &*view;
                self.sinks.log.write(LogLevel::Info, || {
                    let (peers, excluded, generation) =
                        (peers.len(), excluded.len(), state.generation);
                    format!(
                        "generation {generation}: {peers} peers, {excluded} pods excluded, gate {}",
                        gate.name()
                    )
                });
            }
            state.view = Some(view);
        });
    }

    fn confirm(&self) {
        self.change(|state| self.confirm_and_recover(state));
    }

    fn confirm_despite_error(&self) {
        self.change(|state| self.confirm_now(state));
    }

    fn resumes_from(&self) -> Option<Box<str>> {
        self.lock().resource_version.clone()
    }

    fn set_resource_version(&self, resource_version: &str) {
        self.lock().resource_version = Some(resource_version.into());
    }

    fn list_completed(&self, requested: Instant) {
        self.change(|state| {
            state.notify = self.needs_list(state);
            state.last_list = Some(CompletedList { requested, arrived: Instant::now() });
        });
    }

    fn fail(&self, error: LastError) {
        self.change(|state| {
            self.sinks.log.write(LogLevel::Warn, || error.error.to_string());
            *state.stats.failures.entry(error.class).or_default() += 1;
            state.notify = self.needs_list(state);
            state.failure = Some(error);
        });
    }

    fn warn(&self, message: String) {
        self.change(|_| self.sinks.log.write(LogLevel::Warn, || message));
    }

    fn set_watching(&self, open: bool) {
        self.change(|state| {
            if open != state.watching {
                let what = if open { "open" } else { "over" };
                self.sinks.log.write(LogLevel::Debug, || format!("the watch is {what}"));
            }
            state.watching = open;
        });
    }

    fn set_polling(&self, polling: bool, why: Option<LastError>) {
        self.change(|state| {
            if polling != state.polling.is_some() {
                let why = why.as_ref().map(|why| format!(": {}", why.error)).unwrap_or_default();
                let how = if polling { "polled" } else { "watched" };
                self.sinks.log.write(LogLevel::Info, || format!("the pods are {how}{why}"));
            }
            if why.is_some() {
                state.failure = None;
            }
            state.polling = polling.then_some(Polling { why });
        });
    }

    fn count_list(&self) {
        self.lock().stats.lists += 1;
    }

    fn count_watch(&self) {
        self.lock().stats.watches += 1;
    }

    fn count_events(&self, events: u64) {
        self.lock().stats.events += events;
    }

    fn is_list_requested(&self) -> bool {
        self.needs_list(&self.lock())
    }

    fn list_requested(&self) -> ListRequested<'_> {
        Box::pin(async {
            while !self.is_list_requested() {
                self.list_requested.notified().await;
            }
        })
    }
}

impl SharedState {
    /// Creates the state of a registration that has read nothing yet.
    pub fn new(resume: Resume, context: MessageContext, settings: &Settings, sinks: Sinks) -> Self {
        let Resume { generation, resource_version } = resume;
        let state = State {
            generation,
            resource_version,
            snapshot: None,
            view: None,
            confirmed: None,
            last_list: None,
            addresses_since: Instant::now(),
            watching: false,
            polling: None,
            failure: None,
            stats: WatchStats::default(),
            notify: false,
            ended: None,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            wanted: Mutex::new(None),
            list_requested: Notify::new(),
            alarm: Mutex::new(None),
            alarm_moved: Notify::new(),
            began: Instant::now(),
            context,
            max_stale: settings.max_stale,
            poll_interval: settings.poll_interval,
            place: fastrand::f64(),
            sinks,
        }
    }

    /// Ends the registration: every call from now on, and every waiting one, returns `reason`.
    /// Later reasons are ignored. Returns where the next registration resumes.
    pub fn end(&self, reason: Error) -> Resume {
        let mut state = self.lock();
        let level =
            if reason.status() == Status::Internal { LogLevel::Error } else { LogLevel::Info };
        self.sinks.log.write(level, || reason.to_string());
        state.ended.get_or_insert(reason);
        self.sinks.slot.store(None);
        self.changed.notify_all();
        self.sinks.notifier.notify();
        Resume { generation: state.generation, resource_version: state.resource_version.clone() }
    }

    /// Returns how reliable the results are.
    pub fn health(&self) -> Result<Health> {
        let state = self.lock_live()?;
        Ok(self.health_of(&state))
    }

    /// Returns the metrics as text.
    pub fn metrics(&self) -> Result<String> {
        let state = self.lock_live()?;
        let (health, view) = (&self.health_of(&state), state.view.as_deref());
        let State { stats, generation, .. } = &*state;
        Ok(Metrics { context: &self.context, health, stats, generation: *generation, view }
            .render(SystemTime::now()))
    }

    /// Returns every pod and its verdict.
    pub fn explain(&self, form: Form) -> Result<String> {
        Ok(explain(&*self.view()?, &self.context, form))
    }

    /// Returns the last view of the pods.
    pub fn view(&self) -> Result<Arc<View>> {
        let state = self.lock_live()?;
        state.view.clone().ok_or_else(|| self.context.not_synced(state.error()))
    }

    /// Returns what messages name.
    pub fn context(&self) -> &MessageContext {
        &self.context
    }

    /// Makes the descriptors readable when time alone changes what a call returns. Runs next to the
    /// watcher, without end.
    pub async fn notify_in_time(&self) {
        let mut reported = None;
        loop {
            let too_old = self.too_old_from().filter(|moment| Some(*moment) != reported);
            let alarm = *self.alarm();
            let due = alarm.into_iter().chain(too_old).min();
            tokio::select! {
                () = self.alarm_moved.notified() => continue,
                () = sleep_until(due) => {}
            }
            let now = Instant::now();
            self.alarm().take_if(|alarm| *alarm <= now);
            reported = too_old.filter(|moment| *moment <= now).or(reported);
            self.sinks.notifier.notify();
        }
    }

    fn confirm_and_recover(&self, state: &mut State) {
        self.confirm_now(state);
        if state.failure.take().is_some() {
            self.sinks.log.write(LogLevel::Info, || "the API server answers again".into());
        }
    }

    fn confirm_now(&self, state: &mut State) {
        if self.max_stale.is_some() {
            state.notify |= self.is_too_old(state);
            self.alarm_moved.notify_one();
        }
        state.confirmed = Some(Instant::now());
    }

    fn needs_list(&self, state: &State) -> bool {
        self.wanted()
            .is_some_and(|wanted| state.last_list.is_none_or(|list| list.requested < wanted))
    }

    /// Requests a list that is at least as new as this moment.
    pub(super) fn request_list(&self, moment: Instant) {
        let mut wanted = self.wanted();
        if wanted.is_none_or(|before| before < moment) {
            *wanted = Some(moment);
            self.list_requested.notify_one();
        }
    }

    /// Makes the descriptors readable at that time.
    pub(super) fn notify_at(&self, moment: Instant) {
        let mut alarm = self.alarm();
        if alarm.is_none_or(|before| moment < before) {
            *alarm = Some(moment);
            self.alarm_moved.notify_one();
        }
    }

    /// Returns when the result becomes too old to be returned, unless it is confirmed before.
    fn too_old_from(&self) -> Option<Instant> {
        Some(self.lock().confirmed? + self.max_stale? + Duration::from_millis(1))
    }

    pub(super) fn is_too_old(&self, state: &State) -> bool {
        self.max_stale
            .is_some_and(|max| state.confirmed.is_none_or(|confirmed| confirmed.elapsed() > max))
    }

    fn health_of(&self, state: &State) -> Health {
        let age = state.confirmed.map(|confirmed| confirmed.elapsed());
        let polls = if state.polling.is_some() { self.poll_interval * 3 } else { Duration::ZERO };
        let limit = self.max_stale.unwrap_or(STALE_AFTER.max(polls));
        let stale = age.is_none_or(|age| age > limit);
        Health {
            age,
            stale,
            watching: state.watching,
            polling: state.polling.is_some(),
            last_error: state.failure.as_ref().or(state.polling_error()).cloned(),
        }
    }

    /// Returns the snapshot that is the answer until something changes. With a limit of age, time
    /// changes it, too.
    pub(super) fn current<'a>(&self, state: &'a State) -> Option<&'a Arc<Snapshot>> {
        let is_open = |snapshot: &&Arc<Snapshot>| {
            snapshot.view().gate == AnswerGate::Open && self.max_stale.is_none()
        };
        state.snapshot.as_ref().filter(is_open)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let Sinks { slot, notifier, log } = &self.sinks;
        let mut state = self.lock();
        if state.ended.is_some() {
            return;
        }
        let before = state.reported();
        change(&mut state);
        slot.store(self.current(&state));
        self.changed.notify_all();
        let changed = std::mem::take(&mut state.notify) || state.reported() != before;
        drop(state);
        if changed || log.is_waiting() {
            notifier.notify();
        }
    }

    /// Returns an error if the registration has ended.
    pub(super) fn lock_live(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.lock();
        match &state.ended {
            Some(reason) => Err(reason.clone()),
            None => Ok(state),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alarm(&self) -> MutexGuard<'_, Option<Instant>> {
        self.alarm.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread that locks both this and `state` locks `state` first.
    pub(super) fn wanted(&self) -> MutexGuard<'_, Option<Instant>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

impl State {
    /// Returns why the pods cannot be read at present.
    pub(super) fn error(&self) -> Option<&Error> {
        self.failure.as_ref().map(|failure| &failure.error)
    }

    fn polling_error(&self) -> Option<&LastError> {
        self.polling.as_ref().and_then(|polling| polling.why.as_ref())
    }

    /// Returns what the descriptors report changes of. A caller that waits needs to know whether an
    /// error is permanent.
    fn reported(&self) -> (u64, bool, [Option<(&'static str, bool)>; 2]) {
        let kind = |error: &LastError| (error.class, error.error.is_retryable());
        let errors = [self.failure.as_ref(), self.polling_error()];
        (self.generation, self.polling.is_some(), errors.map(|error| error.map(kind)))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::tests::settings;
    use crate::discovery::pod_index::view_of;
    use crate::discovery::policy::Reason;
    use crate::discovery::policy::tests::{pod, policy};
    use crate::discovery::snapshot::ExcludedPod;
    use crate::provider::messages::tests::context;
    use crate::provider::snapshot_slot::SnapshotSlot;
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    pub(in crate::provider) fn shared() -> SharedState {
        SharedState::new(Resume::default(), context(), &settings(&[]), Sinks::default())
    }

    /// Of pods at these addresses.
    pub(in crate::provider) fn view(gate: AnswerGate, addresses: &[&str]) -> View {
        let pods: Vec<_> = addresses.iter().map(|ip| Arc::new(pod(ip, ip))).collect();
        View { gate, ..view_of(pods.iter(), &policy("me")) }
    }

    pub(in crate::provider) fn failure(status: Status, message: &str) -> LastError {
        LastError::new(Error::new(status, message), "http")
    }

    #[test]
    fn descriptor_reports_another_class_of_error_and_its_end() {
        let shared = shared();
        let mut theirs = UnixStream::from(shared.sinks.notifier.descriptor().unwrap());
        let mut is_notified = || theirs.read(&mut [0; 64]).unwrap_or(0) > 0;
        assert!(is_notified(), "at once");
        shared.fail(failure(Status::Unavailable, "refused"));
        assert!(is_notified());
        shared.fail(failure(Status::Unavailable, "refused again"));
        assert!(!is_notified(), "the same kind");
        shared.fail(failure(Status::Forbidden, "may not list"));
        assert!(is_notified(), "not to be waited for");
        shared.confirm();
        assert!(is_notified(), "over");
        shared.confirm();
        assert!(!is_notified());
    }

    #[test]
    fn same_view_is_published_once() {
        let shared = shared();
        for _ in 0..3 {
            shared.publish(view(AnswerGate::Open, &["10.0.0.1"]));
        }
        assert_eq!(shared.newer_than(0, Duration::ZERO).unwrap().generation(), 1);
        shared.publish(view(AnswerGate::Open, &[]));
        assert_eq!(shared.end(Error::new(Status::Closed, "closed")).generation, 2);
        shared.publish(view(AnswerGate::Open, &["10.0.0.1"]));
        assert_eq!(
            shared.end(Error::new(Status::Closed, "closed")).generation,
            2,
            "nothing is published after the end"
        );
    }

    #[test]
    fn slot_holds_the_snapshot_that_is_returned_at_once() {
        let place: &SnapshotSlot = Box::leak(Box::default());
        let slot = SlotWriter::begin(place, 1);
        let shared = SharedState::new(
            Resume::default(),
            context(),
            &settings(&[]),
            Sinks { slot, ..Sinks::default() },
        );
        for (gate, generation) in [
            (AnswerGate::SelfAbsent, 0),
            (AnswerGate::Open, 2),
            (AnswerGate::SelfUnclear, 0),
            (AnswerGate::Open, 4),
        ] {
            shared.publish(view(gate, &["10.0.0.1"]));
            assert_eq!(place.generation(1), generation);
        }
        shared.fail(failure(Status::Unavailable, "refused"));
        assert_eq!(place.generation(1), 4);
        shared.end(Error::new(Status::Closed, "closed"));
        assert_eq!(place.generation(1), 0);
        let limited = SharedState::new(
            Resume::default(),
            context(),
            &settings(&[("max_stale_ms", "1000")]),
            Sinks { slot, ..Sinks::default() },
        );
        limited.publish(view(AnswerGate::Open, &[]));
        assert_eq!(place.generation(1), 0);
    }

    #[test]
    fn change_that_no_caller_sees_is_no_new_generation() {
        let shared = shared();
        shared.publish(view(AnswerGate::Open, &["10.0.0.1"]));
        let mut excluded = view(AnswerGate::Open, &["10.0.0.1"]);
        excluded.excluded.insert(ExcludedPod {
            pod: Arc::new(pod("new", "10.0.0.9")),
            reason: Reason::NotReady,
        });
        shared.publish(excluded);
        assert_eq!(shared.newer_than(0, Duration::ZERO).unwrap().generation(), 1);
        assert!(shared.explain(Form::Table).unwrap().contains("not-ready"));
    }

    #[test]
    fn health_reports_confirmations_and_errors() {
        let shared = shared();
        let health = shared.health().unwrap();
        assert!(health.age.is_none() && health.stale && health.last_error.is_none());
        shared.publish(view(AnswerGate::Open, &[]));
        let health = shared.health().unwrap();
        assert!(health.age.is_some() && !health.stale && !health.polling);
        shared.fail(failure(Status::Unavailable, "refused"));
        let health = shared.health().unwrap();
        assert_eq!((health.stale, health.last_error.unwrap().class), (false, "http"));
        shared.confirm();
        assert!(shared.health().unwrap().last_error.is_none());
        shared.set_polling(true, Some(failure(Status::Forbidden, "may not watch")));
        shared.confirm();
        let health = shared.health().unwrap();
        assert_eq!(
            (health.polling, health.last_error.unwrap().error.status()),
            (true, Status::Forbidden)
        );
        shared.end(Error::new(Status::Closed, "closed"));
        assert_eq!(shared.health().unwrap_err().status(), Status::Closed);
    }

    /// Ready or not, the addresses are the same.
    #[test]
    fn change_of_readiness_keeps_the_addresses_stable() {
        let shared = shared();
        shared.publish(view(AnswerGate::Open, &["10.0.0.1"]));
        let settled = shared.lock().addresses_since;
        let mut ready = pod("10.0.0.1", "10.0.0.1");
        ready.ready = true;
        shared.publish(View {
            gate: AnswerGate::Open,
            ..view_of([Arc::new(ready)].iter(), &policy("me"))
        });
        assert_eq!(shared.lock().addresses_since, settled);
        assert_eq!(shared.newer_than(0, Duration::ZERO).unwrap().generation(), 2);
        shared.publish(view(AnswerGate::Open, &["10.0.0.2"]));
        assert!(shared.lock().addresses_since > settled);
    }
}
