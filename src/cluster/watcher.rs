//! Keeps the pods as the API server has them, for as long as it runs.
//!
//! A loop of our own over kube's client instead of kube's `watcher`, which never lists again after an early 410, turns into a
//! hot loop on a server that closes at once, waits for ever for headers, and has no way back from a streaming list.

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
/// Marks the bookmark that ends the first part of a streaming list.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// Watches for ever; whoever runs it stops it.
pub async fn watch(cluster: Cluster, rules: Rules, latest: Arc<Latest>) {
    Watcher { cluster, rules, latest, pods: Pods::new(), position: Position::Unknown, pages: false, progress: false }
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
    /// The server does not do streaming lists: list in pages.
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
            if let Err(failure) = self.follow().await {
                self.note(failure);
            }
            if self.progress && started.elapsed() >= STEADY {
                backoff.reset();
            }
            sleep(backoff.next(if self.progress { backoff::SHORT } else { backoff::LONG })).await;
        }
    }

    /// Draws the conclusions from a failure and tells of it.
    fn note(&mut self, failure: Failure) {
        match failure.class {
            // What was known cannot be continued: too old, or something in it was not understood.
            Class::Gone | Class::Malformed => self.position = Position::Unknown,
            Class::NotSupported if matches!(self.position, Position::Unknown) => self.pages = true,
            _ => {}
        }
        let error = self.cluster.explain(failure);
        self.latest.fail(error);
    }

    /// One watch, from wherever we are to its end.
    async fn follow(&mut self) -> Result<(), Failure> {
        let events = match &self.position {
            Position::At(resource_version) => self.cluster.watch_since(&resource_version.clone()).await?,
            Position::Unknown if self.pages => {
                let resource_version = self.list_pages().await?;
                self.cluster.watch_since(&resource_version).await?
            }
            Position::Unknown => {
                let mut events = self.cluster.watch_from_nothing().await?;
                self.take_initial(&mut events).await?;
                events
            }
        };
        self.take_changes(events).await
    }

    /// The first part of a streaming list. What vanished since the last list vanishes with it, all at once.
    async fn take_initial(&mut self, events: &mut Events) -> Result<(), Failure> {
        let patience = self.cluster.request_timeout();
        let mut initial = Pods::new();
        loop {
            let Ok(event) = timeout(patience, events.next()).await else {
                // Servers that do not know the parameter leave it out in silence.
                self.pages = true;
                return Err(Failure::new(Class::TimedOut, "the streaming list does not end; listing in pages next"));
            };
            self.progress |= event.is_some();
            match event.ok_or_else(|| Failure::new(Class::Unreachable, "the connection ended during the list"))?? {
                WatchEvent::Bookmark(mark) if mark.metadata.annotations.contains_key(INITIAL_EVENTS_END) => {
                    self.replace(initial, mark.metadata.resource_version);
                    return Ok(());
                }
                event => apply(&mut initial, event)?.map_or((), drop),
            }
        }
    }

    /// The whole list, page after page, all of one moment.
    async fn list_pages(&mut self) -> Result<String, Failure> {
        let mut listed = Pods::new();
        let mut next = String::new();
        loop {
            let page = self.cluster.list(&next).await?;
            self.progress = true;
            listed.extend(page.items.into_iter().map(|pod| (pod.name.clone(), pod)));
            next = page.metadata.next;
            if next.is_empty() {
                self.replace(listed, page.metadata.resource_version.clone());
                return Ok(page.metadata.resource_version);
            }
        }
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
            if let Some(resource_version) = apply(&mut self.pods, event?)? {
                self.position = Position::At(resource_version);
                self.progress = true;
            }
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
