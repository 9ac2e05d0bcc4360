//! Keeps the pods as the API server has them, for as long as it runs.
//!
//! A loop of our own over kube's client instead of kube's `watcher`, which never lists again after an early 410, turns into a
//! hot loop on a server that closes at once, waits for ever for headers, and knows only one way to list.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use kube::api::WatchEvent;
use tokio::time::{Instant, sleep, timeout};

use super::backoff::{self, Backoff};
use super::failure::{Class, Failure};
use super::requests::{Cluster, Events};
use crate::latest::Latest;
use crate::pod::Pod;
use crate::snapshot::View;
use crate::verdict::Rules;

/// How many events are taken in before a snapshot is published, if that many are there at once.
const BURST: usize = 1024;
/// The server ends a watch before this. A stream that is silent for so long is dead.
const LONGEST_SILENCE: Duration = Duration::from_secs(240);
/// A watch that lasted this long was a good one.
const STEADY: Duration = Duration::from_secs(10);
/// A list at least this often, when a watch ends: whatever a watch did not tell is mended then.
const RELIST: Duration = Duration::from_secs(600);
/// A streaming list may last this many request timeouts.
const LISTS_LAST: u32 = 3;
/// A hundred thousand pods and more.
const MOST_PAGES: usize = 400;
/// Marks the bookmark that ends the first part of a streaming list.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// Watches for ever; whoever runs it stops it.
pub async fn watch(cluster: Cluster, rules: Rules, latest: Arc<Latest>) {
    Watcher {
        cluster,
        rules,
        latest,
        pods: Pods::new(),
        position: Position::Unknown,
        listed: Instant::now(),
        pages: false,
        progress: false,
    }
    .run()
    .await;
}

type Pods = HashMap<String, Pod>;

struct Watcher {
    cluster: Cluster,
    rules: Rules,
    latest: Arc<Latest>,
    /// By name: within a namespace a name is one pod's at a time.
    pods: Pods,
    position: Position,
    /// When the last list was complete.
    listed: Instant,
    /// List in pages next, and not as a stream.
    pages: bool,
    /// The present request has told something.
    progress: bool,
}

/// Up to where `pods` is known.
enum Position {
    /// Not at all: list.
    Unknown,
    /// Up to this resourceVersion: watch from there.
    At(String),
}

impl Watcher {
    async fn run(mut self) {
        let mut backoff = Backoff::default();
        loop {
            self.progress = false;
            let started = Instant::now();
            let ended = self.follow().await;
            if self.progress && started.elapsed() >= STEADY {
                backoff.reset();
            }
            let longest = if ended.is_ok() && self.progress { backoff::SHORT } else { backoff::LONG };
            if let Err(failure) = ended {
                self.note(failure);
            }
            sleep(backoff.next(longest)).await;
        }
    }

    /// Draws the conclusions from a failure and tells of it.
    fn note(&mut self, failure: Failure) {
        match failure.class {
            // What was known cannot be continued: too old, of another store, or something in it was not understood.
            Class::Gone | Class::Malformed | Class::NotSupported => self.position = Position::Unknown,
            _ => {}
        }
        let error = self.cluster.explain(failure);
        self.latest.fail(error);
    }

    /// One watch, from wherever we are to its end.
    async fn follow(&mut self) -> Result<(), Failure> {
        let events = match &self.position {
            Position::At(resource_version) if self.listed.elapsed() < RELIST => {
                self.cluster.watch_since(resource_version).await?
            }
            _ if self.pages => {
                let resource_version = self.listing(Self::list_pages).await?;
                self.cluster.watch_since(&resource_version).await?
            }
            _ => self.listing(Self::stream_list).await?,
        };
        self.take_changes(events).await
    }

    /// A list that fails is tried the other way next time: the server may not know this one.
    async fn listing<T>(&mut self, list: impl AsyncFnOnce(&mut Self) -> Result<T, Failure>) -> Result<T, Failure> {
        let listed = list(self).await;
        match &listed {
            Ok(_) => self.listed = Instant::now(),
            Err(failure) if failure.class.is_of_the_request() => self.pages = !self.pages,
            Err(_) => {}
        }
        listed
    }

    /// A streaming list. What vanished since the last list vanishes with it, all at once.
    async fn stream_list(&mut self) -> Result<Events, Failure> {
        let mut events = self.cluster.watch_from_nothing().await?;
        let patience = self.cluster.request_timeout();
        // A server that does not know the parameter sends events for ever, or none, and never says that this was all.
        let deadline = Instant::now() + patience * LISTS_LAST;
        let mut initial = Pods::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(event) = timeout(patience.min(left), events.next()).await else {
                return Err(Failure::new(Class::Incomplete, "the streaming list does not end"));
            };
            self.progress |= event.is_some();
            match event.ok_or_else(|| Failure::new(Class::Incomplete, "the connection ended"))?? {
                WatchEvent::Bookmark(mark) if mark.metadata.annotations.contains_key(INITIAL_EVENTS_END) => {
                    self.replace(initial, mark.metadata.resource_version);
                    return Ok(events);
                }
                event => {
                    apply(&mut initial, event)?;
                }
            }
        }
    }

    /// The whole list, page after page, all of one moment.
    async fn list_pages(&mut self) -> Result<String, Failure> {
        let mut listed = Pods::new();
        let mut next = String::new();
        for _ in 0..MOST_PAGES {
            let page = self.cluster.list(&next).await?;
            self.progress = true;
            listed.extend(page.items.into_iter().flatten().map(|pod| (pod.name.clone(), pod)));
            next = page.metadata.next;
            if next.is_empty() {
                self.replace(listed, page.metadata.resource_version.clone());
                return Ok(page.metadata.resource_version);
            }
        }
        Err(Failure::new(Class::Incomplete, "the list has no end"))
    }

    async fn take_changes(&mut self, events: Events) -> Result<(), Failure> {
        let mut bursts = events.ready_chunks(BURST);
        loop {
            match timeout(LONGEST_SILENCE, bursts.next()).await {
                Ok(Some(burst)) => self.take_burst(burst)?,
                Ok(None) => return Ok(()),
                Err(_) => {
                    return Err(Failure::new(Class::TimedOut, format!("the watch was silent for {LONGEST_SILENCE:?}")));
                }
            }
        }
    }

    /// One snapshot for all that came at once. What came before a failure counts.
    fn take_burst(&mut self, burst: Vec<Result<WatchEvent<Pod>, Failure>>) -> Result<(), Failure> {
        let outcome = burst.into_iter().try_for_each(|event| {
            let Some(resource_version) = apply(&mut self.pods, event?)? else { return Ok(()) };
            if let Position::At(before) = &self.position
                && is_older(&resource_version, before)
            {
                return Err(Failure::new(Class::Gone, "its store went back in time, as after a restored backup"));
            }
            self.position = Position::At(resource_version);
            self.progress = true;
            Ok(())
        });
        self.publish();
        outcome
    }

    fn replace(&mut self, pods: Pods, resource_version: String) {
        self.pods = pods;
        self.position = Position::At(resource_version);
        self.publish();
    }

    fn publish(&self) {
        self.latest.publish(View::of(self.pods.values(), &self.rules));
    }
}

/// Whether one resourceVersion is of an earlier moment than another. Since Kubernetes 1.35 they are decimal numbers by
/// specification, and were by implementation before: <https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions>
fn is_older(now: &str, before: &str) -> bool {
    matches!((now.parse::<u128>(), before.parse::<u128>()), (Ok(now), Ok(before)) if now < before)
}

/// Takes in one event; gives the resourceVersion that it leads to, if it says.
fn apply(pods: &mut Pods, event: WatchEvent<Pod>) -> Result<Option<String>, Failure> {
    Ok(match event {
        WatchEvent::Added(pod) | WatchEvent::Modified(pod) => {
            let resource_version = pod.resource_version.clone();
            pods.insert(pod.name.clone(), pod);
            Some(resource_version)
        }
        WatchEvent::Deleted(pod) => {
            pods.remove(&pod.name);
            Some(pod.resource_version)
        }
        WatchEvent::Bookmark(mark) => Some(mark.metadata.resource_version),
        WatchEvent::Error(status) => return Err(status.into()),
    })
}
