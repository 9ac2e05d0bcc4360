//! Keeps the pods as the API server has them, for as long as it runs.
//!
//! A loop of our own over kube's client instead of kube's `watcher`, which never lists again after an early 410, turns into a
//! hot loop on a server that closes at once, waits for ever for headers, and holds a whole page of a list in memory.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::backoff::{self, Backoff};
use crate::config::Settings;
use crate::kube_api::error::{ApiError, ErrorClass};
use crate::kube_api::pod_client::{Consistency, PodClient};
use crate::kube_api::pod_store::{PodStore, Position};
use crate::kube_api::publisher::Publisher;
use crate::kube_api::watch::{Event, Events};
use crate::latest::Latest;
use crate::verdict::Rules;

/// How many events are taken in before a snapshot is published, if that many are there at once.
const BURST: usize = 1024;
/// A watch that the server did not end before this has begun, though nothing was told yet.
const BEGUN: Duration = Duration::from_secs(2);
/// A watch that was open for so long was a good one.
const STEADY: Duration = Duration::from_secs(10);
/// A watch that ended before this did not end as planned.
const SHORTEST_WATCH: Duration = Duration::from_secs(190);
/// Between two lists, however many callers want fresh ones.
const SPACING: Duration = Duration::from_secs(1);
/// An API server that starts knows tokens before it knows roles, and says 403 to everybody for a moment.
const FOR_GOOD: Duration = Duration::from_secs(2);

/// When what is done that nothing else calls for.
#[derive(Clone, Copy, Debug)]
pub struct WatcherTimings {
    /// The pods are not watched at all.
    pub only_polls: bool,
    /// Between two polls, about.
    pub poll_interval: Duration,
    /// The server ends a watch before this. A stream that is silent for so long is dead.
    pub longest_silence: Duration,
    /// A list at least this often, when a watch ends: whatever a watch did not tell is mended then.
    pub relist: Duration,
    /// How long after watching was forbidden it is tried again.
    pub watch_again: Duration,
}

impl WatcherTimings {
    /// As configured.
    pub fn of(settings: &Settings) -> Self {
        Self {
            only_polls: settings.poll_only,
            poll_interval: settings.poll_interval,
            longest_silence: Duration::from_secs(240),
            relist: Duration::from_secs(600),
            watch_again: Duration::from_secs(60),
        }
    }
}

/// Watches for ever; whoever runs it stops it.
pub async fn watch(cluster: PodClient, rules: Rules, pace: WatcherTimings, latest: Arc<Latest>) {
    let now = Instant::now();
    Watcher {
        cluster,
        publisher: Publisher::new(rules, latest.clone()),
        latest,
        store: PodStore::new(),
        listed: now,
        plainly: false,
        unsupported: false,
        next_demand: now,
        demands: Backoff::default(),
        opened: None,
        progress: false,
        unwatched: None,
        no_lists_since: None,
        pace,
        no_watch_since: None,
    }
    .run()
    .await;
}

struct Watcher {
    cluster: PodClient,
    publisher: Publisher,
    latest: Arc<Latest>,
    store: PodStore,
    /// When the last list was complete.
    listed: Instant,
    /// List in the simplest way next.
    plainly: bool,
    /// The other way is refused.
    unsupported: bool,
    /// When the next list may be made because a caller wants one,
    next_demand: Instant,
    /// and how much later after each that failed.
    demands: Backoff,
    /// When the present watch was opened, or the last one.
    opened: Option<Instant>,
    /// It has told something.
    progress: bool,
    /// Since when watches do not begin, and how many.
    unwatched: Option<(Instant, u32)>,
    /// Since when even listing is forbidden.
    no_lists_since: Option<Instant>,
    pace: WatcherTimings,
    /// Since when watching is forbidden, while listing is not.
    no_watch_since: Option<Instant>,
}

/// How a round ended that did not fail.
enum End {
    /// The server ended the watch.
    Closed,
    /// There is, or is to be, a new list: a caller wants it.
    Demanded,
    /// It was a poll.
    Polled,
}

/// What there is to do while a watch is open, and no event calls for.
enum Call {
    /// A caller wants a list.
    List,
    /// Nobody knows yet why the own pod is not among the pods.
    Question,
}

impl Watcher {
    async fn run(mut self) {
        let mut backoff = Backoff::default();
        self.latest.polls(self.pace.only_polls, None);
        loop {
            (self.opened, self.progress) = (None, false);
            let ended = self.follow().await;
            self.latest.watches(false);
            let open = self.opened.map_or(Duration::ZERO, |opened| opened.elapsed());
            if open >= STEADY {
                backoff.reset();
            }
            match ended {
                Ok(End::Demanded) => {}
                Ok(End::Polled) => {
                    backoff.reset();
                    let interval = self.pace.poll_interval.mul_f64(0.8 + 0.4 * backoff::random());
                    let _ = timeout(interval, self.demanded()).await;
                }
                Ok(End::Closed) => {
                    // A watch that lasted its time ended alone, another one probably with all others of the server.
                    let crowd = if open < SHORTEST_WATCH { self.store.len() } else { 0 };
                    self.pause(backoff.next(backoff::SHORT) + backoff::among(crowd)).await;
                }
                Err(failure) => {
                    let asked = failure.retry_after.map(backoff::as_asked).unwrap_or_default();
                    let wait = backoff.next(backoff::LONG) + backoff::among(self.store.len());
                    self.tell(failure);
                    self.pause(wait.max(asked)).await;
                }
            }
        }
    }

    /// Where lists succeed, whoever wants one need not wait for a watch.
    async fn pause(&self, wait: Duration) {
        if self.unwatched.is_some() {
            let _ = timeout(wait, self.demanded()).await;
        } else {
            sleep(wait).await;
        }
    }

    /// Until a caller wants a list, and it may be made.
    fn demanded(&self) -> impl Future<Output = ()> + use<> {
        let (latest, next) = (self.latest.clone(), self.next_demand);
        async move {
            latest.demanded().await;
            sleep_until(next).await;
        }
    }

    fn tell(&mut self, failure: ApiError) {
        let forbidden = failure.class == ErrorClass::Forbidden;
        let mut trouble = self.cluster.explain(failure);
        let since = self.no_lists_since.or(self.unwatched.map(|(since, _)| since));
        if forbidden && since.is_none_or(|since| since.elapsed() < FOR_GOOD) {
            trouble.error = trouble.error.worth_a_retry();
        }
        self.latest.fail(trouble);
    }

    /// One watch, from wherever we are to its end; or one poll.
    async fn follow(&mut self) -> Result<End, ApiError> {
        let polls = self.polls();
        let overdue =
            polls || self.listed.elapsed() >= self.pace.relist || self.unwatched.is_some_and(|(_, times)| times > 1);
        let resource_version = match self.store.position() {
            Position::At(known) if !overdue => known.clone(),
            _ => self.list().await?,
        };
        if polls {
            return Ok(End::Polled);
        }
        let demanded = self.demanded();
        self.latest.count(|counts| counts.watches += 1);
        let watched = {
            let watch = pin!(self.cluster.watch_since(&resource_version));
            match select(watch, pin!(demanded)).await {
                Either::Left((watched, _)) => Some(watched),
                Either::Right(_) => None,
            }
        };
        match watched {
            Some(Ok(events)) => {
                self.opened = Some(Instant::now());
                self.latest.watches(true);
                self.take_changes(events).await.map_err(|failure| self.watch_failed(failure))
            }
            Some(Err(failure)) => self.not_watched(failure),
            None => {
                self.demanded_list().await;
                Ok(End::Demanded)
            }
        }
    }

    /// Whether to poll instead of to watch.
    fn polls(&self) -> bool {
        self.pace.only_polls || self.no_watch_since.is_some_and(|since| since.elapsed() < self.pace.watch_again)
    }

    /// A watch did not begin. Where that is so again and again, lists take its place.
    fn not_watched(&mut self, failure: ApiError) -> Result<End, ApiError> {
        if matches!(
            failure.class,
            ErrorClass::Forbidden | ErrorClass::Refused | ErrorClass::TimedOut | ErrorClass::Incomplete
        ) {
            let (since, times) = self.unwatched.get_or_insert_with(|| (Instant::now(), 0));
            *times += 1;
            // The lists in between have succeeded: it is not a server that starts.
            if failure.class == ErrorClass::Forbidden && *times > 2 && since.elapsed() >= FOR_GOOD {
                self.no_watch_since = Some(Instant::now());
                let trouble = self.cluster.explain(failure);
                self.latest.polls(true, Some(trouble));
                return Ok(End::Polled);
            }
        }
        Err(self.watch_failed(failure))
    }

    /// What was known may not be continued: too old, of another store, or something in it was not understood.
    fn watch_failed(&mut self, failure: ApiError) -> ApiError {
        if matches!(failure.class, ErrorClass::Gone | ErrorClass::Malformed | ErrorClass::NotSupported) {
            self.store.lose();
        }
        failure
    }

    /// Because a caller wants it. If it fails, the watch goes on.
    async fn demanded_list(&mut self) -> bool {
        match self.list().await {
            Ok(_) => true,
            Err(failure) => {
                self.next_demand = Instant::now() + self.demands.next(backoff::LONG);
                self.tell(failure);
                false
            }
        }
    }

    async fn list(&mut self) -> Result<Box<str>, ApiError> {
        let asked = std::time::Instant::now();
        let moment = self.moment();
        self.latest.count(|counts| counts.lists += 1);
        let listed = self.cluster.list(&moment).await.and_then(|list| {
            let resource_version = list.resource_version.clone();
            self.store.replace(list, &moment).map(|()| resource_version)
        });
        match &listed {
            Ok(_) => self.has_listed(asked, &moment).await,
            Err(failure) => self.list_failed(failure, &moment),
        }
        listed
    }

    /// Of which moment the next list is to be. A cache may lag: that does no harm at the beginning, as long as nothing in it can
    /// be mistaken for the own pod.
    fn moment(&self) -> Consistency {
        match self.store.position() {
            _ if self.plainly || self.latest.is_demanded() => Consistency::MostRecent { plainly: self.plainly },
            Position::Unknown if self.publisher.identity().is_certain() => Consistency::Any,
            Position::Unknown | Position::Lost => Consistency::MostRecent { plainly: false },
            Position::At(resource_version) => Consistency::NotOlderThan(resource_version.clone()),
        }
    }

    async fn has_listed(&mut self, asked: std::time::Instant, moment: &Consistency) {
        self.listed = Instant::now();
        self.next_demand = self.listed + SPACING;
        self.demands.reset();
        self.plainly &= self.unsupported;
        self.no_lists_since = None;
        self.publisher.replace(&self.store);
        self.publisher.publish(&mut self.cluster).await;
        if matches!(moment, Consistency::MostRecent { .. }) {
            self.latest.listed(asked);
        }
    }

    fn list_failed(&mut self, failure: &ApiError, moment: &Consistency) {
        // The next one the other way: it may not know this one.
        self.plainly ^= failure.class.is_of_the_request();
        self.unsupported |= failure.class == ErrorClass::NotSupported;
        match failure.class {
            ErrorClass::Gone if matches!(moment, Consistency::NotOlderThan(_)) => self.store.lose(),
            ErrorClass::Forbidden => {
                // Once there is a Role again, it may have both.
                self.no_watch_since = None;
                self.no_lists_since.get_or_insert_with(Instant::now);
                self.latest.polls(self.pace.only_polls, None);
            }
            _ => {}
        }
    }

    async fn take_changes(&mut self, events: Events) -> Result<End, ApiError> {
        let mut bursts = events.ready_chunks(BURST);
        // Since when it is silent, whether it has begun, and whether a list has failed beside it.
        let (mut silent, mut begun, mut failed) = (Instant::now(), false, false);
        loop {
            let patience = if begun { self.pace.longest_silence } else { BEGUN };
            let call = self.call();
            match select(pin!(timeout_at(silent + patience, bursts.next())), pin!(call)).await {
                Either::Left((Ok(Some(burst)), _)) => {
                    silent = Instant::now();
                    self.take_burst(burst).await?;
                }
                Either::Left((Ok(None), _)) => return self.closed(),
                Either::Left((Err(_), _)) if !begun => {
                    begun = true;
                    self.has_begun();
                    // What is wrong with lists is not over.
                    if !failed {
                        self.latest.heard();
                    }
                }
                Either::Left((Err(_), _)) => {
                    return Err(ApiError::new(ErrorClass::TimedOut, format!("the watch was silent for {patience:?}")));
                }
                Either::Right((Call::Question, _)) => self.publisher.ask(&mut self.cluster).await,
                Either::Right((Call::List, _)) => {
                    if self.demanded_list().await {
                        return Ok(End::Demanded);
                    }
                    failed = true;
                }
            }
        }
    }

    fn call(&self) -> impl Future<Output = Call> + use<> {
        let (demanded, again) = (self.demanded(), self.publisher.asks_again());
        async move {
            match select(pin!(demanded), pin!(again)).await {
                Either::Left(_) => Call::List,
                Either::Right(_) => Call::Question,
            }
        }
    }

    fn has_begun(&mut self) {
        (self.unwatched, self.no_watch_since) = (None, None);
        self.latest.polls(false, None);
    }

    /// The server ended the watch.
    fn closed(&mut self) -> Result<End, ApiError> {
        let open = self.opened.map_or(Duration::ZERO, |opened| opened.elapsed());
        if self.progress || open >= STEADY {
            return Ok(End::Closed);
        }
        self.not_watched(ApiError::new(ErrorClass::Incomplete, "its watch ended at once, without a word"))
    }

    /// One snapshot for all that came at once. What came before a failure counts.
    async fn take_burst(&mut self, burst: Vec<Result<Event, ApiError>>) -> Result<(), ApiError> {
        let (mut changed, mut told) = (false, 0);
        let outcome = burst.into_iter().try_for_each(|event| {
            if let Some(change) = self.store.apply(event?)? {
                self.publisher.change(change);
                changed = true;
            }
            told += 1;
            Ok(())
        });
        self.latest.count(|counts| counts.events += told);
        if told > 0 {
            self.progress = true;
            self.has_begun();
        }
        if changed {
            self.publisher.publish(&mut self.cluster).await;
        } else if told > 0 {
            self.latest.unchanged();
        }
        outcome
    }
}
