//! Every pod of the selector with its verdict: for whoever asks why a peer is missing.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::Serialize;

use crate::pod::{Phase, Pod};
use crate::snapshot::View;
use crate::subject::Subject;

/// What is told, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON, for programs.
    Json,
    /// A table, for people.
    Table,
}

#[derive(Serialize)]
struct Explanation<'a> {
    namespace: &'a str,
    selector: &'a str,
    own_pod: &'a str,
    /// What an answer waits for; "open" if for nothing.
    gate: &'static str,
    pods: Vec<Judged<'a>>,
}

#[derive(Serialize)]
struct Judged<'a> {
    name: &'a str,
    verdict: &'static str,
    /// `ip:discovery_port` of a peer.
    address: Option<SocketAddr>,
    ips: &'a [IpAddr],
    phase: Phase,
    ready: bool,
    terminating: bool,
    node_name: &'a str,
    uid: &'a str,
    revision: &'a str,
    started: &'a str,
    /// The named ports that the pod has.
    ports: Vec<(&'a str, u16)>,
}

/// Explains a view.
pub fn explain(view: &View, subject: &Subject, form: Form) -> String {
    let peers = view.peers.iter().map(|peer| judged(&peer.pod, "peer", Some(peer.address)));
    let left_out = view.left_out.iter().map(|left_out| judged(&left_out.pod, left_out.reason.name(), None));
    let mut pods: Vec<_> = peers.chain(left_out).collect();
    pods.sort_by_key(|judged| judged.name);
    let Subject { namespace, selector, own, .. } = subject;
    let explanation = Explanation { namespace, selector, own_pod: own, gate: view.gate.name(), pods };
    match form {
        Form::Json => serde_json::to_string(&explanation).expect("texts and numbers become JSON"),
        Form::Table => table(&explanation),
    }
}

fn judged<'a>(pod: &'a Arc<Pod>, verdict: &'static str, address: Option<SocketAddr>) -> Judged<'a> {
    Judged {
        name: &pod.name,
        verdict,
        address,
        ips: &pod.ips,
        phase: pod.phase,
        ready: pod.ready,
        terminating: pod.terminating,
        node_name: &pod.node_name,
        uid: &pod.uid,
        revision: &pod.revision,
        started: &pod.started,
        ports: pod.ports.iter().map(|port| (&*port.name, port.number)).collect(),
    }
}

fn table(explanation: &Explanation<'_>) -> String {
    let Explanation { namespace, selector, own_pod, gate, pods } = explanation;
    let peers = pods.iter().filter(|pod| pod.address.is_some()).count();
    let mut text = format!(
        "{} pods with labels `{selector}` in namespace `{namespace}`, {peers} of them peers. Own pod: {own_pod}; gate: {gate}.\n",
        pods.len()
    );
    let head = ["POD", "VERDICT", "ADDRESS", "PHASE", "READY", "NODE", "PORTS"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(head).chain(pods.iter().map(row)).collect();
    let widths: Vec<_> = (0..7).map(|i| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0)).collect();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}

fn row(pod: &Judged<'_>) -> [String; 7] {
    // What a server says goes to a terminal.
    let plain = |text: String| text.replace(char::is_control, " ");
    let or_dash = |text: String| if text.is_empty() { "-".into() } else { plain(text) };
    let ips: Vec<String> = pod.ips.iter().map(ToString::to_string).collect();
    let ports: Vec<String> = pod.ports.iter().map(|(name, number)| format!("{name}={number}")).collect();
    [
        plain(pod.name.into()),
        pod.verdict.into(),
        or_dash(pod.address.map_or_else(|| ips.join(","), |address| address.to_string())),
        format!("{:?}{}", pod.phase, if pod.terminating { ", terminating" } else { "" }),
        if pod.ready { "yes" } else { "no" }.into(),
        or_dash(pod.node_name.into()),
        or_dash(ports.join(",")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::tests::subject;
    use crate::verdict::tests::{pod, rules};

    fn view() -> View {
        let mut terminating = pod("c", "10.0.0.3");
        terminating.terminating = true;
        let mut pending = pod("b", "");
        (pending.phase, pending.ips, pending.node_name) = (Phase::Pending, [].into(), "".into());
        let pods = [pod("me", "10.0.0.1"), terminating, pending, pod("a", "10.0.0.2")].map(Arc::new);
        View::of(pods.iter(), &rules("me"))
    }

    #[test]
    fn programs_get_every_pod_and_its_verdict() {
        let json: serde_json::Value = serde_json::from_str(&explain(&view(), &subject(), Form::Json)).unwrap();
        let pods = json["pods"].as_array().unwrap();
        let verdicts: Vec<_> = pods.iter().map(|pod| (pod["name"].as_str().unwrap(), &pod["verdict"])).collect();
        assert_eq!(
            verdicts,
            [("a", "peer"), ("b", "not-running"), ("c", "terminating"), ("me", "self")]
                .map(|(n, v)| (n, v.into()))
                .each_ref()
                .map(|(n, v)| (*n, v))
        );
        assert_eq!(
            pods[0],
            serde_json::json!({"name": "a", "verdict": "peer", "address": "10.0.0.2:3322", "ips": ["10.0.0.2"],
                "phase": "Running", "ready": false, "terminating": false, "node_name": "node-1", "uid": "uid-a",
                "revision": "r1", "started": "2026-01-01T00:00:00Z", "ports": [["gossip", 3322]]})
        );
        assert_eq!((&json["gate"], &json["namespace"]), (&"open".into(), &"ns".into()));
    }

    #[test]
    fn a_terminal_is_not_steered_from_afar() {
        let view = View::of([Arc::new(pod("a\u{1b}[2J\nb", "10.0.0.2"))].iter(), &rules("me"));
        let table = explain(&view, &subject(), Form::Table);
        assert!(table.contains("a [2J b") && table.lines().count() == 3, "{table:?}");
    }

    #[test]
    fn people_get_a_table() {
        assert_eq!(
            explain(&view(), &subject(), Form::Table),
            "4 pods with labels `app=demo` in namespace `ns`, 1 of them peers. Own pod: `me`; gate: open.\n\
             POD  VERDICT      ADDRESS        PHASE                 READY  NODE    PORTS\n\
             a    peer         10.0.0.2:3322  Running               no     node-1  gossip=3322\n\
             b    not-running  -              Pending               no     -       gossip=3322\n\
             c    terminating  10.0.0.3       Running, terminating  no     node-1  gossip=3322\n\
             me   self         10.0.0.1       Running               no     node-1  gossip=3322\n"
        );
    }
}
