//! `kubepeers peers`: the list, for scripts.

use clap::ArgMatches;
use kubepeers::cli::{Peer, Snapshot, printable};
use serde::Serialize;

use crate::session::Session;
use crate::settings::Settings;
use crate::{Outcome, arguments, output};

#[derive(Serialize)]
struct Record<'a> {
    address: String,
    name: &'a str,
    uid: &'a str,
    host: String,
    discovery_port: u16,
    remoting_port: u16,
    peers_port: u16,
    ready: bool,
    node_name: &'a str,
    revision: &'a str,
}

/// Prints the peers.
pub fn run(settings: &Settings, matches: &ArgMatches) -> Outcome {
    let session = Session::open(settings)?;
    let snapshot = session
        .wait(arguments::timeout_of(matches), |provider, step| provider.discover_peers(step))?;
    let is_json = matches.get_flag("json");
    output::print(&if is_json { json(&snapshot) } else { lines(&snapshot) })?;
    Ok(())
}

fn lines(snapshot: &Snapshot) -> String {
    snapshot.view().peers.iter().map(|peer| format!("{}\n", peer.address)).collect()
}

fn json(snapshot: &Snapshot) -> String {
    let peers: Vec<serde_json::Value> = snapshot.view().peers.iter().map(record).collect();
    format!("{}\n", serde_json::json!({ "peers": peers }))
}

fn record(peer: &Peer) -> serde_json::Value {
    let pod = &peer.pod;
    let record = Record {
        address: peer.address.to_string(),
        name: &printable(&pod.name),
        uid: &printable(&pod.uid),
        host: peer.address.ip().to_string(),
        discovery_port: peer.address.port(),
        remoting_port: peer.remoting_port,
        peers_port: peer.peers_port,
        ready: pod.ready,
        node_name: &printable(&pod.node_name),
        revision: &printable(&pod.revision),
    };
    serde_json::to_value(record).expect("texts and numbers become JSON")
}
