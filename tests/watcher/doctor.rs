//! The doctor with servers that misbehave. tests/conformance has the cases of a real API server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kubepeers::testing::{Backend, Form, KubeApi, Report, Timeout, connect, examine, spawn_named};

use super::fake::{self, Fake, Reply, is_watch, list, status};

const HOSTILE: &str = "no \u{202e}etcd\u{200b} is\u{2028} un\u{1b}[2Jhappy\u{feff}\u{85}!";
const FORBIDDEN: &str = "pods is forbidden: User \"bob\" cannot list resource \"pods\"";

/// Examines as an observer of this server with this user of a kubeconfig.
fn examined(fake: &Fake, user: &str, extra: &[(&str, &str)], timeout: Duration) -> Report {
    let config = fake::config(&format!("http://127.0.0.1:{}", fake.port()), user, extra);
    let backend: Arc<dyn Backend> = Arc::new(KubeApi { spawn: spawn_named, connect });
    examine(&config, &backend, Timeout::AtMost(timeout)).unwrap()
}

/// Examines until the summary begins so, and the text has these words. On a busy machine, the first
/// time may be too short.
#[track_caller]
fn says(fake: &Fake, extra: &[(&str, &str)], summary: &str, words: &str) -> String {
    let mut text = String::new();
    for seconds in [2, 8, 60] {
        let report = examined(fake, "{token: s3cr3t}", extra, Duration::from_secs(seconds));
        text = report.render(Form::Table);
        assert!(!text.contains("s3cr3t"), "{text}");
        let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if report.summary().starts_with(summary) && joined.contains(words) {
            return joined;
        }
    }
    panic!("the answer is not {summary:?} with {words:?}:\n{text}");
}

fn one() -> Reply {
    list(&[("a", "10.0.0.1")], 7)
}

fn refuses(code: u16, message: &str) -> Reply {
    Reply::Body(code, status(code, message))
}

#[test]
fn connection_without_tls_is_a_warning_though_all_else_is_well() {
    let fake = Fake::steady(one, vec![]);
    let summary = "WARNING TLS: the connection to the API server is not encrypted";
    says(&fake, &[], summary, "answer warning 1 peer: a");
}

#[test]
fn useless_responses_are_the_fault_of_the_server() {
    type Response = fn() -> Reply;
    for (response, words) in [
        ((|| refuses(500, "boom")) as Response, "answered 500: boom"),
        (|| refuses(429, "slower"), "answered 429: slower"),
        (|| Reply::Body(200, "<html>log in</html>".into()), "cannot be used"),
    ] {
        let fake = Fake::start(move |_, _| response());
        let text = says(&fake, &[], "WRONG API server: ", words);
        assert!(text.contains("readyz?verbose"), "{text}");
        assert!(text.contains("not reached: login, list,"), "{text}");
    }
}

#[test]
fn silent_server_is_noticed_before_the_end() {
    let fake = Fake::start(|_, _| Reply::Silence);
    let extra = [("request_timeout_ms", "500")];
    says(&fake, &extra, "WRONG API server: ", "no answer within 500ms");
}

#[test]
fn rejected_and_unknown_users_are_at_the_login() {
    for (code, message, words) in [
        (401, "Unauthorized", "the API server rejects the token"),
        (403, "User \"system:anonymous\" cannot list", "the API server does not know the user"),
    ] {
        let fake = Fake::start(move |_, _| refuses(code, message));
        says(&fake, &[], &format!("WRONG login: {words}"), message);
    }
}

#[test]
fn user_of_a_kubeconfig_gets_a_manifest_to_complete() {
    let fake = Fake::start(|_, _| refuses(403, FORBIDDEN));
    let summary = "WRONG list: the user of these credentials may not list pods";
    let text = says(&fake, &[], summary, "name: THE-USER");
    assert!(!text.contains("kubectl apply"), "{text}");
}

/// Servers have been seen to echo the header.
#[test]
fn neither_secrets_nor_control_characters_reach_the_report() {
    let message = format!("Bearer s3cr3t {HOSTILE} s3cr3t");
    let fake = Fake::start(move |_, _| refuses(401, &message));
    let text = says(&fake, &[], "WRONG login: ", "happy");
    assert!(
        !text.contains(|c: char| c.is_control() || "\u{202e}\u{200b}\u{2028}\u{feff}".contains(c)),
        "{text:?}"
    );
}

#[test]
fn lists_without_a_watch_are_a_warning() {
    let watch = |reply: fn() -> Reply| {
        Fake::start(move |_, path| if is_watch(path) { reply() } else { one() })
    };
    for (reply, words) in [
        (
            (|| refuses(500, "boom")) as fn() -> Reply,
            "watch warning the pods can be listed, but not watched: ",
        ),
        (|| refuses(403, FORBIDDEN), "watch warning the user of these credentials may not watch"),
        (|| Reply::Silence, "watch warning the "),
    ] {
        let fake = watch(reply);
        // The warning about http comes first.
        let extra = [("request_timeout_ms", "500")];
        says(&fake, &extra, "WARNING TLS: ", words);
    }
}

#[test]
fn watch_that_shows_nothing_is_a_warning() {
    type Response = fn() -> Reply;
    for response in [
        (|| Reply::Body(200, "<html>log in</html>".into())) as Response,
        || Reply::Body(200, String::new()),
        || Reply::Body(200, format!(r#"{{"type":"ERROR","object":{}}}"#, status(500, "boom"))),
    ] {
        let fake = Fake::start(move |_, path| if is_watch(path) { response() } else { one() });
        let words = "watch warning the pods can be listed, but not watched: ";
        says(&fake, &[], "WARNING TLS: ", words);
    }
}

#[test]
fn server_that_lists_only_once_is_wrong() {
    for (code, message, summary) in [
        (401, "Unauthorized", "WRONG login: the API server rejects the token"),
        (500, "boom", "WRONG API server: the API server"),
        (403, FORBIDDEN, "WRONG list: the user of these credentials may not list"),
    ] {
        let lists = AtomicUsize::new(0);
        let fake = Fake::start(move |_, path| {
            let is_first = !is_watch(path) && lists.fetch_add(1, Ordering::Relaxed) == 0;
            if is_first { one() } else { refuses(code, message) }
        });
        let report = examined(&fake, "{token: s3cr3t}", &[], Duration::from_secs(8));
        let text = report.render(Form::Table);
        assert!(report.summary().starts_with(summary), "{text}");
        assert!(text.contains("has listed the pods before"), "{text}");
    }
}

/// What a restart of the API server looks like: the last resourceVersion is unknown for a moment.
#[test]
fn position_that_is_lost_is_no_error() {
    let fake = Fake::start(|number, path| match (is_watch(path), number) {
        (true, 0..=2) => refuses(410, "too old"),
        (true, _) => Reply::Open(vec![]),
        (false, _) => one(),
    });
    let text = says(&fake, &[], "WARNING TLS: ", "watch ok ");
    assert!(!text.contains("too old"), "{text}");
}

#[test]
fn plugin_that_fails_is_at_the_credentials() {
    let fake = Fake::steady(one, vec![]);
    let user = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: 'false', interactiveMode: Never}}";
    let report = examined(&fake, user, &[], Duration::from_secs(60));
    assert!(report.summary().starts_with("WRONG credentials: the kubeconfig"), "{report:?}");
    assert!(report.render(Form::Table).contains("auth whoami"));
}
