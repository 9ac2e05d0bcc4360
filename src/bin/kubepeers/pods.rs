//! The pods with their verdicts, as the commands show them, and the columns of a compact table.

use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use kubepeers::cli::{Phase, View, printable};

use crate::text::{age, shortened, width};

/// A pod and its verdict. No text has characters that control a terminal.
#[derive(Clone, Debug)]
pub struct Pod {
    pub name: String,
    pub uid: String,
    /// "peer", or why it is not one.
    pub verdict: &'static str,
    /// The address of a peer.
    pub address: Option<SocketAddr>,
    pub ips: Vec<IpAddr>,
    pub phase: Phase,
    pub ready: bool,
    pub started: String,
    /// The named ports.
    pub ports: Vec<String>,
}

/// Returns the pods of a view, sorted by name.
pub fn of_view(view: &View) -> Vec<Pod> {
    let peers = view.peers.iter().map(|peer| (&peer.pod, "peer", Some(peer.address)));
    let excluded =
        view.excluded.iter().map(|excluded| (&excluded.pod, excluded.reason.name(), None));
    let mut pods: Vec<Pod> = peers
        .chain(excluded)
        .map(|(pod, verdict, address)| Pod {
            name: printable(&pod.name).into(),
            uid: pod.uid.to_string(),
            verdict,
            address,
            ips: pod.ips.to_vec(),
            phase: pod.phase,
            ready: pod.ready,
            started: pod.started.to_string(),
            ports: pod
                .ports
                .iter()
                .map(|port| format!("{}={}", printable(&port.name), port.number))
                .collect(),
        })
        .collect();
    pods.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.uid.cmp(&b.uid)));
    pods
}

impl Pod {
    pub fn is_peer(&self) -> bool {
        self.verdict == "peer"
    }

    /// Returns the address of a peer, or all addresses of another pod.
    pub fn place(&self) -> String {
        match self.address {
            Some(address) => address.to_string(),
            None => or_dash(self.ips.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(",")),
        }
    }

    pub fn readiness(&self) -> &'static str {
        if self.ready { "ready" } else { "not ready" }
    }

    pub fn named_ports(&self) -> String {
        or_dash(self.ports.join(" "))
    }

    fn host(&self) -> String {
        let ip = self.address.map(|address| address.ip()).or(self.ips.first().copied());
        or_dash(ip.map(|ip| ip.to_string()).unwrap_or_default())
    }

    /// Returns the cells of the compact table, after the mark.
    pub fn cells(&self, now: Timestamp, columns: usize) -> [String; 6] {
        [
            shortened(&self.name, columns.saturating_sub(OTHER_COLUMNS).max(SHORTEST_NAME)),
            self.verdict.into(),
            self.host(),
            if self.ready { "yes" } else { "no" }.into(),
            age(&self.started, now),
            self.named_ports(),
        ]
    }
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "-".into() } else { text }
}

/// The headings of the compact table. The first column is for marks.
pub const HEADINGS: [&str; 7] = ["", "POD", "VERDICT", "ADDRESS", "READY", "AGE", "PORTS"];
/// What a name gets at least, and what all other columns need.
const SHORTEST_NAME: usize = 14;
const OTHER_COLUMNS: usize = 62;
/// With fewer columns, the ports are of no use.
const SHORTEST_PORTS: usize = 11;

/// Returns the widths of the columns that fit, separated by two blanks. The last one gets the rest.
pub fn widths<'a>(
    rows: impl Iterator<Item = &'a [String; 7]> + Clone,
    columns: usize,
) -> Vec<usize> {
    let last = HEADINGS.len() - 1;
    let mut fitting: Vec<usize> = vec![];
    for (index, heading) in HEADINGS.iter().enumerate() {
        let cells = rows.clone().map(|row| width(&row[index]));
        let needed = cells.max().unwrap_or(0).max(heading.len());
        let needed = match index {
            0 => 1,
            _ if index == last => needed.min(SHORTEST_PORTS),
            _ => needed,
        };
        let before: usize = fitting.iter().map(|width| width + 2).sum();
        if before + needed > columns {
            break;
        }
        fitting.push(needed);
    }
    let used: usize = fitting.iter().map(|width| width + 2).sum();
    if let Some(last) = fitting.last_mut() {
        *last += (columns + 2).saturating_sub(used);
    }
    fitting
}
