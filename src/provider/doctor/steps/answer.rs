//! What `discover_peers` returns now, and which pods are not in it.

use super::ANSWER;
use super::self_pod::this_pod;
use crate::discovery::policy::Reason;
use crate::provider::doctor::fixes;
use crate::provider::doctor::observe::{Connected, Observed, Pods};
use crate::provider::doctor::report::Step;
use crate::provider::doctor::words::{advice, count, some};
use crate::status::Status;

/// Why pods are excluded, where that deserves a warning.
const EXCLUDED: [(Reason, &str); 7] = [
    (Reason::NotRunning, "not Running"),
    (Reason::Terminating, "terminating"),
    (Reason::NoIp, "without an address yet"),
    (Reason::NoIpOfFamily, "without an address of `ip_family`"),
    (Reason::NotReady, "not Ready, and `readiness` = `ready`"),
    (Reason::AddressTaken, "at the address and port of this pod, or of a pod that started later"),
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
    let mut facts = Vec::new();
    let mut odd: Vec<&str> = Vec::new();
    let excluded = || view.excluded.iter().filter(|excluded| !excluded.pod.phase.is_over());
    for (reason, meaning) in EXCLUDED {
        let names: Vec<&str> = excluded()
            .filter(|excluded| excluded.reason == reason)
            .map(|excluded| &*excluded.pod.name)
            .collect();
        if !names.is_empty() {
            facts.push(format!("{}: {}", meaning, some(&names)));
            odd.extend(names);
        }
    }
    let unready: Vec<&str> =
        view.peers.iter().filter(|peer| !peer.pod.ready).map(|peer| &*peer.pod.name).collect();
    if !unready.is_empty() {
        facts.push(format!("peers that are not Ready: {}", some(&unready)));
        odd.extend(unready);
    }
    let peers = peers(pods);
    if facts.is_empty() {
        Step::ok(ANSWER, peers).and_all(ended(pods))
    } else {
        let excluded = facts.join("; ");
        let fix = fixes::describe_pods(observed, connected, &odd);
        Step::warning(ANSWER, format!("{peers}; {excluded}"), fix).and_all(ended(pods))
    }
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
