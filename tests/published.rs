//! All that programs may depend on by name is in `tests/abi/published`, and in the header for
//! people to find: docs/abi.md.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kubepeers::testing::{
    Backend, Config, Form, Health, Identity, KubeApi, MessageContext, Metrics, PeerPolicy,
    PolicyOptions, PortRule, Ports, Timeout, View, WatchStats, connect, examine, explain,
    spawn_named, view_of,
};

const HEADER: &str = include_str!("../include/kubepeers.h");

fn published() -> BTreeSet<String> {
    include_str!("abi/published")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

/// Names are added, never changed or taken away.
#[test]
fn published_names_stay() {
    let names = [
        functions(),
        numbers(),
        keys(),
        metrics(),
        explained(),
        examined(),
        words("verdict", include_str!("../src/discovery/policy.rs"), "name"),
        words("gate", include_str!("../src/discovery/snapshot.rs"), "name"),
        words("failure", include_str!("../src/kube_api/error.rs"), "name"),
        words("state", include_str!("../src/provider/doctor/report.rs"), "name"),
    ];
    assert!(names.iter().all(|found| found.len() >= 4), "a kind is not found: {names:?}");
    let there: BTreeSet<String> = names.concat().into_iter().collect();
    let published = published();
    let missing: Vec<_> = published.difference(&there).collect();
    let new: Vec<_> = there.difference(&published).collect();
    assert!(
        missing.is_empty(),
        "published, and gone or changed: {missing:?}. Programs break: see docs/abi.md"
    );
    assert!(
        new.is_empty(),
        "not in tests/abi/published yet: {new:?}. Add the lines once you are sure: they stay for ever"
    );
}

#[test]
fn header_documents_every_published_name() {
    let words: BTreeSet<&str> =
        HEADER.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').collect();
    let untold = |line: &String| {
        let mut parts = line.split([' ', '.']);
        let (kind, name) = (parts.next().unwrap(), parts.next().unwrap());
        match kind {
            // Words like "open" are in any text.
            "verdict" | "gate" | "failure" | "state" => !HEADER.contains(&format!("\"{name}\"")),
            "step" => !HEADER.contains(&format!("\"{}\"", line.strip_prefix("step ").unwrap())),
            "explain" => !HEADER.contains(&format!("`{}`", parts.next().unwrap_or(name))),
            _ => !words.contains(name),
        }
    };
    assert_eq!(published().into_iter().filter(untold).collect::<Vec<_>>(), Vec::<String>::new());
}

fn functions() -> Vec<String> {
    let declared =
        HEADER.lines().filter(|line| !line.starts_with([' ', '/', '#']) && line.contains('('));
    let names = declared.filter_map(|line| line.split('(').next()?.rsplit([' ', '*']).next());
    names
        .filter(|name| name.starts_with("kubepeers_"))
        .map(|name| format!("function {name}"))
        .collect()
}

fn numbers() -> Vec<String> {
    let defined = HEADER.lines().filter_map(|line| line.strip_prefix("#define ")?.split_once(' '));
    let numbers =
        defined.filter(|(name, _)| !name.contains("_VERSION_") && *name != "KUBEPEERS_MUST_USE");
    numbers.map(|(name, n)| format!("number {name} {}", n.trim_matches(['(', ')']))).collect()
}

fn keys() -> Vec<String> {
    let no_such_key = Config::default().set("?", "?").unwrap_err();
    let keys = no_such_key.message().split("the keys are ").nth(1).unwrap();
    keys.split(", ").map(|key| format!("key {key}")).collect()
}

/// Each with its type and its labels.
fn metrics() -> Vec<String> {
    let stats = WatchStats { failures: BTreeMap::from([("tls", 1)]), ..WatchStats::default() };
    let health =
        Health { age: None, stale: false, watching: false, polling: false, last_error: None };
    let (context, view) = (context(), view());
    let metrics = Metrics {
        context: &context,
        health: &health,
        stats: &stats,
        generation: 1,
        view: Some(&view),
    };
    let text = metrics.render(SystemTime::now());
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.map(|described| format!("metric {described}{}", labels(&text, described))).collect()
}

/// Those that the first sample of a metric has, each after a blank.
fn labels(text: &str, described: &str) -> String {
    let (name, _) = described.split_once(' ').unwrap();
    let sample =
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('{')).expect(name);
    let labels = sample.split_once("} ").unwrap().0.split(',');
    labels.map(|label| format!(" {}", label.split_once('=').unwrap().0)).collect()
}

/// The keys of the JSON, and the verdict on a peer.
fn explained() -> Vec<String> {
    let json: serde_json::Value =
        serde_json::from_str(&explain(&view(), &context(), Form::Json)).unwrap();
    let pod = &json["pods"][0];
    let keys = json.as_object().unwrap().keys().map(|key| format!("explain {key}"));
    let of_pods = pod.as_object().unwrap().keys().map(|key| format!("explain pods.{key}"));
    keys.chain(of_pods).chain([format!("verdict {}", pod["verdict"].as_str().unwrap())]).collect()
}

/// The keys of the JSON, and the names of the steps.
fn examined() -> Vec<String> {
    let backend: Arc<dyn Backend> = Arc::new(KubeApi { spawn: spawn_named, connect });
    let report = examine(&Config::default(), &backend, Timeout::AtMost(Duration::ZERO)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&report.render(Form::Json)).unwrap();
    let step = &json["steps"][0];
    let keys = json.as_object().unwrap().keys().map(|key| format!("doctor {key}"));
    let of_steps = step.as_object().unwrap().keys().map(|key| format!("doctor steps.{key}"));
    let names = report.steps.iter().map(|step| format!("step {}", step.name));
    keys.chain(of_steps).chain(names).collect()
}

/// The words in a function of the sources: one for each variant, of which some cannot be made here.
fn words(kind: &str, source: &str, function: &str) -> Vec<String> {
    let rest = source.split_once(&format!("fn {function}(")).expect("the function is there").1;
    let body = rest.split("}\n\n").next().unwrap();
    let texts = body.split('"').skip(1).step_by(2);
    texts.flat_map(str::split_whitespace).map(|word| format!("{kind} {word}")).collect()
}

fn context() -> MessageContext {
    let [namespace, selector, discovery_port_name, self_pod] =
        ["ns", "app=demo", "gossip", "`me`"].map(str::to_owned);
    MessageContext { namespace, selector, discovery_port_name, self_pod }
}

/// Of one peer.
fn view() -> View {
    let [discovery, peers, remoting] =
        ["gossip", "peers", "remoting"].map(|name| PortRule { name: name.into(), default: None });
    let policy = PeerPolicy {
        ports: Ports { discovery, peers: Some(peers), remoting: Some(remoting) },
        identity: Identity::None,
        options: PolicyOptions::default(),
        alive: None,
    };
    let pod = serde_json::json!({
        "metadata": {"name": "a", "uid": "uid-a", "resourceVersion": "1"},
        "spec": {"containers": [{"ports": [{"name": "gossip", "containerPort": 3322}]}]},
        "status": {"phase": "Running", "podIP": "10.0.0.1"}
    });
    view_of([Arc::new(serde_json::from_value(pod).unwrap())].iter(), &policy)
}
