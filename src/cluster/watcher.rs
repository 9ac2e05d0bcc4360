//! Keeps the pods as the API server has them, for as long as it runs.
//!
//! A loop of our own over kube's client instead of kube's `watcher`, which never lists again after an early 410, turns into a
//! hot loop on a server that closes at once, waits for ever for headers, and holds a whole page of a list in memory.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use kube::api::WatchEvent;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::backoff::{self, Backoff};
use super::failure::{Class, Failure};
use super::requests::{Cluster, Events, List, Moment};
use crate::latest::Latest;
use crate::pod::Pod;
use crate::snapshot::{Gate, View};
use crate::verdict::Rules;

/// How many events are taken in before a snapshot is published, if that many are there at once.
const BURST: usize = 1024;
/// The server ends a watch before this. A stream that is silent for so long is dead.
const LONGEST_SILENCE: Duration = Duration::from_secs(240);
/// A watch that lasted this long was a good one.
const STEADY: Duration = Duration::from_secs(10);
/// A list at least this often, when a watch ends: whatever a watch did not tell is mended then.
const RELIST: Duration = Duration::from_secs(600);
/// A watch that ended before this did not end as planned.
const SHORTEST_WATCH: Duration = Duration::from_secs(190);
/// Between two lists, however many callers want fresh ones.
const SPACING: Duration = Duration::from_secs(1);
/// An API server that starts knows tokens before it knows roles, and says 403 to everybody for a moment.
const FOR_GOOD: Duration = Duration::from_secs(2);
/// How long after watching was forbidden it is tried again.
const WATCH_AGAIN: Duration = Duration::from_secs(60);

/// When the pods are polled, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Polls {
    /// They are not watched at all.
    pub only: bool,
    /// Between two polls, about.
    pub interval: Duration,
}

/// Watches for ever; whoever runs it stops it.
pub async fn watch(cluster: Cluster, rules: Rules, polls: Polls, latest: Arc<Latest>) {
    Watcher {
        cluster,
        rules,
        polls,
        latest,
        pods: Pods::new(),
        position: Position::Unknown,
        listed: Instant::now(),
        plainly: false,
        demanded: false,
        progress: false,
        forbidden: None,
        refused: None,
        absent: None,
    }
    .run()
    .await;
}

type Pods = HashMap<Arc<str>, Arc<Pod>>;

struct Watcher {
    cluster: Cluster,
    rules: Rules,
    polls: Polls,
    latest: Arc<Latest>,
    /// By uid: a name may be another pod's later.
    pods: Pods,
    position: Position,
    /// When the last list was complete.
    listed: Instant,
    /// List in the simplest way next.
    plainly: bool,
    /// A caller wants a list that is newer than the last one.
    demanded: bool,
    /// The present request has told something.
    progress: bool,
    /// Since when watching is forbidden, while listing is not.
    forbidden: Option<Instant>,
    /// Since when even listing is.
    refused: Option<Instant>,
    /// Why the own pod is not among the pods, once that was asked.
    absent: Option<Gate>,
}

/// Up to where `pods` is known.
enum Position {
    /// Nothing was read yet.
    Unknown,
    /// It was, but the server cannot go on from there.
    Lost,
    /// Up to this resourceVersion: watch from there.
    At(Box<str>),
}

/// How a watch ended that did not fail.
#[derive(PartialEq)]
enum End {
    /// The server ended it.
    Closed,
    /// A caller wants what is newer.
    Demanded,
    /// It was a poll, or is to be one since watching is forbidden.
    Polled,
}

impl Watcher {
    async fn run(mut self) {
        let mut backoff = Backoff::default();
        self.latest.polls(self.polls.only, None);
        loop {
            self.progress = false;
            let started = Instant::now();
            let ended = self.follow().await;
            if self.progress && started.elapsed() >= STEADY {
                backoff.reset();
            }
            match ended {
                Ok(End::Demanded) => {}
                Ok(End::Polled) => {
                    backoff.reset();
                    self.rest().await;
                }
                Ok(End::Closed) => {
                    let longest = if self.progress { backoff::SHORT } else { backoff::LONG };
                    // A watch that lasted its time ended alone, another one probably with all others of the server.
                    let crowd = if started.elapsed() < SHORTEST_WATCH { self.pods.len() } else { 0 };
                    sleep(backoff.next(longest) + backoff::among(crowd)).await;
                }
                Err(failure) => {
                    let asked = failure.retry_after.map(backoff::as_asked).unwrap_or_default();
                    let wait = backoff.next(backoff::LONG) + backoff::among(self.pods.len());
                    self.note(failure);
                    sleep(wait.max(asked)).await;
                }
            }
        }
    }

    /// Between two polls. Whoever wants what is newer ends it.
    async fn rest(&mut self) {
        let interval = self.polls.interval.mul_f64(0.8 + 0.4 * backoff::random());
        if timeout(interval, self.latest.demanded()).await.is_ok() {
            self.demanded = true;
            sleep_until(self.listed + SPACING).await;
        }
    }

    /// Draws the conclusions from a failure and tells of it.
    fn note(&mut self, failure: Failure) {
        match failure.class {
            // What was known cannot be continued: too old, of another store, or something in it was not understood.
            Class::Gone | Class::Malformed | Class::NotSupported => self.position = Position::Lost,
            // Not even a list: once there is a Role again, it may have both.
            Class::Forbidden => {
                self.forbidden = None;
                self.latest.polls(self.polls.only, None);
            }
            _ => {}
        }
        let refused = failure.class == Class::Forbidden;
        let mut trouble = self.cluster.explain(failure);
        if refused && self.refused.get_or_insert_with(Instant::now).elapsed() < FOR_GOOD {
            trouble.error = trouble.error.worth_a_retry();
        }
        self.latest.fail(trouble);
    }

    /// One watch, from wherever we are to its end; or one poll.
    async fn follow(&mut self) -> Result<End, Failure> {
        let polls = self.polls();
        let resource_version = match &self.position {
            Position::At(known) if !polls && !self.demanded && self.listed.elapsed() < RELIST => known.clone(),
            _ => self.list().await?,
        };
        if polls {
            return Ok(End::Polled);
        }
        let watched = self.cluster.watch_since(&resource_version).await;
        self.latest.count(|counts| counts.watches += 1);
        match watched {
            Ok(events) => {
                self.latest.polls(false, None);
                self.take_changes(events).await
            }
            Err(failure) if failure.class == Class::Forbidden => {
                self.forbidden = Some(Instant::now());
                let trouble = self.cluster.explain(failure);
                self.latest.polls(true, Some(trouble));
                Ok(End::Polled)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Whether to poll instead of to watch.
    fn polls(&self) -> bool {
        self.polls.only || self.forbidden.is_some_and(|since| since.elapsed() < WATCH_AGAIN)
    }

    /// Lists the pods. What vanished since the last list vanishes with it, all at once.
    async fn list(&mut self) -> Result<Box<str>, Failure> {
        let asked = std::time::Instant::now();
        let moment = match &self.position {
            _ if self.plainly || self.demanded => Moment::Now { plainly: self.plainly },
            Position::Unknown => Moment::Any,
            Position::Lost => Moment::Now { plainly: false },
            Position::At(resource_version) => Moment::Since(resource_version.clone()),
        };
        self.latest.count(|counts| counts.lists += 1);
        let listed = self.cluster.list(&moment).await;
        if let Err(failure) = &listed {
            // The next one the other way: it may not know this one.
            self.plainly ^= failure.class.is_of_the_request();
        }
        let List { pods, resource_version } = listed?;
        self.refused = None;
        self.pods = pods.into_iter().map(|pod| (pod.uid.clone(), Arc::new(pod))).collect();
        self.position = Position::At(resource_version.clone());
        (self.listed, self.demanded, self.progress, self.absent) = (Instant::now(), false, true, None);
        self.publish().await;
        if matches!(moment, Moment::Now { .. }) {
            self.latest.listed(asked);
        }
        Ok(resource_version)
    }

    async fn take_changes(&mut self, events: Events) -> Result<End, Failure> {
        let mut bursts = events.ready_chunks(BURST);
        let latest = self.latest.clone();
        let next_list = self.listed + SPACING;
        let mut demanded = Box::pin(async move {
            latest.demanded().await;
            sleep_until(next_list).await;
        });
        loop {
            let next = pin!(timeout(LONGEST_SILENCE, bursts.next()));
            match select(next, &mut demanded).await {
                Either::Left((Ok(Some(burst)), _)) => self.take_burst(burst).await?,
                Either::Left((Ok(None), _)) => return Ok(End::Closed),
                Either::Left((Err(_), _)) => {
                    return Err(Failure::new(Class::TimedOut, format!("the watch was silent for {LONGEST_SILENCE:?}")));
                }
                Either::Right(_) => {
                    self.demanded = true;
                    return Ok(End::Demanded);
                }
            }
        }
    }

    /// One snapshot for all that came at once. What came before a failure counts.
    async fn take_burst(&mut self, burst: Vec<Result<WatchEvent<Pod>, Failure>>) -> Result<(), Failure> {
        self.latest.count(|counts| counts.events += burst.len() as u64);
        let mut changed = false;
        let outcome = burst.into_iter().try_for_each(|event| {
            let event = event?;
            changed |= !matches!(event, WatchEvent::Bookmark(_));
            let resource_version = apply(&mut self.pods, event)?;
            if let Position::At(before) = &self.position
                && is_older(&resource_version, before)
            {
                return Err(Failure::new(Class::Gone, "its store went back in time, as after a restored backup"));
            }
            self.position = Position::At(resource_version);
            self.progress = true;
            Ok(())
        });
        if changed {
            self.publish().await;
        } else if outcome.is_ok() {
            self.latest.unchanged();
        }
        outcome
    }

    async fn publish(&mut self) {
        let mut view = View::of(self.pods.values(), &self.rules);
        if view.gate == Gate::SelfAbsent {
            view.gate = self.why_absent().await;
        } else {
            self.absent = None;
        }
        self.latest.publish(view);
    }

    /// Whether the own pod is somewhere, but with other labels. Asked once after each list; not knowing it does no harm.
    async fn why_absent(&mut self) -> Gate {
        if self.absent.is_none() {
            let unselected = self.cluster.unselected(&self.rules.identity).await.unwrap_or_default();
            self.absent = Some(unselected.map_or(Gate::SelfAbsent, Gate::SelfUnselected));
        }
        self.absent.clone().unwrap_or(Gate::SelfAbsent)
    }
}

/// Whether one resourceVersion is of an earlier moment than another. Since Kubernetes 1.35 they are decimal numbers by
/// specification, and were by implementation before: <https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions>
fn is_older(now: &str, before: &str) -> bool {
    matches!((now.parse::<u128>(), before.parse::<u128>()), (Ok(now), Ok(before)) if now < before)
}

/// Takes in one event; gives the resourceVersion that it leads to.
fn apply(pods: &mut Pods, event: WatchEvent<Pod>) -> Result<Box<str>, Failure> {
    Ok(match event {
        WatchEvent::Added(pod) | WatchEvent::Modified(pod) => {
            let resource_version = pod.resource_version.clone();
            pods.insert(pod.uid.clone(), Arc::new(pod));
            resource_version
        }
        WatchEvent::Deleted(pod) => {
            pods.remove(&pod.uid);
            pod.resource_version
        }
        WatchEvent::Bookmark(mark) => mark.metadata.resource_version.into(),
        WatchEvent::Error(status) => return Err(status.into()),
    })
}
