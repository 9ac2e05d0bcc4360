//! Evaluates arbitrary pods: each must have a verdict, and all texts about them must be valid.

use kubepeers::testing::fuzzing::watched;
use kubepeers::testing::{
    AnswerGate, Config, Form, Identity, MessageContext, PeerPolicy, Pod, Settings, View, explain, printable,
};
use serde_json::Value;

pub fn judge(pods: Vec<Pod>, events: &[u8]) {
    pods.iter().for_each(check);
    let own_address = pods.iter().flat_map(|pod| &pod.ips).next().copied();
    let by_address = Identity::Address { addresses: own_address.into_iter().collect(), hostname: Some("a".into()) };
    for identity in [Identity::Name("a".into()), by_address] {
        watched(pods.clone(), events, &policy(identity));
    }
    let (by_change, at_once) = watched(pods, events, &policy(Identity::None));
    assert!(by_change.gate == AnswerGate::Open && by_change.answers_as(&at_once));
    let told = explained(&by_change);
    assert_eq!(told, explained(&at_once));
    let verdicts = by_change.peers.iter().count() + by_change.excluded.iter().count();
    assert_eq!(told["pods"].as_array().map(Vec::len), Some(verdicts));
}

fn check(pod: &Pod) {
    assert!((1..=253).contains(&pod.name.len()) && (1..=128).contains(&pod.uid.len()));
    assert!(pod.node_name.len() <= 253 && pod.revision.len() <= 63 && pod.started.len() <= 35);
    assert!(pod.ports.len() <= 256 && pod.ips.len() <= 8);
    assert!(pod.ports.iter().all(|port| port.number > 0 && !port.name.is_empty()));
    for text in [&*pod.name, &pod.uid, &pod.node_name, &pod.revision, &pod.started, &pod.resource_version] {
        assert_eq!(printable(text), text);
    }
    assert!(pod.ips.iter().enumerate().all(|(at, ip)| !pod.ips[..at].contains(ip)));
}

fn settings() -> Settings {
    let mut config = Config::default();
    for (key, value) in [
        ("namespace", "default"),
        ("discovery_port_name", "gossip"),
        ("remoting_port_name", "remoting"),
        ("peers_port_name", "peers"),
        ("pod_labels", "app=test"),
    ] {
        config.set(key, value).expect("these are good");
    }
    config.complete().expect("nothing is missing")
}

fn policy(identity: Identity) -> PeerPolicy {
    let Settings { ports, options, .. } = settings();
    PeerPolicy { ports, identity, options, alive: None }
}

fn explained(view: &View) -> Value {
    let context = MessageContext {
        namespace: "default".into(),
        selector: "app=test".into(),
        discovery_port_name: "gossip".into(),
        self_pod: "no pod".into(),
    };
    for line in explain(view, &context, Form::Table).lines() {
        assert_eq!(printable(line), line);
    }
    serde_json::from_str(&explain(view, &context, Form::Json)).expect("it is JSON")
}
