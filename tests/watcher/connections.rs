//! Connections that break, or cannot be established.

use std::net::TcpListener;

use kubepeers::testing::Status;

use super::fake::{self, Fake, Reply, event, is_watch, list, page_text, pod};
use super::{LONG, becomes, first, metric, unsynced, wait_for_error};

/// A server or a balancer may close an idle connection just when it is used again.
#[test]
fn a_request_on_a_reset_connection_is_repeated_once_without_a_report() {
    let list = || page_text(&[pod("a", "10.0.0.1", 1)], "", 5);
    let fake = Fake::start(move |number, path| match number {
        0 => Reply::Kept(list()),
        1 => Reply::Reset,
        _ if is_watch(path) => Reply::Open(vec![event("ADDED", "b", "10.0.0.2", 6)]),
        _ => Reply::Body(200, list()),
    });
    let provider = fake.provider(&[]);
    provider.register(LONG).unwrap();
    becomes(&provider, &["10.0.0.1", "10.0.0.2"]);
    let paths = fake.paths();
    assert!(paths.len() == 3 && is_watch(&paths[1]) && is_watch(&paths[2]), "{paths:?}");
    assert_eq!(metric(&provider, "requests_total"), 1.0, "the first sample is that of lists");
    assert!(
        !provider.metrics().unwrap().contains("failures_total{"),
        "{}",
        provider.metrics().unwrap()
    );
}

/// A reset of a new connection is an error of the server.
#[test]
fn a_reset_of_a_new_connection_is_reported() {
    let fake = Fake::start(|number, path| match number {
        0 => Reply::Reset,
        _ if is_watch(path) => Reply::Open(vec![]),
        _ => list(&[("a", "10.0.0.1")], 5),
    });
    let provider = fake.provider(&[]);
    assert_eq!(first(&provider), ["10.0.0.1"]);
    let metrics = provider.metrics().unwrap();
    assert!(metrics.contains("class=\"unreachable\"} 1"), "{metrics}");

    let provider = Fake::start(|_, _| Reply::Reset).provider(&[]);
    unsynced(&provider, "cannot be reached");
    wait_for_error(&provider, "unreachable");
}

/// The kernel accepts the connection, and the server never answers.
#[test]
fn a_tls_handshake_has_its_own_limit() {
    let frozen = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("https://{}", frozen.local_addr().unwrap());
    let provider = fake::provider(&server, "{}", &[]);
    let error = unsynced(&provider, "no answer to the TLS handshake within 3s");
    assert_eq!((error.status(), error.is_retryable()), (Status::NotSynced, true));
    wait_for_error(&provider, "timed-out");
}
