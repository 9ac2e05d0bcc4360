//! This pod: is it identified, and is it among the pods?

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::THIS_POD;
use super::pods::{all, self_lacks_port};
use crate::discovery::pod::Pod;
use crate::discovery::policy::Reason;
use crate::discovery::snapshot::{AnswerGate, View};
use crate::error::Error;
use crate::provider::doctor::fixes;
use crate::provider::doctor::observe::{Connected, Observed, Pods};
use crate::provider::doctor::report::{Fix, Step};
use crate::provider::doctor::words::{advice, some};
use crate::status::Status;

pub(super) fn step(observed: &Observed, connected: &Connected, pods: &Pods) -> Step {
    if let Some(error) = &connected.unidentified {
        let (what, _) = advice(error.message());
        let what = what.split_once(": ").map_or(what, |(what, _)| what);
        return Step::wrong(THIS_POD, what, fixes::identity(observed));
    }
    match &pods.answer {
        // A result that is too old is not about this pod.
        Some(Err(error)) if error.status() != Status::Stale => {
            failed(observed, connected, &pods.view, error)
        }
        _ if observed.settings.self_options.is_observer => {
            Step::ok(THIS_POD, "this process is not one of the pods (`membership` = `observer`)")
        }
        _ => succeeded(observed, connected, &pods.view),
    }
}

/// Returns this pod, if it is among the pods of the view.
pub(super) fn this_pod(view: &View) -> Option<&Arc<Pod>> {
    let excluded = view.excluded.iter().find(|excluded| excluded.reason == Reason::IsSelf);
    view.self_peer.as_ref().map(|peer| &peer.pod).or(excluded.map(|excluded| &excluded.pod))
}

fn succeeded(observed: &Observed, connected: &Connected, view: &View) -> Step {
    let at = view.self_peer.as_ref().map_or_else(String::new, |it| format!(" at {}", it.address));
    match this_pod(view) {
        Some(pod) if pod.terminating => Step::warning(
            THIS_POD,
            format!("this pod, {}, is terminating: it gets answers, but is no peer", pod.name),
            fixes::describe_pods(observed, connected, &[&pod.name]),
        ),
        Some(pod) => Step::ok(THIS_POD, format!("this pod is {}{at}", pod.name)),
        None => Step::ok(THIS_POD, format!("this pod is {}", connected.self_pod)),
    }
}

fn failed(observed: &Observed, connected: &Connected, view: &View, error: &Error) -> Step {
    let (what, _) = advice(error.message());
    let (what, _) = what.split_once(": if this lasts").unwrap_or((what, ""));
    // The name of the step says that it is this pod. Its UID only matters if it is not found.
    let what = match what.strip_prefix(&format!("this pod, {}, ", connected.self_pod)) {
        Some(rest) if view.gate == AnswerGate::SelfAbsent => {
            format!("pod {} {rest}", connected.self_pod)
        }
        Some(rest) => format!("pod {} {rest}", short(&connected.self_pod)),
        None => what.to_owned(),
    };
    let sharing = if view.gate == AnswerGate::SelfUnclear { sharing(view) } else { Vec::new() };
    let facts = (!sharing.is_empty()).then(|| {
        format!("these pods share an address, as on the network of a host: {}", some(&sharing))
    });
    Step::wrong(THIS_POD, what, fix(observed, connected, view)).and_all(facts)
}

/// Returns the name in a description of this pod, such as "`web-0` (uid …)".
fn short(self_pod: &str) -> &str {
    let name = self_pod.split(" (uid ").next().unwrap_or(self_pod);
    name.strip_prefix('`').and_then(|name| name.strip_suffix('`')).unwrap_or(name)
}

/// Returns the living pods that share an address, any of which may be this pod.
fn sharing(view: &View) -> Vec<&str> {
    let living: Vec<&Arc<Pod>> = all(view).into_iter().filter(|pod| !pod.phase.is_over()).collect();
    let mut users: BTreeMap<IpAddr, usize> = BTreeMap::new();
    living.iter().flat_map(|pod| pod.ips.iter()).for_each(|ip| *users.entry(*ip).or_default() += 1);
    let is_shared = |pod: &&&Arc<Pod>| pod.ips.iter().any(|ip| users[ip] > 1);
    living.iter().filter(is_shared).map(|pod| &*pod.name).collect()
}

fn fix(observed: &Observed, connected: &Connected, view: &View) -> Fix {
    let names: Vec<&str> = this_pod(view).iter().map(|pod| &*pod.name).collect();
    match &view.gate {
        AnswerGate::SelfUnclear => fixes::identity(observed),
        AnswerGate::SelfNotYet(_) => fixes::not_yet(observed, connected, &names),
        AnswerGate::SelfUnselected(_) => fixes::unselected(observed, connected),
        AnswerGate::SelfExcluded(_) if self_lacks_port(view) => {
            fixes::ports(&[("discovery_port", &observed.settings.ports.discovery.name)])
        }
        AnswerGate::SelfExcluded(Reason::NoIpOfFamily) => fixes::family(observed, connected),
        AnswerGate::SelfExcluded(_) => fixes::describe_pods(observed, connected, &names),
        AnswerGate::SelfAbsent | AnswerGate::Open => fixes::absent(observed, connected),
    }
}
