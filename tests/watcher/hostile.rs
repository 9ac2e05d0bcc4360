//! Servers that send what no API server sends.

use kubepeers::testing::{Form, Provider, Status};
use serde_json::{Value, json};

use super::fake::{self, Fake, Reply, is_watch, list, page, status};
use super::{AT_ONCE, LONG, becomes, eventually, first, metric, unsynced, wait_for_error};

/// Returns a Running pod with one field set, which `path` names.
fn pod_with(name: &str, ip: &str, path: &str, value: Value) -> String {
    let mut pod: Value = serde_json::from_str(&fake::pod(name, ip, 1)).unwrap();
    pod["metadata"]["labels"] = json!({});
    let (parent, key) = path.rsplit_once('/').unwrap();
    pod.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(key.into(), value);
    pod.to_string()
}

fn verdicts(provider: &Provider) -> Vec<(String, String)> {
    let explained: Value = serde_json::from_str(&provider.explain(Form::Json).unwrap()).unwrap();
    let pods = explained["pods"].as_array().unwrap().iter();
    pods.map(|pod| (pod["name"].as_str().unwrap().into(), pod["verdict"].as_str().unwrap().into()))
        .collect()
}

#[test]
fn pods_with_fields_that_kubernetes_does_not_allow_are_malformed() {
    let ports: Value =
        (1..=300).map(|n| json!({"name": format!("p{n}"), "containerPort": n})).collect();
    let ips: Value = (1..=20).map(|n| json!({"ip": format!("10.1.0.{n}")})).collect();
    for (path, value) in [
        ("/spec/nodeName", json!("n".repeat(3 << 20))),
        ("/spec/nodeName", json!("node\u{202e}1")),
        ("/metadata/labels/pod-template-hash", json!("h".repeat(64))),
        ("/status/startTime", json!("yesterday")),
        ("/spec/containers", json!([{"ports": ports}])),
        (
            "/spec/containers",
            json!([{"ports": [{"name": "a-name-too-long-", "containerPort": 1}]}]),
        ),
        ("/status/podIPs", ips),
    ] {
        let pods = [fake::pod("a", "10.0.0.1", 1), pod_with("b", "10.0.0.2", path, value)];
        let fake = Fake::steady(move || page(&pods, "", 7), vec![]);
        let provider = fake.provider(&[]);
        assert_eq!(first(&provider), ["10.0.0.1"], "{path}");
        let expected = [("a", "peer"), ("b", "malformed")]
            .map(|(name, verdict)| (name.into(), verdict.into()));
        assert_eq!(verdicts(&provider), expected, "{path}");
        assert!(provider.explain(Form::Table).unwrap().contains("malformed"));
        assert!(provider.metrics().unwrap().contains("verdict=\"malformed\"} 1"));
    }
}

/// A name of 65,536 characters made `explain` panic.
#[test]
fn answers_with_pods_that_have_no_valid_name_are_refused() {
    for path in ["/metadata/name", "/metadata/uid", "/metadata/resourceVersion"] {
        for value in ["", "a\u{200b}b", "a\nb", &"n".repeat(65_536)] {
            let pods =
                [fake::pod("a", "10.0.0.1", 1), pod_with("b", "10.0.0.2", path, json!(value))];
            let fake = Fake::steady(move || page(&pods, "", 7), vec![]);
            let provider = fake.provider(&[]);
            unsynced(&provider, "not a list of pods");
            assert_eq!(wait_for_error(&provider, "malformed").age, None);
        }
    }
}

/// Pods with texts as long as Kubernetes allows.
fn long_event(number: u32) -> String {
    let object = json!({
        "metadata": {"name": format!("{number:0>253}"), "uid": format!("{number:0>36}"), "resourceVersion": (8 + number).to_string()},
        "spec": {"nodeName": "n".repeat(253), "containers": [{"ports": [{"name": "gossip", "containerPort": 3322}]}]},
        "status": {"phase": "Running", "podIP": format!("10.{}.{}.{}", number >> 16, number >> 8 & 255, number & 255)}
    });
    format!("{{\"type\":\"ADDED\",\"object\":{object}}}\n")
}

#[test]
fn watch_with_too_many_pods_is_refused() {
    let events: Vec<String> = (1..=20_000).map(long_event).collect();
    let fake = Fake::start(move |number, path| match number {
        0 => list(&[("a", "10.200.0.1")], 7),
        1 if is_watch(path) => Reply::Open(vec![events.concat()]),
        _ if is_watch(path) => Reply::Open(vec![]),
        // The last result is kept until the next list.
        _ => Reply::Silence,
    });
    let provider = fake.provider(&[]);
    provider.register(LONG).unwrap();
    let health = wait_for_error(&provider, "malformed");
    let message = health.last_error.unwrap().error.to_string();
    assert!(message.contains("more than 12 MiB of memory, which is the limit"), "{message}");
    let peers = metric(&provider, "peers");
    assert!((5_000.0..20_000.0).contains(&peers), "{peers}");
}

#[test]
fn list_with_too_many_pods_is_refused() {
    let object =
        |number| serde_json::from_str::<Value>(&long_event(number)).unwrap()["object"].to_string();
    let pods: Vec<String> = (1..=20_000).map(object).collect();
    let fake = Fake::start(move |_, path| {
        let token = path.split("continue=").nth(1).unwrap_or("0");
        let start: usize = token.split('&').next().unwrap().parse().unwrap();
        let end = start + 2_000;
        page(&pods[start..end], &end.to_string(), 30_000)
    });
    unsynced(&fake.provider(&[]), "more than 12 MiB of memory, which is the limit");
}

#[test]
fn events_of_other_fields_publish_no_view() {
    let same = fake::event("MODIFIED", "a", "10.0.0.1", 8);
    let other = fake::event("ADDED", "b", "10.0.0.2", 9);
    let fake =
        Fake::steady(|| list(&[("a", "10.0.0.1")], 7), [vec![same; 50], vec![other]].concat());
    let provider = fake.provider(&[]);
    provider.register(LONG).unwrap();
    becomes(&provider, &["10.0.0.1", "10.0.0.2"]);
    eventually(|| metric(&provider, "events_total") == 51.0);
    assert_eq!(metric(&provider, "evaluations_total"), 2.0);
}

#[test]
fn messages_and_logs_contain_no_hostile_characters() {
    let hostile = "no \u{202e}etcd\u{200b} is\u{2028} un\u{1b}[2Jhappy\u{feff}\u{85}!";
    for answer in [status(500, hostile), hostile.to_owned()] {
        let fake = Fake::start(move |_, _| Reply::Body(500, answer.clone()));
        let provider = fake.provider(&[("log", "debug")]);
        let message = unsynced(&provider, "no  etcd  is  un [2Jhappy  !").to_string();
        let records: Vec<String> =
            std::iter::from_fn(|| provider.log().next()).map(|record| record.message).collect();
        assert!(records.iter().any(|record| record.contains("etcd")), "{records:?}");
        for text in records.into_iter().chain([message]) {
            assert_eq!(kubepeers::testing::printable(&text), text);
        }
    }
}

/// The error shows the labels of this pod if the selector does not match them.
#[test]
fn labels_of_this_pod_are_bounded() {
    let labels: serde_json::Map<String, Value> =
        (0..1000).map(|n| (format!("label-{n}"), json!("x"))).collect();
    let unselected = pod_with("me", "10.0.0.9", "/metadata/labels", labels.into());
    let fake = Fake::start(move |_, path| match path {
        path if is_watch(path) => Reply::Open(vec![]),
        path if path.contains("metadata.name") => page(std::slice::from_ref(&unselected), "", 7),
        _ => list(&[("a", "10.0.0.1")], 7),
    });
    let provider = fake.provider(&[("membership", "member"), ("pod_name", "me")]);
    provider.register(LONG).unwrap();
    fake.has_been_asked_for(2, |path| path.contains("metadata.name"));
    assert_eq!(provider.discover_peers(AT_ONCE).unwrap_err().status(), Status::SelfNotVisible);
}
