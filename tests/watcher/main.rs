//! The watcher against servers that misbehave. All other tests use a real API server.

mod blackhole;
mod connections;
mod doctor;
mod errors;
mod fake;
mod freshness;
mod hostile;
mod listing;
mod registering;
mod self_pod;
mod timings;
mod tls_server;
mod trust;
mod watch_formats;
mod watching;

use std::thread::sleep;
use std::time::{Duration, Instant};

use kubepeers::testing::{Error, Health, Provider, Snapshot, Status, Timeout};

/// Longer than anything here takes.
const LONG: Timeout = Timeout::AtMost(Duration::from_secs(60));
const AT_ONCE: Timeout = Timeout::AtMost(Duration::ZERO);

/// Waits until the condition holds. Fails if that takes minutes.
#[track_caller]
fn eventually(mut is: impl FnMut() -> bool) {
    let hung = Instant::now() + Duration::from_secs(300);
    while !is() {
        assert!(Instant::now() < hung, "it never came");
        sleep(Duration::from_millis(10));
    }
}

/// Returns the addresses without the ports.
fn addresses(snapshot: &Snapshot) -> Vec<String> {
    snapshot.view().peers.iter().map(|peer| peer.address.ip().to_string()).collect()
}

/// Registers, and returns the first result.
fn first(provider: &Provider) -> Vec<String> {
    provider.register(LONG).unwrap();
    addresses(&provider.discover_peers(LONG).unwrap())
}

/// Waits for this result, and returns its generation.
fn becomes(provider: &Provider, wanted: &[&str]) -> u64 {
    let mut snapshot = provider.wait(0, LONG).unwrap();
    while addresses(&snapshot) != wanted {
        snapshot = provider.wait(snapshot.generation(), LONG).unwrap();
    }
    snapshot.generation()
}

/// Registers, and waits for a NOT_SYNCED error with these words.
#[track_caller]
fn unsynced(provider: &Provider, words: &str) -> Error {
    provider.register(AT_ONCE).unwrap();
    fails(Status::NotSynced, words, || provider.discover_peers(AT_ONCE).unwrap_err())
}

/// Waits for a STALE error with these words.
#[track_caller]
fn unrefreshed(provider: &Provider, words: &str) -> Error {
    fails(Status::Stale, words, || provider.refresh(&mut 0, AT_ONCE).unwrap_err())
}

/// Calls until the error has these words. Every error must have this status.
#[track_caller]
fn fails(status: Status, words: &str, call: impl Fn() -> Error) -> Error {
    let mut error = call();
    eventually(|| {
        error = call();
        assert_eq!(error.status(), status, "{error}");
        error.message().contains(words)
    });
    error
}

/// Waits until health reports an error of this class.
#[track_caller]
fn wait_for_error(provider: &Provider, class: &str) -> Health {
    let mut health = provider.health().unwrap();
    eventually(|| {
        health = provider.health().unwrap();
        health.last_error.as_ref().is_some_and(|last| last.class == class)
    });
    health
}

/// Returns a value of the metrics.
fn metric(provider: &Provider, name: &str) -> f64 {
    let metrics = provider.metrics().unwrap();
    let line =
        metrics.lines().find(|line| line.starts_with(&format!("kubepeers_{name}{{"))).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}
