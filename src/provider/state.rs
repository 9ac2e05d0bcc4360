//! Where the watcher's thread and the callers' threads meet: the latest snapshot, or why there is none.

use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;

use crate::config::Settings;
use crate::discovery::snapshot::{Gate, Snapshot, View};
use crate::error::{Error, Result};
use crate::kube_api::{place_in_spread, random};
use crate::provider::explain::{Form, explain};
use crate::provider::health::{Health, LastError, STALE_AFTER, WatchStats};
use crate::provider::log::{Level, Log};
use crate::provider::messages::Subject;
use crate::provider::metrics::Metrics;
use crate::provider::notifier::Changes;
use crate::provider::snapshot_slot::SlotWriter;
use crate::status::Status;

/// A list this old confirms that a set is stable. A list from a server whose cache lags takes 3.1 s:
/// a caller that polls with a shorter limit would demand one list after the other.
const RECENT: Duration = Duration::from_secs(5);
/// Requests of a refresh are numbered by the microseconds since then.
pub static CLOCK: LazyLock<Instant> = LazyLock::new(Instant::now);

/// How long the members of a large set spread the lists that confirm that it is stable.
const LONGEST_SPREAD: Duration = Duration::from_secs(5);

/// What one registration knows. It ends with its registration.
#[derive(Debug)]
pub struct Latest {
    state: Mutex<State>,
    changed: Condvar,
    /// The last moment of which somebody wants a list, that moment or later.
    wanted: Mutex<Option<Instant>>,
    demand: Notify,
    /// When the descriptors are to become readable although nothing changes.
    alarm: Mutex<Option<Instant>>,
    /// The alarm, or the last confirmation, has moved.
    alarm_moved: Notify,
    /// A request of a refresh from before then belongs to another registration.
    began: Instant,
    /// For messages: whose pods these are.
    subject: Subject,
    /// `max_stale_ms`
    max_stale: Option<Duration>,
    poll_interval: Duration,
    /// Where this client comes, from 0 to 1, when all clients of a set make the same request. It stays
    /// the same for callers that poll.
    place: f64,
    outlets: Outlets,
}

/// Where a provider tells what is new. They outlast its registrations.
#[derive(Clone, Debug, Default)]
pub struct Outlets {
    /// The snapshot that is returned at once.
    pub slot: SlotWriter,
    /// That there may be another one.
    pub changes: Arc<Changes>,
    /// What happens, in words.
    pub log: Arc<Log>,
}

/// What one registration leaves to the next.
#[derive(Clone, Debug, Default)]
pub struct Resume {
    /// Generations grow over a provider's whole life.
    pub generation: u64,
    /// The last resourceVersion that was reached: an API server that lags must not lead back
    /// behind it.
    pub resource_version: Option<Box<str>>,
}

#[derive(Debug)]
struct State {
    generation: u64,
    /// Up to where the pods are known.
    resource_version: Option<Box<str>>,
    snapshot: Option<Arc<Snapshot>>,
    /// The pods as they were last judged. Of the snapshot's view it may differ in what is left out.
    view: Option<Arc<View>>,
    /// When the API server last showed that the view holds.
    sign_of_life: Option<Instant>,
    /// When the last complete list was asked for that was certain to be of that moment or later.
    listed: Option<Instant>,
    /// When that list arrived.
    list_arrived: Option<Instant>,
    /// Since when the addresses are the same.
    settled: Instant,
    /// Since when a watch is open.
    watched: Option<Instant>,
    polling: bool,
    /// Why the pods are polled, if that was not asked for.
    cannot_watch: Option<LastError>,
    /// Why the pods cannot be read at present.
    trouble: Option<LastError>,
    counts: WatchStats,
    /// Something has happened that a caller may wait for, besides a new generation or another error.
    notify: bool,
    /// Set once: every call is answered with it.
    ended: Option<Error>,
}

impl Latest {
    /// Creates the state of a registration that has read nothing yet.
    pub fn new(resume: Resume, subject: Subject, settings: &Settings, outlets: Outlets) -> Self {
        let Resume { generation, resource_version } = resume;
        let state = State {
            generation,
            resource_version,
            snapshot: None,
            view: None,
            sign_of_life: None,
            listed: None,
            list_arrived: None,
            settled: Instant::now(),
            watched: None,
            polling: false,
            cannot_watch: None,
            trouble: None,
            counts: WatchStats::default(),
            notify: false,
            ended: None,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            wanted: Mutex::new(None),
            demand: Notify::new(),
            alarm: Mutex::new(None),
            alarm_moved: Notify::new(),
            began: Instant::now(),
            subject,
            max_stale: settings.max_stale,
            poll_interval: settings.poll_interval,
            place: random(),
            outlets,
        }
    }

    /// The pods were read. An answer that did not change is not published again.
    pub fn publish(&self, view: View) {
        let view = Arc::new(view);
        self.change(|state| {
            state.counts.views += 1;
            self.signs_of_life(state);
            // What the snapshot tells, it tells as well, and it has more in common with the new one.
            let last = state.view.as_ref();
            if !last.is_some_and(|last| last.has_addresses_of(&view)) {
                state.settled = Instant::now();
            }
            if !last.is_some_and(|last| last.answers_as(&view)) {
                state.generation += 1;
                state.snapshot = Some(Arc::new(Snapshot::new(state.generation, view.clone())));
                let View { peers, gate, left_out, .. } = &*view;
                self.outlets.log.write(Level::Info, || {
                    let (peers, left_out, generation) = (peers.len(), left_out.len(), state.generation);
                    format!("generation {generation}: {peers} peers, {left_out} pods left out, gate {}", gate.name())
                });
            }
            state.view = Some(view);
        });
    }

    /// The API server has shown that the pods are still as they were published.
    pub fn confirm(&self) {
        self.change(|state| self.signs_of_life(state));
    }

    /// The same, while other requests still fail.
    pub fn confirm_despite_error(&self) {
        self.change(|state| self.confirmed(state));
    }

    /// Returns the resourceVersion that an earlier registration has reached.
    pub fn resumes_from(&self) -> Option<Box<str>> {
        self.lock().resource_version.clone()
    }

    /// The pods are known up to this resourceVersion.
    pub fn reached(&self, resource_version: &str) {
        self.lock().resource_version = Some(resource_version.into());
    }

    /// What was published is of the moment `asked` or later, for certain.
    pub fn listed(&self, asked: Instant) {
        self.change(|state| {
            state.notify = self.is_demanded_in(state);
            state.listed = Some(asked);
            state.list_arrived = Some(Instant::now());
        });
    }

    /// The pods could not be read; the last snapshot stands.
    pub fn fail(&self, trouble: LastError) {
        self.change(|state| {
            self.outlets.log.write(Level::Warn, || trouble.error.to_string());
            *state.counts.failures.entry(trouble.class).or_default() += 1;
            state.notify = self.is_demanded_in(state);
            state.trouble = Some(trouble);
        });
    }

    /// Records something that an operator should know and that is no failure.
    pub fn warn(&self, message: String) {
        self.change(|_| self.outlets.log.write(Level::Warn, || message));
    }

    /// Whether a watch is open.
    pub fn watches(&self, open: bool) {
        self.change(|state| {
            if open != state.watched.is_some() {
                let what = if open { "open" } else { "over" };
                self.outlets.log.write(Level::Debug, || format!("the watch is {what}"));
            }
            state.watched = open.then(Instant::now);
        });
    }

    fn is_well(&self, state: &mut State) {
        if state.trouble.take().is_some() {
            self.outlets.log.write(Level::Info, || "the API server answers again".into());
        }
    }

    fn signs_of_life(&self, state: &mut State) {
        self.confirmed(state);
        self.is_well(state);
    }

    fn confirmed(&self, state: &mut State) {
        if self.max_stale.is_some() {
            state.notify |= self.is_too_old(state);
            self.alarm_moved.notify_one();
        }
        state.sign_of_life = Some(Instant::now());
    }

    /// Whether the pods are polled, and if that was not asked for, why.
    pub fn polls(&self, polling: bool, why: Option<LastError>) {
        self.change(|state| {
            if polling != state.polling {
                let why = why.as_ref().map(|why| format!(": {}", why.error)).unwrap_or_default();
                let how = if polling { "polled" } else { "watched" };
                self.outlets.log.write(Level::Info, || format!("the pods are {how}{why}"));
            }
            state.polling = polling;
            if why.is_some() {
                state.trouble = None;
            }
            state.cannot_watch = why;
        });
    }

    /// WatchStats what has been done.
    pub fn count(&self, count: impl FnOnce(&mut WatchStats)) {
        count(&mut self.lock().counts);
    }

    /// Every call from now on, and every waiting one, is answered with `reason`. The first reason stands.
    /// Returns where the next registration goes on.
    pub fn end(&self, reason: Error) -> Resume {
        let mut state = self.lock();
        let level = if reason.status() == Status::Internal { Level::Error } else { Level::Info };
        self.outlets.log.write(level, || reason.to_string());
        state.ended.get_or_insert(reason);
        self.outlets.slot.store(None);
        self.changed.notify_all();
        self.outlets.changes.tell();
        Resume { generation: state.generation, resource_version: state.resource_version.clone() }
    }

    /// Waits until somebody wants a list that is newer than the last one.
    pub async fn demanded(&self) {
        while !self.is_demanded() {
            self.demand.notified().await;
        }
    }

    /// Whether somebody wants a list that is newer than the last one.
    pub fn is_demanded(&self) -> bool {
        self.is_demanded_in(&self.lock())
    }

    fn is_demanded_in(&self, state: &State) -> bool {
        self.wanted().is_some_and(|wanted| state.listed.is_none_or(|listed| listed < wanted))
    }

    /// Demands a list at least as new as this moment.
    fn demand(&self, moment: Instant) {
        let mut wanted = self.wanted();
        if wanted.is_none_or(|before| before < moment) {
            *wanted = Some(moment);
            self.demand.notify_one();
        }
    }

    /// Makes the descriptors readable at that time.
    fn notify_at(&self, moment: Instant) {
        let mut alarm = self.alarm();
        if alarm.is_none_or(|before| moment < before) {
            *alarm = Some(moment);
            self.alarm_moved.notify_one();
        }
    }

    /// Makes the descriptors readable when time alone changes what a call returns. Runs next to the watcher, without end.
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
            self.outlets.changes.tell();
        }
    }

    /// Returns when the result becomes too old to be handed out, unless it is confirmed before.
    fn too_old_from(&self) -> Option<Instant> {
        Some(self.lock().sign_of_life? + self.max_stale? + Duration::from_millis(1))
    }

    fn alarm(&self) -> MutexGuard<'_, Option<Instant>> {
        self.alarm.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Taken after `state`, where both are.
    fn wanted(&self) -> MutexGuard<'_, Option<Instant>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the pods have been read once. Not having read them in time is no error; what will not mend itself is.
    pub fn first_sync(&self, timeout: Duration) -> Result<()> {
        let check = |state: &State| match (&state.snapshot, state.trouble()) {
            (Some(_), _) => Break(Ok(())),
            (None, Some(error)) if !error.is_retryable() => Break(Err(error.clone())),
            _ => Continue(timeout),
        };
        self.until(timeout, check, |_| Ok(()))
    }

    /// Waits for a snapshot newer than `generation` that may be handed out.
    pub fn newer_than(&self, generation: u64, timeout: Duration) -> Result<Arc<Snapshot>> {
        let check = |state: &State| match self.answer(state) {
            Some(Ok(snapshot)) if snapshot.generation() <= generation => Continue(self.until_too_old(state, timeout)),
            Some(answer) => {
                // Whoever comes here found nothing there.
                self.outlets.slot.store(self.at_once(state));
                Break(answer)
            }
            None => Continue(timeout),
        };
        self.until(timeout, check, |state| {
            let message = format!("nothing newer than generation {generation} came within {} ms", timeout.as_millis());
            Err(self.why_not(state, |_| Error::new(Status::Timeout, message)))
        })
    }

    /// Waits for at least `min` peers whose addresses have been the same for `stable_for`. Only a list after that time shows
    /// that: an open watch may be silent because it is dead, and a server that has lost etcd sends bookmarks on.
    pub fn settled(&self, min: usize, stable_for: Duration, timeout: Duration) -> Result<Arc<Snapshot>> {
        let asked = Instant::now();
        let check = |state: &State| match self.answer(state) {
            Some(Ok(snapshot)) if snapshot.len() >= min => {
                let Some(needed) = state.list_needed(stable_for, asked) else { return Break(Ok(snapshot)) };
                // All members of a set become stable in the same moment: they do not list in the same moment.
                let spread = place_in_spread(snapshot.len(), LONGEST_SPREAD, self.place);
                let due = (state.settled + stable_for + spread).saturating_duration_since(Instant::now());
                if due.is_zero() {
                    self.demand(needed);
                    return Continue(timeout);
                }
                if timeout.is_zero() {
                    self.notify_at(Instant::now() + due);
                }
                Continue(due)
            }
            Some(Err(error)) => Break(Err(error)),
            _ => Continue(timeout),
        };
        self.until(timeout, check, |state| {
            Err(self.why_not(state, |state| {
                let found = state.snapshot.as_ref().map_or(0, |snapshot| snapshot.len());
                self.subject.unsettled(found, min, stable_for, state.trouble())
            }))
        })
    }

    /// Requests a list and waits for it. The list of an earlier request is not requested again.
    pub fn refresh(&self, request: &mut u64, timeout: Duration) -> Result<()> {
        let asked = self.requested(request)?;
        self.demand(asked);
        let fresh = |state: &State| state.listed.is_some_and(|listed| listed >= asked);
        let check = |state: &State| if fresh(state) { Break(Ok(())) } else { Continue(timeout) };
        self.until(timeout, check, |state| Err(self.stale(state)))
    }

    /// Returns when that refresh was requested; 0 is a new one, which gets its number.
    fn requested(&self, request: &mut u64) -> Result<Instant> {
        if *request == 0 {
            // The next microsecond: a list that was requested earlier in this one is not new enough.
            *request = 1 + u64::try_from(CLOCK.elapsed().as_micros()).unwrap_or(u64::MAX - 1);
        }
        let moment = CLOCK.checked_add(Duration::from_micros(*request));
        let latest = Instant::now() + Duration::from_micros(1);
        match moment.filter(|moment| *moment <= latest) {
            Some(moment) if moment >= self.began => Ok(moment),
            Some(_) => {
                Err(Error::new(Status::NotRegistered, "not registered: the registration of `request` has ended"))
            }
            None => {
                let message = format!("`request` is {request}: expected 0 or a number that refresh stored");
                Err(Error::new(Status::InvalidArgument, message))
            }
        }
    }

    /// How sure the answers are.
    pub fn health(&self) -> Result<Health> {
        self.look(|state| Ok(self.health_of(state)))
    }

    /// The metrics as text.
    pub fn metrics(&self) -> Result<String> {
        self.look(|state| {
            let (health, view) = (&self.health_of(state), state.view.as_deref());
            let State { counts, generation, .. } = state;
            Ok(Metrics { subject: &self.subject, health, counts, generation: *generation, view }
                .render(SystemTime::now()))
        })
    }

    /// Every pod and its verdict.
    pub fn explain(&self, form: Form) -> Result<String> {
        let view = self.look(|state| state.view.clone().ok_or_else(|| self.subject.not_synced(state.trouble())))?;
        Ok(explain(&view, &self.subject, form))
    }

    fn health_of(&self, state: &State) -> Health {
        let age = state.sign_of_life.map(|sign| sign.elapsed());
        let polls = if state.polling { self.poll_interval * 3 } else { Duration::ZERO };
        let limit = self.max_stale.unwrap_or(STALE_AFTER.max(polls));
        let stale = age.is_none_or(|age| age > limit);
        Health {
            age,
            stale,
            watching: state.watched.is_some(),
            polling: state.polling,
            trouble: state.trouble.clone().or_else(|| state.cannot_watch.clone()),
        }
    }

    /// What may be answered now; `None` if that has to be waited for.
    fn answer(&self, state: &State) -> Option<Result<Arc<Snapshot>>> {
        let snapshot = state.snapshot.as_ref()?;
        match &snapshot.view().gate {
            Gate::Open if self.is_too_old(state) => {
                // One that was asked for since the last sign of life, and has not come yet, will do.
                if self.wanted().is_none_or(|wanted| state.sign_of_life.is_none_or(|sign| wanted < sign)) {
                    self.demand(Instant::now());
                }
                None
            }
            Gate::Open => Some(Ok(snapshot.clone())),
            Gate::SelfExcluded(reason) => Some(Err(self.subject.excluded(*reason))),
            Gate::SelfUnselected(labels) => Some(Err(self.subject.unselected(labels))),
            Gate::SelfUnclear => Some(Err(self.subject.unclear())),
            Gate::SelfAbsent | Gate::SelfNotYet(_) => None,
        }
    }

    /// What is answered until something changes. With a limit of age, time changes it too.
    fn at_once<'a>(&self, state: &'a State) -> Option<&'a Arc<Snapshot>> {
        let open = |snapshot: &&Arc<Snapshot>| snapshot.view().gate == Gate::Open && self.max_stale.is_none();
        state.snapshot.as_ref().filter(open)
    }

    fn until_too_old(&self, state: &State, otherwise: Duration) -> Duration {
        let left = |max: Duration| Some(max.saturating_sub(state.sign_of_life?.elapsed()) + Duration::from_millis(1));
        self.max_stale.and_then(left).unwrap_or(otherwise)
    }

    fn is_too_old(&self, state: &State) -> bool {
        self.max_stale.is_some_and(|max| state.sign_of_life.is_none_or(|sign| sign.elapsed() > max))
    }

    /// Waits until `check` breaks off, the end comes, or the time is over: then `late` says what that means, of the very state that
    /// `check` saw. It is asked again when something has changed, and after the time that it gives.
    fn until<T>(
        &self,
        timeout: Duration,
        check: impl Fn(&State) -> ControlFlow<Result<T>, Duration>,
        late: impl FnOnce(&State) -> Result<T>,
    ) -> Result<T> {
        // Reading the clock costs more than an answer that is there.
        let mut deadline = None;
        let mut state = self.lock();
        loop {
            if let Some(reason) = &state.ended {
                return Err(reason.clone());
            }
            let again = match check(&state) {
                Break(outcome) => return outcome,
                Continue(again) => again,
            };
            let now = Instant::now();
            let left = deadline.get_or_insert(now + timeout).saturating_duration_since(now);
            if left.is_zero() {
                return late(&state);
            }
            state = self.changed.wait_timeout(state, left.min(again)).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let Outlets { slot, changes, log } = &self.outlets;
        let mut state = self.lock();
        if state.ended.is_some() {
            return;
        }
        let before = state.reported();
        change(&mut state);
        slot.store(self.at_once(&state));
        self.changed.notify_all();
        let changed = std::mem::take(&mut state.notify) || state.reported() != before;
        drop(state);
        if changed || log.is_waiting() {
            changes.tell();
        }
    }

    fn look<T>(&self, look: impl FnOnce(&State) -> Result<T>) -> Result<T> {
        let state = self.lock();
        match &state.ended {
            Some(reason) => Err(reason.clone()),
            None => look(&state),
        }
    }

    /// Why there is no answer. `otherwise` says it where there is one, but not what was asked for.
    fn why_not(&self, state: &State, otherwise: impl FnOnce(&State) -> Error) -> Error {
        let Some(snapshot) = &state.snapshot else { return self.subject.not_synced(state.trouble()) };
        match &snapshot.view().gate {
            Gate::SelfAbsent => self.subject.absent(),
            Gate::SelfNotYet(reason) => self.subject.not_yet(*reason),
            _ if self.is_too_old(state) => self.stale(state),
            _ => otherwise(state),
        }
    }

    fn stale(&self, state: &State) -> Error {
        match state.sign_of_life {
            Some(sign) => self.subject.stale(sign.elapsed(), state.trouble()),
            None => self.subject.not_synced(state.trouble()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

impl State {
    /// Returns how new a list must be before the addresses count as stable for a caller who asked at that moment; `None` if
    /// the last list is new enough. It must have been requested after the addresses had been the same for `stable_for`. Its
    /// age counts from its arrival: otherwise a slow list would be too old for every call of a caller that polls.
    fn list_needed(&self, stable_for: Duration, asked: Instant) -> Option<Instant> {
        let is_recent = |arrived: Instant| asked.saturating_duration_since(arrived) <= stable_for.max(RECENT);
        let since = self.settled + stable_for;
        let needed = if self.list_arrived.is_some_and(is_recent) { since } else { since.max(asked) };
        let stable = (!stable_for.is_zero()).then_some(needed);
        // While requests fail, only the next list shows that the last one still holds.
        let next = self.listed.map_or(asked, |listed| listed + Duration::from_nanos(1));
        let needed = stable.max(self.trouble.is_some().then_some(next));
        needed.filter(|needed| self.listed.is_none_or(|listed| listed < *needed))
    }

    fn trouble(&self) -> Option<&Error> {
        self.trouble.as_ref().map(|trouble| &trouble.error)
    }

    /// Returns what the descriptors report changes of. A caller that waits needs to know whether an error is permanent.
    fn reported(&self) -> (u64, bool, [Option<(&'static str, bool)>; 2]) {
        let kind = |error: &Option<LastError>| error.as_ref().map(|error| (error.class, error.error.is_retryable()));
        (self.generation, self.polling, [kind(&self.trouble), kind(&self.cannot_watch)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::settings;
    use crate::discovery::policy::Reason;
    use crate::discovery::policy::tests::{pod, rules};
    use crate::discovery::snapshot::LeftOut;
    use crate::provider::messages::tests::subject;
    use crate::provider::snapshot_slot::SnapshotSlot;
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::thread;

    fn latest() -> Latest {
        Latest::new(Resume::default(), subject(), &settings(&[]), Outlets::default())
    }

    /// Of pods at these addresses.
    fn view(gate: Gate, addresses: &[&str]) -> View {
        let pods: Vec<_> = addresses.iter().map(|ip| Arc::new(pod(ip, ip))).collect();
        View { gate, ..View::of(pods.iter(), &rules("me")) }
    }

    fn trouble(status: Status, message: &str) -> LastError {
        LastError { error: Error::new(status, message), class: "http" }
    }

    fn status(latest: &Latest, after: u64) -> Status {
        latest.newer_than(after, Duration::ZERO).unwrap_err().status()
    }

    #[test]
    fn each_state_has_its_own_status() {
        let latest = latest();
        assert_eq!(status(&latest, 0), Status::NotSynced);
        assert!(latest.newer_than(0, Duration::ZERO).unwrap_err().is_retryable());
        latest.publish(view(Gate::SelfAbsent, &["10.0.0.1"]));
        assert_eq!(status(&latest, 0), Status::SelfNotVisible);
        latest.publish(view(Gate::SelfNotYet(Reason::NoIp), &["10.0.0.1"]));
        assert_eq!(status(&latest, 0), Status::SelfNotVisible);
        latest.publish(view(Gate::SelfExcluded(Reason::NoDiscoveryPort), &["10.0.0.1"]));
        assert_eq!(status(&latest, 0), Status::SelfExcluded);
        latest.publish(view(Gate::Open, &[]));
        let alone = latest.newer_than(0, Duration::ZERO).unwrap();
        assert!(alone.is_empty());
        assert_eq!(status(&latest, alone.generation()), Status::Timeout);
    }

    #[test]
    fn a_failure_says_why_and_never_takes_the_last_answer_away() {
        let latest = latest();
        let error = Error::new(Status::Forbidden, "may not watch").with_http_status(403);
        latest.fail(LastError { error, class: "forbidden" });
        let error = latest.newer_than(0, Duration::ZERO).unwrap_err();
        assert_eq!((error.status(), error.http_status(), error.is_retryable()), (Status::NotSynced, 403, false));
        assert!(error.message().contains("may not watch"));
        assert_eq!(latest.first_sync(Duration::ZERO).unwrap_err().status(), Status::Forbidden);
        latest.publish(view(Gate::Open, &["10.0.0.1"]));
        latest.fail(trouble(Status::Forbidden, "may not watch"));
        assert_eq!(latest.newer_than(0, Duration::ZERO).unwrap().len(), 1);
        latest.first_sync(Duration::ZERO).unwrap();
    }

    #[test]
    fn another_kind_of_trouble_is_told_and_so_is_its_end() {
        let latest = latest();
        let mut theirs = UnixStream::from(latest.outlets.changes.descriptor().unwrap());
        let mut told = || theirs.read(&mut [0; 64]).unwrap_or(0) > 0;
        assert!(told(), "at once");
        latest.fail(trouble(Status::Unavailable, "refused"));
        assert!(told());
        latest.fail(trouble(Status::Unavailable, "refused again"));
        assert!(!told(), "the same kind");
        latest.fail(trouble(Status::Forbidden, "may not list"));
        assert!(told(), "not to be waited for");
        latest.confirm();
        assert!(told(), "over");
        latest.confirm();
        assert!(!told());
    }

    #[test]
    fn the_same_view_is_published_once() {
        let latest = latest();
        for _ in 0..3 {
            latest.publish(view(Gate::Open, &["10.0.0.1"]));
        }
        assert_eq!(latest.newer_than(0, Duration::ZERO).unwrap().generation(), 1);
        latest.publish(view(Gate::Open, &[]));
        assert_eq!(latest.end(Error::new(Status::Closed, "closed")).generation, 2);
        latest.publish(view(Gate::Open, &["10.0.0.1"]));
        assert_eq!(
            latest.end(Error::new(Status::Closed, "closed")).generation,
            2,
            "nothing is published after the end"
        );
    }

    #[test]
    fn publishing_and_ending_wake_whoever_waits() {
        const LONG: Duration = Duration::from_secs(60);
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

    #[test]
    fn the_snapshot_that_is_returned_at_once_is_in_the_slot() {
        let place: &SnapshotSlot = Box::leak(Box::default());
        let slot = SlotWriter::begin(place, 1);
        let latest = Latest::new(Resume::default(), subject(), &settings(&[]), Outlets { slot, ..Outlets::default() });
        for (gate, generation) in [(Gate::SelfAbsent, 0), (Gate::Open, 2), (Gate::SelfUnclear, 0), (Gate::Open, 4)] {
            latest.publish(view(gate, &["10.0.0.1"]));
            assert_eq!(place.generation(1), generation);
        }
        latest.fail(trouble(Status::Unavailable, "refused"));
        assert_eq!(place.generation(1), 4);
        latest.end(Error::new(Status::Closed, "closed"));
        assert_eq!(place.generation(1), 0);
        let limited = Latest::new(
            Resume::default(),
            subject(),
            &settings(&[("max_stale_ms", "1000")]),
            Outlets { slot, ..Outlets::default() },
        );
        limited.publish(view(Gate::Open, &[]));
        assert_eq!(place.generation(1), 0);
    }

    #[test]
    fn a_change_that_no_caller_sees_is_no_new_generation() {
        let latest = latest();
        latest.publish(view(Gate::Open, &["10.0.0.1"]));
        let mut left_out = view(Gate::Open, &["10.0.0.1"]);
        left_out.left_out.insert(LeftOut { pod: Arc::new(pod("new", "10.0.0.9")), reason: Reason::NotReady });
        latest.publish(left_out);
        assert_eq!(latest.newer_than(0, Duration::ZERO).unwrap().generation(), 1);
        assert!(latest.explain(Form::Table).unwrap().contains("not-ready"));
    }

    #[test]
    fn health_tells_of_signs_of_life_and_of_trouble() {
        let latest = latest();
        let health = latest.health().unwrap();
        assert!(health.age.is_none() && health.stale && health.trouble.is_none());
        latest.publish(view(Gate::Open, &[]));
        let health = latest.health().unwrap();
        assert!(health.age.is_some() && !health.stale && !health.polling);
        latest.fail(trouble(Status::Unavailable, "refused"));
        let health = latest.health().unwrap();
        assert_eq!((health.stale, health.trouble.unwrap().class), (false, "http"));
        latest.confirm();
        assert!(latest.health().unwrap().trouble.is_none());
        latest.polls(true, Some(trouble(Status::Forbidden, "may not watch")));
        latest.confirm();
        let health = latest.health().unwrap();
        assert_eq!((health.polling, health.trouble.unwrap().error.status()), (true, Status::Forbidden));
        latest.end(Error::new(Status::Closed, "closed"));
        assert_eq!(latest.health().unwrap_err().status(), Status::Closed);
    }

    #[test]
    fn what_is_too_old_is_not_given_out_but_asked_for_anew() {
        let latest = Arc::new(Latest::new(
            Resume::default(),
            subject(),
            &Settings { max_stale: Some(Duration::from_millis(1)), ..settings(&[]) },
            Outlets::default(),
        ));
        latest.publish(view(Gate::Open, &["10.0.0.1"]));
        latest.fail(trouble(Status::Unavailable, "refused"));
        thread::sleep(Duration::from_millis(2));
        let error = latest.newer_than(0, Duration::ZERO).unwrap_err();
        assert!(
            error.status() == Status::Stale && error.is_retryable() && error.message().contains("refused"),
            "{error}"
        );
        assert!(latest.health().unwrap().stale);
        // The watcher hears of it.
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(latest.demanded());
    }

    #[test]
    fn fresh_is_what_was_listed_after_it_was_asked_for() {
        let latest = Arc::new(latest());
        latest.publish(view(Gate::Open, &[]));
        let before = Instant::now();
        latest.listed(before);
        assert_eq!(latest.refresh(&mut 0, Duration::ZERO).unwrap_err().status(), Status::Stale);
        let waiting = thread::spawn({
            let latest = latest.clone();
            move || latest.refresh(&mut 0, Duration::from_secs(60))
        });
        while !waiting.is_finished() {
            latest.listed(Instant::now());
            thread::yield_now();
        }
        waiting.join().unwrap().unwrap();
    }

    fn descriptor(latest: &Latest) -> UnixStream {
        let mut theirs = UnixStream::from(latest.outlets.changes.descriptor().unwrap());
        assert!(is_readable(&mut theirs));
        theirs
    }

    /// Reads all that there is.
    fn is_readable(theirs: &mut UnixStream) -> bool {
        theirs.read(&mut [0; 64]).is_ok_and(|length| length > 0)
    }

    /// Waits until time alone makes the descriptor readable.
    fn becomes_readable(latest: &Latest, theirs: &mut UnixStream) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let readable = async {
            while !is_readable(theirs) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        runtime.block_on(async {
            tokio::select! {
                () = latest.notify_in_time() => unreachable!(),
                () = readable => {}
            }
        });
    }

    #[test]
    fn a_refresh_without_waiting_is_reported_when_it_finishes_and_when_it_fails() {
        let latest = latest();
        latest.publish(view(Gate::Open, &[]));
        let mut theirs = descriptor(&latest);
        let mut request = 0;
        assert_eq!(latest.refresh(&mut request, Duration::ZERO).unwrap_err().status(), Status::Stale);
        assert!(request > 0 && !is_readable(&mut theirs));
        for _ in 0..2 {
            latest.fail(trouble(Status::Unavailable, "no"));
            assert!(is_readable(&mut theirs));
        }
        // One that was requested before it is not new enough.
        latest.listed(latest.began);
        assert_eq!(latest.refresh(&mut request, Duration::ZERO).unwrap_err().status(), Status::Stale);
        thread::sleep(Duration::from_millis(1));
        latest.listed(Instant::now());
        assert!(is_readable(&mut theirs));
        latest.refresh(&mut request, Duration::ZERO).unwrap();
        assert!(!latest.is_demanded());
        // A list that no caller waits for is no news.
        latest.listed(Instant::now());
        assert!(!is_readable(&mut theirs));
        let next = self::latest();
        for (registration, mut request, expected) in
            [(&latest, request + 3_600_000_000, Status::InvalidArgument), (&next, request, Status::NotRegistered)]
        {
            assert_eq!(registration.refresh(&mut request, Duration::ZERO).unwrap_err().status(), expected);
        }
    }

    #[test]
    fn stability_that_may_have_been_reached_is_reported_to_who_does_not_wait() {
        let latest = latest();
        latest.publish(view(Gate::Open, &["10.0.0.1"]));
        let mut theirs = descriptor(&latest);
        let settled = || latest.settled(1, Duration::from_millis(20), Duration::ZERO);
        assert_eq!(settled().unwrap_err().status(), Status::Timeout);
        assert!(!is_readable(&mut theirs) && !latest.is_demanded());
        becomes_readable(&latest, &mut theirs);
        while !latest.is_demanded() {
            assert_eq!(settled().unwrap_err().status(), Status::Timeout);
        }
        latest.listed(Instant::now());
        assert!(is_readable(&mut theirs));
        assert_eq!(settled().unwrap().len(), 1);
    }

    #[test]
    fn a_result_that_becomes_too_old_is_reported_once_and_so_is_its_confirmation() {
        let latest =
            Latest::new(Resume::default(), subject(), &settings(&[("max_stale_ms", "1000")]), Outlets::default());
        latest.publish(view(Gate::Open, &["10.0.0.1"]));
        let mut theirs = descriptor(&latest);
        for confirm in [Latest::confirm, Latest::confirm_despite_error, Latest::confirm] {
            becomes_readable(&latest, &mut theirs);
            assert_eq!(status(&latest, 0), Status::Stale);
            confirm(&latest);
            assert!(is_readable(&mut theirs));
            latest.newer_than(0, Duration::ZERO).unwrap();
            latest.confirm();
            assert!(!is_readable(&mut theirs));
        }
    }

    #[test]
    fn settled_is_enough_peers_for_long_enough() {
        const LONG: Duration = Duration::from_secs(60);
        let latest = Arc::new(latest());
        let settled = |min, stable_for, timeout| latest.settled(min, stable_for, timeout).map(|peers| peers.len());
        let status = |min, stable_for| settled(min, stable_for, Duration::ZERO).unwrap_err().status();
        assert_eq!(status(0, Duration::ZERO), Status::NotSynced);
        latest.publish(view(Gate::Open, &["10.0.0.1"]));
        assert_eq!(settled(1, Duration::ZERO, Duration::ZERO), Ok(1));
        assert_eq!(status(2, Duration::ZERO), Status::Timeout);
        assert_eq!(status(1, LONG), Status::Timeout);
        // An open watch that says nothing proves nothing.
        latest.watches(true);
        thread::sleep(Duration::from_millis(20));
        assert_eq!(status(1, Duration::from_millis(1)), Status::Timeout);
        assert!(latest.is_demanded());
        // Neither does a bookmark, which a server sends that has lost etcd.
        latest.confirm();
        assert_eq!(status(1, Duration::from_millis(1)), Status::Timeout);
        latest.listed(Instant::now());
        assert_eq!(settled(1, Duration::from_millis(1), Duration::ZERO), Ok(1));
        // While requests fail, the peers may have changed since the last list.
        latest.fail(trouble(Status::Unavailable, "refused"));
        let error = settled(1, Duration::ZERO, Duration::ZERO).unwrap_err();
        assert!(error.status() == Status::Timeout && error.message().contains("refused"), "{error}");
        assert!(latest.is_demanded());
        latest.confirm();
        assert_eq!(settled(1, Duration::ZERO, Duration::ZERO), Ok(1));
        // More peers later: it goes on waiting, and asks for a list in the end.
        let waiting = thread::spawn({
            let latest = latest.clone();
            move || latest.settled(2, Duration::from_millis(20), LONG)
        });
        latest.publish(view(Gate::Open, &["10.0.0.1", "10.0.0.2"]));
        while !waiting.is_finished() {
            if latest.is_demanded() {
                let requested = Instant::now();
                latest.publish(view(Gate::Open, &["10.0.0.1", "10.0.0.2"]));
                latest.listed(requested);
            }
            thread::yield_now();
        }
        assert_eq!(waiting.join().unwrap().unwrap().len(), 2);
        latest.publish(view(Gate::SelfExcluded(Reason::NoDiscoveryPort), &[]));
        assert_eq!(status(0, Duration::ZERO), Status::SelfExcluded);
    }

    /// Otherwise a server that takes six seconds for a list would get one after the other, for ever.
    #[test]
    fn a_slow_list_confirms_what_is_stable_for_a_caller_that_polls() {
        let latest = latest();
        latest.publish(view(Gate::Open, &["10.0.0.1"]));
        let settled = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
        latest.lock().settled = settled;
        let poll = || latest.settled(1, Duration::from_millis(300), Duration::ZERO).map(|peers| peers.len());
        assert_eq!(poll().unwrap_err().status(), Status::Timeout);
        assert!(latest.is_demanded());
        latest.listed(Instant::now().checked_sub(Duration::from_secs(6)).unwrap());
        assert_eq!(poll().unwrap(), 1);
        // Not one that was requested before the addresses were stable.
        latest.lock().settled = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
        assert_eq!(poll().unwrap_err().status(), Status::Timeout);
    }

    /// Ready or not, the addresses are the same.
    #[test]
    fn what_is_no_change_of_addresses_unsettles_nothing() {
        let latest = latest();
        latest.publish(view(Gate::Open, &["10.0.0.1"]));
        let settled = latest.lock().settled;
        let mut ready = pod("10.0.0.1", "10.0.0.1");
        ready.ready = true;
        latest.publish(View { gate: Gate::Open, ..View::of([Arc::new(ready)].iter(), &rules("me")) });
        assert_eq!(latest.lock().settled, settled);
        assert_eq!(latest.newer_than(0, Duration::ZERO).unwrap().generation(), 2);
        latest.publish(view(Gate::Open, &["10.0.0.2"]));
        assert!(latest.lock().settled > settled);
    }
}
