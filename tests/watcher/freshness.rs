//! The age of results, and requested lists.

use std::iter;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use kubepeers::testing::{Status, Timeout};

use super::fake::{
    Fake, Reply, Seen, bookmark, come_later_each_time, is_list, is_watch, list, status,
};
use super::{LONG, addresses, eventually, first, unrefreshed, wait_for_error};

/// With the default limits, a quiet watch with bookmarks is not stale.
#[test]
fn confirmations_reset_the_age_and_errors_do_not() {
    let fake = Fake::start(|number, path| match number {
        0 => list(&[("a", "10.0.0.1")], 5),
        1 if is_watch(path) => Reply::Body(200, bookmark(6)),
        _ => Reply::Body(500, status(500, "no")),
    });
    let provider = fake.provider(&[]);
    assert_eq!(first(&provider), ["10.0.0.1"]);
    let health = wait_for_error(&provider, "refused");
    assert!(health.age.is_some() && !health.stale);
    let mut older = provider.health().unwrap();
    eventually(|| {
        older = provider.health().unwrap();
        older.age > health.age.map(|age| age + Duration::from_millis(100))
    });
    assert!(older.last_error.is_some(), "what failed is told until something succeeds");
}

#[test]
fn stale_result_is_an_error_until_the_next_list() {
    let seen = Seen::default();
    let error_seen = seen.clone();
    let fake = Fake::start(move |number, path| match number {
        0 => list(&[("a", "10.0.0.1")], 5),
        _ if is_watch(path) => Reply::Open(vec![]),
        _ if !error_seen.is_so() => Reply::Body(500, status(500, "etcd is unhappy")),
        _ => list(&[("b", "10.0.0.2")], 9),
    });
    let provider = fake.provider(&[("max_stale_ms", "1000")]);
    provider.register(LONG).unwrap();
    fake.has_been_asked(2);
    // After 2 s the open watch confirms the list. After that it is quiet, and no caller requests a
    // list.
    thread::sleep(Duration::from_secs(5));
    assert_eq!(fake.asked().len(), 2);
    assert!(provider.health().unwrap().stale);
    let error = provider.discover_peers(Timeout::AtMost(Duration::from_millis(300))).unwrap_err();
    assert!(error.status() == Status::Stale && error.is_retryable(), "{error}");
    seen.now();
    assert_eq!(addresses(&provider.discover_peers(LONG).unwrap()), ["10.0.0.2"]);
    // A second later the result is too old again.
    let is_fresh = |_| provider.refresh(&mut 0, LONG).is_ok() && !provider.health().unwrap().stale;
    assert!((0..20).any(is_fresh));
}

/// The list must not come from a cache.
#[test]
fn refresh_waits_for_a_list_requested_after_the_call() {
    let fake = Fake::start(|number, path| match number {
        _ if is_watch(path) => Reply::Open(vec![]),
        0 => list(&[("a", "10.0.0.1")], 5),
        _ => list(&[("b", "10.0.0.2")], 9),
    });
    let provider = fake.provider(&[]);
    assert_eq!(first(&provider), ["10.0.0.1"]);
    // Otherwise the list might arrive before the watch.
    fake.has_been_asked(2);
    provider.refresh(&mut 0, LONG).unwrap();
    assert_eq!(addresses(&provider.discover_peers(LONG).unwrap()), ["10.0.0.2"]);
    fake.has_been_asked(4);
    let paths = fake.paths();
    assert!(!is_watch(&paths[2]) && !paths[2].contains("resourceVersion="), "{paths:?}");
    assert!(paths[3].contains("resourceVersion=9"), "{paths:?}");
}

#[test]
fn concurrent_refreshes_share_one_list() {
    let fake = Fake::steady(|| list(&[], 5), vec![]);
    let provider = Arc::new(fake.provider(&[]));
    assert_eq!(first(&provider), [""; 0]);
    for _ in 0..3 {
        let callers: Vec<_> = (0..50)
            .map(|_| {
                let provider = provider.clone();
                thread::spawn(move || provider.refresh(&mut 0, LONG))
            })
            .collect();
        callers.into_iter().for_each(|caller| caller.join().unwrap().unwrap());
    }
    let lists: Vec<_> = fake
        .asked()
        .into_iter()
        .filter(|asked| is_list(&asked.path))
        .map(|asked| asked.at)
        .collect();
    // One list for each caller would be 151, and take longer than they wait.
    assert!((4..50).contains(&lists.len()), "{} lists", lists.len());
    assert!(
        lists[1..].windows(2).all(|two| two[1] - two[0] >= Duration::from_millis(900)),
        "{lists:?}"
    );
}

#[test]
fn failed_refresh_reports_the_reason() {
    let fake = Fake::start(|number, path| match number {
        0 => list(&[], 5),
        _ if is_watch(path) => Reply::Open(vec![]),
        _ => Reply::Body(500, status(500, "etcd is unhappy")),
    });
    let provider = fake.provider(&[]);
    assert_eq!(provider.refresh(&mut 0, LONG).unwrap_err().status(), Status::NotRegistered);
    assert_eq!(first(&provider), [""; 0]);
    let error = unrefreshed(&provider, "etcd is unhappy");
    assert_eq!((error.http_status(), error.is_retryable()), (500, true));
    assert!(provider.discover_peers(LONG).unwrap().is_empty());
}

/// An ERROR event confirms nothing.
#[test]
fn error_event_of_a_watch_does_not_reset_the_age() {
    let error = format!("{{\"type\":\"ERROR\",\"object\":{}}}\n", status(500, "etcd is unhappy"));
    let fake = Fake::start(move |number, path| match number {
        0 => list(&[("a", "10.0.0.1")], 5),
        _ if is_watch(path) => Reply::Body(200, error.clone()),
        _ => Reply::Body(500, status(500, "etcd is unhappy")),
    });
    let provider = fake.provider(&[("max_stale_ms", "1000")]);
    provider.register(LONG).unwrap();
    thread::sleep(Duration::from_millis(1100));
    for _ in 0..20 {
        let error =
            provider.discover_peers(Timeout::AtMost(Duration::from_millis(50))).unwrap_err();
        assert_eq!(error.status(), Status::Stale, "{error}");
    }
}

#[test]
fn bookmark_resets_the_age() {
    let seen = Seen::default();
    let synced = seen.clone();
    let fake = Fake::start(move |_, path| match path {
        path if is_list(path) => list(&[("a", "10.0.0.1")], 5),
        _ => {
            synced.wait();
            Reply::Open(vec![bookmark(6)])
        }
    });
    let provider = fake.provider(&[]);
    assert_eq!(first(&provider), ["10.0.0.1"]);
    let before = Instant::now();
    seen.now();
    // This holds however late the test reads it: the last confirmation is newer.
    eventually(|| {
        let since = before.elapsed();
        provider.health().unwrap().age.unwrap() <= since
    });
}

#[test]
fn requested_list_is_made_whatever_the_watch_does() {
    for never in [Reply::Silence, Reply::Body(500, String::new()), Reply::Body(200, bookmark(6))] {
        let never = std::sync::Mutex::new(Some(never));
        let fake = Fake::start(move |_, path| match path {
            path if is_watch(path) => never.lock().unwrap().take().unwrap_or(Reply::Silence),
            _ => list(&[("a", "10.0.0.1")], 5),
        });
        let provider = fake.provider(&[]);
        assert_eq!(first(&provider), ["10.0.0.1"]);
        fake.has_been_asked(2);
        provider.refresh(&mut 0, LONG).unwrap();
        provider.refresh(&mut 0, LONG).unwrap();
    }
}

/// A caller whose list is refused must not end the watch for the other callers.
#[test]
fn a_list_that_fails_does_not_end_the_watch() {
    let fake = Fake::start(|number, path| match number {
        0 => list(&[("a", "10.0.0.1")], 5),
        _ if is_watch(path) => Reply::Open(vec![]),
        _ => Reply::Body(429, status(429, "slow down")),
    });
    let provider = fake.provider(&[("log", "info")]);
    assert_eq!(first(&provider), ["10.0.0.1"]);
    fake.has_been_asked(2);
    assert_eq!(unrefreshed(&provider, "slow down").http_status(), 429);
    // The list is not repeated in a loop, either. The last one is due when the silent watch has
    // been accepted.
    come_later_each_time(&fake.has_been_asked_for(7, is_list)[1..]);
    assert_eq!(fake.paths().iter().filter(|path| is_watch(path)).count(), 1, "{:?}", fake.paths());
    // The error of the lists remains.
    let records = iter::from_fn(|| provider.log().next());
    assert_eq!(records.filter(|record| record.message.contains("answers again")).count(), 0);
}

/// A list from a cache may be older than the call.
#[test]
fn first_list_is_not_a_refresh() {
    let fake = Fake::steady(|| list(&[], 5), vec![]);
    let provider = fake.provider(&[]);
    provider.register(LONG).unwrap();
    provider.refresh(&mut 0, LONG).unwrap();
    assert_eq!(fake.paths().iter().filter(|path| !is_watch(path)).count(), 2);
}

/// The result becomes too old while a caller waits for the next one.
#[test]
fn wait_on_a_quiet_watch_does_not_return_stale() {
    let fake = Fake::steady(|| list(&[("a", "10.0.0.1")], 5), vec![]);
    let provider = fake.provider(&[("max_stale_ms", "1000")]);
    provider.register(LONG).unwrap();
    let generation = provider.wait(0, LONG).unwrap().generation();
    let error = |_| {
        provider
            .wait(generation, Timeout::AtMost(Duration::from_millis(2500)))
            .unwrap_err()
            .status()
    };
    // A test that is suspended at the end of the wait may get STALE, so not every wait is checked.
    assert!((0..10).map(error).any(|status| status == Status::Timeout));
}

/// The watch is open, and its server is frozen.
#[test]
fn unconfirmed_view_is_not_stable() {
    let thawed = Seen::default();
    let answers = thawed.clone();
    let fake = Fake::start(move |number, path| match number {
        0 => list(&[("a", "10.0.0.1")], 5),
        _ if is_watch(path) => Reply::Open(vec![]),
        _ if answers.is_so() => list(&[("a", "10.0.0.1"), ("b", "10.0.0.2")], 9),
        _ => Reply::Silence,
    });
    let provider = fake.provider(&[("request_timeout_ms", "2000")]);
    assert_eq!(first(&provider), ["10.0.0.1"]);
    let stable_for = Duration::from_millis(100);
    let error = provider
        .wait_for_peers(1, stable_for, Timeout::AtMost(Duration::from_secs(2)))
        .unwrap_err();
    assert_eq!(error.status(), Status::Timeout, "{error}");
    thawed.now();
    assert_eq!(provider.wait_for_peers(1, stable_for, LONG).unwrap().len(), 2);
}

/// A server whose cache lags needs up to 3.1 s, which is more than a caller of discover_peers
/// waits.
#[test]
fn refresh_has_a_default_timeout_of_its_own() {
    let fake = Fake::steady(|| list(&[], 5), vec![]);
    let provider = fake.provider(&[("discover_timeout_ms", "0")]);
    provider.register(LONG).unwrap();
    provider.refresh(&mut 0, Timeout::Default).unwrap();
}
