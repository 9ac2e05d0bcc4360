//! How the pods are watched.

use std::sync::Mutex;

use super::fake::{Fake, Reply, Seen, bookmark, come_later_each_time, event, is_watch, list, status};
use super::{LONG, addresses, becomes, eventually, first, metric};

#[test]
fn goes_on_from_the_last_event_when_a_watch_ends() {
    let fake = Fake::start(|_, path| match path {
        path if !is_watch(path) => list(&[("a", "10.0.0.1")], 5),
        path if path.contains("resourceVersion=5") => Reply::Body(200, event("ADDED", "b", "10.0.0.2", 9)),
        path if path.contains("resourceVersion=9") => {
            Reply::Open(vec![event("DELETED", "a", "10.0.0.1", 10), event("MODIFIED", "b", "10.0.0.3", 11)])
        }
        _ => Reply::Silence,
    });
    let provider = fake.provider(&[]);
    provider.register(LONG).unwrap();
    becomes(&provider, &["10.0.0.3"]);
    assert_eq!(fake.asked().iter().filter(|asked| !is_watch(&asked.path)).count(), 1, "{:?}", fake.paths());
}

/// What nothing happens to is known to the last bookmark.
#[test]
fn goes_on_from_the_last_bookmark() {
    let fake = Fake::start(|_, path| match path {
        path if !is_watch(path) => list(&[("a", "10.0.0.1")], 5),
        path if path.contains("resourceVersion=5") => Reply::Body(200, bookmark(300) + &bookmark(900)),
        path if path.contains("resourceVersion=900") => Reply::Open(vec![event("ADDED", "b", "10.0.0.2", 901)]),
        _ => Reply::Body(410, status(410, "too old")),
    });
    let provider = fake.provider(&[]);
    provider.register(LONG).unwrap();
    becomes(&provider, &["10.0.0.1", "10.0.0.2"]);
    assert_eq!(fake.asked().len(), 3, "{:?}", fake.paths());
}

/// All ways in which the API server says that it cannot go on from a resourceVersion; and what ought not to be.
#[test]
fn lists_again_where_a_watch_cannot_go_on() {
    let error = |code| format!("{{\"type\":\"ERROR\",\"object\":{}}}\n", status(code, "no"));
    for ends in [
        Reply::Body(410, status(410, "too old")),
        Reply::Body(200, error(410)),
        Reply::Body(504, status(504, "Too large resource version")),
        Reply::Body(400, status(400, "invalid resource version")),
        // Of a store that went back in time, as after a restored backup.
        Reply::Open(vec![bookmark(300)]),
        // Not understood: whatever it was, it is not known now.
        Reply::Open(vec!["{\"type\":\"ADDED\",\"object\":{\"metadata\":[]}}\n".into()]),
        Reply::Open(vec!["{\"type\":\"ADDED\",\"obj".into(), "\n".into()]),
        Reply::Open(vec![event("ADDED", "x", "10.0.0.9", 906).replace("\"906\"", "\"\"")]),
    ] {
        let (ends, seen) = (Mutex::new(Some(ends)), Seen::default());
        let both_seen = seen.clone();
        let fake = Fake::start(move |number, path| match path {
            path if is_watch(path) => {
                both_seen.wait();
                ends.lock().unwrap().take().unwrap_or(Reply::Silence)
            }
            _ if number == 0 => list(&[("a", "10.0.0.1"), ("b", "10.0.0.2")], 905),
            _ => list(&[("b", "10.0.0.2")], 907),
        });
        let provider = fake.provider(&[]);
        provider.register(LONG).unwrap();
        let both = provider.wait(0, LONG).unwrap();
        assert_eq!(addresses(&both), ["10.0.0.1", "10.0.0.2"]);
        seen.now();
        assert_eq!(addresses(&provider.wait(both.generation(), LONG).unwrap()), ["10.0.0.2"]);
        // Not what a cache has, which may lag: it would lead to the same end again.
        let again = &fake.paths()[2];
        assert!(!is_watch(again) && !again.contains("resourceVersion="), "{again}");
    }
}

/// Closing at once, after nothing and after something.
#[test]
fn a_server_that_closes_at_once_is_not_stormed() {
    for body in [String::new(), bookmark(6)] {
        let fake =
            Fake::start(move |_, path| if is_watch(path) { Reply::Body(200, body.clone()) } else { list(&[], 5) });
        let provider = fake.provider(&[]);
        assert_eq!(first(&provider), [""; 0]);
        come_later_each_time(&fake.has_been_asked_for(5, is_watch));
        assert!(provider.discover_peers(LONG).unwrap().is_empty());
    }
}

/// A snapshot for what came at once, not for each event.
#[test]
fn a_burst_is_one_change() {
    let events: Vec<String> =
        (1..=1000).map(|i| event("ADDED", &format!("p{i}"), &format!("10.1.{}.{}", i / 250, i % 250), i + 1)).collect();
    let fake = Fake::start(move |_, path| match path {
        path if is_watch(path) => Reply::Open(vec![events.concat()]),
        _ => list(&[], 1),
    });
    let provider = fake.provider(&[]);
    provider.register(LONG).unwrap();
    eventually(|| provider.discover_peers(LONG).unwrap().len() == 1000);
    let (events, views) = (metric(&provider, "events_total"), metric(&provider, "evaluations_total"));
    assert_eq!(events, 1000.0);
    assert!(views <= 200.0, "{views} views of {events} events");
}

/// Linux tells of each connection which timer runs, 02 being the one of keepalive, and in how many hundredths of a second it
/// ends: `tr:tm->when` of /proc/net/tcp.
#[test]
fn idle_connections_are_kept_under_observation() {
    let fake = Fake::steady(|| list(&[], 5), vec![]);
    let provider = fake.provider(&[]);
    assert_eq!(first(&provider), [""; 0]);
    fake.has_been_asked(2);
    let server = format!("0100007F:{:04X}", fake.port());
    let timer = || {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let mut connections = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let ours = connections.find(|fields| fields[2] == server && fields[3] == "01").unwrap();
        let (kind, when) = ours[5].split_once(':').unwrap();
        (kind.to_owned(), u64::from_str_radix(when, 16).unwrap())
    };
    // Until what was sent is acknowledged another timer runs.
    let mut now = timer();
    eventually(|| {
        now = timer();
        now.0 == "02"
    });
    assert!(now.1 <= 500, "asks only after {} hundredths of a second", now.1);
}
