//! Servers that do not answer, or refuse requests.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use kubepeers::testing::{Status, Timeout};

use super::fake::{
    self, Fake, Reply, Seen, come_later_each_time, event, is_list, is_watch, list, page, page_text,
    pod, status,
};
use super::{
    AT_ONCE, LONG, addresses, becomes, eventually, first, metric, unsynced, wait_for_error,
};

/// The response stalls before the headers, or in the middle of the body.
#[test]
fn response_that_stalls_times_out() {
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

/// The TCP handshake is not answered, because the queue of the listener is full.
#[test]
fn connection_that_is_not_accepted_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let connect = |_: &i32| TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
    let waiting: Vec<TcpStream> = (0..10_000).map_while(|i| connect(&i)).collect();
    let provider =
        fake::provider(&format!("http://{address}"), "{}", &[("request_timeout_ms", "100")]);
    unsynced(&provider, "no answer within 100ms");
    assert_eq!(wait_for_error(&provider, "timed-out").age, None);
    drop(waiting);
}

#[test]
fn unreachable_server_and_unknown_name_have_different_classes() {
    let provider = fake::provider("http://127.0.0.1:1", "{}", &[]);
    unsynced(&provider, "refused");
    wait_for_error(&provider, "unreachable");
    // Without a name server, this takes a while.
    let provider =
        fake::provider("http://no-such-host.invalid:1", "{}", &[("request_timeout_ms", "300000")]);
    unsynced(&provider, "cannot be resolved");
    wait_for_error(&provider, "no-such-host");
}

#[test]
fn server_error_is_retried_and_reported() {
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
    let health = wait_for_error(&provider, "refused");
    assert_eq!(health.last_error.unwrap().error.status(), Status::Unavailable);
    assert!(health.stale && health.age.is_none());
}

#[test]
fn retry_after_is_honored() {
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

/// Without backoff, there would be thousands of requests.
#[test]
fn requests_to_a_server_that_is_down_back_off() {
    let fake = Fake::start(|_, _| Reply::Body(500, status(500, "no")));
    let provider = fake.provider(&[]);
    provider.register(AT_ONCE).unwrap();
    come_later_each_time(&fake.has_been_asked_for(5, is_list));
}

/// An API server that starts refuses every client for a moment: it knows tokens before roles, and
/// old tokens before new ones.
#[test]
fn denial_is_transient_until_it_has_lasted() {
    for (code, status_of, words) in [
        (401, Status::Unauthorized, "does not accept the credentials"),
        (403, Status::Forbidden, "may not list pods"),
    ] {
        let refused = move || Reply::Body(code, status(code, "no"));
        // Only one: on a suspended machine, two denials may be as far apart as a permanent one.
        let fake = Fake::start(move |number, path| match number {
            0 => refused(),
            _ if is_watch(path) => Reply::Open(vec![]),
            _ => list(&[("a", "10.0.0.1")], 5),
        });
        assert_eq!(first(&fake.provider(&[])), ["10.0.0.1"]);
        let fake =
            Fake::start(move |number, _| if number == 0 { refused() } else { Reply::Silence });
        assert!(unsynced(&fake.provider(&[]), words).is_retryable());
        let error = Fake::start(move |_, _| refused()).provider(&[]).register(LONG).unwrap_err();
        assert_eq!(
            (error.status(), error.http_status(), error.is_retryable()),
            (status_of, code, false)
        );
        assert!(error.message().contains(words), "{error}");
    }
}

/// A Role does not fix the denial of a firewall or a login portal.
#[test]
fn denial_of_a_proxy_has_no_manifest() {
    let fake = Fake::start(|_, _| Reply::Body(403, "<html>Request blocked</html>".into()));
    let error = unsynced(&fake.provider(&[]), "answered 403: <html>Request blocked");
    assert!(error.is_retryable() && !error.message().contains("kind: Role"), "{error}");
}

#[test]
fn health_reports_a_granted_watch() {
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
fn denial_after_the_first_list_keeps_the_result() {
    for (code, class) in [(401, "unauthorized"), (403, "forbidden")] {
        let fake = Fake::start(move |number, _| match number {
            0 => list(&[("a", "10.0.0.1")], 5),
            _ => Reply::Body(code, status(code, "no more")),
        });
        let provider = fake.provider(&[("poll_interval_ms", "1000")]);
        assert_eq!(first(&provider), ["10.0.0.1"]);
        fake.has_been_asked(3);
        let health = wait_for_error(&provider, class);
        assert_eq!(health.last_error.unwrap().error.http_status(), code);
        assert_eq!(addresses(&provider.discover_peers(LONG).unwrap()), ["10.0.0.1"]);
    }
}

#[test]
fn pods_are_polled_if_watching_is_forbidden() {
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
    assert!(
        error.status() == Status::Forbidden && error.message().contains("may not watch pods"),
        "{error}"
    );
    // From now on, not every poll requests a watch.
    let before = fake.asked().len();
    fake.has_been_asked(before + 3);
    let polls = &fake.asked()[before..];
    assert!(!polls.iter().any(|asked| is_watch(&asked.path)), "{polls:?}");
    // The interval is one second, less a fifth.
    assert!(
        polls.windows(2).all(|two| two[1].at - two[0].at >= Duration::from_millis(800)),
        "{polls:?}"
    );
}

/// A server that is starting denies every request for a moment. This must not lead to polling.
#[test]
fn short_denial_does_not_end_watching() {
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

/// The error of a gateway has nothing to do with resourceVersions.
#[test]
fn gateway_error_of_a_watch_causes_no_list() {
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

#[test]
fn error_disappears_once_the_watch_continues() {
    let seen = Seen::default();
    let error_seen = seen.clone();
    let fake = Fake::start(move |number, path| match number {
        1 => Reply::Body(500, status(500, "no")),
        _ if is_watch(path) => {
            error_seen.wait();
            Reply::Open(vec![])
        }
        _ => list(&[("a", "10.0.0.1")], 5),
    });
    let provider = fake.provider(&[]);
    assert_eq!(first(&provider), ["10.0.0.1"]);
    wait_for_error(&provider, "refused");
    seen.now();
    assert_eq!(provider.wait_for_peers(1, Duration::from_millis(100), LONG).unwrap().len(), 1);
    assert!(provider.health().unwrap().last_error.is_none());
}

#[test]
fn watches_that_end_at_once_are_an_error_and_lists_replace_them() {
    let fake = Fake::start(|number, path| match number {
        _ if is_watch(path) => Reply::Body(200, String::new()),
        0..=2 => list(&[("a", "10.0.0.1")], 5),
        _ => list(&[("b", "10.0.0.2")], 6),
    });
    let provider = fake.provider(&[]);
    provider.register(LONG).unwrap();
    wait_for_error(&provider, "incomplete");
    becomes(&provider, &["10.0.0.2"]);
}

#[test]
fn pods_are_polled_if_configured() {
    let fake = Fake::start(|number, _| {
        list(&[("a", if number == 0 { "10.0.0.1" } else { "10.0.0.2" })], 5)
    });
    let provider = fake.provider(&[("watch", "poll"), ("poll_interval_ms", "1000")]);
    provider.register(LONG).unwrap();
    becomes(&provider, &["10.0.0.2"]);
    let health = provider.health().unwrap();
    assert!(health.polling && health.last_error.is_none());
    assert!(!fake.paths().iter().any(|path| is_watch(path)));
}

/// The error names the file.
#[test]
fn unusable_credentials_are_reported_with_the_reason() {
    let plugin = |what: &str| {
        format!(
            "{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, {what}}}}}"
        )
    };
    let garbage = tempfile::NamedTempFile::new().unwrap();
    let garbage = garbage.path().display();
    for (user, words) in [
        (
            "{tokenFile: /nonexistent/token}".to_owned(),
            "/nonexistent/token cannot be read: No such file",
        ),
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
        assert_eq!(
            (error.status(), error.message().contains(words)),
            (Status::NoCredentials, true),
            "{user}: {error}"
        );
    }
}

#[test]
fn invalid_server_url_is_reported() {
    for server in ["127.0.0.1:6443", "localhost", "*", "ftp://127.0.0.1"] {
        let error = fake::provider(server, "{}", &[]).register(LONG).unwrap_err();
        assert_eq!(error.status(), Status::NoCredentials, "{server}: {error}");
        assert!(error.message().contains("not one that begins with https://"), "{server}: {error}");
    }
}

#[test]
fn errors_contain_no_secret_of_a_kubeconfig() {
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
    assert!(
        error.message().contains("who is   Bearer [secret]") && !error.message().contains("s3cr3t"),
        "{error}"
    );
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
fn close_wakes_a_register_that_waits() {
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
fn hanging_login_plugin_does_not_delay_close() {
    let folder = tempfile::tempdir().unwrap();
    let started = folder.path().join("started");
    let script = format!("touch '{0}'; while [ -e '{0}' ]; do sleep 0.05; done", started.display());
    let user = format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: sh, args: [-c, \"{script}\"]}}}}"
    );
    let provider = fake::provider("http://127.0.0.1:1", &user, &[]);
    provider.register(Timeout::AtMost(Duration::ZERO)).unwrap();
    eventually(|| started.exists());
    // The plugin ends when its directory is removed, after this test.
    provider.close();
}

/// A proxy echoes the token without the name of the scheme. Tokens of service accounts have about a
/// thousand characters.
#[test]
fn echoed_token_is_redacted_completely() {
    let token: String = "0123456789abcdefghijklmnopqrstuvwxyz".chars().cycle().take(1200).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &token).unwrap();
    for user in
        [format!("{{token: {token}}}"), format!("{{tokenFile: '{}'}}", file.path().display())]
    {
        for before in [0, 500, 990] {
            let echoed = format!("refused: {}{token}", "x".repeat(before));
            let fake = Fake::start(move |_, _| Reply::Body(502, echoed.clone()));
            let error = unsynced(&fake.provider_of(&user), "refused");
            assert!(!error.message().contains(&token[..20]), "{error}");
        }
    }
}

/// A response that cannot be parsed is quoted only in part.
#[test]
fn messages_are_bounded() {
    let item = pod("a", "10.0.0.1", 1).replace("3322", &format!("\"{}\"", "x".repeat(2 << 20)));
    let fake = Fake::start(move |_, _| page(std::slice::from_ref(&item), "", 7));
    let error = unsynced(&fake.provider(&[]), "not a list of pods");
    assert!(error.message().len() < 5_000, "{} bytes", error.message().len());
}
