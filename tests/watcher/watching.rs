//! How the pods are watched.

use std::sync::Mutex;

use super::fake::{
    Fake, Reply, Seen, bookmark, come_later_each_time, event, is_watch, list, status,
};
use super::{LONG, addresses, becomes, eventually, first, metric};

#[test]
fn watch_resumes_from_the_last_event() {
    let fake = Fake::start(|_, path| match path {
        path if !is_watch(path) => list(&[("a", "10.0.0.1")], 5),
        path if path.contains("resourceVersion=5") => {
            Reply::Body(200, event("ADDED", "b", "10.0.0.2", 9))
        }
        path if path.contains("resourceVersion=9") => Reply::Open(vec![
            event("DELETED", "a", "10.0.0.1", 10),
            event("MODIFIED", "b", "10.0.0.3", 11),
        ]),
        _ => Reply::Silence,
    });
    let provider = fake.provider(&[]);
    provider.register(LONG).unwrap();
    becomes(&provider, &["10.0.0.3"]);
    assert_eq!(
        fake.asked().iter().filter(|asked| !is_watch(&asked.path)).count(),
        1,
        "{:?}",
        fake.paths()
    );
}

/// Without events, the pods are known up to the last bookmark.
#[test]
fn watch_resumes_from_the_last_bookmark() {
    let fake = Fake::start(|_, path| match path {
        path if !is_watch(path) => list(&[("a", "10.0.0.1")], 5),
        path if path.contains("resourceVersion=5") => {
            Reply::Body(200, bookmark(300) + &bookmark(900))
        }
        path if path.contains("resourceVersion=900") => {
            Reply::Open(vec![event("ADDED", "b", "10.0.0.2", 901)])
        }
        _ => Reply::Body(410, status(410, "too old")),
    });
    let provider = fake.provider(&[]);
    provider.register(LONG).unwrap();
    becomes(&provider, &["10.0.0.1", "10.0.0.2"]);
    assert_eq!(fake.asked().len(), 3, "{:?}", fake.paths());
}

/// All ways in which the API server reports that it cannot resume from a resourceVersion, and
/// invalid events.
#[test]
fn list_follows_a_watch_that_cannot_resume() {
    let error = |code| format!("{{\"type\":\"ERROR\",\"object\":{}}}\n", status(code, "no"));
    for ends in [
        Reply::Body(410, status(410, "too old")),
        Reply::Body(200, error(410)),
        Reply::Body(504, status(504, "Too large resource version")),
        Reply::Body(400, status(400, "invalid resource version")),
        // The store went back in time, as after a restored backup.
        Reply::Open(vec![bookmark(300)]),
        // An event that cannot be read: its change is not known.
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
        // The list must not come from a cache that lags: its watch would fail in the same way.
        let again = &fake.paths()[2];
        assert!(!is_watch(again) && !again.contains("resourceVersion="), "{again}");
    }
}

/// The server closes at once, without an event and after one.
#[test]
fn watches_that_close_at_once_back_off() {
    for body in [String::new(), bookmark(6)] {
        let fake =
            Fake::start(
                move |_, path| {
                    if is_watch(path) { Reply::Body(200, body.clone()) } else { list(&[], 5) }
                },
            );
        let provider = fake.provider(&[]);
        assert_eq!(first(&provider), [""; 0]);
        come_later_each_time(&fake.has_been_asked_for(5, is_watch));
        assert!(provider.discover_peers(LONG).unwrap().is_empty());
    }
}

#[test]
fn burst_of_events_is_one_snapshot() {
    let events: Vec<String> = (1..=1000)
        .map(|i| event("ADDED", &format!("p{i}"), &format!("10.1.{}.{}", i / 250, i % 250), i + 1))
        .collect();
    let fake = Fake::start(move |_, path| match path {
        path if is_watch(path) => Reply::Open(vec![events.concat()]),
        _ => list(&[], 1),
    });
    let provider = fake.provider(&[]);
    provider.register(LONG).unwrap();
    eventually(|| provider.discover_peers(LONG).unwrap().len() == 1000);
    let (events, views) =
        (metric(&provider, "events_total"), metric(&provider, "evaluations_total"));
    assert_eq!(events, 1000.0);
    assert!(views <= 200.0, "{views} views of {events} events");
}

/// Linux shows the timer of each connection, which is 02 for keepalive, and its remaining
/// hundredths of a second: `tr:tm->when` of /proc/net/tcp.
#[test]
fn idle_connections_have_keepalive() {
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
    // Another timer runs until all sent bytes are acknowledged.
    let mut now = timer();
    eventually(|| {
        now = timer();
        now.0 == "02"
    });
    assert!(now.1 <= 500, "asks only after {} hundredths of a second", now.1);
}
