//! Reports on observations of every kind, and the observation itself with a fake backend.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::json::json;
use super::observe::{Connected, Observed, Pods, Progress};
use super::report::{Report, State};
use super::steps::{misconfigured, report};
use super::text::{Layout, Part, text};
use super::{TIMEOUT, examine};
use crate::config::tests::settings;
use crate::config::{Config, Settings};
use crate::discovery::access::{Access, Login, Server, Token, Trust};
use crate::discovery::identity::{Environment, Identity};
use crate::discovery::pod::{Phase, Pod, Port, PortName};
use crate::discovery::pod_index::view_of;
use crate::discovery::policy::PeerPolicy;
use crate::discovery::policy::tests::{pod, policy};
use crate::discovery::sink::{Connection, LastError, Sink};
use crate::discovery::snapshot::{AnswerGate, Snapshot, View};
use crate::error::{Error, Result};
use crate::provider::messages::tests::context;
use crate::provider::{Backend, Run, Timeout, WatcherThread};
use crate::status::Status;
use crate::text::tests::HOSTILE;

const NOW: u64 = 1_800_000_000;
const DIR: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const ROLE: &str = "---\nkind: Role\n";
const DENIED: &str = r#"pods is forbidden: User "system:serviceaccount:default:web" cannot list"#;

fn in_pod(expires_in: i64) -> Access {
    let token = Token {
        service_account: Some(("default".into(), "web".into())),
        pod: Some("me".into()),
        expires: Some(NOW as i64 + expires_in),
    };
    Access {
        server: Some(Server { scheme: "https".into(), host: "10.96.0.1".into(), port: 443 }),
        trust: Trust::Ca(format!("the CA in {DIR}/ca.crt")),
        skipped: None,
        login: Login::Token(token),
    }
}

/// Ready pods, of which `me` is this pod.
fn pods(names: &[&str]) -> Vec<Pod> {
    let ready = |(i, name): (usize, &&str)| Pod {
        ready: true,
        ports: ["gossip", "peers", "remoting"]
            .map(|name| Port { name: PortName::new(name).unwrap(), number: 3322 })
            .into(),
        ..pod(name, &format!("10.0.0.{}", i + 1))
    };
    names.iter().enumerate().map(ready).collect()
}

fn seen(pods: Vec<Pod>) -> View {
    seen_by(pods, &policy("me"))
}

fn seen_by(pods: Vec<Pod>, policy: &PeerPolicy) -> View {
    let pods: Vec<Arc<Pod>> = pods.into_iter().map(Arc::new).collect();
    view_of(pods.iter(), policy)
}

/// All is well, as long as the view is.
fn observed(view: View) -> Observed {
    let answer = match &view.gate {
        AnswerGate::Open => Ok(Arc::new(Snapshot::new(1, Arc::new(view.clone())))),
        AnswerGate::SelfAbsent => Err(context().absent()),
        AnswerGate::SelfNotYet(reason) => Err(context().not_yet(*reason)),
        AnswerGate::SelfExcluded(reason) => Err(context().excluded(*reason)),
        AnswerGate::SelfUnselected(labels) => Err(context().unselected(labels)),
        AnswerGate::SelfUnclear => Err(context().unclear()),
    };
    let pods = Pods { view: Arc::new(view), answer: Some(answer), alone: Vec::new() };
    Observed {
        settings: settings(&[]),
        access: in_pod(3_600),
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(NOW),
        timeout: TIMEOUT,
        connection: Ok(Connected {
            namespace: "default".into(),
            self_pod: "`me`".into(),
            unidentified: None,
            progress: Progress { listed: true, watched: true, ..Progress::default() },
            pods: Some(pods),
        }),
    }
}

fn well() -> Observed {
    observed(seen(pods(&["me", "b", "c"])))
}

fn connected(observed: &mut Observed) -> &mut Connected {
    observed.connection.as_mut().unwrap()
}

/// The first list fails.
fn failing(failure: LastError) -> Observed {
    let mut observed = well();
    let connected = connected(&mut observed);
    connected.pods = None;
    connected.progress = Progress { failure: Some(failure), ..Progress::default() };
    observed
}

fn failure(status: Status, class: &'static str, message: &str, detail: &str) -> LastError {
    LastError { error: Error::new(status, message), class, detail: detail.into() }
}

fn forbidden(verb: &str) -> LastError {
    let error = Error::new(Status::Forbidden, format!("web may not {verb}; bind a Role"));
    let error = error.with_http_status(403).with_manifest(ROLE);
    LastError { error, class: "forbidden", detail: DENIED.into() }
}

/// Returns the steps that are neither ok nor not reached.
fn flaws(report: &Report) -> BTreeMap<&'static str, &'static str> {
    let is_flaw = |state| state > State::Ok;
    report
        .steps
        .iter()
        .filter(|step| is_flaw(step.state))
        .map(|step| (step.name, step.state.name()))
        .collect()
}

/// Checks the flaws, the first and the last line, and that the text has these words.
#[track_caller]
fn says(report: &Report, wanted: &[(&str, &str)], summary: &str, words: &[&str]) {
    let text = text(report, Layout::default());
    println!("{text}");
    assert_eq!(flaws(report), wanted.iter().copied().collect(), "{text}");
    assert_eq!(report.summary(), summary);
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in words {
        assert!(joined.contains(word), "{word:?} is not in\n{text}");
    }
    let summary = summary.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(joined.starts_with(&summary) && joined.ends_with(&summary), "{text}");
    assert_eq!(report.steps.len(), 11);
    for step in &report.steps {
        assert_eq!(step.fix.is_some(), step.state > State::Ok, "{}", step.name);
        assert_eq!(step.facts.is_empty(), step.state == State::NotReached, "{}", step.name);
    }
    let too_long = |line: &&str| line.chars().count() > 80 && line.contains("  ");
    assert_eq!(text.lines().find(|line| too_long(line) && !line.starts_with("    ")), None);
}

#[test]
fn all_is_well() {
    says(
        &report(&well()),
        &[],
        "OK: 2 peers, and this pod is me",
        &[
            "a token of service account default/web, bound to pod me, from /var/run/secrets/",
            "the token expires in 60m",
            "https://10.96.0.1:443 answers",
            "is trusted because of the CA in /var/run",
            "service account default/web may list pods in namespace default",
            "service account default/web may watch pods in namespace default",
            "3 pods have the labels app=demo,tier=: b, c, me",
            "this pod is me at 10.0.0.1:3322",
            "2 peers: b, c",
        ],
    );
}

#[test]
fn pod_without_peers_is_alone() {
    let report = report(&observed(seen(pods(&["me"]))));
    says(&report, &[], "OK: no peers: this pod, me, is alone", &["1 pod has the labels"]);
}

#[test]
fn observer_has_no_pod() {
    let policy = PeerPolicy { identity: Identity::None, ..policy("") };
    let mut observed = observed(seen_by(pods(&["a"]), &policy));
    observed.settings = settings(&[("membership", "observer")]);
    says(&report(&observed), &[], "OK: 1 peer", &["this process is not one of the pods"]);
}

#[test]
fn missing_role_names_the_account_and_has_a_manifest() {
    let report = report(&failing(forbidden("list")));
    says(
        &report,
        &[("list", "wrong")],
        "WRONG list: service account default/web may not list pods in namespace default",
        &[
            "not reached: watch, labels, ports, this pod, answer",
            "Ask a cluster admin to apply this: kubectl apply -f - <<'END' --- kind: Role END",
            "the API server says (403): pods is forbidden",
        ],
    );
    assert_eq!(report.manifest().as_deref(), Some(ROLE));
}

#[test]
fn manifest_with_a_placeholder_is_not_applied() {
    let mut failure = forbidden("list");
    failure.error = failure.error.with_manifest("subjects:\n- {name: THE-USER}\n");
    let mut observed = failing(failure);
    observed.settings = settings(&[("kubeconfig", "/home/me/my config")]);
    observed.access.login = Login::ClientCertificate;
    let report = report(&observed);
    says(
        &report,
        &[("list", "wrong")],
        "WRONG list: the user of these credentials may not list pods in namespace default",
        &["Replace THE-USER by the name", "- {name: THE-USER}"],
    );
    assert_eq!(report.manifest(), None);
    let json: serde_json::Value = serde_json::from_str(&json(&report)).unwrap();
    assert!(json["steps"][5]["fix"].as_str().unwrap().contains("\n    - {name: THE-USER}"));
    assert!(json["steps"][5]["manifest"].is_null());
    assert!(!text(&report, Layout::default()).contains("kubectl apply"));
}

#[test]
fn other_namespace_is_questioned() {
    let mut observed = failing(forbidden("list"));
    connected(&mut observed).namespace = "typo".into();
    says(
        &report(&observed),
        &[("list", "wrong")],
        "WRONG list: service account default/web may not list pods in namespace typo",
        &["of namespace default: check that `namespace` = `typo` is intended"],
    );
}

#[test]
fn only_list_is_a_warning_with_the_whole_role() {
    let mut observed = well();
    let progress = &mut connected(&mut observed).progress;
    (progress.watched, progress.polling) = (false, Some(Some(forbidden("watch"))));
    let report = report(&observed);
    says(
        &report,
        &[("watch", "warning")],
        "WARNING watch: service account default/web may not watch pods in namespace default, so changes are noticed late",
        &["the pods are listed every 15s instead", "2 peers: b, c"],
    );
    assert_eq!(report.manifest().as_deref(), Some(ROLE));
}

#[test]
fn polling_that_is_configured_is_no_warning() {
    let mut observed = well();
    let progress = &mut connected(&mut observed).progress;
    (progress.watched, progress.polling) = (false, Some(None));
    says(
        &report(&observed),
        &[],
        "OK: 2 peers, and this pod is me",
        &["not used: `watch` = `poll` lists the pods every 15s"],
    );
}

#[test]
fn watch_without_an_answer_is_a_warning() {
    let mut observed = well();
    connected(&mut observed).progress.watched = false;
    says(
        &report(&observed),
        &[("watch", "warning")],
        "WARNING watch: the API server has not answered a watch within 8s",
        &["get --raw '/readyz?verbose'"],
    );
}

#[test]
fn server_that_is_lost_after_the_list_is_wrong_and_the_pods_are_reported() {
    let mut observed = well();
    let refused = failure(Status::Unavailable, "unreachable", "cannot be reached", "refused");
    let progress = &mut connected(&mut observed).progress;
    (progress.watched, progress.failure) = (false, Some(refused));
    let steps = [("API server", "wrong")];
    let summary = "WRONG API server: the API server https://10.96.0.1:443 has listed the pods, but cannot be reached since: \
                   refused";
    says(&report(&observed), &steps, summary, &["not reached: watch", "2 peers: b, c"]);
    // It is only the watch if another list has succeeded.
    connected(&mut observed).progress.lists_again = true;
    let summary = "WARNING watch: the pods can be listed, but not watched: cannot be reached";
    says(&report(&observed), &[("watch", "warning")], summary, &[]);
}

#[test]
fn server_that_lists_no_longer_is_wrong() {
    for (class, status, step, summary) in [
        ("refused", Status::Unavailable, "API server", "WRONG API server: no: boom"),
        (
            "unauthorized",
            Status::Unauthorized,
            "login",
            "WRONG login: the API server rejects the token",
        ),
        ("tls", Status::Tls, "TLS", "WRONG TLS: no: boom"),
        ("credentials", Status::NoCredentials, "credentials", "WRONG credentials: no: boom"),
    ] {
        let mut observed = well();
        let progress = &mut connected(&mut observed).progress;
        progress.failure = Some(failure(status, class, "no: boom", "boom"));
        (progress.watched, progress.lists_failed) = (false, true);
        let words = ["the API server has listed the pods before", "2 peers: b, c"];
        says(&report(&observed), &[(step, "wrong")], summary, &words);
    }
    let mut denied = well();
    let progress = &mut connected(&mut denied).progress;
    progress.failure = Some(forbidden("list"));
    (progress.watched, progress.lists_failed) = (false, true);
    let report = report(&denied);
    assert!(report.summary().starts_with("WRONG list: "), "{}", report.summary());
    assert_eq!(report.manifest().as_deref(), Some(ROLE));
}

#[test]
fn wrong_label_is_found_among_several() {
    let mut observed = observed(seen(Vec::new()));
    let labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
    let pods = connected(&mut observed).pods.as_mut().unwrap();
    pods.answer = Some(Err(context().unselected(&labels)));
    pods.view = Arc::new(View { gate: AnswerGate::SelfUnselected(labels), ..(*pods.view).clone() });
    pods.alone = vec![("app=demo".into(), 2), ("tier=".into(), 0)];
    says(
        &report(&observed),
        &[("labels", "wrong"), ("this pod", "wrong")],
        "WRONG labels: no pod in namespace default has the labels app=demo,tier= (also: this pod)",
        &[
            "each label alone: app=demo: 2 pods, tier=: no pod",
            "not reached: ports, answer",
            "pod me cannot be a peer: its labels are `app=web`",
            "Fix labels, this pod: Set `pod_labels` to labels that this pod and its peers have",
        ],
    );
}

fn without_port(mut pod: Pod) -> Pod {
    pod.ports = [Port { name: PortName::new("http").unwrap(), number: 80 }].into();
    pod
}

#[test]
fn wrong_port_name_of_this_pod_leaves_no_answer() {
    let all = pods(&["me", "b"]).into_iter().map(without_port).collect();
    says(
        &report(&observed(seen(all))),
        &[("ports", "wrong"), ("this pod", "wrong")],
        "WRONG ports: no pod has a port named gossip (also: this pod)",
        &[
            "ports that they have: b (http=80), me (http=80)",
            "Fix ports, this pod:",
            "- {name: gossip, containerPort: NUMBER}",
            "Or set `discovery_port_name` to the name that the port has",
            "set `default_discovery_port`",
        ],
    );
}

#[test]
fn wrong_port_name_of_another_pod_is_a_warning() {
    let mut all = pods(&["me", "b", "c"]);
    all[1] = without_port(all[1].clone());
    says(
        &report(&observed(seen(all))),
        &[("ports", "warning")],
        "WARNING ports: pod b has no port named gossip",
        &["1 peer: c"],
    );
}

#[test]
fn pod_that_is_not_listed_is_wrong() {
    says(
        &report(&observed(seen(pods(&["b"])))),
        &[("this pod", "wrong")],
        "WRONG this pod: pod `me` is not among the pods of namespace `ns` with labels `app=demo`",
        &["one of these belongs to another pod: `pod_uid`"],
    );
}

#[test]
fn optional_port_that_peers_lack_is_a_warning() {
    let mut all = pods(&["me", "b"]);
    all[1].ports = [Port { name: PortName::new("gossip").unwrap(), number: 1 }].into();
    says(
        &report(&observed(seen(all))),
        &[("ports", "warning")],
        "WARNING ports: no port named remoting (`remoting_port_name`): b",
        &["no port named peers (`peers_port_name`): b", "`default_remoting_port` and"],
    );
}

#[test]
fn pending_pod_of_this_process_is_wrong() {
    let mut all = pods(&["me", "b"]);
    all[0].phase = Phase::Pending;
    says(
        &report(&observed(seen(all))),
        &[("this pod", "wrong")],
        "WRONG this pod: pod me is not Running yet",
        &["not reached: answer", "kubectl describe pod -n default me", "set `pending` = `include`"],
    );
}

#[test]
fn pods_that_are_no_peers_are_a_warning_unless_they_have_ended() {
    let mut all = pods(&["me", "b", "pending", "leaving", "unready", "job"]);
    all[2].phase = Phase::Pending;
    all[3].terminating = true;
    all[4].ready = false;
    all[5].phase = Phase::Succeeded;
    says(
        &report(&observed(seen(all))),
        &[("answer", "warning")],
        "WARNING answer: 2 peers: b, unready; excluded: pending (not Running), leaving (terminating); \
         peers that are not Ready: unready",
        &["which is normal: job", "kubectl describe pod -n default pending leaving unready"],
    );
    let mut all = pods(&["me", "job"]);
    all[1].phase = Phase::Failed;
    says(&report(&observed(seen(all))), &[], "OK: no peers: this pod, me, is alone", &["job"]);
}

#[test]
fn expired_token_is_the_reason_of_a_rejection() {
    let error = failure(Status::Unauthorized, "unauthorized", "does not accept", "Unauthorized");
    let mut observed = failing(error);
    observed.access = in_pod(-3 * 86_400);
    says(
        &report(&observed),
        &[("credentials", "warning"), ("login", "wrong")],
        "WRONG login: the API server rejects the token, which expired 3d ago",
        &[
            "the token expired 3d ago, by the clock of this machine",
            "the API server says: Unauthorized",
            "not reached: list, watch,",
            "kubectl get serviceaccount -n default web",
        ],
    );
}

#[test]
fn rejection_of_each_kind_of_credentials_says_so() {
    let rejected = || failure(Status::Unauthorized, "unauthorized", "no", "Unauthorized");
    let anonymous = r#"pods is forbidden: User "system:anonymous" cannot list resource "pods""#;
    let mut unknown = forbidden("list");
    unknown.detail = anonymous.into();
    for (login, error, words) in [
        (Login::Token(Token::default()), rejected(), "the API server rejects the token"),
        (Login::Nothing, rejected(), "the API server requires credentials"),
        (Login::Plugin, rejected(), "the API server rejects the credentials"),
        (
            Login::ClientCertificate,
            unknown,
            "the API server does not know the user of these credentials",
        ),
    ] {
        let mut observed = failing(error);
        observed.access.login = login;
        let summary = format!("WRONG login: {words}");
        says(&report(&observed), &[("login", "wrong")], &summary, &[]);
    }
}

#[test]
fn missing_token_mount_comes_first() {
    let mut observed = well();
    observed.access = Access { login: Login::NoToken, ..Access::default() };
    let message = "cannot read the service account's token: No such file; in a pod, leave it on";
    observed.connection = Err(Error::new(Status::NoCredentials, message));
    let report = report(&observed);
    says(
        &report,
        &[("credentials", "wrong")],
        &format!("WRONG credentials: no service account token is mounted at {DIR}"),
        &["not reached: API server, TLS, login, list, watch, labels, ports, this pod, answer"],
    );
    let fix = &report.steps[1].fix.as_ref().unwrap().text;
    assert!(fix.lines().nth(2).unwrap().ends_with("automountServiceAccountToken: true"), "{fix}");
}

#[test]
fn unusable_credentials_have_the_advice_of_the_library() {
    let mut observed = well();
    let message = "the CA in x holds no usable certificate: y; write the CA of the cluster there";
    observed.connection = Err(Error::new(Status::NoCredentials, message));
    let summary = "WRONG credentials: the CA in x holds no usable certificate: y";
    let steps = [("credentials", "wrong")];
    says(&report(&observed), &steps, summary, &["Write the CA of the cluster there."]);
    observed.connection = Err(Error::new(Status::NotInCluster, "X is not set: not in a pod; x"));
    let summary = "WRONG credentials: X is not set: not in a pod";
    says(&report(&observed), &steps, summary, &["env | grep '^KUBERNETES_SERVICE_'"]);
    observed.connection = Err(Error::new(Status::NoResources, "no more files"));
    says(&report(&observed), &steps, "WRONG credentials: no more files", &["/proc/self/limits"]);
}

#[test]
fn unreachable_server_of_each_kind_has_its_fix() {
    for (class, words) in [
        ("unreachable", "kubectl get networkpolicy -n default"),
        ("timed-out", "kubectl get --raw /readyz"),
        ("no-such-host", "getent hosts 10.96.0.1"),
        ("resources", "cat /proc/self/limits"),
        ("refused", "kubectl get --raw '/readyz?verbose'"),
    ] {
        let message = "the API server x cannot be reached: refused; this library uses no proxy";
        let observed = failing(failure(Status::Unavailable, class, message, "refused"));
        let summary = "WRONG API server: the API server x cannot be reached: refused";
        says(&report(&observed), &[("API server", "wrong")], summary, &[words]);
    }
    let mut silent = failing(forbidden("list"));
    connected(&mut silent).progress.failure = None;
    let summary =
        "WRONG API server: the API server https://10.96.0.1:443 has not answered within 8s";
    says(&report(&silent), &[("API server", "wrong")], summary, &["not reached: TLS, login"]);
    silent.timeout = Duration::ZERO;
    assert!(report(&silent).summary().ends_with(" has not answered within 0s"));
}

#[test]
fn advice_of_the_library_comes_first() {
    let proxy = "this library does not use the proxy in HTTPS_PROXY: allow direct connections";
    for (class, advice, first) in [
        ("unreachable", proxy, "This library does not use the proxy in HTTPS_PROXY"),
        ("unreachable", "check that this is the HTTPS port", "Check that this is the HTTPS port."),
        ("timed-out", proxy, "This library does not use the proxy in HTTPS_PROXY"),
        ("no-such-host", proxy, "This library does not use the proxy in HTTPS_PROXY"),
    ] {
        let message = format!("the API server x cannot be reached: a; b; {advice}");
        let mut observed = failing(failure(Status::Unavailable, class, &message, "a; b"));
        let summary = "WRONG API server: the API server x cannot be reached: a; b";
        says(&report(&observed), &[("API server", "wrong")], summary, &[first, "kubectl get "]);
        let fix = |report: &Report| report.steps[2].fix.clone().unwrap().text;
        assert!(fix(&report(&observed)).starts_with(first), "{}", fix(&report(&observed)));
        // After the first list, too.
        let lost = connected(&mut observed).progress.failure.take();
        observed.connection = well().connection;
        let progress = &mut connected(&mut observed).progress;
        (progress.watched, progress.failure) = (false, lost);
        assert!(fix(&report(&observed)).starts_with(first), "{}", fix(&report(&observed)));
    }
}

#[test]
fn untrusted_server_compares_the_ca() {
    let message = "TLS with the API server x failed: its certificate is not signed by the CA in y; check that";
    says(
        &report(&failing(failure(Status::Tls, "tls", message, "its certificate"))),
        &[("TLS", "wrong")],
        "WRONG TLS: TLS with the API server x failed: its certificate is not signed by the CA in y",
        &["https://10.96.0.1:443 accepts connections", "Check that.", "kube-root-ca.crt"],
    );
}

#[test]
fn what_was_not_verified_is_a_warning() {
    for (trust, words) in [
        (Trust::Everyone, "the certificate of the API server is not verified"),
        (Trust::NoTls, "the connection to the API server is not encrypted"),
    ] {
        let mut observed = well();
        observed.access.trust = trust;
        assert_eq!(flaws(&report(&observed)), BTreeMap::from([("TLS", "warning")]));
        assert!(report(&observed).summary().contains(words), "{}", report(&observed).summary());
        // It does not hide what is wrong.
        let mut denied = failing(forbidden("list"));
        denied.access.trust = observed.access.trust;
        let report = report(&denied);
        assert!(report.summary().starts_with("WRONG list: "), "{}", report.summary());
        let names: Vec<_> = report.to_fix().map(|(step, _)| step.name).collect();
        assert_eq!(names, ["list", "TLS"]);
    }
}

#[test]
fn pod_at_the_address_of_another_is_a_warning_that_names_both() {
    let mut all = pods(&["me", "b", "x"]);
    all[1].started = "2".into();
    (all[2].started, all[2].ips) = ("1".into(), all[1].ips.clone());
    let summary = "WARNING answer: 1 peer: b; excluded: x (at the address and port of b)";
    let words = ["kubectl get pods -n default --show-labels -o wide"];
    says(&report(&observed(seen(all.clone()))), &[("answer", "warning")], summary, &words);
    all[1].ready = false;
    let report = report(&observed(seen(all)));
    assert!(text(&report, Layout::default()).contains("kubectl describe pod -n default b\n"));
}

#[test]
fn namespace_without_pods_is_questioned() {
    let mut observed = observed(seen(Vec::new()));
    connected(&mut observed).pods.as_mut().unwrap().answer = None;
    let text = text(&report(&observed), Layout::default());
    assert!(text.contains("kubectl get namespace default"), "{text}");
}

#[test]
fn pods_at_one_address_are_named() {
    let mut all = pods(&["x", "y", "z"]);
    for (pod, port) in all.iter_mut().take(2).zip(1..) {
        pod.ips = ["10.9.9.9".parse().unwrap()].into();
        pod.ports[0].number = port;
    }
    let identity = Identity::Address { addresses: all[0].ips.to_vec(), hostname: None };
    says(
        &report(&observed(seen_by(all, &PeerPolicy { identity, ..policy("") }))),
        &[("this pod", "wrong")],
        "WRONG this pod: cannot identify the pod that this process runs in: there are several `me`",
        &["these pods share an address, as on the network of a host: x, y", "metadata.uid"],
    );
}

#[test]
fn unidentified_process_on_a_workstation_is_an_observer() {
    let policy = PeerPolicy { identity: Identity::None, ..policy("") };
    let mut observed = observed(seen_by(pods(&["a", "b"]), &policy));
    observed.settings = settings(&[("kubeconfig", "/home/me/my config"), ("context", "dev")]);
    observed.access.login = Login::ClientCertificate;
    let found = connected(&mut observed);
    found.unidentified = Some(Error::new(Status::NoIdentity, "cannot identify: set it; or not"));
    found.pods.as_mut().unwrap().answer = None;
    let report_of = |observed: &Observed| {
        says(
            &report(observed),
            &[("this pod", "wrong")],
            "WRONG this pod: cannot identify",
            &[
                "a client certificate, from kubeconfig /home/me/my config, context dev",
                "Set `membership` = `observer` if",
                "2 pods have the labels",
                "not reached: answer",
            ],
        );
    };
    report_of(&observed);
    // Commands quote what a shell would split.
    observed.access.trust = Trust::Everyone;
    connected(&mut observed).pods.as_mut().unwrap().view = Arc::new(seen(Vec::new()));
    let text = text(&report(&observed), Layout::default());
    assert!(text.contains("kubectl '--kubeconfig=/home/me/my config' --context=dev get"), "{text}");
}

#[test]
fn unidentified_process_in_a_pod_gets_the_downward_api() {
    let mut observed = well();
    let found = connected(&mut observed);
    found.unidentified = Some(Error::new(Status::NoIdentity, "cannot identify the pod: set it"));
    found.pods.as_mut().unwrap().answer = None;
    says(
        &report(&observed),
        &[("this pod", "wrong")],
        "WRONG this pod: cannot identify the pod",
        &["valueFrom: {fieldRef: {fieldPath: metadata.name}}", "`membership` = `observer`"],
    );
}

#[test]
fn result_that_is_too_old_is_not_about_this_pod() {
    let mut observed = well();
    let stale = context().stale(Duration::from_secs(9), None);
    connected(&mut observed).pods.as_mut().unwrap().answer = Some(Err(stale));
    let report = report(&observed);
    assert_eq!(flaws(&report), BTreeMap::from([("answer", "wrong")]));
    assert!(text(&report, Layout::default()).contains("set `max_stale_ms`"));
}

#[test]
fn incomplete_configuration_is_a_step() {
    let error = Config::default().complete().unwrap_err();
    says(
        &misconfigured(&error),
        &[("configuration", "wrong")],
        "WRONG configuration: missing required configuration: set `pod_labels` and `discovery_port_name`",
        &["not reached: credentials, API server, TLS,"],
    );
}

#[test]
fn servers_cannot_control_a_terminal() {
    let mut error = forbidden("list");
    error.detail = format!("a{HOSTILE}b");
    error.error = error.error.with_manifest(format!("name: {}\n", HOSTILE.replace('\n', "")));
    let report_of_error = report(&failing(error));
    let mut all = pods(&["me"]);
    all.push(Pod { name: format!("b{HOSTILE}").into(), ready: false, ..pod("b", "10.0.0.9") });
    for report in [report_of_error, report(&observed(seen(all)))] {
        let json: serde_json::Value = serde_json::from_str(&json(&report)).unwrap();
        for text in [text(&report, Layout::default()), json["text"].as_str().unwrap().into()] {
            let hostile = |c: char| c != '\n' && HOSTILE.contains(c);
            assert!(!text.contains(hostile), "{text:?}");
        }
        let is_hostile = |c: char| c != '\n' && HOSTILE.contains(c);
        assert!(report.steps.iter().flat_map(|step| &step.facts).all(|f| !f.contains(is_hostile)));
        assert!(report.manifest().is_none_or(|yaml| !yaml.contains(is_hostile)));
        // A name cannot end a line of a command.
        assert!(report.steps.iter().all(|step| step.facts.iter().all(|f| !f.contains('\n'))));
    }
}

/// Returns the lines of the fixes that are to be copied.
fn commands(report: &Report) -> Vec<&str> {
    let fixes = report.steps.iter().filter_map(|step| step.fix.as_ref());
    fixes.flat_map(|fix| fix.text.lines()).filter(|line| line.starts_with("    ")).collect()
}

#[test]
fn values_do_not_become_commands() {
    const EVIL: &str = "/x\n    reboot\n";
    let mut on_workstation = observed(seen(Vec::new()));
    on_workstation.settings = settings(&[("kubeconfig", EVIL), ("context", EVIL)]);
    let mut in_directory = failing(failure(Status::Unauthorized, "unauthorized", "no", "no"));
    in_directory.settings = settings(&[("service_account_dir", EVIL)]);
    in_directory.access.login = Login::Token(Token {
        service_account: Some(("$(reboot)".into(), "web".into())),
        ..Token::default()
    });
    let tls = failure(Status::Tls, "tls", "failed: x; Check this:\n    reboot", "x");
    let mut with_advice = failing(tls);
    connected(&mut with_advice).namespace = "$(reboot)".into();
    let mut timed_out = failing(failure(Status::Unavailable, "timed-out", "late", "late"));
    connected(&mut timed_out).namespace = "$(reboot)".into();
    // Nor does the text of a server become advice.
    let says = "a;     reboot; Check that";
    let untrusted = failing(failure(Status::Tls, "tls", &format!("TLS: {says}"), says));
    for observed in [on_workstation, in_directory, with_advice, timed_out, untrusted] {
        let report = report(&observed);
        let text = text(&report, Layout::default());
        let commands = commands(&report);
        assert!(!commands.is_empty(), "{text}");
        for line in commands {
            assert!(line.starts_with("    kubectl ") || line.starts_with("    getent"), "{text}");
            let is_quoted = !line.contains("$(") || line.contains("-n '$(reboot)'");
            assert!(is_quoted, "{text}");
        }
        assert!(!text.contains("Check that."), "{text}");
    }
}

#[test]
fn text_has_the_width_and_the_colors_of_its_layout() {
    let report = report(&failing(forbidden("list")));
    let paint = |part: Part, text: &str| match part {
        Part::State(state) | Part::Outcome(state) => format!("<{}>{text}</>", state.name()),
        _ => text.to_owned(),
    };
    let text = text(&report, Layout { width: 60, paint: &paint });
    assert!(text.contains("\nlist           <wrong>WRONG</>    service account"), "{text}");
    let first = "<wrong>WRONG</> list: service account default/web may not list pods in\nname";
    assert!(text.starts_with(first), "{text}");
}

#[test]
fn json_has_every_step_and_the_text() {
    let report = report(&failing(forbidden("list")));
    let json: serde_json::Value = serde_json::from_str(&json(&report)).unwrap();
    assert_eq!(json["outcome"], "wrong");
    assert_eq!(json["summary"], report.summary());
    assert_eq!(json["text"], text(&report, Layout::default()));
    assert_eq!(json["manifest"], ROLE);
    let list = &json["steps"][5];
    assert_eq!((&list["name"], &list["state"]), (&"list".into(), &"wrong".into()));
    assert_eq!((&list["manifest"], list["facts"].as_array().unwrap().len()), (&ROLE.into(), 2));
    assert_eq!(json["steps"][10]["state"], "not-reached");
    assert_eq!(json["steps"][0]["fix"], "");
}

/// A backend whose watcher does the same for every registration.
#[derive(Clone, Copy, Debug)]
struct Fake(fn(PeerPolicy, &dyn Sink));

impl Backend for Fake {
    fn connect(&self, settings: &Settings, _: &Environment<'_>) -> Result<Connection> {
        let identity = if settings.self_options.is_observer {
            Identity::None
        } else if let Some(name) = &settings.self_options.pod_name {
            Identity::Name(name.clone())
        } else {
            return Err(Error::new(Status::NoIdentity, "cannot identify the pod: set pod_name"));
        };
        let watch = self.0;
        let watch = Box::new(move |policy, sink: Arc<dyn Sink>| {
            Box::pin(async move {
                watch(policy, &*sink);
                pending().await
            }) as std::pin::Pin<Box<dyn Future<Output = ()>>>
        });
        Ok(Connection { namespace: "default".into(), identity, watch })
    }

    fn inspect(&self, _: &Settings, _: &Environment<'_>) -> Access {
        in_pod(3_600)
    }

    fn spawn(&self, run: Run, _: Box<dyn FnOnce(Error) + Send>) -> Result<Box<dyn WatcherThread>> {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                tokio::select! { () = run() => {}, _ = stopped => {} }
            });
        });
        Ok(Box::new(Thread(stop, thread)))
    }
}

#[derive(Debug)]
struct Thread(tokio::sync::oneshot::Sender<()>, std::thread::JoinHandle<()>);

impl WatcherThread for Thread {
    fn stop(self: Box<Self>) {
        drop(self.0);
        self.1.join().unwrap();
    }
}

fn publish(policy: &PeerPolicy, sink: &dyn Sink) {
    let pods: Vec<Arc<Pod>> = pods(&["me", "b"]).into_iter().map(Arc::new).collect();
    sink.publish(view_of(pods.iter(), policy));
}

fn examined(extra: &[(&str, &str)], timeout: Duration, watch: fn(PeerPolicy, &dyn Sink)) -> Report {
    let mut config = Config::default();
    let required = [("pod_labels", "app=demo"), ("discovery_port_name", "gossip")];
    for (key, value) in required.iter().chain(extra) {
        config.set(key, value).unwrap();
    }
    let backend: Arc<dyn Backend> = Arc::new(Fake(watch));
    let begun = Instant::now();
    let report = examine(&config, &backend, Timeout::AtMost(timeout));
    assert!(begun.elapsed() < Duration::from_secs(60));
    report.unwrap()
}

/// Examines until the summary begins so. On a busy machine, the first time may be too short.
#[track_caller]
fn becomes(summary: &str, watch: fn(PeerPolicy, &dyn Sink)) -> Report {
    let timeouts = [50, 1_000, 20_000].map(Duration::from_millis);
    let mut reports = timeouts.iter().map(|t| examined(&[("pod_name", "me")], *t, watch));
    let found = reports.find(|report| report.summary().starts_with(summary));
    found.expect("the summary is another one")
}

const LONG: Duration = Duration::from_secs(3_600);

#[test]
fn examination_ends_once_everything_is_known() {
    let report = examined(&[("pod_name", "me")], LONG, |policy, sink| {
        publish(&policy, sink);
        sink.set_watching(true);
        sink.count_events(1);
        // It is over at once, which does not matter.
        sink.set_watching(false);
    });
    assert_eq!(report.summary(), "OK: 1 peer, and this pod is me");
}

#[test]
fn watch_that_fails_at_once_does_not_count() {
    becomes("WARNING watch: the pods can be listed, but not watched: no event", |policy, sink| {
        publish(&policy, sink);
        sink.set_watching(true);
        sink.set_watching(false);
        sink.fail(failure(Status::Unavailable, "incomplete", "no event", "no event"));
    });
}

#[test]
fn examination_ends_with_a_permanent_error() {
    let report = examined(&[("pod_name", "me")], LONG, |_, sink| sink.fail(forbidden("list")));
    assert!(report.summary().starts_with("WRONG list: "), "{}", report.summary());
}

#[test]
fn examination_without_an_answer_ends_in_time() {
    becomes("WRONG API server: refused", |_, sink| {
        sink.fail(failure(Status::Unavailable, "unreachable", "refused", "refused"));
    });
}

#[test]
fn examination_of_an_unidentified_process_goes_on_as_an_observer() {
    let report = examined(&[], LONG, |policy, sink| {
        publish(&policy, sink);
        sink.set_watching(true);
    });
    assert_eq!(flaws(&report), BTreeMap::from([("this pod", "wrong")]));
    assert!(report.steps[7].facts[0].contains("2 pods have"), "{report:?}");
}

#[test]
fn restart_of_the_server_is_no_error_once_a_watch_is_granted() {
    let report = examined(&[("pod_name", "me")], LONG, |policy, sink| {
        sink.fail(failure(Status::Unavailable, "unreachable", "refused", "refused"));
        publish(&policy, sink);
        sink.fail(failure(Status::Unavailable, "gone", "too old", "too old"));
        sink.set_watching(true);
    });
    assert_eq!(flaws(&report), BTreeMap::new());
    // Nor is an error before the list the reason why no watch is granted in time.
    const LATE: &str = "WARNING watch: the API server has not answered";
    becomes(LATE, |policy, sink| {
        sink.fail(failure(Status::Unavailable, "refused", "boom", "boom"));
        publish(&policy, sink);
    });
    // Even if no watch is granted in time, a 410 is not what is reported.
    let report = becomes(LATE, |policy, sink| {
        publish(&policy, sink);
        sink.fail(failure(Status::Unavailable, "gone", "too old", "too old"));
    });
    let text = text(&report, Layout::default());
    assert!(!text.contains("too old"), "{text}");
}
