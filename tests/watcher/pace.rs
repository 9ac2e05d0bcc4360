//! What is done after minutes, at another pace.

use std::sync::Arc;
use std::time::Duration;

use kubepeers::identity::Identity;
use kubepeers::kube_api::{Credentials, PodClient, WatcherTimings, watch};
use kubepeers::latest::{Latest, Outlets};
use kubepeers::runtime::{Task, spawn_named};
use kubepeers::subject::Subject;
use kubepeers::verdict::Rules;

use super::eventually;
use super::fake::{Fake, Reply, Seen, bookmark, event, is_list, is_watch, list, status};

const NEVER: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(200);

/// Watches at this pace while `test` runs.
fn at_pace(fake: &Fake, change: impl FnOnce(&mut WatcherTimings), test: impl FnOnce(&Latest)) {
    let settings = fake.settings();
    let mut pace =
        WatcherTimings { longest_silence: NEVER, relist: NEVER, watch_again: NEVER, ..WatcherTimings::of(&settings) };
    change(&mut pace);
    let credentials = Credentials::find(&settings.source, &|_| None).unwrap();
    let subject = Subject {
        namespace: settings.namespace.clone(),
        selector: settings.selector(),
        discovery_port_name: settings.ports.discovery.name.clone(),
        own: String::new(),
    };
    let latest = Arc::new(Latest::new(0, subject, &settings, Outlets::default()));
    let rules =
        Rules { ports: settings.ports.clone(), identity: Identity::None, choices: settings.choices, alive: None };
    let (cluster, watched) = (PodClient::new(&settings, credentials), latest.clone());
    let run = move || watch(cluster, rules, pace, watched);
    let task = Task::start(spawn_named, run, |panic| panic!("{panic}")).unwrap();
    test(&latest);
    task.stop();
}

fn troubled(latest: &Latest, class: &str) {
    eventually(|| latest.health().unwrap().trouble.is_some_and(|trouble| trouble.class == class));
}

fn lists(paths: &[String]) -> usize {
    paths.iter().filter(|path| is_list(path)).count()
}

#[test]
fn a_watch_that_is_silent_for_too_long_is_dead() {
    let fake = Fake::steady(|| list(&[("a", "10.0.0.1")], 5), vec![bookmark(6)]);
    at_pace(
        &fake,
        |pace| pace.longest_silence = SOON,
        |latest| {
            troubled(latest, "timed-out");
            // It goes on from where it was: not from the list, once the bookmark has come.
            fake.has_been_asked_for(1, |path| is_watch(path) && path.contains("resourceVersion=6"));
            assert_eq!(lists(&fake.paths()), 1, "{:?}", fake.paths());
        },
    );
}

/// What a watch did not tell is mended by a list, now and then; not each time that a watch ends.
#[test]
fn there_is_a_list_now_and_then() {
    let script = |number, path: &str| match path {
        path if is_watch(path) => Reply::Body(200, event("ADDED", "b", "10.0.0.2", 6 + number as u32)),
        _ => list(&[("a", "10.0.0.1")], 5 + number as u32),
    };
    let fake = Fake::start(script);
    at_pace(&fake, |pace| pace.relist = Duration::ZERO, |_| fake.has_been_asked(6));
    // There may be more by now.
    assert_eq!(lists(&fake.paths()[..6]), 3, "{:?}", fake.paths());
    assert!(fake.paths()[2].contains("resourceVersionMatch=NotOlderThan"), "{:?}", fake.paths());
    let fake = Fake::start(script);
    at_pace(&fake, |_| (), |_| fake.has_been_asked(6));
    assert_eq!(lists(&fake.paths()), 1, "{:?}", fake.paths());
}

#[test]
fn where_watching_was_forbidden_it_is_tried_again() {
    let seen = Seen::default();
    let polling_seen = seen.clone();
    let fake = Fake::start(move |_, path| match path {
        path if is_watch(path) && polling_seen.is_so() => Reply::Open(vec![event("ADDED", "b", "10.0.0.2", 900)]),
        path if is_watch(path) => Reply::Body(403, status(403, "pods is forbidden")),
        _ => list(&[("a", "10.0.0.1")], 5),
    });
    let quick = |pace: &mut WatcherTimings| (pace.poll_interval, pace.watch_again) = (SOON / 10, SOON);
    at_pace(&fake, quick, |latest| {
        eventually(|| latest.health().unwrap().polling);
        seen.now();
        eventually(|| !latest.health().unwrap().polling);
        let peers = latest.newer_than(0, NEVER).unwrap();
        assert!(peers.len() == 2 || latest.newer_than(peers.generation(), NEVER).unwrap().len() == 2);
    });
}
