//! Which pods the labels select, and which ports they have.

use std::sync::Arc;

use super::{LABELS, PORTS};
use crate::discovery::pod::Pod;
use crate::discovery::policy::{PortRule, Reason};
use crate::discovery::snapshot::{AnswerGate, View};
use crate::provider::doctor::fixes;
use crate::provider::doctor::observe::{Connected, Observed, Pods};
use crate::provider::doctor::report::Step;
use crate::provider::doctor::words::{count, some};

/// Returns all pods of a view, by name.
pub(super) fn all(view: &View) -> Vec<&Arc<Pod>> {
    let peers = view.peers.iter().map(|peer| &peer.pod);
    let mut pods: Vec<_> =
        peers.chain(view.excluded.iter().map(|excluded| &excluded.pod)).collect();
    pods.sort_by(|a, b| a.name.cmp(&b.name));
    pods
}

pub(super) fn labels(observed: &Observed, connected: &Connected, pods: &Pods) -> Step {
    let selector = observed.settings.selector();
    let found = all(&pods.view);
    let names: Vec<&str> = found.iter().map(|pod| &*pod.name).collect();
    match names.len() {
        0 => {
            let namespace = &connected.namespace;
            let what = format!("no pod in namespace {namespace} has the labels {selector}");
            let alone: Vec<String> = pods
                .alone
                .iter()
                .map(|(label, number)| match number {
                    0 => format!("{label}: no pod"),
                    number => format!("{label}: {}", count(*number, "pod")),
                })
                .collect();
            let alone =
                (!alone.is_empty()).then(|| format!("each label alone: {}", alone.join(", ")));
            let fix = match pods.view.gate {
                AnswerGate::SelfUnselected(_) => fixes::unselected(observed, connected),
                _ => fixes::labels(observed, connected),
            };
            Step::wrong(LABELS, what, fix).and_all(alone)
        }
        1 => Step::ok(LABELS, format!("1 pod has the labels {selector}: {}", names[0])),
        number => {
            Step::ok(LABELS, format!("{number} pods have the labels {selector}: {}", some(&names)))
        }
    }
}

/// Returns whether this pod can never be a peer, because it lacks the discovery port.
pub(super) fn self_lacks_port(view: &View) -> bool {
    view.gate == AnswerGate::SelfExcluded(Reason::NoDiscoveryPort)
}

pub(super) fn ports(observed: &Observed, pods: &Pods) -> Step {
    let view = &pods.view;
    let name = &observed.settings.ports.discovery.name;
    let self_lacks = self_lacks_port(view);
    let lacks =
        |reason| reason == Reason::NoDiscoveryPort || (reason == Reason::IsSelf && self_lacks);
    let mut lacking: Vec<&Arc<Pod>> = view
        .excluded
        .iter()
        .filter(|excluded| lacks(excluded.reason))
        .map(|excluded| &excluded.pod)
        .collect();
    lacking.sort_by(|a, b| a.name.cmp(&b.name));
    if view.peers.is_empty() && view.excluded.is_empty() {
        return Step::not_reached(PORTS);
    }
    if lacking.is_empty() {
        return other_ports(observed, view);
    }
    let others = view
        .excluded
        .iter()
        .any(|excluded| !lacks(excluded.reason) && excluded.reason != Reason::IsSelf);
    // Without the port of this pod there is no answer, whatever other pods have.
    let step =
        if !self_lacks && (others || !view.peers.is_empty()) { Step::warning } else { Step::wrong };
    let (number, all) = (lacking.len(), view.peers.len() + view.excluded.len());
    let what = match (&*lacking, all) {
        ([pod], _) => format!("pod {} has no port named {name}", pod.name),
        _ if number == all => format!("no pod has a port named {name}"),
        _ => format!("{number} of {all} pods have no port named {name}"),
    };
    let have: Vec<String> = lacking.iter().map(|pod| ports_of(pod)).collect();
    step(PORTS, what, fixes::ports(&[("discovery_port", name)]))
        .and(format!("ports that they have: {}", some(&have)))
}

fn ports_of(pod: &Pod) -> String {
    let ports: Vec<String> =
        pod.ports.iter().map(|port| format!("{}={}", &*port.name, port.number)).collect();
    let ports = if ports.is_empty() { "none with a name".into() } else { ports.join(" ") };
    format!("{} ({ports})", pod.name)
}

fn other_ports(observed: &Observed, view: &View) -> Step {
    let ports = &observed.settings.ports;
    let mut facts = Vec::new();
    let mut lacking: Vec<(&str, &str)> = Vec::new();
    let rules: [(&str, &Option<PortRule>); 2] =
        [("remoting_port", &ports.remoting), ("peers_port", &ports.peers)];
    for (key, rule) in rules {
        let Some(rule) = rule else { continue };
        let peers = view.peers.iter().chain(&view.self_peer);
        let names: Vec<&str> =
            peers.filter(|peer| rule.of(&peer.pod).is_none()).map(|peer| &*peer.pod.name).collect();
        if !names.is_empty() {
            let name = &rule.name;
            facts.push(format!("no port named {name} (`{key}_name`): {}", some(&names)));
            lacking.push((key, name));
        }
    }
    let mut facts = facts.into_iter();
    match facts.next() {
        Some(first) => Step::warning(PORTS, first, fixes::ports(&lacking)).and_all(facts),
        None => {
            let name = &ports.discovery.name;
            match ports.discovery.default {
                Some(number) => Step::ok(
                    PORTS,
                    format!(
                        "pods without a port named {name} use {number} (`default_discovery_port`)"
                    ),
                ),
                None => Step::ok(PORTS, format!("every pod has a port named {name}")),
            }
        }
    }
}
