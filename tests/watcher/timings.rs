//! What the watcher does after minutes, with shorter timings. src/kube_api/watcher/tests.rs checks
//! the exact moments.

use std::sync::Arc;
use std::time::Duration;

use kubepeers::testing::{
    Credentials, Identity, MessageContext, PeerPolicy, PodClient, Resume, SharedState, Sinks, Task,
    WatcherTimings, spawn_named, watch,
};

use super::eventually;
use super::fake::{Fake, Reply, Seen, bookmark, event, is_list, is_watch, list, status};

const NEVER: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(200);

/// Runs the watcher with these timings while `test` runs.
fn with_timings(
    fake: &Fake,
    change: impl FnOnce(&mut WatcherTimings),
    test: impl FnOnce(&SharedState),
) {
    let settings = fake.settings();
    let mut timings = WatcherTimings {
        silence: NEVER,
        longest_silence: NEVER,
        relist: NEVER,
        watch_again: NEVER,
        ..WatcherTimings::of(&settings)
    };
    change(&mut timings);
    let credentials = Credentials::find(&settings.source, &|_| None).unwrap();
    let namespace = settings.namespace.clone().expect("the tests set it");
    let context = MessageContext {
        namespace: namespace.clone(),
        selector: settings.selector(),
        discovery_port_name: settings.ports.discovery.name.clone(),
        self_pod: String::new(),
    };
    let shared =
        Arc::new(SharedState::new(Resume::default(), context, &settings, Sinks::default()));
    let policy = PeerPolicy {
        ports: settings.ports.clone(),
        identity: Identity::None,
        options: settings.options,
        alive: None,
    };
    let (cluster, watched) = (PodClient::new(&settings, namespace, credentials), shared.clone());
    let run = move || watch(cluster, policy, timings, watched);
    let task = Task::start(spawn_named, run, |panic| panic!("{panic}")).unwrap();
    test(&shared);
    task.stop();
}

fn lists(paths: &[String]) -> usize {
    paths.iter().filter(|path| is_list(path)).count()
}

/// On a real connection: the silent one stays open while another one is opened.
#[test]
fn a_silent_watch_is_opened_again_from_the_last_bookmark() {
    let fake = Fake::steady(|| list(&[("a", "10.0.0.1")], 5), vec![bookmark(6)]);
    with_timings(
        &fake,
        |timings| timings.silence = SOON,
        |shared| {
            let resumed = |path: &str| is_watch(path) && path.contains("resourceVersion=6");
            fake.has_been_asked_for(3, resumed);
            assert!(shared.health().unwrap().watching);
            assert_eq!(lists(&fake.paths()), 1, "{:?}", fake.paths());
        },
    );
}

#[test]
fn watches_that_end_are_resumed_without_a_list() {
    let fake = Fake::start(|number, path: &str| match path {
        path if is_watch(path) => {
            Reply::Body(200, event("ADDED", "b", "10.0.0.2", 6 + number as u32))
        }
        _ => list(&[("a", "10.0.0.1")], 5 + number as u32),
    });
    with_timings(&fake, |_| (), |_| fake.has_been_asked(6));
    assert_eq!(lists(&fake.paths()), 1, "{:?}", fake.paths());
}

#[test]
fn forbidden_watch_is_requested_again_later() {
    let seen = Seen::default();
    let polling_seen = seen.clone();
    let fake = Fake::start(move |_, path| match path {
        path if is_watch(path) && polling_seen.is_so() => {
            Reply::Open(vec![event("ADDED", "b", "10.0.0.2", 900)])
        }
        path if is_watch(path) => Reply::Body(403, status(403, "pods is forbidden")),
        _ => list(&[("a", "10.0.0.1")], 5),
    });
    let quick = |timings: &mut WatcherTimings| {
        (timings.poll_interval, timings.watch_again) = (SOON / 10, SOON)
    };
    with_timings(&fake, quick, |shared| {
        eventually(|| shared.health().unwrap().polling);
        seen.now();
        eventually(|| !shared.health().unwrap().polling);
        let peers = shared.newer_than(0, NEVER).unwrap();
        assert!(
            peers.len() == 2 || shared.newer_than(peers.generation(), NEVER).unwrap().len() == 2
        );
    });
}
