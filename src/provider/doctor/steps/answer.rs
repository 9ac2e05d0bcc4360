//! What `discover_peers` returns now, and which pods are not in it.

use std::sync::Arc;

use super::ANSWER;
use super::self_pod::this_pod;
use crate::discovery::pod::Pod;
use crate::discovery::policy::Reason;
use crate::discovery::snapshot::{ExcludedPod, View};
use crate::provider::doctor::fixes;
use crate::provider::doctor::observe::{Connected, Observed, Pods};
use crate::provider::doctor::report::Step;
use crate::provider::doctor::words::{advice, count, some};
use crate::status::Status;

/// Why pods are excluded, where that deserves a warning.
/// The text for `AddressTaken` names the other pods.
const EXCLUDED: [(Reason, &str); 7] = [
    (Reason::NotRunning, "not Running"),
    (Reason::Terminating, "terminating"),
    (Reason::NoIp, "without an address yet"),
    (Reason::NoIpOfFamily, "without an address of `ip_family`"),
    (Reason::NotReady, "not Ready, and `readiness` = `ready`"),
    (Reason::AddressTaken, ""),
    (Reason::Malformed, "with a field that Kubernetes does not allow"),
];

pub(super) fn step(observed: &Observed, connected: &Connected, pods: &Pods) -> Step {
    match &pods.answer {
        Some(Ok(_)) => found(observed, connected, pods),
        Some(Err(error)) if error.status() == Status::Stale => {
            let (what, _) = advice(error.message());
            Step::wrong(ANSWER, what, fixes::stale(observed))
        }
        _ => Step::not_reached(ANSWER),
    }
}

/// Returns the answer for the summary.
pub(super) fn sentence(pods: &Pods) -> String {
    let peers = pods.view.peers.len();
    match (this_pod(&pods.view), peers) {
        (Some(pod), 0) => format!("no peers: this pod, {}, is alone", pod.name),
        (Some(pod), _) => format!("{}, and this pod is {}", count(peers, "peer"), pod.name),
        (None, _) => count(peers, "peer"),
    }
}

fn found(observed: &Observed, connected: &Connected, pods: &Pods) -> Step {
    let view = &pods.view;
    let mut reasons = Vec::new();
    let mut odd: Vec<&str> = Vec::new();
    let mut sharing: Vec<&ExcludedPod> = Vec::new();
    let excluded = || view.excluded.iter().filter(|excluded| !excluded.pod.phase.is_over());
    for (reason, meaning) in EXCLUDED {
        let found: Vec<_> = excluded().filter(|excluded| excluded.reason == reason).collect();
        let names: Vec<&str> = found.iter().map(|excluded| &*excluded.pod.name).collect();
        if names.is_empty() {
            continue;
        }
        if reason == Reason::AddressTaken {
            let meaning = format!("at the address and port of {}", holders(view, &found));
            reasons.push(format!("{} ({meaning})", some(&names)));
            sharing = found;
        } else {
            reasons.push(format!("{} ({meaning})", some(&names)));
            odd.extend(names);
        }
    }
    let mut facts = Vec::new();
    if !reasons.is_empty() {
        facts.push(format!("excluded: {}", reasons.join(", ")));
    }
    let unready: Vec<&str> =
        view.peers.iter().filter(|peer| !peer.pod.ready).map(|peer| &*peer.pod.name).collect();
    if !unready.is_empty() {
        facts.push(format!("peers that are not Ready: {}", some(&unready)));
        odd.extend(unready);
    }
    let peers = peers(pods);
    if facts.is_empty() {
        return Step::ok(ANSWER, peers).and_all(ended(pods));
    }
    let fix = match (sharing.is_empty(), odd.is_empty()) {
        (true, _) => fixes::describe_pods(observed, connected, &odd),
        (false, true) => fixes::shared_address(observed, connected),
        (false, false) => fixes::both(
            &fixes::describe_pods(observed, connected, &odd),
            &fixes::shared_address(observed, connected),
        ),
    };
    let what = format!("{peers}; {}", facts.join("; "));
    Step::warning(ANSWER, what, fix).and_all(ended(pods))
}

/// Returns the pods that hand out the addresses of these pods: peers, or this pod.
fn holders(view: &View, sharing: &[&ExcludedPod]) -> String {
    let is_shared = |pod: &&Arc<Pod>| {
        sharing.iter().any(|excluded| excluded.pod.ips.iter().any(|ip| pod.ips.contains(ip)))
    };
    let peers = view.peers.iter().map(|peer| &peer.pod);
    let names: Vec<&str> =
        peers.chain(this_pod(view)).filter(is_shared).map(|pod| &*pod.name).collect();
    if names.is_empty() { "another pod".into() } else { some(&names) }
}

fn peers(pods: &Pods) -> String {
    let names: Vec<&str> = pods.view.peers.iter().map(|peer| &*peer.pod.name).collect();
    match (names.len(), this_pod(&pods.view)) {
        (0, Some(_)) => "no peers: this pod is alone".into(),
        (0, None) => "no peers".into(),
        (number, _) => format!("{}: {}", count(number, "peer"), some(&names)),
    }
}

/// Pods that have ended are normal.
fn ended(pods: &Pods) -> Option<String> {
    let over = pods.view.excluded.iter().filter(|excluded| excluded.pod.phase.is_over());
    let names: Vec<&str> = over.map(|excluded| &*excluded.pod.name).collect();
    (!names.is_empty()).then(|| format!("pods that have ended, which is normal: {}", some(&names)))
}
