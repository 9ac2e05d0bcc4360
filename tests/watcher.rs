//! The watcher against servers that misbehave. The real API server is for all the rest.

mod fake;

use std::time::Duration;

use fake::{Fake, Reply, event, initial_end, page, pod, status};
use kubepeers::provider::{Provider, Timeout};
use kubepeers::snapshot::Snapshot;
use kubepeers::status::Status;

/// Longer than anything here takes.
const LONG: Timeout = Timeout::AtMost(Duration::from_secs(60));

fn addresses(snapshot: &Snapshot) -> Vec<&str> {
    (0..snapshot.len()).map(|i| snapshot.address(i).unwrap().to_str().unwrap().split(':').next().unwrap()).collect()
}

/// Registers, and gives the first answer.
fn first(provider: &Provider) -> Vec<String> {
    provider.register(LONG).unwrap();
    addresses(&provider.discover_peers(LONG).unwrap()).into_iter().map(str::to_owned).collect()
}

fn is_streaming(path: &str) -> bool {
    path.contains("sendInitialEvents=true")
}

fn is_watch(path: &str) -> bool {
    path.contains("watch=true")
}

#[test]
fn asks_for_the_pods_of_the_selector_and_nothing_else() {
    let fake = Fake::start(|_, _| Reply::Open(vec![event("ADDED", "a", "10.0.0.1", 1), initial_end(5)]));
    assert_eq!(first(&fake.provider(&[])), ["10.0.0.1"]);
    let asked = fake.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    for part in ["/api/v1/namespaces/ns/pods?", "labelSelector=app%3Ddemo", "allowWatchBookmarks=true"] {
        assert!(asked[0].contains(part), "{asked:?}");
    }
}

#[test]
fn lists_in_pages_where_streaming_lists_are_refused() {
    let fake = Fake::start(|_, path| match path {
        path if is_streaming(path) => Reply::Body(422, status(422, "sendInitialEvents: Forbidden")),
        path if is_watch(path) => Reply::Open(vec![event("ADDED", "c", "10.0.0.3", 8)]),
        path if path.contains("continue=more") => page(&[pod("b", "10.0.0.2", 2)], "", 7),
        _ => page(&[pod("a", "10.0.0.1", 1)], "more", 7),
    });
    let provider = fake.provider(&[]);
    provider.register(LONG).unwrap();
    let snapshot = provider.wait(0, LONG).unwrap();
    let snapshot = if snapshot.len() == 3 { snapshot } else { provider.wait(snapshot.generation(), LONG).unwrap() };
    assert_eq!(addresses(&snapshot), ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    assert!(fake.asked().last().unwrap().contains("resourceVersion=7"), "{:?}", fake.asked());
}

#[test]
fn lists_in_pages_where_streaming_lists_are_not_understood() {
    let fake = Fake::start(|_, path| match path {
        path if is_streaming(path) => Reply::Open(vec![]),
        path if is_watch(path) => Reply::Open(vec![]),
        _ => page(&[pod("a", "10.0.0.1", 1)], "", 7),
    });
    assert_eq!(first(&fake.provider(&[("request_timeout_ms", "200")])), ["10.0.0.1"]);
}

/// Such a server may be busy: its events are not a list that goes on.
#[test]
fn lists_in_pages_where_a_stream_never_says_that_it_is_complete() {
    let fake = Fake::start(|_, path| match path {
        path if is_streaming(path) => Reply::Drip(event("MODIFIED", "a", "10.0.0.1", 1)),
        path if is_watch(path) => Reply::Open(vec![]),
        _ => page(&[pod("a", "10.0.0.1", 1)], "", 7),
    });
    assert_eq!(first(&fake.provider(&[("request_timeout_ms", "200")])), ["10.0.0.1"]);
}

/// Nothing that is less than a whole list of pods may pass for one: it would be a false "alone".
#[test]
fn what_is_no_whole_list_is_no_answer() {
    let half = event("ADDED", "b", "10.0.0.2", 2)[..60].to_owned() + "\n";
    let streams = [half + &initial_end(5), initial_end(5).replace("\"5\"", "\"\"")];
    for stream in streams {
        let fake = Fake::start(move |_, path| match path {
            path if is_streaming(path) => Reply::Open(vec![event("ADDED", "a", "10.0.0.1", 1), stream.clone()]),
            _ => Reply::Body(500, status(500, "no")),
        });
        let error = unsynced(&fake.provider(&[]));
        assert!(error.contains("not one of a pod") || error.contains("answered 500"), "{error}");
    }
    for body in [
        r#"{"metadata":{"resourceVersion":"5"}}"#,
        r#"{"kind":"PodList","metadata":{"resourceVersion":"5"}}"#,
        r#"{"kind":"ConfigMapList","metadata":{"resourceVersion":"5"},"items":[]}"#,
        r#"{"kind":"PodList","metadata":{"resourceVersion":""},"items":[]}"#,
        "<html>",
        "",
    ] {
        let fake = Fake::start(move |_, path| match path {
            path if is_streaming(path) => Reply::Body(422, status(422, "no")),
            _ => Reply::Body(200, body.into()),
        });
        let error = unsynced(&fake.provider(&[]));
        assert!(error.contains("list of pods") || error.contains("answered 422"), "{error}");
    }
}

fn unsynced(provider: &Provider) -> String {
    provider.register(Timeout::AtMost(Duration::from_millis(500))).unwrap();
    let error = provider.discover_peers(Timeout::AtMost(Duration::ZERO)).unwrap_err();
    assert_eq!(error.status(), Status::NotSynced, "{error}");
    error.to_string()
}

#[test]
fn a_list_without_an_end_is_given_up() {
    let fake = Fake::start(|_, path| match path {
        path if is_streaming(path) => Reply::Body(422, status(422, "no")),
        _ => page(&[pod("a", "10.0.0.1", 1)], "again", 7),
    });
    let provider = fake.provider(&[]);
    provider.register(Timeout::AtMost(Duration::ZERO)).unwrap();
    let error = loop {
        let error = provider.discover_peers(Timeout::AtMost(Duration::from_millis(50))).unwrap_err();
        if error.message().contains("no end") {
            break error;
        }
    };
    assert_eq!(error.status(), Status::NotSynced);
}

#[test]
fn no_secret_of_a_kubeconfig_is_told() {
    for user in [
        "{token: [s3cr3t]}",
        "{token: 's3cr3t\u{1}'}",
        "{exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, args: [-c, 'echo s3cr3t; exit 1']}}",
        "{exec: {apiVersion: client.authentication.k8s.io/v1, command: echo, args: [s3cr3t]}}",
    ] {
        let provider = fake::provider("http://127.0.0.1:1", user, &[]);
        let error = provider.register(LONG).unwrap_err();
        assert_eq!(error.status(), Status::NoCredentials, "{user}: {error}");
        assert!(!error.message().contains("s3cr3t"), "{error}");
    }
    let fake = Fake::start(|_, _| Reply::Body(401, status(401, "who is\u{1b}\r\nBearer s3cr3t?")));
    let provider = fake.provider_of("{token: s3cr3t}");
    let error = provider.register(LONG).unwrap_err();
    assert_eq!(error.status(), Status::Unauthorized);
    assert!(error.message().contains("who is   Bearer [secret]?"), "{error}");
}

#[test]
fn half_a_list_is_no_answer() {
    let fake = Fake::start(|_, path| match path {
        path if is_streaming(path) => Reply::Body(200, event("ADDED", "a", "10.0.0.1", 1)),
        _ => Reply::Silence,
    });
    let provider = fake.provider(&[]);
    provider.register(Timeout::AtMost(Duration::from_millis(500))).unwrap();
    let error = provider.discover_peers(Timeout::AtMost(Duration::ZERO)).unwrap_err();
    assert_eq!(error.status(), Status::NotSynced);
    assert!(error.message().contains("not give a whole list: the connection ended"), "{error}");
}

#[test]
fn goes_on_from_the_last_event_when_a_watch_ends() {
    let fake = Fake::start(|number, path| match number {
        0 => Reply::Body(
            200,
            [event("ADDED", "a", "10.0.0.1", 1), initial_end(5), event("ADDED", "b", "10.0.0.2", 9)].concat(),
        ),
        _ if path.contains("resourceVersion=9") => {
            Reply::Open(vec![event("DELETED", "a", "10.0.0.1", 10), event("MODIFIED", "b", "10.0.0.3", 11)])
        }
        _ => Reply::Silence,
    });
    let provider = fake.provider(&[]);
    provider.register(LONG).unwrap();
    let mut snapshot = provider.wait(0, LONG).unwrap();
    while addresses(&snapshot) != ["10.0.0.3"] {
        snapshot = provider.wait(snapshot.generation(), LONG).unwrap();
    }
}

/// Both ways in which the API server says that a resourceVersion is too old.
#[test]
fn lists_again_when_history_is_gone() {
    let inside = format!("{{\"type\":\"ERROR\",\"object\":{}}}\n", status(410, "too old"));
    for gone in [Reply::Body(200, inside.clone()), Reply::Body(410, status(410, "too old"))] {
        let gone = std::sync::Mutex::new(Some(gone));
        let fake = Fake::start(move |number, path| match number {
            0 => Reply::Body(
                200,
                [event("ADDED", "a", "10.0.0.1", 1), event("ADDED", "b", "10.0.0.2", 2), initial_end(5)].concat(),
            ),
            _ if is_streaming(path) => Reply::Open(vec![event("ADDED", "b", "10.0.0.2", 2), initial_end(9)]),
            _ => gone.lock().unwrap().take().unwrap_or(Reply::Silence),
        });
        let provider = fake.provider(&[]);
        provider.register(LONG).unwrap();
        let both = provider.wait(0, LONG).unwrap();
        assert_eq!(addresses(&both), ["10.0.0.1", "10.0.0.2"]);
        assert_eq!(addresses(&provider.wait(both.generation(), LONG).unwrap()), ["10.0.0.2"]);
    }
}

#[test]
fn lists_again_when_the_store_went_back_in_time() {
    let bookmark =
        r#"{"type":"BOOKMARK","object":{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"300"}}}"#;
    let fake = Fake::start(move |number, path| match number {
        0 => Reply::Body(200, event("ADDED", "a", "10.0.0.1", 1) + &initial_end(905)),
        _ if is_streaming(path) => Reply::Open(vec![event("ADDED", "b", "10.0.0.2", 2), initial_end(301)]),
        _ => Reply::Open(vec![format!("{bookmark}\n")]),
    });
    let provider = fake.provider(&[]);
    provider.register(LONG).unwrap();
    let before = provider.wait(0, LONG).unwrap();
    assert_eq!(addresses(&provider.wait(before.generation(), LONG).unwrap()), ["10.0.0.2"]);
}

#[test]
fn lists_again_when_an_event_is_not_understood() {
    let fake = Fake::start(|number, _| match number {
        0 => Reply::Body(
            200,
            event("ADDED", "a", "10.0.0.1", 1)
                + &initial_end(5)
                + "{\"type\":\"ADDED\",\"object\":{\"metadata\":[]}}\n",
        ),
        _ => Reply::Open(vec![event("ADDED", "b", "10.0.0.2", 2), initial_end(9)]),
    });
    let provider = fake.provider(&[]);
    provider.register(LONG).unwrap();
    let snapshot = provider.wait(0, LONG).unwrap();
    assert_eq!(addresses(&provider.wait(snapshot.generation(), LONG).unwrap()), ["10.0.0.2"]);
    assert!(is_streaming(&fake.asked()[1]), "{:?}", fake.asked());
}

/// Closing at once, after nothing and after something.
#[test]
fn a_server_that_closes_at_once_is_not_stormed() {
    let bookmark = "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"6\"}}}\n";
    for body in ["", bookmark] {
        let fake = Fake::start(move |number, _| match number {
            0 => Reply::Body(200, initial_end(5)),
            _ => Reply::Body(200, body.into()),
        });
        let provider = fake.provider(&[]);
        assert_eq!(first(&provider), [""; 0]);
        // Not a matter of speed: without backoff it is thousands.
        std::thread::sleep(Duration::from_secs(2));
        let asked = fake.asked().len();
        assert!((2..20).contains(&asked), "{asked} requests");
        assert!(provider.discover_peers(LONG).unwrap().is_empty());
    }
}

#[test]
fn a_server_that_does_not_answer_is_not_synced_and_says_so() {
    let fake = Fake::start(|_, _| Reply::Silence);
    let provider = fake.provider(&[("request_timeout_ms", "100")]);
    provider.register(Timeout::AtMost(Duration::from_secs(1))).unwrap();
    let error = provider.discover_peers(Timeout::AtMost(Duration::ZERO)).unwrap_err();
    assert_eq!(error.status(), Status::NotSynced);
    assert!(error.message().contains("no answer within 100ms"), "{error}");
}

#[test]
fn a_server_in_trouble_is_waited_for_and_its_answer_told() {
    let fake = Fake::start(|number, _| match number {
        0 => Reply::Body(500, status(500, "etcd is unhappy")),
        1 => Reply::Body(503, "not even JSON".into()),
        2 => Reply::Body(429, status(429, "slow down")),
        _ => Reply::Open(vec![event("ADDED", "a", "10.0.0.1", 1), initial_end(5)]),
    });
    assert_eq!(first(&fake.provider(&[])), ["10.0.0.1"]);
    let fake = Fake::start(|_, _| Reply::Body(500, status(500, "etcd is unhappy")));
    let provider = fake.provider(&[]);
    provider.register(Timeout::AtMost(Duration::from_millis(500))).unwrap();
    let error = provider.discover_peers(Timeout::AtMost(Duration::ZERO)).unwrap_err();
    assert_eq!((error.status(), error.http_status()), (Status::NotSynced, 500));
    assert!(error.message().contains("etcd is unhappy"), "{error}");
}

#[test]
fn a_refusal_after_the_first_sync_takes_nothing_away() {
    let fake = Fake::start(|number, _| match number {
        0 => Reply::Body(200, event("ADDED", "a", "10.0.0.1", 1) + &initial_end(5)),
        _ => Reply::Body(403, status(403, "no more")),
    });
    let provider = fake.provider(&[]);
    assert_eq!(first(&provider), ["10.0.0.1"]);
    while fake.asked().len() < 3 {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(addresses(&provider.discover_peers(LONG).unwrap()), ["10.0.0.1"]);
}

#[test]
fn generations_grow_over_registrations() {
    let fake = Fake::start(|_, _| Reply::Open(vec![event("ADDED", "a", "10.0.0.1", 1), initial_end(5)]));
    let provider = fake.provider(&[]);
    provider.register(LONG).unwrap();
    let before = provider.wait(0, LONG).unwrap().generation();
    provider.deregister().unwrap();
    provider.register(LONG).unwrap();
    assert!(provider.wait(before, LONG).unwrap().generation() > before);
}

#[test]
fn closing_wakes_a_registration_that_waits() {
    let fake = Fake::start(|_, _| Reply::Silence);
    let provider = std::sync::Arc::new(fake.provider(&[]));
    let registering = {
        let provider = provider.clone();
        std::thread::spawn(move || provider.register(LONG))
    };
    while fake.asked().is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(provider.register(LONG).unwrap_err().status(), Status::AlreadyRegistered);
    provider.close();
    assert_eq!(registering.join().unwrap().unwrap_err().status(), Status::Closed);
    assert_eq!(provider.register(LONG).unwrap_err().status(), Status::Closed);
    assert_eq!(provider.deregister().unwrap_err().status(), Status::Closed);
}

#[test]
fn a_login_plugin_that_hangs_does_not_hold_up_close() {
    let folder = tempfile::tempdir().unwrap();
    let started = folder.path().join("started");
    let script = format!("touch '{0}'; while [ -e '{0}' ]; do sleep 0.05; done", started.display());
    let user = format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: sh, args: [-c, \"{script}\"]}}}}"
    );
    let provider = fake::provider("http://127.0.0.1:1", &user, &[]);
    provider.register(Timeout::AtMost(Duration::ZERO)).unwrap();
    while !started.exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    // The plugin ends only with its folder, after this returns.
    provider.close();
}

/// Linux tells of each connection which timer runs, 02 being the one of keepalive, and in how many hundredths of a second it
/// ends: `tr:tm->when` of /proc/net/tcp.
#[test]
fn idle_connections_are_kept_under_observation() {
    let fake = Fake::start(|_, _| Reply::Open(vec![initial_end(5)]));
    let provider = fake.provider(&[]);
    assert_eq!(first(&provider), [""; 0]);
    let server = format!("0100007F:{:04X}", fake.port());
    let timer = || {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let mut connections = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let ours = connections.find(|fields| fields[2] == server && fields[3] == "01").unwrap();
        let (kind, when) = ours[5].split_once(':').unwrap();
        (kind.to_owned(), u64::from_str_radix(when, 16).unwrap())
    };
    // Until what was sent is acknowledged another timer runs.
    while timer().0 == "01" {
        std::thread::sleep(Duration::from_millis(10));
    }
    let (kind, when) = timer();
    assert_eq!(kind, "02");
    assert!(when <= 500, "asks only after {when} hundredths of a second");
}
