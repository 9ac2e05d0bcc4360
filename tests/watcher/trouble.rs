//! Servers that do not answer, or say no.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use kubepeers::testing::{Status, Timeout};

use super::fake::{
    self, Fake, Reply, Seen, come_later_each_time, event, is_list, is_watch, list, page, page_text, pod, status,
};
use super::{AT_ONCE, LONG, addresses, becomes, eventually, first, metric, troubled, unsynced};

/// Where it stops: before the headers, and in the middle of the body.
#[test]
fn a_server_that_does_not_go_on_is_given_up() {
    let half = page_text(&[pod("a", "10.0.0.1", 1)], "", 7)[..150].to_owned();
    let stops: [Box<dyn Fn() -> Reply + Send + Sync>; 2] =
        [Box::new(|| Reply::Silence), Box::new(move || Reply::Open(vec![half.clone()]))];
    for stop in stops {
        let seen = Seen::default();
        let given_up = seen.clone();
        let fake = Fake::start(move |_, path| match path {
            path if is_watch(path) => Reply::Open(vec![]),
            _ if !given_up.is_so() => stop(),
            _ => list(&[("b", "10.0.0.2")], 7),
        });
        let provider = fake.provider(&[("request_timeout_ms", "2000")]);
        unsynced(&provider, "no answer within 2s");
        seen.now();
        becomes(&provider, &["10.0.0.2"]);
    }
}

/// Nobody answers the handshake: the queue of those who wait for it is full.
#[test]
fn a_server_that_does_not_accept_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let connect = |_: &i32| TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
    let waiting: Vec<TcpStream> = (0..10_000).map_while(|i| connect(&i)).collect();
    let provider = fake::provider(&format!("http://{address}"), "{}", &[("request_timeout_ms", "100")]);
    unsynced(&provider, "no answer within 100ms");
    assert_eq!(troubled(&provider, "timed-out").age, None);
    drop(waiting);
}

#[test]
fn a_server_that_is_not_there_is_told_from_a_name_that_is_not() {
    let provider = fake::provider("http://127.0.0.1:1", "{}", &[]);
    unsynced(&provider, "refused");
    troubled(&provider, "unreachable");
    // Where no name server answers it takes a while until that is known.
    let provider = fake::provider("http://no-such-host.invalid:1", "{}", &[("request_timeout_ms", "300000")]);
    unsynced(&provider, "cannot be resolved");
    troubled(&provider, "no-such-host");
}

#[test]
fn a_server_in_trouble_is_waited_for_and_its_answer_told() {
    let fake = Fake::start(|number, path| match number {
        0 => Reply::Body(500, status(500, "etcd is unhappy")),
        1 => Reply::Body(503, "not even JSON".into()),
        2 => Reply::Body(429, status(429, "slow down")),
        _ if is_watch(path) => Reply::Open(vec![]),
        _ => list(&[("a", "10.0.0.1")], 5),
    });
    assert_eq!(first(&fake.provider(&[])), ["10.0.0.1"]);
    let fake = Fake::start(|_, _| Reply::Body(500, status(500, "etcd is unhappy")));
    let provider = fake.provider(&[]);
    let error = unsynced(&provider, "etcd is unhappy");
    assert_eq!((error.http_status(), error.is_retryable()), (500, true));
    let health = troubled(&provider, "refused");
    assert_eq!(health.last_error.unwrap().error.status(), Status::Unavailable);
    assert!(health.stale && health.age.is_none());
}

#[test]
fn a_server_that_asks_for_time_gets_it() {
    for code in [429, 503] {
        let fake = Fake::start(move |number, path| match number {
            0 => Reply::Raw(code, "Retry-After: 2", status(code, "too busy").into()),
            _ if is_watch(path) => Reply::Open(vec![]),
            _ => list(&[], 5),
        });
        assert_eq!(first(&fake.provider(&[])), [""; 0]);
        let asked = fake.asked();
        assert!(asked[1].at - asked[0].at >= Duration::from_secs(2), "{asked:?}");
    }
}

/// Backoff grows: without it, thousands of requests.
#[test]
fn a_server_that_is_down_is_not_stormed() {
    let fake = Fake::start(|_, _| Reply::Body(500, status(500, "no")));
    let provider = fake.provider(&[]);
    provider.register(AT_ONCE).unwrap();
    come_later_each_time(&fake.has_been_asked_for(5, is_list));
}

/// An API server that starts refuses every client for a moment: it knows tokens before roles, and
/// old tokens before new ones.
#[test]
fn a_refusal_is_transient_until_it_lasts() {
    for (code, status_of, words) in
        [(401, Status::Unauthorized, "does not accept the credentials"), (403, Status::Forbidden, "may not list pods")]
    {
        let refused = move || Reply::Body(code, status(code, "no"));
        // Once: on a machine that stands still, two may be as far from each other as what lasts.
        let fake = Fake::start(move |number, path| match number {
            0 => refused(),
            _ if is_watch(path) => Reply::Open(vec![]),
            _ => list(&[("a", "10.0.0.1")], 5),
        });
        assert_eq!(first(&fake.provider(&[])), ["10.0.0.1"]);
        let fake = Fake::start(move |number, _| if number == 0 { refused() } else { Reply::Silence });
        assert!(unsynced(&fake.provider(&[]), words).is_retryable());
        let error = Fake::start(move |_, _| refused()).provider(&[]).register(LONG).unwrap_err();
        assert_eq!((error.status(), error.http_status(), error.is_retryable()), (status_of, code, false));
        assert!(error.message().contains(words), "{error}");
    }
}

/// A firewall's, or a login portal's: a Role would not help.
#[test]
fn a_refusal_of_something_between_prints_no_role() {
    let fake = Fake::start(|_, _| Reply::Body(403, "<html>Request blocked</html>".into()));
    let error = unsynced(&fake.provider(&[]), "answered 403: <html>Request blocked");
    assert!(error.is_retryable() && !error.message().contains("kind: Role"), "{error}");
}

/// Whoever wants to know whether changes are seen at once is not to guess.
#[test]
fn a_watch_is_open_once_it_was_granted() {
    let granting = Fake::steady(|| list(&[], 5), vec![]);
    let provider = granting.provider(&[]);
    provider.register(LONG).unwrap();
    eventually(|| metric(&provider, "watching") == 1.0);
    let silent = Fake::start(|_, path| if is_watch(path) { Reply::Silence } else { list(&[], 5) });
    let provider = silent.provider(&[]);
    provider.register(LONG).unwrap();
    silent.has_been_asked(2);
    assert_eq!((metric(&provider, "synced"), metric(&provider, "watching")), (1.0, 0.0));
}

#[test]
fn a_refusal_after_the_first_sync_takes_nothing_away() {
    for (code, class) in [(401, "unauthorized"), (403, "forbidden")] {
        let fake = Fake::start(move |number, _| match number {
            0 => list(&[("a", "10.0.0.1")], 5),
            _ => Reply::Body(code, status(code, "no more")),
        });
        let provider = fake.provider(&[("poll_interval_ms", "1000")]);
        assert_eq!(first(&provider), ["10.0.0.1"]);
        fake.has_been_asked(3);
        let health = troubled(&provider, class);
        assert_eq!(health.last_error.unwrap().error.http_status(), code);
        assert_eq!(addresses(&provider.discover_peers(LONG).unwrap()), ["10.0.0.1"]);
    }
}

/// Lists may be had where watches may not: then they are, now and then.
#[test]
fn polls_where_watching_is_forbidden() {
    let fake = Fake::start(|number, path| match number {
        _ if is_watch(path) => Reply::Body(403, status(403, "pods is forbidden")),
        0 => list(&[("a", "10.0.0.1")], 5),
        _ => list(&[("a", "10.0.0.1"), ("b", "10.0.0.2")], 6),
    });
    let provider = fake.provider(&[("poll_interval_ms", "1000")]);
    provider.register(LONG).unwrap();
    becomes(&provider, &["10.0.0.1", "10.0.0.2"]);
    eventually(|| provider.health().unwrap().polling);
    let error = provider.health().unwrap().last_error.unwrap().error;
    assert!(error.status() == Status::Forbidden && error.message().contains("may not watch pods"), "{error}");
    // From now on it is not asked for again with every poll.
    let before = fake.asked().len();
    fake.has_been_asked(before + 3);
    let polls = &fake.asked()[before..];
    assert!(!polls.iter().any(|asked| is_watch(&asked.path)), "{polls:?}");
    // A second between two, less a fifth.
    assert!(polls.windows(2).all(|two| two[1].at - two[0].at >= Duration::from_millis(800)), "{polls:?}");
}

/// A server that starts says so to everybody for a moment: nobody polls because of that.
#[test]
fn watches_where_watching_was_forbidden_for_a_moment() {
    let fake = Fake::start(|number, path| match number {
        1 | 2 => Reply::Body(403, status(403, "pods is forbidden")),
        _ if is_watch(path) => Reply::Open(vec![event("ADDED", "b", "10.0.0.2", 6)]),
        _ => list(&[("a", "10.0.0.1")], 5),
    });
    let provider = fake.provider(&[("poll_interval_ms", "86400000")]);
    provider.register(LONG).unwrap();
    becomes(&provider, &["10.0.0.1", "10.0.0.2"]);
    let health = provider.health().unwrap();
    assert!(!health.polling && health.last_error.is_none());
}

/// As a gateway's, which says nothing of resourceVersions.
#[test]
fn what_a_gateway_says_is_no_reason_to_list_again() {
    let fake = Fake::start(|number, path| match number {
        1 => Reply::Body(504, "<html>Gateway Time-out</html>".into()),
        _ if is_watch(path) => Reply::Open(vec![event("ADDED", "b", "10.0.0.2", 6)]),
        _ => list(&[("a", "10.0.0.1")], 5),
    });
    let provider = fake.provider(&[]);
    provider.register(LONG).unwrap();
    becomes(&provider, &["10.0.0.1", "10.0.0.2"]);
    assert_eq!(fake.asked().len(), 3, "{:?}", fake.paths());
}

/// The watch is silent, but open: what was wrong before is over.
#[test]
fn a_failure_is_over_once_a_watch_goes_on() {
    let seen = Seen::default();
    let trouble_seen = seen.clone();
    let fake = Fake::start(move |number, path| match number {
        1 => Reply::Body(500, status(500, "no")),
        _ if is_watch(path) => {
            trouble_seen.wait();
            Reply::Open(vec![])
        }
        _ => list(&[("a", "10.0.0.1")], 5),
    });
    let provider = fake.provider(&[]);
    assert_eq!(first(&provider), ["10.0.0.1"]);
    troubled(&provider, "refused");
    seen.now();
    assert_eq!(provider.wait_for_peers(1, Duration::from_millis(100), LONG).unwrap().len(), 1);
    assert!(provider.health().unwrap().last_error.is_none());
}

/// Peers that nothing is told of do not pass for settled.
#[test]
fn a_watch_that_ends_at_once_is_a_failure_and_lists_take_its_place() {
    let fake = Fake::start(|number, path| match number {
        _ if is_watch(path) => Reply::Body(200, String::new()),
        0..=2 => list(&[("a", "10.0.0.1")], 5),
        _ => list(&[("b", "10.0.0.2")], 6),
    });
    let provider = fake.provider(&[]);
    provider.register(LONG).unwrap();
    troubled(&provider, "incomplete");
    becomes(&provider, &["10.0.0.2"]);
}

#[test]
fn polls_where_that_is_asked_for() {
    let fake = Fake::start(|number, _| list(&[("a", if number == 0 { "10.0.0.1" } else { "10.0.0.2" })], 5));
    let provider = fake.provider(&[("watch", "poll"), ("poll_interval_ms", "1000")]);
    provider.register(LONG).unwrap();
    becomes(&provider, &["10.0.0.2"]);
    let health = provider.health().unwrap();
    assert!(health.polling && health.last_error.is_none());
    assert!(!fake.paths().iter().any(|path| is_watch(path)));
}

/// What keeps the credentials of a kubeconfig from being used, and which file it is.
#[test]
fn why_credentials_cannot_be_used_is_told() {
    let plugin = |what: &str| {
        format!("{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, {what}}}}}")
    };
    let garbage = tempfile::NamedTempFile::new().unwrap();
    let garbage = garbage.path().display();
    for (user, words) in [
        ("{tokenFile: /nonexistent/token}".to_owned(), "/nonexistent/token cannot be read: No such file"),
        (
            "{client-certificate: /nonexistent/crt, client-key: /nonexistent/key}".into(),
            "/nonexistent/crt cannot be read",
        ),
        (format!("{{client-certificate: '{garbage}', client-key: '{garbage}'}}"), "certificate"),
        (plugin("command: no-such-program"), "login plugin cannot be started: No such file"),
        (plugin("command: 'false'"), "login plugin failed (exit status: 1)"),
        (plugin("command: 'true'"), "login plugin returned no credentials"),
    ] {
        let error = fake::provider("https://127.0.0.1:1", &user, &[]).register(LONG).unwrap_err();
        assert_eq!((error.status(), error.message().contains(words)), (Status::NoCredentials, true), "{user}: {error}");
    }
}

#[test]
fn a_server_that_is_no_url_is_told() {
    for server in ["127.0.0.1:6443", "localhost", "*", "ftp://127.0.0.1"] {
        let error = fake::provider(server, "{}", &[]).register(LONG).unwrap_err();
        assert_eq!(error.status(), Status::NoCredentials, "{server}: {error}");
        assert!(error.message().contains("not one that begins with https://"), "{server}: {error}");
    }
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
    assert!(error.message().contains("who is   Bearer [secret]") && !error.message().contains("s3cr3t"), "{error}");
}

#[test]
fn generations_grow_over_registrations() {
    let fake = Fake::steady(|| list(&[], 5), vec![event("ADDED", "a", "10.0.0.1", 6)]);
    let provider = fake.provider(&[]);
    provider.register(LONG).unwrap();
    let before = becomes(&provider, &["10.0.0.1"]);
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
    fake.has_been_asked(1);
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
    eventually(|| started.exists());
    // The plugin ends only with its folder, after this returns.
    provider.close();
}

/// A proxy answers with what it was sent, without the name of a scheme. The tokens of service accounts have about a thousand characters.
#[test]
fn an_echoed_token_is_shown_neither_whole_nor_in_part() {
    let token: String = "0123456789abcdefghijklmnopqrstuvwxyz".chars().cycle().take(1200).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &token).unwrap();
    for user in [format!("{{token: {token}}}"), format!("{{tokenFile: '{}'}}", file.path().display())] {
        for before in [0, 500, 990] {
            let echoed = format!("refused: {}{token}", "x".repeat(before));
            let fake = Fake::start(move |_, _| Reply::Body(502, echoed.clone()));
            let error = unsynced(&fake.provider_of(&user), "refused");
            assert!(!error.message().contains(&token[..20]), "{error}");
        }
    }
}

/// What is not understood is quoted, but not all of it.
#[test]
fn messages_are_bounded() {
    let item = pod("a", "10.0.0.1", 1).replace("3322", &format!("\"{}\"", "x".repeat(2 << 20)));
    let fake = Fake::start(move |_, _| page(std::slice::from_ref(&item), "", 7));
    let error = unsynced(&fake.provider(&[]), "not a list of pods");
    assert!(error.message().len() < 5_000, "{} bytes", error.message().len());
}
