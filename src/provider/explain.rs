//! Every pod of the selector with its verdict, to find out why a peer is missing.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::Serialize;

use crate::discovery::pod::{Phase, Pod};
use crate::discovery::snapshot::View;
use crate::provider::messages::MessageContext;
use crate::text::printable;

/// The form of an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON, for programs.
    Json,
    /// A human-readable table.
    Table,
}

#[derive(Serialize)]
struct Explanation<'a> {
    namespace: &'a str,
    selector: &'a str,
    #[serde(rename = "self")]
    self_pod: &'a str,
    /// What a caller waits for; "open" if nothing.
    gate: &'static str,
    pods: Vec<Judged<'a>>,
}

#[derive(Serialize)]
struct Judged<'a> {
    name: Cow<'a, str>,
    verdict: &'static str,
    /// `ip:discovery_port` of a peer.
    address: Option<SocketAddr>,
    ips: &'a [IpAddr],
    phase: Phase,
    ready: bool,
    terminating: bool,
    node_name: Cow<'a, str>,
    uid: Cow<'a, str>,
    revision: Cow<'a, str>,
    started: Cow<'a, str>,
    /// The named ports that the pod has.
    ports: Vec<(&'a str, u16)>,
}

/// Returns every pod of a view with its verdict.
pub fn explain(view: &View, context: &MessageContext, form: Form) -> String {
    let peers = view.peers.iter().map(|peer| judged(&peer.pod, "peer", Some(peer.address)));
    let excluded =
        view.excluded.iter().map(|excluded| judged(&excluded.pod, excluded.reason.name(), None));
    let mut pods: Vec<_> = peers.chain(excluded).collect();
    pods.sort_by(|a, b| a.name.cmp(&b.name));
    let [namespace, selector, self_pod] =
        [&context.namespace, &context.selector, &context.self_pod].map(|text| printable(text));
    let explanation = Explanation {
        namespace: &namespace,
        selector: &selector,
        self_pod: &self_pod,
        gate: view.gate.name(),
        pods,
    };
    match form {
        Form::Json => serde_json::to_string(&explanation).expect("texts and numbers become JSON"),
        Form::Table => table(&explanation),
    }
}

fn judged<'a>(pod: &'a Arc<Pod>, verdict: &'static str, address: Option<SocketAddr>) -> Judged<'a> {
    Judged {
        name: printable(&pod.name),
        verdict,
        address,
        ips: &pod.ips,
        phase: pod.phase,
        ready: pod.ready,
        terminating: pod.terminating,
        node_name: printable(&pod.node_name),
        uid: printable(&pod.uid),
        revision: printable(&pod.revision),
        started: printable(&pod.started),
        ports: pod.ports.iter().map(|port| (&*port.name, port.number)).collect(),
    }
}

fn table(explanation: &Explanation<'_>) -> String {
    const HEAD: [&str; COLUMNS] = ["POD", "VERDICT", "ADDRESS", "PHASE", "READY", "NODE", "PORTS"];
    let Explanation { namespace, selector, self_pod, gate, pods } = explanation;
    let peers = pods.iter().filter(|pod| pod.address.is_some()).count();
    let mut text = format!(
        "{} pods with labels `{selector}` in namespace `{namespace}`, {peers} of them peers. Self: {self_pod}; gate: {gate}.\n",
        pods.len()
    );
    let mut widths = HEAD.map(str::len);
    // Rows are rendered twice rather than kept, because all of them together take more memory than
    // the pods.
    for cells in pods.iter().map(row) {
        widths
            .iter_mut()
            .zip(&cells)
            .for_each(|(width, cell)| *width = (*width).max(cell.chars().count()));
    }
    write_row(&mut text, &HEAD, &widths);
    pods.iter().for_each(|pod| write_row(&mut text, &row(pod), &widths));
    text
}

const COLUMNS: usize = 7;

fn write_row(text: &mut String, cells: &[impl AsRef<str>; COLUMNS], widths: &[usize; COLUMNS]) {
    for (cell, width) in cells.iter().zip(widths) {
        let cell = cell.as_ref();
        text.push_str(cell);
        text.extend(std::iter::repeat_n(' ', 2 + width - cell.chars().count()));
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
}

fn row(pod: &Judged<'_>) -> [String; COLUMNS] {
    let or_dash = |text: String| if text.is_empty() { "-".into() } else { text };
    let ips: Vec<String> = pod.ips.iter().map(ToString::to_string).collect();
    let ports: Vec<String> =
        pod.ports.iter().map(|(name, number)| format!("{name}={number}")).collect();
    [
        pod.name.to_string(),
        pod.verdict.into(),
        or_dash(pod.address.map_or_else(|| ips.join(","), |address| address.to_string())),
        format!("{:?}{}", pod.phase, if pod.terminating { ", terminating" } else { "" }),
        if pod.ready { "yes" } else { "no" }.into(),
        or_dash(pod.node_name.to_string()),
        or_dash(ports.join(",")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::pod_index::view_of;
    use crate::discovery::policy::tests::{pod, policy};
    use crate::provider::messages::tests::context;
    use crate::text::tests::HOSTILE;

    fn view() -> View {
        let mut terminating = pod("c", "10.0.0.3");
        terminating.terminating = true;
        let mut pending = pod("b", "");
        (pending.phase, pending.ips, pending.node_name) = (Phase::Pending, [].into(), "".into());
        let pods =
            [pod("me", "10.0.0.1"), terminating, pending, pod("a", "10.0.0.2")].map(Arc::new);
        view_of(pods.iter(), &policy("me"))
    }

    #[test]
    fn json_has_every_pod_and_its_verdict() {
        let json: serde_json::Value =
            serde_json::from_str(&explain(&view(), &context(), Form::Json)).unwrap();
        let pods = json["pods"].as_array().unwrap();
        let verdicts: Vec<_> =
            pods.iter().map(|pod| (pod["name"].as_str().unwrap(), &pod["verdict"])).collect();
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
    fn explain_never_contains_hostile_characters() {
        let name = format!("a{HOSTILE}b");
        let mut hostile = pod(&name, "10.0.0.2");
        hostile.node_name = name.as_str().into();
        let mut context = context();
        context.self_pod = name;
        let view = view_of([Arc::new(hostile)].iter(), &policy("me"));
        let table = explain(&view, &context, Form::Table);
        assert_eq!(table.lines().count(), 3, "{table:?}");
        assert!(!table.contains(|c| c != '\n' && HOSTILE.contains(c)), "{table:?}");
        let json: serde_json::Value =
            serde_json::from_str(&explain(&view, &context, Form::Json)).unwrap();
        for text in [
            &json["self"],
            &json["pods"][0]["name"],
            &json["pods"][0]["node_name"],
            &json["pods"][0]["uid"],
        ] {
            assert!(!text.as_str().unwrap().contains(|c| HOSTILE.contains(c)), "{text}");
        }
    }

    /// The width of a format string is a u16: a longer cell made it panic.
    #[test]
    fn explain_takes_names_of_any_length() {
        let name = "a".repeat(65_536);
        let view = view_of(
            [pod(&name, "10.0.0.2"), pod("b", "10.0.0.3")].map(Arc::new).iter(),
            &policy("me"),
        );
        let table = explain(&view, &context(), Form::Table);
        assert!(table.contains(&format!("\n{name}  peer ")), "{}", table.len());
    }

    #[test]
    fn table_has_every_pod_and_its_verdict() {
        assert_eq!(
            explain(&view(), &context(), Form::Table),
            "4 pods with labels `app=demo` in namespace `ns`, 1 of them peers. Self: `me`; gate: open.\n\
             POD  VERDICT      ADDRESS        PHASE                 READY  NODE    PORTS\n\
             a    peer         10.0.0.2:3322  Running               no     node-1  gossip=3322\n\
             b    not-running  -              Pending               no     -       gossip=3322\n\
             c    terminating  10.0.0.3       Running, terminating  no     node-1  gossip=3322\n\
             me   self         10.0.0.1       Running               no     node-1  gossip=3322\n"
        );
    }
}
