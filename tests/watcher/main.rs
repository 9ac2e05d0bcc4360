//! The watcher against servers that misbehave. The real API server is for all the rest.

mod blackhole;
mod fake;
mod freshness;
mod listing;
mod pace;
mod registering;
mod trouble;
mod watching;

use std::time::Duration;

use kubepeers::provider::{Provider, Timeout};
use kubepeers::snapshot::Snapshot;
use kubepeers::status::Status;

/// Longer than anything here takes.
const LONG: Timeout = Timeout::AtMost(Duration::from_secs(60));
const AT_ONCE: Timeout = Timeout::AtMost(Duration::ZERO);

/// Without the ports.
fn addresses(snapshot: &Snapshot) -> Vec<&str> {
    (0..snapshot.len()).map(|i| snapshot.address(i).unwrap().to_str().unwrap().split(':').next().unwrap()).collect()
}

/// Registers, and gives the first answer.
fn first(provider: &Provider) -> Vec<String> {
    provider.register(LONG).unwrap();
    addresses(&provider.discover_peers(LONG).unwrap()).into_iter().map(str::to_owned).collect()
}

/// Waits for the answer to be this one; gives its generation.
fn becomes(provider: &Provider, wanted: &[&str]) -> u64 {
    let mut snapshot = provider.wait(0, LONG).unwrap();
    while addresses(&snapshot) != wanted {
        snapshot = provider.wait(snapshot.generation(), LONG).unwrap();
    }
    snapshot.generation()
}

/// Registers, and waits until the reason why there is no answer has these words.
fn unsynced(provider: &Provider, words: &str) -> kubepeers::error::Error {
    provider.register(AT_ONCE).unwrap();
    loop {
        let error = provider.discover_peers(Timeout::AtMost(Duration::from_millis(20))).unwrap_err();
        assert_eq!(error.status(), Status::NotSynced, "{error}");
        if error.message().contains(words) {
            return error;
        }
    }
}

/// Waits until health tells of a failure of this class.
fn troubled(provider: &Provider, class: &str) -> kubepeers::health::Health {
    loop {
        let health = provider.health().unwrap();
        if health.trouble.as_ref().is_some_and(|trouble| trouble.class == class) {
            return health;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A number of the metrics.
fn metric(provider: &Provider, name: &str) -> f64 {
    let metrics = provider.metrics().unwrap();
    let line = metrics.lines().find(|line| line.starts_with(&format!("kubepeers_{name}{{"))).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}
