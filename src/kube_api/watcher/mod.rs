//! Keeps the pods as the API server has them, for as long as it runs.
//!
//! The loop is our own, over kube's client. kube's `watcher` never lists again after an early 410,
//! loops without a pause on a server that closes at once, waits for headers without a limit, and
//! holds a whole page of a list in memory.

mod access;
mod pacer;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{ReadyChunks, Stream, StreamExt};
use tokio::select;
use tokio::time::{Instant, sleep_until};

use self::access::WatchAccess;
use self::pacer::Pacer;
use super::error::{ApiError, ErrorClass};
use super::pod_client::{Consistency, Labels, List, ListEncoding, PodClient};
use super::pod_store::{PodStore, Position, Replaced};
use super::publisher::Publisher;
use super::watch_stream::Event;
use crate::config::Settings;
use crate::discovery::identity::Identity;
use crate::discovery::policy::PeerPolicy;
use crate::discovery::sink::{LastError, Sink};

/// How many events are applied before a snapshot is published, if that many have arrived.
const BURST: usize = 1024;
/// A watch that the server has not ended by then is accepted, even without an event.
const WATCH_ACCEPTED_AFTER: Duration = Duration::from_secs(2);
/// A watch that was open for so long makes up for the interruptions before it.
const STEADY: Duration = Duration::from_secs(10);
/// A watch that ended before this probably ended together with all others of its server.
const SHORTEST_WATCH: Duration = Duration::from_secs(190);
/// A 401 or 403 is transient until it has lasted this long. An API server that is starting refuses
/// valid clients for a moment: it loads tokens before roles, and old tokens before new ones.
const REFUSAL_GRACE: Duration = Duration::from_secs(2);
/// A backup of etcd may have been restored during an outage this long. Only a list shows that.
const LONG_OUTAGE: Duration = Duration::from_secs(30);
/// After a long outage, the watcher lists within this time. The delay is random, so that the
/// clients do not all list at once after an upgrade of the control plane.
const LIST_AFTER_OUTAGE_WITHIN: Duration = Duration::from_secs(120);
/// The fewest and the most watches that one connection serves in turn. Clients that never open new
/// connections would never return to a restarted server.
const WATCHES_PER_CONNECTION: (f64, f64) = (7.0, 13.0);

/// When the watcher does what no event calls for.
#[derive(Clone, Copy, Debug)]
pub struct WatcherTimings {
    /// The pods are never watched.
    pub only_polls: bool,
    /// Between two polls, varied by a fifth.
    pub poll_interval: Duration,
    /// A watch that is silent for so long is opened again on another connection. Servers send a
    /// bookmark about every minute.
    pub silence: Duration,
    /// A watch that is silent for so long is abandoned. The server ends each one before this.
    pub longest_silence: Duration,
    /// Between two most-recent lists, varied by a tenth. They correct what a watch missed.
    pub relist: Duration,
    /// How long the pods are polled before a watch that was forbidden is requested again.
    pub watch_again: Duration,
}

impl WatcherTimings {
    /// The timings for a configuration.
    pub fn of(settings: &Settings) -> Self {
        Self {
            only_polls: settings.poll_only,
            poll_interval: settings.poll_interval,
            silence: Duration::from_secs(90),
            longest_silence: Duration::from_secs(240),
            relist: Duration::from_secs(600),
            watch_again: Duration::from_secs(60),
        }
    }
}

/// The requests that the watcher makes.
pub(super) trait PodApi {
    type Events: Stream<Item = Result<Event, ApiError>> + Unpin;

    /// Reads all pods.
    async fn list(
        &mut self,
        consistency: &Consistency,
        encoding: ListEncoding,
    ) -> Result<List, ApiError>;

    /// Opens a watch of each change after a resourceVersion.
    async fn watch(&mut self, resource_version: &str) -> Result<Self::Events, ApiError>;

    /// Returns the labels of this pod, if it exists and the selector does not match them.
    async fn unselected(&mut self, identity: &Identity) -> Result<Option<Labels>, ApiError>;

    /// Leaves the connections that are open: the next request is made on a new one.
    fn use_new_connections(&mut self);

    /// Returns the error as callers see it. After a 401 it also discards the
    /// client, so that the next request logs in again.
    fn explain(&mut self, error: ApiError) -> LastError;
}

/// Watches until the future is dropped.
pub async fn watch(
    client: PodClient,
    policy: PeerPolicy,
    timings: WatcherTimings,
    sink: Arc<dyn Sink>,
) {
    Watcher::new(client, policy, timings, sink).run().await;
}

/// What the watcher is doing.
enum State<E: Stream> {
    /// It reads all pods. Ends with the list or its error.
    Listing,
    /// It requests a watch from the last resourceVersion. Ends with the server's answer, or when a
    /// caller asks for a list.
    Opening,
    /// A watch is open. The state ends when the watch ends or is silent for too long, or when a
    /// list has replaced the pods.
    Watching(OpenWatch<E>),
    /// The open watch is silent, and the watcher requests another one on a new connection. The
    /// state ends when the server answers, when the open watch delivers or ends, or when a list is
    /// due.
    Reopening(OpenWatch<E>),
    /// No watch is open. The pause ends in time, or earlier if a caller requests a list.
    Pausing(Pause),
}

struct OpenWatch<E: Stream> {
    bursts: ReadyChunks<E>,
    opened: Instant,
    /// When the server last sent something.
    heard: Instant,
    /// When another watch takes its place, if the server sends nothing until then.
    reopen: Instant,
    /// The server has sent something, or has not ended it at once.
    accepted: bool,
    /// The server has sent an event or a bookmark.
    productive: bool,
}

impl<E: Stream> OpenWatch<E> {
    /// Returns whether it ended too early, and without an event, to show that watches work here.
    fn shows_nothing(&self) -> bool {
        !self.productive && self.opened.elapsed() < STEADY
    }
}

struct Pause {
    until: Instant,
    next: Next,
}

/// What follows a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    List,
    Watch,
}

/// What happened while a watch was open.
enum Interrupt<E> {
    Burst(Option<Vec<Result<Event, ApiError>>>),
    /// The server has not ended the watch at once.
    Accepted,
    Silence,
    /// A caller asks for a list, or the periodic one is due.
    ListDue,
    /// This pod is not among the pods, and the lookup of the reason is due again.
    LookupDue,
    /// The answer to the request that is to replace the silent watch.
    Reopened(Result<E, ApiError>),
}

struct Watcher<A> {
    api: A,
    publisher: Publisher,
    sink: Arc<dyn Sink>,
    pods: PodStore,
    timings: WatcherTimings,
    pacer: Pacer,
    access: WatchAccess,
    encoding: ListEncoding,
    /// When the next periodic list is due.
    relist_at: Instant,
    /// Since when neither a list nor a watch has succeeded.
    outage: Option<Instant>,
    /// Since when lists are answered with 401 or 403.
    lists_denied: Option<Instant>,
    /// How many more watches use the present connection.
    watches_left: u32,
}

impl<A: PodApi> Watcher<A> {
    fn new(api: A, policy: PeerPolicy, timings: WatcherTimings, sink: Arc<dyn Sink>) -> Self {
        let mut watcher = Self {
            api,
            publisher: Publisher::new(policy, sink.clone()),
            pods: PodStore::new(sink.resumes_from()),
            sink,
            timings,
            pacer: Pacer::new(),
            access: WatchAccess::Granted,
            encoding: ListEncoding::Compact,
            relist_at: Instant::now(),
            outage: None,
            lists_denied: None,
            watches_left: watches_per_connection(),
        };
        watcher.schedule_relist();
        watcher
    }

    async fn run(mut self) {
        self.sink.set_polling(self.timings.only_polls, None);
        let mut state = State::Listing;
        loop {
            state = match state {
                State::Listing => self.read_all().await,
                State::Opening => self.open().await,
                State::Watching(watch) => self.follow(watch).await,
                State::Reopening(watch) => self.reopen(watch).await,
                State::Pausing(pause) => self.pause(pause).await,
            };
        }
    }

    async fn read_all(&mut self) -> State<A::Events> {
        match self.list().await {
            Ok(()) if self.polls() => {
                let interval = self.timings.poll_interval.mul_f64(0.8 + 0.4 * fastrand::f64());
                pause_until(Instant::now() + interval, Next::List)
            }
            Ok(()) => self.open_when_allowed(),
            Err(error) => self.after_failed_list(error),
        }
    }

    /// Watches from a list. A refused watch is not repeated for each caller who asks for a list.
    fn open_when_allowed(&self) -> State<A::Events> {
        let from = self.pacer.watches_from();
        if from > Instant::now() { pause_until(from, Next::Watch) } else { State::Opening }
    }

    /// Returns whether the pods are polled instead of watched.
    fn polls(&self) -> bool {
        self.timings.only_polls || self.access.is_forbidden()
    }

    fn after_failed_list(&mut self, error: ApiError) -> State<A::Events> {
        self.outage.get_or_insert_with(Instant::now);
        let is_gone = error.class == ErrorClass::Gone;
        let again = self.list_failed(error);
        if is_gone {
            return pause_until(self.pacer.interrupted(self.pods.len()), Next::List);
        }
        let may_watch = matches!(self.pods.position(), Position::At(_)) && !self.polls();
        pause_until(again, if may_watch { Next::Watch } else { Next::List })
    }

    async fn open(&mut self) -> State<A::Events> {
        let Position::At(resource_version) = self.pods.position() else { return State::Listing };
        let resource_version = resource_version.clone();
        self.renew_connection_sometimes();
        // If lists fail, the watch may still be granted. Another list must not end it.
        let list_requested = self.list_requested(!self.pacer.lists_fail());
        self.sink.count_watch();
        let answer = select! {
            answer = self.api.watch(&resource_version) => answer,
            () = list_requested => return State::Listing,
        };
        match answer {
            Ok(events) => self.granted(events),
            Err(error) => self.not_granted(error),
        }
    }

    fn granted(&mut self, events: A::Events) -> State<A::Events> {
        self.sink.set_watching(true);
        self.outage_ended();
        let now = Instant::now();
        State::Watching(OpenWatch {
            bursts: events.ready_chunks(BURST),
            opened: now,
            heard: now,
            reopen: now + self.silence(),
            accepted: false,
            productive: false,
        })
    }

    /// What was known before an outage is known again, unless a backup was restored meanwhile.
    fn outage_ended(&mut self) {
        let now = Instant::now();
        if self.outage.take().is_some_and(|since| now - since >= LONG_OUTAGE) {
            let soon = now + LIST_AFTER_OUTAGE_WITHIN.mul_f64(fastrand::f64());
            self.relist_at = if self.relist_at > now { self.relist_at.min(soon) } else { soon };
        }
    }

    /// The clients of a quiet cluster do not return together.
    fn silence(&self) -> Duration {
        self.timings.silence.mul_f64(1.0 + fastrand::f64() / 10.0)
    }

    /// Handles a refused watch. If watches are refused repeatedly, lists take their place.
    fn not_granted(&mut self, error: ApiError) -> State<A::Events> {
        self.outage.get_or_insert_with(Instant::now);
        if error.class == ErrorClass::Gone {
            return self.position_lost(error);
        }
        if error.questions_watching() {
            self.access.doubt(error.is_denied());
        }
        if error.class == ErrorClass::Forbidden && self.access.is_denied_for(REFUSAL_GRACE) {
            self.access =
                WatchAccess::Forbidden { until: Instant::now() + self.timings.watch_again };
            let why = self.api.explain(error);
            self.sink.set_polling(true, Some(why));
            return pause_until(Instant::now() + self.timings.poll_interval, Next::List);
        }
        if error.spoils_position() {
            self.pods.lose();
        }
        let again = self.pacer.watch_refused(&error, self.pods.len());
        self.leave_connection_after(&error);
        self.report(error, self.access.denied_since());
        let lists =
            self.access.is_doubted_again() || !matches!(self.pods.position(), Position::At(_));
        pause_until(again, if lists { Next::List } else { Next::Watch })
    }

    /// The server cannot resume the watch from the last resourceVersion.
    fn position_lost(&mut self, error: ApiError) -> State<A::Events> {
        self.pods.lose();
        self.pacer.honor(&error);
        self.report(error, None);
        pause_until(self.pacer.interrupted(self.pods.len()), Next::List)
    }

    async fn follow(&mut self, mut watch: OpenWatch<A::Events>) -> State<A::Events> {
        loop {
            let list_due = self.list_due();
            let lookup_due = self.publisher.lookup_due(self.pacer.lists_from());
            let reopen = watch.reopen.max(self.pacer.watches_from());
            let interrupt = select! {
                burst = watch.bursts.next() => Interrupt::Burst(burst),
                () = sleep_until(watch.opened + WATCH_ACCEPTED_AFTER), if !watch.accepted => Interrupt::Accepted,
                () = sleep_until(reopen) => Interrupt::Silence,
                () = list_due => Interrupt::ListDue,
                () = lookup_due => Interrupt::LookupDue,
            };
            watch = match self.handle(interrupt, watch).await {
                State::Watching(watch) => watch,
                other => return other,
            };
        }
    }

    async fn reopen(&mut self, mut watch: OpenWatch<A::Events>) -> State<A::Events> {
        let Position::At(resource_version) = self.pods.position() else { return State::Listing };
        let resource_version = resource_version.clone();
        let list_due = self.list_due();
        self.api.use_new_connections();
        self.sink.count_watch();
        let interrupt = select! {
            answer = self.api.watch(&resource_version) => Interrupt::Reopened(answer),
            burst = watch.bursts.next() => Interrupt::Burst(burst),
            () = list_due => Interrupt::ListDue,
        };
        self.handle(interrupt, watch).await
    }

    async fn handle(
        &mut self,
        interrupt: Interrupt<A::Events>,
        mut watch: OpenWatch<A::Events>,
    ) -> State<A::Events> {
        match interrupt {
            Interrupt::Burst(Some(burst)) => return self.apply(burst, watch).await,
            Interrupt::Burst(None) => return self.closed(watch),
            Interrupt::Accepted => {
                watch.accepted = true;
                self.accepted();
                // The server would have sent what is newer.
                if self.pacer.lists_fail() {
                    self.sink.confirm_despite_error();
                } else {
                    self.sink.confirm();
                }
            }
            Interrupt::Silence => return State::Reopening(watch),
            Interrupt::ListDue => match self.list().await {
                // The watch goes on from the list.
                Ok(()) => {
                    self.sink.set_watching(false);
                    return self.open_when_allowed();
                }
                Err(error) => {
                    // The next periodic list backs off. A caller may have one sooner.
                    let again = self.list_failed(error);
                    self.relist_at = self.relist_at.max(again);
                }
            },
            Interrupt::LookupDue => self.publisher.look_up_self(&mut self.api).await,
            Interrupt::Reopened(Ok(events)) => {
                self.sink.confirm();
                return self.granted(events);
            }
            Interrupt::Reopened(Err(error)) => return self.not_reopened(error, watch),
        }
        State::Watching(watch)
    }

    /// The silent watch is kept for as long as it may still be alive.
    fn not_reopened(
        &mut self,
        error: ApiError,
        mut watch: OpenWatch<A::Events>,
    ) -> State<A::Events> {
        if error.class == ErrorClass::Gone || watch.heard.elapsed() >= self.timings.longest_silence
        {
            self.sink.set_watching(false);
            return self.not_granted(error);
        }
        // It may have been gone since then.
        self.outage.get_or_insert(watch.heard);
        watch.reopen = self.pacer.watch_refused(&error, 0);
        self.report(error, None);
        State::Watching(watch)
    }

    fn accepted(&mut self) {
        self.access = WatchAccess::Granted;
        self.pacer.watch_accepted();
        self.sink.set_polling(false, None);
    }

    /// Publishes one snapshot for all events that arrived together. Those before an error count.
    async fn apply(
        &mut self,
        burst: Vec<Result<Event, ApiError>>,
        mut watch: OpenWatch<A::Events>,
    ) -> State<A::Events> {
        let (mut changed, mut applied) = (false, 0);
        let outcome = burst.into_iter().try_for_each(|event| {
            if let Some(change) = self.pods.apply(event?)? {
                self.publisher.change(change);
                changed = true;
            }
            applied += 1;
            Ok(())
        });
        self.sink.count_events(applied);
        if applied > 0 {
            watch.heard = Instant::now();
            watch.reopen = watch.heard + self.silence();
            (watch.accepted, watch.productive) = (true, true);
            // It was silent, but not gone.
            self.outage = None;
            self.accepted();
            self.note_position();
        }
        if changed {
            self.publisher.publish(&mut self.api).await;
        } else if applied > 0 {
            self.sink.confirm();
        }
        match outcome {
            Ok(()) => State::Watching(watch),
            Err(error) => self.broken(error, watch),
        }
    }

    /// The watch ended with an error.
    fn broken(&mut self, error: ApiError, watch: OpenWatch<A::Events>) -> State<A::Events> {
        self.ended(&watch);
        if error.spoils_position() {
            return self.position_lost(error);
        }
        if watch.shows_nothing() {
            return self.ended_at_once(error);
        }
        self.pacer.honor(&error);
        self.report(error, None);
        pause_until(self.pacer.interrupted(self.pods.len()), Next::Watch)
    }

    /// The server ended the watch.
    fn closed(&mut self, watch: OpenWatch<A::Events>) -> State<A::Events> {
        self.ended(&watch);
        if watch.shows_nothing() {
            let error =
                ApiError::new(ErrorClass::Incomplete, "the watch ended at once, without an event");
            return self.ended_at_once(error.doing("watch"));
        }
        let crowd = if watch.opened.elapsed() < SHORTEST_WATCH { self.pods.len() } else { 0 };
        pause_until(self.pacer.interrupted(crowd), Next::Watch)
    }

    /// A watch was granted and ended before it showed anything. If that happens repeatedly, lists
    /// take its place.
    fn ended_at_once(&mut self, error: ApiError) -> State<A::Events> {
        self.access.doubt(error.is_denied());
        self.pacer.honor(&error);
        self.leave_connection_after(&error);
        self.report(error, self.access.denied_since());
        let next = if self.access.is_doubted_again() { Next::List } else { Next::Watch };
        pause_until(self.pacer.interrupted(self.pods.len()), next)
    }

    /// Another server behind the same address may answer, or one that refuses nothing.
    fn leave_connection_after(&mut self, error: &ApiError) {
        if error.may_differ_elsewhere() || self.pacer.fails_repeatedly() {
            self.api.use_new_connections();
        }
    }

    fn ended(&mut self, watch: &OpenWatch<A::Events>) {
        self.sink.set_watching(false);
        self.outage.get_or_insert_with(Instant::now);
        if watch.opened.elapsed() >= STEADY {
            self.pacer.watch_was_steady();
        }
    }

    fn renew_connection_sometimes(&mut self) {
        self.watches_left -= 1;
        if self.watches_left == 0 {
            self.watches_left = watches_per_connection();
            self.api.use_new_connections();
        }
    }

    async fn pause(&mut self, pause: Pause) -> State<A::Events> {
        let list_requested = self.list_requested(true);
        select! {
            () = sleep_until(pause.until) => match pause.next {
                Next::List => State::Listing,
                Next::Watch => State::Opening,
            },
            () = list_requested => State::Listing,
        }
    }

    /// Ends when a caller asks for a list and the pacer allows it.
    fn list_requested(&self, enabled: bool) -> impl Future<Output = ()> + use<A> {
        let (sink, from) = (self.sink.clone(), self.pacer.lists_from());
        async move {
            if !enabled {
                std::future::pending::<()>().await;
            }
            sink.list_requested().await;
            sleep_until(from).await;
        }
    }

    /// Ends when a list is to be made while a watch is open: for a caller, or the periodic one.
    fn list_due(&self) -> impl Future<Output = ()> + use<A> {
        let (list_requested, periodic) =
            (self.list_requested(true), self.relist_at.max(self.pacer.lists_from()));
        async move {
            select! {
                () = list_requested => {}
                () = sleep_until(periodic) => {}
            }
        }
    }

    fn relist_is_due(&self) -> bool {
        Instant::now() >= self.relist_at && Instant::now() >= self.pacer.lists_from()
    }

    fn schedule_relist(&mut self) {
        self.relist_at = Instant::now() + self.timings.relist.mul_f64(0.9 + 0.2 * fastrand::f64());
    }

    /// Reads all pods and publishes them.
    async fn list(&mut self) -> Result<(), ApiError> {
        let requested = std::time::Instant::now();
        let consistency = self.consistency();
        self.sink.count_list();
        let listed = self.api.list(&consistency, self.encoding).await;
        let replaced = listed.and_then(|list| self.pods.replace(list, &consistency));
        let replaced = replaced.inspect_err(|error| {
            if error.class == ErrorClass::Gone
                && matches!(consistency, Consistency::NotOlderThan(_))
            {
                self.pods.lose();
            }
        })?;
        self.listed(replaced, &consistency).await;
        if let Consistency::MostRecent = consistency {
            self.schedule_relist();
            self.sink.list_completed(requested);
        }
        Ok(())
    }

    /// Returns how fresh the next list must be. The first list may come from a cache that lags,
    /// unless another pod can be mistaken for this one.
    fn consistency(&self) -> Consistency {
        let most_recent =
            self.encoding.is_plain() || self.sink.is_list_requested() || self.relist_is_due();
        match self.pods.position() {
            _ if most_recent => Consistency::MostRecent,
            Position::Unknown if self.publisher.identity().is_certain() => Consistency::Any,
            Position::Unknown | Position::Lost => Consistency::MostRecent,
            Position::Before(known) | Position::At(known) => {
                Consistency::NotOlderThan(known.clone())
            }
        }
    }

    async fn listed(&mut self, replaced: Replaced, consistency: &Consistency) {
        self.pacer.list_succeeded();
        self.encoding = self.encoding.after_success();
        self.lists_denied = None;
        match consistency {
            Consistency::NotOlderThan(_) => self.outage_ended(),
            // It does not rely on what was known before.
            Consistency::Any | Consistency::MostRecent => self.outage = None,
        }
        if let Replaced::WentBack { from, to } = replaced {
            self.sink.warn(format!(
                "the API server went back from resourceVersion {from} to {to}, as after a restored backup of etcd: \
                 the new list replaces all known pods"
            ));
        }
        self.note_position();
        self.publisher.replace(&self.pods);
        self.publisher.publish(&mut self.api).await;
    }

    /// Returns when the watcher may go on by itself.
    fn list_failed(&mut self, error: ApiError) -> Instant {
        self.encoding = self.encoding.after_error(&error);
        if error.class == ErrorClass::Forbidden {
            // A new Role may allow both.
            self.access = WatchAccess::Granted;
            self.sink.set_polling(self.timings.only_polls, None);
        }
        self.lists_denied =
            error.is_denied().then(|| self.lists_denied.unwrap_or_else(Instant::now));
        let again = self.pacer.list_failed(&error, self.pods.len());
        self.leave_connection_after(&error);
        self.report(error, self.lists_denied);
        again
    }

    /// A refusal is transient until it has lasted for a while.
    fn report(&mut self, error: ApiError, since: Option<Instant>) {
        let denied = error.is_denied();
        let mut last_error = self.api.explain(error);
        if denied && since.is_none_or(|since| since.elapsed() < REFUSAL_GRACE) {
            last_error.error = last_error.error.worth_a_retry();
        }
        self.sink.fail(last_error);
    }

    /// A later registration goes on from there.
    fn note_position(&self) {
        if let Position::At(resource_version) = self.pods.position() {
            self.sink.set_resource_version(resource_version);
        }
    }
}

fn pause_until<E: Stream>(until: Instant, next: Next) -> State<E> {
    State::Pausing(Pause { until, next })
}

fn watches_per_connection() -> u32 {
    let (least, most) = WATCHES_PER_CONNECTION;
    (least + (most - least) * fastrand::f64()).round() as u32
}
